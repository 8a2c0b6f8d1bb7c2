import type { ResetMessage } from "../../protocol/events.ts";
import type { LoggedEvent } from "../storage/eventLog.ts";

/** Which events a client asked for: only span events whose span has this kind (type or inner word) and model; all others pass. */
export class EventFilter {
	/** The same for filters that let the same events pass; undefined lets all of them pass. */
	readonly key: string | undefined;
	readonly #kind: string | undefined;
	readonly #model: string | undefined;

	constructor(kind: string | undefined, model: string | undefined) {
		this.#kind = kind;
		this.#model = model;
		this.key = kind === undefined && model === undefined ? undefined : JSON.stringify([kind ?? null, model ?? null]);
	}

	accepts(facets: string | null): boolean {
		if (facets === null) return true;
		const [type, name, model] = facets.split("\n");
		if (this.#kind !== undefined && this.#kind !== type && this.#kind !== name) return false;
		return this.#model === undefined || this.#model === model;
	}
}

/** Events one after the other as frames of the stream, encoded once for all clients. */
export class Frames {
	readonly firstId: number;
	readonly lastId: number;
	readonly #facets: readonly (string | null)[];
	/** End of each frame in `#bytes`. */
	readonly #ends: readonly number[];
	readonly #bytes: Buffer;
	/** What filters let pass, once for all clients with the same one. */
	#filtered: Map<string, Buffer> | undefined;

	/** `events` are one or more, without a hole in their ids. */
	constructor(events: readonly LoggedEvent[]) {
		this.firstId = events[0].id;
		this.lastId = events[events.length - 1].id;
		this.#facets = events.map((event) => event.facets);
		const heads = events.map((event) => `id: ${event.id}\ndata: `);
		const ends: number[] = [];
		let size = 0;
		for (let index = 0; index < events.length; index++) {
			size += heads[index].length + Buffer.byteLength(events[index].data) + FRAME_END.length;
			ends.push(size);
		}
		// Frame by frame: one character beyond Latin-1 makes a joined text twice as wide, and writing it half as fast.
		const bytes = Buffer.allocUnsafe(size);
		let at = 0;
		for (let index = 0; index < events.length; index++) {
			at += bytes.write(heads[index], at, "latin1");
			at += bytes.write(events[index].data, at);
			at += bytes.write(FRAME_END, at, "latin1");
		}
		this.#ends = ends;
		this.#bytes = bytes;
	}

	/** Bytes of all frames. */
	get size(): number {
		return this.#bytes.length;
	}

	/** The frames behind event `cursor` that pass the filter; the same buffer for everybody who has none of them yet. */
	after(cursor: number, filter: EventFilter): Buffer {
		const from = Math.max(0, cursor + 1 - this.firstId);
		if (filter.key === undefined) return from === 0 ? this.#bytes : this.#bytes.subarray(this.#ends[from - 1]);
		if (from > 0) return this.#pick(from, filter);
		this.#filtered ??= new Map();
		let bytes = this.#filtered.get(filter.key);
		if (bytes === undefined) {
			bytes = this.#pick(0, filter);
			this.#filtered.set(filter.key, bytes);
		}
		return bytes;
	}

	#pick(from: number, filter: EventFilter): Buffer {
		const parts: Buffer[] = [];
		for (let index = from; index < this.#ends.length; index++) {
			if (!filter.accepts(this.#facets[index])) continue;
			parts.push(this.#bytes.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]));
		}
		return parts.length === 1 ? parts[0] : Buffer.concat(parts);
	}
}

const FRAME_END = "\n\n";

/** Characters of events that are encoded together, behind the first one. */
const MAX_FRAMES_CHARS = 256 * 1024;

/**
 * Frames of events in pieces that can be written, and let go, one by one. Where ids have a hole a new piece begins: what was
 * committed while nobody listened, or was never said to be on the disk, is not among what is told.
 */
export function framesOf(events: readonly LoggedEvent[]): Frames[] {
	const pieces: Frames[] = [];
	let from = 0;
	let chars = 0;
	for (let index = 0; index < events.length; index++) {
		chars += events[index].data.length;
		if (chars < MAX_FRAMES_CHARS && events[index + 1]?.id === events[index].id + 1) continue;
		pieces.push(new Frames(from === 0 && index === events.length - 1 ? events : events.slice(from, index + 1)));
		from = index + 1;
		chars = 0;
	}
	return pieces;
}

/** Tells a client that its position cannot be served. */
export function resetFrame(reason: ResetMessage["reason"], latest: number): string {
	const message: ResetMessage = { type: "reset", reason, latest };
	// Without an id: the client keeps its position until an event moves it.
	return `data: ${JSON.stringify(message)}\n\n`;
}
