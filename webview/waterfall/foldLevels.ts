import type { TraceLayout } from "./layout.ts";
import type { TraceModel } from "./model.ts";
import { canFold } from "./navigation.ts";

/** Level of a visible row: members of an open group stand one below its head. */
function levelAt(layout: TraceLayout, model: TraceModel, index: number): number {
	return layout.depth[model.rows.rowAt(index)] + Number(model.rows.isMember(index));
}

/**
 * Folds the open rows of the deepest level that has any, or unfolds the folded rows of the level nearest to the roots; among
 * the rows on show. `update` is to be called afterwards. O(rows on show).
 */
export function stepLevel(model: TraceModel, isFold: boolean): void {
	const { rows, layout } = model;
	const nodes: number[] = [];
	let level = isFold ? -1 : Number.POSITIVE_INFINITY;
	for (let index = 0; index < rows.count; index++) {
		if (!canFold(model, index) || rows.isFoldedAt(index) === isFold) continue;
		const here = levelAt(layout, model, index);
		if (isFold ? here < level : here > level) continue;
		if (here !== level) nodes.length = 0;
		level = here;
		nodes.push(rows.nodeAt(index));
	}
	for (const node of nodes) rows.setFolded(node, isFold);
}

/** Shows everything down to the level of a visible row and nothing below it. `update` is to be called afterwards. O(rows). */
export function foldTo(model: TraceModel, index: number): void {
	const { rows, layout } = model;
	const level = levelAt(layout, model, index);
	for (let row = 0; row < layout.rowCount; row++) {
		if (layout.childCount[row] > 0) rows.setFolded(layout.node[row], layout.depth[row] >= level);
	}
	// Heads on this level or below; a group above it cannot hide what is on it.
	for (let at = 0; at < rows.count; at++) {
		if (rows.isHead(at) && layout.depth[rows.rowAt(at)] >= level) rows.setFolded(rows.nodeAt(at), true);
	}
}
