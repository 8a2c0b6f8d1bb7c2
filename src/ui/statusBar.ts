import * as vscode from "vscode";
import { displayText } from "../base/displayText.ts";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { formatCount } from "../base/quantity.ts";
import { CommandId, STATUS_ITEM_ID } from "./ids.ts";
import { indicatorOf, isStandingIn } from "./indicator.ts";
import { plainLabel } from "./plainMarkdown.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";
import type { SourceManager } from "./sources/sourceManager.ts";
import { type StateSum, sumOfStates, TROUBLED } from "./sources/sourceStates.ts";
import { statusTooltip, statusTooltipOfAll } from "./sources/statusTooltip.ts";

/** While a try is awaited the seconds count down, and a silence that grows too long has to be noticed. */
const TICK_MS = 1_000;
const TRACE_COUNT_MS = 500;
const MAX_NAME = 30;

/**
 * The live indicator: the worst state of the connected sources and the sum of their traces. Shown once a source was opened; a
 * click reconnects those in trouble.
 */
export class StatusBar implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #manager: SourceManager;
	readonly #item: vscode.StatusBarItem;
	readonly #onDidChangeIndicator = this.#owned.add(new vscode.EventEmitter<void>());
	/** The word for some source changed, also by mere passing of time. */
	readonly onDidChangeIndicator = this.#onDidChangeIndicator.event;
	readonly #storeListeners = new Map<SourceConnection, Disposable>();
	#tick: ReturnType<typeof setInterval> | undefined;
	#countTimer: ReturnType<typeof setTimeout> | undefined;
	#indicators = "";

	constructor(manager: SourceManager) {
		this.#manager = manager;
		this.#item = this.#owned.add(vscode.window.createStatusBarItem(STATUS_ITEM_ID, vscode.StatusBarAlignment.Left, 50));
		this.#item.name = vscode.l10n.t("Traceway Live");
		this.#item.command = {
			command: CommandId.connectionReconnect,
			title: vscode.l10n.t("Reconnect"),
			arguments: [TROUBLED],
		};
		this.#owned.add(manager.onDidOpen((connection) => this.#listen(connection)));
		this.#owned.add(
			manager.onDidClose((connection) => {
				this.#storeListeners.get(connection)?.dispose();
				this.#storeListeners.delete(connection);
				this.#update();
			}),
		);
		this.#owned.add(manager.onDidChangeActive(() => this.#update()));
		this.#owned.add(manager.onDidChangeStatus(() => this.#update()));
	}

	dispose(): void {
		for (const listener of this.#storeListeners.values()) listener.dispose();
		this.#storeListeners.clear();
		this.#setTicking(false);
		if (this.#countTimer !== undefined) clearTimeout(this.#countTimer);
		this.#owned.dispose();
	}

	#listen(connection: SourceConnection): void {
		const listener = connection.store.onDidChange(() => {
			this.#countTimer ??= setTimeout(() => {
				this.#countTimer = undefined;
				this.#update();
			}, TRACE_COUNT_MS);
		});
		this.#storeListeners.set(connection, listener);
	}

	#update(): void {
		const connections = this.#manager.counted;
		const nowMs = Date.now();
		const states = connections.map(({ config, status, sinceMs, store }) => {
			const indicator = indicatorOf(status, nowMs, sinceMs);
			const { name } = config;
			return { name, indicator, isStandingIn: isStandingIn(status, indicator), traceCount: store.traceCount };
		});
		const sum = sumOfStates(states);
		if (sum === undefined) {
			this.#item.hide();
			this.#setTicking(false);
			return;
		}
		const trouble = connections.length > 1 ? namesText(sum.troubled) : "";
		const { icon, word, background } = appearance(sum);
		const rest = trouble === "" ? countText(sum) : `: ${plainLabel(trouble)}`;
		this.#item.text = `$(${icon}) ${word}${rest}`;
		this.#item.backgroundColor = background;
		this.#item.color = sum.indicator === "live" ? new vscode.ThemeColor("charts.green") : undefined;
		const [only] = connections;
		const click =
			trouble === "" ? vscode.l10n.t("Click to reconnect") : vscode.l10n.t("Click to reconnect {0}", trouble);
		this.#item.tooltip =
			connections.length === 1 && only !== undefined
				? statusTooltip(only, nowMs, click)
				: statusTooltipOfAll(connections, nowMs, click);
		const subject = trouble || (connections.length === 1 ? displayText(only?.config.name ?? "", MAX_NAME) : "");
		this.#item.accessibilityInformation = {
			label:
				subject === ""
					? vscode.l10n.t("Traceway, {0} sources: {1}. Activate to reconnect", connections.length, word)
					: vscode.l10n.t("Traceway {0}: {1}. Activate to reconnect", subject, word),
			role: "button",
		};
		this.#item.show();
		this.#setTicking(connections.some(({ status }) => status.state.name !== "idle" && status.state.name !== "failed"));
		const indicators = connections.map(({ config }, index) => `${config.id} ${states[index]?.indicator}`).join("\n");
		if (indicators === this.#indicators) return;
		this.#indicators = indicators;
		this.#onDidChangeIndicator.fire();
	}

	#setTicking(isTicking: boolean): void {
		if (isTicking) this.#tick ??= setInterval(() => this.#update(), TICK_MS);
		else if (this.#tick !== undefined) {
			clearInterval(this.#tick);
			this.#tick = undefined;
		}
	}
}

function appearance({ indicator, isStandingIn }: StateSum): {
	icon: string;
	word: string;
	background: vscode.ThemeColor | undefined;
} {
	switch (indicator) {
		case "live":
			return { icon: "pulse", word: vscode.l10n.t("Live"), background: undefined };
		case "connecting":
			return {
				icon: isStandingIn ? "warning" : "sync~spin",
				word: isStandingIn ? vscode.l10n.t("Polling") : vscode.l10n.t("Connecting"),
				background: new vscode.ThemeColor("statusBarItem.warningBackground"),
			};
		case "disconnected":
			return {
				icon: "debug-disconnect",
				word: vscode.l10n.t("Disconnected"),
				background: new vscode.ThemeColor("statusBarItem.errorBackground"),
			};
	}
}

function countText({ indicator, isStandingIn, traceCount }: StateSum): string {
	return (indicator === "live" || isStandingIn) && traceCount > 0 ? ` · ${formatCount(traceCount)}` : "";
}

/** The first name, and how many more there are. */
function namesText([first, ...more]: readonly string[]): string {
	if (first === undefined) return "";
	const name = displayText(first, MAX_NAME);
	return more.length === 0 ? name : vscode.l10n.t("{0} and {1} more", name, more.length);
}
