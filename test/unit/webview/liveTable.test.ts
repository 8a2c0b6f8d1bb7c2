import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LiveRow } from "../../../src/protocol/liveMessages.ts";
import {
	COLUMN_IDS,
	COLUMNS,
	type ColumnId,
	compareRows,
	fitColumns,
	type Sorting,
} from "../../../webview/live/columns.ts";
import { LiveTable } from "../../../webview/live/table.ts";
import { arrangedOf } from "../../../webview/live/viewState.ts";
import { liveRow, liveRows, TEN } from "../../webview/liveHost.ts";

const NOW = TEN + 3_600_000;

function names(table: LiveTable): string[] {
	return table.order.map(({ row }) => row.traceId.replace("trace-", ""));
}

function tableOf(...rows: readonly LiveRow[]): LiveTable {
	const table = new LiveTable();
	table.reset(rows, NOW);
	return table;
}

/** New traces, as the host tells of them. */
function begin(table: LiveTable, ...rows: readonly LiveRow[]): void {
	table.apply(
		rows,
		[],
		rows.map(({ traceId }) => traceId),
		NOW,
		1000,
	);
}

describe("a live table", () => {
	it("lets new rows in on top while one watches its top, each to flash once", () => {
		const table = tableOf(...liveRows(0, 3));
		begin(table, liveRow(4), liveRow(3));
		expect(names(table)).toEqual(["4", "3", "2", "1", "0"]);
		expect(table.order.map(({ flashAtMs }) => flashAtMs)).toEqual([1000, 1000, undefined, undefined, undefined]);
		begin(table, liveRow(4, { spanCount: 9 }));
		expect(names(table)).toEqual(["4", "3", "2", "1", "0"]);
		expect(table.order[0]).toMatchObject({ flashAtMs: 1000, row: { spanCount: 9 } });
	});

	it.each([
		["scrolled away", (table: LiveTable) => Object.assign(table, { isScrolledAway: true })],
		["filtered", (table: LiveTable) => Object.assign(table, { isFiltered: true })],
		["sorted", (table: LiveTable) => table.sortBy({ column: "name", isDescending: false }, NOW)],
	])("lets rows stay where they are and counts what waits while %s", (_, arrange) => {
		const table = tableOf(...liveRows(0, 3));
		arrange(table);
		const before = names(table);
		begin(table, liveRow(3), liveRow(4));
		begin(table, liveRow(4, { spanCount: 2 }));
		expect(names(table)).toEqual(before);
		expect(table.waitingCount).toBe(2);
		expect(table.showWaiting(NOW, 5000)).toBe(true);
		expect(table.waitingCount).toBe(0);
		expect(table.entry("trace-4")).toMatchObject({ flashAtMs: 5000, row: { spanCount: 2 } });
		expect(new Set(names(table))).toEqual(new Set(["0", "1", "2", "3", "4"]));
		expect(table.showWaiting(NOW, 5000)).toBe(false);
	});

	it("has nothing to keep in its place while it is empty", () => {
		const table = tableOf();
		table.isFiltered = true;
		begin(table, liveRow(1));
		expect(names(table)).toEqual(["1"]);
	});

	it("puts older rows of a snapshot in their places whatever it holds", () => {
		const table = tableOf(...liveRows(5, 8));
		table.isScrolledAway = true;
		table.apply([liveRow(2), liveRow(4)], [], [], NOW, 1000);
		expect(names(table)).toEqual(["7", "6", "5", "4", "2"]);
		// Found again after a gap and newer than all that is shown: not now.
		table.apply([liveRow(9)], [], [], NOW, 1000);
		expect(table.waitingCount).toBe(1);
	});

	it("lets what was deleted leave, waiting or not", () => {
		const table = tableOf(...liveRows(0, 4));
		table.isScrolledAway = true;
		begin(table, liveRow(5));
		table.apply([], ["trace-5", "trace-2", "nobody"], [], NOW, 1000);
		expect(names(table)).toEqual(["3", "1", "0"]);
		expect(table.waitingCount).toBe(0);
		expect(table.indexOf("trace-2")).toBe(-1);
	});

	it("says when values have changed so that its order is no longer true", () => {
		const table = tableOf(liveRow(1, { costUsd: 3 }), liveRow(2, { costUsd: 2 }), liveRow(3, { costUsd: 1 }));
		table.sortBy({ column: "cost", isDescending: true }, NOW);
		table.apply([liveRow(3, { costUsd: 1.5 })], [], [], NOW, 1000);
		expect(table.isStale).toBe(false);
		table.apply([liveRow(3, { costUsd: 9 })], [], [], NOW, 1000);
		expect(table.isStale).toBe(true);
		expect(names(table)).toEqual(["1", "2", "3"]);
		table.showWaiting(NOW, 1000);
		expect(names(table)).toEqual(["3", "1", "2"]);
		expect(table.isStale).toBe(false);
	});

	it("moves a row whose start became known later", () => {
		const table = tableOf(liveRow(1), liveRow(2, { startMs: undefined }), liveRow(3));
		expect(names(table)).toEqual(["3", "1", "2"]);
		table.apply([liveRow(2)], [], [], NOW, 1000);
		expect(names(table)).toEqual(["3", "2", "1"]);
	});

	it("keeps the prompts it knows over a snapshot", () => {
		const table = tableOf(liveRow(1));
		const [entry] = table.order;
		entry.prompt = "Hello";
		table.reset([liveRow(1), liveRow(2)], NOW);
		expect(table.entry("trace-1")?.prompt).toBe("Hello");
	});

	it("is in order, live and of all rows, after any changes", () => {
		const change = fc.record({
			id: fc.integer({ min: 0, max: 12 }),
			isGone: fc.boolean(),
			startMs: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
		});
		fc.assert(
			fc.property(fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 20 }), (deltas) => {
				const table = new LiveTable();
				const left = new Map<string, LiveRow>();
				for (const delta of deltas) {
					const rows = new Map<string, LiveRow>();
					const removed = new Set<string>();
					for (const { id, isGone, startMs } of delta) {
						const row = liveRow(id, { startMs });
						if (isGone) {
							removed.add(row.traceId);
							rows.delete(row.traceId);
						} else rows.set(row.traceId, row);
					}
					for (const traceId of removed) left.delete(traceId);
					for (const [traceId, row] of rows) left.set(traceId, row);
					table.apply([...rows.values()], [...removed], [...rows.keys()], NOW, 0);
				}
				const natural: Sorting = { column: "time", isDescending: true };
				const expected = [...left.values()].sort((a, b) => compareRows(a, b, natural, NOW));
				expect(table.order.map(({ row }) => row)).toEqual(expected);
			}),
		);
	});
});

describe("the order of rows", () => {
	const sorted = (rows: readonly LiveRow[], column: ColumnId, isDescending: boolean): string[] =>
		[...rows].sort((a, b) => compareRows(a, b, { column, isDescending }, NOW)).map(({ traceId }) => traceId);

	it("has what is unknown last in either direction", () => {
		const rows = [liveRow(1, { costUsd: undefined }), liveRow(2, { costUsd: 1 }), liveRow(3, { costUsd: 2 })];
		expect(sorted(rows, "cost", true)).toEqual(["trace-3", "trace-2", "trace-1"]);
		expect(sorted(rows, "cost", false)).toEqual(["trace-2", "trace-3", "trace-1"]);
	});

	it("counts what runs by its time so far", () => {
		const runs = liveRow(1, { isRunning: true, latencyNs: undefined, startMs: NOW - 5000 });
		const rows = [liveRow(2, { latencyNs: 1e9, isRunning: false }), runs, liveRow(3, { latencyNs: 9e9 })];
		expect(sorted(rows, "latency", true)).toEqual(["trace-3", "trace-1", "trace-2"]);
	});

	it("is total: the same from whatever order, by any column", () => {
		const rows = liveRows(0, 30);
		const anyOrder = fc.shuffledSubarray(rows, { minLength: rows.length });
		fc.assert(
			fc.property(anyOrder, fc.constantFrom(...COLUMN_IDS), fc.boolean(), (shuffled, column, isDescending) => {
				expect(sorted(shuffled, column, isDescending)).toEqual(sorted(rows, column, isDescending));
			}),
		);
	});
});

describe("columns", () => {
	it("fill the width there is", () => {
		const fitted = fitColumns(1400, new Set(), {});
		expect(fitted.map(({ id }) => id)).toEqual(COLUMN_IDS);
		expect(fitted.reduce((sum, { widthPx }) => sum + widthPx, 0)).toBe(1400);
	});

	it("leave out whole what has no room, the least important first", () => {
		expect(fitColumns(264, new Set(), {}).map(({ id }) => id)).toEqual(["status", "name", "latency"]);
		expect(fitColumns(10, new Set(), {}).map(({ id }) => id)).toEqual(["name"]);
	});

	it("are never wider than the view, in order, and as the user set them where there is room", () => {
		const widths = fc.dictionary(fc.constantFrom(...COLUMN_IDS), fc.integer({ min: 30, max: 400 }));
		const hidden = fc.uniqueArray(fc.constantFrom(...COLUMN_IDS));
		fc.assert(
			fc.property(fc.integer({ min: 100, max: 3000 }), hidden, widths, (availablePx, ids, set) => {
				const fitted = fitColumns(availablePx, new Set(ids), set);
				const order = fitted.map(({ id }) => COLUMN_IDS.indexOf(id));
				expect(order).toEqual(order.toSorted((a, b) => a - b));
				const sumPx = fitted.reduce((sum, { widthPx }) => sum + widthPx, 0);
				if (fitted.length > 1) expect(sumPx).toBeLessThanOrEqual(availablePx);
				for (const { id, widthPx } of fitted) {
					expect(id === "name" || !ids.includes(id)).toBe(true);
					if (set[id] === undefined) expect(widthPx).toBeGreaterThanOrEqual(COLUMNS[id].minPx);
					else expect(widthPx).toBe(set[id]);
				}
			}),
		);
	});

	it("are arranged as they were kept, whatever an older version kept", () => {
		const kept = {
			hiddenColumns: ["cost", "name", "x"],
			columnWidths: { name: 200, cost: "9", spans: 1e9 },
			sortColumn: "cost",
		};
		expect(arrangedOf(kept)).toEqual({
			hidden: new Set(["cost"]),
			widths: { name: 200 },
			sorting: { column: "cost", isDescending: false },
			selectedTraceId: undefined,
		});
		for (const state of [undefined, null, 7, { columnWidths: 3, hiddenColumns: {}, sortColumn: "prompt" }]) {
			expect(arrangedOf(state)).toMatchObject({ widths: {}, sorting: { column: "time", isDescending: true } });
		}
	});
});
