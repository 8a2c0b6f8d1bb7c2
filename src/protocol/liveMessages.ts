import type { QueryValues } from "../model/queryComplete.ts";
import type { SpanState } from "../model/span.ts";
import type { TraceStatsView } from "../model/traceStats.ts";
import type { ConnectionView, PageReady } from "./messages.ts";

/** What the live panel's host and page say to each other; the rules are those of `messages.ts`. */

/** One trace as a row of the table. Texts are whole lines, cut by the host; what is undefined is unknown. */
export interface LiveRow {
	readonly traceId: string;
	readonly name: string;
	readonly state: SpanState;
	/** A span of it runs, also of a trace that has failed already: its latency grows. */
	readonly isRunning: boolean;
	/** Epoch milliseconds by the server's clock. */
	readonly startMs: number | undefined;
	/** First start to last end; undefined while it runs. */
	readonly latencyNs: number | undefined;
	readonly model: string | undefined;
	/** Different models that its spans name. */
	readonly modelCount: number;
	readonly spanCount: number;
	readonly failedCount: number;
	readonly stepCount: number;
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
}

/** The numbers above the table, over all traces that the filter lets through. */
export interface LiveStats extends TraceStatsView {
	/** Stream events a second, over the last few; undefined while the source is not live. */
	readonly eventsPerSecond: number | undefined;
	/** Traces here, whatever the filter. */
	readonly allTraces: number;
}

/** What stands in the place of an empty table; the words of the Traces view's empty states. */
export type LivePhase =
	| "starting"
	| "connecting"
	| "empty"
	| "emptyRemote"
	| "noMatch"
	| "unauthorized"
	| "failed"
	| "disconnected"
	| "traces";

/** What came while the view is paused. */
export interface LiveWaiting {
	readonly newTraces: number;
	readonly events: number;
}

/** What a button of the page has VS Code do. */
export type LiveAction =
	| "reconnect"
	| "showLog"
	| "setToken"
	| "selectSource"
	| "sendDemo"
	| "copyServerUrl"
	| "resume";

/** Most rows that a page has: the newest. */
export const MAX_LIVE_ROWS = 10_000;
/** Rows of one message, which keeps it below 256 kB. */
export const LIVE_MESSAGE_ROWS = 400;
/** Most rows whose prompts are asked for at once. */
export const MAX_LIVE_PROMPTS = 100;

/** What the user arranged; kept by the page with `setState`. */
export interface LiveViewState {
	readonly hiddenColumns?: readonly string[] | undefined;
	/** Pixels, by column, where the user set them. */
	readonly columnWidths?: Readonly<Record<string, number>> | undefined;
	readonly sortColumn?: string | undefined;
	readonly isDescending?: boolean | undefined;
	readonly selectedTraceId?: string | undefined;
}

export type LiveToHost =
	| PageReady
	/** Revisions do not join: send a snapshot. */
	| { readonly type: "live/resync" }
	/** The filter bar holds this text now, which the page could read. */
	| { readonly type: "filter/set"; readonly text: string }
	/** The filter bar wants to offer values. */
	| { readonly type: "values/load" }
	/** These rows are in view and say no prompt yet. */
	| { readonly type: "prompts/load"; readonly traceIds: readonly string[] }
	/** The user picked a row: a waterfall that is open follows. */
	| { readonly type: "trace/select"; readonly traceId: string }
	| { readonly type: "trace/open"; readonly traceId: string }
	| { readonly type: "trace/copyId"; readonly traceId: string }
	| { readonly type: "trace/delete"; readonly traceId: string }
	| { readonly type: "action/run"; readonly action: LiveAction };

export type HostToLive =
	| {
			/** Replaces all rows. Further ones of the same state follow as deltas until one says that nothing is left. */
			readonly type: "live/snapshot";
			readonly sourceId: string;
			readonly revision: number;
			readonly filter: string;
			readonly phase: LivePhase;
			/** Newest first. */
			readonly rows: readonly LiveRow[];
			/** True while older rows of the snapshot follow. */
			readonly hasMore: boolean;
			readonly stats: LiveStats;
			readonly clockOffsetMs: number;
			/** When the view was paused, by the server's clock; undefined while it is not. */
			readonly pausedAtMs: number | undefined;
	  }
	| {
			/** Applies to the state at `baseRevision` only. */
			readonly type: "live/delta";
			readonly baseRevision: number;
			readonly revision: number;
			readonly phase: LivePhase;
			/** Rows as they are now; those of unknown traces are added. */
			readonly rows: readonly LiveRow[];
			readonly removed: readonly string[];
			/** Of `rows`, those that began, or came to match the filter, while one watched. */
			readonly newIds: readonly string[];
			readonly hasMore: boolean;
			readonly stats: LiveStats;
			readonly clockOffsetMs: number;
	  }
	/** The view was paused, or more waits meanwhile. */
	| { readonly type: "live/paused"; readonly pausedAtMs: number; readonly waiting: LiveWaiting }
	| { readonly type: "live/resumed" }
	/** Answers `values/load`. */
	| { readonly type: "values/known"; readonly values: QueryValues }
	/** Answers `prompts/load`, row by row; null where there is no prompt. */
	| { readonly type: "prompts/known"; readonly prompts: readonly (readonly [traceId: string, prompt: string | null])[] }
	/** The server could not search what only it has; undefined when it can. */
	| { readonly type: "filter/problem"; readonly message: string | undefined }
	| { readonly type: "connection/changed"; readonly connection: ConnectionView };
