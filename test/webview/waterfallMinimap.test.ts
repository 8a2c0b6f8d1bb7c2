import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { agentSpans, manySpans, TestHostTrace } from "./agentTrace.ts";
import { bar, type Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

async function withPage(run: (waterfall: Waterfall) => Promise<void>, options: OpenOptions = {}): Promise<void> {
	const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall", options);
	try {
		await run(waterfall);
		expect(await waterfall.problems()).toEqual([]);
	} finally {
		await waterfall.close();
	}
}

const SPANS: readonly TestSpan[] = [
	{ id: "root", name: "root", start: 0, end: 1e9, kind: "llm_call" },
	{ id: "a", name: "a", parent: "root", start: 1e8, end: 3e8, kind: "tool", isFailed: true },
	{ id: "b", name: "b", parent: "root", start: 5e8, end: 6e8, kind: "tool" },
];
const xOf = (ns: number): number => 410 + (ns / 1e9) * 580;

async function drawn({ page }: Waterfall): Promise<void> {
	await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

async function barWidth(waterfall: Waterfall, name: string): Promise<number> {
	await drawn(waterfall);
	const { left, right } = await bar(waterfall, name);
	return left < 0 ? 0 : right - left + 1;
}

/** Painted pixels of the strip by rows from the top, and how many of them are red in the last rows. */
function painted({ page }: Waterfall): Promise<{ spans: number; ticks: number }> {
	return page.locator("canvas.map").evaluate((canvas) => {
		if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
		const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
		let spans = 0;
		let ticks = 0;
		for (let at = 0; at < data.length; at += 4) {
			if (data[at + 3] === 0) continue;
			if (Math.floor(at / 4 / canvas.width) < 32) spans++;
			else if (data[at] > data[at + 1] + 60 && data[at] > data[at + 2] + 60) ticks++;
		}
		return { spans, ticks };
	});
}

async function drag({ page }: Waterfall, fromX: number, toX: number): Promise<void> {
	const y = 15 + ((await page.locator(".minimap").boundingBox())?.y ?? Number.NaN);
	await page.mouse.move(fromX, y);
	await page.mouse.down();
	await page.mouse.move((fromX + toX) / 2, y);
	await page.mouse.move(toX, y);
	await page.mouse.up();
}

function values({ page }: Waterfall): Promise<(string | null)[]> {
	return page
		.getByRole("slider")
		.evaluateAll((handles) => handles.map((handle) => handle.getAttribute("aria-valuetext")));
}

describe("the minimap", () => {
	it("shows every span and a tick for each failed one, and follows the data", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(SPANS));
			const before = await painted(waterfall);
			expect(before.spans).toBeGreaterThan(700);
			expect(before.ticks).toBe(15);
			await waterfall.send(
				host.delta([{ id: "c", name: "c", parent: "root", start: 7e8, end: 9e8, kind: "tool", isFailed: true }]),
			);
			await expect.poll(() => painted(waterfall).then(({ ticks }) => ticks)).toBe(30);
			expect((await painted(waterfall)).spans).toBeGreaterThan(before.spans);
		});
	});

	it("is painted again only when the data changed", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(manySpans(2000)));
			const paint = (): Promise<number> =>
				page.locator("canvas.map").evaluate((canvas) => {
					const counter = canvas as HTMLCanvasElement & { paints?: number };
					if (counter.paints === undefined) {
						counter.paints = 0;
						const context = counter.getContext("2d");
						const clear = context?.clearRect.bind(context);
						if (context) {
							context.clearRect = (...args) => {
								counter.paints = (counter.paints ?? 0) + 1;
								clear?.(...args);
							};
						}
					}
					return counter.paints;
				});
			await paint();
			await page.locator(".scroller").evaluate((scroller) => {
				scroller.scrollTop = 5000;
			});
			await waterfall.send({ type: "view/run", command: "zoomIn" }, { type: "view/run", command: "panRight" });
			await drawn(waterfall);
			expect(await paint()).toBe(0);
		});
	});

	it("shows the part that is dragged on it, moves the box and its edges, and brings it where it is clicked", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(SPANS));
			const whole = await barWidth(waterfall, "b");
			await drag(waterfall, xOf(7e8), xOf(4e8));
			expect(await values(waterfall)).toEqual(["400 ms", "700 ms"]);
			expect(await barWidth(waterfall, "b")).toBeGreaterThan(whole * 3);
			await drag(waterfall, xOf(5e8), xOf(4e8));
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["300 ms", "600 ms"]);
			await drag(waterfall, xOf(6e8) + 3, xOf(8e8));
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["300 ms", "800 ms"]);
			await page.mouse.click(xOf(9.5e8), 50);
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["500 ms", "1 s"]);
			await page.mouse.dblclick(xOf(7.5e8), 50);
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["0", "1 s"]);
			// Each of these was one step.
			await waterfall.send({ type: "view/run", command: "zoomBack" }, { type: "view/run", command: "zoomBack" });
			expect(await values(waterfall)).toEqual(["300 ms", "800 ms"]);
		});
	});

	it("is two sliders to the keyboard, which come after the tree", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(SPANS));
			const start = page.getByRole("slider", { name: "Start of the shown time" });
			const end = page.getByRole("slider", { name: "End of the shown time" });
			await page.locator(".tree").focus();
			// The divider and five buttons stand between.
			for (let i = 0; i < 7; i++) await page.keyboard.press("Tab");
			expect(await start.evaluate((handle) => handle.matches(":focus"))).toBe(true);
			await page.keyboard.press("ArrowRight");
			await page.keyboard.press("Shift+ArrowRight");
			await drawn(waterfall);
			expect(await start.getAttribute("aria-valuetext")).toBe("110 ms");
			expect(await start.getAttribute("aria-valuenow")).toBe("11");
			await page.keyboard.press("Tab");
			await page.keyboard.press("PageDown");
			await drawn(waterfall);
			expect(await end.getAttribute("aria-valuetext")).toBe("900 ms");
			// An edge stops before the other one.
			await page.keyboard.press("Home");
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["110 ms", "111 ms"]);
			await page.keyboard.press("End");
			await page.keyboard.press("Shift+Tab");
			await page.keyboard.press("Home");
			await drawn(waterfall);
			expect(await values(waterfall)).toEqual(["0", "1 s"]);
		});
	});

	it("is not there for one span, nor where there is no room", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(SPANS.slice(0, 1)));
			const minimap = page.locator(".minimap");
			expect(await minimap.isVisible()).toBe(false);
			await waterfall.send(host.delta(SPANS.slice(1)));
			expect(await minimap.isVisible()).toBe(true);
			await page.setViewportSize({ width: 1000, height: 220 });
			await expect.poll(() => minimap.isVisible()).toBe(false);
			await page.setViewportSize({ width: 400, height: 600 });
			await drawn(waterfall);
			expect(await minimap.isVisible()).toBe(false);
			await page.setViewportSize({ width: 800, height: 600 });
			await expect.poll(() => minimap.isVisible()).toBe(true);
		});
	});

	for (const theme of THEME_NAMES) {
		it(`has no violation in the ${theme} theme, zoomed`, async () => {
			await withPage(
				async (waterfall) => {
					await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
					await drag(waterfall, xOf(4e8), xOf(7e8));
					await drawn(waterfall);
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}
});
