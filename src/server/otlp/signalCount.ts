import { HttpError } from "../errors.ts";

/** What programs send beside traces. */
export type DroppedSignal = "logs" | "metrics";

type Path = readonly { readonly fields: readonly number[]; readonly names: readonly string[] }[];

/** From the request down to what is counted: log records, and data points of metrics. */
const PATHS: Readonly<Record<DroppedSignal, Path>> = {
	logs: [
		{ fields: [1], names: ["resourceLogs"] },
		{ fields: [2], names: ["scopeLogs"] },
		{ fields: [2], names: ["logRecords"] },
	],
	metrics: [
		{ fields: [1], names: ["resourceMetrics"] },
		{ fields: [2], names: ["scopeMetrics"] },
		{ fields: [2], names: ["metrics"] },
		{ fields: [5, 7, 9, 10, 11], names: ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] },
		{ fields: [1], names: ["dataPoints"] },
	],
};

/**
 * Number of records in an export request in protobuf, counted from one length to the next without decoding them.
 *
 * @throws HttpError 400 where the bytes break off.
 */
export function countProtobuf(signal: DroppedSignal, bytes: Buffer): number {
	return countFields(bytes, 0, bytes.length, PATHS[signal], 0);
}

function countFields(bytes: Buffer, start: number, end: number, path: Path, depth: number): number {
	let count = 0;
	let at = start;
	const varint = () => {
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			if (at >= end || scale > 2 ** 63) throw malformed(at);
			const byte = bytes[at++];
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
		}
	};
	while (at < end) {
		const tag = varint();
		const wireType = tag % 8;
		if (wireType === 2) {
			const length = varint();
			if (length > end - at) throw malformed(at);
			if (path[depth].fields.includes((tag - 2) / 8)) {
				count += depth + 1 === path.length ? 1 : countFields(bytes, at, at + length, path, depth + 1);
			}
			at += length;
		} else if (wireType === 0) varint();
		else if (wireType === 1 || wireType === 5) at += wireType === 1 ? 8 : 4;
		else throw malformed(at);
	}
	if (at > end) throw malformed(at);
	return count;
}

/**
 * The same of a request in JSON.
 *
 * @throws HttpError 400 when it is no JSON object.
 */
export function countJson(signal: DroppedSignal, body: unknown): number {
	if (typeof body !== "object" || body === null || Array.isArray(body)) {
		throw new HttpError(400, "invalid_body", "the body must be a JSON object");
	}
	let level: unknown[] = [body];
	for (const { names } of PATHS[signal])
		level = level.flatMap((item) => names.flatMap((name) => membersOf(item, name)));
	return level.length;
}

/** Elements of a list, or the one object that stands there. */
function membersOf(item: unknown, name: string): unknown[] {
	if (typeof item !== "object" || item === null || !Object.hasOwn(item, name)) return [];
	const member: unknown = Reflect.get(item, name);
	return Array.isArray(member) ? member : [member];
}

function malformed(at: number): HttpError {
	return new HttpError(400, "invalid_body", `body: is no export request in protobuf: byte ${at}: the data break off`);
}
