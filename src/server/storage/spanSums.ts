import { setImmediate as nextTurn } from "node:timers/promises";
import { SpanStateCode } from "../../model/span.ts";
import { nanoUsd } from "../../model/usage.ts";
import type { Database, Statement } from "./database.ts";
import type { FilterColumns, WordColumn } from "./filterColumns.ts";
import { Words } from "./words.ts";

/** Sums over some spans. Tokens and costs are of spans whose usage counts; what is known of none is 0 here and in `known…`. */
export interface SpanSums {
	spanCount: number;
	runningCount: number;
	failedCount: number;
	llmCalls: number;
	inputTokens: number;
	knownInputs: number;
	outputTokens: number;
	knownOutputs: number;
	/** Whole nano-dollars, so that a sum does not depend on the order. */
	costNano: number;
	knownCosts: number;
	/** Over ended spans. */
	latencyMs: number;
	endedCount: number;
	/** Milliseconds since the epoch with a fraction. */
	firstStartMs: number;
	/** Start of the last span that began, end of the last one that ended (NaN when none has). */
	lastStartMs: number;
	lastEndMs: number;
}

export function emptySums(): SpanSums {
	return {
		spanCount: 0,
		runningCount: 0,
		failedCount: 0,
		llmCalls: 0,
		inputTokens: 0,
		knownInputs: 0,
		outputTokens: 0,
		knownOutputs: 0,
		costNano: 0,
		knownCosts: 0,
		latencyMs: 0,
		endedCount: 0,
		firstStartMs: Number.POSITIVE_INFINITY,
		lastStartMs: Number.NEGATIVE_INFINITY,
		lastEndMs: Number.NaN,
	};
}

/** Adds the sums of other spans. */
export function addSums(sums: SpanSums, other: SpanSums): void {
	sums.spanCount += other.spanCount;
	sums.runningCount += other.runningCount;
	sums.failedCount += other.failedCount;
	sums.llmCalls += other.llmCalls;
	sums.inputTokens += other.inputTokens;
	sums.knownInputs += other.knownInputs;
	sums.outputTokens += other.outputTokens;
	sums.knownOutputs += other.knownOutputs;
	sums.costNano += other.costNano;
	sums.knownCosts += other.knownCosts;
	sums.latencyMs += other.latencyMs;
	sums.endedCount += other.endedCount;
	sums.firstStartMs = Math.min(sums.firstStartMs, other.firstStartMs);
	sums.lastStartMs = Math.max(sums.lastStartMs, other.lastStartMs);
	// Not Math.max: NaN is "none has ended".
	if (!(other.lastEndMs <= sums.lastEndMs) && !Number.isNaN(other.lastEndMs)) sums.lastEndMs = other.lastEndMs;
}

/** Adds one span. */
function addRow(sums: SpanSums, columns: FilterColumns, row: number, llmCall: number | undefined): void {
	sums.spanCount++;
	const status = columns.status[row];
	if (status === SpanStateCode.running) sums.runningCount++;
	else if (status === SpanStateCode.failed) sums.failedCount++;
	if (columns.kindType[row] === llmCall) sums.llmCalls++;
	const startMs = columns.startMs[row] + columns.startSub[row] / 1e6;
	if (startMs < sums.firstStartMs) sums.firstStartMs = startMs;
	if (startMs > sums.lastStartMs) sums.lastStartMs = startMs;
	const durationMs = columns.durationMs[row];
	if (!Number.isNaN(durationMs)) {
		sums.latencyMs += durationMs;
		sums.endedCount++;
		if (!(startMs + durationMs <= sums.lastEndMs)) sums.lastEndMs = startMs + durationMs;
	}
	const at = columns.usageRow[row];
	const { usage } = columns;
	if (at < 0 || usage.counts[at] === 0) return;
	const input = usage.input[at];
	if (!Number.isNaN(input)) {
		sums.inputTokens += input;
		sums.knownInputs++;
	}
	const output = usage.output[at];
	if (!Number.isNaN(output)) {
		sums.outputTokens += output;
		sums.knownOutputs++;
	}
	const cost = usage.cost[at];
	if (!Number.isNaN(cost)) {
		sums.costNano += nanoUsd(cost);
		sums.knownCosts++;
	}
}

/** A number for each row; rows of one group have the same. Any integers of 32 bits. */
export type RowKey = (row: number) => number;

/** Sums of the rows that have these keys. */
export interface SumGroup {
	readonly keys: readonly number[];
	readonly sums: SpanSums;
}

/** More groups than this are refused: nobody looks at so many, and an answer has to be held in memory. */
export const MAX_GROUPS = 100_000;

/** About five milliseconds of the event loop. */
const ROWS_PER_TURN = 30_000;

/**
 * Visits every row that `match` marks, in many turns of the event loop so that nobody waits for it. What is written in between
 * may or may not be seen; spans that begin in between are not. When rows have moved in between, `begin` is called once more
 * and everything is visited anew.
 */
export async function visitRows(
	columns: FilterColumns,
	match: () => Uint8Array,
	begin: () => void,
	visit: (row: number) => void,
): Promise<void> {
	for (;;) {
		const { moves } = columns;
		const mask = match();
		begin();
		let row = 0;
		while (row < mask.length && columns.moves === moves) {
			const end = Math.min(mask.length, row + ROWS_PER_TURN);
			for (; row < end; row++) if (mask[row] !== 0 && columns.isThere(row)) visit(row);
			if (row < mask.length) await nextTurn();
		}
		if (columns.moves === moves) return;
	}
}

/**
 * Sums of the rows that `match` marks, by the combination of their keys (one group of all without keys). Undefined when there are
 * more than `maxGroups`. See `visitRows` for what is seen of writes meanwhile.
 */
export async function sumBy(
	columns: FilterColumns,
	match: () => Uint8Array,
	keys: readonly RowKey[],
	maxGroups = MAX_GROUPS,
): Promise<SumGroup[] | undefined> {
	let groups: SumGroup[] = [];
	// For each key a map from (number so far, key) to the next number: numbers stay small, so that a pair is exact in a double.
	let numbers: Map<number, number>[] = [];
	let llmCall: number | undefined;
	await visitRows(
		columns,
		match,
		() => {
			groups = [];
			numbers = keys.map(() => new Map());
			llmCall = columns.words.find("llm_call");
		},
		(row) => {
			let group = 0;
			for (let index = 0; index < keys.length; index++) {
				const pair = group * 4_294_967_296 + (keys[index](row) >>> 0);
				const known = numbers[index].get(pair);
				if (known === undefined) {
					group = numbers[index].size;
					numbers[index].set(pair, group);
				} else group = known;
			}
			if (group > maxGroups) return;
			groups[group] ??= { keys: keys.map((keyOf) => keyOf(row)), sums: emptySums() };
			addRow(groups[group].sums, columns, row, llmCall);
		},
	);
	return groups.length > maxGroups ? undefined : groups;
}

/** Words of a column as keys and as texts, those too that the columns have no room for: they are read from the table. */
export class WordKeys {
	readonly #columns: FilterColumns;
	readonly #column: WordColumn | "kindName";
	readonly #read: Statement;
	/** Numbers of the texts that are in the table only, from the top down. */
	readonly #others = new Map<string, number>();
	readonly #otherTexts = new Map<number, string>();

	constructor(columns: FilterColumns, column: WordColumn | "kindName", database: Database) {
		this.#columns = columns;
		this.#column = column;
		const name = column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
		this.#read = database.prepare(`SELECT ${name} AS word FROM spans WHERE seq = ?`);
	}

	readonly keyOf: RowKey = (row) => {
		const word = this.#columns[this.#column][row];
		return word === Words.other ? this.#otherKey(row) : word;
	};

	textOf(key: number): string | null {
		return this.#otherTexts.get(key) ?? this.#columns.words.text(key) ?? null;
	}

	#otherKey(row: number): number {
		const found = this.#read.get(this.#columns.seq[row]);
		const text = String(found?.word ?? "");
		let number = this.#others.get(text);
		if (number === undefined) {
			number = 0xffff_ffff - this.#others.size;
			this.#others.set(text, number);
			this.#otherTexts.set(number, text);
		}
		return number;
	}
}

/**
 * Number of the session that each row is in: the one that its span names, else the one of its trace; 0 for none. Reads the
 * sessions of traces as they are now.
 */
export function sessionKey(columns: FilterColumns, database: Database): RowKey {
	const first = Number(database.prepare("SELECT min(ref) AS ref FROM traces").get()?.ref ?? 0);
	const last = Number(database.prepare("SELECT max(ref) AS ref FROM traces").get()?.ref ?? 0);
	const ofTrace = new Uint32Array(last - first + 1);
	for (const row of database.prepare("SELECT ref, session FROM traces WHERE session IS NOT NULL").iterate()) {
		ofTrace[Number(row.ref) - first] = Number(row.session);
	}
	// A trace that came later is beyond the array: undefined is no session.
	return (row) => columns.session[row] || ofTrace[columns.trace[row] - first] || 0;
}
