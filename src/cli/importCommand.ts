import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { describeError } from "../base/logger.ts";
import { formatCount } from "../base/quantity.ts";
import { FileProblem } from "../sources/files/fileProblem.ts";
import {
	BusyError,
	FileImport,
	type ImportAnswer,
	type ImportCounts,
	parseImportAnswer,
	retryAfterSeconds,
} from "../sources/files/importFile.ts";
import { type Command, CommandError, parseArguments, printable, UsageError } from "./arguments.ts";
import { defaultUrl } from "./dataDir.ts";
import { givenServer, readToken, refused, tokenHeaders, unreachable } from "./target.ts";

const help = `traceway-live import - send stored traces to a server

Reads Traceway's JSON, as "export" writes it, and OpenTelemetry's JSON (OTLP: one document, or one a line, as the file
exporter of the Collector writes them), compressed with gzip or not. Files may be larger than memory. What the server
has already is skipped, so an import that broke off is simply run again.

Usage
  traceway-live import [options] [FILE ...]

  Without a FILE, or where FILE is -, standard input is read.

Options
  --url U      base address of the server  [TRACEWAY_URL, else the running server, else http://127.0.0.1:3000]
  --token T    bearer token                [TRACEWAY_TOKEN]
  -h, --help   print this

  What was taken is counted on standard error, and so are the first spans that were refused, with the reason.

Exit codes
  0  everything is there
  1  a file cannot be read, is neither form or no JSON; the server cannot be reached or refused; or spans were left out
  2  wrong command line
  4  Node.js is older than 22.16
  130  stopped with Ctrl+C; what was sent stays

Examples
  traceway-live import traces.json
  traceway-live import spans-*.jsonl.gz
  curl -s https://example.com/traces.json | traceway-live import -
`;

const REQUEST_TIMEOUT_MS = 120_000;

/** A server that imports go to. */
interface Target {
	readonly url: string;
	readonly token: string | undefined;
	readonly signal: AbortSignal;
}

async function run(args: readonly string[]): Promise<number> {
	const { values, positionals } = parseArguments(args, { url: { type: "string" }, token: { type: "string" } });
	if (positionals.length === 0 && process.stdin.isTTY) {
		throw new UsageError("name a file, or - for standard input");
	}
	const files = positionals.length === 0 ? ["-"] : positionals;
	const givenUrl = givenServer(values.url, process.env);
	const token = readToken(values.token, process.env);
	const stop = new AbortController();
	process.once("SIGINT", () => stop.abort());
	process.once("SIGTERM", () => stop.abort());
	const { signal } = stop;
	let total: ImportCounts = { spans: 0, skipped: 0, rejected: 0 };
	const add = ({ spans, skipped, rejected }: ImportCounts) => {
		total = { spans: total.spans + spans, skipped: total.skipped + skipped, rejected: total.rejected + rejected };
	};
	try {
		const url = givenUrl ?? (await defaultUrl(signal));
		for (const file of files) await importFile(file, { url, token, signal }, add);
		process.stderr.write(`${countsText(total)}\n`);
		return total.rejected === 0 ? 0 : 1;
	} catch (error) {
		if (!signal.aborted) throw error;
		process.stderr.write(`stopped: ${countsText(total)}; import again for the rest\n`);
		return 130;
	}
}

async function importFile(file: string, target: Target, add: (counts: ImportCounts) => void): Promise<void> {
	const name = file === "-" ? "standard input" : printable(file, 1000);
	const progress = new Progress(name, file === "-" ? undefined : (await stat(file).catch(() => undefined))?.size);
	const source: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
	const sending: FileImport = new FileImport({
		post: (body) => post(target, body),
		onRead: (bytes) => progress.read(bytes),
		onSent: () => progress.show(sending.counts),
		signal: target.signal,
	});
	try {
		await sending.send(source);
	} catch (error) {
		if (error instanceof CommandError || error instanceof FileProblem) {
			const done = sending.counts.spans + sending.counts.skipped;
			const kept = done === 0 ? "" : `; ${formatCount(done)} spans before that are there`;
			throw new CommandError(`${name}: ${error.message}${kept}`, 1, { cause: error });
		}
		throw new CommandError(`cannot read ${name} (${describeError(error)})`, 1, { cause: error });
	} finally {
		source.destroy();
		progress.clear();
		add(sending.counts);
	}
	const { problems, hiddenProblems } = sending;
	for (const problem of problems) process.stderr.write(`${name}: ${printable(problem, 500)}\n`);
	if (hiddenProblems > 0) process.stderr.write(`${name}: and ${formatCount(hiddenProblems)} more like these\n`);
}

async function post({ url, token, signal }: Target, body: Buffer): Promise<ImportAnswer> {
	let response: Response;
	let text: string;
	try {
		response = await fetch(`${url}/api/import`, {
			method: "POST",
			headers: { "content-type": "application/json", ...tokenHeaders(token) },
			body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.length),
			signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
		});
		text = await response.text();
	} catch (error) {
		throw new CommandError(unreachable(url, error, REQUEST_TIMEOUT_MS), 1, { cause: error });
	}
	if (!response.ok) {
		const problem = new CommandError(refused(url, "POST /api/import", response.status, text));
		const isBusy = response.status === 429 || response.status === 503;
		throw isBusy ? new BusyError(problem, retryAfterSeconds(response.headers)) : problem;
	}
	const answer = parseImportAnswer(text);
	if (answer !== undefined) return answer;
	throw new CommandError(`${url} answered POST /api/import without counts; is it a Traceway Live server?`);
}

function countsText({ spans, skipped, rejected }: ImportCounts): string {
	const parts = [`${formatCount(spans)} spans imported`];
	if (skipped > 0) parts.push(`${formatCount(skipped)} were there already`);
	if (rejected > 0) parts.push(`${formatCount(rejected)} left out`);
	return parts.join(", ");
}

/** Time between two looks of the line. */
const PROGRESS_MS = 100;

/** One line on standard error that is written over and over, when that is a terminal. */
class Progress {
	readonly #name: string;
	readonly #size: number | undefined;
	readonly #isShown = process.stderr.isTTY === true;
	#bytes = 0;
	#shownAtMs = 0;

	/** @param size of the file, undefined when nobody knows. */
	constructor(name: string, size: number | undefined) {
		this.#name = name;
		this.#size = size;
	}

	read(bytes: number): void {
		this.#bytes += bytes;
	}

	show(counts: ImportCounts): void {
		const now = Date.now();
		if (!this.#isShown || now - this.#shownAtMs < PROGRESS_MS) return;
		this.#shownAtMs = now;
		const done = this.#size
			? `${Math.floor((100 * this.#bytes) / this.#size)} %`
			: `${Math.floor(this.#bytes / 1e6)} MB`;
		process.stderr.write(`\r\x1b[K${this.#name}: ${done}, ${countsText(counts)}`);
	}

	clear(): void {
		if (this.#isShown && this.#shownAtMs > 0) process.stderr.write("\r\x1b[K");
	}
}

export const importCommand: Command = { help, run };
