import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost, WaterfallViewState } from "../../src/protocol/messages.ts";
import { agentSpans, manySpans, TestHostTrace } from "./agentTrace.ts";
import { type Harness, type OpenedPage, type OpenOptions, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";

type Waterfall = OpenedPage<WaterfallToHost, HostToWaterfall>;
type Ask = Extract<WaterfallToHost, { readonly type: "trace/search" }>;

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

const field = ({ page }: Waterfall) => page.getByRole("textbox", { name: "Text to find" });
const widget = ({ page }: Waterfall) => page.getByRole("search");
const count = ({ page }: Waterfall) => page.locator(".find-count").textContent();
const names = ({ page }: Waterfall) => page.locator(".row .name").allTextContents();
const marked = ({ page }: Waterfall) => page.locator(".row mark").allTextContents();
const selected = ({ page }: Waterfall) => page.locator(".row.selected .name").textContent();

async function open(waterfall: Waterfall, text: string): Promise<void> {
	await waterfall.send({ type: "view/run", command: "find" });
	await field(waterfall).fill(text);
}

/** What the page asked the host for last, once it asks for this text. */
async function asked({ posted }: Waterfall, text: string): Promise<Ask> {
	const last = async () => (await posted()).findLast((message): message is Ask => message.type === "trace/search");
	await expect.poll(async () => (await last())?.text).toBe(text);
	return (await last()) as Ask;
}

async function answer(
	waterfall: Waterfall,
	{ searchId }: Ask,
	ordinals: readonly number[] = [],
	rest: Partial<Extract<HostToWaterfall, { readonly type: "search/hits" }>> = {},
): Promise<void> {
	const hits = { type: "search/hits", searchId, ordinals: Uint32Array.from(ordinals), isDone: true } as const;
	await waterfall.send({ ...hits, problem: undefined, ...rest });
}

describe("the search in a trace", () => {
	it("marks names at once, takes hits in texts from the host, counts, and steps in the order of rows", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "SEARCH_d");
			await expect.poll(() => marked(waterfall)).toEqual(["search_d", "search_d", "search_d"]);
			const ask = await asked(waterfall, "SEARCH_d");
			expect(ask.isCaseSensitive).toBe(false);
			await expect.poll(() => count(waterfall)).toBe("? of 3+");
			// load_history holds it in its payload.
			await answer(waterfall, ask, [1, 4]);
			await expect.poll(() => count(waterfall)).toBe("? of 4");
			await page.keyboard.press("Enter");
			await expect.poll(() => count(waterfall)).toBe("1 of 4");
			expect(await selected(waterfall)).toBe("load_history");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("load");
			await page.keyboard.press("F3");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("turn0-search");
			await page.keyboard.press("Shift+Enter");
			await page.keyboard.press("Shift+F3");
			await expect.poll(() => count(waterfall)).toBe("4 of 4");
			await waterfall.send({ type: "view/run", command: "findNext" });
			await expect.poll(() => count(waterfall)).toBe("1 of 4");
			await waterfall.send({ type: "view/run", command: "findPrevious" });
			await expect.poll(() => count(waterfall)).toBe("4 of 4");
			// The focus has stayed where one types.
			expect(await field(waterfall).evaluate((input) => input.matches(":focus"))).toBe(true);
		});
	});

	it("has rows say that they match, and the others step back", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "load_history");
			await expect.poll(() => page.locator(".row.match").count()).toBe(1);
			expect(await page.locator(".row.match").getAttribute("aria-label")).toContain("match");
			expect(await page.getByRole("treeitem", { name: "turn 1" }).getAttribute("class")).toContain("dim");
			await answer(waterfall, await asked(waterfall, "load_history"));
			await expect.poll(() => page.getByRole("status").allTextContents()).toContain("? of 1");
			await field(waterfall).fill("no such thing");
			await answer(waterfall, await asked(waterfall, "no such thing"));
			await expect.poll(() => count(waterfall)).toBe("No results");
			// Nothing stands out, so nothing steps back.
			expect(await page.locator(".row.dim").count()).toBe(0);
		});
	});

	it("respects case when asked, and shows matches only with the rows above them", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "Embed");
			await expect.poll(() => count(waterfall)).toBe("? of 3+");
			await page.keyboard.press("Alt+c");
			expect((await asked(waterfall, "Embed")).isCaseSensitive).toBe(true);
			await answer(waterfall, await asked(waterfall, "Embed"));
			await expect.poll(() => count(waterfall)).toBe("No results");
			await page.getByRole("button", { name: "Match case" }).click();
			await page.getByRole("button", { name: "Show matches only" }).click();
			const turn = (number: number) => [`turn ${number}`, "search_docs", "embed query"];
			await expect.poll(() => names(waterfall)).toEqual(["support_agent.run", ...turn(1), ...turn(2), ...turn(3)]);
			await page.getByRole("button", { name: "Show matches only" }).click();
			await expect.poll(async () => (await names(waterfall)).length).toBeGreaterThan(10);
		});
	});

	it("says on folded rows how much they hide, and opens them for a hit", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await page.locator(".tree").focus();
			await page.keyboard.press("[");
			await open(waterfall, "search_docs");
			const root = page.getByRole("treeitem", { name: "support_agent.run" });
			await expect.poll(() => root.locator(".inside").textContent()).toBe("3");
			expect(await root.getAttribute("aria-label")).toContain("3 matches inside");
			await page.keyboard.press("Enter");
			expect(await selected(waterfall)).toBe("search_docs");
			await expect.poll(() => page.locator(".row.hides-match").count()).toBe(2);
		});
	});

	it("says on a group of like siblings how many of them match, and opens it for a hit", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const files = Array.from({ length: 6 }, (_, index) => ({
				id: `file${index}`,
				parent: "root",
				name: "read_file",
				kind: "fs_read",
				start: index,
				end: index + 1,
			}));
			await waterfall.send(new TestHostTrace().snapshot([{ id: "root", name: "root", start: 0, end: 9 }, ...files]));
			await open(waterfall, "FILE");
			const head = page.locator(".row.group");
			await expect.poll(() => head.locator(".inside").textContent()).toBe("6");
			expect(await head.locator("mark").textContent()).toBe("file");
			expect(await waterfall.axe()).toEqual([]);
			await page.keyboard.press("Enter");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("file0");
			await expect.poll(() => page.locator(".row.match").count()).toBe(6);
			await page.keyboard.press("Alt+l");
			// What is wanted stands by itself.
			await expect.poll(() => names(waterfall)).toEqual(["root", ...files.map(({ name }) => name)]);
		});
	});

	it("closes by Escape from field and tree, ends the host's search, keeps the selection and the text", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "plan");
			await asked(waterfall, "plan");
			await page.keyboard.press("Enter");
			await page.keyboard.press("Escape");
			await widget(waterfall).waitFor({ state: "hidden" });
			await waterfall.waitForPost("search/end");
			expect(await page.locator(".tree").evaluate((tree) => tree.matches(":focus"))).toBe(true);
			expect(await selected(waterfall)).toBe("plan");
			expect(await marked(waterfall)).toEqual([]);
			await waterfall.send({ type: "view/run", command: "find" });
			expect(await field(waterfall).inputValue()).toBe("plan");
			await page.locator(".tree").focus();
			await page.keyboard.press("Escape");
			await widget(waterfall).waitFor({ state: "hidden" });
		});
	});

	it("takes letters as letters while one types", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await waterfall.page.locator(".tree").focus();
			await expect.poll(async () => (await waterfall.waitForPost("keys/changed")).isWanted).toBe(true);
			await waterfall.send({ type: "view/run", command: "find" });
			await expect.poll(async () => (await waterfall.waitForPost("keys/changed")).isWanted).toBe(false);
		});
	});

	it("asks once for what is typed in one go, and does not take hits of an older question", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "first text");
			const old = await asked(waterfall, "first text");
			await field(waterfall).fill("second text");
			const ask = await asked(waterfall, "second text");
			expect(ask.searchId).not.toBe(old.searchId);
			await answer(waterfall, old, [0, 1, 2]);
			await answer(waterfall, ask, [5]);
			await expect.poll(() => count(waterfall)).toBe("? of 1");
		});
	});

	it("says so when the server cannot search in texts, or the search failed", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await open(waterfall, "plan");
			await answer(waterfall, await asked(waterfall, "plan"), [], { problem: "unsupported" });
			await page.getByText("names only").waitFor();
			expect(await page.locator(".find-problem").getAttribute("title")).toContain("cannot search attributes");
			await field(waterfall).fill("turn");
			await answer(waterfall, await asked(waterfall, "turn"), [], { problem: "payloadsOnly" });
			await page.getByText("without attributes").waitFor();
			await field(waterfall).fill("answer");
			const ask = await asked(waterfall, "answer");
			await answer(waterfall, ask, [], { problem: "failed", message: "no route to <b>host</b>" });
			await page.getByText("incomplete").waitFor();
			expect(await page.locator(".find-problem").getAttribute("title")).toContain("no route to <b>host</b>");
			expect(await count(waterfall)).toBe("? of 3");
		});
	});

	it("searches spans that arrive meanwhile, and the trace anew after a snapshot", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(agentSpans({ isRunning: true })));
			await open(waterfall, "late_tool");
			const first = await asked(waterfall, "late_tool");
			await answer(waterfall, first);
			await expect.poll(() => count(waterfall)).toBe("No results");
			const late = { id: "late", parent: "root", name: "late_tool", kind: "tool", start: 1 };
			await waterfall.send(host.delta([late]));
			await expect.poll(() => count(waterfall)).toBe("? of 1");
			// A hit of a span that comes with the next delta.
			await answer(waterfall, first, [host.trace.spans.length]);
			await waterfall.send(host.delta([{ ...late, id: "later", name: "other" }]));
			await expect.poll(() => count(waterfall)).toBe("? of 2");
			await waterfall.clearPosted();
			await waterfall.send(host.snapshot());
			expect((await asked(waterfall, "late_tool")).searchId).not.toBe(first.searchId);
			await expect.poll(() => count(waterfall)).toBe("? of 1+");
		});
	});

	it("is there again after the panel was hidden", async () => {
		const state: WaterfallViewState = {
			sourceId: "local",
			traceId: "trace-1",
			selectedSpanId: "turn1-plan",
			find: { text: "plan", isCaseSensitive: false, isMatchesOnly: true },
			filter: { kinds: ["model"], states: [], minDurationNs: 1e6 },
		};
		await withPage(
			async (waterfall) => {
				await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
				await answer(waterfall, await asked(waterfall, "plan"));
				await expect.poll(() => count(waterfall)).toBe("2 of 3");
				expect(await names(waterfall)).toEqual(
					["support_agent.run"].concat(...[1, 2, 3].map((number) => [`turn ${number}`, "plan"])),
				);
				await waterfall.page.getByText("6 of 24 spans: model, 1 ms or longer").waitFor();
				// Nobody asked for the focus.
				expect(await field(waterfall).evaluate((input) => input.matches(":focus"))).toBe(false);
				await waterfall.page.getByRole("button", { name: "Close" }).click();
				await expect.poll(async () => ((await waterfall.state()) as WaterfallViewState).find).toBeUndefined();
				expect(await waterfall.state()).toMatchObject({ filter: state.filter });
			},
			{ state },
		);
	});

	it("steps through a big trace from end to end", async () => {
		await withPage(async (waterfall) => {
			const spans = manySpans(100_000).map((span, index) => (index % 9_999 === 0 ? { ...span, name: "needle" } : span));
			await waterfall.send(new TestHostTrace().snapshot(spans));
			await open(waterfall, "needle");
			await answer(waterfall, await asked(waterfall, "needle"));
			await expect.poll(() => count(waterfall)).toBe("? of 11");
			await waterfall.page.locator(".scroller").evaluate((scroller) => scroller.scrollTo(0, 22 * 500));
			await expect.poll(() => marked(waterfall)).toEqual([]);
			await field(waterfall).fill("needl");
			await answer(waterfall, await asked(waterfall, "needl"));
			// The nearest one comes into view, and nothing is selected by typing.
			await waterfall.page.locator(".row mark").first().waitFor();
			expect(await waterfall.page.locator(".row.selected").count()).toBe(0);
			// From there on, and around.
			for (let step = 1; step <= 12; step++) {
				await waterfall.page.keyboard.press("Enter");
				await expect.poll(() => count(waterfall)).toBe(`${(step % 11) + 1} of 11`);
				expect(await selected(waterfall)).toBe("needle");
			}
		});
	});
});

describe("the filter", () => {
	it("shows what is wanted below the rows above it, says how much, and is taken back", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await page.getByRole("button", { name: "Filter" }).click();
			await page.getByRole("checkbox", { name: "failed" }).check();
			await expect.poll(() => names(waterfall)).toEqual(["support_agent.run", "turn 2", "create_refund"]);
			await page.getByText("1 of 24 spans: failed").waitFor();
			expect(await page.locator(".row.dim .name").allTextContents()).toEqual(["support_agent.run", "turn 2"]);
			await page.getByRole("checkbox", { name: "failed" }).uncheck();
			await page.getByRole("checkbox", { name: "retrieval" }).check();
			const minimum = page.getByRole("textbox", { name: "Minimum duration" });
			await minimum.fill("300 ms");
			await page.getByText("3 of 24 spans: retrieval, 300 ms or longer").waitFor();
			await minimum.fill("300 parsecs");
			expect(await minimum.evaluate((input: HTMLInputElement) => input.validationMessage)).not.toBe("");
			await page.keyboard.press("Escape");
			await page.getByRole("dialog", { name: "Filter" }).waitFor({ state: "hidden" });
			await page.getByRole("button", { name: "Filter (active)" }).waitFor();
			await page.getByRole("button", { name: "Clear" }).click();
			await expect.poll(async () => (await names(waterfall)).length).toBeGreaterThan(10);
			await page.getByRole("button", { name: "Filter" }).click();
			expect(await minimum.inputValue()).toBe("");
		});
	});

	it("opens and closes by the command and by its button, and is forgotten with the trace", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const menu = page.getByRole("dialog", { name: "Filter" });
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			await waterfall.send({ type: "view/run", command: "filter" });
			await menu.waitFor();
			await page.getByRole("checkbox", { name: "model" }).check();
			await page.getByRole("button", { name: "Filter (active)" }).click();
			await menu.waitFor({ state: "hidden" });
			await waterfall.send(new TestHostTrace({ traceId: "trace-2" }).snapshot(agentSpans()));
			await page.getByRole("button", { name: "Filter", exact: true }).waitFor();
			expect((await names(waterfall)).length).toBeGreaterThan(10);
		});
	});

	it("takes spans that arrive and change as they become what is wanted", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([{ id: "root", name: "root", start: 0 }]));
			await waterfall.send({ type: "view/run", command: "filter" });
			await page.getByRole("checkbox", { name: "failed" }).check();
			await expect.poll(() => names(waterfall)).toEqual([]);
			const child = { id: "child", parent: "root", name: "child", start: 1 };
			await waterfall.send(host.delta([child]));
			expect(await names(waterfall)).toEqual([]);
			await waterfall.send(host.delta([{ ...child, end: 2, isFailed: true }]));
			await expect.poll(() => names(waterfall)).toEqual(["root", "child"]);
		});
	});
});

for (const theme of THEME_NAMES) {
	it(`search and filter have no violation in the ${theme} theme, wide and narrow`, async () => {
		for (const width of [1000, 360]) {
			await withPage(
				async (waterfall) => {
					await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
					await open(waterfall, "search");
					await answer(waterfall, await asked(waterfall, "search"), [0], { problem: "unsupported" });
					await waterfall.page.keyboard.press("Enter");
					expect(await waterfall.axe()).toEqual([]);
					await waterfall.send({ type: "view/run", command: "filter" });
					await waterfall.page.getByRole("checkbox", { name: "retrieval" }).check();
					await field(waterfall).fill("nothing like it");
					await answer(waterfall, await asked(waterfall, "nothing like it"));
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme, width },
			);
		}
	});
}
