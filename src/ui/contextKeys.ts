import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../base/disposable.ts";
import { ContextKey } from "./ids.ts";
import type { MiniServer } from "./miniServer.ts";
import type { SourceManager } from "./sources/sourceManager.ts";

const DEFAULT_PORT = "3000";

/**
 * Sets the when-clause keys that tell of the mini-server and of what the shown source can do; each key is written only when its
 * value changes.
 */
export class ContextKeys implements Disposable {
	readonly #owned = new DisposableStore();
	readonly #values = new Map<string, unknown>();
	readonly #manager: SourceManager;
	readonly #miniServer: MiniServer;

	constructor(manager: SourceManager, miniServer: MiniServer) {
		this.#manager = manager;
		this.#miniServer = miniServer;
		this.#owned.add(manager.onDidChangeActive(() => this.#update()));
		this.#owned.add(manager.onDidChangeStatus(() => this.#update()));
	}

	dispose(): void {
		this.#owned.dispose();
	}

	#update(): void {
		const { info } = this.#miniServer;
		this.#set(ContextKey.isServerRunning, info !== undefined);
		this.#set(ContextKey.isServerOnDefaultPort, info !== undefined && new URL(info.url).port === DEFAULT_PORT);
		const { active } = this.#manager;
		// Nothing is offered before the adapter is there.
		const capabilities = active?.source?.capabilities;
		this.#set(ContextKey.canDelete, capabilities?.delete === true);
		this.#set(ContextKey.hasFiles, capabilities?.files === true);
		this.#set(ContextKey.noSessions, capabilities?.sessions === false);
		// The command line reads Traceway servers only.
		this.#set(ContextKey.noMonitor, active !== undefined && active.config.type !== "traceway");
	}

	#set(key: string, value: unknown): void {
		if (this.#values.get(key) === value) return;
		this.#values.set(key, value);
		void vscode.commands.executeCommand("setContext", key, value);
	}
}
