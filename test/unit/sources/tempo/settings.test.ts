import { describe, expect, it } from "vitest";
import { SourceError } from "../../../../src/sources/source.ts";
import { readSettings } from "../../../../src/sources/tempo/settings.ts";
import { quoted, sessionQuery } from "../../../../src/sources/tempo/traceql.ts";

const read = (options?: Readonly<Record<string, string | number | boolean>>) => readSettings({ options });

describe("the options of a Tempo source", () => {
	it("have defaults that find everything of the last day", () => {
		const defaults = { query: "{}", tenant: undefined, username: undefined, refreshMs: 5000, historySeconds: 86_400 };
		expect(read()).toEqual(defaults);
		expect(read({ query: " ", tenant: "", username: "" })).toEqual(defaults);
	});

	it("are taken as they are", () => {
		const options = { query: '{ .a = "b" }', tenant: "a|b", username: "1234", refreshSeconds: 30, historyHours: 1 };
		expect(read(options)).toEqual({
			query: '{ .a = "b" }',
			tenant: "a|b",
			username: "1234",
			refreshMs: 30_000,
			historySeconds: 3600,
		});
	});

	it.each([
		[{ query: 7 }, '"query"'],
		[{ query: "x".repeat(4097) }, "at most 4096"],
		[{ tenant: "a b" }, '"tenant"'],
		[{ tenant: "a\nb" }, '"tenant"'],
		[{ username: "a:b" }, "no colon"],
		[{ refreshSeconds: 0 }, "a number from 0.1 to 3600"],
		[{ refreshSeconds: "5" }, "a number from 0.1 to 3600"],
		[{ refreshSeconds: Number.NaN }, '"refreshSeconds"'],
		[{ historyHours: 10_000 }, "a number from 1 to 744"],
	])("are refused with their name and what they must be: %j", (options, words) => {
		expect(() => read(options)).toThrow(SourceError);
		expect(() => read(options)).toThrow(words);
	});
});

describe("TraceQL", () => {
	it("quotes what would end a text", () => {
		expect(quoted('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
		expect(quoted("\ud800")).toBe('"\ufffd"');
	});

	it("asks for a session under every name that spans are read by", () => {
		expect(sessionQuery("ses_1")).toMatch(
			/^\{ span\.session\.id = "ses_1" \|\| span\.gen_ai\.conversation\.id = "ses_1" \|\| /,
		);
	});
});
