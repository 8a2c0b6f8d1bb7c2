import type { Disposable } from "../../src/base/disposable.ts";
import type { Sliced } from "../../src/base/sliced.ts";

/** With the frame that may come between, this keeps every task well below the 50 ms that a hand would feel. */
const SLICE_MS = 10;

/**
 * Handles messages one after the other. What takes long is done in slices, each in a task of its own, so that frames and input
 * come between; messages that arrive meanwhile wait for its end, in their order.
 */
export class SlicedReceiver<M> implements Disposable {
	readonly #handle: (message: M) => Sliced<void> | undefined;
	readonly #held: M[] = [];
	#work: Sliced<void> | undefined;
	#channel: MessageChannel | undefined;

	/** `handle` returns what is left to do of a message; undefined when it is done with it. */
	constructor(handle: (message: M) => Sliced<void> | undefined) {
		this.#handle = handle;
	}

	receive(message: M): void {
		this.#held.push(message);
		if (this.#work === undefined) this.#proceed();
	}

	/** Forgets what is not done. */
	dispose(): void {
		this.#work = undefined;
		this.#held.length = 0;
		this.#channel?.port1.close();
		this.#channel = undefined;
	}

	#proceed(): void {
		const until = performance.now() + SLICE_MS;
		for (;;) {
			if (this.#work === undefined) {
				const message = this.#held.shift();
				if (message === undefined) return;
				this.#work = this.#handle(message);
			}
			while (this.#work !== undefined) {
				if (this.#work.next().done === true) this.#work = undefined;
				else if (performance.now() > until) {
					this.#proceedLater();
					return;
				}
			}
		}
	}

	/** Not by a timer: those wait 4 ms each once they follow each other. */
	#proceedLater(): void {
		if (this.#channel === undefined) {
			this.#channel = new MessageChannel();
			this.#channel.port1.onmessage = () => this.#proceed();
		}
		this.#channel.port2.postMessage(undefined);
	}
}
