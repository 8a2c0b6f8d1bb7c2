import { until } from "../e2e/support/wait.ts";
import { type BenchRow, median, ratioRow, valueRow } from "./bench.mts";
import { BIG_RUN, sendBigRun } from "./bigRun.mts";
import { delay, type LiveWindow, openLiveWindow } from "./liveWindow.mts";
import { installProbes, readProbe } from "./webviewProbe.mts";

export const name = "panel-restore";

const ROUNDS = 7;
/** One span: what VS Code takes to show any panel again. */
const SIZES = [1, 10_000, 100_000] as const;

interface Restore {
	/** From the press on the tab to the first rows on the screen. */
	readonly shownMs: number;
	/** Of it until the page's frame exists, until its script runs, until the snapshot arrives, until rows are painted. */
	readonly frameMs: number;
	readonly scriptMs: number;
	readonly snapshotMs: number;
	readonly paintMs: number;
}

/**
 * Milliseconds from the press on the tab of a hidden waterfall to its first rows on the screen, in a real VS Code; VS Code
 * throws a hidden page away, so all of it is made anew. The baseline is a trace of one span in the same window: what it takes
 * to show any panel again. `-added` is what the trace takes beyond that.
 */
export async function run(): Promise<BenchRow[]> {
	const live = await openLiveWindow();
	try {
		await installProbes(live.window.page);
		await watchPresses(live);
		const rows: BenchRow[] = [];
		let baseline = Number.NaN;
		for (const [index, size] of SIZES.entries()) {
			const traceId = (index + 1).toString(16).padStart(32, "b");
			if (size === 1) await live.server.api.complete(await live.server.api.span(traceId, BIG_RUN));
			else await sendBigRun(live.server.url, traceId, size);
			await until("the trace is listed", async () => (await live.window.traces.row(BIG_RUN).count()) > 0);
			await live.window.traces.click(BIG_RUN);
			await live.window.waterfall.waitForSpanCount(size, 60_000);
			const samples = await sample(live, size);
			const part = (of: keyof Restore) => median(samples.map((restore) => restore[of]));
			if (size === 1) baseline = part("shownMs");
			rows.push(
				...(size === 1
					? [valueRow(`${name}-${size}`, baseline, "ms", "")]
					: [
							ratioRow(`${name}-${size}`, part("shownMs"), baseline, "ms", ""),
							valueRow(`${name}-${size}-added`, part("shownMs") - baseline, "ms", "<= 200 ms"),
						]),
				valueRow(`${name}-${size}-frame`, part("frameMs"), "ms", ""),
				valueRow(`${name}-${size}-script`, part("scriptMs"), "ms", ""),
				valueRow(`${name}-${size}-snapshot`, part("snapshotMs"), "ms", ""),
				valueRow(`${name}-${size}-paint`, part("paintMs"), "ms", ""),
			);
			await live.window.closeEditors();
			await live.server.api.clear();
		}
		return rows;
	} finally {
		await live.dispose();
	}
}

/** Hides the panel behind another editor and shows it again. */
async function sample({ window }: LiveWindow, size: number): Promise<Restore[]> {
	const tab = window.page.locator(".editor-group-container .tab", { hasText: BIG_RUN });
	await window.run("File: New Untitled Text File");
	const samples: Restore[] = [];
	for (let round = 0; round <= ROUNDS; round++) {
		await until("the panel is hidden", async () => (await window.waterfall.find()) === undefined);
		// What the hiding itself set off comes to rest.
		await delay(500);
		await tab.click();
		await window.waterfall.waitForSpanCount(size);
		const frame = await window.waterfall.frame();
		const probe = await until("the rows are painted", async () => {
			const seen = await readProbe(frame);
			return Number.isNaN(seen.paintedAtMs) ? undefined : seen;
		});
		const pressedAtMs = await window.page.evaluate(() => globalThis.tracewayPressedAtMs);
		const snapshotAtMs = probe.messages.find(({ type }) => type === "trace/snapshot")?.atMs ?? Number.NaN;
		const restore = {
			shownMs: probe.paintedAtMs - pressedAtMs,
			frameMs: probe.bornAtMs - pressedAtMs,
			scriptMs: probe.scriptAtMs - probe.bornAtMs,
			snapshotMs: snapshotAtMs - probe.scriptAtMs,
			paintMs: probe.paintedAtMs - snapshotAtMs,
		};
		// The first time some of it is made that stays.
		if (round > 0) samples.push(restore);
		await window.page.locator(".editor-group-container .tab", { hasText: "Untitled" }).click();
	}
	return samples;
}

declare global {
	var tracewayPressedAtMs: number;
}

async function watchPresses({ window }: LiveWindow): Promise<void> {
	await window.page.evaluate(() => {
		const press = (): void => {
			globalThis.tracewayPressedAtMs = Date.now();
		};
		document.addEventListener("pointerdown", press, { capture: true });
	});
}
