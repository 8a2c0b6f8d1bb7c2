import { type Disposable, toDisposable } from "../../src/base/disposable.ts";

/** Twenty steps a second read as smooth growth for a bar; a frame each would cost three times as much for nothing. */
const MOTION_INTERVAL_MS = 50;
/** With reduced motion a running duration still has to be true, once a second. */
const REDUCED_INTERVAL_MS = 1000;

/**
 * The one tick of a page, for what grows while spans run. It ticks only while somebody wants it and the page is visible,
 * so that a page at rest has no timer.
 */
export class SharedClock implements Disposable {
	readonly #listeners = new Set<() => void>();
	readonly #reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
	#timer: ReturnType<typeof setInterval> | undefined;
	#intervalMs = 0;

	constructor() {
		document.addEventListener("visibilitychange", this.#update);
		this.#reducedMotion.addEventListener("change", this.#update);
	}

	get isReducedMotion(): boolean {
		return this.#reducedMotion.matches;
	}

	/** True while a timer runs; for tests and for looking at a page at rest. */
	get isTicking(): boolean {
		return this.#timer !== undefined;
	}

	/** Calls the listener at each tick until the result is disposed. */
	onTick(listener: () => void): Disposable {
		const entry = (): void => listener();
		this.#listeners.add(entry);
		this.#update();
		return toDisposable(() => {
			this.#listeners.delete(entry);
			this.#update();
		});
	}

	dispose(): void {
		document.removeEventListener("visibilitychange", this.#update);
		this.#reducedMotion.removeEventListener("change", this.#update);
		this.#listeners.clear();
		this.#update();
	}

	readonly #update = (): void => {
		const isWanted = this.#listeners.size > 0 && document.visibilityState === "visible";
		const intervalMs = this.#reducedMotion.matches ? REDUCED_INTERVAL_MS : MOTION_INTERVAL_MS;
		if (this.#timer !== undefined && (!isWanted || intervalMs !== this.#intervalMs)) {
			clearInterval(this.#timer);
			this.#timer = undefined;
		}
		if (isWanted && this.#timer === undefined) {
			this.#intervalMs = intervalMs;
			this.#timer = setInterval(() => {
				for (const listener of [...this.#listeners]) listener();
			}, intervalMs);
		}
	};
}
