import { OtlpError } from "./otlpError.ts";

/** `resource_spans` of a request and of a trace, `scope_spans` of a resource, `spans` of a scope: number << 3 | 2. */
const RESOURCE_SPANS = 0x0a;
const INNER_LIST = 0x12;

interface Range {
	readonly start: number;
	readonly end: number;
}

/**
 * Cuts an `ExportTraceServiceRequest` (or Tempo's `Trace`, which has the same field) between its spans into requests of about
 * `pieceBytes`, each with the resource and scope of its spans, so that a large one can be decoded in as many turns of the event
 * loop as it needs. Nothing is decoded: only the lengths of what holds spans are read.
 *
 * @throws OtlpError `malformed` where the bytes break off.
 */
export function* protobufPieces(body: Buffer, pieceBytes: number): Generator<Buffer> {
	if (body.length <= pieceBytes) {
		yield body;
		return;
	}
	// Small groups go together: Tempo makes a group of each batch that it was sent.
	let small: Buffer[] = [];
	let smallBytes = 0;
	for (const field of fieldsOf(body, { start: 0, end: body.length })) {
		if (field.tag !== RESOURCE_SPANS) continue;
		const bytes = field.end - field.start;
		if (smallBytes > 0 && smallBytes + bytes > pieceBytes) {
			yield Buffer.concat(small);
			small = [];
			smallBytes = 0;
		}
		if (bytes > pieceBytes) yield* piecesOfResource(body, field.content, pieceBytes);
		else {
			small.push(body.subarray(field.start, field.end));
			smallBytes += bytes;
		}
	}
	if (smallBytes > 0) yield Buffer.concat(small);
}

function* piecesOfResource(body: Buffer, resource: Range, pieceBytes: number): Generator<Buffer> {
	const head = headOf(body, resource);
	for (const scope of fieldsOf(body, resource)) {
		if (scope.tag !== INNER_LIST) continue;
		const scopeHead = headOf(body, scope.content);
		// A head stands in each piece: pieces grow with it, or a large head would cost its square.
		const most = Math.max(pieceBytes, 8 * (head.length + scopeHead.length));
		let first: number | undefined;
		let last = 0;
		const piece = (from: number) => {
			const spans = Buffer.concat([scopeHead, body.subarray(from, last)]);
			return counted(RESOURCE_SPANS, Buffer.concat([head, counted(INNER_LIST, spans)]));
		};
		for (const span of fieldsOf(body, scope.content)) {
			if (span.tag !== INNER_LIST) continue;
			if (first !== undefined && span.end - first > most) {
				yield piece(first);
				first = undefined;
			}
			first ??= span.start;
			last = span.end;
		}
		if (first !== undefined) yield piece(first);
	}
}

/** The fields beside the list of what is inside, one after the other. Those between its elements are taken along with them. */
function headOf(body: Buffer, range: Range): Buffer {
	const parts: Buffer[] = [];
	for (const field of fieldsOf(body, range)) {
		if (field.tag !== INNER_LIST) parts.push(body.subarray(field.start, field.end));
	}
	return Buffer.concat(parts);
}

interface Field extends Range {
	readonly tag: number;
	/** Of a counted field what it holds, else nothing. */
	readonly content: Range;
}

function* fieldsOf(body: Buffer, { start, end }: Range): Generator<Field> {
	let at = start;
	const varint = () => {
		let value = 0;
		for (let scale = 1; scale < 2 ** 63; scale *= 128) {
			if (at >= end) break;
			const byte = body[at++];
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
		}
		throw malformed(at);
	};
	while (at < end) {
		const from = at;
		const tag = varint();
		let contentAt = at;
		switch (tag % 8) {
			case 0:
				// Ten bytes at most, the last of them beyond what a double can scale.
				while (at < end && body[at] >= 0x80 && at - contentAt < 9) at++;
				at++;
				break;
			case 1:
				at += 8;
				break;
			case 2: {
				const length = varint();
				contentAt = at;
				at += length;
				break;
			}
			case 5:
				at += 4;
				break;
			default:
				// Groups, which nobody sends any more, and no wire type at all.
				throw malformed(from);
		}
		if (at > end) throw malformed(from);
		yield { tag, start: from, end: at, content: { start: contentAt, end: at } };
	}
}

function counted(tag: number, content: Buffer): Buffer {
	const head = [tag];
	let rest = content.length;
	for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) head.push((rest % 0x80) + 0x80);
	return Buffer.concat([Buffer.from([...head, rest]), content]);
}

function malformed(at: number): OtlpError {
	return new OtlpError("malformed", `body: is no trace in protobuf: byte ${at}: the data break off`);
}
