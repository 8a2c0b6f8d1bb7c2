import { cutText, textWidth } from "./terminalText.ts";

/** What a piece of text means; the screen knows which colour that is. */
export type Style = "plain" | "strong" | "dim" | "good" | "warning" | "bad" | "busy";

export interface Segment {
	readonly text: string;
	readonly style: Style;
	/** Shown with foreground and background exchanged. */
	readonly isInverse?: boolean;
}

/** One line of the screen; in a frame its segments together are exactly as wide as the screen. */
export type Line = readonly Segment[];

export function segment(text: string, style: Style = "plain"): Segment {
	return { text, style };
}

/** The text of a line without its styles. */
export function lineText(line: Line): string {
	return line.map(({ text }) => text).join("");
}

export function lineWidth(line: Line): number {
	return line.reduce((width, { text }) => width + textWidth(text), 0);
}

/** A line in exactly so many columns: its end is cut, or spaces follow. */
export function fitLine(line: Line, columns: number): Line {
	const result: Segment[] = [];
	let left = Math.max(0, columns);
	for (const part of line) {
		if (left === 0) break;
		const text = cutText(part.text, left);
		result.push({ ...part, text });
		left -= textWidth(text);
	}
	if (left > 0) result.push(segment(" ".repeat(left)));
	return result;
}

/** Two lines at the two ends of one; without room for both, the right one is left out. */
export function spread(left: Line, right: Line, columns: number): Line {
	const gap = columns - lineWidth(left) - lineWidth(right);
	return fitLine(gap < 1 ? left : [...left, segment(" ".repeat(gap)), ...right], columns);
}

/** Columns that a box takes from what is in it. */
export const BOX_COLUMNS = 4;

/** Lines in a box with a title in its upper border; `columns` counts the border. */
export function box(title: Line, lines: readonly Line[], columns: number): readonly Line[] {
	const inner = Math.max(0, columns - BOX_COLUMNS);
	const name = lineWidth(title) > inner - 1 ? fitLine(title, Math.max(0, inner - 1)) : title;
	const rule = "─".repeat(Math.max(0, columns - lineWidth(name) - 5));
	return [
		fitLine([segment("╭─ ", "dim"), ...name, segment(` ${rule}╮`, "dim")], columns),
		...lines.map((line) => fitLine([segment("│ ", "dim"), ...fitLine(line, inner), segment(" │", "dim")], columns)),
		fitLine([segment(`╰${"─".repeat(Math.max(0, columns - 2))}╯`, "dim")], columns),
	];
}

/** Two blocks next to each other, the shorter one filled with empty lines. Widths are columns. */
export function beside(
	left: readonly Line[],
	leftColumns: number,
	right: readonly Line[],
	rightColumns: number,
): readonly Line[] {
	return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => [
		...fitLine(left[index] ?? [], leftColumns),
		...fitLine(right[index] ?? [], rightColumns),
	]);
}
