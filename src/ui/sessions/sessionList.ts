import { type SessionSummary, sessionDurationNs } from "../../model/sessionSummary.ts";
import { totalTokens } from "../../model/span.ts";

export const SESSION_SORTS = ["recent", "cost", "duration", "tokens"] as const;
export type SessionSort = (typeof SESSION_SORTS)[number];

export const SESSION_RANGES = ["1h", "6h", "24h", "all"] as const;
export type SessionRange = (typeof SESSION_RANGES)[number];

const RANGE_MS: Readonly<Record<SessionRange, number>> = {
	"1h": 3_600_000,
	"6h": 6 * 3_600_000,
	"24h": 24 * 3_600_000,
	all: Number.POSITIVE_INFINITY,
};

/**
 * The sessions with anything in a range of time before now, the greatest first; equal ones newest first, then by id. A session
 * counts whole, also what of it is older than the range. One that does not know its start is in every range.
 */
export function listSessions(
	sessions: readonly SessionSummary[],
	sort: SessionSort,
	range: SessionRange,
	nowMs: number,
): SessionSummary[] {
	const sinceMs = nowMs - RANGE_MS[range];
	return sessions
		.filter(({ lastTime, isOpen }) => isOpen || lastTime === undefined || lastTime.ms >= sinceMs)
		.map((session) => ({ session, rank: rankOf(session, sort, nowMs) }))
		.sort((a, b) => b.rank - a.rank || startOf(b.session) - startOf(a.session) || compareIds(a.session, b.session))
		.map(({ session }) => session);
}

/** The one after it, and the first one after the last: what a button changes to. */
export function nextOf<T>(values: readonly T[], value: T): T {
	return values[(values.indexOf(value) + 1) % values.length];
}

function rankOf(session: SessionSummary, sort: SessionSort, nowMs: number): number {
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

function startOf({ start }: SessionSummary): number {
	return start === undefined ? 0 : start.ms + start.subNs / 1e6;
}

function compareIds(a: SessionSummary, b: SessionSummary): number {
	return a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0;
}
