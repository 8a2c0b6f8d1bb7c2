import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { assertNever } from "../../base/assert.ts";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import { countSaidBefore, previousCalls, type SaidBefore, saidIn } from "../../model/conversationHistory.ts";
import type { SpanDetail, SpanSummary } from "../../model/span.ts";
import {
	type ConnectionView,
	type HistoryView,
	type HostToSpanDetail,
	isSpanPart,
	type SpanDetailToHost,
	type SpanDetailViewState,
	type SpanPart,
} from "../../protocol/messages.ts";
import { type Source, SourceError } from "../../sources/source.ts";
import { PanelId } from "../ids.ts";
import { noticeText } from "../noticeText.ts";
import type { PartDocuments } from "../partDocuments.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { PanelHost } from "./panelHost.ts";
import { linkTarget, stackOf } from "./spanDetailFacts.ts";
import { buildSpanDetailView, conversationsOf, isLlmSpan, partImage, partText, wholePart } from "./spanDetailView.ts";
import { webviewHtml, webviewRoot } from "./webviewHtml.ts";
import { openFrame, type WorkspaceFrame, workspaceFrames } from "./workspaceFrames.ts";

/** A running span is read again at most this often. */
const RELOAD_MS = 250;
const MAX_COPIED_CHARACTERS = 5_000_000;

/** A conversation of fewer messages has no history worth a fold. */
const MIN_MESSAGES = 3;

/** Frames with files in the workspace, and the texts that they were found in. */
interface SpanFrames {
	readonly errorText: string | undefined;
	readonly stackText: string | undefined;
	readonly error: readonly WorkspaceFrame[];
	readonly stack: readonly WorkspaceFrame[];
}
const NO_FRAMES: SpanFrames = { errorText: undefined, stackText: undefined, error: [], stack: [] };

interface PreviousCall {
	readonly call: SpanSummary;
	readonly said: SaidBefore;
}

export interface SpanDetailEvents {
	readonly onOpenTrace: (traceId: string, spanId: string) => void;
	/** Another span is wanted in this panel. */
	readonly onShowSpan: (traceId: string, spanId: string) => void;
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
	#detail: SpanDetail | undefined;
	#error: { message: string; canRetry: boolean } | undefined;
	#isRemoved = false;
	/** What the calls before this one said, read once a span: calls that have ended do not change. */
	#previous: readonly PreviousCall[] | undefined;
	#frames: SpanFrames = NO_FRAMES;
	/** A newer question ends the older one. */
	#load: AbortController | undefined;
	#reloadTimer: ReturnType<typeof setTimeout> | undefined;
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
		panel.webview.html = webviewHtml(panel.webview, extensionUri, "spanDetail");
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
		this.#detail = undefined;
		this.#error = undefined;
		this.#isRemoved = false;
		this.#previous = undefined;
		this.#frames = NO_FRAMES;
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
					this.#detail?.summary.name ?? this.#spanId,
					message.part,
					// Said, because the click on the button may arrive before VS Code has made its column the active one: then the
					// editor would cover the waterfall.
					this.#host.panel.viewColumn,
				);
				return;
			case "part/copy":
				await this.#copyPart(message.part);
				return;
			case "text/copy":
				await vscode.env.clipboard.writeText(String(message.text).slice(0, MAX_COPIED_CHARACTERS));
				return;
			case "span/copy":
				// Loaded when first wanted: it is no part of the extension's start.
				if (this.#detail !== undefined) await (await import("./spanCopyPick.ts")).copySpan(this.#detail);
				return;
			case "part/load":
				this.#sendPart(message.part);
				return;
			case "image/load":
				this.#sendImage(message.part);
				return;
			case "span/show":
				if (this.#connection !== undefined) this.#events.onShowSpan(this.#traceId, String(message.spanId));
				return;
			case "link/open":
				this.#openLink(Number(message.index));
				return;
			case "frame/open": {
				const frame = this.#frames[message.part === "stack" ? "stack" : "error"][Number(message.index)];
				if (frame !== undefined) await openFrame(frame);
				return;
			}
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

	async #copyPart(part: SpanPart): Promise<void> {
		if (this.#detail === undefined) return;
		await vscode.env.clipboard.writeText(partText(this.#detail, part).text);
		vscode.window.setStatusBarMessage(vscode.l10n.t("$(check) Copied"), 2_000);
	}

	#sendPart(part: SpanPart): void {
		if (this.#detail === undefined || !isSpanPart(part)) return;
		this.#host.post({ type: "part/value", spanId: this.#spanId, part, text: wholePart(this.#detail, part) });
	}

	#openLink(index: number): void {
		const target = this.#detail === undefined ? undefined : linkTarget(this.#detail, index);
		if (target === undefined || this.#connection?.store.entry(target.traceId) === undefined) return;
		this.#events.onOpenTrace(target.traceId, target.spanId);
	}

	#sendImage(part: SpanPart): void {
		if (this.#detail === undefined || !isSpanPart(part)) return;
		const uri = partImage(this.#detail, part);
		this.#host.post({ type: "image/value", spanId: this.#spanId, part, uri });
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
			this.#detail = undefined;
			this.#cancelReload();
			this.#load?.abort();
			this.#sendState();
			return;
		}
		if (!changes.changedTraces.get(this.#traceId)?.rows.has(row)) return;
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
			const detail = await source.loadSpan(this.#traceId, this.#spanId, load.signal);
			if (load.signal.aborted) return;
			this.#detail = detail;
			this.#error = undefined;
			this.#isRemoved = false;
		} catch (error) {
			if (load.signal.aborted || isAbortError(error)) return;
			this.#logger.warn(`span ${this.#spanId} could not be read: ${describeError(error)}`);
			// What was read before stays on screen; the connection line says that it may be old.
			if (this.#detail !== undefined) return;
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
		await this.#findFrames(load.signal);
		if (!load.signal.aborted && this.#previous === undefined) {
			await this.#loadPrevious(connection, source, load.signal);
		}
	}

	/** Which lines of the error lead to files of the workspace; looked for again when the texts changed. */
	async #findFrames(signal: AbortSignal): Promise<void> {
		const detail = this.#detail;
		if (detail === undefined) return;
		const errorText = detail.summary.error;
		const stackText = stackOf(detail);
		if (errorText === this.#frames.errorText && stackText === this.#frames.stackText) return;
		const [error, stack] = await Promise.all([workspaceFrames(errorText ?? ""), workspaceFrames(stackText ?? "")]);
		if (signal.aborted) return;
		this.#frames = { errorText, stackText, error, stack };
		if (error.length + stack.length > 0) this.#sendState();
	}

	/** Reads what the calls before said, at most two; the span is on screen by then. */
	async #loadPrevious(connection: SourceConnection, source: Source, signal: AbortSignal): Promise<void> {
		const detail = this.#detail;
		if (detail === undefined || !isLlmSpan(detail.summary)) return;
		if (conversationsOf(detail).input.messages.length < MIN_MESSAGES) return;
		const previous: PreviousCall[] = [];
		for (const call of previousCalls(connection.store, detail.summary)) {
			try {
				const { input, output } = conversationsOf(await source.loadSpan(call.traceId, call.spanId, signal));
				previous.push({ call, said: saidIn(input.messages, output.messages) });
			} catch (error) {
				if (signal.aborted || isAbortError(error)) return;
				// The history is then shown like any other messages.
				this.#logger.warn(`span ${call.spanId}, the call before, could not be read: ${describeError(error)}`);
			}
		}
		if (signal.aborted) return;
		this.#previous = previous;
		if (this.#history() !== undefined) this.#sendState();
	}

	/** What of the messages a call before showed; of two such calls, by the one that showed more. */
	#history(): HistoryView | undefined {
		if (this.#detail === undefined || this.#previous === undefined) return undefined;
		const { messages } = conversationsOf(this.#detail).input;
		let best: HistoryView | undefined;
		for (const { call, said } of this.#previous) {
			const count = countSaidBefore(messages, said);
			if (count > (best?.count ?? 0)) best = { count, spanId: call.spanId, name: displayText(call.name, 120) };
		}
		return best;
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
		else if (this.#detail === undefined || connection === undefined) {
			const name = connection?.store.span(this.#traceId, this.#spanId)?.name ?? this.#spanId;
			this.#host.post({ type: "detail/loading", state, name });
		} else {
			const detail = buildSpanDetailView({
				detail: this.#detail,
				sourceId: connection.config.id,
				traceName: connection.store.summary(this.#traceId)?.name ?? this.#traceId,
				clockOffsetMs: connection.status.clockOffsetMs,
				history: this.#history(),
				errorFrames: this.#frames.error,
				stackFrames: this.#frames.stack,
				nameOfTrace: (traceId) => connection.store.summary(traceId)?.name,
				t: vscode.l10n.t,
			});
			this.#host.post({ type: "detail/value", detail });
		}
	}

	#setTitle(): void {
		const name = this.#detail?.summary.name ?? this.#connection?.store.span(this.#traceId, this.#spanId)?.name;
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
	}
}

/** Reads what a page had stored before the reload; undefined when it is not of this shape. */
export function spanDetailStateOf(value: unknown): SpanDetailViewState | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { sourceId, traceId, spanId } = value as Record<string, unknown>;
	if (typeof sourceId !== "string" || typeof traceId !== "string" || typeof spanId !== "string") return undefined;
	return { sourceId, traceId, spanId };
}
