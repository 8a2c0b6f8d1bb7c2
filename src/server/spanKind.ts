import { estimateCostUsd, PRICED_KIND_TYPE } from "../model/prices.ts";
import type { SpanKindInput } from "../protocol/rest.ts";
import { HttpError } from "./errors.ts";

/** A span's kind, taken apart for the tables. */
export interface SpanKindRecord {
	/** Discriminator on the wire. */
	readonly type: string;
	/** The word that `?kind=` also matches: the inner kind of a custom span, else the type. */
	readonly name: string;
	readonly model: string | null;
	readonly provider: string | null;
	/** File of `fs_read` and `fs_write`. */
	readonly path: string | null;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	/** US dollars, the caller's or estimated. */
	readonly cost: number | null;
	/** The wire object as compact JSON, of a custom span without its attributes unless there are none. */
	readonly kindJson: string;
	readonly attributesJson: string | null;
	/** The attributes that name the service, which skeletons keep. */
	readonly serviceJson: string | null;
}

/** What a span without a kind is: SDKs leave it out for spans that are no model calls. */
export const DEFAULT_KIND: SpanKindRecord = {
	type: "custom",
	name: "custom",
	model: null,
	provider: null,
	path: null,
	inputTokens: null,
	outputTokens: null,
	cost: null,
	kindJson: '{"type":"custom","kind":"custom","attributes":{}}',
	attributesJson: null,
	serviceJson: null,
};

const SERVICE_ATTRIBUTES = ["service.name", "resource.service.name"] as const;

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
	const model = kind.model ?? undefined;
	const inputTokens = kind.input_tokens ?? undefined;
	const outputTokens = kind.output_tokens ?? undefined;
	const given = kind.cost ?? undefined;
	const cost =
		given ??
		(kind.type === PRICED_KIND_TYPE
			? estimateCostUsd({
					model,
					provider: kind.provider ?? undefined,
					inputTokens,
					outputTokens,
					cacheReadTokens: kind.cache_read_tokens ?? undefined,
					cacheWriteTokens: kind.cache_write_tokens ?? undefined,
					reasoningTokens: kind.reasoning_tokens ?? undefined,
					atMs: startMs,
				})
			: undefined);
	const wire: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(kind)) {
		if (value === null || (isCustom && key === "attributes")) continue;
		wire[key] = value;
	}
	if (cost !== undefined) wire.cost = cost;
	const ownAttributes = isCustom && attributesJson !== "{}" ? (attributesJson ?? null) : null;
	if (isCustom) {
		wire.kind ??= "custom";
		// A row less to write and to read.
		if (ownAttributes === null) wire.attributes = {};
	}
	return {
		type: kind.type.toWellFormed(),
		name: (isCustom ? (kind.kind ?? "custom") : kind.type).toWellFormed(),
		model: model?.toWellFormed() ?? null,
		provider: kind.provider?.toWellFormed() ?? null,
		path: kind.path?.toWellFormed() ?? null,
		inputTokens: inputTokens ?? null,
		outputTokens: outputTokens ?? null,
		cost: cost ?? null,
		kindJson: stringify(wire),
		attributesJson: ownAttributes,
		serviceJson: isCustom ? serviceText(kind.attributes ?? {}) : null,
	};
}

function stringify(value: unknown): string {
	try {
		return JSON.stringify(value);
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		throw new HttpError(422, "invalid_body", "kind: is nested too deeply");
	}
}

function serviceText(attributes: Readonly<Record<string, unknown>>): string | null {
	let members: Record<string, string> | undefined;
	for (const name of SERVICE_ATTRIBUTES) {
		const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
		if (typeof value === "string") members = { ...members, [name]: value };
	}
	return members === undefined ? null : JSON.stringify(members);
}
