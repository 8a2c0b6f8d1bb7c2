import type { Frame, JSHandle } from "playwright-core";
import { ulid } from "ulid";
import { type BenchRow, percentile, valueRow } from "./bench.mts";
import { delay, type LiveWindow, openLiveWindow } from "./liveWindow.mts";

export const name = "post-to-pixel";

const WARM_UP = 5;
const SAMPLES = 40;
/** New rows per trace of the waterfall and per filling of the tree: all of them are in view. */
const ROWS_IN_VIEW = 15;
const GOAL_MS = "<= 100 ms";

interface Watched {
	/** Elements on the way from the document to the container; each but the last is a shadow host. */
	readonly path: readonly string[];
	/** The elements in it whose text is looked at. */
	readonly texts: string;
	readonly text: string;
}

const TREE = { path: ['.pane:has(> .pane-header[aria-label^="Traces"])'], texts: ".monaco-list-row .label-name" };
const WATERFALL = { path: ["traceway-waterfall", "traceway-chart", ".rows"], texts: ".row .name" };

/**
 * Milliseconds from the start of the request that posts a span, in this process, to the row with its name painted in a real
 * VS Code; server, extension and window on an idle machine.
 *
 * Both ends read `Date.now()`, which is one clock of one machine for Node and Chromium; that it is, is checked at the start.
 * Painted means: a second animation frame has begun since the row's text was in the page, so the frame with it is out.
 */
export async function run(): Promise<BenchRow[]> {
	const live = await openLiveWindow();
	try {
		await checkClock(live.window.page.mainFrame());
		const tree = await sampleTree(live, false);
		const treeBesideRunning = await sampleTree(live, true);
		const waterfall = await sampleWaterfall(live);
		return [
			...rowsOf("tree", tree, GOAL_MS),
			// One arrival in eight meets a tick.
			...rowsOf("tree-beside-running", treeBesideRunning, ""),
			...rowsOf("waterfall", waterfall, GOAL_MS),
		];
	} finally {
		await live.dispose();
	}
}

function rowsOf(place: string, samples: readonly number[], goalOfP95: string): BenchRow[] {
	return [
		valueRow(`${name}-${place}-p50`, percentile(samples, 0.5), "ms", GOAL_MS),
		valueRow(`${name}-${place}-p95`, percentile(samples, 0.95), "ms", goalOfP95),
	];
}

/**
 * Each sample is the first span of a trace that nobody has heard of.
 *
 * @param isBesideRunning The spans of earlier samples still run, so that their durations tick in the tree; VS Code holds up
 * what comes within 200 ms after a refresh of a tree.
 */
async function sampleTree({ window, server }: LiveWindow, isBesideRunning: boolean): Promise<number[]> {
	const frame = window.page.mainFrame();
	const samples: number[] = [];
	for (let index = -WARM_UP; index < SAMPLES; index++) {
		if ((index + WARM_UP) % ROWS_IN_VIEW === 0) await server.api.clear();
		await rest(index);
		const text = `tree row ${index}`;
		let spanId = "";
		const took = await timeToPaint(frame, { ...TREE, text }, async () => {
			spanId = await server.api.span(ulid(), text);
		});
		if (!isBesideRunning) await server.api.complete(spanId);
		if (index >= 0) samples.push(took);
	}
	return samples;
}

async function sampleWaterfall({ window, server }: LiveWindow): Promise<number[]> {
	const samples: number[] = [];
	let traceId = "";
	let rootId = "";
	for (let index = -WARM_UP; index < SAMPLES; index++) {
		if ((index + WARM_UP) % ROWS_IN_VIEW === 0) {
			traceId = await server.api.trace(`waterfall from ${index}`);
			rootId = await server.api.span(traceId, "root");
			await window.traces.click(`waterfall from ${index}`);
			await window.waterfall.waitForSpanCount(1);
		}
		const frame = await window.waterfall.frame();
		await rest(index);
		const text = `waterfall row ${index}`;
		const took = await timeToPaint(frame, { ...WATERFALL, text }, () =>
			server.api.span(traceId, text, { parent_id: rootId }),
		);
		if (index >= 0) samples.push(took);
	}
	return samples;
}

/** Between two samples everything comes to rest, for times that fall in step with no timer of the product. */
async function rest(index: number): Promise<void> {
	await delay(600 + 400 * (((index + WARM_UP) * 0.618) % 1));
}

async function timeToPaint(frame: Frame, watched: Watched, post: () => Promise<unknown>): Promise<number> {
	const watch = await watchFor(frame, watched);
	const startedAtMs = Date.now();
	await post();
	const paintedAtMs = await watch.evaluate(({ painted }) => painted);
	await watch.dispose();
	return paintedAtMs - startedAtMs;
}

/** Begins to watch inside the page, so that nothing between the page and this process is in the figure. */
async function watchFor(frame: Frame, watched: Watched): Promise<JSHandle<{ readonly painted: Promise<number> }>> {
	return await frame.evaluateHandle(({ path, texts, text }) => {
		let container: Element | null = null;
		for (const selector of path) {
			const within: Element | Document | ShadowRoot =
				container === null ? document : (container.shadowRoot ?? container);
			container = within.querySelector(selector);
			if (container === null) throw new Error(`the page has no ${selector}`);
		}
		const place = container as Element;
		const isThere = () => [...place.querySelectorAll(texts)].some((element) => element.textContent === text);
		if (isThere()) throw new Error(`"${text}" is there already`);
		const painted = new Promise<number>((resolve, reject) => {
			const giveUp = setTimeout(() => {
				observer.disconnect();
				reject(new Error(`"${text}" was not painted within 20 s`));
			}, 20_000);
			const observer = new MutationObserver(() => {
				if (!isThere()) return;
				observer.disconnect();
				clearTimeout(giveUp);
				requestAnimationFrame(() => requestAnimationFrame(() => resolve(Date.now())));
			});
			observer.observe(place, { subtree: true, childList: true, characterData: true });
		});
		// Who awaits it comes later.
		painted.catch(() => undefined);
		return { painted };
	}, watched);
}

/** Throws when the page's clock is not this process's one. */
async function checkClock(frame: Frame): Promise<void> {
	const before = Date.now();
	const there = await frame.evaluate(() => Date.now());
	const after = Date.now();
	if (there < before - 1 || there > after + 1) {
		throw new Error(`the page says ${there}, this process ${before} … ${after}: not one clock`);
	}
}
