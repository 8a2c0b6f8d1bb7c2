import type { Theme } from "../shared/theme.ts";

/**
 * Colours of a chart's series, in VS Code's names, red last. Rules of `chartStyles.ts` say the same. No `charts-orange`: the
 * default themes make it of a search highlight, a brown that lets the background through.
 */
const COLORS: readonly (readonly [name: string, ...others: string[]])[] = [
	["--vscode-charts-blue"],
	["--vscode-charts-purple"],
	["--vscode-charts-green"],
	["--vscode-charts-yellow"],
	["--vscode-terminal-ansiCyan", "--vscode-charts-foreground"],
	["--vscode-terminal-ansiBrightMagenta", "--vscode-charts-orange"],
	["--vscode-charts-red"],
];
export const REST_COLOR = COLORS.length;
export const FAILED_COLOR = 6;

export interface ChartPalette {
	readonly series: readonly string[];
	readonly text: string;
	readonly grid: string;
	readonly font: string;
}

export function readPalette(theme: Theme): ChartPalette {
	const size = Number.parseFloat(theme.color("--vscode-font-size")) || 13;
	return {
		series: [...COLORS, ["--vscode-descriptionForeground", "--vscode-foreground"] as const].map((names) =>
			theme.color(...names, "--vscode-foreground"),
		),
		text: theme.color("--vscode-descriptionForeground", "--vscode-foreground"),
		grid: theme.color("--vscode-tree-inactiveIndentGuidesStroke", "--vscode-editorIndentGuide-background1"),
		font: `${Math.max(9, size - 2)}px ${theme.color("--vscode-font-family")}`,
	};
}

/** Keeps each name of a chart in its colour while the ranks change, as long as it is shown. */
export class SeriesColors {
	#colors: ReadonlyMap<string, number> = new Map();

	/** Colours of the names that are shown now, each its own. `others` are of a chart whose colours this one takes where it can. */
	assign(names: readonly string[], others: ReadonlyMap<string, number> = new Map()): ReadonlyMap<string, number> {
		const next = new Map<string, number>();
		const taken = new Set<number>();
		const take = (name: string, color: number | undefined) => {
			if (color === undefined || next.has(name) || taken.has(color)) return;
			next.set(name, color);
			taken.add(color);
		};
		for (const name of names) take(name, others.get(name));
		for (const name of names) take(name, this.#colors.get(name));
		const free = [...COLORS.keys()].filter((color) => !taken.has(color));
		// Those that the other chart does not use come first: they mean one thing on the page.
		const elsewhere = new Set(others.values());
		free.sort((a, b) => Number(elsewhere.has(a)) - Number(elsewhere.has(b)));
		for (const name of names) if (!next.has(name)) next.set(name, free.shift() ?? REST_COLOR);
		this.#colors = next;
		return next;
	}
}
