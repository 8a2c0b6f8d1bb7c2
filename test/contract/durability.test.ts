import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCli, type CliBundle } from "./support/cli.ts";
import { runRounds } from "./support/durability/rounds.ts";
import { temporaryDir } from "./support/testServer.ts";

let bundle: CliBundle;

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

function run(rounds: number, afterKill?: (dataDir: string) => void) {
	const { cliPath } = bundle;
	return runRounds({ cliPath, directory: temporaryDir(), rounds, seed: 3, maxLoadMs: 400, afterKill, log: () => {} });
}

/** The quick form of `npm run test:durability`. */
describe("a server that is killed under load", () => {
	it("has every acknowledged write after each restart, and no event id twice", async () => {
		const { problems, acknowledged, events } = await run(4);
		expect(problems).toEqual([]);
		expect(acknowledged).toBeGreaterThanOrEqual(200);
		expect(events).toBeGreaterThan(0);
	});

	it("would be found out if it lost what it has acknowledged", async () => {
		const { problems } = await run(1, (dataDir) => rmSync(join(dataDir, "traces.db-wal"), { force: true }));
		expect(problems.join("\n")).toContain("was acknowledged and is not in the log");
	});
});
