import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { MortalServer } from "./mortalServer.ts";
import {
	overview,
	RANGES_NS,
	type StoredSpan,
	sessionList,
	sessionOf,
	sessionSpans,
	spansInRange,
} from "./traceExplorerData.ts";

/** What one stream request gets instead of an honest stream; taken from `nextStreams` in order. */
export type ExplorerStreamBehaviour =
	/** Accepted, and nothing is ever said. */
	| { readonly type: "stall" }
	| { readonly type: "status"; readonly status: number; readonly headers?: Record<string, string> }
	/** These bytes as a stream, then the end; `isAborted` breaks the connection, `isOpen` leaves it open. */
	| {
			readonly type: "bytes";
			readonly chunks: readonly (string | Uint8Array)[];
			readonly ending: "end" | "abort" | "open";
	  };

/** What a REST request gets instead of its answer. */
export interface ExplorerAnswer {
	readonly status: number;
	readonly headers?: Record<string, string>;
	readonly body?: string | Uint8Array;
}

export interface ExplorerPeerOptions {
	readonly port?: number;
	/** `STREAM_POLL_SECONDS`, in milliseconds. Default 10; the real one is 500. */
	readonly pollMs?: number;
	/** Stands for the second of the pauses after failures, 2, 4, 8, 16, 30. Default 1000. */
	readonly secondMs?: number;
}

export interface ExplorerRequest {
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingMessage["headers"];
}

/** A span to add; ids and times grow by themselves. */
export interface NewExplorerSpan {
	readonly traceId?: string;
	readonly spanId?: string;
	readonly parentSpanId?: string | null;
	readonly name?: string;
	readonly startNs?: bigint;
	readonly durationMs?: number;
	readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * An honest Trace Explorer (`reference/trace-explorer.md`) on 127.0.0.1, with what its Tempo holds in memory: REST, the stream
 * of full states with its named events, integers beyond 2^53 as they are. Spans appear when they have ended, the root last. Its
 * data outlives `stop` and `start`.
 */
export class TraceExplorerPeer {
	readonly nextStreams: ExplorerStreamBehaviour[] = [];
	readonly requests: ExplorerRequest[] = [];
	/** Tempo fails with these words while set: REST gives 500, streams an `error` event. */
	tempoFailure: string | undefined;
	/** Asked before each REST answer: an answer to give instead, or nothing. May hold the answer back. */
	beforeAnswer:
		| ((request: ExplorerRequest) => Promise<ExplorerAnswer | undefined> | ExplorerAnswer | undefined)
		| undefined;
	/** Basic or bearer credentials that a proxy in front asks for; requests without them get 401. */
	authorization: string | undefined;
	/** Milliseconds to add to the real clock. */
	clockOffsetMs = 0;
	#spans: StoredSpan[] = [];
	readonly #options: ExplorerPeerOptions;
	readonly #streams = new Set<ServerResponse>();
	readonly #server: MortalServer;
	#nextId = 1;

	private constructor(options: ExplorerPeerOptions) {
		this.#options = options;
		this.#server = new MortalServer(
			() => createServer((request, response) => void this.#handle(request, response)),
			options.port,
		);
	}

	static async start(options: ExplorerPeerOptions = {}): Promise<TraceExplorerPeer> {
		const peer = new TraceExplorerPeer(options);
		await peer.start();
		return peer;
	}

	/** Listens, on the port that it had before. */
	async start(): Promise<void> {
		await this.#server.start();
	}

	/** Dies at once: every connection is cut. */
	async stop(): Promise<void> {
		await this.#server.stop();
	}

	get url(): string {
		return `http://127.0.0.1:${this.#server.port}`;
	}

	get port(): number {
		return this.#server.port;
	}

	/** Streams that are open now. */
	get streamCount(): number {
		return this.#streams.size;
	}

	get socketCount(): number {
		return this.#server.socketCount;
	}

	get spans(): readonly StoredSpan[] {
		return this.#spans;
	}

	get nowNs(): bigint {
		return BigInt(Date.now() + this.clockOffsetMs) * 1_000_000n;
	}

	streamRequests(sessionId?: string): ExplorerRequest[] {
		const suffix = sessionId === undefined ? "/stream" : `/${encodeURIComponent(sessionId)}/spans/stream`;
		return this.requests.filter(({ path }) => path.endsWith(suffix));
	}

	/** Breaks every open stream without a goodbye. */
	dropStreams(): void {
		for (const response of this.#streams) response.socket?.destroy();
		this.#streams.clear();
	}

	// The data

	/** A span that was exported. */
	addSpan(sessionId: string, span: NewExplorerSpan = {}): StoredSpan {
		const number = this.#nextId++;
		const start = span.startNs ?? this.nowNs + BigInt(number) * 1_000_123n;
		const stored: StoredSpan = {
			trace_id: span.traceId ?? `${sessionId}-trace`.padEnd(32, "0"),
			span_id: span.spanId ?? number.toString(16).padStart(16, "0"),
			// Tempo says an empty id for none.
			parent_span_id: span.parentSpanId || null,
			span_name: span.name ?? "opencode.step",
			start_ns: start,
			end_ns: start + BigInt(Math.round((span.durationMs ?? 5) * 1e6)),
			attributes: { "session.id": sessionId, ...span.attributes },
		};
		this.#spans.push(stored);
		return stored;
	}

	/** A model call below the root of its session. */
	addModelCall(sessionId: string, span: NewExplorerSpan = {}): StoredSpan {
		return this.addSpan(sessionId, {
			name: "opencode.llm",
			parentSpanId: rootIdOf(sessionId),
			...span,
			attributes: {
				"agent.name": "build",
				"llm.model_name": "gpt-4o-mini",
				"llm.provider": "openai",
				"llm.token_count.prompt": 700,
				"llm.token_count.completion": 250,
				"llm.token_count.total": 950,
				cost_usd: 0.0021,
				...span.attributes,
			},
		});
	}

	/** A tool call below the root of its session. */
	addToolCall(sessionId: string, tool: string, span: NewExplorerSpan = {}): StoredSpan {
		return this.addSpan(sessionId, {
			name: `opencode.tool.${tool}`,
			parentSpanId: rootIdOf(sessionId),
			...span,
			attributes: { "agent.name": "build", "tool.name": tool, "tool.success": true, ...span.attributes },
		});
	}

	/** The session ends: its root is exported, from before its first span to after its last. */
	endSession(sessionId: string, span: NewExplorerSpan = {}): StoredSpan {
		const own = this.#spans.filter((one) => sessionOf(one) === sessionId);
		const first = own.reduce(
			(least, { start_ns }) => (start_ns < least ? start_ns : least),
			own[0]?.start_ns ?? this.nowNs,
		);
		const last = own.reduce((most, { end_ns }) => (end_ns > most ? end_ns : most), first);
		return this.addSpan(sessionId, {
			name: "opencode.session",
			spanId: rootIdOf(sessionId),
			traceId: own[0]?.trace_id,
			startNs: first - 1_000_000n,
			durationMs: Number(last - first) / 1e6 + 2,
			...span,
			attributes: { "agent.name": "build", "openinference.span.kind": "AGENT", ...span.attributes },
		});
	}

	/** Tempo has another version of a span. */
	updateSpan(spanId: string, change: Partial<StoredSpan>): void {
		this.#spans = this.#spans.map((span) => (span.span_id === spanId ? { ...span, ...change } : span));
	}

	removeSpan(spanId: string): void {
		this.#spans = this.#spans.filter((span) => span.span_id !== spanId);
	}

	removeSession(sessionId: string): void {
		this.#spans = this.#spans.filter((span) => sessionOf(span) !== sessionId);
	}

	clear(): void {
		this.#spans = [];
	}

	// The wire

	async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(incoming.url ?? "/", "http://peer.invalid");
		const request = { path: url.pathname, query: url.searchParams, headers: incoming.headers };
		this.requests.push(request);
		incoming.resume();
		response.setHeader("access-control-allow-origin", "*");
		if (this.clockOffsetMs !== 0) response.setHeader("date", new Date(Date.now() + this.clockOffsetMs).toUTCString());
		if (this.authorization !== undefined && incoming.headers.authorization !== this.authorization) {
			response.writeHead(401, { "content-type": "text/html", "www-authenticate": "Basic" }).end("<h1>401</h1>");
			return;
		}
		const session = /^\/api\/sessions\/([^/]+)\/spans(\/stream)?$/.exec(url.pathname);
		if (session?.[2] !== undefined) {
			this.#stream(decodeURIComponent(session[1]), response);
			return;
		}
		const instead = await this.beforeAnswer?.(request);
		if (response.destroyed) return;
		if (instead !== undefined) {
			response.writeHead(instead.status, { "content-type": "application/json", ...instead.headers }).end(instead.body);
		} else if (url.pathname === "/api/health") json(response, 200, { status: "ok" });
		else if (session !== null) this.#guarded(response, () => sessionSpans(this.#spans, decodeURIComponent(session[1])));
		else if (url.pathname === "/api/sessions")
			this.#ranged(response, request, (spans) => sessionList(spans, this.nowNs));
		else if (url.pathname === "/api/overview") {
			this.#ranged(response, request, (spans, range) => overview(spans, range, this.nowNs));
		} else json(response, 404, { detail: "Not Found" });
	}

	#ranged(
		response: ServerResponse,
		{ query }: ExplorerRequest,
		answer: (spans: readonly StoredSpan[], range: string) => unknown,
	): void {
		const range = query.get("range") ?? "24h";
		// An unknown range is a KeyError there, not a 422.
		if (!(range in RANGES_NS)) internalError(response);
		else this.#guarded(response, () => answer(spansInRange(this.#spans, range, this.nowNs), range));
	}

	#guarded(response: ServerResponse, answer: () => unknown): void {
		if (this.tempoFailure === undefined) json(response, 200, answer());
		else internalError(response);
	}

	#stream(sessionId: string, response: ServerResponse): void {
		const behaviour = this.nextStreams.shift();
		if (behaviour?.type === "stall") return;
		if (behaviour?.type === "status") {
			response.writeHead(behaviour.status, behaviour.headers ?? {}).end();
			return;
		}
		response.writeHead(200, {
			"content-type": "text/event-stream; charset=utf-8",
			"cache-control": "no-cache",
			"x-accel-buffering": "no",
		});
		response.flushHeaders();
		if (behaviour?.type === "bytes") {
			for (const chunk of behaviour.chunks) response.write(chunk);
			if (behaviour.ending === "abort") setImmediate(() => response.socket?.destroy());
			else if (behaviour.ending === "end") response.end();
			return;
		}
		this.#streams.add(response);
		let timer: ReturnType<typeof setTimeout> | undefined;
		response.on("close", () => {
			this.#streams.delete(response);
			clearTimeout(timer);
		});
		const pollMs = this.#options.pollMs ?? 10;
		let before = "";
		let failures = 0;
		const poll = () => {
			if (response.destroyed) return;
			if (this.tempoFailure !== undefined) {
				failures++;
				response.write(`event: error\ndata: ${JSON.stringify({ detail: this.tempoFailure })}\n\n`);
				timer = setTimeout(poll, Math.min(2 ** failures, 30) * (this.#options.secondMs ?? 1000));
				return;
			}
			failures = 0;
			const spans = sessionSpans(this.#spans, sessionId);
			// The set of pairs: changes of attributes only are not announced.
			const now = spans
				.map((span) => `${span.span_id} ${span.duration_ms}`)
				.sort()
				.join();
			if (now === before) response.write("event: heartbeat\ndata: {}\n\n");
			else response.write(`event: spans\ndata: ${exactJson(spans)}\n\n`);
			before = now;
			if (spans.length > 0 && !spans.some(({ attributes }) => attributes["session.is_open"] === true)) {
				response.end("event: done\ndata: {}\n\n");
				return;
			}
			timer = setTimeout(poll, pollMs);
		};
		poll();
	}
}

/** Id of the root that the spans of a session name as their parent, before it is there. */
export function rootIdOf(sessionId: string): string {
	return Buffer.from(sessionId).toString("hex").padEnd(16, "0").slice(-16);
}

/** `JSON.rawJSON` is not in the library's types yet. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** JSON with every digit of a `bigint`, as Python writes its integers. */
export function exactJson(value: unknown): string {
	return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? rawJSON(String(part)) : part));
}

function json(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { "content-type": "application/json" }).end(exactJson(body));
}

function internalError(response: ServerResponse): void {
	response.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end("Internal Server Error");
}
