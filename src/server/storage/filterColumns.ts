import { ArrayStatement, type Database, type SqlValue, type Statement } from "./database.ts";
import { Words } from "./words.ts";

/** Columns of words. */
export type WordColumn = "name" | "model" | "provider" | "path" | "toolName" | "agentName";
/** Columns of numbers, NaN for unknown. `tokens` is input and output, unknown parts as 0. */
export type NumberColumn = "durationMs" | "tokens" | "costUsd";

/** What must hold of a span, in words of the columns. */
export type ColumnCondition =
	| { readonly on: "trace"; readonly ref: number }
	| { readonly on: "word"; readonly column: WordColumn; readonly equals: string }
	| { readonly on: "contains"; readonly column: WordColumn; readonly lowerCase: string }
	/** Type, or inner word of a custom kind. */
	| { readonly on: "kind"; readonly word: string }
	| { readonly on: "status"; readonly code: number }
	| { readonly on: "start"; readonly relation: ">=" | "<="; readonly ms: number; readonly subNs: number }
	/** An unknown number counts as 0 where `unknownIs0`, else it passes nothing. */
	| {
			readonly on: "number";
			readonly column: NumberColumn;
			readonly relation: ">=" | "<=";
			readonly bound: number;
			readonly unknownIs0: boolean;
	  }
	/** Own session of the span, or the session of its trace where it has none. */
	| { readonly on: "session"; readonly ref: number; readonly traceRefs: ReadonlySet<number> };

/** What the columns hold of one span; numbers NaN for unknown, refs 0 for none. */
export interface ColumnRow {
	readonly seq: number;
	readonly traceRef: number;
	readonly name: string;
	readonly kindType: string;
	readonly kindName: string;
	readonly model: string | null;
	readonly provider: string | null;
	readonly path: string | null;
	readonly toolName: string | null;
	readonly agentName: string | null;
	readonly sessionRef: number | null;
	readonly status: number;
	readonly startMs: number;
	readonly startSub: number;
	readonly durationMs: number | null;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	readonly cacheReadTokens: number | null;
	readonly cacheWriteTokens: number | null;
	readonly reasoningTokens: number | null;
	readonly cost: number | null;
	readonly counts: number;
}

/** Rows whose span has been deleted; they go when they are many. */
const DELETED = 255;

const READ_PER_TURN = 4000;

const COLUMNS = `seq, trace AS traceRef, name, kind_type AS kindType, kind_name AS kindName, model, provider, path,
	tool_name AS toolName, agent_name AS agentName, session AS sessionRef, status, start_ms AS startMs, start_sub AS startSub,
	duration_ms AS durationMs, input_tokens AS inputTokens, output_tokens AS outputTokens,
	cache_read_tokens AS cacheReadTokens, cache_write_tokens AS cacheWriteTokens, reasoning_tokens AS reasoningTokens,
	cost, counts`;

/** A row of `COLUMNS`. */
function columnRow(values: readonly SqlValue[]): ColumnRow {
	const number = (at: number) => values[at] as number | null;
	const text = (at: number) => values[at] as string | null;
	return {
		seq: Number(values[0]),
		traceRef: Number(values[1]),
		name: String(values[2]),
		kindType: String(values[3]),
		kindName: String(values[4]),
		model: text(5),
		provider: text(6),
		path: text(7),
		toolName: text(8),
		agentName: text(9),
		sessionRef: number(10),
		status: Number(values[11]),
		startMs: Number(values[12]),
		startSub: Number(values[13]),
		durationMs: number(14),
		inputTokens: number(15),
		outputTokens: number(16),
		cacheReadTokens: number(17),
		cacheWriteTokens: number(18),
		reasoningTokens: number(19),
		cost: number(20),
		counts: Number(values[21]),
	};
}

/** Token counts and cost of the spans that have any; NaN is unknown. */
class UsageColumns {
	length = 0;
	/** Row in the columns of spans. */
	row = new Int32Array(256);
	input = new Float64Array(256);
	output = new Float64Array(256);
	cacheRead = new Float64Array(256);
	cacheWrite = new Float64Array(256);
	reasoning = new Float64Array(256);
	cost = new Float64Array(256);
	counts = new Uint8Array(256);

	add(row: number): number {
		if (this.length === this.row.length) {
			for (const name of [
				"row",
				"input",
				"output",
				"cacheRead",
				"cacheWrite",
				"reasoning",
				"cost",
				"counts",
			] as const) {
				const grown = new (this[name].constructor as Float64ArrayConstructor)(this.length * 2);
				grown.set(this[name] as Float64Array);
				(this as Record<string, unknown>)[name] = grown;
			}
		}
		this.row[this.length] = row;
		return this.length++;
	}

	set(at: number, span: ColumnRow): void {
		this.input[at] = span.inputTokens ?? Number.NaN;
		this.output[at] = span.outputTokens ?? Number.NaN;
		this.cacheRead[at] = span.cacheReadTokens ?? Number.NaN;
		this.cacheWrite[at] = span.cacheWriteTokens ?? Number.NaN;
		this.reasoning[at] = span.reasoningTokens ?? Number.NaN;
		this.cost[at] = span.cost ?? Number.NaN;
		this.counts[at] = span.counts;
	}
}

/**
 * What lists filter, sort and sum by, of every span, in typed arrays: about 60 bytes a span, and a pass over a million of them
 * takes milliseconds whatever the filter. The table is the truth; the columns are read from it in the background after the
 * start (`ready`) and follow every commit.
 */
export class FilterColumns {
	/** Words of all word columns. */
	readonly words = new Words();
	readonly usage = new UsageColumns();
	length = 0;
	/** Grows whenever rows have moved: a row number is good for no longer. */
	moves = 0;
	/** Ascending. */
	seq = new Float64Array(1024);
	trace = new Uint32Array(1024);
	name = new Uint32Array(1024);
	/** Word numbers of type and inner word. */
	kindType = new Uint32Array(1024);
	kindName = new Uint32Array(1024);
	model = new Uint32Array(1024);
	provider = new Uint32Array(1024);
	path = new Uint32Array(1024);
	toolName = new Uint32Array(1024);
	agentName = new Uint32Array(1024);
	/** Own session of the span; 0 is none. */
	session = new Uint32Array(1024);
	/** Code of `SpanStateCode`, or `DELETED`. */
	status = new Uint8Array(1024);
	startMs = new Float64Array(1024);
	startSub = new Uint32Array(1024);
	/** NaN while the span runs. */
	durationMs = new Float64Array(1024);
	/** Row in `usage`, -1 for none. */
	usageRow = new Int32Array(1024);
	/** Settles when every span is in the columns. */
	readonly ready: Promise<void>;
	readonly #read: ArrayStatement;
	readonly #readOne: Statement;
	readonly #database: Database;
	#isReady = false;
	#isClosed = false;
	#deleted = 0;
	/** Row numbers that this transaction has added or changed. */
	#touched: number[] = [];
	#committedLength = 0;
	#committedUsageLength = 0;

	constructor(database: Database) {
		this.#database = database;
		this.#read = new ArrayStatement(database, `SELECT ${COLUMNS} FROM spans WHERE seq > ? ORDER BY seq LIMIT ?`);
		this.#readOne = database.prepare(`SELECT ${COLUMNS} FROM spans WHERE seq = ?`);
		this.ready = this.#load();
	}

	close(): void {
		this.#isClosed = true;
	}

	/** Takes note of a new span, whose row number is greater than all before. */
	add(span: ColumnRow): void {
		// Before everything has been read, the new one will be read, too.
		if (!this.#isReady) return;
		this.#append(span);
		this.#touched.push(span.seq);
	}

	/** Takes note that a span's row has changed. */
	change(seq: number): void {
		this.#touched.push(seq);
		const row = this.rowOf(seq);
		if (row >= 0) this.#reload(row, seq);
	}

	/** Takes note that a span ended and its kind stayed. */
	end(seq: number, status: number, durationMs: number): void {
		this.#touched.push(seq);
		const row = this.rowOf(seq);
		if (row < 0) return;
		this.status[row] = status;
		this.durationMs[row] = durationMs;
	}

	delete(seq: number): void {
		const row = this.rowOf(seq);
		// Rows of a trace that is deleted bit by bit have gone before: a rollback must not bring them back.
		if (row < 0 || this.status[row] === DELETED) return;
		this.#touched.push(seq);
		this.#markDeleted(row);
	}

	/** Takes note of a trace that goes with all its spans. */
	deleteTrace(ref: number): void {
		for (let row = 0; row < this.length; row++) {
			if (this.trace[row] !== ref || this.status[row] === DELETED) continue;
			this.#touched.push(this.seq[row]);
			this.#markDeleted(row);
		}
	}

	setCounts(seq: number, counts: number): void {
		const row = this.rowOf(seq);
		if (row < 0 || this.usageRow[row] < 0) return;
		this.#touched.push(seq);
		this.usage.counts[this.usageRow[row]] = counts;
	}

	/** True for a row whose span is there. */
	isThere(row: number): boolean {
		return this.status[row] !== DELETED;
	}

	/** Row of a span, -1 when it has none. */
	rowOf(seq: number): number {
		let low = 0;
		let high = this.length - 1;
		// Numbers have no holes but for deletions: the first guess is nearly always right.
		let guess = this.length === 0 ? -1 : Math.min(high, seq - this.seq[0]);
		while (low <= high) {
			if (guess < low || guess > high) guess = (low + high) >> 1;
			const found = this.seq[guess];
			if (found === seq) return guess;
			if (found < seq) low = guess + 1;
			else high = guess - 1;
			guess = (low + high) >> 1;
		}
		return -1;
	}

	/** First row of a span of this number or a greater one. */
	rowFrom(seq: number): number {
		let low = 0;
		let high = this.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.seq[middle] < seq) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/**
	 * For each row 1 when all conditions hold, 0 when not, 2 when only the table can tell (a word that is too long for the
	 * columns). `sql` of the same conditions settles those.
	 */
	match(conditions: readonly ColumnCondition[]): Uint8Array {
		const { length } = this;
		const mask = new Uint8Array(length);
		const { status } = this;
		for (let row = 0; row < length; row++) mask[row] = status[row] === DELETED ? 0 : 1;
		for (const condition of conditions) this.#restrict(mask, condition);
		return mask;
	}

	/** Makes one transaction's changes final. */
	didCommit(): void {
		if (this.#touched.length > 0) this.#touched = [];
		this.#noteCommitted();
		if (this.#deleted > 10_000 && this.#deleted > this.length / 4) this.#compact();
	}

	/** To be called after the rollback: takes back what this transaction did. */
	didRollBack(): void {
		this.length = this.#committedLength;
		const { usage } = this;
		// Also rows from before have usage that is new.
		for (let at = this.#committedUsageLength; at < usage.length; at++) this.usageRow[usage.row[at]] = -1;
		usage.length = this.#committedUsageLength;
		for (const seq of this.#touched) {
			const row = this.rowOf(seq);
			if (row >= 0) this.#reload(row, seq);
		}
		this.#touched = [];
	}

	clear(): void {
		for (let row = 0; row < this.length; row++) {
			if (this.status[row] === DELETED) continue;
			this.#touched.push(this.seq[row]);
			this.#markDeleted(row);
		}
	}

	async #load(): Promise<void> {
		// Not in the constructor's turn: the server listens first.
		for (;;) {
			await new Promise<void>((resolve) => setImmediate(resolve));
			if (this.#isClosed) return;
			const last = this.length === 0 ? 0 : this.seq[this.length - 1];
			let count = 0;
			for (const row of this.#read.iterate(last, READ_PER_TURN)) {
				this.#append(columnRow(row));
				count++;
			}
			this.#noteCommitted();
			if (count < READ_PER_TURN) break;
		}
		for (const { ref } of this.#database.prepare("SELECT ref FROM doomed").all()) this.deleteTrace(Number(ref));
		this.#touched = [];
		this.#isReady = true;
	}

	#noteCommitted(): void {
		this.#committedLength = this.length;
		this.#committedUsageLength = this.usage.length;
	}

	#append(span: ColumnRow): void {
		if (this.length === this.seq.length) this.#grow();
		const row = this.length++;
		this.seq[row] = span.seq;
		this.usageRow[row] = -1;
		this.#set(row, span);
	}

	#set(row: number, span: ColumnRow): void {
		const { words } = this;
		this.trace[row] = span.traceRef;
		this.name[row] = words.add(span.name);
		this.kindType[row] = words.add(span.kindType);
		this.kindName[row] = words.add(span.kindName);
		this.model[row] = words.add(span.model);
		this.provider[row] = words.add(span.provider);
		this.path[row] = words.add(span.path);
		this.toolName[row] = words.add(span.toolName);
		this.agentName[row] = words.add(span.agentName);
		this.session[row] = span.sessionRef ?? 0;
		this.status[row] = span.status;
		this.startMs[row] = span.startMs;
		this.startSub[row] = span.startSub;
		this.durationMs[row] = span.durationMs ?? Number.NaN;
		const hasUsage =
			span.inputTokens !== null ||
			span.outputTokens !== null ||
			span.cost !== null ||
			span.cacheReadTokens !== null ||
			span.cacheWriteTokens !== null ||
			span.reasoningTokens !== null;
		if (this.usageRow[row] < 0 && !hasUsage) return;
		if (this.usageRow[row] < 0) this.usageRow[row] = this.usage.add(row);
		this.usage.set(this.usageRow[row], span);
	}

	#reload(row: number, seq: number): void {
		const span = this.#readOne.get(seq) as unknown as ColumnRow | undefined;
		if (span === undefined) {
			this.#markDeleted(row);
			return;
		}
		if (this.status[row] === DELETED) this.#deleted--;
		this.#set(row, span);
	}

	#markDeleted(row: number): void {
		if (row < 0 || this.status[row] === DELETED) return;
		this.status[row] = DELETED;
		this.#deleted++;
	}

	#grow(): void {
		for (const name of COLUMN_NAMES) {
			const grown = new (this[name].constructor as Float64ArrayConstructor)(this.length * 2);
			grown.set(this[name] as Float64Array);
			(this as Record<string, unknown>)[name] = grown;
		}
	}

	/** Moves what is there together, behind which there is room again. */
	#compact(): void {
		this.moves++;
		let to = 0;
		const { usage } = this;
		const newRow = new Int32Array(this.length).fill(-1);
		for (let row = 0; row < this.length; row++) {
			if (this.status[row] === DELETED) continue;
			newRow[row] = to;
			if (to !== row) for (const name of COLUMN_NAMES) this[name][to] = this[name][row];
			to++;
		}
		let kept = 0;
		for (let at = 0; at < usage.length; at++) {
			const row = newRow[usage.row[at]];
			if (row < 0) continue;
			this.usageRow[row] = kept;
			for (const name of ["input", "output", "cacheRead", "cacheWrite", "reasoning", "cost", "counts"] as const) {
				usage[name][kept] = usage[name][at];
			}
			usage.row[kept++] = row;
		}
		usage.length = kept;
		this.length = to;
		this.#noteCommitted();
		this.#deleted = 0;
	}

	#restrict(mask: Uint8Array, condition: ColumnCondition): void {
		const { length } = this;
		switch (condition.on) {
			case "trace": {
				const { trace } = this;
				for (let row = 0; row < length; row++) if (trace[row] !== condition.ref) mask[row] = 0;
				return;
			}
			case "status": {
				const { status } = this;
				for (let row = 0; row < length; row++) if (status[row] !== condition.code) mask[row] = 0;
				return;
			}
			case "word":
				restrictWord(mask, this[condition.column], length, this.words.find(condition.equals));
				return;
			case "contains": {
				const passing = this.words.matching((text) => text.toLowerCase().includes(condition.lowerCase));
				passing[Words.other] = 2;
				const column = this[condition.column];
				for (let row = 0; row < length; row++) if (mask[row] !== 0) mask[row] = both(mask[row], passing[column[row]]);
				return;
			}
			case "kind": {
				const { kindType, kindName } = this;
				const word = this.words.find(condition.word);
				const isOther = word === Words.other;
				for (let row = 0; row < length; row++) {
					if (mask[row] === 0) continue;
					const isHit = word !== undefined && (kindType[row] === word || kindName[row] === word);
					const isMaybe = kindType[row] === Words.other || kindName[row] === Words.other;
					mask[row] = both(mask[row], isHit && !isOther ? 1 : isMaybe ? 2 : 0);
				}
				return;
			}
			case "start": {
				const { startMs, startSub } = this;
				const { ms, subNs } = condition;
				const isMinimum = condition.relation === ">=";
				for (let row = 0; row < length; row++) {
					const difference = startMs[row] - ms || startSub[row] - subNs;
					if (isMinimum ? difference < 0 : difference > 0) mask[row] = 0;
				}
				return;
			}
			case "number":
				this.#restrictNumber(mask, condition);
				return;
			case "session": {
				const { session, trace } = this;
				for (let row = 0; row < length; row++) {
					const own = session[row];
					const isHit = own === 0 ? condition.traceRefs.has(trace[row]) : own === condition.ref;
					if (!isHit) mask[row] = 0;
				}
			}
		}
	}

	#restrictNumber(
		mask: Uint8Array,
		{ column, relation, bound, unknownIs0 }: Extract<ColumnCondition, { on: "number" }>,
	): void {
		const { length, durationMs } = this;
		const isMinimum = relation === ">=";
		for (let row = 0; row < length; row++) {
			if (mask[row] === 0) continue;
			let value = column === "durationMs" ? durationMs[row] : this.numberOf(column, row);
			if (unknownIs0 && Number.isNaN(value)) value = 0;
			// Also false for NaN.
			if (!(isMinimum ? value >= bound : value <= bound)) mask[row] = 0;
		}
	}

	/** Tokens or cost of a row; NaN when it knows none. */
	numberOf(column: NumberColumn, row: number): number {
		if (column === "durationMs") return this.durationMs[row];
		const at = this.usageRow[row];
		if (at < 0) return Number.NaN;
		if (column === "costUsd") return this.usage.cost[at];
		const input = this.usage.input[at];
		const output = this.usage.output[at];
		if (Number.isNaN(input)) return output;
		return Number.isNaN(output) ? input : input + output;
	}
}

const COLUMN_NAMES = [
	"seq",
	"trace",
	"name",
	"kindType",
	"kindName",
	"model",
	"provider",
	"path",
	"toolName",
	"agentName",
	"session",
	"status",
	"startMs",
	"startSub",
	"durationMs",
	"usageRow",
] as const;

function both(one: number, other: number): number {
	return one === 0 || other === 0 ? 0 : one === 2 || other === 2 ? 2 : 1;
}

function restrictWord(mask: Uint8Array, column: Uint32Array, length: number, word: number | undefined): void {
	if (word === undefined) {
		mask.fill(0);
		return;
	}
	if (word === Words.other) {
		for (let row = 0; row < length; row++) mask[row] = mask[row] !== 0 && column[row] === word ? 2 : 0;
		return;
	}
	for (let row = 0; row < length; row++) if (column[row] !== word) mask[row] = 0;
}

const CONDITION_COLUMNS: Readonly<Record<WordColumn, string>> = {
	name: "s.name",
	model: "s.model",
	provider: "s.provider",
	path: "s.path",
	toolName: "s.tool_name",
	agentName: "s.agent_name",
};

/** The same condition in SQL about `spans s`, for rows that the columns cannot judge: only words can be such. */
export function conditionSql(
	condition: ColumnCondition,
): readonly [sql: string, ...parameters: SqlValue[]] | undefined {
	switch (condition.on) {
		case "word":
			return [`${CONDITION_COLUMNS[condition.column]} = ?`, condition.equals];
		case "contains":
			return [`contains_text(${CONDITION_COLUMNS[condition.column]}, ?)`, condition.lowerCase];
		case "kind":
			return ["(s.kind_type = ? OR s.kind_name = ?)", condition.word, condition.word];
		default:
			return undefined;
	}
}
