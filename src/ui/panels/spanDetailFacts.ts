import { differenceNs, parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { jsonText } from "../../model/jsonText.ts";
import { isObject, type Json, text } from "../../model/messageShapes.ts";
import type { SpanDetail } from "../../model/span.ts";
import type { AttributeTable, SpanEventView, SpanLinkView } from "../../protocol/messages.ts";
import { attributeTable, label, optionalLabel } from "./partTexts.ts";

/** What OpenTelemetry says of a span beside its attributes, out of the wire's own words, which are not trusted. */

const MAX_EVENTS = 200;
const MAX_LINKS = 100;
const MAX_ATTRIBUTES = 200;
/** Of one event or link: they are many. */
const MAX_FEW_ATTRIBUTES = 30;

const SPAN_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUS_CODES = ["unset", "ok", "error"];

function listOf(value: unknown): readonly Json[] {
	return Array.isArray(value) ? value.filter(isObject) : [];
}

function bytesOf(list: readonly Json[]): number {
	return list.length === 0 ? 0 : jsonText(list, 0).totalBytes;
}

function attributesIn(value: Json): Json {
	return isObject(value.attributes) ? value.attributes : {};
}

/** The attributes of the span itself: a resource stands in its own section where the wire has it apart. */
export function ownAttributes({ raw, attributes }: SpanDetail): Json {
	if (!isObject(raw.resource)) return attributes;
	return Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.startsWith("resource.")));
}

export interface ListView<T> {
	readonly items: readonly T[];
	readonly omitted: number;
	/** Size of all of it as JSON, in UTF-8. */
	readonly totalBytes: number;
}

/** Events of a span in their order, with the time since its start. */
export function eventsOf({ raw, summary }: SpanDetail): ListView<SpanEventView> {
	const events = listOf(raw.events);
	return {
		items: events.slice(0, MAX_EVENTS).map((event) => {
			const time = text(event.time);
			return {
				name: label(text(event.name) ?? ""),
				time: optionalLabel(time),
				offsetNs: offsetNs(time, summary.start),
				attributes: attributeTable(attributesIn(event), MAX_FEW_ATTRIBUTES),
			};
		}),
		omitted: Math.max(0, events.length - MAX_EVENTS),
		totalBytes: bytesOf(events),
	};
}

function offsetNs(time: string | undefined, start: Timestamp | undefined): number | undefined {
	const at = time === undefined ? undefined : parseTimestamp(time);
	return at === undefined || start === undefined ? undefined : differenceNs(at, start);
}

/** Links of a span; `nameOf` answers the name of a trace that is there. */
export function linksOf({ raw }: SpanDetail, nameOf: (traceId: string) => string | undefined): ListView<SpanLinkView> {
	const links = listOf(raw.links);
	return {
		items: links.slice(0, MAX_LINKS).map((link) => ({
			traceId: label(text(link.trace_id) ?? ""),
			spanId: label(text(link.span_id) ?? ""),
			traceName: optionalLabel(nameOf(text(link.trace_id) ?? "")),
			attributes: attributeTable(attributesIn(link), MAX_FEW_ATTRIBUTES),
		})),
		omitted: Math.max(0, links.length - MAX_LINKS),
		totalBytes: bytesOf(links),
	};
}

/** Where a link of a span leads; undefined past the end. */
export function linkTarget(
	{ raw }: SpanDetail,
	index: number,
): { readonly traceId: string; readonly spanId: string } | undefined {
	const link = listOf(raw.links)[index];
	const traceId = text(link?.trace_id);
	const spanId = text(link?.span_id);
	return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}

/** What produced the span, and what recorded it: attributes first, then the rest of the wire's own words. */
export function originOf({ raw }: SpanDetail, part: "resource" | "scope"): AttributeTable | undefined {
	const origin = raw[part];
	if (!isObject(origin)) return undefined;
	const { attributes: _attributes, value_hints: _hints, ...rest } = origin;
	return attributeTable(
		{ ...(part === "scope" ? rest : {}), ...attributesIn(origin), ...(part === "scope" ? {} : rest) },
		MAX_ATTRIBUTES,
	);
}

/** What else the wire says: kind, status, trace state, what was dropped before it was sent. */
export function otelOf({ raw }: SpanDetail): AttributeTable | undefined {
	if (!isObject(raw.otel)) return undefined;
	const { kind, status_code: status, value_hints: _hints, ...rest } = raw.otel;
	const facts = {
		...(typeof kind === "number" ? { kind: SPAN_KINDS[kind] ?? kind } : {}),
		...(typeof status === "number" ? { status_code: STATUS_CODES[status] ?? status } : {}),
		...rest,
	};
	return Object.keys(facts).length === 0 ? undefined : attributeTable(facts, MAX_ATTRIBUTES);
}

/** The stack of the last exception that the span recorded, unless its error text has it already. */
export function stackOf({ raw, summary }: SpanDetail): string | undefined {
	const stack = listOf(raw.events).findLast((event) => event.name === "exception")?.attributes;
	const trace = isObject(stack) ? text(stack["exception.stacktrace"]) : undefined;
	return trace === undefined || summary.error?.includes(trace.trim()) === true ? undefined : trace;
}
