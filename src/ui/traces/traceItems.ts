import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { differenceNs } from "../../base/timestamp.ts";
import { formatAbsoluteTime, formatAge, formatCost, formatDuration, formatTokens } from "../../model/format.ts";
import { type SpanSummary, type TraceSummary, totalTokens, traceDurationNs } from "../../model/span.ts";
import { nanoUsd } from "../../model/usage.ts";
import { CommandId, RowKind } from "../ids.ts";
import { appendPlain } from "../plainMarkdown.ts";
import {
	type GroupNode,
	type LoadMoreNode,
	nodeId,
	type PlaceholderNode,
	type SpanNode,
	sessionIdOf,
	type TraceNode,
	type TreeNode,
} from "./traceNodes.ts";

const MAX_LABEL = 200;

/** What the rows of the traces tree say. */
export function groupItem(
	node: GroupNode,
	grouping: string | undefined,
	summaries: readonly TraceSummary[],
): vscode.TreeItem {
	const label = groupLabel(node, grouping);
	const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
	item.id = nodeId(node);
	const isSession = sessionIdOf(node) !== undefined;
	item.contextValue = isSession ? RowKind.session : RowKind.group;
	item.description = groupDescription(summaries);
	if (isSession) item.command = { command: CommandId.sessionOpen, title: vscode.l10n.t("Open Session") };
	item.accessibilityInformation = { label: `${label}, ${item.description}`, role: "treeitem" };
	return item;
}

export function traceItem(node: TraceNode, summary: TraceSummary, nowMs: number): vscode.TreeItem {
	const label = displayText(summary.name, MAX_LABEL);
	const item = new vscode.TreeItem(
		label,
		summary.spanCount > 0 ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
	);
	item.id = nodeId(node);
	item.contextValue = RowKind.trace;
	item.iconPath = traceIcon(summary, nowMs);
	item.description = traceDescription(summary, nowMs);
	item.accessibilityInformation = {
		label: `${label}, ${stateWord(summary.state)}, ${item.description}`,
		role: "treeitem",
	};
	// No arguments, here and below: VS Code keeps them for this very item, and drops them when the row is drawn anew,
	// which running rows are each second. A click in between would open nothing. The selected row says what to open.
	item.command = { command: CommandId.traceOpen, title: vscode.l10n.t("Open Trace") };
	return item;
}

/** What a span's row says beyond the span itself. */
interface SpanRowFacts {
	readonly nowMs: number;
	readonly isLost: boolean;
	readonly hasChildren: boolean;
	/** Marked for a comparison. */
	readonly isMarked: boolean;
}

export function spanItem(
	node: SpanNode,
	span: SpanSummary,
	{ nowMs, isLost, hasChildren, isMarked }: SpanRowFacts,
): vscode.TreeItem {
	const label = displayText(span.name, MAX_LABEL);
	const item = new vscode.TreeItem(
		label,
		hasChildren ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
	);
	item.id = nodeId(node);
	item.contextValue = RowKind.span;
	item.iconPath = isLost ? new vscode.ThemeIcon("question", color("descriptionForeground")) : stateIcon(span.state);
	const description = spanDescription(span, nowMs, isLost);
	item.description = isMarked ? joined([vscode.l10n.t("marked"), description]) : description;
	item.accessibilityInformation = {
		label: `${label}, ${isLost ? vscode.l10n.t("abandoned?") : stateWord(span.state)}, ${item.description}`,
		role: "treeitem",
	};
	item.command = { command: CommandId.spanOpen, title: vscode.l10n.t("Open Span") };
	return item;
}

function color(id: string): vscode.ThemeColor {
	return new vscode.ThemeColor(id);
}

export function stateIcon(state: SpanSummary["state"]): vscode.ThemeIcon {
	switch (state) {
		case "running":
			return new vscode.ThemeIcon("loading~spin", color("charts.blue"));
		case "completed":
			return new vscode.ThemeIcon("pass", color("testing.iconPassed"));
		case "failed":
			return new vscode.ThemeIcon("error", color("charts.red"));
	}
}

/** A failed trace that still runs says both: it is red and it spins. */
function traceIcon(summary: TraceSummary, nowMs: number): vscode.ThemeIcon {
	if (summary.spanCount === 0) return new vscode.ThemeIcon("circle-outline", color("descriptionForeground"));
	if (summary.state === "failed" && summary.runningCount > 0) {
		return new vscode.ThemeIcon("loading~spin", color("charts.red"));
	}
	if (summary.state === "running" && nowMs - summary.changedAtMs > 15 * 60_000) {
		return new vscode.ThemeIcon("question", color("descriptionForeground"));
	}
	return stateIcon(summary.state);
}

function stateWord(state: SpanSummary["state"]): string {
	switch (state) {
		case "running":
			return vscode.l10n.t("running");
		case "completed":
			return vscode.l10n.t("completed");
		case "failed":
			return vscode.l10n.t("failed");
	}
}

function groupLabel(node: GroupNode, grouping: string | undefined): string {
	if (node.label === "") {
		return grouping === "session" ? vscode.l10n.t("No session") : vscode.l10n.t("Unknown service");
	}
	if (grouping === "status") {
		return node.label === "running"
			? vscode.l10n.t("Running")
			: node.label === "failed"
				? vscode.l10n.t("Failed")
				: vscode.l10n.t("Completed");
	}
	return displayText(node.label, MAX_LABEL);
}

function joined(parts: readonly (string | undefined)[]): string {
	return parts.filter((part) => part !== undefined && part !== "").join(" · ");
}

function tokensText(inputTokens: number | undefined, outputTokens: number | undefined): string | undefined {
	const tokens = totalTokens(inputTokens, outputTokens);
	return tokens === undefined ? undefined : vscode.l10n.t("{0} tok", formatTokens(tokens));
}

/** Tokens and cost are those of the traces that know theirs. */
function groupDescription(summaries: readonly TraceSummary[]): string {
	const sum = (values: readonly (number | undefined)[]) =>
		values.reduce<number | undefined>(
			(total, value) => (value === undefined ? total : (total ?? 0) + value),
			undefined,
		);
	const costNano = sum(summaries.map(({ costUsd }) => (costUsd === undefined ? undefined : nanoUsd(costUsd))));
	const running = summaries.filter(({ state }) => state === "running").length;
	const failed = summaries.filter(({ state }) => state === "failed").length;
	return joined([
		String(summaries.length),
		running === 0 ? undefined : vscode.l10n.t("{0} running", running),
		failed === 0 ? undefined : vscode.l10n.t("{0} failed", failed),
		tokensText(
			sum(summaries.map(({ inputTokens }) => inputTokens)),
			sum(summaries.map(({ outputTokens }) => outputTokens)),
		),
		costNano === undefined
			? undefined
			: formatCost(
					costNano / 1e9,
					summaries.some(({ isCostEstimated }) => isCostEstimated),
				),
	]);
}

function traceDescription(summary: TraceSummary, nowMs: number): string {
	const durationNs = traceDurationNs(summary, nowMs);
	return joined([
		durationNs === undefined ? undefined : formatDuration(durationNs),
		tokensText(summary.inputTokens, summary.outputTokens),
		summary.costUsd === undefined ? undefined : formatCost(summary.costUsd, summary.isCostEstimated),
		summary.start === undefined ? undefined : formatAge(nowMs - summary.start.ms),
		summary.droppedSpans > 0 ? vscode.l10n.t("{0} spans left out", summary.droppedSpans) : undefined,
	]);
}

function spanDurationNs(span: SpanSummary, nowMs: number): number | undefined {
	if (span.start === undefined) return undefined;
	const end = span.end ?? (span.state === "running" ? { ms: nowMs, subNs: 0 } : undefined);
	return end === undefined ? undefined : Math.max(0, differenceNs(end, span.start));
}

function spanDescription(span: SpanSummary, nowMs: number, isLost: boolean): string {
	const durationNs = spanDurationNs(span, nowMs);
	return joined([
		isLost ? vscode.l10n.t("abandoned?") : undefined,
		durationNs === undefined ? undefined : formatDuration(durationNs),
		tokensText(span.inputTokens, span.outputTokens),
		span.costUsd === undefined ? undefined : formatCost(span.costUsd, span.isCostEstimated),
		span.error === undefined ? undefined : displayText(span.error.split("\n", 1)[0], 120),
	]);
}

/** Everything in a tooltip is plain text inside a table of our own: what comes from a trace is never Markdown. */
function tooltip(title: string, rows: readonly (readonly [string, string | undefined])[]): vscode.MarkdownString {
	const markdown = new vscode.MarkdownString();
	markdown.supportThemeIcons = false;
	appendPlain(markdown, title);
	markdown.appendMarkdown("\n\n");
	for (const [label, value] of rows) {
		if (value === undefined) continue;
		markdown.appendMarkdown("- ");
		appendPlain(markdown, `${label}: ${value}`);
		markdown.appendMarkdown("\n");
	}
	return markdown;
}

export function traceTooltip(summary: TraceSummary, nowMs: number): vscode.MarkdownString {
	const durationNs = traceDurationNs(summary, nowMs);
	return tooltip(displayText(summary.name, 500), [
		[vscode.l10n.t("Status"), stateWord(summary.state)],
		[vscode.l10n.t("Error"), summary.error === undefined ? undefined : displayText(summary.error, 1000)],
		[vscode.l10n.t("Started"), summary.start === undefined ? undefined : formatAbsoluteTime(summary.start)],
		[vscode.l10n.t("Duration"), durationNs === undefined ? "–" : formatDuration(durationNs)],
		[
			vscode.l10n.t("Spans"),
			vscode.l10n.t("{0}, {1} running, {2} failed", summary.spanCount, summary.runningCount, summary.failedCount),
		],
		[vscode.l10n.t("Tokens in"), formatTokens(summary.inputTokens)],
		[vscode.l10n.t("Tokens out"), formatTokens(summary.outputTokens)],
		[vscode.l10n.t("Cost"), formatCost(summary.costUsd, summary.isCostEstimated)],
		[vscode.l10n.t("Session"), summary.sessionId === undefined ? undefined : displayText(summary.sessionId, 200)],
		[vscode.l10n.t("Service"), summary.serviceName === undefined ? undefined : displayText(summary.serviceName, 200)],
		[vscode.l10n.t("Tags"), summary.tags.length === 0 ? undefined : displayText(summary.tags.join(", "), 300)],
		[vscode.l10n.t("Id"), displayText(summary.traceId, 260)],
	]);
}

export function spanTooltip(span: SpanSummary, nowMs: number): vscode.MarkdownString {
	const durationNs = spanDurationNs(span, nowMs);
	return tooltip(displayText(span.name, 500), [
		[vscode.l10n.t("Status"), stateWord(span.state)],
		[vscode.l10n.t("Error"), span.error === undefined ? undefined : displayText(span.error, 1000)],
		[vscode.l10n.t("Kind"), displayText(span.kindName, 200)],
		[vscode.l10n.t("Model"), span.model === undefined ? undefined : displayText(span.model, 200)],
		[vscode.l10n.t("Provider"), span.provider === undefined ? undefined : displayText(span.provider, 200)],
		[vscode.l10n.t("Started"), span.start === undefined ? undefined : formatAbsoluteTime(span.start)],
		[vscode.l10n.t("Duration"), durationNs === undefined ? "–" : formatDuration(durationNs)],
		[
			span.isTokenTotal === true ? vscode.l10n.t("Tokens") : vscode.l10n.t("Tokens in"),
			span.inputTokens === undefined ? undefined : formatTokens(span.inputTokens),
		],
		[vscode.l10n.t("Tokens out"), span.outputTokens === undefined ? undefined : formatTokens(span.outputTokens)],
		[vscode.l10n.t("Cost"), span.costUsd === undefined ? undefined : formatCost(span.costUsd, span.isCostEstimated)],
		[vscode.l10n.t("Id"), displayText(span.spanId, 260)],
	]);
}

export function placeholderItem(node: PlaceholderNode): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("(parent not received)"), vscode.TreeItemCollapsibleState.Expanded);
	item.id = nodeId(node);
	item.contextValue = RowKind.placeholder;
	item.iconPath = new vscode.ThemeIcon("circle-slash", color("descriptionForeground"));
	item.description = displayText(node.spanId, 80);
	item.tooltip = vscode.l10n.t("Spans below name this parent, which has not arrived yet.");
	return item;
}

export function loadMoreItem(node: LoadMoreNode): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("Load more"), vscode.TreeItemCollapsibleState.None);
	item.id = nodeId(node);
	item.contextValue = RowKind.loadMore;
	item.iconPath = new vscode.ThemeIcon("ellipsis");
	item.description =
		node.total === undefined
			? vscode.l10n.t("{0} shown", node.shown)
			: vscode.l10n.t("{0} of {1} shown", node.shown, node.total);
	item.command = { command: CommandId.tracesLoadMore, title: vscode.l10n.t("Load more") };
	return item;
}

/** A row that VS Code still asks for although its trace has just been removed. */
export function goneItem(node: TreeNode): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("(removed)"), vscode.TreeItemCollapsibleState.None);
	item.id = nodeId(node);
	return item;
}
