import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Fault, FaultProxy, MARKER } from "../peers/faultProxy.ts";

const LIST = '{"items":[{"id":9007199254740993},{"id":2}],"tags":["a","b"],"steps":[{"n":1}]}';
const ends: (() => Promise<void> | void)[] = [];
let proxy: FaultProxy;
/** The server behind it. */
let target: string;
/** Sends on what `/forever` has open. */
let say: (text: string) => void;

/** A server with a list, a stream of three events, an echo of a name and a WebSocket that says three things. */
beforeEach(async () => {
	const server = createServer((request, response) => {
		if (request.url === "/stream") {
			response.writeHead(200, { "content-type": "text/event-stream" }).end("data: 1\n\ndata: 2\n\ndata: 3\n\n");
		} else if (request.url === "/forever") {
			response.write("first");
			say = (text) => response.write(text);
		} else {
			const body = request.url === "/name" ? `{"name":"${MARKER}"}` : LIST;
			response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
			response.end(body);
		}
	});
	const sockets = new WebSocketServer({ server });
	sockets.on("connection", (socket) => {
		for (const text of ["one", MARKER, "x".repeat(70_000)]) socket.send(text);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	ends.push(() => {
		server.closeAllConnections();
		server.close();
	});
	target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	proxy = await FaultProxy.start(() => target);
	ends.push(() => proxy.dispose());
});

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

const text = async (path: string) => await (await fetch(proxy.url + path)).text();

/** What a WebSocket says, and how it ends: its close code, or the error before it is open. */
async function said(count: number): Promise<{ readonly texts: readonly string[]; readonly end: string | undefined }> {
	const socket = new WebSocket(proxy.url.replace("http", "ws"));
	ends.push(() => socket.terminate());
	const texts: string[] = [];
	let end: string | undefined;
	await new Promise<void>((resolve) => {
		socket.on("message", (data) => {
			if (texts.push(String(data).slice(0, 10)) === count) resolve();
		});
		socket.on("error", (error) => {
			end ??= error.message;
			// The close waits for the other side's, which a frame without an end never sends.
			resolve();
		});
		socket.on("close", (code) => {
			end ??= String(code);
			resolve();
		});
	});
	return { texts, end };
}

const frames = ["one", MARKER, "x".repeat(10)];

describe("the proxy of faults", () => {
	it("passes everything on as it is, and notes who asked", async () => {
		expect(await text("/list")).toBe(LIST);
		expect(await text("/stream")).toBe("data: 1\n\ndata: 2\n\ndata: 3\n\n");
		expect(await said(3)).toEqual({ texts: frames, end: undefined });
		expect(proxy.requests.map(({ path, isUpgrade }) => [path, isUpgrade])).toEqual([
			["/list", false],
			["/stream", false],
			["/", true],
		]);
	});

	it.each<readonly [Fault, RegExp]>([
		[{ type: "refused" }, /ECONNREFUSED/],
		[{ type: "reset" }, /ECONNRESET|socket hang up|other side closed/],
	])("breaks connections: %o", async (fault, words) => {
		const { port } = new URL(proxy.url);
		await proxy.set(fault);
		const error = (await text("/list").catch((reason: unknown) => reason)) as Error;
		expect(String((error.cause as NodeJS.ErrnoException).message)).toMatch(words);
		expect((await said(1)).end).toMatch(words);
		await proxy.set(undefined);
		expect(new URL(proxy.url).port).toBe(port);
		expect(await text("/list")).toBe(LIST);
	});

	it("takes a request and never answers it", async () => {
		await proxy.set({ type: "halfOpen" });
		const stop = new AbortController();
		const asked = fetch(`${proxy.url}/list`, { signal: stop.signal });
		await expect.poll(() => proxy.requests.length).toBe(1);
		stop.abort();
		await expect(asked).rejects.toMatchObject({ name: "AbortError" });
	});

	it("lets nothing more through what is open, as with a cable that was pulled", async () => {
		const stop = new AbortController();
		const response = await fetch(`${proxy.url}/forever`, { signal: stop.signal });
		const reader = response.body?.getReader();
		expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("first");
		await proxy.set({ type: "stalled" });
		say("second");
		const next = reader?.read().then(
			() => "came",
			() => "broke",
		);
		// A way around the proxy takes as long as one through it would.
		expect(await (await fetch(target)).text()).toBe(LIST);
		proxy.cut();
		expect(await next).toBe("broke");
	});

	it("refuses with a status, and says a token back", async () => {
		await proxy.set({ type: "status", status: 429, headers: { "retry-after": "7" } });
		const answer = await fetch(`${proxy.url}/list`, { headers: { authorization: "Bearer secret" } });
		expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "7"]);
		expect(await answer.text()).toContain("secret");
		expect((await said(1)).end).toBe("Unexpected server response: 429");
	});

	it("answers with a page for people", async () => {
		await proxy.set({ type: "wrongType" });
		expect((await fetch(`${proxy.url}/list`)).headers.get("content-type")).toBe("text/html");
		expect((await said(1)).end).toBe("Unexpected server response: 200");
	});

	it("breaks off in the middle", async () => {
		await proxy.set({ type: "truncated" });
		await expect(text("/list")).rejects.toThrow("terminated");
		await expect(text("/stream")).rejects.toThrow("terminated");
		expect((await said(3)).end).toBe("1006");
	});

	it("brings bytes one by one", async () => {
		await proxy.set({ type: "slow", everyMs: 1 });
		const reader = (await fetch(`${proxy.url}/name`)).body?.getReader();
		expect((await reader?.read())?.value).toHaveLength(1);
		await reader?.cancel();
	});

	it("announces more than anyone may take", async () => {
		await proxy.set({ type: "oversized" });
		const answer = await fetch(`${proxy.url}/list`);
		expect(Number(answer.headers.get("content-length"))).toBeGreaterThan(1e12);
		await answer.body?.cancel();
		expect((await said(1)).end).toContain("Max payload size exceeded");
	});

	it("makes nonsense of a marker's bytes, and of nothing else", async () => {
		await proxy.set({ type: "invalidUtf8" });
		const bytes = Buffer.from(await (await fetch(`${proxy.url}/name`)).arrayBuffer());
		expect(bytes).toEqual(Buffer.concat([Buffer.from('{"name":"'), Buffer.alloc(4, 0xff), Buffer.from('"}')]));
		expect(await said(3)).toEqual({ texts: ["one"], end: expect.stringContaining("invalid UTF-8") });
	});

	it("says everything twice, but for things without an identity, and keeps the digits of numbers", async () => {
		await proxy.set({ type: "duplicate" });
		const items = '{"id":9007199254740993},{"id":9007199254740993},{"id":2},{"id":2}';
		expect(await text("/list")).toBe(`{"items":[${items}],"tags":["a","b"],"steps":[{"n":1}]}`);
		expect(await text("/stream")).toBe("data: 1\n\ndata: 1\n\ndata: 2\n\ndata: 2\n\ndata: 3\n\ndata: 3\n\n");
		expect((await said(6)).texts).toEqual(frames.flatMap((frame) => [frame, frame]));
	});

	it("says things in another order", async () => {
		await proxy.set({ type: "reordered" });
		expect(await text("/list")).toContain('"items":[{"id":2},{"id":9007199254740993}]');
		expect(await text("/stream")).toBe("data: 2\n\ndata: 1\n\ndata: 3\n\n");
		expect((await said(3)).texts).toEqual([frames[1], frames[0], frames[2]]);
	});

	it("has another day", async () => {
		await proxy.set({ type: "clock", offsetMs: 86_400_000 });
		const { headers } = await fetch(`${proxy.url}/list`);
		expect(Date.parse(headers.get("date") ?? "") - Date.now()).toBeGreaterThan(86_000_000);
	});

	it("leaves alone what is not meant", async () => {
		proxy.isMeant = ({ path }) => path === "/stream";
		await proxy.set({ type: "status", status: 503 });
		expect(await text("/list")).toBe(LIST);
		expect((await fetch(`${proxy.url}/stream`)).status).toBe(503);
	});
});
