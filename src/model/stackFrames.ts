/** A place in a file that a text names, such as a frame of a stack trace. */
export interface StackFrame {
	/** Where the text names it, in UTF-16 units. */
	readonly start: number;
	readonly end: number;
	/** As written: absolute, relative, or a `file:` URL. */
	readonly path: string;
	/** From 1. */
	readonly line: number;
	readonly column: number | undefined;
}

const MAX_TEXT_UNITS = 64_000;
const MAX_LINE_UNITS = 2_000;
const MAX_FRAMES = 100;

/** Python: `File "/app/agent.py", line 88`. */
const PYTHON = /File "([^"]{1,500})", line (\d{1,7})/;
/**
 * JavaScript, Go, Rust, Ruby, .NET and Java with paths: `(/app/agent.ts:88:12)`, `at file:///app/agent.ts:88`, `agent.go:12`,
 * `in C:\app\agent.cs:line 88`. The extension is what tells a path from a time or an address.
 */
const PATH =
	/((?:file:\/\/\/?|[A-Za-z]:[\\/])?[^\s()'"<>:,;]{1,400}\.[A-Za-z]{1,5}):(?:line )?(\d{1,7})(?::(\d{1,7}))?/;

/**
 * The places in files that a text names, at most one a line and 100 in all, in order. Whether the files exist is not asked; a
 * host and port (`api.example.com:443`) can look like one.
 */
export function framesIn(text: string): StackFrame[] {
	const frames: StackFrame[] = [];
	const bounded = text.slice(0, MAX_TEXT_UNITS);
	for (let from = 0; from < bounded.length && frames.length < MAX_FRAMES; ) {
		const end = bounded.indexOf("\n", from);
		const to = end === -1 ? bounded.length : end;
		// A longer line is no frame; the patterns would only walk it.
		if (to - from <= MAX_LINE_UNITS) {
			const line = bounded.slice(from, to);
			const match = PYTHON.exec(line) ?? PATH.exec(line);
			if (match !== null) {
				const start = from + match.index;
				frames.push({
					start,
					end: start + match[0].length,
					path: match[1],
					line: Number(match[2]),
					column: match[3] === undefined ? undefined : Number(match[3]),
				});
			}
		}
		from = to + 1;
	}
	return frames;
}
