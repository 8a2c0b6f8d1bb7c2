import type { WirePage, WireTraceStatus } from "./rest.ts";

/**
 * What a session's spans sum up to. A span's session is the one that it names, else the one of its trace: so a trace may
 * have a part in several sessions. Only usage that counts is summed; null is unknown. Costs are US dollars.
 */
export interface WireSessionSums {
	readonly span_count: number;
	readonly total_tokens: number | null;
	readonly total_cost: number | null;
	readonly input_tokens: number | null;
	readonly output_tokens: number | null;
	readonly started_at: string;
	/** End of the last span; null while one runs, and when none has ended. */
	readonly ended_at: string | null;
	/** From the first start to the last end, whatever was idle between; null when nothing has ended. */
	readonly duration_ms: number | null;
}

export interface WireSession extends WireSessionSums {
	readonly id: string;
	readonly trace_count: number;
	/** Traces with a failed span, of this session. */
	readonly failed_trace_count: number;
	readonly status: WireTraceStatus;
	/** Last start or end of a span. */
	readonly last_active: string;
}

export type WireSessionPage = WirePage<WireSession> & { readonly sessions: readonly WireSession[] };

/** A trace's part in the session. */
export interface WireSessionTrace extends WireSessionSums {
	readonly id: string;
	readonly name?: string | undefined;
	readonly tags: readonly string[];
	readonly status: WireTraceStatus;
	/** The same as `total_cost` and `total_tokens`, by their short names. */
	readonly cost: number | null;
	readonly tokens: number | null;
}

/** `GET /api/sessions/:id` */
export interface WireSessionDetail extends WireSession {
	/** Mean of the durations of traces that have ended. */
	readonly avg_trace_latency_ms: number | null;
	/** Share of traces with a failed span, 0 … 1. */
	readonly error_rate: number;
	/** Oldest first. */
	readonly traces: readonly WireSessionTrace[];
}
