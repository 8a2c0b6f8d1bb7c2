import type { Disposable } from "../../base/disposable.ts";
import type { Overview, OverviewRange } from "../../model/overview.ts";

/** At most one question a second, and the source is never asked more than a quarter of the time. */
const MIN_INTERVAL_MS = 1000;
const REST_FACTOR = 3;
/** After an error the next try is the user's, the connection's or this timer's. */
const ERROR_INTERVAL_MS = 10_000;

export interface OverviewLoaderOptions<Loaded extends { readonly overview: Overview }> {
	readonly load: (range: OverviewRange, signal: AbortSignal) => Promise<Loaded>;
	readonly onLoad: (loaded: Loaded) => void;
	/** Of a load that was not given up. */
	readonly onError: (error: unknown) => void;
}

/**
 * Decides when the overview is read: at once for another range, coalesced while traces change, when a bucket of time begins,
 * and only while somebody looks. One question at a time; a question about another range ends the one before.
 */
export class OverviewLoader<Loaded extends { readonly overview: Overview }> implements Disposable {
	readonly #options: OverviewLoaderOptions<Loaded>;
	#range: OverviewRange;
	#isVisible = false;
	/** Something changed since the running, or the last, question was asked. */
	#isStale = true;
	#load: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** When the next question may be asked; milliseconds of `performance.now`. */
	#nextMs = 0;
	#isDisposed = false;

	constructor(range: OverviewRange, options: OverviewLoaderOptions<Loaded>) {
		this.#range = range;
		this.#options = options;
	}

	get range(): OverviewRange {
		return this.#range;
	}

	/** Asks anew, at once: another range or source, or the user's wish. What was being read is given up. */
	restart(range = this.#range): void {
		this.#range = range;
		this.#load?.abort();
		this.#load = undefined;
		this.#isStale = true;
		this.#nextMs = 0;
		this.#schedule();
	}

	/** What is shown may have changed. */
	invalidate(): void {
		if (this.#isStale) return;
		this.#isStale = true;
		this.#schedule();
	}

	setVisible(isVisible: boolean): void {
		if (this.#isVisible === isVisible) return;
		this.#isVisible = isVisible;
		if (isVisible) this.#isStale = true;
		else {
			this.#load?.abort();
			this.#load = undefined;
		}
		this.#schedule();
	}

	dispose(): void {
		this.#isDisposed = true;
		this.#load?.abort();
		this.#load = undefined;
		clearTimeout(this.#timer);
	}

	#schedule(): void {
		clearTimeout(this.#timer);
		if (this.#isDisposed || !this.#isVisible || this.#load !== undefined || !this.#isStale) return;
		const waitMs = this.#nextMs - performance.now();
		if (waitMs > 0) this.#timer = setTimeout(() => void this.#run(), waitMs);
		else void this.#run();
	}

	async #run(): Promise<void> {
		const load = new AbortController();
		this.#load = load;
		this.#isStale = false;
		const beganMs = performance.now();
		let restMs = MIN_INTERVAL_MS;
		let loaded: Loaded | undefined;
		try {
			loaded = await this.#options.load(this.#range, load.signal);
			if (load.signal.aborted) return;
			this.#options.onLoad(loaded);
		} catch (error) {
			if (load.signal.aborted) return;
			restMs = ERROR_INTERVAL_MS;
			this.#isStale = true;
			this.#options.onError(error);
		} finally {
			if (this.#load === load) {
				this.#load = undefined;
				const tookMs = performance.now() - beganMs;
				this.#nextMs = performance.now() + Math.max(restMs, REST_FACTOR * tookMs);
				if (this.#isStale || loaded === undefined) this.#schedule();
				else this.#awaitNextBucket(loaded.overview);
			}
		}
	}

	/** Time goes by without any change, too: what falls out of the range falls out of the numbers. */
	#awaitNextBucket({ bucketMs }: Overview): void {
		clearTimeout(this.#timer);
		if (this.#isDisposed || !this.#isVisible) return;
		const waitMs = bucketMs - (Date.now() % bucketMs);
		// Longer than a timer can wait: then a change, or the next look, comes first.
		this.#timer = setTimeout(() => this.invalidate(), Math.min(Math.max(waitMs, MIN_INTERVAL_MS), 2 ** 31 - 1));
	}
}
