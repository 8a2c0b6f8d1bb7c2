import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conversationOf, MAX_MESSAGES } from "../../src/model/conversation.ts";
import { conversationInAttributes } from "../../src/model/conversationAttributes.ts";

/** One line a message: `role text`, `role call name {arguments}`, `role result name content`. */
function lines(value: unknown, side: "input" | "output" = "input"): string[] {
	return conversationOf(value, side).messages.map(lineOf);
}

function lineOf(message: ReturnType<typeof conversationOf>["messages"][number]): string {
	const content = typeof message.content === "string" ? message.content : JSON.stringify(message.content);
	if (message.kind === "text") return `${message.role}: ${content}`;
	return `${message.role} ${message.kind} ${message.toolName ?? "?"}: ${content}`;
}

const OPENAI_CHAT = [
	{ role: "developer", content: "Be brief." },
	{
		role: "user",
		content: [
			{ type: "text", text: "What is in" },
			{ type: "text", text: "this?" },
			{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
		],
	},
	{
		role: "assistant",
		content: null,
		tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"at":"image"}' } }],
	},
	{ role: "tool", tool_call_id: "c1", content: "a cat" },
];
const OPENAI_CHAT_LINES = [
	"system: Be brief.",
	"user: What is in\nthis?",
	'user media ?: {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}',
	'assistant toolCall look: {"at":"image"}',
	"tool toolResult look: a cat",
];

describe("OpenAI", () => {
	it("reads a chat request, a bare list of messages and the same as a string of JSON", () => {
		const request = { model: "gpt-4o", temperature: 0, messages: OPENAI_CHAT };
		expect(lines(request)).toEqual(OPENAI_CHAT_LINES);
		expect(lines(OPENAI_CHAT)).toEqual(OPENAI_CHAT_LINES);
		expect(lines(JSON.stringify(request))).toEqual(OPENAI_CHAT_LINES);
	});

	it("reads the answer of a chat, with tool calls, refusals and reasoning", () => {
		const choices = [
			{
				index: 0,
				message: {
					role: "assistant",
					content: "Hello",
					reasoning_content: "greet back",
					tool_calls: [{ id: "c2", type: "custom", custom: { name: "run", input: "ls" } }],
				},
			},
			{ index: 1, message: { role: "assistant", content: null, refusal: "No." } },
		];
		expect(lines({ id: "x", object: "chat.completion", choices }, "output")).toEqual([
			"reasoning: greet back",
			"assistant: Hello",
			"assistant toolCall run: ls",
			"assistant: No.",
		]);
		expect(lines({ choices: [{ text: "once upon" }] }, "output")).toEqual(["assistant: once upon"]);
	});

	it("reads the responses API in both directions", () => {
		const input = [
			{ role: "user", content: [{ type: "input_text", text: "Weather?" }] },
			{ type: "reasoning", id: "r", summary: [{ type: "summary_text", text: "ask the tool" }] },
			{ type: "function_call", id: "fc_1", call_id: "call_1", name: "weather", arguments: '{"city":"Bonn"}' },
			{ type: "function_call_output", call_id: "call_1", output: '{"c":21}' },
		];
		expect(lines({ model: "gpt-5", instructions: "Be kind.", input })).toEqual([
			"system: Be kind.",
			"user: Weather?",
			"reasoning: ask the tool",
			'assistant toolCall weather: {"city":"Bonn"}',
			'tool toolResult weather: {"c":21}',
		]);
		const output = [
			{ type: "reasoning", summary: [] },
			{ type: "message", role: "assistant", content: [{ type: "output_text", text: "21 °C" }] },
		];
		expect(lines({ object: "response", instructions: "Be kind.", output }, "output")).toEqual(["assistant: 21 °C"]);
		expect(lines({ model: "gpt-5", input: "Hi" })).toEqual(["user: Hi"]);
	});
});

describe("Anthropic", () => {
	it("reads system prompt, blocks, tool use and tool results", () => {
		const request = {
			model: "claude-sonnet-4",
			max_tokens: 10,
			system: [{ type: "text", text: "You are a clerk.", cache_control: { type: "ephemeral" } }],
			messages: [
				{ role: "user", content: "Book it" },
				{
					role: "assistant",
					content: [
						{ type: "thinking", thinking: "needs a tool", signature: "s" },
						{ type: "text", text: "One moment." },
						{ type: "tool_use", id: "t1", name: "book", input: { day: 3 } },
					],
				},
				{
					role: "user",
					content: [
						{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "booked" }] },
						{ type: "text", text: "Thanks" },
					],
				},
			],
		};
		expect(lines(request)).toEqual([
			"system: You are a clerk.",
			"user: Book it",
			"reasoning: needs a tool",
			"assistant: One moment.",
			'assistant toolCall book: {"day":3}',
			"tool toolResult book: booked",
			"user: Thanks",
		]);
	});

	it("reads an answer", () => {
		const answer = { id: "m", type: "message", role: "assistant", content: [{ type: "text", text: "Done." }] };
		expect(lines(answer, "output")).toEqual(["assistant: Done."]);
		expect(conversationOf(answer, "output").isExplicit).toBe(true);
	});
});

describe("Gemini", () => {
	it("reads contents, system instruction, function calls and responses", () => {
		const request = {
			systemInstruction: { parts: [{ text: "Short." }] },
			contents: [
				{ role: "user", parts: [{ text: "2+2?" }] },
				{ role: "model", parts: [{ functionCall: { name: "add", args: { a: 2, b: 2 } } }] },
				{ role: "user", parts: [{ functionResponse: { name: "add", response: { sum: 4 } } }] },
			],
		};
		expect(lines(request)).toEqual([
			"system: Short.",
			"user: 2+2?",
			'assistant toolCall add: {"a":2,"b":2}',
			'tool toolResult add: {"sum":4}',
		]);
	});

	it("reads candidates and marks thoughts", () => {
		const candidates = [{ content: { role: "model", parts: [{ text: "hm", thought: true }, { text: "4" }] } }];
		expect(lines({ candidates }, "output")).toEqual(["reasoning: hm", "assistant: 4"]);
	});
});

describe("Vercel AI SDK", () => {
	it("reads prompts with tool parts and the flat result", () => {
		const messages = [
			{ role: "user", content: [{ type: "text", text: "Go" }] },
			{ role: "assistant", content: [{ type: "tool-call", toolCallId: "a", toolName: "go", input: { n: 1 } }] },
			{
				role: "tool",
				content: [
					{ type: "tool-result", toolCallId: "a", toolName: "go", output: { type: "json", value: { ok: true } } },
				],
			},
		];
		expect(lines({ system: "S", messages })).toEqual([
			"system: S",
			"user: Go",
			'assistant toolCall go: {"n":1}',
			'tool toolResult go: {"ok":true}',
		]);
		const result = { text: "gone", toolCalls: [{ toolCallId: "b", toolName: "stop", args: { now: 1 } }] };
		expect(lines(result, "output")).toEqual(["assistant: gone", 'assistant toolCall stop: {"now":1}']);
	});
});

describe("LangChain", () => {
	it("reads serialised messages, and a call that stands there twice once", () => {
		const of = (name: string, kwargs: object) => ({
			lc: 1,
			type: "constructor",
			id: ["langchain_core", "messages", name],
			kwargs,
		});
		const call = { id: "k", name: "sum", args: { a: 1 }, type: "tool_call" };
		const messages = [
			[
				of("SystemMessage", { content: "sys", type: "system" }),
				of("HumanMessage", { content: "hi", type: "human" }),
				of("AIMessage", {
					content: [{ type: "tool_use", id: "k", name: "sum", input: { a: 1 } }],
					tool_calls: [call],
					type: "ai",
				}),
				of("ToolMessage", { content: "1", tool_call_id: "k", type: "tool" }),
			],
		];
		expect(lines({ messages })).toEqual([
			"system: sys",
			"user: hi",
			'assistant toolCall sum: {"a":1}',
			"tool toolResult sum: 1",
		]);
	});

	it("reads plain messages, wrapped ones, prompts and generations", () => {
		expect(
			lines([
				{ type: "human", content: "a" },
				{ type: "ai", data: { content: "b" } },
			]),
		).toEqual(["user: a", "assistant: b"]);
		expect(lines({ prompts: ["one", "two"] })).toEqual(["user: one", "user: two"]);
		const generations = [[{ text: "x", message: { kwargs: { content: "x" }, id: ["AIMessage"] } }], [{ text: "y" }]];
		expect(lines({ generations }, "output")).toEqual(["assistant: x", "assistant: y"]);
	});
});

describe("OpenTelemetry", () => {
	const parts = [
		{ role: "user", parts: [{ type: "text", content: "Where?" }] },
		{ role: "assistant", parts: [{ type: "tool_call", id: "1", name: "map", arguments: { q: "x" } }] },
		{ role: "tool", parts: [{ type: "tool_call_response", id: "1", response: "here" }] },
	];
	const partLines = ["user: Where?", 'assistant toolCall map: {"q":"x"}', "tool toolResult map: here"];

	it("reads the GenAI messages of a payload and of attributes", () => {
		expect(lines(parts)).toEqual(partLines);
		const attributes = {
			"gen_ai.system_instructions": JSON.stringify([{ type: "text", content: "Guide." }]),
			"gen_ai.input.messages": JSON.stringify(parts),
			"gen_ai.output.messages": [
				{ role: "assistant", parts: [{ type: "text", content: "There" }], finish_reason: "stop" },
			],
		};
		expect(conversationInAttributes(attributes, "input").messages.map(lineOf)).toEqual([
			"system: Guide.",
			...partLines,
		]);
		expect(conversationInAttributes(attributes, "output").messages.map(lineOf)).toEqual(["assistant: There"]);
	});

	it("reads the older indexed keys, ten after nine", () => {
		const attributes: Record<string, unknown> = {};
		for (let index = 0; index < 12; index++) {
			attributes[`gen_ai.prompt.${index}.role`] = "user";
			attributes[`gen_ai.prompt.${index}.content`] = String(index);
		}
		const { messages } = conversationInAttributes(attributes, "input");
		expect(messages.map((message) => message.content)).toEqual([..."0123456789", "10", "11"]);
	});

	it("reads OpenInference and the Vercel AI SDK", () => {
		const inference = {
			"llm.input_messages.0.message.role": "user",
			"llm.input_messages.0.message.contents.0.message_content.type": "text",
			"llm.input_messages.0.message.contents.0.message_content.text": "Hi",
			"llm.output_messages.0.message.role": "assistant",
			"llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
			"llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a":1}',
		};
		expect(conversationInAttributes(inference, "input").messages.map(lineOf)).toEqual(["user: Hi"]);
		expect(conversationInAttributes(inference, "output").messages.map(lineOf)).toEqual([
			'assistant toolCall f: {"a":1}',
		]);
		const vercel = {
			"ai.prompt.messages": JSON.stringify([{ role: "user", content: "Hey" }]),
			"ai.response.text": "Ho",
			"ai.response.toolCalls": JSON.stringify([{ toolCallId: "1", toolName: "t", input: "{}" }]),
		};
		expect(conversationInAttributes(vercel, "input").messages.map(lineOf)).toEqual(["user: Hey"]);
		expect(conversationInAttributes(vercel, "output").messages.map(lineOf)).toEqual([
			"assistant: Ho",
			"assistant toolCall t: {}",
		]);
	});

	it("finds nothing in attributes that hold none", () => {
		expect(conversationInAttributes({ "http.method": "GET" }, "input").messages).toEqual([]);
	});
});

describe("plain shapes", () => {
	it.each([
		["a string", "hello"],
		["text", { text: "hello" }],
		["content", { content: "hello" }],
		["a prompt", { prompt: "hello", temperature: 1 }],
		["parts without a role", [{ type: "text", text: "hello" }]],
		["Ollama", { model: "llama", message: { role: "assistant", content: "hello" } }],
	])("reads %s", (_name, value) => {
		expect(lines(value, "output")).toEqual(["assistant: hello"]);
	});

	it("leaves to the JSON view what is no conversation", () => {
		for (const value of [undefined, null, 1, true, "", [], {}, { query: "x", top_k: 3 }, [1, 2], [{ id: 1 }]]) {
			expect(conversationOf(value, "input").messages).toEqual([]);
		}
	});

	it("keeps a string of JSON that is no conversation as the text that was sent", () => {
		expect(lines('{"query":"x"}')).toEqual(['user: {"query":"x"}']);
		expect(lines("[not json")).toEqual(["user: [not json"]);
	});

	it("tells a conversation from any text", () => {
		expect(conversationOf({ content: "file text" }, "output").isExplicit).toBe(false);
		expect(conversationOf([{ type: "text", text: "tool said" }], "output").isExplicit).toBe(false);
		expect(conversationOf({ message: "not found" }, "output").isExplicit).toBe(false);
		expect(conversationOf(OPENAI_CHAT, "input").isExplicit).toBe(true);
	});

	it("keeps parts it does not know", () => {
		const part = { type: "hologram", data: [1] };
		expect(conversationOf([{ role: "user", content: [part] }], "input").messages).toMatchObject([
			{ role: "user", kind: "text", content: part },
		]);
	});

	it("keeps a role it does not know", () => {
		expect(lines([{ role: "Critic", content: "meh" }])).toEqual(["critic: meh"]);
	});
});

describe("bounds", () => {
	it("keeps the system prompt and the newest messages, and counts the others", () => {
		const messages = Array.from({ length: 1000 }, (_, index) => ({ role: "user", content: `m${index}` }));
		const short = conversationOf({ messages }, "input");
		expect(short.messages.length).toBe(MAX_MESSAGES);
		expect(short.messages.at(-1)?.content).toBe("m999");
		expect(short.omitted).toBe(1000 - MAX_MESSAGES);
		const withSystem = conversationOf({ messages: [{ role: "system", content: "S" }, ...messages] }, "input");
		expect(withSystem.messages[0].content).toBe("S");
		expect(withSystem.messages[1].content).toBe(`m${1000 - MAX_MESSAGES + 1}`);
		expect(withSystem.omitted).toBe(1001 - MAX_MESSAGES);
	});

	it("counts what many parts in few messages leave out", () => {
		const content = Array.from({ length: 400 }, () => ({ type: "image", data: "x" }));
		const { messages, omitted } = conversationOf([{ role: "user", content }], "input");
		expect(messages.length + omitted).toBe(400);
		expect(messages.length).toBe(MAX_MESSAGES);
	});

	it("ends on values of any depth", () => {
		let nested: unknown = "x";
		for (let level = 0; level < 100_000; level++) nested = level % 2 === 0 ? { messages: nested } : [nested];
		expect(conversationOf(nested, "input").messages).toEqual([]);
		const deepText = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
		expect(conversationOf(deepText, "input").messages.length).toBe(1);
	});

	it("never throws, whatever stands where", () => {
		const key = fc.constantFrom(
			"messages",
			"role",
			"content",
			"parts",
			"type",
			"text",
			"tool_calls",
			"function",
			"arguments",
			"choices",
			"message",
			"candidates",
			"kwargs",
			"id",
			"data",
			"output",
			"input",
			"summary",
			"functionCall",
			"tool_use_id",
			"system",
			"generations",
			"additional_kwargs",
		);
		const word = fc.constantFrom(
			"user",
			"tool",
			"tool_use",
			"tool_result",
			"function_call",
			"ai",
			"text",
			"reasoning",
			"{",
			'{"a":1}',
		);
		const { value } = fc.letrec((tie) => ({
			value: fc.oneof(
				{ maxDepth: 5 },
				word,
				fc.constantFrom(null, 1, true, ""),
				fc.array(tie("value"), { maxLength: 4 }),
				fc.dictionary(key, tie("value"), { maxKeys: 5 }),
			),
		}));
		fc.assert(
			fc.property(value, fc.constantFrom("input" as const, "output" as const), (json, side) => {
				for (const message of conversationOf(json, side).messages) {
					expect(typeof message.role).toBe("string");
					expect(message.content).toBeDefined();
				}
			}),
			{ numRuns: 3000 },
		);
	});
});
