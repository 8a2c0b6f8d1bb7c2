import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from "node:zlib";
import { HttpError } from "../errors.ts";

/** Largest request body, as sent and once more after decompression. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Most bytes of bodies that are in memory at once, of all requests of this process. */
const MAX_BUFFERED_BYTES = 256 * 1024 * 1024;

/** A body that has got nothing for so long gives its place to others when places are short. */
const STALLED_MS = 5000;

/** Bodies that are decompressed at the same time: each may grow to the bound of a body before that is known. */
const MAX_DECODING = 4;

/**
 * Bodies up to so many times the bound are read to their end and thrown away before they are refused: many clients look at no
 * answer before they have sent everything, and an early one breaks their connection instead.
 */
const MAX_DISCARDED = 8;

const FIRST_BYTES = 64 * 1024;

const decoders = {
	gzip: promisify(gunzip),
	"x-gzip": promisify(gunzip),
	deflate: (body: Buffer, options: ZlibOptions) =>
		hasZlibHeader(body) ? promisify(inflate)(body, options) : promisify(inflateRaw)(body, options),
	br: promisify(brotliDecompress),
} as const;

/** "deflate" means zlib's format (RFC 9110, 8.4.1.2); some send bare deflate data all the same, whose first bytes differ (RFC 1950). */
function hasZlibHeader(body: Buffer): boolean {
	return body.length >= 2 && (body[0] & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}

function isDecoder(name: string): name is keyof typeof decoders {
	return Object.hasOwn(decoders, name);
}

export interface BodyLimits {
	/** Of one body, before and after decompression. */
	readonly maxBytes: number;
	/** Of all bodies together that did not come in one piece. */
	readonly maxBufferedBytes: number;
	readonly stalledMs: number;
}

/** What one request holds. */
interface Held {
	bytes: number;
	/** `performance.now()` of its newest bytes. */
	lastAtMs: number;
	/** Ends a body that is still on its way; undefined once it is complete. */
	refuse: ((error: HttpError) => void) | undefined;
}

/**
 * Reads request bodies, and knows how much of them is in memory: a thousand bodies of 32 MiB that are sent by halves must not
 * take 32 GB. Bodies that come in one piece, as those of spans do, are not counted: they are gone in the same turn.
 */
export class BodyReader {
	readonly #limits: BodyLimits;
	readonly #held = new Map<IncomingMessage, Held>();
	readonly #waiting: (() => void)[] = [];
	#bufferedBytes = 0;
	#decoding = 0;

	constructor(limits: Partial<BodyLimits> = {}) {
		this.#limits = {
			maxBytes: MAX_BODY_BYTES,
			maxBufferedBytes: MAX_BUFFERED_BYTES,
			stalledMs: STALLED_MS,
			...limits,
		};
	}

	/** Bytes that are counted now. */
	get bufferedBytes(): number {
		return this.#bufferedBytes;
	}

	/**
	 * The whole body of a request, decompressed (gzip, deflate, br), or an error. Whoever reads calls `release` when the request
	 * has been dealt with.
	 *
	 * @throws HttpError 413 above the bound of a body, 503 above the one of all bodies, 408 for one that stands still then, 415
	 * for another encoding, 400 for a body that ends early or is damaged.
	 */
	read(request: IncomingMessage): Promise<Buffer> {
		const header = request.headers["content-encoding"];
		return header === undefined ? this.#collect(request) : this.#readEncoded(request, header.trim().toLowerCase());
	}

	/** Counts a request's body no longer. */
	release(request: IncomingMessage): void {
		if (this.#held.size === 0) return;
		const held = this.#held.get(request);
		if (held === undefined) return;
		this.#held.delete(request);
		this.#bufferedBytes -= held.bytes;
	}

	async #readEncoded(request: IncomingMessage, encoding: string): Promise<Buffer> {
		if (encoding === "" || encoding === "identity") return await this.#collect(request);
		if (!isDecoder(encoding)) {
			throw new HttpError(
				415,
				"unsupported_media_type",
				"header Content-Encoding: must be gzip, deflate, br or identity",
			);
		}
		const body = await this.#collect(request);
		if (body.length === 0) return body;
		if (this.#decoding >= MAX_DECODING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
		this.#decoding++;
		try {
			const { maxBytes } = this.#limits;
			// In a thread of zlib's pool: inflating megabytes would hold up everybody else.
			const decoded = await decoders[encoding](body, { maxOutputLength: maxBytes });
			if (!this.#take(request, decoded.length, undefined)) throw tooMany();
			return decoded;
		} catch (error) {
			if (error instanceof HttpError) throw error;
			if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(this.#limits.maxBytes);
			throw new HttpError(400, "body_incomplete", `body: is no complete ${encoding} data`);
		} finally {
			this.#decoding--;
			this.#waiting.shift()?.();
		}
	}

	#collect(request: IncomingMessage): Promise<Buffer> {
		return new Promise((resolve, reject) => {
			const { maxBytes } = this.#limits;
			let whole: Buffer | undefined;
			let bytes = 0;
			let refusal: HttpError | undefined;
			const refuse = (error: HttpError) => {
				refusal = error;
				whole = undefined;
				this.release(request);
			};
			// The listeners end with the request.
			request.on("data", (chunk: Buffer) => {
				const before = bytes;
				bytes += chunk.length;
				if (refusal !== undefined) {
					if (bytes > maxBytes * MAX_DISCARDED) reject(refusal);
					return;
				}
				if (bytes > maxBytes) return refuse(tooLarge(maxBytes));
				if (before === 0) {
					whole = chunk;
					return;
				}
				// Copied, not collected: a body sent in pieces of one byte would make an object of each.
				const room = this.#roomFor(request, whole as Buffer, before, bytes, (error) => {
					refuse(error);
					reject(error);
				});
				if (room === undefined) return refuse(tooMany());
				whole = room;
				chunk.copy(whole, before);
			});
			request.on("end", () => {
				if (refusal !== undefined) return reject(refusal);
				const held = this.#held.get(request);
				if (held !== undefined) held.refuse = undefined;
				resolve(whole === undefined ? EMPTY : whole.length === bytes ? whole : whole.subarray(0, bytes));
			});
			request.on("close", () => {
				if (request.readableEnded) return;
				this.release(request);
				reject(new HttpError(400, "body_incomplete", "body: ended before it was complete"));
			});
		});
	}

	/** `current`, or its first `used` bytes in a larger buffer; undefined when memory is short. */
	#roomFor(
		request: IncomingMessage,
		current: Buffer,
		used: number,
		needed: number,
		refuse: (error: HttpError) => void,
	): Buffer | undefined {
		const held = this.#held.get(request);
		// The first piece is a part of what the socket was read into.
		if (held !== undefined && needed <= current.length) {
			held.lastAtMs = performance.now();
			return current;
		}
		const size = Math.min(this.#limits.maxBytes, Math.max(FIRST_BYTES, 2 * needed));
		if (!this.#take(request, size - (held?.bytes ?? 0), refuse)) return undefined;
		const larger = Buffer.allocUnsafeSlow(size);
		current.copy(larger, 0, 0, used);
		return larger;
	}

	#take(request: IncomingMessage, bytes: number, refuse: Held["refuse"]): boolean {
		const lastAtMs = performance.now();
		if (this.#bufferedBytes + bytes > this.#limits.maxBufferedBytes) this.#refuseStalled(request, lastAtMs);
		if (this.#bufferedBytes + bytes > this.#limits.maxBufferedBytes) return false;
		this.#bufferedBytes += bytes;
		const held = this.#held.get(request);
		if (held === undefined) {
			this.#held.set(request, { bytes, lastAtMs, refuse });
		} else {
			held.bytes += bytes;
			held.lastAtMs = lastAtMs;
		}
		return true;
	}

	#refuseStalled(taker: IncomingMessage, nowMs: number): void {
		for (const [request, held] of this.#held) {
			if (request === taker || held.refuse === undefined || nowMs - held.lastAtMs < this.#limits.stalledMs) continue;
			held.refuse(
				new HttpError(408, "request_timeout", "body: nothing more of it came in time; send it again", {
					Connection: "close",
				}),
			);
		}
	}
}

const EMPTY = Buffer.alloc(0);

/** The memory of bodies is the process's. */
const bodies = new BodyReader();

/** As `BodyReader.read`, with the bounds of the process. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
	return bodies.read(request);
}

/** As `BodyReader.release`; the listener calls it at the end of every request. */
export function releaseBody(request: IncomingMessage): void {
	bodies.release(request);
}

function tooLarge(maxBytes: number): HttpError {
	return new HttpError(413, "body_too_large", `body: is larger than ${maxBytes / 1024 / 1024} MiB`);
}

function tooMany(): HttpError {
	return new HttpError(503, "overloaded", "body: too many large bodies arrive at once; send it again", {
		"Retry-After": "1",
	});
}
