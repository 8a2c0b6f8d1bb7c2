import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { recordChanges, running, span } from "./spans.ts";

describe("TraceStore: change sets", () => {
	beforeEach(() => {
		vi.useFakeTimers();
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it("announces everything of one window in one set, at the window's end", () => {
		const store = new TraceStore({ coalesceMs: 40 });
		const sets = recordChanges(store);
		store.upsertSpan(running(span("t", "a")));
		store.upsertSpan(span("t", "a"));
		vi.advanceTimersByTime(39);
		store.upsertSpan(span("u", "b"));
		expect(sets).toEqual([]);
		vi.advanceTimersByTime(1);
		expect(sets).toHaveLength(1);
		expect(sets[0].spanIds).toEqual({ t: ["a"], u: ["b"] });
		expect(sets[0].set).toMatchObject({
			revision: store.revision,
			removedTraceIds: [],
			newLiveTraceIds: ["t", "u"],
			isCleared: false,
		});
		expect(vi.getTimerCount()).toBe(0);
		vi.advanceTimersByTime(1000);
		expect(sets).toHaveLength(1);
	});

	it("neither moves its revision nor announces anything when nothing changed", () => {
		const store = new TraceStore();
		store.upsertTrace({ traceId: "t", name: "x", tags: ["a"] });
		const whole = span("t", "a", { error: "e", state: "failed", serviceName: "desk", path: "/x" });
		store.upsertSpan(whole);
		store.flush();
		const { revision } = store;
		const sets = recordChanges(store);
		expect(store.upsertTrace({ traceId: "t", name: "x", tags: ["a"] })).toBe("unchanged");
		expect(store.upsertTrace({ traceId: "t" })).toBe("unchanged");
		expect(store.upsertSpan(whole)).toBe("unchanged");
		expect(store.upsertSpan(running(span("t", "a")))).toBe("unchanged");
		expect(store.deleteSpan("never")).toBe(false);
		expect(store.deleteTrace("never")).toBe(false);
		expect(
			store.applySnapshot({
				traces: [],
				spans: [whole],
				wholeTraceIds: new Set(["t"]),
				isTraceListComplete: true,
				isHistory: true,
			}),
		).toBe(0);
		expect(store.revision).toBe(revision);
		expect(vi.getTimerCount()).toBe(0);
		store.flush();
		expect(sets).toEqual([]);
	});

	it("names children that found their parent", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "child", { parentSpanId: "parent" }));
		store.flush();
		const sets = recordChanges(store);
		store.upsertSpan(span("t", "parent"));
		store.flush();
		expect(sets[0].spanIds.t.sort()).toEqual(["child", "parent"]);
	});

	it("says that a trace lost spans, and names no row that is gone", () => {
		const store = new TraceStore();
		for (const spanId of ["a", "b", "c"]) store.upsertSpan(span("t", spanId));
		store.flush();
		const sets = recordChanges(store);
		store.upsertSpan(span("t", "b", { name: "renamed" }));
		store.upsertSpan(span("t", "c", { name: "renamed" }));
		store.deleteSpan("b", "t");
		// Takes the row of the deleted span.
		store.upsertSpan(span("u", "x"));
		store.flush();
		expect(sets[0].spanIds).toEqual({ t: ["c"], u: ["x"] });
		expect(sets[0].set.changedTraces.get("t")?.isRestructured).toBe(true);
		expect(sets[0].set.changedTraces.get("u")?.isRestructured).toBe(false);
	});

	it("names no row of a trace that is gone, also when another trace has the row now", () => {
		const store = new TraceStore();
		const sets = recordChanges(store);
		store.upsertSpan(span("t", "a"));
		const row = store.rowOf("a", "t");
		store.deleteTrace("t");
		store.upsertSpan(span("u", "b"));
		expect(store.rowOf("b", "u")).toBe(row);
		store.flush();
		expect(sets).toHaveLength(1);
		expect(sets[0].spanIds).toEqual({ u: ["b"] });
		expect(sets[0].set.removedTraceIds).toEqual(["t"]);
		expect(sets[0].set.newLiveTraceIds).toEqual(["u"]);
	});

	it("says so when a trace was removed and created again within one window", () => {
		const store = new TraceStore();
		for (const spanId of ["a", "b", "c"]) store.upsertSpan(span("t", spanId), 1);
		store.flush();
		const sets = recordChanges(store);
		store.deleteTrace("t", 2);
		store.upsertSpan(span("t", "z"), 3);
		store.flush();
		expect(sets[0].set.removedTraceIds).toEqual([]);
		expect(sets[0].spanIds).toEqual({ t: ["z"] });
		expect(sets[0].set.changedTraces.get("t")?.isRestructured).toBe(true);
	});

	it("announces a clearing, and what came after it in the same window", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "a"), 1);
		store.flush();
		const sets = recordChanges(store);
		store.upsertSpan(span("t", "b"), 2);
		store.clear(3);
		store.upsertSpan(span("u", "c"), 4);
		store.flush();
		expect(sets).toHaveLength(1);
		expect(sets[0].set).toMatchObject({ isCleared: true, removedTraceIds: [], newLiveTraceIds: ["u"] });
		expect(sets[0].spanIds).toEqual({ u: ["c"] });
	});

	it("does not announce history as new", () => {
		const store = new TraceStore();
		const sets = recordChanges(store);
		store.asHistory(() => store.upsertSpan(span("t", "a")));
		store.applySnapshot({
			traces: [{ traceId: "u" }],
			spans: [],
			wholeTraceIds: new Set(),
			isTraceListComplete: false,
			isHistory: true,
		});
		expect(() =>
			store.asHistory(() => {
				throw new Error("half way");
			}),
		).toThrow("half way");
		store.upsertSpan(span("v", "b"));
		store.flush();
		expect([...sets[0].set.changedTraces.keys()]).toEqual(["t", "u", "v"]);
		expect(sets[0].set.newLiveTraceIds).toEqual(["v"]);
	});

	it("carries a change that a listener makes into the next set", () => {
		const store = new TraceStore({ coalesceMs: 16 });
		const sets = recordChanges(store);
		const once = store.onDidChange(() => {
			once.dispose();
			store.upsertSpan(span("t", "b"));
		});
		store.upsertSpan(span("t", "a"));
		vi.advanceTimersByTime(16);
		expect(sets.map((set) => set.spanIds)).toEqual([{ t: ["a"] }]);
		vi.advanceTimersByTime(16);
		expect(sets.map((set) => set.spanIds)).toEqual([{ t: ["a"] }, { t: ["b"] }]);
	});

	it("starts no timer and tells nobody anything once it is disposed", () => {
		const store = new TraceStore();
		const sets = recordChanges(store);
		store.upsertSpan(span("t", "a"));
		store.dispose();
		expect(vi.getTimerCount()).toBe(0);
		store.upsertSpan(span("t", "b"));
		store.deleteTrace("t");
		expect(vi.getTimerCount()).toBe(0);
		vi.advanceTimersByTime(1000);
		expect(sets).toEqual([]);
	});
});
