import type { Theme } from "../shared/theme.ts";
import { BarLabels } from "./barLabels.ts";
import type { CriticalPath } from "./criticalPath.ts";
import { drawFrame, RULER_PX } from "./draw.ts";
import type { TraceModel } from "./model.ts";
import { type Palette, readPalette } from "./palette.ts";
import { RulerTicks } from "./rulerTicks.ts";
import { TextWidths } from "./textWidths.ts";
import type { TimeScale } from "./timeScale.ts";

/** What the column shows in a frame. */
export interface TimeView {
	readonly model: TraceModel;
	readonly scale: TimeScale;
	/** Drawn into the bars; undefined for none. */
	readonly path: CriticalPath | undefined;
	/** Offset into the rows. */
	readonly scrollTop: number;
	readonly nowNs: number;
	/** Visible row that stands on the colour of an active selection, -1 for none. */
	readonly selectedIndex: number;
}

/** The canvas of ruler and bars: its size in pixels of the screen, its colours, its frames. */
export class TimeColumn {
	readonly #canvas: HTMLCanvasElement;
	readonly #context: CanvasRenderingContext2D | null;
	readonly #theme: Theme;
	readonly #widths = new TextWidths();
	readonly #labels = new BarLabels(this.#widths);
	readonly #ticks = new RulerTicks(this.#widths);
	#palette: Palette | undefined;
	#widthPx = 0;
	#heightPx = 0;
	#pixelRatio = 1;

	constructor(canvas: HTMLCanvasElement, theme: Theme) {
		this.#canvas = canvas;
		this.#context = canvas.getContext("2d");
		this.#theme = theme;
	}

	/** Returns whether the size changed: then the canvas is empty until it is drawn. */
	resize(widthPx: number, rowsPx: number): boolean {
		this.#widthPx = widthPx;
		this.#heightPx = rowsPx + RULER_PX;
		this.#pixelRatio = window.devicePixelRatio || 1;
		const width = Math.max(1, Math.round(widthPx * this.#pixelRatio));
		const height = Math.max(1, Math.round(this.#heightPx * this.#pixelRatio));
		if (this.#canvas.width === width && this.#canvas.height === height) return false;
		this.#canvas.width = width;
		this.#canvas.height = height;
		this.#canvas.style.setProperty("width", `${widthPx}px`);
		this.#canvas.style.setProperty("height", `${this.#heightPx}px`);
		this.forgetTheme();
		return true;
	}

	/** Colours, font or size of a pixel changed. */
	forgetTheme(): void {
		this.#palette = undefined;
		this.#widths.clear();
		this.#labels.clear();
		this.#ticks.clear();
	}

	/** Another trace: its spans have the ordinals of the one before. */
	forgetLabels(): void {
		this.#labels.clear();
	}

	clear(): void {
		this.#context?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
	}

	draw({ model, scale, path, scrollTop, nowNs, selectedIndex }: TimeView): void {
		if (this.#context === null) return;
		if (this.#palette === undefined) {
			this.#palette = readPalette(this.#theme, this.#context, this.#pixelRatio);
			// Once: the browser looks a font up whenever it is set. A resized canvas has forgotten it, and asks for colours anew.
			this.#context.font = this.#palette.font;
			this.#context.textBaseline = "middle";
		}
		this.#context.setTransform(this.#pixelRatio, 0, 0, this.#pixelRatio, 0, 0);
		drawFrame(this.#context, {
			model,
			scale,
			path,
			palette: this.#palette,
			labels: this.#labels,
			ticks: this.#ticks,
			widthPx: this.#widthPx,
			heightPx: this.#heightPx,
			scrollTop,
			nowNs,
			selectedIndex,
		});
	}
}
