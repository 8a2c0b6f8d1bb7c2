import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "../base/abort.ts";
import { describeError, type Logger } from "../base/logger.ts";
import {
	ExitCode,
	isOlderVersion,
	parseListeningLine,
	parseServerInfo,
	probeServer,
	SERVER_INFO_FILE,
	type ServerInfo,
} from "../protocol/serverInfo.ts";

/** Name of the file in the data directory that takes the server's log lines and whatever a crash prints. */
export const SERVER_LOG_FILE = "server.log";

/** The server cuts its log file in half when it grows past this. */
const LOG_LIMIT_BYTES = 2_000_000;

/** How much of the log goes into an error message. */
const ERROR_LINES = 5;
const ERROR_BYTES = 4096;

/** Wait between two looks at a server of somebody else that is starting or stopping. */
const POLL_MS = 100;

/** How long the owner of a data directory is looked for before the next child is started. */
const ASK_LOCK_AGAIN_MS = 2000;

/** How long a stopping server may take before it is killed; it promises 5 s itself. */
const STOP_TIMEOUT_MS = 7000;

/** The whole first line is a few hundred bytes. */
const MAX_FIRST_LINE_CHARS = 16_384;

/** What a child must not inherit: debuggers that would attach to it, and values meant for programs that send traces. */
const REMOVED_ENV = [
	"NODE_OPTIONS",
	"VSCODE_INSPECTOR_OPTIONS",
	"TRACEWAY_TOKEN",
	"TRACEWAY_DATA_DIR",
	"TRACEWAY_URL",
] as const;

export interface MiniServerOptions {
	/** Directory of database, lock, `server.json` and log; created when missing. One server per directory. */
	readonly dataDir: string;
	/** The bundled command line. */
	readonly cliPath: string;
	/** Node.js, or an Electron that runs as Node.js: `process.execPath` of the extension host. */
	readonly execPath: string;
	/** Environment of the child, usually `process.env`. */
	readonly env: NodeJS.ProcessEnv;
	readonly logger: Logger;
	/** Version of this extension: an older server that an extension started makes room for a new one. */
	readonly version: string;
	/** Further arguments of `serve`, from settings; they come last and win. */
	readonly serveArgs?: readonly string[] | undefined;
	/** Seconds without any attached window after which the server ends itself; 60 by default. */
	readonly exitWhenIdleSeconds?: number | undefined;
	/** How long `ensure` tries before it gives up, milliseconds; 15,000 by default. */
	readonly startTimeoutMs?: number | undefined;
}

/** Why there is no server; the message is for people and ends with the last lines that the server said, if any. */
export class MiniServerError extends Error {
	readonly reason: "notStarted" | "timeout" | "notStopped";
	constructor(reason: MiniServerError["reason"], message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = "MiniServerError";
		this.reason = reason;
	}
}

type Outcome =
	| { readonly type: "listening" }
	| { readonly type: "alreadyOwned" }
	| { readonly type: "ended"; readonly what: string };

/**
 * The bundled server as a process of its own that outlives this one. Finds the running server of a data directory or
 * starts one, detached. It holds no process and no timer between calls; the server watches by itself whether anybody is
 * still attached.
 *
 * Who may run a server is decided by the operating system's lock inside the server process. So several windows may call
 * `ensure` at once: the children that lose end with `ExitCode.alreadyOwned` and their windows attach to the winner.
 */
export class MiniServer {
	readonly #options: MiniServerOptions;
	#info: ServerInfo | undefined;
	/** The one attempt that all present callers of `ensure` share. */
	#attempt: { readonly result: Promise<ServerInfo>; readonly abort: AbortController; waiting: number } | undefined;

	constructor(options: MiniServerOptions) {
		this.#options = options;
	}

	/** The server found last; undefined before the first `ensure` and after `stop`. It may have ended since. */
	get info(): ServerInfo | undefined {
		return this.#info;
	}

	/** Directory by whose record every program on this machine finds the server. */
	get dataDir(): string {
		return this.#options.dataDir;
	}

	/** Path of the server's log. */
	get logFile(): string {
		return join(this.#options.dataDir, SERVER_LOG_FILE);
	}

	/**
	 * The running server, checked by a health request, or else a new one. Calls at the same time share one attempt, which is
	 * given up when all of them are aborted.
	 *
	 * @throws MiniServerError `notStarted` when the process cannot run or ends, `timeout` when it does not answer in time.
	 */
	async ensure(signal: AbortSignal): Promise<ServerInfo> {
		signal.throwIfAborted();
		const attempt = this.#attempt ?? this.#begin();
		attempt.waiting++;
		let onAbort = () => {};
		const aborted = new Promise<never>((_, reject) => {
			onAbort = () => reject(signal.reason);
			signal.addEventListener("abort", onAbort, { once: true });
		});
		try {
			return await Promise.race([attempt.result, aborted]);
		} finally {
			signal.removeEventListener("abort", onAbort);
			attempt.waiting--;
			if (attempt.waiting === 0) {
				attempt.abort.abort();
				if (this.#attempt === attempt) this.#attempt = undefined;
			}
		}
	}

	/**
	 * Ends the running server of the data directory, whoever started it, and resolves when it is gone: SIGTERM, and SIGKILL
	 * after 7 s. Does nothing when none answers with its instance id: a pid in a left-over file may be anybody's by now.
	 */
	async stop(signal: AbortSignal = new AbortController().signal): Promise<void> {
		const info = await this.#find(signal);
		this.#info = undefined;
		if (info === undefined) return;
		this.#options.logger.info(`stopping process ${info.pid}`);
		kill(info.pid, "SIGTERM");
		if (await this.#waitUntilGone(info, signal)) return;
		this.#options.logger.warn(`process ${info.pid} does not stop; killing it`);
		kill(info.pid, "SIGKILL");
		await this.#waitUntilGone(info, signal);
		if (await probeServer(info, signal)) {
			throw new MiniServerError("notStopped", `The Traceway server, process ${info.pid}, does not stop.`);
		}
	}

	/** False when the server is still there after the time that it may take to stop. */
	async #waitUntilGone(info: ServerInfo, signal: AbortSignal): Promise<boolean> {
		const deadline = Date.now() + STOP_TIMEOUT_MS;
		while (Date.now() < deadline) {
			if (!isAlive(info.pid)) return true;
			// A process whose parent does not reap it looks alive for ever; a clean exit has removed the record by then.
			if ((await this.#read(signal))?.instanceId !== info.instanceId) return true;
			await sleep(POLL_MS, signal);
		}
		return false;
	}

	#begin() {
		const abort = new AbortController();
		const attempt = { result: this.#findOrStart(abort.signal), abort, waiting: 0 };
		this.#attempt = attempt;
		const forget = () => {
			if (this.#attempt === attempt) this.#attempt = undefined;
		};
		// Also keeps a rejection that no caller waits for any more from counting as unhandled.
		attempt.result.then(forget, forget);
		return attempt;
	}

	async #findOrStart(signal: AbortSignal): Promise<ServerInfo> {
		const timeoutMs = this.#options.startTimeoutMs ?? 15_000;
		const deadline = Date.now() + timeoutMs;
		let askLockAgainAt = 0;
		for (;;) {
			const found = await this.#find(signal);
			if (found !== undefined && !(await this.#retire(found, signal))) return this.#attach(found);
			if (Date.now() > deadline) throw this.#timeoutError(timeoutMs, "");
			if (Date.now() < askLockAgainAt) {
				await sleep(POLL_MS, signal);
			} else if ((await this.#start(deadline, timeoutMs, signal)) === "alreadyOwned") {
				// The owner is starting, busy or about to go: look for its record for a while before the lock is asked again.
				askLockAgainAt = Date.now() + ASK_LOCK_AGAIN_MS;
			}
		}
	}

	/**
	 * Stops a server that an older version of the extension has left behind, which would speak an older protocol for as long as
	 * a window is open. False when it is to be used: it is not older, a person started it, or it cannot be stopped.
	 */
	async #retire(info: ServerInfo, signal: AbortSignal): Promise<boolean> {
		const { version, logger } = this.#options;
		if (!info.endsWhenIdle || !isOlderVersion(info.version, version)) return false;
		logger.info(`the server is of version ${info.version}; starting that of ${version} instead`);
		try {
			await this.stop(signal);
			return true;
		} catch (error) {
			signal.throwIfAborted();
			logger.warn(`the older server stays: ${describeError(error)}`);
			return false;
		}
	}

	#attach(info: ServerInfo): ServerInfo {
		this.#info = info;
		this.#options.logger.info(`server is process ${info.pid} at ${info.url}, version ${info.version}`);
		return info;
	}

	/** What `server.json` names, if that answers. */
	async #find(signal: AbortSignal): Promise<ServerInfo | undefined> {
		const info = await this.#read(signal);
		if (info === undefined || !isAlive(info.pid)) return undefined;
		return (await probeServer(info, signal)) ? info : undefined;
	}

	async #read(signal: AbortSignal): Promise<ServerInfo | undefined> {
		const file = join(this.#options.dataDir, SERVER_INFO_FILE);
		let text: string;
		try {
			text = await readFile(file, { encoding: "utf8", signal });
		} catch (error) {
			signal.throwIfAborted();
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
				this.#options.logger.warn(`cannot read ${file}: ${(error as Error).message}`);
			}
			return undefined;
		}
		const info = parseServerInfo(text);
		if (info === undefined) this.#options.logger.warn(`${file} is no server record; ignored`);
		return info;
	}

	/** Starts a child and resolves when it listens (`server.json` is written by then) or when it lost against an owner. */
	async #start(deadline: number, timeoutMs: number, signal: AbortSignal): Promise<"listening" | "alreadyOwned"> {
		const { dataDir, cliPath, execPath, logger } = this.#options;
		await mkdir(dataDir, { recursive: true, mode: 0o700 });
		signal.throwIfAborted();
		// Appending, so that the children of two windows do not overwrite each other; readable, so that the server can cut it.
		const logFd = openSync(this.logFile, "a+", 0o600);
		let child: ChildProcess | undefined;
		try {
			const logStart = fstatSync(logFd).size;
			child = spawn(execPath, [cliPath, "serve", ...this.#serveArgs()], {
				detached: true,
				stdio: ["ignore", "pipe", logFd],
				env: this.#childEnv(),
				cwd: dataDir,
				windowsHide: true,
			});
			const outcome = await firstOutcome(child, deadline - Date.now(), signal);
			if (outcome === undefined) throw this.#timeoutError(timeoutMs, lastLines(logFd, logStart));
			if (outcome.type === "ended") {
				const message = `The Traceway server could not be started: ${outcome.what}.${lastLines(logFd, logStart)}`;
				throw new MiniServerError("notStarted", message);
			}
			logger.debug(`child ${child.pid}: ${outcome.type}`);
			return outcome.type;
		} catch (error) {
			// It has not said that it listens, so nobody else can be using it.
			child?.kill("SIGKILL");
			throw error;
		} finally {
			// From here on the child is on its own: no pipe, no handle, so that this process may end before it.
			child?.stdout?.destroy();
			child?.unref();
			closeSync(logFd);
		}
	}

	#serveArgs(): string[] {
		const { dataDir, exitWhenIdleSeconds = 60, serveArgs = [] } = this.#options;
		return [
			"--json",
			"--any-port",
			`--data-dir=${dataDir}`,
			`--exit-when-idle=${exitWhenIdleSeconds}`,
			`--log-limit=${LOG_LIMIT_BYTES}`,
			...serveArgs,
		];
	}

	#childEnv(): NodeJS.ProcessEnv {
		const env: NodeJS.ProcessEnv = { ...this.#options.env };
		for (const name of REMOVED_ENV) delete env[name];
		// Without it an Electron would open a window; plain Node.js does not look at it.
		env.ELECTRON_RUN_AS_NODE = "1";
		// The log is for bug reports: stack traces belong there.
		env.TRACEWAY_DEBUG = "1";
		return env;
	}

	#timeoutError(timeoutMs: number, said: string): MiniServerError {
		const seconds = Math.round(timeoutMs / 1000);
		return new MiniServerError("timeout", `The Traceway server did not come up within ${seconds} s.${said}`);
	}
}

/** Waits for the child's first line or its end; undefined when neither comes in time. Rejects when `signal` is aborted. */
function firstOutcome(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<Outcome | undefined> {
	return new Promise((resolve, reject) => {
		const finish = (settle: () => void) => {
			clearTimeout(timer);
			signal.removeEventListener("abort", onAbort);
			settle();
		};
		const onAbort = () => finish(() => reject(signal.reason));
		const timer = setTimeout(() => finish(() => resolve(undefined)), Math.max(0, timeoutMs));
		signal.addEventListener("abort", onAbort, { once: true });
		if (signal.aborted) onAbort();

		child.on("error", (error) => finish(() => resolve({ type: "ended", what: error.message })));
		let text = "";
		child.stdout?.setEncoding("utf8");
		child.stdout?.on("data", (chunk: string) => {
			text += chunk;
			const end = text.indexOf("\n");
			if (end < 0 && text.length <= MAX_FIRST_LINE_CHARS) return;
			const isListening = end >= 0 && parseListeningLine(text.slice(0, end)) !== undefined;
			const what = "its first line is not the one that was expected";
			finish(() => resolve(isListening ? { type: "listening" } : { type: "ended", what }));
		});
		child.on("exit", (code, signalName) => {
			const what = code === null ? `it was ended by ${signalName}` : `it ended with code ${code}`;
			finish(() => resolve(code === ExitCode.alreadyOwned ? { type: "alreadyOwned" } : { type: "ended", what }));
		});
	});
}

/** The last lines that came into a log behind `start`, each on a line of its own and led by a line break; "" when none did. */
function lastLines(fd: number, start: number): string {
	const size = fstatSync(fd).size;
	// The log may have been cut meanwhile.
	const from = Math.max(size < start ? 0 : start, size - ERROR_BYTES);
	const bytes = Buffer.alloc(Math.max(0, size - from));
	const count = readSync(fd, bytes, 0, bytes.length, from);
	const lines = bytes.toString("utf8", 0, count).split("\n").filter(Boolean);
	return lines
		.slice(-ERROR_LINES)
		.map((line) => `\n${line}`)
		.join("");
}

function kill(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		// It ended by itself in the meantime.
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// EPERM: it lives and belongs to somebody else.
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}
