import { css } from "lit";

export const gridStyles = css`
	:host {
		display: block;
		--flash: color-mix(in srgb, var(--vscode-charts-blue) 35%, transparent);
		--row-background: var(--vscode-panel-background, var(--vscode-editor-background));
	}
	.grid {
		position: absolute;
		inset: 0;
		overflow: hidden auto;
		overflow-anchor: none;
		outline-offset: -1px;
		font-variant-numeric: tabular-nums;
		scrollbar-gutter: stable;
	}
	.head {
		position: sticky;
		top: 0;
		z-index: 2;
		background: var(--row-background);
		border-bottom: 1px solid var(--vscode-tree-tableColumnsBorder, var(--vscode-panel-border, transparent));
	}
	.heads,
	.row {
		display: grid;
		grid-template-columns: var(--columns);
		height: 22px;
	}
	.heads {
		height: 21px;
	}
	.body {
		position: relative;
		contain: strict;
	}
	.rows {
		position: absolute;
		inset: 0 0 auto;
		will-change: transform;
	}
	.row {
		position: relative;
		contain: strict;
		line-height: 22px;
		cursor: default;
	}
	.row:hover {
		background: var(--vscode-list-hoverBackground);
	}
	.row.selected {
		color: var(--vscode-list-inactiveSelectionForeground, inherit);
		background: var(--vscode-list-inactiveSelectionBackground);
	}
	.grid:focus .row.selected {
		color: var(--vscode-list-activeSelectionForeground);
		background: var(--vscode-list-activeSelectionBackground);
		outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-contrastActiveBorder, transparent));
		outline-offset: -1px;
	}
	.grid:focus:not(:focus-visible) {
		outline: none;
	}
	.cell {
		min-width: 0;
		padding: 0 8px;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.cell.number {
		text-align: right;
	}
	.row .time,
	.row .model,
	.row .prompt,
	.cell.unknown {
		color: var(--vscode-descriptionForeground);
	}
	.row.selected .cell {
		color: inherit;
	}
	.status .codicon {
		margin-right: 6px;
		font-size: 14px;
		vertical-align: -2px;
	}
	/* Still there for those who listen. */
	.icons-only .status .codicon + span,
	.icons-only .head .status .title {
		position: absolute;
		width: 1px;
		height: 1px;
		overflow: hidden;
		clip-path: inset(50%);
	}
	.icons-only .row .status {
		text-overflow: clip;
	}
	.busy .codicon.spin {
		animation: none;
	}
	.row.running .status .codicon {
		color: var(--vscode-charts-blue);
	}
	.row.completed .status .codicon {
		color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
	}
	.row.failed .status,
	.row.failed .status .codicon {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.grid:focus .row.selected .status,
	.grid:focus .row.selected .status .codicon {
		color: inherit;
	}
	.head-cell {
		position: relative;
		padding: 0;
	}
	.sort {
		display: flex;
		align-items: center;
		gap: 2px;
		width: 100%;
		height: 21px;
		padding: 0 8px;
		font: inherit;
		font-size: 11px;
		color: var(--vscode-foreground);
		background: none;
		border: none;
		cursor: pointer;
	}
	.sort[aria-disabled] {
		cursor: default;
	}
	.sort:not([aria-disabled]):hover {
		background: var(--vscode-list-hoverBackground);
	}
	.number .sort {
		justify-content: flex-end;
	}
	.sort .title {
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
	}
	.sort .codicon {
		flex: none;
		font-size: 12px;
	}
	.handle {
		position: absolute;
		top: 0;
		right: 0;
		z-index: 1;
		width: 6px;
		height: 100%;
		cursor: col-resize;
		border-right: 1px solid var(--vscode-tree-tableColumnsBorder, transparent);
	}
	.handle:hover,
	.handle.dragging {
		border-right: 2px solid var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
	}
	.actions {
		display: flex;
		align-items: center;
		justify-content: center;
		padding: 0;
	}
	.actions button {
		width: 22px;
		height: 20px;
		padding: 0;
		color: var(--vscode-icon-foreground, inherit);
		background: none;
		border: none;
		border-radius: 4px;
		cursor: pointer;
	}
	.actions button:hover {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.heads .actions .codicon {
		font-size: 14px;
	}
	.row .actions button {
		color: inherit;
		opacity: 0;
	}
	.row:hover .actions button,
	.row.selected .actions button {
		opacity: 1;
	}
	.menu {
		position: absolute;
		top: 22px;
		right: 12px;
		z-index: 4;
		max-height: calc(100% - 26px);
		padding: 4px;
		overflow: auto;
		color: var(--vscode-menu-foreground, var(--vscode-foreground));
		background: var(--vscode-menu-background, var(--vscode-editorWidget-background));
		border: 1px solid
			var(--vscode-menu-border, var(--vscode-widget-border, var(--vscode-contrastBorder, transparent)));
		border-radius: 5px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
	}
	.menu button {
		display: flex;
		align-items: center;
		width: 100%;
		height: 24px;
		padding: 0 16px 0 4px;
		font: inherit;
		color: inherit;
		background: none;
		border: 1px solid transparent;
		border-radius: 3px;
		white-space: nowrap;
		cursor: pointer;
	}
	.menu button:hover,
	.menu button:focus {
		color: var(--vscode-menu-selectionForeground, var(--vscode-list-activeSelectionForeground));
		background: var(--vscode-menu-selectionBackground, var(--vscode-list-activeSelectionBackground));
		border-color: var(--vscode-menu-selectionBorder, var(--vscode-contrastActiveBorder, transparent));
		outline: none;
	}
	.mark {
		display: flex;
		flex: none;
		width: 22px;
	}
	.menu .separator {
		height: 1px;
		margin: 4px 0;
		background: var(--vscode-menu-separatorBackground, var(--vscode-panel-border, transparent));
	}
`;
