import { SourceError, type TextSearch } from "../source.ts";
import { asObject, decodeId, type JsonObject } from "../wire.ts";
import type { TracewayClient } from "./client.ts";
import { decodePage } from "./decode.ts";

/** Most spans that one search looks at. */
const MAX_PAGES = 20;
const PAGE = 1000;

/**
 * Ids of traces with a span that contains every given text, newest first up to 20,000 spans. Servers that ignore the search
 * parameters answer with everything, so that what comes with its payload is looked at again here.
 */
export async function findTraces(
	client: TracewayClient,
	search: TextSearch,
	signal: AbortSignal,
): Promise<ReadonlySet<string>> {
	const found = new Set<string>();
	let cursor: string | undefined;
	for (let page = 0; page < MAX_PAGES; page++) {
		const { value } = await client.get("/spans", {
			query: {
				text_contains: search.text,
				input_contains: search.input,
				output_contains: search.output,
				fields: "skeleton",
				limit: PAGE,
				cursor,
			},
			signal,
		});
		const list = decodePage(value, "spans");
		if (list === undefined) throw new SourceError("protocol", "GET /spans: the answer holds no list of spans");
		for (const item of list.items) {
			const span = asObject(item);
			const traceId = decodeId(span?.trace_id);
			if (span === undefined || traceId === undefined || found.has(traceId)) continue;
			if (!client.isBare || contains(span, search)) found.add(traceId);
		}
		if (list.nextCursor === undefined || list.nextCursor === cursor) break;
		cursor = list.nextCursor;
	}
	return found;
}

function contains(span: JsonObject, search: TextSearch): boolean {
	const [name, input, output] = payloadTexts(span);
	const has = (text: string, wanted: string | undefined) =>
		wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase());
	return has(`${name}\n${input}\n${output}`, search.text) && has(input, search.input) && has(output, search.output);
}

/** Name, input and output of a span of the wire; empty for what it does not have. */
export function payloadTexts(span: JsonObject): readonly [name: string, input: string, output: string] {
	const name = typeof span.name === "string" ? span.name : "";
	return [name, jsonText(span.input), jsonText(span.output)];
}

function jsonText(value: unknown): string {
	if (value === undefined) return "";
	return typeof value === "string" ? value : JSON.stringify(value);
}
