import type { Disposable } from "../../src/base/disposable.ts";

/** The one owner of animation frames of an element: many reasons to draw become one drawing in the next frame. */
export class FrameScheduler implements Disposable {
	readonly #draw: () => void;
	#handle: number | undefined;

	constructor(draw: () => void) {
		this.#draw = draw;
	}

	request(): void {
		this.#handle ??= requestAnimationFrame(() => {
			this.#handle = undefined;
			this.#draw();
		});
	}

	dispose(): void {
		if (this.#handle !== undefined) cancelAnimationFrame(this.#handle);
		this.#handle = undefined;
	}
}
