import { afterEach, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { analyticsOf, normalise } from "../peers/tracellmDocument.ts";
import { TracellmPeer, type TracellmPeerOptions } from "../peers/tracellmPeer.ts";

/** The peer speaks what the reference says: the server's side of its "Acceptance facts". */

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options: TracellmPeerOptions = {}): Promise<TracellmPeer> {
	const peer = await TracellmPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

/** An open connection and all that it has received. */
async function connect(peer: TracellmPeer): Promise<{ socket: WebSocket; frames: unknown[]; isClosed: () => boolean }> {
	const socket = new WebSocket(`ws://127.0.0.1:${peer.port}/ws`);
	ends.push(() => socket.terminate());
	const frames: unknown[] = [];
	let hasClosed = false;
	socket.on("message", (data) => frames.push(JSON.parse(data.toString())));
	socket.on("close", () => {
		hasClosed = true;
	});
	socket.on("error", () => undefined);
	await vi.waitFor(() => expect(frames).toHaveLength(1));
	return { socket, frames, isClosed: () => hasClosed };
}

async function get(peer: TracellmPeer, path: string): Promise<{ status: number; body: unknown }> {
	const response = await fetch(peer.url + path);
	return { status: response.status, body: await response.json() };
}

describe("the peer's WebSocket", () => {
	it("welcomes with exactly one system.connected", async () => {
		const { frames } = await connect(await startPeer());
		expect(frames).toEqual([{ type: "system.connected", status: "connected", message: "TraceLLM websocket active" }]);
	});

	it("answers a ping with its ts and ignores unknown types", async () => {
		const { socket, frames } = await connect(await startPeer());
		socket.send('{"type":"subscribe"}');
		socket.send('{"type":"ping","ts":42}');
		await vi.waitFor(() => expect(frames[1]).toEqual({ type: "system.pong", timestamp: 42 }));
		expect(frames).toHaveLength(2);
	});

	it.each(["not json", "[1]", "null"])("drops a connection that sends %s, and no other one", async (text) => {
		const peer = await startPeer();
		const bad = await connect(peer);
		const good = await connect(peer);
		bad.socket.send(text);
		await vi.waitFor(() => expect(bad.isClosed()).toBe(true));
		peer.save({ trace_id: "a" });
		await vi.waitFor(() => expect(good.frames).toHaveLength(2));
	});

	it("sends each connection the whole document once, with times as ISO text, and again on an upsert", async () => {
		const peer = await startPeer();
		const clients = [await connect(peer), await connect(peer)];
		const created_at = new Date("2026-03-06T09:00:00Z");
		peer.save({ trace_id: "a", created_at, steps: [{ timestamp: "2026-03-06T09:00:00.2Z" }] });
		for (const { frames } of clients) {
			await vi.waitFor(() => expect(frames).toHaveLength(2));
			expect(frames[1]).toMatchObject({
				type: "trace.created",
				trace: {
					trace_id: "a",
					created_at: "2026-03-06T09:00:00Z",
					steps: [{ timestamp: "2026-03-06T09:00:00.200000Z" }],
				},
			});
		}
		peer.save({ trace_id: "a", latency: 5 });
		for (const { frames } of clients) await vi.waitFor(() => expect(frames).toHaveLength(3));
	});

	it("never tells of a trace that another process saved", async () => {
		const peer = await startPeer();
		const { frames } = await connect(peer);
		peer.saveElsewhere({ trace_id: "silent" });
		peer.save({ trace_id: "told" });
		await vi.waitFor(() => expect(frames).toHaveLength(2));
		expect(frames[1]).toMatchObject({ trace: { trace_id: "told" } });
	});

	it("is 404 where the server has no WebSocket library", async () => {
		const peer = await startPeer({ hasWebSocket: false });
		const socket = new WebSocket(`ws://127.0.0.1:${peer.port}/ws`);
		const error = await new Promise<Error>((resolve) => socket.on("error", resolve));
		expect(error.message).toContain("404");
	});

	it("keeps its traces and its port over a restart", async () => {
		const peer = await startPeer();
		const { port } = peer;
		const { isClosed } = await connect(peer);
		peer.save({ trace_id: "a" });
		await peer.stop();
		await vi.waitFor(() => expect(isClosed()).toBe(true));
		await peer.start();
		expect(peer.port).toBe(port);
		expect((await get(peer, "/api/traces/a")).status).toBe(200);
	});
});

describe("the peer's REST", () => {
	it("refuses limit=201 with 422, counts all matches, and lists at most limit, newest first", async () => {
		const peer = await startPeer();
		for (let day = 1; day <= 5; day++)
			peer.save({ trace_id: `t${day}`, created_at: `2026-03-0${day}T00:00:00`, latency: day });
		expect((await get(peer, "/api/traces?limit=201")).status).toBe(422);
		const { body } = await get(peer, "/api/traces?limit=2&latency_min=2");
		expect(body).toMatchObject({ total: 4, items: [{ trace_id: "t5" }, { trace_id: "t4" }] });
	});

	it("answers 404 for an unknown trace, and tells null from an empty response in the detail only", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "a" });
		expect(await get(peer, "/api/traces/b")).toEqual({ status: 404, body: { detail: "Trace not found" } });
		expect((await get(peer, "/api/traces")).body).toMatchObject({ items: [{ response: "" }] });
		expect((await get(peer, "/api/traces/a")).body).toMatchObject({ response: null });
	});

	it("gives the dashboard's page for unknown paths outside the API", async () => {
		const peer = await startPeer();
		const response = await fetch(`${peer.url}/traces/x`);
		expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html"]);
		expect((await get(peer, "/api/nothing")).status).toBe(404);
	});

	it("creates a project once", async () => {
		const peer = await startPeer();
		const create = () => fetch(`${peer.url}/api/projects?name=shop`, { method: "POST" });
		expect([(await create()).status, (await create()).status]).toEqual([200, 409]);
	});
});

describe("a saved document", () => {
	it("is slow from 1500 ms on, unless slow_request says otherwise", () => {
		expect(normalise({ latency: 1500 })?.slow_request).toBe(true);
		expect(normalise({ latency: 1499.9 })?.slow_request).toBe(false);
		expect(normalise({ latency: 1500, slow_request: false })?.slow_request).toBe(false);
	});

	it("takes the steps' other names, and wraps a text input", () => {
		const document = normalise({
			steps: [{ step_type: "search", input_data: "minutes", created_at: "2026-03-06T09:00:00" }],
		});
		expect(document?.steps).toEqual([
			{
				step_id: "step_1",
				tool_name: "search",
				input: { value: "minutes" },
				output: {},
				duration: 0,
				success: true,
				timestamp: "2026-03-06T09:00:00Z",
			},
		]);
	});

	it("fails with a failed step and gives its reason; an explicit status wins", () => {
		const steps = [{ tool_name: "search", success: false, output: { error: "no index" } }];
		expect(normalise({ steps })).toMatchObject({ status: "failed", failure_reason: "no index" });
		expect(normalise({ steps, status: "SUCCESS" })).toMatchObject({ status: "success", failure_reason: "no index" });
	});

	it("counts repeated tools a, b, a, a as two retries and stays a success", () => {
		const steps = ["a", "b", "a", "a"].map((tool_name) => ({ tool_name }));
		expect(normalise({ steps })).toMatchObject({ retry_count: 2, status: "success" });
		expect(normalise({ retry_count: 1 })?.status).toBe("warning");
	});

	it("is skipped when a number is negative", () => {
		expect(normalise({ latency: -1 })).toBeUndefined();
	});
});

describe("the peer's analytics", () => {
	it("give 19 as the 95th percentile of 1 to 20", () => {
		const traces = Array.from({ length: 20 }, (_, index) => normalise({ latency: index + 1 })!);
		expect(analyticsOf(traces)).toMatchObject({
			summary: { p95_latency: 19, total_traces: 20, average_latency: 10.5 },
		});
	});

	it("are zeros and empty lists with 200 for an empty store", async () => {
		const { status, body } = await get(await startPeer(), "/api/analytics");
		expect(status).toBe(200);
		const { summary, ...lists } = body as { summary: Record<string, number> };
		expect(Object.values(summary).every((value) => value === 0)).toBe(true);
		expect(Object.values(lists)).toEqual([[], [], [], [], []]);
	});

	it("count failures, retries and slow requests", async () => {
		const peer = await startPeer();
		peer.save({ status: "failed" });
		peer.save({ retry_count: 2 });
		peer.save({ latency: 2000 });
		expect((await get(peer, "/api/failures")).body).toMatchObject({
			totals: { failed_traces: 1, retries: 1, slow_requests: 1 },
		});
		expect((await get(peer, "/api/failures?limit=101")).status).toBe(422);
	});
});
