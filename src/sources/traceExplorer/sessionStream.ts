import type { Disposable } from "../../base/disposable.ts";
import type { Logger } from "../../base/logger.ts";
import { EventStream, type StreamMessage, StreamRefusal } from "../../stream/eventStream.ts";
import type { JsonClient } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { asObject, cut, MAX_ERROR_LENGTH } from "../wire.ts";
import { spansPath } from "./paths.ts";

/** A frame is the whole session with all its payloads. */
const MAX_FRAME_UNITS = 32 * 1024 * 1024;

export interface SessionStreamOptions {
	readonly sessionId: string;
	readonly client: JsonClient;
	readonly fetch: typeof globalThis.fetch;
	readonly logger: Logger;
	readonly watchdogMs: number | undefined;
	readonly minBackoffMs: number | undefined;
	readonly random: (() => number) | undefined;
	/** The whole state, JSON as it came. */
	readonly onSpans: (text: string) => void;
	/** Nothing changes any more: the server ends the stream, and nobody is to ask again. */
	readonly onDone: () => void;
	/** Why the server has no news though the connection stands; undefined once it has again. */
	readonly onTrouble: (message: string | undefined) => void;
	/** A message that cannot be read. */
	readonly onUndecodable: () => void;
	/** The connection broke; it is tried again. */
	readonly onLost: () => void;
	/** The connection will not come about. */
	readonly onFailed: (message: string) => void;
	readonly onHeard: () => void;
}

/**
 * The live stream of one session: full states without ids, so that a connection that is made again needs no replay. Ends for
 * good with `done`, which a browser would take for a loss.
 */
export class SessionStream implements Disposable {
	readonly #options: SessionStreamOptions;
	readonly #stream: EventStream;

	/** Throws `SourceError` for an id that cannot be asked for. */
	constructor(options: SessionStreamOptions) {
		this.#options = options;
		const { client } = options;
		const path = `${spansPath(options.sessionId)}/stream`;
		this.#stream = new EventStream({
			url: () => client.url(path).href,
			headers: async () => {
				try {
					return await client.secretHeaders();
				} catch (error) {
					if (error instanceof SourceError) throw new StreamRefusal("unauthorized", error.message);
					throw error;
				}
			},
			fetch: options.fetch,
			eventTypes: ["spans", "heartbeat", "done", "error"],
			maxEventLength: MAX_FRAME_UNITS,
			watchdogMs: options.watchdogMs,
			minBackoffMs: options.minBackoffMs,
			random: options.random,
			logger: options.logger,
			onMessage: (message) => this.#handleMessage(message),
		});
		this.#stream.onDidChangeState((state) => {
			if (state.name === "waiting") options.onLost();
			else if (state.name === "failed") options.onFailed(state.message);
		});
	}

	connect(): void {
		this.#stream.connect();
	}

	dispose(): void {
		this.#stream.dispose();
	}

	#handleMessage({ type, data }: StreamMessage): void {
		const { onSpans, onDone, onTrouble, onUndecodable, onHeard } = this.#options;
		onHeard();
		switch (type) {
			case "spans":
				onTrouble(undefined);
				onSpans(data);
				return;
			case "heartbeat":
				onTrouble(undefined);
				return;
			case "done":
				// The server ends now; without this the end would be a loss to be made good.
				this.#stream.disconnect();
				onDone();
				return;
			// Of the server, with data: the connection stands and goes on. One of the connection never comes here.
			case "error":
				onTrouble(detailOf(data));
				return;
			default:
				onUndecodable();
		}
	}
}

function detailOf(data: string): string {
	let detail: unknown;
	try {
		detail = asObject(JSON.parse(data))?.detail;
	} catch {
		// Words without JSON around them, or none.
		detail = data;
	}
	const text = typeof detail === "string" ? detail.replace(/[\s\p{Cc}]+/gu, " ").trim() : "";
	return text === "" ? "the server does not say why" : cut(text, MAX_ERROR_LENGTH);
}
