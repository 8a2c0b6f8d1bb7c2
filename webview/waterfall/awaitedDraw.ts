import { formatDuration } from "../../src/base/quantity.ts";
import { Category } from "../shared/kinds.ts";
import { drawLabel } from "./barLabels.ts";
import type { Frame } from "./draw.ts";

/** Darkest and brightest a bar gets, and how long it takes from one to the other and back. */
const ALPHA = { low: 0.25, high: 0.6 };
const PULSE_MS = 1600;
const MIN_BAR_PX = 2;
/** With reduced motion it stands still between the two. */
const reducedMotion = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");

/**
 * The bar of a root that has not arrived: as long as what is known of it, open at its end, pulsing. It is drawn at each tick of the
 * page while it is in view, as running bars are.
 */
export function drawAwaited(
	context: CanvasRenderingContext2D,
	frame: Frame,
	node: number,
	place: { readonly rowTop: number; readonly rowPx: number; readonly barPx: number; readonly isSelected: boolean },
): void {
	const { model, scale, palette, widthPx } = frame;
	const { startNs, endNs } = model.awaited.of(node, model.version, frame.nowNs);
	if (Number.isNaN(startNs)) return;
	const left = Math.max(-widthPx, Math.min(scale.toPx(startNs), 2 * widthPx));
	const right = Math.max(-widthPx, Math.min(scale.toPx(endNs), 2 * widthPx));
	const width = Math.max(MIN_BAR_PX, right - left);
	if (left > widthPx || left + width < 0) return;
	const y = place.rowTop + (place.rowPx - place.barPx) / 2;
	context.fillStyle = palette.bars[Category.other];
	context.globalAlpha = pulse(performance.now());
	context.beginPath();
	if (width > 4) context.roundRect(left, y, width, place.barPx, [2, 0, 0, 2]);
	else context.rect(left, y, width, place.barPx);
	context.fill();
	context.globalAlpha = 1;
	if (palette.barBorder !== "" && width > 4) {
		context.strokeStyle = palette.barBorder;
		context.lineWidth = 1;
		context.strokeRect(Math.round(left) + 0.5, y + 0.5, Math.max(1, Math.round(width) - 1), place.barPx - 1);
	}
	const text = formatDuration(endNs - startNs);
	drawLabel(context, text, context.measureText(text).width, {
		x: left,
		width,
		widthPx,
		y: place.rowTop + place.rowPx / 2 + 0.5,
		openPx: 0,
		beside: place.isSelected ? palette.textSelected : palette.textMuted,
		onBar: palette.text,
		plate: "",
	});
}

/** Opacity at a time. */
function pulse(ms: number): number {
	const share = reducedMotion?.matches === true ? 0.5 : (1 - Math.cos((2 * Math.PI * ms) / PULSE_MS)) / 2;
	return ALPHA.low + (ALPHA.high - ALPHA.low) * share;
}
