import type { Database, Statement } from "./database.ts";
import type { Place } from "./spanList.ts";
import { TRACE_COLUMNS, type TraceEntry } from "./traceTable.ts";
import { rowSize, type SpanRow, type TraceRow } from "./wireText.ts";

const COMMON_COLUMNS = `s.seq, s.id, t.id AS traceId, s.parent_id AS parentId, s.name, s.status, s.error,
	s.start_ms AS startMs, s.start_sub AS startSub, s.end_ms AS endMs, s.end_sub AS endSub, s.duration_ms AS durationMs,
	s.input_tokens AS inputTokens, s.output_tokens AS outputTokens, s.cost, s.kind AS kindJson,
	s.metadata AS metadataJson`;

/** Everything of a span, named as in `SpanRow`; from `SPAN_TABLES`. */
export const SPAN_COLUMNS = `${COMMON_COLUMNS}, p.input AS inputJson, p.output AS outputJson, p.attributes AS attributesJson`;
const SKELETON_JOINS = "JOIN traces t ON t.ref = s.trace";
const SPAN_JOINS = `${SKELETON_JOINS} LEFT JOIN payloads p ON p.seq = s.seq`;
export const SKELETON_TABLES = `spans s ${SKELETON_JOINS}`;
export const SPAN_TABLES = `spans s ${SPAN_JOINS}`;

/** Spans of one trace by their start: CROSS keeps SQLite from turning the order of the loops around. */
export const TRACE_INDEX = "trace_spans x CROSS JOIN spans s ON s.seq = x.seq";

/** A span without what only its details show; reads no payload. */
export const SKELETON_COLUMNS = `${COMMON_COLUMNS}, NULL AS inputJson, NULL AS outputJson, s.service AS attributesJson`;

/** Characters of payload that are read in one go, behind the first span. */
const MAX_PORTION_CHARS = 4_000_000;

/** The reading half of the store. Sees what is committed; answers at once. Before reading by trace, `Store.indexSpans`. */
export class Reader {
	readonly #span: Statement;
	readonly #trace: Statement;
	readonly #tracePage: Statement;
	readonly #traceSpans: Readonly<Record<"full" | "skeleton", Statement>>;

	constructor(database: Database) {
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

	/**
	 * Spans of a trace by start, oldest first, behind a place: at most `limit`, fewer when their payloads are large. None only at
	 * the end.
	 */
	traceSpans(ref: number, after: Place | undefined, limit: number, isSkeleton: boolean): readonly SpanRow[] {
		const [ms, sub] = after?.values ?? [Number.MIN_SAFE_INTEGER, 0];
		const statement = this.#traceSpans[isSkeleton ? "skeleton" : "full"];
		const rows: SpanRow[] = [];
		let chars = 0;
		for (const row of statement.iterate(ref, ms, sub, after?.seq ?? 0, limit)) {
			rows.push(row as unknown as SpanRow);
			chars += rowSize(row as unknown as SpanRow);
			if (chars > MAX_PORTION_CHARS) break;
		}
		return rows;
	}
}
