import { type Database, readNumber, type Statement } from "./database.ts";

/** A span that waits for its place in the indexes. */
interface Waiting {
	readonly seq: number;
	readonly traceRef: number;
	/** The span of the same id that came before it and waits, too. */
	readonly older: Waiting | undefined;
}

/** Replaced as a whole, so that a rollback is a step back. */
interface Counters {
	/** Row number of the newest span. */
	readonly lastSeq: number;
	/** The indexes hold every span up to this one. */
	readonly indexedSeq: number;
}

/** Spans that may wait; reading by trace costs so much at most, and random pages of the index are then written once for many. */
const MAX_WAITING = 16_384;

/**
 * For a connection that may not write, on a disk where the index by trace could not be brought up to date: a view of its name
 * that adds what waits, in the memory of the connection.
 */
export const INDEX_IN_MEMORY = `
CREATE TEMP TABLE waiting_spans (trace, start_ms, start_sub, seq, PRIMARY KEY (trace, start_ms, start_sub, seq)) WITHOUT ROWID;
INSERT INTO waiting_spans SELECT trace, start_ms, start_sub, seq FROM spans
	WHERE seq > coalesce((SELECT value FROM meta WHERE key = 'indexed_seq'), 0);
CREATE TEMP VIEW trace_spans AS SELECT trace, start_ms, start_sub, seq FROM main.trace_spans
	UNION ALL SELECT trace, start_ms, start_sub, seq FROM waiting_spans;
`;

/**
 * The indexes of spans by id and by trace, which are brought up to date in bulk. Ids that wait are found in memory; reading by
 * trace has to wait for `update`. For use inside the store's transactions only, apart from `find`.
 */
export class SpanIndexes {
	readonly #byId: Statement;
	readonly #inTrace: Statement;
	readonly #addIds: Statement;
	readonly #addTraces: Statement;
	readonly #deleteId: Statement;
	readonly #deleteTrace: Statement;
	readonly #save: Statement;
	readonly #database: Database;
	#waiting = new Map<string, Waiting>();
	#counters: Counters;
	/** The same as of the last commit. */
	#committed: Counters;

	constructor(database: Database) {
		this.#database = database;
		this.#byId = database.prepare("SELECT seq FROM span_ids WHERE id = ? ORDER BY seq DESC");
		this.#inTrace = database.prepare(
			"SELECT s.seq FROM span_ids x CROSS JOIN spans s ON s.seq = x.seq WHERE x.id = ? AND s.trace = ?",
		);
		this.#addIds = database.prepare(
			"INSERT INTO span_ids (id, seq) SELECT id, seq FROM spans WHERE seq > ? AND seq <= ? ORDER BY id, seq",
		);
		this.#addTraces = database.prepare(
			`INSERT INTO trace_spans (trace, start_ms, start_sub, seq)
			SELECT trace, start_ms, start_sub, seq FROM spans WHERE seq > ? AND seq <= ?
			ORDER BY trace, start_ms, start_sub, seq`,
		);
		this.#deleteId = database.prepare("DELETE FROM span_ids WHERE id = ? AND seq = ?");
		this.#deleteTrace = database.prepare(
			"DELETE FROM trace_spans WHERE trace = ? AND start_ms = ? AND start_sub = ? AND seq = ?",
		);
		this.#save = database.prepare(
			"INSERT INTO meta (key, value) VALUES ('indexed_seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		);
		const indexedSeq = readNumber(database, "SELECT max(value) FROM meta WHERE key = 'indexed_seq'");
		// The newest spans may have been deleted; their numbers are never used again, or nobody would index the new ones.
		const lastSeq = Math.max(indexedSeq, readNumber(database, "SELECT max(seq) FROM spans"));
		this.#counters = { lastSeq, indexedSeq };
		this.#committed = this.#counters;
		this.#readWaiting();
	}

	get lastSeq(): number {
		return this.#counters.lastSeq;
	}

	/** False when the index by trace lags behind. */
	get isUpToDate(): boolean {
		return this.#counters.indexedSeq === this.#counters.lastSeq;
	}

	/** Row numbers of the spans of this id, the newest first; some may have been deleted with their trace. */
	*find(id: string): Generator<number> {
		for (let waiting = this.#waiting.get(id); waiting !== undefined; waiting = waiting.older) yield waiting.seq;
		for (const row of this.#byId.iterate(id)) yield Number(row.seq);
	}

	/** True when a trace, of which no span is older than `firstSeq`, has a span of this id. */
	has(id: string, traceRef: number, firstSeq: number): boolean {
		for (let waiting = this.#waiting.get(id); waiting !== undefined; waiting = waiting.older) {
			if (waiting.traceRef === traceRef) return true;
		}
		return firstSeq <= this.#counters.indexedSeq && this.#inTrace.get(id, traceRef) !== undefined;
	}

	/** Takes note of a new span and returns its row number. */
	add(id: string, traceRef: number): number {
		const seq = this.#counters.lastSeq + 1;
		this.#waiting.set(id, { seq, traceRef, older: this.#waiting.get(id) });
		this.#counters = { ...this.#counters, lastSeq: seq };
		return seq;
	}

	/** Deletes a span from both; they must be up to date. */
	delete(id: string, seq: number, traceRef: number, startMs: number, startSub: number): void {
		this.#deleteId.run(id, seq);
		this.#deleteTrace.run(traceRef, startMs, startSub, seq);
	}

	/** Brings both indexes up to date. */
	update(): void {
		const { lastSeq, indexedSeq } = this.#counters;
		if (indexedSeq === lastSeq) return;
		this.#addIds.run(indexedSeq, lastSeq);
		this.#addTraces.run(indexedSeq, lastSeq);
		this.#save.run(lastSeq);
		this.#waiting = new Map();
		this.#counters = { lastSeq, indexedSeq: lastSeq };
	}

	updateIfMany(): void {
		if (this.#counters.lastSeq - this.#counters.indexedSeq >= MAX_WAITING) this.update();
	}

	didCommit(): void {
		this.#committed = this.#counters;
	}

	/** To be called after the rollback. */
	didRollBack(): void {
		const isChanged = this.#counters !== this.#committed;
		this.#counters = this.#committed;
		if (isChanged) this.#readWaiting();
	}

	#readWaiting(): void {
		this.#waiting = new Map();
		const { indexedSeq, lastSeq } = this.#counters;
		const rows = this.#database
			.prepare("SELECT seq, id, trace FROM spans WHERE seq > ? AND seq <= ? ORDER BY seq")
			.iterate(indexedSeq, lastSeq);
		for (const row of rows) {
			const id = String(row.id);
			this.#waiting.set(id, { seq: Number(row.seq), traceRef: Number(row.trace), older: this.#waiting.get(id) });
		}
	}
}
