import { isAbortError } from "../base/abort.ts";
import { describeError, type Logger } from "../base/logger.ts";
import { parseRetryAfterMs } from "../stream/backoff.ts";
import { describeNetworkError, discardBody, guardedFetch } from "../stream/guardedFetch.ts";
import { SourceError } from "./source.ts";
import { asObject } from "./wire.ts";

export interface JsonClientOptions {
	/** Base address; a path of it stays, slashes at its end do not. */
	readonly url: string;
	/** For the question whether this is the right address, e.g. `a Traceway server`. */
	readonly backend: string;
	readonly fetch: typeof globalThis.fetch;
	readonly getToken: () => Promise<string | undefined>;
	/** Value of the `Authorization` header for a token. Default: `Bearer` and the token. */
	readonly authorize?: ((token: string) => string) | undefined;
	/** Sent with each request, to the address's own origin only. */
	readonly headers?: Readonly<Record<string, string>> | undefined;
	readonly logger: Logger;
	/** Longest time for one whole answer. Default 30,000. */
	readonly timeoutMs?: number | undefined;
	/** Called for each answer, for the clock. */
	readonly onAnswer?: ((headers: Headers, requestedAtMs: number, answeredAtMs: number) => void) | undefined;
}

export interface RequestOptions {
	readonly query?: Readonly<Record<string, string | number | undefined>>;
	/** Most bytes of the answer's body. Default 64 MiB. */
	readonly maxBytes?: number | undefined;
	/** In place of the client's. */
	readonly timeoutMs?: number;
	/** Reads the answer's text. Default `JSON.parse`. */
	readonly parse?: ((text: string) => unknown) | undefined;
	readonly signal: AbortSignal;
}

/** A request as it is sent; a body is JSON in UTF-8. */
export interface SentRequest extends RequestOptions {
	readonly body?: Uint8Array<ArrayBuffer> | undefined;
	/** Default `application/json`. */
	readonly accept?: string | undefined;
}

/** An answer with its size, by which callers choose the size of the next page. */
export interface JsonAnswer {
	readonly value: unknown;
	readonly bytes: number;
}

export interface BytesAnswer {
	readonly bytes: Buffer;
	/** Without parameters, in lower case; empty when none was said. */
	readonly contentType: string;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 4096;
/** Bytes that are copied in one go, some milliseconds. */
const MAX_COPY_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_TEXT = 300;
const MAX_SECRETS = 100;

/**
 * A backend's JSON over HTTP, through an injected `fetch`. Every failure is a `SourceError` in words that a user can act on,
 * without token, header or query string; only an abort by the caller's signal passes through as it is.
 */
export class JsonClient {
	readonly #options: JsonClientOptions;
	readonly #base: string;
	/** Why no request can be sent: the address is no http(s) URL. */
	readonly problem: SourceError | undefined;
	/** Token and header, kept so that a server that repeats them in an error does not bring them into a log. */
	readonly #sentSecrets = new Set<string>();

	constructor(options: JsonClientOptions) {
		this.#options = options;
		const base = readBase(options.url);
		this.problem = typeof base === "string" ? undefined : base;
		this.#base = typeof base === "string" ? base : "";
	}

	/** Address of an endpoint. Throws `problem`. */
	url(path: string, query: RequestOptions["query"] = {}): URL {
		if (this.problem !== undefined) throw this.problem;
		const url = new URL(`${this.#base}${path}`);
		for (const [key, value] of Object.entries(query)) {
			if (value !== undefined) url.searchParams.set(key, String(value));
		}
		return url;
	}

	/** Headers that only this address may see: the token's and the configured ones. Throws as `token` does. */
	async secretHeaders(): Promise<Record<string, string>> {
		const token = await this.token();
		const { headers, authorize = (text: string) => `Bearer ${text}` } = this.#options;
		if (token === undefined) return { ...headers };
		const authorization = authorize(token);
		this.#sentSecrets.add(authorization.replace(/^\S+ /, ""));
		return { ...headers, authorization };
	}

	/** Throws `SourceError` for a token that no header can carry. */
	async token(): Promise<string | undefined> {
		const token = (await this.#options.getToken())?.trim();
		if (token === undefined || token === "") return undefined;
		// fetch's own complaint about such a header would print it.
		if (!/^[\x21-\x7e]{1,8192}$/.test(token)) {
			throw new SourceError("unauthorized", "the token holds a space or a character outside ASCII; set it again");
		}
		// Tokens that are made anew for each request must not pile up; answers are about the last few.
		if (this.#sentSecrets.size > MAX_SECRETS) this.#sentSecrets.clear();
		this.#sentSecrets.add(token);
		return token;
	}

	/** GET that must answer 2xx with JSON. */
	async get(path: string, options: RequestOptions): Promise<JsonAnswer> {
		return await this.#json("GET", path, options);
	}

	/** POST of JSON that must answer 2xx with JSON. */
	async postForJson(path: string, body: unknown, options: RequestOptions): Promise<JsonAnswer> {
		return await this.#json("POST", path, { ...options, body: new TextEncoder().encode(JSON.stringify(body)) });
	}

	/** GET that must answer 2xx, of whatever type. */
	async getBytes(path: string, options: RequestOptions & { readonly accept: string }): Promise<BytesAnswer> {
		const label = `GET ${path}`;
		return await this.#run(label, options, async (signal) => {
			const response = await this.#sendOk(label, "GET", path, options, signal);
			const bytes = await readBounded(response, options.maxBytes ?? DEFAULT_MAX_BYTES, label);
			return { bytes, contentType: contentTypeOf(response) };
		});
	}

	/**
	 * GET of JSON of any size, as its bytes come. Only the beginning of the answer has a time limit. What breaks it off is a
	 * `SourceError`, too.
	 */
	async download(path: string, options: RequestOptions): Promise<AsyncIterable<Uint8Array>> {
		const label = `GET ${path}`;
		const body = await this.#run(label, options, async (signal) => {
			const response = await this.#sendOk(label, "GET", path, options, signal);
			if (!/json/i.test(response.headers.get("content-type") ?? "") || response.body === null) {
				discardBody(response);
				throw new SourceError(
					"contentType",
					`${label}: expected JSON; is this the address of ${this.#options.backend}?`,
				);
			}
			return response.body as AsyncIterable<Uint8Array>;
		});
		return wholeBody(label, body, options.signal);
	}

	/** POST of JSON that must answer 2xx; resolves with the text of the answer. */
	async post(path: string, body: Uint8Array<ArrayBuffer>, options: RequestOptions): Promise<string> {
		const label = `POST ${path}`;
		return await this.#run(label, options, async (signal) => {
			const response = await this.#sendOk(label, "POST", path, { ...options, body }, signal);
			return (await readBounded(response, options.maxBytes ?? DEFAULT_MAX_BYTES, label)).toString("utf8");
		});
	}

	/** DELETE; any 2xx is success whatever its body, and false means that the thing was already gone (404, 410). */
	async delete(path: string, options: RequestOptions): Promise<boolean> {
		const label = `DELETE ${path}`;
		return await this.#run(label, options, async (signal) => {
			const response = await this.send("DELETE", path, options, signal);
			if (response.status === 404 || response.status === 410) {
				discardBody(response);
				return false;
			}
			if (!response.ok) throw await this.errorOfStatus(label, response);
			discardBody(response);
			return true;
		});
	}

	/** One request, whatever it answers. */
	protected async send(method: string, path: string, options: SentRequest, signal: AbortSignal): Promise<Response> {
		const secretHeaders = await this.secretHeaders();
		const requestedAtMs = Date.now();
		const accept = options.accept ?? "application/json";
		const { response } = await guardedFetch(this.#options.fetch, this.url(path, options.query), {
			method,
			headers: options.body === undefined ? { accept } : { accept, "content-type": "application/json" },
			secretHeaders,
			body: options.body,
			signal,
		});
		this.#options.onAnswer?.(response.headers, requestedAtMs, Date.now());
		this.#options.logger.debug(`${method} ${path}: ${response.status} in ${Date.now() - requestedAtMs} ms`);
		return response;
	}

	async #sendOk(
		label: string,
		method: string,
		path: string,
		options: SentRequest,
		signal: AbortSignal,
	): Promise<Response> {
		const response = await this.send(method, path, options, signal);
		if (!response.ok) throw await this.errorOfStatus(label, response);
		return response;
	}

	async #json(method: string, path: string, options: SentRequest): Promise<JsonAnswer> {
		const label = `${method} ${path}`;
		return await this.#run(label, options, async (signal) => {
			const response = await this.#sendOk(label, method, path, options, signal);
			const type = contentTypeOf(response);
			if (!/^application\/(?:[\w.-]+\+)?json$/.test(type)) {
				discardBody(response);
				const got = type === "" ? "no content type" : type.slice(0, 80);
				throw new SourceError(
					"contentType",
					`${label}: expected JSON, got ${got}; is this the address of ${this.#options.backend}?`,
				);
			}
			const bytes = await readBounded(response, options.maxBytes ?? DEFAULT_MAX_BYTES, label);
			const { parse = JSON.parse } = options;
			try {
				return { value: parse(bytes.toString("utf8")) as unknown, bytes: bytes.length };
			} catch (cause) {
				throw new SourceError("protocol", `${label}: the answer of ${bytes.length} bytes is no valid JSON`, { cause });
			}
		});
	}

	/** Of an answer that is not 2xx, whose body it may read. */
	protected async errorOfStatus(label: string, response: Response): Promise<SourceError> {
		const said = await errorText(response, this.#sentSecrets);
		const message = `${label}: HTTP ${response.status}${said === "" ? "" : `, ${said}`}`;
		const header = response.headers.get("retry-after");
		// Fractions of a second are no HTTP, and clear all the same.
		const seconds = Number(header) || (parseRetryAfterMs(header, Date.now()) ?? 0) / 1000;
		return new SourceError(
			reasonOfStatus(response.status),
			message,
			seconds > 0 ? { retryAfterSeconds: seconds } : undefined,
		);
	}

	async #run<T>(label: string, options: RequestOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		options.signal.throwIfAborted();
		if (this.problem !== undefined) throw this.problem;
		const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
		const timeout = new AbortController();
		const timer = setTimeout(() => timeout.abort(), timeoutMs);
		try {
			return await work(AbortSignal.any([options.signal, timeout.signal]));
		} catch (error) {
			options.signal.throwIfAborted();
			if (error instanceof SourceError) throw error;
			if (timeout.signal.aborted || isAbortError(error)) {
				throw new SourceError("timeout", `${label}: no whole answer within ${timeoutMs / 1000} s`);
			}
			throw new SourceError("network", `${label}: ${describeNetworkError(error)}`, { cause: error });
		} finally {
			clearTimeout(timer);
		}
	}
}

/** Without parameters, in lower case. */
function contentTypeOf(response: Response): string {
	return (response.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
}

async function* wholeBody(
	label: string,
	body: AsyncIterable<Uint8Array>,
	signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
	try {
		yield* body;
	} catch (error) {
		signal.throwIfAborted();
		throw new SourceError("network", `${label}: the answer broke off (${describeError(error)}); try again`, {
			cause: error,
		});
	}
}

/** The body, which ends in `tooLarge` past `maxBytes`. `label` begins the message. */
export async function readBounded(response: Response, maxBytes: number, label: string): Promise<Buffer> {
	const tooLarge = () => {
		const limit = maxBytes < 1024 * 1024 ? `${maxBytes / 1024} KiB` : `${Math.round(maxBytes / 1024 / 1024)} MiB`;
		return new SourceError("tooLarge", `${label}: the answer has more than ${limit}`);
	};
	if (Number(response.headers.get("content-length") ?? 0) > maxBytes) {
		discardBody(response);
		throw tooLarge();
	}
	if (response.body === null) return Buffer.alloc(0);
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return bytes > MAX_COPY_BYTES ? await joinedInTurns(chunks, bytes) : Buffer.concat(chunks, bytes);
		bytes += value.length;
		if (bytes > maxBytes) {
			// The rest is not wanted; that cancelling may fail changes nothing.
			reader.cancel().catch(() => undefined);
			throw tooLarge();
		}
		chunks.push(value);
	}
}

/** As `Buffer.concat`, but no turn of the event loop copies more than a part: 200 MB at once are a tenth of a second. */
async function joinedInTurns(chunks: readonly Uint8Array[], bytes: number): Promise<Buffer> {
	const joined = Buffer.allocUnsafeSlow(bytes);
	let at = 0;
	let copied = 0;
	for (const chunk of chunks) {
		joined.set(chunk, at);
		at += chunk.length;
		copied += chunk.length;
		if (copied < MAX_COPY_BYTES) continue;
		copied = 0;
		await new Promise((resolve) => setImmediate(resolve));
	}
	return joined;
}

function readBase(text: string): string | SourceError {
	const shown = text.slice(0, 200);
	if (!URL.canParse(text)) {
		return new SourceError("protocol", `"${shown}" is not an address such as http://127.0.0.1:3000`);
	}
	const url = new URL(text);
	if (url.protocol !== "http:" && url.protocol !== "https:") {
		return new SourceError("protocol", `${url.protocol} is not supported; the address must begin with http: or https:`);
	}
	if (url.username !== "" || url.password !== "") {
		return new SourceError("protocol", "the address must not hold a user name or password; set a token instead");
	}
	return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** What a status that is not 2xx means. */
export function reasonOfStatus(status: number): SourceError["reason"] {
	switch (status) {
		case 401:
			return "unauthorized";
		case 402:
		case 403:
			return "forbidden";
		case 404:
			return "notFound";
		case 409:
			return "conflict";
		case 410:
			return "gone";
		case 413:
			return "tooLarge";
		case 429:
			return "rateLimited";
		default:
			return status >= 500 ? "serverError" : "protocol";
	}
}

/** What the server says of it: `{"error":"…"}`, or its plain text; one line. */
async function errorText(response: Response, secrets: Iterable<string>): Promise<string> {
	const type = response.headers.get("content-type") ?? "";
	let text: string;
	try {
		text = (await readBounded(response, MAX_ERROR_BYTES, "")).toString("utf8");
	} catch {
		// The status says enough; an error page of any size is not worth more.
		return "";
	}
	if (/json/i.test(type)) {
		try {
			const error = asObject(JSON.parse(text))?.error;
			if (typeof error === "string") text = error;
		} catch {
			// Not JSON after all: shown as it is.
		}
	} else if (!/^text\/plain/i.test(type)) return "";
	// Before anything is cut off: a part of a secret is one, too.
	for (const secret of secrets) text = text.replaceAll(secret, "…");
	return text
		.replace(/[\s\p{Cc}]+/gu, " ")
		.trim()
		.slice(0, MAX_ERROR_TEXT);
}
