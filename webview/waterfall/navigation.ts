import { assertNever } from "../../src/base/assert.ts";
import { SpanStateCode } from "../../src/model/span.ts";
import type { KeyAction } from "./keys.ts";
import type { TraceModel } from "./model.ts";

/** What a key comes to, given where one is; indexes are places of visible rows. */
export type Step =
	| { readonly do: "select"; readonly index: number }
	| { readonly do: "toggle"; readonly index: number }
	| { readonly do: "open"; readonly index: number }
	| { readonly do: "expandAll" }
	| { readonly do: "collapseAll" }
	| undefined;

/**
 * The failed span after a row of the tree, or before it, also inside folds; from the other end once it is passed, undefined
 * when none failed. `row` is -1 when nothing is selected.
 */
export function failedFrom({ layout, table }: TraceModel, row: number, direction: 1 | -1): number | undefined {
	const { rowCount, node } = layout;
	for (let step = 1; step <= rowCount; step++) {
		const start = row < 0 && direction < 0 ? 0 : row;
		const found = node[(((start + direction * step) % rowCount) + rowCount) % rowCount];
		if (found >= 0 && table.state[found] === SpanStateCode.failed) return found;
	}
	return undefined;
}

/** Whether a visible row has others below it to show or hide. */
export function canFold({ rows, layout }: TraceModel, index: number): boolean {
	return rows.isHead(index) || layout.childCount[rows.rowAt(index)] > 0;
}

/**
 * The tree pattern of the ARIA Authoring Practices: right opens, then enters; left closes, then leaves for the parent.
 * `index` is -1 when nothing is selected, `pageRows` what a page key moves by.
 */
export function stepOf(action: KeyAction, model: TraceModel, index: number, pageRows: number): Step {
	const { rows, layout } = model;
	const last = rows.count - 1;
	if (last < 0) return undefined;
	const select = (to: number): Step => ({ do: "select", index: Math.min(last, Math.max(0, to)) });
	switch (action) {
		case "next":
			return select(index + 1);
		case "previous":
			return select(index - 1);
		case "first":
			return select(0);
		case "last":
			return select(last);
		case "pageDown":
			return select(Math.max(0, index) + pageRows);
		case "pageUp":
			return select(index - pageRows);
		case "expandAll":
			return { do: "expandAll" };
		case "collapseAll":
			return { do: "collapseAll" };
		case "toggle":
			return index < 0 ? undefined : { do: "toggle", index };
		case "open":
			if (index < 0) return undefined;
			// A group has no details of its own: what one wants of it are its members.
			return rows.isHead(index) ? { do: "toggle", index } : { do: "open", index };
		case "expand": {
			if (index < 0 || !canFold(model, index)) return undefined;
			return rows.isFoldedAt(index) ? { do: "toggle", index } : select(index + 1);
		}
		case "collapse": {
			if (index < 0) return undefined;
			if (canFold(model, index) && !rows.isFoldedAt(index)) return { do: "toggle", index };
			if (rows.isMember(index)) return select(rows.headOf(index));
			const parentRow = layout.parentRow(rows.rowAt(index));
			return parentRow < 0 ? undefined : select(rows.indexOfRow(parentRow));
		}
		default:
			return assertNever(action, "key action");
	}
}
