import type { ServerResponse } from "node:http";
import { Emitter } from "../../base/emitter.ts";
import type { Logger } from "../../base/logger.ts";
import { EVENT_LOG_HEADER, LATEST_EVENT_ID_HEADER, type ResetMessage } from "../../protocol/events.ts";
import type { EventLog, LoggedEvent } from "../storage/eventLog.ts";
import { EventClient, type Link } from "./eventClient.ts";
import { EventFilter, Frames, framesOf, resetFrame } from "./eventFrames.ts";

export interface EventHubOptions {
	/** Most events that may wait for one client that does not read. */
	readonly clientBuffer: number;
	/** The same in bytes of frames. Default 16 MB. */
	readonly clientBufferBytes?: number;
	/** Longest silence on a stream, milliseconds. */
	readonly heartbeatMs: number;
	readonly logger: Logger;
}

/** What a client asks `GET /api/events` for. */
export interface Subscription {
	/** `Last-Event-ID` or `since` as it came; undefined begins with what happens next. */
	readonly position: string | undefined;
	/** Only span events whose span has this kind (type or inner word) and model; all other events pass. */
	readonly kind: string | undefined;
	readonly model: string | undefined;
}

/** What the hub needs of the log. */
export type EventSource = Pick<EventLog, "logId" | "latestId" | "oldestId" | "isWatched" | "listener" | "after">;

/** Bytes written for one client in one turn of the event loop. */
const MAX_TURN_BYTES = 512 * 1024;

/** Time in one turn of the event loop for all clients that read the log or catch up. */
const MAX_TURN_MS = 4;

/** Events read from the log in one go. Pages end at multiples of it, so that clients who are about as far behind share them. */
const PAGE = 200;

/** Bytes of pages that are kept for other clients who read the log at the same time. */
const MAX_PAGES_BYTES = 16_000_000;

/** No timer is shorter. */
const MIN_REST_MS = 1;

/** Longest time for which live events are put together, however long sending takes. */
const MAX_REST_MS = 50;

/**
 * Sends stream events to any number of clients. What happens is encoded once, and kept only until the slowest client has
 * it or is cut: then it comes back with its last event id and reads on from the log. A client with a position first reads
 * the log, page by page at its own pace, and goes over to live events in the same turn in which it has reached the newest one,
 * so that nothing falls between and nothing comes twice.
 *
 * Live events stand in a chain of links, and each client keeps the place of its own: what all have passed is nobody's, and a
 * client that stands still costs the others nothing. Sending to a thousand clients takes some milliseconds; after that the hub
 * rests for as long as it took, and sends what happened meanwhile in one piece: half of the time is left for everything else.
 */
export class EventHub {
	readonly #log: EventSource;
	readonly #options: Required<EventHubOptions>;
	readonly #clients = new Set<EventClient>();
	readonly #onDidChangeCount = new Emitter<number>();
	readonly onDidChangeCount = this.#onDidChangeCount.event;
	/** The empty link at the end of the chain. */
	#tail: Link = { frames: undefined, offset: 0, next: undefined };
	/** Committed events that are not in the chain yet. */
	#waiting: readonly LoggedEvent[] = [];
	#sendTimer: NodeJS.Timeout | undefined;
	#restsUntilMs = 0;
	/** Clients that go on in the next turn, first come, first served. */
	#queue: EventClient[] = [];
	#isTurnDue = false;
	/** Pages of the log by the id before their first event. */
	readonly #pages = new Map<number, Frames>();
	#pagesBytes = 0;
	#beat: NodeJS.Timeout | undefined;
	#isClosed = false;

	constructor(log: EventSource, options: EventHubOptions) {
		this.#log = log;
		this.#options = { clientBufferBytes: 16_000_000, ...options };
		log.isWatched = false;
		log.listener = (events) => this.#publish(events);
	}

	get clientCount(): number {
		return this.#clients.size;
	}

	/** Answers a request with the stream; returns at once. */
	subscribe(response: ServerResponse, subscription: Subscription): void {
		const { latestId } = this.#log;
		// Without chunks, which would cut every write in three: the stream ends with its connection anyway.
		response.removeHeader("Transfer-Encoding");
		response.writeHead(200, {
			"Content-Type": "text/event-stream",
			"Cache-Control": "no-cache, no-transform",
			"X-Accel-Buffering": "no",
			"X-Content-Type-Options": "nosniff",
			Connection: "close",
			[LATEST_EVENT_ID_HEADER]: String(latestId),
			[EVENT_LOG_HEADER]: this.#log.logId,
		});
		if (this.#isClosed) {
			response.end(": the server is closing\n\n");
			return;
		}
		const start = startOf(subscription.position, latestId, this.#log.oldestId);
		const filter = new EventFilter(subscription.kind, subscription.model);
		const client = new EventClient(response, filter, start.cursor);
		// One second: a restart of the server takes about as long.
		let hello = `retry: 1000\n: connected, newest event is ${latestId}\n\n`;
		if (start.reset !== undefined) hello += resetFrame(start.reset, latestId);
		response.on("close", () => this.#leave(client));
		client.onReady = () => this.#goOnSoon(client);
		this.#clients.add(client);
		this.#log.isWatched = true;
		this.#beat ??= setInterval(() => {
			for (const one of this.#clients) one.beat();
		}, this.#options.heartbeatMs / 2);
		client.write(hello);
		this.#onDidChangeCount.fire(this.#clients.size);
		if (client.cursor === latestId) client.place = this.#tail;
		else this.#goOnSoon(client);
	}

	/** Ends every stream; clients that do not read are dropped by whoever closes their sockets. */
	close(): void {
		this.#isClosed = true;
		// What has been answered to its writers goes out, too.
		this.#send();
		for (const client of this.#clients) client.end(": the server is closing\n\n");
	}

	#leave(client: EventClient): void {
		client.dispose();
		if (!this.#clients.delete(client)) return;
		if (this.#clients.size === 0) {
			this.#log.isWatched = false;
			clearInterval(this.#beat);
			this.#beat = undefined;
			clearTimeout(this.#sendTimer);
			this.#sendTimer = undefined;
			this.#waiting = [];
		}
		this.#onDidChangeCount.fire(this.#clients.size);
	}

	#publish(events: readonly LoggedEvent[]): void {
		this.#waiting = this.#waiting.length === 0 ? events : [...this.#waiting, ...events];
		if (this.#sendTimer !== undefined) return;
		const restMs = this.#restsUntilMs - performance.now();
		if (restMs <= 0) this.#send();
		else this.#sendTimer = setTimeout(() => this.#send(), restMs);
	}

	/** Puts what waits into the chain, and sends it to everybody who is not behind. */
	#send(): void {
		clearTimeout(this.#sendTimer);
		this.#sendTimer = undefined;
		if (this.#waiting.length === 0) return;
		const startMs = performance.now();
		const pieces = framesOf(this.#waiting);
		this.#waiting = [];
		for (const frames of pieces) {
			const next: Link = { frames: undefined, offset: this.#tail.offset + frames.size, next: undefined };
			this.#tail.frames = frames;
			this.#tail.next = next;
			this.#tail = next;
		}
		for (const client of this.#clients) {
			// Who still reads the log gets there by itself.
			if (client.place === undefined) continue;
			if (!client.isBlocked) this.#sendLive(client, client.place);
			else if (this.#isTooFarBehind(client, client.place)) this.#cut(client);
		}
		const endMs = performance.now();
		const tookMs = endMs - startMs;
		if (tookMs >= MIN_REST_MS) this.#restsUntilMs = endMs + Math.min(tookMs, MAX_REST_MS);
	}

	#isTooFarBehind(client: EventClient, place: Link): boolean {
		const { clientBuffer, clientBufferBytes } = this.#options;
		return this.#log.latestId - client.cursor > clientBuffer || this.#tail.offset - place.offset > clientBufferBytes;
	}

	#cut(client: EventClient): void {
		const behind = this.#log.latestId - client.cursor;
		this.#options.logger.warn(`a client of the event stream was cut, ${behind} events behind`);
		client.end(`: cut, ${behind} events behind; reconnect with Last-Event-ID ${client.cursor}\n\n`);
	}

	/** Writes the live events that a client has not got, as far as its connection takes them and a turn allows. */
	#sendLive(client: EventClient, from: Link): void {
		let written = 0;
		let { frames, next } = from;
		while (frames !== undefined && !client.isBlocked) {
			if (written >= MAX_TURN_BYTES) {
				this.#goOnSoon(client);
				return;
			}
			if (frames.firstId > client.cursor + 1) {
				// What is between could not be synced to the disk when it was its turn. The log has it.
				client.place = undefined;
				this.#goOnSoon(client);
				return;
			}
			// Not all of them are new to a client that came while they waited.
			if (frames.lastId > client.cursor) {
				const bytes = frames.after(client.cursor, client.filter);
				client.write(bytes);
				written += bytes.length;
				client.cursor = frames.lastId;
			}
			client.place = next;
			({ frames, next } = next as Link);
		}
	}

	/**
	 * Lets a client go on in the next turn. On loopback "drain" can come before the event loop gets to anything else: a client
	 * that went on right there would starve timers and other connections.
	 */
	#goOnSoon(client: EventClient): void {
		const isUpToDate = client.place !== undefined && client.place.frames === undefined;
		if (client.isQueued || client.isEnded || isUpToDate) return;
		client.isQueued = true;
		this.#queue.push(client);
		this.#expectTurn();
	}

	#expectTurn(): void {
		if (this.#isTurnDue) return;
		this.#isTurnDue = true;
		setImmediate(() => {
			this.#isTurnDue = false;
			this.#takeTurn();
		});
	}

	#takeTurn(): void {
		const queue = this.#queue;
		this.#queue = [];
		const endMs = performance.now() + MAX_TURN_MS;
		let count = 0;
		do {
			const client = queue[count++];
			client.isQueued = false;
			if (client.isBlocked || client.isEnded) continue;
			if (client.place === undefined) this.#replay(client);
			else this.#sendLive(client, client.place);
		} while (count < queue.length && performance.now() < endMs);
		if (count < queue.length) this.#queue = [...queue.slice(count), ...this.#queue];
		if (this.#queue.length > 0) this.#expectTurn();
		else this.#forgetPages();
	}

	#replay(client: EventClient): void {
		const { latestId } = this.#log;
		if (client.cursor < latestId) {
			const page = this.#pageAfter(client.cursor);
			if (page === undefined) {
				// Retention has overtaken the reader.
				client.cursor = latestId;
				client.write(resetFrame("pruned", latestId));
			} else {
				client.write(page.after(client.cursor, client.filter));
				client.cursor = page.lastId;
			}
		}
		if (client.cursor === latestId) client.place = this.#tail;
		this.#goOnSoon(client);
	}

	/** The page of the log that begins behind an event; undefined when that has been pruned. */
	#pageAfter(id: number): Frames | undefined {
		let page = this.#pages.get(id);
		if (page === undefined) {
			const events = this.#log.after(id, PAGE - (id % PAGE));
			if (events[0]?.id !== id + 1) return undefined;
			page = new Frames(events);
			if (this.#pagesBytes > MAX_PAGES_BYTES) this.#forgetPages();
			this.#pages.set(id, page);
			this.#pagesBytes += page.size;
		}
		return page;
	}

	#forgetPages(): void {
		this.#pages.clear();
		this.#pagesBytes = 0;
	}
}

/** Where a client begins: behind which event, and whether it must be told that its position cannot be served. */
function startOf(
	position: string | undefined,
	latestId: number,
	oldestId: number,
): { readonly cursor: number; readonly reset: ResetMessage["reason"] | undefined } {
	if (position === undefined) return { cursor: latestId, reset: undefined };
	const id = /^\d{1,15}$/.test(position) ? Number(position) : Number.NaN;
	if (!(id <= latestId)) return { cursor: latestId, reset: "unknown" };
	if (id + 1 < oldestId) return { cursor: latestId, reset: "pruned" };
	return { cursor: id, reset: undefined };
}
