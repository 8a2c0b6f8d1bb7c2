import { afterEach, describe, expect, it, vi } from "vitest";
import type { Logger } from "../../src/base/logger.ts";
import { TraceStore } from "../../src/model/traceStore.ts";
import type { Source, SourceConfig, SourceMemory } from "../../src/sources/source.ts";
import { createTracewaySource, type TracewaySourceOptions } from "../../src/sources/traceway/tracewaySource.ts";
import { differences, modelOfStore } from "../peers/storeModel.ts";
import { type PeerOptions, TracewayPeer } from "../peers/tracewayPeer.ts";

const soon = { timeout: 10_000, interval: 5 };
const until = (check: () => void) => vi.waitFor(check, soon);
const never = new AbortController().signal;
const ends: (() => Promise<void> | void)[] = [];
const logged: string[] = [];
const logger: Logger = {
	error: (line) => logged.push(line),
	warn: (line) => logged.push(line),
	info: (line) => logged.push(line),
	debug: (line) => logged.push(line),
};

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
	logged.length = 0;
});

async function startPeer(options: Partial<PeerOptions> = {}): Promise<TracewayPeer> {
	const peer = await TracewayPeer.start({ dialect: "L", ...options });
	ends.push(() => peer.close());
	return peer;
}

type MadeOptions = Partial<TracewaySourceOptions> & { filter?: SourceConfig["filter"] };

function makeSource(url: string, { filter, ...options }: MadeOptions = {}): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "test", type: "traceway", url, filter },
		logger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		gapGraceMs: 20,
		probeMs: 100,
		...options,
	});
	ends.push(() => source.dispose());
	return source;
}

async function loadedSource(peer: TracewayPeer, options: MadeOptions = {}): Promise<Source> {
	const source = makeSource(peer.url, options);
	source.connect();
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
	return source;
}

const agree = (source: Source, peer: TracewayPeer) => until(() => expect(differences(source.store, peer)).toEqual([]));

/** A trace of so many completed spans. */
function addTrace(peer: TracewayPeer, spans = 1, name = "run"): string {
	const trace = peer.createTrace({ name });
	for (let index = 0; index < spans; index++) peer.completeSpan(peer.createSpan(trace.id).id);
	return trace.id;
}

describe("tokens", () => {
	it("fails on 401, and asks for the token again when told to reconnect", async () => {
		const peer = await startPeer({ token: "tw_sk_right" });
		addTrace(peer);
		let token: string | undefined;
		const source = makeSource(peer.url, { getToken: async () => token });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }));
		token = "tw_sk_wrong";
		source.reconnect();
		await until(() => expect(peer.streamRequests().at(-1)?.headers.authorization).toBe("Bearer tw_sk_wrong"));
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }));
		token = "tw_sk_right";
		source.reconnect();
		await agree(source, peer);
		expect(source.status.state.name).toBe("open");
		expect(peer.requests.some((request) => request.query.has("token"))).toBe(false);
	});

	it("puts the token into the query only when the stream refuses the header that REST takes, and remembers it", async () => {
		const peer = await startPeer({ token: "tw_sk_secret", streamTokenIn: "query" });
		addTrace(peer);
		const saved: SourceMemory[] = [];
		const options: MadeOptions = { getToken: async () => "tw_sk_secret", saveMemory: (memory) => saved.push(memory) };
		const source = await loadedSource(peer, options);
		const states: string[] = [];
		source.onDidChangeStatus((status) => states.push(status.state.name));
		expect(peer.streamRequests().map((request) => request.query.get("token"))).toEqual([null, "tw_sk_secret"]);
		expect(peer.streamRequests()[1].headers.authorization).toBeUndefined();
		await until(() => expect(saved.at(-1)).toMatchObject({ isTokenInQuery: true }));
		expect(peer.requests.filter((request) => !request.path.endsWith("/events") && request.query.has("token"))).toEqual(
			[],
		);

		const again = await loadedSource(peer, { ...options, memory: saved.at(-1) });
		await agree(again, peer);
		expect(peer.streamRequests().at(-1)?.query.get("token")).toBe("tw_sk_secret");
		expect(peer.streamRequests()).toHaveLength(3);
		expect(logged.join("\n")).not.toContain("tw_sk_secret");
		expect(JSON.stringify([source.status, again.status, saved])).not.toContain("tw_sk_secret");
	});

	it("never shows connecting and failed by turns while it looks for the right place", async () => {
		const peer = await startPeer({ token: "t", streamTokenIn: "query" });
		const source = makeSource(peer.url, { getToken: async () => "t" });
		const states: string[] = [];
		source.onDidChangeStatus((status) => {
			if (states.at(-1) !== status.state.name) states.push(status.state.name);
		});
		source.connect();
		await until(() => expect(source.status.isLoaded).toBe(true));
		expect(states).toEqual(["connecting", "open"]);
	});

	it("refuses a token that no header can carry, without showing it", async () => {
		const peer = await startPeer({ token: "x" });
		const source = makeSource(peer.url, { getToken: async () => "sécret\nx-evil: 1" });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "unauthorized" }));
		expect(logged.join("\n") + JSON.stringify(source.status)).not.toContain("cret");
		expect(peer.requests).toEqual([]);
	});

	it("hides a token that the server repeats in an error", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer, {
			getToken: async () => "tw_sk_secret",
			fetch: async (input, init) => {
				if (String(input).includes("/spans/")) {
					return Response.json({ error: "no right for tw_sk_secret" }, { status: 403 });
				}
				return await globalThis.fetch(input, init);
			},
		});
		await expect(source.loadSpan("t", "s", never)).rejects.toThrow("no right for …");
		expect(logged.join("\n")).not.toContain("tw_sk_secret");
	});
});

describe("what the stream does wrong", () => {
	it("is applied once when it is sent again", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		addTrace(peer, 5);
		await agree(source, peer);
		const before = source.store.revision;
		peer.resend([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
		addTrace(peer, 1, "after");
		await agree(source, peer);
		expect(source.status.replayed).toBe(11);
		expect(source.store.revision).toBeGreaterThan(before);
		expect(source.status.recovered).toBe(0);
	});

	it("is put right without a snapshot when events only come out of order", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer, { gapGraceMs: 5000 });
		const listings = peer.requests.filter((request) => request.path.endsWith("/spans")).length;
		peer.skipDelivery(6);
		addTrace(peer, 2);
		addTrace(peer, 1, "later");
		await until(() => expect(source.store.traceCount).toBe(1));
		expect(source.status.lastEventId).toBe("0");
		peer.resend([5, 3, 1, 4, 2, 6]);
		await agree(source, peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		expect(peer.requests.filter((request) => request.path.endsWith("/spans"))).toHaveLength(listings);
	});

	it("is noticed by a jump of the ids, and what was lost is read and counted", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		addTrace(peer);
		await agree(source, peer);
		peer.skipDelivery(5);
		addTrace(peer, 2, "lost");
		addTrace(peer, 1, "seen");
		await agree(source, peer);
		await until(() => expect(source.status.recovered).toBeGreaterThan(0));
		expect(source.status.lastEventId).toBe(String(peer.newestId));
	});

	it("is survived when a burst loses most of its events, as the Rust server does", async () => {
		const peer = await startPeer({ dialect: "R" });
		const source = await loadedSource(peer);
		for (let round = 0; round < 3; round++) {
			addTrace(peer, 40, `burst ${round}`);
			await agree(source, peer);
		}
		expect(source.status.received).toBeLessThan(3 * 81);
	});

	it("keeps the position before a hole, so that a reconnect brings it again", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer, { gapGraceMs: 60_000 });
		addTrace(peer);
		await agree(source, peer);
		peer.skipDelivery(1);
		peer.createTrace({ name: "lost" });
		peer.createTrace({ name: "seen" });
		await until(() => expect(source.store.traceCount).toBe(2));
		expect(source.status.lastEventId).toBe("3");
		peer.dropStreams();
		await agree(source, peer);
		expect(peer.streamRequests().at(-1)?.headers["last-event-id"]).toBe("3");
		expect(source.status.lastEventId).toBe("5");
	});

	it("is counted and skipped when it cannot be read or is unknown", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		peer.emit("{no json");
		peer.emit('{"type":"span_created","span":null}');
		peer.emit({ type: "moon_phase", phase: "full" });
		peer.emit({ type: "moon_phase", phase: "new" });
		peer.emit({ type: "eval_run_created", run: {} });
		addTrace(peer);
		await agree(source, peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		expect(source.status).toMatchObject({ undecodable: 2, unknownEvents: 2 });
		expect(logged.filter((line) => line.includes("moon_phase"))).toHaveLength(1);
	});

	it("is left when one event is larger than any bound, and the rest is read by REST", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		addTrace(peer);
		await agree(source, peer);
		const huge = `id: 99\ndata: ${"x".repeat(1024 * 1024)}`;
		peer.nextStreams.push({ type: "bytes", chunks: Array.from({ length: 70 }, () => huge) });
		peer.dropStreams();
		addTrace(peer, 1, "meanwhile");
		await agree(source, peer);
		await until(() => expect(source.status.state.name).toBe("open"));
		expect(peer.streamRequests().at(-1)?.headers["last-event-id"]).toBeUndefined();
	});

	it("is no news when the whole history is replayed on connect", async () => {
		const peer = await startPeer({ dialect: "E" });
		for (let index = 0; index < 20; index++) addTrace(peer, 3, `old ${index}`);
		peer.deleteTrace([...peer.traces.keys()][0]);
		const source = makeSource(peer.url);
		const fresh: string[] = [];
		source.store.onDidChange((changes) => fresh.push(...changes.newLiveTraceIds));
		source.connect();
		await until(() => expect(source.status.isLoaded).toBe(true));
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		await agree(source, peer);
		expect(fresh).toEqual([]);
		peer.isClockReal = true;
		const id = addTrace(peer, 1, "new");
		await agree(source, peer);
		source.store.flush();
		expect(fresh).toEqual([id]);
	});

	it("ends up right when a replayed history holds a clearing", async () => {
		const peer = await startPeer({ dialect: "E" });
		addTrace(peer, 3, "before");
		peer.clear();
		const kept = peer.silently(() => addTrace(peer, 2, "never told"));
		addTrace(peer, 2, "after");
		const source = await loadedSource(peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		await agree(source, peer);
		expect(source.store.entry(kept)).toBeDefined();
	});
});

describe("the log of events", () => {
	it("may have been pruned: the reset is followed by a snapshot", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		addTrace(peer);
		await agree(source, peer);
		peer.dropStreams();
		const doomed = [...peer.traces.keys()][0];
		for (let index = 0; index < 5; index++) addTrace(peer, 2);
		peer.deleteTrace(doomed);
		peer.prune(peer.newestId - 1);
		await agree(source, peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		await until(() => expect(source.status.recovered).toBeGreaterThan(0));
		addTrace(peer, 1, "live again");
		await agree(source, peer);
	});

	it.each(["L", "E", "D"] as const)(
		"may have begun anew (%s): new events are not taken for old ones",
		async (dialect) => {
			const peer = await startPeer({ dialect });
			peer.isClockReal = true;
			for (let index = 0; index < 10; index++) addTrace(peer);
			const source = await loadedSource(peer);
			addTrace(peer);
			await agree(source, peer);
			peer.dropStreams();
			peer.forgetLog();
			peer.traces.clear();
			peer.spans.clear();
			addTrace(peer, 1, "new world");
			await agree(source, peer);
			addTrace(peer, 2, "live");
			await agree(source, peer);
		},
	);

	it("replays ten thousand missed events, each once", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer);
		addTrace(peer);
		await agree(source, peer);
		peer.dropStreams();
		for (let index = 0; index < 50; index++) addTrace(peer, 100);
		await agree(source, peer);
		expect(source.status.replayed).toBe(50 * 201);
		expect(source.status.recovered).toBe(0);
		expect(peer.requests.filter((request) => request.path.endsWith("/spans"))).toHaveLength(1);
	});
});

describe("a window reload", () => {
	it("reads everything anew, and counts what was missed meanwhile", async () => {
		const peer = await startPeer();
		addTrace(peer, 3);
		let memory: SourceMemory = {};
		const source = await loadedSource(peer, { saveMemory: (saved) => (memory = saved) });
		addTrace(peer, 2);
		await agree(source, peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		source.dispose();
		expect(memory).toEqual({ position: "12" });
		addTrace(peer, 2, "missed");
		const again = await loadedSource(peer, { memory });
		await agree(again, peer);
		expect(peer.streamRequests().at(-1)?.headers["last-event-id"]).toBe("12");
		await until(() => expect(again.status.replayed).toBe(5));
		expect(again.status.lastEventId).toBe("17");
	});

	it("is not fooled by a position of a log that was forgotten", async () => {
		const peer = await startPeer();
		addTrace(peer);
		const source = await loadedSource(peer, { memory: { position: "5000" } });
		await agree(source, peer);
		addTrace(peer, 1, "live");
		await agree(source, peer);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
	});
});

describe("snapshots", () => {
	it("do not hold back what is live, however long they take", async () => {
		const peer = await startPeer();
		const old = addTrace(peer, 3, "old");
		const doomed = addTrace(peer, 3, "doomed");
		let answer: (() => void) | undefined;
		peer.beforeAnswer = async (request) => {
			if (request.path.endsWith("/spans")) await new Promise<void>((resolve) => (answer = resolve));
		};
		const source = makeSource(peer.url);
		const fresh: string[] = [];
		source.store.onDidChange((changes) => fresh.push(...changes.newLiveTraceIds));
		source.connect();
		await until(() => expect(answer).toBeDefined());
		const live = addTrace(peer, 2, "live");
		peer.deleteTrace(doomed);
		peer.failSpan([...peer.spans.keys()][0], "while reading");
		await until(() => expect(source.store.entry(live)?.rows).toHaveLength(2));
		expect(source.status.isLoaded).toBe(false);
		peer.beforeAnswer = undefined;
		answer?.();
		await until(() => expect(source.status.isLoaded).toBe(true));
		await agree(source, peer);
		source.store.flush();
		expect(fresh).toContain(live);
		expect(fresh).not.toContain(old);
	});

	it("do not bring back what was deleted, or remove what was created, while an old answer was on its way", async () => {
		const peer = await startPeer();
		const ids = [addTrace(peer, 3), addTrace(peer, 3), addTrace(peer, 3)];
		const spanIds = [...peer.spans.keys()];
		let isSlow = false;
		let deliver: (() => void) | undefined;
		const source = await loadedSource(peer, {
			fetch: async (input, init) => {
				const response = await globalThis.fetch(input, init);
				if (!isSlow || !new URL(String(input)).pathname.endsWith("/spans")) return response;
				const body = await response.text();
				await new Promise<void>((resolve) => (deliver = resolve));
				return new Response(body, { headers: { "content-type": "application/json" } });
			},
		});
		isSlow = true;
		const refreshed = source.refresh(never);
		await until(() => expect(deliver).toBeDefined());
		peer.deleteTrace(ids[0]);
		peer.deleteSpan(spanIds[4]);
		peer.failSpan(spanIds[5], "meanwhile");
		const created = addTrace(peer, 2, "created");
		await agree(source, peer);
		source.store.flush();
		const changed = new Set<string>();
		const removed: string[] = [];
		source.store.onDidChange((changes) => {
			for (const traceId of changes.changedTraces.keys()) changed.add(traceId);
			removed.push(...changes.removedTraceIds);
		});
		isSlow = false;
		deliver?.();
		await refreshed;
		source.store.flush();
		expect(differences(source.store, peer)).toEqual([]);
		expect(removed).toEqual([]);
		expect([...changed]).not.toContain(ids[0]);
		expect([...changed]).not.toContain(created);
	});

	/** Runs a change when the n-th request of this list arrives, before it is answered. */
	function during(peer: TracewayPeer, path: string, nth: number, change: () => void): void {
		let seen = 0;
		peer.beforeAnswer = (request) => {
			if (request.method === "GET" && request.path.endsWith(path) && ++seen === nth) change();
		};
	}

	it("lose nothing and double nothing of what happens while they are read", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 30; index++) addTrace(peer, 20);
		const ids = [...peer.traces.keys()];
		let reads = 0;
		peer.beforeAnswer = async (request) => {
			if (!request.path.endsWith("s") || reads++ > 8) return;
			addTrace(peer, 3, `during ${reads}`);
			if (reads === 3) peer.deleteTrace(ids[5]);
			if (reads === 4) peer.failSpan([...peer.spans.keys()][40], "late failure");
			// The events of these changes are on their way before the answer is.
			await new Promise((resolve) => setImmediate(resolve));
		};
		const source = await loadedSource(peer);
		await agree(source, peer);
	});

	it("are taken again when something was deleted meanwhile", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 30; index++) addTrace(peer, 20);
		const ids = [...peer.traces.keys()];
		during(peer, "/spans", 2, () => peer.deleteTrace(ids[28]));
		const source = await loadedSource(peer);
		await agree(source, peer);
	});

	it("that fail leave the stream live, say why, and are tried again", async () => {
		const peer = await startPeer();
		addTrace(peer, 2, "old");
		peer.restStatus = 500;
		const source = makeSource(peer.url);
		source.connect();
		await until(() => expect(source.status.requestError).toContain("HTTP 500"));
		expect(source.status).toMatchObject({ isLoaded: false, state: { name: "open" } });
		peer.silently(() => addTrace(peer, 1, "silent"));
		const live = addTrace(peer, 1, "live");
		await until(() => expect(source.store.entry(live)?.rows).toHaveLength(1));
		peer.restStatus = undefined;
		await until(() => expect(source.status).toMatchObject({ isLoaded: true, requestError: undefined }));
		await agree(source, peer);
	});

	it("bring what the stream never told, on refresh and on the timer", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer, { reconcileMs: 50 });
		peer.silently(() => addTrace(peer, 3, "silent"));
		await agree(source, peer);
		await until(() => expect(source.status.recovered).toBe(3));
		const quiet = await loadedSource(peer);
		peer.silently(() => peer.deleteTrace([...peer.traces.keys()][0]));
		await quiet.refresh(never);
		expect(differences(quiet.store, peer)).toEqual([]);
	});

	it("page through many spans, whatever their order and the size of a page", async () => {
		const peer = await startPeer({ dialect: "R" });
		peer.silently(() => {
			for (let index = 0; index < 25; index++) addTrace(peer, 100);
		});
		const source = await loadedSource(peer);
		await agree(source, peer);
		expect([...source.store.entries()].every((entry) => entry.isWhole)).toBe(true);
	});

	it("hold the newest traces only, and more on demand", async () => {
		const peer = await startPeer();
		peer.silently(() => {
			for (let index = 0; index < 60; index++) addTrace(peer, 3, `run ${index}`);
		});
		const source = await loadedSource(peer, { snapshotTraces: 25 });
		expect(source.hasMore).toBe(true);
		expect([...source.store.entries()].map((entry) => entry.name)).toContain("run 59");
		expect([...source.store.entries()].map((entry) => entry.name)).not.toContain("run 5");
		expect(await source.loadMore(never)).toBe(true);
		expect(await source.loadMore(never)).toBe(false);
		expect(source.hasMore).toBe(false);
		expect(differences(source.store, peer)).toEqual([]);
	});

	it.each([
		["says that there is more and not where", { has_more: true, next_cursor: null }],
		["counts more than it lists", { has_more: false, next_cursor: null, total: 99 }],
		["goes in circles", { has_more: true, next_cursor: "0", total: 99 }],
	])("remove nothing on the word of a list that %s", async (_what, lie) => {
		const peer = await startPeer();
		for (let index = 0; index < 5; index++) addTrace(peer, 2);
		let isLying = false;
		const source = await loadedSource(peer, {
			fetch: async (input, init) => {
				const response = await globalThis.fetch(input, init);
				if (!isLying || !/\/(traces|spans)$/.test(new URL(String(input)).pathname)) return response;
				const page = (await response.json()) as { items: unknown[] };
				return Response.json({ ...page, items: page.items.slice(0, 2), ...lie });
			},
		});
		isLying = true;
		await source.refresh(never);
		expect(differences(source.store, peer)).toEqual([]);
	});

	it("do not make the sign of life of an old trace look like a whole new one", async () => {
		const peer = await startPeer();
		let old = "";
		peer.silently(() => {
			old = addTrace(peer, 3, "old");
			for (let index = 0; index < 10; index++) addTrace(peer);
		});
		const source = await loadedSource(peer, { snapshotTraces: 5 });
		const fresh: string[] = [];
		source.store.onDidChange((changes) => fresh.push(...changes.newLiveTraceIds));
		peer.createSpan(old, { parent_id: "unknown parent" });
		await until(() => expect(source.store.entry(old)).toBeDefined());
		source.store.flush();
		expect(fresh).toEqual([]);
		expect(source.store.entry(old)?.isWhole).toBe(false);
		await source.loadTrace(old, never);
		expect(source.store.entry(old)).toMatchObject({ isWhole: true });
		expect(source.store.entry(old)?.rows).toHaveLength(4);
	});
});

describe("a filter", () => {
	const filter = { kind: "llm_call", model: "m1" };
	const llm = (model: string) => ({ type: "llm_call", model });

	it("is sent on the stream and holds here too, live and in the snapshot", async () => {
		// R ignores it on the stream.
		const peer = await startPeer({ dialect: "R" });
		peer.isClockReal = true;
		const first = peer.createTrace({ name: "first" });
		const wanted = peer.createSpan(first.id, { kind: llm("m1") });
		peer.createSpan(first.id, { kind: llm("m2") });
		addTrace(peer, 2, "other");
		const source = await loadedSource(peer, { filter });
		expect(modelOfStore(source.store)).toMatchObject({ traceIds: [first.id], spans: [{ spanId: wanted.id }] });
		expect(peer.streamRequests()[0].query.get("kind")).toBe("llm_call");
		expect(peer.streamRequests()[0].query.get("model")).toBe("m1");
		const second = peer.createTrace({ name: "second" });
		const later = peer.createSpan(second.id, { kind: { type: "custom", kind: "tool" } });
		await until(() => expect(source.status.received).toBeGreaterThan(0));
		peer.completeSpan(later.id, { kind: llm("m1") });
		await until(() => expect(source.store.span(second.id, later.id)?.state).toBe("completed"));
		expect(source.store.entry(second.id)?.name).toBe("second");
		expect(source.store.traceCount).toBe(2);
	});

	it("lets a span go that no longer matches", async () => {
		const peer = await startPeer();
		const source = await loadedSource(peer, { filter });
		const span = peer.createSpan(peer.createTrace().id, { kind: llm("m1") });
		await until(() => expect(source.store.spanCount).toBe(1));
		peer.completeSpan(span.id, { kind: llm("m2") });
		await until(() => expect(source.store.spanCount).toBe(0));
	});
});

describe("addresses", () => {
	it("fails in its own words on a server that answers everything with a page", async () => {
		const peer = await startPeer({ dialect: "R" });
		const source = makeSource(`${peer.url}/somewhere`);
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "contentType" }));
		await expect(source.loadTrace("t", never)).rejects.toThrow(/expected JSON, got text\/html; is this the address/);
	});

	it.each(["/", "/api", "/api/"])("takes %s at the end of an address", async (end) => {
		const peer = await startPeer();
		addTrace(peer);
		const source = makeSource(peer.url + end);
		source.connect();
		await agree(source, peer);
	});

	it.each(["", "nonsense", "ftp://127.0.0.1/", "http://user:pass@127.0.0.1/", "file:///etc"])(
		"fails at once on %j",
		async (url) => {
			const source = makeSource(url);
			source.connect();
			expect(source.status.state).toMatchObject({ name: "failed", reason: "protocol" });
			expect(source.status.state).not.toMatchObject({ message: expect.stringContaining("pass@") });
			await expect(source.loadTrace("t", never)).rejects.toMatchObject({ reason: "protocol" });
		},
	);

	it("fails on a server that has no stream under either prefix, and works once it has one", async () => {
		const peer = await startPeer();
		peer.nextStreams.push({ type: "status", status: 404 });
		const source = makeSource(peer.url);
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "notFound" }));
		source.reconnect();
		await until(() => expect(source.status.isLoaded).toBe(true));
	});

	it("waits while nobody listens, and connects once somebody does", async () => {
		const first = await startPeer();
		const { port } = first;
		const source = await loadedSource(first);
		await first.close();
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", reason: "network" }));
		const second = await startPeer({ port });
		addTrace(second);
		await agree(source, second);
	});
});

describe("requests", () => {
	it("bring a span with its whole payload", async () => {
		const peer = await startPeer();
		const trace = peer.createTrace();
		const span = peer.createSpan(trace.id, {
			kind: { type: "custom", kind: "tool", attributes: { "service.name": "shop", n: 1 } },
			input: { q: "hi" },
			output: ["a"],
		});
		const source = await loadedSource(peer);
		expect(await source.loadSpan(trace.id, span.id, never)).toMatchObject({
			summary: { spanId: span.id, kindName: "tool" },
			raw: { id: span.id, trace_id: trace.id },
			input: { q: "hi" },
			output: ["a"],
			attributes: { "service.name": "shop", n: 1 },
		});
		await expect(source.loadSpan(trace.id, "nobody", never)).rejects.toMatchObject({ reason: "notFound" });
	});

	it.each(["R", "E", "L"] as const)("search payloads (%s)", async (dialect) => {
		const peer = await startPeer({ dialect });
		const one = peer.createTrace();
		peer.createSpan(one.id, { input: { text: "Needle in hay" } });
		const two = peer.createTrace();
		peer.createSpan(two.id, { output: "needle" });
		peer.createSpan(peer.createTrace().id, { name: "hay" });
		const source = await loadedSource(peer);
		expect(await source.searchTraces({ text: "needle" }, never)).toEqual(new Set([one.id, two.id]));
		expect(await source.searchTraces({ input: "needle" }, never)).toEqual(new Set([one.id]));
		expect(await source.searchTraces({ text: "hay", output: "needle" }, never)).toEqual(new Set());
	});

	it.each(["D", "R", "L"] as const)("search the payloads of a trace by their list (%s)", async (dialect) => {
		const peer = await startPeer({ dialect });
		const trace = peer.createTrace();
		const one = peer.createSpan(trace.id, { input: { text: 'a "Needle" in hay' } });
		const two = peer.createSpan(trace.id, { output: 'no "needle"' });
		peer.createSpan(trace.id, { name: "hay" });
		peer.createSpan(peer.createTrace().id, { name: '"needle"' });
		const source = await loadedSource(peer);
		const find = async (text: string, isCaseSensitive: boolean) => {
			const found: string[] = [];
			for await (const hits of source.searchTrace(trace.id, { text, isCaseSensitive }, never)) {
				expect(hits.isEverywhere).toBe(false);
				found.push(...hits.spanIds);
			}
			return found.sort();
		};
		expect(await find("NEEDLE", false)).toEqual([one.id, two.id].sort());
		expect(await find("Needle", true)).toEqual([one.id]);
		expect(await find("nothing", false)).toEqual([]);
		// That the search of ours is not there is nothing wrong with the source.
		expect(source.status.requestError).toBeUndefined();
	});

	it("say that they cannot search in a trace (E)", async () => {
		const peer = await startPeer({ dialect: "E" });
		const id = addTrace(peer, 2);
		const source = await loadedSource(peer);
		const pages = source.searchTrace(id, { text: "needle", isCaseSensitive: false }, never)[Symbol.asyncIterator]();
		await expect(pages.next()).rejects.toMatchObject({ reason: "unsupported" });
	});

	it.each(["D", "R", "E", "L"] as const)("delete, also what is already gone (%s)", async (dialect) => {
		const peer = await startPeer({ dialect });
		const ids = [addTrace(peer, 2), addTrace(peer, 2), addTrace(peer, 2)];
		const source = await loadedSource(peer);
		await source.deleteTrace(ids[0], never);
		expect(source.store.entry(ids[0])).toBeUndefined();
		const spanId = [...peer.spans.values()].find((span) => span.trace_id === ids[1])?.id ?? "";
		await source.deleteSpan(ids[1], spanId, never);
		await agree(source, peer);
		peer.silently(() => peer.deleteTrace(ids[2]));
		await source.deleteTrace(ids[2], never);
		await agree(source, peer);
		await source.clearAll(never);
		expect(source.store.traceCount).toBe(0);
		expect(peer.traces.size).toBe(0);
	});

	it("never delete everything for the sake of an id that looks like a path", async () => {
		const peer = await startPeer();
		addTrace(peer, 2);
		const source = await loadedSource(peer);
		for (const id of [".", ".."]) {
			await expect(source.deleteTrace(id, never)).rejects.toMatchObject({ reason: "unsupported" });
		}
		await source.deleteTrace("../traces", never);
		await source.deleteTrace("?x=1#y", never);
		await source.deleteTrace("\ud800", never);
		expect(peer.traces.size).toBe(1);
	});

	it("say what went wrong and leave everything as it was", async () => {
		const peer = await startPeer();
		const id = addTrace(peer);
		const source = await loadedSource(peer);
		peer.restStatus = 403;
		await expect(source.deleteTrace(id, never)).rejects.toMatchObject({
			reason: "forbidden",
			message: expect.stringContaining("not now"),
		});
		expect(source.store.entry(id)).toBeDefined();
		peer.restStatus = undefined;
		peer.beforeAnswer = () => new Promise(() => undefined);
		const abort = new AbortController();
		const pending = source.loadTrace(id, abort.signal);
		abort.abort();
		await expect(pending).rejects.toMatchObject({ name: "AbortError" });
	});

	it.each(["D", "R", "E", "L"] as const)(
		"bring a trace that is too large for one answer, in pages (%s)",
		async (dialect) => {
			const peer = await startPeer({ dialect });
			const trace = peer.createTrace({ name: "large" });
			for (let index = 0; index < 400; index++) {
				peer.silently(() => peer.createSpan(trace.id, { output: "x".repeat(9000), name: "y".repeat(600) }));
			}
			const source = makeSource(peer.url);
			await source.loadTrace(trace.id, never);
			expect(source.store.entry(trace.id)).toMatchObject({ isWhole: true });
			expect(source.store.entry(trace.id)?.rows).toHaveLength(400);
			const pages = peer.requests.filter((request) => request.query.get("trace_id") === trace.id).length;
			expect(pages > 0).toBe(dialect !== "L");
		},
	);

	it("know a trace that the server no longer has", async () => {
		const peer = await startPeer();
		const id = addTrace(peer);
		const source = await loadedSource(peer);
		peer.silently(() => peer.deleteTrace(id));
		await expect(source.loadTrace(id, never)).rejects.toMatchObject({ reason: "notFound" });
		expect(source.store.entry(id)).toBeUndefined();
	});
});

describe("partial spans", () => {
	it("are completed by asking for them", async () => {
		const peer = await startPeer({ dialect: "D" });
		const source = await loadedSource(peer);
		const trace = peer.createTrace();
		const span = peer.createSpan(trace.id, { name: "slow" });
		await agree(source, peer);
		peer.silently(() => peer.completeSpan(span.id));
		peer.emit({ type: "span_completed", span: { id: span.id, status: "completed" } });
		await agree(source, peer);
		const unseen = peer.silently(() => peer.createSpan(trace.id, { name: "unseen" }));
		peer.emit({ type: "span_completed", span: { id: unseen.id, status: "running" } });
		await agree(source, peer);
	});
});

describe("the position", () => {
	it("moves only once an event was applied", async () => {
		const peer = await startPeer();
		const store = new TraceStore();
		const { upsertSpan } = store;
		const seen: [string | undefined, number | undefined][] = [];
		store.upsertSpan = (input, position) => {
			seen.push([source.status.lastEventId, position]);
			return upsertSpan.call(store, input, position);
		};
		const source = await loadedSource(peer, { store });
		const trace = peer.createTrace();
		for (let index = 0; index < 200; index++) peer.createSpan(trace.id);
		await until(() => expect(source.status.lastEventId).toBe(String(peer.newestId)));
		// Event 1 is the trace, each further one a span.
		expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => [String(index + 1), index + 2]));
		store.dispose();
	});
});

describe("the end", () => {
	it("closes the connection and leaves the given store alone", async () => {
		const peer = await startPeer();
		addTrace(peer);
		const source = await loadedSource(peer);
		const { store } = source;
		source.disconnect();
		await until(() => expect(peer.streamCount).toBe(0));
		expect(source.status.state.name).toBe("idle");
		source.connect();
		await until(() => expect(peer.streamCount).toBe(1));
		source.dispose();
		source.dispose();
		await until(() => expect(peer.streamCount).toBe(0));
		expect(source.status.state.name).toBe("disposed");
		expect(store.traceCount).toBe(1);
	});
});
