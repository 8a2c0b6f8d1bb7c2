import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallCommand, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { BASE, TestHostTrace } from "./agentTrace.ts";
import { bar, type Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";

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

/** A second long; the page is 1,000 pixels wide with the divider at 400, so 580 pixels are a second and 58 a tenth. */
const SPANS: readonly TestSpan[] = [
	{ id: "root", name: "root", start: 0, end: 1e9, kind: "llm_call" },
	{ id: "a", name: "a", parent: "root", start: 1e8, end: 3e8, kind: "tool" },
	{ id: "b", name: "b", parent: "root", start: 5e8, end: 6e8, kind: "tool" },
	{ id: "point", name: "point", parent: "root", start: 8e8, end: 8e8, kind: "tool" },
];
const LEFT = 400;
const xOf = (ns: number): number => LEFT + 10 + (ns / 1e9) * 580;

async function opened(waterfall: Waterfall): Promise<TestHostTrace> {
	const host = new TestHostTrace();
	await waterfall.send(host.snapshot(SPANS));
	return host;
}

/** A frame later: what was asked for is drawn. */
async function run(waterfall: Waterfall, ...commands: readonly WaterfallCommand[]): Promise<void> {
	await waterfall.send(...commands.map((command) => ({ type: "view/run" as const, command })));
}

async function drawn({ page }: Waterfall): Promise<void> {
	await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

async function barWidth(waterfall: Waterfall, name: string): Promise<number> {
	await drawn(waterfall);
	const { left, right } = await bar(waterfall, name);
	return left < 0 ? 0 : right - left + 1;
}

/** Centre of a part of the chart. */
async function middleOf({ page }: Waterfall, selector: string): Promise<number> {
	const box = await page.locator(selector).first().boundingBox();
	if (box === null) throw new Error(`${selector} is not shown`);
	return box.y + box.height / 2;
}

async function drag({ page }: Waterfall, y: number, fromX: number, toX: number): Promise<void> {
	await page.mouse.move(fromX, y);
	await page.mouse.down();
	await page.mouse.move((fromX + toX) / 2, y);
	await page.mouse.move(toX, y);
	await page.mouse.up();
}

describe("zooming the time", () => {
	it("goes in and out around the pointer with Ctrl and the wheel, and sideways with Shift", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await opened(waterfall);
			const before = await bar(waterfall, "b");
			const y = await middleOf(waterfall, ".scroller");
			await page.mouse.move(xOf(5e8), y);
			await page.keyboard.down("Control");
			await page.mouse.wheel(0, -200);
			await expect.poll(() => barWidth(waterfall, "b")).toBeGreaterThan((before.right - before.left) * 1.5);
			const near = await bar(waterfall, "b");
			expect(Math.abs(near.left - before.left)).toBeLessThanOrEqual(2);
			await page.mouse.wheel(0, 1000);
			await expect.poll(() => barWidth(waterfall, "b")).toBeLessThanOrEqual(near.right - near.left);
			await page.mouse.wheel(0, -300);
			await page.keyboard.up("Control");
			await expect.poll(() => barWidth(waterfall, "b")).toBeGreaterThan((before.right - before.left) * 1.5);
			const zoomed = await bar(waterfall, "b");
			await page.keyboard.down("Shift");
			await page.mouse.wheel(0, 40);
			await page.keyboard.up("Shift");
			await expect.poll(async () => (await bar(waterfall, "b")).left).toBeLessThan(zoomed.left - 20);
			await run(waterfall, "fitTrace");
			expect(await bar(waterfall, "b")).toEqual(before);
		});
	});

	it("shows the range that was dragged on the ruler, and goes back and forward through what was shown", async () => {
		await withPage(async (waterfall) => {
			await opened(waterfall);
			const whole = await barWidth(waterfall, "b");
			await drag(waterfall, await middleOf(waterfall, ".ruler"), xOf(4e8), xOf(7e8));
			// 300 ms in 580 pixels.
			const range = await barWidth(waterfall, "b");
			expect(range).toBeGreaterThan(185);
			expect(range).toBeLessThan(202);
			// A span outside leaves a small arrow at the edge in its own colour, no bar.
			expect(await barWidth(waterfall, "a")).toBeLessThan(8);
			await waterfall.page.locator(".row[aria-posinset='2']").click({ position: { x: 100, y: 10 } });
			await run(waterfall, "fitSpan");
			expect(await barWidth(waterfall, "b")).toBeGreaterThan(570);
			await run(waterfall, "zoomBack");
			expect(await barWidth(waterfall, "b")).toBe(range);
			await run(waterfall, "zoomBack");
			expect(await barWidth(waterfall, "b")).toBe(whole);
			await run(waterfall, "zoomBack", "zoomForward", "zoomForward");
			expect(await barWidth(waterfall, "b")).toBeGreaterThan(570);
		});
	});

	it("takes the steps of a held key back as one", async () => {
		await withPage(async (waterfall) => {
			await opened(waterfall);
			const whole = await barWidth(waterfall, "b");
			await run(waterfall, "zoomIn", "zoomIn", "zoomIn");
			expect(await barWidth(waterfall, "b")).toBeGreaterThan(whole * 2);
			await run(waterfall, "zoomBack");
			expect(await barWidth(waterfall, "b")).toBe(whole);
			await run(waterfall, "zoomIn", "zoomOut", "zoomOut");
			expect(await barWidth(waterfall, "b")).toBe(whole);
		});
	});

	it("fits a span by a double click on its bar, and opens one by a double click beside it", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await opened(waterfall);
			const y = await middleOf(waterfall, ".row[aria-posinset='2']");
			await page.mouse.dblclick(xOf(5.5e8), y);
			expect(await barWidth(waterfall, "b")).toBeGreaterThan(570);
			expect((await waterfall.posted()).some(({ type }) => type === "span/open")).toBe(false);
			await run(waterfall, "fitTrace");
			await page.mouse.dblclick(xOf(7.5e8), y);
			expect((await waterfall.waitForPost("span/open")).spanId).toBe("b");
			// One without a length comes to the middle.
			await page.mouse.dblclick(xOf(8e8), await middleOf(waterfall, ".row[aria-posinset='3']"));
			await drawn(waterfall);
			const { left } = await bar(waterfall, "point");
			expect(Math.abs(left - 300)).toBeLessThan(4);
		});
	});

	it("moves by dragging the bars once it is zoomed, without selecting what was dragged; a click still selects", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await opened(waterfall);
			const ruler = await middleOf(waterfall, ".ruler");
			await drag(waterfall, ruler, xOf(4e8), xOf(7e8));
			await drawn(waterfall);
			const before = await bar(waterfall, "b");
			const y = await middleOf(waterfall, ".row[aria-posinset='2']");
			await drag(waterfall, y, 700, 640);
			await drawn(waterfall);
			const after = await bar(waterfall, "b");
			expect(after.left).toBe(before.left - 60);
			expect(await page.locator(".row.selected").count()).toBe(0);
			await page.mouse.click(600, y);
			expect(await page.locator(".row.selected .name").textContent()).toBe("b");
			// Escape takes a drag back that is still going on.
			await page.mouse.move(700, y);
			await page.mouse.down();
			await page.mouse.move(600, y);
			await page.keyboard.press("Escape");
			await page.mouse.up();
			await drawn(waterfall);
			expect(await bar(waterfall, "b")).toEqual(after);
		});
	});

	it("stays where it is while spans come in and end, over a snapshot with another base, and over a reload", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = await opened(waterfall);
			await drag(waterfall, await middleOf(waterfall, ".ruler"), xOf(4e8), xOf(7e8));
			await drawn(waterfall);
			const before = await bar(waterfall, "b");
			await waterfall.send(host.delta([{ id: "late", name: "late", parent: "root", start: 9e8, end: 5e9 }]));
			expect(await bar(waterfall, "b")).toEqual(before);
			// The same moments, counted from 250 ms earlier.
			const earlier = new TestHostTrace({}, { ms: BASE.ms - 250, subNs: 0 });
			earlier.revision = 10;
			const shifted = host.trace.spans.map((span) => ({
				...span,
				start: (span.start ?? 0) + 25e7,
				end: (span.end ?? 0) + 25e7,
			}));
			await waterfall.send(earlier.snapshot(shifted));
			expect(await bar(waterfall, "b")).toEqual(before);
			await page.reload();
			await waterfall.waitForPost("page/ready");
			await waterfall.send(host.snapshot());
			expect(await bar(waterfall, "b")).toEqual(before);
		});
	});

	it("starts with the whole trace where the kept window is of another shape", async () => {
		const state = { sourceId: "local", traceId: "trace-1", timeWindow: { startNs: "a", endNs: 5 } };
		await withPage(
			async (waterfall) => {
				await opened(waterfall);
				expect(await barWidth(waterfall, "root")).toBeGreaterThan(570);
			},
			{ state },
		);
	});
});

describe("the heading of the span column", () => {
	it("ends where the buttons begin, however many there are and however narrow it is", async () => {
		await withPage(
			async (waterfall) => {
				const overlap = () =>
					waterfall.page.locator("traceway-chart").evaluate((chart) => {
						const root = chart.shadowRoot ?? document;
						const column = root.querySelector("#column") as HTMLElement;
						const button = root.querySelector(".action:not([hidden])") as HTMLElement;
						const textEnd =
							column.getBoundingClientRect().right - Number.parseFloat(getComputedStyle(column).paddingRight);
						return textEnd - button.getBoundingClientRect().left;
					});
				const host = await opened(waterfall);
				expect(await overlap()).toBeLessThanOrEqual(0);
				const delta = host.delta([{ ...SPANS[1]!, end: 4e8 }]);
				await waterfall.send({ ...delta, header: { ...delta.header, failedCount: 1 } });
				await run(waterfall, "zoomIn");
				await drawn(waterfall);
				expect(await waterfall.page.locator(".action:not([hidden])").count()).toBe(6);
				expect(await overlap()).toBeLessThanOrEqual(0);
			},
			{ width: 480 },
		);
	});
});

describe("the crosshair", () => {
	it("tells the offset under the pointer to a pixel, and leaves with the pointer", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await opened(waterfall);
			const text = page.locator(".crosshair-text");
			await page.mouse.move(xOf(5e8), await middleOf(waterfall, ".ruler"));
			await drawn(waterfall);
			expect(await text.textContent()).toBe("500 ms");
			await page.mouse.move(xOf(1e9), await middleOf(waterfall, ".scroller"));
			await drawn(waterfall);
			expect(await text.textContent()).toBe("1 s");
			const box = await text.boundingBox();
			expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(1000);
			await page.mouse.move(100, 300);
			await drawn(waterfall);
			expect(await text.isVisible()).toBe(false);
		});
	});

	it("measures between two points with Shift, without zooming, until Escape", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await opened(waterfall);
			const whole = await barWidth(waterfall, "b");
			for (const where of [".ruler", ".row[aria-posinset='2']"]) {
				await page.keyboard.down("Shift");
				await drag(waterfall, await middleOf(waterfall, where), xOf(6e8), xOf(2e8));
				await page.keyboard.up("Shift");
				await drawn(waterfall);
				expect(await page.locator(".band-text").textContent()).toBe("Δ 400 ms");
				expect(await barWidth(waterfall, "b")).toBe(whole);
				await page.locator(".tree").focus();
				await page.keyboard.press("Escape");
				await drawn(waterfall);
				expect(await page.locator(".band").isVisible()).toBe(false);
			}
		});
	});
});

describe("keys of the commands", () => {
	it("are wanted while the page has the focus", async () => {
		await withPage(async (waterfall) => {
			await opened(waterfall);
			await waterfall.page.locator(".tree").focus();
			expect((await waterfall.waitForPost("keys/changed")).isWanted).toBe(true);
			await waterfall.page.evaluate(() => {
				const field = document.body.appendChild(document.createElement("input"));
				field.focus();
			});
			await expect.poll(async () => (await waterfall.waitForPost("keys/changed")).isWanted).toBe(false);
		});
	});
});

describe("a call that streams its answer", () => {
	it("is drawn in two parts, and says when its first token came", () =>
		withPage(async (waterfall) => {
			const streamed = SPANS.map((span) => (span.id === "root" ? { ...span, firstTokenNs: 4e8 } : span));
			await waterfall.send(new TestHostTrace().snapshot(streamed));
			await drawn(waterfall);
			// What comes before the first token steps back behind the rest.
			const { left, right } = await bar(waterfall, "root");
			expect(Math.abs(left - (xOf(4e8) - LEFT))).toBeLessThanOrEqual(2);
			expect(Math.abs(right - (xOf(1e9) - LEFT))).toBeLessThanOrEqual(2);
			const row = await waterfall.page.locator(".row").first().boundingBox();
			if (row === null) throw new Error("no row");
			await waterfall.page.mouse.move(xOf(5e8), row.y + row.height / 2);
			await waterfall.page.locator(".tooltip").getByText("First token after").waitFor();
		}));
});
