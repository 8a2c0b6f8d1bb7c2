import type { WireStats } from "../../protocol/rest.ts";

/** The numbers of the server in Prometheus' text format: one line of help, of type and of value each. */
export function metricsText(stats: WireStats, subscribers: number, uptimeSeconds: number): string {
	const rows: readonly (readonly [name: string, type: "counter" | "gauge", help: string, value: number])[] = [
		["traceway_traces", "gauge", "Traces that are stored.", stats.trace_count],
		["traceway_spans", "gauge", "Spans that are stored.", stats.span_count],
		[
			"traceway_events_total",
			"counter",
			"Number of the newest stream event; goes on over restarts.",
			stats.latest_event_id,
		],
		["traceway_event_subscribers", "gauge", "Clients of the event stream.", subscribers],
		["traceway_storage_used_bytes", "gauge", "Size of the data, free pages not counted.", stats.used_bytes],
		["traceway_storage_max_bytes", "gauge", "Size at which the oldest traces are deleted.", stats.max_bytes],
		["traceway_evicted_traces_total", "counter", "Traces deleted for size or age.", stats.evicted_traces],
		["traceway_evicted_spans_total", "counter", "Spans of those traces.", stats.evicted_spans],
		["traceway_dropped_log_records_total", "counter", "Log records accepted and not kept.", stats.dropped_logs],
		[
			"traceway_dropped_metric_points_total",
			"counter",
			"Metric data points accepted and not kept.",
			stats.dropped_metrics,
		],
		["process_uptime_seconds", "gauge", "Time since the start of the server.", uptimeSeconds],
		["process_resident_memory_bytes", "gauge", "Memory of the process.", process.memoryUsage.rss()],
	];
	return rows
		.map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
		.join("");
}
