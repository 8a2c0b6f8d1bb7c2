import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { Stream } from "./support/frames.ts";
import { client, eventually, recordingLogger, send, start, temporaryDir } from "./support/testServer.ts";

const DATABASE = "traces.db";

async function serverProcess(dataDir: string) {
	const script = fileURLToPath(new URL("support/serverProcess.mts", import.meta.url));
	const child = spawn(process.execPath, [script, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void child.kill("SIGKILL"));
	const [url] = await once(createInterface({ input: child.stdout }), "line");
	return {
		url: url as string,
		async kill() {
			const exit = once(child, "exit");
			child.kill("SIGKILL");
			await exit;
		},
	};
}

describe("data on disk", () => {
	it("loses no answered write and uses no event id twice when it is killed under load", async () => {
		const dataDir = temporaryDir();
		const answered = new Set<string>();
		const completed = new Set<string>();
		const events = new Map<string, string>();
		for (let round = 0; round < 3; round++) {
			const server = await serverProcess(dataDir);
			const api = `${server.url}/api`;
			const live = await new Stream(`${api}/events?since=0`).open();
			let isRunning = true;
			const goal = answered.size + 300;
			const writers = Array.from({ length: 16 }, async (_, writer) => {
				while (isRunning) {
					try {
						const { json } = await send("POST", `${api}/spans`, { trace_id: `t${writer % 3}`, name: "n", input: "x" });
						answered.add(json.id);
						await send("POST", `${api}/spans/${json.id}/complete`, { output: "y" });
						completed.add(json.id);
					} catch {
						// The server has been killed with this request under way: it was not answered.
						return;
					}
				}
			});
			await eventually("300 answers", () => answered.size >= goal);
			await server.kill();
			isRunning = false;
			await Promise.all(writers);
			await eventually("the end of the stream", () => live.isEnded);
			for (const { id, text } of live.frames) {
				expect(events.get(id ?? "") ?? text).toBe(text);
				events.set(id ?? "", text);
			}
		}
		const { get } = client(await start({ dataDir }));
		const spans = new Map<string, string>();
		for (let cursor: string | null = ""; cursor !== null; ) {
			const { json } = await get(`/spans?limit=1000&cursor=${cursor}`);
			for (const span of json.items) spans.set(span.id, span.status);
			cursor = json.next_cursor;
		}
		expect([...answered].filter((id) => !spans.has(id))).toEqual([]);
		expect([...completed].filter((id) => spans.get(id) !== "completed")).toEqual([]);
		// Every span that is there has its events, and the ids have no holes.
		const ids = [...events.keys()].map(Number).toSorted((a, b) => a - b);
		expect(ids.at(-1)).toBe(ids.length);
		// The index by trace was behind when the process ended.
		const inTraces = await Promise.all(["t0", "t1", "t2"].map(async (id) => (await get(`/traces/${id}`)).json.count));
		expect(inTraces.reduce((sum, count) => sum + count, 0)).toBe(spans.size);
		expect((await get("/stats")).json).toMatchObject({ trace_count: 3, span_count: spans.size });
	});

	it("is there again after a restart, running spans included, and goes on", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const first = client(server);
		const id = await first.trace({ name: "t", tags: ["a"] });
		const running = await first.span({ trace_id: id, input: { a: 1 } });
		const before = [(await first.get("/traces")).text, (await first.get(`/traces/${id}`)).text];
		await server.close();
		expect(existsSync(join(dataDir, `${DATABASE}-wal`))).toBe(false);
		const { get, post } = client(await start({ dataDir }));
		expect([(await get("/traces")).text, (await get(`/traces/${id}`)).text]).toEqual(before);
		expect((await post(`/spans/${running}/complete`, { output: 2 })).status).toBe(200);
		expect((await get(`/spans/${running}`)).json).toMatchObject({ input: { a: 1 }, output: 2, status: "completed" });
	});

	it("finds spans of a trace whose newest ones were deleted before a restart", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const first = client(server);
		await first.span({ trace_id: "t" });
		for (let index = 0; index < 3; index++) await first.delete(`/spans/${await first.span({ trace_id: "t" })}`);
		await server.close();
		const { get, span } = client(await start({ dataDir }));
		await span({ trace_id: "t" });
		expect((await get("/traces/t")).json.count).toBe(2);
	});

	it("keeps its files to itself", async () => {
		const dataDir = join(temporaryDir(), "nested", "data");
		await start({ dataDir });
		expect(statSync(dataDir).mode & 0o777).toBe(0o700);
		expect(statSync(join(dataDir, DATABASE)).mode & 0o777).toBe(0o600);
	});
});

describe("data that are not ours to use", () => {
	function foreign(write: (file: string) => void): { readonly dataDir: string; readonly bytes: () => string } {
		const dataDir = temporaryDir();
		const file = join(dataDir, DATABASE);
		write(file);
		return { dataDir, bytes: () => readFileSync(file).toString("base64") };
	}

	function sqlite(sql: string) {
		return foreign((file) => {
			const database = new DatabaseSync(file);
			database.exec(sql);
			database.close();
		});
	}

	it.each([
		[
			"foreignDatabase",
			"another program's database",
			() => sqlite("CREATE TABLE notes (a); INSERT INTO notes VALUES (1)"),
		],
		[
			"foreignDatabase",
			"another program's application id",
			() => sqlite("PRAGMA application_id = 7; CREATE TABLE a (a)"),
		],
		[
			"newerDatabase",
			"a newer schema",
			() => sqlite(`PRAGMA application_id = ${0x54574c56}; PRAGMA user_version = 999; CREATE TABLE a (a)`),
		],
		["corruptDatabase", "a text", () => foreign((file) => writeFileSync(file, "this is no database, ".repeat(100)))],
	])("fails with %s for %s, and leaves the file as it is", async (reason, _, make) => {
		const { dataDir, bytes } = make();
		const before = bytes();
		const error = await start({ dataDir }).catch((caught: Error) => caught);
		expect(error).toMatchObject({ name: "ServerError", reason });
		expect((error as Error).message).toContain(join(dataDir, DATABASE));
		expect((error as Error).message).not.toContain("\n");
		expect(bytes()).toBe(before);
	});

	it("fails with a clear error for a database that is damaged inside, and for a directory that cannot be made", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		await client(server).span({ input: "x".repeat(100_000) });
		await server.close();
		const file = join(dataDir, DATABASE);
		const bytes = readFileSync(file);
		// The page of the schema, behind the header of the file.
		bytes.fill(0xff, 100, 4096);
		writeFileSync(file, bytes);
		await expect(start({ dataDir })).rejects.toMatchObject({ name: "ServerError", reason: "corruptDatabase" });
		const blocked = join(dataDir, DATABASE, "below-a-file");
		await expect(start({ dataDir: blocked })).rejects.toMatchObject({ reason: "unusableDatabase" });
	});

	it("answers an error and lives when the payloads are damaged", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const id = await client(server).span({ input: "x" });
		await server.close();
		const file = join(dataDir, DATABASE);
		const database = new DatabaseSync(file);
		const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'payloads'").get()!;
		const pageBytes = Number(database.prepare("PRAGMA page_size").get()?.page_size);
		database.close();
		const bytes = readFileSync(file);
		// A page begins with its type; there is none of this number.
		bytes[(Number(rootpage) - 1) * pageBytes] = 0xff;
		writeFileSync(file, bytes);
		const logger = recordingLogger();
		const { get, post } = client(await start({ dataDir, logger }));
		for (const answer of [
			await get(`/spans/${id}`),
			await get("/spans?text_contains=y"),
			await get("/traces/t"),
			await post("/spans", { trace_id: "t", name: "n", input: 1 }),
		]) {
			expect([answer.status, answer.json.code]).toEqual([507, "storage_failed"]);
		}
		expect(logger.lines[0]).toMatch(/^error a request failed: database disk image is malformed/);
		expect((await get("/spans?fields=skeleton")).json.total).toBe(1);
		expect((await post("/spans", { trace_id: "t", name: "without payload" })).status).toBe(201);
	});
});

describe("bounds of the data", () => {
	it("deletes the oldest traces, whole, when the data grow too large, and says so on the stream", async () => {
		const logger = recordingLogger();
		const server = await start({ dataDir: temporaryDir(), maxDbBytes: 1_000_000, eventRetentionMs: 400, logger });
		const { get, span } = client(server);
		const live = await new Stream(`${server.url}/api/events`).open();
		for (let trace = 0; trace < 30; trace++) {
			const trace_id = `t${String(trace).padStart(2, "0")}`;
			await Promise.all(Array.from({ length: 10 }, () => span({ trace_id, input: "x".repeat(10_000) })));
		}
		const deleted = () => live.frames.flatMap(({ data }) => (data.type === "trace_deleted" ? [data.trace_id] : []));
		await eventually("the oldest traces to go", () => deleted().length > 0 && logger.lines.length > 0);
		const { json } = await get("/traces?limit=100");
		const left: { id: string; span_count: number }[] = json.items;
		const gone = new Set(deleted());
		expect(left.some(({ id }) => gone.has(id))).toBe(false);
		expect(left.every(({ span_count }) => span_count === 10)).toBe(true);
		expect([...gone].toSorted().at(-1)! < left.at(-1)!.id).toBe(true);
		expect(json.total).toBe(30 - gone.size);
		expect(logger.lines.join("\n")).toMatch(/the data had reached 1000000 bytes; the oldest \d+ traces with \d+ spans/);
	});
});
