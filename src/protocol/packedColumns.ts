import { finish, type Sliced } from "../base/sliced.ts";
import {
	type PackedSteps,
	type PackedTimes,
	packIntegers,
	packTimes,
	unpackIntegers,
	unpackTimes,
} from "./packedSteps.ts";
import type { TraceColumns } from "./traceColumns.ts";

/** Below this a message is small as it is. */
const MIN_PACKED_SPANS = 1000;
const HEX_DIGITS = "0123456789abcdef";
const NO_DIGIT = 0xff;
const HEX_VALUES = hexValues();
const HEX_PAIRS = hexPairs();

/** Indexes in as few bytes as they need; a number where all are the same. */
type PackedIndexes = number | Int8Array | Int16Array | Int32Array;
/** Numbers of which most are NaN: places and values of the others. */
type PackedNumbers = Float64Array | { readonly at: Uint32Array; readonly values: Float64Array };

/**
 * The columns of a whole trace in a sixth to half of the bytes, exactly: most spans have no tokens, few names, ids of one
 * length, and times and parents near those of the span before. What crosses from host to page is copied several times on its
 * way, and compressed into a socket where VS Code works remotely.
 */
export interface PackedColumns {
	/** Spans in the message. Ordinals are 0 … count - 1. */
	readonly count: number;
	readonly parent: PackedSteps | Int32Array;
	readonly times: PackedTimes | { readonly startNs: Float64Array; readonly endNs: Float64Array };
	readonly state: number | Uint8Array;
	readonly name: PackedIndexes;
	readonly kind: PackedIndexes;
	readonly model: PackedIndexes;
	readonly error: PackedIndexes;
	readonly inputTokens: PackedNumbers;
	readonly outputTokens: PackedNumbers;
	readonly costUsd: PackedNumbers;
	readonly firstTokenNs: PackedNumbers;
	/** Ids in UTF-8 one after the other; two digits a byte when `isHex`. */
	readonly idBytes: Uint8Array;
	readonly isHex: boolean;
	/** End of each id in UTF-8; the length of all ids where it is the same. */
	readonly idEnd: number | Uint32Array;
	readonly strings: readonly string[];
	readonly missingParentIds: readonly string[];
}

/** Packs the columns of a big trace; those of a small one, or of a part of one, are returned as they are. */
export function packColumns(columns: TraceColumns): TraceColumns | PackedColumns {
	const count = columns.ordinal.length;
	if (count < MIN_PACKED_SPANS || !isWholeTrace(columns.ordinal)) return columns;
	const { parent, startNs, endNs, state, strings, missingParentIds } = columns;
	const idLength = commonLength(columns.idEnd);
	const hex = idLength !== undefined && idLength % 2 === 0 ? packHex(columns.idBytes) : undefined;
	return {
		count,
		parent: packIntegers(parent),
		times: packTimes(startNs, endNs) ?? { startNs, endNs },
		state: state.every((code) => code === state[0]) ? state[0] : state,
		name: packIndexes(columns.name),
		kind: packIndexes(columns.kind),
		model: packIndexes(columns.model),
		error: packIndexes(columns.error),
		inputTokens: packNumbers(columns.inputTokens),
		outputTokens: packNumbers(columns.outputTokens),
		costUsd: packNumbers(columns.costUsd),
		firstTokenNs: packNumbers(columns.firstTokenNs),
		idBytes: hex ?? columns.idBytes,
		isHex: hex !== undefined,
		idEnd: idLength ?? columns.idEnd,
		strings,
		missingParentIds,
	};
}

export function unpackColumns(columns: TraceColumns | PackedColumns): TraceColumns {
	return finish(unpackInSlices(columns));
}

/** The same, a column at a time. */
export function* unpackInSlices(columns: TraceColumns | PackedColumns): Sliced<TraceColumns> {
	if (!("count" in columns)) return columns;
	const { count, times, strings, missingParentIds } = columns;
	const ordinal = firstOrdinals(count);
	const parent = unpackIntegers(columns.parent);
	yield;
	const { startNs, endNs } = "unitNs" in times ? unpackTimes(times) : times;
	yield;
	const state = typeof columns.state === "number" ? new Uint8Array(count).fill(columns.state) : columns.state;
	const name = unpackIndexes(columns.name, count);
	const kind = unpackIndexes(columns.kind, count);
	yield;
	const model = unpackIndexes(columns.model, count);
	const error = unpackIndexes(columns.error, count);
	yield;
	const inputTokens = unpackNumbers(columns.inputTokens, count);
	const outputTokens = unpackNumbers(columns.outputTokens, count);
	yield;
	const costUsd = unpackNumbers(columns.costUsd, count);
	const firstTokenNs = unpackNumbers(columns.firstTokenNs, count);
	yield;
	const idBytes = columns.isHex ? unpackHex(columns.idBytes) : columns.idBytes;
	yield;
	const idEnd = unpackEnds(columns.idEnd, count);
	return {
		ordinal,
		parent,
		startNs,
		endNs,
		state,
		name,
		kind,
		model,
		error,
		inputTokens,
		outputTokens,
		costUsd,
		firstTokenNs,
		idBytes,
		idEnd,
		strings,
		missingParentIds,
	};
}

function isWholeTrace(ordinals: Uint32Array): boolean {
	for (let i = 0; i < ordinals.length; i++) if (ordinals[i] !== i) return false;
	return true;
}

function firstOrdinals(count: number): Uint32Array {
	const ordinals = new Uint32Array(count);
	for (let i = 0; i < count; i++) ordinals[i] = i;
	return ordinals;
}

function packIndexes(indexes: Int32Array): PackedIndexes {
	let highest = -1;
	let isSame = true;
	const first = indexes[0];
	for (let i = 0; i < indexes.length; i++) {
		if (indexes[i] !== first) isSame = false;
		if (indexes[i] > highest) highest = indexes[i];
	}
	if (isSame) return first;
	if (highest <= 0x7f) return new Int8Array(indexes);
	return highest <= 0x7fff ? new Int16Array(indexes) : indexes;
}

function unpackIndexes(packed: PackedIndexes, count: number): Int32Array {
	return typeof packed === "number" ? new Int32Array(count).fill(packed) : new Int32Array(packed);
}

function packNumbers(numbers: Float64Array): PackedNumbers {
	let known = 0;
	for (let i = 0; i < numbers.length; i++) if (!Number.isNaN(numbers[i])) known++;
	// A place takes half of a value.
	if (known * 1.5 >= numbers.length) return numbers;
	const at = new Uint32Array(known);
	const values = new Float64Array(known);
	let next = 0;
	for (let i = 0; i < numbers.length; i++) {
		if (Number.isNaN(numbers[i])) continue;
		at[next] = i;
		values[next++] = numbers[i];
	}
	return { at, values };
}

function unpackNumbers(packed: PackedNumbers, count: number): Float64Array {
	if (packed instanceof Float64Array) return packed;
	const numbers = new Float64Array(count).fill(Number.NaN);
	for (let i = 0; i < packed.at.length; i++) numbers[packed.at[i]] = packed.values[i];
	return numbers;
}

/** Undefined when lengths differ. */
function commonLength(ends: Uint32Array): number | undefined {
	const length = ends[0];
	for (let i = 1; i < ends.length; i++) if (ends[i] - ends[i - 1] !== length) return undefined;
	return length;
}

function unpackEnds(ends: number | Uint32Array, count: number): Uint32Array {
	if (typeof ends !== "number") return ends;
	const unpacked = new Uint32Array(count);
	for (let i = 0; i < count; i++) unpacked[i] = (i + 1) * ends;
	return unpacked;
}

/** Undefined for other text. */
function packHex(digits: Uint8Array): Uint8Array | undefined {
	const packed = new Uint8Array(digits.length / 2);
	for (let i = 0; i < packed.length; i++) {
		const high = HEX_VALUES[digits[2 * i]];
		const low = HEX_VALUES[digits[2 * i + 1]];
		if ((high | low) === NO_DIGIT) return undefined;
		packed[i] = (high << 4) | low;
	}
	return packed;
}

function unpackHex(packed: Uint8Array): Uint8Array {
	const digits = new Uint8Array(packed.length * 2);
	const pairs = new Uint16Array(digits.buffer);
	for (let i = 0; i < packed.length; i++) pairs[i] = HEX_PAIRS[packed[i]];
	return digits;
}

/** By the character's code. All bits are set for what is no digit: those of a digit add nothing to them. */
function hexValues(): Uint8Array {
	const values = new Uint8Array(256).fill(NO_DIGIT);
	for (const [value, digit] of [...HEX_DIGITS].entries()) values[digit.charCodeAt(0)] = value;
	return values;
}

/** The two digits of each byte as they stand in memory. */
function hexPairs(): Uint16Array {
	const digits = Array.from({ length: 256 }, (_, byte) => [HEX_DIGITS[byte >> 4], HEX_DIGITS[byte & 15]]);
	return new Uint16Array(Uint8Array.from(digits.flat(), (digit) => digit.charCodeAt(0)).buffer);
}
