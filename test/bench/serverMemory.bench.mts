import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseListeningLine } from "../../src/protocol/serverInfo.ts";
import { type BenchRow, median, valueRow } from "./bench.mts";
import { type GeneratedSpan, SpanSource } from "./storedSpans.mts";

export const name = "server-memory";

/** Fewer for a quick look: `TRACEWAY_BENCH_SPANS=100000`. */
const SPANS = Number(process.env.TRACEWAY_BENCH_SPANS ?? 1_000_000);
const BATCH = 500;
const CONNECTIONS = 4;
const SAMPLE_MS = 100;
/** Time without a request before the idle size is read: garbage is collected and the search index written meanwhile. */
const IDLE_MS = 10_000;

/** Resident size of a process, bytes; of Linux. */
function residentBytes(pid: number): number {
	return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

function attribute(key: string, value: string | number | null): object[] {
	if (value === null) return [];
	return [{ key, value: typeof value === "number" ? { intValue: value } : { stringValue: value } }];
}

/** The spans as an exporter sends them, about 1.3 KB of JSON each. */
function exportRequest(spans: readonly GeneratedSpan[]): string {
	return JSON.stringify({
		resourceSpans: [
			{
				resource: { attributes: attribute("service.name", "bench") },
				scopeSpans: [
					{
						scope: { name: "bench" },
						spans: spans.map(({ span, row }) => ({
							traceId: span.traceId,
							spanId: span.id,
							...(span.parentId === null ? {} : { parentSpanId: span.parentId }),
							name: span.name,
							kind: 3,
							startTimeUnixNano: `${span.start.ms}${String(span.start.subNs).padStart(6, "0")}`,
							endTimeUnixNano: `${span.end!.ms}${String(span.end!.subNs).padStart(6, "0")}`,
							attributes: [
								...attribute("gen_ai.request.model", row.model),
								...attribute("gen_ai.provider.name", row.provider),
								...attribute("gen_ai.usage.input_tokens", row.input_tokens),
								...attribute("gen_ai.usage.output_tokens", row.output_tokens),
								...attribute("input.value", row.input),
								...attribute("output.value", row.output),
							],
							status: span.error === null ? {} : { code: 2, message: span.error },
						})),
					},
				],
			},
		],
	});
}

function post(agent: Agent, url: string, body: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const sent = request(
			`${url}/v1/traces`,
			{ method: "POST", agent, headers: { "Content-Type": "application/json" } },
			(response) => {
				response.resume();
				response.on("error", reject);
				response.on("end", () => {
					if (response.statusCode === 200) resolve();
					else reject(new Error(`the server answered ${response.statusCode}`));
				});
			},
		);
		sent.on("error", reject);
		sent.end(body);
	});
}

/** Resident size of the real server while it takes a million spans over OTLP, when it rests, and when it starts anew on them. */
export async function run(): Promise<BenchRow[]> {
	const directory = mkdtempSync(join(tmpdir(), "traceway-memory-"));
	const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
	const start = async () => {
		const args = [cli, "serve", "--port=0", "--otlp-port=0", "--json", "--max-db-size=20GB", "--data-dir", directory];
		const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
		const [line] = await once(createInterface({ input: child.stdout }), "line");
		const { url, otlpUrl, pid } = parseListeningLine(line)!;
		const end = async () => {
			child.kill("SIGTERM");
			await once(child, "exit");
		};
		return { url, otlpUrl, pid, end };
	};
	const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
	try {
		const server = await start();
		const fresh = residentBytes(server.pid);
		const sizes: number[] = [];
		const timer = setInterval(() => sizes.push(residentBytes(server.pid)), SAMPLE_MS);
		const source = new SpanSource(3, Date.UTC(2026, 2, 6));
		let left = SPANS;
		const before = performance.now();
		await Promise.all(
			Array.from({ length: CONNECTIONS }, async () => {
				while (left > 0) {
					left -= BATCH;
					await post(agent, server.otlpUrl, exportRequest(source.take(BATCH)));
				}
			}),
		);
		const seconds = (performance.now() - before) / 1000;
		clearInterval(timer);
		await delay(IDLE_MS);
		const idle = residentBytes(server.pid);
		await server.end();
		const again = await start();
		await fetch(`${again.url}/api/spans?limit=1`);
		const restarted = residentBytes(again.pid);
		await again.end();
		const row = (suffix: string, bytes: number) => valueRow(`${name}-${suffix}`, bytes / 1e6, "MB", "");
		return [
			row("fresh", fresh),
			row("ingesting", median(sizes)),
			row("ingesting-most", Math.max(...sizes)),
			row("idle", idle),
			row("restarted", restarted),
			valueRow(`${name}-per-span`, Math.max(0, restarted - fresh) / SPANS, "bytes/span", ""),
			valueRow(`${name}-rate`, SPANS / seconds, "spans/s", ""),
		];
	} finally {
		agent.destroy();
		rmSync(directory, { recursive: true, force: true });
	}
}
