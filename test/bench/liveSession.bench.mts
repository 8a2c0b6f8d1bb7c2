import type { Page } from "playwright-core";
import { sendOtlp } from "../e2e/support/otlp.ts";
import { until } from "../e2e/support/wait.ts";
import { type BenchRow, valueRow } from "./bench.mts";
import { BIG_RUN, type BigRun, sendBigRun } from "./bigRun.mts";
import { delay, type LiveWindow, openLiveWindow } from "./liveWindow.mts";
import { processTimeMs } from "./processTime.mts";
import { type ThreadTask, traceTasks } from "./taskTrace.mts";
import { installProbes, type Probe, readProbe } from "./webviewProbe.mts";

export const name = "live-session";

const SPANS = 100_000;
const SPANS_PER_SECOND = 200;
const SENDS_PER_SECOND = 10;
/** What opening a window and a trace sets off comes to rest. */
const SETTLE_MS = 6000;
/** Between two steps, as a quick hand makes them. */
const STEP_MS = 60;
const LONG_TASK_MS = 50;
/** Shorter ones are not looked at. */
const MIN_TASK_MS = 10;

interface ChartElement extends HTMLElement {
	readonly timeWindow: { readonly startNs: number; readonly endNs: number } | undefined;
}

/**
 * A session of somebody who looks for something in a trace of 100,000 spans while 200 spans a second arrive in it, in a real
 * VS Code: scrolls end to end, zooms into a millisecond, folds and unfolds all, walks by keys, searches and steps through hits. Tasks that hold up the
 * webview's thread, which the workbench shares here, and what the extension host takes of one core meanwhile.
 */
export async function run(): Promise<BenchRow[]> {
	const live = await openLiveWindow();
	try {
		await installProbes(live.window.page);
		const bigRun = await sendBigRun(live.server.url, "b".repeat(32), SPANS);
		await until("the trace is listed", async () => (await live.window.traces.row(BIG_RUN).count()) > 0);
		await live.window.traces.click(BIG_RUN);
		await live.window.waterfall.waitForSpanCount(SPANS, 60_000);
		const pid = (await live.workbench.extensionHostPids()).at(-1);
		if (pid === undefined) throw new Error("no extension host runs");
		await delay(SETTLE_MS);
		const fromMs = Date.now();
		const cpuBeforeMs = processTimeMs(pid);
		let durationMs = Number.NaN;
		let cpuMs = Number.NaN;
		let sent = 0;
		// Reading the trace afterwards is no part of it.
		const tasks = await traceTasks(live.window.page, MIN_TASK_MS, async () => {
			const stream = startStream(live.server.url, bigRun);
			await session(live);
			sent = await stream.stop();
			durationMs = Date.now() - fromMs;
			cpuMs = processTimeMs(pid) - cpuBeforeMs;
		});
		await live.window.waterfall.waitForSpanCount(SPANS + sent);
		const probe = await readProbe(await live.window.waterfall.frame());
		return [
			...taskRows(tasks),
			valueRow(`${name}-host-cpu`, (cpuMs / durationMs) * 100, "% of a core", "<= 30 % of a core"),
			...messageRows(probe, fromMs, durationMs),
			valueRow(`${name}-spans`, sent / (durationMs / 1000), "spans/s", ""),
		];
	} finally {
		await live.dispose();
	}
}

/**
 * By the processor's time: what else the machine does holds tasks up on the clock, which is told beside it. The workbench
 * shares the thread here, with tasks of its own. Long tasks are printed with their parts, so that a miss tells its reason.
 */
function taskRows(tasks: readonly ThreadTask[]): BenchRow[] {
	const isLong = ({ cpuMs }: ThreadTask) => cpuMs > LONG_TASK_MS;
	for (const { cpuMs, durationMs, parts, isOurs } of tasks.filter(isLong)) {
		const whose = isOurs ? "webview" : "workbench";
		console.log(`  ${whose}: ${cpuMs.toFixed(0)} ms (${durationMs.toFixed(0)} on the clock): ${parts.join(", ")}`);
	}
	const ours = tasks.filter(({ isOurs }) => isOurs);
	const onClock = ours.filter(({ durationMs }) => durationMs > LONG_TASK_MS).length;
	return [
		valueRow(`${name}-long-tasks`, ours.filter(isLong).length, "tasks", "<= 0 tasks"),
		valueRow(`${name}-longest-task`, Math.max(0, ...ours.map(({ cpuMs }) => cpuMs)), "ms", "<= 50 ms"),
		valueRow(`${name}-long-tasks-clock`, onClock, "tasks", ""),
		valueRow(`${name}-long-tasks-workbench`, tasks.filter(isLong).length - ours.filter(isLong).length, "tasks", ""),
	];
}

/** While live: how many a second, and the biggest one. In the busiest second many may come at once that had to wait. */
function messageRows(probe: Probe, fromMs: number, durationMs: number): BenchRow[] {
	const messages = probe.messages.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + durationMs);
	const perSecond = new Map<number, number>();
	for (const { atMs } of messages) {
		const second = Math.floor((atMs - fromMs) / 1000);
		perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
	}
	const snapshots = messages.filter(({ type }) => type === "trace/snapshot").length;
	return [
		valueRow(`${name}-messages`, messages.length / (durationMs / 1000), "messages/s", "<= 20 messages/s"),
		valueRow(`${name}-messages-busiest`, Math.max(0, ...perSecond.values()), "messages/s", ""),
		valueRow(`${name}-message-bytes`, Math.max(0, ...messages.map(({ bytes }) => bytes)), "bytes", "<= 256000 bytes"),
		valueRow(`${name}-snapshots`, snapshots, "messages", ""),
	];
}

/** Sends spans into the trace at an even rate until it is stopped; then tells how many. */
function startStream(url: string, bigRun: BigRun): { stop(): Promise<number> } {
	let isStopped = false;
	let sent = 0;
	const running = (async () => {
		const startedAt = performance.now();
		while (!isStopped) {
			const due = Math.floor(((performance.now() - startedAt) / 1000) * SPANS_PER_SECOND);
			if (due > sent) {
				const spans = bigRun.later(due - sent);
				sent = due;
				await sendOtlp(url, spans);
			}
			await delay(1000 / SENDS_PER_SECOND);
		}
		return sent;
	})();
	return {
		async stop() {
			isStopped = true;
			return await running;
		},
	};
}

async function session({ window }: LiveWindow): Promise<void> {
	const { page, waterfall } = window;
	const chart = await waterfall.chart();
	const box = await chart.locator(".scroller").boundingBox();
	if (box === null) throw new Error("the waterfall has no rows");
	const overBars = { x: box.x + box.width * 0.75, y: box.y + box.height / 2 };
	await page.mouse.move(overBars.x, overBars.y);
	// End to end, in long strides and in short ones.
	for (let step = 0; step < 40; step++) await wheel(page, 60_000);
	for (let step = 0; step < 40; step++) await wheel(page, -300);
	for (let step = 0; step < 40; step++) await wheel(page, -60_000);
	await waterfall.press("End");
	await delay(STEP_MS);
	await waterfall.press("Home");
	await delay(STEP_MS);
	// Into one millisecond, and back.
	await page.mouse.move(overBars.x, overBars.y);
	await page.keyboard.down("Control");
	await until("a millisecond is shown", async () => {
		await wheel(page, -400);
		return await chart.evaluate((element) => {
			const { timeWindow } = element as ChartElement;
			return timeWindow !== undefined && timeWindow.endNs - timeWindow.startNs <= 1_000_000;
		});
	});
	await page.keyboard.up("Control");
	for (let step = 0; step < 20; step++) await wheel(page, 400);
	await waterfall.press("0");
	await delay(STEP_MS);
	for (let round = 0; round < 3; round++) {
		await waterfall.press("[");
		await delay(STEP_MS);
		await waterfall.press("*");
		await delay(STEP_MS);
	}
	for (let step = 0; step < 60; step++) {
		await waterfall.press(step % 3 === 0 ? "PageDown" : "ArrowDown");
		await delay(STEP_MS / 2);
	}
	// Search in names and payloads, and through the hits.
	await waterfall.press("Control+f");
	const find = (await waterfall.frame()).getByRole("search");
	await find.waitFor();
	await page.keyboard.type("tool_3", { delay: STEP_MS });
	await find.getByText(/ of [\d,]+$/).waitFor();
	for (let step = 0; step < 20; step++) {
		await page.keyboard.press("Enter");
		await delay(STEP_MS);
	}
	await page.keyboard.press("Escape");
	// To failed spans, each far from the one before.
	for (let step = 0; step < 20; step++) {
		await waterfall.press("e");
		await delay(STEP_MS);
	}
}

async function wheel(page: Page, pixels: number): Promise<void> {
	await page.mouse.wheel(0, pixels);
	await delay(STEP_MS);
}
