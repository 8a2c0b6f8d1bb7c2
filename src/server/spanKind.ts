import { estimateCostUsd, isEstimated } from "../model/prices.ts";
import type { SpanKindRecord, TokenCounts } from "../otlp/spanRecord.ts";
import type { SpanKindInput } from "../protocol/rest.ts";
import { writeJson } from "./jsonWrite.ts";

const NO_TOKENS: TokenCounts = { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null };

/** What a span without a kind is: SDKs leave it out for spans that are no model calls. */
export const DEFAULT_KIND: SpanKindRecord = {
	type: "custom",
	name: "custom",
	model: null,
	provider: null,
	path: null,
	tokens: NO_TOKENS,
	cost: null,
	isRollup: false,
	toolName: null,
	agentName: null,
	kindJson: null,
	attributesJson: null,
	serviceName: null,
};

const SERVICE_ATTRIBUTES = ["service.name", "resource.service.name"] as const;

/** Members that `kindText` writes from columns, by type. */
const COLUMN_MEMBERS = new Set([
	"type",
	"model",
	"provider",
	"input_tokens",
	"output_tokens",
	"cache_read_tokens",
	"cache_write_tokens",
	"reasoning_tokens",
	"cost",
	"path",
	"tool_name",
	"agent_name",
]);

/**
 * Takes a checked kind apart and estimates its cost where the caller gave none, by the prices of `startMs` (milliseconds since the
 * epoch, undefined is now). `attributesJson` is the compact text of `kind.attributes`, which is not written anew so that its
 * numbers keep every digit.
 *
 * @throws HttpError 422 when a part other than the attributes is nested too deeply to be written.
 */
export function prepareKind(
	kind: SpanKindInput,
	attributesJson: string | undefined,
	startMs?: number | undefined,
): SpanKindRecord {
	const isCustom = kind.type === "custom";
	const model = kind.model ?? null;
	const tokens: TokenCounts = {
		input: kind.input_tokens ?? null,
		output: kind.output_tokens ?? null,
		cacheRead: kind.cache_read_tokens ?? null,
		cacheWrite: kind.cache_write_tokens ?? null,
		reasoning: kind.reasoning_tokens ?? null,
	};
	const isRollup = kind.usage_scope === "subtree";
	const provider = kind.provider ?? null;
	const cost = kind.cost ?? (isEstimated(kind.type, isRollup) ? estimateCost(model, provider, tokens, startMs) : null);
	return {
		type: kind.type.toWellFormed(),
		name: (isCustom ? (kind.kind ?? "custom") : kind.type).toWellFormed(),
		model: model?.toWellFormed() ?? null,
		provider: provider?.toWellFormed() ?? null,
		path: kind.path?.toWellFormed() ?? null,
		tokens,
		cost,
		isRollup,
		toolName: kind.tool_name?.toWellFormed() ?? null,
		agentName: kind.agent_name?.toWellFormed() ?? null,
		kindJson: wireText(kind, isCustom, cost),
		attributesJson: isCustom && attributesJson !== "{}" ? (attributesJson ?? null) : null,
		serviceName: isCustom ? serviceOf(kind.attributes ?? {}) : null,
	};
}

/** Price of a call in US dollars, null when the model or its tokens are unknown. */
export function estimateCost(
	model: string | null,
	provider: string | null,
	tokens: TokenCounts,
	startMs: number | undefined,
): number | null {
	if (model === null) return null;
	const usd = estimateCostUsd({
		model,
		provider: provider ?? undefined,
		inputTokens: tokens.input ?? undefined,
		outputTokens: tokens.output ?? undefined,
		cacheReadTokens: tokens.cacheRead ?? undefined,
		cacheWriteTokens: tokens.cacheWrite ?? undefined,
		reasoningTokens: tokens.reasoning ?? undefined,
		atMs: startMs,
	});
	return usd ?? null;
}

/** The wire object, unless its members have columns. */
function wireText(kind: SpanKindInput, isCustom: boolean, cost: number | null): string | null {
	const wire: Record<string, unknown> = {};
	let isInColumns = true;
	for (const [key, value] of Object.entries(kind)) {
		if (value === null || value === undefined || (isCustom && key === "attributes")) continue;
		// Last, as the one that is estimated: then both read alike.
		if (key === "cost") continue;
		wire[key] = value;
		if (COLUMN_MEMBERS.has(key) || (isCustom && key === "kind")) continue;
		if (key === "usage_scope" && value === "subtree") continue;
		isInColumns = false;
	}
	if (isInColumns) return null;
	if (isCustom) wire.kind ??= "custom";
	if (cost !== null) wire.cost = cost;
	return writeJson(wire, "kind");
}

function serviceOf(attributes: Readonly<Record<string, unknown>>): string | null {
	for (const name of SERVICE_ATTRIBUTES) {
		const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
		if (typeof value === "string") return value.toWellFormed();
	}
	return null;
}
