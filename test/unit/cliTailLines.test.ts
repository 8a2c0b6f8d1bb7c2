import { beforeAll, describe, expect, it } from "vitest";
import { eventLine, jsonLine } from "../../src/cli/tail.ts";
import { loadPrices } from "../../src/model/prices.ts";

beforeAll(loadPrices);

const NOW = new Date(2026, 2, 6, 9, 8, 7, 65);

function lineOf(event: Record<string, unknown>): string {
	return eventLine("57", JSON.stringify(event), event, NOW);
}

const llmSpan = {
	id: "s1",
	trace_id: "t1",
	parent_id: null,
	name: "draft reply",
	kind: { type: "llm_call", model: "gpt-4o-mini", provider: "openai", input_tokens: 1000, output_tokens: 500 },
	status: "completed",
	started_at: "2026-03-06T09:00:00.125Z",
	ended_at: "2026-03-06T09:00:01.480Z",
};

describe("a line of tail", () => {
	it("says time, number, type, name, model, duration, tokens, cost and trace of a completed call", () => {
		const line = lineOf({ type: "span_completed", span: llmSpan });
		expect(line).toMatch(/^09:08:07\.065 +57 {2}span_completed {2}draft reply {2}llm_call gpt-4o-mini {2}/);
		expect(line).toMatch(/1\.3[56] s {2}1500 tokens {2}.*0\.00045.* {2}trace t1$/);
	});

	it("says neither tokens nor cost nor duration where they are unknown", () => {
		const line = lineOf({ type: "span_created", span: { ...llmSpan, kind: { type: "llm_call" }, ended_at: null } });
		expect(line).toMatch(/draft reply {2}llm_call {2}trace t1$/);
	});

	it("says the first line of an error", () => {
		const span = { ...llmSpan, status: { failed: { error: "RateLimitError\n  at somewhere" } } };
		const line = lineOf({ type: "span_failed", span });
		expect(line).toContain("error: RateLimitError");
		expect(line).not.toContain("somewhere");
	});

	it("shows events of every other type with their fields", () => {
		expect(lineOf({ type: "span_deleted", span_id: "s1" })).toContain("span_deleted    span_id s1");
		expect(lineOf({ type: "cleared" })).toContain("cleared");
		expect(lineOf({ type: "trace_created", trace: { id: "t1", name: "hello", tags: ["a", "b"] } })).toMatch(
			/hello {2}\[a, b\] {2}trace t1$/,
		);
	});

	it("stays one line without control characters whatever the event holds", () => {
		const span = { ...llmSpan, name: "\u001b[2J\u0007\r\nx\u009b31m\u202e", trace_id: 7, kind: null };
		expect(lineOf({ type: "span_created", span })).not.toMatch(/[\p{Cc}\u202e]/u);
		expect(eventLine(undefined, "no json \u001b]0;x\u0007", undefined, NOW)).not.toMatch(/\p{Cc}/u);
	});
});

describe("a JSON line of tail", () => {
	it("holds the event under its number and reads back as it came", () => {
		const event = { type: "span_created", span: { name: "\u001b[31m\u0085\u2028é" } };
		const line = jsonLine("57", JSON.stringify(event), event);
		expect(line).not.toMatch(/[\p{Cc}\u2028]/u);
		expect(JSON.parse(line)).toEqual({ id: "57", event });
	});

	it("holds the text of an event that is no JSON", () => {
		expect(JSON.parse(jsonLine("3", "oops", undefined))).toEqual({ id: "3", data: "oops" });
	});
});
