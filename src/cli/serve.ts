import { describeError, type Logger } from "../base/logger.ts";
import { ExitCode, type ListeningLine } from "../protocol/serverInfo.ts";
import { ServerError } from "../server/errors.ts";
import { addOtlpRoutes } from "../server/otlp/routes.ts";
import { claimDataDir, type DataDirOwner, OwnerError } from "../server/owner.ts";
import { type RunningServer, type ServerOptions, startServer } from "../server/server.ts";
import { setAsideDatabase } from "../server/storage/setAside.ts";
import { type Command, CommandError } from "./arguments.ts";
import { defaultDataDir } from "./dataDir.ts";
import { readServeSettings, type ServeSettings } from "./serveSettings.ts";
import { stderrLogger } from "./stderrLog.ts";
import { version } from "./version.ts";

const help = `traceway-live serve - run the server

Implements Traceway's REST API and live event stream under /api and takes OpenTelemetry traces on /v1/traces (OTLP/HTTP,
JSON and protobuf) and by gRPC, on SQLite. One running server per data directory.

Usage
  traceway-live serve [options]

Options
  --host ADDRESS          address to listen on; any but a loopback one needs a token  [127.0.0.1]
  --port N                port of the API, 0 for any free one                         [3000]
  --otlp-port N           second port for OTLP, 0 for any free one                    [4318]
                          (/v1/traces answers on both ports)
  --grpc-port N           port for OTLP over gRPC, mostly 4317, 0 for any free one        [none]
  --any-port              take a free port where the asked-for one is in use
  --data-dir DIR          directory of the data                                       [see below]
  --memory                keep everything in memory and lose it at the end
  --token T               ask every request for this bearer token                     [TRACEWAY_TOKEN, else none]
  --event-retention TIME  how long missed events can be replayed, from 1s on          [24h]
  --client-buffer N       events that wait for one slow reader before it is cut off   [10000]
  --max-db-size SIZE      oldest traces are dropped when the data grow past this      [2GB]
  --max-age TIME          traces are dropped so long after their end, from 1s on      [never]
  --set-aside-corrupt     rename a damaged database to traces.db.corrupt-<time> and start with an empty one; without
                          this nothing is touched, and the server does not start
  --exit-when-idle TIME   end when nobody has been connected for so long, from 1s on  [never]
  --json                  print one line of JSON when listening, and nothing else, on standard output:
                          {"event":"listening","url":...,"otlpUrl":...,"grpcUrl"?:...,"pid":...,"version":...}
  --log-limit SIZE        cut the log when standard error is a file that grows past this  [never]
  --verbose               log every request
  -h, --help              print this

  TIME is like 500ms, 25s, 5m, 24h, 7d; a bare number is seconds. SIZE is like 500MB, 2GB, 512MiB; a bare number is
  bytes.
  The data directory is TRACEWAY_DATA_DIR, else
  ${defaultDataDir()}
  A token given by TRACEWAY_TOKEN does not show in the list of processes. Log lines go to standard error.

Signals
  SIGTERM, SIGINT (Ctrl+C) and SIGHUP stop accepting, end the streams, write everything and exit within 5 s; a second
  one exits at once.

Exit codes
  0  ended by a signal or by --exit-when-idle
  1  could not start (a port is taken, the data are unusable) or failed
  2  wrong command line
  3  another running server owns the data directory
  4  Node.js is older than 22.16

Examples
  traceway-live serve
  traceway-live serve --port 0 --otlp-port 0 --memory --json
  TRACEWAY_TOKEN=... traceway-live serve --host 0.0.0.0 --data-dir /var/lib/traceway-live
`;

/** "SIGTERM and SIGINT drain and exit 0 within 5 s" (design, section 5); the rest is for the way out. */
const DRAIN_MS = 4500;

/** The end of the server's life, whichever comes first. */
type StopReason =
	| { readonly type: "signal"; readonly name: NodeJS.Signals }
	| { readonly type: "idle" }
	| { readonly type: "fault"; readonly error: unknown };

/** Waits for a reason to stop. From now on one signal drains and the next one exits at once. */
function watchForStop(logger: Logger) {
	const { promise, resolve: stop } = Promise.withResolvers<StopReason>();
	let signals = 0;
	for (const [name, number] of [
		["SIGINT", 2],
		["SIGTERM", 15],
		["SIGHUP", 1],
	] as const) {
		process.on(name, () => {
			signals++;
			if (signals > 1) {
				logger.warn(`second signal (${name}): exit without draining`);
				// As a shell reports a process that was ended by this signal.
				process.exit(128 + number);
			}
			stop({ type: "signal", name });
		});
	}
	const handleFault = (error: unknown) => stop({ type: "fault", error });
	process.on("uncaughtException", handleFault);
	process.on("unhandledRejection", handleFault);
	return { stopped: promise, stop };
}

type ServeOptions = Omit<ServerOptions, "port" | "otlpPort" | "grpcPort">;

/** Starts on the asked-for ports; with `--any-port` on a free one for each that is taken, else with an error that names it. */
async function start(settings: ServeSettings, options: ServeOptions) {
	let { port, otlpPort, grpcPort } = settings;
	for (;;) {
		try {
			return await startServer({ ...options, port, otlpPort, grpcPort });
		} catch (error) {
			const taken = error instanceof ServerError && error.reason === "portTaken" ? error.port : undefined;
			if (taken === undefined || taken === 0) throw error;
			if (!settings.isAnyPort) {
				const option = taken === otlpPort ? "--otlp-port" : taken === grpcPort ? "--grpc-port" : "--port";
				throw new CommandError(
					`port ${taken} on ${settings.host} is already in use; end the program that uses it, or choose another port ` +
						`with ${option} (0 takes any free one)`,
					ExitCode.failed,
					{ cause: error },
				);
			}
			options.logger.info(`port ${taken} is in use; taking a free one`);
			if (taken === otlpPort) otlpPort = 0;
			else if (taken === grpcPort) grpcPort = 0;
			else port = 0;
		}
	}
}

/** Starts; a damaged database stops that with a line that says how to go on, unless it may be set aside. */
async function startOnData(settings: ServeSettings, options: ServeOptions) {
	try {
		return await start(settings, options);
	} catch (error) {
		const isCorrupt = error instanceof ServerError && error.reason === "corruptDatabase";
		if (!isCorrupt || settings.dataDir === undefined) throw error;
		if (!settings.setsAsideCorrupt) {
			throw new CommandError(`${error.message} (serve --set-aside-corrupt does that)`, ExitCode.failed, {
				cause: error,
			});
		}
		const aside = setAsideDatabase(settings.dataDir, new Date());
		options.logger.warn(`${error.message}; it was set aside as ${aside}`);
		return start(settings, options);
	}
}

function claim(dataDir: string): DataDirOwner {
	try {
		return claimDataDir(dataDir);
	} catch (error) {
		if (!(error instanceof OwnerError)) throw error;
		const exitCode = error.reason === "alreadyOwned" ? ExitCode.alreadyOwned : ExitCode.failed;
		throw new CommandError(error.message, exitCode, { cause: error });
	}
}

function announce(settings: ServeSettings, server: RunningServer): void {
	const { url, otlpUrl = url, grpcUrl } = server;
	const line: ListeningLine = { event: "listening", url, otlpUrl, grpcUrl, pid: process.pid, version };
	const where = settings.dataDir ?? "memory only";
	const text = `Traceway Live ${version} listens on ${url} (OTLP also on ${otlpText(server)}), data: ${where}`;
	process.stdout.write(settings.isJson ? `${JSON.stringify(line)}\n` : `${text}\n`);
}

function otlpText({ url, otlpUrl = url, grpcUrl }: RunningServer): string {
	return grpcUrl === undefined ? otlpUrl : `${otlpUrl}, gRPC ${grpcUrl}`;
}

/** Ends the server, but does not wait for it longer than the promise allows. */
async function drain(server: RunningServer, logger: Logger): Promise<void> {
	const { promise: late, resolve: giveUp } = Promise.withResolvers<"late">();
	const timer = setTimeout(() => giveUp("late"), DRAIN_MS);
	if ((await Promise.race([server.close(), late])) === "late") {
		logger.warn(`not everything ended within ${DRAIN_MS} ms`);
	}
	clearTimeout(timer);
}

async function run(args: readonly string[]): Promise<number> {
	const settings = readServeSettings(args, process.env);
	const logger = stderrLogger({ isVerbose: settings.isVerbose, maxFileBytes: settings.logLimitBytes });
	const owner = settings.dataDir === undefined ? undefined : claim(settings.dataDir);
	const { stopped, stop } = watchForStop(logger);
	try {
		const { host, dataDir, token, eventRetentionMs, clientBuffer, maxDbBytes, maxTraceAgeMs, exitWhenIdleMs } =
			settings;
		const server = await startOnData(settings, {
			host,
			dataDir,
			token,
			eventRetentionMs,
			clientBuffer,
			maxDbBytes,
			maxTraceAgeMs,
			exitWhenIdleMs,
			onIdle: () => stop({ type: "idle" }),
			version,
			logger,
			extraRoutes: addOtlpRoutes,
		});
		const { url, otlpUrl = url, grpcUrl, instanceId } = server;
		const startedAt = new Date().toISOString();
		try {
			const endsWhenIdle = exitWhenIdleMs !== undefined;
			owner?.publish({ pid: process.pid, url, otlpUrl, grpcUrl, version, instanceId, startedAt, endsWhenIdle });
		} catch (error) {
			// Nobody would find this server, and it must not outlive its right to the directory.
			await drain(server, logger);
			throw error instanceof OwnerError ? new CommandError(error.message, ExitCode.failed, { cause: error }) : error;
		}
		announce(settings, server);
		logger.info(`listening on ${url}, OTLP also on ${otlpText(server)}, version ${version}, process ${process.pid}`);

		const reason = await stopped;
		if (reason.type === "fault") {
			logger.error(`internal error, stopping: ${describeError(reason.error)}`);
			const stack =
				process.env.TRACEWAY_DEBUG === "1" && reason.error instanceof Error ? reason.error.stack : undefined;
			for (const line of stack?.split("\n") ?? []) logger.error(line);
		} else {
			logger.info(reason.type === "idle" ? "nobody connected, stopping" : `${reason.name}, stopping`);
		}
		await drain(server, logger);
		logger.info("stopped");
		return reason.type === "fault" ? ExitCode.failed : ExitCode.ok;
	} finally {
		owner?.release();
	}
}

export const serveCommand: Command = {
	help,
	async run(args) {
		const exitCode = await run(args);
		// Whatever still holds the process (a socket that did not end in time) must not keep it past the promise.
		process.exit(exitCode);
	},
};
