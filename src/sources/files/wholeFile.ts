import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { describeError } from "../../base/logger.ts";
import { FileProblem } from "./fileProblem.ts";

/** Where bytes go that are worth something only together. */
export interface Sink {
	write(bytes: Uint8Array): Promise<void>;
	/** Everything was written. */
	finish(): Promise<void>;
	/** Takes back what can be taken back. */
	abandon(): Promise<void>;
}

/**
 * A file beside the wanted one, which takes its place when it is whole and on disk. For its owner only.
 *
 * @param shown The file's name as messages may print it.
 * @throws FileProblem from every method, for what the system refuses.
 */
export async function wholeFile(name: string, shown: string): Promise<Sink> {
	const file = resolve(name);
	const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString("hex")}.tmp`);
	const failed = (error: unknown) =>
		new FileProblem(`cannot write ${shown} (${describeError(error)})`, { cause: error });
	let handle: FileHandle;
	try {
		// Traces hold prompts: nobody else's business, as with the database.
		handle = await open(temporary, "wx", 0o600);
	} catch (error) {
		throw failed(error);
	}
	return {
		async write(bytes) {
			try {
				await handle.writeFile(bytes);
			} catch (error) {
				throw failed(error);
			}
		},
		async finish() {
			try {
				await handle.sync();
				await handle.close();
				await rename(temporary, file);
			} catch (error) {
				throw failed(error);
			}
		},
		async abandon() {
			// Closing twice rejects, and so does what the full disk has refused already: the reason is being reported.
			await handle.close().catch(() => {});
			await rm(temporary, { force: true });
		},
	};
}
