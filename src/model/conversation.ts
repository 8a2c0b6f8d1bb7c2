import { type MessageMedia, mediaOf, spokenMedia } from "./conversationMedia.ts";
import {
	CALL_TYPES,
	holdsResults,
	isBuiltInCall,
	isObject,
	isPartType,
	type Json,
	joined,
	looksLikeItem,
	MAX_PARTS,
	nonEmpty,
	parsedJson,
	plainText,
	REASONING_TYPES,
	RESULT_TYPES,
	roleOf,
	text,
	unwrapped,
} from "./messageShapes.ts";

/**
 * The messages of an LLM call, out of whatever its program recorded as input and output. One entry a text, a tool call or a
 * tool result; the order is the order of the record.
 */
export interface ConversationMessage {
	/** `system`, `user`, `assistant`, `tool`, `reasoning`, or the record's own word in lower case. */
	readonly role: string;
	readonly kind: "text" | "toolCall" | "toolResult" | "media";
	/** A string is text; anything else is a JSON value to be written out: arguments, structured results, media, unknown parts. */
	readonly content: unknown;
	/** Name of the tool, for calls and results; undefined where the record has none. */
	readonly toolName: string | undefined;
	/** Joins a call with its result. */
	readonly toolCallId: string | undefined;
	/** What `content` carries, for media only. */
	readonly media?: MessageMedia;
}

export interface Conversation {
	readonly messages: readonly ConversationMessage[];
	/** Messages past the bound. Left out of the middle: a leading system prompt and the newest messages stay. */
	readonly omitted: number;
	/** True when the record names roles or is of a known shape; false when a bare text was taken for a message. */
	readonly isExplicit: boolean;
}

/** Longer conversations keep their leading system prompt and the newest messages. */
export const MAX_MESSAGES = 200;

/** Containers in containers (a string of JSON, a response, its choices, their message): nothing known needs more. */
const MAX_DEPTH = 8;
/** Entries held while reading: many small parts in few messages. */
const MAX_COLLECTED = 10_000;
/** Tool calls remembered by their ids. */
const MAX_CALLS = 10_000;

const NOTHING: Conversation = { messages: [], omitted: 0, isExplicit: false };

/**
 * Messages of one value. Reads OpenAI chat and responses, Anthropic, Gemini, Ollama, the Vercel AI SDK, LangChain
 * (serialised and plain), OpenTelemetry GenAI (`parts`), bare texts, `{text}` and `{content}`, also as strings of JSON. A
 * shape that is none of them gives no messages: the JSON itself is the better view. Never throws; work is bounded by
 * `MAX_MESSAGES` and a fixed depth, not by the size of the value.
 */
export function conversationOf(value: unknown, side: "input" | "output"): Conversation {
	const reader = new Reader(side === "input" ? "user" : "assistant");
	reader.read(value, 0);
	return reader.finish();
}

/** Fields that hold a request's messages or a response's answer, most telling first. */
const CONTAINERS = [
	"messages",
	"contents",
	"choices",
	"candidates",
	"generations",
	"message",
	"prompts",
	"prompt",
	"output",
	"input",
	"response",
] as const;

/** Words of providers for a system prompt beside the messages. */
const SYSTEM_KEYS = ["system", "instructions", "systemInstruction", "system_instruction", "systemPrompt"] as const;

class Reader {
	readonly #defaultRole: string;
	readonly #messages: ConversationMessage[] = [];
	/** Tools by the ids of their calls. */
	readonly #calledIds = new Map<string, string | undefined>();
	#omitted = 0;
	#isExplicit = false;

	constructor(defaultRole: string) {
		this.#defaultRole = defaultRole;
	}

	finish(): Conversation {
		const all = this.#messages;
		if (all.length === 0) return NOTHING;
		let messages = all;
		if (all.length > MAX_MESSAGES) messages = newest(all, all[0].role === "system");
		return { messages, omitted: this.#omitted + all.length - messages.length, isExplicit: this.#isExplicit };
	}

	/** A value of any known shape. */
	read(value: unknown, depth: number): void {
		if (depth > MAX_DEPTH || value === undefined || value === null) return;
		if (typeof value === "string") {
			const parsed = parsedJson(value);
			if (typeof parsed === "string") this.#text(this.#defaultRole, parsed);
			else this.#parsed(parsed, value, depth);
		} else if (Array.isArray(value)) this.#list(value, depth);
		else if (isObject(value)) this.#object(value, depth);
	}

	/** JSON in a string: when it is no conversation, it is still the text that was sent. */
	#parsed(parsed: unknown, text: string, depth: number): void {
		const before = this.#messages.length;
		this.read(parsed, depth + 1);
		if (this.#messages.length === before) this.#text(this.#defaultRole, text);
	}

	#list(list: readonly unknown[], depth: number): void {
		if (list.length === 0 || depth > MAX_DEPTH) return;
		const first = list[0];
		// LangChain batches: a list of conversations, nearly always of one.
		if (Array.isArray(first)) {
			for (const inner of list.slice(0, MAX_MESSAGES)) if (Array.isArray(inner)) this.#list(inner, depth + 1);
			return;
		}
		let items = list;
		if (list.length > MAX_MESSAGES) items = newest(list, isObject(first) && roleOf(first) === "system");
		if (items.every((item) => typeof item === "string")) {
			this.#omitted += list.length - items.length;
			for (const item of items) this.#text(this.#defaultRole, item as string);
			return;
		}
		if (!items.some((item) => isObject(item) && looksLikeItem(item))) return;
		this.#omitted += list.length - items.length;
		for (const item of items) {
			if (isObject(item) && looksLikeItem(item)) this.#item(item, this.#defaultRole, depth + 1);
			else if (typeof item === "string") this.#text(this.#defaultRole, item);
			else if (item !== null && item !== undefined) this.#add(this.#defaultRole, "text", item);
		}
	}

	#object(object: Json, depth: number): void {
		if (looksLikeItem(object)) {
			this.#item(object, this.#defaultRole, depth);
			return;
		}
		// A request: the system prompt first, in the word of each provider, then the messages.
		if (this.#defaultRole === "user") {
			for (const key of SYSTEM_KEYS) {
				const value = object[key];
				if (typeof value !== "string" && !Array.isArray(value) && !isObject(value)) continue;
				this.#content("system", isObject(value) && "parts" in value ? value.parts : value, depth + 1);
			}
		}
		const before = this.#messages.length;
		for (const key of CONTAINERS) {
			const value = object[key];
			if (value === undefined || value === null) continue;
			if (key === "choices" || key === "candidates") this.#choices(value, depth + 1);
			else if (key === "generations") this.#generations(value, depth + 1);
			else if (typeof value === "string" && key !== "messages") this.#text(this.#defaultRole, value);
			else this.read(value, depth + 1);
			if (this.#messages.length > before) return;
		}
		this.#answer(object, depth);
	}

	/** The flat answers: AI SDK results, `{text}`, `{content}`, `{reasoning, toolCalls}`. */
	#answer(object: Json, depth: number): void {
		const reasoning = object.reasoningText ?? object.reasoning ?? object.reasoning_content ?? object.thinking;
		if (typeof reasoning === "string") this.#text("reasoning", reasoning);
		else if (Array.isArray(reasoning)) this.#content("reasoning", reasoning, depth + 1);
		for (const key of ["text", "content", "completion", "generated_text", "output_text", "answer"]) {
			const value = object[key];
			if (typeof value === "string") this.#text(this.#defaultRole, value);
			else if (Array.isArray(value)) this.#content(this.#defaultRole, value, depth + 1);
			else continue;
			break;
		}
		if (Array.isArray(object.files)) this.#content(this.#defaultRole, object.files, depth + 1);
		this.#calls(object.toolCalls ?? object.tool_calls);
	}

	/** OpenAI's `choices` and Gemini's `candidates`. */
	#choices(value: unknown, depth: number): void {
		if (!Array.isArray(value)) return;
		this.#isExplicit = true;
		for (const choice of value.slice(0, MAX_MESSAGES)) {
			if (!isObject(choice)) continue;
			const message = choice.message ?? choice.delta ?? choice.content;
			if (isObject(message)) this.#item(message, this.#defaultRole, depth + 1);
			else if (typeof choice.text === "string") this.#text(this.#defaultRole, choice.text);
			else if (message !== undefined) this.#content(this.#defaultRole, message, depth + 1);
		}
	}

	/** LangChain's results: lists of `{text, message}`. */
	#generations(value: unknown, depth: number): void {
		if (!Array.isArray(value) || depth > MAX_DEPTH) return;
		for (const entry of value.slice(0, MAX_MESSAGES)) {
			if (Array.isArray(entry)) this.#generations(entry, depth + 1);
			else if (!isObject(entry)) continue;
			else if (isObject(entry.message)) this.#item(entry.message, this.#defaultRole, depth + 1);
			else if (typeof entry.text === "string") this.#text(this.#defaultRole, entry.text);
		}
	}

	/** One message, or one item of the responses API. */
	#item(given: Json, fallbackRole: string, depth: number): void {
		if (depth > MAX_DEPTH) return;
		const item = unwrapped(given);
		const type = typeof item.type === "string" ? item.type : "";
		if (isPartType(type) && item.role === undefined) {
			this.#part(item, fallbackRole, depth);
			return;
		}
		const ownRole = roleOf(item);
		// A list of texts without a speaker may be any tool's answer.
		if (ownRole !== undefined) this.#isExplicit = true;
		const role = ownRole ?? fallbackRole;
		const toolCallId = text(item.tool_call_id ?? item.toolCallId);
		const content = item.content ?? item.parts ?? item.text;
		const reasoning = item.reasoning_content ?? item.reasoning ?? item.thinking;
		if (typeof reasoning === "string") this.#text("reasoning", reasoning);
		if (role === "tool" && !holdsResults(content)) {
			this.#results(content, text(item.name), toolCallId);
		} else if (content !== undefined && content !== null) this.#content(role, content, depth + 1);
		if (typeof item.refusal === "string") this.#text(role, item.refusal);
		const spoken = spokenMedia(item.audio);
		if (spoken !== undefined && isObject(item.audio)) {
			if (typeof item.audio.transcript === "string") this.#text(role, item.audio.transcript);
			this.#media(role, item.audio, spoken);
		}
		const extra = isObject(item.additional_kwargs) ? item.additional_kwargs : {};
		this.#calls(nonEmpty(item.tool_calls) ?? nonEmpty(item.toolCalls) ?? nonEmpty(extra.tool_calls));
		const call = item.function_call ?? extra.function_call;
		if (isObject(call)) this.#call(call);
	}

	/** Content of a message: a text or a list of parts. Texts that follow each other are one message. */
	#content(role: string, content: unknown, depth: number): void {
		if (depth > MAX_DEPTH) return;
		if (typeof content === "string") this.#text(role, content);
		else if (Array.isArray(content)) {
			const whole = joined(content);
			if (whole !== undefined) this.#text(role, whole);
			else this.#parts(role, content, depth);
		} else if (isObject(content)) {
			if (Array.isArray(content.parts)) this.#content(role, content.parts, depth + 1);
			else if (isPartType(text(content.type) ?? "") || "text" in content) this.#part(content, role, depth);
			else this.#add(role, "text", content);
		} else if (content !== undefined && content !== null) this.#add(role, "text", content);
	}

	#parts(role: string, parts: readonly unknown[], depth: number): void {
		let texts: string[] = [];
		const flush = (): void => {
			if (texts.length > 0) this.#text(role, texts.join("\n"));
			texts = [];
		};
		for (const part of parts.slice(0, MAX_PARTS)) {
			const plain = plainText(part);
			if (plain !== undefined) {
				texts.push(plain);
				continue;
			}
			flush();
			if (isObject(part)) this.#part(part, role, depth + 1);
			else if (part !== null && part !== undefined) this.#add(role, "text", part);
		}
		flush();
		if (parts.length > MAX_PARTS) this.#omitted += parts.length - MAX_PARTS;
	}

	/** One part of a message. What is not known stays as its JSON: schemas drift, and hiding is worse than showing. */
	#part(part: Json, role: string, depth: number): void {
		const type = text(part.type) ?? "";
		const plain = plainText(part);
		const media = plain === undefined ? mediaOf(part) : undefined;
		if (plain !== undefined) this.#text(role, plain);
		else if (media !== undefined) this.#media(type === "image_generation_call" ? "assistant" : role, part, media);
		else if (REASONING_TYPES.has(type) || part.thought === true) this.#reasoning(part);
		else if (CALL_TYPES.has(type)) this.#call(part);
		else if (RESULT_TYPES.has(type)) this.#result(part);
		// Gemini names the part by its key.
		else if (isObject(part.functionCall ?? part.function_call)) {
			this.#call((part.functionCall ?? part.function_call) as Json);
		} else if (isObject(part.functionResponse ?? part.function_response)) {
			this.#result((part.functionResponse ?? part.function_response) as Json);
		} else if (isBuiltInCall(type)) this.#builtInCall(part, type);
		else if (type === "dynamic-tool" || (type.startsWith("tool-") && text(part.toolCallId) !== undefined)) {
			this.#interfaceTool(part, type);
		} else if (type === "message" || part.role !== undefined) {
			if (depth < MAX_DEPTH) this.#item({ ...part, type: undefined }, role, depth + 1);
		} else this.#add(role, "text", part);
	}

	#reasoning(part: Json): void {
		const value = part.thinking ?? part.text ?? part.reasoning ?? part.content;
		const summary = joined(part.summary);
		if (typeof value === "string") this.#text("reasoning", value);
		else if (summary !== undefined && summary !== "") this.#text("reasoning", summary);
		else if (joined(value) !== undefined) this.#text("reasoning", joined(value) as string);
		// Encrypted: nothing to read, but it was sent and its size counts.
		else if (part.encrypted_content != null || part.data != null) this.#add("reasoning", "text", part);
	}

	/** Tools that the provider runs itself: `web_search_call`, `code_interpreter_call`, …. Call and result are one item. */
	#builtInCall(part: Json, type: string): void {
		const { type: _type, id, output, ...call } = part;
		const name = text(part.name) ?? type.replace(/_call$/, "");
		const given = part.arguments === undefined ? call : parsedJson(part.arguments);
		this.#add("assistant", "toolCall", given, name, text(part.call_id) ?? text(id));
		if (output !== undefined && output !== null) this.#results(output, name, text(part.call_id) ?? text(id));
	}

	/** A tool of the AI SDK's interface messages: `tool-<name>` with call and result in one part. */
	#interfaceTool(part: Json, type: string): void {
		const name = text(part.toolName) ?? type.slice("tool-".length);
		const id = text(part.toolCallId);
		this.#isExplicit = true;
		this.#add("assistant", "toolCall", part.input ?? part.args ?? part.rawInput ?? {}, name, id);
		const result = part.output ?? part.result ?? part.errorText;
		if (result !== undefined && result !== null) this.#results(result, name, id);
	}

	/** What a tool gave back: its texts as one result, and media beside it. */
	#results(value: unknown, name: string | undefined, id: string | undefined): void {
		const media: (readonly [Json, MessageMedia])[] = [];
		let rest = value;
		if (Array.isArray(value) && value.length <= MAX_PARTS) {
			rest = value.filter((part) => {
				const found = isObject(part) ? mediaOf(part) : undefined;
				if (found !== undefined) media.push([part as Json, found]);
				return found === undefined;
			});
		}
		// A result that is nothing but an image still says whose it is.
		const isOnlyMedia = media.length > 0 && Array.isArray(rest) && rest.length === 0;
		// A list of bare strings is a value that the tool gave; parts of a text say so.
		const isText = !Array.isArray(rest) || rest.every(isObject);
		if (!isOnlyMedia) this.#add("tool", "toolResult", (isText ? joined(rest) : undefined) ?? rest ?? "", name, id);
		for (const [part, found] of media) this.#media("tool", part, found, name, id);
	}

	#calls(calls: unknown): void {
		const list = typeof calls === "string" ? parsedJson(calls) : calls;
		if (!Array.isArray(list)) return;
		for (const call of list.slice(0, MAX_PARTS)) if (isObject(call)) this.#call(call);
	}

	/** A tool call; whoever's message carries it, the model made it. */
	#call(call: Json): void {
		const inner = isObject(call.function) ? call.function : isObject(call.custom) ? call.custom : call;
		const name = text(inner.name) ?? text(call.toolName) ?? text(call.tool_name);
		const id = text(call.call_id) ?? text(call.id) ?? text(call.tool_call_id) ?? text(call.toolCallId);
		const given = inner.arguments ?? inner.args ?? inner.input ?? inner.parameters;
		this.#isExplicit = true;
		if (id !== undefined) {
			// LangChain keeps a call twice: as a part of the content and in its own list.
			if (this.#calledIds.has(id)) return;
			if (this.#calledIds.size < MAX_CALLS) this.#calledIds.set(id, name);
		}
		this.#add("assistant", "toolCall", parsedJson(given) ?? {}, name, id);
	}

	#result(part: Json): void {
		const id = text(part.tool_use_id) ?? text(part.call_id) ?? text(part.tool_call_id) ?? text(part.toolCallId);
		const value = part.output ?? part.content ?? part.result ?? part.response ?? part.error;
		// The AI SDK wraps: {type: "text", value}.
		const inner = isObject(value) && "value" in value && typeof value.type === "string" ? value.value : value;
		this.#isExplicit = true;
		this.#results(inner, text(part.toolName) ?? text(part.name), id ?? text(part.id));
	}

	#media(role: string, part: Json, media: MessageMedia, toolName?: string, toolCallId?: string): void {
		this.#add(role, "media", part, toolName, toolCallId, media);
	}

	#text(role: string, content: string): void {
		if (content !== "") this.#add(role, "text", content);
	}

	#add(
		role: string,
		kind: ConversationMessage["kind"],
		content: unknown,
		toolName?: string,
		toolCallId?: string,
		media?: MessageMedia,
	): void {
		if (this.#messages.length >= MAX_COLLECTED) {
			this.#omitted++;
			return;
		}
		// A result names only the id of its call; the call named the tool.
		const name = toolName ?? (toolCallId === undefined ? undefined : this.#calledIds.get(toolCallId));
		const message = { role, kind, content, toolName: name, toolCallId };
		this.#messages.push(media === undefined ? message : { ...message, media });
	}
}

/** The newest of a list within the bound; with the first one in front if it is to be kept. */
function newest<T>(list: readonly T[], keepsFirst: boolean): T[] {
	if (!keepsFirst) return list.slice(-MAX_MESSAGES);
	return [list[0], ...list.slice(-(MAX_MESSAGES - 1))];
}
