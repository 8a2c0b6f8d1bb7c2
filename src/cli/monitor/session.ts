import { sleep } from "../../base/abort.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import { describeError, silentLogger } from "../../base/logger.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { remoteParts } from "../../model/queryMatch.ts";
import { TraceStore } from "../../model/traceStore.ts";
import type { SourceDefinition } from "../../sources/registry.ts";
import type { Source, SourceStatus } from "../../sources/source.ts";
import type { Style } from "./frame.ts";
import { type Arrangement, type Effect, filterProblem, handleKey, type Key, queryOf } from "./keys.ts";
import { overviewOf } from "./numbers.ts";
import { Prompts } from "./prompts.ts";
import { listRows, type RowsResult } from "./rows.ts";
import { StreamHistory, type StreamStatus } from "./streamStatus.ts";
import type { MonitorView } from "./view.ts";

export interface SessionOptions {
	/** What answers at the address. */
	readonly definition: SourceDefinition;
	/** Base address of the server. */
	readonly url: string;
	/**
	 * Looks for the server again when it does not answer, for one that was found and not named: it may come back at another
	 * address. Resolves with undefined when there is none.
	 */
	readonly findUrl: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
	readonly token: string | undefined;
	/** Distance of two readings while there is no stream. */
	readonly refreshMs: number;
	/** Most rows of the table. */
	readonly limit: number;
	/** A filter that has no problem; empty shows all. */
	readonly filter: string;
}

/** Traces of a snapshot: the table, and what a filter looks through. */
const SNAPSHOT_TRACES = 200;
const MAX_SNAPSHOT_SPANS = 20_000;
const MAX_TRACES = 10_000;
const MAX_SPANS = 250_000;
/** Ids counted as unique. */
const MAX_UNIQUE = 1_000_000;
const COALESCE_MS = 50;
/** Without jitter this makes the waits of `tracellm monitor`: 1, 2, 4, 8, 16, 30, 30 s. Few monitors watch one server. */
const MIN_BACKOFF_MS = 500;
/** A stream that the server refuses needs a person; it is asked again all the same, who knows what they do there. */
const ASK_AGAIN_MS = 30_000;
/** What payloads say can change with each span, so a filter that looks into them asks again, at its leisure. */
const SEARCH_AGAIN_MS = 2000;

/** What was on the screen when the pause began. */
interface Frozen extends RowsResult {
	readonly known: number;
	readonly hasMore: boolean;
	readonly unique: number;
}

/**
 * What the monitor knows: one server, live by its event stream. While the stream is away the traces are read by REST every
 * `refreshMs`, and both meet in one store, so that a trace is there once however it came. Holds the arrangement of the
 * person at the keyboard and says what a frame shows; knows nothing of the terminal.
 */
export class MonitorSession implements Disposable {
	readonly #options: SessionOptions;
	readonly #owned = new DisposableStore();
	readonly #life = new AbortController();
	readonly #onDidChange = this.#owned.add(new Emitter<void>());
	/** Something that a frame shows may have changed. */
	readonly onDidChange = this.#onDidChange.event;
	readonly #store: TraceStore;
	readonly #history: StreamHistory;
	#source: Source;
	#prompts: Prompts;
	/** Ends with the present address. */
	#sourceLife: DisposableStore;
	readonly #unique = new Set<string>();
	#arrangement: Arrangement;
	#notice: { readonly text: string; readonly style: Style } | undefined;
	#result: RowsResult | undefined;
	#frozen: Frozen | undefined;
	readonly #changedSincePause = new Set<string>();
	#found: readonly ReadonlySet<string>[] = [];
	#search: AbortController | undefined;
	#searchTimer: ReturnType<typeof setTimeout> | undefined;
	#hasPolled = false;
	#isPolling = false;

	static async open(options: SessionOptions): Promise<MonitorSession> {
		const store = new TraceStore({ maxSpans: MAX_SPANS, maxTraces: MAX_TRACES, coalesceMs: COALESCE_MS });
		return new MonitorSession(options, store, await makeSource(options, options.url, store));
	}

	private constructor(options: SessionOptions, store: TraceStore, source: Source) {
		this.#options = options;
		const { refreshMs, filter } = options;
		this.#history = new StreamHistory(refreshMs);
		this.#arrangement = {
			filter,
			query: queryOf(filter),
			selected: undefined,
			isPaused: false,
			isHelpShown: false,
			input: undefined,
		};
		this.#store = this.#owned.add(store);
		this.#owned.add(this.#store.onDidChange((changes) => this.#handleChanges(changes)));
		this.#source = source;
		({ prompts: this.#prompts, life: this.#sourceLife } = this.#own(source));
	}

	/** Base address of the server now. */
	get url(): string {
		return this.#source.config.url;
	}

	start(): void {
		this.#source.connect();
		void this.#searchServer();
		// A server that takes the connection and then says nothing has no state of its own: the clock finds it.
		void this.#poll(true);
	}

	dispose(): void {
		this.#life.abort();
		clearTimeout(this.#searchTimer);
		this.#sourceLife.dispose();
		this.#owned.dispose();
	}

	/** Whether what is shown changes with the clock alone: durations of what runs, the time to the next attempt. */
	get isTicking(): boolean {
		if (this.#source.status.state.name !== "open") return true;
		return this.#frozen === undefined && this.#list().rows.some(({ isRunning }) => isRunning);
	}

	/** What a frame shows now. */
	view(nowMs: number): MonitorView {
		const { refreshMs } = this.#options;
		const { filter, selected, isPaused, input, isHelpShown } = this.#arrangement;
		const { status } = this.#source;
		const shown = this.#frozen ?? this.#list();
		if (this.#frozen === undefined) this.#prompts.want(shown.rows.map(({ traceId }) => traceId));
		return {
			url: this.url,
			stream: standIn(status) ?? this.#history.status(nowMs),
			isLive: status.state.name === "open" && status.mode?.isDegraded !== true,
			refreshMs,
			isLoaded: status.isLoaded || this.#hasPolled,
			problem: status.requestError ?? (status.state.name === "failed" ? status.state.message : undefined),
			overview: overviewOf(shown.rows),
			rows: shown.rows,
			prompts: this.#prompts.texts,
			known: this.#frozen?.known ?? this.#store.traceCount,
			hasMore: this.#frozen?.hasMore ?? this.#source.hasMore,
			unique: this.#frozen?.unique ?? this.#unique.size,
			filter,
			matching: shown.matching,
			selected,
			isPaused,
			waiting: this.#changedSincePause.size,
			input: input === undefined ? undefined : { text: input, error: filterProblem(input) },
			notice: this.#notice,
			isHelpShown,
		};
	}

	/** Answers a key; what it asks of the terminal is the result. */
	press(key: Key): Effect {
		this.#notice = undefined;
		const before = this.#arrangement;
		const rows = (this.#frozen ?? this.#list()).rows.map(({ traceId }) => traceId);
		const { arrangement, effect } = handleKey(before, key, rows);
		this.#arrangement = arrangement;
		const isOtherFilter = arrangement.filter !== before.filter;
		if (isOtherFilter) {
			this.#result = undefined;
			this.#found = [];
			void this.#searchServer();
		}
		if (arrangement.isPaused !== before.isPaused) this.#changedSincePause.clear();
		// A filter that is set during a pause shows what there is now, and freezes that.
		if (!arrangement.isPaused) this.#frozen = undefined;
		else if (!before.isPaused || isOtherFilter) this.#freeze();
		if (effect === "reconnect") this.#source.reconnect();
		return effect;
	}

	/** Says something where the state is said, until the next key. */
	say(text: string, style: Style): void {
		this.#notice = { text, style };
		this.#onDidChange.fire();
	}

	get selected(): string | undefined {
		return this.#arrangement.selected;
	}

	/** What lives as long as a source does. */
	#own(source: Source): { readonly prompts: Prompts; readonly life: DisposableStore } {
		const life = new DisposableStore();
		life.add(source);
		life.add(source.onDidChangeStatus((status) => this.#handleStatus(status)));
		const prompts = life.add(new Prompts(source, () => this.#onDidChange.fire()));
		return { prompts, life };
	}

	/** Goes on at another address, when the server that was found has one now. */
	async #followServer(signal: AbortSignal): Promise<void> {
		const url = await this.#options.findUrl?.(signal);
		if (url === undefined || url === this.url) return;
		const source = await makeSource(this.#options, url, this.#store);
		if (signal.aborted) {
			source.dispose();
			return;
		}
		this.#sourceLife.dispose();
		this.#source = source;
		({ prompts: this.#prompts, life: this.#sourceLife } = this.#own(source));
		source.connect();
	}

	#freeze(): void {
		const { hasMore } = this.#source;
		this.#frozen = { ...this.#list(), known: this.#store.traceCount, hasMore, unique: this.#unique.size };
	}

	/** Kept until a trace changes; durations of what runs and filters by time move with the clock. */
	#list(): RowsResult {
		const { query } = this.#arrangement;
		const isKept = this.#result?.rows.some(({ isRunning }) => isRunning) === false && query === undefined;
		if (this.#result !== undefined && isKept) return this.#result;
		this.#result = listRows(this.#store, {
			query,
			found: this.#found,
			limit: this.#options.limit,
			nowMs: Date.now() + this.#source.status.clockOffsetMs,
		});
		return this.#result;
	}

	#handleChanges(changes: ChangeSet): void {
		for (const traceId of changes.changedTraces.keys()) {
			if (this.#unique.size < MAX_UNIQUE) this.#unique.add(traceId);
			if (this.#frozen !== undefined) this.#changedSincePause.add(traceId);
		}
		if (this.#frozen !== undefined) for (const traceId of changes.removedTraceIds) this.#changedSincePause.add(traceId);
		this.#result = undefined;
		this.#searchAgainSoon();
		this.#onDidChange.fire();
	}

	#handleStatus(status: SourceStatus): void {
		this.#history.note(status.state);
		if (status.state.name === "waiting" || status.state.name === "failed") void this.#poll(false);
		this.#onDidChange.fire();
	}

	/** Reads the traces by REST until the stream is open (again). */
	async #poll(isLater: boolean): Promise<void> {
		if (this.#isPolling) return;
		this.#isPolling = true;
		const { refreshMs } = this.#options;
		const { signal } = this.#life;
		let hasFailed = false;
		let askedAtMs = Date.now();
		try {
			if (isLater) await sleep(refreshMs, signal);
			while (this.#source.status.state.name !== "open") {
				const isRead = await this.#read(signal);
				// The server is back: the stream need not wait for the rest of its backoff.
				if (isRead && hasFailed) this.#source.hurry();
				hasFailed = !isRead;
				if (hasFailed) await this.#followServer(signal);
				this.#onDidChange.fire();
				const { state } = this.#source.status;
				if (state.name === "failed" && Date.now() - askedAtMs >= ASK_AGAIN_MS) {
					askedAtMs = Date.now();
					this.#source.reconnect();
				}
				await sleep(refreshMs, signal);
			}
		} catch (error) {
			if (!signal.aborted) throw error;
		} finally {
			this.#isPolling = false;
		}
	}

	/** One reading; why it failed is in the source's status. */
	async #read(signal: AbortSignal): Promise<boolean> {
		try {
			await this.#source.refresh(signal);
			this.#hasPolled = true;
			return true;
		} catch (error) {
			if (signal.aborted) throw error;
			return false;
		}
	}

	#searchAgainSoon(): void {
		const { query } = this.#arrangement;
		if (query === undefined || remoteParts(query).length === 0) return;
		this.#searchTimer ??= setTimeout(() => {
			this.#searchTimer = undefined;
			void this.#searchServer();
		}, SEARCH_AGAIN_MS);
	}

	/** Parts of the filter that payloads decide are asked of the server; a newer filter ends the older search. */
	async #searchServer(): Promise<void> {
		this.#search?.abort();
		const { query } = this.#arrangement;
		const parts = query === undefined ? [] : remoteParts(query);
		if (parts.length === 0) return;
		const search = new AbortController();
		this.#search = search;
		const signal = AbortSignal.any([search.signal, this.#life.signal]);
		try {
			const found = await Promise.all(parts.map((part) => this.#source.searchTraces(part, signal)));
			if (signal.aborted) return;
			this.#found = found;
			this.#result = undefined;
			if (this.#frozen !== undefined) this.#freeze();
			this.#onDidChange.fire();
		} catch (error) {
			if (signal.aborted) return;
			this.say(`The server could not search payloads, only names were searched: ${describeError(error)}`, "warning");
		}
	}
}

/** A source that reads in place of its stream, in its own words: "Unavailable, polling MongoDB every 2 s". */
function standIn({ state, mode }: SourceStatus): StreamStatus | undefined {
	if (state.name !== "open" || mode?.isDegraded !== true) return undefined;
	const [word, ...detail] = mode.text.split(", ");
	return { word, style: "warning", detail: detail.join(", ") };
}

/** The adapter of an address. It fills the one store, so that what is on the screen stays when the address changes. */
async function makeSource(options: SessionOptions, url: string, store: TraceStore): Promise<Source> {
	const { definition, token, limit, refreshMs } = options;
	return await definition.create({
		config: {
			id: "monitor",
			name: "monitor",
			type: definition.type,
			url,
			options: definition.type === "tracellm" ? { refreshSeconds: refreshMs / 1000 } : undefined,
		},
		logger: silentLogger,
		fetch: (input, init) => globalThis.fetch(input, init),
		store,
		getToken: async () => token,
		minBackoffMs: MIN_BACKOFF_MS,
		random: () => 1,
		snapshotTraces: Math.max(SNAPSHOT_TRACES, limit),
		maxSnapshotSpans: MAX_SNAPSHOT_SPANS,
	});
}
