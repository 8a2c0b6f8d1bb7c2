// The sending half of the benchmark `stream-throughput`, in a process of its own: a server that has no history and, once
// `GET /go` was asked, writes a prepared event stream as fast as it is read.
//   node streamSender.mts COUNT BYTES ascii|text
// Prints its address as JSON, ends with its standard input.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const count = Number(process.argv[2]);
const eventBytes = Number(process.argv[3]);
const isAscii = process.argv[4] === "ascii";

const SPANS_PER_TRACE = 20;
/** Distinct spans; after that they are sent again, so that the store sees updates as well. */
const DISTINCT_BYTES = 15_000_000;
const CHUNK_BYTES = 64 * 1024;

const ASCII = "The quick brown fox jumps over the lazy dog while the agent drafts a reply to the customer. ";
/** A few curly quotes, dashes and ticks, as models write them. */
const TEXT = "The “quick” brown fox — over the lazy dog – while the agent’s draft answers the customer… ✓ ";

function payload(index: number): string {
	const startMs = Date.parse("2026-03-06T09:00:00.000Z") + index * 7;
	const span = {
		id: `0199a0c4-11aa-7b01-9c55-${index.toString(16).padStart(12, "0")}`,
		trace_id: `0199a0c4-0f00-7a2b-8d10-${Math.floor(index / SPANS_PER_TRACE)
			.toString(16)
			.padStart(12, "0")}`,
		parent_id:
			index % SPANS_PER_TRACE === 0
				? null
				: `0199a0c4-11aa-7b01-9c55-${(index - (index % SPANS_PER_TRACE)).toString(16).padStart(12, "0")}`,
		name: `step ${index % 50}`,
		kind: {
			type: "llm_call",
			model: index % 3 === 0 ? "gpt-4o" : "gpt-4o-mini",
			provider: "openai",
			input_tokens: 200 + (index % 90),
			output_tokens: 40 + (index % 30),
			cost: 0.0001 * (1 + (index % 7)),
		},
		status: "completed",
		started_at: new Date(startMs).toISOString(),
		ended_at: new Date(startMs + 900).toISOString(),
		input: [{ role: "user", content: "" }],
		output: { text: "" },
	};
	const filler = isAscii ? ASCII : TEXT;
	const missing = eventBytes - JSON.stringify({ type: "span_completed", span }).length - 20;
	const text = filler.repeat(Math.ceil(missing / filler.length)).slice(0, missing);
	span.input[0].content = text.slice(0, text.length >> 1);
	span.output.text = text.slice(text.length >> 1);
	return JSON.stringify({ type: "span_completed", span });
}

const distinct = Math.ceil(DISTINCT_BYTES / eventBytes);
const payloads = Array.from({ length: Math.min(distinct, count) }, (_, index) => Buffer.from(payload(index)));
const chunks: Buffer[] = [];
let parts: Buffer[] = [];
let bytes = 0;
for (let index = 0; index < count; index++) {
	const frame = [Buffer.from(`id: ${index + 1}\ndata: `), payloads[index % payloads.length], Buffer.from("\n\n")];
	parts.push(...frame);
	bytes += frame.reduce((sum, part) => sum + part.length, 0);
	if (bytes < CHUNK_BYTES && index < count - 1) continue;
	chunks.push(Buffer.concat(parts));
	parts = [];
	bytes = 0;
}

let stream: ServerResponse | undefined;

function pump(response: ServerResponse, from: number): void {
	for (let index = from; index < chunks.length; index++) {
		if (response.write(chunks[index])) continue;
		// Not straight from "drain", which on loopback can come before anything else had its turn.
		response.once("drain", () => setImmediate(() => pump(response, index + 1)));
		return;
	}
}

const server = createServer((request, response) => {
	const path = request.url ?? "";
	if (path.startsWith("/api/events")) {
		response.writeHead(200, { "content-type": "text/event-stream", "x-traceway-latest-event-id": "0" });
		response.write(": hello\n\n");
		stream = response;
	} else if (path === "/go") {
		response.end();
		if (stream !== undefined) pump(stream, 0);
	} else {
		response.writeHead(200, { "content-type": "application/json" });
		response.end('{"items":[],"total":0,"next_cursor":null,"has_more":false}');
	}
});
server.listen(0, "127.0.0.1", () => {
	console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.stdin.resume().on("end", () => process.exit(0));
