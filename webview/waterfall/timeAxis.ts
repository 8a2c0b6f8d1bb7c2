import { assertNever } from "../../src/base/assert.ts";
import type { Theme } from "../shared/theme.ts";
import { followPointer } from "./drag.ts";
import type { TraceModel } from "./model.ts";
import { TimeColumn, type TimeView } from "./timeColumn.ts";
import { ordered, TimeOverlay } from "./timeOverlay.ts";
import { type TimeDomain, TimeScale, timeDomain } from "./timeScale.ts";
import { moved, TimeWindow, zoomedAt } from "./timeWindow.ts";

/** Room at both ends of the time axis, for what sticks out. */
export const MARGIN_PX = 10;
const KEY_ZOOM = 0.7;
const KEY_PAN_SHARE = 0.2;
/** A notch of a common wheel is 100 pixels: a quarter more or less. */
const WHEEL_ZOOM_PER_PX = 0.0025;
const MAX_WHEEL_PX = 300;
const LINE_PX = 16;
/** A bar of two pixels is hard to hit, and what took no time is drawn so far around its place. */
const BAR_SLACK_PX = 5;

export type TimeStep = "zoomIn" | "zoomOut" | "panLeft" | "panRight" | "fitTrace" | "zoomBack" | "zoomForward";

/** The time column as one works with it: which part of the trace it shows, and what wheel, pointer and keys do to that. */
export class TimeAxis {
	readonly window = new TimeWindow();
	readonly #column: TimeColumn;
	readonly #overlay: TimeOverlay;
	readonly #requestFrame: () => void;
	readonly #onArrange: () => void;
	#whole: TimeDomain = timeDomain(0, 0);
	#scale = new TimeScale(this.#whole, 0, MARGIN_PX);
	#originNs = 0;
	#widthPx = 0;

	/** `onArrange` is called when another part is shown; not while only the crosshair moves. */
	constructor(
		parent: HTMLElement,
		canvas: HTMLCanvasElement,
		theme: Theme,
		requestFrame: () => void,
		onArrange: () => void,
	) {
		this.#column = new TimeColumn(canvas, theme);
		this.#overlay = new TimeOverlay(parent);
		this.#requestFrame = requestFrame;
		this.#onArrange = onArrange;
	}

	get isZoomed(): boolean {
		return this.window.shown !== undefined;
	}

	/** All there is, as of the last frame. */
	get whole(): TimeDomain {
		return this.#whole;
	}

	/** The part that is shown. */
	get domain(): TimeDomain {
		return this.#scale.domain;
	}

	/** Returns whether the canvas is empty now, until it is drawn. */
	resize(widthPx: number, rowsPx: number): boolean {
		this.#widthPx = widthPx;
		return this.#column.resize(widthPx, rowsPx);
	}

	forgetTheme(): void {
		this.#column.forgetTheme();
	}

	/** Another trace, or the same one anew. */
	reset(): void {
		this.#column.forgetLabels();
		this.#overlay.band = undefined;
	}

	clear(): void {
		this.#column.clear();
	}

	/** Reckons what the next frame shows; to be called before anything that draws by `domain`. */
	update(model: TraceModel, nowNs: number): void {
		this.#whole = timeDomain(model.startNs, model.endNs(nowNs));
		this.window.follow(this.#whole);
		this.#originNs = Number.isNaN(model.startNs) ? 0 : model.startNs;
		this.#scale = this.#newScale();
	}

	#newScale(): TimeScale {
		return new TimeScale(this.window.domain(this.#whole), this.#widthPx, MARGIN_PX);
	}

	draw(view: Omit<TimeView, "scale">): void {
		this.#column.draw({ ...view, scale: this.#scale });
		this.#overlay.draw(this.#scale, this.#originNs);
	}

	// ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────

	/** One press of a key; steps of a held key are one entry of the history. */
	step(step: TimeStep): void {
		switch (step) {
			case "zoomIn":
				this.#zoom(KEY_ZOOM, this.#overlay.crosshairPx ?? this.#widthPx / 2);
				break;
			case "zoomOut":
				this.#zoom(1 / KEY_ZOOM, this.#overlay.crosshairPx ?? this.#widthPx / 2);
				break;
			case "panLeft":
				this.#pan(-KEY_PAN_SHARE * this.#lengthNs());
				break;
			case "panRight":
				this.#pan(KEY_PAN_SHARE * this.#lengthNs());
				break;
			case "fitTrace":
				this.show(undefined);
				break;
			case "zoomBack":
				if (this.window.back()) this.#arranged();
				break;
			case "zoomForward":
				if (this.window.forward()) this.#arranged();
				break;
			default:
				assertNever(step, "step of the time axis");
		}
	}

	/** Shows a part, undefined for all. `gesture` names what goes on in many small steps. */
	show(wanted: TimeDomain | undefined, gesture = "", atMs = performance.now()): void {
		if (this.window.show(wanted, this.#whole, gesture, atMs)) this.#arranged();
	}

	#arranged(): void {
		// Now, not with the frame: the next key or turn of the wheel may come before it.
		this.#scale = this.#newScale();
		this.#requestFrame();
		this.#onArrange();
	}

	/** Shows a span from edge to edge; one without length in the middle of what is around it. */
	fit(model: TraceModel, node: number): void {
		const { startNs, endNs } = model.extent(node, model.nowNs());
		if (Number.isNaN(startNs)) return;
		if (endNs > startNs) this.show({ startNs, endNs });
		else {
			const around = this.#lengthNs() / 20;
			this.show({ startNs: startNs - around, endNs: startNs + around });
		}
		this.window.stay();
	}

	/** Moves a point of time into view, when it is outside, without changing how long a time is shown. */
	reveal(ns: number): void {
		const { startNs, endNs } = this.domain;
		if (!this.isZoomed || Number.isNaN(ns) || (ns >= startNs && ns <= endNs)) return;
		this.show(moved(this.domain, ns - startNs - (endNs - startNs) * 0.2));
	}

	/** Whether a span's bar stands at a place of the column. */
	isBarAt(model: TraceModel, node: number, px: number): boolean {
		const { startNs, endNs } = model.extent(node, model.nowNs());
		if (Number.isNaN(startNs)) return false;
		const left = this.#scale.toPx(startNs);
		const right = Number.isNaN(endNs) ? left : this.#scale.toPx(endNs);
		return px >= Math.min(left, right) - BAR_SLACK_PX && px <= Math.max(left, right) + BAR_SLACK_PX;
	}

	#lengthNs(): number {
		return this.domain.endNs - this.domain.startNs;
	}

	#zoom(factor: number, px: number): void {
		this.show(zoomedAt(this.domain, this.#scale.toNs(px), factor), "zoom");
	}

	#pan(byNs: number): void {
		if (this.isZoomed) this.show(moved(this.domain, byNs), "pan");
	}

	// ── Pointer ────────────────────────────────────────────────────────────────────────────────────────────────────────

	/** The pointer is over the column; undefined when it left. */
	hover(px: number | undefined): void {
		if (this.#overlay.crosshairPx === px) return;
		this.#overlay.crosshairPx = px;
		this.#requestFrame();
	}

	/** With Ctrl it zooms at the pointer, with Shift or sideways it pans. Returns whether it was for the time axis. */
	handleWheel(event: WheelEvent, px: number): boolean {
		const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE_PX;
		const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
		const delta = Math.max(-MAX_WHEEL_PX, Math.min((event.deltaY || event.deltaX) * unit, MAX_WHEEL_PX));
		if (event.ctrlKey || event.metaKey) this.#zoom(Math.exp(delta * WHEEL_ZOOM_PER_PX), px);
		else if (isSideways) this.#pan((event.deltaX * unit || delta) * this.#scale.nsPerPx);
		else return false;
		return true;
	}

	/** A press on the ruler: dragging zooms to the range, with Shift it measures. */
	dragRange(element: HTMLElement, down: PointerEvent, leftPx: number): void {
		const fromNs = this.#scale.toNs(down.clientX - leftPx);
		const isMeasure = down.shiftKey;
		this.clearMeasure();
		followPointer(element, down, {
			move: (event) => {
				const px = Math.max(0, Math.min(event.clientX - leftPx, this.#widthPx));
				this.#overlay.band = { fromNs, toNs: this.#scale.toNs(px) };
				this.#overlay.crosshairPx = px;
				this.#requestFrame();
			},
			end: (isCancelled) => {
				const { band } = this.#overlay;
				if (isMeasure && !isCancelled) return;
				this.clearMeasure();
				if (!isCancelled && band !== undefined) this.show(ordered(band));
			},
		});
	}

	/** A press on the rows while zoomed: dragging takes the time along. */
	dragPan(element: HTMLElement, down: PointerEvent): void {
		const { domain } = this;
		const { nsPerPx } = this.#scale;
		// All of it is one gesture, however long the hand rests.
		const show = (wanted: TimeDomain): void => this.show(wanted, `drag ${down.timeStamp}`, down.timeStamp);
		followPointer(element, down, {
			move: (event) => show(moved(domain, (down.clientX - event.clientX) * nsPerPx)),
			end: (isCancelled) => {
				if (isCancelled) show(domain);
			},
		});
	}

	/** Returns whether there was something to clear. */
	clearMeasure(): boolean {
		if (this.#overlay.band === undefined) return false;
		this.#overlay.band = undefined;
		this.#requestFrame();
		return true;
	}
}
