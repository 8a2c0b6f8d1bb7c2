import type { LitElement } from "lit";
import type { SpanPart } from "../../src/protocol/messages.ts";
import type { PageState } from "./pageState.ts";
import { PartArrangements } from "./partArrangement.ts";
import { ReadingPlace } from "./reading.ts";

/** What is to be kept of the look of the page: what was arranged in its parts, and how far they and the page were scrolled. */
export class KeptView {
	/** What was arranged in trees and texts of the span shown. */
	readonly arrangements = new PartArrangements();
	readonly #page: LitElement;
	readonly #onChange: () => void;
	readonly #reading: ReadingPlace;

	constructor(page: LitElement, onChange: () => void) {
		this.#page = page;
		this.#onChange = onChange;
		this.#reading = new ReadingPlace(page);
	}

	/** Of the page, pixels: where it is, or where it is being brought to. */
	get scrollTop(): number {
		return this.#reading.wantedTop ?? this.#page.scrollTop;
	}

	connect(): void {
		this.#page.addEventListener("part-arrange", this.#onChange);
		this.#page.addEventListener("scroll", this.#onChange, { passive: true });
		// The blocks of text in the page scroll by themselves, which does not bubble.
		this.#page.renderRoot.addEventListener("scroll", this.#handleBlockScroll, { passive: true, capture: true });
	}

	disconnect(): void {
		this.#page.removeEventListener("part-arrange", this.#onChange);
		this.#page.removeEventListener("scroll", this.#onChange);
		this.#page.renderRoot.removeEventListener("scroll", this.#handleBlockScroll, { capture: true });
		this.#reading.end();
	}

	/** Another span is about to be drawn: as `state` says, else untouched and from its top. `isReady`: what loads once has been drawn. */
	restore(state: PageState | undefined, isReady: Promise<unknown> | undefined): void {
		this.arrangements.restore(state?.parts);
		const whole = new Set(state?.whole);
		void this.#page.updateComplete.then(async () => {
			for (const block of this.#page.renderRoot.querySelectorAll<HTMLElement>("pre[data-part]")) {
				const part = block.dataset.part as SpanPart;
				// The place in a part that comes whole is past the end of what is here.
				if (!whole.has(part)) block.scrollTop = this.arrangements.of(part).scrollTop;
			}
			this.#reading.goTo(state?.scrollTop ?? 0);
			await isReady;
			// Controls draw themselves in their own time, and icons are higher than what stands for them until their font is there.
			await document.fonts.ready;
			await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
			this.#reading.complete();
		});
	}

	/** More of the page is there: after it and what is drawn in it. */
	async settle(): Promise<void> {
		await this.#page.updateComplete;
		const inside = this.#page.renderRoot.querySelectorAll<LitElement>("traceway-json-tree, traceway-text-lines");
		await Promise.all([...inside].map((element) => element.updateComplete));
		this.#reading.settle();
	}

	readonly #handleBlockScroll = (event: Event): void => {
		const { target } = event;
		const part = target instanceof HTMLElement ? target.dataset.part : undefined;
		if (part === undefined) return;
		this.arrangements.of(part as SpanPart).scrollTop = (target as HTMLElement).scrollTop;
		this.#onChange();
	};
}
