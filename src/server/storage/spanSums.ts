import { SpanStateCode } from "../../model/span.ts";
import { nanoUsd } from "../../model/usage.ts";
import type { Database, Statement } from "./database.ts";
import type { FilterColumns, WordColumn } from "./filterColumns.ts";
import { Words } from "./words.ts";

/** Sums over some spans. Tokens and costs are of spans whose usage counts; what is known of none is 0 here and in `known…`. */
export interface SpanSums {
	/** Row in the columns of the first span. */
	readonly firstRow: number;
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

export function emptySums(firstRow: number): SpanSums {
	return {
		firstRow,
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

/** More groups than this are refused: nobody looks at so many, and an answer has to be held in memory. */
export const MAX_GROUPS = 100_000;

/**
 * Sums of the rows that `mask` marks, by the combination of their keys (one group of all without keys). In one turn of the event
 * loop, so that all sums are of one moment: a pass over a million rows takes some hundredths of a second. Undefined when there
 * are more than `maxGroups`.
 */
export function sumBy(
	columns: FilterColumns,
	mask: Uint8Array,
	keys: readonly RowKey[],
	maxGroups = MAX_GROUPS,
): SpanSums[] | undefined {
	const groups: SpanSums[] = [];
	const llmCall = columns.words.find("llm_call");
	// For each key a map from (number so far, key) to the next number: numbers stay small, so that a pair is exact in a double.
	const numbers = keys.map(() => new Map<number, number>());
	for (let row = 0; row < mask.length; row++) {
		if (mask[row] === 0) continue;
		let group = 0;
		for (let index = 0; index < keys.length; index++) {
			const pair = group * 4_294_967_296 + (keys[index](row) >>> 0);
			const known = numbers[index].get(pair);
			if (known === undefined) {
				group = numbers[index].size;
				if (group >= maxGroups) return undefined;
				numbers[index].set(pair, group);
			} else group = known;
		}
		groups[group] ??= emptySums(row);
		addRow(groups[group], columns, row, llmCall);
	}
	return groups;
}

/** Words of a column as keys and as texts, those too that the columns have no room for: they are read from the table. */
export class WordKeys {
	readonly #columns: FilterColumns;
	readonly #column: WordColumn | "kindName";
	readonly #read: Statement;
	/** Numbers of the texts that are in the table only, from the top down. */
	readonly #others = new Map<string, number>();

	constructor(columns: FilterColumns, column: WordColumn | "kindName", database: Database) {
		this.#columns = columns;
		this.#column = column;
		const name = column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
		this.#read = database.prepare(`SELECT ${name} AS word FROM spans WHERE seq = ?`);
	}

	readonly keyOf: RowKey = (row) => {
		const word = this.#columns[this.#column][row];
		if (word !== Words.other) return word;
		const text = this.textOf(row) ?? "";
		let number = this.#others.get(text);
		if (number === undefined) {
			number = 0xffff_ffff - this.#others.size;
			this.#others.set(text, number);
		}
		return number;
	};

	textOf(row: number): string | null {
		const text = this.#columns.words.text(this.#columns[this.#column][row]);
		if (text !== undefined) return text;
		const found = this.#read.get(this.#columns.seq[row]);
		return found === undefined ? null : (found.word as string | null);
	}
}
