import { css } from "lit";

export const chartStyles = css`
	:host {
		display: flex;
		flex-direction: column;
		min-width: 0;
		padding: 8px 12px 10px;
		border: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
		border-radius: 4px;
	}
	.head {
		display: flex;
		align-items: center;
		gap: 2px;
		min-height: 24px;
	}
	h2 {
		flex: 1;
		margin: 0;
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
	.plot {
		position: relative;
		height: 170px;
		overflow: hidden;
	}
	.empty {
		display: flex;
		align-items: center;
		justify-content: center;
		flex: 1;
		min-height: 120px;
		margin: 0;
		color: var(--vscode-descriptionForeground);
	}
	.legend {
		display: flex;
		flex-wrap: wrap;
		gap: 2px 14px;
		margin: 6px 0 0;
		padding: 0;
		list-style: none;
		font-size: 0.92em;
		color: var(--vscode-descriptionForeground);
		font-variant-numeric: tabular-nums;
	}
	.legend li {
		display: flex;
		align-items: center;
		gap: 5px;
		min-width: 0;
		max-width: 100%;
	}
	.legend b {
		font-weight: inherit;
		white-space: nowrap;
		color: var(--vscode-foreground);
	}
	.legend .name {
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.swatch {
		flex: none;
		width: 9px;
		height: 9px;
		border-radius: 2px;
		forced-color-adjust: none;
	}
	.color-0 {
		background: var(--vscode-charts-blue, var(--vscode-foreground));
	}
	.color-1 {
		background: var(--vscode-charts-purple, var(--vscode-foreground));
	}
	.color-2 {
		background: var(--vscode-charts-green, var(--vscode-foreground));
	}
	.color-3 {
		background: var(--vscode-charts-yellow, var(--vscode-foreground));
	}
	.color-4 {
		background: var(--vscode-terminal-ansiCyan, var(--vscode-charts-foreground, var(--vscode-foreground)));
	}
	.color-5 {
		background: var(--vscode-terminal-ansiBrightMagenta, var(--vscode-charts-orange, var(--vscode-foreground)));
	}
	.color-6 {
		background: var(--vscode-charts-red, var(--vscode-foreground));
	}
	.color-7 {
		background: var(--vscode-descriptionForeground, var(--vscode-foreground));
	}
	.table {
		max-height: 220px;
		overflow: auto;
		margin-top: 4px;
	}
	table {
		width: 100%;
		border-collapse: collapse;
		font-variant-numeric: tabular-nums;
	}
	th,
	td {
		padding: 2px 8px 2px 0;
		text-align: left;
		font-weight: normal;
		white-space: nowrap;
	}
	thead th {
		position: sticky;
		top: 0;
		background: var(--vscode-editor-background);
		color: var(--vscode-descriptionForeground);
		max-width: 160px;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.number {
		text-align: right;
	}
	/* What uPlot's own style sheet says of the parts that are used here. */
	.uplot {
		width: min-content;
	}
	.u-wrap {
		position: relative;
		user-select: none;
	}
	.u-over,
	.u-under,
	.u-axis {
		position: absolute;
	}
	.u-under {
		overflow: hidden;
	}
	.uplot canvas {
		display: block;
		position: relative;
		width: 100%;
		height: 100%;
	}
	.u-select,
	.u-cursor-pt,
	.u-cursor-y {
		display: none;
	}
	.u-cursor-x {
		position: absolute;
		top: 0;
		left: 0;
		height: 100%;
		border-right: 1px dashed var(--vscode-descriptionForeground);
		pointer-events: none;
		will-change: transform;
	}
	.u-off {
		display: none;
	}
`;
