import type { ListedSession } from "../../model/sessionSummary.ts";
import { type SessionQuery, SourceError } from "../source.ts";
import { asObject, decodeCost, decodeId, decodeNumber, decodeTime } from "../wire.ts";
import { pathOf, type TracewayClient } from "./client.ts";

const SORT_WORDS = { recent: "started", cost: "cost", duration: "duration", tokens: "tokens" } as const;

/**
 * A page of the server's sessions. Sorting, range and search are our own server's; another one may leave them out, so what
 * comes is sorted and sifted again by whoever shows it.
 *
 * @throws SourceError `unsupported` when the server has no sessions.
 */
export async function getSessions(
	client: TracewayClient,
	{ sort, sinceMs, search, limit }: SessionQuery,
	signal: AbortSignal,
): Promise<readonly ListedSession[]> {
	const query = {
		sort_by: SORT_WORDS[sort],
		since: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
		search: search === "" ? undefined : search,
		limit,
	};
	const page = asObject(await getJson(client, "/sessions", query, signal));
	const items = page?.items ?? page?.sessions;
	if (!Array.isArray(items)) throw unsupported();
	return items.slice(0, limit).flatMap((item) => decodeSession(item) ?? []);
}

/** Undefined for what names no session. */
function decodeSession(value: unknown): ListedSession | undefined {
	const wire = asObject(value);
	const sessionId = decodeId(wire?.id);
	if (wire === undefined || sessionId === undefined) return undefined;
	const inputTokens = decodeNumber(wire.input_tokens);
	const failedTraces = decodeNumber(wire.failed_trace_count) ?? 0;
	const isOpen = wire.status === "running";
	return {
		sessionId,
		traceCount: decodeNumber(wire.trace_count) ?? 0,
		failedTraces,
		state: wire.status === "failed" || failedTraces > 0 ? "failed" : isOpen ? "running" : "completed",
		isOpen,
		// A server that knows their sum only.
		inputTokens: inputTokens ?? decodeNumber(wire.total_tokens),
		outputTokens: inputTokens === undefined ? undefined : decodeNumber(wire.output_tokens),
		costUsd: decodeCost(wire.total_cost),
		isCostEstimated: false,
		start: decodeTime(wire.started_at),
		lastTime: decodeTime(wire.last_active) ?? decodeTime(wire.ended_at) ?? decodeTime(wire.started_at),
	};
}

/**
 * Ids of the traces that have a part in a session, oldest first. Only our own server and the documents' newest API have sessions.
 *
 * @throws SourceError `notFound` when the server does not have this session, `unsupported` when it has none at all.
 */
export async function getSessionTraces(
	client: TracewayClient,
	sessionId: string,
	signal: AbortSignal,
): Promise<readonly string[]> {
	const traces = asObject(await getSession(client, sessionId, signal))?.traces;
	if (!Array.isArray(traces)) throw unsupported();
	return traces.map((trace) => decodeId(asObject(trace)?.id)).filter((id) => id !== undefined);
}

async function getSession(client: TracewayClient, sessionId: string, signal: AbortSignal): Promise<unknown> {
	return await getJson(client, pathOf("sessions", sessionId), {}, signal);
}

async function getJson(
	client: TracewayClient,
	path: string,
	query: Readonly<Record<string, string | number | undefined>>,
	signal: AbortSignal,
): Promise<unknown> {
	try {
		return (await client.get(path, { query, signal })).value;
	} catch (error) {
		// A page that a server gives for every unknown path is no JSON.
		if (error instanceof SourceError && ["gone", "contentType"].includes(error.reason)) throw unsupported(error);
		throw error;
	}
}

function unsupported(cause?: unknown): SourceError {
	return new SourceError("unsupported", "this server knows no sessions", { cause });
}
