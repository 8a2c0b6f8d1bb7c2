import { formatExactDuration } from "../../src/base/quantity.ts";
import { formatOffset, type TimeDomain, type TimeScale } from "./timeScale.ts";

const LABEL_GAP_PX = 4;

/**
 * What follows the pointer over the time column: the crosshair with its offset, and the band between two points with its
 * length. Elements, not canvas: moving them paints no bar anew.
 */
export class TimeOverlay {
	readonly #crosshair: HTMLElement;
	readonly #crosshairText: HTMLElement;
	readonly #band: HTMLElement;
	readonly #bandText: HTMLElement;
	/** Where the pointer is, undefined while it is elsewhere. */
	crosshairPx: number | undefined;
	/** Between two points of time, in either order. */
	band: { readonly fromNs: number; readonly toNs: number } | undefined;

	constructor(parent: HTMLElement) {
		this.#crosshair = element("crosshair");
		this.#crosshairText = element("crosshair-text");
		this.#band = element("band");
		this.#bandText = element("band-text");
		parent.append(this.#band, this.#crosshair, this.#bandText, this.#crosshairText);
	}

	draw(scale: TimeScale, originNs: number): void {
		const { crosshairPx, band } = this;
		show([this.#crosshair, this.#crosshairText], crosshairPx !== undefined);
		if (crosshairPx !== undefined) {
			this.#crosshair.style.setProperty("transform", `translateX(${Math.round(crosshairPx)}px)`);
			write(this.#crosshairText, formatOffset(scale.toNs(crosshairPx) - originNs, scale.nsPerPx));
			const width = this.#crosshairText.offsetWidth;
			const fits = crosshairPx + LABEL_GAP_PX + width <= scale.widthPx;
			const left = fits ? crosshairPx + LABEL_GAP_PX : Math.max(0, crosshairPx - LABEL_GAP_PX - width);
			this.#crosshairText.style.setProperty("transform", `translateX(${Math.round(left)}px)`);
		}
		show([this.#band, this.#bandText], band !== undefined);
		if (band !== undefined) this.#drawBand(band, scale);
	}

	#drawBand(band: { readonly fromNs: number; readonly toNs: number }, scale: TimeScale): void {
		const { startNs, endNs } = ordered(band);
		const left = Math.round(Math.max(-1, Math.min(scale.toPx(startNs), scale.widthPx + 1)));
		const right = Math.round(Math.max(-1, Math.min(scale.toPx(endNs), scale.widthPx + 1)));
		this.#band.style.setProperty("transform", `translateX(${left}px)`);
		this.#band.style.setProperty("width", `${Math.max(1, right - left)}px`);
		const unit = Math.max(1, 10 ** Math.floor(Math.log10(Math.max(1, scale.nsPerPx))));
		write(this.#bandText, `Δ ${formatExactDuration(Math.round((endNs - startNs) / unit) * unit)}`);
		const width = this.#bandText.offsetWidth;
		const middle = (left + right - width) / 2;
		const at = Math.round(Math.max(2, Math.min(middle, scale.widthPx - width - 2)));
		this.#bandText.style.setProperty("transform", `translateX(${at}px)`);
	}
}

/** A band as a window of time, whichever way it was dragged. */
export function ordered(band: { readonly fromNs: number; readonly toNs: number }): TimeDomain {
	return { startNs: Math.min(band.fromNs, band.toNs), endNs: Math.max(band.fromNs, band.toNs) };
}

function element(className: string): HTMLElement {
	const created = document.createElement("div");
	created.className = className;
	created.hidden = true;
	return created;
}

function show(elements: readonly HTMLElement[], isShown: boolean): void {
	for (const each of elements) if (each.hidden === isShown) each.hidden = !isShown;
}

function write(target: HTMLElement, text: string): void {
	if (target.textContent !== text) target.textContent = text;
}
