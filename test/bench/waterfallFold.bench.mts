import { type BenchRow, median, valueRow } from "./bench.mts";
import { TRACE_SIZES, withThreadTime } from "./chromium.mts";
import { openTrace } from "./waterfallMotion.mts";

export const name = "waterfall-fold";

const WARM_UP = 5;
const TIMES = 15;

/** Processor time of the page's main thread from the key that folds or unfolds everything to behind the frame that shows it. */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const count of TRACE_SIZES) {
		const { page, close } = await openTrace(count, false);
		const press = (times: number) => page.evaluate((often) => globalThis.waterfall.press(["[", "]"], often), times);
		await press(WARM_UP);
		const { thread } = await withThreadTime(page, () => press(TIMES));
		const goal = count <= 100_000 ? "<= 8 ms" : "";
		rows.push(
			valueRow(`${name}-${count}-all`, median(thread.cpuMs.filter((_, index) => index % 2 === 0)), "ms", goal),
			valueRow(`${name}-${count}-none`, median(thread.cpuMs.filter((_, index) => index % 2 === 1)), "ms", goal),
			valueRow(`${name}-${count}-task`, thread.longestMs, "ms", "<= 50 ms"),
		);
		await close();
	}
	return rows;
}
