import { parseTimestamp } from "../../base/timestamp.ts";
import { SPAN_STATES } from "../../model/span.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../../protocol/rest.ts";
import { HttpError } from "../errors.ts";
import type { ColumnCondition } from "../storage/filterColumns.ts";
import type { TextCondition } from "../storage/searchIndex.ts";
import type { Place, SortKey, SpanQuery } from "../storage/spanList.ts";

/** Sort words of `GET /api/spans`. Unknown numbers count as 0, of names the first 200 characters. */
const SORT_KEYS: Readonly<Record<string, SortKey>> = {
	started_at: "start",
	duration: "durationMs",
	tokens: "tokens",
	cost: "costUsd",
	name: "name",
};

/** Longest search text in UTF-16 units. */
export const MAX_SEARCH_LENGTH = 4000;

/** Where a list goes on: the sort that it belongs to, the place, and the total that was counted for the first page. */
interface Cursor {
	readonly sort: string;
	readonly place: Place;
	readonly total: number;
}

export interface ParsedSpanQuery {
	readonly query: SpanQuery;
	cursorFor(place: Place, total: number): string;
}

/**
 * Reads the query of `GET /api/spans`. An empty value is as good as none, unknown names are ignored, of a repeated name the
 * first counts. Times and numbers bound inclusively. `kind` matches the type or a custom span's inner word; text filters
 * ignore case (other letters than A–Z too) and look at JSON text as it is stored: compact, without escapes for letters.
 *
 * @throws HttpError 400 that names the parameter.
 */
export function parseSpanQuery(parameters: URLSearchParams): ParsedSpanQuery {
	const text = (name: string) => parameters.get(name) || undefined;
	const conditions: ColumnCondition[] = [];
	const texts: TextCondition[] = [];
	const needleOf = (name: string) => {
		const wanted = text(name);
		if (wanted === undefined || wanted.length <= MAX_SEARCH_LENGTH) return wanted?.toWellFormed();
		throw invalid(name, `must be at most ${MAX_SEARCH_LENGTH} characters`);
	};

	const traceId = text("trace_id");
	const kind = text("kind");
	if (kind !== undefined) conditions.push({ on: "kind", word: kind });
	for (const column of ["model", "provider"] as const) {
		const wanted = text(column);
		if (wanted !== undefined) conditions.push({ on: "word", column, equals: wanted });
	}
	const status = text("status");
	if (status !== undefined) {
		const code = (SPAN_STATES as readonly string[]).indexOf(status);
		if (code < 0) throw invalid("status", "must be running, completed or failed");
		conditions.push({ on: "status", code });
	}
	for (const [name, relation] of [
		["since", ">="],
		["until", "<="],
	] as const) {
		const wanted = text(name);
		if (wanted === undefined) continue;
		const time = parseTimestamp(wanted);
		if (time === undefined) throw invalid(name, "must be a time like 2026-03-06T09:00:00Z");
		conditions.push({ on: "start", relation, ...time });
	}
	for (const [name, column] of [
		["name_contains", "name"],
		["path", "path"],
	] as const) {
		const wanted = needleOf(name);
		if (wanted !== undefined) conditions.push({ on: "contains", column, lowerCase: wanted.toLowerCase() });
	}
	for (const [name, isNameSearched, columns] of [
		["input_contains", false, ["input"]],
		["output_contains", false, ["output"]],
		["text_contains", true, ["input", "output"]],
	] as const) {
		const wanted = needleOf(name);
		if (wanted === undefined) continue;
		// In JSON text a quote is written \": a search for it means either spelling.
		const spellings = new Set([wanted, JSON.stringify(wanted).slice(1, -1)].map((spelling) => spelling.toLowerCase()));
		texts.push({ columns, needles: [...spellings], nameNeedle: isNameSearched ? wanted.toLowerCase() : undefined });
	}
	for (const [name, column, relation, unknownIs0] of [
		["duration_min", "durationMs", ">=", false],
		["duration_max", "durationMs", "<=", false],
		["tokens_min", "tokens", ">=", true],
		["cost_min", "costUsd", ">=", true],
	] as const) {
		const wanted = text(name);
		if (wanted === undefined) continue;
		const bound = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(wanted) ? Number(wanted) : Number.NaN;
		if (!Number.isFinite(bound)) throw invalid(name, "must be a number");
		conditions.push({ on: "number", column, relation, bound, unknownIs0 });
	}

	const sortBy = text("sort_by") ?? "started_at";
	if (!Object.hasOwn(SORT_KEYS, sortBy))
		throw invalid("sort_by", `must be one of ${Object.keys(SORT_KEYS).join(", ")}`);
	const sortOrder = text("sort_order") ?? "desc";
	if (sortOrder !== "asc" && sortOrder !== "desc") throw invalid("sort_order", "must be asc or desc");
	const sort = `${sortBy} ${sortOrder}`;
	const cursorText = text("cursor");
	const sortKey = SORT_KEYS[sortBy];
	const placeValues = sortKey === "start" ? 2 : sortKey === "name" ? 0 : 1;
	const cursor = cursorText === undefined ? undefined : decodeCursor(cursorText, sort, placeValues);
	return {
		query: {
			traceId,
			conditions,
			texts,
			sortKey,
			isDescending: sortOrder === "desc",
			after: cursor?.place,
			limit: parseLimit(parameters),
			isSkeleton: parseFields(parameters) === "skeleton",
			knownTotal: cursor?.total,
		},
		cursorFor: (place, total) => encodeCursor({ sort, place, total }),
	};
}

/** `limit`: whole number from 1 on, 50 by default, cut down to 1000. */
export function parseLimit(parameters: URLSearchParams): number {
	const text = parameters.get("limit") || undefined;
	if (text === undefined) return DEFAULT_PAGE_SIZE;
	const limit = /^\d+$/.test(text) ? Number(text) : 0;
	if (limit < 1) throw invalid("limit", "must be a whole number from 1 on");
	return Math.min(limit, MAX_PAGE_SIZE);
}

/** `fields`: `skeleton` leaves out input, output and a custom span's attributes; nothing asks for everything. */
export function parseFields(parameters: URLSearchParams): "skeleton" | "all" {
	const fields = parameters.get("fields") || undefined;
	if (fields === undefined || fields === "all") return "all";
	if (fields !== "skeleton") throw invalid("fields", "must be skeleton or all");
	return "skeleton";
}

/** Sort of the list of traces, which has only one. */
const TRACE_SORT = "traces";

export function parseTraceCursor(
	parameters: URLSearchParams,
): { readonly place: Place; readonly total: number } | undefined {
	const text = parameters.get("cursor") || undefined;
	return text === undefined ? undefined : decodeCursor(text, TRACE_SORT, 2);
}

export function traceCursor(place: Place, total: number): string {
	return encodeCursor({ sort: TRACE_SORT, place, total });
}

function encodeCursor({ sort, place, total }: Cursor): string {
	return Buffer.from(JSON.stringify([1, sort, total, place.seq, ...place.values])).toString("base64url");
}

/** `numbers` is how many sort values there must be, all of them numbers; 0 stands for one text. */
function decodeCursor(text: string, sort: string, numbers: number): Cursor {
	const fail = (why: string) => new HttpError(400, "invalid_cursor", `cursor: ${why}`);
	if (text.length > 8192 || !/^[\w-]+$/.test(text)) throw fail("is not one that this server gave");
	let parts: unknown;
	try {
		parts = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
	} catch {
		throw fail("is not one that this server gave");
	}
	if (!Array.isArray(parts) || parts[0] !== 1) throw fail("is not one that this server gave");
	const [, ownSort, total, seq, ...values] = parts as unknown[];
	if (ownSort !== sort) throw fail("belongs to another list or sort order; start again without it");
	const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
	const fits =
		numbers === 0
			? values.length === 1 && typeof values[0] === "string"
			: values.length === numbers && values.every(isNumber);
	if (!fits || !isNumber(total) || !isNumber(seq)) throw fail("is not one that this server gave");
	return { sort, total: total as number, place: { values: values as (number | string)[], seq: seq as number } };
}

function invalid(name: string, why: string): HttpError {
	return new HttpError(400, "invalid_query", `query parameter ${name}: ${why}`);
}
