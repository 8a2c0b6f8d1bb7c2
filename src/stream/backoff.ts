/** Longest wait that a `Retry-After` header can ask for. A person can always reconnect before. */
export const MAX_RETRY_AFTER_MS = 300_000;

export interface BackoffOptions {
	/** Shortest wait. Default 500. */
	readonly minMs: number;
	/** Ceiling of the jittered wait, and of what a stream's `retry:` field can ask for. Default 30,000. */
	readonly maxMs: number;
	/** 0 … 1. */
	readonly random: () => number;
}

/**
 * Milliseconds to wait before the next attempt after `failures` (≥ 1) failures in a row: full jitter between the minimum and
 * a ceiling that doubles with each failure ("Exponential Backoff And Jitter", AWS architecture blog), and never less than
 * what the server asked for.
 */
export function backoffDelayMs(failures: number, askedMs: number, options: BackoffOptions): number {
	const { minMs, maxMs, random } = options;
	const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
	const jitteredMs = minMs + random() * Math.max(0, ceilingMs - minMs);
	return Math.max(Math.round(jitteredMs), askedMs);
}

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3: whole seconds or an HTTP date), between 0 and
 * `MAX_RETRY_AFTER_MS`. Undefined when there is none or it cannot be read.
 */
export function parseRetryAfterMs(header: string | null, nowMs: number): number | undefined {
	const text = header?.trim() ?? "";
	if (text === "") return undefined;
	if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
	// Only the form with a weekday in front: `Date.parse` reads much that is no HTTP date, such as "1.5".
	if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
	const atMs = Date.parse(text);
	return Number.isNaN(atMs) ? undefined : Math.min(Math.max(0, atMs - nowMs), MAX_RETRY_AFTER_MS);
}
