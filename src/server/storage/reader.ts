import type { Database, SqlValue, Statement } from "./database.ts";
import { TRACE_COLUMNS, type TraceEntry } from "./traceTable.ts";
import type { SpanRow, TraceRow } from "./wireText.ts";

const COMMON_COLUMNS = `s.seq, s.id, t.id AS traceId, s.parent_id AS parentId, s.name, s.status, s.error,
	s.start_ms AS startMs, s.start_sub AS startSub, s.end_ms AS endMs, s.end_sub AS endSub, s.duration_ms AS durationMs,
	s.input_tokens AS inputTokens, s.output_tokens AS outputTokens, s.cost, s.kind AS kindJson,
	s.metadata AS metadataJson`;

/** Everything of a span, named as in `SpanRow`; from `SPAN_TABLES`. */
export const SPAN_COLUMNS = `${COMMON_COLUMNS}, p.input AS inputJson, p.output AS outputJson, p.attributes AS attributesJson`;
const SKELETON_JOINS = "JOIN traces t ON t.ref = s.trace";
const SPAN_JOINS = `${SKELETON_JOINS} LEFT JOIN payloads p ON p.seq = s.seq`;
export const SPAN_TABLES = `spans s ${SPAN_JOINS}`;

/** Spans of one trace by their start: CROSS keeps SQLite from turning the order of the loops around. */
const TRACE_INDEX = "trace_spans x CROSS JOIN spans s ON s.seq = x.seq";

/** A span without what only its details show; reads no payload. */
const SKELETON_COLUMNS = `${COMMON_COLUMNS}, NULL AS inputJson, NULL AS outputJson, s.service AS attributesJson`;

/** A place in a list: the sort values of its last row, without the row number that settles ties. */
export interface Place {
	readonly values: readonly (number | string)[];
	readonly seq: number;
}

/** A query over spans: what must hold, in which order, from where on. Columns are those of `s` and `p`. */
export interface SpanQuery {
	/** Only spans of this trace. */
	readonly traceId: string | undefined;
	/** SQL conditions, all of which must hold, with a `?` for each of `parameters`. */
	readonly conditions: readonly string[];
	readonly parameters: readonly SqlValue[];
	/** True when a condition reads the payload. */
	readonly readsPayload: boolean;
	/** SQL expressions to sort by, before the row number; undefined is by start. */
	readonly sortKeys: readonly string[] | undefined;
	readonly isDescending: boolean;
	readonly after: Place | undefined;
	readonly limit: number;
	readonly isSkeleton: boolean;
}

export interface SpanPageRows {
	readonly rows: readonly SpanRow[];
	/** Place of the last row, or undefined when nothing follows it. */
	readonly next: Place | undefined;
}

/** The reading half of the store. Sees what is committed; answers at once. Before reading by trace, `Store.indexSpans`. */
export class Reader {
	readonly #database: Database;
	readonly #span: Statement;
	readonly #trace: Statement;
	readonly #tracePage: Statement;
	readonly #traceSpans: Readonly<Record<"full" | "skeleton", Statement>>;
	/** Statements of span queries by their SQL; filters come in few combinations. */
	readonly #prepared = new Map<string, Statement>();

	constructor(database: Database) {
		this.#database = database;
		this.#span = database.prepare(
			`SELECT ${SPAN_COLUMNS} FROM ${SPAN_TABLES} WHERE s.id = ? ORDER BY s.seq DESC LIMIT 1`,
		);
		this.#trace = database.prepare(`SELECT ${TRACE_COLUMNS} FROM traces WHERE id = ?`);
		this.#tracePage = database.prepare(
			`SELECT ${TRACE_COLUMNS} FROM traces WHERE (start_ms, start_sub, ref) < (?, ?, ?)
			ORDER BY start_ms DESC, start_sub DESC, ref DESC LIMIT ?`,
		);
		const traceSpans = (columns: string, tables: string) =>
			database.prepare(
				`SELECT ${columns} FROM ${TRACE_INDEX} ${tables}
				WHERE x.trace = ? AND (x.start_ms, x.start_sub, x.seq) > (?, ?, ?)
				ORDER BY x.start_ms, x.start_sub, x.seq LIMIT ?`,
			);
		this.#traceSpans = {
			full: traceSpans(SPAN_COLUMNS, SPAN_JOINS),
			skeleton: traceSpans(SKELETON_COLUMNS, SKELETON_JOINS),
		};
	}

	/** The span of this id; the newest one when traces share it. */
	span(id: string): SpanRow | undefined {
		return this.#span.get(id) as unknown as SpanRow | undefined;
	}

	trace(id: string): TraceEntry | undefined {
		return this.#trace.get(id) as unknown as TraceEntry | undefined;
	}

	/** Traces by start, newest first. */
	traces(
		after: Place | undefined,
		limit: number,
	): { readonly rows: readonly TraceRow[]; readonly next: Place | undefined } {
		const [ms, sub] = after?.values ?? [Number.MAX_SAFE_INTEGER, 0];
		const found = this.#tracePage.all(ms, sub, after?.seq ?? 0, limit + 1) as unknown as TraceEntry[];
		const rows = found.slice(0, limit);
		const last = rows.at(-1);
		const hasMore = found.length > limit && last !== undefined;
		return { rows, next: hasMore ? { values: [last.startMs, last.startSub], seq: last.ref } : undefined };
	}

	/** Spans of a trace by start, oldest first, behind a place; at most `limit`. */
	traceSpans(ref: number, after: Place | undefined, limit: number, isSkeleton: boolean): readonly SpanRow[] {
		const [ms, sub] = after?.values ?? [Number.MIN_SAFE_INTEGER, 0];
		const statement = this.#traceSpans[isSkeleton ? "skeleton" : "full"];
		return statement.all(ref, ms, sub, after?.seq ?? 0, limit) as unknown as SpanRow[];
	}

	spans(query: SpanQuery): SpanPageRows {
		const { isDescending, after, limit } = query;
		const { from, conditions, parameters } = scopeOf(query);
		const sortKeys = query.sortKeys ?? (query.traceId === undefined ? STARTS : TRACE_STARTS);
		const keys = [...sortKeys, query.traceId === undefined ? "s.seq" : "x.seq"];
		if (after !== undefined) {
			const marks = keys.map(() => "?").join(", ");
			conditions.push(`(${keys.join(", ")}) ${isDescending ? "<" : ">"} (${marks})`);
			parameters.push(...after.values, after.seq);
		}
		const columns = query.isSkeleton ? SKELETON_COLUMNS : SPAN_COLUMNS;
		const joins = query.isSkeleton && !query.readsPayload ? SKELETON_JOINS : SPAN_JOINS;
		const order = keys.map((key) => (isDescending ? `${key} DESC` : key)).join(", ");
		const sortColumns = sortKeys.map((key, index) => `, ${key} AS key${index}`).join("");
		const found = this.#prepare(
			`SELECT ${columns}${sortColumns} FROM ${from} ${joins} ${where(conditions)} ORDER BY ${order} LIMIT ?`,
		).all(...parameters, limit + 1) as unknown as (SpanRow & Record<string, number | string>)[];
		const rows = found.slice(0, limit);
		const last = rows.at(-1);
		if (found.length <= limit || last === undefined) return { rows, next: undefined };
		return { rows, next: { values: sortKeys.map((_, index) => last[`key${index}`]), seq: last.seq } };
	}

	/** Number of spans that meet the conditions. */
	countSpans(query: SpanQuery): number {
		const { from, conditions, parameters } = scopeOf(query);
		const joins = query.readsPayload ? SPAN_JOINS : "";
		const row = this.#prepare(`SELECT count(*) AS n FROM ${from} ${joins} ${where(conditions)}`).get(...parameters);
		return Number(row?.n);
	}

	#prepare(sql: string): Statement {
		let statement = this.#prepared.get(sql);
		if (statement === undefined) {
			if (this.#prepared.size >= 200) this.#prepared.clear();
			statement = this.#database.prepare(sql);
			this.#prepared.set(sql, statement);
		}
		return statement;
	}
}

const STARTS = ["s.start_ms", "s.start_sub"];
const TRACE_STARTS = ["x.start_ms", "x.start_sub"];

/** The spans that a query looks at, and what must hold of them. */
function scopeOf(query: SpanQuery): { from: string; conditions: string[]; parameters: SqlValue[] } {
	const { traceId } = query;
	if (traceId === undefined) {
		return { from: "spans s", conditions: [...query.conditions], parameters: [...query.parameters] };
	}
	return {
		from: TRACE_INDEX,
		conditions: ["x.trace = (SELECT ref FROM traces WHERE id = ?)", ...query.conditions],
		parameters: [traceId, ...query.parameters],
	};
}

function where(conditions: readonly string[]): string {
	return conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
}
