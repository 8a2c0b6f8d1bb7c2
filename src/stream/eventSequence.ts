/**
 * `next`: follows the newest one. `gap`: newer, and ids between were not seen. `late`: one of those. `duplicate`: seen.
 */
export type Arrival = "next" | "gap" | "late" | "duplicate";

const MAX_MISSING = 1000;

/**
 * What of a numbered stream has been seen, so that nothing is applied twice and a hole is noticed. Numbers grow by one,
 * unless the stream is sparse (filtered by the server), where any larger number is simply next.
 */
export class EventSequence {
	/** True when ids may jump without a loss. */
	isSparse: boolean;
	#newest: number | undefined;
	/** Newest id before the oldest open gap. */
	#settled: number | undefined;
	readonly #missing = new Set<number>();
	#isGapTooLarge = false;

	constructor(isSparse: boolean) {
		this.isSparse = isSparse;
	}

	/** Newest id seen; undefined before the first. */
	get newest(): number | undefined {
		return this.#newest;
	}

	/** Where to resume so that a hole is sent again: the newest id below which nothing is missing. */
	get position(): number | undefined {
		return this.hasGap ? this.#settled : this.#newest;
	}

	get hasGap(): boolean {
		return this.#missing.size > 0 || this.#isGapTooLarge;
	}

	accept(id: number): Arrival {
		const newest = this.#newest;
		if (newest === undefined || id === newest + 1 || (this.isSparse && id > newest)) {
			this.#newest = id;
			return "next";
		}
		if (id <= newest) {
			return this.#missing.delete(id) ? "late" : "duplicate";
		}
		if (!this.hasGap) this.#settled = newest;
		if (this.#missing.size + id - newest > MAX_MISSING) this.#isGapTooLarge = true;
		else for (let missing = newest + 1; missing < id; missing++) this.#missing.add(missing);
		this.#newest = id;
		return "gap";
	}

	/** Everything up to the newest id is known, by a snapshot. */
	settle(): void {
		this.#missing.clear();
		this.#isGapTooLarge = false;
		this.#settled = undefined;
	}

	/** Starts anew after `newest`, or without a past. */
	reset(newest: number | undefined): void {
		this.settle();
		this.#newest = newest;
	}
}

/** An event id as a number, when it is one that counts: decimal digits, at most 2^53 − 1. */
export function sequenceNumber(id: string | undefined): number | undefined {
	if (id === undefined || id.length === 0 || id.length > 16) return undefined;
	let value = 0;
	for (let index = 0; index < id.length; index++) {
		const digit = id.charCodeAt(index) - 48;
		if (!(digit >= 0 && digit <= 9)) return undefined;
		value = value * 10 + digit;
	}
	return Number.isSafeInteger(value) ? value : undefined;
}
