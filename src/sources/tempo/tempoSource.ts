import { isAbortError, sleep } from "../../base/abort.ts";
import { describeError } from "../../base/logger.ts";
import { differenceNs, type Timestamp } from "../../base/timestamp.ts";
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
import { sessionQuery } from "./traceql.ts";
import { TraceReads } from "./traceReads.ts";
import { MAX_LIMIT, searchWindows } from "./windows.ts";

/** A Grafana Tempo. Throws nothing: what cannot be used of its configuration shows as `failed` once connected. */
export function createTempoSource(options: SourceOptions): Source {
	return new TempoSource(options);
}

/** A poll looks back so far behind the one before: spans are searchable only some seconds after they came. */
const OVERLAP_SECONDS = 120;
/** Clocks of programs go ahead of ours. */
const AHEAD_SECONDS = 60;
/** Every so many polls all that the server received lately is asked for, whatever times its spans say. */
const LATE_EVERY = 6;
/** The first part of a look back, and the longest; each is twice as long as the one before. */
const FIRST_PART_SECONDS = 15 * 60;
const LONGEST_PART_SECONDS = 7 * 24 * 3600;
/** Older traces are not looked for: Tempo keeps two weeks of them unless told otherwise. */
const MAX_AGE_SECONDS = 31 * 24 * 3600;
/** A server's clock that is further away is not followed. */
const MAX_SKEW_MS = 24 * 3600 * 1000;
/** Traces of a session that are asked for. */
const SESSION_LIMIT = 1000;
/** Traces of one piece of an older list. */
const MORE_TRACES = 100;
/** Traces whose absence is proved by asking for them, in one look and in one poll. */
const MAX_MISSING = 100;
const MAX_MISSING_OF_POLL = 10;
/** How far back values for filters are looked for. */
const VALUES_SECONDS = 6 * 3600;
/** Most traces that one look takes in, so that a busy server does not keep it from ever ending. */
const MAX_FOUND = 20_000;

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
	readonly #snapshotTraces: number;
	#isLoaded = false;
	#received = 0;
	#recovered = 0;
	#undecodable = 0;
	/** Whether what is read now makes up for a time without connection. */
	#isRecovering = false;
	#isListCut = false;
	/** Whether the next poll looks at everything again. */
	#isLookDue = false;
	#polls = 0;
	/** Server's time in seconds of the last look that went to its end. */
	#lookedAt: number | undefined;
	/** Everything later has been looked for; seconds. Undefined before the first snapshot. */
	#historyFrom: number | undefined;

	constructor(options: SourceOptions) {
		super(options);
		this.#settings = settingsOf(options);
		const settings = this.#settings instanceof SourceError ? undefined : this.#settings;
		this.#snapshotTraces = options.snapshotTraces ?? 500;
		const { minBackoffMs = 500, random = Math.random, logger, store } = { ...options, store: this.store };
		this.#client = new TempoClient(options, settings, this.#clock);
		this.#known = new KnownTraces({
			store,
			maxReadSpans: options.maxSnapshotSpans ?? 100_000,
			read: (traceId, isUrgent) => this.#reads.request(traceId, isUrgent),
			isReading: (traceId) => this.#reads.has(traceId),
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
			isLoaded: this.#isLoaded,
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
					: { text: modeText(settings, this.#isListCut), isDegraded: this.#isListCut },
		};
	}

	connect(): void {
		this.#loop.connect();
	}

	reconnect(): void {
		this.#loop.reconnect();
	}

	hurry(): void {
		this.#loop.hurry();
	}

	disconnect(): void {
		this.#loop.disconnect();
	}

	override dispose(): void {
		super.dispose();
		this.#bodies.clear();
	}

	override get hasMore(): boolean {
		return this.#historyFrom !== undefined && this.#historyFrom > this.#nowSeconds() - MAX_AGE_SECONDS;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await this.request(signal, async (both) => {
			await this.#look(this.#checkedSettings(), { isHistory: true, isFirst: !this.#isLoaded, signal: both });
			await this.#reads.drained(both);
		});
		this.store.flush();
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		if (!this.hasMore) return false;
		await this.#ask(signal, async (both) => {
			const oldest = this.#nowSeconds() - MAX_AGE_SECONDS;
			let found = 0;
			let seconds = FIRST_PART_SECONDS * 4;
			while (this.#historyFrom !== undefined && this.#historyFrom > oldest && found < MORE_TRACES) {
				const to = this.#historyFrom;
				const range = { from: Math.max(oldest, to - seconds), to };
				for await (const part of searchWindows((window, limit) => this.#client.search(window, limit, both), range)) {
					found += this.#known.take(part.rows, true).added;
					this.#historyFrom = part.from;
					if (found >= MORE_TRACES) break;
				}
				seconds = Math.min(LONGEST_PART_SECONDS, seconds * 2);
			}
			this.store.flush();
		});
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
		return await this.#ask(signal, async (both) => {
			const now = this.#nowSeconds() + AHEAD_SECONDS;
			const from = Math.min(this.#historyFrom ?? now, now - LONGEST_PART_SECONDS);
			const found = new Map<string, Timestamp>();
			const query = sessionQuery(sessionId);
			for (let to = now; to > from && found.size < SESSION_LIMIT; to -= LONGEST_PART_SECONDS) {
				const range = { from: Math.max(from, to - LONGEST_PART_SECONDS), to };
				const search = (window: typeof range, limit: number) => this.#client.search(window, limit, both, query);
				for await (const part of searchWindows(search, range)) {
					for (const row of part.rows) found.set(row.traceId, row.start);
				}
			}
			if (found.size === 0)
				throw new SourceError("notFound", "Tempo has no trace of this session in the time looked at");
			return [...found].sort((a, b) => differenceNs(a[1], b[1])).map(([traceId]) => traceId);
		});
	}

	override async *searchTrace(
		traceId: string,
		search: TraceTextSearch,
		signal: AbortSignal,
	): AsyncGenerator<TraceHits> {
		const both = AbortSignal.any([signal, this.life.signal]);
		const body = this.#bodies.get(traceId) ?? (await this.#ask(signal, () => this.#fetchBody(traceId, both, true)));
		for (const { spans } of spanBatches(body, traceId, this.#now())) {
			const spanIds = spans.filter((span) => holdsText(wireSpanOf(wireTextOf(span)), search)).map(({ id }) => id);
			if (spanIds.length > 0) yield { spanIds, isEverywhere: true };
			if (this.#budget.isSpent) await this.#budget.turn();
			both.throwIfAborted();
		}
	}

	async loadQueryValues(signal: AbortSignal): Promise<QueryValues> {
		const to = this.#nowSeconds() + AHEAD_SECONDS;
		return await this.#ask(signal, (both) => loadTagValues(this.#client, { from: to - VALUES_SECONDS, to }, both));
	}

	/** Throws what is wrong with the options. */
	#checkedSettings(): TempoSettings {
		if (this.#settings instanceof SourceError) throw this.#settings;
		return this.#settings;
	}

	/** A request, unless the options make no sense. */
	#ask<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		return this.request(signal, async (both) => {
			this.#checkedSettings();
			return await work(both);
		});
	}

	/** One connection: a look at what there is, then polls until something fails. */
	async #run(attempt: ConnectionAttempt): Promise<void> {
		const settings = this.#checkedSettings();
		const { signal } = attempt;
		const isFirst = !this.#isLoaded;
		this.#isRecovering = !isFirst;
		await this.#look(settings, {
			isHistory: isFirst,
			isFirst,
			signal,
			onAnswer: () => {
				attempt.opened();
				attempt.heard();
			},
		});
		// It answers: what failed before is over.
		await this.request(signal, async () => undefined);
		for (;;) {
			await sleep(settings.refreshMs, signal);
			this.#isRecovering = false;
			const onAnswer = () => attempt.heard();
			if (this.#isLookDue) {
				this.#isLookDue = false;
				await this.#look(settings, { isHistory: false, isFirst: false, signal, onAnswer });
			} else await this.#poll(signal, onAnswer);
			attempt.proved();
			this.announceSoon();
		}
	}

	/**
	 * Looks at the newest traces: the first time as many as a snapshot has, later at least at everything since the last look. What
	 * should have been found and was not is asked for by its id, as a search alone proves nothing.
	 */
	async #look(
		settings: TempoSettings,
		options: {
			readonly isHistory: boolean;
			readonly isFirst: boolean;
			readonly signal: AbortSignal;
			readonly onAnswer?: () => void;
		},
	): Promise<void> {
		const { isHistory, isFirst, signal, onAnswer } = options;
		const startedAt = this.#nowSeconds();
		const { to, behind } = this.#present();
		const history = isFirst ? to - settings.historySeconds : Math.min(this.#historyFrom ?? to, to - 1);
		const since = isFirst ? to : (this.#lookedAt ?? to) - OVERLAP_SECONDS - behind;
		const search = async (window: { from: number; to: number }, limit: number) => {
			const found = await this.#client.search(window, limit, signal);
			onAnswer?.();
			return found;
		};
		const found = new Set<string>();
		let isCut = false;
		let from = to;
		let seconds = FIRST_PART_SECONDS + behind;
		const isEnough = () => found.size >= MAX_FOUND || (found.size >= this.#snapshotTraces && from <= since);
		for (;;) {
			// Where there is nothing at all, it may be older: the few searches of nothing cost little.
			const oldest = isFirst && found.size === 0 ? startedAt - MAX_AGE_SECONDS : history;
			if (from <= oldest || isEnough()) break;
			const range = { from: Math.max(oldest, from - seconds), to: from };
			for await (const part of searchWindows(search, range)) {
				this.#takeRows(part.rows, isHistory);
				for (const row of part.rows) found.add(row.traceId);
				from = part.from;
				if (!part.isComplete) isCut = true;
				if (isEnough()) break;
			}
			seconds = Math.min(LONGEST_PART_SECONDS, seconds * 2);
		}
		signal.throwIfAborted();
		this.#isListCut = isCut;
		this.#historyFrom = Math.min(this.#historyFrom ?? from, from);
		this.#lookedAt = startedAt;
		this.#isLoaded = true;
		if (!isFirst) this.#known.check({ from, to }, found, MAX_MISSING, true);
		this.announce();
	}

	/** Asks for what is new since the last look, and now and then for what came late. */
	async #poll(signal: AbortSignal, onAnswer: () => void): Promise<void> {
		const startedAt = this.#nowSeconds();
		const { to, behind } = this.#present();
		const from = (this.#lookedAt ?? startedAt) - OVERLAP_SECONDS - behind;
		let isCut = false;
		const found = new Set<string>();
		for await (const part of searchWindows((window, limit) => this.#client.search(window, limit, signal), {
			from,
			to,
		})) {
			onAnswer();
			this.#takeRows(part.rows, false);
			for (const row of part.rows) found.add(row.traceId);
			if (!part.isComplete) isCut = true;
			if (found.size >= MAX_FOUND) {
				isCut = true;
				break;
			}
		}
		if (++this.#polls % LATE_EVERY === 0) {
			const { answer } = await this.#client.search(undefined, MAX_LIMIT, signal);
			if (answer !== "rangeTooLong") this.#takeRows(answer.rows, false);
		}
		this.#isListCut = isCut;
		this.#lookedAt = startedAt;
		if (!isCut) this.#known.check({ from, to }, found, MAX_MISSING_OF_POLL, false);
		this.#known.readOpen(Date.now());
	}

	#takeRows(rows: Parameters<KnownTraces["take"]>[0], isHistory: boolean): void {
		const { changed } = this.#known.take(rows, isHistory);
		if (!isHistory && !this.#isRecovering) this.#received += changed;
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

	/** Kept where somebody looks at the trace. */
	async #fetchBody(traceId: string, signal: AbortSignal, isLookedAt = this.store.isPinned(traceId)) {
		const body = await this.#client.trace(traceId, signal);
		if (isLookedAt) this.#bodies.keep(traceId, body);
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

	/** Until when to search, and how far the clocks of server and client are apart, in seconds. */
	#present(): { readonly to: number; readonly behind: number } {
		const skew = Math.ceil(Math.min(MAX_SKEW_MS, Math.abs(this.#clock.offsetMs)) / 1000);
		const ours = Math.floor(Date.now() / 1000);
		return { to: Math.max(ours, this.#nowSeconds()) + AHEAD_SECONDS, behind: skew };
	}

	#nowSeconds(): number {
		const offsetMs = Math.max(-MAX_SKEW_MS, Math.min(MAX_SKEW_MS, this.#clock.offsetMs));
		return Math.floor((Date.now() + offsetMs) / 1000);
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
