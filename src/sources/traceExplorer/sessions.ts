import { differenceNs } from "../../base/timestamp.ts";
import type { ListedSession } from "../../model/sessionSummary.ts";
import type { SessionQuery } from "../source.ts";
import type { SessionRow } from "./decode.ts";

/** The rows that a question is about, the greatest first; text is looked for in ids, models and agents. */
export function listedSessions(
	rows: readonly SessionRow[],
	{ sort, sinceMs, search, limit }: SessionQuery,
): readonly ListedSession[] {
	const needle = search.toLowerCase();
	return rows
		.filter(({ isOpen, end }) => isOpen || sinceMs === undefined || end === undefined || end.ms >= sinceMs)
		.filter(({ sessionId, models, agents }) =>
			[sessionId, ...models, ...agents].some((name) => name.toLowerCase().includes(needle)),
		)
		.sort((a, b) => rankOf(b, sort) - rankOf(a, sort) || startOf(b) - startOf(a))
		.slice(0, limit)
		.map(sessionOf);
}

function sessionOf(row: SessionRow): ListedSession {
	const { sessionId, isOpen, modelCalls, toolCalls, models, agents, start, end } = row;
	return {
		sessionId,
		traceCount: 1,
		failedTraces: 0,
		state: isOpen ? "running" : "completed",
		isOpen,
		// Of a total nobody knows the parts; the sum is right.
		inputTokens: row.totalTokens,
		outputTokens: undefined,
		costUsd: row.costUsd,
		isCostEstimated: false,
		start,
		lastTime: end,
		modelCalls,
		toolCalls,
		models,
		agents,
	};
}

function rankOf(row: SessionRow, sort: SessionQuery["sort"]): number {
	switch (sort) {
		case "recent":
			return startOf(row);
		case "cost":
			return row.costUsd ?? -1;
		case "duration":
			return row.start === undefined || row.end === undefined ? -1 : differenceNs(row.end, row.start);
		case "tokens":
			return row.totalTokens ?? -1;
	}
}

function startOf({ start }: SessionRow): number {
	return start === undefined ? 0 : start.ms + start.subNs / 1e6;
}
