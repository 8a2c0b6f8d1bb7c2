import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SpanDetail } from "../../src/model/span.ts";
import type { SpanDetailView } from "../../src/protocol/messages.ts";
import { partImage } from "../../src/ui/panels/spanDetailView.ts";
import { useDetailPages } from "./detailPages.ts";
import { type DetailPage, toolView, viewOf } from "./spanDetailViews.ts";
import { THEME_NAMES } from "./themes.ts";

const folder = join(import.meta.dirname, "..", "fixtures", "conversations");
const fixtures = readdirSync(folder).map((name) => {
	const { span } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { span: Partial<SpanDetail> };
	return [name.replace(".json", ""), span] as const;
});
const spanOf = (name: string): Partial<SpanDetail> => new Map(fixtures).get(name) ?? {};

const { opened } = useDetailPages();

/** Answers every image that the page asked for, as the host does. */
async function answerImages({ posted, send }: DetailPage, span: Partial<SpanDetail>): Promise<number> {
	const detail = {
		input: undefined,
		output: undefined,
		attributes: {},
		raw: {},
		summary: SUMMARY,
		...span,
	} as SpanDetail;
	const asked = (await posted()).filter((message) => message.type === "image/load");
	for (const { part } of asked) {
		await send({ type: "image/value", spanId: "s1", part, uri: partImage(detail, part) });
	}
	return asked.length;
}
const SUMMARY = { kindType: "llm_call", model: "gpt-4o" } as SpanDetail["summary"];

describe("a conversation", () => {
	it.each(fixtures)("of %s shows every message of the record, with nothing in doubt", (_name, span) =>
		opened(
			async (details) => {
				const { page, send, axe } = details;
				const view = viewOf(span);
				await send({ type: "detail/value", detail: view });
				for (const button of await page.locator(".history .link-button[aria-expanded=false]").all())
					await button.click();
				expect(await page.locator(".card").count()).toBe(view.inputMessages.length + view.outputMessages.length);
				const pictures = [...view.inputMessages, ...view.outputMessages].filter(({ media }) => media?.canShow);
				await page.waitForFunction(
					(count) =>
						globalThis.testHost.posted.filter((post) => (post as { type: string }).type === "image/load").length ===
						count,
					pictures.length,
				);
				await answerImages(details, span);
				const images = page.locator("img.picture");
				expect(await images.count()).toBe(pictures.length);
				for (const image of await images.all()) {
					expect(await image.evaluate((element) => (element as HTMLImageElement).decode().then(() => true))).toBe(true);
				}
				expect(await axe()).toEqual([]);
			},
			{ height: 3_000 },
		),
	);

	it("has each tool's result under its call, and says where one is missing", () =>
		opened(async ({ page, send }) => {
			const span = spanOf("openai-chat");
			await send({ type: "detail/value", detail: viewOf(span) });
			const calls = page.locator(".messages > ol > .toolCall");
			expect(await calls.locator(".results .toolResult .text").allInnerTexts()).toEqual([
				expect.stringContaining('"warranty": true'),
				"Clean the rotor with alcohol; check the pads.",
			]);
			expect(await calls.nth(0).locator(".results .tool-name").innerText()).toBe("lookup_order");
			const { messages } = span.input as { readonly messages: readonly unknown[] };
			await send({ type: "detail/value", detail: viewOf({ input: { messages: messages.slice(0, -1) } }) });
			expect(await calls.nth(0).innerText()).not.toContain("No result");
			expect(await calls.nth(1).innerText()).toContain("No result of this call was sent along.");
		}));

	it("leads from a call to the span that ran it, with its state and duration, and from a tool back to its call", () =>
		opened(async (details) => {
			const { page, send, waitForPost, clearPosted, axe } = details;
			const odd = "look \u202e<img src=x onerror=alert(1)>";
			const view = viewOf(spanOf("openai-chat"));
			const parts = view.inputMessages.flatMap(({ kind }, index) =>
				kind === "toolCall" ? [`inputMessage-${index}` as const] : [],
			);
			const links = [
				{ part: parts[0], spanId: "r1", name: "lookup_order", state: "completed", durationNs: 320e6 },
				{ part: parts[1], spanId: odd, name: odd, state: "failed", durationNs: 1.2e9 },
			] as const;
			const detail = { ...view, toolLinks: links };
			await send({ type: "detail/value", detail });
			const runs = page.locator(".card.toolCall > .card-title .run");
			expect((await runs.allInnerTexts()).map((text) => text.replace(/[\ue000-\uf8ff]/g, "").trim())).toEqual([
				"320 ms",
				"1.2 s",
			]);
			const [done, failed] = await runs.evaluateAll((all) => all.map((run) => run.getAttribute("aria-label")));
			expect(done).toBe("Open the span of this call: lookup_order, Completed, 320 ms");
			expect(failed).toBe("Open the span of this call: look �<img src=x onerror=alert(1)>, Failed, 1.2 s");
			await runs.nth(0).click();
			expect(await waitForPost("span/show")).toEqual({ type: "span/show", spanId: "r1" });
			await clearPosted();
			await runs.nth(1).press("Enter");
			expect(await waitForPost("span/show")).toEqual({ type: "span/show", spanId: odd });
			await send({
				type: "detail/value",
				detail: { ...detail, toolLinks: [{ ...links[0], state: "running", durationNs: undefined }] },
			});
			expect(await runs.count()).toBe(1);
			expect(await runs.innerText()).toContain("Running");
			expect(await axe()).toEqual([]);
			await clearPosted();
			await send({ type: "detail/value", detail: { ...toolView(), askedBy: { spanId: "s0", name: "plan" } } });
			await page.getByRole("button", { name: "Asked for by plan" }).click();
			expect(await waitForPost("span/show")).toEqual({ type: "span/show", spanId: "s0" });
		}));

	it("leads from a task to the session that it started, and from there back", () =>
		opened(async ({ page, send, waitForPost, axe }) => {
			await send({ type: "detail/value", detail: { ...toolView(), startedSession: "ses_x1" } });
			await page.getByRole("button", { name: "Open session ses_x1" }).click();
			expect(await waitForPost("session/open")).toEqual({ type: "session/open" });
			expect(await axe()).toEqual([]);
			await send({
				type: "detail/value",
				detail: { ...toolView(), startedBy: { spanId: "s0", name: "task \u202e<b>" } },
			});
			await page.getByRole("button", { name: "Started by task �<b>" }).press("Enter");
			expect(await waitForPost("starter/open")).toEqual({ type: "starter/open" });
		}));

	it("shows JSON as a tree on request, in all messages alike", () =>
		opened(async ({ page, send, axe }) => {
			const given = {
				filter: { from: "2026-03-01", to: "2026-03-31", states: ["open", "paid", "returned"] },
				limit: 200,
			};
			const call = { id: "c", function: { name: "orders", arguments: JSON.stringify(given) } };
			const input = [
				{ role: "assistant", tool_calls: [call] },
				{ role: "tool", tool_call_id: "c", content: '{"n":1}' },
			];
			await send({ type: "detail/value", detail: viewOf({ input }) });
			// What fits on a line needs no tree.
			await page.getByRole("button", { name: "Show as Tree" }).click();
			const card = page.locator(".card.toolCall").first();
			expect(await card.locator("[role=treeitem]").count()).toBe(9);
			expect(await axe()).toEqual([]);
			await send({ type: "detail/value", detail: { ...viewOf({ input }), spanId: "s2" } });
			expect(await card.locator("[role=treeitem]").count()).toBe(9);
			await page.getByRole("button", { name: "Show as Text" }).click();
			expect(await card.locator("> .text").innerText()).toContain('"limit": 200');
		}));

	it("says that reasoning was encrypted where there is nothing to read", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: viewOf(spanOf("anthropic")) });
			await page.getByRole("button", { name: /earlier messages/ }).click();
			const notes = page.locator(".card.reasoning .empty");
			expect(await notes.allInnerTexts()).toEqual(["The provider encrypted this reasoning: there is nothing to read."]);
		}));

	it("asks for an image only when it comes into view, and for each once", () =>
		opened(async (details) => {
			const { page, send, posted } = details;
			const span = spanOf("gemini");
			const { contents } = span.input as { readonly contents: readonly unknown[] };
			const filler = { role: "user", parts: [{ text: "line\n".repeat(20) }] };
			const input = { contents: [filler, filler, filler, filler, ...contents.slice(0, 1)] };
			await send({ type: "detail/value", detail: viewOf({ input }) });
			expect((await posted()).map(({ type }) => type)).not.toContain("image/load");
			await page.locator(".picture-place").scrollIntoViewIfNeeded();
			expect(await details.waitForPost("image/load")).toEqual({ type: "image/load", part: "inputMessage-5" });
			await send({ type: "detail/value", detail: viewOf({ input }) });
			expect(await answerImages(details, { input })).toBe(1);
			expect(await page.locator("img.picture").getAttribute("alt")).toBe("Image from User");
		}));

	it("says that an image is damaged, and takes nothing but images from the host", () =>
		opened(async ({ page, send }) => {
			const detail = viewOf(spanOf("openai-chat"));
			await send({ type: "detail/value", detail });
			for (const uri of ["data:image/png;base64,AAAA", "https://example.com/x.png", undefined]) {
				await send({ type: "image/value", spanId: "s1", part: "inputMessage-2", uri });
				await page.locator(".media .empty").waitFor();
				expect(await page.locator(".media .empty").innerText()).toContain("cannot be shown");
			}
		}));

	it("labels what it cannot show, and fetches nothing", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: viewOf(spanOf("otel-genai")) });
			expect(await page.locator(".media-chip span:not(.codicon)").allInnerTexts()).toEqual([
				"Image · image/png · 5.5 kB",
				"Audio · audio/mpeg",
				"File",
			]);
			expect(await page.locator(".reference").allInnerTexts()).toEqual([
				"Not in the trace, and never fetched from here: https://example.com/a.mp3",
				"Not in the trace, and never fetched from here: file_77",
			]);
		}));
});

describe("history that the call before showed", () => {
	const messages = Array.from({ length: 9 }, (_, index) => ({
		role: index % 2 === 0 ? "user" : "assistant",
		content: `message ${index}`,
	}));
	const view = (): SpanDetailView => ({
		...viewOf({ input: [{ role: "system", content: "Be brief." }, ...messages], output: "ok" }),
		history: { count: 7, spanId: "s0", name: "plan" },
	});

	it("is folded away, says how much it is, and leads to that call", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/value", detail: view() });
			expect(await page.locator(".card .text").allInnerTexts()).toEqual(["Be brief.", "message 7", "message 8", "ok"]);
			await page.getByRole("button", { name: "Open plan" }).click();
			expect(await waitForPost("span/show")).toEqual({ type: "span/show", spanId: "s0" });
			const fold = page.getByRole("button", { name: "7 earlier messages, as in plan" });
			expect(await fold.getAttribute("aria-expanded")).toBe("false");
			await fold.press("Enter");
			expect(await page.locator(".card").count()).toBe(11);
			expect(await page.locator(".new-line").innerText()).toBe("New in this call");
			await fold.press("Enter");
			expect(await page.locator(".card").count()).toBe(4);
		}));

	it.each(THEME_NAMES)("and media are accessible in %s", (theme) =>
		opened(async (details) => {
			await details.setTheme(theme);
			await details.send({ type: "detail/value", detail: view() });
			expect(await details.axe()).toEqual([]);
			await details.send({ type: "detail/value", detail: viewOf(spanOf("anthropic")) });
			expect(await details.axe()).toEqual([]);
		}),
	);
});
