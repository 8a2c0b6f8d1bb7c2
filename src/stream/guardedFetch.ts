import { describeError } from "../base/logger.ts";

/** What a server may be told. `secretHeaders` go to the first origin only. */
export interface GuardedRequest {
	readonly method?: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly secretHeaders: Readonly<Record<string, string>>;
	/** Goes to the first origin only, too. */
	readonly body?: Uint8Array<ArrayBuffer> | undefined;
	readonly signal: AbortSignal;
}

export interface GuardedResponse {
	readonly response: Response;
	/** Where the answer came from. */
	readonly url: URL;
	/** True when redirects led to another origin, which was not given the secret headers. */
	readonly isForeign: boolean;
}

const MAX_REDIRECTS = 5;

/**
 * `fetch` that follows redirects itself, at most five, so that headers with a token never reach another origin (scheme, host
 * and port). Methods other than GET follow only 307 and 308. Throws `TypeError` for a redirect that cannot be followed; no
 * message holds a query string.
 */
export async function guardedFetch(
	fetch: typeof globalThis.fetch,
	url: URL,
	request: GuardedRequest,
): Promise<GuardedResponse> {
	const method = request.method ?? "GET";
	let at = url;
	let isForeign = false;
	for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
		const response = await fetch(at.href, {
			method,
			headers: isForeign ? { ...request.headers } : { ...request.headers, ...request.secretHeaders },
			body: request.body,
			redirect: "manual",
			cache: "no-store",
			signal: request.signal,
		});
		const isRedirect =
			response.status === 307 || response.status === 308 || (method === "GET" && isGetRedirect(response));
		if (!isRedirect) return { response, url: at, isForeign };
		discardBody(response);
		const location = response.headers.get("location");
		if (location === null || !URL.canParse(location, at)) {
			throw new TypeError(`HTTP ${response.status} from ${at.origin}${at.pathname} without a usable Location`);
		}
		at = new URL(location, at);
		if (at.protocol !== "http:" && at.protocol !== "https:") {
			throw new TypeError(`HTTP ${response.status} redirects to ${at.protocol}, which is not followed`);
		}
		// Once away, always away: a foreign server that redirects back could have written any path and query.
		isForeign ||= at.origin !== url.origin;
		if (isForeign && request.body !== undefined) {
			throw new TypeError(`HTTP ${response.status} redirects to ${at.origin}, which gets no data; use its address`);
		}
	}
	throw new TypeError(`more than ${MAX_REDIRECTS} redirects from ${url.origin}${url.pathname}`);
}

/** Why nothing came, or no more. `fetch` says "fetch failed" and "terminated"; its cause has the system's words. */
export function describeNetworkError(error: unknown): string {
	if (!(error instanceof Error)) return describeError(error);
	if (error.message === "terminated") return "the connection broke off";
	const text = describeError(error);
	const code = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException).code : undefined;
	return code === undefined || text.includes(code) ? text : `${text} [${code}]`;
}

function isGetRedirect(response: Response): boolean {
	return response.status === 301 || response.status === 302 || response.status === 303;
}

/** Frees the socket of a response whose body nobody reads. */
export function discardBody(response: Response): void {
	// A body that is already broken has nothing to free.
	response.body?.cancel().catch(() => undefined);
}
