import { type ListedSession, type SessionSummary, sessionDurationNs } from "../../model/sessionSummary.ts";
import { totalTokens } from "../../model/span.ts";

export const SESSION_SORTS = ["recent", "cost", "duration", "tokens"] as const;
export type SessionSort = (typeof SESSION_SORTS)[number];

export const SESSION_RANGES = ["1h", "6h", "24h", "all"] as const;
export type SessionRange = (typeof SESSION_RANGES)[number];

const RANGE_MS: Readonly<Record<Exclude<SessionRange, "all">, number>> = {
	"1h": 3_600_000,
	"6h": 6 * 3_600_000,
	"24h": 24 * 3_600_000,
};

/**
 * The sessions with anything in a range of time before now, the greatest first; equal ones newest first, then by id. A session
 * counts whole, also what of it is older than the range. One that does not know its start is in every range.
 */
export function listSessions<Session extends ListedSession>(
	sessions: readonly Session[],
	sort: SessionSort,
	range: SessionRange,
	nowMs: number,
): Session[] {
	const sinceMs = sinceOf(range, nowMs) ?? Number.NEGATIVE_INFINITY;
	return sessions
		.filter(({ lastTime, isOpen }) => isOpen || lastTime === undefined || lastTime.ms >= sinceMs)
		.map((session) => ({ session, rank: rankOf(session, sort, nowMs) }))
		.sort((a, b) => b.rank - a.rank || startOf(b.session) - startOf(a.session) || compareIds(a.session, b.session))
		.map(({ session }) => session);
}

/** When a range begins; undefined for all time. */
export function sinceOf(range: SessionRange, nowMs: number): number | undefined {
	return range === "all" ? undefined : nowMs - RANGE_MS[range];
}

/**
 * Sessions that are here together with those that a server told of. One that is here is told live and with its calls, unless
 * the server has more of its traces or calls: then its sums are the whole ones.
 */
export function mergeSessions(
	here: readonly SessionSummary[],
	told: readonly ListedSession[],
): (SessionSummary | ListedSession)[] {
	const merged = new Map<string, SessionSummary | ListedSession>(here.map((session) => [session.sessionId, session]));
	for (const session of told) {
		const known = merged.get(session.sessionId);
		const hasMore = known === undefined || known.traceCount < session.traceCount || callsOf(known) < callsOf(session);
		if (hasMore) merged.set(session.sessionId, session);
	}
	return [...merged.values()];
}

function callsOf({ modelCalls = 0, toolCalls = 0 }: ListedSession): number {
	return modelCalls + toolCalls;
}

/** The one after it, and the first one after the last: what a button changes to. */
export function nextOf<T>(values: readonly T[], value: T): T {
	return values[(values.indexOf(value) + 1) % values.length];
}

function rankOf(session: ListedSession, sort: SessionSort, nowMs: number): number {
	switch (sort) {
		case "recent":
			return startOf(session);
		case "cost":
			return session.costUsd ?? -1;
		case "duration":
			return sessionDurationNs(session, nowMs) ?? -1;
		case "tokens":
			return totalTokens(session.inputTokens, session.outputTokens) ?? -1;
	}
}

function startOf({ start }: ListedSession): number {
	return start === undefined ? 0 : start.ms + start.subNs / 1e6;
}

function compareIds(a: ListedSession, b: ListedSession): number {
	return a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0;
}
