import { once } from "node:events";
import { stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { describeError, type Logger } from "../../base/logger.ts";

/** Size from which the log is brought into the file, bytes. */
const MAX_LOG_BYTES = 32_000_000;

const INTERVAL_MS = 1000;

/**
 * What the thread runs; as text, because it is the only code that is loaded there. A passive checkpoint holds up neither readers nor
 * writers (https://sqlite.org/pragma.html#pragma_wal_checkpoint).
 */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
const database = new DatabaseSync(workerData);
database.exec("PRAGMA synchronous = NORMAL");
parentPort.on("message", () => {
	let problem = null;
	try {
		database.exec("PRAGMA wal_checkpoint(PASSIVE)");
	} catch (error) {
		problem = String(error.message);
	}
	parentPort.postMessage(problem);
});
`;

/**
 * Brings the write-ahead log into the database's file on a thread of its own: copying tens of megabytes and waiting twice for the
 * disk would hold up every request meanwhile. The thread begins with the first log that is large enough.
 */
export class Checkpointer {
	readonly #file: string;
	readonly #logger: Logger;
	readonly #timer: NodeJS.Timeout;
	#thread: Worker | undefined;
	#running: Promise<void> | undefined;

	/** `file` is the database's. */
	constructor(file: string, logger: Logger) {
		this.#file = file;
		this.#logger = logger;
		this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
		this.#timer.unref();
	}

	/** One checkpoint, or the one under way. Does not reject: the log waits for the next one. */
	run(): Promise<void> {
		this.#running ??= this.#checkpoint().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	/** Waits for what is under way and ends the thread. */
	async close(): Promise<void> {
		clearInterval(this.#timer);
		await this.#running;
		await this.#thread?.terminate();
		this.#thread = undefined;
	}

	async #look(): Promise<void> {
		if (this.#running !== undefined) return;
		const size = await stat(`${this.#file}-wal`).then(
			(status) => status.size,
			// No log, nothing to bring.
			() => 0,
		);
		if (size > MAX_LOG_BYTES) await this.run();
	}

	async #checkpoint(): Promise<void> {
		try {
			this.#thread ??= this.#start();
			const answer = once(this.#thread, "message");
			this.#thread.postMessage(null);
			const [problem] = (await answer) as [string | null];
			if (problem !== null) this.#logger.warn(`the log of the database stays for now: ${problem}`);
		} catch (error) {
			this.#thread = undefined;
			this.#logger.error(`the log of the database cannot be brought into its file: ${describeError(error)}`);
		}
	}

	#start(): Worker {
		const thread = new Worker(THREAD, { eval: true, workerData: this.#file });
		thread.unref();
		return thread;
	}
}
