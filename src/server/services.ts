import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, Hono } from "hono";
import type { Logger } from "../base/logger.ts";
import type { ServerCounters } from "./counters.ts";
import type { EventHub } from "./events/eventHub.ts";
import type { PostRoutes } from "./http/postRoutes.ts";
import type { Analytics } from "./storage/analytics.ts";
import type { Datasets } from "./storage/datasets.ts";
import type { OverviewSums } from "./storage/overviewSums.ts";
import type { Reader } from "./storage/reader.ts";
import type { SessionList } from "./storage/sessionList.ts";
import type { SpanList } from "./storage/spanList.ts";
import type { Store } from "./storage/store.ts";
import type { TraceSearch } from "./storage/traceSearch.ts";

/** What Node.js gave for a request; routes read bodies and write streams on it themselves. */
export interface NodeBindings {
	readonly incoming: IncomingMessage;
	readonly outgoing: ServerResponse;
}

export type App = Hono<{ Bindings: NodeBindings }>;
export type AppContext = Context<{ Bindings: NodeBindings }>;

/** What routes work with. Handed to `ServerOptions.extraRoutes`, too. */
export interface Services {
	readonly store: Store;
	readonly reader: Reader;
	readonly list: SpanList;
	readonly traceSearch: TraceSearch;
	readonly sessions: SessionList;
	readonly analytics: Analytics;
	readonly overview: OverviewSums;
	readonly datasets: Datasets;
	readonly hub: EventHub;
	readonly counters: ServerCounters;
	/** Size of the data at which the oldest traces go, bytes. */
	readonly maxDbBytes: number;
	/** Takes the routes that are called for every span. */
	readonly posts: PostRoutes;
	readonly logger: Logger;
	readonly version: string;
	/** New with each start of the server. */
	readonly instanceId: string;
	/** Milliseconds since the epoch. */
	readonly startedAtMs: number;
}

/** The query of a request, read by the rules of URLs. */
export function queryOf(context: AppContext): URLSearchParams {
	const url = context.env.incoming.url ?? "";
	const at = url.indexOf("?");
	return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}
