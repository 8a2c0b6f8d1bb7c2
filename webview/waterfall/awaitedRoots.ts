import type { TraceLayout } from "./layout.ts";
import { isGroupCode, missingIndexOf, type SpanTable } from "./spanTable.ts";

/** What is known of a root that has not arrived, nanoseconds from the base; NaN while no child has a start. */
export interface AwaitedRoot {
	/** Earliest start of the spans right below it. */
	readonly startNs: number;
	/** Latest end of the spans right below it, the present for those that run; what is further below does not count. */
	readonly endNs: number;
}

interface Kept {
	readonly version: number;
	readonly startNs: number;
	readonly endNs: number;
	readonly isRunning: boolean;
}

/** Roots of which only the children have come: programs that tell of a span when it ends tell of the root last. */
export class AwaitedRoots {
	readonly #table: SpanTable;
	readonly #layout: TraceLayout;
	#ids: ReadonlySet<string> = new Set();
	readonly #kept = new Map<number, Kept>();

	constructor(table: SpanTable, layout: TraceLayout) {
		this.#table = table;
		this.#layout = layout;
	}

	/** As the header names them. */
	setIds(ids: readonly string[] | undefined): void {
		this.#ids = new Set(ids);
	}

	/** Whether there are any. */
	get isAny(): boolean {
		return this.#ids.size > 0;
	}

	has(node: number): boolean {
		if (node >= -1 || this.#ids.size === 0 || isGroupCode(node)) return false;
		return this.#ids.has(this.#table.missingParentId(missingIndexOf(node)));
	}

	/** One pass over the children, again only when spans have changed (`version`). */
	of(node: number, version: number, nowNs: number): AwaitedRoot {
		let kept = this.#kept.get(node);
		if (kept?.version !== version) {
			kept = this.#look(node, version);
			this.#kept.set(node, kept);
		}
		const { startNs, isRunning } = kept;
		return { startNs, endNs: isRunning ? Math.max(nowNs, kept.endNs) : kept.endNs };
	}

	#look(node: number, version: number): Kept {
		const { startNs, endNs, state } = this.#table;
		const { size, node: nodes } = this.#layout;
		const row = this.#layout.rowOf(node);
		let start = Number.POSITIVE_INFINITY;
		let end = Number.NEGATIVE_INFINITY;
		let isRunning = false;
		for (let child = row + 1; row >= 0 && child < row + size[row]; child += size[child]) {
			const span = nodes[child];
			// Comparisons with NaN are false: what is unknown extends nothing.
			if (startNs[span] < start) start = startNs[span];
			if (startNs[span] > end) end = startNs[span];
			if (endNs[span] > end) end = endNs[span];
			if (state[span] === 0) isRunning = true;
		}
		if (start > end) return { version, startNs: Number.NaN, endNs: Number.NaN, isRunning: false };
		return { version, startNs: start, endNs: end, isRunning };
	}
}
