import type { Sliced } from "../../base/sliced.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import type { SpanInput } from "../../model/span.ts";
import { kindOfWord } from "../../otlp/conventions.ts";
import {
	addMs,
	asObject,
	cut,
	decodeCost,
	decodeId,
	decodeName,
	decodeNumber,
	decodeTags,
	decodeWord,
	type JsonObject,
} from "../wire.ts";

/**
 * Trace Explorer's wire JSON in our words (its reference, sections 2 and 4). All of it is untrusted: nothing here throws but
 * `parseExact`, whatever the value, and every text has a bound.
 */

/** Most spans of a session that are read; further ones are counted and left out. */
const MAX_SPANS = 250_000;
/** The backend finds 4,000 traces at most. */
const MAX_SESSIONS = 10_000;
/** Spans between two chances for others; about two milliseconds. */
const SLICE = 1000;
/** What a failed tool put out may be its whole protocol. */
const MAX_TOOL_ERROR_LENGTH = 500;
/** What an epoch in nanoseconds has until the year 5138, and some. */
const NANOSECONDS = /^\d{1,21}$/;

const ROOT_NAME = "opencode.session";

/**
 * `JSON.parse` that keeps every digit of `start_ns` and `end_ns`, which have more than a double holds: they come out as text.
 * In valid JSON this pattern is nothing but such a member, because a quote inside a string has a backslash before it. Twice as
 * fast as a reviver that looks at the source text: 41 against 97 ms for 8.5 MB, where `JSON.parse` alone takes 23.
 */
export function parseExact(text: string): unknown {
	return JSON.parse(text.replace(/"(start_ns|end_ns)"\s*:\s*(\d{16,21})(?=\s*[,}])/g, '"$1":"$2"'));
}

/** Parsed in one go; about two milliseconds. */
const PIECE_UNITS = 256 * 1024;

/**
 * As `parseExact`, for a list of spans, cut before spans so that others have their turn: a session comes whole, with all its
 * payloads. In valid JSON an object that begins with this key is no part of a string. Where such an object stands deeper than in
 * the list a piece is no JSON, and everything is parsed in one go. Throws `SyntaxError`.
 */
export function* parseSpans(text: string, pieceUnits = PIECE_UNITS): Sliced<unknown> {
	const from = text.indexOf("[");
	const to = text.lastIndexOf("]");
	if (text.length <= pieceUnits || from < 0 || text.slice(0, from).trim() !== "" || text.slice(to + 1).trim() !== "") {
		return parseExact(text);
	}
	const spans: unknown[] = [];
	const boundary = /,\s*(?=\{\s*"trace_id"\s*:)/g;
	try {
		for (let at = from + 1; at < to; ) {
			boundary.lastIndex = at + pieceUnits;
			const end = boundary.lastIndex < to ? boundary.exec(text) : null;
			const piece = parseExact(`[${text.slice(at, end?.index ?? to)}]`);
			for (const span of piece as unknown[]) spans.push(span);
			at = end === null ? to : boundary.lastIndex;
			yield;
		}
		return spans;
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		return parseExact(text);
	}
}

/** Nanoseconds since the epoch, as text or, where it is short enough to be exact, as a number. */
export function decodeNanoseconds(value: unknown): Timestamp | undefined {
	const digits = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
	if (typeof digits !== "string" || !NANOSECONDS.test(digits)) return undefined;
	const ms = Number(digits.slice(0, -6));
	return ms <= 8.64e15 ? { ms, subNs: Number(digits.slice(-6)) } : undefined;
}

/** One row of the session list. */
export interface SessionRow {
	readonly sessionId: string;
	readonly start: Timestamp | undefined;
	/** While it is open this moves with the server's clock. */
	readonly end: Timestamp | undefined;
	readonly isOpen: boolean;
	readonly modelCalls: number;
	readonly toolCalls: number;
	readonly costUsd: number | undefined;
	readonly totalTokens: number | undefined;
	readonly models: readonly string[];
	readonly agents: readonly string[];
	/** The session whose `task` started this one. */
	readonly parentSessionId: string | undefined;
}

export interface SessionList {
	/** In the order of the wire, newest first; each id once. */
	readonly rows: readonly SessionRow[];
	/** Rows that could not be read. */
	readonly undecodable: number;
}

/** Undefined when the answer is no list. */
export function decodeSessions(value: unknown): SessionList | undefined {
	if (!Array.isArray(value)) return undefined;
	const rows = new Map<string, SessionRow>();
	let undecodable = Math.max(0, value.length - MAX_SESSIONS);
	for (const item of value.slice(0, MAX_SESSIONS)) {
		const row = decodeSession(asObject(item));
		if (row === undefined) undecodable++;
		else if (!rows.has(row.sessionId)) rows.set(row.sessionId, row);
	}
	return { rows: [...rows.values()], undecodable };
}

function decodeSession(row: JsonObject | undefined): SessionRow | undefined {
	const sessionId = decodeId(row?.session_id);
	if (row === undefined || sessionId === undefined) return undefined;
	return {
		sessionId,
		start: decodeNanoseconds(row.start_ns),
		end: decodeNanoseconds(row.end_ns),
		isOpen: row.is_open === true,
		modelCalls: decodeNumber(row.llm_calls) ?? 0,
		toolCalls: decodeNumber(row.tool_calls) ?? 0,
		costUsd: decodeCost(row.total_cost_usd),
		totalTokens: decodeNumber(row.total_tokens),
		models: decodeTags(row.models) ?? [],
		agents: decodeTags(row.agents) ?? [],
		parentSessionId: decodeId(row.parent_session_id),
	};
}

/** The whole state of a session. */
export interface SessionSpans {
	/** Each id once, all with the session's id as their trace id. */
	readonly spans: readonly SpanInput[];
	/** Spans that could not be read, or are too many. */
	readonly undecodable: number;
	/**
	 * Its root is here: "a better viewer decides “closed” by the same rule on both sides: a span named `opencode.session`, not
	 * synthetic, exists" (reference, section 4).
	 */
	readonly isClosed: boolean;
	readonly modelCalls: number;
	readonly toolCalls: number;
	/** Latest end, milliseconds since the epoch; undefined while no span is here. */
	readonly lastMs: number | undefined;
}

/**
 * Undefined when the value is no list. Placeholders stand for a root that has not come: a running span with the id that the real
 * one will have, so that this one takes its place, row, fold and selection. Beside a real root they stand for nothing: the
 * parent was lost on the way, or is in the session that started this one.
 */
export function* decodeSessionSpans(sessionId: string, value: unknown): Sliced<SessionSpans | undefined> {
	if (!Array.isArray(value)) return undefined;
	const objects = new Map<string, JsonObject>();
	let undecodable = Math.max(0, value.length - MAX_SPANS);
	let isClosed = false;
	let visited = 0;
	for (const item of value.slice(0, MAX_SPANS)) {
		if (++visited % SLICE === 0) yield;
		const span = asObject(item);
		const spanId = decodeId(span?.span_id);
		if (span === undefined || spanId === undefined) undecodable++;
		else {
			objects.set(spanId, span);
			if (isRealRoot(span)) isClosed = true;
		}
	}
	const spans: SpanInput[] = [];
	let modelCalls = 0;
	let toolCalls = 0;
	let lastMs: number | undefined;
	for (const [spanId, object] of objects) {
		if (++visited % SLICE === 0) yield;
		if (isClosed && isPlaceholder(object)) continue;
		const span = decodeSpan(sessionId, spanId, object);
		const isLostAbove = isRealRoot(object) && !isHere(objects, span.parentSpanId);
		spans.push(isLostAbove ? { ...span, parentSpanId: null } : span);
		if (span.kindType === "llm_call") modelCalls++;
		else if (span.toolName !== undefined) toolCalls++;
		const endMs = span.end?.ms ?? span.start?.ms;
		if (endMs !== undefined && !(endMs < (lastMs ?? endMs))) lastMs = endMs;
	}
	return { spans, undecodable, isClosed, modelCalls, toolCalls, lastMs };
}

/** Whether a parent is among the spans; a placeholder beside a real root is not. */
function isHere(objects: ReadonlyMap<string, JsonObject>, parentSpanId: string | null | undefined): boolean {
	const parent = parentSpanId === null || parentSpanId === undefined ? undefined : objects.get(parentSpanId);
	return parent !== undefined && !isPlaceholder(parent);
}

/** Synthetic: made by the backend for a parent that it does not have. */
export function isPlaceholder(span: JsonObject): boolean {
	return asObject(span.attributes)?.["session.is_open"] === true;
}

function isRealRoot(span: JsonObject): boolean {
	return span.span_name === ROOT_NAME && !isPlaceholder(span);
}

function decodeSpan(sessionId: string, spanId: string, span: JsonObject): SpanInput {
	const attributes = asObject(span.attributes) ?? {};
	const start = decodeNanoseconds(span.start_ns);
	const durationMs = decodeNumber(span.duration_ms);
	const isOpen = isPlaceholder(span);
	const model = decodeWord(attributes["llm.model_name"]);
	// "Presence makes the span an LLM call": of whatever text. A span with both counts once.
	const isModelCall = has(attributes, "llm.model_name");
	const isToolCall = !isModelCall && has(attributes, "tool.name");
	const toolName = isToolCall ? (decodeWord(attributes["tool.name"]) ?? "unknown") : undefined;
	const error = toolName === undefined ? undefined : toolError(attributes);
	return {
		spanId,
		traceId: sessionId,
		parentSpanId: decodeId(span.parent_span_id) ?? null,
		name: decodeName(span.span_name),
		kindType: isModelCall ? "llm_call" : "custom",
		kindName: isModelCall ? "llm_call" : kindName(span, attributes, toolName),
		hasWholeKind: true,
		...(isModelCall ? { model: model ?? "unknown", ...usageOf(attributes) } : {}),
		state: isOpen ? "running" : error === undefined ? "completed" : "failed",
		error,
		start,
		end: isOpen || start === undefined ? undefined : addMs(start, durationMs ?? 0),
		serviceName: "opencode",
		sessionId,
		toolName,
		agentName: decodeWord(attributes["agent.name"]),
	};
}

function kindName(span: JsonObject, attributes: JsonObject, toolName: string | undefined): string {
	if (toolName !== undefined) return "tool_call";
	if (span.span_name === ROOT_NAME) return "agent";
	const word = decodeWord(attributes["openinference.span.kind"]);
	const known = word === undefined ? undefined : kindOfWord(word);
	// Only the name of a model makes a model call here, and only that of a tool a tool call.
	return known === undefined || known === "llm_call" || known === "tool_call" ? "custom" : known;
}

function has(attributes: JsonObject, name: string): boolean {
	return attributes[name] !== undefined && attributes[name] !== null;
}

/** "Cost and tokens come from LLM spans only": the sums of a root are left where they are, among the attributes. */
function usageOf(attributes: JsonObject): Partial<SpanInput> {
	const cacheReadTokens = decodeNumber(attributes["llm.token_count.prompt_details.cache_read"]);
	const cacheWriteTokens = decodeNumber(attributes["llm.token_count.prompt_details.cache_write"]);
	const counts = {
		prompt: decodeNumber(attributes["llm.token_count.prompt"]),
		completion: decodeNumber(attributes["llm.token_count.completion"]),
		total: decodeNumber(attributes["llm.token_count.total"]),
		cached: (cacheReadTokens ?? 0) + (cacheWriteTokens ?? 0),
	};
	return {
		provider: decodeWord(attributes["llm.provider"]),
		...sentAndReceived(counts),
		cacheReadTokens,
		cacheWriteTokens,
		reasoningTokens: decodeNumber(attributes["llm.token_count.completion_details.reasoning"]),
		costUsd: decodeCost(attributes.cost_usd),
	};
}

/**
 * Input counts all that was sent. The total tells whether cached tokens are part of the prompt's count, and what a count is
 * that was not said.
 */
export function sentAndReceived(counts: {
	readonly prompt: number | undefined;
	readonly completion: number | undefined;
	readonly total: number | undefined;
	readonly cached: number;
}): { readonly inputTokens: number | undefined; readonly outputTokens: number | undefined } {
	const { prompt, completion, total, cached } = counts;
	if (prompt === undefined || completion === undefined) {
		const rest = total === undefined ? undefined : total - (prompt ?? completion ?? 0);
		const isKnown = rest !== undefined && rest >= 0;
		// Of a total alone nobody knows the parts; the sum is right.
		if (prompt === undefined) return { inputTokens: isKnown ? rest : undefined, outputTokens: completion };
		return { inputTokens: prompt, outputTokens: isKnown ? rest : undefined };
	}
	const isOutside = cached > prompt || (cached > 0 && total === prompt + completion + cached);
	return { inputTokens: isOutside ? prompt + cached : prompt, outputTokens: completion };
}

/** Why a tool did not succeed; undefined where it did, or does not say. */
function toolError(attributes: JsonObject): string | undefined {
	const success = attributes["tool.success"];
	if (success !== false && success !== "false") return undefined;
	const said = decodeWord(attributes["output.value"]) === undefined ? undefined : attributes["output.value"];
	return typeof said === "string" ? cut(said, MAX_TOOL_ERROR_LENGTH) : "the tool reported no success";
}
