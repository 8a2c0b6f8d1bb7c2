import { formatCost, formatCount } from "../../base/quantity.ts";
import { latencyText } from "./numbers.ts";
import type { MonitorSession } from "./session.ts";
import { pollingText } from "./streamStatus.ts";
import type { MonitorView } from "./view.ts";

/** Prints a line whenever the numbers or the connection changed, at most one every `refreshMs`; for pipes and files. */
export async function printLines(session: MonitorSession, refreshMs: number): Promise<void> {
	const { promise: ended, resolve: end } = Promise.withResolvers<void>();
	let last = "";
	const print = () => {
		const nowMs = Date.now();
		const view = session.view(nowMs);
		const line = summaryLine(view);
		if (line === last || (view.stream === undefined && !view.isLoaded)) return;
		last = line;
		process.stdout.write(`${new Date(nowMs).toISOString()}  ${line}\n`);
	};
	const timer = setInterval(print, refreshMs);
	process.once("SIGINT", () => end());
	process.once("SIGTERM", () => end());
	try {
		await ended;
	} finally {
		clearInterval(timer);
	}
}

/** The connection and the overview on one line. */
export function summaryLine(view: MonitorView): string {
	const { overview, stream } = view;
	const word = stream?.word ?? "Connecting";
	return [
		view.isLive ? word : `${word}, ${pollingText(view.refreshMs)}`,
		`traces ${formatCount(overview.shown)} of ${formatCount(view.known)}${view.hasMore ? "+" : ""}`,
		`completed ${formatCount(overview.completed)}`,
		`errors ${formatCount(overview.errors)}`,
		`running ${formatCount(overview.running)}`,
		`avg ${latencyText(overview.averageMs, " ms")}`,
		`p95 ${latencyText(overview.p95Ms, " ms")}`,
		`tokens ${formatCount(overview.tokens)}`,
		`cost ${formatCost(overview.costUsd, overview.isCostEstimated)}`,
	].join("  ");
}
