import { formatCount, formatDuration, UNKNOWN } from "../../base/quantity.ts";
import type { SpanState } from "../../model/span.ts";
import { nanoUsd, plus } from "../../model/usage.ts";

/** One trace of the table. Unknown is undefined, never 0. */
export interface MonitorRow {
	readonly traceId: string;
	readonly startMs: number | undefined;
	readonly state: SpanState;
	/** A span of it runs: its latency grows. */
	readonly isRunning: boolean;
	readonly name: string;
	/** Models that its spans name, the one that was called first in front. */
	readonly models: readonly string[];
	/** First start to last end; so far, while it runs. */
	readonly latencyMs: number | undefined;
	readonly tokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
	/** Spans of the trace. */
	readonly steps: number;
}

/** What the overview panel says, over the rows of the table and not over all traces. */
export interface Overview {
	readonly shown: number;
	readonly completed: number;
	readonly errors: number;
	readonly running: number;
	/** Over traces that have ended; undefined while there is none. */
	readonly averageMs: number | undefined;
	readonly p95Ms: number | undefined;
	readonly tokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
}

export function overviewOf(rows: readonly MonitorRow[]): Overview {
	let tokens = Number.NaN;
	let costNano = Number.NaN;
	let isCostEstimated = false;
	const latencies: number[] = [];
	for (const row of rows) {
		tokens = plus(tokens, row.tokens ?? Number.NaN);
		if (row.costUsd !== undefined) {
			costNano = plus(costNano, nanoUsd(row.costUsd));
			isCostEstimated ||= row.isCostEstimated;
		}
		if (!row.isRunning && row.latencyMs !== undefined) latencies.push(row.latencyMs);
	}
	const count = (state: SpanState) => rows.filter((row) => row.state === state).length;
	return {
		shown: rows.length,
		completed: count("completed"),
		errors: count("failed"),
		running: count("running"),
		averageMs: latencies.length === 0 ? undefined : latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length,
		p95Ms: monitorP95(latencies),
		tokens: Number.isNaN(tokens) ? undefined : tokens,
		costUsd: Number.isNaN(costNano) ? undefined : costNano / 1e9,
		isCostEstimated,
	};
}

/**
 * The 95th percentile as `tracellm monitor` computes it: `sorted[int(n · 0.95)]`, the maximum for up to 20 values. Analytics
 * take the nearest rank instead, one place before (19 and not 20 for 1 … 20).
 */
export function monitorP95(values: readonly number[]): number | undefined {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)];
}

/** Above this a count of milliseconds no longer says much. */
const MAX_MS = 100_000;

/** A latency in whole milliseconds with separators, `1,234`, and its unit; from 100 s on as everywhere else: `2 m 05 s`. */
export function latencyText(ms: number | undefined, unit: "ms" | " ms"): string {
	if (ms === undefined) return UNKNOWN;
	if (ms >= MAX_MS - 0.5) return formatDuration(ms * 1e6);
	return ms > 0 && ms < 0.5 ? `<1${unit}` : `${formatCount(ms)}${unit}`;
}

/** From here on a latency has the colour of a warning, and of an error. */
const SLOW_MS = 900;
const VERY_SLOW_MS = 1500;

export function latencyStyle(ms: number | undefined): "plain" | "warning" | "bad" {
	if (ms === undefined || ms < SLOW_MS) return "plain";
	return ms < VERY_SLOW_MS ? "warning" : "bad";
}
