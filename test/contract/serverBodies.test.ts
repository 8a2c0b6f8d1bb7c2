import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { HttpError } from "../../src/server/errors.ts";
import { type BodyLimits, BodyReader } from "../../src/server/http/body.ts";
import { writeAnswer, writeError } from "../../src/server/http/respond.ts";
import { type Answer, client, eventually, send, start } from "./support/testServer.ts";

/** A real listener that reads bodies within small bounds and answers their length, and holds each until `free` is called. */
async function reading(limits: Partial<BodyLimits>) {
	const bodies = new BodyReader(limits);
	const held: (() => void)[] = [];
	const server = createServer((request, response) => {
		response.on("close", () => bodies.release(request));
		bodies.read(request).then(
			(body) => {
				const answer = () => writeAnswer(response, { status: 200, body: JSON.stringify({ length: body.length }) });
				if (request.url === "/hold") held.push(answer);
				else answer();
			},
			(error: unknown) => {
				if (!(error instanceof HttpError)) throw error;
				if (!response.destroyed) writeError(response, error);
			},
		);
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	const { port } = server.address() as AddressInfo;
	return { bodies, held, port, url: `http://127.0.0.1:${port}` };
}

/** Sends the head of a request and a part of its body. */
function sendPart(port: number, announced: number, sent: number) {
	const socket = connect(port, "127.0.0.1");
	let text = "";
	socket.setEncoding("utf8").on("data", (chunk) => {
		text += chunk;
	});
	socket.on("error", () => socket.destroy());
	socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${announced}\r\n\r\n`);
	socket.write(Buffer.alloc(sent));
	onTestFinished(() => void socket.destroy());
	return { socket, answer: () => text };
}

const KIB = 1024;

describe("bodies in memory", () => {
	it("are counted while they arrive and until they have been dealt with, and no longer", async () => {
		const { bodies, held, url, port } = await reading({});
		const answer = send("POST", `${url}/hold`, Buffer.alloc(1000 * KIB));
		await eventually("the body", () => held.length === 1);
		expect(bodies.bufferedBytes).toBeGreaterThanOrEqual(1000 * KIB);
		const part = sendPart(port, 2000 * KIB, 1000 * KIB);
		await eventually("the part", () => bodies.bufferedBytes >= 2000 * KIB);
		part.socket.destroy();
		held[0]();
		expect((await answer).json).toEqual({ length: 1000 * KIB });
		await eventually("no bytes", () => bodies.bufferedBytes === 0);
	});

	it("are refused with 503 and a time to come back when they are too many, and small ones are not", async () => {
		const { bodies, port, url } = await reading({ maxBufferedBytes: 1024 * KIB });
		const parts = Array.from({ length: 4 }, () => sendPart(port, 10_000 * KIB, 300 * KIB));
		await eventually("full memory", () => bodies.bufferedBytes > 600 * KIB);
		const large: Answer = await send("POST", url, Buffer.alloc(1024 * KIB));
		expect([large.status, large.json.code, large.headers["retry-after"]]).toEqual([503, "overloaded", "1"]);
		expect(bodies.bufferedBytes).toBeLessThanOrEqual(1024 * KIB);
		expect((await send("POST", url, Buffer.alloc(100))).json).toEqual({ length: 100 });
		for (const { socket } of parts) socket.destroy();
		await eventually("no bytes", () => bodies.bufferedBytes === 0);
		expect((await send("POST", url, Buffer.alloc(400 * KIB))).json).toEqual({ length: 400 * KIB });
	});

	it("give their place to others when nothing more of them comes, with 408", async () => {
		const { bodies, port, url } = await reading({ maxBufferedBytes: 1024 * KIB, stalledMs: 0 });
		const part = sendPart(port, 10_000 * KIB, 300 * KIB);
		await eventually("the part", () => bodies.bufferedBytes > 300 * KIB);
		expect((await send("POST", url, Buffer.alloc(500 * KIB))).json).toEqual({ length: 500 * KIB });
		await eventually("the end of the part", () => part.socket.closed);
		expect(part.answer()).toMatch(/^HTTP\/1\.1 408 /);
		expect(part.answer()).toContain('"code":"request_timeout"');
	});

	it("are counted once more after decompression, and only so many are decompressed at a time", async () => {
		const { bodies, url } = await reading({ maxBufferedBytes: 1200 * KIB, maxBytes: 1024 * KIB });
		const zeros = gzipSync(Buffer.alloc(500 * KIB));
		const headers = { "Content-Encoding": "gzip" };
		const answers = await Promise.all(Array.from({ length: 30 }, () => send("POST", url, zeros, headers)));
		expect(new Set(answers.map((answer) => answer.status)).has(200)).toBe(true);
		for (const { status } of answers) expect([200, 503]).toContain(status);
		await eventually("no bytes", () => bodies.bufferedBytes === 0);
	});

	it("come whole out of pieces of any size", async () => {
		const { url } = await reading({});
		for (const sizes of [[1, 1, 1], [65_536, 1, 200_000], [100, 70_000, 3], Array.from({ length: 3000 }, () => 7)]) {
			const length = await new Promise((resolve, reject) => {
				const sent = httpRequest(url, { method: "POST" }, (response) => {
					response.setEncoding("utf8").on("data", (text: string) => resolve(JSON.parse(text).length));
				});
				sent.on("error", reject);
				for (const size of sizes) sent.write(Buffer.alloc(size));
				sent.end();
			});
			expect(length).toBe(sizes.reduce((sum, size) => sum + size, 0));
		}
	});
});

describe("what is no request for a route", () => {
	async function talk(port: number, text: string): Promise<string> {
		const socket = connect(port, "127.0.0.1");
		let answer = "";
		socket.setEncoding("utf8").on("data", (chunk) => {
			answer += chunk;
		});
		socket.write(text);
		await once(socket, "close");
		return answer;
	}

	it.each([
		["CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "method_not_allowed"],
		["GET /api/health HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nConnection: close\r\n\r\n", 417, "invalid_request"],
		[
			"POST /api/spans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			400,
			"invalid_request",
		],
		["GET http://evil.example/api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404, "not_found"],
	])("is answered as JSON: %j", async (text, status, code) => {
		const { port } = new URL((await start()).url);
		const answer = await talk(Number(port), text);
		expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
		expect(JSON.parse(answer.split("\r\n\r\n")[1]).code).toBe(code);
	});

	it("gets 408 as JSON for a slow body on a connection that has served requests before", async () => {
		const { port } = new URL((await start({ requestTimeoutMs: 200 })).url);
		const post = (rest: string) =>
			`POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n${rest}`;
		const answers = (await talk(Number(port), post("{}") + post("{"))).split(/(?=HTTP\/1\.1 )/);
		expect(answers.map((answer) => answer.slice(9, 12))).toEqual(["201", "408"]);
		expect(JSON.parse(answers[1].split("\r\n\r\n")[1]).code).toBe("request_timeout");
	});
});

describe("the routes that are called for every span", () => {
	it("are found under unusual spellings of their paths, too", async () => {
		const server = await start();
		const { get, post } = client(server);
		const id = "a b/ü";
		expect((await post("/spans?x=1", { id, trace_id: "t", name: "n" })).status).toBe(201);
		expect((await post(`/spans/${encodeURIComponent(id)}/complete`, { output: 1 })).json).toEqual({ ok: true });
		expect((await get(`/spans/${encodeURIComponent(id)}`)).json).toMatchObject({ status: "completed", output: 1 });
		await post("/spans", { id: "plain", trace_id: "t", name: "n" });
		expect((await post("/spans/plain/fail?why=1", { error: "no" })).json).toEqual({ ok: true });
		expect((await post("/spans/plain/fail", { error: "no" })).json.code).toBe("already_ended");
		expect((await post("/spans/none/complete")).json.code).toBe("not_found");
		expect((await post("/spans/plain/other", {})).json.code).toBe("not_found");
	});

	it("have the headers of every answer", async () => {
		const { post } = client(await start());
		const expected = {
			"content-type": "application/json",
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
			"access-control-allow-origin": "http://localhost:5173",
		};
		const origin = { Origin: "http://localhost:5173" };
		expect((await post("/spans", { trace_id: "t", name: "n" }, origin)).headers).toMatchObject(expected);
		expect((await post("/spans", {}, origin)).headers).toMatchObject(expected);
		expect((await post("/traces", {}, origin)).headers).toMatchObject(expected);
	});
});

describe("HEAD", () => {
	it("is answered without a body, also by routes that write while they read", async () => {
		const server = await start();
		const { span, post } = client(server);
		await post("/traces", { id: "t" });
		for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 400 }, () => span({})));
		for (const path of ["/traces", "/traces/t", "/traces/none", "/export/json", "/stats"]) {
			const answer = await send("HEAD", `${server.url}/api${path}`);
			expect([path, answer.status, answer.text]).toEqual([path, path === "/traces/none" ? 404 : 200, ""]);
		}
	});
});
