import { grown } from "../../src/model/spanColumns.ts";
import type { TraceColumns } from "../../src/protocol/traceColumns.ts";

/** Codes of a parent that is no ordinal: a root, or -2 - k for the k-th missing parent of the table. */
export const ROOT = -1;
export const missingCode = (index: number): number => -2 - index;
export const missingIndexOf = (code: number): number => -2 - code;

/** What a row may stand for beside a span and a missing parent: a group of like siblings, by the ordinal of its first one. */
const FIRST_GROUP = -0x4000_0000;
export const groupCode = (ordinal: number): number => FIRST_GROUP - ordinal;
export const isGroupCode = (node: number): boolean => node <= FIRST_GROUP;
export const ordinalOfGroup = (code: number): number => FIRST_GROUP - code;

/** Letters of the beginning of an id that stand for the id. */
const MIN_ID_BEGIN = 6;

/** What a message changed, in the words that the layout needs. */
export interface TableChange {
	/** Ordinals from here on are new. */
	readonly addedFrom: number;
	/** A span that was known has another parent or start: rows may move. */
	readonly isRestructured: boolean;
}

/**
 * The spans of the open trace as growable columns, by ordinal. Ids stay the bytes that came and are decoded when somebody
 * asks: 250,000 id strings would cost more than all other columns together.
 */
export class SpanTable {
	count = 0;
	runningCount = 0;
	/** Ordinal, `ROOT`, or the code of a missing parent of this table. */
	parent: Int32Array = new Int32Array(0);
	/** Nanoseconds from the trace's base; NaN while unknown. */
	startNs: Float64Array = new Float64Array(0);
	/** NaN while running. */
	endNs: Float64Array = new Float64Array(0);
	/** Codes of `SpanStateCode`. */
	state: Uint8Array = new Uint8Array(0);
	/** Indexes into the table's strings, -1 for none; so the next three. */
	name: Int32Array = new Int32Array(0);
	kind: Int32Array = new Int32Array(0);
	model: Int32Array = new Int32Array(0);
	error: Int32Array = new Int32Array(0);
	/** NaN while unknown; so the next two. */
	inputTokens: Float64Array = new Float64Array(0);
	outputTokens: Float64Array = new Float64Array(0);
	costUsd: Float64Array = new Float64Array(0);
	/** From the start of a call to its first token; NaN while unknown. */
	firstTokenNs: Float64Array = new Float64Array(0);

	#strings: string[] = [];
	#stringIndexes: Map<string, number> | undefined;
	readonly #missingParentIds: string[] = [];
	readonly #missingIndexes = new Map<string, number>();
	#idBytes: Uint8Array = new Uint8Array(0);
	#idLength = 0;
	/** [count] End of each id in `#idBytes`. */
	#idEnd: Uint32Array = new Uint32Array(0);

	get missingCount(): number {
		return this.#missingParentIds.length;
	}

	/**
	 * Adds and updates rows. Returns undefined when the message does not fit, because its columns differ in length or its
	 * ordinals leave a gap; then the table is as it was and a snapshot is needed.
	 */
	apply(columns: TraceColumns): TableChange | undefined {
		const n = columns.ordinal.length;
		if (!isWhole(columns, n)) return undefined;
		const addedFrom = this.count;
		let end = addedFrom;
		for (let i = 0; i < n; i++) {
			if (columns.ordinal[i] > end) return undefined;
			if (columns.ordinal[i] === end) end++;
		}
		const missing = columns.missingParentIds.map((id) => missingCode(this.#internMissing(id)));
		if (addedFrom === 0 && this.#strings.length === 0) this.#strings = [...columns.strings];
		if (addedFrom === 0 && end === n && this.#missingParentIds.length === missing.length) {
			this.#adopt(columns, n);
			return { addedFrom, isRestructured: false };
		}
		const strings = columns.strings.map((text) => this.#internString(text));
		this.#reserve(end, columns.idBytes.length);

		let isRestructured = false;
		for (let i = 0; i < n; i++) {
			const row = columns.ordinal[i];
			const isNew = row >= this.count;
			const wireParent = columns.parent[i];
			const parent = wireParent < ROOT ? (missing[missingIndexOf(wireParent)] ?? ROOT) : wireParent;
			const start = columns.startNs[i];
			if (isNew) {
				this.count = row + 1;
				if (columns.state[i] === 0) this.runningCount++;
				this.#appendId(row, columns, i);
			} else {
				if (this.state[row] === 0) this.runningCount--;
				if (columns.state[i] === 0) this.runningCount++;
				if (this.parent[row] !== parent || !Object.is(this.startNs[row], start)) isRestructured = true;
			}
			this.parent[row] = parent;
			this.startNs[row] = start;
			this.endNs[row] = columns.endNs[i];
			this.state[row] = columns.state[i];
			this.name[row] = localString(strings, columns.name[i]);
			this.kind[row] = localString(strings, columns.kind[i]);
			this.model[row] = localString(strings, columns.model[i]);
			this.error[row] = localString(strings, columns.error[i]);
			this.inputTokens[row] = columns.inputTokens[i];
			this.outputTokens[row] = columns.outputTokens[i];
			this.costUsd[row] = columns.costUsd[i];
			this.firstTokenNs[row] = columns.firstTokenNs[i];
		}
		return { addedFrom, isRestructured };
	}

	/** The first message is the whole trace: its columns become the table's, without a copy. */
	#adopt(columns: TraceColumns, n: number): void {
		this.count = n;
		this.parent = columns.parent;
		this.startNs = columns.startNs;
		this.endNs = columns.endNs;
		this.state = columns.state;
		this.name = columns.name;
		this.kind = columns.kind;
		this.model = columns.model;
		this.error = columns.error;
		this.inputTokens = columns.inputTokens;
		this.outputTokens = columns.outputTokens;
		this.costUsd = columns.costUsd;
		this.firstTokenNs = columns.firstTokenNs;
		this.#idBytes = columns.idBytes;
		this.#idEnd = columns.idEnd;
		this.#idLength = n === 0 ? 0 : columns.idEnd[n - 1];
		for (let i = 0; i < n; i++) if (columns.state[i] === 0) this.runningCount++;
	}

	/** Strings so far: indexes below it can be asked for. */
	get stringCount(): number {
		return this.#strings.length;
	}

	/** "" for none. */
	string(index: number): string {
		return index < 0 ? "" : (this.#strings[index] ?? "");
	}

	idOf(ordinal: number): string {
		return new TextDecoder().decode(this.#idBytes.subarray(this.#idStart(ordinal), this.#idEnd[ordinal]));
	}

	missingParentId(index: number): string {
		return this.#missingParentIds[index] ?? "";
	}

	/** Code of a parent that was missing at some time; undefined for an id that never was one. */
	missingOf(spanId: string): number | undefined {
		const index = this.#missingIndexes.get(spanId);
		return index === undefined ? undefined : missingCode(index);
	}

	/** Ordinal of a span id, -1 when it is not here. Compares bytes, O(n): for one id at a time. */
	find(spanId: string): number {
		const wanted = new TextEncoder().encode(spanId);
		const length = wanted.length;
		if (length === 0) return -1;
		const bytes = this.#idBytes;
		// Ids of one maker begin alike and differ at the end.
		const last = wanted[length - 1];
		let start = 0;
		for (let row = 0; row < this.count; row++) {
			const end = this.#idEnd[row];
			if (end - start === length && bytes[end - 1] === last) {
				let at = 0;
				while (at < length && bytes[start + at] === wanted[at]) at++;
				if (at === length) return row;
			}
			start = end;
		}
		return -1;
	}

	/**
	 * Whether these bytes (lower case) are the id of a span, whatever the case of its letters, or so much of its beginning that it is
	 * no accident: ids are made of few letters.
	 */
	isIdBegin(ordinal: number, bytes: Uint8Array): boolean {
		const start = this.#idStart(ordinal);
		const length = this.#idEnd[ordinal] - start;
		const { length: wanted } = bytes;
		if (wanted > length || wanted === 0 || (wanted < MIN_ID_BEGIN && wanted !== length)) return false;
		for (let at = 0; at < wanted; at++) {
			const byte = this.#idBytes[start + at];
			const isUpper = byte >= 0x41 && byte <= 0x5a;
			if ((isUpper ? byte + 0x20 : byte) !== bytes[at]) return false;
		}
		return true;
	}

	/** Ordinals of many span ids, without those that are not here. One pass over the table. */
	findAll(spanIds: readonly string[]): number[] {
		if (spanIds.length <= 8) return spanIds.map((id) => this.find(id)).filter((ordinal) => ordinal >= 0);
		const wanted = new Set(spanIds);
		const found: number[] = [];
		for (let row = 0; row < this.count; row++) if (wanted.has(this.idOf(row))) found.push(row);
		return found;
	}

	/** Order of two ids by their bytes: ties of start must not depend on the order of arrival. */
	compareIds(a: number, b: number): number {
		const bytes = this.#idBytes;
		let i = this.#idStart(a);
		let j = this.#idStart(b);
		const endA = this.#idEnd[a];
		const endB = this.#idEnd[b];
		while (i < endA && j < endB) {
			const difference = bytes[i++] - bytes[j++];
			if (difference !== 0) return difference;
		}
		return endA - i - (endB - j);
	}

	#idStart(ordinal: number): number {
		return ordinal === 0 ? 0 : this.#idEnd[ordinal - 1];
	}

	#appendId(row: number, columns: TraceColumns, i: number): void {
		const from = i === 0 ? 0 : columns.idEnd[i - 1];
		this.#idBytes.set(columns.idBytes.subarray(from, columns.idEnd[i]), this.#idLength);
		this.#idLength += columns.idEnd[i] - from;
		this.#idEnd[row] = this.#idLength;
	}

	#internString(text: string): number {
		if (this.#stringIndexes === undefined) {
			this.#stringIndexes = new Map();
			for (let index = 0; index < this.#strings.length; index++) this.#stringIndexes.set(this.#strings[index], index);
		}
		let index = this.#stringIndexes.get(text);
		if (index === undefined) {
			index = this.#strings.push(text) - 1;
			this.#stringIndexes.set(text, index);
		}
		return index;
	}

	#internMissing(id: string): number {
		let index = this.#missingIndexes.get(id);
		if (index === undefined) {
			index = this.#missingParentIds.push(id) - 1;
			this.#missingIndexes.set(id, index);
		}
		return index;
	}

	#reserve(rows: number, moreIdBytes: number): void {
		if (rows > this.parent.length) {
			const capacity = Math.max(256, rows, Math.ceil(this.parent.length * 1.5));
			this.parent = grown(Int32Array, this.parent, capacity);
			this.startNs = grown(Float64Array, this.startNs, capacity);
			this.endNs = grown(Float64Array, this.endNs, capacity);
			this.state = grown(Uint8Array, this.state, capacity);
			this.name = grown(Int32Array, this.name, capacity);
			this.kind = grown(Int32Array, this.kind, capacity);
			this.model = grown(Int32Array, this.model, capacity);
			this.error = grown(Int32Array, this.error, capacity);
			this.inputTokens = grown(Float64Array, this.inputTokens, capacity);
			this.outputTokens = grown(Float64Array, this.outputTokens, capacity);
			this.costUsd = grown(Float64Array, this.costUsd, capacity);
			this.firstTokenNs = grown(Float64Array, this.firstTokenNs, capacity);
			this.#idEnd = grown(Uint32Array, this.#idEnd, capacity);
		}
		const bytes = this.#idLength + moreIdBytes;
		if (bytes > this.#idBytes.length) {
			this.#idBytes = grown(Uint8Array, this.#idBytes, Math.max(bytes, Math.ceil(this.#idBytes.length * 1.5)));
		}
	}
}

function localString(strings: readonly number[], index: number): number {
	return index < 0 ? -1 : (strings[index] ?? -1);
}

function isWhole(columns: TraceColumns, n: number): boolean {
	const { idEnd } = columns;
	return (
		columns.parent.length === n &&
		columns.startNs.length === n &&
		columns.endNs.length === n &&
		columns.state.length === n &&
		columns.name.length === n &&
		columns.kind.length === n &&
		columns.model.length === n &&
		columns.error.length === n &&
		columns.inputTokens.length === n &&
		columns.outputTokens.length === n &&
		columns.costUsd.length === n &&
		columns.firstTokenNs.length === n &&
		idEnd.length === n &&
		(n === 0 || idEnd[n - 1] <= columns.idBytes.length)
	);
}
