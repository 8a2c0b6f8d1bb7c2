import { Parent } from "./spanColumns.ts";
import type { TraceStore } from "./traceStore.ts";

/**
 * Id of the span that tells best what came of a trace, for comparing it with another one: the model call that began last, which
 * has the whole conversation and the answer; else the earliest root, else any span. Undefined without spans.
 */
export function outcomeSpanOf(store: TraceStore, traceId: string): string | undefined {
	const { startMs, startSubNs, parentRow, ids } = store.columns;
	const isEarlier = (row: number, other: number) =>
		startMs[row] < startMs[other] || (startMs[row] === startMs[other] && startSubNs[row] < startSubNs[other]);
	let call: number | undefined;
	let root: number | undefined;
	const rows = store.entry(traceId)?.rows ?? [];
	for (const row of rows) {
		if (store.kindTypeOf(row) === "llm_call" && (call === undefined || isEarlier(call, row))) call = row;
		if (parentRow[row] === Parent.root && (root === undefined || isEarlier(row, root))) root = row;
	}
	const row = call ?? root ?? rows.at(0);
	return row === undefined ? undefined : ids[row];
}
