import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { displayText } from "../../../src/base/displayText.ts";

describe("displayText", () => {
	it("leaves ordinary text of any script as it is", () => {
		for (const text of ["", "agent.run", "größer → 日本語 🎉 עברית", "<b>&amp;</b>"])
			expect(displayText(text, 100)).toBe(text);
	});

	it("shows control characters instead of obeying them", () => {
		expect(displayText("a\0b\u001b[31mred\r\n\t\u007f\u0085", 100)).toBe("a␀b␛[31mred␍␊␉␡�");
	});

	it("takes away what would reorder the text around it", () => {
		expect(displayText("safe\u202etxt.exe\u2066x\u200f", 100)).toBe("safe�txt.exe�x�");
	});

	it("replaces lone surrogates and keeps pairs", () => {
		expect(displayText("a\ud800b\udc00c🎉", 100)).toBe("a�b�c🎉");
	});

	it("cuts at a code point and says so", () => {
		expect(displayText("abcdef", 4)).toBe("abc…");
		expect(displayText("ab🎉def", 4)).toBe("ab…");
		expect(displayText("abcd", 4)).toBe("abcd");
	});

	it("never exceeds the limit and leaves nothing dangerous, whatever comes in", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, limit) => {
				const shown = displayText(text, limit);
				expect(shown.length).toBeLessThanOrEqual(limit);
				expect(shown.isWellFormed()).toBe(true);
				expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
			}),
		);
	});

	it("takes 5 MB in its stride", () => {
		expect(displayText("x".repeat(5_000_000), 200)).toHaveLength(200);
	});
});
