import { differenceNs, type Timestamp } from "../base/timestamp.ts";
import { type ReportedTrace, sessionOfTags, type TraceSummary } from "./span.ts";
import { SpanFlag } from "./spanColumns.ts";
import { known, type SpanRows, timeAt } from "./spanRows.ts";
import { extraOf, type StoredEntry } from "./traceEntry.ts";
import { TraceSums } from "./traceSums.ts";
import { countUsage, type UsageRows } from "./usage.ts";

/** Rows whose sums are kept together. A change in a trace of 250,000 spans sums 1,024 rows and 245 chunks anew. */
export const CHUNK = 1024;

/** The sums of a trace, from what did not change since they were last asked for and from the rows that did. */
export function summarize(entry: StoredEntry, spans: SpanRows): TraceSummary {
	const c = spans.columns;
	const sums = sumsOf(entry, spans);
	const nameRow = sums.rootRow >= 0 ? sums.rootRow : sums.firstRow;
	const first = sums.firstRow < 0 ? undefined : timeAt(c.startMs[sums.firstRow], c.startSubNs[sums.firstRow]);
	const { running, failed, lastRow, failedRow } = sums;
	// An array that grew holds room for half as many more; a trace that came to rest gives it back.
	if (running === 0 && entry.rows.length <= CHUNK) entry.rows = entry.rows.slice();
	const summary: TraceSummary = {
		traceId: entry.traceId,
		name: entry.name || (nameRow < 0 ? undefined : spans.nameOf(nameRow)) || entry.traceId,
		tags: entry.tags,
		sessionId: sessionOfTags(entry.tags) ?? entry.extra?.session?.name,
		serviceName: entry.serviceName,
		spanCount: entry.rows.length,
		runningCount: running,
		failedCount: failed,
		state: failed > 0 ? "failed" : running > 0 || entry.rows.length === 0 ? "running" : "completed",
		start: first ?? entry.start,
		end: running > 0 || lastRow < 0 ? undefined : timeAt(c.endMs[lastRow], c.endSubNs[lastRow]),
		inputTokens: known(sums.inputTokens),
		outputTokens: known(sums.outputTokens),
		costUsd: Number.isNaN(sums.costNanoUsd) ? undefined : sums.costNanoUsd / 1e9,
		isCostEstimated: sums.isCostEstimated,
		error: failedRow < 0 ? undefined : spans.errorOf(failedRow),
		droppedSpans: entry.droppedSpans,
		changedAtMs: entry.changedAtMs,
	};
	const reported = entry.extra?.reported;
	return reported === undefined || entry.isWhole ? summary : withReport(summary, reported, entry);
}

/** What is here of a trace, corrected by what its backend says of the whole. */
function withReport(summary: TraceSummary, reported: ReportedTrace, entry: StoredEntry): TraceSummary {
	const state = reported.state ?? summary.state;
	const isRunning = state === "running";
	return {
		...summary,
		sessionId: summary.sessionId ?? reported.sessionId,
		serviceName: summary.serviceName ?? reported.serviceName,
		spanCount: Math.max(summary.spanCount, reported.spanCount ?? 0),
		runningCount: isRunning ? Math.max(1, summary.runningCount) : 0,
		failedCount: Math.max(summary.failedCount, reported.failedCount ?? (state === "failed" ? 1 : 0)),
		state,
		start: extreme(entry.start, summary.start, -1),
		end: isRunning ? undefined : extreme(reported.end, summary.end, 1),
		inputTokens: reported.inputTokens ?? summary.inputTokens,
		outputTokens: reported.outputTokens ?? summary.outputTokens,
		costUsd: reported.costUsd ?? summary.costUsd,
		isCostEstimated: reported.costUsd === undefined && summary.isCostEstimated,
	};
}

/** The later of two times (`sign` 1) or the earlier (-1), as far as they are known. */
function extreme(a: Timestamp | undefined, b: Timestamp | undefined, sign: 1 | -1): Timestamp | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return differenceNs(a, b) * sign >= 0 ? a : b;
}

/**
 * The usage or the parent of a row changed. Only from the first time on that one span with usage is above another can a span
 * repeat another one, and only then is the trace looked through when its sums are asked for.
 */
export function noteUsage(entry: StoredEntry, spans: SpanRows, row: number): void {
	if (entry.nesting === "settled" || (entry.nesting === "none" && spans.isUsageNested(row))) entry.nesting = "stale";
}

function sumsOf(entry: StoredEntry, spans: SpanRows): TraceSums {
	const { rows } = entry;
	if (entry.nesting === "stale") findRepeats(entry, spans);
	if (rows.length <= CHUNK) return sumRows(entry, spans, 0, rows.length);
	const extra = extraOf(entry);
	extra.chunks ??= [];
	const { chunks } = extra;
	const sums = new TraceSums();
	for (let index = 0; index * CHUNK < rows.length; index++) {
		const to = Math.min(rows.length, (index + 1) * CHUNK);
		const part = chunks[index] ?? sumRows(entry, spans, index * CHUNK, to);
		chunks[index] = part;
		sums.merge(spans.columns, part);
	}
	return sums;
}

function sumRows({ rows }: StoredEntry, spans: SpanRows, from: number, to: number): TraceSums {
	const { columns } = spans;
	const sums = new TraceSums();
	for (let index = from; index < to; index++) {
		const row = rows[index];
		sums.add(columns, row, spans.costUsdAt(row), (columns.flags[row] & SpanFlag.repeating) === 0);
	}
	return sums;
}

/** Looks through a whole trace; chunks whose spans count as before keep their sums. */
function findRepeats(entry: StoredEntry, spans: SpanRows): void {
	const { rows } = entry;
	const { flags } = spans.columns;
	const chunks = entry.extra?.chunks;
	const counts = countUsage(usageRowsOf(rows, spans));
	for (let ordinal = 0; ordinal < rows.length; ordinal++) {
		const row = rows[ordinal];
		if (((flags[row] & SpanFlag.repeating) === 0) === (counts[ordinal] === 1)) continue;
		flags[row] ^= SpanFlag.repeating;
		if (chunks !== undefined) chunks[Math.floor(ordinal / CHUNK)] = undefined;
	}
	entry.nesting = "settled";
}

/** Rows by ordinal. What `countUsage` asks of cost and cached tokens is only whether there is any usage. */
function usageRowsOf(rows: readonly number[], spans: SpanRows): UsageRows {
	const c = spans.columns;
	const count = rows.length;
	const parentRow = new Int32Array(count);
	const input = new Float64Array(count);
	const output = new Float64Array(count);
	const costNano = new Float64Array(count);
	const isRollup = new Uint8Array(count);
	const model = new Array<string | null>(count);
	const unknown = new Float64Array(count).fill(Number.NaN);
	for (let ordinal = 0; ordinal < count; ordinal++) {
		const row = rows[ordinal];
		const parent = c.parentRow[row];
		parentRow[ordinal] = parent < 0 ? -1 : c.ordinal[parent];
		input[ordinal] = c.inputTokens.get(row);
		output[ordinal] = c.outputTokens.get(row);
		costNano[ordinal] = c.hasUsage(row) ? 0 : Number.NaN;
		isRollup[ordinal] = spans.isRollup(row) ? 1 : 0;
		model[ordinal] = spans.modelOf(row) ?? null;
	}
	return {
		count,
		parentRow,
		input,
		output,
		cacheRead: unknown,
		cacheWrite: unknown,
		reasoning: unknown,
		costNano,
		isRollup,
		model,
	};
}
