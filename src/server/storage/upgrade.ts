import type { Database } from "./database.ts";
import { sessionOfTags } from "./sharedTexts.ts";

/**
 * Brings a database of schema 1 to schema 2, in the caller's transaction; `createSchema` makes the new tables. Spans and traces
 * come along as they are. The log of events, which held every payload once more, starts anew behind its last id: a client that
 * asks for an older event reads everything again.
 */
export function upgradeFrom1(database: Database, createSchema: () => void): void {
	for (const table of ["meta", "traces", "spans", "payloads"])
		database.exec(`ALTER TABLE ${table} RENAME TO old_${table}`);
	// Indexes keep their names when their table gets another one.
	for (const index of ["traces_start", "spans_id", "spans_start"]) database.exec(`DROP INDEX ${index}`);
	const lastEvent = database
		.prepare(
			`SELECT max(id) AS id FROM (SELECT max(id) AS id FROM events
			UNION ALL SELECT value FROM old_meta WHERE key = 'last_event_id')`,
		)
		.get()?.id;
	database.exec("DROP TABLE events; DROP TABLE trace_spans");
	createSchema();
	if (typeof lastEvent === "number") {
		database.prepare("INSERT INTO meta (key, value) VALUES ('last_event_id', ?)").run(lastEvent);
	}
	database.exec(`
		INSERT INTO spans (seq, id, trace, parent_id, name, kind_type, kind_name, model, provider, path, input_tokens,
			output_tokens, cost, is_rollup, counts, status, error, start_ms, start_sub, end_ms, end_sub, duration_ms, kind,
			service, metadata)
		SELECT seq, id, trace, parent_id, name, kind_type, kind_name, model, provider, path, input_tokens, output_tokens, cost,
			0, 1, status, error, start_ms, start_sub, end_ms, end_sub, duration_ms,
			CASE WHEN kind_type = 'custom' AND json_valid(kind) THEN json_remove(kind, '$.attributes') ELSE kind END,
			CASE WHEN json_valid(service) THEN coalesce(json_extract(service, '$."resource.service.name"'),
				json_extract(service, '$."service.name"')) END,
			metadata FROM old_spans;
		INSERT INTO payloads (seq, input, output, attributes) SELECT seq, input, output, attributes FROM old_payloads;
		INSERT INTO traces (ref, id, name, tags, start_ms, start_sub, record, span_count, running_count, failed_count, end_ms,
			end_sub, unsettled)
		SELECT ref, id, name, tags, start_ms, start_sub, record, span_count, running_count, failed_count, end_ms, end_sub,
			span_count > 0 FROM old_traces;
		INSERT INTO span_ids (id, seq) SELECT id, seq FROM spans ORDER BY id, seq;
		INSERT INTO trace_spans (trace, start_ms, start_sub, seq)
		SELECT trace, start_ms, start_sub, seq FROM spans ORDER BY trace, start_ms, start_sub, seq;
		INSERT INTO meta (key, value) SELECT 'indexed_seq', coalesce(max(seq), 0) FROM spans;
		DROP TABLE old_spans; DROP TABLE old_payloads; DROP TABLE old_traces; DROP TABLE old_meta;
	`);
	const addSession = database.prepare("INSERT OR IGNORE INTO sessions (id) VALUES (?)");
	const setSession = database.prepare(
		"UPDATE traces SET session = (SELECT ref FROM sessions WHERE id = ?) WHERE ref = ?",
	);
	for (const { ref, tags } of database.prepare("SELECT ref, tags FROM traces WHERE tags LIKE '%session%'").all()) {
		const session = sessionOfTags(String(tags));
		if (session === null) continue;
		addSession.run(session);
		setSession.run(session, ref);
	}
}
