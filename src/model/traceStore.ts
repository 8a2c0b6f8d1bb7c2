import type { Disposable } from "../base/disposable.ts";
import { Emitter, type Event } from "../base/emitter.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { estimateCostUsd } from "./prices.ts";
import {
	SPAN_STATES,
	type SpanInput,
	SpanStateCode,
	type SpanSummary,
	sessionOfTags,
	type TraceInput,
	type TraceSummary,
} from "./span.ts";
import { NO_STRING, Parent, SpanColumns, StringTable } from "./spanColumns.ts";

/** What changed in one trace since the last change set. Rows are valid while the listener runs. */
export interface TraceChange {
	/** Rows that were added or changed. */
	readonly rows: ReadonlySet<number>;
	/** A span was removed: ordinals moved, so a delta will not do. */
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
	/** Moves on each change of the trace or one of its spans. */
	revision: number;
	/** Moves when a span is removed. */
	structureRevision: number;
	droppedSpans: number;
	/** True once every span that the server had was read; else opening the trace loads the rest. */
	isWhole: boolean;
	changedAtMs: number;
}

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

const MAX_TOMBSTONES = 10_000;

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
	readonly #entries = new Map<string, TraceEntry>();
	readonly #entryByIndex: (TraceEntry | undefined)[] = [];
	readonly #freeEntryIndexes: number[] = [];
	/** Span id → its row, or the first of several when traces share a span id (`#sameId` has the rest). */
	readonly #rowById = new Map<string, number>();
	readonly #sameId = new Map<number, number>();
	readonly #errors = new Map<number, string>();
	/** Files of the few spans that name one. */
	readonly #paths = new Map<number, string>();
	/** Parent id of rows whose parent is not here, and the other way about. */
	readonly #orphanParentId = new Map<number, string>();
	readonly #orphansByParentId = new Map<string, Set<number>>();
	readonly #tombstones = new Map<string, number>();
	#clearedAt = -1;
	readonly #summaries = new Map<string, { revision: number; summary: TraceSummary }>();
	readonly #pins = new Map<string, number>();
	readonly #maxSpans: number;
	readonly #maxTraces: number;
	readonly #coalesceMs: number;
	#spanCount = 0;
	#evictedTraces = 0;
	#evictedSpans = 0;
	#revision = 0;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#changed = new Map<string, { rows: Set<number>; isRestructured: boolean }>();
	#removed = new Set<string>();
	#newLive = new Set<string>();
	#isCleared = false;
	#isHistory = false;
	readonly #onDidChange = new Emitter<ChangeSet>();
	readonly onDidChange: Event<ChangeSet> = this.#onDidChange.event;

	constructor(options: TraceStoreOptions = {}) {
		this.#maxSpans = options.maxSpans ?? 500_000;
		this.#maxTraces = options.maxTraces ?? 50_000;
		this.#coalesceMs = options.coalesceMs ?? 33;
	}

	get revision(): number {
		return this.#revision;
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

	/** Row of a span, or undefined. Without a trace id the first span of that id. */
	rowOf(spanId: string, traceId?: string): number | undefined {
		let row = this.#rowById.get(spanId);
		if (traceId === undefined) return row;
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return undefined;
		while (row !== undefined && this.columns.traceIndex[row] !== entry.index) row = this.#sameId.get(row);
		return row;
	}

	entryOfRow(row: number): TraceEntry {
		const entry = this.#entryByIndex[this.columns.traceIndex[row]];
		if (entry === undefined) throw new Error(`row ${row} belongs to no trace`);
		return entry;
	}

	/** Text of a failed span. */
	errorOf(row: number): string | undefined {
		return this.#errors.get(row);
	}

	/** File that a span names. */
	pathOf(row: number): string | undefined {
		return this.#paths.get(row);
	}

	/** Id of a parent that was named but not received. */
	missingParentOf(row: number): string | undefined {
		return this.#orphanParentId.get(row);
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
		if (this.#isDeleted(input.traceId, undefined, position)) return "ignored";
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
		if (isNew) this.#evict();
		return "applied";
	}

	upsertSpan(input: SpanInput, position?: number): UpsertResult {
		const traceId = input.traceId ?? this.#traceIdOfSpan(input.spanId);
		if (traceId === undefined) return "unknown";
		if (this.#isDeleted(traceId, input.spanId, position)) return "ignored";
		const known = this.rowOf(input.spanId, traceId);
		if (known !== undefined) {
			if (!this.#write(known, input)) return "unchanged";
			const entry = this.entryOfRow(known);
			this.#noteService(entry, input);
			this.#touch(entry, known);
			return "applied";
		}
		const entry = this.#ensureEntry(traceId);
		if (this.#spanCount >= this.#maxSpans && !this.#makeRoom(entry)) {
			entry.droppedSpans++;
			this.#touch(entry);
			return "ignored";
		}
		const row = this.columns.allocate(input.spanId, entry.index);
		this.#spanCount++;
		this.columns.ordinal[row] = entry.rows.length;
		entry.rows.push(row);
		this.#linkId(row, input.spanId);
		this.#write(row, input);
		this.#noteService(entry, input);
		this.#adoptOrphans(row, entry);
		this.#touch(entry, row);
		return "applied";
	}

	/** Returns whether the span was here. Remembers the deletion, so that a late creation does not bring the span back. */
	deleteSpan(spanId: string, traceId?: string, position?: number): boolean {
		this.#bury(spanKey(spanId), position);
		const row = this.rowOf(spanId, traceId);
		if (row === undefined) return false;
		const entry = this.entryOfRow(row);
		this.#removeRows(entry, new Set([row]));
		this.#touch(entry);
		return true;
	}

	/** As `deleteSpan`, for a trace with all its spans. */
	deleteTrace(traceId: string, position?: number): boolean {
		this.#bury(traceKey(traceId), position);
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return false;
		this.#dropEntry(entry);
		this.#schedule();
		return true;
	}

	/** Empties the store; whatever is older than `position` stays out. */
	clear(position?: number): void {
		if (position !== undefined) this.#clearedAt = Math.max(this.#clearedAt, position);
		this.#tombstones.clear();
		if (this.#entries.size === 0) return;
		for (const entry of [...this.#entries.values()]) this.#dropEntry(entry);
		this.strings.clear();
		this.#removed.clear();
		this.#changed.clear();
		this.#newLive.clear();
		this.#evictedSpans = 0;
		this.#evictedTraces = 0;
		this.#isCleared = true;
		this.#schedule();
	}

	/**
	 * Brings the store to what the server has now. Returns how many spans were added, changed or removed by it.
	 * Taken while events are held back, so what the store has and the snapshot has not is gone at the server.
	 */
	applySnapshot(snapshot: Snapshot): number {
		const apply = () => {
			// What was deleted before the snapshot was asked for and is in it now, was created again.
			this.#tombstones.clear();
			this.#clearedAt = -1;
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
					count += Math.max(1, entry.rows.length);
					this.#dropEntry(entry);
					this.#schedule();
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
		const inputTokens = known(c.inputTokens[row]);
		const outputTokens = known(c.outputTokens[row]);
		const model = this.strings.at(c.model[row]);
		const saidCostUsd = known(c.costUsd[row]);
		const costUsd = saidCostUsd ?? estimateCostUsd(model, inputTokens, outputTokens);
		const parentRow = c.parentRow[row];
		const parentSpanId =
			parentRow >= 0
				? c.ids[parentRow]
				: parentRow === Parent.orphan
					? this.#orphanParentId.get(row)
					: parentRow === Parent.root
						? null
						: undefined;
		const kindType = this.strings.at(c.kindType[row]) ?? "custom";
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
		return (
			estimateCostUsd(this.strings.at(c.model[row]), known(c.inputTokens[row]), known(c.outputTokens[row])) ??
			Number.NaN
		);
	}

	span(traceId: string, spanId: string): SpanSummary | undefined {
		const row = this.rowOf(spanId, traceId);
		return row === undefined ? undefined : this.spanAt(row);
	}

	/** Sums of a trace; computed when asked for and kept until the trace changes. */
	summary(traceId: string): TraceSummary | undefined {
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return undefined;
		const kept = this.#summaries.get(traceId);
		if (kept !== undefined && kept.revision === entry.revision) return kept.summary;
		const summary = this.#summarize(entry);
		this.#summaries.set(traceId, { revision: entry.revision, summary });
		return summary;
	}

	/** Announces what is waiting now, without the rest of the window. */
	flush(): void {
		if (this.#timer !== undefined) clearTimeout(this.#timer);
		this.#timer = undefined;
		if (this.#changed.size === 0 && this.#removed.size === 0 && !this.#isCleared) return;
		const changes: ChangeSet = {
			revision: this.#revision,
			changedTraces: this.#changed,
			removedTraceIds: [...this.#removed],
			newLiveTraceIds: [...this.#newLive],
			isCleared: this.#isCleared,
		};
		this.#changed = new Map();
		this.#removed = new Set();
		this.#newLive = new Set();
		this.#isCleared = false;
		this.#onDidChange.fire(changes);
	}

	dispose(): void {
		if (this.#timer !== undefined) clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#onDidChange.dispose();
	}

	#summarize(entry: TraceEntry): TraceSummary {
		const c = this.columns;
		let running = 0;
		let failed = 0;
		let firstRow = -1;
		let rootRow = -1;
		let lastRow = -1;
		let firstFailed = -1;
		let inputTokens = Number.NaN;
		let outputTokens = Number.NaN;
		let costNanoUsd = Number.NaN;
		let isCostEstimated = false;
		for (const row of entry.rows) {
			if (firstRow < 0 || isBefore(c.startMs, c.startSubNs, row, firstRow)) firstRow = row;
			if (c.parentRow[row] === Parent.root && (rootRow < 0 || isBefore(c.startMs, c.startSubNs, row, rootRow))) {
				rootRow = row;
			}
			const state = c.state[row];
			if (state === SpanStateCode.running) running++;
			else if (lastRow < 0 || isBefore(c.endMs, c.endSubNs, lastRow, row)) lastRow = row;
			if (state === SpanStateCode.failed) {
				failed++;
				if (firstFailed < 0 || isBefore(c.startMs, c.startSubNs, row, firstFailed)) firstFailed = row;
			}
			inputTokens = plus(inputTokens, c.inputTokens[row]);
			outputTokens = plus(outputTokens, c.outputTokens[row]);
			const costUsd = this.costUsdAt(row);
			if (Number.isNaN(costUsd)) continue;
			// Whole nano-dollars add up to the same sum in any order, which plain doubles do not.
			costNanoUsd = plus(costNanoUsd, Math.round(costUsd * 1e9));
			if (Number.isNaN(c.costUsd[row])) isCostEstimated = true;
		}
		const nameRow = rootRow >= 0 ? rootRow : firstRow;
		const first = firstRow < 0 ? undefined : timeAt(c.startMs[firstRow], c.startSubNs[firstRow]);
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
			inputTokens: known(inputTokens),
			outputTokens: known(outputTokens),
			costUsd: Number.isNaN(costNanoUsd) ? undefined : costNanoUsd / 1e9,
			isCostEstimated,
			error: firstFailed < 0 ? undefined : this.#errors.get(firstFailed),
			droppedSpans: entry.droppedSpans,
			changedAtMs: entry.changedAtMs,
		};
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
			column[row] = index;
			hasChanged = true;
		};
		const setNumber = (column: Float64Array, value: number | undefined) => {
			if (value === undefined || Object.is(column[row], value) || (isLate && !Number.isNaN(column[row]))) return;
			column[row] = value;
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
		setText(c.kindType, input.kindType);
		setText(c.kindName, input.kindName);
		setText(c.model, input.model);
		setText(c.provider, input.provider);
		setNumber(c.inputTokens, input.inputTokens);
		setNumber(c.outputTokens, input.outputTokens);
		setNumber(c.costUsd, input.costUsd);
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
			this.#forgetOrphan(row);
			c.parentRow[row] = Parent.root;
			return true;
		}
		if (before === Parent.orphan && this.#orphanParentId.get(row) === parentSpanId) return false;
		const parentRow = this.rowOf(parentSpanId, this.entryOfRow(row).traceId);
		if (parentRow !== undefined) {
			if (before === parentRow) return false;
			this.#forgetOrphan(row);
			c.parentRow[row] = parentRow;
			return true;
		}
		this.#forgetOrphan(row);
		this.#rememberOrphan(row, parentSpanId);
		return true;
	}

	#rememberOrphan(row: number, parentSpanId: string): void {
		this.columns.parentRow[row] = Parent.orphan;
		this.#orphanParentId.set(row, parentSpanId);
		const rows = this.#orphansByParentId.get(parentSpanId);
		if (rows === undefined) this.#orphansByParentId.set(parentSpanId, new Set([row]));
		else rows.add(row);
	}

	#forgetOrphan(row: number): void {
		const parentSpanId = this.#orphanParentId.get(row);
		if (parentSpanId === undefined) return;
		this.#orphanParentId.delete(row);
		const rows = this.#orphansByParentId.get(parentSpanId);
		rows?.delete(row);
		if (rows?.size === 0) this.#orphansByParentId.delete(parentSpanId);
	}

	/** The parent has arrived: its waiting children of the same trace find it. */
	#adoptOrphans(row: number, entry: TraceEntry): void {
		const waiting = this.#orphansByParentId.get(this.columns.ids[row]);
		if (waiting === undefined) return;
		for (const child of [...waiting]) {
			if (this.columns.traceIndex[child] !== entry.index) continue;
			this.#forgetOrphan(child);
			this.columns.parentRow[child] = row;
			this.#touch(entry, child);
		}
	}

	#removeRows(entry: TraceEntry, gone: ReadonlySet<number>): void {
		const c = this.columns;
		const kept = entry.rows.filter((row) => !gone.has(row));
		for (let ordinal = 0; ordinal < kept.length; ordinal++) {
			const row = kept[ordinal];
			c.ordinal[row] = ordinal;
			const parentRow = c.parentRow[row];
			if (parentRow >= 0 && gone.has(parentRow)) this.#rememberOrphan(row, c.ids[parentRow]);
		}
		entry.rows = kept;
		entry.structureRevision++;
		for (const row of gone) this.#releaseRow(row);
		const change = this.#changeOf(entry.traceId);
		change.isRestructured = true;
		for (const row of gone) change.rows.delete(row);
	}

	#releaseRow(row: number): void {
		this.#forgetOrphan(row);
		this.#errors.delete(row);
		this.#paths.delete(row);
		this.#unlinkId(row, this.columns.ids[row]);
		this.columns.release(row);
		this.#spanCount--;
	}

	#linkId(row: number, spanId: string): void {
		const first = this.#rowById.get(spanId);
		if (first !== undefined) this.#sameId.set(row, first);
		this.#rowById.set(spanId, row);
	}

	#unlinkId(row: number, spanId: string): void {
		const next = this.#sameId.get(row);
		this.#sameId.delete(row);
		let at = this.#rowById.get(spanId);
		if (at === row) {
			if (next === undefined) this.#rowById.delete(spanId);
			else this.#rowById.set(spanId, next);
			return;
		}
		while (at !== undefined) {
			const after = this.#sameId.get(at);
			if (after === row) {
				if (next === undefined) this.#sameId.delete(at);
				else this.#sameId.set(at, next);
				return;
			}
			at = after;
		}
	}

	#traceIdOfSpan(spanId: string): string | undefined {
		const row = this.#rowById.get(spanId);
		return row === undefined ? undefined : this.entryOfRow(row).traceId;
	}

	#noteService(entry: TraceEntry, input: SpanInput): void {
		if (input.serviceName !== undefined && entry.serviceName === undefined) entry.serviceName = input.serviceName;
	}

	#ensureEntry(traceId: string): TraceEntry {
		const known = this.#entries.get(traceId);
		if (known !== undefined) return known;
		const index = this.#freeEntryIndexes.pop() ?? this.#entryByIndex.length;
		const entry: TraceEntry = {
			traceId,
			index,
			name: undefined,
			tags: [],
			start: undefined,
			serviceName: undefined,
			rows: [],
			revision: 0,
			structureRevision: 0,
			droppedSpans: 0,
			// A trace whose birth we saw is whole; one that comes out of history is not until it was read to its end.
			isWhole: !this.#isHistory,
			changedAtMs: Date.now(),
		};
		this.#entries.set(traceId, entry);
		this.#entryByIndex[index] = entry;
		this.#removed.delete(traceId);
		if (!this.#isHistory) this.#newLive.add(traceId);
		return entry;
	}

	#dropEntry(entry: TraceEntry): void {
		for (const row of entry.rows) this.#releaseRow(row);
		entry.rows = [];
		this.#entries.delete(entry.traceId);
		this.#entryByIndex[entry.index] = undefined;
		this.#freeEntryIndexes.push(entry.index);
		this.#summaries.delete(entry.traceId);
		this.#changed.delete(entry.traceId);
		this.#newLive.delete(entry.traceId);
		this.#removed.add(entry.traceId);
	}

	/** Evicts old traces so that one more span of `entry` fits; false when only pinned traces and `entry` itself are left. */
	#makeRoom(entry: TraceEntry): boolean {
		this.#evict(entry, Math.floor(this.#maxSpans * 0.95));
		return this.#spanCount < this.#maxSpans;
	}

	/** Removes the oldest traces, whole, until the bounds hold. A twentieth more goes at once, so that this stays rare. */
	#evict(keep?: TraceEntry, toSpans = this.#maxSpans): void {
		if (this.#spanCount <= toSpans && this.#entries.size <= this.#maxTraces) return;
		const toTraces = this.#entries.size > this.#maxTraces ? Math.floor(this.#maxTraces * 0.95) : this.#maxTraces;
		const candidates = [...this.#entries.values()].filter((entry) => entry !== keep && !this.#pins.has(entry.traceId));
		const ages = new Map(candidates.map((entry) => [entry, this.#startMsOf(entry)]));
		candidates.sort((a, b) => (ages.get(a) ?? 0) - (ages.get(b) ?? 0));
		for (const entry of candidates) {
			if (this.#spanCount <= toSpans && this.#entries.size <= toTraces) break;
			this.#evictedTraces++;
			this.#evictedSpans += entry.rows.length;
			this.#dropEntry(entry);
		}
		this.#compactStrings();
		this.#schedule();
	}

	#startMsOf(entry: TraceEntry): number {
		return entry.start?.ms ?? (entry.rows.length > 0 ? this.columns.startMs[entry.rows[0]] : entry.changedAtMs);
	}

	/** Names of evicted spans would stay in the table for good; when most of it is dead, it is built anew. */
	#compactStrings(): void {
		const c = this.columns;
		const columns = [c.name, c.kindType, c.kindName, c.model, c.provider];
		const live = new Set<number>();
		for (let row = 0; row < c.used; row++) {
			if (c.traceIndex[row] < 0) continue;
			for (const column of columns) if (column[row] >= 0) live.add(column[row]);
		}
		if (this.strings.size < 2 * live.size + 1024) return;
		const texts = new Map([...live].map((index) => [index, this.strings.at(index) ?? ""]));
		this.strings.clear();
		const moved = new Map([...texts].map(([index, text]) => [index, this.strings.intern(text)]));
		for (let row = 0; row < c.used; row++) {
			if (c.traceIndex[row] < 0) continue;
			for (const column of columns) column[row] = moved.get(column[row]) ?? NO_STRING;
		}
	}

	#bury(key: string, position: number | undefined): void {
		this.#tombstones.delete(key);
		this.#tombstones.set(key, position ?? -1);
		if (this.#tombstones.size <= MAX_TOMBSTONES) return;
		const oldest = this.#tombstones.keys().next();
		if (!oldest.done) this.#tombstones.delete(oldest.value);
	}

	#isDeleted(traceId: string, spanId: string | undefined, position: number | undefined): boolean {
		if (position !== undefined && position <= this.#clearedAt) return true;
		if (this.#tombstones.size === 0) return false;
		return (
			this.#isBuried(traceKey(traceId), position) || (spanId !== undefined && this.#isBuried(spanKey(spanId), position))
		);
	}

	#isBuried(key: string, position: number | undefined): boolean {
		const buriedAt = this.#tombstones.get(key);
		if (buriedAt === undefined) return false;
		if (position === undefined || position <= buriedAt) return true;
		this.#tombstones.delete(key);
		return false;
	}

	#changeOf(traceId: string): { rows: Set<number>; isRestructured: boolean } {
		let change = this.#changed.get(traceId);
		if (change === undefined) {
			change = { rows: new Set(), isRestructured: false };
			this.#changed.set(traceId, change);
		}
		return change;
	}

	#touch(entry: TraceEntry, row?: number): void {
		entry.revision++;
		entry.changedAtMs = Date.now();
		const change = this.#changeOf(entry.traceId);
		if (row !== undefined) change.rows.add(row);
		this.#schedule();
	}

	#schedule(): void {
		this.#revision++;
		this.#timer ??= setTimeout(() => this.flush(), this.#coalesceMs);
	}
}

const traceKey = (traceId: string) => `t ${traceId}`;
const spanKey = (spanId: string) => `s ${spanId}`;

function known(value: number): number | undefined {
	return Number.isNaN(value) ? undefined : value;
}

/** Sum of two numbers of which either may be unknown (NaN). */
function plus(sum: number, value: number): number {
	return Number.isNaN(value) ? sum : Number.isNaN(sum) ? value : sum + value;
}

function timeAt(ms: number, subNs: number): Timestamp | undefined {
	return Number.isNaN(ms) ? undefined : { ms, subNs };
}

/** Whether the time of row `a` is earlier than that of row `b`; an unknown time is later than all. */
function isBefore(ms: Float64Array, subNs: Uint32Array, a: number, b: number): boolean {
	if (Number.isNaN(ms[a])) return false;
	if (Number.isNaN(ms[b]) || ms[a] < ms[b]) return true;
	return ms[a] === ms[b] && subNs[a] < subNs[b];
}

function sameTime(a: Timestamp, b: Timestamp | undefined): boolean {
	return b !== undefined && a.ms === b.ms && a.subNs === b.subNs;
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((text, index) => text === b[index]);
}
