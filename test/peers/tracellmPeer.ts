import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { MortalServer } from "./mortalServer.ts";
import { analyticsOf, failuresOf, newestFirst, normalise, type TraceDocument } from "./tracellmDocument.ts";

/**
 * A small honest TraceLLM: REST, the WebSocket at `/ws` and the dashboard's pages over real sockets, by the reference with
 * its oddities, and one switch for each misbehaviour. Keeps its traces over `stop` and `start`.
 */

/** What one REST request gets instead of an honest answer; taken from `nextAnswers` in order, or `everyAnswer` while set. */
export type AnswerFault =
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
	  }
	/** The honest answer, this much later. */
	| { readonly type: "slow"; readonly delayMs: number };

/** What one WebSocket handshake gets instead of an honest one; from `nextSockets` in order, or `everySocket` while set. */
export type SocketFault =
	| { readonly type: "status"; readonly status: number; readonly headers?: Record<string, string> }
	/** The upgrade is never answered. */
	| { readonly type: "stall" }
	| { readonly type: "reset" }
	/** The handshake succeeds, then nothing is ever said, not even pongs. */
	| { readonly type: "silence" }
	/** These frames before the welcome; `isWelcomeMissing` leaves that out. */
	| { readonly type: "frames"; readonly frames: readonly (string | Uint8Array)[]; readonly isWelcomeMissing?: boolean };

export interface TracellmPeerOptions {
	readonly port?: number;
	/** Requests and handshakes without it get 401: a proxy in front, TraceLLM itself asks for none. */
	readonly token?: string;
	/** Plain uvicorn without a WebSocket library: `/ws` is 404. Default true. */
	readonly hasWebSocket?: boolean;
	readonly storage?: "sqlite" | "mongodb";
}

export interface SeenRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingMessage["headers"];
}

const WELCOME = { type: "system.connected", status: "connected", message: "TraceLLM websocket active" };

export class TracellmPeer {
	readonly traces = new Map<string, TraceDocument>();
	readonly requests: SeenRequest[] = [];
	/** Handshakes seen at `/ws`, refused ones too. */
	handshakes = 0;
	/** Text of each frame that clients sent. */
	readonly received: string[] = [];
	readonly nextAnswers: AnswerFault[] = [];
	everyAnswer: AnswerFault | undefined;
	readonly nextSockets: SocketFault[] = [];
	everySocket: SocketFault | undefined;
	/** Half-open: nothing is sent any more, and nothing read. */
	isMute = false;
	/** Called before each REST answer; lets a test hold one back. */
	beforeAnswer: ((request: SeenRequest) => Promise<void> | void) | undefined;
	token: string | undefined;
	hasWebSocket: boolean;
	readonly #storage: "sqlite" | "mongodb";
	readonly #server: MortalServer;
	#clients = new Set<WebSocket>();
	#timers = new Set<ReturnType<typeof setTimeout>>();

	private constructor(options: TracellmPeerOptions) {
		this.#server = new MortalServer(() => this.#makeServer(), options.port);
		this.token = options.token;
		this.hasWebSocket = options.hasWebSocket ?? true;
		this.#storage = options.storage ?? "sqlite";
	}

	static async start(options: TracellmPeerOptions = {}): Promise<TracellmPeer> {
		const peer = new TracellmPeer(options);
		await peer.start();
		return peer;
	}

	/** Listens, on the port that it had before. */
	async start(): Promise<void> {
		await this.#server.start();
	}

	#makeServer(): Server {
		const server = createServer((request, response) => void this.#handle(request, response));
		const upgrades = new WebSocketServer({ noServer: true });
		server.on("upgrade", (request, socket, head) => this.#upgrade(upgrades, request, socket, head));
		return server;
	}

	/** Dies as a killed process does: connections break, traces stay in the storage. */
	async stop(): Promise<void> {
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers.clear();
		await this.#server.stop();
		this.#clients.clear();
	}

	get port(): number {
		return this.#server.port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#server.port}`;
	}

	get clientCount(): number {
		return this.#clients.size;
	}

	/** Saves in the server's own process: every connection is told. Undefined for an invalid document, which is skipped. */
	save(fields: Readonly<Record<string, unknown>>): TraceDocument | undefined {
		const trace = this.saveElsewhere(fields);
		if (trace !== undefined) this.announce(trace);
		return trace;
	}

	/** Saves as another process does, `tracellm trace` for one: nobody is told. */
	saveElsewhere(fields: Readonly<Record<string, unknown>>): TraceDocument | undefined {
		const trace = normalise(fields);
		if (trace !== undefined) this.traces.set(trace.trace_id, trace);
		return trace;
	}

	/** Takes a trace out of the storage; TraceLLM tells nobody of it. */
	remove(traceId: string): void {
		this.traces.delete(traceId);
	}

	announce(trace: TraceDocument): void {
		this.broadcast(JSON.stringify({ type: "trace.created", trace }));
	}

	/** Sends any frame to every connection. */
	broadcast(data: string | Uint8Array): void {
		if (this.isMute) return;
		for (const client of this.#clients) client.send(data);
	}

	/** Ends every connection: properly with a code, or without a goodbye. */
	dropSockets(code?: number): void {
		for (const client of this.#clients) {
			if (code === undefined) client.terminate();
			else client.close(code);
		}
	}

	#later(delayMs: number, run: () => void): void {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			run();
		}, delayMs);
		this.#timers.add(timer);
	}

	#isAuthorized(request: IncomingMessage): boolean {
		return this.token === undefined || request.headers.authorization === `Bearer ${this.token}`;
	}

	#upgrade(upgrades: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
		this.handshakes++;
		const fault = this.nextSockets.shift() ?? this.everySocket;
		const path = new URL(request.url ?? "/", "http://peer.invalid").pathname;
		if (fault?.type === "stall") return;
		if (fault?.type === "reset") socket.destroy();
		else if (fault?.type === "status") refuse(socket, fault.status, fault.headers);
		else if (!this.hasWebSocket || path !== "/ws") refuse(socket, 404);
		else if (!this.#isAuthorized(request)) refuse(socket, 401);
		else upgrades.handleUpgrade(request, socket, head, (client) => this.#accept(client, fault));
	}

	#accept(client: WebSocket, fault: SocketFault | undefined): void {
		client.on("error", () => client.terminate());
		if (fault?.type === "silence") return;
		this.#clients.add(client);
		client.on("close", () => this.#clients.delete(client));
		if (fault?.type === "frames") for (const frame of fault.frames) client.send(frame);
		if (fault?.type !== "frames" || fault.isWelcomeMissing !== true) client.send(JSON.stringify(WELCOME));
		client.on("message", (data) => this.#receive(client, data));
	}

	#receive(client: WebSocket, data: RawData): void {
		const text = data.toString();
		this.received.push(text);
		if (this.isMute) return;
		let message: unknown;
		try {
			message = JSON.parse(text);
		} catch {
			message = undefined;
		}
		// What is no JSON object raises in TraceLLM's handler, and that connection drops.
		if (typeof message !== "object" || message === null || Array.isArray(message)) {
			client.terminate();
			return;
		}
		const { type, ts } = message as { readonly type?: unknown; readonly ts?: unknown };
		if (type === "ping") client.send(JSON.stringify({ type: "system.pong", timestamp: ts ?? null }));
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
		await this.beforeAnswer?.(seen);
		const fault = this.nextAnswers.shift() ?? this.everyAnswer;
		switch (fault?.type) {
			case "stall":
				return;
			case "reset":
				request.socket.destroy();
				return;
			case "status":
				response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers }).end(fault.body);
				return;
			case "bytes": {
				const bytes = Buffer.from(fault.bytes);
				const length = bytes.length + (fault.isTruncated === true ? 100 : 0);
				response.writeHead(200, { "content-type": fault.contentType ?? "application/json", "content-length": length });
				response.write(bytes, () => (fault.isTruncated === true ? request.socket.destroy() : response.end()));
				return;
			}
			case "slow":
				this.#later(fault.delayMs, () => this.#answer(request, seen, response));
				return;
			case undefined:
				this.#answer(request, seen, response);
		}
	}

	#answer(request: IncomingMessage, { method, path, query }: SeenRequest, response: ServerResponse): void {
		if (response.destroyed || this.isMute) return;
		if (!this.#isAuthorized(request)) {
			json(response, 401, { detail: "Not authenticated" });
			return;
		}
		const traceId = /^\/api\/traces\/([^/]+)$/.exec(path)?.[1];
		if (method === "POST" && path === "/api/projects") this.#createProject(response, query);
		else if (method !== "GET") json(response, 405, { detail: "Method Not Allowed" });
		else if (path === "/api/") {
			json(response, 200, {
				message: "TraceLLM API",
				mongodb_connected: this.#storage === "mongodb",
				storage_type: this.#storage,
				storage_detail: this.#storage === "mongodb" ? "tracellm" : "traces.db",
			});
		} else if (path === "/api/traces") this.#list(response, query);
		else if (traceId !== undefined) {
			const trace = this.traces.get(decodeURIComponent(traceId));
			if (trace === undefined) json(response, 404, { detail: "Trace not found" });
			else json(response, 200, trace);
		} else if (path === "/api/analytics") json(response, 200, analyticsOf(this.#matching(query)));
		else if (path === "/api/failures") {
			const limit = wholeParameter(query, "limit", 25, 1, 100);
			if (typeof limit === "number") json(response, 200, failuresOf(this.#matching(query), limit));
			else json(response, 422, limit);
		} else if (path === "/api/projects") json(response, 200, this.#projects);
		else if (path === "/api/api-keys") json(response, 200, []);
		else if (/^\/(api\/|_next\/|ws)/.test(path)) json(response, 404, { detail: "Not Found" });
		else response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>TraceLLM</title>");
	}

	readonly #projects: { readonly project_id: string; readonly name: string; readonly environment: string }[] = [];

	#createProject(response: ServerResponse, query: URLSearchParams): void {
		const name = query.get("name") ?? "";
		if (this.#projects.some((project) => project.name === name)) {
			json(response, 409, { detail: "Project already exists" });
			return;
		}
		const project = {
			project_id: `project-${this.#projects.length + 1}`,
			name,
			environment: query.get("environment") ?? "development",
		};
		this.#projects.push(project);
		json(response, 200, { project, api_key: { key: `tlm_sk_${"0".repeat(32)}`, project_id: project.project_id } });
	}

	#matching(query: URLSearchParams): TraceDocument[] {
		const isEqual = (name: string, value: string) => !query.has(name) || query.get(name) === value;
		const isBetween = (name: string, value: number) =>
			value >= Number(query.get(`${name}_min`) ?? 0) &&
			value <= Number(query.get(`${name}_max`) ?? Number.POSITIVE_INFINITY);
		return [...this.traces.values()].filter(
			(trace) =>
				isEqual("status", trace.status) &&
				isEqual("model", trace.model_name) &&
				isEqual("project_id", trace.project_id) &&
				isEqual("environment", trace.environment) &&
				isBetween("latency", trace.latency) &&
				isBetween("token", trace.token_count),
		);
	}

	#list(response: ServerResponse, query: URLSearchParams): void {
		const limit = wholeParameter(query, "limit", 50, 1, 200);
		for (const name of ["latency_min", "latency_max", "token_min", "token_max"]) {
			if (Number(query.get(name) ?? 0) < 0) {
				json(response, 422, invalid(name, "greater_than_equal", query.get(name)));
				return;
			}
		}
		if (typeof limit !== "number") {
			json(response, 422, limit);
			return;
		}
		const matching = newestFirst(this.#matching(query));
		// The list's null becomes "", the detail keeps it.
		const items = matching.slice(0, limit).map((trace) => ({ ...trace, response: trace.response ?? "" }));
		json(response, 200, { total: matching.length, items });
	}
}

/** A parameter as FastAPI takes it, or the body of its 422. */
function wholeParameter(
	query: URLSearchParams,
	name: string,
	otherwise: number,
	least: number,
	most: number,
): number | object {
	const text = query.get(name);
	if (text === null) return otherwise;
	const value = Number(text);
	if (!Number.isInteger(value)) return invalid(name, "int_parsing", text);
	if (value < least) return invalid(name, "greater_than_equal", text);
	return value > most ? invalid(name, "less_than_equal", text) : value;
}

function invalid(name: string, type: string, input: string | null): object {
	return { detail: [{ type, loc: ["query", name], msg: `Input should be ${type.replaceAll("_", " ")}`, input }] };
}

function json(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(socket: Duplex, status: number, headers: Record<string, string> = {}): void {
	const lines = Object.entries({ "Content-Length": "0", Connection: "close", ...headers }).map(
		([name, value]) => `${name}: ${value}\r\n`,
	);
	socket.end(`HTTP/1.1 ${status} No\r\n${lines.join("")}\r\n`);
}
