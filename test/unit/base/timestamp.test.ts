import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceNs, formatTimestamp, nowTimestamp, parseTimestamp } from "../../../src/base/timestamp.ts";

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** Any moment of the years 0–9999 with any offset and 0–9 digits, as text, and what it means in nanoseconds. */
const moment = fc
	.record({
		ms: fc.integer({ min: Date.UTC(1, 0, 3), max: Date.UTC(9999, 11, 29) }),
		subNs: fc.nat(999_999),
		digits: fc.nat(9),
		offsetMinutes: fc.option(fc.integer({ min: -1439, max: 1439 })),
		hasColon: fc.boolean(),
		separator: fc.constantFrom("T", "t", " "),
		zulu: fc.constantFrom("Z", "z", ""),
	})
	.map(({ ms, subNs, digits, offsetMinutes, hasColon, separator, zulu }) => {
		const local = new Date(ms + (offsetMinutes ?? 0) * 60_000).toISOString();
		const fraction = `${local.slice(20, 23)}${pad(subNs, 6)}`.slice(0, digits);
		const minutes = Math.abs(offsetMinutes ?? 0);
		const sign = (offsetMinutes ?? 0) < 0 ? "-" : "+";
		const zone =
			offsetMinutes === null
				? zulu
				: `${sign}${pad(Math.floor(minutes / 60))}${hasColon ? ":" : ""}${pad(minutes % 60)}`;
		const text = `${local.slice(0, 10)}${separator}${local.slice(11, 19)}${digits === 0 ? "" : `.${fraction}`}${zone}`;
		const wholeSeconds = BigInt(Math.floor(ms / 1000)) * 1_000_000_000n;
		return { text, ns: wholeSeconds + BigInt(fraction.padEnd(9, "0")), local };
	});

function toNs(text: string): bigint | undefined {
	const time = parseTimestamp(text);
	return time === undefined ? undefined : BigInt(time.ms) * 1_000_000n + BigInt(time.subNs);
}

describe("parseTimestamp", { timeout: 30_000 }, () => {
	it("reads every moment, offset and number of digits to the nanosecond", () => {
		fc.assert(
			fc.property(moment, ({ text, ns }) => {
				expect(toNs(text)).toBe(ns);
				expect(parseTimestamp(text)?.subNs).toBeGreaterThanOrEqual(0);
				expect(parseTimestamp(text)?.subNs).toBeLessThan(1_000_000);
			}),
			{ numRuns: 2000 },
		);
	});

	it("agrees with Date.parse on what both read", () => {
		fc.assert(
			fc.property(
				fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
				(date) => {
					expect(parseTimestamp(date.toISOString())).toEqual({ ms: Date.parse(date.toISOString()), subNs: 0 });
				},
			),
		);
	});

	it.each([
		["2026-03-06T09:00:00Z", Date.UTC(2026, 2, 6, 9), 0],
		["2026-03-06T09:00:00", Date.UTC(2026, 2, 6, 9), 0],
		["2026-03-06T09:00:00.1Z", Date.UTC(2026, 2, 6, 9, 0, 0, 100), 0],
		["2026-03-06T09:00:00.123456789Z", Date.UTC(2026, 2, 6, 9, 0, 0, 123), 456_789],
		["2026-03-06T09:00:00.1234567899999Z", Date.UTC(2026, 2, 6, 9, 0, 0, 123), 456_789],
		["2026-03-06T09:00:00.000000001+05:30", Date.UTC(2026, 2, 6, 3, 30), 1],
		["2026-03-06T00:30:00-0130", Date.UTC(2026, 2, 6, 2), 0],
		["1969-12-31T23:59:59.999999999Z", -1, 999_999],
		["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29), 0],
		["2000-02-29T00:00:00Z", Date.UTC(2000, 1, 29), 0],
		["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1), 0],
	])("reads %s", (text, ms, subNs) => {
		expect(parseTimestamp(text)).toEqual({ ms, subNs });
	});

	it.each([
		"",
		"now",
		"2026",
		"2026-03-06",
		"2026-03-06T09:00Z",
		"2026-3-6T09:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-03-00T00:00:00Z",
		"2026-03-06T24:00:00Z",
		"2026-03-06T09:60:00Z",
		"2026-03-06T09:00:61Z",
		"2026-03-06X09:00:00Z",
		"2026/03/06T09:00:00Z",
		"2026-03-06T09-00-00Z",
		"2026-03-06T09:00:00.Z",
		"2026-03-06T09:00:00,5Z",
		"2026-03-06T09:00:00ZZ",
		"2026-03-06T09:00:00+5",
		"2026-03-06T09:00:00+05:3",
		"2026-03-06T09:00:00+24:00",
		"2026-03-06T09:00:00+05:60",
		"2026-03-06T09:00:00 UTC",
		" 2026-03-06T09:00:00Z",
		"2026-03-06T09:00:00Z ",
		"-026-03-06T09:00:00Z",
		"2026-03-06T09:00:0\u0660Z",
		"2026-03-06T09:00:00.12345678901234567890123Z",
	])("does not read %j", (text) => {
		expect(parseTimestamp(text)).toBeUndefined();
	});

	it("reads or refuses any text, and never throws", () => {
		const piece = fc.constantFrom("2026", "-", "03", "T", ":", "09", ".", "5", "Z", "+", " ", "\0", "é");
		fc.assert(
			fc.property(
				fc.oneof(
					fc.string({ unit: "binary" }),
					fc.array(piece).map((pieces) => pieces.join("")),
				),
				(text) => {
					const time = parseTimestamp(text);
					if (time !== undefined)
						expect([Number.isInteger(time.ms), Number.isInteger(time.subNs)]).toEqual([true, true]);
				},
			),
		);
	});
});

describe("formatTimestamp", { timeout: 30_000 }, () => {
	it("writes what parseTimestamp reads back, with no digit more than needed", () => {
		fc.assert(
			fc.property(moment, ({ text }) => {
				const time = parseTimestamp(text);
				const written = time === undefined ? undefined : formatTimestamp(time);
				expect(parseTimestamp(written ?? "")).toEqual(time);
				expect(written).toMatch(/T\d\d:\d\d:\d\d\.(\d{3}|\d{6}|\d{9})Z$/);
				if (time?.subNs !== 0) expect(written).not.toMatch(/000Z$/);
			}),
		);
	});

	it("writes nothing that would be no date of four digits", () => {
		for (const ms of [Number.NaN, 8.64e15 + 1, Date.UTC(10_000, 0, 1), Date.UTC(-1, 0, 1), Number.POSITIVE_INFINITY]) {
			expect(formatTimestamp({ ms, subNs: 0 })).toBeUndefined();
		}
	});
});

describe("differenceNs", { timeout: 30_000 }, () => {
	it("is exact for the length of any trace", () => {
		const point = fc.record({ ms: fc.integer({ min: 0, max: 86_400_000 * 100 }), subNs: fc.nat(999_999) });
		fc.assert(
			fc.property(point, point, (a, b) => {
				const exact = BigInt(a.ms - b.ms) * 1_000_000n + BigInt(a.subNs - b.subNs);
				expect(BigInt(differenceNs(a, b))).toBe(exact);
			}),
		);
	});
});

describe("nowTimestamp", () => {
	it("is the clock's millisecond", () => {
		const before = Date.now();
		const { ms, subNs } = nowTimestamp();
		expect(ms).toBeGreaterThanOrEqual(before);
		expect(ms).toBeLessThanOrEqual(Date.now());
		expect(subNs).toBe(0);
	});
});
