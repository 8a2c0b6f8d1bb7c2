import type { TraceChart } from "../../../webview/waterfall/chart.ts";
import {
	type AgentSpans,
	type Arrival,
	agentSpans,
	buffersOf,
	columnsOf,
	type Delta,
	headerOf,
	type Snapshot,
	snapshotOf,
} from "./agentTrace.ts";
import { afterFrame, countNodes, FIRST_ROWS, frames, inFrames, mark, timeToPaint } from "./frames.ts";

/** Behind the first rows come minimap and critical path, in slices; the last of them stands by then. */
const SETTLE_FRAMES = 90;
/** As in the figures that the goals were taken from. */
const STEP_PX = 117;
const STEPS = 40;
const WHEEL_PX = 60;

/** Works the waterfall from inside its page, as a hand would. */
class WaterfallDriver {
	#spans: AgentSpans | undefined;
	#snapshot: Snapshot | undefined;
	#revision = 1;

	/** Makes a trace that `open` sends. */
	prepare(count: number, arrival: Arrival, isRunning: boolean): void {
		this.#spans = agentSpans(count, isRunning);
		this.#snapshot = snapshotOf(this.#spans, columnsOf(this.#spans, arrival), `trace-${count}-${performance.now()}`);
		this.#revision = 1;
	}

	/** Milliseconds from the message to the first rows. Then everything comes to rest: within the marks, or behind them. */
	async open(isWholeMarked = true): Promise<number> {
		const snapshot = this.#snapshot;
		if (snapshot === undefined) throw new Error("no trace was prepared");
		this.#snapshot = undefined;
		const rows = this.#part(".rows");
		const isThere = (): boolean =>
			rows.childElementCount >= Math.min(FIRST_ROWS, snapshot.header.spanCount) &&
			rows.querySelector(".name")?.textContent !== "";
		const took = await timeToPaint(snapshot, buffersOf(snapshot.columns), rows, isThere);
		if (!isWholeMarked) mark("end");
		await frames(SETTLE_FRAMES);
		if (isWholeMarked) mark("end");
		return took;
	}

	/** Down in steps of the wheel, then by leaps over all of it. */
	scroll(): Promise<number[]> {
		const scroller = this.#part(".scroller");
		return inFrames(2 * STEPS, (frame) => {
			if (frame < STEPS) scroller.scrollTop += STEP_PX;
			else scroller.scrollTop = ((frame - STEPS + 0.5) / STEPS) * scroller.scrollHeight;
		});
	}

	/** In at a place near the middle, and out again. */
	zoom(): Promise<number[]> {
		const scroller = this.#part(".scroller");
		const box = scroller.getBoundingClientRect();
		return inFrames(2 * STEPS, (frame) => {
			scroller.dispatchEvent(
				new WheelEvent("wheel", {
					deltaY: frame < STEPS ? -WHEEL_PX : WHEEL_PX,
					ctrlKey: true,
					clientX: box.left + box.width * 0.7,
					clientY: box.top + 100,
					bubbles: true,
					cancelable: true,
					composed: true,
				}),
			);
		});
	}

	/** Sends `added` more spans of the running trace, `times` times, each between marks with the frame that shows it. */
	async append(added: number, times: number): Promise<void> {
		for (let time = 0; time < times; time++) {
			const before = this.#spans;
			if (before === undefined) throw new Error("no trace was prepared");
			const spans = agentSpans(before.count + added, true);
			const columns = columnsOf(spans, "start", before.count);
			const delta: Delta = {
				type: "trace/delta",
				baseRevision: this.#revision,
				revision: ++this.#revision,
				header: headerOf(spans, columns, "open"),
				columns,
			};
			this.#spans = spans;
			await frames(2);
			await afterFrame();
			mark("begin");
			window.postMessage(delta, "*", buffersOf(columns));
			await new Promise((resolve) => window.addEventListener("message", resolve, { once: true }));
			await afterFrame();
			mark("end");
		}
	}

	/** Presses a key of the tree, `times` times, each between marks with the frame that shows what it did. */
	async press(keys: readonly string[], times: number): Promise<void> {
		const tree = this.#part(".tree");
		for (let time = 0; time < times * keys.length; time++) {
			await frames(2);
			await afterFrame();
			mark("begin");
			tree.dispatchEvent(
				new KeyboardEvent("keydown", {
					key: keys[time % keys.length],
					bubbles: true,
					cancelable: true,
					composed: true,
				}),
			);
			await afterFrame();
			mark("end");
		}
	}

	/** Types a text into the search, between marks with the frame that shows its hits in what the page has. Returns their number. */
	async search(text: string): Promise<number> {
		const root = document.querySelector("traceway-waterfall")?.shadowRoot;
		window.postMessage({ type: "view/run", command: "find" }, "*");
		await frames(5);
		const field = root?.querySelector<HTMLInputElement>(".find-text");
		const marks = this.#chart.model?.marks;
		if (!field || marks === undefined) throw new Error("the page has no search");
		field.value = text;
		await afterFrame();
		mark("begin");
		field.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
		while (marks.query?.text !== text || !marks.isSearched) await afterFrame();
		await afterFrame();
		mark("end");
		return marks.hitCount;
	}

	rowCount(): number {
		return this.#part(".rows").childElementCount;
	}

	nodeCount(): number {
		return countNodes();
	}

	#part(selector: string): HTMLElement {
		const part = this.#chart.shadowRoot?.querySelector<HTMLElement>(selector);
		if (!part) throw new Error(`the chart has no ${selector}`);
		return part;
	}

	get #chart(): TraceChart {
		const page = document.querySelector("traceway-waterfall");
		const chart = page?.shadowRoot?.querySelector<TraceChart>("traceway-chart");
		if (!chart) throw new Error("the page has no chart");
		return chart;
	}
}

declare global {
	var waterfall: WaterfallDriver;
}

globalThis.waterfall = new WaterfallDriver();
