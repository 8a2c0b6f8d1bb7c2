import { SpanStateCode } from "../../model/span.ts";
import type { SpanRow } from "../../otlp/spanRow.ts";
import { timeText } from "../../otlp/spanText.ts";

/** What a trace's record says on the wire. */
export interface TraceHead {
	readonly id: string;
	readonly name: string | null;
	readonly tagsJson: string;
	readonly startMs: number;
	readonly startSub: number;
	readonly spanCount: number;
	readonly runningCount: number;
	readonly failedCount: number;
	readonly endMs: number | null;
	readonly endSub: number | null;
}

/** One trace as its table holds it. */
export interface TraceRow extends TraceHead {
	/** Sums over the spans whose usage counts; null is unknown. */
	readonly llmCalls: number;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	readonly cacheReadTokens: number | null;
	readonly cacheWriteTokens: number | null;
	readonly reasoningTokens: number | null;
	readonly costNano: number | null;
	readonly sessionId: string | null;
}

/** Characters of a span's large parts, to bound what is read and sent in one go. */
export function rowSize(row: SpanRow): number {
	const length = (text: string | null) => text?.length ?? 0;
	return (
		row.name.length +
		length(row.error) +
		length(row.kindJson) +
		length(row.metadataJson) +
		length(row.inputJson) +
		length(row.outputJson) +
		length(row.attributesJson) +
		length(row.eventsJson) +
		length(row.linksJson)
	);
}

/** The row as it was when its span began: as far as the end has not replaced it. */
export function asBegun(row: SpanRow): SpanRow {
	return {
		...row,
		status: SpanStateCode.running,
		error: null,
		endMs: null,
		endSub: null,
		durationMs: null,
		outputJson: null,
	};
}

/** The row without what its user has thrown away. */
export function asDeleted(row: SpanRow): SpanRow {
	return {
		...row,
		kindJson: null,
		metadataJson: null,
		otelJson: null,
		inputJson: null,
		outputJson: null,
		attributesJson: null,
		eventsJson: null,
		linksJson: null,
		movedJson: null,
		resourceJson: null,
		scopeJson: null,
	};
}

/** The trace record, JSON text. */
export function traceText(row: TraceHead): string {
	return `${traceMembers(row)}}`;
}

/** The trace with the sums over its spans, as lists show it. Sums are right once the trace is settled. */
export function traceItemText(row: TraceRow): string {
	const status = row.failedCount > 0 ? "failed" : row.runningCount > 0 || row.spanCount === 0 ? "running" : "completed";
	let text = `${traceMembers(row)},"span_count":${row.spanCount},"status":"${status}"`;
	if (row.sessionId !== null) text += `,"session_id":${JSON.stringify(row.sessionId)}`;
	if (row.llmCalls > 0) text += `,"llm_calls":${row.llmCalls}`;
	const { inputTokens, outputTokens, costNano } = row;
	if (inputTokens !== null) text += `,"input_tokens":${inputTokens}`;
	if (outputTokens !== null) text += `,"output_tokens":${outputTokens}`;
	if (row.cacheReadTokens !== null) text += `,"cache_read_tokens":${row.cacheReadTokens}`;
	if (row.cacheWriteTokens !== null) text += `,"cache_write_tokens":${row.cacheWriteTokens}`;
	if (row.reasoningTokens !== null) text += `,"reasoning_tokens":${row.reasoningTokens}`;
	if (inputTokens !== null || outputTokens !== null) {
		text += `,"total_tokens":${(inputTokens ?? 0) + (outputTokens ?? 0)}`;
	}
	return costNano === null ? `${text}}` : `${text},"total_cost":${costNano / 1e9}}`;
}

function traceMembers(row: TraceHead): string {
	const name = row.name === null ? "" : `"name":${JSON.stringify(row.name)},`;
	const hasEnd = row.endMs !== null && row.runningCount === 0;
	return (
		`{"id":${JSON.stringify(row.id)},${name}"tags":${row.tagsJson},"started_at":${timeText(row.startMs, row.startSub)},` +
		`"ended_at":${hasEnd ? timeText(row.endMs, row.endSub ?? 0) : "null"}`
	);
}
