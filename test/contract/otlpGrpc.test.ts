import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { doctorSpan, otlpProtobuf } from "../../src/cli/doctorSpan.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import type { RunningServer, ServerOptions } from "../../src/server/server.ts";
import { client, recordingLogger, send, start as startServer, temporaryDir } from "./support/testServer.ts";

const TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

const start = (options: Partial<ServerOptions> = {}): Promise<RunningServer> =>
	startServer({ grpcPort: 0, extraRoutes: addOtlpRoutes, ...options });

interface Call {
	readonly path?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly isGzipped?: boolean;
	/** Name that the client says it has asked for. */
	readonly authority?: string;
}

/** One call as any gRPC client makes it: the answer's message, or the error that it ended with. */
function call(server: RunningServer, message: Buffer, options: Call = {}): Promise<Buffer | ServiceError> {
	const grpc = new Client(new URL(server.grpcUrl!).host, credentials.createInsecure(), {
		"grpc.default_compression_algorithm": options.isGzipped
			? compressionAlgorithms.gzip
			: compressionAlgorithms.identity,
		"grpc.max_send_message_length": -1,
		...(options.authority === undefined ? {} : { "grpc.default_authority": options.authority }),
	});
	onTestFinished(() => grpc.close());
	const metadata = new Metadata();
	for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
	return new Promise((resolve) => {
		grpc.makeUnaryRequest(
			options.path ?? TRACES,
			(bytes: Buffer) => bytes,
			(bytes) => bytes,
			message,
			metadata,
			{ deadline: Date.now() + 25_000 },
			(error: ServiceError | null, answer?: Buffer) => resolve(error ?? answer!),
		);
	});
}

/** A call that says its headers and nothing more; resolves with the status that the server gives it. */
function silentCall(server: RunningServer, headers: Readonly<Record<string, string>>): Promise<unknown> {
	const session = connectHttp2(server.grpcUrl!);
	onTestFinished(() => session.destroy());
	const stream = session.request({
		":method": "POST",
		":path": TRACES,
		"content-type": "application/grpc",
		te: "trailers",
		...headers,
	});
	stream.resume();
	return new Promise((resolve, reject) => {
		// Statuses without a message come with the headers.
		for (const event of ["response", "trailers"] as const) {
			stream.on(event, (given) => {
				if (given["grpc-status"] !== undefined) resolve(String(given["grpc-status"]));
			});
		}
		stream.on("error", reject);
	});
}

const EMPTY = Buffer.alloc(0);

/** A batch with the field 2 (`scope_spans`) of its first resource, 1 (`resource_spans`), cut in the middle. */
const TRUNCATED = otlpProtobuf(doctorSpan(1_772_787_600_000)).subarray(0, 40);

describe("OTLP over gRPC", () => {
	it("stores spans before it answers, compressed or not, and the same message again changes nothing", async () => {
		const server = await start();
		for (const isGzipped of [false, true, true]) {
			const span = doctorSpan(1_772_787_600_123);
			expect(await call(server, otlpProtobuf(span), { isGzipped })).toEqual(EMPTY);
			expect(await call(server, otlpProtobuf(span), { isGzipped })).toEqual(EMPTY);
			expect((await client(server).get(`/spans/${span.spanId}`)).json).toMatchObject({
				trace_id: span.traceId,
				status: "completed",
				started_at: expect.stringMatching(/^2026-03-06T09:00:00\.123/),
			});
			expect((await client(server).get(`/traces/${span.traceId}`)).json.count).toBe(1);
		}
	});

	it("takes logs and metrics and counts what it drops", async () => {
		const server = await start();
		for (const path of [LOGS, METRICS]) expect(await call(server, EMPTY, { path })).toEqual(EMPTY);
		// One resource, one scope, three records or metrics (one of them with two points): length-delimited fields 1, 2, 2.
		const nested = (field: number, ...inner: Buffer[]) => {
			const body = Buffer.concat(inner);
			return Buffer.concat([Buffer.from([field * 8 + 2, body.length]), body]);
		};
		const record = nested(2);
		expect(await call(server, nested(1, nested(2, record, record, record)), { path: LOGS })).toEqual(EMPTY);
		expect((await client(server).get("/stats")).json).toMatchObject({ dropped_logs: 3 });
	});

	it("says how many spans it could not take, and why", async () => {
		const server = await start();
		const good = otlpProtobuf(doctorSpan(Date.now()));
		const bad = otlpProtobuf({ ...doctorSpan(Date.now()), spanId: "00" });
		const answer = await call(server, Buffer.concat([good, bad]));
		// partial_success = 1, in it rejected_spans = 1: 1 and error_message = 2.
		expect(answer).toBeInstanceOf(Buffer);
		expect([...(answer as Buffer).subarray(0, 1), ...(answer as Buffer).subarray(2, 5)]).toEqual([0x0a, 0x08, 1, 0x12]);
		expect(String(answer)).toMatch(/resource.?spans\[1\].*span/i);
		expect((await client(server).get("/stats")).json).toMatchObject({ span_count: 1 });
	});

	it.each([
		["a truncated message", TRUNCATED],
		["bytes at random", Buffer.from("8f3a5c77e1", "hex")],
		["text", Buffer.from('{"resourceSpans":[]}')],
	])("refuses %s as an invalid argument, and goes on", async (_name, message) => {
		const server = await start();
		expect(await call(server, message)).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.any(String) });
		expect(await call(server, otlpProtobuf(doctorSpan(Date.now())))).toEqual(EMPTY);
	});

	it.each([false, true])("refuses a message above 32 MiB (compressed: %s), and goes on", async (isGzipped) => {
		const server = await start();
		const large = Buffer.alloc(33 * 1024 * 1024);
		expect(gzipSync(large).length).toBeLessThan(100_000);
		expect(await call(server, large, { isGzipped })).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
		expect(await call(server, otlpProtobuf(doctorSpan(Date.now())))).toEqual(EMPTY);
	});

	it("asks for the token as HTTP does", async () => {
		const server = await start({ token: "s3cret" });
		const message = otlpProtobuf(doctorSpan(Date.now()));
		expect(await call(server, message)).toMatchObject({ code: status.UNAUTHENTICATED });
		const wrong = await call(server, message, { headers: { authorization: "Bearer other" } });
		expect(wrong).toMatchObject({ code: status.UNAUTHENTICATED, details: expect.stringContaining("not the one") });
		expect(await call(server, message, { headers: { Authorization: "Bearer s3cret" } })).toEqual(EMPTY);
	});

	it("refuses foreign names and pages as HTTP does", async () => {
		const server = await start();
		const message = otlpProtobuf(doctorSpan(Date.now()));
		expect(await call(server, message, { authority: "evil.example" })).toMatchObject({
			code: status.PERMISSION_DENIED,
		});
		const page = await call(server, message, { headers: { origin: "https://evil.example" } });
		expect(page).toMatchObject({ code: status.PERMISSION_DENIED });
		expect(await call(server, message, { authority: "localhost" })).toEqual(EMPTY);
	});

	it("refuses a call before its message comes, and gives up one whose message does not come", async () => {
		const server = await start({ token: "s3cret", requestTimeoutMs: 200 });
		expect(await silentCall(server, {})).toBe(String(status.UNAUTHENTICATED));
		expect(await silentCall(server, { authorization: "Bearer s3cret" })).toBe(String(status.DEADLINE_EXCEEDED));
	});

	it("lets calls wait while too many are under way, and takes each in its turn", async () => {
		const server = await start({ requestTimeoutMs: 200 });
		const stalled = Array.from({ length: 30 }, () => silentCall(server, {}));
		const spans = Array.from({ length: 30 }, () => doctorSpan(Date.now()));
		const answers = await Promise.all(spans.map((span) => call(server, otlpProtobuf(span))));
		expect(answers).toEqual(spans.map(() => EMPTY));
		expect(new Set(await Promise.all(stalled))).toEqual(new Set([String(status.DEADLINE_EXCEEDED)]));
		expect((await client(server).get("/stats")).json).toMatchObject({ span_count: 30 });
	});

	it("does not know other services", async () => {
		const server = await start();
		expect(await call(server, EMPTY, { path: "/a.B/C" })).toMatchObject({ code: status.UNIMPLEMENTED });
	});

	it("outlives peers that speak something else, or nothing", async () => {
		const logger = recordingLogger();
		const server = await start({ logger });
		const port = Number(new URL(server.grpcUrl!).port);
		for (const bytes of [
			"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"\x16\x03\x01\x00\x05hello",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames",
		]) {
			const socket = connect(port, "127.0.0.1");
			socket.resume();
			socket.write(bytes, "latin1");
			await once(socket, "close");
		}
		const silent = connect(port, "127.0.0.1");
		onTestFinished(() => void silent.destroy());
		await once(silent, "connect");
		expect(await call(server, otlpProtobuf(doctorSpan(Date.now())))).toEqual(EMPTY);
		// It reads nothing and never answers: closing must not wait for it.
		await server.close();
		expect(logger.lines.filter((line) => line.startsWith("error"))).toEqual([]);
	});

	it("keeps what it has answered when it is closed right after, with a client still connected", async () => {
		const dataDir = temporaryDir();
		const server = await start({ dataDir });
		const spans = Array.from({ length: 20 }, () => doctorSpan(Date.now()));
		const answers = spans.map((span) => call(server, otlpProtobuf(span)));
		const first = await Promise.race(answers);
		expect(first).toEqual(EMPTY);
		await server.close();
		const outcomes = await Promise.all(answers);
		const again = await startServer({ dataDir });
		for (const [index, outcome] of outcomes.entries()) {
			const { status: found } = await send("GET", `${again.url}/api/spans/${spans[index]!.spanId}`);
			if (Buffer.isBuffer(outcome)) expect(found).toBe(200);
			else expect(outcome.code).toBe(status.UNAVAILABLE);
		}
	});

	it("names the port that is taken", async () => {
		const server = await start();
		const port = Number(new URL(server.grpcUrl!).port);
		await expect(start({ grpcPort: port })).rejects.toMatchObject({ reason: "portTaken", port });
	});

	it("is off unless it is asked for", async () => {
		expect((await startServer()).grpcUrl).toBeUndefined();
	});
});
