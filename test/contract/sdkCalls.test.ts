import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Stream } from "./support/frames.ts";
import { type Answer, send, start } from "./support/testServer.ts";

/** Calls as the SDKs of Traceway make them (reference, section 10), on the bytes of HTTP: nothing is added that they do not send. */

/** The TypeScript SDK: under `/api`, a content type only with a body, a bearer token only with a key; anything but 2xx throws. */
async function typeScriptSdk() {
	const server = await start();
	const call = async (method: string, path: string, body?: object, headers?: Record<string, string>) => {
		const answer = await send(method, `${server.url}/api${path}`, body, headers);
		if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: HTTP ${answer.status}`);
		// The dashboard reads every answer as JSON, those to POST and DELETE, too.
		return answer.json;
	};
	return { server, call };
}

describe("the calls of the TypeScript SDK", () => {
	it("make and end spans, with and without bodies", async () => {
		const { call } = await typeScriptSdk();
		const { id: traceId } = await call("POST", "/traces", {});
		expect(traceId).toEqual(expect.any(String));
		const root = await call("POST", "/spans", { trace_id: traceId, name: "root", parent_id: null });
		const child = await call("POST", "/spans", {
			trace_id: traceId,
			name: "call",
			parent_id: root.id,
			kind: { type: "llm_call", model: "gpt-4o-mini", provider: "openai" },
			input: { prompt: "hi" },
			metadata: { user: "u" },
		});
		const read = await call("GET", `/spans/${root.id}`);
		expect([read.status, read.parent_id, read.ended_at]).toEqual(["running", null, null]);
		await call("POST", `/spans/${root.id}/complete`);
		await call("POST", `/spans/${child.id}/fail`, { error: "Error: boom" });
		const { spans, count } = await call("GET", `/traces/${traceId}`);
		expect(count).toBe(2);
		expect(spans).toMatchObject([
			{ id: root.id, status: "completed", parent_id: null },
			{
				id: child.id,
				parent_id: root.id,
				status: { failed: { error: "Error: boom" } },
				input: { prompt: "hi" },
				metadata: { user: "u" },
			},
		]);
	});

	it("take a span of any trace id, lists under the SDK's keys, counts by kind and sums", async () => {
		const { call } = await typeScriptSdk();
		const traceId = randomUUID();
		const kinds = [
			{ type: "llm_call", model: "m", input_tokens: 3, output_tokens: 4 },
			{ type: "fs_read", path: "/a", bytes_read: 1 },
			{ type: "fs_write", path: "/a", file_version: "1", bytes_written: 1 },
			{ type: "custom", kind: "tool", attributes: { a: 1 } },
			undefined,
		];
		for (const kind of kinds) {
			const { id } = await call("POST", "/spans", { trace_id: traceId, name: "n", parent_id: null, kind });
			await call("POST", `/spans/${id}/complete`, { output: "o" });
		}
		const traces = await call("GET", "/traces");
		expect([traces.traces.length, traces.count]).toEqual([1, 1]);
		const counts = ["llm_call", "fs_read", "fs_write", "tool", "custom"].map(
			async (kind) => (await call("GET", `/spans?kind=${kind}`)).count,
		);
		expect(await Promise.all(counts)).toEqual([1, 1, 1, 1, 2]);
		expect((await call("GET", `/spans?trace_id=${traceId}`)).spans).toHaveLength(5);
		expect(await call("GET", "/stats")).toMatchObject({ trace_count: 1, span_count: 5 });
		expect(await call("GET", "/health")).toMatchObject({ status: "ok" });
		const exported = await call("GET", "/export/json");
		expect(exported.traces[traceId]).toHaveLength(5);
		expect(await call("GET", "/analytics/summary")).toMatchObject({ total_llm_calls: 1, models_used: ["m"] });
		expect(await call("POST", "/analytics", { metrics: ["span_count"], group_by: ["kind"], filter: {} })).toMatchObject(
			{
				groups: expect.any(Array),
				totals: { span_count: 5 },
			},
		);
	});

	it("delete: a deleted trace is none, and an empty server lists nothing", async () => {
		const { call } = await typeScriptSdk();
		const { id } = await call("POST", "/traces", { name: "t" });
		await call("POST", "/spans", { trace_id: id, name: "n" });
		expect(await call("DELETE", `/traces/${id}`)).toEqual({ trace_id: id, spans_deleted: 1 });
		await expect(call("GET", `/traces/${id}`)).rejects.toThrow("HTTP 404");
		await call("POST", "/traces", { name: "t" });
		expect(await call("DELETE", "/traces")).toEqual({ message: expect.any(String) });
		expect(await call("GET", "/traces")).toMatchObject({ traces: [], count: 0, items: [], total: 0 });
	});

	it("send a key that nobody asked for, and read the stream with it in the query", async () => {
		const { server, call } = await typeScriptSdk();
		const live = await new Stream(`${server.url}/api/events?token=tw_sk_1`).open();
		await call("POST", "/traces", { name: "t" }, { Authorization: "Bearer tw_sk_1" });
		expect((await live.take(1))[0]).toMatchObject({ data: { type: "trace_created", trace: { name: "t" } } });
	});

	it("export what the AI SDK told: many spans at once, each completed with output and kind", async () => {
		const { call } = await typeScriptSdk();
		const { id: traceId } = await call("POST", "/traces", { name: "ai.generateText" });
		const ids = await Promise.all(
			Array.from({ length: 64 }, async () => {
				const { id } = await call("POST", "/spans", { trace_id: traceId, name: "ai.generateText.doGenerate" });
				const kind = { type: "llm_call", model: "gpt-4o-mini", input_tokens: 1_000_000, output_tokens: 0 };
				await call("POST", `/spans/${id}/complete`, { output: { text: "hello" }, kind });
				return id;
			}),
		);
		expect(new Set(ids).size).toBe(64);
		expect((await call("GET", "/traces")).items[0]).toMatchObject({ span_count: 64, total_cost: 9.6 });
	});
});

describe("the calls of the Python SDK", () => {
	/** `/api` first; on 404 the same path without it. A true 404 is asked twice and must be JSON both times. */
	async function pythonSdk() {
		const { url } = await start();
		const headers = { "x-traceway-control-token": "backend" };
		return async (method: string, path: string, body?: unknown): Promise<Answer> => {
			const answer = await send(method, `${url}/api${path}`, body, headers);
			if (answer.status !== 404) return answer;
			const again = await send(method, url + path, body, headers);
			expect([again.status, again.json]).toEqual([404, { error: expect.any(String), code: "not_found" }]);
			return again;
		};
	}

	it("find the API, and a true 404", async () => {
		const call = await pythonSdk();
		expect((await call("GET", "/stats")).json).toMatchObject({ trace_count: 0, span_count: 0 });
		for (const path of ["/spans/none", "/traces/none", "/sessions/none", "/nothing"]) await call("GET", path);
		for (const path of ["/spans/none/complete", "/spans/none/fail"]) await call("POST", path, { error: "e" });
	});

	it("complete with nothing in all its spellings, once", async () => {
		const call = await pythonSdk();
		for (const body of [undefined, "", "{}", { output: null }, { output: null, kind: null }]) {
			const { id } = (await call("POST", "/spans", { trace_id: randomUUID(), name: "n" })).json;
			expect(await call("POST", `/spans/${id}/complete`, body)).toMatchObject({ status: 200, json: { ok: true } });
			expect((await call("GET", `/spans/${id}`)).json.status).toBe("completed");
			for (const again of ["complete", "fail"]) {
				expect((await call("POST", `/spans/${id}/${again}`, { error: "late" })).status).toBe(409);
			}
			expect((await call("GET", `/spans/${id}`)).json.status).toBe("completed");
		}
	});

	it("read lists under either pair of keys", async () => {
		const call = await pythonSdk();
		for (const name of ["a", "b"]) await call("POST", "/spans", { trace_id: name, name });
		for (const [path, key] of [
			["/traces", "traces"],
			["/spans", "spans"],
			["/spans?limit=1", "spans"],
			["/sessions", "sessions"],
		] as const) {
			const { json } = await call("GET", path);
			expect(json).toMatchObject({ has_more: path.includes("limit"), total: json.count, [key]: json.items });
			expect(json.next_cursor === null).toBe(!json.has_more);
			expect(json.cursor).toBe(json.next_cursor);
		}
	});
});
