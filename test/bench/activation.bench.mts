import type { Window } from "../e2e/pages/window.ts";
import { until } from "../e2e/support/wait.ts";
import { type BenchRow, median, valueRow } from "./bench.mts";
import { browseWorkbench } from "./liveWindow.mts";

export const name = "activation";

const WINDOWS = 5;

/**
 * What the real VS Code says that it took to load our code and to run `activate()`, in the median of five new windows, each
 * with an extension host of its own. It is activated by opening the view, as most users do it.
 */
export async function run(): Promise<BenchRow[]> {
	const browsed = await browseWorkbench();
	try {
		const times: number[] = [];
		for (let count = 0; count < WINDOWS; count++) {
			const window = await browsed.openWindow();
			await window.openView();
			times.push(await activationMs(window));
			await window.page.close();
		}
		return [valueRow(name, median(times), "ms", "<= 30 ms"), valueRow(`${name}-max`, Math.max(...times), "ms", "")];
	} finally {
		await browsed.dispose();
	}
}

/** From the list "Running Extensions", whose row has the sum of loading and activating. */
async function activationMs(window: Window): Promise<number> {
	await window.run("Developer: Show Running Extensions");
	const row = window.page.locator(".runtime-extensions-editor .monaco-list-row", { hasText: "Traceway Live" });
	return await until("the list of running extensions has our activation", async () => {
		const text = (await row.first().textContent({ timeout: 1000 })) ?? "";
		const match = /Activation:\s*(\d+)\s*ms/.exec(text);
		return match === null ? undefined : Number(match[1]);
	});
}
