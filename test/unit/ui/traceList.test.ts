import { describe, expect, it } from "vitest";
import type { ChangeSet } from "../../../src/model/changeWindow.ts";
import { parseQuery } from "../../../src/model/query.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { TraceList } from "../../../src/ui/traces/traceList.ts";

const NOW = 1_700_000_100_000;

function span(traceId: string, startMs: number, more: Partial<SpanInput> = {}): SpanInput {
	return {
		traceId,
		spanId: `${traceId}-${startMs}`,
		parentSpanId: null,
		name: `work of ${traceId}`,
		kindType: "custom",
		kindName: "custom",
		state: "completed",
		start: { ms: startMs, subNs: 0 },
		end: { ms: startMs + 10, subNs: 0 },
		...more,
	};
}

function storeWith(...spans: SpanInput[]): TraceStore {
	const store = new TraceStore();
	for (const input of spans) store.upsertSpan(input);
	return store;
}

function queryOf(text: string) {
	const parsed = parseQuery(text);
	if (!parsed.ok) throw new Error(parsed.error.message);
	return parsed.query;
}

describe("the list of traces", () => {
	it("puts the newest first, whatever order they came in", () => {
		const list = new TraceList(storeWith(span("b", 200), span("c", 300), span("a", 100)));
		expect(list.ids(NOW)).toEqual(["c", "b", "a"]);
	});

	it("sorts by cost with unknown costs last", () => {
		const list = new TraceList(
			storeWith(span("free", 300), span("dear", 100, { costUsd: 2 }), span("cheap", 200, { costUsd: 0.5 })),
		);
		list.sorting = "cost";
		expect(list.ids(NOW)).toEqual(["dear", "cheap", "free"]);
	});

	it("shows what the filter matches and lets its own order win", () => {
		const list = new TraceList(
			storeWith(
				span("x1", 100, { state: "failed", error: "no" }),
				span("x2", 200, { state: "failed", error: "no" }),
				span("y", 300),
			),
		);
		list.query = queryOf("status:failed sort:started order:asc");
		expect(list.ids(NOW)).toEqual(["x1", "x2"]);
	});

	it("collects traces without a session in the last group", () => {
		const store = storeWith(span("a", 100), span("b", 200), span("c", 300));
		store.upsertTrace({ traceId: "a", tags: ["session:one"] });
		store.upsertTrace({ traceId: "b", tags: ["session_id:one"] });
		const list = new TraceList(store);
		list.grouping = "session";
		expect(list.groups(NOW)).toEqual([
			{ key: "one", traceIds: ["b", "a"] },
			{ key: undefined, traceIds: ["c"] },
		]);
	});

	it("keeps its order while known traces change, and gives it up when one is new", () => {
		const store = storeWith(span("a", 100), span("b", 200));
		store.flush();
		const list = new TraceList(store);
		const changes: ChangeSet[] = [];
		store.onDidChange((change) => changes.push(change));
		list.ids(NOW);
		store.upsertSpan(span("a", 150, { parentSpanId: "a-100" }));
		store.flush();
		store.upsertSpan(span("c", 300));
		store.flush();
		expect(changes.map((change) => list.isOrderTouchedBy(change))).toEqual([false, true]);
	});
});
