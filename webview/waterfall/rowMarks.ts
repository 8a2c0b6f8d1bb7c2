import { SPAN_STATES, type SpanState } from "../../src/model/span.ts";
import { grown } from "../../src/model/spanColumns.ts";
import type { FilterState, SpanCategory } from "../../src/protocol/messages.ts";
import { Category, type CategoryCode } from "../shared/kinds.ts";
import type { TraceLayout } from "./layout.ts";
import type { SpanTable } from "./spanTable.ts";
import type { TextQuery } from "./textQuery.ts";

/** Where a search was found. */
const IN_COLUMNS = 1;
const IN_TEXTS = 2;
/** Looking at a string takes as long as at so many spans whose strings have been looked at. */
const SPANS_PER_STRING = 16;

/**
 * What search and filter say of the spans of a model: which hold the searched text, which are wanted, and how many hits stand
 * in any range of layout rows. What the table has is looked at here, each distinct string once; hits in texts that the page does
 * not have come from the host. Every pass is a walk over typed arrays, a millisecond or two at 250,000 spans.
 */
export class RowMarks {
	/** Grows with every change: what was drawn from an older one is stale. */
	version = 0;
	readonly #table: SpanTable;
	readonly #layout: TraceLayout;
	readonly #categoryOf: (ordinal: number) => CategoryCode;
	#query: TextQuery | undefined;
	#filter: FilterState | undefined;
	#isMatchesOnly = false;
	/** [≥ searched] By ordinal: where the query was found, bits. */
	#found = new Uint8Array(0);
	/** The query in UTF-8 and lower case. */
	#idBegin = new Uint8Array(0);
	/** [1 + strings] By index of a string of the table, plus 1: 1 for one that holds the query. The first stands for no string. */
	#strings = new Uint8Array(1);
	#searchedStrings = 0;
	/** Ordinals below it have been looked at. */
	#searched = 0;
	/** [rowCount + 1] Hits in the layout rows before a row; undefined without a query. */
	#hitsBefore: Uint32Array | undefined;
	/** [count] By ordinal: 1 when the filter wants it; undefined without a filter. */
	#passes: Uint8Array | undefined;
	/** [count] By ordinal: 1 when its row is wanted; undefined when all are. */
	#wanted: Uint8Array | undefined;
	#passCount = 0;

	constructor(table: SpanTable, layout: TraceLayout, categoryOf: (ordinal: number) => CategoryCode) {
		this.#table = table;
		this.#layout = layout;
		this.#categoryOf = categoryOf;
	}

	get query(): TextQuery | undefined {
		return this.#query;
	}

	get hasFilter(): boolean {
		return this.#filter !== undefined;
	}

	/** Whether all that the table has was looked at. */
	get isSearched(): boolean {
		return this.#query === undefined || this.#searched >= this.#table.count;
	}

	/** Spans that hold the text, of those that the filter wants. */
	get hitCount(): number {
		return this.#hitsBefore?.[this.#layout.rowCount] ?? 0;
	}

	/** Spans that the filter wants. */
	get passCount(): number {
		return this.#passes === undefined ? this.#table.count : this.#passCount;
	}

	/** [count] By ordinal: 1 for spans whose rows are wanted, undefined when all are. */
	get wanted(): Uint8Array | undefined {
		return this.#wanted;
	}

	/** Forgets earlier hits. Call `search` until it is done, then `update`; so with the next two, without `search`. */
	setQuery(query: TextQuery | undefined): void {
		this.#query = query;
		this.#idBegin = new TextEncoder().encode(query?.text.toLowerCase());
		this.#found.fill(0);
		this.#searchedStrings = 0;
		this.#searched = 0;
	}

	setFilter(filter: FilterState | undefined): void {
		this.#filter = filter !== undefined && isFiltering(filter) ? filter : undefined;
	}

	/** Whether rows without a hit are not wanted, while there is a query. */
	setMatchesOnly(isMatchesOnly: boolean): void {
		this.#isMatchesOnly = isMatchesOnly;
	}

	/** Looks at up to `limit` more strings, or at as many spans as take as long. Returns whether all spans have been looked at. */
	search(limit: number): boolean {
		const query = this.#query;
		if (query === undefined) return true;
		const left = limit - this.#searchStrings(query, limit);
		const end = left === 0 ? this.#searched : Math.min(this.#table.count, this.#searched + left * SPANS_PER_STRING);
		this.#reserve(end);
		for (let ordinal = this.#searched; ordinal < end; ordinal++) this.#look(ordinal);
		this.#searched = end;
		return end === this.#table.count;
	}

	/** Spans were changed, or came; those that came while others wait are for `search`. */
	didChangeSpans(ordinals: Iterable<number>, addedFrom: number): void {
		const query = this.#query;
		if (query === undefined) return;
		const wasSearched = this.#searched >= addedFrom;
		// Spans are looked at once all strings have been.
		if (wasSearched || this.#searched > 0) this.#searchStrings(query, this.#table.stringCount);
		const known = Math.min(addedFrom, this.#searched);
		for (const ordinal of ordinals) if (ordinal < known) this.#look(ordinal);
		if (wasSearched) this.search(this.#table.count);
	}

	/** Hits that the host found; also of spans that are yet to come. */
	addTextHits(ordinals: Uint32Array): void {
		let last = -1;
		for (const ordinal of ordinals) if (ordinal > last) last = ordinal;
		this.#reserve(last + 1);
		for (const ordinal of ordinals) this.#found[ordinal] |= IN_TEXTS;
	}

	/** After a change of spans, layout, query, hits or filter. */
	update(): void {
		this.version++;
		const { count } = this.#table;
		this.#passes = this.#filter === undefined ? undefined : this.#pass(this.#filter, count);
		this.#hitsBefore = this.#query === undefined ? undefined : this.#countHits();
		this.#wanted = this.#passes;
		if (!this.#isMatchesOnly || this.#query === undefined) return;
		const wanted = new Uint8Array(count);
		for (let ordinal = 0; ordinal < count; ordinal++) wanted[ordinal] = Number(this.isHit(ordinal));
		this.#wanted = wanted;
	}

	/** Whether the span of a node holds the text, and the filter wants it. */
	isHit(node: number): boolean {
		if (node < 0 || this.#query === undefined) return false;
		return this.#found[node] > 0 && (this.#passes === undefined || this.#passes[node] === 1);
	}

	/** Whether a row steps back: the filter does not want it, or others hold the text. */
	isDim(node: number): boolean {
		if (this.#wanted !== undefined && (node < 0 || this.#wanted[node] !== 1)) return true;
		return this.hitCount > 0 && !this.isHit(node);
	}

	/** Hits in the layout rows `first` … `end` - 1. */
	hitsIn({ first, end }: { readonly first: number; readonly end: number }): number {
		const before = this.#hitsBefore;
		return before === undefined ? 0 : before[end] - before[first];
	}

	/** Which of the hits a node is, in the order of rows, from 1; 0 when it is none. */
	rankOf(node: number): number {
		return this.isHit(node) ? (this.#hitsBefore?.[this.#layout.rowOf(node) + 1] ?? 0) : 0;
	}

	/** The hit after a layout row, or before it; from the other end once there is none. `row` is -1 for no row. */
	nextHit(row: number, direction: 1 | -1): number | undefined {
		const before = this.#hitsBefore;
		const count = this.hitCount;
		if (before === undefined || count === 0) return undefined;
		const rank = direction > 0 ? before[row + 1] : (row < 0 ? 0 : before[row]) - 1;
		return this.#layout.node[this.#rowOfHit(((rank % count) + count) % count)];
	}

	/** Layout row of the hit that so many others stand before. O(log n). */
	#rowOfHit(rank: number): number {
		const before = this.#hitsBefore ?? new Uint32Array(1);
		let low = 0;
		let high = this.#layout.rowCount - 1;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (before[middle + 1] > rank) high = middle;
			else low = middle + 1;
		}
		return low;
	}

	/** Returns at how many it has looked, at most `limit`. */
	#searchStrings(query: TextQuery, limit: number): number {
		const from = this.#searchedStrings;
		const end = Math.min(this.#table.stringCount, from + limit);
		if (end >= this.#strings.length) this.#strings = grown(Uint8Array, this.#strings, Math.ceil((end + 1) * 1.5));
		for (let index = from; index < end; index++) {
			this.#strings[index + 1] = Number(query.isIn(this.#table.string(index)));
		}
		this.#searchedStrings = end;
		return end - from;
	}

	#look(ordinal: number): void {
		const { name, kind, model, error } = this.#table;
		const strings = this.#strings;
		const isFound =
			strings[name[ordinal] + 1] === 1 ||
			strings[kind[ordinal] + 1] === 1 ||
			strings[model[ordinal] + 1] === 1 ||
			strings[error[ordinal] + 1] === 1 ||
			this.#table.isIdBegin(ordinal, this.#idBegin);
		this.#found[ordinal] = (this.#found[ordinal] & IN_TEXTS) | (isFound ? IN_COLUMNS : 0);
	}

	#pass({ kinds, states, minDurationNs }: FilterState, count: number): Uint8Array {
		const passes = new Uint8Array(count);
		const { state, startNs, endNs, kind } = this.#table;
		const wantedKinds = new Set(kinds.map((word): number => Category[word]));
		const isState = Uint8Array.from(SPAN_STATES, (word) => Number(states.length === 0 || states.includes(word)));
		/** By index of a kind's string, plus 1: 1 for one that is wanted, 2 for one that is not, 0 while nobody has looked. */
		const isKind = new Uint8Array(this.#table.stringCount + 1).fill(kinds.length === 0 ? 1 : 0);
		let passCount = 0;
		for (let ordinal = 0; ordinal < count; ordinal++) {
			if (isState[state[ordinal]] === 0) continue;
			const word = kind[ordinal] + 1;
			if (isKind[word] === 0) isKind[word] = wantedKinds.has(this.#categoryOf(ordinal)) ? 1 : 2;
			if (isKind[word] === 2) continue;
			// How long a running span will take nobody knows.
			const isLong = minDurationNs === 0 || state[ordinal] === 0 || endNs[ordinal] - startNs[ordinal] >= minDurationNs;
			if (!isLong) continue;
			passes[ordinal] = 1;
			passCount++;
		}
		this.#passCount = passCount;
		return passes;
	}

	#countHits(): Uint32Array {
		const { node, rowCount } = this.#layout;
		const before = this.#hitsBefore !== undefined && this.#hitsBefore.length > rowCount ? this.#hitsBefore : undefined;
		const counts = before ?? new Uint32Array(Math.ceil((rowCount + 1) * 1.25));
		const found = this.#found;
		const passes = this.#passes;
		let hits = 0;
		for (let row = 0; row < rowCount; row++) {
			counts[row] = hits;
			const ordinal = node[row];
			if (ordinal >= 0 && found[ordinal] > 0 && (passes === undefined || passes[ordinal] === 1)) hits++;
		}
		counts[rowCount] = hits;
		return counts;
	}

	#reserve(count: number): void {
		if (count > this.#found.length) {
			this.#found = grown(Uint8Array, this.#found, Math.max(256, Math.ceil(count * 1.25)));
		}
	}
}

export function isFiltering(filter: FilterState): boolean {
	return filter.kinds.length > 0 || filter.states.length > 0 || filter.minDurationNs > 0;
}

/** All that a filter may name, in the order in which it is shown. */
export const CATEGORIES = Object.keys(Category) as readonly SpanCategory[];
export const STATES: readonly SpanState[] = SPAN_STATES;
