import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { parseServerInfo, SERVER_INFO_FILE, type ServerInfo } from "../../src/protocol/serverInfo.ts";
import { MiniServer, MiniServerError, type MiniServerOptions } from "../../src/ui/miniServer.ts";
import { buildCli, type CliBundle, eventually, isAlive, packageVersion } from "./support/cli.ts";

let bundle: CliBundle;
let parent: string;
let dataDir: string;
const pids = new Set<number>();

beforeAll(async () => {
	bundle = await buildCli();
});

afterAll(() => bundle.dispose());

beforeEach(() => {
	parent = mkdtempSync(join(tmpdir(), "traceway-mini-"));
	dataDir = join(parent, "mini-server");
});

afterEach(async () => {
	const info = readRecord();
	if (info !== undefined) pids.add(info.pid);
	for (const pid of pids) {
		if (isAlive(pid)) process.kill(pid, "SIGKILL");
	}
	await eventually(() => [...pids].every((pid) => !isAlive(pid)) || undefined);
	pids.clear();
	rmSync(parent, { recursive: true, force: true });
});

function readRecord(): ServerInfo | undefined {
	try {
		return parseServerInfo(readFileSync(join(dataDir, SERVER_INFO_FILE), "utf8"));
	} catch {
		return undefined;
	}
}

/** One window's view of the server; like another window when called again. */
function window(options: Partial<MiniServerOptions> = {}): MiniServer {
	return new MiniServer({
		dataDir,
		cliPath: bundle.cliPath,
		execPath: process.execPath,
		env: process.env,
		logger: silentLogger,
		version: packageVersion,
		serveArgs: ["--port=0", "--otlp-port=0"],
		...options,
	});
}

const noAbort = () => new AbortController().signal;

async function ensure(server: MiniServer): Promise<ServerInfo> {
	const info = await server.ensure(noAbort());
	pids.add(info.pid);
	return info;
}

async function health(info: ServerInfo): Promise<Record<string, unknown>> {
	const response = await fetch(`${info.url}/api/health`);
	return (await response.json()) as Record<string, unknown>;
}

/** A stand-in for the command line that misbehaves. */
function script(code: string): string {
	const path = join(parent, "script.mjs");
	writeFileSync(path, code);
	return path;
}

async function errorOf(promise: Promise<unknown>): Promise<MiniServerError> {
	const error = await promise.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(MiniServerError);
	return error as MiniServerError;
}

describe("the mini-server of a window", () => {
	it("is started when there is none, and answers at its address", async () => {
		const server = window();
		expect(server.info).toBeUndefined();
		const info = await ensure(server);
		expect(await health(info)).toMatchObject({ instance_id: info.instanceId });
		expect(info.version).toBe(packageVersion);
		expect(server.info).toEqual(info);
		expect(readRecord()).toEqual(info);
		expect(readFileSync(server.logFile, "utf8")).toContain(info.url);
		if (process.platform !== "win32") expect(statSync(server.logFile).mode & 0o777).toBe(0o600);
	});

	it("is found by the next call and by other windows", async () => {
		const first = window();
		const info = await ensure(first);
		expect(await ensure(first)).toEqual(info);
		expect(await ensure(window())).toEqual(info);
	});

	it("is one for several windows that start it in the same moment", async () => {
		const infos = await Promise.all(Array.from({ length: 4 }, () => ensure(window())));
		expect(new Set(infos.map(({ instanceId }) => instanceId)).size).toBe(1);
		expect(await health(infos[0]!)).toMatchObject({ instance_id: infos[0]!.instanceId });
	});

	it("is asked for once by several calls in one window", async () => {
		const server = window();
		const infos = await Promise.all(Array.from({ length: 4 }, () => ensure(server)));
		expect(new Set(infos.map(({ pid }) => pid)).size).toBe(1);
		expect(readFileSync(server.logFile, "utf8").match(/listening on/g)).toHaveLength(1);
	});

	it("survives the process that started it, also when that is killed", async () => {
		const module = new URL("../../src/ui/miniServer.ts", import.meta.url).href;
		const options = {
			dataDir,
			cliPath: bundle.cliPath,
			execPath: process.execPath,
			env: {},
			version: packageVersion,
			serveArgs: ["--port=0", "--otlp-port=0"],
		};
		const code = `
			import { MiniServer } from ${JSON.stringify(module)};
			const logger = { error() {}, warn() {}, info() {}, debug() {} };
			const server = new MiniServer({ ...${JSON.stringify(options)}, logger });
			process.stdout.write(JSON.stringify(await server.ensure(new AbortController().signal)));
			setInterval(() => {}, 60000);`;
		const starter = spawn(process.execPath, ["--input-type=module", "-e", code], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		pids.add(starter.pid!);
		const [text] = (await once(starter.stdout!, "data")) as [Buffer];
		const info = parseServerInfo(text.toString())!;
		pids.add(info.pid);
		starter.kill("SIGKILL");
		await once(starter, "exit");
		expect(await health(info)).toMatchObject({ instance_id: info.instanceId });
		expect(await ensure(window())).toEqual(info);
	});

	it("lets the process that started it end by itself", async () => {
		const module = new URL("../../src/ui/miniServer.ts", import.meta.url).href;
		const options = {
			dataDir,
			cliPath: bundle.cliPath,
			execPath: process.execPath,
			env: {},
			version: packageVersion,
			serveArgs: ["--port=0", "--otlp-port=0"],
		};
		const code = `
			import { MiniServer } from ${JSON.stringify(module)};
			const logger = { error() {}, warn() {}, info() {}, debug() {} };
			await new MiniServer({ ...${JSON.stringify(options)}, logger }).ensure(new AbortController().signal);`;
		const starter = spawn(process.execPath, ["--input-type=module", "-e", code], {
			stdio: ["ignore", "ignore", "inherit"],
		});
		pids.add(starter.pid!);
		expect(await once(starter, "exit")).toEqual([0, null]);
		const info = readRecord()!;
		expect(await health(info)).toMatchObject({ instance_id: info.instanceId });
	});

	it("ends by itself when nobody is attached, and is started anew after that", async () => {
		const server = window({ exitWhenIdleSeconds: 1 });
		const info = await ensure(server);
		await eventually(() => !isAlive(info.pid) || undefined);
		expect(readRecord()).toBeUndefined();
		const next = await ensure(server);
		expect(next.instanceId).not.toBe(info.instanceId);
	});

	it("is started anew after kill -9, with the data that it had", async () => {
		const server = window();
		const info = await ensure(server);
		const created = await fetch(`${info.url}/api/traces`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: '{"name":"kept"}',
		});
		expect(created.status).toBe(201);
		process.kill(info.pid, "SIGKILL");
		await eventually(() => !isAlive(info.pid) || undefined);
		expect(readRecord()).toEqual(info);
		const next = await ensure(server);
		expect(next.instanceId).not.toBe(info.instanceId);
		const list = (await (await fetch(`${next.url}/api/traces`)).json()) as { items: { name: string }[] };
		expect(list.items.map(({ name }) => name)).toEqual(["kept"]);
	});

	it("takes the place of an older one that an extension has left, with its data, and of no other", async () => {
		const info = await ensure(window());
		const body = '{"name":"kept"}';
		const headers = { "content-type": "application/json" };
		expect((await fetch(`${info.url}/api/traces`, { method: "POST", headers, body })).status).toBe(201);
		// Neither is older: this extension's own, and one of a newer extension.
		expect(await ensure(window())).toEqual(info);
		expect(await ensure(window({ version: "0.0.1" }))).toEqual(info);

		const newer = await buildCli("999.0.0");
		try {
			const next = await ensure(window({ cliPath: newer.cliPath, version: "999.0.0" }));
			expect([next.version, isAlive(info.pid)]).toEqual(["999.0.0", false]);
			const list = (await (await fetch(`${next.url}/api/traces`)).json()) as { items: { name: string }[] };
			expect(list.items.map(({ name }) => name)).toEqual(["kept"]);
			expect(await ensure(window())).toEqual(next);
		} finally {
			newer.dispose();
		}
	});

	it("leaves an older one alone that a person started", async () => {
		mkdirSync(dataDir);
		const args = [bundle.cliPath, "serve", "--json", "--port=0", "--otlp-port=0", `--data-dir=${dataDir}`];
		const own = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
		pids.add(own.pid!);
		await once(own.stdout!, "data");
		expect((await ensure(window({ version: "999.0.0" }))).pid).toBe(own.pid);
	});

	it("is stopped by stop, which resolves when it is gone", async () => {
		const server = window();
		const info = await ensure(server);
		await server.stop();
		expect(server.info).toBeUndefined();
		expect(readRecord()).toBeUndefined();
		await expect(health(info)).rejects.toThrow();
		await server.stop();
	});

	it("ignores a record that is garbage", async () => {
		mkdirSync(dataDir);
		writeFileSync(join(dataDir, SERVER_INFO_FILE), "\0\0{garbage");
		expect(await health(await ensure(window()))).toHaveProperty("instance_id");
	});

	it("neither uses nor kills a foreign program whose process and port a stale record names", async () => {
		const foreign = createServer((_, response) => response.end('{"status":"ok","instance_id":"someone else"}'));
		foreign.listen(0, "127.0.0.1");
		await once(foreign, "listening");
		const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 60000)"], { stdio: "ignore" });
		pids.add(sleeper.pid!);
		try {
			const url = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`;
			const stale: ServerInfo = {
				pid: sleeper.pid!,
				url,
				otlpUrl: url,
				version: "0.0.1",
				instanceId: "gone",
				startedAt: "2026-03-06T09:00:00Z",
				endsWhenIdle: true,
			};
			mkdirSync(dataDir);
			writeFileSync(join(dataDir, SERVER_INFO_FILE), JSON.stringify(stale));
			const server = window();
			await server.stop();
			expect(isAlive(sleeper.pid!)).toBe(true);
			const info = await ensure(server);
			expect(info.url).not.toBe(url);
		} finally {
			foreign.close();
		}
	});
});

describe("a mini-server that does not start", () => {
	it("is an error with the code and the last lines that it said", async () => {
		const cliPath = script('console.error("one"); console.error("disk is full"); process.exit(7);');
		const error = await errorOf(window({ cliPath }).ensure(noAbort()));
		expect(error.reason).toBe("notStarted");
		expect(error.message).toMatch(/code 7\.\none\ndisk is full$/);
	});

	it("is an error without the lines of earlier starts", async () => {
		mkdirSync(dataDir);
		writeFileSync(join(dataDir, "server.log"), "an old line\n");
		const error = await errorOf(window({ cliPath: script('console.error("new"); process.exit(1)') }).ensure(noAbort()));
		expect(error.message).not.toContain("old line");
		expect(error.message).toContain("new");
	});

	it("is an error when it says nothing in time, and its process is ended", async () => {
		const cliPath = script("console.error(process.pid); setInterval(() => {}, 60000);");
		const error = await errorOf(window({ cliPath, startTimeoutMs: 1000 }).ensure(noAbort()));
		expect(error.reason).toBe("timeout");
		const pid = Number(error.message.split("\n").at(-1));
		expect(pid).toBeGreaterThan(1);
		await eventually(() => !isAlive(pid) || undefined);
	});

	it("is an error when its first line is another one", async () => {
		const cliPath = script('console.log("hello"); setInterval(() => {}, 60000);');
		expect((await errorOf(window({ cliPath }).ensure(noAbort()))).message).toContain("first line");
	});

	it("is an error when the program cannot be run at all", async () => {
		const error = await errorOf(window({ execPath: join(parent, "no-such-node") }).ensure(noAbort()));
		expect(error.reason).toBe("notStarted");
		expect(error.message).toContain("no-such-node");
	});

	it("can be tried again", async () => {
		const server = window({ cliPath: script("process.exit(process.env.NEVER ? 0 : 1)") });
		await errorOf(server.ensure(noAbort()));
		await errorOf(server.ensure(noAbort()));
	});

	it("is given up when the one who asked goes away, but not while another one waits", async () => {
		const cliPath = script("setInterval(() => {}, 60000);");
		const server = window({ cliPath, startTimeoutMs: 1500 });
		const leaving = new AbortController();
		const first = server.ensure(leaving.signal);
		const second = errorOf(server.ensure(noAbort()));
		leaving.abort(new Error("closed"));
		await expect(first).rejects.toThrow("closed");
		expect((await second).reason).toBe("timeout");
		await expect(server.ensure(AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
	});
});

describe("the environment of the mini-server", () => {
	it("runs an Electron as Node, and has no debugger, token or data directory of the window", async () => {
		const cliPath = script(`
			const { ELECTRON_RUN_AS_NODE, NODE_OPTIONS, TRACEWAY_TOKEN, TRACEWAY_DATA_DIR, KEPT } = process.env;
			console.error(JSON.stringify({ ELECTRON_RUN_AS_NODE, NODE_OPTIONS, TRACEWAY_TOKEN, TRACEWAY_DATA_DIR, KEPT }));
			process.exit(1);`);
		const env = {
			NODE_OPTIONS: "--no-warnings",
			TRACEWAY_TOKEN: "secret",
			TRACEWAY_DATA_DIR: "/elsewhere",
			KEPT: "yes",
		};
		const error = await errorOf(window({ cliPath, env }).ensure(noAbort()));
		expect(JSON.parse(error.message.split("\n").at(-1)!)).toEqual({ ELECTRON_RUN_AS_NODE: "1", KEPT: "yes" });
	});
});
