import { nodeOf, type RowRef, refOf } from "./arrangement.ts";
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
		if (node >= 0 ? model.table.state[node] === 0 : model.awaited.has(node)) return true;
	}
	return false;
}

/** Offset at which the preferred one of these rows, else the first that is still there, stands where it stood. */
export function topKeeping(model: TraceModel, before: NodesInView, preferred: number | undefined): number {
	const at = preferred === undefined ? -1 : before.nodes.indexOf(preferred);
	const index = at < 0 ? -1 : model.rows.indexOfNode(model.standIn(before.nodes[at]));
	if (index >= 0) return before.top + (index - before.firstIndex - at) * ROW_PX;
	for (const [position, node] of before.nodes.entries()) {
		const index = model.rows.indexOfNode(model.standIn(node));
		if (index >= 0) return before.top + (index - before.firstIndex - position) * ROW_PX;
	}
	return before.top;
}

/** Where rows stand, by id: what a new snapshot needs to put them back. */
export interface Place {
	readonly rows: readonly RowRef[];
	/** Distance of each from the top of the viewport, in pixels. */
	readonly offsets: readonly number[];
}

export const NO_PLACE: Place = { rows: [], offsets: [] };

export function placeInView(model: TraceModel, top: number, viewportPx: number): Place {
	const { first, end } = rowWindow(model.rows.count, top, viewportPx);
	const rows: RowRef[] = [];
	const offsets: number[] = [];
	for (let index = first; index < end; index++) {
		rows.push({ ...refOf(model, model.rows.nodeAt(index)), isMember: model.rows.isMember(index) });
		offsets.push(index * ROW_PX - top);
	}
	return { rows, offsets };
}

/** Keeps out of groups what stood in a place as a row of its own. */
export function holdPlace({ groups, table }: TraceModel, place: Place): void {
	const single = place.rows.filter(({ isGroup, isMember }) => isGroup !== true && isMember !== true);
	groups.hold(table.findAll(single.map(({ spanId }) => spanId)));
}

/** Offset at which the first row of a place that is still there stands where it stood; undefined when none is. */
export function topOfPlace(model: TraceModel, place: Place): number | undefined {
	for (const [position, row] of place.rows.entries()) {
		const node = nodeOf(model, row);
		const index = node === undefined ? -1 : model.rows.indexOfNode(node);
		if (index >= 0) return Math.max(0, index * ROW_PX - place.offsets[position]);
	}
	return undefined;
}
