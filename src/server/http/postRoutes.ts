import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../base/logger.ts";
import { httpErrorOf } from "../errors.ts";
import type { App } from "../services.ts";
import { releaseBody } from "./body.ts";
import { type Answer, answerResponse, writeAnswer, writeError } from "./respond.ts";

/** Reads the body of a request and answers. `id` is the one in the path, decoded; empty for a path without. */
export type PostHandler = (request: IncomingMessage, id: string) => Promise<Answer>;

/** Ids in paths that mean what they are, letter by letter. Others are decoded by the router. */
const PLAIN_ID = /^[\w.~-]+$/;

/**
 * The routes that programs under observation call for every span. They are answered on `node:http` itself: the router and
 * the web's Request and Response objects were measured to cost as much as everything else together. Each of them is a route
 * of the app, too, which serves unusual spellings of its path and knows which methods it takes.
 */
export class PostRoutes {
	readonly #app: App;
	readonly #logger: Logger;
	readonly #byPath = new Map<string, PostHandler>();
	/** By what stands before the id, and by what stands behind it. */
	readonly #byEnds = new Map<string, Map<string, PostHandler>>();

	constructor(app: App, logger: Logger) {
		this.#app = app;
		this.#logger = logger;
	}

	/** `path` is exact, or holds one `:id` between two slashes: `/api/spans/:id/complete`. */
	add(path: string, handler: PostHandler): void {
		const [before, behind] = path.split(":id");
		if (behind === undefined) {
			this.#byPath.set(path, handler);
		} else {
			const ends = this.#byEnds.get(before) ?? new Map<string, PostHandler>();
			this.#byEnds.set(before, ends.set(behind, handler));
		}
		this.#app.post(path, async (context) => {
			return answerResponse(await handler(context.env.incoming, context.req.param("id") ?? ""));
		});
	}

	/** Answers a request that has passed the guard, if it is for one of these routes; false leaves it to the app. */
	handle(request: IncomingMessage, response: ServerResponse): boolean {
		if (request.method !== "POST") return false;
		const url = request.url ?? "";
		const exact = this.#byPath.get(url);
		if (exact !== undefined) {
			void this.#answer(exact, request, "", response);
			return true;
		}
		for (const [before, ends] of this.#byEnds) {
			if (!url.startsWith(before)) continue;
			const idEnd = url.indexOf("/", before.length);
			if (idEnd < 0) continue;
			const handler = ends.get(url.slice(idEnd));
			const id = url.slice(before.length, idEnd);
			if (handler === undefined || !PLAIN_ID.test(id)) continue;
			void this.#answer(handler, request, id, response);
			return true;
		}
		return false;
	}

	async #answer(handler: PostHandler, request: IncomingMessage, id: string, response: ServerResponse): Promise<void> {
		try {
			const answer = await handler(request, id);
			// The client may have gone while its body was written to the disk.
			if (!response.destroyed) writeAnswer(response, answer);
		} catch (error) {
			request.resume();
			if (!response.destroyed) writeError(response, httpErrorOf(error, this.#logger));
		} finally {
			releaseBody(request);
		}
	}
}
