import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TraceStore } from "../../../../src/model/traceStore.ts";
import { KnownTraces } from "../../../../src/sources/tempo/knownTraces.ts";
import type { SearchRow } from "../../../../src/sources/tempo/searchAnswer.ts";

const NOW_MS = 1_772_787_600_000;
const MINUTE_MS = 60_000;

let store: TraceStore;
let asked: string[];
let reading: Set<string>;
let known: KnownTraces;

beforeEach(() => {
	vi.useFakeTimers({ now: NOW_MS });
	store = new TraceStore();
	asked = [];
	reading = new Set();
	known = new KnownTraces({
		store,
		maxReadSpans: 100,
		read: (traceId) => void asked.push(traceId),
		isReading: (traceId) => reading.has(traceId),
	});
});

afterEach(() => {
	store.dispose();
	vi.useRealTimers();
});

function row(traceId: string, fields: Partial<SearchRow> = {}): SearchRow {
	return {
		traceId,
		name: "run",
		serviceName: "agent",
		hasRoot: true,
		start: { ms: NOW_MS - 1000, subNs: 0 },
		end: { ms: NOW_MS, subNs: 0 },
		spanCount: 2,
		failedCount: 0,
		matched: 2,
		...fields,
	};
}

/** What a reading of so many spans brings. */
function read(traceId: string, count: number, hasRoot = true): void {
	const before = known.rowOf(traceId);
	const spans = Array.from({ length: count }, (_, index) => ({
		spanId: `${traceId}${index}`,
		traceId,
		parentSpanId: index === 0 && hasRoot ? null : `${traceId}0`,
		state: "completed" as const,
		start: { ms: NOW_MS - 1000, subNs: 0 },
		end: { ms: NOW_MS, subNs: 0 },
	}));
	for (const span of hasRoot ? spans : spans.slice(1)) store.upsertSpan(span);
	known.noteRead(traceId, { row: before, count: hasRoot ? count : count - 1, hasRoot, tookMs: 5 });
}

const isWhole = (traceId: string) => store.entry(traceId)?.isWhole;

describe("what searches tell", () => {
	it("is read once, the newest first, and again only for news", () => {
		known.take([row("old", { start: { ms: NOW_MS - 9000, subNs: 0 } }), row("new")], false);
		expect(asked).toEqual(["new", "old"]);
		read("new", 2);
		read("old", 2);
		known.take([row("new"), row("old", { spanCount: 1, matched: 1 })], false);
		expect(asked).toHaveLength(2);
		vi.advanceTimersByTime(100);
		expect(known.take([row("new", { spanCount: 3 })], false)).toEqual({ added: 0, changed: 1 });
		expect(asked).toEqual(["new", "old", "new"]);
		expect(store.summary("new")).toMatchObject({ spanCount: 3 });
		expect(isWhole("new")).toBe(false);
	});

	it("is not asked for again while it is being read for the same news", () => {
		known.take([row("a")], false);
		reading.add("a");
		known.take([row("a")], false);
		known.readOpen(Date.now());
		expect(asked).toEqual(["a"]);
		known.take([row("a", { spanCount: 3 })], false);
		expect(asked).toEqual(["a", "a"]);
	});

	it("makes a trace whole once as many spans are here", () => {
		known.take([row("a", { spanCount: 3 })], false);
		read("a", 2);
		expect(isWhole("a")).toBe(false);
		vi.advanceTimersByTime(2000);
		known.readOpen(Date.now());
		expect(asked).toEqual(["a", "a"]);
		read("a", 3);
		expect(isWhole("a")).toBe(true);
	});

	it("is not believed for ever where it counts copies of spans", () => {
		known.take([row("a", { spanCount: 6 })], false);
		for (let round = 0; round < 30; round++) {
			read("a", 2);
			vi.advanceTimersByTime(MINUTE_MS);
			known.readOpen(Date.now());
		}
		expect(asked.length).toBeLessThan(7);
		expect(isWhole("a")).toBe(true);
	});

	it("is read unasked only up to the bound of spans, and shown as told beyond it", () => {
		known.take([row("a", { spanCount: 60 }), row("b", { spanCount: 60 }), row("c", { spanCount: 30 })], true);
		expect(asked).toEqual(["a", "c"]);
		expect(store.summary("b")).toMatchObject({ name: "run", spanCount: 60 });
		store.pin("b");
		known.take([row("b", { spanCount: 60 })], false);
		expect(asked).toEqual(["a", "c", "b"]);
		known.forget("a");
		known.take([row("d", { spanCount: 60 })], true);
		expect(asked.at(-1)).toBe("d");
	});
});

describe("a trace without a root", () => {
	const open = { hasRoot: false, name: undefined, serviceName: undefined, spanCount: 1, matched: 1 };

	it("is running and read again with each poll, until its root comes", () => {
		known.take([row("a", open)], false);
		read("a", 2, false);
		expect(store.summary("a")).toMatchObject({ state: "running", end: undefined });
		for (let poll = 0; poll < 3; poll++) {
			vi.advanceTimersByTime(5000);
			known.readOpen(Date.now());
		}
		expect(asked).toHaveLength(4);
		read("a", 2);
		expect(isWhole("a")).toBe(true);
		expect(store.summary("a")).toMatchObject({ state: "completed" });
		vi.advanceTimersByTime(5000);
		known.readOpen(Date.now());
		expect(asked).toHaveLength(4);
	});

	it("is waited for a quarter of an hour after the last news, then it is whole as it is", () => {
		known.take([row("a", open)], false);
		read("a", 2, false);
		vi.advanceTimersByTime(14 * MINUTE_MS);
		known.readOpen(Date.now());
		expect(isWhole("a")).toBe(false);
		vi.advanceTimersByTime(2 * MINUTE_MS);
		known.readOpen(Date.now());
		expect(isWhole("a")).toBe(true);
		expect(store.summary("a")).toMatchObject({ state: "completed", end: { ms: NOW_MS } });
		const before = asked.length;
		known.readOpen(Date.now());
		expect(asked).toHaveLength(before);
	});

	it("is one of twenty that are read with a poll, opened ones beside them", () => {
		const ids = Array.from({ length: 30 }, (_, index) => `t${index}`);
		known.take(
			ids.map((id) => row(id, open)),
			false,
		);
		for (const id of ids) read(id, 2, false);
		store.pin("t0");
		asked.length = 0;
		vi.advanceTimersByTime(5000);
		known.readOpen(Date.now());
		expect(asked).toHaveLength(21);
		expect(asked).toContain("t0");
	});
});

describe("a trace that a search does not find", () => {
	const range = { from: NOW_MS / 1000 - 600, to: NOW_MS / 1000 + 60 };

	it("is asked for by its id, and not again for a minute", () => {
		known.take([row("a"), row("b"), row("before", { start: { ms: 0, subNs: 0 }, end: { ms: 1, subNs: 0 } })], false);
		asked.length = 0;
		known.check(range, new Set(["a"]), 10, false);
		expect(asked).toEqual(["b"]);
		expect([known.isMissing("a"), known.isMissing("b")]).toEqual([false, true]);
		known.check(range, new Set(["a"]), 10, false);
		expect(asked).toHaveLength(1);
		known.check(range, new Set(["a"]), 10, true);
		expect(asked).toHaveLength(2);
		vi.advanceTimersByTime(MINUTE_MS);
		known.check(range, new Set(["a"]), 10, false);
		expect(asked).toHaveLength(3);
		known.take([row("b")], false);
		expect(known.isMissing("b")).toBe(false);
	});

	it("is one of so many at once, the newest", () => {
		const rows = Array.from({ length: 9 }, (_, index) =>
			row(`t${index}`, { start: { ms: NOW_MS - 1000 + index, subNs: 0 } }),
		);
		known.take(rows, false);
		asked.length = 0;
		known.check(range, new Set(), 3, false);
		expect(asked).toEqual(["t8", "t7", "t6"]);
	});
});

describe("a trace that cannot be read", () => {
	it("is left alone for five minutes, or half a minute after news of it", () => {
		known.take([row("a")], false);
		known.noteFailure("a", Date.now());
		vi.advanceTimersByTime(MINUTE_MS);
		known.readOpen(Date.now());
		expect(asked).toHaveLength(1);
		known.take([row("a", { spanCount: 3 })], false);
		expect(asked).toHaveLength(1);
		vi.advanceTimersByTime(MINUTE_MS);
		known.readOpen(Date.now());
		expect(asked).toHaveLength(2);
		known.noteFailure("a", Date.now());
		vi.advanceTimersByTime(5 * MINUTE_MS);
		known.readOpen(Date.now());
		expect(asked).toHaveLength(3);
	});
});
