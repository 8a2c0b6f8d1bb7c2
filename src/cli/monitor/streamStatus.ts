import type { ConnectionState } from "../../stream/connectionState.ts";
import type { Style } from "./frame.ts";

/** The row "Stream" of the overview panel. */
export interface StreamStatus {
	readonly word: string;
	readonly style: Style;
	/** What else there is to say; empty when nothing. */
	readonly detail: string;
}

/** Longest part of an error's message that fits into the row, as in `tracellm monitor`. */
const MESSAGE_CHARS = 40;

/**
 * Follows the states of a stream and words them as `tracellm monitor` does: Unavailable before the first connection, Error
 * after a failure of a connection that stood, Disconnected when the server ended it, Reconnecting from the second failure in
 * a row. Each of them says when the next attempt is, and while it lasts the traces are polled, which the row says, too.
 */
export class StreamHistory {
	readonly #refreshMs: number;
	#state: ConnectionState = { name: "idle" };
	#hasConnected = false;
	#failuresInRow = 0;
	/** The wait that an attempt follows; what it said stays on the screen during the attempt. */
	#lastWait: Extract<ConnectionState, { name: "waiting" }> | undefined;

	constructor(refreshMs: number) {
		this.#refreshMs = refreshMs;
	}

	note(state: ConnectionState): void {
		const before = this.#state;
		this.#state = state;
		if (state.name === "open") {
			this.#hasConnected = true;
			this.#failuresInRow = 0;
			this.#lastWait = undefined;
		} else if (state.name === "waiting" && before !== state) {
			if (before.name !== "waiting" || before.retryAtMs !== state.retryAtMs) this.#failuresInRow++;
			this.#lastWait = state;
		}
	}

	/** Undefined while nothing was tried. */
	status(nowMs: number): StreamStatus | undefined {
		const state = this.#state;
		if (state.name === "open") return { word: "Connected", style: "good", detail: "" };
		if (state.name === "failed") return { word: "Error", style: "bad", detail: shorten(state.message) };
		const wait = this.#lastWait;
		if (wait === undefined) return undefined;
		const seconds = Math.ceil((wait.retryAtMs - nowMs) / 1000);
		const retry = state.name === "connecting" || seconds <= 0 ? "retrying now" : `retrying in ${seconds}s`;
		const polling = pollingText(this.#refreshMs);
		if (!this.#hasConnected) return { word: "Unavailable", style: "warning", detail: `${polling}, ${retry}` };
		if (this.#failuresInRow > 1) return { word: "Reconnecting", style: "warning", detail: `${retry}, ${polling}` };
		if (wait.reason === "ended") return { word: "Disconnected", style: "warning", detail: `${retry}, ${polling}` };
		return { word: "Error", style: "bad", detail: `${shorten(wait.message)}, ${retry}` };
	}
}

export function pollingText(refreshMs: number): string {
	return `polling every ${refreshText(refreshMs)}`;
}

/** `2.0s`, as in `tracellm monitor`; more digits only when they say something. */
export function refreshText(refreshMs: number): string {
	const seconds = refreshMs / 1000;
	return `${Number.isInteger(seconds * 10) ? seconds.toFixed(1) : seconds}s`;
}

function shorten(message: string): string {
	return message.length <= MESSAGE_CHARS ? message : `${message.slice(0, MESSAGE_CHARS - 1)}…`;
}
