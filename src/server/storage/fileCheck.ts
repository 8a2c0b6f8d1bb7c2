import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { describeError } from "../../base/logger.ts";
import { ServerError } from "../errors.ts";

/** What makes a file ours, and which form of it this program reads. */
export interface FileIdentity {
	readonly applicationId: number;
	readonly schemaVersion: number;
	/** The oldest form that is brought up to date. */
	readonly oldestVersion: number;
}

/** The first bytes of a database (https://sqlite.org/fileformat.html#the_database_header). */
const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";

/**
 * Looks at a database's file before SQLite does, which may bring the log of a foreign database into its file by just opening
 * it. Changes nothing. A header without an owner says nothing: the file is new, or what makes it ours is still in its log.
 *
 * @throws ServerError `foreignDatabase`, `newerDatabase`, `corruptDatabase` or `unusableDatabase`.
 */
export function checkFile(file: string, { applicationId, schemaVersion, oldestVersion }: FileIdentity): void {
	let size: number;
	let header: Buffer;
	try {
		const status = statSync(file, { throwIfNoEntry: false });
		if (status === undefined || (status.isFile() && status.size === 0)) return;
		if (!status.isFile()) {
			throw new ServerError("unusableDatabase", `${file} is no file; choose another data directory or move it away`);
		}
		size = status.size;
		header = readHeader(file);
		accessSync(file, constants.W_OK);
	} catch (error) {
		if (error instanceof ServerError) throw error;
		throw unusableFile(file, error);
	}
	if (header.toString("latin1", 0, MAGIC.length) !== MAGIC.slice(0, header.length)) {
		throw corruptFile(file, "is no SQLite database");
	}
	if (header.length < HEADER_BYTES) throw corruptFile(file, "ends within its header");
	const own = header.readUInt32BE(68);
	if (own !== 0 && own !== applicationId) throw foreignFile(file);
	if (own === 0) return;
	const version = header.readUInt32BE(60);
	if (version < oldestVersion || version > schemaVersion) throw otherVersion(file, version, schemaVersion);
	// Pages that are still in the log need not be in the file. Without a log the header counts them.
	const isCounted = header.readUInt32BE(24) === header.readUInt32BE(92);
	const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
	const expected = header.readUInt32BE(28) * pageBytes;
	if (isCounted && size < expected && logBytes(file) === 0) {
		throw corruptFile(file, `is damaged: ${size} of its ${expected} bytes are there`);
	}
}

export function foreignFile(file: string): ServerError {
	return new ServerError(
		"foreignDatabase",
		`${file} belongs to another program; choose another data directory or move the file away`,
	);
}

export function otherVersion(file: string, version: number, ownVersion: number): ServerError {
	const text = `${file} was written by another version of Traceway Live (schema ${version}, this one reads ${ownVersion})`;
	const advice = version > ownVersion ? "update Traceway Live or choose" : "move the file away or choose";
	return new ServerError("newerDatabase", `${text}; ${advice} another data directory`);
}

/** `what` is the rest of a sentence that begins with the file. */
export function corruptFile(file: string, what: string, cause?: unknown): ServerError {
	return new ServerError("corruptDatabase", `${file} ${what}; move it away to start with an empty one`, { cause });
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** Says what a failure of SQLite or of the file system means for who started the server, and what to do about it. */
export function unusableFile(file: string, error: unknown): ServerError {
	const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
	const result = Number(errcode) & 0xff;
	if (result === SQLITE_NOTADB) return corruptFile(file, "is no SQLite database", error);
	if (result === SQLITE_CORRUPT) return corruptFile(file, "is damaged", error);
	const fail = (text: string) => new ServerError("unusableDatabase", `${file} ${text}`, { cause: error });
	if (result === SQLITE_FULL || code === "ENOSPC") return fail("cannot grow: the disk is full; make room on it");
	if (
		result === SQLITE_READONLY ||
		result === SQLITE_CANTOPEN ||
		code === "EACCES" ||
		code === "EPERM" ||
		code === "EROFS"
	) {
		return fail(
			"cannot be written by this user; mend its permissions and those of its directory, or choose another data directory",
		);
	}
	return fail(`cannot be opened: ${describeError(error)}; choose another data directory if that does not pass`);
}

function readHeader(file: string): Buffer {
	const descriptor = openSync(file, "r");
	try {
		const header = Buffer.alloc(HEADER_BYTES);
		return header.subarray(0, readSync(descriptor, header, 0, HEADER_BYTES, 0));
	} finally {
		closeSync(descriptor);
	}
}

function logBytes(file: string): number {
	return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
