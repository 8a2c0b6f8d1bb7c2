import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type BenchRow, interleave, median, ratioRow, runChild } from "./bench.mts";

export const name = "stream-throughput";

const ROUNDS = 5;

const CASES = [
	{ name: "stream-throughput-1kb", count: 150_000, bytes: 1000, text: "ascii", goal: ">= 0.50 ratio" },
	{ name: "stream-throughput-10kb", count: 25_000, bytes: 10_000, text: "ascii", goal: ">= 0.65 ratio" },
	{ name: "stream-throughput-10kb-non-ascii", count: 15_000, bytes: 10_000, text: "text", goal: ">= 0.70 ratio" },
] as const;

/**
 * Events a second of processor time from the socket to the indexed store, with decoder, filter and coalescing on, beside
 * undici's `fetch` + eventsource-parser + JSON.parse. The sender runs in another process; every figure in a fresh one.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const { name, count, bytes, text, goal } of CASES) {
		const sender = await startSender([String(count), String(bytes), text]);
		try {
			const receive = async (contender: "parser" | "source") => {
				const result = await runChild(new URL("./children/streamReceiver.mts", import.meta.url), {
					arguments: [contender, sender.url, String(count)],
				});
				return (result as { eventsPerCpuS: number }).eventsPerCpuS;
			};
			const results = await interleave(ROUNDS, {
				parser: () => receive("parser"),
				source: () => receive("source"),
			});
			rows.push(ratioRow(name, median(results.source), median(results.parser), "events/CPU-s", goal));
		} finally {
			sender.end();
			await once(sender.child, "close");
		}
	}
	return rows;
}

async function startSender(
	args: readonly string[],
): Promise<{ readonly url: string; readonly child: ChildProcess; end(): void }> {
	const child = spawn(
		process.execPath,
		[fileURLToPath(new URL("./children/streamSender.mts", import.meta.url)), ...args],
		{
			stdio: ["pipe", "pipe", "inherit"],
		},
	);
	const [line] = (await once(createInterface(child.stdout), "line")) as [string];
	return { url: (JSON.parse(line) as { url: string }).url, child, end: () => child.stdin.end() };
}
