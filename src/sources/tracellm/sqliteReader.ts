import { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";

/**
 * A thread that reads SQLite files of others. SQLite works synchronously: a file on a slow disk, or one that is locked, would
 * stop the extension host, and a thread of its own ends with one call. It reads and never writes; the file is opened for each
 * question, because who deletes `traces.db` and starts anew would otherwise be read from the deleted one.
 */

/** One question; `parameters` stand for the `?` of the statement. */
export interface SqliteQuestion {
	readonly id: number;
	readonly file: string;
	readonly sql: string;
	readonly parameters: readonly (string | number)[];
}

export type SqliteAnswer =
	| { readonly id: number; readonly rows: readonly Readonly<Record<string, unknown>>[] }
	| { readonly id: number; readonly error: string };

/** How long a writer may hold the file. */
const BUSY_MS = 1000;

function answer({ id, file, sql, parameters }: SqliteQuestion): SqliteAnswer {
	try {
		const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
		try {
			return { id, rows: database.prepare(sql).all(...parameters) };
		} finally {
			database.close();
		}
	} catch (error) {
		return { id, error: error instanceof Error ? error.message : String(error) };
	}
}

parentPort?.on("message", (question: SqliteQuestion) => parentPort?.postMessage(answer(question)));
