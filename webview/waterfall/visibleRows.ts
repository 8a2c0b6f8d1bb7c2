import { grown } from "../../src/model/spanColumns.ts";
import type { TraceLayout } from "./layout.ts";

/**
 * Which rows of a layout are on show when some of them are folded, and what is folded. Folds belong to nodes, not to rows:
 * they stay when rows move. A change of folds rebuilds the list, one step a visible row, below a millisecond at 100,000; with
 * nothing folded there is no list at all.
 */
export class VisibleRows {
	readonly #layout: TraceLayout;
	readonly #folded = new Set<number>();
	#rows: Uint32Array<ArrayBuffer> | undefined;
	#count = 0;

	constructor(layout: TraceLayout) {
		this.#layout = layout;
	}

	get count(): number {
		return this.#count;
	}

	/** Nodes that are folded; some may have no children any more. */
	get foldedNodes(): ReadonlySet<number> {
		return this.#folded;
	}

	/** Layout row at a place of the list. */
	rowAt(index: number): number {
		return this.#rows === undefined ? index : this.#rows[index];
	}

	nodeAt(index: number): number {
		return this.#layout.node[this.rowAt(index)];
	}

	/** Place of a layout row, or of the folded row that hides it. O(log n). */
	indexOfRow(row: number): number {
		const rows = this.#rows;
		if (rows === undefined) return row;
		let low = 0;
		let high = this.#count - 1;
		while (low < high) {
			const middle = (low + high + 1) >>> 1;
			if (rows[middle] <= row) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** Place of a node, or of the folded node that hides it; -1 when it has no row. */
	indexOfNode(node: number): number {
		const row = this.#layout.rowOf(node);
		return row < 0 ? -1 : this.indexOfRow(row);
	}

	isFolded(node: number): boolean {
		return this.#folded.has(node);
	}

	/** Call `update` afterwards; so with the next three. */
	setFolded(node: number, isFolded: boolean): void {
		if (isFolded) this.#folded.add(node);
		else this.#folded.delete(node);
	}

	foldAll(): void {
		const { node, childCount, rowCount } = this.#layout;
		for (let row = 0; row < rowCount; row++) if (childCount[row] > 0) this.#folded.add(node[row]);
	}

	unfoldAll(): void {
		this.#folded.clear();
	}

	/** Unfolds whatever hides a node. Returns whether something was. */
	reveal(node: number): boolean {
		let hasChanged = false;
		const row = this.#layout.rowOf(node);
		for (let above = row < 0 ? -1 : this.#layout.parentRow(row); above >= 0; above = this.#layout.parentRow(above)) {
			if (this.#folded.delete(this.#layout.node[above])) hasChanged = true;
		}
		return hasChanged;
	}

	/** After a change of layout or folds. */
	update(): void {
		const { node, size, rowCount } = this.#layout;
		if (this.#folded.size === 0) {
			this.#rows = undefined;
			this.#count = rowCount;
			return;
		}
		let rows = this.#rows ?? new Uint32Array(0);
		if (rows.length < rowCount) rows = grown(Uint32Array, rows, Math.ceil(rowCount * 1.25));
		let count = 0;
		for (let row = 0; row < rowCount; ) {
			rows[count++] = row;
			row += this.#folded.has(node[row]) ? size[row] : 1;
		}
		this.#rows = rows;
		this.#count = count;
	}
}
