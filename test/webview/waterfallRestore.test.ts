import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manySpans, TestHostTrace } from "./agentTrace.ts";
import type { Waterfall } from "./bars.ts";
import { type Harness, startHarness } from "./harness.ts";
import { withWaterfall } from "./waterfallViews.ts";

let harness: Harness;

beforeAll(async () => {
	harness = await startHarness(["waterfall"]);
});

afterAll(() => harness.dispose());

async function resyncs(waterfall: Waterfall): Promise<number> {
	return (await waterfall.posted()).filter(({ type }) => type === "trace/resync").length;
}

describe("a page that is made anew", () => {
	it("takes what was sent before it said that it is ready, and asks for nothing", async () => {
		await withWaterfall(harness, async (waterfall) => {
			const host = new TestHostTrace();
			await waterfall.send(host.snapshot(manySpans(2000)));
			await waterfall.send(host.delta([{ id: "late", name: "late", start: 5e12, end: 5.1e12 }]));
			await waterfall.send({ type: "trace/revision", revision: host.revision });
			expect(await resyncs(waterfall)).toBe(0);
			await waterfall.page.locator(".tree").focus();
			await waterfall.page.keyboard.press("End");
			await waterfall.page.getByRole("treeitem", { name: "late" }).waitFor();
		});
	});

	it("asks for what was lost on the way, once", async () => {
		await withWaterfall(harness, async (waterfall) => {
			const host = new TestHostTrace();
			const lost = host.snapshot(manySpans(20));
			await waterfall.send({ type: "trace/revision", revision: lost.revision });
			await waterfall.send({ type: "trace/revision", revision: lost.revision });
			expect(await resyncs(waterfall)).toBe(1);
			await waterfall.send(host.snapshot());
			expect(await waterfall.page.locator(".row").count()).toBe(20);
			// A delta that is missing.
			host.delta([{ id: "late", name: "late", start: 5e12, end: 5.1e12 }]);
			await waterfall.send({ type: "trace/revision", revision: host.revision });
			expect(await resyncs(waterfall)).toBe(2);
		});
	});
});
