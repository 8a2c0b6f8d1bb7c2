import { beforeAll, describe, expect, it } from "vitest";
import { loadPrices } from "../../../src/model/prices.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, contents, running, span } from "./spans.ts";

beforeAll(loadPrices);

function storeOf(...spans: Parameters<TraceStore["upsertSpan"]>[0][]): TraceStore {
	const store = new TraceStore();
	for (const one of spans) store.upsertSpan(one);
	return store;
}

describe("TraceStore: spans", () => {
	it("gives back every field of a span", () => {
		const store = storeOf(
			span("t", "a", {
				kindType: "llm_call",
				kindName: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				inputTokens: 1000,
				outputTokens: 100,
				state: "failed",
				error: "reset",
				start: at(1, 2),
				end: at(3, 4),
			}),
		);
		expect(store.span("t", "a")).toEqual({
			traceId: "t",
			spanId: "a",
			parentSpanId: null,
			isOrphan: false,
			name: "name of a",
			kindType: "llm_call",
			kindName: "llm_call",
			model: "gpt-4o-mini",
			provider: "openai",
			inputTokens: 1000,
			outputTokens: 100,
			costUsd: (1000 * 0.15 + 100 * 0.6) / 1e6,
			isCostEstimated: true,
			cacheReadTokens: undefined,
			cacheWriteTokens: undefined,
			reasoningTokens: undefined,
			isRollup: false,
			state: "failed",
			error: "reset",
			start: at(1, 2),
			end: at(3, 4),
		});
	});

	it("takes the server's cost for the cost, 0 included, before any estimate", () => {
		const store = storeOf(span("t", "a", { model: "gpt-4o", inputTokens: 5, costUsd: 0 }));
		expect(store.span("t", "a")).toMatchObject({ costUsd: 0, isCostEstimated: false });
		expect(store.summary("t")).toMatchObject({ costUsd: 0, isCostEstimated: false });
	});

	it("estimates model calls and what sums them up, and no other span with tokens", () => {
		const counts = { model: "gpt-4o-mini", inputTokens: 1000, outputTokens: 100 };
		const store = storeOf(span("t", "agent", { ...counts, kindType: "custom", kindName: "agent" }));
		expect(store.span("t", "agent")).toMatchObject({ costUsd: undefined, isCostEstimated: false });
		for (const change of [{ kindType: "llm_call" }, { kindType: "custom" }, { isRollup: true }])
			store.upsertSpan({ traceId: "t", spanId: "agent", ...change });
		expect(store.span("t", "agent")).toMatchObject({ costUsd: 0.00021, isCostEstimated: true });
	});

	it("leaves unknown what nobody said", () => {
		const store = storeOf({ traceId: "t", spanId: "a" });
		expect(store.span("t", "a")).toMatchObject({
			parentSpanId: undefined,
			isOrphan: false,
			name: "a",
			kindName: "custom",
			inputTokens: undefined,
			costUsd: undefined,
			state: "running",
			start: undefined,
			end: undefined,
		});
		expect(store.summary("t")).toMatchObject({
			inputTokens: undefined,
			costUsd: undefined,
			start: undefined,
			name: "t",
		});
	});

	it("merges partial spans: what one leaves out stays", () => {
		const store = storeOf(span("t", "a", { model: "o3" }), { traceId: "t", spanId: "a", inputTokens: 3 });
		expect(store.span("t", "a")).toMatchObject({ name: "name of a", model: "o3", inputTokens: 3, state: "completed" });
	});

	it("finds the trace of a partial span by the span's id, and says when it cannot", () => {
		const store = storeOf(running(span("t", "a")));
		expect(store.upsertSpan({ spanId: "a", state: "completed", end: at(9) })).toBe("applied");
		expect(store.summary("t")).toMatchObject({ state: "completed", end: at(9) });
		expect(store.upsertSpan({ spanId: "b", state: "completed" })).toBe("unknown");
		expect(store.spanCount).toBe(1);
	});

	it("ignores a partial span of a deleted span, and does not ask for its trace", () => {
		const store = storeOf(span("t", "a"));
		store.deleteSpan("a");
		expect(store.upsertSpan({ spanId: "a", state: "completed" })).toBe("ignored");
	});

	it("does not take an end from a version that still runs", () => {
		const store = storeOf(span("t", "a", { state: "running", end: at(5) }));
		expect(store.span("t", "a")?.end).toBeUndefined();
		expect(store.summary("t")?.end).toBeUndefined();
	});

	it("keeps spans of the same id in two traces apart", () => {
		const store = storeOf(
			span("t1", "a", { name: "one" }),
			span("t2", "a", { name: "two" }),
			span("t3", "a", { name: "three" }),
		);
		store.upsertSpan(span("t2", "b", { parentSpanId: "a" }));
		expect(["t1", "t2", "t3"].map((traceId) => store.span(traceId, "a")?.name)).toEqual(["one", "two", "three"]);
		expect(store.span("t2", "b")).toMatchObject({ parentSpanId: "a", isOrphan: false });
		store.deleteSpan("a", "t2");
		expect(["t1", "t2", "t3"].map((traceId) => store.span(traceId, "a")?.name)).toEqual(["one", undefined, "three"]);
		expect(store.span("t2", "b")).toMatchObject({ parentSpanId: "a", isOrphan: true });
		store.deleteTrace("t3");
		expect(store.span("t1", "a")?.name).toBe("one");
	});
});

describe("TraceStore: rows used again", () => {
	it("have nothing of the span before", () => {
		const whole = {
			model: "o3",
			provider: "openai",
			inputTokens: 1,
			outputTokens: 2,
			costUsd: 3,
			state: "failed",
			error: "reset",
			path: "/a",
		} as const;
		const store = storeOf(span("t", "a", { ...whole, parentSpanId: "never" }));
		const row = store.rowOf("a", "t") ?? -1;
		store.deleteSpan("a", "t");
		store.upsertSpan({ traceId: "t", spanId: "b" });
		expect(store.rowOf("b", "t")).toBe(row);
		const fresh = storeOf({ traceId: "t", spanId: "b" });
		expect(store.span("t", "b")).toEqual(fresh.span("t", "b"));
		expect([store.errorOf(row), store.pathOf(row), store.missingParentOf(row)]).toEqual([
			undefined,
			undefined,
			undefined,
		]);
		// The parent that the span before waited for is not the parent of this one.
		store.upsertSpan(span("t", "never"));
		expect(store.span("t", "b")?.parentSpanId).toBeUndefined();
	});
});

describe("TraceStore: parents", () => {
	it("keeps the id of a parent that is not here, and joins the two when it comes", () => {
		const store = storeOf(span("t", "child", { parentSpanId: "parent" }));
		const row = store.rowOf("child", "t") ?? -1;
		expect(store.span("t", "child")).toMatchObject({ parentSpanId: "parent", isOrphan: true });
		expect(store.missingParentOf(row)).toBe("parent");
		store.upsertSpan(span("t", "parent"));
		expect(store.span("t", "child")).toMatchObject({ parentSpanId: "parent", isOrphan: false });
		expect(store.missingParentOf(row)).toBeUndefined();
	});

	it("does not adopt orphans of another trace", () => {
		const store = storeOf(span("t1", "child", { parentSpanId: "parent" }), span("t2", "parent"));
		expect(store.span("t1", "child")?.isOrphan).toBe(true);
	});

	it("makes orphans of the children of a deleted span, and adopts them again", () => {
		const store = storeOf(span("t", "parent"), span("t", "child", { parentSpanId: "parent" }));
		store.deleteSpan("parent", "t", 5);
		expect(store.span("t", "child")).toMatchObject({ parentSpanId: "parent", isOrphan: true });
		store.upsertSpan(span("t", "parent"), 6);
		expect(store.span("t", "child")).toMatchObject({ parentSpanId: "parent", isOrphan: false });
	});

	it("takes a changed parent, also away from one that never came", () => {
		const store = storeOf(span("t", "a", { parentSpanId: "x" }), span("t", "b"));
		store.upsertSpan(span("t", "a", { parentSpanId: "b" }));
		store.upsertSpan(span("t", "x"));
		expect(store.span("t", "a")).toMatchObject({ parentSpanId: "b", isOrphan: false });
		store.upsertSpan(span("t", "a", { parentSpanId: null }));
		expect(store.span("t", "a")).toMatchObject({ parentSpanId: null, isOrphan: false });
	});

	it("stores cycles and spans that are their own parents as they were sent", () => {
		const store = storeOf(
			span("t", "a", { parentSpanId: "b" }),
			span("t", "b", { parentSpanId: "a" }),
			span("t", "self", { parentSpanId: "self" }),
		);
		expect(["a", "b", "self"].map((spanId) => store.span("t", spanId)?.parentSpanId)).toEqual(["b", "a", "self"]);
		// No root to take the name from: the oldest span, of equals that with the smallest id.
		expect(store.summary("t")).toMatchObject({ spanCount: 3, name: "name of a" });
		expect(store.deleteSpan("a", "t")).toBe(true);
		expect(store.span("t", "b")).toMatchObject({ parentSpanId: "a", isOrphan: true });
	});
});

describe("TraceStore: summaries", () => {
	it("takes failed before running before completed", () => {
		const store = storeOf(span("t", "a"));
		expect(store.summary("t")?.state).toBe("completed");
		store.upsertSpan(span("t", "b", { state: "running" }));
		expect(store.summary("t")).toMatchObject({ state: "running", end: undefined, runningCount: 1 });
		store.upsertSpan(span("t", "c", { state: "failed", error: "late", start: at(7) }));
		store.upsertSpan(span("t", "d", { state: "failed", error: "early", start: at(5) }));
		expect(store.summary("t")).toMatchObject({ state: "failed", failedCount: 2, error: "early", end: undefined });
	});

	it("spans from the first start to the last end", () => {
		const store = storeOf(
			span("t", "a", { start: at(5, 3), end: at(6) }),
			span("t", "b", { start: at(5, 2), end: at(90, 1) }),
			span("t", "c", { start: at(50), end: at(90, 0) }),
		);
		expect(store.summary("t")).toMatchObject({ start: at(5, 2), end: at(90, 1) });
	});

	it("is named by its record, else its root, else its oldest span, else its id", () => {
		const store = storeOf(span("t", "a", { parentSpanId: "x", start: at(0) }));
		expect(store.summary("t")?.name).toBe("name of a");
		store.upsertSpan(span("t", "b", { start: at(5) }));
		expect(store.summary("t")?.name).toBe("name of b");
		store.upsertTrace({ traceId: "t", name: "record" });
		expect(store.summary("t")?.name).toBe("record");
		store.upsertTrace({ traceId: "empty" });
		expect(store.summary("empty")).toMatchObject({ name: "empty", state: "running", spanCount: 0 });
	});

	it("reads the session from the tags", () => {
		const store = new TraceStore();
		store.upsertTrace({ traceId: "t", tags: ["prod", "session_id:S-1"] });
		expect(store.summary("t")?.sessionId).toBe("S-1");
	});

	it("has the service of the earliest root, else of the earliest span, also when only that came to be known", () => {
		const store = storeOf(span("t", "a", { parentSpanId: "b", start: at(1) }));
		expect(store.summary("t")?.serviceName).toBeUndefined();
		expect(store.upsertSpan({ traceId: "t", spanId: "a", serviceName: "worker" })).toBe("applied");
		expect(store.summary("t")?.serviceName).toBe("worker");
		store.upsertSpan(span("t", "c", { parentSpanId: "b", start: at(0), serviceName: "queue" }));
		expect(store.summary("t")?.serviceName).toBe("queue");
		store.upsertSpan(span("t", "b", { start: at(5), serviceName: "gateway" }));
		expect(store.summary("t")?.serviceName).toBe("gateway");
	});

	it("is the same object until the trace changes", () => {
		const store = storeOf(span("t", "a"), span("u", "a"));
		const before = store.summary("t");
		store.upsertSpan(span("u", "b"));
		store.upsertSpan(span("t", "a"));
		expect(store.summary("t")).toBe(before);
		store.upsertSpan(span("t", "b"));
		expect(store.summary("t")).not.toBe(before);
	});

	it("does not mistake a trace that was created again for the one before", () => {
		const store = storeOf(span("t", "a"), span("t", "b"));
		const before = store.entry("t");
		expect(store.summary("t")?.spanCount).toBe(2);
		store.deleteTrace("t", 5);
		store.upsertSpan(span("t", "c", { name: "again" }), 6);
		expect(store.summary("t")).toMatchObject({ spanCount: 1, name: "again" });
		expect(store.entry("t")?.revision).toBeGreaterThan(before?.revision ?? 0);
		expect(store.entry("t")?.structureRevision).toBeGreaterThan(before?.structureRevision ?? 0);
	});
});

describe("TraceStore: deletions", () => {
	it("keeps a span out that was deleted before it came", () => {
		const store = new TraceStore();
		expect(store.deleteSpan("a", undefined, 7)).toBe(false);
		expect(store.upsertSpan(span("t", "a"), 6)).toBe("ignored");
		expect(store.upsertSpan(span("t", "a"))).toBe("ignored");
		expect(store.traceCount).toBe(0);
	});

	it("takes a span again that was created after its deletion", () => {
		const store = storeOf(span("t", "a"));
		store.deleteSpan("a", undefined, 7);
		expect(store.upsertSpan(span("t", "a"), 8)).toBe("applied");
		// What is late for the first life stays out, what has no position belongs to the second.
		expect(store.upsertSpan(span("t", "a", { name: "late" }), 6)).toBe("ignored");
		expect(store.upsertSpan(span("t", "a", { inputTokens: 1 }))).toBe("applied");
		expect(store.deleteSpan("a", undefined, 9)).toBe(true);
		expect(store.upsertSpan(span("t", "a"))).toBe("ignored");
	});

	it("deletes a trace with its spans and keeps both out", () => {
		const store = storeOf(span("t", "a"), span("t", "b"), span("u", "c"));
		expect(store.deleteTrace("t", 7)).toBe(true);
		expect(store.deleteTrace("t", 7)).toBe(false);
		expect(store.upsertSpan(span("t", "a"), 7)).toBe("ignored");
		expect(store.upsertTrace({ traceId: "t" })).toBe("ignored");
		expect(store.spanCount).toBe(1);
		expect(store.upsertTrace({ traceId: "t" }, 8)).toBe("applied");
		expect(store.upsertSpan(span("t", "a"), 9)).toBe("applied");
	});

	it("deletes a span of one trace only when the trace is named, else of all", () => {
		const store = storeOf(span("t1", "a"), span("t2", "a"));
		expect(store.deleteSpan("a", "t1")).toBe(true);
		expect(store.span("t2", "a")).toBeDefined();
		expect(store.upsertSpan(span("t2", "a", { name: "still here" }))).toBe("applied");
		store.upsertSpan(span("t3", "a"));
		expect(store.deleteSpan("a")).toBe(true);
		expect(store.spanCount).toBe(0);
	});

	it("does not take two ids for one because they join alike", () => {
		const store = storeOf(span("t", "1 a"), span("t 1", "a"));
		store.deleteSpan("1 a", "t");
		expect(store.upsertSpan(span("t 1", "a", { name: "x" }))).toBe("applied");
	});

	it("empties itself and keeps out what is older than the clearing", () => {
		const store = storeOf(span("t", "a"), span("u", "b"));
		store.clear(10);
		expect([store.spanCount, store.traceCount, store.strings.size]).toEqual([0, 0, 0]);
		expect(store.upsertSpan(span("t", "a"), 10)).toBe("ignored");
		expect(store.upsertTrace({ traceId: "t" }, 9)).toBe("ignored");
		expect(store.upsertSpan(span("t", "a"), 11)).toBe("applied");
	});

	it("remembers single deletions over a clearing that has no position", () => {
		const store = storeOf(span("t", "a"), span("t", "b"));
		store.deleteSpan("a");
		store.clear();
		expect(store.upsertSpan(span("t", "a"))).toBe("ignored");
		expect(store.upsertSpan(span("t", "b"))).toBe("applied");
	});
});

describe("TraceStore: snapshots", () => {
	const none = { traces: [], spans: [], wholeTraceIds: new Set<string>(), isTraceListComplete: false, isHistory: true };

	it("adds and changes what the server has, and counts it", () => {
		const store = storeOf(span("t", "a"), span("t", "b"));
		const spans = [span("t", "a"), span("t", "b", { name: "renamed" }), span("u", "c")];
		expect(store.applySnapshot({ ...none, traces: [{ traceId: "v" }], spans })).toBe(2);
		expect([store.traceCount, store.spanCount]).toEqual([3, 3]);
	});

	it("removes spans that a whole trace no longer has, and traces that a whole list no longer has", () => {
		const store = storeOf(span("t", "a"), span("t", "b"), span("u", "c"), span("v", "d"), span("v", "e"));
		const count = store.applySnapshot({
			traces: [{ traceId: "t" }],
			spans: [span("t", "a"), span("u", "c")],
			wholeTraceIds: new Set(["t"]),
			isTraceListComplete: true,
			isHistory: true,
		});
		expect(count).toBe(3);
		expect([store.span("t", "b"), store.entry("v")]).toEqual([undefined, undefined]);
		expect(store.entry("t")?.isWhole).toBe(true);
		expect([store.traceCount, store.spanCount]).toEqual([2, 2]);
	});

	it("keeps what a list with an end that was not reached does not name", () => {
		const store = storeOf(span("t", "a"), span("u", "b"));
		expect(store.applySnapshot({ ...none, traces: [{ traceId: "t" }] })).toBe(0);
		expect(store.spanCount).toBe(2);
	});

	it("brings back what it has, whatever was deleted before it", () => {
		const store = storeOf(span("t", "a"));
		store.deleteSpan("a", "t", 5);
		store.deleteTrace("u", 6);
		store.clear(7);
		store.applySnapshot({ ...none, spans: [span("t", "a"), span("u", "b")] });
		expect(store.spanCount).toBe(2);
		// A server that lost its log counts from 1 again.
		expect(store.upsertSpan(span("t", "c"), 1)).toBe("applied");
	});

	it("comes with events that were held to where the events alone would have led", () => {
		const live = new TraceStore();
		const held = new TraceStore();
		const events = [
			(store: TraceStore) => store.upsertSpan(running(span("t", "a")), 1),
			(store: TraceStore) => store.upsertSpan(span("t", "a"), 2),
			(store: TraceStore) => store.upsertSpan(span("t", "b"), 3),
			(store: TraceStore) => store.deleteSpan("b", undefined, 4),
			(store: TraceStore) => store.upsertSpan(span("u", "c"), 5),
			(store: TraceStore) => store.deleteTrace("u", 6),
		];
		for (const event of events) event(live);
		// The snapshot was answered after the third of the held events.
		held.applySnapshot({ ...none, spans: [span("t", "a"), span("t", "b")], wholeTraceIds: new Set(["t"]) });
		for (const event of events) event(held);
		expect(contents(held)).toEqual(contents(live));
	});
});

describe("TraceStore: whole traces", () => {
	it("takes a trace for whole that it saw begin, and one of history only once it was read to its end", () => {
		const store = new TraceStore();
		store.upsertSpan(span("live", "a"));
		store.asHistory(() => store.upsertSpan(span("old", "b")));
		expect([store.entry("live")?.isWhole, store.entry("old")?.isWhole]).toEqual([true, false]);
		store.upsertSpan(span("old", "c"));
		expect(store.entry("old")?.isWhole).toBe(false);
		store.markWhole("old");
		expect(store.entry("old")?.isWhole).toBe(true);
	});
});
