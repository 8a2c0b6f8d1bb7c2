import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent } from "../../../src/sources/traceway/decode.ts";
import { parseEvent } from "../../../src/sources/traceway/eventText.ts";

const head = {
	id: "s1",
	trace_id: "t1",
	parent_id: null,
	name: "draft",
	kind: { type: "llm_call", model: "m" },
	status: "completed",
	started_at: "2026-03-06T09:00:00Z",
	ended_at: "2026-03-06T09:00:01Z",
};
const long = "“long” ".repeat(400);
const event = (span: object) => JSON.stringify({ type: "span_completed", span });

/** The event without what the store has no use for. */
function withoutPayload(value: unknown): unknown {
	const { span, ...rest } = value as { span: Record<string, unknown> };
	const { input: _input, output: _output, ...kept } = span;
	return { ...rest, span: kept };
}

describe("parseEvent", () => {
	it("leaves the payload of a long span alone, and nothing else", () => {
		const data = event({ ...head, input: { a: long }, output: long, metadata: { total_cost: 3 } });
		expect(parseEvent(data)).toEqual({ type: "span_completed", span: { ...head, metadata: { total_cost: 3 } } });
	});

	it("reads what our server writes after the payload", () => {
		const tail = {
			session_id: "S",
			attributes: { a: 1 },
			resource: { attributes: { "service.name": "desk" } },
			otel: { kind: 3 },
		};
		for (const metadata of [undefined, { duration_ms: 5 }]) {
			const decoded = decodeEvent(event({ ...head, input: long, metadata, ...tail }));
			expect(decoded).toMatchObject({ span: { sessionId: "S", serviceName: "desk" } });
		}
		const nested = { ...head, input: { x: long, session_id: "not this", resource: [{ session_id: "nor this" }] } };
		expect(decodeEvent(event(nested))).toMatchObject({ span: { sessionId: undefined, serviceName: undefined } });
	});

	it("takes the first of input and output, in either order or alone", () => {
		for (const payload of [{ output: long, input: 1 }, { input: 1, output: long }, { output: long }, { input: long }]) {
			expect(parseEvent(event({ ...head, ...payload }))).toEqual({ type: "span_completed", span: head });
		}
	});

	it("reads everything when something of the span comes after the payload", () => {
		const { status, ...rest } = head;
		const value = { ...rest, input: long, status };
		expect(parseEvent(event(value))).toEqual({ type: "span_completed", span: value });
	});

	it.each([
		["in the kind", { ...head, kind: { type: "custom", kind: "x", attributes: { a: 1, input: long } } }],
		["in a name", { ...head, name: `,"input":${long}`, input: 1 }],
		["in the metadata of the payload", { ...head, input: { x: long, metadata: { total_cost: 9 } } }],
		["in the metadata of the payload, last", { ...head, input: long, output: { x: 1, metadata: { total_cost: 9 } } }],
		["in the metadata before it", { ...head, metadata: { a: 1, input: 2 }, input: long }],
	])("is not misled by the same words %s", (_where, span) => {
		expect(withoutPayload(parseEvent(event(span)))).toEqual(withoutPayload({ type: "span_completed", span }));
	});

	it("is undefined for what is no JSON", () => {
		expect(parseEvent("")).toBeUndefined();
		expect(parseEvent(`{"type":"span_created","span":{${long}}}`)).toBeUndefined();
	});

	it("decodes every span as a full parse does", () => {
		const any = fc.jsonValue({ maxDepth: 3, noUnicodeString: false });
		const words = fc.constantFrom("input", "output", "metadata", "a");
		const members = fc.dictionary(words, any);
		const entries = fc.record(
			{
				...Object.fromEntries(Object.entries(head).map(([key, value]) => [key, fc.oneof(fc.constant(value), any)])),
				input: fc.oneof(fc.constant(long), any, members),
				output: fc.oneof(fc.constant(long), any, members),
				metadata: fc.oneof(members, fc.record({ input_tokens: fc.nat(), duration_ms: fc.nat() })),
				kind: fc.oneof(fc.constant(head.kind), fc.record({ type: fc.constant("custom"), attributes: members })),
			},
			{ requiredKeys: [] },
		);
		const shuffled = entries.chain((span) =>
			fc
				.shuffledSubarray(Object.entries(span), { minLength: Object.keys(span).length })
				.map((pairs) => Object.fromEntries(pairs)),
		);
		fc.assert(
			fc.property(fc.oneof(entries, shuffled), (span) => {
				const data = event(span);
				const padded = event({ ...span, pad: long });
				for (const text of [data, padded]) {
					const whole = ` ${text}`;
					expect(decodeEvent(text)).toEqual(decodeEvent(whole));
				}
			}),
			{ numRuns: 500 },
		);
	});
});
