import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { type RunningServer, startServer } from "../../src/server/server.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";
import { startInterruptedProxy } from "./support/interruptedProxy.ts";
import { PtyProcess } from "./support/pty.ts";
import { client, eventually, send } from "./support/testServer.ts";

const GREEN = 2;
const YELLOW = 3;
const RED = 1;

let bundle: CliBundle;
let home: string;
let server: RunningServer;
let processes: { kill(): void }[] = [];

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

beforeEach(async () => {
	home = mkdtempSync(join(tmpdir(), "traceway-monitor-"));
	server = await start();
});

afterEach(async () => {
	for (const one of processes) one.kill();
	processes = [];
	await server.close();
	rmSync(home, { recursive: true, force: true });
});

function start(options: { port?: number; token?: string } = {}): Promise<RunningServer> {
	return startServer({ port: 0, dataDir: join(home, "server"), version: "1.0.0", logger: silentLogger, ...options });
}

async function restart(options: { token?: string } = {}): Promise<void> {
	const port = Number(new URL(server.url).port);
	await server.close();
	server = await start({ port, ...options });
}

interface MonitorOptions {
	readonly args?: readonly string[];
	readonly env?: NodeJS.ProcessEnv;
	readonly columns?: number;
	readonly rows?: number;
}

function environment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
	return {
		PATH: process.env.PATH,
		HOME: home,
		TRACEWAY_DATA_DIR: join(home, "none"),
		TRACEWAY_URL: server.url,
		...env,
	};
}

/** The monitor in a pseudo-terminal, 80×24 unless told otherwise. */
function monitor({ args = [], env, columns = 80, rows = 24 }: MonitorOptions = {}): PtyProcess {
	const command = [bundle.cliPath, "monitor", ...args];
	const pty = new PtyProcess(process.execPath, command, { columns, rows, env: environment(env) });
	processes.push(pty);
	return pty;
}

async function connected(pty: PtyProcess): Promise<PtyProcess> {
	await pty.until((text) => text.includes("● Connected"));
	return pty;
}

/** A trace with one call of a model that has ended. */
async function chat(name: string, rest: { tags?: string[]; prompt?: string } = {}): Promise<string> {
	const { trace, span, post } = client(server);
	const traceId = await trace({ name, tags: rest.tags });
	const spanId = await span({
		trace_id: traceId,
		name: `call of ${name}`,
		kind: { type: "llm_call", model: "gpt-4o", input_tokens: 1000, output_tokens: 234 },
		...(rest.prompt === undefined ? {} : { input: rest.prompt }),
	});
	await post(`/spans/${spanId}/complete`, { output: "done" });
	return traceId;
}

async function failed(name: string): Promise<void> {
	const { trace, span, post } = client(server);
	const spanId = await span({ trace_id: await trace({ name }), name });
	await post(`/spans/${spanId}/fail`, { error: "it broke" });
}

describe.each([
	[80, 24],
	[200, 50],
])("the monitor at %i×%i", (columns, rows) => {
	it("shows traces live, survives a server that is killed and comes back, and misses nothing", async () => {
		await chat("before");
		const pty = await connected(monitor({ columns, rows, args: ["--refresh", "0.5"] }));
		await pty.until((text) => text.includes("before"));
		expect(pty.text).toContain("Ctrl+C to stop — live by stream");
		expect(pty.colorOf("● Connected")).toBe(GREEN);
		await chat("while it watches");
		await failed("went wrong");
		await pty.until((text) => /Errors +1/.test(text) && /Completed +2/.test(text) && text.includes("while it w"));
		expect(pty.text).toMatch(/Total Tokens +2,468/);
		expect(pty.text).toContain("Recent Traces (3 unique)");
		expect(pty.screen).toHaveLength(rows);

		const port = Number(new URL(server.url).port);
		await server.close();
		await pty.until((text) => text.includes("polling every 0.5s") && !text.includes("● Connected"));
		expect(pty.text).toMatch(/● (Error|Disconnected|Reconnecting)/);
		expect(pty.text).toContain("Ctrl+C to stop — polling every 0.5s");
		// What was on the screen stays there.
		expect(pty.text).toContain("before");

		server = await start({ port });
		await chat("meanwhile");
		await connected(pty);
		await pty.until((text) => text.includes("meanwhile"));
		await chat("after it all");
		await pty.until((text) => text.includes("after it a") && /Completed +4/.test(text));
		expect(pty.text).toContain("Recent Traces (5 unique)");

		pty.write("q");
		expect(await pty.ended).toBe(0);
		expect(pty.isAlternate).toBe(false);
		expect(pty.isCursorHidden).toBe(false);
		expect(pty.text.trim()).toBe("Monitor stopped.");
	});
});

describe("the monitor without a stream", () => {
	it("says Unavailable in yellow before there is a server, and connects by itself", async () => {
		const port = Number(new URL(server.url).port);
		await server.close();
		const pty = monitor({ args: ["-r", "0.5"] });
		await pty.until((text) => /● Unavailable {2}polling every 0\.5s, retrying/.test(text));
		expect(pty.colorOf("● Unavailable")).toBe(YELLOW);
		await pty.until((text) => text.includes("Poll error: ") && text.includes("will retry in 0.5s"));
		server = await start({ port });
		await chat("first");
		await connected(pty);
		await pty.until((text) => text.includes("first"));
	});

	it("reads the traces every --refresh seconds, newest first and at most --limit, until the stream is there", async () => {
		const proxy = await startInterruptedProxy(server.url);
		for (const name of ["one", "two", "three"]) await chat(name);
		const pty = monitor({ args: ["--url", proxy.url, "-r", "0.25", "-l", "2"] });
		await pty.until((text) => /three[\s\S]*two/.test(text) && text.includes("● Unavailable"));
		expect(pty.text).not.toMatch(/ one /);
		expect(pty.text).toContain("Ctrl+C to stop — polling every 0.25s");
		expect(pty.text).toContain("Total Traces 2 of 3");
		await chat("four");
		await pty.until((text) => /four[\s\S]*three/.test(text));
		expect(pty.text).toContain("● Unavailable");
		proxy.state.isStreamRefused = false;
		pty.write("r");
		await connected(pty);
		await chat("five");
		await pty.until((text) => /five[\s\S]*four/.test(text));
		// Read twice, by polling and by the stream, counted once.
		expect(pty.text).toContain("Recent Traces (5 unique)");
	});

	it("follows a server that it found by its record to another address, and keeps what is on the screen", async () => {
		const env = { TRACEWAY_URL: undefined, TRACEWAY_DATA_DIR: join(home, "found") };
		const serve = async () => {
			const args = [bundle.cliPath, "serve", "--port", "0", "--otlp-port", "0", "--json"];
			const process_ = new Process(process.execPath, args, environment(env));
			processes.push({ kill: () => void process_.child.kill("SIGKILL") });
			await process_.until(() => process_.lines.length > 0);
			const { url } = JSON.parse(process_.lines[0]!) as { readonly url: string };
			return { url, process_ };
		};
		const first = await serve();
		await send("POST", `${first.url}/api/traces`, { name: "from the first" });
		const pty = await connected(monitor({ args: ["-r", "0.25"], env, columns: 120 }));
		await pty.until((text) => text.includes(first.url) && text.includes("from the first"));
		first.process_.child.kill("SIGKILL");
		await first.process_.ended;
		await pty.until((text) => !text.includes("● Connected"));
		const second = await serve();
		expect(second.url).not.toBe(first.url);
		await pty.until((text) => text.includes(second.url) && text.includes("● Connected"));
		expect(pty.text).toContain("from the first");
		await send("POST", `${second.url}/api/traces`, { name: "from the second" });
		await pty.until((text) => text.includes("from the second") && text.includes("(2 unique)"));
	});

	it("says why a server refuses, and takes the token from the environment without ever showing it", async () => {
		await restart({ token: "s3cret" });
		const refused = monitor();
		await refused.until((text) => /● Error {2}\S/.test(text));
		expect(refused.colorOf("● Error")).toBe(RED);
		const pty = await connected(monitor({ env: { TRACEWAY_TOKEN: "s3cret" } }));
		expect(pty.raw).not.toContain("s3cret");
	});
});

describe("the keys of the monitor", () => {
	it("pause the view, count what changes meanwhile, and catch up", async () => {
		await chat("early");
		const pty = await connected(monitor());
		await pty.until((text) => text.includes("early"));
		pty.write("p");
		await pty.until((text) => /^Paused/m.test(text));
		await chat("late");
		await pty.until((text) => text.includes("Paused, 1 changed since"));
		expect(pty.text).not.toContain("late");
		pty.write(" ");
		await pty.until((text) => text.includes("late") && text.includes("Monitor active"));
	});

	it("filter by the language of the search bar, payloads too, and say what is wrong with a filter", async () => {
		await chat("about apples", { prompt: "how red are they" });
		await chat("about pears", { prompt: "how green are they" });
		await failed("broken");
		const pty = await connected(monitor({ columns: 140 }));
		await pty.until((text) => text.includes("how red are they") && text.includes("broken"));
		pty.write("/status:odd");
		await pty.until((text) => text.includes('/status:odd   "odd" is no status;'));
		pty.write("\u0015status:failed\r");
		await pty.until((text) => text.includes("· status:failed · 1 match"));
		expect(pty.text).not.toContain("how red are they");
		expect(pty.text).toMatch(/Errors +1/);
		pty.write("/\u0015input:green\r");
		await pty.until((text) => text.includes("· input:green · 1 match") && text.includes("how green are they"));
		expect(pty.text).not.toContain("how red are they");
		pty.write("\u001b");
		await pty.until((text) => text.includes("how red are they") && text.includes("broken"));
	});

	it("open the selected trace in VS Code, and say so", async () => {
		const said = join(home, "said");
		writeFileSync(join(home, "code"), `#!/bin/sh\nprintf '%s\\n' "$@" > "${said}"\n`);
		chmodSync(join(home, "code"), 0o755);
		const traceId = await chat("the one");
		const pty = await connected(monitor({ env: { PATH: `${home}:/usr/bin:/bin` } }));
		await pty.until((text) => text.includes("the one"));
		pty.write("\r");
		await pty.until((text) => text.includes("Select a trace first"));
		pty.write("\u001b[B");
		await pty.until((text) => text.includes("› "));
		pty.write("\r");
		await pty.until((text) => text.includes("Opened in VS Code"));
		const server_ = encodeURIComponent(server.url);
		expect(readFileSync(said, "utf8")).toBe(
			`--open-url\nvscode://traceway-live.traceway-live/trace/${traceId}?server=${server_}\n`,
		);
	});

	it("list themselves by ?", async () => {
		const pty = await connected(monitor());
		pty.write("?");
		await pty.until((text) => text.includes("─ Keys ─") && text.includes("open the selected trace in VS Code"));
		pty.write("?");
		await pty.until((text) => !text.includes("─ Keys ─"));
	});
});

describe("the terminal of the monitor", () => {
	it.each([
		["Ctrl+C", (pty: PtyProcess) => pty.write("\u0003")],
		["SIGTERM", (pty: PtyProcess) => process.kill(pty.pty.pid, "SIGTERM")],
		["SIGHUP", (pty: PtyProcess) => process.kill(pty.pty.pid, "SIGHUP")],
	])("is given back after %s", async (_what, stop) => {
		const pty = await connected(monitor());
		expect(pty.isAlternate).toBe(true);
		expect(pty.isCursorHidden).toBe(true);
		stop(pty);
		expect(await pty.ended).toBe(0);
		expect([pty.isAlternate, pty.isCursorHidden]).toEqual([false, false]);
		expect(pty.text.trim()).toBe("Monitor stopped.");
	});

	it.each(["exception", "rejection"])("is given back after an %s that nobody caught, which is said", async (fault) => {
		const script = fileURLToPath(new URL("support/crashInTerminal.mts", import.meta.url));
		const pty = new PtyProcess(process.execPath, [script, fault], { columns: 80, rows: 24, env: environment() });
		processes.push(pty);
		await pty.until((text) => text.includes("on the screen"));
		expect(pty.isAlternate).toBe(true);
		pty.write("\r");
		expect(await pty.ended).toBe(1);
		expect([pty.isAlternate, pty.isCursorHidden]).toEqual([false, false]);
		expect(pty.text).toMatch(/traceway-live: internal error: nobody (catches|waits for) this/);
	});

	it("gets only the lines that changed, as one update", async () => {
		for (const name of ["a", "b", "c"]) await chat(name);
		const pty = await connected(monitor());
		await pty.until((text) => text.includes("(3 unique)") && /Completed +3/.test(text));
		pty.write("j");
		await pty.until((text) => text.includes("› "));
		const before = pty.raw.length;
		pty.write("j");
		const written = await eventually("the second row to be marked", () => {
			const frames = pty.raw.slice(before).split("\u001b[?2026h").slice(1);
			return frames.find((frame) => frame.includes("› "));
		});
		// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is counted
		expect(written.match(/\u001b\[\d+;1H/g)).toHaveLength(2);
	});

	it("is filled anew when its size changes", async () => {
		await chat("the only one");
		const pty = await connected(monitor());
		await pty.until((text) => text.includes("the only"));
		pty.resize(140, 30);
		await pty.until((text) => /╮ ╭─ Recent Traces/.test(text) && text.includes("? help  q quit"));
		expect(pty.screen.at(-1)).toContain("? help  q quit");
		pty.resize(60, 12);
		await pty.until((text) => !text.includes("Overview") && text.includes("Recent Traces"));
		pty.resize(20, 5);
		await pty.until((text) => text.startsWith("Needs 30×8"));
	});

	it("never obeys a trace", async () => {
		const evil = "\u001b]0;owned\u0007\u001b[2J\u001b[31m\u009b5m\u202eevil\r\nnext";
		await chat(evil, { prompt: evil });
		const pty = await connected(monitor({ columns: 140 }));
		await pty.until((text) => text.includes("evil"));
		pty.write("/");
		pty.write(`${evil.replaceAll(/[\r\n]/g, "")}\r`);
		await pty.until((text) => text.includes("No trace matches") || text.includes("match"));
		expect(pty.raw).not.toContain("\u001b]0;");
		expect(pty.raw).not.toContain("\u009b");
		expect(pty.raw).not.toContain("\u202e");
	});

	it("gets no colours with NO_COLOR", async () => {
		await chat("grey");
		const pty = await connected(monitor({ env: { NO_COLOR: "1" } }));
		await pty.until((text) => text.includes("COMPLETED"));
		expect(pty.colorOf("COMPLETED")).toBe(-1);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
		expect(pty.raw).not.toMatch(/\u001b\[[0-9;]*3\dm/);
	});
});

describe("the monitor without a terminal", () => {
	it("prints a line whenever its numbers change, and ends with code 0", async () => {
		await chat("one");
		const process_ = new Process(process.execPath, [bundle.cliPath, "monitor", "-r", "0.25"], environment());
		processes.push({ kill: () => void process_.child.kill("SIGKILL") });
		await process_.until(() => process_.lines.some((line) => line.includes("traces 1 of 1  completed 1")));
		await failed("two");
		await process_.until(() =>
			process_.lines.some((line) => line.includes("Connected  traces 2 of 2  completed 1  errors 1")),
		);
		expect(process_.lines.at(-1)).toMatch(
			/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}Connected {2}traces .* tokens 1,234 {2}cost \$0\.00\d+$/,
		);
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
		expect(process_.stdout).not.toMatch(/\u001b/);
	});

	it.each([
		[["--refresh", "0.1"], /--refresh: "0\.1" is less than 0\.25 seconds/],
		[["--refresh", "soon"], /--refresh: "soon" is no number/],
		[["--limit", "0"], /--limit: "0" is no whole number from 1 to 1000/],
		[["--filter", "status:odd"], /--filter: .*odd/],
		[["--ws-host", "x"], /unknown option/],
	])("refuses a wrong command line: %j", async (args, message) => {
		const process_ = new Process(process.execPath, [bundle.cliPath, "monitor", ...args], environment());
		expect(await process_.ended).toBe(2);
		expect(process_.stderr).toMatch(message);
		expect(process_.stderr.trim().split("\n")).toHaveLength(1);
	});
});
