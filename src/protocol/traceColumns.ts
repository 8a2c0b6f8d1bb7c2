import { Parent } from "../model/spanColumns.ts";
import type { StringTable } from "../model/stringTable.ts";
import type { TraceEntry } from "../model/traceEntry.ts";
import type { TraceStore } from "../model/traceStore.ts";

/**
 * Spans of one trace on the way to a webview: columns and one string table, no payload. n = number of spans in the message.
 * Typed arrays cross `postMessage` as bytes. A span is known by its ordinal, its place in order of arrival, from 0 without gaps.
 */
export interface TraceColumns {
	/** [n] */
	readonly ordinal: Uint32Array;
	/** [n] Ordinal of the parent; -1 root (or parent unknown); -2 - k: the parent is not here and its id is `missingParentIds[k]`. */
	readonly parent: Int32Array;
	/** [n] Nanoseconds from the trace's base; NaN while unknown. May be negative. */
	readonly startNs: Float64Array;
	/** [n] Nanoseconds from the trace's base; NaN while running. */
	readonly endNs: Float64Array;
	/** [n] Codes of `SpanStateCode`. */
	readonly state: Uint8Array;
	/** [n] Indexes into `strings`, -1 for none; so the next four. */
	readonly name: Int32Array;
	readonly kind: Int32Array;
	readonly model: Int32Array;
	/** First line with text of a failed span's error, at most 200 characters. */
	readonly error: Int32Array;
	/** [n] NaN while unknown; so the next two. Cost in US dollars, estimated where the server gave none. */
	readonly inputTokens: Float64Array;
	readonly outputTokens: Float64Array;
	readonly costUsd: Float64Array;
	/** [n] Nanoseconds from a call's start to its first token; NaN while unknown. */
	readonly firstTokenNs: Float64Array;
	/** Span ids in UTF-8, one after the other; id i is `idBytes[idEnd[i-1] … idEnd[i])`. */
	readonly idBytes: Uint8Array;
	/** [n] */
	readonly idEnd: Uint32Array;
	readonly strings: readonly string[];
	readonly missingParentIds: readonly string[];
}

/** Base of a trace's offsets: whole milliseconds since the epoch and nanoseconds inside. Fixed for the life of a panel. */
export interface TimeBase {
	readonly ms: number;
	readonly subNs: number;
}

/** The earliest start of the trace as known now; the present when no span has one. */
export function timeBaseOf(store: TraceStore, entry: TraceEntry): TimeBase {
	const start = store.summary(entry.traceId)?.start;
	return start ?? { ms: Date.now(), subNs: 0 };
}

const MAX_ERROR_CHARACTERS = 200;
const encoder = new TextEncoder();

/** Encodes the given rows of a trace, or all of them. Shape as `TraceColumns` says. */
export function encodeTraceColumns(
	store: TraceStore,
	entry: TraceEntry,
	base: TimeBase,
	rows: readonly number[] = entry.rows,
): TraceColumns {
	return encodeColumns(store, base, rows, store.columns.ordinal, (row) => store.columns.ids[row]);
}

/**
 * Encodes rows of the store, of whichever traces, under ordinals of the caller's: by row, for the parents of the rows, too.
 * `idOf` gives the id by which the page is to know a span; among those it gets, each must be another.
 */
export function encodeColumns(
	store: TraceStore,
	base: TimeBase,
	rows: readonly number[],
	ordinals: Uint32Array,
	idOf: (row: number) => string,
): TraceColumns {
	const c = store.columns;
	const n = rows.length;
	const strings: string[] = [];
	const localString = localStrings(store.strings, n, strings);
	// A thousand spans that fail alike send their error once.
	const errorIndex = new Map<string, number>();
	const localError = (error: string | undefined): number => {
		if (error === undefined) return -1;
		let local = errorIndex.get(error);
		if (local === undefined) {
			local = strings.push(firstLine(error)) - 1;
			errorIndex.set(error, local);
		}
		return local;
	};
	const missingParentIds: string[] = [];
	const missingIndex = new Map<string, number>();
	const missing = (parentSpanId: string): number => {
		let index = missingIndex.get(parentSpanId);
		if (index === undefined) {
			index = missingParentIds.push(parentSpanId) - 1;
			missingIndex.set(parentSpanId, index);
		}
		return -2 - index;
	};
	const columns = {
		ordinal: new Uint32Array(n),
		parent: new Int32Array(n),
		startNs: new Float64Array(n),
		endNs: new Float64Array(n),
		state: new Uint8Array(n),
		name: new Int32Array(n),
		kind: new Int32Array(n),
		model: new Int32Array(n),
		error: new Int32Array(n),
		inputTokens: new Float64Array(n),
		outputTokens: new Float64Array(n),
		costUsd: new Float64Array(n),
		firstTokenNs: new Float64Array(n),
		idEnd: new Uint32Array(n),
	};
	let idBytes = new Uint8Array(Math.max(16, n * 40));
	let idLength = 0;
	for (let i = 0; i < n; i++) {
		const row = rows[i];
		const parentRow = c.parentRow[row];
		columns.ordinal[i] = ordinals[row];
		columns.parent[i] =
			parentRow >= 0
				? ordinals[parentRow]
				: parentRow === Parent.orphan
					? missing(store.missingParentOf(row) ?? "")
					: -1;
		columns.startNs[i] = (c.startMs[row] - base.ms) * 1e6 + (c.startSubNs[row] - base.subNs);
		columns.endNs[i] = (c.endMs[row] - base.ms) * 1e6 + (c.endSubNs[row] - base.subNs);
		columns.state[i] = c.state[row];
		columns.name[i] = localString(c.name[row]);
		columns.kind[i] = localString(c.kindName[row]);
		columns.model[i] = localString(c.model[row]);
		columns.error[i] = localError(store.errorOf(row));
		columns.inputTokens[i] = c.inputTokens.get(row);
		columns.outputTokens[i] = c.outputTokens.get(row);
		columns.costUsd[i] = store.costUsdAt(row);
		columns.firstTokenNs[i] = store.firstTokenNsAt(row);
		const id = idOf(row);
		// A UTF-16 unit becomes at most three bytes.
		if (idLength + id.length * 3 > idBytes.length) {
			const longer = new Uint8Array(Math.max(idBytes.length * 2, idLength + id.length * 3));
			longer.set(idBytes);
			idBytes = longer;
		}
		idLength = writeText(id, idBytes, idLength);
		columns.idEnd[i] = idLength;
	}
	return { ...columns, idBytes: idBytes.slice(0, idLength), strings, missingParentIds };
}

/** Places in `strings`, which grows, of strings of the table; -1 for none. To be asked `count` times and more. */
function localStrings(table: StringTable, count: number, strings: string[]): (index: number) => number {
	const add = (index: number): number => strings.push(table.at(index) ?? "") - 1;
	// A few spans of a store that knows many strings are not worth an array of all.
	if (count < table.size) {
		const places = new Map<number, number>();
		return (index) => {
			if (index < 0) return -1;
			let place = places.get(index);
			if (place === undefined) {
				place = add(index);
				places.set(index, place);
			}
			return place;
		};
	}
	/** 0 for what has no place yet, else one more than the place. */
	const places = new Int32Array(table.size);
	return (index) => {
		if (index < 0) return -1;
		if (places[index] === 0) places[index] = add(index) + 1;
		return places[index] - 1;
	};
}

/** Writes a text in UTF-8 at a place that has three bytes for each of its units; returns where it ends. */
function writeText(text: string, bytes: Uint8Array, at: number): number {
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i);
		// Ids are short and nearly always ASCII: the encoder's call alone takes longer than all of one.
		if (code >= 0x80) return at + encoder.encodeInto(text, bytes.subarray(at)).written;
		bytes[at + i] = code;
	}
	return at + text.length;
}

/** The first line that says something. */
function firstLine(text: string): string {
	const from = Math.max(0, text.search(/\S/));
	const cut = text.slice(from, from + MAX_ERROR_CHARACTERS + 1);
	const end = cut.search(/[\r\n]/);
	const line = end < 0 ? cut : cut.slice(0, end);
	// Well formed: the cut may have parted a pair.
	return line.length > MAX_ERROR_CHARACTERS ? `${line.slice(0, MAX_ERROR_CHARACTERS - 1)}…`.toWellFormed() : line;
}
