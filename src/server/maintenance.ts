import { setImmediate as nextTurn } from "node:timers/promises";
import type { Disposable } from "../base/disposable.ts";
import { describeError, type Logger } from "../base/logger.ts";
import type { ServerCounters } from "./counters.ts";
import type { Store } from "./storage/store.ts";

export interface MaintenanceOptions {
	/** Age from which events are deleted, milliseconds. */
	readonly eventRetentionMs: number;
	/** Size of the data from which the oldest traces and events are deleted, bytes. */
	readonly maxDbBytes: number;
	/** Told of traces that went for size. */
	readonly counters: ServerCounters;
	readonly logger: Logger;
}

/** "applied within 25 s" (design, section 5). */
const MAX_INTERVAL_MS = 20_000;

/** Rows deleted in one transaction: a few milliseconds, between which requests are served. */
const CHUNK = 500;

/** Pages given back in one go, 4 MB. */
const PAGES_AT_ONCE = 1000;

/** Part of the data that goes at once when they are too large, so that this is not done for every write. */
const EVICTED_SHARE = 0.1;

/** Keeps the event log within its age and the database within its size, in small steps, for as long as the server runs. */
export class Maintenance implements Disposable {
	readonly #store: Store;
	readonly #options: MaintenanceOptions;
	readonly #timer: NodeJS.Timeout;
	#isRunning = false;
	#isDisposed = false;

	constructor(store: Store, options: MaintenanceOptions) {
		this.#store = store;
		this.#options = options;
		// A short retention is kept promptly, a long one need not be to the second.
		const intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(100, options.eventRetentionMs / 4));
		this.#timer = setInterval(() => void this.run(), intervalMs);
	}

	/** One round, unless one is under way. Does not reject: the next round tries again. */
	async run(): Promise<void> {
		if (this.#isRunning || this.#isDisposed) return;
		this.#isRunning = true;
		try {
			await this.#trimEvents();
			await this.#shrink();
			await this.#freeDeleted();
		} catch (error) {
			if (!this.#isDisposed) this.#options.logger.error(`old data could not be deleted: ${describeError(error)}`);
		} finally {
			this.#isRunning = false;
		}
	}

	dispose(): void {
		this.#isDisposed = true;
		clearInterval(this.#timer);
	}

	async #trimEvents(): Promise<void> {
		const upTo = this.#store.events.newestBefore(Date.now() - this.#options.eventRetentionMs);
		await this.#deleteEvents(upTo);
	}

	async #deleteEvents(upTo: number): Promise<void> {
		if (upTo < this.#store.events.oldestId) return;
		for (;;) {
			if (this.#isDisposed) return;
			const deleted = await this.#store.maintain((events) => events.deleteUpTo(upTo, CHUNK));
			if (deleted < CHUNK) return;
			await nextTurn();
		}
	}

	async #shrink(): Promise<void> {
		const { maxDbBytes, logger } = this.#options;
		if (this.#store.usedBytes() <= maxDbBytes) return;
		const target = maxDbBytes * (1 - EVICTED_SHARE);
		let traces = 0;
		let spans = 0;
		while (!this.#isDisposed && this.#store.usedBytes() > target) {
			// The log shrinks along with the spans, oldest first.
			const { oldestId, latestId } = this.#store.events;
			const logged = latestId - oldestId + 1;
			await this.#deleteEvents(oldestId + Math.ceil(logged * EVICTED_SHARE) - 1);
			if (this.#store.usedBytes() <= target) break;
			const share = Math.ceil(this.#store.spanCount * EVICTED_SHARE);
			const evicted = await this.#store.deleteOldest(Math.min(share, CHUNK), CHUNK);
			this.#options.counters.evictedTraces += evicted.traces;
			this.#options.counters.evictedSpans += evicted.spans;
			while (await this.#store.cleanDeleted(CHUNK)) await nextTurn();
			traces += evicted.traces;
			spans += evicted.spans;
			if (evicted.traces === 0 && logged === 0) break;
			await nextTurn();
		}
		logger.info(
			`the data had reached ${maxDbBytes} bytes; the oldest ${traces} traces with ${spans} spans were deleted`,
		);
	}

	/** Frees what deleted traces took, and gives it back to the file system. */
	async #freeDeleted(): Promise<void> {
		let hasFreed = false;
		while (!this.#isDisposed && (await this.#store.cleanDeleted(CHUNK))) {
			hasFreed = true;
			await nextTurn();
		}
		if (hasFreed && !this.#isDisposed) await this.#store.forgetUnused();
		while (!this.#isDisposed && this.#store.giveBack(PAGES_AT_ONCE)) await nextTurn();
		if (hasFreed && !this.#isDisposed) this.#store.truncateLog();
	}
}
