import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { untilConnected, useMonitor } from "./support/monitorRun.ts";
import type { PtyProcess } from "./support/pty.ts";
import { eventually } from "./support/testServer.ts";

const current = useMonitor();

describe("the terminal of the monitor", () => {
	it.each([
		["Ctrl+C", (pty: PtyProcess) => pty.write("\u0003")],
		["SIGTERM", (pty: PtyProcess) => process.kill(pty.pty.pid, "SIGTERM")],
		["SIGHUP", (pty: PtyProcess) => process.kill(pty.pty.pid, "SIGHUP")],
	])("is given back after %s", async (_what, stop) => {
		const run = current();
		const pty = await run.connected();
		expect(pty.isAlternate).toBe(true);
		expect(pty.isCursorHidden).toBe(true);
		stop(pty);
		expect(await pty.ended).toBe(0);
		expect([pty.isAlternate, pty.isCursorHidden]).toEqual([false, false]);
		expect(pty.text.trim()).toBe("Monitor stopped.");
	});

	it.each(["exception", "rejection"])("is given back after an %s that nobody caught, which is said", async (fault) => {
		const run = current();
		const script = fileURLToPath(new URL("support/crashInTerminal.mts", import.meta.url));
		const pty = run.inTerminal(process.execPath, [script, fault]);
		await pty.until((text) => text.includes("on the screen"));
		expect(pty.isAlternate).toBe(true);
		pty.write("\r");
		expect(await pty.ended).toBe(1);
		expect([pty.isAlternate, pty.isCursorHidden]).toEqual([false, false]);
		expect(pty.text).toMatch(/traceway-live: internal error: nobody (catches|waits for) this/);
	});

	it("comes back to the monitor after Ctrl+Z where nobody else could continue it", async () => {
		const run = current();
		const pty = await run.connected();
		pty.write("\u001a");
		await eventually("the screen to be given back and taken again", () => pty.raw.split("\u001b[?1049h").length === 3);
		await untilConnected(pty);
		pty.write("?");
		await pty.until((text) => text.includes("─ Keys ─"));
		pty.write("q");
		expect(await pty.ended).toBe(0);
	});

	it.skipIf(!existsSync("/bin/bash"))(
		"is the shell's while the monitor is stopped, and the monitor's again after fg",
		async () => {
			const run = current();
			const pty = run.inTerminal("/bin/bash", ["--norc", "-i"], { columns: 200, env: { PS1: "$ " } });
			await pty.until((text) => text.includes("$"));
			pty.write(`"${process.execPath}" "${run.cliPath}" monitor\r`);
			await untilConnected(pty);
			pty.write("\u001a");
			await pty.until((text) => /\[1\]\+? +Stopped/.test(text));
			expect([pty.isAlternate, pty.isCursorHidden]).toEqual([false, false]);
			pty.write("fg\r");
			await untilConnected(pty);
			expect([pty.isAlternate, pty.isCursorHidden]).toEqual([true, true]);
			pty.write("q");
			await pty.until((text) => text.includes("Monitor stopped."));
			pty.write("exit\r");
			expect(await pty.ended).toBe(0);
		},
	);

	it("gets only the lines that changed, as one update", async () => {
		const run = current();
		for (const name of ["a", "b", "c"]) await run.chat(name);
		const pty = await run.connected();
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
		const run = current();
		await run.chat("the only one");
		const pty = await run.connected();
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
		const run = current();
		const evil = "\u001b]0;owned\u0007\u001b[2J\u001b[31m\u009b5m\u202eevil\r\nnext";
		await run.chat(evil, evil);
		const pty = await run.connected({ columns: 140 });
		await pty.until((text) => text.includes("evil"));
		pty.write("/");
		pty.write(`${evil.replaceAll(/[\r\n]/g, "")}\r`);
		await pty.until((text) => text.includes("No trace matches") || text.includes("match"));
		expect(pty.raw).not.toContain("\u001b]0;");
		expect(pty.raw).not.toContain("\u009b");
		expect(pty.raw).not.toContain("\u202e");
	});

	it("gets no colours with NO_COLOR", async () => {
		const run = current();
		await run.chat("grey");
		const pty = await run.connected({ env: { NO_COLOR: "1" } });
		await pty.until((text) => text.includes("COMPLETED"));
		expect(pty.colorOf("COMPLETED")).toBe(-1);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
		expect(pty.raw).not.toMatch(/\u001b\[[0-9;]*3\dm/);
	});
});
