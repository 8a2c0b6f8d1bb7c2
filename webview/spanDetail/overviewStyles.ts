import { css } from "lit";

/** The head of the page: name, status, place, and the numbers with their hints. */
export const overviewStyles = css`
	/* Overview */
	header {
		display: grid;
		grid-template-columns: minmax(0, 1fr) auto;
		gap: 4px 16px;
		align-items: start;
	}
	.title {
		display: flex;
		flex-wrap: wrap;
		align-items: baseline;
		gap: 4px 8px;
		min-width: 0;
	}
	.kind-icon {
		align-self: center;
		color: var(--vscode-descriptionForeground);
	}
	h1 {
		display: -webkit-box;
		-webkit-box-orient: vertical;
		-webkit-line-clamp: 3;
		max-width: 100%;
		overflow: hidden;
		overflow-wrap: anywhere;
		unicode-bidi: isolate;
	}
	.status {
		display: inline-flex;
		align-items: center;
		gap: 4px;
		align-self: center;
		white-space: nowrap;
	}
	.status.running .codicon {
		color: var(--vscode-progressBar-background, var(--vscode-charts-blue));
	}
	.status.completed .codicon {
		color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
	}
	/* The word keeps the text's colour: the themes' red is too faint for small letters. */
	.status.failed .codicon {
		color: var(--failed);
	}
	.status.failed span:not(.codicon) {
		font-weight: 600;
	}
	.place {
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 0 14px;
		grid-column: 1;
		min-width: 0;
		overflow-wrap: anywhere;
	}
	.id {
		display: inline-flex;
		align-items: center;
		gap: 2px;
		min-width: 0;
	}
	.place .link-button {
		min-height: 24px;
	}
	/* They stand together, whichever line they fall on. */
	.verbs {
		display: inline-flex;
		gap: 14px;
	}
	.marked {
		display: inline-flex;
		align-items: center;
		gap: 4px;
		color: var(--vscode-foreground);
	}
	.id code {
		font-family: var(--vscode-editor-font-family, monospace);
		font-size: 0.92em;
	}
	.action {
		grid-column: 2;
		grid-row: 1 / span 2;
		white-space: nowrap;
	}
	.connection,
	.hint-line {
		display: flex;
		align-items: center;
		gap: 6px;
		overflow-wrap: anywhere;
	}
	.connection {
		padding: 4px 10px;
		background: var(--vscode-inputValidation-warningBackground, transparent);
		border: 1px solid var(--vscode-inputValidation-warningBorder, var(--vscode-contrastBorder, transparent));
	}
	.hint-line {
		color: var(--vscode-descriptionForeground);
	}

	/* Numbers */
	.chips {
		display: flex;
		flex-wrap: wrap;
		gap: 8px;
	}
	.chip-place {
		display: flex;
		anchor-scope: --chip;
	}
	button.chip {
		anchor-name: --chip;
	}
	.chip {
		display: flex;
		flex-direction: column;
		align-items: flex-start;
		min-width: 84px;
		max-width: 100%;
		padding: 5px 10px 6px;
		text-align: start;
		background: var(--card);
		border: 1px solid var(--vscode-contrastBorder, var(--line));
		border-radius: 4px;
	}
	button.chip {
		cursor: help;
	}
	.chip .label {
		font-size: 0.85em;
		color: var(--vscode-descriptionForeground);
		white-space: nowrap;
	}
	.chip .value {
		font-weight: 600;
		font-variant-numeric: tabular-nums;
		overflow-wrap: anywhere;
	}
	.hint {
		position: absolute;
		position-anchor: --chip;
		/* Under its number, to the side on which there is room. */
		top: calc(anchor(bottom) + 4px);
		left: anchor(left);
		position-try-fallbacks: flip-inline;
		z-index: 1;
		width: max-content;
		/* Half of the page always fits on one side or the other; a hidden hint that does not would scroll the page. */
		max-width: min(420px, 50%);
		padding: 4px 8px;
		color: var(--vscode-editorHoverWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorHoverWidget-background, var(--vscode-editor-background));
		border: 1px solid var(--vscode-editorHoverWidget-border, var(--vscode-contrastBorder, var(--line)));
		border-radius: 3px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
		overflow-wrap: anywhere;
		visibility: hidden;
	}
	.chip:hover + .hint,
	.hint:hover,
	.chip:focus-visible + .hint,
	.hint.pinned {
		visibility: visible;
	}
	.chip:hover + .hint {
		transition: visibility 0s 0.3s;
	}

	@container (max-width: 480px) {
		header {
			grid-template-columns: minmax(0, 1fr);
		}
		.place,
		.action {
			grid-column: 1;
			grid-row: auto;
			justify-self: start;
		}
		.chips {
			display: grid;
			grid-template-columns: repeat(2, minmax(0, 1fr));
		}
		.chip {
			width: 100%;
		}
		.hint {
			left: 12px;
			right: 12px;
			width: auto;
			max-width: none;
		}
	}
`;
