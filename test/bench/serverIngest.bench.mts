import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type BenchRow, interleave, median, percentile, ratioRow, valueRow } from "./bench.mts";

export const name = "server-ingest";

const CLIENTS = 32;
const ROUNDS = 7;
const WARM_UP_MS = 700;
const MEASURED_MS = 1500;

interface Contender {
	readonly port: number;
	/** Processor time of the process, milliseconds. */
	cpuMs(): Promise<number>;
	end(): Promise<void>;
}

async function start(kind: "bare" | "route" | "server", dataDir: string): Promise<Contender> {
	const script = fileURLToPath(new URL("serverIngestChild.mts", import.meta.url));
	const child = spawn(process.execPath, [script, kind, dataDir], { stdio: ["pipe", "pipe", "inherit"] });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const next = async () => Number((await lines.next()).value);
	return {
		port: await next(),
		cpuMs() {
			child.stdin.write("cpu\n");
			return next();
		},
		async end() {
			child.stdin.end();
			await once(child, "exit");
		},
	};
}

/** A span of 300 bytes, as SDKs begin one. */
function requestFor(port: number, client: number): Buffer {
	const span = {
		trace_id: `01J8ZQ5W7C0000000000000${String(client).padStart(3, "0")}`,
		parent_id: null,
		name: "chat completion",
		kind: { type: "llm_call", model: "gpt-4o-mini", provider: "openai" },
		input: [
			{ role: "user", content: "Summarise the last three messages of this conversation in one sentence, please." },
		],
	};
	const body = JSON.stringify(span);
	return Buffer.from(
		`POST /api/spans HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
			`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
	);
}

/** Keeps one request under way on a connection and calls back for every answer, whose body ends with its only `}`. */
function drive(socket: Socket, request: Buffer, onAnswer: (latencyMs: number) => void): void {
	let isChecked = false;
	let sentAt = performance.now();
	socket.on("data", (chunk) => {
		if (!isChecked) {
			const head = chunk.toString("latin1", 0, 12);
			if (head !== "HTTP/1.1 201") throw new Error(`unexpected answer: ${chunk.toString("latin1")}`);
			isChecked = true;
		}
		if (chunk[chunk.length - 1] !== 125) return;
		isChecked = false;
		const now = performance.now();
		onAnswer(now - sentAt);
		sentAt = now;
		socket.write(request);
	});
	socket.write(request);
}

interface Load {
	/** Answers a second. */
	readonly rate: number;
	/** Answers a second of the server's processor time. */
	readonly cpuRate: number;
	/** 99th percentile of the time from request to answer. */
	readonly p99Ms: number;
}

async function load(contender: Contender): Promise<Load> {
	let latencies: number[] = [];
	const sockets = await Promise.all(
		Array.from({ length: CLIENTS }, async (_, client) => {
			const socket = connect(contender.port, "127.0.0.1");
			socket.setNoDelay(true);
			await once(socket, "connect");
			drive(socket, requestFor(contender.port, client), (latencyMs) => latencies.push(latencyMs));
			return socket;
		}),
	);
	await pause(WARM_UP_MS);
	const cpuBefore = await contender.cpuMs();
	const before = performance.now();
	latencies = [];
	await pause(MEASURED_MS);
	const counted = latencies.length;
	const seconds = (performance.now() - before) / 1000;
	const cpuSeconds = ((await contender.cpuMs()) - cpuBefore) / 1000;
	for (const socket of sockets) socket.destroy();
	return { rate: counted / seconds, cpuRate: counted / cpuSeconds, p99Ms: percentile(latencies, 0.99) };
}

function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * A span a request on 32 connections: durable beside the same route on a store that keeps nothing, and that beside a server of
 * Node.js that only parses and answers.
 */
export async function run(): Promise<BenchRow[]> {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-ingest-"));
	const [durable, route, bare] = [await start("server", dataDir), await start("route", ""), await start("bare", "")];
	try {
		const results = await interleave(ROUNDS, {
			durable: () => load(durable),
			route: () => load(route),
			bare: () => load(bare),
		});
		const figure = (loads: readonly Load[], of: (load: Load) => number) => median(loads.map(of));
		const rate = (load: Load) => load.rate;
		const cpuRate = (load: Load) => load.cpuRate;
		const p99 = (load: Load) => load.p99Ms;
		const row = (suffix: string, one: readonly Load[], other: readonly Load[], of: typeof rate, goal: string) =>
			ratioRow(`${name}${suffix}`, figure(one, of), figure(other, of), of === rate ? "spans/s" : "spans/CPU-s", goal);
		return [
			row("", results.durable, results.route, rate, ">= 0.45 ratio"),
			row("-cpu", results.durable, results.route, cpuRate, ""),
			row("-route", results.route, results.bare, rate, ">= 0.9 ratio"),
			row("-route-cpu", results.route, results.bare, cpuRate, ""),
			valueRow(`${name}-added-p99`, figure(results.durable, p99) - figure(results.route, p99), "ms", "<= 50 ms"),
		];
	} finally {
		await Promise.all([durable, route, bare].map((contender) => contender.end()));
		rmSync(dataDir, { recursive: true, force: true });
	}
}
