import { existsSync, renameSync } from "node:fs";
import { databaseFile } from "./database.ts";

/**
 * Renames the database of a data directory, with what SQLite keeps beside it, so that the next start makes an empty one and
 * nothing is lost that a tool might still recover. Only for a person who asked for it, and while nobody has it open.
 *
 * @returns the new path, `traces.db.corrupt-<time>`; SQLite's rule for the names beside a database still holds there.
 */
export function setAsideDatabase(dataDir: string, now: Date): string {
	const file = databaseFile(dataDir);
	const aside = `${file}.corrupt-${now.toISOString().replace(/[-:]|\.\d+/g, "")}`;
	// The log first: a crash between the two leaves a database that lacks it, and not a log that an empty one would take in.
	for (const suffix of ["-wal", "-shm", ""]) {
		if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
	}
	return aside;
}
