import type { Timestamp } from "../../base/timestamp.ts";
import type { SpanInput, SpanState, TraceInput } from "../../model/span.ts";
import {
	addMs,
	asObject,
	cut,
	decodeId,
	decodeNumber,
	decodeTime,
	decodeWord,
	type JsonObject,
	MAX_ERROR_LENGTH,
	MAX_WORD_LENGTH,
} from "../wire.ts";

/**
 * TraceLLM's documents (reference, section 4) in our words: as REST and the WebSocket send them, as SQLite keeps them and
 * as MongoDB does. All of it is untrusted: nothing here throws, whatever the value, and every text and list has a bound.
 */

/** A document has one root; its steps are read up to here, which is far more than the dashboard of TraceLLM can draw. */
export const MAX_STEPS = 10_000;
const MAX_TITLE_LENGTH = 200;
/** Of a prompt, in which the first line that says something is looked for. */
const MAX_TITLE_SEARCH = 4000;

/** One saved trace: a root for the call of the model, and a child for each of its steps. */
export interface DecodedTrace {
	readonly traceId: string;
	/** When it was saved: of two versions the one that was saved later counts. Undefined where nobody said it. */
	readonly savedAt: Timestamp | undefined;
	readonly trace: TraceInput;
	/** The root first, then the steps in their order. */
	readonly spans: readonly SpanInput[];
}

/** What a frame of the WebSocket says. */
export type TracellmEvent =
	| { readonly type: "connected" }
	| { readonly type: "pong" }
	| { readonly type: "trace"; readonly trace: DecodedTrace }
	| { readonly type: "unknown"; readonly name: string };

/** Undefined for what is no event that can be used: no JSON object, no type, a trace without an id. */
export function decodeEvent(text: string): TracellmEvent | undefined {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return undefined;
	}
	const message = asObject(value);
	if (message === undefined || typeof message.type !== "string") return undefined;
	switch (message.type) {
		case "system.connected":
			return { type: "connected" };
		case "system.pong":
			return { type: "pong" };
		case "trace.created": {
			const trace = decodeTrace(message.trace);
			return trace === undefined ? undefined : { type: "trace", trace };
		}
		default:
			return { type: "unknown", name: cut(message.type, MAX_WORD_LENGTH) };
	}
}

/** The answer of `GET /api/traces`; undefined when it holds no list. */
export function decodeList(value: unknown): { readonly total: number; readonly items: readonly unknown[] } | undefined {
	const page = asObject(value);
	if (page === undefined || !Array.isArray(page.items)) return undefined;
	return { total: Math.max(decodeNumber(page.total) ?? 0, page.items.length), items: page.items };
}

/** The answer of `GET /api/`; undefined when something else than TraceLLM gave it. */
export function decodeRoot(value: unknown): { readonly storage: string } | undefined {
	const root = asObject(value);
	const storage = decodeWord(root?.storage_type);
	return root === undefined || storage === undefined || !("mongodb_connected" in root) ? undefined : { storage };
}

/** One document; undefined without a usable id. */
export function decodeTrace(value: unknown): DecodedTrace | undefined {
	const document = asObject(value);
	const traceId = decodeId(document?.trace_id);
	if (document === undefined || traceId === undefined) return undefined;
	const start = timeOf(document.created_at);
	const model = decodeModel(document.model_name);
	const state = decodeState(document.status);
	const project = decodeWord(document.project_name) ?? decodeWord(document.project_id);
	const root: SpanInput = {
		spanId: traceId,
		traceId,
		parentSpanId: null,
		name: model ?? "llm_call",
		kindType: "llm_call",
		kindName: "llm_call",
		hasWholeKind: true,
		model,
		// 0 is what is saved when nobody counted.
		inputTokens: positive(document.token_count),
		isTokenTotal: true,
		state,
		error: state === "failed" ? rootError(document) : undefined,
		start,
		end: endOf(start, document.latency),
		serviceName: project,
	};
	const steps = stepsOf(document.steps);
	return {
		traceId,
		savedAt: timeOf(document.updated_at),
		trace: { traceId, name: titleOf(document.prompt) ?? model, tags: tagsOf(document, steps.length), start },
		spans: [root, ...stepIds(traceId, steps).map((spanId, index) => decodeStep(traceId, spanId, steps[index]))],
	};
}

/** The documents' own words for one span, for the details page; undefined when the document has no such span. */
export function spanIn(
	document: JsonObject,
	spanId: string,
):
	| { readonly raw: JsonObject; readonly input: unknown; readonly output: unknown; readonly attributes: JsonObject }
	| undefined {
	const traceId = decodeId(document.trace_id);
	if (traceId === undefined) return undefined;
	const steps = stepsOf(document.steps);
	if (spanId === traceId) {
		const { prompt, response, steps: _steps, ...attributes } = withoutKey(document);
		return { raw: { ...withoutKey(document), steps }, input: prompt, output: response, attributes };
	}
	const index = stepIds(traceId, steps).indexOf(spanId);
	if (index < 0) return undefined;
	const raw = asObject(steps[index]) ?? {};
	const { input, output, ...attributes } = raw;
	return { raw, input, output, attributes };
}

/** A document's `api_key` opens its project: it is worth no more to a reader than that there is one. */
function withoutKey(document: JsonObject): JsonObject {
	return typeof document.api_key === "string" && document.api_key !== "" ? { ...document, api_key: "•••" } : document;
}

/** A list, or in SQLite its JSON text. */
export function stepsOf(value: unknown): readonly unknown[] {
	let steps = value;
	if (typeof value === "string") {
		try {
			steps = JSON.parse(value);
		} catch {
			// As a trace without steps: the rest of it is worth showing.
			return [];
		}
	}
	return Array.isArray(steps) ? steps.slice(0, MAX_STEPS) : [];
}

/** Ids of the steps' spans, each once in the trace: a repeated one gets its place behind it. */
function stepIds(traceId: string, steps: readonly unknown[]): readonly string[] {
	const taken = new Set([traceId]);
	return steps.map((step, index) => {
		let id = decodeId(asObject(step)?.step_id) ?? `step_${index + 1}`;
		for (let number = index + 1; taken.has(id); number += steps.length) id = `${id}#${number}`;
		taken.add(id);
		return id;
	});
}

function decodeStep(traceId: string, spanId: string, value: unknown): SpanInput {
	const step = asObject(value) ?? {};
	const start = timeOf(step.timestamp);
	const toolName = decodeWord(step.tool_name);
	const hasFailed = step.success === false || step.success === 0;
	return {
		spanId,
		traceId,
		parentSpanId: traceId,
		name: toolName ?? spanId,
		kindType: "custom",
		kindName: "tool",
		hasWholeKind: true,
		toolName,
		state: hasFailed ? "failed" : "completed",
		error: hasFailed ? stepError(step) : undefined,
		start,
		end: endOf(start, step.duration),
	};
}

/** A trace is saved when it has ended. A warning counts among the errors, as in `tracellm monitor`. */
function decodeState(value: unknown): SpanState {
	return value === "failed" || value === "warning" ? "failed" : "completed";
}

function rootError(document: JsonObject): string {
	const reason = decodeText(document.failure_reason);
	if (document.status !== "warning") return cut(reason ?? "failed", MAX_ERROR_LENGTH);
	const retries = positive(document.retry_count);
	return cut(
		`warning: ${reason ?? (retries === undefined ? "no reason given" : `${retries} retries`)}`,
		MAX_ERROR_LENGTH,
	);
}

function stepError(step: JsonObject): string {
	const output = asObject(step.output);
	const text = decodeText(output?.error) ?? decodeText(output?.message) ?? decodeText(step.tool_name);
	return cut(text ?? "failed", MAX_ERROR_LENGTH);
}

/** What a document says beside its call, as the tags by which lists are filtered. */
function tagsOf(document: JsonObject, steps: number): readonly string[] {
	const environment = decodeWord(document.environment);
	const retries = positive(document.retry_count);
	const isSlow = document.slow_request === true || document.slow_request === 1;
	return [
		environment === undefined ? undefined : `env:${environment}`,
		document.status === "warning" ? "warning" : undefined,
		isSlow ? "slow" : undefined,
		retries === undefined ? undefined : `retries:${retries}`,
		steps === MAX_STEPS ? `first ${MAX_STEPS} steps` : undefined,
	].filter((tag) => tag !== undefined);
}

/** The first line of a prompt that says something. */
function titleOf(value: unknown): string | undefined {
	if (typeof value !== "string") return undefined;
	const line = value.slice(0, MAX_TITLE_SEARCH).match(/\S[^\r\n]*/)?.[0];
	return line === undefined ? undefined : cut(line.trimEnd(), MAX_TITLE_LENGTH);
}

/** `unknown` is what is saved when nobody named a model. */
function decodeModel(value: unknown): string | undefined {
	return value === "unknown" ? undefined : decodeWord(value);
}

function decodeText(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

function positive(value: unknown): number | undefined {
	const number = decodeNumber(value);
	return number === undefined || number === 0 ? undefined : number;
}

/** ISO text, without a zone in UTC, or MongoDB's date. */
export function timeOf(value: unknown): Timestamp | undefined {
	if (!(value instanceof Date)) return decodeTime(value);
	const ms = value.getTime();
	return Number.isNaN(ms) ? undefined : { ms, subNs: 0 };
}

/** The end after so many milliseconds. 0 is what is saved when nobody measured: the end stays unknown. */
function endOf(start: Timestamp | undefined, value: unknown): Timestamp | undefined {
	const durationMs = positive(value);
	return start === undefined || durationMs === undefined ? undefined : addMs(start, durationMs);
}
