import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallCommand, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { agentSpans, TestHostTrace } from "./agentTrace.ts";
import { pixel, type Waterfall } from "./bars.ts";
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

async function run(waterfall: Waterfall, ...commands: readonly WaterfallCommand[]): Promise<void> {
	await waterfall.send(...commands.map((command) => ({ type: "view/run" as const, command })));
}

const SPANS: readonly TestSpan[] = [
	{ id: "root", name: "root", start: 0, end: 1e9, kind: "agent" },
	{ id: "call", name: "call", parent: "root", start: 0, end: 6e8, kind: "llm_call" },
	{ id: "beside", name: "beside", parent: "root", start: 1e8, end: 3e8, kind: "tool", isFailed: true },
	{ id: "tool", name: "tool", parent: "root", start: 6e8, end: 9e8, kind: "tool" },
	{ id: "inner", name: "inner", parent: "tool", start: 7e8, end: 7.5e8, kind: "custom", isFailed: true },
];
const xOf = (ns: number): number => 410 + (ns / 1e9) * 580;

/** Colour in the lower part of a bar, where the line stands. */
async function lineAt(waterfall: Waterfall, name: string, ns: number): Promise<string> {
	const row = waterfall.page.locator(".row", { has: waterfall.page.getByText(name, { exact: true }) });
	const box = await row.boundingBox();
	const [red, green, blue] = await pixel(waterfall, xOf(ns), (box?.y ?? Number.NaN) + 13);
	return `${red},${green},${blue}`;
}

describe("the critical path", () => {
	it("is drawn into the bars that the end waited for, when asked for, and is remembered", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(SPANS));
			const toggle = page.getByRole("button", { name: "Critical path" });
			expect(await toggle.getAttribute("aria-pressed")).toBe("false");
			const plain = await lineAt(waterfall, "call", 3e8);
			await toggle.click();
			await expect.poll(() => toggle.getAttribute("aria-pressed")).toBe("true");
			expect(await lineAt(waterfall, "call", 3e8)).toBe("31,31,31");
			expect(await lineAt(waterfall, "tool", 6.5e8)).toBe("31,31,31");
			// Where something below it ran, and beside the path, there is none.
			expect(await lineAt(waterfall, "tool", 7.2e8)).toBe("55,148,255");
			await page.reload();
			await waterfall.waitForPost("page/ready");
			await waterfall.send(host.snapshot());
			await expect.poll(() => toggle.getAttribute("aria-pressed")).toBe("true");
			expect(await lineAt(waterfall, "call", 3e8)).toBe("31,31,31");
			await run(waterfall, "toggleCriticalPath");
			expect(await lineAt(waterfall, "call", 3e8)).toBe(plain);
		});
	});

	it("costs no more than the width of a bar, for a span with 20,000 pieces", async () => {
		await withPage(async (waterfall) => {
			const spans: TestSpan[] = [{ id: "root", name: "root", start: 0, end: 1e9, kind: "agent" }];
			for (let i = 0; i < 20_000; i++) {
				spans.push({
					id: `s${i}`,
					name: `s${i}`,
					parent: "root",
					start: i * 50_000 + 20_000,
					end: i * 50_000 + 45_000,
				});
			}
			await waterfall.send(new TestHostTrace().snapshot(spans));
			await run(waterfall, "toggleCriticalPath");
			const rects = await waterfall.page.locator("canvas.bars").evaluate(async (canvas) => {
				const context = (canvas as HTMLCanvasElement).getContext("2d");
				if (context === null) throw new Error("no context");
				let count = 0;
				const fill = context.fillRect.bind(context);
				context.fillRect = (...args) => {
					count++;
					fill(...args);
				};
				return new Promise<number>((resolve) => {
					const root = canvas.getRootNode() as ShadowRoot;
					(root.querySelector(".tree") as HTMLElement).focus();
					requestAnimationFrame(() => requestAnimationFrame(() => resolve(count)));
				});
			});
			expect(rects).toBeGreaterThan(0);
			expect(rects).toBeLessThan(700);
		});
	});
});

describe("where the time went", () => {
	it("stands above the names, as a bar and as a table that says the same", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(SPANS));
			const table = page.getByRole("table", { name: "Where the time went" });
			const told = (): Promise<string[]> => table.getByRole("row").allInnerTexts();
			await expect
				.poll(told)
				.toEqual(["model\t600 ms\t60 %", "tool\t250 ms\t25 %", "other\t50 ms\t5 %", "idle\t100 ms\t10 %"]);
			expect(await page.locator(".share").allInnerTexts()).toEqual([
				"model 60 %",
				"tool 25 %",
				"other 5 %",
				"idle 10 %",
			]);
			const widths = await page
				.locator(".share-bar > span")
				.evaluateAll((parts) => parts.map((part) => part.clientWidth));
			expect(widths[0] / widths[1]).toBeCloseTo(2.4, 1);
			await waterfall.send(
				host.delta([{ id: "more", name: "more", parent: "root", start: 9e8, end: 1e9, kind: "retrieval" }]),
			);
			await expect.poll(told).toContain("retrieval\t100 ms\t10 %");
			expect(await told()).not.toContain("idle\t100 ms\t10 %");
		});
	});

	it("is not there while no time is known", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot([{ id: "a" }, { id: "b" }]));
			expect(await waterfall.page.locator(".shares").isVisible()).toBe(false);
		});
	});

	for (const theme of THEME_NAMES) {
		it(`has no violation in the ${theme} theme, with the critical path`, async () => {
			await withPage(
				async (waterfall) => {
					await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
					await run(waterfall, "toggleCriticalPath", "zoomIn");
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}
});

describe("the next failed span", () => {
	const selected = ({ page }: Waterfall): Promise<string | null> => page.locator(".row.selected .name").textContent();

	it("is found in the order of the tree, both ways and around, also inside folds", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(SPANS));
			await run(waterfall, "nextError");
			expect(await selected(waterfall)).toBe("beside");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("beside");
			await page.locator(".tree").focus();
			await page.keyboard.press("[");
			await expect.poll(() => page.locator(".row").count()).toBe(1);
			await page.getByRole("button", { name: "Next failed span" }).click();
			await expect.poll(() => selected(waterfall)).toBe("beside");
			expect(await page.locator(".row").count()).toBe(4);
			await run(waterfall, "nextError");
			expect(await selected(waterfall)).toBe("inner");
			expect(await page.locator(".row").count()).toBe(5);
			await run(waterfall, "nextError");
			expect(await selected(waterfall)).toBe("beside");
			await run(waterfall, "previousError");
			expect(await selected(waterfall)).toBe("inner");
		});
	});

	it("comes into the part of the trace that is shown", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(SPANS));
			const start = page.getByRole("slider", { name: "Start of the shown time" });
			for (let i = 0; i < 6; i++) await run(waterfall, "zoomIn");
			await run(waterfall, "previousError");
			expect(await selected(waterfall)).toBe("inner");
			const startMs = Number.parseFloat((await start.getAttribute("aria-valuetext")) ?? "");
			expect(startMs).toBeLessThan(700);
			expect(startMs).toBeGreaterThan(600);
		});
	});

	it("has no button where nothing failed", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot([{ id: "a", start: 0, end: 5 }]));
			expect(await page.getByRole("button", { name: "Next failed span" }).count()).toBe(0);
			await run(waterfall, "nextError");
			expect(await page.locator(".row.selected").count()).toBe(0);
		});
	});
});
