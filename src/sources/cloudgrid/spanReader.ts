import { describeError, type Logger } from "../../base/logger.ts";
import { nowTimestamp } from "../../base/timestamp.ts";
import type { SpanDetail } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { Normaliser } from "../../otlp/normalise.ts";
import type { WholeSpan } from "../../otlp/spanRecord.ts";
import type { TurnBudget } from "../../stream/turnBudget.ts";
import { spanInputOf, wireSpanOf, wireTextOf } from "../otlpSpan.ts";
import { SourceError } from "../source.ts";
import { spanDetail } from "../spanDetail.ts";
import { asObject, type JsonObject } from "../wire.ts";
import type { GraphqlClient, GraphqlRequest } from "./graphqlClient.ts";
import type { Operations } from "./operations.ts";
import { CloudgridProblem } from "./problem.ts";
import { type CloudgridSpan, decodeSpan, NO_SCOPE, Resources } from "./spans.ts";
import { forgetGraves } from "./traceHistory.ts";

export interface SpanReaderOptions {
	readonly client: GraphqlClient;
	readonly operations: Operations;
	readonly store: TraceStore;
	readonly budget: TurnBudget;
	readonly logger: Logger;
	/** Ends with the source. */
	readonly signal: AbortSignal;
	/** Runs a request whose failure the status shows. */
	readonly request: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** Rest after a change before an open trace is read again: spans of one batch come close together. */
const REREAD_MS = 300;
/** A trace that takes long to read is read less often: a third of the time at most. */
const REST_FACTOR = 2;
const MAX_RELATED_LOGS = 200;

/** Spans of traces: read when somebody opens one, and again when it changes. */
export class SpanReader {
	readonly #options: SpanReaderOptions;
	readonly #changed = new Set<string>();
	/** The reading of each trace that is under way, as a promise that never rejects. */
	readonly #loads = new Map<string, Promise<void>>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#isRereading = false;

	constructor(options: SpanReaderOptions) {
		this.#options = options;
	}

	dispose(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#changed.clear();
	}

	/** A trace is not as it was: read again if its spans are here or somebody looks at it. */
	noteChanged(traceId: string): void {
		const { store, signal } = this.#options;
		if (signal.aborted || (!store.isPinned(traceId) && !store.entry(traceId)?.rows.length)) return;
		this.#changed.add(traceId);
		if (!this.#isRereading) this.#rereadLater(REREAD_MS);
	}

	/** Brings every span of a trace into the store; one reading of a trace after the other, so that an older one undoes nothing. */
	async load(traceId: string, signal: AbortSignal): Promise<void> {
		const before = this.#loads.get(traceId) ?? Promise.resolve();
		const mine = before.then(() => this.#load(traceId, signal));
		// Whoever comes next waits for its end, whatever it is; its failure is the caller's.
		const settled = mine.catch(() => undefined);
		this.#loads.set(traceId, settled);
		try {
			await mine;
		} finally {
			if (this.#loads.get(traceId) === settled) this.#loads.delete(traceId);
		}
	}

	async #load(traceId: string, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const { store, budget, operations } = this.#options;
		const resources = new Resources();
		const ids = new Set<string>();
		const take = async (elements: readonly unknown[]) => {
			if (budget.isSpent) await budget.turn();
			signal.throwIfAborted();
			const spans = elements.map((span) => decodeSpan(span, traceId, resources));
			const inputs = normalised(spans.filter((span) => span !== undefined)).map(spanInputOf);
			store.asHistory(() => {
				for (const input of inputs) {
					ids.add(input.spanId);
					store.upsertSpan(input);
				}
			});
		};
		const options = { pieces: { path: ["trace", "spans"], take }, signal };
		const detail = await this.#ask(traceId, () => operations.trace, {}, options);
		if (!Array.isArray(detail.spans)) {
			throw new SourceError("protocol", "POST /graphql: the trace holds no list of spans");
		}
		const entry = store.entry(traceId);
		if (entry === undefined) return;
		const here = entry.rows.map((row) => store.columns.ids[row]);
		const kept = here.filter((spanId) => ids.has(spanId));
		if (kept.length === here.length) {
			store.markWhole(traceId);
			return;
		}
		// What stays is named, the rest goes, all at once.
		const spans = kept.map((spanId) => ({ spanId, traceId }));
		const wholeTraceIds = new Set([traceId]);
		store.applySnapshot({ traces: [], spans, isTraceListComplete: false, wholeTraceIds, isHistory: true });
	}

	/** One span with everything that CloudGrid has of it, the log lines it wrote among it. */
	async loadSpan(
		traceId: string,
		spanId: string,
		maxBytes: number | undefined,
		signal: AbortSignal,
	): Promise<SpanDetail> {
		const { store, operations } = this.#options;
		const input = { selectedSpanId: spanId, relatedLogLimit: MAX_RELATED_LOGS };
		const detail = await this.#ask(traceId, () => operations.span, input, { maxBytes, signal });
		const span = decodeSpan(detail.selectedSpan, traceId, new Resources());
		if (span === undefined || span.raw.spanId !== spanId) {
			throw new SourceError("notFound", "CloudGrid no longer has this span");
		}
		const [whole] = normalised([span]);
		const wire = wireSpanOf(wireTextOf(whole));
		const logs = logsOf(detail.relatedLogs, spanId);
		const shown = spanDetail(store, spanInputOf(whole), logs.length === 0 ? wire : { ...wire, logs });
		if (shown === undefined) throw new SourceError("protocol", "the span cannot be shown");
		return shown;
	}

	/** Ids of the spans of a trace in which the server's own search finds a text. */
	async search(traceId: string, text: string, signal: AbortSignal): Promise<readonly string[]> {
		const { operations } = this.#options;
		const detail = await this.#ask(traceId, () => operations.spanMatches, { spanQuery: text }, { signal });
		const matches = Array.isArray(detail.spanMatches) ? detail.spanMatches.map(asObject) : [];
		const ids = matches.filter((match) => match?.reason === "search").map((match) => match?.spanId);
		return ids.filter((id) => typeof id === "string");
	}

	#rereadLater(delayMs: number): void {
		this.#timer ??= setTimeout(() => void this.#reread(), delayMs);
	}

	/** Reads what has changed until now; what changes meanwhile is read after a rest. */
	async #reread(): Promise<void> {
		this.#timer = undefined;
		this.#isRereading = true;
		const startedAtMs = performance.now();
		const traceIds = [...this.#changed];
		this.#changed.clear();
		const { request, logger, signal } = this.#options;
		try {
			for (const traceId of traceIds) {
				try {
					await request((both) => this.load(traceId, both));
				} catch (error) {
					if (signal.aborted) return;
					// The status has it. The trace counts as not whole, so that opening it, and its next change, read it again.
					logger.debug(`spans of a changed trace: ${describeError(error)}`);
				}
			}
		} finally {
			this.#isRereading = false;
			const restMs = Math.max(REREAD_MS, REST_FACTOR * (performance.now() - startedAtMs));
			if (this.#changed.size > 0 && !signal.aborted) this.#rereadLater(restMs);
		}
	}

	/** `trace(id)`; a trace that the server does not have is taken out of the store and is `notFound`. */
	async #ask(
		traceId: string,
		document: () => string,
		input: JsonObject,
		options: Pick<GraphqlRequest, "maxBytes" | "pieces" | "signal">,
	): Promise<JsonObject> {
		const { client, operations } = this.#options;
		for (;;) {
			try {
				const variables = { id: traceId, input };
				const query = document();
				const data = await client.ask({ operationName: "TraceDetail", query, variables, ...options });
				const detail = asObject(data.trace);
				if (detail !== undefined) return detail;
				throw this.#gone(traceId);
			} catch (error) {
				if (!(error instanceof CloudgridProblem)) throw error;
				if (error.reason === "notFound") throw this.#gone(traceId);
				if (!operations.learn(error)) throw error;
			}
		}
	}

	#gone(traceId: string): SourceError {
		const { store } = this.#options;
		store.deleteTrace(traceId);
		forgetGraves(store);
		return new SourceError("notFound", "CloudGrid no longer has this trace");
	}
}

/** What OpenTelemetry's conventions make of spans, in their order. */
function normalised(spans: readonly CloudgridSpan[]): WholeSpan[] {
	const normaliser = new Normaliser(nowTimestamp(), () => null);
	for (const { raw, resource } of spans) normaliser.take(raw, resource, NO_SCOPE);
	const batch = normaliser.batch({ rejectedSpans: 0, firstProblem: undefined });
	// An exporter's spans have ended, CloudGrid's may run.
	return batch.spans.map((span, index) => (spans[index].raw.end === null ? { ...span, end: undefined } : span));
}

/** Log lines that belong to the span itself. */
function logsOf(value: unknown, spanId: string): readonly unknown[] {
	return Array.isArray(value) ? value.filter((log) => asObject(log)?.spanId === spanId) : [];
}
