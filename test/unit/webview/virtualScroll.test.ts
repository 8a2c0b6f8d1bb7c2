import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_SCROLL_PX, VirtualScroll } from "../../../webview/waterfall/virtualScroll.ts";

function scrolled(contentPx: number, viewportPx: number): VirtualScroll {
	const scroll = new VirtualScroll();
	scroll.viewportPx = viewportPx;
	scroll.resize(contentPx, viewportPx);
	return scroll;
}

describe("VirtualScroll", () => {
	it("is the scroll bar itself while the content is not too high", () => {
		const scroll = scrolled(250_000 * 22, 500);
		expect(scroll.elementPx).toBe(5_500_000);
		expect(scroll.handleScroll(1234)).toBe(false);
		expect(scroll.top).toBe(1234);
		expect(scroll.elementTop).toBe(1234);
	});

	it("never leaves the content", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 4e7 }),
				fc.integer({ min: 0, max: 2000 }),
				fc.double(),
				(content, view, to) => {
					const scroll = scrolled(content, view);
					scroll.moveTo(to);
					expect(scroll.top).toBeGreaterThanOrEqual(0);
					expect(scroll.top).toBeLessThanOrEqual(Math.max(0, content - view));
					expect(scroll.elementPx).toBeLessThanOrEqual(MAX_SCROLL_PX);
					expect(scroll.elementTop).toBeLessThanOrEqual(Math.max(0, scroll.elementPx - view) + 1);
				},
			),
		);
	});

	it("moves the content by pixels at small steps and in proportion at long ones, above the bound", () => {
		const scroll = scrolled(33_000_000, 500);
		expect(scroll.elementPx).toBe(MAX_SCROLL_PX);
		scroll.handleScroll(100);
		expect(scroll.top).toBe(100);
		scroll.handleScroll((MAX_SCROLL_PX - 500) / 2);
		expect(scroll.top).toBeCloseTo((33_000_000 - 500) / 2, -2);
		const before = scroll.top;
		scroll.handleScroll((MAX_SCROLL_PX - 500) / 2 + 66);
		expect(scroll.top).toBeCloseTo(before + 66, 0);
		scroll.handleScroll(MAX_SCROLL_PX - 500);
		expect(scroll.top).toBe(33_000_000 - 500);
		scroll.handleScroll(0);
		expect(scroll.top).toBe(0);
	});

	it("does not take its own write for the hand", () => {
		const scroll = scrolled(33_000_000, 500);
		scroll.moveTo(12_345_678);
		scroll.handleScroll(scroll.elementTop);
		expect(scroll.top).toBe(12_345_678);
	});

	it("asks for room when the bar ends before the content does", () => {
		const scroll = scrolled(33_000_000, 500);
		scroll.moveTo(4000);
		let element = scroll.elementTop;
		let hasAsked = false;
		for (let step = 0; step < 40 && scroll.top > 0; step++) {
			element = Math.max(0, element - 100);
			if (scroll.handleScroll(element)) {
				hasAsked = true;
				scroll.moveTo(scroll.top);
				element = scroll.elementTop;
			}
		}
		expect(hasAsked).toBe(true);
		expect(scroll.top).toBeLessThan(1000);
	});
});
