import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadPrices } from "../../../src/model/prices.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { countUsage, nanoUsd } from "../../../src/model/usage.ts";
import { at, contents, running, span } from "./spans.ts";
import { type UsageSpan, usageRowsOf } from "./usageSpans.ts";

beforeAll(loadPrices);

interface Sums {
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly costUsd: number | undefined;
}

/** Sums of a trace from its spans as the store gives them back, by the rule for all sums. */
function recount(store: TraceStore, traceId: string): Sums {
	const spans = (store.entry(traceId)?.rows ?? []).map((row) => store.spanAt(row));
	const counts = countUsage(
		usageRowsOf(
			spans.map(
				(one): UsageSpan => ({
					id: one.spanId,
					parentId: one.parentSpanId ?? null,
					input: one.inputTokens ?? null,
					output: one.outputTokens ?? null,
					cacheRead: one.cacheReadTokens ?? null,
					cost: one.costUsd ?? null,
					isRollup: one.isRollup,
					model: one.model ?? null,
				}),
			),
		),
	);
	const sum = (values: readonly (number | undefined)[]) => {
		const known = values.filter((value, row) => value !== undefined && counts[row] === 1) as number[];
		return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
	};
	const nano = sum(spans.map(({ costUsd }) => (costUsd === undefined ? undefined : nanoUsd(costUsd))));
	return {
		inputTokens: sum(spans.map(({ inputTokens }) => inputTokens)),
		outputTokens: sum(spans.map(({ outputTokens }) => outputTokens)),
		costUsd: nano === undefined ? undefined : nano / 1e9,
	};
}

function sumsOf(store: TraceStore, traceId: string): Sums | undefined {
	const summary = store.summary(traceId);
	if (summary === undefined) return undefined;
	const { inputTokens, outputTokens, costUsd } = summary;
	return { inputTokens, outputTokens, costUsd };
}

const call: Partial<SpanInput> = { kindType: "llm_call", model: "gpt-4o", inputTokens: 100, outputTokens: 20 };

describe("TraceStore: usage of a trace", { timeout: 30_000 }, () => {
	it("counts a call once that a span around it repeats, whichever comes first", () => {
		const spans = [span("t", "outer", call), span("t", "inner", { ...call, parentSpanId: "outer" })];
		for (const order of [spans, spans.toReversed()]) {
			const store = new TraceStore();
			for (const one of order) store.upsertSpan(one);
			expect(store.summary("t")).toMatchObject({ inputTokens: 100, outputTokens: 20, costUsd: 0.00045 });
		}
	});

	it("follows a span that comes between, goes, or changes what it says", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "agent", { ...call, isRollup: true, inputTokens: 500 }));
		expect(store.summary("t")?.inputTokens).toBe(500);
		store.upsertSpan(span("t", "call", { ...call, parentSpanId: "step" }));
		expect(store.summary("t")?.inputTokens).toBe(600);
		store.upsertSpan(span("t", "step", { parentSpanId: "agent" }));
		expect(store.summary("t")?.inputTokens).toBe(100);
		store.deleteSpan("step", "t");
		expect(store.summary("t")?.inputTokens).toBe(600);
		store.upsertSpan({ traceId: "t", spanId: "call", parentSpanId: "agent" });
		expect(store.summary("t")?.inputTokens).toBe(100);
		store.upsertSpan({ traceId: "t", spanId: "agent", isRollup: false });
		expect(store.summary("t")?.inputTokens).toBe(600);
	});

	it("counts a call once that a running span around it repeats when it ends", () => {
		const store = new TraceStore();
		const outer = span("t", "outer", { ...call, isRollup: true });
		store.upsertSpan(span("t", "outer", { state: "running", end: undefined }));
		store.upsertSpan(span("t", "inner", { ...call, parentSpanId: "outer" }));
		expect(store.summary("t")?.inputTokens).toBe(100);
		store.upsertSpan(outer);
		expect(store.summary("t")?.inputTokens).toBe(100);
	});

	it("sums anew what counts no longer because of a span far from it", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "agent", { isRollup: true, inputTokens: 500 }));
		for (let index = 0; index < 3000; index++) store.upsertSpan(span("t", `s${index}`, { parentSpanId: "agent" }));
		expect(store.summary("t")?.inputTokens).toBe(500);
		store.upsertSpan({ traceId: "t", spanId: "s2999", inputTokens: 7 });
		expect(store.summary("t")?.inputTokens).toBe(7);
	});

	it("takes a kind that is told whole for all that is known of it, also before the late running version", () => {
		const start = running(span("t", "a", { ...call, hasWholeKind: true, cacheReadTokens: 5, path: "/a" }));
		const end = span("t", "a", { hasWholeKind: true, kindType: "custom", kindName: "draft" });
		for (const order of [
			[start, end],
			[end, start],
		]) {
			const store = new TraceStore();
			for (const one of order) store.upsertSpan(one);
			expect(store.span("t", "a")).toMatchObject({
				kindType: "custom",
				kindName: "draft",
				model: undefined,
				inputTokens: undefined,
				cacheReadTokens: undefined,
				isRollup: false,
			});
			expect(store.pathOf(store.rowOf("a", "t") ?? -1)).toBeUndefined();
			expect(sumsOf(store, "t")).toEqual({ inputTokens: undefined, outputTokens: undefined, costUsd: undefined });
		}
	});

	it("prices cached tokens as such", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "a", { ...call, cacheReadTokens: 60, cacheWriteTokens: 1, reasoningTokens: 7 }));
		expect(store.span("t", "a")).toMatchObject({ cacheReadTokens: 60, cacheWriteTokens: 1, reasoningTokens: 7 });
		expect(store.span("t", "a")?.costUsd).toBeCloseTo((40 * 2.5 + 60 * 1.25 + 20 * 10) / 1e6, 12);
	});

	it("names the session that its tags name, else its earliest root, else its earliest span", () => {
		const store = new TraceStore();
		const sessionId = () => store.summary("t")?.sessionId;
		store.upsertSpan(span("t", "late", { parentSpanId: "root", sessionId: "late", start: at(5) }));
		store.upsertSpan(span("t", "early", { parentSpanId: "root", sessionId: "early", start: at(2) }));
		expect(sessionId()).toBe("early");
		store.upsertSpan(span("t", "root", { sessionId: "root", start: at(9) }));
		expect(sessionId()).toBe("root");
		store.upsertTrace({ traceId: "t", tags: ["session:tag"] });
		expect(sessionId()).toBe("tag");
	});

	const ids = ["a", "b", "c", "d", "e", "f"];
	const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
	/** Few numbers, so that sums meet. Costs only where they are said: an estimate is no usage of its own. */
	const anySpan = (spanIds: fc.Arbitrary<string>): fc.Arbitrary<SpanInput> =>
		fc
			.record({
				spanId: spanIds,
				parentSpanId: fc.option(fc.oneof(spanIds, fc.constant("never here"))),
				hasWholeKind: fc.boolean(),
				kindType: fc.constantFrom("custom", "llm_call"),
				model: maybe(fc.constantFrom("gpt-4o", "o3")),
				inputTokens: maybe(fc.nat(3)),
				outputTokens: maybe(fc.nat(2)),
				cacheReadTokens: maybe(fc.nat(1)),
				costUsd: maybe(fc.constantFrom(0, 0.1, 1 / 3)),
				isRollup: maybe(fc.boolean()),
			})
			.map(({ spanId, ...rest }) => span("t", spanId, rest));
	/** A change of the store, or a look at its sums. */
	const steps = (spanIds: fc.Arbitrary<string>, maxLength: number) =>
		fc.array(
			fc.oneof(
				{ weight: 6, arbitrary: anySpan(spanIds).map((one) => (store: TraceStore) => void store.upsertSpan(one)) },
				{
					weight: 2,
					arbitrary: anySpan(spanIds).map((one) => (store: TraceStore) => void store.upsertSpan(running(one))),
				},
				{ weight: 1, arbitrary: spanIds.map((id) => (store: TraceStore) => void store.deleteSpan(id, "t")) },
				{ weight: 2, arbitrary: fc.constant((store: TraceStore) => void store.summary("t")) },
			),
			{ maxLength },
		);

	it("is what a recount of its spans gives, after any story", () => {
		fc.assert(
			fc.property(steps(fc.constantFrom(...ids), 25), (story) => {
				const store = new TraceStore();
				for (const [index, step] of story.entries()) {
					step(store);
					if (index % 5 === 0) store.summary("t");
				}
				if (store.entry("t") !== undefined) expect(sumsOf(store, "t")).toEqual(recount(store, "t"));
			}),
			{ numRuns: 2000 },
		);
	});

	it("is what a recount gives in a long trace whose sums are kept in parts", () => {
		const wide = 2500;
		const spanIds = fc.nat(wide - 1).map((index) => `s${index}`);
		fc.assert(
			fc.property(steps(spanIds, 25), fc.integer({ min: 2, max: 50 }), (story, width) => {
				const store = new TraceStore();
				for (let index = 0; index < wide; index++) {
					const parentSpanId = index === 0 ? null : `s${Math.floor(index / width)}`;
					store.upsertSpan(span("t", `s${index}`, { parentSpanId, inputTokens: index % 3 === 0 ? 1 : undefined }));
				}
				store.summary("t");
				for (const step of story) step(store);
				expect(sumsOf(store, "t")).toEqual(recount(store, "t"));
			}),
			{ numRuns: 30 },
		);
	});

	it("comes to the same however ended spans and their running versions are shuffled", () => {
		const spans = fc.uniqueArray(anySpan(fc.constantFrom(...ids)), { selector: ({ spanId }) => spanId, maxLength: 6 });
		fc.assert(
			fc.property(
				spans.chain((list) => {
					const all = list.flatMap((one) => [one, { ...running(one), model: "other", inputTokens: 9 }]);
					return fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }));
				}),
				([inOrder, shuffled]) => {
					const [one, other] = [inOrder, shuffled].map((list) => {
						const store = new TraceStore();
						for (const input of list) store.upsertSpan(input);
						return contents(store);
					});
					expect(other).toEqual(one);
				},
			),
			{ numRuns: 500 },
		);
	});
});

describe("one sum of both ways", () => {
	const total = { kindType: "llm_call", model: "gpt-4o-mini", inputTokens: 148, isTokenTotal: true } as const;

	it("counts as tokens and costs nothing that anybody could know", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "a", { ...total, hasWholeKind: true }));
		expect(store.span("t", "a")).toMatchObject({ inputTokens: 148, isTokenTotal: true, costUsd: undefined });
		expect(store.summary("t")).toMatchObject({ inputTokens: 148, outputTokens: undefined, costUsd: undefined });
		store.dispose();
	});

	it("is one no longer when the span is told anew with both", () => {
		const store = new TraceStore();
		store.upsertSpan(span("t", "a", { ...total, hasWholeKind: true }));
		const { isTokenTotal: _total, ...both } = { ...total, inputTokens: 100, outputTokens: 48, hasWholeKind: true };
		store.upsertSpan(span("t", "a", both));
		expect(store.span("t", "a")?.isTokenTotal).toBeUndefined();
		expect(store.span("t", "a")?.costUsd).toBeGreaterThan(0);
		store.dispose();
	});
});
