import type { WireSpan, WireTrace } from "./rest.ts";

/**
 * Messages of `GET /api/events`, one a frame, told apart by `type`. The frame's id is the event's place in the log, a
 * decimal number that grows by one; `reset` has none, so it does not move a client's position.
 */
export type StreamEvent =
	| { readonly type: "span_created" | "span_completed" | "span_failed"; readonly span: WireSpan }
	| { readonly type: "span_deleted"; readonly span_id: string; readonly trace_id: string }
	| { readonly type: "trace_created"; readonly trace: WireTrace }
	| { readonly type: "trace_deleted"; readonly trace_id: string }
	| { readonly type: "cleared" }
	| EvictedEvent;

/**
 * So many of the oldest traces, with so many spans, were deleted because the data had grown too large or too old; a
 * `trace_deleted` for each of them has come before.
 */
export interface EvictedEvent {
	readonly type: "evicted";
	readonly traces: number;
	readonly spans: number;
	readonly reason: "size" | "age";
}

/**
 * The asked-for position cannot be served: events after it are gone (`pruned`), or it is no number or above the newest
 * (`unknown`). Live events follow; the client takes a snapshot.
 */
export interface ResetMessage {
	readonly type: "reset";
	readonly reason: "pruned" | "unknown";
	/** Id of the newest event, 0 before the first. */
	readonly latest: number;
}

export type StreamMessage = StreamEvent | ResetMessage;

/** Header of the answer to `GET /api/events`: id of the newest event at that moment, 0 before the first. */
export const LATEST_EVENT_ID_HEADER = "X-Traceway-Latest-Event-Id";

/** Another header of it: which log it is. Positions of one log mean nothing in another, whatever their numbers. */
export const EVENT_LOG_HEADER = "X-Traceway-Event-Log";
