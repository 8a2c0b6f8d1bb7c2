import { afterEach, describe, expect, it } from "vitest";
import type { Source, SourceConfig, SourceOptions } from "../../src/sources/source.ts";
import { tempo } from "../../src/sources/tempo/definition.ts";
import type { PeerValue, TempoSpan } from "../peers/tempoData.ts";
import { TempoPeer, type TempoPeerOptions } from "../peers/tempoPeer.ts";
import { loaded, never, open, shownIds, until } from "./support/sourceFixture.ts";
import { recordingLogger } from "./support/testServer.ts";

/** What is Tempo's own, beside the list of behaviours that every source has (`sourceTempo.test.ts`). */

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options?: TempoPeerOptions): Promise<TempoPeer> {
	const peer = await TempoPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

async function makeSource(
	peer: TempoPeer,
	own: SourceConfig["options"] = {},
	options: Partial<SourceOptions> = {},
): Promise<{ source: Source; lines: readonly string[] }> {
	const logger = recordingLogger();
	const source = await tempo.create({
		config: { id: "t", name: "Tempo", type: "tempo", url: peer.url, options: { refreshSeconds: 0.1, ...own } },
		logger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		random: () => 0.5,
		...options,
	});
	ends.push(() => source.dispose());
	return { source, lines: logger.lines };
}

async function connected(...args: Parameters<typeof makeSource>): Promise<Source> {
	const { source } = await makeSource(...args);
	source.connect();
	await loaded(source);
	return source;
}

const nowNs = () => BigInt(Date.now()) * 1_000_000n;

/** A span that ended just now, after 50 ms. */
function span(peer: TempoPeer, fields: Partial<TempoSpan> = {}): TempoSpan {
	const endNs = nowNs();
	return { spanId: peer.spanId(), name: "work", startNs: endNs - 50_000_000n, endNs, ...fields };
}

const search = (peer: TempoPeer) => peer.requestsOf("/api/search");
const reads = (peer: TempoPeer, traceId: string) => peer.requestsOf(`/api/traces/${traceId}`);

const LLM: Readonly<Record<string, PeerValue>> = {
	"session.id": "ses_demo1",
	"llm.model_name": "gpt-4o-mini",
	"llm.provider": "openai",
	"llm.token_count.prompt": 900,
	"llm.token_count.completion": 50,
	cost_usd: 0.0021,
};

describe("the wire", () => {
	it("search requests carry `q`, `limit`, `spss=1`, and `start` and `end` in seconds", async () => {
		const peer = await startPeer();
		const before = Math.floor(Date.now() / 1000);
		await connected(peer, { query: '{ resource.service.name = "opencode" }' });
		const [{ query }] = search(peer);
		expect(Object.fromEntries(query)).toMatchObject({
			q: '{ resource.service.name = "opencode" }',
			limit: "500",
			spss: "1",
		});
		const [start, end] = [Number(query.get("start")), Number(query.get("end"))];
		expect(start).toBeLessThan(before);
		expect(end).toBeGreaterThan(before);
		expect(end).toBeLessThan(before + 300);
	});

	it("a base64 id such as `EaoiuzPMRN0=` is shown as 11aa22bb33cc44dd, and an empty parent id means root", async () => {
		const peer = await startPeer();
		peer.hasProtobuf = false;
		const traceId = peer.traceId(2);
		peer.add(traceId, span(peer, { spanId: "11aa22bb33cc44dd" }));
		const source = await connected(peer);
		await open(source, traceId);
		expect(source.store.span(traceId, "11aa22bb33cc44dd")).toMatchObject({ parentSpanId: null, isOrphan: false });
	});

	it("a trace is the same in every form that Tempo and its kin answer in", async () => {
		const shown: unknown[] = [];
		const endNs = nowNs();
		for (const [hasProtobuf, shape, ids] of [
			[true, "batches", "base64"],
			[false, "batches", "base64"],
			[false, "batches", "hex"],
			[false, "resourceSpans", "base64"],
			[false, "resourceSpans", "hex"],
			[false, "v2", "base64"],
		] as const) {
			const peer = await startPeer();
			Object.assign(peer, { hasProtobuf, shape, ids });
			const traceId = peer.traceId(1);
			peer.add(
				traceId,
				{ spanId: "a1a2a3a4a5a6a7a8", name: "run", startNs: endNs - 9_000_000_123n, endNs, service: "agent" },
				{
					spanId: "b1b2b3b4b5b6b7b8",
					parentSpanId: "a1a2a3a4a5a6a7a8",
					name: "chat",
					kind: 3,
					startNs: endNs - 8_000_000_777n,
					endNs: endNs - 1_000_000_111n,
					error: "refused",
					attributes: { ...LLM, big: 9_007_199_254_740_993n, list: ["a", 1], flag: true },
					events: [{ name: "first token", timeNs: endNs - 7_000_000_005n, attributes: { n: 1 } }],
					links: [{ traceId: peer.traceId(3), spanId: "c1c2c3c4c5c6c7c8" }],
				},
			);
			const source = await connected(peer);
			await open(source, traceId);
			const detail = await source.loadSpan(traceId, "b1b2b3b4b5b6b7b8", never);
			shown.push({ detail, root: source.store.span(traceId, "a1a2a3a4a5a6a7a8") });
			expect(source.status.undecodable).toBe(0);
		}
		expect(shown[0]).toMatchObject({
			detail: {
				summary: { kindType: "llm_call", model: "gpt-4o-mini", inputTokens: 900, state: "failed", error: "refused" },
				raw: {
					events: [{ name: "first token", attributes: { n: 1 } }],
					links: [{ span_id: "c1c2c3c4c5c6c7c8" }],
					resource: { attributes: { "service.name": "assistant" } },
					otel: { kind: 3, status_code: 2, value_hints: [[["attributes", "big"], "int"]] },
				},
				attributes: { big: "9007199254740993", list: ["a", 1], flag: true },
			},
			root: { name: "run", state: "completed" },
		});
		for (const form of shown.slice(1)) expect(form).toEqual(shown[0]);
	});

	it("an id that search gives without its zeros is the one that traces are read by", async () => {
		const peer = await startPeer();
		const traceId = "00f1a2b3c4d5e6f70000000000000001";
		peer.add(traceId, span(peer));
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		expect(shownIds(source)).toEqual([traceId]);
	});

	it("a span with both `llm.model_name` and `tool.name` counts once, as an LLM call; cost and tokens come from LLM spans", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		const root = span(peer, { name: "opencode.session", attributes: { "session.total_cost_usd": 0.0021 } });
		peer.add(
			traceId,
			root,
			span(peer, { name: "opencode.llm", parentSpanId: root.spanId, attributes: { ...LLM, "tool.name": "task" } }),
			span(peer, { name: "opencode.tool.bash", parentSpanId: root.spanId, attributes: { "tool.name": "bash" } }),
		);
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		expect(source.store.summary(traceId)).toMatchObject({
			inputTokens: 900,
			outputTokens: 50,
			costUsd: 0.0021,
			sessionId: "ses_demo1",
			state: "completed",
		});
		const kinds = source.store.entry(traceId)?.rows.map((row) => source.store.spanAt(row).kindName);
		expect(kinds?.filter((kind) => kind === "llm_call")).toHaveLength(1);
	});
});

describe("a trace whose root has not come", () => {
	it("runs, with a placeholder of the missing parent's id, until the root is there; then its children hang below it", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		const root = span(peer, { spanId: "00f1a2b3c4d5e6f7", name: "opencode.session" });
		const call = span(peer, { name: "opencode.llm", parentSpanId: root.spanId, attributes: LLM });
		peer.add(traceId, call);
		const source = await connected(peer);
		const { store } = source;
		await until(() => expect(store.span(traceId, call.spanId)).toMatchObject({ isOrphan: true }));
		expect(store.summary(traceId)).toMatchObject({ state: "running", end: undefined, spanCount: 1 });
		expect(store.missingParentOf(store.rowOf(call.spanId, traceId)!)).toBe("00f1a2b3c4d5e6f7");
		expect(store.entry(traceId)?.isWhole).toBe(false);

		peer.add(traceId, root);
		await until(() => expect(store.entry(traceId)?.isWhole).toBe(true));
		expect(store.summary(traceId)).toMatchObject({ name: "opencode.session", state: "completed", spanCount: 2 });
		expect(store.span(traceId, call.spanId)).toMatchObject({ isOrphan: false, parentSpanId: root.spanId });
	});

	it("is read again while it is open, so that its spans show before search finds them", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		const parentSpanId = "00f1a2b3c4d5e6f7";
		peer.add(traceId, span(peer, { parentSpanId }));
		const source = await connected(peer);
		await open(source, traceId);
		peer.isSearchDelayed = true;
		const second = span(peer, { parentSpanId });
		peer.add(traceId, second);
		await until(() => expect(source.store.span(traceId, second.spanId)).toBeDefined());
	});
});

describe("polling", () => {
	it("says that spans are searchable only after some seconds", async () => {
		const source = await connected(await startPeer());
		expect(source.status.mode).toEqual({
			text: "polling every 0.1 s; traces are searchable after some seconds",
			isDegraded: false,
		});
	});

	it("reads a trace once, and again only when there is news of it", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		const root = span(peer);
		peer.add(traceId, root);
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		const searches = search(peer).length;
		await until(() => expect(search(peer).length).toBeGreaterThan(searches + 8));
		expect(reads(peer, traceId)).toHaveLength(1);
		const late = span(peer, { parentSpanId: root.spanId });
		peer.add(traceId, late);
		await until(() => expect(source.store.span(traceId, late.spanId)).toBeDefined());
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		expect(reads(peer, traceId)).toHaveLength(2);
	});

	it("finds what became searchable late", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		peer.isSearchDelayed = true;
		peer.add(peer.traceId(1), span(peer));
		const searches = search(peer).length;
		await until(() => expect(search(peer).length).toBeGreaterThan(searches + 2));
		expect(source.store.traceCount).toBe(0);
		peer.makeSearchable();
		await until(() => expect(shownIds(source)).toEqual([peer.traceId(1)]));
	});

	it("finds what came just now, though its times are of yesterday or of tomorrow", async () => {
		const peer = await startPeer();
		const source = await connected(peer);
		const dayNs = 24n * 3600n * 1_000_000_000n;
		peer.add(peer.traceId(1), span(peer, { startNs: nowNs() - 2n * dayNs, endNs: nowNs() - 2n * dayNs }));
		peer.add(peer.traceId(2), span(peer, { startNs: nowNs() + dayNs, endNs: nowNs() + dayNs }));
		await until(() => expect(source.store.traceCount).toBe(2));
		await until(() => expect([...source.store.entries()].every(({ isWhole }) => isWhole)).toBe(true));
	});

	it("misses nothing where a search is cut at its limit, whichever results it gives", async () => {
		for (const order of ["newest", "oldest"] as const) {
			const peer = await startPeer();
			peer.order = order;
			peer.maxLimit = 40;
			const add = (from: number, to: number) => {
				for (let number = from; number < to; number++) {
					// Over two minutes: some seconds hold several.
					const endNs = nowNs() - BigInt((number % 120) * 997) * 1_000_000n;
					peer.add(peer.traceId(number), span(peer, { startNs: endNs, endNs }));
				}
			};
			add(1, 300);
			const source = await connected(peer);
			expect(source.store.traceCount).toBe(299);
			add(300, 700);
			await until(() => expect(source.store.traceCount).toBe(699));
			expect(source.status.mode?.isDegraded).toBe(false);
			source.dispose();
		}
	});

	it("says so where one second holds more traces than the server lists", async () => {
		const peer = await startPeer();
		peer.maxLimit = 10;
		const endNs = (nowNs() / 1_000_000_000n) * 1_000_000_000n + 500_000_000n;
		for (let number = 1; number <= 50; number++) {
			peer.add(peer.traceId(number), span(peer, { startNs: endNs, endNs }));
		}
		const source = await connected(peer);
		expect(source.status.mode).toMatchObject({ isDegraded: true, text: expect.stringContaining("narrow the query") });
	});

	it("respects what the server allows for a range", async () => {
		const peer = await startPeer();
		peer.maxRangeSeconds = 600;
		peer.add(peer.traceId(1), span(peer));
		const source = await connected(peer, { historyHours: 1 });
		expect(shownIds(source)).toEqual([peer.traceId(1)]);
	});

	it("shows only traces that the query finds, all their spans", async () => {
		const peer = await startPeer();
		const root = span(peer, { service: "opencode" });
		peer.add(peer.traceId(1), root, span(peer, { service: "db", parentSpanId: root.spanId }));
		peer.add(peer.traceId(2), span(peer, { service: "other" }));
		const source = await connected(peer, { query: '{ resource.service.name = "opencode" }' });
		await until(() => expect(source.store.entry(peer.traceId(1))?.rows).toHaveLength(2));
		expect(shownIds(source)).toEqual([peer.traceId(1)]);
	});

	it("shows by its report what is not read yet, and reads no more than the bound unasked", async () => {
		const peer = await startPeer();
		for (const number of [1, 2]) {
			const endNs = nowNs() - BigInt(number) * 1_000_000_000n;
			const root = span(peer, { name: `root ${number}`, endNs, startNs: endNs - 7_000_000n });
			peer.add(
				peer.traceId(number),
				root,
				span(peer, { parentSpanId: root.spanId, error: "no", startNs: endNs, endNs }),
			);
		}
		const source = await connected(peer, {}, { maxSnapshotSpans: 3 });
		await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
		expect(source.store.summary(peer.traceId(2))).toMatchObject({ name: "root 2", spanCount: 2, state: "failed" });
		expect(source.store.entry(peer.traceId(2))?.rows).toEqual([]);
		await source.loadTrace(peer.traceId(2), never);
		expect(source.store.entry(peer.traceId(2))?.rows).toHaveLength(2);
	});

	it("goes back in time on demand, as far as there is something", async () => {
		const peer = await startPeer();
		const hourNs = 3600n * 1_000_000_000n;
		for (const [number, hours] of [1, 30, 200, 700].entries()) {
			const endNs = nowNs() - BigInt(hours) * hourNs;
			peer.add(peer.traceId(number + 1), span(peer, { startNs: endNs, endNs }));
		}
		const source = await connected(peer);
		expect(source.store.traceCount).toBe(1);
		while (source.hasMore) await source.loadMore(never);
		expect(source.store.traceCount).toBe(4);
	});

	it("shows older traces where there is nothing of the last day", async () => {
		const peer = await startPeer();
		const endNs = nowNs() - 100n * 3600n * 1_000_000_000n;
		peer.add(peer.traceId(1), span(peer, { startNs: endNs, endNs }));
		expect(shownIds(await connected(peer))).toEqual([peer.traceId(1)]);
	});
});

describe("who may ask", () => {
	it("a bearer token, and a tenant", async () => {
		const peer = await startPeer({ bearer: "glsa_1", tenant: "team-a" });
		peer.add(peer.traceId(1), span(peer));
		const source = await connected(peer, { tenant: "team-a" }, { getToken: async () => "glsa_1" });
		await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
		expect(reads(peer, peer.traceId(1))[0].headers).toMatchObject({
			"x-scope-orgid": "team-a",
			authorization: "Bearer glsa_1",
		});
	});

	it("a user name, whose password the token is", async () => {
		const peer = await startPeer({
			basic: { username: "1234", password: "glc_sécret".normalize("NFC").replace("é", "e") },
		});
		peer.add(peer.traceId(1), span(peer));
		const source = await connected(peer, { username: "1234" }, { getToken: async () => "glc_secret" });
		expect(source.store.traceCount).toBe(1);
	});

	it("is said where a tenant is missing, with what to do", async () => {
		const { source } = await makeSource(await startPeer({ tenant: "team-a" }));
		source.connect();
		await until(() => expect(source.status.state.name).toBe("failed"));
		expect(source.status.state).toMatchObject({
			reason: "unauthorized",
			message:
				'GET /api/search: HTTP 401, no org id; this Tempo has tenants: name one as "tenant" in the options of this source',
		});
	});

	it("is never told in words, not even when the server repeats it", async () => {
		const peer = await startPeer({ basic: { username: "1234", password: "right" } });
		peer.faultOf = ({ headers }) => ({ type: "status", status: 403, body: `no: ${headers.authorization}` });
		const { source, lines } = await makeSource(peer, { username: "1234" }, { getToken: async () => "SECRET_0123" });
		source.connect();
		await until(() => expect(source.status.state).toMatchObject({ name: "failed", reason: "forbidden" }));
		const said = JSON.stringify([source.status, lines]);
		expect(said).not.toContain("SECRET");
		expect(said).not.toContain(Buffer.from("1234:SECRET_0123").toString("base64").slice(0, 16));
	});
});

describe("what goes wrong", () => {
	it("a query that Tempo refuses is said in Tempo's words, and tried no more", async () => {
		const peer = await startPeer();
		const { source } = await makeSource(peer, { query: "{ nonsense" });
		source.connect();
		await until(() => expect(source.status.state.name).toBe("failed"));
		expect(source.status.state).toMatchObject({
			reason: "protocol",
			message: expect.stringMatching(/invalid TraceQL query: .*; check "query" in the options of this source$/),
		});
		expect(search(peer)).toHaveLength(1);
	});

	it("options that make no sense are said without a request", async () => {
		const peer = await startPeer();
		const { source } = await makeSource(peer, { refreshSeconds: -1 });
		source.connect();
		await until(() => expect(source.status.state.name).toBe("failed"));
		expect(source.status.state).toMatchObject({
			message: '"refreshSeconds" in the options of this source must be a number from 0.1 to 3600',
		});
		await expect(source.loadTrace(peer.traceId(1), never)).rejects.toMatchObject({ reason: "protocol" });
		await expect(source.refresh(never)).rejects.toMatchObject({ reason: "protocol" });
		expect(peer.requests).toEqual([]);
	});

	it.each([
		["nothing like Tempo", { type: "status", status: 404, body: "404 page not found" }, "notFound", "Tempo server?"],
		["a page", { type: "bytes", bytes: "<html>", contentType: "text/html" }, "contentType", "a Tempo server?"],
		["other JSON", { type: "bytes", bytes: '{"status":"ok"}' }, "protocol", "no list of traces"],
		["broken JSON", { type: "bytes", bytes: '{"traces":[' }, "protocol", "no valid JSON"],
		["a refusal", { type: "status", status: 403 }, "forbidden", "HTTP 403"],
	] as const)("%s at the address needs a person", async (_what, fault, reason, words) => {
		const peer = await startPeer();
		peer.everyAnswer = fault;
		const { source } = await makeSource(peer);
		source.connect();
		await until(() => expect(source.status.state.name).toBe("failed"));
		expect(source.status.state).toMatchObject({ reason, message: expect.stringContaining(words) });
		expect(peer.requests.length).toBeLessThan(3);
	});

	it.each([
		["a busy server", { type: "status", status: 429, headers: { "retry-after": "0.05" } }, "rateLimited"],
		["a server in trouble", { type: "status", status: 503 }, "serverError"],
		["a broken connection", { type: "reset" }, "network"],
		["an answer cut off", { type: "bytes", bytes: '{"traces":[]}', isTruncated: true }, "network"],
	] as const)("%s is waited for, and nothing is lost meanwhile", async (_what, fault, reason) => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span(peer));
		const source = await connected(peer);
		peer.everyAnswer = fault;
		await until(() => expect(source.status.state).toMatchObject({ name: "waiting", reason }));
		expect(shownIds(source)).toEqual([peer.traceId(1)]);
		peer.add(peer.traceId(3), span(peer));
		peer.everyAnswer = undefined;
		await until(() => expect(source.store.entry(peer.traceId(3))?.isWhole).toBe(true));
		expect(source.status.state.name).toBe("open");
	});

	it("a 429 for a trace is tried again, and not counted against the connection", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		peer.add(traceId, span(peer));
		let left = 4;
		peer.faultOf = ({ path }) =>
			path.startsWith("/api/traces/") && left-- > 0 ? { type: "status", status: 429 } : undefined;
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		expect(reads(peer, traceId)).toHaveLength(5);
		expect(source.status.state.name).toBe("open");
	});

	it("one trace that fails leaves the others alone, and comes with the next news of it", async () => {
		const peer = await startPeer();
		for (const number of [1, 2, 3]) peer.add(peer.traceId(number), span(peer));
		const bad = peer.traceId(2);
		peer.faultOf = ({ path }) =>
			path.endsWith(bad) ? { type: "status", status: 500, body: "trace exceeds max size" } : undefined;
		const source = await connected(peer);
		await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
		await until(() => expect(source.store.entry(peer.traceId(3))?.isWhole).toBe(true));
		expect(source.store.summary(bad)).toMatchObject({ name: "work", spanCount: 1, state: "completed" });
		await expect(source.loadTrace(bad, never)).rejects.toThrow(/HTTP 500, trace exceeds max size/);
		const searches = search(peer).length;
		await until(() => expect(search(peer).length).toBeGreaterThan(searches + 5));
		expect(reads(peer, bad).length).toBeLessThan(4);
		peer.faultOf = undefined;
		await source.loadTrace(bad, never);
		expect(source.store.entry(bad)?.isWhole).toBe(true);
	});

	it("a trace that is no trace is refused in words, with what is here kept", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		peer.add(traceId, span(peer));
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		for (const [fault, words] of [
			[{ type: "bytes", bytes: "{}", contentType: "application/json" }, "neither resourceSpans nor batches"],
			[{ type: "bytes", bytes: "\xff\xff", contentType: "application/protobuf" }, "is no ExportTraceServiceRequest"],
			[{ type: "bytes", bytes: "ok", contentType: "text/plain" }, "expected protobuf or JSON, got text/plain"],
		] as const) {
			peer.faultOf = ({ path }) => (path.startsWith("/api/traces/") ? fault : undefined);
			await expect(source.loadTrace(traceId, never)).rejects.toThrow(words);
		}
		expect(source.store.entry(traceId)?.rows).toHaveLength(1);
		expect(source.status.state.name).toBe("open");
	});

	it("a trace that retention took is said to be gone when it is opened, and shown no longer", async () => {
		const peer = await startPeer();
		const endNs = nowNs() - 7_200_000_000_000n;
		peer.add(peer.traceId(1), span(peer, { startNs: endNs, endNs }));
		const source = await connected(peer);
		await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
		peer.delete(peer.traceId(1));
		await expect(source.loadTrace(peer.traceId(1), never)).rejects.toThrow("Tempo no longer has this trace");
		expect(source.store.traceCount).toBe(0);
	});

	it("spans of another trace and spans without ids are counted and left out", async () => {
		const peer = await startPeer();
		peer.hasProtobuf = false;
		const traceId = peer.traceId(1);
		peer.add(traceId, span(peer));
		peer.faultOf = ({ path }) => {
			if (!path.startsWith("/api/traces/")) return undefined;
			const good = { traceId, spanId: "a1a2a3a4a5a6a7a8", name: "good", startTimeUnixNano: "1" };
			const spans = [good, { ...good, spanId: "x" }, { ...good, traceId: peer.traceId(3) }, 7, null];
			return { type: "bytes", bytes: JSON.stringify({ batches: [{ scopeSpans: [{ spans }] }] }) };
		};
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.rows).toHaveLength(1));
		await until(() => expect(source.status.undecodable).toBe(4));
	});
});

describe("on demand", () => {
	it("lists a session whose name ends texts in TraceQL", async () => {
		const peer = await startPeer();
		const sessionId = 'a "quoted" \\ one';
		peer.add(peer.traceId(1), span(peer, { attributes: { "gen_ai.conversation.id": sessionId } }));
		const source = await connected(peer);
		expect(await source.listSession(sessionId, never)).toEqual([peer.traceId(1)]);
	});

	it("knows what may stand behind the keys of a filter, also of traces that are not here", async () => {
		const peer = await startPeer();
		const hoursAgoNs = nowNs() - 5n * 3600n * 1_000_000_000n;
		const root = span(peer, { service: "opencode", attributes: LLM, startNs: hoursAgoNs, endNs: hoursAgoNs });
		peer.add(peer.traceId(1), root, span(peer, { parentSpanId: root.spanId, attributes: { "tool.name": "bash" } }));
		peer.add(
			peer.traceId(3),
			span(peer, { attributes: { "gen_ai.request.model": "claude-sonnet-4-5", "http.url": "/x" } }),
		);
		const source = await connected(peer, { query: "{ name = nothing }" });
		expect(source.store.traceCount).toBe(0);
		expect(await source.loadQueryValues?.(never)).toEqual({
			model: ["claude-sonnet-4-5", "gpt-4o-mini"],
			provider: ["openai"],
			service: ["assistant", "opencode"],
			session: ["ses_demo1"],
		});
		const [tags] = peer.requestsOf("/api/v2/search/tags");
		expect(Number(tags.query.get("end")) - Number(tags.query.get("start"))).toBe(6 * 3600);
		expect(peer.requestsOf(/\/values$/).every(({ query }) => query.get("limit") === "100")).toBe(true);
		peer.faultOf = ({ path }) => (path.startsWith("/api/v2/") ? { type: "status", status: 404 } : undefined);
		expect(await source.loadQueryValues?.(never)).toEqual({});
		peer.faultOf = ({ path }) => (path.startsWith("/api/v2/") ? { type: "bytes", bytes: "[1]" } : undefined);
		expect(await source.loadQueryValues?.(never)).toEqual({});
	});

	it("reads a trace of 20,000 spans in either encoding, and one span of it", async () => {
		for (const hasProtobuf of [true, false]) {
			const peer = await startPeer();
			peer.hasProtobuf = hasProtobuf;
			const root = span(peer);
			const spans = Array.from({ length: 20_000 }, (_, index) =>
				span(peer, {
					name: `step ${index}`,
					parentSpanId: root.spanId,
					attributes: { "input.value": `text ${index}` },
				}),
			);
			peer.add(peer.traceId(1), root, ...spans);
			const source = await connected(peer);
			await open(source, peer.traceId(1));
			await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
			expect(source.store.entry(peer.traceId(1))?.rows).toHaveLength(20_001);
			expect(await source.loadSpan(peer.traceId(1), spans[19_999].spanId, never)).toMatchObject({
				input: "text 19999",
			});
			source.dispose();
		}
	});

	it("reads details of small traces that nobody opened without fetching them again, as lists of prompts want", async () => {
		const peer = await startPeer();
		const root = span(peer, { attributes: { "input.value": "hello" } });
		peer.add(peer.traceId(1), root);
		const source = await connected(peer);
		await until(() => expect(source.store.entry(peer.traceId(1))?.isWhole).toBe(true));
		expect(await source.loadSpan(peer.traceId(1), root.spanId, never)).toMatchObject({ input: "hello" });
		expect(reads(peer, peer.traceId(1))).toHaveLength(1);
	});

	it("reads details of an open trace without fetching it again", async () => {
		const peer = await startPeer();
		const traceId = peer.traceId(1);
		const root = span(peer, { attributes: { "input.value": "hello" } });
		peer.add(traceId, root);
		const source = await connected(peer);
		await until(() => expect(source.store.entry(traceId)?.isWhole).toBe(true));
		expect(await source.loadSpan(traceId, root.spanId, never)).toMatchObject({ input: "hello" });
		const before = reads(peer, traceId).length;
		expect(await source.loadSpan(traceId, root.spanId, never)).toMatchObject({ input: "hello" });
		expect(reads(peer, traceId)).toHaveLength(before);
		const late = span(peer, { parentSpanId: root.spanId });
		peer.add(traceId, late);
		expect((await source.loadSpan(traceId, late.spanId, never)).summary).toMatchObject({ spanId: late.spanId });
	});

	it("finds a text anywhere in the spans of a trace, and not in what names its fields", async () => {
		const peer = await startPeer();
		const root = span(peer, { name: "Root" });
		const call = span(peer, {
			name: "chat",
			parentSpanId: root.spanId,
			attributes: { "input.value": 'say "Grüße"\nnow', "custom.key": "deep" },
			error: "it broke",
		});
		peer.add(peer.traceId(1), root, call);
		const source = await connected(peer);
		const found = async (text: string, isCaseSensitive = false) => {
			const ids: string[] = [];
			for await (const hits of source.searchTrace(peer.traceId(1), { text, isCaseSensitive }, never)) {
				expect(hits.isEverywhere).toBe(true);
				ids.push(...hits.spanIds);
			}
			return ids;
		};
		for (const text of ['"grüße"\nNOW', "custom.key", "deep", "broke"])
			expect(await found(text), text).toEqual([call.spanId]);
		expect(await found("Root", true)).toEqual([root.spanId]);
		for (const text of ["trace_id", "started_at", "root2"]) expect(await found(text), text).toEqual([]);
	});
});

describe("an address", () => {
	const identify = (peer: TempoPeer, token?: string, options: SourceConfig["options"] = {}, url = peer.url) =>
		tempo.identify({ url, fetch: globalThis.fetch, token, options, signal: never });

	it("is known by its echo, with the version and what is new in it", async () => {
		const peer = await startPeer();
		expect(await identify(peer)).toEqual({ match: "yes", found: "version 2.6.1 · 0 traces in the last hour" });
		const gateway = await startPeer({ prefix: "/tempo" });
		gateway.add(gateway.traceId(1), span(gateway));
		expect(await identify(gateway)).toEqual({ match: "yes", found: "version 2.6.1 · 1 trace in the last hour" });
	});

	it("is known by a search where a gateway lets nothing else through", async () => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span(peer));
		peer.faultOf = ({ path }) => (path === "/api/search" ? undefined : { type: "status", status: 404 });
		expect(await identify(peer)).toEqual({ match: "yes", found: "1 trace in the last hour" });
		expect(peer.requests).toHaveLength(2);
		peer.faultOf = ({ path }) => (path === "/api/echo" ? undefined : { type: "status", status: 500 });
		expect(await identify(peer)).toEqual({ match: "yes", found: "answers as Tempo does" });
	});

	it("asks for a token or a tenant first where one is needed", async () => {
		const peer = await startPeer({ bearer: "glsa_1" });
		expect(await identify(peer)).toMatchObject({ match: "needsToken", error: { reason: "unauthorized" } });
		expect(await identify(peer, "glsa_1")).toMatchObject({ match: "yes" });
		const tenants = await startPeer({ tenant: "team-a" });
		expect(await identify(tenants)).toMatchObject({
			match: "needsToken",
			error: { message: expect.stringContaining("no org id") },
		});
		expect(await identify(tenants, undefined, { tenant: "team-a" })).toMatchObject({ match: "yes" });
	});

	it.each([
		["a page", { type: "bytes", bytes: "<html>echo</html>", contentType: "text/html" }],
		["an echo of everything else", { type: "bytes", bytes: '{"traces":1}' }],
		["nothing there", { type: "status", status: 404 }],
		["much", { type: "bytes", bytes: "x".repeat(3_000_000) }],
	] as const)("is no Tempo's that answers with %s", async (_what, fault) => {
		const peer = await startPeer();
		peer.everyAnswer = fault;
		expect(await identify(peer)).toEqual({ match: "no" });
		expect(peer.requests.length).toBeLessThan(3);
	});

	it("without an answer is an error in words", async () => {
		const peer = await startPeer();
		const { url } = peer;
		await peer.stop();
		await expect(identify(peer, undefined, {}, url)).rejects.toMatchObject({ name: "SourceError", reason: "network" });
	});
});
