import * as fc from "fast-check";
import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import type { WholeSpan } from "../../../src/otlp/spanRecord.ts";
import { DEFAULT_KIND } from "../../../src/server/spanKind.ts";
import { Reader } from "../../../src/server/storage/reader.ts";
import { Store } from "../../../src/server/storage/store.ts";
import { TraceSearch } from "../../../src/server/storage/traceSearch.ts";

/** Letters whose lower case is longer, or that ASCII letters are the lower case of, quotes, pairs of surrogates, NUL. */
const LETTERS = ["a", "B", "c", "İ", "K", "é", "É", '"', "\\", "%", "🙂", "\u0000", "\n", " ", "ab", "CA"] as const;
const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 8 }).map((letters) => letters.join(""));
const needle = fc.oneof(
	fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 3 }).map((letters) => letters.join("")),
	fc.constantFrom("aBa", "abc", "i\u0307k", '"a"', "🙂🙂", "late", "kab", "no such text"),
);
const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

const plan = fc.record({
	traceId: fc.constantFrom("t1", "t1", "t2"),
	name: text,
	model: some(text),
	provider: some(text),
	path: some(text),
	toolName: some(text),
	agentName: some(text),
	input: some(text),
	output: some(text),
	attributes: some(text),
	metadata: some(text),
	event: some(text),
	link: some(text),
	hasOtel: fc.boolean(),
	fate: fc.constantFrom("ended", "ended", "fails", "completes", "deleted"),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const json = (value: string | null, key: string) => (value === null ? null : JSON.stringify({ [key]: value }));

function wholeSpan(id: string, from: Plan): WholeSpan {
	const isRunning = from.fate === "fails" || from.fate === "completes";
	const attributesJson = json(from.attributes, "key");
	return {
		id,
		traceId: from.traceId,
		parentId: null,
		name: from.name,
		kind: {
			...DEFAULT_KIND,
			type: "custom",
			name: "tool",
			model: from.model,
			provider: from.provider,
			path: from.path,
			toolName: from.toolName,
			agentName: from.agentName,
			attributesJson: from.hasOtel ? null : attributesJson,
		},
		sessionId: null,
		inputJson: json(from.input, "question"),
		outputJson: isRunning ? null : json(from.output, "answer"),
		metadataJson: json(from.metadata, "meta"),
		start: { ms: 1, subNs: 0 },
		end: isRunning ? undefined : { ms: 2, subNs: 0 },
		error: null,
		otel: from.hasOtel
			? {
					attributesJson,
					inputKey: null,
					outputKey: null,
					eventsJson: from.event === null ? null : JSON.stringify([{ name: from.event }]),
					linksJson: from.link === null ? null : JSON.stringify([{ trace_state: from.link }]),
					resourceJson: '{"attributes":{"shared":"late"}}',
					scopeJson: null,
					otelJson: "{}",
				}
			: undefined,
	};
}

/** Every text of a span, without any index. */
function textsOf({ name, kind, inputJson, outputJson, metadataJson, otel }: WholeSpan, fate: Plan["fate"]): string[] {
	const { model, provider, path, toolName, agentName } = kind;
	const end = fate === "fails" ? "too LATE\n" : fate === "completes" ? '"of late"' : null;
	return [name, kind.name, model, provider, path, toolName, agentName, inputJson, outputJson, metadataJson, end]
		.concat([kind.attributesJson, otel?.attributesJson ?? null, otel?.eventsJson ?? null, otel?.linksJson ?? null])
		.filter((part) => part !== null);
}

it("finds just the spans of the trace that a plain scan of all their texts finds, whatever the case and the state of the index", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(plan, { minLength: 140, maxLength: 200, size: "max" }),
			fc.array(fc.tuple(needle, fc.boolean()), { minLength: 12, maxLength: 12 }),
			fc.constantFrom(1, 7, 1000),
			fc.constantFrom(0, 1, 1, 1),
			async (plans, searches, limit, steps) => {
				const store = new Store({ dataDir: undefined, logger: silentLogger });
				try {
					const wholes = plans.map((from, index) => wholeSpan(`s${index}`, from));
					await store.addBatch({ traces: [], spans: wholes });
					for (let step = 0; step < steps; step++) store.search.step();
					const end = { ms: 30, subNs: 0 };
					await Promise.all(
						plans.map(({ fate }, index): Promise<unknown> | undefined => {
							if (fate === "deleted") return store.deleteSpan(`s${index}`);
							if (fate === "fails") return store.endSpan(`s${index}`, { error: "too LATE\n", end });
							if (fate !== "completes") return undefined;
							return store.endSpan(`s${index}`, { outputJson: '"of late"', kind: undefined, end });
						}),
					);
					const search = new TraceSearch(store.database, store.columns, store.search);
					const traceRef = new Reader(store.database, store.indexes).trace("t1")?.ref;
					fc.pre(traceRef !== undefined);
					for (const [wanted, isCaseSensitive] of searches) {
						const fold = (value: string) => (isCaseSensitive ? value : value.toLowerCase());
						const needles = [wanted, JSON.stringify(wanted).slice(1, -1)].map(fold);
						const expected = wholes
							.filter((span, index) => span.traceId === "t1" && plans[index].fate !== "deleted")
							.filter((span) => {
								const texts = textsOf(span, plans[Number(span.id.slice(1))].fate).map(fold);
								return texts.some((part) => needles.some((spelling) => part.includes(spelling)));
							});
						const found: string[] = [];
						for (let after: number | undefined = 0; after !== undefined; ) {
							const query = { traceRef, text: wanted, isCaseSensitive, after, limit };
							const page = await search.page(query, () => false);
							found.push(...page.spanIds);
							after = page.next;
						}
						expect(found).toEqual(expected.map(({ id }) => id));
					}
				} finally {
					await store.close();
				}
			},
		),
		{ numRuns: 40, endOnFailure: true },
	);
});
