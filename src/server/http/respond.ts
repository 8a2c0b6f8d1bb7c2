import type { IncomingMessage, ServerResponse } from "node:http";
import { EVENT_LOG_HEADER, LATEST_EVENT_ID_HEADER } from "../../protocol/events.ts";
import type { WireError } from "../../protocol/rest.ts";
import type { HttpError } from "../errors.ts";

/** Headers of every JSON answer. */
export const JSON_HEADERS: Readonly<Record<string, string>> = {
	"Content-Type": "application/json",
	"Cache-Control": "no-store",
	"X-Content-Type-Options": "nosniff",
};

/** An answer from JSON text that is at hand. */
export function jsonText(text: string, status = 200): Response {
	return new Response(text, { status, headers: JSON_HEADERS });
}

/** What a route of `PostRoutes` answers. */
export interface Answer {
	readonly status: number;
	/** JSON text, or bytes of `type`. */
	readonly body: string | Buffer;
	/** Content type; undefined is JSON. */
	readonly type?: string | undefined;
}

const [JSON_TYPE, CACHE, SNIFF] = Object.entries(JSON_HEADERS);

/** Writes an answer, in one piece where it is text. */
export function writeAnswer(response: ServerResponse, { status, body, type }: Answer): void {
	const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
	// One flat list: Node.js copies nothing then.
	response.writeHead(status, [
		JSON_TYPE[0],
		type ?? JSON_TYPE[1],
		CACHE[0],
		CACHE[1],
		SNIFF[0],
		SNIFF[1],
		"Content-Length",
		String(length),
	]);
	response.end(body);
}

/** The same for the app. */
export function answerResponse({ status, body, type }: Answer): Response {
	const headers = type === undefined ? JSON_HEADERS : { ...JSON_HEADERS, "Content-Type": type };
	return new Response(typeof body === "string" ? body : new Uint8Array(body), { status, headers });
}

export function errorBody(message: string, code: string): string {
	const body: WireError = { error: message, code };
	return JSON.stringify(body);
}

export function errorResponse(error: HttpError): Response {
	const headers = { ...JSON_HEADERS, ...error.headers };
	return new Response(errorBody(error.message, error.code), { status: error.status, headers });
}

/** The same, written straight to a connection, for requests that never reach the routes. */
export function writeError(response: ServerResponse, error: HttpError): void {
	const body = Buffer.from(errorBody(error.message, error.code));
	response.writeHead(error.status, { ...JSON_HEADERS, ...error.headers, "Content-Length": body.length });
	response.end(body);
}

const ALLOWED_METHODS = "GET, HEAD, POST, PUT, DELETE";

/**
 * Lets pages of accepted origins read answers, and answers the question that their browser asks before a request
 * (https://fetch.spec.whatwg.org/#http-cors-protocol). True when that was all there was to answer.
 */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
	const { origin } = request.headers;
	if (origin !== undefined) {
		response.setHeader("Access-Control-Allow-Origin", origin);
		response.setHeader("Access-Control-Expose-Headers", `${LATEST_EVENT_ID_HEADER}, ${EVENT_LOG_HEADER}`);
		response.setHeader("Vary", "Origin");
	}
	if (request.method !== "OPTIONS") return false;
	response.writeHead(204, {
		Allow: ALLOWED_METHODS,
		"Access-Control-Allow-Methods": ALLOWED_METHODS,
		"Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID, Cache-Control",
		"Access-Control-Max-Age": "600",
	});
	response.end();
	return true;
}

/** One page, under `items` and, when given, once more under the list's documented name. */
export function pageText(
	name: string | undefined,
	items: readonly string[],
	total: number,
	nextCursor: string | null,
): string {
	const list = items.join(",");
	const again = name === undefined ? "" : `"${name}":[${list}],`;
	const cursor = JSON.stringify(nextCursor);
	return (
		`{"items":[${list}],${again}"total":${total},"count":${total},` +
		`"next_cursor":${cursor},"cursor":${cursor},"has_more":${nextCursor !== null}}`
	);
}
