import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { TestHostTrace } from "./agentTrace.ts";
import type { Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";
import { calls, rowTexts, topOf, withWaterfall } from "./waterfallViews.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

const withPage = (run: (waterfall: Waterfall) => Promise<void>, options?: OpenOptions): Promise<void> =>
	withWaterfall(harness, run, options);

/** Steps of a run, each of its own name, ten nanoseconds apart. */
const steps = (count: number, from = 0): TestSpan[] =>
	Array.from({ length: count }, (_, i) => ({
		id: `step${from + i}`,
		name: `step${from + i}`,
		parent: "root",
		start: (from + i) * 10,
		end: (from + i) * 10 + 5,
	}));
const root: TestSpan = { id: "root", name: "run", start: 0, end: 90_000 };

/** A pointer that moves over the rows is somebody who reads: before, a trace that was just opened is still coming in. */
async function read({ page }: Waterfall): Promise<void> {
	await page.locator(".ruler").hover();
	await page.locator(".scroller").hover({ position: { x: 5, y: 200 } });
	await page.locator(".ruler").hover();
}

async function scroll({ page }: Waterfall, top: number): Promise<void> {
	await page.locator(".scroller").evaluate(async (scroller, to) => {
		scroller.scrollTop = to;
		await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
	}, top);
}

const lastRow = async (waterfall: Waterfall): Promise<string | undefined> => (await rowTexts(waterfall)).at(-1);
const pill = ({ page }: Waterfall) => page.locator(".new-below");

describe("spans that come in while one reads", () => {
	it("scroll in at the end, and nowhere else", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([root, ...steps(100)]));
			await read(waterfall);
			await scroll(waterfall, 1e6);
			expect(await lastRow(waterfall)).toBe("step99");
			await waterfall.send(host.delta(steps(3, 100)));
			expect(await lastRow(waterfall)).toBe("step102");
			expect(await pill(waterfall).isVisible()).toBe(false);
			await scroll(waterfall, 500);
			const before = await rowTexts(waterfall);
			await waterfall.send(host.delta(steps(3, 103)));
			expect(await rowTexts(waterfall)).toEqual(before);
		});
	});

	it("are counted below, and the count leads to them", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([root, ...steps(100)]));
			await read(waterfall);
			await waterfall.send(host.delta(steps(9, 100)));
			expect(await pill(waterfall).textContent()).toContain("9 new below");
			await waterfall.send(host.delta(steps(3, 109)));
			expect(await pill(waterfall).textContent()).toContain("12 new below");
			// Told to who listens, but not each time.
			await expect.poll(() => page.locator(".new-below + [role=status]").textContent()).toMatch(/^(9|12) new below$/);
			// What was seen counts no more.
			const viewportPx = await page.locator(".scroller").evaluate((scroller) => scroller.clientHeight);
			await scroll(waterfall, 108 * 22 - viewportPx);
			await expect.poll(() => pill(waterfall).textContent()).toContain("5 new below");
			await pill(waterfall).focus();
			await page.keyboard.press("Enter");
			await expect.poll(() => lastRow(waterfall)).toBe("step111");
			expect(await pill(waterfall).isVisible()).toBe(false);
			expect(await page.locator(".tree:focus").count()).toBe(1);
			await waterfall.send(host.delta(steps(1, 112)));
			expect(await lastRow(waterfall)).toBe("step112");
		});
	});

	it("are the trace itself while it is being opened: it is shown from its beginning, and nothing is news", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([root]), host.delta(steps(100)));
			expect((await rowTexts(waterfall)).slice(0, 2)).toEqual(["run", "step0"]);
			expect(await pill(waterfall).isVisible()).toBe(false);
			await waterfall.send(host.delta(calls(8, { parent: "step3" })));
			expect((await rowTexts(waterfall)).slice(4, 6)).toEqual(["step3", "read_file ×8"]);
		});
	});

	it("take no row that is on screen away: it joins a group once it is out of sight", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([root, ...calls(4), ...steps(100, 100)]));
			await read(waterfall);
			const texts = await rowTexts(waterfall);
			await waterfall.send(host.delta(calls(1, {}, 4)));
			expect((await rowTexts(waterfall)).slice(0, 6)).toEqual([...texts.slice(0, 5), "read_file"]);
			await scroll(waterfall, 50 * 22);
			const before = await topOf(waterfall, "step150");
			await waterfall.send(host.delta(calls(2, {}, 5)));
			expect(await topOf(waterfall, "step150")).toBe(before);
			await scroll(waterfall, 0);
			expect((await rowTexts(waterfall)).slice(0, 3)).toEqual(["run", "read_file ×7", "step100"]);
		});
	});

	it("leave the selected row where it stands, whatever comes above it on the screen", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([root, ...steps(100)]));
			await scroll(waterfall, 220);
			await page.locator(".row").nth(12).click();
			const name = (await page.locator(".row.selected .name").textContent()) ?? "";
			const before = await topOf(waterfall, name);
			await waterfall.send(host.delta([{ id: "in", name: "in", parent: "step13", start: 131, end: 132 }]));
			expect(await rowTexts(waterfall)).toContain("in");
			expect(await topOf(waterfall, name)).toBe(before);
		});
	});

	it("flash once, unless motion is to be reduced", async () => {
		for (const reducedMotion of ["no-preference", "reduce"] as const) {
			await withPage(
				async (waterfall) => {
					const { page } = waterfall;
					const host = new TestHostTrace();
					await waterfall.send(host.snapshot([root, ...steps(5)]));
					await read(waterfall);
					const flashing = (): Promise<string[]> =>
						page
							.locator(".row")
							.evaluateAll((rows) =>
								rows
									.filter((row) => row.getAnimations().length > 0)
									.map((row) => row.querySelector(".name")?.textContent ?? ""),
							);
					// Playing animations are paused: what is asked does not depend on when.
					await page.evaluate(() => {
						const { animate } = Element.prototype;
						Element.prototype.animate = function (...args) {
							const animation = animate.apply(this, args);
							animation.pause();
							return animation;
						};
					});
					await waterfall.send(host.delta(steps(1, 5)));
					expect(await flashing()).toEqual(reducedMotion === "reduce" ? [] : ["step5"]);
					await waterfall.send(host.delta([{ ...steps(1, 5)[0], end: 70 }, ...steps(1, 6)]));
					expect(await flashing()).toEqual(reducedMotion === "reduce" ? [] : ["step5", "step6"]);
				},
				{ reducedMotion },
			);
		}
	});

	it("take a window of time along that ends where the trace does, and no other", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([{ ...root, end: 1000 }, ...steps(20)]));
			const shown = (): Promise<readonly [number, number] | undefined> =>
				page.locator("traceway-chart").evaluate((chart) => {
					const { timeWindow } = chart as unknown as { timeWindow?: { startNs: number; endNs: number } };
					return timeWindow && ([Math.round(timeWindow.startNs), Math.round(timeWindow.endNs)] as const);
				});
			const end = page.getByRole("slider", { name: "End of the shown time" });
			const start = page.getByRole("slider", { name: "Start of the shown time" });
			await start.focus();
			for (let i = 0; i < 4; i++) await page.keyboard.press("Shift+ArrowRight");
			expect(await shown()).toEqual([400, 1000]);
			await waterfall.send(host.delta([{ ...steps(1, 150)[0], end: 1500 }]));
			await expect.poll(shown).toEqual([900, 1500]);
			await end.focus();
			await page.keyboard.press("Shift+ArrowLeft");
			const stays = await shown();
			expect(stays?.[1]).toBeLessThan(1500);
			await waterfall.send(host.delta([{ ...steps(1, 190)[0], end: 2000 }]));
			await expect.poll(shown).toEqual(stays);
		});
	});

	for (const theme of THEME_NAMES) {
		it(`have no violation in the ${theme} theme, counted below`, async () => {
			await withPage(
				async (waterfall) => {
					const host = new TestHostTrace();
					await waterfall.send(host.snapshot([root, ...steps(100)]));
					await read(waterfall);
					await waterfall.send(host.delta(steps(12, 100)));
					await pill(waterfall).waitFor();
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}
});
