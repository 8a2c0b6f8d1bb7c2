import type { TraceModel } from "./model.ts";
import { groupCode, isGroupCode, missingIndexOf, ordinalOfGroup } from "./spanTable.ts";

/** A row by the id of its span, of the missing parent it stands for, or of the first member of its group. */
export interface RowRef {
	readonly spanId: string;
	readonly isGroup?: boolean | undefined;
	/** Stands in an open group. */
	readonly isMember?: boolean | undefined;
}

/** What is folded and unfolded, by ids: it outlives the model, whose ordinals another one need not share. */
export interface Folds {
	/** Of spans, and of parents that are missing: the fold is there when the parent comes. */
	readonly foldedSpanIds: readonly string[];
	/** A member of each open group. */
	readonly openGroupSpanIds: readonly string[];
}

/** At most `limit` folds and as many groups. */
export function foldsOf({ rows, groups, table }: TraceModel, limit: number): Folds {
	const folded = rows.foldedSpans(limit).map((ordinal) => table.idOf(ordinal));
	const missing = rows.foldedMissing().map((index) => table.missingParentId(index));
	return {
		foldedSpanIds: [...folded, ...missing].slice(0, limit),
		openGroupSpanIds: groups.openGroups(limit).map((ordinal) => table.idOf(ordinal)),
	};
}

/** Folds a model as another one was; what is not here is left out. */
export function applyFolds(model: TraceModel, folds: Folds): void {
	const { rows, table, groups } = model;
	for (const ordinal of table.findAll(folds.foldedSpanIds)) rows.setFolded(ordinal, true);
	for (const id of folds.foldedSpanIds) {
		const missing = table.missingOf(id);
		if (missing !== undefined) rows.setFolded(missing, true);
	}
	groups.open(table.findAll(folds.openGroupSpanIds));
	rows.update();
}

export function refOf({ table }: TraceModel, node: number): RowRef {
	if (isGroupCode(node)) return { spanId: table.idOf(ordinalOfGroup(node)), isGroup: true };
	return { spanId: node >= 0 ? table.idOf(node) : table.missingParentId(missingIndexOf(node)) };
}

/** The node that a row stands for now: the span itself, or the placeholder that waits for it; undefined when neither is here. */
export function nodeOf({ table }: TraceModel, { spanId, isGroup }: RowRef): number | undefined {
	const ordinal = table.find(spanId);
	if (ordinal < 0) return table.missingOf(spanId);
	return isGroup === true ? groupCode(ordinal) : ordinal;
}
