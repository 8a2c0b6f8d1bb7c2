import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import type { NewSpan, WholeSpan } from "../../../src/otlp/spanRecord.ts";
import { DEFAULT_KIND, prepareKind } from "../../../src/server/spanKind.ts";
import type { LoggedEvent } from "../../../src/server/storage/eventLog.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { Store } from "../../../src/server/storage/store.ts";

function open() {
	const store = new Store({ dataDir: undefined, logger: silentLogger });
	onTestFinished(() => store.close());
	const events: LoggedEvent[] = [];
	store.events.listener = (committed) => events.push(...committed);
	const types = () => events.map(({ data }) => JSON.parse(data).type as string);
	return { store, reader: new Reader(store.database, store.indexes), events, types };
}

function span(overrides: Partial<NewSpan> = {}): NewSpan {
	return {
		id: undefined,
		traceId: "t",
		parentId: null,
		name: "n",
		kind: DEFAULT_KIND,
		inputJson: null,
		metadataJson: null,
		sessionId: null,
		otel: undefined,
		start: undefined,
		...overrides,
	};
}

function ended(overrides: Partial<WholeSpan> = {}): WholeSpan {
	const start = { ms: 1_700_000_000_000, subNs: 0 };
	const end = { ms: start.ms + 5, subNs: 500 };
	return { ...span(), id: "s", start, end, outputJson: null, error: null, ...overrides };
}

describe("Store", () => {
	it("takes ended spans once: the same batch again changes nothing", async () => {
		const { store, reader, types } = open();
		const batch = [ended({ id: "a" }), ended({ id: "b", error: "no" })];
		expect(await store.addBatch({ traces: [], spans: batch })).toEqual({ added: 2, skipped: 0 });
		expect(await store.addBatch({ traces: [], spans: batch })).toEqual({ added: 0, skipped: 2 });
		expect(types()).toEqual(["span_completed", "span_failed"]);
		expect(reader.span("a")).toMatchObject({ durationMs: 5.0005, error: null });
		expect(reader.trace("t")).toMatchObject({ spanCount: 2, runningCount: 0, failedCount: 1 });
	});

	it("tells spans of one id in two traces apart", async () => {
		const { store, reader } = open();
		await store.addBatch({ traces: [], spans: [ended({ traceId: "t1" }), ended({ traceId: "t2" })] });
		expect([reader.trace("t1")?.spanCount, reader.trace("t2")?.spanCount]).toEqual([1, 1]);
	});

	it("gives a trace its better name once, and the start of its earliest span", async () => {
		const { store, reader, types } = open();
		const record = (name: string, isNameFinal: boolean, ms: number) =>
			store.recordTrace({ id: "t", name, isNameFinal, tagsJson: '["otlp"]', start: { ms, subNs: 0 } });
		await record("service", false, 2000);
		await record("other service", false, 3000);
		expect(reader.trace("t")).toMatchObject({ name: "service", startMs: 2000 });
		await record("root", true, 1000);
		await record("late", true, 500);
		expect(reader.trace("t")).toMatchObject({ name: "root", startMs: 500 });
		expect(types()).toEqual(["trace_created", "trace_created"]);
	});

	it("publishes nothing of a write that failed, and gives its event id to the next one", async () => {
		const { store, events } = open();
		await store.createSpan(span());
		const broken = store.createSpan(span({ name: null as unknown as string }));
		const good = store.createSpan(span({ name: "good" }));
		await expect(broken).rejects.toThrow(/NOT NULL/);
		await good;
		expect(events.map(({ id }) => id)).toEqual([1, 2]);
		expect(events[1].data).toContain('"name":"good"');
		expect([store.spanCount, store.traceCount]).toEqual([2, 1]);
	});

	it("refuses writes after it was closed, and keeps those from before", async () => {
		const { store, types } = open();
		const before = store.createSpan(span());
		const closed = store.close();
		await expect(store.createSpan(span())).rejects.toMatchObject({ status: 503, code: "shutting_down" });
		await Promise.all([before, closed]);
		expect(types()).toEqual(["span_created"]);
	});

	it("never uses an event id again after its log was emptied", async () => {
		const { store, events } = open();
		for (let index = 0; index < 5; index++) await store.createSpan(span());
		await store.maintain((log) => log.deleteUpTo(5, 100));
		expect([store.events.oldestId, store.events.latestId]).toEqual([6, 5]);
		await store.createSpan(span());
		expect(events.at(-1)?.id).toBe(6);
	});

	it("finds the newest event from before a time", async () => {
		const { store } = open();
		expect(store.events.newestBefore(Date.now())).toBe(0);
		for (let index = 0; index < 20; index++) await store.createSpan(span());
		store.database.exec("UPDATE events SET at_ms = id * 10");
		const { events } = store;
		expect([events.newestBefore(0), events.newestBefore(10), events.newestBefore(11)]).toEqual([0, 0, 1]);
		expect([events.newestBefore(105), events.newestBefore(200), events.newestBefore(1e9)]).toEqual([10, 19, 20]);
	});

	it("keeps the index by trace complete across bulk updates and deletions", async () => {
		const { store, reader } = open();
		const traces = ["a", "b", "c"];
		for (let round = 0; round < 30; round++) {
			await Promise.all(
				Array.from({ length: 300 }, (_, index) =>
					store.createSpan(span({ traceId: traces[index % 3], id: `${round}-${index}` })),
				),
			);
			await store.deleteSpan(`${round}-0`);
			if (round === 10) await store.deleteTrace("b");
		}
		store.indexSpans();
		const count = (id: string) => {
			const trace = reader.trace(id)!;
			expect(reader.traceSpans(trace.ref, undefined, 1e6, true)).toHaveLength(trace.spanCount);
			return trace.spanCount;
		};
		expect(traces.map(count)).toEqual([30 * 99, 19 * 100, 30 * 100]);
		expect(store.spanCount).toBe(30 * 99 + 19 * 100 + 30 * 100);
	});
});

describe("prepareKind", () => {
	it("refuses what is nested too deeply outside of attributes", () => {
		const deep = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
		expect(() => prepareKind({ type: "x", deep }, undefined)).toThrow(/kind: is nested too deeply/);
	});

	it("leaves out nulls, and names a custom kind", () => {
		expect(prepareKind({ type: "custom", model: null }, undefined)).toMatchObject({
			name: "custom",
			model: null,
			kindJson: null,
		});
	});
});
