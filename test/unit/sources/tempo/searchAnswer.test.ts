import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	decodeSearch,
	decodeTraceId,
	mergeRows,
	type SearchRow,
	traceInputOf,
} from "../../../../src/sources/tempo/searchAnswer.ts";
import { searchRow, type TempoSpan } from "../../../peers/tempoData.ts";

const START_NS = 1_772_787_600_123_456_789n;

const span = (fields: Partial<TempoSpan> = {}): TempoSpan => ({
	spanId: "11aa22bb33cc44dd",
	name: "chat",
	startNs: START_NS,
	endNs: START_NS + 2_500_000_000n,
	...fields,
});

function decodeRow(spans: readonly TempoSpan[], hasServiceStats = true): SearchRow {
	const options = { spss: 1, select: [], hasServiceStats };
	const answer = decodeSearch({ traces: [searchRow("00f1a2b3c4d5e6f70000000000000001", spans, spans, options)] });
	expect(answer).toMatchObject({ count: 1, undecodable: 0 });
	return answer!.rows[0];
}

describe("an answer of a search", () => {
	it("names a trace by 32 digits, its times to the nanosecond and its spans", () => {
		expect(decodeRow([span(), span({ spanId: "22", parentSpanId: "11", error: "no" })])).toEqual({
			traceId: "00f1a2b3c4d5e6f70000000000000001",
			name: "chat",
			serviceName: "assistant",
			hasRoot: true,
			start: { ms: 1_772_787_600_123, subNs: 456_789 },
			end: { ms: 1_772_787_602_623, subNs: 456_789 },
			spanCount: 2,
			failedCount: 1,
			matched: 2,
		});
	});

	it("says that no root has come, and takes Tempo's words for that for no name", () => {
		const row = decodeRow([span({ parentSpanId: "00f1a2b3c4d5e6f7" })]);
		expect(row).toMatchObject({ hasRoot: false, name: undefined, serviceName: undefined });
		expect(traceInputOf(row, true)).toMatchObject({ name: undefined, reported: { state: "running", end: undefined } });
		expect(traceInputOf(row, false)).toMatchObject({ reported: { state: "completed", end: row.end } });
	});

	it("knows no number of spans where the server tells only how many matched", () => {
		expect(decodeRow([span()], false)).toMatchObject({ spanCount: undefined, failedCount: undefined, matched: 1 });
	});

	it("has a duration of 0 where none is written", () => {
		expect(decodeRow([span({ endNs: START_NS })]).end).toEqual({ ms: 1_772_787_600_123, subNs: 456_789 });
	});

	it("may be empty in three ways", () => {
		for (const value of [{ traces: [] }, { metrics: {} }, { traces: [], metrics: {} }]) {
			expect(decodeSearch(value)).toEqual({ rows: [], count: 0, undecodable: 0 });
		}
	});

	it("is none when it is anything else", () => {
		for (const value of [null, [], "x", 7, {}, { traces: {} }, { traces: "x", metrics: {} }, { status: "ok" }]) {
			expect(decodeSearch(value)).toBeUndefined();
		}
	});

	it("counts what cannot be read, and reads the rest", () => {
		const good = searchRow("1", [span()], [span()], { spss: 1, select: [], hasServiceStats: true });
		const bad = [null, 7, {}, { ...good, traceID: "xyz" }, { ...good, traceID: "0".repeat(32) }];
		const badTimes = [
			{ ...good, startTimeUnixNano: "-1" },
			{ ...good, startTimeUnixNano: "1e300" },
		];
		const traces = [...bad, good, ...badTimes];
		expect(decodeSearch({ traces })).toMatchObject({ rows: [{ name: "chat" }], count: 8, undecodable: 7 });
	});

	it("is read without an exception whatever it holds", () => {
		const members = fc.record(
			{
				traceID: fc.oneof(fc.constant("abc"), fc.anything()),
				startTimeUnixNano: fc.oneof(fc.constant("1772787600123456789"), fc.anything()),
				durationMs: fc.anything(),
				rootTraceName: fc.anything(),
				rootServiceName: fc.anything(),
				serviceStats: fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.anything())),
				spanSets: fc.anything(),
				spanSet: fc.anything(),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.array(members), (traces) => {
				const answer = decodeSearch({ traces });
				expect(answer!.rows.length + answer!.undecodable).toBe(traces.length);
				for (const { end, spanCount = 0 } of answer!.rows) {
					expect(Number.isFinite(end.ms) && Number.isInteger(spanCount)).toBe(true);
				}
			}),
		);
	});
});

describe("an id", () => {
	it("gets the zeros back that Tempo leaves out", () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }), (id) => {
				expect(decodeTraceId(id.toString(16))).toBe(id.toString(16).padStart(32, "0"));
				expect(decodeTraceId(id.toString(16).toUpperCase())).toBe(id.toString(16).padStart(32, "0"));
			}),
		);
	});

	it("is none without digits, with too many, or with zeros only", () => {
		for (const value of ["", "x", "1".repeat(33), "0", "../1", 7, null]) expect(decodeTraceId(value)).toBeUndefined();
	});
});

describe("two answers about one trace", () => {
	const known = decodeRow([span(), span({ spanId: "22", parentSpanId: "11" })]);

	it("are no news when the second says the same or less, as a part of a trace does", () => {
		expect(mergeRows(known, decodeRow([span(), span({ spanId: "22", parentSpanId: "11" })]))).toBe(known);
		expect(mergeRows(known, decodeRow([span({ spanId: "22", parentSpanId: "11" })]))).toBe(known);
		expect(mergeRows(known, decodeRow([span()], false))).toBe(known);
	});

	it.each([
		["a span", { spanCount: 3 }],
		["a failure", { failedCount: 1 }],
		["a match", { matched: 3 }],
		["a later end", { end: { ms: known.end.ms + 1, subNs: 0 } }],
		["an earlier start", { start: { ms: known.start.ms - 1, subNs: 0 } }],
	])("are news when the second tells of %s", (_what, more) => {
		expect(mergeRows(known, { ...known, ...more })).toEqual({ ...known, ...more });
	});

	it("are news when the root has come, with its names", () => {
		const open = decodeRow([span({ spanId: "22", parentSpanId: "11aa22bb33cc44dd" })]);
		expect(mergeRows(open, known)).toEqual(known);
	});

	it("say the same in any order", () => {
		const row = fc.record({
			hasRoot: fc.boolean(),
			ms: fc.nat(100),
			lengthMs: fc.nat(100),
			spanCount: fc.option(fc.nat(5), { nil: undefined }),
			matched: fc.nat(5),
		});
		fc.assert(
			fc.property(row, row, (a, b) => {
				const rowOf = ({ hasRoot, ms, lengthMs, spanCount, matched }: typeof a): SearchRow => ({
					...known,
					name: hasRoot ? "root" : undefined,
					serviceName: undefined,
					hasRoot,
					start: { ms, subNs: 0 },
					end: { ms: ms + lengthMs, subNs: 0 },
					spanCount,
					failedCount: undefined,
					matched,
				});
				expect(mergeRows(rowOf(a), rowOf(b))).toEqual(mergeRows(rowOf(b), rowOf(a)));
				const merged = mergeRows(rowOf(a), rowOf(b));
				expect(mergeRows(merged, rowOf(b))).toBe(merged);
			}),
		);
	});
});
