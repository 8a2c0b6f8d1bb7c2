import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { ServerCounters } from "../../../src/server/counters.ts";
import { Maintenance } from "../../../src/server/maintenance.ts";
import { DEFAULT_KIND, prepareKind } from "../../../src/server/spanKind.ts";
import { Store } from "../../../src/server/storage/store.ts";

function open(
	options: { readonly eventRetentionMs?: number; readonly maxDbBytes?: number; readonly maxTraceAgeMs?: number } = {},
) {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-maintenance-"));
	const store = new Store({ dataDir, logger: silentLogger });
	const counters = new ServerCounters();
	const maintenance = new Maintenance(store, {
		eventRetentionMs: 86_400_000,
		maxDbBytes: 2e9,
		maxTraceAgeMs: undefined,
		counters,
		logger: silentLogger,
		...options,
	});
	onTestFinished(async () => {
		maintenance.dispose();
		await store.close();
		rmSync(dataDir, { recursive: true, force: true });
	});
	const onDisk = (text: string) =>
		readdirSync(dataDir).some((file) => readFileSync(join(dataDir, file)).includes(text));
	const add = (inputJson: string, traceId = "t") =>
		store.createSpan({
			id: undefined,
			traceId,
			parentId: null,
			name: "n",
			kind: DEFAULT_KIND,
			inputJson,
			metadataJson: null,
			sessionId: null,
			otel: undefined,
			start: undefined,
		});
	const told = () => store.events.after(0, 100_000).map(({ data }) => JSON.parse(data));
	const fileBytes = () => statSync(join(dataDir, "traces.db")).size;
	return { store, maintenance, counters, onDisk, add, told, fileBytes };
}

describe("Maintenance", () => {
	it("takes what was cleared off the disk, and leaves events that can be replayed", async () => {
		const { store, maintenance, onDisk, add } = open();
		const attributes = '{"a":"private attribute"}';
		const kind = prepareKind({ type: "custom", attributes: JSON.parse(attributes) }, attributes);
		await Promise.all(Array.from({ length: 300 }, () => add('"private input"')));
		const { id } = (await store.createSpan({
			id: undefined,
			traceId: "t",
			parentId: null,
			name: "n",
			kind,
			inputJson: null,
			metadataJson: '{"m":"private metadata"}',
			sessionId: null,
			otel: undefined,
			start: undefined,
		})) as { id: string };
		await store.endSpan(id, { outputJson: '"private output"', kind: undefined, end: undefined });
		const deep = `${"[".repeat(3000)}"private depth"${"]".repeat(3000)}`;
		await add(deep);
		expect(onDisk("private input")).toBe(true);
		await store.deleteAll();
		await add('"kept input"');
		await maintenance.run();
		for (const what of ["input", "attribute", "metadata", "output", "depth"])
			expect([what, onDisk(`private ${what}`)]).toEqual([what, false]);
		expect(onDisk("kept input")).toBe(true);
		const events = store.events.after(0, 1000).map((event) => ({ id: event.id, data: JSON.parse(event.data) }));
		expect(events.map((event) => event.id)).toEqual(Array.from({ length: 305 }, (_, index) => index + 1));
		expect(events[0].data).toMatchObject({ type: "span_created", span: { name: "n", status: "running" } });
		expect(events[303].data).toEqual({ type: "cleared" });
		expect(events[304].data.span.input).toBe("kept input");
	});

	it("deletes events by age and keeps spans", async () => {
		const { store, maintenance, add } = open({ eventRetentionMs: 60_000 });
		await Promise.all(Array.from({ length: 5000 }, () => add("1")));
		store.database.exec("UPDATE events SET at_ms = at_ms - 3600000 WHERE id <= 4500");
		await maintenance.run();
		expect([store.events.oldestId, store.events.latestId, store.spanCount]).toEqual([4501, 5000, 5000]);
	});

	it("deletes the oldest traces only as far as the size asks for", async () => {
		const { store, maintenance, add } = open({ maxDbBytes: 2_000_000 });
		const input = JSON.stringify("x".repeat(5000));
		await Promise.all(Array.from({ length: 400 }, (_, index) => add(input, `t${index}`)));
		expect(store.usedBytes()).toBeGreaterThan(2_000_000);
		await maintenance.run();
		expect(store.usedBytes()).toBeLessThanOrEqual(1_800_000);
		expect(store.usedBytes()).toBeGreaterThan(1_000_000);
		expect(store.traceCount).toBeGreaterThan(50);
	});

	it("gives the room of what it evicts back to the file system, and tells of each trace and of the sum", async () => {
		const limit = 2_000_000;
		const { store, maintenance, counters, add, told, fileBytes } = open({ maxDbBytes: limit });
		const input = JSON.stringify("x".repeat(3000));
		await Promise.all(Array.from({ length: 1500 }, (_, index) => add(input, `t${Math.floor(index / 3)}`)));
		await store.truncateLog();
		expect(fileBytes()).toBeGreaterThan(2 * limit);
		await maintenance.run();
		expect(fileBytes()).toBeLessThanOrEqual(limit);
		const traces = 500 - store.traceCount;
		expect(counters).toMatchObject({ evictedTraces: traces, evictedSpans: traces * 3 });
		expect(store.spanCount).toBe(1500 - traces * 3);
		const events = told();
		expect(events.at(-1)).toEqual({ type: "evicted", traces, spans: traces * 3, reason: "size" });
		const gone = events.filter(({ type }) => type === "trace_deleted").map(({ trace_id }) => trace_id);
		// Oldest first, whole: what was deleted in this log is the front of the list.
		expect(gone).toEqual(Array.from({ length: traces }, (_, index) => `t${index}`).slice(-gone.length));
		expect(gone.length).toBeGreaterThan(0);
	});

	it("deletes traces that ended too long ago, and none that runs or has a late span", async () => {
		const { store, maintenance, counters, told, add } = open({ maxTraceAgeMs: 60_000 });
		const now = Date.now();
		const whole = (id: string, traceId: string, startAgeMs: number, endAgeMs: number | undefined) => ({
			id,
			traceId,
			parentId: null,
			name: "n",
			kind: DEFAULT_KIND,
			sessionId: null,
			inputJson: null,
			outputJson: null,
			metadataJson: null,
			otel: undefined,
			start: { ms: now - startAgeMs, subNs: 0 },
			end: endAgeMs === undefined ? undefined : { ms: now - endAgeMs, subNs: 0 },
			error: null,
		});
		const spans = [
			whole("a", "old", 100_000, 90_000),
			whole("b", "old", 100_000, 80_000),
			whole("c", "late", 100_000, 90_000),
			whole("d", "late", 100_000, 1000),
			whole("e", "running", 100_000, 90_000),
			whole("f", "running", 100_000, undefined),
		];
		await store.addBatch({ spans, traces: [] });
		await add("1", "young");
		await maintenance.run();
		expect(told().slice(-2)).toEqual([
			{ type: "trace_deleted", trace_id: "old" },
			{ type: "evicted", traces: 1, spans: 2, reason: "age" },
		]);
		expect([store.traceCount, store.spanCount, counters.evictedSpans]).toEqual([3, 5, 2]);
		await maintenance.run();
		expect(told().filter(({ type }) => type === "evicted")).toHaveLength(1);
	});

	it("does not wait for a snapshot that is being read", async () => {
		const { store, maintenance, add } = open({ maxDbBytes: 1_000_000 });
		const input = JSON.stringify("x".repeat(5000));
		await Promise.all(Array.from({ length: 400 }, (_, index) => add(input, `t${index}`)));
		const snapshot = store.snapshot();
		const rows = snapshot.database.prepare("SELECT id FROM spans").iterate();
		rows.next();
		await maintenance.run();
		expect(store.usedBytes()).toBeLessThanOrEqual(1_000_000);
		// The waiting time of SQLite is set back for who may be waited for.
		expect(store.database.prepare("PRAGMA busy_timeout").get()).toEqual({ timeout: 2000 });
		expect([...rows]).toHaveLength(399);
		snapshot.close();
	});
});
