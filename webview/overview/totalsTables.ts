import { html, nothing, type TemplateResult } from "lit";
import { formatCost, formatCount, formatDuration, UNKNOWN } from "../../src/base/quantity.ts";
import { formatTokens } from "../../src/model/format.ts";
import {
	type AgentTotals,
	type ModelTotals,
	type Overview,
	successRate,
	type ToolTotals,
	type UsageTotals,
} from "../../src/model/overview.ts";
import { formatShare } from "./cards.ts";
import { barCell, type Column, type DataTable, nameCell } from "./dataTable.ts";
import { words } from "./words.ts";

/** Above this share a tool works, above the next one it mostly does (`95 %`, `80 %`). */
const GOOD_RATE = 0.95;
const FAIR_RATE = 0.8;

export function modelsTable({ models, omitted, usage }: Overview): DataTable<ModelTotals> {
	return {
		id: "models",
		title: words.tableModels,
		rows: models,
		omitted: omitted.models,
		columns: [
			{
				label: words.columnModel,
				isName: true,
				className: "name",
				cell: ({ model }) => nameCell(model, words.noModel),
				csv: ({ model }) => model,
			},
			{
				label: words.columnProviders,
				className: "name providers",
				cell: ({ providers }) => nameCell(providers.length === 0 ? null : providers.join(", "), UNKNOWN),
				csv: ({ providers }) => providers.join(", "),
			},
			callsColumn(),
			failedColumn(),
			costColumn(usage.costUsd),
			tokensColumn(words.columnInput, ({ inputTokens }) => inputTokens),
			tokensColumn(words.columnOutput, ({ outputTokens }) => outputTokens),
			tokensColumn(words.columnCacheRead, ({ cacheReadTokens }) => cacheReadTokens),
			tokensColumn(words.columnCacheWrite, ({ cacheWriteTokens }) => cacheWriteTokens),
			tokensColumn(words.columnReasoning, ({ reasoningTokens }) => reasoningTokens),
		],
	};
}

export function agentsTable({ agents, omitted, usage }: Overview): DataTable<AgentTotals> {
	const all = tokensOf(usage) ?? 0;
	return {
		id: "agents",
		title: words.tableAgents,
		// One row of everything would say nothing.
		rows: agents.some(({ agent }) => agent !== null) ? agents : [],
		empty: words.agentsEmpty,
		omitted: omitted.agents,
		columns: [
			{
				label: words.columnAgent,
				isName: true,
				className: "name",
				cell: ({ agent }) => nameCell(agent, words.noAgent),
				csv: ({ agent }) => agent,
			},
			callsColumn(),
			failedColumn(),
			costColumn(usage.costUsd),
			{
				label: words.columnTokens,
				isNumber: true,
				className: "bar-cell",
				cell: (row) => barCell(formatTokens(tokensOf(row)), all === 0 ? 0 : (tokensOf(row) ?? 0) / all),
				csv: (row) => tokensOf(row) ?? null,
			},
		],
	};
}

export function toolsTable({ tools, omitted, toolCalls }: Overview): DataTable<ToolTotals> {
	return {
		id: "tools",
		title: words.tableTools,
		rows: tools,
		omitted: omitted.tools,
		columns: [
			{
				label: words.columnTool,
				isName: true,
				className: "name",
				cell: ({ tool }) => nameCell(tool, words.noTool),
				csv: ({ tool }) => tool,
			},
			{
				label: words.columnCalls,
				isNumber: true,
				className: "bar-cell",
				cell: ({ calls }) => barCell(formatCount(calls), toolCalls === 0 ? 0 : calls / toolCalls),
				csv: ({ calls }) => calls,
			},
			{
				label: words.columnFailed,
				isNumber: true,
				cell: ({ failed }) => failedCell(failed),
				csv: ({ failed }) => failed,
			},
			{
				label: words.columnSuccess,
				isNumber: true,
				className: "bar-cell",
				cell: (tool) => successCell(successRate(tool)),
				csv: (tool) => successRate(tool),
			},
			{
				label: words.columnAverage,
				isNumber: true,
				cell: ({ averageMs }) => formatDuration(averageMs === null ? undefined : averageMs * 1e6),
				csv: ({ averageMs }) => averageMs,
			},
		],
	};
}

function successCell(rate: number | null): TemplateResult | string {
	if (rate === null) return UNKNOWN;
	return barCell(formatShare(rate), rate, rate >= GOOD_RATE ? "good" : rate >= FAIR_RATE ? "fair" : "bad");
}

function callsColumn(): Column<UsageTotals> {
	return {
		label: words.columnCalls,
		isNumber: true,
		cell: ({ calls }) => formatCount(calls),
		csv: ({ calls }) => calls,
	};
}

function failedColumn(): Column<UsageTotals> {
	return {
		label: words.columnFailed,
		isNumber: true,
		cell: ({ failedCalls }) => failedCell(failedCalls),
		csv: ({ failedCalls }) => failedCalls,
	};
}

function costColumn(all: number | null): Column<UsageTotals> {
	return {
		label: words.columnCost,
		title: words.costHint,
		isNumber: true,
		className: "bar-cell",
		cell: ({ costUsd, isCostEstimated }) => barCell(costText(costUsd, isCostEstimated), all ? (costUsd ?? 0) / all : 0),
		csv: ({ costUsd }) => costUsd,
	};
}

function tokensColumn(label: string, read: (row: UsageTotals) => number | null): Column<UsageTotals> {
	return {
		label,
		isNumber: true,
		cell: (row) => formatTokens(read(row) ?? undefined),
		csv: read,
	};
}

function costText(costUsd: number | null, isEstimated: boolean): TemplateResult {
	return html`<span title=${isEstimated ? words.costEstimated : nothing}>${formatCost(costUsd ?? undefined, isEstimated)}</span>`;
}

function tokensOf({ inputTokens, outputTokens }: UsageTotals): number | undefined {
	return inputTokens === null && outputTokens === null ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0);
}

function failedCell(failed: number): TemplateResult | string {
	return failed === 0 ? formatCount(0) : html`<span class="failed">${formatCount(failed)}</span>`;
}
