import type * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import type { MiniServer } from "../miniServer.ts";
import type { PanelManager } from "../panels/panelManager.ts";
import type { TokenStore } from "../secrets.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import type { MonitorTerminal } from "./monitorTerminal.ts";

export interface MonitorOptions {
	readonly manager: SourceManager;
	readonly panels: PanelManager;
	readonly miniServer: MiniServer;
	readonly tokens: TokenStore;
	/** Path of the bundled command line. */
	readonly cliPath: string;
	readonly logger: Logger;
}

/** The monitor's terminal and the links to traces, in a chunk that is loaded when one of them is first asked for. */
export class Monitor implements vscode.UriHandler, Disposable {
	readonly #options: MonitorOptions;
	#terminal: MonitorTerminal | undefined;
	#isDisposed = false;

	constructor(options: MonitorOptions) {
		this.#options = options;
	}

	async show(): Promise<void> {
		await (await this.#load())?.show();
	}

	async handleUri(uri: vscode.Uri): Promise<void> {
		await (await this.#load())?.links.handleUri(uri);
	}

	dispose(): void {
		this.#isDisposed = true;
		this.#terminal?.dispose();
	}

	/** Undefined when the extension ended meanwhile. */
	async #load(): Promise<MonitorTerminal | undefined> {
		const { MonitorTerminal } = await import("./monitorTerminal.ts");
		if (this.#isDisposed) return undefined;
		this.#terminal ??= new MonitorTerminal(this.#options);
		return this.#terminal;
	}
}
