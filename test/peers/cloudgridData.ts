import { problemError } from "./cloudgridSchema.ts";

export type PeerStatus = "ok" | "error" | "unset";

export interface PeerSpan {
	readonly id: string;
	readonly parentSpanId: string | null;
	name: string;
	kind: string;
	serviceName: string | null;
	/** Nanoseconds since the epoch. */
	startNs: bigint;
	/** Undefined while the span runs. */
	endNs: bigint | undefined;
	status: PeerStatus;
	attributes: Record<string, unknown>;
	events: readonly { readonly name: string; readonly atNs: bigint; readonly attributes: Record<string, unknown> }[];
	links: readonly { readonly traceId: string; readonly spanId: string }[];
	exceptions: readonly { readonly type: string; readonly message: string; readonly stacktrace: string }[];
}

export interface PeerTrace {
	readonly id: string;
	/** Only callers of this project see it. */
	readonly project: string;
	readonly spans: Map<string, PeerSpan>;
	readonly logs: readonly { readonly spanId: string | null; readonly body: string }[];
}

/** What `TraceSearchInput` and `LiveTraceInput` have in common, and what only search has. */
export interface PeerInput {
	readonly service?: string | null;
	readonly services?: readonly string[] | null;
	readonly query?: string | null;
	readonly operationName?: string | null;
	readonly spanName?: string | null;
	readonly from?: unknown;
	readonly to?: unknown;
	readonly status?: PeerStatus | null;
	readonly minDurationMs?: number | null;
	readonly maxDurationMs?: number | null;
	readonly attributes?: readonly AttributeFilter[] | null;
	readonly sort?: string;
	readonly limit?: number | null;
	readonly cursor?: string | null;
}

interface AttributeFilter {
	readonly key: string;
	readonly operator: string;
	readonly value?: unknown;
}

export interface DetailInput {
	readonly selectedSpanId?: string | null;
	readonly spanQuery?: string | null;
	readonly relatedLogLimit?: number;
}

export type PeerSummary = ReturnType<typeof summaryOf>;

export function isoOf(ns: bigint): string {
	return new Date(Number(ns / 1_000_000n)).toISOString();
}

/** A trace as lists and live events show it. */
export function summaryOf(trace: PeerTrace) {
	const spans = [...trace.spans.values()];
	const root = spans.find((span) => span.parentSpanId === null);
	const startNs = spans.reduce((first, { startNs }) => (startNs < first ? startNs : first), spans[0].startNs);
	const ends = spans.map((span) => span.endNs);
	const endNs = ends.reduce<bigint | undefined>(
		(last, end) => (last === undefined || end === undefined ? undefined : end > last ? end : last),
		0n,
	);
	const errorSpanCount = spans.filter((span) => span.status === "error").length;
	return {
		id: trace.id,
		serviceName: (root ?? spans[0]).serviceName,
		operationName: root?.name ?? null,
		rootSpanId: root?.id ?? null,
		startedAt: isoOf(startNs),
		startedAtUnixNano: String(startNs),
		endedAt: endNs === undefined ? null : isoOf(endNs),
		endedAtUnixNano: endNs === undefined ? null : String(endNs),
		durationNano: endNs === undefined ? null : String(endNs - startNs),
		durationMs: endNs === undefined ? null : Number(endNs - startNs) / 1e6,
		status: errorSpanCount > 0 ? "error" : (root?.status ?? "unset"),
		attributes: root?.attributes ?? {},
		spanCount: spans.length,
		errorSpanCount,
		logCount: trace.logs.length,
		serviceCount: new Set(spans.map((span) => span.serviceName)).size,
	};
}

/** Throws ERR-001 for what the schema's types let through and CloudGrid does not. */
export function checkInput(input: PeerInput, maxLimit: number): void {
	const invalid = (detail: string) => problemError("ERR-001", detail);
	const { minDurationMs, maxDurationMs, limit } = input;
	if (minDurationMs != null && maxDurationMs != null && minDurationMs > maxDurationMs) {
		throw invalid("minDurationMs must not be greater than maxDurationMs");
	}
	if (limit != null && (limit < 1 || limit > maxLimit)) throw invalid(`limit must be between 1 and ${maxLimit}`);
	for (const key of ["from", "to"] as const) {
		const time = input[key];
		if (time != null && !(typeof time === "string" && /T.*(?:Z|[+-]\d\d:\d\d)$/.test(time))) {
			throw invalid(`${key} must be an ISO time with an offset`);
		}
	}
	const texts = [input.service, input.query, input.operationName, input.spanName, ...(input.services ?? [])];
	if (texts.includes("")) throw invalid("a filter must not be empty");
}

function compare(left: unknown, right: unknown): number | undefined {
	if (typeof left === "number" && typeof right === "number") return left - right;
	return typeof left === "string" && typeof right === "string" ? (left < right ? -1 : left > right ? 1 : 0) : undefined;
}

function hasAttribute(attributes: Record<string, unknown>, { key, operator, value }: AttributeFilter): boolean {
	const found = attributes[key];
	const order = compare(found, value);
	switch (operator) {
		case "exists":
			return key in attributes;
		case "eq":
			return found === value;
		case "neq":
			return found !== value;
		case "contains":
			return typeof found === "string" && typeof value === "string" && found.includes(value);
		case "in":
			return Array.isArray(value) && value.includes(found);
		case "not_in":
			return Array.isArray(value) && !value.includes(found);
		case "gt":
			return order !== undefined && order > 0;
		case "gte":
			return order !== undefined && order >= 0;
		case "lt":
			return order !== undefined && order < 0;
		default:
			return order !== undefined && order <= 0;
	}
}

/**
 * Whether a trace matches. Live and search differ as the reference has it: the live matcher ignores `services`, `spanName` and
 * `query`, and takes `operationName` exactly where the search looks for a part in any case.
 */
export function matches(trace: PeerTrace, input: PeerInput, isLive: boolean): boolean {
	const summary = summaryOf(trace);
	const { operationName } = input;
	if (input.service != null && summary.serviceName !== input.service) return false;
	if (input.from != null && Date.parse(summary.startedAt) < Date.parse(String(input.from))) return false;
	if (input.to != null && Date.parse(summary.startedAt) > Date.parse(String(input.to))) return false;
	if (input.status != null && summary.status !== input.status) return false;
	if (input.minDurationMs != null && (summary.durationMs ?? 0) < input.minDurationMs) return false;
	if (input.maxDurationMs != null && (summary.durationMs ?? 0) > input.maxDurationMs) return false;
	if (!(input.attributes ?? []).every((filter) => hasAttribute(summary.attributes, filter))) return false;
	if (isLive) return operationName == null || summary.operationName === operationName;

	const spans = [...trace.spans.values()];
	const { services, spanName, query } = input;
	if (services != null && !services.includes(summary.serviceName ?? "")) return false;
	if (spanName != null && !spans.some((span) => span.name === spanName)) return false;
	if (query != null && ![trace.id, ...spans.map((span) => span.name)].some((text) => text.includes(query)))
		return false;
	const name = summary.operationName?.toLowerCase() ?? "";
	return operationName == null || name.includes(operationName.toLowerCase());
}

/** One page of a search. The cursor is bound to the sort that it was made for. */
export function searchPage(traces: readonly PeerTrace[], input: PeerInput, maxPage: number) {
	checkInput(input, maxPage);
	const sort = input.sort ?? "startedAt_desc";
	const found = traces.filter((trace) => matches(trace, input, false)).map(summaryOf);
	const byStart = (a: PeerSummary, b: PeerSummary) => {
		const distance = BigInt(b.startedAtUnixNano) - BigInt(a.startedAtUnixNano);
		return distance === 0n ? (a.id < b.id ? -1 : 1) : distance > 0n ? 1 : -1;
	};
	const order: Record<string, (a: PeerSummary, b: PeerSummary) => number> = {
		startedAt_desc: byStart,
		startedAt_asc: (a, b) => byStart(b, a),
		duration_desc: (a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0),
		duration_asc: (a, b) => (a.durationMs ?? 0) - (b.durationMs ?? 0),
		errorFirst: (a, b) => Number(b.status === "error") - Number(a.status === "error"),
	};
	found.sort(order[sort]);
	const rest = input.cursor == null ? found : found.slice(placeAfter(found, input.cursor, sort));
	const limit = input.limit ?? 50;
	const items = rest.slice(0, limit);
	const last = items.at(-1);
	const isMore = rest.length > limit && last !== undefined;
	const cursor = isMore
		? Buffer.from(JSON.stringify([sort, last.startedAtUnixNano, last.id])).toString("base64url")
		: null;
	return { items, nextCursor: cursor };
}

/** By the place in the order and not by the row, which may be gone meanwhile. */
function placeAfter(found: readonly PeerSummary[], cursor: string, sort: string): number {
	let parts: unknown;
	try {
		parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
	} catch {
		parts = undefined;
	}
	if (!Array.isArray(parts) || parts[0] !== sort) throw problemError("ERR-003", "Cursor is invalid", ["traces"]);
	const [, startNs, id] = parts as [string, string, string];
	const at = found.findIndex((summary) => {
		if (sort !== "startedAt_desc") return summary.id === id;
		const isOlder = BigInt(summary.startedAtUnixNano) < BigInt(startNs);
		return isOlder || (summary.startedAtUnixNano === startNs && summary.id > id);
	});
	return sort === "startedAt_desc" ? (at < 0 ? found.length : at) : at + 1;
}

/** A trace with its spans, each with what CloudGrid derives of its place. */
export function detailOf(trace: PeerTrace, input: DetailInput) {
	const summary = summaryOf(trace);
	const all = [...trace.spans.values()];
	const depthOf = (span: PeerSpan): number => {
		const parent = span.parentSpanId === null ? undefined : trace.spans.get(span.parentSpanId);
		return parent === undefined ? 0 : depthOf(parent) + 1;
	};
	const isOrphan = (span: PeerSpan) => span.parentSpanId !== null && !trace.spans.has(span.parentSpanId);
	const spans = all.map((span) => ({
		id: span.id,
		traceId: trace.id,
		parentSpanId: span.parentSpanId,
		name: span.name,
		kind: span.kind,
		serviceName: span.serviceName,
		startedAt: isoOf(span.startNs),
		startedAtUnixNano: String(span.startNs),
		endedAt: span.endNs === undefined ? null : isoOf(span.endNs),
		endedAtUnixNano: span.endNs === undefined ? null : String(span.endNs),
		startOffsetNano: String(span.startNs - BigInt(summary.startedAtUnixNano)),
		durationNano: span.endNs === undefined ? null : String(span.endNs - span.startNs),
		durationMs: span.endNs === undefined ? null : Number(span.endNs - span.startNs) / 1e6,
		status: span.status,
		attributes: span.attributes,
		depth: depthOf(span),
		childCount: all.filter((other) => other.parentSpanId === span.id).length,
		hasError: span.status === "error",
		isCriticalPath: false,
		isOrphan: isOrphan(span),
		isServiceEntry: trace.spans.get(span.parentSpanId ?? "")?.serviceName !== span.serviceName,
		exceptionCount: span.exceptions.length,
		events: span.events.map(({ name, atNs, attributes }) => ({
			name,
			timestamp: isoOf(atNs),
			timestampUnixNano: String(atNs),
			attributes,
		})),
		links: span.links.map((link) => ({ ...link, traceState: null, attributes: {}, direction: "forward" })),
		exceptions: span.exceptions,
	}));
	const durationMs = summary.durationMs ?? 0;
	const services = new Set(all.map((span) => span.serviceName ?? "unknown"));
	const text = input.spanQuery?.toLowerCase();
	const logs = trace.logs.map(({ spanId, body }, index) => ({
		id: `${trace.id}-log-${index}`,
		traceId: trace.id,
		spanId,
		serviceName: summary.serviceName,
		severityText: "INFO",
		severityNumber: 9,
		body,
		timestamp: summary.startedAt,
		observedTimestamp: null,
		attributes: {},
		correlation: spanId === null ? "trace" : "span",
	}));
	return {
		trace: summary,
		structure: {
			rootSpanIds: all.filter((span) => span.parentSpanId === null).map((span) => span.id),
			orphanSpanIds: all.filter(isOrphan).map((span) => span.id),
			criticalPathSpanIds: [],
			maxDepth: Math.max(...spans.map((span) => span.depth)),
			serviceBreakdown: [...services].map((serviceName) => {
				const own = all.filter((span) => (span.serviceName ?? "unknown") === serviceName);
				const ownMs = own.reduce((sum, span) => sum + Number((span.endNs ?? span.startNs) - span.startNs) / 1e6, 0);
				return {
					serviceName,
					spanCount: own.length,
					errorSpanCount: own.filter((span) => span.status === "error").length,
					durationMs: ownMs,
					percentOfTraceDuration: durationMs === 0 ? 0 : (ownMs / durationMs) * 100,
				};
			}),
		},
		spans,
		selectedSpan: spans.find((span) => span.id === input.selectedSpanId) ?? null,
		spanMatches:
			text === undefined
				? []
				: spans
						.filter((span) => span.name.toLowerCase().includes(text))
						.map((span) => ({ spanId: span.id, reason: "search", fields: ["name"] })),
		logs,
		relatedLogs: logs.slice(0, input.relatedLogLimit ?? 50),
		warnings: all
			.filter(isOrphan)
			.map((span) => ({ code: "missingParent", message: "The parent span is missing", spanId: span.id })),
	};
}
