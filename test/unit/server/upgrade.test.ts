import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { spanText } from "../../../src/otlp/spanText.ts";
import { databaseFile } from "../../../src/server/storage/database.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { Store } from "../../../src/server/storage/store.ts";

/** As the first version made it. */
const SCHEMA_1 = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE traces (
	ref INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT, tags TEXT NOT NULL, start_ms INTEGER NOT NULL,
	start_sub INTEGER NOT NULL, record INTEGER NOT NULL, span_count INTEGER NOT NULL, running_count INTEGER NOT NULL,
	failed_count INTEGER NOT NULL, end_ms INTEGER, end_sub INTEGER
);
CREATE INDEX traces_start ON traces (start_ms, start_sub);
CREATE TABLE spans (
	seq INTEGER PRIMARY KEY, id TEXT NOT NULL, trace INTEGER NOT NULL, parent_id TEXT, name TEXT NOT NULL,
	kind_type TEXT NOT NULL, kind_name TEXT NOT NULL, model TEXT, provider TEXT, path TEXT, input_tokens, output_tokens,
	cost REAL, status INTEGER NOT NULL, error TEXT, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, end_ms INTEGER,
	end_sub INTEGER, duration_ms REAL, kind TEXT NOT NULL, service TEXT, metadata TEXT
);
CREATE INDEX spans_id ON spans (id);
CREATE INDEX spans_start ON spans (start_ms, start_sub);
CREATE TABLE trace_spans (
	trace INTEGER NOT NULL, start_ms INTEGER NOT NULL, start_sub INTEGER NOT NULL, seq INTEGER NOT NULL,
	PRIMARY KEY (trace, start_ms, start_sub, seq)
) WITHOUT ROWID;
CREATE TABLE payloads (seq INTEGER PRIMARY KEY, input TEXT, output TEXT, attributes TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, facets TEXT, data TEXT NOT NULL);
INSERT INTO meta VALUES ('indexed_seq', 1), ('last_event_id', 4);
INSERT INTO traces VALUES (1, 't', 'chat', '["session:s1"]', 1000, 0, 2, 2, 1, 0, 1500, 7);
INSERT INTO spans VALUES
	(1, 'a', 1, NULL, 'call', 'llm_call', 'llm_call', 'gpt-4o', 'openai', NULL, 10, 5, 0.5, 1, NULL, 1000, 0, 1500, 7, 500,
		'{"type":"llm_call","model":"gpt-4o","provider":"openai","input_tokens":10,"output_tokens":5,"cost":0.5,"own":1}', NULL,
		'{"m":1}'),
	(2, 'b', 1, 'a', 'tool', 'custom', 'tool', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 1100, 0, NULL, NULL, NULL,
		'{"type":"custom","kind":"tool"}', '{"service.name":"api"}', NULL),
	(3, 'c', 1, 'a', 'plain', 'custom', 'custom', NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, 1100, 0, 1100, 0, 0,
		'{"type":"custom","kind":"custom","attributes":{}}', NULL, NULL);
INSERT INTO payloads VALUES (1, '"in"', '"out"', NULL), (2, NULL, NULL, '{"service.name":"api","x":1.0}');
INSERT INTO trace_spans VALUES (1, 1000, 0, 1);
INSERT INTO events VALUES (6, 1000, NULL, '{"type":"cleared"}');
PRAGMA application_id = 0x54574c56;
PRAGMA user_version = 1;
`;

it("brings the first version's data up to date, and counts event ids on from there", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-upgrade-"));
	onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
	const old = new DatabaseSync(databaseFile(dataDir));
	old.exec(SCHEMA_1);
	old.close();
	for (const round of [1, 2]) {
		const store = new Store({ dataDir, logger: silentLogger });
		const reader = new Reader(store.database, store.indexes);
		// Else all ids would have to be read into memory.
		expect(store.indexes.isUpToDate).toBe(true);
		const texts = ["a", "b", "c"].map((id) => spanText(reader.span(id)!));
		expect(texts).toEqual([
			'{"id":"a","trace_id":"t","parent_id":null,"name":"call","kind":{"type":"llm_call","model":"gpt-4o",' +
				'"provider":"openai","input_tokens":10,"output_tokens":5,"cost":0.5,"own":1},"status":"completed",' +
				'"started_at":"1970-01-01T00:00:01.000Z","ended_at":"1970-01-01T00:00:01.500000007Z","input":"in",' +
				'"output":"out","metadata":{"m":1,"duration_ms":500,"total_tokens":15,"estimated_cost":0.5}}',
			'{"id":"b","trace_id":"t","parent_id":"a","name":"tool","kind":{"type":"custom","kind":"tool",' +
				'"attributes":{"service.name":"api","x":1.0}},"status":"running","started_at":"1970-01-01T00:00:01.100Z",' +
				'"ended_at":null}',
			'{"id":"c","trace_id":"t","parent_id":"a","name":"plain","kind":{"type":"custom","kind":"custom",' +
				'"attributes":{}},"status":"completed","started_at":"1970-01-01T00:00:01.100Z",' +
				'"ended_at":"1970-01-01T00:00:01.100Z","metadata":{"duration_ms":0}}',
		]);
		await store.settleUsage();
		expect(reader.trace("t")).toMatchObject({ sessionId: "s1", inputTokens: 10, costNano: 5e8, llmCalls: 1 });
		expect([store.events.latestId, store.events.oldestId]).toEqual([6, 7]);
		expect(store.database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
		if (round === 2) {
			await store.deleteSpan("a");
			expect(store.events.latestId).toBe(7);
		}
		await store.close();
	}
});
