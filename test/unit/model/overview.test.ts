import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	bucketOf,
	isToolKind,
	OVERVIEW_BUCKETS,
	OVERVIEW_RANGES,
	overviewWindow,
	successRate,
} from "../../../src/model/overview.ts";
import { emptyOverviewSpan, OverviewBuilder, type OverviewSpan } from "../../../src/model/overviewBuilder.ts";
import { SpanStateCode } from "../../../src/model/span.ts";

const NOW_MS = Date.parse("2026-03-06T22:07:09.250Z");
const HOUR_MS = 3_600_000;

async function build(spans: readonly Partial<OverviewSpan>[]) {
	const builder = new OverviewBuilder("1h", overviewWindow("1h", NOW_MS, undefined));
	for (const [ref, span] of spans.entries()) builder.add({ ...emptyOverviewSpan(), ref, startMs: NOW_MS, ...span });
	return await builder.finish(async () => undefined);
}

describe("the window of a range", () => {
	it("begins at a multiple of its buckets, and its last bucket holds now", () => {
		const window = overviewWindow("1h", NOW_MS, undefined);
		expect(window).toEqual({ startMs: Date.parse("2026-03-06T21:08:00Z"), bucketMs: 60_000 });
		expect(overviewWindow("1h", NOW_MS + 40_000, undefined)).toEqual(window);
		expect(bucketOf(window, NOW_MS)).toBe(59);
	});

	it("holds everything there is for all, in buckets that read well", () => {
		const extent = { firstMs: NOW_MS - 31 * 60_000, lastMs: NOW_MS - 60_000 };
		expect(overviewWindow("all", NOW_MS, extent).bucketMs).toBe(60_000);
		expect(overviewWindow("all", NOW_MS, undefined)).toEqual(overviewWindow("1h", NOW_MS, undefined));
		const times = fc.double({ min: -6e13, max: 2.5e14, noNaN: true });
		fc.assert(
			fc.property(times, times, fc.constantFrom(...OVERVIEW_RANGES), (a, b, range) => {
				const [firstMs, lastMs] = a < b ? [a, b] : [b, a];
				const { startMs, bucketMs } = overviewWindow(range, NOW_MS, { firstMs, lastMs });
				const endMs = startMs + OVERVIEW_BUCKETS * bucketMs;
				expect(startMs % bucketMs).toBeCloseTo(0);
				expect(endMs).toBeGreaterThan(NOW_MS);
				if (range === "all") {
					expect(startMs).toBeLessThanOrEqual(firstMs);
					expect(endMs).toBeGreaterThan(lastMs);
				}
			}),
		);
	});

	it("counts what is outside of it, or has no time, at its ends", () => {
		const window = overviewWindow("1h", NOW_MS, undefined);
		expect(bucketOf(window, NOW_MS - 5 * HOUR_MS)).toBe(0);
		expect(bucketOf(window, NOW_MS + 5 * HOUR_MS)).toBe(59);
		expect(bucketOf(window, Number.NaN)).toBe(0);
	});
});

describe("an overview", () => {
	it("of nothing knows no cost, no tokens and no latency", async () => {
		const { overview } = await build([]);
		expect(overview.usage).toMatchObject({ calls: 0, costUsd: null, inputTokens: null, outputTokens: null });
		expect(overview).toMatchObject({
			latencyP50Ms: null,
			latencyP95Ms: null,
			models: [],
			costByModel: [],
			sessions: 0,
		});
		expect(overview.latency.p50Ms).toEqual(new Array(60).fill(null));
	});

	it("adds usage of spans that count, and calls of all", async () => {
		const call = { isModelCall: true, model: "m", provider: "p", inputTokens: 10, outputTokens: 2, costNano: 5e8 };
		const { overview } = await build([
			call,
			{ ...call, provider: "q", counts: false, state: SpanStateCode.failed },
			// A roll-up of which nothing is known below.
			{ model: null, inputTokens: 100, agent: "planner" },
		]);
		expect(overview.usage).toMatchObject({ calls: 2, failedCalls: 1, costUsd: 0.5, inputTokens: 110, outputTokens: 2 });
		expect(overview.models).toMatchObject([
			{ model: "m", providers: ["p", "q"], calls: 2, failedCalls: 1, inputTokens: 10 },
			{ model: null, providers: [], calls: 0, costUsd: null, inputTokens: 100 },
		]);
		expect(overview.agents.map(({ agent, calls }) => [agent, calls])).toEqual([
			[null, 2],
			["planner", 0],
		]);
		expect(overview.failures.model[59]).toBe(1);
	});

	it("has latencies by the nearest rank, of ended model calls only", async () => {
		const ended = Array.from({ length: 20 }, (_, index) => ({ isModelCall: true, durationMs: 20 - index }));
		const others = [{ isModelCall: true }, { isToolCall: true, durationMs: 5000 }];
		const { overview } = await build([...ended, ...others]);
		expect([overview.latencyP50Ms, overview.latencyP95Ms]).toEqual([10, 19]);
		expect([overview.latency.p50Ms[59], overview.latency.p95Ms[59], overview.latency.p50Ms[0]]).toEqual([10, 19, null]);
	});

	it("says of tools how many calls succeeded, failed, and how long they took", async () => {
		const tool = { isToolCall: true, tool: "search" };
		const { overview } = await build([
			{ ...tool, state: SpanStateCode.completed, durationMs: 10 },
			{ ...tool, state: SpanStateCode.failed, durationMs: 20 },
			tool,
			{ isToolCall: true, tool: null },
		]);
		expect(overview.tools).toEqual([
			{ tool: "search", calls: 3, succeeded: 1, failed: 1, averageMs: 15 },
			{ tool: null, calls: 1, succeeded: 0, failed: 0, averageMs: null },
		]);
		expect(overview.tools.map(successRate)).toEqual([0.5, null]);
	});

	it("draws the greatest names of many and the rest as one", async () => {
		const names = Array.from({ length: 9 }, (_, index) => `tool ${index}`);
		const calls = names.flatMap((tool, index) => Array.from({ length: index + 1 }, () => ({ isToolCall: true, tool })));
		const { overview } = await build(calls);
		expect(overview.callsByTool.map(({ name, isRest, values }) => [name, isRest, values[59]])).toEqual([
			["tool 8", false, 9],
			["tool 7", false, 8],
			["tool 6", false, 7],
			["tool 5", false, 6],
			["tool 4", false, 5],
			["tool 3", false, 4],
			[null, true, 6],
		]);
	});

	it("keeps the names of a hostile trace within bounds, and loses none of its numbers", async () => {
		const calls = Array.from({ length: 5000 }, (_, index) => ({
			isModelCall: true,
			model: `m${index}`,
			inputTokens: 1,
		}));
		const { overview } = await build(calls);
		expect(overview.models).toHaveLength(200);
		expect(overview.omitted.models).toBeGreaterThan(1000);
		expect(overview.tokensByModel.flatMap(({ values }) => values).reduce((sum, value) => sum + value)).toBe(5000);
	});

	it("lists the newest hundred calls, in whatever order they come", async () => {
		await fc.assert(
			fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { maxLength: 500 }), async (ages) => {
				const { modelCallRefs } = await build(ages.map((age) => ({ isModelCall: true, startMs: NOW_MS - age })));
				const newest = [...ages].sort((a, b) => a - b).slice(0, 100);
				expect(modelCallRefs.map((ref) => ages[ref])).toEqual(newest);
			}),
		);
	});
});

it("takes a span for the call of a tool when it names one or its kind says so", () => {
	for (const [tool, kindName] of [
		["search", "internal"],
		[null, "tool_call"],
		[undefined, "TOOL"],
		["", "execute_tool"],
		[null, "function"],
	] as const)
		expect(isToolKind(tool, kindName)).toBe(true);
	for (const kindName of ["agent", "chain", "retrieval", "", "a function"])
		expect(isToolKind(null, kindName)).toBe(false);
});
