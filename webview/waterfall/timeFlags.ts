import { SpanStateCode } from "../../src/model/span.ts";
import type { TraceModel } from "./model.ts";

/** Keys of the words that say it. */
export type TimeFlag =
	| "flagEndBeforeStart"
	| "flagLongAgo"
	| "flagFuture"
	| "flagEndFuture"
	| "flagBeforeParent"
	| "flagAfterParent"
	| "flagOverdue";

/** Clocks of two machines, and times of whole milliseconds, differ by this without telling anything. */
const SLACK_NS = 1e6;
const FUTURE_NS = 60e9;
/** 2000-01-01: nothing that is traced is older; seconds or milliseconds taken for nanoseconds are. */
const OLDEST_MS = 946_684_800_000;

/**
 * What is odd about the times of a span, undefined for most. Odd times are shown where they are: nothing is moved,
 * for nobody knows which of two clocks was right.
 */
export function timeFlag(model: TraceModel, ordinal: number, nowNs: number): TimeFlag | undefined {
	const { table, layout } = model;
	const start = table.startNs[ordinal];
	const end = table.endNs[ordinal];
	if (end < start) return "flagEndBeforeStart";
	if (model.base.ms + start / 1e6 < OLDEST_MS) return "flagLongAgo";
	if (start > nowNs + FUTURE_NS) return "flagFuture";
	if (end > nowNs + FUTURE_NS) return "flagEndFuture";
	const parent = table.parent[ordinal];
	if (parent < 0 || parent >= table.count || layout.isStranded(ordinal)) return undefined;
	// Comparisons with NaN are false: of an unknown time nothing is said.
	if (start < table.startNs[parent] - SLACK_NS) return "flagBeforeParent";
	if (table.state[parent] === SpanStateCode.running) return undefined;
	if (start > table.endNs[parent] + SLACK_NS) return "flagAfterParent";
	return table.state[ordinal] === SpanStateCode.running ? "flagOverdue" : undefined;
}
