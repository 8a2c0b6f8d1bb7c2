import { Category } from "../shared/kinds.ts";
import type { Theme } from "../shared/theme.ts";

/** The colours of the canvas, read once a theme change. */
export interface Palette {
	/** By `Category`. */
	readonly bars: readonly string[];
	readonly failed: string;
	/** Of a hit of a search in an overview. */
	readonly hit: string;
	/** Of the page, behind everything. */
	readonly background: string;
	readonly text: string;
	readonly textMuted: string;
	/** On a bar. */
	readonly textOnBar: string;
	readonly textSelected: string;
	readonly grid: string;
	/** Around bars in high contrast; "" elsewhere. */
	readonly barBorder: string;
	/** Second cue of a failed bar and the open end of a running one. */
	readonly hatch: CanvasPattern | string;
	readonly font: string;
}

export function readPalette(theme: Theme, context: CanvasRenderingContext2D, pixelRatio: number): Palette {
	const bars: string[] = [];
	bars[Category.model] = theme.color("--vscode-charts-purple", "--vscode-foreground");
	bars[Category.tool] = theme.color("--vscode-charts-blue", "--vscode-foreground");
	bars[Category.retrieval] = theme.color("--vscode-charts-green", "--vscode-foreground");
	bars[Category.other] = theme.color("--vscode-descriptionForeground", "--vscode-foreground");
	const background = theme.color("--vscode-editor-background");
	const size = Number.parseFloat(theme.color("--vscode-font-size")) || 13;
	let hatch: CanvasPattern | string | undefined;
	return {
		bars,
		failed: theme.color("--vscode-charts-red", "--vscode-errorForeground"),
		hit: theme.color("--vscode-editorOverviewRuler-findMatchForeground", "--vscode-charts-orange"),
		text: theme.color("--vscode-foreground"),
		textMuted: theme.color("--vscode-descriptionForeground", "--vscode-foreground"),
		background,
		textOnBar: background,
		textSelected: theme.color("--vscode-list-activeSelectionForeground", "--vscode-foreground"),
		grid: theme.color("--vscode-tree-inactiveIndentGuidesStroke", "--vscode-editorIndentGuide-background1"),
		barBorder: theme.isHighContrast ? theme.color("--vscode-contrastBorder", "--vscode-foreground") : "",
		// Made when the first bar wants it: a canvas of its own takes milliseconds, and the minimap has no use for it.
		get hatch() {
			hatch ??= hatchPattern(context, background, pixelRatio);
			return hatch;
		},
		// A point below the rows' text: the bar is the figure, its duration the caption.
		font: `${Math.max(9, size - 2)}px ${theme.color("--vscode-font-family")}`,
	};
}

/** Diagonal stripes in the colour behind the bar. */
function hatchPattern(context: CanvasRenderingContext2D, color: string, pixelRatio: number): CanvasPattern | string {
	const tile = document.createElement("canvas");
	const size = Math.max(4, Math.round(6 * pixelRatio));
	tile.width = size;
	tile.height = size;
	const tileContext = tile.getContext("2d");
	if (tileContext === null) return color;
	tileContext.strokeStyle = color;
	tileContext.lineWidth = size / 4;
	tileContext.beginPath();
	// One stripe through the tile and its continuations at two corners, so that tiles join.
	for (const offset of [-size, 0, size]) {
		tileContext.moveTo(offset - 1, size + 1);
		tileContext.lineTo(offset + size + 1, -1);
	}
	tileContext.stroke();
	const pattern = context.createPattern(tile, "repeat");
	if (pattern === null) return color;
	pattern.setTransform(new DOMMatrix().scale(1 / pixelRatio));
	return pattern;
}
