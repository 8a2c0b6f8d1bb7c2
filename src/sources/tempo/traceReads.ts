import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { backoffDelayMs } from "../../stream/backoff.ts";
import { SourceError } from "../source.ts";

export interface TraceReadsOptions {
	/** Reads one trace into the store. */
	readonly read: (traceId: string, signal: AbortSignal) => Promise<void>;
	/** A trace was given up: too large, no longer there, or tried too often. */
	readonly onFailed: (traceId: string, error: unknown) => void;
	/** Jitter of the pauses, 0 … 1. */
	readonly random: () => number;
	/** Shortest pause. */
	readonly minBackoffMs: number;
	readonly logger: Logger;
}

/** Reads under way at once: enough to hide the distance to a server, few enough not to be its load. */
const READERS = 4;
/** A server that is busy is asked so often for one trace; then the next news of it has it read again. */
const MAX_TRIES = 5;
/** So many failures in a row are the server's, not the traces': the others are left for later. */
const MAX_FAILURES = 8;

/**
 * Reads traces in the background, some at once, each once at a time. A server that asks to wait (429, 503) gets a pause for all
 * reads, longer each time; a trace that fails otherwise does not hold up the others.
 */
export class TraceReads implements Disposable {
	readonly #options: TraceReadsOptions;
	/** Waiting, by id, with the tries that they had. */
	readonly #waiting = new Map<string, number>();
	readonly #running = new Set<string>();
	#life = new AbortController();
	#pauses = 0;
	/** In a row. */
	#failures = 0;
	#pauseTimer: ReturnType<typeof setTimeout> | undefined;
	#idle: (() => void)[] = [];
	#isDisposed = false;

	constructor(options: TraceReadsOptions) {
		this.#options = options;
	}

	/** Has a trace read soon, before all others if somebody waits for it. */
	request(traceId: string, isUrgent = false): void {
		if (this.#isDisposed) return;
		if (this.#life.signal.aborted) this.#life = new AbortController();
		const tries = this.#waiting.get(traceId) ?? 0;
		if (isUrgent) {
			const others = [...this.#waiting].filter(([id]) => id !== traceId);
			this.#waiting.clear();
			this.#waiting.set(traceId, tries);
			for (const [id, count] of others) this.#waiting.set(id, count);
		} else this.#waiting.set(traceId, tries);
		this.#pump();
	}

	/** Whether a trace is being read, or will be. */
	has(traceId: string): boolean {
		return this.#waiting.has(traceId) || this.#running.has(traceId);
	}

	/** Resolves when nothing is left to read, or when the reads were stopped. */
	async drained(signal: AbortSignal): Promise<void> {
		if (this.#isIdle) return;
		await new Promise<void>((resolve, reject) => {
			const onAbort = () => reject(signal.reason);
			if (signal.aborted) {
				onAbort();
				return;
			}
			signal.addEventListener("abort", onAbort, { once: true });
			this.#idle.push(() => {
				signal.removeEventListener("abort", onAbort);
				resolve();
			});
		});
	}

	/** Ends what runs and forgets what waits. */
	stop(): void {
		this.#life.abort(new DOMException("the reads were stopped", "AbortError"));
		clearTimeout(this.#pauseTimer);
		this.#pauseTimer = undefined;
		this.#pauses = 0;
		this.#waiting.clear();
		this.#tellIdle();
	}

	dispose(): void {
		this.#isDisposed = true;
		this.stop();
	}

	get #isIdle(): boolean {
		return this.#waiting.size === 0 && this.#running.size === 0;
	}

	#pump(): void {
		if (this.#pauseTimer !== undefined) return;
		for (const [traceId, tries] of this.#waiting) {
			if (this.#running.size >= READERS) return;
			// Read again when the one under way has ended: it may have begun before what is new.
			if (this.#running.has(traceId)) continue;
			this.#waiting.delete(traceId);
			this.#running.add(traceId);
			void this.#read(traceId, tries, this.#life.signal);
		}
	}

	/** Never rejects. */
	async #read(traceId: string, tries: number, signal: AbortSignal): Promise<void> {
		try {
			await this.#options.read(traceId, signal);
			this.#pauses = 0;
			this.#failures = 0;
		} catch (error) {
			if (!signal.aborted) this.#handleFailure(traceId, tries + 1, error);
		}
		this.#running.delete(traceId);
		this.#pump();
		if (this.#isIdle) this.#tellIdle();
	}

	#handleFailure(traceId: string, tries: number, error: unknown): void {
		const { logger, random, minBackoffMs } = this.#options;
		if (error instanceof SourceError && isBusy(error) && tries < MAX_TRIES) {
			if (!this.#waiting.has(traceId)) this.#waiting.set(traceId, tries);
			// Several were under way when the server said so.
			if (this.#pauseTimer !== undefined) return;
			this.#pauses++;
			const askedMs = (error.retryAfterSeconds ?? 0) * 1000;
			const pauseMs = backoffDelayMs(this.#pauses, askedMs, { minMs: minBackoffMs, maxMs: 30_000, random });
			logger.debug(`traces: ${error.message}; reading goes on in ${pauseMs} ms`);
			this.#pauseTimer = setTimeout(() => {
				this.#pauseTimer = undefined;
				this.#pump();
			}, pauseMs);
			return;
		}
		logger.debug(`traces: ${traceId} was not read, ${describeError(error)}`);
		this.#options.onFailed(traceId, error);
		if (!(error instanceof SourceError) || error.reason === "notFound") return;
		if (++this.#failures >= MAX_FAILURES || error.reason === "network" || error.reason === "timeout") {
			this.#failures = 0;
			this.#waiting.clear();
		}
	}

	#tellIdle(): void {
		const idle = this.#idle;
		this.#idle = [];
		for (const resolve of idle) resolve();
	}
}

/** Whether a server asks to be left alone for a while. */
function isBusy({ reason, retryAfterSeconds }: SourceError): boolean {
	return reason === "rateLimited" || (reason === "serverError" && retryAfterSeconds !== undefined);
}
