import { SourceError } from "../source.ts";

/** Ports at which a TraceLLM or its dashboard often is, in the order in which `tracellm monitor` tries them. */
const COMMON_PORTS = [8000, 8001, 8080, 3000] as const;

/** One place where the server may be. */
export interface Candidate {
	/** Base address without a slash at its end. */
	readonly base: string;
	/** False for the place that was configured: only that one is ever given the token. */
	readonly isGuess: boolean;
}

/**
 * The configured place, then the same host at the common ports. Behind a path, another port is something else; and with a
 * token, a program at another port of a shared machine is not to be trusted with the traces' reader.
 */
export function candidatesOf(url: string, hasToken: boolean): readonly Candidate[] {
	const configured = URL.parse(url);
	if (configured === null) return [{ base: url, isGuess: false }];
	const path = configured.pathname.replace(/\/+$/, "");
	const hint: Candidate = { base: `${configured.origin}${path}`, isGuess: false };
	if (path !== "" || configured.protocol !== "http:" || hasToken) return [hint];
	const guesses = COMMON_PORTS.map((port) => {
		const guess = new URL(configured.origin);
		guess.port = String(port);
		return { base: guess.origin, isGuess: true };
	});
	return [hint, ...guesses.filter(({ base }) => base !== hint.base)];
}

/** The WebSocket of a base address. */
export function socketUrl(base: string): URL {
	const url = new URL(`${base}/ws`);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	return url;
}

/** Of several failures the one that a user can do most about: what the configured place said, unless nobody was there at all. */
export function tellingError(
	errors: readonly { readonly candidate: Candidate; readonly error: SourceError }[],
): SourceError {
	const [hint] = errors;
	if (hint === undefined) return new SourceError("network", "no address was tried");
	if (hint.error.reason !== "network" || errors.length === 1) return hint.error;
	const ports = errors.slice(1).map(({ candidate }) => new URL(candidate.base).port);
	return new SourceError("network", `${hint.error.message}; nor is a TraceLLM at port ${ports.join(", ")}`, {
		cause: hint.error.cause,
	});
}
