import type { BenchRow } from "./bench.mts";
import { motionRows } from "./waterfallMotion.mts";

export const name = "waterfall-scroll";

/** Half of the frames scroll by 117 pixels, the others leap over the whole trace. */
export function run(): Promise<BenchRow[]> {
	return motionRows(name, (page) => page.evaluate(() => globalThis.waterfall.scroll()));
}
