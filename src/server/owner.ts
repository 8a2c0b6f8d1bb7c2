import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OWNER_LOCK_FILE, parseServerInfo, SERVER_INFO_FILE, type ServerInfo } from "../protocol/serverInfo.ts";
import { unusableFile } from "./storage/fileCheck.ts";

/** Why a data directory could not be taken. */
export class OwnerError extends Error {
	readonly reason: "alreadyOwned" | "unusable";
	/** What the present owner says of itself; it may be undefined for the moment in which that one starts. */
	readonly owner: ServerInfo | undefined;
	constructor(reason: OwnerError["reason"], message: string, owner?: ServerInfo, options?: ErrorOptions) {
		super(message, options);
		this.name = "OwnerError";
		this.reason = reason;
		this.owner = owner;
	}
}

/** The right to use a data directory, held until `release` or the end of the process. */
export interface DataDirOwner {
	/**
	 * Publishes where the server listens: `server.json`, mode 0600, replaced by rename so that readers see whole files only.
	 *
	 * @throws OwnerError `unusable` when it cannot be written.
	 */
	publish(info: ServerInfo): void;
	/** Removes `server.json` and lets the next owner in. The database of the server must be closed before. */
	release(): void;
}

/**
 * Two processes that start in the same moment can both see the file busy for an instant; the winner is through in well under
 * this time, and a loser waits no longer than it.
 */
const BUSY_TIMEOUT_MS = 250;

/** Result code SQLITE_BUSY (https://sqlite.org/rescode.html#busy). */
const SQLITE_BUSY = 5;

/**
 * Keeps what is held reachable: a database handle that is only forgotten is closed by the garbage collector, and the lock
 * with it.
 */
const heldLocks = new Set<DatabaseSync>();

/**
 * Makes this process the only owner of `dataDir`, which is created (mode 0700) when missing. The operating system decides:
 * an open `BEGIN EXCLUSIVE` holds a lock on `owner.db` that ends with the process, however that ends (kill -9 too), and
 * never before. Nothing else in the directory is touched before the lock is held; a `server.json` that an owner left behind
 * is removed then.
 *
 * POSIX locks of a process on a file end when that process closes any descriptor of that file: nothing else here may open
 * `owner.db`.
 *
 * @throws OwnerError `alreadyOwned` when another process holds the directory, `unusable` when it cannot be created or locked.
 */
export function claimDataDir(dataDir: string): DataDirOwner {
	const infoFile = join(dataDir, SERVER_INFO_FILE);
	const lockFile = join(dataDir, OWNER_LOCK_FILE);
	let lock: DatabaseSync | undefined;
	let touched = `the data directory ${dataDir}`;
	try {
		mkdirSync(dataDir, { recursive: true, mode: 0o700 });
		touched = lockFile;
		lock = new DatabaseSync(lockFile);
		chmodSync(lockFile, 0o600);
		lock.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
		lock.exec("BEGIN EXCLUSIVE");
		touched = infoFile;
		rmSync(infoFile, { force: true });
	} catch (error) {
		lock?.close();
		if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) {
			const owner = readInfo(infoFile);
			const who = owner === undefined ? "" : ` (process ${owner.pid} at ${owner.url})`;
			throw new OwnerError("alreadyOwned", `another server is already using ${dataDir}${who}`, owner);
		}
		throw unusable(touched, error);
	}
	const held = lock;
	heldLocks.add(held);
	let isReleased = false;
	return {
		publish(info) {
			const temporary = `${infoFile}.${process.pid}.tmp`;
			try {
				writeFileSync(temporary, `${JSON.stringify(info)}\n`, { mode: 0o600 });
				renameSync(temporary, infoFile);
			} catch (error) {
				throw unusable(infoFile, error);
			}
		},
		release() {
			if (isReleased) return;
			isReleased = true;
			rmSync(infoFile, { force: true });
			heldLocks.delete(held);
			held.close();
		},
	};
}

function unusable(what: string, cause: unknown): OwnerError {
	return new OwnerError("unusable", unusableFile(what, cause).message, undefined, { cause });
}

function readInfo(file: string): ServerInfo | undefined {
	try {
		return parseServerInfo(readFileSync(file, "utf8"));
	} catch {
		// The owner has not published yet, or has just gone.
		return undefined;
	}
}
