// The server of replay.bench.mts: `node replayChild.mts DIR`. Writes 100,000 events of 50,000 spans of about 1 KB, prints its port,
// answers the line "cpu" with its processor time, and the line "rows" with {"wallMs","cpuMs"} of reading the rows of all those
// events and making nothing of them. Ends with its input.
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { silentLogger } from "../../src/base/logger.ts";
import { startServer } from "../../src/server/server.ts";
import { DEFAULT_KIND } from "../../src/server/spanKind.ts";
import { databaseFile } from "../../src/server/storage/database.ts";
import { PAYLOAD_JOINS, SPAN_COLUMNS } from "../../src/server/storage/reader.ts";
import { Store } from "../../src/server/storage/store.ts";
import { cpuTimeMs, measure } from "./bench.mts";

const SPANS = 50_000;
const PER_TRACE = 20;

const [dataDir] = process.argv.slice(2);

async function fill(): Promise<void> {
	const store = new Store({ dataDir, logger: silentLogger });
	const text = JSON.stringify("What is asked of the model, and what it answers. ".repeat(9));
	for (let from = 0; from < SPANS; from += 500) {
		const ids = Array.from({ length: 500 }, (_, index) => `span-${from + index}`);
		await Promise.all(
			ids.map((id, index) =>
				store.createSpan({
					id,
					traceId: `trace-${Math.floor((from + index) / PER_TRACE)}`,
					parentId: null,
					name: "chat completion",
					kind: DEFAULT_KIND,
					sessionId: null,
					inputJson: text,
					metadataJson: null,
					start: undefined,
					otel: undefined,
				}),
			),
		);
		await Promise.all(ids.map((id) => store.endSpan(id, { outputJson: text, kind: undefined, end: undefined })));
	}
	await store.close();
}

await fill();
const { url } = await startServer({ port: 0, dataDir, version: "bench", logger: silentLogger });
const database = new DatabaseSync(databaseFile(dataDir), { readOnly: true });
const rows = database.prepare(
	`SELECT e.id AS eventId, e.type, e.facets, e.data, ${SPAN_COLUMNS} FROM events e LEFT JOIN spans s ON s.seq = e.seq
	LEFT JOIN traces t ON t.ref = s.trace ${PAYLOAD_JOINS} WHERE e.id > ? ORDER BY e.id LIMIT 200`,
);

function readRows(): number {
	let last = 0;
	for (;;) {
		const page = rows.all(last);
		if (page.length === 0) return last;
		last = Number(page[page.length - 1].eventId);
	}
}

console.log(new URL(url).port);
createInterface({ input: process.stdin })
	.on("line", async (line) => {
		if (line === "cpu") console.log(cpuTimeMs());
		else console.log(JSON.stringify(await measure(readRows)));
	})
	.on("close", () => process.exit(0));
