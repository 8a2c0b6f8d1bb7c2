import type { Sliced } from "../../base/sliced.ts";
import type { SpanInput, TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";

/** Spans written in one go; about five milliseconds. */
const ATOMIC_SPANS = 2000;

/**
 * Brings a trace of the store to a whole state. A small one goes in at once; spans of a large one by and by, and in one step at the
 * end what is not among them leaves the store and the trace is whole.
 *
 * @param isCurrent asked in each turn: a newer state has come, or nobody wants this one any more.
 * @returns how many spans changed; undefined when it was not brought to its end.
 */
export function* writeWhole(
	store: TraceStore,
	trace: TraceInput,
	spans: readonly SpanInput[],
	isHistory: boolean,
	isCurrent: () => boolean,
): Sliced<number | undefined> {
	const { traceId } = trace;
	const snapshot = { traces: [trace], isTraceListComplete: false, isHistory };
	if (!isCurrent()) return undefined;
	if (spans.length <= ATOMIC_SPANS) {
		return store.applySnapshot({ ...snapshot, spans, wholeTraceIds: new Set([traceId]) });
	}
	let changed = 0;
	for (let at = 0; at < spans.length; at += ATOMIC_SPANS) {
		const write = () => {
			for (const span of spans.slice(at, at + ATOMIC_SPANS)) if (store.upsertSpan(span) === "applied") changed++;
		};
		if (isHistory) store.asHistory(write);
		else write();
		yield;
		if (!isCurrent()) return undefined;
	}
	if ((store.entry(traceId)?.rows.length ?? 0) <= spans.length) {
		store.markWhole(traceId);
		return changed + store.applySnapshot({ ...snapshot, spans: [], wholeTraceIds: new Set() });
	}
	// Those that the store's bound kept out would come in without anything but their names.
	const kept = spans.filter(({ spanId }) => store.rowOf(spanId, traceId) !== undefined).map(nameOnly);
	return changed + store.applySnapshot({ ...snapshot, spans: kept, wholeTraceIds: new Set([traceId]) });
}

function nameOnly({ spanId, traceId }: SpanInput): SpanInput {
	return { spanId, traceId };
}
