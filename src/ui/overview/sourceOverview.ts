import type { Overview, OverviewRange } from "../../model/overview.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { OverviewOrigin } from "../../protocol/overviewMessages.ts";
import { type Source, SourceError, type SourceStatus } from "../../sources/source.ts";

export interface LoadedOverview {
	readonly overview: Overview;
	readonly origin: OverviewOrigin;
}

/** What of a connection is needed here. */
interface Connection {
	readonly config: { readonly id: string; readonly name: string };
	readonly store: TraceStore;
	readonly status: SourceStatus;
	whenSource(signal: AbortSignal): Promise<Pick<Source, "loadOverview" | "loadSessionOverview" | "hasMore">>;
}

/** The overview of a connection: counted by its source, or here from what is loaded where the source does not count. */
export class SourceOverview {
	readonly #connection: Connection;
	/** Ranges that the source said it does not count, of all and of a session: some backends count some. */
	readonly #countedHere = { all: new Set<OverviewRange>(), session: new Set<OverviewRange>() };

	constructor(connection: Connection) {
		this.#connection = connection;
	}

	/** Of one session, or of all. */
	async load(range: OverviewRange, sessionId: string | undefined, signal: AbortSignal): Promise<LoadedOverview> {
		const { config, store, status } = this.#connection;
		const source = await this.#connection.whenSource(signal);
		const origin = { sourceId: config.id, sourceName: config.name, sessionId };
		const countedHere = this.#countedHere[sessionId === undefined ? "all" : "session"];
		if (!countedHere.has(range)) {
			try {
				const overview = await (sessionId === undefined
					? source.loadOverview(range, signal)
					: source.loadSessionOverview(sessionId, range, signal));
				return { overview, origin: { ...origin, isWhole: true, loadedTraces: 0, isPart: false } };
			} catch (error) {
				if (!(error instanceof SourceError) || error.reason !== "unsupported") throw error;
				countedHere.add(range);
			}
		}
		const { overviewOfStore } = await import("../../model/overviewOfStore.ts");
		const overview = await overviewOfStore({
			store,
			range,
			sessionId,
			nowMs: Date.now() + status.clockOffsetMs,
			turn: () => new Promise((resolve) => setImmediate(resolve)),
			signal,
		});
		const isPart = source.hasMore || store.evicted.traces > 0 || !this.#connection.status.isLoaded;
		return { overview, origin: { ...origin, isWhole: false, loadedTraces: store.traceCount, isPart } };
	}
}
