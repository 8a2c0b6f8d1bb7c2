import { nanosOf, type Timestamp } from "../base/timestamp.ts";
import { attributeKey, trimAttributeKeys } from "./attributeKey.ts";
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
	RawNumber,
	type RawResource,
	type RawScope,
	type RawSpan,
	type RawValue,
	rawDouble,
	rawInteger,
	SpanProblem,
	type SpanSink,
	TOO_MANY_SPANS,
	tooManyParts,
} from "./rawSpan.ts";
import { RawText } from "./rawText.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads `ExportTraceServiceRequest` in the JSON mapping of the OTLP specification: ids as hex digits of either case, enums as
 * numbers or names, 64-bit numbers as strings or numbers. Members that it does not know are ignored, null is "unset".
 *
 * @param body what `JSON.parse` made of the request.
 * @throws OtlpError `malformed` when the body is no export request at all; the member is named.
 */
export function decodeJson(body: unknown, sink: SpanSink): DecodeResult {
	if (trimAttributeKeys() || texts.size > MAX_TEXTS) texts.clear();
	let rejectedSpans = 0;
	let takenSpans = 0;
	let firstProblem: string | undefined;
	partsLeft = MAX_PARTS;
	if (!isObject(body)) throw invalid("the body must be a JSON object with resourceSpans");
	const groups = list(body.resourceSpans, "resourceSpans");
	for (let r = 0; r < groups.length; r++) {
		const path = `resourceSpans[${r}]`;
		const group = object(groups[r], path);
		const resource = shared(`${path}.resource`, () => readResource(group, path));
		const scopes = list(group.scopeSpans, `${path}.scopeSpans`);
		for (let s = 0; s < scopes.length; s++) {
			const scopePath = `${path}.scopeSpans[${s}]`;
			const scopeSpans = object(scopes[s], scopePath);
			const scope = shared(`${scopePath}.scope`, () => readScope(scopeSpans, scopePath));
			const spans = list(scopeSpans.spans, `${scopePath}.spans`);
			for (let i = 0; i < spans.length; i++) {
				const found = takenSpans === MAX_SPANS ? TOO_MANY_SPANS : takeSpan(spans[i], resource, scope, sink);
				if (found === undefined) {
					takenSpans++;
				} else {
					rejectedSpans++;
					firstProblem ??= `${scopePath}.spans[${i}]: ${found}`;
				}
			}
		}
	}
	return { rejectedSpans, firstProblem };
}

/** What is left of the bound on parts of a request. */
let partsLeft = 0;

/** What is wrong with the ids of the span at hand: noted, not thrown, as there may be millions of such spans. */
let problem: string | undefined;

function refuse(found: string): string {
	problem ??= found;
	return "";
}

/** Why the span cannot be taken, undefined when it was. */
function takeSpan(value: unknown, resource: RawResource, scope: RawScope, sink: SpanSink): string | undefined {
	if (!isObject(value)) return "must be an object";
	problem = undefined;
	const traceId = readTraceId(value.traceId);
	const spanId = readId(value.spanId, 16, "spanId");
	const parentSpanId = readParentId(value.parentSpanId);
	if (problem !== undefined) return problem;
	try {
		readSpan(value, { traceId, spanId, parentSpanId }, resource, scope, sink);
		return undefined;
	} catch (error) {
		if (!(error instanceof SpanProblem)) throw error;
		return error.message;
	}
}

/** Without what they share every span of the group would lose what it belongs to. */
function shared<T>(path: string, read: () => T): T {
	try {
		return read();
	} catch (error) {
		if (error instanceof SpanProblem) throw invalid(`${path}: ${error.message}`);
		throw error;
	}
}

function readResource(group: JsonObject, path: string): RawResource {
	const resource = isUnset(group.resource) ? {} : object(group.resource, `${path}.resource`);
	return {
		attributes: readAttributes(resource.attributes, 0),
		droppedAttributes: readCount(resource.droppedAttributesCount),
		schemaUrl: readString(group.schemaUrl),
	};
}

function readScope(group: JsonObject, path: string): RawScope {
	const scope = isUnset(group.scope) ? {} : object(group.scope, `${path}.scope`);
	return {
		name: readString(scope.name),
		version: readString(scope.version),
		attributes: readAttributes(scope.attributes, 0),
		droppedAttributes: readCount(scope.droppedAttributesCount),
		schemaUrl: readString(group.schemaUrl),
	};
}

const NO_ATTRIBUTES = new RawAttributes();
const NO_EVENTS: readonly RawEvent[] = [];
const NO_LINKS: readonly RawLink[] = [];
const NO_STATUS: JsonObject = {};

function readSpan(
	value: JsonObject,
	{ traceId, spanId, parentSpanId }: Pick<RawSpan, "traceId" | "spanId" | "parentSpanId">,
	resource: RawResource,
	scope: RawScope,
	sink: SpanSink,
): void {
	const { status: givenStatus } = value;
	const status = isObject(givenStatus) ? givenStatus : NO_STATUS;
	sink.take(
		{
			traceId,
			spanId,
			parentSpanId,
			traceState: readString(value.traceState),
			flags: readCount(value.flags),
			name: readString(value.name),
			kind: readEnum(value.kind, SPAN_KINDS),
			start: readTime(value.startTimeUnixNano, "startTimeUnixNano"),
			end: readTime(value.endTimeUnixNano, "endTimeUnixNano"),
			attributes: readAttributes(value.attributes, 0),
			droppedAttributes: readCount(value.droppedAttributesCount),
			events: isUnset(value.events) ? NO_EVENTS : items(value.events, "events").map(readEvent),
			droppedEvents: readCount(value.droppedEventsCount),
			links: isUnset(value.links) ? NO_LINKS : items(value.links, "links").map(readLink),
			droppedLinks: readCount(value.droppedLinksCount),
			statusCode: readEnum(status.code, STATUS_CODES),
			statusMessage: readString(status.message),
		},
		resource,
		scope,
	);
}

function items(value: unknown, name: string): readonly JsonObject[] {
	if (!Array.isArray(value) || !value.every(isObject)) throw new SpanProblem(`${name} must be an array of objects`);
	countParts(value.length);
	return value;
}

function countParts(count: number): void {
	partsLeft -= count;
	if (partsLeft < 0) throw tooManyParts();
}

function readEvent(event: JsonObject): RawEvent {
	return {
		time: readTime(event.timeUnixNano, "timeUnixNano") ?? { ms: 0, subNs: 0 },
		name: readString(event.name),
		attributes: readAttributes(event.attributes, 0),
		droppedAttributes: readCount(event.droppedAttributesCount),
	};
}

function readLink(link: JsonObject): RawLink {
	return {
		traceId: readLinkId(link.traceId, "traceId"),
		spanId: readLinkId(link.spanId, "spanId"),
		traceState: readString(link.traceState),
		flags: readCount(link.flags),
		attributes: readAttributes(link.attributes, 0),
		droppedAttributes: readCount(link.droppedAttributesCount),
	};
}

/** `repeated KeyValue`. */
function readAttributes(value: unknown, depth: number): RawAttributes {
	if (isUnset(value)) return NO_ATTRIBUTES;
	if (!Array.isArray(value)) throw new SpanProblem("attributes must be an array of {key, value}");
	countParts(value.length);
	const attributes = new RawAttributes();
	for (let index = 0; index < value.length; index++) {
		const entry: unknown = value[index];
		if (!isObject(entry)) throw new SpanProblem("each of the attributes must be an object with a key");
		const key = entry.key ?? "";
		if (typeof key !== "string") throw new SpanProblem("each of the attributes must be an object with a key");
		attributes.add(attributeKey(key), readValue(entry.value, depth));
	}
	return attributes.finish();
}

/** `AnyValue`; of several members the first one in the order of its definition counts. */
function readValue(value: unknown, depth: number): RawValue {
	if (!isObject(value)) {
		if (isUnset(value)) return null;
		throw new SpanProblem("the value of an attribute must be an object, as {stringValue}");
	}
	const { stringValue } = value;
	if (typeof stringValue === "string") return readText(stringValue);
	if (typeof value.intValue === "number" || typeof value.intValue === "string") return readInteger(value.intValue);
	if (typeof value.boolValue === "boolean") return value.boolValue;
	if (!isUnset(value.doubleValue)) return readDouble(value.doubleValue);
	if (isObject(value.arrayValue)) {
		if (depth === MAX_VALUE_DEPTH) throw tooDeep();
		const list = new RawList();
		const values = value.arrayValue.values ?? [];
		if (!Array.isArray(values)) throw new SpanProblem("arrayValue.values must be an array");
		countParts(values.length);
		for (let index = 0; index < values.length; index++) list.values.push(readValue(values[index], depth + 1));
		return list;
	}
	if (isObject(value.kvlistValue)) {
		if (depth === MAX_VALUE_DEPTH) throw tooDeep();
		return readAttributes(value.kvlistValue.values ?? [], depth + 1);
	}
	if (typeof value.bytesValue === "string") {
		return new RawBytes(Buffer.from(value.bytesValue, "base64").toString("base64"));
	}
	for (const member of ["stringValue", "intValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue"]) {
		if (!isUnset(value[member])) throw new SpanProblem(`${member} of an attribute has the wrong type`);
	}
	return null;
}

/** Texts that repeat, so that they are quoted once. */
const texts = new Map<string, RawText>();
const MAX_TEXTS = 4096;
const MAX_SHARED_CHARS = 48;

function readText(value: string): RawText {
	if (value.length > MAX_SHARED_CHARS) return new RawText(value);
	let text = texts.get(value);
	if (text === undefined) {
		text = new RawText(value);
		texts.set(value, text);
	}
	return text;
}

const MAX_INT64 = 2n ** 63n;

function readInteger(value: number | string): RawValue {
	// A JSON number has lost its last digits already, but some exporters send one.
	if (typeof value === "number" && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
	if (typeof value === "number" ? Number.isInteger(value) : /^-?\d{1,19}$/.test(value)) {
		const integer = BigInt(value);
		if (integer < MAX_INT64 && integer >= -MAX_INT64) return rawInteger(integer);
	}
	throw new SpanProblem("intValue must be a whole number of 64 bits, as a string of digits");
}

function readDouble(value: unknown): RawValue {
	if (typeof value === "number") return rawDouble(value);
	if (value === "NaN" || value === "Infinity" || value === "-Infinity") return new RawNumber("double", value);
	if (typeof value === "string" && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return rawDouble(Number(value));
	throw new SpanProblem("doubleValue must be a number, NaN, Infinity or -Infinity");
}

const SPAN_KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"].map(
	(word) => `SPAN_KIND_${word}`,
);
const STATUS_CODES = ["UNSET", "OK", "ERROR"].map((word) => `STATUS_CODE_${word}`);

/** An enum by its number or name; what is neither is 0, as of an enum that grew. */
function readEnum(value: unknown, names: readonly string[]): number {
	if (typeof value === "number") return Number.isInteger(value) ? value | 0 : 0;
	return typeof value === "string" ? Math.max(0, names.indexOf(value)) : 0;
}

/** A uint32. */
function readCount(value: unknown): number {
	const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
	return typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 2 ** 32 ? number : 0;
}

function readString(value: unknown): string {
	return typeof value === "string" ? value.toWellFormed() : "";
}

/** Nanoseconds since the epoch; null when absent or 0, which is how the JSON mapping says "unset". */
function readTime(value: unknown, name: string): Timestamp | null {
	if (typeof value === "string" && value.length === 19) {
		// The form of every time from 2001 to 2286.
		const ms = digits(value, 0, 13);
		const subNs = digits(value, 13, 19);
		if (ms >= 0 && subNs >= 0) return ms === 0 && subNs === 0 ? null : { ms, subNs };
	}
	if (isUnset(value) || value === "") return null;
	const isWhole = typeof value === "string" ? /^\d{1,20}$/.test(value) : Number.isInteger(value);
	const nanos = isWhole ? BigInt(value as string | number) : -1n;
	if (nanos < 0n || nanos >= 2n ** 64n) {
		throw new SpanProblem(`${name} must be nanoseconds since 1970, as a string of digits`);
	}
	return nanos === 0n ? null : nanosOf(Number(nanos >> 32n), Number(nanos & 0xffff_ffffn));
}

/** The number in `text[from..to)`, or -1 when a character there is no digit. */
function digits(text: string, from: number, to: number): number {
	let value = 0;
	for (let index = from; index < to; index++) {
		const digit = text.charCodeAt(index) - 48;
		if (!(digit >= 0 && digit <= 9)) return -1;
		value = value * 10 + digit;
	}
	return value;
}

let lastTraceId = "";
let lastTraceText = "";

/** Spans of one trace come together. */
function readTraceId(value: unknown): string {
	if (value === lastTraceId && value !== "") return lastTraceText;
	const id = readId(value, 32, "traceId");
	if (id === "") return id;
	lastTraceId = value as string;
	lastTraceText = id;
	return id;
}

function readParentId(value: unknown): string | null {
	if (isUnset(value) || value === "" || value === "0000000000000000") return null;
	return readId(value, 16, "parentSpanId");
}

function readId(value: unknown, length: 16 | 32, name: string): string {
	if (typeof value === "string" && value.length === length) {
		let isLower = true;
		let isZero = true;
		let index = 0;
		for (; index < length; index++) {
			const code = value.charCodeAt(index);
			if (code !== 48) isZero = false;
			if (code >= 48 && code <= 57) continue;
			if (code >= 97 && code <= 102) continue;
			if (code < 65 || code > 70) break;
			isLower = false;
		}
		if (index === length && !isZero) return isLower ? value : value.toLowerCase();
	}
	// Protobuf's own JSON mapping writes bytes so; OTLP's does not ("hex-encoded, not base64").
	const base64 = length === 32 ? /^[A-Za-z0-9+/_-]{22}(==)?$/ : /^[A-Za-z0-9+/_-]{11}=?$/;
	const isBase64 = typeof value === "string" && base64.test(value);
	const hint = isBase64 ? "; this looks like base64, but ids in OTLP/JSON are hex" : "";
	return refuse(`${name} must be ${length} hex digits, not all zero${hint}`);
}

/** Ids in links are kept whatever their length is, up to so many digits. */
const MAX_LINK_ID_DIGITS = 128;

function readLinkId(value: unknown, name: string): string {
	if (isUnset(value)) return "";
	if (typeof value === "string" && value.length <= MAX_LINK_ID_DIGITS && /^([0-9a-f]{2})*$/i.test(value)) {
		return value.toLowerCase();
	}
	throw new SpanProblem(`${name} of a link must be hex digits`);
}

function tooDeep(): SpanProblem {
	return new SpanProblem(`attributes are nested deeper than ${MAX_VALUE_DEPTH}`);
}

function isUnset(value: unknown): value is null | undefined {
	return value === undefined || value === null;
}

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(value: unknown, path: string): JsonObject {
	if (!isObject(value)) throw invalid(`${path} must be an object`);
	return value;
}

function list(value: unknown, path: string): readonly unknown[] {
	if (isUnset(value)) return [];
	if (!Array.isArray(value)) throw invalid(`${path} must be an array`);
	return value;
}

function invalid(message: string): OtlpError {
	return new OtlpError("malformed", message);
}
