import { randomFillSync } from "node:crypto";
import { monotonicFactory } from "ulid";

/**
 * Makes ULIDs: 26 characters that sort by time, and by order within the millisecond. Random bytes are drawn by the page: one by
 * one they were a twentieth of the cost of a request.
 */
export function idFactory(): () => string {
	const pool = new Uint8Array(4096);
	let at = pool.length;
	const next = monotonicFactory(() => {
		if (at === pool.length) {
			randomFillSync(pool);
			at = 0;
		}
		// A factory asks for one of 32 digits at a time, so eight random bits are enough.
		return pool[at++] / 256;
	});
	return () => next();
}
