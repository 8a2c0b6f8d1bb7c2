import * as vscode from "vscode";
import { assertNever } from "../../base/assert.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { parseQuery, type Query } from "../../model/query.ts";
import {
	type HostToLive,
	LIVE_MESSAGE_ROWS,
	type LiveAction,
	type LivePhase,
	type LiveStats,
	type LiveToHost,
	MAX_LIVE_PROMPTS,
} from "../../protocol/liveMessages.ts";
import { liveWords } from "../../protocol/liveWords.ts";
import { CommandId } from "../ids.ts";
import { connectionText, indicatorOf } from "../indicator.ts";
import { PageLink } from "../panels/pageLink.ts";
import type { PanelManager } from "../panels/panelManager.ts";
import { webviewHtml, webviewRoot } from "../panels/webviewHtml.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import type { SourceManager } from "../sources/sourceManager.ts";
import { PayloadSearch } from "../traces/payloadSearch.ts";
import { viewStateOf } from "../traces/viewState.ts";
import { EventRate } from "./eventRate.ts";
import { FilterValues } from "./filterValues.ts";
import { LiveTraces } from "./liveTraces.ts";
import { PromptPreviews } from "./promptPreviews.ts";

/** At most 20 messages with rows a second; the first one after a quiet time goes at once. */
const DELTA_MS = 50;
/** What moves with the clock alone: the rate of events, the seconds to the next try, filters by age. */
const TICK_MS = 1_000;
/** While the view is paused, what waits is told this often. */
const WAITING_MS = 250;
const FILTER_KEY = "liveFilter";

export interface LivePanelOptions {
	readonly extensionUri: vscode.Uri;
	readonly manager: SourceManager;
	readonly panels: PanelManager;
	readonly memento: vscode.Memento;
	readonly logger: Logger;
	/** The view was paused or goes on. */
	readonly onPaused: (isPaused: boolean) => void;
}

/**
 * The live panel behind its webview view: the traces of the shown connection by the filter, sent as a snapshot and deltas.
 * While the view is hidden it keeps nothing but its filter; paused, it keeps what it showed.
 */
export class LivePanel implements Disposable {
	readonly #options: LivePanelOptions;
	readonly #view: vscode.WebviewView;
	readonly #owned = new DisposableStore();
	readonly #link: PageLink<LiveToHost, HostToLive>;
	readonly #search: PayloadSearch;
	#life = new DisposableStore();
	#connection: SourceConnection | undefined;
	#traces: LiveTraces | undefined;
	#prompts: PromptPreviews | undefined;
	#values: FilterValues | undefined;
	#rate = new EventRate();
	#filter: string;
	#query: Query | undefined;
	/** By the server's clock; undefined while the view is live. */
	#pausedAtMs: number | undefined;
	#pausedRate: number | undefined;
	/** Stream events when the view was paused. */
	#receivedAtPause = 0;
	#revision = 0;
	#needsSnapshot = true;
	#deltaTimer: ReturnType<typeof setTimeout> | undefined;
	/** Of the monotonic clock. */
	#lastDeltaMs = -DELTA_MS;
	#waitingTimer: ReturnType<typeof setTimeout> | undefined;
	#tick: ReturnType<typeof setInterval> | undefined;
	#connectionShown = "";
	#statsShown = "";

	constructor(view: vscode.WebviewView, options: LivePanelOptions) {
		this.#options = options;
		this.#view = view;
		const stored = options.memento.get(FILTER_KEY);
		this.#filter = typeof stored === "string" ? stored : "";
		this.#query = queryOf(this.#filter);
		this.#search = this.#owned.add(
			new PayloadSearch(options.logger, {
				onFound: (found) => {
					this.#link.post({ type: "filter/problem", message: undefined });
					if (this.#traces?.setFound(found) === true) this.#scheduleDelta();
				},
				onProblem: (message) => this.#link.post({ type: "filter/problem", message }),
			}),
		);
		view.webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(options.extensionUri)] };
		this.#link = this.#owned.add(
			new PageLink<LiveToHost, HostToLive>(view.webview, options.logger, {
				onReady: () => this.#handleReady(),
				onMessage: (message) => this.#handleMessage(message),
			}),
		);
		this.#owned.add(view.onDidChangeVisibility(() => this.#handleVisible()));
		this.#owned.add(options.manager.onDidChangeActive(() => this.#handleActive()));
		this.#owned.add(
			options.manager.onDidChangeStatus((connection) => {
				if (connection === this.#connection) this.#handleStatus();
			}),
		);
		view.webview.html = webviewHtml(view.webview, options.extensionUri, "live", liveWords);
		this.#handleVisible();
	}

	/** Keeps what is shown as it is; what comes is counted. */
	pause(): void {
		if (this.#pausedAtMs !== undefined || this.#connection === undefined) return;
		this.#freeze(this.#connection);
		this.#options.onPaused(true);
	}

	/** Catches up with all that came. */
	resume(): void {
		if (this.#pausedAtMs === undefined) return;
		this.#pausedAtMs = undefined;
		clearTimeout(this.#waitingTimer);
		this.#waitingTimer = undefined;
		this.#traces?.resume();
		this.#options.onPaused(false);
		this.#link.post({ type: "live/resumed" });
		if (!this.#view.visible) this.#close();
		this.#scheduleDelta();
	}

	dispose(): void {
		if (this.#pausedAtMs !== undefined) this.#options.onPaused(false);
		this.#pausedAtMs = undefined;
		this.#close();
		this.#link.dispose();
		this.#owned.dispose();
	}

	#handleReady(): void {
		this.#needsSnapshot = true;
		this.#connectionShown = "";
		this.#traces?.restart();
		this.#sendConnection();
		this.#sendRows();
	}

	#handleVisible(): void {
		if (this.#view.visible) {
			this.#open(this.#options.manager.start());
			return;
		}
		this.#link.forgetPage();
		// Paused, the view keeps what it showed and goes on counting.
		if (this.#pausedAtMs === undefined) this.#close();
	}

	#handleActive(): void {
		if (this.#pausedAtMs !== undefined) this.resume();
		this.#close();
		const { active } = this.#options.manager;
		if (this.#view.visible && active !== undefined) this.#open(active);
	}

	#handleStatus(): void {
		this.#sendConnection();
		this.#scheduleDelta();
	}

	/** Begins to follow a connection. */
	#open(connection: SourceConnection): void {
		if (this.#connection === connection) return;
		this.#close();
		this.#connection = connection;
		const nowMs = () => Date.now() + connection.status.clockOffsetMs;
		const traces = new LiveTraces(connection.store, nowMs, this.#query);
		this.#traces = traces;
		this.#rate = new EventRate();
		this.#needsSnapshot = true;
		this.#life.add(
			connection.store.onDidChange((changes) => {
				traces.apply(changes, connection.status.isLoaded);
				this.#search.againSoon();
				this.#scheduleDelta();
			}),
		);
		this.#values = this.#life.add(
			new FilterValues({
				store: connection.store,
				source: () => connection.source,
				onKnown: (values) => this.#link.post({ type: "values/known", values }),
				logger: this.#options.logger,
			}),
		);
		this.#prompts = this.#life.add(
			new PromptPreviews({
				source: () => connection.source,
				spanOf: (traceId) => traces.promptSpan(traceId),
				onKnown: (prompts) => this.#link.post({ type: "prompts/known", prompts }),
				logger: this.#options.logger,
			}),
		);
		this.#search.start(connection, this.#query);
		this.#tick = setInterval(() => this.#handleTick(), TICK_MS);
		this.#sendConnection();
		this.#sendRows();
	}

	#close(): void {
		this.#life.dispose();
		this.#life = new DisposableStore();
		this.#search.start(undefined, undefined);
		this.#connection = undefined;
		this.#traces = undefined;
		this.#prompts = undefined;
		this.#values = undefined;
		clearTimeout(this.#deltaTimer);
		this.#deltaTimer = undefined;
		clearTimeout(this.#waitingTimer);
		this.#waitingTimer = undefined;
		clearInterval(this.#tick);
		this.#tick = undefined;
	}

	#handleTick(): void {
		if (!this.#link.isReady) return;
		this.#sendConnection();
		this.#traces?.followClock();
		this.#scheduleDelta();
	}

	#handleMessage(message: LiveToHost): void {
		switch (message.type) {
			case "page/ready":
				return;
			case "live/resync":
				this.#needsSnapshot = true;
				this.#traces?.restart();
				this.#sendRows();
				return;
			case "filter/set":
				this.#setFilter(String(message.text));
				return;
			case "values/load":
				this.#values?.load();
				return;
			case "prompts/load":
				if (Array.isArray(message.traceIds)) {
					this.#prompts?.load(message.traceIds.slice(0, MAX_LIVE_PROMPTS).map(String));
				}
				return;
			case "trace/select":
				if (this.#connection !== undefined) {
					this.#options.panels.follow(this.#connection, String(message.traceId), undefined);
				}
				return;
			case "trace/open":
				if (this.#connection !== undefined) {
					this.#options.panels.openTrace(this.#connection, String(message.traceId));
				}
				return;
			case "trace/copyId":
				this.#runForTrace(CommandId.traceCopyId, String(message.traceId));
				return;
			case "trace/delete":
				this.#runForTrace(CommandId.traceDelete, String(message.traceId));
				return;
			case "action/run":
				this.#runAction(message.action);
				return;
			default:
				assertNever(message, "message of the live page");
		}
	}

	#runForTrace(command: string, traceId: string): void {
		void vscode.commands.executeCommand(command, { kind: "trace", traceId });
	}

	#runAction(action: LiveAction): void {
		if (action === "resume") {
			this.resume();
			return;
		}
		const command = ACTION_COMMANDS[action];
		// From a page, whose words are checked like any other's.
		if (command !== undefined) void vscode.commands.executeCommand(command);
	}

	#setFilter(text: string): void {
		const parsed = parseQuery(text);
		if (!parsed.ok || text === this.#filter) return;
		this.#filter = text;
		this.#query = queryOf(text);
		void this.#options.memento.update(FILTER_KEY, text);
		this.#link.post({ type: "filter/problem", message: undefined });
		const connection = this.#connection;
		if (connection === undefined) return;
		this.#traces?.setQuery(this.#query);
		// What was frozen is of another filter: the view shows how things stand now, and stays paused.
		if (this.#pausedAtMs !== undefined) this.#freeze(connection);
		this.#search.start(connection, this.#query);
		this.#needsSnapshot = true;
		this.#sendRows();
	}

	#freeze(connection: SourceConnection): void {
		this.#pausedRate = this.#eventsPerSecond(connection);
		this.#pausedAtMs = Date.now() + connection.status.clockOffsetMs;
		this.#receivedAtPause = receivedBy(connection);
		this.#traces?.pause();
		this.#sendWaiting();
		this.#scheduleDelta();
	}

	#sendWaiting(): void {
		this.#waitingTimer = undefined;
		const connection = this.#connection;
		if (this.#pausedAtMs === undefined || connection === undefined || this.#traces === undefined) return;
		const events = Math.max(0, receivedBy(connection) - this.#receivedAtPause);
		this.#link.post({
			type: "live/paused",
			pausedAtMs: this.#pausedAtMs,
			waiting: { newTraces: this.#traces.waitingCount, events },
		});
	}

	#scheduleDelta(): void {
		if (!this.#link.isReady || this.#traces === undefined) return;
		if (this.#pausedAtMs !== undefined) this.#waitingTimer ??= setTimeout(() => this.#sendWaiting(), WAITING_MS);
		const waitMs = Math.max(0, this.#lastDeltaMs + DELTA_MS - performance.now());
		this.#deltaTimer ??= setTimeout(() => this.#sendRows(), waitMs);
	}

	/** What the page lacks: a snapshot's first part, or what came since the last message. */
	#sendRows(): void {
		clearTimeout(this.#deltaTimer);
		this.#deltaTimer = undefined;
		const connection = this.#connection;
		const traces = this.#traces;
		if (connection === undefined || traces === undefined || !this.#link.isReady) return;
		const { rows, removed, newIds, hasMore } = traces.take(LIVE_MESSAGE_ROWS);
		const stats = this.#stats(connection, traces);
		const phase: LivePhase = viewStateOf(connection, stats.traces, this.#query !== undefined);
		const { clockOffsetMs } = connection.status;
		const statsText = JSON.stringify([stats, phase, clockOffsetMs]);
		const hasNews = rows.length > 0 || removed.length > 0 || statsText !== this.#statsShown;
		if (this.#needsSnapshot) {
			this.#needsSnapshot = false;
			this.#revision++;
			this.#link.post({
				type: "live/snapshot",
				sourceId: connection.config.id,
				revision: this.#revision,
				filter: this.#filter,
				phase,
				rows,
				hasMore,
				stats,
				clockOffsetMs,
				pausedAtMs: this.#pausedAtMs,
			});
			if (this.#pausedAtMs !== undefined) this.#sendWaiting();
		} else if (hasNews) {
			const baseRevision = this.#revision;
			this.#revision++;
			this.#link.post({
				type: "live/delta",
				baseRevision,
				revision: this.#revision,
				phase,
				rows,
				removed,
				newIds,
				hasMore,
				stats,
				clockOffsetMs,
			});
		}
		this.#statsShown = statsText;
		this.#lastDeltaMs = performance.now();
		if (hasMore) this.#scheduleDelta();
	}

	#stats(connection: SourceConnection, traces: LiveTraces): LiveStats {
		const eventsPerSecond = this.#pausedAtMs === undefined ? this.#eventsPerSecond(connection) : this.#pausedRate;
		return { ...traces.stats, eventsPerSecond };
	}

	/** To a tenth; undefined while the source is not live. */
	#eventsPerSecond(connection: SourceConnection): number | undefined {
		const nowMs = Date.now();
		const rate = this.#rate.note(receivedBy(connection), nowMs);
		const isLive = indicatorOf(connection.status, nowMs, connection.sinceMs) === "live";
		return isLive ? Math.round(rate * 10) / 10 : undefined;
	}

	#sendConnection(): void {
		const connection = this.#connection;
		if (connection === undefined || !this.#link.isReady) return;
		const nowMs = Date.now();
		const indicator = indicatorOf(connection.status, nowMs, connection.sinceMs);
		const text = connectionText(connection.status, indicator, nowMs, vscode.l10n.t);
		const shown = `${indicator} ${text}`;
		if (shown === this.#connectionShown) return;
		this.#connectionShown = shown;
		this.#link.post({ type: "connection/changed", connection: { indicator, text } });
	}
}

const ACTION_COMMANDS: Readonly<Partial<Record<LiveAction, string>>> = {
	reconnect: CommandId.connectionReconnect,
	showLog: CommandId.logShow,
	setToken: CommandId.sourceSetToken,
	selectSource: CommandId.sourceSelect,
	sendDemo: CommandId.demoRun,
	copyServerUrl: CommandId.serverCopyUrl,
};

function queryOf(text: string): Query | undefined {
	if (text.trim() === "") return undefined;
	const parsed = parseQuery(text);
	return parsed.ok && parsed.query.terms.length > 0 ? parsed.query : undefined;
}

/** Asked of the source itself: its status is announced with a delay. */
function receivedBy(connection: SourceConnection): number {
	return connection.source?.status.received ?? 0;
}
