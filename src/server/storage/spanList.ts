import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database, SqlValue, Statement } from "./database.ts";
import { type ColumnCondition, conditionSql, type FilterColumns } from "./filterColumns.ts";
import { type Reader, TRACE_INDEX } from "./reader.ts";
import type { Candidates, SearchIndex } from "./searchIndex.ts";
import { rowSize, type SpanRow } from "./wireText.ts";
import { Words } from "./words.ts";

/** A place in a list: the sort values of a row, and the row number that settles ties. */
export interface Place {
	readonly values: readonly (number | string)[];
	readonly seq: number;
}

/** By start (milliseconds and nanoseconds inside), by a number (unknown is 0), by the first 200 characters of the name. */
export type SortKey = "start" | "durationMs" | "tokens" | "costUsd" | "name";

/** One of the texts must be in one of the columns of the payload or in the name, whatever the case. */
export interface TextCondition {
	readonly columns: readonly ("input" | "output")[];
	/** Lower case: spellings in JSON text. */
	readonly needles: readonly string[];
	/** Lower case; undefined when the name is not looked at. */
	readonly nameNeedle: string | undefined;
}

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

/** Rows above which a page is picked from them without sorting all. */
const MAX_SORTED = 2000;

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
	 * One page. `Store.indexSpans` must have been called for a query by trace. A search ends early, with what it has, when
	 * `isGone` says that nobody waits for it.
	 */
	async page(query: SpanQuery, isGone: () => boolean): Promise<SpanPage> {
		if (query.conditions.length + query.texts.length === 0 && query.sortKey === "start")
			return this.#indexedPage(query);
		await this.#columns.ready;
		const ref = query.traceId === undefined ? undefined : this.#reader.trace(query.traceId)?.ref;
		if (query.traceId !== undefined && ref === undefined) return { rows: [], next: undefined, total: 0 };
		const conditions: ColumnCondition[] = ref === undefined ? [] : [{ on: "trace", ref }];
		let seqs = this.#matching([...conditions, ...query.conditions]);
		if (query.texts.length > 0) seqs = await this.#withTexts(seqs, query, isGone);
		const total = query.knownTotal ?? seqs.length;
		return { ...this.#read(query, this.#places(seqs, query)), total };
	}

	/** Row numbers that meet the conditions, ascending. */
	#matching(conditions: readonly ColumnCondition[]): readonly number[] {
		const mask = this.#columns.match(conditions);
		const { seq } = this.#columns;
		const seqs: number[] = [];
		const unsure: number[] = [];
		for (let row = 0; row < mask.length; row++) {
			if (mask[row] === 1) seqs.push(seq[row]);
			else if (mask[row] === 2) unsure.push(seq[row]);
		}
		if (unsure.length === 0) return seqs;
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
		for (const row of statement.all(JSON.stringify(unsure), ...parameters)) seqs.push(Number(row.seq));
		return seqs.sort((a, b) => a - b);
	}

	/** Those of the row numbers whose spans hold the texts. */
	async #withTexts(seqs: readonly number[], query: SpanQuery, isGone: () => boolean): Promise<readonly number[]> {
		let left = seqs;
		for (const { needles, nameNeedle } of query.texts) {
			const all = nameNeedle === undefined ? needles : [...new Set([...needles, nameNeedle])];
			const candidates = this.#search.candidates(all);
			if (candidates !== undefined) left = within(left, candidates);
		}
		const tests = query.texts.map(({ columns, needles, nameNeedle }) => {
			const parts = columns.flatMap((column) => needles.map(() => `contains_text(p.${column}, ?)`));
			if (nameNeedle !== undefined) parts.push("contains_text(s.name, ?)");
			return `(${parts.join(" OR ")})`;
		});
		const parameters = query.texts.flatMap(({ columns, needles, nameNeedle }) => [
			...columns.flatMap(() => needles),
			...(nameNeedle === undefined ? [] : [nameNeedle]),
		]);
		const statement = this.#prepare(
			`SELECT s.seq FROM spans s LEFT JOIN payloads p ON p.seq = s.seq
			WHERE s.seq IN (SELECT value FROM json_each(?)) AND ${tests.join(" AND ")}`,
		);
		const found: number[] = [];
		// Newest first: whoever gives up early has got the newest.
		for (let to = left.length; to > 0; to -= SEARCHED_PER_TURN) {
			const portion = left.slice(Math.max(0, to - SEARCHED_PER_TURN), to);
			for (const row of statement.all(JSON.stringify(portion), ...parameters)) found.push(Number(row.seq));
			if (isGone()) break;
			await nextTurn();
		}
		return found.sort((a, b) => a - b);
	}

	/** Places of the page in order, and one more when something follows. */
	#places(seqs: readonly number[], { sortKey, isDescending, after, limit }: SpanQuery): readonly Place[] {
		const columns = this.#columns;
		const places: Place[] = [];
		const heap = new PlaceHeap(limit + 1, isDescending);
		const nameOf = sortKey === "name" ? this.#nameSorter() : undefined;
		const { startMs, startSub } = columns;
		for (const seq of seqs) {
			const row = columns.rowOf(seq);
			// Deleted while a search went on.
			if (row < 0 || !columns.isThere(row)) continue;
			let first: number | string;
			let second = 0;
			if (sortKey === "start") {
				first = startMs[row];
				second = startSub[row];
			} else if (nameOf !== undefined) first = nameOf(row);
			else first = columns.numberOf(sortKey as Exclude<SortKey, "start" | "name">, row) || 0;
			if (after !== undefined && !heap.isBehind(first, second, seq, after)) continue;
			if (seqs.length > MAX_SORTED) heap.offer(first, second, seq);
			else places.push({ values: sortKey === "start" ? [first, second] : [first], seq });
		}
		if (seqs.length > MAX_SORTED) {
			return heap
				.sorted()
				.map(([first, second, seq]) => ({ values: sortKey === "start" ? [first, second] : [first], seq }));
		}
		return places.sort((a, b) => heap.compare(a.values[0], Number(a.values[1] ?? 0), a.seq, b)).slice(0, limit + 1);
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

type Entry = readonly [first: number | string, second: number, seq: number];

/** The first `size` places of many in an order, in a heap whose root is the last of them. */
class PlaceHeap {
	readonly #size: number;
	readonly #sign: number;
	readonly #entries: Entry[] = [];

	constructor(size: number, isDescending: boolean) {
		this.#size = size;
		this.#sign = isDescending ? -1 : 1;
	}

	compare(first: number | string, second: number, seq: number, other: Place): number {
		const [otherFirst, otherSecond = 0] = other.values;
		if (first !== otherFirst) return first < otherFirst ? -this.#sign : this.#sign;
		return this.#sign * (second - Number(otherSecond) || seq - other.seq);
	}

	/** True for what comes after a place. */
	isBehind(first: number | string, second: number, seq: number, place: Place): boolean {
		return this.compare(first, second, seq, place) > 0;
	}

	offer(first: number | string, second: number, seq: number): void {
		const entries = this.#entries;
		if (entries.length < this.#size) {
			entries.push([first, second, seq]);
			this.#up(entries.length - 1);
			return;
		}
		const [rootFirst, rootSecond, rootSeq] = entries[0];
		if (
			first === rootFirst
				? this.#sign * (second - rootSecond || seq - rootSeq) > 0
				: first < rootFirst !== this.#sign > 0
		) {
			return;
		}
		entries[0] = [first, second, seq];
		this.#down();
	}

	sorted(): readonly Entry[] {
		return this.#entries.sort((a, b) => this.#order(a, b));
	}

	#order(a: Entry, b: Entry): number {
		if (a[0] !== b[0]) return a[0] < b[0] ? -this.#sign : this.#sign;
		return this.#sign * (a[1] - b[1] || a[2] - b[2]);
	}

	#up(from: number): void {
		const entries = this.#entries;
		for (let at = from; at > 0; ) {
			const parent = (at - 1) >> 1;
			if (this.#order(entries[at], entries[parent]) <= 0) return;
			[entries[at], entries[parent]] = [entries[parent], entries[at]];
			at = parent;
		}
	}

	#down(): void {
		const entries = this.#entries;
		for (let at = 0; ; ) {
			let last = at;
			for (const child of [2 * at + 1, 2 * at + 2]) {
				if (child < entries.length && this.#order(entries[child], entries[last]) > 0) last = child;
			}
			if (last === at) return;
			[entries[at], entries[last]] = [entries[last], entries[at]];
			at = last;
		}
	}
}
