import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { ServerError } from "../../src/server/errors.ts";
import { startServer } from "../../src/server/server.ts";
import { client, send, start } from "./support/testServer.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

describe("malformed requests", () => {
	it.each([
		["an empty object", "{}", "trace_id: is missing, must be a string"],
		["a list", "[]", "body: must be an object"],
		["a number", "1", "body: must be an object"],
		["no name", { trace_id: "t" }, "name: is missing, must be a string"],
		["a number as name", { trace_id: "t", name: 1 }, "name: must be a string"],
		["an empty trace id", { trace_id: "", name: "n" }, /^trace_id: must be 1 to 256 characters/],
		["a long trace id", { trace_id: "x".repeat(257), name: "n" }, /^trace_id: must be 1 to 256 characters/],
		["a control character in an id", { id: "a\nb", trace_id: "t", name: "n" }, /^id: must be 1 to 256 characters/],
		["a lone surrogate in an id", { parent_id: "\ud800", trace_id: "t", name: "n" }, /^parent_id: must be 1 to 256/],
		["a kind that is a text", { trace_id: "t", name: "n", kind: "llm_call" }, "kind: must be an object"],
		["a kind without type", { trace_id: "t", name: "n", kind: {} }, "kind.type: is missing, must be a string"],
		[
			"tokens as text",
			{ trace_id: "t", name: "n", kind: { type: "llm_call", input_tokens: "3" } },
			"kind.input_tokens: must be a number",
		],
		[
			"negative tokens",
			{ trace_id: "t", name: "n", kind: { type: "llm_call", output_tokens: -1 } },
			"kind.output_tokens: must be at least 0",
		],
		[
			"a cost below nothing",
			{ trace_id: "t", name: "n", kind: { type: "llm_call", cost: -0.5 } },
			"kind.cost: must be at least 0",
		],
		[
			"a cost that nothing can have",
			{ trace_id: "t", name: "n", kind: { type: "llm_call", cost: 1e12 } },
			"kind.cost: must be at most 1000000",
		],
		["metadata that is a list", { trace_id: "t", name: "n", metadata: [] }, "metadata: must be an object"],
		["a number as session", { trace_id: "t", name: "n", session_id: 5 }, "session_id: must be a string"],
		["a bad time", { trace_id: "t", name: "n", started_at: "yesterday" }, /^started_at: must be a time like/],
	])("answers 422 and the field for %s", async (_, body, error) => {
		const { post, get } = client(await start());
		const answer = await post("/spans", body);
		const expected = typeof error === "string" ? error : expect.stringMatching(error);
		expect([answer.status, answer.json]).toEqual([422, { error: expected, code: "invalid_body" }]);
		expect((await get("/stats")).json.span_count).toBe(0);
	});

	it("names the place in a list", async () => {
		const { post } = client(await start());
		expect((await post("/traces", { tags: ["a", 1] })).json.error).toBe("tags[1]: must be a string");
	});

	it.each([
		["broken JSON", '{"trace_id":', 400, "invalid_json"],
		["nothing", "", 400, "invalid_json"],
		["invalid UTF-8 outside of texts", Buffer.from([0xff, 0xfe]), 400, "invalid_json"],
	])("answers 400 for %s", async (_, body, status, code) => {
		const { post } = client(await start());
		for (const path of ["/traces", "/spans", "/spans/x/fail"]) {
			expect(await post(path, body)).toMatchObject({ status, json: { code } });
		}
	});

	it("asks for JSON by its content type, parameters and suffixes included", async () => {
		const { post } = client(await start());
		for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
			const answer = await post("/traces", "{}", { "Content-Type": type });
			expect([type, answer.status, answer.json.code]).toEqual([type, 415, "unsupported_media_type"]);
		}
		for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"]) {
			expect((await post("/traces", "{}", { "Content-Type": type })).status).toBe(201);
		}
	});

	it("refuses ids in paths that are too long or hold control characters", async () => {
		const { get, post, delete: remove } = client(await start());
		for (const id of ["x".repeat(257), "a%00b", "a%0Ab"]) {
			for (const answer of [
				await get(`/traces/${id}`),
				await remove(`/traces/${id}`),
				await get(`/spans/${id}`),
				await remove(`/spans/${id}`),
				await post(`/spans/${id}/complete`),
				await post(`/spans/${id}/fail`, { error: "x" }),
			]) {
				expect([answer.status, answer.json.code]).toEqual([400, "invalid_id"]);
			}
		}
	});

	it.each([
		["limit=0", "limit"],
		["limit=-1", "limit"],
		["limit=ten", "limit"],
		["status=done", "status"],
		["since=now", "since"],
		["until=2026-13-01T00:00:00Z", "until"],
		["duration_min=1s", "duration_min"],
		["duration_max=NaN", "duration_max"],
		["tokens_min=0x10", "tokens_min"],
		["cost_min=1e999", "cost_min"],
		["sort_by=age", "sort_by"],
		["sort_by=constructor", "sort_by"],
		["sort_order=up", "sort_order"],
		[`text_contains=${"x".repeat(5000)}`, "text_contains"],
	])("answers 400 that names the parameter for %s", async (query, name) => {
		const { get } = client(await start());
		const answer = await get(`/spans?${query}`);
		expect([answer.status, answer.json.code]).toEqual([400, "invalid_query"]);
		expect(answer.json.error).toMatch(new RegExp(`^query parameter ${name}: must`));
	});

	it("answers 400 for a cursor that it did not give, or gave for another order", async () => {
		const { get, span } = client(await start());
		for (let index = 0; index < 3; index++) await span({});
		const own = (await get("/spans?limit=1&sort_by=cost")).json.next_cursor;
		const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
		const cursors = [
			"x",
			"%00",
			own,
			`${own}x`,
			forged(null),
			forged([1]),
			forged([1, "started_at desc", 3, 1, "a", "b"]),
			forged([1, "started_at desc", 3, null, 1, 2]),
			forged([2, "started_at desc", 3, 1, 1, 2]),
			"A".repeat(9000),
		];
		for (const cursor of cursors) {
			const answer = await get(`/spans?cursor=${cursor}`);
			expect([cursor.slice(0, 50), answer.status, answer.json.code]).toEqual([
				cursor.slice(0, 50),
				400,
				"invalid_cursor",
			]);
		}
		expect((await get(`/traces?cursor=${own}`)).json.code).toBe("invalid_cursor");
		expect((await get(`/spans?limit=1&sort_by=cost&cursor=${own}`)).status).toBe(200);
	});

	it("answers JSON for unknown paths and wrong methods, with the methods that fit", async () => {
		const server = await start();
		for (const path of ["/", "/api", "/api/", "/api/nothing", "/api/traces/", "/api/traces/a/b", "/index.html"]) {
			const answer = await send("GET", server.url + path);
			expect([path, answer.status, answer.json.code]).toEqual([path, 404, "not_found"]);
		}
		const wrong = await send("PUT", `${server.url}/api/traces/x`);
		expect([wrong.status, wrong.json.code, wrong.headers.allow]).toEqual([405, "method_not_allowed", "DELETE, GET"]);
		expect((await send("PATCH", `${server.url}/api/spans`)).status).toBe(405);
		expect((await send("GET", `${server.url}/api/spans/x/complete`)).headers.allow).toBe("POST");
	});

	it("answers what is no HTTP at all, and goes on", async () => {
		const server = await start();
		const port = Number(new URL(server.url).port);
		for (const bytes of [
			"\u0000\u0001\u0002\r\n\r\n",
			"GET / HTTP/9.9\r\n\r\n",
			`GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`,
		]) {
			const socket = connect(port, "127.0.0.1");
			let text = "";
			socket.setEncoding("utf8").on("data", (chunk) => {
				text += chunk;
			});
			socket.on("error", () => {});
			socket.write(bytes);
			await once(socket, "close");
			expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
			expect(JSON.parse(text.split("\r\n\r\n")[1])).toMatchObject({ code: "invalid_request" });
		}
		expect((await client(server).get("/health")).status).toBe(200);
	});
});

describe("slow requests", () => {
	it.each([
		[
			"a body",
			"POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
		],
		["headers", "GET /api/traces HTTP/1.1\r\nHost: loc"],
	])("answers 408 when %s does not arrive in time", async (_, part) => {
		const server = await start({ requestTimeoutMs: 100 });
		const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
		socket.write(part);
		const [answer] = await once(socket, "data");
		expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /);
		await once(socket, "close");
	});
});

describe("bodies", () => {
	const body = JSON.stringify({ trace_id: "t", name: "n", input: "x".repeat(10_000) });

	it.each([
		["gzip", gzipSync(body)],
		["deflate", deflateSync(body)],
		["br", brotliCompressSync(body)],
		["identity", Buffer.from(body)],
	])("reads %s", async (encoding, bytes) => {
		const { post, get } = client(await start());
		const { json } = await post("/spans", bytes, { ...JSON_TYPE, "Content-Encoding": encoding });
		expect((await get(`/spans/${json.id}`)).json.input).toHaveLength(10_000);
	});

	it("answers 413 for 64 MB, announced or not, and lives", async () => {
		const server = await start();
		const { get, post } = client(server);
		const large = Buffer.alloc(64 * 1024 * 1024, "x");
		expect(await post("/traces", large, JSON_TYPE)).toMatchObject({ status: 413, json: { code: "body_too_large" } });
		const chunked = await post("/traces", large, { ...JSON_TYPE, "Transfer-Encoding": "chunked" });
		expect(chunked).toMatchObject({ status: 413, json: { code: "body_too_large" } });
		expect((await get("/health")).status).toBe(200);
	});

	it("answers 413 for a small body that would be large when decompressed", async () => {
		const { get, post } = client(await start());
		const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
		expect(bomb.length).toBeLessThan(300_000);
		const answer = await post("/traces", bomb, { ...JSON_TYPE, "Content-Encoding": "gzip" });
		expect([answer.status, answer.json.code]).toEqual([413, "body_too_large"]);
		expect((await get("/health")).status).toBe(200);
	});

	it("answers 400 for damaged compression and 415 for an encoding it does not know", async () => {
		const { post } = client(await start());
		const cut = await post("/traces", gzipSync("{}").subarray(0, 10), { ...JSON_TYPE, "Content-Encoding": "gzip" });
		expect([cut.status, cut.json.code]).toEqual([400, "body_incomplete"]);
		const unknown = await post("/traces", "{}", { ...JSON_TYPE, "Content-Encoding": "zip" });
		expect([unknown.status, unknown.json.code]).toEqual([415, "unsupported_media_type"]);
	});

	it("survives clients that go away in the middle of a body", async () => {
		const server = await start();
		const port = Number(new URL(server.url).port);
		for (let round = 0; round < 5; round++) {
			const socket = connect(port, "127.0.0.1");
			await once(socket, "connect");
			socket.write(
				`POST /api/spans HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"a`,
			);
			socket.destroy();
			await once(socket, "close");
		}
		expect((await client(server).get("/stats")).json.span_count).toBe(0);
	});
});

describe("who may ask", () => {
	it("refuses foreign names and addresses in Host, and a missing one, on every path", async () => {
		const server = await start();
		const { get, post } = client(server);
		for (const host of [
			"evil.example",
			"evil.example:3000",
			"127.0.0.1.evil.example",
			"192.168.0.1",
			"localhost.evil",
			"a@127.0.0.1",
		]) {
			for (const answer of [
				await get("/traces", { Host: host }),
				await get("/health", { Host: host }),
				await post("/traces", {}, { Host: host }),
				await get("/nothing", { Host: host }),
			]) {
				expect([host, answer.status, answer.json.code]).toEqual([host, 403, "host_refused"]);
			}
		}
		const { port } = new URL(server.url);
		const socket = connect(Number(port), "127.0.0.1");
		socket.write("GET /api/traces HTTP/1.1\r\nConnection: close\r\n\r\n");
		const [first] = await once(socket, "data");
		expect(String(first)).toMatch(/^HTTP\/1\.1 403 /);
		for (const host of ["localhost", "LOCALHOST:9", "127.0.0.1:65000", "[::1]:80", "app.localhost", "127.1.2.3"]) {
			expect((await get("/traces", { Host: host })).status).toBe(200);
		}
	});

	it("refuses pages of other sites, and lets loopback pages and webviews read answers", async () => {
		const { get, post } = client(await start());
		for (const origin of [
			"https://evil.example",
			"null",
			"http://127.0.0.1.evil.example",
			"file://",
			"vscode-file://vscode-app",
		]) {
			for (const answer of [await get("/traces", { Origin: origin }), await post("/traces", {}, { Origin: origin })]) {
				expect([origin, answer.status, answer.json.code]).toEqual([origin, 403, "origin_refused"]);
				expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
			}
		}
		for (const origin of [
			"http://localhost:5173",
			"https://127.0.0.1",
			"vscode-webview://1a2b3c",
			"http://[::1]:8080",
		]) {
			const answer = await get("/traces", { Origin: origin });
			expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, origin]);
		}
	});

	it("answers the preflight of a loopback page, and of no other", async () => {
		const server = await start({ token: "secret" });
		const ask = (origin: string) =>
			send("OPTIONS", `${server.url}/api/spans`, undefined, {
				Origin: origin,
				"Access-Control-Request-Method": "POST",
			});
		const own = await ask("http://localhost:5173");
		expect([own.status, own.headers["access-control-allow-methods"]]).toEqual([204, "GET, HEAD, POST, PUT, DELETE"]);
		expect((await ask("https://evil.example")).status).toBe(403);
	});

	it("asks for the token everywhere but at the probes, in the header or the query", async () => {
		const { get, post } = client(await start({ token: "s3cret" }));
		for (const path of ["/traces", "/spans", "/stats", "/events", "/nothing"]) {
			for (const headers of [{}, { Authorization: "Bearer wrong" }, { Authorization: "Basic s3cret" }]) {
				const answer = await get(path, headers as Record<string, string>);
				expect([path, answer.status, answer.json.code]).toEqual([path, 401, "unauthorized"]);
				expect(answer.text).not.toContain("s3cret");
			}
		}
		expect((await post("/traces", {})).status).toBe(401);
		expect((await get("/traces?token=wrong")).status).toBe(401);
		expect((await get("/traces?token=s3cret")).status).toBe(200);
		expect((await get("/traces", { Authorization: "bearer s3cret" })).status).toBe(200);
		for (const path of ["/health", "/ready", "/live", "/auth/config"]) expect((await get(path)).status).toBe(200);
	});

	it("does not listen on other addresses without a token; with one, the address is a good Host on its own port only", async () => {
		await expect(start({ host: "0.0.0.0" })).rejects.toMatchObject({ name: "ServerError", reason: "hostNeedsToken" });
		const server = await start({ host: "0.0.0.0", token: "t" });
		const { get } = client(server);
		const { port } = new URL(server.url);
		const ask = async (host: string) => (await get("/traces?token=t", { Host: host })).status;
		expect(await ask(`192.168.7.7:${port}`)).toBe(200);
		expect(await ask("192.168.7.7:1")).toBe(403);
		expect(await ask(`evil.example:${port}`)).toBe(403);
	});
});

describe("listening", () => {
	it("names a port that is taken, whichever of the two it is, and leaves nothing behind", async () => {
		const other = createServer().listen(0, "127.0.0.1");
		await once(other, "listening");
		const { port } = other.address() as AddressInfo;
		for (const options of [{ port }, { port: 0, otlpPort: port }]) {
			const error = await startServer({ version: "x", logger: silentLogger, ...options }).then(
				() => undefined,
				(reason: ServerError) => reason,
			);
			expect(error).toMatchObject({ name: "ServerError", reason: "portTaken", port });
			expect(error?.message).toBe(`port ${port} on 127.0.0.1 is already in use`);
		}
		other.close();
	});

	it("listens on IPv6 loopback", async () => {
		const server = await start({ host: "::1" });
		expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
		expect((await client(server).get("/health")).status).toBe(200);
	});

	it("answers requests under way when it closes, and refuses new ones", async () => {
		const server = await start();
		const { span } = client(server);
		const writes = Array.from({ length: 20 }, () =>
			span({}).then(
				() => "kept",
				() => "refused",
			),
		);
		await span({});
		await Promise.all([server.close(), server.close()]);
		expect(new Set(await Promise.all(writes))).toEqual(new Set(["kept"]));
		await expect(send("GET", `${server.url}/api/health`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
	});
});
