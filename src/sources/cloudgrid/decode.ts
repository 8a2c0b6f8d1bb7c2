import { nanosOf, type Timestamp } from "../../base/timestamp.ts";
import {
	addMs,
	asObject,
	decodeId,
	decodeName,
	decodeNumber,
	decodeTime,
	decodeWord,
	type JsonObject,
} from "../wire.ts";

/** CloudGrid's answers in our words. All of it is untrusted: nothing here throws, and every text has a bound. */

/** A trace as lists and live events tell of it, without its spans. */
export interface CloudgridTrace {
	readonly traceId: string;
	readonly operationName: string | undefined;
	readonly serviceName: string | undefined;
	readonly start: Timestamp | undefined;
	/** Undefined while the trace runs. */
	readonly end: Timestamp | undefined;
	readonly status: "ok" | "error" | "unset" | undefined;
	readonly attributes: JsonObject;
	readonly spanCount: number | undefined;
	readonly errorSpanCount: number | undefined;
}

export type LiveEvent =
	| { readonly type: "heartbeat"; readonly seq: number }
	| { readonly type: "trace"; readonly seq: number; readonly isSnapshot: boolean; readonly trace: CloudgridTrace };

export interface TracePage {
	readonly traces: readonly CloudgridTrace[];
	/** Items that could not be read. */
	readonly undecodable: number;
	readonly nextCursor: string | undefined;
}

const MAX_CURSOR_LENGTH = 4096;

/** `data` of a `next`; undefined when it is no event that can be used. */
export function decodeLiveEvent(data: unknown): LiveEvent | undefined {
	const event = asObject(asObject(data)?.liveTraces);
	const seq = event?.seq;
	if (event === undefined || typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) return undefined;
	switch (event.type) {
		case "heartbeat":
			return { type: "heartbeat", seq };
		case "snapshot":
		case "added":
		case "updated": {
			const trace = decodeTrace(event.trace);
			return trace === undefined ? undefined : { type: "trace", seq, isSnapshot: event.type === "snapshot", trace };
		}
		default:
			return undefined;
	}
}

/** Undefined when the answer holds no list of traces. */
export function decodeTracePage(data: unknown): TracePage | undefined {
	const page = asObject(asObject(data)?.traces);
	if (!Array.isArray(page?.items)) return undefined;
	const traces = page.items.map(decodeTrace).filter((trace) => trace !== undefined);
	const { nextCursor } = page;
	const isUsable = typeof nextCursor === "string" && nextCursor !== "" && nextCursor.length <= MAX_CURSOR_LENGTH;
	return {
		traces,
		undecodable: page.items.length - traces.length,
		nextCursor: isUsable && page.items.length > 0 ? nextCursor : undefined,
	};
}

/** Undefined without a usable id. */
export function decodeTrace(value: unknown): CloudgridTrace | undefined {
	const trace = asObject(value);
	const traceId = decodeId(trace?.id);
	if (trace === undefined || traceId === undefined) return undefined;
	const { status } = trace;
	return {
		traceId,
		operationName: decodeName(trace.operationName),
		serviceName: decodeWord(trace.serviceName),
		...decodeTimes(trace),
		status: status === "ok" || status === "error" || status === "unset" ? status : undefined,
		attributes: asObject(trace.attributes) ?? {},
		spanCount: decodeCount(trace.spanCount),
		errorSpanCount: decodeCount(trace.errorSpanCount),
	};
}

/**
 * Start and end of a trace or a span: exact by the nanoseconds of newer servers, else by ISO times in milliseconds, whose end
 * the duration makes more exact or stands in for.
 */
export function decodeTimes(value: JsonObject): {
	readonly start: Timestamp | undefined;
	readonly end: Timestamp | undefined;
} {
	const start = parseNanos(value.startedAtUnixNano) ?? decodeTime(value.startedAt);
	const exactEnd = parseNanos(value.endedAtUnixNano);
	if (exactEnd !== undefined) return { start, end: exactEnd };
	const told = decodeTime(value.endedAt);
	const durationMs = decodeNumber(value.durationMs);
	const reckoned = start === undefined || durationMs === undefined ? undefined : addMs(start, durationMs);
	// A duration that does not fit the end, by more than its rounding, is not that of this span.
	if (told === undefined || reckoned === undefined) return { start, end: told ?? reckoned };
	return { start, end: Math.abs(told.ms - reckoned.ms) <= 1 ? reckoned : told };
}

/** Nanoseconds since the epoch as decimal text, exact. A number has lost digits already and is not taken. */
export function parseNanos(value: unknown): Timestamp | undefined {
	if (typeof value !== "string" || !/^\d{1,19}$/.test(value)) return undefined;
	const nanos = BigInt(value);
	return nanos === 0n ? undefined : nanosOf(Number(nanos >> 32n), Number(nanos & 0xffff_ffffn));
}

function decodeCount(value: unknown): number | undefined {
	const count = decodeNumber(value);
	return count === undefined ? undefined : Math.floor(count);
}
