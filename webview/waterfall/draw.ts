import { Category } from "../shared/kinds.ts";
import { drawAwaited } from "./awaitedDraw.ts";
import { type BarLabels, drawLabel } from "./barLabels.ts";
import type { CriticalPath } from "./criticalPath.ts";
import { drawPath } from "./criticalPathDraw.ts";
import { dimRows, hasDimRows } from "./dimRows.ts";
import { drawSegments } from "./groupDraw.ts";
import type { TraceModel } from "./model.ts";
import type { Palette } from "./palette.ts";
import type { RulerTicks } from "./rulerTicks.ts";
import type { TimeScale } from "./timeScale.ts";

/** Heights of VS Code's lists. */
export const ROW_PX = 22;
export const RULER_PX = 24;
const BAR_PX = 12;
const MIN_BAR_PX = 2;
/** From the middle of what took no time to each of its corners. */
const MOMENT_PX = 5;
/** The open end of a running bar. */
const OPEN_END_PX = 16;
const PATH_PX = 3;
const TAIL_PX = 2;
const OTHER_ALPHA = 0.4;
/** The part of a call before its first token. */
const WAIT_ALPHA = 0.45;

/** What a frame is drawn from. The canvas covers the ruler and the rows below it. */
export interface Frame {
	readonly model: TraceModel;
	readonly scale: TimeScale;
	/** Drawn into the bars; undefined for none. */
	readonly path: CriticalPath | undefined;
	readonly palette: Palette;
	readonly labels: BarLabels;
	readonly ticks: RulerTicks;
	/** Size of the canvas in pixels of the page. */
	readonly widthPx: number;
	readonly heightPx: number;
	/** Offset into the rows. */
	readonly scrollTop: number;
	readonly nowNs: number;
	/** Index of the selected visible row, -1 for none, when the list has the focus. */
	readonly selectedIndex: number;
}

/** First and last + 1 of the visible rows that a viewport touches. */
export function rowWindow(
	count: number,
	scrollTop: number,
	heightPx: number,
): { readonly first: number; readonly end: number } {
	const first = Math.min(count, Math.max(0, Math.floor(scrollTop / ROW_PX)));
	return { first, end: Math.min(count, Math.max(first, Math.ceil((scrollTop + heightPx) / ROW_PX))) };
}

/** Index of the visible row at a height of the viewport, -1 below the last one. */
export function hitTest(count: number, scrollTop: number, y: number): number {
	const index = Math.floor((scrollTop + y) / ROW_PX);
	return index >= 0 && index < count ? index : -1;
}

/** Draws ruler, grid and the bars of the rows in view. The context has the palette's font, with its middle at the base line. */
export function drawFrame(context: CanvasRenderingContext2D, frame: Frame): void {
	const { model, widthPx, heightPx, scrollTop } = frame;
	context.clearRect(0, 0, widthPx, heightPx);
	const isDimming = hasDimRows(model);
	if (!isDimming) drawRuler(context, frame);
	context.save();
	context.beginPath();
	context.rect(0, RULER_PX, widthPx, heightPx - RULER_PX);
	context.clip();
	const { first, end } = rowWindow(model.rows.count, scrollTop, heightPx - RULER_PX);
	for (let index = first; index < end; index++) {
		const top = Math.round(RULER_PX + index * ROW_PX - scrollTop);
		if (model.rows.isHead(index)) {
			drawGroup(context, frame, index, top);
			continue;
		}
		const node = model.rows.nodeAt(index);
		const isSelected = index === frame.selectedIndex;
		if (node >= 0) {
			const tailNs = model.rows.isFoldedAt(index) ? model.endBelow(model.rows.rowAt(index), frame.nowNs) : Number.NaN;
			drawBar(context, frame, node, top, tailNs, isSelected);
		} else if (model.awaited.has(node)) {
			drawAwaited(context, frame, node, { rowTop: top, rowPx: ROW_PX, barPx: BAR_PX, isSelected });
		}
	}
	if (isDimming) {
		const top = Math.round(RULER_PX + first * ROW_PX - scrollTop);
		dimRows(context, model, { first, end }, top, widthPx, ROW_PX);
	}
	context.restore();
	if (!isDimming) return;
	// Behind what is there: lines do not step back with the bars.
	context.globalCompositeOperation = "destination-over";
	drawRuler(context, frame);
	context.globalCompositeOperation = "source-over";
}

function drawRuler(context: CanvasRenderingContext2D, frame: Frame): void {
	const { model, scale, palette, heightPx } = frame;
	const ticks = frame.ticks.of(context, scale, Number.isNaN(model.startNs) ? 0 : model.startNs);
	// Not stroked: that takes several times as long as everything else here.
	context.fillStyle = palette.grid;
	for (const { x } of ticks) context.fillRect(x, RULER_PX - 5, 1, heightPx - RULER_PX + 5);
	context.fillStyle = palette.textMuted;
	for (const { text, textX } of ticks) if (text !== "") context.fillText(text, textX, RULER_PX / 2);
}

function drawBar(
	context: CanvasRenderingContext2D,
	frame: Frame,
	ordinal: number,
	rowTop: number,
	tailNs: number,
	isSelected: boolean,
): void {
	const { model, scale, palette, widthPx } = frame;
	const startNs = model.table.startNs[ordinal];
	if (Number.isNaN(startNs)) return;
	const state = model.table.state[ordinal];
	const isRunning = state === 0;
	const isFailed = state === 2;
	const endNs = model.spanEndNs(ordinal, frame.nowNs);
	const category = model.category(ordinal);
	const colour = isFailed ? palette.failed : palette.bars[category];
	// Far off the window a canvas loses precision; nothing of that is seen.
	const left = clamp(scale.toPx(startNs), -widthPx, 2 * widthPx);
	const right = Number.isNaN(endNs) ? left : clamp(scale.toPx(endNs), -widthPx, 2 * widthPx);
	// A moment, however near one looks: a sliver of a bar would be lost on the grid, and be taken for a short span.
	const isMoment = !isRunning && endNs === startNs;
	const x = isMoment ? left - MOMENT_PX : Math.min(left, right);
	const width = isMoment ? 2 * MOMENT_PX : Math.max(MIN_BAR_PX, Math.abs(right - left));
	if (x > widthPx || x + width < 0) {
		drawPointer(context, colour, x < 0 ? 0 : widthPx, x < 0 ? 1 : -1, rowTop + ROW_PX / 2);
		return;
	}
	const y = rowTop + (ROW_PX - BAR_PX) / 2;
	context.fillStyle = colour;
	// What only holds others steps back behind the calls that take the time.
	if (category === Category.other && !isFailed && !isMoment) context.globalAlpha = OTHER_ALPHA;
	context.beginPath();
	if (isMoment) traceLozenge(context, left, rowTop + ROW_PX / 2);
	else if (width > 4) {
		// Square where it is open: a running bar has no end yet.
		context.roundRect(x, y, width, BAR_PX, isRunning ? OPEN_CORNERS : CLOSED_CORNERS);
	} else context.rect(x, y, width, BAR_PX);
	// A call that streams its answer waits first: that part steps back, what follows the first token has the bar's own colour.
	const firstTokenPx = clamp(scale.toPx(startNs + model.table.firstTokenNs[ordinal]), x, x + width);
	const isSplit = width > 4 && !isMoment && firstTokenPx - x >= 1;
	if (isSplit) context.globalAlpha = WAIT_ALPHA;
	context.fill();
	context.globalAlpha = 1;
	if (isSplit) {
		context.fillRect(firstTokenPx, y, x + width - firstTokenPx, BAR_PX);
		context.fillStyle = palette.text;
		context.fillRect(Math.round(firstTokenPx), y - 1, 1, BAR_PX + 2);
		context.fillStyle = colour;
	}
	if (isFailed && width > 4) {
		context.fillStyle = palette.hatch;
		context.fill();
	} else if (isRunning && width > 4) {
		const openPx = Math.min(OPEN_END_PX, width / 2);
		context.fillStyle = palette.hatch;
		context.fillRect(x + width - openPx, y, openPx, BAR_PX);
	}
	// A border around next to nothing would hide the bar's own colour, which tells its kind and whether it failed.
	if (palette.barBorder !== "" && width > 4) {
		context.strokeStyle = palette.barBorder;
		context.lineWidth = 1;
		if (isMoment) context.stroke();
		else context.strokeRect(Math.round(x) + 0.5, y + 0.5, Math.max(1, Math.round(width) - 1), BAR_PX - 1);
	}
	if (frame.path !== undefined) {
		// As the words on a bar: in what stands out from its colour.
		context.fillStyle = isFailed || category === Category.other ? palette.text : palette.textOnBar;
		drawPath(context, frame.path, scale, ordinal, y + BAR_PX - PATH_PX - 2, PATH_PX);
	}
	// Children that are folded away and end later: a thin line to where the last of them does. Comparisons with NaN are false.
	const tailPx = clamp(scale.toPx(tailNs), x + width, widthPx) - x - width;
	if (tailPx > 1) {
		context.fillStyle = colour;
		context.fillRect(x + width, rowTop + (ROW_PX - TAIL_PX) / 2, tailPx, TAIL_PX);
	}
	const slot = frame.labels.slotOf(context, model, ordinal, frame.nowNs);
	drawLabel(context, frame.labels.text(slot), frame.labels.width(slot), {
		x,
		width: tailPx > 1 ? width + tailPx : width,
		widthPx,
		y: rowTop + ROW_PX / 2 + 0.5,
		openPx: isRunning ? Math.min(OPEN_END_PX, width / 2) : 0,
		beside: isSelected ? palette.textSelected : palette.textMuted,
		onBar: category === Category.other && !isFailed ? palette.text : palette.textOnBar,
		// The hatch would strike it through.
		plate: isFailed || isSplit ? colour : "",
	});
}

/** The path of what took no time, around its middle. */
function traceLozenge(context: CanvasRenderingContext2D, x: number, y: number): void {
	context.moveTo(x - MOMENT_PX, y);
	context.lineTo(x, y - MOMENT_PX);
	context.lineTo(x + MOMENT_PX, y);
	context.lineTo(x, y + MOMENT_PX);
	context.closePath();
}

/** All members of a group in one row, and what they come to beside them. */
function drawGroup(context: CanvasRenderingContext2D, frame: Frame, index: number, rowTop: number): void {
	const { model, scale, palette, widthPx } = frame;
	const { layout, table } = model;
	const node = model.rows.nodeAt(index);
	const members = model.rows.membersOf(index);
	const { startNs, endNs } = model.extent(node, frame.nowNs);
	if (Number.isNaN(startNs)) return;
	const left = clamp(scale.toPx(startNs), -widthPx, 2 * widthPx);
	const right = Number.isNaN(endNs) ? left : clamp(scale.toPx(endNs), -widthPx, 2 * widthPx);
	const width = Math.max(MIN_BAR_PX, right - left);
	const category = model.category(layout.node[members.first]);
	const colour = palette.bars[category];
	if (left > widthPx || left + width < 0) {
		drawPointer(context, colour, left < 0 ? 0 : widthPx, left < 0 ? 1 : -1, rowTop + ROW_PX / 2);
		return;
	}
	const y = rowTop + (ROW_PX - BAR_PX) / 2;
	context.fillStyle = colour;
	if (category === Category.other) context.globalAlpha = OTHER_ALPHA;
	drawSegments(
		context,
		{ ...members, node: layout.node, startNs: table.startNs, endNs: table.endNs },
		scale,
		y,
		BAR_PX,
	);
	context.globalAlpha = 1;
	const ink = category === Category.other ? palette.text : palette.textOnBar;
	if (frame.path !== undefined) {
		context.fillStyle = ink;
		for (let row = members.first; row < members.end; row++) {
			drawPath(context, frame.path, scale, layout.node[row], y + BAR_PX - PATH_PX - 2, PATH_PX);
		}
	}
	const slot = frame.labels.slotOf(context, model, node, frame.nowNs);
	drawLabel(context, frame.labels.text(slot), frame.labels.width(slot), {
		x: left,
		width,
		widthPx,
		y: rowTop + ROW_PX / 2 + 0.5,
		openPx: 0,
		beside: index === frame.selectedIndex ? palette.textSelected : palette.textMuted,
		onBar: ink,
		// Text does not run over the gaps between members.
		plate: category === Category.other ? palette.background : colour,
	});
}

/** A small arrow at the edge behind which a bar stands: a row without anything would look like a span without time. */
function drawPointer(context: CanvasRenderingContext2D, colour: string, x: number, inward: 1 | -1, y: number): void {
	context.fillStyle = colour;
	context.beginPath();
	context.moveTo(x + inward * 2, y);
	context.lineTo(x + inward * 6, y - 4);
	context.lineTo(x + inward * 6, y + 4);
	context.fill();
}

const CLOSED_CORNERS = [2, 2, 2, 2];
const OPEN_CORNERS = [2, 0, 0, 2];

function clamp(value: number, low: number, high: number): number {
	return Math.max(low, Math.min(value, high));
}
