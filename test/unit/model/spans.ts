import type { Timestamp } from "../../../src/base/timestamp.ts";
import type { ChangeSet } from "../../../src/model/changeWindow.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import type { TraceStore } from "../../../src/model/traceStore.ts";

export const NOON = Date.UTC(2026, 2, 6, 12);

/** Milliseconds after noon, nanoseconds of that millisecond. */
export function at(ms: number, subNs = 0): Timestamp {
	return { ms: NOON + ms, subNs };
}

/** A whole span as a server sends it; completed after 10 ms unless told otherwise. */
export function span(traceId: string, spanId: string, rest: Partial<SpanInput> = {}): SpanInput {
	return {
		traceId,
		spanId,
		parentSpanId: null,
		name: `name of ${spanId}`,
		kindType: "custom",
		kindName: "tool",
		state: "completed",
		start: at(0),
		end: at(10),
		...rest,
	};
}

/** The same span while it ran. */
export function running(input: SpanInput): SpanInput {
	const { end, error, outputTokens, costUsd, ...rest } = input;
	return { ...rest, state: "running" };
}

/** Everything that one can see of a store, without rows, ordinals, revisions and clocks. */
export function contents(store: TraceStore): unknown {
	const traces = [...store.entries()].map((entry) => ({
		summary: { ...store.summary(entry.traceId), changedAtMs: 0 },
		spans: entry.rows.map((row) => store.spanAt(row)).sort((a, b) => (a.spanId < b.spanId ? -1 : 1)),
	}));
	return traces.sort((a, b) => ((a.summary.traceId ?? "") < (b.summary.traceId ?? "") ? -1 : 1));
}

/** The change sets of a store from now on, each copied while its rows are valid. */
export function recordChanges(
	store: TraceStore,
): { readonly spanIds: Record<string, string[]>; readonly set: ChangeSet }[] {
	const sets: { spanIds: Record<string, string[]>; set: ChangeSet }[] = [];
	store.onDidChange((set) => {
		const spanIds = [...set.changedTraces].map(([traceId, change]) => [
			traceId,
			[...change.rows].map((row) => store.columns.ids[row]),
		]);
		sets.push({ spanIds: Object.fromEntries(spanIds), set });
	});
	return sets;
}
