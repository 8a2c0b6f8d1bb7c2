import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import type { SpanKindRecord, WholeSpan } from "../../../src/otlp/spanRecord.ts";
import { DEFAULT_KIND } from "../../../src/server/spanKind.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { SpanList, type SpanQuery } from "../../../src/server/storage/spanList.ts";
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

/** A directory that is gone when the test is over. */
function temporaryDir(): string {
	const dir = mkdtempSync(join(tmpdir(), "traceway-store-"));
	onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
	return dir;
}

describe("a store that is closed while commits wait for the disk", () => {
	it("has answered each write and told each event when it is closed, and has them after that", async () => {
		const dataDir = temporaryDir();
		const store = new Store({ dataDir, logger: silentLogger });
		const told: number[] = [];
		store.events.listener = (events) => told.push(...events.map(({ id }) => id));
		const answers: Promise<unknown>[] = [];
		for (let turn = 0; turn < 20; turn++) {
			for (let index = 0; index < 5; index++) {
				answers.push(store.addBatch({ traces: [], spans: [span(`${turn}-${index}`, `t${turn}`)] }));
			}
			await nextTurn();
		}
		let settled = 0;
		for (const answer of answers) void answer.then(() => settled++);
		await store.close();
		expect(settled).toBe(100);
		expect(told).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
		const again = new Store({ dataDir, logger: silentLogger });
		expect([again.spanCount, again.events.latestId]).toEqual([100, 100]);
		await again.close();
	});
});

describe("the columns of a store", () => {
	const change = fc.record({
		what: fc.constantFrom("add", "end", "deleteSpan", "deleteTrace", "deleteAll", "clean", "fail", "wait"),
		at: fc.nat({ max: 11_999 }),
	});

	it("hold what the table holds, whatever is written while they are being read after a start", async () => {
		const dataDir = temporaryDir();
		await fc.assert(
			fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
				rmSync(dataDir, { recursive: true });
				const first = new Store({ dataDir, logger: silentLogger });
				const spans = Array.from({ length: 12_000 }, (_, at) =>
					span(`s${at}`, at % 3 === 0 ? "large" : `t${at % 100}`, { end: undefined, kind: withTokens(1) }),
				);
				await first.addBatch({ traces: [], spans });
				await first.close();
				const store = new Store({ dataDir, logger: silentLogger });
				try {
					for (const { what, at } of changes) {
						const ending = { kind: withTokens(at), outputJson: null, end: undefined };
						if (what === "wait") await nextTurn();
						else if (what === "add") await store.addBatch({ traces: [], spans: [span(`new${at}`, `t${at % 100}`)] });
						else if (what === "end") await store.endSpan(`s${at}`, ending);
						else if (what === "deleteSpan") await store.deleteSpan(`s${at}`);
						else if (what === "deleteTrace") await store.deleteTrace(at % 2 === 0 ? "large" : `t${at % 100}`);
						else if (what === "deleteAll") await store.deleteAll();
						else if (what === "clean") await store.cleanDeleted(at);
						else {
							const failing = store.maintain(() => {
								throw new Error("no");
							});
							const repeated = store.endSpan(`s${at}`, ending);
							await expect(failing).rejects.toThrow("no");
							await repeated;
						}
					}
					await store.columns.ready;
					const { columns } = store;
					const held = [];
					for (let row = 0; row < columns.length; row++) {
						if (!columns.isThere(row)) continue;
						const { input } = columns.usage;
						const tokens = columns.usageRow[row] < 0 ? null : input[columns.usageRow[row]];
						held.push([columns.seq[row], columns.trace[row], columns.status[row], tokens]);
					}
					const rows = store.database
						.prepare(
							"SELECT seq, trace, status, input_tokens FROM spans WHERE trace IN (SELECT ref FROM traces) ORDER BY seq",
						)
						.all();
					expect(held).toEqual(rows.map((row) => Object.values(row)));
				} finally {
					await store.close();
				}
			}),
			{ numRuns: 12 },
		);
	}, 60_000);
});
