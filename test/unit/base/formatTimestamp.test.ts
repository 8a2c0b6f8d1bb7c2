import * as fc from "fast-check";
import { expect, it } from "vitest";
import { formatTimestamp } from "../../../src/base/timestamp.ts";

it("writes what a Date writes, with the nanoseconds behind it, in any order of days", () => {
	const ms = fc.oneof(
		fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
		fc.constantFrom(0, -1, 86_399_999, 86_400_000, -86_400_001, 253_402_300_799_999, -62_167_219_200_000),
	);
	fc.assert(
		fc.property(ms, fc.nat({ max: 999_999 }), (whole, subNs) => {
			const digits = String(subNs).padStart(6, "0");
			const fraction = subNs === 0 ? "" : digits.endsWith("000") ? digits.slice(0, 3) : digits;
			expect(formatTimestamp({ ms: whole, subNs })).toBe(new Date(whole).toISOString().replace("Z", `${fraction}Z`));
		}),
		{ numRuns: 2000 },
	);
	for (const outside of [253_402_300_800_000, -62_167_219_200_001, 1e17, Number.NaN, Number.POSITIVE_INFINITY]) {
		expect(formatTimestamp({ ms: outside, subNs: 0 })).toBeUndefined();
	}
});
