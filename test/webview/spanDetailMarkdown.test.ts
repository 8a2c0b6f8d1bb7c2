import { describe, expect, it } from "vitest";
import { useDetailPages } from "./detailPages.ts";
import { viewOf } from "./spanDetailViews.ts";
import { THEME_NAMES } from "./themes.ts";

const { opened } = useDetailPages({ height: 900 });

const ANSWER = [
	"## Steps",
	"1. Clean the **rotor** with `alcohol`.",
	"2. See [the manual](https://example.com/manual?q=1).",
	"",
	"> *Careful*: <img src=x onerror=alert(1)>",
	"",
	"```sh",
	"rm -i pads",
	"```",
].join("\n");
const view = () => viewOf({ input: [{ role: "user", content: "plain words" }], output: ANSWER });

describe("Markdown of a message", () => {
	it("is shown on request, is remembered, and goes back to what was sent", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: view() });
			expect(await page.locator(".card.assistant .text").evaluate((text) => text.textContent)).toBe(ANSWER);
			expect(await page.getByRole("button", { name: "Show as Markdown" }).count()).toBe(1);
			await page.getByRole("button", { name: "Show as Markdown" }).press("Enter");
			const answer = page.locator(".card.assistant .markdown");
			expect(await answer.getByRole("heading").innerText()).toBe("Steps");
			expect(await answer.locator(".item").allInnerTexts()).toEqual([
				expect.stringMatching(/^1\.\s*Clean the rotor with alcohol\.$/),
				expect.stringMatching(/^2\.\s*See the manual\.$/),
			]);
			expect(await answer.locator("strong, em, code").allInnerTexts()).toEqual(["rotor", "alcohol", "Careful"]);
			expect(await answer.locator("pre").innerText()).toBe("rm -i pads");
			await send({ type: "detail/value", detail: { ...view(), spanId: "s2" } });
			await page.getByRole("button", { name: "Show as Sent" }).click();
			expect(await page.locator(".markdown").count()).toBe(0);
		}));

	it("makes no element that the text asks for, and follows no link", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/value", detail: view() });
			await page.getByRole("button", { name: "Show as Markdown" }).click();
			expect(await page.locator(".markdown").locator("img, a, script").count()).toBe(0);
			expect(await page.locator("blockquote").innerText()).toBe("Careful: <img src=x onerror=alert(1)>");
			await page.getByRole("button", { name: "the manual: Copy https://example.com/manual?q=1" }).click();
			expect(await waitForPost("text/copy")).toEqual({ type: "text/copy", text: "https://example.com/manual?q=1" });
		}));

	it.each(THEME_NAMES)("is accessible in %s", (theme) =>
		opened(async (details) => {
			await details.setTheme(theme);
			await details.send({ type: "detail/value", detail: view() });
			await details.page.getByRole("button", { name: "Show as Markdown" }).click();
			expect(await details.axe()).toEqual([]);
		}),
	);
});
