import { css } from "lit";

export const spanDetailStyles = css`
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

	/* Sections */
	.section-title {
		display: flex;
		align-items: center;
		gap: 8px;
		min-height: 26px;
		min-width: 0;
	}
	.section-title h2 {
		display: flex;
	}
	.section-title .size {
		min-width: 0;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.fold {
		display: inline-flex;
		align-items: center;
		gap: 4px;
		padding: 2px 6px 2px 0;
		font-weight: 600;
		background: none;
		border: none;
		border-radius: 3px;
		cursor: pointer;
	}
	.payload {
		padding-block: 4px;
		border-top: 1px solid var(--vscode-contrastBorder, var(--line));
	}
	.payload > div {
		margin-bottom: 8px;
	}
	.block,
	.text,
	td .value,
	.setting code {
		font-family: var(--vscode-editor-font-family, monospace);
		font-size: var(--vscode-editor-font-size, 0.95em);
		white-space: pre-wrap;
		overflow-wrap: anywhere;
		tab-size: 4;
	}
	.block {
		max-height: 70vh;
		margin-top: 4px;
		padding: 8px 10px;
		overflow: auto;
		background: var(--vscode-textCodeBlock-background);
		border: 1px solid var(--vscode-contrastBorder, transparent);
		border-radius: 4px;
	}
	.cut {
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 2px 8px;
		margin-top: 4px;
		color: var(--vscode-descriptionForeground);
	}
	.empty {
		font-style: italic;
		color: var(--vscode-descriptionForeground);
	}

	/* Error */
	.error {
		padding: 4px 8px 10px 12px;
		background: var(--vscode-textCodeBlock-background);
		border: 1px solid var(--vscode-contrastBorder, transparent);
		border-inline-start: 3px solid var(--failed);
		border-radius: 4px;
	}
	.error .section-title > .codicon {
		color: var(--failed);
	}
	.error .block {
		padding: 0;
		background: none;
		border: none;
	}

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

	/* Nothing was sent */
	.missing {
		display: flex;
		flex-direction: column;
		gap: 6px;
		padding: 10px 12px;
		background: var(--card);
		border: 1px solid var(--vscode-contrastBorder, var(--line));
		border-radius: 4px;
	}
	.missing h2 {
		display: flex;
		align-items: center;
		gap: 6px;
	}
	.setting {
		display: flex;
		align-items: center;
		gap: 8px;
	}
	.setting code {
		padding: 2px 6px;
		color: var(--vscode-textPreformat-foreground);
		background: var(--vscode-textPreformat-background, var(--vscode-textCodeBlock-background));
		border-radius: 3px;
	}

	/* Attributes */
	table {
		width: 100%;
		margin-top: 4px;
		border-collapse: collapse;
		table-layout: fixed;
	}
	.name-column {
		width: 36%;
	}
	th {
		padding: 4px 12px 4px 0;
		font-weight: normal;
		text-align: start;
		vertical-align: top;
		color: var(--vscode-descriptionForeground);
		overflow-wrap: anywhere;
	}
	td {
		padding: 4px 0;
		vertical-align: top;
	}
	tbody tr {
		border-top: 1px solid var(--vscode-contrastBorder, var(--line));
	}
	tbody tr:first-child {
		border-top: none;
	}
	.cell {
		display: flex;
		align-items: flex-start;
		gap: 8px;
	}
	.cell .value {
		flex: 1;
		min-width: 0;
	}
	.cell .tools {
		margin-block: -3px;
	}

	/* Events and links */
	.moment + .moment {
		margin-top: 6px;
		padding-top: 6px;
		border-top: 1px solid var(--vscode-contrastBorder, var(--line));
	}
	.moment-title {
		display: flex;
		flex-wrap: wrap;
		align-items: center;
		gap: 2px 10px;
		min-height: 24px;
		overflow-wrap: anywhere;
	}
	.moment-title .link-button {
		min-height: 24px;
	}
	.offset {
		min-width: 7em;
		color: var(--vscode-descriptionForeground);
		font-variant-numeric: tabular-nums;
	}
	.moment-name {
		font-weight: 600;
	}
	.moment table {
		margin-inline-start: 12px;
		width: calc(100% - 12px);
	}
	.frame {
		display: inline;
		font: inherit;
		text-align: start;
		text-decoration: underline;
		white-space: pre-wrap;
		overflow-wrap: anywhere;
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
		table,
		tbody,
		tr,
		th,
		td {
			display: block;
			width: auto;
		}
		th {
			padding: 4px 0 0;
		}
		td {
			padding: 0 0 4px;
		}
	}
`;
