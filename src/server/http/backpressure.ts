import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Between two pieces of a long answer: waits until the client has read enough, or is gone, and lets everybody else have a turn.
 *
 * @param isFree what `write` answered for the piece before.
 */
export async function betweenPieces(response: ServerResponse, isFree: boolean): Promise<void> {
	if (!isFree && !response.destroyed) await drained(response);
	// To a client that reads fast, Node.js writes at once and says so in the same turn: waiting for it alone would be no pause.
	await nextTurn();
}

/** Resolves when more can be written, or never will be. */
function drained(response: ServerResponse): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			response.off("drain", done).off("close", done);
			resolve();
		};
		response.on("drain", done).on("close", done);
	});
}
