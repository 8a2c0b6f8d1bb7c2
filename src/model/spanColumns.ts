import { NO_STRING } from "./stringTable.ts";

/**
 * The store's spans as a structure of arrays: one typed array a field, one row a span, rows of deleted spans used again.
 * About 90 bytes a span, against 1.2 kB for the parsed object; columns that few programs fill take memory when the first does.
 */

/** Values of `parentRow` that name no row. */
export const Parent = { root: -1, unknown: -2, orphan: -3 } as const;

/** Bits of `flags`. */
export const SpanFlag = {
	/** Tokens and cost are those of everything below (`SpanInput.isRollup`). */
	rollup: 1,
	/** Somebody said whether it is a roll-up. */
	rollupKnown: 2,
	/** The kind was told whole by the ended span: what its running version says of it comes too late. */
	kindSettled: 4,
	/** A span below this one has, or had, usage. */
	usageBelow: 8,
	/** Tokens and cost repeat those below and are in no sum; right as long as the trace's `nesting` is not stale. */
	repeating: 16,
	/** The input tokens are those of both ways (`SpanInput.isTokenTotal`). */
	tokenTotal: 32,
} as const;

export class SpanColumns {
	/** Number of rows ever used; free rows below it carry `traceIndex` -1. */
	used = 0;
	readonly #free: number[] = [];

	ids: string[] = [];
	/** Hash of the id, for `SpanIndex` alone: its table grows without reading the ids again. */
	hash = new Uint32Array(0);
	/** Index of the trace, -1 for a free row. */
	traceIndex = new Int32Array(0);
	/** Position in the trace's row list: what the webviews know a span by. */
	ordinal = new Uint32Array(0);
	parentRow = new Int32Array(0);
	/** NaN while unknown. */
	startMs = new Float64Array(0);
	startSubNs = new Uint32Array(0);
	/** NaN while running. */
	endMs = new Float64Array(0);
	endSubNs = new Uint32Array(0);
	state = new Uint8Array(0);
	/** Bits of `SpanFlag`. */
	flags = new Uint8Array(0);
	name = new Int32Array(0);
	/** 0 while unknown, else a code of `WordCodes`: there are few, and four bytes less a span are 2 MB at the bound. */
	kindType = new Uint8Array(0);
	kindName = new Int32Array(0);
	model = new Int32Array(0);
	provider = new Int32Array(0);
	readonly toolName = new TextColumn();
	readonly agentName = new TextColumn();
	/** Session that the span itself names. */
	readonly session = new TextColumn();
	readonly inputTokens = new CountColumn();
	readonly outputTokens = new CountColumn();
	readonly cacheReadTokens = new CountColumn();
	readonly cacheWriteTokens = new CountColumn();
	readonly reasoningTokens = new CountColumn();
	/** NaN while unknown. As the server said; the estimate is computed when read. */
	costUsd = new Float64Array(0);

	/** A row with every field unknown. */
	allocate(id: string, traceIndex: number): number {
		const row = this.#free.pop() ?? this.used++;
		if (row >= this.traceIndex.length) this.#grow(row + 1);
		this.ids[row] = id;
		this.traceIndex[row] = traceIndex;
		this.ordinal[row] = 0;
		this.parentRow[row] = Parent.unknown;
		this.startMs[row] = Number.NaN;
		this.startSubNs[row] = 0;
		this.endMs[row] = Number.NaN;
		this.endSubNs[row] = 0;
		this.state[row] = 0;
		this.flags[row] = 0;
		this.name[row] = NO_STRING;
		this.kindType[row] = 0;
		this.kindName[row] = NO_STRING;
		this.model[row] = NO_STRING;
		this.provider[row] = NO_STRING;
		this.toolName.clear(row);
		this.agentName.clear(row);
		this.session.clear(row);
		this.inputTokens.set(row, Number.NaN);
		this.outputTokens.set(row, Number.NaN);
		this.cacheReadTokens.set(row, Number.NaN);
		this.cacheWriteTokens.set(row, Number.NaN);
		this.reasoningTokens.set(row, Number.NaN);
		this.costUsd[row] = Number.NaN;
		return row;
	}

	/** Whether a span has a token count or a cost of its own. */
	hasUsage(row: number): boolean {
		return !(
			Number.isNaN(this.inputTokens.get(row)) &&
			Number.isNaN(this.outputTokens.get(row)) &&
			Number.isNaN(this.costUsd[row]) &&
			Number.isNaN(this.cacheReadTokens.get(row)) &&
			Number.isNaN(this.cacheWriteTokens.get(row)) &&
			Number.isNaN(this.reasoningTokens.get(row))
		);
	}

	release(row: number): void {
		this.ids[row] = "";
		this.traceIndex[row] = -1;
		this.#free.push(row);
	}

	/** Frees every row and the memory of the columns. */
	clear(): void {
		this.used = 0;
		this.#free.length = 0;
		this.ids = [];
		this.#resize(0);
	}

	#grow(needed: number): void {
		// A quarter more: at 100,000 spans the slack stays below 2.5 MB while appending stays amortised O(1).
		const capacity = Math.max(256, needed, Math.ceil(this.traceIndex.length * 1.25));
		this.#resize(capacity);
	}

	#resize(capacity: number): void {
		this.hash = grown(Uint32Array, this.hash, capacity);
		this.traceIndex = grown(Int32Array, this.traceIndex, capacity);
		this.ordinal = grown(Uint32Array, this.ordinal, capacity);
		this.parentRow = grown(Int32Array, this.parentRow, capacity);
		this.startMs = grown(Float64Array, this.startMs, capacity);
		this.startSubNs = grown(Uint32Array, this.startSubNs, capacity);
		this.endMs = grown(Float64Array, this.endMs, capacity);
		this.endSubNs = grown(Uint32Array, this.endSubNs, capacity);
		this.state = grown(Uint8Array, this.state, capacity);
		this.flags = grown(Uint8Array, this.flags, capacity);
		this.name = grown(Int32Array, this.name, capacity);
		this.kindType = grown(Uint8Array, this.kindType, capacity);
		this.kindName = grown(Int32Array, this.kindName, capacity);
		this.model = grown(Int32Array, this.model, capacity);
		this.provider = grown(Int32Array, this.provider, capacity);
		this.toolName.resize(capacity);
		this.agentName.resize(capacity);
		this.session.resize(capacity);
		this.inputTokens.resize(capacity);
		this.outputTokens.resize(capacity);
		this.cacheReadTokens.resize(capacity);
		this.cacheWriteTokens.resize(capacity);
		this.reasoningTokens.resize(capacity);
		this.costUsd = grown(Float64Array, this.costUsd, capacity);
	}
}

/** In `CountColumn`: not known; a number that has no place in 32 bits. */
const UNKNOWN_COUNT = 0xffff_ffff;
const ODD_COUNT = 0xffff_fffe;

/**
 * Counts of tokens: four bytes each for whole numbers below 4,294,967,294, any other number in a map beside. Nothing while none
 * is known.
 */
export class CountColumn {
	#capacity = 0;
	/** Empty until the first count, then as long as the capacity. */
	#counts = new Uint32Array(0);
	readonly #odd = new Map<number, number>();

	/** NaN while unknown. */
	get(row: number): number {
		if (this.#counts.length === 0) return Number.NaN;
		const count = this.#counts[row];
		if (count < ODD_COUNT) return count;
		return count === UNKNOWN_COUNT ? Number.NaN : (this.#odd.get(row) ?? Number.NaN);
	}

	/** The row is within the capacity. */
	set(row: number, value: number): void {
		if (this.#counts.length === 0) {
			if (Number.isNaN(value)) return;
			this.#counts = new Uint32Array(this.#capacity).fill(UNKNOWN_COUNT);
		}
		if (this.#counts[row] === ODD_COUNT) this.#odd.delete(row);
		const count = value >>> 0;
		if (count === value && count < ODD_COUNT) this.#counts[row] = count;
		else if (Number.isNaN(value)) this.#counts[row] = UNKNOWN_COUNT;
		else {
			this.#counts[row] = ODD_COUNT;
			this.#odd.set(row, value);
		}
	}

	resize(capacity: number): void {
		this.#capacity = capacity;
		if (this.#counts.length > 0) this.#counts = grown(Uint32Array, this.#counts, capacity);
		if (capacity === 0) this.#odd.clear();
	}
}

/** Indexes of interned strings, for columns that few programs fill: no memory before the first text. */
export class TextColumn {
	#capacity = 0;
	/** Empty until the first text, then as long as the capacity. For `StringTable.compact` and the writing row. */
	indexes = new Int32Array(0);

	/** `NO_STRING` while unknown. */
	get(row: number): number {
		return this.indexes.length === 0 ? NO_STRING : this.indexes[row];
	}

	clear(row: number): void {
		if (this.indexes.length > 0) this.indexes[row] = NO_STRING;
	}

	/** The indexes, with memory for them. */
	filled(): Int32Array {
		if (this.indexes.length === 0) this.indexes = new Int32Array(this.#capacity).fill(NO_STRING);
		return this.indexes;
	}

	resize(capacity: number): void {
		this.#capacity = capacity;
		if (this.indexes.length > 0) this.indexes = grown(Int32Array, this.indexes, capacity);
	}
}

interface TypedArrayConstructor<T> {
	new (length: number): T;
}

/** A copy of a typed array at another length: longer, or cut to nothing. */
export function grown<T extends { readonly length: number; set(source: T): void }>(
	type: TypedArrayConstructor<T>,
	source: T,
	capacity: number,
): T {
	const target = new type(capacity);
	if (capacity >= source.length) target.set(source);
	return target;
}
