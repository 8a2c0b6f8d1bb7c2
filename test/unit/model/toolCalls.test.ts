import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
	argumentsKeyOf,
	isToolKind,
	matchToolCalls,
	type ToolCall,
	type ToolRun,
	toolNameIn,
} from "../../../src/model/toolCalls.ts";

const never = (): boolean => false;

describe("the tool that a span's name names", () => {
	it.each([
		["execute_tool search", "search"],
		["tool: search", "search"],
		["search.tool", "search"],
		["search", "search"],
		["read_file()", "read_file"],
		["tools/call web.fetch", "web.fetch"],
		["tool", "tool"],
		["", ""],
	])("%s is %s", (spanName, tool) => expect(toolNameIn(spanName)).toBe(tool));

	it("is not what a kind says", () => {
		expect(["tool_call", "tool", "execute_tool", "function"].map(isToolKind)).toEqual([true, true, true, true]);
		expect(["retrieval", "toolbox", "agent", ""].map(isToolKind)).toEqual([false, false, false, false]);
	});
});

describe("arguments", () => {
	it("are alike in any order of their members, as JSON and as its text", () => {
		fc.assert(
			fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
				const turned = Object.fromEntries(Object.entries(value).reverse());
				expect(argumentsKeyOf(turned)).toBe(argumentsKeyOf(value));
				expect(argumentsKeyOf(JSON.stringify(turned))).toBe(argumentsKeyOf(JSON.parse(JSON.stringify(value))));
			}),
		);
	});

	it("differ in their values, however deep a program nests them", () => {
		const deep = (depth: number): unknown => JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`);
		expect(argumentsKeyOf(deep(100_000))).toBe(argumentsKeyOf(deep(100_000)));
		expect(argumentsKeyOf(deep(100_000))).not.toBe(argumentsKeyOf(deep(99_999)));
		expect(argumentsKeyOf({ at: 1 })).not.toBe(argumentsKeyOf({ at: 2 }));
		expect(argumentsKeyOf("1")).not.toBe(argumentsKeyOf(1));
	});
});

describe("calls and runs", () => {
	/** What really happened: each call with whether its run was recorded, and with what. */
	const happened = fc.array(
		fc.record({
			name: fc.constantFrom("look", "find"),
			given: fc.nat(2),
			id: fc.boolean(),
			isRecorded: fc.boolean(),
			tellsId: fc.boolean(),
		}),
		{ maxLength: 8 },
	);
	const callsOf = (list: readonly { name: string; given: number; id: boolean }[]): Map<number, ToolCall> =>
		new Map(
			list.map(({ name, given, id }, at) => [
				at,
				{ id: id ? `c${at}` : undefined, name, argumentsKey: argumentsKeyOf({ given }) },
			]),
		);

	it("are never joined wrongly where every run was recorded", () => {
		fc.assert(
			fc.property(happened, (list) => {
				const runs = list.map(
					({ name, given, id, tellsId }, at): ToolRun => ({
						spanId: `r${at}`,
						callId: id && tellsId ? `c${at}` : undefined,
						toolName: name,
						argumentsKeys: [argumentsKeyOf({ given })],
					}),
				);
				const found = matchToolCalls(callsOf(list), runs, never, true);
				for (const [at, spanId] of found) expect(spanId).toBe(`r${at}`);
				// Everything is told: nothing is left out.
				expect(found.size).toBe(list.length);
			}),
		);
	});

	it("are joined by ids alone where runs may be missing, and no run twice", () => {
		fc.assert(
			fc.property(happened, fc.boolean(), (list, areAll) => {
				const runs = list.flatMap(({ name, given, id, isRecorded, tellsId }, at): ToolRun[] => {
					const callId = id && tellsId ? `c${at}` : undefined;
					const argumentsKeys = [argumentsKeyOf({ given })];
					return isRecorded ? [{ spanId: `r${at}`, callId, toolName: name, argumentsKeys }] : [];
				});
				const found = matchToolCalls(callsOf(list), runs, never, areAll);
				expect(new Set(found.values()).size).toBe(found.size);
				for (const [at, { id, tellsId, isRecorded }] of list.entries()) {
					if (id && tellsId && isRecorded) expect(found.get(at)).toBe(`r${at}`);
					else if (!areAll) expect(found.has(at)).toBe(false);
				}
			}),
		);
	});
});
