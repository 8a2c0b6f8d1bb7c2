// Runs the benchmarks and prints their rows.
//   npm run bench                        all of test/bench/*.bench.mts
//   npm run bench -- --only stream       those whose name begins with "stream"
//   npm run bench -- --json rows.json    writes the rows, too
import { readdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Bench, type BenchRow, meetsGoal } from "./bench.mts";

const COLUMNS = ["name", "value", "unit", "baseline", "ratio", "goal", ""] as const;

const { values } = parseArgs({ options: { json: { type: "string" }, only: { type: "string", default: "" } } });
const folder = new URL(".", import.meta.url);
const files = readdirSync(folder)
	.filter((file) => file.endsWith(".bench.mts"))
	.sort();
const rows: BenchRow[] = [];
const failures: string[] = [];
let count = 0;

for (const file of files) {
	let name = file;
	try {
		const bench: Bench = await import(new URL(file, folder).href);
		name = bench.name;
		if (typeof name !== "string" || typeof bench.run !== "function") {
			throw new TypeError(`${file} must export "name" and "run"`);
		}
		if (!name.startsWith(values.only)) continue;
		count++;
		console.log(`… ${name}`);
		const measured = await bench.run();
		// A goal that cannot be read is a fault of the benchmark, found here and not in the table.
		for (const row of measured) meetsGoal(row);
		rows.push(...measured);
	} catch (error) {
		// A file that cannot even be loaded has no name to be left out by.
		failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
	}
}

printTable();
if (values.json !== undefined) {
	// What a row does not have is null: each has the same members.
	const plain = rows.map((row) => ({ ...row, baseline: row.baseline ?? null, ratio: row.ratio ?? null }));
	writeFileSync(values.json, `${JSON.stringify(plain, undefined, "\t")}\n`);
}
for (const failure of failures) console.error(`\nFailed: ${failure}`);
if (count === 0 && failures.length === 0) {
	console.error(`No benchmark's name begins with "${values.only}".`);
	failures.push("nothing ran");
}
// Some parts under measurement hold sockets or workers open; the figures are in.
process.exit(failures.length === 0 ? 0 : 1);

function printTable(): void {
	if (rows.length === 0) return;
	const cells = rows.map((row) => {
		const isMet = meetsGoal(row);
		return [
			row.name,
			figure(row.value),
			row.unit,
			row.baseline === undefined ? "" : figure(row.baseline),
			row.ratio === undefined ? "" : row.ratio.toFixed(3),
			row.goal,
			isMet === undefined ? "" : isMet ? "met" : "missed",
		];
	});
	const widths = COLUMNS.map((title, index) => Math.max(title.length, ...cells.map((line) => line[index].length)));
	const isNumber = (index: number) => index === 1 || index === 3 || index === 4;
	const print = (line: readonly string[]) => {
		const padded = line.map((cell, index) =>
			isNumber(index) ? cell.padStart(widths[index]) : cell.padEnd(widths[index]),
		);
		console.log(padded.join("  ").trimEnd());
	};
	console.log("");
	print(COLUMNS);
	print(widths.map((width) => "─".repeat(width)));
	for (const line of cells) print(line);
}

/** Four significant digits, thousands separated. */
function figure(value: number): string {
	return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}
