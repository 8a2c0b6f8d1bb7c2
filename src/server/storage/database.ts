import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { describeError } from "../../base/logger.ts";
import { ServerError } from "../errors.ts";

export type Database = DatabaseSync;
export type Statement = StatementSync;
export type SqlValue = null | number | string;

/** The database's file in a data directory. */
export function databaseFile(dataDir: string): string {
	return join(dataDir, "traces.db");
}

/** "TWLV" in the file's header (https://sqlite.org/fileformat.html#application_id): this file is ours. */
const APPLICATION_ID = 0x54574c56;

/** Moves with every change of the schema that an older program could not read. */
const SCHEMA_VERSION = 1;

/**
 * Lean for writing: integer keys inside, text ids once, and only the indexes that every page of the interface needs. What
 * lists do not show (input, output, attributes) has a table of its own, so that scans and skeletons read small rows.
 *
 * `trace_spans` is an index of `spans` that is brought up to date in bulk (`Store.indexSpans`): concurrent traces would
 * otherwise touch a page each in every commit, which was the most expensive part of a write.
 *
 * Times are whole milliseconds since the epoch and the nanoseconds inside that millisecond. `status` is a code of
 * `SpanStateCode`. `kind` is the wire object without a custom span's attributes, `service` those of them that name the
 * service. JSON columns hold compact JSON.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE traces (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, tags TEXT NOT NULL, start_ms INTEGER NOT NULL,
	start_sub INTEGER NOT NULL, record INTEGER NOT NULL, span_count INTEGER NOT NULL, running_count INTEGER NOT NULL,
	failed_count INTEGER NOT NULL, end_ms INTEGER, end_sub INTEGER
);
CREATE INDEX traces_start ON traces (start_ms, start_sub);
CREATE TABLE spans (
	seq INTEGER PRIMARY KEY, id TEXT NOT NULL, trace INTEGER NOT NULL, parent_id TEXT, name TEXT NOT NULL,
	kind_type TEXT NOT NULL, kind_name TEXT NOT NULL, model TEXT, provider TEXT, path TEXT, input_tokens, output_tokens,
	cost REAL, status INTEGER NOT NULL, error TEXT, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, end_ms INTEGER,
	end_sub INTEGER, duration_ms REAL, kind TEXT NOT NULL, service TEXT, metadata TEXT
);
CREATE INDEX spans_id ON spans (id);
CREATE INDEX spans_start ON spans (start_ms, start_sub);
CREATE TABLE trace_spans (
	trace INTEGER NOT NULL, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, seq INTEGER NOT NULL,
	PRIMARY KEY (trace, start_ms, start_sub, seq)
) WITHOUT ROWID;
CREATE TABLE payloads (seq INTEGER PRIMARY KEY, input TEXT, output TEXT, attributes TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, facets TEXT, data TEXT NOT NULL);
`;

/**
 * Opens (or creates) the database of a data directory, or one in memory. Looks before it touches: a file that belongs to
 * another program or to a newer version of this one is left as it is.
 *
 * With WAL and `synchronous = NORMAL` a commit survives the end of the process, kill -9 included, when it is answered; `LogSync`
 * bounds to a second what the end of the machine can lose. `FULL` would hold up the event loop for the disk at each commit.
 *
 * @throws ServerError `foreignDatabase`, `newerDatabase`, `corruptDatabase` or `unusableDatabase`.
 */
export function openDatabase(dataDir: string | undefined): Database {
	const file = dataDir === undefined ? ":memory:" : databaseFile(dataDir);
	let database: Database | undefined;
	try {
		if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
		database = new DatabaseSync(file, { timeout: 2000 });
		if (dataDir !== undefined) chmodSync(file, 0o600);
		checkOwnership(database, file);
		database.exec(`
			PRAGMA journal_mode = WAL;
			PRAGMA synchronous = NORMAL;
			PRAGMA cache_size = -65536;
			PRAGMA wal_autocheckpoint = 4000;
			PRAGMA journal_size_limit = 67108864;
			PRAGMA secure_delete = FAST;
			PRAGMA temp_store = MEMORY;
		`);
		if (readNumber(database, "PRAGMA application_id") === 0) createSchema(database);
		database.function("contains_text", { deterministic: true }, (text, lowerCase) =>
			typeof text === "string" && text.toLowerCase().includes(String(lowerCase)) ? 1 : 0,
		);
		return database;
	} catch (error) {
		database?.close();
		throw error instanceof ServerError ? error : databaseError(error, file);
	}
}

function checkOwnership(database: Database, file: string): void {
	const applicationId = readNumber(database, "PRAGMA application_id");
	const version = readNumber(database, "PRAGMA user_version");
	const tables = readNumber(database, "SELECT count(*) FROM sqlite_schema");
	if (applicationId === 0 && version === 0 && tables === 0) return;
	if (applicationId !== APPLICATION_ID) {
		throw new ServerError(
			"foreignDatabase",
			`${file} belongs to another program; choose another data directory or move the file away`,
		);
	}
	if (version !== SCHEMA_VERSION) {
		throw new ServerError(
			"newerDatabase",
			`${file} was written by another version of Traceway Live (schema ${version}, this one reads ${SCHEMA_VERSION}); ` +
				"update Traceway Live or choose another data directory",
		);
	}
}

function createSchema(database: Database): void {
	database.exec("BEGIN IMMEDIATE");
	database.exec(SCHEMA);
	database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
	database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
	database.exec("COMMIT");
}

/** First column of the only row of a query that answers one number. */
export function readNumber(database: Database, sql: string): number {
	const row = database.prepare(sql).get();
	return row === undefined ? 0 : Number(Object.values(row)[0]);
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function databaseError(error: unknown, file: string): ServerError {
	const code = Number((error as { readonly errcode?: unknown }).errcode) & 0xff;
	if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT) {
		const what = code === SQLITE_NOTADB ? "is no SQLite database" : "is damaged";
		return new ServerError("corruptDatabase", `${file} ${what}; move it away to start with an empty one`, {
			cause: error,
		});
	}
	return new ServerError("unusableDatabase", `${file} cannot be opened: ${describeError(error)}`, { cause: error });
}
