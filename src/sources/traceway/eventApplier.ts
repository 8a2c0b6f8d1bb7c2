import type { Timestamp } from "../../base/timestamp.ts";
import type { SpanInput, TraceInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { SourceConfig } from "../source.ts";
import type { TracewayEvent } from "./decode.ts";

/** Trace records kept aside under a filter until one of their spans matches. */
const MAX_PENDING_TRACES = 10_000;

/**
 * Applies decoded events and lists to the store, through the source's filter. With a filter, a trace shows once one of its
 * spans matches; until then its record waits here.
 */
export class EventApplier {
	readonly #store: TraceStore;
	readonly #kind: string | undefined;
	readonly #model: string | undefined;
	readonly #pendingTraces = new Map<string, TraceInput>();
	/** Called with a partial span of which nobody said the trace, or whose end is not known; it has to be fetched. */
	readonly #onPartialSpan: (spanId: string) => void;
	/** True while traces may exist at the server that are not here: the first span of an unknown trace is no birth then. */
	mayMissTraces = true;
	/** Server time, epoch milliseconds, from which on an event is news. */
	newsSinceMs = 0;

	constructor(store: TraceStore, filter: SourceConfig["filter"], onPartialSpan: (spanId: string) => void) {
		this.#store = store;
		this.#kind = filter?.kind || undefined;
		this.#model = filter?.model || undefined;
		this.#onPartialSpan = onPartialSpan;
	}

	get hasFilter(): boolean {
		return this.#kind !== undefined || this.#model !== undefined;
	}

	/** Whether a span passes the filter. The word for a kind is its type or, for `custom`, the inner one. */
	readonly matches = (span: SpanInput): boolean =>
		(this.#kind === undefined || span.kindName === this.#kind || span.kindType === this.#kind) &&
		(this.#model === undefined || span.model === this.#model);

	apply(event: TracewayEvent, position: number | undefined, isHistory: boolean): void {
		switch (event.type) {
			case "span":
				this.#applySpan(event.span, position, isHistory);
				return;
			case "trace":
				this.#applyTrace(event.trace, position, isHistory);
				return;
			case "spanDeleted":
				this.#store.deleteSpan(event.spanId, event.traceId, position);
				return;
			case "traceDeleted":
				this.#pendingTraces.delete(event.traceId);
				this.#store.deleteTrace(event.traceId, position);
				return;
			case "cleared":
				this.#pendingTraces.clear();
				this.#store.clear(position);
				return;
			case "reset":
			case "other":
			case "unknown":
				return;
		}
	}

	/** Trace records of a list that a filter lets through now: those with a matching span. */
	visibleTraces(traces: readonly TraceInput[], spans: readonly SpanInput[]): readonly TraceInput[] {
		if (!this.hasFilter) return traces;
		const matching = new Set(spans.map((span) => span.traceId));
		return traces.filter((trace) => {
			if (matching.has(trace.traceId) || this.#store.entry(trace.traceId) !== undefined) return true;
			this.#setAside(trace);
			return false;
		});
	}

	#applySpan(span: SpanInput, position: number | undefined, isHistory: boolean): void {
		const store = this.#store;
		if (this.hasFilter && !this.#passes(span, position)) return;
		const { traceId } = span;
		const isBirth =
			!this.mayMissTraces || traceId === undefined || store.entry(traceId) !== undefined || this.#isRootNow(span);
		const result =
			isHistory || !isBirth
				? store.asHistory(() => store.upsertSpan(span, position))
				: store.upsertSpan(span, position);
		if (result === "unknown" || (result !== "ignored" && this.#lacksEnd(span))) this.#onPartialSpan(span.spanId);
	}

	#applyTrace(trace: TraceInput, position: number | undefined, isHistory: boolean): void {
		const store = this.#store;
		if (this.hasFilter && store.entry(trace.traceId) === undefined) {
			this.#setAside(trace);
			return;
		}
		if (isHistory) store.asHistory(() => store.upsertTrace(trace, position));
		else store.upsertTrace(trace, position);
	}

	/** With a filter: whether the span is to be applied. One that no longer matches leaves the store. */
	#passes(span: SpanInput, position: number | undefined): boolean {
		const { spanId, traceId } = span;
		// A partial span without kind says nothing of the filter.
		if (span.kindType === undefined) return this.#store.rowOf(spanId, traceId) !== undefined;
		if (!this.matches(span)) {
			if (this.#store.rowOf(spanId, traceId) !== undefined) this.#store.deleteSpan(spanId, traceId, position);
			return false;
		}
		if (this.#pendingTraces.size === 0 || traceId === undefined) return true;
		const record = this.#pendingTraces.get(traceId);
		if (record === undefined) return true;
		this.#pendingTraces.delete(traceId);
		this.#store.upsertTrace(record, position);
		return true;
	}

	#setAside(trace: TraceInput): void {
		this.#pendingTraces.delete(trace.traceId);
		this.#pendingTraces.set(trace.traceId, trace);
		if (this.#pendingTraces.size <= MAX_PENDING_TRACES) return;
		const oldest = this.#pendingTraces.keys().next();
		if (!oldest.done) this.#pendingTraces.delete(oldest.value);
	}

	/** Whether the first span seen of a trace is its beginning, and not the sign of life of an old trace that is not loaded. */
	#isRootNow(span: SpanInput): boolean {
		return span.parentSpanId === null && span.start !== undefined && span.start.ms >= this.newsSinceMs;
	}

	/** An event that ends a span and does not say when, as the documents show it. */
	#lacksEnd(span: SpanInput): boolean {
		if (span.end !== undefined || span.state === undefined || span.state === "running") return false;
		const row = this.#store.rowOf(span.spanId, span.traceId);
		return row !== undefined && Number.isNaN(this.#store.columns.endMs[row]);
	}
}

/** Server time of what an event tells of, epoch milliseconds; undefined for events without one. */
export function eventTimeMs(event: TracewayEvent): number | undefined {
	const time: Timestamp | undefined =
		event.type === "span"
			? (event.span.end ?? event.span.start)
			: event.type === "trace"
				? event.trace.start
				: undefined;
	return time?.ms;
}
