import { html, nothing, type TemplateResult } from "lit";
import { formatCost, formatCount, formatDuration, UNKNOWN } from "../../src/base/quantity.ts";
import { formatTokens } from "../../src/model/format.ts";
import type { LiveStats } from "../../src/protocol/liveMessages.ts";
import { fill } from "../shared/words.ts";
import { words } from "./words.ts";

/** The sums above the table: words and number of each, the number unknown as a dash. */
export function statCards(stats: LiveStats | undefined): TemplateResult {
	const isPart = stats !== undefined && stats.traces !== stats.allTraces;
	const traces = formatCount(stats?.traces);
	return html`<dl class="cards">
		${card(
			words.cardTraces,
			isPart ? html`${traces}<small>${ofAll(stats)}</small>` : traces,
			isPart ? fill(words.ofAll, traces, formatCount(stats.allTraces)) : undefined,
		)}
		${card(words.cardRunning, formatCount(stats?.running), undefined, (stats?.running ?? 0) > 0 ? "running" : "")}
		${card(words.cardFailed, formatCount(stats?.failed), undefined, (stats?.failed ?? 0) > 0 ? "failed" : "")}
		${card(words.cardAverage, formatDuration(stats?.averageLatencyNs), words.cardAverageHint)}
		${card(words.cardP95, formatDuration(stats?.p95LatencyNs), words.cardP95Hint)}
		${card(words.cardTokens, formatTokens(stats?.tokens), stats?.tokens === undefined ? undefined : formatCount(stats.tokens))}
		${card(
			words.cardCost,
			formatCost(stats?.costUsd, stats?.isCostEstimated ?? false),
			stats?.isCostEstimated === true ? words.costEstimated : words.cardCostHint,
		)}
		${card(words.cardEvents, formatRate(stats?.eventsPerSecond), words.cardEventsHint)}
	</dl>`;
}

function card(
	label: string,
	value: TemplateResult | string,
	title: string | undefined,
	className = "",
): TemplateResult {
	return html`<div class="card ${className}" title=${title ?? nothing}>
		<dt>${label}</dt>
		<dd>${value}</dd>
	</div>`;
}

/** "1,234" is there already; " of 5,678" in small. */
function ofAll(stats: LiveStats): string {
	return fill(words.ofAll, "", formatCount(stats.allTraces));
}

/** To a tenth below ten, whole above. */
function formatRate(rate: number | undefined): string {
	if (rate === undefined) return UNKNOWN;
	return rate < 9.95 && rate > 0 ? rate.toFixed(1) : formatCount(rate);
}
