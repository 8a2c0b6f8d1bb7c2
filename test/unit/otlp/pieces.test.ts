import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../src/otlp/jsonDecode.ts";
import { hexId, jsonPieces } from "../../../src/otlp/jsonPieces.ts";
import { OtlpError } from "../../../src/otlp/otlpError.ts";
import { decodeProtobuf } from "../../../src/otlp/protobufDecode.ts";
import { protobufPieces } from "../../../src/otlp/protobufPieces.ts";
import type { SpanSink } from "../../../src/otlp/rawSpan.ts";
import { encodeRequest } from "../../peers/otlpProto.ts";

/** Span ids with what each was told to belong to. */
class Told implements SpanSink {
	readonly spans: string[] = [];
	take(...[span, resource, scope]: Parameters<SpanSink["take"]>): void {
		const [service] = resource.attributes.values;
		this.spans.push(`${span.spanId} ${(service as { text?: string } | undefined)?.text ?? "-"} ${scope.name}`);
	}
}

function tellPieces(pieces: Iterable<Buffer>): { spans: readonly string[]; bytes: readonly number[] } {
	const told = new Told();
	const bytes: number[] = [];
	for (const piece of pieces) {
		bytes.push(piece.length);
		expect(decodeProtobuf(piece, told).rejectedSpans).toBe(0);
	}
	return { spans: told.spans, bytes };
}

function tellJson(text: string, pieceChars: number): { spans: readonly string[]; pieces: number } {
	const told = new Told();
	let pieces = 0;
	for (const piece of jsonPieces(text, pieceChars)) {
		pieces++;
		expect(decodeJson(piece, told).rejectedSpans).toBe(0);
	}
	return { spans: told.spans, pieces };
}

const hexOf = (number: number, digits: number) => number.toString(16).padStart(digits, "f");

/** A request of services, each with scopes, each with a number of spans. */
const shape = fc.array(fc.array(fc.nat({ max: 12 }), { maxLength: 4 }), { maxLength: 5 });

function request(groups: readonly (readonly number[])[], padding = "") {
	let number = 1;
	return {
		resourceSpans: groups.map((scopes, service) => ({
			resource: { attributes: [{ key: "service.name", value: { stringValue: `service${service}` } }] },
			scopeSpans: scopes.map((count, scope) => ({
				scope: { name: `scope${scope}` },
				spans: Array.from({ length: count }, () => ({
					traceId: hexOf(7, 32),
					spanId: hexOf(number++, 16),
					name: `work ${padding}`,
					startTimeUnixNano: "1772787600123456789",
					endTimeUnixNano: "1772787601123456790",
				})),
			})),
		})),
	};
}

describe("pieces of a trace in protobuf", () => {
	it("hold the same spans with the same resource and scope, whatever the size", () => {
		fc.assert(
			fc.property(shape, fc.integer({ min: 1, max: 3000 }), (groups, pieceBytes) => {
				const body = encodeRequest(request(groups));
				expect(tellPieces(protobufPieces(body, pieceBytes)).spans).toEqual(tellPieces([body]).spans);
			}),
		);
	});

	it("are about as large as asked for, and one when it is all small", () => {
		const body = encodeRequest(request([[2000], [3, 3]]));
		const { bytes } = tellPieces(protobufPieces(body, 10_000));
		expect(bytes.length).toBeGreaterThan(5);
		expect(Math.max(...bytes)).toBeLessThan(10_200);
		expect([...protobufPieces(body, body.length)]).toEqual([body]);
	});

	it("put small groups together, as Tempo has one for each batch", () => {
		const body = encodeRequest(request(Array.from({ length: 1000 }, () => [1])));
		const { spans, bytes } = tellPieces(protobufPieces(body, 10_000));
		expect(spans).toHaveLength(1000);
		expect(bytes.length).toBeLessThan(15);
	});

	it("do not repeat a large resource for each span", () => {
		const large = request([[500]]);
		large.resourceSpans[0].resource.attributes.push({ key: "text", value: { stringValue: "x".repeat(50_000) } });
		const body = encodeRequest(large);
		const { bytes } = tellPieces(protobufPieces(body, 1000));
		expect(bytes.reduce((sum, one) => sum + one)).toBeLessThan(body.length * 1.5);
	});

	it("end with one OtlpError at worst, on bytes of any kind", () => {
		const whole = encodeRequest(request([[5, 3], [2]]));
		const read = (bytes: Buffer) => {
			try {
				for (const piece of protobufPieces(bytes, 60)) decodeProtobuf(piece, new Told());
			} catch (error) {
				expect(error).toBeInstanceOf(OtlpError);
			}
		};
		for (let length = 0; length < whole.length; length++) read(whole.subarray(0, length));
		fc.assert(fc.property(fc.uint8Array({ minLength: 60, maxLength: 300 }), (bytes) => read(Buffer.from(bytes))));
		fc.assert(
			fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
				const changed = Buffer.from(whole);
				changed[at] = byte;
				read(changed);
			}),
			{ numRuns: 500 },
		);
	});
});

describe("pieces of a trace in JSON", () => {
	const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
	const inBase64 = (value: unknown): unknown =>
		JSON.parse(
			JSON.stringify(value, (key, member) =>
				["traceId", "spanId", "parentSpanId"].includes(key) ? base64(member as string) : (member as unknown),
			),
		);

	it("hold the same spans as the whole, under each of the names and with ids in base64 or hex", () => {
		fc.assert(
			fc.property(shape, fc.integer({ min: 1, max: 3000 }), (groups, pieceChars) => {
				const body = request(groups);
				const whole = new Told();
				decodeJson(body, whole);
				const list = (inBase64(body) as typeof body).resourceSpans;
				for (const form of [body, { batches: list }, { resourceSpans: list }, { trace: { resourceSpans: list } }]) {
					expect(tellJson(JSON.stringify(form), pieceChars).spans).toEqual(whole.spans);
				}
			}),
		);
	});

	it("know the resource and the scope also where they stand behind their spans", () => {
		const [{ resource, scopeSpans }] = request([[3]]).resourceSpans;
		const [{ scope, spans }] = scopeSpans;
		const text = JSON.stringify({ batches: [{ scopeSpans: [{ spans, scope }], resource }] });
		expect(tellJson(text, 10)).toMatchObject({
			spans: [1, 2, 3].map((number) => `${hexOf(number, 16)} service0 scope0`),
			pieces: 3,
		});
	});

	it("are none for a trace without spans", () => {
		const deep = `${'{"trace":'.repeat(100_000)}{}${"}".repeat(100_000)}`;
		for (const text of [deep, '{"batches":[]}', '{"trace":{}}', '{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}']) {
			expect(tellJson(text, 100).pieces, text.slice(0, 50)).toBe(0);
		}
	});

	it.each([
		["", "the body must be an object"],
		["[]", "the body must be an object"],
		["{}", "neither resourceSpans nor batches"],
		['{"batches":{}}', "batches must be an array"],
		['{"batches":[1]}', "batches[0] must be an object"],
		['{"batches":[{"scopeSpans":[1]}]}', "scopeSpans[0] must be an object"],
		['{"batches":[]', "no valid JSON"],
		['{"batches":[]}}', "no valid JSON"],
		['{"batches":[{"scopeSpans":[{"spans":[{"a":}]}]}]}', "no valid JSON"],
	])("are refused with the place: %s", (text, problem) => {
		expect(() => tellJson(text, 100)).toThrow(OtlpError);
		expect(() => tellJson(text, 100)).toThrow(problem);
	});
});

describe("an id", () => {
	it("is shown in hex, as the reference has it: `EaoiuzPMRN0=` is 11aa22bb33cc44dd", () => {
		expect(hexId("EaoiuzPMRN0=", 8)).toBe("11aa22bb33cc44dd");
		expect(hexId("EaoiuzPMRN0", 8)).toBe("11aa22bb33cc44dd");
	});

	it("is told apart in base64 and hex without a doubt", () => {
		for (const bytes of [8, 16] as const) {
			fc.assert(
				fc.property(fc.uint8Array({ minLength: bytes, maxLength: bytes }), (id) => {
					const hex = Buffer.from(id).toString("hex");
					for (const text of [hex, Buffer.from(id).toString("base64"), Buffer.from(id).toString("base64url")]) {
						expect(hexId(text, bytes)).toBe(hex);
					}
				}),
			);
		}
	});

	it("stays what it is when it is neither", () => {
		for (const value of ["", "abc", null, 7, "EaoiuzPMRN0==", "g".repeat(16), {}]) expect(hexId(value, 8)).toBe(value);
	});
});
