// The two servers of serverIngest.bench.mts, each in a process of its own: `node serverIngestChild.mts bare` and
// `node serverIngestChild.mts server DIR`. Prints its port, answers the line "cpu" with its processor time, ends with its input.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { silentLogger } from "../../src/base/logger.ts";
import { startServer } from "../../src/server/server.ts";
import { cpuTimeMs } from "./bench.mts";

const [kind, dataDir] = process.argv.slice(2);

async function listen(): Promise<number> {
	if (kind === "server") {
		const { url } = await startServer({ port: 0, dataDir, version: "bench", logger: silentLogger });
		return Number(new URL(url).port);
	}
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const span = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { trace_id: string };
			const body = JSON.stringify({ id: "01J00000000000000000000000", trace_id: span.trace_id });
			response.writeHead(201, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
			response.end(body);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return (server.address() as AddressInfo).port;
}

console.log(await listen());
createInterface({ input: process.stdin })
	.on("line", () => console.log(cpuTimeMs()))
	.on("close", () => process.exit(0));
