import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonCheck, jsonCheckOfBytes } from "../../../src/otlp/jsonCheck.ts";
import { compactJson } from "../../../src/otlp/messages.ts";

function check(text: string): JsonCheck {
	// Not at the beginning of the buffer, and not at its end: the bytes around it are someone else's.
	const bytes = Buffer.from(`x"${text}"]}`);
	return jsonCheckOfBytes(bytes, 2, bytes.length - 3);
}

/** The same by `JSON.parse`. */
function expected(text: string): JsonCheck {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return JsonCheck.no;
	}
	if (typeof value !== "object" || value === null) return JsonCheck.no;
	return compactJson(text) === text && !/(?<!\\)(\\\\)*\\[u/]/.test(text) ? JsonCheck.compact : JsonCheck.loose;
}

describe("the check of JSON texts", () => {
	it("agrees with JSON.parse on JSON of any kind, compact and spaced", () => {
		fc.assert(
			fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 1, "\t", "\r\n"), (text, space) => {
				const spaced = JSON.stringify(JSON.parse(text), undefined, space);
				for (const one of [text, spaced]) expect(check(one)).toBe(expected(one));
			}),
			{ numRuns: 1000 },
		);
	});

	it("agrees with JSON.parse on texts that are almost JSON", () => {
		const token = fc.constantFrom(
			..."{}[],:".split(""),
			'"a"',
			'"\\n"',
			'"\\u00e9"',
			'"\\x"',
			'"',
			"1",
			"-0",
			"01",
			"1.",
			"1e5",
			"-",
			"true",
			"nul",
			"null",
			" ",
			"\n",
			"\t",
			"\u00a0",
			"é",
		);
		fc.assert(
			fc.property(fc.array(token, { maxLength: 12 }), fc.boolean(), (tokens, isWrapped) => {
				const text = isWrapped ? `[${tokens.join("")}]` : tokens.join("");
				expect(check(text)).toBe(expected(text));
			}),
			{ numRuns: 5000 },
		);
	});

	it("finds every control character, quote and backslash in a string, wherever it stands", () => {
		for (let length = 0; length < 12; length++) {
			for (let at = 0; at <= length; at++) {
				for (const inside of ["\u0000", "\u001f", "\n", '"', "\\", "\u007f", "é", "\u0080"]) {
					const text = `{"k":"${"x".repeat(at)}${inside}${"y".repeat(length - at)}"}`;
					expect(check(text), JSON.stringify(text)).toBe(expected(text));
				}
			}
		}
	});

	it("takes no scalars, and nothing that is nested too deeply", () => {
		for (const text of ["", " ", "1", '"a"', "true", "null"]) expect(check(text)).toBe(JsonCheck.no);
		expect(check("[".repeat(256) + "]".repeat(256))).toBe(JsonCheck.compact);
		expect(check("[".repeat(257) + "]".repeat(257))).toBe(JsonCheck.no);
		expect(check("[".repeat(100_000))).toBe(JsonCheck.no);
	});
});
