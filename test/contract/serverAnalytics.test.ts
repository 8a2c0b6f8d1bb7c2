import { describe, expect, it } from "vitest";
import { client, start } from "./support/testServer.ts";

/** Two models over two days, a failed tool and a span that runs. */
async function seeded() {
	const api = client(await start());
	const llm = (model: string, cost: number) => ({
		type: "llm_call",
		model,
		provider: "p",
		input_tokens: 100,
		output_tokens: 20,
		cost,
	});
	const spans = [
		["a", { kind: llm("m1", 0.1), started_at: "2026-03-06T09:15:00Z" }, "2026-03-06T09:15:01Z"],
		["b", { kind: llm("m1", 0.2), started_at: "2026-03-06T09:45:00Z" }, "2026-03-06T09:45:03Z"],
		["c", { kind: llm("m2", 0.4), started_at: "2026-03-07T10:00:00Z" }, "2026-03-07T10:00:02Z"],
		["d", { kind: { type: "custom", kind: "tool_call" }, started_at: "2026-03-06T09:30:00Z" }, "failed"],
		["e", { kind: { type: "custom", kind: "agent" }, trace_id: "t2", started_at: "2026-03-07T10:30:00Z" }, undefined],
	] as const;
	for (const [id, body, end] of spans) {
		await api.span({ id, ...body });
		if (end === "failed") await api.post(`/spans/${id}/fail`, { error: "boom", ended_at: "2026-03-06T09:30:04Z" });
		else if (end !== undefined) await api.post(`/spans/${id}/complete`, { ended_at: end });
	}
	return api;
}

describe("POST /api/analytics", () => {
	it("returns only requested metrics in each group and in totals", async () => {
		const api = await seeded();
		const { status, json } = await api.post("/analytics", {
			metrics: ["total_cost", "span_count"],
			group_by: ["model", "day"],
			filter: { kind: "llm_call", since: "2026-03-01T00:00:00Z" },
		});
		expect(status).toBe(200);
		expect(json).toEqual({
			groups: [
				{ key: { model: "m1", day: "2026-03-06" }, total_cost: 0.3, span_count: 2 },
				{ key: { model: "m2", day: "2026-03-07" }, total_cost: 0.4, span_count: 1 },
			],
			totals: { total_cost: 0.7, span_count: 3 },
		});
	});

	it("gives every metric of everything when nothing is asked for", async () => {
		const api = await seeded();
		const totals = {
			total_cost: 0.7,
			total_input_tokens: 300,
			total_output_tokens: 60,
			total_tokens: 360,
			avg_latency_ms: 2500,
			span_count: 5,
			error_count: 1,
		};
		for (const body of [undefined, {}]) {
			expect((await api.post("/analytics", body)).json).toEqual({ groups: [{ key: {}, ...totals }], totals });
		}
	});

	it.each([
		[{ kind: "tool_call" }, ["d"]],
		[{ kind: "custom" }, ["d", "e"]],
		[{ model: "m1" }, ["a", "b"]],
		[{ provider: "p", until: "2026-03-06T23:00:00Z" }, ["a", "b"]],
		[{ status: "running" }, ["e"]],
		[{ trace_id: "t2" }, ["e"]],
		[{ trace_id: "none" }, []],
		[{ session_id: "none" }, []],
		[{ model: "none" }, []],
		[{ since: "2026-03-07T10:00:00Z" }, ["c", "e"]],
		[{ model: null, kind: "" }, ["a", "b", "c", "d", "e"]],
	])("filters by %o", async (filter, ids) => {
		const api = await seeded();
		const { json } = await api.post("/analytics", { metrics: ["span_count"], filter });
		expect(json.totals).toEqual({ span_count: ids.length });
	});

	it("gives buckets of time for one word of time", async () => {
		const api = await seeded();
		const { json } = await api.post("/analytics", { group_by: "hour", metrics: ["span_count"] });
		expect(json.buckets).toEqual([
			{
				timestamp: "2026-03-06T09:00:00Z",
				span_count: 3,
				cost: 0.3,
				tokens: 240,
				avg_latency_ms: 8000 / 3,
				error_count: 1,
			},
			{
				timestamp: "2026-03-07T10:00:00Z",
				span_count: 2,
				cost: 0.4,
				tokens: 120,
				avg_latency_ms: 2000,
				error_count: 0,
			},
		]);
		expect(json.groups.map(({ key }: { key: object }) => key)).toEqual([
			{ hour: "2026-03-06T09:00" },
			{ hour: "2026-03-07T10:00" },
		]);
		const weeks = (await api.post("/analytics", { group_by: "week" })).json.buckets;
		expect(weeks.map(({ timestamp }: { timestamp: string }) => timestamp)).toEqual(["2026-03-02T00:00:00Z"]);
	});

	it.each([
		["cost", "sum", 0.7, [0.3, 0.4]],
		["cost", "avg", 0.233333333, [0.15, 0.4]],
		["cost", "max", 0.4, [0.2, 0.4]],
		["tokens", "sum", 360, [240, 120]],
		["latency_ms", "min", 1000, [1000, 2000]],
		["latency_ms", "count", 4, [3, 1]],
		["error_count", "sum", 1, [1, 0]],
		["span_count", "sum", 5, [3, 2]],
	])("gives %s by %s over days", async (metric, aggregation, value, values) => {
		const api = await seeded();
		const { json } = await api.post("/analytics", { metric, aggregation, bucket: "day" });
		expect(json.value).toBeCloseTo(value, 8);
		expect(json.buckets).toEqual([
			{ timestamp: "2026-03-06T00:00:00Z", value: values[0] },
			{ timestamp: "2026-03-07T00:00:00Z", value: values[1] },
		]);
	});

	it.each([
		[{ metrics: ["cost"] }, "metrics[0]"],
		[{ group_by: ["month"] }, "group_by[0]: must be one of model, provider"],
		[{ group_by: "month" }, "group_by: "],
		[{ filter: { status: "done" } }, "filter.status: must be one of running, completed, failed"],
		[{ filter: { since: "yesterday" } }, "filter.since: "],
		[{ until: "tomorrow" }, "until: "],
		[{ metric: "cost", aggregation: "p99" }, "aggregation"],
		[{ filter: [] }, "filter"],
	])("refuses %o and names what is wrong", async (body, name) => {
		const { status, json } = await (await seeded()).post("/analytics", body);
		expect(status).toBe(422);
		expect(json.error).toContain(name);
	});

	it("tells models apart that are too long for the columns in memory", async () => {
		const api = client(await start());
		const models = [`${"m".repeat(300)}1`, `${"m".repeat(300)}2`];
		for (const model of [...models, models[0]]) await api.span({ kind: { type: "llm_call", model } });
		const { json } = await api.post("/analytics", { group_by: ["model"], metrics: ["span_count"] });
		expect(json.groups).toEqual([
			{ key: { model: models[0] }, span_count: 2 },
			{ key: { model: models[1] }, span_count: 1 },
		]);
		const filtered = await api.post("/analytics", { metrics: ["span_count"], filter: { model: models[1] } });
		expect(filtered.json.totals).toEqual({ span_count: 1 });
	});
});

describe("GET /api/analytics/summary", () => {
	it("has the keys of both descriptions", async () => {
		const { json } = await (await seeded()).get("/analytics/summary");
		expect(json).toEqual({
			total_traces: 2,
			total_spans: 5,
			total_llm_calls: 3,
			total_cost: 0.7,
			total_tokens: 360,
			total_input_tokens: 300,
			total_output_tokens: 60,
			avg_latency_ms: 2500,
			error_count: 1,
			error_rate: 0.2,
			models_used: ["m1", "m2"],
			providers_used: ["p"],
			cost_by_model: [
				{ model: "m1", cost: 0.3, span_count: 2 },
				{ model: "m2", cost: 0.4, span_count: 1 },
			],
			tokens_by_model: [
				{ model: "m1", input_tokens: 200, output_tokens: 40, total_tokens: 240 },
				{ model: "m2", input_tokens: 100, output_tokens: 20, total_tokens: 120 },
			],
			models: { m1: { count: 2, cost: 0.3, tokens: 240 }, m2: { count: 1, cost: 0.4, tokens: 120 } },
		});
	});

	it("takes bounds of time, and is empty of an empty server", async () => {
		const api = await seeded();
		expect((await api.get("/analytics/summary?since=2026-03-07T00:00:00Z")).json).toMatchObject({
			total_traces: 1,
			total_spans: 2,
			total_cost: 0.4,
		});
		expect((await api.get("/analytics/summary?until=x")).status).toBe(400);
		await api.delete("/traces");
		expect((await api.get("/analytics/summary")).json).toMatchObject({
			total_traces: 0,
			total_spans: 0,
			total_cost: 0,
			avg_latency_ms: null,
			error_rate: 0,
			models_used: [],
		});
	});
});
