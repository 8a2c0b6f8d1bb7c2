import type { Disposable } from "../../src/base/disposable.ts";
import type { TimeAxis } from "./timeAxis.ts";

/** What pointer and wheel do to the time axis, over the ruler and over the rows. */
export class TimePointer implements Disposable {
	readonly #axis: TimeAxis;
	readonly #ruler: HTMLElement;
	readonly #rows: HTMLElement;
	readonly #leftOf: () => number | undefined;
	readonly #stop = new AbortController();

	/** `leftOf` tells where in the window the time column begins; undefined while there is none. */
	constructor(axis: TimeAxis, ruler: HTMLElement, rows: HTMLElement, leftOf: () => number | undefined) {
		this.#axis = axis;
		this.#ruler = ruler;
		this.#rows = rows;
		this.#leftOf = leftOf;
		const { signal } = this.#stop;
		for (const element of [ruler, rows]) {
			element.addEventListener("pointermove", (event) => axis.hover(this.px(event)), { signal });
			element.addEventListener("pointerleave", () => axis.hover(undefined), { signal });
			element.addEventListener("wheel", (event) => this.#handleWheel(event), { signal, passive: false });
		}
		ruler.addEventListener("pointerdown", (event) => this.#handleRulerDown(event), { signal });
		ruler.addEventListener("dblclick", () => axis.step("fitTrace"), { signal });
		rows.addEventListener("pointerdown", (event) => this.#handleRowsDown(event), { signal });
	}

	dispose(): void {
		this.#stop.abort();
	}

	/** Pixels from the left edge of the time column; undefined beside it. */
	px(event: MouseEvent): number | undefined {
		const left = this.#leftOf();
		return left === undefined || event.clientX < left ? undefined : event.clientX - left;
	}

	/** Whether a press on the rows may become a drag: then its row is selected only when it was a click. */
	mayDrag(event: MouseEvent): boolean {
		return event.button === 0 && (event.shiftKey || this.#axis.isZoomed) && this.px(event) !== undefined;
	}

	#handleWheel(event: WheelEvent): void {
		const px = this.px(event);
		if (px !== undefined && this.#axis.handleWheel(event, px)) event.preventDefault();
	}

	#handleRulerDown(event: PointerEvent): void {
		const left = this.#leftOf();
		if (event.button === 0 && left !== undefined) this.#axis.dragRange(this.#ruler, event, left);
	}

	#handleRowsDown(event: PointerEvent): void {
		const left = this.#leftOf();
		if (left === undefined || !this.mayDrag(event)) return;
		if (event.shiftKey) this.#axis.dragRange(this.#rows, event, left);
		else this.#axis.dragPan(this.#rows, event);
	}
}
