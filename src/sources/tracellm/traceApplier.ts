import type { SpanInput } from "../../model/span.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { SourceConfig } from "../source.ts";
import type { DecodedTrace } from "./decode.ts";
import type { IsKnown, NewestTraces } from "./traceStorage.ts";

/** What is known of a trace that was applied. */
interface Version {
	readonly savedAtMs: number | undefined;
	/** Number of the application: tells whether it came before or after a question was put. */
	readonly sequence: number;
}

/** Versions of traces that the store no longer has are dropped beyond so many. */
const MAX_VERSIONS = 60_000;

/**
 * Where events and storage meet, by trace id: each trace is in the store once, in the version that was saved last, however
 * often and in whatever order its versions come.
 */
export class TraceApplier {
	readonly #store: TraceStore;
	readonly #kind: string | undefined;
	readonly #model: string | undefined;
	readonly #versions = new Map<string, Version>();
	#sequence = 0;

	constructor(store: TraceStore, filter: SourceConfig["filter"]) {
		this.#store = store;
		this.#kind = filter?.kind || undefined;
		this.#model = filter?.model || undefined;
	}

	/** Moves with each application. */
	get sequence(): number {
		return this.#sequence;
	}

	/** Traces that were applied, in whatever version. */
	has(traceId: string): boolean {
		return this.#versions.has(traceId);
	}

	readonly isKnown: IsKnown = (traceId, savedAtMs) =>
		savedAtMs !== undefined && this.#versions.get(traceId)?.savedAtMs === savedAtMs;

	/** Returns how many spans were added, changed or removed; 0 for an older version than the one that is here. */
	apply(decoded: DecodedTrace, isHistory: boolean): number {
		const { traceId, trace } = decoded;
		const savedAtMs = decoded.savedAt?.ms;
		const known = this.#versions.get(traceId)?.savedAtMs;
		if (savedAtMs !== undefined && known !== undefined && savedAtMs < known) return 0;
		this.#sequence++;
		this.#versions.set(traceId, { savedAtMs, sequence: this.#sequence });
		if (this.#versions.size > MAX_VERSIONS) this.#forgetEvicted();
		const spans = this.#passing(decoded.spans);
		if (spans.length === 0) {
			// Of a version that passed the filter something may be here.
			this.#store.deleteTrace(traceId);
			return 0;
		}
		return this.#store.applySnapshot({
			traces: [trace],
			spans,
			isTraceListComplete: false,
			wholeTraceIds: new Set([traceId]),
			isHistory,
		});
	}

	/**
	 * Drops what the storage no longer has: of the traces as new as the oldest listed one those that are not listed, and of all
	 * when the list is complete. What was applied after `since`, the sequence when the question was put, is newer than the
	 * answer.
	 */
	dropMissing({ listed, total }: NewestTraces, since: number): void {
		const ids = new Set(listed.map((row) => row.traceId));
		const isComplete = listed.length >= total;
		const oldestMs = listed.reduce(
			(least, { startMs }) => Math.min(least, startMs ?? Number.NaN),
			Number.POSITIVE_INFINITY,
		);
		for (const entry of [...this.#store.entries()]) {
			const version = this.#versions.get(entry.traceId);
			if (ids.has(entry.traceId) || version === undefined || version.sequence > since) continue;
			const isInside = entry.start !== undefined && entry.start.ms > oldestMs;
			if (isComplete || isInside) this.drop(entry.traceId);
		}
	}

	drop(traceId: string): void {
		this.#versions.delete(traceId);
		this.#store.deleteTrace(traceId);
	}

	#passing(spans: readonly SpanInput[]): readonly SpanInput[] {
		const kind = this.#kind;
		if (this.#model !== undefined && spans[0]?.model !== this.#model) return [];
		return kind === undefined ? spans : spans.filter((span) => span.kindType === kind || span.kindName === kind);
	}

	#forgetEvicted(): void {
		for (const traceId of this.#versions.keys()) {
			if (this.#store.entry(traceId) === undefined) this.#versions.delete(traceId);
		}
	}
}
