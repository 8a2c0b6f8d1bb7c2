import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "../base/logger.ts";
import { loadPrices } from "../model/prices.ts";
import { createApp } from "./app.ts";
import { ServerCounters } from "./counters.ts";
import { ServerError } from "./errors.ts";
import { EventHub } from "./events/eventHub.ts";
import { Guard, isLoopbackHost } from "./http/guard.ts";
import { closeServer, createHttpServer, DRAIN_MS, listen } from "./http/httpServer.ts";
import { IdleWatch } from "./idleWatch.ts";
import { idFactory } from "./ids.ts";
import { Maintenance } from "./maintenance.ts";
import type { GrpcListener } from "./otlp/grpc.ts";
import { OtlpIngest } from "./otlp/ingest.ts";
import type { App, Services } from "./services.ts";
import { Analytics } from "./storage/analytics.ts";
import { Datasets } from "./storage/datasets.ts";
import { OverviewSums } from "./storage/overviewSums.ts";
import { Reader } from "./storage/reader.ts";
import { SessionList } from "./storage/sessionList.ts";
import { SpanList } from "./storage/spanList.ts";
import { Store } from "./storage/store.ts";
import { TraceSearch } from "./storage/traceSearch.ts";

export interface ServerOptions {
	/** Address to listen on. Default 127.0.0.1; any but a loopback one needs a token. */
	readonly host?: string | undefined;
	/** Port of the API; 0 takes a free one. */
	readonly port: number;
	/** Port of a second listener with the same routes, where exporters of OpenTelemetry look; undefined for none. */
	readonly otlpPort?: number | undefined;
	/** Port for exporters that speak gRPC; undefined for none. */
	readonly grpcPort?: number | undefined;
	/** Directory of the data; undefined keeps them in memory. The caller owns it alone (`owner.ts`). */
	readonly dataDir?: string | undefined;
	/** Bearer token that every request needs, apart from health probes. */
	readonly token?: string | undefined;
	/** How long events can be replayed, milliseconds. Default 24 hours. Applied within 25 s, and within the time itself when it is shorter. */
	readonly eventRetentionMs?: number | undefined;
	/** Events that may wait for one client that does not read, before it is cut. Default 10,000 (or 16 MB). */
	readonly clientBuffer?: number | undefined;
	/** Size of the data at which the oldest traces go, whole; bytes. Default 2 GB. */
	readonly maxDbBytes?: number | undefined;
	/** Time after its end at which a trace goes, milliseconds. Default: never for its age alone. Applied within 25 s. */
	readonly maxTraceAgeMs?: number | undefined;
	/** Time without any client of the event stream, from the start on, after which `onIdle` is called; milliseconds. */
	readonly exitWhenIdleMs?: number | undefined;
	readonly onIdle?: (() => void) | undefined;
	/** Longest silence on an event stream, milliseconds. Default 15,000. */
	readonly heartbeatMs?: number | undefined;
	/** A request, its body included, must be here within this time, or it gets 408; milliseconds. Default 60,000. */
	readonly requestTimeoutMs?: number | undefined;
	readonly version: string;
	readonly logger: Logger;
	/** Adds routes to both listeners. */
	readonly extraRoutes?: ((app: App, services: Services) => void) | undefined;
}

export interface RunningServer {
	/** Base address of the API without `/api` and without a slash at the end. */
	readonly url: string;
	/** Base address of the second listener, undefined without one. */
	readonly otlpUrl: string | undefined;
	/** Address for exporters that speak gRPC, undefined without a port for them. */
	readonly grpcUrl: string | undefined;
	/** New with each start; `GET /api/health` answers the same as `instance_id`. */
	readonly instanceId: string;
	/**
	 * Ends the server within 3 s, in this order: stop accepting; end the event streams; let requests under way finish
	 * (2 s, then their sockets are closed); write what waits; close the database. May be called twice.
	 */
	close(): Promise<void>;
}

const DEFAULT_RETENTION_MS = 24 * 60 * 60 * 1000;
const DEFAULT_CLIENT_BUFFER = 10_000;
const DEFAULT_MAX_DB_BYTES = 2e9;
const DEFAULT_HEARTBEAT_MS = 15_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;

/**
 * Starts the mini-server: Traceway's REST API and live events on SQLite.
 *
 * @throws ServerError `portTaken` (with the port), `listenFailed`, `hostNeedsToken`, and those of `openDatabase`.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
	const { host = "127.0.0.1", token, logger, version, heartbeatMs = DEFAULT_HEARTBEAT_MS } = options;
	const { requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options;
	if (token === undefined && !isLoopbackHost(host)) {
		throw new ServerError("hostNeedsToken", `${host} can be reached from other machines, so a token is needed`);
	}
	await loadPrices();
	const store = new Store({ dataDir: options.dataDir, logger });
	const hub = new EventHub(store.events, {
		clientBuffer: options.clientBuffer ?? DEFAULT_CLIENT_BUFFER,
		heartbeatMs,
		logger,
	});
	const instanceId = idFactory()();
	const reader = new Reader(store.database, store.indexes);
	const list = new SpanList(store.database, reader, store.columns, store.search);
	const counters = new ServerCounters();
	const { maxDbBytes = DEFAULT_MAX_DB_BYTES } = options;
	const startedAtMs = Date.now();
	const analytics = new Analytics(store.columns, store.database);
	const services = {
		store,
		reader,
		list,
		traceSearch: new TraceSearch(store.database, store.columns, store.search),
		sessions: new SessionList(store.columns, store.database),
		analytics,
		overview: new OverviewSums(store.columns, store.database, analytics),
		datasets: new Datasets(store),
		hub,
		counters,
		maxDbBytes,
		logger,
		version,
		instanceId,
		startedAtMs,
	};
	const guard = new Guard({ host, token });
	const { app, posts } = createApp(services, options.extraRoutes);
	const servers: Server[] = [];
	let grpc: GrpcListener | undefined;
	try {
		for (const port of options.otlpPort === undefined ? [options.port] : [options.port, options.otlpPort]) {
			const server = createHttpServer({
				app,
				posts,
				guard,
				requestTimeoutMs,
				heartbeatMs,
				logger,
			});
			await listen(server, host, port);
			servers.push(server);
			guard.addPort((server.address() as AddressInfo).port);
		}
		if (options.grpcPort !== undefined) {
			const { listenGrpc } = await import("./otlp/grpc.ts");
			const ingest = new OtlpIngest(store, counters);
			grpc = await listenGrpc({ host, port: options.grpcPort, guard, ingest, requestTimeoutMs, logger });
			guard.addPort(grpc.port);
		}
	} catch (error) {
		for (const server of servers) server.close();
		await store.close();
		throw error;
	}
	const maintenance = new Maintenance(store, {
		eventRetentionMs: options.eventRetentionMs ?? DEFAULT_RETENTION_MS,
		maxDbBytes,
		maxTraceAgeMs: options.maxTraceAgeMs,
		counters,
		logger,
	});
	const idle = new IdleWatch(hub, options.exitWhenIdleMs, () => options.onIdle?.());
	let closing: Promise<void> | undefined;
	const close = async () => {
		idle.dispose();
		maintenance.dispose();
		const closed = Promise.all([...servers.map((server) => closeServer(server)), grpc?.close(DRAIN_MS)]);
		hub.close();
		await closed;
		await store.close();
	};
	const addresses = servers.map((server) => server.address() as AddressInfo);
	const [url, otlpUrl] = addresses.map(urlOf);
	return {
		url,
		otlpUrl,
		grpcUrl: grpc === undefined ? undefined : urlOf({ ...addresses[0], port: grpc.port }),
		instanceId,
		close: () => {
			closing ??= close();
			return closing;
		},
	};
}

/** An address that clients on this machine can use. */
function urlOf({ address, family, port }: AddressInfo): string {
	if (address === "0.0.0.0") return `http://127.0.0.1:${port}`;
	if (address === "::") return `http://[::1]:${port}`;
	return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
