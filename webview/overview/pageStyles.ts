import { css } from "lit";

export const pageStyles = css`
	:host {
		display: block;
		position: absolute;
		inset: 0;
		overflow: auto;
		background: var(--vscode-editor-background);
	}
	.muted {
		color: var(--vscode-descriptionForeground);
	}
	header.page {
		position: sticky;
		top: 0;
		left: 0;
		z-index: 2;
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 4px 10px;
		min-height: 40px;
		padding: 6px 16px;
		background: var(--vscode-editor-background);
		border-bottom: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	h1 {
		margin: 0;
		font-size: 1.15em;
		font-weight: 600;
	}
	.source {
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.busy {
		flex: 1;
		height: 16px;
	}
	.ranges {
		display: flex;
		margin: 0;
		padding: 2px;
		border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, transparent));
		border-radius: 4px;
		background: var(--vscode-input-background);
	}
	.ranges label span {
		display: block;
		min-width: 38px;
		padding: 1px 8px;
		border: 1px solid transparent;
		border-radius: 3px;
		text-align: center;
		cursor: pointer;
	}
	.ranges label:hover span {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.ranges input:checked + span {
		background: var(--vscode-inputOption-activeBackground);
		border-color: var(--vscode-inputOption-activeBorder, transparent);
		color: var(--vscode-inputOption-activeForeground, var(--vscode-foreground));
	}
	.ranges input:focus-visible + span {
		outline: 1px solid var(--vscode-focusBorder);
		outline-offset: 1px;
	}
	.notice {
		position: sticky;
		left: 0;
		display: flex;
		align-items: center;
		gap: 6px;
		min-height: 26px;
		padding: 3px 16px;
		border-bottom: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	.notice .codicon {
		flex: none;
	}
	.notice > span:not(.codicon) {
		overflow-wrap: anywhere;
		max-height: 6em;
		overflow: hidden;
	}
	.notice.warning {
		background: var(--vscode-inputValidation-warningBackground, transparent);
		border-color: var(--vscode-inputValidation-warningBorder, var(--vscode-contrastBorder, transparent));
	}
	.notice.error {
		background: var(--vscode-inputValidation-errorBackground, transparent);
		border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-contrastBorder, transparent));
	}
	.error-icon,
	.notice.error .codicon {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.content {
		display: flex;
		flex-direction: column;
		gap: 16px;
		max-width: 1600px;
		margin: 0 auto;
		padding: 16px;
	}
	/* Long enough that an answer that comes at once changes nothing. */
	.content.stale {
		opacity: 0.55;
		transition: opacity 100ms linear 150ms;
	}
	@media (prefers-reduced-motion: reduce) {
		.content.stale {
			transition: none;
		}
	}
	.cards {
		display: grid;
		grid-template-columns: repeat(2, minmax(0, 1fr));
		gap: 8px;
		margin: 0;
	}
	/* Seven cards without a hole: the first one is twice as wide until all have room beside each other. */
	.card:first-child {
		grid-column: span 2;
	}
	@media (min-width: 620px) {
		.cards {
			grid-template-columns: repeat(4, minmax(0, 1fr));
		}
	}
	@media (min-width: 1080px) {
		.cards {
			grid-template-columns: repeat(7, minmax(0, 1fr));
		}
		.card:first-child {
			grid-column: span 1;
		}
	}
	.card {
		min-width: 0;
		padding: 8px 12px;
		border: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
		border-radius: 4px;
	}
	.card dt {
		color: var(--vscode-descriptionForeground);
		white-space: nowrap;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.card dd {
		margin: 0;
		font-size: 1.5em;
		font-weight: 600;
		line-height: 1.35;
		font-variant-numeric: tabular-nums;
		white-space: nowrap;
	}
	.card dd.detail {
		min-height: 1.4em;
		font-size: 0.92em;
		font-weight: normal;
		line-height: 1.4;
		color: var(--vscode-descriptionForeground);
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.card.failed dd:not(.detail) {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.charts {
		display: grid;
		grid-template-columns: minmax(0, 1fr);
		gap: 12px;
	}
	/* Five charts without a hole: two and two and a wide one, or three and two wider ones. */
	@media (min-width: 780px) {
		.charts {
			grid-template-columns: repeat(2, minmax(0, 1fr));
		}
		.charts > :last-child {
			grid-column: span 2;
		}
	}
	@media (min-width: 1180px) {
		.charts {
			grid-template-columns: repeat(6, minmax(0, 1fr));
		}
		.charts > * {
			grid-column: span 2;
		}
		.charts > :nth-child(n + 4) {
			grid-column: span 3;
		}
	}
	.pair {
		display: grid;
		grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
		gap: 16px;
	}
	.message {
		display: flex;
		flex-direction: column;
		align-items: center;
		justify-content: center;
		gap: 8px;
		min-height: 60vh;
		padding: 24px;
		text-align: center;
		overflow-wrap: anywhere;
		color: var(--vscode-descriptionForeground);
	}
	.message .codicon {
		font-size: 32px;
	}
	.message h2 {
		margin: 0;
		font-size: 1.1em;
		font-weight: 600;
		color: var(--vscode-foreground);
	}
	.message p {
		margin: 0;
	}
	button.plain {
		padding: 3px 10px;
		border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
		background: var(--vscode-button-secondaryBackground);
		color: var(--vscode-button-secondaryForeground);
		font: inherit;
		cursor: pointer;
	}
	button.plain:hover {
		background: var(--vscode-button-secondaryHoverBackground);
	}
	/* The one thing that can be done. */
	.message button.plain {
		background: var(--vscode-button-background);
		color: var(--vscode-button-foreground);
	}
	.message button.plain:hover {
		background: var(--vscode-button-hoverBackground);
	}
`;
