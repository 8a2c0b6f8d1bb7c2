import { css } from "lit";
import { formatCount } from "../../src/base/quantity.ts";
import { fill } from "../shared/words.ts";
import type { TraceModel } from "./model.ts";
import { words } from "./words.ts";

/** What a search says of one row. */
export interface RowMatch {
	readonly isHit: boolean;
	/** Steps back behind the others. */
	readonly isDim: boolean;
	/** Hits that the row hides: in its fold, or in its group. */
	readonly hidden: number;
}

const NONE: RowMatch = { isHit: false, isDim: false, hidden: 0 };

export function matchOf(model: TraceModel, index: number): RowMatch {
	const { marks, rows } = model;
	if (marks.query === undefined && marks.wanted === undefined) return NONE;
	const node = rows.nodeAt(index);
	const hidden = marks.hitsIn(rows.hiddenBy(index));
	return { isHit: marks.isHit(node), isDim: hidden === 0 && marks.isDim(node), hidden };
}

/** As classes of the row's element, with a blank before each. */
export function matchClasses({ isHit, isDim, hidden }: RowMatch): string {
	return `${isHit ? " match" : ""}${isDim ? " dim" : ""}${hidden > 0 ? " hides-match" : ""}`;
}

/** For who does not see it. */
export function matchWords({ isHit, hidden }: RowMatch): string[] {
	const inside = hidden === 1 ? words.matchesInsideOne : fill(words.matchesInside, formatCount(hidden));
	return [...(isHit ? [words.match] : []), ...(hidden > 0 ? [inside] : [])];
}

/** The text as it stands, with what is searched for in elements of its own. */
export function markedText(parts: readonly string[]): (Node | string)[] {
	return parts.map((part, at) => {
		if (at % 2 === 0) return part;
		const mark = document.createElement("mark");
		mark.textContent = part;
		return mark;
	});
}

export const matchStyles = css`
	mark {
		color: inherit;
		background: var(--vscode-editor-findMatchHighlightBackground, transparent);
		border-radius: 2px;
	}
	.row.selected mark {
		background: var(--vscode-editor-findMatchBackground, transparent);
		color: var(--vscode-editor-findMatchForeground, inherit);
	}
	/* What matches in its payload only has no word to mark. */
	.row.match {
		box-shadow: inset 3px 0 0 var(--vscode-editorOverviewRuler-findMatchForeground, var(--vscode-charts-orange));
	}
	/* A mix that can still be read: the contrast of fainter text would be too low. A failure never steps back. */
	.row.dim:not(:hover, .selected) :is(.name, .note, .row-duration) {
		color: color-mix(in srgb, var(--vscode-foreground) 70%, var(--vscode-editor-background));
	}
	.row.dim.failed:not(:hover, .selected) .name {
		color: var(--vscode-list-errorForeground, var(--vscode-errorForeground));
	}
	.row.dim:not(:hover, .selected) :is(.kind, .state:not(.failed)) {
		opacity: 0.45;
	}
	.inside:not(:empty) {
		flex: none;
		margin-left: 4px;
		padding: 0 5px;
		min-width: 16px;
		text-align: center;
		border-radius: 8px;
		font-size: 10px;
		line-height: 16px;
		background: var(--vscode-editor-findMatchHighlightBackground, transparent);
		border: 1px solid var(--vscode-editor-findMatchHighlightBorder, transparent);
	}
	.row.group .inside {
		order: 2;
	}
	:host(.contrast) mark {
		outline: 1px solid var(--vscode-editor-findMatchHighlightBorder, var(--vscode-contrastActiveBorder, currentColor));
		outline-offset: -1px;
	}
`;
