import type { TraceModel } from "./model.ts";

/** When the last span below a folded row ends, kept while no span changes: a frame asks for each such row in view. */
export class SubtreeEnds {
	readonly #kept = new Map<number, { readonly version: number; readonly endNs: number; readonly isRunning: boolean }>();

	/** Nanoseconds from the base, the present while a span below runs; NaN when nothing is known. O(spans below) once. */
	of(model: TraceModel, row: number, nowNs: number): number {
		const node = model.layout.node[row];
		let kept = this.#kept.get(node);
		if (kept === undefined || kept.version !== model.version) {
			if (this.#kept.size >= 256) this.#kept.clear();
			kept = { version: model.version, ...subtreeEnd(model, row) };
			this.#kept.set(node, kept);
		}
		// `Math.max` would make NaN of an unknown end.
		return kept.isRunning && !(kept.endNs > nowNs) ? nowNs : kept.endNs;
	}
}

function subtreeEnd({ layout, table }: TraceModel, row: number): { endNs: number; isRunning: boolean } {
	let endNs = Number.NaN;
	let isRunning = false;
	for (let below = row + 1; below < row + layout.size[row]; below++) {
		const span = layout.node[below];
		if (span < 0) continue;
		if (!(table.endNs[span] <= endNs) && !Number.isNaN(table.endNs[span])) endNs = table.endNs[span];
		if (table.state[span] === 0) isRunning = true;
	}
	return { endNs, isRunning };
}
