import { describeError, type Logger } from "../../base/logger.ts";
import { differenceNs, nowTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import { HttpError } from "../errors.ts";
import { idFactory } from "../ids.ts";
import type { SpanKindRecord } from "../spanKind.ts";
import { type Database, databaseFile, openDatabase, readNumber, type Statement } from "./database.ts";
import { EventLog } from "./eventLog.ts";
import { GroupCommit } from "./groupCommit.ts";
import { LogSync } from "./logSync.ts";
import { SPAN_COLUMNS, SPAN_TABLES } from "./reader.ts";
import { RecordState, type TraceEntry, TraceTable } from "./traceTable.ts";
import { type SpanRow, spanText, traceText } from "./wireText.ts";

/** A trace record to be made. */
export interface NewTrace {
	/** Undefined lets the server make a ULID. */
	readonly id: string | undefined;
	readonly name: string | null;
	/** JSON array of strings. */
	readonly tagsJson: string;
	/** Undefined is now. */
	readonly start: Timestamp | undefined;
}

/** What a batch of spans tells of a trace. */
export interface SeenTrace {
	readonly id: string;
	/** Well-formed text. */
	readonly name: string;
	/** False when only a service or nothing gave the name, and a root span's would be better. */
	readonly isNameFinal: boolean;
	/** JSON array of strings. */
	readonly tagsJson: string;
	readonly start: Timestamp;
}

/** A span that begins. Texts named `…Json` are compact JSON, null is "unset". */
export interface NewSpan {
	/** Undefined lets the server make a ULID. */
	readonly id: string | undefined;
	readonly traceId: string;
	readonly parentId: string | null;
	/** Well-formed text. */
	readonly name: string;
	readonly kind: SpanKindRecord;
	readonly inputJson: string | null;
	readonly metadataJson: string | null;
	/** Undefined is now. */
	readonly start: Timestamp | undefined;
}

/** A span that arrives when it has ended, as from OpenTelemetry. */
export interface EndedSpan extends NewSpan {
	readonly id: string;
	readonly start: Timestamp;
	readonly end: Timestamp;
	readonly outputJson: string | null;
	/** Text of a failed span, null of a completed one. */
	readonly error: string | null;
}

/** How a running span ends: completed, with what that adds, or failed. */
export type SpanEnd =
	| {
			readonly outputJson: string | null;
			readonly kind: SpanKindRecord | undefined;
			readonly end: Timestamp | undefined;
	  }
	| { readonly error: string; readonly end: Timestamp | undefined };

export type CreateTraceResult =
	| { readonly outcome: "created" | "same"; readonly text: string }
	| { readonly outcome: "conflict" };
export type CreateSpanResult =
	| { readonly outcome: "created" | "same"; readonly id: string; readonly traceId: string }
	| { readonly outcome: "conflict" };

export interface StoreOptions {
	/** Undefined keeps everything in memory. */
	readonly dataDir: string | undefined;
	readonly logger: Logger;
}

/** Replaced as a whole, so that a rollback is a step back. */
interface Counters {
	/** Row number of the newest span. */
	readonly lastSeq: number;
	/** `trace_spans` holds every span up to this one. */
	readonly indexedSeq: number;
	readonly spanCount: number;
}

/**
 * Traces, spans and the log of their events on one SQLite database. Every method that changes something resolves when the
 * change and its event are committed, and writes of one turn share a transaction. Listeners of `onCommit` see each event
 * once, in order, after its commit.
 */
export class Store {
	readonly database: Database;
	readonly isInMemory: boolean;
	readonly events: EventLog;
	readonly #traces: TraceTable;
	readonly #commits: GroupCommit;
	readonly #logger: Logger;
	readonly #makeId = idFactory();
	readonly #insertSpan: Statement;
	readonly #insertPayload: Statement;
	readonly #endSpan: Statement;
	readonly #replaceKind: Statement;
	readonly #upsertOutput: Statement;
	readonly #spanById: Statement;
	readonly #spanInTrace: Statement;
	readonly #deleteSpan: Statement;
	readonly #deletePayload: Statement;
	readonly #deleteIndexed: Statement;
	readonly #indexNew: Statement;
	readonly #saveIndexed: Statement;
	readonly #logSync: LogSync | undefined;
	#counters: Counters;
	/** The same as of the last commit. */
	#committed: Counters;
	#isClosed = false;

	constructor(options: StoreOptions) {
		this.isInMemory = options.dataDir === undefined;
		this.#logger = options.logger;
		this.database = openDatabase(options.dataDir);
		const prepare = (sql: string) => this.database.prepare(sql);
		this.events = new EventLog(this.database);
		this.#traces = new TraceTable(this.database);
		this.#logSync =
			options.dataDir === undefined ? undefined : new LogSync(databaseFile(options.dataDir), options.logger);
		const begin = prepare("BEGIN IMMEDIATE");
		const commit = prepare("COMMIT");
		this.#commits = new GroupCommit({
			begin: () => begin.run(),
			commit: () => {
				this.#traces.flush();
				if (this.#counters.lastSeq - this.#counters.indexedSeq >= MAX_UNINDEXED) this.#index();
				commit.run();
			},
			rollback: () => this.#rollback(),
			didCommit: () => {
				this.#traces.didCommit();
				this.#committed = this.#counters;
				this.#logSync?.didCommit();
				this.events.didCommit();
			},
		});
		this.#insertSpan = prepare(
			`INSERT INTO spans (seq, id, trace, parent_id, name, kind_type, kind_name, model, provider, path, input_tokens,
				output_tokens, cost, status, error, start_ms, start_sub, end_ms, end_sub, duration_ms, kind, service, metadata)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		);
		this.#insertPayload = prepare("INSERT INTO payloads (seq, input, output, attributes) VALUES (?, ?, ?, ?)");
		this.#endSpan = prepare(
			"UPDATE spans SET status = ?, error = ?, end_ms = ?, end_sub = ?, duration_ms = ? WHERE seq = ?",
		);
		this.#replaceKind = prepare(
			`UPDATE spans SET kind_type = ?, kind_name = ?, model = ?, provider = ?, path = ?, input_tokens = ?,
				output_tokens = ?, cost = ?, kind = ?, service = ? WHERE seq = ?`,
		);
		this.#upsertOutput = prepare(
			`INSERT INTO payloads (seq, input, output, attributes) VALUES (?, ?, ?, ?)
			ON CONFLICT (seq) DO UPDATE SET output = excluded.output, attributes = excluded.attributes`,
		);
		this.#spanById = prepare(
			`SELECT ${SPAN_COLUMNS}, s.kind_type AS kindType, s.kind_name AS kindName, s.model FROM ${SPAN_TABLES}
			WHERE s.id = ? ORDER BY s.seq DESC LIMIT 1`,
		);
		this.#spanInTrace = prepare("SELECT seq FROM spans WHERE id = ? AND trace = ?");
		this.#deleteSpan = prepare("DELETE FROM spans WHERE seq = ?");
		this.#deletePayload = prepare("DELETE FROM payloads WHERE seq = ?");
		this.#deleteIndexed = prepare(
			"DELETE FROM trace_spans WHERE trace = ? AND start_ms = ? AND start_sub = ? AND seq = ?",
		);
		this.#indexNew = prepare(
			`INSERT INTO trace_spans (trace, start_ms, start_sub, seq)
			SELECT trace, start_ms, start_sub, seq FROM spans WHERE seq > ? ORDER BY trace, start_ms, start_sub, seq`,
		);
		this.#saveIndexed = prepare(
			"INSERT INTO meta (key, value) VALUES ('indexed_seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		);
		const indexedSeq = readNumber(this.database, "SELECT max(value) FROM meta WHERE key = 'indexed_seq'");
		// The newest spans may have been deleted; their numbers are never used again, or nobody would index the new ones.
		const lastSeq = Math.max(indexedSeq, readNumber(this.database, "SELECT max(seq) FROM spans"));
		const spanCount = readNumber(this.database, "SELECT count(*) FROM spans");
		this.#counters = { lastSeq, indexedSeq, spanCount };
		this.#committed = this.#counters;
	}

	get spanCount(): number {
		return this.#counters.spanCount;
	}

	get traceCount(): number {
		return this.#traces.count;
	}

	/** Makes a trace record. The same record under the same id again changes nothing; another one is a conflict. */
	createTrace(trace: NewTrace): Promise<CreateTraceResult> {
		return this.#write(() => {
			const start = trace.start ?? nowTimestamp();
			const id = trace.id ?? this.#makeId();
			let entry = trace.id === undefined ? undefined : this.#traces.find(id);
			if (entry !== undefined && entry.record !== RecordState.none) {
				const isSame = entry.name === trace.name && entry.tagsJson === trace.tagsJson;
				return isSame ? { outcome: "same", text: traceText(entry) } : { outcome: "conflict" };
			}
			const record = { name: trace.name, tagsJson: trace.tagsJson, state: RecordState.final };
			// Spans may come before the record of their trace; the record then gives it its name.
			if (entry === undefined) entry = this.#traces.add(id, start, record);
			else this.#traces.makeRecord(entry, record, trace.start);
			const text = traceText(entry);
			this.events.append(`{"type":"trace_created","trace":${text}}`, null);
			return { outcome: "created", text };
		});
	}

	/**
	 * Names a trace whose spans arrive by themselves, as from OpenTelemetry: makes its record if there is none. A name that is
	 * not final is replaced once by a final one; anything else changes nothing.
	 */
	recordTrace(trace: SeenTrace): Promise<void> {
		return this.#write(() => {
			const { id, name, tagsJson, isNameFinal } = trace;
			const record = { name, tagsJson, state: isNameFinal ? RecordState.final : RecordState.provisional };
			let entry = this.#traces.find(id);
			// A root span comes last, and began first.
			if (entry !== undefined) this.#traces.didBegin(entry, trace.start);
			if (entry === undefined) entry = this.#traces.add(id, trace.start, record);
			else if (entry.record < record.state) this.#traces.makeRecord(entry, record, undefined);
			else return;
			this.events.append(`{"type":"trace_created","trace":${traceText(entry)}}`, null);
		});
	}

	/**
	 * Begins a span; its trace need not exist. A span of the same id, trace, parent and name again changes nothing, so that a
	 * request may be repeated when its answer was lost; any other span under a known id is a conflict.
	 */
	createSpan(span: NewSpan): Promise<CreateSpanResult> {
		return this.#write(() => {
			const { id, traceId } = span;
			if (id !== undefined) {
				const known = this.#find(id);
				if (known !== undefined) {
					const isSame = known.traceId === traceId && known.parentId === span.parentId && known.name === span.name;
					return isSame ? { outcome: "same", id, traceId } : { outcome: "conflict" };
				}
			}
			const row = this.#addSpan({
				...span,
				id: id ?? this.#makeId(),
				start: span.start ?? nowTimestamp(),
				end: undefined,
				outputJson: null,
				error: null,
			});
			this.events.append(`{"type":"span_created","span":${spanText(row)}}`, facetsOf(span.kind));
			return { outcome: "created", id: row.id, traceId };
		});
	}

	/** Ends a running span. */
	endSpan(id: string, how: SpanEnd): Promise<"ended" | "unknown" | "alreadyEnded"> {
		return this.#write(() => {
			const known = this.#find(id);
			if (known === undefined) return "unknown";
			if (known.status !== SpanStateCode.running) return "alreadyEnded";
			this.#end(known, how);
			return "ended";
		});
	}

	/** Takes spans that have ended already. One that is here and has ended is skipped, so that a batch may be sent twice. */
	addEndedSpans(spans: readonly EndedSpan[]): Promise<{ readonly added: number; readonly skipped: number }> {
		return this.#write(() => {
			let added = 0;
			for (const span of spans) {
				const entry = this.#traces.find(span.traceId);
				const known = entry === undefined ? undefined : this.#spanInTrace.get(span.id, entry.ref);
				if (known !== undefined) continue;
				const row = this.#addSpan(span);
				const type = span.error === null ? "span_completed" : "span_failed";
				this.events.append(`{"type":"${type}","span":${spanText(row)}}`, facetsOf(span.kind));
				added++;
			}
			return { added, skipped: spans.length - added };
		});
	}

	deleteSpan(id: string): Promise<boolean> {
		return this.#write(() => {
			const known = this.#find(id);
			if (known === undefined) return false;
			this.#index();
			this.#deleteSpan.run(known.seq);
			this.#deletePayload.run(known.seq);
			this.#didDeleteSpans(1);
			const entry = this.#traces.find(known.traceId);
			if (entry !== undefined) {
				this.#deleteIndexed.run(entry.ref, known.startMs, known.startSub, known.seq);
				const end = known.endMs === null ? undefined : { ms: known.endMs, subNs: known.endSub ?? 0 };
				this.#traces.didDeleteSpan(entry, known.status, end);
			}
			const ids = `"span_id":${JSON.stringify(known.id)},"trace_id":${JSON.stringify(known.traceId)}`;
			const facets = facetsText(known.kindType, known.kindName, known.model);
			this.events.append(`{"type":"span_deleted",${ids}}`, facets);
			return true;
		});
	}

	/** Deletes a trace with its spans; their number, or undefined when there is no such trace. */
	deleteTrace(id: string): Promise<number | undefined> {
		return this.#write(() => {
			const entry = this.#traces.find(id);
			return entry === undefined ? undefined : this.#removeTrace(entry);
		});
	}

	/** Deletes every trace and span. Ids of events go on where they were. */
	deleteAll(): Promise<void> {
		return this.#write(() => {
			this.database.exec("DELETE FROM spans; DELETE FROM payloads; DELETE FROM trace_spans;");
			this.#traces.clear();
			this.#didDeleteSpans(this.#counters.spanCount);
			this.events.appendCleared();
		});
	}

	/** Deletes the oldest traces, whole and at least one, until `minSpans` spans or `maxTraces` traces are gone. */
	deleteOldest(minSpans: number, maxTraces: number): Promise<{ readonly traces: number; readonly spans: number }> {
		return this.#write(() => {
			let spans = 0;
			let traces = 0;
			while (traces === 0 || (spans < minSpans && traces < maxTraces)) {
				const entry = this.#traces.oldest();
				if (entry === undefined) break;
				spans += this.#removeTrace(entry);
				traces++;
			}
			return { traces, spans };
		});
	}

	/** Runs work on the event log inside a transaction of its own. */
	maintain<T>(work: (events: EventLog) => T): Promise<T> {
		return this.#write(() => work(this.events));
	}

	/** Bytes in use, free pages not counted. */
	usedBytes(): number {
		const pages = readNumber(this.database, "PRAGMA page_count") - readNumber(this.database, "PRAGMA freelist_count");
		return pages * readNumber(this.database, "PRAGMA page_size");
	}

	/**
	 * Gives the pages of deleted data back to the file system, so that they are gone from the disk, unless that would take long:
	 * it costs a copy of what is left.
	 */
	compact(): void {
		const free = readNumber(this.database, "PRAGMA freelist_count");
		if (this.isInMemory || free === 0 || this.usedBytes() > MAX_COMPACTED_BYTES) return;
		this.database.exec("VACUUM");
		this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
	}

	/** Brings the index of spans by trace up to date; whoever reads by it asks for this first. */
	indexSpans(): void {
		if (this.#counters.indexedSeq === this.#counters.lastSeq) return;
		this.database.exec("BEGIN IMMEDIATE");
		try {
			this.#index();
			this.database.exec("COMMIT");
			this.#committed = this.#counters;
		} catch (error) {
			this.#rollback();
			throw error;
		}
	}

	/** Writes what waits and closes the database. */
	async close(): Promise<void> {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#commits.flush();
		await this.#logSync?.close();
		try {
			// Leaves one file behind instead of three.
			this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
		} catch (error) {
			this.#logger.warn(`the log of the database stays: ${describeError(error)}`);
		}
		this.database.close();
	}

	#find(id: string): (SpanRow & { kindType: string; kindName: string; model: string | null }) | undefined {
		const row = this.#spanById.get(id);
		return row as unknown as (SpanRow & { kindType: string; kindName: string; model: string | null }) | undefined;
	}

	#addSpan(span: Omit<EndedSpan, "end"> & { readonly end: Timestamp | undefined }): SpanRow {
		const { kind, start, end } = span;
		const status =
			end === undefined ? SpanStateCode.running : span.error === null ? SpanStateCode.completed : SpanStateCode.failed;
		const entry = this.#traces.find(span.traceId) ?? this.#traces.add(span.traceId, start, undefined);
		const seq = this.#counters.lastSeq + 1;
		const row: SpanRow = {
			seq,
			id: span.id,
			traceId: span.traceId,
			parentId: span.parentId,
			name: span.name,
			status,
			error: span.error,
			startMs: start.ms,
			startSub: start.subNs,
			endMs: end?.ms ?? null,
			endSub: end?.subNs ?? null,
			durationMs: end === undefined ? null : durationMs(start, end),
			inputTokens: kind.inputTokens,
			outputTokens: kind.outputTokens,
			cost: kind.cost,
			kindJson: kind.kindJson,
			metadataJson: span.metadataJson,
			inputJson: span.inputJson,
			outputJson: span.outputJson,
			attributesJson: kind.attributesJson,
		};
		this.#insertSpan.run(
			seq,
			row.id,
			entry.ref,
			row.parentId,
			row.name,
			kind.type,
			kind.name,
			kind.model,
			kind.provider,
			kind.path,
			kind.inputTokens,
			kind.outputTokens,
			kind.cost,
			status,
			row.error,
			row.startMs,
			row.startSub,
			row.endMs,
			row.endSub,
			row.durationMs,
			kind.kindJson,
			kind.serviceJson,
			row.metadataJson,
		);
		if (row.inputJson !== null || row.outputJson !== null || row.attributesJson !== null) {
			this.#insertPayload.run(seq, row.inputJson, row.outputJson, row.attributesJson);
		}
		this.#counters = { ...this.#counters, lastSeq: seq, spanCount: this.#counters.spanCount + 1 };
		this.#traces.didAddSpan(entry, status, start, end);
		return row;
	}

	#end(known: SpanRow & { kindType: string; kindName: string; model: string | null }, how: SpanEnd): void {
		const start = { ms: known.startMs, subNs: known.startSub };
		const end = how.end ?? nowTimestamp();
		const error = "error" in how ? how.error : null;
		const status = error === null ? SpanStateCode.completed : SpanStateCode.failed;
		let row: SpanRow = {
			...known,
			status,
			error,
			endMs: end.ms,
			endSub: end.subNs,
			durationMs: durationMs(start, end),
		};
		let facets = facetsText(known.kindType, known.kindName, known.model);
		this.#endSpan.run(status, error, row.endMs, row.endSub, row.durationMs, row.seq);
		if ("outputJson" in how) {
			const { kind } = how;
			row = { ...row, outputJson: how.outputJson };
			if (kind !== undefined) {
				const { inputTokens, outputTokens, cost, kindJson, attributesJson } = kind;
				row = { ...row, inputTokens, outputTokens, cost, kindJson, attributesJson };
				facets = facetsOf(kind);
				this.#replaceKind.run(
					kind.type,
					kind.name,
					kind.model,
					kind.provider,
					kind.path,
					inputTokens,
					outputTokens,
					cost,
					kindJson,
					kind.serviceJson,
					row.seq,
				);
			}
			if (row.outputJson !== null || row.attributesJson !== known.attributesJson) {
				this.#upsertOutput.run(row.seq, row.inputJson, row.outputJson, row.attributesJson);
			}
		}
		const entry = this.#traces.find(row.traceId);
		if (entry !== undefined) this.#traces.didEndSpan(entry, status, end);
		const type = error === null ? "span_completed" : "span_failed";
		this.events.append(`{"type":"${type}","span":${spanText(row)}}`, facets);
	}

	#removeTrace(entry: TraceEntry): number {
		this.#index();
		const deleted = this.#traces.remove(entry);
		this.#didDeleteSpans(deleted);
		this.events.append(`{"type":"trace_deleted","trace_id":${JSON.stringify(entry.id)}}`, null);
		return deleted;
	}

	#write<T>(write: () => T): Promise<T> {
		if (!this.#isClosed) return this.#commits.run(write);
		return Promise.reject(new HttpError(503, "shutting_down", "the server is closing"));
	}

	#rollback(): void {
		this.#traces.didRollBack();
		this.events.didRollBack();
		this.#counters = this.#committed;
		try {
			// SQLite itself has rolled back after some errors (full disk); then there is nothing to undo.
			if (this.database.isTransaction) this.database.exec("ROLLBACK");
		} catch (error) {
			this.#logger.error(`a transaction could not be undone: ${describeError(error)}`);
		}
	}

	#index(): void {
		const { lastSeq, indexedSeq } = this.#counters;
		if (indexedSeq === lastSeq) return;
		this.#indexNew.run(indexedSeq);
		this.#saveIndexed.run(lastSeq);
		this.#counters = { ...this.#counters, indexedSeq: lastSeq };
	}

	#didDeleteSpans(count: number): void {
		this.#counters = { ...this.#counters, spanCount: this.#counters.spanCount - count };
	}
}

/** A copy of so much takes about a tenth of a second. */
const MAX_COMPACTED_BYTES = 32_000_000;

/** Spans that may wait for their place in `trace_spans`; reading by trace costs so much at most. */
const MAX_UNINDEXED = 4096;

function durationMs(start: Timestamp, end: Timestamp): number {
	return differenceNs(end, start) / 1e6;
}

function facetsOf(kind: SpanKindRecord): string {
	return facetsText(kind.type, kind.name, kind.model);
}

/** What `?kind=&model=` of the stream look at. */
function facetsText(kindType: string, kindName: string, model: string | null): string {
	return model === null ? `${kindType}\n${kindName}` : `${kindType}\n${kindName}\n${model}`;
}
