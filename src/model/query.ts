import { formatTimestamp, parseTimestamp, type Timestamp } from "../base/timestamp.ts";
import { SPAN_STATES } from "./span.ts";

/**
 * The language of the search bar (Traceway reference, section 9; the union of what its documentation and its dashboard
 * know): terms separated by white space, all of which must hold.
 *
 *     model:gpt-4o status:failed duration:>2s -kind:tool since:24h "connection reset"
 *
 * A term is `key:value`, or a bare word or quoted phrase that is searched as text; `-` before either negates it. A value
 * with spaces, or one that begins with a quote, stands in double quotes, in which `\"` is a quote and `\\` a backslash.
 * Keys are read in any case. What each key compares is told in `queryMatch.ts`.
 */
export interface Query {
	readonly terms: readonly QueryTerm[];
	readonly sort: QuerySort | undefined;
	/** Direction of `sort`, and of the list's own order when `sort` is not given. */
	readonly order: "asc" | "desc" | undefined;
}

export type QuerySort = "started" | "duration" | "tokens" | "cost" | "name";

export type StringKey =
	| "model"
	| "provider"
	| "kind"
	| "status"
	| "name"
	| "path"
	| "trace"
	| "session"
	| "service"
	| "text"
	| "input"
	| "output";
export type NumberKey = "cost" | "tokens" | "input_tokens" | "output_tokens" | "duration";
export type TimeKey = "since" | "until";

export type QueryTerm =
	| { readonly key: StringKey; readonly value: string; readonly isNegated: boolean }
	| { readonly key: NumberKey; readonly bounds: Bounds; readonly isNegated: boolean }
	| { readonly key: TimeKey; readonly time: QueryTime; readonly isNegated: boolean };

/** At least one side is given. US dollars, tokens, or milliseconds. */
export interface Bounds {
	readonly min: number | undefined;
	readonly max: number | undefined;
	/** The bounds themselves do not match: `>5`, `<5`. */
	readonly isOpen: boolean;
}

/** A point in time, or one that moves: so many milliseconds before now. */
export type QueryTime = { readonly at: Timestamp } | { readonly agoMs: number };

export interface QueryError {
	/** One sentence for people: what is wrong and what would be right. */
	readonly message: string;
	/** Place of the part that is meant, in UTF-16 units from 0; `column + length` is never past the text's end. */
	readonly column: number;
	readonly length: number;
}

export type QueryResult =
	| { readonly ok: true; readonly query: Query }
	| { readonly ok: false; readonly error: QueryError };

/** Longest text that is read, in UTF-16 units. */
export const MAX_QUERY_LENGTH = 2000;
/** Most text, input and output terms: each may cost a search at the server. */
export const MAX_TEXT_TERMS = 8;

const STRING_KEYS: readonly StringKey[] = [
	"model",
	"provider",
	"kind",
	"status",
	"name",
	"path",
	"trace",
	"session",
	"service",
	"text",
	"input",
	"output",
];
const NUMBER_KEYS: readonly NumberKey[] = ["cost", "tokens", "input_tokens", "output_tokens", "duration"];
const TIME_KEYS: readonly TimeKey[] = ["since", "until"];

/** Every word that may stand before a colon, in the order in which completion offers them. */
export const QUERY_KEYS: readonly string[] = [...STRING_KEYS, ...NUMBER_KEYS, ...TIME_KEYS, "sort", "order"];

/** Values of the keys that take one of a few words, and times worth offering. */
export const FIXED_VALUES: Readonly<Record<string, readonly string[]>> = {
	status: SPAN_STATES,
	sort: ["started", "duration", "tokens", "cost", "name"] satisfies QuerySort[],
	order: ["desc", "asc"],
	since: ["5m", "1h", "24h", "7d", "30d"],
	until: ["5m", "1h", "24h", "7d", "30d"],
};

/** Reads a text of the search bar. Never throws; of several errors the first is told. An empty text matches everything. */
export function parseQuery(text: string): QueryResult {
	if (text.length > MAX_QUERY_LENGTH) {
		return failure(
			`The filter has ${text.length} characters; at most ${MAX_QUERY_LENGTH} are read.`,
			MAX_QUERY_LENGTH,
			text.length,
		);
	}
	const terms: QueryTerm[] = [];
	let sort: QuerySort | undefined;
	let order: Query["order"];
	let textTerms = 0;
	for (const token of scanTokens(text)) {
		const problem = tokenProblem(token, text);
		if (problem !== undefined) return { ok: false, error: problem };
		const { value, isNegated } = token;
		const key = token.key ?? "text";
		const fail = (message: string) => failure(message, token.valueFrom, token.to);
		if (key === "sort" || key === "order") {
			if (isNegated) return failure(`"${key}" cannot be negated.`, token.from, token.to);
			if ((key === "sort" ? sort : order) !== undefined) {
				return failure(`"${key}" is given twice.`, token.from, token.to);
			}
			const word = value.toLowerCase().replace(/^started_at$/, "started");
			if (!FIXED_VALUES[key].includes(word)) return fail(wordProblem(key, value));
			if (key === "sort") sort = word as QuerySort;
			else order = word as Query["order"];
		} else if (isOneOf(NUMBER_KEYS, key)) {
			const bounds = parseBounds(key, value);
			if (typeof bounds === "string") return fail(bounds);
			terms.push({ key, bounds, isNegated });
		} else if (isOneOf(TIME_KEYS, key)) {
			const time = parseTime(value);
			if (time === undefined) {
				return fail(`"${shorten(value)}" is not a time; write 5m, 24h, 7d or 2026-03-06T09:00:00Z.`);
			}
			terms.push({ key, time, isNegated });
		} else if (isOneOf(STRING_KEYS, key)) {
			if (key === "status" && !FIXED_VALUES.status.includes(value.toLowerCase())) return fail(wordProblem(key, value));
			if ((key === "text" || key === "input" || key === "output") && ++textTerms > MAX_TEXT_TERMS) {
				return failure(
					`More than ${MAX_TEXT_TERMS} words are searched; put words that follow each other in quotes.`,
					token.from,
					token.to,
				);
			}
			terms.push({ key, value: key === "status" ? value.toLowerCase() : value, isNegated });
		}
	}
	return { ok: true, query: { terms, sort, order } };
}

/** The text of a query in one way of writing; `parseQuery` reads it back to an equal query. */
export function formatQuery(query: Query): string {
	const parts = query.terms.map((term) => {
		const sign = term.isNegated ? "-" : "";
		if ("bounds" in term) return `${sign}${term.key}:${formatBounds(term.key, term.bounds)}`;
		if ("time" in term) return `${sign}${term.key}:${formatTime(term.time)}`;
		if (term.key === "text") return `${sign}${needsQuotes(term.value, true) ? quote(term.value) : term.value}`;
		return `${sign}${term.key}:${formatValue(term.value)}`;
	});
	if (query.sort !== undefined) parts.push(`sort:${query.sort}`);
	if (query.order !== undefined) parts.push(`order:${query.order}`);
	return parts.join(" ");
}

/** A value as it may stand after a colon: in quotes where it needs them. */
export function formatValue(value: string): string {
	return needsQuotes(value, false) ? quote(value) : value;
}

/** One term as it stands in the text, not yet understood. Places are UTF-16 units, `to` and `strayAt` exclusive. */
export interface QueryToken {
	readonly from: number;
	readonly to: number;
	readonly isNegated: boolean;
	/** In lower case, without the colon. */
	readonly key: string | undefined;
	readonly keyFrom: number;
	readonly valueFrom: number;
	readonly value: string;
	readonly isQuoted: boolean;
	/** A quote that does not end. */
	readonly isUnclosed: boolean;
	/** Where a closing quote is followed by something else than white space. */
	readonly strayAt: number | undefined;
}

const SPACE = /\s/;
const SPACES = /\s*/y;
const WORD = /\S*/y;
const KEY = /[A-Za-z_][A-Za-z0-9_]*:/y;

/** Cuts a text into its terms; accepts anything. */
export function scanTokens(text: string): QueryToken[] {
	const tokens: QueryToken[] = [];
	const run = (pattern: RegExp, at: number): number => {
		pattern.lastIndex = at;
		return pattern.exec(text)?.[0].length ?? 0;
	};
	let at = run(SPACES, 0);
	while (at < text.length) {
		const from = at;
		const isNegated = text[at] === "-" && at + 1 < text.length && !SPACE.test(text[at + 1]);
		if (isNegated) at++;
		const keyFrom = at;
		const keyLength = run(KEY, at);
		const key = keyLength > 0 ? text.slice(at, at + keyLength - 1).toLowerCase() : undefined;
		at += keyLength;
		const valueFrom = at;
		const isQuoted = text[at] === '"';
		let value = "";
		let isUnclosed = false;
		let strayAt: number | undefined;
		if (isQuoted) {
			at++;
			while (at < text.length && text[at] !== '"') {
				if (text[at] === "\\" && (text[at + 1] === '"' || text[at + 1] === "\\")) at++;
				value += text[at++];
			}
			isUnclosed = at >= text.length;
			if (!isUnclosed) at++;
			const rest = run(WORD, at);
			if (rest > 0) strayAt = at;
			at += rest;
		} else {
			at += run(WORD, at);
			value = text.slice(valueFrom, at);
		}
		tokens.push({ from, to: at, isNegated, key, keyFrom, valueFrom, value, isQuoted, isUnclosed, strayAt });
		at += run(SPACES, at);
	}
	return tokens;
}

function tokenProblem(token: QueryToken, text: string): QueryError | undefined {
	const at = (message: string, from: number, to: number): QueryError => ({ message, column: from, length: to - from });
	const { key, keyFrom, valueFrom } = token;
	if (key !== undefined && !QUERY_KEYS.includes(key)) {
		const written = text.slice(keyFrom, valueFrom - 1);
		const near = nearest(key, QUERY_KEYS);
		const hint = near === undefined ? "To search for it as text, put it in quotes." : `Did you mean "${near}"?`;
		return at(`There is no key "${shorten(written)}". ${hint}`, keyFrom, valueFrom - 1);
	}
	if (token.isUnclosed) return at("This quote is not closed.", valueFrom, token.to);
	if (token.strayAt !== undefined) return at("After a closing quote there must be a space.", token.strayAt, token.to);
	if (token.value === "") {
		const subject = key === undefined ? "The quotes are empty." : `"${key}" needs a value right after the colon.`;
		return at(subject, token.from, token.to);
	}
	const comparison = token.isQuoted || key !== undefined ? null : BARE_COMPARISON.exec(token.value);
	if (comparison !== null) {
		const [start, word] = comparison;
		return at(`Write "${word.toLowerCase()}:" before the comparison.`, valueFrom, valueFrom + start.length);
	}
	return undefined;
}

/** `cost>5`: a text that nobody searches for and everybody means otherwise. */
const BARE_COMPARISON = new RegExp(`^(${[...NUMBER_KEYS, ...TIME_KEYS].join("|")})(?:[<>]=?|=)`, "i");

const NUMBER = String.raw`(\d+(?:\.\d+)?(?:e[+-]?\d+)?)`;
const COMPARISON = new RegExp(`^(>=|<=|>|<)?${NUMBER}([a-z]*)$`, "i");
const RANGE = new RegExp(`^${NUMBER}([a-z]*)-${NUMBER}([a-z]*)$`, "i");
const DURATION_UNITS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000 };

/** Bounds, or what is wrong with them. */
function parseBounds(key: NumberKey, value: string): Bounds | string {
	const form =
		key === "duration"
			? "duration:>500ms, duration:<2s or duration:1s-5s"
			: `${key}:>100, ${key}:<=500 or ${key}:100-500`;
	const scale = (digits: string, unit: string): number | string => {
		const factor = key === "duration" ? DURATION_UNITS[unit.toLowerCase()] : unit === "" ? 1 : undefined;
		if (factor === undefined) {
			return key === "duration"
				? `"${unit}" is no unit of a duration; use ms, s or m.`
				: `"${key}" takes a number without a unit.`;
		}
		const number = Number(digits) * factor;
		return Number.isFinite(number) ? number : `"${shorten(digits)}" is too large.`;
	};
	// Before the range: 1e-3 is one number, not a range from "1e" to 3.
	const comparison = COMPARISON.exec(value);
	if (comparison !== null) {
		const number = scale(comparison[2], comparison[3]);
		if (typeof number === "string") return number;
		// A bare number is a minimum, as in Traceway's dashboard.
		const relation = comparison[1] ?? ">=";
		return relation.startsWith(">")
			? { min: number, max: undefined, isOpen: relation === ">" }
			: { min: undefined, max: number, isOpen: relation === "<" };
	}
	const range = RANGE.exec(value);
	if (range === null) return `"${shorten(value)}" is not a number; write ${form}.`;
	const min = scale(range[1], range[2]);
	const max = scale(range[3], range[4]);
	if (typeof min === "string") return min;
	if (typeof max === "string") return max;
	if (min > max) return `The range "${shorten(value)}" is empty: its first number is the larger one.`;
	return { min, max, isOpen: false };
}

function formatBounds(key: NumberKey, bounds: Bounds): string {
	const unit = key === "duration" ? "ms" : "";
	const { min, max, isOpen } = bounds;
	if (min !== undefined && max !== undefined) return `${min}${unit}-${max}${unit}`;
	if (min !== undefined) return `${isOpen ? ">" : ">="}${min}${unit}`;
	return `${isOpen ? "<" : "<="}${max}${unit}`;
}

const AGO = /^(\d{1,6})([smhd])$/i;
const AGO_UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

function parseTime(value: string): QueryTime | undefined {
	const ago = AGO.exec(value);
	if (ago !== null) return { agoMs: Number(ago[1]) * AGO_UNITS[ago[2].toLowerCase()] };
	const at = parseTimestamp(/^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00:00Z` : value);
	// What formatTimestamp cannot write (an offset that leaves the years 0–9999) is no time that a trace can have.
	return at === undefined || formatTimestamp(at) === undefined ? undefined : { at };
}

function formatTime(time: QueryTime): string {
	if ("at" in time) return formatTimestamp(time.at) ?? "";
	const { agoMs } = time;
	// A count of more than six digits would not be read back, so the largest unit that divides is the right one.
	const unit = Object.keys(AGO_UNITS).find((name) => agoMs % AGO_UNITS[name] === 0) ?? "s";
	return `${agoMs / AGO_UNITS[unit]}${unit}`;
}

function needsQuotes(value: string, isBare: boolean): boolean {
	if (value.startsWith('"') || SPACE.test(value)) return true;
	return isBare && (value.startsWith("-") || /^[A-Za-z_][A-Za-z0-9_]*:/.test(value) || BARE_COMPARISON.test(value));
}

function quote(value: string): string {
	return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function wordProblem(key: string, value: string): string {
	const near = nearest(value.toLowerCase(), FIXED_VALUES[key]);
	const hint = near === undefined ? `use ${listed(FIXED_VALUES[key])}` : `did you mean "${near}"?`;
	return `"${shorten(value)}" is no ${key}; ${hint}${near === undefined ? "." : ""}`;
}

function listed(words: readonly string[]): string {
	return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function failure(message: string, from: number, to: number): QueryResult {
	return { ok: false, error: { message, column: from, length: to - from } };
}

function isOneOf<T extends string>(words: readonly T[], word: string): word is T {
	return (words as readonly string[]).includes(word);
}

/** Texts in messages stay short and are never cut inside a pair. */
function shorten(text: string): string {
	return text.length <= 40 ? text : `${[...text.slice(0, 40)].slice(0, -1).join("")}…`;
}

/** The word with the smallest edit distance, when it is close enough to be a slip: two edits, and not half the word. */
function nearest(word: string, words: readonly string[]): string | undefined {
	if (word.length > 20) return undefined;
	let best: string | undefined;
	let bestDistance = Math.min(3, Math.ceil(word.length / 2));
	for (const candidate of words) {
		// A beginning of at least three letters is meant even when most of the word is missing.
		if (word.length >= 3 && candidate.startsWith(word)) return candidate;
		const distance = editDistance(word, candidate);
		if (distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
		}
		row = next;
	}
	return row[b.length];
}
