import type { Disposable } from "../../base/disposable.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { awaitedRoots, hasNews } from "../../model/sessionSummary.ts";
import type { TraceEntry } from "../../model/traceEntry.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TraceHeader } from "../../protocol/messages.ts";
import { encodeTraceColumns, type TimeBase, type TraceColumns, timeBaseOf } from "../../protocol/traceColumns.ts";
import type { Source } from "../../sources/source.ts";
import type { SpanAddress } from "../markedSpan.ts";

/** What a waterfall is to show: one trace, or all traces of a session. */
export type WaterfallTarget = { readonly traceId: string } | { readonly sessionId: string };

/** What a change set means for what is shown. */
export type ContentChange =
	| { readonly type: "none" }
	/** Nothing is left of it. */
	| { readonly type: "gone" }
	/** Rows that were added or changed; or ordinals moved, so that only a snapshot will do. */
	| { readonly type: "changed"; readonly rows: Iterable<number>; readonly isRestructured: boolean };

/**
 * The spans that a waterfall shows, as rows of the store. The page knows a span by its ordinal, its place in order of arrival,
 * and by an id, which is the span's own wherever no other span of the content has the same.
 */
export interface WaterfallContent extends Disposable {
	readonly target: WaterfallTarget;
	/** Tells one content of a source from another. */
	readonly key: string;
	/** Name for people; the key while none is known. */
	readonly name: string;
	/** False while nothing of it is in the store. */
	readonly isHere: boolean;
	readonly rowCount: number;
	/** Another number: ordinals have moved. */
	readonly structureRevision: number;
	readonly timeBase: TimeBase;
	header(): TraceHeader;
	/** Of all rows, or of some, which are then to be in ascending order of `ordinalOf`. */
	encode(base: TimeBase, rows?: readonly number[]): TraceColumns;
	/** To be called with each change set, at once: rows are valid no longer. */
	change(changes: ChangeSet): ContentChange;
	ordinalOf(row: number): number;
	/** Row of a row's parent; below 0 where there is none. */
	parentOf(row: number): number;
	/** Whether spans of this trace are shown. */
	holds(traceId: string): boolean;
	/** Row of the span that the page knows by this id. */
	rowOf(id: string): number | undefined;
	/** The id by which the page knows a span; the span's own while it is not here. */
	idOf(address: SpanAddress): string;
	/** The span that the page knows by this id; undefined for one that is not here. */
	addressOf(id: string): SpanAddress | undefined;
	/** Traces whose texts a search has to look through. */
	readonly traceIds: readonly string[];
	/** True while spans may be missing that `load` has not asked for yet. */
	readonly wantsLoad: boolean;
	/** Brings spans into the store that are not there yet. Rejects as the source does, for what it does not have, too. */
	load(source: Source, signal: AbortSignal): Promise<void>;
	/** What was asked for in vain is wanted once more. */
	askAgain(): void;
}

/** One trace. */
export class TraceContent implements WaterfallContent {
	readonly target: { readonly traceId: string };
	readonly #store: TraceStore;
	readonly #traceId: string;
	readonly #pin: Disposable;
	readonly #serverNowMs: () => number;
	#isAskedFor = false;

	constructor(store: TraceStore, traceId: string, serverNowMs: () => number) {
		this.#serverNowMs = serverNowMs;
		this.target = { traceId };
		this.#store = store;
		this.#traceId = traceId;
		this.#pin = store.pin(traceId);
	}

	get key(): string {
		return this.#traceId;
	}

	get name(): string {
		return this.#store.summary(this.#traceId)?.name ?? this.#traceId;
	}

	get isHere(): boolean {
		return this.#entry !== undefined;
	}

	get rowCount(): number {
		return this.#entry?.rows.length ?? 0;
	}

	get structureRevision(): number {
		return this.#entry?.structureRevision ?? -1;
	}

	get timeBase(): TimeBase {
		return timeBaseOf(this.#store, this.#wholeEntry());
	}

	get traceIds(): readonly string[] {
		return [this.#traceId];
	}

	header(): TraceHeader {
		const summary = this.#store.summary(this.#traceId);
		return {
			traceId: this.#traceId,
			name: summary?.name ?? this.#traceId,
			state: summary?.state ?? "running",
			spanCount: summary?.spanCount ?? 0,
			failedCount: summary?.failedCount ?? 0,
			inputTokens: summary?.inputTokens,
			outputTokens: summary?.outputTokens,
			costUsd: summary?.costUsd,
			isCostEstimated: summary?.isCostEstimated ?? false,
			droppedSpans: summary?.droppedSpans ?? 0,
			awaitedRootIds: this.#awaitedRootIds(),
		};
	}

	encode(base: TimeBase, rows?: readonly number[]): TraceColumns {
		return encodeTraceColumns(this.#store, this.#wholeEntry(), base, rows);
	}

	change(changes: ChangeSet): ContentChange {
		const isRemoved = changes.isCleared || changes.removedTraceIds.includes(this.#traceId);
		if (isRemoved && this.#entry === undefined) return { type: "gone" };
		const change = changes.changedTraces.get(this.#traceId);
		if (change === undefined) return { type: "none" };
		return { type: "changed", rows: change.rows, isRestructured: change.isRestructured || isRemoved };
	}

	ordinalOf(row: number): number {
		return this.#store.columns.ordinal[row];
	}

	parentOf(row: number): number {
		return this.#store.columns.parentRow[row];
	}

	holds(traceId: string): boolean {
		return traceId === this.#traceId;
	}

	rowOf(id: string): number | undefined {
		return this.#store.rowOf(id, this.#traceId);
	}

	idOf({ spanId }: SpanAddress): string {
		return spanId;
	}

	addressOf(id: string): SpanAddress {
		return { traceId: this.#traceId, spanId: id };
	}

	get wantsLoad(): boolean {
		return !this.#isAskedFor && this.#entry?.isWhole !== true;
	}

	/** Reads the spans that a snapshot of the list may have left out. */
	async load(source: Source, signal: AbortSignal): Promise<void> {
		this.#isAskedFor = true;
		if (this.#entry?.isWhole !== true) await source.loadTrace(this.#traceId, signal);
	}

	askAgain(): void {
		this.#isAskedFor = false;
	}

	dispose(): void {
		this.#pin.dispose();
	}

	get #entry(): TraceEntry | undefined {
		return this.#store.entry(this.#traceId);
	}

	#awaitedRootIds(): readonly string[] {
		const entry = this.#entry;
		const summary = this.#store.summary(this.#traceId);
		if (entry === undefined || summary === undefined) return [];
		const isFresh = summary.runningCount > 0 || hasNews(summary.end, this.#serverNowMs());
		return isFresh ? awaitedRoots(this.#store, entry) : [];
	}

	#wholeEntry(): TraceEntry {
		const entry = this.#entry;
		if (entry === undefined) throw new Error(`trace ${this.#traceId} is not here`);
		return entry;
	}
}
