import type { ChangeSet } from "../../model/changeWindow.ts";
import type { Query, QuerySort } from "../../model/query.ts";
import { matchTrace } from "../../model/queryMatch.ts";
import { type TraceSummary, totalTokens, traceDurationNs } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { type Grouping, groupKeyOf, type Sorting } from "./traceNodes.ts";

const SORTING_OF_QUERY: Readonly<Partial<Record<QuerySort | "none", Sorting>>> = {
	started: "newest",
	duration: "duration",
	tokens: "tokens",
	cost: "cost",
	name: "name",
};

export interface TraceGroup {
	readonly key: string | undefined;
	readonly traceIds: readonly string[];
}

/**
 * Which traces are shown and in which order: filter, sorting and grouping over one store. Results are kept until the store
 * or the arrangement changes in a way that matters.
 */
export class TraceList {
	grouping: Grouping = "none";
	sorting: Sorting = "newest";
	query: Query | undefined;
	/** Ids of traces that the server found for each of the query's remote parts, in their order. */
	found: readonly ReadonlySet<string>[] = [];
	readonly #store: TraceStore;
	#ids: readonly string[] | undefined;

	constructor(store: TraceStore) {
		this.#store = store;
	}

	/** Forgets the order; it is computed anew when asked for. */
	invalidate(): void {
		this.#ids = undefined;
	}

	/** Whether a change set can alter which traces are shown, their order or their groups. */
	isOrderTouchedBy(changes: ChangeSet): boolean {
		if (changes.isCleared || changes.removedTraceIds.length > 0 || this.#ids === undefined) return true;
		if (this.query !== undefined || this.sorting !== "newest" || this.grouping !== "none") return true;
		const shown = this.#shown;
		for (const traceId of changes.changedTraces.keys()) {
			const start = this.#store.summary(traceId)?.start?.ms;
			if (!shown.has(traceId) || shown.get(traceId) !== start) return true;
		}
		return false;
	}

	#shown: ReadonlyMap<string, number | undefined> = new Map();

	/** Ids of the traces that match, in order. */
	ids(nowMs: number): readonly string[] {
		if (this.#ids !== undefined) return this.#ids;
		// An order in the filter wins over the one of the view.
		const sorting = SORTING_OF_QUERY[this.query?.sort ?? "none"] ?? this.sorting;
		const rows: { traceId: string; summary: TraceSummary; rank: number }[] = [];
		for (const { traceId } of this.#store.entries()) {
			const summary = this.#store.summary(traceId);
			if (summary === undefined) continue;
			if (this.query !== undefined && !matchTrace(this.query, this.#store, traceId, nowMs, this.found)) continue;
			rows.push({ traceId, summary, rank: rankOf(summary, sorting, nowMs) });
		}
		if (sorting === "name") {
			rows.sort((a, b) => a.summary.name.localeCompare(b.summary.name) || compareIds(b.traceId, a.traceId));
		} else {
			rows.sort(
				(a, b) => b.rank - a.rank || startOf(b.summary) - startOf(a.summary) || compareIds(b.traceId, a.traceId),
			);
		}
		const natural = sorting === "name" ? "asc" : "desc";
		if (this.query?.order !== undefined && this.query.order !== natural) rows.reverse();
		this.#shown = new Map(rows.map((row) => [row.traceId, row.summary.start?.ms]));
		this.#ids = rows.map((row) => row.traceId);
		return this.#ids;
	}

	/** The ids in groups, groups in order of their first trace; traces without a group come last. */
	groups(nowMs: number): readonly TraceGroup[] {
		const groups = new Map<string | undefined, string[]>();
		for (const traceId of this.ids(nowMs)) {
			const summary = this.#store.summary(traceId);
			if (summary === undefined) continue;
			const key = groupKeyOf(summary, this.grouping);
			const ids = groups.get(key);
			if (ids === undefined) groups.set(key, [traceId]);
			else ids.push(traceId);
		}
		const named = [...groups].filter(([key]) => key !== undefined);
		const rest = [...groups].filter(([key]) => key === undefined);
		return [...named, ...rest].map(([key, traceIds]) => ({ key, traceIds }));
	}
}

function startOf(summary: TraceSummary): number {
	return summary.start?.ms ?? 0;
}

function rankOf(summary: TraceSummary, sorting: Sorting, nowMs: number): number {
	switch (sorting) {
		case "newest":
		case "name":
			return startOf(summary);
		case "duration":
			return traceDurationNs(summary, nowMs) ?? -1;
		case "tokens":
			return totalTokens(summary.inputTokens, summary.outputTokens) ?? -1;
		case "cost":
			return summary.costUsd ?? -1;
	}
}

function compareIds(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
