import { formatTimestamp } from "../../base/timestamp.ts";
import { SPAN_STATES } from "../../model/span.ts";

/** One span as the tables hold it, with the id of its trace. Texts named `…Json` are compact JSON. */
export interface SpanRow {
	readonly seq: number;
	readonly id: string;
	readonly traceId: string;
	readonly parentId: string | null;
	readonly name: string;
	/** Code of `SpanStateCode`. */
	readonly status: number;
	readonly error: string | null;
	readonly startMs: number;
	readonly startSub: number;
	readonly endMs: number | null;
	readonly endSub: number | null;
	readonly durationMs: number | null;
	readonly inputTokens: number | null;
	readonly outputTokens: number | null;
	readonly cost: number | null;
	/** The wire object; of a custom span without its attributes. */
	readonly kindJson: string;
	readonly metadataJson: string | null;
	readonly inputJson: string | null;
	readonly outputJson: string | null;
	/** Attributes of a custom span. In a skeleton: only the names of the service, if any. */
	readonly attributesJson: string | null;
}

/** One trace as its table holds it. */
export interface TraceRow {
	readonly id: string;
	readonly name: string | null;
	readonly tagsJson: string;
	readonly startMs: number;
	readonly startSub: number;
	readonly spanCount: number;
	readonly runningCount: number;
	readonly failedCount: number;
	readonly endMs: number | null;
	readonly endSub: number | null;
}

/** Characters of a span's large parts, to bound what is read and sent in one go. */
export function rowSize(row: SpanRow): number {
	const length = (text: string | null) => text?.length ?? 0;
	return (
		row.name.length +
		length(row.error) +
		row.kindJson.length +
		length(row.metadataJson) +
		length(row.inputJson) +
		length(row.outputJson) +
		length(row.attributesJson)
	);
}

/** The span as it goes over the wire, JSON text; put together from stored texts without parsing them. */
export function spanText(row: SpanRow): string {
	let text =
		`{"id":${JSON.stringify(row.id)},"trace_id":${JSON.stringify(row.traceId)},` +
		`"parent_id":${row.parentId === null ? "null" : JSON.stringify(row.parentId)},"name":${JSON.stringify(row.name)},` +
		`"kind":${kindText(row)},"status":${statusText(row)},"started_at":${timeText(row.startMs, row.startSub)},` +
		`"ended_at":${row.endMs === null ? "null" : timeText(row.endMs, row.endSub ?? 0)}`;
	if (row.inputJson !== null) text += `,"input":${row.inputJson}`;
	if (row.outputJson !== null) text += `,"output":${row.outputJson}`;
	const metadata = metadataText(row);
	return metadata === undefined ? `${text}}` : `${text},"metadata":${metadata}}`;
}

function kindText(row: SpanRow): string {
	if (row.attributesJson === null) return row.kindJson;
	return `${row.kindJson.slice(0, -1)},"attributes":${row.attributesJson}}`;
}

function statusText(row: SpanRow): string {
	if (row.error === null) return `"${SPAN_STATES[row.status]}"`;
	return `{"failed":{"error":${JSON.stringify(row.error)}}}`;
}

let lastMs = Number.NaN;
let lastText = "";

/** A stored time is one that was read or made here, so it has a text; the year range was checked at the door. */
function timeText(ms: number, subNs: number): string {
	if (subNs !== 0) return `"${formatTimestamp({ ms, subNs }) ?? ""}"`;
	// Spans of one batch often share their millisecond, and writing it is slow.
	if (ms !== lastMs) {
		lastText = `"${formatTimestamp({ ms, subNs }) ?? ""}"`;
		lastMs = ms;
	}
	return lastText;
}

/** What the caller sent, and for an ended span what follows from its numbers; the caller's own words win. */
function metadataText(row: SpanRow): string | undefined {
	const own = row.metadataJson;
	if (row.durationMs === null) return own ?? undefined;
	let members = "";
	const add = (name: string, value: number | null) => {
		if (value !== null && !own?.includes(`"${name}"`)) members += `,"${name}":${value}`;
	};
	add("duration_ms", row.durationMs);
	if (row.inputTokens !== null || row.outputTokens !== null) {
		add("total_tokens", (row.inputTokens ?? 0) + (row.outputTokens ?? 0));
	}
	add("estimated_cost", row.cost);
	if (members === "") return own ?? undefined;
	if (own === null || own === "{}") return `{${members.slice(1)}}`;
	return `${own.slice(0, -1)}${members}}`;
}

/** The trace record, JSON text. */
export function traceText(row: TraceRow): string {
	return `${traceMembers(row)}}`;
}

/** The trace with the sums over its spans, as lists show it. */
export function traceItemText(row: TraceRow): string {
	const status = row.failedCount > 0 ? "failed" : row.runningCount > 0 || row.spanCount === 0 ? "running" : "completed";
	return `${traceMembers(row)},"span_count":${row.spanCount},"status":"${status}"}`;
}

function traceMembers(row: TraceRow): string {
	const name = row.name === null ? "" : `"name":${JSON.stringify(row.name)},`;
	const hasEnd = row.endMs !== null && row.runningCount === 0;
	return (
		`{"id":${JSON.stringify(row.id)},${name}"tags":${row.tagsJson},"started_at":${timeText(row.startMs, row.startSub)},` +
		`"ended_at":${hasEnd ? timeText(row.endMs, row.endSub ?? 0) : "null"}`
	);
}
