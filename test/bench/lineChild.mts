import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** A script of this folder in a process of its own that answers lines with lines, and ends with its input. */
export class Child {
	readonly #process: ChildProcessByStdio<Writable, Readable, null>;
	readonly #lines: AsyncIterator<string>;

	constructor(file: string, args: readonly string[]) {
		const path = fileURLToPath(new URL(file, import.meta.url));
		this.#process = spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "inherit"] });
		this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
	}

	async line(): Promise<string> {
		return (await this.#lines.next()).value;
	}

	ask(question: string): Promise<string> {
		this.#process.stdin.write(`${question}\n`);
		return this.line();
	}

	async end(): Promise<void> {
		this.#process.stdin.end();
		await once(this.#process, "exit");
	}
}
