import { join } from "node:path";
import * as vscode from "vscode";
import { DisposableStore } from "./base/disposable.ts";
import { registerCompareCommands } from "./ui/commands/compareCommands.ts";
import { registerConnectionCommands } from "./ui/commands/connectionCommands.ts";
import type { CommandContext } from "./ui/commands/context.ts";
import { registerFileCommands } from "./ui/commands/fileCommands.ts";
import { registerLiveCommands } from "./ui/commands/liveCommands.ts";
import { registerMonitorCommands } from "./ui/commands/monitorCommands.ts";
import { registerOverviewCommands } from "./ui/commands/overviewCommands.ts";
import { registerServerCommands } from "./ui/commands/serverCommands.ts";
import { registerSessionCommands } from "./ui/commands/sessionCommands.ts";
import { registerSourceCommands } from "./ui/commands/sourceCommands.ts";
import { registerTraceCommands } from "./ui/commands/traceCommands.ts";
import { registerTracesCommands } from "./ui/commands/tracesCommands.ts";
import { registerWaterfallCommands } from "./ui/commands/waterfallCommands.ts";
import { ContextKeys } from "./ui/contextKeys.ts";
import { FailureNotices } from "./ui/failureNotices.ts";
import { DOCUMENT_SCHEME } from "./ui/ids.ts";
import { LiveView } from "./ui/live/liveView.ts";
import { MarkedSpan } from "./ui/markedSpan.ts";
import { MiniServer } from "./ui/miniServer.ts";
import { Monitor } from "./ui/monitor/monitor.ts";
import { OverviewManager } from "./ui/overview/overviewManager.ts";
import { PanelManager } from "./ui/panels/panelManager.ts";
import { PartDocuments } from "./ui/partDocuments.ts";
import { TokenStore } from "./ui/secrets.ts";
import { affectsSettings, readSettings } from "./ui/settings.ts";
import { SourceManager } from "./ui/sources/sourceManager.ts";
import { SourcesTree } from "./ui/sources/sourcesTree.ts";
import { StatusBar } from "./ui/statusBar.ts";
import { TracesView } from "./ui/traces/tracesView.ts";

/** Builds the parts and hands them to each other. Nothing is opened or started before a view is looked at. */
export function activate(context: vscode.ExtensionContext): void {
	const extension = new DisposableStore();
	context.subscriptions.push(extension);
	const log = extension.add(vscode.window.createOutputChannel("Traceway Live", { log: true }));
	const cliPath = join(context.extensionPath, "dist", "cli.js");

	const tokens = new TokenStore(context.secrets);
	const miniServer = new MiniServer({
		dataDir: readSettings().serverDataDirectory || join(context.globalStorageUri.fsPath, "mini-server"),
		cliPath,
		execPath: process.execPath,
		env: process.env,
		logger: log,
		version: String(context.extension.packageJSON.version),
	});
	const manager = extension.add(
		new SourceManager({ memento: context.workspaceState, tokens, miniServer, logger: log, t: vscode.l10n.t }),
	);
	const documents = new PartDocuments(manager);
	const marked = extension.add(new MarkedSpan(manager));
	const panels: PanelManager = extension.add(
		new PanelManager({
			extensionUri: context.extensionUri,
			manager,
			documents,
			marked,
			logger: log,
			onSelectSpan: (connection, traceId, spanId) => tracesView.reveal(connection, traceId, spanId),
		}),
	);
	const liveView = extension.add(
		new LiveView({
			extensionUri: context.extensionUri,
			manager,
			panels,
			memento: context.workspaceState,
			logger: log,
		}),
	);
	const overview = extension.add(
		new OverviewManager({
			extensionUri: context.extensionUri,
			manager,
			logger: log,
			onOpenSpan: (traceId, spanId) => {
				if (manager.active !== undefined) panels.openTrace(manager.active, traceId, spanId, false);
			},
		}),
	);
	const statusBar = extension.add(new StatusBar(manager));
	const sourcesTree = extension.add(new SourcesTree(manager, log));
	extension.add(vscode.workspace.registerTextDocumentContentProvider(DOCUMENT_SCHEME, documents));
	extension.add(new ContextKeys(manager, miniServer));
	extension.add(new FailureNotices(manager, log));
	const tracesView: TracesView = extension.add(
		new TracesView({
			manager,
			memento: context.workspaceState,
			marked,
			logger: log,
			onSelect: (node) => {
				const connection = manager.active;
				if (connection === undefined) return;
				if (node.kind === "trace") panels.follow(connection, node.traceId, undefined);
				else if (node.kind === "span") panels.follow(connection, node.traceId, node.spanId);
			},
		}),
	);
	extension.add(
		statusBar.onDidChangeIndicator(() => {
			panels.sendConnection();
			overview.sendConnection();
			sourcesTree.refresh();
			tracesView.updateState();
		}),
	);

	const monitor = extension.add(new Monitor({ manager, panels, miniServer, tokens, cliPath, logger: log }));
	extension.add(vscode.window.registerUriHandler(monitor));

	const commands: CommandContext = {
		manager,
		sourcesTree,
		tracesView,
		panels,
		liveView,
		overview,
		documents,
		marked,
		tokens,
		miniServer,
		monitor,
		cliPath,
		log,
		logger: log,
	};
	for (const registration of [
		...registerConnectionCommands(commands),
		...registerSourceCommands(commands),
		...registerServerCommands(commands),
		...registerTracesCommands(commands),
		...registerTraceCommands(commands),
		...registerSessionCommands(commands),
		...registerFileCommands(commands),
		...registerMonitorCommands(commands),
		...registerWaterfallCommands(commands),
		...registerOverviewCommands(commands),
		...registerCompareCommands(commands),
		...registerLiveCommands(commands),
	]) {
		extension.add(registration);
	}

	extension.add(
		vscode.workspace.onDidChangeConfiguration((event) => {
			if (affectsSettings(event)) manager.reload();
		}),
	);
	extension.add(
		vscode.window.onDidChangeWindowState(({ focused }) => {
			if (focused) manager.hurry();
		}),
	);
	log.info(`Traceway Live ${String(context.extension.packageJSON.version)} is active`);
}
