import * as vscode from "vscode";
import { assertNever } from "../../base/assert.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { isOverviewRange, type OverviewRange } from "../../model/overview.ts";
import type { ConnectionView } from "../../protocol/messages.ts";
import type { HostToOverview, OverviewToHost } from "../../protocol/overviewMessages.ts";
import { overviewWords } from "../../protocol/overviewWords.ts";
import { PanelId } from "../ids.ts";
import { PanelHost } from "../panels/panelHost.ts";
import { webviewHtml, webviewRoot } from "../panels/webviewHtml.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import { CallPreviews, checkedCalls } from "./callPreviews.ts";
import { saveCsv } from "./csvFile.ts";
import { OverviewLoader } from "./overviewLoader.ts";
import { type LoadedOverview, SourceOverview } from "./sourceOverview.ts";

export interface OverviewPanelOptions {
	readonly extensionUri: vscode.Uri;
	readonly manager: SourceManager;
	readonly logger: Logger;
	readonly onOpenSpan: (traceId: string, spanId: string) => void;
	readonly onEnd: () => void;
}

/** The overview of the shown source; it follows when another source is selected. */
export class OverviewPanel implements Disposable {
	readonly #options: OverviewPanelOptions;
	readonly #host: PanelHost<OverviewToHost, HostToOverview>;
	readonly #owned = new DisposableStore();
	readonly #loader: OverviewLoader<LoadedOverview>;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#previews: CallPreviews | undefined;
	#source: SourceOverview | undefined;
	#sessionId: string | undefined;
	#loaded: LoadedOverview | undefined;
	#error: string | undefined;
	#connectionView: ConnectionView | undefined;

	constructor(panel: vscode.WebviewPanel, options: OverviewPanelOptions, { range, sessionId }: ShownOverview) {
		this.#options = options;
		this.#sessionId = sessionId;
		panel.iconPath = new vscode.ThemeIcon("graph");
		panel.webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(options.extensionUri)] };
		this.#loader = this.#owned.add(
			new OverviewLoader<LoadedOverview>(range, {
				load: (wanted, signal) => this.#load(wanted, signal),
				onLoad: (loaded) => {
					this.#loaded = loaded;
					this.#error = undefined;
					this.#sendValue();
				},
				onError: (error) => {
					const said = describeError(error);
					// Tried again while it lasts: said once.
					if (said !== this.#error) options.logger.warn(`the overview could not be read: ${said}`);
					this.#error = said;
					this.#sendError();
				},
			}),
		);
		this.#host = new PanelHost(panel, options.logger, {
			onReady: () => this.#handleReady(),
			onMessage: (message) => this.#handleMessage(message),
			onEnd: () => this.#end(),
		});
		this.#owned.add(panel.onDidChangeViewState(() => this.#loader.setVisible(panel.visible)));
		this.#owned.add(options.manager.onDidChangeActive(() => this.#follow()));
		panel.webview.html = webviewHtml(panel.webview, options.extensionUri, "overview", overviewWords);
		this.#follow();
		// Asked while VS Code makes the page: both take about as long.
		this.#loader.setVisible(panel.visible);
	}

	static create(options: OverviewPanelOptions, shown: ShownOverview): OverviewPanel {
		const panel = vscode.window.createWebviewPanel(
			PanelId.overview,
			vscode.l10n.t("Overview"),
			vscode.ViewColumn.Active,
		);
		return new OverviewPanel(panel, options, shown);
	}

	/** One session, or all of them again, over all time. */
	showSession(sessionId: string | undefined): void {
		if (sessionId === this.#sessionId) return;
		this.#sessionId = sessionId;
		this.#loaded = undefined;
		this.#error = undefined;
		this.#loader.restart("all");
		this.#sendLoading();
	}

	reveal(): void {
		this.#host.panel.reveal();
	}

	setConnectionView(view: ConnectionView): void {
		const before = this.#connectionView?.indicator;
		this.#connectionView = view;
		this.#host.post({ type: "connection/changed", connection: view });
		if (view.indicator !== "live" || before === "live") return;
		// What could not be read, or is of before the drop, is read now.
		if (this.#error === undefined) this.#loader.invalidate();
		else this.#loader.restart();
	}

	dispose(): void {
		this.#host.dispose();
		this.#end();
	}

	#end(): void {
		this.#life.dispose();
		this.#owned.dispose();
		this.#options.onEnd();
	}

	#follow(): void {
		const connection = this.#options.manager.active;
		if (connection === undefined || connection === this.#connection) return;
		this.#life.dispose();
		this.#life = new DisposableStore();
		// A session belongs to its source.
		if (this.#connection !== undefined) this.#sessionId = undefined;
		this.#connection = connection;
		this.#source = new SourceOverview(connection);
		this.#loaded = undefined;
		this.#error = undefined;
		this.#previews = this.#life.add(
			new CallPreviews(connection, (previews) => this.#host.post({ type: "previews/value", previews })),
		);
		this.#life.add(connection.store.onDidChange(() => this.#loader.invalidate()));
		this.#sendLoading();
		this.#loader.restart();
	}

	#handleReady(): void {
		if (this.#connectionView !== undefined) {
			this.#host.post({ type: "connection/changed", connection: this.#connectionView });
		}
		this.#sendLoading();
		if (this.#loaded?.overview.range === this.#loader.range) this.#sendValue();
		if (this.#error !== undefined) this.#sendError();
	}

	#handleMessage(message: OverviewToHost): void {
		switch (message.type) {
			case "page/ready":
				return;
			case "range/select":
				if (!isOverviewRange(message.range) || message.range === this.#loader.range) return;
				this.#error = undefined;
				this.#loader.restart(message.range);
				this.#sendLoading();
				return;
			case "session/clear":
				this.showSession(undefined);
				return;
			case "overview/load":
				this.#error = undefined;
				this.#sendLoading();
				this.#loader.restart();
				return;
			case "previews/load":
				this.#previews?.want(message.kind === "tool" ? "tool" : "model", checkedCalls(message.calls));
				return;
			case "span/open":
				this.#options.onOpenSpan(String(message.traceId), String(message.spanId));
				return;
			case "csv/save":
				void saveCsv(String(message.name), String(message.text), this.#options.logger);
				return;
			default:
				assertNever(message, "message of the overview page");
		}
	}

	async #load(range: OverviewRange, signal: AbortSignal): Promise<LoadedOverview> {
		if (this.#source === undefined) throw new Error(vscode.l10n.t("No source is selected."));
		return await this.#source.load(range, this.#sessionId, signal);
	}

	#sendLoading(): void {
		const sourceId = this.#connection?.config.id ?? "";
		const sessionId = this.#sessionId;
		this.#host.post({ type: "overview/loading", range: this.#loader.range, sourceId, sessionId });
	}

	#sendValue(): void {
		if (this.#loaded === undefined) return;
		const { overview, origin } = this.#loaded;
		const clockOffsetMs = this.#connection?.status.clockOffsetMs ?? 0;
		this.#host.post({ type: "overview/value", overview, origin, clockOffsetMs });
	}

	#sendError(): void {
		if (this.#error === undefined) return;
		this.#host.post({ type: "overview/error", range: this.#loader.range, message: this.#error });
	}
}

/** Which overview is on show. */
export interface ShownOverview {
	readonly range: OverviewRange;
	/** Undefined for all sessions. */
	readonly sessionId?: string | undefined;
}

/** What a page showed before the reload; the default where it kept nothing of use. */
export function restoredOverview(value: unknown): ShownOverview {
	const kept = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	const { range, sessionId } = kept;
	return {
		range: isOverviewRange(range) ? range : "24h",
		sessionId: typeof sessionId === "string" && sessionId.length <= MAX_SESSION_ID ? sessionId : undefined,
	};
}

const MAX_SESSION_ID = 256;
