import { grown } from "../../src/model/spanColumns.ts";
import { Category } from "../shared/kinds.ts";
import type { TraceModel } from "./model.ts";
import { orderByStart } from "./siblingOrder.ts";

/** Above this a group of siblings is sorted by radix. */
const FEW_SIBLINGS = 64;

/** Pieces of spans that follow each other, backwards from the end of the trace; no two of them at one time. */
export interface CriticalPath {
	/** [spans] By ordinal: index of a span's first piece, and how many it has, latest first. */
	readonly first: Uint32Array;
	readonly count: Uint32Array;
	/** [pieces or more] Nanoseconds from the model's base. */
	readonly startNs: Float64Array;
	readonly endNs: Float64Array;
}

/**
 * What the end of a trace waited for: walking back from the end of a span, its child that ended last before, then the one
 * that ended last before that one began, and so on; between them a child that ran on beside them, or where none did the span
 * itself. A child counts no longer than its parent.
 * Roots are the children of the trace; where none of them ran, nothing is on the path. Sorts each group of siblings by end:
 * O(n log n) at most, O(n) where they end in the order they began. Nothing recurses. Works in slices; spans that come
 * meanwhile are for the next walk.
 */
export class CriticalPathWalk {
	readonly #model: TraceModel;
	readonly #nowNs: number;
	readonly #first: Uint32Array;
	readonly #count: Uint32Array;
	#startNs: Float64Array = new Float64Array(1024);
	#endNs: Float64Array = new Float64Array(1024);
	#pieces = 0;
	/** Ordinals of spans that are on the path and not walked yet, each with the time it may take. */
	readonly #waiting: number[] = [];
	readonly #from: number[] = [];
	readonly #to: number[] = [];
	#hasBegun = false;

	constructor(model: TraceModel, nowNs: number) {
		this.#model = model;
		this.#nowNs = nowNs;
		this.#first = new Uint32Array(model.table.count);
		this.#count = new Uint32Array(model.table.count);
	}

	/** Looks at up to `limit` more spans, or a few more: siblings are taken together. Returns the path once it is whole. */
	step(limit: number): CriticalPath | undefined {
		const model = this.#model;
		let left = limit;
		if (!this.#hasBegun) {
			this.#hasBegun = true;
			const roots = rootSpans(model);
			this.#walk(-1, roots, model.startNs, model.endNs(this.#nowNs));
			left -= roots.length;
		}
		while (left > 0) {
			const ordinal = this.#waiting.pop();
			const from = this.#from.pop();
			const to = this.#to.pop();
			if (ordinal === undefined || from === undefined || to === undefined) {
				return { first: this.#first, count: this.#count, startNs: this.#startNs, endNs: this.#endNs };
			}
			const children = childrenOf(model, model.layout.rowOf(ordinal));
			this.#walk(ordinal, children, from, to);
			left -= children.length + 1;
		}
		return undefined;
	}

	/** Walks one span, -1 for the trace itself, back over its children. */
	#walk(ordinal: number, children: number[], lowNs: number, highNs: number): void {
		const { layout, table } = this.#model;
		let at = highNs;
		/** Pieces of one span stand side by side: those of its children come after them. */
		const leaves: number[] = [];
		const take = (row: number, start: number, end: number): void => {
			const child = layout.node[row];
			at = start;
			if (layout.size[row] === 1) {
				leaves.push(child, start, end);
				return;
			}
			this.#waiting.push(child);
			this.#from.push(start);
			this.#to.push(end);
		};
		/** Of those that ended later than where we are the one that began first: it runs on where no other one ended. */
		let beside = -1;
		let besideNs = Number.POSITIVE_INFINITY;
		for (const row of byEndDescending(this.#model, children, this.#nowNs)) {
			const child = layout.node[row];
			const start = Math.max(lowNs, table.startNs[child]);
			const end = Math.min(highNs, this.#model.spanEndNs(child, this.#nowNs));
			// Comparisons with NaN are false.
			if (!(end > start) || child >= this.#count.length) continue;
			if (end < at && besideNs < at) take(beside, besideNs, at);
			if (end > at) {
				if (start >= besideNs) continue;
				beside = row;
				besideNs = start;
				continue;
			}
			this.#push(ordinal, end, at);
			take(row, start, end);
		}
		if (besideNs < at) take(beside, besideNs, at);
		this.#push(ordinal, lowNs, at);
		for (let leaf = 0; leaf < leaves.length; leaf += 3) this.#push(leaves[leaf], leaves[leaf + 1], leaves[leaf + 2]);
	}

	#push(ordinal: number, startNs: number, endNs: number): void {
		if (ordinal < 0 || !(endNs > startNs)) return;
		if (this.#pieces === this.#startNs.length) {
			this.#startNs = grown(Float64Array, this.#startNs, this.#pieces * 2);
			this.#endNs = grown(Float64Array, this.#endNs, this.#pieces * 2);
		}
		if (this.#count[ordinal]++ === 0) this.#first[ordinal] = this.#pieces;
		this.#startNs[this.#pieces] = startNs;
		this.#endNs[this.#pieces++] = endNs;
	}
}

/** Where the time of a trace went, in nanoseconds; they add up to its length. */
export interface TimeShares {
	/** By `Category`. */
	readonly byCategory: readonly number[];
	/** Nothing ran, or only spans that hold others were open. */
	readonly idleNs: number;
	readonly wholeNs: number;
}

/** Of the time one waited for the trace, how much went to which kind of work: by the critical path, so that nothing counts twice. */
export function timeShares(model: TraceModel, path: CriticalPath, nowNs: number): TimeShares {
	const byCategory = Object.keys(Category).map(() => 0);
	const wholeNs = model.endNs(nowNs) - model.startNs;
	let worked = 0;
	for (let ordinal = 0; ordinal < path.count.length; ordinal++) {
		if (path.count[ordinal] === 0) continue;
		const category = model.category(ordinal);
		const end = path.first[ordinal] + path.count[ordinal];
		if (category === Category.other && model.layout.childCount[model.layout.rowOf(ordinal)] > 0) continue;
		for (let index = path.first[ordinal]; index < end; index++) {
			const length = path.endNs[index] - path.startNs[index];
			byCategory[category] += length;
			worked += length;
		}
	}
	return { byCategory, idleNs: Math.max(0, wholeNs - worked), wholeNs };
}

/** Rows of the spans at the top; those of a missing parent stand in its place. */
function rootSpans(model: TraceModel): number[] {
	const { layout } = model;
	const roots: number[] = [];
	for (let row = 0; row < layout.rowCount; row += layout.size[row]) {
		if (layout.node[row] >= 0) roots.push(row);
		else for (const child of childrenOf(model, row)) roots.push(child);
	}
	return roots;
}

function childrenOf({ layout }: TraceModel, row: number): number[] {
	const children: number[] = [];
	const end = row + layout.size[row];
	for (let child = row + 1; child < end; child += layout.size[child]) children.push(child);
	return children;
}

/** Rows of siblings, the one that ends last first; those whose end is unknown anywhere. */
function byEndDescending(model: TraceModel, rows: number[], nowNs: number): number[] {
	const n = rows.length;
	const ends = new Float64Array(n);
	let isAscending = true;
	for (let index = 0; index < n; index++) {
		ends[index] = model.spanEndNs(model.layout.node[rows[index]], nowNs);
		if (index > 0 && !(ends[index - 1] <= ends[index])) isAscending = false;
	}
	if (isAscending) return rows.reverse();
	if (n <= FEW_SIBLINGS) {
		return [...rows.keys()].sort((a, b) => ends[b] - ends[a] || b - a).map((index) => rows[index]);
	}
	const { order } = orderByStart(ends, n);
	const sorted: number[] = [];
	for (let index = n - 1; index >= 0; index--) sorted.push(rows[order === undefined ? index : order[index]]);
	return sorted;
}
