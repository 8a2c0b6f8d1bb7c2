import { discardBody } from "../../stream/guardedFetch.ts";
import { JsonClient, type JsonClientOptions, type RequestOptions, type SentRequest } from "../jsonClient.ts";
import { SourceError } from "../source.ts";

/** Traceway's REST API, which lives under `/api`, or at the root of the Encore backend. */
export class TracewayClient extends JsonClient {
	/** `/api` or nothing (the Encore backend); settled by the first answer that is not 404. */
	#prefix = "/api";
	#isPrefixSettled = false;

	/** @param options the address may end in `/api`. */
	constructor(options: Omit<JsonClientOptions, "backend">) {
		super({ ...options, url: options.url.replace(/\/api\/*$/, ""), backend: "a Traceway server" });
	}

	/** True for a server without `/api`, which is the Encore backend. */
	get isBare(): boolean {
		return this.#prefix === "";
	}

	get isPrefixSettled(): boolean {
		return this.#isPrefixSettled;
	}

	/** The stream said 404 under one prefix: tries the other one from now on. */
	switchPrefix(): void {
		this.#prefix = this.#prefix === "" ? "/api" : "";
	}

	/** The stream answered under this prefix. */
	settlePrefix(): void {
		this.#isPrefixSettled = true;
	}

	override url(path: string, query?: RequestOptions["query"]): URL {
		return super.url(`${this.#prefix}${path}`, query);
	}

	/** Sends under the known prefix; while it is not known, a 404 is asked again under the other one. */
	protected override async send(
		method: string,
		path: string,
		options: SentRequest,
		signal: AbortSignal,
	): Promise<Response> {
		const first = await super.send(method, path, options, signal);
		if (this.#isPrefixSettled) return first;
		if (first.status !== 404) {
			this.#isPrefixSettled = first.status < 500;
			return first;
		}
		this.switchPrefix();
		const second = await super.send(method, path, options, signal);
		if (second.status !== 404 && isJsonOrRefused(second)) {
			discardBody(first);
			this.#isPrefixSettled = second.status < 500;
			return second;
		}
		discardBody(second);
		this.switchPrefix();
		return first;
	}
}

/**
 * Path of one object. Throws `SourceError` for the ids "." and "..", which no URL can carry: `DELETE /traces/.` would become
 * `DELETE /traces/`.
 */
export function pathOf(list: "traces" | "spans" | "sessions", id: string): string {
	if (id === "." || id === "..") throw new SourceError("unsupported", `the id "${id}" cannot be asked for by its path`);
	return `/${list}/${encodeURIComponent(id.toWellFormed())}`;
}

function isJsonOrRefused(response: Response): boolean {
	return response.status === 401 || response.status === 403 || /json/i.test(response.headers.get("content-type") ?? "");
}
