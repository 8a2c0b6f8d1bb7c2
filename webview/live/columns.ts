import type { LiveRow } from "../../src/protocol/liveMessages.ts";

export const COLUMN_IDS = [
	"time",
	"status",
	"name",
	"model",
	"spans",
	"latency",
	"tokens",
	"cost",
	"steps",
	"prompt",
] as const;
export type ColumnId = (typeof COLUMN_IDS)[number];

interface Column {
	/** Width that it likes, pixels; for those that grow, the least. */
	readonly widthPx: number;
	/** What it may shrink to before it has no room. */
	readonly minPx: number;
	/** Share of what is left over. */
	readonly grow: number;
	/** It takes its width or its least width, nothing between. */
	readonly isStepwise?: boolean;
	/** Columns with a greater number go first when there is no room. */
	readonly rank: number;
	readonly isNumber: boolean;
	/** Numbers are of interest from the top. */
	readonly sortsDownFirst: boolean;
	readonly canSort: boolean;
}

/** A status narrower than this has room for its icon only. */
export const STATUS_WORD_PX = 100;
const STATUS_ICON_PX = 34;

const text = { isNumber: false, sortsDownFirst: false, canSort: true, grow: 0 };
const number = { isNumber: true, sortsDownFirst: true, canSort: true, grow: 0 };

export const COLUMNS: Readonly<Record<ColumnId, Column>> = {
	time: { ...text, widthPx: 84, minPx: 84, rank: 3, sortsDownFirst: true },
	status: { ...text, widthPx: 112, minPx: STATUS_ICON_PX, rank: 1, isStepwise: true },
	name: { ...text, widthPx: 180, minPx: 90, rank: 0, grow: 2 },
	model: { ...text, widthPx: 150, minPx: 90, rank: 6 },
	spans: { ...number, widthPx: 66, minPx: 64, rank: 7 },
	latency: { ...number, widthPx: 88, minPx: 86, rank: 2 },
	tokens: { ...number, widthPx: 78, minPx: 70, rank: 5 },
	cost: { ...number, widthPx: 92, minPx: 90, rank: 4 },
	steps: { ...number, widthPx: 66, minPx: 64, rank: 9 },
	prompt: { ...text, widthPx: 200, minPx: 120, rank: 8, grow: 3, canSort: false },
};

/** Bounds of a width that the user sets. */
export const MIN_COLUMN_PX = 30;
export const MAX_COLUMN_PX = 800;

export interface FittedColumn {
	readonly id: ColumnId;
	readonly widthPx: number;
}

/**
 * The columns that have room, in their order, filling the width where one of them can grow. What does not fit at its least
 * width is left out whole, the least important first; the name stays whatever happens. Widths are whole pixels.
 */
export function fitColumns(
	availablePx: number,
	hidden: ReadonlySet<string>,
	widths: Readonly<Partial<Record<ColumnId, number>>>,
): readonly FittedColumn[] {
	const shown = COLUMN_IDS.filter((id) => id === "name" || !hidden.has(id));
	const leastOf = (id: ColumnId) => widths[id] ?? COLUMNS[id].minPx;
	const wantedOf = (id: ColumnId) => widths[id] ?? COLUMNS[id].widthPx;
	const byRank = [...shown].sort((a, b) => COLUMNS[a].rank - COLUMNS[b].rank);
	const kept = new Set<ColumnId>();
	let leastPx = 0;
	for (const id of byRank) {
		if (kept.size > 0 && leastPx + leastOf(id) > availablePx) break;
		kept.add(id);
		leastPx += leastOf(id);
	}
	const ids = shown.filter((id) => kept.has(id));
	const fitted = new Map(ids.map((id) => [id, leastOf(id)]));
	// First each its wanted width, the most important first; then the rest to those that grow.
	let leftPx = Math.max(0, availablePx - leastPx);
	for (const id of byRank) {
		if (!kept.has(id)) continue;
		const wantedPx = Math.max(0, wantedOf(id) - leastOf(id));
		const morePx = COLUMNS[id].isStepwise === true && wantedPx > leftPx ? 0 : Math.min(leftPx, wantedPx);
		fitted.set(id, (fitted.get(id) ?? 0) + morePx);
		leftPx -= morePx;
	}
	const growing = ids.filter((id) => COLUMNS[id].grow > 0 && widths[id] === undefined);
	const shares = growing.reduce((sum, id) => sum + COLUMNS[id].grow, 0);
	for (const [index, id] of growing.entries()) {
		const isLast = index === growing.length - 1;
		const given = growing
			.slice(0, index)
			.reduce((sum, one) => sum + Math.floor((leftPx * COLUMNS[one].grow) / shares), 0);
		const morePx = isLast ? leftPx - given : Math.floor((leftPx * COLUMNS[id].grow) / shares);
		fitted.set(id, (fitted.get(id) ?? 0) + morePx);
	}
	return ids.map((id) => ({ id, widthPx: fitted.get(id) ?? 0 }));
}

export interface Sorting {
	readonly column: ColumnId;
	readonly isDescending: boolean;
}

/** Newest first, the order of a live list. */
export const NATURAL: Sorting = { column: "time", isDescending: true };

export function isNatural({ column, isDescending }: Sorting): boolean {
	return column === "time" && isDescending;
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const STATE_RANKS = { completed: 0, running: 1, failed: 2 };

/** What a column is sorted by; undefined, for what is unknown, comes last in either direction. */
function keyOf(row: LiveRow, column: ColumnId, nowMs: number): number | string | undefined {
	switch (column) {
		case "time":
			return row.startMs;
		case "status":
			return STATE_RANKS[row.state];
		case "name":
			return row.name === "" ? undefined : row.name;
		case "model":
			return row.model;
		case "spans":
			return row.spanCount;
		case "latency":
			return latencyNs(row, nowMs);
		case "tokens":
			return tokensOf(row);
		case "cost":
			return row.costUsd;
		case "steps":
			return row.stepCount;
		case "prompt":
			return undefined;
	}
}

/** Duration of a trace, so far while it runs. `nowMs` is the server's clock. */
export function latencyNs(row: LiveRow, nowMs: number): number | undefined {
	if (row.latencyNs !== undefined) return row.latencyNs;
	return row.isRunning && row.startMs !== undefined ? Math.max(0, nowMs - row.startMs) * 1e6 : undefined;
}

export function tokensOf({ inputTokens, outputTokens }: LiveRow): number | undefined {
	if (inputTokens === undefined) return outputTokens;
	return inputTokens + (outputTokens ?? 0);
}

/** Order of two rows; equals are newest first, then by id, so that an order is the same each time. */
export function compareRows(a: LiveRow, b: LiveRow, { column, isDescending }: Sorting, nowMs: number): number {
	const keyA = keyOf(a, column, nowMs);
	const keyB = keyOf(b, column, nowMs);
	if (keyA !== keyB) {
		if (keyA === undefined) return 1;
		if (keyB === undefined) return -1;
		const order =
			typeof keyA === "string" && typeof keyB === "string" ? collator.compare(keyA, keyB) : Number(keyA) - Number(keyB);
		if (order !== 0) return isDescending ? -order : order;
	}
	const byStart = (b.startMs ?? 0) - (a.startMs ?? 0);
	if (byStart !== 0) return byStart;
	return a.traceId < b.traceId ? 1 : a.traceId > b.traceId ? -1 : 0;
}
