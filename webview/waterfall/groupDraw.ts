import type { TimeScale } from "./timeScale.ts";

const MIN_SEGMENT_PX = 2;
/** Between two segments that touch: one sees where the next began. */
const GAP_PX = 1;

/** Starts and ends by row of the layout. */
export interface Segments {
	readonly node: Int32Array;
	readonly startNs: Float64Array;
	readonly endNs: Float64Array;
	/** Rows first … end - 1, by start. */
	readonly first: number;
	readonly end: number;
}

/**
 * Draws each member of a group where it stood in time, all in one row, in the colour that is set. Where one begins while
 * another is open there is a gap; what falls into the same pixels is drawn once, so that no more is painted than is wide.
 */
export function drawSegments(
	context: CanvasRenderingContext2D,
	{ node, startNs, endNs, first, end }: Segments,
	scale: TimeScale,
	top: number,
	heightPx: number,
): void {
	let left = Number.NEGATIVE_INFINITY;
	let right = Number.NEGATIVE_INFINITY;
	for (let row = first; row < end; row++) {
		const startPx = scale.toPx(startNs[node[row]]);
		if (Number.isNaN(startPx) || startPx > scale.widthPx) continue;
		const endPx = scale.toPx(endNs[node[row]]);
		// Comparisons with NaN are false: an unknown end is where it began.
		const reach = endPx > startPx + MIN_SEGMENT_PX ? Math.min(endPx, scale.widthPx) : startPx + MIN_SEGMENT_PX;
		if (reach < 0) continue;
		const from = Math.max(0, startPx);
		if (from < left + MIN_SEGMENT_PX + GAP_PX) {
			right = Math.max(right, reach);
			continue;
		}
		if (right > left) context.fillRect(left, top, Math.min(right, from - GAP_PX) - left, heightPx);
		left = from;
		right = Math.max(right, reach);
	}
	if (right > left) context.fillRect(left, top, right - left, heightPx);
}
