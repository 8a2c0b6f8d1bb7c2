import { clampShare } from "./divider.ts";
import { MINIMAP_PX } from "./minimap.ts";
import type { TraceModel } from "./model.ts";

/** While the user has not moved the divider: this share, but no more than names need. */
const DEFAULT_SHARE = 0.4;
const DEFAULT_MAX_PX = 440;
/** Below this a time column would tell nothing. */
const NARROW_PX = 420;
/** Below this the rows need all there is. */
const MIN_OVERVIEW_HEIGHT_PX = 200;

/** How the chart divides its room: tree column, time column, and the strip above both. */
export class ChartRoom {
	/** Both columns; without the scroll bar. */
	widthPx = 0;
	/** No time column. */
	isNarrow = false;
	/** Height of the strip, 0 while there is none. */
	overviewPx = 0;
	#isLow = false;
	#share: number | undefined;

	/** Share of the width that the user gave the tree column; undefined before. */
	get givenShare(): number | undefined {
		return this.#share;
	}

	set givenShare(share: number | undefined) {
		this.#share = share === undefined || !Number.isFinite(share) ? undefined : clampShare(share);
	}

	get share(): number {
		return this.#share ?? clampShare(Math.min(DEFAULT_SHARE, DEFAULT_MAX_PX / Math.max(1, this.widthPx)));
	}

	get treePx(): number {
		return this.isNarrow ? this.widthPx : Math.round(this.widthPx * this.share);
	}

	get timePx(): number {
		return this.widthPx - this.treePx;
	}

	/** Whether a change of the trace brings the strip or takes it away. */
	isOverviewStale(model: TraceModel | undefined): boolean {
		return this.#wantsOverview(model) !== this.overviewPx > 0;
	}

	/** Takes over the size of the chart and of the box of rows, and tells the style sheet. Changes the height of that box. */
	apply(chart: HTMLElement, scroller: HTMLElement, model: TraceModel | undefined): void {
		this.widthPx = scroller.clientWidth;
		this.isNarrow = this.widthPx < NARROW_PX;
		this.#isLow = chart.clientHeight < MIN_OVERVIEW_HEIGHT_PX;
		this.overviewPx = this.#wantsOverview(model) ? MINIMAP_PX : 0;
		chart.classList.toggle("narrow", this.isNarrow);
		chart.classList.toggle("no-overview", this.overviewPx === 0);
		chart.style.setProperty("--overview-height", `${this.overviewPx}px`);
		chart.style.setProperty("--tree-width", `${this.treePx}px`);
		chart.style.setProperty("--time-width", `${this.timePx}px`);
	}

	/** While more is to come it is there from the first span on: coming later it would move the rows. */
	#wantsOverview(model: TraceModel | undefined): boolean {
		if (model === undefined || this.isNarrow || this.#isLow) return false;
		return model.layout.rowCount > 1 || model.isRunning;
	}
}
