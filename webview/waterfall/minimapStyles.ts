import { css } from "lit";

export const minimapStyles = css`
	.minimap {
		position: absolute;
		top: 0;
		left: var(--tree-width);
		width: var(--time-width);
		height: var(--overview-height);
		overflow: hidden;
		cursor: crosshair;
		touch-action: none;
		user-select: none;
		border-bottom: 1px solid var(--vscode-editorGroup-border, var(--vscode-panel-border, transparent));
		box-sizing: border-box;
		--box-left: 0px;
		--box-right: 100%;
	}
	.minimap canvas {
		display: block;
	}
	.minimap.zoomed::before,
	.minimap.zoomed::after {
		content: "";
		position: absolute;
		top: 0;
		bottom: 0;
		background: var(--vscode-editor-background);
		opacity: 0.6;
		pointer-events: none;
	}
	.minimap.zoomed::before {
		left: 0;
		width: var(--box-left);
	}
	.minimap.zoomed::after {
		left: var(--box-right);
		right: 0;
	}
	.box {
		position: absolute;
		top: 0;
		bottom: 0;
		left: var(--box-left);
		width: calc(var(--box-right) - var(--box-left));
		min-width: 1px;
	}
	.minimap.zoomed .box {
		cursor: grab;
		background: var(--vscode-minimapSlider-background, transparent);
		outline: 1px solid var(--vscode-minimapSlider-activeBackground, var(--vscode-focusBorder));
		outline-offset: -1px;
	}
	.minimap.zoomed .box:hover {
		background: var(--vscode-minimapSlider-hoverBackground, transparent);
	}
	.minimap.zoomed .box:active {
		cursor: grabbing;
	}
	/* Wide enough to be hit; the grip inside is what is seen. */
	.handle {
		position: absolute;
		z-index: 1;
		top: 0;
		bottom: 0;
		left: var(--box-left);
		width: 10px;
		margin-left: -8px;
		cursor: ew-resize;
		outline: none;
	}
	.handle.end {
		left: var(--box-right);
		margin-left: -2px;
	}
	.handle::after {
		content: "";
		position: absolute;
		top: 8px;
		bottom: 8px;
		left: 5px;
		width: 3px;
		border-radius: 2px;
		background: var(--vscode-descriptionForeground);
		opacity: 0.5;
	}
	.handle.end::after {
		left: 2px;
	}
	.minimap:hover .handle::after,
	.minimap.zoomed .handle::after {
		opacity: 1;
	}
	.handle:hover::after {
		background: var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
	}
	.handle:focus-visible {
		outline: 1px solid var(--vscode-focusBorder);
		outline-offset: -1px;
	}
	:host(.no-overview) .minimap {
		display: none;
	}
	@media (forced-colors: active) {
		.minimap.zoomed .box {
			outline: 1px solid Highlight;
		}
		.handle::after {
			background: ButtonText;
		}
	}
`;
