import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { launchBrowser } from "../workbench/browser.mts";
import { ROOT } from "../workbench/workbench.mts";
import { Window } from "./pages/window.ts";
import { until } from "./support/wait.ts";

/** Ends behind `npm start`, after packages and build. */
const ENTRY = join(ROOT, "test", "workbench", "start.mts");

/** Every process that inherited this value, whatever became of its parents. */
async function processesWith(mark: string): Promise<string[]> {
	const found: string[] = [];
	for (const pid of await readdir("/proc")) {
		if (!/^\d+$/.test(pid)) continue;
		const [environ, command] = await Promise.all(
			["environ", "cmdline"].map((file) => readFile(join("/proc", pid, file), "utf8").catch(() => "")),
		);
		if (environ.includes(mark)) found.push(`${pid} ${command.replaceAll("\0", " ")}`);
	}
	return found;
}

// It looks for the processes in /proc.
it.skipIf(process.platform !== "linux").each(["SIGINT", "SIGTERM"] as const)(
	"npm start prints an address that shows live demo traces, and %s ends all of it",
	async (signal) => {
		const mark = randomUUID();
		const child = spawn(process.execPath, [ENTRY], {
			stdio: ["ignore", "pipe", "inherit"],
			env: { ...process.env, START_TEST_MARK: mark, TRACEWAY_START: "browser", DISPLAY: "", WAYLAND_DISPLAY: "" },
		});
		onTestFinished(() => {
			child.kill("SIGTERM");
		});
		let output = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			output += text;
		});
		const address = await until(
			"an address is printed",
			() => /^\s+(http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(output)?.[1],
			60_000,
		);

		const browser = await launchBrowser();
		onTestFinished(() => browser.close());
		const window = new Window(await browser.newPage());
		await window.open(address);
		await window.statusBar.waitFor("Live", 60_000);
		const first = await until("demo traces are in the tree", async () => {
			const count = await window.traces.rows.count();
			return count >= 2 && count;
		});
		await until("more of them come", async () => (await window.traces.rows.count()) > first);

		expect((await processesWith(mark)).length).toBeGreaterThanOrEqual(4);
		child.kill(signal);
		const [code] = await Promise.race([
			once(child, "exit"),
			new Promise<never>((_, reject) => setTimeout(() => reject(new Error("it does not end within 5 s")), 5000)),
		]);
		expect(code).toBe(0);
		expect(await processesWith(mark)).toEqual([]);
	},
);
