/**
 * Which spans' tokens and cost count, by one rule for every sum that anybody shows: of a trace, a session, the summary, the
 * analytics and the extension's own store. Spans repeat each other: agents report what their calls used once more, and two
 * instrumentations of one program report one call twice.
 */

/** Usage of the spans of one trace, one row a span, in any order. NaN is unknown; counts are whole tokens. */
export interface UsageRows {
	readonly count: number;
	/** Row of the parent; -1 for a root and where the parent is not known. */
	readonly parentRow: Int32Array;
	readonly input: Float64Array;
	readonly output: Float64Array;
	readonly cacheRead: Float64Array;
	readonly cacheWrite: Float64Array;
	readonly reasoning: Float64Array;
	/** Whole nano-dollars, see `nanoUsd`. */
	readonly costNano: Float64Array;
	/** 1 for a span that says of itself that it sums up everything below (`usage_scope: "subtree"`). */
	readonly isRollup: Uint8Array;
	readonly model: readonly (string | null)[];
}

/** No model is named below a row; models that differ are. */
const NO_MODEL = -1;
const MANY_MODELS = -2;

/**
 * For each row whether its usage counts: 1, or 0 where it repeats what spans below it report, which count in its place. A row
 * without usage is 1. Work grows with the number of rows; the answer does not depend on their order.
 *
 * A span has usage when it has a token count or a cost. It repeats those below when
 * - it is a roll-up, and any span below it has usage; or
 * - it is none, and the counting spans below it add up to exactly its input and output tokens (both known, not both 0), unless
 *   it names one model and they name another (`isSameModel`).
 *
 * A span that is its own ancestor has no parent here.
 */
export function countUsage(rows: UsageRows): Uint8Array {
	const { count, parentRow } = rows;
	const counts = new Uint8Array(count).fill(1);
	const openChildren = new Uint32Array(count);
	for (let row = 0; row < count; row++) {
		const parent = parentRow[row];
		if (parent >= 0) openChildren[parent]++;
	}
	const below = new Below(count);
	const settle = (row: number): void => {
		if (repeats(rows, row, below)) counts[row] = 0;
	};
	// From the leaves up: a row is settled when all its children are.
	const isSettled = new Uint8Array(count);
	for (let leaf = 0; leaf < count; leaf++) {
		for (let row = leaf; openChildren[row] === 0 && isSettled[row] === 0; ) {
			settle(row);
			isSettled[row] = 1;
			const parent = parentRow[row];
			if (parent < 0) break;
			below.add(rows, parent, row, counts[row] === 1);
			openChildren[parent]--;
			row = parent;
		}
	}
	// What is left lies on circles of parents.
	for (let row = 0; row < count; row++) if (isSettled[row] === 0) settle(row);
	return counts;
}

/** What one span costs at most, dollars; more is a mistake, and would make sums in nano-dollars inexact. */
export const MAX_COST_USD = 1_000_000;

/** Whether a number can be what a span cost, in dollars. */
export function isCost(usd: number): boolean {
	return usd >= 0 && usd <= MAX_COST_USD;
}

/** Whole nano-dollars of a cost: they add up to the same sum in any order, which plain doubles do not. */
export function nanoUsd(usd: number): number {
	return Math.sign(usd) * Math.floor(Math.abs(usd) * 1e9 + 0.5);
}

/**
 * True when two names may be those of one model: `gpt-4o` is asked for, `gpt-4o-2024-08-06` answers, and a gateway calls it
 * `openai/gpt-4o`.
 */
export function isSameModel(a: string, b: string): boolean {
	if (a === b) return true;
	const one = bareName(a);
	const other = bareName(b);
	return one.startsWith(other) || other.startsWith(one);
}

function bareName(model: string): string {
	return model.slice(model.lastIndexOf("/") + 1).toLowerCase();
}

/** Sums over the counting spans below each row. */
class Below {
	readonly #input: Float64Array;
	readonly #output: Float64Array;
	/** A row that names the model that all of them name, or one of the constants. */
	readonly #modelRow: Int32Array;
	/** 1 when any span below has usage, counting or not. */
	readonly #hasUsage: Uint8Array;

	constructor(count: number) {
		this.#input = new Float64Array(count).fill(Number.NaN);
		this.#output = new Float64Array(count).fill(Number.NaN);
		this.#modelRow = new Int32Array(count).fill(NO_MODEL);
		this.#hasUsage = new Uint8Array(count);
	}

	hasUsage(row: number): boolean {
		return this.#hasUsage[row] === 1;
	}

	/** True when the spans below `row` add up to its own input and output. */
	equals(rows: UsageRows, row: number): boolean {
		const input = rows.input[row];
		const output = rows.output[row];
		if (this.#input[row] !== input || this.#output[row] !== output || (input === 0 && output === 0)) return false;
		const own = rows.model[row];
		const other = this.#modelRow[row] < 0 ? null : rows.model[this.#modelRow[row]];
		return own === null || other === null || isSameModel(own, other);
	}

	/** Adds what is below `child`, and `child` itself when it counts, to what is below `parent`. */
	add(rows: UsageRows, parent: number, child: number, isCounting: boolean): void {
		this.#addTokens(parent, this.#input[child], this.#output[child]);
		this.#addModel(rows, parent, this.#modelRow[child]);
		if (this.#hasUsage[child] === 1) this.#hasUsage[parent] = 1;
		if (!isCounting || !hasUsage(rows, child)) return;
		this.#hasUsage[parent] = 1;
		this.#addTokens(parent, rows.input[child], rows.output[child]);
		if (rows.model[child] !== null) this.#addModel(rows, parent, child);
	}

	#addTokens(row: number, input: number, output: number): void {
		this.#input[row] = plus(this.#input[row], input);
		this.#output[row] = plus(this.#output[row], output);
	}

	#addModel(rows: UsageRows, row: number, modelRow: number): void {
		const before = this.#modelRow[row];
		if (modelRow === NO_MODEL || before === MANY_MODELS) return;
		if (before === NO_MODEL) this.#modelRow[row] = modelRow;
		else if (modelRow === MANY_MODELS || rows.model[before] !== rows.model[modelRow]) this.#modelRow[row] = MANY_MODELS;
	}
}

function repeats(rows: UsageRows, row: number, below: Below): boolean {
	if (!below.hasUsage(row) || !hasUsage(rows, row)) return false;
	return rows.isRollup[row] === 1 || below.equals(rows, row);
}

function hasUsage(rows: UsageRows, row: number): boolean {
	return !(
		Number.isNaN(rows.input[row]) &&
		Number.isNaN(rows.output[row]) &&
		Number.isNaN(rows.costNano[row]) &&
		Number.isNaN(rows.cacheRead[row]) &&
		Number.isNaN(rows.cacheWrite[row]) &&
		Number.isNaN(rows.reasoning[row])
	);
}

/** Sum of two numbers of which either may be unknown (NaN). */
export function plus(sum: number, value: number): number {
	return Number.isNaN(value) ? sum : Number.isNaN(sum) ? value : sum + value;
}
