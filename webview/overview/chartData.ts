import { formatCost, formatCount, formatDuration } from "../../src/base/quantity.ts";
import { formatTokens } from "../../src/model/format.ts";
import type { Overview, OverviewSeries, OverviewWindow } from "../../src/model/overview.ts";
import type { CsvCell } from "./csv.ts";
import { FAILED_COLOR, REST_COLOR, type SeriesColors } from "./palette.ts";
import { words } from "./words.ts";

export type ChartId = "cost" | "tokens" | "tools" | "failures" | "latency";
export type Quantity = "cost" | "tokens" | "count" | "milliseconds";

export interface ChartSeries {
	readonly label: string;
	/** Place in `ChartPalette.series`. */
	readonly color: number;
	/** A value for each bucket; null where nothing is known. */
	readonly values: readonly (number | null)[];
	/** Of the whole range; null while unknown. */
	readonly total: number | null;
	/** A part of it comes from list prices. */
	readonly isEstimated: boolean;
}

export interface ChartView {
	readonly id: ChartId;
	readonly title: string;
	readonly window: OverviewWindow;
	readonly quantity: Quantity;
	/** Whether the series add up, and are drawn on each other, or are lines of their own. */
	readonly isStacked: boolean;
	readonly series: readonly ChartSeries[];
	/** Sum of a stacked chart. */
	readonly total: number | null;
	readonly isEstimated: boolean;
}

export function formatQuantity(quantity: Quantity, value: number | null | undefined, isEstimated = false): string {
	const known = value ?? undefined;
	switch (quantity) {
		case "cost":
			return formatCost(known, isEstimated);
		case "tokens":
			return formatTokens(known);
		case "count":
			return formatCount(known);
		case "milliseconds":
			return formatDuration(known === undefined ? undefined : known * 1e6);
	}
}

/** The charts of an overview. A model has the same colour in all of them, as far as there are enough. */
export function chartsOf(
	overview: Overview,
	colors: { readonly cost: SeriesColors; readonly tokens: SeriesColors; readonly tools: SeriesColors },
) {
	const { usage, costByModel, tokensByModel, callsByTool, failures, latency } = overview;
	const ofCost = colors.cost.assign(namesOf(costByModel));
	const ofTokens = colors.tokens.assign(namesOf(tokensByModel), ofCost);
	const ofTools = colors.tools.assign(namesOf(callsByTool));
	const window = { startMs: overview.startMs, bucketMs: overview.bucketMs };
	const tokens =
		usage.inputTokens === null && usage.outputTokens === null
			? null
			: (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
	const estimated = new Set(overview.models.filter((row) => row.isCostEstimated).map(({ model }) => model));
	const failed = (label: string, color: number, values: readonly number[]): ChartSeries => {
		return { label, color, values, total: sumOf(values), isEstimated: false };
	};
	const charts: readonly ChartView[] = [
		{
			id: "cost",
			title: words.chartCost,
			window,
			quantity: "cost",
			isStacked: true,
			series: costByModel.map((series) => ({
				...named(series, ofCost, words.noModel),
				isEstimated: series.isRest ? usage.isCostEstimated : estimated.has(series.name),
			})),
			total: usage.costUsd,
			isEstimated: usage.isCostEstimated,
		},
		{
			id: "tokens",
			title: words.chartTokens,
			window,
			quantity: "tokens",
			isStacked: true,
			series: tokensByModel.map((series) => named(series, ofTokens, words.noModel)),
			total: tokens,
			isEstimated: false,
		},
		{
			id: "tools",
			title: words.chartTools,
			window,
			quantity: "count",
			isStacked: true,
			series: callsByTool.map((series) => named(series, ofTools, words.noTool)),
			total: overview.toolCalls,
			isEstimated: false,
		},
		{
			id: "failures",
			title: words.chartFailures,
			window,
			quantity: "count",
			isStacked: true,
			series: [
				failed(words.failuresModel, FAILED_COLOR, failures.model),
				failed(words.failuresTool, 3, failures.tool),
				failed(words.failuresOther, REST_COLOR, failures.other),
			].filter(({ total }) => total !== 0),
			total: overview.failedSpans,
			isEstimated: false,
		},
		{
			id: "latency",
			title: words.chartLatency,
			window,
			quantity: "milliseconds",
			isStacked: false,
			series:
				overview.latencyP50Ms === null
					? []
					: [
							{ label: words.p50, color: 0, values: latency.p50Ms, total: overview.latencyP50Ms, isEstimated: false },
							{ label: words.p95, color: 1, values: latency.p95Ms, total: overview.latencyP95Ms, isEstimated: false },
						],
			total: null,
			isEstimated: false,
		},
	];
	return charts;
}

/** What each series reaches up to when they stand on each other, in their order. */
export function stacked(series: readonly ChartSeries[]): number[][] {
	const levels: number[][] = [];
	for (const [index, { values }] of series.entries()) {
		const below = levels[index - 1];
		levels.push(values.map((value, bucket) => (below?.[bucket] ?? 0) + (value ?? 0)));
	}
	return levels;
}

/** Buckets with anything in them, newest first: what a chart shows, as a table. */
export function filledBuckets({ series, isStacked }: ChartView): number[] {
	const count = series[0]?.values.length ?? 0;
	const isFilled = (bucket: number) =>
		series.some(({ values }) => values[bucket] !== null && !(isStacked && values[bucket] === 0));
	return Array.from({ length: count }, (_, bucket) => count - 1 - bucket).filter(isFilled);
}

export function chartCsv(view: ChartView): CsvCell[][] {
	const { series, window, isStacked } = view;
	const head = [words.columnTime, ...series.map(({ label }) => label), ...(isStacked ? [words.total] : [])];
	const rows = filledBuckets(view)
		.reverse()
		.map((bucket): CsvCell[] => {
			const values = series.map(({ values }) => values[bucket]);
			const time = new Date(window.startMs + bucket * window.bucketMs).toISOString();
			return [time, ...values, ...(isStacked ? [sumOf(values)] : [])];
		});
	return [head, ...rows];
}

export function sumOf(values: readonly (number | null)[]): number {
	return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** A series by a name that no other one has: what has no name, and the rest, are told apart from names like theirs. */
function keyOf({ name, isRest }: OverviewSeries): string {
	return name === null ? `${isRest}` : `=${name}`;
}

function namesOf(series: readonly OverviewSeries[]): string[] {
	return [...new Set(series.filter(({ isRest }) => !isRest).map(keyOf))];
}

function named(series: OverviewSeries, colors: ReadonlyMap<string, number>, noName: string): ChartSeries {
	return {
		label: series.isRest ? words.rest : (series.name ?? noName),
		color: series.isRest ? REST_COLOR : (colors.get(keyOf(series)) ?? REST_COLOR),
		values: series.values,
		total: sumOf(series.values),
		isEstimated: false,
	};
}
