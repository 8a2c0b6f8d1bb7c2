import fc from "fast-check";
import { expect, it } from "vitest";
import { formatTimestamp } from "../../../src/base/timestamp.ts";
import { timeText } from "../../../src/server/storage/wireText.ts";

it("writes every time as formatTimestamp does, in any order", () => {
	const years = { min: Date.parse("0000-01-01T00:00:00Z"), max: Date.parse("9999-12-31T23:59:59.999Z") };
	const ms = fc.oneof(fc.integer(years), fc.integer({ min: -2000, max: 2000 }), fc.constantFrom(years.min, years.max));
	fc.assert(
		fc.property(fc.array(fc.tuple(ms, fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999 })))), (times) => {
			for (const [time, subNs] of times) {
				expect(timeText(time, subNs)).toBe(JSON.stringify(formatTimestamp({ ms: time, subNs })));
			}
		}),
	);
});
