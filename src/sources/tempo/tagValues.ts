import type { QueryValues } from "../../model/queryComplete.ts";
import { attributesOfField } from "../../otlp/conventions.ts";
import { asObject } from "../wire.ts";
import type { TempoClient } from "./tempoClient.ts";
import type { SearchWindow } from "./windows.ts";

/** Keys of the query language, and the attributes under which Tempo knows their values. */
const TAGS: Readonly<Record<string, readonly string[]>> = {
	model: attributesOfField("model").map((name) => `span.${name}`),
	provider: attributesOfField("provider").map((name) => `span.${name}`),
	service: ["resource.service.name"],
	session: attributesOfField("session").map((name) => `span.${name}`),
};
/** Tags of one key that are asked for; programs of one place use one or two. */
const MAX_TAGS = 3;

/**
 * What may stand behind the keys of a filter, as far as the spans of a range have it: of the tags that Tempo has seen those that
 * spans are read by here, and their values, the most usual name first. Few requests, one after the other: this is an extra.
 */
export async function loadTagValues(
	client: TempoClient,
	window: SearchWindow,
	signal: AbortSignal,
): Promise<QueryValues> {
	const known = await client.tags(window, signal);
	const values: Record<string, readonly string[]> = {};
	for (const [key, tags] of Object.entries(TAGS)) {
		const found = new Set<string>();
		for (const tag of tags.filter((name) => known.has(name)).slice(0, MAX_TAGS)) {
			for (const value of await client.tagValues(tag, window, signal)) found.add(value);
		}
		if (found.size > 0) values[key] = [...found];
	}
	return values;
}

/** Names of `/api/v2/search/tags` with their scope, as TraceQL spells them; empty for any other answer. */
export function decodeTags(value: unknown): ReadonlySet<string> {
	const tags = new Set<string>();
	const scopes = asObject(value)?.scopes;
	for (const entry of Array.isArray(scopes) ? (scopes as unknown[]) : []) {
		const scope = asObject(entry);
		if (!Array.isArray(scope?.tags)) continue;
		for (const tag of scope.tags as unknown[]) if (typeof tag === "string") tags.add(`${String(scope.name)}.${tag}`);
	}
	return tags;
}

const MAX_VALUE_CHARS = 200;

/** Texts of `/api/v2/search/tag/…/values`; values of other types are left out, as nobody filters by them here. */
export function decodeTagValues(value: unknown): readonly string[] {
	const values = asObject(value)?.tagValues;
	if (!Array.isArray(values)) return [];
	return (values as unknown[]).flatMap((entry) => {
		const { type, value: text } = asObject(entry) ?? {};
		return type === "string" && typeof text === "string" && text !== "" && text.length <= MAX_VALUE_CHARS ? [text] : [];
	});
}
