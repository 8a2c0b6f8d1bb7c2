import { createClient } from "graphql-ws";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { CloudgridPeer, type CloudgridPeerOptions } from "../peers/cloudgridPeer.ts";

/** The peer speaks as the reference has CloudGrid speak: what the tests of the adapter rest on. */

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options?: CloudgridPeerOptions): Promise<CloudgridPeer> {
	const peer = await CloudgridPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

interface Message {
	readonly type: string;
	readonly id?: string;
	readonly payload?: {
		readonly data?: { readonly liveTraces: LiveEvent } | null;
		readonly errors?: readonly GraphqlError[];
	};
}

interface LiveEvent {
	readonly type: string;
	readonly seq: number;
	readonly trace: { readonly id: string; readonly spanCount: number } | null;
}

interface GraphqlError {
	readonly extensions: {
		readonly code: string;
		readonly problem: { readonly id: string; readonly retryable: boolean };
	};
}

/** A client that says exactly what it is told to. */
async function openSocket(peer: CloudgridPeer, init?: unknown) {
	const socket = new WebSocket(peer.url.replace("http", "ws").concat("/graphql"), "graphql-transport-ws");
	ends.push(() => socket.terminate());
	const messages: Message[] = [];
	let closeCode: number | undefined;
	socket.on("message", (data) => messages.push(JSON.parse(String(data)) as Message));
	socket.on("close", (code) => {
		closeCode = code;
	});
	await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
	const say = (message: unknown) => socket.send(typeof message === "string" ? message : JSON.stringify(message));
	say({ type: "connection_init", ...(init === undefined ? {} : { payload: init }) });
	const of = (id: string) => messages.filter((message) => message.id === id);
	const events = (id: string) => of(id).flatMap((message) => message.payload?.data?.liveTraces ?? []);
	const subscribe = (id: string, input?: unknown) =>
		say({ id, type: "subscribe", payload: { operationName: "LiveTrace", query: LIVE, variables: { input } } });
	return { socket, messages, of, events, say, subscribe, closeCode: () => closeCode };
}

const LIVE =
	"subscription LiveTrace($input: LiveTraceInput) { liveTraces(input: $input) { type seq receivedAt trace { id spanCount } } }";

async function query(peer: CloudgridPeer, text: string, variables: unknown = {}, token?: string) {
	const response = await fetch(`${peer.url}/graphql`, {
		method: "POST",
		headers: {
			"content-type": "application/json",
			...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
		},
		body: JSON.stringify({ query: text, variables }),
	});
	return (await response.json()) as { data: Record<string, never> | null; errors?: readonly GraphqlError[] };
}

describe("the peer of CloudGrid", () => {
	it.each([undefined, { authorization: "Bearer x" }])(
		"acknowledges with payload %o, then begins at once with heartbeat 1",
		async (init) => {
			const peer = await startPeer();
			const client = await openSocket(peer, init);
			client.subscribe("a1");
			await vi.waitFor(() => expect(client.events("a1")).toMatchObject([{ type: "heartbeat", seq: 1, trace: null }]));
			expect(client.socket.protocol).toBe("graphql-transport-ws");
			expect(client.messages[0]).toEqual({ type: "connection_ack" });
		},
	);

	it("counts every event of a subscription by one, and calls a trace added once in each", async () => {
		const peer = await startPeer({ heartbeatMs: 20 });
		const client = await openSocket(peer);
		client.subscribe("a1");
		await vi.waitFor(() => expect(client.events("a1")).not.toEqual([]));
		const id = peer.addTrace();
		client.subscribe("a2");
		await vi.waitFor(() => expect(client.events("a2")).not.toEqual([]));
		peer.addSpan(id);
		// Heartbeats go on beside the data.
		await vi.waitFor(() =>
			expect(client.events("a1").map((event) => event.type)).toEqual(
				expect.arrayContaining(["added", "updated", "heartbeat"]),
			),
		);
		const beats = client.events("a1").length;
		await vi.waitFor(() => expect(client.events("a1").length).toBeGreaterThan(beats));
		await vi.waitFor(() => expect(client.events("a2").some((event) => event.type === "added")).toBe(true));
		const typesOf = (one: string) => client.events(one).filter((event) => event.trace !== null);
		expect(typesOf("a1").map((event) => event.type)).toEqual(["added", "updated"]);
		expect(typesOf("a2").map((event) => event.type)).toEqual(["added"]);
		for (const one of ["a1", "a2"]) {
			expect(client.events(one).map((event) => event.seq)).toEqual(client.events(one).map((_, index) => index + 1));
		}
	});

	it("says nothing more under an id after complete, bears a second one, and goes on with others", async () => {
		const peer = await startPeer();
		const client = await openSocket(peer);
		client.subscribe("a1");
		client.subscribe("a2");
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(2));
		client.say({ id: "a1", type: "complete" });
		client.say({ id: "a1", type: "complete" });
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(1));
		const before = client.of("a1").length;
		peer.addTrace();
		await vi.waitFor(() => expect(client.events("a2")).toHaveLength(2));
		expect(client.of("a1")).toHaveLength(before);
	});

	it.each(["not JSON", '{"type":"ping"}', '{"type":"pong"}', '{"type":"hello"}'])(
		"closes with 4400 for %s",
		async (text) => {
			const client = await openSocket(await startPeer());
			client.say(text);
			await vi.waitFor(() => expect(client.closeCode()).toBe(4400));
		},
	);

	it.each([
		["min above max", { minDurationMs: 2, maxDurationMs: 1 }],
		["limit 0", { limit: 0 }],
		["limit 501", { limit: 501 }],
		["from without offset", { from: "2026-03-06T09:00:00" }],
		["an empty text", { service: "" }],
	])("refuses %s by next with ERR-001, then complete", async (_what, input) => {
		const client = await openSocket(await startPeer());
		client.subscribe("a1", input);
		await vi.waitFor(() => expect(client.of("a1")).toHaveLength(2));
		expect(client.of("a1").map((message) => message.type)).toEqual(["next", "complete"]);
		expect(client.of("a1")[0].payload?.errors?.[0].extensions.problem).toMatchObject({
			id: "ERR-001",
			retryable: false,
		});
	});

	it("asks for credentials after the acknowledgement, and for both scopes", async () => {
		const peer = await startPeer({ mode: "sso" });
		peer.tokens.set("reader", { scopes: ["telemetry:read"], project: "default" });
		for (const [init, id] of [
			[undefined, "ERR-015"],
			[{ authorization: "Bearer wrong" }, "ERR-015"],
			[{ authorization: "Bearer reader" }, "ERR-016"],
		] as const) {
			const client = await openSocket(peer, init);
			client.subscribe("a1");
			await vi.waitFor(() => expect(client.of("a1")).toHaveLength(2));
			expect(client.messages[0]).toEqual({ type: "connection_ack" });
			expect(client.of("a1")[0].payload?.errors?.[0].extensions.problem.id).toBe(id);
		}
	});

	it("never delivers a trace of another project", async () => {
		const peer = await startPeer({ mode: "sso" });
		const scopes = ["telemetry:read", "telemetry:live"];
		peer.tokens.set("mine", { scopes, project: "p1" });
		const client = await openSocket(peer, { authorization: "Bearer mine" });
		client.subscribe("a1");
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(1));
		const foreign = peer.addTrace({ project: "p2" });
		const own = peer.addTrace({ project: "p1" });
		await vi.waitFor(() => expect(client.events("a1").map((event) => event.trace?.id)).toEqual([undefined, own]));
		const { data } = await query(peer, `{ trace(id: "${foreign}") { trace { id } } }`, {}, "mine");
		expect(data).toEqual({ trace: null });
	});

	it("pages newest first, 50 by default and 200 at most, each trace once, and knows its own cursors", async () => {
		const peer = await startPeer();
		const ids = Array.from({ length: 120 }, () => peer.addTrace()).reverse();
		const text = "query ($input: TraceSearchInput) { traces(input: $input) { items { id } nextCursor } }";
		const found: string[] = [];
		let cursor: string | null = null;
		do {
			const { data } = await query(peer, text, { input: { cursor } });
			const page = data?.traces as unknown as { items: { id: string }[]; nextCursor: string | null };
			expect(page.items.length).toBeLessThanOrEqual(50);
			found.push(...page.items.map((item) => item.id));
			cursor = page.nextCursor;
		} while (cursor !== null);
		expect(found).toEqual(ids);
		expect((await query(peer, text, { input: { cursor: "foreign" } })).errors?.[0].extensions.problem.id).toBe(
			"ERR-003",
		);
		expect((await query(peer, text, { input: { limit: 201 } })).errors?.[0].extensions.code).toBe("VALIDATION_FAILED");
	});

	it("derives depth, orphans, shares and warnings from the spans", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		peer.addSpan(id, { parentSpanId: "missing", serviceName: "worker" });
		const { data } = await query(
			peer,
			`{ trace(id: "${id}") { spans { id depth isOrphan } structure { orphanSpanIds maxDepth serviceBreakdown { serviceName percentOfTraceDuration } } warnings { code spanId } } }`,
		);
		const detail = data?.trace as unknown as { spans: { id: string; depth: number; isOrphan: boolean }[] };
		const orphan = detail.spans.find((span) => span.isOrphan);
		expect(detail).toMatchObject({
			structure: { orphanSpanIds: [orphan?.id], maxDepth: 0 },
			warnings: [{ code: "missingParent", spanId: orphan?.id }],
		});
	});

	it("does not know nanoseconds and operation names when it is old", async () => {
		const peer = await startPeer({ age: "old" });
		peer.addTrace();
		const { errors } = await query(peer, "{ traces { items { startedAtUnixNano } } }");
		expect(errors?.[0].extensions.problem.id).toBe("ERR-001");
	});

	it("understands a general client, keeps its traces while it is away and comes back on its port", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		await peer.stop();
		await peer.start();
		const client = createClient({ url: `ws://127.0.0.1:${peer.port}/graphql`, webSocketImpl: WebSocket, keepAlive: 0 });
		ends.push(() => client.dispose());
		const events = client.iterate<{ liveTraces: LiveEvent }>({ query: LIVE });
		expect((await events.next()).value).toMatchObject({ data: { liveTraces: { type: "heartbeat", seq: 1 } } });
		peer.persisted(id);
		expect((await events.next()).value).toMatchObject({ data: { liveTraces: { type: "added", trace: { id } } } });
		await events.return?.();
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(0));
	});
});
