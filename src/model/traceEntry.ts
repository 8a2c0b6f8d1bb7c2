import type { Timestamp } from "../base/timestamp.ts";
import type { ReportedTrace, TraceSummary } from "./span.ts";
import type { TraceSums } from "./traceSums.ts";

/** One trace's place in the store. Read-only for all but the store. */
export interface TraceEntry {
	readonly traceId: string;
	readonly index: number;
	name: string | undefined;
	tags: readonly string[];
	start: Timestamp | undefined;
	serviceName: string | undefined;
	/** Rows in order of arrival; a row's place is its ordinal. */
	rows: number[];
	/** Moves on each change of the trace or one of its spans; never a second time the same number for a trace id. */
	revision: number;
	/** Moves when a span is removed; as `revision`, never twice the same. */
	structureRevision: number;
	/** Spans that the bound kept out. */
	droppedSpans: number;
	/**
	 * True when nothing of the trace is missing here: it was created by a live change, whose caller so says that it saw the
	 * trace begin, or it was read to its end (`markWhole`). Else opening the trace loads the rest. A trace that was evicted
	 * and comes back with a late span is not whole. Spans that the bound keeps out do not change it.
	 */
	isWhole: boolean;
	changedAtMs: number;
}

/** What only the store sees of an entry. */
export interface StoredEntry extends TraceEntry {
	/**
	 * Whether a span with usage is, or once was, above another one. In a trace without such spans all usage counts; in another
	 * one the rows say whether theirs does (`SpanFlag.repeating`), once looked through anew when that is stale.
	 */
	nesting: "none" | "settled" | "stale";
	/** As long as nothing changed since it was computed. */
	summary: TraceSummary | undefined;
	/** What few traces need, apart: one field instead of five in each of 50,000. */
	extra: EntryExtra | undefined;
}

interface EntryExtra {
	/** Sums of each `CHUNK` rows, undefined where a row changed; only for traces longer than that. */
	chunks: (TraceSums | undefined)[] | undefined;
	/** Ids of dropped spans, so that each counts once. */
	dropped: Set<string> | undefined;
	/** Where `serviceName` comes from. */
	service: NamedBySpan | undefined;
	/** The session that a span named. */
	session: NamedBySpan | undefined;
	/** What the backend said last. */
	reported: ReportedTrace | undefined;
}

/** A word of a trace that its spans say, and which span said it. */
export interface NamedBySpan {
	readonly name: string;
	readonly isRoot: boolean;
	/** A number greater than all for a span whose start is not known. */
	readonly startMs: number;
}

export function extraOf(entry: StoredEntry): EntryExtra {
	entry.extra ??= {
		chunks: undefined,
		dropped: undefined,
		service: undefined,
		session: undefined,
		reported: undefined,
	};
	return entry.extra;
}

/**
 * Which of two spans names a trace: the earliest root, else the earliest span, and of equals the smaller name, so the same in
 * any order of arrival.
 */
export function betterName(before: NamedBySpan | undefined, now: NamedBySpan): NamedBySpan {
	if (before === undefined) return now;
	if (before.isRoot !== now.isRoot) return now.isRoot ? now : before;
	if (before.startMs !== now.startMs) return now.startMs < before.startMs ? now : before;
	return now.name < before.name ? now : before;
}
