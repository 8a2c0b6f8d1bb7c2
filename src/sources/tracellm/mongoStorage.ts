import {
	BSON,
	type Collection,
	type Document,
	type Filter,
	MongoClient,
	MongoError,
	MongoServerError,
	MongoServerSelectionError,
} from "mongodb";
import { describeError } from "../../base/logger.ts";
import { SourceError } from "../source.ts";
import { decodeId, type JsonObject } from "../wire.ts";
import { type DecodedTrace, decodeTrace, timeOf } from "./decode.ts";
import {
	type IsKnown,
	type ListedTrace,
	MAX_PAGE,
	type NewestTraces,
	type OlderTraces,
	type TraceStorage,
} from "./traceStorage.ts";

export interface MongoStorageOptions {
	/** `mongodb://…` or `mongodb+srv://…` without a password. */
	readonly url: string;
	readonly database: string;
	/** Asked for once, when the first question is put: of the user that the address names. */
	readonly getPassword: () => Promise<string | undefined>;
	readonly model: string | undefined;
}

const TIMEOUT_MS = 5000;

/**
 * Traces in MongoDB, read only, by the official driver: it speaks to replica sets, Atlas and old servers, and logs in by
 * whatever they ask. A question that is put every two seconds reads names and versions first and then whole documents only
 * of what is new.
 */
export class MongoStorage implements TraceStorage {
	readonly label = "MongoDB";
	readonly #options: MongoStorageOptions;
	#client: Promise<MongoClient> | undefined;
	#password: string | undefined;
	#isDisposed = false;
	/** Where the next portion of older traces begins: at this time, after so many of it. */
	#olderFrom: { readonly createdAt: unknown; readonly skip: number } | undefined;

	constructor(options: MongoStorageOptions) {
		this.#options = options;
	}

	async newest(limit: number, isKnown: IsKnown, signal: AbortSignal): Promise<NewestTraces> {
		return await this.#ask(signal, async (traces) => {
			const rows = await this.#names(traces, {}, 0, limit);
			const wanted = rows.filter((row) => !isKnown(row.traceId, row.savedAtMs)).map((row) => row.traceId);
			const read = await this.#documents(traces, wanted);
			return { listed: rows, total: rows.length < limit ? rows.length : await this.#count(traces), ...read };
		});
	}

	async older(isKnown: IsKnown, signal: AbortSignal): Promise<OlderTraces> {
		return await this.#ask(signal, async (traces) => {
			const found: DecodedTrace[] = [];
			for (;;) {
				const from = this.#olderFrom;
				const filter = from === undefined ? {} : { created_at: { $lte: from.createdAt } };
				const rows = await this.#names(traces, filter, from?.skip ?? 0, MAX_PAGE);
				const wanted = rows.filter((row) => !isKnown(row.traceId, row.savedAtMs)).map((row) => row.traceId);
				found.push(...(await this.#documents(traces, wanted)).traces);
				const hasMore = rows.length === MAX_PAGE;
				this.#olderFrom = hasMore ? nextFrom(from, rows) : undefined;
				if (!hasMore || found.length >= MAX_PAGE / 2) return { traces: found, hasMore };
			}
		});
	}

	rewind(): void {
		this.#olderFrom = undefined;
	}

	async read(traceId: string, maxBytes: number, signal: AbortSignal): Promise<JsonObject | undefined> {
		return await this.#ask(signal, async (traces) => {
			const document = await traces.findOne({ trace_id: traceId }, { sort: { updated_at: -1 }, maxTimeMS: TIMEOUT_MS });
			if (document === null) return undefined;
			if (BSON.calculateObjectSize(document) > maxBytes) {
				throw new SourceError("tooLarge", `MongoDB: the trace has more than ${maxBytes} bytes`);
			}
			return plain(document);
		});
	}

	dispose(): void {
		this.#isDisposed = true;
		this.#close();
	}

	#close(): void {
		const client = this.#client;
		this.#client = undefined;
		// A client that never came to be has nothing to close.
		client?.then((one) => one.close()).catch(() => undefined);
	}

	/** Names and versions, the newest first. */
	async #names(
		traces: Collection,
		filter: Filter<Document>,
		skip: number,
		limit: number,
	): Promise<readonly (ListedTrace & { readonly savedAtMs: number | undefined; readonly createdAt: unknown })[]> {
		const rows = await traces
			.find(this.#filtered(filter), { projection: { _id: 0, trace_id: 1, created_at: 1, updated_at: 1 } })
			.maxTimeMS(TIMEOUT_MS)
			.sort({ created_at: -1, _id: -1 })
			.skip(skip)
			.limit(limit)
			.toArray();
		return rows.flatMap((row) => {
			const traceId = decodeId(row.trace_id);
			if (traceId === undefined) return [];
			return [
				{
					traceId,
					startMs: timeOf(row.created_at)?.ms,
					savedAtMs: timeOf(row.updated_at)?.ms,
					createdAt: row.created_at as unknown,
				},
			];
		});
	}

	/** Decoded one by one, so that no more than a batch of documents is held at once. */
	async #documents(
		traces: Collection,
		traceIds: readonly string[],
	): Promise<{ readonly traces: readonly DecodedTrace[]; readonly undecodable: number }> {
		if (traceIds.length === 0) return { traces: [], undecodable: 0 };
		const decoded: DecodedTrace[] = [];
		let undecodable = 0;
		const found = traces.find({ trace_id: { $in: [...traceIds] } }, { batchSize: 20 }).maxTimeMS(TIMEOUT_MS);
		for await (const document of found) {
			const trace = decodeTrace(document);
			if (trace === undefined) undecodable++;
			else decoded.push(trace);
		}
		return { traces: decoded, undecodable };
	}

	/** Of all that are saved, by what the server knows without looking; of one model nobody counts. */
	async #count(traces: Collection): Promise<number> {
		if (this.#options.model !== undefined) return Number.POSITIVE_INFINITY;
		return await traces.estimatedDocumentCount({ maxTimeMS: TIMEOUT_MS });
	}

	#filtered(filter: Filter<Document>): Filter<Document> {
		const { model } = this.#options;
		return model === undefined ? filter : { ...filter, model_name: model };
	}

	async #ask<T>(signal: AbortSignal, work: (traces: Collection) => Promise<T>): Promise<T> {
		signal.throwIfAborted();
		try {
			const client = await this.#open();
			const result = await work(client.db(this.#options.database).collection("traces"));
			signal.throwIfAborted();
			return result;
		} catch (error) {
			signal.throwIfAborted();
			const told = this.#errorOf(error);
			// The next question begins with a new client: a failed one never finds its server again, and has the old password.
			if (told.reason === "network" || told.reason === "unauthorized") this.#close();
			throw told;
		}
	}

	async #open(): Promise<MongoClient> {
		if (this.#isDisposed) throw new SourceError("disconnected", "MongoDB: the source is closed");
		this.#client ??= this.#make();
		try {
			return await this.#client;
		} catch (error) {
			// Asked again with the next question: the token may be set by then.
			this.#client = undefined;
			throw error;
		}
	}

	async #make(): Promise<MongoClient> {
		const { url, getPassword } = this.#options;
		const username = decodeURIComponent(URL.parse(url.split(",")[0])?.username ?? "");
		const password = username === "" ? undefined : await getPassword();
		this.#password = password;
		return new MongoClient(url, {
			appName: "traceway-live",
			maxPoolSize: 2,
			retryReads: false,
			serverSelectionTimeoutMS: 3000,
			connectTimeoutMS: 3000,
			socketTimeoutMS: 2 * TIMEOUT_MS,
			...(password === undefined ? {} : { auth: { username, password } }),
		});
	}

	#errorOf(error: unknown): SourceError {
		if (error instanceof SourceError) return error;
		const cause = error instanceof Error ? error : undefined;
		const said = describeError(error).split("\n", 1)[0].slice(0, 300);
		const words = this.#password === undefined ? said : said.replaceAll(this.#password, "…");
		if (error instanceof MongoServerError && (error.code === 18 || error.code === 13 || error.code === 8000)) {
			return new SourceError(
				"unauthorized",
				`MongoDB: ${words} Set the password of the address's user as the source's token`,
				{ cause },
			);
		}
		if (isAuthError(error)) return new SourceError("unauthorized", `MongoDB: ${words}`, { cause });
		if (error instanceof MongoServerSelectionError) {
			return new SourceError("network", `MongoDB: no server answers, ${words}`, { cause });
		}
		if (error instanceof MongoServerError) return new SourceError("serverError", `MongoDB: ${words}`, { cause });
		if (error instanceof MongoError) return new SourceError("network", `MongoDB: ${words}`, { cause });
		return new SourceError("protocol", `MongoDB: ${words}`, { cause });
	}
}

/** A server that is chosen only after a login tells of a refusal inside of the failed choice. */
function isAuthError(error: unknown): boolean {
	return error instanceof Error && error.cause instanceof MongoServerError && error.cause.code === 18;
}

function nextFrom(
	from: { readonly createdAt: unknown; readonly skip: number } | undefined,
	rows: readonly { readonly createdAt: unknown }[],
): { readonly createdAt: unknown; readonly skip: number } {
	const { createdAt } = rows[rows.length - 1];
	const key = (value: unknown) => (value instanceof Date ? value.getTime() : value);
	const same = rows.filter((row) => key(row.createdAt) === key(createdAt)).length;
	const isSameAsBefore = from !== undefined && key(from.createdAt) === key(createdAt);
	return { createdAt, skip: same + (isSameAsBefore ? from.skip : 0) };
}

/** JSON as REST would send it: no `_id`, times as text, no types of MongoDB's own. */
function plain(document: Document): JsonObject {
	const { _id, ...rest } = document;
	return JSON.parse(BSON.EJSON.stringify(rest, { relaxed: true }), (_key, value: unknown) => {
		const date = typeof value === "object" && value !== null && "$date" in value ? value.$date : undefined;
		return typeof date === "string" ? date : value;
	}) as JsonObject;
}
