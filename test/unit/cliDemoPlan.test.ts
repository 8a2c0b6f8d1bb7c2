import { describe, expect, it } from "vitest";
import { type DemoSpan, planTrace } from "../../src/cli/demoPlan.ts";
import { SeededRandom } from "../../src/cli/seededRandom.ts";

function flatten(span: DemoSpan): DemoSpan[] {
	return [span, ...span.children.flatMap(flatten)];
}

function plans(seed: number, count: number) {
	return Array.from({ length: count }, (_, number) => planTrace(seed, number));
}

describe("the plan of the demo", () => {
	it("is the same for the same seed, in whatever order it is asked for", () => {
		const forward = plans(42, 30);
		const backward = Array.from({ length: 30 }, (_, index) => planTrace(42, 29 - index)).reverse();
		expect(backward).toEqual(forward);
	});

	it("differs between seeds and between the traces of a seed", () => {
		const texts = new Set([...plans(1, 20), ...plans(2, 20)].map((plan) => JSON.stringify(plan)));
		expect(texts.size).toBe(40);
	});

	it("has every kind of span, failures, sessions and several services within a hundred traces", () => {
		const traces = plans(1, 100);
		const spans = traces.flatMap((trace) => flatten(trace.root));
		const kinds = new Set(spans.map(({ kind }) => (kind.type === "custom" ? kind.kind : kind.type)));
		expect([...kinds]).toEqual(
			expect.arrayContaining(["llm_call", "fs_read", "fs_write", "agent", "tool", "retrieval", "embedding"]),
		);
		const errors = spans.flatMap(({ result }) => (result.type === "failed" ? [result.error] : []));
		expect(errors.some((error) => error.includes("\n"))).toBe(true);
		// Failures stand out only where they are the exception.
		expect(errors.length / spans.length).toBeLessThan(0.25);
		const tags = traces.flatMap((trace) => trace.tags);
		expect(new Set(tags.filter((tag) => tag.startsWith("service:"))).size).toBeGreaterThan(3);
		const sessions = tags.filter((tag) => tag.startsWith("session:"));
		expect(new Set(sessions).size).toBeGreaterThan(3);
		expect(sessions.length).toBeGreaterThan(new Set(sessions).size);
	});

	it("gives each completed LLM call a model, a provider, both token counts and chat messages", () => {
		const calls = plans(3, 50)
			.flatMap((trace) => flatten(trace.root))
			.filter((span) => span.kind.type === "llm_call" && span.result.type === "completed");
		expect(calls.length).toBeGreaterThan(50);
		for (const { input, result } of calls) {
			expect(input).toEqual(expect.arrayContaining([{ role: "user", content: expect.any(String) }]));
			expect(result).toMatchObject({
				kind: {
					type: "llm_call",
					model: expect.any(String),
					provider: expect.any(String),
					input_tokens: expect.any(Number),
					output_tokens: expect.any(Number),
				},
			});
		}
	});

	it("nests at least four deep and stays small enough to be looked at", () => {
		const depth = (span: DemoSpan): number => 1 + Math.max(0, ...span.children.map(depth));
		const traces = plans(5, 50);
		expect(Math.max(...traces.map((trace) => depth(trace.root)))).toBeGreaterThanOrEqual(4);
		expect(Math.max(...traces.map((trace) => flatten(trace.root).length))).toBeLessThan(60);
	});
});

describe("seeded random numbers", () => {
	it("stay inside their bounds and reach both", () => {
		const random = new SeededRandom(9);
		const seen = new Set(Array.from({ length: 500 }, () => random.integer(2, 5)));
		expect([...seen].sort()).toEqual([2, 3, 4, 5]);
	});

	it("give durations that are never negative and have their median where it was asked for", () => {
		const random = new SeededRandom(11);
		const durations = Array.from({ length: 2001 }, () => random.durationMs(400)).sort((a, b) => a - b);
		expect(durations[0]).toBeGreaterThanOrEqual(0);
		expect(durations.at(-1)).toBeLessThanOrEqual(3200);
		expect(durations[1000]).toBeGreaterThan(360);
		expect(durations[1000]).toBeLessThan(440);
	});
});
