import type { Logger } from "../../base/logger.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import type { SpanInput, TraceInput } from "../../model/span.ts";
import { SourceError } from "../source.ts";
import type { TracewayClient } from "./client.ts";
import { decodePage, decodeSpan, decodeTrace } from "./decode.ts";

/** Where the trace list goes on. */
export interface TraceListRest {
	readonly cursor: string | undefined;
	/** Traces that were read already, newest first: of a server whose list has no order, all had to be. */
	readonly read: readonly TraceInput[];
}

export interface TraceListRead {
	/** Newest first, each once. */
	readonly traces: readonly TraceInput[];
	/** Where older traces are; undefined when there are none, or no way to them. */
	readonly rest: TraceListRest | undefined;
	/** The list reached its end, and as many came as the server said: a trace that is not here does not exist. */
	readonly isComplete: boolean;
	/** The server lists newest first, so whatever is newer than the last one listed and not here does not exist. */
	readonly isSorted: boolean;
	/** Requests that it took. */
	readonly pages: number;
}

export interface SpanListRead {
	/** Newest first as far as the server sorts, each once. */
	readonly spans: readonly SpanInput[];
	/** The list reached its end, and as many came as the server said: every span of the server (that matches) is here. */
	readonly isComplete: boolean;
	/** Every span that started after this time is here; undefined when the server does not sort. */
	readonly since: Timestamp | undefined;
	/** Spans of the list that could not be read. */
	readonly undecodable: number;
	/** Requests that it took. */
	readonly pages: number;
}

const TRACE_PAGE = 1000;
/** Of an unsorted list everything has to be read; this many pages of it at most. */
const MAX_TRACE_PAGES = 100;
/** The first page of spans tells how large one is; then pages grow or shrink. */
const FIRST_SPAN_PAGE = 200;
const MAX_SPAN_PAGE = 1000;
const MIN_SPAN_PAGE = 5;
const SMALL_SPAN_BYTES = 2048;
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** Reads the newest `count` traces, or those that follow `from`. */
export async function readTraces(
	client: TracewayClient,
	count: number,
	from: TraceListRest | undefined,
	signal: AbortSignal,
): Promise<TraceListRead> {
	const traces = new Map<string, TraceInput>();
	for (const trace of from?.read ?? []) traces.set(trace.traceId, trace);
	let cursor = from?.cursor;
	let isSorted = true;
	let isAll = from !== undefined;
	let items = 0;
	let previousMs = Number.POSITIVE_INFINITY;
	const seenCursors = new Set<string>();
	let pages = 0;
	while (pages < MAX_TRACE_PAGES) {
		// Nothing (more) to ask: the caller goes on from traces that were read before.
		if (from !== undefined && cursor === undefined) break;
		if (traces.size >= count && isSorted) break;
		pages++;
		const { value } = await client.get("/traces", { query: { limit: Math.min(count, TRACE_PAGE), cursor }, signal });
		const list = decodePage(value, "traces");
		if (list === undefined) throw new SourceError("protocol", "GET /traces: the answer holds no list of traces");
		items += list.items.length;
		isAll = from !== undefined || items >= list.total;
		for (const item of list.items) {
			const trace = decodeTrace(item);
			if (trace === undefined) continue;
			if (!traces.has(trace.traceId)) traces.set(trace.traceId, trace);
			if (trace.start === undefined) continue;
			if (trace.start.ms > previousMs) isSorted = false;
			previousMs = trace.start.ms;
		}
		cursor = list.nextCursor;
		if (cursor === undefined || seenCursors.has(cursor)) {
			cursor = undefined;
			break;
		}
		seenCursors.add(cursor);
	}
	const sorted = [...traces.values()].sort((a, b) => (b.start?.ms ?? 0) - (a.start?.ms ?? 0));
	const read = sorted.slice(count);
	const rest = cursor === undefined && read.length === 0 ? undefined : { cursor, read };
	return {
		traces: sorted.slice(0, count),
		rest,
		isComplete: rest === undefined && isAll,
		isSorted,
		pages,
	};
}

export interface SpanListOptions {
	/** Most spans to keep. */
	readonly maxSpans: number;
	/** Stop once the list is older than this; undefined reads on to the end. */
	readonly untilOlderThanMs: number | undefined;
	/** Begin with spans that started at or before this time; servers may ignore it. */
	readonly startingAt?: string | undefined;
	/** Servers may ignore it, too. */
	readonly model?: string | undefined;
	/** Spans to keep. */
	readonly matches: (span: SpanInput) => boolean;
	readonly logger: Logger;
}

/** Reads skeleton spans newest first, page by page. */
export async function readSpans(
	client: TracewayClient,
	options: SpanListOptions,
	signal: AbortSignal,
): Promise<SpanListRead> {
	const spans: SpanInput[] = [];
	const seen = new Set<string>();
	let undecodable = 0;
	let pages = 0;
	let isSorted = true;
	let items = 0;
	let isAll = false;
	let oldest: Timestamp | undefined;
	const query = { model: options.model, until: options.startingAt, sort_order: "desc" };
	for await (const page of spanPages(client, query, signal)) {
		pages++;
		items += page.items.length;
		isAll = items >= page.total;
		for (const item of page.items) {
			const span = decodeSpan(item);
			if (span?.traceId === undefined) {
				undecodable++;
				continue;
			}
			if (span.start !== undefined) {
				if (oldest !== undefined && isLater(span.start, oldest)) isSorted = false;
				oldest = span.start;
			}
			const key = `${span.traceId} ${span.spanId}`;
			if (seen.has(key) || !options.matches(span)) continue;
			seen.add(key);
			spans.push(span);
		}
		if (page.isLast) break;
		const isFull = spans.length >= options.maxSpans;
		if (isFull) options.logger.info(`snapshot: stopped at its bound of ${options.maxSpans} spans`);
		const { untilOlderThanMs } = options;
		const isCovered =
			isSorted && oldest !== undefined && untilOlderThanMs !== undefined && oldest.ms < untilOlderThanMs;
		const since = isSorted ? oldest : undefined;
		if (isFull || isCovered) return { spans, isComplete: false, since, undecodable, pages };
	}
	return { spans, isComplete: isAll, since: isSorted && isAll ? oldest : undefined, undecodable, pages };
}

interface SpanPage {
	readonly items: readonly unknown[];
	readonly total: number;
	readonly isLast: boolean;
}

/**
 * The pages of a list of skeleton spans by start. Their size follows the size of the spans: a server that knows no skeleton
 * sends every payload. Ends at a cursor that was there before.
 */
export async function* spanPages(
	client: TracewayClient,
	query: Readonly<Record<string, string | undefined>>,
	signal: AbortSignal,
): AsyncGenerator<SpanPage, void, undefined> {
	const seenCursors = new Set<string>();
	let limit = FIRST_SPAN_PAGE;
	let cursor: string | undefined;
	do {
		const { value, bytes, usedLimit } = await readSpanPage(client, { ...query, cursor }, limit, signal);
		const page = decodePage(value, "spans");
		if (page === undefined) throw new SourceError("protocol", "GET /spans: the answer holds no list of spans");
		limit = bytes / Math.max(1, page.items.length) <= SMALL_SPAN_BYTES ? MAX_SPAN_PAGE : usedLimit;
		cursor = page.nextCursor !== undefined && seenCursors.has(page.nextCursor) ? undefined : page.nextCursor;
		if (cursor !== undefined) seenCursors.add(cursor);
		yield { ...page, isLast: cursor === undefined };
	} while (cursor !== undefined);
}

/** One page; a page that is too large is asked for again in smaller ones. */
async function readSpanPage(
	client: TracewayClient,
	query: Readonly<Record<string, string | undefined>>,
	firstLimit: number,
	signal: AbortSignal,
): Promise<{ readonly value: unknown; readonly bytes: number; readonly usedLimit: number }> {
	for (let limit = firstLimit; ; limit = Math.max(MIN_SPAN_PAGE, limit >> 2)) {
		try {
			const answer = await client.get("/spans", {
				query: { sort_by: "started_at", ...query, fields: "skeleton", limit },
				maxBytes: MAX_PAGE_BYTES,
				signal,
			});
			return { ...answer, usedLimit: limit };
		} catch (error) {
			if (!(error instanceof SourceError) || error.reason !== "tooLarge" || limit === MIN_SPAN_PAGE) throw error;
		}
	}
}

export function isLater(a: Timestamp, b: Timestamp): boolean {
	return a.ms > b.ms || (a.ms === b.ms && a.subNs > b.subNs);
}
