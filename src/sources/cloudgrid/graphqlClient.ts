import { JsonCursor, JsonProblem, parsePiece } from "../../base/jsonCursor.ts";
import type { Logger } from "../../base/logger.ts";
import { JsonClient, readBounded } from "../jsonClient.ts";
import { SourceError } from "../source.ts";
import { asObject, type JsonObject } from "../wire.ts";
import { type CloudgridProblem, problemOf } from "./problem.ts";

export interface GraphqlClientOptions {
	/** Base address, with or without `/graphql` at its end. */
	readonly url: string;
	readonly fetch: typeof globalThis.fetch;
	readonly getToken: () => Promise<string | undefined>;
	readonly logger: Logger;
	readonly onAnswer?: ((headers: Headers, requestedAtMs: number, answeredAtMs: number) => void) | undefined;
}

export interface GraphqlRequest {
	readonly operationName: string;
	readonly query: string;
	readonly variables: JsonObject;
	/** Most bytes of the answer. Default 64 MiB. */
	readonly maxBytes?: number | undefined;
	/** A list in the answer that may be long: handed over piece by piece, in its place stays an empty one. */
	readonly pieces?: PiecedList | undefined;
	readonly signal: AbortSignal;
}

interface PiecedList {
	/** Names from `data` to the list. */
	readonly path: readonly string[];
	readonly take: (elements: readonly unknown[]) => Promise<void>;
}

/** Text of a piece: 2 ms of parsing. */
const PIECE_CHARS = 128 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
const PATH = "/graphql";

/**
 * GraphQL over HTTP: POST `/graphql`. Errors may come with any status ("A server MAY use 4xx or 5xx with
 * application/graphql-response+json", GraphQL over HTTP, section 6.4.2), and are a `CloudgridProblem` with each.
 */
export class GraphqlClient extends JsonClient {
	#sentToken: string | undefined;

	constructor(options: GraphqlClientOptions) {
		super({ ...options, url: options.url.replace(/\/graphql\/?$/, ""), backend: "a CloudGrid server" });
	}

	/** Address of the WebSocket. Throws `problem`. */
	get webSocketUrl(): string {
		const url = this.url(PATH);
		url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
		return url.href;
	}

	override async token(): Promise<string | undefined> {
		const token = await super.token();
		this.#sentToken = token ?? this.#sentToken;
		return token;
	}

	/** A server's text without the token, should it repeat it. */
	readonly hide = (text: string): string =>
		this.#sentToken === undefined ? text : text.replaceAll(this.#sentToken, "…");

	/** `data` of the answer. Throws `CloudgridProblem` when it has errors, `SourceError` for every other failure. */
	async ask({ operationName, query, variables, maxBytes, pieces, signal }: GraphqlRequest): Promise<JsonObject> {
		const body = Buffer.from(JSON.stringify({ operationName, query, variables }));
		const text = await this.post(PATH, body, { maxBytes, signal });
		const answer = pieces === undefined ? asObject(parse(text)) : await parseInPieces(text, pieces);
		if (answer === undefined || !("data" in answer || "errors" in answer)) {
			const what = text.trimStart().startsWith("<") ? "a page" : "something else";
			throw new SourceError(
				answer === undefined ? "contentType" : "protocol",
				`POST ${PATH}: expected GraphQL's JSON, got ${what}; is this the address of a CloudGrid server?`,
			);
		}
		const problem = problemOf(answer.errors, this.hide);
		if (problem !== undefined) throw problem;
		const data = asObject(answer.data);
		if (data === undefined)
			throw new SourceError("protocol", `POST ${PATH}: the answer to ${operationName} holds no data`);
		return data;
	}

	protected override async errorOfStatus(label: string, response: Response): Promise<SourceError> {
		const copy = response.clone();
		const error = await super.errorOfStatus(label, response);
		const problem = await this.#problemIn(copy, error.retryAfterSeconds);
		// An error without a name says less than the status does.
		return problem !== undefined && (problem.isNamed || problem.unknownFields.length > 0) ? problem : error;
	}

	async #problemIn(response: Response, retryAfterSeconds: number | undefined): Promise<CloudgridProblem | undefined> {
		try {
			const text = (await readBounded(response, MAX_ERROR_BYTES, "")).toString("utf8");
			return problemOf(asObject(parse(text))?.errors, this.hide, retryAfterSeconds);
		} catch {
			// The status says enough; an error page of any size is not worth more.
			return undefined;
		}
	}
}

/** Undefined for what is no JSON, of which some pieces may have been taken. */
async function parseInPieces(text: string, { path, take }: PiecedList): Promise<JsonObject | undefined> {
	const names = ["data", ...path];
	const cursor = new JsonCursor(text);
	const walk = async (depth: number): Promise<JsonObject> => {
		const object: Record<string, unknown> = {};
		for (const key of cursor.keys()) {
			const isOnPath = key === names[depth];
			if (isOnPath && depth < names.length - 1 && cursor.peek() === "{") object[key] = await walk(depth + 1);
			else if (isOnPath && depth === names.length - 1 && cursor.peek() === "[") {
				object[key] = [];
				await takeElements(cursor, take);
			} else object[key] = parsePiece(cursor.value());
		}
		return object;
	};
	try {
		const answer = await walk(0);
		cursor.end();
		return answer;
	} catch (error) {
		if (error instanceof JsonProblem) return undefined;
		throw error;
	}
}

async function takeElements(cursor: JsonCursor, take: PiecedList["take"]): Promise<void> {
	let elements: unknown[] = [];
	let chars = 0;
	for (const _ of cursor.elements()) {
		const text = cursor.value();
		elements.push(parsePiece(text));
		chars += text.length;
		if (chars < PIECE_CHARS) continue;
		await take(elements);
		elements = [];
		chars = 0;
	}
	await take(elements);
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}
