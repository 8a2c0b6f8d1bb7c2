import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TimeDomain, timeDomain } from "../../../webview/waterfall/timeScale.ts";
import { clampWindow, moved, TimeWindow, zoomedAt } from "../../../webview/waterfall/timeWindow.ts";

const WHOLE: TimeDomain = { startNs: 0, endNs: 1e9 };
const anyTime = fc.oneof(fc.double(), fc.double({ min: -1e19, max: 1e19 }), fc.integer({ min: 0, max: 1e9 }));
const anyWhole = fc.tuple(anyTime, anyTime).map(([start, end]) => timeDomain(start, end));

describe("clampWindow", () => {
	it("gives a window inside the trace that can be drawn, whatever is wanted", () => {
		fc.assert(
			fc.property(anyWhole, anyTime, anyTime, (whole, startNs, endNs) => {
				const window = clampWindow({ startNs, endNs }, whole);
				if (window === undefined) return;
				expect(window.startNs).toBeGreaterThanOrEqual(whole.startNs);
				expect(window.endNs).toBeLessThanOrEqual(whole.endNs);
				// A thousand pixels can be told apart in it.
				const step = (window.endNs - window.startNs) / 1000;
				expect(window.startNs + step).toBeGreaterThan(window.startNs);
			}),
		);
	});

	it("is the whole for what is as long or unknown, moves in what sticks out, and widens what is too short", () => {
		expect(clampWindow({ startNs: -5, endNs: 2e9 }, WHOLE)).toBeUndefined();
		expect(clampWindow({ startNs: Number.NaN, endNs: 5 }, WHOLE)).toBeUndefined();
		expect(clampWindow({ startNs: 0, endNs: Number.POSITIVE_INFINITY }, WHOLE)).toBeUndefined();
		expect(clampWindow({ startNs: -1e8, endNs: 1e8 }, WHOLE)).toEqual({ startNs: 0, endNs: 2e8 });
		expect(clampWindow({ startNs: 9.5e8, endNs: 12e8 }, WHOLE)).toEqual({ startNs: 7.5e8, endNs: 1e9 });
		expect(clampWindow({ startNs: 500, endNs: 500 }, { startNs: 0, endNs: 1e6 })).toEqual({ startNs: 490, endNs: 510 });
	});
});

describe("zoomedAt", () => {
	it("keeps the anchor where it stood", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 1e9 }),
				fc.double({ min: 0.1, max: 10, noNaN: true }),
				(anchorNs, factor) => {
					const { startNs, endNs } = zoomedAt(WHOLE, anchorNs, factor);
					expect((anchorNs - startNs) / (endNs - startNs)).toBeCloseTo(anchorNs / 1e9, 6);
					expect(endNs - startNs).toBeCloseTo(1e9 * factor, 3);
				},
			),
		);
	});
});

describe("TimeWindow", () => {
	const part = (startNs: number, endNs: number): TimeDomain => ({ startNs, endNs });

	it("never shows anything outside the trace, and back leads to the beginning, through any steps", () => {
		const step = fc.oneof(
			fc.record({ do: fc.constant("zoom" as const), at: anyTime, factor: fc.double() }),
			fc.record({ do: fc.constant("pan" as const), by: anyTime }),
			fc.record({ do: fc.constantFrom("back" as const, "forward" as const) }),
		);
		fc.assert(
			fc.property(anyWhole, fc.array(step, { maxLength: 40 }), (whole, steps) => {
				const window = new TimeWindow();
				for (const each of steps) {
					const now = window.domain(whole);
					if (each.do === "zoom") window.show(zoomedAt(now, each.at, each.factor), whole);
					else if (each.do === "pan") window.show(moved(now, each.by), whole);
					else window[each.do]();
					const { startNs, endNs } = window.domain(whole);
					expect(startNs).toBeGreaterThanOrEqual(whole.startNs);
					expect(endNs).toBeLessThanOrEqual(whole.endNs);
					expect(endNs).toBeGreaterThan(startNs);
				}
				while (window.back());
				expect(window.shown).toBeUndefined();
			}),
		);
	});

	it("goes back and forward, and forgets what was ahead once something else is shown", () => {
		const window = new TimeWindow();
		expect(window.back()).toBe(false);
		window.show(part(0, 5e8), WHOLE);
		window.show(part(0, 2e8), WHOLE);
		expect(window.show(part(0, 2e8), WHOLE)).toBe(false);
		expect(window.back()).toBe(true);
		expect(window.shown).toEqual(part(0, 5e8));
		expect(window.forward()).toBe(true);
		expect(window.shown).toEqual(part(0, 2e8));
		window.back();
		window.show(undefined, WHOLE);
		expect(window.forward()).toBe(false);
		expect(window.back()).toBe(true);
		expect(window.shown).toEqual(part(0, 5e8));
	});

	it("takes the steps of one gesture as one, until it rests", () => {
		const window = new TimeWindow();
		window.show(part(0, 9e8), WHOLE, "zoom", 0);
		window.show(part(0, 8e8), WHOLE, "zoom", 500);
		window.show(part(0, 7e8), WHOLE, "zoom", 1000);
		window.show(part(0, 6e8), WHOLE, "zoom", 3000);
		window.show(part(1e8, 7e8), WHOLE, "pan", 3001);
		const seen: (number | undefined)[] = [];
		while (window.back()) seen.push(window.shown?.endNs);
		expect(seen).toEqual([6e8, 7e8, undefined]);
	});

	it("keeps its moments when times are counted from another one", () => {
		const window = new TimeWindow();
		window.show(part(1e8, 2e8), WHOLE);
		window.show(part(1e8, 1.5e8), WHOLE);
		window.rebase(5e7);
		expect(window.shown).toEqual(part(1.5e8, 2e8));
		window.back();
		expect(window.shown).toEqual(part(1.5e8, 2.5e8));
	});

	it("is drawn inside a trace that has become shorter, and comes back when it grows again", () => {
		const window = new TimeWindow();
		window.show(part(8e8, 9e8), WHOLE);
		expect(window.domain({ startNs: 0, endNs: 5e8 })).toEqual(part(4e8, 5e8));
		expect(window.domain({ startNs: 0, endNs: 5e7 })).toEqual({ startNs: 0, endNs: 5e7 });
		expect(window.domain(WHOLE)).toEqual(part(8e8, 9e8));
	});
});
