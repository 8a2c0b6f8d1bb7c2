import type { SpanRow } from "../../otlp/spanRow.ts";
import { spanText, timeText } from "../../otlp/spanText.ts";
import type { Database, Statement } from "./database.ts";
import { PAYLOAD_JOINS, SPAN_COLUMNS, TRACE_INDEX } from "./reader.ts";
import { RecordState } from "./traceTable.ts";
import { rowSize } from "./wireText.ts";

/** Record of a trace. Texts named `…Json` are JSON. */
export interface ExportRecord {
	readonly name: string | null;
	readonly tagsJson: string;
	readonly startedAtJson: string;
	/** All of it, as JSON. */
	readonly text: string;
}

/** A trace to be exported. */
export interface ExportTrace {
	readonly ref: number;
	readonly id: string;
	/** Undefined when only its spans name it. */
	readonly record: ExportRecord | undefined;
}

/** Traces read at once. */
const TRACES_PER_PORTION = 500;
/** Spans, and characters of them, read at once. */
const SPANS_PER_PORTION = 500;
const MAX_PORTION_CHARS = 250_000;

/**
 * Reads traces and their spans in portions for an export, from a connection that sees one moment (`Store.snapshot`). The index
 * by trace must be up to date.
 */
export class ExportReader {
	readonly #one: Statement;
	readonly #traces: Statement;
	readonly #spans: Statement;

	constructor(database: Database) {
		const columns = `ref, id, name, tags AS tagsJson, start_ms AS startMs, start_sub AS startSub, record`;
		this.#one = database.prepare(`SELECT ${columns} FROM traces WHERE id = ?`);
		this.#traces = database.prepare(
			`SELECT ${columns} FROM traces WHERE (start_ms, start_sub, id) > (?, ?, ?)
			ORDER BY start_ms, start_sub, id LIMIT ?`,
		);
		this.#spans = database.prepare(
			`SELECT ${SPAN_COLUMNS} FROM ${TRACE_INDEX} JOIN traces t ON t.ref = s.trace ${PAYLOAD_JOINS}
			WHERE x.trace = ? AND (x.start_ms, x.start_sub, x.seq) > (?, ?, ?)
			ORDER BY x.start_ms, x.start_sub, x.seq LIMIT ?`,
		);
	}

	trace(id: string): ExportTrace | undefined {
		const row = this.#one.get(id);
		return row === undefined ? undefined : exportTrace(row);
	}

	/** All traces, oldest first: in an order that an import keeps. */
	*traces(): Generator<readonly ExportTrace[]> {
		let after: readonly [number, number, string] = [Number.MIN_SAFE_INTEGER, 0, ""];
		for (;;) {
			const rows = this.#traces.all(...after, TRACES_PER_PORTION);
			const last = rows.at(-1);
			if (last === undefined) return;
			yield rows.map(exportTrace);
			after = [Number(last.startMs), Number(last.startSub), String(last.id)];
		}
	}

	/** JSON texts of a trace's spans as REST sends them, oldest first. */
	*spans(ref: number): Generator<readonly string[]> {
		let place: readonly [number, number, number] = [Number.MIN_SAFE_INTEGER, 0, 0];
		for (;;) {
			const texts: string[] = [];
			let chars = 0;
			for (const found of this.#spans.iterate(ref, ...place, SPANS_PER_PORTION)) {
				const row = found as unknown as SpanRow;
				texts.push(spanText(row));
				place = [row.startMs, row.startSub, row.seq];
				chars += rowSize(row);
				if (chars > MAX_PORTION_CHARS) break;
			}
			if (texts.length === 0) return;
			yield texts;
		}
	}
}

function exportTrace(row: Record<string, unknown>): ExportTrace {
	const { ref, id, name, tagsJson, startMs, startSub, record } = row as unknown as {
		readonly ref: number;
		readonly id: string;
		readonly name: string | null;
		readonly tagsJson: string;
		readonly startMs: number;
		readonly startSub: number;
		readonly record: number;
	};
	if (record === RecordState.none) return { ref, id, record: undefined };
	const nameText = name === null ? "" : `"name":${JSON.stringify(name)},`;
	const startedAtJson = timeText(startMs, startSub);
	const text = `{"id":${JSON.stringify(id)},${nameText}"tags":${tagsJson},"started_at":${startedAtJson}}`;
	return { ref, id, record: { name, tagsJson, startedAtJson, text } };
}
