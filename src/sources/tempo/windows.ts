import type { SearchAnswer, SearchRow } from "./searchAnswer.ts";

/** A range of time in whole seconds since the epoch, `from` < `to`. */
export interface SearchWindow {
	readonly from: number;
	readonly to: number;
}

/** What a search said: too long a range, or the limit that was asked for and what was found. */
export type WindowAnswer = SearchAnswer | "rangeTooLong";

export interface WindowRows extends SearchWindow {
	readonly rows: readonly SearchRow[];
	/** False where one second holds more traces than the server gives. */
	readonly isComplete: boolean;
}

/** Traces that a search asks for; a second that holds more is asked again for as many as `MAX_LIMIT`. */
export const LIMIT = 500;
export const MAX_LIMIT = 10_000;

/**
 * Finds all traces of a range, the newest part of it first. Tempo gives "the first N results", any N: a part that is cut at the
 * limit is searched again in halves, until every one of its traces has been named. A trace is in each part that it overlaps.
 *
 * @param search one search; `limit` is the number of traces it asks for, and may be lowered to what the server takes.
 */
export async function* searchWindows(
	search: (window: SearchWindow, limit: number) => Promise<{ answer: WindowAnswer; limit: number }>,
	range: SearchWindow,
): AsyncGenerator<WindowRows> {
	const parts = [range];
	for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
		const { answer, limit } = await search(part, LIMIT);
		const isCut = answer === "rangeTooLong" || answer.count >= limit;
		if (isCut && part.to - part.from > 1) {
			const middle = Math.floor((part.from + part.to) / 2);
			parts.push({ from: part.from, to: middle }, { from: middle, to: part.to });
			continue;
		}
		if (answer === "rangeTooLong") {
			yield { ...part, rows: [], isComplete: false };
		} else if (isCut) {
			const more = await search(part, MAX_LIMIT);
			const found = more.answer === "rangeTooLong" ? answer : more.answer;
			yield { ...part, rows: found.rows, isComplete: found.count < more.limit };
		} else yield { ...part, rows: answer.rows, isComplete: true };
	}
}
