import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCli, type CliBundle, Process, packageVersion } from "./support/cli.ts";

const COMMANDS = ["serve", "demo", "monitor", "tail", "export", "import", "doctor"];

let bundle: CliBundle;
let home: string;

beforeAll(async () => {
	bundle = await buildCli();
	home = mkdtempSync(join(tmpdir(), "traceway-home-"));
});

afterAll(() => {
	bundle.dispose();
	rmSync(home, { recursive: true, force: true });
});

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}, nodeArgs: readonly string[] = []) {
	const process_ = new Process(process.execPath, [...nodeArgs, bundle.cliPath, ...args], {
		PATH: process.env.PATH,
		HOME: home,
		TRACEWAY_DATA_DIR: join(home, "data"),
		...env,
	});
	const exitCode = await process_.ended;
	return { exitCode, stdout: process_.stdout, stderr: process_.stderr };
}

describe("the command line", () => {
	it("starts with its hashbang line, so that it can be run as a program", () => {
		expect(readFileSync(bundle.cliPath, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
	});

	it("prints its version", async () => {
		expect(await run(["--version"])).toEqual({ exitCode: 0, stdout: `${packageVersion}\n`, stderr: "" });
	});

	it("prints its commands with --help, and without a command on standard error with code 2", async () => {
		const help = await run(["--help"]);
		expect(help.exitCode).toBe(0);
		for (const command of COMMANDS) expect(help.stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
		expect(await run([])).toEqual({ exitCode: 2, stdout: "", stderr: help.stdout });
	});

	it.each(COMMANDS)("explains %s with usage, options, exit codes and examples", async (command) => {
		const help = await run([command, "--help"]);
		expect(help).toMatchObject({ exitCode: 0, stderr: "" });
		for (const part of ["Usage", "Options", "Exit codes", "Examples"]) expect(help.stdout).toContain(`\n${part}\n`);
		for (const line of help.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
		expect(await run(["help", command])).toEqual(help);
		expect(await run([command, "--json", "-h"])).toEqual(help);
	});

	it.each([
		[["serv"], 'traceway-live: unknown command "serv" (see "traceway-live --help")'],
		[["--serve"], 'traceway-live: unknown option "--serve" (see "traceway-live --help")'],
		[["toString"], 'traceway-live: unknown command "toString" (see "traceway-live --help")'],
		[["serve", "--prot", "1"], `traceway-live: unknown option '--prot' (see "traceway-live serve --help")`],
		[["demo", "--traces", "many"], 'traceway-live: --traces: "many" is no whole number from 1 to 1000000'],
		[["tail", "--since", "-1"], "traceway-live: "],
		[["export", "--format", "xml"], 'traceway-live: --format: "xml" is neither traceway nor otlp'],
		[["export", "traces.json"], "traceway-live: unexpected argument 'traces.json'"],
		[["import", "--file", "x"], "traceway-live: unknown option '--file'"],
		[["doctor", "--url", "ftp://h"], 'traceway-live: --url: "ftp://h" is no address'],
		[["demo", "--url", "nowhere"], 'traceway-live: --url: "nowhere" is no address'],
	])("names what is wrong with %j in one line with code 2", async (args, message) => {
		const { exitCode, stdout, stderr } = await run(args);
		expect(exitCode).toBe(2);
		expect(stdout).toBe("");
		expect(stderr).toContain(message);
		expect(stderr).toMatch(/^[^\n]+\(see "traceway-live[^\n]*--help"\)\n$/);
	});

	it("says in one line that Node.js is too old, with code 4", async () => {
		const preload = join(home, "old.mjs");
		writeFileSync(
			preload,
			'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.15.9" } });',
		);
		const { exitCode, stdout, stderr } = await run(["serve"], {}, ["--import", preload]);
		expect(exitCode).toBe(4);
		expect(stdout).toBe("");
		expect(stderr).toMatch(/^traceway-live: needs Node\.js 22\.16 or newer, this is 22\.15\.9 [^\n]*\n$/);
	});

	it("loads nothing that an old Node.js lacks before it has looked at the version", () => {
		const outside = [...bundle.staticImports].filter((path) => !path.includes("cli-chunks"));
		expect(outside).toEqual(["node:util"]);
	});

	it("ends quietly when the reader of its output goes away", async () => {
		const child = spawn(process.execPath, [bundle.cliPath, "serve", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
		child.stdout.destroy();
		let stderr = "";
		child.stderr.on("data", (text) => {
			stderr += text;
		});
		expect(await once(child, "close")).toEqual([0, null]);
		expect(stderr).toBe("");
	});

	it("says what to do when no server answers, without a stack trace and with code 1", async () => {
		const { exitCode, stderr } = await run(["demo", "--url", "http://127.0.0.1:1", "--traces", "1"]);
		expect(exitCode).toBe(1);
		expect(stderr).toMatch(/cannot reach http:\/\/127\.0\.0\.1:1 .*traceway-live serve/);
		expect(stderr).not.toMatch(/^\s+at /m);
	});
});
