import { describe, expect, it } from "vitest";
import type { WireSessionPage } from "../../src/protocol/sessions.ts";
import { client, start } from "./support/testServer.ts";

const at = (seconds: number) => new Date(Date.parse("2026-03-06T09:00:00Z") + seconds * 1000).toISOString();

/** Session `chat`: two traces, one of which it shares with `other`; `idle` is a tag on a trace without spans. */
async function seeded() {
	const api = client(await start());
	await api.trace({ id: "t1", name: "First Question", tags: ["prod", "session:chat"], started_at: at(0) });
	await api.trace({ id: "t3", tags: ["session_id:idle"], started_at: at(5) });
	const llm = { type: "llm_call", model: "m", input_tokens: 10, output_tokens: 5, cost: 0.25 };
	await api.span({ id: "a", trace_id: "t1", kind: llm, started_at: at(0) });
	await api.span({ id: "b", trace_id: "t1", session_id: "other", kind: llm, started_at: at(1) });
	await api.span({ id: "c", trace_id: "t2", session_id: "chat", started_at: at(100) });
	await api.post("/spans/a/complete", { ended_at: at(2) });
	await api.post("/spans/b/fail", { error: "boom", ended_at: at(3) });
	await api.post("/spans/c/complete", { ended_at: at(101.5) });
	return api;
}

describe("GET /api/sessions", () => {
	it("lists sessions by tags and by spans that name them, the most recent first", async () => {
		const api = await seeded();
		const json: WireSessionPage = (await api.get("/sessions")).json;
		expect(json.sessions).toEqual(json.items);
		expect(json).toMatchObject({ total: 3, count: 3, next_cursor: null, has_more: false });
		expect(json.sessions).toEqual([
			{
				id: "chat",
				trace_count: 2,
				span_count: 2,
				failed_trace_count: 0,
				total_tokens: 15,
				total_cost: 0.25,
				input_tokens: 10,
				output_tokens: 5,
				started_at: at(0),
				ended_at: at(101.5),
				duration_ms: 101_500,
				last_active: at(101.5),
				status: "completed",
			},
			expect.objectContaining({
				id: "idle",
				trace_count: 1,
				span_count: 0,
				total_tokens: null,
				total_cost: null,
				started_at: at(5),
				ended_at: null,
				duration_ms: null,
				status: "running",
			}),
			expect.objectContaining({ id: "other", trace_count: 1, span_count: 1, failed_trace_count: 1, status: "failed" }),
		]);
	});

	it("gives one session with its traces, oldest first", async () => {
		const api = await seeded();
		const { json } = await api.get("/sessions/chat");
		expect(json).toMatchObject({
			id: "chat",
			trace_count: 2,
			avg_trace_latency_ms: 1750,
			error_rate: 0,
			duration_ms: 101_500,
		});
		expect(json.traces).toMatchObject([
			{
				id: "t1",
				name: "First Question",
				tags: ["prod", "session:chat"],
				span_count: 1,
				cost: 0.25,
				tokens: 15,
				duration_ms: 2000,
			},
			{ id: "t2", tags: [], span_count: 1, cost: null, tokens: null, duration_ms: 1500, status: "completed" },
		]);
		expect((await api.get("/sessions/other")).json).toMatchObject({
			error_rate: 1,
			traces: [{ id: "t1", status: "failed" }],
		});
		expect((await api.get("/sessions/none")).status).toBe(404);
	});

	it("loses a session with its last span, and has none while nothing names one", async () => {
		const api = await seeded();
		await api.delete("/spans/b");
		expect((await api.get("/sessions/other")).status).toBe(404);
		await api.delete("/traces");
		expect((await api.get("/sessions")).json).toMatchObject({ sessions: [], total: 0 });
	});

	it.each(["recent", "started", "cost", "tokens", "duration"])(
		"pages through every session once, sorted by %s",
		async (sort) => {
			const api = await seeded();
			for (let index = 0; index < 5; index++) {
				// Ties in every order but that of ids.
				await api.span({ trace_id: `more-${index}`, session_id: `tie-${index}`, started_at: at(50) });
			}
			const whole = (await api.get(`/sessions?sort_by=${sort}`)).json.sessions.map(({ id }: { id: string }) => id);
			expect(whole).toHaveLength(8);
			const paged: string[] = [];
			let cursor = "";
			do {
				const { json } = await api.get(`/sessions?sort_by=${sort}&limit=3&cursor=${cursor}`);
				paged.push(...json.sessions.map(({ id }: { id: string }) => id));
				cursor = json.next_cursor ?? "";
			} while (cursor !== "");
			expect(paged).toEqual(whole);
		},
	);

	it("finds by id and by the names of traces, whatever the case, and by activity", async () => {
		const api = await seeded();
		const ids = async (query: string) =>
			(await api.get(`/sessions?${query}`)).json.sessions.map(({ id }: { id: string }) => id);
		expect(await ids("search=CHA")).toEqual(["chat"]);
		expect(await ids("search=question")).toEqual(["chat", "other"]);
		expect(await ids("search=absent")).toEqual([]);
		expect(await ids(`since=${at(4)}`)).toEqual(["chat", "idle"]);
	});

	it.each([
		["sort_by=name", "sort_by"],
		["since=yesterday", "since"],
		["limit=0", "limit"],
		["cursor=x", "cursor"],
		[`search=${"x".repeat(4001)}`, "search"],
	])("refuses %s and names it", async (query, name) => {
		const { status, json } = await (await seeded()).get(`/sessions?${query}`);
		expect(status).toBe(400);
		expect(json.error).toContain(name);
	});

	it("refuses the cursor of another order", async () => {
		const api = await seeded();
		const { json } = await api.get("/sessions?limit=1");
		expect((await api.get(`/sessions?sort_by=cost&cursor=${json.next_cursor}`)).json.code).toBe("invalid_cursor");
	});
});
