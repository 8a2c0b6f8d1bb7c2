import type * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import type { Logger } from "../../base/logger.ts";
import type { SourceConfig, SourceMemory } from "../../sources/source.ts";
import { indicatorOf, type Translate } from "../indicator.ts";
import type { MiniServer } from "../miniServer.ts";
import type { TokenStore } from "../secrets.ts";
import { readSettings, readSources, type Settings } from "../settings.ts";
import { SourceConnection } from "./sourceConnection.ts";
import { LOCAL_SOURCE_ID } from "./sourceEntry.ts";

const SELECTED_KEY = "selectedSource";
const CONNECTED_KEY = "connectedSources";
const MEMORY_SAVE_MS = 1_000;

export interface SourceManagerOptions {
	/** State of this workspace: which source is shown, which are connected, and each source's last event id. */
	readonly memento: vscode.Memento;
	readonly tokens: TokenStore;
	readonly miniServer: MiniServer;
	readonly logger: Logger;
	readonly t: Translate;
}

interface OpenSource {
	readonly connection: SourceConnection;
	readonly life: DisposableStore;
	/** What the connection was made of, as text: another one needs another connection. */
	readonly madeOf: string;
}

/**
 * Knows the sources and holds the connections of those that were opened in this workspace: each stays until it is
 * disconnected or removed, and one of them is shown. A disconnected one keeps its traces until the window ends, for the
 * panels that show them. Nothing is opened before `start`, which the first look at a view calls.
 */
export class SourceManager implements Disposable {
	readonly #options: SourceManagerOptions;
	readonly #owned = new DisposableStore();
	readonly #onDidChangeActive = this.#owned.add(new Emitter<SourceConnection | undefined>());
	/** Another connection is shown now. */
	readonly onDidChangeActive = this.#onDidChangeActive.event;
	readonly #onDidChangeStatus = this.#owned.add(new Emitter<SourceConnection>());
	/** The status of this connection, shown or not. */
	readonly onDidChangeStatus = this.#onDidChangeStatus.event;
	readonly #onDidChangeSources = this.#owned.add(new Emitter<void>());
	readonly onDidChangeSources = this.#onDidChangeSources.event;
	readonly #onDidOpen = this.#owned.add(new Emitter<SourceConnection>());
	readonly onDidOpen = this.#onDidOpen.event;
	readonly #onDidClose = this.#owned.add(new Emitter<SourceConnection>());
	/** This connection is no more: its source was removed, or `connectionOf` has another one for it now. */
	readonly onDidClose = this.#onDidClose.event;
	readonly #open = new Map<string, OpenSource>();
	/** Sources that are to be connected, also after a reload of the window. */
	readonly #wanted = new Set<string>();
	#active: SourceConnection | undefined;
	#configs: readonly SourceConfig[] = [];
	#isStarted = false;
	readonly #memoryTimers = new Map<string, { timer: ReturnType<typeof setTimeout>; memory: SourceMemory }>();

	constructor(options: SourceManagerOptions) {
		this.#options = options;
		this.#readConfigs();
	}

	/** The configured sources and the mini-server, which is always one of them. */
	get configs(): readonly SourceConfig[] {
		return this.#configs;
	}

	/** The connection that is shown. */
	get active(): SourceConnection | undefined {
		return this.#active;
	}

	/** The connections that are open, shown or not, in the order of the sources. */
	get connections(): readonly SourceConnection[] {
		return this.#configs.flatMap(({ id }) => this.#open.get(id)?.connection ?? []);
	}

	/**
	 * The connections whose state counts for the window: those that are to be connected, and the one that is shown. A source
	 * that was disconnected on purpose is in no trouble.
	 */
	get counted(): readonly SourceConnection[] {
		return this.connections.filter((connection) => connection.isWanted || connection === this.#active);
	}

	get isStarted(): boolean {
		return this.#isStarted;
	}

	/** The open connection of a source. */
	connectionOf(sourceId: string): SourceConnection | undefined {
		return this.#open.get(sourceId)?.connection;
	}

	/** Opens the selected source, and those that were connected in this workspace. Does nothing when they are open. */
	start(): SourceConnection {
		if (this.#active !== undefined) return this.#active;
		this.#isStarted = true;
		const { memento } = this.#options;
		const stored: unknown = memento.get(CONNECTED_KEY);
		const remembered = Array.isArray(stored) ? stored.filter((id) => this.#configOf(id) !== undefined) : [];
		const selected = this.#selectedConfig();
		// One that was disconnected stays so; without a choice of the user's the shown one is connected.
		const isLeftAlone = memento.get(SELECTED_KEY) === selected.id && Array.isArray(stored);
		for (const id of isLeftAlone ? remembered : [selected.id, ...remembered]) this.#wanted.add(id);
		const connection = this.#openSource(selected);
		this.#show(connection);
		this.#connectAsSet(connection);
		for (const id of remembered) {
			if (id !== selected.id) this.#connectAsSet(this.open(id));
		}
		return connection;
	}

	/** Shows another source and connects it; the choice is kept for this workspace. */
	async select(sourceId: string): Promise<void> {
		const config = this.#configOf(sourceId);
		if (config === undefined) throw new Error(`there is no source "${sourceId}"`);
		const saved = this.#options.memento.update(SELECTED_KEY, sourceId);
		this.start();
		const connection = this.#openSource(config);
		this.#show(connection);
		this.connect(sourceId);
		await saved;
	}

	/**
	 * The connection of a source, opened but not connected when it was not open: for panels and documents that belong to it.
	 * Throws when there is no such source.
	 */
	open(sourceId: string): SourceConnection {
		const config = this.#configOf(sourceId);
		if (config === undefined) throw new Error(this.#options.t("The source of this is no longer there."));
		this.start();
		return this.#openSource(config);
	}

	/** Connects a source, shown or not, and keeps it connected. Does nothing when it is. */
	connect(sourceId: string): void {
		const connection = this.open(sourceId);
		this.#want(sourceId);
		connection.connect();
	}

	/** Tries now, from any state. */
	reconnect(sourceId: string): void {
		const isNew = this.#open.get(sourceId) === undefined;
		const connection = this.open(sourceId);
		// The first use opens the connection, which is a first try already.
		if (isNew && connection.isWanted) return;
		this.#want(sourceId);
		connection.reconnect();
	}

	/** Tries now those that are not live; the shown one when all are. */
	reconnectTroubled(): void {
		const nowMs = Date.now();
		const troubled = this.counted.filter((one) => indicatorOf(one.status, nowMs, one.sinceMs) !== "live");
		if (troubled.length > 0) for (const { config } of troubled) this.reconnect(config.id);
		else this.reconnect(this.#active?.config.id ?? this.#selectedConfig().id);
	}

	/** Ends a connection until somebody wants it again. What came stays. */
	disconnect(sourceId: string): void {
		const connection = this.#open.get(sourceId)?.connection;
		if (connection === undefined) return;
		if (this.#wanted.delete(sourceId)) this.#saveWanted();
		connection.disconnect();
	}

	/** Tries now where a try is awaited: the machine or the window is back. */
	hurry(): void {
		for (const connection of this.connections) connection.hurry();
	}

	/** Reads the settings again; only sources that changed are opened anew. */
	reload(): void {
		this.#readConfigs();
		this.#onDidChangeSources.fire();
		if (!this.#isStarted) return;
		const settings = readSettings();
		for (const [sourceId, { connection, madeOf }] of [...this.#open]) {
			const config = this.#configOf(sourceId);
			if (config !== undefined && madeOf === madeOfText(config, settings)) {
				if (connection.config.name === config.name) continue;
				connection.rename(config.name);
				this.#onDidChangeStatus.fire(connection);
			} else this.#replace(sourceId, config);
		}
		const selected = this.#selectedConfig();
		const connection = this.#openSource(selected);
		if (connection === this.#active) return;
		this.#show(connection);
		this.connect(selected.id);
	}

	dispose(): void {
		for (const [sourceId, { timer, memory }] of this.#memoryTimers) {
			clearTimeout(timer);
			void this.#options.memento.update(memoryKey(sourceId), memory);
		}
		this.#memoryTimers.clear();
		for (const { life } of this.#open.values()) life.dispose();
		this.#open.clear();
		this.#owned.dispose();
	}

	#readConfigs(): void {
		const { configs, problems } = readSources();
		for (const problem of problems) this.#options.logger.error(`setting ${problem}`);
		const local: SourceConfig = {
			id: LOCAL_SOURCE_ID,
			name: this.#options.t("Mini-Server"),
			type: "traceway",
			url: "",
		};
		this.#configs = [...configs, local];
	}

	#configOf(sourceId: unknown): SourceConfig | undefined {
		return this.#configs.find((config) => config.id === sourceId);
	}

	#selectedConfig(): SourceConfig {
		// Without a choice the first configured source is shown, and without any the mini-server, which stands last.
		return this.#configOf(this.#options.memento.get(SELECTED_KEY)) ?? this.#configs[0];
	}

	#openSource(config: SourceConfig): SourceConnection {
		const before = this.#open.get(config.id);
		if (before !== undefined) return before.connection;
		const { tokens, miniServer, logger, memento } = this.#options;
		const settings = readSettings();
		const connection = new SourceConnection({
			config,
			miniServer: config.id === LOCAL_SOURCE_ID ? miniServer : undefined,
			tokens,
			settings,
			memory: memento.get<SourceMemory>(memoryKey(config.id)) ?? {},
			saveMemory: (memory) => this.#saveMemory(config.id, memory),
			logger,
		});
		const life = new DisposableStore();
		life.add(connection);
		life.add(connection.onDidChangeStatus(() => this.#onDidChangeStatus.fire(connection)));
		this.#open.set(config.id, { connection, life, madeOf: madeOfText(config, settings) });
		this.#onDidOpen.fire(connection);
		return connection;
	}

	/** Ends the connection of a source that changed and makes a new one, or none when the source is gone. */
	#replace(sourceId: string, config: SourceConfig | undefined): void {
		const old = this.#open.get(sourceId);
		if (old === undefined) return;
		const { isWanted } = old.connection;
		old.life.dispose();
		this.#open.delete(sourceId);
		const connection = config === undefined ? undefined : this.#openSource(config);
		if (connection === undefined && this.#wanted.delete(sourceId)) this.#saveWanted();
		if (old.connection === this.#active) {
			this.#active = undefined;
			this.#show(connection ?? this.#openSource(this.#selectedConfig()));
			if (connection === undefined) this.connect(this.#selectedConfig().id);
		}
		if (isWanted) connection?.connect();
		this.#onDidClose.fire(old.connection);
	}

	#show(connection: SourceConnection): void {
		if (this.#active === connection) return;
		this.#active = connection;
		this.#onDidChangeActive.fire(connection);
	}

	/** Connects where that is wanted; the mini-server is not started where the user starts it himself. */
	#connectAsSet(connection: SourceConnection): void {
		const { id } = connection.config;
		if (!this.#wanted.has(id)) return;
		const isLeftOff = connection.isLocal && !readSettings().isServerAutoStarted;
		if (isLeftOff && this.#options.miniServer.info === undefined) return;
		connection.connect();
	}

	#want(sourceId: string): void {
		if (this.#wanted.has(sourceId)) return;
		this.#wanted.add(sourceId);
		this.#saveWanted();
	}

	#saveWanted(): void {
		void this.#options.memento.update(CONNECTED_KEY, [...this.#wanted]);
	}

	/** Writes at most once a second: the position moves with each event. */
	#saveMemory(sourceId: string, memory: SourceMemory): void {
		const pending = this.#memoryTimers.get(sourceId);
		if (pending !== undefined) {
			pending.memory = memory;
			return;
		}
		const timer = setTimeout(() => {
			const latest = this.#memoryTimers.get(sourceId)?.memory;
			this.#memoryTimers.delete(sourceId);
			void this.#options.memento.update(memoryKey(sourceId), latest);
		}, MEMORY_SAVE_MS);
		this.#memoryTimers.set(sourceId, { timer, memory });
	}
}

/** Everything that a connection is made of but its name, which changes in place. */
function madeOfText(config: SourceConfig, { watchdogMs, reconcileMs, maxSpans }: Settings): string {
	return JSON.stringify([{ ...config, name: "" }, watchdogMs, reconcileMs, maxSpans]);
}

function memoryKey(sourceId: string): string {
	return `source.${sourceId}.memory`;
}
