import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { HttpError, httpErrorOf } from "./errors.ts";
import { PostRoutes } from "./http/postRoutes.ts";
import { errorResponse } from "./http/respond.ts";
import { addAnalyticsRoutes } from "./routes/analyticsRoutes.ts";
import { addDatasetRoutes } from "./routes/datasetRoutes.ts";
import { addExportRoutes } from "./routes/exportRoutes.ts";
import { addImportRoutes } from "./routes/importRoutes.ts";
import { addOperationRoutes } from "./routes/operationRoutes.ts";
import { addSearchRoutes } from "./routes/searchRoutes.ts";
import { addSessionRoutes } from "./routes/sessionRoutes.ts";
import { addSpanRoutes } from "./routes/spanRoutes.ts";
import { addTraceRoutes } from "./routes/traceRoutes.ts";
import { type App, type AppContext, queryOf, type Services } from "./services.ts";

/** All routes, and those among them that need no app. Requests have passed the guard already. */
export function createApp(
	parts: Omit<Services, "posts">,
	extraRoutes: ((app: App, services: Services) => void) | undefined,
): { readonly app: App; readonly posts: PostRoutes } {
	const app: App = new Hono();
	const posts = new PostRoutes(app, parts.logger);
	const services: Services = { ...parts, posts };
	addTraceRoutes(app, services);
	addSpanRoutes(app, services);
	addSearchRoutes(app, services);
	addOperationRoutes(app, services);
	addEventRoute(app, services);
	addSessionRoutes(app, services);
	addAnalyticsRoutes(app, services);
	addExportRoutes(app, services);
	addImportRoutes(app, services);
	addDatasetRoutes(app, services);
	extraRoutes?.(app, services);
	app.notFound((context) => errorResponse(notFoundError(app, context)));
	app.onError((error) => errorResponse(httpErrorOf(error, services.logger)));
	return { app, posts };
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
