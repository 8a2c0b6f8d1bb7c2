import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { type RunningServer, startServer } from "../../../src/server/server.ts";
import { buildCli, type CliBundle, Process } from "./cli.ts";
import { PtyProcess } from "./pty.ts";
import { client } from "./testServer.ts";

interface MonitorOptions {
	readonly args?: readonly string[];
	readonly env?: NodeJS.ProcessEnv;
	readonly columns?: number;
	readonly rows?: number;
}

/** What a test of the monitor works with: a server and a home of its own, and processes that end with it. */
export class MonitorRun {
	readonly cliPath: string;
	readonly home = mkdtempSync(join(tmpdir(), "traceway-monitor-"));
	#server: RunningServer | undefined;
	readonly #processes: { kill(): void }[] = [];

	constructor(cliPath: string) {
		this.cliPath = cliPath;
	}

	get server(): RunningServer {
		if (this.#server === undefined) throw new Error("there is no server");
		return this.#server;
	}

	async start(options: { port?: number; token?: string } = {}): Promise<void> {
		const dataDir = join(this.home, "server");
		this.#server = await startServer({ port: 0, dataDir, version: "1.0.0", logger: silentLogger, ...options });
	}

	/** Ends the server; what comes back is what starts it again, at the same address with the same data. */
	async kill(): Promise<(options?: { token?: string }) => Promise<void>> {
		const port = Number(new URL(this.server.url).port);
		await this.server.close();
		return (options = {}) => this.start({ port, ...options });
	}

	async dispose(): Promise<void> {
		for (const one of this.#processes) one.kill();
		await this.#server?.close();
		rmSync(this.home, { recursive: true, force: true });
	}

	environment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
		return {
			PATH: process.env.PATH,
			HOME: this.home,
			TRACEWAY_DATA_DIR: join(this.home, "none"),
			TRACEWAY_URL: this.server.url,
			...env,
		};
	}

	/** The monitor in a pseudo-terminal, 80×24 unless told otherwise. */
	monitor({ args = [], ...rest }: MonitorOptions = {}): PtyProcess {
		return this.inTerminal(process.execPath, [this.cliPath, "monitor", ...args], rest);
	}

	/** The monitor once its stream is open. */
	async connected(options: MonitorOptions = {}): Promise<PtyProcess> {
		const pty = this.monitor(options);
		await untilConnected(pty);
		return pty;
	}

	inTerminal(command: string, args: readonly string[], options: Omit<MonitorOptions, "args"> = {}): PtyProcess {
		const { env, columns = 80, rows = 24 } = options;
		const pty = new PtyProcess(command, args, { columns, rows, env: this.environment(env) });
		this.#processes.push(pty);
		return pty;
	}

	/** A command without a terminal. */
	inPipe(args: readonly string[], env?: NodeJS.ProcessEnv): Process {
		const process_ = new Process(process.execPath, [this.cliPath, ...args], this.environment(env));
		this.#processes.push({ kill: () => void process_.child.kill("SIGKILL") });
		return process_;
	}

	/** A trace with one call of a model that has ended. */
	async chat(name: string, prompt?: string): Promise<string> {
		const { trace, span, post } = client(this.server);
		const traceId = await trace({ name });
		const spanId = await span({
			trace_id: traceId,
			name: `call of ${name}`,
			kind: { type: "llm_call", model: "gpt-4o", input_tokens: 1000, output_tokens: 234 },
			...(prompt === undefined ? {} : { input: prompt }),
		});
		await post(`/spans/${spanId}/complete`, { output: "done" });
		return traceId;
	}

	async failed(name: string): Promise<void> {
		const { trace, span, post } = client(this.server);
		const spanId = await span({ trace_id: await trace({ name }), name });
		await post(`/spans/${spanId}/fail`, { error: "it broke" });
	}
}

export async function untilConnected(pty: PtyProcess): Promise<void> {
	await pty.until((text) => text.includes("● Connected"));
}

/** A fresh run for each test of a file. */
export function useMonitor(): () => MonitorRun {
	let bundle: CliBundle;
	let run: MonitorRun;
	beforeAll(async () => {
		bundle = await buildCli();
	});
	afterAll(() => bundle.dispose());
	beforeEach(async () => {
		run = new MonitorRun(bundle.cliPath);
		await run.start();
	});
	afterEach(() => run.dispose());
	return () => run;
}
