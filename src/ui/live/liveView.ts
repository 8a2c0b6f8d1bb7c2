import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { ContextKey, ViewId } from "../ids.ts";
import type { LivePanel, LivePanelOptions } from "./livePanel.ts";

/** The view of the live panel. What fills it is loaded when it is first looked at. */
export class LiveView implements vscode.WebviewViewProvider, Disposable {
	readonly #options: Omit<LivePanelOptions, "onPaused">;
	readonly #owned = new DisposableStore();
	#panel: LivePanel | undefined;

	constructor(options: Omit<LivePanelOptions, "onPaused">) {
		this.#options = options;
		this.#owned.add(vscode.window.registerWebviewViewProvider(ViewId.live, this));
	}

	async resolveWebviewView(view: vscode.WebviewView): Promise<void> {
		let isGone = false;
		view.onDidDispose(() => {
			isGone = true;
			this.#panel?.dispose();
			this.#panel = undefined;
		});
		const { LivePanel } = await import("./livePanel.ts");
		if (isGone || this.#owned.isDisposed) return;
		this.#panel?.dispose();
		// VS Code keeps the key when the extension host is started anew, which knows of no pause.
		setPaused(false);
		this.#panel = new LivePanel(view, { ...this.#options, onPaused: setPaused });
	}

	async show(): Promise<void> {
		// VS Code makes this command for each view.
		await vscode.commands.executeCommand(`${ViewId.live}.focus`);
	}

	pause(): void {
		this.#panel?.pause();
	}

	resume(): void {
		this.#panel?.resume();
	}

	dispose(): void {
		this.#panel?.dispose();
		this.#panel = undefined;
		this.#owned.dispose();
	}
}

function setPaused(isPaused: boolean): void {
	void vscode.commands.executeCommand("setContext", ContextKey.isLivePaused, isPaused);
}
