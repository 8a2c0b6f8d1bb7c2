import { differenceNs, nanosOf, type Timestamp } from "../../base/timestamp.ts";
import type { TraceInput } from "../../model/span.ts";
import { addMs, asObject, decodeNumber, decodeWord, type JsonObject } from "../wire.ts";

/** A trace as `/api/search` lists it, checked. */
export interface SearchRow {
	/** 32 lower-case hex digits. */
	readonly traceId: string;
	/** Undefined while no root has come. */
	readonly name: string | undefined;
	readonly serviceName: string | undefined;
	readonly hasRoot: boolean;
	readonly start: Timestamp;
	readonly end: Timestamp;
	/** Undefined where the server does not count all spans of a trace. */
	readonly spanCount: number | undefined;
	readonly failedCount: number | undefined;
	/** Spans that match the query, where it says. */
	readonly matched: number;
}

export interface SearchAnswer {
	readonly rows: readonly SearchRow[];
	/** Traces in the answer, those that cannot be read too: what the limit is compared with. */
	readonly count: number;
	readonly undecodable: number;
}

/** What Tempo writes in place of the names while no root span has come (`RootSpanNotYetReceivedText`). */
const NO_ROOT = "<root span not yet received>";

/** Undefined when it is no answer of a search at all. A search that finds nothing may leave the list out. */
export function decodeSearch(value: unknown): SearchAnswer | undefined {
	const answer = asObject(value);
	if (answer === undefined) return undefined;
	const { traces = [] } = answer;
	if (!Array.isArray(traces) || (answer.traces === undefined && asObject(answer.metrics) === undefined))
		return undefined;
	const rows: SearchRow[] = [];
	for (const trace of traces as unknown[]) {
		const row = decodeRow(trace);
		if (row !== undefined) rows.push(row);
	}
	return { rows, count: traces.length, undecodable: traces.length - rows.length };
}

function decodeRow(value: unknown): SearchRow | undefined {
	const trace = asObject(value);
	if (trace === undefined) return undefined;
	const traceId = decodeTraceId(trace.traceID);
	const start = decodeNanos(trace.startTimeUnixNano);
	if (traceId === undefined || start === undefined) return undefined;
	// 0 is left out.
	const durationMs = decodeNumber(trace.durationMs) ?? 0;
	const end = addMs(start, durationMs) ?? start;
	const name = decodeWord(trace.rootTraceName);
	const service = decodeWord(trace.rootServiceName);
	const hasRoot = name !== NO_ROOT && service !== NO_ROOT;
	return {
		traceId,
		name: hasRoot ? name : undefined,
		serviceName: hasRoot ? service : undefined,
		hasRoot,
		start,
		end,
		...decodeStats(asObject(trace.serviceStats)),
		matched: decodeMatched(trace),
	};
}

/** Tempo writes an id without the zeros that it begins with. */
export function decodeTraceId(value: unknown): string | undefined {
	if (typeof value !== "string" || !/^[0-9a-f]{1,32}$/i.test(value)) return undefined;
	const id = value.toLowerCase().padStart(32, "0");
	return /[^0]/.test(id) ? id : undefined;
}

/** Nanoseconds since the epoch, as text or number; the number only as far as it is exact. */
function decodeNanos(value: unknown): Timestamp | undefined {
	const isText = typeof value === "string" && /^\d{1,19}$/.test(value);
	if (!isText && !(typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 63)) {
		return undefined;
	}
	const nanos = BigInt(value as string | number);
	return nanosOf(Number(nanos >> 32n), Number(nanos & 0xffff_ffffn));
}

/** Spans of all services, where the server says (since Tempo 2.4). */
function decodeStats(stats: JsonObject | undefined): Pick<SearchRow, "spanCount" | "failedCount"> {
	if (stats === undefined) return { spanCount: undefined, failedCount: undefined };
	let spanCount = 0;
	let failedCount = 0;
	for (const value of Object.values(stats)) {
		const service = asObject(value);
		spanCount += decodeNumber(service?.spanCount) ?? 0;
		failedCount += decodeNumber(service?.errorCount) ?? 0;
	}
	if (spanCount === 0) return { spanCount: undefined, failedCount: undefined };
	return { spanCount: Math.floor(spanCount), failedCount: Math.floor(failedCount) };
}

function decodeMatched(trace: JsonObject): number {
	const sets = Array.isArray(trace.spanSets) ? (trace.spanSets as unknown[]) : [trace.spanSet];
	return sets.reduce<number>((sum, set) => sum + (decodeNumber(asObject(set)?.matched) ?? 0), 0);
}

/** The row as the store takes it. `isAwaited`: the root may still come. */
export function traceInputOf(row: SearchRow, isAwaited: boolean): TraceInput {
	const isOpen = !row.hasRoot && isAwaited;
	return {
		traceId: row.traceId,
		name: row.name,
		start: row.start,
		reported: {
			spanCount: row.spanCount,
			failedCount: row.failedCount,
			state: (row.failedCount ?? 0) > 0 ? "failed" : isOpen ? "running" : "completed",
			end: isOpen ? undefined : row.end,
			serviceName: row.serviceName,
		},
	};
}

/**
 * What two rows of one trace say together; `known` itself when the other one says nothing new. A search may see only a part of a
 * trace, as its spans are spread over blocks, so a row that says less is no news.
 */
export function mergeRows(known: SearchRow, row: SearchRow): SearchRow {
	const isEarlier = differenceNs(row.start, known.start) < 0;
	const isLater = differenceNs(row.end, known.end) > 0;
	const spanCount = most(known.spanCount, row.spanCount);
	const failedCount = most(known.failedCount, row.failedCount);
	if (
		!isEarlier &&
		!isLater &&
		(known.hasRoot || !row.hasRoot) &&
		spanCount === known.spanCount &&
		failedCount === known.failedCount &&
		row.matched <= known.matched
	) {
		return known;
	}
	return {
		traceId: known.traceId,
		name: known.name ?? row.name,
		serviceName: known.serviceName ?? row.serviceName,
		hasRoot: known.hasRoot || row.hasRoot,
		start: isEarlier ? row.start : known.start,
		end: isLater ? row.end : known.end,
		spanCount,
		failedCount,
		matched: Math.max(known.matched, row.matched),
	};
}

function most(a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
