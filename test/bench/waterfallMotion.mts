import type { Page } from "playwright-core";
import type { HostToWaterfall, WaterfallToHost } from "../../src/protocol/messages.ts";
import type { OpenedPage } from "../webview/harness.ts";
import { type BenchRow, interleave, median, percentile, ratioRow, valueRow } from "./bench.mts";
import { openPage, openPeer, TRACE_SIZES, withThreadTime } from "./chromium.mts";

const ROUNDS = 3;
const FRAMES = 80;
/** Rows in view, and twenty on each side. */
const MAX_ROWS = Math.ceil(800 / 22) + 40;

export type OpenWaterfall = OpenedPage<WaterfallToHost, HostToWaterfall>;

/** A waterfall with a trace of `count` spans, at rest. */
export async function openTrace(count: number, isRunning: boolean): Promise<OpenWaterfall> {
	const opened = await openPage<WaterfallToHost, HostToWaterfall>("waterfall", "waterfallPage.mts");

	await opened.page.evaluate(([size, isLive]) => globalThis.waterfall.prepare(size, isLive ? "start" : "end", isLive), [
		count,
		isRunning,
	] as const);
	await opened.page.evaluate(() => globalThis.waterfall.open());
	return opened;
}

interface Motion {
	/** Milliseconds between frames. */
	readonly intervals: readonly number[];
	/** Of the main thread, processor time. */
	readonly frameMs: number;
	readonly longestMs: number;
	readonly longTasks: number;
}

async function observe(page: Page, move: () => Promise<number[]>): Promise<Motion> {
	const { result, thread } = await withThreadTime(page, move);
	return {
		intervals: result,
		frameMs: thread.cpuMs[0] / FRAMES,
		longestMs: thread.longestMs,
		longTasks: thread.longTasks,
	};
}

/**
 * Frames and main thread of 80 frames in each of which one thing is done, beside an empty page in which a line of text changes
 * as often; its frames tell what the machine had to give at the time.
 */
export async function motionRows(name: string, move: (page: Page) => Promise<number[]>): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	const empty = await openPeer("emptyPage.mts");
	for (const count of TRACE_SIZES) {
		const { page, close } = await openTrace(count, false);
		// The first run is the compiler's.
		await move(page);
		const { ours, limit } = await interleave(ROUNDS, {
			ours: () => observe(page, () => move(page)),
			limit: () => observe(empty, () => empty.evaluate((frames) => globalThis.emptyPage.run(frames), FRAMES)),
		});
		const p95 = (motions: readonly Motion[]): number =>
			median(motions.map(({ intervals }) => percentile(intervals, 0.95)));
		const longest = (motions: readonly Motion[]): number =>
			median(motions.map(({ intervals }) => Math.max(...intervals)));
		const frameMs = (motions: readonly Motion[]): number => median(motions.map((motion) => motion.frameMs));
		rows.push(
			ratioRow(`${name}-${count}-frame-p95`, p95(ours), p95(limit), "ms", "<= 1.05 ratio"),
			ratioRow(`${name}-${count}-frame-max`, longest(ours), longest(limit), "ms", ""),
			ratioRow(`${name}-${count}-thread`, frameMs(ours), frameMs(limit), "ms/frame", "<= 6 ratio"),
			valueRow(`${name}-${count}-thread-ms`, frameMs(ours), "ms/frame", "<= 3 ms/frame"),
			valueRow(`${name}-${count}-task`, median(ours.map(({ longestMs }) => longestMs)), "ms", "<= 50 ms"),
			valueRow(`${name}-${count}-long-tasks`, median(ours.map(({ longTasks }) => longTasks)), "tasks", "<= 0 tasks"),
			valueRow(
				`${name}-${count}-rows`,
				await page.evaluate(() => globalThis.waterfall.rowCount()),
				"elements",
				`<= ${MAX_ROWS} elements`,
			),
			valueRow(`${name}-${count}-nodes`, await page.evaluate(() => globalThis.waterfall.nodeCount()), "nodes", ""),
		);
		await close();
	}
	await empty.context().close();
	return rows;
}
