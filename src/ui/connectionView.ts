import * as vscode from "vscode";
import { displayText } from "../base/displayText.ts";
import type { ConnectionView } from "../protocol/messages.ts";
import { connectionText, indicatorOf } from "./indicator.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";

/** How a connection stands now, for a page. @param isNamed Say which source it is: there are several. */
export function connectionView({ status, sinceMs, config }: SourceConnection, isNamed: boolean): ConnectionView {
	const nowMs = Date.now();
	const indicator = indicatorOf(status, nowMs, sinceMs);
	const text = connectionText(status, indicator, nowMs, vscode.l10n.t);
	return { indicator, text: isNamed ? `${displayText(config.name, 40)}: ${text}` : text };
}
