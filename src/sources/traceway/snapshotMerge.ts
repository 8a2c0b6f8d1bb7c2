import type { SpanInput, TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import { isLater, type SpanListRead, type TraceListRead } from "./snapshot.ts";

/** Spans merged between two looks at the clock: 1 to 2 ms. */
const SLICE_SPANS = 500;

const NONE: ReadonlySet<string> = new Set();

/**
 * Brings the store to what was read, in slices, so that 100,000 spans do not hold the event loop. Stream events are held back
 * meanwhile. What the server provably no longer has is removed. Returns how many spans were added, changed or removed; stops
 * early, with the store whole but not yet up to date, when `signal` is aborted.
 */
export async function mergeSnapshot(
	store: TraceStore,
	traceList: TraceListRead,
	spanList: SpanListRead,
	budget: TurnBudget,
	signal: AbortSignal,
): Promise<number> {
	const spansByTrace = new Map<string, SpanInput[]>(traceList.traces.map((trace) => [trace.traceId, []]));
	for (const span of spanList.spans) {
		if (span.traceId === undefined) continue;
		const spans = spansByTrace.get(span.traceId);
		if (spans === undefined) spansByTrace.set(span.traceId, [span]);
		else spans.push(span);
	}
	const records = new Map(traceList.traces.map((trace) => [trace.traceId, trace]));

	let count = 0;
	let traces: TraceInput[] = [];
	let spans: SpanInput[] = [];
	const merge = (wholeTraceIds = NONE) => {
		count += store.applySnapshot({ traces, spans, isTraceListComplete: false, wholeTraceIds, isHistory: true });
		traces = [];
		spans = [];
	};
	for (const [traceId, listed] of spansByTrace) {
		const record = records.get(traceId);
		if (record !== undefined) traces.push(record);
		for (const span of listed) {
			spans.push(span);
			if (spans.length < SLICE_SPANS) continue;
			merge();
			if (budget.isSpent) await budget.turn();
			if (signal.aborted) return count;
		}
	}
	merge();

	const { columns } = store;
	const { since, isComplete } = spanList;
	const oldestListed = traceList.traces.at(-1)?.start;
	const isCovered = (row: number) =>
		isComplete || (since !== undefined && isLater({ ms: columns.startMs[row], subNs: columns.startSubNs[row] }, since));
	for (const entry of [...store.entries()]) {
		const { traceId } = entry;
		const listed = spansByTrace.get(traceId);
		if (entry.rows.length > (listed?.length ?? 0)) {
			const ids = new Set(listed?.map((span) => span.spanId));
			const gone = entry.rows.filter((row) => isCovered(row) && !ids.has(columns.ids[row]));
			if (gone.length > 0 && isComplete) {
				spans = listed ?? [];
				merge(new Set([traceId]));
			} else {
				for (const spanId of gone.map((row) => columns.ids[row])) if (store.deleteSpan(spanId, traceId)) count++;
			}
		}
		if (isComplete && listed !== undefined) store.markWhole(traceId);
		if (listed !== undefined || entry.rows.length > 0) continue;
		const wouldBeListed =
			traceList.rest === undefined ||
			(traceList.isSorted &&
				entry.start !== undefined &&
				oldestListed !== undefined &&
				isLater(entry.start, oldestListed));
		if (wouldBeListed && store.deleteTrace(traceId)) count++;
	}
	// An empty snapshot forgets the graves just dug: the same ids may be created again.
	merge();
	return count;
}
