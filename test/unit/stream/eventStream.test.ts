import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import {
	EventStream,
	type EventStreamOptions,
	type StreamMessage,
	StreamRefusal,
} from "../../../src/stream/eventStream.ts";

/** One request of the stream, answered by the test when it likes. */
interface Call {
	readonly headers: Headers;
	readonly url: string;
	readonly signal: AbortSignal;
	answer(status: number, headers?: Record<string, string>): Promise<void>;
	/** 200 with a stream that `send` writes to. */
	open(headers?: Record<string, string>): Promise<void>;
	send(text: string): Promise<void>;
	end(): Promise<void>;
	fail(error: Error): Promise<void>;
}

/** Lets everything run that waits for no clock. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await vi.advanceTimersByTimeAsync(0);
}

function fakeFetch() {
	const calls: Call[] = [];
	const fetch: typeof globalThis.fetch = (url, init) =>
		new Promise((resolve, reject) => {
			const signal = init?.signal as AbortSignal;
			let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
			signal.addEventListener("abort", () => {
				reject(signal.reason);
				try {
					controller?.error(signal.reason);
				} catch {
					// Already closed.
				}
			});
			calls.push({
				headers: new Headers(init?.headers),
				url: String(url),
				signal,
				answer: async (status, headers = {}) => {
					resolve(new Response(status === 204 ? null : "no", { status, headers }));
					await settle();
				},
				open: async (headers = {}) => {
					const body = new ReadableStream<Uint8Array>({
						start: (created) => {
							controller = created;
						},
					});
					resolve(new Response(body, { status: 200, headers: { "content-type": "text/event-stream", ...headers } }));
					await settle();
				},
				send: async (text) => {
					controller?.enqueue(new TextEncoder().encode(text));
					await settle();
				},
				end: async () => {
					controller?.close();
					await settle();
				},
				fail: async (error) => {
					if (controller === undefined) reject(error);
					else controller.error(error);
					await settle();
				},
			});
		});
	return { calls, fetch };
}

let messages: StreamMessage[];
let states: string[];
let stream: EventStream;
let calls: Call[];

function make(options: Partial<EventStreamOptions> = {}): EventStream {
	const fake = fakeFetch();
	calls = fake.calls;
	messages = [];
	states = [];
	stream = new EventStream({
		url: () => "http://server.test/api/events",
		headers: async () => ({}),
		fetch: fake.fetch,
		random: () => 1,
		logger: silentLogger,
		onMessage: (message) => messages.push(message),
		...options,
	});
	stream.onDidChangeState((state) => states.push(state.name));
	return stream;
}

/** Lets the wait pass, exactly. */
async function passBackoff(): Promise<number> {
	const { state } = stream;
	if (state.name !== "waiting") throw new Error(`${state.name}, not waiting`);
	const waitMs = state.retryAtMs - Date.now();
	await vi.advanceTimersByTimeAsync(waitMs);
	return waitMs;
}

/** A stream that was connected and opened. */
async function opened(options: Partial<EventStreamOptions> = {}): Promise<EventStream> {
	make(options).connect();
	await settle();
	await calls[0].open();
	return stream;
}

beforeEach(() => {
	vi.useFakeTimers({ now: Date.parse("2026-03-06T09:00:00Z") });
});

afterEach(() => {
	stream.dispose();
	expect(vi.getTimerCount()).toBe(0);
	vi.useRealTimers();
});

describe("states", () => {
	it("goes from idle over connecting to open, and back to idle", async () => {
		make();
		expect(stream.state).toEqual({ name: "idle" });
		stream.connect();
		stream.connect();
		await settle();
		expect(calls).toHaveLength(1);
		await calls[0].open();
		expect(stream.state).toEqual({ name: "open", sinceMs: Date.now() });
		stream.disconnect();
		expect(states).toEqual(["connecting", "open", "idle"]);
		expect(calls[0].signal.aborted).toBe(true);
	});

	it("hands on messages and sends no last event id that was not applied", async () => {
		await opened();
		await calls[0].send("id: 4\ndata: one\n\n: comment\n\ndata: two\ndata: lines\n\n");
		expect(messages).toEqual([
			{ id: "4", data: "one" },
			{ id: "4", data: "two\nlines" },
		]);
		expect(stream.lastEventId).toBeUndefined();
		stream.reconnect();
		await settle();
		expect(calls[1].headers.get("last-event-id")).toBeNull();
		stream.markApplied("4");
		stream.reconnect();
		await settle();
		expect(calls[2].headers.get("last-event-id")).toBe("4");
	});

	it("seeds the first attempt with the last event id, as UTF-8 bytes", async () => {
		make({ lastEventId: "ü" }).connect();
		await settle();
		expect(calls[0].headers.get("last-event-id")).toBe("Ã¼");
	});

	it("never sends an id that would end the header line", async () => {
		make({ lastEventId: "1\r\nx-evil: 1" }).connect();
		await settle();
		expect(calls[0].headers.get("last-event-id")).toBeNull();
	});

	it.each([
		[204, "noContent"],
		[401, "unauthorized"],
		[403, "forbidden"],
		[402, "forbidden"],
		[404, "notFound"],
		[410, "gone"],
		[418, "protocol"],
	])("fails with a reason on %d and stays there", async (status, reason) => {
		make().connect();
		await settle();
		await calls[0].answer(status);
		expect(stream.state).toMatchObject({ name: "failed", reason, message: `HTTP ${status}` });
		await vi.advanceTimersByTimeAsync(120_000);
		stream.hurry();
		expect(calls).toHaveLength(1);
	});

	it("fails on another content type, and says which", async () => {
		make().connect();
		await settle();
		await calls[0].answer(200, { "content-type": "text/html; charset=utf-8" });
		expect(stream.state).toMatchObject({ name: "failed", reason: "contentType" });
		expect(stream.state).toMatchObject({ message: expect.stringContaining("text/html") });
	});

	it.each([
		[408, "serverError"],
		[425, "serverError"],
		[429, "rateLimited"],
		[500, "serverError"],
		[503, "serverError"],
	])("retries on %d", async (status, reason) => {
		make().connect();
		await settle();
		await calls[0].answer(status);
		expect(stream.state).toMatchObject({ name: "waiting", reason, attempt: 2, retryAtMs: Date.now() + 1000 });
		await vi.advanceTimersByTimeAsync(1000);
		expect(calls).toHaveLength(2);
	});

	it("retries when the network fails and when the server ends the stream", async () => {
		make().connect();
		await settle();
		await calls[0].fail(
			new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ECONNREFUSED" }) }),
		);
		expect(stream.state).toMatchObject({
			name: "waiting",
			reason: "network",
			message: "fetch failed (no) [ECONNREFUSED]",
		});
		await vi.advanceTimersByTimeAsync(1000);
		await calls[1].open();
		await calls[1].end();
		expect(stream.state).toMatchObject({ name: "waiting", reason: "ended" });
	});

	it("retries when the body breaks", async () => {
		await opened();
		await calls[0].send("id: 1\ndata: whole\n\nid: 2\nda");
		await calls[0].fail(new TypeError("terminated"));
		expect(stream.state).toMatchObject({ name: "waiting", reason: "network" });
		expect(messages).toEqual([{ id: "1", data: "whole" }]);
	});

	it("retries when no answer comes in time", async () => {
		make({ connectTimeoutMs: 4000 }).connect();
		await vi.advanceTimersByTimeAsync(4000);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "timeout" });
		expect(calls[0].signal.aborted).toBe(true);
	});

	it("fails when the headers refuse, and waits when they only cannot be had now", async () => {
		make({ headers: async () => Promise.reject(new StreamRefusal("unauthorized", "no token")) }).connect();
		await settle();
		expect(stream.state).toMatchObject({ name: "failed", reason: "unauthorized", message: "no token" });
		stream.dispose();
		make({ headers: async () => Promise.reject(new Error("locked")) }).connect();
		await settle();
		expect(stream.state).toMatchObject({ name: "waiting", reason: "network" });
		expect(calls).toHaveLength(0);
	});

	it("fails on an event over the bound, and says so", async () => {
		await opened({ maxEventLength: 1000 });
		await calls[0].send(`data: ${"x".repeat(2000)}`);
		expect(stream.state).toMatchObject({ name: "failed", reason: "protocol" });
		expect(messages).toEqual([]);
	});
});

describe("a person's wish", () => {
	it("reconnects at once out of a long backoff, out of failed, out of idle and while open", async () => {
		make().connect();
		await settle();
		await calls[0].answer(503, { "retry-after": "300" });
		stream.reconnect();
		await settle();
		expect(calls).toHaveLength(2);
		await calls[1].answer(401);
		stream.reconnect();
		await settle();
		expect(calls).toHaveLength(3);
		await calls[2].open();
		stream.reconnect();
		await settle();
		expect(calls).toHaveLength(4);
		expect(calls[2].signal.aborted).toBe(true);
		stream.disconnect();
		stream.reconnect();
		await settle();
		expect(calls).toHaveLength(5);
	});

	it("begins the backoff anew", async () => {
		make().connect();
		for (let attempt = 0; attempt < 5; attempt++) {
			await settle();
			await calls[attempt].answer(500);
			stream.reconnect();
		}
		await settle();
		await calls[5].answer(500);
		expect(stream.state).toMatchObject({ name: "waiting", attempt: 2, retryAtMs: Date.now() + 1000 });
	});

	it("hurries only when waiting, and not against the server's wish", async () => {
		make();
		stream.hurry();
		expect(states).toEqual([]);
		stream.connect();
		await settle();
		stream.hurry();
		expect(calls).toHaveLength(1);
		await calls[0].fail(new TypeError("fetch failed"));
		await vi.advanceTimersByTimeAsync(600);
		stream.hurry();
		await settle();
		expect(calls).toHaveLength(2);
		await calls[1].answer(429, { "retry-after": "10" });
		await vi.advanceTimersByTimeAsync(9000);
		stream.hurry();
		await settle();
		expect(calls).toHaveLength(2);
		await vi.advanceTimersByTimeAsync(1000);
		expect(calls).toHaveLength(3);
	});
});

describe("backoff", () => {
	it("grows while attempts fail and stops growing at its ceiling", async () => {
		make().connect();
		await settle();
		const waits: number[] = [];
		for (let attempt = 0; attempt < 8; attempt++) {
			await calls[attempt].answer(500);
			waits.push(await passBackoff());
		}
		expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
	});

	it("is not reset by a mere 200", async () => {
		make().connect();
		await settle();
		for (let attempt = 0; attempt < 4; attempt++) {
			await calls[attempt].open();
			await calls[attempt].send(": welcome\n\n");
			await calls[attempt].end();
			await passBackoff();
		}
		await calls[4].answer(500);
		expect(stream.state).toMatchObject({ name: "waiting", attempt: 6 });
	});

	it.each([
		["an event", async () => calls[2].send("data: x\n\n")],
		["a heartbeat", async () => vi.advanceTimersByTimeAsync(2000).then(() => calls[2].send(": beat\n\n"))],
		["some seconds", async () => vi.advanceTimersByTimeAsync(6000)],
	])("is reset by a stream that showed %s", async (_what, prove) => {
		make().connect();
		await settle();
		for (let attempt = 0; attempt < 2; attempt++) {
			await calls[attempt].answer(500);
			await passBackoff();
		}
		await calls[2].open();
		await prove();
		await calls[2].end();
		expect(stream.state).toMatchObject({ name: "waiting", attempt: 2, retryAtMs: Date.now() + 1000 });
	});

	it("respects Retry-After in both forms", async () => {
		make({ random: () => 0 }).connect();
		await settle();
		await calls[0].answer(503, { "retry-after": "2" });
		expect(stream.state).toMatchObject({ retryAtMs: Date.now() + 2000 });
		await vi.advanceTimersByTimeAsync(1999);
		expect(calls).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(calls).toHaveLength(2);
		await calls[1].answer(503, { "retry-after": new Date(Date.now() + 9000).toUTCString() });
		const state = stream.state;
		if (state.name !== "waiting") throw new Error(state.name);
		expect(state.retryAtMs - Date.now()).toBeGreaterThan(7000);
		expect(state.retryAtMs - Date.now()).toBeLessThanOrEqual(9000);
	});

	it("waits no longer than Retry-After says, however often the server failed before", async () => {
		make({ random: () => 1 }).connect();
		await settle();
		for (let attempt = 0; attempt < 5; attempt++) {
			await calls[attempt].answer(503, { "retry-after": "2" });
			expect(stream.state).toMatchObject({ name: "waiting", retryAtMs: Date.now() + 2000 });
			await vi.advanceTimersByTimeAsync(2000);
		}
		expect(calls).toHaveLength(6);
	});

	it("respects the stream's retry field from then on, up to the ceiling", async () => {
		await opened({ random: () => 0 });
		await calls[0].send("retry: 7000\n\ndata: x\n\n");
		await calls[0].end();
		expect(stream.state).toMatchObject({ retryAtMs: Date.now() + 7000 });
		await vi.advanceTimersByTimeAsync(7000);
		await calls[1].open();
		await calls[1].send("retry: 99999999\n\n");
		await calls[1].end();
		expect(stream.state).toMatchObject({ retryAtMs: Date.now() + 30_000 });
	});
});

describe("watchdog", () => {
	it("declares a silent stream dead, and comments count as sound", async () => {
		await opened({ watchdogMs: 45_000 });
		await vi.advanceTimersByTimeAsync(44_000);
		await calls[0].send(": beat\n\n");
		await vi.advanceTimersByTimeAsync(44_000);
		expect(stream.state.name).toBe("open");
		expect(stream.lastByteAtMs).toBe(Date.now() - 44_000);
		await vi.advanceTimersByTimeAsync(1000);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "stale" });
		expect(calls[0].signal.aborted).toBe(true);
	});

	it("measures from the opening when not one byte came", async () => {
		await opened({ watchdogMs: 3000 });
		await vi.advanceTimersByTimeAsync(2999);
		expect(stream.state.name).toBe("open");
		await vi.advanceTimersByTimeAsync(1);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "stale" });
	});

	it("gives a stream only some seconds after the machine slept", async () => {
		await opened({ watchdogMs: 45_000 });
		await vi.advanceTimersByTimeAsync(1000);
		vi.setSystemTime(Date.now() + 3_600_000);
		await vi.advanceTimersByTimeAsync(4000);
		expect(stream.state.name).toBe("open");
		await vi.advanceTimersByTimeAsync(5000);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "stale" });
	});

	it("keeps a stream that spoke after the sleep", async () => {
		await opened({ watchdogMs: 45_000 });
		vi.setSystemTime(Date.now() + 3_600_000);
		await vi.advanceTimersByTimeAsync(5000);
		await calls[0].send(": beat\n\n");
		await vi.advanceTimersByTimeAsync(40_000);
		expect(stream.state.name).toBe("open");
	});

	it("ends a backoff when the machine wakes", async () => {
		make().connect();
		await settle();
		for (let attempt = 0; attempt < 6; attempt++) {
			await calls[attempt].answer(500);
			if (attempt < 5) await passBackoff();
		}
		expect(calls).toHaveLength(6);
		vi.setSystemTime(Date.now() + 3_600_000);
		await vi.advanceTimersByTimeAsync(5000);
		expect(calls).toHaveLength(7);
	});

	it("still works when the clock was set back", async () => {
		await opened({ watchdogMs: 10_000 });
		await calls[0].send(": beat\n\n");
		vi.setSystemTime(Date.now() - 86_400_000);
		await vi.advanceTimersByTimeAsync(30_000);
		expect(calls.length).toBeGreaterThan(1);
	});

	it("rests while reading is paused", async () => {
		await opened({ watchdogMs: 10_000 });
		stream.pause();
		await vi.advanceTimersByTimeAsync(60_000);
		expect(stream.state.name).toBe("open");
		// The read that was under way when pausing began still delivers.
		await calls[0].send("data: one\n\n");
		await calls[0].send("data: two\n\n");
		expect(messages.map((message) => message.data)).toEqual(["one"]);
		stream.resume();
		await settle();
		expect(messages.map((message) => message.data)).toEqual(["one", "two"]);
		await vi.advanceTimersByTimeAsync(10_000);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "stale" });
	});
});

describe("redirects", () => {
	const headers = async () => ({ authorization: "Bearer secret" });

	it("keep the token on the same origin", async () => {
		make({ headers }).connect();
		await settle();
		await calls[0].answer(307, { location: "/v2/events" });
		expect(calls[1].url).toBe("http://server.test/v2/events");
		expect(calls[1].headers.get("authorization")).toBe("Bearer secret");
	});

	it.each(["http://other.test/", "https://server.test/", "http://server.test:81/"])(
		"never carry the token to %s, also not on the way back",
		async (location) => {
			make({ headers, lastEventId: "5" }).connect();
			await settle();
			await calls[0].answer(302, { location });
			expect(calls[1].headers.get("authorization")).toBeNull();
			await calls[1].answer(302, { location: "http://server.test/api/events" });
			expect(calls[2].headers.get("authorization")).toBeNull();
			await calls[2].answer(401);
			expect(stream.state).toMatchObject({ name: "failed", reason: "unauthorized" });
			expect(stream.state).toMatchObject({ message: expect.stringContaining("another origin") });
		},
	);

	it("end somewhere", async () => {
		make().connect();
		await settle();
		for (let hop = 0; hop < 6; hop++) await calls[hop].answer(302, { location: "/again" });
		expect(calls).toHaveLength(6);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "network" });
	});

	it.each(["file:///etc/passwd", "javascript:alert(1)", "http://[broken"])("do not go to %s", async (location) => {
		make().connect();
		await settle();
		await calls[0].answer(302, { location });
		expect(calls).toHaveLength(1);
		expect(stream.state).toMatchObject({ name: "waiting", reason: "network" });
	});
});

describe("the end", () => {
	it("leaves no timer, no request and no further event in any state", async () => {
		const reach: Record<string, () => Promise<unknown>> = {
			idle: async () => make(),
			connecting: async () => {
				make().connect();
				await settle();
			},
			open: () => opened(),
			waiting: async () => {
				make().connect();
				await settle();
				await calls[0].answer(500);
			},
			failed: async () => {
				make().connect();
				await settle();
				await calls[0].answer(404);
			},
		};
		for (const [name, arrive] of Object.entries(reach)) {
			await arrive();
			expect(stream.state.name).toBe(name);
			stream.dispose();
			stream.dispose();
			expect(stream.state.name).toBe("disposed");
			expect(vi.getTimerCount()).toBe(0);
			const before = states.length;
			stream.connect();
			stream.reconnect();
			stream.hurry();
			stream.disconnect();
			await vi.advanceTimersByTimeAsync(120_000);
			expect(states).toHaveLength(before);
			expect(calls.every((call) => call.signal.aborted || name === "waiting" || name === "failed")).toBe(true);
		}
	});

	it("hands on nothing of a stream that was left", async () => {
		await opened();
		const old = calls[0];
		stream.reconnect();
		await settle();
		await calls[1].open();
		await old.send("data: ghost\n\n").catch(() => undefined);
		expect(messages).toEqual([]);
	});
});

describe("named events", () => {
	it("are messages when they were asked for, and dropped else", async () => {
		await opened({ eventTypes: ["spans", "done"] });
		await calls[0].send("event: spans\ndata: 1\n\nevent: other\ndata: 2\n\nevent: message\ndata: 3\n\ndata: 4\n\n");
		expect(messages.map(({ type, data }) => [type, data])).toEqual([
			["spans", "1"],
			[undefined, "3"],
			[undefined, "4"],
		]);
	});

	it("tell an error that the server sends from one of the connection", async () => {
		await opened({ eventTypes: ["error"] });
		await calls[0].send('event: error\ndata: {"detail":"no"}\n\nevent: error\ndata:\n\nevent: error\n\ndata: on\n\n');
		expect(messages.filter(({ type }) => type === "error").map(({ data }) => data)[0]).toBe('{"detail":"no"}');
		expect(messages.at(-1)).toMatchObject({ type: undefined, data: "on" });
		expect(stream.state.name).toBe("open");
		await calls[0].fail(new TypeError("terminated"));
		expect(stream.state).toMatchObject({ name: "waiting", reason: "network" });
	});

	it("leave the connection alone when nobody asked for one called error", async () => {
		await opened();
		await calls[0].send("event: error\ndata: no\n\ndata: on\n\n");
		expect(messages.map(({ data }) => data)).toEqual(["on"]);
		expect(stream.state.name).toBe("open");
	});

	it("can end the stream, and nothing of the same bytes comes after", async () => {
		await opened({
			eventTypes: ["spans", "done"],
			onMessage: (message) => {
				messages.push(message);
				if (message.type === "done") stream.disconnect();
			},
		});
		await calls[0].send("event: spans\ndata: 1\n\nevent: done\ndata: {}\n\nevent: spans\ndata: 2\n\n");
		await vi.advanceTimersByTimeAsync(120_000);
		expect(messages.map(({ type }) => type)).toEqual(["spans", "done"]);
		expect(stream.state.name).toBe("idle");
		expect(calls).toHaveLength(1);
	});
});
