import { close, fdatasync, open } from "node:fs";
import { promisify } from "node:util";

/** Hears that what was committed before it came is on the disk, or why that cannot be said. */
type Listener = (error: unknown) => void;

/**
 * Brings the write-ahead log to the disk behind each commit, on a thread of Node's pool. A commit is in the hands of the operating
 * system when SQLite returns, so the end of our process loses nothing; this keeps it through the end of the machine, too, without
 * holding up the event loop (as `synchronous = FULL` would). While one sync runs, commits gather for the next: under load
 * many share one.
 *
 * Any descriptor of the file will do ("all currently queued I/O operations associated with the file", POSIX on fdatasync).
 * SQLite keeps no locks on its log, so closing ours releases none.
 */
export class LogSync {
	readonly #file: string;
	#descriptor: number | undefined;
	#waiting: Listener[] = [];
	#running: Promise<void> | undefined;

	/** `file` is the database's; its log stands beside it from the first commit on. */
	constructor(file: string) {
		this.#file = `${file}-wal`;
	}

	/** Calls back when everything that has been committed until now is on the disk. */
	whenDurable(listener: Listener): void {
		this.#waiting.push(listener);
		this.#running ??= this.#run();
	}

	/** Waits for what is under way and lets go of the file. Closing the database syncs by itself. */
	async close(): Promise<void> {
		await this.#running;
		if (this.#descriptor !== undefined) await promisify(close)(this.#descriptor);
		this.#descriptor = undefined;
	}

	async #run(): Promise<void> {
		while (this.#waiting.length > 0) {
			const listeners = this.#waiting;
			this.#waiting = [];
			const error = await this.#sync();
			for (const listener of listeners) listener(error);
		}
		this.#running = undefined;
	}

	async #sync(): Promise<unknown> {
		try {
			// Writable: Windows flushes no other.
			this.#descriptor ??= await promisify(open)(this.#file, "r+");
			await promisify(fdatasync)(this.#descriptor);
			return undefined;
		} catch (error) {
			return error;
		}
	}
}
