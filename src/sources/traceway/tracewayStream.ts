import type { Disposable } from "../../base/disposable.ts";
import { DisposableStore } from "../../base/disposable.ts";
import { Emitter } from "../../base/emitter.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import type { ConnectionReason, ConnectionState } from "../../stream/connectionState.ts";
import { EventStream, type StreamMessage, type StreamOpening, StreamRefusal } from "../../stream/eventStream.ts";
import { type SourceConfig, SourceError } from "../source.ts";
import type { TracewayClient } from "./client.ts";

export interface TracewayStreamOptions {
	readonly client: TracewayClient;
	readonly fetch: typeof globalThis.fetch;
	readonly filter: SourceConfig["filter"];
	readonly lastEventId: string | undefined;
	readonly isTokenInQuery: boolean;
	readonly watchdogMs: number | undefined;
	readonly minBackoffMs: number | undefined;
	readonly random: (() => number) | undefined;
	readonly logger: Logger;
	readonly onOpen: (opening: StreamOpening) => void;
	readonly onMessage: (message: StreamMessage) => void;
	/** The server sent an event over every bound; the position was forgotten, so that it does not come again. */
	readonly onOversizedEvent: () => void;
}

/** Something that can be tried once before a person has to be asked. Resolves to whether a new attempt makes sense. */
type WayAround = () => Promise<boolean>;

/**
 * The event stream of a Traceway server, with what has to be found out about one: whether it lives under `/api`, and whether
 * its stream takes the token as a header or only as `?token=`. While a way around a refusal is looked for, the state shown
 * is `connecting`.
 */
export class TracewayStream implements Disposable {
	readonly #options: TracewayStreamOptions;
	readonly #owned = new DisposableStore();
	readonly #onDidChangeState = this.#owned.add(new Emitter<ConnectionState>());
	readonly onDidChangeState = this.#onDidChangeState.event;
	readonly #life = new AbortController();
	readonly #stream: EventStream;
	/** Why no attempt can be made at all. */
	#problem: ConnectionState | undefined;
	#isRecovering = false;
	/** Ways around that were tried since the last success or wish of a person. */
	readonly #tried = new Set<string>();
	#isTokenInQuery: boolean;
	#token: string | undefined;

	constructor(options: TracewayStreamOptions) {
		this.#options = options;
		this.#isTokenInQuery = options.isTokenInQuery;
		const { fetch, lastEventId, watchdogMs, minBackoffMs, random, logger, onMessage } = options;
		this.#stream = this.#owned.add(
			new EventStream({
				url: () => this.#url(),
				headers: () => this.#headers(),
				fetch,
				lastEventId,
				watchdogMs,
				minBackoffMs,
				random,
				logger,
				onOpen: (opening) => {
					options.client.settlePrefix();
					this.#tried.clear();
					options.onOpen(opening);
				},
				onMessage,
			}),
		);
		this.#owned.add(this.#stream.onDidChangeState((state) => this.#handleState(state)));
	}

	get state(): ConnectionState {
		if (this.#problem !== undefined) return this.#problem;
		return this.#isRecovering ? { name: "connecting", attempt: 1 } : this.#stream.state;
	}

	get isTokenInQuery(): boolean {
		return this.#isTokenInQuery;
	}

	get lastByteAtMs(): number | undefined {
		return this.#stream.lastByteAtMs;
	}

	get lastEventId(): string | undefined {
		return this.#stream.lastEventId;
	}

	markApplied(id: string | undefined): void {
		this.#stream.markApplied(id);
	}

	connect(): void {
		const { name } = this.state;
		if (name === "idle" || name === "failed") this.#begin(() => this.#stream.connect());
	}

	reconnect(): void {
		this.#begin(() => this.#stream.reconnect());
	}

	hurry(): void {
		this.#stream.hurry();
	}

	disconnect(): void {
		const hadProblem = this.#problem !== undefined;
		this.#problem = undefined;
		this.#isRecovering = false;
		this.#stream.disconnect();
		if (hadProblem) this.#onDidChangeState.fire(this.state);
	}

	dispose(): void {
		this.#life.abort();
		this.#problem = undefined;
		this.#isRecovering = false;
		this.#owned.dispose();
	}

	#begin(start: () => void): void {
		if (this.#owned.isDisposed) return;
		this.#tried.clear();
		this.#isRecovering = false;
		const { problem } = this.#options.client;
		if (problem !== undefined) {
			this.#problem = { name: "failed", reason: "protocol", message: problem.message };
			this.#onDidChangeState.fire(this.#problem);
			return;
		}
		start();
	}

	async #headers(): Promise<Record<string, string>> {
		try {
			this.#token = await this.#options.client.token();
		} catch (error) {
			if (error instanceof SourceError) throw new StreamRefusal("unauthorized", error.message);
			throw error;
		}
		if (this.#token === undefined || this.#isTokenInQuery) return {};
		return { authorization: `Bearer ${this.#token}` };
	}

	#url(): string {
		const { client, filter } = this.#options;
		return client.url("/events", {
			kind: filter?.kind || undefined,
			model: filter?.model || undefined,
			token: this.#isTokenInQuery ? this.#token : undefined,
		}).href;
	}

	#handleState(state: ConnectionState): void {
		const { logger } = this.#options;
		if (state.name === "failed") {
			const wayAround = this.#wayAround(state.reason);
			if (wayAround !== undefined) {
				this.#isRecovering = true;
				// The stream's end is announced all the same: it may have been open before.
				this.#onDidChangeState.fire(this.state);
				void this.#goAround(wayAround);
				return;
			}
			logger.warn(`stream failed: ${state.message}`);
		}
		if (state.name === "connecting" && this.#isRecovering) return;
		this.#isRecovering = false;
		if (state.name === "open") logger.info("stream open");
		if (state.name === "waiting") {
			const waitS = ((state.retryAtMs - Date.now()) / 1000).toFixed(1);
			logger.info(`stream lost: ${state.message}; next try in ${waitS} s`);
		}
		this.#onDidChangeState.fire(this.state);
	}

	#wayAround(reason: ConnectionReason): WayAround | undefined {
		const { client } = this.#options;
		const once = (name: string, way: WayAround) => {
			if (this.#tried.has(name)) return undefined;
			this.#tried.add(name);
			return way;
		};
		switch (reason) {
			case "unauthorized":
				if (this.#token === undefined) return undefined;
				if (this.#tried.has("token")) this.#isTokenInQuery = this.#options.isTokenInQuery;
				return once("token", async () => {
					// Only when REST takes the header that the stream refused is it a matter of the place.
					if (!this.#isTokenInQuery) await client.get("/traces", { query: { limit: 1 }, signal: this.#life.signal });
					this.#isTokenInQuery = !this.#isTokenInQuery;
					return true;
				});
			case "notFound":
				if (client.isPrefixSettled) return undefined;
				client.switchPrefix();
				return once("prefix", async () => true);
			case "protocol":
				// With a position the same oversized event would come again.
				if (this.#stream.lastEventId === undefined) return undefined;
				return once("position", async () => {
					this.#stream.markApplied(undefined);
					this.#options.onOversizedEvent();
					return true;
				});
			default:
				return undefined;
		}
	}

	async #goAround(way: WayAround): Promise<void> {
		let isWorthTrying = false;
		try {
			isWorthTrying = await way();
		} catch (error) {
			this.#options.logger.debug(`no way around: ${describeError(error)}`);
		}
		if (this.#owned.isDisposed || !this.#isRecovering) return;
		if (isWorthTrying) {
			this.#stream.reconnect();
			return;
		}
		this.#isRecovering = false;
		this.#onDidChangeState.fire(this.state);
	}
}
