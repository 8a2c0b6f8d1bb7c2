import * as vscode from "vscode";
import { describeError } from "../../base/logger.ts";
import { isLoopback, isSameServer, parseTraceUri } from "../../protocol/traceUri.ts";
import { CommandId } from "../ids.ts";
import { noticeText } from "../noticeText.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { LOCAL_SOURCE_ID } from "../sources/sourceEntry.ts";
import type { MonitorOptions } from "./monitor.ts";

const START_TIMEOUT_MS = 20_000;

/**
 * Opens the traces that links name (`vscode://traceway-live.traceway-live/trace/ID?server=ADDRESS`). A link can come from
 * any web page: it can show a trace of a source that the user has, and do nothing else; no address in it is ever asked.
 */
export class TraceLinks implements vscode.UriHandler {
	readonly #options: Pick<MonitorOptions, "manager" | "panels" | "miniServer" | "logger">;

	constructor(options: Pick<MonitorOptions, "manager" | "panels" | "miniServer" | "logger">) {
		this.#options = options;
	}

	/** As `open`; what is wrong is shown. */
	async handleUri(uri: vscode.Uri): Promise<void> {
		const problem = await this.open(uri);
		if (problem === undefined) return;
		this.#options.logger.warn(`link not opened: ${problem}`);
		const add = vscode.l10n.t("Add Source…");
		const choice = await vscode.window.showWarningMessage(noticeText(problem), add);
		if (choice === add) await vscode.commands.executeCommand(CommandId.sourceAdd);
	}

	/** Resolves with undefined, or with one sentence on why the link cannot be opened. */
	async open(uri: vscode.Uri): Promise<string | undefined> {
		const link = parseTraceUri(uri.path, uri.query);
		if (link === undefined) return vscode.l10n.t("The link names no trace.");
		try {
			const connection = await this.#connectionTo(link.server);
			if (connection === undefined) {
				return vscode.l10n.t("The trace is on {0}, which is none of the sources.", link.server ?? "");
			}
			this.#options.panels.openTrace(connection, link.traceId, undefined, false);
			return undefined;
		} catch (error) {
			return describeError(error);
		}
	}

	/** The connection to a server: the one that is shown, else that of another source, which is then selected. */
	async #connectionTo(server: string | undefined): Promise<SourceConnection | undefined> {
		const { manager } = this.#options;
		if (server === undefined) return manager.start();
		const shown = manager.active?.config;
		const named = [...(shown === undefined ? [] : [shown]), ...manager.configs].find(
			({ id, url }) => id !== LOCAL_SOURCE_ID && isSameServer(url, server),
		);
		const sourceId = named?.id ?? ((await this.#isMiniServer(server)) ? LOCAL_SOURCE_ID : undefined);
		if (sourceId === undefined) return undefined;
		if (manager.active?.config.id !== sourceId) await manager.select(sourceId);
		return manager.start();
	}

	/** Whether it is the mini-server's address. That is in no setting, so a window that has not seen it yet attaches to it. */
	async #isMiniServer(server: string): Promise<boolean> {
		if (!isLoopback(server)) return false;
		const { miniServer } = this.#options;
		const { url } = miniServer.info ?? (await miniServer.ensure(AbortSignal.timeout(START_TIMEOUT_MS)));
		return isSameServer(url, server);
	}
}
