import { describe, expect, it } from "vitest";
import type { HostToSpanDetail, SpanDetailView } from "../../src/protocol/messages.ts";
import { useDetailPages } from "./detailPages.ts";
import { completedView, expandAll, failedView, openDetails, runningView, toolView, viewOf } from "./spanDetailViews.ts";
import { THEME_NAMES } from "./themes.ts";

const { harness } = useDetailPages();

const VIEWS: Readonly<Record<string, () => SpanDetailView>> = {
	completed: completedView,
	running: () => runningView(5_000),
	failed: failedView,
	tool: toolView,
	"no messages": () => viewOf(),
	long: () => viewOf({ input: "word ".repeat(1_000_000), output: "ok" }),
};

describe.each(THEME_NAMES)("in the %s theme", (theme) => {
	it("axe finds no violation in any state, with everything open", async () => {
		const details = await openDetails(harness(), { theme });
		try {
			for (const [name, view] of Object.entries(VIEWS)) {
				await details.send({ type: "detail/value", detail: view() });
				await expandAll(details, "button.fold");
				await expandAll(details, "button.chip");
				expect(await details.axe(), name).toEqual([]);
			}
			const others: HostToSpanDetail[] = [
				{ type: "detail/error", message: "server away", canRetry: true },
				{ type: "detail/removed" },
			];
			for (const message of others) {
				await details.send(message);
				expect(await details.axe(), message.type).toEqual([]);
			}
			expect(await details.problems()).toEqual([]);
		} finally {
			await details.close();
		}
	});
});

describe("by keyboard", () => {
	it("every control is reached in the order of the page, and sections open by Enter", async () => {
		const details = await openDetails(harness());
		try {
			const { page, send } = details;
			await send({ type: "detail/value", detail: failedView() });
			await page.locator("tw-button").waitFor();
			const names: string[] = [];
			for (let step = 0; step < 60; step++) {
				await page.keyboard.press("Tab");
				const name = await page.evaluate(() => {
					const focused = document.querySelector("traceway-span-detail")?.shadowRoot?.activeElement;
					return focused?.getAttribute("aria-label") ?? focused?.textContent?.replace(/\s+/g, " ").trim() ?? "";
				});
				if (name === "") break;
				names.push(name);
			}
			const expected = [
				"Copy span ID",
				"Show in Waterfall",
				"Copy Error",
				"Copy System message",
				"Copy Tool message",
				"Copy Raw JSON",
			];
			const places = expected.map((name) => names.indexOf(name));
			expect(places.every((place) => place >= 0)).toBe(true);
			expect(places).toEqual([...places].sort((a, b) => a - b));
			await page.getByRole("button", { name: "Raw JSON", exact: true }).focus();
			await page.keyboard.press("Enter");
			expect(await page.locator("#content-raw traceway-json-tree").count()).toBe(1);
			await page.keyboard.press("Enter");
			expect(await page.locator("#content-raw traceway-json-tree").count()).toBe(0);
		} finally {
			await details.close();
		}
	});

	it("the cost tells its formula on focus, keeps it on Enter and closes it on Escape", async () => {
		const details = await openDetails(harness());
		try {
			const { page, send } = details;
			await send({ type: "detail/value", detail: completedView() });
			const cost = page.getByRole("button", { name: /^Cost/ });
			const hint = page.locator("#hint-cost");
			const formula = "Estimated: 12,345 in × $0.15 + 480 out × $0.60 per million (gpt-4o-mini, prices of 2026-09-23)";
			expect(await hint.isVisible()).toBe(false);
			await page.keyboard.press("Tab");
			await cost.focus();
			await hint.waitFor({ state: "visible" });
			expect(await hint.textContent()).toBe(formula);
			expect(await cost.getAttribute("aria-describedby")).toBe("hint-cost");
			await page.keyboard.press("Enter");
			await cost.blur();
			expect(await hint.isVisible()).toBe(true);
			await cost.focus();
			await page.keyboard.press("Escape");
			await cost.blur();
			await hint.waitFor({ state: "hidden" });
		} finally {
			await details.close();
		}
	});
});

describe("at any size", () => {
	it.each([300, 480, 700, 1400])("%d px need no sideways scrolling, and hints stay on the page", async (width) => {
		const details = await openDetails(harness(), { width, height: 700 });
		try {
			const { page, send } = details;
			await send({ type: "detail/value", detail: { ...failedView(), attributes: completedView().attributes } });
			await expandAll(details, "button.fold");
			const sizes = await page
				.locator("traceway-span-detail")
				.evaluate((element) => [element.scrollWidth, element.clientWidth]);
			expect(sizes[0]).toBe(sizes[1]);
			for (const chip of await page.locator("button.chip").all()) {
				await chip.click();
				const hint = page.locator(`#${await chip.getAttribute("aria-describedby")}`);
				const box = await hint.boundingBox();
				expect(box?.x).toBeGreaterThanOrEqual(0);
				expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
				await chip.click();
			}
		} finally {
			await details.close();
		}
	});
});
