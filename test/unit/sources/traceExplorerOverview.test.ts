import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeOverview } from "../../../src/sources/traceExplorer/overview.ts";

const buckets = Array.from({ length: 60 }, (_, index) => 1_772_787_600_000_000_000 + index * 60_000_000_000);
const zeros = Array.from({ length: 60 }, () => 0);
const spanIdOf = () => "s";

const wire = (fields: Record<string, unknown> = {}, series: Record<string, unknown> = {}) => ({
	total_sessions: 2,
	total_cost_usd: 0.5,
	total_tokens: 100,
	total_llm_calls: 1,
	total_tool_calls: 6,
	by_model: [
		{ model: "m", calls: 1, cost: 0.5, prompt_tokens: 90, completion_tokens: 10, total_tokens: 100, providers: ["p"] },
	],
	by_agent: [{ agent: "unknown", calls: 1, cost: 0.5, total_tokens: 100 }],
	by_tool: [{ tool: "bash", calls: 6, total_duration_ms: 60, succeeded: 2, failed: 2 }],
	llm_calls: [
		{
			start_ns: "1772787600000000123",
			session_id: "ses_a",
			model: "m",
			input: "in",
			finish_reason: "stop",
			duration_ms: 5,
		},
	],
	tool_calls: [],
	timeseries: { bucket_starts_ns: buckets, cost_by_model: {}, tokens_by_model: {}, tool_calls_by_tool: {}, ...series },
	...fields,
});

describe("the overview of the wire", () => {
	it("keeps the backend's numbers, and what it does not say is unknown", () => {
		expect(decodeOverview(wire(), "1h", spanIdOf)).toMatchObject({
			startMs: 1_772_787_600_000,
			bucketMs: 60_000,
			traces: 2,
			sessions: 2,
			toolCalls: 6,
			failedSpans: 2,
			usage: { calls: 1, costUsd: 0.5, inputTokens: 90, outputTokens: 10, reasoningTokens: null },
			latencyP50Ms: 5,
			models: [{ model: "m", providers: ["p"], calls: 1, costUsd: 0.5 }],
			agents: [{ agent: null, calls: 1, inputTokens: 100 }],
			tools: [{ tool: "bash", calls: 6, succeeded: 2, failed: 2, averageMs: 10 }],
			newestModelCalls: [
				{ traceId: "ses_a", spanId: "s", preview: { input: "in", output: null, finishReason: "stop" } },
			],
		});
		expect(decodeOverview(wire({ total_llm_calls: 101 }), "1h", spanIdOf)?.latencyP50Ms).toBeNull();
	});

	it("shows six names and the rest, the same sum", () => {
		const names = Object.fromEntries(
			Array.from({ length: 9 }, (_, index) => [`m${index}`, zeros.with(index, index + 1)]),
		);
		const series = decodeOverview(wire({}, { cost_by_model: names }), "1h", spanIdOf)?.costByModel ?? [];
		expect(series.map(({ name, isRest }) => (isRest ? "rest" : name))).toEqual([
			"m8",
			"m7",
			"m6",
			"m5",
			"m4",
			"m3",
			"rest",
		]);
		expect(series.flatMap(({ values }) => values).reduce((a, b) => a + b)).toBe(45);
	});

	it("is none without 60 buckets that move on", () => {
		for (const bucket_starts_ns of [undefined, [], buckets.slice(1), zeros]) {
			expect(decodeOverview(wire({}, { bucket_starts_ns }), "1h", spanIdOf)).toBeUndefined();
		}
	});

	it("of any JSON is taken without a throw, with 60 values a line", () => {
		const anything = fc.anything();
		const row = fc.dictionary(
			fc.constantFrom("model", "agent", "tool", "calls", "cost", "session_id", "start_ns", "success", "providers"),
			anything,
		);
		const rows = fc.oneof(anything, fc.array(fc.oneof(row, anything)));
		const fields = fc.dictionary(
			fc.constantFrom("by_model", "by_agent", "by_tool", "llm_calls", "tool_calls", "total_cost_usd"),
			rows,
		);
		const series = fc.dictionary(
			fc.constantFrom("cost_by_model", "tool_calls_by_tool"),
			fc.dictionary(fc.string(), anything),
		);
		fc.assert(
			fc.property(fields, series, (given, lines) => {
				const overview = decodeOverview(wire(given, lines), "all", spanIdOf);
				for (const { values } of overview?.costByModel ?? []) expect(values).toHaveLength(60);
			}),
		);
		fc.assert(fc.property(anything, (value) => void decodeOverview(value, "all", spanIdOf)));
	});
});
