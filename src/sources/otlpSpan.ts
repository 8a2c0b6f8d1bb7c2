import type { SpanInput } from "../model/span.ts";
import type { WholeSpan } from "../otlp/spanRecord.ts";
import { newRow, statusOf } from "../otlp/spanRow.ts";
import { spanText } from "../otlp/spanText.ts";
import { cut, type JsonObject, MAX_ERROR_LENGTH, MAX_NAME_LENGTH, MAX_WORD_LENGTH } from "./wire.ts";

/** A normalised span of OpenTelemetry as the store takes it: the same as Traceway's REST API would say of it. */
export function spanInputOf(span: WholeSpan): SpanInput & { readonly traceId: string } {
	const { kind } = span;
	const { tokens } = kind;
	return {
		spanId: span.id,
		traceId: span.traceId,
		parentSpanId: span.parentId,
		name: cut(span.name, MAX_NAME_LENGTH),
		kindType: kind.type,
		kindName: cut(kind.name, MAX_WORD_LENGTH),
		hasWholeKind: true,
		model: word(kind.model),
		provider: word(kind.provider),
		inputTokens: tokens.input ?? undefined,
		outputTokens: tokens.output ?? undefined,
		cacheReadTokens: tokens.cacheRead ?? undefined,
		cacheWriteTokens: tokens.cacheWrite ?? undefined,
		reasoningTokens: tokens.reasoning ?? undefined,
		costUsd: kind.cost ?? undefined,
		firstTokenNs: firstTokenOf(kind.kindJson),
		isRollup: kind.isRollup,
		state: span.end === undefined ? "running" : span.error === null ? "completed" : "failed",
		error: span.error === null ? undefined : cut(span.error, MAX_ERROR_LENGTH),
		start: span.start,
		end: span.end,
		serviceName: word(kind.serviceName),
		sessionId: span.sessionId ?? undefined,
		path: word(kind.path),
		toolName: word(kind.toolName),
		agentName: word(kind.agentName),
	};
}

function word(text: string | null): string | undefined {
	return text === null || text === "" ? undefined : cut(text, MAX_WORD_LENGTH);
}

/** Only the few kinds that tell more than their columns have a text. */
function firstTokenOf(kindJson: string | null): number | undefined {
	if (kindJson === null) return undefined;
	const { first_token_ms: ms } = JSON.parse(kindJson) as { readonly first_token_ms?: number };
	return ms === undefined ? undefined : ms * 1_000_000;
}

/** A normalised span as JSON text in the shape of Traceway's REST API (`WireSpan`), with everything that it told. */
export function wireTextOf(span: WholeSpan): string {
	return spanText(newRow(0, statusOf(span), span));
}

/** The same, read. */
export function wireSpanOf(text: string): JsonObject {
	return JSON.parse(text) as JsonObject;
}
