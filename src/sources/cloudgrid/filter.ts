import { parseTimestamp } from "../../base/timestamp.ts";
import { SourceError } from "../source.ts";
import type { CloudgridTrace } from "./decode.ts";

/** Which traces a source shows, in CloudGrid's words; every part must hold. */
export interface TraceFilter {
	readonly service?: string | undefined;
	readonly services?: readonly string[] | undefined;
	readonly query?: string | undefined;
	readonly operationName?: string | undefined;
	readonly spanName?: string | undefined;
	/** ISO time with offset. */
	readonly from?: string | undefined;
	readonly status?: "ok" | "error" | "unset" | undefined;
	readonly minDurationMs?: number | undefined;
	readonly maxDurationMs?: number | undefined;
	readonly attributes?: readonly AttributeFilter[] | undefined;
}

export interface AttributeFilter {
	readonly key: string;
	readonly operator: "eq" | "exists";
	readonly value?: string | undefined;
}

/** What a source's `options` say. */
export interface CloudgridSettings {
	readonly filter: TraceFilter;
	/** Distance of the server's heartbeats, where it is not the usual 15. */
	readonly heartbeatSeconds: number | undefined;
}

const TEXTS = ["service", "query", "operationName", "spanName"] as const;
const KNOWN = [
	...TEXTS,
	"services",
	"from",
	"status",
	"minDurationMs",
	"maxDurationMs",
	"attributes",
	"heartbeatSeconds",
];

/**
 * Reads the `options` of a source's setting: the fields of CloudGrid's own filter as they are called there, `services` and
 * `attributes` as lists with commas (`team=search, user.id`), and `heartbeatSeconds`.
 * @throws SourceError `protocol`, which names the option and what it takes.
 */
export function readSettings(options: Readonly<Record<string, string | number | boolean>> = {}): CloudgridSettings {
	const wrong = (what: string) => new SourceError("protocol", `options of this source: ${what}`);
	for (const key of Object.keys(options)) {
		if (!KNOWN.includes(key)) throw wrong(`"${key.slice(0, 60)}" is not known; there are ${KNOWN.join(", ")}`);
	}
	const text = (key: string) => {
		const value = String(options[key] ?? "").trim();
		return value === "" ? undefined : value;
	};
	const number = (key: string) => {
		if (text(key) === undefined) return undefined;
		const value = Number(options[key]);
		if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw wrong(`${key} must be a number of at least 0`);
		return value;
	};
	const list = (key: string) => {
		const parts = (text(key) ?? "").split(",").map((part) => part.trim());
		const found = parts.filter((part) => part !== "");
		return found.length === 0 ? undefined : found;
	};

	const from = text("from");
	if (from !== undefined && (parseTimestamp(from) === undefined || !/(?:[zZ]|[+-]\d\d:?\d\d)$/.test(from))) {
		throw wrong('from must be a time with an offset, such as "2026-03-06T09:00:00Z"');
	}
	const status = text("status");
	if (status !== undefined && status !== "ok" && status !== "error" && status !== "unset") {
		throw wrong("status must be ok, error or unset");
	}
	const minDurationMs = number("minDurationMs");
	const maxDurationMs = number("maxDurationMs");
	if (minDurationMs !== undefined && maxDurationMs !== undefined && minDurationMs > maxDurationMs) {
		throw wrong("minDurationMs must not be greater than maxDurationMs");
	}
	const heartbeatSeconds = number("heartbeatSeconds");
	if (heartbeatSeconds !== undefined && (heartbeatSeconds < 1 || heartbeatSeconds > 600)) {
		throw wrong("heartbeatSeconds must be 1 to 600");
	}
	const attributes = list("attributes")?.map((part): AttributeFilter => {
		const at = part.indexOf("=");
		if (at < 0) return { key: part, operator: "exists" };
		return { key: part.slice(0, at).trim(), operator: "eq", value: part.slice(at + 1).trim() };
	});
	return {
		filter: {
			service: text("service"),
			services: list("services"),
			query: text("query"),
			operationName: text("operationName"),
			spanName: text("spanName"),
			from,
			status,
			minDurationMs,
			maxDurationMs,
			attributes,
		},
		heartbeatSeconds,
	};
}

/** The same for filters that mean the same: trimmed, sorted, without what is not set. Empty for no filter. */
export function filterKey(filter: TraceFilter): string {
	const parts = Object.entries(normalFilter(filter)).sort(([a], [b]) => (a < b ? -1 : 1));
	return parts.length === 0 ? "" : JSON.stringify(parts);
}

function normalFilter(filter: TraceFilter): Record<string, unknown> {
	const normal: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(filter)) {
		const trimmed = typeof value === "string" ? value.trim() : value;
		if (trimmed === undefined || trimmed === null || trimmed === "") continue;
		if (Array.isArray(trimmed) && trimmed.length === 0) continue;
		normal[key] = key === "services" ? [...(filter.services ?? [])].sort() : trimmed;
	}
	return normal;
}

/** `TraceSearchInput`, newest first. */
export function searchInput(filter: TraceFilter, limit: number, cursor: string | undefined): Record<string, unknown> {
	return { ...normalFilter(filter), sort: "startedAt_desc", limit, cursor };
}

/**
 * `LiveTraceInput`: only what live matching and search take in the same way. `operationName` must be equal there and contained
 * here, so it is looked at on this side.
 */
export function liveInput(filter: TraceFilter): Record<string, unknown> {
	const { operationName: _looser, ...input } = normalFilter(filter);
	return input;
}

/**
 * Whether a trace belongs to the filter, as far as its summary tells; the live matcher ignores `services`. Undefined when only
 * a search can tell: the summary holds no names of spans, and that of an older server no name of the operation.
 */
export function matchesFilter(filter: TraceFilter, trace: CloudgridTrace): boolean | undefined {
	const { services, operationName, spanName, query } = normalFilter(filter) as TraceFilter;
	if (services !== undefined && trace.serviceName !== undefined && !services.includes(trace.serviceName)) return false;
	let isSure = spanName === undefined && query === undefined;
	if (services !== undefined && trace.serviceName === undefined) isSure = false;
	if (operationName !== undefined) {
		if (trace.operationName === undefined) isSure = false;
		else if (!trace.operationName.toLowerCase().includes(operationName.toLowerCase())) return false;
	}
	return isSure ? true : undefined;
}
