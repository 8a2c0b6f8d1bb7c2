// The servers of serverIngest.bench.mts, each in a process of its own: `node serverIngestChild.mts bare`, `… route` and
// `… server DIR`. Prints its port, answers the line "cpu" with its processor time, ends with its input.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { silentLogger } from "../../src/base/logger.ts";
import { createApp } from "../../src/server/app.ts";
import { Guard } from "../../src/server/http/guard.ts";
import { createHttpServer } from "../../src/server/http/httpServer.ts";
import { idFactory } from "../../src/server/ids.ts";
import { startServer } from "../../src/server/server.ts";
import type { Services } from "../../src/server/services.ts";
import type { Store } from "../../src/server/storage/store.ts";
import { cpuTimeMs } from "./bench.mts";

const [kind, dataDir] = process.argv.slice(2);

/** Parses and answers, and does nothing else. */
function bareServer(): Server {
	return createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const span = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { trace_id: string };
			const body = JSON.stringify({ id: "01J00000000000000000000000", trace_id: span.trace_id });
			response.writeHead(201, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
			response.end(body);
		});
	});
}

/** Our server, whole, on a store that answers at once and keeps nothing. */
function routeServer(): Server {
	const makeId = idFactory();
	const store: Pick<Store, "createSpan"> = {
		createSpan: ({ id, traceId }) => Promise.resolve({ outcome: "created", id: id ?? makeId(), traceId }),
	};
	const services = { store, logger: silentLogger, version: "bench" } as unknown as Services;
	const { app, posts } = createApp(services, undefined);
	const guard = new Guard({ host: "127.0.0.1", token: undefined });
	return createHttpServer({
		app,
		posts,
		guard,
		logger: silentLogger,
		requestTimeoutMs: 60_000,
		heartbeatMs: 15_000,
	});
}

async function listen(): Promise<number> {
	if (kind === "server") {
		const { url } = await startServer({ port: 0, dataDir, version: "bench", logger: silentLogger });
		return Number(new URL(url).port);
	}
	const server = kind === "bare" ? bareServer() : routeServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

console.log(await listen());
createInterface({ input: process.stdin })
	.on("line", () => console.log(cpuTimeMs()))
	.on("close", () => process.exit(0));
