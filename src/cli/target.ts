import { isAbortError } from "../base/abort.ts";
import { describeError } from "../base/logger.ts";
import { parseBaseUrl, printable, UsageError } from "./arguments.ts";

/** The server that the user named, by option or by environment; undefined leaves it to `defaultUrl`. */
export function givenServer(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
	if (option !== undefined) return parseBaseUrl(option, "--url");
	return env.TRACEWAY_URL ? parseBaseUrl(env.TRACEWAY_URL, "TRACEWAY_URL") : undefined;
}

/** The bearer token to send, by option or by environment. */
export function readToken(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
	const token = option ?? (env.TRACEWAY_TOKEN || undefined);
	if (token !== undefined && !/^[\x21-\x7e]{1,4096}$/.test(token)) {
		throw new UsageError("--token: must be visible ASCII characters without spaces");
	}
	return token;
}

/** Headers that carry the token. */
export function tokenHeaders(token: string | undefined): Record<string, string> {
	return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** What to do when a server does not answer. */
export function unreachable(url: string, error: unknown, timeoutMs: number): string {
	// `fetch` itself says only "fetch failed"; its cause has the system's word.
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const said = (cause as NodeJS.ErrnoException).code ?? describeError(cause);
	const why = isAbortError(error) ? `no answer within ${timeoutMs / 1000} s` : said;
	return `cannot reach ${url} (${why}); start a server with "traceway-live serve", or give its address with --url`;
}

/** What to do when a server says no to a request, as in `POST /api/traces`. */
export function refused(url: string, request: string, status: number, body: string): string {
	if (status === 401 || status === 403) {
		return `${url} refused the request (${status}); set the token with TRACEWAY_TOKEN or --token`;
	}
	return `${url} answered ${request} with ${status}: ${printable(body.trim(), 300) || "no text"}`;
}
