import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completeSpanSchema, createSpanSchema, failSpanSchema, spanKindSchema } from "../../../src/protocol/rest.ts";
import { isPlainCompleteSpan, isPlainCreateSpan, isPlainFailSpan } from "../../../src/server/routes/spanBody.ts";

const CHECKS = [
	["create", createSpanSchema, isPlainCreateSpan],
	["complete", completeSpanSchema, isPlainCompleteSpan],
	["fail", failSpanSchema, isPlainFailSpan],
] as const;

const INFINITE = Number.POSITIVE_INFINITY;

/** Values at and beyond the bounds of the schemas. */
const odd = fc.oneof(
	fc.jsonValue({ maxDepth: 2 }),
	fc.constantFrom(-1, 0, -0, 0.5, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, INFINITE),
	fc.constantFrom("", "t", "a\nb", "\ud800", "x".repeat(40), "x".repeat(41), "x".repeat(256), "x".repeat(257)),
	fc.constantFrom("x".repeat(100), "x".repeat(101), "x".repeat(1000), "x".repeat(1001)),
);

function membersOf(names: readonly string[]) {
	return fc.dictionary(fc.constantFrom(...names, "__proto__", "constructor", "other"), odd, { noNullPrototype: true });
}

// Named by the schemas: a member that comes into one of them must come into the check, too.
const kind = membersOf(Object.keys(spanKindSchema.shape));
const names = CHECKS.flatMap(([, schema]) => Object.keys(schema.shape)).filter((name) => name !== "kind");
const body = fc
	.record({
		members: membersOf(names),
		kind: fc.option(fc.tuple(kind, fc.constantFrom("llm_call", "custom", undefined)), { nil: undefined }),
		isNearlyGood: fc.boolean(),
	})
	.map(({ members, kind: given, isNearlyGood }) => ({
		...(isNearlyGood ? { trace_id: "t", name: "n", error: "e" } : {}),
		...members,
		...(given === undefined ? {} : { kind: given[1] === undefined ? given[0] : { type: given[1], ...given[0] } }),
	}));

describe("the quick checks of span bodies", () => {
	it.each(CHECKS)("accept only what the schema accepts, as it is: %s", (_, schema, isPlain) => {
		fc.assert(
			fc.property(fc.oneof({ weight: 9, arbitrary: body }, { weight: 1, arbitrary: odd }), (value) => {
				// Written, as own members named __proto__ come only from JSON; 1e400 is how JSON says infinity.
				const json: unknown = JSON.parse(
					JSON.stringify(value, (__, part) => (part === INFINITE ? "1e400" : part)).replaceAll('"1e400"', "1e400"),
				);
				if (!isPlain(json)) return;
				const result = schema.safeParse(json);
				expect(result.error).toBeUndefined();
				expect(json).toMatchObject(result.data as object);
			}),
			{ numRuns: 2000 },
		);
	});

	it("accept what SDKs send, so that the schema is not asked", () => {
		const kind = {
			type: "llm_call",
			model: "gpt-4o",
			provider: "openai",
			input_tokens: 10,
			output_tokens: 0,
			cost: 0.1,
			input_preview: null,
			own: { nested: [1] },
		};
		expect(isPlainCreateSpan({ trace_id: "t", parent_id: null, name: "n", kind, input: [1], metadata: { a: 1 } })).toBe(
			true,
		);
		expect(
			isPlainCreateSpan({ id: "i", trace_id: "t", name: "n", kind: { type: "custom", attributes: { a: 1 } } }),
		).toBe(true);
		expect(isPlainCompleteSpan({ output: "o", kind, ended_at: "2026-03-06T09:00:00.125Z" })).toBe(true);
		expect(isPlainCompleteSpan({})).toBe(true);
		expect(isPlainFailSpan({ error: "no" })).toBe(true);
	});
});
