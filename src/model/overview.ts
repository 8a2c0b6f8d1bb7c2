import type { SpanState } from "./span.ts";

/**
 * The overview: what all model calls and tool calls of a stretch of time used, cost and took. One model for what a server
 * counts and for what is counted here (`overviewBuilder.ts`); unknown is null, never 0.
 */

export const OVERVIEW_RANGES = ["1h", "6h", "24h", "7d", "all"] as const;
export type OverviewRange = (typeof OVERVIEW_RANGES)[number];

/** Every chart has so many steps of time. */
export const OVERVIEW_BUCKETS = 60;
/** Newest calls listed. */
export const OVERVIEW_CALLS = 100;
/** Rows of a table; the rest is counted in `omitted`. */
export const OVERVIEW_ROWS = 200;
/** Names that a chart tells apart; the rest is one series. */
export const OVERVIEW_SERIES = 6;

/** `OVERVIEW_BUCKETS` buckets of time, the first of which begins at `startMs` (milliseconds since the epoch). */
export interface OverviewWindow {
	readonly startMs: number;
	readonly bucketMs: number;
}

/** Sums over calls and over all usage that counts (`usage.ts`): roll-ups add usage and are no calls. */
export interface UsageTotals {
	readonly calls: number;
	readonly failedCalls: number;
	/** US dollars, exact to the nano-dollar. */
	readonly costUsd: number | null;
	/** True when a part of the cost comes from list prices. */
	readonly isCostEstimated: boolean;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	/** Parts of the input. */
	readonly cacheReadTokens: number | null;
	readonly cacheWriteTokens: number | null;
	/** Part of the output. */
	readonly reasoningTokens: number | null;
}

export interface ModelTotals extends UsageTotals {
	/** Null for usage of spans that name no model. */
	readonly model: string | null;
	/** Sorted. */
	readonly providers: readonly string[];
}

export interface AgentTotals extends UsageTotals {
	/** Null for calls that name no agent. */
	readonly agent: string | null;
}

export interface ToolTotals {
	readonly tool: string | null;
	readonly calls: number;
	readonly succeeded: number;
	/** The calls that are neither still run. */
	readonly failed: number;
	/** Over the calls that have ended; null while none has. */
	readonly averageMs: number | null;
}

/** One line of a chart, a value for each bucket. */
export interface OverviewSeries {
	/** Null for what has no name. */
	readonly name: string | null;
	/** True for the sum of all that the chart does not tell apart. */
	readonly isRest: boolean;
	readonly values: readonly number[];
}

/** Texts of a call, cut to a line. */
export interface CallPreview {
	/** The newest message of the user, or the parameters of a tool. */
	readonly input: string | null;
	readonly output: string | null;
	/** Why the model stopped, in the provider's words. */
	readonly finishReason: string | null;
}

/** A model call or a tool call. */
export interface OverviewCall {
	readonly traceId: string;
	readonly spanId: string;
	/** Milliseconds since the epoch; null while unknown. */
	readonly startMs: number | null;
	/** Null while it runs. */
	readonly durationMs: number | null;
	readonly state: SpanState;
	readonly error: string | null;
	/** Model, or tool. */
	readonly name: string | null;
	readonly agent: string | null;
	/** The call's own cost, also where it does not count. */
	readonly costUsd: number | null;
	readonly isCostEstimated: boolean;
	/** Null until it has been read. */
	readonly preview: CallPreview | null;
}

export interface Overview extends OverviewWindow {
	readonly range: OverviewRange;
	readonly traces: number;
	readonly sessions: number;
	readonly spans: number;
	readonly failedSpans: number;
	readonly toolCalls: number;
	/** All usage, and all model calls. */
	readonly usage: UsageTotals;
	/** Of model calls that have ended, nearest rank; null while none has. */
	readonly latencyP50Ms: number | null;
	readonly latencyP95Ms: number | null;
	/** By cost, greatest first; then by tokens and name. */
	readonly models: readonly ModelTotals[];
	readonly agents: readonly AgentTotals[];
	/** By calls. */
	readonly tools: readonly ToolTotals[];
	/** Rows past `OVERVIEW_ROWS`. */
	readonly omitted: { readonly models: number; readonly agents: number; readonly tools: number };
	/** US dollars. Their sum is the whole cost. */
	readonly costByModel: readonly OverviewSeries[];
	readonly tokensByModel: readonly OverviewSeries[];
	readonly callsByTool: readonly OverviewSeries[];
	/** Failed spans: model calls, tool calls, others. */
	readonly failures: {
		readonly model: readonly number[];
		readonly tool: readonly number[];
		readonly other: readonly number[];
	};
	/** Of the model calls that began in each bucket and have ended; null where none has. */
	readonly latency: { readonly p50Ms: readonly (number | null)[]; readonly p95Ms: readonly (number | null)[] };
	/** Newest first, at most `OVERVIEW_CALLS`. */
	readonly newestModelCalls: readonly OverviewCall[];
	readonly newestToolCalls: readonly OverviewCall[];
}

export function isOverviewRange(value: unknown): value is OverviewRange {
	return OVERVIEW_RANGES.some((range) => range === value);
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const RANGE_MS: Readonly<Record<Exclude<OverviewRange, "all">, number>> = {
	"1h": HOUR_MS,
	"6h": 6 * HOUR_MS,
	"24h": DAY_MS,
	"7d": 7 * DAY_MS,
};

/** Lengths of a bucket that read well, each at most twice the one before. */
const BUCKETS_MS = [
	...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30].map((seconds) => seconds * SECOND_MS),
	...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30].map((minutes) => minutes * 60 * SECOND_MS),
	...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR_MS),
	...[1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 60, 120, 240].map((days) => days * DAY_MS),
];
const YEAR_MS = 365 * DAY_MS;

/**
 * The buckets of a range: they begin at multiples of their length, so that they stay where they are while time goes by, and
 * the last one holds `nowMs`. For `all` they reach from the first start to now, or to a last end in the future; without any
 * span that is the last hour.
 */
export function overviewWindow(
	range: OverviewRange,
	nowMs: number,
	extent: { readonly firstMs: number; readonly lastMs: number } | undefined,
): OverviewWindow {
	if (range !== "all" || extent === undefined) {
		const lengthMs = RANGE_MS[range === "all" ? "1h" : range];
		return endingAt(nowMs, lengthMs / OVERVIEW_BUCKETS);
	}
	const lastMs = Math.max(nowMs, extent.lastMs);
	for (const bucketMs of BUCKETS_MS) {
		const window = endingAt(lastMs, bucketMs);
		if (window.startMs <= extent.firstMs) return window;
	}
	const years = Math.ceil((lastMs - extent.firstMs) / ((OVERVIEW_BUCKETS - 1) * YEAR_MS));
	return endingAt(lastMs, years * YEAR_MS);
}

function endingAt(lastMs: number, bucketMs: number): OverviewWindow {
	return { startMs: (Math.floor(lastMs / bucketMs) + 1 - OVERVIEW_BUCKETS) * bucketMs, bucketMs };
}

/**
 * Bucket of a moment, 0 … 59: what is earlier counts in the first one, as does what has no time, what is later in the last.
 */
export function bucketOf(window: OverviewWindow, startMs: number): number {
	const bucket = Math.floor((startMs - window.startMs) / window.bucketMs);
	return bucket > 0 ? Math.min(bucket, OVERVIEW_BUCKETS - 1) : 0;
}

/** Whether a span that is no model call is the call of a tool: it names one, or its kind says so. */
export function isToolKind(toolName: string | null | undefined, kindName: string): boolean {
	return (toolName ?? "") !== "" || /tool|^function/i.test(kindName);
}

/** Share of ended calls that succeeded, 0 … 1; null when none has ended. */
export function successRate({ succeeded, failed }: Pick<ToolTotals, "succeeded" | "failed">): number | null {
	return succeeded + failed === 0 ? null : succeeded / (succeeded + failed);
}
