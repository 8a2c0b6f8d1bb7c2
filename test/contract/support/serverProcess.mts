// A server in a process of its own, for tests that kill it: `node serverProcess.mts DIR`. Prints its address.
import { silentLogger } from "../../../src/base/logger.ts";
import { startServer } from "../../../src/server/server.ts";

const server = await startServer({ port: 0, dataDir: process.argv[2], version: "test", logger: silentLogger });
console.log(server.url);
