import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { frameSplitter, jsonTurned, sseSplitter } from "./messageFaults.ts";

/** What the proxy does to requests, WebSocket handshakes and what comes back. */
export type Fault =
	/** The port is closed. */
	| { readonly type: "refused" }
	/** Connections are taken and broken (RST) once a request has come. */
	| { readonly type: "reset" }
	/** Connections and requests are taken and never answered. */
	| { readonly type: "halfOpen" }
	/** As `halfOpen`, and nothing more comes on connections that are open: as with a cable that was pulled. */
	| { readonly type: "stalled" }
	/** 200 and the right content type for a stream, then not one byte. */
	| { readonly type: "silent" }
	/** Bodies and frames come byte by byte, this far apart. */
	| { readonly type: "slow"; readonly everyMs: number }
	/** Says the request's own `Authorization` back, as some proxies do. */
	| { readonly type: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
	/** A page for people, as from a captive portal. */
	| { readonly type: "wrongType" }
	/** Breaks off in the middle of bodies, and of the first frames after a handshake. */
	| { readonly type: "truncated" }
	/** Bodies that announce or bring more than anyone may take. */
	| { readonly type: "oversized" }
	/** `MARKER` in what comes back is no UTF-8 any more. */
	| { readonly type: "invalidUtf8" }
	/** Every event and frame twice, and every object in a list of JSON. */
	| { readonly type: "duplicate" }
	/** Of two events or frames that come soon after each other the second first; lists of JSON from their end. */
	| { readonly type: "reordered" }
	/** The `Date` header of another time. */
	| { readonly type: "clock"; readonly offsetMs: number };

/** Text that `invalidUtf8` turns into as many bytes of nonsense. */
export const MARKER = "§§";

export interface ProxiedRequest {
	readonly path: string;
	readonly isUpgrade: boolean;
	readonly authorization: string | undefined;
	/** Milliseconds of `performance.now()`. */
	readonly atMs: number;
}

/** Traceway's stream of events, and nothing else. */
export function isEventStream({ path }: ProxiedRequest): boolean {
	return path.startsWith("/api/events");
}

/** One event of a stream, or one frame, may not be larger anywhere. */
const OVERSIZED_BYTES = 66 * 1024 * 1024;
/** How long a message waits for the next one to overtake it. */
const HELD_MS = 40;
const HUGE_LENGTH = String(1024 ** 4);

/**
 * Stands between a client and a real server, over HTTP and WebSocket, and misbehaves on demand. The server and its other clients
 * notice nothing of it.
 */
export class FaultProxy {
	/** What happens to requests that come from now on; see `set` for all but the port. */
	#fault: Fault | undefined;
	/** Which requests it happens to. Default: all. */
	isMeant: (request: ProxiedRequest) => boolean = () => true;
	readonly requests: ProxiedRequest[] = [];
	readonly #target: () => string;
	readonly #heartbeatMs: number | undefined;
	readonly #sockets = new Set<Socket>();
	#server: Server | undefined;
	#port = 0;

	private constructor(target: () => string, heartbeatMs: number | undefined) {
		this.#target = target;
		this.#heartbeatMs = heartbeatMs;
	}

	/**
	 * @param target Address of the real server, asked for with each request.
	 * @param options.heartbeatMs Adds comments of its own to event streams, so that a short watchdog can be tried.
	 */
	static async start(target: () => string, options: { readonly heartbeatMs?: number } = {}): Promise<FaultProxy> {
		const proxy = new FaultProxy(target, options.heartbeatMs);
		await proxy.#listen();
		return proxy;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	/** From now on, until it is set again; undefined passes everything on. Open connections stay as they are, but for `refused`. */
	async set(fault: Fault | undefined): Promise<void> {
		this.#fault = fault;
		// Whatever is written to them from now on waits in memory.
		if (fault?.type === "stalled") for (const socket of this.#sockets) socket.cork();
		if (fault?.type === "refused") await this.#close();
		else if (this.#server === undefined) await this.#listen();
	}

	/** Destroys every connection that there is; new ones are taken. */
	cut(): void {
		for (const socket of this.#sockets) socket.destroy();
	}

	async dispose(): Promise<void> {
		await this.#close();
	}

	async #listen(): Promise<void> {
		const server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
		server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head));
		server.on("connection", (socket) => {
			this.#sockets.add(socket);
			// A cut is no news to this side.
			socket.on("error", () => undefined);
			socket.on("close", () => this.#sockets.delete(socket));
		});
		server.listen(this.#port, "127.0.0.1");
		await once(server, "listening");
		this.#server = server;
		this.#port = (server.address() as AddressInfo).port;
	}

	async #close(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		this.cut();
		if (server !== undefined) await new Promise((resolve) => server.close(resolve));
	}

	/** Notes a request, and says what is to happen to it. */
	#take(incoming: IncomingMessage, isUpgrade: boolean): Fault | undefined {
		const { url: path = "/", headers } = incoming;
		const seen = { path, isUpgrade, authorization: headers.authorization, atMs: performance.now() };
		this.requests.push(seen);
		return this.#fault !== undefined && this.isMeant(seen) ? this.#fault : undefined;
	}

	#forward(incoming: IncomingMessage) {
		const { host, hostname, port } = new URL(this.#target());
		const headers = { ...incoming.headers, host, "accept-encoding": "identity" };
		return request({ host: hostname, port, path: incoming.url, method: incoming.method, headers, agent: false });
	}

	#handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
		const fault = this.#take(incoming, false);
		switch (fault?.type) {
			case "reset":
				incoming.socket.resetAndDestroy();
				return;
			case "halfOpen":
			case "stalled":
				incoming.resume();
				return;
			case "silent":
				outgoing.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
				return;
			case "status":
				outgoing
					.writeHead(fault.status, { "content-type": "application/json", ...fault.headers })
					.end(JSON.stringify({ error: `not for ${incoming.headers.authorization ?? "anyone"}`, code: "test" }));
				return;
			case "wrongType":
				outgoing.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Welcome</title>");
				return;
		}
		const onward = this.#forward(incoming);
		onward.on("response", (answer) => this.#answer(answer, outgoing, fault));
		onward.on("error", () => outgoing.destroy());
		outgoing.on("close", () => onward.destroy());
		incoming.pipe(onward);
	}

	#answer(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
		const status = answer.statusCode ?? 502;
		const { "content-length": length, "transfer-encoding": _encoding, ...headers } = answer.headers;
		const isStream = /^text\/event-stream/.test(headers["content-type"] ?? "");
		answer.on("error", () => outgoing.destroy());
		switch (fault?.type) {
			case "truncated":
				outgoing.writeHead(status, { ...headers, ...(length === undefined ? {} : { "content-length": length }) });
				outgoing.flushHeaders();
				cutShort(answer, outgoing);
				return;
			case "oversized":
				answer.destroy();
				outgoing.writeHead(status, { ...headers, ...(isStream ? {} : { "content-length": HUGE_LENGTH }) });
				flood(outgoing);
				return;
			case "slow":
				outgoing.writeHead(status, headers).flushHeaders();
				trickle(answer, outgoing, fault.everyMs);
				return;
			case "clock":
				outgoing.writeHead(status, { ...headers, date: new Date(Date.now() + fault.offsetMs).toUTCString() });
				answer.pipe(outgoing);
				return;
			case "invalidUtf8":
				outgoing.writeHead(status, headers).flushHeaders();
				answer.on("data", (chunk: Buffer) => outgoing.write(broken(chunk)));
				answer.on("end", () => outgoing.end());
				return;
			case "duplicate":
			case "reordered":
				outgoing.writeHead(status, headers).flushHeaders();
				if (isStream) passMessages(answer, outgoing, sseSplitter(), fault.type);
				else void turnBody(answer, outgoing, fault.type);
				return;
		}
		outgoing.writeHead(status, answer.headers).flushHeaders();
		answer.pipe(outgoing);
		if (isStream && this.#heartbeatMs !== undefined) this.#addHeartbeats(outgoing, this.#heartbeatMs);
	}

	/** Between messages only by luck: a comment inside one would break it, so they go out while the stream rests. */
	#addHeartbeats(outgoing: ServerResponse, everyMs: number): void {
		const timer = setInterval(() => {
			if (this.#fault?.type === "silent") clearInterval(timer);
			else outgoing.write(": heartbeat of the proxy\n\n");
		}, everyMs);
		outgoing.on("close", () => clearInterval(timer));
	}

	#upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
		const fault = this.#take(incoming, true);
		switch (fault?.type) {
			case "reset":
				(socket as Socket).resetAndDestroy();
				return;
			case "halfOpen":
			case "stalled":
			case "silent":
				return;
			case "status": {
				const headers = Object.entries(fault.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
				socket.end(`HTTP/1.1 ${fault.status} No\r\n${headers.join("")}content-length: 0\r\nconnection: close\r\n\r\n`);
				return;
			}
			case "wrongType":
				socket.end("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
				return;
		}
		const onward = this.#forward(incoming);
		onward.on("upgrade", (answer, server, first) => {
			const date = fault?.type === "clock" ? [`date: ${new Date(Date.now() + fault.offsetMs).toUTCString()}\r\n`] : [];
			socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headerLines(answer).join("")}${date.join("")}\r\n`);
			server.unshift(first);
			server.on("error", () => socket.destroy());
			server.on("close", () => socket.destroy());
			socket.on("close", () => server.destroy());
			if (head.length > 0) server.write(head);
			socket.pipe(server);
			passFrames(server, socket, fault);
		});
		onward.on("response", (answer) => {
			socket.write(`HTTP/1.1 ${answer.statusCode} No\r\n${headerLines(answer).join("")}\r\n`);
			answer.pipe(socket);
		});
		onward.on("error", () => socket.destroy());
		socket.on("close", () => onward.destroy());
		onward.end();
	}
}

function passFrames(server: Duplex, socket: Duplex, fault: Fault | undefined): void {
	switch (fault?.type) {
		case "truncated":
			cutShort(server, socket);
			return;
		case "oversized":
			// A text frame that announces a terabyte.
			socket.write(Buffer.from([0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]));
			return;
		case "slow":
			trickle(server, socket, fault.everyMs);
			return;
		case "invalidUtf8":
			server.on("data", (chunk: Buffer) => socket.write(broken(chunk)));
			return;
		case "duplicate":
		case "reordered":
			passMessages(server, socket, frameSplitter(), fault.type);
			return;
		default:
			server.pipe(socket);
	}
}

function headerLines({ rawHeaders }: IncomingMessage): string[] {
	return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}\r\n`] : []));
}

/** The first half of the first bytes, then no more. */
function cutShort(from: NodeJS.ReadableStream, to: Duplex | ServerResponse): void {
	from.once("data", (chunk: Buffer) => to.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => to.destroy()));
	from.on("end", () => to.destroy());
}

/** Writes as fast as it is taken, one event or body that has no end. */
function flood(outgoing: ServerResponse): void {
	const chunk = Buffer.alloc(1024 * 1024, "x");
	let left = OVERSIZED_BYTES;
	const more = () => {
		while (left > 0 && !outgoing.destroyed) {
			left -= chunk.length;
			if (!outgoing.write(chunk)) {
				outgoing.once("drain", more);
				return;
			}
		}
	};
	outgoing.write('data: "');
	more();
}

function trickle(from: NodeJS.ReadableStream, to: NodeJS.WritableStream, everyMs: number): void {
	let waiting = Buffer.alloc(0);
	let isEnded = false;
	const timer = setInterval(() => {
		if (waiting.length > 0) to.write(waiting.subarray(0, 1));
		else if (isEnded) to.end();
		waiting = waiting.subarray(1);
	}, everyMs);
	from.on("data", (chunk: Buffer) => {
		waiting = Buffer.concat([waiting, chunk]);
	});
	from.on("end", () => {
		isEnded = true;
	});
	to.on("close", () => clearInterval(timer));
}

function broken(chunk: Buffer): Buffer {
	const marker = Buffer.from(MARKER);
	const copy = Buffer.from(chunk);
	for (let at = copy.indexOf(marker); at >= 0; at = copy.indexOf(marker, at + 1))
		copy.fill(0xff, at, at + marker.length);
	return copy;
}

function passMessages(
	from: NodeJS.ReadableStream,
	to: NodeJS.WritableStream,
	split: (chunk: Buffer) => readonly Buffer[],
	how: "duplicate" | "reordered",
): void {
	let held: Buffer | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	const release = () => {
		clearTimeout(timer);
		if (held !== undefined) to.write(held);
		held = undefined;
	};
	from.on("data", (chunk: Buffer) => {
		for (const message of split(chunk)) {
			if (how === "duplicate") to.write(Buffer.concat([message, message]));
			else if (held === undefined) {
				held = message;
				timer = setTimeout(release, HELD_MS);
			} else {
				to.write(message);
				release();
			}
		}
	});
	from.on("end", () => {
		release();
		to.end();
	});
	to.on("close", () => clearTimeout(timer));
}

async function turnBody(
	answer: IncomingMessage,
	outgoing: ServerResponse,
	how: "duplicate" | "reordered",
): Promise<void> {
	const chunks: Buffer[] = [];
	try {
		for await (const chunk of answer) chunks.push(chunk as Buffer);
	} catch {
		outgoing.destroy();
		return;
	}
	outgoing.end(jsonTurned(Buffer.concat(chunks), how));
}
