import { randomUUID } from "node:crypto";
import { SpanStateCode } from "../../model/span.ts";
import type { SpanRow } from "../../otlp/spanRow.ts";
import { kindText, toldText } from "../../otlp/spanText.ts";
import { ArrayStatement, type Database, readNumber, type Statement } from "./database.ts";
import { PAYLOAD_JOINS, SPAN_COLUMNS, spanRow } from "./reader.ts";
import { asBegun, asDeleted } from "./wireText.ts";

/** One event of the log. */
export interface LoggedEvent {
	readonly id: number;
	/** `kind type \n kind name [\n model]` of the span it is about, null for all other events. */
	readonly facets: string | null;
	/** The message as compact JSON, without line ends. */
	readonly data: string;
}

/** Codes of the events that tell of a span, whose text is written from its row. All others have their text in the log. */
export const SpanEventCode = { created: 1, completed: 2, failed: 3 } as const;

const SPAN_EVENT_TYPES = ["", "span_created", "span_completed", "span_failed"] as const;

/**
 * Columns of a span as its event tells of it: what its end has brought is not even read for the event of its beginning. A trace
 * that is being deleted bit by bit has left the table of traces already.
 */
const TOLD_COLUMNS = [
	["s.status", "status", String(SpanStateCode.running)],
	["s.error", "error", "NULL"],
	["s.end_ms", "endMs", "NULL"],
	["s.end_sub", "endSub", "NULL"],
	["s.duration_ms", "durationMs", "NULL"],
	["p.output", "outputJson", "NULL"],
].reduce(
	(columns, [column, name, begun]) =>
		columns.replace(
			new RegExp(`${column}( AS ${name})?,`),
			`iif(e.type = ${SpanEventCode.created}, ${begun}, ${column}) AS ${name},`,
		),
	SPAN_COLUMNS.replace("t.id", "coalesce(t.id, d.id)"),
);

/** Characters of events that are read in one go, behind the first one. */
const MAX_PORTION_CHARS = 1_000_000;

const LAST_ID_KEY = "last_event_id";

/**
 * The log of stream events, in the database and transactions of what they report. Ids grow by one, survive restarts and are
 * never given twice, also when the log has been emptied. What a span event says is in the span's row: it is written when it
 * is read, and so costs a few bytes a span. For use inside the store's transactions, apart from reading.
 */
export class EventLog {
	readonly #insertText: Statement;
	readonly #insertSpan: Statement;
	readonly #insertNew: Statement;
	readonly #after: ArrayStatement;
	readonly #oldest: Statement;
	readonly #timeOf: Statement;
	readonly #deleteUpTo: Statement;
	readonly #setData: Statement;
	readonly #save: Statement;
	#lastId: number;
	#committedId: number;
	#pending: LoggedEvent[] = [];
	/** Row numbers of new spans whose events are not written yet; 0 is none. */
	#newFrom = 0;
	#newTo = 0;
	#listener: ((events: readonly LoggedEvent[]) => void) | undefined;

	/** Which log this is: new with each new database. */
	readonly logId: string;

	/** False while nobody listens: then the texts of events are not even written. */
	isWatched = true;

	constructor(database: Database) {
		this.#insertText = database.prepare("INSERT INTO events (id, at_ms, type, facets, data) VALUES (?, ?, 0, ?, ?)");
		this.#insertSpan = database.prepare("INSERT INTO events (id, at_ms, type, seq) VALUES (?, ?, ?, ?)");
		this.#insertNew = database.prepare(
			`INSERT INTO events (id, at_ms, type, seq)
			SELECT coalesce(created_event, ended_event), ?, CASE WHEN created_event IS NOT NULL THEN ${SpanEventCode.created}
				WHEN status = ${SpanStateCode.failed} THEN ${SpanEventCode.failed} ELSE ${SpanEventCode.completed} END, seq
			FROM spans WHERE seq BETWEEN ? AND ? ORDER BY seq`,
		);
		this.#after = new ArrayStatement(
			database,
			`SELECT e.id AS eventId, e.type, e.facets, e.data, ${TOLD_COLUMNS}
			FROM events e LEFT JOIN spans s ON s.seq = e.seq LEFT JOIN traces t ON t.ref = s.trace
			LEFT JOIN doomed d ON d.ref = s.trace ${PAYLOAD_JOINS} WHERE e.id > ? ORDER BY e.id LIMIT ?`,
		);
		this.#oldest = database.prepare("SELECT min(id) AS id FROM events");
		this.#timeOf = database.prepare("SELECT at_ms FROM events WHERE id = ?");
		this.#deleteUpTo = database.prepare(
			"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= ? ORDER BY id LIMIT ?)",
		);
		this.#setData = database.prepare("UPDATE events SET type = ?, facets = ?, data = ? WHERE id = ?");
		this.#save = database.prepare(
			"INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		);
		database.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('log_id', ?)").run(randomUUID());
		this.logId = String(database.prepare("SELECT value FROM meta WHERE key = 'log_id'").get()?.value);
		const newest = readNumber(database, "SELECT max(id) FROM events");
		const saved = readNumber(database, `SELECT max(value) FROM meta WHERE key = '${LAST_ID_KEY}'`);
		this.#lastId = Math.max(newest, saved);
		this.#committedId = this.#lastId;
	}

	/** Id of the newest committed event, 0 before the first one. */
	get latestId(): number {
		return this.#committedId;
	}

	/** Id that the next event will get. */
	get nextId(): number {
		return this.#lastId + 1;
	}

	/** Id of the oldest event that can still be replayed; `latestId + 1` when there is none. */
	get oldestId(): number {
		const row = this.#oldest.get();
		return typeof row?.id === "number" ? row.id : this.#committedId + 1;
	}

	/** The one listener that hears of events when their commit is on the disk, in order, while `isWatched`. */
	set listener(listener: (events: readonly LoggedEvent[]) => void) {
		this.#listener = listener;
	}

	/** Appends an event whose text the log keeps. */
	append(data: string, facets: string | null = null): void {
		const id = ++this.#lastId;
		this.#insertText.run(id, Date.now(), facets, data);
		if (this.isWatched) this.#pending.push({ id, facets, data });
	}

	/** Appends an event about a span that has changed; `row` is asked for what it says if somebody listens. */
	appendSpan(code: number, seq: number, row: () => SpanRow): void {
		const id = ++this.#lastId;
		this.#insertSpan.run(id, Date.now(), code, seq);
		if (this.isWatched) this.#pending.push(spanEvent(id, code, row()));
	}

	/** The same about a new span, whose row names the event already: those of a transaction are written in one go (`flush`). */
	appendNew(code: number, seq: number, row: () => SpanRow): void {
		const id = ++this.#lastId;
		if (this.#newFrom === 0) this.#newFrom = seq;
		this.#newTo = seq;
		if (this.isWatched) this.#pending.push(spanEvent(id, code, row()));
	}

	/** Writes the events of new spans. */
	flush(): void {
		if (this.#newFrom === 0) return;
		this.#insertNew.run(Date.now(), this.#newFrom, this.#newTo);
		this.#newFrom = 0;
	}

	/** The event of id `createdEvent` told of a span whose kind is now replaced: keeps what it said. */
	keepKind(createdEvent: number, row: SpanRow): void {
		this.flush();
		this.#setData.run(SpanEventCode.created, null, kindText(row, row.attributesJson), createdEvent);
	}

	/** The span of these events is being deleted: they keep its bare outline, without anything that a user wrote. */
	keepOutline(createdEvent: number | null, endedEvent: number | null, row: SpanRow): void {
		this.flush();
		const outline = asDeleted(row);
		if (createdEvent !== null) this.#keep(spanEvent(createdEvent, SpanEventCode.created, asBegun(outline)));
		if (endedEvent !== null) {
			const code = row.error === null ? SpanEventCode.completed : SpanEventCode.failed;
			this.#keep(spanEvent(endedEvent, code, outline));
		}
	}

	/** Committed events after `id`, oldest first: at most `limit`, fewer when they are large. None only at the end. */
	after(id: number, limit: number): LoggedEvent[] {
		const events: LoggedEvent[] = [];
		let chars = 0;
		for (const values of this.#after.iterate(id, limit)) {
			const [eventId, type, facets, data] = values as readonly [number, number, string | null, string | null];
			const event =
				type === 0
					? { id: eventId, facets, data: data ?? "" }
					: // Of a span event the data are the kind that its span began with, if that was replaced.
						toldEvent(eventId, type, withKind(spanRow(values, 4), data));
			events.push(event);
			chars += event.data.length;
			if (chars > MAX_PORTION_CHARS) break;
		}
		return events;
	}

	/** Id of the newest event from before a time (milliseconds since the epoch); 0 or the id before the oldest if none is. */
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

	/** Takes note of a commit. */
	didCommit(): void {
		this.#committedId = this.#lastId;
	}

	/** What was appended by the last commit and is to be published. */
	takeCommitted(): readonly LoggedEvent[] {
		const events = this.#pending;
		this.#pending = [];
		return events;
	}

	/** Tells the listener of committed events. */
	publish(events: readonly LoggedEvent[]): void {
		if (events.length > 0) this.#listener?.(events);
	}

	/** Forgets what a transaction that was rolled back left in memory: nobody has heard of its ids. */
	didRollBack(): void {
		this.#pending = [];
		this.#newFrom = 0;
		this.#lastId = this.#committedId;
	}

	#keep(event: LoggedEvent): void {
		this.#setData.run(0, event.facets, event.data, event.id);
	}
}

function spanEvent(id: number, code: number, row: SpanRow): LoggedEvent {
	return toldEvent(id, code, code === SpanEventCode.created ? asBegun(row) : row);
}

/** `row` is what the event says. */
function toldEvent(id: number, code: number, row: SpanRow): LoggedEvent {
	const { kindType, kindName, model } = row;
	const facets = model === null ? `${kindType}\n${kindName}` : `${kindType}\n${kindName}\n${model}`;
	return { id, facets, data: `{"type":"${SPAN_EVENT_TYPES[code]}","span":${toldText(row)}}` };
}

/** `kindJson` is the kind that the span began with, when another one has replaced it. */
function withKind(row: SpanRow, kindJson: string | null): SpanRow {
	if (kindJson === null) return row;
	const kind = JSON.parse(kindJson) as { type: string; kind?: string; model?: string; attributes?: unknown };
	const { attributes, ...others } = kind;
	return {
		...row,
		kindType: kind.type,
		kindName: kind.type === "custom" ? (kind.kind ?? "custom") : kind.type,
		model: kind.model ?? null,
		kindJson: JSON.stringify(others),
		attributesJson: attributes === undefined ? null : JSON.stringify(attributes),
	};
}
