import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { doctorSpan, otlpJson } from "../../src/cli/doctorSpan.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import type { RunningServer } from "../../src/server/server.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";
import { client, send, start, temporaryDir } from "./support/testServer.ts";

let bundle: CliBundle;

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

const ENV = { PATH: process.env.PATH, TRACEWAY_DATA_DIR: "/nowhere/at/all" };

function command(url: string, args: readonly string[]): Process {
	const process_ = new Process(process.execPath, [bundle.cliPath, ...args], { ...ENV, TRACEWAY_URL: url });
	onTestFinished(() => void process_.child.kill("SIGKILL"));
	return process_;
}

async function run(server: { readonly url: string }, ...args: string[]) {
	const process_ = command(server.url, args);
	const exitCode = await process_.ended;
	return { exitCode, stdout: process_.stdout, stderr: process_.stderr };
}

/** `import` with bytes on its standard input. */
async function runWithInput(server: { readonly url: string }, input: string | Buffer, ...args: string[]) {
	const child = spawn(process.execPath, [bundle.cliPath, "import", ...args], {
		env: { ...ENV, TRACEWAY_URL: server.url },
	});
	let stderr = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		stderr += text;
	});
	// A command that refuses the first bytes closes its input.
	child.stdin.on("error", () => {});
	child.stdin.end(input);
	const [exitCode] = await once(child, "close");
	return { exitCode, stderr };
}

/** A server that is no mini-server, and its address. */
async function peer(listener: RequestListener): Promise<{ readonly url: string }> {
	const server = createServer(listener);
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Two traces with records, spans in all states, and text that hurts. */
async function fill(server: RunningServer): Promise<{ readonly first: string; readonly second: string }> {
	const api = client(server);
	const first = await api.trace({ name: 'first \u2028 "quoted" 🙂', tags: ["session:s-1"] });
	const second = await api.trace({ name: "second" });
	const root = await api.span({ trace_id: first, name: "agent", input: { text: "<script>\u0000\ud83d" } });
	const call = await api.span({
		trace_id: first,
		parent_id: root,
		name: "call",
		kind: { type: "llm_call", model: "gpt-4o-mini", input_tokens: 210, output_tokens: 48 },
	});
	await api.post(`/spans/${call}/complete`, { output: ["a", 1, null] });
	await api.post(`/spans/${root}/fail`, { error: "too\nlong" });
	await api.span({ trace_id: second, name: "still running" });
	return { first, second };
}

const exported = async (server: RunningServer) => (await client(server).get("/export/json")).json;

/** Traceway JSON with one trace of `count` spans of about `bytes` each. */
function exportOf(count: number, bytes: number): string {
	const text = "x".repeat(bytes);
	const spans = Array.from({ length: count }, (_, index) =>
		JSON.stringify({
			id: `span-${index}`,
			trace_id: "large",
			parent_id: null,
			name: `span ${index}`,
			kind: { type: "custom", kind: "step" },
			status: "completed",
			started_at: "2026-03-06T09:00:00.000Z",
			ended_at: "2026-03-06T09:00:01.000Z",
			output: text,
		}),
	);
	return `{"traces":{"large":[${spans.join(",\n")}]}}`;
}

describe("export", () => {
	it("writes to standard output what the server has, as import reads it again", async () => {
		const server = await start();
		await fill(server);
		const { exitCode, stdout, stderr } = await run(server, "export");
		expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
		expect(JSON.parse(stdout)).toEqual(await exported(server));

		const other = await start();
		expect(await runWithInput(other, stdout)).toEqual({ exitCode: 0, stderr: "3 spans imported\n" });
		expect(await exported(other)).toEqual(await exported(server));
	});

	it("writes one trace, or OTLP", async () => {
		const server = await start();
		const { first } = await fill(server);
		const one = JSON.parse((await run(server, "export", "--trace", first)).stdout);
		expect(Object.keys(one.traces)).toEqual([first]);
		const otlp = JSON.parse((await run(server, "export", "--trace", first, "--format", "otlp")).stdout);
		expect(otlp).toEqual((await client(server).get(`/export/otlp?trace_id=${first}`)).json);
		expect(otlp.resourceSpans[0].scopeSpans[0].spans).toHaveLength(2);
	});

	it("replaces a file when the whole export is there, for nobody else to read", async () => {
		const server = await start();
		await fill(server);
		const dir = temporaryDir();
		const file = join(dir, "traces.json");
		writeFileSync(file, "old");
		const { exitCode, stdout, stderr } = await run(server, "export", "--out", file);
		expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
		expect(stderr).toBe(`${statSync(file).size} bytes written to ${file}\n`);
		expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(await exported(server));
		expect(statSync(file).mode & 0o777).toBe(0o600);
		expect(readdirSync(dir)).toEqual(["traces.json"]);
	});

	it("leaves the file as it was when the server breaks off, and says so", async () => {
		const dir = temporaryDir();
		const file = join(dir, "traces.json");
		writeFileSync(file, "old");
		const server = await peer((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.write('{"traces":{', () => response.destroy());
		});
		const { exitCode, stderr } = await run(server, "export", "--out", file);
		expect(exitCode).toBe(1);
		expect(stderr).toMatch(/^traceway-live: http:\S+ broke off [^\n]*\n$/);
		expect(readFileSync(file, "utf8")).toBe("old");
		expect(readdirSync(dir)).toEqual(["traces.json"]);
	});

	it("leaves the file as it was when it is stopped, with code 130", async () => {
		const dir = temporaryDir();
		const file = join(dir, "traces.json");
		const server = await peer((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.write('{"traces":{');
			// Begun is begun: the temporary file is there.
			command_.child.kill("SIGINT");
		});
		const command_ = command(server.url, ["export", "--out", file]);
		expect(await command_.ended).toBe(130);
		expect(readdirSync(dir)).toEqual([]);
	});

	it.each<[string, RequestListener | undefined, readonly string[], RegExp]>([
		["no such trace", undefined, ["--trace", "nope"], /has no trace "nope"\n$/],
		["a file that cannot be", undefined, ["--out", "/nowhere/at/all/x.json"], /cannot write .*ENOENT/],
		["no JSON", (_, response) => response.end("<html>"), [], /without JSON; is it a Traceway server/],
		["a token", (_, response) => response.writeHead(401).end(), [], /set the token with TRACEWAY_TOKEN/],
	])("says in one line that there is %s, with code 1", async (_name, listener, args, message) => {
		const server = listener === undefined ? await start() : await peer(listener);
		const { exitCode, stdout, stderr } = await run(server, "export", ...args);
		expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
		expect(stderr).toMatch(/^traceway-live: [^\n]*\n$/);
		expect(stderr).toMatch(message);
	});

	it("ends with code 0 when the reader of its output goes away", async () => {
		const server = await peer((_request, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			const go = () => {
				while (response.write(" ".repeat(65_536)));
				response.once("drain", go);
			};
			go();
		});
		const process_ = command(server.url, ["export"]);
		process_.child.stdout!.once("data", () => process_.child.stdout!.destroy());
		expect(await process_.ended).toBe(0);
		expect(process_.stderr).toBe("");
	});
});

describe("import", () => {
	it("reads files, compressed or not, and says what was there already", async () => {
		const [server, other] = [await start(), await start()];
		await fill(server);
		const text = JSON.stringify(await exported(server));
		const dir = temporaryDir();
		const [plain, zipped] = [join(dir, "a.json"), join(dir, "b.json.gz")];
		writeFileSync(plain, text);
		writeFileSync(zipped, gzipSync(text));
		const { exitCode, stdout, stderr } = await run(other, "import", plain, zipped);
		expect({ exitCode, stdout, stderr }).toEqual({
			exitCode: 0,
			stdout: "",
			stderr: "3 spans imported, 3 were there already\n",
		});
		expect(await exported(other)).toEqual(await exported(server));
	});

	it("carries OTLP from one server to another, as one document and as one a line", async () => {
		const server = await start({ extraRoutes: addOtlpRoutes });
		await fill(server);
		for (const nowMs of [1_772_787_600_123, 1_772_787_600_456]) {
			const headers = { "content-type": "application/json" };
			expect((await send("POST", `${server.url}/v1/traces`, otlpJson(doctorSpan(nowMs)), headers)).status).toBe(200);
		}
		const { stdout } = await run(server, "export", "--format", "otlp");
		const { resourceSpans } = JSON.parse(stdout) as { resourceSpans: unknown[] };
		const lines = resourceSpans.map((one) => JSON.stringify({ resourceSpans: [one] })).join("\n");
		for (const text of [stdout, lines]) {
			const other = await start({ extraRoutes: addOtlpRoutes });
			expect(await runWithInput(other, text)).toEqual({ exitCode: 0, stderr: "5 spans imported\n" });
			expect(await exported(other)).toEqual(await exported(server));
		}
	});

	it("takes a trace that is larger than what the server takes at once", async () => {
		const server = await start();
		const result = await runWithInput(server, gzipSync(exportOf(20_000, 2000), { level: 1 }), "-");
		expect(result).toEqual({ exitCode: 0, stderr: "20,000 spans imported\n" });
		expect((await client(server).get("/stats")).json).toMatchObject({ trace_count: 1, span_count: 20_000 });
	});

	it("counts and explains what the server does not take, with code 1, and takes the rest", async () => {
		const server = await start();
		const text = exportOf(3, 10).replace('"id":"span-1"', '"id":5');
		const { exitCode, stderr } = await runWithInput(server, text);
		expect(exitCode).toBe(1);
		expect(stderr).toMatch(/^standard input: traces.*id.*\n2 spans imported, 1 left out\n$/);
	});

	it("waits for a server that is busy", async () => {
		let requests = 0;
		const server = await peer((request, response) => {
			request.resume().on("end", () => {
				if (++requests === 1) response.writeHead(503, { "retry-after": "1" }).end('{"error":"busy","code":"busy"}');
				else response.end('{"traces":1,"spans":1,"skipped":0,"rejected":0,"errors":[]}');
			});
		});
		expect(await runWithInput(server, exportOf(1, 10))).toEqual({ exitCode: 0, stderr: "1 spans imported\n" });
		expect(requests).toBe(2);
	});

	it.each([
		["no JSON", "no", /^standard input: no valid JSON at byte 0: an object/],
		["something else", '{"a":1}', /neither "traces" .* nor "resourceSpans"/],
		["the half of a file", exportOf(2, 10).slice(0, -30), /no valid JSON at byte \d+: ends inside a value/],
		["nothing", "", /the file is empty/],
		["the half of a gzip file", gzipSync(exportOf(2, 10)).subarray(0, 60), /the gzip data end too early/],
	])("refuses %s in one line with code 1", async (_name, input, message) => {
		const server = await start();
		const { exitCode, stderr } = await runWithInput(server, input);
		expect(exitCode).toBe(1);
		expect(stderr).toMatch(/^traceway-live: [^\n]*\n$/);
		expect(stderr.replace("traceway-live: ", "")).toMatch(message);
		expect((await client(server).get("/stats")).json).toMatchObject({ span_count: 0 });
	});

	it("says how far it came when it is stopped, with code 130", async () => {
		let requests = 0;
		const server = await peer((request, response) => {
			request.resume().on("end", () => {
				if (++requests === 1) response.end('{"traces":1,"spans":9,"skipped":0,"rejected":0,"errors":[]}');
				else command_.child.kill("SIGINT");
			});
		});
		const file = join(temporaryDir(), "large.json");
		writeFileSync(file, exportOf(6000, 2000));
		const command_ = command(server.url, ["import", file]);
		expect(await command_.ended).toBe(130);
		expect(command_.stderr).toBe("stopped: 9 spans imported; import again for the rest\n");
	});

	it("says which file cannot be read", async () => {
		const server = await start();
		const dir = join(temporaryDir(), "sub");
		mkdirSync(dir);
		for (const file of [join(dir, "none.json"), dir]) {
			const { exitCode, stderr } = await run(server, "import", file);
			expect(exitCode).toBe(1);
			expect(stderr).toContain(`traceway-live: cannot read ${file} (`);
		}
	});

	it("says that the server is not there, or none of ours", async () => {
		const foreign = await peer((request, response) => void request.resume().on("end", () => response.end("{}")));
		expect((await runWithInput(foreign, exportOf(1, 10))).stderr).toMatch(/is it a Traceway Live server/);
		const gone = await runWithInput({ url: "http://127.0.0.1:1" }, exportOf(1, 10));
		expect(gone).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("traceway-live serve") });
	});
});
