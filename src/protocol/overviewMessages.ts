import type { CallPreview, Overview, OverviewRange } from "../model/overview.ts";
import type { ConnectionView, PageReady } from "./messages.ts";

/** What host and overview page say to each other, by the rules of `messages.ts`. */

/** Kept by the page with `setState`, so that a reload restores it. */
export interface OverviewViewState {
	readonly range: OverviewRange;
	/** The one session that is shown. */
	readonly sessionId?: string | undefined;
	/** Charts that are shown as tables. */
	readonly tables: readonly string[];
	/** Pixels. */
	readonly scrollTop: number;
}

/** Which span a call is. */
export interface CallAddress {
	readonly traceId: string;
	readonly spanId: string;
}

/** A call whose texts are wanted; what a running one says is asked for again when it has ended. */
export interface WantedCall extends CallAddress {
	readonly isRunning: boolean;
}

export type OverviewToHost =
	| PageReady
	| { readonly type: "range/select"; readonly range: OverviewRange }
	/** All sessions again. */
	| { readonly type: "session/clear" }
	/** Try again after an error. */
	| { readonly type: "overview/load" }
	/** These calls are in view and have no preview. */
	| { readonly type: "previews/load"; readonly kind: CallKind; readonly calls: readonly WantedCall[] }
	| ({ readonly type: "span/open" } & CallAddress)
	/** Save a table. The name has no extension. */
	| { readonly type: "csv/save"; readonly name: string; readonly text: string };

export type CallKind = "model" | "tool";

/** Where the numbers come from. */
export interface OverviewOrigin {
	readonly sourceId: string;
	readonly sourceName: string;
	/** Only this session was counted. */
	readonly sessionId?: string | undefined;
	/** True when the server counted all that it has; else the traces that were loaded here were counted. */
	readonly isWhole: boolean;
	/** Traces that were counted here, when there are more at the source or some were dropped. */
	readonly loadedTraces: number;
	readonly isPart: boolean;
}

export type HostToOverview =
	/** What is shown is of before; of another source, or session, it goes. */
	| {
			readonly type: "overview/loading";
			readonly range: OverviewRange;
			readonly sourceId: string;
			readonly sessionId?: string | undefined;
	  }
	| {
			readonly type: "overview/value";
			readonly overview: Overview;
			readonly origin: OverviewOrigin;
			/** Milliseconds to add to this machine's clock to get the source's. */
			readonly clockOffsetMs: number;
	  }
	/** What is shown stays. */
	| { readonly type: "overview/error"; readonly range: OverviewRange; readonly message: string }
	| {
			readonly type: "previews/value";
			readonly previews: readonly (WantedCall & { readonly preview: CallPreview })[];
	  }
	| { readonly type: "connection/changed"; readonly connection: ConnectionView };
