import { type Conversation, conversationOf } from "./conversation.ts";
import { isObject, type Json, parsedJson } from "./messageShapes.ts";

type Side = "input" | "output";

/**
 * Messages in the attributes of an OpenTelemetry span, for programs that recorded no input or output of their own: GenAI
 * (`gen_ai.input.messages`, and the older `gen_ai.prompt`, `gen_ai.prompt.0.content`), OpenInference
 * (`llm.input_messages.0.message.content`, `input.value`), the Vercel AI SDK (`ai.prompt.messages`, `ai.response.text`),
 * Traceloop. Never throws; without any of them there are no messages.
 */
export function conversationInAttributes(attributes: Json, side: Side): Conversation {
	for (const read of READERS[side]) {
		const value = read(attributes);
		if (value === undefined) continue;
		const conversation = conversationOf(value, side);
		if (conversation.messages.length > 0) return conversation;
	}
	return conversationOf(undefined, side);
}

/** In order of trust; the first that gives messages wins. Each answers a value that `conversationOf` knows. */
const READERS: Record<Side, readonly ((attributes: Json) => unknown)[]> = {
	input: [
		(attributes) => {
			const messages = parsedJson(attributes["gen_ai.input.messages"]);
			if (messages === undefined) return undefined;
			return { system: parsedJson(attributes["gen_ai.system_instructions"]), messages };
		},
		(attributes) => unflatten(attributes, "llm.input_messages"),
		(attributes) => unflatten(attributes, "gen_ai.prompt"),
		(attributes) => attributes["gen_ai.prompt"],
		(attributes) => attributes["ai.prompt.messages"],
		(attributes) => attributes["ai.prompt"],
		(attributes) => attributes["input.value"],
		(attributes) => attributes["traceloop.entity.input"],
	],
	output: [
		(attributes) => attributes["gen_ai.output.messages"],
		(attributes) => unflatten(attributes, "llm.output_messages"),
		(attributes) => unflatten(attributes, "gen_ai.completion"),
		(attributes) => attributes["gen_ai.completion"],
		(attributes) => {
			const text = attributes["ai.response.text"];
			const reasoning = attributes["ai.response.reasoning"];
			const toolCalls = attributes["ai.response.toolCalls"];
			const files = parsedJson(attributes["ai.response.files"]);
			if (text === undefined && toolCalls === undefined && files === undefined) return undefined;
			return { reasoning, text, toolCalls, files };
		},
		(attributes) => attributes["ai.response.object"],
		(attributes) => attributes["output.value"],
		(attributes) => attributes["traceloop.entity.output"],
	],
};

const MAX_INDEX_DIGITS = 5;
const MAX_PATH = 16;

type Node = Map<string, unknown>;

/**
 * Messages spread over keys, `<prefix>.<index>.<path>` with numbers as indices of lists: `gen_ai.prompt.0.role`,
 * `llm.input_messages.0.message.tool_calls.0.tool_call.function.name`.
 */
function unflatten(attributes: Json, prefix: string): unknown {
	const root: Node = new Map();
	for (const key of Object.keys(attributes)) {
		if (!key.startsWith(`${prefix}.`)) continue;
		const path = key.slice(prefix.length + 1).split(".");
		if (path.length > MAX_PATH || !isIndex(path[0])) continue;
		let node = root;
		for (const step of path.slice(0, -1)) node = childOf(node, step);
		node.set(path[path.length - 1], attributes[key]);
	}
	return root.size === 0 ? undefined : plain(root);
}

function childOf(node: Node, step: string): Node {
	const known = node.get(step);
	if (known instanceof Map) return known as Node;
	const child: Node = new Map();
	node.set(step, child);
	return child;
}

function isIndex(step: string): boolean {
	return step.length <= MAX_INDEX_DIGITS && /^\d+$/.test(step);
}

/** Nodes whose keys are all numbers are lists, the others objects. */
function plain(node: unknown): unknown {
	if (!(node instanceof Map)) return node;
	const keys = [...(node as Node).keys()];
	if (!keys.every(isIndex)) return Object.fromEntries(keys.map((key) => [key, plain(node.get(key))]));
	return keys.sort((a, b) => Number(a) - Number(b)).map((key) => member(plain(node.get(key))));
}

/** OpenInference names the members of its lists: `0.message`, `0.tool_call`, `contents.0.message_content`. */
function member(value: unknown): unknown {
	if (!isObject(value)) return value;
	const inner = value.message ?? value.tool_call ?? value.message_content;
	if (!isObject(inner)) return value;
	return Array.isArray(inner.contents) && inner.content === undefined ? { ...inner, content: inner.contents } : inner;
}
