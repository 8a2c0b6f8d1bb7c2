import { describeError, type Logger } from "../../base/logger.ts";
import { ArrayStatement, type Database, readNumber, type Statement } from "./database.ts";

/** Spans of one document of the index: the more, the smaller the index, and the more a hit has to look through. */
const SPANS_PER_DOC = 64;

/** Documents written in one transaction, a few milliseconds. */
const DOCS_PER_STEP = 4;

/** Pause between steps while nobody writes, and when a commit has just been: writing goes first. */
const IDLE_PAUSE_MS = 2;
const BUSY_PAUSE_MS = 100;

/** Spans that wait until indexing no longer gives way. A search reads the text of those that wait. */
const MAX_WAITING = 200_000;

/** Rows read for one that is looked at, up to which they are read in a row. */
const MAX_SPREAD = 3;

const FORGET_ALL =
	"INSERT INTO search (search) VALUES ('delete-all'); DELETE FROM search_docs; DELETE FROM search_stale";

/** Shortest needle that has a gram. */
const GRAM_LENGTH = 3;

const SYMBOLS = "abcdefghijklmnopqrstuvwxyz012345";
const PAIRS = Array.from({ length: 1024 }, (_, at) => `${SYMBOLS.charAt(at >> 5)}${SYMBOLS.charAt(at & 31)}`);
const GRAM_BITS = 20;

/**
 * The distinct grams (hashes of three UTF-16 units) of lower-case texts, as words for FTS5. Two grams of one hash cost a look
 * at a text in vain, never a hit.
 */
class Grams {
	/** Generation in which a gram was seen last. */
	readonly #seen = new Uint32Array(1 << GRAM_BITS);
	#generation = 0;

	of(texts: readonly string[]): string {
		this.#generation++;
		const seen = this.#seen;
		let words = "";
		for (const text of texts) {
			let a = text.charCodeAt(0);
			let b = text.charCodeAt(1);
			for (let at = 2; at < text.length; at++) {
				const c = text.charCodeAt(at);
				let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
				hash ^= hash >>> 15;
				hash = Math.imul(hash, 0x2c1b3c6d);
				hash = (hash ^ (hash >>> 13)) >>> (32 - GRAM_BITS);
				if (seen[hash] !== this.#generation) {
					seen[hash] = this.#generation;
					words += `${PAIRS[hash >> 10]}${PAIRS[hash & 1023]} `;
				}
				a = b;
				b = c;
			}
		}
		return words;
	}
}

/** One of the texts must be in one of the columns of the payload or in the name, whatever the case. */
export interface TextCondition {
	readonly columns: readonly ("input" | "output")[];
	/** Lower case: spellings in JSON text. */
	readonly needles: readonly string[];
	/** Lower case; undefined when the name is not looked at. */
	readonly nameNeedle: string | undefined;
}

/** Where spans that may hold a text are: ranges of row numbers, both ends included, and single ones. */
export interface Candidates {
	readonly ranges: readonly (readonly [first: number, last: number])[];
	readonly singles: ReadonlySet<number>;
}

type TextRow = readonly [seq: number, name: string, input: string | null, output: string | null];

/** As it is indexed: with the other texts of the span. */
type WholeTextRow = readonly [...TextRow, rest: string];

/** Parts texts that stand in one; no JSON text holds it. */
const SEPARATOR = "char(30)";

/** Everything else that a span says of itself, in one text: what a search in a trace looks at beside name, input and output. */
export const REST_OF_TEXT = `concat_ws(${SEPARATOR}, s.model, s.provider, s.kind_name, s.path, s.tool_name, s.agent_name, s.error,
	s.metadata, p.attributes, p.events, p.links)`;

/** Row number up to which spans are indexed with all of `REST_OF_TEXT`. */
const PLACE_KEY = "search_all_seq";

/** The same of versions that indexed name, input and output only. */
const OLD_PLACE_KEY = "search_seq";

/**
 * Full-text search that agrees with "contains, whatever the case": FTS5 over grams of blocks of spans tells which blocks can
 * hold a text at all, and their texts are then looked at. It is written in the background, after the spans; until then they count
 * as candidates. Small (about a sixth of the text), because a gram is noted once a block.
 */
export class SearchIndex {
	readonly #database: Database;
	readonly #logger: Logger;
	readonly #grams = new Grams();
	readonly #read: ArrayStatement;
	readonly #readWhole: ArrayStatement;
	readonly #readOne: ArrayStatement;
	readonly #readRange: ArrayStatement;
	readonly #insert: Statement;
	readonly #insertDoc: Statement;
	readonly #match: Statement;
	readonly #addStale: Statement;
	readonly #save: Statement;
	/** Spans up to this one are in the index. */
	#indexedSeq: number;
	/** Spans that have got more text since they were put into the index. */
	readonly #stale: Set<number>;
	#timer: NodeJS.Timeout | undefined;
	#lastCommitMs = 0;
	#isClosed = false;
	#lastSeq = 0;

	constructor(database: Database, logger: Logger) {
		this.#database = database;
		this.#logger = logger;
		const texts = "SELECT s.seq, s.name, p.input, p.output FROM spans s LEFT JOIN payloads p ON p.seq = s.seq";
		const wholeTexts = texts.replace(" FROM ", `, ${REST_OF_TEXT} AS rest FROM `);
		this.#read = new ArrayStatement(database, `${wholeTexts} WHERE s.seq > ? ORDER BY s.seq LIMIT ?`);
		this.#readWhole = new ArrayStatement(database, `${wholeTexts} WHERE s.seq = ?`);
		this.#readOne = new ArrayStatement(database, `${texts} WHERE s.seq = ?`);
		this.#readRange = new ArrayStatement(database, `${texts} WHERE s.seq BETWEEN ? AND ? ORDER BY s.seq`);
		this.#insert = database.prepare("INSERT INTO search (rowid, grams) VALUES (?, ?)");
		this.#insertDoc = database.prepare("INSERT INTO search_docs (seqs) VALUES (?)");
		this.#match = database.prepare(
			"SELECT d.seqs FROM search JOIN search_docs d ON d.doc = search.rowid WHERE search MATCH ?",
		);
		this.#addStale = database.prepare("INSERT OR IGNORE INTO search_stale (seq) VALUES (?)");
		this.#save = database.prepare(
			`INSERT INTO meta (key, value) VALUES ('${PLACE_KEY}', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		);
		this.#forgetOldForm();
		this.#indexedSeq = this.#readIndexedSeq();
		this.#lastSeq = readNumber(database, "SELECT max(seq) FROM spans");
		this.#stale = this.#readStale();
		this.#schedule(BUSY_PAUSE_MS);
	}

	/** Spans that are not in the index yet. */
	get waiting(): number {
		return Math.max(0, this.#lastSeq - this.#indexedSeq) + this.#stale.size;
	}

	/** In a transaction: takes note that a span has got more text. */
	didChangeText(seq: number): void {
		if (seq > this.#indexedSeq || this.#stale.has(seq)) return;
		this.#addStale.run(seq);
		this.#stale.add(seq);
	}

	didCommit(lastSeq: number): void {
		this.#lastSeq = lastSeq;
		this.#lastCommitMs = Date.now();
		if (this.#timer === undefined) this.#schedule(BUSY_PAUSE_MS);
	}

	/** To be called after the rollback. */
	didRollBack(): void {
		this.#stale.clear();
		for (const seq of this.#readStale()) this.#stale.add(seq);
		this.#indexedSeq = this.#readIndexedSeq();
	}

	/** In a transaction: forgets every text. */
	clear(lastSeq: number): void {
		this.#database.exec(FORGET_ALL);
		this.#stale.clear();
		this.#indexedSeq = lastSeq;
		this.#save.run(lastSeq);
	}

	/** In a transaction: forgets what only spans before this one had. */
	forgetBefore(seq: number): void {
		const docs = this.#database
			.prepare("SELECT doc FROM search_docs WHERE json_extract(seqs, '$[#-1][1]') < ? LIMIT 1000")
			.all(seq);
		for (const { doc } of docs) {
			this.#database.prepare("DELETE FROM search WHERE rowid = ?").run(doc);
			this.#database.prepare("DELETE FROM search_docs WHERE doc = ?").run(doc);
		}
	}

	/**
	 * Where spans can be of which a text (name, input, output, `REST_OF_TEXT`) holds one of these (lower case); undefined when the
	 * index cannot tell because each of them may be anywhere.
	 */
	candidates(needles: readonly string[]): Candidates | undefined {
		if (needles.some((needle) => needle.length < GRAM_LENGTH)) return undefined;
		const query = needles.map((needle) => `(${this.#grams.of([needle]).trim().split(" ").join(" AND ")})`).join(" OR ");
		const ranges = this.#match.all(query).flatMap(({ seqs }) => JSON.parse(String(seqs)) as [number, number][]);
		ranges.push([this.#indexedSeq + 1, Number.MAX_SAFE_INTEGER]);
		return { ranges, singles: this.#stale };
	}

	/** Adds to `found` those of ascending row numbers whose spans meet all conditions. */
	filter(seqs: readonly number[], conditions: readonly TextCondition[], found: number[]): void {
		const last = seqs.at(-1);
		if (last === undefined) return;
		const judge = (row: TextRow) => {
			if (conditions.every((condition) => holds(row, condition))) found.push(row[0]);
		};
		if (last - seqs[0] > MAX_SPREAD * seqs.length) {
			for (const seq of seqs) {
				const row = this.#readOne.get(seq) as unknown as TextRow | undefined;
				if (row !== undefined) judge(row);
			}
			return;
		}
		let at = 0;
		for (const value of this.#readRange.iterate(seqs[0], last)) {
			const row = value as unknown as TextRow;
			while (seqs[at] < row[0]) at++;
			if (seqs[at] === row[0]) judge(row);
		}
	}

	/** Indexes a few blocks, in a transaction of its own; false when no whole block is left. */
	step(): boolean {
		if (this.waiting < SPANS_PER_DOC) return false;
		const staleBefore = [...this.#stale];
		const indexedBefore = this.#indexedSeq;
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			let isMore = true;
			for (let doc = 0; doc < DOCS_PER_STEP && isMore; doc++) isMore = this.#indexBlock();
			while (!isMore && this.#stale.size >= SPANS_PER_DOC) this.#indexStale();
			this.#save.run(this.#indexedSeq);
			this.#database.exec("COMMIT");
			return isMore;
		} catch (error) {
			this.#indexedSeq = indexedBefore;
			for (const seq of staleBefore) this.#stale.add(seq);
			if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
			throw error;
		}
	}

	close(): void {
		this.#isClosed = true;
		clearTimeout(this.#timer);
	}

	#indexBlock(): boolean {
		const rows = [...this.#read.iterate(this.#indexedSeq, SPANS_PER_DOC)] as unknown as WholeTextRow[];
		const last = rows.at(-1);
		// Few spans wait for more: a search looks through them as fast, and small documents make a large index.
		if (last === undefined || rows.length < SPANS_PER_DOC) return false;
		this.#write(rows, [[rows[0][0], last[0]]]);
		this.#indexedSeq = last[0];
		return true;
	}

	#indexStale(): void {
		const seqs = [...this.#stale].slice(0, SPANS_PER_DOC);
		const rows = seqs
			.map((seq) => this.#readWhole.get(seq) as unknown as WholeTextRow | undefined)
			.filter((row) => row !== undefined);
		if (rows.length > 0) {
			this.#write(
				rows,
				rows.map(([seq]) => [seq, seq] as const).sort((a, b) => a[0] - b[0]),
			);
		}
		const remove = this.#database.prepare("DELETE FROM search_stale WHERE seq = ?");
		for (const seq of seqs) {
			remove.run(seq);
			this.#stale.delete(seq);
		}
	}

	#write(rows: readonly WholeTextRow[], seqs: readonly (readonly [number, number])[]): void {
		const texts: string[] = [];
		for (const [, name, input, output, rest] of rows) {
			texts.push(name.toLowerCase(), rest.toLowerCase());
			if (input !== null) texts.push(input.toLowerCase());
			if (output !== null) texts.push(output.toLowerCase());
		}
		const doc = this.#insertDoc.run(JSON.stringify(seqs)).lastInsertRowid;
		this.#insert.run(doc, this.#grams.of(texts));
	}

	#readIndexedSeq(): number {
		return readNumber(this.#database, `SELECT max(value) FROM meta WHERE key = '${PLACE_KEY}'`);
	}

	/** What was indexed without some of the texts is indexed anew, in the background; until then searches read the texts. */
	#forgetOldForm(): void {
		if (readNumber(this.#database, `SELECT count(*) FROM meta WHERE key = '${OLD_PLACE_KEY}'`) === 0) return;
		this.#database.exec(
			`BEGIN IMMEDIATE; ${FORGET_ALL}; DELETE FROM meta WHERE key IN ('${OLD_PLACE_KEY}', '${PLACE_KEY}'); COMMIT`,
		);
	}

	#readStale(): Set<number> {
		return new Set(
			this.#database
				.prepare("SELECT seq FROM search_stale")
				.all()
				.map(({ seq }) => Number(seq)),
		);
	}

	#schedule(delayMs: number): void {
		if (this.#isClosed) return;
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#work();
		}, delayMs);
		this.#timer.unref();
	}

	#work(): void {
		const isBusy = Date.now() - this.#lastCommitMs < BUSY_PAUSE_MS;
		if (isBusy && this.waiting < MAX_WAITING) {
			this.#schedule(BUSY_PAUSE_MS);
			return;
		}
		try {
			if (this.step()) this.#schedule(isBusy ? BUSY_PAUSE_MS / 4 : IDLE_PAUSE_MS);
		} catch (error) {
			// The next commit tries again; until then searches read the texts themselves.
			this.#logger.error(`the search index could not be written: ${describeError(error)}`);
		}
	}
}

function holds([, name, input, output]: TextRow, { columns, needles, nameNeedle }: TextCondition): boolean {
	if (nameNeedle !== undefined && name.toLowerCase().includes(nameNeedle)) return true;
	return columns.some((column) => {
		const text = (column === "input" ? input : output)?.toLowerCase();
		return text !== undefined && needles.some((needle) => text.includes(needle));
	});
}
