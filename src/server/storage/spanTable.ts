import type { Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import type { SpanKindRecord, WholeSpan } from "../../otlp/spanRecord.ts";
import { durationMs, movedText, type SpanRow, statusOf } from "../../otlp/spanRow.ts";
import type { Database, SqlValue, Statement } from "./database.ts";
import type { FilterColumns } from "./filterColumns.ts";
import { PAYLOAD_JOINS, SPAN_COLUMNS, SPAN_TABLES } from "./reader.ts";
import type { Sessions, SharedTexts } from "./sharedTexts.ts";
import type { SpanIndexes } from "./spanIndexes.ts";

/** How a running span ends: completed, with what that adds, or failed. An undefined end is now. */
export type SpanEnd =
	| {
			readonly outputJson: string | null;
			readonly kind: SpanKindRecord | undefined;
			readonly end: Timestamp | undefined;
	  }
	| { readonly error: string; readonly end: Timestamp | undefined };

/** What a span must be known by to be changed. */
export interface KnownSpan {
	readonly seq: number;
	readonly traceRef: number;
	readonly traceId: string;
	readonly parentId: string | null;
	readonly name: string;
	readonly status: number;
	readonly startMs: number;
	readonly startSub: number;
	readonly hasUsage: number;
	readonly createdEvent: number | null;
	readonly endedEvent: number | null;
}

/** A span that is about to go, with its events. */
export interface DeletableSpan extends SpanRow {
	readonly createdEvent: number | null;
	readonly endedEvent: number | null;
}

/** Replaced as a whole, so that a rollback is a step back. */
interface Counters {
	readonly spanCount: number;
}

/** Numbers of the events that tell of a span. */
export interface SpanEvents {
	readonly created: number | null;
	readonly ended: number | null;
}

/** Columns that every span fills, and those that few spans fill: binding a value costs as much as writing it. */
const COMMON_COLUMNS = `seq, id, trace, parent_id, name, kind_type, kind_name, model, provider, input_tokens, output_tokens,
	cost, is_rollup, counts, status, start_ms, start_sub, end_ms, end_sub, duration_ms, created_event, ended_event`;
const RARE_COLUMNS = `path, cache_read_tokens, cache_write_tokens, reasoning_tokens, session, tool_name, agent_name, error,
	kind, service, metadata, resource, scope, otel`;

/** The tables of spans and of their payloads. For use inside the store's transactions only. */
export class SpanTable {
	readonly #insertCommon: Statement;
	readonly #insertAll: Statement;
	readonly #insertPayload: Statement;
	readonly #insertPlainPayload: Statement;
	readonly #end: Statement;
	readonly #replaceKind: Statement;
	readonly #upsertOutput: Statement;
	readonly #setOutput: Statement;
	readonly #known: Statement;
	readonly #row: Statement;
	readonly #deletableRow: Statement;
	readonly #deleteSpan: Statement;
	readonly #deletePayload: Statement;
	readonly #ofTrace: Statement;
	readonly #indexes: SpanIndexes;
	readonly #texts: SharedTexts;
	readonly #sessions: Sessions;
	readonly #columns: FilterColumns;
	#counters: Counters;
	/** The same as of the last commit. */
	#committed: Counters;

	constructor(
		database: Database,
		indexes: SpanIndexes,
		texts: SharedTexts,
		sessions: Sessions,
		columns: FilterColumns,
		spanCount: number,
	) {
		this.#indexes = indexes;
		this.#texts = texts;
		this.#sessions = sessions;
		this.#columns = columns;
		const prepare = (sql: string) => database.prepare(sql);
		const insert = (columns: string) =>
			prepare(`INSERT INTO spans (${columns}) VALUES (${columns.replace(/[^,]+/g, "?")})`);
		this.#insertCommon = insert(COMMON_COLUMNS);
		this.#insertAll = insert(`${COMMON_COLUMNS}, ${RARE_COLUMNS}`);
		this.#insertPayload = prepare(
			"INSERT INTO payloads (seq, input, output, attributes, events, links, moved) VALUES (?, ?, ?, ?, ?, ?, ?)",
		);
		this.#insertPlainPayload = prepare("INSERT INTO payloads (seq, input, output, attributes) VALUES (?, ?, ?, ?)");
		this.#end = prepare(
			`UPDATE spans SET status = ?, error = ?, end_ms = ?, end_sub = ?, duration_ms = ?, ended_event = ? WHERE seq = ?`,
		);
		this.#replaceKind = prepare(
			`UPDATE spans SET kind_type = ?, kind_name = ?, model = ?, provider = ?, path = ?, input_tokens = ?,
				output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, reasoning_tokens = ?, cost = ?, is_rollup = ?,
				counts = 1, tool_name = ?, agent_name = ?, kind = ?, service = ? WHERE seq = ?`,
		);
		this.#upsertOutput = prepare(
			`INSERT INTO payloads (seq, output, attributes) VALUES (?, ?, ?)
			ON CONFLICT (seq) DO UPDATE SET output = excluded.output, attributes = excluded.attributes`,
		);
		this.#setOutput = prepare(
			`INSERT INTO payloads (seq, output) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET output = excluded.output`,
		);
		this.#known = prepare(
			`SELECT s.seq, s.trace AS traceRef, t.id AS traceId, s.parent_id AS parentId, s.name, s.status,
				s.start_ms AS startMs, s.start_sub AS startSub,
				coalesce(s.input_tokens, s.output_tokens, s.cost, s.cache_read_tokens, s.cache_write_tokens,
					s.reasoning_tokens) IS NOT NULL AS hasUsage,
				s.created_event AS createdEvent, s.ended_event AS endedEvent
			FROM spans s JOIN traces t ON t.ref = s.trace WHERE s.seq = ?`,
		);
		this.#row = prepare(
			`SELECT ${SPAN_COLUMNS}, s.created_event AS createdEvent, s.ended_event AS endedEvent FROM ${SPAN_TABLES}
			WHERE s.seq = ?`,
		);
		this.#deletableRow = prepare(
			`SELECT ${SPAN_COLUMNS.replace("t.id", "coalesce(t.id, d.id)")}, s.created_event AS createdEvent,
				s.ended_event AS endedEvent
			FROM spans s LEFT JOIN traces t ON t.ref = s.trace LEFT JOIN doomed d ON d.ref = s.trace ${PAYLOAD_JOINS}
			WHERE s.seq = ?`,
		);
		this.#deleteSpan = prepare("DELETE FROM spans WHERE seq = ?");
		this.#deletePayload = prepare("DELETE FROM payloads WHERE seq = ?");
		this.#ofTrace = prepare("SELECT seq FROM trace_spans WHERE trace = ? LIMIT ?");
		this.#counters = { spanCount };
		this.#committed = this.#counters;
	}

	get count(): number {
		return this.#counters.spanCount;
	}

	/** The span of this id; the newest one when traces share it. */
	find(id: string): KnownSpan | undefined {
		for (const seq of this.#indexes.find(id)) {
			const known = this.#known.get(seq) as unknown as KnownSpan | undefined;
			if (known !== undefined) return known;
		}
		return undefined;
	}

	/** Everything of a span that is there. */
	row(seq: number): DeletableSpan {
		return this.#row.get(seq) as unknown as DeletableSpan;
	}

	/** The same, also when its trace has left its table. */
	deletableRow(seq: number): DeletableSpan {
		return this.#deletableRow.get(seq) as unknown as DeletableSpan;
	}

	/** Adds a span, which runs when it has no end, and returns its row number. */
	add(traceRef: number, span: WholeSpan, events: SpanEvents): number {
		const { kind, start, end, otel } = span;
		const { tokens } = kind;
		const seq = this.#indexes.add(span.id, traceRef);
		const status = statusOf(span);
		const duration = end === undefined ? null : durationMs(start, end);
		const sessionRef = this.#sessions.refOf(span.sessionId);
		const resource = this.#texts.refOf(otel?.resourceJson ?? null);
		const scope = this.#texts.refOf(otel?.scopeJson ?? null);
		const otelJson = otel?.otelJson ?? null;
		const values: SqlValue[] = [
			seq,
			span.id,
			traceRef,
			span.parentId,
			span.name,
			kind.type,
			kind.name,
			kind.model,
			kind.provider,
			tokens.input,
			tokens.output,
			kind.cost,
			kind.isRollup ? 1 : 0,
			1,
			status,
			start.ms,
			start.subNs,
			end?.ms ?? null,
			end?.subNs ?? null,
			duration,
			events.created,
			events.ended,
		];
		const hasRare =
			otelJson !== null ||
			kind.kindJson !== null ||
			span.metadataJson !== null ||
			span.error !== null ||
			sessionRef !== null ||
			kind.toolName !== null ||
			kind.agentName !== null ||
			kind.serviceName !== null ||
			kind.path !== null ||
			tokens.cacheRead !== null ||
			tokens.cacheWrite !== null ||
			tokens.reasoning !== null;
		if (hasRare) {
			values.push(
				kind.path,
				tokens.cacheRead,
				tokens.cacheWrite,
				tokens.reasoning,
				sessionRef,
				kind.toolName,
				kind.agentName,
				span.error,
				kind.kindJson,
				kind.serviceName,
				span.metadataJson,
				resource,
				scope,
				otelJson,
			);
		}
		(hasRare ? this.#insertAll : this.#insertCommon).run(...values);
		if (otel !== undefined) {
			const { attributesJson, eventsJson, linksJson } = otel;
			const moved = movedText(otel);
			this.#insertPayload.run(seq, span.inputJson, span.outputJson, attributesJson, eventsJson, linksJson, moved);
		} else if (span.inputJson !== null || span.outputJson !== null || kind.attributesJson !== null) {
			this.#insertPlainPayload.run(seq, span.inputJson, span.outputJson, kind.attributesJson);
		}
		this.#columns.add({
			seq,
			traceRef,
			name: span.name,
			kindType: kind.type,
			kindName: kind.name,
			model: kind.model,
			provider: kind.provider,
			path: kind.path,
			toolName: kind.toolName,
			agentName: kind.agentName,
			sessionRef,
			status,
			startMs: start.ms,
			startSub: start.subNs,
			durationMs: duration,
			inputTokens: tokens.input,
			outputTokens: tokens.output,
			cacheReadTokens: tokens.cacheRead,
			cacheWriteTokens: tokens.cacheWrite,
			reasoningTokens: tokens.reasoning,
			cost: kind.cost,
			counts: 1,
		});
		this.#counters = { spanCount: this.#counters.spanCount + 1 };
		return seq;
	}

	/** Ends a running span. */
	end(known: KnownSpan, how: SpanEnd, end: Timestamp, endedEvent: number): void {
		const duration = durationMs({ ms: known.startMs, subNs: known.startSub }, end);
		const error = "error" in how ? how.error : null;
		const status = error === null ? SpanStateCode.completed : SpanStateCode.failed;
		const { seq } = known;
		this.#end.run(status, error, end.ms, end.subNs, duration, endedEvent, seq);
		if (!("outputJson" in how)) {
			this.#columns.end(seq, status, duration);
			return;
		}
		const { kind, outputJson } = how;
		if (kind === undefined) {
			if (outputJson !== null) this.#setOutput.run(seq, outputJson);
			this.#columns.end(seq, status, duration);
			return;
		}
		const { tokens } = kind;
		this.#replaceKind.run(
			kind.type,
			kind.name,
			kind.model,
			kind.provider,
			kind.path,
			tokens.input,
			tokens.output,
			tokens.cacheRead,
			tokens.cacheWrite,
			tokens.reasoning,
			kind.cost,
			kind.isRollup ? 1 : 0,
			kind.toolName,
			kind.agentName,
			kind.kindJson,
			kind.serviceName,
			seq,
		);
		this.#upsertOutput.run(seq, outputJson, kind.attributesJson);
		this.#columns.change(seq);
	}

	/** Deletes one span; the indexes must be up to date. */
	delete(span: SpanRow, traceRef: number): void {
		this.#indexes.delete(span.id, span.seq, traceRef, span.startMs, span.startSub);
		this.#deleteSpan.run(span.seq);
		this.#deletePayload.run(span.seq);
		this.#columns.delete(span.seq);
	}

	/** Row numbers of spans of a trace, at most `limit`; the indexes must be up to date. */
	ofTrace(traceRef: number, limit: number): number[] {
		return this.#ofTrace.all(traceRef, limit).map(({ seq }) => Number(seq));
	}

	/** Takes note of spans that are no longer to be counted. */
	didDelete(count: number): void {
		this.#counters = { spanCount: this.#counters.spanCount - count };
	}

	didCommit(): void {
		this.#committed = this.#counters;
	}

	didRollBack(): void {
		this.#counters = this.#committed;
	}
}
