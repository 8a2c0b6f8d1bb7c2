import type { Browser, Page } from "playwright-core";

/** A turn of the main thread of a window and its webviews. */
export interface ThreadTask {
	/** When it began, milliseconds from any moment. */
	readonly startMs: number;
	/** On the clock; on a machine that has other work, longer than the task itself. */
	readonly durationMs: number;
	/** Of the processor. */
	readonly cpuMs: number;
	/** What it did, longest first: `FunctionCall waterfall.js 61 ms`. */
	readonly parts: readonly string[];
	/** Of the processor, in code of the extension's pages. */
	readonly scriptMs: number;
	/** Code of the extension's pages ran in it. */
	readonly isOurs: boolean;
}

interface TraceEvent {
	readonly name: string;
	readonly ph: string;
	readonly pid: number;
	readonly tid: number;
	/** Microseconds; so the next two. */
	readonly ts: number;
	readonly dur?: number;
	readonly tdur?: number;
	readonly args?: {
		/** Of the event that names a thread. */
		readonly name?: string;
		readonly data?: { readonly url?: string; readonly functionName?: string; readonly type?: string };
	};
}

const CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline"];
/** Parts that took less are not told. */
const PART_MS = 5;

/** Runs `work` and returns the tasks of the page's main thread that took `minMs` or more on the clock meanwhile. */
export async function traceTasks(page: Page, minMs: number, work: () => Promise<unknown>): Promise<ThreadTask[]> {
	const browser = page.context().browser() as Browser;
	await browser.startTracing(page, { categories: CATEGORIES });
	let trace: Buffer;
	try {
		await work();
	} finally {
		trace = await browser.stopTracing();
	}
	const { traceEvents } = JSON.parse(trace.toString("utf8")) as { readonly traceEvents: readonly TraceEvent[] };
	const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
	const mainThreads = new Set(
		traceEvents
			.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
			.map((event) => threadOf(event)),
	);
	const spans = traceEvents
		.filter((event) => event.ph === "X" && event.dur !== undefined && mainThreads.has(threadOf(event)))
		.sort((a, b) => a.ts - b.ts);
	return spans.flatMap((task, index) =>
		task.name === "RunTask" && (task.dur ?? 0) >= minMs * 1000 ? [describeTask(task, spans, index)] : [],
	);
}

/** @param spans Of all threads, by their start; the task's place among them is `at`. */
function describeTask(task: TraceEvent, spans: readonly TraceEvent[], at: number): ThreadTask {
	const end = task.ts + (task.dur ?? 0);
	const inside: TraceEvent[] = [];
	for (let index = at + 1; index < spans.length && spans[index].ts < end; index++) {
		const span = spans[index];
		if (span.pid === task.pid && span.tid === task.tid && span.name !== "RunTask") inside.push(span);
	}
	return {
		startMs: task.ts / 1000,
		durationMs: (task.dur ?? 0) / 1000,
		cpuMs: (task.tdur ?? 0) / 1000,
		parts: inside
			.filter(({ dur = 0 }) => dur >= PART_MS * 1000)
			.sort((a, b) => (b.dur ?? 0) - (a.dur ?? 0))
			.slice(0, 8)
			.map((part) => `${part.name} ${wordsOf(part)} ${Math.round((part.dur ?? 0) / 1000)} ms`),
		scriptMs: scriptMsOf(inside),
		isOurs: inside.some(isOurs),
	};
}

function isOurs({ args }: TraceEvent): boolean {
	return args?.data?.url?.includes("/dist/webview/") === true;
}

/** Calls within calls count once. */
function scriptMsOf(spans: readonly TraceEvent[]): number {
	let ms = 0;
	let end = Number.NEGATIVE_INFINITY;
	for (const span of spans) {
		if (!isOurs(span) || span.ts < end) continue;
		end = span.ts + (span.dur ?? 0);
		ms += (span.tdur ?? 0) / 1000;
	}
	return ms;
}

function wordsOf({ args }: TraceEvent): string {
	const { url = "", functionName = "", type = "" } = args?.data ?? {};
	return [type, functionName, url.split("/").at(-1)?.split("?")[0]].filter((word) => word !== "").join(" ");
}
