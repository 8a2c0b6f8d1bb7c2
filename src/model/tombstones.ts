/** Deletions remembered for each of the three maps; the oldest are forgotten first. */
const MAX_TOMBSTONES = 10_000;

interface Tombstone {
	/** Position of the deletion, -1 when it had none. */
	readonly at: number;
	/** A creation with a greater position came: what has no position belongs to that one. */
	isReborn: boolean;
}

/**
 * The memory of deletions, so that a late creation does not bring back what was deleted. A position is the id of the stream
 * event that carried a change, where the stream has numbers: what comes with a position after the deletion's was created
 * again, what comes with an earlier one, or with none, is late.
 */
export class Tombstones {
	readonly #traces = new Map<string, Tombstone>();
	/** Deletions by span id alone, as the wire has them. */
	readonly #spans = new Map<string, Tombstone>();
	/** Deletions of a span of one trace, by `spanKey`. */
	readonly #spansOfTraces = new Map<string, Tombstone>();
	/** Everything up to this position was cleared. */
	#clearedAt = -1;

	buryTrace(traceId: string, position: number | undefined): void {
		bury(this.#traces, traceId, position);
	}

	/** Without a trace id: the span of that id in every trace. */
	burySpan(spanId: string, traceId: string | undefined, position: number | undefined): void {
		if (traceId === undefined) bury(this.#spans, spanId, position);
		else bury(this.#spansOfTraces, spanKey(traceId, spanId), position);
	}

	/** Everything known so far is gone. Deletions without a position stay remembered when the clearing has none either. */
	clear(position: number | undefined): void {
		if (position === undefined) return;
		this.#clearedAt = Math.max(this.#clearedAt, position);
		this.#forgetDeletions();
	}

	/** As new: what is seen from now on exists. */
	forget(): void {
		this.#clearedAt = -1;
		this.#forgetDeletions();
	}

	isTraceBuried(traceId: string, position: number | undefined): boolean {
		if (position !== undefined && position <= this.#clearedAt) return true;
		return this.#traces.size > 0 && isBuried(this.#traces, traceId, position);
	}

	/** Whether the span, or the trace around it, is deleted. The trace is undefined where the wire does not name it. */
	isSpanBuried(spanId: string, traceId: string | undefined, position: number | undefined): boolean {
		if (position !== undefined && position <= this.#clearedAt) return true;
		// The usual case, and the hot path: nothing was deleted.
		if (this.#spans.size > 0 && isBuried(this.#spans, spanId, position)) return true;
		if (traceId === undefined) return false;
		if (this.#traces.size > 0 && isBuried(this.#traces, traceId, position)) return true;
		return this.#spansOfTraces.size > 0 && isBuried(this.#spansOfTraces, spanKey(traceId, spanId), position);
	}

	#forgetDeletions(): void {
		this.#traces.clear();
		this.#spans.clear();
		this.#spansOfTraces.clear();
	}
}

/** Injective: the length says where the first id ends. */
function spanKey(traceId: string, spanId: string): string {
	return `${traceId.length} ${traceId}${spanId}`;
}

function bury(map: Map<string, Tombstone>, key: string, position: number | undefined): void {
	const at = Math.max(map.get(key)?.at ?? -1, position ?? -1);
	map.delete(key);
	map.set(key, { at, isReborn: false });
	if (map.size <= MAX_TOMBSTONES) return;
	const oldest = map.keys().next();
	if (!oldest.done) map.delete(oldest.value);
}

function isBuried(map: ReadonlyMap<string, Tombstone>, key: string, position: number | undefined): boolean {
	const tombstone = map.get(key);
	if (tombstone === undefined) return false;
	if (position === undefined) return !tombstone.isReborn;
	if (position <= tombstone.at) return true;
	tombstone.isReborn = true;
	return false;
}
