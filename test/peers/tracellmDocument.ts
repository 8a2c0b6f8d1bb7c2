import { randomUUID } from "node:crypto";
import { parseTimestamp } from "../../src/base/timestamp.ts";

/** What TraceLLM makes of a trace that is saved, and what its analytics make of the saved ones (reference, sections 4 and 5). */

export type Status = "success" | "warning" | "failed";

export interface StepDocument {
	readonly step_id: string;
	readonly tool_name: string;
	readonly input: Readonly<Record<string, unknown>>;
	readonly output: Readonly<Record<string, unknown>>;
	readonly duration: number;
	readonly success: boolean;
	readonly timestamp: string;
}

export interface TraceDocument {
	readonly trace_id: string;
	readonly prompt: string;
	readonly response: string | null;
	readonly latency: number;
	readonly token_count: number;
	readonly model_name: string;
	readonly project_id: string;
	readonly project_name: string | null;
	readonly api_key: string | null;
	readonly environment: string;
	readonly status: Status;
	readonly retry_count: number;
	readonly slow_request: boolean;
	readonly failure_reason: string | null;
	readonly steps: readonly StepDocument[];
	readonly created_at: string;
	readonly updated_at: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** `2026-03-06T09:00:00Z`, with six digits of a second where they are not all 0: what pydantic writes. */
export function isoTime(ms: number): string {
	const [whole, fraction] = new Date(ms).toISOString().slice(0, -1).split(".");
	return fraction === "000" ? `${whole}Z` : `${whole}.${fraction}000Z`;
}

/** The document of what a program saves; undefined for one that the SDK skips with a note on its console. */
export function normalise(fields: Fields, nowMs = Date.now()): TraceDocument | undefined {
	const now = isoTime(nowMs);
	const steps = listOf(fields.steps).map((step, index) => normaliseStep(step, index, now));
	const latency = numberOr(fields.latency, 0);
	const tokens = numberOr(fields.token_count, 0);
	const names = steps.map((step) => step.tool_name);
	const repeated = names.length - new Set(names).size;
	const retries = numberOr(fields.retry_count, repeated);
	if (latency < 0 || tokens < 0 || retries < 0 || steps.some((step) => step.duration < 0)) return undefined;
	const failed = steps.find((step) => !step.success);
	const reason = textOf(fields.failure_reason) ?? (failed === undefined ? null : reasonOf(failed));
	const isTold = fields.failure_reason !== undefined || fields.retry_count !== undefined;
	const implied: Status = failed !== undefined ? "failed" : isTold ? "warning" : "success";
	const status = textOf(fields.status)?.toLowerCase() ?? implied;
	if (status !== "success" && status !== "warning" && status !== "failed") return undefined;
	return {
		trace_id: textOf(fields.trace_id) ?? textOf(fields.id) ?? randomUUID(),
		prompt: textOf(fields.prompt) ?? "",
		response: textOf(fields.response) ?? null,
		latency,
		token_count: tokens,
		model_name: textOf(fields.model_name) ?? textOf(fields.model) ?? "unknown",
		project_id: textOf(fields.project_id) ?? "default",
		project_name: textOf(fields.project_name) ?? null,
		api_key: textOf(fields.api_key) ?? null,
		environment: textOf(fields.environment) ?? "development",
		status,
		retry_count: retries,
		slow_request: typeof fields.slow_request === "boolean" ? fields.slow_request : latency >= 1500,
		failure_reason: reason,
		steps,
		created_at: timeOf(fields.created_at) ?? timeOf(fields.timestamp) ?? now,
		updated_at: now,
	};
}

function normaliseStep(step: Fields, index: number, now: string): StepDocument {
	return {
		step_id: textOf(step.step_id) ?? `step_${index + 1}`,
		tool_name: textOf(step.tool_name) ?? textOf(step.step_type) ?? "agent",
		input: objectOf(step.input ?? step.input_data),
		output: objectOf(step.output ?? step.output_data),
		duration: numberOr(step.duration, 0),
		success: typeof step.success === "boolean" ? step.success : true,
		timestamp: timeOf(step.timestamp) ?? timeOf(step.created_at) ?? now,
	};
}

function reasonOf(step: StepDocument): string {
	return textOf(step.output.error) ?? textOf(step.output.message) ?? step.tool_name;
}

function objectOf(value: unknown): Fields {
	if (value === undefined || value === null || value === "") return {};
	return typeof value === "object" && !Array.isArray(value) ? (value as Fields) : { value };
}

function listOf(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function numberOr(value: unknown, otherwise: number): number {
	return typeof value === "number" ? value : otherwise;
}

function timeOf(value: unknown): string | undefined {
	if (value instanceof Date) return isoTime(value.getTime());
	const time = typeof value === "string" ? parseTimestamp(value) : undefined;
	return time === undefined ? undefined : isoTime(time.ms);
}

export function newestFirst(traces: Iterable<TraceDocument>): TraceDocument[] {
	return [...traces].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
}

/** `GET /api/analytics`, over at most 5000 traces, the oldest ones. */
export function analyticsOf(traces: readonly TraceDocument[], nowMs = Date.now()): Fields {
	const counted = newestFirst(traces).reverse().slice(0, 5000);
	const n = counted.length;
	const latencies = counted.map((trace) => trace.latency).sort((a, b) => a - b);
	const count = (is: (trace: TraceDocument) => boolean) => counted.filter(is).length;
	const sum = (of: (trace: TraceDocument) => number) => counted.reduce((total, trace) => total + of(trace), 0);
	return {
		summary: {
			total_traces: n,
			success_rate: n === 0 ? 0 : rounded((100 * count((trace) => trace.status === "success")) / n),
			average_latency: n === 0 ? 0 : rounded(sum((trace) => trace.latency) / n),
			p95_latency: n === 0 ? 0 : rounded(latencies[Math.ceil(0.95 * n) - 1]),
			total_token_usage: sum((trace) => trace.token_count),
			failed_traces: count((trace) => trace.status === "failed"),
			warning_traces: count((trace) => trace.status === "warning"),
			retries: sum((trace) => trace.retry_count),
			slow_requests: count((trace) => trace.slow_request),
		},
		charts: chartsOf(counted, nowMs),
		status_breakdown: breakdown(counted, (trace) => trace.status),
		model_breakdown: breakdown(counted, (trace) => trace.model_name),
		project_breakdown: breakdown(counted, (trace) => trace.project_name ?? trace.project_id),
		recent_failures: newestFirst(counted).filter(isTrouble).slice(0, 5),
	};
}

/** `GET /api/failures`, of the newest 1000. */
export function failuresOf(traces: readonly TraceDocument[], limit: number): Fields {
	const newest = newestFirst(traces).slice(0, 1000);
	const failed = newest.filter((trace) => trace.status === "failed");
	const retries = newest.filter((trace) => trace.retry_count > 0);
	const slow = newest.filter((trace) => trace.slow_request);
	return {
		failed_traces: failed.slice(0, limit),
		retries: retries.slice(0, limit),
		slow_requests: slow.slice(0, limit),
		totals: { failed_traces: failed.length, retries: retries.length, slow_requests: slow.length },
	};
}

function isTrouble(trace: TraceDocument): boolean {
	return trace.status !== "success" || trace.slow_request || trace.retry_count > 0;
}

function chartsOf(traces: readonly TraceDocument[], nowMs: number): readonly Fields[] {
	const hours = new Map<string, TraceDocument[]>();
	for (const trace of traces) {
		if (nowMs - Date.parse(trace.created_at) > 24 * 3_600_000) continue;
		const label = `${trace.created_at.slice(11, 13)}:00`;
		hours.set(label, [...(hours.get(label) ?? []), trace]);
	}
	return [...hours]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([label, inHour]) => ({
			label,
			latency: rounded(inHour.reduce((total, trace) => total + trace.latency, 0) / inHour.length),
			tokens: inHour.reduce((total, trace) => total + trace.token_count, 0),
			traces: inHour.length,
		}));
}

function breakdown(traces: readonly TraceDocument[], keyOf: (trace: TraceDocument) => string): readonly Fields[] {
	const counts = new Map<string, number>();
	for (const trace of traces) counts.set(keyOf(trace), (counts.get(keyOf(trace)) ?? 0) + 1);
	return [...counts].sort(([, a], [, b]) => b - a).map(([key, count]) => ({ key, count }));
}

function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}
