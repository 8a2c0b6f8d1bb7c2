import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { assertNever } from "../../base/assert.ts";
import { displayText } from "../../base/displayText.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { ChangeSet } from "../../model/changeWindow.ts";
import {
	type ConnectionView,
	type HostToWaterfall,
	MAX_FIND_LENGTH,
	type TraceHeader,
	type WaterfallCommand,
	type WaterfallToHost,
	type WaterfallViewState,
} from "../../protocol/messages.ts";
import { packColumns } from "../../protocol/packedColumns.ts";
import { encodeTraceColumns, type TimeBase, timeBaseOf } from "../../protocol/traceColumns.ts";
import type { TraceHits, TraceTextSearch } from "../../sources/source.ts";
import { PanelId } from "../ids.ts";
import type { SpanAddress } from "../markedSpan.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { PanelHost } from "./panelHost.ts";
import { OpenSearch } from "./traceTextSearch.ts";
import { showPage, webviewRoot } from "./webviewHtml.ts";

/**
 * At most 20 messages a second, each at most 256 kB: about 100 bytes a span. The first one after a quiet time goes at once;
 * the store has gathered what belongs together.
 */
const DELTA_MS = 50;
const DELTA_ROWS = 2_000;
/** More changed rows than this are cheaper as a snapshot. */
const SNAPSHOT_ROWS = 20_000;

export interface WaterfallEvents {
	readonly onSelect: (traceId: string, spanId: string) => void;
	readonly onOpen: (traceId: string, spanId: string) => void;
	/** The page begins or ceases to take the keys of its commands. */
	readonly onKeys: (isWanted: boolean) => void;
	readonly onOpenKeys: () => void;
}

/** The waterfall of one trace at a time; another trace takes its place in the same panel. */
export class WaterfallPanel implements Disposable {
	readonly #host: PanelHost<WaterfallToHost, HostToWaterfall>;
	readonly #logger: Logger;
	readonly #events: WaterfallEvents;
	readonly #onEnd: () => void;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#traceId = "";
	#selectedSpanId: string | undefined;
	#base: TimeBase | undefined;
	/** Revision that the page has; undefined when it needs a snapshot. */
	#sentRevision: number | undefined;
	#sentStructure = -1;
	#revision = 0;
	#pendingRows = new Set<number>();
	#deltaTimer: ReturnType<typeof setTimeout> | undefined;
	/** Of the monotonic clock. */
	#lastDeltaMs = -DELTA_MS;
	#load: AbortController | undefined;
	#error: string | undefined;
	#connectionView: ConnectionView | undefined;
	readonly #search: OpenSearch;
	#removed: "deleted" | "cleared" | "evicted" | undefined;

	constructor(
		panel: vscode.WebviewPanel,
		extensionUri: vscode.Uri,
		logger: Logger,
		events: WaterfallEvents,
		onEnd: () => void,
	) {
		this.#logger = logger;
		this.#events = events;
		this.#onEnd = onEnd;
		panel.iconPath = new vscode.ThemeIcon("list-tree");
		panel.webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(extensionUri)] };
		this.#host = new PanelHost(panel, logger, {
			onReady: (isAwaited) => this.#handleReady(isAwaited),
			onShown: () => this.#handleShown(),
			onMessage: (message) => this.#handleMessage(message),
			onEnd: () => this.#end(),
		});
		this.#search = new OpenSearch({
			search: (search, signal) => this.#searchTrace(search, signal),
			ordinalOf: (spanId) => this.#ordinalOf(spanId),
			post: (hits) => this.#host.post(hits),
			logger,
		});
		showPage(panel.webview, extensionUri, "waterfall", async () => {
			return (await import("../../protocol/waterfallWords.ts")).waterfallWords;
		});
	}

	static create(extensionUri: vscode.Uri, logger: Logger, events: WaterfallEvents, onEnd: () => void): WaterfallPanel {
		const panel = vscode.window.createWebviewPanel(PanelId.waterfall, vscode.l10n.t("Waterfall"), {
			viewColumn: vscode.ViewColumn.Active,
			preserveFocus: true,
		});
		return new WaterfallPanel(panel, extensionUri, logger, events, onEnd);
	}

	get traceId(): string {
		return this.#traceId;
	}

	get isActive(): boolean {
		return this.#host.panel.active;
	}

	get selected(): SpanAddress | undefined {
		return this.#selectedSpanId === undefined ? undefined : { traceId: this.#traceId, spanId: this.#selectedSpanId };
	}

	reveal(preserveFocus: boolean): void {
		this.#host.panel.reveal(undefined, preserveFocus);
	}

	/** Shows a trace, and selects a span in it when one is named. */
	show(connection: SourceConnection, traceId: string, spanId: string | undefined): void {
		if (connection === this.#connection && traceId === this.#traceId) {
			if (spanId !== undefined) this.select(spanId);
			return;
		}
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#cancelPending();
		this.#search.end();
		this.#connection = connection;
		this.#traceId = traceId;
		this.#selectedSpanId = spanId;
		this.#base = undefined;
		this.#error = undefined;
		this.#removed = undefined;
		this.#life.add(connection.store.onDidChange((changes) => this.#handleChange(changes)));
		this.#life.add(connection.store.pin(traceId));
		this.#setTitle();
		this.#sendState();
		void this.#loadWhole(connection, traceId);
	}

	/** Selection came from elsewhere. */
	select(spanId: string): void {
		if (this.#selectedSpanId === spanId) return;
		this.#selectedSpanId = spanId;
		this.#host.post({ type: "selection/changed", spanId, reveal: true });
	}

	run(command: WaterfallCommand): void {
		this.#host.post({ type: "view/run", command });
	}

	setConnectionView(view: ConnectionView): void {
		this.#connectionView = view;
		this.#host.post({ type: "connection/changed", connection: view });
		// A trace that could not be read is asked for again when the source is back.
		if (view.indicator === "live" && this.#error !== undefined && this.#connection !== undefined) {
			this.#error = undefined;
			void this.#loadWhole(this.#connection, this.#traceId);
		}
	}

	/** The message of a restore whose source is not there. */
	showError(state: WaterfallViewState, message: string): void {
		this.#traceId = state.traceId;
		this.#error = message;
		this.#sendState();
	}

	dispose(): void {
		this.#host.dispose();
		this.#end();
	}

	#end(): void {
		this.#events.onKeys(false);
		this.#life.dispose();
		this.#load?.abort();
		this.#cancelPending();
		this.#search.dispose();
		this.#onEnd();
	}

	/** A big trace is under way while VS Code makes the page, which takes about as long. */
	#handleShown(): void {
		this.#sentRevision = undefined;
		this.#sendState();
	}

	#handleReady(isAwaited: boolean): void {
		// A page that was hidden had no time to say that its focus is gone.
		this.#events.onKeys(false);
		// Nor to say that nobody waits for hits; a page that does says so again.
		this.#search.end();
		if (isAwaited && this.#sentRevision !== undefined) {
			// What was sent ahead comes before this; should it be lost, the page asks.
			this.#host.post({ type: "trace/revision", revision: this.#sentRevision });
			return;
		}
		this.#sentRevision = undefined;
		this.#sendState();
	}

	#handleMessage(message: WaterfallToHost): void {
		switch (message.type) {
			case "page/ready":
				return;
			case "keys/changed":
				this.#events.onKeys(message.isWanted === true);
				return;
			case "keys/open":
				this.#events.onOpenKeys();
				return;
			case "span/select":
				this.#selectedSpanId = String(message.spanId);
				this.#events.onSelect(this.#traceId, this.#selectedSpanId);
				return;
			case "span/open":
				this.#selectedSpanId = String(message.spanId);
				this.#events.onOpen(this.#traceId, this.#selectedSpanId);
				return;
			case "trace/search":
				// By a page of this version never too long; cutting it would find something else.
				if (String(message.text).length > MAX_FIND_LENGTH) return;
				this.#search.begin(Number(message.searchId), String(message.text), message.isCaseSensitive === true);
				return;
			case "search/end":
				this.#search.end();
				return;
			case "trace/resync":
				this.#sentRevision = undefined;
				this.#sendState();
				return;
			default:
				assertNever(message, "message of the waterfall page");
		}
	}

	/** Reads the spans that a snapshot of the list may have left out. */
	async #loadWhole(connection: SourceConnection, traceId: string): Promise<void> {
		this.#load?.abort();
		const load = new AbortController();
		this.#load = load;
		if (connection.store.entry(traceId)?.isWhole === true) return;
		try {
			const source = await connection.whenSource(load.signal);
			await source.loadTrace(traceId, load.signal);
		} catch (error) {
			if (load.signal.aborted || isAbortError(error)) return;
			this.#logger.warn(`trace ${traceId} could not be read: ${describeError(error)}`);
			if ((connection.store.entry(traceId)?.rows.length ?? 0) > 0) return;
			this.#error = describeError(error);
		}
		if (!load.signal.aborted) this.#sendState();
	}

	async *#searchTrace(search: TraceTextSearch, signal: AbortSignal): AsyncGenerator<TraceHits> {
		const traceId = this.#traceId;
		const source = await this.#connection?.whenSource(signal);
		if (source !== undefined) yield* source.searchTrace(traceId, search, signal);
	}

	#ordinalOf(spanId: string): number | undefined {
		const store = this.#connection?.store;
		const row = store?.rowOf(spanId, this.#traceId);
		return row === undefined ? undefined : store?.columns.ordinal[row];
	}

	#handleChange(changes: ChangeSet): void {
		if (changes.isCleared || changes.removedTraceIds.includes(this.#traceId)) {
			this.#removed = changes.isCleared ? "cleared" : "deleted";
			if (this.#connection?.store.entry(this.#traceId) === undefined) {
				this.#cancelPending();
				this.#sendState();
				return;
			}
		}
		const change = changes.changedTraces.get(this.#traceId);
		if (change === undefined) return;
		const wasMissing = this.#removed !== undefined || this.#error !== undefined || this.#sentRevision === undefined;
		this.#removed = undefined;
		this.#error = undefined;
		this.#setTitle();
		if (!this.#host.isReady) return;
		this.#search.handleChange();
		if (wasMissing || change.isRestructured) {
			this.#sentRevision = undefined;
			this.#pendingRows.clear();
		} else {
			for (const row of change.rows) this.#pendingRows.add(row);
		}
		const waitMs = Math.max(0, this.#lastDeltaMs + DELTA_MS - performance.now());
		this.#deltaTimer ??= setTimeout(() => this.#sendDeltas(), waitMs);
	}

	#sendDeltas(): void {
		this.#deltaTimer = undefined;
		this.#lastDeltaMs = performance.now();
		const entry = this.#connection?.store.entry(this.#traceId);
		if (this.#connection === undefined || entry === undefined || !this.#host.isReady) return;
		const mustSnapshot =
			this.#sentRevision === undefined ||
			this.#base === undefined ||
			entry.structureRevision !== this.#sentStructure ||
			this.#pendingRows.size > SNAPSHOT_ROWS;
		if (mustSnapshot || this.#base === undefined) {
			this.#sendState();
			return;
		}
		const { store } = this.#connection;
		// Ascending ordinals: a message never names a new span before the ones in front of it.
		const rows = [...this.#pendingRows].sort((a, b) => store.columns.ordinal[a] - store.columns.ordinal[b]);
		this.#pendingRows.clear();
		const part = rows.slice(0, DELTA_ROWS);
		for (const row of rows.slice(DELTA_ROWS)) this.#pendingRows.add(row);
		const baseRevision = this.#revision;
		this.#revision++;
		this.#sentRevision = this.#revision;
		this.#host.post({
			type: "trace/delta",
			baseRevision,
			revision: this.#revision,
			header: this.#header(),
			columns: encodeTraceColumns(store, entry, this.#base, part),
		});
		if (this.#pendingRows.size > 0) this.#deltaTimer = setTimeout(() => this.#sendDeltas(), DELTA_MS);
	}

	/** Everything the page has to know now: the trace, or why it is not there. */
	#sendState(): void {
		if (!this.#host.isReady) return;
		if (this.#connectionView !== undefined) {
			this.#host.post({ type: "connection/changed", connection: this.#connectionView });
		}
		const connection = this.#connection;
		const entry = connection?.store.entry(this.#traceId);
		if (connection === undefined || entry === undefined) {
			this.#sentRevision = undefined;
			if (this.#removed !== undefined) this.#host.post({ type: "trace/removed", reason: this.#removed });
			else if (this.#error !== undefined) this.#host.post({ type: "trace/error", message: this.#error });
			else {
				const sourceId = connection?.config.id ?? "";
				this.#host.post({ type: "trace/loading", sourceId, traceId: this.#traceId });
			}
			return;
		}
		this.#pendingRows.clear();
		this.#base ??= timeBaseOf(connection.store, entry);
		this.#revision++;
		this.#sentRevision = this.#revision;
		this.#sentStructure = entry.structureRevision;
		this.#host.post({
			type: "trace/snapshot",
			sourceId: connection.config.id,
			revision: this.#revision,
			base: this.#base,
			clockOffsetMs: connection.status.clockOffsetMs,
			header: this.#header(),
			columns: packColumns(encodeTraceColumns(connection.store, entry, this.#base)),
		});
		if (this.#selectedSpanId !== undefined) {
			this.#host.post({ type: "selection/changed", spanId: this.#selectedSpanId, reveal: true });
		}
	}

	#header(): TraceHeader {
		const summary = this.#connection?.store.summary(this.#traceId);
		return {
			traceId: this.#traceId,
			name: summary?.name ?? this.#traceId,
			state: summary?.state ?? "running",
			spanCount: summary?.spanCount ?? 0,
			failedCount: summary?.failedCount ?? 0,
			inputTokens: summary?.inputTokens,
			outputTokens: summary?.outputTokens,
			costUsd: summary?.costUsd,
			isCostEstimated: summary?.isCostEstimated ?? false,
			droppedSpans: summary?.droppedSpans ?? 0,
		};
	}

	#setTitle(): void {
		const name = this.#connection?.store.summary(this.#traceId)?.name ?? vscode.l10n.t("Waterfall");
		const title = displayText(name, 60);
		if (this.#host.panel.title !== title) this.#host.panel.title = title;
	}

	#cancelPending(): void {
		if (this.#deltaTimer !== undefined) clearTimeout(this.#deltaTimer);
		this.#deltaTimer = undefined;
		this.#pendingRows.clear();
		this.#sentRevision = undefined;
	}
}

/** Reads what a page had stored before the reload; undefined when it is not of this shape. */
export function waterfallStateOf(value: unknown): WaterfallViewState | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { sourceId, traceId, selectedSpanId } = value as Record<string, unknown>;
	if (typeof sourceId !== "string" || typeof traceId !== "string") return undefined;
	return { sourceId, traceId, selectedSpanId: typeof selectedSpanId === "string" ? selectedSpanId : undefined };
}
