import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { TestHostTrace } from "./agentTrace.ts";
import { pixel, type Waterfall } from "./bars.ts";
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

const MS = 1e6;
const DAY = 86_400_000 * MS;

describe("times that cannot be right", () => {
	const ago = 20_000 * DAY;
	const spans: TestSpan[] = [
		{ id: "root", name: "root", start: 0, end: 100 * MS },
		{ id: "backwards", name: "backwards", parent: "root", start: 50 * MS, end: 40 * MS },
		{ id: "early", name: "early", parent: "root", start: -5 * MS, end: 10 * MS },
		{ id: "late", name: "late", parent: "root", start: 120 * MS, end: 130 * MS },
		{ id: "left", name: "left", parent: "root", start: 90 * MS },
		{ id: "longer", name: "longer", parent: "root", start: 90 * MS, end: 400 * MS },
		{ id: "slack", name: "slack", parent: "root", start: -0.5 * MS, end: 10 * MS },
		{ id: "epoch", name: "epoch", start: -ago, end: 10 * MS },
		{ id: "future", name: "future", start: 20_000 * DAY, end: 20_001 * DAY },
	];
	const odd: readonly (readonly [name: string, words: string])[] = [
		["backwards", "Ends before it starts"],
		["early", "Starts before its parent: their clocks may differ"],
		["late", "Starts after its parent has ended"],
		["left", "Still running though its parent has ended: abandoned?"],
		["epoch", "Starts before the year 2000: the unit of its time may be wrong"],
		["future", "Starts in the future: its clock, or the unit of its time, may be wrong"],
	];

	it("are told by a badge and in words, and nothing is moved", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(spans));
			const flagged = await page
				.locator(".row")
				.evaluateAll((rows) =>
					rows
						.filter((row) => row.querySelector(".flag")?.textContent !== "")
						.map((row) => row.querySelector(".name")?.textContent),
				);
			expect(flagged.toSorted()).toEqual(odd.map(([name]) => name).toSorted());
			for (const [name, words] of odd) {
				const row = page.locator(".row", { has: page.locator(`.name:text-is("${name}")`) });
				expect(await row.getAttribute("aria-label")).toContain(words);
				await row.click();
				expect(await page.locator("footer").textContent()).toContain(words);
			}
		});
	});

	it("are told of a group, too", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const members = calls(6);
			members[2] = { ...members[2], end: 1 };
			await waterfall.send(new TestHostTrace().snapshot([spans[0], ...members]));
			expect(await rowTexts(waterfall)).toEqual(["root", "read_file ×6"]);
			expect(await page.locator(".row.group .flag").textContent()).not.toBe("");
			expect(await page.locator(".row.group").getAttribute("aria-label")).toContain("1 with odd times");
		});
	});

	for (const theme of THEME_NAMES) {
		it(`have no violation in the ${theme} theme`, async () => {
			await withPage(
				async (waterfall) => {
					await waterfall.send(new TestHostTrace().snapshot(spans));
					await waterfall.page.locator(".row").nth(2).click();
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}
});

describe("a span without duration", () => {
	it("is a lozenge around its moment, as wide at any zoom", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(
				new TestHostTrace().snapshot([
					{ id: "all", name: "all", start: 0, end: 1000 * MS },
					{ id: "mark", name: "mark", kind: "tool", parent: "all", start: 500 * MS, end: 500 * MS },
				]),
			);
			const canvas = await page.locator("canvas.bars").boundingBox();
			const row = await page.locator(".row", { hasText: "mark" }).boundingBox();
			if (canvas === null || row === null) throw new Error("nothing drawn");
			const middle = { x: canvas.x + canvas.width / 2, y: row.y + row.height / 2 };
			const alpha = async (dx: number, dy: number): Promise<number> =>
				(await pixel(waterfall, middle.x + dx, middle.y + dy))[3];
			const expectLozenge = async (): Promise<void> => {
				for (const side of [-3, 3]) {
					await expect.poll(() => alpha(side, 0)).toBeGreaterThan(200);
					expect(await alpha(0, side)).toBeGreaterThan(200);
					expect(await alpha(side, 4)).toBeLessThan(100);
					expect(await alpha(side, -4)).toBeLessThan(100);
				}
			};
			await expectLozenge();
			await page.mouse.move(middle.x, middle.y);
			await page.keyboard.down("Control");
			for (let turn = 0; turn < 5; turn++) await page.mouse.wheel(0, -200);
			await page.keyboard.up("Control");
			await expect.poll(() => page.locator(".action.fitTrace").isVisible()).toBe(true);
			await expectLozenge();
		});
	});
});

describe("a folded span whose children outlive it", () => {
	it("has a thin line to the end of the last, and its duration behind that", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(
				new TestHostTrace().snapshot([
					{ id: "all", name: "all", start: 0, end: 1000 * MS },
					{ id: "short", name: "short", kind: "llm_call", parent: "all", start: 0, end: 200 * MS },
					{ id: "child", name: "child", kind: "tool", parent: "short", start: 100 * MS, end: 600 * MS },
				]),
			);
			const canvas = await page.locator("canvas.bars").boundingBox();
			const row = await page.locator(".row", { hasText: "short" }).boundingBox();
			if (canvas === null || row === null) throw new Error("nothing drawn");
			const at = (ms: number): number => canvas.x + 10 + ((canvas.width - 20) * ms) / 1000;
			const alpha = async (ms: number): Promise<number> => (await pixel(waterfall, at(ms), row.y + 11))[3];
			expect(await alpha(550)).toBeLessThan(100);
			await page.locator(".row", { hasText: "short" }).locator(".twistie").click();
			await expect.poll(() => alpha(550)).toBeGreaterThan(200);
			// Thin, and only as far as the child ran.
			expect((await pixel(waterfall, at(550), row.y + 6))[3]).toBeLessThan(100);
			expect(await alpha(601)).toBeLessThan(100);
		});
	});
});

describe("a placeholder whose parent arrives", () => {
	it("keeps what it was: selected, folded, and where it stood", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			const filler = Array.from(
				{ length: 60 },
				(_, i): TestSpan => ({ id: `f${i}`, name: `f${i}`, start: i, end: i + 1 }),
			);
			const orphans = [1, 2, 3].map(
				(i): TestSpan => ({ id: `o${i}`, name: `orphan${i}`, parent: "lost", start: 100 + i, end: 110 }),
			);
			const after = Array.from(
				{ length: 60 },
				(_, i): TestSpan => ({ id: `g${i}`, name: `g${i}`, start: 200 + i, end: 300 }),
			);
			await waterfall.send(host.snapshot([...filler, ...orphans, ...after]));
			await page.locator(".scroller").evaluate((scroller) => {
				scroller.scrollTop = 55 * 22;
			});
			const placeholder = page.locator(".row.placeholder");
			await placeholder.locator(".twistie").click();
			await expect.poll(() => rowTexts(waterfall)).not.toContain("orphan1");
			expect(await placeholder.evaluate((row) => getComputedStyle(row.querySelector(".name") ?? row).fontStyle)).toBe(
				"italic",
			);
			const before = (await placeholder.boundingBox())?.y;
			await waterfall.clearPosted();
			await waterfall.send(host.delta([{ id: "lost", name: "found", start: 90, end: 120 }]));
			expect(await topOf(waterfall, "found")).toBe(before);
			expect(await page.locator(".row.selected .name").textContent()).toBe("found");
			expect(await page.locator(".row.selected").getAttribute("aria-expanded")).toBe("false");
			expect(await placeholder.count()).toBe(0);
			// The row has details now.
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("lost");
		});
	});

	it("keeps it over a snapshot as well", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(
				host.snapshot([
					{ id: "a", name: "a", start: 0, end: 1 },
					{ id: "o", name: "orphan", parent: "lost", start: 5, end: 6 },
				]),
			);
			await page.locator(".row.placeholder .twistie").click();
			host.delta([{ id: "lost", name: "found", start: 4, end: 9 }]);
			await waterfall.send(host.snapshot());
			expect(await rowTexts(waterfall)).toEqual(["a", "found 1"]);
			expect(await page.locator(".row.selected .name").textContent()).toBe("found");
		});
	});
});
