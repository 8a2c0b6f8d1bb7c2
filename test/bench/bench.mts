import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** One figure of a benchmark. A benchmark measures; whether a goal was met is printed and never fails a build. */
export interface BenchRow {
	/** Words joined by hyphens, beginning with the benchmark's own name: `store-memory-ratio`. */
	readonly name: string;
	readonly value: number;
	/** Of `value` and `baseline`: `ms`, `events/s`, `bytes/span`. */
	readonly unit: string;
	/** What was run beside it in the same process or the same minute; undefined when the figure stands alone. */
	readonly baseline: number | undefined;
	/** `value / baseline`. */
	readonly ratio: number | undefined;
	/** `">= 0.5 ratio"` is about the ratio, any other unit about the value: `"<= 30 ms"`. Empty: no goal. */
	readonly goal: string;
}

/** What each `test/bench/*.bench.mts` exports. */
export interface Bench {
	readonly name: string;
	run(): Promise<BenchRow[]>;
}

/** Middle of the values, mean of the two middle ones when their number is even; NaN for none. */
export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	if (sorted.length === 0) return Number.NaN;
	return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that `share` (0 … 1) of the values do not exceed, by the nearest rank; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	if (sorted.length === 0) return Number.NaN;
	return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/**
 * Runs each contender `rounds` times, one after the other and in turning order, so that a machine that slows down or
 * warms up does so for all of them. Returns every contender's results in the order of the rounds.
 */
export async function interleave<K extends string, T>(
	rounds: number,
	contenders: Readonly<Record<K, (round: number) => T | Promise<T>>>,
): Promise<Record<K, T[]>> {
	const names = Object.keys(contenders) as K[];
	const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
	for (let round = 0; round < rounds; round++) {
		for (let index = 0; index < names.length; index++) {
			const name = names[(index + round) % names.length];
			results[name].push(await contenders[name](round));
		}
	}
	return results;
}

/** Processor time of this process so far, all threads, user and system, in milliseconds. */
export function cpuTimeMs(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
}

/** What a piece of work took: on the clock and of this process's processor time, milliseconds. */
export async function measure<T>(work: () => T | Promise<T>): Promise<{ result: T; wallMs: number; cpuMs: number }> {
	const cpuBefore = cpuTimeMs();
	const before = performance.now();
	const result = await work();
	return { result, wallMs: performance.now() - before, cpuMs: cpuTimeMs() - cpuBefore };
}

export interface ChildOptions {
	readonly nodeArguments?: readonly string[];
	readonly arguments?: readonly string[];
	/** Default 5 minutes. */
	readonly timeoutMs?: number;
}

/**
 * Runs a `.mts` file in a Node of its own (the one that runs this) and returns its last line of output, parsed as JSON.
 * Rejects when the child fails, prints no JSON or takes too long; the message has what it wrote to its error output.
 */
export function runChild(file: URL, options: ChildOptions = {}): Promise<unknown> {
	const { nodeArguments = [], timeoutMs = 300_000 } = options;
	const path = fileURLToPath(file);
	const child = spawn(process.execPath, [...nodeArguments, path, ...(options.arguments ?? [])], {
		stdio: ["ignore", "pipe", "pipe"],
		timeout: timeoutMs,
		killSignal: "SIGKILL",
	});
	let output = "";
	let errors = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		output += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		errors = (errors + text).slice(-4000);
	});
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) => {
			const line = output.trimEnd().split("\n").at(-1) ?? "";
			if (code !== 0) reject(new Error(`${path} ended with ${signal ?? `code ${code}`}: ${errors.trim()}`));
			else {
				try {
					resolve(JSON.parse(line));
				} catch (cause) {
					reject(new Error(`${path} printed no JSON as its last line: ${line.slice(0, 200)}`, { cause }));
				}
			}
		});
	});
}

/** A row whose goal is about its ratio to a baseline of the same run. */
export function ratioRow(name: string, value: number, baseline: number, unit: string, goal: string): BenchRow {
	return { name, value, unit, baseline, ratio: value / baseline, goal };
}

/** A row that stands alone. */
export function valueRow(name: string, value: number, unit: string, goal: string): BenchRow {
	return { name, value, unit, baseline: undefined, ratio: undefined, goal };
}

/** Whether a row meets its goal; undefined without one. Throws for a goal that cannot be read. */
export function meetsGoal(row: BenchRow): boolean | undefined {
	if (row.goal === "") return undefined;
	const parts = /^(>=|<=) (\d+(?:\.\d+)?) (\S.*)$/.exec(row.goal);
	if (parts === null) throw new Error(`${row.name}: goal "${row.goal}" is not of the form ">= 0.5 ratio"`);
	const [, relation, limit, unit] = parts;
	if (unit !== "ratio" && unit !== row.unit) throw new Error(`${row.name}: goal in ${unit}, value in ${row.unit}`);
	const figure = unit === "ratio" ? row.ratio : row.value;
	if (figure === undefined) throw new Error(`${row.name}: goal about a ratio, but there is no baseline`);
	return relation === ">=" ? figure >= Number(limit) : figure <= Number(limit);
}
