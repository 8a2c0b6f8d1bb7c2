import { MAX_QUERY_LENGTH, parseQuery, type Query } from "../../model/query.ts";

/** A key as `node:readline` tells it. */
export interface Key {
	readonly name: string | undefined;
	/** The characters of a key that writes some. */
	readonly text: string | undefined;
	readonly ctrl: boolean;
	readonly meta: boolean;
}

/** What the person at the keyboard has arranged. */
export interface Arrangement {
	readonly filter: string;
	/** Undefined when the filter is empty. */
	readonly query: Query | undefined;
	/** Trace id; undefined before the first move. */
	readonly selected: string | undefined;
	readonly isPaused: boolean;
	readonly isHelpShown: boolean;
	/** The filter while it is typed. */
	readonly input: string | undefined;
}

/** What a key asks for besides another arrangement. */
export type Effect = "quit" | "suspend" | "open" | "reconnect" | "none";

export interface KeyResult {
	readonly arrangement: Arrangement;
	readonly effect: Effect;
}

const PAGE_ROWS = 10;

/** Answers a key. `traceIds` are those of the table, in its order. Changes nothing for a key that means nothing. */
export function handleKey(before: Arrangement, key: Key, traceIds: readonly string[]): KeyResult {
	if (key.ctrl && key.name === "c") return { arrangement: before, effect: "quit" };
	if (key.ctrl && key.name === "z") return { arrangement: before, effect: "suspend" };
	if (before.input !== undefined) return stay(typeFilter({ ...before, input: before.input }, key));
	const select = (move: (index: number) => number) => stay({ ...before, selected: moved(before, traceIds, move) });
	switch (key.ctrl || key.meta ? undefined : (key.text ?? key.name)) {
		case "q":
			return { arrangement: before, effect: "quit" };
		case "r":
			return { arrangement: before, effect: "reconnect" };
		case "p":
		case " ":
			return stay({ ...before, isPaused: !before.isPaused });
		case "/":
			return stay({ ...before, input: before.filter, isHelpShown: false });
		case "?":
			return stay({ ...before, isHelpShown: !before.isHelpShown });
		case "j":
			return select((index) => index + 1);
		case "k":
			return select((index) => index - 1);
		case "g":
			return select(() => 0);
		case "G":
			return select(() => traceIds.length - 1);
	}
	switch (key.name) {
		case "down":
			return select((index) => index + 1);
		case "up":
			return select((index) => index - 1);
		case "pagedown":
			return select((index) => index + PAGE_ROWS);
		case "pageup":
			return select((index) => index - PAGE_ROWS);
		case "home":
			return select(() => 0);
		case "end":
			return select(() => traceIds.length - 1);
		case "return":
		case "enter":
			return { arrangement: before, effect: "open" };
		case "escape":
			if (before.isHelpShown) return stay({ ...before, isHelpShown: false });
			return stay({ ...before, filter: "", query: undefined });
		default:
			return stay(before);
	}
}

/** What is wrong with a filter as it is typed; undefined when nothing is. */
export function filterProblem(text: string): string | undefined {
	const parsed = parseQuery(text);
	return parsed.ok ? undefined : parsed.error.message;
}

/** The query of a filter's text; undefined for an empty one. The text must have no problem. */
export function queryOf(text: string): Query | undefined {
	const parsed = parseQuery(text);
	return parsed.ok && text.trim() !== "" ? parsed.query : undefined;
}

function typeFilter(before: Arrangement & { readonly input: string }, key: Key): Arrangement {
	const { input } = before;
	switch (key.ctrl ? `ctrl+${key.name}` : key.name) {
		case "return":
		case "enter": {
			// A filter that cannot be read stays in the line, with what is wrong behind it.
			if (filterProblem(input) !== undefined) return before;
			return { ...before, filter: input.trim(), query: queryOf(input), input: undefined };
		}
		case "escape":
			return { ...before, input: undefined };
		case "backspace":
			return { ...before, input: [...input].slice(0, -1).join("") };
		case "ctrl+u":
			return { ...before, input: "" };
		case "ctrl+w":
			return { ...before, input: input.replace(/\S*\s*$/, "") };
	}
	const { text } = key;
	if (key.ctrl || key.meta || text === undefined || /\p{Cc}/u.test(text)) return before;
	return input.length + text.length > MAX_QUERY_LENGTH ? before : { ...before, input: input + text };
}

/** The trace that a move from the selected one leads to; from nowhere any move leads to an end of the table. */
function moved(
	{ selected }: Arrangement,
	traceIds: readonly string[],
	move: (index: number) => number,
): string | undefined {
	if (traceIds.length === 0) return selected;
	const index = selected === undefined ? -1 : traceIds.indexOf(selected);
	const next = index < 0 ? Math.max(0, move(-1)) : move(index);
	return traceIds[Math.min(traceIds.length - 1, Math.max(0, next))];
}

function stay(arrangement: Arrangement): KeyResult {
	return { arrangement, effect: "none" };
}
