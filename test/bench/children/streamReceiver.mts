// The receiving half of the benchmark `stream-throughput`, in a fresh process for each figure.
//   node streamReceiver.mts parser|source URL COUNT
// Prints events per second of this process's processor time, all threads, as JSON. The first fifth warms up and does not count.
import { createParser } from "eventsource-parser";
import { fetch as undiciFetch } from "undici";
import { silentLogger } from "../../../src/base/logger.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { createTracewaySource } from "../../../src/sources/traceway/tracewaySource.ts";
import { cpuTimeMs } from "../bench.mts";

const [, , contender, url, countText] = process.argv;
const count = Number(countText);
const warmUp = Math.floor(count / 5);

let startCpuMs = 0;
let startMs = 0;

function note(seen: number): void {
	if (seen === warmUp) {
		startCpuMs = cpuTimeMs();
		startMs = performance.now();
	}
	if (seen !== count) return;
	const cpuS = (cpuTimeMs() - startCpuMs) / 1000;
	const wallS = (performance.now() - startMs) / 1000;
	const events = count - warmUp;
	console.log(JSON.stringify({ eventsPerCpuS: events / cpuS, eventsPerS: events / wallS }));
	process.exit(0);
}

const go = () => undiciFetch(`${url}/go`).then((response) => response.text());

/** What one would write without this project: parse the stream, parse the JSON, drop it. */
async function runParser(): Promise<void> {
	const response = await undiciFetch(`${url}/api/events`);
	if (response.body === null) throw new Error("no body");
	let seen = 0;
	const parser = createParser({
		onEvent: (event) => {
			JSON.parse(event.data);
			note(++seen);
		},
	});
	void go();
	const decoder = new TextDecoder();
	for await (const chunk of response.body) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
}

/** The whole way: connection, decoder, filter, store with its index, coalesced change sets that somebody reads. */
async function runSource(): Promise<void> {
	const store = new TraceStore();
	let changedRows = 0;
	store.onDidChange((changes) => {
		for (const change of changes.changedTraces.values()) changedRows += change.rows.size;
	});
	const source = createTracewaySource({
		config: { id: "bench", name: "bench", type: "traceway", url, filter: { kind: "llm_call" } },
		logger: silentLogger,
		fetch: undiciFetch as unknown as typeof fetch,
		store,
		getToken: async () => undefined,
	});
	await new Promise<void>((resolve) => {
		source.onDidChangeStatus((status) => {
			if (status.isLoaded) resolve();
		});
		source.connect();
	});
	// Each event is an upsert of one span: counted where the store is told, which is the end of the way.
	const { upsertSpan } = store;
	let seen = 0;
	store.upsertSpan = (input, position) => {
		const result = upsertSpan.call(store, input, position);
		if (result === "ignored" || result === "unknown") throw new Error(`a span was ${result}`);
		seen++;
		if (seen === count && changedRows === 0) throw new Error("nobody was told of a change");
		note(seen);
		return result;
	};
	await go();
}

await (contender === "parser" ? runParser() : runSource());
