/** Work that may be interrupted wherever it yields, for others to have their turn. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Does all of it now. */
export function finish<T>(work: Sliced<T>): T {
	for (;;) {
		const step = work.next();
		if (step.done === true) return step.value;
	}
}
