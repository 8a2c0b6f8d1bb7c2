import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type Logger, silentLogger } from "../../../src/base/logger.ts";
import { Checkpointer } from "../../../src/server/storage/checkpointer.ts";
import { databaseFile, openDatabase } from "../../../src/server/storage/database.ts";

function open() {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-checkpoint-"));
	const database = openDatabase(dataDir);
	const file = databaseFile(dataDir);
	onTestFinished(() => {
		database.close();
		rmSync(dataDir, { recursive: true, force: true });
	});
	return { database, file };
}

it("brings the log into the file from another thread, while this one writes on", async () => {
	const { database, file } = open();
	const insert = database.prepare("INSERT INTO payloads (seq, input) VALUES (?, ?)");
	for (let seq = 1; seq <= 1000; seq++) insert.run(seq, "x".repeat(4000));
	const before = statSync(file).size;
	expect(statSync(`${file}-wal`).size).toBeGreaterThan(4_000_000);
	const checkpointer = new Checkpointer(file, silentLogger);
	const done = checkpointer.run();
	for (let seq = 1001; seq <= 1100; seq++) insert.run(seq, "y");
	await done;
	await checkpointer.close();
	expect(statSync(file).size).toBeGreaterThan(before + 4_000_000);
	expect(database.prepare("SELECT count(*) AS n FROM payloads").get()).toEqual({ n: 1100 });
	expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});

it("says so and goes on when the thread cannot open the database", async () => {
	const lines: string[] = [];
	const logger: Logger = { ...silentLogger, error: (line) => void lines.push(line) };
	const checkpointer = new Checkpointer(join(tmpdir(), "no-such-folder", "traces.db"), logger);
	await checkpointer.run();
	await checkpointer.run();
	await checkpointer.close();
	expect(lines).toEqual(
		Array(2).fill(expect.stringContaining("cannot be brought into its file: unable to open database")),
	);
});
