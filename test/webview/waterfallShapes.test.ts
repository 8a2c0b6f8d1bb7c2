import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import { TestHostTrace } from "./agentTrace.ts";
import type { Waterfall } from "./bars.ts";
import { type Harness, startHarness } from "./harness.ts";
import { SHAPES, type Shape } from "./shapes.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

/** Opens a shape as the host would send it; whatever broke the page's policy or threw fails the test. */
async function withShape(
	{ spans, header, base }: Shape,
	run: (waterfall: Waterfall) => Promise<void>,
	width = 1000,
): Promise<void> {
	const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall", { width });
	try {
		await waterfall.send(new TestHostTrace(header, base).snapshot(spans));
		await run(waterfall);
		expect(await waterfall.problems()).toEqual([]);
	} finally {
		await waterfall.close();
	}
}

/** Rows with nothing folded. */
async function expectEnds({ page }: Waterfall, { rows, first, last }: Shape): Promise<void> {
	expect(await page.locator(".row .name").first().textContent()).toContain(first);
	const { content, viewport } = await page.locator(".scroller").evaluate((scroller) => ({
		content: scroller.scrollHeight,
		viewport: scroller.clientHeight,
	}));
	expect(content).toBe(Math.max(viewport, rows * 22));
	expect(await page.locator(".row").count()).toBeLessThanOrEqual(Math.min(rows, viewport / 22 + 40));
	await page.locator(".tree").focus();
	await page.keyboard.press("End");
	await expect.poll(() => page.locator(".row[aria-selected=true] .name").textContent()).toContain(last);
	const box = await page.locator(".row[aria-selected=true]").boundingBox();
	const tree = await page.locator(".scroller").boundingBox();
	// Wholly in view.
	expect(box?.y ?? 0).toBeGreaterThanOrEqual(tree?.y ?? 0);
	expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual((tree?.y ?? 0) + (tree?.height ?? 0) + 1);
	await page.keyboard.press("Home");
	await expect.poll(() => page.locator(".row[aria-selected=true] .name").textContent()).toContain(first);
}

/** Nothing is wider than the page: what does not fit is cut, never scrolled to. */
async function expectNoSidewaysScroll({ page }: Waterfall): Promise<void> {
	const wide = await page.evaluate(() => {
		const chart = document.querySelector("traceway-waterfall")?.shadowRoot?.querySelector("traceway-chart");
		const boxes = [document.documentElement, document.body, chart, chart?.shadowRoot?.querySelector(".scroller")];
		return boxes.filter((box) => box && box.scrollWidth > box.clientWidth).map((box) => box?.className);
	});
	expect(wide).toEqual([]);
}

describe.each(SHAPES)("%s", (_name, make) => {
	it("opens with all rows, from the first to the last, and nothing for axe to say", async () => {
		const shape = make();
		await withShape(shape, async (waterfall) => {
			await expectEnds(waterfall, shape);
			await expectNoSidewaysScroll(waterfall);
			expect(
				(await waterfall.page.locator(".row .name").allTextContents()).filter((name) => name.trim() === ""),
			).toEqual([]);
			expect(await waterfall.axe()).toEqual([]);
		});
	});
});

/** Sending the biggest takes this test's time; narrow, it is a list like the others. */
const NARROW = SHAPES.filter(([name]) => name !== "250,000 spans");

describe.each(NARROW)("%s", (_name, make) => {
	it("fits into a narrow editor, folds to its roots and comes back", async () => {
		const shape = make();
		await withShape(
			shape,
			async (waterfall) => {
				const { page } = waterfall;
				await expectNoSidewaysScroll(waterfall);
				await page.locator(".tree").focus();
				await page.keyboard.press("Home");
				await page.keyboard.press("[");
				const roots = await page.locator(".row").first().getAttribute("aria-setsize");
				await expect.poll(() => page.locator(".row").count()).toBe(Number(roots));
				await page.keyboard.press("*");
				await expectEnds(waterfall, shape);
			},
			320,
		);
	});
});
