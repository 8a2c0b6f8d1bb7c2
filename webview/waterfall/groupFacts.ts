import type { TraceModel } from "./model.ts";
import { timeFlag } from "./timeFlags.ts";
import type { RowRange } from "./visibleRows.ts";

/** Sums over the members of a group. Times in nanoseconds; what no member tells is NaN. */
export interface GroupFacts {
	readonly count: number;
	/** Earliest start and latest end, from the trace's base. */
	readonly startNs: number;
	readonly endNs: number;
	/** All durations added up: more than the time between the two where members ran side by side. */
	readonly totalNs: number;
	/** The duration that 95 of 100 do not exceed, by nearest rank. */
	readonly p95Ns: number;
	readonly minNs: number;
	readonly maxNs: number;
	readonly inputTokens: number;
	readonly outputTokens: number;
	readonly costUsd: number;
	/** Members whose times are odd. */
	readonly flaggedCount: number;
}

/** Sums of groups, kept while their spans do not change: what is on screen is asked for in every frame. */
export class GroupFactsCache {
	readonly #kept = new Map<number, { readonly version: number; readonly end: number; readonly facts: GroupFacts }>();

	/** Facts of the rows of a group. O(n log n) when they are not kept. */
	of(model: TraceModel, { first, end }: RowRange): GroupFacts {
		const ordinal = model.layout.node[first];
		const kept = this.#kept.get(ordinal);
		if (kept !== undefined && kept.version === model.version && kept.end === end) return kept.facts;
		// As many as are on a screen, and some that were.
		if (this.#kept.size >= 256) this.#kept.clear();
		const facts = groupFacts(model, first, end);
		this.#kept.set(ordinal, { version: model.version, end, facts });
		return facts;
	}
}

function groupFacts(model: TraceModel, first: number, end: number): GroupFacts {
	const { table, layout } = model;
	const nowNs = model.nowNs();
	let flaggedCount = 0;
	const durations = new Float64Array(end - first);
	let known = 0;
	let startNs = Number.NaN;
	let endNs = Number.NaN;
	let totalNs = 0;
	let inputTokens = Number.NaN;
	let outputTokens = Number.NaN;
	let costUsd = Number.NaN;
	for (let row = first; row < end; row++) {
		const span = layout.node[row];
		const start = table.startNs[span];
		const finish = table.endNs[span];
		// Not below or above what is known; the first known one is neither.
		if (!(start >= startNs) && !Number.isNaN(start)) startNs = start;
		if (!(finish <= endNs) && !Number.isNaN(finish)) endNs = finish;
		if (!Number.isNaN(finish - start)) {
			totalNs += finish - start;
			durations[known++] = finish - start;
		}
		if (timeFlag(model, span, nowNs) !== undefined) flaggedCount++;
		inputTokens = added(inputTokens, table.inputTokens[span]);
		outputTokens = added(outputTokens, table.outputTokens[span]);
		costUsd = added(costUsd, table.costUsd[span]);
	}
	const sorted = durations.subarray(0, known).sort();
	return {
		count: end - first,
		startNs,
		endNs,
		totalNs: known === 0 ? Number.NaN : totalNs,
		p95Ns: known === 0 ? Number.NaN : sorted[Math.ceil(known * 0.95) - 1],
		minNs: known === 0 ? Number.NaN : sorted[0],
		maxNs: known === 0 ? Number.NaN : sorted[known - 1],
		inputTokens,
		outputTokens,
		costUsd,
		flaggedCount,
	};
}

/** A sum of what is known. */
function added(sum: number, value: number): number {
	if (Number.isNaN(value)) return sum;
	return Number.isNaN(sum) ? value : sum + value;
}
