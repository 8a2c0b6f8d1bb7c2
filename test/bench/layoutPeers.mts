import { TraceLayout } from "../../webview/waterfall/layout.ts";
import type { LayoutSource } from "../../webview/waterfall/siblingOrder.ts";
import { SpanTable } from "../../webview/waterfall/spanTable.ts";
import { type Arrival, agentSpans, columnsOf } from "./pages/agentTrace.ts";

/** The same spans as columns with interned ids and as texts, in order of arrival. */
export interface LayoutInput {
	readonly source: LayoutSource;
	readonly ids: readonly string[];
	/** Id of each span's parent, undefined for a root. */
	readonly parentIds: readonly (string | undefined)[];
}

export function layoutInput(count: number, arrival: Arrival): LayoutInput {
	const source = new SpanTable();
	source.apply(columnsOf(agentSpans(count, false), arrival));
	const ids = Array.from({ length: count }, (_, ordinal) => source.idOf(ordinal));
	return { source, ids, parentIds: Array.from(source.parent, (parent) => (parent < 0 ? undefined : ids[parent])) };
}

/** A span as an object algorithm has it. */
interface SpanNode {
	readonly id: string;
	readonly parentId: string | undefined;
	readonly startNs: number;
	readonly children: SpanNode[];
	depth: number;
}

/** Objects with arrays of children, found by a `Map` of ids, sorted, and listed in pre-order: the way it is mostly done. */
export function layOutObjects({ source, ids, parentIds }: LayoutInput): SpanNode[] {
	const byId = new Map<string, SpanNode>();
	const nodes = ids.map((id, at): SpanNode => {
		const node = { id, parentId: parentIds[at], startNs: source.startNs[at], children: [], depth: 0 };
		byId.set(id, node);
		return node;
	});
	const roots: SpanNode[] = [];
	for (const node of nodes) {
		const parent = node.parentId === undefined ? undefined : byId.get(node.parentId);
		(parent?.children ?? roots).push(node);
	}
	const byStart = (a: SpanNode, b: SpanNode): number => a.startNs - b.startNs || (a.id < b.id ? -1 : 1);
	const rows: SpanNode[] = [];
	const stack = roots.sort(byStart).reverse();
	for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
		rows.push(node);
		node.children.sort(byStart);
		for (let child = node.children.length - 1; child >= 0; child--) {
			node.children[child].depth = node.depth + 1;
			stack.push(node.children[child]);
		}
	}
	return rows;
}

/** What the page does: host and page know spans by their ordinals. */
export function layOutInterned({ source }: LayoutInput): TraceLayout {
	const layout = new TraceLayout();
	layout.rebuild(source);
	return layout;
}

/** From ids as texts, each looked up in a `Map`. The store's own index takes as long and less memory; `store-write` has it. */
export function layOutTexts({ source, ids, parentIds }: LayoutInput): TraceLayout {
	const ordinals = new Map<string, number>();
	for (let ordinal = 0; ordinal < ids.length; ordinal++) ordinals.set(ids[ordinal], ordinal);
	const parent = new Int32Array(ids.length);
	for (let ordinal = 0; ordinal < ids.length; ordinal++) {
		const parentId = parentIds[ordinal];
		parent[ordinal] = parentId === undefined ? -1 : (ordinals.get(parentId) ?? -1);
	}
	const { count, missingCount, startNs } = source;
	const layout = new TraceLayout();
	layout.rebuild({
		count,
		missingCount,
		parent,
		startNs,
		compareIds: (a, b) => source.compareIds(a, b),
		missingParentId: (missing) => source.missingParentId(missing),
	});
	return layout;
}

/** The least that anything costs which looks at each span: one copy by an index. */
export function onePass({ source }: LayoutInput, order: Uint32Array): Float64Array {
	const { startNs } = source;
	const sorted = new Float64Array(order.length);
	for (let row = 0; row < order.length; row++) sorted[row] = startNs[order[row]];
	return sorted;
}
