import type { TraceStatsView } from "../../../../src/model/traceStats.ts";
import type { LiveRow } from "../../../../src/protocol/liveMessages.ts";
import type { Source } from "../../../../src/sources/source.ts";
import { LiveTraces } from "../../../../src/ui/live/liveTraces.ts";
import { LiveTable } from "../../../../webview/live/table.ts";
import type { Facts } from "./facts.ts";
import { cardFacts, tableFacts } from "./places.ts";

/** Distance of the live panel's messages. */
const DELTA_MS = 50;
/** Rows of one message; fewer than the panel's, so that there is more to lose. */
const MESSAGE_ROWS = 50;

/**
 * The live panel without a window: the host's half and the page's table, with messages as often as between those. What the
 * cards say is held against the rows in each message that leaves nothing out.
 */
export class LivePage {
	readonly #source: Source;
	readonly #traces: LiveTraces;
	readonly #table = new LiveTable();
	readonly #timer: ReturnType<typeof setInterval>;
	readonly #changes: { dispose(): void };
	/** Ways in which cards and rows differed while traces came in. */
	readonly problems: string[] = [];
	/** Messages whose cards and rows were compared. */
	compared = 0;

	constructor(source: Source) {
		this.#source = source;
		this.#traces = new LiveTraces(source.store, () => this.nowMs);
		this.#changes = source.store.onDidChange((change) => this.#traces.apply(change, source.status.isLoaded));
		this.#timer = setInterval(() => this.#send(), DELTA_MS);
	}

	get nowMs(): number {
		return Date.now() + this.#source.status.clockOffsetMs;
	}

	get rows(): readonly LiveRow[] {
		return this.#table.order.map(({ row }) => row);
	}

	/** Brings the page up to date and says what its table and its cards show. */
	show(): { readonly table: Facts; readonly cards: Facts } {
		while (this.#send());
		return { table: tableFacts(this.rows), cards: cardFacts(this.#traces.stats) };
	}

	dispose(): void {
		clearInterval(this.#timer);
		this.#changes.dispose();
	}

	/** Returns whether there is more to send. */
	#send(): boolean {
		// Rows are read from the store as it is, sums were kept up to its last change set: the same moment for both.
		this.#source.store.flush();
		const { rows, removed, newIds, hasMore } = this.#traces.take(MESSAGE_ROWS);
		this.#table.apply(rows, removed, newIds, this.nowMs, performance.now());
		if (!hasMore) this.#compare(this.#traces.stats);
		return hasMore;
	}

	#compare(stats: TraceStatsView): void {
		this.compared++;
		const { rows } = this;
		const sum = (of: (row: LiveRow) => number | undefined) => rows.reduce((total, row) => total + (of(row) ?? 0), 0);
		const check = (name: string, shown: number, counted: number) => {
			if (shown !== counted) this.problems.push(`while live, the card says ${shown} ${name} and the rows ${counted}`);
		};
		check("traces", stats.traces, rows.length);
		check("running", stats.running, rows.filter(({ state }) => state === "running").length);
		check("failed", stats.failed, rows.filter(({ state }) => state === "failed").length);
		check("tokens", stats.tokens ?? 0, sum(({ inputTokens }) => inputTokens) + sum(({ outputTokens }) => outputTokens));
		const nano = sum(({ costUsd }) => Math.round((costUsd ?? 0) * 1e9));
		check("nano-dollars", Math.round((stats.costUsd ?? 0) * 1e9), nano);
	}
}
