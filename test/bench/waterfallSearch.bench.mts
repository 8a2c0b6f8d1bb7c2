import { type BenchRow, median, valueRow } from "./bench.mts";
import { type ThreadTime, TRACE_SIZES, withThreadTime } from "./chromium.mts";
import { openTrace } from "./waterfallMotion.mts";

export const name = "waterfall-search";

/** Each is new to the page: nothing of an earlier search helps. */
const TEXTS = ["step 12", "chat", "retr", "TIMEOUT", "tool step 3"];

/** Processor time of the page's main thread from a text that is typed to behind the frame with its hits: names, kinds, models, errors. */
export async function run(): Promise<BenchRow[]> {
	const rows: BenchRow[] = [];
	for (const count of TRACE_SIZES) {
		const { page, close } = await openTrace(count, false);
		// The compiler's run.
		await page.evaluate(() => globalThis.waterfall.search("http"));
		const threads: ThreadTime[] = [];
		for (const text of TEXTS) {
			const { result, thread } = await withThreadTime(page, () =>
				page.evaluate((wanted) => globalThis.waterfall.search(wanted), text),
			);
			if (result === 0) throw new Error(`"${text}" was not found`);
			threads.push(thread);
		}
		rows.push(
			valueRow(`${name}-${count}-names`, median(threads.map(({ cpuMs }) => cpuMs[0])), "ms", ""),
			valueRow(`${name}-${count}-task`, Math.max(...threads.map(({ longestMs }) => longestMs)), "ms", "<= 50 ms"),
		);
		await close();
	}
	return rows;
}
