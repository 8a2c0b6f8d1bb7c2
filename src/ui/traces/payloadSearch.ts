import { isAbortError } from "../../base/abort.ts";
import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { Query } from "../../model/query.ts";
import { remoteParts } from "../../model/queryMatch.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";

const SEARCH_AGAIN_MS = 2_000;

export interface PayloadSearchEvents {
	/** Trace ids for each of the query's remote parts, in their order. */
	readonly onFound: (found: readonly ReadonlySet<string>[]) => void;
	/** The server could not search; why, in one line. */
	readonly onProblem: (message: string) => void;
}

/** Has the server search for the parts of a filter that payloads decide; a newer question ends the older one. */
export class PayloadSearch implements Disposable {
	readonly #logger: Logger;
	readonly #events: PayloadSearchEvents;
	#abort: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#connection: SourceConnection | undefined;
	#query: Query | undefined;

	constructor(logger: Logger, events: PayloadSearchEvents) {
		this.#logger = logger;
		this.#events = events;
	}

	/** Asks for another filter, or of another connection. Nothing is found, and nothing told, where the store knows all. */
	start(connection: SourceConnection | undefined, query: Query | undefined): void {
		this.#abort?.abort();
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#connection = connection;
		this.#query = query;
		void this.#search();
	}

	/** What a payload says can change with each span, so the same is asked again, at its leisure. */
	againSoon(): void {
		if (this.#query === undefined || remoteParts(this.#query).length === 0) return;
		this.#timer ??= setTimeout(() => {
			this.#timer = undefined;
			void this.#search();
		}, SEARCH_AGAIN_MS);
	}

	dispose(): void {
		this.start(undefined, undefined);
	}

	async #search(): Promise<void> {
		this.#abort?.abort();
		const connection = this.#connection;
		const parts = this.#query === undefined ? [] : remoteParts(this.#query);
		if (connection === undefined || parts.length === 0) return;
		const abort = new AbortController();
		this.#abort = abort;
		try {
			const source = await connection.whenSource(abort.signal);
			const found = await Promise.all(parts.map((part) => source.searchTraces(part, abort.signal)));
			if (!abort.signal.aborted) this.#events.onFound(found);
		} catch (error) {
			if (abort.signal.aborted || isAbortError(error)) return;
			const message = describeError(error);
			this.#logger.warn(`search at the server failed: ${message}`);
			this.#events.onProblem(message);
		}
	}
}
