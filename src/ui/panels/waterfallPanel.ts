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
	type WaterfallCommand,
	type WaterfallToHost,
	type WaterfallViewState,
} from "../../protocol/messages.ts";
import { type PackedColumns, packColumns } from "../../protocol/packedColumns.ts";
import type { TimeBase, TraceColumns } from "../../protocol/traceColumns.ts";
import type { TraceHits, TraceTextSearch } from "../../sources/source.ts";
import { PanelId } from "../ids.ts";
import type { SpanAddress } from "../markedSpan.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { deltaRows } from "./deltaRows.ts";
import { PanelHost } from "./panelHost.ts";
import { SessionContent } from "./sessionContent.ts";
import { OpenSearch } from "./traceTextSearch.ts";
import { TraceContent, type WaterfallContent, type WaterfallTarget } from "./waterfallContent.ts";
import { showPage, webviewRoot } from "./webviewHtml.ts";

/** At most 20 messages a second. The first one after a quiet time goes at once; the store has gathered what belongs together. */
const DELTA_MS = 50;
/** More changed rows than this are cheaper as a snapshot. */
const SNAPSHOT_ROWS = 20_000;

export interface WaterfallEvents {
	readonly onSelect: (traceId: string, spanId: string) => void;
	readonly onOpen: (traceId: string, spanId: string) => void;
	/** The page begins or ceases to take the keys of its commands. */
	readonly onKeys: (isWanted: boolean) => void;
	readonly onOpenKeys: () => void;
}

/** The waterfall of one trace or session at a time; another one takes its place in the same panel. */
export class WaterfallPanel implements Disposable {
	readonly #host: PanelHost<WaterfallToHost, HostToWaterfall>;
	readonly #logger: Logger;
	readonly #events: WaterfallEvents;
	readonly #onEnd: () => void;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#content: WaterfallContent | undefined;
	/** As the page knows the span. */
	#selectedId: string | undefined;
	#base: TimeBase | undefined;
	/** Revision that the page has; undefined when it needs a snapshot. */
	#sentRevision: number | undefined;
	#sentStructure = -1;
	/** All columns as they were sent last, while no change has been told of: a page that is shown again waits for nobody. */
	#sentColumns: TraceColumns | PackedColumns | undefined;
	/** Ordinals below this one the page has. */
	#sentRows = 0;
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
			ordinalOf: (id) => this.#ordinalOf(id),
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

	/** The connection that what is shown came from. */
	get connection(): SourceConnection | undefined {
		return this.#connection;
	}

	/** Whether spans of this trace of this source are shown: two sources may have the same trace. */
	holds(connection: SourceConnection, traceId: string): boolean {
		return connection === this.#connection && this.#content?.holds(traceId) === true;
	}

	/** The span that the page means: in a session it does not know a span's trace. */
	resolve(address: SpanAddress): SpanAddress {
		return (address.traceId === this.#content?.key ? this.#content.addressOf(address.spanId) : undefined) ?? address;
	}

	get isActive(): boolean {
		return this.#host.panel.active;
	}

	get selected(): SpanAddress | undefined {
		return this.#selectedId === undefined ? undefined : this.#content?.addressOf(this.#selectedId);
	}

	reveal(preserveFocus: boolean): void {
		this.#host.panel.reveal(undefined, preserveFocus);
	}

	/** Shows a trace or a session, and selects a span in it when one is named. */
	show(connection: SourceConnection, target: WaterfallTarget, span: SpanAddress | undefined): void {
		if (connection === this.#connection && this.#content !== undefined && isSame(this.#content.target, target)) {
			if (span !== undefined) this.select(span);
			return;
		}
		const content = this.#begin(connection, target);
		this.#selectedId = span === undefined ? undefined : content.idOf(span);
		this.#sendState();
		void this.#loadWhole(connection, content);
	}

	/** Shows again what a page had shown before a reload. */
	restore(connection: SourceConnection, state: WaterfallViewState): void {
		const content = this.#begin(connection, targetOf(state));
		this.#selectedId = state.selectedSpanId;
		this.#sendState();
		void this.#loadWhole(connection, content);
	}

	/** The source was opened anew: the same is shown again, from there. */
	moveTo(connection: SourceConnection): void {
		if (this.#content === undefined) return;
		const content = this.#begin(connection, this.#content.target);
		this.#sendState();
		void this.#loadWhole(connection, content);
	}

	#begin(connection: SourceConnection, target: WaterfallTarget): WaterfallContent {
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#cancelPending();
		this.#search.end();
		this.#connection = connection;
		const { store } = connection;
		const serverNowMs = () => Date.now() + connection.status.clockOffsetMs;
		const content =
			"traceId" in target
				? new TraceContent(store, target.traceId, serverNowMs)
				: new SessionContent(store, target.sessionId, serverNowMs);
		this.#content = this.#life.add(content);
		this.#base = undefined;
		this.#error = undefined;
		this.#removed = undefined;
		this.#life.add(store.onDidChange((changes) => this.#handleChange(connection, content, changes)));
		this.#setTitle();
		return content;
	}

	/** Selection came from elsewhere. */
	select(span: SpanAddress): void {
		const id = this.#content?.idOf(span) ?? span.spanId;
		if (this.#selectedId === id) return;
		this.#selectedId = id;
		this.#host.post({ type: "selection/changed", spanId: id, reveal: true });
	}

	run(command: WaterfallCommand): void {
		this.#host.post({ type: "view/run", command });
	}

	setConnectionView(view: ConnectionView): void {
		this.#connectionView = view;
		this.#host.post({ type: "connection/changed", connection: view });
		// A trace that could not be read is asked for again when the source is back.
		if (view.indicator === "live" && this.#error !== undefined) this.#loadAgain();
	}

	/** The message of a restore whose source is not there. */
	showError(message: string): void {
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
				this.#selectedId = String(message.spanId);
				if (this.selected !== undefined) this.#events.onSelect(this.selected.traceId, this.selected.spanId);
				return;
			case "span/open":
				this.#selectedId = String(message.spanId);
				if (this.selected !== undefined) this.#events.onOpen(this.selected.traceId, this.selected.spanId);
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
	async #loadWhole(connection: SourceConnection, content: WaterfallContent): Promise<void> {
		this.#load?.abort();
		const load = new AbortController();
		this.#load = load;
		let hasLoaded = false;
		try {
			// What came while others were read may want to be read, too.
			while (content.wantsLoad) {
				const source = await connection.whenSource(load.signal);
				await content.load(source, load.signal);
				load.signal.throwIfAborted();
				hasLoaded = true;
			}
		} catch (error) {
			if (load.signal.aborted || isAbortError(error)) return;
			this.#logger.warn(`${content.key} could not be read: ${describeError(error)}`);
			if (content.rowCount > 0) return;
			this.#error = describeError(error);
			hasLoaded = true;
		} finally {
			if (this.#load === load) this.#load = undefined;
		}
		if (hasLoaded) this.#sendState();
	}

	#loadAgain(): void {
		if (this.#connection === undefined || this.#content === undefined) return;
		this.#error = undefined;
		this.#content.askAgain();
		void this.#loadWhole(this.#connection, this.#content);
	}

	async *#searchTrace(search: TraceTextSearch, signal: AbortSignal): AsyncGenerator<TraceHits> {
		const content = this.#content;
		const source = await this.#connection?.whenSource(signal);
		if (source === undefined || content === undefined) return;
		for (const traceId of content.traceIds) {
			for await (const { spanIds, isEverywhere } of source.searchTrace(traceId, search, signal)) {
				yield { spanIds: spanIds.map((spanId) => content.idOf({ traceId, spanId })), isEverywhere };
			}
		}
	}

	#ordinalOf(id: string): number | undefined {
		const row = this.#content?.rowOf(id);
		return row === undefined ? undefined : this.#content?.ordinalOf(row);
	}

	#handleChange(connection: SourceConnection, content: WaterfallContent, changes: ChangeSet): void {
		const change = content.change(changes);
		switch (change.type) {
			case "none":
				return;
			case "gone":
				this.#removed = changes.isCleared ? "cleared" : "deleted";
				this.#cancelPending();
				this.#sendState();
				return;
			case "changed":
				break;
			default:
				assertNever(change, "change of what a waterfall shows");
		}
		this.#sentColumns = undefined;
		const wasMissing = this.#removed !== undefined || this.#error !== undefined || this.#sentRevision === undefined;
		this.#removed = undefined;
		this.#error = undefined;
		this.#setTitle();
		if (content.wantsLoad && this.#load === undefined) void this.#loadWhole(connection, content);
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
		const content = this.#content;
		if (content === undefined || !content.isHere || !this.#host.isReady) return;
		const mustSnapshot =
			this.#sentRevision === undefined ||
			this.#base === undefined ||
			content.structureRevision !== this.#sentStructure ||
			this.#pendingRows.size > SNAPSHOT_ROWS;
		if (mustSnapshot || this.#base === undefined) {
			this.#sendState();
			return;
		}
		const { part, rest } = deltaRows(this.#pendingRows, {
			ordinalOf: (row) => content.ordinalOf(row),
			parentOf: (row) => content.parentOf(row),
			known: this.#sentRows,
		});
		this.#pendingRows = new Set(rest);
		for (const row of part) this.#sentRows = Math.max(this.#sentRows, content.ordinalOf(row) + 1);
		const baseRevision = this.#revision;
		this.#revision++;
		this.#sentRevision = this.#revision;
		this.#host.post({
			type: "trace/delta",
			baseRevision,
			revision: this.#revision,
			header: content.header(),
			columns: content.encode(this.#base, part),
		});
		if (this.#pendingRows.size > 0) this.#deltaTimer = setTimeout(() => this.#sendDeltas(), DELTA_MS);
	}

	/** Everything the page has to know now: the spans, or why it is not there. */
	#sendState(): void {
		if (!this.#host.isReady) return;
		if (this.#connectionView !== undefined) {
			this.#host.post({ type: "connection/changed", connection: this.#connectionView });
		}
		const connection = this.#connection;
		const content = this.#content;
		if (connection === undefined || content === undefined || !content.isHere) {
			this.#sentRevision = undefined;
			if (this.#removed !== undefined) {
				const isSession = content !== undefined && "sessionId" in content.target;
				this.#host.post({ type: "trace/removed", reason: this.#removed, isSession });
			} else if (this.#error !== undefined) this.#host.post({ type: "trace/error", message: this.#error });
			else {
				const sourceId = connection?.config.id ?? "";
				this.#host.post({ type: "trace/loading", sourceId, traceId: content?.key ?? "" });
			}
			return;
		}
		this.#pendingRows.clear();
		this.#base ??= content.timeBase;
		this.#revision++;
		this.#sentRevision = this.#revision;
		// The store may have taken in rows of which it has not told yet.
		if (this.#sentStructure !== content.structureRevision || this.#sentRows !== content.rowCount) {
			this.#sentColumns = undefined;
		}
		this.#sentColumns ??= packColumns(content.encode(this.#base));
		this.#sentStructure = content.structureRevision;
		this.#sentRows = content.rowCount;
		this.#host.post({
			type: "trace/snapshot",
			sourceId: connection.config.id,
			revision: this.#revision,
			base: this.#base,
			clockOffsetMs: connection.status.clockOffsetMs,
			header: content.header(),
			columns: this.#sentColumns,
		});
		if (this.#selectedId !== undefined) {
			this.#host.post({ type: "selection/changed", spanId: this.#selectedId, reveal: true });
		}
	}

	#setTitle(): void {
		const title = displayText(this.#content?.isHere === true ? this.#content.name : vscode.l10n.t("Waterfall"), 60);
		if (this.#host.panel.title !== title) this.#host.panel.title = title;
	}

	#cancelPending(): void {
		if (this.#deltaTimer !== undefined) clearTimeout(this.#deltaTimer);
		this.#deltaTimer = undefined;
		this.#pendingRows.clear();
		this.#sentRevision = undefined;
		this.#sentColumns = undefined;
	}
}

function isSame(a: WaterfallTarget, b: WaterfallTarget): boolean {
	return "traceId" in a ? "traceId" in b && a.traceId === b.traceId : "sessionId" in b && a.sessionId === b.sessionId;
}

function targetOf({ traceId, sessionId }: WaterfallViewState): WaterfallTarget {
	return sessionId === undefined ? { traceId } : { sessionId };
}

/** Reads what a page had stored before the reload; undefined when it is not of this shape. */
export function waterfallStateOf(value: unknown): WaterfallViewState | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { sourceId, traceId, sessionId, selectedSpanId } = value as Record<string, unknown>;
	if (typeof sourceId !== "string" || typeof traceId !== "string") return undefined;
	return {
		sourceId,
		traceId,
		sessionId: typeof sessionId === "string" ? sessionId : undefined,
		selectedSpanId: typeof selectedSpanId === "string" ? selectedSpanId : undefined,
	};
}
