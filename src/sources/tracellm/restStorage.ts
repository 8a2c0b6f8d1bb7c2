import type { JsonClient } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { asObject, decodeId, decodeNumber, type JsonObject } from "../wire.ts";
import { type DecodedTrace, decodeList, decodeTrace } from "./decode.ts";
import { type IsKnown, MAX_PAGE, type NewestTraces, type OlderTraces, type TraceStorage } from "./traceStorage.ts";

/** A list of 200 documents with long texts; a server with larger ones is asked for fewer at a time. */
const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** Of the ranges that are still to be read; reached only by a server that counts wrongly. */
const MAX_RANGES = 10_000;

/** Traces of a latency (ms) and a number of tokens, both ends included. */
interface Range {
	readonly latency: Span;
	readonly tokens: Span;
}
interface Span {
	readonly from: number;
	readonly to: number;
}

const ALL: Range = {
	latency: { from: 0, to: Number.POSITIVE_INFINITY },
	tokens: { from: 0, to: Number.POSITIVE_INFINITY },
};

/**
 * TraceLLM's REST. Its list has neither pages nor a time, and ends after 200 traces; what lies behind is reached by asking for
 * ranges of latency, and within one latency of tokens, that are halved until each of them holds no more than 200.
 */
export class RestStorage implements TraceStorage {
	readonly label = "REST";
	readonly #client: JsonClient;
	readonly #model: string | undefined;
	/** Smaller after an answer that was too large, until answers are small again. */
	#maxLimit = MAX_PAGE;
	/** What is still to be read; the last one is next. */
	#ranges: Range[] = [ALL];

	constructor(client: JsonClient, model: string | undefined) {
		this.#client = client;
		this.#model = model;
	}

	async newest(limit: number, isKnown: IsKnown, signal: AbortSignal): Promise<NewestTraces> {
		const { total, items } = await this.#list(limit, ALL, signal);
		const traces: DecodedTrace[] = [];
		const listed: { traceId: string; startMs: number | undefined }[] = [];
		let undecodable = 0;
		for (const item of items) {
			const trace = decodeTrace(item);
			if (trace === undefined) {
				undecodable++;
				continue;
			}
			listed.push({ traceId: trace.traceId, startMs: trace.trace.start?.ms });
			if (!isKnown(trace.traceId, trace.savedAt?.ms)) traces.push(trace);
		}
		return { listed, traces, total, undecodable };
	}

	async older(isKnown: IsKnown, signal: AbortSignal): Promise<OlderTraces> {
		if (this.#ranges.length === 0) this.rewind();
		const traces: DecodedTrace[] = [];
		while (this.#ranges.length > 0 && traces.length < MAX_PAGE) {
			const range = this.#ranges[this.#ranges.length - 1];
			const { total, items } = await this.#list(MAX_PAGE, range, signal);
			this.#ranges.pop();
			const parts = total > items.length && this.#ranges.length < MAX_RANGES ? partsOf(range, items) : [];
			this.#ranges.push(...parts);
			// What was listed of a range that is cut comes again with its parts.
			if (parts.length > 0) continue;
			for (const item of items) {
				const trace = decodeTrace(item);
				if (trace !== undefined && !isKnown(trace.traceId, trace.savedAt?.ms)) traces.push(trace);
			}
		}
		return { traces, hasMore: this.#ranges.length > 0 };
	}

	rewind(): void {
		this.#ranges = [ALL];
	}

	async read(traceId: string, maxBytes: number, signal: AbortSignal): Promise<JsonObject | undefined> {
		const path = `/api/traces/${encodeURIComponent(traceId)}`;
		try {
			const { value } = await this.#client.get(path, { maxBytes, signal });
			const document = asObject(value);
			if (document === undefined || decodeId(document.trace_id) !== traceId) {
				throw new SourceError("protocol", "GET /api/traces/:id: the answer is not the trace that was asked for");
			}
			return document;
		} catch (error) {
			if (error instanceof SourceError && error.reason === "notFound") return undefined;
			throw error;
		}
	}

	dispose(): void {}

	/** One list. An answer that is too large is asked for again with half as many. */
	async #list(
		limit: number,
		{ latency, tokens }: Range,
		signal: AbortSignal,
	): Promise<{ readonly total: number; readonly items: readonly unknown[] }> {
		for (;;) {
			const asked = Math.min(limit, this.#maxLimit);
			const query = {
				limit: asked,
				model: this.#model,
				latency_min: latency.from === 0 ? undefined : latency.from,
				latency_max: latency.to === Number.POSITIVE_INFINITY ? undefined : latency.to,
				token_min: tokens.from === 0 ? undefined : tokens.from,
				token_max: tokens.to === Number.POSITIVE_INFINITY ? undefined : tokens.to,
			};
			try {
				const { value, bytes } = await this.#client.get("/api/traces", { query, maxBytes: MAX_LIST_BYTES, signal });
				// Else one answer that was too large, of whatever, would keep older traces from view for good.
				if (asked === this.#maxLimit && bytes < MAX_LIST_BYTES / 4) this.#maxLimit = Math.min(MAX_PAGE, 2 * asked);
				const list = decodeList(value);
				if (list === undefined)
					throw new SourceError("protocol", "GET /api/traces: the answer holds no list of traces");
				return { total: list.total, items: list.items.slice(0, asked) };
			} catch (error) {
				if (!(error instanceof SourceError) || error.reason !== "tooLarge" || asked === 1) throw error;
				this.#maxLimit = Math.max(1, Math.floor(asked / 2));
			}
		}
	}
}

/** What of a range lies beside the middle of the items that it brought, and the middle itself; nothing when it is one point. */
function partsOf({ latency, tokens }: Range, items: readonly unknown[]): readonly Range[] {
	if (latency.from < latency.to) {
		return cutSpan(latency, middleOf(items, "latency"), nextUp, nextDown).map((part) => ({ latency: part, tokens }));
	}
	if (tokens.from >= tokens.to) return [];
	const parts = cutSpan(
		tokens,
		Math.round(middleOf(items, "token_count")),
		(n) => n + 1,
		(n) => n - 1,
	);
	return parts.map((part) => ({ latency, tokens: part }));
}

function cutSpan(
	{ from, to }: Span,
	at: number,
	up: (value: number) => number,
	down: (value: number) => number,
): readonly Span[] {
	const middle = Math.min(Math.max(at, from), to);
	return [
		{ from, to: down(middle) },
		{ from: up(middle), to },
		{ from: middle, to: middle },
	].filter((span) => span.from <= span.to && span.from >= 0);
}

function middleOf(items: readonly unknown[], key: "latency" | "token_count"): number {
	const values = items.map((item) => decodeNumber(asObject(item)?.[key]) ?? 0).sort((a, b) => a - b);
	return values[Math.floor(values.length / 2)] ?? 0;
}

/** The next larger double of a finite number ≥ 0. */
function nextUp(value: number): number {
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, value === 0 ? 0 : value);
	view.setBigUint64(0, view.getBigUint64(0) + 1n);
	return view.getFloat64(0);
}

/** The next smaller one; negative below 0. */
function nextDown(value: number): number {
	if (value <= 0) return -1;
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, value);
	view.setBigUint64(0, view.getBigUint64(0) - 1n);
	return view.getFloat64(0);
}
