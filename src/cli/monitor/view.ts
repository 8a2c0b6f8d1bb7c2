import { formatCost, formatCount } from "../../base/quantity.ts";
import { BOX_COLUMNS, beside, box, fitLine, type Line, type Segment, type Style, segment, spread } from "./frame.ts";
import { latencyStyle, latencyText, type MonitorRow, type Overview } from "./numbers.ts";
import { pollingText, refreshText, type StreamStatus } from "./streamStatus.ts";
import { tableLines } from "./table.ts";
import { cutText, terminalText, textWidth } from "./terminalText.ts";

/** All that a frame shows. Texts from outside are as they came; the view makes them safe. */
export interface MonitorView {
	readonly url: string;
	readonly stream: StreamStatus | undefined;
	readonly isLive: boolean;
	readonly refreshMs: number;
	/** The server's traces were read at least once. */
	readonly isLoaded: boolean;
	/** Why the last reading failed. */
	readonly problem: string | undefined;
	readonly overview: Overview;
	readonly rows: readonly MonitorRow[];
	/** Prompts by trace id, as far as they are known. */
	readonly prompts: ReadonlyMap<string, string>;
	/** Traces that are known here; the server may have more. */
	readonly known: number;
	readonly hasMore: boolean;
	/** Different traces seen since the monitor began. */
	readonly unique: number;
	/** Empty when all are shown. */
	readonly filter: string;
	readonly matching: number;
	readonly selected: string | undefined;
	readonly isPaused: boolean;
	/** Traces that changed since the pause began. */
	readonly waiting: number;
	/** The filter as it is being typed, with what is wrong with it. */
	readonly input: { readonly text: string; readonly error: string | undefined } | undefined;
	/** What a key did, until the next key. */
	readonly notice: { readonly text: string; readonly style: Style } | undefined;
	readonly isHelpShown: boolean;
}

/** From this width on the two panels stand beside each other. */
const WIDE_COLUMNS = 130;
const OVERVIEW_COLUMNS = 36;
const MIN_COLUMNS = 30;
const MIN_ROWS = 8;
/** Below this height the overview is left out, so that there is a table. */
const OVERVIEW_ROWS = 16;
const LABEL_COLUMNS = 13;
/** Narrowest place for a label with its value. */
const CELL_COLUMNS = 24;

export const KEYS: readonly (readonly [keys: string, does: string])[] = [
	["↑ ↓  k j", "select a trace; PageUp, PageDown, Home (g), End (G)"],
	["Enter", "open the selected trace in VS Code"],
	["p  Space", "pause and resume; what changes meanwhile is counted"],
	["/", 'filter, like: status:failed duration:>2s "exact words"'],
	["Esc", "clear the filter, or close this help"],
	["r", "connect again now"],
	["?", "show or hide this help"],
	["q  Ctrl+C", "stop"],
];

/** The whole screen: `rows` lines of `columns` columns. */
export function frameOf(view: MonitorView, columns: number, rows: number): readonly Line[] {
	if (columns < MIN_COLUMNS || rows < MIN_ROWS) return tooSmall(columns, rows);
	const head = headLines(view, columns);
	const foot = footLine(view, columns);
	const room = rows - head.length - 1;
	const isWide = columns >= WIDE_COLUMNS;
	let body: readonly Line[];
	if (view.isHelpShown) body = helpBox(columns, room);
	else if (isWide) {
		const right = columns - OVERVIEW_COLUMNS - 1;
		body = beside(overviewBox(view, OVERVIEW_COLUMNS, room), OVERVIEW_COLUMNS + 1, tracesBox(view, right, room), right);
	} else {
		const overview = rows < OVERVIEW_ROWS ? [] : overviewBox(view, columns, room);
		body = [...overview, ...tracesBox(view, columns, room - overview.length)];
	}
	const empty = Array.from({ length: Math.max(0, room - body.length) }, () => []);
	return [...head, ...body.slice(0, room), ...empty, foot].map((line) => fitLine(line, columns));
}

function headLines(view: MonitorView, columns: number): readonly Line[] {
	const title = [segment("Traceway Monitor", "strong")];
	const mode = view.isLive ? "live by stream" : pollingText(view.refreshMs);
	const said = view.notice ?? stateNotice(view);
	return [
		spread(title, [segment(terminalText(view.url), "dim")], columns),
		spread([segment(terminalText(said.text), said.style)], [segment(`Ctrl+C to stop — ${mode}`, "dim")], columns),
	];
}

function stateNotice(view: MonitorView): { readonly text: string; readonly style: Style } {
	if (!view.isPaused) return { text: "Monitor active", style: "plain" };
	const waiting = view.waiting === 0 ? "" : `, ${formatCount(view.waiting)} changed since`;
	return { text: `Paused${waiting}`, style: "warning" };
}

/** At most `room` lines high: what does not fit is left out from the end, where rows are that `tracellm monitor` does not have. */
function overviewBox(view: MonitorView, columns: number, room: number): readonly Line[] {
	const inner = columns - BOX_COLUMNS;
	const { overview } = view;
	const total = overview.shown < view.known || view.hasMore ? ` of ${formatCount(view.known)}` : "";
	const cells: readonly (readonly [label: string, value: string, style: Style])[] = [
		["Total Traces", `${formatCount(overview.shown)}${total}${view.hasMore ? "+" : ""}`, "plain"],
		["Completed", formatCount(overview.completed), "good"],
		["Errors", formatCount(overview.errors), overview.errors > 0 ? "bad" : "plain"],
		["Avg Latency", latencyText(overview.averageMs, " ms"), latencyStyle(overview.averageMs)],
		["P95 Latency", latencyText(overview.p95Ms, " ms"), latencyStyle(overview.p95Ms)],
		["Total Tokens", formatCount(overview.tokens), "plain"],
		["Total Cost", formatCost(overview.costUsd, overview.isCostEstimated), "plain"],
		["Running", formatCount(overview.running), overview.running > 0 ? "busy" : "plain"],
	];
	const perLine = Math.max(1, Math.min(3, Math.floor(inner / CELL_COLUMNS)));
	const height = Math.ceil(cells.length / perLine);
	// The first column has the longest values: "10 of 1,234+".
	const extra = perLine === 1 ? 0 : 3;
	const width = Math.floor((inner - extra) / perLine);
	const lines = Array.from({ length: height }, (_, line) =>
		cells
			.filter((_cell, index) => index % height === line)
			.flatMap(([label, value, style], column) =>
				fitLine(labelled(label, [segment(value, style)]), column === 0 ? width + extra : width),
			),
	);
	const all = [...streamLines(view, inner), ...lines];
	return box([segment("Overview", "strong")], all.slice(0, room - 2), columns);
}

/** The row of the stream; in a narrow panel what else there is to say has a line of its own. */
function streamLines({ stream }: MonitorView, columns: number): readonly Line[] {
	if (stream === undefined) return [];
	const word = segment(`● ${stream.word}`, stream.style);
	const detail = terminalText(stream.detail);
	if (detail === "") return [labelled("Stream", [word])];
	const isOneLine = LABEL_COLUMNS + stream.word.length + 4 + textWidth(detail) <= columns;
	if (isOneLine) return [labelled("Stream", [word, segment(`  ${detail}`, "dim")])];
	return [labelled("Stream", [word]), ...wrap(detail, columns).map((text) => [segment(text, "dim")])];
}

function labelled(label: string, value: Line): Line {
	return [segment(label.padEnd(LABEL_COLUMNS), "dim"), ...value];
}

function tracesBox(view: MonitorView, columns: number, room: number): readonly Line[] {
	const inner = columns - BOX_COLUMNS;
	const height = Math.max(0, room - 3);
	const title: Segment[] = [segment(`Recent Traces (${formatCount(view.unique)} unique)`, "strong")];
	if (view.filter !== "") {
		const filter = terminalText(view.filter);
		title.push(segment(` · ${filter} · ${formatCount(view.matching)} match`, "warning"));
	}
	if (view.rows.length === 0) return box(title, emptyLines(view, inner), columns);
	const from = firstRow(view, height);
	const rows = view.rows.slice(from, from + height);
	if (rows.length < view.rows.length) {
		title.push(segment(` · ${from + 1}–${from + rows.length} of ${view.rows.length}`, "dim"));
	}
	return box(title, tableLines(rows, view.prompts, view.selected, inner), columns);
}

/** First row of a table of `height` rows, so that the selected one is among them. */
function firstRow({ rows, selected }: MonitorView, height: number): number {
	const index = rows.findIndex(({ traceId }) => traceId === selected);
	return Math.max(0, Math.min(index - height + 1, rows.length - height));
}

function emptyLines(view: MonitorView, columns: number): readonly Line[] {
	if (view.problem !== undefined && view.known === 0) {
		return [
			...wrap(`Poll error: ${terminalText(view.problem)}`, columns).map((text) => [segment(text, "bad")]),
			[segment(`will retry in ${refreshText(view.refreshMs)}`, "dim")],
		];
	}
	if (view.filter !== "" && view.known > 0) return [[segment("No trace matches the filter. Esc clears it.", "dim")]];
	if (!view.isLoaded) return [[segment("Reading traces …", "dim")]];
	return wrap(
		"No traces yet. Programs send them to the address above; traceway-live demo sends examples.",
		columns,
	).map((text) => [segment(text, "dim")]);
}

function helpBox(columns: number, room: number): readonly Line[] {
	const lines = KEYS.map(([keys, does]) => [segment(keys.padEnd(12), "strong"), segment(does)]);
	return box([segment("Keys", "strong")], lines.slice(0, Math.max(0, room - 2)), columns);
}

function footLine(view: MonitorView, columns: number): Line {
	const { input } = view;
	if (input === undefined) {
		const pause = view.isPaused ? "p resume" : "p pause";
		return [segment(`↑↓ select  Enter open in VS Code  ${pause}  / filter  ? help  q quit`, "dim")];
	}
	const error = input.error === undefined ? [] : [segment(terminalText(input.error), "bad")];
	// The end of a long filter is where one types.
	const room = Math.max(10, Math.floor(columns * 0.6));
	let text = terminalText(input.text);
	while (textWidth(text) > room) text = text.slice(text.codePointAt(0)! > 0xffff ? 2 : 1);
	const typed: Line = [segment("/", "strong"), segment(text), { text: " ", style: "plain", isInverse: true }];
	return input.error === undefined ? typed : [...typed, segment("  "), ...error];
}

/** Words in lines of at most so many columns; a longer word is cut. */
function wrap(text: string, columns: number): readonly string[] {
	const lines: string[] = [];
	for (const word of text.split(" ")) {
		const last = lines.at(-1);
		if (last !== undefined && textWidth(last) + 1 + textWidth(word) <= columns)
			lines[lines.length - 1] = `${last} ${word}`;
		else lines.push(cutText(word, columns));
	}
	return lines;
}

function tooSmall(columns: number, rows: number): readonly Line[] {
	const said = [segment(`Needs ${MIN_COLUMNS}×${MIN_ROWS}, has ${columns}×${rows}`)];
	return Array.from({ length: Math.max(0, rows) }, (_, index) => fitLine(index === 0 ? said : [], columns));
}
