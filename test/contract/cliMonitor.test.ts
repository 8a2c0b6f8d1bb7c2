import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FaultProxy, isEventStream } from "../peers/faultProxy.ts";
import { untilConnected, useMonitor } from "./support/monitorRun.ts";
import { send } from "./support/testServer.ts";

const GREEN = 2;
const YELLOW = 3;
const RED = 1;

const current = useMonitor();

describe.each([
	[80, 24],
	[200, 50],
])("the monitor at %i×%i", (columns, rows) => {
	it("shows traces live, survives a server that is killed and comes back, and misses nothing", async () => {
		const run = current();
		await run.chat("before");
		const pty = await run.connected({ columns, rows, args: ["--refresh", "0.5"] });
		await pty.until((text) => text.includes("before"));
		expect(pty.text).toContain("Ctrl+C to stop — live by stream");
		expect(pty.colorOf("● Connected")).toBe(GREEN);
		await run.chat("while it watches");
		await run.failed("went wrong");
		await pty.until((text) => /Errors +1/.test(text) && /Completed +2/.test(text) && text.includes("while it w"));
		expect(pty.text).toMatch(/Total Tokens +2,468/);
		expect(pty.text).toContain("Recent Traces (3 unique)");
		expect(pty.screen).toHaveLength(rows);

		const revive = await run.kill();
		await pty.until((text) => text.includes("polling every 0.5s") && !text.includes("● Connected"));
		expect(pty.text).toMatch(/● (Error|Disconnected|Reconnecting)/);
		expect(pty.text).toContain("Ctrl+C to stop — polling every 0.5s");
		// What was on the screen stays there.
		expect(pty.text).toContain("before");

		await revive();
		await run.chat("meanwhile");
		await untilConnected(pty);
		await pty.until((text) => text.includes("meanwhile"));
		await run.chat("after it all");
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
		const run = current();
		const revive = await run.kill();
		const pty = run.monitor({ args: ["-r", "0.5"] });
		await pty.until((text) => /● Unavailable {2}polling every 0\.5s, retrying/.test(text));
		expect(pty.colorOf("● Unavailable")).toBe(YELLOW);
		await pty.until((text) => text.includes("Poll error: ") && text.includes("will retry in 0.5s"));
		await revive();
		await run.chat("first");
		await untilConnected(pty);
		await pty.until((text) => text.includes("first"));
	});

	it("waits 1, 2, 4 seconds between its attempts, and begins anew after a success", async () => {
		const run = current();
		const revive = await run.kill();
		const pty = run.monitor({ args: ["-r", "60"] });
		// Of all that was written: a busy machine may never look at the screen between two of them.
		await pty.until(() => /retrying in 1s[\s\S]*retrying in 2s[\s\S]*retrying in 4s/.test(pty.raw));
		await revive();
		await untilConnected(pty);
		// A stream proves itself by what it brings.
		await run.chat("it works");
		await pty.until((text) => text.includes("it works"));
		const before = pty.raw.length;
		await run.kill();
		await pty.until(() => /● (Error|Disconnected)[^●]*retrying in 1s/.test(pty.raw.slice(before)));
	});

	it("reads the traces every --refresh seconds, newest first and at most --limit, until the stream is there", async () => {
		const run = current();
		const proxy = await FaultProxy.start(() => run.server.url);
		onTestFinished(() => proxy.dispose());
		proxy.isMeant = isEventStream;
		await proxy.set({ type: "status", status: 503 });
		for (const name of ["one", "two", "three"]) await run.chat(name);
		const pty = run.monitor({ args: ["--url", proxy.url, "-r", "0.25", "-l", "2"] });
		await pty.until((text) => /three[\s\S]*two/.test(text) && text.includes("● Unavailable"));
		expect(pty.text).not.toMatch(/ one /);
		expect(pty.text).toContain("Ctrl+C to stop — polling every 0.25s");
		expect(pty.text).toContain("Total Traces 2 of 3");
		await run.chat("four");
		await pty.until((text) => /four[\s\S]*three/.test(text));
		expect(pty.text).toContain("● Unavailable");
		await proxy.set(undefined);
		pty.write("r");
		await untilConnected(pty);
		await run.chat("five");
		await pty.until((text) => /five[\s\S]*four/.test(text));
		// Read twice, by polling and by the stream, counted once.
		expect(pty.text).toContain("Recent Traces (5 unique)");
	});

	it("follows a server that it found by its record to another address, and keeps what is on the screen", async () => {
		const run = current();
		const env = { TRACEWAY_URL: undefined, TRACEWAY_DATA_DIR: join(run.home, "found") };
		const serve = async () => {
			const process_ = run.inPipe(["serve", "--port", "0", "--otlp-port", "0", "--json"], env);
			await process_.until(() => process_.lines.length > 0);
			const { url } = JSON.parse(process_.lines[0]!) as { readonly url: string };
			return { url, process_ };
		};
		const first = await serve();
		await send("POST", `${first.url}/api/traces`, { name: "from the first" });
		const pty = await run.connected({ args: ["-r", "0.25"], env, columns: 120 });
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
		const run = current();
		await (await run.kill())({ token: "s3cret" });
		const refused = run.monitor();
		await refused.until((text) => /● Error {2}\S/.test(text));
		expect(refused.colorOf("● Error")).toBe(RED);
		const pty = await run.connected({ env: { TRACEWAY_TOKEN: "s3cret" } });
		expect(pty.raw).not.toContain("s3cret");
	});
});

describe("the keys of the monitor", () => {
	it("pause the view, count what changes meanwhile, and catch up", async () => {
		const run = current();
		await run.chat("early");
		const pty = await run.connected();
		await pty.until((text) => text.includes("early"));
		pty.write("p");
		await pty.until((text) => /^Paused/m.test(text));
		await run.chat("late");
		await pty.until((text) => text.includes("Paused, 1 changed since"));
		expect(pty.text).not.toContain("late");
		pty.write(" ");
		await pty.until((text) => text.includes("late") && text.includes("Monitor active"));
	});

	it("filter by the language of the search bar, payloads too, and say what is wrong with a filter", async () => {
		const run = current();
		await run.chat("about apples", "how red are they");
		await run.chat("about pears", "how green are they");
		await run.failed("broken");
		const pty = await run.connected({ columns: 140 });
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
		const run = current();
		const said = join(run.home, "said");
		writeFileSync(join(run.home, "code"), `#!/bin/sh\nprintf '%s\\n' "$@" > "${said}"\n`);
		chmodSync(join(run.home, "code"), 0o755);
		const traceId = await run.chat("the one");
		const pty = await run.connected({ env: { PATH: `${run.home}:/usr/bin:/bin` } });
		await pty.until((text) => text.includes("the one"));
		pty.write("\r");
		await pty.until((text) => text.includes("Select a trace first"));
		pty.write("\u001b[B");
		await pty.until((text) => text.includes("› "));
		pty.write("\r");
		await pty.until((text) => text.includes("Opened in VS Code"));
		const server_ = encodeURIComponent(run.server.url);
		expect(readFileSync(said, "utf8")).toBe(
			`--open-url\nvscode://traceway-live.traceway-live/trace/${traceId}?server=${server_}\n`,
		);
	});

	it("list themselves by ?", async () => {
		const run = current();
		const pty = await run.connected();
		pty.write("?");
		await pty.until((text) => text.includes("─ Keys ─") && text.includes("open the selected trace in VS Code"));
		pty.write("?");
		await pty.until((text) => !text.includes("─ Keys ─"));
	});
});

describe("the monitor without a terminal", () => {
	it("prints a line whenever its numbers change, and ends with code 0", async () => {
		const run = current();
		await run.chat("one");
		const process_ = run.inPipe(["monitor", "-r", "0.25"]);
		await process_.until(() => process_.lines.some((line) => line.includes("traces 1 of 1  completed 1")));
		await run.failed("two");
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
		[["--ws-host", "a b"], /--ws-host: .* is no host/],
		[["--hist", "x"], /unknown option/],
	])("refuses a wrong command line: %j", async (args, message) => {
		const run = current();
		const process_ = run.inPipe(["monitor", ...args]);
		expect(await process_.ended).toBe(2);
		expect(process_.stderr).toMatch(message);
		expect(process_.stderr.trim().split("\n")).toHaveLength(1);
	});
});
