import type { RouterRoute } from "hono/types";
import { describe, expect, it } from "vitest";
import { createSpanSchema } from "../../src/protocol/rest.ts";
import { client, start } from "./support/testServer.ts";

describe("what a server tells of itself", () => {
	it("describes exactly the routes that it has, in OpenAPI", async () => {
		let routes: readonly RouterRoute[] = [];
		const server = await start({
			extraRoutes: (app) => {
				routes = app.routes;
			},
		});
		const { status, json } = await client(server).get("/openapi.json");
		expect(status).toBe(200);
		const described = Object.entries<object>(json.paths).flatMap(([path, operations]) =>
			Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
		);
		const mounted = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
		expect(described.sort()).toEqual([...new Set(mounted)].sort());
		expect(json).toMatchObject({ openapi: "3.1.1", info: { version: "1.2.3" } });
	});

	it("describes bodies by the schemas that check them", async () => {
		const { json } = await client(await start()).get("/openapi.json");
		const { schema } = json.paths["/api/spans"].post.requestBody.content["application/json"];
		expect(schema.required).toEqual(["trace_id", "name"]);
		expect(Object.keys(schema.properties)).toEqual(Object.keys(createSpanSchema.shape));
		expect(json.paths["/api/spans/{id}/complete"].post.requestBody.required).toBe(false);
	});

	it("describes itself without a token, and nothing else", async () => {
		const { get } = client(await start({ token: "secret" }));
		expect((await get("/openapi.json")).status).toBe(200);
		for (const path of ["/stats", "/metrics", "/auth/me"]) expect((await get(path)).status).toBe(401);
	});

	it("counts in Prometheus' text format what stats has", async () => {
		const server = await start({ maxDbBytes: 123_456_789 });
		const api = client(server);
		await api.span({ trace_id: "one" });
		const { json: stats } = await api.get("/stats");
		expect(stats).toMatchObject({
			trace_count: 1,
			span_count: 1,
			evicted_traces: 0,
			dropped_logs: 0,
			max_bytes: 123_456_789,
		});
		expect(stats.used_bytes).toBeGreaterThan(0);
		expect(stats.latest_event_id).toBeGreaterThan(0);
		const { text, headers } = await api.get("/metrics");
		expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
		const lines = text.trimEnd().split("\n");
		for (const [index, line] of lines.entries()) {
			expect(line).toMatch(
				[/^# HELP [a-z_]+ .+$/, /^# TYPE [a-z_]+ (counter|gauge)$/, /^[a-z_]+ -?[\d.e+]+$/][index % 3],
			);
		}
		expect(lines).toContain("traceway_spans 1");
		expect(lines).toContain("traceway_traces 1");
		expect(lines).toContain(`traceway_events_total ${stats.latest_event_id}`);
		expect(lines).toContain("traceway_storage_max_bytes 123456789");
	});

	it("is ready while data can be written, and says when they cannot", async () => {
		let database: { exec(sql: string): void } | undefined;
		const server = await start({
			extraRoutes: (_app, services) => {
				database = services.store.database;
			},
		});
		const { get } = client(server);
		expect((await get("/ready")).json).toEqual({ status: "ready" });
		database?.exec("PRAGMA query_only = 1");
		const answer = await get("/ready");
		expect(answer.status).toBe(503);
		expect(answer.json.code).toBe("storage_failed");
		expect((await get("/live")).status).toBe(200);
		database?.exec("PRAGMA query_only = 0");
		expect((await get("/ready")).status).toBe(200);
	});

	it("takes whoever asks locally for a user of every scope", async () => {
		const { json } = await client(await start()).get("/auth/me");
		expect(json.is_local_mode).toBe(true);
		expect(json.scopes).toContain("traces_write");
	});
});
