import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetryFieldFinder } from "../../../src/stream/retryField.ts";

/** Newest value found when the text arrives in chunks that end at these places. */
function lastFound(text: string, cuts: readonly number[]): number | undefined {
	const finder = new RetryFieldFinder();
	const bytes = Buffer.from(text);
	let found: number | undefined;
	let from = 0;
	for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
		found = finder.feed(bytes.subarray(from, Math.max(from, to))) ?? found;
		from = Math.max(from, to);
	}
	return found;
}

describe("RetryFieldFinder", () => {
	it("finds the field at the start, between events and after any line end", () => {
		expect(lastFound("retry: 1200\n\n", [])).toBe(1200);
		expect(lastFound("id: 1\nretry:7\ndata: x\n\n", [])).toBe(7);
		expect(lastFound(":hello\r\nretry: 42\r\n\r\n", [])).toBe(42);
	});

	it("takes the newest value", () => {
		expect(lastFound("retry: 1\n\nretry: 2\n\n", [])).toBe(2);
	});

	it.each(["data: retry: 5\n\n", "retry: 5s\n\n", "retry: -5\n\n", "xretry: 5\n\n", "retry:\n\n", "retry: 123"])(
		"ignores %j",
		(text) => {
			expect(lastFound(text, [])).toBeUndefined();
		},
	);

	it("finds the same however the bytes are cut", () => {
		const text = `id: 1\ndata: {"a":"retry: 9"}\n\n: beat\n\nretry: 2500\nid: 2\ndata: ${"é".repeat(40)}\n\n`;
		fc.assert(
			fc.property(fc.array(fc.nat({ max: Buffer.byteLength(text) })), (cuts) => {
				expect(lastFound(text, cuts)).toBe(2500);
			}),
		);
		expect(
			lastFound(
				text,
				Array.from({ length: text.length }, (_, index) => index),
			),
		).toBe(2500);
	});
});
