/** What a user does who wants to be elsewhere. */
const INPUTS = ["wheel", "pointerdown", "keydown", "touchstart"] as const;

/**
 * Brings a page back to where it was read. Its content comes bit by bit: trees draw a moment later, long parts come from the host, controls
 * are loaded. So the place is set again after each bit, until it is reached with all in place or the user does something.
 */
export class ReadingPlace {
	readonly #scroller: HTMLElement;
	readonly #stop = (): void => this.end();
	#wantedTop: number | undefined;
	#isComplete = false;

	constructor(scroller: HTMLElement) {
		this.#scroller = scroller;
	}

	/** The place that is still to be reached, pixels. */
	get wantedTop(): number | undefined {
		return this.#wantedTop;
	}

	/** What the page is made of is there, but for long parts that the host still reads. */
	complete(): void {
		this.#isComplete = true;
		this.settle();
	}

	goTo(top: number): void {
		this.end();
		this.#isComplete = false;
		this.#wantedTop = top;
		for (const type of INPUTS) this.#scroller.addEventListener(type, this.#stop, { passive: true });
		this.settle();
	}

	/** More of the page may be there. */
	settle(): void {
		const top = this.#wantedTop;
		if (top === undefined) return;
		this.#scroller.scrollTop = top;
		// Browsers round to device pixels.
		if (this.#isComplete && Math.abs(this.#scroller.scrollTop - top) < 1) this.end();
	}

	end(): void {
		this.#wantedTop = undefined;
		for (const type of INPUTS) this.#scroller.removeEventListener(type, this.#stop);
	}
}
