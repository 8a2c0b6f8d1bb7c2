import { describe, expect, it } from "vitest";
import type { PartText } from "../../src/protocol/messages.ts";
import { wholePart } from "../../src/ui/panels/spanDetailView.ts";
import { useDetailPages } from "./detailPages.ts";
import { type DetailPage, toolView, viewOf } from "./spanDetailViews.ts";
import { THEME_NAMES } from "./themes.ts";

const { opened } = useDetailPages({ height: 900 });

const VALUE = {
	order: 4711,
	items: [
		{ name: "brake pad", price: 12.5, inStock: true },
		{ name: "rotor", price: 31, inStock: false, note: null },
	],
	"shipping address": { city: "Bonn", lines: ["Am Hof 1", "c/o Müller\nback door"] },
};

const noModel = { model: undefined, kindType: "custom", kindName: "tool" };
const valueView = (output: unknown) => viewOf({ output, raw: {} }, noModel);

/** Level, whether it is open, and the text of the rows that are in the DOM. */
async function rowsOf({ page }: DetailPage): Promise<string[]> {
	return await page.locator("#content-output [role=treeitem]").evaluateAll((rows) =>
		rows.map((row) => {
			const state = { true: "▾", false: "▸" }[row.getAttribute("aria-expanded") ?? ""] ?? "·";
			return `${row.getAttribute("aria-level")}${state}${(row.textContent ?? "").replace(/[\ue000-\uf8ff]|\s+/g, " ").trim()}`;
		}),
	);
}
const active = ({ page }: DetailPage): Promise<string> =>
	page.locator("#content-output .path").evaluate((path) => (path.querySelector("code")?.textContent ?? "").trim());

describe("JSON as a tree", () => {
	it("shows names, values and how much a folded value holds", () =>
		opened(async (details) => {
			const { page, send } = details;
			await send({ type: "detail/value", detail: valueView(VALUE) });
			await page.locator("#content-output").getByRole("button", { name: "Collapse all" }).click();
			expect(await rowsOf(details)).toEqual([
				"1▾{…}3 items",
				"2·order:4711",
				"2▸items:[…]2 items",
				"2▸shipping address:{…}2 items",
			]);
			await page.locator("#content-output .row", { hasText: "items:" }).locator(".twisty").click();
			expect((await rowsOf(details)).slice(2, 5)).toEqual(["2▾items:[…]2 items", "3▸0:{…}3 items", "3▸1:{…}4 items"]);
		}));

	it("is walked by the keys of the tree pattern", () =>
		opened(async (details) => {
			const { page, send, axe } = details;
			await send({ type: "detail/value", detail: valueView(VALUE) });
			const tree = page.locator("#content-output [role=tree]");
			const press = async (...keys: string[]): Promise<string> => {
				for (const key of keys) await tree.press(key);
				return await active(details);
			};
			expect(await press("ArrowDown", "ArrowDown")).toBe("$.items");
			expect(await press("ArrowRight")).toBe("$.items[0]");
			expect(await press("ArrowLeft", "ArrowDown")).toBe("$.items[1]");
			expect(await press("ArrowLeft", "ArrowLeft")).toBe("$.items");
			expect(await press("ArrowLeft", "End", "ArrowLeft")).toBe('$["shipping address"].lines');
			expect(await press("Home")).toBe("$");
			expect(await press("ArrowDown", "ArrowDown", "*", "ArrowDown")).toBe("$.items[0]");
			const pointed = await tree.getAttribute("aria-activedescendant");
			expect(await page.locator(`#content-output #${pointed}`).getAttribute("aria-selected")).toBe("true");
			expect(await axe()).toEqual([]);
		}));

	it("finds names and values, opens what hides them, and counts", () =>
		opened(async (details) => {
			const { page, send } = details;
			await send({ type: "detail/value", detail: valueView(VALUE) });
			const output = page.locator("#content-output");
			await output.getByRole("button", { name: "Collapse all" }).click();
			await output.locator("[role=tree]").press("Control+f");
			await page.keyboard.type("RO");
			expect(await output.locator(".found").innerText()).toBe("1 of 1");
			expect(await active(details)).toBe("$.items[1].name");
			await page.keyboard.press("Control+a");
			await page.keyboard.type("name");
			expect([await output.locator(".found").innerText(), await active(details)]).toEqual([
				"1 of 2",
				"$.items[0].name",
			]);
			await page.keyboard.press("Enter");
			expect([await output.locator(".found").innerText(), await active(details)]).toEqual([
				"2 of 2",
				"$.items[1].name",
			]);
			await page.keyboard.press("Enter");
			await page.keyboard.press("Shift+Enter");
			expect(await output.locator(".found").innerText()).toBe("2 of 2");
			await page.keyboard.type("zzz");
			expect(await output.locator(".found").innerText()).toBe("No results");
		}));

	it("copies a value as it is and its path", () =>
		opened(async (details) => {
			const { page, send, posted, clearPosted } = details;
			await send({ type: "detail/value", detail: valueView(VALUE) });
			const output = page.locator("#content-output");
			await clearPosted();
			await output.locator(".row", { hasText: "c/o" }).click();
			// Lines that a row cannot show stand below it.
			expect(await output.locator("pre").evaluate((pre) => pre.textContent)).toBe("c/o Müller\nback door");
			await output.getByRole("button", { name: "Copy value" }).click();
			await output.getByRole("button", { name: "Copy path" }).click();
			await output.locator(".row", { hasText: "1:{" }).click();
			await output.locator("[role=tree]").press("Control+c");
			expect(await posted()).toEqual([
				{ type: "text/copy", text: "c/o Müller\nback door" },
				{ type: "text/copy", text: '$["shipping address"].lines[1]' },
				{ type: "text/copy", text: JSON.stringify(VALUE.items[1], null, 2) },
			]);
		}));

	it("keeps what was folded, selected and searched while the value grows", () =>
		opened(async (details) => {
			const { page, send } = details;
			await send({ type: "detail/value", detail: valueView(VALUE) });
			await page.locator("#content-output .row", { hasText: "items:" }).locator(".twisty").click();
			await page.locator("#content-output .row", { hasText: "city" }).click();
			await send({ type: "detail/value", detail: valueView({ status: "ok", ...VALUE, total: 43.5 }) });
			const rows = await rowsOf(details);
			expect(rows.slice(1, 4)).toEqual(['2·status:"ok"', "2·order:4711", "2▸items:[…]2 items"]);
			expect(rows.at(-1)).toBe("2·total:43.5");
			expect(await active(details)).toBe('$["shipping address"].city');
		}));

	it("is text when that is wanted, for every span", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: toolView() });
			await page.getByRole("button", { name: "Show as Text" }).first().click();
			expect(await page.locator("#content-input pre").textContent()).toContain('"query": "hydraulic bleed"');
			await send({ type: "detail/value", detail: { ...toolView(), spanId: "s2" } });
			expect(await page.locator("traceway-json-tree").count()).toBe(0);
			await page.getByRole("button", { name: "Show as Tree" }).first().click();
			expect(await page.locator("traceway-json-tree").count()).toBe(2);
		}));

	it.each(THEME_NAMES)("is accessible in %s, with a match and a selection", (theme) =>
		opened(async (details) => {
			const { page, send, setTheme, axe } = details;
			await setTheme(theme);
			await send({ type: "detail/value", detail: valueView(VALUE) });
			await page.locator("#content-output input").fill("name");
			expect(await page.locator("#content-output .row.match").count()).toBe(2);
			expect(await axe()).toEqual([]);
		}),
	);
});

describe("a part that came cut", () => {
	const rows = Array.from({ length: 28_000 }, (_, index) => ({
		id: index,
		name: `entry number ${index} of a long list, with a text that is as long as such texts are, more or less, on average`,
		score: index / 7,
		tags: [index % 2 === 0 ? "even" : "odd"],
	}));

	it("is loaded whole on request: 5 MB of JSON as 168,001 rows, of which a few are in the DOM", () =>
		opened(async (details) => {
			const { page, send, waitForPost } = details;
			const detail = valueView(rows);
			await send({ type: "detail/value", detail });
			const output = page.locator("#content-output");
			expect(await output.locator(".cut").innerText()).toMatch(/Showing 64 kB of \d\.\d MB/);
			await output.getByRole("button", { name: "Show All Here" }).click();
			expect(await waitForPost("part/load")).toEqual({ type: "part/load", part: "output" });
			const text: PartText = wholePart({ ...EMPTY, output: rows }, "output");
			expect(text.totalBytes).toBeGreaterThan(4_500_000);
			await send({ type: "part/value", spanId: "other", part: "output", text });
			expect(await output.locator("traceway-json-tree").count()).toBe(0);
			await send({ type: "part/value", spanId: "s1", part: "output", text });
			await output.getByRole("button", { name: "Expand all" }).click();
			expect(await output.locator(".spacer").evaluate((spacer) => (spacer as HTMLElement).offsetHeight)).toBe(
				168_001 * 22,
			);
			await output.locator("[role=tree]").press("End");
			expect(await active(details)).toBe("$[27999].tags[0]");
			await page.waitForFunction(() =>
				(
					document
						.querySelector("traceway-span-detail")
						?.shadowRoot?.querySelector("#content-output traceway-json-tree")
						?.shadowRoot?.querySelector(".row:last-child")?.textContent ?? ""
				).includes('"odd"'),
			);
			expect(await output.locator(".row").count()).toBeLessThan(80);
			await output.locator("input").fill("entry number 12345 ");
			expect([await output.locator(".found").innerText(), await active(details)]).toEqual(["1 of 1", "$[12345].name"]);
			// The span was read again, and grew: its beginning is shown until the whole is wanted again.
			await send({ type: "detail/value", detail: valueView([...rows, 1]) });
			expect(await output.locator(".cut").count()).toBe(1);
		}));

	it("is shown by lines when it is text, long lines in pieces", () =>
		opened(async (details) => {
			const { page, send } = details;
			const lines = Array.from({ length: 9_000 }, (_, index) => `line ${index} ${"x".repeat(60)}`);
			const text = ["y".repeat(4_500), ...lines].join("\n");
			await send({ type: "detail/value", detail: valueView(text) });
			await page.locator("#content-output").getByRole("button", { name: "Show All Here" }).click();
			const whole = wholePart({ ...EMPTY, output: text }, "output");
			await send({ type: "part/value", spanId: "s1", part: "output", text: whole });
			const viewport = page.locator("#content-output traceway-text-lines .viewport");
			expect((await viewport.locator(".line").allInnerTexts()).slice(0, 4).map((line) => line.length)).toEqual([
				2_000,
				2_000,
				500,
				lines[0].length,
			]);
			await viewport.evaluate((element) => {
				element.scrollTop = element.scrollHeight;
			});
			await viewport.locator(".line", { hasText: "line 8999 " }).waitFor();
			expect(await viewport.locator(".line").count()).toBeLessThan(90);
		}));

	it("has only the editor when a page cannot hold it", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: valueView("z".repeat(1_000_001)) });
			expect(await page.locator("#content-output .cut").innerText()).toContain("Showing 64 kB of 1.0 MB");
			expect(await page.locator("#content-output .cut button").allInnerTexts()).toEqual(["Open in Editor"]);
		}));
});

const EMPTY = { input: undefined, attributes: {}, raw: {}, summary: {} } as unknown as Parameters<typeof wholePart>[0];
