import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { WireSpanPage } from "../../src/protocol/rest.ts";
import { type BenchRow, median, percentile, ratioRow, runChild, valueRow } from "./bench.mts";
import type { MadeSpans } from "./children/millionSpans.mts";
import { PHRASE } from "./storedSpans.mts";

export const name = "query";

/** Fewer for a quick look: `TRACEWAY_BENCH_SPANS=100000`. */
const SPANS = Number(process.env.TRACEWAY_BENCH_SPANS ?? 1_000_000);
const REQUESTS = 25;
/** What the issue promises of every filter. */
const GOAL = "<= 50 ms p95";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Time from the request to the last byte, milliseconds. */
async function timed(url: string): Promise<{ readonly ms: number; readonly page: WireSpanPage }> {
	const before = performance.now();
	const [response] = await once(get(url, { agent }), "response");
	let text = "";
	for await (const chunk of response.setEncoding("utf8")) text += chunk;
	const ms = performance.now() - before;
	if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode} ${text.slice(0, 300)}`);
	return { ms, page: JSON.parse(text) };
}

async function times(url: string, requests = REQUESTS): Promise<number[]> {
	const all: number[] = [];
	for (let request = 0; request < requests; request++) all.push((await timed(url)).ms);
	return all;
}

/** Resident size of a process, bytes; of Linux. */
function residentBytes(pid: number): number {
	return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

function like(directory: string, needle: string): number[] {
	const database = new DatabaseSync(join(directory, "traces.db"), { readOnly: true });
	database.exec("PRAGMA cache_size = -65536");
	const search = database.prepare(`SELECT s.seq FROM spans s LEFT JOIN payloads p ON p.seq = s.seq
		WHERE s.name LIKE ? OR p.input LIKE ? OR p.output LIKE ? ORDER BY s.start_ms DESC, s.start_sub DESC LIMIT 50`);
	const wanted = `%${needle}%`;
	const all = Array.from({ length: 3 }, () => {
		const before = performance.now();
		search.all(wanted, wanted, wanted);
		return performance.now() - before;
	});
	database.close();
	return all;
}

function offset(directory: string, rows: number): number[] {
	const database = new DatabaseSync(join(directory, "traces.db"), { readOnly: true });
	database.exec("PRAGMA cache_size = -65536");
	const page = database.prepare(`SELECT s.*, p.* FROM spans s LEFT JOIN payloads p ON p.seq = s.seq
		ORDER BY s.start_ms DESC, s.start_sub DESC LIMIT 50 OFFSET ?`);
	const all = Array.from({ length: 5 }, () => {
		const before = performance.now();
		page.all(rows);
		return performance.now() - before;
	});
	database.close();
	return all;
}

/** Follows the list of skeletons down to this depth and returns the cursor there. */
async function cursorAt(url: string, depth: number): Promise<string> {
	let cursor: string | null = null;
	for (let at = 0; at < depth; at += 1000) {
		const behind: string = cursor === null ? "" : `&cursor=${cursor}`;
		({ next_cursor: cursor } = (await timed(`${url}?fields=skeleton&limit=1000${behind}`)).page);
		if (cursor === null) throw new Error(`the list ends at ${at}`);
	}
	return cursor!;
}

/** All filters of `GET /api/spans` over HTTP on a million spans; search beside LIKE, a deep page beside OFFSET; memory. */
export async function run(): Promise<BenchRow[]> {
	const directory = mkdtempSync(join(tmpdir(), "traceway-query-"));
	const rows: BenchRow[] = [];
	const maker = new URL("children/millionSpans.mts", import.meta.url);
	try {
		const made = (await runChild(maker, {
			arguments: [directory, String(SPANS)],
			timeoutMs: 1_200_000,
		})) as MadeSpans;
		rows.push(
			valueRow(`${name}-made`, (SPANS / made.writeMs) * 1000, "rows/s", ""),
			valueRow(`${name}-file`, made.fileBytes / SPANS, "bytes/row", ""),
		);
		const script = fileURLToPath(new URL("serverIngestChild.mts", import.meta.url));
		const startedAt = performance.now();
		const child = spawn(process.execPath, [script, "server", directory], { stdio: ["pipe", "pipe", "inherit"] });
		const [port] = await once(createInterface({ input: child.stdout }), "line");
		const list = `http://127.0.0.1:${port}/api/spans`;
		rows.push(valueRow(`${name}-listening`, performance.now() - startedAt, "ms", ""));
		await timed(list);
		rows.push(valueRow(`${name}-first-answer`, performance.now() - startedAt, "ms", ""));

		const filters: Readonly<Record<string, string>> = {
			all: "",
			"all-1000": "limit=1000",
			trace: `trace_id=${made.traceId}`,
			kind: "kind=tool_call",
			model: "model=gpt-4o",
			provider: "provider=openai",
			status: "status=failed",
			since: `since=${made.lateTime}`,
			until: `until=${made.earlyTime}`,
			duration: "duration_min=500&duration_max=900",
			tokens: "tokens_min=8000",
			cost: "cost_min=0.01",
			name: "name_contains=gpt-4o-m",
			path: "path=absent",
			"by-duration": "sort_by=duration",
			"by-tokens": "sort_by=tokens&sort_order=asc",
			"by-cost": "sort_by=cost",
			"by-name": "sort_by=name",
			several: `kind=llm_call&model=gpt-4o&status=failed&since=${made.earlyTime}&sort_by=cost`,
		};
		const medians: number[] = [];
		for (const [filter, query] of Object.entries(filters)) {
			const taken = await times(`${list}?${query}`);
			medians.push(median(taken));
			rows.push(valueRow(`${name}-${filter}`, percentile(taken, 0.95), "ms p95", GOAL));
		}
		// A busy machine spoils the p95 of a few requests; these tell whether it did.
		rows.push(valueRow(`${name}-middle-median`, median(medians), "ms", ""));
		rows.push(valueRow(`${name}-worst-median`, Math.max(...medians), "ms", ""));
		const word = encodeURIComponent(PHRASE);
		for (const [search, query, needle] of [
			["phrase", `text_contains=${word}`, PHRASE],
			["phrase-input", `input_contains=${word}`, PHRASE],
			["absent", "text_contains=zebra%20crossing", "zebra crossing"],
		] as const) {
			const ours = median(await times(`${list}?${query}`, 7));
			rows.push(ratioRow(`${name}-text-${search}`, ours, median(like(directory, needle)), "ms", "<= 0.25 ratio"));
		}
		const depth = Math.floor((SPANS * 0.95) / 1000) * 1000;
		const cursor = await cursorAt(list, depth);
		const deep = median(await times(`${list}?cursor=${cursor}`));
		rows.push(ratioRow(`${name}-deep-page`, deep, median(offset(directory, depth)), "ms", "<= 0.05 ratio"));
		rows.push(valueRow(`${name}-memory`, residentBytes(child.pid!) / 1e6, "MB", ""));
		child.stdin.end();
		await once(child, "exit");
		return rows;
	} finally {
		agent.destroy();
		rmSync(directory, { recursive: true, force: true });
	}
}
