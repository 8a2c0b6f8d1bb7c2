import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { sleep } from "../base/abort.ts";
import { describeError } from "../base/logger.ts";
import { formatCount } from "../base/quantity.ts";
import { type Command, CommandError, parseArguments, printable, UsageError } from "./arguments.ts";
import { defaultUrl } from "./dataDir.ts";
import { type ImportPiece, importPieces } from "./importPieces.ts";
import { JsonStream } from "./jsonStream.ts";
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

/** Reasons that are printed of one file; the rest is counted. */
const MAX_SHOWN_PROBLEMS = 10;

/** A busy server is asked again so often. */
const MAX_ATTEMPTS = 6;

interface Counts {
	spans: number;
	skipped: number;
	rejected: number;
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
	const total: Counts = { spans: 0, skipped: 0, rejected: 0 };
	try {
		const url = givenUrl ?? (await defaultUrl(stop.signal));
		for (const file of files) {
			const sender = new Sender(url, token, stop.signal);
			try {
				await importFile(file, sender);
			} finally {
				total.spans += sender.counts.spans;
				total.skipped += sender.counts.skipped;
				total.rejected += sender.counts.rejected;
			}
		}
		process.stderr.write(`${countsText(total)}\n`);
		return total.rejected === 0 ? 0 : 1;
	} catch (error) {
		if (!stop.signal.aborted) throw error;
		process.stderr.write(`stopped: ${countsText(total)}; import again for the rest\n`);
		return 130;
	}
}

async function importFile(file: string, sender: Sender): Promise<void> {
	const name = file === "-" ? "standard input" : printable(file, 1000);
	const progress = new Progress(name, file === "-" ? undefined : (await stat(file).catch(() => undefined))?.size);
	const source: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
	try {
		const stream = new JsonStream(plainBytes(counted(source, (bytes) => progress.read(bytes))));
		// One request is under way while the next one is being cut.
		let sent = Promise.resolve();
		for await (const piece of importPieces(stream)) {
			await sent;
			sent = sender.send(piece).then(() => progress.show(sender.counts));
			// Awaited with the next piece; until then nobody looks.
			sent.catch(() => {});
		}
		await sent;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (error instanceof CommandError) {
			const done = sender.counts.spans + sender.counts.skipped;
			const kept = done === 0 ? "" : `; ${formatCount(done)} spans before that are there`;
			throw new CommandError(`${name}: ${error.message}${kept}`, error.exitCode, { cause: error });
		}
		if (code === "Z_BUF_ERROR") throw new CommandError(`${name}: the gzip data end too early`, 1, { cause: error });
		throw new CommandError(`cannot read ${name} (${describeError(error)})`, 1, { cause: error });
	} finally {
		source.destroy();
		progress.clear();
	}
	for (const line of sender.problemLines()) process.stderr.write(`${name}: ${line}\n`);
}

/** The bytes, decompressed when they begin as gzip does (RFC 1952, section 2.3.1). */
async function* plainBytes(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	const chunks = source[Symbol.asyncIterator]();
	let start: Buffer = Buffer.alloc(0);
	while (start.length < 2) {
		const { done, value } = await chunks.next();
		if (done) break;
		start = Buffer.concat([start, value]);
	}
	const all = (async function* () {
		yield start;
		yield* { [Symbol.asyncIterator]: () => chunks };
	})();
	if (start[0] !== 0x1f || start[1] !== 0x8b) {
		yield* all;
		return;
	}
	const gunzip = createGunzip({ chunkSize: 256 * 1024 });
	// Its end, good or bad, is what reading from `gunzip` ends with.
	pipeline(Readable.from(all), gunzip, () => {});
	yield* gunzip;
}

async function* counted(source: AsyncIterable<Buffer>, count: (bytes: number) => void): AsyncGenerator<Buffer> {
	for await (const chunk of source) {
		count(chunk.length);
		yield chunk;
	}
}

/** Posts pieces, one after the other, and adds up what the server says of them. */
class Sender {
	readonly counts: Counts = { spans: 0, skipped: 0, rejected: 0 };
	readonly #url: string;
	readonly #token: string | undefined;
	readonly #signal: AbortSignal;
	readonly #problems: string[] = [];
	#hiddenProblems = 0;

	constructor(url: string, token: string | undefined, signal: AbortSignal) {
		this.#url = url;
		this.#token = token;
		this.#signal = signal;
	}

	async send(piece: ImportPiece): Promise<void> {
		for (const { text, spans } of piece.problems) {
			this.counts.rejected += spans;
			this.#keep(text);
		}
		const answer = await this.#post(piece.body);
		this.counts.spans += answer.spans;
		this.counts.skipped += answer.skipped;
		this.counts.rejected += answer.rejected;
		for (const text of answer.errors) this.#keep(text);
	}

	/** What was left out, and why. */
	problemLines(): readonly string[] {
		const rest = this.#hiddenProblems === 0 ? [] : [`and ${formatCount(this.#hiddenProblems)} more like these`];
		return [...this.#problems, ...rest];
	}

	#keep(problem: string): void {
		if (this.#problems.length < MAX_SHOWN_PROBLEMS) this.#problems.push(printable(problem, 500));
		else this.#hiddenProblems++;
	}

	async #post(body: Buffer): Promise<ImportAnswer> {
		for (let attempt = 1; ; attempt++) {
			let response: Response;
			let text: string;
			try {
				response = await fetch(`${this.#url}/api/import`, {
					method: "POST",
					headers: { "content-type": "application/json", ...tokenHeaders(this.#token) },
					body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.length),
					signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
				});
				text = await response.text();
			} catch (error) {
				throw new CommandError(unreachable(this.#url, error, REQUEST_TIMEOUT_MS), 1, { cause: error });
			}
			if (response.ok) return readAnswer(this.#url, text);
			const isBusy = response.status === 429 || response.status === 503;
			if (!isBusy || attempt === MAX_ATTEMPTS) {
				throw new CommandError(refused(this.#url, "POST /api/import", response.status, text));
			}
			const seconds = Number(response.headers.get("retry-after"));
			await sleep(1000 * Math.min(30, seconds > 0 ? seconds : 2 ** (attempt - 1)), this.#signal);
		}
	}
}

interface ImportAnswer {
	readonly spans: number;
	readonly skipped: number;
	readonly rejected: number;
	readonly errors: readonly string[];
}

function readAnswer(url: string, text: string): ImportAnswer {
	try {
		const { spans, skipped, rejected, errors } = JSON.parse(text) as Readonly<Record<string, unknown>>;
		const isAnswer = [spans, skipped, rejected].every(Number.isSafeInteger);
		if (isAnswer) {
			const list = Array.isArray(errors)
				? errors.map((one) => (typeof one === "string" ? one : JSON.stringify(one)))
				: [];
			return { spans: Number(spans), skipped: Number(skipped), rejected: Number(rejected), errors: list };
		}
	} catch {
		// Handled below: an answer that is no JSON is no mini-server's.
	}
	throw new CommandError(`${url} answered POST /api/import without counts; is it a Traceway Live server?`);
}

function countsText({ spans, skipped, rejected }: Counts): string {
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

	show(counts: Counts): void {
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
