import { type RawData, WebSocket } from "ws";
import { describeError } from "../../base/logger.ts";
import { parseRetryAfterMs } from "../../stream/backoff.ts";
import { reasonOfStatus } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { asObject, decodeId, type JsonObject } from "../wire.ts";
import { clean, problemOf } from "./problem.ts";

export interface LiveSocketOptions {
	/** `ws:` or `wss:`. */
	readonly url: string;
	readonly token: string | undefined;
	/** Further certificate authorities, PEM. */
	readonly ca: string | undefined;
	/** Takes secrets out of a text of the server. */
	readonly hide: (text: string) => string;
	/** A message of any kind arrived. */
	readonly onMessage: () => void;
}

export interface SubscriptionPayload {
	readonly operationName: string;
	readonly query: string;
	readonly variables: JsonObject;
}

export interface SubscriptionHandlers {
	/** `data` of a `next` without errors. */
	readonly onNext: (data: unknown) => void;
	/** The subscription or the whole socket is over; called once, and never after its stop or `close`. */
	readonly onEnd: (error: SourceError) => void;
}

/** Summaries of traces; whatever is larger is none. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * One WebSocket that speaks `graphql-transport-ws` (github.com/enisdenjo/graphql-ws, PROTOCOL.md), over `ws`. It never sends a
 * `ping`, for which CloudGrid closes with 4400, and never opens a second time: that is the connection loop's.
 */
export class LiveSocket {
	readonly #options: LiveSocketOptions;
	readonly #socket: WebSocket;
	readonly #subscriptions = new Map<string, SubscriptionHandlers>();
	/** Until the server has acknowledged the connection. */
	#waiting: string[] | undefined = [];
	#isClosed = false;

	constructor(options: LiveSocketOptions) {
		this.#options = options;
		const { url, token, ca } = options;
		const socket = new WebSocket(url, "graphql-transport-ws", {
			maxPayload: MAX_MESSAGE_BYTES,
			perMessageDeflate: false,
			// Bytes that are no UTF-8 become characters that say so, as in an answer by HTTP: no reason to lose the connection.
			skipUTF8Validation: true,
			...(ca === undefined ? {} : { ca }),
		});
		this.#socket = socket;
		const payload = token === undefined ? undefined : { authorization: `Bearer ${token}` };
		socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload })));
		socket.on("message", (data, isBinary) => this.#handleMessage(data, isBinary));
		socket.on("error", (error) => this.#fail(this.#transportError(error)));
		socket.on("close", (code, reason) => this.#fail(closeError(code, clean(options.hide(reason.toString("utf8"))))));
		socket.on("unexpected-response", (_request, response) => {
			// Nobody reads its body.
			response.resume();
			this.#fail(refusalOf(response));
		});
	}

	/** Begins a subscription; the result stops it. Several may run side by side. */
	subscribe(payload: SubscriptionPayload, handlers: SubscriptionHandlers): () => void {
		const id = `${payload.operationName}:${crypto.randomUUID()}`;
		this.#subscriptions.set(id, handlers);
		this.#send(JSON.stringify({ id, type: "subscribe", payload }));
		return () => {
			// "Complete" of a subscription that has ended by itself is harmless, but says nothing.
			if (this.#subscriptions.delete(id)) this.#send(JSON.stringify({ id, type: "complete" }));
		};
	}

	/** Ends the socket at once, with a goodbye where there is somebody to hear it. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#subscriptions.clear();
		if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
		// Without waiting for the answer: a peer that is gone would hold the socket for half a minute.
		this.#socket.terminate();
	}

	#send(message: string): void {
		if (this.#waiting !== undefined) this.#waiting.push(message);
		else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
	}

	#handleMessage(data: RawData, isBinary: boolean): void {
		if (this.#isClosed) return;
		this.#options.onMessage();
		const message = isBinary ? undefined : asObject(parse(String(data)));
		const id = decodeId(message?.id);
		switch (message?.type) {
			case "connection_ack": {
				const waiting = this.#waiting ?? [];
				this.#waiting = undefined;
				for (const one of waiting) this.#send(one);
				return;
			}
			case "ping":
				this.#socket.send('{"type":"pong"}');
				return;
			case "pong":
				return;
			case "next": {
				const result = asObject(message.payload);
				const problem = problemOf(result?.errors, this.#options.hide);
				if (problem === undefined) this.#subscriptions.get(id ?? "")?.onNext(result?.data);
				else this.#end(id, problem);
				return;
			}
			case "error": {
				const words = "CloudGrid ended the live subscription with an error";
				this.#end(id, problemOf(message.payload, this.#options.hide) ?? new SourceError("serverError", words));
				return;
			}
			case "complete":
				this.#end(id, new SourceError("ended", "CloudGrid ended the live subscription"));
				return;
			default:
				// A fault on the way, which may pass.
				this.#fail(new SourceError("serverError", `${NO_MESSAGE} (${isBinary ? "bytes" : "unknown text"})`));
		}
	}

	/** A late word on a subscription that was stopped says nothing. */
	#end(id: string | undefined, error: SourceError): void {
		const handlers = this.#subscriptions.get(id ?? "");
		this.#subscriptions.delete(id ?? "");
		handlers?.onEnd(error);
	}

	#fail(error: SourceError): void {
		const handlers = [...this.#subscriptions.values()];
		this.close();
		for (const one of handlers) one.onEnd(error);
	}

	#transportError(error: NodeJS.ErrnoException): SourceError {
		const text = clean(this.#options.hide(describeError(error)));
		// What ws itself says of frames.
		if (error.code?.startsWith("WS_ERR_")) return new SourceError("serverError", `${NO_MESSAGE} (${text})`);
		// Several addresses were tried: the error of all has a code and no words.
		const words = text === "" || text === "AggregateError" ? (error.code ?? "no connection") : text;
		return new SourceError("network", `WebSocket /graphql: ${words}`, { cause: error });
	}
}

const NO_MESSAGE = "the server sent what is no graphql-transport-ws message";

function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

interface Refusal {
	readonly statusCode?: number | undefined;
	readonly headers: { readonly "retry-after"?: string | undefined; readonly "content-type"?: string | undefined };
}

function refusalOf(response: Refusal): SourceError {
	const status = response.statusCode ?? 0;
	const askedMs = parseRetryAfterMs(response.headers["retry-after"] ?? null, Date.now()) ?? 0;
	const question = "is this the address of a CloudGrid server?";
	if (status < 400 || status === 426) {
		const got = clean(response.headers["content-type"]?.split(";")[0] ?? `HTTP ${status}`).slice(0, 80);
		return new SourceError("contentType", `WebSocket /graphql: expected a WebSocket, got ${got}; ${question}`);
	}
	const isRefused = status === 429 || status >= 500 || status === 401 || status === 403;
	return new SourceError(
		reasonOfStatus(status),
		`WebSocket /graphql: HTTP ${status}${isRefused ? "" : `; ${question}`}`,
		askedMs > 0 ? { retryAfterSeconds: askedMs / 1000 } : undefined,
	);
}

/** Close codes of WebSocket (RFC 6455, section 7.4.1) and of graphql-transport-ws. */
function closeError(code: number, reason: string): SourceError {
	const said = `${code}${reason === "" ? "" : `, ${reason}`}`;
	switch (code) {
		case 4400:
			return new SourceError("protocol", `the server did not understand this client (closed with ${said})`);
		case 4401:
			return new SourceError(
				"unauthorized",
				`the server asks for a token, or does not accept the one that is set (closed with ${said})`,
			);
		case 4403:
			return new SourceError("forbidden", `the server does not let this token in (closed with ${said})`);
		case 4429:
			return new SourceError("rateLimited", `the server closed the connection with ${said}`);
		case 1005:
		case 1006:
			return new SourceError("network", "the connection broke off");
		default:
			return new SourceError(code === 1011 ? "serverError" : "ended", `the server closed the connection with ${said}`);
	}
}
