import { FileProblem } from "./fileProblem.ts";
import type { JsonStream } from "./jsonStream.ts";

/** A part of a file that is a whole request for `POST /api/import`. */
export interface ImportPiece {
	readonly body: Buffer;
	/** What of this part of the file does not come through, each with its place. */
	readonly problems: readonly ImportProblem[];
}

export interface ImportProblem {
	readonly text: string;
	/** Spans that are left out for it. */
	readonly spans: 0 | 1;
}

export interface PieceLimits {
	/** A request is sent when it has grown to so many bytes. */
	readonly targetBytes: number;
	/** Most that one request carries: what the server takes as one body, less what stands around. */
	readonly maxBytes: number;
}

/** The server takes bodies of 32 MiB. Small requests let its other clients wait less. */
export const PIECE_LIMITS: PieceLimits = { targetBytes: 4 * 1024 * 1024, maxBytes: 31 * 1024 * 1024 };

/** Largest resource or scope of a group that is too large for one request and is therefore repeated in each of its pieces. */
const MAX_HEAD_BYTES = 256 * 1024;

/**
 * Cuts Traceway JSON (`{"records":{"<id>":{…}},"traces":{"<id>":[span, …]}}`) and OTLP JSON (`{"resourceSpans":[…]}`) of any size into requests, as
 * the bytes arrive. Several documents may follow each other, as the lines of OpenTelemetry's file exporter do. Traces and
 * groups stay whole where they fit into one request; else they are cut between spans. What is in a span is not looked at.
 *
 * @throws FileProblem when the file is neither, or no JSON.
 */
export async function* importPieces(
	stream: JsonStream,
	limits: PieceLimits = PIECE_LIMITS,
): AsyncGenerator<ImportPiece> {
	let isEmpty = true;
	while ((await stream.peek()) !== "") {
		isEmpty = false;
		yield* documentPieces(stream, limits);
	}
	if (isEmpty) throw new FileProblem("the file is empty");
}

async function* documentPieces(stream: JsonStream, limits: PieceLimits): AsyncGenerator<ImportPiece> {
	if ((await stream.peek()) !== "{") throw stream.problem("an object with traces or resourceSpans was expected");
	let isKnown = false;
	for await (const key of stream.keys()) {
		const next = await stream.peek();
		if ((key === "traces" || key === "records") && next === "{") {
			isKnown = true;
			yield* tracePieces(stream, limits, key);
		} else if ((key === "resourceSpans" || key === "resource_spans") && next === "[") {
			isKnown = true;
			yield* groupListPieces(stream, limits, {
				head: '{"resourceSpans":[',
				tail: "]}",
				path: key,
				lists: GROUP_LISTS,
			});
		} else await stream.skip();
	}
	if (!isKnown) {
		throw new FileProblem(
			`the JSON that ends at byte ${stream.position} has neither "traces" (Traceway's export) nor "resourceSpans" (OTLP)`,
		);
	}
}

/** Collects elements of a list, comma between them, to requests of one head and one tail. */
class PieceBuilder {
	readonly #limits: PieceLimits;
	readonly #head: string;
	readonly #tail: string;
	#parts: (Buffer | string)[] = [];
	#bytes = 0;
	#problems: ImportProblem[] = [];

	constructor(limits: PieceLimits, head: string, tail: string) {
		this.#limits = limits;
		this.#head = head;
		this.#tail = tail;
	}

	/** Adds an element and gives the requests that are ready then: the earlier ones when it does not fit, and all when it fills up. */
	*add(...parts: readonly (Buffer | string)[]): Generator<ImportPiece> {
		const bytes = parts.reduce((sum, part) => sum + part.length, 0);
		if (this.#bytes + bytes > this.#limits.maxBytes) yield* this.flush();
		if (this.#bytes > 0) this.#parts.push(",");
		this.#parts.push(...parts);
		this.#bytes += bytes;
		if (this.#bytes >= this.#limits.targetBytes) yield* this.flush();
	}

	/** Leaves out a span that no request can hold. */
	leaveOut(path: string): void {
		const text = `${path} is larger than ${Math.floor(this.#limits.maxBytes / 1024 / 1024)} MiB, and left out`;
		this.#problems.push({ text, spans: 1 });
	}

	/** The request so far, if there is one. */
	*flush(): Generator<ImportPiece> {
		if (this.#bytes === 0 && this.#problems.length === 0) return;
		const parts = [this.#head, ...this.#parts, this.#tail];
		const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
		const problems = this.#problems;
		this.#parts = [];
		this.#bytes = 0;
		this.#problems = [];
		yield { body, problems };
	}
}

/** The arrays of spans in `traces`, and what `records` says of traces beside their spans. */
async function* tracePieces(
	stream: JsonStream,
	limits: PieceLimits,
	list: "traces" | "records",
): AsyncGenerator<ImportPiece> {
	const [head, tail] = [`{"${list}":{`, "}}"];
	const traces = new PieceBuilder(limits, head, tail);
	for await (const id of stream.keys()) {
		const name = JSON.stringify(id);
		const whole = await stream.value(limits.targetBytes);
		if (whole !== undefined) {
			yield* traces.add(`${name}:`, whole);
			continue;
		}
		if ((await stream.peek()) !== "[")
			throw stream.problem(`${list}[${name}] is too large for one request and no array of spans`);
		yield* traces.flush();
		yield* arrayPieces(stream, limits, `${head}${name}:[`, `]${tail}`, `${list}[${name}]`);
	}
	yield* traces.flush();
}

/** The spans of one array, in as many requests as they need. */
async function* arrayPieces(
	stream: JsonStream,
	limits: PieceLimits,
	head: string,
	tail: string,
	path: string,
): AsyncGenerator<ImportPiece> {
	const spans = new PieceBuilder(limits, head, tail);
	for await (const index of stream.elements()) {
		const span = await stream.value(limits.maxBytes);
		if (span !== undefined) yield* spans.add(span);
		else {
			spans.leaveOut(`${path}[${index}]`);
			await stream.skip();
		}
	}
	yield* spans.flush();
}

/** Lists inside a group, from the outside in. */
const GROUP_LISTS: readonly string[] = ["scopeSpans", "spans"];

/** Elements of `resourceSpans`, or of `scopeSpans` inside of one that is too large. */
async function* groupListPieces(
	stream: JsonStream,
	limits: PieceLimits,
	{ head, tail, path, lists }: Group,
): AsyncGenerator<ImportPiece> {
	const groups = new PieceBuilder(limits, head, tail);
	for await (const index of stream.elements()) {
		const whole = await stream.value(limits.maxBytes);
		if (whole !== undefined) {
			yield* groups.add(whole);
			continue;
		}
		yield* groups.flush();
		yield* groupPieces(stream, limits, { head, tail, path: `${path}[${index}]`, lists });
	}
	yield* groups.flush();
}

interface Group {
	/** Text of the request up to this group, and behind it. */
	readonly head: string;
	readonly tail: string;
	readonly path: string;
	readonly lists: readonly string[];
}

/**
 * One `ResourceSpans` (or `ScopeSpans`) that no single request takes: its list goes in pieces, and what stands before the
 * list (the resource, the scope) goes with each of them. What stands behind it comes too late for them.
 */
async function* groupPieces(
	stream: JsonStream,
	limits: PieceLimits,
	{ head, tail, path, lists: [list, ...inner] }: Group,
): AsyncGenerator<ImportPiece> {
	if ((await stream.peek()) !== "{") throw stream.problem(`${path} must be an object`);
	let members = "";
	let hasList = false;
	const late: ImportProblem[] = [];
	for await (const key of stream.keys()) {
		const name = JSON.stringify(key);
		if (key === list && (await stream.peek()) === "[") {
			hasList = true;
			const listHead = `${head}{${members}${name}:[`;
			const listTail = `]}${tail}`;
			const listPath = `${path}.${key}`;
			if (inner.length === 0) yield* arrayPieces(stream, limits, listHead, listTail, listPath);
			else yield* groupListPieces(stream, limits, { head: listHead, tail: listTail, path: listPath, lists: inner });
			continue;
		}
		const text = (await stream.value(MAX_HEAD_BYTES))?.toString("utf8");
		if (text === undefined) throw new FileProblem(`${path}.${key} is larger than ${MAX_HEAD_BYTES / 1024} KiB`);
		if (!hasList) members += `${name}:${text},`;
		// Most exporters write a schema's address behind the list, and mostly an empty one.
		else if (text !== '""') {
			late.push({
				text: `${path} is cut into several requests, and its ${name} stands behind them: not imported`,
				spans: 0,
			});
		}
	}
	if (late.length > 0) yield { body: Buffer.from('{"resourceSpans":[]}'), problems: late };
}
