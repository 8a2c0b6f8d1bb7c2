import { EventSource, type EventSourceFetchInit, type FetchLikeResponse, type ReaderLike } from "eventsource";
import type { Disposable } from "../base/disposable.ts";
import type { Event } from "../base/emitter.ts";
import type { Logger } from "../base/logger.ts";
import { parseRetryAfterMs } from "./backoff.ts";
import { type ConnectionAttempt, ConnectionLoop } from "./connectionLoop.ts";
import type { ConnectionReason, ConnectionState } from "./connectionState.ts";
import { describeNetworkError, discardBody, guardedFetch } from "./guardedFetch.ts";
import { RetryFieldFinder } from "./retryField.ts";
import { TurnBudget } from "./turnBudget.ts";

/** One message of the stream. `id` is the last event id in force: a message without one carries its predecessor's. */
export interface StreamMessage {
	/** Name of its event; undefined for one that has none, or `message`, which is the same. */
	readonly type?: string | undefined;
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
	/**
	 * Named events that are messages, too; others with a name are dropped. A server may name one `error`, as the standard names the
	 * end of a connection: that one has data, and is a message or dropped like any other.
	 */
	readonly eventTypes?: readonly string[] | undefined;
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
/** Chunks are handed on in pieces of this size, so that one piece's events fit a slice. */
const PIECE_BYTES = 64 * 1024;
const MAX_EVENT_ID_LENGTH = 1024;
const DEFAULT_MAX_EVENT_LENGTH = 64 * 1024 * 1024;

/**
 * An event stream that stays connected: one `EventSource` of the `eventsource` package for each attempt, under our own state
 * machine (`connectionLoop.ts`). That package reads the stream; reconnecting, backoff, watchdog, redirects and the last event
 * id are ours, because it retries only network errors, at a fixed interval, gives up on any non-200 and cannot be seeded with
 * a last event id.
 *
 * It ends in `failed` when only a person can help: 401, 403, 404, 410, 204, wrong content type, an event over the bound.
 */
export class EventStream implements Disposable {
	readonly #options: EventStreamOptions;
	readonly #loop: ConnectionLoop;
	readonly #budget: TurnBudget;
	readonly onDidChangeState: Event<ConnectionState>;
	#lastEventId: string | undefined;
	#isPaused = false;
	#resumeReading: (() => void) | undefined;

	constructor(options: EventStreamOptions) {
		this.#options = options;
		this.#lastEventId = options.lastEventId;
		this.#budget = new TurnBudget(options.sliceMs);
		const { watchdogMs, minBackoffMs, maxBackoffMs, healthyAfterMs, connectTimeoutMs, random, logger } = options;
		this.#loop = new ConnectionLoop({
			name: "stream",
			run: (attempt) => this.#begin(attempt),
			watchdogMs,
			minBackoffMs,
			maxBackoffMs,
			healthyAfterMs,
			connectTimeoutMs,
			random,
			logger,
		});
		this.onDidChangeState = this.#loop.onDidChangeState;
	}

	get state(): ConnectionState {
		return this.#loop.state;
	}

	/** When the last byte of any stream arrived; undefined before the first. */
	get lastByteAtMs(): number | undefined {
		return this.#loop.lastByteAtMs;
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
		this.#loop.connect();
	}

	/** Tries now: out of any backoff, out of `failed`, and also when a stream is open. */
	reconnect(): void {
		this.#loop.reconnect();
	}

	/** Tries now if waiting, but not before the time that a `Retry-After` asked for. For window focus and network changes. */
	hurry(): void {
		this.#loop.hurry();
	}

	/** Ends the connection; the last event id stays. */
	disconnect(): void {
		this.#loop.disconnect();
	}

	/** Stops reading, so that the server notices; the watchdog rests. Lasts over reconnects, until `resume`. */
	pause(): void {
		this.#isPaused = true;
		this.#loop.isResting = true;
	}

	resume(): void {
		this.#isPaused = false;
		this.#loop.isResting = false;
		this.#resumeReading?.();
		this.#resumeReading = undefined;
	}

	dispose(): void {
		this.#loop.dispose();
		this.#budget.dispose();
	}

	#begin(attempt: ConnectionAttempt): void {
		const { maxEventLength = DEFAULT_MAX_EVENT_LENGTH, onMessage } = this.#options;
		// The address here is never asked: the wrapper asks the real one, once the headers are known.
		const source = new EventSource("http://stream.invalid/", {
			fetch: (_url, init) => this.#open(attempt, init),
			maxBufferSize: maxEventLength,
		});
		attempt.signal.addEventListener("abort", () => {
			source.close();
			// A reader of the old attempt that waits for `resume` would wait for good.
			this.#resumeReading?.();
			this.#resumeReading = undefined;
		});
		const take = (event: object) => {
			if (attempt.isOver || !isMessage(event)) return;
			attempt.proved();
			const { type, lastEventId, data } = event;
			const id = lastEventId === "" ? undefined : lastEventId;
			onMessage({ type: type === "message" ? undefined : type, id, data });
		};
		for (const type of ["message", ...(this.#options.eventTypes ?? [])]) source.addEventListener(type, take);
		// Answers and ends of streams are judged in the wrapper; what is left is an event over the bound.
		source.onerror = (event) => {
			if (isMessage(event)) return;
			const limitMib = Math.round(maxEventLength / 1024 / 1024);
			const message = `the server sent one event of more than ${limitMib} million characters`;
			attempt.end({ reason: "protocol", message, isFinal: true });
		};
	}

	/** The `fetch` of one attempt. Whatever goes wrong is settled here; the package only sees an abort, which it ignores. */
	async #open(attempt: ConnectionAttempt, init: EventSourceFetchInit): Promise<FetchLikeResponse> {
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
			if (attempt.isOver || !isStream(attempt, response, isForeign)) {
				discardBody(response);
				throw new StreamEnded();
			}
			const answeredAtMs = Date.now();
			this.#options.onOpen?.({ headers: response.headers, resumedAfter, requestedAtMs, answeredAtMs });
			attempt.opened();
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
			if (error instanceof StreamRefusal) attempt.end({ reason: error.reason, message: error.message, isFinal: true });
			else attempt.end({ reason: "network", message: describeNetworkError(error) });
			throw new StreamEnded();
		}
	}

	#read(attempt: ConnectionAttempt, response: Response): ReaderLike {
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		const retryField = new RetryFieldFinder();
		const openedAtMs = Date.now();
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
						attempt.end({ reason: "ended", message: "the server ended the stream" });
						return { done: true };
					}
					if (rest === undefined) {
						attempt.heard();
						if (Date.now() - openedAtMs >= HEARTBEAT_AFTER_MS) attempt.proved();
						const askedMs = retryField.feed(bytes);
						if (askedMs !== undefined) this.#loop.leastWaitMs = askedMs;
					}
					rest = bytes.length > PIECE_BYTES ? bytes.subarray(PIECE_BYTES) : undefined;
					return { done: false, value: bytes.length > PIECE_BYTES ? bytes.subarray(0, PIECE_BYTES) : bytes };
				} catch (error) {
					attempt.end({ reason: "network", message: describeNetworkError(error) });
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
}

/** True for a stream; otherwise the attempt has been ended as the answer demands. */
function isStream(attempt: ConnectionAttempt, response: Response, isForeign: boolean): boolean {
	const { status } = response;
	const away = isForeign ? " (redirected to another origin, which is not given the token)" : "";
	if (status === 200) {
		const type = response.headers.get("content-type") ?? "";
		if (/^\s*text\/event-stream\s*(?:;|$)/i.test(type) && response.body !== null) return true;
		const got = type === "" ? "no content type" : type.slice(0, 80);
		const message = `expected text/event-stream, got ${got}${away}`;
		attempt.end({ reason: "contentType", message, isFinal: true });
		return false;
	}
	const message = `HTTP ${status}${away}`;
	const reason = FINAL_STATUS.get(status);
	if (reason !== undefined) attempt.end({ reason, message, isFinal: true });
	else if (status === 429 || status === 408 || status === 425 || status >= 500) {
		const askedMs = parseRetryAfterMs(response.headers.get("retry-after"), Date.now());
		attempt.end({ reason: status === 429 ? "rateLimited" : "serverError", message, askedMs });
	} else attempt.end({ reason: "protocol", message, isFinal: true });
	return false;
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

/** Tells what a server sent, whatever its name, from what the package says of the connection. */
function isMessage(event: object): event is MessageEvent<string> {
	return "data" in event;
}

/** "Last event ID string, encoded as UTF-8" (HTML, section 9.2.3): header values are bytes. */
function lastEventIdHeader(id: string | undefined): Record<string, string> {
	if (id === undefined || /[\0\r\n]/.test(id)) return {};
	return { "last-event-id": Buffer.from(id, "utf8").toString("latin1") };
}
