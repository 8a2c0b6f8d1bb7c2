import { fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { Logger } from "../base/logger.ts";
import { printable } from "./arguments.ts";

export interface StderrLogOptions {
	/** Also debug lines; false by default. */
	readonly isVerbose?: boolean;
	/**
	 * When the standard error is a file that has grown past so many bytes, its older half is cut off. Undefined leaves the
	 * file alone: cutting is for a file that the starter of this process gave it for just that.
	 */
	readonly maxFileBytes?: number | undefined;
	/** File descriptor to write to; 2 by default. */
	readonly fd?: number;
}

/** Longest message in a line; what is longer has been taken from somewhere it should not. */
const MAX_LINE_CHARS = 2000;

/** How much may be written between two looks at the size of the file. */
const CHECK_EVERY_BYTES = 64 * 1024;

/** Log lines to the standard error: `2026-03-06T09:00:00.125Z info  listening …`. Written at once, so that a crash loses none. */
export function stderrLogger(options: StderrLogOptions = {}): Logger {
	const fd = options.fd ?? 2;
	let unchecked = CHECK_EVERY_BYTES;
	const write = (level: string, message: string) => {
		const line = `${new Date().toISOString()} ${level} ${printable(message, MAX_LINE_CHARS)}\n`;
		try {
			unchecked += line.length;
			if (options.maxFileBytes !== undefined && unchecked >= CHECK_EVERY_BYTES) {
				unchecked = 0;
				keepEnd(fd, options.maxFileBytes);
			}
			writeSync(fd, line);
		} catch {
			// A full pipe, a closed terminal, a full disk: the log must not end the server.
		}
	};
	return {
		error: (message) => write("error", message),
		warn: (message) => write("warn ", message),
		info: (message) => write("info ", message),
		debug: options.isVerbose ? (message) => write("debug", message) : () => {},
	};
}

/** Cuts a file that is open for reading and appending down to its last lines. Append mode makes the next write follow them. */
function keepEnd(fd: number, maxBytes: number): void {
	const stat = fstatSync(fd);
	if (!stat.isFile() || stat.size <= maxBytes) return;
	const kept = Buffer.alloc(Math.floor(maxBytes / 2));
	const bytesRead = readSync(fd, kept, 0, kept.length, stat.size - kept.length);
	const end = kept.subarray(0, bytesRead);
	const firstLine = end.indexOf(10) + 1;
	ftruncateSync(fd, 0);
	writeSync(fd, end.subarray(firstLine));
}
