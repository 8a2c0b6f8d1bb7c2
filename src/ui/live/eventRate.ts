/** Seconds that the rate is taken over: short enough to follow, long enough not to jump. */
const WINDOW_MS = 5_000;

/** Events a second from a counter that is looked at now and then. */
export class EventRate {
	readonly #samples: { readonly atMs: number; readonly count: number }[] = [];

	/** Notes the counter and gives the rate over the last five seconds, or since the first look if that is less. */
	note(count: number, atMs: number): number {
		const last = this.#samples.at(-1);
		// A counter that began anew belongs to another connection.
		if (last !== undefined && count < last.count) this.#samples.length = 0;
		this.#samples.push({ atMs, count });
		// One sample at or before the window's beginning stays: the rate is that between it and now.
		while (this.#samples.length > 2 && this.#samples[1].atMs <= atMs - WINDOW_MS) this.#samples.shift();
		const first = this.#samples[0];
		const passedMs = atMs - first.atMs;
		return passedMs <= 0 ? 0 : ((count - first.count) * 1000) / Math.max(passedMs, 1000);
	}
}
