import { createHash } from "node:crypto";
import { memberTexts } from "../../base/memberText.ts";
import { parseTimestamp } from "../../base/timestamp.ts";
import type {
	ValueHint,
	WireOtel,
	WireResource,
	WireScope,
	WireSpan,
	WireSpanEvent,
	WireSpanLink,
} from "../../protocol/rest.ts";
import type { ExportTrace } from "../storage/exportReader.ts";

/**
 * Attributes of ours in exported spans, of which an import makes what was exported. `SPAN_ATTRIBUTE` is the span as REST sends it,
 * on what OTLP has no words for: a span that did not come from OpenTelemetry (there without input and output, which stand as
 * `input.value` and `output.value`), has no hex ids, or still runs. `TRACE_ATTRIBUTE` is the record of the trace, on its first span; it
 * has no tags when the trace has no record.
 */
export const SPAN_ATTRIBUTE = "traceway.span";
export const TRACE_ATTRIBUTE = "traceway.trace";

/** One span in the JSON mapping of OTLP, and what it stands under. Spans of one `resource` and `scope` text share their groups. */
export interface ExportedSpan {
	/** Members of `ResourceSpans` before its `scopeSpans`. */
	readonly resource: string;
	/** Members of `ScopeSpans` before its `spans`. */
	readonly scope: string;
	readonly span: string;
}

/** Members of a span that came by REST, but for input and output. */
const OWN_MEMBERS = [
	"id",
	"trace_id",
	"parent_id",
	"name",
	"kind",
	"status",
	"started_at",
	"ended_at",
	"metadata",
	"session_id",
] as const;

/**
 * A span as an `ExportTraceServiceRequest` in JSON has it: hex ids, nanoseconds as text, typed attributes.
 *
 * @param text the span as REST sends it.
 * @param trace the trace, for the first span of it.
 */
export function exportedSpan(text: string, trace: ExportTrace | undefined): ExportedSpan {
	const texts = memberTexts(text, [...OWN_MEMBERS, "input", "output", "attributes", "events", "links", "otel"]);
	const wire = parseShallow(text);
	const kind = parseMembers(texts.kind ?? "{}", KIND_MEMBERS);
	const otel = wire.otel ?? NO_OTEL;
	const hints = new Hints(otel.value_hints);
	const isForeign = wire.otel !== undefined;
	const traceId = hexId(wire.trace_id, 32, "");
	const spanId = hexId(wire.id, 16, wire.trace_id);
	const parentId = wire.parent_id === null ? undefined : hexId(wire.parent_id, 16, wire.trace_id);

	const attributes = new Map<string, string>();
	if (texts.attributes !== undefined) addAttributes(attributes, texts.attributes, hints, ["attributes"]);
	else if (!isForeign) addOwnAttributes(attributes, kind, wire.session_id, texts);
	const isSame =
		traceId === wire.trace_id && spanId === wire.id && (wire.parent_id === null || parentId === wire.parent_id);
	const isPlain = isForeign && isSame && wire.status !== "running";
	if (!isPlain) {
		const members = OWN_MEMBERS.flatMap((name) => {
			const value = texts[name];
			return value === undefined ? [] : [`"${name}":${value}`];
		});
		attributes.set(SPAN_ATTRIBUTE, stringValue(isForeign ? text : `{${members.join(",")}}`));
	}
	if (trace !== undefined && !(isPlain && isTold(trace, wire))) {
		attributes.set(TRACE_ATTRIBUTE, stringValue(trace.record?.text ?? `{"id":${JSON.stringify(trace.id)}}`));
	}

	const { start, end } = times(wire, otel);
	const parts = [`"traceId":"${traceId}"`, `"spanId":"${spanId}"`];
	if (otel.trace_state) parts.push(`"traceState":${JSON.stringify(otel.trace_state)}`);
	if (parentId !== undefined) parts.push(`"parentSpanId":"${parentId}"`);
	if (otel.flags) parts.push(`"flags":${otel.flags}`);
	parts.push(
		`"name":${JSON.stringify(wire.name)}`,
		`"kind":${isForeign ? otel.kind : kind.type === "llm_call" ? SPAN_KIND_CLIENT : SPAN_KIND_INTERNAL}`,
	);
	parts.push(`"startTimeUnixNano":"${start}"`, `"endTimeUnixNano":"${end}"`);
	if (attributes.size > 0) parts.push(`"attributes":${keyValues(attributes)}`);
	addCount(parts, "droppedAttributesCount", otel.dropped_attributes_count);
	if (texts.events !== undefined) parts.push(`"events":[${eventTexts(texts.events, hints).join(",")}]`);
	addCount(parts, "droppedEventsCount", otel.dropped_events_count);
	if (texts.links !== undefined) parts.push(`"links":[${linkTexts(texts.links, hints).join(",")}]`);
	addCount(parts, "droppedLinksCount", otel.dropped_links_count);
	parts.push(`"status":${statusText(wire, otel)}`);
	return {
		resource: resourceText(wire.resource, texts.kind),
		scope: scopeText(wire.scope, isForeign),
		span: `{${parts.join(",")}}`,
	};
}

/** The members that are needed as values. What may be nested to any depth (input, output, kind) stays out. */
function parseShallow(text: string): WireSpan {
	const names = OWN_MEMBERS.filter((name) => name !== "kind" && name !== "metadata");
	// What `memberTexts` leaves out is null.
	const value = { parent_id: null, ended_at: null, ...parseMembers(text, [...names, "resource", "scope", "otel"]) };
	return value as unknown as WireSpan;
}

/** Members of a JSON object as values; numbers keep their spelling. */
function parseMembers(text: string, names: readonly string[]): Readonly<Record<string, unknown>> {
	const value: Record<string, unknown> = {};
	for (const [name, member] of Object.entries(memberTexts(text, names))) {
		if (member !== undefined) value[name] = parseSpelled(member);
	}
	return value;
}

/** True when OTLP ingest makes the same record of the trace's first span. */
function isTold({ record }: ExportTrace, wire: WireSpan): boolean {
	if (record === undefined || wire.parent_id !== null || record.tagsJson !== '["otlp"]') return false;
	return wire.name === record.name && JSON.stringify(wire.started_at) === record.startedAtJson;
}

const KIND_MEMBERS = [
	"type",
	"model",
	"provider",
	"input_tokens",
	"output_tokens",
	"cache_read_tokens",
	"cache_write_tokens",
	"reasoning_tokens",
	"cost",
	"tool_name",
	"agent_name",
] as const;

const SPAN_KIND_INTERNAL = 1;
const SPAN_KIND_CLIENT = 3;

const NO_OTEL: WireOtel = { kind: 0 };

/** A number as it was written: whether it has a fraction says whether it was a double. */
class SpelledNumber {
	readonly spelling: string;
	constructor(spelling: string) {
		this.spelling = spelling;
	}
	toString(): string {
		return this.spelling;
	}
	toJSON(): number {
		return Number(this.spelling);
	}
}

/** `JSON.parse` that keeps the spelling of numbers; undefined for a text that is nested deeper than the call stack. */
function parseSpelled(text: string): unknown {
	try {
		return JSON.parse(text, ((_key: string, value: unknown, context: { readonly source?: string }) =>
			typeof value === "number" ? new SpelledNumber(context.source ?? String(value)) : value) as Reviver);
	} catch (error) {
		if (error instanceof RangeError) return undefined;
		throw error;
	}
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown;

class Hints {
	readonly #types = new Map<string, ValueHint[1]>();

	constructor(hints: readonly ValueHint[] | undefined) {
		for (const [path, type] of hints ?? []) this.#types.set(pathKey(path), type);
	}

	of(path: readonly (string | number)[]): ValueHint[1] | undefined {
		return this.#types.size === 0 ? undefined : this.#types.get(pathKey(path));
	}
}

/** Index and key may look alike only where one of them cannot stand. */
function pathKey(path: readonly unknown[]): string {
	return JSON.stringify(path.map(String));
}

const NO_HINTS = new Hints(undefined);

/** Adds `{"key":…,"value":…}` for each member of a JSON object, behind `path` as hints name it. */
function addAttributes(
	attributes: Map<string, string>,
	json: string,
	hints: Hints,
	path: readonly (string | number)[],
): void {
	const parsed = parseSpelled(json);
	// Only a span of REST can be nested so deeply, and `SPAN_ATTRIBUTE` has it all.
	if (parsed === undefined) return;
	for (const [key, value] of Object.entries(parsed as object))
		attributes.set(key, anyValue(value, hints, [...path, key]));
}

function keyValues(attributes: ReadonlyMap<string, string>): string {
	return `[${Array.from(attributes, ([key, value]) => `{"key":${JSON.stringify(key)},"value":${value}}`).join(",")}]`;
}

/** `AnyValue` of a value that `parseSpelled` read. */
function anyValue(value: unknown, hints: Hints, path: readonly (string | number)[]): string {
	switch (typeof value) {
		case "string":
			return hintedText(value, hints.of(path));
		case "boolean":
			return `{"boolValue":${value}}`;
		default:
	}
	if (value === null) return "{}";
	if (value instanceof SpelledNumber) return numberValue(value.spelling);
	if (Array.isArray(value)) {
		return `{"arrayValue":{"values":[${value.map((inner, index) => anyValue(inner, hints, [...path, index])).join(",")}]}}`;
	}
	const members = Object.entries(value as object).map(
		([key, inner]) => `{"key":${JSON.stringify(key)},"value":${anyValue(inner, hints, [...path, key])}}`,
	);
	return `{"kvlistValue":{"values":[${members.join(",")}]}}`;
}

/** A text that stands for another type, where it can: a hint may come from an import, and its text from anywhere. */
function hintedText(value: string, type: ValueHint[1] | undefined): string {
	if (type === "bytes" && /^[\w+/-]*={0,2}$/.test(value)) return `{"bytesValue":${JSON.stringify(value)}}`;
	if (type === "int" && /^-?\d{1,19}$/.test(value)) return `{"intValue":"${value}"}`;
	// NaN and the infinities are texts in the JSON mapping of protobuf, too.
	if (type === "double" && /^(NaN|-?Infinity)$/.test(value)) return `{"doubleValue":"${value}"}`;
	return stringValue(value);
}

function stringValue(text: string): string {
	return `{"stringValue":${JSON.stringify(text)}}`;
}

function numberValue(spelling: string): string {
	if (/^-?\d+$/.test(spelling) && Number.isSafeInteger(Number(spelling))) return `{"intValue":"${Number(spelling)}"}`;
	return `{"doubleValue":${Number.isFinite(Number(spelling)) ? spelling : JSON.stringify(String(Number(spelling)))}}`;
}

/** What other tools know of a span that did not come from OpenTelemetry: names of its GenAI conventions and OpenInference. */
function addOwnAttributes(
	attributes: Map<string, string>,
	kind: Readonly<Record<string, unknown>>,
	sessionId: string | undefined,
	texts: { readonly kind?: string; readonly input?: string; readonly output?: string },
): void {
	const { attributes: own } = texts.kind === undefined ? {} : memberTexts(texts.kind, ["attributes"]);
	if (own?.startsWith("{")) addAttributes(attributes, own, NO_HINTS, []);
	const isModelCall = kind.type === "llm_call";
	const names: readonly (readonly [attribute: string, value: unknown])[] = [
		["gen_ai.operation.name", isModelCall ? "chat" : kind.tool_name === undefined ? undefined : "execute_tool"],
		["gen_ai.request.model", kind.model],
		["gen_ai.provider.name", kind.provider],
		["gen_ai.system", kind.provider],
		["gen_ai.usage.input_tokens", kind.input_tokens],
		["gen_ai.usage.output_tokens", kind.output_tokens],
		["gen_ai.usage.cache_read.input_tokens", kind.cache_read_tokens],
		["gen_ai.usage.cache_creation.input_tokens", kind.cache_write_tokens],
		["gen_ai.usage.reasoning.output_tokens", kind.reasoning_tokens],
		["gen_ai.usage.cost", kind.cost],
		["gen_ai.tool.name", kind.tool_name],
		["gen_ai.agent.name", kind.agent_name],
		["gen_ai.conversation.id", sessionId],
	];
	for (const [name, value] of names) {
		if (typeof value === "string" || value instanceof SpelledNumber) {
			attributes.set(name, anyValue(value, NO_HINTS, []));
		}
	}
	for (const name of ["input", "output"] as const) {
		const value = texts[name];
		if (value === undefined) continue;
		attributes.set(`${name}.value`, stringValue(value));
		attributes.set(`${name}.mime_type`, stringValue("application/json"));
	}
}

/** Nanoseconds since 1970 as digits. A time that was missing is missing again, where an import fills in the same one. */
function times(wire: WireSpan, otel: WireOtel): { readonly start: string; readonly end: string } {
	const start = nanoseconds(wire.started_at);
	const end = wire.ended_at === null ? "0" : nanoseconds(wire.ended_at);
	if (otel.start_missing === true && otel.end_missing === true) return { start, end };
	return { start: otel.start_missing === true ? "0" : start, end: otel.end_missing === true ? "0" : end };
}

/** Digits of `fixed64`; "0", which says "unknown", for a time before 1970. */
function nanoseconds(text: string): string {
	const time = parseTimestamp(text);
	if (time === undefined || time.ms < 0) return "0";
	return time.ms === 0 ? String(time.subNs) : `${time.ms}${String(time.subNs).padStart(6, "0")}`;
}

function statusText(wire: WireSpan, otel: WireOtel): string {
	const error = typeof wire.status === "object" ? wire.status.failed.error : undefined;
	const code = otel.status_code === undefined ? (error === undefined ? 0 : 2) : Number(String(otel.status_code));
	const message = otel.status_message ?? (code === 2 && otel.status_code === undefined ? error : undefined);
	const parts = message === undefined ? [] : [`"message":${JSON.stringify(message)}`];
	if (code !== 0) parts.push(`"code":${code}`);
	return `{${parts.join(",")}}`;
}

function eventTexts(json: string, hints: Hints): string[] {
	const events = parseSpelled(json) as readonly WireSpanEvent[] | undefined;
	return (events ?? []).map((event, index) => {
		const parts = [`"timeUnixNano":"${nanoseconds(event.time)}"`, `"name":${JSON.stringify(event.name)}`];
		addMembers(parts, event.attributes, hints, ["events", index]);
		addCount(parts, "droppedAttributesCount", event.dropped_attributes_count);
		return `{${parts.join(",")}}`;
	});
}

function linkTexts(json: string, hints: Hints): string[] {
	const links = parseSpelled(json) as readonly WireSpanLink[] | undefined;
	return (links ?? []).map((link, index) => {
		const traceId = hexId(link.trace_id, 32, "");
		const parts = [`"traceId":"${traceId}"`, `"spanId":"${hexId(link.span_id, 16, link.trace_id)}"`];
		if (link.trace_state) parts.push(`"traceState":${JSON.stringify(link.trace_state)}`);
		addMembers(parts, link.attributes, hints, ["links", index]);
		addCount(parts, "droppedAttributesCount", link.dropped_attributes_count);
		if (link.flags) parts.push(`"flags":${link.flags}`);
		return `{${parts.join(",")}}`;
	});
}

function addMembers(
	parts: string[],
	attributes: Readonly<Record<string, unknown>> | undefined,
	hints: Hints,
	path: readonly (string | number)[],
): void {
	const entries = Object.entries(attributes ?? {});
	if (entries.length === 0) return;
	const values = new Map(entries.map(([key, value]) => [key, anyValue(value, hints, [...path, key])]));
	parts.push(`"attributes":${keyValues(values)}`);
}

function addCount(parts: string[], name: string, count: unknown): void {
	if (count !== undefined && String(count) !== "0") parts.push(`"${name}":${count}`);
}

function resourceText(resource: WireResource | undefined, kindText: string | undefined): string {
	const parts: string[] = [];
	if (resource !== undefined) {
		addMembers(parts, resource.attributes, new Hints(resource.value_hints), []);
		addCount(parts, "droppedAttributesCount", resource.dropped_attributes_count);
	} else {
		const service = serviceName(kindText);
		if (service !== undefined) addMembers(parts, { "service.name": service }, NO_HINTS, []);
	}
	const schema = resource?.schema_url ? `,"schemaUrl":${JSON.stringify(resource.schema_url)}` : "";
	return `"resource":{${parts.join(",")}}${schema}`;
}

function serviceName(kindText: string | undefined): string | undefined {
	const attributes = kindText === undefined ? undefined : memberTexts(kindText, ["attributes"]).attributes;
	if (!attributes?.startsWith("{")) return undefined;
	const texts = memberTexts(attributes, ["service.name", "resource.service.name"]);
	const text = texts["service.name"] ?? texts["resource.service.name"];
	return text?.startsWith('"') ? (JSON.parse(text) as string) : undefined;
}

function scopeText(scope: WireScope | undefined, isForeign: boolean): string {
	if (scope === undefined) return isForeign ? '"scope":{}' : '"scope":{"name":"traceway"}';
	const parts: string[] = [];
	if (scope.name !== "") parts.push(`"name":${JSON.stringify(scope.name)}`);
	if (scope.version) parts.push(`"version":${JSON.stringify(scope.version)}`);
	addMembers(parts, scope.attributes, new Hints(scope.value_hints), []);
	addCount(parts, "droppedAttributesCount", scope.dropped_attributes_count);
	const schema = scope.schema_url ? `,"schemaUrl":${JSON.stringify(scope.schema_url)}` : "";
	return `"scope":{${parts.join(",")}}${schema}`;
}

/**
 * The id itself where it is `digits` lower-case hex digits and not all zeros, as OpenTelemetry has it; else the beginning of a hash,
 * always the same one.
 */
function hexId(id: string, digits: number, traceId: string): string {
	if (id.length === digits && /^[0-9a-f]+$/.test(id) && /[1-9a-f]/.test(id)) return id;
	return createHash("sha256").update(`${traceId}\n${id}`).digest("hex").slice(0, digits);
}
