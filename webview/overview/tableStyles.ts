import { css } from "lit";

export const tableStyles = css`
	.data {
		min-width: 0;
	}
	.data .head {
		display: flex;
		align-items: center;
		gap: 2px;
		min-height: 26px;
	}
	.data h2 {
		margin: 0 4px 0 0;
		font-size: inherit;
		font-weight: 600;
	}
	.tool {
		display: inline-flex;
		align-items: center;
		justify-content: center;
		width: 24px;
		height: 24px;
		padding: 0;
		border: none;
		border-radius: 4px;
		background: none;
		color: var(--vscode-icon-foreground, var(--vscode-foreground));
		cursor: pointer;
	}
	.tool:hover:enabled {
		background: var(--vscode-toolbar-hoverBackground);
		outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
		outline-offset: -1px;
	}
	.tool:disabled {
		opacity: 0.4;
		cursor: default;
	}
	/* Positioned: what is hidden from the eye in its cells scrolls, and is clipped, with them. */
	.scroll {
		position: relative;
		overflow-x: auto;
	}
	table {
		width: 100%;
		border-collapse: collapse;
		font-variant-numeric: tabular-nums;
	}
	th,
	td {
		height: 26px;
		padding: 2px 14px 2px 0;
		text-align: left;
		font-weight: normal;
		white-space: nowrap;
		border-bottom: 1px solid var(--vscode-tree-tableColumnsBorder, var(--vscode-panel-border, transparent));
	}
	th:last-child,
	td:last-child {
		padding-right: 2px;
	}
	thead th {
		color: var(--vscode-descriptionForeground);
	}
	tbody tr:hover {
		background: var(--vscode-list-hoverBackground);
	}
	.number {
		text-align: right;
	}
	.name {
		max-width: 240px;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	/* Takes what the others leave, and no more than there is. */
	.text {
		width: 40%;
		max-width: 0;
		min-width: 200px;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.outcome {
		max-width: 220px;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.time {
		width: 1%;
	}
	.state {
		display: inline-flex;
		align-items: center;
		vertical-align: middle;
		gap: 5px;
		max-width: 100%;
	}
	.state > span:last-child {
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.state .codicon {
		flex: none;
		font-size: 14px;
	}
	.state.completed .codicon {
		color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
	}
	.state.running .codicon {
		color: var(--vscode-charts-blue);
	}
	.failed,
	.state.failed .codicon,
	.state.failed > span:last-child {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.state.failed .muted {
		color: inherit;
	}
	/* Below the number, which stays on the line of its row. */
	.bar-cell {
		position: relative;
		min-width: 110px;
	}
	.bar {
		position: absolute;
		right: 14px;
		bottom: 2px;
		width: 88px;
		height: 3px;
	}
	td:last-child .bar {
		right: 2px;
	}
	.bar .track {
		fill: var(--vscode-tree-inactiveIndentGuidesStroke, transparent);
	}
	.bar .value {
		fill: var(--vscode-charts-blue, var(--vscode-foreground));
	}
	.bar.good .value {
		fill: var(--vscode-charts-green, var(--vscode-foreground));
	}
	.bar.fair .value {
		fill: var(--vscode-charts-yellow, var(--vscode-foreground));
	}
	.bar.bad .value {
		fill: var(--vscode-charts-red, var(--vscode-foreground));
	}
	button.link {
		display: block;
		max-width: 100%;
		padding: 0;
		border: none;
		background: none;
		font: inherit;
		text-align: left;
		color: var(--vscode-textLink-foreground);
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		cursor: pointer;
	}
	button.link:hover {
		color: var(--vscode-textLink-activeForeground);
		text-decoration: underline;
	}
	button.more {
		margin-top: 6px;
		padding: 2px 0;
		border: none;
		background: none;
		font: inherit;
		color: var(--vscode-textLink-foreground);
		cursor: pointer;
	}
	button.more:hover {
		color: var(--vscode-textLink-activeForeground);
		text-decoration: underline;
	}
	.none {
		margin: 4px 0;
		color: var(--vscode-descriptionForeground);
	}
	/* What the model costs and how it fares comes before who provides it. */
	@media (max-width: 560px) {
		th,
		td {
			padding-right: 10px;
		}
		.name {
			max-width: 132px;
		}
		.providers {
			display: none;
		}
		td:not(:last-child) .bar {
			right: 10px;
		}
	}
`;
