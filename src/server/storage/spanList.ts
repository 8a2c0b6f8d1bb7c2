import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database, SqlValue, Statement } from "./database.ts";
import { SKELETON_COLUMNS, SKELETON_TABLES, SPAN_COLUMNS, SPAN_TABLES, TRACE_INDEX } from "./reader.ts";
import { rowSize, type SpanRow } from "./wireText.ts";

/** A place in a list: the sort values of a row, and the row number that settles ties. */
export interface Place {
	readonly values: readonly (number | string)[];
	readonly seq: number;
}

/** SQL conditions, all of which must hold, with a `?` for each of `parameters`. */
export interface Conditions {
	readonly conditions: readonly string[];
	readonly parameters: readonly SqlValue[];
}

/** A query over spans: what must hold, in which order, from where on. */
export interface SpanQuery {
	/** Only spans of this trace. */
	readonly traceId: string | undefined;
	/** About columns of `spans s`. */
	readonly filter: Conditions;
	/** About columns of `payloads p`, too: these read much. */
	readonly textFilter: Conditions;
	/** SQL expression to sort by, before the row number; undefined is by start. */
	readonly sortKey: string | undefined;
	readonly isDescending: boolean;
	readonly after: Place | undefined;
	readonly limit: number;
	readonly isSkeleton: boolean;
	/** Number of all matches when the first page was read; undefined has them counted. */
	readonly knownTotal: number | undefined;
}

export interface SpanPage {
	readonly rows: readonly SpanRow[];
	/** Place of the last row, or undefined when nothing follows it. */
	readonly next: Place | undefined;
	readonly total: number;
}

/** Characters of payload in one page; a page is cut short behind the span that passes it, so that an answer stays bounded. */
const MAX_PAGE_CHARS = 8_000_000;

/** Spans whose payload is searched in one turn of the event loop, so that a search holds up nobody. */
const SEARCHED_PER_TURN = 500;

/**
 * Pages of spans by filter and order. First the places of the matches are found in narrow rows, by the index where the order
 * has one; then only the rows of the page are read. Searches in payloads take many turns of the event loop.
 */
export class SpanList {
	readonly #database: Database;
	readonly #rows: Readonly<Record<"full" | "skeleton", Statement>>;
	/** Statements by their SQL; filters come in few combinations. */
	readonly #prepared = new Map<string, Statement>();

	constructor(database: Database) {
		this.#database = database;
		this.#rows = {
			full: database.prepare(`SELECT ${SPAN_COLUMNS} FROM ${SPAN_TABLES} WHERE s.seq = ?`),
			skeleton: database.prepare(`SELECT ${SKELETON_COLUMNS} FROM ${SKELETON_TABLES} WHERE s.seq = ?`),
		};
	}

	/**
	 * One page. `Store.indexSpans` must have been called for a query by trace. A search ends early, with what it has, when
	 * `isGone` says that nobody waits for it.
	 */
	async page(query: SpanQuery, isGone: () => boolean): Promise<SpanPage> {
		const { limit, knownTotal } = query;
		if (query.textFilter.conditions.length > 0) {
			const { places, total } = await this.#search(query, isGone);
			return { ...this.#read(query, places), total: knownTotal ?? total };
		}
		const places = this.#places(query, query.after, limit + 1);
		const total = knownTotal ?? (places.length <= limit ? places.length : this.#count(query));
		return { ...this.#read(query, places), total };
	}

	/** Reads the rows of a page; `places` has one more than the page when something follows. */
	#read(query: SpanQuery, places: readonly Place[]): Pick<SpanPage, "rows" | "next"> {
		const statement = this.#rows[query.isSkeleton ? "skeleton" : "full"];
		const rows: SpanRow[] = [];
		let chars = 0;
		for (const [index, place] of places.entries()) {
			if (index === query.limit || chars > MAX_PAGE_CHARS) return { rows, next: places[index - 1] };
			const row = statement.get(place.seq) as unknown as SpanRow | undefined;
			// Deleted while a search went on.
			if (row === undefined) continue;
			rows.push(row);
			chars += rowSize(row);
		}
		return { rows, next: undefined };
	}

	/** Places of matches in order, at most `limit` (-1: all), behind `after`. */
	#places(query: SpanQuery, after: Place | undefined, limit: number): Place[] {
		const { isDescending, sortKey, traceId } = query;
		const { from, conditions, parameters } = scopeOf(query);
		const index = traceId === undefined ? "s" : "x";
		const keys = sortKey === undefined ? [`${index}.start_ms`, `${index}.start_sub`] : [sortKey];
		const all = [...keys, `${index}.seq`];
		if (after !== undefined) {
			conditions.push(`(${all.join(", ")}) ${isDescending ? "<" : ">"} (${all.map(() => "?").join(", ")})`);
			parameters.push(...after.values, after.seq);
		}
		const order = all.map((key) => (isDescending ? `${key} DESC` : key)).join(", ");
		const columns = keys.map((key, place) => `${key} AS key${place}`).join(", ");
		const rows = this.#prepare(
			`SELECT s.seq AS seq, ${columns} FROM ${from} ${where(conditions)} ORDER BY ${order} LIMIT ?`,
		).all(...parameters, limit) as unknown as { seq: number; key0: number | string; key1?: number }[];
		return rows.map(({ seq, key0, key1 }) => ({ seq, values: key1 === undefined ? [key0] : [key0, key1] }));
	}

	#count(query: SpanQuery): number {
		const { from, conditions, parameters } = scopeOf(query);
		const row = this.#prepare(`SELECT count(*) AS n FROM ${from} ${where(conditions)}`).get(...parameters);
		return Number(row?.n);
	}

	/** Places of the page and one more, and the number of all matches unless that is known. */
	async #search(query: SpanQuery, isGone: () => boolean): Promise<{ places: readonly Place[]; total: number }> {
		const found: Place[] = [];
		let total = 0;
		for (const candidates of this.#candidates(query)) {
			const hits = this.#withText(query.textFilter, candidates);
			total += hits.length;
			if (found.length <= query.limit) found.push(...hits.slice(0, query.limit + 1 - found.length));
			if (isGone() || (query.knownTotal !== undefined && found.length > query.limit)) break;
			await nextTurn();
		}
		return { places: found, total };
	}

	/** Places that meet the other conditions, in order and in portions. */
	*#candidates(query: SpanQuery): Generator<readonly Place[]> {
		if (query.sortKey === undefined) {
			for (let after = query.after; ; ) {
				const portion = this.#places(query, after, SEARCHED_PER_TURN);
				yield portion;
				if (portion.length < SEARCHED_PER_TURN) return;
				after = portion.at(-1);
			}
		}
		// Without an index each portion would sort everything anew.
		const all = this.#places(query, query.after, -1);
		for (let from = 0; from < all.length; from += SEARCHED_PER_TURN) yield all.slice(from, from + SEARCHED_PER_TURN);
	}

	#withText({ conditions, parameters }: Conditions, candidates: readonly Place[]): Place[] {
		const numbers = JSON.stringify(candidates.map(({ seq }) => seq));
		const rows = this.#prepare(
			`SELECT s.seq FROM spans s LEFT JOIN payloads p ON p.seq = s.seq
			WHERE s.seq IN (SELECT value FROM json_each(?)) AND ${conditions.join(" AND ")}`,
		).all(numbers, ...parameters);
		const hits = new Set(rows.map(({ seq }) => seq));
		return candidates.filter(({ seq }) => hits.has(seq));
	}

	#prepare(sql: string): Statement {
		let statement = this.#prepared.get(sql);
		if (statement === undefined) {
			if (this.#prepared.size >= 200) this.#prepared.clear();
			statement = this.#database.prepare(sql);
			this.#prepared.set(sql, statement);
		}
		return statement;
	}
}

/** The spans that a query looks at, and what must hold of them. */
function scopeOf({ traceId, filter }: SpanQuery): { from: string; conditions: string[]; parameters: SqlValue[] } {
	if (traceId === undefined) {
		return { from: "spans s", conditions: [...filter.conditions], parameters: [...filter.parameters] };
	}
	return {
		from: TRACE_INDEX,
		conditions: ["x.trace = (SELECT ref FROM traces WHERE id = ?)", ...filter.conditions],
		parameters: [traceId, ...filter.parameters],
	};
}

function where(conditions: readonly string[]): string {
	return conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
}
