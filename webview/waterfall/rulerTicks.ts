import type { TextWidths } from "./textWidths.ts";
import { formatTick, type TimeScale, ticks } from "./timeScale.ts";

const MIN_SPACING_PX = 84;
/** Between the end of a tick's words and the next tick. */
const GAP_PX = 18;
const TEXT_GAP_PX = 4;
const MAX_TICKS = 64;

export interface RulerTick {
	readonly x: number;
	/** "" where there is no room for it. */
	readonly text: string;
	readonly textX: number;
}

/** The ticks of the ruler, kept while the same time is shown: scrolling through rows changes nothing of them. */
export class RulerTicks {
	readonly #widths: TextWidths;
	#scale: TimeScale | undefined;
	#originNs = Number.NaN;
	#ticks: readonly RulerTick[] = [];

	constructor(widths: TextWidths) {
		this.#widths = widths;
	}

	/** Another font. */
	clear(): void {
		this.#scale = undefined;
	}

	of(context: CanvasRenderingContext2D, scale: TimeScale, originNs: number): readonly RulerTick[] {
		if (this.#scale?.isLike(scale) !== true || this.#originNs !== originNs) {
			this.#scale = scale;
			this.#originNs = originNs;
			this.#ticks = this.#make(context, scale, originNs);
		}
		return this.#ticks;
	}

	#make(context: CanvasRenderingContext2D, scale: TimeScale, originNs: number): RulerTick[] {
		return ticks(scale.domain, originNs, this.#step(context, scale, originNs), MAX_TICKS).map((ns) => {
			const px = scale.toPx(ns);
			const text = formatTick(ns - originNs);
			const textX = px + TEXT_GAP_PX;
			const fits = textX + this.#widths.of(context, text) <= scale.widthPx;
			return { x: Math.round(px), text: fits ? text : "", textX };
		});
	}

	/** Zoomed in, offsets get long words: `1 m 05.000125 s` needs more room than `5 s`. */
	#step(context: CanvasRenderingContext2D, scale: TimeScale, originNs: number): number {
		const step = scale.tickStep(MIN_SPACING_PX);
		const lastNs = Math.floor((scale.domain.endNs - originNs) / step) * step;
		const needed = this.#widths.of(context, formatTick(lastNs - step)) + GAP_PX;
		return needed <= MIN_SPACING_PX ? step : scale.tickStep(needed);
	}
}
