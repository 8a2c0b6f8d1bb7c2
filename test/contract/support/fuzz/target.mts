// The server that is fuzzed, in a process of its own: `node --expose-gc target.mts`. Prints its address. The line "state" prints
// {"heapBytes","externalBytes","sockets"} after a garbage collection. Ends with its input.
import { createInterface } from "node:readline";
import { silentLogger } from "../../../../src/base/logger.ts";
import { addOtlpRoutes } from "../../../../src/server/otlp/routes.ts";
import { startServer } from "../../../../src/server/server.ts";

// An error that nobody has caught ends the process, which the test sees.
const server = await startServer({
	port: 0,
	version: "fuzzed",
	// No request may end in an error that nobody has thought of.
	logger: { ...silentLogger, error: (message) => console.error(message) },
	requestTimeoutMs: 400,
	extraRoutes: addOtlpRoutes,
});
console.log(server.url);
createInterface({ input: process.stdin })
	.on("line", () => {
		globalThis.gc?.();
		const { heapUsed, external } = process.memoryUsage();
		const sockets = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
		console.log(JSON.stringify({ heapBytes: heapUsed, externalBytes: external, sockets }));
	})
	.on("close", () => process.exit(0));
