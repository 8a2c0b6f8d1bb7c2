import { DisposableStore } from "../base/disposable.ts";
import { Emitter } from "../base/emitter.ts";
import { describeError, type Logger } from "../base/logger.ts";
import type { Overview, OverviewRange } from "../model/overview.ts";
import type { ListedSession } from "../model/sessionSummary.ts";
import type { SpanDetail } from "../model/span.ts";
import { TraceStore } from "../model/traceStore.ts";
import type { ConnectionEnd } from "../stream/connectionLoop.ts";
import type { ConnectionReason, ConnectionState } from "../stream/connectionState.ts";
import {
	type SessionQuery,
	type Source,
	type SourceCapabilities,
	type SourceConfig,
	SourceError,
	type SourceMemory,
	type SourceOptions,
	type SourceStatus,
	type TextSearch,
	type TraceExport,
	type TraceHits,
	type TraceTextSearch,
} from "./source.ts";

/** Coalescing of status events that only move counters, and of what is saved. */
const STATUS_MS = 250;
const DEFAULT_WATCHDOG_MS = 45_000;

/**
 * What all adapters share: configuration, store, lifetime, announcements of the status, requests whose last error the status
 * shows, and a refusal of everything that a backend cannot do, which an adapter overrides where its backend can.
 */
export abstract class BaseSource implements Source {
	abstract readonly capabilities: SourceCapabilities;
	readonly config: SourceConfig;
	readonly store: TraceStore;
	protected readonly options: SourceOptions;
	protected readonly logger: Logger;
	protected readonly owned = new DisposableStore();
	/** Aborted by `dispose`. */
	protected readonly life = new AbortController();
	readonly #onDidChangeStatus = this.owned.add(new Emitter<SourceStatus>());
	readonly onDidChangeStatus = this.#onDidChangeStatus.event;
	#requestError: string | undefined;
	/** The opening that was told last. */
	#opening: ConnectionState | undefined;
	#statusTimer: ReturnType<typeof setTimeout> | undefined;
	#memoryTimer: ReturnType<typeof setTimeout> | undefined;

	protected constructor(options: SourceOptions) {
		this.options = options;
		this.config = options.config;
		this.logger = options.logger;
		this.store = options.store ?? this.owned.add(new TraceStore());
	}

	abstract get status(): SourceStatus;
	/** What connects; `ConnectionLoop` and the streams that stand on one are such. */
	protected abstract get connection(): Pick<Source, "connect" | "reconnect" | "hurry" | "disconnect">;
	abstract refresh(signal: AbortSignal): Promise<void>;
	abstract loadTrace(traceId: string, signal: AbortSignal): Promise<void>;
	abstract loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail>;

	connect(): void {
		this.connection.connect();
	}

	reconnect(): void {
		this.connection.reconnect();
	}

	hurry(): void {
		this.connection.hurry();
	}

	disconnect(): void {
		this.connection.disconnect();
	}

	/** What `saveMemory` is given. */
	protected get memory(): SourceMemory {
		return {};
	}

	dispose(): void {
		if (this.owned.isDisposed) return;
		this.life.abort();
		if (this.#memoryTimer !== undefined) this.#saveMemory();
		clearTimeout(this.#statusTimer);
		this.owned.dispose();
	}

	get hasMore(): boolean {
		return false;
	}

	async loadMore(_signal: AbortSignal): Promise<boolean> {
		return false;
	}

	async listSessions(_query: SessionQuery, _signal: AbortSignal): Promise<readonly ListedSession[]> {
		throw this.#unsupported("lists no sessions");
	}

	async listSession(_sessionId: string, _signal: AbortSignal): Promise<readonly string[]> {
		throw this.#unsupported("knows no sessions");
	}

	async searchTraces(_search: TextSearch, _signal: AbortSignal): Promise<ReadonlySet<string>> {
		throw this.#unsupported("cannot search in texts");
	}

	// biome-ignore lint/correctness/useYield: the refusal of a search is a rejection of its first piece.
	async *searchTrace(_traceId: string, _search: TraceTextSearch, _signal: AbortSignal): AsyncGenerator<TraceHits> {
		throw this.#unsupported("cannot search in a trace");
	}

	async loadOverview(_range: OverviewRange, _signal: AbortSignal): Promise<Overview> {
		throw this.#unsupported("counts no overview");
	}

	async loadSessionOverview(_sessionId: string, _range: OverviewRange, _signal: AbortSignal): Promise<Overview> {
		throw this.#unsupported("counts no overview of a session");
	}

	async deleteTrace(_traceId: string, _signal: AbortSignal): Promise<void> {
		throw this.#unsupported("deletes nothing");
	}

	async deleteSpan(_traceId: string, _spanId: string, _signal: AbortSignal): Promise<void> {
		throw this.#unsupported("deletes nothing");
	}

	async clearAll(_signal: AbortSignal): Promise<void> {
		throw this.#unsupported("deletes nothing");
	}

	async exportTraces(_what: TraceExport, _signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
		throw this.#unsupported("writes no files of traces");
	}

	async importTraces(_body: Uint8Array<ArrayBuffer>, _signal: AbortSignal): Promise<string> {
		throw this.#unsupported("reads no files of traces");
	}

	#unsupported(what: string): SourceError {
		return new SourceError("unsupported", `${this.config.name} ${what}`);
	}

	/** The part of the status that the base knows. */
	protected get baseStatus(): Pick<SourceStatus, "watchdogMs" | "requestError"> {
		return { watchdogMs: this.options.watchdogMs ?? DEFAULT_WATCHDOG_MS, requestError: this.#requestError };
	}

	/** Runs a request under the caller's signal and the source's own; the status keeps the last error until one succeeds. */
	protected async request<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		const both = AbortSignal.any([signal, this.life.signal]);
		// Also where the answer is here already: who no longer wants it is told so.
		both.throwIfAborted();
		try {
			const result = await work(both);
			this.#noteRequest(undefined);
			return result;
		} catch (error) {
			if (!both.aborted && isServerTrouble(error)) this.#noteRequest(describeError(error));
			throw error;
		}
	}

	/** Tells the status now: the state changed. */
	protected announce(): void {
		clearTimeout(this.#statusTimer);
		this.#statusTimer = undefined;
		const { state } = this.status;
		if (state.name === "open" && state !== this.#opening) {
			this.#opening = state;
			// What failed before the connection was opened anew says nothing of how it stands.
			this.#requestError = undefined;
		}
		this.#onDidChangeStatus.fire(this.status);
	}

	/** Tells the status within a quarter of a second: a counter moved. */
	protected announceSoon(): void {
		if (this.owned.isDisposed) return;
		this.#statusTimer ??= setTimeout(() => this.announce(), STATUS_MS);
	}

	protected saveMemorySoon(): void {
		if (this.owned.isDisposed) return;
		this.#memoryTimer ??= setTimeout(() => this.#saveMemory(), STATUS_MS);
	}

	#saveMemory(): void {
		clearTimeout(this.#memoryTimer);
		this.#memoryTimer = undefined;
		this.options.saveMemory?.(this.memory);
	}

	#noteRequest(error: string | undefined): void {
		if (this.#requestError === error) return;
		this.#requestError = error;
		this.announceSoon();
	}
}

/** How a connection ends by what was thrown in it: refusals need a person, everything else is tried again. */
export function connectionEnd(error: unknown): ConnectionEnd {
	const message = describeError(error);
	if (!(error instanceof SourceError)) return { reason: "network", message };
	const reason = connectionReason(error.reason);
	const askedMs = (error.retryAfterSeconds ?? 0) * 1000;
	return { reason, message, askedMs, isFinal: FINAL_REASONS.has(reason) };
}

const FINAL_REASONS: ReadonlySet<ConnectionReason> = new Set([
	"unauthorized",
	"forbidden",
	"notFound",
	"gone",
	"noContent",
	"contentType",
	"protocol",
] as const);

function connectionReason(reason: SourceError["reason"]): ConnectionReason {
	switch (reason) {
		case "conflict":
		case "unsupported":
		case "tooLarge":
			return "protocol";
		default:
			return reason;
	}
}

/** Whether an error of a request says something about the source, and not only about the thing asked for. */
function isServerTrouble(error: unknown): boolean {
	if (!(error instanceof SourceError)) return true;
	return !["notFound", "conflict", "gone", "unsupported", "tooLarge"].includes(error.reason);
}
