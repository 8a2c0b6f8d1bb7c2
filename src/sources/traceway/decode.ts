import { firstTokenNs } from "../../model/callFacts.ts";
import type { SpanInput, SpanState, TraceInput } from "../../model/span.ts";
import {
	addMs,
	asObject,
	cut,
	decodeCost,
	decodeId,
	decodeName,
	decodeNumber,
	decodeTags,
	decodeTime,
	decodeWord,
	type JsonObject,
	MAX_ERROR_LENGTH,
	MAX_WORD_LENGTH,
} from "../wire.ts";
import { parseEvent } from "./eventText.ts";

/**
 * Traceway's wire JSON in our words, every dialect of the reference's "Where implementations disagree". All of it is
 * untrusted: nothing here throws, whatever the value, and every text has a bound.
 */

/** What a stream message says. */
export type TracewayEvent =
	| { readonly type: "span"; readonly span: SpanInput }
	| { readonly type: "spanDeleted"; readonly spanId: string; readonly traceId: string | undefined }
	| { readonly type: "trace"; readonly trace: TraceInput }
	| { readonly type: "traceDeleted"; readonly traceId: string }
	| { readonly type: "cleared" }
	/** Our own server: the position is not in its log; `latest` is its newest id. */
	| { readonly type: "reset"; readonly latest: number | undefined }
	/** A type that we know and that is not about traces. */
	| { readonly type: "other" }
	| { readonly type: "unknown"; readonly name: string };

/** Datasets, queue, evaluations, files, capture rules: both sets of names (reference, section 4). */
const OTHER_TYPES: ReadonlySet<string> = new Set([
	// Says in sum what `trace_deleted` has said of each.
	"evicted",
	"file_version_created",
	"dataset_created",
	"dataset_deleted",
	"datapoint_created",
	"queue_item_updated",
	"eval_run_created",
	"eval_run_updated",
	"eval_run_completed",
	"eval_started",
	"eval_progress",
	"eval_completed",
	"eval_failed",
	"eval_cancelled",
	"capture_rule_fired",
	"capture_triggered",
]);

/** A stream message's data; undefined when it is no event that can be used. */
export function decodeEvent(data: string): TracewayEvent | undefined {
	const event = asObject(parseEvent(data));
	if (event === undefined || typeof event.type !== "string") return undefined;
	switch (event.type) {
		case "span_created":
			return spanEvent(event.span, undefined);
		case "span_completed":
			return spanEvent(event.span, "completed");
		case "span_failed":
			return spanEvent(event.span, "failed");
		case "span_deleted": {
			const spanId = decodeId(event.span_id);
			return spanId === undefined ? undefined : { type: "spanDeleted", spanId, traceId: decodeId(event.trace_id) };
		}
		case "trace_created":
		case "trace_completed": {
			const trace = decodeTrace(event.trace);
			return trace === undefined ? undefined : { type: "trace", trace };
		}
		case "trace_deleted": {
			const traceId = decodeId(event.trace_id);
			return traceId === undefined ? undefined : { type: "traceDeleted", traceId };
		}
		case "cleared":
			return { type: "cleared" };
		case "reset":
			return { type: "reset", latest: decodeNumber(event.latest) };
		default:
			return OTHER_TYPES.has(event.type)
				? { type: "other" }
				: { type: "unknown", name: cut(event.type, MAX_WORD_LENGTH) };
	}
}

function spanEvent(value: unknown, impliedState: SpanState | undefined): TracewayEvent | undefined {
	const span = decodeSpan(value, impliedState);
	return span === undefined ? undefined : { type: "span", span };
}

/**
 * One span; undefined without a usable id. A partial span keeps its missing fields undefined. `impliedState` is what the
 * event's type says, for spans that carry no status.
 */
export function decodeSpan(value: unknown, impliedState?: SpanState): SpanInput | undefined {
	const span = asObject(value);
	if (span === undefined) return undefined;
	const spanId = decodeId(span.id);
	if (spanId === undefined) return undefined;
	const traceId = decodeId(span.trace_id);
	if (traceId === undefined && span.trace_id !== undefined && span.trace_id !== null) return undefined;
	const start = decodeTime(span.started_at);
	const kind = span.kind;
	const kindObject = asObject(kind);
	const kindType = decodeWord(kindObject === undefined ? kind : kindObject.type);
	let state = decodeState(span.status) ?? impliedState;
	let end = decodeTime(span.ended_at);
	if (state === undefined && end !== undefined) state = "completed";

	let model: string | undefined;
	let provider: string | undefined;
	let inputTokens: number | undefined;
	let outputTokens: number | undefined;
	let cacheReadTokens: number | undefined;
	let cacheWriteTokens: number | undefined;
	let reasoningTokens: number | undefined;
	let isRollup: boolean | undefined;
	let costUsd: number | undefined;
	let firstToken: number | undefined;
	let kindName = kindType;
	let serviceName: string | undefined;
	let path: string | undefined;
	let toolName: string | undefined;
	let agentName: string | undefined;
	if (kindObject !== undefined) {
		model = decodeWord(kindObject.model);
		provider = decodeWord(kindObject.provider);
		inputTokens = decodeNumber(kindObject.input_tokens);
		outputTokens = decodeNumber(kindObject.output_tokens);
		cacheReadTokens = decodeNumber(kindObject.cache_read_tokens);
		cacheWriteTokens = decodeNumber(kindObject.cache_write_tokens);
		reasoningTokens = decodeNumber(kindObject.reasoning_tokens);
		costUsd = decodeCost(kindObject.cost);
		toolName = decodeWord(kindObject.tool_name);
		agentName = decodeWord(kindObject.agent_name);
		const firstTokenMs = decodeNumber(kindObject.first_token_ms);
		if (firstTokenMs !== undefined) firstToken = firstTokenMs * 1e6;
		isRollup = kindObject.usage_scope === "subtree";
		if (kindType === "fs_read" || kindType === "fs_write") path = decodeName(kindObject.path);
		if (kindType === "custom") kindName = decodeWord(kindObject.kind) ?? "custom";
		const attributes = asObject(kindObject.attributes);
		if (attributes !== undefined) {
			serviceName = decodeWord(attributes["resource.service.name"]) ?? decodeWord(attributes["service.name"]);
		}
	}
	serviceName ??= decodeWord(asObject(asObject(span.resource)?.attributes)?.["service.name"]);
	// Servers that keep it among the attributes tell it with the whole span only.
	const attributes = kindType === "llm_call" ? asObject(span.attributes) : undefined;
	if (attributes !== undefined) firstToken ??= firstTokenNs(attributes);
	const metadata = asObject(span.metadata);
	if (metadata !== undefined) {
		// The documents' place for what the code keeps in `kind`: used only where `kind` is silent.
		model ??= decodeWord(metadata.model);
		if (inputTokens === undefined && outputTokens === undefined) {
			inputTokens = decodeNumber(metadata.input_tokens);
			outputTokens = decodeNumber(metadata.output_tokens);
			// Not beside counts of the kind: there the total may be of the one that is known, and the other would be 0.
			const total = decodeNumber(metadata.total_tokens) ?? -1;
			if (inputTokens !== undefined && inputTokens <= total) outputTokens ??= total - inputTokens;
			else if (outputTokens !== undefined && outputTokens <= total) inputTokens ??= total - outputTokens;
		}
		costUsd ??= decodeCost(metadata.total_cost) ?? decodeCost(metadata.estimated_cost);
		const durationMs = decodeNumber(metadata.duration_ms);
		if (end === undefined && start !== undefined && durationMs !== undefined && isTerminal(state)) {
			end = addMs(start, durationMs);
		}
	}
	return {
		spanId,
		traceId,
		parentSpanId: decodeParent(span.parent_id, traceId !== undefined && start !== undefined),
		name: decodeName(span.name),
		kindType,
		kindName,
		// An object holds all of the kind: on completion it replaces the one before.
		hasWholeKind: kindObject === undefined ? undefined : true,
		model,
		provider,
		inputTokens,
		outputTokens,
		cacheReadTokens,
		cacheWriteTokens,
		reasoningTokens,
		costUsd,
		firstTokenNs: firstToken,
		isRollup,
		state,
		error: state === "failed" ? decodeError(span) : undefined,
		start,
		end,
		serviceName,
		sessionId: decodeId(span.session_id),
		path,
		toolName,
		agentName,
	};
}

/** One trace record; undefined without a usable id. */
export function decodeTrace(value: unknown): TraceInput | undefined {
	const trace = asObject(value);
	if (trace === undefined) return undefined;
	const traceId = decodeId(trace.id) ?? decodeId(trace.trace_id);
	if (traceId === undefined) return undefined;
	return {
		traceId,
		name: decodeName(trace.name),
		tags: decodeTags(trace.tags),
		start: decodeTime(trace.started_at),
	};
}

/** One page of a list, in either shape (`items` or the thing's own name, cursor under either key) or as a bare array. */
export interface Page {
	readonly items: readonly unknown[];
	/** Where the next page begins; undefined on the last one. */
	readonly nextCursor: string | undefined;
	/** Items of the whole list, as far as the server says; at least that many have to be read before it counts as complete. */
	readonly total: number;
}

/** Undefined when the answer holds no list. */
export function decodePage(value: unknown, name: "traces" | "spans"): Page | undefined {
	if (Array.isArray(value)) return { items: value, nextCursor: undefined, total: 0 };
	const page = asObject(value);
	if (page === undefined) return undefined;
	const items = Array.isArray(page.items) ? page.items : page[name];
	if (!Array.isArray(items)) return undefined;
	// "There is more" without a way to it: never complete.
	const total = page.has_more === true ? Number.POSITIVE_INFINITY : (decodeNumber(page.total ?? page.count) ?? 0);
	const cursor = page.next_cursor ?? page.cursor;
	const isLast = page.has_more === false || items.length === 0;
	const isUsable = typeof cursor === "number" || (typeof cursor === "string" && cursor !== "");
	return { items, nextCursor: isUsable && !isLast ? String(cursor) : undefined, total };
}

/** Missing means "a root" in a whole span (one server omits nulls), and "not said" in a partial one. */
function decodeParent(value: unknown, isWhole: boolean): string | null | undefined {
	if (value === null || value === "") return null;
	if (value === undefined) return isWhole ? null : undefined;
	return decodeId(value);
}

function decodeState(value: unknown): SpanState | undefined {
	if (typeof value === "string") {
		switch (value) {
			case "running":
			case "completed":
			case "failed":
				return value;
			default: {
				const word = value.length <= 16 ? value.toLowerCase() : "";
				return word === "running" || word === "completed" || word === "failed" ? word : undefined;
			}
		}
	}
	const status = asObject(value);
	if (status === undefined) return undefined;
	if ("failed" in status) return "failed";
	if ("completed" in status) return "completed";
	return "running" in status ? "running" : undefined;
}

/** `{"failed":{"error":"text"}}`, `{"failed":"text"}`, or beside a bare `"failed"` an `error` of the span. */
function decodeError(span: JsonObject): string | undefined {
	const failed = asObject(span.status)?.failed;
	const text = asObject(failed)?.error ?? failed ?? span.error;
	return typeof text === "string" ? cut(text, MAX_ERROR_LENGTH) : undefined;
}

function isTerminal(state: SpanState | undefined): boolean {
	return state === "completed" || state === "failed";
}
