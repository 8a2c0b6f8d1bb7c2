/**
 * What the messages of the providers look like: the words for their speakers and parts, and how they are wrapped. One
 * place, because schemas drift: a new word of a provider is a new entry here.
 */
export type Json = Readonly<Record<string, unknown>>;

/** Parts of one message that are read. */
export const MAX_PARTS = 500;
/** Strings of JSON up to this many UTF-16 units are parsed; beyond it a text stays a text. */
const MAX_PARSED_UNITS = 2_000_000;

/** Words for the same speaker. What is not here keeps its own word. */
const ROLES: Readonly<Record<string, string>> = {
	human: "user",
	ai: "assistant",
	model: "assistant",
	bot: "assistant",
	developer: "system",
	function: "tool",
	humanmessage: "user",
	humanmessagechunk: "user",
	aimessage: "assistant",
	aimessagechunk: "assistant",
	systemmessage: "system",
	toolmessage: "tool",
	functionmessage: "tool",
	chatmessage: "user",
};

/** `type` words of parts and items whose `text`, `content` or own field is plain text. */
const TEXT_TYPES = new Set(["text", "input_text", "output_text", "summary_text", "text_delta", "refusal"]);
export const REASONING_TYPES = new Set(["thinking", "reasoning", "reasoning_content", "redacted_thinking"]);
export const CALL_TYPES = new Set([
	"tool_use",
	"server_tool_use",
	"mcp_tool_use",
	"function_call",
	"custom_tool_call",
	"tool-call",
	"tool_call",
]);
export const RESULT_TYPES = new Set([
	"tool_result",
	"function_call_output",
	"custom_tool_call_output",
	"tool-result",
	"tool_call_response",
	"tool-error",
	"web_search_tool_result",
	"mcp_tool_result",
	"local_shell_call_output",
	"computer_call_output",
]);
/** Items of OpenAI's responses for tools that the provider runs itself. */
const BUILT_IN_CALLS = new Set([
	"web_search_call",
	"file_search_call",
	"code_interpreter_call",
	"computer_call",
	"local_shell_call",
	"mcp_call",
	"mcp_list_tools",
]);
/** LangChain's plain messages say who speaks in `type`. */
const SPEAKER_TYPES = new Set(["human", "ai", "system", "tool", "function", "chat"]);

/** A JSON object, no list. */
export function isObject(value: unknown): value is Json {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A string with something in it. */
export function text(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

/** Undefined for an empty list, so that the next place is asked. */
export function nonEmpty(value: unknown): unknown {
	return Array.isArray(value) && value.length === 0 ? undefined : value;
}

/** Whether a `type` names a part of a message rather than a message. */
export function isPartType(type: string): boolean {
	return (
		TEXT_TYPES.has(type) ||
		REASONING_TYPES.has(type) ||
		CALL_TYPES.has(type) ||
		RESULT_TYPES.has(type) ||
		type === "image_generation_call" ||
		isBuiltInCall(type)
	);
}

export function isBuiltInCall(type: string): boolean {
	return BUILT_IN_CALLS.has(type);
}

/** Whether an object is a message or a part of one, and not something that holds messages. */
export function looksLikeItem(given: Json): boolean {
	const item = unwrapped(given);
	if (typeof item.role === "string") return true;
	const type = text(item.type);
	if (type === undefined) return Array.isArray(item.parts) || isObject(item.functionCall);
	if (type === "message" || isPartType(type)) return true;
	return SPEAKER_TYPES.has(type) && (item.content !== undefined || item.text !== undefined);
}

/**
 * The message inside its wrapping: LangChain's `{lc, id: [… "HumanMessage"], kwargs}` and `{type: "human", data}`,
 * OpenInference's `{message: {…}}`.
 */
export function unwrapped(item: Json): Json {
	if (isObject(item.kwargs) && Array.isArray(item.id)) {
		const name = item.id[item.id.length - 1];
		return typeof name === "string" ? { role: name, ...item.kwargs, type: undefined } : item.kwargs;
	}
	if (isObject(item.data) && typeof item.type === "string" && SPEAKER_TYPES.has(item.type)) {
		return { ...item.data, type: item.type };
	}
	if (isObject(item.message) && typeof item.message.role === "string" && item.role === undefined) return item.message;
	return item;
}

/** Who speaks, in our words; undefined where the message does not say. */
export function roleOf(given: Json): string | undefined {
	const item = unwrapped(given);
	const word = text(item.role) ?? (SPEAKER_TYPES.has(text(item.type) ?? "") ? text(item.type) : undefined);
	if (word === undefined) return undefined;
	const role = word.toLowerCase();
	return Object.hasOwn(ROLES, role) ? ROLES[role] : role;
}

/** The text of a part that is nothing but text. */
export function plainText(part: unknown): string | undefined {
	if (typeof part === "string") return part;
	if (!isObject(part)) return undefined;
	const type = part.type;
	if (typeof type === "string" && !TEXT_TYPES.has(type)) return undefined;
	// Gemini marks its thoughts on a plain text.
	if (part.thought === true) return undefined;
	const value = part.text ?? part.content ?? part.refusal;
	if (typeof value === "string") return typeof type === "string" || "text" in part ? value : undefined;
	// OpenAI's assistants: {type: "text", text: {value}}.
	return isObject(value) && typeof value.value === "string" ? value.value : undefined;
}

/** A text, or a list of nothing but texts joined by line ends; undefined for anything else. */
export function joined(content: unknown): string | undefined {
	if (typeof content === "string") return content;
	if (!Array.isArray(content) || content.length === 0 || content.length > MAX_PARTS) return undefined;
	const texts: string[] = [];
	for (const part of content) {
		const plain = plainText(part);
		if (plain === undefined) return undefined;
		texts.push(plain);
	}
	return texts.join("\n");
}

/** Whether a message's content is made of tool results, each with its own call. */
export function holdsResults(content: unknown): boolean {
	return (
		Array.isArray(content) &&
		content.some(
			(part) =>
				isObject(part) &&
				(RESULT_TYPES.has(text(part.type) ?? "") || isObject(part.functionResponse ?? part.function_response)),
		)
	);
}

/** The value of a string that is a JSON object or array, within bounds; any other value as it is. */
export function parsedJson(value: unknown): unknown {
	if (typeof value !== "string" || value.length > MAX_PARSED_UNITS) return value;
	const first = /^\s*([[{])/.exec(value.slice(0, 100))?.[1];
	if (first === undefined) return value;
	try {
		return JSON.parse(value) as unknown;
	} catch {
		// Looked like JSON and was none: a text that begins with a bracket.
		return value;
	}
}
