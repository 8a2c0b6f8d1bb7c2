import type { ConversationMessage } from "./conversation.ts";
import { boundText, jsonText } from "./jsonText.ts";
import { isObject, type Json, parsedJson, text } from "./messageShapes.ts";
import type { SpanDetail } from "./span.ts";

/**
 * A model asks for a tool in a message; a span says that a tool ran. These functions find which belongs to which: by the id of the
 * call, else by name and arguments in order of time, and only where nothing is in doubt. A wrong link is worse than none.
 */

/** A call as a message tells of it. */
export interface ToolCall {
	readonly id: string | undefined;
	readonly name: string | undefined;
	/** The arguments, alike for alike values (`argumentsKeyOf`). */
	readonly argumentsKey: string;
}

/** What a span says of the tool that it ran. */
export interface ToolRunFacts {
	readonly callId: string | undefined;
	readonly toolName: string;
	/** One for each way to read what was recorded; empty where nothing was. */
	readonly argumentsKeys: readonly string[];
}

/** A span that ran a tool. */
export interface ToolRun extends ToolRunFacts {
	readonly spanId: string;
}

/** Attributes with the id of the call that a span answers. */
const CALL_ID_KEYS = [
	"gen_ai.tool.call.id",
	"ai.toolCall.id",
	"tool_call.id",
	"tool.call.id",
	"tool_call_id",
	"toolCallId",
	"mcp.tool.call.id",
];
const TOOL_NAME_KEYS = [
	"gen_ai.tool.name",
	"tool.name",
	"ai.toolCall.name",
	"tool_call.function.name",
	"tool_name",
	"mcp.tool.name",
];
/** Members that an input of nothing else only wraps its arguments in. */
const WRAPPERS = new Set(["arguments", "args", "input", "inputs", "kwargs", "parameters", "params"]);

const MAX_ID_UNITS = 500;
const MAX_KEY_UNITS = 1_000;
/** Deeper values keep the order of their members. */
const MAX_SORTED_DEPTH = 30;

/** Kinds of spans that run tools, whatever their name. */
export function isToolKind(kindName: string): boolean {
	return /^(?:tool|tool[ _-]?(?:call|use|run)|execute_tool|function(?:_call)?|mcp[ _-]?tool)$/i.test(kindName);
}

/** The tool that a span's name names: `execute_tool search`, `search.tool` and `search` are one. */
export function toolNameIn(spanName: string): string {
	const name = spanName.slice(0, MAX_ID_UNITS).trim();
	const bare = name
		.replace(/^(?:execute_tool|execute tool|running tool|tool[ _]call|tool|function|mcp|tools\/call)[\s.:/]+/i, "")
		.replace(/(?:[.:/](?:tool|call|run|invoke)|\(\))$/i, "");
	return bare === "" ? name : bare;
}

/** What a span says of its tool. Bounded by the arguments' beginning, not by their size. */
export function toolRunFacts({ attributes, input, output, summary }: SpanDetail): ToolRunFacts {
	const given = parsedJson(input);
	return {
		callId: firstText(attributes, CALL_ID_KEYS) ?? idInRecord(given, output),
		toolName: firstText(attributes, TOOL_NAME_KEYS) ?? toolNameIn(summary.name),
		argumentsKeys: given === undefined || given === null ? [] : keysOf(given),
	};
}

/** LangChain gives a tool its whole call and gets a message back; others wrap a result with the id of its call. */
function idInRecord(given: unknown, output: unknown): string | undefined {
	if (isObject(given) && given.type === "tool_call" && text(given.id) !== undefined) return bounded(given.id);
	const result = parsedJson(output);
	const message = isObject(result) && isObject(result.kwargs) ? result.kwargs : result;
	if (!isObject(message)) return undefined;
	return bounded(message.tool_call_id) ?? bounded(message.tool_use_id) ?? bounded(message.toolCallId);
}

function firstText(attributes: Json, keys: readonly string[]): string | undefined {
	for (const key of keys) {
		const value = Object.hasOwn(attributes, key) ? bounded(attributes[key]) : undefined;
		if (value !== undefined) return value;
	}
	return undefined;
}

/** An id longer than any that a provider makes is none: its beginning could be that of another. */
function bounded(value: unknown): string | undefined {
	const id = text(value);
	return id === undefined || id.length > MAX_ID_UNITS ? undefined : id;
}

function keysOf(given: unknown): string[] {
	const keys = [argumentsKeyOf(given)];
	let inner = given;
	if (isObject(inner) && inner.type === "tool_call") {
		inner = parsedJson(inner.args ?? inner.arguments);
		keys.push(argumentsKeyOf(inner));
	}
	// Wrapped twice at most: {"input": {"kwargs": {…}}}.
	for (let depth = 0; depth < 2 && isObject(inner); depth++) {
		const members: [string, unknown][] = Object.entries(inner).filter(([, value]) => !isNothing(value));
		if (members.length !== 1 || !WRAPPERS.has(members[0][0])) break;
		inner = parsedJson(members[0][1]);
		keys.push(argumentsKeyOf(inner));
	}
	return [...new Set(keys)];
}

function isNothing(value: unknown): boolean {
	return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

/** One text for values that are alike: members in any order, a string of JSON like its value. Tells long ones by their size too. */
export function argumentsKeyOf(given: unknown): string {
	const value = parsedJson(given);
	const { text: key, totalBytes } =
		typeof value === "string" ? boundText(value, MAX_KEY_UNITS) : jsonText(sorted(value, 0), MAX_KEY_UNITS);
	return `${typeof value === "string" ? "text" : "json"} ${totalBytes} ${key}`;
}

function sorted(value: unknown, depth: number): unknown {
	if (depth === MAX_SORTED_DEPTH) return value;
	if (Array.isArray(value)) return value.map((member) => sorted(member, depth + 1));
	if (!isObject(value)) return value;
	const keys = Object.keys(value).sort();
	return Object.fromEntries(keys.map((key) => [key, sorted(value[key], depth + 1)]));
}

/** The calls in the messages of one side, by the places of their messages. */
export function toolCallsIn(messages: readonly ConversationMessage[]): ReadonlyMap<number, ToolCall> {
	const calls = new Map<number, ToolCall>();
	for (const [index, message] of messages.entries()) {
		if (message.kind !== "toolCall") continue;
		const { toolName, toolCallId, content } = message;
		calls.set(index, { id: bounded(toolCallId), name: bounded(toolName), argumentsKey: argumentsKeyOf(content) });
	}
	return calls;
}

/**
 * Which of `runs` ran which of `calls`. Both in the order of time. `isInside(a, b)`: span a lies below span b; of several spans that
 * report the same run the outermost is meant. `areAllRuns` is false where there may be runs that are not among these: then only ids
 * count, for a count of like runs says nothing.
 */
export function matchToolCalls<Key>(
	calls: ReadonlyMap<Key, ToolCall>,
	runs: readonly ToolRun[],
	isInside: (spanId: string, otherId: string) => boolean,
	areAllRuns: boolean,
): Map<Key, string> {
	const found = new Map<Key, string>();
	const runsById = groupsOf(runs, (run) => run.callId);
	const rest: [Key, ToolCall][] = [];
	for (const [key, call] of calls) {
		const answering = outermost(runsById.get(call.id) ?? [], isInside);
		if (call.id !== undefined && answering.length === 1) found.set(key, answering[0].spanId);
		// Two runs of one id are a doubt that names would not settle.
		else if (call.id === undefined || answering.length === 0) rest.push([key, call]);
	}
	if (!areAllRuns) return found;
	const taken = new Set(found.values());
	// What ran inside of a run, that one asked for.
	const free = runs.filter(({ spanId }) => !taken.has(spanId) && ![...taken].some((id) => isInside(spanId, id)));
	for (const [name, named] of groupsOf(rest, ([, call]) => call.name)) {
		if (name === undefined) continue;
		const ofTool = free.filter((run) => run.toolName === name);
		const isBare = ofTool.every((run) => run.argumentsKeys.length === 0);
		for (const [argumentsKey, alike] of groupsOf(named, ([, call]) => (isBare ? "" : call.argumentsKey))) {
			const ran = outermost(
				isBare ? ofTool : ofTool.filter((run) => run.argumentsKeys.includes(argumentsKey)),
				isInside,
			);
			// As many runs as calls: each is the one in its place.
			if (ran.length !== alike.length) continue;
			// An id on both sides has been compared: where it differs, the run answers another call.
			const isOther = alike.some(([, call], place) => call.id !== undefined && ran[place].callId !== undefined);
			if (!isOther) for (const [place, [key]] of alike.entries()) found.set(key, ran[place].spanId);
		}
	}
	return found;
}

function groupsOf<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
	const groups = new Map<K, T[]>();
	for (const item of items) {
		const key = keyOf(item);
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [item]);
		else group.push(item);
	}
	return groups;
}

/** Without those that lie inside of another: two instrumentations report one run twice, one inside the other. */
function outermost(
	runs: readonly ToolRun[],
	isInside: (spanId: string, otherId: string) => boolean,
): readonly ToolRun[] {
	if (runs.length < 2) return runs;
	return runs.filter((run) => !runs.some((other) => other !== run && isInside(run.spanId, other.spanId)));
}
