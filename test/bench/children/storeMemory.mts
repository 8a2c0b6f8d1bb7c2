// One way of keeping spans, alone in a process: prints what it holds on to as {"bytesPerSpan":N}.
//   node --expose-gc storeMemory.mts store|objects COUNT
import { parseTimestamp } from "../../../src/base/timestamp.ts";
import type { SpanInput, SpanState } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";

/** As the stream brings it, the part that is read here. */
interface WireSpan {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly kind: {
		readonly type: string;
		readonly model?: string;
		readonly provider?: string;
		readonly input_tokens?: number;
		readonly output_tokens?: number;
		readonly cost?: number;
	};
	readonly status: SpanState | { readonly failed: { readonly error: string } };
	readonly started_at: string;
	readonly ended_at: string | null;
}

const SPANS_PER_TRACE = 20;
const MODELS = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "o3"];
const NAMES = ["plan step", "call model", "search documents", "read file", "draft reply", "rank answers"];
const FILLER = "The quick brown fox jumps over the lazy dog while the agent waits for its answer. ";

/** A number generator with a seed: both ways get the same spans. */
let seed = 42;
function random(): number {
	seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
	return seed / 2 ** 32;
}

function uuid(): string {
	let hex = "";
	for (let index = 0; index < 4; index++)
		hex += Math.floor(random() * 2 ** 32)
			.toString(16)
			.padStart(8, "0");
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** About 1,000 bytes of JSON. */
function spanJson(index: number, traceId: string, spanId: string, parentSpanId: string | null): string {
	const startMs = Date.UTC(2026, 2, 6) + index * 7;
	const isFailed = index % 100 === 99;
	const isModelCall = index % 3 === 1;
	return JSON.stringify({
		id: spanId,
		trace_id: traceId,
		parent_id: parentSpanId,
		name: NAMES[index % NAMES.length],
		kind: isModelCall
			? {
					type: "llm_call",
					model: MODELS[index % MODELS.length],
					provider: "openai",
					input_tokens: 100 + (index % 900),
					output_tokens: 10 + (index % 90),
					cost: (index % 1000) / 1e5,
				}
			: {
					type: "custom",
					kind: "tool",
					attributes: { "tool.name": "search", "tool.index": index, retries: index % 3 },
				},
		status: isFailed ? { failed: { error: `connection reset by peer ${index % 7}` } } : "completed",
		started_at: `${new Date(startMs).toISOString().slice(0, 23)}${String(index % 1000).padStart(3, "0")}Z`,
		ended_at: `${new Date(startMs + 500).toISOString().slice(0, 23)}${String(index % 777).padStart(3, "0")}Z`,
		input: [{ role: "user", content: FILLER.repeat(4) + index }],
		output: { text: FILLER.repeat(2) + index },
	});
}

function inputOf(span: WireSpan): SpanInput {
	const { kind, status } = span;
	return {
		spanId: span.id,
		traceId: span.trace_id,
		parentSpanId: span.parent_id,
		name: span.name,
		kindType: kind.type,
		kindName: kind.type,
		model: kind.model,
		provider: kind.provider,
		inputTokens: kind.input_tokens,
		outputTokens: kind.output_tokens,
		costUsd: kind.cost,
		state: typeof status === "string" ? status : "failed",
		error: typeof status === "string" ? undefined : status.failed.error,
		start: parseTimestamp(span.started_at),
		end: span.ended_at === null ? undefined : parseTimestamp(span.ended_at),
	};
}

/** Bytes in use after everything that can be freed was freed. */
function bytesInUse(): number {
	const collect = globalThis.gc;
	if (collect === undefined) throw new Error("run with --expose-gc");
	for (let round = 0; round < 4; round++) collect();
	const { heapUsed, external } = process.memoryUsage();
	// Typed arrays live outside the heap; their bytes are part of `external`.
	return heapUsed + external;
}

const [way, countText] = process.argv.slice(2);
const count = Number(countText);

/** Keeps `spanCount` spans in one of the two ways; the result holds on to them. */
function keep(spanCount: number): { readonly size: number; readonly held: unknown } {
	const store = new TraceStore();
	const objects = new Map<string, WireSpan>();
	let traceId = "";
	let ids: string[] = [];
	for (let index = 0; index < spanCount; index++) {
		if (index % SPANS_PER_TRACE === 0) {
			traceId = uuid();
			ids = [];
		}
		const spanId = uuid();
		const parentSpanId = ids.length === 0 ? null : ids[Math.floor(random() * ids.length)];
		ids.push(spanId);
		const span: WireSpan = JSON.parse(spanJson(index, traceId, spanId, parentSpanId));
		if (way === "store") store.upsertSpan(inputOf(span));
		else objects.set(span.id, span);
	}
	store.flush();
	// The list has been shown: summaries are part of what is kept.
	for (const entry of store.entries()) store.summary(entry.traceId);
	return way === "store" ? { size: store.spanCount, held: store } : { size: objects.size, held: objects };
}

// Once before, so that compiled code and its feedback are not taken for memory of spans.
keep(5_000);
const before = bytesInUse();
const kept = keep(count);
const bytes = bytesInUse() - before;
if (kept.size !== count) throw new Error("spans are missing");
console.log(JSON.stringify({ bytesPerSpan: bytes / count }));
