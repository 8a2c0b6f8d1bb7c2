import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exportedSpan } from "../../../src/server/transfer/otlpExport.ts";

const base = {
	id: "00f067aa0ba902b7",
	trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
	parent_id: null,
	name: "chat",
	kind: { type: "custom", kind: "internal" },
	status: "completed",
	started_at: "2026-03-06T09:00:00.000000001Z",
	ended_at: "2026-03-06T09:00:01.5Z",
	otel: { kind: 3 },
};

/** The exported span as JSON, its attributes by key. */
function read(span: object | string) {
	const exported = exportedSpan(typeof span === "string" ? span : JSON.stringify(span), undefined);
	const value = JSON.parse(exported.span);
	const list = (value.attributes ?? []) as { key: string; value: Record<string, unknown> }[];
	return {
		span: value,
		attributes: Object.fromEntries(list.map(({ key, value: typed }) => [key, typed])),
		resource: JSON.parse(`{${exported.resource}}`),
		scope: JSON.parse(`{${exported.scope}}`),
	};
}

describe("a span as OTLP has it", () => {
	it("keeps hex ids and nanoseconds of a span from OpenTelemetry and adds nothing of ours", () => {
		const { span } = read({ ...base, parent_id: "00f067aa0ba902b8" });
		expect(span).toEqual({
			traceId: base.trace_id,
			spanId: base.id,
			parentSpanId: "00f067aa0ba902b8",
			name: "chat",
			kind: 3,
			startTimeUnixNano: "1772787600000000001",
			endTimeUnixNano: "1772787601500000000",
			status: {},
		});
	});

	it("gives attributes the types that they had", () => {
		const attributes =
			'{"text":"1","whole":1,"double":1.0,"exp":1e3,"small":0.5,"yes":true,"none":null,"big":"9223372036854775807","nan":"NaN","raw":"aGk=",' +
			'"list":["a",2,2.0,["Infinity"]],"map":{"inner":{"deep":"aGk="}}}';
		const hints = [
			[["attributes", "big"], "int"],
			[["attributes", "nan"], "double"],
			[["attributes", "raw"], "bytes"],
			[["attributes", "list", 3, 0], "double"],
			[["attributes", "map", "inner", "deep"], "bytes"],
		];
		const text = JSON.stringify({ ...base, otel: { kind: 0, value_hints: hints } });
		expect(read(`${text.slice(0, -1)},"attributes":${attributes}}`).attributes).toEqual({
			text: { stringValue: "1" },
			whole: { intValue: "1" },
			double: { doubleValue: 1 },
			exp: { doubleValue: 1000 },
			small: { doubleValue: 0.5 },
			yes: { boolValue: true },
			none: {},
			big: { intValue: "9223372036854775807" },
			nan: { doubleValue: "NaN" },
			raw: { bytesValue: "aGk=" },
			list: {
				arrayValue: {
					values: [
						{ stringValue: "a" },
						{ intValue: "2" },
						{ doubleValue: 2 },
						{ arrayValue: { values: [{ doubleValue: "Infinity" }] } },
					],
				},
			},
			map: {
				kvlistValue: {
					values: [
						{ key: "inner", value: { kvlistValue: { values: [{ key: "deep", value: { bytesValue: "aGk=" } }] } } },
					],
				},
			},
		});
	});

	it("tells events, links, resource, scope, status and what was dropped", () => {
		const { span, resource, scope } = read({
			...base,
			status: { failed: { error: "boom" } },
			events: [{ name: "e", time: "2026-03-06T09:00:00.2Z", attributes: { a: 1 }, dropped_attributes_count: 2 }],
			links: [{ trace_id: base.trace_id, span_id: base.id, trace_state: "k=v", flags: 1, attributes: { raw: "aGk=" } }],
			resource: {
				attributes: { "service.name": "svc", raw: "aGk=" },
				schema_url: "https://r",
				dropped_attributes_count: 1,
				value_hints: [[["raw"], "bytes"]],
			},
			scope: { name: "lib", version: "1", attributes: { a: "b" }, schema_url: "https://s" },
			otel: {
				kind: 2,
				trace_state: "a=b",
				flags: 257,
				status_code: 2,
				status_message: "boom",
				dropped_attributes_count: 1,
				dropped_events_count: 2,
				dropped_links_count: 3,
				value_hints: [[["links", 0, "raw"], "bytes"]],
			},
		});
		expect(span).toMatchObject({
			traceState: "a=b",
			flags: 257,
			kind: 2,
			status: { code: 2, message: "boom" },
			droppedAttributesCount: 1,
			droppedEventsCount: 2,
			droppedLinksCount: 3,
			events: [
				{
					name: "e",
					timeUnixNano: "1772787600200000000",
					attributes: [{ key: "a", value: { intValue: "1" } }],
					droppedAttributesCount: 2,
				},
			],
			links: [
				{
					traceId: base.trace_id,
					spanId: base.id,
					traceState: "k=v",
					flags: 1,
					attributes: [{ key: "raw", value: { bytesValue: "aGk=" } }],
				},
			],
		});
		expect(resource).toEqual({
			resource: {
				attributes: [
					{ key: "service.name", value: { stringValue: "svc" } },
					{ key: "raw", value: { bytesValue: "aGk=" } },
				],
				droppedAttributesCount: 1,
			},
			schemaUrl: "https://r",
		});
		expect(scope).toEqual({
			scope: { name: "lib", version: "1", attributes: [{ key: "a", value: { stringValue: "b" } }] },
			schemaUrl: "https://s",
		});
	});

	it("hashes other ids to the same hex digits each time and keeps the originals", () => {
		const own = { ...base, id: "child", trace_id: "my trace", parent_id: "root", otel: undefined };
		const child = read(own);
		const root = read({ ...own, id: "root", parent_id: null });
		expect(child.span.traceId).toMatch(/^[0-9a-f]{32}$/);
		expect(child.span.parentSpanId).toBe(root.span.spanId);
		expect(child.span.traceId).toBe(root.span.traceId);
		expect(JSON.parse(child.attributes["traceway.span"].stringValue as string)).toMatchObject({
			id: "child",
			trace_id: "my trace",
			parent_id: "root",
		});
		// Span ids are unique inside their trace only.
		expect(read({ ...own, trace_id: "other" }).span.spanId).not.toBe(child.span.spanId);
	});

	it("speaks the words of GenAI for a span that came by REST", () => {
		const { span, attributes, resource } = read({
			...base,
			otel: undefined,
			kind: {
				type: "llm_call",
				model: "m",
				provider: "p",
				input_tokens: 3,
				output_tokens: 4,
				cache_read_tokens: 1,
				cost: 0.5,
				attributes: undefined,
			},
			session_id: "s",
			input: [{ role: "user", content: "hi" }],
		});
		expect(span.kind).toBe(3);
		expect(attributes).toMatchObject({
			"gen_ai.request.model": { stringValue: "m" },
			"gen_ai.provider.name": { stringValue: "p" },
			"gen_ai.usage.input_tokens": { intValue: "3" },
			"gen_ai.usage.output_tokens": { intValue: "4" },
			"gen_ai.usage.cache_read.input_tokens": { intValue: "1" },
			"gen_ai.usage.cost": { doubleValue: 0.5 },
			"gen_ai.conversation.id": { stringValue: "s" },
			"input.value": { stringValue: '[{"role":"user","content":"hi"}]' },
		});
		expect(resource).toEqual({ resource: {} });
	});

	it("names the service of a custom span, and takes a kind of any depth", () => {
		const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
		const kind = `{"type":"custom","kind":"tool","attributes":{"service.name":"svc","deep":${deep}}}`;
		const text = JSON.stringify({ ...base, otel: undefined, kind: undefined });
		const { attributes, resource } = read(`${text.slice(0, -1)},"kind":${kind}}`);
		expect(resource.resource.attributes).toEqual([{ key: "service.name", value: { stringValue: "svc" } }]);
		expect((attributes["traceway.span"].stringValue as string).includes(deep)).toBe(true);
	});

	it("says that a time is missing where an import fills in the same one", () => {
		expect(read({ ...base, otel: { kind: 0, end_missing: true } }).span.endTimeUnixNano).toBe("0");
		const both = read({ ...base, otel: { kind: 0, start_missing: true, end_missing: true } }).span;
		expect(both.startTimeUnixNano).toBe("1772787600000000001");
	});

	it("is JSON for any text and any values", () => {
		const attributes = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
		fc.assert(
			fc.property(
				fc.string({ unit: "grapheme" }),
				attributes,
				fc.jsonValue(),
				fc.boolean(),
				(name, some, input, isOtel) => {
					const { span } = read(
						isOtel
							? { ...base, name, attributes: some }
							: { ...base, otel: undefined, name, kind: { type: "custom", attributes: some }, input },
					);
					expect(span.name).toBe(name);
				},
			),
		);
	});
});
