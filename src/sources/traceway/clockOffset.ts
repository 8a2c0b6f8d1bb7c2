/**
 * How far the server's clock is from this one, from `Date` headers. A header has whole seconds, so each round trip only bounds
 * the offset: between (date − answered) and (date + 1 s − requested). The bounds of many round trips are laid over each other,
 * and the offset is the smallest absolute value that they all allow: 0 on one machine.
 */
export class ClockOffset {
	#lowMs = Number.NEGATIVE_INFINITY;
	#highMs = Number.POSITIVE_INFINITY;

	/** Milliseconds to add to this machine's clock to get the server's; 0 when unknown. */
	get offsetMs(): number {
		if (this.#lowMs > 0) return Math.round(this.#lowMs);
		return this.#highMs < 0 ? Math.round(this.#highMs) : 0;
	}

	note(dateHeader: string | null, requestedAtMs: number, answeredAtMs: number): void {
		const dateMs = dateHeader === null ? Number.NaN : Date.parse(dateHeader);
		if (Number.isNaN(dateMs) || answeredAtMs < requestedAtMs) return;
		const lowMs = dateMs - answeredAtMs;
		const highMs = dateMs + 1000 - requestedAtMs;
		if (lowMs > this.#highMs || highMs < this.#lowMs) {
			// One of the clocks was set: what was learnt before is void.
			this.#lowMs = lowMs;
			this.#highMs = highMs;
			return;
		}
		this.#lowMs = Math.max(this.#lowMs, lowMs);
		this.#highMs = Math.min(this.#highMs, highMs);
	}
}
