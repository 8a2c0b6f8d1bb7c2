import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { HttpError } from "./errors.ts";

/** Largest request body, as sent and once more after decompression. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

const decoders = {
	gzip: promisify(gunzip),
	"x-gzip": promisify(gunzip),
	deflate: promisify(inflate),
	br: promisify(brotliDecompress),
} as const;

function isDecoder(name: string): name is keyof typeof decoders {
	return Object.hasOwn(decoders, name);
}

/**
 * The whole body of a request, decompressed (gzip, deflate, br), or an error; no more than `maxBytes` of it are kept.
 *
 * @throws HttpError 413 above `maxBytes`, 415 for another encoding, 400 for a body that ends early or is damaged.
 */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
	const encoding = request.headers["content-encoding"]?.trim().toLowerCase();
	const isPlain = encoding === undefined || encoding === "" || encoding === "identity";
	if (!isPlain && !isDecoder(encoding)) {
		throw new HttpError(
			415,
			"unsupported_media_type",
			"header Content-Encoding: must be gzip, deflate, br or identity",
		);
	}
	const body = await collect(request, maxBytes);
	if (isPlain || body.length === 0) return body;
	try {
		// In a thread of zlib's pool: inflating megabytes would hold up everybody else.
		return await decoders[encoding](body, { maxOutputLength: maxBytes });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
		throw new HttpError(400, "body_incomplete", `body: is no complete ${encoding} data`);
	}
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		// The listeners end with the request.
		let chunks: Buffer[] = [];
		let bytes = 0;
		request.on("data", (chunk: Buffer) => {
			bytes += chunk.length;
			if (bytes <= maxBytes) {
				chunks.push(chunk);
				return;
			}
			chunks = [];
			if (bytes > maxBytes * MAX_DISCARDED) reject(tooLarge(maxBytes));
		});
		request.on("end", () => {
			if (bytes > maxBytes) reject(tooLarge(maxBytes));
			else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
		});
		request.on("close", () => {
			if (!request.readableEnded) {
				reject(new HttpError(400, "body_incomplete", "body: ended before it was complete"));
			}
		});
	});
}

/**
 * Bodies up to so many times the bound are read to their end and thrown away before they are refused: many clients look at no
 * answer before they have sent everything, and an early one breaks their connection instead.
 */
const MAX_DISCARDED = 8;

function tooLarge(maxBytes: number): HttpError {
	return new HttpError(413, "body_too_large", `body: is larger than ${maxBytes / 1024 / 1024} MiB`);
}
