import { homedir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describeError } from "../../base/logger.ts";
import { SourceError } from "../source.ts";
import { decodeId, decodeNumber, type JsonObject } from "../wire.ts";
import { type DecodedTrace, decodeTrace, stepsOf, timeOf } from "./decode.ts";
import type { SqliteAnswer, SqliteQuestion } from "./sqliteReader.ts";
import {
	type IsKnown,
	type ListedTrace,
	MAX_PAGE,
	type NewestTraces,
	type OlderTraces,
	type TraceStorage,
} from "./traceStorage.ts";

/** A larger document is left to REST: it would be copied between threads whole. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Documents are read so many at a time. */
const PAGE_BYTES = 32 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
const BYTES = "coalesce(length(steps), 0) + coalesce(length(prompt), 0) + coalesce(length(response), 0)";

interface Named extends ListedTrace {
	readonly savedAtMs: number | undefined;
	readonly createdAt: string;
	readonly bytes: number;
}

/** Traces in TraceLLM's SQLite file, read only, by a thread of its own. */
export class SqliteStorage implements TraceStorage {
	readonly label = "SQLite";
	readonly #file: string;
	readonly #model: string | undefined;
	readonly #waiting = new Map<number, { readonly resolve: (answer: SqliteAnswer) => void }>();
	#worker: Worker | undefined;
	#nextId = 1;
	#isDisposed = false;
	/** Where the next portion of older traces begins: at this time, after so many of it. */
	#olderFrom: { readonly createdAt: string; readonly skip: number } | undefined;

	/** `file` may begin with `~`. */
	constructor(file: string, model: string | undefined) {
		this.#file = file.startsWith("~/") ? join(homedir(), file.slice(2)) : file;
		this.#model = model;
	}

	async newest(limit: number, isKnown: IsKnown, signal: AbortSignal): Promise<NewestTraces> {
		const rows = await this.#names(undefined, limit, signal);
		const read = await this.#documents(rows, isKnown, signal);
		const [count] = await this.#ask(
			`SELECT count(*) AS total FROM traces ${this.#model === undefined ? "" : "WHERE model_name = ?"}`,
			this.#model === undefined ? [] : [this.#model],
			signal,
		);
		return { listed: rows, total: Math.max(decodeNumber(count?.total) ?? 0, rows.length), ...read };
	}

	async older(isKnown: IsKnown, signal: AbortSignal): Promise<OlderTraces> {
		const found: DecodedTrace[] = [];
		for (;;) {
			const from = this.#olderFrom;
			const rows = await this.#names(from, MAX_PAGE, signal);
			found.push(...(await this.#documents(rows, isKnown, signal)).traces);
			const last = rows.at(-1);
			const hasMore = rows.length === MAX_PAGE && last !== undefined;
			if (!hasMore) this.#olderFrom = undefined;
			else {
				const same = rows.filter((row) => row.createdAt === last.createdAt).length;
				const before = from?.createdAt === last.createdAt ? from.skip : 0;
				this.#olderFrom = { createdAt: last.createdAt, skip: before + same };
			}
			if (!hasMore || found.length >= MAX_PAGE / 2) return { traces: found, hasMore };
		}
	}

	rewind(): void {
		this.#olderFrom = undefined;
	}

	async read(traceId: string, maxBytes: number, signal: AbortSignal): Promise<JsonObject | undefined> {
		const [size] = await this.#ask(`SELECT ${BYTES} AS bytes FROM traces WHERE trace_id = ?`, [traceId], signal);
		if (size === undefined) return undefined;
		if ((decodeNumber(size.bytes) ?? 0) > maxBytes) {
			throw new SourceError("tooLarge", `SQLite: the trace has more than ${maxBytes} bytes`);
		}
		const [row] = await this.#ask("SELECT * FROM traces WHERE trace_id = ?", [traceId], signal);
		return row === undefined ? undefined : plain(row);
	}

	dispose(): void {
		this.#isDisposed = true;
		this.#stop("the source is closed");
	}

	/** Names, versions and sizes, the newest first. */
	async #names(
		from: { readonly createdAt: string; readonly skip: number } | undefined,
		limit: number,
		signal: AbortSignal,
	): Promise<readonly Named[]> {
		const conditions = [
			...(this.#model === undefined ? [] : ["model_name = ?"]),
			...(from === undefined ? [] : ["created_at <= ?"]),
		];
		const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
		const rows = await this.#ask(
			`SELECT trace_id, created_at, updated_at, ${BYTES} AS bytes FROM traces ${where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`,
			[
				...(this.#model === undefined ? [] : [this.#model]),
				...(from === undefined ? [] : [from.createdAt]),
				limit,
				from?.skip ?? 0,
			],
			signal,
		);
		return rows.flatMap((row) => {
			const traceId = decodeId(row.trace_id);
			if (traceId === undefined) return [];
			return [
				{
					traceId,
					startMs: timeOf(row.created_at)?.ms,
					savedAtMs: timeOf(row.updated_at)?.ms,
					createdAt: String(row.created_at),
					bytes: decodeNumber(row.bytes) ?? 0,
				},
			];
		});
	}

	/** The documents of those rows that are not known, in portions of a bounded size. */
	async #documents(
		rows: readonly Named[],
		isKnown: IsKnown,
		signal: AbortSignal,
	): Promise<{ readonly traces: readonly DecodedTrace[]; readonly undecodable: number }> {
		const wanted = rows.filter((row) => !isKnown(row.traceId, row.savedAtMs));
		const traces: DecodedTrace[] = [];
		let undecodable = 0;
		for (let at = 0; at < wanted.length; ) {
			const ids: string[] = [];
			for (let bytes = 0; at < wanted.length && bytes < PAGE_BYTES; at++) {
				if (wanted[at].bytes > MAX_DOCUMENT_BYTES) {
					undecodable++;
					continue;
				}
				ids.push(wanted[at].traceId);
				bytes += wanted[at].bytes;
			}
			if (ids.length === 0) continue;
			const sql = `SELECT * FROM traces WHERE trace_id IN (${ids.map(() => "?").join(", ")})`;
			for (const row of await this.#ask(sql, ids, signal)) {
				const trace = decodeTrace(row);
				if (trace === undefined) undecodable++;
				else traces.push(trace);
			}
		}
		return { traces, undecodable };
	}

	async #ask(
		sql: string,
		parameters: readonly (string | number)[],
		signal: AbortSignal,
	): Promise<readonly Readonly<Record<string, unknown>>[]> {
		signal.throwIfAborted();
		if (this.#isDisposed) throw new SourceError("disconnected", "SQLite: the source is closed");
		const worker = this.#start();
		const id = this.#nextId++;
		const question: SqliteQuestion = { id, file: this.#file, sql, parameters };
		const timer = setTimeout(() => this.#stop(`no answer within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
		try {
			const answer = await new Promise<SqliteAnswer>((resolve) => {
				this.#waiting.set(id, { resolve });
				worker.postMessage(question);
			});
			signal.throwIfAborted();
			if ("error" in answer) throw this.#errorOf(answer.error);
			return answer.rows;
		} finally {
			clearTimeout(timer);
			this.#waiting.delete(id);
		}
	}

	#errorOf(said: string): SourceError {
		const file = this.#file;
		if (/unable to open/i.test(said))
			return new SourceError("notFound", `SQLite: cannot open ${file}; is it TraceLLM's traces.db?`);
		if (/no such (table|column)|not a database/i.test(said)) {
			return new SourceError("protocol", `SQLite: ${file} is no file of TraceLLM (${said})`);
		}
		return new SourceError("serverError", `SQLite: ${file}: ${said}`);
	}

	#start(): Worker {
		if (this.#worker !== undefined) return this.#worker;
		const worker = new Worker(readerUrl());
		// Nobody waits for a thread that nobody asks.
		worker.unref();
		worker.on("message", (answer: SqliteAnswer) => this.#waiting.get(answer.id)?.resolve(answer));
		worker.on("error", (error) => this.#stop(describeError(error)));
		this.#worker = worker;
		return worker;
	}

	/** Ends the thread; who waits is told why. */
	#stop(why: string): void {
		const worker = this.#worker;
		this.#worker = undefined;
		for (const [id, { resolve }] of this.#waiting) resolve({ id, error: why });
		void worker?.terminate();
	}
}

/** Beside this file in the sources; in the bundle an entry of its own, one folder above the chunks. */
function readerUrl(): URL {
	return import.meta.url.endsWith(".ts")
		? new URL("./sqliteReader.ts", import.meta.url)
		: new URL("../sqliteReader.js", import.meta.url);
}

/** A row as REST would send it. */
function plain({ id: _id, ...row }: Readonly<Record<string, unknown>>): JsonObject {
	const isSlow = row.slow_request === 1 || row.slow_request === true;
	return { ...row, steps: stepsOf(row.steps), slow_request: isSlow };
}
