import { formatTimestamp } from "../base/timestamp.ts";
import { SPAN_STATES } from "../model/span.ts";
import type { KindColumns, SpanRow } from "./spanRow.ts";

/** The span as it goes over the wire, JSON text; put together from stored texts without parsing them. */
export function spanText(row: SpanRow): string {
	if (row.otelJson === null) return `${membersText(row, row.attributesJson)}}`;
	const attributes = otelAttributesText(row);
	let text = membersText(row, attributes);
	if (attributes !== null) text += `,"attributes":${attributes}`;
	if (row.eventsJson !== null) text += `,"events":${row.eventsJson}`;
	if (row.linksJson !== null) text += `,"links":${row.linksJson}`;
	if (row.resourceJson !== null) text += `,"resource":${row.resourceJson}`;
	if (row.scopeJson !== null) text += `,"scope":${row.scopeJson}`;
	return `${text},"otel":${row.otelJson}}`;
}

/**
 * The span as an event tells of it: with all of Traceway's fields. What OpenTelemetry says beyond them, much of it a second time,
 * is for those who ask for the span.
 */
export function toldText(row: SpanRow): string {
	if (row.otelJson === null) return `${membersText(row, row.attributesJson)}}`;
	const text = membersText(row, row.kindType === "custom" ? otelAttributesText(row) : null);
	if (row.serviceName === null || row.kindType === "custom") return `${text}}`;
	return `${text},"resource":{"attributes":{"service.name":${JSON.stringify(row.serviceName)}}}}`;
}

/** Traceway's fields, without the closing bracket. */
function membersText(row: SpanRow, attributes: string | null): string {
	let text =
		`{"id":${JSON.stringify(row.id)},"trace_id":${JSON.stringify(row.traceId)},` +
		`"parent_id":${row.parentId === null ? "null" : JSON.stringify(row.parentId)},"name":${JSON.stringify(row.name)},` +
		`"kind":${kindText(row, kindAttributesText(row, attributes))},"status":${statusText(row)},` +
		`"started_at":${timeText(row.startMs, row.startSub)},` +
		`"ended_at":${row.endMs === null ? "null" : timeText(row.endMs, row.endSub ?? 0)}`;
	if (row.inputJson !== null) text += `,"input":${row.inputJson}`;
	if (row.outputJson !== null) text += `,"output":${row.outputJson}`;
	const metadata = metadataText(row);
	if (metadata !== undefined) text += `,"metadata":${metadata}`;
	return row.sessionId === null ? text : `${text},"session_id":${JSON.stringify(row.sessionId)}`;
}

/** The wire object of a kind; `attributes` are those of a custom kind. */
export function kindText(kind: KindColumns, attributes: string | null): string {
	const isCustom = kind.kindType === "custom";
	const attributesPart = isCustom ? `,"attributes":${attributes ?? "{}"}}` : "}";
	if (kind.kindJson !== null) return `${kind.kindJson.slice(0, -1)}${attributesPart}`;
	let text = `{"type":${JSON.stringify(kind.kindType)}`;
	if (isCustom) text += `,"kind":${JSON.stringify(kind.kindName)}`;
	if (kind.model !== null) text += `,"model":${JSON.stringify(kind.model)}`;
	if (kind.provider !== null) text += `,"provider":${JSON.stringify(kind.provider)}`;
	if (kind.inputTokens !== null) text += `,"input_tokens":${kind.inputTokens}`;
	if (kind.outputTokens !== null) text += `,"output_tokens":${kind.outputTokens}`;
	if (kind.cacheReadTokens !== null) text += `,"cache_read_tokens":${kind.cacheReadTokens}`;
	if (kind.cacheWriteTokens !== null) text += `,"cache_write_tokens":${kind.cacheWriteTokens}`;
	if (kind.reasoningTokens !== null) text += `,"reasoning_tokens":${kind.reasoningTokens}`;
	if (kind.cost !== null) text += `,"cost":${kind.cost}`;
	if (kind.isRollup !== 0) text += ',"usage_scope":"subtree"';
	if (kind.path !== null) text += `,"path":${JSON.stringify(kind.path)}`;
	if (kind.toolName !== null) text += `,"tool_name":${JSON.stringify(kind.toolName)}`;
	if (kind.agentName !== null) text += `,"agent_name":${JSON.stringify(kind.agentName)}`;
	return text + attributesPart;
}

/** A custom kind from OpenTelemetry shows the attributes of its resource as well, prefixed (reference, section 7). */
function kindAttributesText(row: SpanRow, attributes: string | null): string | null {
	if (row.kindType !== "custom" || row.resourceJson === null || row.otelJson === null) return attributes;
	return joinObjects(attributes, prefixedResource(row.resourceJson));
}

/** All attributes of a span from OpenTelemetry, with those that stand as input and output. */
function otelAttributesText(row: SpanRow): string | null {
	if (row.movedJson === null) return row.attributesJson;
	const [input, output] = movedAttributes(row.movedJson);
	let moved = "";
	for (const [attribute, value] of [
		[input, row.inputJson],
		[output, row.outputJson],
	] as const) {
		if (attribute === null || attribute === undefined || value === null) continue;
		const [key, isJsonText] = attribute;
		moved += `,${JSON.stringify(key)}:${isJsonText ? JSON.stringify(value) : value}`;
	}
	return moved === "" ? row.attributesJson : joinObjects(row.attributesJson, `{${moved.slice(1)}}`);
}

type MovedAttributes = readonly (readonly [key: string, isJsonText: number] | null)[];

/** A few conventions use the same few keys. */
const movedTexts = new Map<string, MovedAttributes>();
const MAX_MOVED_TEXTS = 100;

function movedAttributes(movedJson: string): MovedAttributes {
	let moved = movedTexts.get(movedJson);
	if (moved === undefined) {
		moved = JSON.parse(movedJson) as MovedAttributes;
		if (movedTexts.size >= MAX_MOVED_TEXTS) movedTexts.clear();
		movedTexts.set(movedJson, moved);
	}
	return moved;
}

function joinObjects(first: string | null, second: string): string {
	if (first === null || first === "{}") return second;
	return second === "{}" ? first : `${first.slice(0, -1)},${second.slice(1)}`;
}

/** Resources are few and their spans many. */
const prefixedResources = new Map<string, string>();
const MAX_PREFIXED = 100;

function prefixedResource(resourceJson: string): string {
	let text = prefixedResources.get(resourceJson);
	if (text === undefined) {
		const { attributes } = JSON.parse(resourceJson) as { attributes?: Readonly<Record<string, unknown>> };
		const entries = Object.entries(attributes ?? {}).map(([key, value]) => [`resource.${key}`, value]);
		text = JSON.stringify(Object.fromEntries(entries));
		if (prefixedResources.size >= MAX_PREFIXED) prefixedResources.clear();
		prefixedResources.set(resourceJson, text);
	}
	return text;
}

function statusText(row: SpanRow): string {
	if (row.error === null) return `"${SPAN_STATES[row.status]}"`;
	return `{"failed":{"error":${JSON.stringify(row.error)}}}`;
}

/** A stored time is one that was read or made here, so it has a text; the year range was checked at the door. */
export function timeText(ms: number, subNs: number): string {
	return `"${formatTimestamp({ ms, subNs }) ?? ""}"`;
}

/** What the caller sent, and for an ended span what follows from its numbers; the caller's own words win. */
function metadataText(row: SpanRow): string | undefined {
	const own = row.metadataJson;
	if (row.durationMs === null) return own ?? undefined;
	let members = "";
	const add = (name: string, value: number | null) => {
		if (value !== null && !own?.includes(`"${name}"`)) members += `,"${name}":${value}`;
	};
	add("duration_ms", row.durationMs);
	if (row.inputTokens !== null || row.outputTokens !== null) {
		add("total_tokens", (row.inputTokens ?? 0) + (row.outputTokens ?? 0));
	}
	add("estimated_cost", row.cost);
	if (members === "") return own ?? undefined;
	if (own === null || own === "{}") return `{${members.slice(1)}}`;
	return `${own.slice(0, -1)}${members}}`;
}
