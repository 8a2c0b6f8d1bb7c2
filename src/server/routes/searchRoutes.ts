import { HttpError } from "../errors.ts";
import { jsonText } from "../http/respond.ts";
import { checkId } from "../http/validation.ts";
import { type App, queryOf, type Services } from "../services.ts";
import { MAX_SEARCH_LENGTH } from "./spanFilter.ts";

/** Ids in one page. */
const HITS_PER_PAGE = 5000;

/**
 * `GET /api/traces/:id/search`: ids of the spans of a trace that hold a text, in pages. A trace that is not there has none, so
 * that 404 says one thing only: a server without this search.
 */
export function addSearchRoutes(app: App, { reader, traceSearch }: Services): void {
	app.get("/api/traces/:id/search", async (context) => {
		const id = checkId(context.req.param("id"), "trace");
		const parameters = queryOf(context);
		const text = (parameters.get("text") ?? "").toWellFormed();
		if (text === "") throw invalid("text", "is missing; name what to look for");
		if (text.length > MAX_SEARCH_LENGTH) throw invalid("text", `must be at most ${MAX_SEARCH_LENGTH} characters`);
		const caseText = parameters.get("case") || "ignore";
		if (caseText !== "ignore" && caseText !== "match") throw invalid("case", "must be ignore or match");
		const cursor = parameters.get("cursor") || "0";
		if (!/^\d{1,15}$/.test(cursor))
			throw new HttpError(400, "invalid_cursor", "cursor: is not one that this server gave");
		const trace = reader.trace(id);
		if (trace === undefined) return jsonText('{"span_ids":[],"next_cursor":null}');
		const { spanIds, next } = await traceSearch.page(
			{
				traceRef: trace.ref,
				text,
				isCaseSensitive: caseText === "match",
				after: Number(cursor),
				limit: HITS_PER_PAGE,
			},
			() => context.env.outgoing.destroyed,
		);
		return jsonText(JSON.stringify({ span_ids: spanIds, next_cursor: next === undefined ? null : String(next) }));
	});
}

function invalid(name: string, why: string): HttpError {
	return new HttpError(400, "invalid_query", `query parameter ${name}: ${why}`);
}
