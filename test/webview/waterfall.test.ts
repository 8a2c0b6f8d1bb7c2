import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { agentSpans, manySpans, TestHostTrace } from "./agentTrace.ts";
import { bar, pixel, type Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

/** Opens a page, runs a test on it, and lets no test pass that broke the page's policy or threw. */
async function withPage(run: (waterfall: Waterfall) => Promise<void>, options: OpenOptions = {}): Promise<void> {
	const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall", options);
	try {
		await run(waterfall);
		expect(await waterfall.problems()).toEqual([]);
	} finally {
		await waterfall.close();
	}
}

/** Names of the rows in view, top to bottom as they stand on the screen. */
function rowNames({ page }: Waterfall): Promise<string[]> {
	return page.locator(".row").evaluateAll((rows) =>
		rows
			.map((row) => ({ top: row.getBoundingClientRect().top, name: row.querySelector(".name")?.textContent ?? "" }))
			.sort((a, b) => a.top - b.top)
			.map(({ name }) => name),
	);
}

function selectedName({ page }: Waterfall): Promise<string | null> {
	return page.locator(".row[aria-selected=true] .name").textContent();
}

const KIDS: readonly TestSpan[] = [
	{ id: "root", name: "root", start: 0, end: 1e9 },
	{ id: "a", name: "a", parent: "root", start: 1e8, end: 4e8, kind: "llm_call" },
	{ id: "a1", name: "a1", parent: "a", start: 2e8, end: 3e8, kind: "tool" },
	{ id: "b", name: "b", parent: "root", start: 5e8, end: 9e8, kind: "tool" },
];

describe("the waterfall page", () => {
	it("says ready with the protocol version, and stays small", async () => {
		await withPage(async (waterfall) => {
			const ready = await waterfall.waitForPost("page/ready");
			expect(ready.protocolVersion).toBe(1);
			expect(ready.clientId).toMatch(/.{8}/);
			expect(harness.entryBytes("waterfall")).toBeLessThan(200_000);
		});
	});

	it("shows loading, then an error with a way to try again, then nothing yet, then the spans", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send({ type: "trace/loading", sourceId: "local", traceId: "trace-1" });
			await page.getByText("Loading spans…").waitFor();
			await waterfall.send({ type: "trace/error", message: "The server answered 500" });
			await page.getByText("The server answered 500").waitFor();
			expect(await page.getByText("Loading spans…").count()).toBe(0);
			await page.getByRole("button", { name: "Try Again" }).click();
			await waterfall.waitForPost("trace/resync");
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot());
			await page.getByText("No spans yet").waitFor();
			await waterfall.send(host.delta(KIDS));
			expect(await rowNames(waterfall)).toEqual(["root", "a", "a1", "b"]);
			expect(await page.getByText("No spans yet").count()).toBe(0);
			await waterfall.send({ type: "trace/removed", reason: "deleted" });
			await page.getByText("This trace was deleted").waitFor();
			expect(await page.locator(".row").count()).toBe(0);
		});
	});

	it("never flashes a loading for a trace that comes at once", async () => {
		await withPage(async (waterfall) => {
			await waterfall.page.evaluate(() => {
				const page = document.querySelector("traceway-waterfall")?.shadowRoot;
				new MutationObserver(() => {
					if (page?.textContent?.includes("Loading")) document.body.dataset.sawLoading = "yes";
				}).observe(page ?? document, { childList: true, subtree: true, characterData: true });
			});
			await waterfall.send(
				{ type: "trace/loading", sourceId: "local", traceId: "trace-1" },
				new TestHostTrace().snapshot(KIDS),
			);
			await waterfall.page.locator(".row").first().waitFor();
			expect(await waterfall.page.evaluate(() => document.body.dataset.sawLoading)).toBeUndefined();
		});
	});

	it("tells of the whole trace in its header, and what is unknown by a dash", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace({ isCostEstimated: true }).snapshot(agentSpans()));
			const header = page.locator("header");
			expect(((await header.textContent()) ?? "").replaceAll(/\s+/g, " ")).toMatch(
				/support_agent\.run .*8\.4 s 24 spans .*1 failed Tokens ?15,174 in, 2,076 out Cost ?~\$0\.00551/u,
			);
			await waterfall.send(new TestHostTrace({ traceId: "other" }).snapshot(KIDS));
			expect(((await header.textContent()) ?? "").replaceAll(/\s+/g, " ")).toMatch(/Tokens ?– Cost ?–/u);
		});
	});

	it("tells how the connection stands only when it is not live", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(KIDS), {
				type: "connection/changed",
				connection: { indicator: "live", text: "Live" },
			});
			expect(await page.locator(".notice").count()).toBe(0);
			await waterfall.send({
				type: "connection/changed",
				connection: { indicator: "disconnected", text: "Disconnected: the server refused the token" },
			});
			await page.locator(".notice").getByText("Disconnected: the server refused the token").waitFor();
			await waterfall.send({ type: "connection/changed", connection: { indicator: "live", text: "Live" } });
			expect(await page.locator(".notice").count()).toBe(0);
		});
	});

	it("speaks the words that the host fills in", async () => {
		await withPage(
			async (waterfall) => {
				await waterfall.send(new TestHostTrace().snapshot());
				await waterfall.page.getByText("Noch keine Spans").waitFor();
			},
			{ words: { emptyTitle: "Noch keine Spans", constructor: "no" } },
		);
	});

	it("ignores messages that it does not know", async () => {
		await withPage(async (waterfall) => {
			await waterfall.page.evaluate(() => {
				for (const data of [null, 5, "trace/snapshot", { type: "toString" }, { type: 7 }, []])
					window.postMessage(data, "*");
			});
			await waterfall.send(new TestHostTrace().snapshot(KIDS));
			expect(await rowNames(waterfall)).toHaveLength(4);
		});
	});
});

describe("bars", () => {
	it("stand where their spans stand, failed ones red and hatched, with an error icon in the row", async () => {
		await withPage(async (waterfall) => {
			const spans: TestSpan[] = [
				{ id: "root", name: "root", start: 0, end: 10e9 },
				{ id: "ok", name: "ok", parent: "root", start: 0, end: 5e9, kind: "tool" },
				{ id: "bad", name: "bad", parent: "root", start: 5e9, end: 10e9, kind: "tool", isFailed: true, error: "boom" },
			];
			await waterfall.send(new TestHostTrace().snapshot(spans));
			const ok = await bar(waterfall, "ok");
			const bad = await bar(waterfall, "bad");
			expect(ok.right - ok.left).toBeGreaterThan(200);
			expect(Math.abs(ok.right - ok.left - (bad.right - bad.left))).toBeLessThanOrEqual(6);
			expect(bad.left).toBeGreaterThanOrEqual(ok.right - 2);
			// One flat colour, and stripes of more than one.
			expect(ok.colors).toEqual(["1,4,7"]);
			expect(bad.colors.length).toBeGreaterThan(1);
			expect(bad.colors).toContain("7,2,2");
			const row = waterfall.page.locator(".row.failed");
			expect(await row.locator(".name").textContent()).toBe("bad");
			expect(await row.getAttribute("aria-label")).toContain("failed");
			expect(await row.locator(".state").evaluate((state) => state.textContent?.codePointAt(0))).toBe(0xea87);
		});
	});

	it("of running spans grow, and stop when the span ends", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const base = { ms: Date.now() - 2000, subNs: 0 };
			const host = new TestHostTrace({}, base);
			const done: TestSpan = { id: "done", name: "done", parent: "root", start: 0, end: 1e9, kind: "tool" };
			await waterfall.send(host.snapshot([{ id: "root", name: "root", start: 0, kind: "llm_call" }, done]));
			// The window of time grows with the running span, so the finished one's bar shrinks.
			const first = await bar(waterfall, "done");
			expect(first.right - first.left).toBeGreaterThan(100);
			await expect
				.poll(async () => {
					const later = await bar(waterfall, "done");
					return later.right - later.left;
				})
				.toBeLessThan(first.right - first.left - 20);
			expect(await page.locator(".row .state.running").count()).toBe(1);
			const duration = await page.locator("header .facts li").first().textContent();
			await expect.poll(() => page.locator("header .facts li").first().textContent()).not.toBe(duration);

			await waterfall.send(host.delta([{ id: "root", name: "root", start: 0, end: 8e9, kind: "llm_call" }]));
			expect(await page.locator(".row .state.running").count()).toBe(0);
			expect(await page.locator("header .facts li").first().textContent()).toContain("8 s");
			const ended = await bar(waterfall, "done");
			await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 150)));
			expect(await bar(waterfall, "done")).toEqual(ended);
		});
	});

	it("follow the theme", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot(KIDS));
			const dark = await bar(waterfall, "a");
			await waterfall.setTheme("light");
			await expect.poll(() => bar(waterfall, "a").then(({ colors }) => colors)).not.toEqual(dark.colors);
			expect((await bar(waterfall, "a")).left).toBe(dark.left);
			const { x = 0, width = 0 } = (await waterfall.page.locator("canvas.bars").boundingBox()) ?? {};
			expect(await pixel(waterfall, x + width - 2, 590)).toEqual([0, 0, 0, 0]);
		});
	});

	it("have a window of a millisecond when the trace has no length, and none when nothing is known", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(
				new TestHostTrace().snapshot([
					{ id: "x", name: "x", start: 0, end: 0, kind: "tool" },
					{ id: "y", name: "y", isFailed: true },
				]),
			);
			expect(await rowNames(waterfall)).toEqual(["x", "y"]);
			const { left, right } = await bar(waterfall, "x");
			expect(right - left).toBeLessThan(6);
			expect(await page.locator("header .facts li").first().textContent()).toContain("0 ns");
		});
	});
});

describe("rows", () => {
	it("are as many in the page as the viewport shows, for 50,000 spans, wherever one scrolls", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(manySpans(50_000)));
			const height = (await page.locator(".scroller").boundingBox())?.height ?? 0;
			const limit = Math.ceil(height / 22) + 40;
			expect(await page.locator(".row").count()).toBeLessThanOrEqual(limit);
			const seen = new Set<string>();
			for (const share of [0.2, 0.5, 0.77, 1]) {
				await page.locator(".scroller").evaluate((scroller, at) => {
					scroller.scrollTop = at * scroller.scrollHeight;
				}, share);
				await expect.poll(() => page.locator(".row").first().getAttribute("aria-label")).not.toBe([...seen].at(-1));
				seen.add((await page.locator(".row").first().getAttribute("aria-label")) ?? "");
				expect(await page.locator(".row").count()).toBeLessThanOrEqual(limit);
			}
			await expect.poll(() => rowNames(waterfall).then((names) => names.length)).toBeGreaterThan(10);
			await page.locator(".tree").focus();
			await page.keyboard.press("End");
			const last = page.locator(".row[aria-selected=true]");
			expect(await last.getAttribute("aria-level")).toBe("4");
			const box = await last.boundingBox();
			const tree = await page.locator(".scroller").boundingBox();
			expect((box?.y ?? 0) + (box?.height ?? 0)).toBeCloseTo((tree?.y ?? 0) + (tree?.height ?? 0), 0);
		});
	});

	it("stand in the page in the order they are seen, after scrolling both ways", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(
				host.snapshot(
					Array.from({ length: 400 }, (_, i): TestSpan => ({ id: `n${i}`, name: `n${i}`, start: i, end: i + 1 })),
				),
			);
			for (const [top, first] of [
				[220, "n10"],
				[330, "n15"],
				[4400, "n200"],
				[4290, "n195"],
			] as const) {
				await page.locator(".scroller").evaluate((scroller, to) => {
					scroller.scrollTop = to;
				}, top);
				await expect.poll(() => page.locator(".row .name").first().textContent()).toBe(first);
				const names = await page.locator(".row .name").allTextContents();
				expect(names).toEqual(await rowNames(waterfall));
				expect(names).toEqual(names.map((_, i) => `n${Number(first.slice(1)) + i}`));
			}
		});
	});

	it("fold and unfold by the chevron, and tell how many they hide", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(KIDS));
			await page.locator(".row", { hasText: "root" }).locator(".twistie").click();
			await expect.poll(() => rowNames(waterfall)).toEqual(["root"]);
			expect(await page.locator(".row .badge").textContent()).toBe("3");
			expect(await page.locator(".row").getAttribute("aria-expanded")).toBe("false");
			await page.locator(".twistie").click();
			await expect.poll(() => rowNames(waterfall)).toEqual(["root", "a", "a1", "b"]);
		});
	});

	it("tell when a fold hides a failed span", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(new TestHostTrace().snapshot(agentSpans()));
			for (const name of ["turn 1", "turn 2"])
				await page.locator(".row", { hasText: name }).locator(".twistie").click();
			await page
				.getByRole("treeitem", { name: "turn 2 6, completed, 2.65 s, hides a failed span", exact: true })
				.waitFor();
			await page.getByRole("treeitem", { name: "turn 1 6, completed, 2.65 s", exact: true }).waitFor();
			expect(await page.locator(".row.hides-failure").count()).toBe(1);
		});
	});

	it("put spans of a missing parent below a placeholder, which the parent replaces in place", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot([{ id: "kid", name: "kid", parent: "late", start: 5e6, end: 6e6 }]));
			expect(await rowNames(waterfall)).toEqual(["Parent late has not arrived", "kid"]);
			await page.locator(".row", { hasText: "kid" }).click();
			const before = await page.locator(".row", { hasText: "kid" }).boundingBox();
			await waterfall.send(host.delta([{ id: "late", name: "late", start: 0, end: 7e6 }]));
			expect(await rowNames(waterfall)).toEqual(["late", "kid"]);
			expect((await page.locator(".row", { hasText: "kid" }).boundingBox())?.y).toBe(before?.y);
			expect(await selectedName(waterfall)).toBe("kid");
		});
	});

	it("tell exact times, tokens, cost and the error on hover", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			await waterfall.send(
				new TestHostTrace().snapshot([
					{ id: "root", name: "root", start: 0, end: 10_000_000 },
					{
						id: "call",
						name: "call",
						parent: "root",
						start: 1_000_001,
						end: 2_234_568,
						kind: "llm_call",
						model: "gpt-4o",
						inputTokens: 1200,
						outputTokens: 80,
						costUsd: 0.0042,
						isFailed: true,
						error: "rate limited",
					},
				]),
			);
			await page.locator(".row", { hasText: "call" }).hover();
			const tooltip = page.locator(".tooltip");
			await tooltip.waitFor({ state: "visible" });
			const text = await tooltip.textContent();
			for (const part of [
				"call",
				"1.234567 ms",
				"+1.000001 ms",
				"2026-03-06 10:00:00.001000001 UTC+01:00",
				"12.3 % of the trace",
				"1,200 in, 80 out",
				"$0.0042",
				"rate limited",
			]) {
				expect(text).toContain(part);
			}
			await page.mouse.move(5, 5);
			await tooltip.waitFor({ state: "hidden" });
			// The same without a pointer.
			await page.locator(".row", { hasText: "call" }).click();
			const description = await page.locator(".row[aria-selected=true]").getAttribute("aria-description");
			for (const part of ["1.234567 ms", "+1.000001 ms", "1,200 in, 80 out", "rate limited"]) {
				expect(description).toContain(part);
				expect(await page.locator("footer").textContent()).toContain(part);
			}
		});
	});
});
