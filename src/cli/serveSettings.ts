import { resolve } from "node:path";
import { isLoopbackHost } from "../server/http/guard.ts";
import { parseDurationMs, parseInteger, parseOptions, parseSizeBytes, UsageError } from "./arguments.ts";
import { defaultDataDir } from "./dataDir.ts";

/** Longest silence that may be asked for: timers of Node.js fire at once when they are longer than 2^31 - 1 ms. */
const MAX_IDLE_MS = 2 ** 31 - 1;

/** The command line of `serve`, checked. */
export interface ServeSettings {
	readonly host: string;
	readonly port: number;
	readonly otlpPort: number;
	/** undefined for no gRPC. */
	readonly grpcPort: number | undefined;
	readonly isAnyPort: boolean;
	/** undefined keeps everything in memory. */
	readonly dataDir: string | undefined;
	readonly token: string | undefined;
	readonly eventRetentionMs: number;
	readonly clientBuffer: number;
	readonly maxDbBytes: number;
	readonly maxTraceAgeMs: number | undefined;
	readonly setsAsideCorrupt: boolean;
	readonly exitWhenIdleMs: number | undefined;
	readonly isJson: boolean;
	readonly logLimitBytes: number | undefined;
	readonly isVerbose: boolean;
}

function atLeast(value: number, min: number, option: string, minText: string): number {
	if (value < min) throw new UsageError(`${option}: must be at least ${minText}`);
	return value;
}

/** Checks the whole command line of `serve`. */
export function readServeSettings(args: readonly string[], env: NodeJS.ProcessEnv): ServeSettings {
	const values = parseOptions(args, {
		host: { type: "string", default: "127.0.0.1" },
		port: { type: "string", default: "3000" },
		"otlp-port": { type: "string", default: "4318" },
		"grpc-port": { type: "string" },
		"any-port": { type: "boolean", default: false },
		"data-dir": { type: "string" },
		memory: { type: "boolean", default: false },
		token: { type: "string" },
		"event-retention": { type: "string", default: "24h" },
		"client-buffer": { type: "string", default: "10000" },
		"max-db-size": { type: "string", default: "2GB" },
		"max-age": { type: "string" },
		"set-aside-corrupt": { type: "boolean", default: false },
		"exit-when-idle": { type: "string" },
		json: { type: "boolean", default: false },
		"log-limit": { type: "string" },
		verbose: { type: "boolean", default: false },
	});
	const host = values.host.replace(/^\[(.*)\]$/, "$1");
	if (host === "") throw new UsageError("--host: the address is empty");
	const token = values.token ?? (env.TRACEWAY_TOKEN || undefined);
	// What an Authorization header can carry: "token68" of RFC 9110, section 11.2, is narrower still.
	if (token !== undefined && !/^[\x21-\x7e]{1,512}$/.test(token)) {
		throw new UsageError("--token: must be 1 to 512 visible ASCII characters without spaces");
	}
	if (!isLoopbackHost(host) && token === undefined) {
		throw new UsageError(`--host: ${host} can be reached from other machines, so a token is needed (TRACEWAY_TOKEN)`);
	}
	if (values.memory && values["data-dir"] !== undefined) {
		throw new UsageError("--memory and --data-dir exclude each other");
	}
	if (values["data-dir"] === "") throw new UsageError("--data-dir: the path is empty");
	const port = parseInteger(values.port, "--port", 0, 65_535);
	const otlpPort = parseInteger(values["otlp-port"], "--otlp-port", 0, 65_535);
	if (port !== 0 && port === otlpPort) {
		throw new UsageError(`--otlp-port: is the same as --port (${port}); /v1/traces answers on that one anyway`);
	}
	const grpc = values["grpc-port"];
	const grpcPort = grpc === undefined ? undefined : parseInteger(grpc, "--grpc-port", 0, 65_535);
	if (grpcPort !== undefined && grpcPort !== 0 && (grpcPort === port || grpcPort === otlpPort)) {
		throw new UsageError(`--grpc-port: ${grpcPort} is the port for HTTP; gRPC needs one of its own`);
	}
	const idle = values["exit-when-idle"];
	const idleMs = idle === undefined ? undefined : parseDurationMs(idle, "--exit-when-idle");
	if (idleMs !== undefined && idleMs > MAX_IDLE_MS) throw new UsageError("--exit-when-idle: must be at most 24 days");
	const maxAge = values["max-age"];
	const logLimit = values["log-limit"];
	const logLimitBytes = logLimit === undefined ? undefined : parseSizeBytes(logLimit, "--log-limit");
	return {
		host,
		port,
		otlpPort,
		grpcPort,
		isAnyPort: values["any-port"],
		dataDir: values.memory ? undefined : resolve(values["data-dir"] ?? defaultDataDir()),
		token,
		eventRetentionMs: atLeast(
			parseDurationMs(values["event-retention"], "--event-retention"),
			1000,
			"--event-retention",
			"1s",
		),
		clientBuffer: parseInteger(values["client-buffer"], "--client-buffer", 1, 10_000_000),
		maxDbBytes: atLeast(parseSizeBytes(values["max-db-size"], "--max-db-size"), 1e6, "--max-db-size", "1MB"),
		maxTraceAgeMs:
			maxAge === undefined ? undefined : atLeast(parseDurationMs(maxAge, "--max-age"), 1000, "--max-age", "1s"),
		setsAsideCorrupt: values["set-aside-corrupt"],
		exitWhenIdleMs: idleMs === undefined ? undefined : atLeast(idleMs, 1000, "--exit-when-idle", "1s"),
		isJson: values.json,
		logLimitBytes: logLimitBytes === undefined ? undefined : atLeast(logLimitBytes, 1e5, "--log-limit", "100KB"),
		isVerbose: values.verbose,
	};
}
