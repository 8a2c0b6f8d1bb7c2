// Kills the real server under load, again and again, and looks whether it has kept its word.
//   npm run test:durability                       50 rounds
//   npm run test:durability -- --rounds 200
//   npm run test:durability -- --seed 7           the same load again (a seed is printed)
//   npm run test:durability -- --load-ms 5000     longest time of load before the kill
// Exit code 0 when no acknowledged write was lost and no event id was used twice, else 1; the data are then kept.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runRounds } from "../contract/support/durability/rounds.ts";

const { values } = parseArgs({
	options: {
		rounds: { type: "string", default: "50" },
		seed: { type: "string", default: String(Date.now() % 1_000_000) },
		"load-ms": { type: "string", default: "1200" },
	},
});
const [rounds, seed, maxLoadMs] = [values.rounds, values.seed, values["load-ms"]].map(Number);
if (![rounds, seed, maxLoadMs].every((value) => Number.isSafeInteger(value) && value >= 0) || maxLoadMs < 30) {
	console.error("--rounds, --seed and --load-ms take whole numbers, --load-ms from 30 on");
	process.exit(2);
}
const cliPath = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "traceway-durability-"));
console.log(`seed ${seed}, ${rounds} rounds, data in ${directory}`);
const summary = await runRounds({ cliPath, directory, rounds, seed, maxLoadMs, log: console.log });
console.log(
	`${summary.acknowledged} writes acknowledged, ${summary.unanswered} open when the server was killed, ` +
		`${summary.events} events, ${summary.spansLeft} spans left`,
);
for (const problem of summary.problems) console.error(problem);
const isKept = summary.problemCount === 0;
if (isKept) rmSync(directory, { recursive: true, force: true });
console.log(isKept ? `kept: 0 lost in ${rounds} rounds` : `BROKEN: ${summary.problemCount} problems, seed ${seed}`);
process.exit(isKept ? 0 : 1);
