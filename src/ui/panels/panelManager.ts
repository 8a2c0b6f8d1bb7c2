import * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { WaterfallCommand } from "../../protocol/messages.ts";
import { connectionView } from "../connectionView.ts";
import { CommandId, ContextKey, PanelId } from "../ids.ts";
import type { BoundSpan, MarkedSpan, SpanAddress } from "../markedSpan.ts";
import type { PartDocuments } from "../partDocuments.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import type { SpanDetailPanel } from "./spanDetailPanel.ts";
import type { WaterfallPanel } from "./waterfallPanel.ts";

export interface PanelManagerOptions {
	readonly extensionUri: vscode.Uri;
	readonly manager: SourceManager;
	readonly documents: PartDocuments;
	readonly marked: MarkedSpan;
	readonly logger: Logger;
	/** A span was picked in a panel; the tree may follow. */
	readonly onSelectSpan: (connection: SourceConnection, traceId: string, spanId: string) => void;
}

/**
 * Opens, reuses and restores the editor panels, and keeps their selection in step. What a panel shows stays with the connection that
 * it came from, whichever source is shown elsewhere.
 */
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
		this.#owned.add(manager.onDidClose((connection) => this.#handleClose(connection)));
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
			if (span !== undefined && waterfall.holds(connection, traceId)) waterfall.select(span);
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
		this.#withSpanDetail((spanDetail) => {
			spanDetail.show(connection, traceId, spanId);
			spanDetail.reveal(preserveFocus);
			if (this.#waterfall?.holds(connection, traceId) === true) this.#waterfall.select({ traceId, spanId });
			this.sendConnection();
		});
	}

	/** As `#withWaterfall`, for the details. */
	#withSpanDetail(run: (spanDetail: SpanDetailPanel) => void): void {
		if (this.#spanDetail !== undefined) {
			run(this.#spanDetail);
			return;
		}
		import("./spanDetailPanel.ts").then(
			({ SpanDetailPanel }) => {
				if (this.#owned.isDisposed) return;
				this.#spanDetail ??= SpanDetailPanel.create(
					this.#options.extensionUri,
					this.#options.logger,
					this.#options.documents,
					this.#spanDetailEvents(),
					() => {
						this.#spanDetail = undefined;
					},
				);
				run(this.#spanDetail);
			},
			(error: unknown) => this.#options.logger.error(`the details could not be loaded: ${describeError(error)}`),
		);
	}

	/** The tree's selection moved: panels that are open follow, none is opened. */
	follow(connection: SourceConnection, traceId: string, spanId: string | undefined): void {
		const span = spanId === undefined ? undefined : { traceId, spanId };
		// A session stays while one goes through its traces.
		if (this.#waterfall?.holds(connection, traceId) !== true) this.#waterfall?.show(connection, { traceId }, span);
		else if (span !== undefined) this.#waterfall.select(span);
		if (spanId !== undefined) this.#spanDetail?.show(connection, traceId, spanId);
		this.sendConnection();
	}

	/** Does in the waterfall what a command asks for; nothing while there is none. */
	runInWaterfall(command: WaterfallCommand): void {
		this.#waterfall?.run(command);
	}

	/** The span that a menu of a panel means; undefined when that panel shows nothing. */
	resolve(panelId: string, address: SpanAddress): BoundSpan | undefined {
		if (panelId === PanelId.spanDetail) return bound(this.#spanDetail?.connection, address);
		return bound(this.#waterfall?.connection, this.#waterfall?.resolve(address));
	}

	/** The span of the panel in front. */
	get activeSpan(): BoundSpan | undefined {
		if (this.#spanDetail?.isActive === true) return this.#spanOfDetail();
		return this.#waterfall?.isActive === true ? this.#spanOfWaterfall() : undefined;
	}

	/** The span of any panel. */
	get shownSpan(): BoundSpan | undefined {
		return this.#spanOfDetail() ?? this.#spanOfWaterfall();
	}

	#spanOfDetail(): BoundSpan | undefined {
		return bound(this.#spanDetail?.connection, this.#spanDetail?.address);
	}

	#spanOfWaterfall(): BoundSpan | undefined {
		return bound(this.#waterfall?.connection, this.#waterfall?.selected);
	}

	dispose(): void {
		this.#waterfall?.dispose();
		this.#spanDetail?.dispose();
		this.#owned.dispose();
	}

	#waterfallEvents() {
		return {
			onSelect: (traceId: string, spanId: string) => {
				const connection = this.#waterfall?.connection;
				if (connection === undefined) return;
				this.#spanDetail?.show(connection, traceId, spanId);
				this.sendConnection();
				this.#options.onSelectSpan(connection, traceId, spanId);
			},
			onOpen: (traceId: string, spanId: string) => {
				const connection = this.#waterfall?.connection;
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
				const connection = this.#spanDetail?.connection;
				if (connection !== undefined) this.openTrace(connection, traceId, spanId, false);
			},
			onOpenSession: (sessionId: string, span: SpanAddress | undefined) => {
				const connection = this.#spanDetail?.connection;
				if (connection === undefined) return;
				this.openSession(connection, sessionId, span, false);
				if (span !== undefined) this.#spanDetail?.show(connection, span.traceId, span.spanId);
			},
			onShowSpan: (traceId: string, spanId: string) => {
				const connection = this.#spanDetail?.connection;
				if (connection !== undefined) this.openSpan(connection, traceId, spanId);
			},
			onCompare: (traceId: string, spanId: string) => {
				void vscode.commands.executeCommand(CommandId.comparePick, { webview: PanelId.spanDetail, traceId, spanId });
			},
			isMarked: (traceId: string, spanId: string) =>
				this.#options.marked.isMarked(this.#spanDetail?.connection, { traceId, spanId }),
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
		if (connection === undefined) waterfall.showError(noSourceText());
		else waterfall.restore(connection, state);
		this.sendConnection();
	}

	async #restoreSpanDetail(panel: vscode.WebviewPanel, value: unknown): Promise<void> {
		const { SpanDetailPanel, spanDetailStateOf } = await import("./spanDetailPanel.ts");
		const state = spanDetailStateOf(value);
		if (state === undefined || this.#spanDetail !== undefined || this.#owned.isDisposed) {
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
		if (connection === undefined) spanDetail.showError(state, noSourceText());
		else spanDetail.show(connection, state.traceId, state.spanId);
		this.sendConnection();
	}

	/** The source that a panel belonged to before the reload; undefined when it was removed since. */
	#connectionFor(sourceId: string): SourceConnection | undefined {
		const { manager } = this.#options;
		manager.start();
		return manager.configs.some(({ id }) => id === sourceId) ? manager.open(sourceId) : undefined;
	}

	/** Panels of a source that was opened anew go on from the new connection; of one that is gone they keep what they have. */
	#handleClose(closed: SourceConnection): void {
		const connection = this.#options.manager.connectionOf(closed.config.id);
		if (connection !== undefined) {
			if (this.#waterfall?.connection === closed) this.#waterfall.moveTo(connection);
			const address = this.#spanDetail?.connection === closed ? this.#spanDetail.address : undefined;
			if (address !== undefined) this.#spanDetail?.show(connection, address.traceId, address.spanId);
		}
		this.sendConnection();
	}

	/** Tells the open panels how the connections stand that they came from. */
	sendConnection(): void {
		const { manager } = this.#options;
		for (const panel of [this.#waterfall, this.#spanDetail]) {
			if (panel?.connection === undefined) continue;
			panel.setConnectionView(connectionView(panel.connection, manager.connections.length > 1));
		}
	}
}

function bound(connection: SourceConnection | undefined, address: SpanAddress | undefined): BoundSpan | undefined {
	return connection === undefined || address === undefined ? undefined : { ...address, connection };
}

function noSourceText(): string {
	return vscode.l10n.t("The source of this panel was removed.");
}
