import { describeError, type Logger } from "../../base/logger.ts";
import { nowTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import { HttpError } from "../errors.ts";
import { idFactory } from "../ids.ts";
import type { SpanKindRecord } from "../spanKind.ts";
import { type Database, databaseFile, openDatabase, readNumber } from "./database.ts";
import { EventLog } from "./eventLog.ts";
import { GroupCommit } from "./groupCommit.ts";
import { LogSync } from "./logSync.ts";
import { type EndedSpan, type KnownSpan, type NewSpan, type SpanEnd, SpanTable } from "./spanTable.ts";
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

/**
 * Traces, spans and the log of their events on one SQLite database. Every method that changes something resolves when the
 * change and its event are committed, and writes of one turn share a transaction. The listener of `events` hears of each event
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
	readonly #spans: SpanTable;
	readonly #logSync: LogSync | undefined;
	#isClosed = false;

	constructor(options: StoreOptions) {
		this.isInMemory = options.dataDir === undefined;
		this.#logger = options.logger;
		this.database = openDatabase(options.dataDir);
		this.events = new EventLog(this.database);
		this.#traces = new TraceTable(this.database);
		this.#spans = new SpanTable(this.database);
		this.#logSync =
			options.dataDir === undefined ? undefined : new LogSync(databaseFile(options.dataDir), options.logger);
		const begin = this.database.prepare("BEGIN IMMEDIATE");
		const commit = this.database.prepare("COMMIT");
		this.#commits = new GroupCommit({
			begin: () => begin.run(),
			commit: () => {
				this.#traces.flush();
				this.#spans.indexIfMany();
				commit.run();
			},
			rollback: () => this.#rollback(),
			didCommit: () => {
				this.#traces.didCommit();
				this.#spans.didCommit();
				this.#logSync?.didCommit();
				this.events.didCommit();
			},
		});
	}

	get spanCount(): number {
		return this.#spans.count;
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
				const known = this.#spans.find(id);
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
			const known = this.#spans.find(id);
			if (known === undefined) return "unknown";
			if (known.status !== SpanStateCode.running) return "alreadyEnded";
			this.#end(known, how);
			return "ended";
		});
	}

	/** Takes spans that have ended already. One that its trace has is skipped, so that a batch may be sent twice. */
	addEndedSpans(spans: readonly EndedSpan[]): Promise<{ readonly added: number; readonly skipped: number }> {
		return this.#write(() => {
			let added = 0;
			for (const span of spans) {
				const entry = this.#traces.find(span.traceId);
				if (entry !== undefined && this.#spans.has(span.id, entry.ref)) continue;
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
			const known = this.#spans.find(id);
			if (known === undefined) return false;
			const entry = this.#traces.find(known.traceId);
			if (entry === undefined) return false;
			this.#spans.index();
			this.#spans.delete(known, entry.ref);
			const end = known.endMs === null ? undefined : { ms: known.endMs, subNs: known.endSub ?? 0 };
			this.#traces.didDeleteSpan(entry, known.status, end);
			const ids = `"span_id":${JSON.stringify(known.id)},"trace_id":${JSON.stringify(known.traceId)}`;
			this.events.append(`{"type":"span_deleted",${ids}}`, facetsText(known.kindType, known.kindName, known.model));
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
			this.#spans.deleteAll();
			this.#traces.clear();
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
		if (this.#spans.isIndexed) return;
		this.database.exec("BEGIN IMMEDIATE");
		try {
			this.#spans.index();
			this.database.exec("COMMIT");
			this.#spans.didCommit();
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

	#addSpan(span: Omit<EndedSpan, "end"> & { readonly end: Timestamp | undefined }): SpanRow {
		const entry = this.#traces.find(span.traceId) ?? this.#traces.add(span.traceId, span.start, undefined);
		const row = this.#spans.add(entry.ref, span);
		this.#traces.didAddSpan(entry, row.status, span.start, span.end);
		return row;
	}

	#end(known: KnownSpan, how: SpanEnd): void {
		const end = how.end ?? nowTimestamp();
		const row = this.#spans.end(known, how, end);
		const entry = this.#traces.find(row.traceId);
		if (entry !== undefined) this.#traces.didEndSpan(entry, row.status, end);
		const type = row.error === null ? "span_completed" : "span_failed";
		const facets = facetsText(row.kindType, row.kindName, row.model);
		this.events.append(`{"type":"${type}","span":${spanText(row)}}`, facets);
	}

	#removeTrace(entry: TraceEntry): number {
		this.#spans.index();
		const deleted = this.#traces.remove(entry);
		this.#spans.didDelete(deleted);
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
		this.#spans.didRollBack();
		try {
			// SQLite itself has rolled back after some errors (full disk); then there is nothing to undo.
			if (this.database.isTransaction) this.database.exec("ROLLBACK");
		} catch (error) {
			this.#logger.error(`a transaction could not be undone: ${describeError(error)}`);
		}
	}
}

/** A copy of so much takes about a tenth of a second. */
const MAX_COMPACTED_BYTES = 32_000_000;

function facetsOf(kind: SpanKindRecord): string {
	return facetsText(kind.type, kind.name, kind.model);
}

/** What `?kind=&model=` of the stream look at. */
function facetsText(kindType: string, kindName: string, model: string | null): string {
	return model === null ? `${kindType}\n${kindName}` : `${kindType}\n${kindName}\n${model}`;
}
