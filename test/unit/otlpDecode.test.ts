import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpError } from "../../src/server/errors.ts";
import { decodeOtlpJson, type OtlpSpan } from "../../src/server/otlpDecode.ts";

const NOW = { ms: 1_772_787_600_000, subNs: 0 };
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

const string = (key: string, stringValue: string) => ({ key, value: { stringValue } });

function span(fields: Readonly<Record<string, unknown>> = {}) {
	return {
		traceId: TRACE,
		spanId: SPAN,
		name: "work",
		kind: 1,
		startTimeUnixNano: "1772787600123456789",
		endTimeUnixNano: "1772787601123456790",
		...fields,
	};
}

function decode(spans: readonly unknown[], resourceAttributes: readonly unknown[] = []) {
	const resource = { attributes: resourceAttributes };
	return decodeOtlpJson({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }, NOW);
}

function only(fields: Readonly<Record<string, unknown>>, resourceAttributes: readonly unknown[] = []): OtlpSpan {
	const batch = decode([span(fields)], resourceAttributes);
	expect(batch).toMatchObject({ rejectedSpans: 0, firstProblem: undefined });
	return batch.spans[0]!;
}

describe("OTLP JSON", () => {
	it("keeps ids as lower-case hex and times to the nanosecond", () => {
		expect(only({ traceId: TRACE.toUpperCase(), parentSpanId: "00F067AA0BA902B7" })).toMatchObject({
			traceId: TRACE,
			spanId: SPAN,
			parentSpanId: "00f067aa0ba902b7",
			start: { ms: 1_772_787_600_123, subNs: 456_789 },
			end: { ms: 1_772_787_601_123, subNs: 456_790 },
		});
	});

	it("takes a missing, empty, null or all-zero parent for a root", () => {
		for (const parentSpanId of [undefined, null, "", "0000000000000000"]) {
			expect(only({ parentSpanId }).parentSpanId).toBeNull();
		}
	});

	it("makes an llm_call of a span with a model or a system", () => {
		const attributes = [
			string("gen_ai.system", "openai"),
			string("gen_ai.request.model", "gpt-4o-mini"),
			string("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
			{ key: "gen_ai.usage.input_tokens", value: { intValue: "210" } },
			{ key: "gen_ai.usage.output_tokens", value: { intValue: 48 } },
			{ key: "gen_ai.usage.cost", value: { doubleValue: 0.25 } },
		];
		expect(only({ attributes }).kind).toEqual({
			type: "llm_call",
			model: "gpt-4o-mini",
			provider: "openai",
			input_tokens: 210,
			output_tokens: 48,
			cost: 0.25,
		});
		expect(only({ attributes: [string("gen_ai.response.model", "r")] }).kind).toMatchObject({ model: "r" });
		expect(only({ attributes: [string("gen_ai.system", "x")] }).kind).toMatchObject({
			model: "unknown",
			provider: "x",
		});
	});

	it("takes the provider of an llm_call from the resource when the span has none", () => {
		const call = only({ attributes: [string("gen_ai.request.model", "m")] }, [string("gen_ai.system", "azure")]);
		expect(call.kind).toMatchObject({ provider: "azure" });
		expect(call.kind.input_tokens).toBeUndefined();
	});

	it("does not make an llm_call of a span whose resource alone has a system", () => {
		expect(only({}, [string("gen_ai.system", "azure")]).kind.type).toBe("custom");
	});

	it("keeps the attributes of an llm_call as metadata", () => {
		const call = only({ attributes: [string("gen_ai.request.model", "m"), string("user", "u1")] });
		expect(call.metadata).toEqual({ attributes: { "gen_ai.request.model": "m", user: "u1" } });
	});

	it("makes everything else custom, with the kind's word and all attributes", () => {
		const custom = only({ kind: 3, attributes: [string("http.method", "GET")] }, [string("service.name", "shop")]);
		expect(custom.kind).toEqual({
			type: "custom",
			kind: "client",
			attributes: { "http.method": "GET", "resource.service.name": "shop" },
		});
		expect(custom.serviceName).toBe("shop");
		const words = [0, 1, 2, 3, 4, 5, 9, "SPAN_KIND_SERVER", undefined].map((kind) => only({ kind }).kind.kind);
		expect(words).toEqual([
			"unspecified",
			"internal",
			"server",
			"client",
			"producer",
			"consumer",
			"unspecified",
			"server",
			"unspecified",
		]);
	});

	it("reads every type of value", () => {
		const attributes = [
			{ key: "b", value: { boolValue: false } },
			{ key: "i", value: { intValue: "-7" } },
			{ key: "big", value: { intValue: "9223372036854775807" } },
			{ key: "d", value: { doubleValue: 0.5 } },
			{ key: "nan", value: { doubleValue: "NaN" } },
			{ key: "bytes", value: { bytesValue: "AQI=" } },
			{ key: "list", value: { arrayValue: { values: [{ intValue: 1 }, { stringValue: "x" }] } } },
			{ key: "map", value: { kvlistValue: { values: [string("inner", "y")] } } },
			{ key: "unset", value: {} },
			string("__proto__", "z"),
		];
		const read = only({ attributes }).kind.attributes;
		expect(JSON.parse(JSON.stringify(read))).toEqual(
			JSON.parse(
				'{"b":false,"i":-7,"big":"9223372036854775807","d":0.5,"nan":"NaN","bytes":"AQI=","list":[1,"x"],' +
					'"map":{"inner":"y"},"unset":null,"__proto__":"z"}',
			),
		);
	});

	it("fails a span by code 2 only, with its message or the word error", () => {
		expect(only({ status: { code: 2, message: "no\nroute" } }).error).toBe("no\nroute");
		expect(only({ status: { code: "STATUS_CODE_ERROR" } }).error).toBe("error");
		expect(only({ status: { code: 1, message: "fine" } }).error).toBeUndefined();
		expect(only({ status: {} }).error).toBeUndefined();
	});

	it("ends a span without an end at its start, and one without both now", () => {
		expect(only({ endTimeUnixNano: "0" }).end).toEqual({ ms: 1_772_787_600_123, subNs: 456_789 });
		expect(only({ endTimeUnixNano: undefined, startTimeUnixNano: 0 })).toMatchObject({ start: NOW, end: NOW });
	});

	it("leaves out spans that it cannot take, counts them and says why the first one was", () => {
		const batch = decode([
			span(),
			span({ spanId: "short" }),
			span({ traceId: "0".repeat(32) }),
			span({ startTimeUnixNano: "yesterday" }),
			span({ attributes: { a: 1 } }),
			null,
		]);
		expect(batch.spans).toHaveLength(1);
		expect(batch.rejectedSpans).toBe(5);
		expect(batch.firstProblem).toBe(
			"resourceSpans[0].scopeSpans[0].spans[1]: spanId must be 16 hex digits, not all zero",
		);
	});

	it("refuses values that are nested without end", () => {
		let value: unknown = { stringValue: "x" };
		for (let depth = 0; depth < 100_000; depth++) value = { arrayValue: { values: [value] } };
		expect(decode([span({ attributes: [{ key: "deep", value }] })])).toMatchObject({ rejectedSpans: 1 });
	});

	it("takes an empty request, and names the part of one that is none", () => {
		expect(decodeOtlpJson({}, NOW).spans).toEqual([]);
		for (const [body, part] of [
			[[], "body"],
			[{ resourceSpans: {} }, "resourceSpans"],
			[{ resourceSpans: [1] }, "resourceSpans[0]"],
			[{ resourceSpans: [{ scopeSpans: [{ spans: "x" }] }] }, "resourceSpans[0].scopeSpans[0].spans"],
			[{ resourceSpans: [{ resource: { attributes: "x" } }] }, "resourceSpans[0].resource"],
		] as const) {
			expect(() => decodeOtlpJson(body, NOW)).toThrow(HttpError);
			expect(() => decodeOtlpJson(body, NOW)).toThrow(part);
		}
	});

	it("either takes a span whole or counts it, whatever its members hold", () => {
		const anything = fc.jsonValue({ maxDepth: 3 });
		const members = fc.record(
			{
				traceId: fc.oneof(fc.constant(TRACE), anything),
				spanId: fc.oneof(fc.constant(SPAN), anything),
				parentSpanId: anything,
				name: anything,
				kind: anything,
				status: anything,
				startTimeUnixNano: anything,
				endTimeUnixNano: anything,
				attributes: fc.oneof(anything, fc.array(fc.record({ key: anything, value: anything }))),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.array(members, { maxLength: 5 }), (spans) => {
				const batch = decode(spans);
				expect(batch.spans.length + batch.rejectedSpans).toBe(spans.length);
				for (const { traceId, spanId, start, end } of batch.spans) {
					expect(traceId).toMatch(/^[0-9a-f]{32}$/);
					expect(spanId).toMatch(/^[0-9a-f]{16}$/);
					for (const { ms, subNs } of [start, end]) {
						expect(Number.isInteger(ms)).toBe(true);
						expect(subNs).toBeGreaterThanOrEqual(0);
						expect(subNs).toBeLessThan(1e6);
					}
				}
			}),
		);
	});
});
