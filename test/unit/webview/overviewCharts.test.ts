import { expect, it } from "vitest";
import { REST_COLOR, SeriesColors } from "../../../webview/overview/palette.ts";
import { axisTime, bucketTime } from "../../../webview/overview/times.ts";
import { sampleOverview } from "../../webview/sampleOverview.ts";

it("keeps a name in its colour while the ranks change, and gives it away when it is gone", () => {
	const colors = new SeriesColors();
	const first = colors.assign(["a", "b", "c"]);
	expect([...first.values()]).toEqual([0, 1, 2]);
	expect(Object.fromEntries(colors.assign(["c", "d", "a"]))).toEqual({ c: 2, a: 0, d: 1 });
	const many = colors.assign(Array.from({ length: 9 }, (_, index) => `n${index}`));
	expect(new Set([...many.values()].slice(0, 7)).size).toBe(7);
	expect([...many.values()].slice(7)).toEqual([REST_COLOR, REST_COLOR]);
});

it("gives a name the colour that it has in another chart, and never two names of one chart the same", () => {
	const cost = new SeriesColors().assign(["a", "b"]);
	const tokens = new SeriesColors();
	expect(Object.fromEntries(tokens.assign(["x", "b"], cost))).toEqual({ b: 1, x: 2 });
	// What has a colour of its own gives it up to the one that brings it along.
	expect(Object.fromEntries(tokens.assign(["x", "y"], new Map([["y", 2]])))).toEqual({ y: 2, x: 0 });
});

it("writes the time of a bucket as exactly as its length asks for", () => {
	const ms = new Date(2026, 2, 6, 14, 5, 30).getTime();
	expect(bucketTime(ms, 10_000)).toBe("14:05:30");
	expect(bucketTime(ms, 60_000)).toBe("14:05");
	expect(bucketTime(ms, 7 * 86_400_000)).toBe("2026-03-06");
	expect(bucketTime(ms, 10_080_000)).toBe("Mar 6, 14:05");
	expect(bucketTime(Number.NaN, 60_000)).toBe("–");
	expect(axisTime(new Date(2026, 2, 6).getTime(), 3_600_000)).toBe("Mar 6");
	expect(axisTime(ms, 3_600_000)).toBe("14:05");
	expect(axisTime(ms, 86_400_000)).toBe("Mar 6");
});

it("makes the sample of the page's tests the same each time", async () => {
	expect(await sampleOverview()).toEqual(await sampleOverview());
});
