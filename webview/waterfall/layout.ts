import { finish, type Sliced } from "../../src/base/sliced.ts";
import { grown } from "../../src/model/spanColumns.ts";
import {
	compareSpans,
	isAscending,
	type LayoutSource,
	mergePlaceholders,
	parentIndex,
	sortSiblings,
} from "./siblingOrder.ts";
import { missingCode, missingIndexOf, ROOT } from "./spanTable.ts";

const NO_ROW = 0xffff_ffff;
/** Rows, or groups of siblings, between two points at which a rebuild may be interrupted: a few milliseconds. */
const SLICE = 65_536;

/**
 * The tree of a trace as rows in pre-order: a span stands before its children, siblings by start, then by id, so that the
 * same spans give the same rows in whatever order they came. Spans whose parent is missing stand below a placeholder row, one
 * a missing parent, at the place of its earliest child. The members of a parent cycle, which no root reaches, become roots.
 *
 * A *node* is an ordinal, or the code of a missing parent (≤ -2). Nothing here recurses: a chain may be as deep as a trace is long.
 */
export class TraceLayout {
	rowCount = 0;
	/** By row, [rowCount]; so the next four. */
	node = new Int32Array(0);
	/** 0 for a root. */
	depth = new Uint32Array(0);
	/** Rows of the subtree, the row itself included. */
	size = new Uint32Array(0);
	childCount = new Uint32Array(0);
	/** Place among the siblings, from 0. */
	siblingIndex = new Uint32Array(0);
	rootCount = 0;

	#source: LayoutSource | undefined;
	/**
	 * Row of a span at 2 × ordinal; behind it its last child's ordinal or -1, where a new last child may be appended. Side by side,
	 * because both are written together, and in no order: each place in memory that is not at hand costs more than the rest.
	 */
	#places = new Int32Array(0);
	#lastRootNode = ROOT;
	#rowOfMissing = new Uint32Array(0);
	/** Ordinals that were cut out of a cycle. */
	#stranded = new Set<number>();

	/** Row of a node; -1 when it has none (a placeholder whose parent arrived). */
	rowOf(node: number): number {
		if (node >= 0) return node < (this.#source?.count ?? 0) ? this.#places[2 * node] : -1;
		const index = missingIndexOf(node);
		const row = index >= 0 && index < this.#rowOfMissing.length ? this.#rowOfMissing[index] : NO_ROW;
		return row === NO_ROW ? -1 : row;
	}

	/** -1 for a root. */
	parentRow(row: number): number {
		const parent = this.#parentNode(this.node[row]);
		return parent === ROOT ? -1 : this.rowOf(parent);
	}

	siblingCount(row: number): number {
		const parent = this.parentRow(row);
		return parent < 0 ? this.rootCount : this.childCount[parent];
	}

	/** True for a span that stands at the root because its parents form a cycle. */
	isStranded(node: number): boolean {
		return this.#stranded.has(node);
	}

	/** Lays the whole table out anew: O(n), plus a radix sort when the spans did not arrive by start. */
	rebuild(source: LayoutSource): void {
		finish(this.rebuildInSlices(source));
	}

	/** The same, to be interrupted; nothing of it may be read before its end. */
	*rebuildInSlices(source: LayoutSource): Sliced<void> {
		this.#source = source;
		this.#stranded = new Set();
		if (yield* this.#build(source)) return;
		this.#stranded = cycleMembers(source);
		yield;
		yield* this.#build(source);
	}

	/**
	 * Adds the spans from `addedFrom` on, when each of them comes after its siblings, which is how live spans arrive: one block
	 * move a place instead of a new tree. Returns false, with nothing changed, when that does not hold.
	 */
	append(addedFrom: number): boolean {
		const source = this.#source;
		if (source === undefined || this.#stranded.size > 0) return false;
		const added = source.count - addedFrom;
		if (added <= 0) return added === 0;
		if (addedFrom === 0 || added > addedFrom / 4) return false;
		const { parent } = source;

		// New spans by start, chained below their parents.
		const sorted = Array.from({ length: added }, (_, index) => addedFrom + index).sort((a, b) =>
			compareSpans(source, a, b),
		);
		const childrenOf = new Map<number, number[]>();
		for (const span of sorted) {
			const above = parent[span];
			if (above < ROOT || above >= source.count) return false;
			const children = childrenOf.get(above);
			if (children === undefined) childrenOf.set(above, [span]);
			else children.push(span);
		}
		// Each parent that was here is a place to insert at, behind its subtree.
		const places: { readonly parent: number; readonly row: number; readonly depth: number; nodes: number[] }[] = [];
		let steps = 0;
		for (const [above, children] of childrenOf) {
			if (above >= addedFrom) continue;
			const last = above === ROOT ? this.#lastRootNode : this.#places[2 * above + 1];
			if (last < ROOT || (last >= 0 && compareSpans(source, last, children[0]) > 0)) return false;
			const row = above === ROOT ? -1 : this.#places[2 * above];
			const depth = row < 0 ? -1 : this.depth[row];
			steps += depth + 1;
			places.push({ parent: above, row: row < 0 ? this.rowCount : row + this.size[row], depth, nodes: [] });
		}
		// Sizes are added up along the ancestors; in a very deep chain a new tree is cheaper.
		if (steps > source.count) return false;
		let reached = 0;
		for (const place of places) {
			const stack = [...(childrenOf.get(place.parent) ?? [])].reverse();
			for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
				place.nodes.push(span);
				const children = childrenOf.get(span);
				if (children !== undefined) for (let i = children.length - 1; i >= 0; i--) stack.push(children[i]);
			}
			reached += place.nodes.length;
		}
		// The rest hangs on a cycle.
		if (reached !== added) return false;

		// At one row the deeper parent's children come first: they still belong to the shallower one's subtree.
		places.sort((a, b) => a.row - b.row || b.depth - a.depth);
		for (const place of places) {
			for (let row = this.rowOf(place.parent); row >= 0; row = this.parentRow(row))
				this.size[row] += place.nodes.length;
		}
		this.#reserve(this.rowCount + added, source.count, source.missingCount);
		this.#places.fill(-1, 2 * addedFrom, 2 * source.count);
		let end = this.rowCount;
		let shift = added;
		for (let index = places.length - 1; index >= 0; index--) {
			const place = places[index];
			this.#moveRows(place.row, end, shift);
			end = place.row;
			shift -= place.nodes.length;
			for (let i = 0; i < place.nodes.length; i++) {
				this.node[place.row + shift + i] = place.nodes[i];
				this.#places[2 * place.nodes[i]] = place.row + shift + i;
			}
		}
		this.rowCount += added;
		for (const place of places) this.#fillAppended(place.nodes, addedFrom);
		return true;
	}

	/** Depth, child counts and sizes of appended nodes, which stand in pre-order. */
	#fillAppended(nodes: readonly number[], addedFrom: number): void {
		const parent = this.#source?.parent ?? new Int32Array(0);
		for (const span of nodes) {
			const row = this.#places[2 * span];
			this.size[row] = 1;
			this.childCount[row] = 0;
			const above = parent[span];
			if (above === ROOT) {
				this.depth[row] = 0;
				this.siblingIndex[row] = this.rootCount++;
				this.#lastRootNode = span;
			} else {
				const parentRow = this.#places[2 * above];
				this.depth[row] = this.depth[parentRow] + 1;
				this.siblingIndex[row] = this.childCount[parentRow]++;
				this.#places[2 * above + 1] = span;
			}
		}
		for (let i = nodes.length - 1; i >= 0; i--) {
			const above = parent[nodes[i]];
			if (above >= addedFrom) this.size[this.#places[2 * above]] += this.size[this.#places[2 * nodes[i]]];
		}
	}

	#moveRows(from: number, end: number, shift: number): void {
		if (from === end) return;
		this.node.copyWithin(from + shift, from, end);
		this.depth.copyWithin(from + shift, from, end);
		this.size.copyWithin(from + shift, from, end);
		this.childCount.copyWithin(from + shift, from, end);
		this.siblingIndex.copyWithin(from + shift, from, end);
		for (let row = from + shift; row < end + shift; row++) {
			const node = this.node[row];
			if (node >= 0) this.#places[2 * node] = row;
			else this.#rowOfMissing[missingIndexOf(node)] = row;
		}
	}

	#parentNode(node: number): number {
		if (node < 0 || this.#source === undefined || this.#stranded.has(node)) return ROOT;
		const parent = this.#source.parent[node];
		return parent >= this.#source.count ? ROOT : parent;
	}

	/** Returns false when a cycle kept spans out. Indexes here: spans, then missing parents, then the root above all. */
	*#build(source: LayoutSource): Sliced<boolean> {
		const n = source.count;
		const m = source.missingCount;
		const top = n + m;
		// Children of each node, side by side: count, add up, fill. While it is filled, `from[i + 1]` is where the next child of i
		// goes; afterwards the children of i stand from `from[i]` to `from[i + 1]`.
		const above = new Uint32Array(n);
		const from = new Uint32Array(top + 3);
		for (let i = 0; i < n; i++) above[i] = parentIndex(source, i);
		for (const i of this.#stranded) above[i] = top;
		for (let i = 0; i < n; i++) from[above[i] + 2]++;
		let used = 0;
		for (let k = 0; k < m; k++) if (from[n + k + 2] > 0) used++;
		for (let i = 1; i <= top + 2; i++) from[i] += from[i - 1];
		const children = new Uint32Array(n + used);
		yield;
		for (let i = 0; i < n; i++) children[from[above[i] + 1]++] = i;
		yield;
		for (let parent = isAscending(source.startNs, n) ? top + 1 : 0; parent <= top; parent += SLICE) {
			sortSiblings(source, children, from, parent, Math.min(top + 1, parent + SLICE));
			yield;
		}
		// Placeholders are roots, and the root's children stand last.
		from[top + 1] += used;
		this.rootCount = from[top + 1] - from[top];
		if (used > 0) mergePlaceholders(source, children, from);

		this.#reserve(n + used, n, m);
		this.#rowOfMissing.fill(NO_ROW);
		yield;
		const walk = newWalk(from[top], from[top + 1]);
		while (!this.#writeRows(children, from, n, walk)) yield;
		this.rowCount = walk.row;
		const last = this.rootCount > 0 ? children[from[top + 1] - 1] : undefined;
		this.#lastRootNode = last === undefined ? ROOT : last < n ? last : missingCode(last - n);
		return this.rowCount === n + used;
	}

	/** Goes on with a walk over the tree in pre-order, for some rows. Returns whether it has come to the end. */
	#writeRows(children: Uint32Array, from: Uint32Array, n: number, walk: TreeWalk): boolean {
		const { node, depth, size, childCount, siblingIndex } = this;
		const places = this.#places;
		const rowOfMissing = this.#rowOfMissing;
		let { stack, level, at, first, end, parentRow, row } = walk;
		const pause = row + SLICE;
		for (;;) {
			if (at === end) {
				if (level === 0) break;
				size[parentRow] = row - parentRow;
				level--;
				at = stack[4 * level];
				end = stack[4 * level + 1];
				first = stack[4 * level + 2];
				parentRow = stack[4 * level + 3];
				continue;
			}
			if (row === pause) break;
			const index = children[at];
			const below = from[index];
			const belowEnd = from[index + 1];
			depth[row] = level;
			childCount[row] = belowEnd - below;
			siblingIndex[row] = at - first;
			at++;
			if (index < n) {
				node[row] = index;
				places[2 * index] = row;
				places[2 * index + 1] = belowEnd > below ? children[belowEnd - 1] : -1;
			} else {
				node[row] = missingCode(index - n);
				rowOfMissing[index - n] = row;
			}
			if (below === belowEnd) size[row] = 1;
			else {
				if (4 * level === stack.length) stack = grown(Int32Array, stack, stack.length * 2);
				stack[4 * level] = at;
				stack[4 * level + 1] = end;
				stack[4 * level + 2] = first;
				stack[4 * level + 3] = parentRow;
				level++;
				at = below;
				first = below;
				end = belowEnd;
				parentRow = row;
			}
			row++;
		}
		Object.assign(walk, { stack, level, at, first, end, parentRow, row });
		return level === 0 && at === end;
	}

	#reserve(rows: number, spans: number, missing: number): void {
		if (rows > this.node.length) {
			const capacity = Math.max(256, Math.ceil(rows * 1.25));
			this.node = grown(Int32Array, this.node, capacity);
			this.depth = grown(Uint32Array, this.depth, capacity);
			this.size = grown(Uint32Array, this.size, capacity);
			this.childCount = grown(Uint32Array, this.childCount, capacity);
			this.siblingIndex = grown(Uint32Array, this.siblingIndex, capacity);
		}
		if (2 * spans > this.#places.length) {
			this.#places = grown(Int32Array, this.#places, 2 * Math.max(256, Math.ceil(spans * 1.25)));
		}
		if (missing > this.#rowOfMissing.length) {
			const before = this.#rowOfMissing.length;
			this.#rowOfMissing = grown(Uint32Array, this.#rowOfMissing, Math.max(16, missing * 2));
			this.#rowOfMissing.fill(NO_ROW, before);
		}
	}
}

/** Where a walk over the tree stands: one place a level to come back to. */
interface TreeWalk {
	/** [levels × 4] Of each level above: the next sibling, the end of the siblings, the first one, the row of their parent. */
	stack: Int32Array<ArrayBuffer>;
	level: number;
	at: number;
	first: number;
	end: number;
	parentRow: number;
	row: number;
}

function newWalk(first: number, end: number): TreeWalk {
	return { stack: new Int32Array(256), level: 0, at: first, first, end, parentRow: -1, row: 0 };
}

/**
 * Ordinals on a cycle of parents, a span that is its own parent included. Not those that merely hang on one: their parents
 * are enough of a place. O(n): every span is walked over twice at most.
 */
function cycleMembers(source: LayoutSource): Set<number> {
	const { count, parent } = source;
	/** 0 not seen, else the number of the walk that saw it first. */
	const seenBy = new Uint32Array(count);
	const members = new Set<number>();
	for (let start = 0; start < count; start++) {
		let span = start;
		while (span >= 0 && span < count && seenBy[span] === 0) {
			seenBy[span] = start + 1;
			span = parent[span];
		}
		// Back on this very walk's own trail: a cycle, seen for the first time.
		if (span < 0 || span >= count || seenBy[span] !== start + 1) continue;
		for (let member = span; !members.has(member); member = parent[member]) members.add(member);
	}
	return members;
}
