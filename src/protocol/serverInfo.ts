/**
 * How the processes of this product find the mini-server of a data directory: the file that its owner writes, the line
 * that `serve --json` prints first, the exit codes of the command line, and the probe that tells our server from whatever
 * else may have taken its port. No file access here; readers pass the text in.
 */

/** Name of the file inside the data directory; mode 0600, replaced atomically, removed on a clean exit. */
export const SERVER_INFO_FILE = "server.json";

/** Name of the SQLite file whose exclusive lock makes a process the owner of the data directory. */
export const OWNER_LOCK_FILE = "owner.db";

/** Exit codes of the command line. */
export const ExitCode = {
	ok: 0,
	/** The work could not be done: the server is unreachable, the port is taken, the disk is full. */
	failed: 1,
	/** The command line itself is wrong. */
	usage: 2,
	/** Another running process owns the data directory. */
	alreadyOwned: 3,
	/** This Node.js is older than 22.16. */
	nodeTooOld: 4,
} as const;

/** The running server of a data directory. */
export interface ServerInfo {
	readonly pid: number;
	/** Base address of the API without `/api` and without a slash at the end, e.g. `http://127.0.0.1:3000`. */
	readonly url: string;
	/** Base address for OTLP exporters, without `/v1/traces`. */
	readonly otlpUrl: string;
	/** Address for exporters that speak gRPC, when that is on. */
	readonly grpcUrl?: string | undefined;
	readonly version: string;
	/** New with each start; `GET /api/health` answers the same as `instance_id`. */
	readonly instanceId: string;
	/** RFC 3339. */
	readonly startedAt: string;
	/** True for a server that ends itself when nobody is attached: one that an extension started, not a person. */
	readonly endsWhenIdle: boolean;
}

/** First line on the standard output of `serve --json`. */
export interface ListeningLine {
	readonly event: "listening";
	readonly url: string;
	readonly otlpUrl: string;
	/** With `--grpc-port`. */
	readonly grpcUrl?: string | undefined;
	readonly pid: number;
	readonly version: string;
}

const MAX_TEXT = 1024;

function isText(value: unknown): value is string {
	return typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT;
}

function isHttpUrl(value: unknown): value is string {
	return isText(value) && /^https?:\/\/[^/]+$/.test(value) && URL.canParse(value);
}

function isOptionalUrl(value: unknown): value is string | undefined {
	return value === undefined || isHttpUrl(value);
}

function isPid(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value > 0;
}

/**
 * Reads the content of `server.json`; undefined for anything that is not a whole record. The file may be left over, cut or
 * written by somebody else, so a record says only where to look: `probeServer` decides.
 */
export function parseServerInfo(text: string): ServerInfo | undefined {
	const value = parseObject(text);
	if (value === undefined) return undefined;
	const { pid, url, otlpUrl, grpcUrl, version, instanceId, startedAt, endsWhenIdle } = value;
	if (!isPid(pid) || !isHttpUrl(url) || !isHttpUrl(otlpUrl) || !isOptionalUrl(grpcUrl)) return undefined;
	if (!isText(version) || !isText(instanceId) || !isText(startedAt)) return undefined;
	return { pid, url, otlpUrl, grpcUrl, version, instanceId, startedAt, endsWhenIdle: endsWhenIdle === true };
}

/** Whether one version ("1.4.0") comes before another; what follows a hyphen does not count, what is no version is the oldest. */
export function isOlderVersion(version: string, than: string): boolean {
	const [own, other] = [version, than].map((text) => /^\d+\.\d+\.\d+/.exec(text)?.[0].split(".").map(Number) ?? []);
	for (let part = 0; part < 3; part++) {
		const difference = (own?.[part] ?? -1) - (other?.[part] ?? -1);
		if (difference !== 0) return difference < 0;
	}
	return false;
}

/** Reads the first line of `serve --json`; undefined when it is something else. */
export function parseListeningLine(text: string): ListeningLine | undefined {
	const value = parseObject(text);
	if (value === undefined || value.event !== "listening") return undefined;
	const { pid, url, otlpUrl, grpcUrl, version } = value;
	if (!isPid(pid) || !isHttpUrl(url) || !isHttpUrl(otlpUrl) || !isText(version)) return undefined;
	if (!isOptionalUrl(grpcUrl)) return undefined;
	return { event: "listening", url, otlpUrl, grpcUrl, pid, version };
}

function parseObject(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		// Garbage in a file is an expected outcome, not a fault.
		return undefined;
	}
}

/** A health answer is a few hundred bytes; a foreign program on the port may send anything. */
const MAX_HEALTH_CHARS = 64 * 1024;

/**
 * True when the server that `info` describes answers at its address: `GET /api/health` with the same instance id. False when
 * nothing answers within `timeoutMs` (default 2,000) or something else does. Rejects only when `signal` is aborted.
 */
export async function probeServer(info: ServerInfo, signal: AbortSignal, timeoutMs = 2000): Promise<boolean> {
	signal.throwIfAborted();
	try {
		const response = await fetch(`${info.url}/api/health`, {
			signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
			redirect: "error",
			headers: { accept: "application/json" },
		});
		const health = parseObject(await readBounded(response));
		return health?.instance_id === info.instanceId;
	} catch {
		signal.throwIfAborted();
		return false;
	}
}

async function readBounded(response: Response): Promise<string> {
	if (response.body === null) return "";
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let text = "";
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text;
		text += decoder.decode(value, { stream: true });
		if (text.length > MAX_HEALTH_CHARS) {
			await reader.cancel();
			return "";
		}
	}
}
