import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseListeningLine } from "../../../src/protocol/serverInfo.ts";
import { ROOT } from "../../workbench/workbench.mts";
import { Api } from "./api.ts";

/** A bundled server that belongs to a test: killed and restarted on the same port and data at will. */
export class TestServer {
	readonly dataDir: string;
	readonly #args: readonly string[];
	readonly #token: string | undefined;
	#child: ChildProcess | undefined;
	#port = 0;
	#errors = "";

	private constructor(dataDir: string, args: readonly string[], token: string | undefined) {
		this.dataDir = dataDir;
		this.#args = args;
		this.#token = token;
	}

	/** @param options.args Further arguments of `serve`, such as `--event-retention=1s`. */
	static async start(
		options: { readonly args?: readonly string[]; readonly token?: string } = {},
	): Promise<TestServer> {
		const server = new TestServer(
			await mkdtemp(join(tmpdir(), "traceway-e2e-server-")),
			options.args ?? [],
			options.token,
		);
		await server.start();
		return server;
	}

	get port(): number {
		return this.#port;
	}

	get url(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	get api(): Api {
		return new Api(this.url, this.#token);
	}

	get pid(): number {
		if (this.#child?.pid === undefined) throw new Error("the server does not run");
		return this.#child.pid;
	}

	/** What the server wrote to its log so far. */
	get log(): string {
		return this.#errors;
	}

	/** Starts again, on the port that it had. */
	async start(): Promise<void> {
		const args = [
			"serve",
			"--json",
			`--port=${this.#port}`,
			"--otlp-port=0",
			`--data-dir=${this.dataDir}`,
			...this.#args,
		];
		const env = { ...process.env };
		if (this.#token !== undefined) env.TRACEWAY_TOKEN = this.#token;
		const child = spawn(process.execPath, [join(ROOT, "dist", "cli.js"), ...args], {
			stdio: ["ignore", "pipe", "pipe"],
			env,
		});
		this.#child = child;
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			this.#errors = (this.#errors + text).slice(-20_000);
		});
		const line = await Promise.race([
			once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text)),
			once(child, "exit").then(([code]) => Promise.reject(new Error(`serve ended with ${code}:\n${this.#errors}`))),
		]);
		const listening = parseListeningLine(line);
		if (listening === undefined) throw new Error(`serve printed first: ${line}`);
		this.#port = Number(new URL(listening.url).port);
	}

	/** As by `kill -9`: nothing is written, no stream is ended in order. Resolves when the process is gone. */
	async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const exit = once(child, "exit");
		child.kill(signal);
		await exit;
	}

	async dispose(): Promise<void> {
		await this.kill();
		await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
	}
}
