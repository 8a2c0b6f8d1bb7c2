import { type BenchRow, ratioRow, valueRow } from "./bench.mts";
import { Inspector } from "./inspector.mts";
import { delay, type LiveWindow, openLiveWindow } from "./liveWindow.mts";
import { processTimeMs } from "./processTime.mts";
import { sendSpans } from "./spanLoad.mts";

export const name = "host-stall";

const EVENTS_PER_SECOND = 1000;
const DURATION_MS = 10_000;
/** A window that has just been opened still works on itself. */
const SETTLE_MS = 5000;

/** Delays of the extension host's event loop, milliseconds, and what it took of one processor. */
interface Load {
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly maxMs: number;
	readonly cpuShare: number;
}

/**
 * How long the extension host's event loop is held up while 1,000 events a second arrive for 10 s, with the tree in view and
 * the waterfall of a trace open that a fifth of the spans goes to. The baseline is the same window and histogram at rest.
 * The host is shared with VS Code's own extensions, and the histogram counts whole intervals of a timer of 1 ms: a loop that
 * nothing holds up shows 1 ms and a little.
 */
export async function run(): Promise<BenchRow[]> {
	const live = await openLiveWindow();
	try {
		const pid = (await live.workbench.extensionHostPids()).at(-1);
		if (pid === undefined) throw new Error("no extension host runs");
		const watched = await openWatchedTrace(live);
		const inspector = await Inspector.attach(pid);
		await delay(SETTLE_MS);
		const idle = await observe(inspector, pid, () => delay(DURATION_MS));
		const sending = { url: live.server.url, eventsPerSecond: EVENTS_PER_SECOND, durationMs: DURATION_MS, watched };
		const sent: { rate: number }[] = [];
		const busy = await observe(inspector, pid, async () => {
			const { events, durationMs, watchedSpans } = await sendSpans(sending);
			sent.push({ rate: (events / durationMs) * 1000 });
			// The figure counts only when all of it has arrived.
			await live.window.waterfall.waitForSpanCount(watchedSpans + 1);
		});
		inspector.close();
		return [
			ratioRow(`${name}-p99`, busy.p99Ms, idle.p99Ms, "ms", "<= 10 ms"),
			ratioRow(`${name}-p50`, busy.p50Ms, idle.p50Ms, "ms", ""),
			ratioRow(`${name}-max`, busy.maxMs, idle.maxMs, "ms", ""),
			ratioRow(`${name}-cpu`, busy.cpuShare, idle.cpuShare, "% of a core", ""),
			valueRow(`${name}-events`, sent[0].rate, "events/s", ""),
		];
	} finally {
		await live.dispose();
	}
}

async function openWatchedTrace({ server, window }: LiveWindow): Promise<{ traceId: string; rootId: string }> {
	const traceId = await server.api.trace("watched");
	const rootId = await server.api.span(traceId, "root");
	await window.traces.click("watched");
	await window.waterfall.waitForSpanCount(1);
	return { traceId, rootId };
}

async function observe(inspector: Inspector, pid: number, work: () => Promise<unknown>): Promise<Load> {
	await inspector.evaluate(`{
		const { monitorEventLoopDelay } = process.getBuiltinModule("node:perf_hooks");
		globalThis.loopDelays = monitorEventLoopDelay({ resolution: 1 });
		globalThis.loopDelays.enable();
	}`);
	const startedAt = performance.now();
	const cpuBefore = processTimeMs(pid);
	await work();
	const cpuShare = ((processTimeMs(pid) - cpuBefore) / (performance.now() - startedAt)) * 100;
	const delaysNs = (await inspector.evaluate(`{
		const delays = globalThis.loopDelays;
		delays.disable();
		delete globalThis.loopDelays;
		[delays.percentile(50), delays.percentile(99), delays.max]
	}`)) as number[];
	const [p50Ms, p99Ms, maxMs] = delaysNs.map((ns) => ns / 1e6);
	return { p50Ms, p99Ms, maxMs, cpuShare };
}
