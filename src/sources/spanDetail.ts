import type { SpanDetail, SpanInput } from "../model/span.ts";
import { TraceStore } from "../model/traceStore.ts";
import { asObject, type JsonObject } from "./wire.ts";

/**
 * One span for the details, as the store sums it up and with everything that its backend has of it. Brings what is new of it into
 * the store. Undefined for a span that cannot be shown.
 *
 * @param raw the span in the shape of Traceway's REST API (`WireSpan`).
 */
export function spanDetail(
	store: TraceStore,
	span: SpanInput & { readonly traceId: string },
	raw: JsonObject,
): SpanDetail | undefined {
	store.asHistory(() => store.upsertSpan(span));
	let summary = store.span(span.traceId, span.spanId);
	if (summary === undefined) {
		// Deleted here meanwhile, or kept out by the bound: shown all the same.
		const alone = new TraceStore();
		alone.upsertSpan(span);
		summary = alone.span(span.traceId, span.spanId);
		alone.dispose();
	}
	if (summary === undefined) return undefined;
	return { summary, raw, input: raw.input, output: raw.output, attributes: attributesOf(raw) };
}

/** What a kind says beyond its type, the attributes of kind, span and resource, and the documents' metadata, in one list. */
function attributesOf(raw: JsonObject): JsonObject {
	const { type: _type, kind: _kind, attributes, ...rest } = asObject(raw.kind) ?? {};
	const metadata = Object.entries(asObject(raw.metadata) ?? {}).map(([key, value]) => [`metadata.${key}`, value]);
	const resource = Object.entries(asObject(asObject(raw.resource)?.attributes) ?? {});
	return {
		...rest,
		...asObject(attributes),
		...asObject(raw.attributes),
		...Object.fromEntries(resource.map(([key, value]) => [`resource.${key}`, value])),
		...Object.fromEntries(metadata),
	};
}
