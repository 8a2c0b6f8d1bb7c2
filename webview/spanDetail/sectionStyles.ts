import { css } from "lit";

/** Sections that fold, blocks of text, the error, tables of attributes, events and links. */
export const sectionStyles = css`
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

	@container (max-width: 480px) {
		/* A size is never cut: it says how much there is. */
		.section-title .size {
			white-space: normal;
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
