import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Overview, OverviewRange } from "../../../src/model/overview.ts";
import { OverviewLoader } from "../../../src/ui/overview/overviewLoader.ts";

/** A source that answers when it is told to. */
function loaderWithSource() {
	const asked: { range: OverviewRange; signal: AbortSignal; answer(): void; fail(): void }[] = [];
	const shown: OverviewRange[] = [];
	const errors: unknown[] = [];
	const loader = new OverviewLoader<{ overview: Overview }>("24h", {
		load: (range, signal) =>
			new Promise((resolve, reject) => {
				asked.push({
					range,
					signal,
					answer: () => resolve({ overview: { range, bucketMs: 60_000 } as Overview }),
					fail: () => reject(new Error("no")),
				});
			}),
		onLoad: ({ overview }) => shown.push(overview.range),
		onError: (error) => errors.push(error),
	});
	return { loader, asked, shown, errors };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("the overview's loader", () => {
	beforeEach(() => {
		vi.useFakeTimers({ now: Date.parse("2026-03-06T10:00:30Z") });
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it("asks nothing before somebody looks, and nothing while nobody does", async () => {
		const { loader, asked } = loaderWithSource();
		loader.invalidate();
		loader.restart();
		await vi.advanceTimersByTimeAsync(60_000);
		expect(asked).toHaveLength(0);
		loader.setVisible(true);
		expect(asked).toHaveLength(1);
		loader.setVisible(false);
		expect(asked[0].signal.aborted).toBe(true);
		loader.invalidate();
		await vi.advanceTimersByTimeAsync(60_000);
		expect(asked).toHaveLength(1);
		loader.setVisible(true);
		expect(asked).toHaveLength(2);
		loader.dispose();
	});

	it("asks at most once a second, however much changes, and once more for what changed meanwhile", async () => {
		const { loader, asked, shown } = loaderWithSource();
		loader.setVisible(true);
		for (let change = 0; change < 50; change++) loader.invalidate();
		asked[0].answer();
		await settle();
		expect(shown).toEqual(["24h"]);
		for (let change = 0; change < 50; change++) loader.invalidate();
		await vi.advanceTimersByTimeAsync(999);
		expect(asked).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(asked).toHaveLength(2);
		loader.dispose();
	});

	it("gives a slow source a rest three times as long as its answer took", async () => {
		const { loader, asked } = loaderWithSource();
		loader.setVisible(true);
		await vi.advanceTimersByTimeAsync(2000);
		loader.invalidate();
		asked[0].answer();
		await settle();
		await vi.advanceTimersByTimeAsync(5999);
		expect(asked).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(asked).toHaveLength(2);
		loader.dispose();
	});

	it("gives up the question about a range that is not wanted any more, and asks for the other one at once", async () => {
		const { loader, asked, shown } = loaderWithSource();
		loader.setVisible(true);
		loader.restart("1h");
		expect(asked.map(({ range, signal }) => [range, signal.aborted])).toEqual([
			["24h", true],
			["1h", false],
		]);
		asked[0].answer();
		asked[1].answer();
		await settle();
		expect(shown).toEqual(["1h"]);
		loader.dispose();
	});

	it("asks again when the next bucket of time begins, though nothing changed", async () => {
		const { loader, asked } = loaderWithSource();
		loader.setVisible(true);
		asked[0].answer();
		await settle();
		// The clock stands half a minute before the next one.
		await vi.advanceTimersByTimeAsync(29_999);
		expect(asked).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(asked).toHaveLength(2);
		loader.dispose();
	});

	it("tells of an error, tries again in a while, and at once when it is told to", async () => {
		const { loader, asked, errors } = loaderWithSource();
		loader.setVisible(true);
		asked[0].fail();
		await settle();
		expect(errors).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(9_999);
		expect(asked).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		asked[1].fail();
		await settle();
		loader.restart();
		expect(asked).toHaveLength(3);
		loader.dispose();
		expect(asked[2].signal.aborted).toBe(true);
		asked[2].fail();
		await settle();
		expect(errors).toHaveLength(2);
		expect(vi.getTimerCount()).toBe(0);
	});
});
