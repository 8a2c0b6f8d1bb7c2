import { css } from "lit";

export const chartStyles = css`
	:host {
		display: block;
		position: relative;
		overflow: hidden;
		--tree-width: 320px;
		--time-width: 0px;
		--overview-height: 0px;
	}
	.chart {
		position: absolute;
		inset: var(--overview-height) 0 0;
		display: flex;
		flex-direction: column;
	}
	.head {
		flex: none;
		display: flex;
		height: 24px;
		align-items: center;
		color: var(--vscode-descriptionForeground);
		border-bottom: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
	}
	.head .column {
		width: var(--tree-width);
		/* On the right is room for all buttons, and for fewer when some are hidden. */
		padding: 0 152px 0 28px;
		font-size: 11px;
		overflow: hidden;
		white-space: nowrap;
		container-type: inline-size;
	}
	/* Half a word says less than none. */
	@container (max-width: 3.2em) {
		.head .column > span {
			visibility: hidden;
		}
	}
	.scroller {
		flex: 1;
		min-height: 0;
		overflow: hidden auto;
		/* What stands where is ours to say, also while the tree's height changes. */
		overflow-anchor: none;
		position: relative;
	}
	.sizer {
		width: 1px;
	}
	.tree {
		position: sticky;
		top: 0;
		overflow: hidden;
		outline: none;
	}
	.rows {
		will-change: transform;
	}
	/* A row has few elements, and lays out those that say something: each one costs in every frame that scrolls. */
	.row {
		display: flex;
		align-items: center;
		width: 100%;
		padding-right: calc(100% - var(--tree-width) + 8px);
		/* The row itself says how far it is indented, by its padding and the width of this. */
		background: no-repeat 8px 0 / 0
			repeating-linear-gradient(
				to right,
				transparent 0 7px,
				var(--vscode-tree-inactiveIndentGuidesStroke, var(--vscode-editorIndentGuide-background1, transparent)) 7px 8px
			);
		line-height: 22px;
		white-space: nowrap;
		cursor: pointer;
		contain: strict;
		user-select: none;
	}
	.depth:not([data-depth]),
	.note:empty,
	.badge:empty,
	.inside:empty,
	.flag:empty,
	.row-duration:empty {
		display: none;
	}
	.row:hover {
		background-color: var(--vscode-list-hoverBackground);
		color: var(--vscode-list-hoverForeground, inherit);
	}
	.row.selected {
		background-color: var(--vscode-list-inactiveSelectionBackground);
		color: var(--vscode-list-inactiveSelectionForeground, inherit);
	}
	.tree:focus .row.selected {
		background-color: var(--vscode-list-activeSelectionBackground);
		color: var(--vscode-list-activeSelectionForeground, inherit);
	}
	.tree:focus-visible .row.selected {
		outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-focusBorder));
		outline-offset: -1px;
	}
	.tree:focus-visible:not(:has(.row.selected)) {
		outline: 1px solid var(--vscode-focusBorder);
		outline-offset: -1px;
	}
	.depth::before {
		content: attr(data-depth);
	}
	.depth[data-depth] {
		flex: none;
		margin-left: 4px;
		padding: 0 4px;
		border-radius: 3px;
		font-size: 10px;
		line-height: 14px;
		color: var(--vscode-descriptionForeground);
		border: 1px solid var(--vscode-tree-indentGuidesStroke, currentColor);
	}
	.twistie {
		flex: none;
		width: 16px;
		margin-right: 2px;
		text-align: center;
		line-height: 22px;
	}
	.kind {
		flex: none;
		width: 16px;
		margin-right: 6px;
		line-height: 22px;
		color: var(--vscode-descriptionForeground);
	}
	.row.model .kind {
		color: var(--vscode-charts-purple);
	}
	.row.tool .kind {
		color: var(--vscode-charts-blue);
	}
	.row.retrieval .kind {
		color: var(--vscode-charts-green);
	}
	.tree:focus .row.selected .kind,
	.row.selected .note,
	.row.selected .row-duration,
	.tree:focus .row.selected .state:not(.failed) {
		color: inherit;
	}
	/* Two lines high in truth and one to the eye: a note that has no room for some letters is not shown at all. */
	.words {
		display: flex;
		flex: 0 1 auto;
		flex-wrap: wrap;
		column-gap: 6px;
		height: 22px;
		min-width: 32px;
		overflow: hidden;
	}
	.name {
		min-width: 32px;
		max-width: 100%;
		overflow: hidden;
		text-overflow: ellipsis;
	}
	.row.placeholder .name {
		font-style: italic;
		color: var(--vscode-descriptionForeground);
	}
	.row.failed .name {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.tree:focus .row.selected .name {
		color: inherit;
	}
	.note {
		flex: 1 1 8ch;
		max-width: max-content;
		overflow: hidden;
		text-overflow: ellipsis;
		font-size: 0.9em;
		color: var(--vscode-descriptionForeground);
	}
	.badge:not(:empty) {
		flex: none;
		margin-left: 6px;
		padding: 0 5px;
		min-width: 16px;
		text-align: center;
		border-radius: 8px;
		font-size: 10px;
		line-height: 16px;
		color: var(--vscode-badge-foreground);
		background: var(--vscode-badge-background);
		border: 1px solid var(--vscode-contrastBorder, transparent);
	}
	.row.noteless .words {
		display: contents;
	}
	/* How many they are stands at the name; what they used comes after. */
	.row.group .words {
		display: contents;
	}
	.row.group .name {
		order: 1;
		min-width: 24px;
	}
	.row.group .badge {
		order: 2;
		margin: 0 6px;
	}
	.row.group .note {
		order: 3;
		flex: 0 1 auto;
		min-width: 0;
	}
	.row.group .flag {
		order: 3;
	}
	.row.group .row-duration {
		order: 4;
	}
	.row.group .state {
		order: 5;
		margin-left: auto;
	}
	.row.group .row-duration:not(:empty) + .state {
		margin-left: 6px;
	}
	.row.hides-failure .badge {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
		background: transparent;
		border-color: currentColor;
	}
	.row.hides-failure .badge::before {
		content: "\\ea87";
		margin-right: 3px;
		font: 10px/1 codicon;
		vertical-align: -1px;
	}
	.tree:focus .row.selected.hides-failure .badge {
		color: inherit;
	}
	.flag:not(:empty) {
		flex: none;
		margin-left: 6px;
		font-size: 14px;
		color: var(--vscode-editorWarning-foreground, var(--vscode-charts-yellow));
	}
	.tree:focus .row.selected .flag {
		color: inherit;
	}
	.row-duration {
		flex: none;
		margin-left: auto;
		padding-left: 8px;
		font-size: 0.9em;
		font-variant-numeric: tabular-nums;
		color: var(--vscode-descriptionForeground);
	}
	.state {
		flex: none;
		width: 16px;
		margin-left: 6px;
		line-height: 16px;
	}
	.row-duration:empty + .state {
		margin-left: auto;
	}
	/* No opacity: that is a layer of its own for each row, to be made anew in each frame that scrolls. */
	.state.completed {
		color: color-mix(in srgb, var(--vscode-descriptionForeground) 60%, transparent);
	}
	.state.running {
		color: var(--vscode-charts-blue);
	}
	.state.failed {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.ruler {
		flex: 1;
		align-self: stretch;
		cursor: crosshair;
		touch-action: none;
		user-select: none;
	}
	.time {
		position: absolute;
		top: var(--overview-height);
		bottom: 0;
		left: var(--tree-width);
		overflow: hidden;
		pointer-events: none;
	}
	.time canvas {
		display: block;
	}
	.crosshair,
	.band {
		position: absolute;
		top: 0;
		bottom: 0;
		left: 0;
	}
	.crosshair {
		width: 1px;
		background: var(--vscode-editorCursor-foreground, var(--vscode-foreground));
		opacity: 0.5;
	}
	.band {
		background: var(--vscode-editor-selectionBackground);
		border: 1px solid var(--vscode-focusBorder);
		border-width: 0 1px;
		box-sizing: border-box;
		opacity: 0.5;
	}
	.crosshair-text,
	.band-text {
		position: absolute;
		top: 2px;
		left: 0;
		padding: 0 5px;
		line-height: 18px;
		font-size: 11px;
		white-space: nowrap;
		font-variant-numeric: tabular-nums;
		color: var(--vscode-editorHoverWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorHoverWidget-background);
		border: 1px solid var(--vscode-editorHoverWidget-border, var(--vscode-contrastBorder, transparent));
		border-radius: 3px;
	}
	.band-text {
		top: 30px;
	}
	.divider {
		position: absolute;
		top: var(--overview-height);
		bottom: 0;
		left: calc(var(--tree-width) - 2px);
		width: 5px;
		cursor: col-resize;
		touch-action: none;
	}
	.divider::after {
		content: "";
		position: absolute;
		inset: 0 2px;
		background: var(--vscode-editorGroup-border, var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)));
	}
	.divider:hover::after,
	.divider.dragging::after {
		inset: 0;
		background: var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
		transition: background 0.1s 0.3s;
	}
	.divider.dragging::after {
		transition: none;
	}
	.tooltip {
		position: absolute;
		top: 0;
		left: 0;
		z-index: 1;
		max-width: min(480px, calc(100% - 8px));
		padding: 6px 9px;
		pointer-events: none;
		color: var(--vscode-editorHoverWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorHoverWidget-background);
		border: 1px solid var(--vscode-editorHoverWidget-border, var(--vscode-contrastBorder, transparent));
		border-radius: 3px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
		overflow-wrap: anywhere;
	}
	.tooltip-name {
		display: -webkit-box;
		-webkit-box-orient: vertical;
		-webkit-line-clamp: 3;
		overflow: hidden;
		font-weight: 600;
	}
	.tooltip dl {
		display: grid;
		grid-template-columns: max-content 1fr;
		gap: 1px 10px;
		margin: 4px 0 0;
	}
	.tooltip dt {
		color: var(--vscode-descriptionForeground);
	}
	.tooltip dd {
		margin: 0;
		font-variant-numeric: tabular-nums;
	}
	.tooltip dd.error {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	:host(.narrow) .divider,
	:host(.narrow) .time {
		display: none;
	}
	:host(.narrow) .row {
		padding-right: 8px;
	}
	@media (forced-colors: active) {
		.row.selected {
			outline: 1px solid Highlight;
			outline-offset: -1px;
		}
	}
	:host(.contrast) .row.selected {
		outline: 1px dotted var(--vscode-contrastActiveBorder, var(--vscode-focusBorder));
		outline-offset: -1px;
	}
	:host(.contrast) .tree:focus .row.selected {
		outline-style: solid;
	}
	:host(.contrast) .row:hover {
		outline: 1px dashed var(--vscode-contrastActiveBorder, var(--vscode-focusBorder));
		outline-offset: -1px;
	}
`;
