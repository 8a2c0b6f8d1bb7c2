/** Something with an end. `dispose()` may be called twice; the second call does nothing. */
export interface Disposable {
	dispose(): void;
}

/** Wraps a function so that it runs at most once. */
export function toDisposable(run: () => void): Disposable {
	let isDone = false;
	return {
		dispose() {
			if (isDone) return;
			isDone = true;
			run();
		},
	};
}

/**
 * The named owner of things with an end. Disposes them in reverse order of adding, and at once whatever arrives after
 * its own end, so that a late promise cannot leak. An error thrown by one member does not keep the others alive; the
 * first error is thrown at the end.
 */
export class DisposableStore implements Disposable {
	readonly #members: Disposable[] = [];
	#isDisposed = false;

	get isDisposed(): boolean {
		return this.#isDisposed;
	}

	add<T extends Disposable>(member: T): T {
		if (this.#isDisposed) member.dispose();
		else this.#members.push(member);
		return member;
	}

	dispose(): void {
		this.#isDisposed = true;
		const errors: unknown[] = [];
		for (let member = this.#members.pop(); member !== undefined; member = this.#members.pop()) {
			try {
				member.dispose();
			} catch (error) {
				errors.push(error);
			}
		}
		if (errors.length > 0) throw errors[0];
	}
}
