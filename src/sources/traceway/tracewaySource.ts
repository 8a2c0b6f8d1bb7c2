import { abortable } from "../../base/abort.ts";
import { describeError } from "../../base/logger.ts";
import type { Overview, OverviewRange } from "../../model/overview.ts";
import type { ListedSession } from "../../model/sessionSummary.ts";
import type { SpanDetail } from "../../model/span.ts";
import { TurnBudget } from "../../stream/turnBudget.ts";
import { BaseSource } from "../baseSource.ts";
import {
	type SessionQuery,
	type Source,
	type SourceCapabilities,
	SourceError,
	type SourceMemory,
	type SourceOptions,
	type SourceStatus,
	type TextSearch,
	type TraceExport,
	type TraceHits,
	type TraceTextSearch,
} from "../source.ts";
import { spanDetail } from "../spanDetail.ts";
import { asObject } from "../wire.ts";
import { pathOf, TracewayClient } from "./client.ts";
import { ClockOffset } from "./clockOffset.ts";
import { decodePage, decodeSpan, decodeTrace } from "./decode.ts";
import { EventApplier } from "./eventApplier.ts";
import { TraceHistory } from "./history.ts";
import { LiveFeed } from "./liveFeed.ts";
import { getOverview } from "./overview.ts";
import { PartialSpans } from "./partialSpans.ts";
import { getSessions, getSessionTraces } from "./sessions.ts";
import { spanPages } from "./snapshot.ts";
import { findTraces } from "./textSearch.ts";
import { findSpans } from "./traceSearch.ts";
import { TracewayStream } from "./tracewayStream.ts";

/** Servers check and store a whole piece of a file before they answer. */
const IMPORT_TIMEOUT_MS = 120_000;

export interface TracewaySourceOptions extends SourceOptions {
	/** How long a gap in the ids may close by itself before it counts as a loss. Default 250. */
	readonly gapGraceMs?: number | undefined;
	/** Distance of the looks at a server whose stream says nothing after a resume. Default 5,000. */
	readonly probeMs?: number | undefined;
}

/** Of one trace read in one piece: about 5,000 spans of skeleton, 10 ms of parsing. Larger ones come in pages. */
const MAX_TRACE_BYTES = 2 * 1024 * 1024;

/** A Traceway server of any dialect. Throws nothing: an address that cannot be used shows as `failed` once connected. */
export function createTracewaySource(options: TracewaySourceOptions): Source {
	return new TracewaySource(options);
}

/** A Traceway server: live by its event stream, history by REST, into one store. */
class TracewaySource extends BaseSource {
	readonly capabilities: SourceCapabilities = {
		replay: true,
		delete: true,
		filters: true,
		sessions: true,
		files: true,
	};
	readonly #clock = new ClockOffset();
	readonly #client: TracewayClient;
	readonly #stream: TracewayStream;
	readonly #history: TraceHistory;
	readonly #feed: LiveFeed;

	constructor(options: TracewaySourceOptions) {
		super(options);
		const { config, logger, fetch } = options;
		const position = typeof options.memory?.position === "string" ? options.memory.position : undefined;
		const isTokenInQuery = options.memory?.isTokenInQuery === true;
		const { store } = this;
		this.#client = new TracewayClient({
			url: config.url,
			fetch,
			getToken: options.getToken,
			logger,
			onAnswer: (headers, requestedAtMs, answeredAtMs) => {
				this.#clock.note(headers.get("date"), requestedAtMs, answeredAtMs);
			},
		});
		const client = this.#client;
		const budget = this.owned.add(new TurnBudget());
		const applier = new EventApplier(store, config.filter, (spanId) => partialSpans.request(spanId));
		const partialSpans = this.owned.add(
			new PartialSpans(client, logger, (span) => {
				if (applier.matches(span)) store.upsertSpan(span);
			}),
		);
		this.#history = new TraceHistory({
			client,
			store,
			applier,
			budget,
			logger,
			model: config.filter?.model || undefined,
			traces: options.snapshotTraces ?? 500,
			maxSpans: options.maxSnapshotSpans ?? 100_000,
		});
		this.#stream = new TracewayStream({
			client,
			fetch,
			filter: config.filter,
			lastEventId: position,
			isTokenInQuery,
			watchdogMs: options.watchdogMs,
			minBackoffMs: options.minBackoffMs,
			random: options.random,
			logger,
			onOpen: (opening) => {
				this.#clock.note(opening.headers.get("date"), opening.requestedAtMs, opening.answeredAtMs);
				if (this.#stream.isTokenInQuery !== isTokenInQuery) this.saveMemorySoon();
				this.#feed.handleOpen(opening);
			},
			onMessage: (message) => this.#feed.handleMessage(message),
			onOversizedEvent: () => this.#feed.distrust(),
		});
		this.#feed = new LiveFeed({
			client,
			store,
			applier,
			history: this.#history,
			budget,
			logger,
			reconcileMs: options.reconcileMs ?? 0,
			gapGraceMs: options.gapGraceMs ?? 250,
			probeMs: options.probeMs ?? 5000,
			clockOffsetMs: () => this.#clock.offsetMs,
			stream: () => this.#stream,
			onProgress: () => this.announceSoon(),
			onSnapshot: () => this.announce(),
			onPosition: () => this.saveMemorySoon(),
		});
		this.owned.add(this.#feed);
		// Ends before the feed, whose timers the end of a stream clears.
		this.owned.add(this.#stream);
		this.owned.add(
			this.#stream.onDidChangeState((state) => {
				if (state.name !== "open") this.#feed.handleClosed();
				this.announce();
			}),
		);
	}

	get status(): SourceStatus {
		const { snapshotError } = this.#feed;
		return {
			state: this.#stream.state,
			isLoaded: this.#feed.isLoaded,
			lastByteAtMs: this.#stream.lastByteAtMs,
			lastEventId: this.#stream.lastEventId,
			...this.baseStatus,
			...this.#feed.counters,
			clockOffsetMs: this.#clock.offsetMs,
			...(snapshotError === undefined ? undefined : { requestError: describeError(snapshotError) }),
		};
	}

	protected override get connection() {
		return this.#stream;
	}

	protected override get memory(): SourceMemory {
		const { lastEventId, isTokenInQuery } = this.#stream;
		return {
			...(lastEventId === undefined ? {} : { position: lastEventId }),
			...(isTokenInQuery ? { isTokenInQuery: true } : {}),
		};
	}

	override get hasMore(): boolean {
		return this.#history.hasMore;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await abortable(this.#feed.takeSnapshot("refresh"), AbortSignal.any([signal, this.life.signal]));
		if (this.#feed.snapshotError !== undefined) throw this.#feed.snapshotError;
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		await this.request(signal, (both) => this.#history.readOlder(both));
		return this.hasMore;
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			const value = await this.#getTrace(traceId, both);
			if (value === undefined) {
				const query = { trace_id: traceId, sort_order: "asc" };
				for await (const page of spanPages(this.#client, query, both)) await this.#addSpans(traceId, page.items, both);
			} else {
				const page = decodePage(value, "spans");
				if (page === undefined) throw new SourceError("protocol", "GET /traces/:id: the answer holds no list of spans");
				const record = decodeTrace(asObject(value)?.trace);
				if (record !== undefined) this.store.asHistory(() => this.store.upsertTrace({ ...record, traceId }));
				await this.#addSpans(traceId, page.items, both);
			}
			this.store.markWhole(traceId);
		});
	}

	override async listSessions(query: SessionQuery, signal: AbortSignal): Promise<readonly ListedSession[]> {
		return await this.request(signal, (both) => getSessions(this.#client, query, both));
	}

	override async listSession(sessionId: string, signal: AbortSignal): Promise<readonly string[]> {
		return await this.request(signal, (both) => getSessionTraces(this.#client, sessionId, both));
	}

	/** The answer for a trace; undefined for one that is too large to be read in one piece. */
	async #getTrace(traceId: string, signal: AbortSignal): Promise<unknown> {
		try {
			const options = { query: { fields: "skeleton" }, maxBytes: MAX_TRACE_BYTES, signal };
			return (await this.#client.get(pathOf("traces", traceId), options)).value;
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.reason === "tooLarge") return undefined;
			if (error.reason !== "notFound") throw error;
			// Whatever answers 404 while there is no stream may be no server at all, and what goes here a replay does not bring back.
			if (this.#stream.state.name !== "open") throw error;
			this.store.deleteTrace(traceId);
			throw new SourceError("notFound", "the server no longer has this trace", { cause: error });
		}
	}

	async #addSpans(traceId: string, items: readonly unknown[], signal: AbortSignal): Promise<void> {
		const spans = items.map((item) => decodeSpan(item)).filter((span) => span !== undefined);
		await this.#history.add(
			spans.map((span) => ({ ...span, traceId })),
			signal,
		);
	}

	async loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail> {
		return await this.request(signal, async (both) => {
			const { value } = await this.#client.get(pathOf("spans", spanId), { signal: both, maxBytes });
			const raw = asObject(value);
			const span = decodeSpan(value);
			if (raw === undefined || span?.spanId !== spanId) {
				throw new SourceError("protocol", "GET /spans/:id: the answer is not the span that was asked for");
			}
			const input = { ...span, traceId: span.traceId ?? traceId };
			const detail = spanDetail(this.store, input, raw);
			if (detail === undefined) throw new SourceError("protocol", "GET /spans/:id: the span cannot be shown");
			return detail;
		});
	}

	override async searchTraces(search: TextSearch, signal: AbortSignal): Promise<ReadonlySet<string>> {
		return await this.request(signal, (both) => findTraces(this.#client, search, both));
	}

	override async *searchTrace(
		traceId: string,
		search: TraceTextSearch,
		signal: AbortSignal,
	): AsyncGenerator<TraceHits> {
		yield* findSpans(this.#client, traceId, search, AbortSignal.any([signal, this.life.signal]));
	}

	override async loadOverview(range: OverviewRange, signal: AbortSignal): Promise<Overview> {
		return await this.#loadOverview(range, undefined, signal);
	}

	override async loadSessionOverview(sessionId: string, range: OverviewRange, signal: AbortSignal): Promise<Overview> {
		return await this.#loadOverview(range, sessionId, signal);
	}

	async #loadOverview(range: OverviewRange, sessionId: string | undefined, signal: AbortSignal): Promise<Overview> {
		const { filter } = this.config;
		const query = { range, sessionId, kind: filter?.kind || undefined, model: filter?.model || undefined };
		return await this.request(signal, (both) => getOverview(this.#client, query, both));
	}

	override async deleteTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			await this.#client.delete(pathOf("traces", traceId), { signal: both });
			this.store.deleteTrace(traceId);
		});
	}

	override async deleteSpan(traceId: string, spanId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			await this.#client.delete(pathOf("spans", spanId), { signal: both });
			this.store.deleteSpan(spanId, traceId);
		});
	}

	override async clearAll(signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			await this.#client.delete("/traces", { signal: both });
			this.store.clear();
		});
		// One server brings old rows back after a clear, so what is there now is asked for.
		await this.refresh(signal);
	}

	override async exportTraces(
		{ traceId, format }: TraceExport,
		signal: AbortSignal,
	): Promise<AsyncIterable<Uint8Array>> {
		return await this.request(signal, async (both) => {
			const path = format === "otlp" ? "/export/otlp" : "/export/json";
			try {
				return await this.#client.download(path, { query: { trace_id: traceId }, signal: both });
			} catch (error) {
				// Only our own server writes OTLP; all of them have Traceway's form.
				throw traceId === undefined || format === "otlp" ? withoutFiles(error, "export in this form") : error;
			}
		});
	}

	override async importTraces(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<string> {
		return await this.request(signal, async (both) => {
			try {
				return await this.#client.post("/import", body, { timeoutMs: IMPORT_TIMEOUT_MS, signal: both });
			} catch (error) {
				throw withoutFiles(error, "import traces");
			}
		});
	}
}

/** A path that a server does not have, said in words. */
function withoutFiles(error: unknown, what: string): unknown {
	if (!(error instanceof SourceError) || !["notFound", "gone", "contentType"].includes(error.reason)) return error;
	return new SourceError("unsupported", `this server cannot ${what}`, { cause: error });
}
