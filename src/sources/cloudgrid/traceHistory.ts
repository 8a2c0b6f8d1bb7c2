import { differenceNs, type Timestamp } from "../../base/timestamp.ts";
import type { TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { SourceError } from "../source.ts";
import { decodeId } from "../wire.ts";
import { type CloudgridTrace, decodeTracePage, type TracePage } from "./decode.ts";
import { filterKey, searchInput, type TraceFilter } from "./filter.ts";
import type { GraphqlClient } from "./graphqlClient.ts";
import type { Operations } from "./operations.ts";
import { CloudgridProblem } from "./problem.ts";

export interface TraceHistoryOptions {
	readonly client: GraphqlClient;
	readonly operations: Operations;
	readonly store: TraceStore;
	/** Newest traces of a snapshot, and of each step back. */
	readonly traces: number;
	/** A trace is not as it was before. */
	readonly onChanged: (traceId: string) => void;
	readonly onUndecodable: (count: number) => void;
}

/** CloudGrid's own bound of a page. */
const MAX_PAGE = 200;
/** Its default, which every configuration allows. */
const SAFE_PAGE = 50;
/** A snapshot goes back as far as somebody went before, up to this. */
const MAX_DEPTH = 5000;

interface ListRead {
	/** Newest first, each once. */
	readonly traces: readonly CloudgridTrace[];
	readonly cursor: string | undefined;
	/** The list came to its end, and all of it could be read: what is not in it does not exist. */
	readonly isComplete: boolean;
	readonly undecodable: number;
}

/** The traces that CloudGrid lists, without their spans: the newest as a snapshot, older ones step by step. */
export class TraceHistory {
	readonly #options: TraceHistoryOptions;
	/** Where older traces begin. */
	#cursor: string | undefined;
	/** Start of the last trace before that place, and the filter of its list. */
	#cursorStart: Timestamp | undefined;
	#cursorFilter = "";
	/** How many traces back from the newest somebody wanted to see. */
	#depth = 0;
	/** Start of the newest trace that was told of. */
	#newest: Timestamp | undefined;
	/** The same when events were lost, until a list was read that reaches back to it. */
	#lostAfter: Timestamp | undefined;
	#pageLimit = MAX_PAGE;
	/** For each reading that is under way: traces that live events told of meanwhile, which is newer than what is being read. */
	readonly #touched = new Set<Set<string>>();

	constructor(options: TraceHistoryOptions) {
		this.#options = options;
	}

	get hasMore(): boolean {
		return this.#cursor !== undefined;
	}

	/** Events may be missing from here on: the next list is read back to what was told of before. */
	noteLoss(): void {
		this.#lostAfter ??= this.#newest;
	}

	/** A live event told of a trace. Returns whether anything changed by it. */
	applyLive(trace: CloudgridTrace, isHistory: boolean): boolean {
		for (const touched of this.#touched) touched.add(trace.traceId);
		return this.#apply(trace, isHistory);
	}

	/**
	 * Reads the newest traces and brings the store to them; what the server provably no longer has goes. Rows that the filter
	 * does not list stay: they may be of the filter before. Returns how many traces were added, changed or removed.
	 */
	async sync(filter: TraceFilter, signal: AbortSignal): Promise<number> {
		const { traces: count } = this.#options;
		return await this.#reading(async (touched) => {
			const lostAfter = this.#lostAfter;
			const wanted = Math.max(count, this.#depth);
			const list = await this.#read(filter, wanted, { until: lostAfter }, signal);
			if (this.#lostAfter === lostAfter) this.#lostAfter = undefined;
			this.#depth = Math.max(this.#depth, Math.min(wanted, list.traces.length));
			const oldest = oldestListed(list.traces);
			this.#moveCursor(list, oldest, filter);
			const changed = this.#merge(list, touched);
			return changed + this.#removeGone(list, oldest, filter, touched);
		});
	}

	/** A list that ends sooner than one before leaves the place where older traces begin. */
	#moveCursor({ cursor }: ListRead, oldest: Timestamp | undefined, filter: TraceFilter): void {
		const isSame = this.#cursor !== undefined && this.#cursorFilter === filterKey(filter);
		const start = this.#cursorStart;
		if (isSame && oldest !== undefined && start !== undefined && differenceNs(oldest, start) > 0) return;
		this.#cursor = cursor;
		this.#cursorStart = oldest;
		this.#cursorFilter = filterKey(filter);
	}

	#removeGone(
		list: ListRead,
		oldest: Timestamp | undefined,
		filter: TraceFilter,
		touched: ReadonlySet<string>,
	): number {
		if (filterKey(filter) !== "" || list.undecodable > 0) return 0;
		const { store } = this.#options;
		let removed = 0;
		const listed = new Set(list.traces.map(({ traceId }) => traceId));
		for (const { traceId, start } of [...store.entries()]) {
			if (listed.has(traceId) || touched.has(traceId)) continue;
			const wouldBeListed =
				list.isComplete || (start !== undefined && oldest !== undefined && differenceNs(start, oldest) > 0);
			if (wouldBeListed && store.deleteTrace(traceId)) removed++;
		}
		forgetGraves(store);
		return removed;
	}

	/** Reads and adds the next older traces. */
	async readOlder(filter: TraceFilter, signal: AbortSignal): Promise<void> {
		const from = this.#cursor;
		if (from === undefined) return;
		const { traces: count } = this.#options;
		try {
			await this.#reading(async (touched) => {
				const list = await this.#read(filter, count, { from }, signal);
				this.#cursor = list.cursor;
				this.#cursorStart = oldestListed(list.traces);
				this.#depth = Math.min(MAX_DEPTH, this.#depth + list.traces.length);
				this.#merge(list, touched);
			});
		} catch (error) {
			if (!(error instanceof CloudgridProblem) || error.id !== "ERR-003") throw error;
			// The server no longer knows the place: from the top again, as far and one step more.
			this.#depth = Math.min(MAX_DEPTH, this.#depth + count);
			this.#cursor = undefined;
			await this.sync(filter, signal);
		}
	}

	async #reading<T>(work: (touched: ReadonlySet<string>) => Promise<T>): Promise<T> {
		const touched = new Set<string>();
		this.#touched.add(touched);
		try {
			return await work(touched);
		} finally {
			this.#touched.delete(touched);
		}
	}

	/**
	 * Reads `count` traces from a place, and on until they are as old as `until`, up to `MAX_DEPTH`: what is further back than that
	 * comes when somebody asks for more.
	 */
	async #read(
		filter: TraceFilter,
		count: number,
		{ from, until }: { readonly from?: string | undefined; readonly until?: Timestamp | undefined },
		signal: AbortSignal,
	): Promise<ListRead> {
		const found = new Map<string, CloudgridTrace>();
		const seenCursors = new Set<string>();
		let cursor = from;
		let items = 0;
		let undecodable = 0;
		let isComplete = false;
		let isWanted = true;
		do {
			const left = items < count ? count - items : MAX_DEPTH - items;
			const page = await this.#page(filter, Math.min(left, this.#pageLimit), cursor, signal);
			items += page.traces.length + page.undecodable;
			for (const trace of page.traces) if (!found.has(trace.traceId)) found.set(trace.traceId, trace);
			undecodable += page.undecodable;
			cursor = page.nextCursor;
			isComplete = cursor === undefined;
			// A cursor that comes again leads round in a circle.
			if (cursor !== undefined && seenCursors.has(cursor)) cursor = undefined;
			else if (cursor !== undefined) seenCursors.add(cursor);
			const last = page.traces.at(-1)?.start;
			const isBefore = until === undefined || last === undefined || differenceNs(last, until) <= 0;
			isWanted = items < count || (!isBefore && items < MAX_DEPTH);
		} while (cursor !== undefined && isWanted);
		if (undecodable > 0) this.#options.onUndecodable(undecodable);
		return { traces: [...found.values()], cursor, isComplete, undecodable };
	}

	/** One page; asked again without what an older server does not have, or smaller where the limit is set lower. */
	async #page(filter: TraceFilter, limit: number, cursor: string | undefined, signal: AbortSignal): Promise<TracePage> {
		const { client, operations } = this.#options;
		for (let size = limit; ; ) {
			try {
				const variables = { input: searchInput(filter, size, cursor) };
				const data = await client.ask({ operationName: "TraceSearch", query: operations.search, variables, signal });
				const page = decodeTracePage(data);
				if (page === undefined) throw noList();
				return page;
			} catch (error) {
				if (!(error instanceof CloudgridProblem)) throw error;
				if (error.id === "ERR-001" && error.unknownFields.length === 0 && size > SAFE_PAGE) {
					this.#pageLimit = SAFE_PAGE;
					size = SAFE_PAGE;
				} else if (!operations.learn(error)) throw error;
			}
		}
	}

	#merge({ traces }: ListRead, touched: ReadonlySet<string>): number {
		let changed = 0;
		for (const trace of traces.toReversed()) {
			if (!touched.has(trace.traceId) && this.#apply(trace, true)) changed++;
		}
		return changed;
	}

	#apply(trace: CloudgridTrace, isHistory: boolean): boolean {
		const { store, onChanged } = this.#options;
		const input = traceInput(trace);
		const result = isHistory ? store.asHistory(() => store.upsertTrace(input)) : store.upsertTrace(input);
		const { start } = input;
		if (start !== undefined && (this.#newest === undefined || differenceNs(start, this.#newest) > 0))
			this.#newest = start;
		if (result !== "applied") return false;
		onChanged(trace.traceId);
		return true;
	}
}

/** Start of the last trace of a list that is sorted as it was asked for, newest first; of another one nothing can be said. */
function oldestListed(traces: readonly CloudgridTrace[]): Timestamp | undefined {
	let oldest: Timestamp | undefined;
	for (const { start } of traces) {
		if (start === undefined || (oldest !== undefined && differenceNs(start, oldest) > 0)) return undefined;
		oldest = start;
	}
	return oldest;
}

/** What is deleted here may come again: CloudGrid has no word for deletion, so that no late event can be one of before. */
export function forgetGraves(store: TraceStore): void {
	store.applySnapshot({
		traces: [],
		spans: [],
		isTraceListComplete: false,
		wholeTraceIds: new Set(),
		isHistory: true,
	});
}

/** A summary in the words of the store. */
export function traceInput(trace: CloudgridTrace): TraceInput {
	const { traceId, operationName, serviceName, start, end, status, attributes, spanCount, errorSpanCount } = trace;
	const isFailed = status === "error" || (errorSpanCount ?? 0) > 0;
	return {
		traceId,
		name: operationName,
		start,
		reported: {
			spanCount,
			failedCount: errorSpanCount,
			state: isFailed ? "failed" : end === undefined ? "running" : "completed",
			end,
			serviceName,
			sessionId: decodeId(attributes["session.id"]) ?? decodeId(attributes["gen_ai.conversation.id"]),
		},
	};
}

function noList(): SourceError {
	return new SourceError("protocol", "POST /graphql: the answer holds no list of traces");
}
