import type { ServerResponse } from "node:http";
import type { EventFilter, Frames } from "./eventFrames.ts";

/** A place in the chain of what is sent live. Frames are filled in when they come, and the next place with them. */
export interface Link {
	frames: Frames | undefined;
	/** Bytes of all frames before this place since the hub began. */
	readonly offset: number;
	next: Link | undefined;
}

/** How long a client that was told to go may take to read what is on its way. */
const END_DEADLINE_MS = 10_000;

/** Beats in which a client has taken nothing until its connection counts as dead: two minutes by default. */
const MAX_BLOCKED_BEATS = 16;

/** One connection of the stream. */
export class EventClient {
	readonly filter: EventFilter;
	/** Id of the newest event that was written or filtered out. */
	cursor: number;
	/** The next place to send; undefined while the client reads from the log. */
	place: Link | undefined;
	/** It waits for its next turn. */
	isQueued = false;
	isBlocked = false;
	isEnded = false;
	/** Called when more can be written. */
	onReady: () => void = () => {};
	readonly #response: ServerResponse;
	#endTimer: NodeJS.Timeout | undefined;
	#isSilent = false;
	#blockedBeats = 0;

	constructor(response: ServerResponse, filter: EventFilter, cursor: number) {
		this.#response = response;
		this.filter = filter;
		this.cursor = cursor;
		response.on("drain", () => {
			this.isBlocked = false;
			this.#blockedBeats = 0;
			this.onReady();
		});
	}

	write(bytes: string | Buffer): void {
		if (this.isEnded || bytes.length === 0) return;
		// False means: wait for "drain".
		if (!this.#response.write(bytes)) this.isBlocked = true;
		this.#isSilent = false;
	}

	/** Called twice in the longest silence that is allowed. */
	beat(): void {
		if (this.isEnded) return;
		if (this.isBlocked) {
			if (++this.#blockedBeats >= MAX_BLOCKED_BEATS) this.#response.destroy();
			return;
		}
		if (this.#isSilent) this.write(": heartbeat\n\n");
		else this.#isSilent = true;
	}

	end(comment: string): void {
		if (this.isEnded) return;
		this.isEnded = true;
		this.place = undefined;
		this.#response.end(comment);
		this.#endTimer = setTimeout(() => this.#response.destroy(), END_DEADLINE_MS);
		this.#endTimer.unref();
	}

	/** Called when the connection is closed. */
	dispose(): void {
		this.isEnded = true;
		this.place = undefined;
		clearTimeout(this.#endTimer);
	}
}
