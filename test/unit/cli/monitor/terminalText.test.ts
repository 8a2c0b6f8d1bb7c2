import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutText, fitText, terminalText, textWidth } from "../../../../src/cli/monitor/terminalText.ts";

/** Texts with everything that terminals stumble over. */
const anyText = fc.oneof(
	fc.string({ unit: "binary" }),
	fc.string({ unit: "grapheme" }),
	fc
		.array(
			fc.constantFrom(
				"a",
				"あ",
				"가",
				"👩‍🚀",
				"🇩🇪",
				"e\u0301",
				"\u200d",
				"\ufe0f",
				"\u001b[31m",
				"\u009b2J",
				"\ud800",
				"\n",
				"–",
			),
		)
		.map((parts) => parts.join("")),
);

describe("texts in a terminal", () => {
	it("hold no control character, no lone surrogate and nothing invisible or that changes direction", () => {
		fc.assert(
			fc.property(anyText, (text) => {
				const safe = terminalText(text);
				expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
				expect(safe).not.toMatch(/\p{M}{3}/u);
			}),
		);
	});

	it.each([
		["", 0],
		["abc", 3],
		["日本語", 6],
		["e\u0301", 1],
		["🚀", 2],
		["–…●", 3],
		["ﾊﾝｶｸ", 4],
		["ｚｅｎ", 6],
	])("take the columns that a terminal gives them: %j", (text, columns) => {
		expect(textWidth(text)).toBe(columns);
	});

	it("are cut to a width that they never exceed, with a sign where something is missing", () => {
		fc.assert(
			fc.property(anyText, fc.nat(40), (text, columns) => {
				const safe = terminalText(text);
				const cut = cutText(safe, columns);
				expect(textWidth(cut)).toBeLessThanOrEqual(columns);
				if (textWidth(safe) <= columns) expect(cut).toBe(safe);
				else expect(cut.endsWith("…") || columns === 0).toBe(true);
				expect(cut === safe || safe.startsWith(cut.slice(0, -1))).toBe(true);
			}),
		);
	});

	it("fill their place exactly, on either side", () => {
		fc.assert(
			fc.property(anyText, fc.nat(40), fc.constantFrom("left" as const, "right" as const), (text, columns, align) => {
				expect(textWidth(fitText(terminalText(text), columns, align))).toBe(columns);
			}),
		);
		expect(fitText("日本語", 4)).toBe("日… ");
		expect(fitText("12", 4, "right")).toBe("  12");
	});
});
