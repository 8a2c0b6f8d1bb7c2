import { findChromium } from "../workbench/browser.mts";
import { setUpWorkbench } from "../workbench/setup.mts";

/** Before the first test, so that an install counts against no test's time. */
export async function setup(): Promise<void> {
	await setUpWorkbench(console.log);
	await findChromium(console.log);
}
