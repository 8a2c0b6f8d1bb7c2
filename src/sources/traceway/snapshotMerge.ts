import type { SpanInput, TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import { isLater, type SpanListRead, type TraceListRead } from "./snapshot.ts";

/** Spans merged between two looks at the clock: 1 to 2 ms. */
const SLICE_SPANS = 500;
/** Removing one by one costs a pass over the trace each. */
const MANY_SPANS = 100;

const NONE: ReadonlySet<string> = new Set();

/** What stream events changed since the reading began; grows while the merge runs. Ids. */
export interface Touched {
	readonly spans: ReadonlySet<string>;
	readonly traces: ReadonlySet<string>;
	readonly deletedSpans: ReadonlySet<string>;
	readonly deletedTraces: ReadonlySet<string>;
}

/**
 * Brings the store to what was read, in slices, so that 100,000 spans do not hold the event loop. What the server provably no
 * longer has is removed, unless a stream event, which is newer, told of it meanwhile. Returns how many spans were added,
 * changed or removed; stops early, with the store whole but not yet up to date, when `signal` is aborted.
 */
export async function mergeSnapshot(
	store: TraceStore,
	traceList: TraceListRead,
	spanList: SpanListRead,
	touched: Touched,
	budget: TurnBudget,
	signal: AbortSignal,
): Promise<number> {
	const spansByTrace = new Map<string, SpanInput[]>(traceList.traces.map((trace) => [trace.traceId, []]));
	// From the end of the list, which begins with the newest: parents come before their children, and nobody is an orphan.
	for (let index = spanList.spans.length - 1; index >= 0; index--) {
		const span = spanList.spans[index];
		if (span.traceId === undefined) continue;
		const spans = spansByTrace.get(span.traceId);
		if (spans === undefined) spansByTrace.set(span.traceId, [span]);
		else spans.push(span);
		if (index % SLICE_SPANS !== 0 || !budget.isSpent) continue;
		await budget.turn();
		if (signal.aborted) return 0;
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
		if (touched.deletedTraces.has(traceId)) continue;
		const record = records.get(traceId);
		if (record !== undefined) traces.push(record);
		for (const span of listed) {
			if (!touched.deletedSpans.has(span.spanId)) spans.push(span);
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
			const isGone = (row: number) => {
				const spanId = columns.ids[row];
				return isCovered(row) && !ids.has(spanId) && !touched.spans.has(spanId);
			};
			const gone = entry.rows.filter(isGone);
			if (isComplete && gone.length > MANY_SPANS) {
				// All at once: what stays is named, the rest goes.
				const kept = entry.rows.filter((row) => !isGone(row));
				spans = kept.map((row) => ({ spanId: columns.ids[row], traceId }));
				merge(new Set([traceId]));
			} else {
				for (const spanId of gone.map((row) => columns.ids[row])) if (store.deleteSpan(spanId, traceId)) count++;
			}
		}
		if (isComplete && listed !== undefined) store.markWhole(traceId);
		if (listed !== undefined || entry.rows.length > 0 || touched.traces.has(traceId)) continue;
		const wouldBeListed =
			traceList.isComplete ||
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
