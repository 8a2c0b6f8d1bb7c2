import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ImportPiece, importPieces } from "../../../../src/sources/files/importPieces.ts";
import { JsonStream } from "../../../../src/sources/files/jsonStream.ts";

/** Everything that may stand around spans in a request of these small limits. */
const ENVELOPE_BYTES = 200;

async function cut(text: string, targetBytes: number, maxBytes: number, chunkBytes = 7): Promise<ImportPiece[]> {
	async function* chunks() {
		const bytes = Buffer.from(text);
		for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
	}
	const pieces: ImportPiece[] = [];
	for await (const piece of importPieces(new JsonStream(chunks()), { targetBytes, maxBytes })) pieces.push(piece);
	return pieces;
}

const parse = (pieces: readonly ImportPiece[]) => pieces.map(({ body }) => JSON.parse(body.toString("utf8")));

interface Groups {
	resourceSpans: { resource?: unknown; scopeSpans?: { scope?: unknown; spans?: unknown[] }[] }[];
}

/** Each span with what it belongs to. */
function spansOf({ resourceSpans }: Groups): unknown[] {
	return resourceSpans.flatMap(({ resource, scopeSpans }) =>
		(scopeSpans ?? []).flatMap(({ scope, spans }) => (spans ?? []).map((span) => ({ resource, scope, span }))),
	);
}

const span = fc.record({ id: fc.integer(), text: fc.string({ maxLength: 30 }) });
const limits = fc.tuple(
	fc.integer({ min: 1, max: 400 }),
	fc.integer({ min: 120, max: 500 }),
	fc.integer({ min: 1, max: 64 }),
);

describe("importPieces", () => {
	it("cuts Traceway JSON into requests that hold every span of every trace once, in order, within the bound", async () => {
		const traces = fc.dictionary(
			fc.string({ minLength: 1, maxLength: 10 }),
			fc.array(span, { minLength: 1, maxLength: 20 }),
			{
				noNullPrototype: true,
			},
		);
		await fc.assert(
			fc.asyncProperty(traces, limits, async (value, [targetBytes, maxBytes, chunkBytes]) => {
				const pieces = await cut(
					JSON.stringify({ note: [1], traces: value, more: {} }),
					targetBytes,
					maxBytes,
					chunkBytes,
				);
				const together = new Map<string, unknown[]>();
				for (const { traces: part } of parse(pieces)) {
					for (const [id, spans] of Object.entries<unknown[]>(part)) {
						together.set(id, [...(together.get(id) ?? []), ...spans]);
					}
				}
				expect(together).toEqual(new Map(Object.entries(value)));
				for (const { body, problems } of pieces) {
					expect(body.length).toBeLessThanOrEqual(Math.max(targetBytes, maxBytes) + ENVELOPE_BYTES);
					expect(problems).toEqual([]);
				}
			}),
		);
	});

	it("cuts OTLP JSON so that each span keeps its resource and scope", async () => {
		const scopeSpans = fc.array(
			fc.record({ scope: fc.record({ name: fc.string({ maxLength: 5 }) }), spans: fc.array(span) }),
		);
		const groups = fc.array(fc.record({ resource: fc.record({ service: fc.string({ maxLength: 5 }) }), scopeSpans }));
		await fc.assert(
			fc.asyncProperty(groups, limits, async (resourceSpans, [targetBytes, maxBytes, chunkBytes]) => {
				const pieces = await cut(JSON.stringify({ resourceSpans }), targetBytes, maxBytes, chunkBytes);
				expect(parse(pieces).flatMap(spansOf)).toEqual(spansOf({ resourceSpans }));
				for (const { body, problems } of pieces) {
					expect(body.length).toBeLessThanOrEqual(targetBytes + maxBytes + ENVELOPE_BYTES);
					expect(problems).toEqual([]);
				}
			}),
		);
	});

	it("puts what is small into few requests, as it stood", async () => {
		const text = '{"resourceSpans":[{"resource":{ },"scopeSpans":[],"schemaUrl":"s"},{"a":1.0}]}';
		const pieces = await cut(text, 1000, 1000);
		expect(pieces.map(({ body }) => body.toString())).toEqual([text]);
	});

	it("sends the records of traces as well", async () => {
		const records = { a: { name: "one", tags: [] }, b: { tags: ["x"] } };
		expect(parse(await cut(JSON.stringify({ records, traces: { a: [1] } }), 1000, 1000))).toEqual([
			{ records },
			{ traces: { a: [1] } },
		]);
	});

	it("reads one document a line", async () => {
		const pieces = await cut('{"resourceSpans":[{"a":1}]}\n{"traces":{"t":[]}}\n', 1000, 1000);
		expect(parse(pieces)).toEqual([{ resourceSpans: [{ a: 1 }] }, { traces: { t: [] } }]);
	});

	it("leaves out a span that no request can hold, says which, and goes on", async () => {
		const spans = [{ id: 1 }, { id: 2, text: "x".repeat(300) }, { id: 3 }];
		const pieces = await cut(JSON.stringify({ traces: { t: spans } }), 100, 200);
		expect(parse(pieces).flatMap(({ traces }) => traces.t)).toEqual([{ id: 1 }, { id: 3 }]);
		expect(pieces.flatMap(({ problems }) => problems)).toEqual([
			{ text: expect.stringMatching(/^traces\["t"\]\[1\] is larger than/), spans: 1 },
		]);
	});

	it("says that a schema's address behind a group that had to be cut does not come through, unless it is empty", async () => {
		const spans = Array.from({ length: 10 }, (_, id) => ({ id, text: "x".repeat(40) }));
		const groupOf = (schemaUrl: string) =>
			JSON.stringify({
				resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans, schemaUrl: "" }], schemaUrl }],
			});
		const problemsOf = async (schemaUrl: string) =>
			(await cut(groupOf(schemaUrl), 100, 200)).flatMap(({ problems }) => problems);
		expect(await problemsOf("")).toEqual([]);
		expect(await problemsOf("https://example.com/1")).toEqual([
			{ text: expect.stringMatching(/^resourceSpans\[0\] .*"schemaUrl"/), spans: 0 },
		]);
	});

	it.each([
		["", "the file is empty"],
		["[1]", "byte 0: an object with traces or resourceSpans was expected"],
		['{"spans":[]}', 'neither "traces"'],
		['{"traces":[]}', 'neither "traces"'],
		['{"traces":{"t":[', "ends inside a value"],
		['{"resourceSpans":[}', "a value was expected"],
		[`{"traces":{"t":{"a":"${"x".repeat(300)}"}}}`, 'traces["t"] is too large for one request'],
	])("refuses %j in one line", async (text, message) => {
		await expect(cut(text, 100, 200)).rejects.toThrow(message);
	});
});
