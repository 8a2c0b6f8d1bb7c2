import { type MonitorRow, overviewOf } from "../../../../src/cli/monitor/numbers.ts";
import type { MonitorView } from "../../../../src/cli/monitor/view.ts";
import { NOON } from "../../model/spans.ts";

/** A completed trace of one second, with the rest as it is given. */
export function monitorRow(rest: Partial<MonitorRow> = {}): MonitorRow {
	return {
		traceId: "t",
		startMs: NOON,
		state: "completed",
		isRunning: false,
		name: "trace",
		models: ["gpt-4o"],
		latencyMs: 1000,
		tokens: 10,
		costUsd: 0.01,
		isCostEstimated: false,
		steps: 1,
		...rest,
	};
}

/** A live monitor of some rows; the overview is that of the rows. */
export function monitorView(rows: readonly MonitorRow[], rest: Partial<MonitorView> = {}): MonitorView {
	return {
		url: "http://127.0.0.1:3000",
		stream: { word: "Connected", style: "good", detail: "" },
		isLive: true,
		refreshMs: 2000,
		isLoaded: true,
		problem: undefined,
		overview: overviewOf(rows),
		rows,
		prompts: new Map(),
		known: rows.length,
		hasMore: false,
		unique: rows.length,
		filter: "",
		matching: rows.length,
		selected: undefined,
		isPaused: false,
		waiting: 0,
		input: undefined,
		notice: undefined,
		isHelpShown: false,
		...rest,
	};
}
