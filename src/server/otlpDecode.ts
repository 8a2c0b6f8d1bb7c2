import type { Timestamp } from "../base/timestamp.ts";
import type { SpanKindInput } from "../protocol/rest.ts";
import { HttpError } from "./errors.ts";

/**
 * Reads OTLP/JSON (opentelemetry-proto, `ExportTraceServiceRequest` in the JSON mapping of the OTLP specification) into
 * Traceway's words by the reference, section 7, with two differences: hex ids stay as they came, in lower case, and times
 * keep their nanoseconds.
 */
export interface OtlpSpan {
	/** 32 lower-case hex digits. */
	readonly traceId: string;
	/** 16 lower-case hex digits. */
	readonly spanId: string;
	readonly parentSpanId: string | null;
	readonly name: string;
	readonly kind: SpanKindInput;
	/** Attributes of a span that became an `llm_call`, which has no place for them in its kind. */
	readonly metadata: Readonly<Record<string, unknown>> | undefined;
	/** Text of a failed span; undefined when it completed. */
	readonly error: string | undefined;
	readonly start: Timestamp;
	readonly end: Timestamp;
	/** `service.name` of its resource. */
	readonly serviceName: string | undefined;
}

export interface OtlpBatch {
	readonly spans: readonly OtlpSpan[];
	/** Spans that were left out, and why the first one was, with its place. */
	readonly rejectedSpans: number;
	readonly firstProblem: string | undefined;
}

/** Name of a trace record when neither a root span nor a service names it. */
export const UNNAMED_TRACE = "otlp-trace";

/** Deeper values are refused: whoever reads them later may do so by recursion. */
const MAX_VALUE_DEPTH = 64;

/** As the REST API bounds model and provider. */
const MAX_NAME_CHARS = 1000;

type JsonObject = Readonly<Record<string, unknown>>;

/** Why one span is left out; the batch goes on without it. */
class SpanProblem extends Error {}

/**
 * @param body what `JSON.parse` made of the request; unknown members are ignored, as the specification asks.
 * @param now stands for a start time that is missing together with its end time.
 * @throws HttpError 400 when the body is no export request at all.
 */
export function decodeOtlpJson(body: unknown, now: Timestamp): OtlpBatch {
	const spans: OtlpSpan[] = [];
	let rejectedSpans = 0;
	let firstProblem: string | undefined;
	if (!isObject(body)) throw invalid("the body must be a JSON object with resourceSpans");
	for (const [r, resourceSpans] of list(body.resourceSpans, "resourceSpans").entries()) {
		const path = `resourceSpans[${r}]`;
		const group = object(resourceSpans, path);
		const resource = readResource(group.resource, `${path}.resource`);
		for (const [s, scopeSpans] of list(group.scopeSpans, `${path}.scopeSpans`).entries()) {
			const scopePath = `${path}.scopeSpans[${s}]`;
			for (const [i, span] of list(object(scopeSpans, scopePath).spans, `${scopePath}.spans`).entries()) {
				try {
					spans.push(readSpan(span, resource, now));
				} catch (error) {
					if (!(error instanceof SpanProblem)) throw error;
					rejectedSpans++;
					firstProblem ??= `${scopePath}.spans[${i}]: ${error.message}`;
				}
			}
		}
	}
	return { spans, rejectedSpans, firstProblem };
}

interface Resource {
	readonly attributes: ReadonlyMap<string, unknown>;
	readonly serviceName: string | undefined;
}

function readResource(value: unknown, path: string): Resource {
	const resource = value === undefined || value === null ? {} : object(value, path);
	try {
		const attributes = readAttributes(resource.attributes);
		return { attributes, serviceName: textOf(attributes.get("service.name")) };
	} catch (error) {
		// Without its resource every span of the group would lose what it belongs to.
		if (error instanceof SpanProblem) throw invalid(`${path}: ${error.message}`);
		throw error;
	}
}

function readSpan(value: unknown, resource: Resource, now: Timestamp): OtlpSpan {
	if (!isObject(value)) throw new SpanProblem("must be an object");
	const traceId = hexId(value.traceId, 32, "traceId");
	const spanId = hexId(value.spanId, 16, "spanId");
	const parent = value.parentSpanId;
	// Roots have no parent, an empty one, or (some SDKs) all zeros.
	const isRoot = parent === undefined || parent === null || parent === "" || /^0{16}$/.test(String(parent));
	const attributes = readAttributes(value.attributes);
	const status = isObject(value.status) ? value.status : {};
	const isFailed = status.code === 2 || status.code === "STATUS_CODE_ERROR";
	const startNs = readTime(value.startTimeUnixNano, "startTimeUnixNano");
	const endNs = readTime(value.endTimeUnixNano, "endTimeUnixNano");
	const start = startNs ?? endNs ?? now;
	return {
		traceId,
		spanId,
		parentSpanId: isRoot ? null : hexId(parent, 16, "parentSpanId"),
		name: textOf(value.name) ?? "",
		...readKind(value.kind, attributes, resource),
		error: isFailed ? textOf(status.message) || "error" : undefined,
		start,
		// Exported spans have ended, also those whose exporter says that they ended at 0.
		end: endNs ?? start,
		serviceName: resource.serviceName,
	};
}

/** `SPAN_KIND_…` of trace.proto by number. */
const KIND_WORDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

function kindWord(kind: unknown): string {
	if (typeof kind === "number") return KIND_WORDS[kind] ?? "unspecified";
	const word = typeof kind === "string" ? kind.replace(/^SPAN_KIND_/, "").toLowerCase() : "";
	return KIND_WORDS.find((known) => known === word) ?? "unspecified";
}

function readKind(kind: unknown, attributes: ReadonlyMap<string, unknown>, resource: Resource) {
	const all = new Map(attributes);
	for (const [key, value] of resource.attributes) all.set(`resource.${key}`, value);
	// fromEntries defines members, so that a key like "__proto__" is one more name.
	const everything = Object.fromEntries(all);

	const requestModel = textOf(attributes.get("gen_ai.request.model"));
	const responseModel = textOf(attributes.get("gen_ai.response.model"));
	const isLlmCall = requestModel !== undefined || responseModel !== undefined || attributes.has("gen_ai.system");
	if (!isLlmCall) {
		return { kind: { type: "custom", kind: kindWord(kind), attributes: everything }, metadata: undefined };
	}
	const provider = textOf(attributes.get("gen_ai.system")) ?? textOf(resource.attributes.get("gen_ai.system"));
	const wire: SpanKindInput = {
		type: "llm_call",
		model: (requestModel ?? responseModel ?? "unknown").slice(0, MAX_NAME_CHARS),
		provider: provider?.slice(0, MAX_NAME_CHARS),
		input_tokens: countOf(attributes.get("gen_ai.usage.input_tokens")),
		output_tokens: countOf(attributes.get("gen_ai.usage.output_tokens")),
		cost: costOf(attributes.get("gen_ai.usage.cost")),
	};
	return { kind: wire, metadata: { attributes: everything } };
}

/** Whole and not negative; int64 comes as a JSON string or number. */
function countOf(value: unknown): number | undefined {
	const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
	return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function costOf(value: unknown): number | undefined {
	return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

/** `repeated KeyValue`; of a key that comes twice the last value counts. */
function readAttributes(value: unknown, depth = 0): Map<string, unknown> {
	const attributes = new Map<string, unknown>();
	if (value === undefined || value === null) return attributes;
	if (!Array.isArray(value)) throw new SpanProblem("attributes must be an array of {key, value}");
	for (const entry of value) {
		if (!isObject(entry) || typeof entry.key !== "string") {
			throw new SpanProblem("each of the attributes must be an object with a key");
		}
		attributes.set(entry.key, readValue(entry.value, depth));
	}
	return attributes;
}

/** `AnyValue` as plain JSON: bytes stay base64, integers beyond 2^53 stay text, what is unset or unknown is null. */
function readValue(value: unknown, depth: number): unknown {
	if (depth > MAX_VALUE_DEPTH) throw new SpanProblem(`attributes are nested deeper than ${MAX_VALUE_DEPTH}`);
	if (!isObject(value)) return null;
	if (typeof value.stringValue === "string") return value.stringValue;
	if (typeof value.boolValue === "boolean") return value.boolValue;
	if (value.intValue !== undefined) return readInteger(value.intValue);
	// NaN and the infinities are strings in the JSON mapping, and JSON has no number for them.
	if (typeof value.doubleValue === "number" || typeof value.doubleValue === "string") return value.doubleValue;
	if (typeof value.bytesValue === "string") return value.bytesValue;
	if (isObject(value.arrayValue)) {
		const { values } = value.arrayValue;
		return Array.isArray(values) ? values.map((inner) => readValue(inner, depth + 1)) : [];
	}
	if (isObject(value.kvlistValue)) return Object.fromEntries(readAttributes(value.kvlistValue.values, depth + 1));
	return null;
}

function readInteger(value: unknown): unknown {
	if (typeof value === "number") return value;
	if (typeof value !== "string" || !/^-?\d{1,19}$/.test(value)) return null;
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

/** Nanoseconds since the epoch; undefined when absent or 0, which is how the JSON mapping says "unset". */
function readTime(value: unknown, name: string): Timestamp | undefined {
	if (value === undefined || value === null || value === 0 || value === "0" || value === "") return undefined;
	// A JSON number has lost its last digits already, but some exporters send one.
	const digits = typeof value === "number" && Number.isInteger(value) && value > 0 ? BigInt(value).toString() : value;
	if (typeof digits !== "string" || !/^\d{1,20}$/.test(digits)) {
		throw new SpanProblem(`${name} must be nanoseconds since 1970, as a string of digits`);
	}
	const subNs = Number(digits.slice(-6));
	return { ms: Number(digits.slice(0, -6)), subNs };
}

function hexId(value: unknown, length: number, name: string): string {
	if (typeof value !== "string" || value.length !== length || !/^[0-9a-f]+$/i.test(value) || /^0+$/.test(value)) {
		throw new SpanProblem(`${name} must be ${length} hex digits, not all zero`);
	}
	return value.toLowerCase();
}

function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(value: unknown, path: string): JsonObject {
	if (!isObject(value)) throw invalid(`${path} must be an object`);
	return value;
}

function list(value: unknown, path: string): readonly unknown[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value)) throw invalid(`${path} must be an array`);
	return value;
}

function invalid(message: string): HttpError {
	return new HttpError(400, "invalid_body", message);
}
