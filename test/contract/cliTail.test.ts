import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { type RunningServer, startServer } from "../../src/server/server.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";

let bundle: CliBundle;
let home: string;
let server: RunningServer;
const processes = new Set<Process>();

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

beforeEach(async () => {
	home = mkdtempSync(join(tmpdir(), "traceway-tail-"));
	server = await start();
});

afterEach(async () => {
	for (const process_ of processes) {
		process_.child.kill("SIGKILL");
		await process_.ended;
	}
	processes.clear();
	await server.close();
	rmSync(home, { recursive: true, force: true });
});

function start(options: { port?: number; token?: string } = {}): Promise<RunningServer> {
	return startServer({ port: 0, dataDir: join(home, "server"), version: "1.0.0", logger: silentLogger, ...options });
}

function tail(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Process {
	const process_ = new Process(process.execPath, [bundle.cliPath, "tail", ...args], {
		PATH: process.env.PATH,
		HOME: home,
		TRACEWAY_DATA_DIR: join(home, "none"),
		TRACEWAY_URL: server.url,
		...env,
	});
	processes.add(process_);
	return process_;
}

async function live(process_: Process): Promise<Process> {
	await process_.until(() => process_.stderr.includes("live\n"));
	return process_;
}

async function post(path: string, body: unknown): Promise<Record<string, string>> {
	const response = await fetch(server.url + path, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
	});
	expect(response.ok).toBe(true);
	return (await response.json()) as Record<string, string>;
}

async function traceWithSpan(name: string): Promise<void> {
	const trace = await post("/api/traces", { name });
	const span = await post("/api/spans", { trace_id: trace.id, name: `span of ${name}` });
	await post(`/api/spans/${span.id}/complete`, { output: "done" });
}

describe("tail", () => {
	it("prints each event as a line, and nothing else on standard output", async () => {
		const process_ = await live(tail());
		await traceWithSpan("first");
		await process_.until(() => process_.lines.length >= 3);
		expect(process_.lines.map((line) => line.split(/ {2,}/)[2])).toEqual([
			"trace_created",
			"span_created",
			"span_completed",
		]);
		process_.child.kill("SIGINT");
		expect(await process_.ended).toBe(0);
		expect(process_.lines).toHaveLength(3);
	});

	it("begins behind the event that --since names, with --json as objects", async () => {
		await traceWithSpan("before");
		const process_ = tail(["--since", "1", "--json"]);
		await process_.until(() => process_.lines.length >= 2);
		const events = process_.lines.map((line) => JSON.parse(line) as { id: string; event: { type: string } });
		expect(events.map(({ id, event }) => [id, event.type])).toEqual([
			["2", "span_created"],
			["3", "span_completed"],
		]);
	});

	it("comes back by itself when the server was away, and misses nothing", async () => {
		const process_ = await live(tail(["--json"]));
		await traceWithSpan("first");
		await process_.until(() => process_.lines.length >= 3);
		const port = Number(new URL(server.url).port);
		await server.close();
		await process_.until(() => process_.stderr.includes("not connected"));
		server = await start({ port });
		await traceWithSpan("second");
		await process_.until(() => process_.lines.length >= 6);
		const ids = process_.lines.map((line) => (JSON.parse(line) as { id: string }).id);
		expect(ids).toEqual(["1", "2", "3", "4", "5", "6"]);
	});

	it("waits for a slow reader of its output, and then goes on without a loss", async () => {
		const text = "x".repeat(20_000);
		for (let number = 0; number < 60; number++) await post("/api/traces", { name: `${number} ${text}` });
		const process_ = tail(["--since", "0", "--json"]);
		process_.child.stdout!.pause();
		await live(process_);
		await post("/api/traces", { name: "last" });
		process_.child.stdout!.resume();
		await process_.until(() => process_.lines.length >= 61);
		const ids = process_.lines.map((line) => Number((JSON.parse(line) as { id: string }).id));
		expect(ids).toEqual(Array.from({ length: 61 }, (_, index) => index + 1));
		expect(process_.stderr).not.toContain("Warning");
	});

	it("ends with code 0 when the reader of its output goes away", async () => {
		const process_ = await live(tail());
		process_.child.stdout!.destroy();
		await traceWithSpan("first");
		expect(await process_.ended).toBe(0);
		expect(process_.stderr).not.toContain("EPIPE");
	});

	it("ends with code 1 and what to do when the token is refused, and takes it from the environment", async () => {
		const port = Number(new URL(server.url).port);
		await server.close();
		server = await start({ port, token: "s3cret" });
		const refused = tail();
		expect(await refused.ended).toBe(1);
		expect(refused.stderr).toMatch(/traceway-live: .*refused the event stream.*TRACEWAY_TOKEN.*\n$/);
		const process_ = await live(tail([], { TRACEWAY_TOKEN: "s3cret" }));
		expect(process_.stderr).not.toContain("s3cret");
	});

	it("waits for a server that is not there yet", async () => {
		const port = Number(new URL(server.url).port);
		await server.close();
		const process_ = tail();
		await process_.until(() => process_.stderr.includes("not connected"));
		server = await start({ port });
		await live(process_);
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
	});
});
