import { readFile } from "node:fs/promises";
import WebSocket, { type RawData } from "ws";
import { describeError } from "../../base/logger.ts";
import { parseRetryAfterMs } from "../../stream/backoff.ts";
import { SourceError } from "../source.ts";
import { decodeEvent, type TracellmEvent } from "./decode.ts";

/** Longest frame that is read: a document with long texts; what is larger comes by REST, or not at all. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** The server welcomes right after the handshake; the reference gives it this long. */
const WELCOME_MS = 2000;
const MAX_PING_MS = 5000;

export interface LiveSocketOptions {
	/** Address of `/ws`. */
	readonly url: URL;
	readonly headers: Readonly<Record<string, string>>;
	/** PEM file with further certificate authorities. */
	readonly caFile: string | undefined;
	/** Longest time until the upgrade is answered. */
	readonly handshakeMs: number;
	/** Longest silence that still counts as live: a ping goes out several times in it. */
	readonly watchdogMs: number;
	/** Any frame, whatever it says. */
	readonly onFrame: () => void;
	/** What a frame says; undefined for one that says nothing we can use. */
	readonly onEvent: (event: TracellmEvent | undefined) => void;
	readonly signal: AbortSignal;
}

/** A connection whose other side has proved to be a TraceLLM. It ends with the signal that it was opened with. */
export interface LiveSocket {
	/** Never resolves; rejects with a `SourceError` when the connection ends. */
	readonly ended: Promise<never>;
}

/**
 * Opens the WebSocket and waits until the other side has proved what it is: by its welcome, by a pong, or by a trace, in
 * whatever order and with whatever between them. Rejects with a `SourceError`.
 *
 * The package `ws` and not the global WebSocket: VS Code patches Node's `http` and `https` for proxies and certificates, and
 * those are what `ws` connects through.
 */
export async function openLiveSocket(options: LiveSocketOptions): Promise<LiveSocket> {
	const { url, headers, caFile, handshakeMs, watchdogMs, signal } = options;
	const label = `WebSocket ${url.origin}${url.pathname}`;
	const ca = caFile === undefined ? undefined : await readCa(caFile);
	signal.throwIfAborted();
	const socket = new WebSocket(url, {
		headers,
		ca,
		handshakeTimeout: handshakeMs,
		maxPayload: MAX_FRAME_BYTES,
		perMessageDeflate: false,
		followRedirects: false,
	});
	let fail: (error: SourceError) => void = () => undefined;
	const ended = new Promise<never>((_, reject) => {
		fail = reject;
	});
	// A failure before anybody waits is told by `opened` below.
	ended.catch(() => undefined);
	const ping = () => socket.send('{"type":"ping"}');
	let pingTimer: ReturnType<typeof setInterval> | undefined;
	let welcomeTimer: ReturnType<typeof setTimeout> | undefined;
	const stop = () => {
		clearInterval(pingTimer);
		clearTimeout(welcomeTimer);
		signal.removeEventListener("abort", abort);
	};
	const abort = () => {
		stop();
		fail(new SourceError("disconnected", `${label}: given up`));
		// Without a goodbye: a half-open connection would keep its socket for another 30 s.
		socket.terminate();
	};
	signal.addEventListener("abort", abort, { once: true });
	socket.on("unexpected-response", (_request, response) => {
		fail(errorOfStatus(label, response.statusCode ?? 0, response.headers["retry-after"]));
		response.destroy();
		socket.terminate();
	});
	socket.on("error", (error) => fail(errorOf(label, error)));
	socket.on("close", (code) => {
		stop();
		const isProper = code === 1000 || code === 1001 || code === 1005;
		fail(new SourceError(isProper ? "ended" : "network", `${label}: ${closeWords(code)}`));
	});
	const proved = new Promise<void>((resolve) => {
		socket.on("open", () => {
			welcomeTimer = setTimeout(() => {
				fail(new SourceError("protocol", `${label}: no welcome; is this the address of a TraceLLM server?`));
				socket.terminate();
			}, WELCOME_MS);
			// Its pong proves the other side as well as a welcome that was lost.
			ping();
			pingTimer = setInterval(ping, Math.min(MAX_PING_MS, watchdogMs / 3));
		});
		socket.on("message", (data) => {
			if (signal.aborted) return;
			options.onFrame();
			const event = decodeEvent(textOf(data));
			if (event !== undefined && event.type !== "unknown") {
				clearTimeout(welcomeTimer);
				resolve();
			}
			options.onEvent(event);
		});
	});
	await Promise.race([proved, ended]);
	return { ended };
}

async function readCa(caFile: string): Promise<Buffer> {
	try {
		return await readFile(caFile);
	} catch (error) {
		throw new SourceError("protocol", `cannot read the CA file ${caFile} (${describeError(error)})`, { cause: error });
	}
}

function textOf(data: RawData): string {
	return Array.isArray(data) ? Buffer.concat(data).toString("utf8") : Buffer.from(data as Buffer).toString("utf8");
}

function errorOf(label: string, error: Error): SourceError {
	const code = "code" in error && typeof error.code === "string" ? error.code : "";
	if (/handshake has timed out/i.test(error.message)) {
		return new SourceError("timeout", `${label}: the handshake was not answered in time`, { cause: error });
	}
	// `ws` numbers what the other side did wrong: too large a frame, text that is no UTF-8.
	const words = code.startsWith("WS_ERR_") ? `a frame that cannot be read, ${error.message}` : describeError(error);
	return new SourceError("network", `${label}: ${words || code}`, { cause: error });
}

function errorOfStatus(label: string, status: number, retryAfter: string | undefined): SourceError {
	const waitMs = parseRetryAfterMs(retryAfter ?? null, Date.now()) ?? 0;
	const wait = waitMs > 0 ? { retryAfterSeconds: waitMs / 1000 } : undefined;
	const words =
		status === 404
			? "HTTP 404, it may run without a WebSocket library"
			: status < 400
				? `HTTP ${status}; is this the address of a TraceLLM server?`
				: `HTTP ${status}`;
	return new SourceError(reasonOf(status), `${label}: ${words}`, wait);
}

function reasonOf(status: number): SourceError["reason"] {
	if (status === 401) return "unauthorized";
	if (status === 403) return "forbidden";
	if (status === 429) return "rateLimited";
	if (status >= 500) return "serverError";
	if (status < 400) return "contentType";
	return status === 404 ? "notFound" : "protocol";
}

function closeWords(code: number): string {
	if (code === 1006) return "the connection broke";
	return code === 1005 ? "closed by the server" : `closed by the server with code ${code}`;
}
