import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { Source, SourceConfig } from "../../src/sources/source.ts";
import { MongoPeer } from "../peers/mongoPeer.ts";
import { normalise, type TraceDocument } from "../peers/tracellmDocument.ts";
import { TracellmPeer } from "../peers/tracellmPeer.ts";
import { ends, has, idsOf, loaded, makeSource, signal, soon, startPeer } from "./support/tracellm.ts";

/**
 * Without a server: the storage itself is read. The same list for a SQLite file, for the peer that speaks MongoDB's wire
 * protocol, and, where `TRACEWAY_TEST_MONGO_URL` names one, for a MongoDB or another server of that protocol.
 */

/** A storage without a server. */
interface Store {
	readonly settings: SourceConfig["options"];
	save(fields: Readonly<Record<string, unknown>>): Promise<TraceDocument>;
	remove(traceId: string): Promise<void>;
}

const COLUMNS = [
	"trace_id",
	"prompt",
	"response",
	"latency",
	"token_count",
	"model_name",
	"project_id",
	"project_name",
	"api_key",
	"environment",
	"status",
	"retry_count",
	"slow_request",
	"failure_reason",
	"steps",
	"created_at",
	"updated_at",
];

const folder = mkdtempSync(join(tmpdir(), "tracellm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function openSqlite(): { readonly file: string; readonly database: DatabaseSync } {
	const file = join(folder, `traces-${files++}.db`);
	const database = new DatabaseSync(file);
	ends.push(() => {
		if (database.isOpen) database.close();
	});
	const columns = COLUMNS.map((name) => `${name} ${name === "trace_id" ? "TEXT UNIQUE" : ""}`).join(", ");
	database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE traces (id INTEGER PRIMARY KEY AUTOINCREMENT, ${columns})`);
	return { file, database };
}

async function sqliteStore(): Promise<Store> {
	const { file, database } = openSqlite();
	const insert = database.prepare(
		`INSERT OR REPLACE INTO traces (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`,
	);
	return {
		settings: { sqliteFile: file },
		save: async (fields) => {
			const document = saved(fields);
			const row: Record<string, unknown> = {
				...document,
				slow_request: document.slow_request ? 1 : 0,
				steps: JSON.stringify(document.steps),
			};
			insert.run(...COLUMNS.map((name) => row[name] as string | number | null));
			return document;
		},
		remove: async (traceId) => void database.prepare("DELETE FROM traces WHERE trace_id = ?").run(traceId),
	};
}

/** With `_id`, and times as MongoDB's dates. */
function mongoDocument(document: TraceDocument): Record<string, unknown> {
	return {
		...document,
		steps: document.steps.map((step) => ({ ...step, timestamp: new Date(step.timestamp) })),
		created_at: new Date(document.created_at),
		updated_at: new Date(document.updated_at),
	};
}

async function peerStore(): Promise<Store> {
	const peer = await MongoPeer.start();
	ends.push(() => peer.stop());
	return {
		settings: { mongoUrl: peer.url },
		save: async (fields) => {
			const document = saved(fields);
			peer.insert("tracellm.traces", mongoDocument(document));
			return document;
		},
		remove: async (traceId) => {
			const documents = peer.collections.get("tracellm.traces") ?? [];
			peer.collections.set(
				"tracellm.traces",
				documents.filter((document) => document.trace_id !== traceId),
			);
		},
	};
}

const REAL_MONGO = process.env.TRACEWAY_TEST_MONGO_URL;
let databases = 0;

async function realStore(): Promise<Store> {
	const client = new MongoClient(REAL_MONGO ?? "");
	const database = `tracellm_test_${process.pid}_${databases++}`;
	const traces = client.db(database).collection("traces");
	ends.push(() => client.close());
	ends.push(async () => void (await traces.drop()));
	return {
		settings: { mongoUrl: REAL_MONGO ?? "", database },
		save: async (fields) => {
			const document = saved(fields);
			await traces.insertOne(mongoDocument(document));
			return document;
		},
		remove: async (traceId) => void (await traces.deleteMany({ trace_id: traceId })),
	};
}

function saved(fields: Readonly<Record<string, unknown>>): TraceDocument {
	const document = normalise(fields);
	if (document === undefined) throw new Error("not a document");
	return document;
}

/** A source whose server is not there. */
async function withoutServer(
	store: Pick<Store, "settings">,
	options: Parameters<typeof makeSource>[1] = {},
): Promise<Source> {
	const peer = await TracellmPeer.start();
	await peer.stop();
	const source = makeSource(peer.url, { ...options, settings: { ...store.settings, ...options.settings } });
	source.connect();
	return source;
}

const STORES: readonly { readonly label: string; readonly of: string; readonly open: () => Promise<Store> }[] = [
	{ label: "SQLite", of: "a file", open: sqliteStore },
	{ label: "MongoDB", of: "the peer", open: peerStore },
	...(REAL_MONGO === undefined ? [] : [{ label: "MongoDB", of: "TRACEWAY_TEST_MONGO_URL", open: realStore }]),
];

describe.each(STORES)("without a server, $label ($of)", ({ label, open }) => {
	it("shows the storage's traces, newest first, and says that it polls", async () => {
		const store = await open();
		for (let day = 1; day <= 3; day++)
			await store.save({ trace_id: `t${day}`, created_at: `2026-03-0${day}T00:00:00Z` });
		const source = await withoutServer(store, { settings: { refreshSeconds: 2 } });
		await has(source, ["t1", "t2", "t3"]);
		await vi.waitFor(
			() =>
				expect(source.status).toMatchObject({
					state: { name: "waiting" },
					mode: { text: `polling ${label} every 2 s`, isDegraded: true },
					isLoaded: true,
					requestError: undefined,
				}),
			soon,
		);
	});

	it("shows what is saved, saved anew and removed within the refresh interval", async () => {
		const store = await open();
		const source = await withoutServer(store);
		await vi.waitFor(() => expect(source.status.isLoaded).toBe(true), soon);
		await store.save({ trace_id: "a", prompt: "first", steps: [{ tool_name: "search" }] });
		await has(source, ["a"]);
		expect(source.store.summary("a")).toMatchObject({ name: "first", spanCount: 2 });
		await store.remove("a");
		await has(source, []);
		await store.save({ trace_id: "a", prompt: "second" });
		await vi.waitFor(() => expect(source.store.summary("a")).toMatchObject({ name: "second", spanCount: 1 }), soon);
	});

	it("reads documents as REST tells them: the same spans, times to the millisecond, no _id, no key", async () => {
		const store = await open();
		const fields = {
			trace_id: "a",
			prompt: "Summarise the minutes",
			response: "Done.",
			latency: 1912.4,
			token_count: 148,
			model_name: "gpt-4.1-mini",
			api_key: "tlm_sk_topsecret",
			created_at: "2026-03-06T09:00:00.250Z",
			steps: [
				{
					tool_name: "search",
					input: { q: 1 },
					output: { error: "no" },
					success: false,
					duration: 5,
					timestamp: "2026-03-06T09:00:00.500Z",
				},
			],
		};
		await store.save(fields);
		const peer = await startPeer();
		peer.save(fields);
		const viaRest = makeSource(peer.url);
		viaRest.connect();
		await loaded(viaRest);
		const source = await withoutServer(store);
		await has(source, ["a"]);
		const { changedAtMs: _a, ...here } = source.store.summary("a") ?? { changedAtMs: 0 };
		const { changedAtMs: _b, ...there } = viaRest.store.summary("a") ?? { changedAtMs: 0 };
		expect(here).toEqual(there);
		for (const spanId of ["a", "step_1"]) {
			const [own, rest] = [await source.loadSpan("a", spanId, signal), await viaRest.loadSpan("a", spanId, signal)];
			expect(own.summary).toEqual(rest.summary);
			expect([own.input, own.output]).toEqual([rest.input, rest.output]);
			expect(Object.keys(own.raw).sort()).toEqual(Object.keys(rest.raw).sort());
			expect(JSON.stringify([own, rest])).not.toContain("topsecret");
		}
		expect(here).toMatchObject({ state: "failed", tags: ["env:development", "slow"] });
	});

	it("brings older traces by portions, all of them once, also those of one moment", async () => {
		const store = await open();
		for (let index = 0; index < 450; index++) {
			const second = index < 220 ? 0 : index;
			await store.save({ trace_id: `t${index}`, created_at: new Date(Date.UTC(2026, 0, 1) + second * 1000) });
		}
		const source = await withoutServer(store, { settings: { refreshSeconds: 3600 } });
		await vi.waitFor(() => expect(source.store.traceCount).toBe(200), soon);
		expect(source.hasMore).toBe(true);
		for (let portion = 0; portion < 10 && source.hasMore; portion++) await source.loadMore(signal);
		expect(source.store.traceCount).toBe(450);
	});

	it("shows traces of one model only where the filter says so", async () => {
		const store = await open();
		for (const model of ["a", "b", "a"]) await store.save({ model });
		const source = await withoutServer(store, { filter: { model: "a" } });
		await vi.waitFor(() => expect(source.store.traceCount).toBe(2), soon);
		expect(source.hasMore).toBe(false);
	});

	it("says of a trace that is gone that it is gone", async () => {
		const store = await open();
		await store.save({ trace_id: "a" });
		const source = await withoutServer(store, { settings: { refreshSeconds: 3600 } });
		await has(source, ["a"]);
		await store.remove("a");
		await expect(source.loadTrace("a", signal)).rejects.toMatchObject({ reason: "notFound" });
		expect(idsOf(source)).toEqual([]);
		await expect(source.loadSpan("a", "a", signal)).rejects.toMatchObject({ reason: "notFound" });
	});

	it("refuses a span that is larger than asked for", async () => {
		const store = await open();
		await store.save({ trace_id: "a", response: "x".repeat(100_000) });
		const source = await withoutServer(store, { settings: { refreshSeconds: 3600 } });
		await has(source, ["a"]);
		await expect(source.loadSpan("a", "a", signal, 10_000)).rejects.toMatchObject({ reason: "tooLarge" });
		expect((await source.loadSpan("a", "a", signal)).output).toHaveLength(100_000);
	});

	it("goes over to the server when that comes, and back when it goes", async () => {
		const store = await open();
		await store.save({ trace_id: "stored" });
		const peer = await TracellmPeer.start();
		await peer.stop();
		const source = makeSource(peer.url, { settings: store.settings });
		source.connect();
		await has(source, ["stored"]);
		for (const trace of [await store.save({ trace_id: "later" })]) peer.traces.set(trace.trace_id, trace);
		peer.saveElsewhere({ trace_id: "stored" });
		await peer.start();
		ends.push(() => peer.stop());
		source.reconnect();
		await loaded(source);
		await has(source, ["later", "stored"]);
		expect(source.status.mode).toBeUndefined();
		await peer.stop();
		await store.save({ trace_id: "while away" });
		await has(source, ["later", "stored", "while away"]);
		expect(source.status.mode?.text).toBe(`polling ${label} every 0.25 s`);
	});
});

describe("MongoDB", () => {
	it("gets the password of its user from the token, which HTTP never sees and no text repeats", async () => {
		const mongo = await MongoPeer.start({ user: { name: "reader", password: "s3cret-token" } });
		ends.push(() => mongo.stop());
		mongo.insert("tracellm.traces", mongoDocument(saved({ trace_id: "a" })));
		const peer = await startPeer({ hasWebSocket: false });
		const told: string[] = [];
		const log = (line: string) => told.push(line);
		let token: string | undefined = "wrong-token";
		const source = makeSource(peer.url, {
			settings: { mongoUrl: `mongodb://reader@${mongo.host}/` },
			getToken: async () => token,
			logger: { error: log, warn: log, info: log, debug: log },
		});
		source.onDidChangeStatus((status) => told.push(JSON.stringify(status)));
		source.connect();
		await vi.waitFor(() => expect(source.status.requestError).toMatch(/MongoDB: Authentication failed.*token/), soon);
		token = "s3cret-token";
		source.reconnect();
		await has(source, ["a"]);
		expect(told.filter((line) => /s3cret|wrong-token/.test(line))).toEqual([]);
		expect(peer.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
	});

	it("that is away is told with what to look at, and found again when it is back", async () => {
		const mongo = await MongoPeer.start();
		ends.push(() => mongo.stop());
		mongo.insert("tracellm.traces", mongoDocument(saved({ trace_id: "a" })));
		await mongo.stop();
		const source = await withoutServer({ settings: { mongoUrl: mongo.url } });
		await vi.waitFor(
			() => expect(source.status.requestError).toMatch(/MongoDB: no server answers, .*ECONNREFUSED/),
			soon,
		);
		expect(source.status.mode).toBeUndefined();
		await mongo.start();
		await has(source, ["a"]);
		await vi.waitFor(() => expect(source.status.requestError).toBeUndefined(), soon);
	});

	it("that refuses to read is told, and REST is read in its place", async () => {
		const mongo = await MongoPeer.start();
		ends.push(() => mongo.stop());
		mongo.findError = { code: 13, codeName: "Unauthorized", message: "not authorized on tracellm" };
		const peer = await startPeer({ hasWebSocket: false });
		peer.save({ trace_id: "by REST" });
		const source = makeSource(peer.url, { settings: { mongoUrl: mongo.url } });
		source.connect();
		await has(source, ["by REST"]);
		await vi.waitFor(() => {
			expect(source.status.mode?.text).toBe("polling REST every 0.25 s");
			expect(source.status.requestError).toMatch(/MongoDB: not authorized on tracellm/);
		}, soon);
	});

	it("loses every connection with the source", async () => {
		const mongo = await MongoPeer.start();
		ends.push(() => mongo.stop());
		const source = await withoutServer({ settings: { mongoUrl: mongo.url } });
		await vi.waitFor(() => expect(source.status.isLoaded).toBe(true), soon);
		expect(mongo.connectionCount).toBeGreaterThan(0);
		source.dispose();
		await vi.waitFor(() => expect(mongo.connectionCount).toBe(0), soon);
	});

	it("reads whole documents only of what is new", async () => {
		const mongo = await MongoPeer.start();
		ends.push(() => mongo.stop());
		for (let index = 0; index < 30; index++)
			mongo.insert("tracellm.traces", mongoDocument(saved({ trace_id: `t${index}` })));
		const source = await withoutServer({ settings: { mongoUrl: mongo.url } });
		await vi.waitFor(() => expect(source.store.traceCount).toBe(30), soon);
		const before = mongo.commands.length;
		await vi.waitFor(() => expect(mongo.commands.length).toBeGreaterThan(before + 4), soon);
		const since = mongo.commands.slice(before);
		// One find for names and versions a reading, and the driver's own hellos.
		expect(since.filter((name) => name === "find").length).toBeGreaterThan(0);
		expect(since.filter((name) => name === "getMore")).toEqual([]);
	});
});

describe("SQLite", () => {
	it("that is not there, or is something else, is told with its path", async () => {
		const missing = await withoutServer({ settings: { sqliteFile: join(folder, "missing.db") } });
		await vi.waitFor(() => expect(missing.status.requestError).toMatch(/SQLite: cannot open .*missing\.db/), soon);
		const other = join(folder, "other.db");
		const database = new DatabaseSync(other);
		database.exec("CREATE TABLE x (a)");
		database.close();
		const source = await withoutServer({ settings: { sqliteFile: other } });
		await vi.waitFor(() => expect(source.status.requestError).toMatch(/other\.db is no file of TraceLLM/), soon);
	});

	it("is read anew when it is deleted and begun again, and never written", async () => {
		const store = await sqliteStore();
		await store.save({ trace_id: "a" });
		const source = await withoutServer(store);
		await has(source, ["a"]);
		const { file, database } = openSqlite();
		database.close();
		const path = String(store.settings?.sqliteFile);
		for (const suffix of ["-wal", "-shm", ""]) rmSync(`${path}${suffix}`, { force: true });
		renameSync(file, path);
		await has(source, []);
	});
});
