import { afterAll, beforeAll, expect, it } from "vitest";
import { buildCli, type CliBundle } from "./support/cli.ts";
import { addSums, differences, type Facts } from "./support/liveHour/facts.ts";
import { runHour } from "./support/liveHour/hour.ts";
import { temporaryDir } from "./support/testServer.ts";

let bundle: CliBundle;

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

it("tells a number that differs, and a thing that is left out", () => {
	const truth: Facts = new Map();
	for (const model of ["m 1", "m2"]) addSums(truth, `model ${model}`, { calls: 2, costUsd: 0.1 });
	expect(differences("cards", new Map([["model m2: cost", 100_000_001]]), truth)).toEqual([
		"cards: model m2: cost is 100000001, and by the database 100000000",
		"cards: model m 1: cost is missing",
	]);
	expect(differences("cards", new Map(truth), truth)).toEqual([]);
	expect(differences("cards", new Map([["total all: calls", 1]]), truth)).toEqual([
		"cards: total all: calls is 1, and by the database not there",
	]);
});

/** The quick form of `npm run test:live-hour`. */
it("agrees in table, cards, overview, analytics and database while traffic comes in, to the token and the nano-dollar", {
	timeout: 90_000,
}, async () => {
	const { cliPath } = bundle;
	// No program can be stopped in its tracks on Windows.
	const checkpoints = process.platform === "win32" ? 0 : 2;
	const { problems, traces, tokens, numbers, messages } = await runHour({
		cliPath,
		directory: temporaryDir(),
		speed: 100,
		traces: 120,
		seed: 5,
		checkpoints,
		log: () => {},
	});
	expect(problems).toEqual([]);
	expect(traces).toBe(120 - checkpoints);
	expect(tokens).toBeGreaterThan(100_000);
	expect(numbers).toBeGreaterThan(2000);
	expect(messages).toBeGreaterThan(0);
});
