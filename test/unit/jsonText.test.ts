import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundText, jsonText, utf8Bytes } from "../../src/model/jsonText.ts";

/** Strings with lone surrogates, controls and quotes among them. */
const hostileString = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
const json = fc.jsonValue({ noUnicodeString: false, stringUnit: "binary", maxDepth: 5 }).map((value) => {
	return JSON.parse(JSON.stringify(value)) as unknown;
});

describe("jsonText", () => {
	it("writes what JSON.stringify writes, and counts its bytes", () => {
		fc.assert(
			fc.property(fc.oneof(json, hostileString, fc.dictionary(hostileString, hostileString)), (value) => {
				const whole = JSON.stringify(value, null, 2);
				expect(jsonText(value, 1e9)).toEqual({ text: whole, totalBytes: Buffer.byteLength(whole), isCut: false });
			}),
		);
	});

	it("writes a beginning of it when cut, and still counts the whole", () => {
		fc.assert(
			fc.property(fc.oneof(json, fc.array(hostileString)), fc.nat(200), (value, maxUnits) => {
				const whole = JSON.stringify(value, null, 2);
				const { text, totalBytes, isCut } = jsonText(value, maxUnits);
				expect(totalBytes).toBe(Buffer.byteLength(whole));
				expect(text.length).toBeLessThanOrEqual(maxUnits);
				expect(isCut).toBe(whole.length > maxUnits);
				// A pair at the bound is left out, and one cut out of an escape differs by its escape only.
				if (isCut) expect(whole.startsWith(text) || text.includes("\\ud")).toBe(true);
				else expect(text).toBe(whole);
			}),
		);
	});

	it("writes a value as deep as a parser takes, with bounded indentation", () => {
		const depth = 200_000;
		const value: unknown = JSON.parse("[".repeat(depth) + "]".repeat(depth));
		const { text, totalBytes, isCut } = jsonText(value, 1000);
		expect(text.length).toBe(1000);
		expect(isCut).toBe(true);
		expect(totalBytes).toBeLessThan(depth * 200);
	});

	it("writes null for what JSON does not know and leaves out members that are undefined", () => {
		expect(jsonText([undefined, Number.NaN, () => 1], 100).text).toBe("[\n  null,\n  null,\n  null\n]");
		expect(jsonText({ a: undefined, b: 1 }, 100).text).toBe('{\n  "b": 1\n}');
	});
});

describe("boundText", () => {
	it("keeps a text below the bound and never cuts a pair", () => {
		expect(boundText("a😀", 3)).toEqual({ text: "a😀", totalBytes: 5, isCut: false });
		expect(boundText("a😀", 2)).toEqual({ text: "a", totalBytes: 5, isCut: true });
		expect(boundText("abc", 0)).toEqual({ text: "", totalBytes: 3, isCut: true });
	});

	it("counts the bytes of any text, short or long", () => {
		fc.assert(
			fc.property(hostileString, fc.integer({ min: 1, max: 9_000 }), (text, times) => {
				const long = text.repeat(times);
				expect(utf8Bytes(long)).toBe(Buffer.byteLength(long));
				expect(jsonText(long, 10).totalBytes).toBe(Buffer.byteLength(JSON.stringify(long)));
			}),
		);
	});

	it("counts pairs at the borders of its pieces as pairs", () => {
		for (const lead of ["", "a"]) {
			const text = lead + "😀".repeat(40_000);
			expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
			expect(jsonText(text, 10).totalBytes).toBe(Buffer.byteLength(JSON.stringify(text)));
		}
	});
});
