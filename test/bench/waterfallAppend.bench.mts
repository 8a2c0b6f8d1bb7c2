import { type BenchRow, median, percentile, valueRow } from "./bench.mts";
import { withThreadTime } from "./chromium.mts";
import { openTrace } from "./waterfallMotion.mts";

export const name = "waterfall-append";

const SIZES = [1_000, 10_000, 50_000, 100_000, 250_000] as const;
const ADDED = 100;
const WARM_UP = 10;
const TIMES = 40;

/**
 * Processor time of the page's main thread to take 100 more spans into an open, running trace and to show them: the message
 * and the frame behind it, whatever else falls into them.
 */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const count of SIZES) {
		const { page, close } = await openTrace(count, true);
		const append = (times: number) =>
			page.evaluate(([added, often]) => globalThis.waterfall.append(added, often), [ADDED, times] as const);
		await append(WARM_UP);
		const { thread } = await withThreadTime(page, () => append(TIMES));
		const goal = count <= 50_000 ? "<= 2 ms" : "";
		rows.push(
			valueRow(`${name}-${count}`, median(thread.cpuMs), "ms", goal),
			valueRow(`${name}-${count}-p95`, percentile(thread.cpuMs, 0.95), "ms", ""),
			valueRow(`${name}-${count}-task`, thread.longestMs, "ms", "<= 50 ms"),
		);
		await close();
	}
	return rows;
}
