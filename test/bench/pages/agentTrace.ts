import { SeededRandom } from "../../../src/cli/seededRandom.ts";
import type { HostToWaterfall } from "../../../src/protocol/messages.ts";
import { packColumns } from "../../../src/protocol/packedColumns.ts";
import type { TraceColumns } from "../../../src/protocol/traceColumns.ts";

export type Snapshot = Extract<HostToWaterfall, { readonly type: "trace/snapshot" }>;
export type Delta = Extract<HostToWaterfall, { readonly type: "trace/delta" }>;

/**
 * Order in which spans arrived: as they started, which is what live SDKs send; as they ended, children before parents, which
 * is what exporters of OpenTelemetry send; or any.
 */
export type Arrival = "start" | "end" | "shuffled";

const AGENTS = 4;
const MAX_DEPTH = 12;
/** Mean time between two starts. */
const STEP_NS = 1_200_000;
const KINDS = ["invoke_agent", "chat", "execute_tool", "retrieval", "http.client"];
const MODELS = ["gpt-4o-mini", "claude-sonnet-4", "gemini-2.5-pro"];
const NAMES = 400;
const ID_BYTES = 26;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A trace before it is laid out: index = order of start. Parents come before their children. */
export interface AgentSpans {
	readonly count: number;
	/** -1 for the root, which is the first. */
	readonly parent: Int32Array;
	readonly startNs: Float64Array;
	/** NaN while running. */
	readonly endNs: Float64Array;
}

/**
 * One run of four agents side by side that call models and tools, up to twelve levels deep; the same for the same seed.
 *
 * @param isRunning The root and the agents go on.
 */
export function agentSpans(count: number, isRunning: boolean, seed = 1): AgentSpans {
	const random = new SeededRandom(seed);
	const parent = new Int32Array(count).fill(-1);
	const startNs = new Float64Array(count);
	const endNs = new Float64Array(count).fill(Number.NaN);
	const open: number[][] = [];
	for (let i = 1; i < count; i++) {
		startNs[i] = i * STEP_NS + Math.floor(random.next() * STEP_NS);
		if (i <= AGENTS) {
			parent[i] = 0;
			open.push([i]);
			continue;
		}
		const stack = open[i % open.length];
		parent[i] = stack[stack.length - 1];
		if (stack.length < MAX_DEPTH && random.isTrue(0.3)) {
			stack.push(i);
			continue;
		}
		endNs[i] = startNs[i] + Math.floor(random.next() * 3 * STEP_NS);
		while (stack.length > 1 && random.isTrue(0.27)) endNs[stack.pop() ?? 0] = startNs[i] + 4 * STEP_NS;
	}
	const wholeNs = (count + 4) * STEP_NS;
	for (const stack of open) while (stack.length > 1) endNs[stack.pop() ?? 0] = wholeNs;
	if (!isRunning) endNs.fill(wholeNs, 0, Math.min(count, AGENTS + 1));
	return { count, parent, startNs, endNs };
}

/** Spans in the order in which they arrive. */
export function arrivalOrder({ count, endNs }: AgentSpans, arrival: Arrival): Uint32Array {
	const order = Uint32Array.from({ length: count }, (_, index) => index);
	if (arrival === "end") {
		const endOf = (index: number): number => (Number.isNaN(endNs[index]) ? Number.MAX_VALUE : endNs[index]);
		order.sort((a, b) => endOf(a) - endOf(b) || b - a);
	} else if (arrival === "shuffled") {
		const random = new SeededRandom(2);
		for (let i = count - 1; i > 0; i--) {
			const j = random.integer(0, i);
			[order[i], order[j]] = [order[j], order[i]];
		}
	}
	return order;
}

/** Columns of all spans, or of those from `from` on, as the host sends them. */
export function columnsOf(spans: AgentSpans, arrival: Arrival, from = 0): TraceColumns {
	const order = arrivalOrder(spans, arrival);
	const ordinalOf = new Int32Array(spans.count);
	for (let ordinal = 0; ordinal < spans.count; ordinal++) ordinalOf[order[ordinal]] = ordinal;
	const n = spans.count - from;
	const random = new SeededRandom(3 + from);
	const strings = [
		...KINDS,
		...MODELS,
		"TimeoutError: the tool did not answer within 30 s",
		...Array.from({ length: NAMES }, (_, index) => `${KINDS[index % KINDS.length]} step ${index}`),
	];
	const columns = {
		ordinal: Uint32Array.from({ length: n }, (_, index) => from + index),
		parent: new Int32Array(n),
		startNs: new Float64Array(n),
		endNs: new Float64Array(n),
		state: new Uint8Array(n),
		name: new Int32Array(n),
		kind: new Int32Array(n),
		model: new Int32Array(n).fill(-1),
		error: new Int32Array(n).fill(-1),
		inputTokens: new Float64Array(n).fill(Number.NaN),
		outputTokens: new Float64Array(n).fill(Number.NaN),
		costUsd: new Float64Array(n).fill(Number.NaN),
		firstTokenNs: new Float64Array(n).fill(Number.NaN),
		idBytes: new Uint8Array(n * ID_BYTES),
		idEnd: Uint32Array.from({ length: n }, (_, index) => (index + 1) * ID_BYTES),
	};
	for (let i = 0; i < n; i++) {
		const span = order[from + i];
		columns.parent[i] = spans.parent[span] < 0 ? -1 : ordinalOf[spans.parent[span]];
		columns.startNs[i] = spans.startNs[span];
		columns.endNs[i] = spans.endNs[span];
		const isFailed = random.isTrue(0.01);
		columns.state[i] = Number.isNaN(spans.endNs[span]) ? 0 : isFailed ? 2 : 1;
		if (columns.state[i] === 2) columns.error[i] = KINDS.length + MODELS.length;
		const kind = span <= AGENTS ? 0 : random.integer(1, KINDS.length - 1);
		columns.kind[i] = kind;
		columns.name[i] = KINDS.length + MODELS.length + 1 + random.integer(0, NAMES - 1);
		if (kind === 1) {
			columns.model[i] = KINDS.length + random.integer(0, MODELS.length - 1);
			columns.inputTokens[i] = random.integer(100, 20_000);
			columns.outputTokens[i] = random.integer(1, 2_000);
			columns.costUsd[i] = columns.inputTokens[i] * 1e-6;
		}
		writeId(columns.idBytes, i * ID_BYTES, span, random);
	}
	return { ...columns, strings, missingParentIds: [] };
}

/** As a ULID: begins with the time, ends at random. */
function writeId(bytes: Uint8Array, at: number, span: number, random: SeededRandom): void {
	let rest = span;
	for (let digit = 9; digit >= 0; digit--) {
		bytes[at + digit] = CROCKFORD.charCodeAt(rest & 31);
		rest >>>= 5;
	}
	for (let digit = 10; digit < ID_BYTES; digit++) bytes[at + digit] = CROCKFORD.charCodeAt(random.integer(0, 31));
}

export function snapshotOf(spans: AgentSpans, columns: TraceColumns, traceId: string): Snapshot {
	return {
		type: "trace/snapshot",
		sourceId: "local",
		revision: 1,
		base: { ms: Date.now() - 600_000, subNs: 0 },
		clockOffsetMs: 0,
		header: headerOf(spans, columns, traceId),
		columns: packColumns(columns),
	};
}

export function headerOf(spans: AgentSpans, columns: TraceColumns, traceId: string): Snapshot["header"] {
	const isRunning = Number.isNaN(spans.endNs[0]);
	return {
		traceId,
		name: "research run",
		state: isRunning ? "running" : "completed",
		spanCount: spans.count,
		failedCount: columns.state.reduce((sum, state) => sum + Number(state === 2), 0),
		inputTokens: 1_000_000,
		outputTokens: 80_000,
		costUsd: 1,
		isCostEstimated: true,
		droppedSpans: 0,
	};
}

/** Buffers that a message hands over, as VS Code does between its frames. */
export function buffersOf(columns: Snapshot["columns"]): ArrayBuffer[] {
	const buffers: ArrayBuffer[] = [];
	const add = (value: unknown): void => {
		if (ArrayBuffer.isView(value)) buffers.push(value.buffer as ArrayBuffer);
		else if (typeof value === "object" && value !== null && !Array.isArray(value)) Object.values(value).forEach(add);
	};
	add(columns);
	return buffers;
}
