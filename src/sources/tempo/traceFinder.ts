import { differenceNs, type Timestamp } from "../../base/timestamp.ts";
import { SourceError } from "../source.ts";
import type { ClockOffset } from "../traceway/clockOffset.ts";
import type { KnownTraces } from "./knownTraces.ts";
import type { SearchRow } from "./searchAnswer.ts";
import type { TempoClient } from "./tempoClient.ts";
import { sessionQuery } from "./traceql.ts";
import { type SearchWindow, searchWindows } from "./windows.ts";

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
/** Most traces that one look takes in, so that a busy server does not keep it from ever ending. */
const MAX_FOUND = 20_000;

/** Traces of what was received lately that are asked for: any, so those that came late are among them on quiet servers only. */
const LATE_LIMIT = 2000;

export interface TraceFinderOptions {
	readonly client: TempoClient;
	readonly clock: ClockOffset;
	readonly known: KnownTraces;
	/** Newest traces of the first look. */
	readonly snapshotTraces: number;
	/** How far the first look goes back. */
	readonly historySeconds: number;
	/** Traces that were news, while watching. */
	readonly onNews: (traces: number) => void;
}

export interface Look {
	/** What it finds was there before; nothing of it is announced as new. */
	readonly isHistory: boolean;
	readonly signal: AbortSignal;
	readonly onAnswer?: (() => void) | undefined;
}

/**
 * Finds traces by searches over ranges of time: a look back at first and after each time without connection, polls that overlap
 * meanwhile, older ranges on demand. What it finds goes to `KnownTraces`, which knows what of it is news.
 */
export class TraceFinder {
	readonly #options: TraceFinderOptions;
	#polls = 0;
	#isCut = false;
	/** Server's time in seconds of the last look or poll that went to its end. */
	#lookedAt: number | undefined;
	/** Everything later has been looked for; seconds. */
	#historyFrom: number | undefined;

	constructor(options: TraceFinderOptions) {
		this.#options = options;
	}

	/** False before the first look has gone to its end. */
	get isLoaded(): boolean {
		return this.#lookedAt !== undefined;
	}

	/** Whether the server had more traces than it lists, the last time. */
	get isCut(): boolean {
		return this.#isCut;
	}

	get hasMore(): boolean {
		return this.#historyFrom !== undefined && this.#historyFrom > this.#now() - MAX_AGE_SECONDS;
	}

	/** The last so many seconds. */
	recent(seconds: number): SearchWindow {
		const { to } = this.#present();
		return { from: to - seconds, to };
	}

	/**
	 * Looks at the newest traces: the first time as many as a snapshot has, later at least at everything since the last look. What
	 * should have been found and was not is asked for by its id, as a search alone proves nothing.
	 */
	async look({ isHistory, signal, onAnswer }: Look): Promise<void> {
		const { known, snapshotTraces, historySeconds } = this.#options;
		const isFirst = !this.isLoaded;
		const startedAt = this.#now();
		const { to, behind } = this.#present();
		const history = isFirst ? to - historySeconds : Math.min(this.#historyFrom ?? to, to - 1);
		const since = isFirst ? to : (this.#lookedAt ?? to) - OVERLAP_SECONDS - behind;
		const found = new Set<string>();
		let isCut = false;
		let from = to;
		let seconds = FIRST_PART_SECONDS + behind;
		const isEnough = () => found.size >= MAX_FOUND || (found.size >= snapshotTraces && from <= since);
		for (;;) {
			// Where there is nothing at all, it may be older: the few searches of nothing cost little.
			const oldest = isFirst && found.size === 0 ? startedAt - MAX_AGE_SECONDS : history;
			if (from <= oldest || isEnough()) break;
			const range = { from: Math.max(oldest, from - seconds), to: from };
			for await (const part of this.#search(range, signal, onAnswer)) {
				this.#take(part.rows, isHistory);
				for (const row of part.rows) found.add(row.traceId);
				from = part.from;
				if (!part.isComplete) isCut = true;
				if (isEnough()) break;
			}
			seconds = Math.min(LONGEST_PART_SECONDS, seconds * 2);
		}
		signal.throwIfAborted();
		this.#isCut = isCut;
		this.#historyFrom = Math.min(this.#historyFrom ?? from, from);
		this.#lookedAt = startedAt;
		if (!isFirst) known.check({ from, to }, found, MAX_MISSING, true);
	}

	/** Asks for what is new since the last look, and now and then for what came late. */
	async poll(signal: AbortSignal, onAnswer: () => void): Promise<void> {
		const { client, known } = this.#options;
		const startedAt = this.#now();
		const { to, behind } = this.#present();
		const from = (this.#lookedAt ?? startedAt) - OVERLAP_SECONDS - behind;
		let isCut = false;
		const found = new Set<string>();
		for await (const part of this.#search({ from, to }, signal, onAnswer)) {
			this.#take(part.rows, false);
			for (const row of part.rows) found.add(row.traceId);
			if (found.size >= MAX_FOUND || !part.isComplete) isCut = true;
			if (found.size >= MAX_FOUND) break;
		}
		if (++this.#polls % LATE_EVERY === 0) {
			const { answer } = await client.search(undefined, LATE_LIMIT, signal);
			if (answer !== "rangeTooLong") this.#take(answer.rows, false);
		}
		this.#isCut = isCut;
		this.#lookedAt = startedAt;
		if (!isCut) known.check({ from, to }, found, MAX_MISSING_OF_POLL, false);
		known.readOpen(Date.now());
	}

	/** Looks further back, until there is something or nothing can be. */
	async older(signal: AbortSignal): Promise<void> {
		const oldest = this.#now() - MAX_AGE_SECONDS;
		let found = 0;
		let seconds = FIRST_PART_SECONDS * 4;
		while (this.#historyFrom !== undefined && this.#historyFrom > oldest && found < MORE_TRACES) {
			const to = this.#historyFrom;
			for await (const part of this.#search({ from: Math.max(oldest, to - seconds), to }, signal)) {
				found += this.#options.known.take(part.rows, true).added;
				this.#historyFrom = part.from;
				if (found >= MORE_TRACES) break;
			}
			seconds = Math.min(LONGEST_PART_SECONDS, seconds * 2);
		}
	}

	/** Ids of the traces of a session, oldest first: of a week, or of as long as was looked back. */
	async session(sessionId: string, signal: AbortSignal): Promise<readonly string[]> {
		const { to: now } = this.#present();
		const from = Math.min(this.#historyFrom ?? now, now - LONGEST_PART_SECONDS);
		const query = sessionQuery(sessionId);
		const found = new Map<string, Timestamp>();
		for (let to = now; to > from && found.size < SESSION_LIMIT; to -= LONGEST_PART_SECONDS) {
			const range = { from: Math.max(from, to - LONGEST_PART_SECONDS), to };
			for await (const part of this.#search(range, signal, undefined, query)) {
				for (const row of part.rows) found.set(row.traceId, row.start);
			}
		}
		if (found.size === 0) {
			throw new SourceError("notFound", "Tempo has no trace of this session in the time looked at");
		}
		return [...found].sort((a, b) => differenceNs(a[1], b[1])).map(([traceId]) => traceId);
	}

	#search(range: SearchWindow, signal: AbortSignal, onAnswer?: () => void, query?: string) {
		return searchWindows(async (window, limit) => {
			const answer = await this.#options.client.search(window, limit, signal, query);
			onAnswer?.();
			return answer;
		}, range);
	}

	#take(rows: readonly SearchRow[], isHistory: boolean): void {
		const { changed } = this.#options.known.take(rows, isHistory);
		if (!isHistory && changed > 0) this.#options.onNews(changed);
	}

	/** Until when to search, and how far the clocks of server and client are apart, in seconds. */
	#present(): { readonly to: number; readonly behind: number } {
		const skew = Math.ceil(Math.min(MAX_SKEW_MS, Math.abs(this.#options.clock.offsetMs)) / 1000);
		return { to: Math.max(Math.floor(Date.now() / 1000), this.#now()) + AHEAD_SECONDS, behind: skew };
	}

	/** By the server's clock, in seconds. */
	#now(): number {
		const offsetMs = Math.max(-MAX_SKEW_MS, Math.min(MAX_SKEW_MS, this.#options.clock.offsetMs));
		return Math.floor((Date.now() + offsetMs) / 1000);
	}
}
