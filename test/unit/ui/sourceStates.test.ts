import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Indicator } from "../../../src/ui/indicator.ts";
import { type SourceState, sumOfStates } from "../../../src/ui/sources/sourceStates.ts";

const live: SourceState = { name: "Mini-Server", indicator: "live", isStandingIn: false, traceCount: 12 };
const connecting: SourceState = { name: "Staging", indicator: "connecting", isStandingIn: false, traceCount: 0 };
const disconnected: SourceState = { name: "Tempo", indicator: "disconnected", isStandingIn: false, traceCount: 300 };

const anyState: fc.Arbitrary<SourceState> = fc.record({
	name: fc.string(),
	indicator: fc.constantFrom<Indicator>("live", "connecting", "disconnected"),
	isStandingIn: fc.boolean(),
	traceCount: fc.nat(1_000_000),
});

describe("the sum of the states", () => {
	it("is live with all traces when every source is", () => {
		const other = { ...live, name: "Other", traceCount: 30 };
		expect(sumOfStates([live, other])).toEqual({
			indicator: "live",
			isStandingIn: false,
			traceCount: 42,
			troubled: [],
		});
	});

	it("is the worst of all, names who is in it, and still counts what came", () => {
		expect(sumOfStates([live, connecting])).toEqual({
			indicator: "connecting",
			isStandingIn: false,
			traceCount: 12,
			troubled: ["Staging"],
		});
		expect(sumOfStates([connecting, disconnected, live])).toEqual({
			indicator: "disconnected",
			isStandingIn: false,
			traceCount: 312,
			troubled: ["Tempo"],
		});
	});

	it("tells of polling only when that is the worst there is", () => {
		const polling: SourceState = { name: "TraceLLM", indicator: "connecting", isStandingIn: true, traceCount: 5 };
		expect(sumOfStates([live, polling])).toMatchObject({ isStandingIn: true, troubled: ["TraceLLM"] });
		expect(sumOfStates([connecting, polling])).toMatchObject({
			isStandingIn: false,
			troubled: ["Staging", "TraceLLM"],
		});
		expect(sumOfStates([polling, disconnected])).toMatchObject({ isStandingIn: false, troubled: ["Tempo"] });
	});

	it("is nothing without a source", () => {
		expect(sumOfStates([])).toBeUndefined();
	});

	it("does not depend on the order but for the order of names", () => {
		fc.assert(
			fc.property(fc.array(anyState, { minLength: 1 }), (states) => {
				const forth = sumOfStates(states);
				const back = sumOfStates([...states].reverse());
				expect(back).toEqual({ ...forth, troubled: [...(forth?.troubled ?? [])].reverse() });
				for (const state of states) {
					// Whoever is better off than the sum is not named; whoever is as bad is.
					const isNamed = forth?.troubled.includes(state.name) === true;
					if (state.indicator === forth?.indicator) expect(isNamed).toBe(forth.indicator !== "live");
				}
				expect(states.map(({ indicator }) => indicator)).toContain(forth?.indicator);
			}),
		);
	});
});
