import type { ServerResponse } from "node:http";
import { Emitter } from "../base/emitter.ts";
import type { Logger } from "../base/logger.ts";
import { LATEST_EVENT_ID_HEADER, type ResetMessage } from "../protocol/events.ts";
import type { EventLog, LoggedEvent } from "./storage/eventLog.ts";

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

/** Events of one commit as frames, encoded once for all clients. */
interface Batch {
	readonly firstId: number;
	readonly events: readonly LoggedEvent[];
	/** End of each frame in `bytes`. */
	readonly ends: readonly number[];
	readonly bytes: Buffer;
	/** Bytes of all batches before this one since the hub began. */
	readonly offset: number;
}

/** Bytes written for one client in one turn of the event loop. */
const MAX_TURN_BYTES = 512 * 1024;

/** Events read from the log in one turn for one client. */
const REPLAY_PAGE = 200;

/** How long a client that was told to go may take to read what is on its way. */
const END_DEADLINE_MS = 10_000;

/** Silent intervals (heartbeats) in which a client has read nothing until its connection counts as dead. */
const MAX_BLOCKED_HEARTBEATS = 8;

/**
 * Sends stream events to any number of clients. What happens is encoded once, and kept only until the slowest client has
 * it or is cut: then it comes back with its last event id and reads on from the log. A client with a position first reads
 * the log, page by page at its own pace, and goes over to live events in the same turn in which a page was not full, so that
 * nothing falls between and nothing comes twice.
 */
export class EventHub {
	readonly #log: EventLog;
	readonly #options: Required<EventHubOptions>;
	readonly #clients = new Set<Client>();
	readonly #onDidChangeCount = new Emitter<number>();
	readonly onDidChangeCount = this.#onDidChangeCount.event;
	#batches: Batch[] = [];
	#totalBytes = 0;
	#isClosed = false;

	constructor(log: EventLog, options: EventHubOptions) {
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
		response.writeHead(200, {
			"Content-Type": "text/event-stream",
			"Cache-Control": "no-cache, no-transform",
			"X-Accel-Buffering": "no",
			"X-Content-Type-Options": "nosniff",
			[LATEST_EVENT_ID_HEADER]: String(latestId),
		});
		if (this.#isClosed) {
			response.end(": the server is closing\n\n");
			return;
		}
		const start = startOf(subscription.position, latestId, this.#log.oldestId);
		const client = new Client(response, subscription, start.cursor, this.#totalBytes, this.#options.heartbeatMs);
		// One second: a restart of the server takes about as long.
		let hello = `retry: 1000\n: connected, newest event is ${latestId}\n\n`;
		if (start.reset !== undefined) hello += resetFrame(start.reset, latestId);
		this.#clients.add(client);
		this.#log.isWatched = true;
		response.on("close", () => {
			client.dispose();
			if (this.#clients.delete(client)) {
				this.#log.isWatched = this.#clients.size > 0;
				this.#onDidChangeCount.fire(this.#clients.size);
			}
			this.#forget();
		});
		client.onReady = () => this.#pump(client);
		client.write(hello);
		this.#onDidChangeCount.fire(this.#clients.size);
		this.#pump(client);
	}

	/** Ends every stream; clients that do not read are dropped by whoever closes their sockets. */
	close(): void {
		this.#isClosed = true;
		for (const client of this.#clients) client.end(": the server is closing\n\n");
		this.#batches = [];
	}

	#publish(events: readonly LoggedEvent[]): void {
		if (this.#clients.size === 0) return;
		const batch = encode(events, this.#totalBytes);
		this.#totalBytes += batch.bytes.length;
		this.#batches.push(batch);
		for (const client of this.#clients) {
			// Who still reads the log gets there by itself.
			if (!client.isLive) continue;
			if (client.isBlocked && this.#isTooFarBehind(client)) this.#cut(client);
			else this.#pump(client);
		}
		this.#forget();
	}

	#isTooFarBehind(client: Client): boolean {
		const { clientBuffer, clientBufferBytes } = this.#options;
		return this.#log.latestId - client.cursor > clientBuffer || this.#totalBytes - client.offset > clientBufferBytes;
	}

	#cut(client: Client): void {
		const behind = this.#log.latestId - client.cursor;
		this.#options.logger.warn(`a client of the event stream was cut, ${behind} events behind`);
		client.end(`: cut, ${behind} events behind; reconnect with Last-Event-ID ${client.cursor}\n\n`);
	}

	/** Writes for one client what it has not got, as far as its connection takes it and a turn allows. */
	#pump(client: Client): void {
		if (client.isBlocked || client.isEnded) return;
		if (!client.isLive) this.#replay(client);
		else this.#sendLive(client);
	}

	#sendLive(client: Client): void {
		let written = 0;
		for (const batch of this.#batches) {
			const lastId = batch.firstId + batch.events.length - 1;
			if (lastId <= client.cursor) continue;
			if (written >= MAX_TURN_BYTES) {
				client.resumeSoon();
				return;
			}
			const from = Math.max(0, client.cursor + 1 - batch.firstId);
			written += client.writeFrames(batch, from);
			client.cursor = lastId;
			client.offset = batch.offset + batch.bytes.length;
			if (client.isBlocked) return;
		}
	}

	#replay(client: Client): void {
		const events = this.#log.after(client.cursor, REPLAY_PAGE);
		const nextId = events[0]?.id ?? this.#log.latestId + 1;
		if (nextId !== client.cursor + 1) {
			// Retention has overtaken the reader.
			client.cursor = this.#log.latestId;
			client.write(resetFrame("pruned", this.#log.latestId));
		} else {
			const passing = events.filter((event) => client.accepts(event.facets));
			client.cursor = events.at(-1)?.id ?? client.cursor;
			if (passing.length > 0) client.write(passing.map(frameOf).join(""));
			if (client.cursor < this.#log.latestId) {
				client.resumeSoon();
				return;
			}
		}
		client.isLive = true;
		client.offset = this.#totalBytes;
		client.resumeSoon();
	}

	/** Lets go of what every client has got. */
	#forget(): void {
		let needed = Number.POSITIVE_INFINITY;
		for (const client of this.#clients)
			if (client.isLive && !client.isEnded) needed = Math.min(needed, client.cursor + 1);
		const first = this.#batches.findIndex((batch) => batch.firstId + batch.events.length > needed);
		if (first !== 0) this.#batches = first < 0 ? [] : this.#batches.slice(first);
	}
}

/** One connection of the stream. */
class Client {
	/** Id of the newest event that was written or filtered out. */
	cursor: number;
	/** Where in the bytes of the hub it stands. */
	offset: number;
	/** False while it reads from the log. */
	isLive = false;
	isBlocked = false;
	isEnded = false;
	onReady: () => void = () => {};
	readonly #response: ServerResponse;
	readonly #kind: string | undefined;
	readonly #model: string | undefined;
	readonly #heartbeat: NodeJS.Timeout;
	#endTimer: NodeJS.Timeout | undefined;
	#isResuming = false;
	#blockedBeats = 0;

	constructor(
		response: ServerResponse,
		subscription: Subscription,
		cursor: number,
		offset: number,
		heartbeatMs: number,
	) {
		this.#response = response;
		this.#kind = subscription.kind;
		this.#model = subscription.model;
		this.cursor = cursor;
		this.offset = offset;
		this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
		response.on("drain", () => {
			this.isBlocked = false;
			this.resumeSoon();
		});
	}

	accepts(facets: string | null): boolean {
		if (facets === null || (this.#kind === undefined && this.#model === undefined)) return true;
		const [type, name, model] = facets.split("\n");
		if (this.#kind !== undefined && this.#kind !== type && this.#kind !== name) return false;
		return this.#model === undefined || this.#model === model;
	}

	/** Writes the frames of a batch from one index on that pass the filter; returns their bytes. */
	writeFrames(batch: Batch, from: number): number {
		const start = from === 0 ? 0 : batch.ends[from - 1];
		if (this.#kind === undefined && this.#model === undefined) {
			const bytes = batch.bytes.subarray(start);
			this.write(bytes);
			return bytes.length;
		}
		const parts: Buffer[] = [];
		for (let index = from; index < batch.events.length; index++) {
			if (!this.accepts(batch.events[index].facets)) continue;
			parts.push(batch.bytes.subarray(index === 0 ? 0 : batch.ends[index - 1], batch.ends[index]));
		}
		if (parts.length === 0) return 0;
		const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
		this.write(bytes);
		return bytes.length;
	}

	write(bytes: string | Buffer): void {
		if (this.isEnded) return;
		// False means: wait for "drain".
		if (!this.#response.write(bytes)) this.isBlocked = true;
		this.#heartbeat.refresh();
	}

	/**
	 * Goes on in the next turn. On loopback "drain" can come before the event loop gets to anything else: a pump that resumed
	 * right there would starve timers and other connections.
	 */
	resumeSoon(): void {
		if (this.#isResuming || this.isEnded) return;
		this.#isResuming = true;
		setImmediate(() => {
			this.#isResuming = false;
			this.onReady();
		});
	}

	end(comment: string): void {
		if (this.isEnded) return;
		this.isEnded = true;
		clearInterval(this.#heartbeat);
		this.#response.end(comment);
		this.#endTimer = setTimeout(() => this.#response.destroy(), END_DEADLINE_MS);
		this.#endTimer.unref();
	}

	dispose(): void {
		this.isEnded = true;
		clearInterval(this.#heartbeat);
		clearTimeout(this.#endTimer);
	}

	#beat(): void {
		if (!this.isBlocked) {
			this.#blockedBeats = 0;
			this.write(": heartbeat\n\n");
		} else if (++this.#blockedBeats >= MAX_BLOCKED_HEARTBEATS) {
			this.#response.destroy();
		}
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

function resetFrame(reason: ResetMessage["reason"], latest: number): string {
	const message: ResetMessage = { type: "reset", reason, latest };
	// Without an id: the client keeps its position until an event moves it.
	return `data: ${JSON.stringify(message)}\n\n`;
}

function frameOf(event: LoggedEvent): string {
	return `id: ${event.id}\ndata: ${event.data}\n\n`;
}

function encode(events: readonly LoggedEvent[], offset: number): Batch {
	const frames = events.map((event) => Buffer.from(frameOf(event)));
	const ends: number[] = [];
	let end = 0;
	for (const frame of frames) {
		end += frame.length;
		ends.push(end);
	}
	return {
		firstId: events[0].id,
		events,
		ends,
		bytes: frames.length === 1 ? frames[0] : Buffer.concat(frames),
		offset,
	};
}
