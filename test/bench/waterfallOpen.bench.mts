import type { Page } from "playwright-core";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import { type BenchRow, interleave, median, ratioRow, valueRow } from "./bench.mts";
import { openPage, openPeer, type ThreadTime, TRACE_SIZES, withThreadTime } from "./chromium.mts";

export const name = "waterfall-open";

const ROUNDS = 3;
const WATCHED_ROUNDS = 2;
/** What design.md promises, in milliseconds. */
const BUDGET_MS: Readonly<Record<number, number>> = { 10000: 80, 100000: 250, 250000: 600 };

/**
 * Milliseconds from the message with a whole trace to the frame that has its first rows, each time in a page that was just
 * loaded. Then everything else of the opening is awaited (minimap, critical path), for the tasks that the main thread did.
 * The baseline is a page with Lit's virtualised list of the same rows, from the same message.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	let smallest = Number.NaN;
	for (const count of TRACE_SIZES) {
		const { ours, list } = await interleave(ROUNDS, {
			ours: () => openOurs(count, (page) => page.evaluate(() => globalThis.waterfall.open())),
			list: () => openList(count, (page) => page.evaluate(() => globalThis.list.open())),
		});
		// Apart from the others: what is watched takes longer.
		const threads = await interleave(WATCHED_ROUNDS, {
			whole: () => openOurs(count, (page) => watch(page, () => globalThis.waterfall.open())),
			ours: () => openOurs(count, (page) => watch(page, () => globalThis.waterfall.open(false))),
			list: () => openList(count, (page) => watch(page, () => globalThis.list.open())),
		});
		const cpuMs = (watched: readonly ThreadTime[]): number => median(watched.map((thread) => thread.cpuMs[0]));
		const took = median(ours);
		if (count === TRACE_SIZES[0]) smallest = took;
		rows.push(
			ratioRow(`${name}-${count}-list`, took, median(list), "ms", "<= 0.5 ratio"),
			valueRow(`${name}-${count}-ms`, took, "ms", BUDGET_MS[count] === undefined ? "" : `<= ${BUDGET_MS[count]} ms`),
			ratioRow(`${name}-${count}-own`, took, smallest, "ms", "<= 2 ratio"),
			// By processor time, the middle of the rounds: one that another program's work fell into is not ours.
			valueRow(`${name}-${count}-task`, median(threads.whole.map(({ longestMs }) => longestMs)), "ms", "<= 50 ms"),
			valueRow(`${name}-${count}-thread`, cpuMs(threads.whole), "ms", ""),
			// The same race as `-list`, without what other programs take of the machine.
			ratioRow(`${name}-${count}-list-thread`, cpuMs(threads.ours), cpuMs(threads.list), "ms", ""),
		);
	}
	return rows;
}

async function openOurs<T>(count: number, open: (page: Page) => Promise<T>): Promise<T> {
	const opened = await openPage<WaterfallToHost, HostToWaterfall>("waterfall", "waterfallPage.mts");
	await opened.send({ type: "trace/loading", sourceId: "local", traceId: "next" });
	await opened.page.evaluate((size) => globalThis.waterfall.prepare(size, "end", false), count);
	const result = await open(opened.page);
	await opened.close();
	return result;
}

async function openList<T>(count: number, open: (page: Page) => Promise<T>): Promise<T> {
	const page = await openPeer("listPage.mts");
	await page.evaluate((size) => globalThis.list.prepare(size), count);
	const result = await open(page);
	await page.context().close();
	return result;
}

async function watch(page: Page, open: () => Promise<number>): Promise<ThreadTime> {
	return (await withThreadTime(page, () => page.evaluate(open))).thread;
}
