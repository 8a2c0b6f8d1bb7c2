import { describe, expect, it } from "vitest";
import { useDetailPages } from "./detailPages.ts";
import { completedView, type DetailPage, expandAll, runningView, toolView, viewOf } from "./spanDetailViews.ts";

const { opened } = useDetailPages();

describe("hostile text", () => {
	const markup =
		"<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script></style><b>bold</b>";
	const noise = `${markup} \u001b[31mred\u001b[0m \u202egnp.exe\u2066 \u0000 \ud800 end`;

	it("is shown as text everywhere and runs nothing", () =>
		opened(async (details) => {
			const { page, send } = details;
			const detail = viewOf(
				{
					input: [
						{ role: noise, content: noise },
						{ role: "assistant", tool_calls: [{ id: noise, function: { name: noise, arguments: noise } }] },
						{ role: "tool", tool_call_id: noise, content: noise },
					],
					output: noise,
					attributes: { [noise]: noise, list: [noise] },
					raw: { [noise]: noise },
				},
				{
					name: noise,
					kindName: noise,
					model: noise,
					provider: noise,
					spanId: noise,
					state: "failed",
					error: `${noise}\n${noise}`,
				},
			);
			await send({ type: "detail/value", detail: { ...detail, traceName: noise } });
			await expandAll(details, "button.fold");
			const seen = await page.evaluate(() => {
				const root = document.querySelector("traceway-span-detail")?.shadowRoot;
				return {
					text: root?.textContent ?? "",
					tags: [...(root?.querySelectorAll("img, script, b, style") ?? [])].map((element) => element.tagName),
					title: document.title,
				};
			});
			expect(seen.title).not.toBe("owned");
			expect(seen.tags).toEqual([]);
			expect(seen.text).toContain("<b>bold</b>");
			// Nothing that could move, hide or reorder what stands around it.
			// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that may not be there.
			expect(seen.text).not.toMatch(/[\u0000\u001b\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])/);
			expect(await page.locator(".card").count()).toBe(4);
		}));

	it("does not widen the page, however long its words are", () =>
		opened(async (details) => {
			const { page, send } = details;
			const word = "w".repeat(5_000);
			const detail = viewOf(
				{ input: word, output: { [word]: word }, attributes: { [word]: word } },
				{ name: word, kindName: word, model: word, provider: word, state: "failed", error: word },
			);
			await page.setViewportSize({ width: 300, height: 600 });
			await send({ type: "detail/value", detail: { ...detail, traceName: word } });
			await expandAll(details, "button.fold");
			const { scrollWidth, clientWidth } = await page.locator("traceway-span-detail").evaluate((element) => ({
				scrollWidth: element.scrollWidth,
				clientWidth: element.clientWidth,
			}));
			expect(scrollWidth).toBe(clientWidth);
		}));
});

describe("a text of 5 MB", () => {
	const text = "The quick brown fox jumps over the lazy dog. ".repeat(111_112);

	it("is shown by its beginning, with its true size and the way to the whole", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/value", detail: viewOf({ input: text, output: "ok", raw: { input: text } }) });
			expect(await page.locator(".card.user .size").textContent()).toBe("5.0 MB");
			expect(await page.locator(".card.user .cut").textContent()).toContain("Showing 64 kB of 5.0 MB");
			await page.locator(".card.user .cut button").last().click();
			expect(await waitForPost("part/open")).toEqual({ type: "part/open", part: "inputMessage-0" });
			await page.getByRole("button", { name: "Raw JSON", exact: true }).click();
			expect(await page.locator("#content-raw .cut").textContent()).toContain("Showing 64 kB of 5.0 MB");
			await page.locator("#content-raw .cut").getByRole("button", { name: "Open in Editor" }).click();
			expect(await waitForPost("part/open")).toEqual({ type: "part/open", part: "raw" });
			const length = await page.locator("#content-raw pre").evaluate((pre) => pre.textContent?.length ?? 0);
			expect(length).toBe(64_000);
		}));
});

describe("JSON", () => {
	it("is coloured in one text node where text is wanted, names apart from values", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: toolView() });
			await page.getByRole("button", { name: "Show as Text" }).first().click();
			const { nodes, colored } = await page.evaluate(() => {
				const root = document.querySelector("traceway-span-detail")?.shadowRoot;
				const texts = [...(root?.querySelector("#content-output pre")?.childNodes ?? [])].filter(
					(node) => node.nodeType === Node.TEXT_NODE && node.nodeValue !== "",
				);
				const wordsOf = (kind: string): string[] =>
					[...(CSS.highlights.get(`json-${kind}`) ?? [])]
						.filter((range) => range.startContainer === texts[0])
						.map((range) => (range.startContainer as Text).data.slice(range.startOffset, range.endOffset));
				return {
					nodes: texts.length,
					colored: { name: wordsOf("name"), string: wordsOf("string"), number: wordsOf("number") },
				};
			});
			expect(nodes).toBe(1);
			expect(colored).toEqual({
				name: ['"hits"', '"best"', '"line"', '"text"'],
				string: ['"Bleed from the caliper up."'],
				number: ["3", "120"],
			});
		}));
});

describe("updates while a span runs", () => {
	const long = Array.from({ length: 400 }, (_, line) => `line ${line}`).join("\n");
	const scrollTop = (details: DetailPage): Promise<number> =>
		details.page.locator("traceway-span-detail").evaluate((element) => element.scrollTop);

	it("keep the scroll position, the open sections and the text that is selected", () =>
		opened(async (details) => {
			const { page, send } = details;
			const growing = (output: string) =>
				runningView(5_000, { input: long, output, attributes: { step: output.length } });
			await send({ type: "detail/value", detail: growing("It arrives") });
			await page.getByRole("button", { name: "Input", exact: true }).click();
			await page.locator("traceway-span-detail").evaluate((element) => {
				element.scrollTop = 200;
				const root = element.shadowRoot as ShadowRoot;
				const answer = [...root.querySelectorAll(".card.assistant .text")].at(-1) as Element;
				const node = [...answer.childNodes].find(
					(child) => child.nodeType === Node.TEXT_NODE && child.nodeValue !== "",
				);
				getSelection()?.setBaseAndExtent(node as Text, 3, node as Text, 10);
			});
			const pre = await page.locator("#content-input pre").elementHandle();
			await pre?.evaluate((element) => {
				element.scrollTop = 120;
			});
			await send({ type: "detail/value", detail: growing("It arrives on Monday,") });
			await send({ type: "detail/value", detail: growing("It arrives on Monday, 9 March.") });
			expect(await scrollTop(details)).toBe(200);
			expect(await page.locator("#content-input pre").evaluate((element) => element.scrollTop)).toBe(120);
			expect(await page.locator(".card.assistant .text").last().textContent()).toContain("Monday, 9 March.");
			const selected = await page.evaluate(() => {
				const selection = getSelection();
				const root = document.querySelector("traceway-span-detail")?.shadowRoot as ShadowRoot;
				const range = selection?.getComposedRanges({ shadowRoots: [root] })[0];
				if (!(range?.startContainer instanceof Text)) return undefined;
				return range.startContainer.data.slice(range.startOffset, range.endOffset);
			});
			expect(selected).toBe("arrives");
		}));

	it("announce the change of the status, and nothing else", () =>
		opened(async ({ page, send }) => {
			const status = page.getByRole("status");
			await send({ type: "detail/value", detail: runningView(1_000) });
			await send({ type: "detail/value", detail: runningView(2_000) });
			expect(await status.textContent()).toBe("");
			await send({ type: "detail/value", detail: completedView() });
			expect(await status.textContent()).toBe("draft reply: Completed");
			expect(await page.locator(".ticking").count()).toBe(0);
			expect(await page.locator(".chip").first().textContent()).toContain("1.35 s");
			await send({ type: "detail/value", detail: { ...toolView(), spanId: "other" } });
			expect(await status.textContent()).toBe("");
		}));
});

describe("what the user arranged", () => {
	it("holds for the next span, which begins at its top", () =>
		opened(async (details) => {
			const { page, send } = details;
			await page.setViewportSize({ width: 600, height: 300 });
			await send({ type: "detail/value", detail: completedView() });
			await page.getByRole("button", { name: "Raw JSON", exact: true }).click();
			await page.locator("traceway-span-detail").evaluate((element) => {
				element.scrollTop = 250;
			});
			await send({ type: "detail/value", detail: { ...completedView(), spanId: "s2" } });
			expect(await page.locator("#content-raw traceway-json-tree").count()).toBe(1);
			expect(await page.locator("traceway-span-detail").evaluate((element) => element.scrollTop)).toBe(0);
		}));

	it("is kept over a reload: the span, its folds and the place that was read", () =>
		opened(async (details) => {
			const { page, send, state } = details;
			await page.setViewportSize({ width: 600, height: 300 });
			await send({ type: "detail/value", detail: completedView() });
			await page.getByRole("button", { name: "Raw JSON", exact: true }).click();
			await page.locator("traceway-span-detail").evaluate((element) => {
				element.scrollTop = 250;
			});
			await page.reload();
			expect(await state()).toEqual({
				sourceId: "local",
				traceId: "t1",
				spanId: "s1",
				folds: { raw: true },
				scrollTop: 250,
				expanded: [],
				whole: [],
				parts: {},
			});
			await send({ type: "detail/value", detail: completedView() });
			expect(await page.locator("#content-raw traceway-json-tree").count()).toBe(1);
			expect(await page.locator("traceway-span-detail").evaluate((element) => element.scrollTop)).toBe(250);
		}));

	it("is ignored where an older version left something else", async () => {
		for (const state of [
			7,
			"x",
			{ sourceId: 1 },
			{ sourceId: "a", traceId: "b", spanId: "c", folds: 3, scrollTop: "x" },
		]) {
			await opened(
				async ({ page, send }) => {
					await send({ type: "detail/value", detail: completedView() });
					expect(await page.locator("h1").textContent()).toBe("draft reply");
				},
				{ state },
			);
		}
	});
});
