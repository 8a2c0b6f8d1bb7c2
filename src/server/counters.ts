/** What happened since the start of the server that its data do not tell; `GET /api/stats` and `/api/metrics` show it. */
export class ServerCounters {
	/** Traces, and their spans, that were deleted because the data grew too large or too old. */
	evictedTraces = 0;
	evictedSpans = 0;
	/** Log records and data points of metrics that were accepted and thrown away: nothing here shows them. */
	droppedLogs = 0;
	droppedMetrics = 0;
}
