import { describe, expect, it, vi } from "vitest";
import type { TraceDocument } from "../peers/tracellmDocument.ts";
import { agree, connected, has, idsOf, loaded, makeSource, signal, soon, startPeer } from "./support/tracellm.ts";

const FULL = {
	trace_id: "tr-501",
	prompt: "Summarise the minutes",
	response: "Three decisions were taken.",
	latency: 912.4,
	token_count: 148,
	model_name: "gpt-4.1-mini",
	project_name: "shop",
	api_key: "tlm_sk_topsecret",
	created_at: "2026-03-06T09:00:00Z",
	steps: [
		{
			tool_name: "search",
			input: { q: "minutes" },
			output: { hits: 3 },
			duration: 120.5,
			timestamp: "2026-03-06T09:00:00.200000Z",
		},
	],
};

describe("a TraceLLM server", () => {
	it("is read on the first connect, a root for the call and a child for each step", async () => {
		const peer = await startPeer();
		peer.save(FULL);
		const source = makeSource(peer.url);
		await connected(source);
		expect(source.store.summary("tr-501")).toMatchObject({
			name: "Summarise the minutes",
			state: "completed",
			spanCount: 2,
			serviceName: "shop",
			start: { ms: Date.parse("2026-03-06T09:00:00Z"), subNs: 0 },
			end: { ms: Date.parse("2026-03-06T09:00:00.912Z"), subNs: 400_000 },
		});
		expect(source.store.span("tr-501", "step_1")).toMatchObject({
			parentSpanId: "tr-501",
			name: "search",
			end: { ms: Date.parse("2026-03-06T09:00:00.320Z"), subNs: 500_000 },
		});
		expect(source.status).toMatchObject({ requestError: undefined, mode: undefined, undecodable: 0 });
	});

	it("is followed live by its WebSocket, each trace once", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		peer.save({ trace_id: "a", steps: [{ tool_name: "x" }, { tool_name: "y" }] });
		await has(source, ["a"]);
		expect(source.store.summary("a")?.spanCount).toBe(3);
		expect(source.status.received).toBe(1);
		// Saved anew: the same row, with what it says now, and without the step that it no longer has.
		peer.save({ trace_id: "a", prompt: "second thoughts", steps: [{ tool_name: "x" }] });
		await vi.waitFor(
			() => expect(source.store.summary("a")).toMatchObject({ name: "second thoughts", spanCount: 2 }),
			soon,
		);
		expect(idsOf(source)).toEqual(["a"]);
	});

	it("shows a trace that another process saved within the refresh interval, connected or not", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		peer.saveElsewhere({ trace_id: "silent" });
		await has(source, ["silent"]);
		expect(source.status.state.name).toBe("open");
		peer.everySocket = { type: "status", status: 503 };
		peer.dropSockets();
		await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), soon);
		peer.saveElsewhere({ trace_id: "while away" });
		await has(source, ["silent", "while away"]);
	});

	it("shows a trace that is in the storage and came by WebSocket once", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		for (let index = 0; index < 20; index++) peer.save({ trace_id: `t${index}`, steps: [{}] });
		await agree(source, peer);
		await source.refresh(signal);
		await agree(source, peer);
		expect(source.store.spanCount).toBe(40);
	});

	it("counts a warning and a failure as errors, and says which is which", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 10; index++) peer.save({ trace_id: `ok${index}`, status: "success" });
		peer.save({ trace_id: "failed", status: "failed", failure_reason: "no quota" });
		peer.save({ trace_id: "warned", retry_count: 2 });
		const source = makeSource(peer.url);
		await connected(source);
		const states = idsOf(source).map((traceId) => source.store.summary(traceId)?.state);
		expect(states.filter((state) => state === "completed")).toHaveLength(10);
		expect(states.filter((state) => state === "failed")).toHaveLength(2);
		expect(source.store.summary("failed")).toMatchObject({ error: "no quota", tags: ["env:development"] });
		expect(source.store.summary("warned")).toMatchObject({
			error: "warning: 2 retries",
			tags: ["env:development", "warning", "retries:2"],
		});
	});

	it("drops what the storage no longer has, and takes back what is saved again", async () => {
		const peer = await startPeer();
		for (const trace_id of ["a", "b", "c"]) peer.save({ trace_id });
		const source = makeSource(peer.url);
		await connected(source);
		peer.remove("b");
		await has(source, ["a", "c"]);
		peer.saveElsewhere({ trace_id: "b" });
		await has(source, ["a", "b", "c"]);
		peer.traces.clear();
		await has(source, []);
	});

	it("never lets an older version of a trace replace a newer one", async () => {
		const peer = await startPeer();
		const old = peer.save({ trace_id: "a", prompt: "old" }) as TraceDocument;
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		const later = new Date(Date.parse(old.updated_at) + 1000).toISOString();
		peer.announce({ ...old, prompt: "new", updated_at: later });
		await vi.waitFor(() => expect(source.store.summary("a")?.name).toBe("new"), soon);
		await source.refresh(signal);
		peer.announce(old);
		peer.save({ trace_id: "after" });
		await has(source, ["a", "after"]);
		expect(source.store.summary("a")?.name).toBe("new");
	});

	it("keeps a trace that came by WebSocket while an older list was on its way", async () => {
		const peer = await startPeer();
		const old = peer.save({ trace_id: "old" }) as TraceDocument;
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		await source.refresh(signal);
		let release = () => {};
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		peer.beforeAnswer = () => held;
		peer.nextAnswers.push({ type: "bytes", bytes: JSON.stringify({ total: 1, items: [old] }) });
		const asked = peer.requests.length;
		const refreshed = source.refresh(signal);
		await vi.waitFor(() => expect(peer.requests.length).toBeGreaterThan(asked), soon);
		peer.save({ trace_id: "new" });
		await has(source, ["new", "old"]);
		release();
		await refreshed;
		expect(idsOf(source)).toEqual(["new", "old"]);
	});

	it("lets a filter by model go to the server, and holds events to it", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "stored", model: "gpt-4.1-mini" });
		peer.save({ trace_id: "other", model: "o3" });
		const source = makeSource(peer.url, { filter: { model: "gpt-4.1-mini" } });
		await connected(source);
		expect(peer.requests.filter(({ path }) => path === "/api/traces").map(({ query }) => query.get("model"))).toContain(
			"gpt-4.1-mini",
		);
		peer.save({ trace_id: "other event", model: "o3" });
		peer.save({ trace_id: "event", model: "gpt-4.1-mini" });
		await has(source, ["event", "stored"]);
	});

	it("shows spans of one kind where the filter says so", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "with tools", steps: [{}, {}] });
		peer.save({ trace_id: "without" });
		const source = makeSource(peer.url, { filter: { kind: "tool" } });
		await connected(source);
		expect(idsOf(source)).toEqual(["with tools"]);
		expect(source.store.spanCount).toBe(2);
	});

	it("knows nothing that TraceLLM does not: it offers neither sessions nor deletion nor files", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		expect(source.capabilities).toEqual({ replay: false, delete: false, filters: true, sessions: false, files: false });
		await expect(source.deleteTrace("a", signal)).rejects.toMatchObject({ reason: "unsupported" });
		await expect(source.loadOverview("all", signal)).rejects.toMatchObject({ reason: "unsupported" });
	});
});

describe("history beyond one list of 200", () => {
	it("is reached through ranges of latency and tokens, whole and once", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 1500; index++) {
			peer.saveElsewhere({
				trace_id: `t${index}`,
				created_at: new Date(Date.UTC(2026, 0, 1) + index * 1000),
				// Many of one latency, and many of one latency and one count of tokens.
				latency: index % 3 === 0 ? 0 : (index % 50) * 0.1,
				token_count: index % 7 === 0 ? 0 : index,
			});
		}
		const source = makeSource(peer.url, { settings: { refreshSeconds: 3600 } });
		await connected(source);
		expect(source.store.traceCount).toBe(200);
		expect(source.hasMore).toBe(true);
		for (let portion = 0; portion < 100 && source.hasMore; portion++) await source.loadMore(signal);
		expect(source.store.traceCount).toBe(1500);
		expect(source.hasMore).toBe(false);
		expect(source.store.spanCount).toBe(1500);
	});

	it("is caught up with after a loss of more traces than one list brings", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "before" });
		const source = makeSource(peer.url);
		await connected(source);
		await peer.stop();
		await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), soon);
		for (let index = 0; index < 500; index++) {
			peer.saveElsewhere({ trace_id: `t${index}`, created_at: new Date(Date.now() + index), latency: index });
		}
		await peer.start();
		await agree(source, peer);
	});
});

describe("a server that goes away", () => {
	it("is found again at the same port, with what was saved meanwhile, nothing lost and nothing twice", async () => {
		const peer = await startPeer();
		peer.save({ trace_id: "before", steps: [{}] });
		const source = makeSource(peer.url);
		await connected(source);
		await peer.stop();
		await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), soon);
		peer.saveElsewhere({ trace_id: "meanwhile", steps: [{}, {}] });
		await peer.start();
		await loaded(source);
		await agree(source, peer);
		peer.save({ trace_id: "after" });
		await agree(source, peer);
		expect(source.store.spanCount).toBe(6);
		// The three spans of what was saved meanwhile, and nothing of what was there.
		expect(source.status.recovered).toBe(3);
		expect(source.status.requestError).toBeUndefined();
	});

	it("is reconnected to after a proper close, too", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		await connected(source);
		peer.dropSockets(1001);
		await vi.waitFor(() => expect(peer.handshakes).toBeGreaterThanOrEqual(2), soon);
		await loaded(source);
	});

	it("is noticed when it falls silent without closing", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { watchdogMs: 300, minBackoffMs: 5000 });
		await connected(source);
		peer.isMute = true;
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "waiting", reason: "stale" }), soon);
		peer.isMute = false;
		source.reconnect();
		await loaded(source);
	});

	it("is kept awake by pings while it has nothing to say", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { watchdogMs: 300 });
		await connected(source);
		await vi.waitFor(() => expect(peer.received.length).toBeGreaterThan(6), soon);
		expect(peer.received.every((text) => JSON.parse(text).type === "ping")).toBe(true);
		expect(peer.handshakes).toBe(1);
	});
});

describe("the waits between attempts", () => {
	it("are 1, 2, 4, 8, 16, 30, 30 s, and begin anew with 1 after a success", async () => {
		const peer = await startPeer();
		peer.everySocket = { type: "status", status: 503 };
		const source = makeSource(peer.url, { minBackoffMs: undefined, settings: { refreshSeconds: 3600 } });
		const waits: number[] = [];
		source.onDidChangeStatus(({ state }) => {
			if (state.name === "waiting" && waits.at(-1) !== state.retryAtMs) waits.push(state.retryAtMs);
		});
		vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
		try {
			source.connect();
			const delays: number[] = [];
			for (let attempt = 0; attempt < 7; attempt++) {
				await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), { timeout: 10_000, interval: 1 });
				const { state } = source.status;
				if (state.name !== "waiting") throw new Error(state.name);
				delays.push(Math.round((state.retryAtMs - Date.now()) / 1000));
				if (attempt === 6) peer.everySocket = undefined;
				vi.advanceTimersByTime(state.retryAtMs - Date.now());
			}
			expect(delays).toEqual([1, 2, 4, 8, 16, 30, 30]);
			await vi.waitFor(() => expect(source.status.state.name).toBe("open"), { timeout: 10_000, interval: 1 });
			peer.dropSockets();
			await vi.waitFor(() => expect(source.status.state.name).toBe("waiting"), { timeout: 10_000, interval: 1 });
			const { state } = source.status;
			expect(state.name === "waiting" && Math.round((state.retryAtMs - Date.now()) / 1000)).toBe(1);
		} finally {
			vi.useRealTimers();
		}
	});
});
