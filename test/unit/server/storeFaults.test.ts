import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { DEFAULT_KIND } from "../../../src/server/spanKind.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { SpanList, type SpanQuery } from "../../../src/server/storage/spanList.ts";
import type { SpanKindRecord, WholeSpan } from "../../../src/server/storage/spanRecord.ts";
import { Store } from "../../../src/server/storage/store.ts";

function open() {
	const store = new Store({ dataDir: undefined, logger: silentLogger });
	onTestFinished(() => store.close());
	const list = new SpanList(store.database, new Reader(store.database, store.indexes), store.columns, store.search);
	/** Ids of the spans that a list finds, and how many it says there are. */
	const find = async (query: Partial<SpanQuery>) => {
		const { rows, total } = await list.page({ ...EVERYTHING, ...query }, () => false);
		return [rows.map(({ id }) => id).toSorted(), total];
	};
	/** Lets this SQL statement fail, as on a disk that is full, until the function it returns is called. */
	const failOn = (statement: string) => {
		store.database.exec(`CREATE TEMP TRIGGER fault BEFORE ${statement} BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
		return () => store.database.exec("DROP TRIGGER fault");
	};
	return { store, find, failOn };
}

const EVERYTHING: SpanQuery = {
	traceId: undefined,
	conditions: [],
	texts: [],
	sortKey: "name",
	isDescending: false,
	after: undefined,
	limit: 100,
	isSkeleton: false,
	knownTotal: undefined,
};

function span(id: string, traceId: string, overrides: Partial<WholeSpan> = {}): WholeSpan {
	return {
		id,
		traceId,
		parentId: null,
		name: `name of ${id}`,
		kind: DEFAULT_KIND,
		inputJson: null,
		outputJson: null,
		error: null,
		metadataJson: null,
		sessionId: null,
		otel: undefined,
		start: { ms: 1_700_000_000_000, subNs: 0 },
		end: { ms: 1_700_000_000_010, subNs: 0 },
		...overrides,
	};
}

function withTokens(input: number): SpanKindRecord {
	return { ...DEFAULT_KIND, type: "llm_call", name: "llm_call", tokens: { ...DEFAULT_KIND.tokens, input } };
}

describe("a write that is undone", () => {
	it("leaves deleted spans deleted when they could not be taken off the disk", async () => {
		const { store, find, failOn } = open();
		await store.addBatch({ traces: [], spans: ["a", "b", "c"].map((id) => span(id, "t")) });
		await store.columns.ready;
		await store.deleteAll();
		const heal = failOn("DELETE ON doomed");
		await expect(store.cleanDeleted(10)).rejects.toThrow("disk full");
		expect(await find({})).toEqual([[], 0]);
		heal();
		while (await store.cleanDeleted(10));
		expect(await find({})).toEqual([[], 0]);
		expect(store.database.prepare("SELECT count(*) AS n FROM spans").get()).toEqual({ n: 0 });
	});

	it("keeps texts findable that were not indexed yet when everything was to be deleted", async () => {
		const { store, find, failOn } = open();
		await store.addBatch({ traces: [], spans: [span("a", "t", { name: "needle" }), span("b", "t")] });
		const texts = [{ columns: [], needles: [], nameNeedle: "needle" }];
		const heal = failOn("INSERT ON events");
		await expect(store.deleteAll()).rejects.toThrow("disk full");
		expect(await find({ texts })).toEqual([["a"], 1]);
		heal();
		expect(await find({ texts })).toEqual([["a"], 1]);
	});

	it("takes no usage along from spans that never were", async () => {
		const { store, find, failOn } = open();
		await store.addBatch({ traces: [], spans: [span("old", "t", { end: undefined })] });
		await store.columns.ready;
		// One group: a new span with usage, then usage for an old one, then what fails. Repeated one by one, all fail.
		const heal = failOn("INSERT ON events");
		const writes = [
			store.addBatch({ traces: [], spans: [span("never", "t", { kind: withTokens(7) })] }),
			store.endSpan("old", { kind: withTokens(5), outputJson: null, end: undefined }),
		];
		for (const outcome of await Promise.allSettled(writes)) expect(outcome.status).toBe("rejected");
		heal();
		await store.addBatch({ traces: [], spans: [span("new", "t")] });
		const { columns } = store;
		expect(columns.usage.length).toBe(0);
		expect(
			await find({ conditions: [{ on: "number", column: "tokens", relation: ">=", bound: 1, unknownIs0: false }] }),
		).toEqual([[], 0]);
		await store.endSpan("old", { kind: withTokens(3), outputJson: null, end: undefined });
		expect(
			await find({ conditions: [{ on: "number", column: "tokens", relation: ">=", bound: 3, unknownIs0: false }] }),
		).toEqual([["old"], 1]);
	});

	it("counts in memory as on the disk when sums could not be written", async () => {
		const { store, failOn } = open();
		const twice = [span("call", "t", { kind: withTokens(5) }), span("up", "t", { kind: withTokens(9) })];
		await store.addBatch({
			traces: [],
			spans: [
				{ ...twice[1], kind: { ...twice[1].kind, isRollup: true } },
				{ ...twice[0], parentId: "up" },
			],
		});
		await store.columns.ready;
		const counts = () => [...store.columns.usage.counts.subarray(0, store.columns.usage.length)];
		const heal = failOn("UPDATE OF llm_calls ON traces");
		await expect(store.settleUsage()).rejects.toThrow("disk full");
		expect(counts()).toEqual([1, 1]);
		heal();
		await store.settleUsage();
		expect(counts()).toEqual([0, 1]);
	});
});
