import { isAbortError, sleep } from "../../base/abort.ts";
import { describeError } from "../../base/logger.ts";
import type { QueryValues } from "../../model/queryComplete.ts";
import type { SpanDetail } from "../../model/span.ts";
import { type ConnectionAttempt, ConnectionLoop } from "../../stream/connectionLoop.ts";
import { TurnBudget } from "../../stream/turnBudget.ts";
import { BaseSource, connectionEnd } from "../baseSource.ts";
import { spanInputOf, wireSpanOf, wireTextOf } from "../otlpSpan.ts";
import {
	type Source,
	type SourceCapabilities,
	SourceError,
	type SourceOptions,
	type SourceStatus,
	type TraceHits,
	type TraceTextSearch,
} from "../source.ts";
import { spanDetail } from "../spanDetail.ts";
import { ClockOffset } from "../traceway/clockOffset.ts";
import { KnownTraces } from "./knownTraces.ts";
import { readSettings, type TempoSettings } from "./settings.ts";
import { holdsText } from "./spanTexts.ts";
import { loadTagValues } from "./tagValues.ts";
import { TempoClient } from "./tempoClient.ts";
import { TraceBodies } from "./traceBodies.ts";
import { spanBatches } from "./traceBody.ts";
import { TraceFinder } from "./traceFinder.ts";
import { TraceReads } from "./traceReads.ts";

/** A Grafana Tempo. Throws nothing: what cannot be used of its configuration shows as `failed` once connected. */
export function createTempoSource(options: SourceOptions): Source {
	return new TempoSource(options);
}

/** How far back values for filters are looked for. */
const VALUES_SECONDS = 6 * 3600;

/** Bodies that are kept unasked: as many of them as a list shows. */
const SMALL_BYTES = 64 * 1024;

const CAPABILITIES: SourceCapabilities = {
	replay: false,
	delete: false,
	filters: false,
	sessions: true,
	files: false,
};

/**
 * Grafana Tempo: traces are found by TraceQL searches over ranges of time, polled with overlap, and read whole by their ids.
 * What a search tells of a trace is compared with what it told before, so that only news is read; what is not read yet is shown
 * as reported.
 */
class TempoSource extends BaseSource {
	readonly capabilities = CAPABILITIES;
	readonly #settings: TempoSettings | SourceError;
	readonly #client: TempoClient;
	readonly #loop: ConnectionLoop;
	readonly #budget = this.owned.add(new TurnBudget());
	readonly #clock = new ClockOffset();
	readonly #known: KnownTraces;
	readonly #reads: TraceReads;
	readonly #bodies = new TraceBodies();
	readonly #finder: TraceFinder;
	#received = 0;
	#recovered = 0;
	#undecodable = 0;
	/** Whether what is read now makes up for a time without connection. */
	#isRecovering = false;
	/** Whether the next poll looks at everything again. */
	#isLookDue = false;

	constructor(options: SourceOptions) {
		super(options);
		this.#settings = settingsOf(options);
		const settings = this.#settings instanceof SourceError ? undefined : this.#settings;
		const { minBackoffMs = 500, random = Math.random, logger, store } = { ...options, store: this.store };
		this.#client = new TempoClient(options, settings, this.#clock);
		this.#known = new KnownTraces({
			store,
			maxReadSpans: options.maxSnapshotSpans ?? 100_000,
			read: (traceId, isUrgent) => this.#reads.request(traceId, isUrgent),
			isReading: (traceId) => this.#reads.has(traceId),
		});
		this.#finder = new TraceFinder({
			client: this.#client,
			clock: this.#clock,
			known: this.#known,
			snapshotTraces: options.snapshotTraces ?? 500,
			historySeconds: settings?.historySeconds ?? 0,
			onNews: (traces) => {
				if (!this.#isRecovering) this.#received += traces;
			},
		});
		this.#reads = this.owned.add(
			new TraceReads({
				read: (traceId, signal) => this.#readTrace(traceId, signal),
				onFailed: (traceId, error) => this.#handleUnread(traceId, error),
				random,
				minBackoffMs,
				logger,
			}),
		);
		const refreshMs = settings?.refreshMs ?? 5000;
		this.#loop = this.owned.add(
			new ConnectionLoop({
				name: "polling",
				run: (attempt) => this.#run(attempt),
				judge: connectionEnd,
				watchdogMs: Math.max(options.watchdogMs ?? 45_000, 2 * refreshMs),
				minBackoffMs: options.minBackoffMs,
				random: options.random,
				logger,
			}),
		);
		this.owned.add(
			this.#loop.onDidChangeState((state) => {
				if (state.name !== "open" && state.name !== "connecting") this.#reads.stop();
				this.announce();
			}),
		);
	}

	get status(): SourceStatus {
		const settings = this.#settings;
		return {
			...this.baseStatus,
			state: this.#loop.state,
			isLoaded: this.#finder.isLoaded,
			lastByteAtMs: this.#loop.lastByteAtMs,
			lastEventId: undefined,
			watchdogMs: this.#loop.watchdogMs,
			received: this.#received,
			replayed: 0,
			recovered: this.#recovered,
			unknownEvents: 0,
			undecodable: this.#undecodable + this.#client.undecodable,
			clockOffsetMs: this.#clock.offsetMs,
			mode:
				settings instanceof SourceError
					? undefined
					: { text: modeText(settings, this.#finder.isCut), isDegraded: this.#finder.isCut },
		};
	}

	protected override get connection() {
		return this.#loop;
	}

	override dispose(): void {
		super.dispose();
		this.#bodies.clear();
	}

	override get hasMore(): boolean {
		return this.#finder.hasMore;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await this.#ask(signal, async (both) => {
			await this.#finder.look({ isHistory: true, signal: both });
			this.announce();
			await this.#reads.drained(both);
		});
		this.store.flush();
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		if (this.hasMore) await this.#ask(signal, (both) => this.#finder.older(both));
		this.store.flush();
		return this.hasMore;
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.#ask(signal, async (both) => {
			try {
				await this.#readTrace(traceId, both);
			} catch (error) {
				if (!(error instanceof SourceError) || error.reason !== "notFound") throw error;
				this.#forget(traceId);
				throw new SourceError("notFound", "Tempo no longer has this trace", { cause: error });
			}
		});
	}

	async loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail> {
		return await this.#ask(signal, async (both) => {
			const kept = this.#bodies.get(traceId);
			const found = kept === undefined ? undefined : await this.#findSpan(traceId, spanId, kept, both);
			const text = found ?? (await this.#findSpan(traceId, spanId, await this.#fetchBody(traceId, both, true), both));
			if (text === undefined) throw new SourceError("notFound", "Tempo has no such span in this trace");
			const { wire, input } = text;
			const bytes = Buffer.byteLength(wire);
			if (maxBytes !== undefined && bytes > maxBytes) {
				throw new SourceError("tooLarge", `the span has ${bytes} bytes, more than the ${maxBytes} that are shown`);
			}
			const detail = spanDetail(this.store, input, wireSpanOf(wire));
			if (detail === undefined) throw new SourceError("protocol", "the span cannot be shown");
			return detail;
		});
	}

	override async listSession(sessionId: string, signal: AbortSignal): Promise<readonly string[]> {
		return await this.#ask(signal, (both) => this.#finder.session(sessionId, both));
	}

	override async *searchTrace(
		traceId: string,
		search: TraceTextSearch,
		signal: AbortSignal,
	): AsyncGenerator<TraceHits> {
		const both = AbortSignal.any([signal, this.life.signal]);
		both.throwIfAborted();
		const body = this.#bodies.get(traceId) ?? (await this.#ask(signal, () => this.#fetchBody(traceId, both, true)));
		for (const { spans } of spanBatches(body, traceId, this.#now())) {
			const spanIds = spans.filter((span) => holdsText(wireSpanOf(wireTextOf(span)), search)).map(({ id }) => id);
			if (spanIds.length > 0) yield { spanIds, isEverywhere: true };
			if (this.#budget.isSpent) await this.#budget.turn();
			both.throwIfAborted();
		}
	}

	async loadQueryValues(signal: AbortSignal): Promise<QueryValues> {
		return await this.#ask(signal, (both) => loadTagValues(this.#client, this.#finder.recent(VALUES_SECONDS), both));
	}

	/** Throws what is wrong with the options. */
	#checkedSettings(): TempoSettings {
		if (this.#settings instanceof SourceError) throw this.#settings;
		return this.#settings;
	}

	/** A request, also one that is answered from what is kept, unless nobody wants it or the options make no sense. */
	#ask<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		return this.request(signal, async (both) => {
			both.throwIfAborted();
			this.#checkedSettings();
			return await work(both);
		});
	}

	/** One connection: a look at what there is, then polls until something fails. */
	async #run(attempt: ConnectionAttempt): Promise<void> {
		const settings = this.#checkedSettings();
		const { signal } = attempt;
		const isFirst = !this.#finder.isLoaded;
		this.#isRecovering = !isFirst;
		const onAnswer = () => {
			attempt.opened();
			attempt.heard();
		};
		await this.#finder.look({ isHistory: isFirst, signal, onAnswer });
		this.announce();
		// It answers: what failed before is over.
		await this.request(signal, async () => undefined);
		for (;;) {
			await sleep(settings.refreshMs, signal);
			this.#isRecovering = false;
			if (this.#isLookDue) {
				this.#isLookDue = false;
				await this.#finder.look({ isHistory: false, signal, onAnswer });
			} else await this.#finder.poll(signal, onAnswer);
			attempt.proved();
			this.announceSoon();
		}
	}

	async #readTrace(traceId: string, signal: AbortSignal): Promise<void> {
		const startedAtMs = performance.now();
		const row = this.#known.rowOf(traceId);
		const body = await this.#fetchBody(traceId, signal);
		const isHistory = this.#known.isHistory(traceId);
		const { store } = this;
		let count = 0;
		let applied = 0;
		let hasRoot = false;
		for (const { spans, undecodable } of spanBatches(body, traceId, this.#now())) {
			count += spans.length;
			this.#undecodable += undecodable;
			const inputs = spans.map(spanInputOf);
			hasRoot ||= inputs.some(({ parentSpanId }) => parentSpanId === null);
			applied += store.applySnapshot({
				traces: [],
				spans: inputs,
				isTraceListComplete: false,
				wholeTraceIds: NONE,
				isHistory,
			});
			if (this.#budget.isSpent) await this.#budget.turn();
			signal.throwIfAborted();
		}
		if (this.#isRecovering) this.#recovered += applied;
		this.#known.noteRead(traceId, { row, count, hasRoot, tookMs: performance.now() - startedAtMs });
		if (applied > 0) this.announceSoon();
	}

	/** Kept where somebody looks at the trace, or may at little cost: lists show the prompts of traces that nobody opened. */
	async #fetchBody(traceId: string, signal: AbortSignal, isLookedAt = this.store.isPinned(traceId)) {
		const body = await this.#client.trace(traceId, signal);
		if (isLookedAt || body.bytes.length <= SMALL_BYTES) this.#bodies.keep(traceId, body);
		return body;
	}

	async #findSpan(traceId: string, spanId: string, body: Parameters<typeof spanBatches>[0], signal: AbortSignal) {
		for (const { spans } of spanBatches(body, traceId, this.#now(), spanId)) {
			const span = spans.find(({ id }) => id === spanId);
			if (span !== undefined) return { wire: wireTextOf(span), input: spanInputOf(span) };
			if (this.#budget.isSpent) await this.#budget.turn();
			signal.throwIfAborted();
		}
		return undefined;
	}

	#handleUnread(traceId: string, error: unknown): void {
		if (error instanceof SourceError && error.reason === "notFound" && this.#known.isMissing(traceId)) {
			this.#forget(traceId);
			// Where one is gone that came just now, others are: the server lost its data, or has other data.
			this.#isLookDue = true;
			return;
		}
		this.#known.noteFailure(traceId, Date.now());
		if (!isAbortError(error)) this.logger.debug(`${traceId}: ${describeError(error)}`);
	}

	#forget(traceId: string): void {
		this.#known.forget(traceId);
		this.#bodies.forget(traceId);
		this.store.deleteTrace(traceId);
	}

	#now() {
		return { ms: Date.now() + this.#clock.offsetMs, subNs: 0 };
	}
}

const NONE: ReadonlySet<string> = new Set();

function settingsOf({ config }: SourceOptions): TempoSettings | SourceError {
	try {
		return readSettings(config);
	} catch (error) {
		if (error instanceof SourceError) return error;
		throw error;
	}
}

function modeText({ refreshMs }: TempoSettings, isListCut: boolean): string {
	const polling = `polling every ${refreshMs / 1000} s; traces are searchable after some seconds`;
	return isListCut ? `${polling}; more traces came than the server lists, narrow the query` : polling;
}
