import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, span } from "./spans.ts";

/** `count` spans of a trace that starts `minute` minutes after noon. */
function fill(store: TraceStore, traceId: string, minute: number, count: number): void {
	for (let index = 0; index < count; index++) {
		store.upsertSpan(span(traceId, `${traceId}-${index}`, { start: at(minute * 60_000 + index) }));
	}
}

function ids(store: TraceStore): string {
	return [...store.entries()].map(({ traceId }) => traceId).join(" ");
}

describe("TraceStore: bounds", { timeout: 30_000 }, () => {
	it("evicts the oldest traces, whole, and counts them", () => {
		const store = new TraceStore({ maxSpans: 100 });
		fill(store, "b", 2, 40);
		fill(store, "a", 1, 40);
		fill(store, "c", 3, 30);
		expect(ids(store)).toBe("b c");
		expect(store.spanCount).toBe(70);
		expect(store.evicted).toEqual({ traces: 1, spans: 40 });
	});

	it("bounds the traces, those without a record and those without spans too", () => {
		const store = new TraceStore({ maxTraces: 20 });
		for (let index = 0; index < 50; index++) store.upsertSpan(span(`s${index}`, "a", { start: at(index) }));
		expect(store.traceCount).toBeLessThanOrEqual(20);
		expect(store.entry("s49")).toBeDefined();
		for (let index = 0; index < 50; index++) store.upsertTrace({ traceId: `r${index}`, start: at(1000 + index) });
		expect(store.traceCount).toBeLessThanOrEqual(20);
		expect([...store.entries()].every(({ traceId }) => traceId.startsWith("r"))).toBe(true);
	});

	it("never evicts a pinned trace while it is pinned", () => {
		const store = new TraceStore({ maxSpans: 100 });
		fill(store, "old", 1, 40);
		const first = store.pin("old");
		const second = store.pin("old");
		fill(store, "new", 2, 40);
		first.dispose();
		first.dispose();
		fill(store, "newer", 3, 40);
		expect(ids(store)).toBe("old newer");
		second.dispose();
		fill(store, "newest", 4, 40);
		expect(ids(store)).toBe("newer newest");
	});

	it("counts each span of a trace that alone is over the bound once, however often it is sent", () => {
		const store = new TraceStore({ maxSpans: 100 });
		fill(store, "t", 1, 130);
		fill(store, "t", 1, 130);
		expect(store.summary("t")).toMatchObject({ spanCount: 100, droppedSpans: 30 });
		expect(store.upsertSpan(span("t", "t-129"))).toBe("ignored");
	});

	it("takes a dropped span back out of the count when there is room for it", () => {
		const store = new TraceStore({ maxSpans: 2 });
		fill(store, "t", 1, 3);
		expect(store.summary("t")?.droppedSpans).toBe(1);
		store.deleteSpan("t-0", "t");
		fill(store, "t", 1, 3);
		expect(store.summary("t")).toMatchObject({ droppedSpans: 0, spanCount: 2 });
	});

	it("does not let history push out what is newer", () => {
		const store = new TraceStore({ maxSpans: 100 });
		fill(store, "new", 10, 60);
		store.asHistory(() => fill(store, "older", 5, 60));
		expect(store.summary("new")?.spanCount).toBe(60);
		expect(store.summary("older")).toMatchObject({ spanCount: 40, droppedSpans: 20 });
		store.asHistory(() => fill(store, "newest", 20, 10));
		expect(ids(store)).toBe("new newest");
	});

	it("makes room for history that somebody looks at", () => {
		const store = new TraceStore({ maxSpans: 100 });
		fill(store, "new", 10, 60);
		store.asHistory(() => store.upsertTrace({ traceId: "old", start: at(0) }));
		store.pin("old");
		store.asHistory(() => fill(store, "old", 0, 60));
		expect(ids(store)).toBe("old");
		expect(store.summary("old")).toMatchObject({ spanCount: 60, droppedSpans: 0 });
	});

	it("does not announce an evicted trace as new, nor as whole, when a late span of it comes", () => {
		const store = new TraceStore({ maxSpans: 10, coalesceMs: 16 });
		fill(store, "old", 1, 6);
		fill(store, "new", 2, 6);
		expect(ids(store)).toBe("new");
		store.flush();
		const announced: string[] = [];
		store.onDidChange((set) => announced.push(...set.newLiveTraceIds));
		store.upsertSpan(span("old", "old-1", { start: at(60_001) }));
		store.upsertSpan(span("newer", "n", { start: at(180_000) }));
		store.flush();
		expect(announced).toEqual(["newer"]);
		expect([store.entry("old")?.isWhole, store.entry("newer")?.isWhole]).toEqual([false, true]);
		store.dispose();
	});

	it("holds its bounds and its counts under any traffic", () => {
		const step = fc.oneof(
			fc.record({
				do: fc.constant("span" as const),
				trace: fc.nat(9),
				span: fc.nat(30),
				start: fc.nat(100),
				isHistory: fc.boolean(),
			}),
			fc.record({ do: fc.constant("trace" as const), trace: fc.nat(30), start: fc.nat(100), isHistory: fc.boolean() }),
			fc.record({ do: fc.constant("deleteSpan" as const), span: fc.nat(30) }),
			fc.record({ do: fc.constant("deleteTrace" as const), trace: fc.nat(9) }),
		);
		fc.assert(
			fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
				const store = new TraceStore({ maxSpans: 20, maxTraces: 8 });
				let position = 0;
				for (const one of steps) {
					position++;
					const apply = () => {
						if (one.do === "span")
							store.upsertSpan(span(`t${one.trace}`, `s${one.span}`, { start: at(one.start) }), position);
						else if (one.do === "trace")
							store.upsertTrace({ traceId: `t${one.trace}`, start: at(one.start) }, position);
						else if (one.do === "deleteSpan") store.deleteSpan(`s${one.span}`, undefined, position);
						else store.deleteTrace(`t${one.trace}`, position);
					};
					if ("isHistory" in one && one.isHistory) store.asHistory(apply);
					else apply();
					expect(store.spanCount).toBeLessThanOrEqual(20);
					expect(store.traceCount).toBeLessThanOrEqual(8);
				}
				const entries = [...store.entries()];
				expect(entries).toHaveLength(store.traceCount);
				expect(entries.reduce((sum, entry) => sum + entry.rows.length, 0)).toBe(store.spanCount);
				const rows = entries.flatMap((entry) => entry.rows);
				expect(new Set(rows).size).toBe(rows.length);
				for (const entry of entries) {
					entry.rows.forEach((row, ordinal) => {
						expect(store.columns.ordinal[row]).toBe(ordinal);
						expect(store.entryOfRow(row)).toBe(entry);
						expect(store.rowOf(store.columns.ids[row], entry.traceId)).toBe(row);
					});
				}
				store.dispose();
			}),
		);
	});
});

describe("TraceStore: memory", { timeout: 30_000 }, () => {
	it("uses the rows of deleted spans again", () => {
		const store = new TraceStore();
		for (let round = 0; round < 50; round++) {
			fill(store, `t${round}`, round, 20);
			store.deleteTrace(`t${round}`);
		}
		expect(store.columns.used).toBe(20);
	});

	it("gives the columns back when it is cleared", () => {
		const store = new TraceStore();
		fill(store, "t", 1, 1000);
		store.clear();
		expect([store.columns.used, store.columns.ids.length, store.columns.startMs.length]).toEqual([0, 0, 0]);
		fill(store, "t", 1, 3);
		expect(store.summary("t")).toMatchObject({ spanCount: 3, start: at(60_000) });
	});

	it.each([
		[
			"evicted",
			(store: TraceStore, index: number) =>
				store.upsertSpan(span(`t${index >> 3}`, `s${index}`, { name: `n${index}` })),
		],
		[
			"deleted",
			(store: TraceStore, index: number) => {
				store.upsertSpan(span(`t${index}`, `s${index}`, { name: `n${index}` }));
				if (index >= 100) store.deleteTrace(`t${index - 100}`);
			},
		],
		[
			"renamed",
			(store: TraceStore, index: number) => store.upsertSpan(span("t", `s${index % 100}`, { name: `n${index}` })),
		],
	])("lets go of the names of %s spans", (_, step) => {
		const store = new TraceStore({ maxSpans: 1000 });
		for (let index = 0; index < 60_000; index++) {
			step(store, index);
			if (index % 500 === 0) store.flush();
		}
		store.flush();
		expect(store.strings.size).toBeLessThan(25_000);
		for (const entry of store.entries()) {
			for (const row of entry.rows)
				expect(store.spanAt(row)).toMatchObject({ name: expect.stringMatching(/^n\d+$/), kindName: "tool" });
		}
	});
});
