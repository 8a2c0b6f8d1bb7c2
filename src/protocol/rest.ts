import * as z from "zod/mini";
import { MAX_COST_USD } from "../model/usage.ts";
import { isId, MAX_ID_LENGTH } from "./ids.ts";

/**
 * What goes over `/api` of a Traceway server, as our own server writes it. Key names are Traceway's, times are RFC 3339 in
 * UTC with 3, 6 or 9 fraction digits. Foreign servers leave out more and add more: clients read them with tolerance.
 */
export interface WireTrace {
	readonly id: string;
	readonly name?: string | undefined;
	readonly tags: readonly string[];
	readonly started_at: string;
	/** End of the last span; null while one is running, and for a trace without spans. */
	readonly ended_at: string | null;
}

/** A trace as `GET /api/traces` lists it: with sums over its spans, so that a list needs no second call. */
export interface WireTraceItem extends WireTrace {
	readonly span_count: number;
	/** Any span failed → failed; else any running, or no span at all → running; else completed. */
	readonly status: WireTraceStatus;
}

export type WireTraceStatus = "running" | "completed" | "failed";

/** The kinds that Traceway documents; servers may send others, and `type` is all that is sure of those. */
export type WireSpanKind =
	| {
			readonly type: "llm_call";
			readonly model?: string;
			readonly provider?: string;
			readonly input_tokens?: number;
			readonly output_tokens?: number;
			/** Parts of `input_tokens`. */
			readonly cache_read_tokens?: number;
			readonly cache_write_tokens?: number;
			/** Part of `output_tokens`. */
			readonly reasoning_tokens?: number;
			/** US dollars. */
			readonly cost?: number;
			/** Milliseconds from the start of a streamed call to its first token. */
			readonly first_token_ms?: number;
			/** `"subtree"`: tokens and cost are those of everything below, and count only where nothing below has any. */
			readonly usage_scope?: "subtree";
			readonly agent_name?: string;
			readonly input_preview?: string;
			readonly output_preview?: string;
	  }
	| { readonly type: "fs_read"; readonly path?: string; readonly file_version?: string; readonly bytes_read?: number }
	| {
			readonly type: "fs_write";
			readonly path?: string;
			readonly file_version?: string;
			readonly bytes_written?: number;
	  }
	| {
			readonly type: "custom";
			readonly kind?: string;
			readonly attributes?: Readonly<Record<string, unknown>>;
			/** Of an agent's or workflow's span that sums up its model calls; always with `usage_scope`. */
			readonly model?: string;
			readonly provider?: string;
			readonly input_tokens?: number;
			readonly output_tokens?: number;
			readonly cache_read_tokens?: number;
			readonly cache_write_tokens?: number;
			readonly reasoning_tokens?: number;
			readonly cost?: number;
			readonly usage_scope?: "subtree";
			readonly tool_name?: string;
			readonly agent_name?: string;
	  };

export type WireSpanStatus = "running" | "completed" | { readonly failed: { readonly error: string } };

export interface WireSpan {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly kind: WireSpanKind;
	readonly status: WireSpanStatus;
	readonly started_at: string;
	readonly ended_at: string | null;
	/** Any JSON; absent when unset and in skeletons (`?fields=skeleton`). */
	readonly input?: unknown;
	readonly output?: unknown;
	/** What the caller sent, and, once the span has ended, `duration_ms`, `total_tokens`, `estimated_cost` where known. */
	readonly metadata?: Readonly<Record<string, unknown>>;
	/** Id of its session, when the span itself names one. */
	readonly session_id?: string;
	/** The rest is of spans that came from OpenTelemetry. All attributes, as plain JSON (see `ValueHint`). */
	readonly attributes?: Readonly<Record<string, unknown>>;
	readonly events?: readonly WireSpanEvent[];
	readonly links?: readonly WireSpanLink[];
	readonly resource?: WireResource;
	readonly scope?: WireScope;
	readonly otel?: WireOtel;
}

/** A moment of a span, as `events` of a span lists them. */
export interface WireSpanEvent {
	readonly name: string;
	/** RFC 3339 with up to nanoseconds. */
	readonly time: string;
	readonly attributes?: Readonly<Record<string, unknown>>;
	readonly dropped_attributes_count?: number;
}

export interface WireSpanLink {
	readonly trace_id: string;
	readonly span_id: string;
	readonly trace_state?: string;
	readonly flags?: number;
	readonly attributes?: Readonly<Record<string, unknown>>;
	readonly dropped_attributes_count?: number;
}

export interface WireResource {
	readonly attributes: Readonly<Record<string, unknown>>;
	readonly schema_url?: string;
	readonly dropped_attributes_count?: number;
	/** As in `WireOtel`, of the resource's attributes: paths begin with the key. */
	readonly value_hints?: readonly ValueHint[];
}

/** Instrumentation scope. */
export interface WireScope {
	readonly name: string;
	readonly version?: string;
	readonly attributes?: Readonly<Record<string, unknown>>;
	readonly schema_url?: string;
	readonly dropped_attributes_count?: number;
	readonly value_hints?: readonly ValueHint[];
}

/**
 * The type of an attribute's value that plain JSON cannot show: `bytes` stands as base64, `int` beyond 2^53 and `double` that is
 * not finite as text. A double that is whole is written `1.0` and needs no hint. Path: `["attributes", key, index or key, …]`,
 * `["events", index, key, …]`, `["links", index, key, …]`.
 */
export type ValueHint = readonly [path: readonly (string | number)[], type: "bytes" | "int" | "double"];

/** What else OpenTelemetry says of a span; members that say nothing are absent. */
export interface WireOtel {
	/** SPAN_KIND_…: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
	readonly kind: number;
	readonly trace_state?: string;
	readonly flags?: number;
	/** 0 unset, 1 ok, 2 error; absent for 0. */
	readonly status_code?: number;
	readonly status_message?: string;
	/** True when the times were missing on the wire (0) and were filled in. */
	readonly start_missing?: true;
	readonly end_missing?: true;
	readonly dropped_attributes_count?: number;
	readonly dropped_events_count?: number;
	readonly dropped_links_count?: number;
	readonly value_hints?: readonly ValueHint[];
}

/** One page of a list. `count` equals `total`: both words are in use for the number of all matches. */
export interface WirePage<T> {
	readonly items: readonly T[];
	readonly total: number;
	readonly count: number;
	/** Opaque; goes back as `?cursor=`. null on the last page. */
	readonly next_cursor: string | null;
	/** The same: this is the word of Traceway's documentation. */
	readonly cursor: string | null;
	readonly has_more: boolean;
}

/** `GET /api/traces`: the page, and its items once more under Traceway's documented key. */
export type WireTracePage = WirePage<WireTraceItem> & { readonly traces: readonly WireTraceItem[] };

/** `GET /api/spans`; with `?fields=skeleton` under `items` only. */
export type WireSpanPage = WirePage<WireSpan> & { readonly spans?: readonly WireSpan[] };

/** `GET /api/traces/:id`: all spans of one trace, oldest first. */
export interface WireTraceDetail {
	readonly trace: WireTraceItem;
	readonly spans: readonly WireSpan[];
	readonly count: number;
}

export interface WireHealth {
	readonly status: "ok";
	readonly version: string;
	/** New with each start of the server. */
	readonly instance_id: string;
	readonly uptime_secs: number;
	readonly uptime: number;
	readonly storage: {
		readonly backend: "sqlite" | "memory";
		readonly trace_count: number;
		readonly span_count: number;
	};
}

export interface WireStats {
	readonly trace_count: number;
	readonly span_count: number;
	/** Deleted because the data grew too large or too old, since the start of the server. */
	readonly evicted_traces: number;
	readonly evicted_spans: number;
	/** Log records and metric data points of OpenTelemetry that were accepted and not kept, since the start. */
	readonly dropped_logs: number;
	readonly dropped_metrics: number;
	readonly used_bytes: number;
	readonly max_bytes: number;
	readonly latest_event_id: number;
}

/** `GET /api/auth/me` */
export interface WireIdentity {
	readonly org_id: string | null;
	readonly project_id: string | null;
	readonly user_id: string | null;
	readonly scopes: readonly string[];
	readonly is_local_mode: boolean;
}

/** Every error under `/api`. `error` says what is wrong and where, `code` is for programs. */
export interface WireError {
	readonly error: string;
	readonly code: string;
}

/** Largest page of a list; a greater `limit` is cut down to it. */
export const MAX_PAGE_SIZE = 1000;

export const DEFAULT_PAGE_SIZE = 50;

const NOT_AN_ID = `must be 1 to ${MAX_ID_LENGTH} characters without control characters`;

const id = z.string().check(z.refine(isId, { error: NOT_AN_ID }));
const count = z.nullish(z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER)));
const text = z.nullish(z.string());

/** A kind of any type; the known fields must have their types. What else it holds is kept as it came. */
export const spanKindSchema = z.looseObject({
	type: z.string().check(z.minLength(1), z.maxLength(256)),
	/** Inner word of `custom`. */
	kind: z.nullish(z.string().check(z.maxLength(1000))),
	attributes: z.nullish(z.record(z.string(), z.unknown())),
	model: z.nullish(z.string().check(z.maxLength(1000))),
	provider: z.nullish(z.string().check(z.maxLength(1000))),
	input_tokens: count,
	output_tokens: count,
	cache_read_tokens: count,
	cache_write_tokens: count,
	reasoning_tokens: count,
	cost: z.nullish(z.number().check(z.gte(0), z.lte(MAX_COST_USD))),
	first_token_ms: count,
	usage_scope: z.nullish(z.string().check(z.maxLength(100))),
	tool_name: text,
	agent_name: text,
	input_preview: text,
	output_preview: text,
	path: text,
	file_version: z.nullish(z.union([z.string(), z.number()])),
	bytes_read: count,
	bytes_written: count,
});
export type SpanKindInput = z.infer<typeof spanKindSchema>;

const time = z.nullish(z.string().check(z.maxLength(40)));

export const createTraceSchema = z.object({
	id: z.nullish(id),
	name: text,
	tags: z.nullish(z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(1000))),
	started_at: time,
});

export const createSpanSchema = z.object({
	id: z.nullish(id),
	trace_id: id,
	parent_id: z.nullish(id),
	name: z.string(),
	kind: z.nullish(spanKindSchema),
	input: z.optional(z.unknown()),
	metadata: z.nullish(z.record(z.string(), z.unknown())),
	session_id: z.nullish(id),
	started_at: time,
});

export const completeSpanSchema = z.object({
	output: z.optional(z.unknown()),
	kind: z.nullish(spanKindSchema),
	ended_at: time,
});

export const failSpanSchema = z.object({
	error: z.string(),
	ended_at: time,
});
