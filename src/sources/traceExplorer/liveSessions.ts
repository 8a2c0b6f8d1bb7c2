import { abortable, isAbortError } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { Sliced } from "../../base/sliced.ts";
import type { TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import type { JsonClient } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { decodeSessionSpans, parseSpans, type SessionRow, type SessionSpans } from "./decode.ts";
import { agrees, newSession, recordOf, type Session, signatureOf, traceOf } from "./session.ts";
import { inTurns, type SessionReads } from "./sessionReads.ts";
import { SessionStream } from "./sessionStream.ts";
import { writeWhole } from "./wholeState.ts";

/** Streams at once; each costs the backend two requests and more every half second. */
const MAX_STREAMS = 8;
/** Sessions read at once because the list says that they changed. */
const READERS = 2;
/** New sessions of one list that are read at once; of more only the list's row is known until they are opened. */
const MAX_NEW_READS = 50;
/** A session without news for so long gets no stream until its row changes: its root was lost with its program. */
const QUIET_MS = 15 * 60_000;
const MAX_RETRY_MS = 30_000;

export interface LiveSessionsOptions {
	readonly store: TraceStore;
	readonly client: JsonClient;
	readonly reads: SessionReads;
	readonly budget: TurnBudget;
	readonly fetch: typeof globalThis.fetch;
	readonly logger: Logger;
	readonly watchdogMs: number | undefined;
	readonly minBackoffMs: number | undefined;
	readonly random: (() => number) | undefined;
	readonly maxStreams: number | undefined;
	/** The server's clock, milliseconds since the epoch. */
	readonly serverNowMs: () => number;
	readonly onHeard: () => void;
	/** A stream broke: the server may be gone. */
	readonly onLost: () => void;
	/** Counters or troubles moved. */
	readonly onProgress: () => void;
}

/**
 * The sessions of the backend, each as one trace: the list knows sessions and not their traces, its stream and its spans are a
 * session's, and a session has one root, so a session is what here is a trace. What OpenTelemetry calls a trace is split where a
 * subagent runs in a session of its own; its id is part of each span's wire object.
 *
 * Open sessions are streamed, the newest first; the others are known by their row until somebody opens them. What was taken in
 * once is read again when its row says something else.
 */
export class LiveSessions implements Disposable {
	readonly #options: LiveSessionsOptions;
	readonly #store: TraceStore;
	readonly #sessions = new Map<string, Session>();
	/** Why a session has no news, in words. */
	readonly #troubles = new Map<string, string>();
	readonly #waiting = new Set<Session>();
	#readers = 0;
	#connection: AbortSignal | undefined;
	#isDisposed = false;
	#received = 0;
	#recovered = 0;
	#undecodable = 0;

	constructor(options: LiveSessionsOptions) {
		this.#options = options;
		this.#store = options.store;
	}

	get counters(): { readonly received: number; readonly recovered: number; readonly undecodable: number } {
		return { received: this.#received, recovered: this.#recovered, undecodable: this.#undecodable };
	}

	/** The first of the sessions' troubles. */
	get trouble(): string | undefined {
		const [first] = this.#troubles.values();
		return first;
	}

	get streamCount(): number {
		let count = 0;
		for (const { stream } of this.#sessions.values()) if (stream !== undefined) count++;
		return count;
	}

	/** Open sessions have no stream because the server, or what stands before it, refuses them. */
	get isStreamless(): boolean {
		const sessions = [...this.#sessions.values()];
		return !sessions.some(({ stream }) => stream !== undefined) && sessions.some(isPolled);
	}

	/** Whether the newest list had it. */
	isListed(sessionId: string): boolean {
		const session = this.#sessions.get(sessionId);
		return session?.row !== undefined && session.missingSinceMs === undefined;
	}

	/**
	 * Takes in a list. `isFirst`: what is in it was there before we looked. `isAfterLoss`: what is new in it came while we were
	 * away. `isPart`: it tells of some sessions only, older ones.
	 */
	applyRows(
		rows: readonly SessionRow[],
		how: { readonly isFirst: boolean; readonly isAfterLoss: boolean; readonly isPart: boolean },
		connection: AbortSignal | undefined,
	): void {
		this.#connection = connection ?? this.#connection;
		const history: TraceInput[] = [];
		const news: TraceInput[] = [];
		let toRead = MAX_NEW_READS;
		for (const row of rows) {
			let session = this.#sessions.get(row.sessionId);
			if (session === undefined) {
				session = this.#add(row.sessionId);
				session.isHistory = how.isFirst || how.isAfterLoss || how.isPart;
				session.isNew = !how.isFirst && !how.isPart && toRead-- > 0;
				session.wasLost = how.isAfterLoss;
			}
			// The store's bound may have pushed it out.
			if (this.#store.entry(session.id) === undefined) session.held = undefined;
			session.row = row;
			session.missingSinceMs = undefined;
			const trace = traceOf(session, row);
			if (session.isHistory) history.push(trace);
			else news.push(trace);
		}
		this.#upsert(history, true);
		this.#upsert(news, false);
		if (!how.isPart) this.#follow(rows);
	}

	/**
	 * Lets go of sessions that a list should have and has not since `graceMs`: the backend answers for a while from its cache, and
	 * its Tempo moves traces about.
	 *
	 * @param sinceMs by the server's clock: earlier ones are out of the list's range, which says nothing of them.
	 */
	dropMissing(listed: ReadonlySet<string>, sinceMs: number, graceMs: number): void {
		const nowMs = Date.now();
		for (const session of [...this.#sessions.values()]) {
			if (listed.has(session.id) || session.row === undefined) continue;
			this.#endStream(session);
			this.#setTrouble(session, undefined);
			if (!((session.row.start?.ms ?? Number.NEGATIVE_INFINITY) >= sinceMs)) continue;
			session.missingSinceMs ??= nowMs;
			if (nowMs - session.missingSinceMs < graceMs) continue;
			this.#sessions.delete(session.id);
			this.#waiting.delete(session);
			session.version++;
			this.#store.deleteTrace(session.id);
		}
	}

	/** Ends all streams; the store stays. What comes after the next list was missed. */
	pause(): void {
		this.#connection = undefined;
		this.#waiting.clear();
		this.#troubles.clear();
		for (const session of this.#sessions.values()) {
			this.#endStream(session);
			session.wasLost = true;
			session.streamedAs = undefined;
			session.failures = 0;
			session.notBeforeMs = 0;
		}
	}

	/** What may have changed without a word in its row is read again: sessions that somebody looks at. */
	readPinned(): void {
		for (const session of this.#sessions.values()) {
			if (session.stream === undefined && this.#store.isPinned(session.id)) {
				session.readAs = undefined;
				this.#want(session);
			}
		}
	}

	/** Brings a whole session into the store, unless its stream does. Rejects with `notFound` for one without spans. */
	async load(sessionId: string, signal: AbortSignal): Promise<void> {
		const session = this.#sessions.get(sessionId) ?? this.#add(sessionId);
		const hasSpans = await this.#read(session, signal);
		// Its stream was first.
		if (session.taking !== undefined) await abortable(session.taking, signal);
		if (hasSpans || session.held !== undefined) return;
		if (session.row === undefined) {
			this.#sessions.delete(sessionId);
			this.#store.deleteTrace(sessionId);
		}
		throw new SourceError("notFound", "the server has no spans of this session; its Tempo may have dropped them");
	}

	dispose(): void {
		this.#isDisposed = true;
		this.pause();
	}

	#add(id: string): Session {
		const session = newSession(id);
		this.#sessions.set(id, session);
		return session;
	}

	#upsert(traces: readonly TraceInput[], isHistory: boolean): void {
		if (traces.length === 0) return;
		// A snapshot, because what was deleted here and is listed again is there again.
		this.#store.applySnapshot({ traces, spans: [], isTraceListComplete: false, wholeTraceIds: new Set(), isHistory });
	}

	/** Which sessions are streamed and which are read, by the newest list. */
	#follow(rows: readonly SessionRow[]): void {
		if (this.#connection === undefined || this.#connection.aborted) return;
		const listed = rows.flatMap((row) => this.#sessions.get(row.sessionId) ?? []);
		const open = listed.filter((session) => this.#isLive(session));
		const { maxStreams = MAX_STREAMS } = this.#options;
		const first = open.filter(({ id }) => this.#store.isPinned(id));
		const streamed = new Set([...first, ...open].slice(0, maxStreams));
		for (const session of listed) {
			if (streamed.has(session)) {
				if (session.stream === undefined) this.#stream(session);
				continue;
			}
			this.#endStream(session);
			if (!agrees(session) && (session.held !== undefined || session.isNew)) this.#want(session);
		}
	}

	/** Whether a stream is worth its cost. One whose list says closed is given up, though it may go on with heartbeats for ever. */
	#isLive({ row, held, streamedAs }: Session): boolean {
		if (row === undefined || !row.isOpen || held?.isClosed === true || streamedAs === signatureOf(row)) return false;
		return held?.lastMs === undefined || held.lastMs > this.#options.serverNowMs() - QUIET_MS || !agrees({ row, held });
	}

	#stream(session: Session): void {
		const { client, fetch, logger, watchdogMs, minBackoffMs, random, onHeard, onLost, onProgress } = this.#options;
		const { id } = session;
		try {
			const stream = new SessionStream({
				sessionId: id,
				client,
				fetch,
				logger,
				watchdogMs,
				minBackoffMs,
				random,
				onHeard,
				onSpans: (text) => {
					this.#received++;
					session.isStreamRefused = false;
					this.#takeFrame(session, text);
				},
				onDone: () => {
					session.streamedAs = signatureOf(session.row);
					this.#endStream(session);
				},
				onTrouble: (message) => {
					this.#setTrouble(session, message === undefined ? undefined : `its spans cannot be read: ${message}`);
				},
				onUndecodable: () => this.#noteUndecodable(id, 1),
				onLost: () => {
					session.wasLost = true;
					onLost();
				},
				onFailed: (message) => {
					session.isStreamRefused = true;
					session.streamedAs = signatureOf(session.row);
					this.#endStream(session);
					this.#setTrouble(session, `its stream fails: ${message}`);
					this.#want(session);
				},
			});
			session.stream = stream;
			stream.connect();
		} catch (error) {
			session.streamedAs = signatureOf(session.row);
			this.#setTrouble(session, describeError(error));
		}
		onProgress();
	}

	#endStream(session: Session): void {
		const { stream } = session;
		if (stream === undefined) return;
		session.stream = undefined;
		stream.dispose();
		this.#setTrouble(session, undefined);
		this.#options.onProgress();
	}

	/**
	 * A frame is the whole session: it takes the place of everything before. While one is being taken in the newest waits and
	 * those between are left, so that frames which come faster than they are read do not keep each other out.
	 */
	#takeFrame(session: Session, text: string): void {
		session.frame = text;
		session.taking ??= this.#takeFrames(session)
			.catch((error: unknown) => this.#setTrouble(session, describeError(error)))
			.finally(() => {
				session.taking = undefined;
			});
	}

	async #takeFrames(session: Session): Promise<void> {
		for (;;) {
			const { frame } = session;
			session.frame = undefined;
			if (frame === undefined || this.#isDisposed || this.#sessions.get(session.id) !== session) return;
			const version = ++session.version;
			this.#options.reads.forget(session.id);
			try {
				const decoded = await inTurns(decodeFrame(session.id, frame), this.#options.budget, NEVER);
				if (decoded === undefined) this.#noteUndecodable(session.id, 1);
				else await this.#hold(session, decoded, version);
			} catch (error) {
				if (!(error instanceof SyntaxError)) throw error;
				this.#noteUndecodable(session.id, 1);
			}
		}
	}

	/** Brings the store to a whole state, in turns; a newer one that arrives meanwhile ends it. */
	async #hold(session: Session, decoded: SessionSpans, version: number): Promise<void> {
		const { id, row } = session;
		const isHistory = session.isHistory && session.held === undefined;
		if (decoded.undecodable > 0 && session.held === undefined) this.#noteUndecodable(id, decoded.undecodable);
		const isCurrent = () => session.version === version && !this.#isDisposed;
		const writing = writeWhole(this.#store, recordOf(id, row), decoded.spans, isHistory, isCurrent);
		const changed = await inTurns(writing, this.#options.budget, NEVER);
		if (changed === undefined) return;
		const { modelCalls, toolCalls, isClosed, lastMs } = decoded;
		session.held = { modelCalls, toolCalls, isClosed, lastMs };
		if (session.wasLost) this.#recovered += changed;
		session.wasLost = false;
		this.#options.onProgress();
	}

	#want(session: Session): void {
		this.#waiting.add(session);
		while (this.#readers < READERS && this.#waiting.size > 0) void this.#readWaiting();
	}

	async #readWaiting(): Promise<void> {
		this.#readers++;
		for (const session of this.#waiting) {
			this.#waiting.delete(session);
			const connection = this.#connection;
			if (connection === undefined || connection.aborted || Date.now() < session.notBeforeMs) continue;
			const signature = signatureOf(session.row);
			if (session.readAs === signature) continue;
			try {
				this.#options.reads.forget(session.id);
				await this.#read(session, connection);
				session.readAs = signature;
				session.failures = 0;
				this.#setTrouble(session, undefined);
			} catch (error) {
				if (connection.aborted || isAbortError(error)) continue;
				this.#noteFailedRead(session, signature, error);
			}
		}
		this.#readers--;
	}

	/** Asked again with the next lists, further and further apart, unless it would fail the same way. */
	#noteFailedRead(session: Session, signature: string, error: unknown): void {
		session.failures++;
		session.notBeforeMs = Date.now() + Math.min(MAX_RETRY_MS, 1000 * 2 ** session.failures);
		if (error instanceof SourceError && !PASSING.has(error.reason)) session.readAs = signature;
		this.#options.logger.debug(`session ${session.id}: ${describeError(error)}`);
		this.#setTrouble(session, describeError(error));
	}

	/** False for a session without spans. */
	async #read(session: Session, signal: AbortSignal): Promise<boolean> {
		const { version } = session;
		const { decoded } = await this.#options.reads.read(session.id, signal);
		if (decoded.spans.length === 0) return false;
		// A frame that came meanwhile is newer, or is being taken in.
		if (session.version === version && !this.#isDisposed) await this.#hold(session, decoded, ++session.version);
		return true;
	}

	#setTrouble({ id }: Session, message: string | undefined): void {
		const text = message === undefined ? undefined : `session ${id}: ${message}`;
		if (this.#troubles.get(id) === text) return;
		if (text === undefined) this.#troubles.delete(id);
		else this.#troubles.set(id, text);
		this.#options.onProgress();
	}

	#noteUndecodable(id: string, count: number): void {
		if (this.#undecodable === 0)
			this.#options.logger.warn(`session ${id}: a part of what the server said cannot be read`);
		this.#undecodable += count;
		this.#options.onProgress();
	}
}

const NEVER = new AbortController().signal;
/** What the next try may mend. */
const PASSING: ReadonlySet<SourceError["reason"]> = new Set([
	"network",
	"timeout",
	"serverError",
	"rateLimited",
] as const);

function isPolled({ row, held, missingSinceMs, isStreamRefused }: Session): boolean {
	return isStreamRefused && row?.isOpen === true && held?.isClosed !== true && missingSinceMs === undefined;
}

function* decodeFrame(sessionId: string, text: string): Sliced<SessionSpans | undefined> {
	return yield* decodeSessionSpans(sessionId, yield* parseSpans(text));
}
