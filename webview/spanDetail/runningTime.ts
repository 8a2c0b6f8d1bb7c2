import { formatDuration } from "../../src/model/format.ts";
import type { SpanDetailView } from "../../src/protocol/messages.ts";
import type { SharedClock } from "../shared/clock.ts";
import { runningNs } from "./overview.ts";

/** Lets the duration of a running span grow in its place, without drawing the page anew. The clock runs only while one is shown. */
export class RunningTime {
	readonly #root: () => ParentNode;
	#detail: SpanDetailView | undefined;
	#tick: { dispose(): void } | undefined;

	constructor(root: () => ParentNode) {
		this.#root = root;
	}

	/** After each drawing: the span that is shown, if there is one. */
	update(clock: SharedClock | undefined, detail: SpanDetailView | undefined): void {
		this.#detail = detail;
		if (detail === undefined || detail.durationNs !== undefined) {
			this.stop();
			return;
		}
		this.#tick ??= clock?.onTick(() => this.#show());
		this.#show();
	}

	stop(): void {
		this.#tick?.dispose();
		this.#tick = undefined;
	}

	#show(): void {
		const place = this.#root().querySelector(".ticking");
		if (place === null || this.#detail?.state !== "running") return;
		const text = formatDuration(runningNs(this.#detail, Date.now()));
		if (place.textContent !== text) place.textContent = text;
	}
}
