import { differenceNs, type Timestamp } from "../base/timestamp.ts";

/** A span is running until its end is known, then completed or failed; the words are Traceway's. */
export type SpanState = "running" | "completed" | "failed";

/** Codes of `SpanState` in typed columns. Their order is their rank: a terminal state is never overwritten by `running`. */
export const SpanStateCode = { running: 0, completed: 1, failed: 2 } as const;
export const SPAN_STATES: readonly SpanState[] = ["running", "completed", "failed"];

/**
 * What an adapter knows of one span, checked, in our words. Only `spanId` is sure: some servers send partial spans, and a
 * field that is undefined leaves what the store has. `parentSpanId: null` says "this is a root".
 */
export interface SpanInput {
	readonly spanId: string;
	readonly traceId?: string | undefined;
	readonly parentSpanId?: string | null | undefined;
	readonly name?: string | undefined;
	/** Discriminator of the kind on the wire: `llm_call`, `fs_read`, `fs_write`, `custom` or a word we do not know. */
	readonly kindType?: string | undefined;
	/** The kind to show and to filter by: `kindType`, or for `custom` its inner word. */
	readonly kindName?: string | undefined;
	/**
	 * True when the kind is told as a whole: type and name, model, provider, tokens, cost, roll-up, first token, path, tool and agent that are
	 * undefined here are unknown, whatever was told before.
	 */
	readonly hasWholeKind?: boolean | undefined;
	readonly model?: string | undefined;
	readonly provider?: string | undefined;
	/** Whole tokens; undefined is unknown, never 0. The input counts all that was sent, the output all that came back. */
	readonly inputTokens?: number | undefined;
	readonly outputTokens?: number | undefined;
	/** Parts of the input. */
	readonly cacheReadTokens?: number | undefined;
	readonly cacheWriteTokens?: number | undefined;
	/** Part of the output. */
	readonly reasoningTokens?: number | undefined;
	/**
	 * True where the backend tells one sum of both ways: it stands as the input, the output stays unknown, and no cost is estimated
	 * from it. Part of the kind.
	 */
	readonly isTokenTotal?: boolean | undefined;
	/** US dollars as the server said; undefined is unknown. */
	readonly costUsd?: number | undefined;
	/** Nanoseconds from the start to the first token; part of the kind. */
	readonly firstTokenNs?: number | undefined;
	/** True when tokens and cost are those of everything below the span: they count only where nothing below has any. */
	readonly isRollup?: boolean | undefined;
	readonly state?: SpanState | undefined;
	readonly error?: string | undefined;
	readonly start?: Timestamp | undefined;
	readonly end?: Timestamp | undefined;
	/** `service.name` of the resource, where the wire carries it. */
	readonly serviceName?: string | undefined;
	/** Session that the span itself names. */
	readonly sessionId?: string | undefined;
	/** File that an `fs_read` or `fs_write` span names; kept for filters. */
	readonly path?: string | undefined;
	/** Tool that the span calls, agent that it belongs to; parts of the kind. */
	readonly toolName?: string | undefined;
	readonly agentName?: string | undefined;
}

/** What an adapter knows of one trace record, apart from its spans. */
export interface TraceInput {
	readonly traceId: string;
	readonly name?: string | undefined;
	readonly tags?: readonly string[] | undefined;
	readonly start?: Timestamp | undefined;
	/** What the backend counted, where it tells of traces without their spans. Replaces what was reported before, as a whole. */
	readonly reported?: ReportedTrace | undefined;
}

/**
 * What a backend says of a trace as a whole. Shown until all its spans are here; a report that differs from the one before says
 * that they no longer are.
 */
export interface ReportedTrace {
	readonly spanCount?: number | undefined;
	readonly failedCount?: number | undefined;
	readonly state?: SpanState | undefined;
	readonly end?: Timestamp | undefined;
	readonly inputTokens?: number | undefined;
	readonly outputTokens?: number | undefined;
	/** US dollars. */
	readonly costUsd?: number | undefined;
	readonly serviceName?: string | undefined;
	readonly sessionId?: string | undefined;
}

/** One span as the lists show it: everything but its payload. */
export interface SpanSummary {
	readonly traceId: string;
	readonly spanId: string;
	/** null for a root, undefined while unknown. */
	readonly parentSpanId: string | null | undefined;
	/** True when `parentSpanId` names a span that has not been received. */
	readonly isOrphan: boolean;
	readonly name: string;
	readonly kindType: string;
	readonly kindName: string;
	readonly model: string | undefined;
	readonly provider: string | undefined;
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly cacheReadTokens: number | undefined;
	readonly cacheWriteTokens: number | undefined;
	readonly reasoningTokens: number | undefined;
	readonly costUsd: number | undefined;
	/** True when the cost comes from list prices and not from the server. */
	readonly isCostEstimated: boolean;
	/** Nanoseconds from the start of a call to its first token. */
	readonly firstTokenNs: number | undefined;
	/** True when tokens and cost sum up what is below the span. */
	readonly isRollup: boolean;
	/** True when the input tokens are the sum of both ways; else missing. */
	readonly isTokenTotal?: true | undefined;
	readonly state: SpanState;
	readonly error: string | undefined;
	readonly start: Timestamp | undefined;
	readonly end: Timestamp | undefined;
}

/** The sums over one trace, by the only function that computes them (`summarize` in traceSummaries.ts). */
export interface TraceSummary {
	readonly traceId: string;
	/** The record's name, else the root span's, else the oldest span's, else the id. */
	readonly name: string;
	readonly tags: readonly string[];
	/** By the tags, else the one that a span named: the earliest root, else the earliest span. */
	readonly sessionId: string | undefined;
	readonly serviceName: string | undefined;
	readonly spanCount: number;
	readonly runningCount: number;
	readonly failedCount: number;
	/** Any failed → failed; else any running → running; else completed. A trace without spans is running. */
	readonly state: SpanState;
	readonly start: Timestamp | undefined;
	/** End of the last span; undefined while one is running. */
	readonly end: Timestamp | undefined;
	/** Sums over the spans that count (`model/usage.ts`). */
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
	/** Text of the first failed span by start. */
	readonly error: string | undefined;
	/** Spans that the bound kept out; 0 when the trace is whole. */
	readonly droppedSpans: number;
	/** When something of this trace last changed here, milliseconds since the epoch. */
	readonly changedAtMs: number;
}

/** One span with everything the server has of it, for the details page. Values are plain JSON. */
export interface SpanDetail {
	readonly summary: SpanSummary;
	/** The wire object, whole. */
	readonly raw: Readonly<Record<string, unknown>>;
	readonly input: unknown;
	readonly output: unknown;
	readonly attributes: Readonly<Record<string, unknown>>;
}

/**
 * Duration of a trace in nanoseconds, first start to last end and never negative; so far, while a span runs. Undefined
 * while its start, or the end of a finished trace, is unknown. `nowMs` is the source's clock.
 */
export function traceDurationNs(summary: TraceSummary, nowMs: number): number | undefined {
	if (summary.start === undefined) return undefined;
	const end = summary.end ?? (summary.runningCount > 0 ? { ms: nowMs, subNs: 0 } : undefined);
	return end === undefined ? undefined : Math.max(0, differenceNs(end, summary.start));
}

/** Token sum where both parts may be unknown. */
export function totalTokens(inputTokens: number | undefined, outputTokens: number | undefined): number | undefined {
	if (inputTokens === undefined) return outputTokens;
	return inputTokens + (outputTokens ?? 0);
}

/** Session of a trace from its tags, `session_id:<X>` or `session:<X>` (Traceway, reference section 5). */
export function sessionOfTags(tags: readonly string[]): string | undefined {
	for (const tag of tags) {
		if (tag.startsWith("session_id:")) return tag.slice(11);
		if (tag.startsWith("session:")) return tag.slice(8);
	}
	return undefined;
}
