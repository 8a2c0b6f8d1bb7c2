import { type BenchRow, valueRow } from "./bench.mts";
import { TRACE_SIZES } from "./chromium.mts";
import { type OpenWaterfall, openTrace } from "./waterfallMotion.mts";

export const name = "webview-memory";

/**
 * What an open waterfall holds on to beyond one with a single span: JavaScript's heap and the memory of typed arrays, behind a
 * collection of what is not used. Row by row of the trace, for 100,000 spans.
 */
export async function run(): Promise<BenchRow[]> {
	const empty = await openTrace(1, false);
	const least = await heldBytes(empty);
	await empty.close();
	const rows: BenchRow[] = [valueRow(`${name}-page`, least / 1e6, "MB", "")];
	for (const count of TRACE_SIZES) {
		const opened = await openTrace(count, false);
		const held = await heldBytes(opened);
		await opened.close();
		rows.push(
			valueRow(`${name}-${count}`, held / 1e6, "MB", ""),
			valueRow(`${name}-${count}-per-100000`, ((held - least) / count / 1e6) * 100_000, "MB", ""),
		);
	}
	return rows;
}

async function heldBytes({ page }: OpenWaterfall): Promise<number> {
	const session = await page.context().newCDPSession(page);
	await session.send("HeapProfiler.enable");
	await session.send("HeapProfiler.collectGarbage");
	const usage = await session.send("Runtime.getHeapUsage");
	await session.detach();
	return usage.usedSize + usage.backingStorageSize;
}
