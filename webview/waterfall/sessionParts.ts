import { css, html, nothing, type TemplateResult } from "lit";
import { displayText } from "../../src/base/displayText.ts";
import { formatCount, formatDuration } from "../../src/base/quantity.ts";
import type { SessionHeader } from "../../src/protocol/messages.ts";
import { fill } from "../shared/words.ts";
import { words } from "./words.ts";

/** Before the name of a session: a trace's name stands alone. */
export function sessionLabel(session: SessionHeader | undefined): TemplateResult | typeof nothing {
	return session === undefined ? nothing : html`<span class="what">${words.session}</span>`;
}

/** Said of a session from which more is to come. */
export function liveBadge(session: SessionHeader | undefined): TemplateResult | typeof nothing {
	return session?.isOpen === true ? html`<span class="live" title=${words.liveHint}>${words.live}</span>` : nothing;
}

/** How much there is of a session. */
export function sessionSize(session: SessionHeader | undefined): TemplateResult | typeof nothing {
	if (session === undefined) return nothing;
	const { traceCount } = session;
	return html`<li>${traceCount === 1 ? words.traceCountOne : fill(words.traceCount, formatCount(traceCount))}</li>`;
}

/** What is counted of a session beside the sums that a trace has, too; those that are for a wide page say so by their class. */
export function sessionFacts(session: SessionHeader | undefined): TemplateResult | typeof nothing {
	if (session === undefined) return nothing;
	const { traceCount, modelCalls, toolCalls, failedTraces, averageTraceNs, models } = session;
	return html`
		<li>${words.modelCalls}<b>${formatCount(modelCalls)}</b></li>
		<li>${words.toolCalls}<b>${formatCount(toolCalls)}</b></li>
		<li class="wide" title=${words.averageTraceHint}>
			${words.averageTrace}<b>${formatDuration(averageTraceNs)}</b>
		</li>
		<li class="wide" title=${fill(words.errorRateHint, formatCount(failedTraces), formatCount(traceCount))}>
			${words.errorRate}<b>${errorRate(failedTraces, traceCount)}</b>
		</li>
		${
			models.length === 0
				? nothing
				: html`<li class="wide" title=${models.map((model) => displayText(model, 100)).join("\n")}>
						${words.models}<b class="models"><bdi>${modelsText(models)}</bdi></b>
					</li>`
		}
	`;
}

/** Whole percent, and never 0 or 100 for what is neither; "–" without traces. */
function errorRate(failed: number, traces: number): string {
	if (traces === 0) return formatCount(undefined);
	const percent = Math.round((failed / traces) * 100);
	const shown = failed > 0 && percent === 0 ? 1 : failed < traces && percent === 100 ? 99 : percent;
	return fill(words.percent, shown);
}

/** One by its name, more by their number. */
function modelsText([first, ...others]: readonly string[]): string {
	const name = displayText(first, 60);
	return others.length === 0 ? name : fill(words.andMore, name, formatCount(others.length));
}

export const sessionStyles = css`
	.title .what {
		flex: none;
		color: var(--vscode-descriptionForeground);
	}
	/* A narrow page has its rows to show. */
	@media (max-width: 560px) {
		.facts .wide {
			display: none;
		}
	}
	.facts .models {
		max-width: 24ch;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.title .live {
		flex: none;
		padding: 0 5px;
		border: 1px solid var(--vscode-contrastBorder, transparent);
		border-radius: 9px;
		font-size: 11px;
		line-height: 16px;
		color: var(--vscode-badge-foreground);
		background: var(--vscode-badge-background);
	}
`;
