import { parseTimestamp } from "../../base/timestamp.ts";
import { HttpError } from "../errors.ts";
import { jsonText, pageText } from "../http/respond.ts";
import { type App, queryOf, type Services } from "../services.ts";
import { SESSION_SORTS, type SessionPlace, type SessionSort } from "../storage/sessionList.ts";
import { parseLimit } from "./spanFilter.ts";

/** Longest search text in UTF-16 units. */
const MAX_SEARCH_LENGTH = 4000;

/** Routes under `/api/sessions`. */
export function addSessionRoutes(app: App, { store, sessions }: Services): void {
	app.get("/api/sessions", async (context) => {
		const query = queryOf(context);
		const sort = parseSort(query);
		const cursor = query.get("cursor") || undefined;
		const search = query.get("search") || undefined;
		if (search !== undefined && search.length > MAX_SEARCH_LENGTH) {
			throw invalid("search", `must be at most ${MAX_SEARCH_LENGTH} characters`);
		}
		const sinceMs = parseSince(query);
		const after = cursor === undefined ? undefined : decodeCursor(cursor, sort);
		const limit = parseLimit(query);
		await store.columns.ready;
		await store.settleUsage();
		const page = await sessions.page({ sort, search: search?.toWellFormed().toLowerCase(), sinceMs, after, limit });
		const items = page.sessions.map((session) => JSON.stringify(session));
		return jsonText(
			pageText("sessions", items, page.total, page.next === undefined ? null : encodeCursor(page.next, sort)),
		);
	});

	app.get("/api/sessions/:id", async (context) => {
		await store.columns.ready;
		await store.settleUsage();
		const detail = await sessions.detail(context.req.param("id"));
		if (detail === undefined) throw new HttpError(404, "not_found", "session id: there is no such session");
		return jsonText(JSON.stringify(detail));
	});
}

function parseSort(query: URLSearchParams): SessionSort {
	const word = query.get("sort_by") || "recent";
	const sort = SESSION_SORTS.find((known) => known === word);
	if (sort === undefined) throw invalid("sort_by", `must be one of ${SESSION_SORTS.join(", ")}`);
	return sort;
}

function parseSince(query: URLSearchParams): number | undefined {
	const text = query.get("since") || undefined;
	if (text === undefined) return undefined;
	const time = parseTimestamp(text);
	if (time === undefined) throw invalid("since", "must be a time like 2026-03-06T09:00:00Z");
	return time.ms + time.subNs / 1e6;
}

function encodeCursor({ value, id }: SessionPlace, sort: SessionSort): string {
	return Buffer.from(JSON.stringify(["sessions", sort, value, id])).toString("base64url");
}

function decodeCursor(text: string, sort: SessionSort): SessionPlace {
	const fail = (why: string) => new HttpError(400, "invalid_cursor", `cursor: ${why}`);
	let parts: unknown;
	try {
		parts = text.length > 8192 ? undefined : JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
	}
	if (!Array.isArray(parts) || parts[0] !== "sessions") throw fail("is not one that this server gave");
	const [, ownSort, value, id] = parts as unknown[];
	if (ownSort !== sort) throw fail("belongs to another list or sort order; start again without it");
	if (typeof value !== "number" || typeof id !== "string") throw fail("is not one that this server gave");
	return { value, id };
}

function invalid(name: string, why: string): HttpError {
	return new HttpError(400, "invalid_query", `query parameter ${name}: ${why}`);
}
