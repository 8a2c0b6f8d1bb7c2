import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { describeError, type Logger } from "../../base/logger.ts";
import { HttpError, type HttpErrorCode, ServerError } from "../errors.ts";
import type { App, NodeBindings } from "../services.ts";
import { releaseBody } from "./body.ts";
import type { Guard } from "./guard.ts";
import type { PostRoutes } from "./postRoutes.ts";
import { answerPreflight, errorBody, JSON_HEADERS, writeError } from "./respond.ts";

export interface HttpServerOptions {
	readonly app: App;
	/** Asked before the app. */
	readonly posts: PostRoutes;
	readonly guard: Guard;
	readonly logger: Logger;
	/** A request, its body included, must be here within this time, or it gets 408; milliseconds. */
	readonly requestTimeoutMs: number;
	/** Longest silence on an event stream, milliseconds. */
	readonly heartbeatMs: number;
	/** Open connections. Default 5000: an idle one costs some kilobytes, and a thousand subscribers are within the design. */
	readonly maxConnections?: number | undefined;
}

/** Idle connections are kept so long for the next request. */
const KEEP_ALIVE_MS = 65_000;

/** An answer of which nothing is taken for so long is given up: its client reads no more. Event streams have heartbeats. */
const STALLED_MS = 120_000;

/** Time for a client to take the last words on its connection. */
const LAST_WORDS_MS = 5000;

/** Time for requests under way when the server closes. */
export const DRAIN_MS = 2000;

const MAX_CONNECTIONS = 5000;

/** Connections that are refused are told of once in so long. */
const DROP_NOTICE_MS = 60_000;

/** A listener, not listening yet, that answers everything that comes as JSON, also what is no request. */
export function createHttpServer(options: HttpServerOptions): Server {
	const { requestTimeoutMs, logger } = options;
	const latest: LatestResponses = new WeakMap();
	const server = createServer(
		{
			requestTimeout: requestTimeoutMs,
			headersTimeout: requestTimeoutMs,
			keepAliveTimeout: KEEP_ALIVE_MS,
			connectionsCheckingInterval: Math.min(5000, requestTimeoutMs),
			// The guard answers a missing Host, as JSON.
			requireHostHeader: false,
			keepAlive: true,
		},
		requestListener(options, latest),
	);
	server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
	let lastNoticeMs = Number.NEGATIVE_INFINITY;
	server.on("drop", () => {
		// Makes room for the next one, if connections are only kept for later.
		server.closeIdleConnections();
		if (performance.now() - lastNoticeMs < DROP_NOTICE_MS) return;
		lastNoticeMs = performance.now();
		logger.warn(`connections are refused, ${server.maxConnections} are open`);
	});
	server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
		if (error.code !== "ECONNRESET" && socket.writable && mayAnswer(latest.get(socket), socket)) {
			answerUnreadable(error, socket);
		} else {
			socket.destroy();
		}
	});
	server.on("connect", (_: IncomingMessage, socket: Duplex) => {
		endWith(socket as Socket, rawAnswer(405, "method_not_allowed", "method CONNECT: this is no proxy"));
	});
	server.on("checkExpectation", (_: IncomingMessage, response: ServerResponse) => {
		writeError(response, new HttpError(417, "invalid_request", "header Expect: must be 100-continue"));
	});
	return server;
}

/** The newest response of each connection. */
type LatestResponses = WeakMap<Socket, ServerResponse>;

function requestListener(options: HttpServerOptions, latest: LatestResponses) {
	const { app, posts, guard, logger, heartbeatMs } = options;
	const stalledMs = Math.max(STALLED_MS, 3 * heartbeatMs);
	const fetch = async (request: Request, env: NodeBindings): Promise<Response> => {
		const response = await app.fetch(request, env);
		// To HEAD the app answers with a copy of its route's response, which has lost the mark that all has been written.
		return env.outgoing.headersSent ? RESPONSE_ALREADY_SENT : response;
	};
	const handle = getRequestListener(fetch as Parameters<typeof getRequestListener>[0], {
		errorHandler: (error) => {
			logger.error(`a request failed: ${describeError(error)}`);
			return new Response(errorBody("the request cannot be read", "internal_error"), {
				status: 400,
				headers: JSON_HEADERS,
			});
		},
	});
	// A connection that breaks while we write is the client's affair.
	const handleResponseError = (error: Error) => logger.debug(`an answer could not be sent: ${describeError(error)}`);
	return (request: IncomingMessage, response: ServerResponse): void => {
		latest.set(request.socket, response);
		try {
			if (!request.url?.startsWith("/")) {
				throw new HttpError(404, "not_found", "the request's target must be a path");
			}
			guard.check(request);
			if (answerPreflight(request, response) || posts.handle(request, response)) return;
		} catch (error) {
			if (!(error instanceof HttpError)) throw error;
			request.resume();
			writeError(response, error);
			return;
		}
		response.on("error", handleResponseError);
		response.on("close", () => releaseBody(request));
		// Not for every connection: a timer that each request moves was measured at a tenth of its cost.
		response.setTimeout(stalledMs);
		void handle(request, response);
	};
}

/**
 * Whether what cannot be read any further may be answered: only when no answer is under way, or is awaited for an earlier
 * request on the same connection, for which the client would take ours.
 */
function mayAnswer(response: ServerResponse | undefined, socket: Socket): boolean {
	if (response === undefined || response.writableFinished) return true;
	// A response gets its socket when the ones before it are finished.
	return response.socket === socket && !response.headersSent && !response.req.complete;
}

/** What Node.js could not read as HTTP still gets a JSON answer. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
	const answer =
		error.code === "HPE_HEADER_OVERFLOW"
			? rawAnswer(431, "invalid_request", "the request's headers are larger than 16 KiB")
			: error.code === "ERR_HTTP_REQUEST_TIMEOUT"
				? rawAnswer(408, "request_timeout", "the request was not complete in time")
				: rawAnswer(400, "invalid_request", "this is no HTTP request that can be read");
	endWith(socket, answer);
}

/** Ends a connection with these words, also when the client never ends its half of it. */
function endWith(socket: Socket, words: string): void {
	// The client may be gone already.
	socket.on("error", () => socket.destroy());
	socket.setTimeout(LAST_WORDS_MS, () => socket.destroy());
	socket.end(words);
}

function rawAnswer(status: number, code: HttpErrorCode, message: string): string {
	const body = errorBody(message, code);
	return (
		`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
		`Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
	);
}

/** @throws ServerError `portTaken` or `listenFailed`. */
export async function listen(server: Server, host: string, port: number): Promise<void> {
	try {
		server.listen(port, host);
		await once(server, "listening");
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		if (code === "EADDRINUSE") {
			throw new ServerError("portTaken", `port ${port} on ${host} is already in use`, { cause: error, port });
		}
		throw new ServerError("listenFailed", `cannot listen on ${host} port ${port}: ${describeError(error)}`, {
			cause: error,
			port,
		});
	}
}

/** Stops accepting, and closes what is still open after 2 s. */
export async function closeServer(server: Server): Promise<void> {
	const closed = once(server, "close");
	server.close();
	const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
	await closed;
	clearTimeout(timer);
}
