import type { Logger } from "../../base/logger.ts";
import { formatTimestamp, type Timestamp } from "../../base/timestamp.ts";
import type { SpanInput, TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import type { TracewayClient } from "./client.ts";
import type { EventApplier } from "./eventApplier.ts";
import { readSpans, readTraces, type SpanListRead, type TraceListRead, type TraceListRest } from "./snapshot.ts";
import { mergeSnapshot, type Touched } from "./snapshotMerge.ts";

export interface HistoryOptions {
	readonly client: TracewayClient;
	readonly store: TraceStore;
	readonly applier: EventApplier;
	readonly budget: TurnBudget;
	readonly logger: Logger;
	readonly model: string | undefined;
	/** Newest traces of a snapshot, and of each step back. */
	readonly traces: number;
	readonly maxSpans: number;
}

/** What a snapshot has read, before it is merged. */
export interface Reading {
	readonly traceList: TraceListRead;
	readonly spanList: SpanListRead;
	/** Read in one piece each, so that no deletion meanwhile can have moved anything. */
	readonly isOnePiece: boolean;
}

/** The state of the server as far as it was read by REST: the newest traces, and where the older ones begin. */
export class TraceHistory {
	readonly #options: HistoryOptions;
	#older: TraceListRest | undefined;
	/** Every span of the server is in the store, so that older traces need only their records. */
	#areSpansComplete = false;
	/** Every span that started after this was read. */
	#readSince: Timestamp | undefined;

	constructor(options: HistoryOptions) {
		this.#options = options;
	}

	/** True while the server may have traces older than those read. */
	get hasMore(): boolean {
		return this.#older !== undefined;
	}

	/** Reads the newest traces and their spans; changes nothing. */
	async read(signal: AbortSignal): Promise<Reading> {
		const { client, traces, applier } = this.#options;
		const traceList = await readTraces(client, traces, undefined, signal);
		const spanList = await readSpans(client, this.#spanOptions(traceList, undefined), signal);
		const isOnePiece = traceList.pages === 1 && spanList.pages === 1;
		return {
			traceList: { ...traceList, traces: applier.visibleTraces(traceList.traces, spanList.spans) },
			spanList,
			isOnePiece,
		};
	}

	/** Brings the store to what was read; see `mergeSnapshot`. */
	async merge({ traceList, spanList }: Reading, touched: Touched, signal: AbortSignal): Promise<number> {
		const { store, budget } = this.#options;
		const { spans, hasOlder } = this.#withoutOlder(traceList, spanList.spans);
		const count = await mergeSnapshot(store, traceList, { ...spanList, spans }, touched, budget, signal);
		if (signal.aborted) return count;
		this.#older = traceList.rest;
		this.#options.applier.mayMissTraces = !traceList.isComplete;
		this.#areSpansComplete = spanList.isComplete && !hasOlder;
		this.#readSince = hasOlder ? traceList.traces.at(-1)?.start : (spanList.since ?? spanList.spans.at(-1)?.start);
		return count;
	}

	/** Reads and adds the next older traces, beside the live events. */
	async readOlder(signal: AbortSignal): Promise<void> {
		const from = this.#older;
		if (from === undefined) return;
		const { client, traces, applier, store } = this.#options;
		const traceList = await readTraces(client, traces, from, signal);
		const spanList = this.#areSpansComplete
			? { spans: [], isComplete: true, since: undefined }
			: await readSpans(client, this.#spanOptions(traceList, this.#readSince), signal);
		// A snapshot that came between has begun the list anew.
		if (this.#older !== from) return;
		const records = applier.visibleTraces(traceList.traces, spanList.spans);
		store.asHistory(() => {
			for (const trace of records) store.upsertTrace(trace);
		});
		const { spans, hasOlder } = this.#withoutOlder(traceList, spanList.spans);
		await this.add(spans.toReversed(), signal);
		this.#older = traceList.rest;
		applier.mayMissTraces = !traceList.isComplete;
		this.#areSpansComplete = spanList.isComplete && !hasOlder;
		this.#readSince = (hasOlder ? traceList.traces.at(-1)?.start : spanList.since) ?? this.#readSince;
	}

	/** Adds spans in slices, beside the live events: deletions that came meanwhile are remembered by the store. */
	async add(spans: readonly SpanInput[], signal: AbortSignal): Promise<void> {
		const { store, applier, budget } = this.#options;
		for (const span of spans) {
			if (applier.matches(span)) store.asHistory(() => store.upsertSpan(span));
			if (!budget.isSpent) continue;
			await budget.turn();
			signal.throwIfAborted();
		}
	}

	#spanOptions(traceList: TraceListRead, startingAt: Timestamp | undefined): Parameters<typeof readSpans>[1] {
		const { maxSpans, model, applier, logger } = this.#options;
		return {
			maxSpans,
			untilOlderThanMs: traceList.rest === undefined ? undefined : traceList.traces.at(-1)?.start?.ms,
			startingAt: startingAt === undefined ? undefined : formatTimestamp(startingAt),
			model,
			matches: applier.matches,
			logger,
		};
	}

	/** Leaves out spans of traces that are older than the list: they come with their records when somebody asks for more. */
	#withoutOlder(
		{ traces, rest }: TraceListRead,
		spans: readonly SpanInput[],
	): { readonly spans: readonly SpanInput[]; readonly hasOlder: boolean } {
		const oldestMs = traces.at(-1)?.start?.ms;
		if (rest === undefined || oldestMs === undefined) return { spans, hasOlder: false };
		const { store } = this.#options;
		const listed = new Set(traces.map((trace: TraceInput) => trace.traceId));
		const kept = spans.filter(
			({ traceId = "", start }) =>
				listed.has(traceId) || store.entry(traceId) !== undefined || (start !== undefined && start.ms >= oldestMs),
		);
		return { spans: kept, hasOlder: kept.length < spans.length };
	}
}
