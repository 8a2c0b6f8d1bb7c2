import * as vscode from "vscode";
import type { ConnectionView } from "../protocol/messages.ts";
import { connectionText, indicatorOf } from "./indicator.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";

/** How a connection stands now, for a page. */
export function connectionView({ status, sinceMs }: SourceConnection): ConnectionView {
	const nowMs = Date.now();
	const indicator = indicatorOf(status, nowMs, sinceMs);
	return { indicator, text: connectionText(status, indicator, nowMs, vscode.l10n.t) };
}
