import type { HostToWaterfall, TraceHeader } from "../../src/protocol/messages.ts";
import { packColumns } from "../../src/protocol/packedColumns.ts";
import type { TraceColumns } from "../../src/protocol/traceColumns.ts";
import { type TestSpan, TestTrace } from "../unit/webview/traceColumnsBuilder.ts";

/** A moment in the past, so that nothing of a finished trace depends on the clock. */
export const BASE = { ms: Date.UTC(2026, 2, 6, 9, 0, 0), subNs: 0 };

export type Snapshot = Extract<HostToWaterfall, { readonly type: "trace/snapshot" }>;
export type Delta = Extract<HostToWaterfall, { readonly type: "trace/delta" }>;

export function headerOf(spans: readonly TestSpan[], header: Partial<TraceHeader> = {}): TraceHeader {
	const failedCount = spans.filter((span) => span.isFailed === true).length;
	const sum = (of: (span: TestSpan) => number | undefined): number | undefined => {
		const known = spans.map(of).filter((value) => value !== undefined);
		return known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0);
	};
	const isRunning = spans.some((span) => span.end === undefined && span.isFailed !== true);
	return {
		traceId: "trace-1",
		name: "support_agent.run",
		state: failedCount > 0 ? "failed" : isRunning || spans.length === 0 ? "running" : "completed",
		spanCount: spans.length,
		failedCount,
		inputTokens: sum((span) => span.inputTokens),
		outputTokens: sum((span) => span.outputTokens),
		costUsd: sum((span) => span.costUsd),
		isCostEstimated: false,
		droppedSpans: 0,
		...header,
	};
}

/** The host's side of one trace: snapshots and deltas with their revisions. */
export class TestHostTrace {
	readonly trace = new TestTrace();
	readonly #header: Partial<TraceHeader>;
	readonly #base: { readonly ms: number; readonly subNs: number };
	revision = 1;

	constructor(header: Partial<TraceHeader> = {}, base = BASE) {
		this.#header = header;
		this.#base = base;
	}

	snapshot(spans: readonly TestSpan[] = []): Snapshot {
		this.trace.add(spans);
		return {
			type: "trace/snapshot",
			sourceId: "local",
			revision: this.revision,
			base: this.#base,
			clockOffsetMs: 0,
			header: headerOf(this.trace.spans, this.#header),
			columns: packColumns(this.trace.all()),
		};
	}

	delta(spans: readonly TestSpan[]): Delta {
		const columns: TraceColumns = this.trace.add(spans);
		const baseRevision = this.revision++;
		return {
			type: "trace/delta",
			baseRevision,
			revision: this.revision,
			header: headerOf(this.trace.spans, this.#header),
			columns,
		};
	}
}

const MS = 1e6;

/** A run of an agent: turns of a model call, tools and retrieval, one failing tool; ends in 8.4 s. */
export function agentSpans(options: { readonly isRunning?: boolean } = {}): TestSpan[] {
	const spans: TestSpan[] = [
		{ id: "root", name: "support_agent.run", kind: "agent", start: 0, end: options.isRunning ? undefined : 8400 * MS },
		{ id: "load", parent: "root", name: "load_history", kind: "fs_read", start: 4 * MS, end: 61.5 * MS },
	];
	let at = 80;
	for (const [turn, model] of ["gpt-4o-mini", "gpt-4o-mini", "claude-sonnet-4"].entries()) {
		const id = `turn${turn}`;
		const isLast = turn === 2;
		const end = isLast && options.isRunning ? undefined : (at + 2650) * MS;
		spans.push(
			{ id, parent: "root", name: `turn ${turn + 1}`, kind: "custom", start: at * MS, end },
			{
				id: `${id}-plan`,
				parent: id,
				name: "plan",
				kind: "llm_call",
				model,
				start: (at + 5) * MS,
				end: (at + 905.123456) * MS,
				inputTokens: 1240 + turn * 800,
				outputTokens: 212,
				costUsd: 0.000313 * (turn + 1),
			},
			{
				id: `${id}-search`,
				parent: id,
				name: "search_docs",
				kind: "retrieval",
				start: (at + 920) * MS,
				end: (at + 1240) * MS,
			},
			{
				id: `${id}-embed`,
				parent: `${id}-search`,
				name: "embed query",
				kind: "embedding",
				model: "text-embedding-3-small",
				start: (at + 925) * MS,
				end: (at + 968) * MS,
				inputTokens: 18,
			},
			{
				id: `${id}-vector`,
				parent: `${id}-search`,
				name: "vector_store.query",
				kind: "database",
				start: (at + 970) * MS,
				end: (at + 1230) * MS,
			},
			{
				id: `${id}-tool`,
				parent: id,
				name: turn === 1 ? "create_refund" : "get_order",
				kind: "tool",
				start: (at + 1250) * MS,
				end: (at + 1530) * MS,
				isFailed: turn === 1,
				error: turn === 1 ? "HTTP 402 Payment Required: refund window closed for order 8812" : undefined,
			},
			{
				id: `${id}-answer`,
				parent: id,
				name: "answer",
				kind: "llm_call",
				model,
				start: (at + 1545) * MS,
				end: isLast && options.isRunning ? undefined : (at + 2640) * MS,
				inputTokens: isLast && options.isRunning ? undefined : 2100 + turn * 900,
				outputTokens: isLast && options.isRunning ? undefined : 480,
				costUsd: isLast && options.isRunning ? undefined : 0.00121,
			},
		);
		at += 2680;
	}
	spans.push({
		id: "audit",
		parent: "lost-parent",
		name: "audit.write",
		kind: "fs_write",
		start: 8200 * MS,
		end: 8203 * MS,
	});
	return spans;
}

/** A big trace: groups of a turn, its calls and their tools, in order of start. */
export function manySpans(count: number): TestSpan[] {
	const spans: TestSpan[] = [{ id: "s0", name: "run", kind: "agent", start: 0, end: count * 2 * MS }];
	for (let i = 1; i < count; i++) {
		const isTurn = i % 50 === 1;
		const turn = i - ((i - 1) % 50);
		const isCall = !isTurn && i % 5 === 2;
		const parent = isTurn ? "s0" : isCall || i - turn < 2 ? `s${turn}` : `s${i - ((i - 2) % 5)}`;
		spans.push({
			id: `s${i}`,
			parent: parent === `s${i}` ? `s${turn}` : parent,
			name: isTurn ? `turn ${Math.floor(i / 50)}` : isCall ? "chat" : `tool_${i % 7}`,
			kind: isTurn ? "custom" : isCall ? "llm_call" : "tool",
			model: isCall ? "gpt-4o" : undefined,
			start: i * 2 * MS,
			end: i * 2 * MS + (isTurn ? 99 : isCall ? 9 : 1.5) * MS,
			isFailed: i % 997 === 0,
			error: i % 997 === 0 ? `failure ${i}` : undefined,
		});
	}
	return spans;
}
