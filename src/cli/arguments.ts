import { type ParseArgsConfig, parseArgs } from "node:util";
import { displayText } from "../base/displayText.ts";

/** A command line that is wrong; the message is one line that names what, and the program ends with exit code 2. */
export class UsageError extends Error {
	/** The command whose help explains more; undefined for the program itself. */
	command: string | undefined;
	constructor(message: string, command?: string) {
		super(message);
		this.name = "UsageError";
		this.command = command;
	}
}

/** Work that failed for a reason a person can act on; the message is one line. Exit code 1 unless another is given. */
export class CommandError extends Error {
	readonly exitCode: number;
	constructor(message: string, exitCode = 1, options?: ErrorOptions) {
		super(message, options);
		this.name = "CommandError";
		this.exitCode = exitCode;
	}
}

/** One command of the program, loaded when it is asked for. */
export interface Command {
	/** Printed by `--help`: usage, options with defaults and units, exit codes, examples. */
	readonly help: string;
	/** Runs with the arguments behind the command's name; resolves with the exit code. */
	run(args: readonly string[]): Promise<number>;
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** `node:util` parseArgs without positionals, with errors as `UsageError`. */
export function parseOptions<T extends Options>(args: readonly string[], options: T) {
	return parse(args, options, false).values;
}

/** The same with positionals. */
export function parseArguments<T extends Options>(args: readonly string[], options: T) {
	return parse(args, options, true);
}

function parse<T extends Options>(args: readonly string[], options: T, allowPositionals: boolean) {
	try {
		return parseArgs({ args: [...args], options, strict: true, allowPositionals });
	} catch (error) {
		// Messages of parseArgs go on with advice about positionals behind the first sentence or line.
		const text = error instanceof Error ? error.message : String(error);
		const first = text.split(/\.\s|\n/, 1)[0] ?? text;
		throw new UsageError(`${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(/\.$/, ""));
	}
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
	ms: 1,
	"": 1000,
	s: 1000,
	m: 60_000,
	min: 60_000,
	h: 3_600_000,
	d: 86_400_000,
};

/** Longest delay that a timer of Node.js takes, 24.8 days, is not a bound here: durations are also ages. 10 years is. */
const MAX_DURATION_MS = 10 * 365 * 86_400_000;

/** Milliseconds of `500ms`, `25s`, `5m`, `24h`, `7d`; a bare number is seconds. */
export function parseDurationMs(text: string, option: string): number {
	const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
	const unit = match?.[2] === undefined ? undefined : DURATION_UNITS[match[2].toLowerCase()];
	if (match === null || unit === undefined) {
		throw new UsageError(`${option}: "${printable(text)}" is no duration; write it like 500ms, 25s, 5m, 24h or 7d`);
	}
	const ms = Math.round(Number(match[1]) * unit);
	if (ms > MAX_DURATION_MS) throw new UsageError(`${option}: "${printable(text)}" is longer than 10 years`);
	return ms;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
	"": 1,
	b: 1,
	kb: 1e3,
	mb: 1e6,
	gb: 1e9,
	tb: 1e12,
	kib: 2 ** 10,
	mib: 2 ** 20,
	gib: 2 ** 30,
	tib: 2 ** 40,
};

/** Bytes of `500MB`, `2GB` (powers of ten), `512MiB` (powers of two); a bare number is bytes. */
export function parseSizeBytes(text: string, option: string): number {
	const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
	const unit = match?.[2] === undefined ? undefined : SIZE_UNITS[match[2].toLowerCase()];
	const bytes = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
	if (!Number.isSafeInteger(bytes)) {
		throw new UsageError(`${option}: "${printable(text)}" is no size; write it like 500MB, 2GB or 512MiB`);
	}
	return bytes;
}

/** A whole number between bounds, both included. */
export function parseInteger(text: string, option: string, min: number, max: number): number {
	const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
	if (!(value >= min && value <= max)) {
		throw new UsageError(`${option}: "${printable(text)}" is no whole number from ${min} to ${max}`);
	}
	return value;
}

/** A number above 0 and up to `max`. */
export function parsePositive(text: string, option: string, max: number): number {
	const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
	if (!(value > 0 && value <= max)) {
		throw new UsageError(`${option}: "${printable(text)}" is no number above 0 and up to ${max}`);
	}
	return value;
}

/**
 * The base address of a server without a slash at the end. A path prefix is kept; a trailing `/api` is cut because every
 * caller adds it; user names, queries and fragments are refused.
 */
export function parseBaseUrl(text: string, option: string): string {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
		throw new UsageError(`${option}: "${printable(text)}" is no address; write it like http://127.0.0.1:3000`);
	}
	if (url.username !== "" || url.password !== "") {
		throw new UsageError(`${option}: names and passwords do not belong in the address; use --token or TRACEWAY_TOKEN`);
	}
	if (url.search !== "" || url.hash !== "") {
		throw new UsageError(`${option}: "${printable(text)}" has a query or fragment; give the base address only`);
	}
	return `${url.origin}${url.pathname}`.replace(/\/+$/, "").replace(/\/api$/, "");
}

/** Text from outside, safe on one line of a terminal: controls, with which escape sequences begin, become visible signs. */
export function printable(text: string, maxChars = 200): string {
	return displayText(text, maxChars);
}
