import { afterEach, describe, expect, it, vi } from "vitest";
import type { Logger } from "../../src/base/logger.ts";
import { TraceStore } from "../../src/model/traceStore.ts";
import type { Source, SourceConfig } from "../../src/sources/source.ts";
import { traceExplorer } from "../../src/sources/traceExplorer/definition.ts";
import {
	createTraceExplorerSource,
	type TraceExplorerOptions,
} from "../../src/sources/traceExplorer/traceExplorerSource.ts";
import { type ExplorerAnswer, type ExplorerPeerOptions, TraceExplorerPeer } from "../peers/traceExplorerPeer.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
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

const rowsOf = (source: Source, sessionId: string) => source.store.entry(sessionId)?.rows.length ?? 0;

/** Answers one path in another way. */
function instead(peer: TraceExplorerPeer, path: string, answer: ExplorerAnswer): void {
	peer.beforeAnswer = (request) => (request.path === path ? answer : undefined);
}

describe("a list that is refused", () => {
	it.each([
		[401, "unauthorized", "HTTP 401"],
		[403, "forbidden", "HTTP 403"],
		[404, "notFound", "HTTP 404"],
		[410, "gone", "HTTP 410"],
	])("with %i ends the connection until a person helps", async (status, reason, words) => {
		const peer = await startPeer();
		instead(peer, "/api/sessions", { status, body: "{}" });
		const source = makeSource(peer.url);
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason }));
		const { state } = source.status;
		expect(state.name === "failed" && state.message).toContain(`GET /api/sessions: ${words}`);
		const before = peer.requests.length;
		peer.beforeAnswer = undefined;
		peer.addModelCall("ses_a");
		source.hurry();
		expect(peer.requests).toHaveLength(before);
		source.reconnect();
		await until(() => expect(rowsOf(source, "ses_a")).toBe(2));
	});

	it.each([
		[429, "rateLimited"],
		[500, "serverError"],
		[503, "serverError"],
	])("with %i is asked again when the server says so, and not before", async (status, reason) => {
		const peer = await startPeer();
		instead(peer, "/api/sessions", { status, headers: { "retry-after": "0.3" }, body: "{}" });
		const source = makeSource(peer.url, { minBackoffMs: 100 });
		const startedAtMs = Date.now();
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", reason }));
		const { state } = source.status;
		expect(state.name === "waiting" && state.retryAtMs).toBeGreaterThanOrEqual(startedAtMs + 300);
		peer.beforeAnswer = undefined;
		await until(() => expect(source.status.state.name).toBe("open"));
		expect(peer.requests.length).toBeGreaterThan(1);
	});

	it("again and again is asked further and further apart", async () => {
		const peer = await startPeer();
		peer.tempoFailure = "down";
		const source = makeSource(peer.url, { minBackoffMs: 20, random: () => 1 });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", attempt: 6 }));
		// 40, 80, 160, 320 and 640 ms apart: the fifth has just failed.
		expect(peer.requests).toHaveLength(5);
		expect(source.status.state).toMatchObject({
			message: "GET /api/sessions: HTTP 500, Internal Server Error",
		});
	});
});

describe("a list that is no list", () => {
	it.each([
		[
			"a page",
			{ status: 200, headers: { "content-type": "text/html" }, body: "<h1>hello</h1>" },
			"expected JSON, got text/html",
		],
		["an object", { status: 200, body: '{"sessions":[]}' }, "no list of sessions"],
		["cut off", { status: 200, body: '[{"session_id":"ses_a"' }, "no valid JSON"],
		["no UTF-8", { status: 200, body: Uint8Array.of(0x5b, 0xff, 0xfe) }, "no valid JSON"],
		["too large", { status: 200, headers: { "content-length": String(2 ** 30) }, body: "[]" }, "more than 16 MiB"],
	])("but %s fails in words", async (_name, answer: ExplorerAnswer, words) => {
		const peer = await startPeer();
		instead(peer, "/api/sessions", answer);
		const source = makeSource(peer.url);
		source.connect();
		await until(() => expect(source.status.state.name).toBe("failed"));
		const { state } = source.status;
		expect(state.name === "failed" && state.message).toContain(words);
	});

	it("in part shows the rest, and says how much it could not read", async () => {
		const peer = await startPeer();
		const row = { session_id: "ses_b", start_ns: 1, end_ns: 2, is_open: false, llm_calls: -1, models: "no" };
		const rows = [null, 7, {}, { session_id: "" }, row, row, { session_id: "x".repeat(300) }];
		instead(peer, "/api/sessions", { status: 200, body: JSON.stringify(rows) });
		const source = await connected(peer);
		expect(source.status.undecodable).toBe(5);
		expect([...source.store.entries()].map(({ traceId }) => traceId)).toEqual(["ses_b"]);
		expect(logged.filter((line) => line.includes("cannot be read"))).toHaveLength(1);
	});
});

describe("a stream", () => {
	it("that is refused leaves its session to be read whenever its row changes", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		for (let time = 0; time < 50; time++) peer.nextStreams.push({ type: "status", status: 404 });
		const source = await connected(peer);
		await until(() => expect(rowsOf(source, "ses_a")).toBe(2));
		await until(() => expect(source.status.mode).toEqual({ text: "polling every 0.01 s", isDegraded: true }));
		peer.addToolCall("ses_a", "bash");
		await until(() => expect(rowsOf(source, "ses_a")).toBe(3));
		expect(source.status.state.name).toBe("open");
		expect(peer.streamRequests().length).toBeLessThanOrEqual(3);
		peer.endSession("ses_a");
		await until(() => expect(source.store.summary("ses_a")?.state).toBe("completed"));
		await until(() => expect(source.status.mode).toEqual({ text: "sessions listed every 0.01 s", isDegraded: false }));
	});

	it("that breaks again and again is asked further and further apart, and the list goes on", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		for (let time = 0; time < 500; time++) peer.nextStreams.push({ type: "bytes", chunks: [""], ending: "abort" });
		const source = await connected(peer, { minBackoffMs: 20, random: () => 1 });
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		await until(() => expect(lists()).toBeGreaterThan(40));
		expect(peer.streamRequests().length).toBeLessThan(10);
		expect(source.status.state.name).toBe("open");
	});

	it("that says nonsense is counted, and its next frame is taken", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const honest = JSON.stringify([
			{ span_id: "1", span_name: "opencode.llm", start_ns: "5", duration_ms: 1, attributes: {} },
		]);
		const frames = ["not JSON", "{}", '[{"span_id":7},null]', honest].map((data) => `event: spans\ndata: ${data}\n\n`);
		peer.nextStreams.push({
			type: "bytes",
			chunks: ["event: surprise\ndata: 1\n\nevent: heartbeat\n\n", ...frames],
			ending: "open",
		});
		const source = await connected(peer);
		await until(() => expect(source.store.span("ses_a", "1")).toBeDefined());
		// Of frames that come at once only the first and the last are looked at.
		expect(source.status.undecodable).toBeGreaterThanOrEqual(1);
		expect(logged.filter((line) => line.includes("cannot be read"))).toHaveLength(1);
	});

	it("that says the same frame twice, and an old one, ends with the last", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const span = (id: string) => ({
			span_id: id,
			span_name: "opencode.llm",
			start_ns: "5",
			duration_ms: 1,
			attributes: {},
		});
		const frames = [
			[span("1"), span("2")],
			[span("1"), span("2")],
			[span("2"), span("2"), span("3")],
		];
		const chunks = frames.map((frame) => `event: spans\ndata: ${JSON.stringify(frame)}\n\n`);
		peer.nextStreams.push({ type: "bytes", chunks, ending: "open" });
		const source = await connected(peer);
		await until(() => expect(source.status.received).toBe(3));
		const ids = (source.store.entry("ses_a")?.rows ?? []).map((row) => source.store.columns.ids[row]);
		expect(ids.sort()).toEqual(["2", "3"]);
	});

	it("that is silent is given up and made again", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		peer.nextStreams.push({ type: "bytes", chunks: [": hello\n\n"], ending: "open" });
		const source = await connected(peer, { watchdogMs: 100 });
		await until(() => expect(rowsOf(source, "ses_a")).toBe(2));
		expect(peer.streamRequests("ses_a").length).toBeGreaterThanOrEqual(2);
	});

	it("cannot be had for an id that no path can carry, and that is said", async () => {
		const peer = await startPeer();
		peer.addModelCall("..");
		const source = await connected(peer);
		await until(() => expect(source.status.requestError).toContain("cannot be asked for by its path"));
		expect(source.status.state.name).toBe("open");
		await expect(source.loadTrace("..", never)).rejects.toMatchObject({ reason: "unsupported" });
	});
});

describe("a session that cannot be read", () => {
	it("says why, is not asked for in a storm, and is read once it can be", async () => {
		const peer = await startPeer();
		const source = await connected(peer, { maxStreams: 0 });
		peer.beforeAnswer = ({ path }) => (path.endsWith("/spans") ? { status: 502, body: "{}" } : undefined);
		peer.addModelCall("ses_a");
		await until(() =>
			expect(source.status.requestError).toContain("session ses_a: GET /api/sessions/ses_a/spans: HTTP 502"),
		);
		const lists = () => peer.requests.filter(({ path }) => path === "/api/sessions").length;
		const before = lists();
		await until(() => expect(lists()).toBeGreaterThan(before + 30));
		expect(peer.requests.filter(({ path }) => path.endsWith("/spans")).length).toBeLessThanOrEqual(2);
		await expect(source.loadTrace("ses_a", never)).rejects.toMatchObject({
			name: "SourceError",
			reason: "serverError",
		});
		peer.beforeAnswer = undefined;
		await source.loadTrace("ses_a", never);
		expect(rowsOf(source, "ses_a")).toBe(2);
	});

	it("is not there: Tempo has dropped what the list still tells of", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		peer.endSession("ses_a");
		const source = await connected(peer);
		peer.beforeAnswer = ({ path }) => (path.endsWith("/spans") ? { status: 200, body: "[]" } : undefined);
		await expect(source.loadTrace("ses_a", never)).rejects.toMatchObject({
			reason: "notFound",
			message: expect.stringContaining("Tempo may have dropped them"),
		});
		expect(source.store.entry("ses_a")).toBeDefined();
	});

	it("answers late, and does not undo what its stream has said meanwhile", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const source = await connected(peer);
		await until(() => expect(rowsOf(source, "ses_a")).toBe(2));
		let release: () => void = () => undefined;
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		const old = await (await fetch(`${peer.url}/api/sessions/ses_a/spans`)).text();
		let isAsked = false;
		peer.beforeAnswer = async ({ path }) => {
			if (!path.endsWith("/spans")) return undefined;
			isAsked = true;
			await held;
			return { status: 200, body: old };
		};
		const reading = source.loadTrace("ses_a", never);
		await until(() => expect(isAsked).toBe(true));
		peer.addToolCall("ses_a", "bash");
		await until(() => expect(rowsOf(source, "ses_a")).toBe(3));
		release();
		await reading;
		expect(rowsOf(source, "ses_a")).toBe(3);
	});

	it("is there all the same when its stream is first, and still being taken in", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const span = (number: number) => ({
			trace_id: "t",
			span_id: String(number),
			span_name: "opencode.llm",
			start_ns: String(number),
			duration_ms: 1,
			attributes: { text: "x".repeat(100) },
		});
		const frame = JSON.stringify(Array.from({ length: 6000 }, (_, number) => span(number)));
		peer.nextStreams.push({ type: "bytes", chunks: [`event: spans\ndata: ${frame}\n\n`], ending: "open" });
		const source = makeSource(peer.url);
		source.connect();
		await until(() => expect(source.store.entry("ses_a")).toBeDefined());
		await source.loadTrace("ses_a", never);
		expect(source.store.entry("ses_a")?.isWhole).toBe(true);
		await until(() => expect(rowsOf(source, "ses_a")).toBe(6000));
	});

	it("is forgotten as a trouble once it is out of the list", async () => {
		const peer = await startPeer({ secondMs: 1000 });
		peer.addModelCall("ses_a");
		const said = 'event: error\ndata: {"detail":"no"}\n\n';
		peer.nextStreams.push({ type: "bytes", chunks: [said], ending: "open" });
		const source = await connected(peer);
		await until(() => expect(source.status.requestError).toBe("session ses_a: its spans cannot be read: no"));
		peer.clear();
		await until(() => expect(source.status.requestError).toBeUndefined());
	});

	it("is asked for once by all who want to know at the same time", async () => {
		const peer = await startPeer();
		peer.addModelCall("ses_a");
		const ids = Array.from({ length: 30 }, () => peer.addToolCall("ses_a", "bash").span_id);
		peer.endSession("ses_a");
		const source = await connected(peer);
		const details = await Promise.all(ids.map((id) => source.loadSpan("ses_a", id, never)));
		expect(details.map(({ summary }) => summary.spanId)).toEqual(ids);
		await source.loadTrace("ses_a", never);
		expect(peer.requests.filter(({ path }) => path.endsWith("/spans"))).toHaveLength(1);
		const left = new AbortController();
		const one = source.loadSpan("ses_a", ids[0], left.signal);
		left.abort();
		await expect(one).rejects.toMatchObject({ name: "AbortError" });
	});
});

describe("the store's bound", () => {
	it("pushes sessions out, which come back when they are opened", async () => {
		const peer = await startPeer();
		for (const id of ["ses_1", "ses_2", "ses_3"]) {
			for (let count = 0; count < 20; count++) peer.addToolCall(id, "bash");
			peer.endSession(id);
		}
		const store = new TraceStore({ maxSpans: 45 });
		ends.push(() => store.dispose());
		const source = await connected(peer, { store });
		for (const id of ["ses_1", "ses_2", "ses_3", "ses_1"]) {
			await source.loadTrace(id, never);
			const pin = store.pin(id);
			expect(rowsOf(source, id)).toBeGreaterThan(0);
			pin.dispose();
		}
		expect(store.spanCount).toBeLessThanOrEqual(45);
	});
});

describe("options", () => {
	it.each([
		[{ range: "7d" }, 'the option "range" must be one of 1h, 6h, 24h, all'],
		[{ refreshSeconds: 0 }, 'the option "refreshSeconds" must be a number from 0.1 to 300'],
		[{ refreshSeconds: "fast" }, 'the option "refreshSeconds" must be a number'],
	])("that make no sense are said: %j", async (options, words) => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { config: { options }, pollMs: undefined });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "protocol" }));
		const { state } = source.status;
		expect(state.name === "failed" && state.message).toContain(words);
		await expect(source.refresh(never))
			.resolves.toBeUndefined()
			.catch(() => undefined);
		expect(peer.streamCount).toBe(0);
	});

	it("say what range is listed", async () => {
		const peer = await startPeer();
		const source = await connected(peer, { config: { options: { range: "all" } } });
		expect(peer.requests[0].query.get("range")).toBe("all");
		expect(source.hasMore).toBe(false);
	});
});

describe("what answers at an address", () => {
	const probe = (url: string, token?: string) => traceExplorer.identify({ url, fetch, token, signal: never });

	it("is known by its health and its overview, in two requests", async () => {
		const peer = await startPeer();
		expect(await probe(peer.url)).toEqual({ match: "yes", found: "0 sessions in the last hour" });
		peer.addModelCall("ses_a");
		expect(await probe(peer.url)).toEqual({ match: "yes", found: "1 session in the last hour" });
		expect(peer.requests).toHaveLength(4);
		peer.tempoFailure = "down";
		expect(await probe(peer.url)).toEqual({ match: "yes", found: "its Tempo does not answer" });
	});

	it("may need a token first", async () => {
		const peer = await startPeer();
		peer.authorization = "Bearer right";
		expect(await probe(peer.url)).toMatchObject({ match: "needsToken", error: { reason: "unauthorized" } });
		expect(await probe(peer.url, "right")).toMatchObject({ match: "yes" });
	});

	it("may be something else, or nothing", async () => {
		const other = await TracewayPeer.start({ dialect: "R" });
		ends.push(() => other.close());
		expect(await probe(other.url)).toEqual({ match: "no" });
		const peer = await startPeer();
		instead(peer, "/api/overview", { status: 200, body: '{"total_sessions":1}' });
		expect(await probe(peer.url)).toEqual({ match: "no" });
		instead(peer, "/api/health", { status: 200, body: '{"status":"up"}' });
		expect(await probe(peer.url)).toEqual({ match: "no" });
		await peer.stop();
		await expect(probe(peer.url)).rejects.toMatchObject({ name: "SourceError", reason: "network" });
	});
});
