import { afterEach, describe, expect, it, vi } from "vitest";
import type { SourceError } from "../../src/sources/source.ts";
import type { ProblemId } from "../peers/cloudgridSchema.ts";
import { agree, loaded, makeSource, never, soon, startPeer } from "./support/cloudgridRig.ts";

const TOKEN = "secret-token-5309";

afterEach(() => {
	vi.useRealTimers();
});

const RETRIED = [
	["ERR-013", "serverError"],
	["ERR-014", "timeout"],
	["ERR-017", "rateLimited"],
	["ERR-006", "serverError"],
] as const;
const FINAL = [
	["ERR-001", "protocol", /A fault on purpose \(ERR-001\)/],
	["ERR-015", "unauthorized", /asks for a token.*\(ERR-015\)/],
	["ERR-016", "forbidden", /telemetry:read and telemetry:live \(ERR-016\)/],
	["ERR-023", "protocol", /ERR-023/],
] as const;

describe("CloudGrid's errors", () => {
	it.each(FINAL)("%s as next with errors stops retrying and says why", async (problem, reason, message) => {
		const peer = await startPeer();
		peer.subscribeProblem = problem;
		const source = makeSource(peer.url);
		source.connect();
		const failed = { state: { name: "failed", reason, message: expect.stringMatching(message) } };
		await vi.waitFor(() => expect(source.status).toMatchObject(failed), soon);
		expect(source.seen.states).not.toContain("open");
		// A person can always try again.
		peer.subscribeProblem = undefined;
		source.reconnect();
		await loaded(source);
	});

	it.each(RETRIED)("%s as next with errors is retried until it passes", async (problem, reason) => {
		const peer = await startPeer();
		peer.subscribeProblem = problem;
		const source = makeSource(peer.url);
		source.connect();
		const waiting = { state: { name: "waiting", reason, attempt: 3, message: expect.stringContaining(problem) } };
		await vi.waitFor(() => expect(source.status).toMatchObject(waiting), { ...soon, interval: 1 });
		expect(source.seen.states).not.toContain("open");
		peer.subscribeProblem = undefined;
		await loaded(source);
	});

	it.each(["ERR-014", "ERR-013", "ERR-015"] as const)(
		"an error message with %s ends Live in the same way",
		async (problem) => {
			const peer = await startPeer();
			const source = makeSource(peer.url);
			source.connect();
			await loaded(source);
			peer.breakStreams(problem);
			const name = problem === "ERR-015" ? "failed" : "waiting";
			await vi.waitFor(() => expect(source.seen.states).toContain(name), soon);
			if (name === "failed") return;
			peer.silently(() => peer.addTrace());
			await agree(source, peer);
			await loaded(source);
		},
	);

	it("connects again when the server completes the subscription by itself", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.completeStreams();
		await vi.waitFor(() => expect(peer.openedSockets).toBe(2), soon);
		await loaded(source);
		expect(source.seen.lines.join()).toContain("CloudGrid ended the live subscription");
	});

	it("an error without a number is a fault that may pass; a number we do not know is judged by its own word", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.sendNext({ errors: [{ message: "Unexpected error." }] });
		await vi.waitFor(() => expect(source.seen.lines.join()).toContain("Unexpected error."), soon);
		await loaded(source);
		peer.sendNext({ errors: [{ message: "no", extensions: { problem: { id: "ERR-099", retryable: false } } }] });
		const message = "CloudGrid: no (ERR-099)";
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", message }), soon);
	});
});

describe("credentials of CloudGrid", () => {
	it("are sent with the connection and with each query, and let only their project's traces through", async () => {
		const peer = await startPeer({ mode: "sso" });
		peer.tokens.set(TOKEN, { scopes: ["telemetry:read", "telemetry:live"], project: "mine" });
		peer.addTrace({ project: "mine" });
		peer.addTrace({ project: "theirs" });
		const source = makeSource(peer.url, { token: TOKEN });
		source.connect();
		await loaded(source);
		peer.addTrace({ project: "theirs" });
		const own = peer.addTrace({ project: "mine" });
		await vi.waitFor(() => expect(source.store.entry(own)).toBeDefined(), soon);
		expect(source.store.traceCount).toBe(2);
		expect(source.seen.lines.join()).not.toContain(TOKEN);
	});

	it.each([
		[undefined, "unauthorized"],
		["wrong", "unauthorized"],
		["reader", "forbidden"],
	] as const)("token %s shows as %s although the connection was acknowledged", async (token, reason) => {
		const peer = await startPeer({ mode: "sso" });
		peer.tokens.set("reader", { scopes: ["telemetry:read"], project: "default" });
		const source = makeSource(peer.url, { token });
		source.connect();
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", reason }), soon);
		expect(source.seen.states).not.toContain("open");
		expect(peer.openedSockets).toBe(1);
	});

	it("are in no text, also when the server repeats them", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { token: TOKEN });
		source.connect();
		await loaded(source);
		const message = `who is Bearer ${TOKEN}?`;
		peer.httpAnswer = {
			status: 200,
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ errors: [{ message, extensions: { code: "VALIDATION_FAILED" } }] }),
		};
		await expect(source.refresh(never)).rejects.toThrow("who is Bearer …?");
		peer.httpAnswer = { status: 503, headers: { "content-type": "text/plain" }, body: message };
		await expect(source.refresh(never)).rejects.toThrow("who is Bearer …?");
		peer.sendNext({ errors: [{ message, extensions: { code: "VALIDATION_FAILED" } }] });
		await vi.waitFor(() => expect(source.status.state.name).toBe("failed"), soon);
		peer.httpAnswer = undefined;
		source.reconnect();
		await loaded(source);
		peer.closeSockets(4403, TOKEN);
		await vi.waitFor(() => expect(source.status.state.name).toBe("failed"), soon);
		expect(source.seen.lines.join()).toContain("who is Bearer …?");
		expect(source.seen.lines.join()).not.toContain(TOKEN);
	});
});

describe("CloudGrid's connection", () => {
	it.each([
		[1000, "waiting", "ended"],
		[1001, "waiting", "ended"],
		[1011, "waiting", "serverError"],
		[4409, "waiting", "ended"],
		[4429, "waiting", "rateLimited"],
		[4400, "failed", "protocol"],
		[4401, "failed", "unauthorized"],
		[4403, "failed", "forbidden"],
	] as const)("closed with %i is %s, %s", async (code, name, reason) => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { minBackoffMs: 1000 });
		source.connect();
		await loaded(source);
		peer.closeSockets(code, "bye");
		const message = expect.stringContaining(`${code}, bye`);
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name, reason, message }), soon);
		expect(peer.openedSockets).toBe(1);
	});

	it.each([
		[401, "failed", "unauthorized"],
		[403, "failed", "forbidden"],
		[404, "failed", "notFound"],
		[429, "waiting", "rateLimited"],
		[500, "waiting", "serverError"],
		[503, "waiting", "serverError"],
		[200, "failed", "contentType"],
		[302, "failed", "contentType"],
	] as const)("refused with HTTP %i is %s, %s", async (status, name, reason) => {
		const peer = await startPeer();
		peer.upgradeAnswer = { status, headers: { "retry-after": "120" } };
		const source = makeSource(peer.url);
		source.connect();
		const got = status < 400 ? `expected a WebSocket, got HTTP ${status}` : `HTTP ${status}`;
		const message = expect.stringContaining(`WebSocket /graphql: ${got}`);
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name, reason, message }), soon);
		const { state } = source.status;
		// The server has named a time.
		if (state.name === "waiting") expect(state.retryAtMs - Date.now()).toBeGreaterThan(100_000);
		peer.upgradeAnswer = undefined;
		source.reconnect();
		await loaded(source);
	});

	it("waits about a second after a close, and twice as long each time while it repeats", async () => {
		const peer = await startPeer();
		const gone = peer.url;
		await peer.stop();
		// The time of day stands still, so that waits are seen exactly.
		vi.useFakeTimers({ toFake: ["Date"] });
		const waitsOf = (minBackoffMs: number | undefined, count: number) => {
			const { promise, resolve } = Promise.withResolvers<number[]>();
			const waits: number[] = [];
			const source = makeSource(gone, { minBackoffMs, random: () => 1 });
			source.onDidChangeStatus(({ state }) => {
				if (state.name !== "waiting" || waits.push(state.retryAtMs - Date.now()) < count) return;
				source.disconnect();
				resolve(waits);
			});
			source.connect();
			return promise;
		};
		expect(await waitsOf(undefined, 1)).toEqual([1000]);
		expect(await waitsOf(10, 5)).toEqual([20, 40, 80, 160, 320]);
	});

	it("leaves Live when nothing is heard for as long as the watchdog allows, and comes back", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { watchdogMs: 100 });
		source.connect();
		await loaded(source);
		peer.isMute = true;
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "waiting", reason: "stale" }), {
			...soon,
			interval: 1,
		});
		peer.isMute = false;
		peer.silently(() => peer.addTrace());
		source.reconnect();
		await loaded(source);
		await agree(source, peer);
	});

	it("stays Live by heartbeats alone, and waits for three of them where they come slowly", async () => {
		const peer = await startPeer({ heartbeatMs: 120 });
		const source = makeSource(peer.url, { watchdogMs: 200 });
		source.connect();
		await loaded(source);
		await vi.waitFor(() => expect(source.status.watchdogMs).toBeGreaterThanOrEqual(330), soon);
		expect(peer.openedSockets).toBe(1);
		// As the setting says, where the first three would come too late.
		expect(makeSource(peer.url, { options: { heartbeatSeconds: 60 } }).status.watchdogMs).toBe(180_000);
		expect(makeSource(peer.url).status.watchdogMs).toBe(45_000);
	});

	it("gives up a connection that is accepted and never answers", async () => {
		const peer = await startPeer();
		peer.isMute = true;
		vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
		const source = makeSource(peer.url);
		source.connect();
		while (peer.socketCount === 0) await new Promise((resolve) => setImmediate(resolve));
		vi.advanceTimersByTime(15_000);
		expect(source.status.state).toMatchObject({ name: "waiting", reason: "timeout", message: "no answer within 15 s" });
		while (peer.socketCount > 0) await new Promise((resolve) => setImmediate(resolve));
		source.dispose();
		expect(vi.getTimerCount()).toBe(0);
	});

	it.each([
		["no JSON", "hello"],
		["JSON that is no message", '{"type":"surprise"}'],
		["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x00])],
		["a message of 17 MB", "x".repeat(17_000_000)],
	])("comes back after %s", async (_what, frame) => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.sendRaw(frame);
		const words = "the server sent what is no graphql-transport-ws message";
		await vi.waitFor(() => expect(source.seen.lines.join()).toContain(words), soon);
		await loaded(source);
		peer.addTrace();
		await agree(source, peer);
	});

	it("counts events that say nothing usable and goes on", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		for (const data of [null, {}, { liveTraces: null }, { liveTraces: { type: "added", seq: 2, trace: { id: 5 } } }]) {
			peer.sendNext({ data });
		}
		await vi.waitFor(() => expect(source.status.undecodable).toBe(4), soon);
		peer.addTrace();
		await agree(source, peer);
		expect(source.status.state.name).toBe("open");
	});

	it("shows settings that make no sense as failed, with what they take, and asks nobody", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { options: { minDurationMs: 5, maxDurationMs: 1 } });
		source.connect();
		const message = "options of this source: minDurationMs must not be greater than maxDurationMs";
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", message }), soon);
		expect(peer.socketCount).toBe(0);
	});

	it("shows an address that is none as failed", async () => {
		const source = makeSource("ftp://somewhere");
		source.connect();
		const message = expect.stringContaining("must begin with http: or https:");
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", message }), soon);
	});

	it.each(["connecting", "open", "waiting", "rereading"])(
		"leaves no timer and no socket behind when it is disposed of while %s",
		async (moment) => {
			const peer = await startPeer();
			const id = peer.addTrace();
			// What keeps the process alive; connections that fetch keeps for later do not.
			const resources = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
			const atRest = resources();
			const source = makeSource(peer.url, { reconcileMs: 60_000, minBackoffMs: 60_000 });
			const until = async (isSo: () => boolean) => {
				while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
			};
			source.connect();
			if (moment !== "connecting") await until(() => source.status.isLoaded);
			if (moment === "waiting") {
				peer.dropSockets();
				await until(() => source.status.state.name === "waiting");
			}
			if (moment === "rereading") {
				source.store.pin(id);
				peer.addSpan(id);
				await until(() => source.status.received > 0);
			}
			expect(resources()).toBeGreaterThan(atRest);
			source.dispose();
			source.dispose();
			expect(source.status.state.name).toBe("disposed");
			const deadlineMs = performance.now() + 2000;
			await until(() => (peer.webSocketCount === 0 && resources() <= atRest) || performance.now() > deadlineMs);
			expect(peer.webSocketCount).toBe(0);
			expect(resources()).toBeLessThanOrEqual(atRest);
		},
	);
});

describe("a list of CloudGrid that cannot be read", () => {
	const page = { status: 200, headers: { "content-type": "text/html" }, body: "<html>Sign in</html>" };
	const later = { "retry-after": "120" };

	it.each([
		["401", { status: 401 }, "unauthorized"],
		["403", { status: 403 }, "forbidden"],
	] as const)("with %s ends Live, and says why", async (_what, answer, reason) => {
		const peer = await startPeer();
		peer.httpAnswer = answer;
		const source = makeSource(peer.url);
		source.connect();
		const failed = { state: { name: "failed", reason, message: expect.stringContaining(String(answer.status)) } };
		await vi.waitFor(() => expect(source.status).toMatchObject(failed), soon);
		peer.httpAnswer = undefined;
		source.reconnect();
		await loaded(source);
	});

	it.each([
		["404", { status: 404 }, "HTTP 404"],
		["429", { status: 429 }, "HTTP 429"],
		["500", { status: 500 }, "HTTP 500"],
		["503", { status: 503 }, "HTTP 503"],
		["a page", page, "got a page; is this the address of a CloudGrid server?"],
		["half an answer", { ...page, body: '{"data":{"traces":{"items":[' }, "expected GraphQL's JSON"],
		["an answer without data", { ...page, body: '{"data":{}}' }, "holds no list of traces"],
		["another answer", { ...page, body: "[]" }, "expected GraphQL's JSON"],
	] as const)("with %s is said while Live goes on, and asked for again", async (_what, answer, words) => {
		const peer = await startPeer();
		const stored = peer.addTrace();
		peer.httpAnswer = answer;
		const source = makeSource(peer.url);
		source.connect();
		const requestError = expect.stringContaining(words);
		await vi.waitFor(() => expect(source.status).toMatchObject({ requestError, isLoaded: false }), soon);
		const live = peer.addTrace();
		await vi.waitFor(() => expect(source.store.entry(live)).toBeDefined(), soon);
		expect(source.store.entry(stored)).toBeUndefined();
		expect(source.status.state.name).toBe("open");
		peer.httpAnswer = undefined;
		await loaded(source);
		await agree(source, peer);
		expect(source.status.requestError).toBeUndefined();
		expect(peer.openedSockets).toBe(1);
	});

	it("is asked for less and less often, and not before the time that the server names", async () => {
		const peer = await startPeer();
		let asked = 0;
		const counting: typeof fetch = (...given) => {
			asked++;
			return fetch(...given);
		};
		peer.httpAnswer = { status: 503 };
		vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
		const source = makeSource(peer.url, { fetch: counting, minBackoffMs: 1000 });
		let failures = 0;
		source.onDidChangeStatus(({ requestError }) => {
			// Announced at once when an answer was judged; a counter that moved, a quarter of a second later, says the same again.
			if (requestError !== undefined) failures = asked;
		});
		source.connect();
		const waits = [2000, 4000, 8000, 16_000, 30_000, 120_000];
		const turn = () => new Promise((resolve) => setImmediate(resolve));
		for (const [index, waitMs] of waits.entries()) {
			while (failures <= index) await turn();
			vi.advanceTimersByTime(waitMs - 1);
			for (let count = 0; count < 10; count++) await turn();
			expect(asked).toBe(index + 1);
			if (index === 4) peer.httpAnswer = { status: 429, headers: later };
			vi.advanceTimersByTime(1);
			while (asked === index + 1) await turn();
		}
	});

	it.each([false, true])(
		"with a numbered error is judged by it, whatever its HTTP status (told: %s)",
		async (isTold) => {
			const peer = await startPeer();
			peer.areStatusesTold = isTold;
			const cases: readonly (readonly [ProblemId, string, SourceError["reason"]])[] = [
				["ERR-006", "open", "serverError"],
				["ERR-012", "open", "timeout"],
				["ERR-016", "failed", "forbidden"],
				["ERR-023", "failed", "protocol"],
			];
			for (const [problem, name, reason] of cases) {
				peer.queryProblem = problem;
				const source = makeSource(peer.url);
				source.connect();
				await vi.waitFor(() => expect(source.seen.lines.join()).toContain(problem), soon);
				await vi.waitFor(() => expect(source.status.state.name).toBe(name), soon);
				const message = expect.stringContaining(problem);
				await expect(source.refresh(never)).rejects.toMatchObject({ reason, message });
			}
		},
	);

	it("asks in smaller pages where the server's limit is set lower", async () => {
		const peer = await startPeer();
		peer.maxPage = 100;
		for (let index = 0; index < 130; index++) peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		await agree(source, peer);
	});

	it("that is not in the order that was asked for takes nothing for gone", async () => {
		const peer = await startPeer();
		const kept = peer.addTrace();
		const source = makeSource(peer.url, { snapshotTraces: 2 });
		source.connect();
		await loaded(source);
		const at = (id: string, startedAt: string) => ({ id, startedAt, attributes: {}, spanCount: 1 });
		const items = [at("t1", "2026-03-06T08:00:00.000Z"), at("t2", "2026-03-06T10:00:00.000Z")];
		const body = JSON.stringify({ data: { traces: { items, nextCursor: "more" } } });
		peer.httpAnswer = { status: 200, headers: { "content-type": "application/json" }, body };
		await source.refresh(never);
		expect([...source.store.entries()].map((entry) => entry.traceId).sort()).toEqual([kept, "t1", "t2"]);
	});

	it("does not go round in a circle after a cursor that comes again, and takes nothing for gone", async () => {
		const peer = await startPeer();
		const kept = peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		await agree(source, peer);
		const items = [{ id: "t1", startedAt: "2026-03-06T08:00:00.000Z", attributes: {}, spanCount: 1 }];
		peer.httpAnswer = {
			status: 200,
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ data: { traces: { items, nextCursor: "again" } } }),
		};
		await source.refresh(never);
		expect(source.store.entry("t1")).toBeDefined();
		// Newer than what was listed, and not listed.
		expect(source.store.entry(kept)).toBeUndefined();
		peer.httpAnswer = undefined;
		await source.refresh(never);
		await agree(source, peer);
	});
});
