import * as z from "zod/mini";

/**
 * Questions about sums over spans and their answers. Only spans whose usage counts add tokens and cost (`model/usage.ts`), so
 * that a parent that repeats its children's usage is not counted twice; all of them add to `span_count` and `error_count`.
 */
export const ANALYTICS_METRICS = [
	"total_cost",
	"total_input_tokens",
	"total_output_tokens",
	"total_tokens",
	"avg_latency_ms",
	"span_count",
	"error_count",
] as const;
export type AnalyticsMetric = (typeof ANALYTICS_METRICS)[number];

/** `day` is `YYYY-MM-DD`, `hour` is `YYYY-MM-DDTHH:00`, `week` the day of its Monday; all by the span's start, in UTC. */
export const ANALYTICS_GROUPS = [
	"model",
	"provider",
	"kind",
	"status",
	"trace",
	"session",
	"hour",
	"day",
	"week",
] as const;
export type AnalyticsGroup = (typeof ANALYTICS_GROUPS)[number];

export const ANALYTICS_BUCKETS = ["hour", "day", "week"] as const;
export type AnalyticsBucket = (typeof ANALYTICS_BUCKETS)[number];

const text = z.nullish(z.string().check(z.maxLength(4000)));
const time = z.nullish(z.string().check(z.maxLength(40)));

/**
 * `POST /api/analytics`, three shapes in one: lists of `metrics` and `group_by` (groups and totals); one word of time as
 * `group_by` (buckets, too); `metric` with `aggregation` and `bucket` (buckets of one value).
 */
export const analyticsQuerySchema = z.object({
	metrics: z.nullish(z.array(z.enum(ANALYTICS_METRICS)).check(z.maxLength(ANALYTICS_METRICS.length * 2))),
	group_by: z.nullish(
		z.union([z.enum(ANALYTICS_GROUPS), z.array(z.enum(ANALYTICS_GROUPS)).check(z.maxLength(ANALYTICS_GROUPS.length))]),
	),
	metric: z.nullish(
		z.enum(["cost", "tokens", "input_tokens", "output_tokens", "latency_ms", "span_count", "error_count"]),
	),
	aggregation: z.nullish(z.enum(["sum", "avg", "min", "max", "count"])),
	bucket: z.nullish(z.enum(ANALYTICS_BUCKETS)),
	filter: z.nullish(
		z.object({
			/** Type, or inner word of a custom kind. */
			kind: text,
			model: text,
			provider: text,
			status: z.nullish(z.enum(["running", "completed", "failed"])),
			since: time,
			until: time,
			trace_id: text,
			session_id: text,
		}),
	),
	since: time,
	until: time,
});
export type AnalyticsQuery = z.infer<typeof analyticsQuerySchema>;
export type AnalyticsFilter = NonNullable<AnalyticsQuery["filter"]>;
export type SeriesMetric = NonNullable<AnalyticsQuery["metric"]>;
export type Aggregation = NonNullable<AnalyticsQuery["aggregation"]>;

/** Sums of what nothing is known of are 0, an average of nothing is null. Costs are US dollars. */
export type WireMetrics = Partial<Record<AnalyticsMetric, number | null>>;

export interface WireAnalytics {
	/** Null in a key: the span names none. Sorted by key. */
	readonly groups: readonly (WireMetrics & {
		readonly key: Readonly<Partial<Record<AnalyticsGroup, string | null>>>;
	})[];
	readonly totals: WireMetrics;
	/** When `group_by` is one word of time; oldest first, without those that have no span. */
	readonly buckets?: readonly WireBucket[];
}

export interface WireBucket {
	/** Begin of the hour, day or week. */
	readonly timestamp: string;
	readonly span_count: number;
	readonly cost: number;
	readonly tokens: number;
	readonly avg_latency_ms: number | null;
	readonly error_count: number;
}

/** Answer to `metric`; without `bucket` only the value of everything. Null where nothing is known. */
export interface WireSeries {
	readonly metric: SeriesMetric;
	readonly aggregation: Aggregation;
	readonly value: number | null;
	readonly buckets: readonly { readonly timestamp: string; readonly value: number | null }[];
}

/** `GET /api/analytics/summary`: the keys of both descriptions. */
export interface WireSummary {
	readonly total_traces: number;
	readonly total_spans: number;
	readonly total_llm_calls: number;
	readonly total_cost: number;
	readonly total_tokens: number;
	readonly total_input_tokens: number;
	readonly total_output_tokens: number;
	/** Over every ended span; null when none has ended. */
	readonly avg_latency_ms: number | null;
	readonly error_count: number;
	/** Share of failed spans, 0 … 1. */
	readonly error_rate: number;
	readonly models_used: readonly string[];
	readonly providers_used: readonly string[];
	readonly cost_by_model: readonly { readonly model: string; readonly cost: number; readonly span_count: number }[];
	readonly tokens_by_model: readonly {
		readonly model: string;
		readonly input_tokens: number;
		readonly output_tokens: number;
		readonly total_tokens: number;
	}[];
	readonly models: Readonly<Record<string, { readonly count: number; readonly cost: number; readonly tokens: number }>>;
}
