import type { TraceModel } from "./model.ts";
import { matchOf } from "./rowMatch.ts";

/** What is left of a bar in a row that steps back. */
const REST = 0.45;

/** Whether rows may step back now. */
export function hasDimRows({ marks }: TraceModel): boolean {
	return marks.query !== undefined || marks.wanted !== undefined;
}

/** Makes what is drawn so far faint in the rows first … end - 1 that step back; the first one begins at `top`. */
export function dimRows(
	context: CanvasRenderingContext2D,
	model: TraceModel,
	rows: { readonly first: number; readonly end: number },
	top: number,
	widthPx: number,
	rowPx: number,
): void {
	context.globalCompositeOperation = "destination-out";
	context.globalAlpha = 1 - REST;
	context.fillStyle = "#000";
	for (let index = rows.first; index < rows.end; index++) {
		if (matchOf(model, index).isDim) context.fillRect(0, top + (index - rows.first) * rowPx, widthPx, rowPx);
	}
	context.globalAlpha = 1;
	context.globalCompositeOperation = "source-over";
}
