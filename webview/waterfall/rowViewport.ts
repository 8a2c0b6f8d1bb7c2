import { hitTest, ROW_PX, rowWindow } from "./draw.ts";
import { VirtualScroll } from "./virtualScroll.ts";

/** The scrolled box of the rows: which of them are in view, and how to bring others there. */
export class RowViewport {
	readonly #scroll = new VirtualScroll();
	readonly #scroller: HTMLElement;
	readonly #sizer: HTMLElement;
	/** As it was set last, and where the box was scrolled to when it was looked at last. */
	#sizerPx = -1;
	#seenTop = Number.NaN;

	constructor(scroller: HTMLElement, sizer: HTMLElement) {
		this.#scroller = scroller;
		this.#sizer = sizer;
	}

	/** Offset into the rows. */
	get top(): number {
		return this.#scroll.top;
	}

	/** Whether the last row is seen, or a page without rows. */
	get isAtEnd(): boolean {
		return this.#scroll.top >= this.#scroll.maxTop - 1;
	}

	get heightPx(): number {
		return this.#scroll.viewportPx;
	}

	get widthPx(): number {
		return this.#scroller.clientWidth;
	}

	/** What a page key moves by. */
	get pageRows(): number {
		return Math.max(1, Math.floor(this.heightPx / ROW_PX) - 1);
	}

	/** First and last + 1 of the rows that are in view, of `count`. */
	window(count: number): { readonly first: number; readonly end: number } {
		return rowWindow(count, this.top, this.heightPx);
	}

	/** Row at a height of the page, of `count`; -1 for none. */
	indexAt(clientY: number, count: number): number {
		return hitTest(count, this.top, clientY - this.#scroller.getBoundingClientRect().top);
	}

	/** Takes over the height of the box. */
	measure(): void {
		this.#scroll.viewportPx = this.#scroller.clientHeight;
	}

	/** There are `count` rows now; scrolls to `top`, as far as they reach. */
	resize(count: number, top: number): void {
		this.#scroll.top = top;
		this.#scroll.resize(count * ROW_PX, this.#scroll.viewportPx);
		const sizerPx = Math.max(0, this.#scroll.elementPx - this.#scroll.viewportPx);
		const isShorter = sizerPx < this.#sizerPx;
		if (sizerPx !== this.#sizerPx) this.#sizer.style.setProperty("height", `${sizerPx}px`);
		this.#sizerPx = sizerPx;
		// To ask where it stands now would lay the page out: rows that come below move nothing.
		if (isShorter || !(Math.abs(this.#scroll.elementTop - this.#seenTop) <= 0.5)) this.#moveBox();
	}

	scrollTo(top: number): void {
		this.#scroll.moveTo(top);
		this.#moveBox();
	}

	/** The box was scrolled, by the hand or by us. */
	handleScroll(): void {
		this.#seenTop = this.#scroller.scrollTop;
		if (this.#scroll.handleScroll(this.#seenTop)) this.#moveBox();
	}

	/** As far as it can be: a box without height stays where it is. */
	#moveBox(): void {
		const { elementTop } = this.#scroll;
		if (Math.abs(this.#scroller.scrollTop - elementTop) > 0.5) this.#scroller.scrollTop = elementTop;
		this.#seenTop = this.#scroller.scrollTop;
	}

	isInView(index: number): boolean {
		return index >= 0 && index * ROW_PX >= this.top && (index + 1) * ROW_PX <= this.top + this.heightPx;
	}

	/** Moves as little as needed; a row that was far away comes to the middle when asked for. */
	bringIntoView(index: number, isCentred: boolean): void {
		if (index < 0 || this.isInView(index)) return;
		const rowTop = index * ROW_PX;
		if (isCentred) this.scrollTo(rowTop - (this.heightPx - ROW_PX) / 2);
		else this.scrollTo(rowTop < this.top ? rowTop : rowTop + ROW_PX - this.heightPx);
	}
}
