import { createServer, type Server } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { SOURCE_DEFINITIONS } from "../../src/sources/registry.ts";
import { tracellm } from "../../src/sources/tracellm/definition.ts";
import { candidatesOf } from "../../src/sources/tracellm/serverAddress.ts";
import { connectionText, indicatorOf } from "../../src/ui/indicator.ts";
import { TracellmPeer } from "../peers/tracellmPeer.ts";
import {
	agree,
	connected,
	ends,
	has,
	idsOf,
	loaded,
	makeSource,
	readings,
	signal,
	soon,
	startPeer,
} from "./support/tracellm.ts";

/** A server at one of the common ports, or undefined where another program has it. */
async function peerAt(port: number): Promise<TracellmPeer | undefined> {
	try {
		const peer = await TracellmPeer.start({ port });
		ends.push(() => peer.stop());
		return peer;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
		throw error;
	}
}

async function closedPort(): Promise<number> {
	const peer = await TracellmPeer.start();
	await peer.stop();
	return peer.port;
}

/** A program that takes connections and says nothing. */
async function startMute(): Promise<number> {
	const server: Server = createServer((socket) => socket.on("error", () => undefined));
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	ends.push(() => {
		server.close();
	});
	const address = server.address();
	return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the search for the server", () => {
	it("tries the configured port, then 8000, 8001, 8080 and 3000 of the same host", () => {
		const bases = candidatesOf("http://localhost:8001", false).map(({ base }) => base);
		expect(bases).toEqual([
			"http://localhost:8001",
			"http://localhost:8000",
			"http://localhost:8080",
			"http://localhost:3000",
		]);
	});

	it("tries no other port behind a path, by https or with a token: those would be other programs", () => {
		expect(candidatesOf("http://host:8000/tracellm/", false)).toEqual([
			{ base: "http://host:8000/tracellm", isGuess: false },
		]);
		expect(candidatesOf("https://host", false)).toHaveLength(1);
		expect(candidatesOf("http://host:9000", true)).toHaveLength(1);
	});

	it("connects to a server on 8001 when the configured port is closed, and back when that comes up", async (context) => {
		const port = await closedPort();
		const other = await peerAt(8001);
		if (other === undefined) context.skip("another program has port 8001");
		else {
			other.save({ trace_id: "at 8001" });
			const source = makeSource(`http://127.0.0.1:${port}`);
			await connected(source);
			await has(source, ["at 8001"]);
			expect(source.status.requestError).toBeUndefined();
			await other.stop();
			await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), soon);
			const configured = await TracellmPeer.start({ port });
			ends.push(() => configured.stop());
			configured.save({ trace_id: "at the configured one" });
			await loaded(source);
			await has(source, ["at the configured one"]);
		}
	});

	it("passes by a dashboard or any other program at the configured port, and by one that says nothing", async (context) => {
		const other = await peerAt(8001);
		if (other === undefined) context.skip("another program has port 8001");
		else {
			const dashboard = await startPeer();
			dashboard.everyAnswer = { type: "bytes", bytes: "<html></html>", contentType: "text/html" };
			for (const status of [404, 200, 302, 400]) {
				dashboard.everySocket = { type: "status", status };
				await connected(makeSource(dashboard.url));
			}
			await connected(makeSource(`http://127.0.0.1:${await startMute()}`));
		}
	});

	it("takes a server for one that is slow to answer its handshake, by REST at once and then by WebSocket", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "a" });
		peer.nextSockets.push({ type: "stall" });
		const source = makeSource(peer.url);
		source.connect();
		await has(source, ["a"]);
		await loaded(source);
	});
});

describe("what comes first", () => {
	it.each([
		["a trace", ['{"type":"trace.created","trace":{"trace_id":"early","prompt":"x","status":"success"}}'], ["early"]],
		["an unknown type with extra keys", ['{"type":"system.news","a":{"b":[1]}}'], []],
		["no JSON", ["hello", "[]", "null", "{}"], []],
		["bytes", [new TextEncoder().encode('{"type":"x"}')], []],
	])("is tolerated: %s", async (_what, frames, traceIds) => {
		const peer = await startPeer();
		for (const trace_id of traceIds) peer.saveElsewhere({ trace_id });
		peer.nextSockets.push({ type: "frames", frames });
		const source = makeSource(peer.url);
		await connected(source);
		peer.save({ trace_id: "later" });
		await has(source, [...traceIds, "later"]);
		expect(peer.handshakes).toBe(1);
	});

	it("may be missing: the answer to a ping proves the server as well", async () => {
		const peer = await startPeer();
		peer.nextSockets.push({ type: "frames", frames: [], isWelcomeMissing: true });
		await connected(makeSource(peer.url));
		expect(peer.handshakes).toBe(1);
	});

	it("counts what it does not know and what it cannot read, and stays connected", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		peer.broadcast('{"type":"trace.updated"}');
		for (const text of ["no json", "[1]", '{"type":7}', '{"type":"trace.created","trace":{}}']) peer.broadcast(text);
		peer.save({ trace_id: "a" });
		await has(source, ["a"]);
		await vi.waitFor(() => expect(source.status).toMatchObject({ unknownEvents: 1, undecodable: 4 }), soon);
		expect(peer.handshakes).toBe(1);
	});

	it("is reconnected after a frame that is too large, and the trace comes by REST", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		peer.save({ trace_id: "huge", response: "x".repeat(17 * 1024 * 1024) });
		await has(source, ["huge"]);
		await vi.waitFor(() => expect(peer.handshakes).toBeGreaterThanOrEqual(2), soon);
		await loaded(source);
	});
});

describe("a server without a WebSocket", () => {
	it("is polled, which the status says as a warning with the interval and the storage", async () => {
		const peer = await startPeer({ hasWebSocket: false });
		peer.save({ trace_id: "a" });
		const source = makeSource(peer.url, { settings: { refreshSeconds: 2 } });
		source.connect();
		await has(source, ["a"]);
		await vi.waitFor(
			() =>
				expect(source.status).toMatchObject({
					state: { name: "waiting", reason: "notFound" },
					mode: { text: "polling REST every 2 s", isDegraded: true },
					isLoaded: true,
					requestError: undefined,
				}),
			soon,
		);
		const nowMs = Date.now();
		const indicator = indicatorOf(source.status, nowMs, nowMs);
		expect(indicator).toBe("connecting");
		const fill = (text: string, ...args: unknown[]) => text.replace(/\{(\d)\}/g, (_, index) => String(args[index]));
		expect(connectionText(source.status, indicator, nowMs, fill)).toMatch(
			/^Unavailable, polling REST every 2 s\. Next try in \d+ s$/,
		);
		peer.hasWebSocket = true;
		source.reconnect();
		await loaded(source);
		expect(source.status.mode).toBeUndefined();
	});
});

describe("a refusal", () => {
	it.each([
		[401, "unauthorized"],
		[403, "forbidden"],
		[404, "notFound"],
	])("of everything by %i needs a person, and is not asked again", async (status, reason) => {
		const peer = await startPeer();
		peer.everySocket = { type: "status", status };
		peer.everyAnswer = { type: "status", status, body: '{"detail":"no"}' };
		const source = makeSource(peer.url);
		source.connect();
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", reason }), soon);
		const asked = peer.requests.length + peer.handshakes;
		source.hurry();
		// Long enough for two more readings, if there were any.
		await readings(8);
		expect(peer.requests.length + peer.handshakes).toBeLessThanOrEqual(asked + 1);
		peer.everySocket = undefined;
		peer.everyAnswer = undefined;
		source.reconnect();
		await loaded(source);
	});

	it.each([429, 500, 503])("by %i is temporary: it is asked again, and not before it said", async (status) => {
		const peer = await startPeer();
		peer.everySocket = { type: "status", status, headers: { "retry-after": "60" } };
		peer.everyAnswer = { type: "status", status, headers: { "retry-after": "60" } };
		const source = makeSource(peer.url);
		source.connect();
		await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), soon);
		const { state } = source.status;
		expect(state.name === "waiting" && state.retryAtMs - Date.now()).toBeGreaterThan(50_000);
		await vi.waitFor(() => expect(source.status.requestError).toContain(`HTTP ${status}`), soon);
		peer.everySocket = undefined;
		peer.everyAnswer = undefined;
		source.reconnect();
		await loaded(source);
		await vi.waitFor(() => expect(source.status.requestError).toBeUndefined(), soon);
	});

	it("wants the token, which only the configured address gets, and no text repeats it", async () => {
		const peer = await startPeer({ token: "s3cret-token" });
		peer.save({ trace_id: "a" });
		const lines: string[] = [];
		const log = (line: string) => lines.push(line);
		let token: string | undefined = "wrong-token";
		const source = makeSource(peer.url, {
			getToken: async () => token,
			logger: { error: log, warn: log, info: log, debug: log },
		});
		source.onDidChangeStatus((status) => lines.push(JSON.stringify(status)));
		source.connect();
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }), soon);
		token = "s3cret-token";
		source.reconnect();
		await loaded(source);
		await has(source, ["a"]);
		expect(lines.length).toBeGreaterThan(3);
		expect(lines.filter((line) => /s3cret|wrong-token/.test(line))).toEqual([]);
	});
});

describe("an answer that cannot be used", () => {
	const bad = [
		["no JSON", { type: "bytes", bytes: "{" }],
		["another type", { type: "bytes", bytes: "<html>", contentType: "text/html" }],
		["no list", { type: "bytes", bytes: '{"items":7}' }],
		["invalid UTF-8", { type: "bytes", bytes: Uint8Array.of(0x7b, 0xff, 0xfe) }],
		["a broken connection", { type: "reset" }],
		["less than was promised", { type: "bytes", bytes: '{"total":1,', isTruncated: true }],
		["an error of the server", { type: "status", status: 500 }],
	] as const;

	it.each(bad)("is told in the status, while the WebSocket goes on: %s", async (_what, fault) => {
		const peer = await startPeer();
		peer.save({ trace_id: "stored" });
		peer.everyAnswer = fault;
		const source = makeSource(peer.url);
		source.connect();
		await vi.waitFor(() => expect(source.status.requestError).toMatch(/GET \/api\/traces/), soon);
		await vi.waitFor(() => expect(source.status.state.name).toBe("open"), soon);
		peer.save({ trace_id: "live" });
		await has(source, ["live"]);
		expect(source.status.isLoaded).toBe(false);
		await expect(source.refresh(signal)).rejects.toThrow(/GET \/api\/traces/);
		peer.everyAnswer = undefined;
		await has(source, ["live", "stored"]);
		await vi.waitFor(() => expect(source.status.requestError).toBeUndefined(), soon);
	});

	it("is asked for in smaller pieces when it is too large", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 12; index++) {
			peer.saveElsewhere({ trace_id: `t${index}`, response: "x".repeat(5 * 1024 * 1024), latency: index });
		}
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		while (source.hasMore) await source.loadMore(signal);
		expect(source.store.traceCount).toBe(12);
	});

	it("has documents of every wrong shape: those with an id are shown, and nothing breaks", async () => {
		const peer = await startPeer();
		const items = [
			null,
			7,
			{},
			{ trace_id: "" },
			{ trace_id: "bare" },
			{
				trace_id: "odd",
				latency: "x",
				token_count: -5,
				steps: [null, 7, { step_id: "odd" }, { step_id: "a" }, { step_id: "a" }],
			},
			{ trace_id: "x".repeat(300) },
			{ trace_id: "times", created_at: "yesterday", steps: "[broken" },
		];
		peer.everyAnswer = { type: "bytes", bytes: JSON.stringify({ total: 8, items }) };
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		expect(idsOf(source)).toEqual(["bare", "odd", "times"]);
		expect(source.store.summary("odd")?.spanCount).toBe(6);
		expect(source.status.undecodable).toBeGreaterThanOrEqual(5);
	});
});

describe("a life of a source", () => {
	it("ends with nothing left: no socket, no timer, no request", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		source.dispose();
		source.dispose();
		await vi.waitFor(() => expect(peer.clientCount).toBe(0), soon);
		const asked = peer.requests.length;
		await readings(4);
		expect(peer.requests.length).toBe(asked);
		expect(source.status.state.name).toBe("disposed");
	});

	it("leaves nothing behind when it ends in the middle of a handshake or of a search for the port", async () => {
		const peer = await startPeer();
		peer.everySocket = { type: "stall" };
		peer.everyAnswer = { type: "stall" };
		const source = makeSource(peer.url);
		source.connect();
		await vi.waitFor(() => expect(peer.handshakes).toBe(1), soon);
		source.dispose();
		expect(source.status.state.name).toBe("disposed");
	});

	it("bears 200 losses of the connection: one socket at the end, and everything there once", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { minBackoffMs: 1 });
		await connected(source);
		for (let loss = 1; loss <= 200; loss++) {
			peer.save({ trace_id: `t${loss}` });
			peer.dropSockets();
			await vi.waitFor(() => expect(peer.handshakes).toBeGreaterThan(loss), { ...soon, interval: 1 });
			await vi.waitFor(() => expect(source.status.state.name).toBe("open"), { ...soon, interval: 1 });
		}
		await agree(source, peer);
		expect(peer.clientCount).toBe(1);
		expect(source.store.traceCount).toBe(200);
	});

	it("can be ended and begun again", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		source.disconnect();
		expect(source.status.state.name).toBe("idle");
		peer.save({ trace_id: "meanwhile" });
		await connected(source);
		await has(source, ["meanwhile"]);
	});
});

describe("options that make no sense", () => {
	it.each([
		[{ refreshSeconds: 0.1 }, /refreshSeconds must be a number from 0.25/],
		[{ refreshSeconds: "2" }, /refreshSeconds/],
		[{ mongoUrl: "http://x" }, /mongoUrl must begin with mongodb/],
		[{ mongoUrl: "mongodb://u:p4ss@h" }, /mongoUrl must not hold a password/],
		[{ database: "a/b" }, /database must be the name/],
		[{ sqliteFile: "traces.db" }, /sqliteFile must be an absolute path/],
		[{ refresh: 2 }, /no option "refresh"/],
	])("are told by a connection that failed: %o", async (settings, words) => {
		const source = makeSource("http://127.0.0.1:1", { settings });
		source.connect();
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "protocol" }), soon);
		const { state } = source.status;
		expect(state.name === "failed" ? state.message : "").toMatch(words);
		expect(JSON.stringify(source.status)).not.toContain("p4ss");
	});
});

describe("finding out what answers at an address", () => {
	const identify = (url: string, token?: string) => tracellm.identify({ url, fetch: globalThis.fetch, token, signal });

	it("is registered", () => {
		expect(SOURCE_DEFINITIONS).toContain(tracellm);
	});

	it("knows TraceLLM by its root, and says how many traces it has and where, in two requests", async () => {
		const peer = await startPeer();
		peer.save({});
		expect(await identify(peer.url)).toEqual({ match: "yes", found: "1 trace in SQLite" });
		expect(peer.requests).toHaveLength(2);
		const mongo = await startPeer({ storage: "mongodb" });
		expect(await identify(mongo.url)).toEqual({ match: "yes", found: "0 traces in MongoDB" });
	});

	it("takes nothing else for it", async () => {
		const peer = await startPeer();
		for (const bytes of ["{}", '{"message":"ok"}', "[]", "7", '{"storage_type":"sqlite"}']) {
			peer.everyAnswer = { type: "bytes", bytes };
			expect(await identify(peer.url)).toEqual({ match: "no" });
		}
		peer.everyAnswer = { type: "bytes", bytes: "<html>", contentType: "text/html" };
		expect(await identify(peer.url)).toEqual({ match: "no" });
	});

	it("asks for a token where one is wanted, and fails where nothing answers", async () => {
		const peer = await startPeer({ token: "t0" });
		expect(await identify(peer.url)).toMatchObject({ match: "needsToken" });
		expect(await identify(peer.url, "t0")).toMatchObject({ match: "yes" });
		await expect(identify(`http://127.0.0.1:${await closedPort()}`)).rejects.toMatchObject({ reason: "network" });
	});

	it("makes the adapter", async () => {
		const source = await tracellm.create({
			config: { id: "s", name: "s", type: "tracellm", url: "http://127.0.0.1:1" },
			logger: silentLogger,
			fetch: globalThis.fetch,
			getToken: async () => undefined,
		});
		expect(source.status.state.name).toBe("idle");
		source.dispose();
	});
});
