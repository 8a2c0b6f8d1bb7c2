import { html, nothing, type TemplateResult } from "lit";
import { formatCost, formatCount, formatDuration } from "../../src/base/quantity.ts";
import { formatTokens } from "../../src/model/format.ts";
import { type Overview, successRate } from "../../src/model/overview.ts";
import { fill } from "../shared/words.ts";
import { words } from "./words.ts";

/** The sums of the range. */
export function statCards(overview: Overview): TemplateResult {
	const { usage, tools } = overview;
	const tokens =
		usage.inputTokens === null && usage.outputTokens === null
			? undefined
			: (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
	const tokensDetail =
		tokens === undefined
			? undefined
			: fill(
					words.cardTokensDetail,
					formatTokens(usage.inputTokens ?? undefined),
					formatTokens(usage.outputTokens ?? undefined),
				);
	const ended = tools.reduce(
		(sum, tool) => ({ succeeded: sum.succeeded + tool.succeeded, failed: sum.failed + tool.failed }),
		{ succeeded: 0, failed: 0 },
	);
	const rate = overview.omitted.tools > 0 ? null : successRate(ended);
	const sessions =
		overview.sessions === 1 ? words.cardSessionsOne : fill(words.cardSessions, formatCount(overview.sessions));
	return html`<dl class="cards">
		${card(
			words.cardCost,
			formatCost(usage.costUsd ?? undefined, usage.isCostEstimated),
			usage.costUsd === null || usage.calls === 0
				? undefined
				: fill(words.cardCostDetail, formatCost(usage.costUsd / usage.calls, usage.isCostEstimated)),
			usage.isCostEstimated ? `${words.costHint}. ${words.costEstimated}` : words.costHint,
		)}
		${card(words.cardTokens, formatTokens(tokens), tokensDetail, tokens === undefined ? undefined : formatCount(tokens))}
		${card(
			words.cardModelCalls,
			formatCount(usage.calls),
			usage.failedCalls === 0 ? undefined : fill(words.failedCalls, formatCount(usage.failedCalls)),
		)}
		${card(
			words.cardToolCalls,
			formatCount(overview.toolCalls),
			rate === null ? undefined : fill(words.cardToolDetail, formatShare(rate)),
		)}
		${card(
			words.cardLatency,
			milliseconds(overview.latencyP50Ms),
			overview.latencyP95Ms === null ? undefined : fill(words.cardLatencyDetail, milliseconds(overview.latencyP95Ms)),
			words.cardLatencyHint,
		)}
		${card(words.cardTraces, formatCount(overview.traces), overview.sessions === 0 ? undefined : sessions)}
		${card(
			words.cardFailed,
			formatCount(overview.failedSpans),
			overview.spans === 0
				? undefined
				: fill(words.cardFailedDetail, formatShare(overview.failedSpans / overview.spans), formatCount(overview.spans)),
			undefined,
			overview.failedSpans > 0 ? "failed" : "",
		)}
	</dl>`;
}

function card(
	label: string,
	value: string,
	detail: string | undefined,
	title?: string | undefined,
	className = "",
): TemplateResult {
	return html`<div class="card ${className}" title=${title ?? nothing}>
		<dt>${label}</dt>
		<dd>${value}</dd>
		<dd class="detail">${detail ?? nothing}</dd>
	</div>`;
}

function milliseconds(ms: number | null): string {
	return formatDuration(ms === null ? undefined : ms * 1e6);
}

/** Whole per cent, but neither all nor nothing where that is not so: `99.9 %`, `<1 %`. */
export function formatShare(share: number): string {
	const percent = share * 100;
	if (percent > 0 && percent < 1) return "<1 %";
	if (percent > 99 && percent < 100) return `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;
	return `${Math.round(percent)} %`;
}
