import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { sleep } from "../../base/abort.ts";
import { FileProblem } from "./fileProblem.ts";
import { type ImportPiece, importPieces } from "./importPieces.ts";
import { JsonStream } from "./jsonStream.ts";

/** What a server says of one request of an import. */
export interface ImportAnswer {
	/** Spans that are new. */
	readonly spans: number;
	/** Spans that were there already. */
	readonly skipped: number;
	/** Spans that could not be taken. */
	readonly rejected: number;
	/** Why. */
	readonly errors: readonly string[];
}

export type ImportCounts = Readonly<Record<"spans" | "skipped" | "rejected", number>>;

/** Thrown by a `post` when the server asks for patience (429, 503). */
export class BusyError extends Error {
	/** Undefined when the server names no time. */
	readonly retryAfterSeconds: number | undefined;
	/** What to throw when patience is at its end. */
	readonly problem: Error;
	constructor(problem: Error, retryAfterSeconds: number | undefined) {
		super(problem.message, { cause: problem });
		this.name = "BusyError";
		this.problem = problem;
		this.retryAfterSeconds = retryAfterSeconds;
	}
}

export interface ImportOptions {
	/** Sends one piece. @throws BusyError to be asked again */
	readonly post: (body: Buffer) => Promise<ImportAnswer>;
	/** Bytes of the file were read. */
	readonly onRead?: (bytes: number) => void;
	/** A piece was answered. */
	readonly onSent?: () => void;
	readonly signal: AbortSignal;
}

/** A busy server is asked again so often. */
const MAX_ATTEMPTS = 6;

/** Reasons that are kept of one file; the rest is counted. */
const MAX_KEPT_PROBLEMS = 10;

/** One file on its way to a server, in pieces of which each is a request; the next one is cut while one is under way. */
export class FileImport {
	readonly #options: ImportOptions;
	readonly #problems: string[] = [];
	#hiddenProblems = 0;
	#counts: ImportCounts = { spans: 0, skipped: 0, rejected: 0 };

	constructor(options: ImportOptions) {
		this.#options = options;
	}

	/** What was taken so far. */
	get counts(): ImportCounts {
		return this.#counts;
	}

	/** Why spans were left out, at most ten reasons; nothing of it is fit for a terminal or a page as it is. */
	get problems(): readonly string[] {
		return this.#problems;
	}

	/** Reasons beyond those. */
	get hiddenProblems(): number {
		return this.#hiddenProblems;
	}

	/**
	 * Sends Traceway JSON or OTLP JSON, compressed with gzip or not.
	 *
	 * @throws FileProblem for what is neither; what `post` throws; what reading `source` throws.
	 */
	async send(source: AsyncIterable<Buffer>): Promise<void> {
		const stream = new JsonStream(plainBytes(counted(source, (bytes) => this.#options.onRead?.(bytes))));
		let sent = Promise.resolve();
		try {
			for await (const piece of importPieces(stream)) {
				await sent;
				sent = this.#send(piece);
				// Awaited with the next piece; until then nobody looks.
				sent.catch(() => {});
			}
			await sent;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "Z_BUF_ERROR") throw error;
			throw new FileProblem("the gzip data end too early", { cause: error });
		}
	}

	async #send(piece: ImportPiece): Promise<void> {
		let { spans, skipped, rejected } = this.#counts;
		for (const problem of piece.problems) {
			rejected += problem.spans;
			this.#keep(problem.text);
		}
		this.#counts = { spans, skipped, rejected };
		const answer = await this.#post(piece.body);
		spans += answer.spans;
		skipped += answer.skipped;
		rejected += answer.rejected;
		this.#counts = { spans, skipped, rejected };
		for (const text of answer.errors) this.#keep(text);
		this.#options.onSent?.();
	}

	#keep(problem: string): void {
		if (this.#problems.length < MAX_KEPT_PROBLEMS) this.#problems.push(problem);
		else this.#hiddenProblems++;
	}

	async #post(body: Buffer): Promise<ImportAnswer> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#options.post(body);
			} catch (error) {
				if (!(error instanceof BusyError)) throw error;
				if (attempt === MAX_ATTEMPTS) throw error.problem;
				const seconds = error.retryAfterSeconds ?? 2 ** (attempt - 1);
				await sleep(1000 * Math.min(30, seconds), this.#options.signal);
			}
		}
	}
}

/** The body of an answer to `POST /api/import`; undefined when it is another server's. */
export function parseImportAnswer(text: string): ImportAnswer | undefined {
	let value: Readonly<Record<string, unknown>>;
	try {
		value = JSON.parse(text) as Readonly<Record<string, unknown>>;
	} catch {
		// What is no JSON is no mini-server's.
		return undefined;
	}
	const { spans, skipped, rejected, errors } = value ?? {};
	if (![spans, skipped, rejected].every(Number.isSafeInteger)) return undefined;
	const list = Array.isArray(errors) ? errors.map((one) => (typeof one === "string" ? one : JSON.stringify(one))) : [];
	return { spans: Number(spans), skipped: Number(skipped), rejected: Number(rejected), errors: list };
}

/** Seconds of a `Retry-After`; undefined when there is none that is a number. */
export function retryAfterSeconds(headers: Headers): number | undefined {
	const seconds = Number(headers.get("retry-after"));
	return seconds > 0 ? seconds : undefined;
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
