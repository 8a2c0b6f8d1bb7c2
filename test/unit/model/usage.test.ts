import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countUsage, isSameModel, nanoUsd } from "../../../src/model/usage.ts";
import { naiveCounts, type UsageSpan, usageRowsOf } from "./usageSpans.ts";

function span(id: string, parentId: string | null, usage: Partial<UsageSpan> = {}): UsageSpan {
	return {
		id,
		parentId,
		input: null,
		output: null,
		cost: null,
		cacheRead: null,
		isRollup: false,
		model: null,
		...usage,
	};
}

/** Ids of the spans whose usage counts. */
function counting(spans: readonly UsageSpan[]): string[] {
	const counts = countUsage(usageRowsOf(spans));
	return spans.filter((_, row) => counts[row] === 1).map(({ id }) => id);
}

const call = { input: 100, output: 20, model: "gpt-4o" };

describe("countUsage", () => {
	it("counts every call of an agent that reports nothing itself", () => {
		expect(counting([span("agent", null), span("a", "agent", call), span("b", "agent", call)])).toEqual([
			"agent",
			"a",
			"b",
		]);
	});

	it("counts a call once that two instrumentations report, whatever each calls the model", () => {
		for (const model of ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", null]) {
			expect(counting([span("outer", null, call), span("inner", "outer", { ...call, model })])).toEqual(["inner"]);
			const between = span("http", "outer");
			expect(counting([span("outer", null, call), between, span("inner", "http", call)])).toEqual(["http", "inner"]);
		}
	});

	it("counts three layers of one call once", () => {
		expect(counting([span("a", null, call), span("b", "a", call), span("c", "b", call)])).toEqual(["c"]);
	});

	it("takes an agent that adds up its calls for the sum that it is, also of several models", () => {
		const sum = { input: 150, output: 30, model: "gpt-4o" };
		const other = { input: 50, output: 10, model: "o3" };
		expect(counting([span("agent", null, sum), span("a", "agent", call), span("b", "agent", other)])).toEqual([
			"a",
			"b",
		]);
	});

	it("counts a call within a call of another model, or with other counts", () => {
		for (const other of [
			{ ...call, model: "claude-3-haiku" },
			{ ...call, output: 21 },
			{ input: 100, model: "gpt-4o" },
		]) {
			expect(counting([span("a", null, call), span("b", "a", other)])).toEqual(["a", "b"]);
		}
	});

	it("does not take two zeros for a sign, nor a cost alone", () => {
		const zero = { input: 0, output: 0 };
		expect(counting([span("a", null, zero), span("b", "a", zero)])).toEqual(["a", "b"]);
		expect(counting([span("a", null, { cost: 1 }), span("b", "a", { cost: 1 })])).toEqual(["a", "b"]);
	});

	it("counts a roll-up only where nothing below it reports anything", () => {
		const rollup = { input: 900, output: 90, isRollup: true };
		expect(counting([span("agent", null, rollup), span("step", "agent")])).toEqual(["agent", "step"]);
		for (const usage of [call, { cost: 0.1 }, { cacheRead: 5 }, { input: 0 }]) {
			expect(counting([span("agent", null, rollup), span("step", "agent"), span("a", "step", usage)])).toEqual([
				"step",
				"a",
			]);
		}
		const inner = span("inner", "agent", { ...rollup, input: 5 });
		expect(counting([span("agent", null, rollup), inner])).toEqual(["inner"]);
		expect(counting([span("agent", null, rollup), inner, span("a", "inner", call)])).toEqual(["a"]);
	});

	it("looks through what does not count", () => {
		// The wrapper repeats its call, and the step around both repeats the call, not the two.
		const spans = [span("step", null, call), span("wrapper", "step", call), span("call", "wrapper", call)];
		expect(counting([...spans, span("next", null, call)])).toEqual(["call", "next"]);
		const twice = { ...call, input: 200, output: 40 };
		expect(counting([span("step", null, twice), ...spans.slice(1), span("b", "step", call)])).toEqual(["call", "b"]);
	});

	it("ends on circles of parents, whose spans stand for themselves", () => {
		const circle = [span("a", "c", call), span("b", "a", call), span("c", "b", call), span("own", "own", call)];
		expect(counting([...circle, span("leaf", "b", call)])).toEqual(["a", "c", "own", "leaf"]);
	});

	it("takes a chain of 200,000 spans", () => {
		const spans = Array.from({ length: 200_000 }, (_, index) =>
			span(`s${index}`, index === 0 ? null : `s${index - 1}`, call),
		);
		expect(counting(spans)).toEqual(["s199999"]);
		expect(counting(spans.reverse())).toEqual(["s199999"]);
	});

	const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
	/** Few numbers and few models, so that sums meet; parents anywhere, themselves included. */
	const forests = fc
		.array(
			fc.record({
				parent: maybe(fc.nat(14)),
				input: maybe(fc.nat(4)),
				output: maybe(fc.nat(2)),
				cost: maybe(fc.nat(1)),
				cacheRead: maybe(fc.nat(1)),
				isRollup: fc.integer({ min: 0, max: 4 }).map((die) => die === 0),
				model: maybe(fc.constantFrom("gpt-4o", "gpt-4o-2024-08-06", "o3")),
			}),
			{ minLength: 1, maxLength: 14 },
		)
		.map((list) =>
			list.map(({ parent, ...usage }, index) => span(`s${index}`, parent === null ? null : `s${parent}`, usage)),
		);

	it("is the rule as a recursion says it", () => {
		fc.assert(
			fc.property(forests, (spans) => {
				expect(new Set(counting(spans))).toEqual(naiveCounts(spans));
			}),
			{ numRuns: 3000 },
		);
	});

	it("does not depend on the order of the rows", () => {
		const shuffled = forests.chain((spans) =>
			fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
		);
		fc.assert(
			fc.property(shuffled, ([spans, others]) => {
				expect(counting(others).sort()).toEqual(counting(spans).sort());
			}),
			{ numRuns: 1000 },
		);
	});

	it("leaves the sum of a trace as it is when every call is reported by one more layer", () => {
		const calls = fc.array(fc.record({ input: fc.nat(1000), output: fc.integer({ min: 1, max: 1000 }) }), {
			minLength: 1,
			maxLength: 20,
		});
		fc.assert(
			fc.property(calls, fc.boolean(), (list, isRollup) => {
				const plain = list.map((usage, index) => span(`s${index}`, "root", { ...usage, model: "gpt-4o" }));
				const wrapped = plain.flatMap((one) => [
					{ ...one, id: `${one.id}-outer`, isRollup },
					{ ...one, parentId: `${one.id}-outer` },
				]);
				const sumOf = (spans: readonly UsageSpan[]) => {
					const counts = countUsage(usageRowsOf(spans));
					return spans.reduce((sum, { input }, row) => sum + (counts[row] === 1 ? (input ?? 0) : 0), 0);
				};
				expect(sumOf([span("root", null), ...wrapped])).toBe(sumOf([span("root", null), ...plain]));
			}),
		);
	});
});

describe("isSameModel", () => {
	it.each([
		["gpt-4o", "gpt-4o-2024-08-06", true],
		["openai/gpt-4o", "GPT-4o", true],
		["claude-3-5-sonnet", "claude-3-opus", false],
		["gpt-4o", "o3", false],
	])("of %s and %s is %s", (a, b, isSame) => {
		expect(isSameModel(a, b)).toBe(isSame);
		expect(isSameModel(b, a)).toBe(isSame);
	});
});

describe("nanoUsd", () => {
	it("rounds to whole nano-dollars, halves away from zero", () => {
		expect([0.1, 0.0000000015, -0.0000000015, 0, 0.4999e-9].map(nanoUsd)).toEqual([100_000_000, 2, -2, 0, 0]);
	});
});
