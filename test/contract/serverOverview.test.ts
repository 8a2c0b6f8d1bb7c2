import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { TracewayPeer } from "../peers/tracewayPeer.ts";
import { client, start } from "./support/testServer.ts";

const signal = () => new AbortController().signal;

function sourceAt(url: string, filter?: { kind?: string; model?: string }) {
	return createTracewaySource({
		config: { id: "s", name: "s", type: "traceway", url, filter },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
}

async function seeded() {
	const server = await start();
	const api = client(server);
	const llm = { type: "llm_call", model: "home-1", provider: "p", input_tokens: 10, output_tokens: 2, cost: 0.25 };
	await api.span({
		id: "call",
		kind: { ...llm, agent_name: "planner" },
		input: [{ role: "user", content: "x".repeat(300) }],
	});
	await api.post("/spans/call/complete", { output: { content: "fine", finish_reason: "stop" } });
	await api.span({ id: "large", kind: { ...llm, model: "home-2" }, input: `begin ${"y".repeat(300_000)}` });
	await api.span({
		id: "tool",
		kind: { type: "custom", kind: "tool_call", tool_name: "search" },
		input: { q: "cats" },
	});
	await api.post("/spans/tool/fail", { error: "no cats" });
	return { server, api };
}

describe("GET /api/analytics/overview", () => {
	it("has the newest calls with a line of what went in and out", async () => {
		const { api } = await seeded();
		const { json } = await api.get("/analytics/overview?range=1h");
		expect(json.newest_model_calls).toMatchObject([
			{ span_id: "large", state: "running", duration_ms: null, preview: { output: null } },
			{
				trace_id: "t",
				span_id: "call",
				state: "completed",
				name: "home-1",
				agent: "planner",
				cost_usd: 0.25,
				preview: { input: `${"x".repeat(200)}…`, output: "fine", finish_reason: "stop" },
			},
		]);
		expect(json.newest_model_calls[0].preview.input).toMatch(/^begin y{100,}…$/);
		expect(json.newest_tool_calls).toMatchObject([
			{ span_id: "tool", name: "search", state: "failed", error: "no cats", preview: { input: '{ "q": "cats" }' } },
		]);
		expect(json).toMatchObject({ traces: 1, spans: 3, failed_spans: 1, tool_calls: 1, bucket_ms: 60_000 });
		expect(json.tools).toMatchObject([{ tool: "search", calls: 1, succeeded: 0, failed: 1 }]);
		// A call that ended while its preview was kept shows what it said in the end.
		await api.post("/spans/large/complete", { output: "done" });
		const [large] = (await api.get("/analytics/overview")).json.newest_model_calls;
		expect(large).toMatchObject({ state: "completed", preview: { output: "done" } });
	});

	it("counts what a filter lets through", async () => {
		const { server } = await seeded();
		const source = sourceAt(server.url, { model: "home-1" });
		expect(await source.loadOverview("all", signal())).toMatchObject({ spans: 1, usage: { calls: 1, costUsd: 0.25 } });
		source.dispose();
		const others = sourceAt(server.url, { model: "nobody's" });
		expect(await others.loadOverview("24h", signal())).toMatchObject({ spans: 0, usage: { calls: 0, costUsd: null } });
		others.dispose();
	});

	it("names the parameter that is wrong", async () => {
		const api = client(await start());
		for (const [query, name] of [
			["range=2h", "range"],
			["at=now", "at"],
		]) {
			const { status, json } = await api.get(`/analytics/overview?${query}`);
			expect([status, json.code]).toEqual([400, "invalid_query"]);
			expect(json.error).toContain(name);
		}
	});

	it("is said to be unsupported by a server that has none", async () => {
		const peer = await TracewayPeer.start({ dialect: "R" });
		const source = sourceAt(peer.url);
		try {
			await expect(source.loadOverview("24h", signal())).rejects.toMatchObject({ reason: "unsupported" });
		} finally {
			source.dispose();
			await peer.close();
		}
	});
});
