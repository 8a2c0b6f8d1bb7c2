import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
	latencyStyle,
	latencyText,
	type MonitorRow,
	monitorP95,
	overviewOf,
} from "../../../../src/cli/monitor/numbers.ts";
import { listRows, promptSpan } from "../../../../src/cli/monitor/rows.ts";
import { loadPrices } from "../../../../src/model/prices.ts";
import { parseQuery, type Query } from "../../../../src/model/query.ts";
import { TraceStore } from "../../../../src/model/traceStore.ts";
import { at, NOON, running, span } from "../../model/spans.ts";
import { monitorRow } from "./monitorViews.ts";

beforeAll(loadPrices);

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

function queryFor(text: string): Query {
	const parsed = parseQuery(text);
	if (!parsed.ok) throw new Error(parsed.error.message);
	return parsed.query;
}

function list(store: TraceStore, limit = 10, query?: Query) {
	return listRows(store, { query, found: [], limit, nowMs: NOON + 60_000 });
}

describe("the 95th percentile of the monitor", () => {
	it("is the maximum of up to 20 values, as tracellm monitor computes it", () => {
		expect(monitorP95(upTo(20))).toBe(20);
		expect(monitorP95(upTo(21))).toBe(20);
		expect(monitorP95(upTo(100))).toBe(96);
		expect(monitorP95([])).toBeUndefined();
	});

	it("does not depend on the order", () => {
		fc.assert(
			fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 60 }), (values) => {
				const sorted = values.toSorted((a, b) => a - b);
				expect(monitorP95(values.toReversed())).toBe(sorted[Math.trunc(values.length * 0.95)]);
			}),
		);
	});
});

describe("the overview", () => {
	it("counts what completed and what failed, and sums the tokens", () => {
		const rows: MonitorRow[] = [
			...upTo(10).map((index) => monitorRow({ traceId: `ok ${index}`, tokens: 1000, latencyMs: 100 })),
			monitorRow({ traceId: "bad", state: "failed", tokens: 4823, latencyMs: 1300 }),
			monitorRow({ traceId: "worse", state: "failed", tokens: undefined, latencyMs: 2500 }),
		];
		const overview = overviewOf(rows);
		expect(overview).toMatchObject({ shown: 12, completed: 10, errors: 2, running: 0, tokens: 14_823, p95Ms: 2500 });
		expect(overview.averageMs).toBeCloseTo(400, 9);
	});

	it("says unknown and not 0 for what nobody knows", () => {
		const unknown = { tokens: undefined, costUsd: undefined, latencyMs: undefined };
		expect(overviewOf([])).toMatchObject({ shown: 0, averageMs: undefined, p95Ms: undefined, ...sums(undefined) });
		expect(overviewOf([monitorRow(unknown)])).toMatchObject({ averageMs: undefined, ...sums(undefined) });
		expect(overviewOf([monitorRow({ tokens: 0, costUsd: 0 })])).toMatchObject(sums(0));
	});

	it("leaves traces that still run out of the latencies", () => {
		const rows = [
			monitorRow({ latencyMs: 100 }),
			monitorRow({ state: "running", isRunning: true, latencyMs: 9000 }),
			monitorRow({ state: "failed", isRunning: true, latencyMs: 9000 }),
		];
		expect(overviewOf(rows)).toMatchObject({ running: 1, errors: 1, averageMs: 100, p95Ms: 100 });
	});

	it("sums cost to the nano-dollar in any order, and says when a part of it is an estimate", () => {
		fc.assert(
			fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 2 }), (costs) => {
				const rows = costs.map((costUsd) => monitorRow({ costUsd }));
				expect(overviewOf(rows).costUsd).toBe(overviewOf(rows.toReversed()).costUsd);
			}),
		);
		expect(overviewOf([monitorRow({ costUsd: 0.1 }), monitorRow({ costUsd: 0.2 })]).costUsd).toBe(0.3);
		expect(overviewOf([monitorRow({ costUsd: 1, isCostEstimated: true }), monitorRow({})]).isCostEstimated).toBe(true);
	});

	function sums(value: number | undefined) {
		return { tokens: value, costUsd: value };
	}
});

describe("latencies", () => {
	it.each([
		[undefined, "–"],
		[0, "0ms"],
		[0.2, "<1ms"],
		[912.4, "912ms"],
		[1500, "1,500ms"],
		[99_999.4, "99,999ms"],
		[99_999.6, "1 m 40 s"],
		[125_000, "2 m 05 s"],
	])("are whole milliseconds until they are long: %s", (ms, text) => {
		expect(latencyText(ms, "ms")).toBe(text);
	});

	it.each([
		[undefined, "plain"],
		[899.9, "plain"],
		[900, "warning"],
		[1499.9, "warning"],
		[1500, "bad"],
	])("have the colour of their length: %s", (ms, style) => {
		expect(latencyStyle(ms)).toBe(style);
	});
});

describe("the rows", () => {
	it("are the newest traces, at most as many as asked for", () => {
		const store = new TraceStore();
		for (const index of upTo(5)) store.upsertSpan(span(`t${index}`, `s${index}`, { start: at(index), end: at(100) }));
		const { rows, matching } = list(store, 3);
		expect(rows.map(({ traceId }) => traceId)).toEqual(["t5", "t4", "t3"]);
		expect(matching).toBe(5);
		store.dispose();
	});

	it("have the sums of the trace, its models in the order of their first calls, and its latency so far while it runs", () => {
		const store = new TraceStore();
		const call = (id: string, ms: number, model: string) =>
			span("t", id, {
				kindType: "llm_call",
				model,
				parentSpanId: "root",
				start: at(ms),
				inputTokens: 10,
				outputTokens: 5,
			});
		store.upsertSpan(running(span("t", "root")));
		store.upsertSpan(call("b", 20, "second"));
		store.upsertSpan(call("a", 5, "first"));
		store.upsertSpan(call("c", 30, "first"));
		expect(list(store).rows[0]).toMatchObject({
			traceId: "t",
			startMs: NOON,
			state: "running",
			isRunning: true,
			models: ["first", "second"],
			tokens: 45,
			latencyMs: 60_000,
			steps: 4,
		});
		store.upsertSpan(span("t", "root", { end: at(1234) }));
		store.upsertSpan(span("t", "d", { kindType: "llm_call", model: "third", start: at(1) }));
		expect(list(store).rows[0]).toMatchObject({
			state: "completed",
			latencyMs: 1234,
			models: ["third", "first", "second"],
		});
		store.dispose();
	});

	it("are those that the filter lets through, in its order", () => {
		const store = new TraceStore();
		store.upsertSpan(span("fast", "1", { end: at(1) }));
		store.upsertSpan(span("slow", "2", { end: at(5000) }));
		store.upsertSpan(span("broken", "3", { state: "failed", error: "no", end: at(9000) }));
		const ids = (text: string) => list(store, 10, queryFor(text)).rows.map(({ traceId }) => traceId);
		expect(ids("status:failed")).toEqual(["broken"]);
		expect(ids("-status:failed sort:duration")).toEqual(["slow", "fast"]);
		expect(ids("sort:duration order:asc")).toEqual(["fast", "slow", "broken"]);
		expect(ids("nowhere")).toEqual([]);
		store.dispose();
	});
});

describe("the span that says a trace's prompt", () => {
	it("is the call of a model that started first, whenever it arrived", () => {
		const store = new TraceStore();
		const call = (id: string, ms: number) => span("t", id, { kindType: "llm_call", start: at(ms) });
		expect(promptSpan(store, "t")).toBeUndefined();
		store.upsertSpan(span("t", "root"));
		expect(promptSpan(store, "t")).toBeUndefined();
		store.upsertSpan(call("later", 20));
		expect(promptSpan(store, "t")).toBe("later");
		store.upsertSpan(call("first", 10));
		expect(promptSpan(store, "t")).toBe("first");
		store.dispose();
	});
});
