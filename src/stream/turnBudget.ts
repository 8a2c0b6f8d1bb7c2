import type { Disposable } from "../base/disposable.ts";

/**
 * Keeps long work from holding the event loop: everything done between two turns of the loop counts as one slice, whoever
 * asks. Usage: `if (budget.isSpent) await budget.turn();`
 */
export class TurnBudget implements Disposable {
	readonly #sliceMs: number;
	#startedAtMs: number | undefined;
	#immediate: ReturnType<typeof setImmediate> | undefined;

	/** @param sliceMs longest slice in milliseconds; default 8, half a frame of a 60 Hz screen. */
	constructor(sliceMs = 8) {
		this.#sliceMs = sliceMs;
	}

	/** True when this slice has had its time; the first question of a turn begins a slice. */
	get isSpent(): boolean {
		const nowMs = performance.now();
		if (this.#startedAtMs === undefined) {
			this.#startedAtMs = nowMs;
			this.#immediate = setImmediate(() => {
				this.#startedAtMs = undefined;
				this.#immediate = undefined;
			});
			return false;
		}
		return nowMs - this.#startedAtMs >= this.#sliceMs;
	}

	/** Resolves in the next turn of the event loop, when timers and other sockets have had theirs. */
	turn(): Promise<void> {
		return new Promise((resolve) => setImmediate(resolve));
	}

	dispose(): void {
		if (this.#immediate !== undefined) clearImmediate(this.#immediate);
		this.#immediate = undefined;
		this.#startedAtMs = undefined;
	}
}
