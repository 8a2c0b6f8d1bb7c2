import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../src/otlp/jsonDecode.ts";
import { OtlpError } from "../../../src/otlp/otlpError.ts";
import { decodeProtobuf } from "../../../src/otlp/protobufDecode.ts";
import { encodeRequest } from "../../peers/otlpProto.ts";
import { plainJson, plainProtobuf } from "./rawSpans.ts";

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

function request(spans: readonly unknown[], resourceAttributes: readonly unknown[] = []) {
	return { resourceSpans: [{ resource: { attributes: resourceAttributes }, scopeSpans: [{ spans }] }] };
}

/** The one span of a request, the same from both encodings. */
function only(fields: Readonly<Record<string, unknown>>) {
	const batch = plainJson(request([span(fields)]));
	expect(batch).toMatchObject({ rejectedSpans: 0, firstProblem: undefined });
	expect(plainProtobuf(encodeRequest(request([span(fields)])))).toEqual(batch);
	return batch.spans[0];
}

const hex = (bytes: number) =>
	fc
		.uint8Array({ minLength: bytes, maxLength: bytes })
		.filter((id) => id.some((byte) => byte !== 0))
		.map((id) => Buffer.from(id).toString("hex"));
const text = fc.string({ unit: "grapheme", maxLength: 80 });
const key = fc.oneof(
	fc.constantFrom("gen_ai.request.model", "gen_ai.usage.input_tokens", "a", "ab", "llm.input_messages.0.message.role"),
	text,
);
const { value } = fc.letrec((tie) => ({
	value: fc.oneof(
		{ depthSize: "small" },
		fc.constant({}),
		fc.record({ stringValue: fc.oneof(text, fc.constantFrom("", "openai", "x".repeat(100))) }),
		fc.record({ boolValue: fc.boolean() }),
		fc.record({ intValue: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) }),
		fc.record({ intValue: fc.maxSafeInteger().map(String) }),
		fc.record({
			doubleValue: fc
				.oneof(fc.double(), fc.integer())
				.map((number) => (Number.isFinite(number) ? number : String(number))),
		}),
		fc.record({ bytesValue: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64")) }),
		fc.record({ arrayValue: fc.record({ values: fc.array(tie("value"), { maxLength: 4 }) }) }),
		fc.record({
			kvlistValue: fc.record({ values: fc.array(fc.record({ key, value: tie("value") }), { maxLength: 4 }) }),
		}),
	),
}));
const attributes = fc.array(fc.record({ key, value }), { maxLength: 6 });
const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const time = fc.oneof(
	fc.constant("0"),
	fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
	fc.bigInt({ min: 1_700_000_000_000_000_000n, max: 1_800_000_000_000_000_000n }).map(String),
);
const anySpan = fc.record(
	{
		traceId: hex(16),
		spanId: hex(8),
		parentSpanId: fc.oneof(fc.constant(""), fc.constant("0000000000000000"), hex(8)),
		traceState: text,
		flags: count,
		name: text,
		kind: fc.integer({ min: 0, max: 5 }),
		startTimeUnixNano: time,
		endTimeUnixNano: time,
		attributes,
		droppedAttributesCount: count,
		events: fc.array(
			fc.record({ timeUnixNano: time, name: text, attributes, droppedAttributesCount: count }, { requiredKeys: [] }),
			{ maxLength: 3 },
		),
		droppedEventsCount: count,
		links: fc.array(
			fc.record(
				{
					traceId: hex(16),
					spanId: hex(8),
					traceState: text,
					attributes,
					droppedAttributesCount: count,
					flags: count,
				},
				{ requiredKeys: [] },
			),
			{ maxLength: 3 },
		),
		droppedLinksCount: count,
		status: fc.record({ code: fc.integer({ min: 0, max: 2 }), message: text }, { requiredKeys: [] }),
	},
	{ requiredKeys: ["traceId", "spanId"] },
);
const anyRequest = fc.record({
	resourceSpans: fc.array(
		fc.record({
			resource: fc.record({ attributes, droppedAttributesCount: count }),
			scopeSpans: fc.array(
				fc.record({
					scope: fc.record({ name: text, version: text, attributes, droppedAttributesCount: count }),
					spans: fc.array(anySpan, { maxLength: 4 }),
					schemaUrl: text,
				}),
				{ maxLength: 2 },
			),
			schemaUrl: text,
		}),
		{ maxLength: 2 },
	),
});

/** A field of counted bytes. */
const field = (number: number, ...content: readonly (number | Buffer)[]) => {
	const bytes = Buffer.concat(content.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)));
	const length: number[] = [];
	for (let rest = bytes.length; ; rest >>= 7) {
		length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
		if (rest < 0x80) break;
	}
	return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
};
const ids = Buffer.concat([field(1, Buffer.from(TRACE, "hex")), field(2, Buffer.from(SPAN, "hex"))]);
const protobufRequest = (...spanContent: readonly (number | Buffer)[]) =>
	field(1, field(2, field(2, ids, ...spanContent)));

describe("OTLP in both encodings", () => {
	it("gives the same spans, whatever they hold", () => {
		fc.assert(
			fc.property(anyRequest, (body) => {
				expect(plainProtobuf(encodeRequest(body))).toEqual(plainJson(body));
			}),
			{ numRuns: 300 },
		);
	});

	it("keeps ids as lower-case hex and times to the nanosecond", () => {
		expect(only({ parentSpanId: "00f067aa0ba902b7" })).toMatchObject({
			traceId: TRACE,
			spanId: SPAN,
			parentSpanId: "00f067aa0ba902b7",
			start: { ms: 1_772_787_600_123, subNs: 456_789 },
			end: { ms: 1_772_787_601_123, subNs: 456_790 },
		});
		expect(plainJson(request([span({ traceId: TRACE.toUpperCase() })])).spans[0].traceId).toBe(TRACE);
	});

	it("takes a missing, empty, null or all-zero parent for a root", () => {
		for (const parentSpanId of [undefined, null, "", "0000000000000000"]) {
			expect(only({ parentSpanId }).parentSpanId).toBeNull();
		}
	});

	it("tells whole doubles from integers, and keeps what a number cannot say", () => {
		const read = only({
			attributes: [
				{ key: "int", value: { intValue: "-7" } },
				{ key: "big", value: { intValue: "9223372036854775807" } },
				{ key: "least", value: { intValue: "-9223372036854775808" } },
				{ key: "whole", value: { doubleValue: 7 } },
				{ key: "negative zero", value: { doubleValue: -0 } },
				{ key: "half", value: { doubleValue: 0.5 } },
				{ key: "huge", value: { doubleValue: 1e300 } },
				{ key: "nan", value: { doubleValue: "NaN" } },
				{ key: "bytes", value: { bytesValue: "AQI=" } },
				{ key: "unset", value: {} },
			],
		});
		expect(read.attributes).toEqual([
			["int", { int: "-7" }],
			["big", { int: "9223372036854775807" }],
			["least", { int: "-9223372036854775808" }],
			["whole", { double: "7.0" }],
			["negative zero", { double: "-0.0" }],
			["half", { double: "0.5" }],
			["huge", { double: "1e+300" }],
			["nan", { double: "NaN" }],
			["bytes", { bytes: "AQI=" }],
			["unset", null],
		]);
	});

	it("keeps of a key that comes twice the last value, in the place of the first", () => {
		const read = only({ attributes: [string("a", "1"), string("b", "2"), string("a", "3"), string("a", "4")] });
		expect(read.attributes).toEqual([
			["a", { text: "4" }],
			["b", { text: "2" }],
		]);
	});

	it("refuses values that are nested without end, and takes the other spans", () => {
		const nested = (depth: number) => {
			let value: unknown = { stringValue: "x" };
			for (let level = 0; level < depth; level++) value = { arrayValue: { values: [value] } };
			return request([span({ attributes: [{ key: "deep", value }] }), span()]);
		};
		const nestedBytes = (depth: number) => {
			let value = field(1, Buffer.from("x"));
			for (let level = 0; level < depth; level++) value = field(5, field(1, value));
			const attribute = field(9, field(1, Buffer.from("deep")), field(2, value));
			return field(1, field(2, field(2, ids, attribute), field(2, ids)));
		};
		for (const batch of [plainJson(nested(65)), plainProtobuf(nestedBytes(65)), plainProtobuf(nestedBytes(1000))]) {
			expect(batch).toMatchObject({
				rejectedSpans: 1,
				firstProblem: "resourceSpans[0].scopeSpans[0].spans[0]: attributes are nested deeper than 64",
			});
			expect(batch.spans).toHaveLength(1);
		}
		expect(plainProtobuf(nestedBytes(64)).spans[0].attributes).toEqual(plainJson(nested(64)).spans[0].attributes);
		expect(plainJson(nested(20_000)).rejectedSpans).toBe(1);
	});
});

describe("OTLP JSON", () => {
	it("takes enums by name, 64-bit numbers as numbers, and a time as a number", () => {
		const batch = plainJson(
			request([
				span({
					kind: "SPAN_KIND_CLIENT",
					status: { code: "STATUS_CODE_ERROR" },
					startTimeUnixNano: 1_772_787_600_000_000_000,
					attributes: [{ key: "n", value: { intValue: 12 } }],
				}),
			]),
		);
		expect(batch.spans[0]).toMatchObject({
			kind: 3,
			statusCode: 2,
			start: { ms: 1_772_787_600_000, subNs: 0 },
			attributes: [["n", { int: "12" }]],
		});
	});

	it("leaves out spans that it cannot take, counts them and says why the first one was", () => {
		const batch = plainJson(
			request([
				span(),
				span({ spanId: "short" }),
				span({ traceId: "0".repeat(32) }),
				span({ startTimeUnixNano: "yesterday" }),
				span({ startTimeUnixNano: "18446744073709551616" }),
				span({ attributes: { a: 1 } }),
				span({ attributes: [{ key: "n", value: { intValue: "9223372036854775808" } }] }),
				span({ traceId: undefined }),
				null,
			]),
		);
		expect(batch.spans).toHaveLength(1);
		expect(batch.rejectedSpans).toBe(8);
		expect(batch.firstProblem).toBe(
			"resourceSpans[0].scopeSpans[0].spans[1]: spanId must be 16 hex digits, not all zero",
		);
	});

	it("says of ids in base64 that they are", () => {
		const inBase64 = (id: string) => Buffer.from(id, "hex").toString("base64");
		for (const fields of [{ traceId: inBase64(TRACE) }, { spanId: inBase64(SPAN) }]) {
			expect(plainJson(request([span(fields)])).firstProblem).toContain("looks like base64");
		}
	});

	it("takes an empty request, and names the part of one that is none", () => {
		expect(plainJson({}).spans).toEqual([]);
		for (const [body, part] of [
			[[], "body"],
			[{ resourceSpans: {} }, "resourceSpans"],
			[{ resourceSpans: [1] }, "resourceSpans[0]"],
			[{ resourceSpans: [{ scopeSpans: [{ spans: "x" }] }] }, "resourceSpans[0].scopeSpans[0].spans"],
			[{ resourceSpans: [{ resource: { attributes: "x" } }] }, "resourceSpans[0].resource"],
			[{ resourceSpans: [{ scopeSpans: [{ scope: 1 }] }] }, "resourceSpans[0].scopeSpans[0].scope"],
		] as const) {
			expect(() => plainJson(body)).toThrow(OtlpError);
			expect(() => plainJson(body)).toThrow(part);
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
				events: anything,
				links: anything,
				attributes: fc.oneof(anything, fc.array(fc.record({ key: anything, value: anything }))),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.array(members, { maxLength: 5 }), (spans) => {
				const batch = plainJson(request(spans));
				expect(batch.spans.length + batch.rejectedSpans).toBe(spans.length);
				for (const { traceId, spanId } of batch.spans) {
					expect(traceId).toMatch(/^[0-9a-f]{32}$/);
					expect(spanId).toMatch(/^[0-9a-f]{16}$/);
				}
			}),
		);
	});
});

describe("OTLP protobuf", () => {
	it("takes an empty request", () => {
		expect(plainProtobuf(Buffer.alloc(0))).toEqual({ spans: [], rejectedSpans: 0, firstProblem: undefined });
	});

	it("skips fields that it does not know, and known ones of another wire type", () => {
		const unknown = [
			Buffer.from([0x98, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
			Buffer.from([0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]),
			Buffer.from([0x9a, 0x06, 2, 1, 2]),
			Buffer.from([0x9b, 0x06, 0x08, 1, 0x9c, 0x06]),
			Buffer.from([0x9d, 0x06, 1, 2, 3, 4]),
			// A name that is a number, a kind that is text.
			Buffer.from([0x28, 5]),
			Buffer.from([0x32, 1, 65]),
		];
		expect(plainProtobuf(protobufRequest(...unknown, field(5, Buffer.from("a name"))))).toMatchObject({
			rejectedSpans: 0,
			spans: [{ traceId: TRACE, spanId: SPAN, name: "a name", kind: 0 }],
		});
	});

	it("finds the resource and the scope also behind their spans", () => {
		const keyValue = field(1, field(1, Buffer.from("k")), field(2, field(1, Buffer.from("v"))));
		const body = field(1, field(2, field(2, ids), field(1, field(1, Buffer.from("lib")))), field(1, keyValue));
		expect(plainProtobuf(body).spans).toMatchObject([
			{ resource: { attributes: [["k", { text: "v" }]] }, scope: { name: "lib" } },
		]);
	});

	it("replaces what is no UTF-8, and keeps texts that share a place apart", () => {
		const bad = field(5, Buffer.from([0x61, 0x62, 0x63, 0xff, 0x64]));
		expect(plainProtobuf(protobufRequest(bad)).spans[0].name).toBe("abc\uFFFDd");
		// Many texts of one length: more than there are slots to remember them.
		for (let round = 0; round < 2; round++) {
			for (let index = 0; index < 5000; index++) {
				const name = `name ${String(index).padStart(6, "0")}`;
				expect(plainProtobuf(protobufRequest(field(5, Buffer.from(name)))).spans[0].name).toBe(name);
			}
		}
	});

	it("refuses spans with ids of the wrong length, and says which", () => {
		const body = field(1, field(2, field(2, field(1, Buffer.from("short"))), field(2, ids), field(2)));
		expect(plainProtobuf(body)).toMatchObject({
			rejectedSpans: 2,
			firstProblem: "resourceSpans[0].scopeSpans[0].spans[0]: traceId must be 16 bytes, got 5",
			spans: [{ spanId: SPAN }],
		});
	});

	it("keeps the number of each span right when all names are new", () => {
		const spans = Array.from({ length: 200 }, (_, index) =>
			span({ attributes: Array.from({ length: 60 }, (_, number) => string(`key ${index} ${number}`, "v")) }),
		);
		expect(plainProtobuf(encodeRequest(request(spans)))).toEqual(plainJson(request(spans)));
	});

	it("refuses a request that breaks off anywhere, or reads a shorter one", () => {
		const whole = encodeRequest(
			request([
				span({
					status: { code: 2, message: "no" },
					links: [{ traceId: TRACE, spanId: SPAN }],
					events: [{ name: "e", timeUnixNano: "7" }],
					attributes: [string("k", "v"), { key: "d", value: { doubleValue: 1.5 } }],
				}),
			]),
		);
		for (let length = 1; length < whole.length; length++) {
			expect(() => plainProtobuf(whole.subarray(0, length)), `cut to ${length}`).toThrow(OtlpError);
		}
	});

	it("answers bytes of any kind with spans or one OtlpError", () => {
		const whole = encodeRequest(request([span({ attributes: [string("key one", "a value")] }), span()]));
		const read = (bytes: Buffer) => {
			try {
				return plainProtobuf(bytes).spans.length;
			} catch (error) {
				if (!(error instanceof OtlpError)) throw error;
				expect(error).toMatchObject({ reason: "malformed" });
				return 0;
			}
		};
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(Buffer.from(bytes))),
			{ numRuns: 500 },
		);
		const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), byte: fc.nat({ max: 255 }) });
		fc.assert(
			fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
				const bytes = Buffer.from(whole);
				for (const { at, byte } of changes) bytes[at] = byte;
				expect(read(bytes)).toBeLessThanOrEqual(whole.length);
			}),
			{ numRuns: 2000 },
		);
	});

	it("bounds the spans and the parts of a request, and notes millions of useless ones without an error for each", () => {
		const repeated = (bytes: Buffer, count: number) => Buffer.alloc(bytes.length * count, bytes);
		const nowhere = { take: () => {} };
		const spans = field(1, field(2, repeated(field(2, ids), 100_001)));
		const firstProblem = expect.stringContaining("spans[100000]: there are more than 100000 spans");
		expect(decodeProtobuf(spans, nowhere)).toEqual({ rejectedSpans: 1, firstProblem });
		const empty = field(1, field(2, repeated(field(2), 2_000_000)));
		expect(decodeProtobuf(empty, nowhere)).toMatchObject({ rejectedSpans: 2_000_000 });
		for (const part of [field(9), field(11)]) {
			const body = protobufRequest(repeated(part, 2_000_001));
			expect(() => decodeProtobuf(body, nowhere)).toThrow("more than 2000000 attributes, events and links");
		}
		const many = new Array<unknown>(100_001).fill(span());
		expect(decodeJson(request(many), nowhere)).toEqual({ rejectedSpans: 1, firstProblem });
		const none = new Array<unknown>(1_000_000).fill({});
		expect(decodeJson(request(none), nowhere)).toMatchObject({ rejectedSpans: 1_000_000 });
		const events = new Array<unknown>(2_000_001).fill({});
		expect(() => decodeJson(request([span({ events })]), nowhere)).toThrow("more than 2000000");
	});

	it("refuses a length beyond 2^53 that would be short if it were cut", () => {
		const length = Buffer.from([0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
		expect(() => plainProtobuf(Buffer.concat([Buffer.from([0x0a]), length, Buffer.from([0])]))).toThrow(OtlpError);
	});
});
