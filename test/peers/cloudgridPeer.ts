import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { execute, type GraphQLError, type GraphQLSchema, getOperationAST, parse, validate } from "graphql";
import { type WebSocket, WebSocketServer } from "ws";
import {
	checkInput,
	type DetailInput,
	detailOf,
	isoOf,
	matches,
	type PeerInput,
	type PeerSpan,
	type PeerSummary,
	type PeerTrace,
	searchPage,
	summaryOf,
} from "./cloudgridData.ts";
import { type CloudgridAge, cloudgridSchema, type ProblemId, problemError, problemStatus } from "./cloudgridSchema.ts";
import { MortalServer } from "./mortalServer.ts";

export interface CloudgridPeerOptions {
	readonly age?: CloudgridAge;
	/** `sso` asks each operation for a bearer token; default `local`, where everyone may read project `default`. */
	readonly mode?: "local" | "sso";
	/** Default 15,000. */
	readonly heartbeatMs?: number;
	/** Default 0, a free one; kept over `stop` and `start`. */
	readonly port?: number;
	/** Default 2000, as CloudGrid's. */
	readonly maxSubscriptions?: number;
}

interface Identity {
	readonly scopes: readonly string[];
	readonly project: string;
}

interface GraphqlRequest {
	readonly operationName?: string;
	readonly query?: unknown;
	readonly variables?: Record<string, unknown>;
}

interface Subscription {
	readonly id: string;
	readonly socket: WebSocket;
	readonly request: GraphqlRequest;
	readonly input: PeerInput;
	readonly identity: Identity;
	readonly seen: Set<string>;
	seq: number;
	heartbeat: ReturnType<typeof setInterval> | undefined;
}

/** A message of a client on a WebSocket, with the number of the socket. */
export interface SeenMessage {
	readonly socket: number;
	readonly type: string;
	readonly id: string | undefined;
	readonly payload: unknown;
}

export interface HttpAnswer {
	readonly status: number;
	readonly headers?: Record<string, string>;
	readonly body?: string | Uint8Array;
}

const LOCAL: Identity = { scopes: ["telemetry:read", "telemetry:live"], project: "default" };
const BASE_NS = BigInt(Date.parse("2026-03-06T09:00:00.000Z")) * 1_000_000n;

/**
 * A small honest CloudGrid over real HTTP and WebSocket, by the reference with its oddities, and one switch for each fault. Its
 * traces stay over `stop` and `start`, its subscriptions do not: nothing is replayed.
 */
export class CloudgridPeer {
	readonly traces = new Map<string, PeerTrace>();
	/** Bearer token → who it is, in mode `sso`. */
	readonly tokens = new Map<string, Identity>();
	readonly messages: SeenMessage[] = [];
	readonly requests: { readonly operationName: string | undefined; readonly variables: unknown }[] = [];
	/** Codes with which clients and this server closed sockets, in order. */
	readonly closeCodes: number[] = [];

	/** As `CloudgridPeerOptions.mode`. */
	mode: "local" | "sso";
	/** Milliseconds to add to the time of later traces. */
	clockOffsetMs = 0;
	/** POST /graphql answers this while set. */
	httpAnswer: HttpAnswer | undefined;
	/** The WebSocket's upgrade answers this while set. */
	upgradeAnswer: HttpAnswer | undefined;
	/** Queries fail with it while set. */
	queryProblem: ProblemId | undefined;
	/** Set-up of subscriptions fails with it while set. */
	subscribeProblem: ProblemId | undefined;
	/** Errors of queries have their problem's HTTP status instead of 200. */
	areStatusesTold = false;
	/** An unknown trace is ERR-004 instead of null. */
	isUnknownTraceAnError = false;
	/** `CLOUDGRID_STORAGE_READ_MAX_PAGE_SIZE`. */
	maxPage = 200;
	/** Every cursor is foreign, as after a restart with other settings. */
	forgetsCursors = false;
	/** New subscriptions begin with a snapshot instead of a heartbeat. */
	sendsSnapshot = false;
	/** Connections are accepted, nothing is ever said. */
	isMute = false;
	/** Events take their number, but are not sent. */
	losesEvents = false;
	/** Each event is sent twice. */
	repeatsEvents = false;
	/** Called before each answer to a query is sent, which is made by then; lets a test hold one back. */
	beforeAnswer: ((operationName: string | undefined) => Promise<void> | void) | undefined;

	readonly #options: CloudgridPeerOptions;
	#schema: GraphQLSchema;
	readonly #server: MortalServer;
	readonly #webSockets = new WebSocketServer({
		noServer: true,
		handleProtocols: (protocols) => (protocols.has("graphql-transport-ws") ? "graphql-transport-ws" : false),
	});
	readonly #subscriptions = new Set<Subscription>();
	#socketCount = 0;
	#nextId = 1;

	private constructor(options: CloudgridPeerOptions) {
		this.#options = options;
		this.mode = options.mode ?? "local";
		this.#schema = cloudgridSchema(options.age ?? "new");
		this.#server = new MortalServer(() => this.#makeServer(), options.port);
	}

	static async start(options: CloudgridPeerOptions = {}): Promise<CloudgridPeer> {
		const peer = new CloudgridPeer(options);
		await peer.start();
		return peer;
	}

	get port(): number {
		return this.#server.port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#server.port}`;
	}

	get subscriptionCount(): number {
		return this.#subscriptions.size;
	}

	/** TCP connections that are open now. */
	get socketCount(): number {
		return this.#server.socketCount;
	}

	get webSocketCount(): number {
		return this.#webSockets.clients.size;
	}

	/** WebSockets that were ever opened. */
	get openedSockets(): number {
		return this.#socketCount;
	}

	/** Comes back, on the same port after a `stop`. */
	async start(): Promise<void> {
		await this.#server.start();
	}

	#makeServer(): Server {
		const server = createServer((request, response) => void this.#answer(request, response));
		server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
		return server;
	}

	/** Dies: every connection breaks, the port is free. */
	async stop(): Promise<void> {
		this.dropSockets();
		await this.#server.stop();
	}

	/** The server is replaced by one of another version. */
	become(age: CloudgridAge): void {
		this.#schema = cloudgridSchema(age);
	}

	/** Breaks every connection without a goodbye. */
	dropSockets(): void {
		for (const subscription of [...this.#subscriptions]) this.#end(subscription);
		this.#server.breakConnections();
	}

	closeSockets(code: number, reason = ""): void {
		for (const socket of this.#webSockets.clients) socket.close(code, reason);
	}

	// The data. What is persisted is told to live subscriptions.

	/** A trace with a root that has ended, unless `spans` says otherwise. Later ones start later. */
	addTrace(trace: { id?: string; project?: string; name?: string; spans?: readonly Partial<PeerSpan>[] } = {}): string {
		const number = this.#nextId++;
		const id = trace.id ?? number.toString(16).padStart(32, "0");
		const startNs = BASE_NS + BigInt(number * 1000 + this.clockOffsetMs) * 1_000_000n;
		this.traces.set(id, { id, project: trace.project ?? "default", spans: new Map(), logs: [] });
		const spans = trace.spans ?? [{ name: trace.name ?? `request ${number}`, endNs: startNs + 250_000_001n }];
		for (const span of spans) this.#putSpan(id, { startNs, ...span });
		this.persisted(id);
		return id;
	}

	addSpan(traceId: string, span: Partial<PeerSpan> = {}): string {
		const id = this.#putSpan(traceId, span);
		this.persisted(traceId);
		return id;
	}

	addLog(traceId: string, spanId: string | null, body: string): void {
		const trace = this.traces.get(traceId);
		if (trace !== undefined) this.traces.set(traceId, { ...trace, logs: [...trace.logs, { spanId, body }] });
	}

	endSpan(traceId: string, spanId: string, status: PeerSpan["status"] = "ok"): void {
		const span = this.traces.get(traceId)?.spans.get(spanId);
		if (span === undefined) throw new Error(`no span ${spanId}`);
		span.endNs = span.startNs + 1_500_000_000n;
		span.status = status;
		this.persisted(traceId);
	}

	/** Retention: no live event tells of it. */
	deleteTrace(traceId: string): void {
		this.traces.delete(traceId);
	}

	/** Changes that the volatile notification never tells of. */
	silently<T>(change: () => T): T {
		const before = this.#isSilent;
		this.#isSilent = true;
		try {
			return change();
		} finally {
			this.#isSilent = before;
		}
	}

	#isSilent = false;

	#putSpan(traceId: string, span: Partial<PeerSpan>): string {
		const trace = this.traces.get(traceId);
		if (trace === undefined) throw new Error(`no trace ${traceId}`);
		const id = span.id ?? (this.#nextId++).toString(16).padStart(16, "0");
		const root = [...trace.spans.values()][0];
		trace.spans.set(id, {
			parentSpanId: root?.id ?? null,
			name: "step",
			kind: "internal",
			serviceName: "api",
			startNs: (root?.startNs ?? BASE_NS) + BigInt(trace.spans.size) * 1_000_001n,
			endNs: undefined,
			status: "unset",
			attributes: {},
			events: [],
			links: [],
			exceptions: [],
			...span,
			id,
		});
		return id;
	}

	/** Tells every live subscription that may see it and that it matches; also by hand, to say the same again. */
	persisted(traceId: string): void {
		const trace = this.traces.get(traceId);
		if (trace === undefined || this.#isSilent) return;
		for (const subscription of this.#subscriptions) {
			if (subscription.seq === 0 || trace.project !== subscription.identity.project) continue;
			if (!matches(trace, subscription.input, true)) continue;
			const type = subscription.seen.has(traceId) ? "updated" : "added";
			subscription.seen.add(traceId);
			this.#event(subscription, type, summaryOf(trace));
		}
	}

	/** A heartbeat now, for all. */
	beat(): void {
		for (const subscription of this.#subscriptions) this.#event(subscription, "heartbeat", null);
	}

	/** The text as it is, to every client. */
	sendRaw(text: string | Uint8Array): void {
		for (const socket of this.#webSockets.clients) socket.send(text);
	}

	/** A `next` with any payload for the subscription of that id, by default for every one; outside the count. */
	sendNext(payload: unknown, only?: string): void {
		for (const { socket, id } of this.#subscriptions) {
			if (only === undefined || only === id) send(socket, { id, type: "next", payload });
		}
	}

	/** Breaks every subscription by an `error` message, sanitised to ERR-014 by default. */
	breakStreams(problem: ProblemId = "ERR-014"): void {
		for (const subscription of [...this.#subscriptions]) {
			const { socket, id } = subscription;
			this.#end(subscription);
			send(socket, { id, type: "error", payload: [problemError(problem, "Live delivery stopped", ["liveTraces"])] });
		}
	}

	/** Ends every subscription by the server's own `complete`. */
	completeStreams(): void {
		for (const subscription of [...this.#subscriptions]) {
			this.#end(subscription);
			send(subscription.socket, { id: subscription.id, type: "complete" });
		}
	}

	// HTTP

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		if (this.isMute) return;
		const path = (request.url ?? "/").split("?")[0];
		if (path === "/api/health" || path === "/livez" || path === "/readyz") {
			response.writeHead(200, { "content-type": "application/json" }).end('{"status":"ok"}');
			return;
		}
		if (path !== "/graphql") {
			response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
			return;
		}
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const answer = this.httpAnswer;
		if (answer !== undefined) {
			response.writeHead(answer.status, answer.headers ?? { "content-type": "text/plain" }).end(answer.body ?? "");
			return;
		}
		if (request.method !== "POST") return this.#sendErrors(response, "ERR-005", "Use POST");
		if (!/^application\/json/.test(request.headers["content-type"] ?? "")) {
			return this.#sendErrors(response, "ERR-002", "Use application/json");
		}
		let body: GraphqlRequest;
		try {
			body = JSON.parse(Buffer.concat(chunks).toString()) as GraphqlRequest;
		} catch {
			return this.#sendErrors(response, "ERR-001", "The body is not JSON");
		}
		this.requests.push({ operationName: body.operationName, variables: body.variables });
		const result = await this.#run(body, this.#identityOf(request.headers.authorization));
		await this.beforeAnswer?.(body.operationName);
		const problem = (result.errors?.[0] as GraphQLError | undefined)?.extensions?.problem as
			| { id: ProblemId }
			| undefined;
		const status = this.areStatusesTold && problem !== undefined ? problemStatus(problem.id) : 200;
		response.writeHead(status, { "content-type": "application/graphql-response+json" }).end(JSON.stringify(result));
	}

	#sendErrors(response: ServerResponse, id: ProblemId, detail: string): void {
		response
			.writeHead(problemStatus(id), { "content-type": "application/json" })
			.end(JSON.stringify({ errors: [problemError(id, detail)] }));
	}

	/** Undefined without a known token in mode `sso`. */
	#identityOf(authorization: unknown): Identity | undefined {
		if (this.mode === "local") return LOCAL;
		const token = typeof authorization === "string" ? /^Bearer (.+)$/.exec(authorization)?.[1] : undefined;
		return this.tokens.get(token ?? "");
	}

	async #run(request: GraphqlRequest, identity: Identity | undefined) {
		if (this.queryProblem !== undefined) return failed(problemError(this.queryProblem, "A fault on purpose"));
		if (identity === undefined) return failed(problemError("ERR-015", "Authentication is required"));
		if (!identity.scopes.includes("telemetry:read"))
			return failed(problemError("ERR-016", "telemetry:read is missing"));
		const own = () =>
			[...this.traces.values()].filter(({ project, spans }) => project === identity.project && spans.size > 0);
		return this.#execute(request, {
			traces: ({ input }: { input: PeerInput }) => {
				if (this.forgetsCursors && input.cursor != null) throw problemError("ERR-003", "Cursor is invalid", ["traces"]);
				return searchPage(own(), input, this.maxPage);
			},
			trace: ({ id, input }: { id: string; input: DetailInput }) => {
				const trace = own().find((one) => one.id === id);
				if (trace === undefined && this.isUnknownTraceAnError) throw problemError("ERR-004", "Trace not found");
				return trace === undefined ? null : detailOf(trace, input);
			},
		});
	}

	async #execute(request: GraphqlRequest, rootValue: Record<string, unknown>) {
		try {
			const document = parse(String(request.query));
			const [invalid] = validate(this.#schema, document);
			if (invalid !== undefined) return failed(problemError("ERR-001", invalid.message));
			const { operationName, variables: variableValues } = request;
			const result = await execute({ schema: this.#schema, document, rootValue, variableValues, operationName });
			const [error] = result.errors ?? [];
			// What the engine itself says of variables has no problem document.
			if (error !== undefined && error.extensions.problem === undefined)
				return failed(problemError("ERR-001", error.message));
			return result;
		} catch (error) {
			return failed(problemError("ERR-001", error instanceof Error ? error.message : "invalid"));
		}
	}

	// WebSocket

	#upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
		const answer = this.upgradeAnswer;
		if (this.isMute) {
			// Read on, or the other side's end would not be seen.
			socket.resume().on("end", () => socket.end());
			return;
		}
		if (answer !== undefined || (request.url ?? "").split("?")[0] !== "/graphql") {
			const headers = Object.entries(answer?.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
			socket.end(
				`HTTP/1.1 ${answer?.status ?? 404} Refused\r\n${headers.join("")}connection: close\r\ncontent-length: 0\r\n\r\n`,
			);
			return;
		}
		this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, ++this.#socketCount));
	}

	#serve(socket: WebSocket, number: number): void {
		let identity: Identity | undefined;
		let isAcknowledged = false;
		socket.on("error", () => undefined);
		socket.on("close", (code) => {
			this.closeCodes.push(code);
			for (const subscription of [...this.#subscriptions]) if (subscription.socket === socket) this.#end(subscription);
		});
		socket.on("message", (data) => {
			let message: { type?: unknown; id?: string; payload?: unknown };
			try {
				message = JSON.parse(String(data)) as typeof message;
			} catch {
				socket.close(4400, "Invalid message");
				return;
			}
			this.messages.push({ socket: number, type: String(message.type), id: message.id, payload: message.payload });
			if (this.isMute) return;
			switch (message.type) {
				case "connection_init":
					isAcknowledged = true;
					identity = this.#identityOf((message.payload as { authorization?: unknown } | undefined)?.authorization);
					send(socket, { type: "connection_ack" });
					return;
				case "subscribe":
					if (!isAcknowledged) socket.close(4401, "Unauthorized");
					else void this.#subscribe(socket, String(message.id), message.payload as GraphqlRequest, identity);
					return;
				case "complete":
					for (const one of [...this.#subscriptions])
						if (one.socket === socket && one.id === message.id) this.#end(one);
					return;
				default:
					// `ping` and `pong`, too.
					socket.close(4400, "Unknown message type");
			}
		});
	}

	async #subscribe(
		socket: WebSocket,
		id: string,
		request: GraphqlRequest,
		identity: Identity | undefined,
	): Promise<void> {
		const refuse = (problem: ProblemId, detail: string) => {
			send(socket, { id, type: "next", payload: failed(problemError(problem, detail, ["liveTraces"])) });
			send(socket, { id, type: "complete" });
		};
		if (this.subscribeProblem !== undefined) return refuse(this.subscribeProblem, "A fault on purpose");
		if (identity === undefined) return refuse("ERR-015", "Authentication is required");
		if (!LOCAL.scopes.every((scope) => identity.scopes.includes(scope))) return refuse("ERR-016", "A scope is missing");
		if (this.#subscriptions.size >= (this.#options.maxSubscriptions ?? 2000))
			return refuse("ERR-017", "Too many subscriptions");
		let input: PeerInput = {};
		const probe = (args: { input: PeerInput }) => {
			checkInput(args.input, 500);
			input = args.input;
			return { type: "heartbeat", seq: 1, receivedAt: now(), trace: null };
		};
		const first = await this.#execute(request, { liveTraces: probe });
		if (first.errors !== undefined || getOperationAST(parse(String(request.query)))?.operation !== "subscription") {
			send(socket, { id, type: "next", payload: first });
			send(socket, { id, type: "complete" });
			return;
		}
		const seen = new Set<string>();
		const subscription: Subscription = { id, socket, request, input, identity, seen, seq: 0, heartbeat: undefined };
		this.#subscriptions.add(subscription);
		subscription.heartbeat = setInterval(
			() => this.#event(subscription, "heartbeat", null),
			this.#options.heartbeatMs ?? 15_000,
		);
		const known = [...this.traces.values()].filter(
			(one) => one.project === identity.project && matches(one, input, true),
		);
		if (!this.sendsSnapshot || known.length === 0) this.#event(subscription, "heartbeat", null);
		else for (const trace of known) this.#event(subscription, "snapshot", summaryOf(trace));
	}

	/** The events of one subscription go out in order: nothing here waits. */
	#event(subscription: Subscription, type: string, trace: PeerSummary | null): void {
		if (this.isMute) return;
		const event = { type, seq: ++subscription.seq, receivedAt: now(), trace };
		if (this.losesEvents) return;
		const { socket, id, request } = subscription;
		const document = parse(String(request.query));
		const { operationName, variables: variableValues } = request;
		const rootValue = { liveTraces: event };
		const payload = execute({ schema: this.#schema, document, rootValue, variableValues, operationName });
		send(socket, { id, type: "next", payload });
		if (this.repeatsEvents) send(socket, { id, type: "next", payload });
	}

	#end(subscription: Subscription): void {
		clearInterval(subscription.heartbeat);
		this.#subscriptions.delete(subscription);
	}
}

function now(): string {
	return isoOf(BigInt(Date.now()) * 1_000_000n);
}

function failed(error: GraphQLError) {
	return { data: null, errors: [error] };
}

function send(socket: WebSocket, message: unknown): void {
	if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
