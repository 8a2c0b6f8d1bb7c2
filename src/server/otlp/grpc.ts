import { isIPv6 } from "node:net";
import {
	logVerbosity,
	type Metadata,
	Server,
	ServerCredentials,
	ServerInterceptingCall,
	type ServerInterceptor,
	type ServerUnaryCall,
	type sendUnaryData,
	setLogVerbosity,
	status,
} from "@grpc/grpc-js";

import { describeError, type Logger } from "../../base/logger.ts";
import { type HttpError, httpErrorOf, ServerError } from "../errors.ts";
import { MAX_BODY_BYTES } from "../http/body.ts";
import type { Guard } from "../http/guard.ts";
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
	/** A message must be here within this time from its call's begin, milliseconds. */
	readonly requestTimeoutMs: number;
	readonly logger: Logger;
}

export interface GrpcListener {
	readonly port: number;
	/** Takes no new calls, lets those under way finish for `drainMs`, then ends their connections. */
	close(drainMs: number): Promise<void>;
}

/** Calls at once on one connection. Exporters send one after the other; what comes through the Collector, ten. */
const MAX_CONCURRENT_CALLS = 16;
/** Calls of all connections whose messages are in memory, each of up to 32 MiB; the others wait with nothing read. */
const MAX_READING = 8;
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
		interceptors: [gate(options)],
	});
	for (const [path, run] of EXPORTS) {
		server.register(
			path,
			(call: Call, answer: sendUnaryData<Buffer>) =>
				void take(call.request, options.ingest, run).then(
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

/** Messages are decoded by whoever takes them, so that errors are ours. */
function asItIs(message: Buffer): Buffer {
	return message;
}

/** What throws at once rejects, too. */
async function take(message: Buffer, ingest: OtlpIngest, run: Export): Promise<Buffer> {
	return run(ingest, message);
}

/**
 * Looks at each call before its message is read: who may not send is refused without a byte of it in memory, and so many at
 * once are let in, one after the other. A message that does not come in time gives its place up.
 */
function gate({ guard, logger, requestTimeoutMs }: GrpcOptions): ServerInterceptor {
	const waiting = new Set<() => void>();
	let reading = 0;
	return ({ path }, call) => {
		/** Set while the call has a place, also when its time has been stopped. */
		let timer: NodeJS.Timeout | undefined;
		let begin: (() => void) | undefined;
		const end = () => {
			if (begin !== undefined) waiting.delete(begin);
			if (timer === undefined) return;
			clearTimeout(timer);
			timer = undefined;
			reading--;
			const [next] = waiting;
			next?.();
		};
		const late = () => {
			call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: "the message was not complete in time" });
		};
		const onReceiveMetadata = (metadata: Metadata, pass: (metadata: Metadata) => void) => {
			try {
				guard.check(asRequest(path, call.getHost(), metadata));
			} catch (error) {
				call.sendStatus(grpcError(httpErrorOf(error, logger)));
				return;
			}
			begin = () => {
				waiting.delete(begin!);
				reading++;
				timer = setTimeout(late, requestTimeoutMs);
				pass(metadata);
			};
			if (reading < MAX_READING) begin();
			else waiting.add(begin);
		};
		const onReceiveMessage = (message: unknown, pass: (message: unknown) => void) => {
			clearTimeout(timer);
			pass(message);
		};
		// `onCancel` comes at the end of every call, however it ends.
		const listener = { onReceiveMetadata, onReceiveMessage, onCancel: end };
		return new ServerInterceptingCall(call, { start: (next) => next(listener) });
	};
}

/** A call as the guard looks at it. */
function asRequest(path: string, host: string, metadata: Metadata): Parameters<Guard["check"]>[0] {
	const header = (name: string) => {
		const [value] = metadata.get(name);
		return typeof value === "string" ? value : undefined;
	};
	return {
		method: "POST",
		url: path,
		headers: { host, origin: header("origin"), authorization: header("authorization") },
	};
}

/** The code that tells an exporter whether to send again (OTLP specification, "Failures"): only UNAVAILABLE does. */
function grpcError(error: HttpError): { readonly code: status; readonly details: string } {
	// The library encodes the text as a URI does, which throws for lone surrogates.
	return { code: codeOf(error.status), details: error.message.toWellFormed() };
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
