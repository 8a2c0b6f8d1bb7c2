import { ROW_PX, rowWindow } from "./draw.ts";
import type { TraceModel } from "./model.ts";

/** The rows in view, while the model they belong to changes. */
export interface NodesInView {
	readonly firstIndex: number;
	readonly nodes: readonly number[];
	readonly top: number;
}

export function nodesInView(model: TraceModel, top: number, viewportPx: number): NodesInView {
	const { first, end } = rowWindow(model.rows.count, top, viewportPx);
	const nodes: number[] = [];
	for (let index = first; index < end; index++) nodes.push(model.rows.nodeAt(index));
	return { firstIndex: first, nodes, top };
}

/** Whether a span runs among the rows first … end - 1. */
export function hasRunning(model: TraceModel, first: number, end: number): boolean {
	for (let index = first; index < end; index++) {
		const node = model.rows.nodeAt(index);
		if (node >= 0 && model.table.state[node] === 0) return true;
	}
	return false;
}

/** Offset at which the first of these rows that is still there stands where it stood. */
export function topKeeping(model: TraceModel, before: NodesInView): number {
	for (const [position, node] of before.nodes.entries()) {
		// A placeholder whose parent arrived has no row any more; the next row keeps the place.
		const index = model.rows.indexOfNode(node);
		if (index >= 0) return before.top + (index - before.firstIndex - position) * ROW_PX;
	}
	return before.top;
}

/** Where rows stand, by span id: what a new snapshot needs to put them back. */
export interface Place {
	readonly spanIds: readonly string[];
	/** Distance of each from the top of the viewport. */
	readonly offsets: readonly number[];
}

export function placeInView(model: TraceModel, top: number, viewportPx: number): Place {
	const { first, end } = rowWindow(model.rows.count, top, viewportPx);
	const spanIds: string[] = [];
	const offsets: number[] = [];
	for (let index = first; index < end; index++) {
		const node = model.rows.nodeAt(index);
		if (node < 0) continue;
		spanIds.push(model.table.idOf(node));
		offsets.push(index * ROW_PX - top);
	}
	return { spanIds, offsets };
}

/** Offset at which the first span of a place that is still there stands where it stood; undefined when none is. */
export function topOfPlace(model: TraceModel, place: Place): number | undefined {
	for (const [position, spanId] of place.spanIds.entries()) {
		const ordinal = model.table.find(spanId);
		if (ordinal >= 0) return Math.max(0, model.rows.indexOfNode(ordinal) * ROW_PX - place.offsets[position]);
	}
	return undefined;
}
