import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { TestHostTrace } from "./agentTrace.ts";
import { pixel, type Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";
import { calls, keptState, rowTexts, topOf, withWaterfall } from "./waterfallViews.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

const withPage = (run: (waterfall: Waterfall) => Promise<void>, options?: OpenOptions): Promise<void> =>
	withWaterfall(harness, run, options);

const MS = 1e6;
const root: TestSpan = { id: "root", name: "run", kind: "agent", start: 0, end: 1000 * MS };

/** Twenty calls 50 ms apart that take 1, 2 … 20 ms, with tokens. */
const twenty = (): TestSpan[] =>
	calls(20).map((span, i) => ({
		...span,
		start: i * 50 * MS,
		end: (i * 50 + i + 1) * MS,
		inputTokens: 100,
		costUsd: 0.001,
	}));

describe("groups of like siblings", () => {
	it("are one row that says how many, in all, p95, and what they used", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(
				new TestHostTrace().snapshot([
					root,
					...twenty(),
					{ id: "end", parent: "root", start: 999 * MS, end: 1000 * MS },
				]),
			);
			expect(await rowTexts(waterfall)).toEqual(["run", "read_file ×20", "end"]);
			const row = page.locator(".row.group");
			expect(await row.getAttribute("aria-label")).toBe(
				"read_file 2,000 tokens, $0.02 ×20, 20 like spans, 210 ms in all, p95 19 ms",
			);
			expect(await row.getAttribute("aria-expanded")).toBe("false");
			expect(await row.getAttribute("aria-level")).toBe("2");
			expect(await row.getAttribute("aria-posinset")).toBe("1");
			expect(await row.getAttribute("aria-setsize")).toBe("21");
			await row.click();
			const line = await page.locator("footer").textContent();
			for (const fact of [
				"20 like spans",
				"210 ms in all",
				"p95 19 ms",
				"min 1 ms",
				"max 20 ms",
				"2,000 tokens",
				"$0.02",
			]) {
				expect(line).toContain(fact);
			}
			// A group has no details: the host is not asked for any.
			expect((await waterfall.posted()).filter(({ type }) => type === "span/select")).toEqual([]);
		});
	});

	it("draw each member where it stood in time", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot([root, ...twenty()]));
			const canvas = await page.locator("canvas.bars").boundingBox();
			const row = await page.locator(".row.group").boundingBox();
			if (canvas === null || row === null) throw new Error("nothing drawn");
			// Ten pixels of margin at both ends of a second.
			const at = (ms: number): number => canvas.x + 10 + ((canvas.width - 20) * ms) / 1000;
			const alpha = async (ms: number): Promise<number> => (await pixel(waterfall, at(ms), row.y + 8))[3];
			for (const i of [5, 12, 19]) {
				expect(await alpha(i * 50 + (i + 1) / 2)).toBeGreaterThan(200);
				expect(await alpha(i * 50 + 40)).toBeLessThan(200);
			}
		});
	});

	it("unfold and fold by the chevron, the arrows and Enter, and their members say where they stand in the group", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot([root, ...calls(6)]));
			await page.locator(".row.group .twistie").click();
			await expect
				.poll(() => rowTexts(waterfall))
				.toEqual(["run", "read_file ×6", ...new Array<string>(6).fill("read_file")]);
			const third = page.locator(".row").nth(4);
			expect(await third.getAttribute("aria-level")).toBe("3");
			expect(await third.getAttribute("aria-posinset")).toBe("3");
			expect(await third.getAttribute("aria-setsize")).toBe("6");
			await third.click();
			await page.keyboard.press("ArrowLeft");
			await expect.poll(() => page.locator(".row.selected.group").count()).toBe(1);
			await page.keyboard.press("ArrowLeft");
			await expect.poll(() => rowTexts(waterfall)).toEqual(["run", "read_file ×6"]);
			await page.keyboard.press("Enter");
			await page.keyboard.press("ArrowRight");
			await expect.poll(() => page.locator(".row.selected").getAttribute("aria-posinset")).toBe("1");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("root.0");
			expect((await waterfall.posted()).filter(({ type }) => type === "span/open")).toEqual([]);
		});
	});

	it("never hide what failed or still runs, and take it in when it has ended well", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			const spans = calls(12);
			spans[5] = { ...spans[5], isFailed: true };
			spans[11] = { ...spans[11], end: undefined };
			await waterfall.send(host.snapshot([root, ...spans]));
			expect(await rowTexts(waterfall)).toEqual(["run", "read_file ×5", "read_file", "read_file ×5", "read_file"]);
			expect(await waterfall.page.locator(".row").nth(2).getAttribute("class")).toContain("failed");
			await waterfall.send(host.delta([{ ...spans[11], end: 200 }]));
			expect((await rowTexts(waterfall)).slice(3)[0]).toMatch(/^read_file ×[56]$/);
		});
	});

	it("are switched off and on by a command and a button, and the selection is not lost in one", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot([root, ...calls(6)]));
			const button = page.getByRole("button", { name: /^Group like spans/u });
			expect(await button.getAttribute("aria-pressed")).toBe("true");
			await waterfall.send({ type: "view/run", command: "toggleGroups" });
			expect(await rowTexts(waterfall)).toHaveLength(7);
			expect(await button.getAttribute("aria-pressed")).toBe("false");
			await expect.poll(() => keptState(waterfall)).toMatchObject({ groupsSiblings: false });
			await page.locator(".row").nth(3).click();
			await button.click();
			// A selected member keeps its group open.
			await expect.poll(() => rowTexts(waterfall)).toHaveLength(8);
			expect(await page.locator(".row.selected").getAttribute("aria-level")).toBe("3");
		});
	});

	it("open for a span that is selected elsewhere", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot([root, ...calls(60)]), {
				type: "selection/changed",
				spanId: "root.40",
				reveal: true,
			});
			await expect.poll(() => page.locator(".row.selected").getAttribute("aria-posinset")).toBe("41");
		});
	});

	it("are as they were after a reload: open ones, and a selected one beside the span that the details show", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			const spans = [root, ...calls(6), { id: "mid", parent: "root", start: 100, end: 101 }, ...calls(7, {}, 20)];
			await waterfall.send(host.snapshot(spans));
			await page.locator(".row", { hasText: "mid" }).click();
			await page.locator(".row.group .twistie").nth(1).click();
			await expect
				.poll(() => keptState(waterfall))
				.toMatchObject({
					openGroupSpanIds: ["root.20"],
					selectedRow: { spanId: "root.20", isGroup: true, besideSpanId: "mid" },
				});
			const before = await rowTexts(waterfall);
			expect(before).toHaveLength(11);
			await page.reload();
			await waterfall.waitForPost("page/ready");
			await waterfall.send(host.snapshot(), { type: "selection/changed", spanId: "mid", reveal: true });
			expect(await rowTexts(waterfall)).toEqual(before);
			expect(await page.locator(".row.selected .badge").textContent()).toBe("×7");
			// The same trace anew, from another host: by id again.
			await waterfall.send(host.snapshot(), { type: "selection/changed", spanId: "mid", reveal: true });
			expect(await rowTexts(waterfall)).toEqual(before);
			expect(await page.locator(".row.selected .badge").textContent()).toBe("×7");
			await waterfall.send({ type: "selection/changed", spanId: "root.3", reveal: true });
			expect(await page.locator(".row.selected").getAttribute("aria-posinset")).toBe("4");
		});
	});

	it("keep their place and selection while members are added before and behind", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(
				host.snapshot([root, ...calls(6, {}, 10), { id: "last", parent: "root", start: 900, end: 901 }]),
			);
			await page.locator(".row.group").click();
			const before = await topOf(waterfall, "read_file");
			await waterfall.send(host.delta([...calls(3), ...calls(4, {}, 20)]));
			expect(await rowTexts(waterfall)).toEqual(["run", "read_file ×13", "last"]);
			expect(await topOf(waterfall, "read_file")).toBe(before);
			expect(await page.locator(".row.selected .badge").textContent()).toBe("×13");
			expect(await page.locator("footer").textContent()).toContain("13 like spans");
			// A failure among them parts the group: what is selected is still a group with its first member.
			await waterfall.send(
				host.delta([
					{ id: "bad", name: "read_file", kind: "tool", parent: "root", start: 125, end: 126, isFailed: true },
				]),
			);
			expect(await rowTexts(waterfall)).toEqual(["run", "read_file ×6", "read_file", "read_file ×7", "last"]);
			expect(await page.locator(".row.selected").count()).toBe(1);
		});
	});

	it("fold 100,000 siblings into one row, and step levels and all folds through them", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const turns = Array.from({ length: 3 }, (_, i): TestSpan[] => [
				{ id: `turn${i}`, name: `turn${i}`, parent: "root", start: i * 1000, end: i * 1000 + 999 },
				...calls(7, { parent: `turn${i}` }, i * 100),
			]).flat();
			await waterfall.send(new TestHostTrace().snapshot([root, ...turns, ...calls(100_000, {}, 10_000)]));
			const folded = [
				"run",
				"turn0",
				"read_file ×7",
				"turn1",
				"read_file ×7",
				"turn2",
				"read_file ×7",
				"read_file ×100,000",
			];
			expect(await rowTexts(waterfall)).toEqual(folded);
			const run = (command: "foldLevel" | "unfoldLevel" | "foldToHere"): Promise<void> =>
				waterfall.send({ type: "view/run", command });
			await run("foldLevel");
			expect(await rowTexts(waterfall)).toEqual(["run", "turn0 7", "turn1 7", "turn2 7", "read_file ×100,000"]);
			await run("foldLevel");
			expect(await rowTexts(waterfall)).toEqual(["run 100,024"]);
			await run("unfoldLevel");
			await run("unfoldLevel");
			expect((await rowTexts(waterfall)).slice(0, 9)).toEqual([...folded, "read_file"]);
			await page.locator(".row").nth(3).click();
			await run("foldToHere");
			expect(await rowTexts(waterfall)).toEqual(["run", "turn0 7", "turn1 7", "turn2 7", "read_file ×100,000"]);
			expect(await page.locator(".row.selected .name").textContent()).toBe("turn1");
		});
	});

	for (const theme of THEME_NAMES) {
		it(`have no violation in the ${theme} theme, folded, open and selected`, async () => {
			await withPage(
				async (waterfall) => {
					const { page } = waterfall;
					await waterfall.send(
						new TestHostTrace().snapshot([
							root,
							...twenty(),
							{ id: "mid", parent: "root", start: 1500 * MS, end: 1501 * MS },
							...calls(6, { kind: "llm_call", start: 2000 * MS, end: 2001 * MS }, 30),
						]),
					);
					await page.locator(".row.group .twistie").nth(1).click();
					await page.locator(".row.group").first().hover();
					await page.locator(".tooltip").waitFor({ state: "visible" });
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}
});
