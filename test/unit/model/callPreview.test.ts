import { describe, expect, it } from "vitest";
import { modelCallPreview, toolCallPreview } from "../../../src/model/callPreview.ts";

const none = { output: undefined, attributes: {} };

describe("the preview of a model call", () => {
	it("is the newest message of the user, the answer, and why the model stopped", () => {
		const input = {
			messages: [
				{ role: "system", content: "Be brief." },
				{ role: "user", content: "first" },
				{ role: "assistant", content: "yes" },
				{ role: "user", content: "second\n\nquestion" },
			],
		};
		const output = { choices: [{ message: { role: "assistant", content: "answer" }, finish_reason: "stop" }] };
		expect(modelCallPreview({ input, output, attributes: {} })).toEqual({
			input: "second question",
			output: "answer",
			finishReason: "stop",
		});
	});

	it("is the JSON itself where no message is known, and null where nothing was recorded", () => {
		expect(modelCallPreview({ input: { query: 1 }, ...none }).input).toBe('{ "query": 1 }');
		expect(modelCallPreview({ input: undefined, ...none })).toEqual({ input: null, output: null, finishReason: null });
		expect(modelCallPreview({ input: "  \n", ...none }).input).toBeNull();
	});

	it("leaves 200 characters whole and cuts the 201st, never within a pair", () => {
		expect(modelCallPreview({ input: "x".repeat(200), ...none }).input).toBe("x".repeat(200));
		expect(modelCallPreview({ input: "x".repeat(201), ...none }).input).toBe(`${"x".repeat(200)}…`);
		expect(modelCallPreview({ input: `${"x".repeat(199)}😀x`, ...none }).input).toBe(`${"x".repeat(199)}…`);
	});

	it("does not read a text of megabytes as JSON", () => {
		const input = `[${'{"role":"user","content":"hi"},'.repeat(20_000)}`;
		expect(modelCallPreview({ input, ...none }).input).toHaveLength(201);
	});
});

it("shows parameters and result of a tool on a line each", () => {
	expect(toolCallPreview({ input: { city: "Rome", days: [1, 2] }, output: "sun\nrain" })).toEqual({
		input: '{ "city": "Rome", "days": [ 1, 2 ] }',
		output: "sun rain",
		finishReason: null,
	});
});
