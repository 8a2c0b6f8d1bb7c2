import type { TraceStore } from "../../model/traceStore.ts";
import { mergeRows, type SearchRow, traceInputOf } from "./searchAnswer.ts";
import type { SearchWindow } from "./windows.ts";

interface Known {
	row: SearchRow;
	/** When a search or a reading last told something new, milliseconds since the epoch. */
	changedAtMs: number;
	/** It was in a look back, not among what came while we watched. */
	isHistory: boolean;
	/** Something was told that no reading has brought yet. */
	isDue: boolean;
	/** The row that it was last to be read because of. */
	askedRow: SearchRow | undefined;
	/** The row that the last reading began with. */
	readRow: SearchRow | undefined;
	readCount: number;
	/** Readings in a row that brought fewer spans than a search had told of. */
	shortReads: number;
	/** Its spans are in the sum of what is read unasked. */
	isCounted: boolean;
	hasRoot: boolean;
	/** Not before this time is it read again. */
	notBeforeMs: number;
	/** A search did not find it where it should have. */
	isMissing: boolean;
	/** When it was last asked for because of that. */
	checkedAtMs: number;
}

export interface KnownTracesOptions {
	readonly store: TraceStore;
	/** Most spans that are read of traces nobody has opened. */
	readonly maxReadSpans: number;
	readonly read: (traceId: string, isUrgent: boolean) => void;
	/** Whether it is being read, or will be. */
	readonly isReading: (traceId: string) => boolean;
}

/** A root that has not come after so long is not waited for: the interface gives up then as well. */
const ROOT_AWAITED_MS = 15 * 60_000;
/** Traces without a root that are read again with each poll, whatever searches say: spans are there before they are found. */
const MAX_OPEN_READS = 20;
/** A trace is read again after this many times as long as the last reading took. */
const READ_REST = 10;
/** A trace that could not be read is tried again after this long, or when there is news of it. */
const FAILED_REST_MS = 300_000;
/** A reading that lacks spans is tried again so often, with rests that double: servers count copies of spans, too. */
const MAX_SHORT_READS = 4;
const SHORT_REST_MS = 2000;
/** A trace that searches miss, though it is there, is not asked for more often. */
const CHECK_REST_MS = 60_000;
/** Traces that are remembered. */
const MAX_KNOWN = 50_000;

/**
 * What searches have told of each trace, and what was read of it: decides what is news, what is read, and when a trace is whole.
 * Searches overlap, so nearly all that they tell is known already.
 */
export class KnownTraces {
	readonly #options: KnownTracesOptions;
	readonly #traces = new Map<string, Known>();
	/** Spans of traces that were asked to be read without anybody having opened them. */
	#readSpans = 0;

	constructor(options: KnownTracesOptions) {
		this.#options = options;
	}

	/** Brings the rows of a search into the store, as far as they are news, and has those traces read. */
	take(rows: readonly SearchRow[], isHistory: boolean): { readonly added: number; readonly changed: number } {
		const nowMs = Date.now();
		let added = 0;
		let changed = 0;
		// Of one search, the newest trace first: it is read first.
		const sorted = [...rows].sort((a, b) => b.start.ms - a.start.ms);
		for (const row of sorted) {
			const known = this.#traces.get(row.traceId);
			if (known === undefined) {
				added++;
				this.#add(row, isHistory, nowMs);
			} else {
				known.isMissing = false;
				const merged = mergeRows(known.row, row);
				if (merged === known.row) {
					this.#readIfDue(known, nowMs);
					continue;
				}
				known.row = merged;
				known.changedAtMs = nowMs;
				known.isDue = true;
				known.shortReads = 0;
				known.notBeforeMs = Math.min(known.notBeforeMs, nowMs + FAILED_REST_MS / 10);
				this.#report(known, nowMs);
				this.#readIfDue(known, nowMs);
			}
			changed++;
		}
		return { added, changed };
	}

	/** Reads traces again that wait for their root, or for a reading that was put off. */
	readOpen(nowMs: number): void {
		let left = MAX_OPEN_READS;
		for (const known of [...this.#traces.values()].reverse()) {
			if (known.isDue) this.#readIfDue(known, nowMs);
			else if (this.#isOpen(known, nowMs)) {
				const isPinned = this.#options.store.isPinned(known.row.traceId);
				if (!isPinned && left-- <= 0) continue;
				if (nowMs >= known.notBeforeMs) this.#options.read(known.row.traceId, isPinned);
			} else if (known.readRow !== undefined && !known.hasRoot && known.changedAtMs > 0) {
				// Waited long enough: what is here is all.
				known.changedAtMs = 0;
				this.#report(known, nowMs);
				this.#options.store.markWhole(known.row.traceId);
			}
		}
	}

	rowOf(traceId: string): SearchRow | undefined {
		return this.#traces.get(traceId)?.row;
	}

	isHistory(traceId: string): boolean {
		return this.#traces.get(traceId)?.isHistory ?? true;
	}

	isMissing(traceId: string): boolean {
		return this.#traces.get(traceId)?.isMissing ?? false;
	}

	/**
	 * Reads the newest `most` of the known traces of a range that a search over it did not find: a search alone proves nothing, as
	 * two of them may differ. Who reads one and finds that it is not there asks `isMissing`.
	 *
	 * @param isThorough those that were asked for just now, too.
	 */
	check({ from, to }: SearchWindow, found: ReadonlySet<string>, most: number, isThorough: boolean): void {
		const nowMs = Date.now();
		const missing: Known[] = [];
		for (const known of this.#traces.values()) {
			const { row, checkedAtMs } = known;
			if (found.has(row.traceId) || row.end.ms / 1000 < from || row.start.ms / 1000 > to) continue;
			if (isThorough || nowMs - checkedAtMs >= CHECK_REST_MS) missing.push(known);
		}
		missing.sort((a, b) => b.row.start.ms - a.row.start.ms);
		for (const known of missing.slice(0, most)) {
			known.isMissing = true;
			known.checkedAtMs = nowMs;
			this.#options.read(known.row.traceId, false);
		}
	}

	/** A reading brought `count` spans; `row` is what was known when it began. */
	noteRead(
		traceId: string,
		reading: {
			readonly row: SearchRow | undefined;
			readonly count: number;
			readonly hasRoot: boolean;
			readonly tookMs: number;
		},
	): void {
		const { store } = this.#options;
		const known = this.#traces.get(traceId);
		if (known === undefined) {
			// Opened by its id, and never found by a search.
			store.markWhole(traceId);
			return;
		}
		const nowMs = Date.now();
		if (reading.count > known.readCount) known.changedAtMs = nowMs;
		known.readRow = reading.row;
		known.readCount = Math.max(known.readCount, reading.count);
		known.hasRoot ||= reading.hasRoot;
		known.isMissing = false;
		known.notBeforeMs = nowMs + READ_REST * reading.tookMs;
		const isShort = reading.count < (known.row.spanCount ?? 0) && known.shortReads < MAX_SHORT_READS;
		if (isShort) {
			// What a search told of is on its way.
			const restMs = SHORT_REST_MS * 2 ** known.shortReads++;
			known.notBeforeMs = Math.max(known.notBeforeMs, nowMs + restMs);
		}
		known.isDue = isShort || known.row !== reading.row;
		if (known.isDue) return;
		if (known.hasRoot || !this.#isOpen(known, nowMs)) store.markWhole(traceId);
	}

	noteFailure(traceId: string, nowMs: number): void {
		const known = this.#traces.get(traceId);
		if (known !== undefined) known.notBeforeMs = nowMs + FAILED_REST_MS;
	}

	forget(traceId: string): void {
		const known = this.#traces.get(traceId);
		if (known?.isCounted) this.#readSpans -= known.row.spanCount ?? 1;
		this.#traces.delete(traceId);
	}

	#add(row: SearchRow, isHistory: boolean, nowMs: number): void {
		if (this.#traces.size >= MAX_KNOWN) {
			for (const oldest of this.#traces.keys()) {
				this.forget(oldest);
				break;
			}
		}
		const known: Known = {
			row,
			changedAtMs: nowMs,
			isHistory,
			isDue: true,
			askedRow: undefined,
			readRow: undefined,
			readCount: 0,
			shortReads: 0,
			isCounted: false,
			hasRoot: row.hasRoot,
			notBeforeMs: 0,
			isMissing: false,
			checkedAtMs: 0,
		};
		this.#traces.set(row.traceId, known);
		this.#report(known, nowMs);
		this.#readIfDue(known, nowMs);
	}

	#report(known: Known, nowMs: number): void {
		const { store } = this.#options;
		const input = traceInputOf(known.row, this.#isOpen(known, nowMs));
		const { isHistory } = known;
		store.applySnapshot({ traces: [input], spans: [], isTraceListComplete: false, wholeTraceIds: NONE, isHistory });
	}

	/** Whether the root may still come. */
	#isOpen({ row, hasRoot, changedAtMs }: Known, nowMs: number): boolean {
		if (row.hasRoot || hasRoot) return false;
		const lastMs = Math.max(row.end.ms, changedAtMs);
		return Math.abs(nowMs - lastMs) < ROOT_AWAITED_MS;
	}

	#readIfDue(known: Known, nowMs: number): void {
		if (!known.isDue || nowMs < known.notBeforeMs) return;
		const { store, maxReadSpans, read, isReading } = this.#options;
		const { traceId, spanCount = 1 } = known.row;
		if (known.askedRow === known.row && isReading(traceId)) return;
		const isPinned = store.isPinned(traceId);
		if (!isPinned && !known.isCounted) {
			// The bound of what is read unasked; the rest is read when it is opened.
			if (this.#readSpans + spanCount > maxReadSpans) return;
			this.#readSpans += spanCount;
			known.isCounted = true;
		}
		known.askedRow = known.row;
		read(traceId, isPinned);
	}
}

const NONE: ReadonlySet<string> = new Set();
