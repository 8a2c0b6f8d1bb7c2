import {
	type AgentTotals,
	type CallPreview,
	isOverviewRange,
	type ModelTotals,
	OVERVIEW_BUCKETS,
	OVERVIEW_CALLS,
	OVERVIEW_ROWS,
	OVERVIEW_SERIES,
	type Overview,
	type OverviewCall,
	type OverviewRange,
	type OverviewSeries,
	type ToolTotals,
	type UsageTotals,
} from "../../model/overview.ts";
import type { SpanState } from "../../model/span.ts";
import { SourceError } from "../source.ts";
import { asObject, cut, decodeId, decodeNumber, type JsonObject, MAX_ERROR_LENGTH, MAX_WORD_LENGTH } from "../wire.ts";
import type { TracewayClient } from "./client.ts";

/** Most bytes of an overview: 200 calls with two previews each, three tables, and room. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_PREVIEW_LENGTH = 1000;
const MAX_PROVIDERS = 50;

export interface OverviewQuery {
	readonly range: OverviewRange;
	readonly sessionId?: string | undefined;
	/** Of the source's filter. */
	readonly kind?: string | undefined;
	readonly model?: string | undefined;
}

/**
 * The overview as the server counts it. Only our own server does.
 *
 * @throws SourceError `unsupported` when the server has none.
 */
export async function getOverview(
	client: TracewayClient,
	{ range, sessionId, kind, model }: OverviewQuery,
	signal: AbortSignal,
): Promise<Overview> {
	try {
		const options = { query: { range, session_id: sessionId, kind, model }, maxBytes: MAX_BYTES, signal };
		const overview = decodeOverview((await client.get("/analytics/overview", options)).value);
		if (overview !== undefined) return overview;
	} catch (error) {
		// No such path; or, on the first page that a server gives for every unknown one, no JSON.
		if (!(error instanceof SourceError) || !["notFound", "gone", "contentType"].includes(error.reason)) throw error;
	}
	throw new SourceError("unsupported", "this server has no overview");
}

/** Undefined for what is no overview; parts that cannot be read are unknown or left out. */
export function decodeOverview(value: unknown): Overview | undefined {
	const wire = asObject(value);
	const bucketMs = numberOf(wire?.bucket_ms);
	const startMs = timeOf(wire?.start_ms);
	if (wire === undefined || !isOverviewRange(wire.range) || startMs === null || !bucketMs) return undefined;
	const omitted = asObject(wire.omitted);
	const failures = asObject(wire.failures);
	const latency = asObject(wire.latency);
	return {
		range: wire.range,
		startMs,
		bucketMs,
		traces: countOf(wire.traces),
		sessions: countOf(wire.sessions),
		spans: countOf(wire.spans),
		failedSpans: countOf(wire.failed_spans),
		toolCalls: countOf(wire.tool_calls),
		usage: usageOf(asObject(wire.usage) ?? {}),
		latencyP50Ms: numberOf(wire.latency_p50_ms),
		latencyP95Ms: numberOf(wire.latency_p95_ms),
		models: listOf(wire.models, OVERVIEW_ROWS, modelOf),
		agents: listOf(wire.agents, OVERVIEW_ROWS, (row): AgentTotals => ({ agent: wordOf(row.agent), ...usageOf(row) })),
		tools: listOf(wire.tools, OVERVIEW_ROWS, toolOf),
		omitted: { models: countOf(omitted?.models), agents: countOf(omitted?.agents), tools: countOf(omitted?.tools) },
		costByModel: seriesOf(wire.cost_by_model),
		tokensByModel: seriesOf(wire.tokens_by_model),
		callsByTool: seriesOf(wire.calls_by_tool),
		failures: {
			model: bucketsOf(failures?.model, countOf),
			tool: bucketsOf(failures?.tool, countOf),
			other: bucketsOf(failures?.other, countOf),
		},
		latency: {
			p50Ms: bucketsOf(latency?.p50_ms, numberOf),
			p95Ms: bucketsOf(latency?.p95_ms, numberOf),
		},
		newestModelCalls: listOf(wire.newest_model_calls, OVERVIEW_CALLS, callOf),
		newestToolCalls: listOf(wire.newest_tool_calls, OVERVIEW_CALLS, callOf),
	};
}

function usageOf(row: JsonObject): UsageTotals {
	return {
		calls: countOf(row.calls),
		failedCalls: countOf(row.failed_calls),
		costUsd: signedOf(row.cost_usd),
		isCostEstimated: row.is_cost_estimated === true,
		inputTokens: numberOf(row.input_tokens),
		outputTokens: numberOf(row.output_tokens),
		cacheReadTokens: numberOf(row.cache_read_tokens),
		cacheWriteTokens: numberOf(row.cache_write_tokens),
		reasoningTokens: numberOf(row.reasoning_tokens),
	};
}

function modelOf(row: JsonObject): ModelTotals {
	const providers = Array.isArray(row.providers) ? row.providers.slice(0, MAX_PROVIDERS) : [];
	return {
		model: wordOf(row.model),
		providers: providers.map(wordOf).filter((provider) => provider !== null),
		...usageOf(row),
	};
}

function toolOf(row: JsonObject): ToolTotals {
	return {
		tool: wordOf(row.tool),
		calls: countOf(row.calls),
		succeeded: countOf(row.succeeded),
		failed: countOf(row.failed),
		averageMs: signedOf(row.average_ms),
	};
}

function seriesOf(value: unknown): readonly OverviewSeries[] {
	return listOf(value, OVERVIEW_SERIES + 1, (row) => ({
		name: wordOf(row.name),
		isRest: row.is_rest === true,
		values: bucketsOf(row.values, (one) => signedOf(one) ?? 0),
	}));
}

function callOf(row: JsonObject): OverviewCall | undefined {
	const traceId = decodeId(row.trace_id);
	const spanId = decodeId(row.span_id);
	if (traceId === undefined || spanId === undefined) return undefined;
	return {
		traceId,
		spanId,
		startMs: timeOf(row.start_ms),
		durationMs: signedOf(row.duration_ms),
		state: stateOf(row.state),
		error: textOf(row.error, MAX_ERROR_LENGTH),
		name: wordOf(row.name),
		agent: wordOf(row.agent),
		costUsd: signedOf(row.cost_usd),
		isCostEstimated: row.is_cost_estimated === true,
		preview: previewOf(asObject(row.preview)),
	};
}

function previewOf(row: JsonObject | undefined): CallPreview | null {
	if (row === undefined) return null;
	return {
		input: textOf(row.input, MAX_PREVIEW_LENGTH),
		output: textOf(row.output, MAX_PREVIEW_LENGTH),
		finishReason: textOf(row.finish_reason, MAX_PREVIEW_LENGTH),
	};
}

function stateOf(value: unknown): SpanState {
	return value === "failed" || value === "completed" ? value : "running";
}

function listOf<T>(value: unknown, most: number, decode: (row: JsonObject) => T | undefined): readonly T[] {
	const list = Array.isArray(value) ? value.slice(0, most) : [];
	return list.map((row) => decode(asObject(row) ?? {})).filter((row) => row !== undefined);
}

function bucketsOf<T>(value: unknown, decode: (value: unknown) => T): readonly T[] {
	const list = Array.isArray(value) ? value : [];
	return Array.from({ length: OVERVIEW_BUCKETS }, (_, bucket) => decode(list[bucket]));
}

function countOf(value: unknown): number {
	return decodeNumber(value) ?? 0;
}

function numberOf(value: unknown): number | null {
	return decodeNumber(value) ?? null;
}

/** Costs that were credited, and durations by clocks that went back. */
function signedOf(value: unknown): number | null {
	return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** What a calendar holds. */
function timeOf(value: unknown): number | null {
	return typeof value === "number" && Math.abs(value) <= 8.64e15 ? value : null;
}

function wordOf(value: unknown): string | null {
	return textOf(value, MAX_WORD_LENGTH);
}

function textOf(value: unknown, length: number): string | null {
	return typeof value === "string" && value !== "" ? cut(value, length) : null;
}
