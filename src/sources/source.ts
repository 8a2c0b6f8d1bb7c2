import type { Disposable } from "../base/disposable.ts";
import type { Event } from "../base/emitter.ts";
import type { Logger } from "../base/logger.ts";
import type { Overview, OverviewRange } from "../model/overview.ts";
import type { QueryValues } from "../model/queryComplete.ts";
import type { ListedSession } from "../model/sessionSummary.ts";
import type { SpanDetail } from "../model/span.ts";
import type { TraceStore } from "../model/traceStore.ts";
import type { ConnectionReason, ConnectionState } from "../stream/connectionState.ts";

/** The word for a kind of backend, one of `registry.ts`: a text, so that a new kind is a line there and nothing here. */
export type SourceType = string;

/** One entry of the setting `traceway.sources`; tokens are not part of it. */
export interface SourceConfig {
	readonly id: string;
	readonly name: string;
	readonly type: SourceType;
	/** Base address without a slash at its end and without Traceway's `/api`, e.g. `http://127.0.0.1:3000`. */
	readonly url: string;
	readonly filter?: { readonly kind?: string | undefined; readonly model?: string | undefined } | undefined;
	/** PEM file with further certificate authorities for this source. */
	readonly caFile?: string | undefined;
	/** What only one type has, such as a tenant: checked by its adapter, which fails with words for what makes no sense. */
	readonly options?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** What outlives a window reload; small, and nobody's but the adapter's. */
export type SourceMemory = Readonly<Record<string, string | number | boolean | undefined>>;

/** What every adapter is made of. */
export interface SourceOptions {
	readonly config: SourceConfig;
	readonly logger: Logger;
	readonly fetch: typeof globalThis.fetch;
	/** Filled by the source; not disposed with it. Default: one of its own, which is. */
	readonly store?: TraceStore | undefined;
	/** Asked at each request and each attempt. */
	readonly getToken: () => Promise<string | undefined>;
	readonly memory?: SourceMemory | undefined;
	/** Called at most four times a second, and at the end. */
	readonly saveMemory?: ((memory: SourceMemory) => void) | undefined;
	/** Longest silence that still counts as live, in milliseconds. Default 45,000. */
	readonly watchdogMs?: number | undefined;
	/** Distance of the periodic snapshots for servers that lose events; 0 (default) is off. */
	readonly reconcileMs?: number | undefined;
	/** Newest traces of a snapshot. Default 500. */
	readonly snapshotTraces?: number | undefined;
	/** Most spans of a snapshot. Default 100,000. */
	readonly maxSnapshotSpans?: number | undefined;
	/** Shortest wait before a new attempt. Default 500. */
	readonly minBackoffMs?: number | undefined;
	/** Jitter of the waits between attempts, 0 … 1. Default `Math.random`. */
	readonly random?: (() => number) | undefined;
}

export interface SourceCapabilities {
	/** Missed events are sent again after a reconnect. */
	readonly replay: boolean;
	readonly delete: boolean;
	/** The backend applies `SourceConfig.filter`; else its traces come unfiltered. */
	readonly filters: boolean;
	readonly sessions: boolean;
	/** Stored traces leave as files, and come back from them. */
	readonly files: boolean;
}

/** How a source stands; replaced as a whole, never changed in place. Times are epoch milliseconds of this machine. */
export interface SourceStatus {
	readonly state: ConnectionState;
	/** False while the first snapshot is still being read. */
	readonly isLoaded: boolean;
	readonly lastByteAtMs: number | undefined;
	readonly lastEventId: string | undefined;
	/** Longest silence that still counts as live. */
	readonly watchdogMs: number;
	/** Stream events applied since the source was made. */
	readonly received: number;
	/** Events sent again after a reconnect. */
	readonly replayed: number;
	/** Spans that only a snapshot after a gap brought. */
	readonly recovered: number;
	/** Events of types we do not know. */
	readonly unknownEvents: number;
	/** Messages that could not be read. */
	readonly undecodable: number;
	/** Milliseconds to add to this machine's clock to get the server's; 0 when unknown. */
	readonly clockOffsetMs: number;
	/** The last failed snapshot or request, until one succeeds or the connection is opened anew. */
	readonly requestError: string | undefined;
	/** How the traces come while that is worth knowing, e.g. `polling every 2 s`, and with `isDegraded` that it is not as it should be. */
	readonly mode?: SourceMode | undefined;
}

/** How traces come, in a few words of the adapter: `polling every 2 s`. */
export interface SourceMode {
	readonly text: string;
	/** True when it stands in for something better that is away: shown as a warning. */
	readonly isDegraded: boolean;
}

/** An error of a request to a source, in words a user can act on. */
export class SourceError extends Error {
	readonly reason: ConnectionReason | "notFound" | "conflict" | "unsupported" | "tooLarge";
	/** When to ask again; undefined when the server has not named a time. */
	readonly retryAfterSeconds: number | undefined;
	constructor(reason: SourceError["reason"], message: string, options?: ErrorOptions & { retryAfterSeconds?: number }) {
		super(message, options);
		this.name = "SourceError";
		this.reason = reason;
		this.retryAfterSeconds = options?.retryAfterSeconds;
	}
}

/** A configured trace backend with its adapter, its connection and its store. */
export interface Source extends Disposable {
	readonly config: SourceConfig;
	readonly capabilities: SourceCapabilities;
	readonly store: TraceStore;
	readonly status: SourceStatus;
	readonly onDidChangeStatus: Event<SourceStatus>;
	/** Starts the connection; does nothing when it is on. */
	connect(): void;
	/** Tries now: out of any backoff, out of `failed`, and also when a stream is open. */
	reconnect(): void;
	/** Tries now only if waiting: for window focus and network changes. */
	hurry(): void;
	/** Ends the connection until `connect` or `reconnect`. */
	disconnect(): void;
	/** Takes a snapshot and merges it. */
	refresh(signal: AbortSignal): Promise<void>;
	/** Reads traces older than the oldest one here; true when there may be more. */
	loadMore(signal: AbortSignal): Promise<boolean>;
	/** True while the server may have traces older than those here. */
	readonly hasMore: boolean;
	/** Brings every span of a trace into the store. */
	loadTrace(traceId: string, signal: AbortSignal): Promise<void>;
	/**
	 * Sessions that the backend has, the greatest first, with its own sums. Rejects with `unsupported` where it lists none: then
	 * those of the traces that are here are all that is known.
	 */
	listSessions(query: SessionQuery, signal: AbortSignal): Promise<readonly ListedSession[]>;
	/**
	 * Ids of the traces of a session that the backend has, oldest first. Rejects with `unsupported` where it knows no sessions, and
	 * with `notFound` for one that it does not have.
	 */
	listSession(sessionId: string, signal: AbortSignal): Promise<readonly string[]>;
	/** Rejects with `tooLarge` when the answer has more than `maxBytes`; without it there is a bound of the adapter's own. */
	loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail>;
	/** Ids of traces in which a span's text matches, by the server's own search; for the parts of a filter that payloads decide. */
	searchTraces(search: TextSearch, signal: AbortSignal): Promise<ReadonlySet<string>>;
	/**
	 * The spans of a trace whose texts hold one, in pieces as they are found; a span may come twice. Rejects with `unsupported`
	 * where the backend has no such search.
	 */
	searchTrace(traceId: string, search: TraceTextSearch, signal: AbortSignal): AsyncIterable<TraceHits>;
	/**
	 * The overview of everything that the backend has, as far as the source's filter lets it through. Rejects with `unsupported`
	 * where the backend does not count: then it is counted from the store (`model/overviewOfStore.ts`).
	 */
	loadOverview(range: OverviewRange, signal: AbortSignal): Promise<Overview>;
	/** The same of one session. Rejects with `unsupported` where the backend does not count by session. */
	loadSessionOverview(sessionId: string, range: OverviewRange, signal: AbortSignal): Promise<Overview>;
	/** Values that the backend knows for keys of the filter, beside those of the traces here; missing where it cannot say. */
	loadQueryValues?(signal: AbortSignal): Promise<QueryValues>;
	deleteTrace(traceId: string, signal: AbortSignal): Promise<void>;
	deleteSpan(traceId: string, spanId: string, signal: AbortSignal): Promise<void>;
	clearAll(signal: AbortSignal): Promise<void>;
	/** The bytes of a file with one trace, or with all of them. `unsupported` where the backend writes no such files. */
	exportTraces(what: TraceExport, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
	/** Sends a part of such a file and gives the server's answer as text. `unsupported` where the backend reads none. */
	importTraces(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<string>;
}

export interface SessionQuery {
	/** `recent` is by start. */
	readonly sort: "recent" | "cost" | "duration" | "tokens";
	/** Only sessions with anything since then; epoch milliseconds. */
	readonly sinceMs: number | undefined;
	/** Part of an id; "" for all. */
	readonly search: string;
	readonly limit: number;
}

export interface TraceExport {
	/** Undefined for all. */
	readonly traceId: string | undefined;
	readonly format: "traceway" | "otlp";
}

/** Substrings that a span must contain, each optional, all of them required. */
export interface TextSearch {
	readonly text?: string | undefined;
	readonly input?: string | undefined;
	readonly output?: string | undefined;
}

/** A text, not empty, to be found anywhere in what a span says of itself. */
export interface TraceTextSearch {
	readonly text: string;
	readonly isCaseSensitive: boolean;
}

export interface TraceHits {
	readonly spanIds: readonly string[];
	/** False where the backend looks at name, input and output only: not at attributes, errors, events. */
	readonly isEverywhere: boolean;
}
