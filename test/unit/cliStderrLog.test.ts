import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stderrLogger } from "../../src/cli/stderrLog.ts";

let directory: string;
let file: string;
let fd: number;

beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "traceway-log-"));
	file = join(directory, "server.log");
	fd = openSync(file, "a+");
});

afterEach(() => {
	closeSync(fd);
	rmSync(directory, { recursive: true, force: true });
});

const lines = () => readFileSync(file, "utf8").split("\n").slice(0, -1);

describe("the log on standard error", () => {
	it("has one line with time and level for each message, whatever that holds", () => {
		const logger = stderrLogger({ fd });
		logger.error("first\nsecond \u001b[31m");
		logger.info("fine");
		logger.debug("not shown");
		expect(lines()).toEqual([
			expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error first.second .\[31m$/u),
			expect.stringMatching(/Z info {2}fine$/),
		]);
	});

	it("shows debug lines when it is verbose", () => {
		stderrLogger({ fd, isVerbose: true }).debug("shown");
		expect(lines()).toHaveLength(1);
	});

	it("cuts its file to whole last lines when that grows past the limit, again and again", () => {
		const logger = stderrLogger({ fd, maxFileBytes: 200_000 });
		const padding = "x".repeat(100);
		for (let number = 0; number < 20_000; number++) logger.info(`${padding} ${number}`);
		// The size is looked at every 64 kB.
		expect(statSync(file).size).toBeLessThan(200_000 + 65 * 1024);
		const numbers = lines().map((line) => Number(/ x+ (\d+)$/.exec(line)?.[1]));
		expect(numbers.length).toBeGreaterThan(500);
		expect(numbers).toEqual(numbers.map((_, index) => 20_000 - numbers.length + index));
	});

	it("leaves its file alone without a limit", () => {
		const logger = stderrLogger({ fd });
		for (let number = 0; number < 5000; number++) logger.info("y".repeat(100));
		expect(lines()).toHaveLength(5000);
	});

	it("survives a file descriptor that is closed", () => {
		const closed = openSync(file, "a+");
		closeSync(closed);
		expect(() => stderrLogger({ fd: closed, maxFileBytes: 100_000 }).info("lost")).not.toThrow();
	});
});
