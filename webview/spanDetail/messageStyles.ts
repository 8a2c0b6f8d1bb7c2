import { css } from "lit";

/** The conversation: role cards, Markdown, media. */
export const messageStyles = css`
	/* Messages */
	.messages ol {
		display: flex;
		flex-direction: column;
		gap: 8px;
		margin-top: 4px;
	}
	.answer {
		margin-top: 16px;
	}
	.card {
		--role: var(--vscode-descriptionForeground);
		position: relative;
		padding: 4px 8px 8px 12px;
		background: var(--card);
		border: 1px solid var(--vscode-contrastBorder, var(--line));
		border-inline-start: 3px solid var(--role);
		border-radius: 4px;
	}
	.card.user {
		--role: var(--vscode-charts-blue);
	}
	.card.assistant {
		--role: var(--vscode-charts-purple);
	}
	.card.tool,
	.card.toolCall {
		--role: var(--vscode-charts-orange);
	}
	.card-title {
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 0 6px;
		min-height: 26px;
	}
	/* As in VS Code's own lists, a row's actions show where the pointer or the focus is, over what is under them. */
	.card .tools {
		position: absolute;
		top: 5px;
		inset-inline-end: 8px;
		background: var(--vscode-editorWidget-background, var(--vscode-editor-background));
		border-radius: 5px;
	}
	@media (hover: hover) {
		.card .tools,
		.cell .tools {
			opacity: 0;
		}
		.card:hover .tools,
		.card:focus-within .tools,
		tr:hover .tools,
		tr:focus-within .tools {
			opacity: 1;
		}
	}
	.card-title > .codicon {
		color: var(--role);
	}
	.role {
		font-weight: 600;
		overflow-wrap: anywhere;
	}
	.verb {
		color: var(--vscode-descriptionForeground);
	}
	.tool-name {
		font-family: var(--vscode-editor-font-family, monospace);
		overflow-wrap: anywhere;
	}
	.run {
		display: inline-flex;
		align-items: center;
		gap: 4px;
		min-height: 24px;
		padding: 0 6px;
		color: var(--vscode-textLink-foreground);
		font-variant-numeric: tabular-nums;
		background: none;
		border: none;
		border-radius: 4px;
		cursor: pointer;
	}
	.run:hover {
		color: var(--vscode-textLink-activeForeground);
		background: var(--vscode-toolbar-hoverBackground);
		outline: 1px dashed var(--vscode-toolbar-hoverOutline, transparent);
		outline-offset: -1px;
	}
	.run.completed > .codicon:first-child {
		color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
	}
	.run.failed > .codicon:first-child {
		color: var(--failed);
	}
	.text.plaintext {
		font-family: inherit;
		font-size: inherit;
		line-height: 1.5;
	}
	.toolResult .text.plaintext {
		font-family: var(--vscode-editor-font-family, monospace);
		font-size: var(--vscode-editor-font-size, 0.95em);
		line-height: 1.4;
	}
	.text.folded {
		color: var(--vscode-descriptionForeground);
	}
	.card.user .text.folded,
	.card.assistant .text.folded {
		color: inherit;
	}
	.more {
		margin-top: 4px;
	}

	.markdown {
		display: flex;
		flex-direction: column;
		gap: 6px;
		line-height: 1.5;
	}
	.markdown :is(p, blockquote, .item, .heading) {
		margin: 0;
		white-space: pre-wrap;
		overflow-wrap: anywhere;
	}
	.markdown .heading {
		font-weight: 600;
	}
	.markdown .item {
		display: flex;
		gap: 8px;
		padding-inline-start: calc(var(--depth) * 16px);
	}
	.markdown .item > :last-child {
		min-width: 0;
	}
	.markdown .mark {
		flex: none;
	}
	.markdown blockquote {
		padding-inline-start: 10px;
		border-inline-start: 3px solid var(--vscode-textBlockQuote-border, var(--line));
	}
	.markdown hr {
		width: 100%;
		margin: 2px 0;
		border: none;
		border-top: 1px solid var(--line);
	}
	.markdown code {
		font-family: var(--vscode-editor-font-family, monospace);
		font-size: var(--vscode-editor-font-size, 0.95em);
		padding-inline: 3px;
		color: var(--vscode-textPreformat-foreground);
		background: var(--vscode-textPreformat-background, transparent);
		border-radius: 3px;
	}
	.markdown .address {
		display: inline;
		text-align: start;
		text-decoration: underline;
	}
	.history {
		display: flex;
		flex-wrap: wrap;
		gap: 4px 16px;
	}
	.history .link-button,
	.picture-place {
		min-height: 24px;
	}
	.new-line h3 {
		color: var(--vscode-descriptionForeground);
	}
	.messages .results {
		margin-top: 8px;
	}
	.results .card {
		border-inline-start-width: 2px;
		background: var(--vscode-editor-background);
	}
	.media {
		display: flex;
		flex-direction: column;
		align-items: flex-start;
		gap: 6px;
	}
	.media-chip {
		display: inline-flex;
		align-items: center;
		gap: 6px;
		max-width: 100%;
		padding: 2px 8px;
		background: var(--vscode-textCodeBlock-background);
		border: 1px solid var(--vscode-contrastBorder, var(--line));
		border-radius: 4px;
		overflow-wrap: anywhere;
	}
	.reference {
		overflow-wrap: anywhere;
	}
	.reference,
	.picture-place {
		color: var(--vscode-descriptionForeground);
	}
	.picture {
		max-width: 100%;
		max-height: 320px;
		object-fit: contain;
		/* Transparent images stay visible on every theme. */
		background: repeating-conic-gradient(#8883 0 25%, transparent 0 50%) 0 0 / 16px 16px;
		border: 1px solid var(--vscode-contrastBorder, var(--line));
		border-radius: 2px;
	}
`;
