import type { Timestamp } from "../../base/timestamp.ts";
import {
	type AgentTotals,
	bucketOf,
	type ModelTotals,
	OVERVIEW_BUCKETS,
	OVERVIEW_CALLS,
	OVERVIEW_ROWS,
	OVERVIEW_SERIES,
	type Overview,
	type OverviewCall,
	type OverviewRange,
	type OverviewSeries,
	type OverviewWindow,
	type ToolTotals,
	type UsageTotals,
} from "../../model/overview.ts";
import type { SpanState } from "../../model/span.ts";
import {
	asObject,
	cut,
	decodeCost,
	decodeId,
	decodeNumber,
	decodeWord,
	type JsonObject,
	MAX_ERROR_LENGTH,
} from "../wire.ts";
import { decodeNanoseconds, sentAndReceived } from "./decode.ts";

const MAX_PROVIDERS = 50;
const MAX_NAMES = 2000;
/** The backend cuts at 200 characters and three dots. */
const MAX_PREVIEW_LENGTH = 1000;

/** A call as the wire names it: by its session and its start. */
export interface CallAddress {
	readonly sessionId: string;
	readonly start: Timestamp | undefined;
	readonly isModelCall: boolean;
}

/**
 * The overview as the backend counts it; undefined for what is none. What its wire does not tell stays unknown: calls are all
 * the spans that it counts, calls of models do not fail there, and latencies are known while the list of newest calls has all.
 *
 * @param spanIdOf which span a call is, in our store's words.
 */
export function decodeOverview(
	value: unknown,
	range: OverviewRange,
	spanIdOf: (call: CallAddress) => string,
): Overview | undefined {
	const wire = asObject(value);
	const series = asObject(wire?.timeseries);
	const window = windowOf(series?.bucket_starts_ns);
	if (wire === undefined || series === undefined || window === undefined) return undefined;
	const models = listOf(wire.by_model, modelOf);
	const agents = listOf(wire.by_agent, agentOf);
	const tools = listOf(wire.by_tool, toolOf);
	const modelCalls = decodeNumber(wire.total_llm_calls) ?? 0;
	const toolCalls = decodeNumber(wire.total_tool_calls) ?? 0;
	const newestModelCalls = listOf(wire.llm_calls, (row) => callOf(row, true, spanIdOf)).slice(0, OVERVIEW_CALLS);
	const newestToolCalls = listOf(wire.tool_calls, (row) => callOf(row, false, spanIdOf)).slice(0, OVERVIEW_CALLS);
	const sessions = decodeNumber(wire.total_sessions) ?? 0;
	const buckets = latencyOf(newestModelCalls.length >= modelCalls ? newestModelCalls : [], window);
	return {
		range,
		...window,
		// A session is a trace of ours.
		traces: sessions,
		sessions,
		spans: modelCalls + toolCalls,
		failedSpans: tools.reduce((sum, { failed }) => sum + failed, 0),
		toolCalls,
		usage: {
			...sumOf(models),
			calls: modelCalls,
			costUsd: modelCalls === 0 ? null : (decodeCost(wire.total_cost_usd) ?? null),
		},
		latencyP50Ms: percentile(buckets.all, 0.5),
		latencyP95Ms: percentile(buckets.all, 0.95),
		models: models.slice(0, OVERVIEW_ROWS),
		agents: agents.slice(0, OVERVIEW_ROWS),
		tools: tools.slice(0, OVERVIEW_ROWS),
		omitted: {
			models: Math.max(0, models.length - OVERVIEW_ROWS),
			agents: Math.max(0, agents.length - OVERVIEW_ROWS),
			tools: Math.max(0, tools.length - OVERVIEW_ROWS),
		},
		costByModel: seriesOf(series.cost_by_model),
		tokensByModel: seriesOf(series.tokens_by_model),
		callsByTool: seriesOf(series.tool_calls_by_tool),
		failures: { model: zeros(), tool: failuresOf(newestToolCalls, window), other: zeros() },
		latency: {
			p50Ms: buckets.each.map((values) => percentile(values, 0.5)),
			p95Ms: buckets.each.map((values) => percentile(values, 0.95)),
		},
		newestModelCalls,
		newestToolCalls,
	};
}

/** The buckets begin where the range begins, not at multiples of their length. */
function windowOf(value: unknown): OverviewWindow | undefined {
	if (!Array.isArray(value) || value.length !== OVERVIEW_BUCKETS) return undefined;
	const first = msOf(decodeBucket(value[0]));
	const last = msOf(decodeBucket(value[OVERVIEW_BUCKETS - 1]));
	const bucketMs = (last - first) / (OVERVIEW_BUCKETS - 1);
	return bucketMs > 0 ? { startMs: first, bucketMs } : undefined;
}

/** Numbers of an array keep no more digits than a double has: 256 ns do not matter to a chart. */
function decodeBucket(value: unknown): Timestamp | undefined {
	if (typeof value !== "number") return decodeNanoseconds(value);
	return value >= 0 && value <= 8.64e21 ? { ms: value / 1e6, subNs: 0 } : undefined;
}

function modelOf(row: JsonObject): ModelTotals {
	const cacheRead = decodeNumber(row.cache_read_tokens) ?? null;
	const cacheWrite = decodeNumber(row.cache_write_tokens) ?? null;
	const { inputTokens, outputTokens } = sentAndReceived({
		prompt: decodeNumber(row.prompt_tokens),
		completion: decodeNumber(row.completion_tokens),
		total: decodeNumber(row.total_tokens),
		cached: (cacheRead ?? 0) + (cacheWrite ?? 0),
	});
	const providers = Array.isArray(row.providers) ? row.providers.slice(0, MAX_PROVIDERS) : [];
	return {
		model: decodeWord(row.model) ?? null,
		providers: providers.map(decodeWord).filter((provider) => provider !== undefined),
		...noUsage(),
		calls: decodeNumber(row.calls) ?? 0,
		costUsd: decodeCost(row.cost) ?? null,
		inputTokens: inputTokens ?? null,
		outputTokens: outputTokens ?? null,
		cacheReadTokens: cacheRead,
		cacheWriteTokens: cacheWrite,
		reasoningTokens: decodeNumber(row.reasoning_tokens) ?? null,
	};
}

/** Of an agent the total is known, and not what of it was sent. */
function agentOf(row: JsonObject): AgentTotals {
	const agent = decodeWord(row.agent);
	return {
		agent: agent === undefined || agent === "unknown" ? null : agent,
		...noUsage(),
		calls: decodeNumber(row.calls) ?? 0,
		costUsd: decodeCost(row.cost) ?? null,
		inputTokens: decodeNumber(row.total_tokens) ?? null,
	};
}

function toolOf(row: JsonObject): ToolTotals {
	const calls = decodeNumber(row.calls) ?? 0;
	const durationMs = row.total_duration_ms;
	return {
		tool: decodeWord(row.tool) ?? null,
		calls,
		succeeded: decodeNumber(row.succeeded) ?? 0,
		failed: decodeNumber(row.failed) ?? 0,
		averageMs: calls === 0 || typeof durationMs !== "number" ? null : durationMs / calls,
	};
}

function callOf(
	row: JsonObject,
	isModelCall: boolean,
	spanIdOf: (call: CallAddress) => string,
): OverviewCall | undefined {
	const sessionId = decodeId(row.session_id);
	if (sessionId === undefined) return undefined;
	const start = decodeNanoseconds(row.start_ns);
	const startMs = msOf(start);
	const isFailed = !isModelCall && (row.success === false || row.success === "false");
	const state: SpanState = isFailed ? "failed" : "completed";
	const output = textOf(row.output, MAX_PREVIEW_LENGTH);
	return {
		traceId: sessionId,
		spanId: spanIdOf({ sessionId, start, isModelCall }),
		startMs: Number.isNaN(startMs) ? null : startMs,
		durationMs: decodeNumber(row.duration_ms) ?? null,
		state,
		error: isFailed ? textOf(row.output, MAX_ERROR_LENGTH) : null,
		name: decodeWord(isModelCall ? row.model : row.tool) ?? null,
		agent: decodeWord(row.agent) ?? null,
		costUsd: decodeCost(row.cost_usd) ?? null,
		isCostEstimated: false,
		preview: isModelCall
			? { input: textOf(row.input, MAX_PREVIEW_LENGTH), output, finishReason: decodeWord(row.finish_reason) ?? null }
			: { input: textOf(row.parameters, MAX_PREVIEW_LENGTH), output, finishReason: null },
	};
}

function sumOf(models: readonly ModelTotals[]): UsageTotals {
	const sum = (key: "inputTokens" | "outputTokens" | "cacheReadTokens" | "cacheWriteTokens" | "reasoningTokens") =>
		models.reduce<number | null>((total, row) => (row[key] === null ? total : (total ?? 0) + row[key]), null);
	return {
		...noUsage(),
		inputTokens: sum("inputTokens"),
		outputTokens: sum("outputTokens"),
		cacheReadTokens: sum("cacheReadTokens"),
		cacheWriteTokens: sum("cacheWriteTokens"),
		reasoningTokens: sum("reasoningTokens"),
	};
}

function noUsage(): UsageTotals {
	return {
		calls: 0,
		failedCalls: 0,
		costUsd: null,
		isCostEstimated: false,
		inputTokens: null,
		outputTokens: null,
		cacheReadTokens: null,
		cacheWriteTokens: null,
		reasoningTokens: null,
	};
}

/** The names with the greatest sums, and the sum of all others. */
function seriesOf(value: unknown): readonly OverviewSeries[] {
	const all = Object.entries(asObject(value) ?? {})
		.slice(0, MAX_NAMES)
		.map(([name, list]) => {
			const values = zeros();
			if (Array.isArray(list)) for (const bucket of values.keys()) values[bucket] = decodeNumber(list[bucket]) ?? 0;
			return { name, values, total: values.reduce((sum, one) => sum + one, 0) };
		})
		.filter(({ total }) => total > 0)
		.sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
	// One more than that is shown rather than a rest of one.
	const shown = all.length <= OVERVIEW_SERIES + 1 ? all : all.slice(0, OVERVIEW_SERIES);
	const series = shown.map(({ name, values }) => ({ name: decodeWord(name) ?? null, isRest: false, values }));
	if (shown.length === all.length) return series;
	const rest = zeros();
	for (const { values } of all.slice(shown.length)) for (const bucket of rest.keys()) rest[bucket] += values[bucket];
	return [...series, { name: null, isRest: true, values: rest }];
}

function failuresOf(calls: readonly OverviewCall[], window: OverviewWindow): number[] {
	const failed = zeros();
	for (const { state, startMs } of calls) {
		if (state === "failed" && startMs !== null) failed[bucketOf(window, startMs)]++;
	}
	return failed;
}

function latencyOf(calls: readonly OverviewCall[], window: OverviewWindow) {
	const each = Array.from({ length: OVERVIEW_BUCKETS }, (): number[] => []);
	for (const { startMs, durationMs } of calls) {
		if (startMs !== null && durationMs !== null) each[bucketOf(window, startMs)].push(durationMs);
	}
	for (const values of each) values.sort((a, b) => a - b);
	return { each, all: each.flat().sort((a, b) => a - b) };
}

/** Nearest rank of sorted values. */
function percentile(sorted: readonly number[], share: number): number | null {
	return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function listOf<T>(value: unknown, decode: (row: JsonObject) => T | undefined): readonly T[] {
	const list = Array.isArray(value) ? value.slice(0, MAX_NAMES) : [];
	return list.map((row) => decode(asObject(row) ?? {})).filter((row) => row !== undefined);
}

function zeros(): number[] {
	return Array.from({ length: OVERVIEW_BUCKETS }, () => 0);
}

function textOf(value: unknown, length: number): string | null {
	return typeof value === "string" && value !== "" ? cut(value, length) : null;
}

function msOf(time: Timestamp | undefined): number {
	return time === undefined ? Number.NaN : time.ms + time.subNs / 1e6;
}
