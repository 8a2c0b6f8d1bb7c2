import { describe, expect, it } from "vitest";
import type { WireTraceDetail, WireTracePage } from "../../src/protocol/rest.ts";
import { client, send, start, temporaryDir } from "./support/testServer.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z$/;
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

describe("traces over REST", () => {
	it("makes a trace from an empty object", async () => {
		const { post } = client(await start());
		const { status, json } = await post("/traces", {});
		expect(status).toBe(201);
		expect(json).toEqual({
			id: expect.stringMatching(ULID),
			tags: [],
			started_at: expect.stringMatching(TIME),
			ended_at: null,
		});
	});

	it("keeps name, tags, start and the caller's id, and ignores fields it does not know", async () => {
		const { post, get } = client(await start());
		const body = { id: "run 7/é", name: "agent", tags: ["a", "session:x"], started_at: "2026-03-06T09:00:00.123456Z" };
		const { json } = await post("/traces", { ...body, colour: "red" });
		expect(json).toEqual({ ...body, ended_at: null });
		expect((await get("/traces/run%207%2F%C3%A9")).json.trace).toMatchObject(body);
	});

	it("answers a repeated record with the same trace, another one under the same id with 409", async () => {
		const { post, get } = client(await start());
		const first = await post("/traces", { id: "x", name: "one" });
		const again = await post("/traces", { id: "x", name: "one" });
		expect([again.status, again.json]).toEqual([201, first.json]);
		expect(await post("/traces", { id: "x", name: "two" })).toMatchObject({ status: 409, json: { code: "conflict" } });
		expect((await get("/traces")).json.total).toBe(1);
	});

	it("lists traces newest first under both key sets, with sums over their spans", async () => {
		const { post, get, span } = client(await start());
		for (const [id, hour] of [
			["b", 10],
			["c", 11],
			["a", 9],
		]) {
			await post("/traces", { id, started_at: `2026-03-06T${String(hour).padStart(2, "0")}:00:00Z` });
		}
		const ok = await span({ trace_id: "a" });
		const bad = await span({ trace_id: "b" });
		await span({ trace_id: "c" });
		await post(`/spans/${ok}/complete`, { ended_at: "2030-01-01T00:00:00Z" });
		await post(`/spans/${bad}/fail`, { error: "no" });
		const { json } = await get("/traces");
		expect(json.items).toEqual(json.traces);
		expect(json).toMatchObject({ total: 3, count: 3, next_cursor: null, has_more: false });
		expect(json.items.map((item: { id: string }) => item.id)).toEqual(["c", "b", "a"]);
		expect(json.items).toMatchObject([
			{ span_count: 1, status: "running", ended_at: null },
			{ span_count: 1, status: "failed", ended_at: expect.stringMatching(TIME) },
			{ span_count: 1, status: "completed", ended_at: "2030-01-01T00:00:00.000Z" },
		]);
	});

	it("pages through traces once each, also when more arrive meanwhile", async () => {
		const { post, get } = client(await start());
		const ids = Array.from({ length: 25 }, (_, index) => `t${index}`);
		for (const id of ids) await post("/traces", { id, started_at: "2026-03-06T09:00:00Z" });
		const seen: string[] = [];
		let cursor: string | null = null;
		do {
			const page: WireTracePage = (await get(`/traces?limit=10${cursor === null ? "" : `&cursor=${cursor}`}`)).json;
			seen.push(...page.items.map((item) => item.id));
			cursor = page.next_cursor;
			expect(page.has_more).toBe(cursor !== null);
			await post("/traces", {});
		} while (cursor !== null);
		expect(seen.toSorted()).toEqual(ids.toSorted());
	});

	it("gives at most 1000 traces to a page, 50 unless told otherwise", async () => {
		const { get, post } = client(await start());
		const time = "2026-03-06T09:00:00Z";
		const span = (id: string) => ({ id, name: "n", status: "completed", started_at: time, ended_at: time });
		const traces = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`t${at}`, [span(`s${at}`)]]));
		expect((await post("/import", { traces })).json).toMatchObject({ spans: 1001, rejected: 0 });
		for (const [query, count] of [
			["", 50],
			["?limit=5000", 1000],
		] as const) {
			const { json } = await get(`/traces${query}`);
			expect(json).toMatchObject({ total: 1001, count: 1001, has_more: true, next_cursor: expect.any(String) });
			expect(json.items).toHaveLength(count);
		}
	});

	it("answers all spans of a trace, oldest first, and 404 for a trace that is not there", async () => {
		const { get, span, trace } = client(await start());
		const id = await trace({ name: "t" });
		await span({ trace_id: id, name: "second", started_at: "2026-03-06T09:00:02Z" });
		await span({ trace_id: id, name: "first", started_at: "2026-03-06T09:00:01Z" });
		const json: WireTraceDetail = (await get(`/traces/${id}`)).json;
		expect(json.count).toBe(2);
		expect(json.spans.map((item) => item.name)).toEqual(["first", "second"]);
		expect(json.trace).toMatchObject({ id, name: "t", span_count: 2 });
		expect(await get("/traces/none")).toMatchObject({ status: 404, json: { code: "not_found" } });
	});

	it("sends a large trace whole, each span once, with and without payloads", async () => {
		const { get, span } = client(await start());
		const ids = await Promise.all(Array.from({ length: 3500 }, () => span({ trace_id: "big", input: "x".repeat(50) })));
		for (const fields of ["", "?fields=skeleton"]) {
			const { json } = await get(`/traces/big${fields}`);
			expect(json.count).toBe(3500);
			expect(json.spans.map((item: { id: string }) => item.id).toSorted()).toEqual(ids.toSorted());
			expect("input" in json.spans[0]).toBe(fields === "");
		}
	});

	it("deletes a trace with its spans and says how many; a second time it is not there", async () => {
		const { get, span, trace, delete: remove } = client(await start());
		const id = await trace();
		const spanId = await span({ trace_id: id });
		await span({ trace_id: id });
		await span({ trace_id: "other" });
		expect(await remove(`/traces/${id}`)).toMatchObject({ status: 200, json: { trace_id: id, spans_deleted: 2 } });
		expect((await get(`/traces/${id}`)).status).toBe(404);
		expect((await get(`/spans/${spanId}`)).status).toBe(404);
		expect((await remove(`/traces/${id}`)).status).toBe(404);
		expect((await get("/stats")).json).toMatchObject({ trace_count: 1, span_count: 1 });
	});

	it("deletes everything for good: after reload and restart nothing is there", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const { get, span, trace, delete: remove } = client(server);
		await span({ trace_id: await trace({ name: "t" }) });
		expect(await remove("/traces")).toMatchObject({ status: 200, json: { message: "All traces cleared" } });
		expect((await get("/traces")).json).toMatchObject({ items: [], total: 0 });
		await server.close();
		const again = client(await start({ dataDir }));
		expect((await again.get("/traces")).json).toMatchObject({ items: [], total: 0 });
		expect((await again.get("/spans")).json).toMatchObject({ items: [], total: 0 });
	});
});

describe("spans over REST", () => {
	it("makes a running root span that reads back with explicit nulls", async () => {
		const { post, get, trace } = client(await start());
		const traceId = await trace();
		const created = await post("/spans", { trace_id: traceId, name: "draft", kind: { type: "llm_call", model: "m" } });
		expect(created.status).toBe(201);
		expect(created.json).toEqual({ id: expect.stringMatching(ULID), trace_id: traceId });
		expect((await get(`/spans/${created.json.id}`)).json).toEqual({
			id: created.json.id,
			trace_id: traceId,
			parent_id: null,
			name: "draft",
			kind: { type: "llm_call", model: "m" },
			status: "running",
			started_at: expect.stringMatching(TIME),
			ended_at: null,
		});
	});

	it("takes a span without kind, and one of a trace that nobody has made, which is listed then", async () => {
		const { get, post } = client(await start());
		const { status, json } = await post("/spans", { trace_id: "nobody", name: "x", parent_id: "unknown" });
		expect(status).toBe(201);
		expect((await get(`/spans/${json.id}`)).json).toMatchObject({ kind: { type: "custom" }, parent_id: "unknown" });
		expect((await get("/traces")).json.items).toMatchObject([{ id: "nobody", span_count: 1 }]);
		expect((await post("/traces", { id: "nobody", name: "late record" })).status).toBe(201);
		expect((await get("/traces")).json.items).toMatchObject([{ id: "nobody", name: "late record", span_count: 1 }]);
	});

	it("answers a repeated span with the same ids, another one under the same id with 409", async () => {
		const { get, post } = client(await start());
		const body = { id: "s", trace_id: "t", name: "n" };
		for (let round = 0; round < 2; round++) {
			expect(await post("/spans", body)).toMatchObject({ status: 201, json: { id: "s", trace_id: "t" } });
		}
		expect(await post("/spans", { ...body, trace_id: "u" })).toMatchObject({ status: 409, json: { code: "conflict" } });
		expect((await get("/stats")).json.span_count).toBe(1);
	});

	it("completes with no body and no content type; then 409, and 404 for an unknown id", async () => {
		const { get, post, span } = client(await start());
		const id = await span({});
		expect(await post(`/spans/${id}/complete`)).toMatchObject({ status: 200, json: { ok: true } });
		const { json } = await get(`/spans/${id}`);
		expect(json).toMatchObject({ status: "completed", ended_at: expect.stringMatching(TIME) });
		expect(json.metadata.duration_ms).toBe(Date.parse(json.ended_at) - Date.parse(json.started_at));
		expect(await post(`/spans/${id}/complete`)).toMatchObject({ status: 409, json: { code: "already_ended" } });
		expect((await post(`/spans/${id}/fail`, { error: "late" })).status).toBe(409);
		expect((await post("/spans/none/complete")).status).toBe(404);
		expect((await post("/spans/none/fail", { error: "x" })).status).toBe(404);
	});

	it("replaces the whole kind on completion and prices it: gpt-4o-mini with a million each costs 0.75", async () => {
		const { get, post, span } = client(await start());
		const id = await span({ kind: { type: "custom", kind: "draft", attributes: { a: 1 } }, input: "question" });
		const kind = { type: "llm_call", model: "gpt-4o-mini-2024-07-18", input_tokens: 1e6, output_tokens: 1e6 };
		await post(`/spans/${id}/complete`, { output: { text: "answer" }, kind });
		const { json } = await get(`/spans/${id}`);
		expect(json).toMatchObject({ input: "question", output: { text: "answer" }, status: "completed" });
		expect(json.kind).toEqual({ ...kind, cost: 0.75 });
		expect(json.metadata).toMatchObject({ total_tokens: 2e6, estimated_cost: 0.75 });
	});

	it("knows no price of an unknown model, and keeps a cost that the caller gave, 0 included", async () => {
		const { get, span } = client(await start());
		const tokens = { type: "llm_call", input_tokens: 10, output_tokens: 10 };
		const unknown = await span({ kind: { ...tokens, model: "home-grown" } });
		const given = await span({ kind: { ...tokens, model: "gpt-4o", cost: 7 } });
		const free = await span({ kind: { ...tokens, model: "gpt-4o", cost: 0 } });
		expect((await get(`/spans/${unknown}`)).json.kind).not.toHaveProperty("cost");
		expect((await get(`/spans/${given}`)).json.kind.cost).toBe(7);
		expect((await get(`/spans/${free}`)).json.kind.cost).toBe(0);
	});

	it("stores a failure exactly as the error text", async () => {
		const { get, post, span } = client(await start());
		const id = await span({});
		expect((await post(`/spans/${id}/fail`, { error: "Error: <b>no</b>\n\u001b[31m" })).json).toEqual({ ok: true });
		expect((await get(`/spans/${id}`)).json.status).toEqual({ failed: { error: "Error: <b>no</b>\n\u001b[31m" } });
	});

	it("keeps the caller's metadata, whose own words win over computed ones", async () => {
		const { get, post, span } = client(await start());
		const id = await span({ metadata: { user: "u", duration_ms: -1 }, kind: { type: "llm_call", input_tokens: 5 } });
		expect((await get(`/spans/${id}`)).json.metadata).toEqual({ user: "u", duration_ms: -1 });
		await post(`/spans/${id}/complete`);
		expect((await get(`/spans/${id}`)).json.metadata).toEqual({ user: "u", duration_ms: -1, total_tokens: 5 });
	});

	it("deletes a span, with 404 when there is none, and forgets a trace that only it had named", async () => {
		const { get, span, delete: remove } = client(await start());
		const first = await span({ trace_id: "t" });
		const second = await span({ trace_id: "t" });
		expect(await remove(`/spans/${first}`)).toMatchObject({ status: 200, json: { ok: true } });
		expect(await remove(`/spans/${first}`)).toMatchObject({ status: 404, json: { code: "not_found" } });
		expect((await get("/traces/t")).json.count).toBe(1);
		await remove(`/spans/${second}`);
		expect((await get("/traces/t")).status).toBe(404);
		expect((await get("/stats")).json).toMatchObject({ trace_count: 0, span_count: 0 });
	});

	it("keeps the sums of a trace right when its spans are deleted", async () => {
		const { get, post, span, delete: remove } = client(await start());
		const early = await span({ trace_id: "t" });
		const late = await span({ trace_id: "t" });
		await post(`/spans/${early}/complete`, { ended_at: "2030-01-01T00:00:00Z" });
		await post(`/spans/${late}/fail`, { error: "x", ended_at: "2031-01-01T00:00:00Z" });
		await remove(`/spans/${late}`);
		expect((await get("/traces")).json.items).toMatchObject([
			{ span_count: 1, status: "completed", ended_at: "2030-01-01T00:00:00.000Z" },
		]);
	});

	it("leaves input, output and attributes out of a skeleton, but for the name of the service, and adds nothing", async () => {
		const { get, post, span } = client(await start());
		const attributes = { "service.name": "api", "resource.service.name": "api", secret: "x".repeat(1000) };
		const custom = await span({ trace_id: "t", input: 1, kind: { type: "custom", kind: "tool", attributes } });
		await span({ trace_id: "t", input: 2, kind: { type: "llm_call", model: "m", input_preview: "p" } });
		await post(`/spans/${custom}/complete`, { output: 3 });
		const full = (await get("/traces/t")).json.spans;
		const expected = full.map((item: Record<string, unknown>) => {
			const { input, output, ...rest } = item;
			return rest;
		});
		expected[0].kind = { ...expected[0].kind, attributes: { "service.name": "api" } };
		expect((await get("/traces/t?fields=skeleton")).json.spans).toEqual(expected);
		expect((await get("/spans?trace_id=t&fields=skeleton&sort_order=asc")).json.items).toEqual(expected);
		expect((await get("/spans?fields=bones")).status).toBe(400);
	});
});

describe("values from outside", () => {
	it("returns numbers with every digit, deep nesting, NUL and lone surrogates in payloads as they came", async () => {
		const { get, post } = client(await start());
		const deep = `${"[".repeat(20_000)}1${"]".repeat(20_000)}`;
		const input = `{"n":[12345678901234567890,1.0,1e400,-0],"text":"a\\u0000b\\ud800c \\u00e9","deep":${deep}}`;
		const created = await post("/spans", `{"trace_id":"t","name":"n","input":${input}}`);
		expect(created.status).toBe(201);
		const { text } = await get(`/spans/${created.json.id}`);
		expect(text).toContain(input.replace("\\u00e9", "é"));
	});

	it("replaces lone surrogates in names and errors, and keeps NUL, in lists and single answers alike", async () => {
		const { get, post, span } = client(await start());
		const id = await span({ trace_id: "t", name: "a\u0000\ud800b" });
		await post(`/spans/${id}/fail`, { error: "\udfffno\u0000" });
		for (const item of [(await get(`/spans/${id}`)).json, (await get("/spans")).json.items[0]]) {
			expect(item).toMatchObject({ name: "a\u0000\ufffdb", status: { failed: { error: "\ufffdno\u0000" } } });
		}
	});

	it("keeps a name and an input of five megabytes", async () => {
		const { get, span } = client(await start());
		const name = "<script>".repeat(655_360);
		const id = await span({ name, input: { name } });
		const { json } = await get(`/spans/${id}`);
		expect(json.name === name && json.input.name === name).toBe(true);
	});

	it("takes attributes and members named like properties of every object", async () => {
		const { get, span } = client(await start());
		const kind = JSON.parse('{"type":"custom","kind":"k","attributes":{"__proto__":1,"constructor":2,"toString":3}}');
		const id = await span({ kind });
		expect((await get(`/spans/${id}`)).text).toContain('{"__proto__":1,"constructor":2,"toString":3}');
	});
});

describe("operations over REST", () => {
	it("tells its health, readiness, mode and counts", async () => {
		const server = await start();
		const { get, span } = client(server);
		await span({});
		expect((await get("/health")).json).toEqual({
			status: "ok",
			version: "1.2.3",
			instance_id: server.instanceId,
			uptime_secs: expect.any(Number),
			uptime: expect.any(Number),
			storage: { backend: "memory", trace_count: 1, span_count: 1 },
		});
		expect((await get("/ready")).status).toBe(200);
		expect((await get("/live")).status).toBe(200);
		expect((await get("/auth/config")).json).toMatchObject({ mode: "local" });
		expect((await get("/stats")).json).toMatchObject({ trace_count: 1, span_count: 1 });
	});

	it("answers the same routes on a second listener", async () => {
		const server = await start({ otlpPort: 0 });
		expect(server.otlpUrl).not.toBe(server.url);
		const health = await send("GET", `${server.otlpUrl}/api/health`);
		expect(health.json.instance_id).toBe(server.instanceId);
	});

	it("mounts further routes", async () => {
		const server = await start({
			extraRoutes: (app, { store }) => app.get("/extra", () => new Response(String(store.spanCount))),
		});
		expect((await send("GET", `${server.url}/extra`)).text).toBe("0");
	});
});
