import { describe, expect, it } from "vitest";
import { useDetailPages } from "./detailPages.ts";
import {
	completedView,
	ERROR_TEXT,
	failedView,
	openDetails,
	runningView,
	SYSTEM_PROMPT,
	toolView,
	viewOf,
} from "./spanDetailViews.ts";

const { harness, opened } = useDetailPages();

const STATE = { sourceId: "local", traceId: "t1", spanId: "s1" };

describe("the span details page", () => {
	it("says that it is ready and shows nothing until there is something to show", () =>
		opened(async (details) => {
			const ready = await details.waitForPost("page/ready");
			expect(ready).toMatchObject({ protocolVersion: 1, clientId: expect.stringMatching(/.{8}/) });
		}));

	it("shows what of the tokens was cached or thought, and says so of sums", () =>
		opened(async ({ page, send }) => {
			const parts = {
				cacheReadTokens: 9000,
				cacheWriteTokens: 0,
				reasoningTokens: 64,
				isRollup: true,
				tokensPerSecond: undefined,
			};
			await send({ type: "detail/value", detail: { ...completedView(), ...parts } });
			const chips = (await page.locator(".chip").allInnerTexts()).map((text) => text.replace("\n", " "));
			expect(chips.slice(3, -1)).toEqual([
				"Input tokens 12.3k",
				"From cache 9,000",
				"Output tokens 480",
				"Reasoning 64",
				"Finish reason stop",
			]);
			expect(await page.locator("#hint-cacheRead").textContent()).toBe("9,000 tokens, part of the input");
			expect(await page.locator("#hint-input").textContent()).toContain("the sum of the spans below");
		}));

	it("shows one count where the backend tells no other", () =>
		opened(async ({ page, send }) => {
			const parts = {
				inputTokens: 148,
				outputTokens: undefined,
				isTokenTotal: true as const,
				tokensPerSecond: undefined,
			};
			await send({ type: "detail/value", detail: { ...completedView(), ...parts } });
			const chips = (await page.locator(".chip").allInnerTexts()).map((text) => text.replace("\n", " "));
			expect(chips.filter((text) => /token/i.test(text))).toEqual(["Tokens 148"]);
			expect(await page.locator("#hint-input").textContent()).toContain("sent and received");
		}));

	it("shows how fast the answer came, by the time after the first token where that is known", () =>
		opened(async ({ page, send }) => {
			const attributes = { "gen_ai.response.time_to_first_chunk": 0.155 };
			await send({ type: "detail/value", detail: viewOf({ attributes }, { outputTokens: 6 }) });
			const chips = (await page.locator(".chip").allInnerTexts()).map((text) => text.replace("\n", " "));
			expect(chips.slice(-3, -1)).toEqual(["First token 155 ms", "Speed 5.0 tokens/s"]);
			expect(await page.locator("#hint-speed").textContent()).toContain("after the first token");
			await send({ type: "detail/value", detail: viewOf({}, { outputTokens: 6 }) });
			expect(await page.locator("#hint-speed").textContent()).toContain("by the whole duration");
		}));

	it("shows a completed LLM span: numbers, messages by role, tools by name", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() });
			expect(await page.locator("h1").textContent()).toBe("draft reply");
			expect(await page.locator(".status").textContent()).toContain("Completed");
			const chips = (await page.locator(".chip").allInnerTexts()).map((text) => text.replace("\n", " "));
			expect(chips).toEqual([
				"Duration 1.35 s",
				"Model gpt-4o-mini",
				"Provider openai",
				"Input tokens 12.3k",
				"Output tokens 480",
				"Speed 354 tokens/s",
				"Finish reason stop",
				"Cost ~$0.00214",
			]);
			expect(await page.locator("time").textContent()).toBe("2026-03-06 10:00:00.125 UTC+01:00");
			expect(await page.locator("time").getAttribute("title")).toContain("10:00:00.125456");
			expect(await page.locator(".card .role").allInnerTexts()).toEqual([
				"System",
				"User",
				"Assistant",
				"Assistant",
				"Tool",
				"Assistant",
			]);
			expect(await page.locator(".card.toolCall > .card-title").textContent()).toMatch(/calls\s*lookup_order/);
			expect(await page.locator(".card.toolResult .card-title").textContent()).toMatch(/result of\s*lookup_order/);
			expect(await page.locator(".card.toolCall > .text").textContent()).toContain('"order": 4711');
			// The conversation says it better: the payload waits folded, its sizes stand there.
			expect(await page.locator("button.fold[aria-expanded=true]").count()).toBe(0);
			expect(await page.locator(".payload .size").allInnerTexts()).toEqual([
				expect.stringMatching(/^\d+ B$|kB$/),
				expect.stringMatching(/B$/),
				expect.stringMatching(/^4 attributes · \d+ B$/),
				expect.stringMatching(/kB$/),
			]);
		}));

	it("shows the error first when a span failed, over several lines", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: failedView() });
			expect(await page.locator(".status").textContent()).toContain("Failed");
			expect(await page.locator(".error pre").evaluate((pre) => pre.textContent)).toBe(ERROR_TEXT);
			const headings = await page.locator("h1, h2").allInnerTexts();
			expect(headings.slice(0, 3)).toEqual(["draft reply", "Error", "Messages"]);
			const error = await page.locator("section.error").boundingBox();
			const chips = await page.locator(".chips").boundingBox();
			expect((error?.y ?? 0) < (chips?.y ?? 0)).toBe(true);
		}));

	it("says that a span failed without a message", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: viewOf({}, { state: "failed" }) });
			expect(await page.locator("section.error").textContent()).toContain("failed without a message");
		}));

	it("lets the duration of a running span grow by the server's clock", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: { ...runningView(83_000), clockOffsetMs: 3_600_000 } });
			expect(await page.locator(".status").textContent()).toContain("Running");
			const duration = page.locator(".ticking");
			const first = await duration.textContent();
			expect(first).toMatch(/^1 h 01 m$/);
			await send({ type: "detail/value", detail: runningView(1_000) });
			const before = await duration.textContent();
			await page.waitForFunction((text) => {
				const root = document.querySelector("traceway-span-detail")?.shadowRoot;
				return root?.querySelector(".ticking")?.textContent !== text;
			}, before);
		}));

	it("shows a tool span by its input, output and attributes, without numbers that it does not have", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: toolView() });
			expect(await page.locator(".chip").count()).toBe(1);
			expect(await page.locator(".messages").count()).toBe(0);
			expect(await page.locator("button.fold[aria-expanded=true]").allInnerTexts()).toEqual([
				expect.stringContaining("Input"),
				expect.stringContaining("Output"),
				expect.stringContaining("Attributes"),
			]);
			expect(await page.locator("#content-input [role=treeitem]").allInnerTexts()).toContainEqual(
				expect.stringMatching(/query\s*:\s*"hydraulic bleed"/),
			);
			expect(await page.locator("tbody th").allInnerTexts()).toContain("server.address");
		}));

	it("explains why an LLM span has no messages, and copies the setting that helps", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/value", detail: viewOf() });
			expect(await page.locator(".missing").textContent()).toContain("did not send its messages");
			await page.locator(".setting button").click();
			expect(await waitForPost("text/copy")).toEqual({
				type: "text/copy",
				text:
					"OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental\n" +
					"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY",
			});
			// Whoever recorded the span has a setting of their own.
			await send({ type: "detail/value", detail: viewOf({ attributes: { "ai.model.id": "gpt-4o" } }) });
			expect(await page.locator(".setting code").innerText()).toBe("recordInputs: true, recordOutputs: true");
			expect(await page.locator(".missing").innerText()).not.toContain("SDK of your own");
			await send({ type: "detail/value", detail: runningView(10, {}) });
			expect(await page.locator(".missing").count()).toBe(0);
			expect(await page.locator(".hint-line").textContent()).toContain("No messages yet");
		}));

	it("folds a long system prompt and remembers for the next span that it was opened", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() });
			const text = page.locator(".card.system .text");
			expect((await text.textContent())?.length).toBeLessThan(260);
			await page.locator(".card.system .more").click();
			expect(await text.evaluate((element) => element.textContent)).toBe(SYSTEM_PROMPT);
			await send({ type: "detail/value", detail: { ...completedView(), spanId: "s2" } });
			expect(await text.evaluate((element) => element.textContent)).toBe(SYSTEM_PROMPT);
		}));

	it("folds the older part of a long history and shows it on request", () =>
		opened(async ({ page, send }) => {
			const messages = Array.from({ length: 260 }, (_, index) => ({ role: "user", content: `message ${index}` }));
			const input = { messages: [{ role: "system", content: "Be brief." }, ...messages] };
			await send({ type: "detail/value", detail: viewOf({ input, output: "ok" }) });
			expect(await page.locator(".card").count()).toBe(1 + 6 + 1);
			expect(await page.locator(".messages .cut").textContent()).toContain("61 older messages are left out");
			await page.getByRole("button", { name: "193 earlier messages" }).click();
			expect(await page.locator(".card").count()).toBe(200 + 1);
			expect(await page.locator(".card").nth(1).textContent()).toContain("message 61");
		}));
});

describe("what is not a value", () => {
	it("shows that it loads only after a moment, and keeps the old span until then", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() });
			// Read in the step that handles the message: no moment passes, however busy the machine is.
			const shown = await page.evaluate(
				async (message) => {
					const handled = new Promise((resolve) => window.addEventListener("message", resolve, { once: true }));
					window.postMessage(message, "*");
					await handled;
					return document.querySelector("traceway-span-detail")?.shadowRoot?.querySelector("h1")?.textContent;
				},
				{ type: "detail/loading", state: { ...STATE, spanId: "s2" }, name: "next call" },
			);
			expect(shown).toBe("draft reply");
			await page.locator(".message").waitFor();
			expect(await page.locator(".message").textContent()).toContain("Loading next call");
			await send({ type: "detail/value", detail: { ...completedView(), spanId: "s2", name: "next call" } });
			expect(await page.locator("h1").textContent()).toBe("next call");
		}));

	it("keeps showing a span while the same span is read again", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() });
			await send({ type: "detail/loading", state: STATE, name: "draft reply" });
			// Longer than the moment after which loading would show.
			await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 250)));
			expect(await page.locator("h1").textContent()).toBe("draft reply");
		}));

	it("shows an error with its reason as text, and retries when asked", () =>
		opened(async ({ page, send, waitForPost }) => {
			await send({ type: "detail/error", message: "<b>503</b>: server away", canRetry: true });
			expect(await page.getByRole("alert").textContent()).toContain("<b>503</b>: server away");
			await page.getByText("Retry").click();
			expect(await waitForPost("detail/retry")).toEqual({ type: "detail/retry" });
			await send({ type: "detail/error", message: "gone", canRetry: false });
			expect(await page.getByText("Retry").count()).toBe(0);
		}));

	it("says that a span is gone", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() }, { type: "detail/removed" });
			expect(await page.locator(".message").textContent()).toContain("This span is gone");
			expect(await page.locator(".card").count()).toBe(0);
		}));

	it("says when what it shows is not live, and only then", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: completedView() });
			await send({ type: "connection/changed", connection: { indicator: "live", text: "Live" } });
			expect(await page.locator(".connection").count()).toBe(0);
			await send({
				type: "connection/changed",
				connection: { indicator: "disconnected", text: "Disconnected: the server refused the token" },
			});
			expect(await page.locator(".connection").textContent()).toContain("refused the token");
			expect(await page.locator("h1").textContent()).toBe("draft reply");
		}));
});

describe("buttons", () => {
	it("post what they say: open and copy of each part, and the way to the waterfall", () =>
		opened(async ({ page, send, posted, clearPosted }) => {
			await send({ type: "detail/value", detail: { ...failedView(), output: completedView().output } });
			await clearPosted();
			for (const name of ["Error", "Input", "Output", "Attributes", "Raw JSON"]) {
				await page.getByRole("button", { name: `Copy ${name}`, exact: true }).click();
				await page.getByRole("button", { name: `Open ${name} in editor`, exact: true }).click();
			}
			await page.getByRole("button", { name: "Copy User message" }).click();
			await page.getByRole("button", { name: "Open User message in editor" }).click();
			await page.getByRole("button", { name: "Attributes", exact: true }).click();
			await page.getByRole("button", { name: "Copy attribute server.address" }).click();
			await page.getByRole("button", { name: "Copy span ID" }).click();
			await page.getByRole("button", { name: "Copy As…" }).click();
			await page.getByRole("button", { name: "Compare…" }).click();
			await page.getByRole("button", { name: "Show in Waterfall" }).click();
			const parts = ["error", "input", "output", "attributes", "raw"] as const;
			expect(await posted()).toEqual([
				...parts.flatMap((part) => [
					{ type: "part/copy", part },
					{ type: "part/open", part },
				]),
				{ type: "part/copy", part: "inputMessage-1" },
				{ type: "part/open", part: "inputMessage-1" },
				{ type: "part/copy", part: "attribute-2" },
				{ type: "text/copy", text: "s1" },
				{ type: "span/copy" },
				{ type: "span/compare" },
				{ type: "trace/open" },
			]);
		}));

	it("tell VS Code which span the page's menu is for, and say that it is marked", () =>
		opened(async ({ page, send }) => {
			const context = (): Promise<string | null> =>
				page.locator("traceway-span-detail").getAttribute("data-vscode-context");
			await send({ type: "detail/value", detail: completedView() });
			expect(JSON.parse((await context()) ?? "")).toEqual({ webviewSection: "span", traceId: "t1", spanId: "s1" });
			expect(await page.locator(".marked").count()).toBe(0);
			await send({ type: "detail/value", detail: { ...completedView(), isMarked: true } });
			expect(await page.locator(".marked").innerText()).toContain("Marked for compare");
			await send({ type: "detail/removed" });
			expect(await context()).toBeNull();
		}));

	it("confirm a copy where it was asked for", () =>
		opened(async ({ page, send }) => {
			await send({ type: "detail/value", detail: failedView() });
			const button = page.getByRole("button", { name: "Copy Error" });
			await button.click();
			expect(await button.getAttribute("title")).toBe("Copied");
			await page.waitForFunction(
				() =>
					document
						.querySelector("traceway-span-detail")
						?.shadowRoot?.querySelector(".error .icon-button")
						?.getAttribute("title") === "Copy",
			);
		}));

	it("work without the toolkit's controls", async () => {
		const details = await openDetails(harness());
		try {
			await details.page.route("**/chunks/kit-*.js", (route) => route.abort());
			await details.page.reload();
			await details.send({ type: "detail/value", detail: completedView() });
			await details.page.locator("button.action").click();
			expect(await details.waitForPost("trace/open")).toEqual({ type: "trace/open" });
			expect(await details.page.locator("tw-button").count()).toBe(0);
		} finally {
			await details.close();
		}
	});

	it("are the toolkit's when it is there, in the colours of the theme, and follow its change", () =>
		opened(async ({ page, send, setTheme }) => {
			await send({ type: "detail/value", detail: completedView() });
			const button = page.locator("tw-button");
			await button.waitFor();
			const background = (): Promise<string> => button.evaluate((element) => getComputedStyle(element).backgroundColor);
			expect(await background()).toBe("rgb(49, 49, 49)");
			await setTheme("light");
			expect(await background()).toBe("rgb(229, 229, 229)");
		}));
});

it("keeps its first chunk within the budget", () => {
	expect(harness().entryBytes("spanDetail")).toBeLessThan(200_000);
});
