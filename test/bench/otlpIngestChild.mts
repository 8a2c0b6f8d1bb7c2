// The server of otlpIngest.bench.mts: `node otlpIngestChild.mts DIR`. Prints its port, answers the line "cpu" with its processor
// time. The line "insert N" writes the spans of N requests by the obvious means and is answered with the time it took.
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { silentLogger } from "../../src/base/logger.ts";
import { loadPrices } from "../../src/model/prices.ts";
import { ingestBatch } from "../../src/server/otlp/ingest.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import { startServer } from "../../src/server/server.ts";
import { cpuTimeMs, measure } from "./bench.mts";
import { genAiRequest } from "./otlpLoad.mts";

const [dataDir] = process.argv.slice(2);

/** Rows of a table with the ids as they are and three indexes, a transaction for each request; made ready before the clock runs. */
async function insert(requests: number): Promise<number> {
	const batches = Array.from({ length: requests }, (_, number) => {
		const { spans } = ingestBatch(Buffer.from(JSON.stringify(genAiRequest(800, number))), "json");
		return spans.map(({ id, traceId, parentId, name, kind, start, end, inputJson, outputJson, otel, sessionId }) => [
			id,
			traceId,
			parentId,
			name,
			kind.model,
			kind.provider,
			kind.tokens.input,
			kind.tokens.output,
			kind.cost,
			start.ms,
			start.subNs,
			end?.ms ?? null,
			end?.subNs ?? null,
			sessionId,
			// Flat, as texts are that were not put together just now.
			...[inputJson, outputJson, otel?.attributesJson, otel?.resourceJson, otel?.scopeJson].map((text) =>
				text === null || text === undefined ? null : Buffer.from(text).toString(),
			),
		]);
	});
	const database = new DatabaseSync(`${dataDir}/plain.db`);
	const columns = batches[0][0].map((_, index) => `c${index}`);
	database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
		CREATE TABLE spans (${columns[0]} TEXT PRIMARY KEY, ${columns.slice(1).join(", ")});
		CREATE INDEX by_trace ON spans (c1); CREATE INDEX by_model ON spans (c4); CREATE INDEX by_start ON spans (c9)`);
	const statement = database.prepare(`INSERT INTO spans VALUES (${columns.map(() => "?").join(", ")})`);
	const { cpuMs } = await measure(() => {
		for (const batch of batches) {
			database.exec("BEGIN");
			for (const row of batch) statement.run(...row);
			database.exec("COMMIT");
		}
	});
	database.close();
	return cpuMs;
}

await loadPrices();
const { url } = await startServer({
	port: 0,
	dataDir,
	version: "bench",
	logger: silentLogger,
	extraRoutes: addOtlpRoutes,
});
console.log(new URL(url).port);
createInterface({ input: process.stdin })
	.on("line", async (line) => {
		const [word, count] = line.split(" ");
		console.log(word === "insert" ? await insert(Number(count)) : cpuTimeMs());
	})
	.on("close", () => process.exit(0));
