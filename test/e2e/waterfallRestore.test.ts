import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OtlpSpan, otlpSpanId, sendOtlp } from "./support/otlp.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const TRACE_ID = "4e570e4e570e4e570e4e570e4e570e4e";
const GROUP = 100;
const SPANS = 10_001;
const FOLDED = otlpSpanId(1 + 60 * GROUP);
const startMs = Date.now() - 600_000;

/** What of the chart is arranged by hand. */
interface ChartElement extends HTMLElement {
	readonly scrollOffset: number;
	readonly timeWindow: { readonly startNs: number; readonly endNs: number } | undefined;
}

/** A root and groups of a hundred spans, each number later than the one before. */
function span(number: number): OtlpSpan {
	const place = (number - 1) % GROUP;
	const parent = number === 0 ? undefined : place === 0 ? 0 : number - place;
	const lengthMs = number === 0 ? SPANS * 10 : place === 0 ? GROUP * 10 - 5 : 8;
	return {
		traceId: TRACE_ID,
		spanId: otlpSpanId(number),
		parentSpanId: parent === undefined ? undefined : otlpSpanId(parent),
		name: number === 0 ? "kept" : place === 0 ? `group ${Math.floor(number / GROUP)}` : `step ${number}`,
		startMs: startMs + number * 10,
		endMs: startMs + number * 10 + lengthMs,
	};
}

describe("a waterfall that is hidden behind another editor", () => {
	let server: TestServer;
	const session = useSession(async () => {
		server = await TestServer.start();
		return withSource(server.url);
	});
	const waterfall = () => session().window.waterfall;
	const tab = (label: string) => session().window.page.locator(".editor-group-container .tab", { hasText: label });

	async function arrangement() {
		const { scrollOffset, timeWindow } = await (await waterfall().chart()).evaluate((element) => {
			const chart = element as ChartElement;
			return { scrollOffset: chart.scrollOffset, timeWindow: chart.timeWindow };
		});
		return {
			scrollOffset,
			timeWindow,
			top: await waterfall().topName(),
			selected: await waterfall().selectedId(),
			rows: await waterfall().visibleRowCount(),
			found: (await (await waterfall().frame()).locator(".find-count").allTextContents()).join(""),
		};
	}

	async function hideAndShow(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
		if ((await tab("Untitled").count()) === 0) await session().window.run("File: New Untitled Text File");
		else await tab("Untitled").click();
		await until("the waterfall is hidden", async () => (await waterfall().find()) === undefined);
		await meanwhile();
		await tab("kept").click();
		await waterfall().waitForTrace(TRACE_ID);
	}

	beforeAll(async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live");
		const spans = Array.from({ length: SPANS }, (_, number) => span(number));
		for (let from = 0; from < SPANS; from += 2500) await sendOtlp(server.url, spans.slice(from, from + 2500));
		await window.traces.click("kept");
		await waterfall().waitForSpanCount(SPANS);
	});

	afterAll(() => server?.dispose());

	it("is shown again as it was arranged: place, zoom, selection and folds", async () => {
		await waterfall().press("Home");
		await waterfall().scrollBy(130_000);
		await until("the folded group is near", async () => (await waterfall().topName()).startsWith("step 59"));
		const group = (await waterfall().rows()).filter({ hasText: /group 60/ });
		await until("the group is in view", async () => {
			await waterfall().scrollBy(110);
			return (await group.count()) === 1;
		});
		await group.locator(".twistie").click();
		await until("the group is folded", async () => (await waterfall().visibleRowCount()) === SPANS - (GROUP - 1));
		await waterfall().waitForSelected(FOLDED);
		await waterfall().press("ArrowDown");
		await waterfall().waitForSelected(otlpSpanId(1 + 61 * GROUP));
		await until("f shows the span's time", async () => {
			await waterfall().press("f");
			return (await arrangement()).timeWindow !== undefined;
		});
		// A search comes back with its hits, and the span that it stands at.
		await session().window.page.keyboard.press("Control+f");
		await (await waterfall().frame()).getByRole("search").waitFor();
		await session().window.page.keyboard.type("step 61");
		await until("a hit is selected", async () => {
			await session().window.page.keyboard.press("Enter");
			return /^[\d,]+ of [\d,]+$/.test((await arrangement()).found);
		});
		const before = await arrangement();
		await hideAndShow();
		await until("all is as it was", async () => JSON.stringify(await arrangement()) === JSON.stringify(before));
		expect(await arrangement()).toEqual(before);
		// Nothing was remembered that only the first time keeps.
		await hideAndShow();
		await until("all is as it was", async () => JSON.stringify(await arrangement()) === JSON.stringify(before));
	});

	it("has what came meanwhile, and goes on live, without moving what was read", async () => {
		const before = await arrangement();
		const late = (number: number): OtlpSpan => ({
			...span(number),
			parentSpanId: otlpSpanId(0),
			name: `late ${number}`,
		});
		await hideAndShow(async () => {
			await sendOtlp(server.url, [late(SPANS), late(SPANS + 1)]);
			expect((await server.api.stats()).span_count).toBe(SPANS + 2);
		});
		await waterfall().waitForSpanCount(SPANS + 2);
		expect(await arrangement()).toEqual({ ...before, rows: before.rows + 2 });
		await sendOtlp(server.url, [late(SPANS + 2)]);
		await waterfall().waitForSpanCount(SPANS + 3);
		expect(await arrangement()).toEqual({ ...before, rows: before.rows + 3 });
	});

	it("loses nothing when it is hidden and shown faster than its page is made", async () => {
		const before = await arrangement();
		for (let round = 0; round < 3; round++) {
			await tab("Untitled").click();
			await tab("kept").click();
		}
		await waterfall().waitForSpanCount(SPANS + 3);
		await until("it is as it was", async () => JSON.stringify(await arrangement()) === JSON.stringify(before));
	});
});
