import type { WireHealth, WireIdentity, WireStats } from "../../protocol/rest.ts";
import { HttpError } from "../errors.ts";
import { JSON_HEADERS, jsonText } from "../http/respond.ts";
import type { App, Services } from "../services.ts";
import { metricsText } from "./metrics.ts";
import { openApiText } from "./openApi.ts";

/** Routes for who runs the server or finds their way around: probes, numbers, description. */
export function addOperationRoutes(app: App, services: Services): void {
	const { store, version, instanceId, startedAtMs } = services;
	app.get("/api/health", () => {
		const uptime = Math.floor((Date.now() - startedAtMs) / 1000);
		const health: WireHealth = {
			status: "ok",
			version,
			instance_id: instanceId,
			uptime_secs: uptime,
			uptime,
			storage: {
				backend: store.isInMemory ? "memory" : "sqlite",
				trace_count: store.traceCount,
				span_count: store.spanCount,
			},
		};
		return jsonText(JSON.stringify(health));
	});
	app.get("/api/live", () => jsonText('{"status":"alive"}'));
	app.get("/api/ready", async () => {
		try {
			await store.maintain(() => store.database.exec(PROBE));
		} catch (error) {
			if (error instanceof HttpError) throw error;
			throw new HttpError(503, "storage_failed", "the data cannot be written; see the log of the server");
		}
		return jsonText('{"status":"ready"}');
	});
	app.get("/api/auth/config", () => jsonText('{"mode":"local","features":{}}'));
	app.get("/api/auth/me", () => jsonText(JSON.stringify(LOCAL_IDENTITY)));
	app.get("/api/stats", () => jsonText(JSON.stringify(statsOf(services))));
	app.get("/api/metrics", () => {
		const text = metricsText(statsOf(services), services.hub.clientCount, (Date.now() - startedAtMs) / 1000);
		return new Response(text, { headers: { ...JSON_HEADERS, "Content-Type": METRICS_TYPE } });
	});
	app.get("/api/openapi.json", () => jsonText(openApiText(version)));
}

/** Changes a row: a full disk and a lost one show only when something is written. */
const PROBE = `INSERT INTO meta (key, value) VALUES ('probe', 1)
	ON CONFLICT (key) DO UPDATE SET value = 1 - value`;

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Whoever gets through to a local server may do everything. */
const LOCAL_IDENTITY: WireIdentity = {
	org_id: null,
	project_id: null,
	user_id: null,
	scopes: ["traces_read", "traces_write", "datasets_read", "datasets_write", "analytics_read", "admin"],
	is_local_mode: true,
};

function statsOf({ store, counters, maxDbBytes }: Services): WireStats {
	return {
		trace_count: store.traceCount,
		span_count: store.spanCount,
		evicted_traces: counters.evictedTraces,
		evicted_spans: counters.evictedSpans,
		dropped_logs: counters.droppedLogs,
		dropped_metrics: counters.droppedMetrics,
		used_bytes: store.usedBytes(),
		max_bytes: maxDbBytes,
		latest_event_id: store.events.latestId,
	};
}
