import { describeError, type Logger } from "../base/logger.ts";
import type { OtlpError } from "../otlp/otlpError.ts";

/** Why the server could not start. */
export type ServerErrorReason =
	| "portTaken"
	| "listenFailed"
	| "hostNeedsToken"
	| "foreignDatabase"
	| "newerDatabase"
	| "corruptDatabase"
	| "unusableDatabase";

/** An error of the mini-server outside a request. The message is one line that says what, where and what to do. */
export class ServerError extends Error {
	readonly reason: ServerErrorReason;
	/** The port of `portTaken` and `listenFailed`. */
	readonly port: number | undefined;
	constructor(reason: ServerErrorReason, message: string, options?: ErrorOptions & { readonly port?: number }) {
		super(message, options);
		this.name = "ServerError";
		this.reason = reason;
		this.port = options?.port;
	}
}

/** Codes of error answers under `/api`: `{"error":"…","code":"…"}`. */
export type HttpErrorCode =
	| "invalid_request"
	| "invalid_json"
	| "invalid_body"
	| "invalid_query"
	| "invalid_cursor"
	| "invalid_id"
	| "unsupported_media_type"
	| "body_too_large"
	| "body_incomplete"
	| "request_timeout"
	| "overloaded"
	| "host_refused"
	| "origin_refused"
	| "unauthorized"
	| "not_found"
	| "method_not_allowed"
	| "conflict"
	| "already_ended"
	| "storage_failed"
	| "shutting_down"
	| "internal_error";

/** Ends a request with this status and an error body. The message names the field or part that is wrong. */
export class HttpError extends Error {
	readonly status: number;
	readonly code: HttpErrorCode;
	readonly headers: Readonly<Record<string, string>>;
	constructor(status: number, code: HttpErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
		super(message);
		this.name = "HttpError";
		this.status = status;
		this.code = code;
		this.headers = headers;
	}
}

/** The answer to a request that is no OTLP, or too much of it. */
export function httpErrorOfOtlp({ reason, message }: OtlpError): HttpError {
	return reason === "tooLarge"
		? new HttpError(413, "body_too_large", message)
		: new HttpError(400, "invalid_body", message);
}

/** The answer to what a route threw; the log gets what the client must not see. */
export function httpErrorOf(error: unknown, logger: Logger): HttpError {
	if (error instanceof HttpError) return error;
	logger.error(`a request failed: ${describeError(error)}`);
	// What went wrong inside may quote data; the log has it, the client gets the kind.
	const { code } = error as { readonly code?: unknown };
	if (code !== "ERR_SQLITE_ERROR") return new HttpError(500, "internal_error", "internal error");
	const message = isDiskFull(error)
		? "the disk that holds the data is full; nothing of this request was kept: make room and send it again"
		: "the data could not be read or written; see the log of the server";
	return new HttpError(507, "storage_failed", message);
}

/** Result code SQLITE_FULL (https://sqlite.org/rescode.html#full). */
const SQLITE_FULL = 13;

/** Whether SQLite could not write because the disk, or the bound of the file, has no room. */
export function isDiskFull(error: unknown): boolean {
	return (error as { readonly errcode?: unknown } | null)?.errcode === SQLITE_FULL;
}
