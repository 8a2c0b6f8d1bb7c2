import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksOf, looksLikeMarkdown } from "../../../webview/spanDetail/markdownBlocks.ts";

const lines = (text: string): string[] =>
	blocksOf(text).map((block) => {
		if (block.kind === "heading") return `h${block.level} ${block.text}`;
		if (block.kind === "item") return `${" ".repeat(block.depth)}${block.mark} ${block.text}`;
		return `${block.kind} ${block.text}`;
	});

describe("blocks of Markdown", () => {
	it("are those that models write", () => {
		const text = [
			"# Title #",
			"Two lines",
			"of text",
			"",
			"- one",
			"  - inner",
			"2. two",
			"> said",
			"> again",
			"---",
			"```ts",
			"# not a heading",
			"",
			"``",
			"```",
			"after",
		].join("\n");
		expect(lines(text)).toEqual([
			"h1 Title",
			"text Two lines\nof text",
			"• one",
			" • inner",
			"2. two",
			"quote said\nagain",
			"rule ---",
			"code # not a heading\n\n``",
			"text after",
		]);
	});

	it("keep a fence that never ends, and HTML as text", () => {
		expect(lines("~~~\ncode")).toEqual(["code code"]);
		expect(lines("<b>bold</b>")).toEqual(["text <b>bold</b>"]);
	});

	it("drop no word, whatever the marks", () => {
		const word = fc.constantFrom("alpha", "#", "##", "-", "1.", ">", "```", "~~~", "\n", "\n\n", " ", "**", "* ", "_");
		fc.assert(
			fc.property(fc.array(word, { maxLength: 40 }), (parts) => {
				const text = parts.join("");
				const count = (of: string): number => of.split("alpha").length - 1;
				const kept = count(lines(text).join("\n"));
				// What stands on the line of an opening fence is the name of a language.
				const named = text
					.split("\n")
					.filter((line) => /^ {0,3}(?:`{3}|~{3})/.test(line))
					.join("\n");
				expect(kept).toBeGreaterThanOrEqual(count(text) - count(named));
			}),
		);
	});

	it("are looked for only where there are marks", () => {
		expect(["**b**", "a\n- b", "`c`", "# d", "[e](f)"].every(looksLikeMarkdown)).toBe(true);
		expect(["plain text", "2 * 3 = 6", "a_b_c", "#tag"].some(looksLikeMarkdown)).toBe(false);
	});
});
