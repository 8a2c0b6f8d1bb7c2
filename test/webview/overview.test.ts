import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostToOverview, OverviewToHost } from "../../src/protocol/overviewMessages.ts";
import { type Harness, type OpenedPage, type OpenOptions, startHarness } from "./harness.ts";
import { sampleOverview, valueMessage } from "./sampleOverview.ts";
import { THEME_NAMES } from "./themes.ts";

type Opened = OpenedPage<OverviewToHost, HostToOverview>;

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["overview"]);
});

afterAll(() => harness.dispose());

const open = (options?: OpenOptions): Promise<Opened> => harness.open("overview", options);

async function opened(options?: OpenOptions): Promise<Opened> {
	const overview = await open(options);
	await overview.send(
		{ type: "overview/loading", range: "24h", sourceId: "local" },
		valueMessage(await sampleOverview()),
	);
	return overview;
}

const card = (page: Opened["page"], label: string) =>
	page.locator(".card", { has: page.locator("dt", { hasText: new RegExp(`^${label}$`) }) });

describe("the overview page", () => {
	it("shows the sums of the range, and unknown as a dash", async () => {
		const overview = await opened();
		const { page } = overview;
		const { usage, toolCalls, traces, sessions, failedSpans, spans } = await sampleOverview();
		expect(await card(page, "Cost").locator("dd").first().textContent()).toMatch(/^~\$\d/);
		expect(await card(page, "Cost").getAttribute("title")).toContain("estimated");
		expect(await card(page, "Model Calls").innerText()).toContain(String(usage.calls));
		expect(await card(page, "Tool Calls").innerText()).toContain(String(toolCalls));
		expect(await card(page, "Traces").innerText()).toContain(`${traces}`);
		expect(await card(page, "Traces").innerText()).toContain(`${sessions} sessions`);
		expect(await card(page, "Failed Spans").innerText()).toContain(`of ${spans} spans`);
		expect(await card(page, "Failed Spans").innerText()).toContain(String(failedSpans));
		// One tool call, and nothing else known.
		const one = await sampleOverview({ calls: 1 });
		const unknown = { ...one.usage, costUsd: null, inputTokens: null, outputTokens: null };
		await overview.send(valueMessage({ ...one, usage: unknown }));
		for (const label of ["Cost", "Tokens", "Model Latency"]) {
			expect(await card(page, label).locator("dd").first().textContent()).toBe("–");
		}
		expect(await overview.problems()).toEqual([]);
		await overview.close();
	});

	it("says which session it is of, and leads back to all", async () => {
		const overview = await opened();
		const { page } = overview;
		await overview.send({ type: "overview/loading", range: "all", sourceId: "local", sessionId: "ses_1" });
		expect(await page.locator(".session").innerText()).toContain("Session ses_1");
		// What is shown was of all sessions, as is an answer that was under way.
		expect(await page.locator(".card").count()).toBe(0);
		const value = valueMessage(await sampleOverview({ range: "all" }));
		if (value.type !== "overview/value") throw new Error("no value");
		await overview.send(value);
		expect(await page.locator(".card").count()).toBe(0);
		await overview.send({ ...value, origin: { ...value.origin, sessionId: "ses_1" } });
		expect(await page.locator(".card").count()).toBe(7);
		expect(await overview.axe()).toEqual([]);
		await expect
			.poll(async () => (await overview.state()) as object)
			.toMatchObject({ range: "all", sessionId: "ses_1" });
		await page.getByRole("button", { name: "Show all sessions" }).click();
		await overview.waitForPost("session/clear");
		await overview.send({ type: "overview/loading", range: "all", sourceId: "local" });
		expect(await page.locator(".session").count()).toBe(0);
		expect(await overview.problems()).toEqual([]);
		await overview.close();
	});

	it("draws every chart, and redraws numbers that come later into the same canvas", async () => {
		const overview = await opened();
		const { page } = overview;
		const canvases = page.locator("traceway-overview-chart canvas");
		expect(await canvases.count()).toBe(5);
		const paint = () => canvases.evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));
		const before = await paint();
		await canvases.evaluateAll((all) => {
			for (const canvas of all) canvas.setAttribute("data-first", "");
		});
		await overview.send(valueMessage(await sampleOverview({ calls: 500 })));
		expect(await page.locator("traceway-overview-chart canvas[data-first]").count()).toBe(5);
		const after = await paint();
		for (const [index, url] of before.entries()) expect(after[index]).not.toBe(url);
		await overview.setTheme("light");
		await expect.poll(async () => (await paint()).every((url, index) => url !== after[index])).toBe(true);
		expect(await overview.problems()).toEqual([]);
		await overview.close();
	});

	it("says under the pointer what a bucket holds", async () => {
		const overview = await opened();
		const { page } = overview;
		const chart = page.locator('[data-chart="tools"]');
		const legend = chart.locator(".legend");
		expect(await legend.innerText()).toContain("Total");
		const { callsByTool } = await sampleOverview();
		const sums = callsByTool[0].values.map((_, bucket) =>
			callsByTool.reduce((sum, { values }) => sum + values[bucket], 0),
		);
		const busiest = sums.indexOf(Math.max(...sums));
		const plot = chart.locator(".u-over");
		const box = await plot.boundingBox();
		if (box === null) throw new Error("no plot");
		await plot.hover({ position: { x: ((busiest + 0.5) / 60) * box.width, y: 20 } });
		expect(await legend.locator(".when b").textContent()).toBe(String(sums[busiest]));
		expect(await legend.locator(".when .name").textContent()).toMatch(/^\d\d:\d\d$/);
		await page.mouse.move(1, 1);
		await legend.locator(".when", { hasText: "Total" }).waitFor();
		await overview.close();
	});

	it("has the numbers of a chart as a table, by keyboard, and remembers that", async () => {
		const overview = await opened();
		const { page } = overview;
		const { failures, failedSpans } = await sampleOverview();
		await page.getByRole("button", { name: "Failed Spans: Show as Table" }).focus();
		await page.keyboard.press("Enter");
		const table = page.getByRole("region", { name: "Failed Spans" });
		const totals = await table.locator("tbody td:last-child").allTextContents();
		expect(totals.map(Number).reduce((sum, value) => sum + value)).toBe(failedSpans);
		expect(totals).toHaveLength(
			failures.model.filter((_, bucket) => failures.model[bucket] + failures.tool[bucket] > 0).length,
		);
		await expect.poll(() => overview.state()).toMatchObject({ tables: ["failures"] });
		await page.reload();
		await overview.send(valueMessage(await sampleOverview()));
		await page.getByRole("button", { name: "Failed Spans: Show as Chart" }).click();
		await page.locator('[data-chart="failures"] canvas').waitFor();
		await overview.close();
	});

	it("asks for another range by keyboard, keeps what is shown meanwhile, and takes no answer to an older question", async () => {
		const overview = await opened();
		const { page } = overview;
		await page.getByRole("radio", { name: "Last 24 hours" }).focus();
		await page.keyboard.press("ArrowLeft");
		expect(await overview.waitForPost("range/select")).toEqual({ type: "range/select", range: "6h" });
		await page.locator(".content.stale").waitFor();
		const before = await card(page, "Model Calls").innerText();
		await overview.send(
			{ type: "overview/loading", range: "6h", sourceId: "local" },
			valueMessage(await sampleOverview({ calls: 5 })),
		);
		expect(await card(page, "Model Calls").innerText()).toBe(before);
		await overview.send(valueMessage(await sampleOverview({ range: "6h", calls: 100 })));
		expect(await card(page, "Model Calls").innerText()).not.toBe(before);
		expect(await page.locator(".content.stale").count()).toBe(0);
		await expect.poll(() => overview.state()).toMatchObject({ range: "6h" });
		await overview.close();
	});

	it("says that no call names its agent rather than to show a table of nobody", async () => {
		const overview = await open();
		const sample = await sampleOverview();
		await overview.send(valueMessage({ ...sample, agents: [{ ...sample.usage, agent: null }] }));
		const agents = overview.page.locator('[data-table="agents"]');
		expect(await agents.innerText()).toContain("gen_ai.agent.name");
		expect(await agents.locator("table").count()).toBe(0);
		await overview.close();
	});

	it("shows nothing of one source under the name of another", async () => {
		const overview = await opened();
		const { page } = overview;
		await overview.send({ type: "overview/loading", range: "24h", sourceId: "remote" });
		expect(await page.locator(".card").count()).toBe(0);
		await overview.send({ type: "overview/error", range: "24h", message: "no answer" });
		await page.getByRole("heading", { name: "The overview could not be read" }).waitFor();
		expect(await page.getByText("Mini-Server").count()).toBe(0);
		await overview.close();
	});

	it("leads from a call to its span", async () => {
		const overview = await opened();
		const { newestModelCalls, newestToolCalls } = await sampleOverview();
		await overview.page.locator('[data-table="modelCalls"] tbody button').nth(2).click();
		const [, , { traceId, spanId }] = newestModelCalls;
		expect(await overview.waitForPost("span/open")).toEqual({ type: "span/open", traceId, spanId });
		await overview.page.locator('[data-table="toolCalls"] tbody button').first().focus();
		await overview.page.keyboard.press("Enter");
		expect(await overview.waitForPost("span/open")).toMatchObject({ spanId: newestToolCalls[0].spanId });
		await overview.close();
	});

	it("shows texts of traces as texts, ten calls until all are wanted", async () => {
		const overview = await opened();
		const { page } = overview;
		const rows = page.locator('[data-table="modelCalls"] tbody tr');
		expect(await rows.count()).toBe(10);
		expect(await rows.filter({ hasText: "<img src=x" }).count()).toBeGreaterThan(0);
		expect(await page.locator("traceway-overview img").count()).toBe(0);
		await page.locator('[data-table="modelCalls"]').getByRole("button", { name: "Show All 100" }).click();
		expect(await rows.count()).toBe(100);
		await overview.close();
	});

	it("asks for the texts of calls in view that came without, once, and shows them when they come", async () => {
		const overview = await open();
		await overview.send(valueMessage(await sampleOverview({ previews: false })));
		const asked = (await overview.posted()).filter((message) => message.type === "previews/load");
		expect(asked.map(({ kind, calls }) => [kind, calls.length])).toEqual([
			["model", 10],
			["tool", 10],
		]);
		const [call] = asked[0].calls;
		const preview = { input: "the prompt", output: null, finishReason: "length" };
		await overview.send(
			{ type: "previews/value", previews: [{ ...call, preview }] },
			valueMessage(await sampleOverview({ previews: false })),
		);
		const row = overview.page.locator('[data-table="modelCalls"] tbody tr').first();
		expect(await row.innerText()).toContain("the prompt");
		expect(await row.innerText()).toContain("length");
		expect((await overview.posted()).filter((message) => message.type === "previews/load")).toHaveLength(2);
		await overview.close();
	});

	it("saves a table as CSV, with formulas of traces made harmless", async () => {
		const overview = await opened();
		const { page } = overview;
		await page.getByRole("button", { name: "Newest Model Calls: Save as CSV" }).click();
		const { name, text } = await overview.waitForPost("csv/save");
		expect(name).toBe("Newest Model Calls");
		expect(text.split("\r\n")).toHaveLength(102);
		await page.getByRole("button", { name: "Cost by Model: Save as CSV" }).click();
		const chart = (await overview.waitForPost("csv/save")).text.trim().split("\r\n");
		const total = chart.slice(1).reduce((sum, row) => sum + Number(row.split(",").at(-1)), 0);
		expect(total).toBeCloseTo((await sampleOverview()).usage.costUsd ?? 0, 9);
		await overview.close();
	});

	it("says that it counts, that there is nothing, that it could not be read, and that a part was counted", async () => {
		const overview = await open();
		const { page } = overview;
		await page.getByText("Counting…").waitFor();
		await overview.send({ type: "overview/error", range: "24h", message: "GET /analytics: HTTP 500" });
		await page.getByRole("heading", { name: "The overview could not be read" }).waitFor();
		await page.getByRole("button", { name: "Try Again" }).click();
		await overview.waitForPost("overview/load");
		await overview.send(valueMessage(await sampleOverview({ calls: 0 })));
		await page.getByRole("heading", { name: "No calls in this time" }).waitFor();
		await page.getByRole("button", { name: "Show All Time" }).click();
		expect(await overview.waitForPost("range/select")).toMatchObject({ range: "all" });
		const value = valueMessage(await sampleOverview());
		if (value.type !== "overview/value") throw new Error("no value");
		const origin = { sourceId: "local", sourceName: "remote", isWhole: false, loadedTraces: 1234, isPart: true };
		await overview.send(
			{ ...value, overview: { ...value.overview, range: "all" }, origin },
			{ type: "overview/error", range: "all", message: "it went away" },
		);
		await page.getByText("Counted over the 1,234 traces that are loaded here").waitFor();
		await page.getByRole("alert").getByText("it went away").waitFor();
		// One reason is enough: what the connection lacks, the question did.
		await overview.send({
			type: "connection/changed",
			connection: { indicator: "disconnected", text: "Disconnected: no answer" },
		});
		await page.getByText("Disconnected: no answer").first().waitFor();
		expect(await page.getByText("it went away").count()).toBe(0);
		expect(await page.locator(".card").count()).toBe(7);
		expect(await overview.problems()).toEqual([]);
		await overview.close();
	});

	for (const theme of THEME_NAMES) {
		it(`has no violation in the ${theme} theme, wide, narrow and at 200 %`, async () => {
			for (const options of [{ width: 1280 }, { width: 340 }, { width: 640, deviceScaleFactor: 2 }]) {
				const overview = await opened({ theme, ...options, state: { range: "24h", tables: ["cost"], scrollTop: 0 } });
				expect(await overview.axe()).toEqual([]);
				// Tables scroll in their own places; the page itself never does sideways.
				const width = await overview.page
					.locator("traceway-overview")
					.evaluate((page) => page.scrollWidth - page.clientWidth);
				expect(width).toBe(0);
				expect(await overview.problems()).toEqual([]);
				await overview.close();
			}
		});
	}
});
