// Plays an hour of live traffic 50 times faster than life into the real server, and looks whether table, cards, overview,
// analytics, sessions and a recount of the database say the same, in the midst of it and at its end.
//   npm run test:live-hour                       an hour at 50 times speed: 72 seconds of traffic
//   npm run test:live-hour -- --minutes 10
//   npm run test:live-hour -- --speed 20
//   npm run test:live-hour -- --seed 7           the same traffic again (a seed is printed)
// Exit code 0 when every number agrees to the token and the nano-dollar, else 1; the data are then kept.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runHour } from "../contract/support/liveHour/hour.ts";

const { values } = parseArgs({
	options: {
		minutes: { type: "string", default: "60" },
		speed: { type: "string", default: "50" },
		seed: { type: "string", default: String(Date.now() % 1_000_000) },
	},
});
const [minutes, speed, seed] = [values.minutes, values.speed, values.seed].map(Number);
if (!(minutes >= 1 && minutes <= 600 && speed >= 1 && speed <= 1000 && Number.isSafeInteger(seed) && seed >= 0)) {
	console.error("--minutes takes 1 to 600, --speed 1 to 1000, --seed a whole number");
	process.exit(2);
}
const cliPath = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "traceway-live-hour-"));
console.log(`seed ${seed}, ${minutes} minutes at ${speed} times speed, data in ${directory}`);
const summary = await runHour({
	cliPath,
	directory,
	speed,
	// Half a trace a second of the demo's time.
	traces: minutes * 30,
	seed,
	checkpoints: process.platform === "win32" ? 0 : 5,
	log: console.log,
});
const { traces, spans, tokens, costUsd, events, numbers, messages, tookMs, problems, problemCount } = summary;
console.log(
	`${traces} traces, ${spans} spans, ${tokens} tokens, $${costUsd} in ${(tookMs / 1000).toFixed(1)} s; ` +
		`${events} events received, cards compared with rows ${messages} times, ${numbers} numbers with the database`,
);
for (const problem of problems) console.error(problem);
if (problemCount === 0) rmSync(directory, { recursive: true, force: true });
console.log(problemCount === 0 ? "all agree" : `DIFFERENT: ${problemCount} problems, seed ${seed}`);
process.exit(problemCount === 0 ? 0 : 1);
