import type { WaterfallCommand } from "../../src/protocol/messages.ts";
import type { TraceModel } from "./model.ts";
import type { RowCursor } from "./rowCursor.ts";
import type { TimeAxis } from "./timeAxis.ts";

/** Commands that the chart does by itself; others are the page's. */
export type ChartCommand = Exclude<WaterfallCommand, PageCommand>;
export type PageCommand = "find" | "findNext" | "findPrevious" | "filter" | "showKeys";

/** What commands work on. */
export interface CommandTarget {
	readonly model: TraceModel;
	readonly axis: TimeAxis;
	readonly cursor: RowCursor;
	/** Switches that the chart keeps. */
	readonly toggle: (look: "groups" | "criticalPath") => void;
}

/** Does what a command of VS Code asks for. */
export function runCommand(command: ChartCommand, { model, axis, cursor, toggle }: CommandTarget): void {
	switch (command) {
		case "fitSpan":
			if (cursor.node !== undefined) axis.fit(model, cursor.node);
			break;
		case "nextError":
		case "previousError": {
			const node = cursor.goToFailed(command === "nextError" ? 1 : -1);
			if (node !== undefined) axis.reveal(model.table.startNs[node]);
			break;
		}
		case "foldLevel":
		case "unfoldLevel":
			cursor.stepLevel(command === "foldLevel");
			break;
		case "foldToHere":
			cursor.foldToHere();
			break;
		case "toggleGroups":
			toggle("groups");
			break;
		case "toggleCriticalPath":
			toggle("criticalPath");
			break;
		default:
			axis.step(command);
	}
}
