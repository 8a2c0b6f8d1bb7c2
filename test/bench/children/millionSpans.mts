// Makes a file of spans for query.bench.mts and serverMemory.bench.mts: `node millionSpans.mts DIR COUNT`. Prints what it has
// made as its last line, `MadeSpans` in JSON.
import { silentLogger } from "../../../src/base/logger.ts";
import { Store } from "../../../src/server/storage/store.ts";
import { SpanSource } from "../storedSpans.mts";

export interface MadeSpans {
	/** Id of a trace in the middle. */
	readonly traceId: string;
	/** RFC 3339: nine tenths of the spans began before. */
	readonly lateTime: string;
	readonly earlyTime: string;
	readonly fileBytes: number;
	readonly writeMs: number;
	readonly indexMs: number;
}

const [directory, count] = [process.argv[2], Number(process.argv[3])];
const BATCH = 1000;
const source = new SpanSource(2, Date.UTC(2026, 2, 6));
const store = new Store({ dataDir: directory, logger: silentLogger });
store.events.isWatched = false;
let traceId = "";
let earlyMs = 0;
let lateMs = 0;
const before = performance.now();
for (let from = 0; from < count; from += BATCH) {
	const spans = source.take(BATCH).map(({ span }) => span);
	if (from <= count / 2) traceId = spans[0].traceId;
	if (from <= count * 0.1) earlyMs = spans[0].start.ms;
	if (from <= count * 0.9) lateMs = spans[0].start.ms;
	await store.addBatch({ spans, traces: [] });
}
store.indexSpans();
const written = performance.now();
while (store.search.step());
const indexed = performance.now();
const made: MadeSpans = {
	traceId,
	lateTime: new Date(lateMs).toISOString(),
	earlyTime: new Date(earlyMs).toISOString(),
	fileBytes: store.usedBytes(),
	writeMs: written - before,
	indexMs: indexed - written,
};
await store.close();
process.stdout.write(`${JSON.stringify(made)}\n`);
