import { css, html, nothing, type TemplateResult } from "lit";
import { displayText } from "../../src/base/displayText.ts";
import { icon } from "../shared/icons.ts";
import { words } from "./words.ts";

/** Which session the numbers are of, and the way back to all; nothing while they are of all. */
export function sessionPart(sessionId: string | undefined, clear: () => void): TemplateResult | typeof nothing {
	if (sessionId === undefined) return nothing;
	return html`<span class="session">
		<span class="name">${words.session} <bdi>${displayText(sessionId, 100)}</bdi></span>
		<button class="tool" title=${words.sessionClear} aria-label=${words.sessionClear} @click=${clear}>
			${icon("close")}
		</button>
	</span>`;
}

export const sessionStyles = css`
	.session {
		display: inline-flex;
		align-items: center;
		gap: 2px;
		min-width: 0;
		padding-left: 8px;
		border: 1px solid var(--vscode-contrastBorder, transparent);
		border-radius: 12px;
		color: var(--vscode-badge-foreground);
		background: var(--vscode-badge-background);
	}
	.session .name {
		max-width: 320px;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.session .tool {
		flex: none;
		width: 22px;
		height: 22px;
		border-radius: 11px;
		color: inherit;
	}
`;
