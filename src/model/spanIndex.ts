import type { SpanColumns } from "./spanColumns.ts";

/** Slots of an empty table. */
const MIN_SLOTS = 256;
/** A slot whose row was removed: searches go on behind it. */
const REMOVED = -1;

/**
 * Rows of the store by span id, and by span id within a trace. The ids themselves stay in the columns, so a span costs 5
 * to 8 bytes here, against 37 to 53 in a `Map`; a search takes about as long. Open addressing with linear probing.
 *
 * Ids are unique on most wires, but some programs count the spans of each trace from 1. So the table has one span of each
 * id, and the further ones stand in maps of their own, where a hundred thousand of them cost no more than one.
 */
export class SpanIndex {
	readonly #columns: SpanColumns;
	/** Row + 1, 0 for a slot never used, or `REMOVED`. */
	#slots = new Int32Array(MIN_SLOTS);
	/** Slots that are not 0. */
	#filled = 0;
	#size = 0;
	/** Span id → index of the trace → row, of the spans whose id the table has for another trace. */
	readonly #others = new Map<string, Map<number, number>>();
	/** A span is searched for before it is added: its hash is computed once. */
	#lastText: string | undefined;
	#lastHash = 0;
	/** Chosen anew each time, so that nobody can send ids that all meet in one slot. */
	readonly #seed = Math.floor(Math.random() * 2 ** 31);

	constructor(columns: SpanColumns) {
		this.#columns = columns;
	}

	/** Row of a span of this id, of whichever trace. */
	findAny(spanId: string): number | undefined {
		const slot = this.#slotOf(spanId);
		return slot < 0 ? undefined : this.#slots[slot] - 1;
	}

	find(spanId: string, traceIndex: number): number | undefined {
		const slot = this.#slotOf(spanId);
		if (slot < 0) return undefined;
		const row = this.#slots[slot] - 1;
		if (this.#columns.traceIndex[row] === traceIndex) return row;
		return this.#others.size === 0 ? undefined : this.#others.get(spanId)?.get(traceIndex);
	}

	/** The row has its id and its trace already; the trace has no other span of this id. */
	add(row: number): void {
		if ((this.#filled + 1) * 4 > this.#slots.length * 3) this.#rebuild();
		const { ids, hash, traceIndex } = this.#columns;
		const spanId = ids[row];
		const slots = this.#slots;
		hash[row] = this.#hash(spanId);
		let free = -1;
		let slot = slotOfHash(hash[row], slots.length);
		for (; slots[slot] !== 0; slot = slot + 1 === slots.length ? 0 : slot + 1) {
			const value = slots[slot];
			if (value === REMOVED) free = free < 0 ? slot : free;
			else if (ids[value - 1] === spanId) {
				const others = this.#others.get(spanId);
				if (others === undefined) this.#others.set(spanId, new Map([[traceIndex[row], row]]));
				else others.set(traceIndex[row], row);
				return;
			}
		}
		if (free < 0) this.#filled++;
		slots[free < 0 ? slot : free] = row + 1;
		this.#size++;
	}

	/** The row still has its id and its trace. */
	remove(row: number): void {
		const spanId = this.#columns.ids[row];
		const slot = this.#slotOf(spanId);
		if (slot < 0) return;
		const others = this.#others.get(spanId);
		if (this.#slots[slot] - 1 !== row) {
			others?.delete(this.#columns.traceIndex[row]);
			if (others?.size === 0) this.#others.delete(spanId);
			return;
		}
		const next = others?.entries().next();
		if (others === undefined || next === undefined || next.done === true) {
			this.#slots[slot] = REMOVED;
			this.#size--;
			return;
		}
		const [traceIndex, otherRow] = next.value;
		this.#slots[slot] = otherRow + 1;
		others.delete(traceIndex);
		if (others.size === 0) this.#others.delete(spanId);
	}

	clear(): void {
		this.#slots = new Int32Array(MIN_SLOTS);
		this.#filled = 0;
		this.#size = 0;
		this.#others.clear();
	}

	/** Slot with a span of this id, or -1. */
	#slotOf(spanId: string): number {
		const slots = this.#slots;
		const { ids } = this.#columns;
		for (let slot = slotOfHash(this.#hash(spanId), slots.length); ; slot++) {
			if (slot === slots.length) slot = 0;
			const value = slots[slot];
			if (value === 0) return -1;
			if (value > 0 && ids[value - 1] === spanId) return slot;
		}
	}

	/** Room for half as many spans more, without the removed ones. */
	#rebuild(): void {
		const before = this.#slots;
		const slots = new Int32Array(Math.max(MIN_SLOTS, 2 * this.#size));
		this.#slots = slots;
		const { hash } = this.#columns;
		for (const value of before) {
			if (value <= 0) continue;
			let slot = slotOfHash(hash[value - 1], slots.length);
			while (slots[slot] !== 0) slot = slot + 1 === slots.length ? 0 : slot + 1;
			slots[slot] = value;
		}
		this.#filled = this.#size;
	}

	/** FNV-1a over UTF-16 units, its bits mixed once more. */
	#hash(text: string): number {
		if (text === this.#lastText) return this.#lastHash;
		let hash = this.#seed;
		for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
		hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
		hash = (hash ^ (hash >>> 13)) >>> 0;
		this.#lastText = text;
		this.#lastHash = hash;
		return hash;
	}
}

/** Spreads 32 bits over a table of any length. */
function slotOfHash(hash: number, length: number): number {
	return Math.floor((hash / 2 ** 32) * length);
}
