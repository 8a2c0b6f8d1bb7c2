import { css, html, type TemplateResult } from "lit";
import { ICONS, type IconName } from "./glyphs.ts";

/** An icon of the text around it in size and colour; decoration only, the words stand beside it. */
export function icon(name: IconName, className = ""): TemplateResult {
	return html`<span class="codicon ${className}" aria-hidden="true">${ICONS[name]}</span>`;
}

export const iconStyles = css`
	.codicon {
		display: inline-block;
		font: normal normal normal 16px/1 codicon;
		text-align: center;
		text-rendering: auto;
		text-transform: none;
		user-select: none;
		-webkit-font-smoothing: antialiased;
	}
	.codicon.spin {
		animation: codicon-spin 1.5s steps(30) infinite;
	}
	@keyframes codicon-spin {
		100% {
			transform: rotate(360deg);
		}
	}
	@media (prefers-reduced-motion: reduce) {
		.codicon.spin {
			animation: none;
		}
	}
`;
