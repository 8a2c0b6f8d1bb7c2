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

/** Keeps each name in its colour while the ranks change, as long as it is shown. */
export class SeriesColors {
	#colors = new Map<string, number>();

	/** Colours of the names that are shown now. */
	assign(names: readonly string[]): ReadonlyMap<string, number> {
		const next = new Map<string, number>();
		for (const name of names) {
			const color = this.#colors.get(name);
			if (color !== undefined) next.set(name, color);
		}
		const taken = new Set(next.values());
		const free = [...COLORS.keys()].filter((color) => !taken.has(color));
		for (const name of names) if (!next.has(name)) next.set(name, free.shift() ?? REST_COLOR);
		this.#colors = next;
		return next;
	}
}
