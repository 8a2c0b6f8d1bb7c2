import { css, html, nothing, type TemplateResult } from "lit";
import { formatCount } from "../../src/base/quantity.ts";
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

/** What is counted of a session beside the sums that a trace has, too. */
export function sessionFacts(session: SessionHeader | undefined): TemplateResult | typeof nothing {
	if (session === undefined) return nothing;
	const { traceCount, modelCalls, toolCalls } = session;
	return html`
		<li>${traceCount === 1 ? words.traceCountOne : fill(words.traceCount, formatCount(traceCount))}</li>
		<li>${words.modelCalls}<b>${formatCount(modelCalls)}</b></li>
		<li>${words.toolCalls}<b>${formatCount(toolCalls)}</b></li>
	`;
}

export const sessionStyles = css`
	.title .what {
		flex: none;
		color: var(--vscode-descriptionForeground);
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
