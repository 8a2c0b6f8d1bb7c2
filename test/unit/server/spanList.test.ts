import * as fc from "fast-check";
import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import { SPAN_STATES } from "../../../src/model/span.ts";
import type { SpanKindRecord, WholeSpan } from "../../../src/otlp/spanRecord.ts";
import type { SpanRow } from "../../../src/otlp/spanRow.ts";
import { parseSpanQuery } from "../../../src/server/routes/spanFilter.ts";
import { DEFAULT_KIND } from "../../../src/server/spanKind.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { SpanList } from "../../../src/server/storage/spanList.ts";
import { Store } from "../../../src/server/storage/store.ts";

/** Letters whose lower case is longer, or that ASCII letters are the lower case of, quotes, pairs of surrogates, NUL. */
const LETTERS = ["a", "B", "c", "İ", "K", "ß", "é", "É", '"', "\\", "%", "_", "🙂", "\u0000", " ", "ab", "CA"] as const;
const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 12 }).map((letters) => letters.join(""));
/** Some of which are in many texts, with three letters and more, for which the index is asked. */
const needle = fc.oneof(
	text,
	fc.constantFrom("aBa", "ABc İK", "abab", "bc i\u0307k", "ABC", "B%", "éÉ ", '"a"', "🙂🙂", "kab"),
);
const longText = fc.oneof(
	text,
	text.map((part) => part.repeat(40)),
);
const word = fc.constantFrom("gpt-4o", "m2", "x".repeat(300));
const count = fc.option(fc.nat({ max: 5 }), { nil: null });

const kind = fc.record({
	type: fc.constantFrom("llm_call", "custom"),
	name: fc.constantFrom("tool", "agent"),
	model: fc.option(word, { nil: null }),
	path: fc.option(text, { nil: null }),
	input: count,
	output: count,
	cost: fc.option(fc.constantFrom(0, 0.5, 2), { nil: null }),
});

const span = fc.record({
	traceId: fc.constantFrom("t1", "t2", "t3"),
	name: longText,
	kind,
	input: fc.option(text, { nil: null }),
	output: fc.option(text, { nil: null }),
	startMs: fc.nat({ max: 20 }),
	subNs: fc.constantFrom(0, 7),
	duration: fc.option(fc.constantFrom(0, 1, 1, 1), { nil: undefined }),
	fate: fc.constantFrom("stays", "stays", "stays", "ends", "failed", "deleted"),
});

const FILTERS = [
	"trace_id",
	"kind",
	"model",
	"status",
	"since",
	"until",
	"name_contains",
	"path",
	"text_contains",
	"input_contains",
	"output_contains",
	"duration_min",
	"duration_max",
	"tokens_min",
	"cost_min",
] as const;

const words = fc.record({
	trace_id: fc.constantFrom("t1", "t4"),
	kind: fc.constantFrom("tool", "llm_call", "custom"),
	model: word,
	status: fc.constantFrom(...SPAN_STATES),
	since: fc.nat({ max: 20 }).map((ms) => new Date(ms).toISOString()),
	until: fc.nat({ max: 20 }).map((ms) => new Date(ms).toISOString()),
	name_contains: needle,
	path: needle,
	text_contains: needle,
	input_contains: needle,
	output_contains: needle,
	duration_min: fc.constantFrom("0", "2"),
	duration_max: fc.constantFrom("1"),
	tokens_min: fc.constantFrom("0", "3"),
	cost_min: fc.constantFrom("0", "0.5", "-1"),
	sort_by: fc.constantFrom("started_at", "duration", "tokens", "cost", "name"),
	sort_order: fc.constantFrom("asc", "desc"),
});

/** A few words at a time: of many nothing would be left. Often a text, for which there is most to go wrong. */
const query = fc
	.tuple(
		words,
		fc.subarray(["sort_by", "sort_order"] as const),
		fc.subarray([...FILTERS], { maxLength: 1 }),
		fc.constantFrom("text_contains", "input_contains", "output_contains", ...FILTERS),
	)
	.map(
		([all, order, some, one]): Partial<typeof all> =>
			Object.fromEntries([...order, ...some, one].map((name) => [name, all[name]])),
	);

type SpanPlan = typeof span extends fc.Arbitrary<infer T> ? T : never;

function wholeSpan(id: string, from: SpanPlan): WholeSpan {
	const { traceId, name, startMs, subNs, duration, fate } = from;
	const record: SpanKindRecord = {
		...DEFAULT_KIND,
		type: from.kind.type,
		name: from.kind.type === "custom" ? from.kind.name : from.kind.type,
		model: from.kind.model,
		path: from.kind.path,
		cost: from.kind.cost,
		tokens: { ...DEFAULT_KIND.tokens, input: from.kind.input, output: from.kind.output },
	};
	const hasEnded = duration !== undefined || fate === "failed";
	return {
		id,
		traceId,
		parentId: null,
		name,
		kind: record,
		sessionId: null,
		inputJson: from.input === null ? null : JSON.stringify(from.input),
		outputJson: from.output === null ? null : JSON.stringify(from.output),
		metadataJson: null,
		start: { ms: startMs, subNs },
		end: hasEnded ? { ms: startMs + (duration ?? 0), subNs } : undefined,
		error: fate === "failed" ? "no" : null,
		otel: undefined,
	};
}

/** What the words of a query mean, without any index. */
function isHit(row: SpanRow, words: Readonly<Record<string, string | undefined>>): boolean {
	const has = (text: string | null, wanted: string) => text?.toLowerCase().includes(wanted.toLowerCase()) === true;
	const hasJson = (text: string | null, wanted: string) =>
		has(text, wanted) || has(text, JSON.stringify(wanted).slice(1, -1));
	const tokens = (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
	const tests: Readonly<Record<string, (wanted: string) => boolean>> = {
		trace_id: (wanted) => row.traceId === wanted,
		kind: (wanted) => row.kindType === wanted || row.kindName === wanted,
		model: (wanted) => row.model === wanted,
		status: (wanted) => SPAN_STATES[row.status] === wanted,
		since: (wanted) => row.startMs >= Date.parse(wanted),
		until: (wanted) => row.startMs < Date.parse(wanted) || (row.startMs === Date.parse(wanted) && row.startSub === 0),
		name_contains: (wanted) => has(row.name, wanted),
		path: (wanted) => has(row.path, wanted),
		text_contains: (wanted) =>
			has(row.name, wanted) || hasJson(row.inputJson, wanted) || hasJson(row.outputJson, wanted),
		input_contains: (wanted) => hasJson(row.inputJson, wanted),
		output_contains: (wanted) => hasJson(row.outputJson, wanted),
		duration_min: (wanted) => row.durationMs !== null && row.durationMs >= Number(wanted),
		duration_max: (wanted) => row.durationMs !== null && row.durationMs <= Number(wanted),
		tokens_min: (wanted) => tokens >= Number(wanted),
		cost_min: (wanted) => (row.cost ?? 0) >= Number(wanted),
	};
	return Object.entries(words).every(([name, wanted]) => !wanted || (tests[name]?.(wanted) ?? true));
}

/** What a row sorts by. */
function sortValues(row: SpanRow, sortBy: string | undefined): readonly (number | string)[] {
	switch (sortBy) {
		case "duration":
			return [row.durationMs ?? 0, row.seq];
		case "tokens":
			return [(row.inputTokens ?? 0) + (row.outputTokens ?? 0), row.seq];
		case "cost":
			return [row.cost ?? 0, row.seq];
		case "name":
			return [row.name.slice(0, 200), row.seq];
		default:
			return [row.startMs, row.startSub, row.seq];
	}
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
	const at = a.findIndex((value, index) => value !== b[index]);
	return at < 0 ? 0 : a[at] < b[at] ? -1 : 1;
}

it("lists just what a plain scan finds, in order and page by page, whatever the filter, sort and state of the indexes", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(span, { minLength: 140, maxLength: 200, size: "max" }),
			fc.array(query, { minLength: 12, maxLength: 12 }),
			fc.constantFrom(25, 1000),
			fc.constantFrom(0, 1, 1, 1),
			async (spans, queries, limit, steps) => {
				const store = new Store({ dataDir: undefined, logger: silentLogger });
				try {
					const wholes = spans.map((from, index) => wholeSpan(`s${index}`, from));
					await store.addBatch({ traces: [], spans: wholes });
					for (let step = 0; step < steps; step++) store.search.step();
					const end = { ms: 30, subNs: 0 };
					const changes = spans.map(({ fate }, index): Promise<unknown> | undefined => {
						if (fate === "deleted") return store.deleteSpan(`s${index}`);
						return fate === "ends"
							? store.endSpan(`s${index}`, { outputJson: '"ABc İK"', kind: undefined, end })
							: undefined;
					});
					await Promise.all(changes);
					if (limit === 25) await store.deleteTrace("t3");
					const reader = new Reader(store.database, store.indexes);
					const list = new SpanList(store.database, reader, store.columns, store.search);
					const rows = wholes.flatMap(({ id }) => reader.span(id) ?? []);
					store.indexSpans();
					for (const words of queries) {
						const parameters = new URLSearchParams({ ...words, limit: String(limit) });
						const hits = rows.filter((row) => isHit(row, words));
						hits.sort((a, b) => compare(sortValues(a, words.sort_by), sortValues(b, words.sort_by)));
						if (words.sort_order !== "asc") hits.reverse();
						const found: string[] = [];
						for (;;) {
							const { query: parsed, cursorFor } = parseSpanQuery(parameters);
							const page = await list.page(parsed, () => false);
							found.push(...page.rows.map(({ id }) => id));
							const isIndexed = parsed.conditions.length + parsed.texts.length === 0 && parsed.sortKey === "start";
							if (!isIndexed) expect(page.total).toBe(hits.length);
							if (page.next === undefined) break;
							parameters.set("cursor", cursorFor(page.next, page.total));
						}
						expect(found).toEqual(hits.map(({ id }) => id));
					}
				} finally {
					await store.close();
				}
			},
		),
		{ numRuns: 40, endOnFailure: true },
	);
});
