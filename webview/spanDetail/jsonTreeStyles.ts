import { css } from "lit";

export const jsonTreeStyles = css`
	:host {
		display: block;
		margin-top: 4px;
		font-family: var(--vscode-editor-font-family, monospace);
		font-size: var(--vscode-editor-font-size, 0.95em);
		background: var(--vscode-editor-background);
		border: 1px solid var(--vscode-widget-border, var(--vscode-contrastBorder, transparent));
		border-radius: 4px;
	}
	.bar {
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 2px;
		padding: 2px 4px;
		font-family: var(--vscode-font-family);
		font-size: var(--vscode-font-size);
		border-bottom: 1px solid var(--vscode-widget-border, var(--vscode-contrastBorder, transparent));
	}
	.search {
		display: inline-flex;
		flex: 1 1 160px;
		align-items: center;
		gap: 2px;
		max-width: 380px;
		min-width: 0;
	}
	input {
		flex: 1;
		min-width: 40px;
		height: 24px;
		padding: 0 6px;
		font: inherit;
		color: var(--vscode-input-foreground);
		background: var(--vscode-input-background);
		border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
	}
	input::placeholder {
		color: var(--vscode-input-placeholderForeground);
		opacity: 1;
	}
	.found {
		min-width: 5em;
		padding-inline: 4px;
		color: var(--vscode-descriptionForeground);
		white-space: nowrap;
		font-variant-numeric: tabular-nums;
	}
	button {
		display: inline-flex;
		align-items: center;
		justify-content: center;
		width: 24px;
		height: 24px;
		padding: 0;
		color: var(--vscode-icon-foreground, var(--vscode-foreground));
		background: none;
		border: none;
		border-radius: 5px;
		cursor: pointer;
	}
	button:hover:not(:disabled) {
		background: var(--vscode-toolbar-hoverBackground);
	}
	button:disabled {
		opacity: 0.4;
		cursor: default;
	}
	.viewport {
		position: relative;
		max-height: 60vh;
		min-height: 22px;
		overflow: auto;
		/* Rows come and go as it scrolls: the browser's own anchoring would fight that. */
		overflow-anchor: none;
	}
	.spacer {
		overflow: hidden;
	}
	/* The height is that of ROW_HEIGHT in jsonTree.ts. */
	.row {
		display: flex;
		align-items: center;
		height: 22px;
		padding-inline-start: calc(var(--depth) * 14px);
		padding-inline-end: 8px;
		white-space: pre;
		cursor: default;
	}
	.row:hover {
		background: var(--vscode-list-hoverBackground);
	}
	.row.active {
		outline: 1px solid var(--vscode-list-inactiveFocusOutline, var(--vscode-contrastActiveBorder, transparent));
		outline-offset: -1px;
		background: var(--vscode-list-inactiveSelectionBackground);
	}
	.viewport:focus .row.active {
		outline-color: var(--vscode-list-focusOutline, var(--vscode-focusBorder));
	}
	/* The colours of JSON are too faint on the selection's. */
	.row.active :is(.key, .value, .brackets, .size) {
		color: inherit;
	}
	/* Marked as a whole: most rows are shorter than what one searches in an editor. */
	.match .key,
	.match .value {
		background: var(--vscode-editor-findMatchHighlightBackground, transparent);
		/* Colours of values are made for the editor's own ground; on this one they fade. */
		color: var(--vscode-foreground);
		outline: 1px solid var(--vscode-editor-findMatchHighlightBorder, var(--vscode-contrastActiveBorder, transparent));
		outline-offset: -1px;
		border-radius: 2px;
	}
	.twisty {
		display: inline-flex;
		flex: none;
		justify-content: center;
		width: 22px;
		cursor: pointer;
	}
	.key {
		flex: none;
		max-width: 40%;
		overflow: hidden;
		text-overflow: ellipsis;
		color: var(--vscode-debugTokenExpression-name);
	}
	.key.index {
		color: var(--vscode-descriptionForeground);
	}
	.colon {
		padding-inline-end: 0.6em;
	}
	.value {
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.string {
		color: var(--vscode-debugTokenExpression-string);
	}
	.number {
		color: var(--vscode-debugTokenExpression-number);
	}
	.boolean,
	.null {
		color: var(--vscode-debugTokenExpression-boolean);
	}
	.brackets {
		color: var(--vscode-descriptionForeground);
	}
	.size {
		flex: none;
		padding-inline-start: 0.8em;
		font-family: var(--vscode-font-family);
		color: var(--vscode-descriptionForeground);
	}
	.path {
		display: flex;
		align-items: center;
		gap: 2px;
		padding: 1px 4px 1px 8px;
		color: var(--vscode-descriptionForeground);
		border-top: 1px solid var(--vscode-widget-border, var(--vscode-contrastBorder, transparent));
	}
	.path code {
		flex: 1;
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		font-family: inherit;
	}
	pre {
		max-height: 30vh;
		margin: 0;
		padding: 4px 8px;
		overflow: auto;
		font: inherit;
		white-space: pre-wrap;
		overflow-wrap: anywhere;
		background: var(--vscode-textCodeBlock-background);
	}
	.note {
		margin: 0;
		padding: 4px 8px;
		color: var(--vscode-descriptionForeground);
	}
`;
