import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JsonCursor, JsonProblem, parsePiece } from "../../../src/base/jsonCursor.ts";

/** Walks containers down to `depth` and parses what is below. */
function read(cursor: JsonCursor, depth: number): unknown {
	const next = cursor.peek();
	if (depth > 0 && next === "{") {
		const members: [string, unknown][] = [];
		for (const key of cursor.keys()) members.push([key, read(cursor, depth - 1)]);
		return Object.fromEntries(members);
	}
	if (depth > 0 && next === "[") {
		const elements: unknown[] = [];
		for (const index of cursor.elements()) elements[index] = read(cursor, depth - 1);
		return elements;
	}
	return parsePiece(cursor.value());
}

function readAll(text: string, depth: number): unknown {
	const cursor = new JsonCursor(text);
	const value = read(cursor, depth);
	cursor.end();
	return value;
}

describe("JsonCursor", () => {
	it("reads what JSON.parse reads, however far it walks and whatever the whitespace", () => {
		fc.assert(
			fc.property(fc.jsonValue(), fc.nat(5), fc.constantFrom(undefined, 1, "\t"), (value, depth, indent) => {
				const text = JSON.stringify(value, undefined, indent);
				expect(readAll(text, depth)).toEqual(JSON.parse(text));
			}),
		);
	});

	it("takes nothing that JSON.parse does not, and ends on every text", () => {
		const damaged = fc
			.tuple(fc.jsonValue(), fc.nat(), fc.constantFrom("", '"', "{", "]", ",", ":", "\\", "x", "1"))
			.map(([value, at, mark]) => {
				const text = JSON.stringify(value);
				const place = at % (text.length + 1);
				return text.slice(0, place) + mark + text.slice(place + 1);
			});
		fc.assert(
			fc.property(fc.oneof(damaged, fc.string()), fc.nat(4), (text, depth) => {
				let expected: unknown;
				try {
					expected = JSON.parse(text);
				} catch {
					expect(() => readAll(text, depth)).toThrow(JsonProblem);
					return;
				}
				expect(readAll(text, depth)).toEqual(expected);
			}),
			{ numRuns: 1000 },
		);
	});

	it("passes over a value of any depth", () => {
		const deep = "[".repeat(200_000) + "]".repeat(200_000);
		expect(new JsonCursor(`${deep} `).value()).toBe(deep);
	});
});
