import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	FIXED_VALUES,
	formatQuery,
	MAX_QUERY_LENGTH,
	MAX_TEXT_TERMS,
	parseQuery,
	QUERY_KEYS,
	type Query,
	type QueryTerm,
} from "../../../src/model/query.ts";

function parsed(text: string): Query {
	const result = parseQuery(text);
	if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
	return result.query;
}

/** The only term of a text. */
function term(text: string): QueryTerm {
	const { terms } = parsed(text);
	expect(terms).toHaveLength(1);
	return terms[0];
}

/** The error of a text and the part of it that the error points at. */
function problem(text: string): [message: string, part: string, column: number] {
	const result = parseQuery(text);
	if (result.ok) throw new Error(`${text}: no error`);
	const { message, column, length } = result.error;
	return [message, text.slice(column, column + length), column];
}

describe("parseQuery", { timeout: 30_000 }, () => {
	it("reads an empty text as a query that matches everything", () => {
		for (const text of ["", "   ", "\t\n"])
			expect(parsed(text)).toEqual({ terms: [], sort: undefined, order: undefined });
	});

	it("reads every string key", () => {
		const keys = [
			"model",
			"provider",
			"kind",
			"name",
			"path",
			"trace",
			"session",
			"service",
			"text",
			"input",
			"output",
		];
		for (const key of keys) expect(term(`${key}:a/b-c.d`)).toEqual({ key, value: "a/b-c.d", isNegated: false });
		expect(term("status:Failed")).toEqual({ key: "status", value: "failed", isNegated: false });
	});

	it("reads keys in any case and leaves values as they are", () => {
		expect(term("MODEL:GPT-4o")).toEqual({ key: "model", value: "GPT-4o", isNegated: false });
	});

	it.each([
		["cost:>0.5", { min: 0.5, max: undefined, isOpen: true }],
		["cost:>=0.5", { min: 0.5, max: undefined, isOpen: false }],
		["tokens:<100", { min: undefined, max: 100, isOpen: true }],
		["input_tokens:<=100", { min: undefined, max: 100, isOpen: false }],
		["output_tokens:100-500", { min: 100, max: 500, isOpen: false }],
		["tokens:500", { min: 500, max: undefined, isOpen: false }],
		["cost:1e-3", { min: 0.001, max: undefined, isOpen: false }],
		["cost:1e-3-2", { min: 0.001, max: 2, isOpen: false }],
		["duration:500", { min: 500, max: undefined, isOpen: false }],
		["duration:>500ms", { min: 500, max: undefined, isOpen: true }],
		["duration:<2s", { min: undefined, max: 2000, isOpen: true }],
		["duration:1.5m", { min: 90_000, max: undefined, isOpen: false }],
		["duration:1s-2m", { min: 1000, max: 120_000, isOpen: false }],
		["duration:100-500", { min: 100, max: 500, isOpen: false }],
		['duration:">500MS"', { min: 500, max: undefined, isOpen: true }],
	])("reads %s", (text, bounds) => {
		expect(term(text)).toMatchObject({ bounds, isNegated: false });
	});

	it.each([
		["since:5m", { agoMs: 300_000 }],
		["since:24h", { agoMs: 86_400_000 }],
		["until:7d", { agoMs: 604_800_000 }],
		["since:90s", { agoMs: 90_000 }],
		["since:2026-03-06", { at: { ms: Date.UTC(2026, 2, 6), subNs: 0 } }],
		["until:2026-03-06T09:00:00.123456789+02:00", { at: { ms: Date.UTC(2026, 2, 6, 7, 0, 0, 123), subNs: 456_789 } }],
		['until:"2026-03-06 09:00:00"', { at: { ms: Date.UTC(2026, 2, 6, 9), subNs: 0 } }],
	])("reads %s", (text, time) => {
		expect(term(text)).toMatchObject({ time, isNegated: false });
	});

	it("reads sort and order", () => {
		expect(parsed("sort:cost order:asc")).toEqual({ terms: [], sort: "cost", order: "asc" });
		expect(parsed("sort:STARTED_AT").sort).toBe("started");
	});

	it("reads quoted values with their escapes, and leaves other backslashes alone", () => {
		expect(term('name:"two words"')).toMatchObject({ value: "two words" });
		expect(term(String.raw`name:"say \"hi\" \\ C:\temp"`)).toMatchObject({ value: String.raw`say "hi" \ C:\temp` });
		expect(term(String.raw`path:C:\temp\new`)).toMatchObject({ value: String.raw`C:\temp\new` });
		expect(term('name:a"b')).toMatchObject({ value: 'a"b' });
	});

	it("reads bare words and phrases as text, all of them", () => {
		expect(parsed('refund "two words" 12:30').terms).toEqual([
			{ key: "text", value: "refund", isNegated: false },
			{ key: "text", value: "two words", isNegated: false },
			{ key: "text", value: "12:30", isNegated: false },
		]);
	});

	it("negates terms, words and phrases, and takes a lone hyphen for text", () => {
		expect(term("-model:gpt-4o")).toMatchObject({ key: "model", value: "gpt-4o", isNegated: true });
		expect(term("-duration:>2s")).toMatchObject({ key: "duration", isNegated: true });
		expect(term("-retry")).toEqual({ key: "text", value: "retry", isNegated: true });
		expect(term('-"two words"')).toEqual({ key: "text", value: "two words", isNegated: true });
		expect(term("-")).toEqual({ key: "text", value: "-", isNegated: false });
	});

	it.each([
		["status:failed modle:gpt", 'There is no key "modle". Did you mean "model"?', "modle"],
		["-statsu:failed", 'There is no key "statsu". Did you mean "status"?', "statsu"],
		["dur:5", 'There is no key "dur". Did you mean "duration"?', "dur"],
		["see http://x", 'There is no key "http". To search for it as text, put it in quotes.', "http"],
		["status:faild", '"faild" is no status; did you mean "failed"?', "faild"],
		["status:x", '"x" is no status; use running, completed or failed.', "x"],
		["sort:size", '"size" is no sort; use started, duration, tokens, cost or name.', "size"],
		["order:up", '"up" is no order; use desc or asc.', "up"],
		["sort:cost sort:name", '"sort" is given twice.', "sort:name"],
		["-order:asc", '"order" cannot be negated.', "-order:asc"],
		["a model: b", '"model" needs a value right after the colon.', "model:"],
		['model:""', '"model" needs a value right after the colon.', 'model:""'],
		['a ""', "The quotes are empty.", '""'],
		['a name:"b c', "This quote is not closed.", '"b c'],
		['name:"b"c d', "After a closing quote there must be a space.", "c"],
		["tokens:many", '"many" is not a number; write tokens:>100, tokens:<=500 or tokens:100-500.', "many"],
		["duration:5h", '"h" is no unit of a duration; use ms, s or m.', "5h"],
		["cost:5usd", '"cost" takes a number without a unit.', "5usd"],
		["tokens:9-3", 'The range "9-3" is empty: its first number is the larger one.', "9-3"],
		["cost:1e999", '"1e999" is too large.', "1e999"],
		["since:soon", '"soon" is not a time; write 5m, 24h, 7d or 2026-03-06T09:00:00Z.', "soon"],
		["until:2026-02-30", '"2026-02-30" is not a time; write 5m, 24h, 7d or 2026-03-06T09:00:00Z.', "2026-02-30"],
		["a cost>5", 'Write "cost:" before the comparison.', "cost>"],
	])("says of %s: %s", (text, message, part) => {
		expect(problem(text).slice(0, 2)).toEqual([message, part]);
	});

	it("tells the first of several errors", () => {
		expect(problem("modle:a statsu:b")[2]).toBe(0);
	});

	it("counts columns in UTF-16 units", () => {
		expect(problem("🙂 modle:a")[2]).toBe(3);
	});

	it("bounds the text and the number of its text terms", () => {
		const long = "a".repeat(MAX_QUERY_LENGTH);
		expect(parseQuery(long).ok).toBe(true);
		expect(problem(`${long}bc`)).toEqual([expect.stringContaining("at most 2000"), "bc", MAX_QUERY_LENGTH]);
		const words = Array.from({ length: MAX_TEXT_TERMS }, (_, index) => `w${index}`).join(" ");
		expect(parseQuery(words).ok).toBe(true);
		expect(problem(`${words} -input:x`)[1]).toBe("-input:x");
	});

	it("never throws, and every error points inside the text", () => {
		const piece = fc.oneof(
			fc.string({ unit: "binary", maxLength: 8 }),
			fc.constantFrom(...QUERY_KEYS.flatMap((key) => [`${key}:`, key])),
			fc.constantFrom(
				" ",
				"-",
				'"',
				"\\",
				">",
				"<",
				">=",
				"5",
				"1e9",
				"ms",
				"2s",
				"24h",
				"2026-03-06",
				"\u2028",
				"\ud800",
				"\0",
			),
			fc.constantFrom(...Object.values(FIXED_VALUES).flat()),
		);
		fc.assert(
			fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
				const text = pieces.join("");
				const result = parseQuery(text);
				if (result.ok) {
					expect(parsed(formatQuery(result.query))).toEqual(result.query);
					return;
				}
				const { message, column, length } = result.error;
				expect(message).not.toBe("");
				expect(column).toBeGreaterThanOrEqual(0);
				expect(length).toBeGreaterThan(0);
				expect(column + length).toBeLessThanOrEqual(text.length);
			}),
			{ numRuns: 2000 },
		);
	});
});

const words = fc.oneof(
	fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
	fc.constantFrom('"', "\\", '\\"', "-", "-a", "a:b", "cost>5", " ", "a b", "–", "NaN", "sort:cost"),
);
const numbers = fc.double({ min: 0, max: 1e15, noNaN: true }).map((value) => value + 0);
const bounds = fc.oneof(
	fc.record({ min: numbers, max: fc.constant(undefined), isOpen: fc.boolean() }),
	fc.record({ min: fc.constant(undefined), max: numbers, isOpen: fc.boolean() }),
	fc.tuple(numbers, numbers).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b), isOpen: false })),
);
const times = fc.oneof(
	fc
		.tuple(fc.nat(999_999), fc.constantFrom(1000, 60_000, 3_600_000, 86_400_000))
		.map(([n, unit]) => ({ agoMs: n * unit })),
	fc
		.record({ ms: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), subNs: fc.nat(999_999) })
		.map((at) => ({ at })),
);
const isNegated = fc.boolean();
const anyTerm: fc.Arbitrary<QueryTerm> = fc.oneof(
	fc.record({
		key: fc.constantFrom("model", "provider", "kind", "name", "path", "trace", "session", "service", "text", "input"),
		value: words,
		isNegated,
	}) as fc.Arbitrary<QueryTerm>,
	fc.record({
		key: fc.constantFrom("cost", "tokens", "input_tokens", "output_tokens", "duration"),
		bounds,
		isNegated,
	}) as fc.Arbitrary<QueryTerm>,
	fc.record({ key: fc.constantFrom("since", "until"), time: times, isNegated }) as fc.Arbitrary<QueryTerm>,
);

describe("formatQuery", { timeout: 30_000 }, () => {
	it("writes a text that is read back to an equal query", () => {
		fc.assert(
			fc.property(
				fc.record({
					terms: fc.array(anyTerm, { maxLength: MAX_TEXT_TERMS }),
					sort: fc.constantFrom(undefined, "started", "duration", "tokens", "cost", "name"),
					order: fc.constantFrom(undefined, "asc", "desc"),
				}) as fc.Arbitrary<Query>,
				(query) => {
					expect(parsed(formatQuery(query))).toEqual(query);
				},
			),
			{ numRuns: 1000 },
		);
	});

	it("writes terms the way people do", () => {
		expect(formatQuery(parsed('  -KIND:tool duration:>2s since:1440m text:refund name:"a" order:asc sort:cost '))).toBe(
			"-kind:tool duration:>2000ms since:1d refund name:a sort:cost order:asc",
		);
	});
});
