import { beforeAll, describe, expect, it } from "vitest";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import { loadPrices } from "../../src/model/prices.ts";
import type { SpanDetail, SpanSummary } from "../../src/model/span.ts";
import { isSpanPart } from "../../src/protocol/messages.ts";
import { buildSpanDetailView, MAX_PART_UNITS, partText } from "../../src/ui/panels/spanDetailView.ts";

beforeAll(loadPrices);

function detailOf(fields: Partial<Omit<SpanDetail, "summary">> = {}, summary: Partial<SpanSummary> = {}): SpanDetail {
	return {
		raw: { id: "s1" },
		input: undefined,
		output: undefined,
		attributes: {},
		...fields,
		summary: {
			traceId: "t1",
			spanId: "s1",
			parentSpanId: null,
			isOrphan: false,
			name: "draft reply",
			kindType: "llm_call",
			kindName: "llm_call",
			model: "gpt-4o-mini",
			provider: "openai",
			inputTokens: 1200,
			outputTokens: 80,
			costUsd: 0.000228,
			isCostEstimated: true,
			firstTokenNs: undefined,
			cacheReadTokens: undefined,
			cacheWriteTokens: undefined,
			reasoningTokens: undefined,
			isRollup: false,
			state: "completed",
			error: undefined,
			start: parseTimestamp("2026-03-06T09:00:00.125Z"),
			end: parseTimestamp("2026-03-06T09:00:01.480Z"),
			...summary,
		},
	};
}

function viewOf(detail: SpanDetail) {
	return buildSpanDetailView({
		detail,
		sourceId: "local",
		traceName: "support agent",
		clockOffsetMs: 0,
		t: (message, ...args) => message.replace(/\{(\d)\}/g, (_place, index: string) => String(args[Number(index)])),
	});
}

describe("buildSpanDetailView", () => {
	it("shows a completed LLM call as numbers and messages", () => {
		const input = [{ role: "user", content: "hi" }];
		const view = viewOf(detailOf({ input, output: { text: "hello" } }));
		expect(view).toMatchObject({
			isLlm: true,
			parentSpanId: undefined,
			startedAt: "2026-03-06T09:00:00.125Z",
			durationNs: 1_355_000_000,
			inputMessages: [{ role: "user", kind: "text", content: { text: "hi", totalBytes: 2, language: "plaintext" } }],
			outputMessages: [{ role: "assistant", content: { text: "hello" } }],
			omittedMessages: 0,
			input: { language: "json", text: JSON.stringify(input, null, 2) },
		});
	});

	it("writes JSON in messages and attributes on one line when it fits, else indented", () => {
		const small = { city: "Bonn", tags: ["a\nb", []] };
		const large = { text: "x".repeat(80) };
		const view = viewOf(detailOf({ output: JSON.stringify(small), attributes: { small, large } }));
		const line = '{ "city": "Bonn", "tags": [ "a\\nb", [] ] }';
		expect(view.outputMessages[0].content).toMatchObject({ text: line, totalBytes: line.length, language: "json" });
		expect(view.attributes.map(({ value }) => value.text)).toEqual([line, JSON.stringify(large, null, 2)]);
		expect(view.output?.text).toBe(JSON.stringify(small, null, 2));
		expect(partText(detailOf({ attributes: { small } }), "attribute-0").text).toBe(JSON.stringify(small, null, 2));
	});

	it("leaves unknown what is unknown", () => {
		const view = viewOf(detailOf({}, { end: undefined, state: "running", inputTokens: undefined, costUsd: undefined }));
		expect(view.durationNs).toBeUndefined();
		expect(view.inputTokens).toBeUndefined();
		expect(view.input).toBeUndefined();
		expect(view.error).toBeUndefined();
		expect(view.inputMessages).toEqual([]);
	});

	it("explains the cost, or why there is none", () => {
		expect(viewOf(detailOf()).costFormula).toBe(
			"1,200 in × $0.15 + 80 out × $0.60 per million (gpt-4o-mini, prices of 2026-09-23)",
		);
		expect(viewOf(detailOf({}, { isCostEstimated: false })).costFormula).toMatch(
			/^As the server says\. By our prices: 1,200/,
		);
		expect(viewOf(detailOf({}, { isCostEstimated: false, model: "mine" })).costFormula).toBe("As the server says.");
		const unpriced = { costUsd: undefined, isCostEstimated: false };
		expect(viewOf(detailOf({}, { ...unpriced, model: "mine" })).costFormula).toMatch(/no price is known for mine/);
		expect(viewOf(detailOf({}, { ...unpriced, inputTokens: undefined, outputTokens: undefined })).costFormula).toMatch(
			/token counts are not known/,
		);
		const agent = { kindType: "custom", kindName: "agent" };
		const oneSum = { ...unpriced, inputTokens: 148, outputTokens: undefined, isTokenTotal: true as const };
		expect(viewOf(detailOf({}, oneSum)).costFormula).toMatch(/which tokens were sent and which came back/);
		expect(viewOf(detailOf({}, { ...agent, ...unpriced })).costFormula).toMatch(/only calls of models are/);
		const cached = { model: "claude-3-5-sonnet", provider: "anthropic", cacheReadTokens: 1000, cacheWriteTokens: 100 };
		expect(viewOf(detailOf({}, cached)).costFormula).toBe(
			"100 in × $3.00 + 1,000 from cache × $0.30 + 100 into cache × $3.75 + 80 out × $15.00 per million " +
				"(claude-3-5-sonnet, prices of 2026-09-23)",
		);
		expect(viewOf(detailOf({}, { model: "sonar-pro", provider: "perplexity" })).costFormula).toMatch(
			/per million, and \$0\.014 for the call \(sonar-pro/,
		);
		const tool = { ...unpriced, model: undefined, kindType: "custom", kindName: "tool" };
		expect(viewOf(detailOf({}, tool)).costFormula).toBeUndefined();
	});

	it("cuts a text of 5 MB with its true size beside it", () => {
		const text = "é".repeat(2_500_000);
		const view = viewOf(detailOf({ input: [{ role: "user", content: text }], output: text, raw: { input: text } }));
		for (const part of [view.input, view.output, view.raw, view.inputMessages[0].content]) {
			expect(part?.isCut).toBe(true);
			expect(part?.text.length).toBeLessThanOrEqual(MAX_PART_UNITS);
			expect(part?.totalBytes).toBeGreaterThanOrEqual(5_000_000);
		}
		expect(view.output?.text.length).toBe(MAX_PART_UNITS);
		expect(view.output?.totalBytes).toBe(5_000_000);
		expect(JSON.stringify(view).length).toBeLessThan(500_000);
	});

	it("keeps the message to the page small however many messages are long, the newest longest", () => {
		const input = Array.from({ length: 500 }, (_, index) => ({
			role: "user",
			content: `${index} ${"x".repeat(50_000)}`,
		}));
		const view = viewOf(detailOf({ input, output: "y".repeat(50_000) }));
		expect(view.inputMessages.length).toBe(200);
		expect(view.omittedMessages).toBe(300);
		expect(view.inputMessages.at(-1)?.content.isCut).toBe(false);
		expect(view.inputMessages[0].content.isCut).toBe(true);
		expect(view.inputMessages[0].content.text).toMatch(/^300 x/);
		expect(view.outputMessages[0].content.isCut).toBe(false);
		expect(JSON.stringify(view).length).toBeLessThan(700_000);
	});

	it("counts the attributes that it leaves out", () => {
		const attributes = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`key.${index}`, index]));
		const view = viewOf(detailOf({ attributes: { ...attributes, long: "z" } }));
		expect(view.attributes.length).toBe(500);
		expect(view.attributes[0]).toEqual({
			key: "key.0",
			value: { text: "0", totalBytes: 1, isCut: false, language: "json" },
		});
		expect(view.omittedAttributes).toBe(101);
		expect(view.attributesBytes).toBe(Buffer.byteLength(JSON.stringify({ ...attributes, long: "z" }, null, 2)));
		expect(viewOf(detailOf()).attributesBytes).toBe(0);
	});

	it("takes messages from attributes where a span has no payload of its own", () => {
		const attributes = { "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hey" };
		expect(viewOf(detailOf({ attributes })).inputMessages).toMatchObject([{ role: "user", content: { text: "hey" } }]);
	});

	it("does not take a tool's output for an assistant's answer, but shows a conversation wherever it is", () => {
		const tool = { kindType: "custom", kindName: "tool", model: undefined };
		expect(viewOf(detailOf({ output: { content: "file text" } }, tool)).outputMessages).toEqual([]);
		const messages = [{ role: "user", content: "hi" }];
		expect(viewOf(detailOf({ input: { messages } }, tool)).inputMessages.length).toBe(1);
	});

	it("holds only plain JSON values, so that it can be posted", () => {
		const view = viewOf(detailOf({ input: "in", attributes: { a: [1, { b: null }] } }, { error: "no" }));
		expect(structuredClone(view)).toEqual(view);
	});

	it("bounds names, which are labels", () => {
		const name = "n".repeat(1_000_000);
		const view = viewOf(detailOf({ attributes: { [name]: 1 } }, { name, kindName: name, model: name }));
		expect(JSON.stringify({ ...view, raw: undefined }).length).toBeLessThan(10_000);
	});
});

describe("partText", () => {
	const long = "x".repeat(100_000);
	const detail = detailOf(
		{
			input: { messages: [{ role: "user", content: long }] },
			output: '{"a":[1]}',
			attributes: { first: 1, second: "two" },
		},
		{ error: "broke\nhere" },
	);

	it("gives each part whole", () => {
		expect(partText(detail, "inputMessage-0")).toEqual({ text: long, language: "plaintext" });
		expect(partText(detail, "input").text).toBe(JSON.stringify(detail.input, null, 2));
		expect(partText(detail, "output")).toEqual({ text: '{\n  "a": [\n    1\n  ]\n}', language: "json" });
		expect(partText(detail, "attributes").text).toBe(JSON.stringify(detail.attributes, null, 2));
		expect(partText(detail, "attribute-1")).toEqual({ text: "two", language: "plaintext" });
		expect(partText(detail, "error")).toEqual({ text: "broke\nhere", language: "plaintext" });
		expect(partText(detail, "raw").language).toBe("json");
	});

	it("gives an empty text for a part that is not there", () => {
		expect(partText(detail, "outputMessage-9").text).toBe("");
		expect(partText(detail, "attribute-9").text).toBe("");
		expect(partText(detailOf(), "input").text).toBe("");
		expect(partText(detailOf(), "error").text).toBe("");
	});

	it("leaves a string of JSON as it was sent when parsing would lose digits", () => {
		const sent = '{"id":12345678901234567890}';
		expect(partText(detailOf({ input: sent }), "input").text).toBe(sent);
	});
});

describe("isSpanPart", () => {
	it("knows the parts and nothing else", () => {
		for (const part of ["input", "raw", "inputMessage-0", "outputMessage-12", "attribute-499"]) {
			expect(isSpanPart(part)).toBe(true);
		}
		for (const part of [undefined, 1, "", "Input", "inputMessage", "inputMessage--1", "attribute-1e3", "input\n"]) {
			expect(isSpanPart(part)).toBe(false);
		}
	});
});
