import { isAbortError, sleep } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import { SourceError } from "../source.ts";

export interface StoragePollerOptions {
	/** Distance of two readings that succeed. */
	readonly refreshMs: number;
	/** One reading. What it throws makes the distance longer, and is the reader's to tell of. */
	readonly read: (signal: AbortSignal) => Promise<void>;
}

const MAX_WAIT_MS = 30_000;

/**
 * Reads a storage again and again, one reading at a time: at once when asked to, else every `refreshMs`, after failures in
 * growing distances of up to 30 s, and never before the time that the server named.
 */
export class StoragePoller implements Disposable {
	readonly #options: StoragePollerOptions;
	#run: AbortController | undefined;
	/** Ends the wait for the next reading. */
	#wake: AbortController | undefined;
	#failures = 0;
	#notBeforeMs = 0;

	constructor(options: StoragePollerOptions) {
		this.#options = options;
	}

	/** Reads, and goes on. Does nothing when it is on. */
	start(): void {
		if (this.#run !== undefined) return;
		const run = new AbortController();
		this.#run = run;
		void this.#loop(run.signal);
	}

	stop(): void {
		this.#run?.abort();
		this.#run = undefined;
	}

	/** Gives up the reading that is under way, which may ask where nobody is any more, and reads as soon as the server lets it. */
	restart(): void {
		if (this.#run === undefined) return;
		this.stop();
		this.start();
	}

	/** A person wants it now, whatever the server asked for. */
	force(): void {
		this.#failures = 0;
		this.#notBeforeMs = 0;
		this.stop();
		this.start();
	}

	/** Reads once more, as soon as the server lets it, when nothing is under way. */
	hurry(): void {
		this.#wake?.abort();
	}

	dispose(): void {
		this.stop();
	}

	async #loop(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			const askedMs = this.#notBeforeMs - Date.now();
			if (askedMs > 0) await quietSleep(askedMs, signal);
			if (signal.aborted) return;
			try {
				await this.#options.read(signal);
				this.#failures = 0;
			} catch (error) {
				if (signal.aborted) return;
				// Told by the reader, which knows what it was.
				this.#failures++;
				const askedSeconds = error instanceof SourceError ? error.retryAfterSeconds : undefined;
				this.#notBeforeMs = Date.now() + (askedSeconds ?? 0) * 1000;
			}
			await this.#wait(signal);
		}
	}

	async #wait(signal: AbortSignal): Promise<void> {
		const { refreshMs } = this.#options;
		const waitMs = Math.min(refreshMs * 2 ** Math.min(this.#failures, 10), Math.max(refreshMs, MAX_WAIT_MS));
		const wake = new AbortController();
		this.#wake = wake;
		await quietSleep(waitMs, AbortSignal.any([signal, wake.signal]));
		if (this.#wake === wake) this.#wake = undefined;
	}
}

/** Ends early by its signal, and that is no error. */
async function quietSleep(ms: number, signal: AbortSignal): Promise<void> {
	try {
		await sleep(ms, signal);
	} catch (error) {
		if (!isAbortError(error)) throw error;
	}
}
