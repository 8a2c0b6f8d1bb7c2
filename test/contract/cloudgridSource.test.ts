import { describe, expect, it, vi } from "vitest";
import { TraceStore } from "../../src/model/traceStore.ts";
import { agree, loaded, makeSource, never, rowsOf, rowsOfPeer, soon, startPeer } from "./support/cloudgridRig.ts";

/**
 * The client's lines of "Acceptance facts" (reference of CloudGrid), and where each is proved: here where nothing else is said,
 * F `cloudgridFaults`, S `cloudgridFilter`, P `cloudgridPeer` (what both sides rest on), U `unit/sources/cloudgridDecode`.
 *
 * - first `next` at once, Live not before it: "is read whole on the first connect"; F "token … although the connection was acknowledged"
 * - `seq` without gaps, from 1 in a new subscription: "notices a gap", "applies an event that comes twice once"; P "counts every event"
 * - heartbeats, `added` and `updated`: "creates the row of an unknown trace", F "stays Live by heartbeats alone"
 * - after `complete`; a filter change; late events of the old id: S "changes without a moment between", S "lets no event … through"
 * - pausing: S "a pause of what is shown"
 * - at most 500 rows: "keeps at most as many rows as the store takes"
 * - 45 s of silence, a closed socket: F "leaves Live when nothing is heard", F "waits about a second after a close"
 * - `next` with errors, `error`, close; which of them are retried: F "CloudGrid's errors", F "closed with", F "refused with HTTP"
 * - bad filters: F "shows settings that make no sense", S "that the server refuses", U "settings of a CloudGrid source"
 * - ERR-015 and ERR-016: F "credentials of CloudGrid"
 * - no pings: "sends no ping"
 * - reconnecting reads and merges: "catches up by query", `cloudgridRandom`
 * - pages, cursors: "reads 200 at a time", "begins from the top"
 * - unknown trace: "says not found"
 * - nanoseconds as text, `durationMs` alone, older servers: "works with a server that has neither", U "times of CloudGrid"
 * - other projects: F "are sent with the connection"
 */
describe("CloudGrid", () => {
	it("is read whole on the first connect, and Live is shown with the first event, not with the acknowledgement", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 5; index++) peer.addTrace();
		peer.losesEvents = true;
		const source = makeSource(peer.url);
		source.connect();
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(1), soon);
		expect(source.status.state.name).toBe("connecting");
		peer.losesEvents = false;
		peer.beat();
		await loaded(source);
		await agree(source, peer);
		expect(source.status).toMatchObject({ undecodable: 0, recovered: 0, requestError: undefined });
	});

	it("is followed live: an added trace, an updated one, one that fails", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		const fresh: string[] = [];
		source.store.onDidChange((change) => fresh.push(...change.newLiveTraceIds));
		source.connect();
		await loaded(source);
		const id = peer.addTrace({ name: "run", spans: [{ name: "run" }] });
		await agree(source, peer);
		expect(source.store.summary(id)).toMatchObject({ name: "run", state: "running", spanCount: 1, serviceName: "api" });
		peer.endSpan(id, peer.addSpan(id), "error");
		peer.endSpan(id, [...(peer.traces.get(id)?.spans.keys() ?? [])][0]);
		await agree(source, peer);
		expect(source.store.summary(id)).toMatchObject({ state: "failed", failedCount: 1, spanCount: 2 });
		await vi.waitFor(() => expect(fresh).toEqual([id]), soon);
		expect(source.status.received).toBe(4);
	});

	it("creates the row of an unknown trace for updated, replaces a known one for added, and changes nothing for a heartbeat", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const next = (seq: number, type: string, trace: unknown) =>
			peer.sendNext({ data: { liveTraces: { type, seq, receivedAt: "2026-03-06T09:00:00.000Z", trace } } });
		const trace = { id: "t1", serviceName: "api", startedAt: "2026-03-06T09:00:00.000Z", status: "ok", attributes: {} };
		next(2, "updated", { ...trace, spanCount: 1, operationName: "first" });
		await vi.waitFor(() => expect(source.store.summary("t1")).toMatchObject({ name: "first", spanCount: 1 }), soon);
		next(3, "added", { ...trace, spanCount: 3, operationName: "second" });
		await vi.waitFor(() => expect(source.store.summary("t1")).toMatchObject({ name: "second", spanCount: 3 }), soon);
		const { revision } = source.store;
		const heardAtMs = source.status.lastByteAtMs ?? 0;
		next(4, "heartbeat", null);
		next(5, "heartbeat", { ...trace, id: "t2" });
		await vi.waitFor(() => expect(source.status.lastByteAtMs).toBeGreaterThan(heardAtMs), soon);
		expect(source.store.revision).toBe(revision);
		expect(source.store.traceCount).toBe(1);
	});

	it("takes a snapshot event, which the schema allows, without calling its traces new", async () => {
		const peer = await startPeer();
		peer.addTrace();
		peer.addTrace();
		peer.sendsSnapshot = true;
		const source = makeSource(peer.url);
		const fresh: string[] = [];
		source.store.onDidChange((change) => fresh.push(...change.newLiveTraceIds));
		source.connect();
		await loaded(source);
		await agree(source, peer);
		source.store.flush();
		expect(fresh).toEqual([]);
	});

	it("catches up by query after the server was away: nothing lost that it still has, nothing twice, deleted traces gone", async () => {
		const peer = await startPeer();
		const kept = peer.addTrace();
		const gone = peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		await agree(source, peer);
		await peer.stop();
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "waiting" }), soon);
		for (let index = 0; index < 300; index++) peer.addTrace();
		peer.addSpan(kept, { status: "error" });
		peer.deleteTrace(gone);
		await peer.start();
		await agree(source, peer);
		await loaded(source);
		expect(source.status.recovered).toBe(302);
		// And live again, also for a trace that was taken away and comes back.
		peer.addTrace({ id: gone });
		peer.addSpan(kept);
		await agree(source, peer);
	});

	it("does not let a list that is being read undo what live events told meanwhile", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const { promise: held, resolve: release } = Promise.withResolvers<void>();
		// The answer is made before the change, and comes after its event.
		peer.beforeAnswer = () => held;
		const before = peer.requests.length;
		const refreshed = source.refresh(never);
		await vi.waitFor(() => expect(peer.requests.length).toBe(before + 1), soon);
		peer.addSpan(id);
		const late = peer.addTrace();
		await vi.waitFor(() => expect(source.store.summary(id)?.spanCount).toBe(2), soon);
		await vi.waitFor(() => expect(source.store.summary(late)).toBeDefined(), soon);
		release();
		await refreshed;
		await agree(source, peer);
	});

	it("notices a gap in the numbers and reads the list again", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.losesEvents = true;
		const missed = peer.addTrace({ name: "missed" });
		peer.losesEvents = false;
		expect(source.store.entry(missed)).toBeUndefined();
		peer.beat();
		await agree(source, peer);
		await vi.waitFor(() => expect(source.status.recovered).toBe(1), soon);
		expect(source.gaps).toBe(1);
		expect(source.status.state.name).toBe("open");
		expect(peer.openedSockets).toBe(1);
	});

	it("applies an event that comes twice once", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.repeatsEvents = true;
		peer.addTrace();
		peer.addTrace();
		await agree(source, peer);
		expect(source.status.received).toBe(2);
		expect(source.gaps).toBe(0);
	});

	it("reads 200 at a time and older ones when asked, following cursors to each trace once", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 950; index++) peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		expect(source.store.traceCount).toBe(500);
		expect(peer.requests.map((request) => (request.variables as { input: { limit: number } }).input.limit)).toEqual([
			200, 200, 100,
		]);
		expect(source.hasMore).toBe(true);
		expect(await source.loadMore(never)).toBe(false);
		await agree(source, peer);
		// A snapshot reaches as far back now: what changed there while the connection was away is found.
		const [oldest] = peer.traces.keys();
		peer.silently(() => peer.addSpan(oldest, { status: "error" }));
		peer.dropSockets();
		await agree(source, peer);
	});

	it("reads back to where it was when more was missed than a snapshot holds", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 300; index++) peer.addTrace();
		const source = makeSource(peer.url, { snapshotTraces: 20 });
		source.connect();
		await loaded(source);
		await source.loadMore(never);
		expect(source.store.traceCount).toBe(40);
		await peer.stop();
		for (let index = 0; index < 900; index++) peer.addTrace();
		await peer.start();
		const newest = [...peer.traces.keys()].slice(-940);
		await vi.waitFor(() => expect(newest.filter((id) => source.store.entry(id) === undefined)).toEqual([]), soon);
		// The next snapshot is a small one again, and older traces still begin where they began.
		await loaded(source);
		const before = peer.requests.length;
		await source.refresh(never);
		expect(peer.requests.length).toBe(before + 1);
		const here = source.store.traceCount;
		expect(await source.loadMore(never)).toBe(true);
		expect(source.store.traceCount).toBe(here + 20);
		while (await source.loadMore(never));
		await agree(source, peer);
	});

	it("begins from the top when the server no longer knows the place in the list", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 30; index++) peer.addTrace();
		const source = makeSource(peer.url, { snapshotTraces: 10 });
		source.connect();
		await loaded(source);
		peer.forgetsCursors = true;
		expect(await source.loadMore(never)).toBe(true);
		expect(source.store.traceCount).toBe(20);
		peer.forgetsCursors = false;
		expect(await source.loadMore(never)).toBe(false);
		await agree(source, peer);
	});

	it("keeps at most as many rows as the store takes, and lets the oldest go first", async () => {
		const peer = await startPeer();
		for (let index = 0; index < 500; index++) peer.addTrace();
		const store = new TraceStore({ maxTraces: 500 });
		const source = makeSource(peer.url, { store });
		source.connect();
		await loaded(source);
		const newest = peer.addTrace();
		await vi.waitFor(() => expect(store.entry(newest)).toBeDefined(), soon);
		expect(store.traceCount).toBeLessThanOrEqual(500);
		expect(store.entry([...peer.traces.keys()][0])).toBeUndefined();
		store.dispose();
	});

	it("reads spans when a trace is opened, with times to the nanosecond, and again when an open one changes", async () => {
		const peer = await startPeer();
		const id = peer.addTrace({ name: "run" });
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		expect(source.store.entry(id)).toMatchObject({ rows: [], isWhole: false });
		await source.loadTrace(id, never);
		expect(source.store.entry(id)).toMatchObject({ isWhole: true });
		const [root] = [...(peer.traces.get(id)?.spans.values() ?? [])];
		expect(source.store.span(id, root.id)).toMatchObject({
			name: "run",
			state: "completed",
			parentSpanId: null,
			end: { ms: Number(root.endNs! / 1_000_000n), subNs: 1 },
		});
		const call = peer.addSpan(id, {
			name: "chat",
			kind: "client",
			attributes: {
				"gen_ai.operation.name": "chat",
				"gen_ai.request.model": "gpt-4o-mini",
				"gen_ai.usage.input_tokens": 10,
				"gen_ai.usage.output_tokens": 5,
			},
		});
		await vi.waitFor(() => expect(source.store.span(id, call)).toMatchObject({ state: "running" }), soon);
		expect(source.store.span(id, call)).toMatchObject({
			kindType: "llm_call",
			model: "gpt-4o-mini",
			inputTokens: 10,
			outputTokens: 5,
		});
		peer.endSpan(id, call, "error");
		await vi.waitFor(() => expect(source.store.span(id, call)).toMatchObject({ state: "failed" }), soon);
		expect(source.store.summary(id)).toMatchObject({ spanCount: 2, failedCount: 1, inputTokens: 10 });
		peer.traces.get(id)?.spans.delete(call);
		peer.persisted(id);
		await vi.waitFor(() => expect(source.store.span(id, call)).toBeUndefined(), soon);
	});

	it("reads the spans of nobody's trace no sooner than somebody opens it", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const watched = peer.addTrace();
		peer.addTrace();
		await agree(source, peer);
		const pin = source.store.pin(watched);
		peer.addSpan(watched);
		await vi.waitFor(() => expect(source.store.entry(watched)?.rows).toHaveLength(2), soon);
		pin.dispose();
		expect(peer.requests.filter(({ operationName }) => operationName === "TraceDetail")).toHaveLength(1);
	});

	it("reads a large trace in pieces, and takes away what the server no longer has of it", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		const spanIds = peer.silently(() =>
			Array.from({ length: 2000 }, (_, index) => peer.addSpan(id, { name: `${index}` })),
		);
		const source = makeSource(peer.url);
		await source.loadTrace(id, never);
		expect(source.store.spanCount).toBe(2001);
		for (const spanId of spanIds.slice(500)) peer.traces.get(id)?.spans.delete(spanId);
		await source.loadTrace(id, never);
		expect(source.store.entry(id)).toMatchObject({ isWhole: true });
		expect(source.store.spanCount).toBe(501);
		expect(source.store.span(id, spanIds[499])?.name).toBe("499");
	});

	it.each([
		["half of it", (body: string) => body.slice(0, body.length / 2), "contentType"],
		["an error behind it", (body: string) => body.replace(/}$/, ',"errors":[{"message":"no"}]}'), "serverError"],
		["no list in it", () => '{"data":{"trace":{"spans":null}}}', "protocol"],
	])("does not take a trace for whole with %s", async (_what, change, reason) => {
		const peer = await startPeer();
		const id = peer.addTrace();
		peer.silently(() =>
			Array.from({ length: 300 }, () => peer.addSpan(id, { attributes: { text: "x".repeat(1000) } })),
		);
		let body = "";
		const recording: typeof fetch = async (...given) => {
			const response = await fetch(...given);
			body = await response.clone().text();
			return response;
		};
		const source = makeSource(peer.url, { fetch: recording });
		await source.refresh(never);
		await makeSource(peer.url, { fetch: recording }).loadTrace(id, never);
		peer.httpAnswer = { status: 200, headers: { "content-type": "application/json" }, body: change(body) };
		await expect(source.loadTrace(id, never)).rejects.toMatchObject({ reason });
		expect(source.store.entry(id)?.isWhole).toBe(false);
		peer.httpAnswer = undefined;
		await source.loadTrace(id, never);
		expect(source.store.entry(id)).toMatchObject({ isWhole: true });
		expect(source.store.spanCount).toBe(301);
	});

	it("lets an older answer undo nothing when a trace is read twice at once", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		const source = makeSource(peer.url);
		const { promise: held, resolve: release } = Promise.withResolvers<void>();
		peer.beforeAnswer = () => held;
		const first = source.loadTrace(id, never);
		await vi.waitFor(() => expect(peer.requests).toHaveLength(1), soon);
		const late = peer.addSpan(id);
		const second = source.loadTrace(id, never);
		peer.beforeAnswer = undefined;
		release();
		await Promise.all([first, second]);
		expect(source.store.span(id, late)).toBeDefined();
		expect(source.store.entry(id)).toMatchObject({ isWhole: true });
	});

	it("loads a span with its payload, events, links, exception and log lines", async () => {
		const peer = await startPeer();
		const id = peer.addTrace();
		const spanId = peer.addSpan(id, {
			name: "chat",
			status: "error",
			attributes: {
				"gen_ai.operation.name": "chat",
				"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
				team: "search",
			},
			events: [{ name: "retry", atNs: 1_772_787_601_250_000_001n, attributes: { attempt: 2 } }],
			links: [{ traceId: "a".repeat(32), spanId: "b".repeat(16) }],
			exceptions: [{ type: "TimeoutError", message: "too slow", stacktrace: "at f (a.ts:1)" }],
		});
		peer.addLog(id, spanId, "asked again");
		peer.addLog(id, null, "of the trace");
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const detail = await source.loadSpan(id, spanId, never);
		expect(detail.summary).toMatchObject({ name: "chat", kindType: "llm_call", state: "running" });
		expect(detail.input).toEqual([{ role: "user", parts: [{ type: "text", content: "hi" }] }]);
		expect(detail.attributes).toMatchObject({ team: "search" });
		expect(detail.raw).toMatchObject({
			events: [
				{ name: "retry", time: "2026-03-06T09:00:01.250000001Z", attributes: { attempt: 2 } },
				{ name: "exception", attributes: { "exception.type": "TimeoutError", "exception.message": "too slow" } },
			],
			links: [{ trace_id: "a".repeat(32), span_id: "b".repeat(16) }],
			resource: { attributes: { "service.name": "api" } },
			logs: [{ body: "asked again" }],
		});
	});

	it.each([false, true])(
		"says not found for an unknown trace, whether the server says null or ERR-004 (%s)",
		async (isError) => {
			const peer = await startPeer();
			peer.isUnknownTraceAnError = isError;
			const id = peer.addTrace();
			const source = makeSource(peer.url);
			source.connect();
			await loaded(source);
			peer.deleteTrace(id);
			const refused = { reason: "notFound", message: "CloudGrid no longer has this trace" };
			await expect(source.loadTrace(id, never)).rejects.toMatchObject(refused);
			await expect(source.loadSpan(id, "s", never)).rejects.toMatchObject(refused);
			expect(source.store.entry(id)).toBeUndefined();
			expect(source.status.requestError).toBeUndefined();
			// It may come again.
			peer.addTrace({ id });
			await agree(source, peer);
		},
	);

	it("finds texts in a trace by the server's own search, and says what it has none for", async () => {
		const peer = await startPeer();
		const found = peer.addTrace({ name: "checkout" });
		const spanId = peer.addSpan(found, { name: "charge card" });
		peer.addTrace();
		const source = makeSource(peer.url);
		const pieces = source.searchTrace(found, { text: "card", isCaseSensitive: false }, never);
		for await (const piece of pieces) expect(piece).toEqual({ spanIds: [spanId], isEverywhere: false });
		const refused = expect.objectContaining({ reason: "unsupported" });
		const exact = source.searchTrace(found, { text: "card", isCaseSensitive: true }, never);
		await expect(exact.next()).rejects.toEqual(refused);
		await expect(source.searchTraces({ text: "x" }, never)).rejects.toEqual(refused);
		await expect(source.deleteTrace(found, never)).rejects.toEqual(refused);
		await expect(source.listSession("s", never)).rejects.toEqual(refused);
		await expect(source.loadOverview("1h", never)).rejects.toEqual(refused);
	});

	it("works with a server that has neither nanoseconds nor names of operations, and asks less from then on", async () => {
		const peer = await startPeer({ age: "old" });
		const id = peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		await source.loadTrace(id, never);
		const [root] = [...(peer.traces.get(id)?.spans.values() ?? [])];
		// By the duration, which has more digits than the times.
		expect(source.store.span(id, root.id)).toMatchObject({ end: { ms: Number(root.endNs! / 1_000_000n), subNs: 1 } });
		expect(source.store.summary(id)).toMatchObject({ state: "completed", spanCount: 1 });
		const asked = peer.requests.length;
		peer.silently(() => peer.addTrace());
		peer.dropSockets();
		await vi.waitFor(() => expect(source.store.traceCount).toBe(2), soon);
		expect(peer.requests.length).toBe(asked + 1);
		expect(rowsOf(source)).toHaveLength(rowsOfPeer(peer).length);
	});

	it("sends no ping, is not closed for one, and says goodbye when it goes", async () => {
		const peer = await startPeer({ heartbeatMs: 10 });
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		peer.sendRaw('{"type":"pong"}');
		const { received } = source.status;
		peer.addTrace();
		await vi.waitFor(() => expect(source.status.received).toBe(received + 1), soon);
		expect(peer.messages.map((message) => message.type)).toEqual(["connection_init", "subscribe"]);
		expect(peer.messages[0].payload).toBeUndefined();
		source.disconnect();
		await vi.waitFor(() => expect(peer.closeCodes).toEqual([1000]), soon);
		expect(source.status.state.name).toBe("idle");
		source.connect();
		await loaded(source);
		source.dispose();
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(0), soon);
	});

	it("leaves neither socket nor subscription after 200 reconnects", async () => {
		const peer = await startPeer();
		peer.addTrace();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		for (let round = 1; round <= 200; round++) {
			source.reconnect();
			await vi.waitFor(() => expect(peer.openedSockets).toBe(round + 1), soon);
			await loaded(source);
		}
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(1), soon);
		// The WebSocket, and the requests' own connections, which are kept for the next.
		await vi.waitFor(() => expect(peer.webSocketCount).toBe(1), soon);
		await agree(source, peer);
	});
});
