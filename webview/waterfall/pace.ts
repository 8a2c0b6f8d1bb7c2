import type { Disposable } from "../../src/base/disposable.ts";
import type { TraceModel } from "./model.ts";
import type { TimeDomain } from "./timeScale.ts";

/** Rest between two times for small traces and for others. */
const SMALL_TRACE = 20_000;
const SMALL_REST_MS = 100;
const REST_MS = 1000;
/** What is known of a running trace may lag behind its growing end by this share of the whole. */
const STALE_SHARE = 0.005;

/**
 * When to reckon anew what costs a look at every span of a trace: when spans changed or the running end has grown, but not
 * again before a rest. The last change comes up by itself, through a frame: nobody may ask for another one.
 */
export class Pace implements Disposable {
	readonly #requestFrame: () => void;
	#known: { readonly model: TraceModel; readonly version: number; readonly whole: TimeDomain } | undefined;
	#finishedAtMs = Number.NEGATIVE_INFINITY;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(requestFrame: () => void) {
		this.#requestFrame = requestFrame;
	}

	/** Whether to begin now; then it counts as begun. */
	begin(model: TraceModel, whole: TimeDomain): boolean {
		if (this.#known !== undefined && this.#known.model !== model) this.forget();
		if (!this.#isStale(model, whole)) return false;
		const restMs = model.table.count <= SMALL_TRACE ? SMALL_REST_MS : REST_MS;
		const waitMs = this.#finishedAtMs + restMs - performance.now();
		if (waitMs > 0) {
			this.#timer ??= setTimeout(() => {
				this.#timer = undefined;
				this.#requestFrame();
			}, waitMs);
			return false;
		}
		this.#known = { model, version: model.version, whole };
		return true;
	}

	/** What was begun is done: the rest begins. */
	finish(): void {
		this.#finishedAtMs = performance.now();
	}

	/** The next question is answered by yes, without a rest. */
	forget(): void {
		this.#known = undefined;
		this.#finishedAtMs = Number.NEGATIVE_INFINITY;
	}

	dispose(): void {
		clearTimeout(this.#timer);
	}

	#isStale(model: TraceModel, whole: TimeDomain): boolean {
		if (this.#known === undefined || this.#known.version !== model.version) return true;
		const before = this.#known.whole;
		const lag = Math.abs(whole.endNs - before.endNs) + Math.abs(whole.startNs - before.startNs);
		return lag > (whole.endNs - whole.startNs) * STALE_SHARE;
	}
}
