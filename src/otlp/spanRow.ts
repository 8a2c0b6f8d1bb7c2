import { differenceNs, type Timestamp } from "../base/timestamp.ts";
import { SpanStateCode } from "../model/span.ts";
import type { OtelPart, SpanKindRecord, WholeSpan } from "./spanRecord.ts";

/** Members of a span's kind that have columns of their own. */
export interface KindColumns {
	readonly kindType: string;
	readonly kindName: string;
	readonly model: string | null;
	readonly provider: string | null;
	readonly path: string | null;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	readonly cacheReadTokens: number | null;
	readonly cacheWriteTokens: number | null;
	readonly reasoningTokens: number | null;
	readonly cost: number | null;
	/** 1 when tokens and cost are those of everything below the span, too. */
	readonly isRollup: number;
	readonly toolName: string | null;
	readonly agentName: string | null;
	/** The wire object without a custom span's attributes; null when the other columns say it all. */
	readonly kindJson: string | null;
}

/** A kind as the tables hold it. */
export function kindColumns(kind: SpanKindRecord): KindColumns {
	return {
		kindType: kind.type,
		kindName: kind.name,
		model: kind.model,
		provider: kind.provider,
		path: kind.path,
		inputTokens: kind.tokens.input,
		outputTokens: kind.tokens.output,
		cacheReadTokens: kind.tokens.cacheRead,
		cacheWriteTokens: kind.tokens.cacheWrite,
		reasoningTokens: kind.tokens.reasoning,
		cost: kind.cost,
		isRollup: kind.isRollup ? 1 : 0,
		toolName: kind.toolName,
		agentName: kind.agentName,
		kindJson: kind.kindJson,
	};
}

/** One span as the tables hold it, with the id of its trace. Texts named `…Json` are compact JSON. */
export interface SpanRow extends KindColumns {
	readonly seq: number;
	readonly id: string;
	readonly traceId: string;
	readonly parentId: string | null;
	readonly name: string;
	/** Code of `SpanStateCode`. */
	readonly status: number;
	readonly error: string | null;
	readonly startMs: number;
	readonly startSub: number;
	readonly endMs: number | null;
	readonly endSub: number | null;
	readonly durationMs: number | null;
	readonly sessionId: string | null;
	readonly serviceName: string | null;
	readonly metadataJson: string | null;
	/** `WireOtel`; null of a span that did not come from OpenTelemetry. */
	readonly otelJson: string | null;
	/** What only details show; null in a skeleton. */
	readonly inputJson: string | null;
	readonly outputJson: string | null;
	/** Attributes of the span from OpenTelemetry, or of the custom kind; in a skeleton the name of its service, if any. */
	readonly attributesJson: string | null;
	readonly eventsJson: string | null;
	readonly linksJson: string | null;
	/** Attributes that stand as input and output: `[[key, isJsonText] or null, the same]`. */
	readonly movedJson: string | null;
	readonly resourceJson: string | null;
	readonly scopeJson: string | null;
}

/** Code of `SpanStateCode`. */
export function statusOf(span: WholeSpan): number {
	if (span.end === undefined) return SpanStateCode.running;
	return span.error === null ? SpanStateCode.completed : SpanStateCode.failed;
}

/** A span as its row will be read. */
export function newRow(seq: number, status: number, span: WholeSpan): SpanRow {
	const { kind, start, end, otel } = span;
	return {
		seq,
		id: span.id,
		traceId: span.traceId,
		parentId: span.parentId,
		name: span.name,
		...kindColumns(kind),
		status,
		error: span.error,
		startMs: start.ms,
		startSub: start.subNs,
		endMs: end?.ms ?? null,
		endSub: end?.subNs ?? null,
		durationMs: end === undefined ? null : durationMs(start, end),
		sessionId: span.sessionId,
		serviceName: kind.serviceName,
		metadataJson: span.metadataJson,
		otelJson: otel?.otelJson ?? null,
		inputJson: span.inputJson,
		outputJson: span.outputJson,
		attributesJson: otel === undefined ? kind.attributesJson : otel.attributesJson,
		eventsJson: otel?.eventsJson ?? null,
		linksJson: otel?.linksJson ?? null,
		movedJson: otel === undefined ? null : movedText(otel),
		resourceJson: otel?.resourceJson ?? null,
		scopeJson: otel?.scopeJson ?? null,
	};
}

/** `movedJson` of a row: which attributes stand as input and output. */
export function movedText({ inputKey, outputKey }: OtelPart): string | null {
	if (inputKey === null && outputKey === null) return null;
	const text = (key: OtelPart["inputKey"]) => (key === null ? null : [key.key, key.isJsonText ? 1 : 0]);
	return JSON.stringify([text(inputKey), text(outputKey)]);
}

/** Milliseconds from one time to another. */
export function durationMs(start: Timestamp, end: Timestamp): number {
	return differenceNs(end, start) / 1e6;
}
