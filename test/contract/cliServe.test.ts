import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ListeningLine, parseListeningLine, parseServerInfo } from "../../src/protocol/serverInfo.ts";
import { buildCli, type CliBundle, Process, packageVersion } from "./support/cli.ts";

let bundle: CliBundle;
let parent: string;
let dataDir: string;
const processes = new Set<Process>();

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

beforeEach(() => {
	parent = mkdtempSync(join(tmpdir(), "traceway-serve-"));
	dataDir = join(parent, "data");
});

afterEach(async () => {
	for (const process_ of processes) {
		process_.child.kill("SIGKILL");
		await process_.ended;
	}
	processes.clear();
	rmSync(parent, { recursive: true, force: true });
});

function serve(...args: string[]): Process {
	const env = { PATH: process.env.PATH, HOME: parent, TRACEWAY_DATA_DIR: dataDir };
	const process_ = new Process(process.execPath, [bundle.cliPath, "serve", ...args], env);
	processes.add(process_);
	return process_;
}

/** Starts a server on free ports and waits until it listens. */
async function listening(...args: string[]): Promise<{ process_: Process; line: ListeningLine }> {
	const process_ = serve("--port", "0", "--otlp-port", "0", "--json", ...args);
	await process_.until(() => process_.lines.length > 0);
	const line = parseListeningLine(process_.lines[0]!);
	if (line === undefined) throw new Error(`not the first line: ${process_.stdout}`);
	return { process_, line };
}

async function postTrace(url: string, name: string): Promise<Response> {
	return fetch(`${url}/api/traces`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ name }),
	});
}

async function traceNames(url: string): Promise<string[]> {
	const { items } = (await (await fetch(`${url}/api/traces`)).json()) as { items: { name: string }[] };
	return items.map(({ name }) => name);
}

async function takenPort(): Promise<{ port: number; close: () => void }> {
	const server = createServer();
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe("serve", () => {
	it("prints one line of JSON when it listens, and nothing else on standard output", async () => {
		const { process_, line } = await listening();
		expect(line).toEqual({
			event: "listening",
			url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
			otlpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
			pid: process_.child.pid,
			version: packageVersion,
		});
		expect(line.url).not.toBe(line.otlpUrl);
		expect((await postTrace(line.url, "one")).status).toBe(201);
		expect((await fetch(`${line.url}/api/nothing-here`)).status).toBe(404);
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
		expect(process_.lines).toHaveLength(1);
		expect(process_.stderr).toContain("SIGTERM");
		expect(process_.stderr).not.toMatch(/ExperimentalWarning|^\s+at /m);
	});

	it("prints its address for people without --json", async () => {
		const process_ = serve("--port", "0", "--otlp-port", "0", "--memory");
		await process_.until(() => process_.lines.length > 0);
		expect(process_.lines[0]).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+ .*memory/);
	});

	it("says in server.json where it is, as long as it runs", async () => {
		const { process_, line } = await listening();
		const record = () => parseServerInfo(readFileSync(join(dataDir, "server.json"), "utf8"));
		const health = (await (await fetch(`${line.url}/api/health`)).json()) as { instance_id: string };
		expect(record()).toMatchObject({
			pid: line.pid,
			url: line.url,
			otlpUrl: line.otlpUrl,
			version: packageVersion,
			instanceId: health.instance_id,
		});
		process_.child.kill("SIGINT");
		expect(await process_.ended).toBe(0);
		expect(existsSync(join(dataDir, "server.json"))).toBe(false);
	});

	it("keeps what was acknowledged over kill -9", async () => {
		const first = await listening();
		expect((await postTrace(first.line.url, "kept")).status).toBe(201);
		first.process_.child.kill("SIGKILL");
		await first.process_.ended;
		const second = await listening();
		expect(await traceNames(second.line.url)).toEqual(["kept"]);
	});

	it("keeps nothing and writes no file with --memory", async () => {
		const { line } = await listening("--memory");
		expect((await postTrace(line.url, "gone")).status).toBe(201);
		expect(existsSync(dataDir)).toBe(false);
	});

	it("refuses a data directory that another server owns with code 3, one line and no change to it", async () => {
		const { line } = await listening();
		const before = readdirSync(dataDir).sort();
		const second = serve("--port", "0", "--otlp-port", "0", "--json");
		expect(await second.ended).toBe(3);
		expect(second.stdout).toBe("");
		expect(second.stderr).toMatch(/^traceway-live: another server is already using [^\n]*\n$/);
		expect(second.stderr).toContain(`process ${line.pid} at ${line.url}`);
		expect(readdirSync(dataDir).sort()).toEqual(before);
		expect((await postTrace(line.url, "still here")).status).toBe(201);
	});

	it.each(["--port", "--otlp-port"])("names the port of %s when it is taken, with code 1", async (option) => {
		const taken = await takenPort();
		const other = option === "--port" ? "--otlp-port" : "--port";
		try {
			const process_ = serve(other, "0", option, String(taken.port), "--memory");
			expect(await process_.ended).toBe(1);
			expect(process_.stderr).toMatch(/^traceway-live: port [^\n]*\n$/);
			expect(process_.stderr).toContain(`port ${taken.port} on 127.0.0.1`);
			expect(process_.stderr).toContain(`${option} `);
			expect(process_.stdout).toBe("");
		} finally {
			taken.close();
		}
	});

	it("takes free ports with --any-port when the asked-for ones are taken, and the asked-for ones when not", async () => {
		const [first, second] = [await takenPort(), await takenPort()];
		const ports = ["--any-port", `--port=${first.port}`, `--otlp-port=${second.port}`, "--json", "--memory"];
		const elsewhere = serve(...ports);
		await elsewhere.until(() => elsewhere.lines.length > 0);
		const line = parseListeningLine(elsewhere.lines[0]!)!;
		expect(line.url).not.toBe(`http://127.0.0.1:${first.port}`);
		expect(line.otlpUrl).not.toBe(`http://127.0.0.1:${second.port}`);
		expect((await fetch(`${line.url}/api/health`)).status).toBe(200);
		first.close();
		second.close();
		const there = serve(...ports);
		await there.until(() => there.lines.length > 0);
		expect(parseListeningLine(there.lines[0]!)).toMatchObject({
			url: `http://127.0.0.1:${first.port}`,
			otlpUrl: `http://127.0.0.1:${second.port}`,
		});
	});

	it("listens for gRPC on a port of its own only with --grpc-port, and says where", async () => {
		expect((await listening("--memory")).line).not.toHaveProperty("grpcUrl", expect.anything());
		const { line, process_ } = await listening("--grpc-port", "0");
		expect(line.grpcUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		expect(parseServerInfo(readFileSync(join(dataDir, "server.json"), "utf8"))).toMatchObject({
			grpcUrl: line.grpcUrl,
		});
		const doctor = new Process(process.execPath, [bundle.cliPath, "doctor", "--json"], {
			PATH: process.env.PATH,
			HOME: parent,
			TRACEWAY_DATA_DIR: dataDir,
			OTEL_EXPORTER_OTLP_ENDPOINT: line.otlpUrl,
		});
		expect(await doctor.ended).toBe(0);
		const { findings } = JSON.parse(doctor.stdout) as { findings: { name: string; state: string }[] };
		expect(findings).toContainEqual(expect.objectContaining({ name: "OTLP gRPC", state: "ok" }));

		const grpcPort = new URL(line.grpcUrl!).port;
		const taken = serve("--port", "0", "--otlp-port", "0", "--memory", "--grpc-port", grpcPort);
		expect(await taken.ended).toBe(1);
		expect(taken.stderr).toMatch(new RegExp(`^traceway-live: port ${grpcPort} [^\n]*--grpc-port[^\n]*\n$`));
		const other = await listening("--memory", "--any-port", "--grpc-port", grpcPort);
		expect(other.line.grpcUrl).not.toBe(line.grpcUrl);
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
	});

	it("ends with code 0 when nobody has been connected for the time of --exit-when-idle", async () => {
		const { process_ } = await listening("--exit-when-idle", "1");
		expect(await process_.ended).toBe(0);
		expect(process_.stderr).toContain("nobody connected");
		expect(existsSync(join(dataDir, "server.json"))).toBe(false);
	});

	it("ends open streams and idle connections when it is told to stop", async () => {
		const { process_, line } = await listening();
		const stream = await fetch(`${line.url}/api/events`);
		expect(stream.status).toBe(200);
		const silent: Socket = connect(Number(new URL(line.url).port), "127.0.0.1");
		silent.on("error", () => {});
		await once(silent, "connect");
		silent.write("POST /api/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{");
		const from = process.hrtime.bigint();
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
		// The promise itself: "drain and exit 0 within 5 s".
		expect(Number(process.hrtime.bigint() - from) / 1e9).toBeLessThan(5);
		silent.destroy();
		await stream.body?.cancel().catch(() => {});
	});

	it("exits at once on a second signal", async () => {
		const { process_, line } = await listening();
		const silent = connect(Number(new URL(line.url).port), "127.0.0.1");
		silent.on("error", () => {});
		await once(silent, "connect");
		silent.write("POST /api/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{");
		process_.child.kill("SIGTERM");
		await process_.until(() => process_.stderr.includes("stopping"));
		process_.child.kill("SIGTERM");
		// As a shell reports the end by SIGTERM: the request under way would have held the first one up for seconds.
		expect(await process_.ended).toBe(143);
		silent.destroy();
	});

	it("asks for the token of --token, and answers health without it", async () => {
		const { line } = await listening("--token", "s3cret");
		expect((await fetch(`${line.url}/api/health`)).status).toBe(200);
		expect((await postTrace(line.url, "no")).status).toBe(401);
		const headers = { authorization: "Bearer s3cret" };
		expect((await fetch(`${line.url}/api/traces`, { headers })).status).toBe(200);
	});

	it("says why a data directory cannot be used, with code 1 and without a stack trace", async () => {
		const file = join(parent, "file");
		writeFileSync(file, "x");
		const process_ = serve("--data-dir", file, "--port", "0", "--otlp-port", "0");
		expect(await process_.ended).toBe(1);
		expect(process_.stderr).toMatch(/^traceway-live: the data directory [^\n]*\n$/);
	});

	it("touches no damaged database and says so in one line, and sets it aside only when asked", async () => {
		const damaged = "this is no database, ".repeat(500);
		mkdirSync(dataDir);
		writeFileSync(join(dataDir, "traces.db"), damaged);
		writeFileSync(join(dataDir, "traces.db-wal"), "its log");
		const refused = serve("--port", "0", "--otlp-port", "0");
		expect(await refused.ended).toBe(1);
		expect(refused.stderr).toMatch(/^traceway-live: [^\n]*traces\.db [^\n]*--set-aside-corrupt[^\n]*\n$/);
		expect(readFileSync(join(dataDir, "traces.db"), "utf8")).toBe(damaged);
		expect(readFileSync(join(dataDir, "traces.db-wal"), "utf8")).toBe("its log");

		const { line, process_ } = await listening("--set-aside-corrupt");
		expect(process_.stderr).toMatch(/ warn .*set aside as .*traces\.db\.corrupt-\d{8}T\d{6}Z/);
		expect((await postTrace(line.url, "one")).status).toBe(201);
		const aside = () => readdirSync(dataDir).filter((name) => name.includes(".corrupt-"));
		const texts = aside().map((name) => [name.slice(-4), readFileSync(join(dataDir, name), "utf8")]);
		expect(texts.sort()).toEqual(
			[
				["-wal", "its log"],
				[expect.stringMatching(/\d{3}Z/), damaged],
			].sort(),
		);

		process_.child.kill("SIGKILL");
		await process_.ended;
		const again = await listening("--set-aside-corrupt");
		expect(await traceNames(again.line.url)).toEqual(["one"]);
		expect(aside()).toHaveLength(2);
	});
});

describe("OTLP at serve", () => {
	const TRACE = "0af7651916cd43dd8448eb211c80319c";
	const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
	const batch = (spans: readonly unknown[]) => ({
		resourceSpans: [{ resource: { attributes: [attribute("service.name", "shop")] }, scopeSpans: [{ spans }] }],
	});
	const root = {
		traceId: TRACE,
		spanId: "b7ad6b7169203331",
		name: "checkout",
		kind: 2,
		startTimeUnixNano: "1772787600123456789",
		endTimeUnixNano: "1772787601123456789",
	};
	const call = {
		...root,
		spanId: "b7ad6b7169203332",
		parentSpanId: root.spanId,
		name: "chat",
		attributes: [attribute("gen_ai.request.model", "gpt-4o-mini")],
		status: { code: 2, message: "too long" },
	};

	function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
		return fetch(`${url}/v1/traces`, {
			method: "POST",
			headers: { "content-type": "application/json", ...headers },
			body,
		});
	}

	async function spansOf(url: string, traceId: string): Promise<Record<string, unknown>[]> {
		const { spans } = (await (await fetch(`${url}/api/traces/${traceId}`)).json()) as {
			spans: Record<string, unknown>[];
		};
		return spans;
	}

	async function eventTypes(url: string): Promise<string[]> {
		const response = await fetch(`${url}/api/events?since=0`);
		const reader = response.body!.getReader();
		const decoder = new TextDecoder();
		let text = "";
		// The log is written in order: a trace made last marks its end.
		await postTrace(url, "end of test");
		while (!text.includes("end of test")) text += decoder.decode((await reader.read()).value, { stream: true });
		await reader.cancel();
		return [...text.matchAll(/^data: \{"type":"([a-z_]+)"/gm)].map((match) => match[1]!).slice(0, -1);
	}

	it("takes JSON on both ports, with ids and nanoseconds as they came", async () => {
		const { line } = await listening("--memory");
		for (const [url, span] of [
			[line.url, root],
			[line.otlpUrl, call],
		] as const) {
			const response = await post(url, JSON.stringify(batch([span])));
			expect(response.status).toBe(200);
			expect(response.headers.get("content-type")).toContain("application/json");
			expect(await response.json()).toEqual({});
		}
		const spans = await spansOf(line.url, TRACE);
		expect(spans.find(({ id }) => id === root.spanId)).toMatchObject({
			trace_id: TRACE,
			parent_id: null,
			name: "checkout",
			kind: { type: "custom", kind: "server", attributes: { "resource.service.name": "shop" } },
			status: "completed",
			started_at: "2026-03-06T09:00:00.123456789Z",
			ended_at: "2026-03-06T09:00:01.123456789Z",
		});
		expect(spans.find(({ id }) => id === call.spanId)).toMatchObject({
			parent_id: root.spanId,
			kind: { type: "llm_call", model: "gpt-4o-mini" },
			status: { failed: { error: "too long" } },
		});
	});

	it("tells the stream of the trace and of each span, and of the same batch sent again nothing", async () => {
		const { line } = await listening("--memory");
		for (let round = 0; round < 3; round++) {
			expect(await (await post(line.url, JSON.stringify(batch([call, root])))).json()).toEqual({});
		}
		expect(await eventTypes(line.url)).toEqual(["trace_created", "span_failed", "span_completed"]);
		expect(await spansOf(line.url, TRACE)).toHaveLength(2);
	});

	it("names a trace by its root, also when that comes after its children, else by its service", async () => {
		const { line } = await listening("--memory");
		const other = { ...call, traceId: "1af7651916cd43dd8448eb211c80319c" };
		await post(line.url, JSON.stringify(batch([call, other])));
		expect((await traceNames(line.url)).sort()).toEqual(["shop", "shop"]);
		await post(line.url, JSON.stringify(batch([root])));
		expect((await traceNames(line.url)).sort()).toEqual(["checkout", "shop"]);
		const { items } = (await (await fetch(`${line.url}/api/traces`)).json()) as { items: { tags: string[] }[] };
		expect(items.map(({ tags }) => tags)).toEqual([["otlp"], ["otlp"]]);
	});

	it("takes gzip", async () => {
		const { line } = await listening("--memory");
		const body = new Uint8Array(gzipSync(JSON.stringify(batch([root]))));
		expect((await post(line.otlpUrl, body, { "content-encoding": "gzip" })).status).toBe(200);
		expect(await spansOf(line.url, TRACE)).toHaveLength(1);
	});

	it("takes the good spans of a batch and says how many were refused and why", async () => {
		const { line } = await listening("--memory");
		const response = await post(line.url, JSON.stringify(batch([root, { ...call, spanId: "x" }])));
		expect(response.status).toBe(200);
		expect(await response.json()).toEqual({
			partialSuccess: { rejectedSpans: "1", errorMessage: expect.stringContaining("spans[1]: spanId") },
		});
		expect(await spansOf(line.url, TRACE)).toHaveLength(1);
	});

	it("answers other types with 415 and what to do, and broken bodies with 400", async () => {
		const { line } = await listening("--memory");
		const text = await post(line.otlpUrl, "{}", { "content-type": "text/plain" });
		expect(text.status).toBe(415);
		expect(await text.json()).toMatchObject({ error: expect.stringContaining("OTEL_EXPORTER_OTLP_PROTOCOL") });
		expect((await post(line.url, "{")).status).toBe(400);
		expect((await post(line.url, '{"resourceSpans":1}')).status).toBe(400);
		expect((await post(line.url, "{}")).status).toBe(200);
	});

	it("asks for the token and refuses foreign hosts and origins like the API", async () => {
		const { line } = await listening("--memory", "--token", "s3cret");
		const body = JSON.stringify(batch([root]));
		expect((await post(line.otlpUrl, body)).status).toBe(401);
		const authorization = "Bearer s3cret";
		expect((await post(line.otlpUrl, body, { authorization, origin: "https://evil.example" })).status).toBe(403);
		expect((await post(line.otlpUrl, body, { authorization })).status).toBe(200);
	});
});
