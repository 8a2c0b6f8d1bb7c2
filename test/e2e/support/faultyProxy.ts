import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What the proxy does with a request for the event stream. */
export type StreamMode =
	| { readonly type: "pass" }
	/** 200 and the right content type, then not one byte. */
	| { readonly type: "silent" }
	| { readonly type: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

/**
 * Stands between the extension and a real server and misbehaves on demand: cuts connections, goes silent, refuses. The
 * server and its other clients notice nothing of it.
 */
export class FaultyProxy {
	stream: StreamMode = { type: "pass" };
	/** Arrival of each request for the event stream, milliseconds of `performance.now()`. */
	readonly streamRequestsMs: number[] = [];
	/** Path and headers of every request. */
	readonly requests: { readonly url: string; readonly authorization: string | undefined }[] = [];
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	readonly #target: () => number;
	#isRefusing = false;
	#heartbeatMs: number | undefined;

	private constructor(target: () => number) {
		this.#target = target;
		this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
		this.#server.on("connection", (socket) => {
			if (this.#isRefusing) {
				socket.destroy();
				return;
			}
			this.#sockets.add(socket);
			socket.on("close", () => this.#sockets.delete(socket));
		});
	}

	/**
	 * @param target Port of the real server, asked for with each request.
	 * @param options.heartbeatMs Adds heartbeats of its own to the stream, so that a short watchdog can be tried.
	 */
	static async start(target: () => number, options: { readonly heartbeatMs?: number } = {}): Promise<FaultyProxy> {
		const proxy = new FaultyProxy(target);
		proxy.#heartbeatMs = options.heartbeatMs;
		proxy.#server.listen(0, "127.0.0.1");
		await once(proxy.#server, "listening");
		return proxy;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	/** Destroys every connection that there is; new ones are taken. */
	cut(): void {
		for (const socket of this.#sockets) socket.destroy();
	}

	/** From now on connections are destroyed as they come, until `accept`. */
	refuse(): void {
		this.#isRefusing = true;
		this.cut();
	}

	accept(): void {
		this.#isRefusing = false;
	}

	async dispose(): Promise<void> {
		this.cut();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	#handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
		const { url = "/", method, headers } = incoming;
		this.requests.push({ url, authorization: headers.authorization });
		const isStream = url.startsWith("/api/events");
		if (isStream) {
			this.streamRequestsMs.push(performance.now());
			const { stream } = this;
			if (stream.type === "silent") {
				outgoing.writeHead(200, { "content-type": "text/event-stream" });
				outgoing.flushHeaders();
				return;
			}
			if (stream.type === "status") {
				outgoing.writeHead(stream.status, { "content-type": "application/json", ...stream.headers });
				outgoing.end(JSON.stringify({ error: "as the test wants it", code: "test" }));
				return;
			}
		}
		const port = this.#target();
		const onward = request(
			{ host: "127.0.0.1", port, path: url, method, headers: { ...headers, host: `127.0.0.1:${port}` }, agent: false },
			(answer) => {
				outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
				outgoing.flushHeaders();
				answer.pipe(outgoing);
				answer.on("error", () => outgoing.destroy());
				if (isStream && this.#heartbeatMs !== undefined) this.#addHeartbeats(outgoing);
			},
		);
		onward.on("error", () => outgoing.destroy());
		outgoing.on("close", () => onward.destroy());
		incoming.pipe(onward);
	}

	/** Between messages only by luck: a comment inside one would break it, so they go out while the stream rests. */
	#addHeartbeats(outgoing: ServerResponse): void {
		const timer = setInterval(() => {
			if (this.stream.type === "silent") clearInterval(timer);
			else outgoing.write(": heartbeat of the proxy\n\n");
		}, this.#heartbeatMs);
		outgoing.on("close", () => clearInterval(timer));
	}
}
