import { SortedNumbers } from "./sortedNumbers.ts";
import { type SpanState, type TraceSummary, totalTokens, traceDurationNs } from "./span.ts";
import { nanoUsd } from "./usage.ts";

/** What is told of many traces at once. What no trace knows is undefined, never 0. */
export interface TraceStatsView {
	readonly traces: number;
	readonly running: number;
	readonly failed: number;
	/** Mean and 95th percentile (nearest rank) over the traces that have ended, nanoseconds. */
	readonly averageLatencyNs: number | undefined;
	readonly p95LatencyNs: number | undefined;
	readonly tokens: number | undefined;
	readonly costUsd: number | undefined;
	/** A part of the cost comes from list prices. */
	readonly isCostEstimated: boolean;
}

/** What one trace adds; NaN for what it does not know. */
interface Share {
	readonly state: SpanState;
	/** NaN while something of it runs. */
	readonly latencyNs: number;
	readonly tokens: number;
	readonly costNanoUsd: number;
	readonly isCostEstimated: boolean;
}

/**
 * Sums over a changing set of traces, kept up by what each of them adds: a change costs the same with ten traces as with
 * 50,000. Whole tokens, whole nano-dollars and whole microseconds add up exactly, so taking out and putting in again leaves
 * what was there, in any order.
 */
export class TraceStats {
	readonly #shares = new Map<string, Share>();
	readonly #latencies = new SortedNumbers();
	#latencySumUs = 0;
	#running = 0;
	#failed = 0;
	#tokens = 0;
	#knownTokens = 0;
	#costNanoUsd = 0;
	#knownCosts = 0;
	#estimatedCosts = 0;

	get size(): number {
		return this.#shares.size;
	}

	has(traceId: string): boolean {
		return this.#shares.has(traceId);
	}

	traceIds(): IterableIterator<string> {
		return this.#shares.keys();
	}

	/** Counts a trace as it stands now, in place of how it stood before. */
	set(summary: TraceSummary): void {
		const share = shareOf(summary);
		const before = this.#shares.get(summary.traceId);
		if (before !== undefined) {
			this.#add(before, -1);
			if (before.latencyNs !== share.latencyNs) this.#latencies.remove(before.latencyNs);
		}
		this.#shares.set(summary.traceId, share);
		this.#add(share, 1);
		if (!Number.isNaN(share.latencyNs) && before?.latencyNs !== share.latencyNs) this.#latencies.add(share.latencyNs);
	}

	delete(traceId: string): void {
		const share = this.#shares.get(traceId);
		if (share === undefined) return;
		this.#shares.delete(traceId);
		this.#add(share, -1);
		this.#latencies.remove(share.latencyNs);
	}

	/** Counts these traces and no others. */
	reset(summaries: readonly TraceSummary[]): void {
		this.#shares.clear();
		this.#latencySumUs = this.#running = this.#failed = 0;
		this.#tokens = this.#knownTokens = 0;
		this.#costNanoUsd = this.#knownCosts = this.#estimatedCosts = 0;
		for (const summary of summaries) {
			const share = shareOf(summary);
			this.#shares.set(summary.traceId, share);
			this.#add(share, 1);
		}
		const latencies = [...this.#shares.values()].map(({ latencyNs }) => latencyNs).filter((ns) => !Number.isNaN(ns));
		this.#latencies.reset(Float64Array.from(latencies));
	}

	view(): TraceStatsView {
		const ended = this.#latencies.size;
		return {
			traces: this.#shares.size,
			running: this.#running,
			failed: this.#failed,
			averageLatencyNs: ended === 0 ? undefined : (this.#latencySumUs * 1000) / ended,
			p95LatencyNs: this.#latencies.quantile(0.95),
			tokens: this.#knownTokens === 0 ? undefined : this.#tokens,
			costUsd: this.#knownCosts === 0 ? undefined : this.#costNanoUsd / 1e9,
			isCostEstimated: this.#estimatedCosts > 0,
		};
	}

	#add(share: Share, sign: 1 | -1): void {
		if (share.state === "running") this.#running += sign;
		else if (share.state === "failed") this.#failed += sign;
		if (!Number.isNaN(share.latencyNs)) this.#latencySumUs += sign * Math.round(share.latencyNs / 1000);
		if (!Number.isNaN(share.tokens)) {
			this.#tokens += sign * share.tokens;
			this.#knownTokens += sign;
		}
		if (!Number.isNaN(share.costNanoUsd)) {
			this.#costNanoUsd += sign * share.costNanoUsd;
			this.#knownCosts += sign;
			if (share.isCostEstimated) this.#estimatedCosts += sign;
		}
	}
}

function shareOf(summary: TraceSummary): Share {
	const { runningCount, costUsd } = summary;
	// The clock is asked of traces that run only.
	const latencyNs = runningCount > 0 ? undefined : traceDurationNs(summary, 0);
	return {
		state: summary.state,
		latencyNs: latencyNs ?? Number.NaN,
		tokens: totalTokens(summary.inputTokens, summary.outputTokens) ?? Number.NaN,
		costNanoUsd: costUsd === undefined ? Number.NaN : nanoUsd(costUsd),
		isCostEstimated: summary.isCostEstimated,
	};
}
