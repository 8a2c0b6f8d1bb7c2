import { setImmediate as nextTurn } from "node:timers/promises";
import { isDiskFull } from "../errors.ts";
import type { Database } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import type { SpanIndexes } from "./spanIndexes.ts";
import type { TraceTable, UnsettledTrace } from "./traceTable.ts";
import { UsageSettler } from "./usageSettler.ts";

/** A trace as far as its sums are concerned. */
export interface SummedTrace {
	readonly ref: number;
	readonly id: string;
	/** 1 when its sums are not right. */
	readonly unsettled: number;
}

export interface DerivedDataOptions {
	readonly database: Database;
	readonly indexes: SpanIndexes;
	readonly traces: TraceTable;
	readonly columns: FilterColumns;
	/** Runs work in a transaction of its own, at once, and commits it. */
	readonly transact: (work: () => void) => void;
	/** Undoes the open transaction, in the database and in memory. */
	readonly rollback: () => void;
}

/** Traces that are summed up in one turn of the event loop, and their spans: about five milliseconds, but for a larger trace. */
const SETTLED_PER_TURN = 50;
const SPANS_PER_TURN = 1000;

/**
 * What is derived from spans and put off until somebody reads it: the indexes by id and by trace, which usage counts, the sums of
 * traces. On a full disk it is made in memory, for one reading: what was kept can be read where nothing can be written.
 */
export class DerivedData {
	readonly #options: DerivedDataOptions;
	readonly #settler: UsageSettler;

	constructor(options: DerivedDataOptions) {
		this.#options = options;
		this.#settler = new UsageSettler(options.database, options.traces, options.columns);
	}

	/** Brings the indexes of spans up to date. @throws an error of SQLite */
	indexSpans(): void {
		const { indexes, transact } = this.#options;
		if (!indexes.isUpToDate) transact(() => indexes.update());
	}

	/** Reads by trace, and what needs the sums of these traces, with both up to date. `read` is done when it returns. */
	read<T>(traces: readonly SummedTrace[], read: () => T): T {
		const { indexes, transact } = this.#options;
		const changed = traces.filter(({ unsettled }) => unsettled === 1);
		if (changed.length === 0 && indexes.isUpToDate) return read();
		try {
			transact(() => this.#derive(changed));
		} catch (error) {
			if (!isDiskFull(error)) throw error;
			return this.#inMemory(() => {
				this.#derive(changed);
				return read();
			});
		}
		return read();
	}

	/**
	 * Sums up the usage of all traces (of at most `maxSpans` spans) in which it has changed, a few traces in one turn of the event
	 * loop, while `isWanted`. When it resolves, the columns know which usage counts: read them in the same turn.
	 */
	async settle(maxSpans: number, isWanted: () => boolean): Promise<void> {
		const { traces, columns, transact } = this.#options;
		while (isWanted()) {
			const found = traces.unsettled(SETTLED_PER_TURN, maxSpans);
			if (found.length === 0) return;
			const portion = found.slice(0, portionOf(found));
			try {
				transact(() => this.#derive(portion));
			} catch (error) {
				if (!isDiskFull(error)) throw error;
				const all = traces.unsettled(Number.MAX_SAFE_INTEGER, maxSpans);
				this.#inMemory(() => {
					this.#derive(all);
					// The columns are what is read: they keep what the rows do not.
					columns.didCommit();
				});
				return;
			}
			if (portion.length === found.length && found.length < SETTLED_PER_TURN) return;
			await nextTurn();
		}
	}

	#derive(traces: readonly { readonly ref: number; readonly id: string }[]): void {
		this.#options.indexes.update();
		for (const { ref, id } of traces) this.#settler.settle(ref, id);
	}

	/** Pages that a transaction changed stay in the cache until it commits, which this one never does. */
	#inMemory<T>(work: () => T): T {
		const { database, rollback } = this.#options;
		database.exec("PRAGMA cache_spill = OFF; BEGIN IMMEDIATE");
		try {
			return work();
		} finally {
			rollback();
			database.exec("PRAGMA cache_spill = ON");
		}
	}
}

/** How many of them are summed up in this turn; one at least. */
function portionOf(traces: readonly UnsettledTrace[]): number {
	let spans = 0;
	const last = traces.findIndex(({ spanCount }) => {
		spans += spanCount;
		return spans >= SPANS_PER_TURN;
	});
	return last < 0 ? traces.length : last + 1;
}
