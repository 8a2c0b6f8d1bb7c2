import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { loadPrices } from "../../../../src/model/prices.ts";
import type { WholeSpan } from "../../../../src/otlp/spanRecord.ts";
import { ingestBatch } from "../../../../src/server/otlp/ingest.ts";
import { encodeRequest } from "../../../peers/otlpProto.ts";

beforeAll(loadPrices);

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/otlp/${name}.json`, import.meta.url));

/** What the normaliser made of a request, from either encoding the same. */
function ingest(json: Buffer | string) {
	const bytes = Buffer.from(json);
	const batch = ingestBatch(bytes, "json");
	expect(batch).toMatchObject({ rejectedSpans: 0, firstProblem: undefined });
	expect(ingestBatch(encodeRequest(JSON.parse(bytes.toString())), "protobuf")).toEqual(batch);
	for (const span of batch.spans) expectSound(span);
	return batch;
}

/** Every text is compact JSON in one line. */
function expectSound({ inputJson, outputJson, otel }: WholeSpan): void {
	const { inputKey, outputKey, ...texts } = otel!;
	for (const text of [inputJson, outputJson, ...Object.values(texts)]) {
		if (text !== null) expect(JSON.stringify(JSON.parse(text)), text).toBe(text.replace(/(\d)\.0(?=[,}\]])/g, "$1"));
	}
}

/** The words of a span that are there. */
function summary({ name, kind, sessionId, inputJson, outputJson }: WholeSpan) {
	const { tokens, type, name: inner, model, provider, cost, isRollup, toolName, agentName } = kind;
	const known = (values: object) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
	return known({
		name,
		kind: type === "custom" ? inner : type,
		model,
		provider,
		cost: cost === null ? null : Number(cost.toPrecision(6)),
		...known(tokens),
		isRollup: isRollup || null,
		toolName,
		agentName,
		sessionId,
		in: inputJson === null ? null : JSON.parse(inputJson),
		out: outputJson === null ? null : JSON.parse(outputJson),
	});
}

const summaries = (name: string) => ingest(fixture(name)).spans.map(summary);

const QUESTION = "What is the weather in Paris?";
const ANSWER = "Rainy, 14 °C.";
const parts = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });
const user = { role: "user", content: QUESTION };
const assistant = { role: "assistant", content: ANSWER };
const system = { role: "system", content: "Be brief." };

describe("the first token", () => {
	it.each([
		["gen_ai.response.time_to_first_chunk", { doubleValue: 0.25 }, 250],
		["gen_ai.server.time_to_first_token", { stringValue: "1.5" }, 1500],
		["ai.response.msToFirstChunk", { intValue: "320" }, 320],
	])("is told by %s, in the kind of a model call, which lists have", (key, value, ms) => {
		const attributes = [
			{ key: "gen_ai.operation.name", value: { stringValue: "chat" } },
			{ key: "gen_ai.request.model", value: { stringValue: "gpt-4o" } },
			{ key, value },
		];
		const span = {
			traceId: `${"0".repeat(31)}1`,
			spanId: `${"0".repeat(15)}1`,
			name: "chat",
			startTimeUnixNano: "1772787600000000000",
			attributes,
		};
		const { spans } = ingest(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
		expect(JSON.parse(spans[0]!.kind.kindJson!)).toEqual({ type: "llm_call", model: "gpt-4o", first_token_ms: ms });
	});
});

describe("the conventions", () => {
	it("GenAI, current names", () => {
		expect(summaries("genaiCurrent")).toEqual([
			{
				name: "invoke_agent Weather",
				kind: "agent",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 310,
				output: 42,
				isRollup: true,
				cost: 0.0000717,
				agentName: "Weather",
				sessionId: "conv_7",
			},
			{
				name: "chat gpt-4o-mini",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 310,
				output: 42,
				cacheRead: 256,
				cacheWrite: 12,
				reasoning: 20,
				cost: expect.any(Number),
				sessionId: "conv_7",
				in: [parts("user", QUESTION)],
				out: [{ ...parts("assistant", ANSWER), finish_reason: "stop" }],
			},
			{
				name: "execute_tool get_weather",
				kind: "tool_call",
				toolName: "get_weather",
				in: { city: "Paris" },
				out: "rain",
			},
			{
				name: "embeddings text-embedding-3-small",
				kind: "llm_call",
				model: "text-embedding-3-small",
				provider: "openai",
				input: 8,
				cost: 1.6e-7,
			},
			{ name: "GET", kind: "client" },
		]);
	});

	it("GenAI, old names, with messages in attributes and in events", () => {
		const anthropic = { model: "claude-sonnet-4-20250514", provider: "anthropic" };
		expect(summaries("genaiOld")).toEqual([
			{
				name: "openai.chat",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 120,
				output: 9,
				cost: 0.0000234,
				in: [system, user],
				out: [{ ...assistant, finish_reason: "stop" }],
			},
			{ name: "chat", kind: "llm_call", model: "gpt-4o", provider: "azure", in: [user], out: [assistant] },
			{
				name: "chat claude",
				kind: "llm_call",
				...anthropic,
				// Anthropic's own names: what the cache held is beside the input.
				input: 3600,
				output: 50,
				cacheRead: 1500,
				cacheWrite: 100,
				cost: expect.any(Number),
				in: [system, user],
				out: [{ index: 0, finish_reason: "stop", message: assistant }],
			},
			{
				name: "chat o3",
				kind: "llm_call",
				model: "o3",
				provider: "openai",
				cost: 0.25,
				in: [parts("user", QUESTION)],
				out: [{ ...parts("assistant", ANSWER), finish_reason: "stop" }],
			},
			{ name: "chat with only a system", kind: "llm_call", model: "unknown", provider: "vllm" },
		]);
	});

	it("OpenInference", () => {
		expect(summaries("openInference")).toEqual([
			{
				name: "AgentExecutor",
				kind: "agent",
				input: 300,
				output: 30,
				cost: 0.002,
				isRollup: true,
				agentName: "weather agent",
				sessionId: "s-42",
				in: { input: QUESTION },
				out: ANSWER,
			},
			{
				name: "ChatOpenAI",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "azure",
				input: 300,
				output: 30,
				cacheRead: 128,
				cacheWrite: 16,
				reasoning: 12,
				cost: 0.0015,
				sessionId: "s-42",
				in: [user],
				out: [
					{
						role: "assistant",
						tool_calls: [{ function: { name: "get_weather", arguments: '{"city":"Paris"}' } }],
					},
				],
			},
			{ name: "get_weather", kind: "tool_call", toolName: "get_weather", in: { city: "Paris" }, out: "rain" },
			{ name: "Retriever", kind: "retrieval", in: "umbrella", out: [{ id: "d1", score: 0.5 }, { id: "d2" }] },
			{ name: "RunnableSequence", kind: "chain", in: { q: QUESTION } },
			{ name: "embed", kind: "llm_call", model: "text-embedding-3-small", input: 5 },
		]);
	});

	it("Traceloop and OpenLLMetry", () => {
		const sessionId = "tl-1";
		expect(summaries("traceloop")).toEqual([
			{
				name: "joke.workflow",
				kind: "workflow",
				sessionId,
				in: { args: ["Paris"], kwargs: {} },
				out: { text: ANSWER },
			},
			{ name: "plan.agent", kind: "agent", agentName: "planner", sessionId },
			{
				name: "openai.chat",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "OpenAI",
				input: 120,
				output: 10,
				cacheRead: 64,
				cost: 0.0000192,
				sessionId,
				in: [user],
				out: [assistant],
			},
			{ name: "search.tool", kind: "tool_call", toolName: "search", in: { q: "x" }, out: "found" },
			{ name: "step.task", kind: "task" },
		]);
	});

	it("the Vercel AI SDK, whose outer spans sum up the inner ones", () => {
		const usage = { model: "gpt-4o-mini", provider: "openai.chat", input: 150, output: 20, cacheRead: 100 };
		expect(summaries("vercelAi")).toEqual([
			{
				name: "ai.streamText",
				kind: "agent",
				...usage,
				reasoning: 5,
				cost: 0.000027,
				isRollup: true,
				agentName: "weather",
				sessionId: "chat-9",
				in: { messages: [user] },
				out: ANSWER,
			},
			{
				name: "ai.streamText.doStream",
				kind: "llm_call",
				...usage,
				reasoning: 5,
				cost: 0.000027,
				sessionId: "chat-9",
				in: [{ role: "user", content: [{ type: "text", text: QUESTION }] }],
				out: {
					text: "Let me see.",
					toolCalls: [{ toolCallId: "c1", toolName: "weather", input: { city: "Paris" } }],
				},
			},
			{ name: "ai.toolCall", kind: "tool_call", toolName: "weather", in: { city: "Paris" }, out: { sky: "rain" } },
			{
				name: "ai.generateObject.doGenerate",
				kind: "llm_call",
				model: "claude-sonnet-4",
				provider: "anthropic.messages",
				// More from the cache than was sent: it was not counted as sent.
				input: 910,
				output: 3,
				cacheRead: 900,
				cost: expect.any(Number),
				out: { a: 1 },
			},
			{
				name: "ai.embed",
				kind: "embedding",
				model: "text-embedding-3-small",
				provider: "openai.embedding",
				input: 3,
				cost: 6e-8,
				isRollup: true,
				in: '"umbrella"',
			},
		]);
	});

	it("Logfire and Pydantic AI", () => {
		expect(summaries("logfire")).toEqual([
			{
				name: "agent run",
				kind: "agent",
				model: "gpt-4o-mini",
				input: 90,
				output: 8,
				cost: 0.0000183,
				isRollup: true,
				agentName: "weather",
				in: [{ ...user, "event.name": "gen_ai.user.message" }],
				out: ANSWER,
			},
			{
				name: "chat gpt-4o-mini",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 90,
				output: 8,
				cacheRead: 64,
				reasoning: 2,
				cost: 0.0003,
				in: [
					{ "event.name": "gen_ai.system.message", ...system },
					{ "event.name": "gen_ai.user.message", ...user },
				],
				out: [assistant],
			},
			{ name: "running tool", kind: "tool_call", toolName: "get_weather", in: { city: "Paris" }, out: "rain" },
			{
				name: "Chat Completion with {request_data[model]!r}",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 40,
				output: 10,
				cost: 0.000012,
				in: { model: "gpt-4o-mini", messages: [user] },
				out: { message: assistant, usage: { total_tokens: 50 } },
			},
			{
				name: "invoke_agent weather",
				kind: "agent",
				model: "gpt-4o-mini",
				input: 90,
				output: 8,
				cacheRead: 64,
				cost: 0.0000135,
				isRollup: true,
				agentName: "weather",
				in: [parts("user", QUESTION)],
				out: ANSWER,
			},
		]);
	});

	it("OpenCode", () => {
		const own = { agentName: "build", sessionId: "ses_demo1" };
		expect(summaries("openCode")).toEqual([
			{ name: "opencode.session", kind: "agent", cost: 0.0021, isRollup: true, ...own },
			{
				name: "opencode.llm",
				kind: "llm_call",
				model: "gpt-4o-mini",
				provider: "openai",
				input: 900,
				output: 50,
				cacheRead: 512,
				cacheWrite: 0,
				reasoning: 10,
				cost: 0.0021,
				...own,
				in: QUESTION,
				out: ANSWER,
			},
			{
				name: "opencode.tool.task",
				kind: "tool_call",
				toolName: "task",
				...own,
				in: { prompt: "look" },
				out: '<task id="ses_x1">done</task>',
			},
			{ name: "opencode.llm", kind: "llm_call", model: "gpt-4o-mini", sessionId: "ses_demo1" },
		]);
	});
});

type Value = Readonly<Record<string, unknown>>;

function one(attributes: Readonly<Record<string, Value | string | number>>, fields: object = {}) {
	const body = {
		resourceSpans: [
			{
				resource: { attributes: [{ key: "gen_ai.system", value: { stringValue: "from resource" } }] },
				scopeSpans: [
					{
						spans: [
							{
								traceId: "0af7651916cd43dd8448eb211c80319c",
								spanId: "b7ad6b7169203331",
								name: "work",
								startTimeUnixNano: "1772787600123456789",
								endTimeUnixNano: "1772787600123456789",
								attributes: Object.entries(attributes).map(([key, value]) => ({
									key,
									value:
										typeof value === "string"
											? { stringValue: value }
											: typeof value === "number"
												? { intValue: String(value) }
												: value,
								})),
								...fields,
							},
						],
					},
				],
			},
		],
	};
	return ingest(JSON.stringify(body)).spans[0]!;
}

describe("input and output", () => {
	it("are moved where nothing is lost: JSON texts as JSON, other values as they are", () => {
		const span = one({ "input.value": '{"a":1.0,"b":"x\\ny"}', "output.value": "[not JSON" });
		expect(span).toMatchObject({ inputJson: '{"a":1.0,"b":"x\\ny"}', outputJson: '"[not JSON"' });
		expect(span.otel).toMatchObject({
			inputKey: { key: "input.value", isJsonText: true },
			outputKey: { key: "output.value", isJsonText: false },
			attributesJson: null,
		});
	});

	it("stay attributes as well where spaces between tokens would be lost", () => {
		const text = '{ "a": 1,\r\n "b": "\\u00e9" }';
		const span = one({ "input.value": text });
		expect(span.inputJson).toBe('{"a":1,"b":"é"}');
		expect(span.otel!.inputKey).toBeNull();
		expect(JSON.parse(span.otel!.attributesJson!)).toEqual({ "input.value": text });
	});

	it("keep the types of values that JSON has no words for", () => {
		const span = one({
			"input.value": { kvlistValue: { values: [{ key: "raw", value: { bytesValue: "AQI=" } }] } },
			"output.value": { doubleValue: "Infinity" },
		});
		expect(span).toMatchObject({ inputJson: '{"raw":"AQI="}', outputJson: '"Infinity"' });
		expect(JSON.parse(span.otel!.otelJson!).value_hints).toEqual([
			[["attributes", "input.value", "raw"], "bytes"],
			[["attributes", "output.value"], "double"],
		]);
	});

	it("keep a lone surrogate as an escape", () => {
		const body = JSON.stringify({ "input.value": '{"a":"\ud800"}', other: "\ud800" });
		const span = ingestBatch(
			Buffer.from(
				`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
				"name":"\\ud800","attributes":[${Object.entries(JSON.parse(body) as object)
					.map(([key, stringValue]) => JSON.stringify({ key, value: { stringValue } }))
					.join(",")}]}]}]}]}`,
			),
			"json",
		).spans[0]!;
		expectSound(span);
		expect(span.name).toBe("\uFFFD");
		for (const text of [span.inputJson, span.otel!.attributesJson]) expect(text!.isWellFormed()).toBe(true);
	});

	it("are read from numbered keys in the order of their numbers, however far apart those are", () => {
		const span = one({
			"gen_ai.prompt.10.content": "b",
			"gen_ai.prompt.9.content": "a",
			"gen_ai.prompt.99999.content": "c",
			"gen_ai.prompt.name": "no message",
			"gen_ai.prompt.1000000.content": "no index",
		});
		expect(span.inputJson).toBe('[{"content":"a"},{"content":"b"},{"content":"c"}]');
	});
});

describe("usage", () => {
	it("is unknown where nothing is said, not 0, and takes no other numbers", () => {
		const span = one({
			"gen_ai.request.model": "m",
			"gen_ai.usage.input_tokens": -1,
			"gen_ai.usage.output_tokens": { doubleValue: 1.5 },
			"gen_ai.usage.cost": { doubleValue: "NaN" },
		});
		expect(span.kind).toMatchObject({
			tokens: { input: null, output: null, cacheRead: null, cacheWrite: null, reasoning: null },
			cost: null,
			provider: "from resource",
		});
	});

	it("takes the next name where the best one cannot be used", () => {
		const { tokens } = one({
			"gen_ai.request.model": "",
			"gen_ai.response.model": "m",
			"gen_ai.usage.input_tokens": "many",
			"llm.token_count.prompt": { doubleValue: 7 },
			"gen_ai.usage.output_tokens": "8",
		}).kind;
		expect(tokens).toMatchObject({ input: 7, output: 8 });
	});

	it.each([
		// [input, output, read, written, total, name of the provider] → input
		[100, 10, 50, 0, undefined, "openai", 100],
		[100, 10, 500, 20, undefined, "openai", 620],
		[100, 10, 50, 0, 160, "openai", 150],
		[100, 10, 50, 0, undefined, "anthropic", 150],
		[100, 10, 50, 0, 110, "anthropic", 100],
		[100, 10, 0, 0, undefined, "anthropic", 100],
	])("counts cached tokens as input once: %j", (input, output, read, written, total, provider, expected) => {
		const span = one({
			"gen_ai.system": provider,
			"gen_ai.usage.input_tokens": input,
			"gen_ai.usage.output_tokens": output,
			"gen_ai.usage.cache_read_input_tokens": read,
			"gen_ai.usage.cache_creation_input_tokens": written,
			...(total === undefined ? {} : { "gen_ai.usage.total_tokens": total }),
		});
		expect(span.kind.tokens).toMatchObject({ input: expected, cacheRead: read, cacheWrite: written });
	});

	it("makes 0.75 dollars of a million tokens each way of gpt-4o-mini, dated or not", () => {
		for (const model of ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"]) {
			const usage = { "gen_ai.usage.input_tokens": 1e6, "gen_ai.usage.output_tokens": 1e6 };
			expect(one({ "gen_ai.system": "openai", "gen_ai.request.model": model, ...usage }).kind.cost).toBeCloseTo(
				0.75,
				9,
			);
		}
	});
});

describe("spans", () => {
	it("that are no model calls keep the word of their kind", () => {
		const words = [0, 1, 2, 3, 4, 5, 9].map((kind) => one({}, { kind }).kind.name);
		expect(words).toEqual(["unspecified", "internal", "server", "client", "producer", "consumer", "unspecified"]);
		expect(one({}, { kind: 9 }).otel!.otelJson).toBe('{"kind":9}');
	});

	it("are not made model calls by a system of their resource alone", () => {
		expect(one({}).kind).toMatchObject({ type: "custom", provider: null });
	});

	it("fail by code 2 only, with their message or the word error", () => {
		expect(one({}, { status: { code: 2, message: "no\nroute" } }).error).toBe("no\nroute");
		expect(one({}, { status: { code: 2 } }).error).toBe("error");
		expect(one({}, { status: { code: 1, message: "fine" } }).error).toBeNull();
	});

	it("without an end end at their start, and say what was missing", () => {
		const span = one({}, { endTimeUnixNano: "0" });
		expect(span.end).toEqual({ ms: 1_772_787_600_123, subNs: 456_789 });
		expect(span.otel!.otelJson).toBe('{"kind":0,"end_missing":true}');
	});

	it("take no session that could not be an id", () => {
		expect(one({ "session.id": "line\nbreak" }).sessionId).toBeNull();
		expect(one({ "session.id": "", "gen_ai.conversation.id": "c" }).sessionId).toBe("c");
	});

	it("write whole doubles with a fraction, and keys of any kind", () => {
		const span = one({ temperature: { doubleValue: 1 }, 'a"b\n': "c" });
		expect(span.otel!.attributesJson).toBe('{"temperature":1.0,"a\\"b\\n":"c"}');
	});
});

describe("traces", () => {
	it("are named by their first root, else by their service, and begin with their first span", () => {
		const { traces } = ingest(fixture("traceloop"));
		expect(traces).toEqual([
			{
				id: "04".repeat(16),
				name: "joke.workflow",
				isNameFinal: true,
				tagsJson: '["otlp"]',
				start: { ms: 1_772_787_600_001, subNs: 234_567 },
			},
		]);
		const body = JSON.parse(fixture("traceloop").toString());
		body.resourceSpans[0].scopeSpans[0].spans.shift();
		expect(ingest(JSON.stringify(body)).traces).toMatchObject([{ name: "weather", isNameFinal: false }]);
		body.resourceSpans[0].resource = {};
		expect(ingest(JSON.stringify(body)).traces).toMatchObject([{ name: "otlp-trace", isNameFinal: false }]);
	});
});
