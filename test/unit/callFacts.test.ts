import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callFacts } from "../../src/model/callFacts.ts";

describe("how a call went", () => {
	it.each([
		["OpenTelemetry", { "gen_ai.response.finish_reasons": ["stop", "stop", "length"] }, undefined, ["stop", "length"]],
		["OpenTelemetry as text", { "gen_ai.response.finish_reasons": '["tool_calls"]' }, undefined, ["tool_calls"]],
		["the Vercel AI SDK", { "ai.response.finishReason": "tool-calls" }, undefined, ["tool-calls"]],
		["OpenCode", { "llm.finish_reason": "tool-calls" }, undefined, ["tool-calls"]],
		["OpenAI", {}, { choices: [{ finish_reason: "length" }] }, ["length"]],
		["OpenAI as text", {}, '{"choices":[{"finish_reason":"stop"}]}', ["stop"]],
		["Anthropic", {}, { stop_reason: "max_tokens" }, ["max_tokens"]],
		["Gemini", {}, { candidates: [{ finishReason: "SAFETY" }] }, ["SAFETY"]],
		["OpenTelemetry's messages", {}, [{ role: "assistant", parts: [], finish_reason: "stop" }], ["stop"]],
		["none", {}, { text: "hello" }, []],
	])("says why it stopped: %s", (_name, attributes, output, reasons) => {
		expect(callFacts(attributes, output).finishReasons).toEqual(reasons);
	});

	it("says when its first token came, in nanoseconds", () => {
		expect(callFacts({ "gen_ai.response.time_to_first_chunk": 0.25 }, undefined).firstTokenNs).toBe(250_000_000);
		expect(callFacts({ "ai.response.msToFirstChunk": "120.5" }, undefined).firstTokenNs).toBe(120_500_000);
		expect(callFacts({ "ai.response.msToFirstChunk": -1 }, undefined).firstTokenNs).toBeUndefined();
	});

	it("never throws, whatever stands where", () => {
		const key = fc.constantFrom(
			"gen_ai.response.finish_reasons",
			"ai.response.msToFirstChunk",
			"choices",
			"finish_reason",
		);
		fc.assert(
			fc.property(fc.dictionary(key, fc.jsonValue()), fc.jsonValue(), (attributes, output) => {
				for (const answer of [output, attributes, [attributes]]) {
					for (const reason of callFacts(attributes, answer).finishReasons) expect(reason).not.toBe("");
				}
			}),
		);
	});
});
