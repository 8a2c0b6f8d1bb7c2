import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { MortalServer } from "./mortalServer.ts";
import { searchRow, type TempoSpan, type TraceShape, traceJson, traceProtobuf } from "./tempoData.ts";
import { parseTempoQuery } from "./tempoQuery.ts";

/**
 * A small honest Grafana Tempo: search, traces by id, tags, build information over real HTTP, by the reference and Tempo's
 * documentation, with their oddities: ids without their leading zeros in search, base64 ids in JSON, "the first N results", a
 * word in place of the root's names, errors as plain text, spans that can be read by id before they are found by search. Keeps
 * its traces over `stop` and `start`.
 */

/** What one request gets instead of an honest answer; taken from `nextAnswers` in order, or `everyAnswer` while set. */
export type TempoFault =
	| {
			readonly type: "status";
			readonly status: number;
			readonly headers?: Record<string, string>;
			readonly body?: string;
	  }
	/** The request is taken and never answered. */
	| { readonly type: "stall" }
	/** The connection breaks instead of an answer. */
	| { readonly type: "reset" }
	/** 200 with these bytes; more is promised than sent when `isTruncated`. */
	| {
			readonly type: "bytes";
			readonly bytes: string | Uint8Array;
			readonly contentType?: string;
			readonly isTruncated?: boolean;
	  };

export interface TempoPeerOptions {
	readonly port?: number;
	/** Requests without it get 401: a gateway in front, Tempo itself asks for none. */
	readonly bearer?: string;
	readonly basic?: { readonly username: string; readonly password: string };
	/** Requests for another tenant get nothing, those without one 401, as with multi-tenancy. */
	readonly tenant?: string;
	/** Address prefix, as gateways have it: `/tempo`. */
	readonly prefix?: string;
}

export interface SeenRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingMessage["headers"];
}

interface Answer {
	readonly status: number;
	readonly headers: Record<string, string>;
	readonly body: string | Uint8Array;
}

const TEXT = { "content-type": "text/plain; charset=utf-8" };

export class TempoPeer {
	/** By id, 32 hex digits. */
	readonly traces = new Map<string, TempoSpan[]>();
	readonly requests: SeenRequest[] = [];
	readonly nextAnswers: TempoFault[] = [];
	everyAnswer: TempoFault | undefined;
	/** Faults for some paths only. */
	faultOf: ((request: SeenRequest) => TempoFault | undefined) | undefined;
	/** Called before each answer; lets a test hold one back. */
	beforeAnswer: ((request: SeenRequest) => Promise<void> | void) | undefined;
	/** What traces look like in JSON. */
	shape: TraceShape = "batches";
	ids: "base64" | "hex" = "base64";
	/** Answers `Accept: application/protobuf` in protobuf. */
	hasProtobuf = true;
	/** `serviceStats` in search answers: counts of spans by service, since Tempo 2.4. */
	hasServiceStats = true;
	/** Which N results a search with a limit gives; Tempo promises nothing. */
	order: "newest" | "oldest" = "newest";
	/** Greatest limit that is taken: 400 above it. */
	maxLimit = 262_144;
	/** Longest time range of a search, 168 h in Tempo's defaults: 400 above it. */
	maxRangeSeconds = 168 * 3600;
	/** Spans that are ingested while it is set are found by search only after `makeSearchable`; by id they are found at once. */
	isSearchDelayed = false;
	version = "2.6.1";
	bearer: string | undefined;
	basic: TempoPeerOptions["basic"];
	tenant: string | undefined;
	readonly #prefix: string;
	/** Spans that search knows. */
	#searchable = new WeakSet<TempoSpan>();
	readonly #server: MortalServer;
	#nextSpan = 1;

	private constructor(options: TempoPeerOptions) {
		this.#server = new MortalServer(
			() => createServer((request, response) => void this.#handle(request, response)),
			options.port,
		);
		this.#prefix = options.prefix ?? "";
		this.bearer = options.bearer;
		this.basic = options.basic;
		this.tenant = options.tenant;
	}

	static async start(options: TempoPeerOptions = {}): Promise<TempoPeer> {
		const peer = new TempoPeer(options);
		await peer.start();
		return peer;
	}

	/** Listens, on the port that it had before. */
	async start(): Promise<void> {
		await this.#server.start();
	}

	/** Dies as a killed process does: connections break, traces stay in the storage. */
	async stop(): Promise<void> {
		await this.#server.stop();
	}

	get port(): number {
		return this.#server.port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#server.port}${this.#prefix}`;
	}

	/** Connections that stand. */
	get socketCount(): number {
		return this.#server.socketCount;
	}

	/** A new id with zeros at its beginning or not, by `number`. */
	traceId(number: number): string {
		return (number % 2 === 0 ? "00" : "b7") + number.toString(16).padStart(30, "0");
	}

	spanId(): string {
		return `a0${(this.#nextSpan++).toString(16).padStart(14, "0")}`;
	}

	/** Spans arrive, as their programs export them when they end. One with an id that is there already replaces it. */
	add(traceId: string, ...spans: readonly TempoSpan[]): void {
		const known = this.traces.get(traceId) ?? [];
		const ids = new Set(spans.map(({ spanId }) => spanId));
		this.traces.set(traceId, [...known.filter(({ spanId }) => !ids.has(spanId)), ...spans]);
		if (!this.isSearchDelayed) for (const span of spans) this.#searchable.add(span);
	}

	/** What was ingested is found by search from now on. */
	makeSearchable(): void {
		for (const spans of this.traces.values()) for (const span of spans) this.#searchable.add(span);
	}

	/** Retention takes a trace; the API has no such call. */
	delete(traceId: string): void {
		this.traces.delete(traceId);
	}

	clear(): void {
		this.traces.clear();
	}

	/** Requests whose path ends so, from `from` on. */
	requestsOf(path: string | RegExp, from = 0): readonly SeenRequest[] {
		return this.requests
			.slice(from)
			.filter((request) => (typeof path === "string" ? request.path === path : path.test(request.path)));
	}

	async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? "/", "http://peer");
		const path = url.pathname.startsWith(this.#prefix) ? url.pathname.slice(this.#prefix.length) : url.pathname;
		const seen: SeenRequest = {
			method: request.method ?? "",
			path,
			query: url.searchParams,
			headers: request.headers,
		};
		this.requests.push(seen);
		await this.beforeAnswer?.(seen);
		const fault = this.nextAnswers.shift() ?? this.faultOf?.(seen) ?? this.everyAnswer;
		if (fault !== undefined) {
			this.#misbehave(fault, request, response);
			return;
		}
		const isOurs = url.pathname.startsWith(this.#prefix);
		const answer = isOurs ? this.#answer(seen) : say(404, "404 page not found");
		response.writeHead(answer.status, answer.headers).end(answer.body);
	}

	#misbehave(fault: TempoFault, request: IncomingMessage, response: ServerResponse): void {
		switch (fault.type) {
			case "status":
				response.writeHead(fault.status, { ...TEXT, ...fault.headers }).end(fault.body ?? "");
				return;
			case "stall":
				return;
			case "reset":
				request.socket.resetAndDestroy();
				return;
			case "bytes": {
				const bytes = Buffer.from(fault.bytes);
				response.writeHead(200, {
					"content-type": fault.contentType ?? "application/json",
					"content-length": bytes.length + (fault.isTruncated ? 100 : 0),
				});
				response.write(bytes, () => (fault.isTruncated ? request.socket.destroy() : response.end()));
			}
		}
	}

	#answer(request: SeenRequest): Answer {
		const { path, headers } = request;
		if (!this.#isAllowed(headers.authorization)) {
			const headers = { ...TEXT, "www-authenticate": 'Basic realm="tempo"' };
			return { status: 401, headers, body: "Unauthorized" };
		}
		if (path === "/ready") return say(200, "ready\n");
		if (path === "/api/echo") return say(200, "echo");
		if (path === "/api/status/buildinfo") {
			return json({ version: this.version, revision: "0", branch: "HEAD", goVersion: "go1.23.1" });
		}
		const tenant = headers["x-scope-orgid"];
		if (this.tenant !== undefined && tenant === undefined) return say(401, "no org id");
		const isEmpty = this.tenant !== undefined && tenant !== this.tenant;
		if (path === "/api/search") return this.#search(request.query, isEmpty);
		if (path === "/api/v2/search/tags") return this.#tags(isEmpty);
		const tag = /^\/api\/v2\/search\/tag\/([^/]+)\/values$/.exec(path);
		if (tag !== null) return this.#tagValues(decodeURIComponent(tag[1]), isEmpty);
		const trace = /^\/api\/(v2\/)?traces\/([^/]+)$/.exec(path);
		if (trace !== null) return this.#trace(trace[2], trace[1] !== undefined, isEmpty, headers.accept);
		return say(404, "404 page not found");
	}

	#isAllowed(authorization: string | undefined): boolean {
		if (this.bearer !== undefined) return authorization === `Bearer ${this.bearer}`;
		if (this.basic === undefined) return true;
		const { username, password } = this.basic;
		return authorization === `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
	}

	#search(query: URLSearchParams, isEmpty: boolean): Answer {
		const parsed = parseTempoQuery(query.get("q") ?? "{}");
		if (parsed === undefined) return say(400, "invalid TraceQL query: parse error at line 1, col 3");
		const limit = Number(query.get("limit") ?? 20);
		const spss = Number(query.get("spss") ?? 3);
		if (!Number.isInteger(limit) || limit < 1) return say(400, "invalid limit: must be a positive number");
		if (limit > this.maxLimit) {
			return say(400, `limit ${limit} exceeds max limit ${this.maxLimit}`);
		}
		const hasRange = query.has("start") && query.has("end");
		const start = Number(query.get("start") ?? 0);
		const end = Number(query.get("end") ?? 0);
		if (hasRange && end <= start) {
			return say(400, `http parameter start must be before end. received start=${start} end=${end}`);
		}
		if (hasRange && end - start > this.maxRangeSeconds) {
			const hours = `${this.maxRangeSeconds / 3600}h0m0s`;
			return say(400, `range specified by start and end exceeds ${hours}. received start=${start} end=${end}`);
		}
		const rows = [];
		for (const [traceId, all] of isEmpty ? [] : this.traces) {
			const spans = all.filter((span) => this.#searchable.has(span));
			const matched = spans.filter((span) => parsed.matches(span));
			if (matched.length === 0) continue;
			const startNs = spans.reduce((least, { startNs }) => (startNs < least ? startNs : least), spans[0].startNs);
			const endNs = spans.reduce((most, { endNs }) => (endNs > most ? endNs : most), spans[0].endNs);
			// A trace is in a range that it overlaps.
			if (hasRange && (startNs > BigInt(end) * 1_000_000_000n || endNs < BigInt(start) * 1_000_000_000n)) continue;
			const options = { spss, select: parsed.select, hasServiceStats: this.hasServiceStats };
			rows.push({ startNs, row: searchRow(traceId, spans, matched, options) });
		}
		const sign = this.order === "newest" ? -1 : 1;
		rows.sort((a, b) => (a.startNs === b.startNs ? 0 : a.startNs < b.startNs ? -sign : sign));
		return json({
			traces: rows.slice(0, limit).map(({ row }) => row),
			metrics: { inspectedTraces: rows.length, inspectedBytes: "0", completedJobs: 1, totalJobs: 1 },
		});
	}

	#trace(idText: string, isSecond: boolean, isEmpty: boolean, accept: string | undefined): Answer {
		if (!/^[0-9a-f]{1,32}$/i.test(idText)) {
			return say(400, "trace IDs can only contain hex characters: invalid character");
		}
		const traceId = idText.toLowerCase().padStart(32, "0");
		const spans = isEmpty ? undefined : this.traces.get(traceId);
		if (spans === undefined || spans.length === 0) return say(404, "trace not found");
		if (this.hasProtobuf && accept === "application/protobuf") {
			const body = traceProtobuf(traceId, spans, isSecond);
			return { status: 200, headers: { "content-type": "application/protobuf" }, body };
		}
		return json(traceJson(traceId, spans, isSecond ? "v2" : this.shape, this.ids));
	}

	#tags(isEmpty: boolean): Answer {
		const names = new Set<string>();
		for (const spans of isEmpty ? [] : this.traces.values()) {
			for (const span of spans) for (const name of Object.keys(span.attributes ?? {})) names.add(name);
		}
		return json({
			scopes: [
				{ name: "resource", tags: ["service.name"] },
				{ name: "span", tags: [...names].sort() },
				{
					name: "intrinsic",
					tags: ["duration", "kind", "name", "rootName", "rootServiceName", "status", "traceDuration"],
				},
			],
			metrics: {},
		});
	}

	#tagValues(tag: string, isEmpty: boolean): Answer {
		const name = tag.replace(/^(span|resource)?\./, "");
		const values = new Set<string>();
		for (const spans of isEmpty ? [] : this.traces.values()) {
			for (const span of spans) {
				const value = name === "service.name" ? (span.service ?? "assistant") : span.attributes?.[name];
				if (typeof value === "string") values.add(value);
				if (tag === "name") values.add(span.name);
			}
		}
		return json({ tagValues: [...values].sort().map((value) => ({ type: "string", value })), metrics: {} });
	}
}

function say(status: number, text: string): Answer {
	return { status, headers: TEXT, body: text };
}

function json(value: unknown): Answer {
	return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
