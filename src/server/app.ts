import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { describeError, type Logger } from "../base/logger.ts";
import { HttpError, type HttpErrorCode } from "./errors.ts";
import { addOperationRoutes } from "./operationRoutes.ts";
import { errorResponse } from "./respond.ts";
import { type App, type AppContext, queryOf, type Services } from "./services.ts";
import { addSpanRoutes } from "./spanRoutes.ts";
import { addTraceRoutes } from "./traceRoutes.ts";

/** All routes. Requests have passed the guard already. */
export function createApp(services: Services, extraRoutes: ((app: App, services: Services) => void) | undefined): App {
	const app: App = new Hono();
	addTraceRoutes(app, services);
	addSpanRoutes(app, services);
	addOperationRoutes(app, services);
	addEventRoute(app, services);
	extraRoutes?.(app, services);
	app.notFound((context) => errorResponse(notFoundError(app, context)));
	app.onError((error) => errorResponse(httpErrorOf(error, services.logger)));
	return app;
}

function addEventRoute(app: App, { hub }: Services): void {
	app.get("/api/events", (context) => {
		const { incoming, outgoing } = context.env;
		if (incoming.method === "HEAD") return new Response(null, { headers: { "Content-Type": "text/event-stream" } });
		const query = queryOf(context);
		const header = incoming.headers["last-event-id"];
		hub.subscribe(outgoing, {
			// "An empty string ... the user agent does not send the header" (HTML, server-sent events): no position.
			position: (typeof header === "string" ? header.trim() : "") || query.get("since") || undefined,
			kind: query.get("kind") || undefined,
			model: query.get("model") || undefined,
		});
		return RESPONSE_ALREADY_SENT;
	});
}

/** 405 when the path answers other methods, else 404. */
function notFoundError(app: App, context: AppContext): HttpError {
	const { path } = context.req;
	const methods = new Set<string>();
	for (const route of app.routes) if (patternOf(route.path).test(path)) methods.add(route.method);
	if (methods.size === 0) return new HttpError(404, "not_found", `path ${shown(path)}: there is nothing here`);
	const allowed = [...methods].sort().join(", ");
	return new HttpError(405, "method_not_allowed", `method ${shown(context.req.method)}: this path takes ${allowed}`, {
		Allow: allowed,
	});
}

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
	let pattern = patterns.get(path);
	if (pattern === undefined) {
		pattern = new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:\w+/g, "[^/]+")}$`);
		patterns.set(path, pattern);
	}
	return pattern;
}

function shown(text: string): string {
	return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function httpErrorOf(error: unknown, logger: Logger): HttpError {
	if (error instanceof HttpError) return error;
	const isStorage = (error as { readonly code?: unknown }).code === "ERR_SQLITE_ERROR";
	const answer: HttpErrorCode = isStorage ? "storage_failed" : "internal_error";
	logger.error(`a request failed: ${describeError(error)}`);
	// What went wrong inside may quote data; the log has it, the client gets the kind.
	const message = isStorage ? "the data could not be read or written; see the log of the server" : "internal error";
	return new HttpError(isStorage ? 507 : 500, answer, message);
}
