import type { Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import { type Database, readNumber, type Statement } from "./database.ts";
import type { TraceHead, TraceRow } from "./wireText.ts";

/** A trace in the cache. Its sums are written at the end of the transaction, once however many spans it got. */
export interface TraceEntry extends TraceHead {
	readonly ref: number;
	/** Session that its tags or the first span with one named. */
	sessionRef: number | null;
	/** 1 when usage was added or may count otherwise since it was last summed up. */
	unsettled: number;
	/** No span of it is older than this row number; 0 when its spans are from before it was read. */
	firstSeq: number;
	/** 1 when a span has usage. */
	hasUsage: number;
	name: string | null;
	tagsJson: string;
	startMs: number;
	startSub: number;
	/** A code of `RecordState`. */
	record: number;
	spanCount: number;
	runningCount: number;
	failedCount: number;
	endMs: number | null;
	endSub: number | null;
	isDirty: boolean;
}

/** Whether a trace has a record of its own, and whether that record's name may still be replaced by a better one. */
export const RecordState = { none: 0, provisional: 1, final: 2 } as const;

/** A trace whose sums are not right. */
export interface UnsettledTrace {
	readonly ref: number;
	readonly id: string;
	readonly spanCount: number;
}

/** Sums over the spans of a trace whose usage counts; null is unknown. */
export type UsageSums = Pick<
	TraceRow,
	"llmCalls" | "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens" | "reasoningTokens" | "costNano"
>;

interface TraceRecord {
	readonly name: string | null;
	readonly tagsJson: string;
	/** `RecordState.provisional` or `.final`. */
	readonly state: number;
}

/** Traces whose rows are kept in memory between transactions. */
const MAX_CACHED = 4096;

const TRACE_COLUMNS = `ref, id, name, tags AS tagsJson, start_ms AS startMs, start_sub AS startSub, record,
	span_count AS spanCount, running_count AS runningCount, failed_count AS failedCount, end_ms AS endMs,
	end_sub AS endSub, session AS sessionRef, unsettled,
	coalesce(input_tokens, output_tokens, cost_nano, cache_read_tokens, cache_write_tokens, reasoning_tokens) IS NOT NULL
		OR llm_calls > 0 OR unsettled AS hasUsage`;

/**
 * The table of traces with the sums over their spans: number, running, failed, last end. A trace that only spans have named
 * is here too, so that lists show it; it goes with its last span. For use inside the store's transactions only.
 */
export class TraceTable {
	readonly #database: Database;
	readonly #byId: Statement;
	readonly #insert: Statement;
	readonly #update: Statement;
	readonly #oldest: Statement;
	readonly #endedBefore: Statement;
	readonly #lastEnd: Statement;
	readonly #delete: Statement;
	readonly #doom: Statement;
	readonly #setSums: Statement;
	readonly #unsettled: Statement;
	readonly #cache = new Map<string, TraceEntry>();
	readonly #dirty = new Set<TraceEntry>();
	#lastRef: number;
	#count: number;
	/** The same as of the last commit. */
	#committed: { readonly lastRef: number; readonly count: number };

	constructor(database: Database) {
		this.#database = database;
		this.#byId = database.prepare(`SELECT ${TRACE_COLUMNS} FROM traces WHERE id = ?`);
		this.#insert = database.prepare(
			`INSERT INTO traces (ref, id, name, tags, start_ms, start_sub, record, session, span_count, running_count, failed_count)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)`,
		);
		this.#update = database.prepare(
			`UPDATE traces SET name = ?, tags = ?, start_ms = ?, start_sub = ?, record = ?, span_count = ?,
				running_count = ?, failed_count = ?, end_ms = ?, end_sub = ?, session = ?, unsettled = ? WHERE ref = ?`,
		);
		this.#oldest = database.prepare(`SELECT ${TRACE_COLUMNS} FROM traces ORDER BY start_ms, start_sub LIMIT 1`);
		this.#endedBefore = database.prepare(
			`SELECT ${TRACE_COLUMNS} FROM traces WHERE start_ms < ? AND running_count = 0 AND coalesce(end_ms, start_ms) < ?
			ORDER BY start_ms, start_sub LIMIT ?`,
		);
		this.#lastEnd = database.prepare(
			`SELECT s.end_ms AS ms, s.end_sub AS subNs FROM trace_spans x CROSS JOIN spans s ON s.seq = x.seq
			WHERE x.trace = ? AND s.end_ms IS NOT NULL ORDER BY s.end_ms DESC, s.end_sub DESC LIMIT 1`,
		);
		this.#delete = database.prepare("DELETE FROM traces WHERE ref = ?");
		this.#doom = database.prepare("INSERT INTO doomed (ref, id) VALUES (?, ?)");
		this.#setSums = database.prepare(
			`UPDATE traces SET unsettled = 0, llm_calls = ?, input_tokens = ?, output_tokens = ?, cache_read_tokens = ?,
				cache_write_tokens = ?, reasoning_tokens = ?, cost_nano = ? WHERE ref = ?`,
		);
		this.#unsettled = database.prepare(
			"SELECT ref, id, span_count AS spanCount FROM traces WHERE unsettled = 1 AND span_count <= ? ORDER BY ref LIMIT ?",
		);
		this.#lastRef = readNumber(
			database,
			"SELECT max(ref) FROM (SELECT ref FROM traces UNION ALL SELECT ref FROM doomed)",
		);
		this.#count = readNumber(database, "SELECT count(*) FROM traces");
		this.#committed = { lastRef: this.#lastRef, count: this.#count };
	}

	get count(): number {
		return this.#count;
	}

	find(id: string): TraceEntry | undefined {
		const cached = this.#cache.get(id);
		if (cached !== undefined) return cached;
		const row = this.#byId.get(id);
		return row === undefined ? undefined : this.#remember(row);
	}

	add(id: string, start: Timestamp, record: TraceRecord | undefined, sessionRef: number | null): TraceEntry {
		const entry: TraceEntry = {
			ref: ++this.#lastRef,
			id,
			name: record?.name ?? null,
			tagsJson: record?.tagsJson ?? "[]",
			startMs: start.ms,
			startSub: start.subNs,
			record: record?.state ?? RecordState.none,
			spanCount: 0,
			runningCount: 0,
			failedCount: 0,
			endMs: null,
			endSub: null,
			sessionRef,
			unsettled: 0,
			hasUsage: 0,
			firstSeq: 0,
			isDirty: false,
		};
		const { ref, name, tagsJson, startMs, startSub } = entry;
		this.#insert.run(ref, id, name, tagsJson, startMs, startSub, entry.record, sessionRef);
		this.#cache.set(id, entry);
		this.#count++;
		return entry;
	}

	/** Turns a trace that spans have named into a record. It keeps the start of its first span unless told another one. */
	makeRecord(entry: TraceEntry, record: TraceRecord, start: Timestamp | undefined, sessionRef: number | null): void {
		if (sessionRef !== null) entry.sessionRef = sessionRef;
		entry.record = record.state;
		entry.name = record.name;
		entry.tagsJson = record.tagsJson;
		if (start !== undefined) {
			entry.startMs = start.ms;
			entry.startSub = start.subNs;
		}
		this.#touch(entry);
	}

	didAddSpan(
		entry: TraceEntry,
		status: number,
		start: Timestamp,
		end: Timestamp | undefined,
		sessionRef: number | null,
		hasUsage: boolean,
	): void {
		entry.spanCount++;
		entry.sessionRef ??= sessionRef;
		if (hasUsage) entry.hasUsage = 1;
		// A span without usage may be the missing link between two that have some.
		if (entry.hasUsage === 1) entry.unsettled = 1;
		if (status === SpanStateCode.running) entry.runningCount++;
		else if (status === SpanStateCode.failed) entry.failedCount++;
		if (end !== undefined) extend(entry, end);
		if (entry.record === RecordState.none) this.didBegin(entry, start);
		this.#touch(entry);
	}

	/** Moves the start of a trace back to the start of something that began earlier. */
	didBegin(entry: TraceEntry, start: Timestamp): void {
		if (!isBefore(start.ms, start.subNs, entry.startMs, entry.startSub)) return;
		entry.startMs = start.ms;
		entry.startSub = start.subNs;
		this.#touch(entry);
	}

	didEndSpan(entry: TraceEntry, status: number, end: Timestamp, isUsageChanged: boolean): void {
		entry.runningCount--;
		if (isUsageChanged) {
			entry.hasUsage = 1;
			entry.unsettled = 1;
		}
		if (status === SpanStateCode.failed) entry.failedCount++;
		extend(entry, end);
		this.#touch(entry);
	}

	/**
	 * Takes a span that has been deleted out of the sums; `trace_spans` must be up to date. A trace without record goes with its
	 * last span.
	 */
	didDeleteSpan(entry: TraceEntry, status: number, end: Timestamp | undefined): void {
		entry.spanCount--;
		if (entry.hasUsage === 1) entry.unsettled = 1;
		if (status === SpanStateCode.running) entry.runningCount--;
		else if (status === SpanStateCode.failed) entry.failedCount--;
		if (entry.spanCount === 0 && entry.record === RecordState.none) {
			this.remove(entry);
			return;
		}
		if (end !== undefined && end.ms === entry.endMs && end.subNs === entry.endSub) {
			const last = this.#lastEnd.get(entry.ref) as unknown as Timestamp | undefined;
			entry.endMs = last?.ms ?? null;
			entry.endSub = last?.subNs ?? null;
		}
		this.#touch(entry);
	}

	/** Removes a trace, of which nothing is left. */
	remove(entry: TraceEntry): void {
		this.#delete.run(entry.ref);
		this.#cache.delete(entry.id);
		this.#dirty.delete(entry);
		this.#count--;
	}

	/** Removes a trace whose spans are going to be deleted bit by bit. */
	doom(entry: TraceEntry): void {
		this.#doom.run(entry.ref, entry.id);
		this.remove(entry);
	}

	/** Removes all traces, as `doom` does. */
	doomAll(): void {
		this.#database.exec("INSERT INTO doomed (ref, id) SELECT ref, id FROM traces");
		this.clear();
	}

	/** Traces of at most `maxSpans` spans whose sums are not right, at most `limit`; for use when nothing is unwritten. */
	unsettled(limit: number, maxSpans: number): readonly UnsettledTrace[] {
		return this.#unsettled.all(maxSpans, limit) as unknown as readonly UnsettledTrace[];
	}

	/** Writes the sums of a trace, which is settled then. */
	setSums(ref: number, id: string, sums: UsageSums): void {
		this.#setSums.run(
			sums.llmCalls,
			sums.inputTokens,
			sums.outputTokens,
			sums.cacheReadTokens,
			sums.cacheWriteTokens,
			sums.reasoningTokens,
			sums.costNano,
			ref,
		);
		const entry = this.#cache.get(id);
		if (entry !== undefined) entry.unsettled = 0;
	}

	/** The trace that began first. */
	oldest(): TraceEntry | undefined {
		// Sums and starts of this transaction may not have been written yet.
		this.flush();
		const row = this.#oldest.get();
		if (row === undefined) return undefined;
		return this.#cache.get(row.id as string) ?? this.#remember(row);
	}

	/** Traces without running spans that have ended before a time, those that began first first. */
	endedBefore(ms: number, limit: number): readonly TraceEntry[] {
		this.flush();
		return this.#endedBefore.all(ms, ms, limit).map((row) => this.#cache.get(row.id as string) ?? this.#remember(row));
	}

	clear(): void {
		this.#database.exec("DELETE FROM traces");
		this.#cache.clear();
		this.#dirty.clear();
		this.#count = 0;
	}

	/** Writes the sums that changed in this transaction. */
	flush(): void {
		for (const entry of this.#dirty) {
			this.#update.run(
				entry.name,
				entry.tagsJson,
				entry.startMs,
				entry.startSub,
				entry.record,
				entry.spanCount,
				entry.runningCount,
				entry.failedCount,
				entry.endMs,
				entry.endSub,
				entry.sessionRef,
				entry.unsettled,
				entry.ref,
			);
			entry.isDirty = false;
		}
		this.#dirty.clear();
	}

	/** Takes note of a commit, and keeps the cache within its bound: nothing in it is unwritten now. */
	didCommit(): void {
		this.#committed = { lastRef: this.#lastRef, count: this.#count };
		if (this.#cache.size <= MAX_CACHED) return;
		let excess = this.#cache.size - MAX_CACHED / 2;
		for (const id of this.#cache.keys()) {
			this.#cache.delete(id);
			if (--excess <= 0) return;
		}
	}

	/** Forgets what a transaction that was rolled back left in memory. */
	didRollBack(): void {
		this.#cache.clear();
		this.#dirty.clear();
		this.#lastRef = this.#committed.lastRef;
		this.#count = this.#committed.count;
	}

	#remember(row: Record<string, unknown>): TraceEntry {
		const entry = { ...row, firstSeq: 0, isDirty: false } as unknown as TraceEntry;
		this.#cache.set(entry.id, entry);
		return entry;
	}

	#touch(entry: TraceEntry): void {
		if (entry.isDirty) return;
		entry.isDirty = true;
		this.#dirty.add(entry);
	}
}

function isBefore(ms: number, sub: number, otherMs: number, otherSub: number): boolean {
	return ms < otherMs || (ms === otherMs && sub < otherSub);
}

function extend(entry: TraceEntry, end: Timestamp): void {
	if (entry.endMs === null || isBefore(entry.endMs, entry.endSub ?? 0, end.ms, end.subNs)) {
		entry.endMs = end.ms;
		entry.endSub = end.subNs;
	}
}
