import type { TraceModel } from "./model.ts";
import type { TimeScale } from "./timeScale.ts";

/** [columns] 1 where a span begins that holds what is searched for; undefined while nothing is. One pass over the spans. */
export function hitColumns(model: TraceModel, scale: TimeScale, columns: number): Uint8Array | undefined {
	const { marks, table } = model;
	if (marks.query === undefined) return undefined;
	const hits = new Uint8Array(columns);
	for (let ordinal = 0; ordinal < table.count; ordinal++) {
		if (!marks.isHit(ordinal) || Number.isNaN(table.startNs[ordinal])) continue;
		hits[Math.max(0, Math.min(columns - 1, Math.floor(scale.toPx(table.startNs[ordinal]))))] = 1;
	}
	return hits;
}
