import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memberTexts } from "../../../src/base/memberText.ts";

const NAMES = ["input", "output", "kind"] as const;

/** Writes a value as JSON with free whitespace, escapes where none are needed, and repeated members. */
const spelled = fc.jsonValue({ maxDepth: 4 }).chain((value) =>
	fc.infiniteStream(fc.constantFrom("", "", " ", "\n", "\r\n\t")).map((spaces) => {
		const space = () => spaces.next().value as string;
		const text = (part: string) =>
			space() === " " ? JSON.stringify(part).replace(/[a-z]/g, unicodeEscape) : JSON.stringify(part);
		const write = (part: unknown): string => {
			if (typeof part === "string") return text(part);
			if (Array.isArray(part)) return `[${space()}${part.map(write).join(`${space()},${space()}`)}${space()}]`;
			if (typeof part !== "object" || part === null) return JSON.stringify(part);
			const members = Object.entries(part).map(([key, member]) => `${text(key)}${space()}:${space()}${write(member)}`);
			return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
		};
		return { value, text: write(value), space: space() };
	}),
);

function unicodeEscape(letter: string): string {
	// Behind a backslash it would belong to another escape; those letters are left alone by the caller's choice of words.
	return "bfnrtu".includes(letter) ? letter : `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

describe("memberTexts", () => {
	it("finds no member that objects have by themselves", () => {
		const names = ["valueOf", "__proto__", "constructor"];
		expect(Object.entries(memberTexts('{"valueOf":null,"__proto__":{"a":1}}', names))).toEqual([
			["__proto__", '{"a":1}'],
		]);
		const texts: Readonly<Record<string, string | undefined>> = memberTexts("{}", names);
		expect(names.map((name) => texts[name])).toEqual([undefined, undefined, undefined]);
	});

	it("gives each wanted member as JSON.stringify would write it, however it came", () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(fc.constantFrom(...NAMES, "other", "in put"), spelled)), (members) => {
				const inner = members.map(
					([name, { text, space }]) => `${space}${JSON.stringify(name)}${space}:${space}${text}`,
				);
				const text = `{${inner.join(",")}}`;
				const parsed = JSON.parse(text) as Record<string, unknown>;
				const expected = Object.fromEntries(
					NAMES.filter((name) => parsed[name] !== undefined && parsed[name] !== null).map((name) => [
						name,
						JSON.stringify(parsed[name]),
					]),
				);
				// Numbers keep their digits, so compare their values: -0 and 1e21 are written otherwise.
				const found = Object.entries(memberTexts(text, NAMES)).map(([name, member]) => {
					expect(member).not.toMatch(/[\r\n]/);
					return [name, JSON.stringify(JSON.parse(member))];
				});
				expect(Object.fromEntries(found)).toEqual(expected);
			}),
		);
	});

	it.each([
		['{"input":[1.0,12345678901234567890,1e400,-0]}', "[1.0,12345678901234567890,1e400,-0]"],
		['{ "input" : { "a" : [ 1 , "b c" ] } }', '{"a":[1,"b c"]}'],
		['{"input":"\\u00e9\\/\\ud83d\\ude00"}', '"é/😀"'],
		['{"input":"\\ud800 \\u0000"}', '"\\ud800 \\u0000"'],
		['{"input":"ends with a backslash \\\\"}', '"ends with a backslash \\\\"'],
		['{"inp\\u0075t":true}', "true"],
		['{"input":1,"input":2}', "2"],
		['{"input":1,"input":null}', undefined],
		['{"other":{"input":1}}', undefined],
		["{}", undefined],
		[' {\n"input"\t:\r\nfalse } ', "false"],
	])("reads %s", (text, input) => {
		expect(memberTexts(text, ["input"]).input).toBe(input);
	});

	it("takes nesting that no call stack could follow", () => {
		const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
		expect(memberTexts(`{"input": ${deep} }`, ["input"]).input).toBe(deep);
	});

	it("takes time that grows with the text, not with its square", () => {
		const many = `[${'"x",'.repeat(300_000)}"\\\\"]`;
		expect(memberTexts(`{"input":${many}}`, ["input"]).input).toBe(many);
	});
});
