import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { connectionView } from "../connectionView.ts";
import { PanelId } from "../ids.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import type { OverviewPanel, OverviewPanelOptions } from "./overviewPanel.ts";

export interface OverviewManagerOptions {
	readonly extensionUri: vscode.Uri;
	readonly manager: SourceManager;
	readonly logger: Logger;
	readonly onOpenSpan: (traceId: string, spanId: string) => void;
}

/** Opens and restores the one overview. The panel's code is loaded when it is first wanted. */
export class OverviewManager implements Disposable {
	readonly #options: OverviewManagerOptions;
	readonly #owned = new DisposableStore();
	#panel: OverviewPanel | undefined;

	constructor(options: OverviewManagerOptions) {
		this.#options = options;
		this.#owned.add(
			options.manager.onDidChangeStatus((connection) => {
				if (connection === options.manager.active) this.sendConnection();
			}),
		);
		this.#owned.add(
			vscode.window.registerWebviewPanelSerializer(PanelId.overview, {
				deserializeWebviewPanel: (panel, state: unknown) => this.#restore(panel, state),
			}),
		);
	}

	/** Opens it or brings it to the front; with a session it is that session's, over all time. */
	async open(sessionId?: string): Promise<void> {
		this.#options.manager.start();
		const { OverviewPanel } = await import("./overviewPanel.ts");
		if (this.#owned.isDisposed) return;
		if (this.#panel === undefined) {
			const shown = { range: sessionId === undefined ? "24h" : "all", sessionId } as const;
			this.#panel = OverviewPanel.create(this.#panelOptions(), shown);
		} else {
			if (sessionId !== undefined) this.#panel.showSession(sessionId);
			this.#panel.reveal();
		}
		this.sendConnection();
	}

	/** Tells the panel how the connection stands. */
	sendConnection(): void {
		const { active, connections } = this.#options.manager;
		if (active !== undefined) this.#panel?.setConnectionView(connectionView(active, connections.length > 1));
	}

	dispose(): void {
		this.#panel?.dispose();
		this.#owned.dispose();
	}

	async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
		const { OverviewPanel, restoredOverview } = await import("./overviewPanel.ts");
		if (this.#panel !== undefined || this.#owned.isDisposed) {
			panel.dispose();
			return;
		}
		this.#options.manager.start();
		this.#panel = new OverviewPanel(panel, this.#panelOptions(), restoredOverview(state));
		this.sendConnection();
	}

	#panelOptions(): OverviewPanelOptions {
		return {
			...this.#options,
			onEnd: () => {
				this.#panel = undefined;
			},
		};
	}
}
