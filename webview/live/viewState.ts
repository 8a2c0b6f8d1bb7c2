import type { LiveViewState } from "../../src/protocol/liveMessages.ts";
import { COLUMN_IDS, COLUMNS, type ColumnId, MAX_COLUMN_PX, MIN_COLUMN_PX, NATURAL, type Sorting } from "./columns.ts";

/** What the user arranged, checked: it may have been kept by an older version. */
export interface Arranged {
	readonly hidden: Set<ColumnId>;
	readonly widths: Partial<Record<ColumnId, number>>;
	readonly sorting: Sorting;
	readonly selectedTraceId: string | undefined;
}

export function arrangedOf(state: unknown): Arranged {
	const given: Partial<Record<keyof LiveViewState, unknown>> = typeof state === "object" && state !== null ? state : {};
	const hidden = Array.isArray(given.hiddenColumns) ? given.hiddenColumns : [];
	const widthsGiven = (
		typeof given.columnWidths === "object" && given.columnWidths !== null ? given.columnWidths : {}
	) as Readonly<Record<string, unknown>>;
	const widths: Partial<Record<ColumnId, number>> = {};
	for (const id of COLUMN_IDS) {
		const widthPx = widthsGiven[id];
		if (typeof widthPx === "number" && widthPx >= MIN_COLUMN_PX && widthPx <= MAX_COLUMN_PX) widths[id] = widthPx;
	}
	const column = COLUMN_IDS.find((id) => id === given.sortColumn && COLUMNS[id].canSort);
	return {
		hidden: new Set(COLUMN_IDS.filter((id) => id !== "name" && hidden.includes(id))),
		widths,
		sorting: column === undefined ? NATURAL : { column, isDescending: given.isDescending === true },
		selectedTraceId: typeof given.selectedTraceId === "string" ? given.selectedTraceId : undefined,
	};
}
