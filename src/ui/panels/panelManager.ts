import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { WaterfallCommand } from "../../protocol/messages.ts";
import { connectionView } from "../connectionView.ts";
import { CommandId, ContextKey, PanelId } from "../ids.ts";
import type { MarkedSpan, SpanAddress } from "../markedSpan.ts";
import type { PartDocuments } from "../partDocuments.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import { SpanDetailPanel, spanDetailStateOf } from "./spanDetailPanel.ts";
import type { WaterfallPanel } from "./waterfallPanel.ts";

export interface PanelManagerOptions {
	readonly extensionUri: vscode.Uri;
	readonly manager: SourceManager;
	readonly documents: PartDocuments;
	readonly marked: MarkedSpan;
	readonly logger: Logger;
	/** A span was picked in a panel; the tree may follow. */
	readonly onSelectSpan: (traceId: string, spanId: string) => void;
}

/** Opens, reuses and restores the editor panels, and keeps their selection in step. */
export class PanelManager implements Disposable {
	readonly #options: PanelManagerOptions;
	readonly #owned = new DisposableStore();
	#waterfall: WaterfallPanel | undefined;
	#spanDetail: SpanDetailPanel | undefined;

	constructor(options: PanelManagerOptions) {
		this.#options = options;
		const { manager, marked } = options;
		this.#owned.add(marked.onDidChange(() => this.#spanDetail?.updateMark()));
		this.#owned.add(manager.onDidChangeStatus(() => this.sendConnection()));
		this.#owned.add(
			vscode.window.registerWebviewPanelSerializer(PanelId.waterfall, {
				deserializeWebviewPanel: async (panel, value: unknown) => this.#restoreWaterfall(panel, value),
			}),
		);
		this.#owned.add(
			vscode.window.registerWebviewPanelSerializer(PanelId.spanDetail, {
				deserializeWebviewPanel: async (panel, value: unknown) => this.#restoreSpanDetail(panel, value),
			}),
		);
	}

	openTrace(connection: SourceConnection, traceId: string, spanId?: string, preserveFocus = true): void {
		const span = spanId === undefined ? undefined : { traceId, spanId };
		this.#withWaterfall((waterfall) => {
			// A span of the session that is shown is found there; its trace alone is opened by a wish for the trace.
			if (span !== undefined && waterfall.holds(traceId)) waterfall.select(span);
			else waterfall.show(connection, { traceId }, span);
			waterfall.reveal(preserveFocus);
			this.sendConnection();
		});
	}

	/** All traces of a session as one tree; selects a span of it when one is named. */
	openSession(connection: SourceConnection, sessionId: string, span?: SpanAddress, preserveFocus = true): void {
		this.#withWaterfall((waterfall) => {
			waterfall.show(connection, { sessionId }, span);
			waterfall.reveal(preserveFocus);
			this.sendConnection();
		});
	}

	/** At once where there is a waterfall; else when it is made, in order of the calls. Its code is loaded for the first one. */
	#withWaterfall(run: (waterfall: WaterfallPanel) => void): void {
		if (this.#waterfall !== undefined) {
			run(this.#waterfall);
			return;
		}
		import("./waterfallPanel.ts").then(
			({ WaterfallPanel }) => {
				if (this.#owned.isDisposed) return;
				this.#waterfall ??= WaterfallPanel.create(
					this.#options.extensionUri,
					this.#options.logger,
					this.#waterfallEvents(),
					() => {
						this.#waterfall = undefined;
					},
				);
				run(this.#waterfall);
			},
			(error: unknown) => this.#options.logger.error(`the waterfall could not be loaded: ${describeError(error)}`),
		);
	}

	openSpan(connection: SourceConnection, traceId: string, spanId: string, preserveFocus = true): void {
		this.#spanDetail ??= SpanDetailPanel.create(
			this.#options.extensionUri,
			this.#options.logger,
			this.#options.documents,
			this.#spanDetailEvents(),
			() => {
				this.#spanDetail = undefined;
			},
		);
		this.#spanDetail.show(connection, traceId, spanId);
		this.#spanDetail.reveal(preserveFocus);
		if (this.#waterfall?.holds(traceId) === true) this.#waterfall.select({ traceId, spanId });
		this.sendConnection();
	}

	/** The tree's selection moved: panels that are open follow, none is opened. */
	follow(connection: SourceConnection, traceId: string, spanId: string | undefined): void {
		const span = spanId === undefined ? undefined : { traceId, spanId };
		// A session stays while one goes through its traces.
		if (this.#waterfall?.holds(traceId) !== true) this.#waterfall?.show(connection, { traceId }, span);
		else if (span !== undefined) this.#waterfall.select(span);
		if (spanId !== undefined) this.#spanDetail?.show(connection, traceId, spanId);
	}

	/** Does in the waterfall what a command asks for; nothing while there is none. */
	runInWaterfall(command: WaterfallCommand): void {
		this.#waterfall?.run(command);
	}

	/** The span that a menu of a panel means. */
	resolve(address: SpanAddress): SpanAddress {
		return this.#waterfall?.resolve(address) ?? address;
	}

	/** The span of the panel in front. */
	get activeSpan(): SpanAddress | undefined {
		if (this.#spanDetail?.isActive === true) return this.#spanDetail.address;
		return this.#waterfall?.isActive === true ? this.#waterfall.selected : undefined;
	}

	/** The span of any panel. */
	get shownSpan(): SpanAddress | undefined {
		return this.#spanDetail?.address ?? this.#waterfall?.selected;
	}

	dispose(): void {
		this.#waterfall?.dispose();
		this.#spanDetail?.dispose();
		this.#owned.dispose();
	}

	#waterfallEvents() {
		return {
			onSelect: (traceId: string, spanId: string) => {
				const connection = this.#options.manager.active;
				if (connection !== undefined) this.#spanDetail?.show(connection, traceId, spanId);
				this.#options.onSelectSpan(traceId, spanId);
			},
			onOpen: (traceId: string, spanId: string) => {
				const connection = this.#options.manager.active;
				if (connection !== undefined) this.openSpan(connection, traceId, spanId, false);
			},
			onOpenKeys: () => {
				// The ids of the waterfall's commands begin with the panel's.
				void vscode.commands.executeCommand("workbench.action.openGlobalKeybindings", PanelId.waterfall);
			},
			onKeys: (isWanted: boolean) => {
				void vscode.commands.executeCommand("setContext", ContextKey.waterfallKeys, isWanted);
			},
		};
	}

	#spanDetailEvents() {
		return {
			onOpenTrace: (traceId: string, spanId: string) => {
				const connection = this.#options.manager.active;
				if (connection !== undefined) this.openTrace(connection, traceId, spanId, false);
			},
			onOpenSession: (sessionId: string, span: SpanAddress | undefined) => {
				const connection = this.#options.manager.active;
				if (connection === undefined) return;
				this.openSession(connection, sessionId, span, false);
				if (span !== undefined) this.#spanDetail?.show(connection, span.traceId, span.spanId);
			},
			onShowSpan: (traceId: string, spanId: string) => {
				const connection = this.#options.manager.active;
				if (connection !== undefined) this.openSpan(connection, traceId, spanId);
			},
			onCompare: (traceId: string, spanId: string) => {
				void vscode.commands.executeCommand(CommandId.comparePick, { traceId, spanId });
			},
			isMarked: (traceId: string, spanId: string) => this.#options.marked.isMarked(traceId, spanId),
		};
	}

	async #restoreWaterfall(panel: vscode.WebviewPanel, value: unknown): Promise<void> {
		const { WaterfallPanel, waterfallStateOf } = await import("./waterfallPanel.ts");
		const state = waterfallStateOf(value);
		if (state === undefined || this.#waterfall !== undefined || this.#owned.isDisposed) {
			panel.dispose();
			return;
		}
		const waterfall = new WaterfallPanel(
			panel,
			this.#options.extensionUri,
			this.#options.logger,
			this.#waterfallEvents(),
			() => {
				this.#waterfall = undefined;
			},
		);
		this.#waterfall = waterfall;
		const connection = this.#connectionFor(state.sourceId);
		if (connection === undefined) waterfall.showError(otherSourceText());
		else waterfall.restore(connection, state);
		this.sendConnection();
	}

	#restoreSpanDetail(panel: vscode.WebviewPanel, value: unknown): void {
		const state = spanDetailStateOf(value);
		if (state === undefined || this.#spanDetail !== undefined) {
			panel.dispose();
			return;
		}
		const spanDetail = new SpanDetailPanel(
			panel,
			this.#options.extensionUri,
			this.#options.logger,
			this.#options.documents,
			this.#spanDetailEvents(),
			() => {
				this.#spanDetail = undefined;
			},
		);
		this.#spanDetail = spanDetail;
		const connection = this.#connectionFor(state.sourceId);
		if (connection === undefined) spanDetail.showError(state, otherSourceText());
		else spanDetail.show(connection, state.traceId, state.spanId);
		this.sendConnection();
	}

	#connectionFor(sourceId: string): SourceConnection | undefined {
		const connection = this.#options.manager.start();
		return connection.config.id === sourceId ? connection : undefined;
	}

	/** Tells the open panels how the connection stands. */
	sendConnection(): void {
		const connection = this.#options.manager.active;
		if (connection === undefined) return;
		const view = connectionView(connection);
		this.#waterfall?.setConnectionView(view);
		this.#spanDetail?.setConnectionView(view);
	}
}

function otherSourceText(): string {
	return vscode.l10n.t(
		"This panel belongs to another source. Select that source in the Sources view and open it again.",
	);
}
