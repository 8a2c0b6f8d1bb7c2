import { differenceNs, type Timestamp } from "../../base/timestamp.ts";
import { SpanStateCode } from "../../model/span.ts";
import type { SpanKindRecord } from "../spanKind.ts";
import { type Database, readNumber, type Statement } from "./database.ts";
import { SPAN_COLUMNS, SPAN_TABLES } from "./reader.ts";
import type { SpanRow } from "./wireText.ts";

/** A span that begins. Texts named `…Json` are compact JSON, null is "unset". */
export interface NewSpan {
	/** Undefined lets the server make a ULID. */
	readonly id: string | undefined;
	readonly traceId: string;
	readonly parentId: string | null;
	/** Well-formed text. */
	readonly name: string;
	readonly kind: SpanKindRecord;
	readonly inputJson: string | null;
	readonly metadataJson: string | null;
	/** Undefined is now. */
	readonly start: Timestamp | undefined;
}

/** A span that arrives when it has ended, as from OpenTelemetry. */
export interface EndedSpan extends NewSpan {
	readonly id: string;
	readonly start: Timestamp;
	readonly end: Timestamp;
	readonly outputJson: string | null;
	/** Text of a failed span, null of a completed one. */
	readonly error: string | null;
}

/** How a running span ends: completed, with what that adds, or failed. An undefined end is now. */
export type SpanEnd =
	| {
			readonly outputJson: string | null;
			readonly kind: SpanKindRecord | undefined;
			readonly end: Timestamp | undefined;
	  }
	| { readonly error: string; readonly end: Timestamp | undefined };

/** A span as it is found to be changed: with the columns that its events are filtered by. */
export interface KnownSpan extends SpanRow {
	readonly kindType: string;
	readonly kindName: string;
	readonly model: string | null;
}

/** Replaced as a whole, so that a rollback is a step back. */
interface Counters {
	/** Row number of the newest span. */
	readonly lastSeq: number;
	/** `trace_spans` holds every span up to this one. */
	readonly indexedSeq: number;
	readonly spanCount: number;
}

/** Spans that may wait for their place in `trace_spans`; reading by trace costs so much at most. */
const MAX_UNINDEXED = 4096;

/** The tables of spans and of their payloads, and the index by trace. For use inside the store's transactions only. */
export class SpanTable {
	readonly #insertSpan: Statement;
	readonly #insertPayload: Statement;
	readonly #endSpan: Statement;
	readonly #replaceKind: Statement;
	readonly #upsertOutput: Statement;
	readonly #spanById: Statement;
	readonly #spanInTrace: Statement;
	readonly #deleteSpan: Statement;
	readonly #deletePayload: Statement;
	readonly #deleteIndexed: Statement;
	readonly #indexNew: Statement;
	readonly #saveIndexed: Statement;
	readonly #database: Database;
	#counters: Counters;
	/** The same as of the last commit. */
	#committed: Counters;

	constructor(database: Database) {
		this.#database = database;
		const prepare = (sql: string) => database.prepare(sql);
		this.#insertSpan = prepare(
			`INSERT INTO spans (seq, id, trace, parent_id, name, kind_type, kind_name, model, provider, path, input_tokens,
				output_tokens, cost, status, error, start_ms, start_sub, end_ms, end_sub, duration_ms, kind, service, metadata)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		);
		this.#insertPayload = prepare("INSERT INTO payloads (seq, input, output, attributes) VALUES (?, ?, ?, ?)");
		this.#endSpan = prepare(
			"UPDATE spans SET status = ?, error = ?, end_ms = ?, end_sub = ?, duration_ms = ? WHERE seq = ?",
		);
		this.#replaceKind = prepare(
			`UPDATE spans SET kind_type = ?, kind_name = ?, model = ?, provider = ?, path = ?, input_tokens = ?,
				output_tokens = ?, cost = ?, kind = ?, service = ? WHERE seq = ?`,
		);
		this.#upsertOutput = prepare(
			`INSERT INTO payloads (seq, input, output, attributes) VALUES (?, ?, ?, ?)
			ON CONFLICT (seq) DO UPDATE SET output = excluded.output, attributes = excluded.attributes`,
		);
		this.#spanById = prepare(
			`SELECT ${SPAN_COLUMNS}, s.kind_type AS kindType, s.kind_name AS kindName, s.model FROM ${SPAN_TABLES}
			WHERE s.id = ? ORDER BY s.seq DESC LIMIT 1`,
		);
		this.#spanInTrace = prepare("SELECT seq FROM spans WHERE id = ? AND trace = ?");
		this.#deleteSpan = prepare("DELETE FROM spans WHERE seq = ?");
		this.#deletePayload = prepare("DELETE FROM payloads WHERE seq = ?");
		this.#deleteIndexed = prepare(
			"DELETE FROM trace_spans WHERE trace = ? AND start_ms = ? AND start_sub = ? AND seq = ?",
		);
		this.#indexNew = prepare(
			`INSERT INTO trace_spans (trace, start_ms, start_sub, seq)
			SELECT trace, start_ms, start_sub, seq FROM spans WHERE seq > ? ORDER BY trace, start_ms, start_sub, seq`,
		);
		this.#saveIndexed = prepare(
			"INSERT INTO meta (key, value) VALUES ('indexed_seq', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		);
		const indexedSeq = readNumber(database, "SELECT max(value) FROM meta WHERE key = 'indexed_seq'");
		// The newest spans may have been deleted; their numbers are never used again, or nobody would index the new ones.
		const lastSeq = Math.max(indexedSeq, readNumber(database, "SELECT max(seq) FROM spans"));
		const spanCount = readNumber(database, "SELECT count(*) FROM spans");
		this.#counters = { lastSeq, indexedSeq, spanCount };
		this.#committed = this.#counters;
	}

	get count(): number {
		return this.#counters.spanCount;
	}

	/** False when `trace_spans` lags behind. */
	get isIndexed(): boolean {
		return this.#counters.indexedSeq === this.#counters.lastSeq;
	}

	/** The span of this id; the newest one when traces share it. */
	find(id: string): KnownSpan | undefined {
		return this.#spanById.get(id) as unknown as KnownSpan | undefined;
	}

	has(id: string, traceRef: number): boolean {
		return this.#spanInTrace.get(id, traceRef) !== undefined;
	}

	/** Adds a span, which runs when it has no end. */
	add(traceRef: number, span: Omit<EndedSpan, "end"> & { readonly end: Timestamp | undefined }): SpanRow {
		const { kind, start, end } = span;
		const status =
			end === undefined ? SpanStateCode.running : span.error === null ? SpanStateCode.completed : SpanStateCode.failed;
		const seq = this.#counters.lastSeq + 1;
		const row: SpanRow = {
			seq,
			id: span.id,
			traceId: span.traceId,
			parentId: span.parentId,
			name: span.name,
			status,
			error: span.error,
			startMs: start.ms,
			startSub: start.subNs,
			endMs: end?.ms ?? null,
			endSub: end?.subNs ?? null,
			durationMs: end === undefined ? null : durationMs(start, end),
			inputTokens: kind.inputTokens,
			outputTokens: kind.outputTokens,
			cost: kind.cost,
			kindJson: kind.kindJson,
			metadataJson: span.metadataJson,
			inputJson: span.inputJson,
			outputJson: span.outputJson,
			attributesJson: kind.attributesJson,
		};
		this.#insertSpan.run(
			seq,
			row.id,
			traceRef,
			row.parentId,
			row.name,
			kind.type,
			kind.name,
			kind.model,
			kind.provider,
			kind.path,
			kind.inputTokens,
			kind.outputTokens,
			kind.cost,
			status,
			row.error,
			row.startMs,
			row.startSub,
			row.endMs,
			row.endSub,
			row.durationMs,
			kind.kindJson,
			kind.serviceJson,
			row.metadataJson,
		);
		if (row.inputJson !== null || row.outputJson !== null || row.attributesJson !== null) {
			this.#insertPayload.run(seq, row.inputJson, row.outputJson, row.attributesJson);
		}
		this.#counters = { ...this.#counters, lastSeq: seq, spanCount: this.#counters.spanCount + 1 };
		return row;
	}

	/** Ends a running span, and returns it as it is then. */
	end(known: KnownSpan, how: SpanEnd, end: Timestamp): KnownSpan {
		const start = { ms: known.startMs, subNs: known.startSub };
		const error = "error" in how ? how.error : null;
		const status = error === null ? SpanStateCode.completed : SpanStateCode.failed;
		let row: KnownSpan = {
			...known,
			status,
			error,
			endMs: end.ms,
			endSub: end.subNs,
			durationMs: durationMs(start, end),
		};
		this.#endSpan.run(status, error, row.endMs, row.endSub, row.durationMs, row.seq);
		if ("outputJson" in how) {
			const { kind } = how;
			row = { ...row, outputJson: how.outputJson };
			if (kind !== undefined) {
				const { inputTokens, outputTokens, cost, kindJson, attributesJson } = kind;
				const { type: kindType, name: kindName, model } = kind;
				row = { ...row, kindType, kindName, model, inputTokens, outputTokens, cost, kindJson, attributesJson };
				this.#replaceKind.run(
					kind.type,
					kind.name,
					kind.model,
					kind.provider,
					kind.path,
					inputTokens,
					outputTokens,
					cost,
					kindJson,
					kind.serviceJson,
					row.seq,
				);
			}
			if (row.outputJson !== null || row.attributesJson !== known.attributesJson) {
				this.#upsertOutput.run(row.seq, row.inputJson, row.outputJson, row.attributesJson);
			}
		}
		return row;
	}

	/** Deletes one span; `index` must have been called. */
	delete(span: SpanRow, traceRef: number): void {
		this.#deleteSpan.run(span.seq);
		this.#deletePayload.run(span.seq);
		this.#deleteIndexed.run(traceRef, span.startMs, span.startSub, span.seq);
		this.didDelete(1);
	}

	deleteAll(): void {
		this.#database.exec("DELETE FROM spans; DELETE FROM payloads; DELETE FROM trace_spans;");
		this.didDelete(this.#counters.spanCount);
	}

	/** Takes note of spans that went with their trace. */
	didDelete(count: number): void {
		this.#counters = { ...this.#counters, spanCount: this.#counters.spanCount - count };
	}

	/** Brings `trace_spans` up to date. */
	index(): void {
		const { lastSeq, indexedSeq } = this.#counters;
		if (indexedSeq === lastSeq) return;
		this.#indexNew.run(indexedSeq);
		this.#saveIndexed.run(lastSeq);
		this.#counters = { ...this.#counters, indexedSeq: lastSeq };
	}

	/** Brings `trace_spans` up to date when too many spans wait for it. */
	indexIfMany(): void {
		if (this.#counters.lastSeq - this.#counters.indexedSeq >= MAX_UNINDEXED) this.index();
	}

	didCommit(): void {
		this.#committed = this.#counters;
	}

	didRollBack(): void {
		this.#counters = this.#committed;
	}
}

function durationMs(start: Timestamp, end: Timestamp): number {
	return differenceNs(end, start) / 1e6;
}
