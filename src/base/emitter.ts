import { type Disposable, toDisposable } from "./disposable.ts";

/** Subscribes a listener; the result ends the subscription. Has the shape of `vscode.Event`. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/**
 * A list of listeners. `fire` calls those that were subscribed when it began, in order of subscription; a listener that
 * throws does not silence the others: its error is rethrown from a microtask, where the host reports it.
 */
export class Emitter<T> implements Disposable {
	readonly #listeners = new Set<(value: T) => void>();

	readonly event: Event<T> = (listener) => {
		// A wrapper of its own, so that one function subscribed twice is two subscriptions.
		const entry = (value: T) => listener(value);
		this.#listeners.add(entry);
		return toDisposable(() => this.#listeners.delete(entry));
	};

	fire(value: T): void {
		for (const listener of [...this.#listeners]) {
			try {
				listener(value);
			} catch (error) {
				queueMicrotask(() => {
					throw error;
				});
			}
		}
	}

	dispose(): void {
		this.#listeners.clear();
	}
}
