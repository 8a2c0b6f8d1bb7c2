import { SourceError, type TraceTextSearch } from "../source.ts";
import { pathOf, type TracewayClient } from "./client.ts";
import { asObject, decodeId } from "./decode.ts";

/** A server that never comes to an end is left. */
const MAX_PAGES = 10_000;

/**
 * Ids of the spans of a trace that hold a text, as the server finds them. Only our own server has such a search.
 *
 * @throws SourceError `unsupported` when the server has none.
 */
export async function* findSpans(
	client: TracewayClient,
	traceId: string,
	search: TraceTextSearch,
	signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
	let cursor: string | undefined;
	for (let page = 0; page < MAX_PAGES; page++) {
		const query = { text: search.text, case: search.isCaseSensitive ? "match" : undefined, cursor };
		const answer = asObject(await getPage(client, `${pathOf("traces", traceId)}/search`, query, signal));
		if (!Array.isArray(answer?.span_ids)) throw unsupported();
		yield answer.span_ids.map((id) => decodeId(id)).filter((id) => id !== undefined);
		const next = answer.next_cursor;
		if (typeof next !== "string" || next === cursor) return;
		cursor = next;
	}
}

async function getPage(
	client: TracewayClient,
	path: string,
	query: Readonly<Record<string, string | undefined>>,
	signal: AbortSignal,
): Promise<unknown> {
	try {
		return (await client.get(path, { query, signal })).value;
	} catch (error) {
		// No such path; or, on the first page that a server gives for every unknown one, no JSON.
		if (error instanceof SourceError && ["notFound", "gone", "contentType"].includes(error.reason)) {
			throw unsupported(error);
		}
		throw error;
	}
}

function unsupported(cause?: unknown): SourceError {
	return new SourceError("unsupported", "this server cannot search in the texts of a trace", { cause });
}
