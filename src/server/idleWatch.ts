import { type Disposable, DisposableStore } from "../base/disposable.ts";
import type { EventHub } from "./events/eventHub.ts";

type Audience = Pick<EventHub, "clientCount" | "onDidChangeCount">;

/** Calls back once when nobody has listened to the event stream for some time; the time before the first one counts, too. */
export class IdleWatch implements Disposable {
	readonly #hub: Audience;
	readonly #idleMs: number | undefined;
	readonly #onIdle: () => void;
	readonly #subscriptions = new DisposableStore();
	#timer: NodeJS.Timeout | undefined;

	/** `idleMs` undefined never calls back. */
	constructor(hub: Audience, idleMs: number | undefined, onIdle: () => void) {
		this.#hub = hub;
		this.#idleMs = idleMs;
		this.#onIdle = onIdle;
		if (idleMs === undefined) return;
		this.#subscriptions.add(hub.onDidChangeCount(() => this.#update()));
		this.#update();
	}

	dispose(): void {
		clearTimeout(this.#timer);
		this.#subscriptions.dispose();
	}

	#update(): void {
		clearTimeout(this.#timer);
		if (this.#hub.clientCount > 0) return;
		this.#timer = setTimeout(() => {
			this.dispose();
			this.#onIdle();
		}, this.#idleMs);
	}
}
