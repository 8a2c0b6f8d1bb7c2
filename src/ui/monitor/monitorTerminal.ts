import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { OPEN_PIPE_ENV } from "../../protocol/traceUri.ts";
import { SourceError } from "../../sources/source.ts";
import { LinkPipe } from "./linkPipe.ts";
import type { MonitorOptions } from "./monitor.ts";
import { TraceLinks } from "./traceLinks.ts";

const SOURCE_TIMEOUT_MS = 20_000;

/** The command-line monitor in a terminal of VS Code, and the links back from it. */
export class MonitorTerminal implements Disposable {
	readonly links: TraceLinks;
	readonly #options: MonitorOptions;
	readonly #owned = new DisposableStore();
	readonly #pipe: LinkPipe;

	constructor(options: MonitorOptions) {
		this.#options = options;
		this.links = new TraceLinks(options);
		const open = (link: string) => this.links.open(vscode.Uri.parse(link));
		this.#pipe = this.#owned.add(new LinkPipe({ open, logger: options.logger }));
	}

	/** Shows the monitor of the selected source: the one that is open already, else a new one. */
	async show(): Promise<void> {
		const { manager, tokens, cliPath, miniServer } = this.#options;
		const connection = manager.start();
		if (connection.config.type !== "traceway") {
			throw new SourceError(
				"unsupported",
				vscode.l10n.t(
					"The monitor reads Traceway servers only; {0} is shown in the Live panel.",
					connection.config.name,
				),
			);
		}
		const { config } = await connection.whenSource(AbortSignal.timeout(SOURCE_TIMEOUT_MS));
		// The mini-server may come back at another address: its monitor finds it by its record.
		const shellArgs = [cliPath, "monitor", ...(connection.isLocal ? [] : ["--url", config.url])];
		const open = vscode.window.terminals.find((terminal) => isMonitor(terminal, shellArgs));
		if (open !== undefined) {
			open.show();
			return;
		}
		const [token, pipe] = await Promise.all([tokens.get(connection.config.id), this.#pipe.path()]);
		const terminal = vscode.window.createTerminal({
			name: vscode.l10n.t("Traceway Monitor: {0}", connection.config.name),
			iconPath: new vscode.ThemeIcon("pulse"),
			// The extension host's own Node.js, or Electron as one.
			shellPath: process.execPath,
			shellArgs,
			env: {
				ELECTRON_RUN_AS_NODE: "1",
				// Debuggers that would attach to it.
				NODE_OPTIONS: null,
				VSCODE_INSPECTOR_OPTIONS: null,
				NODE_EXTRA_CA_CERTS: config.caFile,
				TRACEWAY_DATA_DIR: connection.isLocal ? miniServer.dataDir : undefined,
				TRACEWAY_URL: null,
				TRACEWAY_TOKEN: token ?? null,
				TRACEWAY_URI_SCHEME: vscode.env.uriScheme,
				[OPEN_PIPE_ENV]: pipe,
			},
			// Else VS Code would keep the environment, and the token in it, for its next start.
			isTransient: true,
		});
		terminal.show();
	}

	dispose(): void {
		this.#owned.dispose();
	}
}

function isMonitor({ exitStatus, creationOptions }: vscode.Terminal, shellArgs: readonly string[]): boolean {
	if (exitStatus !== undefined || !("shellArgs" in creationOptions)) return false;
	return JSON.stringify(creationOptions.shellArgs) === JSON.stringify(shellArgs);
}
