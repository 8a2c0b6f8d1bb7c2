import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQuery, QUERY_KEYS } from "../../../src/model/query.ts";
import { completeQuery, joinQueryValues, knownQueryValues } from "../../../src/model/queryComplete.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";

const VALUES = { model: ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "my model"], kind: ["tool", "llm_call"] };

/** Labels offered at the `|` in `marked`. */
function labels(marked: string): readonly string[] {
	return completeQuery(marked.replace("|", ""), marked.indexOf("|"), VALUES).map(({ label }) => label);
}

/** The text after taking the first completion at the `|`. */
function taken(marked: string): string {
	const text = marked.replace("|", "");
	const [first] = completeQuery(text, marked.indexOf("|"), VALUES);
	return text.slice(0, first.from) + first.insert + text.slice(first.to);
}

describe("completeQuery", { timeout: 30_000 }, () => {
	it("offers every key where a term may begin", () => {
		for (const marked of ["|", "status:failed |", "  |  a", "-|"])
			expect(labels(marked)).toEqual(QUERY_KEYS.map((key) => `${key}:`));
	});

	it("offers keys that begin with what was typed, then those that have it inside", () => {
		expect(labels("in|")).toEqual(["input:", "input_tokens:", "kind:", "since:"]);
		expect(labels("status:failed -MO|")).toEqual(["model:"]);
		expect(labels("xyz|")).toEqual([]);
	});

	it("offers the known values of a key behind its colon", () => {
		expect(labels("model:|")).toEqual(VALUES.model);
		expect(labels("model:mini|")).toEqual(["gpt-4o-mini"]);
		expect(labels("-kind:|")).toEqual(["tool", "llm_call"]);
		expect(labels("status:f|")).toEqual(["failed"]);
		expect(labels("since:|")).toEqual(["5m", "1h", "24h", "7d", "30d"]);
		expect(labels("nothing:|")).toEqual([]);
	});

	it("replaces the whole word under the cursor and keeps what stands around it", () => {
		expect(taken("mo| status:failed")).toBe("model: status:failed");
		expect(taken("-mod|")).toBe("-model:");
		expect(taken("model:gp|t-3 x")).toBe("model:gpt-4o x");
		expect(taken("mo|del:x")).toBe("model:x");
	});

	it("puts values with spaces in quotes, also into a quote that is still open", () => {
		expect(taken("model:my|")).toBe('model:"my model"');
		expect(taken('model:"my m|')).toBe('model:"my model"');
	});

	it("offers nothing inside a quoted phrase", () => {
		expect(labels('"two mo|')).toEqual([]);
	});

	it("never throws, and what it inserts for a key is read back", () => {
		fc.assert(
			fc.property(
				fc.string({ unit: "binary", maxLength: 30 }),
				fc.integer({ min: -5, max: 40 }),
				fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 10 })),
				(text, cursor, model) => {
					for (const { from, to } of completeQuery(text, cursor, { model })) {
						expect(from).toBeGreaterThanOrEqual(0);
						expect(to).toBeGreaterThanOrEqual(from);
						expect(to).toBeLessThanOrEqual(text.length);
					}
					for (const { insert, label } of completeQuery("model:", 6, { model })) {
						expect(parseQuery(`model:${insert}`)).toMatchObject({ ok: true, query: { terms: [{ value: label }] } });
					}
				},
			),
		);
	});
});

describe("knownQueryValues", () => {
	it("lists what the store has, most used first", () => {
		const store = new TraceStore();
		store.upsertTrace({ traceId: "t", tags: ["session:S"] });
		const models = ["b", "a", "c", "c"];
		models.forEach((model, index) => {
			store.upsertSpan({ traceId: "t", spanId: `s${index}`, model, kindName: "tool", serviceName: "desk" });
		});
		expect(knownQueryValues(store)).toEqual({
			model: ["c", "a", "b"],
			provider: [],
			kind: ["tool"],
			service: ["desk"],
			session: ["S"],
		});
		expect(knownQueryValues(store, 1).model).toEqual(["c"]);
	});
});

describe("values from two places", () => {
	it("are each one's once, the first place's first, and no more than are shown", () => {
		const first = { model: ["b", "a"], kind: ["x"] };
		expect(joinQueryValues(first, { model: ["c", "a", "", "y".repeat(300)], service: ["s"] })).toEqual({
			model: ["b", "a", "c"],
			kind: ["x"],
			service: ["s"],
		});
		expect(joinQueryValues(first, { model: ["c"] }, 2).model).toEqual(["b", "a"]);
		expect(joinQueryValues({}, {})).toEqual({});
	});
});
