import { close, fdatasync, open } from "node:fs";
import { promisify } from "node:util";
import { describeError, type Logger } from "../../base/logger.ts";

/** Longest time that a commit lives in the operating system's memory only. */
const MAX_UNSYNCED_MS = 1000;

/**
 * Brings the write-ahead log to the disk within a second of each commit, on a thread of Node's pool. A commit is in the hands
 * of the operating system when it is answered, so the end of our process, however sudden, loses nothing; this bounds what the
 * end of the machine can lose. Syncing before each answer was measured to cost half the throughput.
 *
 * Any descriptor of the file will do ("all currently queued I/O operations associated with the file", POSIX on fdatasync).
 * SQLite keeps no locks on its log, so closing ours releases none.
 */
export class LogSync {
	readonly #file: string;
	readonly #logger: Logger;
	#descriptor: number | undefined;
	#timer: NodeJS.Timeout | undefined;
	#running: Promise<void> | undefined;

	/** `file` is the database's; its log stands beside it from the first commit on. */
	constructor(file: string, logger: Logger) {
		this.#file = `${file}-wal`;
		this.#logger = logger;
	}

	didCommit(): void {
		this.#timer ??= setTimeout(() => {
			this.#timer = undefined;
			this.#running = this.#sync();
		}, MAX_UNSYNCED_MS);
	}

	/** Waits for what is under way and lets go of the file. Closing the database syncs by itself. */
	async close(): Promise<void> {
		clearTimeout(this.#timer);
		await this.#running;
		if (this.#descriptor !== undefined) await promisify(close)(this.#descriptor);
		this.#descriptor = undefined;
	}

	async #sync(): Promise<void> {
		try {
			// Writable: Windows flushes no other.
			this.#descriptor ??= await promisify(open)(this.#file, "r+");
			await promisify(fdatasync)(this.#descriptor);
		} catch (error) {
			this.#logger.error(`the log of the database could not be synced to the disk: ${describeError(error)}`);
		}
	}
}
