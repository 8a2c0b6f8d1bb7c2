import type { Locator, Page } from "playwright-core";
import { until } from "../support/wait.ts";
import { WebviewFrame } from "./webviewFrame.ts";

/** What of the chart's model the tests read. */
interface ChartElement extends HTMLElement {
	readonly model:
		| {
				readonly header: { readonly traceId: string };
				readonly table: { readonly count: number; idOf(ordinal: number): string; readonly state: ArrayLike<number> };
				readonly rows: { readonly count: number; nodeAt(index: number): number };
		  }
		| undefined;
	readonly selectedNode: number | undefined;
	readonly scrollOffset: number;
}

export interface WaterfallSpan {
	readonly id: string;
	readonly state: "running" | "completed" | "failed";
}

const STATES = ["running", "completed", "failed"] as const;

/** The waterfall panel. */
export class Waterfall extends WebviewFrame {
	constructor(page: Page) {
		super(page, "traceway-waterfall");
	}

	async chart(): Promise<Locator> {
		return (await this.frame()).locator("traceway-chart");
	}

	/** The rows of the tree column that are in the DOM. */
	async rows(): Promise<Locator> {
		return (await this.chart()).locator(".rows > .row");
	}

	async row(name: string): Promise<Locator> {
		const frame = await this.frame();
		return (await this.rows()).filter({ has: frame.locator(".name", { hasText: name }) });
	}

	async title(): Promise<string> {
		return ((await (await this.root()).locator("h1").textContent()) ?? "").trim();
	}

	/** Every span that the page holds, in or out of view. */
	async spans(): Promise<WaterfallSpan[]> {
		const chart = await this.chart();
		const found = await chart.evaluate((element) => {
			const { model } = element as ChartElement;
			if (model === undefined) return [];
			const spans: [string, number][] = [];
			for (let ordinal = 0; ordinal < model.table.count; ordinal++) {
				spans.push([model.table.idOf(ordinal), model.table.state[ordinal] as number]);
			}
			return spans;
		});
		return found.map(([id, state]) => ({ id, state: STATES[state] ?? "running" }));
	}

	async spanCount(): Promise<number> {
		return await (await this.chart()).evaluate((element) => (element as ChartElement).model?.table.count ?? 0);
	}

	/** Rows that can be scrolled to: what no fold hides. */
	async visibleRowCount(): Promise<number> {
		return await (await this.chart()).evaluate((element) => (element as ChartElement).model?.rows.count ?? 0);
	}

	async traceId(): Promise<string | undefined> {
		return await (await this.chart()).evaluate((element) => (element as ChartElement).model?.header.traceId);
	}

	async selectedId(): Promise<string | undefined> {
		return await (await this.chart()).evaluate((element) => {
			const { model, selectedNode } = element as ChartElement;
			return model === undefined || selectedNode === undefined || selectedNode < 0
				? undefined
				: model.table.idOf(selectedNode);
		});
	}

	async waitForSelected(spanId: string): Promise<void> {
		await until(`span ${spanId} is selected in the waterfall`, async () => (await this.selectedId()) === spanId);
	}

	async waitForTrace(traceId: string): Promise<void> {
		await until(`the waterfall shows trace ${traceId}`, async () => (await this.traceId()) === traceId);
	}

	async waitForSpanCount(count: number, timeoutMs = 20_000): Promise<void> {
		let last = -1;
		const isThere = async () => {
			last = await this.spanCount();
			return last === count;
		};
		await until(`the waterfall has ${count} spans`, isThere, timeoutMs).catch((cause) => {
			throw new Error(`the waterfall has ${last} spans, not ${count}`, { cause });
		});
	}

	/** Name of the uppermost row in view. */
	async topName(): Promise<string> {
		return ((await (await this.rows()).first().locator(".name").textContent()) ?? "").trim();
	}

	/** Place of the rows in the trace, pixels from its beginning. */
	async scrollOffset(): Promise<number> {
		return await (await this.chart()).evaluate((element) => (element as ChartElement).scrollOffset);
	}

	/** Turns the mouse wheel over the rows. */
	async scrollBy(pixels: number): Promise<void> {
		const box = await (await this.chart()).locator(".scroller").boundingBox();
		if (box === null) throw new Error("the waterfall has no rows");
		await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
		await this.page.mouse.wheel(0, pixels);
	}

	/** Sends a key to the tree of spans. */
	async press(key: string): Promise<void> {
		const tree = (await this.chart()).locator(".tree");
		await tree.focus();
		await this.page.keyboard.press(key);
	}

	/** Most rows that the viewport can show, cut ones too. */
	async rowsInViewport(): Promise<number> {
		const scroller = (await this.chart()).locator(".scroller");
		return await scroller.evaluate((element) => {
			const row = element.querySelector(".row");
			return Math.ceil(element.clientHeight / (row?.getBoundingClientRect().height ?? 22)) + 1;
		});
	}
}
