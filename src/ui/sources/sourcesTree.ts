import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { SourceConfig } from "../../sources/source.ts";
import { CommandId, RowKind } from "../ids.ts";
import { connectionText, type Indicator, indicatorOf } from "../indicator.ts";
import { LOCAL_SOURCE_ID } from "../settings.ts";
import type { SourceManager } from "./sourceManager.ts";

/** A row of the sources view. */
export interface SourceNode {
	readonly kind: "source";
	readonly sourceId: string;
}

/** The configured sources and the mini-server, each with its state; a click selects. */
export class SourcesTree implements vscode.TreeDataProvider<SourceNode>, Disposable {
	readonly #owned = new DisposableStore();
	readonly #manager: SourceManager;
	readonly #onDidChangeTreeData = this.#owned.add(new vscode.EventEmitter<SourceNode | undefined>());
	readonly onDidChangeTreeData = this.#onDidChangeTreeData.event;
	readonly #nodes = new Map<string, SourceNode>();
	#shown = "";

	constructor(manager: SourceManager) {
		this.#manager = manager;
		this.#owned.add(manager.onDidChangeSources(() => this.#onDidChangeTreeData.fire(undefined)));
		this.#owned.add(manager.onDidChangeActive(() => this.#onDidChangeTreeData.fire(undefined)));
		this.#owned.add(manager.onDidChangeStatus(() => this.refresh()));
	}

	/** Redraws the active row when its words have changed. */
	refresh(): void {
		const connection = this.#manager.active;
		if (connection === undefined) return;
		const { text, indicator } = this.#activeState();
		const shown = `${connection.config.id} ${indicator} ${text} ${connection.url}`;
		if (shown === this.#shown) return;
		this.#shown = shown;
		this.#onDidChangeTreeData.fire(this.#node(connection.config.id));
	}

	getChildren(node?: SourceNode): SourceNode[] {
		return node === undefined ? this.#manager.configs.map((config) => this.#node(config.id)) : [];
	}

	getTreeItem(node: SourceNode): vscode.TreeItem {
		const config = this.#manager.configs.find((candidate) => candidate.id === node.sourceId);
		const item = new vscode.TreeItem(config?.name ?? node.sourceId);
		item.id = node.sourceId;
		if (config === undefined) return item;
		const isLocal = config.id === LOCAL_SOURCE_ID;
		item.contextValue = isLocal ? RowKind.localSource : RowKind.source;
		item.command = { command: CommandId.sourceSelect, title: vscode.l10n.t("Select Source"), arguments: [node] };
		const connection = this.#manager.active;
		const isActive = connection?.config.id === config.id;
		const address = isActive ? connection.url : config.url || undefined;
		if (!isActive) {
			item.iconPath = new vscode.ThemeIcon(isLocal ? "server-process" : "server", color("descriptionForeground"));
			item.description = isLocal ? vscode.l10n.t("bundled") : hostOf(config);
			item.tooltip = vscode.l10n.t("{0}: not shown. Click to show its traces.", config.name);
			return item;
		}
		const { indicator, text } = this.#activeState();
		item.iconPath = new vscode.ThemeIcon(isLocal ? "server-process" : "server", indicatorColor(indicator));
		item.description = [text, address === undefined ? undefined : hostOf({ ...config, url: address })]
			.filter((part) => part !== undefined)
			.join(" · ");
		item.tooltip = `${config.name}\n${text}\n${address ?? ""}`.trim();
		item.accessibilityInformation = { label: `${config.name}, ${text}`, role: "treeitem" };
		return item;
	}

	dispose(): void {
		this.#owned.dispose();
	}

	#activeState(): { indicator: Indicator; text: string } {
		const connection = this.#manager.active;
		if (connection === undefined) return { indicator: "disconnected", text: "" };
		const nowMs = Date.now();
		const indicator = indicatorOf(connection.status, nowMs, connection.sinceMs);
		return { indicator, text: connectionText(connection.status, indicator, nowMs, vscode.l10n.t) };
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

function hostOf(config: SourceConfig): string {
	return URL.parse(config.url)?.host ?? config.url;
}

function color(id: string): vscode.ThemeColor {
	return new vscode.ThemeColor(id);
}

function indicatorColor(indicator: Indicator): vscode.ThemeColor {
	switch (indicator) {
		case "live":
			return color("charts.green");
		case "connecting":
			return color("charts.yellow");
		case "disconnected":
			return color("charts.red");
	}
}
