import * as vscode from "vscode";
import { sleep } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { SourceConfig } from "../../sources/source.ts";
import { CommandId, DOCUMENT_SCHEME, RowKind, ViewId } from "../ids.ts";
import { type Indicator, indicatorOf, isStandingIn, needsToken, shortText } from "../indicator.ts";
import type { SourceConnection } from "./sourceConnection.ts";
import { LOCAL_SOURCE_ID } from "./sourceEntry.ts";
import type { SourceManager } from "./sourceManager.ts";
import { statusTooltip, tracesText } from "./statusTooltip.ts";

/** A row of the sources view; the last one leads to "Add Source" while there is none but the mini-server. */
export type SourceNode = { readonly kind: "source"; readonly sourceId: string } | { readonly kind: "add" };

/** What a row says beside the name of its source. */
interface RowState {
	/** Undefined while it is not to be connected. */
	readonly indicator: Indicator | undefined;
	readonly isStandingIn: boolean;
	/** The state in words, and the number of traces. */
	readonly words: readonly string[];
	readonly isShown: boolean;
	readonly rowKind: string;
}

/** A row as it is on screen, as texts to compare. */
interface DrawnRow {
	readonly state: string;
	/** What changes often, and may wait. */
	readonly words: string;
}

/** Numbers of traces and the seconds to the next try: redrawn that often at most. */
const REFRESH_MS = 1_000;
/** How long VS Code may take to know a row again after it was drawn anew, and how often that is looked at. */
const ROW_WAIT_MS = 1_500;
const ROW_POLL_MS = 20;

/** The configured sources and the mini-server, each with its state; a click shows its traces. */
export class SourcesTree implements vscode.TreeDataProvider<SourceNode>, vscode.FileDecorationProvider, Disposable {
	readonly #owned = new DisposableStore();
	readonly #manager: SourceManager;
	readonly #onDidChangeTreeData = this.#owned.add(new vscode.EventEmitter<SourceNode[] | undefined>());
	readonly onDidChangeTreeData = this.#onDidChangeTreeData.event;
	readonly #onDidChangeFileDecorations = this.#owned.add(new vscode.EventEmitter<undefined>());
	readonly onDidChangeFileDecorations = this.#onDidChangeFileDecorations.event;
	/** Rows keep their identity, and with it their selection. */
	readonly #nodes = new Map<string, SourceNode>();
	readonly #addNode: SourceNode = { kind: "add" };
	/** What each row said when it was drawn last. */
	readonly #drawn = new Map<string, DrawnRow>();
	readonly #view: vscode.TreeView<SourceNode>;
	readonly #logger: Logger;
	readonly #end = new AbortController();
	#timer: ReturnType<typeof setTimeout> | undefined;
	#isRevealing = false;

	constructor(manager: SourceManager, logger: Logger) {
		this.#manager = manager;
		this.#logger = logger;
		this.#view = this.#owned.add(vscode.window.createTreeView(ViewId.sources, { treeDataProvider: this }));
		this.#owned.add(vscode.window.registerFileDecorationProvider(this));
		this.#owned.add(
			manager.onDidChangeSources(() => {
				this.#onDidChangeTreeData.fire(undefined);
				void this.#selectShown();
			}),
		);
		this.#owned.add(
			manager.onDidChangeActive(() => {
				this.refresh();
				this.#onDidChangeFileDecorations.fire(undefined);
				void this.#selectShown();
			}),
		);
		this.#owned.add(manager.onDidOpen(() => this.refresh()));
		this.#owned.add(manager.onDidClose(() => this.refresh()));
		this.#owned.add(manager.onDidChangeStatus(() => this.refresh()));
		this.#owned.add(
			this.#view.onDidChangeVisibility(() => {
				this.#redraw(true);
				void this.#selectShown();
			}),
		);
		if (this.#view.visible) this.#redraw(true);
	}

	/** Redraws the rows whose state has changed. */
	refresh(): void {
		this.#redraw(false);
	}

	/** @param isTick Also those of which only numbers have changed, which goes on while somebody looks. */
	#redraw(isTick: boolean): void {
		const changed = this.#manager.configs.filter((config) => {
			const drawn = this.#drawn.get(config.id);
			const now = this.#rowOf(config);
			return drawn === undefined || drawn.state !== now.state || (isTick && drawn.words !== now.words);
		});
		for (const config of changed) this.#drawn.set(config.id, this.#rowOf(config));
		if (changed.length > 0) this.#onDidChangeTreeData.fire(changed.map(({ id }) => this.#node(id)));
		if (isTick) {
			clearTimeout(this.#timer);
			this.#timer = undefined;
		}
		if (!this.#view.visible || this.#manager.connections.length === 0) return;
		this.#timer ??= setTimeout(() => this.#redraw(true), REFRESH_MS);
	}

	/**
	 * The source of the row that is selected, as by a click. While VS Code draws rows anew it does not know them, and that is waited
	 * for.
	 */
	async selected(): Promise<string | undefined> {
		const deadlineMs = performance.now() + ROW_WAIT_MS;
		for (;;) {
			const [node] = this.#view.selection;
			if (node !== undefined || performance.now() > deadlineMs)
				return node?.kind === "source" ? node.sourceId : undefined;
			await sleep(ROW_POLL_MS, this.#end.signal);
		}
	}

	/** The selected row is the shown source's, also when that was picked elsewhere. */
	async #selectShown(): Promise<void> {
		if (this.#isRevealing) return;
		for (;;) {
			const sourceId = this.#manager.active?.config.id;
			if (!this.#view.visible || sourceId === undefined) return;
			const node = this.#node(sourceId);
			if (this.#view.selection[0] === node) return;
			this.#isRevealing = true;
			try {
				await this.#view.reveal(node, { select: true, focus: false });
			} catch (error) {
				// The list is being drawn anew: the mark at the row's end tells, too.
				this.#logger.debug(`${sourceId} cannot be selected: ${describeError(error)}`);
			} finally {
				this.#isRevealing = false;
			}
			if (this.#manager.active?.config.id === sourceId) return;
		}
	}

	getChildren(node?: SourceNode): SourceNode[] {
		if (node !== undefined) return [];
		const { configs } = this.#manager;
		const rows = configs.map((config) => this.#node(config.id));
		return configs.length > 1 ? rows : [...rows, this.#addNode];
	}

	/** The rows are no tree, and so none has a parent. */
	getParent(): undefined {
		return undefined;
	}

	getTreeItem(node: SourceNode): vscode.TreeItem {
		if (node.kind === "add") return addItem();
		const config = this.#manager.configs.find((candidate) => candidate.id === node.sourceId);
		const item = new vscode.TreeItem(displayText(config?.name ?? node.sourceId, 80));
		item.id = node.sourceId;
		if (config === undefined) return item;
		const { words, isShown, rowKind, ...state } = this.#stateOf(config);
		this.#drawn.set(config.id, this.#rowOf(config));
		item.contextValue = rowKind;
		item.resourceUri = uriOf(config.id);
		// Without arguments, which VS Code drops when the row is drawn anew: the selection says which one.
		item.command = { command: CommandId.sourceShow, title: vscode.l10n.t("Show Source") };
		item.iconPath = iconOf(config.id === LOCAL_SOURCE_ID, state);
		const said = words.join(" · ");
		item.description = [said, this.#placeOf(config)].filter(Boolean).join(" · ");
		item.accessibilityInformation = {
			label: [item.label, isShown ? vscode.l10n.t("shown") : "", said].filter(Boolean).join(", "),
			role: "treeitem",
		};
		return item;
	}

	/** Made when it is looked at: it tells ages. */
	resolveTreeItem(item: vscode.TreeItem, node: SourceNode): vscode.TreeItem {
		if (node.kind === "add") return item;
		const connection = this.#manager.connectionOf(node.sourceId);
		const isShown = connection !== undefined && connection === this.#manager.active;
		const last = isShown ? vscode.l10n.t("Its traces are shown") : vscode.l10n.t("Click to show its traces");
		if (connection !== undefined) item.tooltip = statusTooltip(connection, Date.now(), last);
		else item.tooltip = `${vscode.l10n.t("Not connected")}\n${last}`;
		return item;
	}

	provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
		const { active } = this.#manager;
		if (uri.scheme !== DOCUMENT_SCHEME || active === undefined) return undefined;
		if (uri.toString() !== uriOf(active.config.id).toString()) return undefined;
		return new vscode.FileDecoration("✓", vscode.l10n.t("shown"));
	}

	dispose(): void {
		this.#end.abort();
		clearTimeout(this.#timer);
		this.#owned.dispose();
	}

	#stateOf(config: SourceConfig): RowState {
		const connection = this.#manager.connectionOf(config.id);
		const isShown = connection !== undefined && connection === this.#manager.active;
		const isLocal = config.id === LOCAL_SOURCE_ID;
		const count = connection?.store.traceCount ?? 0;
		const traces = count > 0 ? [tracesText(count)] : [];
		if (connection?.isWanted !== true) {
			const words = [vscode.l10n.t("Not connected"), ...traces];
			return {
				indicator: undefined,
				isStandingIn: false,
				words,
				isShown,
				rowKind: isLocal ? RowKind.localSource : RowKind.source,
			};
		}
		const nowMs = Date.now();
		const { status, sinceMs } = connection;
		const indicator = indicatorOf(status, nowMs, sinceMs);
		const words = [shortText(status, indicator, nowMs, vscode.l10n.t), ...traces];
		const rowKind = rowKindOf(connection, indicator);
		return { indicator, isStandingIn: isStandingIn(status, indicator), words, isShown, rowKind };
	}

	#rowOf(config: SourceConfig): DrawnRow {
		const { words, ...state } = this.#stateOf(config);
		return { state: JSON.stringify([config.name, state, this.#placeOf(config)]), words: words.join() };
	}

	/** Where it is; nothing where its name says so already. */
	#placeOf(config: SourceConfig): string {
		const url = this.#manager.connectionOf(config.id)?.url ?? config.url;
		const host = URL.parse(url)?.host ?? url;
		return host === "" || config.name.includes(host) ? "" : host;
	}

	#node(sourceId: string): SourceNode {
		let node = this.#nodes.get(sourceId);
		if (node === undefined) {
			node = { kind: "source", sourceId };
			this.#nodes.set(sourceId, node);
		}
		return node;
	}
}

function rowKindOf({ isLocal, status: { state } }: SourceConnection, indicator: Indicator): string {
	if (isLocal) return indicator === "live" ? RowKind.localSourceLive : RowKind.localSourceTrouble;
	if (indicator === "live") return RowKind.sourceLive;
	const isRefused = (state.name === "failed" || state.name === "waiting") && needsToken(state.reason);
	return isRefused ? RowKind.sourceRefused : RowKind.sourceTrouble;
}

function addItem(): vscode.TreeItem {
	const item = new vscode.TreeItem(vscode.l10n.t("Add Source…"));
	item.id = "\n";
	item.iconPath = new vscode.ThemeIcon("add");
	item.tooltip = vscode.l10n.t("Connect to a trace server of your own");
	item.command = { command: CommandId.sourceAdd, title: vscode.l10n.t("Add Source…") };
	return item;
}

/** Names a row to VS Code, so that the shown one can be marked at the right edge, where it marks files. */
function uriOf(sourceId: string): vscode.Uri {
	return vscode.Uri.from({ scheme: DOCUMENT_SCHEME, authority: "source", path: `/${sourceId}` });
}

function iconOf(isLocal: boolean, state: Pick<RowState, "indicator" | "isStandingIn">): vscode.ThemeIcon {
	switch (state.indicator) {
		case "live":
			return new vscode.ThemeIcon(isLocal ? "server-process" : "server", new vscode.ThemeColor("charts.green"));
		case "connecting":
			return new vscode.ThemeIcon(state.isStandingIn ? "warning" : "sync~spin", new vscode.ThemeColor("charts.yellow"));
		case "disconnected":
			return new vscode.ThemeIcon("debug-disconnect", new vscode.ThemeColor("charts.red"));
		case undefined:
			return new vscode.ThemeIcon(
				isLocal ? "server-process" : "server",
				new vscode.ThemeColor("descriptionForeground"),
			);
	}
}
