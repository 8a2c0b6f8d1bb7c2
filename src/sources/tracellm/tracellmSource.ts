import { describeError } from "../../base/logger.ts";
import type { SpanDetail } from "../../model/span.ts";
import { TraceStore } from "../../model/traceStore.ts";
import { type ConnectionAttempt, ConnectionLoop } from "../../stream/connectionLoop.ts";
import { BaseSource, connectionEnd } from "../baseSource.ts";
import {
	type Source,
	type SourceCapabilities,
	SourceError,
	type SourceMode,
	type SourceOptions,
	type SourceStatus,
} from "../source.ts";
import { ClockOffset } from "../traceway/clockOffset.ts";
import type { JsonObject } from "../wire.ts";
import { decodeTrace, spanIn, type TracellmEvent } from "./decode.ts";
import { readOptions, type TracellmOptions } from "./options.ts";
import { type FoundSocket, findSocket } from "./socketSearch.ts";
import { StorageChain } from "./storageChain.ts";
import { StoragePoller } from "./storagePoller.ts";
import { TraceApplier } from "./traceApplier.ts";
import { MAX_PAGE } from "./traceStorage.ts";

/** Five ports, each with its welcome, and the patient one. */
const CONNECT_TIMEOUT_MS = 25_000;
/** Most of a trace that is read for its details. */
const MAX_TRACE_BYTES = 64 * 1024 * 1024;
/** What a reading asks for when little is expected to be new. */
const SMALL_PAGE = 50;
/** Every so many readings one asks for all that one question can bring: an old trace may have been saved anew. */
const READINGS_PER_LARGE = 15;
/** Portions that are read after a loss of more traces than one question brings: 2,000 traces and more. */
const MAX_CATCH_UP = 10;

/** A TraceLLM server with its storage. Throws nothing: options that make no sense show as `failed` once connected. */
export function createTracellmSource(options: SourceOptions): Source {
	return new TracellmSource(options);
}

/**
 * TraceLLM: live by its WebSocket, which tells only of what its own process saves; and by readings of the storage, connected
 * or not, which find the rest. Both meet by trace id.
 */
class TracellmSource extends BaseSource {
	readonly capabilities: SourceCapabilities = {
		replay: false,
		delete: false,
		filters: true,
		sessions: false,
		files: false,
	};
	readonly #settings: TracellmOptions | SourceError;
	readonly #clock = new ClockOffset();
	readonly #loop: ConnectionLoop;
	readonly #poller: StoragePoller;
	readonly #storages: StorageChain;
	readonly #applier: TraceApplier;
	readonly #counters = { received: 0, replayed: 0, recovered: 0, unknownEvents: 0, undecodable: 0 };
	#isLoaded = false;
	/** The next reading finds out what a loss of the connection has cost. */
	#isRecovering = false;
	#lastReadAtMs: number | undefined;
	/** Why the last reading failed. */
	#readError: string | undefined;
	#readings = 0;
	#hasMore = false;
	/** The storage that was read last while no WebSocket was there; undefined when that failed. */
	#polled: string | undefined;

	constructor(options: SourceOptions) {
		super(options);
		this.#settings = settingsOf(options);
		const settings = this.#settings instanceof SourceError ? undefined : this.#settings;
		this.#applier = new TraceApplier(this.store, this.config.filter);
		this.#storages = this.owned.add(
			new StorageChain({
				source: options,
				settings,
				onAnswer: (headers, requestedAtMs, answeredAtMs) =>
					this.#clock.note(headers.get("date"), requestedAtMs, answeredAtMs),
			}),
		);
		this.#loop = new ConnectionLoop({
			name: "WebSocket",
			run: (attempt) => this.#attempt(attempt),
			judge: (error) => this.#judge(error),
			watchdogMs: options.watchdogMs,
			minBackoffMs: options.minBackoffMs,
			connectTimeoutMs: CONNECT_TIMEOUT_MS,
			// Exactly 1, 2, 4, 8, 16, 30 s, as the reference has it: few clients watch one server on a developer's machine.
			random: options.random ?? (() => 1),
			logger: options.logger,
		});
		this.#poller = new StoragePoller({
			refreshMs: settings?.refreshMs ?? 2000,
			read: (signal) => this.#poll(signal),
		});
		this.owned.add(this.#poller);
		this.owned.add(this.#loop);
		this.owned.add(
			this.#loop.onDidChangeState((state) => {
				if (state.name === "open" || state.name === "idle") this.#polled = undefined;
				// Whether the storage can be read without the WebSocket is worth knowing at once.
				if (state.name === "waiting") this.#poller.hurry();
				if (state.name !== "open") this.#isRecovering = this.#isLoaded;
				// Who refuses is not asked again until somebody says so; a storage of its own goes on.
				if (state.name === "failed" && !this.#storages.hasOwn) this.#poller.stop();
				this.announce();
			}),
		);
	}

	get status(): SourceStatus {
		const { requestError, ...base } = this.baseStatus;
		const heard = [this.#loop.lastByteAtMs, this.#lastReadAtMs].filter((ms) => ms !== undefined);
		return {
			state: this.#loop.state,
			isLoaded: this.#isLoaded,
			lastByteAtMs: heard.length === 0 ? undefined : Math.max(...heard),
			lastEventId: undefined,
			...base,
			...this.#counters,
			clockOffsetMs: this.#clock.offsetMs,
			requestError: this.#readError ?? requestError,
			mode: this.#mode,
		};
	}

	/** Polling stands in for the WebSocket once that has failed, not while it is tried for the first time. */
	get #mode(): SourceMode | undefined {
		const { state } = this.#loop;
		const isAway =
			state.name === "waiting" || state.name === "failed" || (state.name === "connecting" && state.attempt > 1);
		if (!isAway || this.#polled === undefined || this.#settings instanceof SourceError) return undefined;
		return { text: `polling ${this.#polled} every ${this.#settings.refreshMs / 1000} s`, isDegraded: true };
	}

	protected override get connection() {
		return this.#loop;
	}

	override connect(): void {
		super.connect();
		if (this.#mayPoll) this.#poller.start();
	}

	override reconnect(): void {
		super.reconnect();
		if (this.#mayPoll) this.#poller.force();
	}

	override hurry(): void {
		if (this.#loop.state.name !== "waiting") return;
		super.hurry();
		this.#poller.hurry();
	}

	override disconnect(): void {
		this.#poller.stop();
		super.disconnect();
	}

	override get hasMore(): boolean {
		return this.#hasMore;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await this.request(signal, (both) => this.#read(MAX_PAGE, both));
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		await this.request(signal, (both) => this.#readOlder(both));
		return this.#hasMore;
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			const decoded = decodeTrace(await this.#document(traceId, MAX_TRACE_BYTES, both));
			if (decoded?.traceId !== traceId) {
				throw new SourceError("protocol", "the answer is not the trace that was asked for");
			}
			this.#applier.apply(decoded, true);
			this.store.markWhole(traceId);
		});
	}

	async loadSpan(
		traceId: string,
		spanId: string,
		signal: AbortSignal,
		maxBytes = MAX_TRACE_BYTES,
	): Promise<SpanDetail> {
		return await this.request(signal, async (both) => {
			const document = await this.#document(traceId, maxBytes, both);
			const decoded = decodeTrace(document);
			const found = spanIn(document, spanId);
			const input = decoded?.spans.find((span) => span.spanId === spanId);
			if (decoded === undefined || found === undefined || input === undefined) {
				throw new SourceError("notFound", "the trace no longer has this step");
			}
			this.#applier.apply(decoded, true);
			let summary = this.store.span(traceId, spanId);
			if (summary === undefined) {
				// Deleted here meanwhile, or kept out by the bound: shown all the same.
				const alone = new TraceStore();
				alone.upsertSpan(input);
				summary = alone.span(traceId, spanId);
				alone.dispose();
			}
			if (summary === undefined) throw new SourceError("protocol", "the step cannot be shown");
			return { summary, ...found };
		});
	}

	async #document(traceId: string, maxBytes: number, signal: AbortSignal): Promise<JsonObject> {
		const document = await this.#storages.read(traceId, maxBytes, this.#isConnected, signal);
		if (document !== undefined) return document;
		this.#applier.drop(traceId);
		throw new SourceError("notFound", "the server no longer has this trace");
	}

	get #isConnected(): boolean {
		return this.#loop.state.name === "open";
	}

	get #mayPoll(): boolean {
		return !(this.#settings instanceof SourceError) && !this.owned.isDisposed;
	}

	/** One connection, from the search for the server to its end, which is a rejection. */
	async #attempt(attempt: ConnectionAttempt): Promise<void> {
		if (this.#settings instanceof SourceError) throw this.#settings;
		const { ended, candidate } = await this.#openSocketOrRead(attempt);
		this.#storages.server = candidate;
		this.logger.debug(`WebSocket: a TraceLLM welcomes at ${candidate.base}`);
		attempt.opened();
		// The welcome is the proof that the reference resets its waits by.
		attempt.proved();
		this.#poller.restart();
		await ended;
	}

	/**
	 * A server without a WebSocket library, or one behind a proxy that knows none, answers 404 at `/ws` and is read by REST all
	 * the same. So a place that speaks no WebSocket is asked for its traces before it is given up: when it has some, the failure
	 * is one to be tried again, and else it is the end.
	 */
	async #openSocketOrRead(attempt: ConnectionAttempt): Promise<FoundSocket> {
		try {
			return await this.#openSocket(attempt);
		} catch (error) {
			if (attempt.isOver || !(error instanceof SourceError) || !NO_SOCKET.has(error.reason)) throw error;
			try {
				await this.#read(SMALL_PAGE, attempt.signal);
			} catch (instead) {
				if (instead instanceof SourceError && !NO_SOCKET.has(instead.reason)) throw instead;
			}
			throw error;
		}
	}

	async #openSocket(attempt: ConnectionAttempt): Promise<FoundSocket> {
		return await findSocket({
			url: this.config.url,
			secretHeaders: await this.#storages.secretHeaders(),
			caFile: this.config.caFile,
			watchdogMs: this.baseStatus.watchdogMs,
			onFrame: () => attempt.heard(),
			onEvent: (event) => this.#handleEvent(event),
			signal: attempt.signal,
		});
	}

	/** What only a person could help with is none as long as the traces come by polling. */
	#judge(error: unknown): ReturnType<typeof connectionEnd> {
		const end = connectionEnd(error);
		const isRefusal = end.reason === "unauthorized" || end.reason === "forbidden";
		return end.isFinal === true && !isRefusal && this.#polled !== undefined ? { ...end, isFinal: false } : end;
	}

	#handleEvent(event: TracellmEvent | undefined): void {
		switch (event?.type) {
			case undefined:
				this.#counters.undecodable++;
				break;
			case "unknown":
				this.#counters.unknownEvents++;
				break;
			case "trace":
				this.#counters.received++;
				this.#applier.apply(event.trace, false);
				break;
			case "connected":
			case "pong":
				return;
		}
		this.announceSoon();
	}

	/** One of the readings that go on by themselves. */
	async #poll(signal: AbortSignal): Promise<void> {
		const isLarge = !this.#isLoaded || this.#isRecovering || this.#readings % READINGS_PER_LARGE === 0;
		this.#readings++;
		const hadFailed = this.#readError !== undefined;
		try {
			// As a request, so that a success also ends the error of one that somebody asked for.
			await this.request(signal, (both) => this.#read(isLarge ? MAX_PAGE : SMALL_PAGE, both));
		} catch (error) {
			if (signal.aborted) throw error;
			this.#polled = undefined;
			this.#noteReadError(describeError(error));
			throw error;
		}
		// The server is back: the WebSocket need not wait for the rest of its backoff.
		if (hadFailed && this.#readError === undefined) this.#loop.hurry();
	}

	async #read(limit: number, signal: AbortSignal): Promise<void> {
		const since = this.#applier.sequence;
		const isRecovering = this.#isRecovering;
		const { storage, problem, value } = await this.#storages.use(this.#isConnected, signal, (one) =>
			one.newest(limit, this.#applier.isKnown, signal),
		);
		const isAllNew = value.listed.length > 0 && value.listed.every(({ traceId }) => !this.#applier.has(traceId));
		const hadTraces = this.#isLoaded && this.store.traceCount > 0;
		let changed = 0;
		for (const trace of value.traces) changed += this.#applier.apply(trace, !this.#isLoaded);
		this.#applier.dropMissing(value, since);
		this.#counters.undecodable += value.undecodable;
		if (value.total > value.listed.length && isAllNew) {
			// More was saved since the last look than one question brings: what lies between is read, too.
			if (limit < MAX_PAGE) await this.#read(MAX_PAGE, signal);
			else if (hadTraces) changed += await this.#catchUp(signal);
		}
		if (!this.#isLoaded || value.listed.length >= value.total) this.#hasMore = value.total > value.listed.length;
		if (isRecovering) this.#counters.recovered += changed;
		if (this.#isRecovering && isRecovering) this.#isRecovering = false;
		this.#isLoaded = true;
		this.#lastReadAtMs = Date.now();
		this.#notePolled(storage.label);
		this.#noteReadError(problem === undefined ? undefined : describeError(problem));
		this.announceSoon();
	}

	async #readOlder(signal: AbortSignal): Promise<number> {
		const { value } = await this.#storages.use(this.#isConnected, signal, (one) =>
			one.older(this.#applier.isKnown, signal),
		);
		let changed = 0;
		for (const trace of value.traces) changed += this.#applier.apply(trace, true);
		this.#hasMore = value.hasMore;
		return changed;
	}

	async #catchUp(signal: AbortSignal): Promise<number> {
		this.#storages.rewind();
		let changed = 0;
		for (let portion = 0; portion < MAX_CATCH_UP; portion++) {
			const found = await this.#readOlder(signal);
			changed += found;
			if (found === 0 || !this.#hasMore) break;
		}
		return changed;
	}

	#notePolled(label: string): void {
		if (this.#isConnected || this.#polled === label) return;
		this.#polled = label;
		this.announce();
	}

	#noteReadError(error: string | undefined): void {
		if (this.#readError === error) return;
		this.#readError = error;
		this.announceSoon();
	}
}

/** What a place answers that is there and speaks no WebSocket of TraceLLM's. */
const NO_SOCKET: ReadonlySet<SourceError["reason"]> = new Set(["notFound", "gone", "contentType", "protocol"] as const);

function settingsOf({ config }: SourceOptions): TracellmOptions | SourceError {
	try {
		return readOptions(config);
	} catch (error) {
		if (error instanceof SourceError) return error;
		throw error;
	}
}
