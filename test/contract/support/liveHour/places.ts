import type { Overview } from "../../../../src/model/overview.ts";
import { StoreSessions } from "../../../../src/model/sessionSummary.ts";
import type { TraceStatsView } from "../../../../src/model/traceStats.ts";
import type { TraceStore } from "../../../../src/model/traceStore.ts";
import type { WireAnalytics, WireSummary } from "../../../../src/protocol/analytics.ts";
import type { LiveRow } from "../../../../src/protocol/liveMessages.ts";
import type { WireSession } from "../../../../src/protocol/sessions.ts";
import { addSums, type Facts } from "./facts.ts";

/** What each place that shows sums says of the traces, in the same words. */

export function tableFacts(rows: readonly LiveRow[]): Facts {
	const facts: Facts = new Map();
	for (const row of rows) {
		addSums(facts, `trace ${row.traceId}`, {
			spans: row.spanCount,
			failed: row.failedCount,
			inputTokens: row.inputTokens ?? 0,
			outputTokens: row.outputTokens ?? 0,
			costUsd: row.costUsd ?? 0,
			state: row.state,
			latencyNs: row.latencyNs ?? -1,
		});
	}
	return facts;
}

export function cardFacts(stats: TraceStatsView): Facts {
	const facts: Facts = new Map();
	addSums(facts, "total all", { traces: stats.traces, tokens: stats.tokens ?? 0, costUsd: stats.costUsd ?? 0 });
	facts.set("total all: runningTraces", stats.running);
	facts.set("total all: failedTraces", stats.failed);
	if (stats.averageLatencyNs !== undefined) {
		facts.set("total all: averageLatencyUs", Math.round(stats.averageLatencyNs / 1000));
	}
	if (stats.p95LatencyNs !== undefined) facts.set("total all: p95LatencyNs", stats.p95LatencyNs);
	return facts;
}

export function overviewFacts(overview: Overview): Facts {
	const facts: Facts = new Map();
	const { usage } = overview;
	addSums(facts, "total all", {
		spans: overview.spans,
		failed: overview.failedSpans,
		inputTokens: usage.inputTokens,
		outputTokens: usage.outputTokens,
		costUsd: usage.costUsd,
	});
	// Of the traces and sessions that have a span in the range.
	facts.set("total all: filledTraces", overview.traces);
	facts.set("total all: sessions", overview.sessions);
	facts.set("total all: modelCalls", usage.calls);
	facts.set("total all: failedModelCalls", usage.failedCalls);
	facts.set("total all: toolCalls", overview.toolCalls);
	for (const row of overview.models) addTotals(facts, `model ${row.model ?? ""}`, row);
	for (const row of overview.agents) addTotals(facts, `agent ${row.agent ?? ""}`, row);
	for (const { tool, calls, succeeded, failed } of overview.tools) {
		addSums(facts, `tool ${tool ?? ""}`, { calls, succeeded, failed });
	}
	return facts;
}

/** The overview of one session, in the words of the list of sessions. Only this one: others are not left out. */
export function sessionOverviewFacts(sessionId: string, { spans, failedSpans, usage }: Overview): Facts {
	const facts: Facts = new Map();
	const { inputTokens, outputTokens, costUsd } = usage;
	addSums(facts, `session ${sessionId}`, { spans, failed: failedSpans, inputTokens, outputTokens, costUsd });
	return facts;
}

function addTotals(facts: Facts, about: string, row: Overview["usage"]): void {
	const { calls, failedCalls: failed, inputTokens, outputTokens, costUsd } = row;
	addSums(facts, about, { calls, failed, inputTokens, outputTokens, costUsd });
}

export function sessionFacts(store: TraceStore, nowMs: number): Facts {
	const facts: Facts = new Map();
	for (const session of new StoreSessions(store).all(nowMs)) {
		addSums(facts, `session ${session.sessionId}`, {
			traces: session.traceIds.length,
			spans: session.spanCount,
			running: session.runningCount,
			failed: session.failedCount,
			failedTraces: session.failedTraces,
			inputTokens: session.inputTokens ?? 0,
			outputTokens: session.outputTokens ?? 0,
			costUsd: session.costUsd ?? 0,
		});
	}
	return facts;
}

/** `GET /api/sessions`, all pages. */
export function wireSessionFacts(sessions: readonly WireSession[]): Facts {
	const facts: Facts = new Map();
	for (const session of sessions) {
		addSums(facts, `session ${session.id}`, {
			traces: session.trace_count,
			spans: session.span_count,
			failedTraces: session.failed_trace_count,
			inputTokens: session.input_tokens,
			outputTokens: session.output_tokens,
			tokens: session.total_tokens,
			costUsd: session.total_cost,
		});
	}
	return facts;
}

/** `GET /api/analytics/summary` */
export function summaryFacts(summary: WireSummary): Facts {
	const facts: Facts = new Map();
	addSums(facts, "total all", {
		traces: summary.total_traces,
		spans: summary.total_spans,
		failed: summary.error_count,
		inputTokens: summary.total_input_tokens,
		outputTokens: summary.total_output_tokens,
		tokens: summary.total_tokens,
		costUsd: summary.total_cost,
	});
	facts.set("total all: modelCalls", summary.total_llm_calls);
	for (const { model, cost, span_count } of summary.cost_by_model) {
		addSums(facts, `model ${model}`, { calls: span_count, costUsd: cost });
	}
	for (const { model, input_tokens, output_tokens, total_tokens } of summary.tokens_by_model) {
		addSums(facts, `model ${model}`, { inputTokens: input_tokens, outputTokens: output_tokens, tokens: total_tokens });
	}
	return facts;
}

/** `POST /api/analytics`, grouped by one thing. */
export function analyticsFacts({ groups, totals }: WireAnalytics, by: "model" | "trace" | "session"): Facts {
	// Groups are of spans: a trace that has none yet is in none.
	const about = by === "trace" ? "filled" : by;
	const facts: Facts = new Map();
	addMetrics(facts, "total all", totals);
	for (const { key, ...metrics } of groups) {
		const name = key[by];
		// Spans without a model, or outside of sessions, are a group of their own.
		if (typeof name === "string") addMetrics(facts, `${about} ${name}`, metrics);
	}
	return facts;
}

function addMetrics(facts: Facts, about: string, metrics: WireAnalytics["totals"]): void {
	addSums(facts, about, {
		spans: metrics.span_count ?? 0,
		failed: metrics.error_count ?? 0,
		inputTokens: metrics.total_input_tokens,
		outputTokens: metrics.total_output_tokens,
		tokens: metrics.total_tokens,
		costUsd: metrics.total_cost,
	});
}

/** `GET /api/traces`, all pages. */
export function traceListFacts(items: readonly Readonly<Record<string, unknown>>[]): Facts {
	const facts: Facts = new Map();
	for (const item of items) {
		addSums(facts, `trace ${String(item.id)}`, {
			spans: Number(item.span_count),
			inputTokens: Number(item.input_tokens ?? 0),
			outputTokens: Number(item.output_tokens ?? 0),
			costUsd: Number(item.total_cost ?? 0),
			state: String(item.status),
		});
	}
	return facts;
}
