import { DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { formatTimestamp, type Timestamp } from "../../base/timestamp.ts";
import type { SpanDetail } from "../../model/span.ts";
import { TraceStore } from "../../model/traceStore.ts";
import type { ConnectionReason, ConnectionState } from "../../stream/connectionState.ts";
import { EventSequence, sequenceNumber } from "../../stream/eventSequence.ts";
import { EventStream, type StreamMessage, type StreamOpening, StreamRefusal } from "../../stream/eventStream.ts";
import { TurnBudget } from "../../stream/turnBudget.ts";
import {
	type Source,
	type SourceCapabilities,
	type SourceConfig,
	SourceError,
	type SourceStatus,
	type TextSearch,
} from "../source.ts";
import { TracewayClient } from "./client.ts";
import { ClockOffset } from "./clockOffset.ts";
import {
	asObject,
	decodeEvent,
	decodePage,
	decodeSpan,
	decodeTrace,
	type JsonObject,
	type TracewayEvent,
} from "./decode.ts";
import { EventApplier, eventTimeMs } from "./eventApplier.ts";
import { readSpans, readTraces, type SpanListRead, type TraceListRest } from "./snapshot.ts";
import { mergeSnapshot } from "./snapshotMerge.ts";
import { findTraces } from "./textSearch.ts";

/** What outlives a window reload. */
export interface SourceMemory {
	/** Id of the last stream event that was applied. */
	readonly position?: string | undefined;
	/** The server's stream refuses the Authorization header and takes `?token=`. */
	readonly isTokenInQuery?: boolean | undefined;
}

export interface TracewaySourceOptions {
	readonly config: SourceConfig;
	readonly logger: Logger;
	readonly fetch: typeof globalThis.fetch;
	/** Filled by this source; not disposed with it. Default: one of its own, which is. */
	readonly store?: TraceStore | undefined;
	readonly getToken: () => Promise<string | undefined>;
	readonly memory?: SourceMemory | undefined;
	/** Called at most four times a second. */
	readonly saveMemory?: ((memory: SourceMemory) => void) | undefined;
	/** Longest silence of the stream. Default 45,000. */
	readonly watchdogMs?: number | undefined;
	/** Distance of the periodic snapshots for servers that lose events; 0 (default) is off. */
	readonly reconcileMs?: number | undefined;
	/** Newest traces of a snapshot. Default 500. */
	readonly snapshotTraces?: number | undefined;
	/** Most spans of a snapshot. Default 100,000. */
	readonly maxSnapshotSpans?: number | undefined;
	/** Shortest wait before a new attempt. Default 500. */
	readonly minBackoffMs?: number | undefined;
	/** How long a gap in the ids may close by itself before it counts as a loss. Default 250. */
	readonly gapGraceMs?: number | undefined;
}

/** Id of the newest event of the server's log, on the answer that opens a stream: ours sends it. */
const LATEST_EVENT_ID_HEADER = "x-traceway-latest-event-id";
/** Coalescing of status events that only move counters. */
const STATUS_MS = 250;
/** An event older than the connection by more than this is history: `Date` headers have whole seconds. */
const HISTORY_SLACK_MS = 2000;
/** Most events held back while a snapshot is read; then reading stops until it is there. */
const MAX_HELD_EVENTS = 100_000;
const MAX_RETAKES = 3;
const MAX_RETRY_SNAPSHOT_MS = 30_000;
/** Shortest distance of two snapshots because of gaps. */
const MIN_RECOVERY_DISTANCE_MS = 5000;
/** After so many gaps that a snapshot found nothing in, ids of this server are taken to jump by nature. */
const MAX_VAIN_RECOVERIES = 3;
const MAX_PARTIAL_SPANS = 200;
const PARTIAL_SPAN_DELAY_MS = 50;
const MAX_LOGGED_TYPES = 50;
/** Of one trace's skeleton: about 700,000 spans. */
const MAX_TRACE_BYTES = 256 * 1024 * 1024;

export function createTracewaySource(options: TracewaySourceOptions): Source {
	return new TracewaySource(options);
}

interface HeldEvent {
	readonly id: string | undefined;
	readonly event: TracewayEvent | undefined;
}

/** One open stream, from its opening to its end. */
interface Opening {
	/** Newest id of the log when the stream opened, where the server says it. */
	readonly latest: number | undefined;
	readonly isResumed: boolean;
	previousId: string | undefined;
	/** Events still tell of what was before the opening. */
	isHistory: boolean;
}

type SnapshotCause =
	| "first"
	| "reconnect"
	| "gap"
	| "reset"
	| "forgotten"
	| "suspicion"
	| "refresh"
	| "reconcile"
	| "retry";

/**
 * A Traceway server: live by its event stream, history by REST, into one store.
 *
 * Whenever the stream alone cannot be proven complete (first connect, a server that does not tell its newest id, a jump of
 * the ids, a reset, a log that was forgotten), events are held back, the state is read by REST and merged, and then the held
 * events are applied: no gap, nothing twice. The last event id moves only after an event was applied.
 */
class TracewaySource implements Source {
	readonly config: SourceConfig;
	readonly capabilities: SourceCapabilities = { replay: true, delete: true, filters: true, sessions: true };
	readonly store: TraceStore;
	readonly #options: TracewaySourceOptions;
	readonly #logger: Logger;
	readonly #owned = new DisposableStore();
	readonly #onDidChangeStatus = this.#owned.add(new Emitter<SourceStatus>());
	readonly onDidChangeStatus = this.#onDidChangeStatus.event;
	readonly #life = new AbortController();
	readonly #client: TracewayClient;
	readonly #stream: EventStream;
	readonly #applier: EventApplier;
	readonly #sequence: EventSequence;
	readonly #budget: TurnBudget;
	readonly #clock = new ClockOffset();

	#opening: Opening | undefined;
	/** Set when the address or the token cannot even be tried. */
	#problem: ConnectionState | undefined;
	/** A failed stream is being looked into; shown as connecting. */
	#isRecovering = false;
	readonly #tried = new Set<string>();
	#isTokenInQuery: boolean;
	#streamToken: string | undefined;

	#held: HeldEvent[] = [];
	#isHolding = false;
	#hasHeldDeletion = false;
	#snapshot: Promise<void> | undefined;
	#snapshotAbort: AbortController | undefined;
	#snapshotError: unknown;
	#needsSnapshot = true;
	#isLoaded = false;
	#snapshotFailures = 0;
	#older: TraceListRest | undefined;
	/** The last reading of spans came to the end of the list. */
	#areSpansComplete = false;
	/** Every span that started after this was read. */
	#readSince: Timestamp | undefined;

	#received = 0;
	#replayed = 0;
	#recovered = 0;
	#unknownEvents = 0;
	#undecodable = 0;
	#requestError: string | undefined;
	readonly #loggedTypes = new Set<string>();
	#isLossSuspected = false;
	#vainRecoveries = 0;
	#recoveredAtMs = 0;
	readonly #partialSpans = new Set<string>();

	#statusTimer: ReturnType<typeof setTimeout> | undefined;
	#memoryTimer: ReturnType<typeof setTimeout> | undefined;
	#snapshotTimer: ReturnType<typeof setTimeout> | undefined;
	#gapTimer: ReturnType<typeof setTimeout> | undefined;
	#partialTimer: ReturnType<typeof setTimeout> | undefined;
	#reconcileTimer: ReturnType<typeof setInterval> | undefined;

	constructor(options: TracewaySourceOptions) {
		this.#options = options;
		this.config = options.config;
		this.#logger = options.logger;
		this.store = options.store ?? this.#owned.add(new TraceStore());
		this.#budget = this.#owned.add(new TurnBudget());
		this.#isTokenInQuery = options.memory?.isTokenInQuery ?? false;
		this.#client = new TracewayClient({
			url: options.config.url,
			fetch: options.fetch,
			getToken: options.getToken,
			logger: options.logger,
			onAnswer: (headers, requestedAtMs, answeredAtMs) => {
				this.#clock.note(headers.get("date"), requestedAtMs, answeredAtMs);
			},
		});
		this.#applier = new EventApplier(this.store, options.config.filter, (spanId) => this.#queuePartialSpan(spanId));
		// A stream that the server filters leaves out ids.
		this.#sequence = new EventSequence(this.#applier.hasFilter);
		this.#stream = this.#owned.add(
			new EventStream({
				url: () => this.#streamUrl(),
				headers: () => this.#streamHeaders(),
				fetch: options.fetch,
				lastEventId: options.memory?.position,
				watchdogMs: options.watchdogMs,
				minBackoffMs: options.minBackoffMs,
				logger: options.logger,
				onOpen: (opening) => this.#handleOpen(opening),
				onMessage: (message) => this.#handleMessage(message),
			}),
		);
		this.#owned.add(this.#stream.onDidChangeState((state) => this.#handleState(state)));
	}

	// Status

	get status(): SourceStatus {
		return {
			state: this.#shownState(),
			isLoaded: this.#isLoaded,
			lastByteAtMs: this.#stream.lastByteAtMs,
			lastEventId: this.#stream.lastEventId,
			watchdogMs: this.#options.watchdogMs ?? 45_000,
			received: this.#received,
			replayed: this.#replayed,
			recovered: this.#recovered,
			unknownEvents: this.#unknownEvents,
			undecodable: this.#undecodable,
			clockOffsetMs: this.#clock.offsetMs,
			requestError: this.#requestError,
		};
	}

	#shownState(): ConnectionState {
		if (this.#problem !== undefined) return this.#problem;
		return this.#isRecovering ? { name: "connecting", attempt: 1 } : this.#stream.state;
	}

	#announce(): void {
		clearTimeout(this.#statusTimer);
		this.#statusTimer = undefined;
		this.#onDidChangeStatus.fire(this.status);
	}

	#announceSoon(): void {
		if (this.#owned.isDisposed) return;
		this.#statusTimer ??= setTimeout(() => this.#announce(), STATUS_MS);
	}

	// Connection

	connect(): void {
		const { name } = this.#shownState();
		if (name === "idle" || name === "failed") this.#begin(() => this.#stream.connect());
	}

	reconnect(): void {
		this.#begin(() => this.#stream.reconnect());
	}

	hurry(): void {
		this.#stream.hurry();
	}

	disconnect(): void {
		this.#problem = undefined;
		this.#isRecovering = false;
		this.#stream.disconnect();
	}

	dispose(): void {
		if (this.#owned.isDisposed) return;
		this.#life.abort();
		this.#endOpening();
		if (this.#memoryTimer !== undefined) this.#saveMemory();
		clearTimeout(this.#statusTimer);
		clearTimeout(this.#snapshotTimer);
		clearTimeout(this.#partialTimer);
		this.#owned.dispose();
	}

	#begin(start: () => void): void {
		if (this.#owned.isDisposed) return;
		this.#tried.clear();
		this.#isRecovering = false;
		const { problem } = this.#client;
		if (problem !== undefined) {
			this.#problem = { name: "failed", reason: "protocol", message: problem.message };
			this.#announce();
			return;
		}
		start();
	}

	async #streamHeaders(): Promise<Record<string, string>> {
		try {
			this.#streamToken = await this.#client.token();
		} catch (error) {
			if (error instanceof SourceError) throw new StreamRefusal("unauthorized", error.message);
			throw error;
		}
		if (this.#streamToken === undefined || this.#isTokenInQuery) return {};
		return { authorization: `Bearer ${this.#streamToken}` };
	}

	#streamUrl(): string {
		const { filter } = this.config;
		const token = this.#isTokenInQuery ? this.#streamToken : undefined;
		return this.#client.url("/events", { kind: filter?.kind || undefined, model: filter?.model || undefined, token })
			.href;
	}

	#handleState(state: ConnectionState): void {
		if (state.name !== "open") this.#endOpening();
		if (state.name === "failed" && !this.#owned.isDisposed) {
			const recovery = this.#recoveryOf(state.reason);
			if (recovery !== undefined) {
				this.#isRecovering = true;
				void this.#recover(recovery);
				return;
			}
			this.#logger.warn(`stream failed: ${state.message}`);
		}
		if (state.name === "connecting" && this.#isRecovering) return;
		this.#isRecovering = false;
		if (state.name === "open") this.#logger.info("stream open");
		if (state.name === "waiting") this.#logger.info(`stream lost: ${state.message}; next try ${waitText(state)}`);
		this.#announce();
	}

	/** What can be tried, once each, before a person has to be asked. Resolves to whether a new attempt makes sense. */
	#recoveryOf(reason: ConnectionReason): (() => Promise<boolean>) | undefined {
		const once = (name: string, attempt: () => Promise<boolean>) => {
			if (this.#tried.has(name)) return undefined;
			this.#tried.add(name);
			return attempt;
		};
		if (reason === "unauthorized" && this.#streamToken !== undefined) {
			return once("token", async () => {
				// The header was refused on the stream: only when REST takes it is it a matter of the place.
				if (!this.#isTokenInQuery)
					await this.#client.get("/traces", { query: { limit: 1 }, signal: this.#life.signal });
				this.#isTokenInQuery = !this.#isTokenInQuery;
				return true;
			});
		}
		if (reason === "unauthorized" && this.#tried.has("token")) {
			this.#isTokenInQuery = this.#options.memory?.isTokenInQuery ?? false;
		}
		if (reason === "notFound" && !this.#client.isPrefixSettled) {
			this.#client.switchPrefix();
			return once("prefix", async () => true);
		}
		if (reason === "protocol" && this.#stream.lastEventId !== undefined) {
			return once("position", async () => {
				// Resuming would bring the same oversized event again.
				this.#undecodable++;
				this.#needsSnapshot = true;
				this.#stream.markApplied(undefined);
				return true;
			});
		}
		return undefined;
	}

	async #recover(recovery: () => Promise<boolean>): Promise<void> {
		let isWorthTrying = false;
		try {
			isWorthTrying = await recovery();
		} catch (error) {
			this.#logger.debug(`no way around: ${describeError(error)}`);
		}
		if (this.#owned.isDisposed || !this.#isRecovering) return;
		if (isWorthTrying) this.#stream.reconnect();
		else {
			this.#isRecovering = false;
			this.#announce();
		}
	}

	#handleOpen(opening: StreamOpening): void {
		this.#endOpening();
		this.#client.settlePrefix();
		this.#clock.note(opening.headers.get("date"), opening.requestedAtMs, opening.answeredAtMs);
		const latest = sequenceNumber(opening.headers.get(LATEST_EVENT_ID_HEADER) ?? undefined);
		const position = sequenceNumber(opening.resumedAfter);
		this.#applier.newsSinceMs = opening.answeredAtMs + this.#clock.offsetMs - HISTORY_SLACK_MS;
		this.#opening = {
			latest,
			isResumed: opening.resumedAfter !== undefined,
			previousId: undefined,
			isHistory: true,
		};
		if (this.#isTokenInQuery !== (this.#options.memory?.isTokenInQuery ?? false)) this.#saveMemorySoon();
		this.#tried.clear();

		let cause: SnapshotCause = this.#isLoaded ? "reconnect" : "first";
		if (position === undefined) this.#sequence.reset(latest);
		else if (latest !== undefined && latest < position) {
			this.#logger.warn(`the server forgot its event log: newest id ${latest}, last applied ${position}`);
			this.#sequence.reset(latest);
			cause = "forgotten";
		} else if (this.#sequence.newest === undefined || this.#sequence.hasGap) this.#sequence.reset(position);
		// Only a server that tells its newest id replays provably whole; a gap in the ids would show.
		const isProvenComplete = position !== undefined && latest !== undefined && latest >= position;
		if (!isProvenComplete) this.#needsSnapshot = true;
		if (this.#needsSnapshot) void this.#takeSnapshot(cause);

		const { reconcileMs = 0 } = this.#options;
		if (reconcileMs > 0) this.#reconcileTimer = setInterval(() => void this.#takeSnapshot("reconcile"), reconcileMs);
	}

	/** Ends what belongs to the open stream. Held events were not applied, so the position has not passed them. */
	#endOpening(): void {
		this.#snapshotAbort?.abort();
		this.#opening = undefined;
		this.#held = [];
		this.#isHolding = false;
		this.#stream.resume();
		clearInterval(this.#reconcileTimer);
		clearTimeout(this.#gapTimer);
		this.#gapTimer = undefined;
	}

	// Events

	#handleMessage(message: StreamMessage): void {
		const event = decodeEvent(message.data);
		if (event?.type === "reset") {
			this.#handleReset(event.latest, message.id);
			return;
		}
		if (this.#isHolding) {
			this.#hold({ id: message.id, event });
			return;
		}
		this.#take(message.id, event);
	}

	#hold(held: HeldEvent): void {
		this.#held.push(held);
		const { event } = held;
		if (event?.type === "spanDeleted" || event?.type === "traceDeleted" || event?.type === "cleared") {
			const number = sequenceNumber(held.id);
			const latest = this.#opening?.latest;
			// What the log had when the stream opened is in the snapshot, deletions too.
			if (number === undefined || latest === undefined || number > latest) this.#hasHeldDeletion = true;
		}
		if (this.#held.length === MAX_HELD_EVENTS) {
			this.#logger.warn(`${MAX_HELD_EVENTS} events wait for a snapshot; reading stops until it is there`);
			this.#stream.pause();
		}
	}

	/** Counts an event in and applies it, unless it was there before. */
	#take(id: string | undefined, event: TracewayEvent | undefined): void {
		const opening = this.#opening;
		if (opening === undefined) return;
		const number = sequenceNumber(id);
		// A message without an id of its own carries its predecessor's.
		const hasOwnNumber = number !== undefined && id !== opening.previousId;
		opening.previousId = id;
		if (hasOwnNumber) {
			// Of a first number nobody knows what came before it: a burst may have lost some.
			if (this.#sequence.newest === undefined) this.#suspectLoss();
			switch (this.#sequence.accept(number)) {
				case "duplicate":
					if (!this.#isNewLog(event, opening)) {
						this.#replayed++;
						this.#announceSoon();
						return;
					}
					this.#logger.warn(`the server's event ids began anew: got ${number} after ${this.#sequence.newest}`);
					this.#sequence.reset(number);
					this.#needsSnapshot = true;
					void this.#takeSnapshot("forgotten");
					break;
				case "gap":
					this.#awaitGap();
					break;
				case "late":
				case "next":
					break;
			}
		}
		if (event === undefined) this.#countUndecodable();
		else {
			this.#apply(event, number, opening);
			this.#received++;
		}
		this.#moveTo(id, number);
		this.#announceSoon();
	}

	/**
	 * Whether an id that was seen before belongs to a new log, of a server that does not tell its newest id: its event is
	 * clearly younger than the connection. If it may be, a snapshot settles what the event would have brought.
	 */
	#isNewLog(event: TracewayEvent | undefined, opening: Opening): boolean {
		if (event === undefined || opening.latest !== undefined) return false;
		const atMs = eventTimeMs(event);
		if (atMs === undefined || atMs < this.#applier.newsSinceMs) return false;
		if (atMs >= this.#applier.newsSinceMs + 2 * HISTORY_SLACK_MS) return true;
		this.#suspectLoss();
		return false;
	}

	#apply(event: TracewayEvent, number: number | undefined, opening: Opening): void {
		if (opening.isHistory) {
			const isReplay =
				opening.latest !== undefined && number !== undefined ? number <= opening.latest : !this.#isNews(event);
			opening.isHistory = isReplay;
			if (isReplay && opening.isResumed) this.#replayed++;
		}
		if (event.type === "unknown") this.#countUnknown(event.name);
		else this.#applier.apply(event, number, opening.isHistory);
		if (event.type === "cleared" && opening.isHistory && opening.latest === undefined) {
			// An old clearing, replayed: it took away what the snapshot had brought.
			this.#needsSnapshot = true;
			void this.#takeSnapshot("reset");
		}
	}

	/** Whether an event tells of something that happened after the stream opened. */
	#isNews(event: TracewayEvent): boolean {
		const atMs = eventTimeMs(event);
		return atMs !== undefined && atMs >= this.#applier.newsSinceMs;
	}

	/** The event is applied: the next attempt resumes after it. */
	#moveTo(id: string | undefined, number: number | undefined): void {
		if (id === undefined) return;
		const { position } = this.#sequence;
		this.#stream.markApplied(number === undefined || position === number ? id : String(position));
		this.#saveMemorySoon();
	}

	#handleReset(latest: number | undefined, id: string | undefined): void {
		const newest = latest ?? sequenceNumber(id);
		this.#logger.info(`the server has no replay from our position; newest id ${newest ?? "unknown"}`);
		this.#sequence.reset(newest);
		this.#received++;
		this.#needsSnapshot = true;
		if (newest !== undefined) this.#stream.markApplied(String(newest));
		if (this.#isHolding) this.#hasHeldDeletion = true;
		else void this.#takeSnapshot("reset");
	}

	#suspectLoss(): void {
		this.#isLossSuspected = true;
		this.#awaitGap();
	}

	/** Ids were passed over. They may come late; if not, the state is read anew. */
	#awaitGap(): void {
		if (this.#gapTimer !== undefined) return;
		const { gapGraceMs = 250 } = this.#options;
		const notBeforeMs = this.#recoveredAtMs + MIN_RECOVERY_DISTANCE_MS;
		this.#gapTimer = setTimeout(
			() => {
				this.#gapTimer = undefined;
				if (!this.#sequence.hasGap && !this.#isLossSuspected) return;
				this.#needsSnapshot = true;
				void this.#takeSnapshot(this.#sequence.hasGap ? "gap" : "suspicion");
			},
			Math.max(gapGraceMs, notBeforeMs - Date.now()),
		);
	}

	#countUndecodable(): void {
		this.#undecodable++;
		this.#logOnce("undecodable", "an event could not be read and was skipped; further ones are only counted");
	}

	#countUnknown(name: string): void {
		this.#unknownEvents++;
		this.#logOnce(`type ${name}`, `events of the unknown type ${JSON.stringify(name.slice(0, 60))} are ignored`);
	}

	#logOnce(key: string, text: string): void {
		if (this.#loggedTypes.has(key) || this.#loggedTypes.size >= MAX_LOGGED_TYPES) return;
		this.#loggedTypes.add(key);
		this.#logger.warn(text);
	}

	// Partial spans

	#queuePartialSpan(spanId: string): void {
		if (this.#partialSpans.size >= MAX_PARTIAL_SPANS) return;
		this.#partialSpans.add(spanId);
		this.#partialTimer ??= setTimeout(() => void this.#fetchPartialSpans(), PARTIAL_SPAN_DELAY_MS);
	}

	async #fetchPartialSpans(): Promise<void> {
		const { signal } = this.#life;
		try {
			for (const spanId of this.#partialSpans) {
				this.#partialSpans.delete(spanId);
				const { value } = await this.#client.get(`/spans/${encodeURIComponent(spanId)}`, { signal });
				const span = decodeSpan(value);
				if (span !== undefined && this.#applier.matches(span)) this.store.upsertSpan(span);
			}
		} catch (error) {
			// The rest is read with the next snapshot or when a trace is opened.
			if (!signal.aborted) this.#logger.debug(`a partial span was not completed: ${describeError(error)}`);
		}
		this.#partialTimer = undefined;
		if (this.#partialSpans.size > 0 && !signal.aborted) {
			this.#partialTimer = setTimeout(() => void this.#fetchPartialSpans(), PARTIAL_SPAN_DELAY_MS);
		}
	}

	// Snapshots

	/** Takes one snapshot, or shares the one that is being taken. Does not reject: the outcome is in the status. */
	#takeSnapshot(cause: SnapshotCause): Promise<void> {
		this.#snapshot ??= this.#runSnapshots(cause);
		return this.#snapshot;
	}

	/** One snapshot, and another one when meanwhile a stream opened or broke the first one's promise. */
	async #runSnapshots(cause: SnapshotCause): Promise<void> {
		let next = cause;
		let hasFailed: boolean;
		do {
			hasFailed = (await this.#runSnapshot(next)) === "failed";
			next = "reconnect";
		} while (this.#needsSnapshot && this.#opening !== undefined && !hasFailed);
		this.#snapshot = undefined;
	}

	async #runSnapshot(cause: SnapshotCause): Promise<"done" | "aborted" | "failed"> {
		clearTimeout(this.#snapshotTimer);
		const opening = this.#opening;
		this.#snapshotAbort = new AbortController();
		const { signal } = this.#snapshotAbort;
		const startedAtMs = Date.now();
		this.#isHolding = opening !== undefined;
		const isFirst = !this.#isLoaded && this.store.traceCount === 0;
		try {
			const count = await this.#readAndMerge(signal);
			if (signal.aborted) return "aborted";
			this.#needsSnapshot = false;
			this.#isLoaded = true;
			this.#requestError = undefined;
			this.#snapshotError = undefined;
			this.#snapshotFailures = 0;
			this.#isLossSuspected = false;
			this.#sequence.settle();
			const newest = this.#sequence.newest;
			if (newest !== undefined) this.#moveTo(String(newest), newest);
			const unchanged = await this.#drain();
			const recovered = Math.max(0, count - unchanged);
			if (!isFirst) this.#recovered += recovered;
			if (cause === "gap") this.#noteRecovery(recovered);
			this.#logger.info(`snapshot (${cause}): ${count} changes in ${Date.now() - startedAtMs} ms`);
		} catch (error) {
			if (signal.aborted) return "aborted";
			this.#snapshotError = error;
			this.#requestError = describeError(error);
			this.#logger.warn(`snapshot (${cause}) failed: ${this.#requestError}`);
			await this.#drain();
			this.#retrySnapshot();
			this.#announce();
			return "failed";
		}
		this.#announce();
		return "done";
	}

	async #readAndMerge(signal: AbortSignal): Promise<number> {
		const { snapshotTraces = 500, maxSnapshotSpans = 100_000 } = this.#options;
		for (let retake = 0; ; retake++) {
			this.#forgetHeld();
			const list = await readTraces(this.#client, snapshotTraces, undefined, signal);
			const oldestMs = list.traces.at(-1)?.start?.ms;
			const spans = await readSpans(
				this.#client,
				{
					maxSpans: maxSnapshotSpans,
					untilOlderThanMs: list.rest === undefined ? undefined : oldestMs,
					query: { model: this.config.filter?.model || undefined },
					matches: this.#applier.matches,
					logger: this.#logger,
				},
				signal,
			);
			// A deletion moves the pages of a list, so that something may have slipped through.
			if (this.#hasHeldDeletion && retake < MAX_RETAKES) continue;
			this.#undecodable += spans.undecodable;
			this.#older = list.rest;
			this.#areSpansComplete = spans.isComplete;
			this.#readSince = spans.since ?? spans.spans.at(-1)?.start;
			this.#applier.mayMissTraces = list.rest !== undefined;
			const traces = this.#applier.visibleTraces(list.traces, spans.spans);
			return await mergeSnapshot(this.store, { ...list, traces }, spans, this.#budget, signal);
		}
	}

	/** What was held before a reading began is in what will be read. */
	#forgetHeld(): void {
		for (const { id, event } of this.#held) {
			const number = sequenceNumber(id);
			if (number !== undefined && this.#sequence.accept(number) === "gap") continue;
			if (event === undefined) this.#countUndecodable();
			else this.#received++;
		}
		this.#held = [];
		this.#hasHeldDeletion = false;
		this.#stream.resume();
	}

	/** Applies what was held, in slices, and lets events through again. Returns how many held spans brought nothing new. */
	async #drain(): Promise<number> {
		const opening = this.#opening;
		let unchanged = 0;
		while (this.#held.length > 0 && this.#opening === opening) {
			const held = this.#held;
			this.#held = [];
			for (const { id, event } of held) {
				const before = this.store.revision;
				const number = sequenceNumber(id);
				const isCovered = number !== undefined && opening?.latest !== undefined && number <= opening.latest;
				if (isCovered && !this.#needsSnapshot) this.#takeCovered(id, number);
				else this.#take(id, event);
				if (event?.type === "span" && this.store.revision === before) unchanged++;
				if (!this.#budget.isSpent) continue;
				await this.#budget.turn();
				if (this.#opening !== opening) return unchanged;
			}
			this.#stream.resume();
		}
		if (this.#opening === opening) this.#isHolding = false;
		return unchanged;
	}

	/** A replayed event whose effect the snapshot has, because the log had it before the snapshot was asked for. */
	#takeCovered(id: string | undefined, number: number): void {
		this.#sequence.accept(number);
		if (this.#opening?.isResumed) this.#replayed++;
		this.#received++;
		this.#moveTo(id, number);
	}

	#noteRecovery(recovered: number): void {
		this.#recoveredAtMs = Date.now();
		this.#vainRecoveries = recovered === 0 ? this.#vainRecoveries + 1 : 0;
		if (this.#vainRecoveries < MAX_VAIN_RECOVERIES) return;
		this.#sequence.isSparse = true;
		this.#logger.info("event ids of this server jump without a loss; jumps are no longer followed by a snapshot");
	}

	#retrySnapshot(): void {
		const delayMs = Math.min(MAX_RETRY_SNAPSHOT_MS, 1000 * 2 ** this.#snapshotFailures++);
		this.#snapshotTimer = setTimeout(() => {
			if (this.#opening !== undefined) void this.#takeSnapshot("retry");
		}, delayMs);
	}

	// Requests

	get hasMore(): boolean {
		return this.#older !== undefined;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await abortable(this.#takeSnapshot("refresh"), signal);
		if (this.#snapshotError !== undefined) throw this.#snapshotError;
	}

	async loadMore(signal: AbortSignal): Promise<boolean> {
		return await this.#request(signal, async (both) => {
			const from = this.#older;
			if (from === undefined) return false;
			const { snapshotTraces = 500, maxSnapshotSpans = 100_000 } = this.#options;
			const list = await readTraces(this.#client, snapshotTraces, from, both);
			const spans = this.#areSpansComplete
				? { spans: [], isComplete: true, since: undefined, undecodable: 0 }
				: await readSpans(
						this.#client,
						{
							maxSpans: maxSnapshotSpans,
							untilOlderThanMs: list.rest === undefined ? undefined : list.traces.at(-1)?.start?.ms,
							startingAt: this.#readSince === undefined ? undefined : formatTimestamp(this.#readSince),
							query: { model: this.config.filter?.model || undefined },
							matches: this.#applier.matches,
							logger: this.#logger,
						},
						both,
					);
			// A snapshot that came between has begun the list anew.
			if (this.#older !== from) return this.hasMore;
			this.#older = list.rest;
			this.#areSpansComplete = spans.isComplete;
			this.#readSince = spans.since ?? this.#readSince;
			this.#applier.mayMissTraces = list.rest !== undefined;
			this.store.asHistory(() => {
				for (const trace of this.#applier.visibleTraces(list.traces, spans.spans)) this.store.upsertTrace(trace);
			});
			await this.#mergeSpans(spans, both);
			return this.hasMore;
		});
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.#request(signal, async (both) => {
			const value = await this.#getTrace(traceId, both);
			const page = decodePage(value, "spans");
			if (page === undefined) throw new SourceError("protocol", "GET /traces/:id: the answer holds no list of spans");
			const record = decodeTrace(asObject(value)?.trace);
			if (record !== undefined) this.store.asHistory(() => this.store.upsertTrace({ ...record, traceId }));
			const spans = page.items.map((item) => decodeSpan(item)).filter((span) => span !== undefined);
			await this.#mergeSpans({ spans: spans.map((span) => ({ ...span, traceId })) }, both);
			this.store.markWhole(traceId);
		});
	}

	async #getTrace(traceId: string, signal: AbortSignal): Promise<unknown> {
		try {
			const { value } = await this.#client.get(`/traces/${encodeURIComponent(traceId)}`, {
				query: { fields: "skeleton" },
				maxBytes: MAX_TRACE_BYTES,
				signal,
			});
			return value;
		} catch (error) {
			if (error instanceof SourceError && error.reason === "notFound") {
				this.store.deleteTrace(traceId);
				throw new SourceError("notFound", "the server no longer has this trace", { cause: error });
			}
			throw error;
		}
	}

	/** Adds history in slices, beside the live events: deletions that came meanwhile are remembered by the store. */
	async #mergeSpans({ spans }: Pick<SpanListRead, "spans">, signal: AbortSignal): Promise<void> {
		for (const span of spans) {
			if (this.#applier.matches(span)) this.store.asHistory(() => this.store.upsertSpan(span));
			if (!this.#budget.isSpent) continue;
			await this.#budget.turn();
			signal.throwIfAborted();
		}
	}

	async loadSpan(traceId: string, spanId: string, signal: AbortSignal): Promise<SpanDetail> {
		return await this.#request(signal, async (both) => {
			const { value } = await this.#client.get(`/spans/${encodeURIComponent(spanId)}`, { signal: both });
			const raw = asObject(value);
			const span = decodeSpan(value);
			if (raw === undefined || span === undefined) {
				throw new SourceError("protocol", "GET /spans/:id: the answer is no span");
			}
			const input = { ...span, traceId: span.traceId ?? traceId };
			this.store.asHistory(() => this.store.upsertSpan(input));
			let summary = this.store.span(input.traceId, spanId);
			if (summary === undefined) {
				// Deleted here, or kept out by the bound: shown all the same.
				const alone = new TraceStore();
				alone.upsertSpan(input);
				summary = alone.span(input.traceId, input.spanId);
				alone.dispose();
			}
			if (summary === undefined) throw new SourceError("protocol", "GET /spans/:id: the answer is another span");
			return { summary, raw, input: raw.input, output: raw.output, attributes: attributesOf(raw) };
		});
	}

	async searchTraces(search: TextSearch, signal: AbortSignal): Promise<ReadonlySet<string>> {
		return await this.#request(signal, (both) => findTraces(this.#client, search, both));
	}

	async deleteTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.#request(signal, async (both) => {
			await this.#client.delete(`/traces/${encodeURIComponent(traceId)}`, { signal: both });
			this.store.deleteTrace(traceId);
		});
	}

	async deleteSpan(traceId: string, spanId: string, signal: AbortSignal): Promise<void> {
		await this.#request(signal, async (both) => {
			await this.#client.delete(`/spans/${encodeURIComponent(spanId)}`, { signal: both });
			this.store.deleteSpan(spanId, traceId);
		});
	}

	async clearAll(signal: AbortSignal): Promise<void> {
		await this.#request(signal, async (both) => {
			await this.#client.delete("/traces", { signal: both });
			this.store.clear();
		});
		// One server brings old rows back after a clear, so what is there now is asked for.
		await this.refresh(signal);
	}

	/** Runs a request under the caller's signal and the source's own; the status keeps the last error until one succeeds. */
	async #request<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		const both = AbortSignal.any([signal, this.#life.signal]);
		try {
			const result = await work(both);
			this.#noteRequest(undefined);
			return result;
		} catch (error) {
			if (!both.aborted && isServerTrouble(error)) this.#noteRequest(describeError(error));
			throw error;
		}
	}

	#noteRequest(error: string | undefined): void {
		if (this.#requestError === error) return;
		// The last snapshot's error stays until a snapshot succeeds.
		if (error === undefined && this.#snapshotFailures > 0) return;
		this.#requestError = error;
		this.#announceSoon();
	}

	// Memory

	#saveMemorySoon(): void {
		this.#memoryTimer ??= setTimeout(() => this.#saveMemory(), STATUS_MS);
	}

	#saveMemory(): void {
		clearTimeout(this.#memoryTimer);
		this.#memoryTimer = undefined;
		this.#options.saveMemory?.({
			...(this.#stream.lastEventId === undefined ? {} : { position: this.#stream.lastEventId }),
			...(this.#isTokenInQuery ? { isTokenInQuery: true } : {}),
		});
	}
}

function waitText(state: { readonly retryAtMs: number }): string {
	return `in ${((state.retryAtMs - Date.now()) / 1000).toFixed(1)} s`;
}

/** Whether an error of a request says something about the source, and not only about the thing asked for. */
function isServerTrouble(error: unknown): boolean {
	if (!(error instanceof SourceError)) return true;
	return error.reason !== "notFound" && error.reason !== "conflict" && error.reason !== "gone";
}

/** The attributes of a custom span, or what else a kind says; the documents' metadata beside them. */
function attributesOf(raw: JsonObject): JsonObject {
	const kind = asObject(raw.kind);
	const { type: _type, kind: _kind, attributes, ...rest } = kind ?? {};
	const metadata = Object.entries(asObject(raw.metadata) ?? {}).map(([key, value]) => [`metadata.${key}`, value]);
	return { ...rest, ...asObject(attributes), ...Object.fromEntries(metadata) };
}

/** Waits for shared work; an abort ends the waiting, not the work. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
	return new Promise((resolve, reject) => {
		signal.throwIfAborted();
		const onAbort = () => reject(signal.reason);
		signal.addEventListener("abort", onAbort, { once: true });
		work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
	});
}
