import { build } from "esbuild";
import type { Page } from "playwright-core";
import { type Harness, type OpenedPage, type PageName, startHarness } from "../webview/harness.ts";

/** As the figures: the size of a common editor group. */
const VIEWPORT = { width: 1280, height: 800 };
/** Sizes that everything about traces is measured at. */
export const TRACE_SIZES = [1_000, 10_000, 100_000, 250_000] as const;
/** A frame of 60 a second must not wait behind anything longer. */
export const LONG_TASK_MS = 50;

let harness: Promise<Harness> | undefined;

/** One browser for all benchmarks of a run; it ends with this process. */
function sharedHarness(): Promise<Harness> {
	harness ??= startHarness(["waterfall", "spanDetail"]);
	return harness;
}

/** A page of the extension, fresh, with a script of `test/bench/pages` beside it. */
export async function openPage<ToHost, FromHost>(
	name: PageName,
	script: string,
): Promise<OpenedPage<ToHost, FromHost>> {
	const opened = await (await sharedHarness()).open<ToHost, FromHost>(name, VIEWPORT);
	await opened.waitForPost("page/ready");
	// By the debugger: the page's own policy lets no script in.
	await opened.page.evaluate(await bundled(script));
	return opened;
}

/** An empty page with a script of `test/bench/pages`, for what stands beside ours. Close its context. */
export async function openPeer(script: string): Promise<Page> {
	const context = await (await sharedHarness()).browser.newContext({ viewport: VIEWPORT });
	const page = await context.newPage();
	await page.setContent('<!DOCTYPE html><html lang="en"><body></body></html>');
	await page.evaluate(await bundled(script));
	return page;
}

const bundles = new Map<string, Promise<string>>();

function bundled(script: string): Promise<string> {
	let text = bundles.get(script);
	if (text === undefined) {
		text = bundle(script);
		bundles.set(script, text);
	}
	return text;
}

async function bundle(script: string): Promise<string> {
	const { outputFiles } = await build({
		entryPoints: [new URL(`pages/${script}`, import.meta.url).pathname],
		write: false,
		bundle: true,
		minify: true,
		format: "iife",
		target: "chrome130",
		logLevel: "error",
	});
	return outputFiles[0].text;
}

/** What the page's main thread did between its marks `bench:begin` and `bench:end`, all such pairs together. */
export interface ThreadTime {
	/** Processor time of each pair, in milliseconds: what other programs took of the machine is not in it. */
	readonly cpuMs: readonly number[];
	/** The longest task that touched one of them: by processor time, and by the clock. */
	readonly longestMs: number;
	readonly longestWallMs: number;
	/** Tasks of more than 50 ms of processor time. */
	readonly longTasks: number;
}

interface TraceEvent {
	readonly name: string;
	readonly ph: string;
	readonly pid: number;
	readonly tid: number;
	/** Microseconds: start and length by the clock, then by the thread's processor time. */
	readonly ts: number;
	readonly dur?: number;
	readonly tts?: number;
	readonly tdur?: number;
}

/** Runs work that sets marks in the page, and reads from Chromium's own trace what the main thread did meanwhile. */
export async function withThreadTime<T>(
	page: Page,
	work: () => Promise<T>,
): Promise<{ readonly result: T; readonly thread: ThreadTime }> {
	const browser = page.context().browser();
	if (browser === null) throw new Error("the page has no browser");
	await browser.startTracing(page, {
		categories: ["disabled-by-default-devtools.timeline", "blink.user_timing"],
	});
	let result: T;
	let text: string;
	try {
		result = await work();
	} finally {
		text = (await browser.stopTracing()).toString();
	}
	const { traceEvents } = JSON.parse(text) as { readonly traceEvents: readonly TraceEvent[] };
	return { result, thread: threadTime(traceEvents) };
}

function threadTime(events: readonly TraceEvent[]): ThreadTime {
	const begins = events.filter(({ name }) => name === "bench:begin").sort((a, b) => a.ts - b.ts);
	const ends = events.filter(({ name }) => name === "bench:end").sort((a, b) => a.ts - b.ts);
	if (begins.length === 0 || begins.length !== ends.length) {
		throw new Error(`the trace has ${begins.length} beginnings and ${ends.length} ends`);
	}
	const { pid, tid } = begins[0];
	const tasks = events.filter(
		(event) =>
			event.name === "RunTask" &&
			event.ph === "X" &&
			event.pid === pid &&
			event.tid === tid &&
			begins.some((begin, index) => event.ts + (event.dur ?? 0) > begin.ts && event.ts < ends[index].ts),
	);
	const ofThread = tasks.map(({ tdur }) => (tdur ?? Number.NaN) / 1000);
	return {
		cpuMs: begins.map(({ tts }, index) => ((ends[index].tts ?? Number.NaN) - (tts ?? Number.NaN)) / 1000),
		longestMs: Math.max(0, ...ofThread),
		longestWallMs: Math.max(0, ...tasks.map(({ dur }) => (dur ?? Number.NaN) / 1000)),
		longTasks: ofThread.filter((ms) => ms > LONG_TASK_MS).length,
	};
}
