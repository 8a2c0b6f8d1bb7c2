import { nanosOf, type Timestamp } from "../base/timestamp.ts";
import { type AttributeKey, attributeKey, trimAttributeKeys } from "./attributeKey.ts";
import { OtlpError } from "./otlpError.ts";
import {
	type DecodeResult,
	MAX_PARTS,
	MAX_SPANS,
	MAX_VALUE_DEPTH,
	RawAttributes,
	RawBytes,
	type RawEvent,
	type RawLink,
	RawList,
	type RawResource,
	type RawScope,
	type RawValue,
	rawDouble,
	rawInteger,
	SpanProblem,
	type SpanSink,
	TOO_MANY_SPANS,
	tooManyParts,
} from "./rawSpan.ts";
import { RawText, type SliceableBytes } from "./rawText.ts";

/**
 * Reads `ExportTraceServiceRequest` of opentelemetry-proto in one pass over its bytes, straight into spans, without the tree of
 * objects that a general decoder builds. Fields that it does not know, or whose wire type is another than theirs, are skipped,
 * as protocol buffers ask of a parser; of a field that is not repeated and comes twice, the last one counts. Text that is no
 * valid UTF-8 gets U+FFFD for what is wrong with it.
 *
 * @throws OtlpError `malformed` when the bytes are no protocol buffer message: the place where they break off is named.
 */
export function decodeProtobuf(body: Buffer, sink: SpanSink): DecodeResult {
	if (trimAttributeKeys()) keyCache.clear();
	return new Decoder(body as SliceableBytes, sink).decode();
}

// Tags: number of the field << 3 | wire type (0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes).
const COUNTED = 2;

const NO_ATTRIBUTES = new RawAttributes();
const NO_EVENTS: readonly RawEvent[] = [];
const NO_LINKS: readonly RawLink[] = [];

/** Groups, which nobody sends any more, are skipped to this depth. */
const MAX_GROUP_DEPTH = 16;

/** Ids in links are kept whatever their length is, up to so many bytes. */
const MAX_LINK_ID_BYTES = 64;

/** Texts of so many bytes repeat often enough to be looked for: names, models, providers, roles, finish reasons. */
const MIN_CACHED_BYTES = 4;
const MAX_CACHED_BYTES = 48;
const CACHE_SLOTS = 2048;
/** Four bytes each; the last one holds the last four bytes, which may overlap those before. */
const SLOT_WORDS = MAX_CACHED_BYTES / 4 + 1;

/**
 * What was made of the bytes of recent texts, found by them. A slot is chosen by the length and twelve of the bytes and holds
 * the last text that fell into it; all of its bytes are compared, so that two texts that share a slot never share a value.
 */
class TextCache<T> {
	readonly #values = new Array<T | undefined>(CACHE_SLOTS).fill(undefined);
	readonly #lengths = new Uint8Array(CACHE_SLOTS);
	readonly #words = new Int32Array(CACHE_SLOTS * SLOT_WORDS);

	clear(): void {
		this.#values.fill(undefined);
	}

	/** `length` is within the bounds. */
	slot(view: DataView, start: number, length: number): number {
		const first = view.getInt32(start, true);
		const middle = view.getInt32(start + ((length - 4) >> 1), true);
		const last = view.getInt32(start + length - 4, true);
		const hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(middle, 0x85ebca6b) ^ Math.imul(last + length, 0xc2b2ae35);
		return (hash ^ (hash >>> 15)) & (CACHE_SLOTS - 1);
	}

	get(slot: number, view: DataView, start: number, length: number): T | undefined {
		if (this.#lengths[slot] !== length) return undefined;
		const words = this.#words;
		let place = slot * SLOT_WORDS;
		const last = start + length - 4;
		for (let at = start; at < last; at += 4) if (words[place++] !== view.getInt32(at, true)) return undefined;
		return words[place] === view.getInt32(last, true) ? this.#values[slot] : undefined;
	}

	set(slot: number, view: DataView, start: number, length: number, value: T): void {
		this.#values[slot] = value;
		this.#lengths[slot] = length;
		let place = slot * SLOT_WORDS;
		const last = start + length - 4;
		for (let at = start; at < last; at += 4) this.#words[place++] = view.getInt32(at, true);
		this.#words[place] = view.getInt32(last, true);
	}
}

const keyCache = new TextCache<AttributeKey>();
const textCache = new TextCache<RawText>();

/** Two bytes as four hex digits. */
const HEX: string[] = Array.from({ length: 65_536 }, (_, index) => index.toString(16).padStart(4, "0"));

class Decoder {
	readonly #bytes: SliceableBytes;
	readonly #view: DataView;
	readonly #sink: SpanSink;
	#at = 0;
	/** Lower 32 bits of the last varint that had more than one byte. */
	#low = 0;
	#rejectedSpans = 0;
	#firstProblem: string | undefined;
	#takenSpans = 0;
	#partsLeft = MAX_PARTS;
	/** What is wrong with the ids of the span at hand: noted, not thrown, as there may be millions of such spans. */
	#problem: string | undefined;
	/** Place and text of the last trace id: spans of one trace come together. */
	#traceIdAt = -1;
	#traceId = "";

	constructor(bytes: SliceableBytes, sink: SpanSink) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#sink = sink;
	}

	decode(): DecodeResult {
		const end = this.#bytes.length;
		let index = 0;
		while (this.#at < end) {
			const tag = this.#varint(end);
			// resource_spans = 1
			if (tag === 0x0a) this.#resourceSpans(this.#countedEnd(end), index++);
			else this.#skip(tag, end);
		}
		return { rejectedSpans: this.#rejectedSpans, firstProblem: this.#firstProblem };
	}

	#resourceSpans(end: number, resourceIndex: number): void {
		const start = this.#at;
		const attributes = new RawAttributes();
		let droppedAttributes = 0;
		let schemaUrl = "";
		// What all the spans share may stand behind them.
		while (this.#at < end) {
			const tag = this.#varint(end);
			if (tag === 0x0a) {
				const resourceEnd = this.#countedEnd(end);
				while (this.#at < resourceEnd) {
					const inner = this.#varint(resourceEnd);
					if (inner === 0x0a) this.#shared(() => this.#keyValue(attributes, this.#countedEnd(resourceEnd), 0));
					else if (inner === 0x10) droppedAttributes = this.#varint32(resourceEnd) >>> 0;
					else this.#skip(inner, resourceEnd);
				}
			} else if (tag === 0x1a) schemaUrl = this.#string(end);
			else this.#skip(tag, end);
		}
		const resource: RawResource = { attributes: attributes.finish(), droppedAttributes, schemaUrl };
		this.#at = start;
		let scopeIndex = 0;
		while (this.#at < end) {
			const tag = this.#varint(end);
			// scope_spans = 2
			if (tag === 0x12) {
				const scopeEnd = this.#countedEnd(end);
				this.#scopeSpans(scopeEnd, resource, resourceIndex, scopeIndex++);
			} else this.#skip(tag, end);
		}
	}

	#scopeSpans(end: number, resource: RawResource, resourceIndex: number, scopeIndex: number): void {
		const start = this.#at;
		const attributes = new RawAttributes();
		let name = "";
		let version = "";
		let droppedAttributes = 0;
		let schemaUrl = "";
		while (this.#at < end) {
			const tag = this.#varint(end);
			if (tag === 0x0a) {
				const scopeEnd = this.#countedEnd(end);
				while (this.#at < scopeEnd) {
					const inner = this.#varint(scopeEnd);
					if (inner === 0x0a) name = this.#string(scopeEnd);
					else if (inner === 0x12) version = this.#string(scopeEnd);
					else if (inner === 0x1a) this.#shared(() => this.#keyValue(attributes, this.#countedEnd(scopeEnd), 0));
					else if (inner === 0x20) droppedAttributes = this.#varint32(scopeEnd) >>> 0;
					else this.#skip(inner, scopeEnd);
				}
			} else if (tag === 0x1a) schemaUrl = this.#string(end);
			else this.#skip(tag, end);
		}
		const scope: RawScope = { name, version, attributes: attributes.finish(), droppedAttributes, schemaUrl };
		this.#at = start;
		let index = 0;
		while (this.#at < end) {
			const tag = this.#varint(end);
			// spans = 2
			if (tag === 0x12) {
				const problem = this.#takeSpan(this.#countedEnd(end), resource, scope);
				if (problem !== undefined) {
					this.#rejectedSpans++;
					this.#firstProblem ??= `resourceSpans[${resourceIndex}].scopeSpans[${scopeIndex}].spans[${index}]: ${problem}`;
				}
				index++;
			} else this.#skip(tag, end);
		}
	}

	/** Reads what many spans share: without it every one of them would lose what it belongs to, so a problem there is the request's. */
	#shared(read: () => void): void {
		try {
			read();
		} catch (error) {
			if (error instanceof SpanProblem) throw new OtlpError("malformed", `a resource or scope: ${error.message}`);
			throw error;
		}
	}

	/** Why the span cannot be taken, undefined when it was. */
	#takeSpan(end: number, resource: RawResource, scope: RawScope): string | undefined {
		if (this.#takenSpans === MAX_SPANS) {
			this.#at = end;
			return TOO_MANY_SPANS;
		}
		this.#problem = undefined;
		try {
			this.#span(end, resource, scope);
			return this.#problem;
		} catch (error) {
			if (!(error instanceof SpanProblem)) throw error;
			this.#at = end;
			return error.message;
		}
	}

	#span(end: number, resource: RawResource, scope: RawScope): void {
		let traceId = "";
		let spanId = "";
		let parentSpanId: string | null = null;
		let traceState = "";
		let flags = 0;
		let name = "";
		let kind = 0;
		let start: Timestamp | null = null;
		let endTime: Timestamp | null = null;
		const attributes = new RawAttributes();
		let droppedAttributes = 0;
		let events: RawEvent[] | undefined;
		let droppedEvents = 0;
		let links: RawLink[] | undefined;
		let droppedLinks = 0;
		let statusCode = 0;
		let statusMessage = "";
		while (this.#at < end) {
			const tag = this.#varint(end);
			switch (tag) {
				case 0x0a:
					traceId = this.#traceIdText(end);
					break;
				case 0x12:
					spanId = this.#spanIdText(end, "spanId");
					break;
				case 0x1a:
					traceState = this.#string(end);
					break;
				case 0x22:
					parentSpanId = this.#parentId(end);
					break;
				case 0x2a:
					name = this.#name(end);
					break;
				case 0x30:
					kind = this.#varint32(end) | 0;
					break;
				case 0x39:
					start = this.#time(end);
					break;
				case 0x41:
					endTime = this.#time(end);
					break;
				case 0x4a:
					this.#keyValue(attributes, this.#countedEnd(end), 0);
					break;
				case 0x50:
					droppedAttributes = this.#varint32(end) >>> 0;
					break;
				case 0x5a:
					events ??= [];
					events.push(this.#event(this.#countedEnd(end)));
					break;
				case 0x60:
					droppedEvents = this.#varint32(end) >>> 0;
					break;
				case 0x6a:
					links ??= [];
					links.push(this.#link(this.#countedEnd(end)));
					break;
				case 0x70:
					droppedLinks = this.#varint32(end) >>> 0;
					break;
				case 0x7a: {
					const statusEnd = this.#countedEnd(end);
					while (this.#at < statusEnd) {
						const inner = this.#varint(statusEnd);
						if (inner === 0x12) statusMessage = this.#string(statusEnd);
						else if (inner === 0x18) statusCode = this.#varint32(statusEnd) | 0;
						else this.#skip(inner, statusEnd);
					}
					break;
				}
				case 0x85:
					flags = this.#fixed32(end);
					break;
				default:
					this.#skip(tag, end);
			}
		}
		if (traceId === "") this.#problem ??= "traceId must be 16 bytes, got none";
		if (spanId === "") this.#problem ??= "spanId must be 8 bytes, got none";
		if (this.#problem !== undefined) return;
		this.#takenSpans++;
		this.#sink.take(
			{
				traceId,
				spanId,
				parentSpanId,
				traceState,
				flags,
				name,
				kind,
				start,
				end: endTime,
				attributes: attributes.finish(),
				droppedAttributes,
				events: events ?? NO_EVENTS,
				droppedEvents,
				links: links ?? NO_LINKS,
				droppedLinks,
				statusCode,
				statusMessage,
			},
			resource,
			scope,
		);
	}

	#countPart(): void {
		if (--this.#partsLeft < 0) throw tooManyParts();
	}

	#event(end: number): RawEvent {
		this.#countPart();
		let time: Timestamp = { ms: 0, subNs: 0 };
		let name = "";
		let attributes: RawAttributes | undefined;
		let droppedAttributes = 0;
		while (this.#at < end) {
			const tag = this.#varint(end);
			if (tag === 0x09) time = this.#time(end) ?? time;
			else if (tag === 0x12) name = this.#string(end);
			else if (tag === 0x1a) {
				attributes ??= new RawAttributes();
				this.#keyValue(attributes, this.#countedEnd(end), 0);
			} else if (tag === 0x20) droppedAttributes = this.#varint32(end) >>> 0;
			else this.#skip(tag, end);
		}
		return { time, name, attributes: attributes?.finish() ?? NO_ATTRIBUTES, droppedAttributes };
	}

	#link(end: number): RawLink {
		this.#countPart();
		let traceId = "";
		let spanId = "";
		let traceState = "";
		let flags = 0;
		let attributes: RawAttributes | undefined;
		let droppedAttributes = 0;
		while (this.#at < end) {
			const tag = this.#varint(end);
			if (tag === 0x0a) traceId = this.#linkId(end, "traceId");
			else if (tag === 0x12) spanId = this.#linkId(end, "spanId");
			else if (tag === 0x1a) traceState = this.#string(end);
			else if (tag === 0x22) {
				attributes ??= new RawAttributes();
				this.#keyValue(attributes, this.#countedEnd(end), 0);
			} else if (tag === 0x28) droppedAttributes = this.#varint32(end) >>> 0;
			else if (tag === 0x35) flags = this.#fixed32(end);
			else this.#skip(tag, end);
		}
		return {
			traceId,
			spanId,
			traceState,
			flags,
			attributes: attributes?.finish() ?? NO_ATTRIBUTES,
			droppedAttributes,
		};
	}

	#keyValue(attributes: RawAttributes, end: number, depth: number): void {
		this.#countPart();
		let key: AttributeKey | undefined;
		let value: RawValue = null;
		while (this.#at < end) {
			const tag = this.#varint(end);
			if (tag === 0x0a) key = this.#key(end);
			else if (tag === 0x12) value = this.#value(this.#countedEnd(end), depth);
			else this.#skip(tag, end);
		}
		attributes.add(key ?? attributeKey(""), value);
	}

	#value(end: number, depth: number): RawValue {
		let value: RawValue = null;
		while (this.#at < end) {
			const tag = this.#varint(end);
			switch (tag) {
				case 0x0a:
					value = this.#text(end);
					break;
				case 0x10:
					value = this.#varint(end) !== 0;
					break;
				case 0x18:
					value = this.#int64(end);
					break;
				case 0x21:
					value = rawDouble(this.#view.getFloat64(this.#take(8, end), true));
					break;
				case 0x2a: {
					if (depth === MAX_VALUE_DEPTH) throw tooDeep();
					const list = new RawList();
					const listEnd = this.#countedEnd(end);
					while (this.#at < listEnd) {
						const inner = this.#varint(listEnd);
						if (inner === 0x0a) {
							this.#countPart();
							list.values.push(this.#value(this.#countedEnd(listEnd), depth + 1));
						} else this.#skip(inner, listEnd);
					}
					value = list;
					break;
				}
				case 0x32: {
					if (depth === MAX_VALUE_DEPTH) throw tooDeep();
					const members = new RawAttributes();
					const listEnd = this.#countedEnd(end);
					while (this.#at < listEnd) {
						const inner = this.#varint(listEnd);
						if (inner === 0x0a) this.#keyValue(members, this.#countedEnd(listEnd), depth + 1);
						else this.#skip(inner, listEnd);
					}
					value = members.finish();
					break;
				}
				case 0x3a: {
					const bytesEnd = this.#countedEnd(end);
					value = new RawBytes(this.#bytes.toString("base64", this.#at, bytesEnd));
					this.#at = bytesEnd;
					break;
				}
				default:
					this.#skip(tag, end);
			}
		}
		return value;
	}

	#key(limit: number): AttributeKey {
		const end = this.#countedEnd(limit);
		const start = this.#at;
		const length = end - start;
		this.#at = end;
		if (length < MIN_CACHED_BYTES || length > MAX_CACHED_BYTES) {
			return attributeKey(this.#bytes.utf8Slice(start, end));
		}
		const slot = keyCache.slot(this.#view, start, length);
		let key = keyCache.get(slot, this.#view, start, length);
		if (key === undefined) {
			key = attributeKey(this.#bytes.utf8Slice(start, end));
			keyCache.set(slot, this.#view, start, length, key);
		}
		return key;
	}

	#text(limit: number): RawText {
		const end = this.#countedEnd(limit);
		const start = this.#at;
		const length = end - start;
		this.#at = end;
		if (length === 0) return EMPTY_TEXT;
		if (length < MIN_CACHED_BYTES || length > MAX_CACHED_BYTES) {
			return new RawText(undefined, this.#bytes, start, end);
		}
		const slot = textCache.slot(this.#view, start, length);
		let text = textCache.get(slot, this.#view, start, length);
		if (text === undefined) {
			text = new RawText(this.#bytes.utf8Slice(start, end));
			textCache.set(slot, this.#view, start, length, text);
		}
		return text;
	}

	/** A name: it repeats as short texts do. */
	#name(limit: number): string {
		return this.#text(limit).text;
	}

	#string(limit: number): string {
		const end = this.#countedEnd(limit);
		const text = this.#bytes.utf8Slice(this.#at, end);
		this.#at = end;
		return text;
	}

	#traceIdText(limit: number): string {
		const end = this.#countedEnd(limit);
		const start = this.#at;
		this.#at = end;
		if (end - start !== 16) return this.#refuse(`traceId must be 16 bytes, got ${end - start}`);
		const bytes = this.#bytes;
		const last = this.#traceIdAt;
		if (last >= 0) {
			let index = 0;
			while (index < 16 && bytes[last + index] === bytes[start + index]) index++;
			if (index === 16) return this.#traceId;
		}
		if (isZero(bytes, start, 16)) return this.#refuse("traceId must not be all zero");
		this.#traceIdAt = start;
		this.#traceId = hex8(bytes, start) + hex8(bytes, start + 8);
		return this.#traceId;
	}

	#spanIdText(limit: number, name: string): string {
		const end = this.#countedEnd(limit);
		const start = this.#at;
		this.#at = end;
		if (end - start !== 8) return this.#refuse(`${name} must be 8 bytes, got ${end - start}`);
		if (isZero(this.#bytes, start, 8)) return this.#refuse(`${name} must not be all zero`);
		return hex8(this.#bytes, start);
	}

	#refuse(problem: string): string {
		this.#problem ??= problem;
		return "";
	}

	#parentId(limit: number): string | null {
		const start = this.#at;
		const end = this.#countedEnd(limit);
		if (isZero(this.#bytes, this.#at, end - this.#at) && (end === this.#at || end - this.#at === 8)) {
			this.#at = end;
			return null;
		}
		this.#at = start;
		return this.#spanIdText(limit, "parentSpanId");
	}

	#linkId(limit: number, name: string): string {
		const end = this.#countedEnd(limit);
		const start = this.#at;
		this.#at = end;
		if (end - start > MAX_LINK_ID_BYTES) throw new SpanProblem(`${name} of a link has ${end - start} bytes`);
		return this.#bytes.toString("hex", start, end);
	}

	#time(end: number): Timestamp | null {
		const at = this.#take(8, end);
		const low = this.#view.getUint32(at, true);
		const high = this.#view.getUint32(at + 4, true);
		return low === 0 && high === 0 ? null : nanosOf(high, low);
	}

	#fixed32(end: number): number {
		return this.#view.getUint32(this.#take(4, end), true);
	}

	/** Where the next `count` bytes begin. */
	#take(count: number, end: number): number {
		const at = this.#at;
		if (end - at < count) throw truncated(at);
		this.#at = at + count;
		return at;
	}

	/** Where the counted bytes end that begin here. */
	#countedEnd(limit: number): number {
		const length = this.#varint(limit);
		const end = this.#at + length;
		if (end > limit || length < 0) throw truncated(this.#at);
		return end;
	}

	/** A varint that is an enum or a 32-bit number: negative ones have ten bytes, and the lower 32 bits count. */
	#varint32(end: number): number {
		const value = this.#varint(end);
		return value < 0x80 ? value : this.#low;
	}

	/** A varint; exact up to 2^53, rounded beyond, where only a length can be meant and is too great anyway. */
	#varint(end: number): number {
		// Short enough to be compiled into its callers: most numbers are tags and lengths of one byte.
		const at = this.#at;
		if (at < end) {
			const first = this.#bytes[at];
			if (first < 0x80) {
				this.#at = at + 1;
				return first;
			}
		}
		return this.#longVarint(end);
	}

	#longVarint(end: number): number {
		const bytes = this.#bytes;
		let at = this.#at;
		if (at >= end) throw truncated(at);
		const first = bytes[at++];
		let low = first & 0x7f;
		let shift = 7;
		let high = 0;
		for (;;) {
			if (at >= end) throw truncated(at);
			const byte = bytes[at++];
			if (shift < 28) low |= (byte & 0x7f) << shift;
			else if (shift === 28) {
				low = (low | ((byte & 0x0f) << 28)) >>> 0;
				high = (byte & 0x7f) >> 4;
			} else if (shift < 63) high += (byte & 0x7f) * 2 ** (shift - 32);
			else if (shift > 63) throw new OtlpError("malformed", `body: byte ${at}: a number has more than 10 bytes`);
			shift += 7;
			if (byte < 0x80) break;
		}
		this.#at = at;
		this.#low = low;
		return high * 2 ** 32 + low;
	}

	#int64(end: number): RawValue {
		const start = this.#at;
		let at = start;
		while (at < end && this.#bytes[at] >= 0x80) at++;
		if (at - start < 7) return this.#varint(end);
		let value = 0n;
		for (let shift = 0n; ; shift += 7n) {
			if (this.#at >= end) throw truncated(this.#at);
			if (shift > 63n) throw new OtlpError("malformed", `body: byte ${this.#at}: a number has more than 10 bytes`);
			const byte = this.#bytes[this.#at++];
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) break;
		}
		return rawInteger(BigInt.asIntN(64, value));
	}

	#skip(tag: number, end: number, depth = 0): void {
		if (tag < 8) throw malformed(this.#at, "field number 0");
		switch (tag & 7) {
			case 0:
				this.#varint(end);
				break;
			case 1:
				this.#take(8, end);
				break;
			case COUNTED:
				this.#at = this.#countedEnd(end);
				break;
			case 3: {
				if (depth === MAX_GROUP_DEPTH) throw malformed(this.#at, "groups are nested too deeply");
				for (;;) {
					const inner = this.#varint(end);
					if ((inner & 7) === 4) break;
					this.#skip(inner, end, depth + 1);
				}
				break;
			}
			case 5:
				this.#take(4, end);
				break;
			default:
				throw malformed(this.#at, `wire type ${tag & 7}`);
		}
	}
}

const EMPTY_TEXT = new RawText("");

function hex8(bytes: Uint8Array, at: number): string {
	return (
		HEX[(bytes[at] << 8) | bytes[at + 1]] +
		HEX[(bytes[at + 2] << 8) | bytes[at + 3]] +
		HEX[(bytes[at + 4] << 8) | bytes[at + 5]] +
		HEX[(bytes[at + 6] << 8) | bytes[at + 7]]
	);
}

function isZero(bytes: Uint8Array, start: number, length: number): boolean {
	for (let index = 0; index < length; index++) if (bytes[start + index] !== 0) return false;
	return true;
}

function tooDeep(): SpanProblem {
	return new SpanProblem(`attributes are nested deeper than ${MAX_VALUE_DEPTH}`);
}

function truncated(at: number): OtlpError {
	return malformed(at, "the data ends inside a field");
}

function malformed(at: number, what: string): OtlpError {
	return new OtlpError("malformed", `body: is no ExportTraceServiceRequest in protobuf: byte ${at}: ${what}`);
}
