import { css } from "lit";

export const filterStyles = css`
	:host {
		display: block;
		position: relative;
	}
	.field {
		display: flex;
		align-items: center;
		gap: 4px;
		height: 24px;
		padding: 0 4px;
		color: var(--vscode-input-foreground);
		background: var(--vscode-input-background);
		border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, transparent));
		border-radius: 2px;
	}
	.field:focus-within {
		border-color: var(--vscode-focusBorder);
	}
	.field.wrong {
		border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
	}
	.codicon {
		flex: none;
		font-size: 14px;
		color: var(--vscode-icon-foreground, inherit);
	}
	input {
		flex: 1;
		min-width: 0;
		padding: 0;
		font: inherit;
		color: inherit;
		background: none;
		border: none;
		outline: none;
	}
	/* The field around it shows the focus. */
	input:focus-visible {
		outline: none;
	}
	input::placeholder {
		color: var(--vscode-input-placeholderForeground);
		opacity: 1;
	}
	button {
		flex: none;
		width: 20px;
		height: 20px;
		padding: 0;
		background: none;
		border: none;
		border-radius: 4px;
		cursor: pointer;
	}
	button:hover {
		background: var(--vscode-toolbar-hoverBackground);
	}
	.popup {
		position: absolute;
		top: 100%;
		left: 0;
		right: 0;
		z-index: 10;
		max-height: min(220px, calc(100vh - 40px));
		overflow: auto;
		color: var(--vscode-editorWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorWidget-background);
		border: 1px solid var(--vscode-widget-border, var(--vscode-contrastBorder, transparent));
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
	}
	.option {
		height: 22px;
		padding: 0 8px;
		line-height: 22px;
		overflow: hidden;
		text-overflow: ellipsis;
		white-space: nowrap;
		cursor: pointer;
	}
	.option:hover {
		background: var(--vscode-list-hoverBackground);
	}
	.option.active {
		color: var(--vscode-list-activeSelectionForeground);
		background: var(--vscode-list-activeSelectionBackground);
		outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
		outline-offset: -1px;
	}
	.problem {
		padding: 4px 8px;
		overflow-wrap: anywhere;
		color: var(--vscode-foreground);
		background: var(--vscode-inputValidation-errorBackground);
		border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-contrastBorder, transparent));
	}
`;
