import type { Timestamp } from "../../base/timestamp.ts";
import { attributeKey } from "../../otlp/attributeKey.ts";
import {
	MAX_VALUE_DEPTH,
	RawAttributes,
	type RawEvent,
	type RawLink,
	RawList,
	RawNumber,
	type RawResource,
	type RawScope,
	type RawSpan,
	type RawValue,
} from "../../otlp/rawSpan.ts";
import { RawText } from "../../otlp/rawText.ts";
import { asObject, cut, decodeId, decodeTime, type JsonObject, MAX_NAME_LENGTH } from "../wire.ts";
import { decodeTimes, parseNanos } from "./decode.ts";

/** A span with its resource, as OpenTelemetry's conventions are read from it. */
export interface CloudgridSpan {
	readonly raw: RawSpan;
	readonly resource: RawResource;
}

/** Attributes, events and links of one span, with all that is in them; the rest is left out. */
const MAX_PARTS = 20_000;
/** As the mini-server bounds a name. */
const MAX_TEXT = 4 * 1024 * 1024;

export const NO_SCOPE: RawScope = {
	name: "",
	version: "",
	attributes: new RawAttributes(),
	droppedAttributes: 0,
	schemaUrl: "",
};

/** One resource for each service, so that what is worked out of it is worked out once. */
export class Resources {
	readonly #byService = new Map<string, RawResource>();

	of(serviceName: unknown): RawResource {
		const name = typeof serviceName === "string" ? cut(serviceName, MAX_NAME_LENGTH).toWellFormed() : "";
		let resource = this.#byService.get(name);
		if (resource === undefined) {
			const attributes = new RawAttributes();
			if (name !== "") attributes.add(attributeKey("service.name"), new RawText(name));
			resource = { attributes, droppedAttributes: 0, schemaUrl: "" };
			this.#byService.set(name, resource);
		}
		return resource;
	}
}

/** One span of `trace(id)`; undefined without a usable id. Nothing throws, whatever the value. */
export function decodeSpan(value: unknown, traceId: string, resources: Resources): CloudgridSpan | undefined {
	const span = asObject(value);
	const spanId = decodeId(span?.id);
	if (span === undefined || spanId === undefined) return undefined;
	const parts = { left: MAX_PARTS };
	const { start, end } = decodeTimes(span);
	const attributes = readAttributes(span.attributes, parts, 0);
	const events = readEvents(span, start, parts);
	const statusCode = span.status === "ok" ? 1 : span.status === "error" ? 2 : 0;
	return {
		raw: {
			traceId,
			spanId,
			parentSpanId: decodeId(span.parentSpanId) ?? null,
			traceState: "",
			flags: 0,
			name: text(span.name, MAX_NAME_LENGTH),
			kind: kindNumber(span.kind),
			start: start ?? null,
			end: end ?? null,
			attributes,
			droppedAttributes: 0,
			events,
			droppedEvents: 0,
			links: readLinks(span.links, parts),
			droppedLinks: 0,
			statusCode,
			statusMessage: statusCode === 2 ? errorText(span, events) : "",
		},
		resource: resources.of(span.serviceName),
	};
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** `server`, `SERVER`, `SPAN_KIND_SERVER` → the number of OpenTelemetry's definition. */
function kindNumber(kind: unknown): number {
	if (typeof kind !== "string" || kind.length > 32) return 0;
	return Math.max(0, KINDS.indexOf(kind.toLowerCase().replace(/^span_kind_/, "")));
}

/** CloudGrid keeps a status without its message: what went wrong stands in the attributes, or in an exception. */
function errorText(span: JsonObject, events: readonly RawEvent[]): string {
	const attributes = asObject(span.attributes) ?? {};
	for (const key of ["otel.status_description", "status.message", "exception.message", "error.message"]) {
		const value = attributes[key];
		if (typeof value === "string" && value !== "") return text(value, MAX_NAME_LENGTH * 8);
	}
	for (const event of events) {
		const at = event.attributes.keys.findIndex(({ name }) => name === "exception.message");
		const value = event.attributes.values[at];
		if (value instanceof RawText && !value.isEmpty) return cut(value.text, MAX_NAME_LENGTH * 8);
	}
	return "";
}

interface Parts {
	left: number;
}

function readEvents(span: JsonObject, start: Timestamp | undefined, parts: Parts): RawEvent[] {
	const events = objects(span.events, parts).map((event): RawEvent => {
		const time = parseNanos(event.timestampUnixNano) ?? decodeTime(event.timestamp) ?? start ?? { ms: 0, subNs: 0 };
		const attributes = readAttributes(event.attributes, parts, 0);
		return { time, name: text(event.name, MAX_NAME_LENGTH), attributes, droppedAttributes: 0 };
	});
	// The same exceptions, told a second time; where the events are missing they are all there is.
	if (events.some(({ name }) => name === "exception")) return events;
	for (const exception of objects(span.exceptions, parts)) {
		const told = {
			"exception.type": exception.type,
			"exception.message": exception.message,
			"exception.stacktrace": exception.stacktrace,
		};
		const said = Object.fromEntries(Object.entries(told).filter(([, value]) => typeof value === "string"));
		const time = decodeTime(exception.timestamp) ?? start ?? { ms: 0, subNs: 0 };
		events.push({ time, name: "exception", attributes: readAttributes(said, parts, 0), droppedAttributes: 0 });
	}
	return events;
}

function readLinks(value: unknown, parts: Parts): RawLink[] {
	return objects(value, parts).map((link) => {
		const attributes = readAttributes(link.attributes, parts, 0);
		if (typeof link.direction === "string" && link.direction !== "unknown") {
			attributes.add(attributeKey("cloudgrid.direction"), new RawText(text(link.direction, 64)));
		}
		return {
			traceId: linkId(link.traceId),
			spanId: linkId(link.spanId),
			traceState: text(link.traceState, MAX_NAME_LENGTH),
			flags: 0,
			attributes: attributes.finish(),
			droppedAttributes: 0,
		};
	});
}

/** Written into JSON as it is, so nothing but digits gets there. */
function linkId(value: unknown): string {
	return typeof value === "string" && /^[0-9a-fA-F]{1,64}$/.test(value) ? value.toLowerCase() : "";
}

function objects(value: unknown, parts: Parts): JsonObject[] {
	if (!Array.isArray(value)) return [];
	const found = value
		.slice(0, Math.max(0, parts.left))
		.map(asObject)
		.filter((one) => one !== undefined);
	parts.left -= found.length;
	return found;
}

function readAttributes(value: unknown, parts: Parts, depth: number): RawAttributes {
	const attributes = new RawAttributes();
	for (const [name, one] of Object.entries(asObject(value) ?? {})) {
		if (parts.left-- <= 0) break;
		attributes.add(attributeKey(text(name, MAX_NAME_LENGTH)), readValue(one, parts, depth + 1));
	}
	return attributes.finish();
}

function readValue(value: unknown, parts: Parts, depth: number): RawValue {
	switch (typeof value) {
		case "string":
			return new RawText(text(value, MAX_TEXT));
		case "boolean":
			return value;
		case "number":
			// Beyond 2^53 the text of the answer had more digits than a number keeps; what is left says so.
			if (Number.isInteger(value) && !Number.isSafeInteger(value)) return new RawNumber("double", String(value));
			return Number.isFinite(value) ? value : null;
		case "object":
			if (value === null || depth >= MAX_VALUE_DEPTH) return null;
			if (!Array.isArray(value)) return readAttributes(value, parts, depth);
			return readList(value, parts, depth);
		default:
			return null;
	}
}

function readList(value: readonly unknown[], parts: Parts, depth: number): RawList {
	const list = new RawList();
	for (const one of value) {
		if (parts.left-- <= 0) break;
		list.values.push(readValue(one, parts, depth + 1));
	}
	return list;
}

function text(value: unknown, maxLength: number): string {
	return typeof value === "string" ? cut(value, maxLength).toWellFormed() : "";
}
