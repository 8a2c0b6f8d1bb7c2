import { css } from "lit";

export const pageStyles = css`
	:host {
		display: flex;
		flex-direction: column;
		position: absolute;
		inset: 0;
		overflow: hidden;
		background: var(--vscode-editor-background);
	}
	.stage {
		flex: 1;
		min-height: 0;
		position: relative;
	}
	traceway-chart,
	.message {
		position: absolute;
		inset: 0;
	}
	/* Still laid out: what comes next finds its place at once. No class: those of the chart are its own. */
	traceway-chart[data-covered] {
		visibility: hidden;
	}
	header {
		flex: none;
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 0 14px;
		min-height: 35px;
		padding: 4px 12px;
		border-bottom: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	.title {
		display: flex;
		align-items: center;
		gap: 6px;
		flex: 0 1 auto;
		min-width: 0;
		max-width: 100%;
	}
	h1 {
		margin: 0;
		min-width: 0;
		font-size: inherit;
		font-weight: 600;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.facts {
		display: flex;
		flex-wrap: wrap;
		gap: 0 14px;
		margin: 0;
		padding: 0;
		list-style: none;
		font-variant-numeric: tabular-nums;
		color: var(--vscode-descriptionForeground);
	}
	.facts li {
		display: flex;
		align-items: center;
		gap: 4px;
		white-space: nowrap;
	}
	.facts b {
		font-weight: inherit;
		color: var(--vscode-foreground);
	}
	.facts .codicon {
		font-size: 14px;
	}
	.state-running,
	.facts .running .codicon {
		color: var(--vscode-charts-blue);
	}
	.state-completed {
		color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
	}
	.state-failed,
	.facts .failed {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.facts .warning {
		color: var(--vscode-editorWarning-foreground, var(--vscode-charts-yellow));
	}
	.notice {
		flex: none;
		display: flex;
		align-items: center;
		gap: 6px;
		min-height: 26px;
		padding: 3px 12px;
		color: var(--vscode-foreground);
		background: var(--vscode-inputValidation-warningBackground, transparent);
		border-bottom: 1px solid var(--vscode-inputValidation-warningBorder, var(--vscode-contrastBorder, transparent));
	}
	.notice .codicon {
		flex: none;
		color: var(--vscode-editorWarning-foreground, var(--vscode-charts-yellow));
	}
	.notice.error {
		background: var(--vscode-inputValidation-errorBackground, transparent);
		border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-contrastBorder, transparent));
	}
	.notice.error .codicon {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.notice span:not(.codicon) {
		overflow-wrap: anywhere;
		max-height: 6em;
		overflow: hidden;
	}
	.message {
		display: flex;
		flex-direction: column;
		align-items: center;
		justify-content: center;
		gap: 8px;
		padding: 24px;
		text-align: center;
		overflow: auto;
		color: var(--vscode-descriptionForeground);
	}
	.message .codicon {
		font-size: 32px;
	}
	.message .error-icon {
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
	button {
		padding: 4px 12px;
		font: inherit;
		color: var(--vscode-button-foreground);
		background: var(--vscode-button-background);
		border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
		cursor: pointer;
	}
	button:hover {
		background: var(--vscode-button-hoverBackground);
	}
	button:focus-visible {
		outline-offset: 2px;
	}
	.notice button {
		padding: 0 8px;
		margin-left: auto;
	}
	/* One line is seen: what has no room is left out whole, from the end. */
	footer {
		flex: none;
		display: flex;
		flex-wrap: wrap;
		align-content: flex-start;
		gap: 0 14px;
		height: 23px;
		padding: 0 12px;
		overflow: hidden;
		white-space: nowrap;
		line-height: 22px;
		font-variant-numeric: tabular-nums;
		color: var(--vscode-descriptionForeground);
		border-top: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	footer bdi,
	footer .error {
		flex: 1 1 80px;
		max-width: max-content;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	footer bdi {
		color: var(--vscode-foreground);
	}
	footer .error {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
`;
