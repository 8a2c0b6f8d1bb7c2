import { readFile } from "node:fs/promises";
import { describeError } from "../../base/logger.ts";
import type { SpanDetail } from "../../model/span.ts";
import { type ConnectionAttempt, type ConnectionEnd, ConnectionLoop } from "../../stream/connectionLoop.ts";
import { TurnBudget } from "../../stream/turnBudget.ts";
import { BaseSource, connectionEnd } from "../baseSource.ts";
import {
	type Source,
	type SourceCapabilities,
	SourceError,
	type SourceOptions,
	type SourceStatus,
	type TraceHits,
	type TraceTextSearch,
} from "../source.ts";
import { ClockOffset } from "../traceway/clockOffset.ts";
import { filterKey, readSettings, type TraceFilter } from "./filter.ts";
import { GraphqlClient } from "./graphqlClient.ts";
import { LiveFeed } from "./liveFeed.ts";
import { LiveSocket } from "./liveSocket.ts";
import { Operations } from "./operations.ts";
import { CloudgridProblem } from "./problem.ts";
import { SpanReader } from "./spanReader.ts";
import { TraceHistory } from "./traceHistory.ts";

const DEFAULT_WATCHDOG_MS = 45_000;
/** Rest before the list is read again after a gap, and so the least distance of two such readings. */
const DOUBT_MS = 500;
/** Longest wait before the list is asked for again, unless the server names a time. */
const MAX_LIST_RETRY_MS = 30_000;

/** A CloudGrid server. Throws nothing: settings that make no sense show as `failed` once connected. */
export function createCloudgridSource(options: SourceOptions): CloudgridSource {
	return new CloudgridSource(options);
}

/**
 * A CloudGrid server: live by its subscription `liveTraces`, which tells of traces without their spans and repeats nothing;
 * history, and whatever was missed, by its query `traces`; spans by `trace(id)` when somebody opens one.
 */
export class CloudgridSource extends BaseSource implements Source {
	readonly capabilities: SourceCapabilities = {
		replay: false,
		delete: false,
		filters: false,
		sessions: false,
		files: false,
	};
	readonly #clock = new ClockOffset();
	readonly #client: GraphqlClient;
	readonly #operations = new Operations();
	readonly #history: TraceHistory;
	readonly #spans: SpanReader;
	readonly #loop: ConnectionLoop;
	readonly #leastWatchdogMs: number;
	#filter: TraceFilter = {};
	/** Why the settings cannot be used. */
	#settingsError: SourceError | undefined;
	#feed: LiveFeed | undefined;
	/** Readings of the list, one after the other. */
	#readings: Promise<unknown> = Promise.resolve();
	#doubtTimer: ReturnType<typeof setTimeout> | undefined;
	/** Why the list could not be read, until it can. */
	#listError: string | undefined;
	#listFailures = 0;
	#isLoaded = false;
	#received = 0;
	#recovered = 0;
	#undecodable = 0;
	#gaps = 0;

	constructor(options: SourceOptions) {
		super(options);
		const { config, logger, fetch, getToken } = options;
		let heartbeatSeconds: number | undefined;
		try {
			({ filter: this.#filter, heartbeatSeconds } = readSettings(config.options));
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			this.#settingsError = error;
		}
		this.#leastWatchdogMs = Math.max(options.watchdogMs ?? DEFAULT_WATCHDOG_MS, 3000 * (heartbeatSeconds ?? 0));
		this.#client = new GraphqlClient({
			url: config.url,
			fetch,
			getToken,
			logger,
			onAnswer: (headers, requestedAtMs, answeredAtMs) => {
				this.#clock.note(headers.get("date"), requestedAtMs, answeredAtMs);
			},
		});
		const shared = { client: this.#client, operations: this.#operations, store: this.store };
		this.#spans = this.owned.add(
			new SpanReader({
				...shared,
				budget: this.owned.add(new TurnBudget()),
				logger,
				signal: this.life.signal,
				request: (work) => this.request(this.life.signal, work),
			}),
		);
		this.#history = new TraceHistory({
			...shared,
			traces: options.snapshotTraces ?? 500,
			onChanged: (traceId) => this.#spans.noteChanged(traceId),
			onUndecodable: (count) => this.#countUndecodable(count),
		});
		this.#loop = this.owned.add(
			new ConnectionLoop({
				name: "live",
				run: (attempt) => this.#run(attempt),
				judge: connectionEnd,
				watchdogMs: this.#leastWatchdogMs,
				minBackoffMs: options.minBackoffMs,
				random: options.random,
				logger,
			}),
		);
		this.owned.add(
			this.#loop.onDidChangeState((state) => {
				if (state.name !== "open") this.#forgetDoubt();
				this.announce();
			}),
		);
	}

	get status(): SourceStatus {
		return {
			state: this.#loop.state,
			isLoaded: this.#isLoaded,
			lastByteAtMs: this.#loop.lastByteAtMs,
			lastEventId: undefined,
			received: this.#received,
			replayed: 0,
			recovered: this.#recovered,
			unknownEvents: 0,
			undecodable: this.#undecodable,
			clockOffsetMs: this.#clock.offsetMs,
			...this.baseStatus,
			...(this.#listError === undefined ? undefined : { requestError: this.#listError }),
			watchdogMs: this.#loop.watchdogMs,
		};
	}

	/** How often the numbers of live events had a gap, for which the list was read again. */
	get gaps(): number {
		return this.#gaps;
	}

	protected override get connection() {
		return this.#loop;
	}

	/**
	 * Shows other traces from now on. What is here stays; the new subscription starts before the old one is stopped, of which no
	 * further event is applied.
	 */
	setFilter(filter: TraceFilter): void {
		if (filterKey(filter) === filterKey(this.#filter)) return;
		this.#filter = filter;
		this.#feed?.subscribe(filter);
	}

	override get hasMore(): boolean {
		return this.#history.hasMore;
	}

	async refresh(signal: AbortSignal): Promise<void> {
		await this.request(signal, (both) => this.#sync(both));
	}

	override async loadMore(signal: AbortSignal): Promise<boolean> {
		await this.request(signal, (both) => this.#exclusive(both, () => this.#history.readOlder(this.#filter, both)));
		return this.hasMore;
	}

	async loadTrace(traceId: string, signal: AbortSignal): Promise<void> {
		await this.request(signal, (both) => this.#spans.load(traceId, both));
	}

	async loadSpan(traceId: string, spanId: string, signal: AbortSignal, maxBytes?: number): Promise<SpanDetail> {
		return await this.request(signal, (both) => this.#spans.loadSpan(traceId, spanId, maxBytes, both));
	}

	override async *searchTrace(
		traceId: string,
		{ text, isCaseSensitive }: TraceTextSearch,
		signal: AbortSignal,
	): AsyncGenerator<TraceHits> {
		// Its search says nothing of case.
		if (isCaseSensitive) yield* super.searchTrace(traceId, { text, isCaseSensitive }, signal);
		const spanIds = await this.request(signal, (both) => this.#spans.search(traceId, text, both));
		yield { spanIds, isEverywhere: false };
	}

	async #run(attempt: ConnectionAttempt): Promise<void> {
		if (this.#settingsError !== undefined) throw this.#settingsError;
		const url = this.#client.webSocketUrl;
		const { caFile } = this.config;
		const [token, ca] = await Promise.all([this.#client.token(), caFile === undefined ? undefined : readCa(caFile)]);
		if (attempt.isOver) return;
		const { hide } = this.#client;
		const socket = new LiveSocket({ url, token, ca, hide, onMessage: () => attempt.heard() });
		const over = new Promise<void>((resolve) => {
			attempt.signal.addEventListener("abort", () => resolve(), { once: true });
		});
		this.#loop.watchdogMs = this.#leastWatchdogMs;
		const feed = new LiveFeed({
			attempt,
			socket,
			operations: this.#operations,
			history: this.#history,
			loop: this.#loop,
			logger: this.logger,
			watchdogMs: this.#leastWatchdogMs,
			isKnown: (traceId) => this.store.entry(traceId) !== undefined,
			onLive: () => void this.#recover(attempt),
			onDoubt: (why) => this.#doubt(attempt, why),
			onApplied: () => {
				this.#received++;
				this.announceSoon();
			},
			onUndecodable: () => this.#countUndecodable(1),
		});
		this.#feed = feed;
		feed.subscribe(this.#filter);
		const { reconcileMs = 0 } = this.options;
		const reconcile = reconcileMs > 0 ? setInterval(() => void this.#recover(attempt), reconcileMs) : undefined;
		await over;
		clearInterval(reconcile);
		if (this.#feed === feed) this.#feed = undefined;
		socket.close();
	}

	/**
	 * Reads what happened before the subscription, or between its events. While the list cannot be read Live goes on, which says
	 * so and asks again; only what needs a person ends it.
	 */
	async #recover(attempt: ConnectionAttempt): Promise<void> {
		const isFirst = !this.#isLoaded;
		try {
			const changed = await this.request(attempt.signal, (both) => this.#sync(both));
			attempt.proved();
			if (!isFirst) this.#recovered += changed;
			this.announceSoon();
		} catch (error) {
			if (attempt.isOver) return;
			const end = endOfReading(error);
			if (end.isFinal) {
				attempt.end(end);
				return;
			}
			this.#listError = end.message;
			const { minBackoffMs = 500 } = this.options;
			const delayMs = Math.min(MAX_LIST_RETRY_MS, minBackoffMs * 2 ** Math.min(++this.#listFailures, 20));
			this.#recoverLater(attempt, Math.max(delayMs, end.askedMs ?? 0));
			this.announce();
		}
	}

	/** Reads the list again, after a rest that gathers what else is missing. */
	#doubt(attempt: ConnectionAttempt, why: "gap" | "filter"): void {
		if (why === "gap") this.#gaps++;
		this.#recoverLater(attempt, DOUBT_MS);
	}

	#recoverLater(attempt: ConnectionAttempt, delayMs: number): void {
		this.#doubtTimer ??= setTimeout(() => {
			this.#doubtTimer = undefined;
			void this.#recover(attempt);
		}, delayMs);
	}

	#forgetDoubt(): void {
		clearTimeout(this.#doubtTimer);
		this.#doubtTimer = undefined;
	}

	#sync(signal: AbortSignal): Promise<number> {
		return this.#exclusive(signal, async () => {
			const filter = this.#filter;
			const changed = await this.#history.sync(filter, signal);
			const isNews = !this.#isLoaded || this.#listError !== undefined;
			this.#isLoaded = true;
			this.#listError = undefined;
			this.#listFailures = 0;
			if (isNews) this.announce();
			return changed;
		});
	}

	/** Runs one reading of the list after the other. */
	async #exclusive<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		const before = this.#readings;
		const mine = before.then(() => {
			signal.throwIfAborted();
			return work();
		});
		// Whoever comes next waits for the end of this one, whatever it is; its failure is the caller's.
		this.#readings = mine.catch(() => undefined);
		return await mine;
	}

	#countUndecodable(count: number): void {
		this.#undecodable += count;
		this.announceSoon();
	}
}

/** How bad a list is that could not be read: the server answered a moment ago, so what is garbled may pass. */
function endOfReading(error: unknown): ConnectionEnd {
	const end = connectionEnd(error);
	if (error instanceof CloudgridProblem) return { ...end, isFinal: !error.isRetryable };
	return { ...end, isFinal: end.reason === "unauthorized" || end.reason === "forbidden" };
}

async function readCa(caFile: string): Promise<string> {
	try {
		return await readFile(caFile, "utf8");
	} catch (error) {
		throw new SourceError("protocol", `cannot use the CA file ${caFile}: ${describeError(error)}`, { cause: error });
	}
}
