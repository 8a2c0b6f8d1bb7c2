import { describe, expect, it } from "vitest";
import { parseQuery } from "../../../src/model/query.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { MAX_LIVE_ROWS } from "../../../src/protocol/liveMessages.ts";
import { EventRate } from "../../../src/ui/live/eventRate.ts";
import { LiveTraces } from "../../../src/ui/live/liveTraces.ts";
import { at, NOON, running, span } from "../model/spans.ts";

interface Subject {
	readonly store: TraceStore;
	readonly live: LiveTraces;
	/** The clock of the source. */
	readonly clock: { nowMs: number };
	/** Puts spans in as a stream does, and announces them. */
	add(...spans: readonly SpanInput[]): void;
	ids(max?: number): readonly string[];
}

function queryOf(text: string) {
	const parsed = parseQuery(text);
	if (!parsed.ok) throw new Error(parsed.error.message);
	return parsed.query;
}

function subject(filter = "", ...spans: readonly SpanInput[]): Subject {
	const store = new TraceStore();
	store.asHistory(() => {
		for (const input of spans) store.upsertSpan(input);
	});
	store.flush();
	const clock = { nowMs: NOON + 60_000 };
	const live = new LiveTraces(store, () => clock.nowMs, filter === "" ? undefined : queryOf(filter));
	store.onDidChange((changes) => live.apply(changes, true));
	return {
		store,
		clock,
		live,
		add(...inputs) {
			for (const input of inputs) store.upsertSpan(input);
			store.flush();
		},
		ids: (max = 400) => live.take(max).rows.map(({ traceId }) => traceId),
	};
}

/** A completed trace of one span that began so many milliseconds after noon. */
const trace = (traceId: string, startMs: number, more: Partial<SpanInput> = {}): SpanInput =>
	span(traceId, `span of ${traceId}`, { start: at(startMs), end: at(startMs + 10), ...more });

describe("the traces of the live panel", () => {
	it("gives a page the newest first, in parts that are as large as it asks for", () => {
		const { live } = subject("", trace("b", 2), trace("d", 4), trace("a", 1), trace("c", 3));
		const first = live.take(3);
		expect(first.rows.map(({ traceId }) => traceId)).toEqual(["d", "c", "b"]);
		expect(first).toMatchObject({ hasMore: true, newIds: [], removed: [] });
		const rest = live.take(3);
		expect(rest.rows.map(({ traceId }) => traceId)).toEqual(["a"]);
		expect(rest.hasMore).toBe(false);
		live.restart();
		expect(live.take(9).rows).toHaveLength(4);
	});

	it("tells of a new trace once as new, and of its end as a change", () => {
		const { live, add } = subject("", trace("old", 1));
		live.take(9);
		add(running(trace("new", 5)));
		const begun = live.take(9);
		expect(begun.newIds).toEqual(["new"]);
		expect(begun.rows[0]).toMatchObject({ state: "running", isRunning: true, latencyNs: undefined });
		add(trace("new", 5));
		const ended = live.take(9);
		expect(ended.newIds).toEqual([]);
		expect(ended.rows[0]).toMatchObject({ state: "completed", latencyNs: 10e6 });
		expect(live.take(9)).toMatchObject({ rows: [], removed: [] });
	});

	it("sends what is live before what is left of a snapshot", () => {
		const { add, ids } = subject("", trace("a", 1), trace("b", 2), trace("c", 3));
		expect(ids(1)).toEqual(["c"]);
		add(trace("d", 4));
		expect(ids(2)).toEqual(["d", "b"]);
	});

	it("tells of deletions, and forgets what was to be told of the deleted", () => {
		const { live, store, add } = subject("", trace("a", 1), trace("b", 2));
		live.take(9);
		add(trace("c", 3));
		store.deleteTrace("c");
		store.deleteTrace("a");
		store.flush();
		expect(live.take(9)).toMatchObject({ rows: [], newIds: [] });
		expect(live.stats.traces).toBe(1);
	});

	it("empties when all is cleared", () => {
		const { live, store } = subject("", trace("a", 1), trace("b", 2));
		live.take(9);
		store.clear();
		store.flush();
		expect(live.take(9).removed.toSorted()).toEqual(["a", "b"]);
		expect(live.stats).toMatchObject({ traces: 0, allTraces: 0, tokens: undefined });
	});

	it("lets through what the filter says: what comes to match is new, what ceases to match is gone", () => {
		const { live, add, ids } = subject("status:failed", trace("good", 1), trace("bad", 2, { state: "failed" }));
		expect(ids()).toEqual(["bad"]);
		add(running(trace("later", 3)));
		expect(live.take(9)).toMatchObject({ rows: [], newIds: [] });
		add(trace("later", 3, { state: "failed" }));
		expect(live.take(9)).toMatchObject({ newIds: ["later"], rows: [{ traceId: "later" }] });
		expect(live.stats).toMatchObject({ traces: 2, failed: 2, allTraces: 3 });
		live.setQuery(queryOf("status:completed"));
		expect(ids()).toEqual(["good"]);
	});

	it("looks at filters that depend on the clock again", () => {
		const slow = running(trace("slow", 0));
		const { live, clock, ids } = subject("duration:>50s", slow, running(trace("late", 30_000)));
		expect(ids()).toEqual(["slow"]);
		live.followClock();
		expect(live.take(9)).toMatchObject({ rows: [], removed: [] });
		clock.nowMs = NOON + 90_000;
		live.followClock();
		expect(live.take(9)).toMatchObject({ newIds: ["late"] });
		expect(live.stats.traces).toBe(2);
	});

	it("takes the server's findings for what only payloads tell", () => {
		const { live, ids } = subject("input:secret", trace("a", 1), trace("b", 2));
		expect(ids()).toEqual([]);
		expect(live.setFound([new Set(["a"])])).toBe(true);
		expect(ids()).toEqual(["a"]);
		expect(live.setFound([new Set(["a"])])).toBe(false);
	});

	it("stands still while paused, counts what waits, and catches up", () => {
		const { live, store, add } = subject("", trace("a", 1), trace("b", 2));
		live.take(9);
		live.pause();
		add(running(trace("c", 3)), trace("d", 4));
		add(trace("c", 3));
		store.deleteTrace("a");
		store.flush();
		expect(live.take(9)).toMatchObject({ rows: [], removed: [], newIds: [], hasMore: false });
		expect(live.stats).toMatchObject({ traces: 2, allTraces: 2 });
		expect(live.waitingCount).toBe(2);
		live.resume();
		const caughtUp = live.take(9);
		expect(caughtUp.rows.map(({ traceId }) => traceId).toSorted()).toEqual(["c", "d"]);
		expect(caughtUp.newIds.toSorted()).toEqual(["c", "d"]);
		expect(caughtUp.removed).toEqual(["a"]);
		expect(live.stats.traces).toBe(3);
	});

	it("shows a new page what was shown when it was paused", () => {
		const { live, add, ids } = subject("", trace("a", 1), running(trace("b", 2)));
		live.take(1);
		live.pause();
		add(trace("b", 2), trace("c", 3));
		// What had not been sent yet still is, as it was.
		expect(ids()).toEqual(["a"]);
		live.restart();
		expect(live.take(9).rows).toMatchObject([{ traceId: "b", state: "running" }, { traceId: "a" }]);
		live.setQuery(queryOf("name:c"));
		expect(ids()).toEqual(["c"]);
		expect(live.isPaused).toBe(true);
		expect(live.waitingCount).toBe(0);
	});

	it("keeps the rows of a page within bounds, and the sums over all", () => {
		const count = MAX_LIVE_ROWS * 1.2;
		const { live, add } = subject("", ...Array.from({ length: 10 }, (_, n) => trace(`t${n}`, n)));
		live.take(400);
		for (let n = 10; n < count; n++) add(trace(`t${n}`, n));
		const onPage = new Set(Array.from({ length: 10 }, (_, n) => `t${n}`));
		for (let part = live.take(400); ; part = live.take(400)) {
			for (const traceId of part.removed) onPage.delete(traceId);
			for (const { traceId } of part.rows) onPage.add(traceId);
			if (!part.hasMore) break;
		}
		expect(onPage.size).toBeLessThanOrEqual(MAX_LIVE_ROWS * 1.1);
		expect(onPage.has(`t${count - 1}`)).toBe(true);
		expect(onPage.has("t0")).toBe(false);
		expect(live.stats.traces).toBe(count);
	});

	it("knows the span whose input is the prompt", () => {
		const { live } = subject("", trace("a", 1));
		expect(live.promptSpan("a")).toBe("span of a");
		expect(live.promptSpan("nobody")).toBeUndefined();
	});
});

describe("the rate of events", () => {
	it("is taken over the last five seconds, and begins anew with another counter", () => {
		const rate = new EventRate();
		expect(rate.note(100, 0)).toBe(0);
		expect(rate.note(150, 1_000)).toBe(50);
		expect(rate.note(200, 2_000)).toBe(50);
		for (let second = 3; second <= 7; second++) rate.note(200, second * 1_000);
		expect(rate.note(200, 8_000)).toBe(0);
		expect(rate.note(10, 9_000)).toBe(0);
		expect(rate.note(30, 10_000)).toBe(20);
	});
});
