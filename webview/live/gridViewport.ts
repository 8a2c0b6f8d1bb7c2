import { ROW_PX } from "./rowPool.ts";

/** Rows kept ready above and below the view, so that a fast wheel shows no gap. */
const MARGIN_ROWS = 6;

/**
 * The scrolled box of the table: which rows are in view, and how to bring others there. Keeps what it knows of the box: asking
 * the box in a frame would have it laid out once more.
 */
export class GridViewport {
	readonly #grid: HTMLElement;
	readonly #body: HTMLElement;
	#scrollTop = 0;
	#heightPx = 0;
	#count = -1;
	widthPx = 0;

	constructor(grid: HTMLElement, body: HTMLElement) {
		this.#grid = grid;
		this.#body = body;
	}

	get scrollTop(): number {
		return this.#scrollTop;
	}

	get isAtTop(): boolean {
		return this.#scrollTop < ROW_PX / 2;
	}

	/** Index of the first row that is in view, if only in part. */
	get top(): number {
		return Math.floor(this.#scrollTop / ROW_PX);
	}

	/** Rows that are wholly in view; at least one. */
	get pageRows(): number {
		return Math.max(1, Math.floor(this.#heightPx / ROW_PX));
	}

	/** The box has another size; returns whether that is another width. */
	measure(): boolean {
		const { clientHeight, clientWidth } = this.#grid;
		// The heads stand above the rows.
		this.#heightPx = Math.max(0, clientHeight - ROW_PX);
		const hasWidthChanged = clientWidth !== this.widthPx;
		this.widthPx = clientWidth;
		return hasWidthChanged;
	}

	/** Gives the box the height of so many rows. */
	resize(count: number): void {
		if (count === this.#count) return;
		this.#count = count;
		this.#body.style.setProperty("height", `${count * ROW_PX}px`);
	}

	/** First and last + 1 of the rows that have to be in the page, of `count`. */
	window(count: number): { readonly first: number; readonly end: number } {
		const inView = Math.ceil(this.#heightPx / ROW_PX) + 1;
		const maxTop = Math.max(0, count * ROW_PX - this.#heightPx);
		const top = Math.floor(Math.min(this.#scrollTop, maxTop) / ROW_PX);
		return {
			first: Math.max(0, Math.min(top - MARGIN_ROWS, count - inView)),
			end: Math.min(count, top + inView + MARGIN_ROWS),
		};
	}

	scrollTo(topPx: number): void {
		this.#grid.scrollTop = topPx;
		this.handleScroll();
	}

	/** The box was scrolled, by the hand or by us. */
	handleScroll(): void {
		this.#scrollTop = this.#grid.scrollTop;
	}

	/** Moves as little as needed. */
	bringIntoView(index: number): void {
		const topPx = index * ROW_PX;
		if (topPx < this.#scrollTop) this.scrollTo(topPx);
		else if (topPx + ROW_PX > this.#scrollTop + this.#heightPx) this.scrollTo(topPx + ROW_PX - this.#heightPx);
	}
}

/** Where a key moves the selection to, of `count` rows; undefined for keys that do not move it. */
export function placeOfKey(key: string, index: number, count: number, pageRows: number): number | undefined {
	const step = Math.max(1, pageRows - 1);
	switch (key) {
		case "ArrowDown":
			return Math.min(count - 1, index + 1);
		case "ArrowUp":
			return Math.max(0, index - 1);
		case "PageDown":
			return Math.min(count - 1, Math.max(0, index) + step);
		case "PageUp":
			return Math.max(0, index - step);
		case "Home":
			return 0;
		case "End":
			return count - 1;
		default:
			return undefined;
	}
}
