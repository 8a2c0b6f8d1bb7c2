import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { Source, TraceExport } from "../../src/sources/source.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { readTraces, writeTraces } from "../../src/ui/traceFiles.ts";
import { client, start } from "./support/testServer.ts";

const never = new AbortController().signal;

function sourceOf(server: { readonly url: string }, token?: string): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url: server.url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => token,
		minBackoffMs: 10,
	});
	onTestFinished(() => source.dispose());
	return source;
}

function temporaryDir(): string {
	const directory = mkdtempSync(join(tmpdir(), "traceway-files-"));
	onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

async function peer(listener: RequestListener): Promise<{ readonly url: string }> {
	const server = createServer(listener).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function filled() {
	const server = await start();
	const api = client(server);
	const first = await api.trace({ name: "first", tags: ["session:s-1"] });
	const kind = { type: "llm_call", model: "gpt-4o-mini", input_tokens: 210, output_tokens: 48 };
	const call = await api.span({ trace_id: first, name: "call", kind, input: "x".repeat(100_000) });
	await api.post(`/spans/${call}/complete`, { output: ["a", 1, null] });
	await api.span({ trace_id: await api.trace({ name: "second" }), name: "still running" });
	return { server, first };
}

async function exported(source: Source, what: TraceExport, path: string): Promise<string> {
	const chunks = await source.exportTraces(what, never);
	const bytes = await writeTraces(chunks, path, () => {}, never);
	const text = readFileSync(path, "utf8");
	expect(Buffer.byteLength(text)).toBe(bytes);
	return text;
}

const read = (path: string, source: Source, signal = never) => readTraces(path, source, () => {}, signal);

describe("files of traces", () => {
	it("are written by a source, one trace or all, and read by another, once", async () => {
		const { server, first } = await filled();
		const directory = temporaryDir();
		const from = sourceOf(server);
		const whole = await exported(from, { traceId: undefined, format: "traceway" }, join(directory, "all.json"));
		expect(Object.keys(JSON.parse(whole).traces)).toHaveLength(2);
		const one = await exported(from, { traceId: first, format: "otlp" }, join(directory, "one.json"));
		expect(JSON.parse(one).resourceSpans).toHaveLength(1);
		expect(readdirSync(directory).sort()).toEqual(["all.json", "one.json"]);

		const other = await start();
		const to = sourceOf(other);
		writeFileSync(join(directory, "all.json.gz"), gzipSync(whole));
		expect(await read(join(directory, "all.json.gz"), to)).toEqual({
			counts: { spans: 2, skipped: 0, rejected: 0 },
			problems: [],
		});
		expect((await read(join(directory, "one.json"), to)).counts).toEqual({ spans: 0, skipped: 1, rejected: 0 });
		const again = await exported(to, { traceId: undefined, format: "traceway" }, join(directory, "again.json"));
		expect(JSON.parse(again)).toEqual(JSON.parse(whole));
	});

	it("say what was left out and why", async () => {
		const path = join(temporaryDir(), "bad.json");
		const span = { id: "s", trace_id: "t", name: "n", kind: { type: "custom" }, status: "running" };
		writeFileSync(path, JSON.stringify({ traces: { t: [{ ...span, started_at: "yesterday" }, 7] } }));
		const { counts, problems } = await read(path, sourceOf(await start()));
		expect(counts).toEqual({ spans: 0, skipped: 0, rejected: 2 });
		expect(problems.join("\n")).toMatch(/started_at/);
	});

	it("that are none are refused with their name, and nothing is left of a file that broke off", async () => {
		const directory = temporaryDir();
		const path = join(directory, "notes.txt");
		writeFileSync(path, "no JSON at all");
		await expect(read(path, sourceOf(await start()))).rejects.toThrow(`${path}: no valid JSON at byte 0`);
		rmSync(path);

		const breaking = await peer((_, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.write('{"traces":{');
			setImmediate(() => response.destroy());
		});
		const chunks = await sourceOf(breaking).exportTraces({ traceId: undefined, format: "traceway" }, never);
		const target = join(directory, "out.json");
		writeFileSync(target, "what was there before");
		await expect(writeTraces(chunks, target, () => {}, never)).rejects.toThrow(/broke off.*try again/);
		expect(readFileSync(target, "utf8")).toBe("what was there before");
		expect(readdirSync(directory)).toEqual(["out.json"]);
	});

	it("stop when that is asked for", async () => {
		const { server } = await filled();
		const abort = new AbortController();
		const target = join(temporaryDir(), "out.json");
		const chunks = await sourceOf(server).exportTraces({ traceId: undefined, format: "traceway" }, abort.signal);
		const writing = writeTraces(chunks, target, () => abort.abort(), abort.signal);
		await expect(writing).rejects.toMatchObject({ name: "AbortError" });
		expect(existsSync(target)).toBe(false);
	});

	it("wait for a server that asks for patience, and name one that reads no files", async () => {
		const path = join(temporaryDir(), "one.json");
		writeFileSync(path, '{"traces":{"t":[]}}');
		let asked = 0;
		const busy = await peer((request, response) => {
			request.resume().on("end", () => {
				asked++;
				if (asked === 1) response.writeHead(429, { "retry-after": "0.01" }).end();
				else if (asked === 2) response.writeHead(503, { "retry-after": "0.01" }).end();
				else response.end('{"spans":3,"skipped":0,"rejected":0}');
			});
		});
		expect((await read(path, sourceOf(busy))).counts.spans).toBe(3);
		expect(asked).toBe(3);
		const foreign = await peer((_, response) => response.writeHead(404).end());
		await expect(read(path, sourceOf(foreign))).rejects.toMatchObject({ reason: "unsupported" });
		const elsewhere = await start();
		const moved = await peer((_, response) =>
			response.writeHead(307, { location: `${elsewhere.url}/api/import` }).end(),
		);
		await expect(read(path, sourceOf(moved, "secret"))).rejects.toThrow(/gets no data/);
	});
});
