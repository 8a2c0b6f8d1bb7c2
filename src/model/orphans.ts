import { Parent, type SpanColumns } from "./spanColumns.ts";

/**
 * Rows whose parent is named but not here, both ways. Parents are looked for within one trace: many traces may wait for a
 * span of the same id, and each arrival costs only what its own trace waits for.
 */
export class Orphans {
	readonly #columns: SpanColumns;
	readonly #parentIds = new Map<number, string>();
	/** By trace and parent id (`keyOf`). */
	readonly #waiting = new Map<string, Set<number>>();

	constructor(columns: SpanColumns) {
		this.#columns = columns;
	}

	/** Id of the parent that a row waits for. */
	parentIdOf(row: number): string | undefined {
		return this.#parentIds.get(row);
	}

	/** Makes an orphan of a row. The row has its trace already. */
	add(row: number, parentSpanId: string): void {
		this.remove(row);
		this.#columns.parentRow[row] = Parent.orphan;
		this.#parentIds.set(row, parentSpanId);
		const key = keyOf(this.#columns.traceIndex[row], parentSpanId);
		const rows = this.#waiting.get(key);
		if (rows === undefined) this.#waiting.set(key, new Set([row]));
		else rows.add(row);
	}

	/** The row no longer waits; the caller says what its parent is. Does nothing for a row that is no orphan. */
	remove(row: number): void {
		const parentSpanId = this.#parentIds.get(row);
		if (parentSpanId === undefined) return;
		this.#parentIds.delete(row);
		const key = keyOf(this.#columns.traceIndex[row], parentSpanId);
		const rows = this.#waiting.get(key);
		rows?.delete(row);
		if (rows?.size === 0) this.#waiting.delete(key);
	}

	/** A span has arrived: the rows that waited for it get it for their parent, and are returned. */
	adopt(parentRow: number): readonly number[] {
		if (this.#waiting.size === 0) return NONE;
		const { ids, traceIndex } = this.#columns;
		const waiting = this.#waiting.get(keyOf(traceIndex[parentRow], ids[parentRow]));
		if (waiting === undefined) return NONE;
		const children = [...waiting];
		for (const child of children) {
			this.remove(child);
			this.#columns.parentRow[child] = parentRow;
		}
		return children;
	}
}

const NONE: readonly number[] = [];

function keyOf(traceIndex: number, spanId: string): string {
	return `${traceIndex} ${spanId}`;
}
