import { isAbortError } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { HostToWaterfall } from "../../protocol/messages.ts";
import { SourceError, type TraceHits, type TraceTextSearch } from "../../sources/source.ts";

type Hits = Extract<HostToWaterfall, { readonly type: "search/hits" }>;

/** Ordinals of one message: 200 kB. */
const HITS_PER_MESSAGE = 50_000;
/** The first hits go at once, then there are at most 20 messages a second. */
const POST_MS = 50;
/** Spans that come while a search is open are searched again after this rest, and after so many times what it took. */
const REST_MS = 1000;
const REST_TIMES = 10;

export interface SearchHost {
	/** Spans of the shown trace, in pieces. */
	readonly search: (search: TraceTextSearch, signal: AbortSignal) => AsyncIterable<TraceHits>;
	/** Undefined for a span that is not here. */
	readonly ordinalOf: (spanId: string) => number | undefined;
	readonly post: (hits: Hits) => void;
	readonly logger: Logger;
}

/**
 * The search in the texts of the trace that a panel shows, by its source: a newer one ends the older one. While it is open it
 * is done again, with rests, when spans have changed; hits are only ever added, because spans do not lose text.
 */
export class OpenSearch implements Disposable {
	readonly #host: SearchHost;
	#wanted: (TraceTextSearch & { readonly searchId: number }) | undefined;
	#running: AbortController | undefined;
	/** Ordinals that the page has been told. */
	#told = new Set<number>();
	#isStale = false;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** Of the monotonic clock. */
	#notBeforeMs = 0;

	constructor(host: SearchHost) {
		this.#host = host;
	}

	/** Searches for another text. */
	begin(searchId: number, text: string, isCaseSensitive: boolean): void {
		this.end();
		this.#wanted = { searchId, text, isCaseSensitive };
		void this.#run();
	}

	end(): void {
		this.#running?.abort();
		this.#running = undefined;
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#wanted = undefined;
		this.#told = new Set();
		this.#isStale = false;
	}

	/** Spans came or changed. */
	handleChange(): void {
		if (this.#wanted === undefined) return;
		this.#isStale = true;
		if (this.#running === undefined) this.#runLater();
	}

	dispose(): void {
		this.end();
	}

	#runLater(): void {
		this.#timer ??= setTimeout(
			() => {
				this.#timer = undefined;
				void this.#run();
			},
			Math.max(0, this.#notBeforeMs - performance.now()),
		);
	}

	/** Never rejects. */
	async #run(): Promise<void> {
		const wanted = this.#wanted;
		if (wanted === undefined) return;
		this.#isStale = false;
		const abort = new AbortController();
		this.#running = abort;
		const beganMs = performance.now();
		const last = await this.#search(wanted, abort.signal);
		if (this.#running !== abort) return;
		this.#running = undefined;
		const tookMs = performance.now() - beganMs;
		this.#notBeforeMs = performance.now() + Math.max(REST_MS, REST_TIMES * tookMs);
		this.#host.post({ type: "search/hits", searchId: wanted.searchId, isDone: true, ...last });
		// A server without search gets none by waiting.
		if (last.problem === "unsupported") this.#wanted = undefined;
		else if (this.#isStale) this.#runLater();
	}

	/** Tells new hits as they come; returns what the last message says. */
	async #search(
		wanted: TraceTextSearch & { readonly searchId: number },
		signal: AbortSignal,
	): Promise<Pick<Hits, "ordinals" | "problem" | "message">> {
		const { searchId } = wanted;
		let found: number[] = [];
		let toldMs = Number.NEGATIVE_INFINITY;
		const tell = (): void => {
			while (found.length > 0) {
				const ordinals = Uint32Array.from(found.slice(0, HITS_PER_MESSAGE));
				found = found.slice(HITS_PER_MESSAGE);
				this.#host.post({ type: "search/hits", searchId, ordinals, isDone: false, problem: undefined });
			}
			toldMs = performance.now();
		};
		const ordinals = new Uint32Array(0);
		let isEverywhere = true;
		try {
			for await (const hits of this.#host.search(wanted, signal)) {
				if (signal.aborted) break;
				isEverywhere &&= hits.isEverywhere;
				for (const id of hits.spanIds) {
					const ordinal = this.#host.ordinalOf(id);
					if (ordinal === undefined || this.#told.has(ordinal)) continue;
					this.#told.add(ordinal);
					found.push(ordinal);
				}
				if (performance.now() - toldMs >= POST_MS) tell();
			}
			if (!signal.aborted) tell();
			return { ordinals, problem: isEverywhere ? undefined : "payloadsOnly" };
		} catch (error) {
			if (signal.aborted || isAbortError(error)) return { ordinals, problem: undefined };
			tell();
			if (error instanceof SourceError && error.reason === "unsupported") return { ordinals, problem: "unsupported" };
			this.#host.logger.warn(`the search in a trace failed: ${describeError(error)}`);
			return { ordinals, problem: "failed", message: describeError(error) };
		}
	}
}
