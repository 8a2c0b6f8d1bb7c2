import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, contents, running, span } from "./spans.ts";

/** One thing that a stream may say. */
type Step = (store: TraceStore) => void;

function applied(steps: readonly Step[]): unknown {
	const store = new TraceStore();
	for (const step of steps) step(store);
	return contents(store);
}

const ids = ["a", "b", "c", "d", "e"];
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anySpan: fc.Arbitrary<SpanInput> = fc
	.record({
		traceId: fc.constantFrom("t1", "t2"),
		spanId: fc.constantFrom(...ids),
		parentSpanId: fc.option(fc.constantFrom(...ids, "never here")),
		name: fc.constantFrom("plan", "act", ""),
		kindName: fc.constantFrom("tool", "llm_call"),
		model: maybe(fc.constantFrom("gpt-4o", "o3", "unpriced")),
		provider: maybe(fc.constantFrom("openai", "")),
		inputTokens: maybe(fc.nat(1e6)),
		outputTokens: maybe(fc.nat(1e6)),
		costUsd: maybe(fc.double({ min: 0, max: 1000, noNaN: true })),
		state: fc.constantFrom("running", "completed", "failed"),
		error: maybe(fc.constantFrom("reset", "timeout")),
		start: fc.tuple(fc.nat(3), fc.nat(2)).map(([ms, ns]) => at(ms, ns)),
		end: fc.tuple(fc.nat(3), fc.nat(2)).map(([ms, ns]) => at(ms, ns)),
		serviceName: maybe(fc.constantFrom("desk", "shop")),
		path: maybe(fc.constantFrom("/a", "/b")),
	})
	.map((one) => (one.state === "running" ? { ...one, error: undefined } : one) as SpanInput);

/** Spans of two traces, some ids in both, each with its running version where it ended, and the records. */
const story = fc
	.uniqueArray(anySpan, { selector: (one) => `${one.traceId} ${one.spanId}`, maxLength: 10 })
	.map((spans): Step[] => [
		...spans.flatMap((one): Step[] => [(store) => store.upsertSpan(one), (store) => store.upsertSpan(running(one))]),
		(store) => store.upsertTrace({ traceId: "t1", name: "Trip", tags: ["session:S"], start: at(0) }),
	]);

describe("TraceStore in any order", { timeout: 30_000 }, () => {
	it("comes to the same summaries and the same tree, however spans, parents, versions and records are shuffled", () => {
		fc.assert(
			fc.property(
				story.chain((steps) =>
					fc.record({
						steps: fc.constant(steps),
						shuffled: fc.shuffledSubarray(steps, { minLength: steps.length, maxLength: steps.length }),
					}),
				),
				({ steps, shuffled }) => {
					expect(applied(shuffled)).toEqual(applied(steps));
				},
			),
			{ numRuns: 400 },
		);
	});

	it("comes to the same when everything is applied again, and says that nothing changed", () => {
		fc.assert(
			fc.property(story, fc.infiniteStream(fc.nat()), (steps, picks) => {
				const store = new TraceStore();
				for (const step of steps) step(store);
				const before = contents(store);
				const { revision } = store;
				for (const pick of picks.take(steps.length)) if (steps.length > 0) steps[pick % steps.length](store);
				expect(contents(store)).toEqual(before);
				expect(store.revision).toBe(revision);
			}),
		);
	});

	it("keeps what was deleted deleted, wherever in the order the deletion stands", () => {
		fc.assert(
			fc.property(
				story,
				fc.constantFrom(...ids),
				fc.constantFrom(undefined, "t1"),
				fc.boolean(),
				fc.nat(),
				(steps, spanId, traceId, isTrace, place) => {
					const store = new TraceStore();
					const index = steps.length === 0 ? 0 : place % (steps.length + 1);
					const deletion: Step = (one) => (isTrace ? one.deleteTrace("t1") : one.deleteSpan(spanId, traceId));
					for (const step of [...steps.slice(0, index), deletion, ...steps.slice(index)]) step(store);
					if (isTrace) expect(store.entry("t1")).toBeUndefined();
					else
						for (const each of traceId === undefined ? ["t1", "t2"] : [traceId]) {
							expect(store.span(each, spanId)).toBeUndefined();
						}
					expect(store.spanCount).toBe([...store.entries()].reduce((sum, entry) => sum + entry.rows.length, 0));
				},
			),
		);
	});

	it("never brings a running version over a terminal one, but fills in what only it knows", () => {
		const store = new TraceStore();
		store.upsertSpan({ spanId: "a", traceId: "t", state: "completed", end: at(5), outputTokens: 7, name: "final" });
		store.upsertSpan({
			spanId: "a",
			traceId: "t",
			parentSpanId: null,
			state: "running",
			name: "first",
			start: at(1),
			model: "o3",
			outputTokens: 1,
		});
		expect(store.span("t", "a")).toMatchObject({
			state: "completed",
			name: "final",
			start: at(1),
			end: at(5),
			model: "o3",
			outputTokens: 7,
			parentSpanId: null,
		});
	});

	it("adds costs up to the same cent, and the same nano-dollar, in any order", () => {
		const costs = [1 / 3, 2 / 3, 1 / 7, 0.1, 123.456, 0.0000603];
		const sums = new Set<number | undefined>();
		fc.assert(
			fc.property(fc.shuffledSubarray(costs, { minLength: costs.length }), (shuffled) => {
				const store = new TraceStore();
				for (const [index, costUsd] of shuffled.entries()) store.upsertSpan(span("t", `s${index}`, { costUsd }));
				sums.add(store.summary("t")?.costUsd);
			}),
		);
		expect([...sums]).toEqual([124.698917443]);
	});

	it("sums a long trace as a short one, whatever changes in it meanwhile", () => {
		const wide = 2500;
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat(wide - 1), fc.constantFrom("fail", "delete", "rename", "cost", "sum"), fc.nat(50)), {
					maxLength: 20,
				}),
				(changes) => {
					const store = new TraceStore();
					for (let index = 0; index < wide; index++)
						store.upsertSpan(span("t", `s${index}`, { start: at(index + 100), inputTokens: 1 }));
					for (const [index, change, value] of changes) {
						const spanId = `s${index}`;
						if (change === "delete") store.deleteSpan(spanId, "t");
						else if (change === "fail")
							store.upsertSpan({ traceId: "t", spanId, state: "failed", error: `e${value}`, end: at(9000 + value) });
						else if (change === "rename")
							store.upsertSpan({ traceId: "t", spanId, name: `n${value}`, start: at(value) });
						else if (change === "cost") store.upsertSpan({ traceId: "t", spanId, costUsd: value, outputTokens: value });
						else store.summary("t");
					}
					// A store that takes the result at once has no sums from before.
					const fresh = new TraceStore();
					for (const row of store.entry("t")?.rows ?? []) {
						const { parentSpanId, costUsd, isCostEstimated, ...rest } = store.spanAt(row);
						fresh.upsertSpan({ ...rest, parentSpanId, costUsd: isCostEstimated ? undefined : costUsd });
					}
					expect({ ...store.summary("t"), changedAtMs: 0 }).toEqual({ ...fresh.summary("t"), changedAtMs: 0 });
				},
			),
			{ numRuns: 10 },
		);
	});
});
