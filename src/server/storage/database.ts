import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ServerError } from "../errors.ts";
import { checkFile, foreignFile, otherVersion, unusableFile } from "./fileCheck.ts";
import { upgradeFrom1 } from "./upgrade.ts";

export type Database = DatabaseSync;
export type Statement = StatementSync;
export type SqlValue = null | number | string;

/** The database's file in a data directory. */
export function databaseFile(dataDir: string): string {
	return join(dataDir, "traces.db");
}

/** Nobody but this process writes; a tool that reads may lock the file for a moment. */
export const BUSY_TIMEOUT_MS = 2000;

/** "TWLV" in the file's header (https://sqlite.org/fileformat.html#application_id): this file is ours. */
const APPLICATION_ID = 0x54574c56;

/** Moves with every change of the schema that an older program could not read. */
const SCHEMA_VERSION = 2;

/** The oldest one that is brought up to date. */
const OLDEST_SCHEMA_VERSION = 1;

/**
 * Lean for writing: integer keys inside, words and sums where lists and sums need them, everything else in texts. What lists
 * do not show (input, output, attributes) has a table of its own, so that scans and skeletons read small rows. Filters run on
 * columns in memory (`FilterColumns`), so `spans` has one index, that of its order.
 *
 * `span_ids` and `trace_spans` are indexes of `spans` that are brought up to date in bulk (`SpanIndexes`): random ids and
 * concurrent traces would otherwise touch a page each in every commit, which was the most expensive part of a write.
 *
 * Times are whole milliseconds since the epoch and the nanoseconds inside that millisecond. `status` is a code of
 * `SpanStateCode`. `kind` is the wire object without a custom span's attributes, NULL when the columns say it all. `counts` is
 * whether usage counts in sums, right in traces that are not `unsettled`; costs are summed in nano-dollars. `session`,
 * `resource` and `scope` point into `sessions` and `texts`. `created_event` and `ended_event` are the events that tell of
 * a span: events of spans hold no text and are written from the row when they are read (`type`, `seq`). JSON columns hold
 * compact JSON.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE texts (ref INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, json TEXT NOT NULL);
CREATE TABLE sessions (ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE traces (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, tags TEXT NOT NULL, start_ms INTEGER NOT NULL,
	start_sub INTEGER NOT NULL, record INTEGER NOT NULL, span_count INTEGER NOT NULL, running_count INTEGER NOT NULL,
	failed_count INTEGER NOT NULL, end_ms INTEGER, end_sub INTEGER, session INTEGER, unsettled INTEGER NOT NULL DEFAULT 0,
	llm_calls INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
	cache_write_tokens INTEGER, reasoning_tokens INTEGER, cost_nano INTEGER
);
CREATE INDEX traces_start ON traces (start_ms, start_sub);
CREATE INDEX traces_session ON traces (session) WHERE session IS NOT NULL;
CREATE INDEX traces_unsettled ON traces (ref) WHERE unsettled = 1;
CREATE TABLE doomed (ref INTEGER PRIMARY KEY, id TEXT NOT NULL);
CREATE TABLE spans (
	seq INTEGER PRIMARY KEY, id TEXT NOT NULL, trace INTEGER NOT NULL, parent_id TEXT, name TEXT NOT NULL,
	kind_type TEXT NOT NULL, kind_name TEXT NOT NULL, model TEXT, provider TEXT, path TEXT, input_tokens INTEGER,
	output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER, cost REAL,
	is_rollup INTEGER NOT NULL, counts INTEGER NOT NULL, session INTEGER, tool_name TEXT, agent_name TEXT,
	status INTEGER NOT NULL, error TEXT, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, end_ms INTEGER,
	end_sub INTEGER, duration_ms REAL, kind TEXT, service TEXT, metadata TEXT, resource INTEGER, scope INTEGER, otel TEXT,
	created_event INTEGER, ended_event INTEGER
);
CREATE INDEX spans_start ON spans (start_ms, start_sub);
CREATE TABLE span_ids (id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (id, seq)) WITHOUT ROWID;
CREATE TABLE trace_spans (
	trace INTEGER NOT NULL, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, seq INTEGER NOT NULL,
	PRIMARY KEY (trace, start_ms, start_sub, seq)
) WITHOUT ROWID;
CREATE TABLE payloads (
	seq INTEGER PRIMARY KEY, input TEXT, output TEXT, attributes TEXT, events TEXT, links TEXT, moved TEXT
);
CREATE TABLE events (
	id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, type INTEGER NOT NULL, seq INTEGER, facets TEXT, data TEXT
);
CREATE TABLE datasets (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT, created_at TEXT NOT NULL,
	updated_at TEXT NOT NULL
);
CREATE TABLE datapoints (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dataset TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, span TEXT,
	created_at TEXT NOT NULL
);
CREATE INDEX datapoints_dataset ON datapoints (dataset, ref);
CREATE TABLE queue_items (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dataset TEXT NOT NULL, datapoint TEXT NOT NULL, status TEXT NOT NULL,
	claimed_by TEXT, claimed_at TEXT, original TEXT, edited TEXT, created_at TEXT NOT NULL
);
CREATE INDEX queue_items_dataset ON queue_items (dataset);
CREATE TABLE search_docs (doc INTEGER PRIMARY KEY, seqs TEXT NOT NULL);
CREATE TABLE search_stale (seq INTEGER PRIMARY KEY);
CREATE VIRTUAL TABLE search USING fts5 (grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
`;

/**
 * Opens (or creates) the database of a data directory, or one in memory. Looks before it touches: a file that belongs to
 * another program or to a newer version of this one is left as it is.
 *
 * With WAL and `synchronous = NORMAL` a commit survives the end of the process, kill -9 included; `LogSync` brings it to the disk
 * before it is answered. `FULL` would hold up the event loop for the disk at each commit. `Checkpointer` brings the log into the
 * file; SQLite does so by itself, in a commit, only when the log grows to 512 MB meanwhile.
 *
 * @throws ServerError `foreignDatabase`, `newerDatabase`, `corruptDatabase` or `unusableDatabase`.
 */
export function openDatabase(dataDir: string | undefined): Database {
	const file = dataDir === undefined ? ":memory:" : databaseFile(dataDir);
	let database: Database | undefined;
	try {
		if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
		if (dataDir !== undefined && existsSync(file)) checkOwnership(file);
		database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
		if (dataDir !== undefined) chmodSync(file, 0o600);
		// Without effect on a file that has tables. Large pages hold more of these rows; freed ones can be given back without a copy.
		database.exec("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL");
		const isNew = readNumber(database, "PRAGMA application_id") === 0;
		database.exec(`
			PRAGMA journal_mode = WAL;
			PRAGMA synchronous = NORMAL;
			PRAGMA cache_size = -65536;
			PRAGMA wal_autocheckpoint = 65536;
			PRAGMA journal_size_limit = 67108864;
			PRAGMA secure_delete = FAST;
			PRAGMA temp_store = MEMORY;
		`);
		bringUpToDate(database, isNew);
		database.function("contains_text", { deterministic: true }, (text, lowerCase) =>
			typeof text === "string" && text.toLowerCase().includes(String(lowerCase)) ? 1 : 0,
		);
		return database;
	} catch (error) {
		database?.close();
		throw error instanceof ServerError ? error : unusableFile(file, error);
	}
}

/** A second connection that only reads, for what takes many turns of the event loop. @throws an error of SQLite */
export function openForReading(dataDir: string): Database {
	return new DatabaseSync(databaseFile(dataDir), { timeout: BUSY_TIMEOUT_MS, readOnly: true });
}

/** Looks at the header, then has SQLite look, without a right to write: the log may know better than the header. */
function checkOwnership(file: string): void {
	checkFile(file, {
		applicationId: APPLICATION_ID,
		schemaVersion: SCHEMA_VERSION,
		oldestVersion: OLDEST_SCHEMA_VERSION,
	});
	// A connection that may not write leaves its helpers behind.
	const helpers = [`${file}-shm`, `${file}-wal`].filter((helper) => !existsSync(helper));
	const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
	try {
		const applicationId = readNumber(database, "PRAGMA application_id");
		const version = readNumber(database, "PRAGMA user_version");
		const tables = readNumber(database, "SELECT count(*) FROM sqlite_schema");
		if (applicationId === 0 && version === 0 && tables === 0) return;
		if (applicationId !== APPLICATION_ID) throw foreignFile(file);
		if (version < OLDEST_SCHEMA_VERSION || version > SCHEMA_VERSION) throw otherVersion(file, version, SCHEMA_VERSION);
	} finally {
		database.close();
		for (const helper of helpers) rmSync(helper, { force: true });
	}
}

function bringUpToDate(database: Database, isNew: boolean): void {
	if (!isNew && readNumber(database, "PRAGMA user_version") === SCHEMA_VERSION) return;
	database.exec("BEGIN IMMEDIATE");
	// What fails is undone when the database is closed.
	if (isNew) createSchema(database);
	else upgradeFrom1(database, () => createSchema(database));
	database.exec("COMMIT");
}

function createSchema(database: Database): void {
	database.exec(SCHEMA);
	database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
	database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/**
 * A statement whose rows are the values of its columns, which must have different names. Node.js makes and reads such rows in
 * half the time of objects with forty members; where it knows only objects (22), they are taken apart.
 */
export class ArrayStatement {
	readonly #statement: Statement;
	readonly #givesArrays: boolean;

	constructor(database: Database, sql: string) {
		this.#statement = database.prepare(sql);
		this.#givesArrays = "setReturnArrays" in this.#statement;
		if (this.#givesArrays) this.#statement.setReturnArrays(true);
	}

	get(...parameters: SqlValue[]): readonly SqlValue[] | undefined {
		const row = this.#statement.get(...parameters);
		return row === undefined ? undefined : this.#values(row);
	}

	*iterate(...parameters: SqlValue[]): Generator<readonly SqlValue[]> {
		for (const row of this.#statement.iterate(...parameters)) yield this.#values(row);
	}

	#values(row: unknown): readonly SqlValue[] {
		return this.#givesArrays ? (row as readonly SqlValue[]) : Object.values(row as Record<string, SqlValue>);
	}
}

/** First column of the only row of a query that answers one number. */
export function readNumber(database: Database, sql: string): number {
	const row = database.prepare(sql).get();
	return row === undefined ? 0 : Number(Object.values(row)[0]);
}
