import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { assertNever } from "../../base/assert.ts";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import {
	type ConnectionView,
	type HostToSpanDetail,
	isSpanPart,
	type SpanDetailToHost,
	type SpanDetailViewState,
} from "../../protocol/messages.ts";
import { type Source, SourceError } from "../../sources/source.ts";
import { PanelId } from "../ids.ts";
import type { SpanAddress } from "../markedSpan.ts";
import { noticeText } from "../noticeText.ts";
import type { PartDocuments } from "../partDocuments.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { PanelHost } from "./panelHost.ts";
import type { ShownSpan } from "./shownSpan.ts";
import { showPage, webviewRoot } from "./webviewHtml.ts";

/** A running span is read again at most this often. */
const RELOAD_MS = 250;
const MAX_COPIED_CHARACTERS = 5_000_000;

export interface SpanDetailEvents {
	readonly onOpenTrace: (traceId: string, spanId: string) => void;
	/** Another span is wanted in this panel. */
	/** All of a session, and in it a span where one is named. */
	readonly onOpenSession: (sessionId: string, span: SpanAddress | undefined) => void;
	readonly onShowSpan: (traceId: string, spanId: string) => void;
	readonly onCompare: (traceId: string, spanId: string) => void;
	readonly isMarked: (traceId: string, spanId: string) => boolean;
}

/** Details of one span at a time: what the store knows at once, the payload from the source on demand. */
export class SpanDetailPanel implements Disposable {
	readonly #host: PanelHost<SpanDetailToHost, HostToSpanDetail>;
	readonly #logger: Logger;
	readonly #events: SpanDetailEvents;
	readonly #documents: PartDocuments;
	readonly #onEnd: () => void;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#traceId = "";
	#spanId = "";
	/** Undefined until the span was read. */
	#shown: ShownSpan | undefined;
	#error: { message: string; canRetry: boolean } | undefined;
	#isRemoved = false;
	/** A newer question ends the older one. */
	#load: AbortController | undefined;
	#reloadTimer: ReturnType<typeof setTimeout> | undefined;
	#linkTimer: ReturnType<typeof setTimeout> | undefined;
	#connectionView: ConnectionView | undefined;

	constructor(
		panel: vscode.WebviewPanel,
		extensionUri: vscode.Uri,
		logger: Logger,
		documents: PartDocuments,
		events: SpanDetailEvents,
		onEnd: () => void,
	) {
		this.#logger = logger;
		this.#documents = documents;
		this.#events = events;
		this.#onEnd = onEnd;
		panel.iconPath = new vscode.ThemeIcon("output");
		panel.webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(extensionUri)] };
		this.#host = new PanelHost(panel, logger, {
			onReady: () => this.#sendState(),
			onMessage: (message) => void this.#handleMessage(message).catch((error) => this.#reportError(error)),
			onEnd: () => this.#end(),
		});
		showPage(panel.webview, extensionUri, "spanDetail", async () => {
			return (await import("../../protocol/spanDetailWords.ts")).spanDetailWords;
		});
	}

	static create(
		extensionUri: vscode.Uri,
		logger: Logger,
		documents: PartDocuments,
		events: SpanDetailEvents,
		onEnd: () => void,
	): SpanDetailPanel {
		const panel = vscode.window.createWebviewPanel(PanelId.spanDetail, vscode.l10n.t("Span Details"), {
			viewColumn: vscode.ViewColumn.Beside,
			preserveFocus: true,
		});
		return new SpanDetailPanel(panel, extensionUri, logger, documents, events, onEnd);
	}

	get isActive(): boolean {
		return this.#host.panel.active;
	}

	/** The connection that the span came from. */
	get connection(): SourceConnection | undefined {
		return this.#connection;
	}

	/** The span that is shown, or being read. */
	get address(): SpanAddress | undefined {
		return this.#connection === undefined ? undefined : { traceId: this.#traceId, spanId: this.#spanId };
	}

	/** The mark for comparisons moved. */
	updateMark(): void {
		if (this.#shown !== undefined) this.#sendState();
	}

	reveal(preserveFocus: boolean): void {
		this.#host.panel.reveal(undefined, preserveFocus);
	}

	show(connection: SourceConnection, traceId: string, spanId: string): void {
		if (connection === this.#connection && traceId === this.#traceId && spanId === this.#spanId) return;
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#cancelReload();
		this.#connection = connection;
		this.#traceId = traceId;
		this.#spanId = spanId;
		this.#shown = undefined;
		this.#error = undefined;
		this.#isRemoved = false;
		this.#life.add(connection.store.onDidChange((changes) => this.#handleChange(changes)));
		this.#setTitle();
		this.#sendState();
		void this.#reload();
	}

	setConnectionView(view: ConnectionView): void {
		this.#connectionView = view;
		this.#host.post({ type: "connection/changed", connection: view });
		if (view.indicator === "live" && this.#error?.canRetry === true) void this.#reload();
	}

	/** The message of a restore whose source is not there. */
	showError(state: SpanDetailViewState, message: string): void {
		this.#traceId = state.traceId;
		this.#spanId = state.spanId;
		this.#error = { message, canRetry: false };
		this.#sendState();
	}

	dispose(): void {
		this.#host.dispose();
		this.#end();
	}

	#end(): void {
		this.#life.dispose();
		this.#load?.abort();
		this.#cancelReload();
		this.#onEnd();
	}

	async #handleMessage(message: SpanDetailToHost): Promise<void> {
		switch (message.type) {
			case "page/ready":
				return;
			case "part/open":
				await this.#documents.open(
					this.#connection?.config.id ?? "",
					this.#traceId,
					this.#spanId,
					this.#shown?.detail.summary.name ?? this.#spanId,
					message.part,
					// Said, because the click on the button may arrive before VS Code has made its column the active one: then the
					// editor would cover the waterfall.
					this.#host.panel.viewColumn,
				);
				return;
			case "part/copy":
				if (this.#shown === undefined) return;
				await vscode.env.clipboard.writeText(this.#shown.text(message.part));
				vscode.window.setStatusBarMessage(vscode.l10n.t("$(check) Copied"), 2_000);
				return;
			case "text/copy":
				await vscode.env.clipboard.writeText(String(message.text).slice(0, MAX_COPIED_CHARACTERS));
				return;
			case "span/copy":
				await this.#shown?.copy();
				return;
			case "span/compare":
				this.#events.onCompare(this.#traceId, this.#spanId);
				return;
			case "part/load": {
				const { part } = message;
				if (this.#shown === undefined || !isSpanPart(part)) return;
				this.#host.post({ type: "part/value", spanId: this.#spanId, part, text: this.#shown.whole(part) });
				return;
			}
			case "image/load": {
				const { part } = message;
				if (this.#shown === undefined || !isSpanPart(part)) return;
				this.#host.post({ type: "image/value", spanId: this.#spanId, part, uri: this.#shown.image(part) });
				return;
			}
			case "span/show":
				if (this.#connection !== undefined) this.#events.onShowSpan(this.#traceId, String(message.spanId));
				return;
			case "link/open": {
				const target = this.#shown?.linkTarget(Number(message.index));
				if (target !== undefined) this.#events.onOpenTrace(target.traceId, target.spanId);
				return;
			}
			case "session/open": {
				const sessionId = this.#shown?.subagents.startedSession;
				if (sessionId !== undefined) this.#events.onOpenSession(sessionId, undefined);
				return;
			}
			case "starter/open": {
				const starter = this.#shown?.subagents.startedBy;
				if (starter === undefined) return;
				const sessionId = this.#connection?.store.summary(starter.traceId)?.sessionId;
				if (sessionId === undefined) this.#events.onOpenTrace(starter.traceId, starter.spanId);
				else this.#events.onOpenSession(sessionId, starter);
				return;
			}
			case "frame/open":
				await this.#shown?.openFrame(message.part === "stack" ? "stack" : "error", Number(message.index));
				return;
			case "trace/open":
				this.#events.onOpenTrace(this.#traceId, this.#spanId);
				return;
			case "detail/retry":
				await this.#reload();
				return;
			default:
				assertNever(message, "message of the span details page");
		}
	}

	#handleChange(changes: ChangeSet): void {
		const connection = this.#connection;
		if (connection === undefined) return;
		const row = connection.store.rowOf(this.#spanId, this.#traceId);
		if (row === undefined) {
			const isGone =
				changes.isCleared ||
				changes.removedTraceIds.includes(this.#traceId) ||
				changes.changedTraces.get(this.#traceId)?.isRestructured === true;
			if (!isGone || this.#isRemoved) return;
			this.#isRemoved = true;
			this.#shown = undefined;
			this.#cancelReload();
			this.#load?.abort();
			this.#sendState();
			return;
		}
		const changed = changes.changedTraces.get(this.#traceId)?.rows;
		if (changed === undefined) return;
		if (!changed.has(row)) {
			if (this.#linkTimer === undefined && this.#shown?.mayLink(changed) === true) {
				this.#linkTimer = setTimeout(() => void this.#relink(), RELOAD_MS);
			}
			return;
		}
		this.#isRemoved = false;
		this.#reloadTimer ??= setTimeout(() => {
			this.#reloadTimer = undefined;
			void this.#reload();
		}, RELOAD_MS);
	}

	async #reload(): Promise<void> {
		const connection = this.#connection;
		if (connection === undefined) return;
		this.#load?.abort();
		const load = new AbortController();
		this.#load = load;
		let source: Source;
		try {
			source = await connection.whenSource(load.signal);
			// Imported here, when the first details are opened: what reads conversations is no part of the extension's start.
			const [{ ShownSpan }, detail] = await Promise.all([
				import("./shownSpan.ts"),
				source.loadSpan(this.#traceId, this.#spanId, load.signal),
			]);
			if (load.signal.aborted) return;
			this.#shown = new ShownSpan(detail, connection, this.#logger, this.#shown);
			this.#error = undefined;
			this.#isRemoved = false;
		} catch (error) {
			if (load.signal.aborted || isAbortError(error)) return;
			this.#logger.warn(`span ${this.#spanId} could not be read: ${describeError(error)}`);
			// What was read before stays on screen; the connection line says that it may be old.
			if (this.#shown !== undefined) return;
			this.#error = {
				message: describeError(error),
				canRetry: !(error instanceof SourceError && error.reason === "notFound"),
			};
			this.#setTitle();
			this.#sendState();
			return;
		}
		this.#setTitle();
		this.#sendState();
		// The span is on screen; what takes further questions follows.
		const shown = this.#shown;
		if (await shown.findFrames(load.signal)) this.#sendState();
		if (!load.signal.aborted && (await shown.readPrevious(source, load.signal))) this.#sendState();
		if (!load.signal.aborted && (await this.#linkTools(shown, source, load.signal))) this.#sendState();
		if (!load.signal.aborted && (await this.#linkSubagents(shown, source, load.signal))) this.#sendState();
	}

	async #linkSubagents(shown: ShownSpan, source: Source, signal: AbortSignal): Promise<boolean> {
		try {
			return await shown.linkSubagents(source, signal);
		} catch (error) {
			// Another span is wanted.
			if (signal.aborted || isAbortError(error)) return false;
			throw error;
		}
	}

	/** A tool of the shown call began or ended. */
	async #relink(): Promise<void> {
		this.#linkTimer = undefined;
		const shown = this.#shown;
		const load = this.#load;
		const source = this.#connection?.source;
		if (shown === undefined || load === undefined || source === undefined || load.signal.aborted) return;
		await this.#linkTools(shown, source, load.signal);
		// Also where the links are the same: a tool's state and duration are the store's.
		if (!load.signal.aborted && this.#shown === shown) this.#sendState();
	}

	async #linkTools(shown: ShownSpan, source: Source, signal: AbortSignal): Promise<boolean> {
		try {
			return await shown.linkTools(source, signal);
		} catch (error) {
			// Another span is wanted. What else cannot be read was logged where it was asked for.
			if (signal.aborted || isAbortError(error)) return false;
			throw error;
		}
	}

	#sendState(): void {
		if (!this.#host.isReady) return;
		if (this.#connectionView !== undefined) {
			this.#host.post({ type: "connection/changed", connection: this.#connectionView });
		}
		const connection = this.#connection;
		const state = { sourceId: connection?.config.id ?? "", traceId: this.#traceId, spanId: this.#spanId };
		if (this.#isRemoved) this.#host.post({ type: "detail/removed" });
		else if (this.#error !== undefined) this.#host.post({ type: "detail/error", ...this.#error });
		else if (this.#shown === undefined || connection === undefined) {
			const name = connection?.store.span(this.#traceId, this.#spanId)?.name ?? this.#spanId;
			this.#host.post({ type: "detail/loading", state, name });
		} else {
			this.#host.post({
				type: "detail/value",
				detail: this.#shown.view(this.#events.isMarked(this.#traceId, this.#spanId)),
			});
		}
	}

	#setTitle(): void {
		const name = this.#shown?.detail.summary.name ?? this.#connection?.store.span(this.#traceId, this.#spanId)?.name;
		const title = name === undefined ? vscode.l10n.t("Span Details") : displayText(name, 60);
		if (this.#host.panel.title !== title) this.#host.panel.title = title;
	}

	#reportError(error: unknown): void {
		this.#logger.error(describeError(error));
		void vscode.window.showErrorMessage(noticeText(describeError(error)));
	}

	#cancelReload(): void {
		if (this.#reloadTimer !== undefined) clearTimeout(this.#reloadTimer);
		this.#reloadTimer = undefined;
		if (this.#linkTimer !== undefined) clearTimeout(this.#linkTimer);
		this.#linkTimer = undefined;
	}
}

/** Reads what a page had stored before the reload; undefined when it is not of this shape. */
export function spanDetailStateOf(value: unknown): SpanDetailViewState | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { sourceId, traceId, spanId } = value as Record<string, unknown>;
	if (typeof sourceId !== "string" || typeof traceId !== "string" || typeof spanId !== "string") return undefined;
	return { sourceId, traceId, spanId };
}
