import { css } from "lit";

export const pageStyles = css`
	:host {
		display: flex;
		flex-direction: column;
		position: absolute;
		inset: 0;
		overflow: hidden;
		background: var(--vscode-panel-background, var(--vscode-editor-background));
	}
	header {
		flex: none;
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 4px 16px;
		padding: 4px 12px;
		border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
	}
	.indicator {
		display: flex;
		align-items: center;
		gap: 6px;
		height: 24px;
		padding: 0 8px 0 4px;
		font: inherit;
		color: var(--vscode-foreground);
		background: none;
		border: none;
		border-radius: 4px;
		cursor: pointer;
	}
	.indicator:hover {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.dot {
		width: 8px;
		height: 8px;
		border-radius: 50%;
		background: currentColor;
		/* Forced colours know of no backgrounds. */
		forced-color-adjust: none;
	}
	.indicator.live .dot {
		color: var(--vscode-charts-green);
	}
	.indicator.connecting .dot {
		color: var(--vscode-charts-yellow);
	}
	.indicator.disconnected .dot {
		color: var(--vscode-charts-red);
	}
	.cards {
		flex: 0 1 auto;
		display: flex;
		flex-wrap: wrap;
		gap: 2px 18px;
		min-width: 0;
		margin: 0;
		font-variant-numeric: tabular-nums;
	}
	.card {
		display: flex;
		flex-direction: column;
		min-width: 50px;
		white-space: nowrap;
	}
	dt {
		font-size: 11px;
		line-height: 14px;
		color: var(--vscode-descriptionForeground);
	}
	dd {
		margin: 0;
		font-weight: 600;
		line-height: 17px;
	}
	dd small {
		font-size: 11px;
		font-weight: normal;
		color: var(--vscode-descriptionForeground);
	}
	.card.failed dd {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.card.running dd {
		color: var(--vscode-textLink-foreground, var(--vscode-charts-blue));
	}
	traceway-filter {
		flex: 1 1 240px;
		min-width: 0;
		max-width: 560px;
		margin-left: auto;
	}
	.stage {
		flex: 1;
		min-height: 0;
		position: relative;
	}
	traceway-trace-grid,
	.message {
		position: absolute;
		inset: 0;
	}
	traceway-trace-grid[data-covered] {
		visibility: hidden;
	}
	.banner {
		position: absolute;
		top: 28px;
		left: 50%;
		z-index: 3;
		display: flex;
		align-items: center;
		gap: 4px;
		height: 24px;
		padding: 0 12px 0 8px;
		transform: translateX(-50%);
		font: inherit;
		color: var(--vscode-button-foreground);
		background: var(--vscode-button-background);
		border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		border-radius: 12px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
		white-space: nowrap;
		cursor: pointer;
	}
	.banner:hover {
		background: var(--vscode-button-hoverBackground);
	}
	.banner:focus-visible,
	.button:focus-visible {
		outline-offset: 2px;
	}
	.banner .codicon {
		font-size: 14px;
	}
	.notice {
		flex: none;
		display: flex;
		align-items: center;
		gap: 8px;
		min-height: 26px;
		padding: 2px 12px;
		background: var(--vscode-inputValidation-warningBackground, transparent);
		border-bottom: 1px solid var(--vscode-inputValidation-warningBorder, var(--vscode-contrastBorder, transparent));
	}
	.notice.paused {
		background: var(--vscode-inputValidation-infoBackground, transparent);
		border-color: var(--vscode-inputValidation-infoBorder, var(--vscode-contrastBorder, transparent));
	}
	.notice .codicon {
		flex: none;
		color: var(--vscode-editorWarning-foreground, var(--vscode-charts-yellow));
	}
	.notice span:not(.codicon) {
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		font-variant-numeric: tabular-nums;
	}
	.notice .button {
		flex: none;
		margin-left: auto;
		padding: 0 8px;
	}
	.button {
		padding: 3px 12px;
		font: inherit;
		color: var(--vscode-button-foreground);
		background: var(--vscode-button-background);
		border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
		cursor: pointer;
	}
	.button:hover {
		background: var(--vscode-button-hoverBackground);
	}
	.message {
		display: flex;
		flex-direction: column;
		align-items: center;
		justify-content: safe center;
		gap: 6px;
		padding: 12px;
		text-align: center;
		overflow: auto;
		color: var(--vscode-descriptionForeground);
	}
	.message > .codicon {
		font-size: 28px;
	}
	.message.wrong > .codicon {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.message h2 {
		margin: 0;
		font-size: 1.1em;
		font-weight: 600;
		color: var(--vscode-foreground);
	}
	.message p {
		margin: 0;
		max-width: 60ch;
		overflow-wrap: anywhere;
	}
	.buttons {
		display: flex;
		flex-wrap: wrap;
		justify-content: center;
		gap: 8px;
		margin-top: 4px;
	}
	footer {
		flex: none;
		padding: 0 12px;
		line-height: 20px;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		color: var(--vscode-descriptionForeground);
		border-top: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
	}
	@media (max-width: 1040px) {
		.cards {
			order: 3;
			flex-basis: 100%;
		}
		traceway-filter {
			max-width: none;
		}
	}
	/* A low panel gives its height to the rows: one line, and what has no room in it is left out whole, from the end. */
	@media (max-height: 230px) {
		.cards {
			height: 20px;
			gap: 0 16px;
			overflow: hidden;
		}
		.card {
			flex-direction: row;
			align-items: baseline;
			gap: 5px;
			min-width: 0;
			line-height: 20px;
		}
		dt,
		dd {
			line-height: 20px;
		}
		header {
			padding-block: 2px;
		}
		.message {
			justify-content: safe center;
			padding: 4px 12px;
			gap: 2px;
		}
		.message > .codicon {
			display: none;
		}
	}
	@media (max-width: 480px) {
		header {
			padding-inline: 8px;
			column-gap: 8px;
		}
		.cards {
			gap: 2px 14px;
		}
	}
`;
