import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { formatCount } from "../../base/quantity.ts";
import { formatAge } from "../../model/format.ts";
import { sourceDefinition } from "../../sources/registry.ts";
import { clockTime, connectionText, indicatorOf } from "../indicator.ts";
import { appendPlain } from "../plainMarkdown.ts";
import type { SourceConnection } from "./sourceConnection.ts";

/** Everything that is known of how a connection stands. @param last What a click does. */
export function statusTooltip(connection: SourceConnection, nowMs: number, last: string): vscode.MarkdownString {
	const { status, store, config } = connection;
	const t = vscode.l10n.t;
	const lines: string[] = [`${displayText(config.name, 80)}: ${stateText(connection, nowMs)}`];
	if (status.state.name === "waiting") lines.push(t("Reason: {0}", status.state.message));
	lines.push(t("Server: {0}", sourceDefinition(config.type)?.label ?? config.type));
	if (connection.url !== undefined) lines.push(t("Address: {0}", connection.url));
	if (status.state.name === "open") lines.push(t("Live since {0}", clockTime(status.state.sinceMs)));
	lines.push(
		status.lastByteAtMs === undefined
			? t("No byte received yet")
			: t("Last byte: {0}", formatAge(nowMs - status.lastByteAtMs)),
		t("Last event id: {0}", status.lastEventId ?? "–"),
		t("Events: {0} received, {1} replayed, {2} spans recovered", status.received, status.replayed, status.recovered),
	);
	if (status.unknownEvents > 0) lines.push(t("{0} events of unknown types ignored", status.unknownEvents));
	if (status.undecodable > 0) lines.push(t("{0} unreadable messages dropped", status.undecodable));
	if (status.requestError !== undefined) lines.push(t("Last request failed: {0}", status.requestError));
	lines.push(t("Here: {0} traces, {1} spans", store.traceCount, store.spanCount));
	const { evicted } = store;
	if (evicted.traces > 0)
		lines.push(t("{0} older traces ({1} spans) dropped to stay within bounds", evicted.traces, evicted.spans));
	lines.push(last);
	return paragraphs(lines);
}

/** A line for each source. */
export function statusTooltipOfAll(
	connections: readonly SourceConnection[],
	nowMs: number,
	last: string,
): vscode.MarkdownString {
	const lines = connections.map((connection) => {
		const name = displayText(connection.config.name, 80);
		return `${name}: ${stateText(connection, nowMs)} · ${tracesText(connection.store.traceCount)}`;
	});
	return paragraphs([...lines, last]);
}

export function tracesText(count: number): string {
	return count === 1 ? vscode.l10n.t("1 trace") : vscode.l10n.t("{0} traces", formatCount(count));
}

function stateText({ status, sinceMs }: SourceConnection, nowMs: number): string {
	return connectionText(status, indicatorOf(status, nowMs, sinceMs), nowMs, vscode.l10n.t);
}

function paragraphs(lines: readonly string[]): vscode.MarkdownString {
	const markdown = new vscode.MarkdownString();
	for (const line of lines) {
		appendPlain(markdown, line);
		markdown.appendMarkdown("\n\n");
	}
	return markdown;
}
