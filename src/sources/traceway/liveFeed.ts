import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { EVENT_LOG_HEADER, LATEST_EVENT_ID_HEADER } from "../../protocol/events.ts";
import { EventSequence, sequenceNumber } from "../../stream/eventSequence.ts";
import type { StreamMessage, StreamOpening } from "../../stream/eventStream.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import { asObject, decodeNumber } from "../wire.ts";
import type { TracewayClient } from "./client.ts";
import { decodeEvent, type TracewayEvent } from "./decode.ts";
import { type EventApplier, eventTimeMs } from "./eventApplier.ts";
import type { TraceHistory } from "./history.ts";
import type { Touched } from "./snapshotMerge.ts";

export interface LiveFeedOptions {
	readonly client: TracewayClient;
	readonly store: TraceStore;
	readonly applier: EventApplier;
	readonly history: TraceHistory;
	readonly budget: TurnBudget;
	readonly logger: Logger;
	/** 0 is off. */
	readonly reconcileMs: number;
	/** How long a gap in the ids may close by itself. */
	readonly gapGraceMs: number;
	/** Distance of the looks at a stream that says nothing after it was resumed. */
	readonly probeMs: number;
	/** Milliseconds to add to this machine's clock to get the server's. */
	readonly clockOffsetMs: () => number;
	/** What the feed needs of the stream. */
	readonly stream: () => FedStream;
	/** Counters moved. */
	readonly onProgress: () => void;
	/** A snapshot came to its end, well or not. */
	readonly onSnapshot: () => void;
	/** The last event id moved. */
	readonly onPosition: () => void;
}

export interface FedStream {
	readonly lastEventId: string | undefined;
	markApplied(id: string | undefined): void;
	reconnect(): void;
}

/** An event older than the connection by more than this is history: `Date` headers have whole seconds. */
const HISTORY_SLACK_MS = 2000;
/** Most events remembered while a snapshot is read; then the reading begins anew. */
const MAX_REMEMBERED_EVENTS = 100_000;
const MAX_RETAKES = 3;
const MAX_RETRY_MS = 30_000;
/** Distance of two snapshots that doubts ask for: ten times what the last one took, within these bounds. */
const MIN_DOUBT_DISTANCE_MS = 300;
const MAX_DOUBT_DISTANCE_MS = 10_000;
/** A deletion that arrives so soon after a snapshot may have moved the pages under its reading. */
const DELETION_DOUBT_MS = 2000;
/** An event may arrive so long after a snapshot that had its effect already. */
const OVERTAKEN_MS = 1000;
/** After so many gaps that a snapshot found nothing in, ids of this server are taken to jump by nature. */
const MAX_VAIN_RECOVERIES = 3;
const MAX_LOGGED_TYPES = 50;

interface AppliedEvent {
	readonly event: TracewayEvent;
	readonly number: number | undefined;
	readonly isHistory: boolean;
}

interface WaitingEvent {
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
	hasSpoken: boolean;
	/** Aborted when the stream ends. */
	readonly end: AbortController;
}

type SnapshotCause =
	| "first"
	| "reconnect"
	| "gap"
	| "reset"
	| "forgotten"
	| "doubt"
	| "refresh"
	| "reconcile"
	| "retry";

/**
 * Keeps the store at the state of the server, from stream events and snapshots. Whenever the stream alone cannot be proven
 * complete (first connect, a server that does not tell its newest id, a jump of the ids, a reset, a log that was forgotten),
 * the state is read by REST and merged: no gap, nothing twice.
 *
 * Events are applied at once, also while a snapshot is read, which can take seconds on a remote server. A snapshot is older
 * than the events that came during its reading, so these are remembered: what they touched is not removed by the merge, what
 * they deleted is not brought back, and after the merge they are applied once more, in their order. Applying twice equals
 * applying once. The last event id moves only after an event was applied.
 */
export class LiveFeed implements Disposable {
	readonly #options: LiveFeedOptions;
	readonly #logger: Logger;
	readonly #sequence: EventSequence;
	#opening: Opening | undefined;
	/** The server's log of events that was seen last; undefined while no server has named one. */
	#log: string | undefined;

	/** Events since the reading of a snapshot began, and what they changed; undefined while none is read. */
	#meanwhile: Meanwhile | undefined;
	/** Events that wait while those of `#meanwhile` are applied once more. */
	#waiting: WaitingEvent[] | undefined;

	#snapshots: Promise<void> | undefined;
	#snapshotAbort: AbortController | undefined;
	#needsSnapshot = true;
	#isLoaded = false;
	#failures = 0;
	#snapshotError: unknown;
	#isLossSuspected = false;
	#vainRecoveries = 0;
	#doubtedAtMs = 0;
	/** How long the last snapshot took. */
	#snapshotMs = 0;
	/** Recovered spans of the last snapshot whose events may still come. */
	#overtaken = 0;
	#overtakenUntilMs = 0;
	#doubtDeletionsUntilMs = 0;

	#received = 0;
	#replayed = 0;
	#recovered = 0;
	#unknownEvents = 0;
	#undecodable = 0;
	readonly #logged = new Set<string>();

	#retryTimer: ReturnType<typeof setTimeout> | undefined;
	#gapTimer: ReturnType<typeof setTimeout> | undefined;
	#probeTimer: ReturnType<typeof setTimeout> | undefined;
	#reconcileTimer: ReturnType<typeof setInterval> | undefined;
	#isDisposed = false;

	constructor(options: LiveFeedOptions) {
		this.#options = options;
		this.#logger = options.logger;
		// A stream that the server filters leaves out ids.
		this.#sequence = new EventSequence(options.applier.hasFilter);
	}

	/** True once a snapshot was merged. */
	get isLoaded(): boolean {
		return this.#isLoaded;
	}

	/** Why the last snapshot failed; undefined after one that did not. */
	get snapshotError(): unknown {
		return this.#snapshotError;
	}

	get counters(): Record<"received" | "replayed" | "recovered" | "unknownEvents" | "undecodable", number> {
		return {
			received: this.#received,
			replayed: this.#replayed,
			recovered: this.#recovered,
			unknownEvents: this.#unknownEvents,
			undecodable: this.#undecodable,
		};
	}

	dispose(): void {
		this.#isDisposed = true;
		this.handleClosed();
		clearTimeout(this.#retryTimer);
	}

	/** The position is worth nothing any more: only a snapshot helps. */
	distrust(): void {
		this.#undecodable++;
		this.#needsSnapshot = true;
	}

	handleOpen(opening: StreamOpening): void {
		this.handleClosed();
		const { applier, reconcileMs, clockOffsetMs } = this.#options;
		const latest = sequenceNumber(opening.headers.get(LATEST_EVENT_ID_HEADER) ?? undefined);
		const position = sequenceNumber(opening.resumedAfter);
		applier.newsSinceMs = opening.answeredAtMs + clockOffsetMs() - HISTORY_SLACK_MS;
		const isResumed = opening.resumedAfter !== undefined;
		this.#opening = {
			latest,
			isResumed,
			previousId: undefined,
			isHistory: true,
			hasSpoken: false,
			end: new AbortController(),
		};

		let cause: SnapshotCause = this.#isLoaded ? "reconnect" : "first";
		const log = opening.headers.get(EVENT_LOG_HEADER) ?? undefined;
		const isOtherLog = this.#log !== undefined && log !== undefined && log !== this.#log;
		this.#log = log ?? this.#log;
		if (position === undefined) this.#sequence.reset(latest);
		else if (isOtherLog || (latest !== undefined && latest < position)) {
			this.#logger.warn(`the server forgot its event log: newest id ${latest}, last applied ${position}`);
			this.#sequence.reset(latest);
			cause = "forgotten";
		} else if (this.#sequence.newest === undefined || this.#sequence.hasGap) this.#sequence.reset(position);
		// Only a server that tells its newest id replays provably whole; a gap in the ids would show.
		const isProvenComplete = !isOtherLog && position !== undefined && latest !== undefined && latest >= position;
		if (!isProvenComplete) this.#needsSnapshot = true;
		if (isResumed && latest === undefined) void this.#probe(undefined, false);
		if (this.#needsSnapshot) void this.takeSnapshot(cause);
		if (reconcileMs > 0) this.#reconcileTimer = setInterval(() => void this.takeSnapshot("reconcile"), reconcileMs);
	}

	/** Ends what belongs to the open stream. Events that wait were not applied, so the position has not passed them. */
	handleClosed(): void {
		this.#snapshotAbort?.abort();
		this.#opening?.end.abort();
		this.#opening = undefined;
		this.#meanwhile = undefined;
		this.#waiting = undefined;
		clearInterval(this.#reconcileTimer);
		clearTimeout(this.#probeTimer);
		clearTimeout(this.#gapTimer);
		this.#gapTimer = undefined;
	}

	handleMessage(message: StreamMessage): void {
		const event = decodeEvent(message.data);
		if (this.#opening !== undefined) this.#opening.hasSpoken = true;
		if (event?.type === "reset") this.#handleReset(event.latest, message.id);
		else if (this.#waiting !== undefined) this.#waiting.push({ id: message.id, event });
		else this.#take(message.id, event);
	}

	// Events

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
			const arrival = this.#sequence.accept(number);
			if (arrival === "gap") this.#awaitGap();
			else if (arrival === "duplicate") {
				if (!this.#isNewLog(event, opening)) {
					this.#replayed++;
					this.#options.onProgress();
					return;
				}
				this.#logger.warn(`the server's event ids began anew: got ${number} after ${this.#sequence.newest}`);
				this.#sequence.reset(number);
				this.#needsSnapshot = true;
				void this.takeSnapshot("forgotten");
			}
		}
		if (event === undefined) this.#countUndecodable();
		else {
			this.#received++;
			this.#handleEvent(event, number, opening);
		}
		this.#moveTo(id, number);
		this.#options.onProgress();
	}

	#handleEvent(event: TracewayEvent, number: number | undefined, opening: Opening): void {
		const { latest } = opening;
		if (opening.isHistory) {
			const isReplay = latest !== undefined && number !== undefined ? number <= latest : !this.#isNews(event);
			opening.isHistory = isReplay;
			if (isReplay && opening.isResumed) this.#replayed++;
			// The log had it when the stream opened, so the snapshot that is being read since will have its effect.
			if (isReplay && latest !== undefined && this.#needsSnapshot && this.#meanwhile !== undefined) return;
		}
		const { isHistory } = opening;
		const { store } = this.#options;
		const before = store.revision;
		if (event.type === "unknown") this.#countUnknown(event.name);
		else this.#apply(event, number, isHistory);
		const hasChanged = store.revision !== before;
		this.#meanwhile?.note({ event, number, isHistory }, hasChanged);
		if (!hasChanged && this.#overtaken > 0 && event.type === "span") this.#noteOvertaken();
		if (!isDeletion(event)) return;
		if (Date.now() < this.#doubtDeletionsUntilMs) this.#suspectLoss();
		if (event.type === "cleared" && isHistory && latest === undefined) {
			// An old clearing, replayed: it took away what the snapshot had brought.
			this.#needsSnapshot = true;
			void this.takeSnapshot("reset");
		}
	}

	/** A fault of ours in one event must not end the stream or hold back the events behind it. */
	#apply(event: TracewayEvent, number: number | undefined, isHistory: boolean): void {
		try {
			this.#options.applier.apply(event, number, isHistory);
		} catch (error) {
			this.#undecodable++;
			this.#logOnce("fault", `event ${number ?? ""} of type ${event.type} was not applied: ${describeError(error)}`);
		}
	}

	/**
	 * Whether an id that was seen before belongs to a new log, of a server that does not tell its newest id: its event is
	 * clearly younger than the connection. If it only may be, a snapshot settles what the event would have brought.
	 */
	#isNewLog(event: TracewayEvent | undefined, opening: Opening): boolean {
		if (event === undefined || opening.latest !== undefined) return false;
		const atMs = eventTimeMs(event);
		const { newsSinceMs } = this.#options.applier;
		if (atMs === undefined || atMs < newsSinceMs) return false;
		if (atMs >= newsSinceMs + 2 * HISTORY_SLACK_MS) return true;
		this.#suspectLoss();
		return false;
	}

	/** Whether an event tells of something that happened after the stream opened. */
	#isNews(event: TracewayEvent): boolean {
		const atMs = eventTimeMs(event);
		return atMs !== undefined && atMs >= this.#options.applier.newsSinceMs;
	}

	/** The event is applied: the next attempt resumes after it. */
	#moveTo(id: string | undefined, number: number | undefined): void {
		if (id === undefined) return;
		const { position } = this.#sequence;
		this.#options.stream().markApplied(number === undefined || position === number ? id : String(position));
		this.#options.onPosition();
	}

	#handleReset(latest: number | undefined, id: string | undefined): void {
		const newest = latest ?? sequenceNumber(id);
		this.#logger.info(`the server has no replay from our position; newest id ${newest ?? "unknown"}`);
		this.#received++;
		this.#sequence.reset(newest);
		this.#needsSnapshot = true;
		if (newest !== undefined) this.#moveTo(String(newest), newest);
		// What is being read may have been asked for before the events that are missing now.
		if (this.#meanwhile !== undefined) this.#meanwhile.mustReadAnew = true;
		void this.takeSnapshot("reset");
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
		if (this.#logged.has(key) || this.#logged.size >= MAX_LOGGED_TYPES) return;
		this.#logged.add(key);
		this.#logger.warn(text);
	}

	// Doubts

	#suspectLoss(): void {
		this.#isLossSuspected = true;
		this.#awaitGap();
	}

	/** Ids were passed over. They may come late; if not, the state is read anew. */
	#awaitGap(): void {
		if (this.#gapTimer !== undefined) return;
		const distanceMs = Math.min(MAX_DOUBT_DISTANCE_MS, Math.max(MIN_DOUBT_DISTANCE_MS, 10 * this.#snapshotMs));
		const notBeforeMs = this.#doubtedAtMs + distanceMs;
		const delayMs = Math.max(this.#options.gapGraceMs, notBeforeMs - Date.now());
		this.#gapTimer = setTimeout(() => {
			this.#gapTimer = undefined;
			if (!this.#sequence.hasGap && !this.#isLossSuspected) return;
			this.#doubtedAtMs = Date.now();
			this.#needsSnapshot = true;
			void this.takeSnapshot(this.#sequence.hasGap ? "gap" : "doubt");
		}, delayMs);
	}

	/** Some of what a snapshot brought is still on its way through the stream: it is not counted once it arrives. */
	#countRecovered(recovered: number): void {
		this.#recovered += recovered;
		this.#overtaken = recovered;
		this.#overtakenUntilMs = Date.now() + OVERTAKEN_MS;
	}

	#noteOvertaken(): void {
		if (Date.now() > this.#overtakenUntilMs) this.#overtaken = 0;
		else {
			this.#overtaken--;
			this.#recovered--;
		}
	}

	#noteRecovery(recovered: number): void {
		this.#vainRecoveries = recovered === 0 ? this.#vainRecoveries + 1 : 0;
		if (this.#vainRecoveries < MAX_VAIN_RECOVERIES) return;
		this.#sequence.isSparse = true;
		this.#logger.info("event ids of this server jump without a loss; jumps are no longer followed by a snapshot");
	}

	/**
	 * A server that forgot its log is silent to a client whose position is above its newest id, "until the log passes it"
	 * (reference, section 4, loss d). A server that does not tell its newest id and says nothing after a resume is therefore
	 * looked at: if what it has changes twice without a word, the position is dropped.
	 */
	async #probe(before: string | undefined, hasChanged: boolean): Promise<void> {
		const opening = this.#opening;
		if (opening === undefined || opening.hasSpoken) return;
		const { client, probeMs } = this.#options;
		const { signal } = opening.end;
		let counts: string;
		try {
			const { value } = await client.get("/stats", { signal });
			const stats = asObject(value);
			counts = `${decodeNumber(stats?.trace_count)} ${decodeNumber(stats?.span_count)}`;
		} catch (error) {
			if (!signal.aborted) this.#logger.debug(`the silent stream was not looked at: ${describeError(error)}`);
			return;
		}
		if (this.#opening !== opening || opening.hasSpoken) return;
		if (hasChanged) {
			this.#logger.warn("the stream is silent while the server changes: it is asked anew, without a position");
			this.#needsSnapshot = true;
			this.#options.stream().markApplied(undefined);
			this.#options.stream().reconnect();
			return;
		}
		const changes = before !== undefined && counts !== before;
		this.#probeTimer = setTimeout(() => void this.#probe(counts, changes), probeMs);
	}

	// Snapshots

	/** Takes a snapshot, or shares the one that is being taken. Does not reject: the outcome is in `snapshotError`. */
	takeSnapshot(cause: SnapshotCause): Promise<void> {
		this.#snapshots ??= this.#takeSnapshots(cause);
		return this.#snapshots;
	}

	/** One snapshot, and another one when meanwhile a stream opened or something took the first one's promise back. */
	async #takeSnapshots(cause: SnapshotCause): Promise<void> {
		let next = cause;
		let outcome: "done" | "aborted" | "failed";
		do {
			outcome = await this.#takeOne(next);
			next = "reconnect";
		} while (this.#needsSnapshot && this.#opening !== undefined && outcome !== "failed");
		this.#snapshots = undefined;
	}

	async #takeOne(cause: SnapshotCause): Promise<"done" | "aborted" | "failed"> {
		clearTimeout(this.#retryTimer);
		this.#snapshotAbort = new AbortController();
		const { signal } = this.#snapshotAbort;
		const startedAtMs = Date.now();
		const isFirst = !this.#isLoaded && this.#options.store.traceCount === 0;
		try {
			const count = await this.#readAndMerge(signal);
			if (signal.aborted) return "aborted";
			this.#needsSnapshot = false;
			this.#isLoaded = true;
			this.#snapshotError = undefined;
			this.#failures = 0;
			this.#isLossSuspected = false;
			this.#sequence.settle();
			const { newest } = this.#sequence;
			if (newest !== undefined) this.#moveTo(String(newest), newest);
			const recovered = Math.max(0, count - (this.#meanwhile?.inVain ?? 0));
			await this.#applyAgain();
			if (!isFirst) this.#countRecovered(recovered);
			if (cause === "gap") this.#noteRecovery(recovered);
			this.#snapshotMs = Date.now() - startedAtMs;
			this.#logger.info(`snapshot (${cause}): ${count} changes in ${this.#snapshotMs} ms`);
		} catch (error) {
			if (signal.aborted) return "aborted";
			this.#snapshotError = error;
			this.#logger.warn(`snapshot (${cause}) failed: ${describeError(error)}`);
			this.#meanwhile = undefined;
			this.#retryLater();
			this.#options.onSnapshot();
			return "failed";
		}
		this.#options.onSnapshot();
		return "done";
	}

	async #readAndMerge(signal: AbortSignal): Promise<number> {
		const { history } = this.#options;
		for (let retake = 0; ; retake++) {
			// What came before a reading is in what will be read.
			const meanwhile = new Meanwhile();
			this.#meanwhile = meanwhile;
			const reading = await history.read(signal);
			// A deletion moves the pages of a list, so that something may have slipped through.
			const mayHaveMoved = meanwhile.hasDeletion && !reading.isOnePiece;
			if ((mayHaveMoved || meanwhile.mustReadAnew) && retake < MAX_RETAKES) continue;
			if (meanwhile.mustReadAnew) this.#suspectLoss();
			if (!reading.isOnePiece) this.#doubtDeletionsUntilMs = Date.now() + DELETION_DOUBT_MS;
			this.#undecodable += reading.spanList.undecodable;
			return await history.merge(reading, meanwhile, signal);
		}
	}

	/** After the merge: the events that came meanwhile once more, in slices; those that come now wait their turn. */
	async #applyAgain(): Promise<void> {
		const events = this.#meanwhile?.events ?? [];
		const opening = this.#opening;
		this.#meanwhile = undefined;
		if (opening === undefined) return;
		this.#waiting = [];
		for (const { event, number, isHistory } of events) {
			this.#apply(event, number, isHistory);
			if (!(await this.#isStillOpen(opening))) return;
		}
		for (let waiting = this.#waiting; waiting.length > 0; waiting = this.#waiting) {
			this.#waiting = [];
			for (const { id, event } of waiting) {
				this.#take(id, event);
				if (!(await this.#isStillOpen(opening))) return;
			}
		}
		this.#waiting = undefined;
	}

	/** Gives the event loop its turn when the slice is spent; false when the stream ended meanwhile. */
	async #isStillOpen(opening: Opening): Promise<boolean> {
		const { budget } = this.#options;
		if (budget.isSpent) await budget.turn();
		return this.#opening === opening;
	}

	#retryLater(): void {
		if (this.#isDisposed) return;
		const delayMs = Math.min(MAX_RETRY_MS, 1000 * 2 ** this.#failures++);
		this.#retryTimer = setTimeout(() => {
			if (this.#opening !== undefined) void this.takeSnapshot("retry");
		}, delayMs);
	}
}

/** What the stream told while a snapshot was read, and what of the store it touched. */
class Meanwhile implements Touched {
	readonly events: AppliedEvent[] = [];
	readonly spans = new Set<string>();
	readonly traces = new Set<string>();
	readonly deletedSpans = new Set<string>();
	readonly deletedTraces = new Set<string>();
	hasDeletion = false;
	mustReadAnew = false;
	/** Spans that were in the store already when their event came: not the snapshot brought them. */
	inVain = 0;

	note(applied: AppliedEvent, hasChanged: boolean): void {
		const { event } = applied;
		if (this.events.length === MAX_REMEMBERED_EVENTS) this.mustReadAnew = true;
		else this.events.push(applied);
		switch (event.type) {
			case "span":
				if (!hasChanged) this.inVain++;
				this.spans.add(event.span.spanId);
				this.deletedSpans.delete(event.span.spanId);
				if (event.span.traceId !== undefined) this.#touchTrace(event.span.traceId);
				return;
			case "trace":
				this.#touchTrace(event.trace.traceId);
				return;
			case "spanDeleted":
				this.hasDeletion = true;
				this.spans.delete(event.spanId);
				this.deletedSpans.add(event.spanId);
				return;
			case "traceDeleted":
				this.hasDeletion = true;
				this.traces.delete(event.traceId);
				this.deletedTraces.add(event.traceId);
				return;
			case "cleared":
				this.mustReadAnew = true;
				return;
			default:
				return;
		}
	}

	#touchTrace(traceId: string): void {
		this.traces.add(traceId);
		this.deletedTraces.delete(traceId);
	}
}

function isDeletion(event: TracewayEvent): boolean {
	return event.type === "spanDeleted" || event.type === "traceDeleted" || event.type === "cleared";
}
