import { memberTexts } from "../base/memberText.ts";
import { attributesText, ValueHints, valueText } from "./attributeText.ts";
import { F, isIndex } from "./conventions.ts";
import { JsonCheck } from "./jsonCheck.ts";
import type { RawAttributes, RawEvent, RawSpan, RawValue } from "./rawSpan.ts";
import { RawText } from "./rawText.ts";

/** Input and output of a span as JSON text; null is unset. */
export interface Sides {
	readonly inputJson: string | null;
	readonly outputJson: string | null;
}

/** JSON text of a value, where a text that holds an object or array in JSON stands for that. */
export function contentText(value: RawValue): string {
	if (!(value instanceof RawText)) return valueText(value, new ValueHints());
	const check = value.checkJson();
	if (check === JsonCheck.no) return value.json;
	return check === JsonCheck.compact ? value.text : compactJson(value.text);
}

/** Valid JSON without spaces between its tokens. */
export function compactJson(text: string): string {
	return memberTexts(`{"v":${text}}`, ["v"]).v ?? "null";
}

type Node = Map<string, Node | string>;

/** Puts messages together that came in pieces: `gen_ai.prompt.0.role`, `llm.input_messages.0.message.content`. */
export function flatSides(attributes: RawAttributes): Sides {
	return { inputJson: flatSide(attributes, "input"), outputJson: flatSide(attributes, "output") };
}

function flatSide({ keys, values }: RawAttributes, side: "input" | "output"): string | null {
	const root: Node = new Map();
	let rank = Number.POSITIVE_INFINITY;
	for (let index = 0; index < keys.length; index++) {
		const { flat } = keys[index];
		if (flat === undefined || flat.side !== side || flat.rank > rank) continue;
		if (flat.rank < rank) root.clear();
		rank = flat.rank;
		const { path } = flat;
		let node = root;
		for (const step of path.slice(0, -1)) node = childOf(node, step);
		node.set(path[path.length - 1], valueText(values[index], new ValueHints()));
	}
	return root.size === 0 ? null : nodeText(root);
}

function childOf(node: Node, step: string): Node {
	const known = node.get(step);
	if (known instanceof Map) return known;
	const child: Node = new Map();
	node.set(step, child);
	return child;
}

/** Nodes whose steps are all numbers are lists, in their order, the others objects. */
function nodeText(node: Node | string): string {
	if (typeof node === "string") return node;
	const steps = [...node.keys()];
	if (steps.every(isIndex)) {
		steps.sort((a, b) => Number(a) - Number(b));
		return `[${steps.map((step) => nodeText(unwrapped(node.get(step) ?? "null"))).join(",")}]`;
	}
	return `{${steps.map((step) => `${JSON.stringify(step)}:${nodeText(node.get(step) ?? "null")}`).join(",")}}`;
}

/** OpenInference names the members of its lists. */
const WRAPPERS = ["message", "tool_call", "message_content", "document"];

function unwrapped(node: Node | string): Node | string {
	if (!(node instanceof Map) || node.size !== 1) return node;
	const name = WRAPPERS.find((wrapper) => node.has(wrapper));
	const inner = name === undefined ? undefined : node.get(name);
	if (!(inner instanceof Map)) return node;
	const contents = inner.get("contents");
	if (contents !== undefined && !inner.has("content")) {
		inner.delete("contents");
		inner.set("content", contents);
	}
	return inner;
}

/**
 * Reads messages from a span's events: `gen_ai.client.inference.operation.details` and the older `gen_ai.content.prompt` and
 * `gen_ai.content.completion`, which hold them whole, else `gen_ai.user.message`, `gen_ai.choice` and their like, one event a
 * message.
 */
export function eventSides(events: readonly RawEvent[]): Sides {
	let input: string | null = null;
	let output: string | null = null;
	const messages: string[] = [];
	const choices: string[] = [];
	for (const { name, attributes } of events) {
		if (!name.startsWith("gen_ai.")) continue;
		const { keys, values } = attributes;
		for (let index = 0; index < keys.length; index++) {
			const rule = keys[index].eventRule;
			if (rule === undefined || values[index] === null) continue;
			if (rule.field === F.input) input ??= contentText(values[index]);
			else output ??= contentText(values[index]);
		}
		if (name === "gen_ai.choice") choices.push(messageText(undefined, attributes));
		else if (name.endsWith(".message")) messages.push(messageText(name.slice(7, -8), attributes));
	}
	return {
		inputJson: input ?? (messages.length === 0 ? null : `[${messages.join(",")}]`),
		outputJson: output ?? (choices.length === 0 ? null : `[${choices.join(",")}]`),
	};
}

/** Attributes that hold the body of a message whole, in JSON. */
const BODY_NAMES = new Set(["gen_ai.event.content", "event_body", "body"]);

function messageText(role: string | undefined, attributes: RawAttributes): string {
	const { keys, values } = attributes;
	const members = new Map<string, string>();
	if (role !== undefined) members.set("role", JSON.stringify(role));
	for (let index = 0; index < keys.length; index++) {
		const { name } = keys[index];
		if (BODY_NAMES.has(name)) {
			const body = contentText(values[index]);
			if (!body.startsWith("{")) members.set("content", body);
			else if (body !== "{}") return role === undefined ? body : `{"role":${JSON.stringify(role)},${body.slice(1)}`;
		} else if (!name.startsWith("gen_ai.")) members.set(name, contentText(values[index]));
	}
	return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** Longest text of events that is parsed here; beyond it they are the input as they stand. */
const MAX_PARSED_CHARS = 4_000_000;

/**
 * Takes Pydantic AI's `events` apart: a list in JSON of what would be events of the span, the answer among them as
 * `gen_ai.choice`.
 */
export function pydanticSides(value: RawValue): Sides {
	if (!(value instanceof RawText) || value.checkJson() === JsonCheck.no) return NO_SIDES;
	const text = value.text;
	if (text.length > MAX_PARSED_CHARS) return { inputJson: compactJson(text), outputJson: null };
	const events: unknown = JSON.parse(text);
	if (!Array.isArray(events)) return NO_SIDES;
	const input: unknown[] = [];
	const output: unknown[] = [];
	for (const event of events as unknown[]) {
		const isChoice =
			typeof event === "object" && event !== null && Reflect.get(event, "event.name") === "gen_ai.choice";
		if (isChoice) output.push((event as { message?: unknown }).message ?? event);
		else input.push(event);
	}
	return {
		inputJson: input.length === 0 ? null : JSON.stringify(input),
		outputJson: output.length === 0 ? null : JSON.stringify(output),
	};
}

const NO_SIDES: Sides = { inputJson: null, outputJson: null };

/** Input and output that no single attribute holds. */
export function scatteredSides(span: RawSpan, events: RawValue): Sides {
	const flat = flatSides(span.attributes);
	const pydantic = events === null ? NO_SIDES : pydanticSides(events);
	const own = span.events.length === 0 ? NO_SIDES : eventSides(span.events);
	return {
		inputJson: flat.inputJson ?? pydantic.inputJson ?? own.inputJson,
		outputJson: flat.outputJson ?? pydantic.outputJson ?? own.outputJson,
	};
}

/** Attributes of an event or link as a member with a comma before it; empty when there are none. */
export function attributesMember(attributes: RawAttributes, hints: ValueHints): string {
	if (attributes.keys.length === 0) return "";
	return `,"attributes":${attributesText(attributes, hints)}`;
}
