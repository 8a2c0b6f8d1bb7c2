import type { Page } from "playwright-core";
import type { HostToLive, LiveRow, LiveStats, LiveToHost } from "../../src/protocol/liveMessages.ts";
import type { Harness, OpenedPage, OpenOptions } from "./harness.ts";

export type LiveView = OpenedPage<LiveToHost, HostToLive>;

/** 2026-03-06 09:00:00 UTC, 10:00 in the pages' Berlin. */
export const TEN = Date.UTC(2026, 2, 6, 9);

const MODELS = ["gpt-4o-mini", "claude-sonnet-4-5", "gpt-4.1"];
const NAMES = [
	"support_agent.run",
	"summarise meeting",
	"extract_invoice",
	"plan trip to Lisbon",
	"review pull request",
];

/** Row number `n`: a second younger than the one before it. */
export function liveRow(n: number, more: Partial<LiveRow> = {}): LiveRow {
	const isRunning = more.isRunning ?? n % 7 === 5;
	const isFailed = n % 9 === 4;
	return {
		traceId: `trace-${n}`,
		name: `${NAMES[n % NAMES.length]} ${n}`,
		state: isFailed ? "failed" : isRunning ? "running" : "completed",
		isRunning,
		startMs: TEN + n * 1000,
		latencyNs: isRunning ? undefined : ((n * 7919) % 9000) * 1e6 + 12e6,
		model: n % 6 === 3 ? undefined : MODELS[n % MODELS.length],
		modelCount: n % 6 === 3 ? 0 : n % 5 === 0 ? 3 : 1,
		spanCount: (n % 23) + 1,
		failedCount: isFailed ? 1 : 0,
		stepCount: n % 23,
		inputTokens: n % 6 === 3 ? undefined : 300 + ((n * 37) % 14_000),
		outputTokens: n % 6 === 3 ? undefined : 20 + ((n * 13) % 900),
		costUsd: n % 6 === 3 ? undefined : ((n * 17) % 400) / 10_000 + 0.0002,
		isCostEstimated: n % 2 === 0,
		...more,
	};
}

/** Rows `from` … `to - 1`, newest first, as the host sends them. */
export function liveRows(from: number, to: number): LiveRow[] {
	return Array.from({ length: to - from }, (_, index) => liveRow(to - 1 - index));
}

export function liveStats(more: Partial<LiveStats> = {}): LiveStats {
	return {
		traces: 1234,
		running: 3,
		failed: 12,
		averageLatencyNs: 1.84e9,
		p95LatencyNs: 7.2e9,
		tokens: 4_812_345,
		costUsd: 12.3456,
		isCostEstimated: true,
		eventsPerSecond: 42.3,
		allTraces: 1234,
		...more,
	};
}

/** Plays the host: counts revisions as it does. */
export class TestLiveHost {
	revision = 0;
	#count = 0;

	snapshot(
		rows: readonly LiveRow[],
		more: Partial<Extract<HostToLive, { type: "live/snapshot" }>> = {},
	): Extract<HostToLive, { type: "live/snapshot" }> {
		this.revision++;
		this.#count = rows.length;
		return {
			type: "live/snapshot",
			sourceId: "local",
			revision: this.revision,
			filter: "",
			phase: rows.length === 0 ? "empty" : "traces",
			rows,
			hasMore: false,
			stats: liveStats({ traces: rows.length, allTraces: rows.length }),
			// The page's clock stands at half past ten.
			clockOffsetMs: 0,
			pausedAtMs: undefined,
			...more,
		};
	}

	delta(
		rows: readonly LiveRow[],
		more: Partial<Extract<HostToLive, { type: "live/delta" }>> = {},
	): Extract<HostToLive, { type: "live/delta" }> {
		const baseRevision = this.revision++;
		this.#count += (more.newIds?.length ?? 0) - (more.removed?.length ?? 0);
		return {
			type: "live/delta",
			baseRevision,
			revision: this.revision,
			phase: "traces",
			rows,
			removed: [],
			newIds: [],
			hasMore: false,
			stats: liveStats({ traces: this.#count, allTraces: this.#count }),
			clockOffsetMs: 0,
			...more,
		};
	}

	/** New traces, as they begin while one watches. */
	news(rows: readonly LiveRow[]): Extract<HostToLive, { type: "live/delta" }> {
		return this.delta(rows, { newIds: rows.map(({ traceId }) => traceId) });
	}
}

export async function openLive(harness: Harness, options: OpenOptions = {}): Promise<LiveView> {
	const view = await harness.open<LiveToHost, HostToLive>("live", options);
	await view.page.clock.setFixedTime(TEN + 30 * 60_000);
	return view;
}

/** Names of the rows as they are seen once they are drawn, top to bottom: those whose middle is inside the table. */
export function seenNames(page: Page): Promise<string[]> {
	return page.locator("traceway-trace-grid").evaluate(async (grid) => {
		await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
		const root = grid.shadowRoot as ShadowRoot;
		const view = (root.querySelector(".grid") as HTMLElement).getBoundingClientRect();
		return [...root.querySelectorAll(".row")]
			.map((row) => ({ box: row.getBoundingClientRect(), name: row.querySelector(".name")?.textContent ?? "" }))
			.filter(({ box }) => box.top + box.height / 2 > view.top + 22 && box.top + box.height / 2 < view.bottom)
			.sort((a, b) => a.box.top - b.box.top)
			.map(({ name }) => name);
	});
}
