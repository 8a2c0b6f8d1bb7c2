import { afterEach, describe, expect, it, vi } from "vitest";
import type { Logger } from "../../src/base/logger.ts";
import type { Source, SourceConfig } from "../../src/sources/source.ts";
import {
	createTraceExplorerSource,
	type TraceExplorerOptions,
} from "../../src/sources/traceExplorer/traceExplorerSource.ts";
import { SessionContent } from "../../src/ui/panels/sessionContent.ts";
import { type ExplorerPeerOptions, rootIdOf, TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";

const soon = { timeout: 10_000, interval: 5 };
const until = (check: () => void) => vi.waitFor(check, soon);
const never = new AbortController().signal;
const ends: (() => Promise<void> | void)[] = [];
const logged: string[] = [];
const log = (line: string) => void logged.push(line);
const logger: Logger = { error: log, warn: log, info: log, debug: log };

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
	logged.length = 0;
});

async function startPeer(options: ExplorerPeerOptions = {}): Promise<TraceExplorerPeer> {
	const peer = await TraceExplorerPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

type Made = Omit<Partial<TraceExplorerOptions>, "config"> & { config?: Partial<SourceConfig> };

function makeSource(url: string, { config, ...options }: Made = {}): Source {
	const source = createTraceExplorerSource({
		config: { id: "s", name: "test", type: "traceExplorer", url, ...config },
		logger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		pollMs: 10,
		...options,
	});
	ends.push(() => source.dispose());
	return source;
}

async function connected(peer: TraceExplorerPeer, options: Made = {}): Promise<Source> {
	const source = makeSource(peer.url, options);
	source.connect();
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
	return source;
}

/** What the backend has of a session, in the words of `shownOf`, by the rule that a placeholder beside a root is none. */
function wantedOf(peer: TraceExplorerPeer, sessionId: string): string[] {
	const own = peer.spans.filter(({ attributes }) => attributes["session.id"] === sessionId);
	const ids = new Set(own.map(({ span_id }) => span_id));
	const isClosed = own.some(({ span_name }) => span_name === "opencode.session");
	const missing = new Set(own.flatMap((span) => span.parent_span_id ?? []).filter((id) => !ids.has(id)));
	const lines = own.map((span) => `${span.span_id} ${span.start_ns} ${span.end_ns}`);
	if (!isClosed) for (const id of missing) lines.push(`${id} running`);
	return lines.sort();
}

function shownOf({ store }: Source, sessionId: string): string[] {
	const rows = store.entry(sessionId)?.rows ?? [];
	const ns = (ms: number, subNs: number) => BigInt(ms) * 1_000_000n + BigInt(subNs);
	const { columns: c } = store;
	return rows
		.map((row) =>
			Number.isNaN(c.endMs[row])
				? `${c.ids[row]} running`
				: `${c.ids[row]} ${ns(c.startMs[row], c.startSubNs[row])} ${ns(c.endMs[row], c.endSubNs[row])}`,
		)
		.sort();
}

const agree = (source: Source, peer: TraceExplorerPeer, sessionId: string) =>
	until(() => expect(shownOf(source, sessionId)).toEqual(wantedOf(peer, sessionId)));

describe("the first list", () => {
	it("shows every session as a trace, open ones with their spans, closed ones as the backend reports them", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_closed");
		peer.addToolCall("ses_closed", "bash");
		peer.endSession("ses_closed");
		peer.addModelCall("ses_open");
		const source = await connected(peer);
		await agree(source, peer, "ses_open");
		expect(source.store.summary("ses_open")).toMatchObject({
			state: "running",
			sessionId: "ses_open",
			name: "ses_open",
			serviceName: "opencode",
			costUsd: 0.0021,
			inputTokens: 700,
			outputTokens: 250,
		});
		expect(source.store.entry("ses_closed")).toMatchObject({ isWhole: false, rows: [] });
		expect(source.store.summary("ses_closed")).toMatchObject({
			state: "completed",
			sessionId: "ses_closed",
			spanCount: 3,
			costUsd: 0.0021,
			inputTokens: 950,
		});
		expect(peer.streamRequests("ses_closed")).toEqual([]);
		await source.loadTrace("ses_closed", never);
		expect(shownOf(source, "ses_closed")).toEqual(wantedOf(peer, "ses_closed"));
		expect(source.store.entry("ses_closed")?.isWhole).toBe(true);
		expect(source.store.summary("ses_closed")).toMatchObject({ spanCount: 3, inputTokens: 700, outputTokens: 250 });
	});

	it("is empty for an empty backend", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		expect(source.store.traceCount).toBe(0);
		expect(source.status.requestError).toBeUndefined();
	});

	it("keeps every digit of times beyond 2^53", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a", { startNs: peer.nowNs - (peer.nowNs % 1_000_000n) + 123_457n, durationMs: 1.000001 });
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		const call = source.store.span("ses_a", peer.spans[0].span_id);
		expect(call?.start?.subNs).toBe(123_457);
		expect(call?.end?.subNs).toBe(123_458);
	});

	it("reads what is older than a day when asked for more", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_new");
		peer.addModelCall("ses_old", { startNs: peer.nowNs - 3n * 86_400_000_000_000n });
		const source = await connected(peer);
		expect(source.store.entry("ses_old")).toBeUndefined();
		expect(source.hasMore).toBe(true);
		expect(await source.loadMore(never)).toBe(false);
		expect(source.hasMore).toBe(false);
		expect(source.store.entry("ses_old")).toBeDefined();
		const before = peer.requests.length;
		await until(() => expect(peer.requests.length).toBeGreaterThan(before + 10));
		expect(source.store.entry("ses_old")).toBeDefined();
		await source.loadTrace("ses_old", never);
		expect(shownOf(source, "ses_old")).toEqual(wantedOf(peer, "ses_old"));
	});
});

describe("a list without news", () => {
	it("changes nothing, and tells nobody", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_open");
		peer.addModelCall("ses_closed");
		peer.endSession("ses_closed");
		const source = await connected(peer);
		await agree(source, peer, "ses_open");
		await source.loadTrace("ses_closed", never);
		source.store.flush();
		const { revision } = source.store;
		const statuses: string[] = [];
		source.onDidChangeStatus((status) => statuses.push(JSON.stringify(status)));
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		const before = lists();
		await until(() => expect(lists()).toBeGreaterThan(before + 50));
		expect(source.store.revision).toBe(revision);
		expect(statuses.length).toBeLessThanOrEqual(1);
		expect(peer.requests.filter(({ path }) => path.endsWith("/spans"))).toHaveLength(1);
	});
});

describe("live", () => {
	it("shows new sessions, new spans and longer ones, and the real root in the place of its placeholder", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		const call = peer.addModelCall("ses_a");
		await agree(source, peer, "ses_a");
		const rootRow = source.store.rowOf(rootIdOf("ses_a"), "ses_a");
		const structure = source.store.entry("ses_a")?.structureRevision;
		peer.addToolCall("ses_a", "bash");
		peer.updateSpan(call.span_id, { end_ns: call.end_ns + 9_000_000n });
		await agree(source, peer, "ses_a");
		expect(source.store.summary("ses_a")).toMatchObject({ state: "running", end: undefined });
		// What its stream told is not taken back by the list's row of it.
		const lists = peer.requests.length;
		await until(() => expect(peer.requests.length).toBeGreaterThan(lists + 5));
		expect(source.store.entry("ses_a")?.isWhole).toBe(true);
		expect(source.store.summary("ses_a")).toMatchObject({ inputTokens: 700, outputTokens: 250 });
		const root = peer.endSession("ses_a");
		await agree(source, peer, "ses_a");
		expect(source.store.rowOf(root.span_id, "ses_a")).toBe(rootRow);
		expect(source.store.entry("ses_a")?.structureRevision).toBe(structure);
		expect(source.store.summary("ses_a")).toMatchObject({ state: "completed", spanCount: 3 });
		await until(() => expect(peer.streamCount).toBe(0));
		expect(peer.streamRequests("ses_a")).toHaveLength(1);
	});

	it("follows several open sessions, no more than its bound, and reads the others when their row changes", async () => {
		const peer = await startPeer();
		const source = await connected(peer, { maxStreams: 2 });
		for (const id of ["ses_1", "ses_2", "ses_3", "ses_4"]) peer.addModelCall(id);
		for (const id of ["ses_1", "ses_2", "ses_3", "ses_4"]) await agree(source, peer, id);
		expect(peer.streamCount).toBeLessThanOrEqual(2);
		peer.addToolCall("ses_1", "bash");
		peer.addToolCall("ses_4", "bash");
		await agree(source, peer, "ses_1");
		await agree(source, peer, "ses_4");
		expect(peer.streamCount).toBeLessThanOrEqual(2);
	});

	it("gives its streams to what somebody looks at before what is newest", async () => {
		const peer = await startPeer();
		const source = await connected(peer, { maxStreams: 1 });
		peer.addModelCall("ses_1");
		await agree(source, peer, "ses_1");
		const pin = source.store.pin("ses_1");
		peer.addModelCall("ses_2");
		await agree(source, peer, "ses_2");
		peer.addToolCall("ses_1", "bash");
		await agree(source, peer, "ses_1");
		expect(peer.streamRequests("ses_2")).toEqual([]);
		pin.dispose();
		await until(() => expect(peer.streamRequests("ses_2")).toHaveLength(1));
	});

	it("streams no session without news for a quarter of an hour, until it has some", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a", { startNs: peer.nowNs - 1_800_000_000_000n });
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		await until(() => expect(peer.streamCount).toBe(0));
		expect(source.store.summary("ses_a")?.state).toBe("running");
		peer.addToolCall("ses_a", "bash");
		await agree(source, peer, "ses_a");
		await until(() => expect(peer.streamCount).toBe(1));
	});

	it("goes by the server's clock where that is another one", async () => {
		const peer = await startPeer();
		peer.clockOffsetMs = 5 * 86_400_000;
		peer.addModelCall("ses_a");
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		expect(Math.abs(source.status.clockOffsetMs - peer.clockOffsetMs)).toBeLessThan(5000);
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		const before = lists();
		await until(() => expect(lists()).toBeGreaterThan(before + 15));
		expect(peer.streamCount).toBe(1);
		peer.removeSession("ses_a");
		await until(() => expect(source.store.entry("ses_a")).toBeUndefined());
	});

	it("takes in a session that grows faster than it is read, and ends with its last state", async () => {
		const peer = await startPeer({ pollMs: 1 });
		const source = await connected(peer);
		for (let round = 0; round < 30; round++) {
			for (let count = 0; count < 100; count++) peer.addToolCall("ses_a", "bash");
			await new Promise((resolve) => setImmediate(resolve));
		}
		peer.endSession("ses_a");
		await agree(source, peer, "ses_a");
		expect(source.store.entry("ses_a")?.isWhole).toBe(true);
	});

	it("replaces the state with each frame: a span that is gone is gone", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		peer.addModelCall("ses_a");
		const second = peer.addModelCall("ses_a");
		await agree(source, peer, "ses_a");
		peer.removeSpan(second.span_id);
		await agree(source, peer, "ses_a");
		expect(source.store.summary("ses_a")?.spanCount).toBe(2);
	});

	it("reads a session that came and ended between two lists", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		peer.addModelCall("ses_a");
		peer.endSession("ses_a");
		await agree(source, peer, "ses_a");
	});

	it("keeps a session that one list does not have", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const source = await connected(peer, { pollMs: 50 });
		await agree(source, peer, "ses_a");
		let removed = 0;
		source.store.onDidChange(({ removedTraceIds }) => {
			removed += removedTraceIds.length;
		});
		let isOut = true;
		peer.beforeAnswer = ({ path }) => {
			if (!isOut || path !== "/api/sessions") return undefined;
			isOut = false;
			return { status: 200, body: "[]" };
		};
		await until(() => expect(isOut).toBe(false));
		peer.addToolCall("ses_a", "bash");
		await agree(source, peer, "ses_a");
		expect(removed).toBe(0);
	});

	it("opens a session that is known by its row only, as one waterfall", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		peer.addToolCall("ses_a", "bash");
		peer.endSession("ses_a");
		const source = await connected(peer);
		const content = new SessionContent(source.store, "ses_a", Date.now);
		expect([content.isHere, content.rowCount, content.wantsLoad]).toEqual([true, 0, true]);
		await content.load(source, never);
		expect([content.rowCount, content.wantsLoad]).toEqual([3, false]);
		expect(content.header()).toMatchObject({
			session: { sessionId: "ses_a", modelCalls: 1, toolCalls: 1, isOpen: false },
		});
		content.dispose();
	});

	it("lets go of a session that the backend no longer has", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		peer.addModelCall("ses_b");
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		peer.removeSession("ses_a");
		await until(() => expect(source.store.entry("ses_a")).toBeUndefined());
		expect(source.store.entry("ses_b")).toBeDefined();
		await until(() => expect(peer.streamCount).toBe(1));
		peer.addModelCall("ses_a");
		await agree(source, peer, "ses_a");
	});

	it("keeps large sessions whole, written in turns", async () => {
		const peer = await startPeer({ pollMs: 200 });
		const source = await connected(peer);
		for (let count = 0; count < 5000; count++) peer.addToolCall("ses_a", "bash");
		await agree(source, peer, "ses_a");
		peer.removeSpan(peer.spans[17].span_id);
		peer.addModelCall("ses_a");
		await agree(source, peer, "ses_a");
		expect(source.store.entry("ses_a")?.isWhole).toBe(true);
	});
});

describe("a loss", () => {
	it("of the server shows as waiting; when it is back everything that it has is there, nothing twice", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		await peer.stop();
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", reason: "network" }));
		const { state } = source.status;
		expect(state.name === "waiting" && state.message).toContain("ECONNREFUSED");
		peer.addToolCall("ses_a", "bash");
		peer.endSession("ses_a");
		peer.addModelCall("ses_b");
		peer.addModelCall("ses_c");
		peer.endSession("ses_c");
		await peer.start();
		await until(() => expect(source.status.state.name).toBe("open"));
		for (const id of ["ses_a", "ses_b", "ses_c"]) await agree(source, peer, id);
		expect(source.status.recovered).toBeGreaterThanOrEqual(2);
	});

	it("of streams alone is made good by the first frame of the next", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const source = await connected(peer);
		await agree(source, peer, "ses_a");
		peer.dropStreams();
		peer.addToolCall("ses_a", "bash");
		await agree(source, peer, "ses_a");
		expect(source.status.state.name).toBe("open");
	});

	it("two hundred times leaves no stream, socket or span behind", async () => {
		const peer = await startPeer({ pollMs: 5 });
		peer.addModelCall("ses_a");
		const source = await connected(peer, { minBackoffMs: 1 });
		for (let time = 0; time < 200; time++) {
			source.reconnect();
			await until(() => expect(source.status.state.name).toBe("open"));
		}
		await agree(source, peer, "ses_a");
		await until(() => expect(peer.streamCount).toBe(1));
		expect(source.store.traceCount).toBe(1);
		source.dispose();
		await until(() => expect(peer.streamCount).toBe(0));
	});
});
