import { formatDuration } from "../../src/base/quantity.ts";
import { fill } from "../shared/words.ts";
import type { TraceModel } from "./model.ts";
import { isGroupCode } from "./spanTable.ts";
import type { TextWidths } from "./textWidths.ts";
import { words } from "./words.ts";

const LABEL_GAP_PX = 6;
const PLATE_PX = 12;
/** Texts beside the bars and their widths, kept while the row does not change: no text is made or measured in a frame. */
export class BarLabels {
	readonly #node = new Int32Array(256).fill(-1);
	readonly #version = new Float64Array(256).fill(-1);
	readonly #width = new Float64Array(256);
	readonly #text: string[] = new Array<string>(256).fill("");
	readonly #widths: TextWidths;

	constructor(widths: TextWidths) {
		this.#widths = widths;
	}

	/** Colours, font or trace changed. */
	clear(): void {
		this.#node.fill(-1);
	}

	/** Place of a node's label; a running span's is made anew, it grows. */
	slotOf(context: CanvasRenderingContext2D, model: TraceModel, node: number, nowNs: number): number {
		const slot = node & 255;
		const isKept = this.#node[slot] === node && this.#version[slot] === model.version;
		if (isKept && model.table.state[node] !== 0) return slot;
		const text = labelOf(model, node, nowNs);
		if (this.#node[slot] !== node || this.#text[slot] !== text) {
			this.#width[slot] = this.#widths.of(context, text);
		}
		this.#node[slot] = node;
		this.#version[slot] = model.version;
		this.#text[slot] = text;
		return slot;
	}

	text(slot: number): string {
		return this.#text[slot];
	}

	width(slot: number): number {
		return this.#width[slot];
	}
}

/** Duration of a span; of a group that of all its members, and what most of them stay below. */
function labelOf(model: TraceModel, node: number, nowNs: number): string {
	if (!isGroupCode(node)) return formatDuration(model.spanDurationNs(node, nowNs));
	const facts = model.groupFacts(node);
	if (facts === undefined) return "";
	return `${formatDuration(facts.totalNs)}, ${fill(words.groupP95, formatDuration(facts.p95Ns))}`;
}

/** Where a label stands and in which colours. */
export interface LabelPlace {
	/** The bar. */
	readonly x: number;
	readonly width: number;
	/** Of the time column. */
	readonly widthPx: number;
	/** Middle of the row. */
	readonly y: number;
	/** Part of the bar's right end that is no ground for text. */
	readonly openPx: number;
	readonly beside: string;
	readonly onBar: string;
	/** A plate below text on the bar, in this colour, where the bar is hatched; "" for none. */
	readonly plate: string;
}

/** The label stands right of the bar, left of it when there is no room, else on it. */
export function drawLabel(context: CanvasRenderingContext2D, text: string, textWidth: number, place: LabelPlace): void {
	const { x, width, widthPx, y } = place;
	context.fillStyle = place.beside;
	if (x + width + LABEL_GAP_PX + textWidth <= widthPx - 2) {
		context.fillText(text, x + width + LABEL_GAP_PX, y);
		return;
	}
	if (x - LABEL_GAP_PX - textWidth >= 2) {
		context.fillText(text, x - LABEL_GAP_PX - textWidth, y);
		return;
	}
	const right = Math.min(x + width, widthPx) - LABEL_GAP_PX - place.openPx;
	if (place.plate !== "") {
		context.fillStyle = place.plate;
		context.fillRect(right - textWidth - 3, y - PLATE_PX / 2 - 0.5, textWidth + 6, PLATE_PX);
	}
	context.fillStyle = place.onBar;
	context.fillText(text, right - textWidth, y);
}
