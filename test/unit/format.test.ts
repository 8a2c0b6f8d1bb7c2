import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
	formatAbsoluteTime,
	formatAge,
	formatBytes,
	formatCost,
	formatDuration,
	formatExactDuration,
	formatTokens,
} from "../../src/model/format.ts";

describe("unknown numbers", () => {
	it("are a dash and never 0", () => {
		for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
			for (const text of [
				formatDuration(value),
				formatExactDuration(value),
				formatTokens(value),
				formatCost(value, false),
				formatBytes(value),
				formatAge(value),
			]) {
				expect(text).toBe("–");
			}
		}
		expect(formatAbsoluteTime(undefined)).toBe("–");
		expect(formatAbsoluteTime({ ms: 9e15, subNs: 0 })).toBe("–");
		expect(formatAbsoluteTime({ ms: Number.NaN, subNs: 0 })).toBe("–");
	});
});

describe("formatTokens", () => {
	it.each([
		[0, "0"],
		[7, "7"],
		[1234, "1,234"],
		[9999, "9,999"],
		[10_000, "10k"],
		[12_345, "12.3k"],
		[999_499, "999k"],
		[999_500, "1M"],
		[1_234_567, "1.23M"],
		[2.5e9, "2.5G"],
		[-1234, "-1,234"],
	])("writes %d as %s", (tokens, text) => {
		expect(formatTokens(tokens)).toBe(text);
	});

	it("is never longer than six characters below a million million", () => {
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 999_000_000_000 }), (tokens) => {
				expect(formatTokens(tokens).length).toBeLessThanOrEqual(6);
			}),
		);
	});
});

describe("formatCost", () => {
	it("never writes a positive cost as nothing", () => {
		fc.assert(
			fc.property(fc.double({ min: Number.MIN_VALUE, max: 1e6, noNaN: true }), fc.boolean(), (cost, isEstimated) => {
				expect(formatCost(cost, isEstimated)).toMatch(/[1-9]/);
			}),
		);
	});
});

describe("formatBytes", () => {
	it.each([
		[0, "0 B"],
		[999, "999 B"],
		[1000, "1.0 kB"],
		[9_949, "9.9 kB"],
		[64_000, "64 kB"],
		[999_499, "999 kB"],
		[999_500, "1.0 MB"],
		[5_000_000, "5.0 MB"],
		[64e6, "64 MB"],
		[3e9, "3.0 GB"],
		[5e15, "5000 TB"],
	])("writes %d as %s", (bytes, text) => {
		expect(formatBytes(bytes)).toBe(text);
	});
});

describe("formatAge", () => {
	it.each([
		[-5000, "now"],
		[999, "now"],
		[12_400, "12 s ago"],
		[59_999, "59 s ago"],
		[300_000, "5 m ago"],
		[10_800_000, "3 h ago"],
		[345_600_000, "4 d ago"],
	])("writes %d ms as %s", (ms, text) => {
		expect(formatAge(ms)).toBe(text);
	});
});

describe("formatAbsoluteTime", () => {
	const before = process.env.TZ;
	afterEach(() => {
		if (before === undefined) delete process.env.TZ;
		else process.env.TZ = before;
	});

	const time = { ms: Date.UTC(2026, 2, 6, 9, 0, 0, 125), subNs: 456_700 };

	it.each([
		["Europe/Berlin", "2026-03-06 10:00:00.125 UTC+01:00"],
		["America/New_York", "2026-03-06 04:00:00.125 UTC-05:00"],
		["Asia/Kolkata", "2026-03-06 14:30:00.125 UTC+05:30"],
		["UTC", "2026-03-06 09:00:00.125 UTC"],
	])("writes the wall clock of %s with its zone", (zone, text) => {
		process.env.TZ = zone;
		expect(formatAbsoluteTime(time)).toBe(text);
		expect(formatAbsoluteTime(time, { utc: true })).toBe("2026-03-06 09:00:00.125 UTC");
	});

	it("uses the offset of that day, not of today", () => {
		process.env.TZ = "Europe/Berlin";
		expect(formatAbsoluteTime({ ms: Date.UTC(2026, 6, 6, 9), subNs: 0 })).toBe("2026-07-06 11:00:00.000 UTC+02:00");
	});

	it("writes all known digits on demand", () => {
		expect(formatAbsoluteTime(time, { utc: true, exact: true })).toBe("2026-03-06 09:00:00.125456700 UTC");
		expect(formatAbsoluteTime({ ms: time.ms, subNs: 456_000 }, { utc: true, exact: true })).toBe(
			"2026-03-06 09:00:00.125456 UTC",
		);
		expect(formatAbsoluteTime({ ms: time.ms, subNs: 0 }, { utc: true, exact: true })).toBe(
			"2026-03-06 09:00:00.125 UTC",
		);
	});
});
