import { type Database, readNumber, type Statement } from "./database.ts";

/** One event of the log. */
export interface LoggedEvent {
	readonly id: number;
	/** `kind type \n kind name [\n model]` of the span it is about, null for all other events. */
	readonly facets: string | null;
	/** The message as compact JSON, without line ends. */
	readonly data: string;
}

/** Characters of events that are read in one go, behind the first one. */
const MAX_PORTION_CHARS = 1_000_000;

const LAST_ID_KEY = "last_event_id";

/** Events up to this one tell of traces that have been cleared away since. */
const CLEARED_KEY = "cleared_event_id";

/** Events up to this one have lost their payload. */
const STRIPPED_KEY = "stripped_event_id";

/** What a trace was about, in JSON paths of SQLite; JSON nested deeper than SQLite reads goes whole. */
const STRIPPED_DATA = `CASE WHEN json_valid(data) THEN json_remove(data, '$.span.input', '$.span.output', '$.span.metadata',
	'$.span.kind.attributes', '$.span.kind.input_preview', '$.span.kind.output_preview') ELSE '{"type":"cleared"}' END`;

/**
 * The log of stream events, in the database and transactions of what they report. Ids grow by one, survive restarts and are
 * never given twice, also when the log has been emptied. For use inside the store's transactions, apart from reading.
 */
export class EventLog {
	readonly #database: Database;
	readonly #insert: Statement;
	readonly #after: Statement;
	readonly #oldest: Statement;
	readonly #timeOf: Statement;
	readonly #deleteUpTo: Statement;
	readonly #strip: Statement;
	readonly #save: Statement;
	#lastId: number;
	#committedId: number;
	#pending: LoggedEvent[] = [];
	#listener: ((events: readonly LoggedEvent[]) => void) | undefined;

	constructor(database: Database) {
		this.#database = database;
		this.#insert = database.prepare("INSERT INTO events (id, at_ms, facets, data) VALUES (?, ?, ?, ?)");
		this.#after = database.prepare("SELECT id, facets, data FROM events WHERE id > ? ORDER BY id LIMIT ?");
		this.#oldest = database.prepare("SELECT min(id) AS id FROM events");
		this.#timeOf = database.prepare("SELECT at_ms FROM events WHERE id = ?");
		this.#deleteUpTo = database.prepare(
			"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= ? ORDER BY id LIMIT ?)",
		);
		this.#strip = database.prepare(`UPDATE events SET data = ${STRIPPED_DATA} WHERE id > ? AND id <= ?`);
		this.#save = database.prepare(
			"INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		);
		const newest = readNumber(database, "SELECT max(id) FROM events");
		this.#lastId = Math.max(newest, this.#load(LAST_ID_KEY));
		this.#committedId = this.#lastId;
	}

	/** Id of the newest committed event, 0 before the first one. */
	get latestId(): number {
		return this.#committedId;
	}

	/** Id of the oldest event that can still be replayed; `latestId + 1` when there is none. */
	get oldestId(): number {
		const row = this.#oldest.get();
		return typeof row?.id === "number" ? row.id : this.#committedId + 1;
	}

	/** The one listener that hears of events after their commit, in order. */
	set listener(listener: (events: readonly LoggedEvent[]) => void) {
		this.#listener = listener;
	}

	append(data: string, facets: string | null): void {
		const event = { id: this.#lastId + 1, facets, data };
		this.#insert.run(event.id, Date.now(), facets, data);
		this.#lastId = event.id;
		this.#pending.push(event);
	}

	/** Committed events after `id`, oldest first: at most `limit`, fewer when they are large. None only at the end. */
	after(id: number, limit: number): LoggedEvent[] {
		const events: LoggedEvent[] = [];
		let chars = 0;
		for (const row of this.#after.iterate(id, limit)) {
			const event = row as unknown as LoggedEvent;
			events.push(event);
			chars += event.data.length;
			if (chars > MAX_PORTION_CHARS) break;
		}
		return events;
	}

	/** Id of the newest event from before `beforeMs`; below `oldestId` when there is none. */
	newestBefore(beforeMs: number): number {
		// Ids have no holes and times grow with them, but for a clock that was set back, which shifts the answer a little.
		let low = this.oldestId;
		let high = this.#committedId + 1;
		while (low < high) {
			const middle = Math.floor((low + high) / 2);
			const row = this.#timeOf.get(middle);
			if (row === undefined || Number(row.at_ms) < beforeMs) low = middle + 1;
			else high = middle;
		}
		return low - 1;
	}

	/** Deletes at most `limit` events up to and including `id`, oldest first, and returns how many. */
	deleteUpTo(id: number, limit: number): number {
		// The newest id must outlive its event: the next one counts on from it.
		this.#save.run(LAST_ID_KEY, this.#lastId);
		return Number(this.#deleteUpTo.run(id, limit).changes);
	}

	/**
	 * Appends the event that everything was deleted. What the log holds of it, payloads, is to be deleted as well: by
	 * `stripCleared`, which takes longer than a request should.
	 */
	appendCleared(): void {
		this.append('{"type":"cleared"}', null);
		this.#save.run(CLEARED_KEY, this.#lastId);
	}

	/**
	 * Takes input, output, metadata and attributes out of at most `limit` events from before everything was deleted, so that the
	 * log can still be replayed without holding what a user has thrown away. True when more of them may be left.
	 */
	stripCleared(limit: number): boolean {
		const cleared = this.#load(CLEARED_KEY);
		const from = Math.max(this.#load(STRIPPED_KEY), this.oldestId - 1);
		if (from >= cleared) return false;
		const to = Math.min(cleared, from + limit);
		this.#strip.run(from, to);
		this.#save.run(STRIPPED_KEY, to);
		return true;
	}

	/** Takes note of a commit and tells the listener of what it has appended. */
	didCommit(): void {
		this.#committedId = this.#lastId;
		if (this.#pending.length === 0) return;
		const events = this.#pending;
		this.#pending = [];
		this.#listener?.(events);
	}

	/** Forgets what a transaction that was rolled back left in memory: nobody has heard of its ids. */
	didRollBack(): void {
		this.#pending = [];
		this.#lastId = this.#committedId;
	}

	#load(key: string): number {
		return readNumber(this.#database, `SELECT max(value) FROM meta WHERE key = '${key}'`);
	}
}
