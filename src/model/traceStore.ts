import type { Disposable } from "../base/disposable.ts";
import type { Event } from "../base/emitter.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { ChangeWindow } from "./changeWindow.ts";
import { Orphans } from "./orphans.ts";
import { estimateCostUsd, PRICED_KIND_TYPE } from "./prices.ts";
import {
	SPAN_STATES,
	type SpanInput,
	SpanStateCode,
	type SpanSummary,
	sessionOfTags,
	type TraceInput,
	type TraceSummary,
} from "./span.ts";
import { type CountColumn, Parent, SpanColumns } from "./spanColumns.ts";
import { SpanIndex } from "./spanIndex.ts";
import { NO_STRING, StringTable, WordCodes } from "./stringTable.ts";
import { Tombstones } from "./tombstones.ts";
import { TraceSums } from "./traceSums.ts";

/** What changed in one trace since the last change set. Rows are valid while the listener runs. */
export interface TraceChange {
	/** Rows that were added or changed. */
	readonly rows: ReadonlySet<number>;
	/** Spans were removed, or the trace was removed and created again: ordinals moved, so a delta will not do. */
	readonly isRestructured: boolean;
}

/** Everything that changed within one coalescing window. */
export interface ChangeSet {
	readonly revision: number;
	readonly changedTraces: ReadonlyMap<string, TraceChange>;
	readonly removedTraceIds: readonly string[];
	/** Traces first seen here through live events, for highlights; history is not among them. */
	readonly newLiveTraceIds: readonly string[];
	/** The whole store was emptied. */
	readonly isCleared: boolean;
}

/** One trace's place in the store. Read-only outside this file. */
export interface TraceEntry {
	readonly traceId: string;
	readonly index: number;
	name: string | undefined;
	tags: readonly string[];
	start: Timestamp | undefined;
	serviceName: string | undefined;
	/** Rows in order of arrival; a row's place is its ordinal. */
	rows: number[];
	/** Moves on each change of the trace or one of its spans; never a second time the same number for a trace id. */
	revision: number;
	/** Moves when a span is removed; as `revision`, never twice the same. */
	structureRevision: number;
	/** Spans that the bound kept out. */
	droppedSpans: number;
	/**
	 * True when nothing of the trace is missing here: it was created by a live change, whose caller so says that it saw the
	 * trace begin, or it was read to its end (`markWhole`). Else opening the trace loads the rest. A trace that was evicted
	 * and comes back with a late span is not whole. Spans that the bound keeps out do not change it.
	 */
	isWhole: boolean;
	changedAtMs: number;
}

/** What only the store sees of an entry. */
interface StoredEntry extends TraceEntry {
	/** As long as nothing changed since it was computed. */
	summary: TraceSummary | undefined;
	/** What few traces need, apart: one field instead of three in each of 50,000. */
	extra: EntryExtra | undefined;
}

interface EntryExtra {
	/** Sums of each `CHUNK` rows, undefined where a row changed; only for traces longer than that. */
	chunks: (TraceSums | undefined)[] | undefined;
	/** Ids of dropped spans, so that each counts once. */
	dropped: Set<string> | undefined;
	/** Where `serviceName` comes from. */
	service: { readonly name: string; readonly isRoot: boolean; readonly startMs: number } | undefined;
}

const NO_TAGS: readonly string[] = [];

/** Rows whose sums are kept together. A change in a trace of 250,000 spans sums 1,024 rows and 245 chunks anew. */
const CHUNK = 1024;
/** Dropped spans remembered by id in one trace; beyond that one that is sent again counts again. */
const MAX_DROPPED_IDS = 20_000;
/** Evicted traces remembered by id. */
const MAX_EVICTED_IDS = 20_000;

export interface Snapshot {
	readonly traces: readonly TraceInput[];
	readonly spans: readonly SpanInput[];
	/** The trace list reached its end: a trace of the store that is not in it is gone. */
	readonly isTraceListComplete: boolean;
	/** Every span of these traces is in `spans`: others of theirs are gone. */
	readonly wholeTraceIds: ReadonlySet<string>;
	/** True for history and recovery, which get no highlight. */
	readonly isHistory: boolean;
}

export interface TraceStoreOptions {
	/** Most spans kept; oldest traces are evicted first, whole. Default 500,000 (about 100 MB). */
	readonly maxSpans?: number;
	/** Most traces kept, with or without spans. Default 50,000. */
	readonly maxTraces?: number;
	/** Window of one change set in milliseconds, 16 … 50. Default 33. */
	readonly coalesceMs?: number;
}

/** `applied`: something changed. `unknown`: a partial span whose trace nobody named; the caller may fetch it. */
export type UpsertResult = "applied" | "unchanged" | "ignored" | "unknown";

/**
 * All traces of one source: bounded, idempotent (applying twice equals applying once) and independent of the order in
 * which spans, parents, completions and deletions arrive. Keyed by trace id and span id. Changes are announced once a
 * coalescing window; the revision moves only when something changed.
 *
 * A position is the id of the stream event that carried the change, where the stream has numbers. It settles one question:
 * whether a span that arrives after its own deletion was created again (greater position) or is late (no position, or smaller).
 */
export class TraceStore implements Disposable {
	readonly columns = new SpanColumns();
	readonly strings = new StringTable();
	readonly #kindTypes = new WordCodes();
	readonly #entries = new Map<string, StoredEntry>();
	readonly #entryByIndex: (StoredEntry | undefined)[] = [];
	readonly #freeEntryIndexes: number[] = [];
	readonly #index = new SpanIndex(this.columns);
	readonly #errors = new Map<number, string>();
	/** Files of the few spans that name one. */
	readonly #paths = new Map<number, string>();
	readonly #orphans = new Orphans(this.columns);
	readonly #tombstones = new Tombstones();
	/** A late span of one of these does not make a new trace, and not a whole one. */
	readonly #evictedIds = new Set<string>();
	readonly #pins = new Map<string, number>();
	readonly #maxSpans: number;
	readonly #maxTraces: number;
	readonly #changes: ChangeWindow;
	readonly onDidChange: Event<ChangeSet>;
	#spanCount = 0;
	#evictedTraces = 0;
	#evictedSpans = 0;
	#isHistory = false;

	constructor(options: TraceStoreOptions = {}) {
		this.#maxSpans = options.maxSpans ?? 500_000;
		this.#maxTraces = options.maxTraces ?? 50_000;
		this.#changes = new ChangeWindow(options.coalesceMs ?? 33);
		this.onDidChange = this.#changes.onDidChange;
		this.#changes.onDidChange(() => this.#compactStrings());
	}

	get revision(): number {
		return this.#changes.revision;
	}

	get spanCount(): number {
		return this.#spanCount;
	}

	get traceCount(): number {
		return this.#entries.size;
	}

	/** What the bound pushed out since the store was made or cleared. */
	get evicted(): { readonly traces: number; readonly spans: number } {
		return { traces: this.#evictedTraces, spans: this.#evictedSpans };
	}

	entries(): IterableIterator<TraceEntry> {
		return this.#entries.values();
	}

	entry(traceId: string): TraceEntry | undefined {
		return this.#entries.get(traceId);
	}

	/** Row of a span, or undefined. Without a trace id that of any span of that id. */
	rowOf(spanId: string, traceId?: string): number | undefined {
		if (traceId === undefined) return this.#index.findAny(spanId);
		const entry = this.#entries.get(traceId);
		return entry === undefined ? undefined : this.#index.find(spanId, entry.index);
	}

	entryOfRow(row: number): TraceEntry {
		return this.#storedEntryOfRow(row);
	}

	#storedEntryOfRow(row: number): StoredEntry {
		const entry = this.#entryByIndex[this.columns.traceIndex[row]];
		if (entry === undefined) throw new Error(`row ${row} belongs to no trace`);
		return entry;
	}

	/** Text of a failed span. */
	errorOf(row: number): string | undefined {
		return this.#errors.get(row);
	}

	/**
	 * Discriminator of a span's kind on the wire; `custom` while unknown. A wire with more than 254 of them gets the name of
	 * the kind for the further ones.
	 */
	kindTypeOf(row: number): string {
		const c = this.columns;
		const type = this.#kindTypes.at(c.kindType[row]);
		if (type !== undefined) return type;
		return (c.kindType[row] === 0 ? undefined : this.strings.at(c.kindName[row])) ?? "custom";
	}

	/** File that a span names. */
	pathOf(row: number): string | undefined {
		return this.#paths.get(row);
	}

	/** Id of a parent that was named but not received. */
	missingParentOf(row: number): string | undefined {
		return this.#orphans.parentIdOf(row);
	}

	/** While the result lives, the trace is not evicted. */
	pin(traceId: string): Disposable {
		this.#pins.set(traceId, (this.#pins.get(traceId) ?? 0) + 1);
		let isPinned = true;
		return {
			dispose: () => {
				if (!isPinned) return;
				isPinned = false;
				const left = (this.#pins.get(traceId) ?? 1) - 1;
				if (left === 0) this.#pins.delete(traceId);
				else this.#pins.set(traceId, left);
			},
		};
	}

	/** Runs `apply` with its additions counted as history: no trace of it is announced as new. */
	asHistory<T>(apply: () => T): T {
		const before = this.#isHistory;
		this.#isHistory = true;
		try {
			return apply();
		} finally {
			this.#isHistory = before;
		}
	}

	upsertTrace(input: TraceInput, position?: number): UpsertResult {
		if (this.#tombstones.isTraceBuried(input.traceId, position)) return "ignored";
		const isNew = !this.#entries.has(input.traceId);
		const entry = this.#ensureEntry(input.traceId);
		let hasChanged = isNew;
		if (input.name !== undefined && input.name !== entry.name) {
			entry.name = input.name;
			hasChanged = true;
		}
		if (input.tags !== undefined && !sameStrings(input.tags, entry.tags)) {
			entry.tags = input.tags;
			hasChanged = true;
		}
		if (input.start !== undefined && !sameTime(input.start, entry.start)) {
			entry.start = input.start;
			hasChanged = true;
		}
		if (!hasChanged) return "unchanged";
		this.#touch(entry);
		if (isNew) return this.#keepBounds(entry);
		return "applied";
	}

	upsertSpan(input: SpanInput, position?: number): UpsertResult {
		const traceId = input.traceId ?? this.#traceIdOfSpan(input.spanId);
		if (this.#tombstones.isSpanBuried(input.spanId, traceId, position)) return "ignored";
		if (traceId === undefined) return "unknown";
		const known = this.rowOf(input.spanId, traceId);
		if (known !== undefined) {
			const entry = this.#storedEntryOfRow(known);
			const hasChanged = this.#write(known, input);
			if (!this.#noteService(entry, known, input) && !hasChanged) return "unchanged";
			this.#touch(entry, known);
			return "applied";
		}
		const isNewTrace = !this.#entries.has(traceId);
		const entry = this.#ensureEntry(traceId);
		if (this.#spanCount >= this.#maxSpans && !this.#makeRoom(entry, input)) {
			this.#noteDropped(entry, input.spanId);
			return "ignored";
		}
		const row = this.columns.allocate(input.spanId, entry.index);
		this.#spanCount++;
		this.columns.ordinal[row] = entry.rows.length;
		entry.rows.push(row);
		this.#index.add(row);
		this.#write(row, input);
		this.#noteService(entry, row, input);
		if (entry.extra?.dropped?.delete(input.spanId)) entry.droppedSpans--;
		for (const child of this.#orphans.adopt(row)) this.#touch(entry, child);
		this.#touch(entry, row);
		return isNewTrace ? this.#keepBounds(entry) : "applied";
	}

	/**
	 * Returns whether the span was here. Remembers the deletion, so that a late creation does not bring the span back.
	 * Without a trace id, as some wires have it, every span of that id is meant.
	 */
	deleteSpan(spanId: string, traceId?: string, position?: number): boolean {
		this.#tombstones.burySpan(spanId, traceId, position);
		let isRemoved = false;
		for (;;) {
			const row = this.rowOf(spanId, traceId);
			if (row === undefined) return isRemoved;
			const entry = this.#storedEntryOfRow(row);
			this.#removeRows(entry, new Set([row]));
			this.#touch(entry);
			isRemoved = true;
		}
	}

	/** As `deleteSpan`, for a trace with all its spans. */
	deleteTrace(traceId: string, position?: number): boolean {
		this.#tombstones.buryTrace(traceId, position);
		this.#evictedIds.delete(traceId);
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return false;
		this.#dropEntry(entry);
		return true;
	}

	/** Empties the store; whatever is older than `position` stays out. */
	clear(position?: number): void {
		this.#tombstones.clear(position);
		this.#evictedIds.clear();
		if (this.#entries.size === 0) return;
		for (const entry of [...this.#entries.values()]) this.#dropEntry(entry);
		this.#index.clear();
		this.columns.clear();
		this.strings.clear();
		this.#kindTypes.clear();
		this.#evictedSpans = 0;
		this.#evictedTraces = 0;
		this.#changes.clear();
	}

	/**
	 * Brings the store to what the server has now. Returns how many spans were added, changed or removed by it.
	 * Taken while events are held back, so what the store has and the snapshot has not is gone at the server.
	 */
	applySnapshot(snapshot: Snapshot): number {
		const apply = () => {
			// What was deleted before the snapshot was asked for and is in it now, was created again.
			this.#tombstones.forget();
			let count = 0;
			const listed = new Set<string>();
			for (const trace of snapshot.traces) {
				listed.add(trace.traceId);
				this.upsertTrace(trace);
			}
			const seen = new Map<string, Set<string>>();
			for (const span of snapshot.spans) {
				if (span.traceId === undefined) continue;
				listed.add(span.traceId);
				if (this.upsertSpan(span) === "applied") count++;
				if (!snapshot.wholeTraceIds.has(span.traceId)) continue;
				const ids = seen.get(span.traceId);
				if (ids === undefined) seen.set(span.traceId, new Set([span.spanId]));
				else ids.add(span.spanId);
			}
			for (const traceId of snapshot.wholeTraceIds) {
				const entry = this.#entries.get(traceId);
				if (entry === undefined) continue;
				entry.isWhole = true;
				const ids = seen.get(traceId);
				const gone = new Set(entry.rows.filter((row) => !ids?.has(this.columns.ids[row])));
				if (gone.size === 0) continue;
				count += gone.size;
				this.#removeRows(entry, gone);
				this.#touch(entry);
			}
			if (snapshot.isTraceListComplete) {
				for (const entry of [...this.#entries.values()]) {
					if (listed.has(entry.traceId)) continue;
					count += entry.rows.length;
					this.#dropEntry(entry);
				}
			}
			return count;
		};
		return snapshot.isHistory ? this.asHistory(apply) : apply();
	}

	markWhole(traceId: string): void {
		const entry = this.#entries.get(traceId);
		if (entry !== undefined) entry.isWhole = true;
	}

	/** The span in a row as an object. */
	spanAt(row: number): SpanSummary {
		const c = this.columns;
		const inputTokens = known(c.inputTokens.get(row));
		const outputTokens = known(c.outputTokens.get(row));
		const model = this.strings.at(c.model[row]);
		const saidCostUsd = known(c.costUsd[row]);
		const costUsd = saidCostUsd ?? this.#estimateAt(row);
		const parentRow = c.parentRow[row];
		const parentSpanId =
			parentRow >= 0
				? c.ids[parentRow]
				: parentRow === Parent.orphan
					? this.#orphans.parentIdOf(row)
					: parentRow === Parent.root
						? null
						: undefined;
		const kindType = this.kindTypeOf(row);
		return {
			traceId: this.entryOfRow(row).traceId,
			spanId: c.ids[row],
			parentSpanId,
			isOrphan: parentRow === Parent.orphan,
			name: this.strings.at(c.name[row]) ?? c.ids[row],
			kindType,
			kindName: this.strings.at(c.kindName[row]) ?? kindType,
			model,
			provider: this.strings.at(c.provider[row]),
			inputTokens,
			outputTokens,
			costUsd,
			isCostEstimated: saidCostUsd === undefined && costUsd !== undefined,
			state: SPAN_STATES[c.state[row]],
			error: this.#errors.get(row),
			start: timeAt(c.startMs[row], c.startSubNs[row]),
			end: timeAt(c.endMs[row], c.endSubNs[row]),
		};
	}

	/** Cost of the span in a row: the server's word, else the estimate; NaN when unknown. */
	costUsdAt(row: number): number {
		const c = this.columns;
		const said = c.costUsd[row];
		if (!Number.isNaN(said)) return said;
		return this.#estimateAt(row) ?? Number.NaN;
	}

	/** What our server would say of the same span, so of model calls only; where the kind is not known yet, too. */
	#estimateAt(row: number): number | undefined {
		const c = this.columns;
		const model = this.strings.at(c.model[row]);
		if (model === undefined || (c.kindType[row] !== 0 && this.kindTypeOf(row) !== PRICED_KIND_TYPE)) return undefined;
		return estimateCostUsd({
			model,
			provider: this.strings.at(c.provider[row]),
			inputTokens: known(c.inputTokens.get(row)),
			outputTokens: known(c.outputTokens.get(row)),
			atMs: known(c.startMs[row]),
		});
	}

	span(traceId: string, spanId: string): SpanSummary | undefined {
		const row = this.rowOf(spanId, traceId);
		return row === undefined ? undefined : this.spanAt(row);
	}

	/** Sums of a trace; computed when asked for and kept until the trace changes. */
	summary(traceId: string): TraceSummary | undefined {
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return undefined;
		entry.summary ??= this.#summarize(entry);
		return entry.summary;
	}

	/** Announces what is waiting now, without the rest of the window. */
	flush(): void {
		this.#changes.flush();
	}

	dispose(): void {
		this.#changes.dispose();
	}

	#summarize(entry: StoredEntry): TraceSummary {
		const c = this.columns;
		const sums = this.#sumsOf(entry);
		const nameRow = sums.rootRow >= 0 ? sums.rootRow : sums.firstRow;
		const first = sums.firstRow < 0 ? undefined : timeAt(c.startMs[sums.firstRow], c.startSubNs[sums.firstRow]);
		const { running, failed, lastRow, failedRow } = sums;
		// An array that grew holds room for half as many more; a trace that came to rest gives it back.
		if (running === 0 && entry.rows.length <= CHUNK) entry.rows = entry.rows.slice();
		return {
			traceId: entry.traceId,
			name: entry.name || (nameRow < 0 ? undefined : this.strings.at(c.name[nameRow])) || entry.traceId,
			tags: entry.tags,
			sessionId: sessionOfTags(entry.tags),
			serviceName: entry.serviceName,
			spanCount: entry.rows.length,
			runningCount: running,
			failedCount: failed,
			state: failed > 0 ? "failed" : running > 0 || entry.rows.length === 0 ? "running" : "completed",
			start: first ?? entry.start,
			end: running > 0 || lastRow < 0 ? undefined : timeAt(c.endMs[lastRow], c.endSubNs[lastRow]),
			inputTokens: known(sums.inputTokens),
			outputTokens: known(sums.outputTokens),
			costUsd: Number.isNaN(sums.costNanoUsd) ? undefined : sums.costNanoUsd / 1e9,
			isCostEstimated: sums.isCostEstimated,
			error: failedRow < 0 ? undefined : this.#errors.get(failedRow),
			droppedSpans: entry.droppedSpans,
			changedAtMs: entry.changedAtMs,
		};
	}

	#sumsOf(entry: StoredEntry): TraceSums {
		const { rows } = entry;
		if (rows.length <= CHUNK) return this.#sumRows(rows, 0, rows.length);
		const extra = extraOf(entry);
		extra.chunks ??= [];
		const { chunks } = extra;
		const sums = new TraceSums();
		for (let index = 0; index * CHUNK < rows.length; index++) {
			const part = chunks[index] ?? this.#sumRows(rows, index * CHUNK, Math.min(rows.length, (index + 1) * CHUNK));
			chunks[index] = part;
			sums.merge(this.columns, part);
		}
		return sums;
	}

	#sumRows(rows: readonly number[], from: number, to: number): TraceSums {
		const sums = new TraceSums();
		for (let index = from; index < to; index++) sums.add(this.columns, rows[index], this.costUsdAt(rows[index]));
		return sums;
	}

	/** Writes what `input` says into a row; returns whether anything changed. */
	#write(row: number, input: SpanInput): boolean {
		const c = this.columns;
		const before = c.state[row];
		const after = input.state === undefined ? before : SpanStateCode[input.state];
		// A running version that comes after the terminal one is late: it may only fill in what is still unknown.
		const isLate = before !== SpanStateCode.running && after === SpanStateCode.running;
		let hasChanged = false;
		if (!isLate && after !== before) {
			c.state[row] = after;
			hasChanged = true;
		}
		const setText = (column: Int32Array, text: string | undefined) => {
			if (text === undefined || (isLate && column[row] !== NO_STRING)) return;
			const index = this.strings.intern(text);
			if (column[row] === index) return;
			if (column[row] !== NO_STRING) this.strings.noteGarbage(1);
			column[row] = index;
			hasChanged = true;
		};
		const setCount = (column: CountColumn, value: number | undefined) => {
			if (value === undefined || Number.isNaN(value)) return;
			const current = column.get(row);
			if (current === value || (isLate && !Number.isNaN(current))) return;
			column.set(row, value);
			hasChanged = true;
		};
		const setTime = (ms: Float64Array, subNs: Uint32Array, time: Timestamp | undefined) => {
			if (time === undefined || (isLate && !Number.isNaN(ms[row]))) return;
			if (ms[row] === time.ms && subNs[row] === time.subNs) return;
			ms[row] = time.ms;
			subNs[row] = time.subNs;
			hasChanged = true;
		};
		setText(c.name, input.name);
		if (input.kindType !== undefined && !(isLate && c.kindType[row] !== 0)) {
			const code = this.#kindTypes.code(input.kindType);
			if (code !== c.kindType[row]) {
				c.kindType[row] = code;
				hasChanged = true;
			}
		}
		setText(c.kindName, input.kindName);
		setText(c.model, input.model);
		setText(c.provider, input.provider);
		setCount(c.inputTokens, input.inputTokens);
		setCount(c.outputTokens, input.outputTokens);
		const { costUsd } = input;
		if (costUsd !== undefined && !Object.is(costUsd, c.costUsd[row]) && !(isLate && !Number.isNaN(c.costUsd[row]))) {
			c.costUsd[row] = costUsd;
			hasChanged = true;
		}
		setTime(c.startMs, c.startSubNs, input.start);
		if (after !== SpanStateCode.running) setTime(c.endMs, c.endSubNs, input.end);
		if (input.error !== undefined && !isLate && this.#errors.get(row) !== input.error) {
			this.#errors.set(row, input.error);
			hasChanged = true;
		}
		if (input.path !== undefined && this.#paths.get(row) !== input.path && !(isLate && this.#paths.has(row))) {
			this.#paths.set(row, input.path);
			hasChanged = true;
		}
		if (input.parentSpanId !== undefined && !(isLate && c.parentRow[row] !== Parent.unknown)) {
			if (this.#setParent(row, input.parentSpanId)) hasChanged = true;
		}
		return hasChanged;
	}

	#setParent(row: number, parentSpanId: string | null): boolean {
		const c = this.columns;
		const before = c.parentRow[row];
		if (parentSpanId === null) {
			if (before === Parent.root) return false;
			this.#orphans.remove(row);
			c.parentRow[row] = Parent.root;
			return true;
		}
		if (before === Parent.orphan && this.#orphans.parentIdOf(row) === parentSpanId) return false;
		const parentRow = this.#index.find(parentSpanId, c.traceIndex[row]);
		if (parentRow !== undefined) {
			if (before === parentRow) return false;
			this.#orphans.remove(row);
			c.parentRow[row] = parentRow;
			return true;
		}
		this.#orphans.add(row, parentSpanId);
		return true;
	}

	#removeRows(entry: StoredEntry, gone: ReadonlySet<number>): void {
		const c = this.columns;
		const kept = entry.rows.filter((row) => !gone.has(row));
		for (let ordinal = 0; ordinal < kept.length; ordinal++) {
			const row = kept[ordinal];
			c.ordinal[row] = ordinal;
			const parentRow = c.parentRow[row];
			if (parentRow >= 0 && gone.has(parentRow)) this.#orphans.add(row, c.ids[parentRow]);
		}
		entry.rows = kept;
		if (entry.extra !== undefined) entry.extra.chunks = undefined;
		entry.structureRevision++;
		for (const row of gone) this.#releaseRow(row);
		this.#changes.removeRows(entry.traceId, gone);
	}

	#releaseRow(row: number): void {
		this.#orphans.remove(row);
		this.#errors.delete(row);
		this.#paths.delete(row);
		this.#index.remove(row);
		this.columns.release(row);
		this.strings.noteGarbage(4);
		this.#spanCount--;
	}

	#traceIdOfSpan(spanId: string): string | undefined {
		const row = this.#index.findAny(spanId);
		return row === undefined ? undefined : this.entryOfRow(row).traceId;
	}

	/**
	 * The service of a trace is that of its earliest root, else of its earliest span, as far as they name one: the same in
	 * any order of arrival. Returns whether it changed.
	 */
	#noteService(entry: StoredEntry, row: number, input: SpanInput): boolean {
		const { serviceName } = input;
		if (serviceName === undefined) return false;
		const c = this.columns;
		const startMs = Number.isNaN(c.startMs[row]) ? Number.MAX_VALUE : c.startMs[row] + c.startSubNs[row] / 1e6;
		const isRoot = c.parentRow[row] === Parent.root;
		const { service } = extraOf(entry);
		const isBetter =
			service === undefined ||
			(isRoot !== service.isRoot
				? isRoot
				: startMs !== service.startMs
					? startMs < service.startMs
					: serviceName < service.name);
		if (!isBetter) return false;
		extraOf(entry).service = { name: serviceName, isRoot, startMs };
		if (entry.serviceName === serviceName) return false;
		entry.serviceName = serviceName;
		return true;
	}

	#noteDropped(entry: StoredEntry, spanId: string): void {
		const extra = extraOf(entry);
		extra.dropped ??= new Set();
		if (extra.dropped.has(spanId)) return;
		if (extra.dropped.size < MAX_DROPPED_IDS) extra.dropped.add(spanId);
		entry.droppedSpans++;
		this.#touch(entry);
	}

	#ensureEntry(traceId: string): StoredEntry {
		const known = this.#entries.get(traceId);
		if (known !== undefined) return known;
		const wasEvicted = this.#evictedIds.delete(traceId);
		const index = this.#freeEntryIndexes.pop() ?? this.#entryByIndex.length;
		const entry: StoredEntry = {
			traceId,
			index,
			name: undefined,
			tags: NO_TAGS,
			start: undefined,
			serviceName: undefined,
			rows: [],
			// The store's revision has moved past those of an earlier entry of this id.
			revision: this.#changes.revision,
			structureRevision: this.#changes.revision,
			droppedSpans: 0,
			isWhole: !this.#isHistory && !wasEvicted,
			changedAtMs: Date.now(),
			summary: undefined,
			extra: undefined,
		};
		this.#entries.set(traceId, entry);
		this.#entryByIndex[index] = entry;
		this.#changes.addTrace(traceId, !this.#isHistory && !wasEvicted);
		return entry;
	}

	#dropEntry(entry: StoredEntry): void {
		for (const row of entry.rows) this.#releaseRow(row);
		entry.rows = [];
		this.#entries.delete(entry.traceId);
		this.#entryByIndex[entry.index] = undefined;
		this.#freeEntryIndexes.push(entry.index);
		this.#changes.removeTrace(entry.traceId);
	}

	/** Evicts old traces so that one more span of `entry` fits; false when there is nothing that may go for it. */
	#makeRoom(entry: StoredEntry, input: SpanInput): boolean {
		// History makes room by what is older than itself: reading old traces must not push out newer ones. A trace that
		// somebody looks at may.
		const isLimited = this.#isHistory && !this.#pins.has(entry.traceId);
		const olderThanMs = isLimited ? (entry.start ?? input.start)?.ms : undefined;
		this.#evict(entry, Math.floor(this.#maxSpans * 0.95), olderThanMs);
		return this.#spanCount < this.#maxSpans;
	}

	/** Holds the bound on traces after `entry` was added, which history may lose to newer ones at once. */
	#keepBounds(entry: StoredEntry): UpsertResult {
		this.#evict(this.#isHistory ? undefined : entry);
		return this.#entries.get(entry.traceId) === entry ? "applied" : "ignored";
	}

	/**
	 * Removes the oldest traces, whole, until the bounds hold: neither `keep`, nor what is pinned, nor what is as new as
	 * `olderThanMs`. A twentieth more goes at once, so that this stays rare.
	 */
	#evict(keep: StoredEntry | undefined, toSpans = this.#maxSpans, olderThanMs = Number.POSITIVE_INFINITY): void {
		if (this.#spanCount <= toSpans && this.#entries.size <= this.#maxTraces) return;
		const toTraces = this.#entries.size > this.#maxTraces ? Math.floor(this.#maxTraces * 0.95) : this.#maxTraces;
		const candidates: { entry: StoredEntry; ageMs: number }[] = [];
		for (const entry of this.#entries.values()) {
			if (entry === keep || this.#pins.has(entry.traceId)) continue;
			const ageMs = this.#startMsOf(entry);
			if (ageMs < olderThanMs) candidates.push({ entry, ageMs });
		}
		if (candidates.length === 0) return;
		candidates.sort((a, b) => a.ageMs - b.ageMs);
		for (const { entry } of candidates) {
			if (this.#spanCount <= toSpans && this.#entries.size <= toTraces) break;
			this.#evictedTraces++;
			this.#evictedSpans += entry.rows.length;
			this.#dropEntry(entry);
			if (this.#evictedIds.size < MAX_EVICTED_IDS) this.#evictedIds.add(entry.traceId);
		}
	}

	/** Start of a trace as far as it is cheap to know, for its age only. */
	#startMsOf(entry: StoredEntry): number {
		const startMs = entry.start?.ms ?? (entry.rows.length > 0 ? this.columns.startMs[entry.rows[0]] : Number.NaN);
		return Number.isNaN(startMs) ? entry.changedAtMs : startMs;
	}

	/** Names of spans that are gone leave the table with the next change set. */
	#compactStrings(): void {
		const c = this.columns;
		this.strings.compact(c.traceIndex, c.used, [c.name, c.kindName, c.model, c.provider]);
	}

	#touch(entry: StoredEntry, row?: number): void {
		entry.revision++;
		entry.summary = undefined;
		entry.changedAtMs = Date.now();
		if (row !== undefined) {
			const chunks = entry.extra?.chunks;
			if (chunks !== undefined) chunks[Math.floor(this.columns.ordinal[row] / CHUNK)] = undefined;
		}
		this.#changes.changeTrace(entry.traceId, row);
	}
}

function extraOf(entry: StoredEntry): EntryExtra {
	entry.extra ??= { chunks: undefined, dropped: undefined, service: undefined };
	return entry.extra;
}

function known(value: number): number | undefined {
	return Number.isNaN(value) ? undefined : value;
}

function timeAt(ms: number, subNs: number): Timestamp | undefined {
	return Number.isNaN(ms) ? undefined : { ms, subNs };
}

function sameTime(a: Timestamp, b: Timestamp | undefined): boolean {
	return b !== undefined && a.ms === b.ms && a.subNs === b.subNs;
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((text, index) => text === b[index]);
}
