import { afterEach, describe, expect, it } from "vitest";
import { decodeProtobuf } from "../../src/otlp/protobufDecode.ts";
import type { TempoSpan } from "../peers/tempoData.ts";
import { TempoPeer, type TempoPeerOptions } from "../peers/tempoPeer.ts";

/** The peer speaks as the reference and Tempo's documentation have Tempo speak: what the tests of the adapter rest on. */

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function startPeer(options?: TempoPeerOptions): Promise<TempoPeer> {
	const peer = await TempoPeer.start(options);
	ends.push(() => peer.stop());
	return peer;
}

const START_NS = 1_772_787_600_000_000_000n;
const START_S = 1_772_787_600;

const span = (fields: Partial<TempoSpan> = {}): TempoSpan => ({
	spanId: "11aa22bb33cc44dd",
	name: "opencode.llm",
	service: "opencode",
	startNs: START_NS,
	endNs: START_NS + 2_100_000_000n,
	...fields,
});

async function get(peer: TempoPeer, path: string, headers: Record<string, string> = {}) {
	const response = await fetch(`${peer.url}${path}`, { headers });
	const text = await response.text();
	const isJson = /json/.test(response.headers.get("content-type") ?? "");
	return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

const search = (peer: TempoPeer, query: Record<string, string | number>) =>
	get(peer, `/api/search?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]))}`);

describe("the Tempo of the tests", () => {
	it("finds traces by query and time, their ids without the zeros at the beginning", async () => {
		const peer = await startPeer();
		peer.add("00f1a2b3c4d5e6f70000000000000001", span({ attributes: { "session.id": "ses_demo1" } }));
		peer.add("b7f1a2b3c4d5e6f70000000000000002", span({ service: "other" }));
		const query = { q: '{resource.service.name="opencode"} | select(.session.id)', limit: 10, spss: 1 };
		const { json } = await search(peer, { ...query, start: START_S - 10, end: START_S + 10 });
		expect(json.traces).toEqual([
			{
				traceID: "f1a2b3c4d5e6f70000000000000001",
				rootServiceName: "opencode",
				rootTraceName: "opencode.llm",
				startTimeUnixNano: "1772787600000000000",
				durationMs: 2100,
				spanSet: expect.objectContaining({ matched: 1 }),
				spanSets: [expect.objectContaining({ matched: 1 })],
				serviceStats: { opencode: { spanCount: 1 } },
			},
		]);
		expect(json.traces[0].spanSets[0].spans[0].attributes).toEqual([
			{ key: "session.id", value: { stringValue: "ses_demo1" } },
		]);
		expect((await search(peer, { ...query, start: START_S + 10, end: START_S + 20 })).json.traces).toEqual([]);
		expect((await search(peer, { q: '{ .session.id = "ses_demo1" || name = "x" }' })).json.traces).toHaveLength(1);
	});

	it("says in place of a root's names that there is none yet, and leaves a duration of 0 out", async () => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span({ parentSpanId: "00f1a2b3c4d5e6f7", endNs: START_NS }));
		const [row] = (await search(peer, { q: "{}" })).json.traces;
		expect(row.rootTraceName).toBe("<root span not yet received>");
		expect(row).not.toHaveProperty("durationMs");
	});

	it("cuts at the limit, and refuses what Tempo refuses, as plain text", async () => {
		const peer = await startPeer();
		for (let number = 1; number <= 30; number++) peer.add(peer.traceId(number), span({ spanId: peer.spanId() }));
		expect((await search(peer, { q: "{}" })).json.traces).toHaveLength(20);
		expect((await search(peer, { q: "{}", limit: 25 })).json.traces).toHaveLength(25);
		for (const [query, text] of [
			[{ q: "{ name = " }, "invalid TraceQL query"],
			[{ q: "{}", limit: 0 }, "invalid limit"],
			[{ q: "{}", limit: 300_000 }, "limit 300000 exceeds max limit 262144"],
			[{ q: "{}", start: 100, end: 100 }, "start must be before end"],
			[{ q: "{}", start: 100, end: 100 + 169 * 3600 }, "exceeds 168h0m0s"],
		] as const) {
			expect(await search(peer, query)).toMatchObject({ status: 400, text: expect.stringContaining(text) });
		}
	});

	it("answers a trace in JSON with base64 ids under `batches`, and in the other forms on demand", async () => {
		const peer = await startPeer();
		const traceId = "00f1a2b3c4d5e6f70000000000000001";
		peer.add(traceId, span({ parentSpanId: "00f1a2b3c4d5e6f7", attributes: { "llm.token_count.total": 950 } }));
		const { json } = await get(peer, "/api/traces/f1a2b3c4d5e6f70000000000000001");
		expect(json.batches[0].scopeSpans[0].spans[0]).toMatchObject({
			spanId: "EaoiuzPMRN0=",
			parentSpanId: "APGis8TV5vc=",
			kind: "SPAN_KIND_INTERNAL",
			startTimeUnixNano: "1772787600000000000",
			attributes: [{ key: "llm.token_count.total", value: { intValue: "950" } }],
		});
		peer.shape = "resourceSpans";
		peer.ids = "hex";
		const other = await get(peer, `/api/traces/${traceId}`);
		expect(other.json.resourceSpans[0].scopeSpans[0].spans[0].spanId).toBe("11aa22bb33cc44dd");
		expect((await get(peer, `/api/v2/traces/${traceId}`)).json).toHaveProperty("trace.resourceSpans");
	});

	it("answers a trace in protobuf that our decoder of export requests reads", async () => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span());
		const headers = { accept: "application/protobuf" };
		const response = await fetch(`${peer.url}/api/traces/${peer.traceId(1)}`, { headers });
		expect(response.headers.get("content-type")).toBe("application/protobuf");
		const ids: string[] = [];
		decodeProtobuf(Buffer.from(await response.arrayBuffer()), { take: (one) => void ids.push(one.spanId) });
		expect(ids).toEqual(["11aa22bb33cc44dd"]);
	});

	it("knows no other traces, and no ids that are not hex", async () => {
		const peer = await startPeer();
		expect(await get(peer, "/api/traces/abc")).toMatchObject({ status: 404, text: "trace not found" });
		expect(await get(peer, "/api/traces/xyz")).toMatchObject({ status: 400 });
		expect(await get(peer, "/api/nothing")).toMatchObject({ status: 404, text: "404 page not found" });
	});

	it("finds by search only later what it has by id at once", async () => {
		const peer = await startPeer();
		peer.isSearchDelayed = true;
		peer.add(peer.traceId(1), span());
		expect((await search(peer, { q: "{}" })).json.traces).toEqual([]);
		expect((await get(peer, `/api/traces/${peer.traceId(1)}`)).status).toBe(200);
		peer.makeSearchable();
		expect((await search(peer, { q: "{}" })).json.traces).toHaveLength(1);
	});

	it("asks for a tenant, a user or a token where it has them, and shows a tenant its own traces only", async () => {
		const peer = await startPeer({ tenant: "team-a" });
		peer.add(peer.traceId(1), span());
		expect(await search(peer, { q: "{}" })).toMatchObject({ status: 401, text: "no org id" });
		const of = (tenant: string) => get(peer, "/api/search", { "x-scope-orgid": tenant });
		expect((await of("team-a")).json.traces).toHaveLength(1);
		expect((await of("team-b")).json.traces).toEqual([]);
		peer.tenant = undefined;
		peer.basic = { username: "1234", password: "glc" };
		expect((await get(peer, "/api/echo")).status).toBe(401);
		const authorization = `Basic ${Buffer.from("1234:glc").toString("base64")}`;
		expect(await get(peer, "/api/echo", { authorization })).toMatchObject({ status: 200, text: "echo" });
		peer.basic = undefined;
		peer.bearer = "token";
		expect((await get(peer, "/api/echo", { authorization: "Bearer token" })).status).toBe(200);
	});

	it("lists tags by scope, and their values", async () => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span({ attributes: { "session.id": "ses_demo1" } }));
		const { json } = await get(peer, "/api/v2/search/tags");
		expect(json.scopes).toContainEqual({ name: "span", tags: ["session.id"] });
		expect((await get(peer, "/api/v2/search/tag/span.session.id/values")).json.tagValues).toEqual([
			{ type: "string", value: "ses_demo1" },
		]);
	});

	it("keeps its traces when it is killed and comes back on the same port", async () => {
		const peer = await startPeer();
		peer.add(peer.traceId(1), span());
		const { url } = peer;
		await peer.stop();
		await expect(fetch(`${url}/ready`)).rejects.toThrow();
		await peer.start();
		expect(peer.url).toBe(url);
		expect((await search(peer, { q: "{}" })).json.traces).toHaveLength(1);
	});
});
