import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCost, formatCount, formatDuration, formatExactDuration } from "../../../src/base/quantity.ts";

describe("formatDuration", () => {
	it.each([
		[0, "0 ns"],
		[850, "850 ns"],
		[999.6, "1 µs"],
		[1_234, "1.23 µs"],
		[999_600, "1 ms"],
		[1_500_000, "1.5 ms"],
		[20_000_000, "20 ms"],
		[999_499_999, "999 ms"],
		[999_500_000, "1 s"],
		[12_340_000_000, "12.3 s"],
		[59_960_000_000, "1 m 00 s"],
		[125_000_000_000, "2 m 05 s"],
		[3_599_600_000_000, "1 h 00 m"],
		[11_520_000_000_000, "3 h 12 m"],
		[187_200_000_000_000, "2 d 4 h"],
		[-1_500_000, "-1.5 ms"],
	])("writes %d ns as %s", (ns, text) => {
		expect(formatDuration(ns)).toBe(text);
	});

	it("writes a dash for what is unknown, never 0", () => {
		for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
			expect(formatDuration(value)).toBe("–");
			expect(formatExactDuration(value)).toBe("–");
			expect(formatCount(value)).toBe("–");
			expect(formatCost(value, false)).toBe("–");
		}
	});
});

describe("formatExactDuration", () => {
	it("keeps every nanosecond", () => {
		const units: Record<string, number> = { ns: 0, µs: 3, ms: 6, s: 9 };
		fc.assert(
			fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (ns) => {
				const [number, unit] = formatExactDuration(ns).split(" ");
				const [whole, fraction = ""] = number.split(".");
				expect(BigInt(whole + fraction.padEnd(units[unit], "0"))).toBe(BigInt(ns));
			}),
		);
	});

	it("uses the unit that fits", () => {
		expect(formatExactDuration(1_234_567)).toBe("1.234567 ms");
		expect(formatExactDuration(2_500_000_000)).toBe("2.5 s");
		expect(formatExactDuration(12)).toBe("12 ns");
		expect(formatExactDuration(-12_000)).toBe("-12 µs");
	});
});

describe("formatCount", () => {
	it("groups digits as Intl does, without its 20 ms at the first use", () => {
		fc.assert(
			fc.property(fc.maxSafeInteger(), (count) => {
				expect(formatCount(count)).toBe(count.toLocaleString("en-US"));
			}),
		);
		expect([0, 999, 1000, 12_345, 1_234_567].map(formatCount)).toEqual(["0", "999", "1,000", "12,345", "1,234,567"]);
	});
});

describe("formatCost", () => {
	it("groups and rounds from a dollar on as Intl does", () => {
		const options = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
		fc.assert(
			fc.property(fc.integer({ min: 995_000, max: 1e14 }), (millionths) => {
				const cost = millionths / 1e6;
				expect(formatCost(cost, false)).toBe(`$${cost.toLocaleString("en-US", options)}`);
			}),
		);
	});

	it.each([
		[0, "$0"],
		[0.5, "$0.50"],
		[0.0421, "$0.0421"],
		[0.00012345, "$0.000123"],
		[0.00000015, "$0.00000015"],
		[0.9999, "$1.00"],
		[1.5, "$1.50"],
		[1234.567, "$1,234.57"],
		[1e-12, "<$0.000000001"],
	])("writes %d as %s", (cost, text) => {
		expect(formatCost(cost, false)).toBe(text);
	});

	it("marks an estimate", () => {
		expect(formatCost(0.5, true)).toBe("~$0.50");
	});
});
