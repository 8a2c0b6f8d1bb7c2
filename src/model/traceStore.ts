import type { Disposable } from "../base/disposable.ts";
import type { Event } from "../base/emitter.ts";
import type { Timestamp } from "../base/timestamp.ts";
import { type ChangeSet, ChangeWindow } from "./changeWindow.ts";
import type { ReportedTrace, SpanInput, SpanSummary, TraceInput, TraceSummary } from "./span.ts";
import { Parent, type SpanColumns } from "./spanColumns.ts";
import { SpanRows, Written } from "./spanRows.ts";
import type { StringTable } from "./stringTable.ts";
import { Tombstones } from "./tombstones.ts";
import { betterName, extraOf, type NamedBySpan, type StoredEntry, type TraceEntry } from "./traceEntry.ts";
import { CHUNK, noteUsage, summarize } from "./traceSummaries.ts";

const NO_TAGS: readonly string[] = [];

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
	readonly #spans = new SpanRows();
	readonly columns: SpanColumns = this.#spans.columns;
	readonly strings: StringTable = this.#spans.strings;
	readonly #entries = new Map<string, StoredEntry>();
	readonly #entryByIndex: (StoredEntry | undefined)[] = [];
	readonly #freeEntryIndexes: number[] = [];
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
		this.#changes.onDidChange(() => this.#spans.compact());
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
		if (traceId === undefined) return this.#spans.findAny(spanId);
		const entry = this.#entries.get(traceId);
		return entry === undefined ? undefined : this.#spans.find(spanId, entry.index);
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
		return this.#spans.errorOf(row);
	}

	/** Discriminator of a span's kind on the wire; `custom` while unknown. */
	kindTypeOf(row: number): string {
		return this.#spans.kindTypeOf(row);
	}

	/** File that a span names. */
	pathOf(row: number): string | undefined {
		return this.#spans.pathOf(row);
	}

	/** Id of a parent that was named but not received. */
	missingParentOf(row: number): string | undefined {
		return this.#spans.missingParentOf(row);
	}

	/** Whether somebody looks at the trace. */
	isPinned(traceId: string): boolean {
		return this.#pins.has(traceId);
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
		if (input.reported !== undefined && !sameReport(input.reported, entry.extra?.reported)) {
			// The first report only says what is here; a new one says that something happened there.
			if (entry.extra?.reported !== undefined || entry.rows.length === 0) entry.isWhole = false;
			extraOf(entry).reported = input.reported;
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
			const written = this.#spans.write(known, input);
			if (written === Written.usage) noteUsage(entry, this.#spans, known);
			if (!this.#noteNames(entry, known, input) && written === Written.nothing) return "unchanged";
			this.#touch(entry, known);
			return "applied";
		}
		const isNewTrace = !this.#entries.has(traceId);
		const entry = this.#ensureEntry(traceId);
		if (this.#spanCount >= this.#maxSpans && !this.#makeRoom(entry, input)) {
			this.#noteDropped(entry, input.spanId);
			return "ignored";
		}
		const { row, children } = this.#spans.add(input, entry.index, entry.rows.length);
		this.#spanCount++;
		entry.rows.push(row);
		// A span that begins says no tokens yet: most come here twice, and only the second time matters to the sums.
		if (this.columns.hasUsage(row)) noteUsage(entry, this.#spans, row);
		this.#noteNames(entry, row, input);
		if (entry.extra?.dropped?.delete(input.spanId)) entry.droppedSpans--;
		for (const child of children) {
			noteUsage(entry, this.#spans, child);
			this.#touch(entry, child);
		}
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
		this.#spans.clear();
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
				this.#markWhole(entry);
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
		if (entry !== undefined) this.#markWhole(entry);
	}

	#markWhole(entry: StoredEntry): void {
		if (entry.isWhole) return;
		entry.isWhole = true;
		// The sums are those of the spans from now on.
		if (entry.extra?.reported !== undefined) this.#touch(entry);
	}

	/** The span in a row as an object. */
	spanAt(row: number): SpanSummary {
		return this.#spans.summaryAt(row, this.entryOfRow(row).traceId);
	}

	/** Nanoseconds from a call's start to its first token; NaN while unknown. */
	firstTokenNsAt(row: number): number {
		return this.#spans.firstTokenNsAt(row);
	}

	/** Cost of the span in a row: the server's word, else the estimate; NaN when unknown. */
	costUsdAt(row: number): number {
		return this.#spans.costUsdAt(row);
	}

	span(traceId: string, spanId: string): SpanSummary | undefined {
		const row = this.rowOf(spanId, traceId);
		return row === undefined ? undefined : this.spanAt(row);
	}

	/** Sums of a trace; computed when asked for and kept until the trace changes. */
	summary(traceId: string): TraceSummary | undefined {
		const entry = this.#entries.get(traceId);
		if (entry === undefined) return undefined;
		entry.summary ??= summarize(entry, this.#spans);
		return entry.summary;
	}

	/** Announces what is waiting now, without the rest of the window. */
	flush(): void {
		this.#changes.flush();
	}

	dispose(): void {
		this.#changes.dispose();
	}

	#removeRows(entry: StoredEntry, gone: ReadonlySet<number>): void {
		const c = this.columns;
		const kept = entry.rows.filter((row) => !gone.has(row));
		for (let ordinal = 0; ordinal < kept.length; ordinal++) {
			const row = kept[ordinal];
			c.ordinal[row] = ordinal;
			const parentRow = c.parentRow[row];
			if (parentRow >= 0 && gone.has(parentRow)) this.#spans.orphan(row);
		}
		entry.rows = kept;
		if (entry.extra !== undefined) entry.extra.chunks = undefined;
		if (entry.nesting === "settled") entry.nesting = "stale";
		entry.structureRevision++;
		for (const row of gone) this.#releaseRow(row);
		this.#changes.removeRows(entry.traceId, gone);
	}

	#releaseRow(row: number): void {
		this.#spans.release(row);
		this.#spanCount--;
	}

	#traceIdOfSpan(spanId: string): string | undefined {
		const row = this.#spans.findAny(spanId);
		return row === undefined ? undefined : this.entryOfRow(row).traceId;
	}

	/** Service and session of a trace are what its spans say (`betterName`). Returns whether one of them changed. */
	#noteNames(entry: StoredEntry, row: number, { serviceName, sessionId }: SpanInput): boolean {
		if (serviceName === undefined && sessionId === undefined) return false;
		const c = this.columns;
		const isRoot = c.parentRow[row] === Parent.root;
		const startMs = Number.isNaN(c.startMs[row]) ? Number.MAX_VALUE : c.startMs[row] + c.startSubNs[row] / 1e6;
		const extra = extraOf(entry);
		const better = (before: NamedBySpan | undefined, name: string | undefined) =>
			name === undefined ? before : betterName(before, { name, isRoot, startMs });
		const sessionBefore = extra.session?.name;
		extra.service = better(extra.service, serviceName);
		extra.session = better(extra.session, sessionId);
		const hasChanged = entry.serviceName !== extra.service?.name || sessionBefore !== extra.session?.name;
		entry.serviceName = extra.service?.name;
		return hasChanged;
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
			nesting: "none",
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

function sameTime(a: Timestamp, b: Timestamp | undefined): boolean {
	return b !== undefined && a.ms === b.ms && a.subNs === b.subNs;
}

const REPORT_KEYS = [
	"spanCount",
	"failedCount",
	"state",
	"inputTokens",
	"outputTokens",
	"costUsd",
	"serviceName",
	"sessionId",
] as const satisfies readonly (keyof ReportedTrace)[];

function sameReport(a: ReportedTrace, b: ReportedTrace | undefined): boolean {
	if (b === undefined || !REPORT_KEYS.every((key) => a[key] === b[key])) return false;
	return a.end === undefined ? b.end === undefined : sameTime(a.end, b.end);
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((text, index) => text === b[index]);
}
