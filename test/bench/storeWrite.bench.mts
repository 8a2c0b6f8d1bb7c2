import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { silentLogger } from "../../src/base/logger.ts";
import { Store } from "../../src/server/storage/store.ts";
import { type BenchRow, interleave, measure, median, ratioRow, valueRow } from "./bench.mts";
import { type GeneratedSpan, type PlainRow, SpanSource } from "./storedSpans.mts";

export const name = "store-write";

const ROWS = 60_000;
const BATCH = 1000;
const ROUNDS = 5;

const COLUMNS: readonly (keyof PlainRow)[] = [
	"id",
	"trace_id",
	"parent_id",
	"name",
	"kind",
	"model",
	"provider",
	"input_tokens",
	"output_tokens",
	"status",
	"error",
	"started_at",
	"ended_at",
	"input",
	"output",
];

interface Written {
	/** Rows a second on the clock, and a second of this process's processor time. */
	readonly rate: number;
	readonly cpuRate: number;
	/** Of the file in the end. */
	readonly bytes: number;
	/** Rows a second of clock with which the search index is built; NaN where there is none. */
	readonly indexRate: number;
}

function rates(taken: { readonly wallMs: number; readonly cpuMs: number }) {
	return { rate: (ROWS / taken.wallMs) * 1000, cpuRate: (ROWS / taken.cpuMs) * 1000 };
}

function* batches(spans: readonly GeneratedSpan[]): Generator<readonly GeneratedSpan[]> {
	for (let from = 0; from < spans.length; from += BATCH) yield spans.slice(from, from + BATCH);
}

/** Our store: spans, payloads, sums, log of events and all indexes but that of texts, which is built behind. */
async function store(spans: readonly GeneratedSpan[], directory: string): Promise<Written> {
	const opened = new Store({ dataDir: directory, logger: silentLogger });
	// As in a server to which nobody listens: events are kept, and not written out as text.
	opened.events.isWatched = false;
	const taken = await measure(async () => {
		for (const batch of batches(spans)) await opened.addBatch({ spans: batch.map(({ span }) => span), traces: [] });
		opened.indexSpans();
	});
	const indexing = await measure(() => {
		while (opened.search.step());
	});
	await opened.close();
	const { size } = statSync(join(directory, "traces.db"));
	return { ...rates(taken), bytes: size, indexRate: (ROWS / indexing.wallMs) * 1000 };
}

/** One table with the ids as they are, three indexes, and SQLite's own sizes. */
async function obvious(spans: readonly GeneratedSpan[], directory: string): Promise<Written> {
	const file = join(directory, "obvious.db");
	const database = new DatabaseSync(file);
	database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
		CREATE TABLE spans (id TEXT PRIMARY KEY, ${COLUMNS.slice(1).join(", ")});
		CREATE INDEX by_trace ON spans (trace_id); CREATE INDEX by_start ON spans (started_at);
		CREATE INDEX by_model ON spans (model)`);
	const insert = database.prepare(`INSERT INTO spans VALUES (${COLUMNS.map(() => "?").join(", ")})`);
	const taken = await measure(() => {
		for (const batch of batches(spans)) {
			database.exec("BEGIN");
			for (const { row } of batch) insert.run(...COLUMNS.map((column) => row[column]));
			database.exec("COMMIT");
		}
	});
	database.close();
	return { ...rates(taken), bytes: statSync(file).size, indexRate: Number.NaN };
}

/** The least that anyone could do: lines of JSON behind each other. */
async function lines(spans: readonly GeneratedSpan[], directory: string): Promise<Written> {
	const file = join(directory, "spans.jsonl");
	const descriptor = openSync(file, "a");
	const taken = await measure(() => {
		for (const batch of batches(spans)) {
			let text = "";
			for (const { row } of batch) text += `${JSON.stringify(row)}\n`;
			writeSync(descriptor, text);
		}
	});
	closeSync(descriptor);
	return { ...rates(taken), bytes: statSync(file).size, indexRate: Number.NaN };
}

/** Rows of about 1 KB in batches of 1000, beside an obvious schema and beside appending them to a file. */
export async function run(): Promise<BenchRow[]> {
	const spans = new SpanSource(1, Date.UTC(2026, 2, 6)).take(ROWS);
	const inDirectory = (write: typeof store) => async () => {
		const directory = mkdtempSync(join(tmpdir(), "traceway-write-"));
		try {
			return await write(spans, directory);
		} finally {
			rmSync(directory, { recursive: true, force: true });
		}
	};
	const results = await interleave(ROUNDS, {
		store: inDirectory(store),
		obvious: inDirectory(obvious),
		lines: inDirectory(lines),
	});
	const middle = (of: keyof typeof results, what: keyof Written) => median(results[of].map((result) => result[what]));
	const row = (suffix: string, what: keyof Written, beside: "obvious" | "lines", unit: string, goal: string) =>
		ratioRow(`${name}-${suffix}`, middle("store", what), middle(beside, what), unit, goal);
	return [
		row("obvious", "rate", "obvious", "rows/s", ">= 1.5 ratio"),
		row("obvious-cpu", "cpuRate", "obvious", "rows/CPU-s", ""),
		row("lines", "rate", "lines", "rows/s", ">= 0.45 ratio"),
		row("lines-cpu", "cpuRate", "lines", "rows/CPU-s", ""),
		row("bytes", "bytes", "lines", "bytes", "<= 1.3 ratio"),
		valueRow(`${name}-line`, middle("lines", "bytes") / ROWS, "bytes/row", ""),
		valueRow(`${name}-search-index`, middle("store", "indexRate"), "rows/s", ""),
	];
}
