import { setImmediate as nextTurn } from "node:timers/promises";
import { ArrayStatement, type Database } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import { REST_OF_TEXT, type SearchIndex } from "./searchIndex.ts";

/** What is looked at in one turn of the event loop: a millisecond or two. It ends behind the span that passes the characters. */
const CHARS_PER_TURN = 500_000;
const SPANS_PER_TURN = 1000;

/** A page ends behind the turn that passes this, so that the first hits of a long search are told early. */
const CHARS_PER_PAGE = 8_000_000;
const SPANS_PER_PAGE = 50_000;

/** Rows read for one that is looked at, up to which they are read in a row. */
const MAX_SPREAD = 3;

export interface TraceSearchQuery {
	/** Row of the trace's table. */
	readonly traceRef: number;
	/** Not empty, well formed. */
	readonly text: string;
	readonly isCaseSensitive: boolean;
	/** Row number behind which the page begins; 0 for the first one. */
	readonly after: number;
	/** A page ends behind the turn that passes so many hits. */
	readonly limit: number;
}

export interface TraceSearchPage {
	/** In the order in which the spans came. */
	readonly spanIds: readonly string[];
	/** Where the next page begins; undefined when all was looked at. */
	readonly next: number | undefined;
}

type Row = readonly [seq: number, id: string, name: string, input: string | null, output: string | null, rest: string];

/**
 * Looks for a text in everything that the spans of one trace say of themselves: name, input, output, attributes, metadata,
 * error, events, links, model, provider, tool, agent and path; not in what many share (resource, scope). A text in JSON is found as
 * it is stored (compact, without escapes for letters), and as it would be written there. The index tells which blocks of spans
 * can hold it; the texts of those of the trace are looked at.
 */
export class TraceSearch {
	readonly #columns: FilterColumns;
	readonly #index: SearchIndex;
	readonly #readOne: ArrayStatement;
	readonly #readRange: ArrayStatement;

	constructor(database: Database, columns: FilterColumns, index: SearchIndex) {
		this.#columns = columns;
		this.#index = index;
		const texts = `SELECT s.seq, s.id, s.name, p.input, p.output, ${REST_OF_TEXT} AS rest
			FROM spans s LEFT JOIN payloads p ON p.seq = s.seq`;
		this.#readOne = new ArrayStatement(database, `${texts} WHERE s.seq = ?`);
		this.#readRange = new ArrayStatement(database, `${texts} WHERE s.seq BETWEEN ? AND ? ORDER BY s.seq`);
	}

	/** One page. Ends early, with what it has, when `isGone` says that nobody waits for it. */
	async page(query: TraceSearchQuery, isGone: () => boolean): Promise<TraceSearchPage> {
		await this.#columns.ready;
		const needles = spellings(query);
		const { seqs, isAll } = this.#candidates(query.traceRef, query.after, needles);
		const spanIds: string[] = [];
		let pageChars = 0;
		for (let at = 0; at < seqs.length; ) {
			const looked = this.#look(seqs.slice(at, at + SPANS_PER_TURN), needles, query.isCaseSensitive, spanIds);
			at += looked.spans;
			if (isGone()) break;
			pageChars += looked.chars;
			const isFull = spanIds.length >= query.limit || pageChars >= CHARS_PER_PAGE;
			if (isFull && at < seqs.length) return { spanIds, next: seqs[at - 1] };
			await nextTurn();
		}
		return { spanIds, next: isAll ? undefined : seqs.at(-1) };
	}

	/** Row numbers of the trace's spans that may hold one of the texts, ascending: all of them, or the first for one page. */
	#candidates(
		traceRef: number,
		after: number,
		needles: readonly string[],
	): { readonly seqs: readonly number[]; readonly isAll: boolean } {
		const { seq, trace } = this.#columns;
		const places = this.#index.candidates([...new Set(needles.map((needle) => needle.toLowerCase()))]);
		const single = [...(places?.singles ?? [])].map((at) => [at, at] as const);
		const ranges = [...(places?.ranges ?? [[0, Number.MAX_SAFE_INTEGER] as const]), ...single];
		const found: number[] = [];
		// Blocks of changed spans lie inside others: each row is taken once.
		let from = after + 1;
		for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
			if (last < from) continue;
			let row = this.#columns.rowFrom(Math.max(first, from));
			for (; row < this.#columns.length && seq[row] <= last; row++) {
				if (trace[row] !== traceRef || !this.#columns.isThere(row)) continue;
				if (found.length === SPANS_PER_PAGE) return { seqs: found, isAll: false };
				found.push(seq[row]);
			}
			from = last + 1;
		}
		return { seqs: found, isAll: true };
	}

	/** Adds the ids of those that hold one of the texts. Returns how far it came, and the characters that it looked at. */
	#look(
		seqs: readonly number[],
		needles: readonly string[],
		isCaseSensitive: boolean,
		spanIds: string[],
	): { readonly spans: number; readonly chars: number } {
		let chars = 0;
		let at = 0;
		for (const [seq, id, ...texts] of this.#rows(seqs)) {
			while (seqs[at] < seq) at++;
			if (seqs[at] !== seq) continue;
			at++;
			let isHit = false;
			for (const text of texts) {
				if (text === null || isHit) continue;
				chars += text.length;
				const searched = isCaseSensitive ? text : text.toLowerCase();
				isHit = needles.some((needle) => searched.includes(needle));
			}
			if (isHit) spanIds.push(id);
			if (chars >= CHARS_PER_TURN) return { spans: at, chars };
		}
		return { spans: seqs.length, chars };
	}

	/** Rows of at least these spans, as far as they are still there, ascending. */
	*#rows(seqs: readonly number[]): Generator<Row> {
		const first = seqs[0];
		const last = seqs[seqs.length - 1];
		if (last - first <= MAX_SPREAD * seqs.length) {
			yield* this.#readRange.iterate(first, last) as unknown as Iterable<Row>;
			return;
		}
		for (const seq of seqs) {
			const row = this.#readOne.get(seq) as unknown as Row | undefined;
			if (row !== undefined) yield row;
		}
	}
}

/** The text, and as it stands in JSON text: there a quote is written \". */
function spellings({ text, isCaseSensitive }: TraceSearchQuery): readonly string[] {
	const both = new Set([text, JSON.stringify(text).slice(1, -1)]);
	return [...both].map((spelling) => (isCaseSensitive ? spelling : spelling.toLowerCase()));
}
