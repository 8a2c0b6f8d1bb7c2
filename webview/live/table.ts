import type { LiveRow } from "../../src/protocol/liveMessages.ts";
import { compareRows, isNatural, NATURAL, type Sorting } from "./columns.ts";

/** A row of the table. It stays the same object for as long as the trace is there. */
export interface Entry {
	row: LiveRow;
	/** When it first came into the table as news, by `performance.now`; undefined for what was there before. */
	flashAtMs: number | undefined;
	/** Undefined while nobody asked or the answer is under way; null when there is none. */
	prompt: string | null | undefined;
}

/**
 * Rows and their order. Newest first, unfiltered and at its top the list is live: new rows come in on top. Otherwise rows
 * stay where they are: their values change in place, what is new waits and is counted, and what was removed leaves.
 */
export class LiveTable {
	readonly #entries = new Map<string, Entry>();
	readonly #waiting = new Set<Entry>();
	#order: Entry[] = [];
	#sorting: Sorting = NATURAL;
	#isStale = false;
	/** The user has scrolled away from the top. */
	isScrolledAway = false;
	isFiltered = false;

	/** Rows in their order. A new array each time that the order changes. */
	get order(): readonly Entry[] {
		return this.#order;
	}

	get sorting(): Sorting {
		return this.#sorting;
	}

	/** Rows that wait to be let in. */
	get waitingCount(): number {
		return this.#waiting.size;
	}

	/** Values have changed so that the rows are no longer in the order that was asked for. */
	get isStale(): boolean {
		return this.#isStale;
	}

	get isHolding(): boolean {
		return this.#order.length > 0 && (this.isScrolledAway || this.isFiltered || !isNatural(this.#sorting));
	}

	entry(traceId: string): Entry | undefined {
		return this.#entries.get(traceId);
	}

	/** Place of a trace in the order; -1 when it is not there or waits. */
	indexOf(traceId: string | undefined): number {
		const entry = traceId === undefined ? undefined : this.#entries.get(traceId);
		return entry === undefined ? -1 : this.#order.indexOf(entry);
	}

	/** Replaces all rows; prompts that are known stay known. */
	reset(rows: readonly LiveRow[], nowMs: number): void {
		const before = new Map(this.#entries);
		this.#entries.clear();
		this.#waiting.clear();
		for (const row of rows) {
			const prompt = before.get(row.traceId)?.prompt;
			this.#entries.set(row.traceId, { row, flashAtMs: undefined, prompt });
		}
		this.#order = [...this.#entries.values()];
		this.#sort(nowMs);
	}

	/** Takes over what changed. `newIds` are those of `rows` that are news. `clockMs` is `performance.now`. */
	apply(
		rows: readonly LiveRow[],
		removed: readonly string[],
		newIds: readonly string[],
		nowMs: number,
		clockMs: number,
	): void {
		this.#remove(removed);
		if (rows.length === 0) return;
		const isHolding = this.isHolding;
		const news = new Set(newIds);
		const newestMs = this.#order[0]?.row.startMs ?? Number.NEGATIVE_INFINITY;
		const added: Entry[] = [];
		const moved = new Set<Entry>();
		for (const row of rows) {
			const entry = this.#entries.get(row.traceId);
			if (entry === undefined) {
				const isNews = news.has(row.traceId);
				const fresh: Entry = { row, flashAtMs: isNews ? clockMs : undefined, prompt: undefined };
				this.#entries.set(row.traceId, fresh);
				// Found again after a gap, it is no news and yet belongs above what is shown.
				const isAbove = isNatural(this.#sorting) && row.startMs !== undefined && row.startMs > newestMs;
				if (isHolding && (isNews || isAbove)) this.#waiting.add(fresh);
				else added.push(fresh);
				continue;
			}
			if (entry.row.startMs !== row.startMs && !this.#waiting.has(entry)) moved.add(entry);
			entry.row = row;
		}
		if (!isHolding && moved.size > 0) {
			this.#order = this.#order.filter((entry) => !moved.has(entry));
			added.push(...moved);
		}
		this.#insert(added, nowMs);
		if (isHolding && !isNatural(this.#sorting)) this.#isStale = !this.#isSorted(nowMs);
	}

	/** Lets in what waits and puts all in order. Returns whether anything moved. */
	showWaiting(nowMs: number, clockMs: number): boolean {
		if (this.#waiting.size === 0 && !this.#isStale) return false;
		for (const entry of this.#waiting) if (entry.flashAtMs !== undefined) entry.flashAtMs = clockMs;
		this.#order = [...this.#order, ...this.#waiting];
		this.#waiting.clear();
		this.#sort(nowMs);
		return true;
	}

	/** Another order, of all that is there. */
	sortBy(sorting: Sorting, nowMs: number): void {
		this.#sorting = sorting;
		this.#order = [...this.#order, ...this.#waiting];
		this.#waiting.clear();
		this.#sort(nowMs);
	}

	#remove(traceIds: readonly string[]): void {
		const gone = new Set<Entry>();
		for (const traceId of traceIds) {
			const entry = this.#entries.get(traceId);
			if (entry === undefined) continue;
			this.#entries.delete(traceId);
			if (!this.#waiting.delete(entry)) gone.add(entry);
		}
		if (gone.size > 0) this.#order = this.#order.filter((entry) => !gone.has(entry));
	}

	/** Puts rows in at their places. Few and new, as they mostly are, they stand near the top. */
	#insert(added: Entry[], nowMs: number): void {
		if (added.length === 0) return;
		const compare = this.#comparing(nowMs);
		added.sort(compare);
		const merged: Entry[] = [];
		let from = 0;
		for (const entry of added) {
			while (from < this.#order.length && compare(this.#order[from], entry) <= 0) merged.push(this.#order[from++]);
			merged.push(entry);
		}
		this.#order = from === 0 ? merged.concat(this.#order) : merged.concat(this.#order.slice(from));
	}

	#sort(nowMs: number): void {
		this.#order = [...this.#order].sort(this.#comparing(nowMs));
		this.#isStale = false;
	}

	#isSorted(nowMs: number): boolean {
		const compare = this.#comparing(nowMs);
		for (let index = 1; index < this.#order.length; index++) {
			if (compare(this.#order[index - 1], this.#order[index]) > 0) return false;
		}
		return true;
	}

	#comparing(nowMs: number): (a: Entry, b: Entry) => number {
		const sorting = this.#sorting;
		return (a, b) => compareRows(a.row, b.row, sorting, nowMs);
	}
}
