import type { Disposable } from "../../base/disposable.ts";
import { describeError } from "../../base/logger.ts";
import { JsonClient, type JsonClientOptions } from "../jsonClient.ts";
import { SourceError, type SourceOptions } from "../source.ts";
import type { JsonObject } from "../wire.ts";
import { decodeRoot } from "./decode.ts";
import type { TracellmOptions } from "./options.ts";
import { RestStorage } from "./restStorage.ts";
import { type Candidate, candidatesOf } from "./serverAddress.ts";
import type { TraceStorage } from "./traceStorage.ts";

export interface StorageChainOptions {
	readonly source: SourceOptions;
	/** Undefined where the options make no sense: then nothing is ever asked. */
	readonly settings: TracellmOptions | undefined;
	readonly onAnswer: JsonClientOptions["onAnswer"];
}

/** What a storage answered, and which one. */
export interface Answer<T> {
	readonly storage: TraceStorage;
	readonly value: T;
	/** Why one that should have been asked first did not answer. */
	readonly problem: SourceError | undefined;
}

/** Longest time for an answer: nobody waits longer for a list that is asked for every two seconds. */
const TIMEOUT_MS = 15_000;
/** A port nearby that says nothing for so long is not the server. */
const PROBE_MS = 500;

/**
 * The storages of one source, in the order in which they are asked: REST while the server is connected, for it knows its
 * storage best; without it MongoDB or the SQLite file, where one is configured, and then REST, for a server may well be there
 * without a WebSocket.
 */
export class StorageChain implements Disposable {
	readonly #options: StorageChainOptions;
	/** The password of MongoDB's user is nothing that HTTP gets to see. */
	readonly #getToken: () => Promise<string | undefined>;
	#rest: { readonly base: string; readonly storage: RestStorage; readonly client: JsonClient };
	#own: Promise<readonly TraceStorage[]> | undefined;
	#isDisposed = false;

	constructor(options: StorageChainOptions) {
		this.#options = options;
		const { source, settings } = options;
		this.#getToken = settings?.isTokenForMongo === true ? async () => undefined : source.getToken;
		this.#rest = this.#restAt({ base: source.config.url, isGuess: false });
	}

	/** Whether there is a storage that needs no server. */
	get hasOwn(): boolean {
		const { settings } = this.#options;
		return settings?.mongoUrl !== undefined || settings?.sqliteFile !== undefined;
	}

	/** The server has been found there. */
	set server(candidate: Candidate) {
		if (this.#rest.base !== candidate.base) this.#rest = this.#restAt(candidate);
	}

	/** For the configured address only. Rejects with a `SourceError` for a token that no header can carry. */
	async secretHeaders(): Promise<Record<string, string>> {
		const client = new JsonClient({
			...this.#clientOptions(this.#options.source.config.url),
			getToken: this.#getToken,
		});
		if (client.problem !== undefined) throw client.problem;
		return await client.secretHeaders();
	}

	/** Asks the storages one after the other until one answers. Rejects with what the first one said. */
	async use<T>(
		isConnected: boolean,
		signal: AbortSignal,
		work: (storage: TraceStorage) => Promise<T>,
	): Promise<Answer<T>> {
		let problem: SourceError | undefined;
		const own = isConnected ? [] : await this.#openOwn();
		for (const storage of own) {
			try {
				return { storage, value: await work(storage), problem };
			} catch (error) {
				if (signal.aborted || !(error instanceof SourceError)) throw error;
				problem ??= error;
			}
		}
		try {
			return { storage: this.#rest.storage, value: await work(this.#rest.storage), problem };
		} catch (error) {
			if (signal.aborted || !(error instanceof SourceError)) throw error;
			if (!isConnected && MAY_BE_ELSEWHERE.has(error.reason) && (await this.#searchRest(signal))) {
				return { storage: this.#rest.storage, value: await work(this.#rest.storage), problem };
			}
			throw problem ?? error;
		}
	}

	/** One document, of whichever storage has it; undefined when all that answer have none. */
	async read(
		traceId: string,
		maxBytes: number,
		isConnected: boolean,
		signal: AbortSignal,
	): Promise<JsonObject | undefined> {
		return (await this.use(isConnected, signal, (storage) => storage.read(traceId, maxBytes, signal))).value;
	}

	rewind(): void {
		this.#rest.storage.rewind();
		this.#own
			?.then((own) => {
				for (const storage of own) storage.rewind();
			})
			.catch(() => undefined);
	}

	dispose(): void {
		this.#isDisposed = true;
		// One that fails to load has nothing to end.
		this.#own
			?.then((own) => {
				for (const storage of own) storage.dispose();
			})
			.catch(() => undefined);
	}

	#clientOptions(url: string): JsonClientOptions {
		const { source, onAnswer } = this.#options;
		return {
			url,
			backend: "a TraceLLM server",
			fetch: source.fetch,
			getToken: async () => undefined,
			logger: source.logger,
			timeoutMs: TIMEOUT_MS,
			onAnswer,
		};
	}

	#restAt({ base, isGuess }: Candidate): {
		readonly base: string;
		readonly storage: RestStorage;
		readonly client: JsonClient;
	} {
		const client = new JsonClient({
			...this.#clientOptions(base),
			...(isGuess ? {} : { getToken: this.#getToken }),
		});
		return { base, client, storage: new RestStorage(client, this.#options.source.config.filter?.model || undefined) };
	}

	/** The server may run at one of the other ports without a WebSocket that would have found it. */
	async #searchRest(signal: AbortSignal): Promise<boolean> {
		const { url } = this.#options.source.config;
		const hasToken = (await this.#getToken()) !== undefined;
		for (const candidate of candidatesOf(url, hasToken)) {
			if (candidate.base === this.#rest.base) continue;
			const found = this.#restAt(candidate);
			try {
				const { value } = await found.client.get("/api/", { timeoutMs: PROBE_MS, maxBytes: 65_536, signal });
				if (decodeRoot(value) === undefined) continue;
				this.#rest = found;
				return true;
			} catch (error) {
				if (signal.aborted || !(error instanceof SourceError)) throw error;
			}
		}
		return false;
	}

	/** Drivers are chunks of their own: who has no such storage does not load them. */
	async #openOwn(): Promise<readonly TraceStorage[]> {
		if (!this.hasOwn || this.#isDisposed) return [];
		this.#own ??= this.#loadOwn();
		try {
			return await this.#own;
		} catch (cause) {
			this.#own = undefined;
			throw new SourceError("protocol", `the storage's driver cannot be loaded (${describeError(cause)})`, { cause });
		}
	}

	async #loadOwn(): Promise<readonly TraceStorage[]> {
		const { source, settings } = this.#options;
		const model = source.config.filter?.model || undefined;
		const storages: TraceStorage[] = [];
		if (settings?.mongoUrl !== undefined) {
			const { MongoStorage } = await import("./mongoStorage.ts");
			const { mongoUrl: url, database } = settings;
			storages.push(new MongoStorage({ url, database, getPassword: source.getToken, model }));
		}
		if (settings?.sqliteFile !== undefined) {
			const { SqliteStorage } = await import("./sqliteStorage.ts");
			storages.push(new SqliteStorage(settings.sqliteFile, model));
		}
		return storages;
	}
}

/** What an address answers while the server is at another port. */
const MAY_BE_ELSEWHERE: ReadonlySet<SourceError["reason"]> = new Set([
	"network",
	"timeout",
	"notFound",
	"contentType",
	"protocol",
] as const);
