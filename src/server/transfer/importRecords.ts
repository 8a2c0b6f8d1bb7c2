import { JsonCursor, JsonProblem, parsePiece } from "../../base/jsonCursor.ts";
import { memberTexts } from "../../base/memberText.ts";
import { SPAN_STATES } from "../../model/span.ts";
import { decodeJson } from "../../otlp/jsonDecode.ts";
import { Normaliser, UNNAMED_TRACE } from "../../otlp/normalise.ts";
import { OtlpError } from "../../otlp/otlpError.ts";
import type {
	IngestBatch,
	MovedAttribute,
	OtelPart,
	SeenTrace,
	SpanKindRecord,
	WholeSpan,
} from "../../otlp/spanRecord.ts";
import type { SpanKindInput } from "../../protocol/rest.ts";
import { type ImportSpan, importRecordSchema, importSpanSchema } from "../../protocol/transfer.ts";
import { HttpError, httpErrorOfOtlp } from "../errors.ts";
import { checkId, checkTime, describeIssue } from "../http/validation.ts";
import { DEFAULT_KIND, estimateCost, prepareKind } from "../spanKind.ts";
import type { NewTrace } from "../storage/store.ts";
import { SPAN_ATTRIBUTE, TRACE_ATTRIBUTE } from "./otlpExport.ts";

/** Reasons that are kept, the first ones. */
const MAX_ERRORS = 20;

/** Deeper attributes are refused, as those of OTLP are: whoever reads them later may do so by recursion. */
const MAX_DEPTH = 64;

/**
 * Reads an export, Traceway's JSON (`{"traces":{id:[span, …]}}`) or OTLP JSON (`{"resourceSpans":[…]}`), into what the store takes.
 * Spans that cannot be taken are counted with their reason; the rest goes on without them.
 */
export class ImportReader {
	readonly spans: WholeSpan[] = [];
	/** Records of traces; to be stored before the spans, which may belong to them. */
	readonly records = new Map<string, NewTrace>();
	readonly errors: string[] = [];
	rejected = 0;
	readonly #text: string;
	readonly #seen = new Map<string, SeenTrace>();
	/** Traces that had no record where they were exported. */
	readonly #withoutRecord = new Set<string>();
	readonly #now = { ms: Date.now(), subNs: 0 };

	/** @param text the whole body. */
	constructor(text: string) {
		this.#text = text;
	}

	/** Traces that only their spans from OpenTelemetry name. */
	get seenTraces(): readonly SeenTrace[] {
		return [...this.#seen.values()].filter(({ id }) => !this.records.has(id) && !this.#withoutRecord.has(id));
	}

	/** Number of traces that were named. */
	get traceCount(): number {
		const ids = new Set(this.records.keys());
		for (const { traceId } of this.spans) ids.add(traceId);
		return ids.size;
	}

	/**
	 * Reads everything; yields after each portion of work, so that the event loop gets its turns. Nothing is complete before the end.
	 *
	 * @throws HttpError 400 for what is no JSON, 422 for JSON of another shape.
	 */
	*read(): Generator<void> {
		try {
			yield* this.#read();
		} catch (error) {
			throw error instanceof JsonProblem ? invalidJson(error) : error;
		}
	}

	*#read(): Generator<void> {
		const cursor = new JsonCursor(this.#text);
		if (cursor.peek() !== "{") throw wrongShape();
		let isKnown = false;
		for (const key of cursor.keys()) {
			const next = cursor.peek();
			if (key === "traces" && next === "{") yield* this.#readTraces(cursor);
			else if (key === "records" && next === "{") yield* this.#readRecords(cursor);
			else if (key === "resourceSpans" && next === "[") yield* this.#readOtlp(cursor);
			else {
				parsePiece(cursor.value());
				continue;
			}
			isKnown = true;
		}
		cursor.end();
		if (!isKnown) throw wrongShape();
	}

	/** Notes that a trace has another record already. */
	leaveOutRecord(id: string): void {
		this.#leaveOut(`records.${shown(id)}: the trace has another record already, which stays`);
	}

	#leaveOut(why: string): void {
		this.rejected++;
		if (this.errors.length < MAX_ERRORS) this.errors.push(why);
	}

	*#readTraces(cursor: JsonCursor): Generator<void> {
		for (const traceId of cursor.keys()) {
			const where = `traces.${shown(traceId)}`;
			if (cursor.peek() !== "[") throw new HttpError(422, "invalid_body", `${where}: must be an array of spans`);
			for (const index of cursor.elements()) {
				this.#addSpan(cursor.value(), traceId, `${where}[${index}]`);
				yield;
			}
		}
	}

	*#readRecords(cursor: JsonCursor): Generator<void> {
		for (const traceId of cursor.keys()) {
			const value = parsePiece(cursor.value());
			this.#try(`records.${shown(traceId)}`, () => this.#addRecord(traceId, value));
			yield;
		}
	}

	*#readOtlp(cursor: JsonCursor): Generator<void> {
		for (const index of cursor.elements()) {
			this.#addResourceSpans(parsePiece(cursor.value()), `resourceSpans[${index}]`);
			yield;
		}
	}

	/** Adds what stands at `where`, or notes why it is left out. */
	#try(where: string, add: () => void): void {
		try {
			add();
		} catch (error) {
			const problem = error instanceof JsonProblem ? invalidJson(error) : error;
			if (!(problem instanceof HttpError)) throw error;
			this.#leaveOut(`${where}: ${problem.message}`);
		}
	}

	#addRecord(id: string, value: unknown): void {
		const record = check(importRecordSchema, value);
		this.records.set(checkId(id, "trace"), {
			id,
			name: record.name?.toWellFormed() ?? null,
			tagsJson: JSON.stringify(record.tags ?? []),
			start: checkTime(record.started_at, "started_at"),
		});
	}

	#addSpan(text: string, traceId: string, where: string): void {
		const value = parsePiece(text);
		this.#try(where, () => this.spans.push(wholeSpan(check(importSpanSchema, value), text, traceId)));
	}

	/** A span out of `SPAN_ATTRIBUTE`, with the input and output that stand in attributes of their own. */
	#addOwnSpan(own: string, span: unknown): void {
		const isWhole = Object.hasOwn(parseOwn(own, SPAN_ATTRIBUTE), "otel");
		const text = isWhole ? own : withPayload(own, span);
		const value = parseOwn(text, `${SPAN_ATTRIBUTE} with input.value and output.value`);
		this.spans.push(wholeSpan(check(importSpanSchema, value), text, undefined));
	}

	/** One element of `resourceSpans`, scope by scope, so that spans keep their order. */
	#addResourceSpans(value: unknown, where: string): void {
		const scopes = isObject(value) ? value.scopeSpans : undefined;
		if (!isObject(value) || !Array.isArray(scopes)) {
			this.#decode(value, where, "");
			return;
		}
		for (const [index, scope] of scopes.entries()) {
			const path = `.scopeSpans[${index}]`;
			if (isObject(scope) && Array.isArray(scope.spans)) {
				// Spans that we exported ourselves become what they were.
				scope.spans = scope.spans.filter((span, at) => !this.#tryOwn(span, `${where}${path}.spans[${at}]`));
			}
			this.#decode({ ...value, scopeSpans: [scope] }, where, path);
		}
	}

	/** Takes the attributes of ours off a span; true when it has been added, or left out, by them. */
	#tryOwn(span: unknown, where: string): boolean {
		const record = takeAttribute(span, TRACE_ATTRIBUTE);
		if (record !== undefined) this.#try(where, () => this.#addOwnRecord(parseOwn(record, TRACE_ATTRIBUTE)));
		const own = takeAttribute(span, SPAN_ATTRIBUTE);
		if (own !== undefined) this.#try(where, () => this.#addOwnSpan(own, span));
		return own !== undefined;
	}

	/** Spans as any program sends them, of one scope at most; `path` is its place in the element at `where`. */
	#decode(resourceSpans: unknown, where: string, path: string): void {
		const place = (problem: string) => problem.replace(/resourceSpans\[0\](\.scopeSpans\[0\])?/, where + path);
		const normaliser = new Normaliser(this.#now, estimateCost);
		let batch: IngestBatch;
		try {
			batch = normaliser.batch(decodeJson({ resourceSpans: [resourceSpans] }, normaliser));
		} catch (error) {
			if (!(error instanceof OtlpError)) throw error;
			throw httpErrorOfOtlp(new OtlpError(error.reason, place(error.message)));
		}
		for (const span of batch.spans) this.spans.push(span);
		for (const trace of batch.traces) this.#seen.set(trace.id, merged(this.#seen.get(trace.id), trace));
		this.rejected += batch.rejectedSpans;
		if (batch.firstProblem !== undefined && this.errors.length < MAX_ERRORS) {
			this.errors.push(place(batch.firstProblem));
		}
	}

	#addOwnRecord(value: JsonObject): void {
		const { id } = value;
		if (typeof id !== "string") throw new HttpError(422, "invalid_body", `${TRACE_ATTRIBUTE}: has no id`);
		if (Object.hasOwn(value, "tags")) this.#addRecord(id, value);
		else this.#withoutRecord.add(id);
	}
}

function invalidJson({ message }: JsonProblem): HttpError {
	return new HttpError(400, "invalid_json", `body: ${message}`);
}

/**
 * A checked span of an export.
 *
 * @param text its JSON, out of which the parts are cut that are stored as they are.
 * @param traceId id of the trace that it stands under, if any.
 * @throws HttpError 422
 */
function wholeSpan(value: ImportSpan, text: string, traceId: string | undefined): WholeSpan {
	const id = value.trace_id ?? traceId;
	if (id === undefined) throw invalid("trace_id: is missing, must be a string");
	if (traceId !== undefined && id !== traceId)
		throw invalid("trace_id: is not the id of the trace that it stands under");
	const texts = memberTexts(text, ["kind", "input", "output", "metadata", ...OTEL_MEMBERS]);
	const start = checkTime(value.started_at, "started_at");
	const end = checkTime(value.ended_at, "ended_at");
	if (start === undefined) throw invalid("started_at: is missing, must be a time like 2026-03-06T09:00:00.125Z");
	const state = typeof value.status === "string" ? value.status : SPAN_STATES[2];
	if (state === "running" && end !== undefined) throw invalid("ended_at: must be null because status is running");
	if (state !== "running" && end === undefined) throw invalid(`ended_at: is missing, though status is ${state}`);
	const failure = typeof value.status === "object" ? value.status.failed.error.toWellFormed() : "error";
	const kind = kindOf(value, texts.kind);
	const durationMs = end === undefined ? undefined : end.ms - start.ms + (end.subNs - start.subNs) / 1e6;
	return {
		id: value.id,
		traceId: checkId(id, "trace"),
		parentId: value.parent_id ?? null,
		name: value.name.toWellFormed(),
		kind,
		sessionId: value.session_id?.toWellFormed() ?? null,
		inputJson: texts.input ?? null,
		outputJson: texts.output ?? null,
		metadataJson: ownMetadata(value.metadata, texts.metadata, kind, durationMs),
		start,
		end,
		error: state === "failed" ? failure : null,
		otel: value.otel === undefined || value.otel === null ? undefined : otelPart(texts),
	};
}

const OTEL_MEMBERS = ["attributes", "events", "links", "resource", "scope", "otel"] as const;
type PartTexts = Readonly<Partial<Record<(typeof OTEL_MEMBERS)[number] | "input" | "output", string>>>;

function kindOf(value: ImportSpan, text: string | undefined): SpanKindRecord {
	const kind = value.kind as SpanKindInput | null | undefined;
	if (kind === undefined || kind === null || text === undefined) return DEFAULT_KIND;
	// A custom kind from OpenTelemetry only shows the attributes of its span and resource.
	const isShown = value.otel !== undefined && value.otel !== null;
	return prepareKind(kind, isShown ? undefined : memberTexts(text, ["attributes"]).attributes);
}

/** What an answer adds to the metadata of an ended span would be added again; so it is left out where it says the same. */
function ownMetadata(
	metadata: Readonly<Record<string, unknown>> | null | undefined,
	text: string | undefined,
	kind: SpanKindRecord,
	durationMs: number | undefined,
): string | null {
	if (metadata === undefined || metadata === null || text === undefined) return null;
	const { input, output } = kind.tokens;
	const added: Readonly<Record<string, unknown>> = {
		duration_ms: durationMs,
		total_tokens: input === null && output === null ? undefined : (input ?? 0) + (output ?? 0),
		estimated_cost: kind.cost,
	};
	const names = Object.keys(metadata);
	const own = names.filter((name) => !Object.hasOwn(added, name) || added[name] !== metadata[name]);
	if (own.length === names.length || durationMs === undefined) return text;
	if (own.length === 0) return null;
	const texts: Readonly<Record<string, string | undefined>> = memberTexts(text, own);
	return `{${own.map((name) => `${JSON.stringify(name)}:${texts[name] ?? "null"}`).join(",")}}`;
}

function otelPart(texts: PartTexts): OtelPart {
	for (const name of OTEL_MEMBERS) {
		if (depthOf(texts[name] ?? "") > MAX_DEPTH) throw invalid(`${name}: is nested deeper than ${MAX_DEPTH}`);
	}
	const attributes = new Map<string, string>();
	if (texts.attributes !== undefined) {
		const cursor = new JsonCursor(texts.attributes);
		for (const key of cursor.keys()) attributes.set(key, cursor.value());
	}
	const inputKey = takeMoved(attributes, texts.input);
	const outputKey = takeMoved(attributes, texts.output);
	const rest = Array.from(attributes, ([key, value]) => `${JSON.stringify(key)}:${value}`);
	return {
		attributesJson: rest.length === 0 ? null : `{${rest.join(",")}}`,
		inputKey,
		outputKey,
		eventsJson: texts.events ?? null,
		linksJson: texts.links ?? null,
		resourceJson: texts.resource ?? null,
		scopeJson: texts.scope ?? null,
		otelJson: texts.otel ?? null,
	};
}

/** The attribute that input (output) is the value of, taken out: the last of several, behind which nothing else would move. */
function takeMoved(attributes: Map<string, string>, value: string | undefined): MovedAttribute | null {
	if (value === undefined) return null;
	const asText = JSON.stringify(value);
	let found: MovedAttribute | null = null;
	for (const [key, attribute] of attributes) {
		if (attribute === value) found = { key, isJsonText: false };
		else if (attribute === asText) found = { key, isJsonText: true };
	}
	if (found !== null) attributes.delete(found.key);
	return found;
}

/** How deep the brackets of a JSON text go. */
function depthOf(text: string): number {
	let depth = 0;
	let deepest = 0;
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth);
		else if (code === 125 || code === 93) depth--;
		else if (code === QUOTE) {
			for (at = text.indexOf('"', at + 1); isEscaped(text, at); ) at = text.indexOf('"', at + 1);
		}
	}
	return deepest;
}

const QUOTE = 34;

function isEscaped(text: string, at: number): boolean {
	let before = at;
	while (text[before - 1] === "\\") before--;
	return (at - before) % 2 === 1;
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What two parts of a trace tell of it: the better name, the earlier start. */
function merged(known: SeenTrace | undefined, seen: SeenTrace): SeenTrace {
	if (known === undefined) return seen;
	const rank = ({ name, isNameFinal }: SeenTrace) => (isNameFinal ? 2 : name === UNNAMED_TRACE ? 0 : 1);
	const named = rank(seen) > rank(known) ? seen : known;
	const isEarlier =
		seen.start.ms < known.start.ms || (seen.start.ms === known.start.ms && seen.start.subNs < known.start.subNs);
	return { ...named, start: isEarlier ? seen.start : known.start };
}

/** Text of an attribute of ours, which is taken out of the span; undefined when there is none. */
function takeAttribute(span: unknown, key: string): string | undefined {
	if (!isObject(span) || !Array.isArray(span.attributes)) return undefined;
	const text = attributeText(span.attributes, key);
	if (text !== undefined) {
		const rest = span.attributes.filter((attribute) => !isObject(attribute) || attribute.key !== key);
		if (rest.length > 0) span.attributes = rest;
		else delete span.attributes;
	}
	return text;
}

function attributeText(attributes: readonly unknown[], key: string): string | undefined {
	for (const attribute of attributes) {
		if (!isObject(attribute) || attribute.key !== key || !isObject(attribute.value)) continue;
		const { stringValue } = attribute.value;
		if (typeof stringValue === "string") return stringValue;
	}
	return undefined;
}

/** Joins texts; whether that is JSON is for the caller to see. */
function withPayload(own: string, span: unknown): string {
	const attributes = isObject(span) && Array.isArray(span.attributes) ? span.attributes : [];
	let members = "";
	for (const name of ["input", "output"]) {
		const value = attributeText(attributes, `${name}.value`);
		if (value !== undefined) members += `,"${name}":${value}`;
	}
	return `${own.slice(0, own.lastIndexOf("}"))}${members}}`;
}

/** A JSON object that came inside a text. @throws HttpError 422 */
function parseOwn(text: string, what: string): JsonObject {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
	}
	if (!isObject(value)) throw invalid(`${what}: must be a JSON object`);
	return value;
}

function check<T>(schema: { safeParse(value: unknown): ParseResult<T> }, value: unknown): T {
	const result = schema.safeParse(value);
	if (!result.success) throw invalid(describeIssue(result.error.issues[0], value));
	return result.data;
}

type ParseResult<T> =
	| { readonly success: true; readonly data: T }
	| { readonly success: false; readonly error: { readonly issues: Parameters<typeof describeIssue>[0][] } };

function invalid(message: string): HttpError {
	return new HttpError(422, "invalid_body", message);
}

function wrongShape(): HttpError {
	return invalid('body: must be an export, {"traces":{"<id>":[…]}} of Traceway or {"resourceSpans":[…]} of OTLP');
}

function shown(text: string): string {
	return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
