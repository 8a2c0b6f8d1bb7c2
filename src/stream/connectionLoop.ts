import type { Disposable } from "../base/disposable.ts";
import { Emitter, type Event } from "../base/emitter.ts";
import { describeError, type Logger } from "../base/logger.ts";
import { backoffDelayMs } from "./backoff.ts";
import type { ConnectionReason, ConnectionState } from "./connectionState.ts";

/** How a try ended: retried after a wait, or final, when only a person can help. */
export interface ConnectionEnd {
	readonly reason: ConnectionReason;
	readonly message: string;
	/** Default false. */
	readonly isFinal?: boolean | undefined;
	/** Milliseconds that the server asked to wait. Default 0. */
	readonly askedMs?: number | undefined;
}

/** One try, from its beginning to the end of the connection. Once it is over its methods do nothing. */
export interface ConnectionAttempt {
	readonly isOver: boolean;
	/** Aborted when the try is over, whoever ended it. */
	readonly signal: AbortSignal;
	/** The other side answered: the state becomes `open`. */
	opened(): void;
	/** A byte, a frame or an answer arrived: what the watchdog listens for. */
	heard(): void;
	/** The connection proved that it works: its end counts as the first failure. Happens by itself some seconds after `opened`. */
	proved(): void;
	/** Ends the try. */
	end(end: ConnectionEnd): void;
}

export interface ConnectionLoopOptions {
	/** What the log calls it, e.g. `stream`. */
	readonly name: string;
	/**
	 * Begins one try. Ends it through the attempt, or, when it is asynchronous, by its rejection, which `judge` puts into words;
	 * a promise that resolves means that the other side ended the connection.
	 */
	readonly run: (attempt: ConnectionAttempt) => void | Promise<void>;
	/** Default: a network error to be retried. */
	readonly judge?: ((error: unknown) => ConnectionEnd) | undefined;
	/** Longest silence of an open connection. Default 45,000. */
	readonly watchdogMs?: number | undefined;
	/** Default 500. */
	readonly minBackoffMs?: number | undefined;
	/** Default 30,000. */
	readonly maxBackoffMs?: number | undefined;
	/** An open connection counts as healthy after this long. Default 5,000. */
	readonly healthyAfterMs?: number | undefined;
	/** Longest wait for `opened`. Default 15,000. */
	readonly connectTimeoutMs?: number | undefined;
	/** Jitter of the waits, 0 … 1; a constant 1 doubles them exactly. Default `Math.random`. */
	readonly random?: (() => number) | undefined;
	readonly logger: Logger;
}

/** Longest distance between two looks at the clock. */
const TICK_MS = 5000;
/** A look that comes this much too late means that the machine slept. */
const SLEEP_MS = 10_000;
/** After a sleep the connection gets this long to show a sign of life. */
const WAKE_GRACE_MS = 5000;

/**
 * The state machine of a connection that stays: one try after the other, with backoff between them and a watchdog over what is
 * open. It knows nothing of the wire.
 *
 * States: `idle` → `connecting` → `open` → `waiting` → `connecting` …; `failed` when only a person can help; `disposed` at the
 * end. `reconnect` works in every state but the last.
 */
export class ConnectionLoop implements Disposable {
	readonly #options: ConnectionLoopOptions;
	readonly #minBackoffMs: number;
	readonly #maxBackoffMs: number;
	readonly #onDidChangeState = new Emitter<ConnectionState>();
	readonly onDidChangeState: Event<ConnectionState> = this.#onDidChangeState.event;
	#watchdogMs: number;
	#state: ConnectionState = { name: "idle" };
	#attempt: Attempt | undefined;
	#failures = 0;
	#lastByteAtMs: number | undefined;
	/** Start of the silence that the watchdog measures. */
	#silentSinceMs = 0;
	/** Silence allowed now; shorter after a sleep. */
	#allowedSilenceMs: number;
	/** Lower bound of each wait. */
	#leastWaitMs = 0;
	/** Not before this time may `hurry` try, because the server asked for it. */
	#notBeforeMs = 0;
	#attemptedAtMs = 0;
	#waitTimer: ReturnType<typeof setTimeout> | undefined;
	#tickTimer: ReturnType<typeof setTimeout> | undefined;
	#tickDueMs = 0;
	#isResting = false;

	constructor(options: ConnectionLoopOptions) {
		this.#options = options;
		this.#watchdogMs = options.watchdogMs ?? 45_000;
		this.#minBackoffMs = options.minBackoffMs ?? 500;
		this.#maxBackoffMs = options.maxBackoffMs ?? 30_000;
		this.#allowedSilenceMs = this.#watchdogMs;
	}

	get state(): ConnectionState {
		return this.#state;
	}

	/** When something was last heard in any try; undefined before the first sound. */
	get lastByteAtMs(): number | undefined {
		return this.#lastByteAtMs;
	}

	get watchdogMs(): number {
		return this.#watchdogMs;
	}

	/** The other side named its rhythm. */
	set watchdogMs(watchdogMs: number) {
		this.#watchdogMs = watchdogMs;
		this.#allowedSilenceMs = watchdogMs;
		if (this.#attempt !== undefined) this.#scheduleTick();
	}

	/** No wait is shorter, up to the longest one; 0 is none. */
	set leastWaitMs(leastWaitMs: number) {
		this.#leastWaitMs = Math.min(leastWaitMs, this.#maxBackoffMs);
	}

	/** Starts, from `idle` or `failed`; otherwise does nothing. */
	connect(): void {
		if (this.#state.name === "idle" || this.#state.name === "failed") this.#start();
	}

	/** Tries now: out of any backoff, out of `failed`, and also when a connection is open. */
	reconnect(): void {
		if (this.#state.name === "disposed") return;
		this.#failures = 0;
		this.#start();
	}

	/** Tries now if waiting, but not before the time that the server asked for. For window focus and network changes. */
	hurry(): void {
		if (this.#state.name !== "waiting") return;
		const nowMs = Date.now();
		if (nowMs < this.#notBeforeMs || nowMs - this.#attemptedAtMs < this.#minBackoffMs) return;
		this.#start();
	}

	disconnect(): void {
		if (this.#state.name === "disposed") return;
		this.#stop();
		this.#failures = 0;
		this.#setState({ name: "idle" });
	}

	/** The watchdog rests while nobody listens; lasts over tries, until it is set again. */
	set isResting(isResting: boolean) {
		if (this.#isResting && !isResting) this.#silentSinceMs = Date.now();
		this.#isResting = isResting;
	}

	dispose(): void {
		if (this.#state.name === "disposed") return;
		this.#stop();
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
		clearTimeout(this.#waitTimer);
		clearTimeout(this.#tickTimer);
		attempt?.close();
	}

	#start(): void {
		this.#stop();
		const attempt = new Attempt({
			opened: () => this.#handleOpened(attempt),
			heard: () => this.#handleHeard(attempt),
			end: (end) => this.#handleEnd(attempt, end),
		});
		this.#attempt = attempt;
		this.#attemptedAtMs = Date.now();
		const timeoutMs = this.#options.connectTimeoutMs ?? 15_000;
		attempt.connectTimer = setTimeout(() => {
			attempt.end({ reason: "timeout", message: `no answer within ${timeoutMs / 1000} s` });
		}, timeoutMs);
		this.#scheduleTick();
		this.#setState({ name: "connecting", attempt: this.#failures + 1 });
		// A listener may have ended the attempt.
		if (!attempt.isOver) void this.#run(attempt);
	}

	async #run(attempt: Attempt): Promise<void> {
		try {
			const ended = this.#options.run(attempt);
			if (ended === undefined) return;
			await ended;
			attempt.end({ reason: "ended", message: "the server ended the connection" });
		} catch (error) {
			if (attempt.isOver) return;
			const { judge } = this.#options;
			attempt.end(judge === undefined ? { reason: "network", message: describeError(error) } : judge(error));
		}
	}

	#handleOpened(attempt: Attempt): void {
		const nowMs = Date.now();
		attempt.openedAtMs = nowMs;
		clearTimeout(attempt.connectTimer);
		this.#hear(nowMs);
		this.#setState({ name: "open", sinceMs: nowMs });
	}

	#handleHeard(_attempt: Attempt): void {
		const nowMs = Date.now();
		this.#lastByteAtMs = nowMs;
		this.#hear(nowMs);
	}

	#hear(nowMs: number): void {
		this.#silentSinceMs = nowMs;
		this.#allowedSilenceMs = this.#watchdogMs;
	}

	#handleEnd(attempt: Attempt, { reason, message, isFinal = false, askedMs = 0 }: ConnectionEnd): void {
		const { name, logger } = this.#options;
		if (isFinal) {
			this.#stop();
			this.#failures = 0;
			logger.debug(`${name}: failed, ${reason}, ${message}`);
			this.#setState({ name: "failed", reason, message });
			return;
		}
		const nowMs = Date.now();
		const healthyAfterMs = this.#options.healthyAfterMs ?? 5000;
		const isHealthy =
			attempt.isProved || (attempt.openedAtMs !== undefined && nowMs - attempt.openedAtMs >= healthyAfterMs);
		this.#failures = isHealthy ? 1 : this.#failures + 1;
		this.#stop();
		this.#notBeforeMs = nowMs + askedMs;
		const delayMs = this.#delayMs(askedMs);
		logger.debug(`${name}: ${reason}, ${message}; attempt ${this.#failures + 1} in ${delayMs} ms`);
		this.#waitTimer = setTimeout(() => this.#start(), delayMs);
		this.#scheduleTick();
		this.#setState({ name: "waiting", attempt: this.#failures + 1, retryAtMs: nowMs + delayMs, reason, message });
	}

	/**
	 * A server that names a time knows when it is back: waiting longer would only be late. One that names none, or almost none,
	 * gets our own jitter, so that it is not hammered.
	 */
	#delayMs(askedMs: number): number {
		const leastMs = Math.max(askedMs, this.#leastWaitMs);
		if (askedMs >= this.#minBackoffMs) return leastMs;
		return backoffDelayMs(this.#failures, leastMs, {
			minMs: this.#minBackoffMs,
			maxMs: this.#maxBackoffMs,
			random: this.#options.random ?? Math.random,
		});
	}

	/**
	 * One clock for watchdog and sleep. Timers rest while a machine sleeps, the time of day does not: a look that comes much too
	 * late tells of a sleep.
	 */
	#scheduleTick(): void {
		clearTimeout(this.#tickTimer);
		const nowMs = Date.now();
		const leftMs = this.#silentSinceMs + this.#allowedSilenceMs - nowMs;
		const isWatching = this.#state.name === "open" && !this.#isResting;
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
		if (this.#state.name === "open" && this.#attempt !== undefined && !this.#isResting) {
			const silentMs = nowMs - this.#silentSinceMs;
			if (silentMs >= this.#allowedSilenceMs) {
				this.#attempt.end({ reason: "stale", message: `no byte for ${(silentMs / 1000).toFixed(1)} s` });
				return;
			}
		}
		this.#scheduleTick();
	}

	/** Returns whether a new attempt was started. */
	#wake(nowMs: number, lateMs: number): boolean {
		this.#options.logger.debug(`${this.#options.name}: this machine slept for about ${Math.round(lateMs / 1000)} s`);
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

interface AttemptHandlers {
	readonly opened: () => void;
	readonly heard: () => void;
	readonly end: (end: ConnectionEnd) => void;
}

class Attempt implements ConnectionAttempt {
	readonly #handlers: AttemptHandlers;
	readonly #abort = new AbortController();
	readonly signal = this.#abort.signal;
	connectTimer: ReturnType<typeof setTimeout> | undefined;
	openedAtMs: number | undefined;
	isProved = false;

	constructor(handlers: AttemptHandlers) {
		this.#handlers = handlers;
	}

	get isOver(): boolean {
		return this.signal.aborted;
	}

	opened(): void {
		if (!this.isOver && this.openedAtMs === undefined) this.#handlers.opened();
	}

	heard(): void {
		if (!this.isOver) this.#handlers.heard();
	}

	proved(): void {
		this.isProved = true;
	}

	end(end: ConnectionEnd): void {
		if (!this.isOver) this.#handlers.end(end);
	}

	close(): void {
		clearTimeout(this.connectTimer);
		this.#abort.abort(new DOMException("the connection has ended", "AbortError"));
	}
}
