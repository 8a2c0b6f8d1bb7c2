import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	formatOffset,
	formatTick,
	niceStep,
	nsBetween,
	TimeScale,
	ticks,
	timeDomain,
} from "../../../webview/waterfall/timeScale.ts";

describe("timeDomain", () => {
	it("is never empty, backwards or unknown", () => {
		fc.assert(
			fc.property(fc.double(), fc.double(), (start, end) => {
				const domain = timeDomain(start, end);
				expect(domain.endNs).toBeGreaterThan(domain.startNs);
				expect(Number.isFinite(domain.startNs)).toBe(true);
			}),
			{
				examples: [
					[Number.NaN, Number.NaN],
					[5, 5],
					[9, 2],
					[0, Number.POSITIVE_INFINITY],
					[1.7e18, 1.7e18],
				],
			},
		);
	});

	it("gives a trace without length a millisecond", () => {
		expect(timeDomain(5e9, 5e9)).toEqual({ startNs: 5e9, endNs: 5.001e9 });
	});
});

describe("TimeScale", () => {
	it("maps the window onto the width inside its margins, and back", () => {
		const scale = new TimeScale({ startNs: -100, endNs: 900 }, 1020, 10);
		expect(scale.toPx(-100)).toBe(10);
		expect(scale.toPx(900)).toBe(1010);
		expect(scale.toNs(510)).toBe(400);
		fc.assert(
			fc.property(fc.integer({ min: -1e15, max: 1e15 }), fc.integer({ min: 1e6, max: 1e15 }), (startNs, length) => {
				const any = new TimeScale({ startNs, endNs: startNs + length }, 800, 10);
				expect(any.toPx(any.toNs(333))).toBeCloseTo(333, 1);
			}),
		);
	});

	it("survives a column of no width", () => {
		const scale = new TimeScale({ startNs: 0, endNs: 10 }, 0, 10);
		expect(Number.isFinite(scale.toPx(5))).toBe(true);
		expect(Number.isFinite(scale.tickStep(80))).toBe(true);
	});
});

describe("ticks", () => {
	it("stand as far apart as was asked, on numbers people count in, and not too sparse", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 9e15 }), fc.integer({ min: 60, max: 3000 }), (length, width) => {
				const scale = new TimeScale({ startNs: 0, endNs: length }, width, 0);
				const step = scale.tickStep(80);
				const marks = ticks(scale.domain, 0, step, 1000);
				if (marks.length > 1) expect(scale.toPx(marks[1]) - scale.toPx(marks[0])).toBeGreaterThanOrEqual(79.9);
				// The next smaller nice step is at least 0.3 of this one.
				if (step > 1) expect(step * (width / length)).toBeLessThan(80 * 3.4);
			}),
		);
	});

	it.each([
		[1, 1],
		[3, 5],
		[120, 200],
		[600_000_000, 1e9],
		[3e9, 5e9],
		[20e9, 30e9],
		[40e9, 60e9],
		[400e9, 600e9],
		[5 * 3600e9, 6 * 3600e9],
		[20 * 3600e9, 86_400e9],
		[3 * 86_400e9, 5 * 86_400e9],
	])("chooses for at least %d ns a step of %d ns", (min, step) => {
		expect(niceStep(min)).toBe(step);
	});

	it("start at the beginning of the trace also where the window does not, and end at the limit", () => {
		expect(ticks({ startNs: 25, endNs: 70 }, 5, 20, 10)).toEqual([25, 45, 65]);
		expect(ticks({ startNs: 0, endNs: 1e9 }, 0, 1, 7)).toHaveLength(7);
	});
});

describe("formatTick", () => {
	it.each([
		[0, "0"],
		[250_000_000, "250 ms"],
		[1_500_000_000, "1.5 s"],
		[60e9, "1 m"],
		[90e9, "1 m 30 s"],
		[65e9, "1 m 05 s"],
		[60.5e9, "1 m 00.5 s"],
		[3600e9, "1 h"],
		[5400e9, "1 h 30 m"],
		[86_400e9, "1 d"],
		[108_000e9, "1 d 06 h"],
		[-1e9, "-1 s"],
	])("writes %d ns as %s", (ns, text) => {
		expect(formatTick(ns)).toBe(text);
	});
});

describe("formatOffset", () => {
	it.each([
		[1_234_567_891, 14e6, "1.23 s"],
		[1_234_567_891, 1, "1.234567891 s"],
		[1_234_567_891, 0.01, "1.234567891 s"],
		[499_999_999, 1.7e6, "500 ms"],
		[-3_000_001, 1000, "-3 ms"],
		[61_500_000_000, 9e8, "1 m 01.5 s"],
	])("writes %d ns at %d ns a pixel as %s", (ns, nsPerPx, text) => {
		expect(formatOffset(ns, nsPerPx)).toBe(text);
	});
});

describe("nsBetween", () => {
	it("keeps the nanoseconds", () => {
		expect(nsBetween({ ms: 1000, subNs: 999_999 }, { ms: 1001, subNs: 1 })).toBe(2);
	});
});
