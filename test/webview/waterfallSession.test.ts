import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionHeader, TraceHeader } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import { type Delta, TestHostTrace } from "./agentTrace.ts";
import { pixel, type Waterfall } from "./bars.ts";
import { type Harness, type OpenOptions, startHarness } from "./harness.ts";
import { rowTexts, withWaterfall } from "./waterfallViews.ts";

const MS = 1e6;
const RULER_PX = 24;
const ROW_PX = 22;
const SESSION: SessionHeader = {
	sessionId: "ses_1",
	traceCount: 3,
	modelCalls: 3,
	toolCalls: 1,
	failedTraces: 1,
	averageTraceNs: 1_500 * MS,
	models: ["claude-sonnet-4", "gpt-4o"],
	isOpen: true,
};
const OPEN: Partial<TraceHeader> = { name: "ses_1", session: SESSION, awaitedRootIds: ["r"] };
const CLOSED: Partial<TraceHeader> = { session: { ...SESSION, isOpen: false }, awaitedRootIds: [] };

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

const withPage = (run: (waterfall: Waterfall) => Promise<void>, options?: OpenOptions): Promise<void> =>
	withWaterfall(harness, run, options);

const child = (id: string, from: number, to: number, parent = "r"): TestSpan => ({
	id,
	name: id,
	parent,
	start: from * MS,
	end: to * MS,
});
const root: TestSpan = { id: "r", name: "run", start: 0, end: 60 * MS };

function told(delta: Delta, header: Partial<TraceHeader>): Delta {
	return { ...delta, header: { ...delta.header, ...header } };
}

const footer = async ({ page }: Waterfall) => (await page.locator("footer").textContent()) ?? "";
const AWAITED = "(root still running)";

describe("the head of a session", () => {
	it("says that it is one, what it holds, and that more is to come while it is open", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace(OPEN);
			await waterfall.send(host.snapshot([child("a", 0, 5)]));
			const head = ((await page.locator("header").textContent()) ?? "").replaceAll(/\s+/g, " ");
			expect(head).toContain("Session ses_1 Live");
			expect(head).toMatch(/3 traces 1 span/);
			expect(head).toMatch(/LLM calls\s?3 Tool calls\s?1 Average trace\s?1\.5 s Error rate\s?33 %/);
			expect(head).toMatch(/Models\s?claude-sonnet-4 and 1 more/);
			await waterfall.send(told(host.delta([root]), CLOSED));
			expect(await page.locator("header .live").count()).toBe(0);
		});
	});

	it("stays until the traces are deleted, and then says whose they were", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace(OPEN).snapshot([root]));
			await waterfall.send({ type: "trace/removed", reason: "deleted", isSession: true });
			await waterfall.page.getByText("The traces of this session were deleted").waitFor();
		});
	});

	it("is not said of a trace", async () => {
		await withPage(async (waterfall) => {
			await waterfall.send(new TestHostTrace().snapshot([root]));
			expect(await waterfall.page.locator("header .what, header .live").count()).toBe(0);
		});
	});
});

describe("a root that arrives after its children", () => {
	it("has one tree all the time, and the duration that is known, at each step", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace(OPEN);
			await waterfall.send(host.snapshot([child("a", 0, 5), child("b", 10, 20), child("far", 11, 55, "b")]));
			expect(await rowTexts(waterfall)).toEqual([AWAITED, "a", "b", "far"]);
			await page.locator(".row").first().click();
			expect(await footer(waterfall)).toContain("20 ms so far");
			// Every frame from here on: what stands at the top level, by name.
			await page.locator("traceway-chart").evaluate((chart) => {
				const seen = new Set<string>();
				Object.assign(chart, { seen });
				const look = (): void => {
					const rows = [...(chart.shadowRoot?.querySelectorAll('.row[aria-level="1"] .name') ?? [])];
					seen.add(rows.map((row) => row.textContent).join("|"));
					requestAnimationFrame(look);
				};
				look();
			});
			await waterfall.send(told(host.delta([child("c", 30, 40)]), OPEN));
			expect(await footer(waterfall)).toContain("40 ms so far");
			await waterfall.send(told(host.delta([root]), CLOSED));
			expect(await rowTexts(waterfall)).toEqual(["run", "a", "b", "far", "c"]);
			expect(await page.locator(".row.selected .name").textContent()).toBe("run");
			expect(await footer(waterfall)).toContain("60 ms");
			await waterfall.send(told(host.delta([child("late", 41, 59)]), CLOSED));
			expect(await rowTexts(waterfall)).toEqual(["run", "a", "b", "far", "c", "late"]);
			const seen = await page
				.locator("traceway-chart")
				.evaluate((chart) => [...(chart as unknown as { seen: Set<string> }).seen]);
			expect(seen).toEqual([AWAITED, "run"]);
		});
	});

	it("stays folded when it arrives", async () => {
		await withPage(async (waterfall) => {
			const host = new TestHostTrace(OPEN);
			await waterfall.send(host.snapshot([child("a", 0, 5), child("b", 10, 20)]));
			await waterfall.page.locator(".row .twistie").first().click();
			expect(await rowTexts(waterfall)).toEqual([`${AWAITED} 2`]);
			await waterfall.send(told(host.delta([root]), CLOSED));
			expect(await rowTexts(waterfall)).toEqual(["run 2"]);
		});
	});

	it("is told as running to those who listen, and as lost where nothing is awaited", async () => {
		await withPage(async (waterfall) => {
			const { page } = waterfall;
			const host = new TestHostTrace(OPEN);
			await waterfall.send(host.snapshot([child("a", 0, 5)]));
			expect(await page.locator(".row").first().getAttribute("aria-label")).toBe(`${AWAITED}, running`);
			await waterfall.send(told(host.delta([child("b", 1, 2)]), CLOSED));
			expect((await rowTexts(waterfall))[0]).toBe("Parent r has not arrived");
		});
	});

	it("pulses, unless motion is to be reduced", async () => {
		for (const reducedMotion of ["no-preference", "reduce"] as const) {
			await withPage(
				async (waterfall) => {
					const host = new TestHostTrace(OPEN);
					// As long as the whole of the time column.
					await waterfall.send(host.snapshot([child("a", 0, 5)]), told(host.delta([child("b", 0, 1e12)]), OPEN));
					const colors = new Set<string>();
					const look = async (): Promise<number> => {
						await waterfall.send(told(host.delta([child("b", 0, 1e12)]), OPEN));
						const canvas = await waterfall.page.locator("canvas.bars").boundingBox();
						if (canvas === null) throw new Error("no canvas");
						colors.add(String(await pixel(waterfall, canvas.x + 60, canvas.y + RULER_PX + ROW_PX / 2)));
						return colors.size;
					};
					if (reducedMotion === "no-preference") await expect.poll(look, { timeout: 20_000 }).toBeGreaterThan(3);
					else for (let round = 0; round < 10; round++) expect(await look()).toBe(1);
				},
				{ reducedMotion },
			);
		}
	});
});
