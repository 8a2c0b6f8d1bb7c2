import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { ServerCounters } from "../../../src/server/counters.ts";
import { Maintenance } from "../../../src/server/maintenance.ts";
import { DEFAULT_KIND, prepareKind } from "../../../src/server/spanKind.ts";
import { Store } from "../../../src/server/storage/store.ts";

function open(options: { readonly eventRetentionMs?: number; readonly maxDbBytes?: number } = {}) {
	const dataDir = mkdtempSync(join(tmpdir(), "traceway-maintenance-"));
	const store = new Store({ dataDir, logger: silentLogger });
	const maintenance = new Maintenance(store, {
		eventRetentionMs: 86_400_000,
		maxDbBytes: 2e9,
		counters: new ServerCounters(),
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
	return { store, maintenance, onDisk, add };
}

describe("Maintenance", () => {
	it("takes what was cleared off the disk, and leaves events that can be replayed", async () => {
		const { store, maintenance, onDisk, add } = open();
		const attributes = '{"a":"private attribute"}';
		const kind = prepareKind({ type: "custom", attributes: JSON.parse(attributes) }, attributes);
		for (let index = 0; index < 300; index++) await add('"private input"');
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
		for (let index = 0; index < 5000; index++) await add("1");
		store.database.exec("UPDATE events SET at_ms = at_ms - 3600000 WHERE id <= 4500");
		await maintenance.run();
		expect([store.events.oldestId, store.events.latestId, store.spanCount]).toEqual([4501, 5000, 5000]);
	});

	it("deletes the oldest traces only as far as the size asks for", async () => {
		const { store, maintenance, add } = open({ maxDbBytes: 2_000_000 });
		const input = JSON.stringify("x".repeat(5000));
		for (let index = 0; index < 400; index++) await add(input, `t${index}`);
		expect(store.usedBytes()).toBeGreaterThan(2_000_000);
		await maintenance.run();
		expect(store.usedBytes()).toBeLessThanOrEqual(1_800_000);
		expect(store.usedBytes()).toBeGreaterThan(1_000_000);
		expect(store.traceCount).toBeGreaterThan(50);
	});
});
