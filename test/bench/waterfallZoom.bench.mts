import type { BenchRow } from "./bench.mts";
import { motionRows } from "./waterfallMotion.mts";

export const name = "waterfall-zoom";

/** A turn of the wheel in each frame: in until milliseconds fill the column, then out again. */
export function run(): Promise<BenchRow[]> {
	return motionRows(name, (page) => page.evaluate(() => globalThis.waterfall.zoom()));
}
