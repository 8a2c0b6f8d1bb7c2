import type { SpanRow } from "../../otlp/spanRow.ts";
import { ArrayStatement, type Database, type SqlValue, type Statement } from "./database.ts";
import type { SpanIndexes } from "./spanIndexes.ts";
import type { Place } from "./spanList.ts";
import { rowSize, type TraceRow } from "./wireText.ts";

const COMMON_COLUMNS = `s.seq, s.id, t.id AS traceId, s.parent_id AS parentId, s.name, s.kind_type AS kindType,
	s.kind_name AS kindName, s.model, s.provider, s.path, s.input_tokens AS inputTokens, s.output_tokens AS outputTokens,
	s.cache_read_tokens AS cacheReadTokens, s.cache_write_tokens AS cacheWriteTokens,
	s.reasoning_tokens AS reasoningTokens, s.cost, s.is_rollup AS isRollup, s.tool_name AS toolName,
	s.agent_name AS agentName, s.kind AS kindJson, s.status, s.error, s.start_ms AS startMs, s.start_sub AS startSub,
	s.end_ms AS endMs, s.end_sub AS endSub, s.duration_ms AS durationMs, n.id AS sessionId, s.service AS serviceName,
	s.metadata AS metadataJson`;

/** Everything of a span, named as in `SpanRow`; from `SPAN_TABLES`. */
export const SPAN_COLUMNS = `${COMMON_COLUMNS}, s.otel AS otelJson, p.input AS inputJson, p.output AS outputJson,
	p.attributes AS attributesJson, p.events AS eventsJson, p.links AS linksJson, p.moved AS movedJson, r.json AS resourceJson,
	c.json AS scopeJson`;
/** A span without what only its details show, but for the name of its service; reads no payload. */
const SKELETON_COLUMNS = `${COMMON_COLUMNS}, NULL AS otelJson, NULL AS inputJson, NULL AS outputJson,
	CASE WHEN s.kind_type = 'custom' AND s.service IS NOT NULL THEN json_object('service.name', s.service) END AS attributesJson, NULL AS eventsJson, NULL AS linksJson, NULL AS movedJson, NULL AS resourceJson,
	NULL AS scopeJson`;

/** A row of `SPAN_COLUMNS` (or of those of a skeleton), which begin at `from`: a change of the columns is a change here. */
export function spanRow(row: readonly SqlValue[], from = 0): SpanRow {
	// `never` lets each value be what its member says.
	const values = row as readonly never[];
	return {
		seq: values[from],
		id: values[from + 1],
		traceId: values[from + 2],
		parentId: values[from + 3],
		name: values[from + 4],
		kindType: values[from + 5],
		kindName: values[from + 6],
		model: values[from + 7],
		provider: values[from + 8],
		path: values[from + 9],
		inputTokens: values[from + 10],
		outputTokens: values[from + 11],
		cacheReadTokens: values[from + 12],
		cacheWriteTokens: values[from + 13],
		reasoningTokens: values[from + 14],
		cost: values[from + 15],
		isRollup: values[from + 16],
		toolName: values[from + 17],
		agentName: values[from + 18],
		kindJson: values[from + 19],
		status: values[from + 20],
		error: values[from + 21],
		startMs: values[from + 22],
		startSub: values[from + 23],
		endMs: values[from + 24],
		endSub: values[from + 25],
		durationMs: values[from + 26],
		sessionId: values[from + 27],
		serviceName: values[from + 28],
		metadataJson: values[from + 29],
		otelJson: values[from + 30],
		inputJson: values[from + 31],
		outputJson: values[from + 32],
		attributesJson: values[from + 33],
		eventsJson: values[from + 34],
		linksJson: values[from + 35],
		movedJson: values[from + 36],
		resourceJson: values[from + 37],
		scopeJson: values[from + 38],
	};
}

const SKELETON_JOINS = "JOIN traces t ON t.ref = s.trace LEFT JOIN sessions n ON n.ref = s.session";
/** What a span's row points to, but for its trace. */
export const PAYLOAD_JOINS = `LEFT JOIN sessions n ON n.ref = s.session LEFT JOIN payloads p ON p.seq = s.seq
	LEFT JOIN texts r ON r.ref = s.resource LEFT JOIN texts c ON c.ref = s.scope`;
const SPAN_JOINS = `JOIN traces t ON t.ref = s.trace ${PAYLOAD_JOINS}`;
export const SPAN_TABLES = `spans s ${SPAN_JOINS}`;

/** Spans of one trace by their start: CROSS keeps SQLite from turning the order of the loops around. */
export const TRACE_INDEX = "trace_spans x CROSS JOIN spans s ON s.seq = x.seq";

/** From `TRACE_TABLES`, named as in `TraceRow`, and the row number. */
export const TRACE_ROW = `t.ref, t.id, t.name, t.tags AS tagsJson, t.start_ms AS startMs, t.start_sub AS startSub,
	t.span_count AS spanCount, t.running_count AS runningCount, t.failed_count AS failedCount, t.end_ms AS endMs,
	t.end_sub AS endSub, t.llm_calls AS llmCalls, t.input_tokens AS inputTokens, t.output_tokens AS outputTokens,
	t.cache_read_tokens AS cacheReadTokens, t.cache_write_tokens AS cacheWriteTokens,
	t.reasoning_tokens AS reasoningTokens, t.cost_nano AS costNano, t.unsettled, n.id AS sessionId`;
export const TRACE_TABLES = "traces t LEFT JOIN sessions n ON n.ref = t.session";

/** A trace and its row number. */
export interface FoundTrace extends TraceRow {
	readonly ref: number;
	/** 1 when its sums are not right (`Store.upToDate`). */
	readonly unsettled: number;
}

/** Characters of payload that are read in one go, behind the first span. */
const MAX_PORTION_CHARS = 4_000_000;

/**
 * The reading half of the store. Sees what is committed; answers at once. What reads by trace, or shows sums of traces, runs
 * inside `Store.upToDate`.
 */
export class Reader {
	readonly #indexes: SpanIndexes;
	readonly #rows: Readonly<Record<"full" | "skeleton", ArrayStatement>>;
	readonly #trace: Statement;
	readonly #tracePage: Statement;
	readonly #traceSpans: Readonly<Record<"full" | "skeleton", ArrayStatement>>;

	constructor(database: Database, indexes: SpanIndexes) {
		this.#indexes = indexes;
		this.#rows = {
			full: new ArrayStatement(database, `SELECT ${SPAN_COLUMNS} FROM ${SPAN_TABLES} WHERE s.seq = ?`),
			skeleton: new ArrayStatement(
				database,
				`SELECT ${SKELETON_COLUMNS} FROM spans s ${SKELETON_JOINS} WHERE s.seq = ?`,
			),
		};
		this.#trace = database.prepare(`SELECT ${TRACE_ROW} FROM ${TRACE_TABLES} WHERE t.id = ?`);
		this.#tracePage = database.prepare(
			`SELECT ${TRACE_ROW} FROM ${TRACE_TABLES} WHERE (t.start_ms, t.start_sub, t.ref) < (?, ?, ?)
			ORDER BY t.start_ms DESC, t.start_sub DESC, t.ref DESC LIMIT ?`,
		);
		const traceSpans = (columns: string, joins: string) =>
			new ArrayStatement(
				database,
				`SELECT ${columns} FROM ${TRACE_INDEX} ${joins}
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
		for (const seq of this.#indexes.find(id)) {
			const row = this.row(seq, false);
			if (row !== undefined) return row;
		}
		return undefined;
	}

	/** The span of this row number; undefined when it, or its trace, has been deleted. */
	row(seq: number, isSkeleton: boolean): SpanRow | undefined {
		const values = this.#rows[isSkeleton ? "skeleton" : "full"].get(seq);
		return values === undefined ? undefined : spanRow(values);
	}

	trace(id: string): FoundTrace | undefined {
		return this.#trace.get(id) as unknown as FoundTrace | undefined;
	}

	/** Traces by start, newest first. */
	traces(
		after: Place | undefined,
		limit: number,
	): { readonly rows: readonly FoundTrace[]; readonly next: Place | undefined } {
		const [ms, sub] = after?.values ?? [Number.MAX_SAFE_INTEGER, 0];
		const found = this.#tracePage.all(ms, sub, after?.seq ?? 0, limit + 1) as unknown as FoundTrace[];
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
		for (const values of statement.iterate(ref, ms as number, sub as number, after?.seq ?? 0, limit)) {
			const row = spanRow(values);
			rows.push(row);
			chars += rowSize(row);
			if (chars > MAX_PORTION_CHARS) break;
		}
		return rows;
	}
}
