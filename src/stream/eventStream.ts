import { EventSource, type EventSourceFetchInit, type FetchLikeResponse, type ReaderLike } from "eventsource";
import type { Disposable } from "../base/disposable.ts";
import { Emitter, type Event } from "../base/emitter.ts";
import { describeError, type Logger } from "../base/logger.ts";
import { backoffDelayMs, parseRetryAfterMs } from "./backoff.ts";
import type { ConnectionReason, ConnectionState } from "./connectionState.ts";
import { discardBody, guardedFetch } from "./guardedFetch.ts";
import { RetryFieldFinder } from "./retryField.ts";
import { TurnBudget } from "./turnBudget.ts";

/** One message of the stream. `id` is the last event id in force: a message without one carries its predecessor's. */
export interface StreamMessage {
	readonly id: string | undefined;
	readonly data: string;
}

/** Thrown by `headers` to end in `failed` instead of being retried: only a person can help. */
export class StreamRefusal extends Error {
	readonly reason: ConnectionReason;
	constructor(reason: ConnectionReason, message: string) {
		super(message);
		this.name = "StreamRefusal";
		this.reason = reason;
	}
}

/** What the answer said that opened a stream. Times are epoch milliseconds of this machine. */
export interface StreamOpening {
	readonly headers: Headers;
	/** The `Last-Event-ID` that was sent with the request. */
	readonly resumedAfter: string | undefined;
	readonly requestedAtMs: number;
	readonly answeredAtMs: number;
}

export interface EventStreamOptions {
	/** Asked at each attempt, after `headers`. */
	readonly url: () => string;
	/** Headers that only the server at `url` may see; asked at each attempt. A rejection counts as a network error, a `StreamRefusal` as final. */
	readonly headers: () => Promise<Record<string, string>>;
	readonly fetch: typeof globalThis.fetch;
	/** Where to resume at the first attempt. */
	readonly lastEventId?: string | undefined;
	/** Longest silence of an open stream, comments count as sound. Default 45,000: three heartbeats of 15 s. */
	readonly watchdogMs?: number | undefined;
	/** Default 500. */
	readonly minBackoffMs?: number | undefined;
	/** Default 30,000. */
	readonly maxBackoffMs?: number | undefined;
	/** An open stream counts as healthy after this long, or at once with its first event. Default 5,000. */
	readonly healthyAfterMs?: number | undefined;
	/** Longest wait for the answer's headers. Default 15,000. */
	readonly connectTimeoutMs?: number | undefined;
	/** Longest event in UTF-16 units. Default 64 Mi. */
	readonly maxEventLength?: number | undefined;
	/** Longest stretch of handling messages without giving the event loop a turn. Default 8. */
	readonly sliceMs?: number | undefined;
	readonly random?: (() => number) | undefined;
	readonly logger: Logger;
	readonly onOpen?: ((opening: StreamOpening) => void) | undefined;
	/** Must not throw. Call `markApplied` once the message has had its effect. */
	readonly onMessage: (message: StreamMessage) => void;
}

/** Bytes that arrive this long after the opening are a heartbeat, not a greeting. */
const HEARTBEAT_AFTER_MS = 1000;
/** Longest distance between two looks at the clock. */
const TICK_MS = 5000;
/** A look that comes this much too late means that the machine slept. */
const SLEEP_MS = 10_000;
/** After a sleep the connection gets this long to show a sign of life. */
const WAKE_GRACE_MS = 5000;
/** Chunks are handed on in pieces of this size, so that one piece's events fit a slice. */
const PIECE_BYTES = 64 * 1024;
const MAX_EVENT_ID_LENGTH = 1024;
const DEFAULT_MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/** One try: from the request to the end of its stream. */
interface Attempt {
	isOver: boolean;
	source: EventSource | undefined;
	connectTimer: ReturnType<typeof setTimeout> | undefined;
	openedAtMs: number | undefined;
	isHealthy: boolean;
}

/**
 * An event stream that stays connected: one `EventSource` of the `eventsource` package for each attempt, under our own state
 * machine. That package reads the stream; reconnecting, backoff, watchdog, redirects and the last event id are here, because
 * it retries only network errors, at a fixed interval, gives up on any non-200 and cannot be seeded with a last event id.
 *
 * States: `idle` → `connecting` → `open` → `waiting` → `connecting` …; `failed` when only a person can help (401, 403, 404,
 * 410, 204, wrong content type, an event over the bound); `disposed` at the end. `reconnect` works in every state but the last.
 */
export class EventStream implements Disposable {
	readonly #options: EventStreamOptions;
	readonly #logger: Logger;
	readonly #watchdogMs: number;
	readonly #minBackoffMs: number;
	readonly #maxBackoffMs: number;
	readonly #budget: TurnBudget;
	readonly #onDidChangeState = new Emitter<ConnectionState>();
	readonly onDidChangeState: Event<ConnectionState> = this.#onDidChangeState.event;
	#state: ConnectionState = { name: "idle" };
	#attempt: Attempt | undefined;
	#failures = 0;
	#lastEventId: string | undefined;
	#lastByteAtMs: number | undefined;
	/** Start of the silence that the watchdog measures. */
	#silentSinceMs = 0;
	/** Silence allowed now; shorter after a sleep. */
	#allowedSilenceMs: number;
	/** Lower bound of each wait, by the `retry` field. */
	#retryFieldMs = 0;
	/** Not before this time may `hurry` try, by `Retry-After`. */
	#notBeforeMs = 0;
	#attemptedAtMs = 0;
	#waitTimer: ReturnType<typeof setTimeout> | undefined;
	#tickTimer: ReturnType<typeof setTimeout> | undefined;
	#tickDueMs = 0;
	#isPaused = false;
	#resumeReading: (() => void) | undefined;

	constructor(options: EventStreamOptions) {
		this.#options = options;
		this.#logger = options.logger;
		this.#lastEventId = options.lastEventId;
		this.#watchdogMs = options.watchdogMs ?? 45_000;
		this.#minBackoffMs = options.minBackoffMs ?? 500;
		this.#maxBackoffMs = options.maxBackoffMs ?? 30_000;
		this.#allowedSilenceMs = this.#watchdogMs;
		this.#budget = new TurnBudget(options.sliceMs);
	}

	get state(): ConnectionState {
		return this.#state;
	}

	/** When the last byte of any stream arrived; undefined before the first. */
	get lastByteAtMs(): number | undefined {
		return this.#lastByteAtMs;
	}

	/** Id of the newest event that was applied; what the next attempt resumes after. */
	get lastEventId(): string | undefined {
		return this.#lastEventId;
	}

	/** Moves the last event id; undefined or an empty id forgets it. An id that no header could carry is not remembered. */
	markApplied(id: string | undefined): void {
		if (id !== undefined && id.length > MAX_EVENT_ID_LENGTH) return;
		this.#lastEventId = id === "" ? undefined : id;
	}

	/** Starts, from `idle` or `failed`; otherwise does nothing. */
	connect(): void {
		if (this.#state.name === "idle" || this.#state.name === "failed") this.#start();
	}

	/** Tries now: out of any backoff, out of `failed`, and also when a stream is open. */
	reconnect(): void {
		if (this.#state.name === "disposed") return;
		this.#failures = 0;
		this.#start();
	}

	/** Tries now if waiting, but not before the time that a `Retry-After` asked for. For window focus and network changes. */
	hurry(): void {
		if (this.#state.name !== "waiting") return;
		const nowMs = Date.now();
		if (nowMs < this.#notBeforeMs || nowMs - this.#attemptedAtMs < this.#minBackoffMs) return;
		this.#start();
	}

	/** Ends the connection; the last event id stays. */
	disconnect(): void {
		if (this.#state.name === "disposed") return;
		this.#stop();
		this.#failures = 0;
		this.#setState({ name: "idle" });
	}

	/** Stops reading, so that the server notices; the watchdog rests. Lasts over reconnects, until `resume`. */
	pause(): void {
		this.#isPaused = true;
	}

	resume(): void {
		this.#isPaused = false;
		this.#silentSinceMs = Date.now();
		this.#resumeReading?.();
		this.#resumeReading = undefined;
	}

	dispose(): void {
		if (this.#state.name === "disposed") return;
		this.#stop();
		this.#budget.dispose();
		this.#setState({ name: "disposed" });
		this.#onDidChangeState.dispose();
	}

	#setState(state: ConnectionState): void {
		this.#state = state;
		this.#onDidChangeState.fire(state);
	}

	/** Ends what runs: attempt, wait and clock. */
	#stop(): void {
		const attempt = this.#attempt;
		this.#attempt = undefined;
		if (attempt !== undefined) close(attempt);
		// A reader of the old attempt that waits for `resume` would wait for good.
		this.#resumeReading?.();
		this.#resumeReading = undefined;
		clearTimeout(this.#waitTimer);
		clearTimeout(this.#tickTimer);
	}

	#start(): void {
		this.#stop();
		const attempt: Attempt = {
			isOver: false,
			source: undefined,
			connectTimer: undefined,
			openedAtMs: undefined,
			isHealthy: false,
		};
		this.#attempt = attempt;
		this.#attemptedAtMs = Date.now();
		const timeoutMs = this.#options.connectTimeoutMs ?? 15_000;
		attempt.connectTimer = setTimeout(() => {
			this.#retry(attempt, "timeout", `no answer within ${timeoutMs / 1000} s`);
		}, timeoutMs);
		this.#scheduleTick();
		this.#setState({ name: "connecting", attempt: this.#failures + 1 });
		// A listener may have ended the attempt.
		if (attempt.isOver) return;
		// The address here is never asked: the wrapper asks the real one, once the headers are known.
		const source = new EventSource("http://stream.invalid/", {
			fetch: (_url, init) => this.#open(attempt, init),
			maxBufferSize: this.#options.maxEventLength ?? DEFAULT_MAX_EVENT_LENGTH,
		});
		attempt.source = source;
		source.onmessage = (event) => {
			if (attempt.isOver) return;
			attempt.isHealthy = true;
			const { lastEventId, data } = event;
			this.#options.onMessage({ id: lastEventId === "" ? undefined : lastEventId, data });
		};
		// Answers and ends of streams are judged in the wrapper; what is left is an event over the bound.
		source.onerror = () => {
			const limitMib = Math.round((this.#options.maxEventLength ?? DEFAULT_MAX_EVENT_LENGTH) / 1024 / 1024);
			this.#fail(attempt, "protocol", `the server sent one event of more than ${limitMib} million characters`);
		};
	}

	/** The `fetch` of one attempt. Whatever goes wrong is settled here; the package only sees an abort, which it ignores. */
	async #open(attempt: Attempt, init: EventSourceFetchInit): Promise<FetchLikeResponse> {
		try {
			const secretHeaders = await this.#options.headers();
			if (attempt.isOver) throw new StreamEnded();
			const url = new URL(this.#options.url());
			const resumedAfter = this.#lastEventId;
			const requestedAtMs = Date.now();
			const { response, isForeign } = await guardedFetch(this.#options.fetch, url, {
				headers: { accept: "text/event-stream", ...lastEventIdHeader(resumedAfter) },
				secretHeaders,
				signal: init.signal,
			});
			if (attempt.isOver || !this.#judge(attempt, response, isForeign)) {
				discardBody(response);
				throw new StreamEnded();
			}
			const answeredAtMs = Date.now();
			attempt.openedAtMs = answeredAtMs;
			clearTimeout(attempt.connectTimer);
			this.#hear(answeredAtMs);
			this.#options.onOpen?.({ headers: response.headers, resumedAfter, requestedAtMs, answeredAtMs });
			if (!attempt.isOver) this.#setState({ name: "open", sinceMs: answeredAtMs });
			if (attempt.isOver) {
				discardBody(response);
				throw new StreamEnded();
			}
			return {
				status: 200,
				url: response.url,
				redirected: false,
				headers: response.headers,
				body: { getReader: () => this.#read(attempt, response) },
			};
		} catch (error) {
			if (error instanceof StreamRefusal) this.#fail(attempt, error.reason, error.message);
			else if (!attempt.isOver) this.#retry(attempt, "network", describeNetworkError(error));
			throw new StreamEnded();
		}
	}

	/** True for a stream; otherwise the attempt has been ended as the answer demands. */
	#judge(attempt: Attempt, response: Response, isForeign: boolean): boolean {
		const { status } = response;
		const away = isForeign ? " (redirected to another origin, which is not given the token)" : "";
		if (status === 200) {
			const type = response.headers.get("content-type") ?? "";
			if (/^\s*text\/event-stream\s*(?:;|$)/i.test(type) && response.body !== null) return true;
			const got = type === "" ? "no content type" : type.slice(0, 80);
			this.#fail(attempt, "contentType", `expected text/event-stream, got ${got}${away}`);
			return false;
		}
		const said = `HTTP ${status}${away}`;
		const reason = FINAL_STATUS.get(status);
		if (reason !== undefined) this.#fail(attempt, reason, said);
		else if (status === 429 || status === 408 || status === 425 || status >= 500) {
			const askedMs = parseRetryAfterMs(response.headers.get("retry-after"), Date.now());
			this.#retry(attempt, status === 429 ? "rateLimited" : "serverError", said, askedMs);
		} else this.#fail(attempt, "protocol", said);
		return false;
	}

	#read(attempt: Attempt, response: Response): ReaderLike {
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		const retryField = new RetryFieldFinder();
		let rest: Uint8Array | undefined;
		const next = async (): Promise<Uint8Array | undefined> => {
			if (rest !== undefined) return rest;
			const { done, value } = await reader.read();
			return done ? undefined : value;
		};
		return {
			read: async () => {
				try {
					while (this.#isPaused && !attempt.isOver) await this.#resumed();
					if (this.#budget.isSpent) await this.#budget.turn();
					const bytes = await next();
					if (attempt.isOver) throw new StreamEnded();
					if (bytes === undefined) {
						this.#retry(attempt, "ended", "the server ended the stream");
						return { done: true };
					}
					if (rest === undefined) {
						this.#heardBytes(attempt);
						const askedMs = retryField.feed(bytes);
						if (askedMs !== undefined) this.#retryFieldMs = Math.min(askedMs, this.#maxBackoffMs);
					}
					rest = bytes.length > PIECE_BYTES ? bytes.subarray(PIECE_BYTES) : undefined;
					return { done: false, value: bytes.length > PIECE_BYTES ? bytes.subarray(0, PIECE_BYTES) : bytes };
				} catch (error) {
					if (!attempt.isOver) this.#retry(attempt, "network", describeNetworkError(error));
					// The request's own abort does not end a body that is read through a wrapper in every runtime.
					reader.cancel().catch(() => undefined);
					throw new StreamEnded();
				}
			},
			cancel: () => reader.cancel(),
		};
	}

	#resumed(): Promise<void> {
		return new Promise((resolve) => {
			this.#resumeReading = resolve;
		});
	}

	#heardBytes(attempt: Attempt): void {
		const nowMs = Date.now();
		if (attempt.openedAtMs !== undefined && nowMs - attempt.openedAtMs >= HEARTBEAT_AFTER_MS) attempt.isHealthy = true;
		this.#lastByteAtMs = nowMs;
		this.#hear(nowMs);
	}

	#hear(nowMs: number): void {
		this.#silentSinceMs = nowMs;
		this.#allowedSilenceMs = this.#watchdogMs;
	}

	#retry(attempt: Attempt, reason: ConnectionReason, message: string, askedMs = 0): void {
		if (attempt.isOver) return;
		const healthyAfterMs = this.#options.healthyAfterMs ?? 5000;
		const nowMs = Date.now();
		const isHealthy =
			attempt.isHealthy || (attempt.openedAtMs !== undefined && nowMs - attempt.openedAtMs >= healthyAfterMs);
		this.#failures = isHealthy ? 1 : this.#failures + 1;
		this.#stop();
		this.#notBeforeMs = nowMs + askedMs;
		// A server that names a time knows when it is back: waiting longer would only be late. One that names none, or almost
		// none, gets our own jitter, so that it is not hammered.
		const delayMs =
			askedMs >= this.#minBackoffMs
				? Math.max(askedMs, this.#retryFieldMs)
				: backoffDelayMs(this.#failures, Math.max(askedMs, this.#retryFieldMs), {
						minMs: this.#minBackoffMs,
						maxMs: this.#maxBackoffMs,
						random: this.#options.random ?? Math.random,
					});
		this.#logger.debug(`stream: ${reason}, ${message}; attempt ${this.#failures + 1} in ${delayMs} ms`);
		this.#waitTimer = setTimeout(() => this.#start(), delayMs);
		this.#scheduleTick();
		this.#setState({ name: "waiting", attempt: this.#failures + 1, retryAtMs: nowMs + delayMs, reason, message });
	}

	#fail(attempt: Attempt, reason: ConnectionReason, message: string): void {
		if (attempt.isOver) return;
		this.#stop();
		this.#failures = 0;
		this.#logger.debug(`stream: failed, ${reason}, ${message}`);
		this.#setState({ name: "failed", reason, message });
	}

	/**
	 * One clock for watchdog and sleep. Timers rest while a machine sleeps, the time of day does not: a look that comes much too
	 * late tells of a sleep.
	 */
	#scheduleTick(): void {
		clearTimeout(this.#tickTimer);
		const nowMs = Date.now();
		const leftMs = this.#silentSinceMs + this.#allowedSilenceMs - nowMs;
		const isWatching = this.#state.name === "open" && !this.#isPaused;
		const delayMs = isWatching ? Math.min(TICK_MS, Math.max(1, leftMs)) : Math.min(TICK_MS, this.#watchdogMs);
		this.#tickDueMs = nowMs + delayMs;
		this.#tickTimer = setTimeout(() => this.#tick(), delayMs);
	}

	#tick(): void {
		const nowMs = Date.now();
		const lateMs = nowMs - this.#tickDueMs;
		if (lateMs >= SLEEP_MS && this.#wake(nowMs, lateMs)) return;
		// The clock was set back: measure from here, or the watchdog would sleep as long as the step was.
		if (nowMs < this.#silentSinceMs) this.#silentSinceMs = nowMs;
		const attempt = this.#attempt;
		if (this.#state.name === "open" && attempt !== undefined && !this.#isPaused) {
			const silentMs = nowMs - this.#silentSinceMs;
			if (silentMs >= this.#allowedSilenceMs) {
				this.#retry(attempt, "stale", `no byte for ${(silentMs / 1000).toFixed(1)} s`);
				return;
			}
		}
		this.#scheduleTick();
	}

	/** Returns whether a new attempt was started. */
	#wake(nowMs: number, lateMs: number): boolean {
		this.#logger.debug(`stream: this machine slept for about ${Math.round(lateMs / 1000)} s`);
		if (this.#state.name === "waiting" && nowMs >= this.#notBeforeMs) {
			this.#start();
			return true;
		}
		if (this.#state.name !== "open") return false;
		this.#allowedSilenceMs = Math.min(this.#watchdogMs, WAKE_GRACE_MS);
		this.#silentSinceMs = nowMs;
		return false;
	}
}

const FINAL_STATUS: ReadonlyMap<number, ConnectionReason> = new Map([
	[204, "noContent"],
	[401, "unauthorized"],
	[402, "forbidden"],
	[403, "forbidden"],
	[404, "notFound"],
	[410, "gone"],
] as const);

/** The package treats this as its own abort: no event, no timer. */
class StreamEnded extends Error {
	constructor() {
		super("the stream has ended");
		this.name = "AbortError";
	}
}

function close(attempt: Attempt): void {
	attempt.isOver = true;
	clearTimeout(attempt.connectTimer);
	attempt.source?.close();
}

/** "Last event ID string, encoded as UTF-8" (HTML, section 9.2.3): header values are bytes. */
function lastEventIdHeader(id: string | undefined): Record<string, string> {
	if (id === undefined || /[\0\r\n]/.test(id)) return {};
	return { "last-event-id": Buffer.from(id, "utf8").toString("latin1") };
}

/** Text of a failed request. `fetch` says only "fetch failed"; the cause has the system's words. */
function describeNetworkError(error: unknown): string {
	const code =
		error instanceof Error && error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException).code : undefined;
	return code === undefined ? describeError(error) : `${describeError(error)} [${code}]`;
}
