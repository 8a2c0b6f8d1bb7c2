import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The version that the bundle says. */
export const packageVersion: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

export interface CliBundle {
	readonly cliPath: string;
	/** Files that the entry loads whatever the command is, with all that they import from outside. */
	readonly staticImports: ReadonlySet<string>;
	dispose(): void;
}

/** Builds the command line as `esbuild.mjs` does, into a directory of its own. */
export async function buildCli(version = packageVersion): Promise<CliBundle> {
	const directory = mkdtempSync(join(tmpdir(), "traceway-cli-"));
	writeFileSync(join(directory, "package.json"), '{"type":"module"}');
	const { metafile } = await build({
		absWorkingDir: root,
		bundle: true,
		format: "esm",
		splitting: true,
		metafile: true,
		logLevel: "error",
		define: { __VERSION__: JSON.stringify(version) },
		entryPoints: { cli: "src/cli/main.ts" },
		outdir: join(directory, "dist"),
		chunkNames: "cli-chunks/[name]-[hash]",
		platform: "node",
		target: "node22",
		banner: {
			js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
		},
	});
	const staticImports = new Set<string>();
	const visit = (output: string) => {
		for (const { path, kind, external } of metafile.outputs[output]!.imports) {
			if (kind !== "import-statement" || staticImports.has(path)) continue;
			staticImports.add(path);
			if (!external) visit(path);
		}
	};
	visit(Object.keys(metafile.outputs).find((name) => metafile.outputs[name]!.entryPoint === "src/cli/main.ts")!);
	return {
		cliPath: join(directory, "dist", "cli.js"),
		staticImports,
		dispose: () => rmSync(directory, { recursive: true, force: true }),
	};
}

/** One process with what it said so far. */
export class Process {
	readonly child: ChildProcess;
	stdout = "";
	stderr = "";
	/** Resolves with the exit code, or the signal's name, when the process and its output have ended. */
	readonly ended: Promise<number | NodeJS.Signals>;
	#waiting: (() => void)[] = [];

	constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string) {
		this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env, cwd });
		this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
			this.stdout += text;
			this.#wake();
		});
		this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
			this.stderr += text;
			this.#wake();
		});
		this.ended = new Promise((resolve) => {
			this.child.on("close", (code, signal) => {
				resolve(code ?? signal!);
				this.#wake();
			});
		});
	}

	/** Waits until `isTrue` of what was said so far; fails when the process ends before. */
	async until(isTrue: () => boolean): Promise<void> {
		while (!isTrue()) {
			if (this.child.exitCode !== null || this.child.signalCode !== null) {
				await this.ended;
				if (isTrue()) return;
				throw new Error(`the process ended too early\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
			}
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
	}

	/** The lines of the standard output that are whole. */
	get lines(): string[] {
		return this.stdout.split("\n").slice(0, -1);
	}

	#wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve();
	}
}

/** Polls until `ask` gives a value; the test's own timeout is the end of it. */
export async function eventually<T>(ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
	for (;;) {
		const value = await ask();
		if (value !== undefined) return value;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

export function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch {
		return false;
	}
	if (process.platform !== "linux") return true;
	// A child of a killed parent stays a zombie where nobody reaps it: its signal 0 succeeds for ever.
	try {
		return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch {
		return false;
	}
}
