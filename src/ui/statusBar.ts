import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { formatAge } from "../model/format.ts";
import { CommandId, STATUS_ITEM_ID } from "./ids.ts";
import { clockTime, connectionText, type Indicator, indicatorOf } from "./indicator.ts";
import { appendPlain } from "./plainMarkdown.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

/** While a try is awaited the seconds count down, and a silence that grows too long has to be noticed. */
const TICK_MS = 1_000;
const TRACE_COUNT_MS = 500;

/** The live indicator. Shown once a source was opened; a click reconnects. */
export class StatusBar implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #manager: SourceManager;
	readonly #item: vscode.StatusBarItem;
	readonly #onDidChangeIndicator = this.#owned.add(new vscode.EventEmitter<Indicator>());
	/** The word in the status bar changed, also by mere passing of time. */
	readonly onDidChangeIndicator = this.#onDidChangeIndicator.event;
	#storeListener: Disposable | undefined;
	#tick: ReturnType<typeof setInterval> | undefined;
	#countTimer: ReturnType<typeof setTimeout> | undefined;
	#indicator: Indicator | undefined;

	constructor(manager: SourceManager) {
		this.#manager = manager;
		this.#item = this.#owned.add(vscode.window.createStatusBarItem(STATUS_ITEM_ID, vscode.StatusBarAlignment.Left, 50));
		this.#item.name = vscode.l10n.t("Traceway Live");
		this.#item.command = CommandId.connectionReconnect;
		this.#owned.add(manager.onDidChangeActive((connection) => this.#handleActive(connection)));
		this.#owned.add(manager.onDidChangeStatus(() => this.#update()));
	}

	dispose(): void {
		this.#storeListener?.dispose();
		this.#setTicking(false);
		if (this.#countTimer !== undefined) clearTimeout(this.#countTimer);
		this.#owned.dispose();
	}

	#handleActive(connection: SourceConnection | undefined): void {
		this.#storeListener?.dispose();
		this.#storeListener = connection?.store.onDidChange(() => {
			this.#countTimer ??= setTimeout(() => {
				this.#countTimer = undefined;
				this.#update();
			}, TRACE_COUNT_MS);
		});
		this.#update();
	}

	#update(): void {
		const connection = this.#manager.active;
		if (connection === undefined) {
			this.#item.hide();
			this.#setTicking(false);
			return;
		}
		const nowMs = Date.now();
		const { status } = connection;
		const indicator = indicatorOf(status, nowMs, connection.sinceMs);
		const { text, word, background } = this.#appearance(indicator, connection);
		this.#item.text = text;
		this.#item.backgroundColor = background;
		this.#item.color = indicator === "live" ? new vscode.ThemeColor("charts.green") : undefined;
		this.#item.tooltip = statusTooltip(connection, indicator, nowMs);
		this.#item.accessibilityInformation = {
			label: vscode.l10n.t("Traceway {0}: {1}. Activate to reconnect", connection.config.name, word),
			role: "button",
		};
		this.#item.show();
		this.#setTicking(status.state.name !== "idle" && status.state.name !== "failed");
		if (indicator !== this.#indicator) {
			this.#indicator = indicator;
			this.#onDidChangeIndicator.fire(indicator);
		}
	}

	#appearance(
		indicator: Indicator,
		connection: SourceConnection,
	): { text: string; word: string; background: vscode.ThemeColor | undefined } {
		switch (indicator) {
			case "live": {
				const count = connection.store.traceCount;
				const word = vscode.l10n.t("Live");
				return { text: count > 0 ? `$(pulse) ${word} · ${count}` : `$(pulse) ${word}`, word, background: undefined };
			}
			case "connecting": {
				const word = vscode.l10n.t("Connecting");
				return {
					text: `$(sync~spin) ${word}`,
					word,
					background: new vscode.ThemeColor("statusBarItem.warningBackground"),
				};
			}
			case "disconnected": {
				const word = vscode.l10n.t("Disconnected");
				return {
					text: `$(debug-disconnect) ${word}`,
					word,
					background: new vscode.ThemeColor("statusBarItem.errorBackground"),
				};
			}
		}
	}

	#setTicking(isTicking: boolean): void {
		if (isTicking) this.#tick ??= setInterval(() => this.#update(), TICK_MS);
		else if (this.#tick !== undefined) {
			clearInterval(this.#tick);
			this.#tick = undefined;
		}
	}
}

function statusTooltip(connection: SourceConnection, indicator: Indicator, nowMs: number): vscode.MarkdownString {
	const { status, store } = connection;
	const t = vscode.l10n.t;
	const lines: string[] = [`${connection.config.name}: ${connectionText(status, indicator, nowMs, t)}`];
	if (status.state.name === "waiting") lines.push(t("Reason: {0}", status.state.message));
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
	lines.push(t("Click to reconnect"));
	const markdown = new vscode.MarkdownString();
	for (const line of lines) {
		appendPlain(markdown, line);
		markdown.appendMarkdown("\n\n");
	}
	return markdown;
}
