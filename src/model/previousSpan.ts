import { previousCalls } from "./conversationHistory.ts";
import type { SpanSummary } from "./span.ts";
import type { TraceStore } from "./traceStore.ts";

/**
 * The span that one would compare this one with: for a model call the call before in the same trace, for anything else the newest of
 * the same name that began before it. Undefined where there is none. One pass over the rows of the trace.
 */
export function previousAlike(store: TraceStore, span: SpanSummary): SpanSummary | undefined {
	if (span.kindType === "llm_call") return previousCalls(store, span)[0];
	const entry = store.entry(span.traceId);
	const own = store.rowOf(span.spanId, span.traceId);
	if (entry === undefined || own === undefined) return undefined;
	const { name, startMs, startSubNs } = store.columns;
	const isBefore = (row: number, other: number): boolean =>
		startMs[row] < startMs[other] || (startMs[row] === startMs[other] && startSubNs[row] < startSubNs[other]);
	let newest: number | undefined;
	for (const row of entry.rows) {
		if (name[row] !== name[own] || name[own] < 0 || !isBefore(row, own)) continue;
		if (newest === undefined || isBefore(newest, row)) newest = row;
	}
	return newest === undefined ? undefined : store.spanAt(newest);
}
