import { beforeAll, expect, it } from "vitest";
import type { OverviewRange } from "../../../src/model/overview.ts";
import { overviewOfStore } from "../../../src/model/overviewOfStore.ts";
import { loadPrices } from "../../../src/model/prices.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";

const NOW_MS = Date.parse("2026-03-06T22:07:09.250Z");
const at = (ms: number) => ({ ms, subNs: 0 });
const call = {
	kindType: "llm_call",
	model: "gpt-4o-mini",
	provider: "openai",
	inputTokens: 1_000_000,
	outputTokens: 0,
};

beforeAll(loadPrices);

function overviewOf(store: TraceStore, range: OverviewRange = "1h", turn: () => Promise<void> = async () => undefined) {
	return overviewOfStore({ store, range, nowMs: NOW_MS, turn, signal: new AbortController().signal });
}

it("estimates what nobody said the cost of, and says so", async () => {
	const store = new TraceStore();
	store.upsertSpan({ ...call, spanId: "a", traceId: "t", start: at(NOW_MS - 1000) });
	store.upsertSpan({ ...call, spanId: "b", traceId: "t", start: at(NOW_MS), costUsd: 0.5, model: "home-1" });
	const { usage, models, newestModelCalls } = await overviewOf(store);
	expect(usage).toMatchObject({ calls: 2, costUsd: 0.65, isCostEstimated: true });
	expect(models.map(({ model, costUsd, isCostEstimated }) => [model, costUsd, isCostEstimated])).toEqual([
		["home-1", 0.5, false],
		["gpt-4o-mini", 0.15, true],
	]);
	expect(newestModelCalls.map(({ spanId, isCostEstimated }) => [spanId, isCostEstimated])).toEqual([
		["b", false],
		["a", true],
	]);
	store.dispose();
});

it("counts a span whose start is not known in the whole only, and lists it nowhere", async () => {
	const store = new TraceStore();
	store.upsertSpan({ ...call, spanId: "a", traceId: "t" });
	expect(await overviewOf(store)).toMatchObject({ spans: 0 });
	expect(await overviewOf(store, "all")).toMatchObject({ spans: 1, usage: { calls: 1 }, newestModelCalls: [] });
	store.dispose();
});

it("knows tools, agents and sessions that spans name, and gives names up with their spans", async () => {
	const store = new TraceStore();
	const start = at(NOW_MS);
	store.upsertSpan({
		spanId: "a",
		traceId: "t",
		kindType: "custom",
		kindName: "x",
		toolName: "search",
		sessionId: "s",
		start,
	});
	store.upsertSpan({ ...call, spanId: "b", traceId: "t", agentName: "planner", start });
	expect(await overviewOf(store)).toMatchObject({
		toolCalls: 1,
		sessions: 1,
		tools: [{ tool: "search", calls: 1 }],
		agents: [{ agent: "planner", calls: 1 }],
	});
	// The kind as a whole names no tool any more.
	store.upsertSpan({
		spanId: "a",
		traceId: "t",
		hasWholeKind: true,
		kindType: "custom",
		kindName: "x",
		state: "completed",
	});
	store.deleteSpan("b", "t");
	expect(await overviewOf(store)).toMatchObject({ toolCalls: 0, tools: [], agents: [], usage: { calls: 0 } });
	store.dispose();
});

it("survives traces that go while it counts, and ends when it is not wanted any more", async () => {
	const store = new TraceStore();
	for (let trace = 0; trace < 3; trace++) {
		for (let span = 0; span < 15_000; span++) {
			store.upsertSpan({ spanId: `${trace}-${span}`, traceId: `t${trace}`, kindType: "custom", start: at(NOW_MS) });
		}
	}
	const turn = async () => {
		store.deleteTrace("t2");
	};
	expect(await overviewOf(store, "1h", turn)).toMatchObject({ spans: 30_000, traces: 2 });
	const abort = new AbortController();
	const ending = overviewOfStore({
		store,
		range: "1h",
		nowMs: NOW_MS,
		turn: async () => abort.abort(),
		signal: abort.signal,
	});
	await expect(ending).rejects.toThrow(abort.signal.reason as Error);
	store.dispose();
});
