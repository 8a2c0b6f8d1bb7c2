/** Elements taller than this are scrolled in proportion. Chromium ends at 33.5 million physical pixels, which zoom divides. */
export const MAX_SCROLL_PX = 8_000_000;

/**
 * Maps the scroll bar of an element of bounded height onto content of any height. Below the bound one is the other. Above it
 * small steps (wheel, keys) move the content by as many pixels as the hand did, long ones (the thumb) in proportion.
 */
export class VirtualScroll {
	contentPx = 0;
	viewportPx = 0;
	/** Offset into the content. */
	top = 0;
	#elementTop = 0;

	/** Height that the scrolled element shall have. */
	get elementPx(): number {
		return Math.min(this.contentPx, MAX_SCROLL_PX);
	}

	get maxTop(): number {
		return Math.max(0, this.contentPx - this.viewportPx);
	}

	/** Where the element's own scroll offset shall stand for the present `top`. */
	get elementTop(): number {
		return this.#isProportional() ? Math.round((this.top / this.maxTop) * this.#maxElementTop()) : this.top;
	}

	/** New sizes; `top` stays inside the content. */
	resize(contentPx: number, viewportPx: number): void {
		this.contentPx = contentPx;
		this.viewportPx = viewportPx;
		this.moveTo(this.top);
	}

	/** Moves the content; the caller then writes `elementTop` to the element. */
	moveTo(top: number): void {
		this.top = Math.min(Math.max(0, Number.isNaN(top) ? 0 : top), this.maxTop);
		this.#elementTop = this.elementTop;
	}

	/** The element was scrolled, by the hand or by us. Returns whether the element's offset has to be written again. */
	handleScroll(elementTop: number): boolean {
		if (!this.#isProportional()) {
			this.top = Math.min(Math.max(0, elementTop), this.maxTop);
			this.#elementTop = elementTop;
			return false;
		}
		const delta = elementTop - this.#elementTop;
		// Our own write, rounded by the browser.
		if (Math.abs(delta) <= 1) return false;
		const isAtEnd = elementTop <= 0 || elementTop >= this.#maxElementTop() - 1;
		if (Math.abs(delta) > this.viewportPx * 2) {
			this.moveTo((elementTop / this.#maxElementTop()) * this.maxTop);
			this.#elementTop = elementTop;
			return false;
		}
		this.top = Math.min(Math.max(0, this.top + delta), this.maxTop);
		this.#elementTop = elementTop;
		// The element came to its end before the content did: give it room again.
		return isAtEnd && this.top > 0 && this.top < this.maxTop;
	}

	#isProportional(): boolean {
		return this.contentPx > MAX_SCROLL_PX;
	}

	#maxElementTop(): number {
		return Math.max(1, this.elementPx - this.viewportPx);
	}
}
