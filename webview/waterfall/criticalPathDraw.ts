import type { CriticalPath } from "./criticalPath.ts";
import type { TimeScale } from "./timeScale.ts";

/**
 * Draws the pieces of one span as a line. A span may have as many pieces as children: those that fall into one pixel are
 * skipped together, so that the cost is bounded by the width.
 */
export function drawPath(
	context: CanvasRenderingContext2D,
	path: CriticalPath,
	scale: TimeScale,
	ordinal: number,
	top: number,
	heightPx: number,
): void {
	// Spans that came after the path was reckoned are not on it yet.
	if (!(path.count[ordinal] > 0)) return;
	const { startNs, endNs } = path;
	const last = path.first[ordinal] + path.count[ordinal];
	// From right to left, as the pieces are kept.
	let index = firstBefore(startNs, path.first[ordinal], last, scale.toNs(scale.widthPx));
	while (index < last) {
		const right = Math.min(scale.widthPx, scale.toPx(endNs[index]));
		if (right < 0) return;
		const left = Math.max(0, Math.min(scale.toPx(startNs[index]), right - 1));
		context.fillRect(left, top, right - left, heightPx);
		index = firstBefore(startNs, index + 1, last, scale.toNs(Math.floor(left)));
	}
}

/** First of the pieces, which are kept latest first, that starts before a time. */
function firstBefore(startNs: Float64Array, from: number, end: number, ns: number): number {
	let low = from;
	let high = end;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (startNs[middle] < ns) high = middle;
		else low = middle + 1;
	}
	return low;
}
