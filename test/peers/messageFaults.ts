/** Cuts an event stream after each blank line; what is not whole yet waits for the next call. */
export function sseSplitter(): (chunk: Buffer) => readonly Buffer[] {
	let rest = Buffer.alloc(0);
	return (chunk) => {
		rest = Buffer.concat([rest, chunk]);
		const messages: Buffer[] = [];
		for (let at = rest.indexOf("\n\n"); at >= 0; at = rest.indexOf("\n\n")) {
			messages.push(rest.subarray(0, at + 2));
			rest = rest.subarray(at + 2);
		}
		return messages;
	};
}

/** Cuts what a WebSocket server sends into its frames (RFC 6455, section 5.2; not masked). */
export function frameSplitter(): (chunk: Buffer) => readonly Buffer[] {
	let rest = Buffer.alloc(0);
	return (chunk) => {
		rest = Buffer.concat([rest, chunk]);
		const messages: Buffer[] = [];
		for (let length = frameLength(rest); length <= rest.length; length = frameLength(rest)) {
			messages.push(rest.subarray(0, length));
			rest = rest.subarray(length);
		}
		return messages;
	};
}

/** Bytes of the first frame with its header; infinite while the header is not whole. */
function frameLength(bytes: Buffer): number {
	if (bytes.length < 2) return Number.POSITIVE_INFINITY;
	const short = bytes[1] & 0x7f;
	if (short < 126) return 2 + short;
	if (short === 126) return bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readUInt16BE(2);
	return bytes.length < 10 ? Number.POSITIVE_INFINITY : 10 + Number(bytes.readBigUInt64BE(2));
}

/** JSON whose lists of objects have every object twice, or come from their end; anything else as it is. */
export function jsonTurned(body: Buffer, how: "duplicate" | "reordered"): Buffer {
	let value: unknown;
	try {
		value = parseExactly(body.toString("utf8"));
	} catch {
		return body;
	}
	return Buffer.from(JSON.stringify(turned(value, how)));
}

/** Numbers keep their digits. */
function parseExactly(text: string): unknown {
	const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
	const keep = (_key: string, value: unknown, context?: { readonly source?: string }) =>
		typeof value === "number" && context?.source !== undefined ? rawJSON(context.source) : value;
	return JSON.parse(text, keep);
}

function turned(value: unknown, how: "duplicate" | "reordered", name = ""): unknown {
	if (Array.isArray(value)) {
		const items = value.map((item) => turned(item, how));
		if (how === "reordered") return items.reverse();
		return items.every(isPlainObject) && !ANONYMOUS.has(name) ? items.flatMap((item) => [item, item]) : items;
	}
	if (!isPlainObject(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, turned(item, how, key)]));
}

/** Lists of things without an identity: of TraceLLM's steps two that are alike are two. */
const ANONYMOUS: ReadonlySet<string> = new Set(["steps"]);

/** Not one of the raw numbers, which are objects without a prototype. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
