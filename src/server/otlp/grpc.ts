import { isIPv6 } from "node:net";
import {
	logVerbosity,
	Server,
	ServerCredentials,
	type ServerUnaryCall,
	type sendUnaryData,
	setLogVerbosity,
	status,
} from "@grpc/grpc-js";

import { describeError, type Logger } from "../../base/logger.ts";
import { MAX_BODY_BYTES } from "../body.ts";
import { type HttpError, httpErrorOf, ServerError } from "../errors.ts";
import type { Guard } from "../guard.ts";
import type { OtlpIngest } from "./ingest.ts";

/**
 * OTLP over gRPC: the three `Export` calls of opentelemetry-proto's collector services, from bytes to bytes, so that they
 * share decoder and answers with the HTTP routes. This file is a lazy chunk: most servers never listen
 * for gRPC, and the library is as large as the rest of the server.
 */

export interface GrpcOptions {
	readonly host: string;
	/** 0 takes a free one. */
	readonly port: number;
	/** Checks authority, origin and token as for HTTP. */
	readonly guard: Guard;
	readonly ingest: OtlpIngest;
	readonly logger: Logger;
}

export interface GrpcListener {
	readonly port: number;
	/** Takes no new calls, lets those under way finish for `drainMs`, then ends their connections. */
	close(drainMs: number): Promise<void>;
}

/** Calls at once on one connection, each with a message of up to 32 MiB. Exporters send one after the other. */
const MAX_CONCURRENT_CALLS = 8;
/** A connection without calls is closed after so long; exporters connect again by themselves. */
const MAX_IDLE_MS = 30 * 60_000;
/** A peer that has gone without a word is found out by a ping after so long, and so much longer without an answer. */
const KEEPALIVE_MS = 60_000;
const KEEPALIVE_ANSWER_MS = 20_000;

type Export = (ingest: OtlpIngest, message: Buffer) => Buffer | Promise<Buffer>;

const EXPORTS: readonly (readonly [path: string, run: Export])[] = [
	[
		"/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		(ingest, message) => ingest.traces(message, "protobuf"),
	],
	[
		"/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		(ingest, message) => ingest.drop("logs", message, "protobuf"),
	],
	[
		"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
		(ingest, message) => ingest.drop("metrics", message, "protobuf"),
	],
];

/**
 * Listens for gRPC without TLS, as exporters do it on one machine. Messages are bounded before and after decompression.
 *
 * @throws ServerError `portTaken` or `listenFailed`.
 */
export async function listenGrpc(options: GrpcOptions): Promise<GrpcListener> {
	// What the library has to say goes to standard error otherwise, past our log; errors come back from its calls.
	setLogVerbosity(logVerbosity.NONE);
	const server = new Server({
		"grpc.max_receive_message_length": MAX_BODY_BYTES,
		"grpc.max_concurrent_streams": MAX_CONCURRENT_CALLS,
		"grpc.max_connection_idle_ms": MAX_IDLE_MS,
		"grpc.keepalive_time_ms": KEEPALIVE_MS,
		"grpc.keepalive_timeout_ms": KEEPALIVE_ANSWER_MS,
		"grpc.enable_channelz": 0,
	});
	for (const [path, run] of EXPORTS) {
		server.register(
			path,
			(call: Call, answer: sendUnaryData<Buffer>) =>
				void handle(call, path, options, run).then(
					(message) => answer(null, message),
					(error: unknown) => answer(grpcError(httpErrorOf(error, options.logger))),
				),
			asItIs,
			asItIs,
			"unary",
		);
	}
	const port = await bind(server, options);
	return { port, close: (drainMs) => close(server, drainMs) };
}

type Call = ServerUnaryCall<Buffer, Buffer>;

/** Messages are decoded behind the checks. */
function asItIs(message: Buffer): Buffer {
	return message;
}

async function handle(call: Call, path: string, { guard, ingest }: GrpcOptions, run: Export): Promise<Buffer> {
	const header = (name: string) => {
		const value = call.metadata.get(name)[0];
		return typeof value === "string" ? value : undefined;
	};
	guard.check({
		method: "POST",
		url: path,
		headers: { host: call.getHost(), origin: header("origin"), authorization: header("authorization") },
	});
	return run(ingest, call.request);
}

/** The code that tells an exporter whether to send again (OTLP specification, "Failures"): only UNAVAILABLE does. */
function grpcError(error: HttpError): { readonly code: status; readonly details: string } {
	return { code: codeOf(error.status), details: error.message };
}

function codeOf(httpStatus: number): status {
	switch (httpStatus) {
		case 400:
		case 415:
		case 422:
			return status.INVALID_ARGUMENT;
		case 401:
			return status.UNAUTHENTICATED;
		case 403:
			return status.PERMISSION_DENIED;
		case 413:
			return status.RESOURCE_EXHAUSTED;
		case 429:
		case 503:
		case 507:
			return status.UNAVAILABLE;
		default:
			return status.INTERNAL;
	}
}

function bind(server: Server, { host, port, logger }: GrpcOptions): Promise<number> {
	const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
	return new Promise((resolve, reject) => {
		server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
			if (error === null) {
				logger.debug(`gRPC listens on ${host} port ${bound}`);
				resolve(bound);
				return;
			}
			server.forceShutdown();
			// The library folds the system's errors of all addresses into its message.
			reject(
				error.message.includes("EADDRINUSE")
					? new ServerError("portTaken", `port ${port} on ${host} is already in use`, { cause: error, port })
					: new ServerError("listenFailed", `cannot listen on ${host} port ${port}: ${describeError(error)}`, {
							cause: error,
							port,
						}),
			);
		});
	});
}

function close(server: Server, drainMs: number): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(() => {
			// Ends the connections at once; `tryShutdown` does not always call back after that.
			server.forceShutdown();
			resolve();
		}, drainMs);
		server.tryShutdown(() => {
			clearTimeout(timer);
			resolve();
		});
	});
}
