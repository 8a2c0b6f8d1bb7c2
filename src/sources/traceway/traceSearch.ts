import { SourceError, type TraceHits, type TraceTextSearch } from "../source.ts";
import { asObject, decodeId } from "../wire.ts";
import { pathOf, type TracewayClient } from "./client.ts";
import { decodePage } from "./decode.ts";
import { payloadTexts } from "./textSearch.ts";

/** A server that never comes to an end is left. */
const MAX_PAGES = 10_000;

/** Spans come with their payloads from servers that have no search of ours: small pages, and not without end. */
const LIST_PAGE = 200;
const MAX_LIST_PAGES = 100;

/**
 * The spans of a trace that hold a text, as the server finds them: by the search of our own server, else by the list of spans,
 * which looks at name, input and output (20,000 hits at most).
 *
 * @throws SourceError `unsupported` when the server has neither.
 */
export async function* findSpans(
	client: TracewayClient,
	traceId: string,
	search: TraceTextSearch,
	signal: AbortSignal,
): AsyncGenerator<TraceHits> {
	let cursor: string | undefined;
	for (let page = 0; page < MAX_PAGES; page++) {
		const query = { text: search.text, case: search.isCaseSensitive ? "match" : undefined, cursor };
		const answer = asObject(await getPage(client, `${pathOf("traces", traceId)}/search`, query, signal));
		if (!Array.isArray(answer?.span_ids)) {
			yield* findInList(client, traceId, search, signal);
			return;
		}
		yield { spanIds: answer.span_ids.map((id) => decodeId(id)).filter((id) => id !== undefined), isEverywhere: true };
		const next = answer.next_cursor;
		if (typeof next !== "string" || next === cursor) return;
		cursor = next;
	}
}

/** Undefined when the server has no such path: some say so by 404, some by a page for people. */
async function getPage(
	client: TracewayClient,
	path: string,
	query: Readonly<Record<string, string | undefined>>,
	signal: AbortSignal,
): Promise<unknown> {
	try {
		return (await client.get(path, { query, signal })).value;
	} catch (error) {
		if (error instanceof SourceError && ["notFound", "gone", "contentType"].includes(error.reason)) return undefined;
		throw error;
	}
}

/** Servers that ignore `text_contains` answer with everything: what comes is looked at again. */
async function* findInList(
	client: TracewayClient,
	traceId: string,
	{ text, isCaseSensitive }: TraceTextSearch,
	signal: AbortSignal,
): AsyncGenerator<TraceHits> {
	const unsupported = () => new SourceError("unsupported", "this server cannot search in the texts of a trace");
	// It would send every payload of the trace.
	if (client.isBare) throw unsupported();
	const fold = (value: string) => (isCaseSensitive ? value : value.toLowerCase());
	const needles = [text, JSON.stringify(text).slice(1, -1)].map(fold);
	let cursor: string | undefined;
	for (let page = 0; page < MAX_LIST_PAGES; page++) {
		const query = { trace_id: traceId, text_contains: text, limit: String(LIST_PAGE), cursor };
		const list = decodePage(await getPage(client, "/spans", query, signal), "spans");
		if (list === undefined) throw unsupported();
		const spanIds = list.items.flatMap((item) => {
			const span = asObject(item);
			const id = decodeId(span?.id);
			if (span === undefined || id === undefined || span.trace_id !== traceId) return [];
			const isHit = payloadTexts(span).some((part) => needles.some((needle) => fold(part).includes(needle)));
			return isHit ? [id] : [];
		});
		yield { spanIds, isEverywhere: false };
		if (list.nextCursor === undefined || list.nextCursor === cursor) return;
		cursor = list.nextCursor;
	}
}
