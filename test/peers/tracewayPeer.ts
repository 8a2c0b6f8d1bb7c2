import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/**
 * A small honest Traceway server over real HTTP, with the oddities of each dialect of the reference (section 11) and one
 * switch for each misbehaviour. It keeps its state in plain objects, which tests compare with the client's store.
 *
 * D: the published documents. R: the Rust server. E: the Encore backend. L: this project's own server.
 */
export type Dialect = "D" | "R" | "E" | "L";

export interface PeerTrace {
	readonly id: string;
	name: string | undefined;
	tags: string[];
	started_at: string;
}

export interface PeerSpan {
	readonly id: string;
	readonly trace_id: string;
	parent_id: string | null;
	name: string;
	kind: Record<string, unknown>;
	status: "running" | "completed" | { failed: { error: string } };
	started_at: string;
	ended_at: string | null;
	input?: unknown;
	output?: unknown;
}

/** What one stream request gets instead of an honest stream; taken from `nextStreams` in order. */
export type StreamBehaviour =
	/** The connection is accepted and nothing is ever said. */
	| { readonly type: "stall" }
	/** The headers of a stream, then silence: not even heartbeats. */
	| { readonly type: "silence" }
	| {
			readonly type: "status";
			readonly status: number;
			readonly headers?: Record<string, string>;
			readonly body?: string;
	  }
	/** These bytes, as a stream, then the end; `isAborted` breaks the connection instead. */
	| { readonly type: "bytes"; readonly chunks: readonly (string | Uint8Array)[]; readonly isAborted?: boolean }
	/** An honest stream, one byte a write. */
	| { readonly type: "trickle" }
	/** An honest stream that breaks in the middle of an event after so many bytes. */
	| { readonly type: "cut"; readonly afterBytes: number };

export interface PeerOptions {
	readonly dialect: Dialect;
	/** Requests without it get 401. */
	readonly token?: string;
	/** Where the stream takes the token. */
	readonly streamTokenIn?: "header" | "query" | "both";
	readonly heartbeatMs?: number;
	readonly port?: number;
}

export interface SeenRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingMessage["headers"];
}

interface LogEntry {
	readonly id: number;
	readonly data: string;
}

interface StreamClient {
	readonly response: ServerResponse;
	lastSent: number;
	readonly write: (text: string) => void;
}

const BASE_MS = Date.parse("2026-03-06T09:00:00.000Z");

export class TracewayPeer {
	readonly dialect: Dialect;
	readonly traces = new Map<string, PeerTrace>();
	readonly spans = new Map<string, PeerSpan>();
	readonly nextStreams: StreamBehaviour[] = [];
	readonly requests: SeenRequest[] = [];
	/** REST answers with this status while set. */
	restStatus: number | undefined;
	/** Called before each REST answer; lets a test hold one back. */
	beforeAnswer: ((request: SeenRequest) => Promise<void> | void) | undefined;
	token: string | undefined;
	readonly #options: PeerOptions;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	readonly #clients = new Set<StreamClient>();
	#log: LogEntry[] = [];
	#nextId = 1;
	#nextObject = 1;
	#queued: LogEntry[] = [];
	#flush: ReturnType<typeof setImmediate> | undefined;
	#heartbeat: ReturnType<typeof setInterval> | undefined;
	/** Oldest id that the log no longer has. */
	#prunedTo = 0;
	/** Times grow with each object; from here on they are the real clock's when set. */
	isClockReal = false;

	private constructor(options: PeerOptions) {
		this.#options = options;
		this.dialect = options.dialect;
		this.token = options.token;
		this.#server = createServer((request, response) => void this.#handle(request, response));
		this.#server.on("connection", (socket) => {
			this.#sockets.add(socket);
			socket.on("close", () => this.#sockets.delete(socket));
			socket.on("error", () => undefined);
		});
	}

	static async start(options: PeerOptions): Promise<TracewayPeer> {
		const peer = new TracewayPeer(options);
		await new Promise<void>((resolve, reject) => {
			peer.#server.once("error", reject);
			peer.#server.listen(options.port ?? 0, "127.0.0.1", resolve);
		});
		const { heartbeatMs } = options;
		if (heartbeatMs !== undefined) {
			peer.#heartbeat = setInterval(() => {
				for (const client of peer.#clients) client.write(": keep-alive\n\n");
			}, heartbeatMs);
		}
		return peer;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	get prefix(): string {
		return this.dialect === "E" ? "" : "/api";
	}

	get newestId(): number {
		return this.#nextId - 1;
	}

	get streamCount(): number {
		return this.#clients.size;
	}

	streamRequests(): SeenRequest[] {
		return this.requests.filter((request) => request.path.endsWith("/events"));
	}

	async close(): Promise<void> {
		clearInterval(this.#heartbeat);
		clearImmediate(this.#flush);
		for (const socket of this.#sockets) socket.destroy();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	/** Breaks every open stream without a goodbye. */
	dropStreams(): void {
		for (const client of this.#clients) client.response.socket?.destroy();
		this.#clients.clear();
	}

	/** Ends every open stream properly. */
	endStreams(): void {
		for (const client of this.#clients) client.response.end();
		this.#clients.clear();
	}

	// The state, and what changes it. Every change is an event, unless `silently` is around it.

	#isSilent = false;

	/** Changes that the stream never tells of. */
	silently<T>(change: () => T): T {
		this.#isSilent = true;
		try {
			return change();
		} finally {
			this.#isSilent = false;
		}
	}

	/** What the log has, pruned to ids above `id`. */
	prune(id: number): void {
		this.#prunedTo = id;
		this.#log = this.#log.filter((entry) => entry.id > id);
	}

	/** The event log is gone; ids begin at 1 again. */
	forgetLog(): void {
		this.#log = [];
		this.#nextId = 1;
		this.#prunedTo = 0;
		for (const client of this.#clients) if (this.dialect !== "R") client.lastSent = 0;
	}

	now(): string {
		if (this.isClockReal) return new Date().toISOString();
		return new Date(BASE_MS + this.#nextObject * 1000).toISOString();
	}

	createTrace(fields: Partial<Omit<PeerTrace, "id">> & { id?: string } = {}): PeerTrace {
		const trace: PeerTrace = {
			id: fields.id ?? `trace-${this.#nextObject++}`,
			name: fields.name,
			tags: fields.tags ?? [],
			started_at: fields.started_at ?? this.now(),
		};
		this.traces.set(trace.id, trace);
		this.emit({ type: "trace_created", trace: this.traceJson(trace) });
		return trace;
	}

	createSpan(traceId: string, fields: Partial<Omit<PeerSpan, "trace_id">> = {}): PeerSpan {
		const span: PeerSpan = {
			id: fields.id ?? `span-${this.#nextObject++}`,
			trace_id: traceId,
			parent_id: fields.parent_id ?? null,
			name: fields.name ?? "step",
			kind: fields.kind ?? { type: "custom", kind: "tool", attributes: {} },
			status: fields.status ?? "running",
			started_at: fields.started_at ?? this.now(),
			ended_at: fields.ended_at ?? null,
			...("input" in fields ? { input: fields.input } : {}),
			...("output" in fields ? { output: fields.output } : {}),
		};
		this.spans.set(span.id, span);
		this.emit({ type: "span_created", span: this.spanJson(span) });
		return span;
	}

	completeSpan(id: string, fields: { kind?: Record<string, unknown>; output?: unknown } = {}): void {
		const span = this.#span(id);
		this.#nextObject++;
		span.status = "completed";
		span.ended_at = this.now();
		if (fields.kind !== undefined) span.kind = fields.kind;
		if ("output" in fields) span.output = fields.output;
		this.emit({ type: "span_completed", span: this.spanJson(span) });
	}

	failSpan(id: string, error: string): void {
		const span = this.#span(id);
		this.#nextObject++;
		span.status = { failed: { error } };
		span.ended_at = this.now();
		this.emit({ type: "span_failed", span: this.spanJson(span) });
	}

	deleteSpan(id: string): void {
		this.spans.delete(id);
		this.emit({ type: "span_deleted", span_id: id });
	}

	deleteTrace(id: string): number {
		const ids = [...this.spans.values()].filter((span) => span.trace_id === id).map((span) => span.id);
		for (const spanId of ids) this.spans.delete(spanId);
		this.traces.delete(id);
		this.emit({ type: "trace_deleted", trace_id: id });
		return ids.length;
	}

	clear(): void {
		this.traces.clear();
		this.spans.clear();
		this.emit({ type: "cleared" });
	}

	/** Appends any JSON as an event, or raw data as it is. */
	emit(event: object | string): number {
		if (this.#isSilent) return this.newestId;
		const entry = { id: this.#nextId++, data: typeof event === "string" ? event : JSON.stringify(event) };
		this.#log.push(entry);
		this.#queued.push(entry);
		this.#flush ??= setImmediate(() => this.#deliver());
		return entry.id;
	}

	/** Sends a frame to open streams only, with any id, past the log. */
	sendFrame(id: number | undefined, data: string): void {
		for (const client of this.#clients) client.write(`${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
	}

	/** Sends logged events again, in this order. */
	resend(ids: readonly number[]): void {
		for (const id of ids) {
			const entry = this.#log.find((logged) => logged.id === id);
			if (entry !== undefined) this.sendFrame(entry.id, entry.data);
		}
	}

	/** The next `count` events are logged but reach no open stream until `resend`. */
	skipDelivery(count: number): void {
		this.#skipped = count;
	}

	#skipped = 0;

	#span(id: string): PeerSpan {
		const span = this.spans.get(id);
		if (span === undefined) throw new Error(`no span ${id}`);
		return span;
	}

	#deliver(): void {
		this.#flush = undefined;
		const entries = this.#queued;
		this.#queued = [];
		for (const entry of entries) {
			if (this.#skipped > 0) {
				this.#skipped--;
				continue;
			}
			for (const client of this.#clients) {
				// R's loss (a): the frame carries the newest number at delivery, and what is not above the last one is skipped.
				const id = this.dialect === "R" ? this.newestId : entry.id;
				if (id <= client.lastSent) continue;
				client.lastSent = id;
				client.write(frame(id, entry.data));
			}
		}
	}

	// The wire

	traceJson(trace: PeerTrace): Record<string, unknown> {
		const name = trace.name === undefined ? (this.dialect === "E" ? {} : { name: null }) : { name: trace.name };
		const end = this.dialect === "D" ? { ended_at: null } : {};
		return { id: trace.id, ...name, tags: trace.tags, started_at: trace.started_at, ...end };
	}

	spanJson(span: PeerSpan, isSkeleton = false): Record<string, unknown> {
		const { input, output, ...rest } = span;
		const json: Record<string, unknown> = { ...rest };
		if (!isSkeleton) {
			if (input !== undefined) json.input = input;
			if (output !== undefined) json.output = output;
		}
		if (this.dialect === "E") {
			if (span.parent_id === null) delete json.parent_id;
			if (span.ended_at === null) delete json.ended_at;
		}
		if (this.dialect === "D") {
			const { model, input_tokens, output_tokens, cost, ...kind } = span.kind;
			json.kind = kind;
			const durationMs = span.ended_at === null ? null : Date.parse(span.ended_at) - Date.parse(span.started_at);
			json.metadata = { duration_ms: durationMs, model, input_tokens, output_tokens, total_cost: cost };
		}
		return json;
	}

	async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? "/", "http://peer.invalid");
		const seen: SeenRequest = {
			method: request.method ?? "GET",
			path: url.pathname,
			query: url.searchParams,
			headers: request.headers,
		};
		this.requests.push(seen);
		request.resume();
		if (url.pathname === `${this.prefix}/events`) {
			this.#stream(seen, response);
			return;
		}
		await this.beforeAnswer?.(seen);
		if (response.destroyed) return;
		if (this.restStatus !== undefined) json(response, this.restStatus, { error: "not now", code: "test" });
		else if (!this.#isAuthorized(seen, "header")) json(response, 401, { error: "who are you", code: "unauthorized" });
		else this.#answer(seen, response);
	}

	#isAuthorized(request: SeenRequest, place: "header" | "query" | "both"): boolean {
		if (this.token === undefined) return true;
		const isInHeader = request.headers.authorization === `Bearer ${this.token}`;
		const isInQuery = request.query.get("token") === this.token;
		return (place !== "query" && isInHeader) || (place !== "header" && isInQuery);
	}

	#answer(request: SeenRequest, response: ServerResponse): void {
		const path = request.path.startsWith(`${this.prefix}/`) ? request.path.slice(this.prefix.length) : undefined;
		const [kind, id] = (path ?? "").split("/").slice(1).map(decodeURIComponent);
		const isGet = request.method === "GET";
		if (kind === "traces" && id === undefined) {
			if (isGet) this.#page(response, request.query, "traces", this.#listedTraces());
			else {
				this.clear();
				json(response, 200, { message: "All traces cleared" });
			}
		} else if (kind === "traces") this.#trace(response, request, id);
		else if (kind === "spans" && id === undefined)
			this.#page(response, request.query, "spans", this.#listedSpans(request.query));
		else if (kind === "spans") this.#oneSpan(response, request, id);
		else if (kind === "stats") json(response, 200, { trace_count: this.traces.size, span_count: this.spans.size });
		else if (this.dialect === "R" && isGet) {
			response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Traceway</title>");
		} else json(response, 404, { error: "no such path", code: "not_found" });
	}

	#trace(response: ServerResponse, request: SeenRequest, id: string): void {
		const spans = [...this.spans.values()].filter((span) => span.trace_id === id);
		const isKnown = this.traces.has(id) || spans.length > 0;
		if (request.method === "DELETE") {
			const isRefused = this.dialect === "R" ? spans.length === 0 : !isKnown;
			const count = this.deleteTrace(id);
			if (this.dialect === "E") json(response, 200, { ok: true });
			else if (isRefused) json(response, 404, { error: "no such trace", code: "not_found" });
			else json(response, 200, { trace_id: id, spans_deleted: count });
			return;
		}
		if (!isKnown && this.dialect !== "E") json(response, 404, { error: "no such trace", code: "not_found" });
		else {
			const isSkeleton = this.dialect === "L" && request.query.get("fields") === "skeleton";
			json(response, 200, { spans: spans.map((span) => this.spanJson(span, isSkeleton)), count: spans.length });
		}
	}

	#oneSpan(response: ServerResponse, request: SeenRequest, id: string): void {
		const span = this.spans.get(id);
		if (request.method === "DELETE") {
			if (span !== undefined || this.dialect === "R") this.deleteSpan(id);
			if (span === undefined && (this.dialect === "D" || this.dialect === "L")) {
				json(response, 404, { error: "no such span", code: "not_found" });
			} else if (this.dialect === "R") response.writeHead(200).end();
			else json(response, 200, { ok: true });
		} else if (span === undefined) json(response, 404, { error: "no such span", code: "not_found" });
		else json(response, 200, this.spanJson(span));
	}

	#listedTraces(): Record<string, unknown>[] {
		const traces = [...this.traces.values()];
		// R lists in hash-map order: any order that is not the useful one.
		if (this.dialect === "R") traces.sort((a, b) => (a.id.length % 3) - (b.id.length % 3) || (a.id < b.id ? -1 : 1));
		else traces.sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
		return traces.map((trace) => this.traceJson(trace));
	}

	#listedSpans(query: URLSearchParams): Record<string, unknown>[] {
		const isSkeleton = this.dialect === "L" && query.get("fields") === "skeleton";
		const text = (value: unknown) => (value === undefined ? "" : JSON.stringify(value));
		const has = (name: string, haystack: string) => {
			const needle = this.dialect === "E" ? null : query.get(name);
			return needle === null || haystack.toLowerCase().includes(needle.toLowerCase());
		};
		const until = this.dialect === "E" ? null : query.get("until");
		const traceId = query.get("trace_id");
		return [...this.spans.values()]
			.filter((span) => has("text_contains", `${span.name} ${text(span.input)} ${text(span.output)}`))
			.filter((span) => has("input_contains", text(span.input)) && has("output_contains", text(span.output)))
			.filter((span) => traceId === null || span.trace_id === traceId)
			.filter((span) => until === null || Date.parse(span.started_at) <= Date.parse(until))
			.sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
			.map((span) => this.spanJson(span, isSkeleton));
	}

	#page(
		response: ServerResponse,
		query: URLSearchParams,
		name: "traces" | "spans",
		all: Record<string, unknown>[],
	): void {
		const most = this.dialect === "E" ? 200 : 1000;
		const limit = Math.min(Number(query.get("limit") ?? (this.dialect === "E" ? all.length : 50)), most);
		const cursor = query.get("cursor");
		const from = cursor === null ? 0 : this.dialect === "R" ? offsetOf(cursor) : Number(cursor);
		if (Number.isNaN(from)) {
			json(response, 400, { error: "invalid pagination", code: "bad_cursor" });
			return;
		}
		const items = all.slice(from, from + limit);
		const next = from + limit < all.length ? from + limit : undefined;
		const page = {
			items,
			total: all.length,
			next_cursor: next === undefined ? null : this.dialect === "R" ? cursorOf(next) : String(next),
			has_more: next !== undefined,
		};
		if (this.dialect === "D") json(response, 200, { [name]: items, count: items.length, cursor: next ?? null });
		else if (this.dialect === "L") json(response, 200, { ...page, [name]: items, count: items.length });
		else json(response, 200, page);
	}

	#stream(request: SeenRequest, response: ServerResponse): void {
		const behaviour = this.nextStreams.shift();
		if (behaviour?.type === "stall") return;
		if (behaviour?.type === "status") {
			response.writeHead(behaviour.status, behaviour.headers ?? {}).end(behaviour.body);
			return;
		}
		if (!this.#isAuthorized(request, this.#options.streamTokenIn ?? "both")) {
			json(response, 401, { error: "who are you", code: "unauthorized" });
			return;
		}
		const latest = this.dialect === "L" ? { "x-traceway-latest-event-id": String(this.newestId) } : {};
		response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...latest });
		response.flushHeaders();
		if (behaviour?.type === "silence") return;
		if (behaviour?.type === "bytes") {
			for (const chunk of behaviour.chunks) response.write(chunk);
			if (behaviour.isAborted === true) setImmediate(() => response.socket?.destroy());
			else response.end();
			return;
		}
		const position = this.#positionOf(request);
		const client: StreamClient = {
			response,
			lastSent: position ?? (this.dialect === "E" ? 0 : this.newestId),
			write: writerOf(response, behaviour),
		};
		response.on("close", () => this.#clients.delete(client));
		this.#clients.add(client);
		this.#replay(client, position);
	}

	#positionOf(request: SeenRequest): number | undefined {
		const header = request.headers["last-event-id"];
		const query = request.query.get("since");
		const text = this.dialect === "E" ? (query ?? header) : (header ?? query);
		return text === undefined || text === null ? undefined : Number(text);
	}

	#replay(client: StreamClient, position: number | undefined): void {
		if (position === undefined && this.dialect !== "E") return;
		const after = position ?? 0;
		const isImpossible = this.dialect === "L" && after > this.newestId;
		if (this.dialect === "L" && (isImpossible || after < this.#prunedTo)) {
			client.lastSent = this.newestId;
			client.write(frame(this.newestId, JSON.stringify({ type: "reset", reason: "pruned", latest: this.newestId })));
			return;
		}
		for (const entry of this.#log) {
			if (entry.id <= after) continue;
			client.lastSent = Math.max(client.lastSent, entry.id);
			client.write(frame(entry.id, entry.data, this.dialect === "D" ? "event: message\n" : ""));
		}
	}
}

function frame(id: number, data: string, extra = ""): string {
	return `${extra}id: ${id}\ndata: ${data}\n\n`;
}

function writerOf(response: ServerResponse, behaviour: StreamBehaviour | undefined): (text: string) => void {
	if (behaviour?.type === "trickle") {
		return (text) => {
			for (const byte of Buffer.from(text)) response.write(Uint8Array.of(byte));
		};
	}
	if (behaviour?.type === "cut") {
		let left = behaviour.afterBytes;
		return (text) => {
			if (left <= 0) return;
			const bytes = Buffer.from(text).subarray(0, left);
			left -= bytes.length;
			response.write(bytes, () => {
				if (left <= 0) response.socket?.destroy();
			});
		};
	}
	return (text) => response.write(text);
}

function cursorOf(offset: number): string {
	return btoa(JSON.stringify({ sort_field: "offset", last_value: String(offset), last_id: "" }));
}

function offsetOf(cursor: string): number {
	try {
		return Number(JSON.parse(atob(cursor)).last_value);
	} catch {
		return Number.NaN;
	}
}

function json(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
