import { describeError, type Logger } from "../base/logger.ts";

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

/** The answer to what a route threw; the log gets what the client must not see. */
export function httpErrorOf(error: unknown, logger: Logger): HttpError {
	if (error instanceof HttpError) return error;
	const isStorage = (error as { readonly code?: unknown }).code === "ERR_SQLITE_ERROR";
	const answer: HttpErrorCode = isStorage ? "storage_failed" : "internal_error";
	logger.error(`a request failed: ${describeError(error)}`);
	// What went wrong inside may quote data; the log has it, the client gets the kind.
	const message = isStorage ? "the data could not be read or written; see the log of the server" : "internal error";
	return new HttpError(isStorage ? 507 : 500, answer, message);
}
