import { readFileSync } from "node:fs";

/** Of Linux, for every process: /proc tells processor time in hundredths of a second. */
const TICK_MS = 10;

/** Processor time of a process so far, user and system, milliseconds. */
export function processTimeMs(pid: number): number {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	// After the name in parentheses the third field of the line comes first; utime and stime are the 14th and 15th.
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
