import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import { TraceStore } from "../../src/model/traceStore.ts";
import { packColumns } from "../../src/protocol/packedColumns.ts";
import { encodeTraceColumns, timeBaseOf } from "../../src/protocol/traceColumns.ts";
import { type BenchRow, interleave, median, ratioRow } from "./bench.mts";
import { buffersOf, type Snapshot } from "./pages/agentTrace.ts";
import { type PlainRow, SpanSource } from "./storedSpans.mts";

export const name = "trace-transfer";

const SIZES = [1_000, 10_000, 100_000, 250_000] as const;
const ROUNDS = 5;
const TRACE_ID = "transferred";

interface Sent {
	readonly bytes: number;
	readonly ms: number;
}

/**
 * A whole trace from the store to the side that shows it, in another thread: columns, packed as the waterfall's panel does, beside
 * the full spans as one JSON text. Bytes of the message, and milliseconds from the store to behind the reading.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	const worker = new Worker(new URL("children/columnsReader.mts", import.meta.url));
	for (const count of SIZES) {
		const spans = spansOf(count);
		const store = storeOf(spans);
		const contenders = {
			columns: () => sendColumns(worker, store),
			json: () => sendJson(worker, spans),
		};
		// The compiler's round.
		await interleave(1, contenders);
		const { columns, json } = await interleave(ROUNDS, contenders);
		const msOf = (sent: readonly Sent[]): number => median(sent.map(({ ms }) => ms));
		rows.push(
			ratioRow(`${name}-${count}-bytes`, columns[0].bytes, json[0].bytes, "bytes", "<= 0.3 ratio"),
			ratioRow(`${name}-${count}-time`, msOf(columns), msOf(json), "ms", "<= 0.25 ratio"),
		);
		store.dispose();
	}
	await worker.terminate();
	return rows;
}

/** One trace: every span below an earlier one. */
function spansOf(count: number): PlainRow[] {
	const source = new SpanSource(7, Date.UTC(2026, 2, 6));
	const spans: PlainRow[] = [];
	for (let index = 0; index < count; index++) {
		const parent = spans[Math.floor(index / 5)];
		spans.push({ ...source.next().row, trace_id: TRACE_ID, parent_id: parent?.id ?? null });
	}
	return spans;
}

function storeOf(spans: readonly PlainRow[]): TraceStore {
	const store = new TraceStore();
	for (const span of spans) {
		store.upsertSpan({
			spanId: span.id,
			traceId: span.trace_id,
			parentSpanId: span.parent_id,
			name: span.name,
			kindType: span.kind,
			kindName: span.kind,
			model: span.model ?? undefined,
			provider: span.provider ?? undefined,
			inputTokens: span.input_tokens ?? undefined,
			outputTokens: span.output_tokens ?? undefined,
			state: span.error === null ? "completed" : "failed",
			error: span.error ?? undefined,
			start: parseTimestamp(span.started_at),
			end: parseTimestamp(span.ended_at),
		});
	}
	store.flush();
	return store;
}

async function sendColumns(worker: Worker, store: TraceStore): Promise<Sent> {
	const startedAt = performance.now();
	const entry = store.entry(TRACE_ID);
	if (entry === undefined) throw new Error("the store has no trace");
	const columns = packColumns(encodeTraceColumns(store, entry, timeBaseOf(store, entry)));
	const bytes = bytesOf(columns);
	worker.postMessage(columns, buffersOf(columns));
	await once(worker, "message");
	return { bytes, ms: performance.now() - startedAt };
}

async function sendJson(worker: Worker, spans: readonly PlainRow[]): Promise<Sent> {
	const startedAt = performance.now();
	const text = JSON.stringify(spans);
	worker.postMessage(text);
	await once(worker, "message");
	return { bytes: Buffer.byteLength(text), ms: performance.now() - startedAt };
}

/** Of the arrays, and of everything else as JSON. */
function bytesOf(columns: Snapshot["columns"]): number {
	const rest = JSON.stringify(columns, (_key, value: unknown) => (ArrayBuffer.isView(value) ? undefined : value));
	return buffersOf(columns).reduce((sum, buffer) => sum + buffer.byteLength, Buffer.byteLength(rest));
}
