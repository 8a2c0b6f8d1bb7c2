import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { CommandId } from "./ids.ts";
import { failureText, needsToken } from "./indicator.ts";
import { noticeText } from "./noticeText.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

/** One notification when a connection ends in `failed`, with what to do about it; the status bar carries the standing state. */
export class FailureNotices implements Disposable {
	readonly #owned = new DisposableStore();
	#shownFor: string | undefined;

	constructor(manager: SourceManager, log: vscode.LogOutputChannel) {
		this.#owned.add(
			manager.onDidChangeStatus(({ state }) => {
				const connection = manager.active;
				if (state.name !== "failed" || connection === undefined) {
					if (state.name === "open") this.#shownFor = undefined;
					return;
				}
				const subject = `${connection.config.id} ${state.reason} ${state.message}`;
				if (this.#shownFor === subject) return;
				this.#shownFor = subject;
				const setToken = vscode.l10n.t("Set Token");
				const reconnect = vscode.l10n.t("Reconnect");
				const showLog = vscode.l10n.t("Show Log");
				const why = failureText(state.reason, state.message, vscode.l10n.t);
				const text = noticeText(`${connection.config.name}: ${why}`);
				void vscode.window
					.showErrorMessage(text, needsToken(state.reason) ? setToken : reconnect, showLog)
					.then((choice) => {
						if (choice === setToken) {
							void vscode.commands.executeCommand(CommandId.sourceSetToken, connection.config.id);
						} else if (choice === reconnect) void vscode.commands.executeCommand(CommandId.connectionReconnect);
						else if (choice === showLog) log.show();
					});
			}),
		);
	}

	dispose(): void {
		this.#owned.dispose();
	}
}
