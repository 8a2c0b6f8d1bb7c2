import { setImmediate as nextTurn } from "node:timers/promises";
import type { SpanRow } from "../../otlp/spanRow.ts";
import type { Database, SqlValue, Statement } from "./database.ts";
import { type ColumnCondition, conditionSql, type FilterColumns } from "./filterColumns.ts";
import { type Reader, TRACE_INDEX } from "./reader.ts";
import type { Candidates, SearchIndex, TextCondition } from "./searchIndex.ts";
import { rowSize } from "./wireText.ts";
import { Words } from "./words.ts";

/** A place in a list: the sort values of a row, and the row number that settles ties. */
export interface Place {
	readonly values: readonly (number | string)[];
	readonly seq: number;
}

/** By start (milliseconds and nanoseconds inside), by a number (unknown is 0), by the first 200 characters of the name. */
export type SortKey = "start" | "durationMs" | "tokens" | "costUsd" | "name";

/** A query over spans: what must hold, in which order, from where on. */
export interface SpanQuery {
	/** Only spans of this trace. */
	readonly traceId: string | undefined;
	readonly conditions: readonly ColumnCondition[];
	readonly texts: readonly TextCondition[];
	readonly sortKey: SortKey;
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

/** Spans whose texts are looked at in one turn of the event loop, so that a search holds up nobody. */
const SEARCHED_PER_TURN = 500;

/** UTF-16 units of a name that sort. */
const SORTED_NAME_CHARS = 200;

/**
 * Pages of spans by filter and order. Filters run over the columns in memory; lists without filters are read by index. Only the
 * rows of the page are read from the table. Searches in texts take many turns of the event loop.
 */
export class SpanList {
	readonly #database: Database;
	readonly #reader: Reader;
	readonly #columns: FilterColumns;
	readonly #search: SearchIndex;
	/** Statements by their SQL; they come in few combinations. */
	readonly #prepared = new Map<string, Statement>();

	constructor(database: Database, reader: Reader, columns: FilterColumns, search: SearchIndex) {
		this.#database = database;
		this.#reader = reader;
		this.#columns = columns;
		this.#search = search;
	}

	/**
	 * One page; a query by trace inside `Store.upToDate`. A search ends early, with what it has, when
	 * `isGone` says that nobody waits for it.
	 */
	async page(query: SpanQuery, isGone: () => boolean): Promise<SpanPage> {
		if (query.conditions.length + query.texts.length === 0 && query.sortKey === "start")
			return this.#indexedPage(query);
		await this.#columns.ready;
		const ref = query.traceId === undefined ? undefined : this.#reader.trace(query.traceId)?.ref;
		if (query.traceId !== undefined && ref === undefined) return { rows: [], next: undefined, total: 0 };
		const conditions: ColumnCondition[] = ref === undefined ? [] : [{ on: "trace", ref }];
		conditions.push(...query.conditions);
		const mask = this.#columns.match(conditions);
		this.#settleUnsure(mask, conditions);
		if (query.texts.length === 0) {
			const total = query.knownTotal ?? countOnes(mask);
			return { ...this.#read(query, this.#firstPlaces(mask, query)), total };
		}
		const found = await this.#withTexts(mask, query, isGone);
		const hits = this.#maskOf(found);
		return { ...this.#read(query, this.#firstPlaces(hits, query)), total: query.knownTotal ?? found.length };
	}

	/** Asks the table about the rows of which the columns are not sure. */
	#settleUnsure(mask: Uint8Array, conditions: readonly ColumnCondition[]): void {
		const { seq } = this.#columns;
		const unsure: number[] = [];
		for (let row = mask.indexOf(2); row >= 0; row = mask.indexOf(2, row + 1)) unsure.push(row);
		if (unsure.length === 0) return;
		const tests: string[] = [];
		const parameters: SqlValue[] = [];
		for (const condition of conditions) {
			const sql = conditionSql(condition);
			if (sql === undefined) continue;
			tests.push(sql[0]);
			parameters.push(...(sql.slice(1) as SqlValue[]));
		}
		const statement = this.#prepare(
			`SELECT s.seq FROM spans s WHERE s.seq IN (SELECT value FROM json_each(?)) AND ${tests.join(" AND ")}`,
		);
		const hits = statement.all(JSON.stringify(unsure.map((row) => seq[row])), ...parameters);
		for (const row of unsure) mask[row] = 0;
		for (const hit of hits) mask[this.#columns.rowOf(Number(hit.seq))] = 1;
	}

	/** Row numbers of what is 1 in the mask, ascending; of that what the index has not ruled out. */
	#seqsOf(mask: Uint8Array, candidates: Candidates | undefined): readonly number[] {
		const { seq } = this.#columns;
		const rows: number[] = [];
		if (candidates === undefined) {
			for (let row = 0; row < mask.length; row++) if (mask[row] === 1) rows.push(row);
			return rows.map((row) => seq[row]);
		}
		const found = new Set<number>();
		for (const [first, last] of candidates.ranges) {
			for (let row = this.#columns.rowFrom(first); row < mask.length && seq[row] <= last; row++) {
				if (mask[row] === 1) found.add(seq[row]);
			}
		}
		for (const single of candidates.singles) if (mask[this.#columns.rowOf(single)] === 1) found.add(single);
		return [...found].sort((a, b) => a - b);
	}

	/** 1 for each row of these spans that is still there. */
	#maskOf(seqs: readonly number[]): Uint8Array {
		const mask = new Uint8Array(this.#columns.length);
		for (const seq of seqs) {
			const row = this.#columns.rowOf(seq);
			if (row >= 0 && this.#columns.isThere(row)) mask[row] = 1;
		}
		return mask;
	}

	/** Row numbers of the spans that are 1 in the mask and hold the texts. */
	async #withTexts(mask: Uint8Array, query: SpanQuery, isGone: () => boolean): Promise<readonly number[]> {
		const candidates = query.texts.flatMap(({ needles, nameNeedle }) => {
			const all = nameNeedle === undefined ? needles : [...new Set([...needles, nameNeedle])];
			return this.#search.candidates(all) ?? [];
		});
		const left = candidates.slice(1).reduce(within, this.#seqsOf(mask, candidates.at(0)));
		const found: number[] = [];
		// Newest first: whoever gives up early has got the newest.
		for (let to = left.length; to > 0; to -= SEARCHED_PER_TURN) {
			this.#search.filter(left.slice(Math.max(0, to - SEARCHED_PER_TURN), to), query.texts, found);
			if (isGone()) break;
			await nextTurn();
		}
		return found;
	}

	/** Places of the rows that are 1 in the mask, in order, behind `after`: those of the page, and one more when something follows. */
	#firstPlaces(mask: Uint8Array, { sortKey, isDescending, after, limit }: SpanQuery): readonly Place[] {
		const columns = this.#columns;
		const { startMs, startSub, seq } = columns;
		const places = new FirstPlaces(limit + 1, isDescending, after);
		// The newest spans are in the last rows: in this direction nearly all that come later are refused at once, ties too.
		const nameOf = sortKey === "name" ? this.#nameSorter() : undefined;
		const [from, to, step] = isDescending ? [mask.length - 1, -1, -1] : [0, mask.length, 1];
		for (let row = from; row !== to; row += step) {
			if (mask[row] !== 1) continue;
			if (sortKey === "start") places.offer(startMs[row], startSub[row], seq[row]);
			else if (sortKey === "name") places.offer(nameOf?.(row) ?? "", 0, seq[row]);
			else places.offer(columns.numberOf(sortKey, row) || 0, 0, seq[row]);
		}
		return places.inOrder(({ first, second, seq }) => ({
			values: sortKey === "start" ? [first, second] : [first],
			seq,
		}));
	}

	/** The part of a row's name that sorts. */
	#nameSorter(): (row: number) => string {
		const { words, name, seq } = this.#columns;
		const statement = this.#prepare("SELECT name FROM spans WHERE seq = ?");
		return (row) => {
			const text = name[row] === Words.other ? String(statement.get(seq[row])?.name ?? "") : words.text(name[row]);
			return (text ?? "").slice(0, SORTED_NAME_CHARS);
		};
	}

	/** Reads the rows of a page; `places` has one more than the page when something follows. */
	#read(query: SpanQuery, places: readonly Place[]): Pick<SpanPage, "rows" | "next"> {
		const rows: SpanRow[] = [];
		let chars = 0;
		for (const [index, place] of places.entries()) {
			if (index === query.limit || chars > MAX_PAGE_CHARS) return { rows, next: places[index - 1] };
			const row = this.#reader.row(place.seq, query.isSkeleton);
			if (row === undefined) continue;
			rows.push(row);
			chars += rowSize(row);
		}
		return { rows, next: undefined };
	}

	/** A page of all spans, or of all of a trace, by start. The caller knows how many there are. */
	#indexedPage(query: SpanQuery): SpanPage {
		const { isDescending, traceId, after, limit } = query;
		const index = traceId === undefined ? "s" : "x";
		const keys = `${index}.start_ms, ${index}.start_sub, ${index}.seq`;
		const conditions: string[] = [];
		const parameters: SqlValue[] = [];
		if (traceId !== undefined) {
			conditions.push("x.trace = (SELECT ref FROM traces WHERE id = ?)");
			parameters.push(traceId);
		} else if (this.#prepare("SELECT 1 FROM doomed LIMIT 1").get() !== undefined) {
			conditions.push("s.trace IN (SELECT ref FROM traces)");
		}
		if (after !== undefined) {
			conditions.push(`(${keys}) ${isDescending ? "<" : ">"} (?, ?, ?)`);
			parameters.push(...after.values, after.seq);
		}
		const order = keys.replaceAll(",", isDescending ? " DESC," : ",") + (isDescending ? " DESC" : "");
		const rows = this.#prepare(
			`SELECT ${index}.seq AS seq, ${index}.start_ms AS ms, ${index}.start_sub AS sub
			FROM ${traceId === undefined ? "spans s" : TRACE_INDEX}
			${conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`} ORDER BY ${order} LIMIT ?`,
		).all(...parameters, limit + 1) as unknown as { seq: number; ms: number; sub: number }[];
		const places = rows.map(({ seq, ms, sub }) => ({ seq, values: [ms, sub] }));
		return { ...this.#read(query, places), total: query.knownTotal ?? places.length };
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

/** Those of ascending row numbers that the index has not ruled out. */
function within(seqs: readonly number[], { ranges, singles }: Candidates): readonly number[] {
	const sorted = ranges.toSorted((a, b) => a[0] - b[0]);
	const left: number[] = [];
	let at = 0;
	// Ranges of changed spans lie inside those of blocks: the furthest end so far counts.
	let end = -1;
	for (const seq of seqs) {
		while (at < sorted.length && sorted[at][0] <= seq) end = Math.max(end, sorted[at++][1]);
		if (seq <= end || singles.has(seq)) left.push(seq);
	}
	return left;
}

function countOnes(mask: Uint8Array): number {
	let count = 0;
	for (let row = 0; row < mask.length; row++) count += mask[row];
	return count;
}

interface Entry {
	readonly first: number | string;
	readonly second: number;
	readonly seq: number;
}

/** The first `size` of many places in an order, behind a place: in a heap whose root is the last of them. */
class FirstPlaces {
	readonly #size: number;
	readonly #sign: number;
	readonly #after: Entry | undefined;
	readonly #entries: Entry[] = [];

	constructor(size: number, isDescending: boolean, after: Place | undefined) {
		this.#size = size;
		this.#sign = isDescending ? -1 : 1;
		this.#after =
			after === undefined
				? undefined
				: { first: after.values[0], second: Number(after.values[1] ?? 0), seq: after.seq };
	}

	offer(first: number | string, second: number, seq: number): void {
		const entries = this.#entries;
		if (entries.length === this.#size && this.#order(first, second, seq, entries[0]) > 0) return;
		if (this.#after !== undefined && this.#order(first, second, seq, this.#after) <= 0) return;
		const entry = { first, second, seq };
		if (entries.length < this.#size) {
			entries.push(entry);
			this.#up(entries.length - 1);
		} else {
			entries[0] = entry;
			this.#down();
		}
	}

	inOrder(toPlace: (entry: Entry) => Place): readonly Place[] {
		return this.#entries.sort((a, b) => this.#order(a.first, a.second, a.seq, b)).map(toPlace);
	}

	#order(first: number | string, second: number, seq: number, other: Entry): number {
		if (first !== other.first) return first < other.first ? -this.#sign : this.#sign;
		return this.#sign * (second - other.second || seq - other.seq);
	}

	#isBehind(at: number, other: number): boolean {
		const { first, second, seq } = this.#entries[at];
		return this.#order(first, second, seq, this.#entries[other]) > 0;
	}

	#up(from: number): void {
		const entries = this.#entries;
		for (let at = from; at > 0; ) {
			const parent = (at - 1) >> 1;
			if (!this.#isBehind(at, parent)) return;
			[entries[at], entries[parent]] = [entries[parent], entries[at]];
			at = parent;
		}
	}

	#down(): void {
		const entries = this.#entries;
		for (let at = 0; ; ) {
			let last = at;
			for (const child of [2 * at + 1, 2 * at + 2]) {
				if (child < entries.length && this.#isBehind(child, last)) last = child;
			}
			if (last === at) return;
			[entries[at], entries[last]] = [entries[last], entries[at]];
			at = last;
		}
	}
}
