import type * as vscode from "vscode";
import type { Logger } from "../../base/logger.ts";
import type { LiveView } from "../live/liveView.ts";
import type { MarkedSpan } from "../markedSpan.ts";
import type { MiniServer } from "../miniServer.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { OverviewManager } from "../overview/overviewManager.ts";
import type { PanelManager } from "../panels/panelManager.ts";
import type { PartDocuments } from "../partDocuments.ts";
import type { TokenStore } from "../secrets.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import type { SourcesTree } from "../sources/sourcesTree.ts";
import type { TracesView } from "../traces/tracesView.ts";

/** What command bodies may use. */
export interface CommandContext {
	readonly manager: SourceManager;
	readonly sourcesTree: SourcesTree;
	readonly tracesView: TracesView;
	readonly panels: PanelManager;
	readonly liveView: LiveView;
	readonly overview: OverviewManager;
	readonly documents: PartDocuments;
	readonly marked: MarkedSpan;
	readonly tokens: TokenStore;
	readonly miniServer: MiniServer;
	readonly monitor: Monitor;
	/** Path of the bundled command line. */
	readonly cliPath: string;
	readonly log: vscode.LogOutputChannel;
	readonly logger: Logger;
}
