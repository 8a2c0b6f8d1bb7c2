import { sleep } from "../../base/abort.ts";
import { parsedJson } from "../../model/messageShapes.ts";
import type { Overview, OverviewRange } from "../../model/overview.ts";
import type { ListedSession } from "../../model/sessionSummary.ts";
import type { SpanDetail } from "../../model/span.ts";
import { TraceStore } from "../../model/traceStore.ts";
import { type ConnectionAttempt, ConnectionLoop } from "../../stream/connectionLoop.ts";
import type { ConnectionState } from "../../stream/connectionState.ts";
import { TurnBudget } from "../../stream/turnBudget.ts";
import { BaseSource, connectionEnd } from "../baseSource.ts";
import { JsonClient } from "../jsonClient.ts";
import {
	type SessionQuery,
	type Source,
	type SourceCapabilities,
	SourceError,
	type SourceMode,
	type SourceOptions,
	type SourceStatus,
	type TraceHits,
	type TraceTextSearch,
} from "../source.ts";
import { ClockOffset } from "../traceway/clockOffset.ts";
import { asObject, type JsonObject } from "../wire.ts";
import { decodeSessionSpans, decodeSessions, parseExact } from "./decode.ts";
import { LiveSessions } from "./liveSessions.ts";
import { pollMsOf, RANGE_MARGIN_MS, RANGE_MS, RANGES, type Range, rangeOf } from "./options.ts";
import { type CallAddress, decodeOverview } from "./overview.ts";
import { inTurns, SessionReads } from "./sessionReads.ts";
import { listedSessions } from "./sessions.ts";

export interface TraceExplorerOptions extends SourceOptions {
	/** Distance of two lists. Default: `options.refreshSeconds` of the configuration, else 2 seconds. */
	readonly pollMs?: number | undefined;
	/** Streams at once. Default 8. */
	readonly maxStreams?: number | undefined;
}

/** A session is gone when it is missing for so many lists, 20 s: the backend may answer from its cache for that long. */
const GONE_AFTER_LISTS = 10;
/** The backend fetches every trace of the range from its Tempo before it answers. */
const LIST_TIMEOUT_MS = 60_000;
const MAX_LIST_BYTES = 16 * 1024 * 1024;
const MAX_OVERVIEW_BYTES = 4 * 1024 * 1024;
/** A stream that broke may mean that the server is gone: the next list comes at once, but not more often than this. */
const MIN_POLL_MS = 100;
/** Begins the id of a call that the overview names by its start only. */
const BY_START = "start:";

/** A Trace Explorer. Throws nothing: an address or an option that cannot be used shows as `failed` once connected. */
export function createTraceExplorerSource(options: TraceExplorerOptions): Source {
	return new TraceExplorerSource(options);
}

/**
 * Trace Explorer: its list of sessions by polling, its open sessions by a stream each, its closed ones when they are opened.
 * `LiveSessions` says why a session is a trace of ours.
 */
class TraceExplorerSource extends BaseSource {
	readonly capabilities: SourceCapabilities = {
		replay: false,
		delete: false,
		filters: false,
		sessions: true,
		files: false,
	};
	readonly #clock = new ClockOffset();
	readonly #client: JsonClient;
	readonly #loop: ConnectionLoop;
	readonly #reads: SessionReads;
	readonly #sessions: LiveSessions;
	readonly #budget = this.owned.add(new TurnBudget());
	readonly #range: Range | SourceError;
	readonly #pollMs: number | SourceError;
	#isLoaded = false;
	#hasAll = false;
	/** The connection was lost since the newest list. */
	#isAfterLoss = false;
	#undecodable = 0;
	/** Lists asked for, and the newest that was taken in: an older one that answers late is left. */
	#listsAsked = 0;
	#listTaken = 0;
	#wake: (() => void) | undefined;

	constructor(options: TraceExplorerOptions) {
		super(options);
		const { config, fetch, logger, getToken, minBackoffMs, random, watchdogMs } = options;
		this.#range = rangeOf(config.options?.range);
		this.#pollMs = options.pollMs ?? pollMsOf(config.options?.refreshSeconds);
		this.#hasAll = this.#range === "all";
		this.#client = new JsonClient({
			url: config.url,
			backend: "a Trace Explorer",
			fetch,
			getToken,
			logger,
			onAnswer: (headers, requestedAtMs, answeredAtMs) => {
				this.#clock.note(headers.get("date"), requestedAtMs, answeredAtMs);
			},
		});
		this.#reads = this.owned.add(new SessionReads(this.#client, this.#budget));
		this.#sessions = this.owned.add(
			new LiveSessions({
				store: this.store,
				client: this.#client,
				reads: this.#reads,
				budget: this.#budget,
				fetch,
				logger,
				watchdogMs,
				minBackoffMs,
				random,
				maxStreams: options.maxStreams,
				serverNowMs: () => this.#serverNowMs(),
				onHeard: () => this.#attempt?.heard(),
				onLost: () => this.#wake?.(),
				onProgress: () => this.announceSoon(),
			}),
		);
		this.#loop = this.owned.add(
			new ConnectionLoop({
				name: "list",
				run: (attempt) => this.#poll(attempt),
				judge: connectionEnd,
				watchdogMs,
				minBackoffMs,
				random,
				connectTimeoutMs: LIST_TIMEOUT_MS,
				logger,
			}),
		);
		this.owned.add(this.#loop.onDidChangeState((state) => this.#handleState(state)));
	}

	#attempt: ConnectionAttempt | undefined;

	get status(): SourceStatus {
		const { received, recovered, undecodable } = this.#sessions.counters;
		const { requestError, watchdogMs } = this.baseStatus;
		return {
			state: this.#loop.state,
			isLoaded: this.#isLoaded,
			lastByteAtMs: this.#loop.lastByteAtMs,
			lastEventId: undefined,
			watchdogMs,
			received,
			replayed: 0,
			recovered,
			unknownEvents: 0,
			undecodable: undecodable + this.#undecodable,
			clockOffsetMs: this.#clock.offsetMs,
			requestError: requestError ?? this.#sessions.trouble,
			mode: this.#mode,
		};
	}

	get #mode(): SourceMode | undefined {
		if (this.#pollMs instanceof SourceError) return undefined;
		const every = `every ${this.#pollMs / 1000} s`;
		if (this.#sessions.isStreamless) return { text: `polling ${every}`, isDegraded: true };
		const count = this.#sessions.streamCount;
		return { text: `sessions listed ${every}${count === 0 ? "" : `, ${count} streamed`}`, isDegraded: false };
	}

	protected override get connection() {
		return this.#loop;
	}

	override reconnect(): void {
		this.#sessions.pause();
		super.reconnect();
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await this.request(signal, (both) => this.#takeList(both, 0));
		this.#sessions.readPinned();
	}

	override get hasMore(): boolean {
		return this.#isLoaded && !this.#hasAll;
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		if (this.#hasAll) return false;
		await this.request(signal, (both) => this.#takeAll(both));
		return false;
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, (both) => this.#sessions.load(traceId, both));
	}

	override async listSessions(query: SessionQuery, signal: AbortSignal): Promise<readonly ListedSession[]> {
		const agoMs = query.sinceMs === undefined ? Number.POSITIVE_INFINITY : this.#serverNowMs() - query.sinceMs;
		// Clocks that differ by some seconds must not ask for a whole day more.
		const range = RANGES.find((one) => RANGE_MS[one] + RANGE_MARGIN_MS >= agoMs) ?? "all";
		return await this.request(signal, async (both) => listedSessions((await this.#getList(range, both)).rows, query));
	}

	override async listSession(sessionId: string, signal: AbortSignal): Promise<readonly string[]> {
		if (!this.#sessions.isListed(sessionId)) await this.loadTrace(sessionId, signal);
		return [sessionId];
	}

	async loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail> {
		return await this.request(signal, async (both) => {
			const { objects } = await this.#reads.read(traceId, both);
			const raw = spanId.startsWith(BY_START)
				? [...objects.values()].find(({ start_ns }) => String(start_ns) === spanId.slice(BY_START.length))
				: objects.get(spanId);
			if (raw === undefined) throw new SourceError("notFound", "the server no longer has this span");
			if (maxBytes !== undefined && JSON.stringify(raw).length > maxBytes) {
				throw new SourceError("tooLarge", `the span has more than ${Math.round(maxBytes / 1024)} KiB`);
			}
			return await this.#detailOf(traceId, raw);
		});
	}

	async #detailOf(traceId: string, raw: JsonObject): Promise<SpanDetail> {
		const decoded = await inTurns(decodeSessionSpans(traceId, [raw]), this.#budget, this.life.signal);
		const [alone] = decoded?.spans ?? [];
		if (alone === undefined) throw new SourceError("protocol", "the span cannot be shown");
		let summary = this.store.span(traceId, alone.spanId);
		if (summary === undefined) {
			// Not taken in (yet), or kept out by the bound: shown all the same.
			const store = new TraceStore();
			store.upsertSpan(alone);
			summary = store.span(traceId, alone.spanId);
			store.dispose();
		}
		if (summary === undefined) throw new SourceError("protocol", "the span cannot be shown");
		const attributes = asObject(raw.attributes) ?? {};
		const { "input.value": input, "tool.parameters": parameters, "output.value": output, ...rest } = attributes;
		return {
			summary,
			raw,
			input: contentOf(input ?? parameters),
			output: contentOf(output),
			// What is input or output stands there, unless both are.
			attributes: input === undefined || parameters === undefined ? rest : { ...rest, "tool.parameters": parameters },
		};
	}

	/** The backend has no search, but its spans come with all their texts. */
	override async *searchTrace(
		traceId: string,
		search: TraceTextSearch,
		signal: AbortSignal,
	): AsyncGenerator<TraceHits> {
		const { objects, decoded } = await this.request(signal, (both) => this.#reads.read(traceId, both));
		const { text, isCaseSensitive } = search;
		const needle = isCaseSensitive ? text : text.toLowerCase();
		let spanIds: string[] = [];
		for (const { spanId } of decoded.spans) {
			const object = objects.get(spanId) ?? {};
			const haystack = textOf(object);
			if ((isCaseSensitive ? haystack : haystack.toLowerCase()).includes(needle)) spanIds.push(spanId);
			if (!this.#budget.isSpent) continue;
			yield { spanIds, isEverywhere: true };
			spanIds = [];
			await this.#budget.turn();
			signal.throwIfAborted();
		}
		yield { spanIds, isEverywhere: true };
	}

	override async loadOverview(range: OverviewRange, signal: AbortSignal): Promise<Overview> {
		if (range === "7d") throw new SourceError("unsupported", `${this.config.name} counts no seven days`);
		return await this.request(signal, async (both) => {
			const { value } = await this.#client.get("/api/overview", {
				query: { range },
				parse: parseExact,
				timeoutMs: LIST_TIMEOUT_MS,
				maxBytes: MAX_OVERVIEW_BYTES,
				signal: both,
			});
			const overview = decodeOverview(value, range, (call) => this.#spanIdOf(call));
			if (overview === undefined) throw new SourceError("protocol", "GET /api/overview: the answer is no overview");
			return overview;
		});
	}

	/** Where the session is here its span, else a name by which `loadSpan` finds it. */
	#spanIdOf({ sessionId, start, isModelCall }: CallAddress): string {
		const { columns: c } = this.store;
		for (const row of start === undefined ? [] : (this.store.entry(sessionId)?.rows ?? [])) {
			if (c.startMs[row] !== start?.ms || c.startSubNs[row] !== start.subNs) continue;
			if ((this.store.kindTypeOf(row) === "llm_call") === isModelCall) return c.ids[row];
		}
		return start === undefined ? BY_START : `${BY_START}${start.ms}${String(start.subNs).padStart(6, "0")}`;
	}

	#serverNowMs(): number {
		return Date.now() + this.#clock.offsetMs;
	}

	/** One connection: a list, and another, until one fails. */
	async #poll(attempt: ConnectionAttempt): Promise<void> {
		if (this.#range instanceof SourceError) throw this.#range;
		if (this.#pollMs instanceof SourceError) throw this.#pollMs;
		this.#attempt = attempt;
		for (;;) {
			await this.#takeList(attempt.signal, GONE_AFTER_LISTS * this.#pollMs, attempt.signal);
			if (attempt.isOver) return;
			attempt.opened();
			attempt.heard();
			const awake = new AbortController();
			this.#wake = () => awake.abort();
			const atMs = Date.now();
			await sleep(this.#pollMs, AbortSignal.any([attempt.signal, awake.signal])).catch(() => undefined);
			this.#wake = undefined;
			await sleep(Math.max(0, Math.min(MIN_POLL_MS, this.#pollMs) - (Date.now() - atMs)), attempt.signal);
		}
	}

	/** Reads the list and brings everything to it. `connection` lives as long as its streams may. */
	async #takeList(signal: AbortSignal, goneAfterMs: number, connection?: AbortSignal): Promise<void> {
		if (this.#range instanceof SourceError) throw this.#range;
		const number = ++this.#listsAsked;
		const { rows, undecodable } = await this.#getList(this.#range, signal);
		if (number < this.#listTaken || this.owned.isDisposed) return;
		this.#listTaken = number;
		if (undecodable > 0 && this.#undecodable === 0) {
			this.logger.warn(`GET /api/sessions: ${undecodable} of ${undecodable + rows.length} sessions cannot be read`);
		}
		this.#undecodable = undecodable;
		const how = { isFirst: !this.#isLoaded, isAfterLoss: this.#isAfterLoss, isPart: false };
		this.#sessions.applyRows(rows, how, connection);
		const sinceMs = this.#serverNowMs() - RANGE_MS[this.#range] + RANGE_MARGIN_MS;
		this.#sessions.dropMissing(new Set(rows.map(({ sessionId }) => sessionId)), sinceMs, goneAfterMs);
		if (connection !== undefined) this.#isAfterLoss = false;
		if (this.#isLoaded) return;
		// Nothing of late: what is older is what there is to see.
		if (rows.length === 0) await this.#takeAll(signal);
		this.#isLoaded = true;
		this.announceSoon();
	}

	/** The wire has no pages: what is older than the range is all the rest. */
	async #takeAll(signal: AbortSignal): Promise<void> {
		if (this.#hasAll) return;
		const { rows } = await this.#getList("all", signal);
		this.#sessions.applyRows(rows, { isFirst: false, isAfterLoss: false, isPart: true }, undefined);
		this.#hasAll = true;
	}

	async #getList(range: Range, signal: AbortSignal) {
		const options = { query: { range }, parse: parseExact, timeoutMs: LIST_TIMEOUT_MS, maxBytes: MAX_LIST_BYTES };
		const { value } = await this.#client.get("/api/sessions", { ...options, signal });
		const list = decodeSessions(value);
		if (list === undefined) {
			throw new SourceError(
				"protocol",
				"GET /api/sessions: the answer is no list of sessions; is this the address of a Trace Explorer?",
			);
		}
		return list;
	}

	#handleState(state: ConnectionState): void {
		switch (state.name) {
			case "connecting":
			case "open":
				break;
			case "waiting":
				this.#isAfterLoss = true;
				// A backend whose Tempo fails answers all the same: its streams tell when it is back.
				if (state.reason !== "serverError" && state.reason !== "rateLimited") this.#sessions.pause();
				break;
			default:
				this.#isAfterLoss = true;
				this.#sessions.pause();
		}
		this.announce();
	}
}

/** Input or output: JSON in a string is what it says, unless numbers in it would lose digits. */
function contentOf(value: unknown): unknown {
	if (value === null) return undefined;
	return typeof value === "string" && /\d{16}/.test(value) ? value : parsedJson(value);
}

/** Everything that a span says, a line each. */
function textOf(span: JsonObject): string {
	const attributes = Object.entries(asObject(span.attributes) ?? {})
		.filter(([, value]) => value !== null)
		.map(([key, value]) => `${key}: ${String(value)}`);
	return [span.span_name, span.span_id, span.trace_id, ...attributes].join("\n");
}
