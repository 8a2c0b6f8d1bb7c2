import type { Query } from "../../model/query.ts";
import { matchTrace } from "../../model/queryMatch.ts";
import { type TraceSummary, totalTokens, traceDurationNs } from "../../model/span.ts";
import type { TraceEntry } from "../../model/traceEntry.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { MonitorRow } from "./numbers.ts";

export interface RowsOptions {
	/** Undefined shows all. */
	readonly query: Query | undefined;
	/** Ids of traces that the server found for each of the query's remote parts, in their order. */
	readonly found: readonly ReadonlySet<string>[];
	readonly limit: number;
	/** The server's clock. */
	readonly nowMs: number;
}

export interface RowsResult {
	readonly rows: readonly MonitorRow[];
	/** Traces that the filter lets through; `rows` has the first of them. */
	readonly matching: number;
}

/** What the spans of a trace say. */
interface SpanFacts {
	readonly revision: number;
	/** Names of models, by the start of the first span that names each. */
	readonly models: readonly string[];
	/** Id of the call of a model that started first. */
	readonly firstCall: string | undefined;
}

/** Kept until the trace changes: a trace of 250,000 spans is not looked through at each frame. */
const facts = new WeakMap<TraceEntry, SpanFacts>();

/** The first `limit` traces that match, newest first or in the order that the filter asks for. */
export function listRows(store: TraceStore, options: RowsOptions): RowsResult {
	const { query, found, limit, nowMs } = options;
	const matching: { readonly entry: TraceEntry; readonly summary: TraceSummary }[] = [];
	for (const entry of store.entries()) {
		const summary = store.summary(entry.traceId);
		if (summary === undefined) continue;
		if (query !== undefined && !matchTrace(query, store, entry.traceId, nowMs, found)) continue;
		matching.push({ entry, summary });
	}
	const isByName = query?.sort === "name";
	matching.sort(({ summary: a }, { summary: b }) => {
		const byName = isByName ? a.name.localeCompare(b.name) : 0;
		return byName || rank(b, query, nowMs) - rank(a, query, nowMs) || (a.traceId < b.traceId ? 1 : -1);
	});
	const natural = isByName ? "asc" : "desc";
	if (query?.order !== undefined && query.order !== natural) matching.reverse();
	return {
		rows: matching.slice(0, limit).map(({ entry, summary }) => rowOf(store, entry, summary, nowMs)),
		matching: matching.length,
	};
}

function rank(summary: TraceSummary, query: Query | undefined, nowMs: number): number {
	switch (query?.sort) {
		case "duration":
			return traceDurationNs(summary, nowMs) ?? -1;
		case "tokens":
			return totalTokens(summary.inputTokens, summary.outputTokens) ?? -1;
		case "cost":
			return summary.costUsd ?? -1;
		default:
			return summary.start?.ms ?? 0;
	}
}

function rowOf(store: TraceStore, entry: TraceEntry, summary: TraceSummary, nowMs: number): MonitorRow {
	const durationNs = traceDurationNs(summary, nowMs);
	return {
		traceId: summary.traceId,
		startMs: summary.start?.ms,
		state: summary.state,
		isRunning: summary.runningCount > 0,
		name: summary.name,
		models: factsOf(store, entry).models,
		latencyMs: durationNs === undefined ? undefined : durationNs / 1e6,
		tokens: totalTokens(summary.inputTokens, summary.outputTokens),
		costUsd: summary.costUsd,
		isCostEstimated: summary.isCostEstimated,
		steps: summary.spanCount,
	};
}

/** The span whose input is the trace's prompt: the call of a model that started first. Undefined while there is none. */
export function promptSpan(store: TraceStore, traceId: string): string | undefined {
	const entry = store.entry(traceId);
	return entry === undefined ? undefined : factsOf(store, entry).firstCall;
}

function factsOf(store: TraceStore, entry: TraceEntry): SpanFacts {
	const known = facts.get(entry);
	if (known?.revision === entry.revision) return known;
	const { model, startMs, ids } = store.columns;
	const firstMs = new Map<number, number>();
	let firstCall = -1;
	for (const row of entry.rows) {
		if (store.kindTypeOf(row) === "llm_call" && (firstCall < 0 || startMs[row] < startMs[firstCall])) firstCall = row;
		const index = model[row];
		if (index < 0) continue;
		const ms = Number.isNaN(startMs[row]) ? Number.POSITIVE_INFINITY : startMs[row];
		const before = firstMs.get(index);
		if (before === undefined || ms < before) firstMs.set(index, ms);
	}
	const models = [...firstMs]
		.map(([index, ms]) => ({ ms, name: store.strings.at(index) ?? "" }))
		.filter(({ name }) => name !== "")
		.sort((a, b) => (a.ms === b.ms ? (a.name < b.name ? -1 : 1) : a.ms < b.ms ? -1 : 1))
		.map(({ name }) => name);
	const found = { revision: entry.revision, models, firstCall: firstCall < 0 ? undefined : ids[firstCall] };
	facts.set(entry, found);
	return found;
}
