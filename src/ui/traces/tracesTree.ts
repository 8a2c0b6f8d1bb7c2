import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { differenceNs } from "../../base/timestamp.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { formatAbsoluteTime, formatAge, formatCost, formatDuration, formatTokens } from "../../model/format.ts";
import { type SpanSummary, type TraceSummary, totalTokens, traceDurationNs } from "../../model/span.ts";
import type { TraceEntry } from "../../model/traceEntry.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import { CommandId, RowKind } from "../ids.ts";
import { appendPlain } from "../plainMarkdown.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { TraceList } from "./traceList.ts";
import {
	type GroupNode,
	isAbandoned,
	type LoadMoreNode,
	nodeId,
	type PlaceholderNode,
	type SpanNode,
	type TraceNode,
	type TreeNode,
} from "./traceNodes.ts";

/** Rows shown below one parent before "Load more". */
const PAGE_ROWS = 500;
/**
 * Shortest time between two refreshes of the tree; the first change after a quiet time is shown at once. VS Code takes the
 * first of several refreshes at once, too, and the others only when there was none for 200 ms: closer together, ticks among
 * them, they would put each other off for as long as changes come.
 */
const REFRESH_MS = 250;
/** Running durations tick this often, and only while the view is visible. */
const TICK_MS = 1_000;
const MAX_LABEL = 200;

/**
 * The tree of traces and their spans. Refreshes the rows that changed; the root only when the set or the order of traces
 * changed. Rows keep their identity, so that selection, scroll and folding survive.
 */
export class TracesTree implements vscode.TreeDataProvider<TreeNode>, Disposable {
	readonly #owned = new DisposableStore();
	readonly #onDidChangeTreeData = this.#owned.add(new vscode.EventEmitter<TreeNode[] | undefined>());
	readonly onDidChangeTreeData = this.#onDidChangeTreeData.event;
	readonly #nodes = new Map<string, TreeNode>();
	/** Rows asked for beyond the first page, by parent key. */
	readonly #extraRows = new Map<string, number>();
	#connection: SourceConnection | undefined;
	#connectionLife: DisposableStore | undefined;
	#list: TraceList | undefined;
	#dirtyTraces = new Set<string>();
	#isRootDirty = false;
	#refreshTimer: ReturnType<typeof setTimeout> | undefined;
	/** Of the monotonic clock. */
	#lastRefreshMs = -REFRESH_MS;
	#tickTimer: ReturnType<typeof setInterval> | undefined;
	/** The next refresh redraws the durations of what runs. */
	#isTickDue = false;
	#isVisible = false;
	/** Traces and spans that were resolved while running: what a tick has to redraw. */
	readonly #runningShown = new Set<TreeNode>();

	readonly #parentRowsOf = new WeakMap<TraceEntry, { revision: number; rows: ReadonlySet<number> }>();

	get list(): TraceList | undefined {
		return this.#list;
	}

	get connection(): SourceConnection | undefined {
		return this.#connection;
	}

	/** Shows the traces of another connection, arranged as the last ones were. */
	setConnection(connection: SourceConnection | undefined): void {
		this.#connectionLife?.dispose();
		this.#connectionLife = undefined;
		this.#connection = connection;
		this.#nodes.clear();
		this.#extraRows.clear();
		this.#runningShown.clear();
		const before = this.#list;
		this.#list = undefined;
		if (connection !== undefined) {
			const list = new TraceList(connection.store);
			list.grouping = before?.grouping ?? "none";
			list.sorting = before?.sorting ?? "newest";
			list.query = before?.query;
			this.#list = list;
			const life = new DisposableStore();
			life.add(connection.store.onDidChange((changes) => this.#handleChange(changes)));
			this.#connectionLife = life;
		}
		this.#onDidChangeTreeData.fire(undefined);
	}

	/** Filter, sorting or grouping changed, or the server's search answered. */
	rearrange(): void {
		this.#list?.invalidate();
		this.#isRootDirty = true;
		this.#refresh();
	}

	/** Running rows tick only while somebody can see them. */
	setVisible(isVisible: boolean): void {
		this.#isVisible = isVisible;
		if (!isVisible) this.#stopTick();
		else if (this.#runningShown.size > 0) this.#startTick();
	}

	showMore(parentKey: string): void {
		this.#extraRows.set(parentKey, (this.#extraRows.get(parentKey) ?? 0) + PAGE_ROWS);
		this.#isRootDirty = true;
		this.#refresh();
	}

	/** The row of a trace or span, for `reveal`. */
	nodeFor(traceId: string, spanId?: string): TreeNode {
		return spanId === undefined
			? this.#keep<TraceNode>({ kind: "trace", traceId })
			: this.#keep<SpanNode>({ kind: "span", traceId, spanId });
	}

	getChildren(node?: TreeNode): TreeNode[] {
		const connection = this.#connection;
		const list = this.#list;
		if (connection === undefined || list === undefined) return [];
		if (node === undefined) return this.#rootNodes(connection, list);
		switch (node.kind) {
			case "group":
				return this.#paged(
					nodeId(node),
					node.traceIds.map((traceId) => this.#keep<TraceNode>({ kind: "trace", traceId })),
				);
			case "trace":
			case "span":
			case "placeholder":
				return this.#paged(nodeId(node), this.#childSpans(connection.store, node));
			case "loadMore":
				return [];
		}
	}

	getParent(node: TreeNode): TreeNode | undefined {
		const connection = this.#connection;
		if (connection === undefined) return undefined;
		if (node.kind === "placeholder") return this.#keep<TraceNode>({ kind: "trace", traceId: node.traceId });
		if (node.kind === "span") {
			const span = connection.store.span(node.traceId, node.spanId);
			if (span === undefined || span.parentSpanId === null || span.parentSpanId === undefined) {
				return this.#keep<TraceNode>({ kind: "trace", traceId: node.traceId });
			}
			const { traceId } = node;
			return span.isOrphan
				? this.#keep<PlaceholderNode>({ kind: "placeholder", traceId, spanId: span.parentSpanId })
				: this.#keep<SpanNode>({ kind: "span", traceId, spanId: span.parentSpanId });
		}
		if (node.kind === "trace" && this.#list !== undefined && this.#list.grouping !== "none") {
			const group = this.#list.groups(Date.now()).find((candidate) => candidate.traceIds.includes(node.traceId));
			return group === undefined ? undefined : this.#groupNode(group.key, group.traceIds);
		}
		return undefined;
	}

	getTreeItem(node: TreeNode): vscode.TreeItem {
		switch (node.kind) {
			case "group":
				return this.#groupItem(node);
			case "trace":
				return this.#traceItem(node);
			case "span":
				return this.#spanItem(node);
			case "placeholder":
				return placeholderItem(node);
			case "loadMore":
				return loadMoreItem(node);
		}
	}

	dispose(): void {
		if (this.#refreshTimer !== undefined) clearTimeout(this.#refreshTimer);
		this.#refreshTimer = undefined;
		this.#stopTick();
		this.#connectionLife?.dispose();
		this.#owned.dispose();
	}

	#rootNodes(connection: SourceConnection, list: TraceList): TreeNode[] {
		const nowMs = Date.now();
		if (list.grouping !== "none") {
			return list.groups(nowMs).map((group) => this.#groupNode(group.key, group.traceIds));
		}
		const ids = list.ids(nowMs);
		const limit = PAGE_ROWS + (this.#extraRows.get("root") ?? 0);
		const nodes: TreeNode[] = ids.slice(0, limit).map((traceId) => this.#keep<TraceNode>({ kind: "trace", traceId }));
		const hasMoreHere = ids.length > limit;
		if (hasMoreHere || connection.source?.hasMore === true) {
			const total = connection.source?.hasMore === true ? undefined : ids.length;
			const more = this.#keep<LoadMoreNode>({ kind: "loadMore", parentKey: "root", shown: 0, total: 0 });
			more.shown = Math.min(limit, ids.length);
			more.total = total;
			nodes.push(more);
		}
		return nodes;
	}

	#groupNode(key: string | undefined, traceIds: readonly string[]): GroupNode {
		const node = this.#keep<GroupNode>({
			kind: "group",
			key: `${this.#list?.grouping} ${key ?? ""}`,
			label: key ?? "",
			traceIds,
		});
		node.traceIds = traceIds;
		return node;
	}

	#paged(parentKey: string, nodes: TreeNode[]): TreeNode[] {
		const limit = PAGE_ROWS + (this.#extraRows.get(parentKey) ?? 0);
		if (nodes.length <= limit) return nodes;
		const more = this.#keep<LoadMoreNode>({ kind: "loadMore", parentKey, shown: limit, total: nodes.length });
		more.shown = limit;
		more.total = nodes.length;
		return [...nodes.slice(0, limit), more];
	}

	/** Children in start order; a trace's children are its roots, then placeholders for parents that are missing. */
	#childSpans(store: TraceStore, node: TraceNode | SpanNode | PlaceholderNode): TreeNode[] {
		const entry = store.entry(node.traceId);
		if (entry === undefined) return [];
		const { columns } = store;
		const { traceId } = node;
		const rows: number[] = [];
		const missing = new Set<string>();
		const parentRow = node.kind === "span" ? store.rowOf(node.spanId, traceId) : undefined;
		if (node.kind === "span" && parentRow === undefined) return [];
		const stranded = node.kind === "trace" ? strandedByCycle(store, entry.rows) : undefined;
		for (const row of entry.rows) {
			const missingParent = store.missingParentOf(row);
			if (node.kind === "trace") {
				if (missingParent !== undefined) missing.add(missingParent);
				else if (columns.parentRow[row] < 0 || stranded?.has(row)) rows.push(row);
			} else if (node.kind === "span" ? columns.parentRow[row] === parentRow : missingParent === node.spanId) {
				rows.push(row);
			}
		}
		rows.sort(
			(a, b) =>
				columns.startMs[a] - columns.startMs[b] ||
				columns.startSubNs[a] - columns.startSubNs[b] ||
				columns.ordinal[a] - columns.ordinal[b],
		);
		const children: TreeNode[] = rows.map((row) =>
			this.#keep<SpanNode>({ kind: "span", traceId, spanId: columns.ids[row] }),
		);
		for (const spanId of missing) children.push(this.#keep<PlaceholderNode>({ kind: "placeholder", traceId, spanId }));
		return children;
	}

	#groupItem(node: GroupNode): vscode.TreeItem {
		const item = new vscode.TreeItem(groupLabel(node, this.#list?.grouping), vscode.TreeItemCollapsibleState.Expanded);
		item.id = nodeId(node);
		item.contextValue = RowKind.group;
		item.description = String(node.traceIds.length);
		return item;
	}

	#traceItem(node: TraceNode): vscode.TreeItem {
		const store = this.#connection?.store;
		const summary = store?.summary(node.traceId);
		if (summary === undefined) return goneItem(node);
		this.#noteRunning(node, summary.runningCount > 0);
		const nowMs = this.#serverNowMs();
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

	#spanItem(node: SpanNode): vscode.TreeItem {
		const store = this.#connection?.store;
		const span = store?.span(node.traceId, node.spanId);
		if (store === undefined || span === undefined) return goneItem(node);
		this.#noteRunning(node, span.state === "running");
		const nowMs = this.#serverNowMs();
		const label = displayText(span.name, MAX_LABEL);
		const parent =
			typeof span.parentSpanId === "string" && !span.isOrphan ? store.span(node.traceId, span.parentSpanId) : undefined;
		const changedAtMs = store.entry(node.traceId)?.changedAtMs ?? nowMs;
		const isLost = isAbandoned(span, parent, changedAtMs, Date.now());
		const row = store.rowOf(node.spanId, node.traceId);
		const hasChildren = row !== undefined && this.#parentRows(store, node.traceId).has(row);
		const item = new vscode.TreeItem(
			label,
			hasChildren ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
		);
		item.id = nodeId(node);
		item.contextValue = RowKind.span;
		item.iconPath = isLost ? new vscode.ThemeIcon("question", color("descriptionForeground")) : stateIcon(span.state);
		item.description = spanDescription(span, nowMs, isLost);
		item.accessibilityInformation = {
			label: `${label}, ${isLost ? vscode.l10n.t("abandoned?") : stateWord(span.state)}, ${item.description}`,
			role: "treeitem",
		};
		item.command = { command: CommandId.spanOpen, title: vscode.l10n.t("Open Span") };
		return item;
	}

	resolveTreeItem(item: vscode.TreeItem, node: TreeNode): vscode.TreeItem {
		const store = this.#connection?.store;
		if (node.kind === "trace") {
			const summary = store?.summary(node.traceId);
			if (summary !== undefined) item.tooltip = traceTooltip(summary, this.#serverNowMs());
		} else if (node.kind === "span") {
			const span = store?.span(node.traceId, node.spanId);
			if (span !== undefined) item.tooltip = spanTooltip(span, this.#serverNowMs());
		}
		return item;
	}

	/** Rows of a trace that have children; found in one pass and kept until the trace changes. */
	#parentRows(store: TraceStore, traceId: string): ReadonlySet<number> {
		const entry = store.entry(traceId);
		if (entry === undefined) return new Set();
		const kept = this.#parentRowsOf.get(entry);
		if (kept !== undefined && kept.revision === entry.revision) return kept.rows;
		const rows = new Set<number>();
		for (const row of entry.rows) if (store.columns.parentRow[row] >= 0) rows.add(store.columns.parentRow[row]);
		this.#parentRowsOf.set(entry, { revision: entry.revision, rows });
		return rows;
	}

	#serverNowMs(): number {
		return Date.now() + (this.#connection?.status.clockOffsetMs ?? 0);
	}

	#keep<T extends TreeNode>(node: T): T {
		const id = nodeId(node);
		const known = this.#nodes.get(id);
		if (known !== undefined) return known as T;
		this.#nodes.set(id, node);
		return node;
	}

	#handleChange(changes: ChangeSet): void {
		const list = this.#list;
		if (list === undefined) return;
		if (changes.isCleared) {
			this.#nodes.clear();
			this.#runningShown.clear();
		}
		if (list.isOrderTouchedBy(changes)) {
			list.invalidate();
			this.#isRootDirty = true;
		}
		for (const traceId of changes.changedTraces.keys()) this.#dirtyTraces.add(traceId);
		if (changes.removedTraceIds.length > 0) this.#forgetTraces(new Set(changes.removedTraceIds));
		this.#refreshSoon();
	}

	#refreshSoon(): void {
		const waitMs = this.#lastRefreshMs + REFRESH_MS - performance.now();
		if (waitMs <= 0) this.#refresh();
		else this.#refreshTimer ??= setTimeout(() => this.#refresh(), waitMs);
	}

	#forgetTraces(traceIds: ReadonlySet<string>): void {
		for (const traceId of traceIds) this.#dirtyTraces.delete(traceId);
		for (const [id, node] of this.#nodes) {
			if (node.kind === "group" || node.kind === "loadMore" || !traceIds.has(node.traceId)) continue;
			this.#nodes.delete(id);
			this.#runningShown.delete(node);
		}
	}

	#refresh(): void {
		if (this.#refreshTimer !== undefined) clearTimeout(this.#refreshTimer);
		this.#refreshTimer = undefined;
		this.#lastRefreshMs = performance.now();
		const dirty = this.#dirtyTraces;
		this.#dirtyTraces = new Set();
		const isTickDue = this.#isTickDue;
		this.#isTickDue = false;
		if (this.#isRootDirty) {
			this.#isRootDirty = false;
			// Every duration is drawn anew with it.
			this.#tickTimer?.refresh();
			this.#onDidChangeTreeData.fire(undefined);
			return;
		}
		const nodes = new Set<TreeNode>();
		for (const traceId of dirty) {
			const node = this.#nodes.get(nodeId({ kind: "trace", traceId }));
			if (node !== undefined) nodes.add(node);
		}
		if (isTickDue) {
			for (const node of [...this.#runningShown].slice(0, PAGE_ROWS)) nodes.add(node);
			// The rows that are still running note themselves again when they are drawn.
			this.#runningShown.clear();
		}
		if (nodes.size > 0) this.#onDidChangeTreeData.fire([...nodes]);
	}

	#noteRunning(node: TreeNode, isRunning: boolean): void {
		if (!isRunning) this.#runningShown.delete(node);
		else {
			this.#runningShown.add(node);
			if (this.#isVisible) this.#startTick();
		}
	}

	#startTick(): void {
		this.#tickTimer ??= setInterval(() => {
			if (this.#runningShown.size === 0) {
				this.#stopTick();
				return;
			}
			this.#isTickDue = true;
			this.#refreshSoon();
		}, TICK_MS);
	}

	#stopTick(): void {
		if (this.#tickTimer !== undefined) clearInterval(this.#tickTimer);
		this.#tickTimer = undefined;
	}
}

/** One row of each ring of parents, so that its members can be reached from the trace. */
function strandedByCycle(store: TraceStore, rows: readonly number[]): ReadonlySet<number> {
	const { parentRow } = store.columns;
	const reached = new Set<number>();
	const stranded = new Set<number>();
	for (const start of rows) {
		const path: number[] = [];
		const onPath = new Set<number>();
		let row = start;
		while (row >= 0 && !reached.has(row) && !onPath.has(row)) {
			path.push(row);
			onPath.add(row);
			row = parentRow[row];
		}
		if (row >= 0 && onPath.has(row)) stranded.add(row);
		for (const member of path) reached.add(member);
	}
	return stranded;
}

function color(id: string): vscode.ThemeColor {
	return new vscode.ThemeColor(id);
}

function stateIcon(state: SpanSummary["state"]): vscode.ThemeIcon {
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

function traceTooltip(summary: TraceSummary, nowMs: number): vscode.MarkdownString {
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

function spanTooltip(span: SpanSummary, nowMs: number): vscode.MarkdownString {
	const durationNs = spanDurationNs(span, nowMs);
	return tooltip(displayText(span.name, 500), [
		[vscode.l10n.t("Status"), stateWord(span.state)],
		[vscode.l10n.t("Error"), span.error === undefined ? undefined : displayText(span.error, 1000)],
		[vscode.l10n.t("Kind"), displayText(span.kindName, 200)],
		[vscode.l10n.t("Model"), span.model === undefined ? undefined : displayText(span.model, 200)],
		[vscode.l10n.t("Provider"), span.provider === undefined ? undefined : displayText(span.provider, 200)],
		[vscode.l10n.t("Started"), span.start === undefined ? undefined : formatAbsoluteTime(span.start)],
		[vscode.l10n.t("Duration"), durationNs === undefined ? "–" : formatDuration(durationNs)],
		[vscode.l10n.t("Tokens in"), span.inputTokens === undefined ? undefined : formatTokens(span.inputTokens)],
		[vscode.l10n.t("Tokens out"), span.outputTokens === undefined ? undefined : formatTokens(span.outputTokens)],
		[vscode.l10n.t("Cost"), span.costUsd === undefined ? undefined : formatCost(span.costUsd, span.isCostEstimated)],
		[vscode.l10n.t("Id"), displayText(span.spanId, 260)],
	]);
}

function placeholderItem(node: PlaceholderNode): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("(parent not received)"), vscode.TreeItemCollapsibleState.Expanded);
	item.id = nodeId(node);
	item.contextValue = RowKind.placeholder;
	item.iconPath = new vscode.ThemeIcon("circle-slash", color("descriptionForeground"));
	item.description = displayText(node.spanId, 80);
	item.tooltip = vscode.l10n.t("Spans below name this parent, which has not arrived yet.");
	return item;
}

function loadMoreItem(node: LoadMoreNode): vscode.TreeItem {
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
function goneItem(node: TreeNode): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("(removed)"), vscode.TreeItemCollapsibleState.None);
	item.id = nodeId(node);
	return item;
}
