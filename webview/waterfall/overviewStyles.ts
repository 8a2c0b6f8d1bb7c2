import { css } from "lit";

/** What stands above the names: where the time went, and the buttons. */
export const overviewStyles = css`
	.shares {
		position: absolute;
		top: 0;
		left: 0;
		width: var(--tree-width);
		height: var(--overview-height);
		padding: 8px 12px 0;
		box-sizing: border-box;
		overflow: hidden;
		font-size: 11px;
		color: var(--vscode-descriptionForeground);
	}
	.shares[hidden],
	:host(.no-overview) .shares {
		display: none;
	}
	.share-bar {
		display: flex;
		gap: 1px;
		height: 6px;
		overflow: hidden;
		border-radius: 2px;
	}
	.share-bar > span {
		flex: 0 1 0;
		min-width: 2px;
	}
	/* What has no room in the line is left out whole, from the end. */
	.share-legend {
		display: flex;
		flex-wrap: wrap;
		gap: 0 12px;
		height: 18px;
		overflow: hidden;
		line-height: 18px;
		font-variant-numeric: tabular-nums;
	}
	.share {
		display: flex;
		align-items: center;
		gap: 4px;
		white-space: nowrap;
	}
	.swatch {
		width: 8px;
		height: 8px;
		border-radius: 2px;
	}
	.shares .model {
		background: var(--vscode-charts-purple);
	}
	.shares .tool {
		background: var(--vscode-charts-blue);
	}
	.shares .retrieval {
		background: var(--vscode-charts-green);
	}
	.shares .other {
		background: color-mix(in srgb, var(--vscode-descriptionForeground) 60%, transparent);
	}
	.shares .idle {
		background: repeating-linear-gradient(
			135deg,
			var(--vscode-descriptionForeground) 0 1px,
			transparent 1px 3px
		);
	}
	:host(.contrast) .share-bar > span,
	:host(.contrast) .swatch {
		outline: 1px solid var(--vscode-contrastBorder, transparent);
		outline-offset: -1px;
	}
	.actions {
		position: absolute;
		top: var(--overview-height);
		left: 0;
		width: calc(var(--tree-width) - 6px);
		height: 24px;
		display: flex;
		align-items: center;
		justify-content: flex-end;
		gap: 2px;
		pointer-events: none;
	}
	.action {
		display: grid;
		place-items: center;
		width: 22px;
		height: 20px;
		padding: 0;
		color: var(--vscode-icon-foreground, var(--vscode-foreground));
		background: transparent;
		border: 1px solid transparent;
		border-radius: 5px;
		cursor: pointer;
		pointer-events: auto;
	}
	.action[hidden] {
		display: none;
	}
	.action:hover {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.action:focus-visible {
		outline: 1px solid var(--vscode-focusBorder);
		outline-offset: -1px;
	}
	.action.on,
	.action[aria-pressed="true"] {
		color: var(--vscode-inputOption-activeForeground, var(--vscode-foreground));
		background: var(--vscode-inputOption-activeBackground, transparent);
		border-color: var(--vscode-inputOption-activeBorder, var(--vscode-contrastActiveBorder, transparent));
	}
	:host(.contrast) .action:hover {
		outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
		outline-offset: -1px;
	}
	:host(.narrow) .action.fitTrace,
	:host(.narrow) .action.toggleCriticalPath {
		display: none;
	}
	@media (forced-colors: active) {
		.shares .model,
		.shares .tool,
		.shares .retrieval,
		.shares .other {
			forced-color-adjust: none;
		}
	}
`;
