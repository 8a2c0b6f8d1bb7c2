import { expect } from "vitest";
import type { HostToWaterfall, WaterfallToHost, WaterfallViewState } from "../../src/protocol/messages.ts";
import type { TestSpan } from "../unit/webview/traceColumnsBuilder.ts";
import type { Waterfall } from "./bars.ts";
import type { Harness, OpenOptions } from "./harness.ts";

/** Opens the page, runs a test on it, and holds it to having had no problem. */
export async function withWaterfall(
	harness: Harness,
	run: (waterfall: Waterfall) => Promise<void>,
	options: OpenOptions = {},
): Promise<void> {
	const waterfall = await harness.open<WaterfallToHost, HostToWaterfall>("waterfall", options);
	try {
		await run(waterfall);
		expect(await waterfall.problems()).toEqual([]);
	} finally {
		await waterfall.close();
	}
}

/** Rows in the page by name, with the number of a group or of what a fold hides behind it. */
export function rowTexts({ page }: Waterfall): Promise<string[]> {
	return page.locator(".row").evaluateAll((rows) =>
		rows.map((row) =>
			[".name", ".badge"]
				.map((part) => row.querySelector(part)?.textContent ?? "")
				.join(" ")
				.trim(),
		),
	);
}

/** Top of a row in the page, by the name of its span; undefined when it is out of view. */
export function topOf({ page }: Waterfall, name: string): Promise<number | undefined> {
	return page.locator("traceway-chart").evaluate((chart, wanted) => {
		const rows = [...(chart.shadowRoot?.querySelectorAll(".row") ?? [])];
		const row = rows.find((candidate) => candidate.querySelector(".name")?.textContent === wanted);
		return row?.getBoundingClientRect().top;
	}, name);
}

/** What the page keeps over a reload, as of now; undefined before it kept anything. */
export async function keptState(waterfall: Waterfall): Promise<WaterfallViewState | undefined> {
	return ((await waterfall.state()) as WaterfallViewState | null) ?? undefined;
}

/** Like calls of one parent, ten nanoseconds apart, numbered by their start. */
export function calls(count: number, more: Partial<TestSpan> = {}, from = 0): TestSpan[] {
	const { parent = "root" } = more;
	return Array.from({ length: count }, (_, i) => ({
		id: `${parent}.${from + i}`,
		name: "read_file",
		kind: "tool",
		start: (from + i) * 10,
		end: (from + i) * 10 + 5,
		...more,
		parent,
	}));
}
