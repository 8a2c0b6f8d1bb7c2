import { networkInterfaces } from "node:os";
import { isAbortError } from "../../base/abort.ts";
import { type Disposable, DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import { describeError, type Logger, prefixedLogger } from "../../base/logger.ts";
import { loadPrices } from "../../model/prices.ts";
import { TraceStore } from "../../model/traceStore.ts";
import { sourceDefinition } from "../../sources/registry.ts";
import {
	type Source,
	type SourceConfig,
	SourceError,
	type SourceMemory,
	type SourceStatus,
} from "../../sources/source.ts";
import type { MiniServer } from "../miniServer.ts";
import type { TokenStore } from "../secrets.ts";
import type { Settings } from "../settings.ts";
import { fetchFor } from "./sourceFetch.ts";

/** How often a waiting connection looks whether the machine's network has changed. */
const NETWORK_CHECK_MS = 2_000;
/** One frame: every change waits that long before it is shown, and the views have longer rhythms of their own. */
const COALESCE_MS = 16;

export interface SourceConnectionOptions {
	readonly config: SourceConfig;
	/** Given for the bundled mini-server only: brings it up, and up again when it died. */
	readonly miniServer: MiniServer | undefined;
	readonly tokens: TokenStore;
	readonly settings: Settings;
	readonly memory: SourceMemory;
	readonly saveMemory: (memory: SourceMemory) => void;
	readonly logger: Logger;
}

/**
 * The connection lifetime: one source that was opened, its store, and for the mini-server the care that it runs.
 * The store outlives the source underneath: a mini-server that came back on another port gets a new source, and what is on
 * screen stays.
 */
export class SourceConnection implements Disposable {
	readonly isLocal: boolean;
	readonly store: TraceStore;
	/** When a connection was last wanted, milliseconds since the epoch. */
	sinceMs = Date.now();
	readonly #options: SourceConnectionOptions;
	readonly #logger: Logger;
	readonly #owned = new DisposableStore();
	readonly #abort = new AbortController();
	readonly #onDidChangeStatus = this.#owned.add(new Emitter<SourceStatus>());
	readonly onDidChangeStatus = this.#onDidChangeStatus.event;
	#config: SourceConfig;
	#source: Source | undefined;
	#sourceLife: DisposableStore | undefined;
	#status: SourceStatus;
	/** The server being brought up, shared by everybody who asks meanwhile. */
	#starting: Promise<void> | undefined;
	#isWanted = false;
	#networkTimer: ReturnType<typeof setInterval> | undefined;

	constructor(options: SourceConnectionOptions) {
		this.#options = options;
		this.#config = options.config;
		this.isLocal = options.miniServer !== undefined;
		this.#logger = prefixedLogger(options.logger, `source ${options.config.id}`);
		const { maxSpans } = options.settings;
		this.store = this.#owned.add(new TraceStore({ maxSpans, coalesceMs: COALESCE_MS }));
		this.#status = idleStatus(options.settings.watchdogMs);
	}

	get config(): SourceConfig {
		return this.#config;
	}

	/** The name is for people only: nothing is opened anew for it. */
	rename(name: string): void {
		this.#config = { ...this.#config, name };
	}

	/** Somebody wants it connected; whether it is, its status tells. */
	get isWanted(): boolean {
		return this.#isWanted;
	}

	/** The status now. Heartbeats change nothing but the time of the last byte and are not announced, so that is asked for. */
	get status(): SourceStatus {
		if (this.#source === undefined) return this.#status;
		return { ...this.#status, lastByteAtMs: this.#source.status.lastByteAtMs };
	}

	/** The adapter, or undefined while the mini-server is being brought up. */
	get source(): Source | undefined {
		return this.#source;
	}

	/** The adapter, for a request; an error in words for the user when there is none yet. */
	requireSource(): Source {
		if (this.#source === undefined) {
			const why = this.#status.state.name === "failed" ? `: ${this.#status.state.message}` : "";
			throw new SourceError("disconnected", `${this.config.name} is not connected${why}`);
		}
		return this.#source;
	}

	/**
	 * Waits for the adapter; rejects with why when it does not come. Of a source that is not connected it is made, so that what
	 * belongs to it can be read; the mini-server is not started for that.
	 */
	async whenSource(signal: AbortSignal): Promise<Source> {
		await (this.#source === undefined && !this.isLocal ? this.#bringUp() : this.#starting);
		signal.throwIfAborted();
		return this.requireSource();
	}

	/** The address requests go to, once it is known. */
	get url(): string | undefined {
		return this.#source?.config.url ?? (this.config.url || undefined);
	}

	connect(): void {
		this.#isWanted = true;
		this.sinceMs = Date.now();
		void this.#bringUp().then(() => {
			if (this.#isWanted) this.#source?.connect();
		});
	}

	/** Forces a new attempt now, from any state. */
	reconnect(): void {
		this.#isWanted = true;
		this.sinceMs = Date.now();
		void this.#bringUp().then(() => {
			if (this.#isWanted) this.#source?.reconnect();
		});
	}

	/** Tries now if waiting. */
	hurry(): void {
		if (this.#isWanted) this.#source?.hurry();
	}

	disconnect(): void {
		this.#isWanted = false;
		this.#source?.disconnect();
		if (this.#source === undefined) this.#setStatus(idleStatus(this.#options.settings.watchdogMs));
	}

	dispose(): void {
		this.#isWanted = false;
		this.#abort.abort();
		if (this.#networkTimer !== undefined) clearInterval(this.#networkTimer);
		this.#networkTimer = undefined;
		this.#dropSource();
		this.#status = { ...this.#status, state: { name: "disposed" } };
		this.#owned.dispose();
	}

	/** Makes sure that there is a source, and for the mini-server that it answers. Errors end in the status. */
	#bringUp(): Promise<void> {
		this.#starting ??= this.#makeSource().finally(() => {
			this.#starting = undefined;
		});
		return this.#starting;
	}

	async #makeSource(): Promise<void> {
		const { miniServer } = this.#options;
		let url = this.config.url;
		if (miniServer !== undefined) {
			if (this.#source === undefined) {
				this.#setStatus({ ...this.#status, state: { name: "connecting", attempt: 1 } });
			}
			try {
				url = (await miniServer.ensure(this.#abort.signal)).url;
			} catch (error) {
				if (isAbortError(error) || this.#owned.isDisposed) return;
				this.#logger.error(`the mini-server did not start: ${describeError(error)}`);
				this.#fail("network", describeError(error));
				return;
			}
		}
		if (this.#owned.isDisposed || this.#source?.config.url === url) return;
		try {
			await this.#createSource(url);
		} catch (error) {
			if (this.#owned.isDisposed) return;
			this.#logger.error(`the source could not be made: ${describeError(error)}`);
			this.#fail("protocol", describeError(error));
		}
	}

	#fail(reason: "network" | "protocol", message: string): void {
		this.#dropSource();
		this.#setStatus({ ...this.#status, state: { name: "failed", reason, message } });
	}

	async #createSource(url: string): Promise<void> {
		// Adapters and prices are chunks of their own: a window that never looks at a trace does not load them.
		const [fetch] = await Promise.all([fetchFor(this.config, this.#logger), loadPrices()]);
		const definition = sourceDefinition(this.config.type);
		if (definition === undefined) throw new Error(`there is no adapter for "${this.config.type}"`);
		const { settings, tokens, memory, saveMemory } = this.#options;
		const source = await definition.create({
			config: { ...this.config, url },
			logger: this.#logger,
			fetch,
			store: this.store,
			getToken: () => tokens.get(this.config.id),
			memory,
			saveMemory,
			watchdogMs: settings.watchdogMs,
			reconcileMs: settings.reconcileMs,
		});
		if (this.#owned.isDisposed) {
			source.dispose();
			return;
		}
		this.#dropSource();
		const life = new DisposableStore();
		life.add(source);
		life.add(source.onDidChangeStatus((status) => this.#handleStatus(status)));
		this.#sourceLife = life;
		this.#source = source;
		// What it can do is known from now on, also before it is connected.
		this.#setStatus(this.#status);
		this.#logger.info(`address ${new URL(url).origin}`);
	}

	#dropSource(): void {
		this.#sourceLife?.dispose();
		this.#sourceLife = undefined;
		this.#source = undefined;
	}

	#handleStatus(status: SourceStatus): void {
		const before = this.#status.state.name;
		this.#setStatus(status);
		this.#watchNetwork(status.state.name === "waiting");
		const isServerGone = status.state.name === "waiting" && status.state.reason !== "rateLimited";
		if (this.isLocal && this.#isWanted && isServerGone && before !== "waiting") void this.#revive();
	}

	/** The mini-server does not answer: it is looked for and, if it died, started again. */
	async #revive(): Promise<void> {
		await this.#bringUp();
		if (!this.#isWanted || this.#owned.isDisposed) return;
		if (this.#source?.status.state.name === "idle") this.#source.connect();
		else this.#source?.hurry();
	}

	/** Node announces no change of network, so a waiting connection looks for one. */
	#watchNetwork(isWaiting: boolean): void {
		if (!isWaiting) {
			if (this.#networkTimer !== undefined) clearInterval(this.#networkTimer);
			this.#networkTimer = undefined;
			return;
		}
		if (this.#networkTimer !== undefined) return;
		let before = networkFingerprint();
		this.#networkTimer = setInterval(() => {
			const now = networkFingerprint();
			if (now === before) return;
			before = now;
			this.#logger.debug("the network changed, trying now");
			this.hurry();
		}, NETWORK_CHECK_MS);
	}

	#setStatus(status: SourceStatus): void {
		this.#status = status;
		this.#onDidChangeStatus.fire(status);
	}
}

function networkFingerprint(): string {
	return Object.values(networkInterfaces())
		.flatMap((addresses) => (addresses ?? []).map((address) => address.address))
		.sort()
		.join(" ");
}

function idleStatus(watchdogMs: number): SourceStatus {
	return {
		state: { name: "idle" },
		isLoaded: false,
		lastByteAtMs: undefined,
		lastEventId: undefined,
		watchdogMs,
		received: 0,
		replayed: 0,
		recovered: 0,
		unknownEvents: 0,
		undecodable: 0,
		clockOffsetMs: 0,
		requestError: undefined,
	};
}
