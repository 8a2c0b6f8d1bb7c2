import { JsonClient } from "../jsonClient.ts";
import { SourceError, type SourceOptions } from "../source.ts";
import type { ClockOffset } from "../traceway/clockOffset.ts";
import { accessOf } from "./access.ts";
import { decodeSearch, decodeTraceId } from "./searchAnswer.ts";
import type { TempoSettings } from "./settings.ts";
import { decodeTags, decodeTagValues } from "./tagValues.ts";
import type { TraceBody } from "./traceBody.ts";
import type { SearchWindow, WindowAnswer } from "./windows.ts";

/** 250,000 spans of 1 kB; as JSON, which is text in memory at once, a quarter of it. */
const MAX_PROTOBUF_BYTES = 256 * 1024 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const MAX_TAG_BYTES = 4 * 1024 * 1024;
const MAX_TAG_VALUES = 100;
const TRACE_TIMEOUT_MS = 120_000;

/** The calls of Tempo's HTTP API that are used here. Every failure is a `SourceError` in words that a user can act on. */
export class TempoClient {
	readonly #json: JsonClient;
	readonly #query: string;
	/** Greatest limit that the server takes. */
	#maxLimit = Number.POSITIVE_INFINITY;
	/** Rows of searches that could not be read, so far. */
	undecodable = 0;

	constructor(options: SourceOptions, settings: TempoSettings | undefined, clock: ClockOffset) {
		this.#query = settings?.query ?? "{}";
		this.#json = new JsonClient({
			url: options.config.url,
			backend: "a Tempo server",
			fetch: options.fetch,
			getToken: options.getToken,
			...accessOf(settings ?? {}),
			logger: options.logger,
			onAnswer: (headers, requestedAtMs, answeredAtMs) => clock.note(headers.get("date"), requestedAtMs, answeredAtMs),
		});
	}

	/**
	 * Traces with spans in a window that match the query, any `limit` of them. Without a window what the server received lately,
	 * whatever its times are.
	 */
	async search(
		window: SearchWindow | undefined,
		limit: number,
		signal: AbortSignal,
		query = this.#query,
	): Promise<{ answer: WindowAnswer; limit: number }> {
		const taken = Math.min(limit, this.#maxLimit);
		try {
			const { value } = await this.#json.get("/api/search", {
				// One span of each trace: none is used, and 0 would mean the default of three.
				query: { q: query, limit: taken, spss: 1, start: window?.from, end: window?.to },
				signal,
			});
			const answer = decodeSearch(value);
			if (answer === undefined)
				throw new SourceError("protocol", "GET /api/search: the answer holds no list of traces");
			this.undecodable += answer.undecodable;
			return { answer, limit: taken };
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			// The words of a refusal are all that tells which bound of the server's own settings it was.
			const bound = /exceeds max limit (\d{1,9})/.exec(error.message);
			if (bound !== null && Number(bound[1]) > 0 && Number(bound[1]) < taken) {
				this.#maxLimit = Number(bound[1]);
				return await this.search(window, limit, signal, query);
			}
			if (window !== undefined && /range specified by start and end exceeds/.test(error.message)) {
				return { answer: "rangeTooLong", limit: taken };
			}
			throw advised(error);
		}
	}

	/** Tags of the spans of a range, with their scope: `span.session.id`. Empty where the server is too old to say. */
	async tags({ from, to }: SearchWindow, signal: AbortSignal): Promise<ReadonlySet<string>> {
		try {
			const query = { start: from, end: to };
			return decodeTags(
				(await this.#json.get("/api/v2/search/tags", { query, maxBytes: MAX_TAG_BYTES, signal })).value,
			);
		} catch (error) {
			if (error instanceof SourceError && error.reason === "notFound") return new Set();
			throw error;
		}
	}

	/** Texts that a tag has in a range, up to a hundred. */
	async tagValues(tag: string, { from, to }: SearchWindow, signal: AbortSignal): Promise<readonly string[]> {
		const query = { start: from, end: to, limit: MAX_TAG_VALUES };
		const path = `/api/v2/search/tag/${encodeURIComponent(tag)}/values`;
		return decodeTagValues((await this.#json.get(path, { query, maxBytes: MAX_TAG_BYTES, signal })).value).slice(
			0,
			MAX_TAG_VALUES,
		);
	}

	/** A whole trace, in protobuf where the server can. */
	async trace(traceId: string, signal: AbortSignal): Promise<TraceBody> {
		if (decodeTraceId(traceId) !== traceId) {
			throw new SourceError("notFound", "Tempo has no such trace: its ids are 32 hex digits");
		}
		try {
			const { bytes, contentType } = await this.#json.getBytes(`/api/traces/${traceId}`, {
				// Exactly this: Tempo compares the whole header, and answers anything else in JSON.
				accept: "application/protobuf",
				maxBytes: MAX_PROTOBUF_BYTES,
				timeoutMs: TRACE_TIMEOUT_MS,
				signal,
			});
			const isJson = /^application\/(?:[\w.-]+\+)?json$/.test(contentType);
			if (!isJson && !PROTOBUF.has(contentType)) {
				const got = contentType === "" ? "no content type" : contentType.slice(0, 80);
				throw new SourceError(
					"contentType",
					`GET /api/traces/:id: expected protobuf or JSON, got ${got}; is this the address of a Tempo server?`,
				);
			}
			if (isJson && bytes.length > MAX_JSON_BYTES) {
				throw new SourceError("tooLarge", "GET /api/traces/:id: the answer has more than 64 MiB of JSON");
			}
			return { bytes, isJson };
		} catch (error) {
			throw error instanceof SourceError ? advised(error) : error;
		}
	}
}

const PROTOBUF = new Set(["application/protobuf", "application/x-protobuf", "application/octet-stream"]);

/** The same error, with what to do about it where Tempo's own words do not say. */
function advised(error: SourceError): SourceError {
	const { reason, message, retryAfterSeconds } = error;
	const advice = /\bno org id\b/.test(message)
		? 'this Tempo has tenants: name one as "tenant" in the options of this source'
		: /TraceQL/i.test(message)
			? 'check "query" in the options of this source'
			: reason === "notFound" && !/trace not found/i.test(message) && message.includes("/api/search")
				? "is this the address of a Tempo server?"
				: undefined;
	if (advice === undefined) return error;
	// Without the error as the cause: who tells of it would say its words twice.
	return new SourceError(reason, `${message}; ${advice}`, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
}
