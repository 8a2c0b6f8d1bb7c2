import { grown } from "../../src/model/spanColumns.ts";
import type { TraceLayout } from "./layout.ts";
import { missingIndexOf } from "./spanTable.ts";

/**
 * Which rows of a layout are on show when some of them are folded, and what is folded. Folds belong to nodes, not to rows:
 * they stay when rows move. A change of folds rebuilds the list, one step a visible row, below a millisecond at 100,000; with
 * nothing folded there is no list at all.
 */
export class VisibleRows {
	readonly #layout: TraceLayout;
	/** 1 for a folded node: by ordinal, and by index of the missing parent. */
	#foldedSpans = new Uint8Array(0);
	#foldedMissing = new Uint8Array(0);
	#foldedCount = 0;
	#rows: Uint32Array<ArrayBuffer> | undefined;
	#count = 0;

	constructor(layout: TraceLayout) {
		this.#layout = layout;
	}

	get count(): number {
		return this.#count;
	}

	/** Ordinals of folded spans, at most `limit` of them; some may have no children any more. */
	foldedSpans(limit: number): number[] {
		const found: number[] = [];
		if (this.#foldedCount === 0) return found;
		for (let ordinal = 0; ordinal < this.#foldedSpans.length && found.length < limit; ordinal++) {
			if (this.#foldedSpans[ordinal] === 1) found.push(ordinal);
		}
		return found;
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
		return (node >= 0 ? this.#foldedSpans[node] : this.#foldedMissing[missingIndexOf(node)]) === 1;
	}

	/** Call `update` afterwards; so with the next three. */
	setFolded(node: number, isFolded: boolean): void {
		if (this.isFolded(node) === isFolded) return;
		this.#foldedCount += isFolded ? 1 : -1;
		if (node >= 0) {
			if (node >= this.#foldedSpans.length) {
				this.#foldedSpans = grown(Uint8Array, this.#foldedSpans, Math.max(256, Math.ceil((node + 1) * 1.5)));
			}
			this.#foldedSpans[node] = Number(isFolded);
		} else {
			const index = missingIndexOf(node);
			if (index >= this.#foldedMissing.length) {
				this.#foldedMissing = grown(Uint8Array, this.#foldedMissing, Math.max(16, (index + 1) * 2));
			}
			this.#foldedMissing[index] = Number(isFolded);
		}
	}

	foldAll(): void {
		const { node, childCount, rowCount } = this.#layout;
		for (let row = 0; row < rowCount; row++) if (childCount[row] > 0) this.setFolded(node[row], true);
	}

	unfoldAll(): void {
		this.#foldedSpans.fill(0);
		this.#foldedMissing.fill(0);
		this.#foldedCount = 0;
	}

	/** Unfolds whatever hides a node. Returns whether something was. */
	reveal(node: number): boolean {
		let hasChanged = false;
		const row = this.#layout.rowOf(node);
		for (let above = row < 0 ? -1 : this.#layout.parentRow(row); above >= 0; above = this.#layout.parentRow(above)) {
			if (!this.isFolded(this.#layout.node[above])) continue;
			this.setFolded(this.#layout.node[above], false);
			hasChanged = true;
		}
		return hasChanged;
	}

	/** After a change of layout or folds. */
	update(): void {
		const { node, size, rowCount } = this.#layout;
		if (this.#foldedCount === 0) {
			this.#rows = undefined;
			this.#count = rowCount;
			return;
		}
		let rows = this.#rows ?? new Uint32Array(0);
		if (rows.length < rowCount) rows = grown(Uint32Array, rows, Math.ceil(rowCount * 1.25));
		let count = 0;
		for (let row = 0; row < rowCount; ) {
			rows[count++] = row;
			row += this.isFolded(node[row]) ? size[row] : 1;
		}
		this.#rows = rows;
		this.#count = count;
	}
}
