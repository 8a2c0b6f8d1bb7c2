import { displayText } from "../../base/displayText.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import type { Query } from "../../model/query.ts";
import { matchTrace } from "../../model/queryMatch.ts";
import { type TraceSummary, traceDurationNs } from "../../model/span.ts";
import { TraceGlances } from "../../model/traceGlance.ts";
import { TraceStats, type TraceStatsView } from "../../model/traceStats.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { type LiveRow, MAX_LIVE_ROWS } from "../../protocol/liveMessages.ts";

/** One more than a page has room for is taken away a tenth at a time, so that this stays rare. */
const TRIM_ABOVE = MAX_LIVE_ROWS * 1.1;
const MAX_NAME = 200;
const MAX_MODEL = 80;

/** What a page has to hear next. */
export interface LiveChanges {
	/** Live changes first, then what is left of a snapshot, newest first. */
	readonly rows: readonly LiveRow[];
	readonly removed: readonly string[];
	readonly newIds: readonly string[];
	/** More is to be taken. */
	readonly hasMore: boolean;
}

/** The view as it stood when it was paused. */
interface Frozen {
	readonly rows: ReadonlyMap<string, LiveRow>;
	readonly stats: TraceStatsView;
	readonly traceCount: number;
}

/**
 * The traces of one store that a filter lets through: their sums, and which of their rows the page has, lacks and has to
 * forget. Work grows with what changes, not with what is there. Paused, rows and sums stay as they were, and what changes
 * waits and is counted.
 */
export class LiveTraces {
	readonly #store: TraceStore;
	readonly #nowMs: () => number;
	readonly #glances: TraceGlances;
	readonly #stats = new TraceStats();
	#query: Query | undefined;
	#found: readonly ReadonlySet<string>[] = [];
	/** Traces that the page has, or gets with what is waiting. */
	readonly #shown = new Set<string>();
	/** Rows of a snapshot that were not sent yet, newest last. */
	#fill: string[] = [];
	readonly #changed = new Set<string>();
	readonly #removed = new Set<string>();
	readonly #new = new Set<string>();
	#frozen: Frozen | undefined;

	/** Reads the store; `nowMs` is the source's clock. */
	constructor(store: TraceStore, nowMs: () => number, query?: Query) {
		this.#store = store;
		this.#nowMs = nowMs;
		this.#glances = new TraceGlances(store);
		this.#query = query;
		this.#rebuild();
	}

	get isPaused(): boolean {
		return this.#frozen !== undefined;
	}

	/** Traces that began, or came to match, since the view was paused. */
	get waitingCount(): number {
		return this.#frozen === undefined ? 0 : this.#new.size;
	}

	get query(): Query | undefined {
		return this.#query;
	}

	/** Sums over all that match, and how many traces there are with those that do not; as they were, while paused. */
	get stats(): TraceStatsView & { readonly allTraces: number } {
		const frozen = this.#frozen;
		return frozen === undefined
			? { ...this.#stats.view(), allTraces: this.#store.traceCount }
			: { ...frozen.stats, allTraces: frozen.traceCount };
	}

	/** Another filter, or other findings of the server for it: the page needs a snapshot. */
	setQuery(query: Query | undefined, found: readonly ReadonlySet<string>[] = []): void {
		this.#query = query;
		this.#found = found;
		this.#rebuild();
		if (this.#frozen !== undefined) this.#freeze();
	}

	/** Findings of the server for the same filter. Returns whether they change what matches. */
	setFound(found: readonly ReadonlySet<string>[]): boolean {
		this.#found = found;
		return this.#recheck();
	}

	/** All that match again, as for a new page. */
	restart(): void {
		if (this.#frozen === undefined) this.#rebuild();
		else this.#fill = [...this.#frozen.rows.keys()].reverse();
	}

	/** Takes over what changed in the store. `isLive` is false while history is being read: nothing of it is new. */
	apply(changes: ChangeSet, isLive: boolean): void {
		if (changes.isCleared) {
			for (const traceId of [...this.#stats.traceIds()]) this.#drop(traceId);
		}
		for (const traceId of changes.removedTraceIds) this.#drop(traceId);
		const began = new Set(changes.newLiveTraceIds);
		for (const traceId of changes.changedTraces.keys()) {
			this.#look(traceId, began.has(traceId) || (isLive && this.#query !== undefined));
		}
		if (this.#shown.size > TRIM_ABOVE) this.#trim();
	}

	/** Time has passed: traces come and go by that alone where the filter asks for an age. */
	followClock(): void {
		if (this.#query !== undefined && dependsOnClock(this.#query)) this.#recheck();
	}

	/** Looks at every trace again. Returns whether one came or went. */
	#recheck(): boolean {
		const before = this.#removed.size + this.#changed.size;
		for (const { traceId } of this.#store.entries()) {
			const isIn = this.#stats.has(traceId);
			if (isIn !== this.#matches(traceId)) this.#look(traceId, true);
		}
		return this.#removed.size + this.#changed.size !== before;
	}

	/** Stops the view; rows that were not sent yet are still sent, as they are now. */
	pause(): void {
		if (this.#frozen === undefined) this.#freeze();
	}

	resume(): void {
		this.#frozen = undefined;
	}

	/** The next part of what the page lacks, at most `maxRows` rows. */
	take(maxRows: number): LiveChanges {
		const ids: string[] = [];
		let removed: readonly string[] = [];
		let newIds: readonly string[] = [];
		if (this.#frozen === undefined) {
			removed = [...this.#removed];
			this.#removed.clear();
			for (const traceId of this.#changed) {
				if (ids.length >= maxRows) break;
				this.#changed.delete(traceId);
				ids.push(traceId);
			}
			newIds = ids.filter((traceId) => this.#new.delete(traceId));
		}
		while (ids.length < maxRows) {
			const traceId = this.#fill.pop();
			if (traceId === undefined) break;
			if (this.#frozen !== undefined || this.#shown.has(traceId)) ids.push(traceId);
		}
		const rows = ids.map((traceId) => this.#rowOf(traceId)).filter((row) => row !== undefined);
		return { rows, removed, newIds, hasMore: this.#fill.length > 0 || (!this.isPaused && this.#changed.size > 0) };
	}

	/** The span whose input is a trace's prompt, and whether more may come; undefined without spans. */
	promptSpan(traceId: string): string | undefined {
		const entry = this.#store.entry(traceId);
		if (entry === undefined) return undefined;
		const { promptRow } = this.#glances.of(entry);
		return promptRow < 0 ? undefined : this.#store.columns.ids[promptRow];
	}

	#freeze(): void {
		const ids = this.#newestFirst(this.#shown);
		const rows = new Map<string, LiveRow>();
		for (const traceId of ids) {
			const row = this.#liveRowOf(traceId);
			if (row !== undefined) rows.set(traceId, row);
		}
		const unsent = new Set([...this.#fill, ...this.#changed]);
		this.#fill = ids.filter((traceId) => unsent.has(traceId)).reverse();
		this.#changed.clear();
		this.#new.clear();
		this.#frozen = { rows, stats: this.#stats.view(), traceCount: this.#store.traceCount };
	}

	#rebuild(): void {
		const summaries: TraceSummary[] = [];
		for (const { traceId } of this.#store.entries()) {
			const summary = this.#store.summary(traceId);
			if (summary !== undefined && this.#matches(traceId)) summaries.push(summary);
		}
		this.#stats.reset(summaries);
		summaries.sort((a, b) => (b.start?.ms ?? 0) - (a.start?.ms ?? 0));
		const ids = summaries.slice(0, MAX_LIVE_ROWS).map(({ traceId }) => traceId);
		this.#shown.clear();
		for (const traceId of ids) this.#shown.add(traceId);
		this.#fill = ids.reverse();
		this.#changed.clear();
		this.#removed.clear();
		this.#new.clear();
	}

	#matches(traceId: string): boolean {
		return this.#query === undefined || matchTrace(this.#query, this.#store, traceId, this.#nowMs(), this.#found);
	}

	/** A trace changed: it may have come, gone or stayed. */
	#look(traceId: string, isNews: boolean): void {
		const summary = this.#matches(traceId) ? this.#store.summary(traceId) : undefined;
		if (summary === undefined) {
			this.#drop(traceId);
			return;
		}
		if (isNews && !this.#stats.has(traceId)) this.#new.add(traceId);
		this.#stats.set(summary);
		this.#shown.add(traceId);
		this.#changed.add(traceId);
	}

	#drop(traceId: string): void {
		this.#stats.delete(traceId);
		this.#changed.delete(traceId);
		this.#new.delete(traceId);
		if (this.#shown.delete(traceId)) this.#removed.add(traceId);
	}

	/** The oldest rows leave the page, which the sums do not notice. */
	#trim(): void {
		for (const traceId of this.#newestFirst(this.#shown).slice(MAX_LIVE_ROWS)) {
			this.#shown.delete(traceId);
			this.#changed.delete(traceId);
			this.#new.delete(traceId);
			this.#removed.add(traceId);
		}
	}

	#newestFirst(traceIds: Iterable<string>): string[] {
		const starts = [...traceIds].map((traceId) => ({
			traceId,
			startMs: this.#store.summary(traceId)?.start?.ms ?? 0,
		}));
		return starts.sort((a, b) => b.startMs - a.startMs).map(({ traceId }) => traceId);
	}

	#rowOf(traceId: string): LiveRow | undefined {
		return this.#frozen === undefined ? this.#liveRowOf(traceId) : this.#frozen.rows.get(traceId);
	}

	#liveRowOf(traceId: string): LiveRow | undefined {
		const entry = this.#store.entry(traceId);
		const summary = this.#store.summary(traceId);
		if (entry === undefined || summary === undefined) return undefined;
		const glance = this.#glances.of(entry);
		const isRunning = summary.runningCount > 0;
		return {
			traceId,
			name: displayText(summary.name, MAX_NAME),
			state: summary.state,
			isRunning,
			startMs: summary.start?.ms,
			latencyNs: isRunning ? undefined : traceDurationNs(summary, 0),
			model: glance.model === undefined ? undefined : displayText(glance.model, MAX_MODEL),
			modelCount: glance.modelCount,
			spanCount: summary.spanCount,
			failedCount: summary.failedCount,
			stepCount: glance.stepCount,
			inputTokens: summary.inputTokens,
			outputTokens: summary.outputTokens,
			costUsd: summary.costUsd,
			isCostEstimated: summary.isCostEstimated,
		};
	}
}

function dependsOnClock({ terms }: Query): boolean {
	return terms.some((term) => ("time" in term ? "agoMs" in term.time : term.key === "duration"));
}
