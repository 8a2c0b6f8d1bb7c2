import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost, WaterfallViewState } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { agentSpans, manySpans, TestHostTrace } from "./agentTrace.ts";
import { type Harness, type OpenedPage, type OpenOptions, startHarness } from "./harness.ts";
import { THEME_NAMES } from "./themes.ts";

type Waterfall = OpenedPage<WaterfallToHost, HostToWaterfall>;

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

function names({ page }: Waterfall): Promise<string[]> {
	return page.locator(".row .name").allTextContents();
}

/** Name of the row that assistive technology is told of. */
function activeName({ page }: Waterfall): Promise<string | undefined> {
	return page.locator(".tree").evaluate((tree) => {
		const id = tree.getAttribute("aria-activedescendant");
		const root = tree.getRootNode() as ShadowRoot;
		return id === null ? undefined : (root.getElementById(id)?.querySelector(".name")?.textContent ?? undefined);
	});
}

/** Top of a row relative to the list, by name; undefined when it is out of view. */
function topOf({ page }: Waterfall, name: string): Promise<number | undefined> {
	return page.locator("traceway-chart").evaluate((chart, wanted) => {
		const rows = [...(chart.shadowRoot?.querySelectorAll(".row") ?? [])];
		const row = rows.find((candidate) => candidate.querySelector(".name")?.textContent === wanted);
		return row?.getBoundingClientRect().top;
	}, name);
}

/** Two levels: parents p0 …, each with two children. */
function families(count: number): TestSpan[] {
	return Array.from({ length: count }, (_, i): TestSpan[] => [
		{ id: `p${i}`, name: `p${i}`, start: i * 100, end: i * 100 + 90 },
		{ id: `p${i}a`, name: `p${i}a`, parent: `p${i}`, start: i * 100 + 10, end: i * 100 + 20 },
		{ id: `p${i}b`, name: `p${i}b`, parent: `p${i}`, start: i * 100 + 30, end: i * 100 + 40 },
	]).flat();
}

describe("the keyboard", () => {
	it("walks, folds, enters and leaves as a tree does", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(families(3)));
			await page.keyboard.press("Tab");
			const walk: readonly (readonly [string, string])[] = [
				["ArrowDown", "p0"],
				["ArrowDown", "p0a"],
				["j", "p0b"],
				["ArrowLeft", "p0"],
				["ArrowLeft", "p0"],
				["ArrowDown", "p1"],
				["k", "p0"],
				["ArrowRight", "p0"],
				["ArrowRight", "p0a"],
				["ArrowRight", "p0a"],
				["End", "p2b"],
				["Home", "p0"],
				["PageDown", "p2b"],
				["PageUp", "p0"],
				["ArrowUp", "p0"],
			];
			for (const [key, name] of walk) {
				await page.keyboard.press(key);
				await expect.poll(() => activeName(waterfall), { message: `after ${key}` }).toBe(name);
			}
			await page.keyboard.press("[");
			await expect.poll(() => names(waterfall)).toEqual(["p0", "p1", "p2"]);
			await page.keyboard.press("*");
			await expect.poll(() => names(waterfall).then((all) => all.length)).toBe(9);
			await page.keyboard.press(" ");
			await expect.poll(() => names(waterfall).then((all) => all.length)).toBe(7);
			await page.keyboard.press("]");
			await expect.poll(() => names(waterfall).then((all) => all.length)).toBe(9);
		});
	});

	it("tells the host of a selection, and opens by Enter and double click", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(families(3)));
			await page.locator(".tree").focus();
			await page.keyboard.press("ArrowDown");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("p0");
			await page.keyboard.press("Enter");
			expect((await waterfall.waitForPost("span/open")).spanId).toBe("p0");
			await waterfall.clearPosted();
			await page.locator(".row", { hasText: "p1b" }).dblclick();
			expect((await waterfall.waitForPost("span/open")).spanId).toBe("p1b");
			expect((await waterfall.waitForPost("span/select")).spanId).toBe("p1b");
		});
	});

	it("tells only where a held key comes to rest", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(manySpans(2000)));
			await page.locator(".tree").focus();
			await page.keyboard.press("ArrowDown");
			await waterfall.clearPosted();
			// A key that is down again without having been up repeats.
			for (let i = 0; i < 40; i++) await page.keyboard.down("ArrowDown");
			await page.keyboard.up("ArrowDown");
			const last = await waterfall.waitForPost("span/select");
			await expect.poll(() => waterfall.posted().then((all) => all.at(-1))).toEqual(last);
			expect((await waterfall.posted()).length).toBeLessThan(10);
			const active = await page.locator(".row[aria-selected=true]").getAttribute("aria-posinset");
			expect(active).not.toBeNull();
		});
	});

	it("leaves keys with modifiers to VS Code", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(families(3)));
			await page.locator(".tree").focus();
			await page.keyboard.press("Control+ArrowDown");
			await page.keyboard.press("Alt+j");
			expect(await page.locator(".row[aria-selected=true]").count()).toBe(0);
		});
	});

	it("moves the divider, within bounds, and the width is remembered", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(families(3)));
			const divider = page.getByRole("separator");
			expect(await divider.getAttribute("aria-valuenow")).toBe("40");
			await divider.focus();
			await page.keyboard.press("ArrowRight");
			expect(await divider.getAttribute("aria-valuenow")).toBe("42");
			await page.keyboard.press("Home");
			await page.keyboard.press("ArrowLeft");
			expect(await divider.getAttribute("aria-valuenow")).toBe("15");
			const box = await divider.boundingBox();
			await page.mouse.move((box?.x ?? 0) + 2, 200);
			await page.mouse.down();
			await page.mouse.move(600, 200, { steps: 4 });
			await page.mouse.up();
			expect(await divider.getAttribute("aria-valuenow")).toBe("60");
			await expect
				.poll(() => waterfall.state().then((state) => (state as WaterfallViewState | null)?.treeShare))
				.toBe(0.6);
			await page.mouse.move(600, 200);
			await page.mouse.down();
			await page.mouse.move(995, 200, { steps: 4 });
			await page.mouse.up();
			expect(await divider.getAttribute("aria-valuenow")).toBe("85");
		});
	});
});

describe("live", () => {
	it("keeps selection, folds and what is being read while spans come in above and below", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(200)));
			await page.locator(".scroller").evaluate((scroller) => {
				scroller.scrollTop = 3001;
			});
			await expect.poll(() => topOf(waterfall, "p47")).toBeDefined();
			await page
				.locator(".row", { hasText: /^\S*p47\b/u })
				.first()
				.locator(".twistie")
				.click();
			await expect.poll(() => topOf(waterfall, "p47a")).toBeUndefined();
			await page.locator(".row", { has: page.locator('.name:text-is("p48a")') }).click();
			const before = await topOf(waterfall, "p48a");
			await waterfall.send(
				host.delta([
					// Above: children of the first family, a new first root. Below: growth.
					{ id: "early", name: "early", start: -50, end: -40 },
					...Array.from(
						{ length: 30 },
						(_, i): TestSpan => ({ id: `x${i}`, name: `x${i}`, parent: "p0", start: 50 + i }),
					),
					{ id: "p500", name: "p500", start: 50_000, end: 50_001 },
				]),
			);
			expect(await topOf(waterfall, "p48a")).toBe(before);
			expect(await page.locator(".row[aria-selected=true] .name").textContent()).toBe("p48a");
			expect(await topOf(waterfall, "p47a")).toBeUndefined();
			// The same trace anew, as after a resync: by id, everything stays.
			await waterfall.send(host.snapshot());
			expect(await topOf(waterfall, "p48a")).toBe(before);
			expect(await page.locator(".row[aria-selected=true] .name").textContent()).toBe("p48a");
			expect(await topOf(waterfall, "p47a")).toBeUndefined();
			expect(await topOf(waterfall, "p47")).toBeDefined();
		});
	});

	it("fills a finished span in place", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([{ id: "call", name: "call", start: 0, kind: "llm_call" }]));
			await page.locator(".row .state.running").waitFor();
			await page.locator(".row").click();
			await waterfall.send(
				host.delta([
					{ id: "call", name: "call", start: 0, end: 2e6, kind: "llm_call", inputTokens: 7, outputTokens: 3 },
				]),
			);
			expect(await page.locator(".row").count()).toBe(1);
			expect(await page.locator(".row").getAttribute("aria-label")).toBe("call, completed, 2 ms");
			expect(await page.locator("footer").textContent()).toContain("7 in, 3 out");
		});
	});

	it("asks once for a snapshot when revisions do not join, and goes on from it", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(2)));
			host.delta([{ id: "lost", name: "lost", start: 900 }]);
			await waterfall.send(host.delta([{ id: "late", name: "late", start: 901 }]));
			await waterfall.send(host.delta([{ id: "later", name: "later", start: 902 }]));
			expect((await waterfall.posted()).filter(({ type }) => type === "trace/resync")).toHaveLength(1);
			await waterfall.send(host.snapshot());
			expect((await names(waterfall)).slice(-3)).toEqual(["lost", "late", "later"]);
			await waterfall.send(host.delta([{ id: "next", name: "next", start: 903 }]));
			expect((await names(waterfall)).at(-1)).toBe("next");
			expect((await waterfall.posted()).filter(({ type }) => type === "trace/resync")).toHaveLength(1);
		});
	});

	it("reveals what is selected elsewhere, also when the span comes later than its selection", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(300)));
			await page.locator(".tree").focus();
			await page.keyboard.press("[");
			await waterfall.clearPosted();
			await waterfall.send({ type: "selection/changed", spanId: "p250b", reveal: true });
			await expect.poll(() => activeName(waterfall)).toBe("p250b");
			await waterfall.send({ type: "selection/changed", spanId: "unborn", reveal: true });
			await waterfall.send(host.delta([{ id: "unborn", name: "unborn", parent: "p3", start: 355 }]));
			await expect.poll(() => activeName(waterfall)).toBe("unborn");
			// The host knows what it selected.
			expect((await waterfall.posted()).filter(({ type }) => type === "span/select")).toEqual([]);
		});
	});

	it("leaves the list where it was scrolled to when the host says the same selection again", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(200)), { type: "selection/changed", spanId: "p3", reveal: true });
			await page.locator(".scroller").evaluate((scroller) => {
				scroller.scrollTop = 4000;
			});
			await expect.poll(() => topOf(waterfall, "p62")).toBeDefined();
			const before = await topOf(waterfall, "p62");
			await waterfall.send(host.snapshot(), { type: "selection/changed", spanId: "p3", reveal: true });
			expect(await topOf(waterfall, "p62")).toBe(before);
			await waterfall.send({ type: "selection/changed", spanId: "p4", reveal: true });
			await expect.poll(() => activeName(waterfall)).toBe("p4");
		});
	});

	it("announces a change of the connection, not each second of a countdown", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const say = (text: string): HostToWaterfall => ({
				type: "connection/changed",
				connection: { indicator: "connecting", text },
			});
			await waterfall.send(new TestHostTrace().snapshot(families(2)), say("Next try in 3 s"));
			const spoken = page.locator(".visually-hidden[role=status]").first();
			expect(await spoken.textContent()).toBe("Next try in 3 s");
			await waterfall.send(say("Next try in 2 s"));
			await page.locator(".notice").getByText("Next try in 2 s").waitFor();
			expect(await spoken.textContent()).toBe("Next try in 3 s");
			await waterfall.send({ type: "connection/changed", connection: { indicator: "live", text: "Live" } });
			expect(await spoken.textContent()).toBe("Live");
		});
	});

	it("ticks only while something runs", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await page.evaluate(() => {
				const { setInterval: set, clearInterval: clear } = window;
				const running = new Set<number>();
				Object.assign(window, {
					setInterval: (run: () => void, ms: number) => {
						const timer = set(run, ms);
						running.add(timer);
						return timer;
					},
					clearInterval: (timer: number) => {
						running.delete(timer);
						clear(timer);
					},
					runningTimers: () => running.size,
				});
			});
			const timers = (): Promise<number> =>
				page.evaluate(() => (window as unknown as { runningTimers(): number }).runningTimers());
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(2)));
			expect(await timers()).toBe(0);
			await waterfall.send(host.delta([{ id: "run", name: "run", start: 500 }]));
			expect(await timers()).toBe(1);
			await waterfall.send(host.delta([{ id: "run", name: "run", start: 500, end: 600 }]));
			expect(await timers()).toBe(0);
		});
	});

	it("restores selection, folds, place and width after a reload", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(families(200)));
			await page.getByRole("separator").focus();
			await page.keyboard.press("ArrowRight");
			await page.locator(".scroller").evaluate((scroller) => {
				scroller.scrollTop = 3001;
			});
			await expect.poll(() => topOf(waterfall, "p50")).toBeDefined();
			await page
				.locator(".row", { has: page.locator('.name:text-is("p50")') })
				.locator(".twistie")
				.click();
			const before = await topOf(waterfall, "p50");
			await expect
				.poll(() => waterfall.state())
				.toMatchObject({
					traceId: "trace-1",
					selectedSpanId: "p50",
					foldedSpanIds: ["p50"],
					scrollTop: 3001,
					treeShare: 0.42,
				});
			await page.reload();
			await waterfall.waitForPost("page/ready");
			await waterfall.send({ type: "trace/loading", sourceId: "local", traceId: "trace-1" }, host.snapshot());
			expect(await topOf(waterfall, "p50")).toBe(before);
			expect(await topOf(waterfall, "p50a")).toBeUndefined();
			expect(await page.locator(".row[aria-selected=true] .name").textContent()).toBe("p50");
			expect(await page.getByRole("separator").getAttribute("aria-valuenow")).toBe("42");
		});
	});

	it("starts fresh when the kept state is of another trace or of another shape", async () => {
		for (const state of [
			{ sourceId: "local", traceId: "other", scrollTop: 3000, selectedSpanId: "p1", foldedSpanIds: ["p1"] },
			{ sourceId: 7, traceId: [] },
			{ sourceId: "local", traceId: "trace-1", scrollTop: "x", foldedSpanIds: [{}, 5], treeShare: "wide" },
		]) {
			await withPage(
				async (waterfall) => {
					await waterfall.send(new TestHostTrace().snapshot(families(100)));
					expect((await names(waterfall)).slice(0, 4)).toEqual(["p0", "p0a", "p0b", "p1"]);
					expect(await waterfall.page.locator(".row[aria-selected=true]").count()).toBe(0);
				},
				{ state },
			);
		}
	});
});

describe("hostile traces", () => {
	it("are shown as text", async () => {
		const image = "<img src=x onerror=document.body.dataset.pwned=1>";
		const hostile = [
			`${image}<script>document.body.dataset.pwned=1</script>`,
			"ansi \u001b[31mred\u001b[0m \u0007bell",
			"rtl \u202egnp.exe\u202c \u2066x",
			"nul \0 lone \ud800 end",
			"$(alert) {{7*7}} &lt;b&gt; \r\nline two",
			"x".repeat(5_000_000),
		];
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const spans = hostile.map(
				(text, i): TestSpan => ({
					id: `h${i}<b>`,
					name: text,
					kind: text.slice(0, 1000),
					model: text.slice(0, 1000),
					start: i,
					end: i + 1,
					isFailed: true,
					error: text.slice(0, 200),
				}),
			);
			spans.push({ id: "orphan", name: "orphan", parent: `<b>${image}\u202e`, start: 99, end: 100 });
			await waterfall.send(new TestHostTrace({ name: `${hostile[0]}\u202e` }).snapshot(spans), {
				type: "connection/changed",
				connection: { indicator: "connecting", text: image },
			});
			const shown = await names(waterfall);
			expect(shown[0]).toBe(hostile[0]);
			expect(shown[1]).toBe("ansi ␛[31mred␛[0m ␇bell");
			expect(shown[2]).toBe("rtl �gnp.exe� �x");
			expect(shown[3]).toBe("nul ␀ lone � end");
			expect(shown[4]).toBe("$(alert) {{7*7}} &lt;b&gt; ␍␊line two");
			expect(shown[5]).toHaveLength(300);
			expect(shown[6]).toContain("<b><img");
			for (let i = 0; i < hostile.length; i++) {
				await page.locator(".row").nth(i).click();
				await page.locator(".row").nth(i).hover();
				await page.locator(".tooltip").waitFor({ state: "visible" });
				await page.mouse.move(5, 5);
			}
			expect(await page.locator("img, script:not([nonce]):not([type])").count()).toBe(0);
			expect(await page.evaluate(() => document.body.dataset.pwned)).toBeUndefined();
			// Nothing of it made a row higher or the page wider.
			const heights = await page.locator(".row").evaluateAll((rows) => rows.map((row) => row.clientHeight));
			expect(new Set(heights)).toEqual(new Set([22]));
			expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
			await waterfall.send({ type: "trace/error", message: image });
			await page.locator(".notice.error").getByText("<img src=x").waitFor();
		});
	});

	it("survive cycles, a chain of 1,400 and 20,000 siblings", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const spans: TestSpan[] = [
				{ id: "c1", name: "c1", parent: "c2", start: 1, end: 2 },
				{ id: "c2", name: "c2", parent: "c1", start: 2, end: 3 },
			];
			for (let i = 0; i < 1400; i++) {
				spans.push({ id: `d${i}`, name: `d${i}`, parent: i === 0 ? undefined : `d${i - 1}`, start: 10 + i, end: 5000 });
			}
			for (let i = 0; i < 20_000; i++) {
				spans.push({ id: `w${i}`, name: `w${i}`, parent: "d1399", start: 6000 + i, end: 7000 + i });
			}
			await waterfall.send(new TestHostTrace().snapshot(spans));
			// So many are taken in in slices.
			await expect.poll(async () => (await names(waterfall)).slice(0, 3)).toEqual(["c1", "c2", "d0"]);
			expect(await page.locator(".row .note").first().textContent()).toContain("circle");
			await page.locator(".tree").focus();
			await page.keyboard.press("End");
			await expect.poll(() => activeName(waterfall)).toBe("w19999");
			const last = page.locator(".row[aria-selected=true]");
			expect(await last.getAttribute("aria-level")).toBe("1401");
			expect(await last.getAttribute("aria-setsize")).toBe("20000");
			expect(await last.locator(".depth").getAttribute("data-depth")).toBe("1401");
			await page.keyboard.press("ArrowLeft");
			await expect.poll(() => activeName(waterfall)).toBe("d1399");
		});
	});
});

describe("accessibility", () => {
	for (const theme of THEME_NAMES) {
		it(`has no violation in the ${theme} theme, full, running, failed and selected`, async () => {
			await withPage(
				async (waterfall) => {
					const { page } = waterfall;
					await waterfall.send(
						new TestHostTrace({}, { ms: Date.now() - 8400, subNs: 0 }).snapshot(agentSpans({ isRunning: true })),
						{
							type: "connection/changed",
							connection: { indicator: "connecting", text: "Connecting" },
						},
					);
					await page.locator(".row", { hasText: "create_refund" }).click();
					await page.locator(".row", { hasText: "turn 1" }).locator(".twistie").click();
					await page.locator(".row", { hasText: "turn 3" }).hover();
					await page.locator(".tooltip").waitFor({ state: "visible" });
					expect(await waterfall.axe()).toEqual([]);
				},
				{ theme },
			);
		});
	}

	it("has no violation in its other states", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send({ type: "trace/loading", sourceId: "local", traceId: "trace-1" });
			await page.getByText("Loading spans…").waitFor();
			expect(await waterfall.axe()).toEqual([]);
			await waterfall.send({ type: "trace/error", message: "The server answered 500" });
			expect(await waterfall.axe()).toEqual([]);
			await waterfall.send(new TestHostTrace().snapshot());
			expect(await waterfall.axe()).toEqual([]);
			await waterfall.send({ type: "trace/removed", reason: "evicted" });
			expect(await waterfall.axe()).toEqual([]);
		});
	});

	it("says name, status, duration and place of a row", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(families(2)));
			const row = page.getByRole("treeitem", { name: "p1b, completed, 10 ns", exact: true });
			expect(await row.getAttribute("aria-level")).toBe("2");
			expect(await row.getAttribute("aria-posinset")).toBe("2");
			expect(await row.getAttribute("aria-setsize")).toBe("2");
			await page.getByRole("tree", { name: "Spans of support_agent.run" }).waitFor();
		});
	});

	it("works in 320 pixels, where the rows tell the durations", async () => {
		await withPage(
			async (waterfall) => {
				const { page } = waterfall;
				await waterfall.send(new TestHostTrace().snapshot(families(20)));
				expect(await page.locator("canvas.bars").isVisible()).toBe(false);
				expect(await page.getByRole("separator").count()).toBe(0);
				expect(await page.locator(".row .row-duration").first().textContent()).toBe("90 ns");
				await page.locator(".tree").focus();
				await page.keyboard.press("ArrowDown");
				await expect.poll(() => activeName(waterfall)).toBe("p0");
				expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
				expect(await waterfall.axe()).toEqual([]);
			},
			{ width: 320, height: 400 },
		);
	});

	it("outlines the selected row in high contrast, also after something else stood in the place of the rows", async () => {
		await withPage(
			async (waterfall) => {
				const { page } = waterfall;
				await waterfall.send({ type: "trace/error", message: "not yet" });
				await page.locator(".message").waitFor();
				await waterfall.send(new TestHostTrace().snapshot(families(3)));
				await page.locator(".row").first().click();
				await page.locator(".message").waitFor({ state: "detached" });
				const outline = page.locator(".row.selected").evaluate((row) => getComputedStyle(row).outlineStyle);
				expect(await outline).toBe("solid");
			},
			{ theme: "highContrastLight" },
		);
	});

	it("leaves out the note of a row whole when there is no room for it beside the name", async () => {
		await withPage(
			async (waterfall) => {
				const { page } = waterfall;
				const spans: TestSpan[] = [
					{ id: "a", name: "short", start: 0, end: 10, model: "gpt-4o-mini" },
					{
						id: "b",
						name: "a name that leaves next to no room for what else",
						start: 0,
						end: 10,
						model: "gpt-4o-mini",
					},
				];
				await waterfall.send(new TestHostTrace().snapshot(spans));
				const isSeen = (name: string): Promise<boolean> =>
					page
						.locator(".row", { has: page.getByText(name) })
						.locator(".note")
						.evaluate((note) => {
							const row = note.closest(".row")?.getBoundingClientRect();
							const { top, width } = note.getBoundingClientRect();
							return row !== undefined && width > 20 && top < row.bottom;
						});
				expect(await isSeen("short")).toBe(true);
				expect(await isSeen("a name that leaves")).toBe(false);
			},
			{ width: 700, height: 400 },
		);
	});

	it("shows the selection where the system forces its colours, and ticks once a second with reduced motion", async () => {
		await withPage(
			async (waterfall) => {
				const { page } = waterfall;
				await page.evaluate(() => {
					const set = window.setInterval;
					Object.assign(window, {
						setInterval: (run: () => void, ms: number) => {
							document.body.dataset.interval = String(ms);
							return set(run, ms);
						},
					});
				});
				await waterfall.send(new TestHostTrace().snapshot([{ id: "run", name: "run", start: 0 }]));
				await page.locator(".row").click();
				const outline = await page.locator(".row").evaluate((row) => getComputedStyle(row).outlineStyle);
				expect(outline).toBe("solid");
				expect(await page.evaluate(() => document.body.dataset.interval)).toBe("1000");
				expect(await page.locator(".row .state").evaluate((state) => getComputedStyle(state).animationName)).toBe(
					"none",
				);
			},
			{ forcedColors: "active", reducedMotion: "reduce" },
		);
	});
});
