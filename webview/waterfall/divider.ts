import { html, type TemplateResult } from "lit";
import type { Disposable } from "../../src/base/disposable.ts";
import { followPointer } from "./drag.ts";
import { words } from "./words.ts";

/** Bounds of the share of the width that the tree column takes. */
const MIN_SHARE = 0.15;
const MAX_SHARE = 0.85;
const STEP = 0.02;
const LONG_STEP = 0.1;

export function clampShare(share: number): number {
	// Four digits: a pixel of any screen, and a number that reads well where it is kept.
	return Math.min(MAX_SHARE, Math.max(MIN_SHARE, Math.round(share * 1e4) / 1e4));
}

/** What a key does to the divider; undefined for keys that are not its own. */
function shareOfKey(event: { readonly key: string; readonly shiftKey: boolean }, share: number): number | undefined {
	const step = event.shiftKey ? LONG_STEP : STEP;
	switch (event.key) {
		case "ArrowLeft":
			return share - step;
		case "ArrowRight":
			return share + step;
		case "Home":
			return MIN_SHARE;
		case "End":
			return MAX_SHARE;
		default:
			return undefined;
	}
}

export function dividerPart(): TemplateResult {
	return html`<div
		class="divider"
		role="separator"
		tabindex="0"
		aria-orientation="vertical"
		aria-label=${words.resize}
		aria-valuemin=${MIN_SHARE * 100}
		aria-valuemax=${MAX_SHARE * 100}
	></div>`;
}

/** The separator of two columns of `area`: drags, keys, and a double click that gives the first width back. */
export class Divider implements Disposable {
	readonly #stop = new AbortController();

	/** `onMove` gets the share of the area left of the divider, not clamped yet; undefined for that of the beginning. */
	constructor(
		divider: HTMLElement,
		area: HTMLElement,
		share: () => number,
		onMove: (share: number | undefined) => void,
	) {
		const { signal } = this.#stop;
		const handleDown = (down: PointerEvent): void => {
			if (down.button !== 0) return;
			const { left, width } = area.getBoundingClientRect();
			divider.classList.add("dragging");
			divider.addEventListener("lostpointercapture", () => divider.classList.remove("dragging"), { once: true });
			divider.setPointerCapture(down.pointerId);
			const move = (event: PointerEvent): void => onMove((event.clientX - left) / Math.max(1, width));
			followPointer(divider, down, { move }, 0);
		};
		const handleKey = (event: KeyboardEvent): void => {
			const next = shareOfKey(event, share());
			if (next === undefined) return;
			event.preventDefault();
			onMove(next);
		};
		divider.addEventListener("pointerdown", handleDown, { signal });
		divider.addEventListener("keydown", handleKey, { signal });
		divider.addEventListener("dblclick", () => onMove(undefined), { signal });
	}

	dispose(): void {
		this.#stop.abort();
	}
}
