import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { EventStream, type EventStreamOptions, type StreamMessage } from "../../src/stream/eventStream.ts";
import { type StreamBehaviour, TracewayPeer } from "../peers/tracewayPeer.ts";

const soon = { timeout: 10_000, interval: 5 };
let peer: TracewayPeer;
let stream: EventStream | undefined;
let messages: StreamMessage[];
let states: string[];

beforeEach(async () => {
	peer = await TracewayPeer.start({ dialect: "L" });
	messages = [];
	states = [];
});

afterEach(async () => {
	stream?.dispose();
	await peer.close();
});

function connect(options: Partial<EventStreamOptions> = {}): EventStream {
	const made = new EventStream({
		url: () => `${peer.url}/api/events`,
		headers: async () => ({}),
		fetch: globalThis.fetch,
		minBackoffMs: 5,
		logger: silentLogger,
		onMessage: (message) => {
			messages.push(message);
			made.markApplied(message.id);
		},
		...options,
	});
	stream = made;
	made.onDidChangeState((state) => states.push("reason" in state ? `${state.name} ${state.reason}` : state.name));
	made.connect();
	return made;
}

const data = () => messages.map((message) => message.data);
const until = (check: () => void) => vi.waitFor(check, soon);
const bytes = (...chunks: (string | Uint8Array)[]): StreamBehaviour => ({ type: "bytes", chunks });

describe("over real HTTP, the event stream", () => {
	it("reads every event of a stream that comes byte by byte", async () => {
		peer.nextStreams.push({ type: "trickle" });
		for (const text of ["plain", "ünïcödé 😀", "\u2028 line\u0000 end", "x".repeat(3000)])
			peer.emit({ type: "x", text });
		connect({ lastEventId: "0" });
		await until(() => expect(messages).toHaveLength(4));
		expect(data().map((text) => JSON.parse(text).text)).toEqual([
			"plain",
			"ünïcödé 😀",
			"\u2028 line\u0000 end",
			"x".repeat(3000),
		]);
		expect(messages.map((message) => message.id)).toEqual(["1", "2", "3", "4"]);
	});

	it("drops the half of an event that a broken connection leaves, and gets it whole afterwards", async () => {
		for (let index = 0; index < 5; index++) peer.emit({ index, text: "ääääääääää" });
		// Breaks within the third event, in the middle of a two-byte character.
		const event = Buffer.byteLength(`id: 1\ndata: ${JSON.stringify({ index: 0, text: "ääääääääää" })}\n\n`);
		peer.nextStreams.push({ type: "cut", afterBytes: 2 * event + 34 });
		connect({ lastEventId: "0" });
		await until(() => expect(messages).toHaveLength(5));
		expect(data().map((text) => JSON.parse(text).index)).toEqual([0, 1, 2, 3, 4]);
		expect(new Set(data().map((text) => JSON.parse(text).text))).toEqual(new Set(["ääääääääää"]));
		expect(peer.streamRequests().map((request) => request.headers["last-event-id"])).toEqual(["0", "2"]);
	});

	it("does not take an unfinished last event for one, when the stream ends properly", async () => {
		peer.nextStreams.push(bytes("id: 1\ndata: whole\n\nid: 2\ndata: half\n"));
		connect();
		await until(() => expect(states.filter((state) => state === "open")).toHaveLength(2));
		expect(data()[0]).toBe("whole");
		expect(data()).not.toContain("half");
		expect(peer.streamRequests()[1].headers["last-event-id"]).toBe("1");
	});

	it.each([
		["LF", "\n"],
		["CR LF", "\r\n"],
		["CR", "\r"],
	])("understands %s as line end, a byte order mark and fields without a space", async (_name, end) => {
		const text = ["\ufeffid:7", "event:message", "data:a", "data: b", ": note", "unknown: x", "", ""].join(end);
		peer.nextStreams.push(bytes(text));
		connect();
		await until(() => expect(messages).toHaveLength(1));
		expect(messages).toEqual([{ id: "7", data: "a\nb" }]);
	});

	it("is told dead by the watchdog when the server accepts and says nothing", async () => {
		peer.nextStreams.push({ type: "silence" });
		connect({ watchdogMs: 100 });
		await until(() => expect(states).toContain("waiting stale"));
		expect(states.slice(0, 3)).toEqual(["connecting", "open", "waiting stale"]);
	});

	it("gives up an attempt that is never answered", async () => {
		peer.nextStreams.push({ type: "stall" });
		connect({ connectTimeoutMs: 100 });
		await until(() => expect(states).toContain("waiting timeout"));
		await until(() => expect(states.at(-1)).toBe("open"));
	});

	it("stays open on comments alone", async () => {
		const beating = await TracewayPeer.start({ dialect: "L", heartbeatMs: 20 });
		try {
			connect({ watchdogMs: 400, url: () => `${beating.url}/api/events` });
			await until(() => expect(states).toEqual(["connecting", "open"]));
			const openedAtMs = Date.now();
			await until(() => expect((stream?.lastByteAtMs ?? 0) - openedAtMs).toBeGreaterThan(800));
			expect(states).toEqual(["connecting", "open"]);
		} finally {
			stream?.dispose();
			await beating.close();
		}
	});

	it("waits as long as a 503 asks for, then opens", async () => {
		peer.nextStreams.push({ type: "status", status: 503, headers: { "retry-after": "1" } });
		const made = connect();
		await until(() => expect(made.state.name).toBe("waiting"));
		const state = made.state;
		if (state.name !== "waiting") throw new Error(state.name);
		expect(state.retryAtMs - Date.now()).toBeGreaterThan(500);
		await until(() => expect(made.state.name).toBe("open"));
		expect(Date.now()).toBeGreaterThanOrEqual(state.retryAtMs - 20);
	});

	it.each([
		[204, "failed noContent"],
		[401, "failed unauthorized"],
		[403, "failed forbidden"],
		[404, "failed notFound"],
		[410, "failed gone"],
	])("fails on %d and reconnects when told to", async (status, state) => {
		peer.nextStreams.push({ type: "status", status });
		const made = connect();
		await until(() => expect(states.at(-1)).toBe(state));
		made.reconnect();
		await until(() => expect(states.at(-1)).toBe("open"));
	});

	it("fails on a page where a stream should be", async () => {
		peer.nextStreams.push({ type: "status", status: 200, headers: { "content-type": "text/html" }, body: "<p>" });
		connect();
		await until(() => expect(states.at(-1)).toBe("failed contentType"));
	});

	it("fails on an event without end, before it fills the memory", async () => {
		peer.nextStreams.push(bytes("data: ", ...Array.from({ length: 40 }, () => "x".repeat(64 * 1024))));
		connect({ maxEventLength: 1024 * 1024 });
		await until(() => expect(states.at(-1)).toBe("failed protocol"));
		expect(messages).toEqual([]);
	});

	it("carries the token over a redirect of the same server, and to no other", async () => {
		const other = await TracewayPeer.start({ dialect: "L" });
		try {
			const headers = async () => ({ authorization: "Bearer top-secret" });
			peer.nextStreams.push({ type: "status", status: 307, headers: { location: "/api/events" } });
			connect({ headers });
			await until(() => expect(states.at(-1)).toBe("open"));
			expect(peer.streamRequests().map((request) => request.headers.authorization)).toEqual([
				"Bearer top-secret",
				"Bearer top-secret",
			]);
			peer.nextStreams.push({ type: "status", status: 302, headers: { location: `${other.url}/api/events` } });
			stream?.reconnect();
			await until(() => expect(other.streamRequests()).toHaveLength(1));
			expect(JSON.stringify(other.streamRequests()[0].headers)).not.toContain("top-secret");
		} finally {
			stream?.dispose();
			await other.close();
		}
	});

	it("gives the event loop its turns while thousands of events come in", async () => {
		const count = 20_000;
		for (let index = 0; index < count; index++) peer.emit({ index });
		let timerRuns = 0;
		const counter = setInterval(() => timerRuns++, 1);
		const seen: number[] = [];
		connect({
			lastEventId: "0",
			sliceMs: 2,
			onMessage: (message) => {
				if (seen.push(JSON.parse(message.data).index) === 1) timerRuns = 0;
			},
		});
		await until(() => expect(seen).toHaveLength(count));
		clearInterval(counter);
		expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
		// Without yielding, everything that the socket had would be handled in one turn.
		expect(timerRuns).toBeGreaterThan(2);
	});

	it("closes the connection when it is disposed", async () => {
		const made = connect();
		await until(() => expect(peer.streamCount).toBe(1));
		made.dispose();
		await until(() => expect(peer.streamCount).toBe(0));
	});
});
