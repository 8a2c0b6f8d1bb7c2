import { describeError, type Logger } from "../../base/logger.ts";
import { nowTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import type { IngestBatch, NewSpan, SeenTrace, SpanKindRecord, WholeSpan } from "../../otlp/spanRecord.ts";
import { newRow, statusOf } from "../../otlp/spanRow.ts";
import { HttpError, isDiskFull } from "../errors.ts";
import { idFactory } from "../ids.ts";
import { Checkpointer } from "./checkpointer.ts";
import { BUSY_TIMEOUT_MS, type Database, databaseFile, openDatabase, openForReading, readNumber } from "./database.ts";
import { DerivedData, type SummedTrace } from "./derivedData.ts";
import { EventLog, SpanEventCode } from "./eventLog.ts";
import { unusableFile } from "./fileCheck.ts";
import { FilterColumns } from "./filterColumns.ts";
import { GroupCommit } from "./groupCommit.ts";
import { LogSync } from "./logSync.ts";
import { SearchIndex } from "./searchIndex.ts";
import { Sessions, SharedTexts, sessionOfTags } from "./sharedTexts.ts";
import { INDEX_IN_MEMORY, SpanIndexes } from "./spanIndexes.ts";
import { type KnownSpan, type SpanEnd, SpanTable } from "./spanTable.ts";
import { RecordState, type TraceEntry, TraceTable } from "./traceTable.ts";
import { traceText } from "./wireText.ts";

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
	readonly indexes: SpanIndexes;
	readonly columns: FilterColumns;
	readonly search: SearchIndex;
	readonly #traces: TraceTable;
	readonly #spans: SpanTable;
	readonly #texts: SharedTexts;
	readonly #sessions: Sessions;
	readonly #derived: DerivedData;
	readonly #commits: GroupCommit;
	readonly #logger: Logger;
	readonly #dataDir: string | undefined;
	readonly #makeId = idFactory();
	readonly #logSync: LogSync | undefined;
	readonly #checkpointer: Checkpointer | undefined;
	#isClosed = false;

	/** @throws ServerError as `openDatabase` does, also for damage that shows only now. */
	constructor(options: StoreOptions) {
		const { dataDir, logger } = options;
		this.isInMemory = dataDir === undefined;
		this.#logger = logger;
		this.#dataDir = dataDir;
		this.database = openDatabase(dataDir);
		const { database } = this;
		const opened: { close(): void }[] = [database];
		try {
			this.events = new EventLog(database);
			this.indexes = new SpanIndexes(database);
			this.columns = new FilterColumns(database);
			opened.push(this.columns);
			this.columns.ready.catch((error) => {
				// Lists answer with the same error; nothing else may end of it.
				if (!this.#isClosed) logger.error(`the spans could not be read: ${describeError(error)}`);
			});
			this.search = new SearchIndex(database, logger);
			opened.push(this.search);
			this.#texts = new SharedTexts(database);
			this.#sessions = new Sessions(database);
			this.#traces = new TraceTable(database);
			const spanCount = readNumber(database, "SELECT sum(span_count) FROM traces");
			this.#spans = new SpanTable(database, this.indexes, this.#texts, this.#sessions, this.columns, spanCount);
			this.#derived = new DerivedData({
				database,
				indexes: this.indexes,
				traces: this.#traces,
				columns: this.columns,
				transact: (work) => this.#now(work),
				rollback: () => this.#rollback(),
			});
			this.#logSync = dataDir === undefined ? undefined : new LogSync(databaseFile(dataDir));
			this.#checkpointer = dataDir === undefined ? undefined : new Checkpointer(databaseFile(dataDir), logger);
			const begin = database.prepare("BEGIN IMMEDIATE");
			const commit = database.prepare("COMMIT");
			this.#commits = new GroupCommit({
				begin: () => begin.run(),
				commit: () => {
					this.#traces.flush();
					this.events.flush();
					this.indexes.updateIfMany();
					commit.run();
				},
				rollback: () => this.#rollback(),
				didCommit: () => this.#didCommit(),
				whenDurable: (done) => this.#whenDurable(done),
			});
		} catch (error) {
			for (const part of opened.reverse()) part.close();
			throw dataDir === undefined ? error : unusableFile(databaseFile(dataDir), error);
		}
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
			const session = this.#sessions.refOf(sessionOfTags(trace.tagsJson));
			// Spans may come before the record of their trace; the record then gives it its name.
			if (entry === undefined) entry = this.#traces.add(id, start, record, session);
			else this.#traces.makeRecord(entry, record, trace.start, session);
			const text = traceText(entry);
			this.events.append(`{"type":"trace_created","trace":${text}}`);
			return { outcome: "created", text };
		});
	}

	/**
	 * Names a trace whose spans arrive by themselves, as from OpenTelemetry: makes its record if there is none. A name that is
	 * not final is replaced once by a final one; anything else changes nothing.
	 */
	recordTrace(trace: SeenTrace): Promise<void> {
		return this.#write(() => this.#recordTrace(trace));
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
			const whole = {
				...span,
				id: id ?? this.#makeId(),
				start: span.start ?? nowTimestamp(),
				end: undefined,
				outputJson: null,
				error: null,
			};
			this.#addSpan(whole, this.#entryFor(whole));
			return { outcome: "created", id: whole.id, traceId };
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

	/**
	 * Takes traces and whole spans of one request. A span that its trace has is skipped, so that a batch may be sent twice.
	 */
	addBatch(
		batch: Pick<IngestBatch, "spans" | "traces">,
	): Promise<{ readonly added: number; readonly skipped: number }> {
		return this.#write(() => {
			for (const trace of batch.traces) this.#recordTrace(trace);
			let added = 0;
			for (const span of batch.spans) {
				const entry = this.#entryFor(span);
				if (entry.spanCount > 0 && this.indexes.has(span.id, entry.ref, entry.firstSeq)) continue;
				this.#addSpan(span, entry);
				added++;
			}
			return { added, skipped: batch.spans.length - added };
		});
	}

	deleteSpan(id: string): Promise<boolean> {
		return this.#write(() => {
			const known = this.#spans.find(id);
			if (known === undefined) return false;
			const entry = this.#traces.find(known.traceId);
			if (entry === undefined) return false;
			this.indexes.update();
			const row = this.#spans.row(known.seq);
			this.events.keepOutline(row.createdEvent, row.endedEvent, row);
			this.#spans.delete(row, entry.ref);
			this.#spans.didDelete(1);
			const end = row.endMs === null ? undefined : { ms: row.endMs, subNs: row.endSub ?? 0 };
			this.#traces.didDeleteSpan(entry, row.status, end);
			const ids = `"span_id":${JSON.stringify(row.id)},"trace_id":${JSON.stringify(row.traceId)}`;
			const facets = row.model === null ? [] : [row.model];
			this.events.append(`{"type":"span_deleted",${ids}}`, [row.kindType, row.kindName, ...facets].join("\n"));
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

	/**
	 * Deletes every trace and span; what they took on the disk is freed bit by bit (`cleanDeleted`). Ids of events go on where they
	 * were. Of many spans the log is emptied as well: whoever has missed that much reads everything anew.
	 */
	deleteAll(): Promise<void> {
		return this.#write(() => {
			if (this.spanCount > MAX_OUTLINED) this.events.deleteUpTo(this.events.nextId - 1, Number.MAX_SAFE_INTEGER);
			this.#traces.doomAll();
			this.columns.clear();
			this.search.clear(this.indexes.lastSeq);
			this.#spans.didDelete(this.#spans.count);
			this.events.append('{"type":"cleared"}');
		});
	}

	/**
	 * Deletes the oldest traces, whole and at least one, until `minSpans` spans or `maxTraces` traces are gone; with `beforeMs` only
	 * such as have ended before that time (milliseconds since the epoch).
	 */
	deleteOldest(
		minSpans: number,
		maxTraces: number,
		beforeMs?: number,
	): Promise<{ readonly traces: number; readonly spans: number }> {
		return this.#write(() => {
			let spans = 0;
			let traces = 0;
			const ended = beforeMs === undefined ? undefined : this.#traces.endedBefore(beforeMs, maxTraces);
			while (traces === 0 || (spans < minSpans && traces < maxTraces)) {
				const entry = ended === undefined ? this.#traces.oldest() : ended[traces];
				if (entry === undefined) break;
				spans += this.#removeTrace(entry);
				traces++;
			}
			return { traces, spans };
		});
	}

	/** Frees what deleted traces took, at most `limit` spans; false when nothing is left to free. */
	cleanDeleted(limit: number): Promise<boolean> {
		return this.#write(() => {
			const doomed = this.database.prepare("SELECT ref FROM doomed LIMIT 1").get();
			if (doomed === undefined) return false;
			const ref = Number(doomed.ref);
			this.indexes.update();
			const seqs = this.#spans.ofTrace(ref, limit);
			this.#deleteRows(ref, seqs);
			if (seqs.length < limit) this.database.prepare("DELETE FROM doomed WHERE ref = ?").run(ref);
			return true;
		});
	}

	/** Forgets texts that no span refers to any more, unless they are few beside so many spans that looking takes long. */
	forgetUnused(): Promise<void> {
		return this.#write(() => {
			const texts = readNumber(this.database, "SELECT count(*) FROM texts");
			if (this.spanCount < MAX_SEARCHED_FOR_TEXTS || texts > MAX_UNUSED_TEXTS)
				this.database.exec(`DELETE FROM texts WHERE ref NOT IN (SELECT resource FROM spans WHERE resource IS NOT NULL
				UNION SELECT scope FROM spans WHERE scope IS NOT NULL)`);
			this.#texts.forget();
			this.search.forgetBefore(readNumber(this.database, "SELECT min(seq) FROM spans"));
		});
	}

	/** Runs work on the event log inside a transaction of its own. */
	maintain<T>(work: (events: EventLog) => T): Promise<T> {
		return this.#write(() => work(this.events));
	}

	/** Bytes in use, free pages not counted. */
	usedBytes(): number {
		const pages = readNumber(this.database, "PRAGMA page_count") - this.freePages();
		return pages * readNumber(this.database, "PRAGMA page_size");
	}

	/** Pages of deleted data that the file still has. */
	freePages(): number {
		return readNumber(this.database, "PRAGMA freelist_count");
	}

	/** Brings the write-ahead log into the file, so that nothing of what was deleted is left in it. */
	async truncateLog(): Promise<void> {
		// What takes long is done on another thread; then there is little left to bring.
		await this.#checkpointer?.run();
		if (this.isInMemory || this.#isClosed) return;
		// A snapshot that is being read keeps the log. It is read on this thread: waiting for its end would be in vain.
		this.database.exec("PRAGMA busy_timeout = 0");
		try {
			this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
		} finally {
			this.database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
		}
	}

	/** Gives at most `pages` free pages back to the file system; true when there are more. */
	giveBack(pages: number): boolean {
		if (this.isInMemory || this.freePages() === 0) return false;
		this.database.exec(`PRAGMA incremental_vacuum(${pages})`);
		return this.freePages() > 0;
	}

	/**
	 * The data as they are now, however long they are read: on a connection of its own, which the caller closes. Data in memory have
	 * only one connection, which shows what changes in between.
	 */
	snapshot(): { readonly database: Database; close(): void } {
		try {
			this.indexSpans();
		} catch (error) {
			if (!isDiskFull(error) || this.#dataDir === undefined) throw error;
		}
		if (this.#dataDir === undefined) return { database: this.database, close: () => {} };
		const database = openForReading(this.#dataDir);
		// The first read is what the moment is taken at.
		database.exec("BEGIN; SELECT 1 FROM meta");
		if (!this.indexes.isUpToDate) database.exec(INDEX_IN_MEMORY);
		return { database, close: () => database.close() };
	}

	/** Brings the indexes of spans up to date. @throws an error of SQLite */
	indexSpans(): void {
		this.#derived.indexSpans();
	}

	/**
	 * Runs `read`, which reads by trace or shows the sums of these traces, with both up to date; also where nothing can be written.
	 * It must be done when it returns.
	 */
	upToDate<T>(traces: readonly SummedTrace[], read: () => T): T {
		return this.#derived.read(traces, read);
	}

	/**
	 * Decides in all traces (of at most `maxSpans` spans) whose usage counts; whoever adds up the columns asks for this first, and
	 * begins in the turn in which it resolves.
	 */
	settleUsage(maxSpans = Number.MAX_SAFE_INTEGER): Promise<void> {
		return this.#derived.settle(maxSpans, () => !this.#isClosed);
	}

	/** Writes what waits and closes the database. */
	async close(): Promise<void> {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#commits.flush();
		this.search.close();
		this.columns.close();
		await this.#logSync?.close();
		await this.#checkpointer?.close();
		try {
			// Leaves one file behind instead of three.
			this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
		} catch (error) {
			this.#logger.warn(`the log of the database stays: ${describeError(error)}`);
		}
		this.database.close();
	}

	#recordTrace({ id, name, tagsJson, isNameFinal, start }: SeenTrace): void {
		const record = { name, tagsJson, state: isNameFinal ? RecordState.final : RecordState.provisional };
		const session = this.#sessions.refOf(sessionOfTags(tagsJson));
		let entry = this.#traces.find(id);
		// A root span comes last, and began first.
		if (entry !== undefined) this.#traces.didBegin(entry, start);
		if (entry === undefined) entry = this.#traces.add(id, start, record, session);
		else if (entry.record < record.state) this.#traces.makeRecord(entry, record, undefined, session);
		else return;
		this.events.append(`{"type":"trace_created","trace":${traceText(entry)}}`);
	}

	#entryFor({ traceId, start }: WholeSpan): TraceEntry {
		return this.#traces.find(traceId) ?? this.#traces.add(traceId, start, undefined, null);
	}

	#addSpan(span: WholeSpan, entry: TraceEntry): void {
		const { nextId } = this.events;
		const isRunning = span.end === undefined;
		const status = statusOf(span);
		const seq = this.#spans.add(entry.ref, span, {
			created: isRunning ? nextId : null,
			ended: isRunning ? null : nextId,
		});
		if (entry.spanCount === 0) entry.firstSeq = seq;
		const session = this.#sessions.refOf(span.sessionId);
		this.#traces.didAddSpan(entry, status, span.start, span.end, session, hasUsage(span.kind));
		const code = isRunning
			? SpanEventCode.created
			: status === SpanStateCode.failed
				? SpanEventCode.failed
				: SpanEventCode.completed;
		this.events.appendNew(code, seq, () => newRow(seq, status, span));
	}

	#end(known: KnownSpan, how: SpanEnd): void {
		const { seq } = known;
		const end = how.end ?? nowTimestamp();
		const kind = "kind" in how ? how.kind : undefined;
		if (kind !== undefined && known.createdEvent !== null) {
			this.events.keepKind(known.createdEvent, this.#spans.row(seq));
		}
		this.#spans.end(known, how, end, this.events.nextId);
		const isFailed = "error" in how;
		const entry = this.#traces.find(known.traceId);
		if (entry !== undefined) {
			const isUsageChanged = kind !== undefined && (known.hasUsage === 1 || hasUsage(kind));
			const status = isFailed ? SpanStateCode.failed : SpanStateCode.completed;
			this.#traces.didEndSpan(entry, status, end, isUsageChanged);
		}
		if (isFailed || how.outputJson !== null || kind !== undefined) this.search.didChangeText(seq);
		const code = isFailed ? SpanEventCode.failed : SpanEventCode.completed;
		this.events.appendSpan(code, seq, () => this.#spans.row(seq));
	}

	#removeTrace(entry: TraceEntry): number {
		const { spanCount } = entry;
		this.indexes.update();
		if (spanCount <= MAX_REMOVED_AT_ONCE) {
			this.#deleteRows(entry.ref, this.#spans.ofTrace(entry.ref, spanCount));
			this.#traces.remove(entry);
		} else {
			this.#traces.doom(entry);
			this.columns.deleteTrace(entry.ref);
		}
		this.#spans.didDelete(spanCount);
		this.events.append(`{"type":"trace_deleted","trace_id":${JSON.stringify(entry.id)}}`);
		return spanCount;
	}

	/** Deletes spans of a trace, of which the log keeps an outline; their trace may have left its table already. */
	#deleteRows(traceRef: number, seqs: readonly number[]): void {
		const { oldestId } = this.events;
		for (const seq of seqs) {
			const row = this.#spans.deletableRow(seq);
			if ((row.endedEvent ?? 0) >= oldestId || (row.createdEvent ?? 0) >= oldestId) {
				this.events.keepOutline(row.createdEvent, row.endedEvent, row);
			}
			this.#spans.delete(row, traceRef);
		}
	}

	#write<T>(write: () => T): Promise<T> {
		if (!this.#isClosed) return this.#commits.run(write);
		return Promise.reject(new HttpError(503, "shutting_down", "the server is closing"));
	}

	/** Runs work in a transaction of its own, at once. */
	#now(work: () => void): void {
		this.database.exec("BEGIN IMMEDIATE");
		try {
			work();
			this.database.exec("COMMIT");
			this.#didCommit();
		} catch (error) {
			this.#rollback();
			throw error;
		}
	}

	#whenDurable(done: (error: unknown) => void): void {
		const events = this.events.takeCommitted();
		const tell = (error: unknown) => {
			if (error === undefined) {
				this.events.publish(events);
				done(undefined);
				return;
			}
			// What may be lost again with the machine is not told to anybody: its ids would be given twice. Whoever listens reads it in
			// the log behind the next sync that succeeds.
			this.#logger.error(`the log of the database could not be synced to the disk: ${describeError(error)}`);
			done(
				new HttpError(
					507,
					"storage_failed",
					"the data were written, but could not be synced to the disk; send them again",
				),
			);
		};
		if (this.#logSync === undefined) tell(undefined);
		else this.#logSync.whenDurable(tell);
	}

	#didCommit(): void {
		this.#traces.didCommit();
		this.#spans.didCommit();
		this.indexes.didCommit();
		this.columns.didCommit();
		this.search.didCommit(this.indexes.lastSeq);
		this.events.didCommit();
	}

	#rollback(): void {
		try {
			// SQLite itself has rolled back after some errors (full disk); then there is nothing to undo.
			if (this.database.isTransaction) this.database.exec("ROLLBACK");
		} catch (error) {
			this.#logger.error(`a transaction could not be undone: ${describeError(error)}`);
		}
		this.#traces.didRollBack();
		this.events.didRollBack();
		this.#spans.didRollBack();
		this.#texts.forget();
		this.#sessions.forget();
		this.indexes.didRollBack();
		this.columns.didRollBack();
		this.search.didRollBack();
	}
}

/** Looking through so many spans takes a few milliseconds. */
const MAX_SEARCHED_FOR_TEXTS = 20_000;
const MAX_UNUSED_TEXTS = 20_000;

/** Spans of a trace that is deleted in one go; larger ones go bit by bit. */
const MAX_REMOVED_AT_ONCE = 200;

/** Spans of which the log keeps outlines when everything is deleted. */
const MAX_OUTLINED = 20_000;

function hasUsage({ tokens, cost }: SpanKindRecord): boolean {
	return (
		cost !== null ||
		tokens.input !== null ||
		tokens.output !== null ||
		tokens.cacheRead !== null ||
		tokens.cacheWrite !== null ||
		tokens.reasoning !== null
	);
}
