import { css } from "lit";
import { messageStyles } from "./messageStyles.ts";
import { overviewStyles } from "./overviewStyles.ts";
import { sectionStyles } from "./sectionStyles.ts";

/** What the whole page stands on: its frame, its buttons, and what it shows while there is no span. */
const pageStyles = css`
	:host {
		--line: var(--vscode-widget-border, var(--vscode-editorGroup-border, transparent));
		/* As the waterfall and VS Code's lists say "failed": errorForeground alone is another, fainter red in light themes. */
		--failed: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
		--card: var(--vscode-editorWidget-background, transparent);
		display: block;
		position: absolute;
		inset: 0;
		overflow: auto;
		overflow-anchor: auto;
		background: var(--vscode-editor-background);
		container-type: inline-size;
	}
	main {
		/* The hints' containing block: one as low as the chips themselves would leave no hint room on either side. */
		position: relative;
		display: flex;
		flex-direction: column;
		gap: 16px;
		max-width: 1100px;
		min-height: 100%;
		padding: 16px 20px 32px;
	}
	h1,
	h2,
	h3,
	p,
	ol,
	pre {
		margin: 0;
	}
	h1 {
		font-size: 1.3em;
		font-weight: 600;
		line-height: 1.25;
	}
	h2,
	h3 {
		font-size: 1em;
		font-weight: 600;
	}
	ol {
		padding: 0;
		list-style: none;
	}
	.codicon {
		flex: none;
	}
	.size,
	.count,
	.place {
		color: var(--vscode-descriptionForeground);
		font-variant-numeric: tabular-nums;
	}
	.size {
		white-space: nowrap;
		font-size: 0.92em;
	}

	/* Buttons */
	button {
		font: inherit;
		color: inherit;
	}
	.button {
		padding: 4px 11px;
		color: var(--vscode-button-foreground);
		background: var(--vscode-button-background);
		border: 1px solid var(--vscode-button-border, transparent);
		border-radius: 2px;
		line-height: 16px;
		cursor: pointer;
	}
	.button:hover {
		background: var(--vscode-button-hoverBackground);
	}
	.button.secondary {
		color: var(--vscode-button-secondaryForeground);
		background: var(--vscode-button-secondaryBackground);
	}
	.button.secondary:hover {
		background: var(--vscode-button-secondaryHoverBackground);
	}
	.button:focus-visible {
		outline-offset: 2px;
	}
	.icon-button {
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
	.icon-button:hover {
		background: var(--vscode-toolbar-hoverBackground);
		outline: 1px dashed var(--vscode-toolbar-hoverOutline, transparent);
		outline-offset: -1px;
	}
	.icon-button:active {
		background: var(--vscode-toolbar-activeBackground, var(--vscode-toolbar-hoverBackground));
	}
	.icon-button:focus-visible {
		outline: 1px solid var(--vscode-focusBorder);
	}
	.link-button {
		display: inline-flex;
		align-items: center;
		gap: 4px;
		padding: 0;
		color: var(--vscode-textLink-foreground);
		background: none;
		border: none;
		cursor: pointer;
	}
	.link-button:hover {
		color: var(--vscode-textLink-activeForeground);
		text-decoration: underline;
	}
	.tools {
		display: inline-flex;
		flex: none;
		gap: 2px;
		margin-left: auto;
	}
	.switch {
		flex: none;
		margin-left: auto;
	}
	.switch + .tools {
		margin-left: 0;
	}

	/* Loading, error, gone */
	.message {
		display: flex;
		flex: 1;
		flex-direction: column;
		align-items: center;
		justify-content: center;
		gap: 10px;
		min-height: 240px;
		text-align: center;
		color: var(--vscode-descriptionForeground);
	}
	.message h1 {
		font-size: 1.1em;
		color: var(--vscode-foreground);
	}
	.message > .codicon {
		font-size: 32px;
	}
	.message .error-icon {
		color: var(--failed);
	}
	.message p {
		max-width: 60ch;
		overflow-wrap: anywhere;
	}
	.reason {
		white-space: pre-wrap;
	}

	/* The words of JSON; the names are those of jsonColors.ts. */
	::highlight(json-name) {
		color: var(--vscode-debugTokenExpression-name);
	}
	::highlight(json-string) {
		color: var(--vscode-debugTokenExpression-string);
	}
	::highlight(json-number) {
		color: var(--vscode-debugTokenExpression-number);
	}
	::highlight(json-boolean) {
		color: var(--vscode-debugTokenExpression-boolean);
	}

	@container (max-width: 480px) {
		main {
			padding: 12px 12px 24px;
			gap: 14px;
		}
	}
`;

export const spanDetailStyles = [pageStyles, overviewStyles, sectionStyles, messageStyles];
