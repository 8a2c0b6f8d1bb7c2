import { formatCost, formatCount, UNKNOWN } from "../../base/quantity.ts";
import { formatTokens } from "../../model/format.ts";
import type { SpanState } from "../../model/span.ts";
import { type Line, type Segment, type Style, segment } from "./frame.ts";
import { latencyStyle, latencyText, type MonitorRow } from "./numbers.ts";
import { fitText, terminalText, textWidth } from "./terminalText.ts";

interface Column {
	readonly title: string;
	readonly width: number;
	readonly align: "left" | "right";
	/** Narrowest table that has this column. */
	readonly from: number;
	readonly cell: (row: MonitorRow, width: number) => Segment;
}

const STATUS: Readonly<Record<SpanState, { readonly word: string; readonly style: Style }>> = {
	completed: { word: "COMPLETED", style: "good" },
	failed: { word: "FAILED", style: "bad" },
	running: { word: "RUNNING", style: "busy" },
};

const COLUMNS: readonly Column[] = [
	{ title: "Time UTC", width: 8, align: "left", from: 0, cell: ({ startMs }) => segment(clock(startMs), "dim") },
	{
		title: "Status",
		width: 9,
		align: "left",
		from: 0,
		cell: ({ state }) => segment(STATUS[state].word, STATUS[state].style),
	},
	{
		title: "Model",
		width: 16,
		align: "left",
		from: 60,
		cell: ({ models }, width) => segment(modelText(models, width)),
	},
	{
		title: "Latency",
		width: 8,
		align: "right",
		from: 0,
		cell: ({ latencyMs }) => segment(latencyText(latencyMs, "ms"), latencyStyle(latencyMs)),
	},
	{
		title: "Tokens",
		width: 7,
		align: "right",
		from: 50,
		cell: ({ tokens }, width) => segment(tokensText(tokens, width)),
	},
	{ title: "Steps", width: 5, align: "right", from: 68, cell: ({ steps }) => segment(formatCount(steps)) },
	{
		title: "Cost",
		width: 9,
		align: "right",
		from: 100,
		cell: ({ costUsd, isCostEstimated }) => segment(formatCost(costUsd, isCostEstimated)),
	},
	{ title: "Name", width: 28, align: "left", from: 120, cell: ({ name }) => segment(terminalText(name)) },
];

/** From this width on the name has a column of its own. */
const NAME_FROM = 120;
const MARK = "› ";

/** The table's head and one line a row, each `columns` wide. */
export function tableLines(
	rows: readonly MonitorRow[],
	prompts: ReadonlyMap<string, string>,
	selected: string | undefined,
	columns: number,
): readonly Line[] {
	const shown = COLUMNS.filter(({ from }) => columns >= from);
	const used = shown.reduce((width, column) => width + column.width + 1, MARK.length);
	const promptWidth = Math.max(0, columns - used - 1);
	const cellGap = segment(" ");
	const head = shown.flatMap(({ title, width, align }) => [segment(fitText(title, width, align), "strong"), cellGap]);
	return [
		[segment(" ".repeat(MARK.length)), ...head, cellGap, segment(fitText("Prompt", promptWidth), "strong")],
		...rows.map((row) => {
			const isSelected = row.traceId === selected;
			const prompt = prompts.get(row.traceId) ?? (columns >= NAME_FROM ? UNKNOWN : row.name);
			const cells = shown.flatMap((column) => {
				const { text, style } = column.cell(row, column.width);
				return [segment(fitText(text, column.width, column.align), style), cellGap];
			});
			const line = [
				segment(isSelected ? MARK : " ".repeat(MARK.length), "strong"),
				...cells,
				cellGap,
				segment(fitText(terminalText(prompt), promptWidth)),
			];
			// Colours exchanged with the background would be patches that say more than they mean.
			return isSelected ? line.map(({ text }) => ({ text, style: "plain" as const, isInverse: true })) : line;
		}),
	];
}

/** `HH:MM:SS`, UTC. */
function clock(startMs: number | undefined): string {
	if (startMs === undefined || !(Math.abs(startMs) <= 8.64e15)) return UNKNOWN;
	return new Date(startMs).toISOString().slice(-13, -5);
}

/** The model that was called first, and how many others: `gpt-4o-mini +2`. */
function modelText(models: readonly string[], width: number): string {
	if (models.length === 0) return UNKNOWN;
	const more = models.length > 1 ? ` +${models.length - 1}` : "";
	const name = terminalText(models[0]!);
	const room = width - more.length;
	return textWidth(name) <= room ? name + more : fitText(name, room).trimEnd() + more;
}

function tokensText(tokens: number | undefined, width: number): string {
	const whole = formatCount(tokens);
	return whole.length <= width ? whole : formatTokens(tokens);
}
