import { formatTimestamp, type Timestamp } from "../base/timestamp.ts";
import { isCost } from "../model/usage.ts";
import { isId } from "../protocol/ids.ts";
import { attributesText, ValueHints, valueText } from "./attributeText.ts";
import { F, FIELDS, type FieldRule, kindOfWord, MODEL_CALL, SPAN_NAME_KINDS, ValueCheck } from "./conventions.ts";
import { JsonCheck } from "./jsonCheck.ts";
import { attributesMember, compactJson, contentText, scatteredSides } from "./messages.ts";
import {
	type DecodeResult,
	type RawAttributes,
	type RawEvent,
	type RawLink,
	RawNumber,
	type RawResource,
	type RawScope,
	type RawSpan,
	type RawValue,
	type SpanSink,
} from "./rawSpan.ts";
import { RawText } from "./rawText.ts";
import type {
	IngestBatch,
	MovedAttribute,
	OtelPart,
	SeenTrace,
	SpanKindRecord,
	TokenCounts,
	WholeSpan,
} from "./spanRecord.ts";
import { kindColumns } from "./spanRow.ts";
import { kindText } from "./spanText.ts";

const TAGS_JSON = '["otlp"]';

/** Name of a trace when neither a root span nor a service names it. */
export const UNNAMED_TRACE = "otlp-trace";

/** Price of a call that names none, in US dollars; null when it is unknown. `startMs`: milliseconds since the epoch. */
export type CostEstimate = (
	model: string | null,
	provider: string | null,
	tokens: TokenCounts,
	startMs: number,
) => number | null;

/** What one request knows of a trace. */
interface TracePart {
	rootName: string | undefined;
	serviceName: string | null;
	start: Timestamp;
}

/** What is written once for all the spans that share it. */
interface ResourceTexts {
	readonly resource: RawResource;
	readonly json: string | null;
	readonly serviceName: string | null;
	/** `gen_ai.system` of the resource. */
	readonly provider: string | null;
}

/**
 * Makes rows of spans: finds by the conventions what Traceway has words for (`conventions.ts`), and writes everything else as
 * the JSON that REST answers with. One for each request.
 */
export class Normaliser implements SpanSink {
	readonly #spans: WholeSpan[] = [];
	readonly #traces = new Map<string, TracePart>();
	readonly #now: Timestamp;
	readonly #estimateCost: CostEstimate;
	#lastTraceId = "";
	#lastTrace: TracePart | undefined;
	#resource: ResourceTexts | undefined;
	#scope: { readonly scope: RawScope; readonly json: string | null } | undefined;

	/** @param now stands for a start time that is missing together with its end time. */
	constructor(now: Timestamp, estimateCost: CostEstimate) {
		this.#now = now;
		this.#estimateCost = estimateCost;
	}

	take(span: RawSpan, resource: RawResource, scope: RawScope): void {
		if (this.#resource?.resource !== resource) this.#resource = resourceTexts(resource);
		if (this.#scope?.scope !== scope) this.#scope = { scope, json: scopeText(scope) };
		const start = span.start ?? span.end ?? this.#now;
		this.#noteTrace(span, start, this.#resource.serviceName);
		this.#spans.push(wholeSpan(span, start, this.#resource, this.#scope.json, this.#estimateCost));
	}

	batch(result: DecodeResult): IngestBatch {
		const traces: SeenTrace[] = [];
		for (const [id, { rootName, serviceName, start }] of this.#traces) {
			const name = rootName || serviceName || UNNAMED_TRACE;
			traces.push({ id, name, isNameFinal: Boolean(rootName), tagsJson: TAGS_JSON, start });
		}
		return { spans: this.#spans, traces, ...result };
	}

	#noteTrace(span: RawSpan, start: Timestamp, serviceName: string | null): void {
		let trace = this.#lastTrace;
		if (trace === undefined || span.traceId !== this.#lastTraceId) {
			trace = this.#traces.get(span.traceId);
			if (trace === undefined) {
				trace = { rootName: undefined, serviceName, start };
				this.#traces.set(span.traceId, trace);
			}
			this.#lastTrace = trace;
			this.#lastTraceId = span.traceId;
		}
		if (span.parentSpanId === null) trace.rootName ??= span.name;
		trace.serviceName ??= serviceName;
		if (start.ms < trace.start.ms || (start.ms === trace.start.ms && start.subNs < trace.start.subNs)) {
			trace.start = start;
		}
	}
}

const NOT_PICKED = 255;

/** What the attributes of the span at hand tell, by the numbers of the fields; filled anew for each span. */
const ranks = new Uint8Array(FIELDS.length);
const values: RawValue[] = FIELDS.map(() => null);
/** Index of the attribute that told it. */
const places = new Int32Array(FIELDS.length);
const amounts = new Float64Array(FIELDS.length);
let isMarked = false;
let isOutsideInput = false;
let hasFlat = false;

function pick(attributes: RawAttributes): void {
	// A loop: the built-in takes longer for so few.
	for (let field = 0; field < ranks.length; field++) ranks[field] = NOT_PICKED;
	isMarked = false;
	isOutsideInput = false;
	hasFlat = false;
	const { keys } = attributes;
	for (let index = 0; index < keys.length; index++) {
		const key = keys[index];
		if (key.rule !== undefined) pickValue(key.rule, attributes.values[index], index);
		else if (key.flat !== undefined) hasFlat = true;
	}
}

function pickValue(rule: FieldRule, value: RawValue, place: number): void {
	if (rule.also !== undefined) pickValue(rule.also, value, place);
	if (value === null) return;
	const { field, rank } = rule;
	switch (rule.check) {
		case ValueCheck.text:
			if (!(value instanceof RawText) || value.isEmpty) return;
			break;
		case ValueCheck.count: {
			const count = amountOf(value);
			if (!Number.isSafeInteger(count) || count < 0) return;
			if (rank < ranks[field]) amounts[field] = count;
			break;
		}
		case ValueCheck.money: {
			const money = amountOf(value);
			if (!isCost(money)) return;
			if (rank < ranks[field]) amounts[field] = money;
			break;
		}
		case ValueCheck.amount: {
			const amount = amountOf(value);
			if (!(amount >= 0) || amount > Number.MAX_SAFE_INTEGER) return;
			if (rank < ranks[field]) amounts[field] = amount;
			break;
		}
		case ValueCheck.content:
			if (value instanceof RawText && value.isEmpty) return;
			break;
		case ValueCheck.kind:
			if (!(value instanceof RawText) || kindOfWord(value.text) === undefined) return;
			break;
	}
	if (rule.marksModelCall) isMarked = true;
	if (rule.isOutsideInput) isOutsideInput = true;
	if (rank < ranks[field]) {
		ranks[field] = rank;
		values[field] = value;
		places[field] = place;
	}
}

/** The number that a value is, also one in text; NaN for anything else. */
function amountOf(value: RawValue): number {
	if (typeof value === "number") return value;
	if (value instanceof RawNumber) return Number(value.text);
	return value instanceof RawText && /^\d{1,16}(\.\d+)?$/.test(value.text) ? Number(value.text) : Number.NaN;
}

function picked(field: number): RawValue {
	return ranks[field] === NOT_PICKED ? null : values[field];
}

function pickedText(field: number): string | null {
	const value = picked(field);
	return value instanceof RawText ? value.column : null;
}

function pickedAmount(field: number): number | null {
	return ranks[field] === NOT_PICKED ? null : amounts[field];
}

function wholeSpan(
	span: RawSpan,
	start: Timestamp,
	resource: ResourceTexts,
	scopeJson: string | null,
	estimateCost: CostEstimate,
): WholeSpan {
	pick(span.attributes);
	const session = pickedText(F.session);
	const content = contentOf(span);
	const hints = new ValueHints();
	const attributes = spanAttributesText(span.attributes, content, hints);
	const eventsJson = span.events.length === 0 ? null : eventsText(span.events, hints);
	const linksJson = span.links.length === 0 ? null : linksText(span.links, hints);
	const otel: OtelPart = {
		attributesJson: attributes === "{}" ? null : attributes,
		inputKey: content.inputKey,
		outputKey: content.outputKey,
		eventsJson,
		linksJson,
		resourceJson: resource.json,
		scopeJson,
		otelJson: otelText(span, hints.json),
	};
	return {
		id: span.spanId,
		traceId: span.traceId,
		parentId: span.parentSpanId,
		name: span.name,
		kind: kindOf(span, start, resource, estimateCost),
		sessionId: session !== null && isId(session) ? session : null,
		inputJson: content.inputJson,
		metadataJson: null,
		start,
		otel,
		// Exported spans have ended, also those whose exporter says that they ended at 0.
		end: span.end ?? start,
		outputJson: content.outputJson,
		error: span.statusCode === 2 ? span.statusMessage || "error" : null,
	};
}

function spanAttributesText(attributes: RawAttributes, content: Content, hints: ValueHints): string {
	const { inputPlace, outputPlace } = content;
	hints.enter('"attributes"');
	if (inputPlace >= 0) hintMoved(attributes, inputPlace, hints);
	if (outputPlace >= 0) hintMoved(attributes, outputPlace, hints);
	const text = attributesText(attributes, hints, inputPlace, outputPlace);
	hints.leave();
	return text;
}

/** The value of a moved attribute may need hints, too; they are the same wherever it stands. */
function hintMoved({ keys, values }: RawAttributes, place: number, hints: ValueHints): void {
	if (values[place] instanceof RawText) return;
	hints.enter(keys[place].step);
	valueText(values[place], hints);
	hints.leave();
}

/** Input and output, and where they came from. */
interface Content {
	readonly inputJson: string | null;
	readonly outputJson: string | null;
	readonly inputKey: MovedAttribute | null;
	readonly outputKey: MovedAttribute | null;
	/** Index of the attribute that is left out elsewhere, -1 for none. */
	readonly inputPlace: number;
	readonly outputPlace: number;
}

let sideJson: string | null = null;
let sideKey: MovedAttribute | null = null;
let sidePlace = -1;

/** Takes an attribute for one side; it moves there when nothing of it is lost that way. */
function readSide(attributes: RawAttributes, field: number): void {
	sideJson = null;
	sideKey = null;
	sidePlace = -1;
	if (ranks[field] === NOT_PICKED) return;
	const value = values[field];
	const place = places[field];
	const { moved, movedText } = attributes.keys[place];
	if (!(value instanceof RawText)) {
		sideJson = valueText(value, new ValueHints());
		sideKey = moved;
		sidePlace = place;
		return;
	}
	const check = value.checkJson();
	if (check === JsonCheck.loose) {
		sideJson = compactJson(value.text);
		// Spaces between tokens would be lost: the attribute stays as well.
		if (sideJson !== value.text) return;
		sideKey = movedText;
	} else if (check === JsonCheck.compact) {
		sideJson = value.text;
		sideKey = movedText;
	} else {
		sideJson = value.json;
		sideKey = moved;
	}
	sidePlace = place;
}

function contentOf(span: RawSpan): Content {
	const { attributes } = span;
	readSide(attributes, F.input);
	let inputJson = sideJson;
	const inputKey = sideKey;
	const inputPlace = sidePlace;
	// A model that answers with words and calls of tools: both are its output, and both stay where they are.
	const toolCalls = picked(F.toolCalls);
	const text = picked(F.output);
	if (toolCalls !== null && text === null) readSide(attributes, F.toolCalls);
	else readSide(attributes, F.output);
	let outputJson = sideJson;
	let outputKey = sideKey;
	let outputPlace = sidePlace;
	if (toolCalls !== null && text !== null) {
		outputJson = `{"text":${outputJson},"toolCalls":${contentText(toolCalls)}}`;
		outputKey = null;
		outputPlace = -1;
	}
	if (inputJson === null || outputJson === null) {
		const events = picked(F.events);
		if (hasFlat || events !== null || span.events.length > 0) {
			const sides = scatteredSides(span, events);
			inputJson ??= sides.inputJson;
			outputJson ??= sides.outputJson;
		}
	}
	return { inputJson, outputJson, inputKey, outputKey, inputPlace, outputPlace };
}

/** `SPAN_KIND_…` by number. */
const SPAN_KIND_WORDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

/** What the conventions say that the span is: `llm_call`, an inner kind of `custom`, or undefined when they say nothing. */
function saidKind(span: RawSpan): string | undefined {
	const word = picked(F.kind);
	if (word instanceof RawText) return kindOfWord(word.text);
	if (isMarked || ranks[F.systemName] !== NOT_PICKED) return MODEL_CALL;
	if (ranks[F.toolName] !== NOT_PICKED) return "tool_call";
	if (ranks[F.agentRun] !== NOT_PICKED && ranks[F.agentName] !== NOT_PICKED) return "agent";
	return SPAN_NAME_KINDS.get(span.name);
}

const NO_TOKENS: TokenCounts = { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };

function kindOf(span: RawSpan, start: Timestamp, resource: ResourceTexts, estimateCost: CostEstimate): SpanKindRecord {
	const said = saidKind(span);
	const isModelCall = said === MODEL_CALL;
	const tokens = tokensOf();
	const given = costOf();
	const hasUsage = tokens !== NO_TOKENS || given !== null;
	const isNamed = isModelCall || hasUsage;
	const model = isNamed ? (pickedText(F.model) ?? (isModelCall ? "unknown" : null)) : null;
	const provider = isNamed ? (pickedText(F.provider) ?? resource.provider) : null;
	const entityName = said === "tool_call" || said === "agent" ? pickedText(F.entityName) : null;
	const kind: SpanKindRecord = {
		type: isModelCall ? MODEL_CALL : "custom",
		name: said ?? SPAN_KIND_WORDS[span.kind] ?? "unspecified",
		model,
		provider,
		path: null,
		tokens,
		cost: given ?? (hasUsage ? estimateCost(model, provider, tokens, start.ms) : null),
		// What is no model call itself but reports usage has it from the calls below.
		isRollup: hasUsage && !isModelCall,
		toolName: said === "tool_call" ? (pickedText(F.toolName) ?? entityName) : null,
		agentName: pickedText(F.agentName) ?? (said === "agent" ? entityName : null),
		kindJson: null,
		attributesJson: null,
		serviceName: resource.serviceName,
	};
	return isModelCall ? withFirstToken(kind) : kind;
}

/** The few calls that tell when their first token came have it in their kind: lists do not read attributes. */
function withFirstToken(kind: SpanKindRecord): SpanKindRecord {
	const seconds = pickedAmount(F.firstTokenSeconds);
	const ms = seconds === null ? pickedAmount(F.firstTokenMs) : seconds * 1000;
	if (ms === null) return kind;
	return { ...kind, kindJson: `${kindText(kindColumns(kind), null).slice(0, -1)},"first_token_ms":${ms}}` };
}

/** The cost that the program gave, whole or in parts. */
function costOf(): number | null {
	const cost = pickedAmount(F.cost);
	if (cost !== null) return cost;
	const input = pickedAmount(F.inputCost);
	const output = pickedAmount(F.outputCost);
	return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}

function tokensOf(): TokenCounts {
	const input = pickedAmount(F.inputTokens);
	const output = pickedAmount(F.outputTokens);
	const cacheRead = pickedAmount(F.cacheReadTokens);
	const cacheWrite = pickedAmount(F.cacheWriteTokens);
	const reasoning = pickedAmount(F.reasoningTokens);
	if (cacheRead === null && cacheWrite === null) {
		if (input === null && output === null && reasoning === null) return NO_TOKENS;
		return { input, output, cacheRead, cacheWrite, reasoning };
	}
	const cached = (cacheRead ?? 0) + (cacheWrite ?? 0);
	const sent = input !== null && isCacheOutside(input, output ?? 0, cached) ? input + cached : input;
	return { input: sent, output, cacheRead, cacheWrite, reasoning };
}

/** Whether the cached tokens were not counted as input. A total tells; else they must be when they are more than the input. */
function isCacheOutside(input: number, output: number, cached: number): boolean {
	if (cached === 0) return false;
	if (cached > input) return true;
	const total = pickedAmount(F.totalTokens);
	if (total === input + output) return false;
	if (total === input + output + cached) return true;
	if (!isOutsideInput) return false;
	const names = `${pickedText(F.provider)} ${pickedText(F.model)}`.toLowerCase();
	return names.includes("anthropic") || names.includes("claude");
}

const PLAIN_OTEL = [0, 1, 2, 3, 4, 5].map((kind) => `{"kind":${kind}}`);

function otelText(span: RawSpan, hintsJson: string | undefined): string {
	let text = "";
	if (span.traceState !== "") text += `,"trace_state":${JSON.stringify(span.traceState)}`;
	if (span.flags !== 0) text += `,"flags":${span.flags}`;
	if (span.statusCode !== 0) text += `,"status_code":${span.statusCode}`;
	if (span.statusMessage !== "") text += `,"status_message":${JSON.stringify(span.statusMessage)}`;
	if (span.start === null) text += ',"start_missing":true';
	if (span.end === null) text += ',"end_missing":true';
	text += countMember("dropped_attributes_count", span.droppedAttributes);
	text += countMember("dropped_events_count", span.droppedEvents);
	text += countMember("dropped_links_count", span.droppedLinks);
	if (hintsJson !== undefined) text += `,"value_hints":${hintsJson}`;
	if (text === "" && span.kind >= 0 && span.kind < PLAIN_OTEL.length) return PLAIN_OTEL[span.kind];
	return `{"kind":${span.kind}${text}}`;
}

function countMember(name: string, count: number): string {
	return count === 0 ? "" : `,"${name}":${count}`;
}

function eventsText(events: readonly RawEvent[], hints: ValueHints): string {
	const texts = events.map(({ name, time, attributes, droppedAttributes }, index) => {
		hints.enter(`"events",${index}`);
		const attributesPart = attributesMember(attributes, hints);
		hints.leave();
		return (
			`{"name":${JSON.stringify(name)},"time":"${formatTimestamp(time) ?? ""}"${attributesPart}` +
			`${countMember("dropped_attributes_count", droppedAttributes)}}`
		);
	});
	return `[${texts.join(",")}]`;
}

function linksText(links: readonly RawLink[], hints: ValueHints): string {
	const texts = links.map(({ traceId, spanId, traceState, flags, attributes, droppedAttributes }, index) => {
		hints.enter(`"links",${index}`);
		const attributesPart = attributesMember(attributes, hints);
		hints.leave();
		return (
			`{"trace_id":"${traceId}","span_id":"${spanId}"` +
			`${traceState === "" ? "" : `,"trace_state":${JSON.stringify(traceState)}`}${countMember("flags", flags)}` +
			`${attributesPart}${countMember("dropped_attributes_count", droppedAttributes)}}`
		);
	});
	return `[${texts.join(",")}]`;
}

function resourceTexts(resource: RawResource): ResourceTexts {
	const { attributes, droppedAttributes, schemaUrl } = resource;
	const textOf = (name: string) => {
		const value = attributes.values[attributes.keys.findIndex((key) => key.name === name)];
		return value instanceof RawText && !value.isEmpty ? value.column : null;
	};
	const hints = new ValueHints();
	const text = attributesText(attributes, hints);
	const rest = sharedMembers(schemaUrl, droppedAttributes, hints);
	return {
		resource,
		json: text === "{}" && rest === "" ? null : `{"attributes":${text}${rest}}`,
		serviceName: textOf("service.name"),
		provider: textOf("gen_ai.system"),
	};
}

function scopeText({ name, version, attributes, droppedAttributes, schemaUrl }: RawScope): string | null {
	const hints = new ValueHints();
	const versionMember = version === "" ? "" : `,"version":${JSON.stringify(version)}`;
	const attributesPart = attributesMember(attributes, hints);
	const rest = versionMember + attributesPart + sharedMembers(schemaUrl, droppedAttributes, hints);
	return name === "" && rest === "" ? null : `{"name":${JSON.stringify(name)}${rest}}`;
}

function sharedMembers(schemaUrl: string, droppedAttributes: number, hints: ValueHints): string {
	let text = schemaUrl === "" ? "" : `,"schema_url":${JSON.stringify(schemaUrl)}`;
	text += countMember("dropped_attributes_count", droppedAttributes);
	return hints.json === undefined ? text : `${text},"value_hints":${hints.json}`;
}
