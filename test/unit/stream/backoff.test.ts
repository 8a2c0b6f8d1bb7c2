import { describe, expect, it } from "vitest";
import { backoffDelayMs, MAX_RETRY_AFTER_MS, parseRetryAfterMs } from "../../../src/stream/backoff.ts";

const options = { minMs: 500, maxMs: 30_000 };

describe("backoffDelayMs", () => {
	it("waits between the minimum and a ceiling that doubles with each failure", () => {
		const lowest = [1, 2, 3, 10].map((failures) => backoffDelayMs(failures, 0, { ...options, random: () => 0 }));
		const highest = [1, 2, 3, 4, 5, 6, 7, 1000].map((failures) =>
			backoffDelayMs(failures, 0, { ...options, random: () => 1 }),
		);
		expect(lowest).toEqual([500, 500, 500, 500]);
		expect(highest).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
	});

	it("never waits less than the server asked for, and not more because of it", () => {
		expect(backoffDelayMs(1, 2000, { ...options, random: () => 0.5 })).toBe(2000);
		expect(backoffDelayMs(6, 2000, { ...options, random: () => 1 })).toBe(30_000);
	});
});

describe("parseRetryAfterMs", () => {
	const nowMs = Date.parse("2026-03-06T09:00:00Z");

	it("reads whole seconds", () => {
		expect(parseRetryAfterMs("2", nowMs)).toBe(2000);
		expect(parseRetryAfterMs(" 0 ", nowMs)).toBe(0);
	});

	it("reads an HTTP date, also one that has passed", () => {
		expect(parseRetryAfterMs("Fri, 06 Mar 2026 09:00:07 GMT", nowMs)).toBe(7000);
		expect(parseRetryAfterMs("Fri, 06 Mar 2026 08:00:00 GMT", nowMs)).toBe(0);
	});

	it("bounds what a server may ask for", () => {
		expect(parseRetryAfterMs("99999999999", nowMs)).toBe(MAX_RETRY_AFTER_MS);
		expect(parseRetryAfterMs("Fri, 06 Mar 2099 09:00:00 GMT", nowMs)).toBe(MAX_RETRY_AFTER_MS);
	});

	it.each([null, "", "soon", "-1", "1.5", "2026-03-06", "Fri, nonsense"])("ignores %j", (header) => {
		expect(parseRetryAfterMs(header, nowMs)).toBeUndefined();
	});
});
