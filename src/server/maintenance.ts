import { setImmediate as nextTurn } from "node:timers/promises";
import type { Disposable } from "../base/disposable.ts";
import { describeError, type Logger } from "../base/logger.ts";
import type { EvictedEvent } from "../protocol/events.ts";
import type { ServerCounters } from "./counters.ts";
import type { Store } from "./storage/store.ts";

export interface MaintenanceOptions {
	/** Age from which events are deleted, milliseconds. */
	readonly eventRetentionMs: number;
	/** Size of the data from which the oldest traces and events are deleted, bytes. */
	readonly maxDbBytes: number;
	/** Time since its end at which a trace goes, milliseconds; undefined keeps traces however old. Those that run stay. */
	readonly maxTraceAgeMs: number | undefined;
	/** Told of traces that went for size or age. */
	readonly counters: ServerCounters;
	readonly logger: Logger;
}

/** "applied within 25 s" (design, section 5). */
const MAX_INTERVAL_MS = 20_000;

/** The size is looked at more often: a busy program writes gigabytes in a minute. */
const SIZE_INTERVAL_MS = 1000;

type Reason = "size" | "age";

/** Rows deleted in one transaction: a few milliseconds, between which requests are served. */
const CHUNK = 500;

/** Pages given back in one go, about 2 MB: a few milliseconds. */
const PAGES_AT_ONCE = 256;

/** The file keeps so many free pages for what comes next, 20 MB, unless traces were deleted. */
const MAX_FREE_PAGES = 5000;

/** Traces up to this size are summed up before anybody asks, so that who asks does not wait for all of them at once. */
const MAX_SETTLED_SPANS = 5000;

/** Part of the data that goes at once when they are too large, so that this is not done for every write. */
const EVICTED_SHARE = 0.1;

/**
 * Keeps the event log within its age and traces within their age and size, oldest first and whole, in small steps between which
 * requests are served, for as long as the server runs. What went is told by `trace_deleted` for each trace, one `evicted` for
 * each round, the counters and the log.
 */
export class Maintenance implements Disposable {
	readonly #store: Store;
	readonly #options: MaintenanceOptions;
	readonly #timers: readonly NodeJS.Timeout[];
	/** Evicted and not yet told of: a round may fail halfway. */
	readonly #untold: Record<Reason, { traces: number; spans: number }> = {
		size: { traces: 0, spans: 0 },
		age: { traces: 0, spans: 0 },
	};
	/** Something was deleted whose pages the file still has. */
	#hasFreed = false;
	#running: Promise<void> | undefined;
	#isDisposed = false;

	constructor(store: Store, options: MaintenanceOptions) {
		this.#store = store;
		this.#options = options;
		// A short retention is kept promptly, a long one need not be to the second.
		const shortestMs = Math.min(options.eventRetentionMs, options.maxTraceAgeMs ?? Number.POSITIVE_INFINITY);
		const intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(100, shortestMs / 4));
		this.#timers = [
			setInterval(() => void this.#tick(), intervalMs),
			setInterval(() => {
				if (this.#isTooLarge()) void this.#tick();
			}, SIZE_INTERVAL_MS),
		];
		void this.#settleEarly();
	}

	/** One round, behind the one that may be under way. Does not reject: the next round tries again. */
	async run(): Promise<void> {
		await this.#running;
		await this.#tick();
	}

	dispose(): void {
		this.#isDisposed = true;
		for (const timer of this.#timers) clearInterval(timer);
	}

	/** What an earlier process left behind: the first who asks for sums finds them. */
	async #settleEarly(): Promise<void> {
		try {
			await this.#store.columns.ready;
			if (!this.#isDisposed) await this.#store.settleUsage(MAX_SETTLED_SPANS);
		} catch (error) {
			// Tried again in each round, and by whoever asks for sums.
			if (!this.#isDisposed) this.#options.logger.warn(`usage was not summed up at the start: ${describeError(error)}`);
		}
	}

	/** One round, unless one is under way: then that one. */
	#tick(): Promise<void> {
		this.#running ??= this.#round().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	async #round(): Promise<void> {
		if (this.#isDisposed) return;
		try {
			await this.#trimEvents();
			await this.#expire();
			await this.#shrink();
			await this.#tell();
			await this.#freeDeleted();
			await this.#store.settleUsage(MAX_SETTLED_SPANS);
		} catch (error) {
			if (!this.#isDisposed) this.#options.logger.error(`old data could not be deleted: ${describeError(error)}`);
		}
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

	/** Deletes traces that ended too long ago. */
	async #expire(): Promise<void> {
		const { maxTraceAgeMs } = this.#options;
		if (maxTraceAgeMs === undefined) return;
		while (!this.#isDisposed && (await this.#evict("age", CHUNK, Date.now() - maxTraceAgeMs)) > 0) await nextTurn();
	}

	#isTooLarge(): boolean {
		return !this.#isDisposed && this.#store.usedBytes() > this.#options.maxDbBytes;
	}

	async #shrink(): Promise<void> {
		if (!this.#isTooLarge()) return;
		const target = this.#options.maxDbBytes * (1 - EVICTED_SHARE);
		while (!this.#isDisposed && this.#store.usedBytes() > target) {
			// The log shrinks along with the spans, oldest first.
			const { oldestId, latestId } = this.#store.events;
			const logged = latestId - oldestId + 1;
			const share = Math.ceil(this.#store.spanCount * EVICTED_SHARE);
			await this.#deleteEvents(oldestId + Math.min(CHUNK, Math.ceil(logged * EVICTED_SHARE)) - 1);
			if (this.#store.usedBytes() <= target) break;
			const traces = await this.#evict("size", Math.min(share, CHUNK));
			if (traces === 0 && logged === 0) break;
			await nextTurn();
		}
	}

	/** Deletes the oldest traces, whole and at least one, until so many spans are gone. Returns the number of traces. */
	async #evict(reason: Reason, minSpans: number, endedBeforeMs?: number): Promise<number> {
		const { traces, spans } = await this.#store.deleteOldest(minSpans, CHUNK, endedBeforeMs);
		this.#options.counters.evictedTraces += traces;
		this.#options.counters.evictedSpans += spans;
		this.#untold[reason].traces += traces;
		this.#untold[reason].spans += spans;
		if (traces > 0) this.#hasFreed = true;
		// What large traces took is freed bit by bit; until then the size does not tell whether it is enough.
		while (!this.#isDisposed && (await this.#store.cleanDeleted(CHUNK))) await nextTurn();
		return traces;
	}

	async #tell(): Promise<void> {
		const { maxDbBytes, maxTraceAgeMs, logger } = this.#options;
		for (const reason of ["age", "size"] as const) {
			const { traces, spans } = this.#untold[reason];
			if (traces === 0 || this.#isDisposed) continue;
			const event: EvictedEvent = { type: "evicted", traces, spans, reason };
			await this.#store.maintain((events) => events.append(JSON.stringify(event)));
			this.#untold[reason] = { traces: 0, spans: 0 };
			const why =
				reason === "size"
					? `the data had reached ${maxDbBytes} bytes; the oldest`
					: `${(maxTraceAgeMs ?? 0) / 1000} s after their end,`;
			logger.info(`${why} ${traces} traces with ${spans} spans were deleted`);
		}
	}

	/** Frees what deleted traces took, and gives it back to the file system. */
	async #freeDeleted(): Promise<void> {
		while (!this.#isDisposed && (await this.#store.cleanDeleted(CHUNK))) {
			this.#hasFreed = true;
			await nextTurn();
		}
		if (this.#isDisposed || (!this.#hasFreed && this.#store.freePages() < MAX_FREE_PAGES)) return;
		this.#hasFreed = false;
		await this.#store.forgetUnused();
		while (!this.#isDisposed && this.#store.giveBack(PAGES_AT_ONCE)) await nextTurn();
		if (!this.#isDisposed) await this.#store.truncateLog();
	}
}
