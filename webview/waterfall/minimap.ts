import type { Disposable } from "../../src/base/disposable.ts";
import { Category } from "../shared/kinds.ts";
import type { Theme } from "../shared/theme.ts";
import { followPointer } from "./drag.ts";
import { hitColumns } from "./minimapHits.ts";
import { type MinimapImage, MinimapRaster } from "./minimapRaster.ts";
import type { TraceModel } from "./model.ts";
import { Pace } from "./pace.ts";
import { type Palette, readPalette } from "./palette.ts";
import { MARGIN_PX, type TimeAxis } from "./timeAxis.ts";
import { formatOffset, type TimeDomain, TimeScale } from "./timeScale.ts";
import { moved } from "./timeWindow.ts";

export const MINIMAP_PX = 40;
const PADDING_PX = 3;
/** Of the spans; below it stand the ticks. */
const MAP_PX = 28;
const TICK_PX = 5;
const TICK_WIDTH_PX = 3;
/** Hits of a search stand above the spans, failures below. */
const HIT_TOP_PX = 0;
const FAILED_TOP_PX = MINIMAP_PX - TICK_PX - 1;
/** Thinner lanes would be a haze. */
const MIN_LANE_PX = 2;
/** Few rows do not become beams. */
const MAX_LANE_PX = 5;
const OTHER_ALPHA = 0.4;
/** Spans a frame: 3 ms. */
const SLICE = 50_000;
const KEY_SHARE = 0.01;
const LONG_KEY_SHARE = 0.1;

/**
 * The strip above the ruler: the whole trace in small, and a box around the part that is shown, to be drawn, moved and
 * resized. The spans are painted once a change of data; the box is made of elements.
 */
export class Minimap implements Disposable {
	readonly #element: HTMLElement;
	readonly #axis: TimeAxis;
	readonly #theme: Theme;
	readonly #requestFrame: () => void;
	readonly #pace: Pace;
	readonly #canvas: HTMLCanvasElement;
	readonly #context: CanvasRenderingContext2D | null;
	readonly #box: HTMLElement;
	readonly #handles: { readonly start: HTMLElement; readonly end: HTMLElement };
	readonly #stop = new AbortController();
	#palette: Palette | undefined;
	#widthPx = 0;
	#pixelRatio = 1;
	#scale = new TimeScale({ startNs: 0, endNs: 1 }, 0, MARGIN_PX);
	#model: TraceModel | undefined;
	#raster: MinimapRaster | undefined;
	#image: MinimapImage | undefined;
	#marksVersion = -1;

	/** `element` holds a canvas `.map`, a `.box` and two sliders, `.handle.start` and `.handle.end`. */
	constructor(element: HTMLElement, theme: Theme, axis: TimeAxis, requestFrame: () => void) {
		this.#element = element;
		this.#axis = axis;
		this.#theme = theme;
		this.#requestFrame = requestFrame;
		this.#pace = new Pace(requestFrame);
		this.#canvas = part(element, "canvas.map");
		this.#context = this.#canvas.getContext("2d");
		this.#box = part(element, ".box");
		this.#handles = { start: part(element, ".handle.start"), end: part(element, ".handle.end") };
		const { signal } = this.#stop;
		element.addEventListener("pointerdown", (event) => this.#handleDown(event), { signal });
		element.addEventListener("click", (event) => this.#handleClick(event), { signal });
		element.addEventListener("dblclick", () => axis.show(undefined), { signal });
		for (const side of ["start", "end"] as const) {
			this.#handles[side].addEventListener("keydown", (event) => this.#handleKey(side, event), { signal });
		}
	}

	dispose(): void {
		this.#stop.abort();
		this.#pace.dispose();
	}

	/** Returns whether the size changed: then the canvas is empty until the next `update`. */
	resize(widthPx: number): boolean {
		const ratio = window.devicePixelRatio || 1;
		if (this.#widthPx === widthPx && this.#pixelRatio === ratio) return false;
		this.#widthPx = widthPx;
		this.#pixelRatio = ratio;
		this.#canvas.width = Math.max(1, Math.round(widthPx * ratio));
		this.#canvas.height = Math.round(MINIMAP_PX * ratio);
		this.#canvas.style.setProperty("width", `${widthPx}px`);
		this.#canvas.style.setProperty("height", `${MINIMAP_PX}px`);
		this.#raster = undefined;
		this.#image = undefined;
		this.#pace.forget();
		return true;
	}

	forgetTheme(): void {
		this.#palette = undefined;
		if (this.#image !== undefined) this.#paint(this.#image);
	}

	/** In a frame, after the axis was brought up to date. Returns whether the picture is whole: others may then take their time. */
	update(model: TraceModel, nowNs: number): boolean {
		const { whole, domain } = this.#axis;
		this.#scale = new TimeScale(whole, this.#widthPx, MARGIN_PX);
		if (this.#model !== model) {
			// The frame that shows the first rows of a trace is not kept waiting for a picture of all of them.
			this.#model = model;
			this.#raster = undefined;
			this.#requestFrame();
			this.#placeBox(domain);
			return false;
		}
		if (this.#raster === undefined && this.#pace.begin(model, whole)) {
			this.#raster = new MinimapRaster(model, this.#scale, nowNs, MAP_PX / MIN_LANE_PX);
		}
		const image = this.#raster?.step(SLICE);
		if (image !== undefined) {
			this.#raster = undefined;
			this.#pace.finish();
			this.#paint(image);
		} else if (this.#raster !== undefined) this.#requestFrame();
		// Hits come and go without a change of spans.
		else if (this.#image !== undefined && this.#marksVersion !== model.marks.version) this.#paint(this.#image);
		this.#marksVersion = model.marks.version;
		this.#placeBox(domain);
		return this.#raster === undefined;
	}

	// ── Picture ────────────────────────────────────────────────────────────────────────────────────────────────────────

	#paint(image: MinimapImage): void {
		this.#image = image;
		const context = this.#context;
		if (context === null) return;
		this.#palette ??= readPalette(this.#theme, context, this.#pixelRatio);
		context.setTransform(this.#pixelRatio, 0, 0, this.#pixelRatio, 0, 0);
		context.clearRect(0, 0, this.#widthPx, MINIMAP_PX);
		const { columns, lanes, cells } = image;
		const lanePx = Math.min(MAX_LANE_PX, MAP_PX / lanes);
		const barPx = lanePx >= 3 ? lanePx - 1 : lanePx;
		for (let lane = 0; lane < lanes; lane++) {
			const top = PADDING_PX + lane * lanePx;
			for (let column = 0; column < columns; ) {
				const code = cells[lane * columns + column];
				const from = column;
				while (column < columns && cells[lane * columns + column] === code) column++;
				if (code === 0) continue;
				context.globalAlpha = code - 1 === Category.other ? OTHER_ALPHA : 1;
				context.fillStyle = this.#palette.bars[code - 1];
				context.fillRect(from, top, column - from, barPx);
			}
		}
		context.globalAlpha = 1;
		this.#paintTicks(context, image.failed, FAILED_TOP_PX, this.#palette.failed);
		const hits = this.#model === undefined ? undefined : hitColumns(this.#model, this.#scale, columns);
		if (hits !== undefined) this.#paintTicks(context, hits, HIT_TOP_PX, this.#palette.hit);
	}

	/** Marks beside the spans: one a column, wide enough to be seen. */
	#paintTicks(context: CanvasRenderingContext2D, columns: Uint8Array, top: number, colour: string): void {
		context.fillStyle = colour;
		for (let column = 0; column < columns.length; column++) {
			if (columns[column] === 0) continue;
			context.fillRect(column, top, TICK_WIDTH_PX, TICK_PX);
		}
	}

	// ── Box ────────────────────────────────────────────────────────────────────────────────────────────────────────────

	#placeBox(domain: TimeDomain): void {
		const left = Math.round(this.#scale.toPx(domain.startNs));
		const right = Math.max(left + 1, Math.round(this.#scale.toPx(domain.endNs)));
		this.#element.classList.toggle("zoomed", this.#axis.isZoomed);
		set(this.#element, "--box-left", `${left}px`);
		set(this.#element, "--box-right", `${right}px`);
		this.#tell(this.#handles.start, domain.startNs);
		this.#tell(this.#handles.end, domain.endNs);
	}

	#tell(handle: HTMLElement, ns: number): void {
		const { startNs, endNs } = this.#axis.whole;
		const share = ((ns - startNs) / (endNs - startNs)) * 100;
		const now = String(Math.round(share * 10) / 10);
		if (handle.getAttribute("aria-valuenow") === now) return;
		handle.setAttribute("aria-valuenow", now);
		handle.setAttribute("aria-valuetext", formatOffset(ns - startNs, this.#scale.nsPerPx));
	}

	#handleDown(down: PointerEvent): void {
		if (down.button !== 0) return;
		const left = this.#element.getBoundingClientRect().left;
		const { domain } = this.#axis;
		const pressedNs = this.#scale.toNs(down.clientX - left);
		const side = this.#sideOf(down.target);
		const isInside = pressedNs >= domain.startNs && pressedNs <= domain.endNs;
		const isMove = side === undefined && this.#axis.isZoomed && isInside;
		const wanted = (ns: number): TimeDomain => {
			if (isMove) return moved(domain, ns - pressedNs);
			// What stays while the pointer goes: the other edge, or where the new box was begun.
			const fixed = side === "start" ? domain.endNs : side === "end" ? domain.startNs : pressedNs;
			return { startNs: Math.min(ns, fixed), endNs: Math.max(ns, fixed) };
		};
		const show = (domain: TimeDomain): void => this.#axis.show(domain, `minimap ${down.timeStamp}`, down.timeStamp);
		followPointer(
			this.#element,
			down,
			{
				move: (event) => show(wanted(this.#scale.toNs(event.clientX - left))),
				end: (isCancelled) => {
					if (isCancelled) show(domain);
				},
			},
			side === undefined ? undefined : 1,
		);
	}

	/** A click beside the box brings it there. */
	#handleClick(event: MouseEvent): void {
		const { domain, isZoomed } = this.#axis;
		if (!isZoomed || this.#sideOf(event.target) !== undefined || event.target === this.#box) return;
		const ns = this.#scale.toNs(event.clientX - this.#element.getBoundingClientRect().left);
		if (ns >= domain.startNs && ns <= domain.endNs) return;
		this.#axis.show(moved(domain, ns - (domain.startNs + domain.endNs) / 2));
	}

	#sideOf(target: EventTarget | null): "start" | "end" | undefined {
		if (target === this.#handles.start) return "start";
		return target === this.#handles.end ? "end" : undefined;
	}

	#handleKey(side: "start" | "end", event: KeyboardEvent): void {
		const { whole, domain } = this.#axis;
		const ns = edgeOfKey(event, side === "start" ? domain.startNs : domain.endNs, whole);
		if (ns === undefined) return;
		event.preventDefault();
		event.stopPropagation();
		// One edge does not push the other: it stops a small step before it.
		const least = (whole.endNs - whole.startNs) * KEY_SHARE * 0.1;
		const next =
			side === "start"
				? { startNs: Math.min(ns, Math.max(domain.startNs, domain.endNs - least)), endNs: domain.endNs }
				: { startNs: domain.startNs, endNs: Math.max(ns, Math.min(domain.endNs, domain.startNs + least)) };
		this.#axis.show(
			{ startNs: Math.max(whole.startNs, next.startNs), endNs: Math.min(whole.endNs, next.endNs) },
			`minimap ${side}`,
		);
	}
}

/** Where a key moves an edge of the box, as keys move a slider; undefined for keys that are not its own. */
function edgeOfKey(event: KeyboardEvent, ns: number, whole: TimeDomain): number | undefined {
	if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
	const wholeNs = whole.endNs - whole.startNs;
	const step = wholeNs * (event.shiftKey ? LONG_KEY_SHARE : KEY_SHARE);
	switch (event.key) {
		case "ArrowLeft":
		case "ArrowDown":
			return ns - step;
		case "ArrowRight":
		case "ArrowUp":
			return ns + step;
		case "PageDown":
			return ns - wholeNs * LONG_KEY_SHARE;
		case "PageUp":
			return ns + wholeNs * LONG_KEY_SHARE;
		case "Home":
			return whole.startNs;
		case "End":
			return whole.endNs;
		default:
			return undefined;
	}
}

function part<T extends HTMLElement>(element: HTMLElement, selector: string): T {
	const found = element.querySelector<T>(selector);
	if (found === null) throw new Error(`minimap: no ${selector}`);
	return found;
}

function set(element: HTMLElement, property: string, value: string): void {
	if (element.style.getPropertyValue(property) !== value) element.style.setProperty(property, value);
}
