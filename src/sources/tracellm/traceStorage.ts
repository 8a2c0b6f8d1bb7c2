import type { JsonObject } from "../wire.ts";
import type { DecodedTrace } from "./decode.ts";

/** One row of a list of saved traces, newest first. */
export interface ListedTrace {
	readonly traceId: string;
	/** When the trace began, by `created_at`; undefined where it cannot be read. */
	readonly startMs: number | undefined;
}

/** The newest saved traces. */
export interface NewestTraces {
	/** All of them, by `created_at` the newest first. */
	readonly listed: readonly ListedTrace[];
	/** Those of them that the caller does not know in this version. */
	readonly traces: readonly DecodedTrace[];
	/** Number of all that are saved. */
	readonly total: number;
	/** Documents that could not be read. */
	readonly undecodable: number;
}

/** A further portion of saved traces. */
export interface OlderTraces {
	readonly traces: readonly DecodedTrace[];
	/** False when this was the last portion. */
	readonly hasMore: boolean;
}

/** Whether a trace is here in the version that was saved at this moment (epoch milliseconds). */
export type IsKnown = (traceId: string, savedAtMs: number | undefined) => boolean;

/** A place that has saved traces. Everything rejects with a `SourceError`, but for the reason of an aborted signal. */
export interface TraceStorage {
	/** As people call it: `MongoDB`. */
	readonly label: string;
	/** At most `limit` (1 … 200) of the newest. */
	newest(limit: number, isKnown: IsKnown, signal: AbortSignal): Promise<NewestTraces>;
	/** The next portion of all traces; after the last one, and after `rewind`, it begins anew. */
	older(isKnown: IsKnown, signal: AbortSignal): Promise<OlderTraces>;
	rewind(): void;
	/** One document; undefined when there is none. Rejects with `tooLarge` beyond `maxBytes`. */
	read(traceId: string, maxBytes: number, signal: AbortSignal): Promise<JsonObject | undefined>;
	dispose(): void;
}

/** Most traces that one question to a storage brings. */
export const MAX_PAGE = 200;
