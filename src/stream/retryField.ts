const NEEDLE = "retry:";
const LONGEST = 24;

/**
 * Finds the `retry` field of an event stream in its bytes, which the `eventsource` package reads but does not show. "If the
 * field value consists of only ASCII digits, then interpret the field value as an integer in base ten" (HTML, section 9.2.6).
 * One native search a chunk; nothing is decoded.
 */
export class RetryFieldFinder {
	/** End of the bytes seen so far, for a field that is cut by a chunk's end; begins as the start of a line. */
	#tail = Buffer.from("\n");

	/** Newest value of the field that ends in this chunk, milliseconds; undefined when there is none. */
	feed(chunk: Uint8Array): number | undefined {
		const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
		const seam = Buffer.concat([this.#tail, bytes.subarray(0, LONGEST)]);
		const found = find(bytes) ?? find(seam);
		const end = bytes.length >= LONGEST ? bytes : Buffer.concat([this.#tail, bytes]);
		this.#tail = Buffer.from(end.subarray(-LONGEST));
		return found;
	}
}

function find(bytes: Buffer): number | undefined {
	let found: number | undefined;
	for (let at = bytes.indexOf(NEEDLE); at >= 0; at = bytes.indexOf(NEEDLE, at + NEEDLE.length)) {
		if (at === 0 || !isLineEnd(bytes[at - 1])) continue;
		let end = at + NEEDLE.length;
		while (end < bytes.length && !isLineEnd(bytes[end]) && end - at <= LONGEST) end++;
		if (end === bytes.length || !isLineEnd(bytes[end])) continue;
		const value = bytes.toString("latin1", at + NEEDLE.length, end).replace(/^ /, "");
		if (/^\d+$/.test(value)) found = Number(value);
	}
	return found;
}

function isLineEnd(byte: number): boolean {
	return byte === 10 || byte === 13;
}
