import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { CommandId } from "./ids.ts";
import { failureText, needsToken } from "./indicator.ts";
import { noticeText } from "./noticeText.ts";
import type { SourceConnection } from "./sources/sourceConnection.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

/**
 * One notification for each connection that ends in `failed`, with what to do about it; the status bar carries the standing state.
 */
export class FailureNotices implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #log: vscode.LogOutputChannel;
	/** What was shown for a connection, until it is open again. */
	readonly #shown = new WeakMap<SourceConnection, string>();

	constructor(manager: SourceManager, log: vscode.LogOutputChannel) {
		this.#log = log;
		this.#owned.add(manager.onDidChangeStatus((connection) => this.#handleStatus(connection)));
	}

	dispose(): void {
		this.#owned.dispose();
	}

	#handleStatus(connection: SourceConnection): void {
		const { state } = connection.status;
		if (state.name === "open") this.#shown.delete(connection);
		if (state.name !== "failed") return;
		const subject = `${state.reason} ${state.message}`;
		if (this.#shown.get(connection) === subject) return;
		this.#shown.set(connection, subject);
		const { id, name } = connection.config;
		const setToken = vscode.l10n.t("Set Token");
		const reconnect = vscode.l10n.t("Reconnect");
		const showLog = vscode.l10n.t("Show Log");
		const text = noticeText(`${name}: ${failureText(state.reason, state.message, vscode.l10n.t)}`);
		void vscode.window
			.showErrorMessage(text, needsToken(state.reason) ? setToken : reconnect, showLog)
			.then((choice) => {
				if (choice === setToken) void vscode.commands.executeCommand(CommandId.sourceSetToken, id);
				else if (choice === reconnect) void vscode.commands.executeCommand(CommandId.connectionReconnect, id);
				else if (choice === showLog) this.#log.show();
			});
	}
}
