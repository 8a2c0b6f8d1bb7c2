import { missingIndexOf, ROOT } from "./spanTable.ts";

/** Above this a group of siblings is sorted by radix. */
const FEW_SIBLINGS = 32;

/** What the layout reads of a table; ordinals 0 … count - 1. */
export interface LayoutSource {
	readonly count: number;
	readonly missingCount: number;
	/** Ordinal, `ROOT`, or the code of a missing parent. */
	readonly parent: Int32Array;
	/** NaN while unknown: such a span comes after its siblings. */
	readonly startNs: Float64Array;
	/** Order of two ordinals that start together; 0 only when they share an id. */
	compareIds(a: number, b: number): number;
	/** Id of a missing parent: the order of two placeholders that start together. */
	missingParentId(index: number): string;
}

/** Start, then id; a span without start comes last. */
export function compareSpans(source: LayoutSource, a: number, b: number): number {
	return compareStarts(source.startNs[a], source.startNs[b]) || source.compareIds(a, b) || a - b;
}

function compareStarts(a: number, b: number): number {
	if (a < b) return -1;
	if (a > b) return 1;
	return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/**
 * Ordinals by start, NaN last; equal starts in order of ordinals. `order` is undefined when they are in order as they stand.
 * A radix sort over the bits of the doubles, eleven a pass: exact for every double, and digits that all spans share (most of
 * a trace's) cost one count. About 20 ns a span; a comparing sort takes ten times as long.
 */
export function orderByStart(
	startNs: Float64Array,
	n: number,
): { readonly order: Uint32Array | undefined; readonly hasTies: boolean } {
	let isSorted = true;
	let hasTies = false;
	for (let i = 1; i < n; i++) {
		const before = startNs[i - 1];
		const here = startNs[i];
		if (here > before) continue;
		if (here === before || Number.isNaN(here)) hasTies = true;
		else isSorted = false;
	}
	if (isSorted) return { order: undefined, hasTies };

	// As unsigned integers doubles sort by value once negative ones are inverted and the others get the sign bit.
	const words = new Uint32Array(startNs.slice(0, n).buffer);
	const low = new Uint32Array(n);
	const high = new Uint32Array(n);
	for (let i = 0; i < n; i++) {
		const start = startNs[i];
		const top = words[2 * i + 1];
		if (Number.isNaN(start)) {
			low[i] = 0xffff_ffff;
			high[i] = 0xffff_ffff;
		} else if (start < 0) {
			low[i] = ~words[2 * i];
			high[i] = ~top;
		} else if (start === 0) {
			// -0 is 0.
			high[i] = 0x8000_0000;
		} else {
			low[i] = words[2 * i];
			high[i] = top | 0x8000_0000;
		}
	}
	let source = new Uint32Array(n);
	let target = new Uint32Array(n);
	for (let i = 0; i < n; i++) source[i] = i;
	const places = new Uint32Array(2048);
	for (const key of [low, high]) {
		for (const shift of [0, 11, 22]) {
			places.fill(0);
			for (let i = 0; i < n; i++) places[(key[i] >>> shift) & 2047]++;
			if (places[(key[0] >>> shift) & 2047] === n) continue;
			let sum = 0;
			for (let digit = 0; digit < 2048; digit++) {
				const count = places[digit];
				places[digit] = sum;
				sum += count;
			}
			for (let i = 0; i < n; i++) target[places[(key[source[i]] >>> shift) & 2047]++] = source[i];
			[source, target] = [target, source];
		}
	}
	return { order: source, hasTies: true };
}

/**
 * Puts the children of the nodes from `firstParent` to `endParent` in order of start, then id; those of node i stand from `from[i]` to `from[i + 1]` in order
 * of arrival. Most groups are few or in order as they stand; sorting all spans at once would cost more than all the rest.
 */
export function sortSiblings(
	source: LayoutSource,
	children: Uint32Array,
	from: Uint32Array,
	firstParent: number,
	endParent: number,
): void {
	const { startNs } = source;
	for (let parent = firstParent; parent < endParent; parent++) {
		const first = from[parent];
		const end = from[parent + 1];
		if (end - first < 2) continue;
		let before = startNs[children[first]];
		let at = first + 1;
		// Comparisons with NaN are false.
		for (; at < end; at++) {
			const here = startNs[children[at]];
			if (!(here > before)) break;
			before = here;
		}
		if (at < end) sortGroup(source, children, first, at, end);
	}
}

/** Whether each starts after the one before it: then any siblings are in order as they stand. */
export function isAscending(startNs: Float64Array, n: number): boolean {
	for (let i = 1; i < n; i++) if (!(startNs[i] > startNs[i - 1])) return false;
	return true;
}

/** Sorts the children from `first` to `end`, of which those before `at` are in order. */
function sortGroup(source: LayoutSource, children: Uint32Array, first: number, at: number, end: number): void {
	if (end - first > FEW_SIBLINGS) {
		sortManySiblings(source, children.subarray(first, end));
		return;
	}
	const { startNs } = source;
	for (let i = at; i < end; i++) {
		const child = children[i];
		const start = startNs[child];
		let to = i;
		for (; to > first; to--) {
			const before = startNs[children[to - 1]];
			if (before < start) break;
			// Together, or unknown: ids decide.
			if (!(before > start) && compareSpans(source, children[to - 1], child) <= 0) break;
			children[to] = children[to - 1];
		}
		children[to] = child;
	}
}

function sortManySiblings(source: LayoutSource, siblings: Uint32Array): void {
	const n = siblings.length;
	const starts = new Float64Array(n);
	for (let i = 0; i < n; i++) starts[i] = source.startNs[siblings[i]];
	const { order, hasTies } = orderByStart(starts, n);
	if (order !== undefined) {
		const arrived = siblings.slice();
		for (let i = 0; i < n; i++) siblings[i] = arrived[order[i]];
	}
	if (!hasTies) return;
	let first = 0;
	for (let i = 1; i <= n; i++) {
		if (i < n && compareStarts(source.startNs[siblings[i]], source.startNs[siblings[first]]) === 0) continue;
		if (i - first > 1) siblings.subarray(first, i).sort((a, b) => compareSpans(source, a, b));
		first = i;
	}
}

/**
 * Puts the placeholders that have children among the roots, each at the start of its first child; at one start after the
 * spans, and by id among themselves. Indexes: spans, then missing parents, then the root. The root's children stand at the end
 * of `children`, spans first, the last places empty.
 */
export function mergePlaceholders(source: LayoutSource, children: Uint32Array, from: Uint32Array): void {
	const n = source.count;
	const top = n + source.missingCount;
	const startOf = (index: number): number => source.startNs[index < n ? index : children[from[index]]];
	const placeholders: number[] = [];
	for (let index = n; index < top; index++) if (from[index + 1] > from[index]) placeholders.push(index);
	placeholders.sort((a, b) => {
		const byStart = compareStarts(startOf(a), startOf(b));
		if (byStart !== 0) return byStart;
		return source.missingParentId(a - n) < source.missingParentId(b - n) ? -1 : 1;
	});
	let span = from[top + 1] - placeholders.length - 1;
	let placeholder = placeholders.length - 1;
	for (let at = from[top + 1] - 1; placeholder >= 0; at--) {
		const isSpanLater =
			span >= from[top] && compareStarts(startOf(children[span]), startOf(placeholders[placeholder])) > 0;
		children[at] = isSpanLater ? children[span--] : placeholders[placeholder--];
	}
}

/** Index of a span's parent among spans, missing parents and the root above all. */
export function parentIndex(source: LayoutSource, ordinal: number): number {
	const parent = source.parent[ordinal];
	if (parent < ROOT) return source.count + missingIndexOf(parent);
	return parent >= 0 && parent < source.count ? parent : source.count + source.missingCount;
}
