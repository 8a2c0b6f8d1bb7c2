import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import type { TraceEntry } from "../../model/traceEntry.ts";
import type { TraceStore } from "../../model/traceStore.ts";
import type { MarkedSpan, SpanAddress } from "../markedSpan.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import {
	goneItem,
	groupItem,
	loadMoreItem,
	placeholderItem,
	spanItem,
	spanTooltip,
	traceItem,
	traceTooltip,
} from "./traceItems.ts";
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

	readonly #marked: MarkedSpan;
	/** The span whose row says that it is marked. */
	#markShown: SpanAddress | undefined;

	readonly #parentRowsOf = new WeakMap<TraceEntry, { revision: number; rows: ReadonlySet<number> }>();

	constructor(marked: MarkedSpan) {
		this.#marked = marked;
		this.#owned.add(marked.onDidChange(() => this.#redrawMark()));
	}

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
		const store = this.#connection?.store;
		const summaries = node.traceIds.flatMap((traceId) => store?.summary(traceId) ?? []);
		return groupItem(node, this.#list?.grouping, summaries);
	}

	#traceItem(node: TraceNode): vscode.TreeItem {
		const summary = this.#connection?.store.summary(node.traceId);
		if (summary === undefined) return goneItem(node);
		this.#noteRunning(node, summary.runningCount > 0);
		return traceItem(node, summary, this.#serverNowMs());
	}

	#spanItem(node: SpanNode): vscode.TreeItem {
		const store = this.#connection?.store;
		const span = store?.span(node.traceId, node.spanId);
		if (store === undefined || span === undefined) return goneItem(node);
		this.#noteRunning(node, span.state === "running");
		const nowMs = this.#serverNowMs();
		const parent =
			typeof span.parentSpanId === "string" && !span.isOrphan ? store.span(node.traceId, span.parentSpanId) : undefined;
		const changedAtMs = store.entry(node.traceId)?.changedAtMs ?? nowMs;
		const isLost = isAbandoned(span, parent, changedAtMs, Date.now());
		const row = store.rowOf(node.spanId, node.traceId);
		const hasChildren = row !== undefined && this.#parentRows(store, node.traceId).has(row);
		const isMarked = this.#marked.isMarked(this.#connection, node);
		return spanItem(node, span, { nowMs, isLost, hasChildren, isMarked });
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

	#redrawMark(): void {
		const { span: marked } = this.#marked;
		const rows = [this.#markShown, marked].flatMap((span) => {
			if (span === undefined) return [];
			const { traceId, spanId } = span;
			return this.#nodes.get(nodeId({ kind: "span", traceId, spanId })) ?? [];
		});
		this.#markShown = marked;
		if (rows.length > 0) this.#onDidChangeTreeData.fire(rows);
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
