import type * as vscode from "vscode";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import type { Logger } from "../../base/logger.ts";
import type { SourceConfig, SourceMemory, SourceStatus } from "../../sources/source.ts";

import type { Translate } from "../indicator.ts";
import type { MiniServer } from "../miniServer.ts";
import type { TokenStore } from "../secrets.ts";
import { LOCAL_SOURCE_ID, readSettings, readSources } from "../settings.ts";
import { SourceConnection } from "./sourceConnection.ts";

const SELECTED_KEY = "selectedSource";
const MEMORY_SAVE_MS = 1_000;

export interface SourceManagerOptions {
	/** State of this workspace: which source is shown, and each source's last event id. */
	readonly memento: vscode.Memento;
	readonly tokens: TokenStore;
	readonly miniServer: MiniServer;
	readonly logger: Logger;
	readonly t: Translate;
}

/**
 * Knows the sources and holds the connection of the one that is shown. Nothing is opened before `start`, which the first
 * look at a view calls.
 */
export class SourceManager implements Disposable {
	readonly #options: SourceManagerOptions;
	readonly #owned = new DisposableStore();
	readonly #onDidChangeActive = this.#owned.add(new Emitter<SourceConnection | undefined>());
	/** Another connection is shown now. */
	readonly onDidChangeActive = this.#onDidChangeActive.event;
	readonly #onDidChangeStatus = this.#owned.add(new Emitter<SourceStatus>());
	/** Status of the shown connection. */
	readonly onDidChangeStatus = this.#onDidChangeStatus.event;
	readonly #onDidChangeSources = this.#owned.add(new Emitter<void>());
	readonly onDidChangeSources = this.#onDidChangeSources.event;
	#active: SourceConnection | undefined;
	#activeLife: DisposableStore | undefined;
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

	get active(): SourceConnection | undefined {
		return this.#active;
	}

	get isStarted(): boolean {
		return this.#isStarted;
	}

	/** Opens the connection of the selected source. Does nothing when it is open. */
	start(): SourceConnection {
		this.#isStarted = true;
		if (this.#active === undefined) this.#open(this.#selectedConfig());
		if (this.#active === undefined) throw new Error("no source could be opened");
		return this.#active;
	}

	/** Shows another source; the choice is kept for this workspace. */
	async select(sourceId: string): Promise<void> {
		const config = this.#configs.find((candidate) => candidate.id === sourceId);
		if (config === undefined) throw new Error(`there is no source "${sourceId}"`);
		await this.#options.memento.update(SELECTED_KEY, sourceId);
		this.#isStarted = true;
		if (this.#active?.config.id !== sourceId) this.#open(config);
		else this.#active.connect();
	}

	/** Reads the settings again; a changed source is opened anew. */
	reload(): void {
		const before = JSON.stringify(this.#active?.config);
		this.#readConfigs();
		this.#onDidChangeSources.fire();
		if (!this.#isStarted) return;
		const selected = this.#selectedConfig();
		this.#settingsAtOpen === JSON.stringify(readSettings()) && before === JSON.stringify(selected)
			? undefined
			: this.#open(selected);
	}

	dispose(): void {
		for (const [sourceId, { timer, memory }] of this.#memoryTimers) {
			clearTimeout(timer);
			void this.#options.memento.update(memoryKey(sourceId), memory);
		}
		this.#memoryTimers.clear();
		this.#activeLife?.dispose();
		this.#owned.dispose();
	}

	#settingsAtOpen = "";

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

	#selectedConfig(): SourceConfig {
		const selectedId = this.#options.memento.get<string>(SELECTED_KEY);
		// Without a choice the first configured source is shown, and without any the mini-server, which stands last.
		return this.#configs.find((config) => config.id === selectedId) ?? this.#configs[0];
	}

	#open(config: SourceConfig): void {
		this.#activeLife?.dispose();
		const { tokens, miniServer, logger, memento } = this.#options;
		const settings = readSettings();
		this.#settingsAtOpen = JSON.stringify(settings);
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
		life.add(connection.onDidChangeStatus((status) => this.#onDidChangeStatus.fire(status)));
		this.#active = connection;
		this.#activeLife = life;
		this.#onDidChangeActive.fire(connection);
		if (connection.isLocal && !settings.isServerAutoStarted && miniServer.info === undefined) return;
		connection.connect();
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

function memoryKey(sourceId: string): string {
	return `source.${sourceId}.memory`;
}
