import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SortedNumbers } from "../../../src/model/sortedNumbers.ts";
import type { SpanState, TraceSummary } from "../../../src/model/span.ts";
import { TraceStats } from "../../../src/model/traceStats.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, running, span } from "./spans.ts";

function summary(traceId: string, more: Partial<TraceSummary> = {}): TraceSummary {
	return {
		traceId,
		name: traceId,
		tags: [],
		sessionId: undefined,
		serviceName: undefined,
		spanCount: 1,
		runningCount: 0,
		failedCount: 0,
		state: "completed",
		start: at(0),
		end: at(10),
		inputTokens: undefined,
		outputTokens: undefined,
		costUsd: undefined,
		isCostEstimated: false,
		error: undefined,
		droppedSpans: 0,
		changedAtMs: 0,
		...more,
	};
}

function statsOf(...summaries: readonly TraceSummary[]): TraceStats {
	const stats = new TraceStats();
	for (const one of summaries) stats.set(one);
	return stats;
}

describe("sums over traces", () => {
	it("say nothing of what no trace knows", () => {
		const unknown = {
			averageLatencyNs: undefined,
			p95LatencyNs: undefined,
			tokens: undefined,
			costUsd: undefined,
			isCostEstimated: false,
		};
		expect(new TraceStats().view()).toEqual({ traces: 0, running: 0, failed: 0, ...unknown });
		const runs = summary("a", { state: "running", runningCount: 1, end: undefined });
		expect(statsOf(runs).view()).toEqual({ traces: 1, running: 1, failed: 0, ...unknown });
	});

	it("count tokens, cost and latency of those that know them, and what is estimated is told", () => {
		const stats = statsOf(
			summary("a", { inputTokens: 100, outputTokens: 5, costUsd: 0.1, end: at(30) }),
			summary("b", { outputTokens: 7, costUsd: 0.2, isCostEstimated: true, end: at(10) }),
			summary("c", { state: "failed", failedCount: 1, end: undefined }),
		);
		expect(stats.view()).toEqual({
			traces: 3,
			running: 0,
			failed: 1,
			averageLatencyNs: 20e6,
			p95LatencyNs: 30e6,
			tokens: 112,
			costUsd: 0.3,
			isCostEstimated: true,
		});
		stats.delete("b");
		expect(stats.view()).toMatchObject({ traces: 2, tokens: 105, costUsd: 0.1, isCostEstimated: false });
	});

	it("take the 95th percentile by nearest rank", () => {
		const stats = new TraceStats();
		for (let ms = 1; ms <= 20; ms++) stats.set(summary(`t${ms}`, { end: at(ms) }));
		expect(stats.view().p95LatencyNs).toBe(19e6);
		stats.set(summary("t21", { end: at(21) }));
		expect(stats.view().p95LatencyNs).toBe(20e6);
	});

	it("follow a trace from its start to its end", () => {
		const store = new TraceStore();
		const stats = new TraceStats();
		const call = span("a", "call", { inputTokens: 10, outputTokens: 2, costUsd: 0.5 });
		const note = () => stats.set(store.summary("a") as TraceSummary);
		store.upsertSpan(running(call));
		note();
		expect(stats.view()).toMatchObject({ traces: 1, running: 1, averageLatencyNs: undefined });
		store.upsertSpan(call);
		note();
		expect(stats.view()).toMatchObject({ traces: 1, running: 0, averageLatencyNs: 10e6, tokens: 12, costUsd: 0.5 });
		store.dispose();
	});

	it("are the same after any changes as when counted anew", () => {
		const known = (least: number, most: number) => fc.option(fc.integer({ min: least, max: most }), { nil: undefined });
		const change = fc.record({
			id: fc.integer({ min: 0, max: 8 }),
			isGone: fc.boolean(),
			state: fc.constantFrom<SpanState>("running", "completed", "failed"),
			endMs: known(0, 100),
			inputTokens: known(0, 1000),
			outputTokens: known(0, 1000),
			costNano: known(0, 1e9),
			isCostEstimated: fc.boolean(),
		});
		fc.assert(
			fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
				const stats = new TraceStats();
				const left = new Map<string, TraceSummary>();
				for (const { id, isGone, state, endMs, costNano, ...rest } of changes) {
					const traceId = `t${id}`;
					const next = summary(traceId, {
						...rest,
						state,
						runningCount: state === "running" ? 1 : 0,
						end: endMs === undefined ? undefined : at(endMs),
						costUsd: costNano === undefined ? undefined : costNano / 1e9,
						isCostEstimated: rest.isCostEstimated && costNano !== undefined,
					});
					if (isGone) {
						left.delete(traceId);
						stats.delete(traceId);
					} else {
						left.set(traceId, next);
						stats.set(next);
					}
				}
				const anew = new TraceStats();
				anew.reset([...left.values()]);
				expect(stats.view()).toEqual(anew.view());
			}),
		);
	});
});

describe("sorted numbers", () => {
	it("are those of a sorted array after any additions and removals", () => {
		const step = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 12 }));
		fc.assert(
			fc.property(fc.array(step, { maxLength: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, share) => {
				const sorted = new SortedNumbers();
				const naive: number[] = [];
				for (const [isAdded, value] of steps) {
					if (isAdded) {
						sorted.add(value);
						naive.push(value);
					} else {
						sorted.remove(value);
						if (naive.includes(value)) naive.splice(naive.indexOf(value), 1);
					}
				}
				naive.sort((a, b) => a - b);
				expect(sorted.size).toBe(naive.length);
				expect(sorted.quantile(share)).toBe(naive[Math.max(0, Math.ceil(share * naive.length) - 1)]);
			}),
		);
	});
});
