import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import uPlot from "uplot";
import { displayText } from "../../src/base/displayText.ts";
import { FrameScheduler } from "../shared/frame.ts";
import { icon, iconStyles } from "../shared/icons.ts";
import { baseStyles } from "../shared/styles.ts";
import { Theme } from "../shared/theme.ts";
import { fill } from "../shared/words.ts";
import { type ChartView, chartCsv, filledBuckets, formatQuantity, stacked, sumOf } from "./chartData.ts";
import { chartStyles } from "./chartStyles.ts";
import { type CsvCell, csvText } from "./csv.ts";
import { readPalette } from "./palette.ts";
import { axisTime, bucketTime } from "./times.ts";
import { words } from "./words.ts";

const HEIGHT_PX = 170;
const MAX_NAME = 100;

/**
 * One chart with its legend, or the same numbers as a table. The canvas is uPlot's; new numbers are drawn into it, and it is
 * made anew only for other colours or another number of series.
 */
export class OverviewChart extends LitElement {
	static override styles = [baseStyles, iconStyles, chartStyles];
	static override properties = {
		view: { attribute: false },
		isTable: { attribute: false },
	};
	declare view: ChartView | undefined;
	declare isTable: boolean;

	#theme: Theme | undefined;
	#plot: uPlot | undefined;
	/** What the plot was made for: series and their colours. */
	#plotShape = "";
	/** Bucket under the pointer. */
	#hovered: number | undefined;
	readonly #frame = new FrameScheduler(() => this.#draw());
	readonly #resize = new ResizeObserver(() => this.#frame.request());

	constructor() {
		super();
		this.isTable = false;
	}

	override connectedCallback(): void {
		super.connectedCallback();
		this.#theme = new Theme();
		this.#theme.onDidChange(() => {
			this.#plotShape = "";
			this.#frame.request();
		});
		this.#resize.observe(this);
	}

	override disconnectedCallback(): void {
		super.disconnectedCallback();
		this.#resize.disconnect();
		this.#frame.dispose();
		this.#theme?.dispose();
		this.#destroyPlot();
	}

	override render(): TemplateResult {
		const { view } = this;
		if (view === undefined) return html``;
		const toggle = this.isTable ? words.showChart : words.showTable;
		const isEmpty = view.series.length === 0;
		return html`
			<div class="head">
				<h2>${view.title}</h2>
				<button
					class="tool"
					title=${toggle}
					aria-label="${view.title}: ${toggle}"
					@click=${this.#handleToggle}
				>${icon(this.isTable ? "graph" : "table")}</button>
				<button
					class="tool"
					title=${words.saveCsv}
					aria-label="${view.title}: ${words.saveCsv}"
					?disabled=${isEmpty}
					@click=${this.#handleSave}
				>${icon("save")}</button>
			</div>
			${isEmpty ? html`<p class="empty">${words.chartEmpty}</p>` : nothing}
			<div
				class="plot"
				role="img"
				aria-label=${this.#summary(view)}
				?hidden=${isEmpty || this.isTable}
			></div>
			${isEmpty ? nothing : this.isTable ? table(view) : this.#legend(view)}
		`;
	}

	protected override updated(_changed: PropertyValues): void {
		this.#frame.request();
	}

	#summary(view: ChartView): string {
		const total = view.series
			.map(
				({ label, total: value, isEstimated }) =>
					`${displayText(label, MAX_NAME)} ${formatQuantity(view.quantity, value, isEstimated)}`,
			)
			.join(", ");
		return fill(words.chartSummary, view.title, total);
	}

	/** Each series with its sum, or with its value where the pointer is. */
	#legend(view: ChartView): TemplateResult {
		const bucket = this.#hovered;
		const { window, quantity, series } = view;
		const when =
			bucket === undefined ? words.total : bucketTime(window.startMs + bucket * window.bucketMs, window.bucketMs);
		const total = bucket === undefined ? view.total : sumOf(series.map(({ values }) => values[bucket]));
		return html`
			<ul class="legend">
				${
					view.isStacked || bucket !== undefined
						? html`<li class="when">
								<span class="name">${when}</span>
								${view.isStacked ? html`<b>${formatQuantity(quantity, total, view.isEstimated)}</b>` : nothing}
							</li>`
						: nothing
				}
				${series.map(
					({ label, color, values, total: sum, isEstimated }) => html`<li>
						<span class="swatch color-${color}"></span>
						<span class="name" title=${displayText(label, 500)}><bdi>${displayText(label, MAX_NAME)}</bdi></span>
						<b>${formatQuantity(quantity, bucket === undefined ? sum : values[bucket], isEstimated)}</b>
					</li>`,
				)}
			</ul>
		`;
	}

	readonly #handleToggle = (): void => {
		const detail = { id: this.view?.id ?? "", isTable: !this.isTable };
		this.dispatchEvent(new CustomEvent("chart-toggle", { detail, bubbles: true, composed: true }));
	};

	readonly #handleSave = (): void => {
		if (this.view !== undefined) saveTable(this, this.view.title, chartCsv(this.view));
	};

	// ── Canvas ─────────────────────────────────────────────────────────────────────────────────────────────────────────

	#draw(): void {
		const { view } = this;
		const place = this.renderRoot.querySelector<HTMLElement>(".plot");
		if (view === undefined || place === null || place.hidden || this.#theme === undefined) return;
		const width = Math.floor(place.clientWidth);
		if (width === 0) return;
		const shape = JSON.stringify([view.isStacked, view.quantity, view.series.map(({ color }) => color)]);
		const data = plotData(view);
		if (this.#plot === undefined || shape !== this.#plotShape) {
			this.#destroyPlot();
			this.#plotShape = shape;
			this.#plot = new uPlot(this.#options(view, this.#theme, width), data, place);
			return;
		}
		if (this.#plot.width !== width) this.#plot.setSize({ width, height: HEIGHT_PX });
		this.#plot.setData(data);
	}

	#options(view: ChartView, theme: Theme, width: number): uPlot.Options {
		const palette = readPalette(theme);
		const { isStacked, quantity } = view;
		const bars = uPlot.paths.bars?.({ size: [0.82, 60] });
		const series = view.series.map(({ color }): uPlot.Series => {
			const stroke = palette.series[color];
			if (isStacked) return { stroke, fill: stroke, width: 0, points: { show: false }, ...(bars && { paths: bars }) };
			return { stroke, width: 1.5, spanGaps: false, points: { show: true, size: 4, fill: stroke, width: 0 } };
		});
		const axis = {
			stroke: palette.text,
			font: palette.font,
			ticks: { show: false },
			grid: { stroke: palette.grid, width: 1 },
		};
		return {
			width,
			height: HEIGHT_PX,
			// On the right half a label of the axis.
			padding: [8, 20, 0, 0],
			legend: { show: false },
			cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
			scales: {
				x: { time: true, range: () => this.#timeRange() },
				// Always from 0: a bar's height is its number.
				y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.06 : 1] },
			},
			axes: [
				{
					...axis,
					grid: { show: false },
					size: 24,
					space: 64,
					values: (_plot, splits, _axis, _space, stepSeconds) =>
						splits.map((seconds) => axisTime(seconds * 1000, stepSeconds * 1000)),
				},
				{
					...axis,
					size: 58,
					space: 34,
					// Half a call is none.
					incrs: quantity === "count" ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6] : undefined,
					values: (_plot, splits) => splits.map((value) => (value === 0 ? "0" : formatQuantity(quantity, value))),
				},
			] as uPlot.Axis[],
			// The topmost level is drawn first, and each lower one over it.
			series: [{}, ...(isStacked ? series.reverse() : series)],
			hooks: {
				setCursor: [
					({ cursor: { idx, left } }) => {
						const hovered = idx === null || idx === undefined || (left ?? -1) < 0 ? undefined : idx;
						if (hovered === this.#hovered) return;
						this.#hovered = hovered;
						this.requestUpdate();
					},
				],
			},
		};
	}

	#timeRange(): [number, number] {
		const { startMs, bucketMs } = this.view?.window ?? { startMs: 0, bucketMs: 1000 };
		return [startMs / 1000, (startMs + 60 * bucketMs) / 1000];
	}

	#destroyPlot(): void {
		this.#plot?.destroy();
		this.#plot = undefined;
		this.#hovered = undefined;
	}
}

/** Middles of the buckets in seconds, and the values as uPlot's series have them. */
function plotData({ window, series, isStacked }: ChartView): uPlot.AlignedData {
	const count = series[0]?.values.length ?? 0;
	const times = Array.from(
		{ length: count },
		(_, bucket) => (window.startMs + (bucket + 0.5) * window.bucketMs) / 1000,
	);
	const values = isStacked ? stacked(series).reverse() : series.map(({ values: own }) => [...own]);
	return [times, ...values];
}

function table(view: ChartView): TemplateResult {
	const { series, window, quantity, isStacked } = view;
	return html`
		<div class="table" tabindex="0" role="region" aria-label=${view.title}>
			<table>
				<thead>
					<tr>
						<th scope="col">${words.columnTime}</th>
						${series.map(({ label }) => html`<th scope="col" class="number"><bdi>${displayText(label, MAX_NAME)}</bdi></th>`)}
						${isStacked ? html`<th scope="col" class="number">${words.total}</th>` : nothing}
					</tr>
				</thead>
				<tbody>
					${filledBuckets(view).map((bucket) => {
						const values = series.map(({ values: own }) => own[bucket]);
						return html`<tr>
							<th scope="row">${bucketTime(window.startMs + bucket * window.bucketMs, window.bucketMs)}</th>
							${values.map((value) => html`<td class="number">${formatQuantity(quantity, value)}</td>`)}
							${isStacked ? html`<td class="number">${formatQuantity(quantity, sumOf(values))}</td>` : nothing}
						</tr>`;
					})}
				</tbody>
			</table>
		</div>
	`;
}

/** Asks the page to have a table saved. */
export function saveTable(from: EventTarget, name: string, rows: readonly (readonly CsvCell[])[]): void {
	from.dispatchEvent(
		new CustomEvent("table-save", { detail: { name, text: csvText(rows) }, bubbles: true, composed: true }),
	);
}

customElements.define("traceway-overview-chart", OverviewChart);

declare global {
	interface HTMLElementTagNameMap {
		"traceway-overview-chart": OverviewChart;
	}
}
