import { describe, expect, it } from "vitest";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import type { SpanDetail, SpanSummary } from "../../src/model/span.ts";
import {
	boundedCompareText,
	compareNames,
	compareText,
	comparisonOf,
	MAX_COMPARED_UNITS,
} from "../../src/ui/panels/compareTexts.ts";

const summary = { spanId: "s1", name: "plan", kindType: "llm_call", model: "gpt-4o" } as SpanSummary;
const detail = (payload: Partial<SpanDetail>): SpanDetail => ({
	summary,
	raw: {},
	input: undefined,
	output: undefined,
	attributes: {},
	...payload,
});
const t = (message: string, ...args: readonly unknown[]): string =>
	message.replace(/\{(\d)\}/g, (_place, index: string) => String(args[Number(index)]));

const input = [
	{ role: "system", content: "Be brief." },
	{ role: "user", content: "Where is it?\nAnd when?" },
	{ role: "assistant", tool_calls: [{ id: "c", function: { name: "look", arguments: '{"at":1}' } }] },
	{ role: "tool", tool_call_id: "c", content: "```\nhere" },
];

describe("what is compared of a span", () => {
	it("is its prompt as Markdown, a heading a message and the lines as they are", () => {
		expect(compareText(detail({ input }), "prompt")).toEqual({
			extension: "md",
			text:
				"## System\n\nBe brief.\n\n## User\n\nWhere is it?\nAnd when?\n\n" +
				'## Assistant calls look\n\n```json\n{\n  "at": 1\n}\n```\n\n## Tool: result of look\n\n```\nhere\n',
		});
	});

	it("is its input as it is where nobody speaks, and its attributes in one order", () => {
		const tool = { ...summary, kindType: "custom", model: undefined };
		expect(compareText(detail({ summary: tool, input: { b: 1, a: 2 } }), "prompt")).toEqual({
			extension: "json",
			text: '{\n  "b": 1,\n  "a": 2\n}',
		});
		expect(compareText(detail({ summary: tool, output: "done" }), "output")).toEqual({
			extension: "txt",
			text: "done",
		});
		const attributes = (value: Record<string, unknown>) =>
			compareText(detail({ attributes: value }), "attributes")?.text;
		expect(attributes({ b: 1, a: 2 })).toBe(attributes({ a: 2, b: 1 }));
		expect(attributes({ a: 1, "metadata.duration_ms": 7 })).toBe(attributes({ a: 1 }));
		expect(attributes({ "metadata.duration_ms": 7 })).toBeUndefined();
	});

	it("is cut where a diff would take too long, and says so in its last line", () => {
		const long = detail({ input: [{ role: "user", content: "x".repeat(MAX_COMPARED_UNITS + 10) }] });
		const text = boundedCompareText(long, "prompt", t);
		expect(text.slice(0, 20)).toBe("## User\n\nxxxxxxxxxxx");
		expect(text.slice(-60)).toMatch(/x\n\n… Cut here for the comparison: 4(\.0)? MB of 4(\.0)? MB\.\n$/);
		expect(boundedCompareText(detail({ input }), "prompt", t)).toBe(compareText(detail({ input }), "prompt")?.text);
	});

	it("is what differs, with the sizes of both sides, and what is the same", () => {
		const left = detail({ input, output: "a", attributes: { x: 1 } });
		const right = detail({ input, output: "ab" });
		expect(comparisonOf(left, right)).toEqual({
			same: ["prompt"],
			differing: [
				{ subject: "output", leftBytes: "## Assistant\n\na\n".length, rightBytes: "## Assistant\n\nab\n".length },
				{ subject: "attributes", leftBytes: '{\n  "x": 1\n}'.length, rightBytes: 0 },
			],
		});
		expect(comparisonOf(detail({}), detail({}))).toEqual({ same: [], differing: [] });
	});

	it("has names that tell both apart", () => {
		const at = (time: string, spanId: string) => ({ ...summary, spanId, start: parseTimestamp(time) });
		expect(compareNames(summary, { ...summary, name: "reply\u202e\n" })).toEqual(["plan", "reply�␊"]);
		const [one, two] = compareNames(at("2026-03-06T09:00:00.125Z", "a"), at("2026-03-06T09:00:01.5Z", "b"));
		expect([one, two]).toEqual([
			expect.stringMatching(/^plan \d\d:00:00\.125$/),
			expect.stringMatching(/^plan \d\d:00:01\.500$/),
		]);
		expect(compareNames(at("2026-03-06T09:00:00Z", "a"), at("2026-03-06T09:00:00Z", "b"))).toEqual([
			"plan a",
			"plan b",
		]);
	});
});
