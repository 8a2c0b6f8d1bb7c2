import { describe, expect, it } from "vitest";
import type { SpanDetail } from "../../src/model/span.ts";
import { wholePart } from "../../src/ui/panels/spanDetailView.ts";
import { useDetailPages } from "./detailPages.ts";
import { type DetailPage, viewOf } from "./spanDetailViews.ts";

const { opened } = useDetailPages({ width: 600, height: 500 });

const LINES = Array.from({ length: 400 }, (_, line) => `line ${line}`).join("\n");
const RECORDS = Array.from({ length: 9_000 }, (_, id) => ({ id, note: `a note of record ${id}` }));
const INPUT = [
	{ role: "system", content: `${"Be helpful. ".repeat(60)}` },
	...Array.from({ length: 12 }, (_, at) => ({ role: "user", content: `question ${at}\n${"more\n".repeat(60)}` })),
];
const OUTPUT = "# Answer\n\n- one\n- two\n";
const ATTRIBUTES = { records: RECORDS };
const view = () =>
	viewOf({ input: INPUT, output: OUTPUT, attributes: ATTRIBUTES, raw: { id: "s1", records: RECORDS } });

/** As VS Code hides and shows a panel: the page is made anew, and the host sends the span again. */
async function hideAndShow({ page, send }: DetailPage): Promise<void> {
	await page.reload();
	await send({ type: "detail/value", detail: view() });
}

const scrollTop = ({ page }: DetailPage): Promise<number> =>
	page.locator("traceway-span-detail").evaluate((element) => element.scrollTop);

/** Sends what the page asked for of the cut part `raw`. */
async function answerRaw({ send, waitForPost }: DetailPage): Promise<void> {
	expect(await waitForPost("part/load")).toEqual({ type: "part/load", part: "raw" });
	const detail = { raw: { id: "s1", records: RECORDS }, attributes: {}, summary: {} } as unknown as SpanDetail;
	await send({ type: "part/value", spanId: "s1", part: "raw", text: wholePart(detail, "raw") });
}

describe("a page that is hidden and shown again", () => {
	it("has the same messages open, in the same form, at the same place", () =>
		opened(async (details) => {
			const { page, send } = details;
			await send({ type: "detail/value", detail: view() });
			// The toolkit's button is higher than the plain one in whose place it comes.
			await page.locator("tw-button").waitFor();
			await page.getByRole("button", { name: "Show as Markdown" }).first().click();
			await page.getByRole("button", { name: "earlier messages" }).click();
			await page.getByRole("button", { name: "Show More: User message" }).nth(2).click();
			await page.locator(".chip", { hasText: "Cost" }).click();
			await page.locator("traceway-span-detail").evaluate((element) => {
				element.scrollTop = 1_900;
			});
			const texts = await page.locator(".card").allInnerTexts();
			const top = await scrollTop(details);
			await hideAndShow(details);
			await page.locator("tw-button").waitFor();
			expect(await page.locator(".card").allInnerTexts()).toEqual(texts);
			expect(await page.locator(".markdown .heading").first().innerText()).toBe("Answer");
			expect(await page.locator(".hint.pinned").count()).toBe(1);
			expect([await scrollTop(details), top]).toEqual([top, expect.closeTo(1_900, -2)]);
		}));

	it("has the same tree of a long part: loaded whole, folded, searched and scrolled as it was", () =>
		opened(async (details) => {
			const { page, send, clearPosted } = details;
			await send({ type: "detail/value", detail: view() });
			await page.getByRole("button", { name: "Raw JSON", exact: true }).click();
			await page.locator("#content-raw .cut").getByRole("button", { name: "Show All Here" }).click();
			await answerRaw(details);
			const raw = page.locator("#content-raw");
			await raw.getByRole("button", { name: "Collapse all" }).click();
			await raw.locator(".row", { hasText: "records:" }).locator(".twisty").click();
			await raw.locator("input").fill("record 4711");
			expect(await raw.locator(".found").innerText()).toBe("1 of 1");
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			const shown = async (): Promise<unknown> => ({
				rows: await raw.locator("[role=treeitem]").allInnerTexts(),
				path: await raw.locator(".path code").innerText(),
				found: await raw.locator(".found").innerText(),
				search: await raw.locator("input").inputValue(),
				top: await raw.locator(".viewport").evaluate((viewport) => viewport.scrollTop),
			});
			const before = await shown();
			expect(before).toMatchObject({ path: "$.records[4711].note" });
			await page.locator("traceway-span-detail").evaluate((element) => {
				element.scrollTop = element.scrollHeight;
			});
			const top = await scrollTop(details);
			await clearPosted();
			await hideAndShow(details);
			await answerRaw(details);
			await page.waitForFunction((wanted) => document.querySelector("traceway-span-detail")?.scrollTop === wanted, top);
			expect(await shown()).toEqual(before);
		}));

	it("has texts scrolled to where they were, and keeps a tree while its section is closed", () =>
		opened(async (details) => {
			const { page, send } = details;
			const tool = () =>
				viewOf(
					{ input: LINES, output: { list: [1, { deep: true }] }, raw: {} },
					{ model: undefined, kindType: "custom" },
				);
			await send({ type: "detail/value", detail: tool() });
			await page.locator("#content-input pre").evaluate((pre) => {
				pre.scrollTop = 900;
			});
			await page.locator("#content-output .row", { hasText: "list:" }).locator(".twisty").click();
			const section = page.getByRole("button", { name: "Output", exact: true });
			await section.click();
			await section.click();
			expect(await page.locator("#content-output [role=treeitem]").count()).toBe(2);
			await page.reload();
			await send({ type: "detail/value", detail: tool() });
			expect(await page.locator("#content-input pre").evaluate((pre) => pre.scrollTop)).toBe(900);
			expect(await page.locator("#content-output [role=treeitem]").count()).toBe(2);
			// Another span begins as if nobody had been there.
			await send({ type: "detail/value", detail: { ...tool(), spanId: "s2" } });
			expect(await page.locator("#content-input pre").evaluate((pre) => pre.scrollTop)).toBe(0);
			expect(await page.locator("#content-output [role=treeitem]").count()).toBe(5);
		}));

	it("takes nothing from a state that is not its own", () =>
		opened(
			async ({ page, send }) => {
				await send({ type: "detail/value", detail: view() });
				await page.getByRole("button", { name: "Raw JSON", exact: true }).click();
				expect(await page.locator("h1").textContent()).toBe("draft reply");
			},
			{
				state: {
					sourceId: "local",
					traceId: "t1",
					spanId: "s1",
					folds: { input: true, attributes: true },
					scrollTop: 1e9,
					expanded: [7, null, "history", "x".repeat(1e6)],
					whole: ["raw", "nothing", { part: 1 }],
					parts: {
						raw: { folds: [["{", true], ["[1", 1], "x"], active: "[[[", search: 7, match: -9, scrollTop: "far" },
						attributes: {
							folds: [['["__proto__",{}]', true]],
							all: "yes",
							active: '["a","b"]',
							match: 1e9,
							search: "a",
						},
						__proto__: { all: true },
						elsewhere: 7,
					},
				},
			},
		));
});
