import * as vscode from "vscode";
import { sleep } from "../../base/abort.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { parseQuery } from "../../model/query.ts";
import { ContextKey, ViewId } from "../ids.ts";
import type { MarkedSpan } from "../markedSpan.ts";
import { noticeText } from "../noticeText.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import { PayloadSearch } from "./payloadSearch.ts";
import { GROUPINGS, type Grouping, nodeId, SORTINGS, type Sorting, type TreeNode } from "./traceNodes.ts";
import { TracesTree } from "./tracesTree.ts";
import { viewStateOf } from "./viewState.ts";

/** How long VS Code may take to know a row again after it was drawn anew, and how often that is looked at. */
const ROW_WAIT_MS = 1_500;
const ROW_POLL_MS = 20;
const ARRANGEMENT_KEY = "tracesArrangement";

interface Arrangement {
	readonly grouping: Grouping;
	readonly sorting: Sorting;
	readonly filter: string;
}

export interface TracesViewOptions {
	readonly manager: SourceManager;
	readonly memento: vscode.Memento;
	readonly marked: MarkedSpan;
	readonly logger: Logger;
	/** The user moved the selection in the tree. */
	readonly onSelect: (node: TreeNode) => void;
}

/** The view around the tree: what it says when it is empty, its filter, its badge and its selection. */
export class TracesView implements Disposable {
	readonly tree: TracesTree;
	readonly #owned = new DisposableStore();
	readonly #options: TracesViewOptions;
	readonly #view: vscode.TreeView<TreeNode>;
	#storeListener: Disposable | undefined;
	/** Traces that failed while nobody looked. */
	readonly #failedUnseen = new Set<string>();
	#arrangement: Arrangement;
	readonly #search: PayloadSearch;
	/** Of the monotonic clock. */
	#redrawnAtMs = Number.NEGATIVE_INFINITY;
	readonly #end = new AbortController();
	readonly #contextValues = new Map<string, unknown>();
	/** The row that VS Code is asked to select now, and the newest that was wanted meanwhile. */
	#revealing: TreeNode | undefined;
	#revealNext: TreeNode | undefined;

	constructor(options: TracesViewOptions) {
		this.#options = options;
		const { manager } = options;
		this.tree = new TracesTree(options.marked);
		this.#arrangement = arrangementOf(options.memento.get(ARRANGEMENT_KEY));
		this.#search = this.#owned.add(
			new PayloadSearch(options.logger, {
				onFound: (found) => this.#handleFound(found),
				onProblem: (message) => {
					void vscode.window.showWarningMessage(
						vscode.l10n.t(
							"The server could not search payloads, so only names were searched: {0}",
							noticeText(message),
						),
					);
				},
			}),
		);
		this.#view = this.#owned.add(
			vscode.window.createTreeView(ViewId.traces, { treeDataProvider: this.tree, showCollapseAll: true }),
		);
		this.#owned.add(this.tree);
		// After VS Code's own listener: it takes the rows at once, and then what the view says about them.
		this.#owned.add(
			this.tree.onDidChangeTreeData(() => {
				this.#redrawnAtMs = performance.now();
				this.updateState();
				this.#updateMessage();
			}),
		);
		this.#owned.add(manager.onDidChangeActive((connection) => this.#handleActive(connection)));
		this.#owned.add(
			manager.onDidChangeStatus((connection) => {
				if (connection === manager.active) this.updateState();
			}),
		);
		this.#owned.add(this.#view.onDidChangeVisibility(({ visible }) => this.#handleVisible(visible)));
		this.#owned.add(
			this.#view.onDidChangeSelection(({ selection }) => {
				const node: TreeNode | undefined = selection[0];
				if (node === undefined) return;
				// A selection that we made ourselves is no wish of the user: handed on, it would come back to a panel that has
				// moved on since, and move it back.
				if (this.#revealing !== undefined && nodeId(node) === nodeId(this.#revealing)) return;
				this.#revealNext = undefined;
				options.onSelect(node);
			}),
		);
		if (this.#view.visible) this.#handleVisible(true);
	}

	get filter(): string {
		return this.#arrangement.filter;
	}

	get arrangement(): Arrangement {
		return this.#arrangement;
	}

	/**
	 * The selected row. While VS Code draws rows anew it has forgotten them, also one that was clicked just now; it knows them
	 * again as soon as it has asked for them, and that is waited for.
	 */
	async selection(): Promise<TreeNode | undefined> {
		const deadlineMs = performance.now() + ROW_WAIT_MS;
		for (;;) {
			const [node] = this.#view.selection;
			const nowMs = performance.now();
			if (node !== undefined || nowMs > deadlineMs || nowMs - this.#redrawnAtMs > ROW_WAIT_MS) return node;
			await sleep(ROW_POLL_MS, this.#end.signal);
		}
	}

	async arrange(change: Partial<Arrangement>): Promise<void> {
		this.#arrangement = { ...this.#arrangement, ...change };
		await this.#options.memento.update(ARRANGEMENT_KEY, this.#arrangement);
		this.#applyArrangement();
	}

	/**
	 * Moves the tree's selection to a span that was picked elsewhere, if the view is visible and shows that source; of several only the
	 * newest.
	 */
	reveal(connection: SourceConnection, traceId: string, spanId: string): void {
		if (!this.#view.visible || connection !== this.tree.connection) return;
		this.#revealNext = this.tree.nodeFor(traceId, spanId);
		if (this.#revealing === undefined) void this.#revealNewest();
	}

	async #revealNewest(): Promise<void> {
		while (this.#revealNext !== undefined) {
			const node = this.#revealNext;
			this.#revealNext = undefined;
			const [current] = this.#view.selection;
			if (current !== undefined && nodeId(current) === nodeId(node)) continue;
			this.#revealing = node;
			try {
				await this.#view.reveal(node, { select: true, focus: false });
			} catch (error) {
				// A row past "Load more" or outside the filter cannot be revealed; the panels show it all the same.
				this.#options.logger.debug(`${nodeId(node)} is not in the tree: ${describeError(error)}`);
			} finally {
				this.#revealing = undefined;
			}
		}
	}

	/** What an empty tree says and the address; cheap, called on each change of status and each refresh of the rows. */
	updateState(): void {
		const connection = this.#options.manager.active;
		const list = this.tree.list;
		if (connection === undefined || list === undefined) return;
		const isFiltered = list.query !== undefined;
		const shown = list.ids(Date.now()).length;
		this.#setContext(ContextKey.viewState, viewStateOf(connection, shown, isFiltered));
		this.#setContext(ContextKey.isFiltered, isFiltered);
		this.#view.description = placeOf(connection);
	}

	dispose(): void {
		this.#end.abort();
		this.#storeListener?.dispose();
		this.#owned.dispose();
	}

	/**
	 * How many traces a filter lets through. Only together with a refresh of the rows, because to VS Code a message is one,
	 * too, and it shows none while they follow each other within 200 ms.
	 */
	#updateMessage(): void {
		const connection = this.#options.manager.active;
		const list = this.tree.list;
		if (connection === undefined || list === undefined) return;
		const shown = list.ids(Date.now()).length;
		// A message hides the welcome text, so there is one only above rows.
		const message =
			list.query !== undefined && shown > 0
				? vscode.l10n.t("{0} of {1} traces match: {2}", shown, connection.store.traceCount, this.#arrangement.filter)
				: undefined;
		if (this.#view.message !== message) this.#view.message = message;
	}

	#setContext(key: string, value: unknown): void {
		if (this.#contextValues.get(key) === value) return;
		this.#contextValues.set(key, value);
		void vscode.commands.executeCommand("setContext", key, value);
	}

	#handleActive(connection: SourceConnection | undefined): void {
		this.#storeListener?.dispose();
		this.#failedUnseen.clear();
		this.#updateBadge();
		this.tree.setConnection(connection);
		this.#storeListener = connection?.store.onDidChange((changes) => this.#handleChange(connection, changes));
		this.#applyArrangement();
	}

	#handleVisible(isVisible: boolean): void {
		this.tree.setVisible(isVisible);
		if (!isVisible) return;
		this.#failedUnseen.clear();
		this.#updateBadge();
		this.#options.manager.start();
	}

	#handleChange(connection: SourceConnection, changes: ChangeSet): void {
		if (!this.#view.visible) {
			for (const traceId of changes.changedTraces.keys()) {
				// What was there before the first snapshot ended is history and no news.
				if (connection.status.isLoaded && connection.store.summary(traceId)?.state === "failed") {
					this.#failedUnseen.add(traceId);
				}
			}
			for (const traceId of changes.removedTraceIds) this.#failedUnseen.delete(traceId);
			if (changes.isCleared) this.#failedUnseen.clear();
			this.#updateBadge();
		}
		this.#search.againSoon();
	}

	#handleFound(found: readonly ReadonlySet<string>[]): void {
		const { list } = this.tree;
		if (list === undefined) return;
		list.found = found;
		this.tree.rearrange();
		this.updateState();
	}

	#updateBadge(): void {
		const count = this.#failedUnseen.size;
		const tooltip =
			count === 1
				? vscode.l10n.t("1 trace failed since you last looked")
				: vscode.l10n.t("{0} traces failed since you last looked", count);
		if ((this.#view.badge?.value ?? 0) === count) return;
		this.#view.badge = count === 0 ? undefined : { value: count, tooltip };
	}

	#applyArrangement(): void {
		const list = this.tree.list;
		if (list === undefined) return;
		list.grouping = this.#arrangement.grouping;
		list.sorting = this.#arrangement.sorting;
		const parsed = parseQuery(this.#arrangement.filter);
		list.query = parsed.ok && this.#arrangement.filter.trim() !== "" ? parsed.query : undefined;
		list.found = [];
		this.tree.rearrange();
		this.updateState();
		this.#search.start(this.#options.manager.active, list.query);
	}
}

/** The name that the user gave the source; of the mini-server the address, which programs want to know. */
function placeOf({ isLocal, url, config }: SourceConnection): string {
	return isLocal && url !== undefined ? (URL.parse(url)?.host ?? url) : config.name;
}

function arrangementOf(value: unknown): Arrangement {
	const stored = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	return {
		grouping: GROUPINGS.find((grouping) => grouping === stored.grouping) ?? "none",
		sorting: SORTINGS.find((sorting) => sorting === stored.sorting) ?? "newest",
		filter: typeof stored.filter === "string" ? stored.filter : "",
	};
}
