import { Parent } from "./spanColumns.ts";
import type { TraceEntry } from "./traceEntry.ts";
import type { TraceStore } from "./traceStore.ts";

/** What a list tells of a trace beside its sums. */
export interface TraceGlance {
	/** The model that most spans name; of several the one that was named first. */
	readonly model: string | undefined;
	/** How many different models are named. */
	readonly modelCount: number;
	/** Spans right below a root, or below a parent that has not arrived: what the trace did, one after the other. */
	readonly stepCount: number;
	/** Row of the span whose input is the prompt: the earliest model call, else the earliest root; -1 without spans. */
	readonly promptRow: number;
}

/** One pass over the spans of a trace, again only when it has changed. */
export class TraceGlances {
	readonly #store: TraceStore;
	readonly #known = new WeakMap<TraceEntry, { readonly revision: number; readonly glance: TraceGlance }>();

	constructor(store: TraceStore) {
		this.#store = store;
	}

	of(entry: TraceEntry): TraceGlance {
		const known = this.#known.get(entry);
		if (known?.revision === entry.revision) return known.glance;
		const glance = glanceAt(this.#store, entry);
		this.#known.set(entry, { revision: entry.revision, glance });
		return glance;
	}
}

function glanceAt(store: TraceStore, entry: TraceEntry): TraceGlance {
	const { model, parentRow, startMs } = store.columns;
	const counts = new Map<number, number>();
	let stepCount = 0;
	let callRow = -1;
	let rootRow = -1;
	const earlier = (row: number, other: number) => other < 0 || startMs[row] < startMs[other];
	for (const row of entry.rows) {
		const named = model[row];
		if (named >= 0) counts.set(named, (counts.get(named) ?? 0) + 1);
		const parent = parentRow[row];
		if (parent >= 0 ? parentRow[parent] === Parent.root : parent === Parent.orphan) stepCount++;
		if (store.kindTypeOf(row) === "llm_call" && earlier(row, callRow)) callRow = row;
		if (parent === Parent.root && earlier(row, rootRow)) rootRow = row;
	}
	let most: number | undefined;
	for (const [index, count] of counts) if (most === undefined || count > (counts.get(most) ?? 0)) most = index;
	return {
		model: most === undefined ? undefined : store.strings.at(most),
		modelCount: counts.size,
		stepCount,
		promptRow: callRow >= 0 ? callRow : rootRow >= 0 ? rootRow : (entry.rows[0] ?? -1),
	};
}
