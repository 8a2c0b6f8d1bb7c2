import { css, html, type TemplateResult } from "lit";
import { words } from "./words.ts";

/** Keys in the words of a keyboard; two that do the same or the two ways of one thing stand together. */
type Line = readonly [keys: readonly string[], what: string];

/** What is bound in the page itself. */
const TREE: readonly Line[] = [
	[["↓", "↑"], words.keyRows],
	[["←", "→"], words.keyFold],
	[["[", "]"], words.keyFoldAll],
	[["Enter"], words.keyOpen],
	[["?"], words.keySheet],
];
/** Commands by the keys that they come with; VS Code's list has those of the user. */
const TIME: readonly Line[] = [
	[["W", "S"], words.keyZoom],
	[["A", "D"], words.keyPan],
	[["F"], words.keyFitSpan],
	[["0"], words.fitTrace],
	[["Backspace", "Shift+Backspace"], words.keyHistory],
	[["E", "Shift+E"], words.keyErrors],
	[["U", "Shift+U"], words.keyFoldLevel],
	[["H"], words.keyFoldToHere],
	[["G"], words.toggleGroups],
	[["C"], words.criticalPath],
];
const SEARCH: readonly Line[] = [
	[["Ctrl+F", "/"], words.find],
	[["N", "Shift+N", "F3", "Shift+F3"], words.keyMatches],
	[["L"], words.keyFilter],
];
const POINTER: readonly Line[] = [
	[[words.pointerCtrlWheel], words.keyZoom],
	[[words.pointerShiftWheel], words.keyPan],
	[[words.pointerRuler], words.pointerRange],
	[[words.pointerShiftDrag], words.pointerMeasure],
	[[words.pointerDoubleClick], words.keyFitSpan],
];

/** What keys and pointer do in the waterfall; shown by `showModal`, which keeps the focus inside and gives it back. */
export function keySheet(onChangeKeys: () => void): TemplateResult {
	return html`<dialog class="sheet" aria-labelledby="sheet-title">
		<form method="dialog">
			<h2 id="sheet-title">${words.sheetTitle}</h2>
			${section(words.sheetTree, TREE)} ${section(words.sheetTime, TIME)} ${section(words.sheetSearch, SEARCH)}
			${section(words.sheetPointer, POINTER)}
			<div class="sheet-buttons">
				<button class="secondary" @click=${onChangeKeys}>${words.changeKeys}</button>
				<button autofocus>${words.close}</button>
			</div>
		</form>
	</dialog>`;
}

function section(title: string, lines: readonly Line[]): TemplateResult {
	return html`<section>
		<h3>${title}</h3>
		<dl>
			${lines.map(([keys, what]) => html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what}</dd>`)}
		</dl>
	</section>`;
}

export const keySheetStyles = css`
	.sheet {
		width: min(640px, calc(100% - 32px));
		max-height: calc(100% - 32px);
		padding: 12px 16px;
		overflow: auto;
		color: var(--vscode-editorWidget-foreground, var(--vscode-foreground));
		background: var(--vscode-editorWidget-background);
		border: 1px solid var(--vscode-editorWidget-border, var(--vscode-contrastBorder, transparent));
		border-radius: 4px;
		box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
	}
	.sheet::backdrop {
		background: transparent;
	}
	.sheet h2,
	.sheet h3 {
		margin: 0 0 6px;
		font-size: 1em;
		font-weight: 600;
	}
	.sheet h3 {
		margin-top: 12px;
		font-weight: normal;
		color: var(--vscode-descriptionForeground);
	}
	.sheet dl {
		display: grid;
		grid-template-columns: min(200px, 50%) 1fr;
		gap: 4px 16px;
		margin: 0;
	}
	.sheet dd {
		margin: 0;
	}
	.sheet kbd {
		padding: 0 5px;
		font: inherit;
		font-size: 0.9em;
		color: var(--vscode-keybindingLabel-foreground, var(--vscode-foreground));
		background: var(--vscode-keybindingLabel-background, transparent);
		border: 1px solid var(--vscode-keybindingLabel-border, var(--vscode-contrastBorder, var(--vscode-widget-border, transparent)));
		border-radius: 3px;
	}
	.sheet .secondary {
		color: var(--vscode-button-secondaryForeground, var(--vscode-button-foreground));
		background: var(--vscode-button-secondaryBackground, var(--vscode-button-background));
	}
	.sheet .secondary:hover {
		background: var(--vscode-button-secondaryHoverBackground, var(--vscode-button-hoverBackground));
	}
	.sheet-buttons {
		display: flex;
		justify-content: flex-end;
		gap: 8px;
		margin-top: 16px;
	}
`;
