import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchRow, interleave, median, ratioRow } from "./bench.mts";
import { Child } from "./lineChild.mts";

export const name = "replay";

const EVENTS = 100_000;
const ROUNDS = 5;

interface Run {
	readonly wallMs: number;
	readonly cpuMs: number;
}

/** Reads the stream from its beginning until the last event is here. */
function readAll(port: number): Promise<void> {
	return new Promise((resolve, reject) => {
		const socket = connect(port, "127.0.0.1");
		const last = Buffer.from(`\nid: ${EVENTS}\n`);
		let tail = Buffer.alloc(0);
		socket.on("error", reject);
		socket.on("data", (chunk) => {
			const end = Buffer.concat([tail, chunk]);
			if (end.includes(last)) {
				socket.destroy();
				resolve();
			}
			tail = Buffer.from(end.subarray(-last.length));
		});
		socket.write("GET /api/events?since=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	});
}

async function replay(child: Child, port: number): Promise<Run> {
	const cpuBefore = Number(await child.ask("cpu"));
	const before = performance.now();
	await readAll(port);
	const wallMs = performance.now() - before;
	return { wallMs, cpuMs: Number(await child.ask("cpu")) - cpuBefore };
}

/** 100,000 events that were missed, through HTTP, beside reading their rows from the database alone. */
export async function run(): Promise<BenchRow[]> {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-replay-"));
	const child = new Child("replayChild.mts", [dataDir]);
	try {
		const port = Number(await child.line());
		const results = await interleave(ROUNDS, {
			replay: () => replay(child, port),
			rows: async (): Promise<Run> => JSON.parse(await child.ask("rows")),
		});
		const rate = (runs: readonly Run[], of: (run: Run) => number) => EVENTS / (median(runs.map(of)) / 1000);
		const row = (suffix: string, of: (run: Run) => number, unit: string, goal: string) =>
			ratioRow(`${name}${suffix}`, rate(results.replay, of), rate(results.rows, of), unit, goal);
		return [
			row("", (one) => one.wallMs, "events/s", ">= 0.5 ratio"),
			row("-cpu", (one) => one.cpuMs, "events/CPU-s", ""),
		];
	} finally {
		await child.end();
		rmSync(dataDir, { recursive: true, force: true });
	}
}
