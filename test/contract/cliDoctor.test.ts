import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Finding } from "../../src/cli/doctorSettings.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import type { ServerOptions } from "../../src/server/server.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";
import { client, start as startServer, temporaryDir } from "./support/testServer.ts";

let bundle: CliBundle;

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

const start = (options: Partial<ServerOptions> = {}) => startServer({ extraRoutes: addOtlpRoutes, ...options });

async function run(args: readonly string[], env: NodeJS.ProcessEnv) {
	const home = temporaryDir();
	const process_ = new Process(process.execPath, [bundle.cliPath, "doctor", ...args], {
		PATH: process.env.PATH,
		HOME: home,
		TRACEWAY_DATA_DIR: home,
		...env,
	});
	onTestFinished(() => void process_.child.kill("SIGKILL"));
	return { exitCode: await process_.ended, stdout: process_.stdout, stderr: process_.stderr };
}

/** What `doctor --json` says, by name. */
async function doctor(
	env: NodeJS.ProcessEnv,
): Promise<{ ok: boolean; by: Record<string, Finding>; exitCode: unknown }> {
	const { exitCode, stdout, stderr } = await run(["--json"], env);
	expect(stderr).toBe("");
	const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
	expect(exitCode).toBe(ok ? 0 : 1);
	return { ok, exitCode, by: Object.fromEntries(findings.map((finding) => [finding.name, finding])) };
}

async function portOf(server: Server): Promise<number> {
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => void server.close());
	return (server.address() as AddressInfo).port;
}

/** A server that answers every request in the same way. */
async function peer(listener: RequestListener): Promise<string> {
	return `http://127.0.0.1:${await portOf(createHttpServer({ keepAliveTimeout: 1 }, listener))}`;
}

/** A server that meets everybody with the same bytes. */
async function bytesPeer(bytes: Buffer): Promise<number> {
	return portOf(
		createServer((socket) => {
			socket.on("error", () => {});
			socket.end(bytes);
		}),
	);
}

/** A port on which nothing listens: one that was free a moment ago. */
async function closedPort(): Promise<number> {
	const server = createServer();
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

/** An alert record, as every TLS server meets what is no TLS. */
const TLS_ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 70]);

describe("doctor", () => {
	it("sends a span by REST and OTLP, reads it back and leaves nothing behind", async () => {
		const server = await start({ otlpPort: 0 });
		const { by, ok } = await doctor({ TRACEWAY_URL: server.url, OTEL_EXPORTER_OTLP_ENDPOINT: server.otlpUrl });
		expect(by).toMatchObject({
			server: { state: "ok", text: expect.stringContaining("1.2.3") },
			REST: { state: "ok", text: expect.stringContaining("read back and deleted") },
			"OTLP JSON": { state: "ok", text: expect.stringContaining(`${server.otlpUrl}/v1/traces`) },
			"OTLP protobuf": { state: "ok", text: expect.stringContaining(`${server.otlpUrl}/v1/traces`) },
			"OTLP gRPC": { state: "skipped" },
		});
		expect(ok).toBe(true);
		expect((await client(server).get("/stats")).json).toMatchObject({ trace_count: 0, span_count: 0 });
	});

	it("sends by gRPC where the environment asks for it, and by HTTP to the server itself", async () => {
		const server = await start({ grpcPort: 0 });
		const { by, ok } = await doctor({
			TRACEWAY_URL: server.url,
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: server.grpcUrl,
		});
		expect(by).toMatchObject({
			"OTLP JSON": { state: "ok", text: expect.stringContaining(`${server.url}/v1/traces`) },
			"OTLP protobuf": { state: "ok", text: expect.stringContaining(`${server.url}/v1/traces`) },
			"OTLP gRPC": { state: "ok", text: expect.stringContaining(String(server.grpcUrl)) },
		});
		expect(ok).toBe(true);
		expect((await client(server).get("/stats")).json).toMatchObject({ trace_count: 0, span_count: 0 });
	});

	it("says which token gRPC lacks", async () => {
		const server = await start({ grpcPort: 0, token: "s3cret" });
		const { by } = await doctor({
			TRACEWAY_URL: server.url,
			TRACEWAY_TOKEN: "s3cret",
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: server.grpcUrl,
		});
		expect(by["OTLP gRPC"]).toMatchObject({
			state: "failed",
			text: expect.stringContaining("UNAUTHENTICATED"),
			mend: expect.stringContaining("OTEL_EXPORTER_OTLP_HEADERS"),
		});
	});

	it("says for people what it found, how to mend it, and in the end how many failed", async () => {
		const server = await start();
		const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await closedPort()}` };
		const { exitCode, stdout } = await run(["--url", server.url], env);
		expect(exitCode).toBe(1);
		expect(stdout).toMatch(/^ {2}warning {2}TRACEWAY_URL .*\n {11}mend: export TRACEWAY_URL=http/m);
		expect(stdout).toMatch(/^ {2}ok {7}REST /m);
		expect(stdout).toMatch(
			/^ {2}FAILED {3}OTLP JSON .*ECONNREFUSED.*\n {11}mend: export OTEL_EXPORTER_OTLP_ENDPOINT=http/m,
		);
		expect(stdout).toMatch(/\n2 of \d failed\.\n$/);
	});

	it("says that nothing listens, and how to start a server", async () => {
		const url = `http://127.0.0.1:${await closedPort()}`;
		const { by } = await doctor({ TRACEWAY_URL: url, OTEL_EXPORTER_OTLP_ENDPOINT: url });
		for (const name of ["server", "REST", "OTLP JSON", "OTLP protobuf"]) {
			expect(by[name]).toMatchObject({
				state: "failed",
				text: expect.stringContaining("ECONNREFUSED"),
				mend: expect.stringContaining("traceway-live serve"),
			});
		}
	});

	it.each([
		[{}, /401.*token is needed/],
		[{ TRACEWAY_TOKEN: "wrong", OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer wrong" }, /401.*not the one/],
	])("says which token is missing or wrong, with %j", async (env, text) => {
		const server = await start({ token: "s3cret" });
		const { by } = await doctor({ TRACEWAY_URL: server.url, OTEL_EXPORTER_OTLP_ENDPOINT: server.url, ...env });
		expect(by.REST).toMatchObject({
			text: expect.stringMatching(text),
			mend: expect.stringContaining("TRACEWAY_TOKEN"),
		});
		expect(by["OTLP JSON"]).toMatchObject({
			text: expect.stringMatching(text),
			mend: expect.stringContaining("OTEL_EXPORTER_OTLP_HEADERS"),
		});
	});

	it("sends the tokens that the environment gives", async () => {
		const server = await start({ token: "s3cret" });
		const { by } = await doctor({
			TRACEWAY_URL: server.url,
			TRACEWAY_API_KEY: "s3cret",
			OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
			OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20s3cret",
		});
		expect(by).toMatchObject({ REST: { state: "ok" }, "OTLP JSON": { state: "ok" } });
		expect(JSON.stringify(by)).not.toContain("s3cret");
	});

	it("says that a name is not the server's", async () => {
		const answer = '{"error":"header Host: is not an address of this server","code":"host_refused"}';
		const url = await peer((_request, response) => response.writeHead(403).end(answer));
		const { by } = await doctor({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
		expect(by["OTLP JSON"]).toMatchObject({
			text: expect.stringContaining("header Host"),
			mend: expect.stringContaining("127.0.0.1"),
		});
	});

	it("says that the endpoint for traces needs the whole path", async () => {
		const server = await start();
		const { by } = await doctor({
			TRACEWAY_URL: server.url,
			OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${server.url}/traces`,
		});
		expect(by["OTLP JSON"]).toMatchObject({
			text: expect.stringContaining("404"),
			mend: expect.stringContaining(`export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${server.url}/v1/traces`),
		});
	});

	it("knows a gRPC port and a TLS port to which HTTP is spoken, and the other way round", async () => {
		const toGrpc = await doctor({ OTEL_EXPORTER_OTLP_ENDPOINT: (await start({ grpcPort: 0 })).grpcUrl });
		expect(toGrpc.by["OTLP JSON"]).toMatchObject({
			text: expect.stringContaining("speaks gRPC"),
			mend: expect.stringContaining("OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
		});
		const tlsPort = await bytesPeer(TLS_ALERT);
		const toTls = await doctor({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${tlsPort}` });
		expect(toTls.by["OTLP JSON"]).toMatchObject({ mend: expect.stringContaining(`https://127.0.0.1:${tlsPort}`) });

		const { url } = await start();
		const toHttp = await doctor({
			TRACEWAY_URL: url,
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: url,
		});
		expect(toHttp.by["OTLP gRPC"]).toMatchObject({
			state: "failed",
			text: expect.stringContaining("speaks HTTP/1, and was sent gRPC"),
			mend: expect.stringContaining("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
		});
		const tlsToHttp = await doctor({ OTEL_EXPORTER_OTLP_ENDPOINT: url.replace("http:", "https:") });
		expect(tlsToHttp.by["OTLP JSON"]).toMatchObject({
			text: expect.stringContaining("speaks no TLS"),
			mend: expect.stringContaining("http://"),
		});
	});

	it("says that gRPC is off where it is asked for", async () => {
		const { by } = await doctor({
			OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
			OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await closedPort()}`,
		});
		expect(by["OTLP gRPC"]).toMatchObject({ state: "failed", mend: expect.stringContaining("--grpc-port 4317") });
	});

	it.each<[string, RequestListener, RegExp]>([
		["a proxy", (_, response) => response.writeHead(502, { via: "1.1 squid" }).end("<html>"), /proxy or gateway.*502/],
		[
			"a page",
			(_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
			/no Traceway server/,
		],
		[
			"a redirect",
			(_, response) => response.writeHead(301, { location: "https://h/" }).end(),
			/redirected to https:\/\/h\//,
		],
		["a cut", (_, response) => void response.socket!.destroy(), /ended the connection without an answer/],
		["an encoding", (_, response) => response.writeHead(415).end(), /415/],
		[
			"a full disk",
			(_, response) => response.writeHead(507).end('{"error":"no space","code":"storage_failed"}'),
			/507: no space/,
		],
	])("recognises %s", async (_name, listener, text) => {
		const url = await peer(listener);
		const { by } = await doctor({ TRACEWAY_URL: url });
		expect(by.server).toMatchObject({ state: "failed", text: expect.stringMatching(text), mend: expect.any(String) });
	});

	it("says that spans go to another server than the one that is looked at", async () => {
		const [here, there] = [await start(), await start()];
		const { by } = await doctor({ TRACEWAY_URL: here.url, OTEL_EXPORTER_OTLP_ENDPOINT: there.url });
		expect(by["OTLP JSON"]).toMatchObject({
			state: "failed",
			text: expect.stringContaining("two servers"),
			mend: expect.stringContaining(`OTEL_EXPORTER_OTLP_ENDPOINT=${here.url}`),
		});
	});

	it("speaks of the environment without showing what is secret in it", async () => {
		const { stdout, exitCode } = await run([], {
			TRACEWAY_URL: "http://user:s3cret@127.0.0.1:1",
			OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=s3cret",
			HTTP_PROXY: "http://u:s3cret@127.0.0.1:1",
			OTEL_SDK_DISABLED: "true",
		});
		expect(exitCode).toBe(1);
		expect(stdout).toContain("with header x-api-key");
		for (const name of ["TRACEWAY_URL", "HTTP_PROXY", "OTEL_SDK_DISABLED"]) {
			expect(stdout).toMatch(new RegExp(`^  (FAILED|warning) +${name} `, "m"));
		}
		expect(stdout).not.toContain("s3cret");
	});
});
