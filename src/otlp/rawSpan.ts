import type { Timestamp } from "../base/timestamp.ts";
import type { AttributeKey } from "./attributeKey.ts";
import { OtlpError } from "./otlpError.ts";
import type { RawText } from "./rawText.ts";

/**
 * A span as OTLP says it (opentelemetry-proto, trace.proto), whichever encoding it came in: both decoders give the same. Texts
 * that have columns of their own are well-formed.
 */
export interface RawSpan {
	/** 32 lower-case hex digits, not all zero. */
	readonly traceId: string;
	/** 16 lower-case hex digits, not all zero. */
	readonly spanId: string;
	/** Null for a root: an absent, empty or (some SDKs) all-zero parent. */
	readonly parentSpanId: string | null;
	readonly traceState: string;
	readonly flags: number;
	readonly name: string;
	/** `SPAN_KIND_…` as sent. */
	readonly kind: number;
	/** Null when absent or 0. */
	readonly start: Timestamp | null;
	readonly end: Timestamp | null;
	readonly attributes: RawAttributes;
	readonly droppedAttributes: number;
	readonly events: readonly RawEvent[];
	readonly droppedEvents: number;
	readonly links: readonly RawLink[];
	readonly droppedLinks: number;
	/** `STATUS_CODE_…`: 0 unset, 1 ok, 2 error. */
	readonly statusCode: number;
	readonly statusMessage: string;
}

export interface RawEvent {
	readonly time: Timestamp;
	readonly name: string;
	readonly attributes: RawAttributes;
	readonly droppedAttributes: number;
}

export interface RawLink {
	/** Lower-case hex digits of whatever length was sent. */
	readonly traceId: string;
	readonly spanId: string;
	readonly traceState: string;
	readonly flags: number;
	readonly attributes: RawAttributes;
	readonly droppedAttributes: number;
}

export interface RawResource {
	readonly attributes: RawAttributes;
	readonly droppedAttributes: number;
	readonly schemaUrl: string;
}

export interface RawScope {
	readonly name: string;
	readonly version: string;
	readonly attributes: RawAttributes;
	readonly droppedAttributes: number;
	readonly schemaUrl: string;
}

/** What decoders hand their spans to, one after the other; resource and scope are the same objects for all that share them. */
export interface SpanSink {
	take(span: RawSpan, resource: RawResource, scope: RawScope): void;
}

/** What became of the spans of one request. */
export interface DecodeResult {
	readonly rejectedSpans: number;
	/** Why the first of them was left out, with its place. */
	readonly firstProblem: string | undefined;
}

/** Attributes in the order in which they came, keys and values side by side; after `finish` no key stands twice. */
export class RawAttributes {
	readonly keys: AttributeKey[] = [];
	readonly values: RawValue[] = [];

	add(key: AttributeKey, value: RawValue): void {
		this.keys.push(key);
		this.values.push(value);
	}

	/** Of a key that came twice the last value stays, in the place of the first. */
	finish(): this {
		const { keys } = this;
		const mark = ++lastMark;
		for (let index = 0; index < keys.length; index++) {
			if (keys[index].mark === mark) {
				this.#merge();
				break;
			}
			keys[index].mark = mark;
		}
		return this;
	}

	#merge(): void {
		const places = new Map<AttributeKey, number>();
		for (const [index, key] of this.keys.entries()) {
			const place = places.get(key) ?? places.size;
			places.set(key, place);
			this.keys[place] = key;
			this.values[place] = this.values[index];
		}
		this.keys.length = places.size;
		this.values.length = places.size;
	}
}

let lastMark = 0;

/**
 * `AnyValue`. A number is an int64 when it is whole and a double when it is not; what a number of JavaScript cannot say so is an
 * object. Null is a value that is not set.
 */
export type RawValue = null | boolean | number | RawText | RawNumber | RawBytes | RawList | RawAttributes;

/** A double that is whole or not finite, or an int64 beyond 2^53, by its text: `1.0`, `NaN`, `9007199254740993`. */
export class RawNumber {
	readonly type: "int" | "double";
	readonly text: string;
	constructor(type: "int" | "double", text: string) {
		this.type = type;
		this.text = text;
	}
}

export class RawBytes {
	/** With padding. */
	readonly base64: string;
	constructor(base64: string) {
		this.base64 = base64;
	}
}

export class RawList {
	readonly values: RawValue[] = [];
}

/** A double as a value. */
export function rawDouble(value: number): RawValue {
	if (!Number.isInteger(value)) return Number.isFinite(value) ? value : new RawNumber("double", String(value));
	const text = Object.is(value, -0) ? "-0" : String(value);
	// Beyond 1e21 it is written with an exponent, which says "double" as well as a fraction does.
	return new RawNumber("double", text.includes("e") ? text : `${text}.0`);
}

/** An int64 as a value. */
export function rawInteger(value: bigint): RawValue {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : new RawNumber("int", String(value));
}

/** Deeper values are refused: whoever reads them later may do so by recursion. */
export const MAX_VALUE_DEPTH = 64;

/** Why one span is left out; the rest of the request goes on without it. */
export class SpanProblem extends Error {}

/** Spans that one request may bring; the others are rejected. Exporters send 512 at a time, collectors 8,192. */
export const MAX_SPANS = 100_000;

export const TOO_MANY_SPANS = `there are more than ${MAX_SPANS} spans in one request; send smaller batches`;

/** Attributes, events, links and elements of lists in one request, all together: a few bytes become a hundred of memory. */
export const MAX_PARTS = 2_000_000;

export function tooManyParts(): OtlpError {
	return new OtlpError(
		"tooLarge",
		`body: holds more than ${MAX_PARTS} attributes, events and links; send smaller batches`,
	);
}
