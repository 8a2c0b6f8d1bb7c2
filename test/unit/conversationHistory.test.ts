import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConversationMessage, conversationOf } from "../../src/model/conversation.ts";
import { countSaidBefore, previousCalls, saidIn } from "../../src/model/conversationHistory.ts";
import type { SpanInput, SpanSummary } from "../../src/model/span.ts";
import { TraceStore } from "../../src/model/traceStore.ts";

const read = (list: readonly unknown[]): readonly ConversationMessage[] => conversationOf(list, "input").messages;
const system = { role: "system", content: "Be brief." };
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("what a call before already showed", () => {
	it("is its input and its answer, not what came since", () => {
		const said = saidIn(read([system, user("Hi")]), read([assistant("Hello")]));
		const now = read([system, user("Hi"), assistant("Hello"), user("And now?")]);
		expect(countSaidBefore(now, said)).toBe(2);
	});

	it("counts each saying once, and the newest message never", () => {
		const said = saidIn(read([user("yes")]), read([assistant("Sure?")]));
		expect(countSaidBefore(read([user("yes"), assistant("Sure?"), user("yes")]), said)).toBe(2);
		expect(countSaidBefore(read([user("yes")]), said)).toBe(0);
	});

	it("knows tool calls again by what they say, though their ids are new", () => {
		const call = (id: string) => ({
			role: "assistant",
			tool_calls: [{ id, type: "function", function: { name: "look", arguments: '{"at":1}' } }],
		});
		const said = saidIn(read([user("Look"), call("a")]));
		expect(countSaidBefore(read([user("Look"), call("b"), user("Well?")]), said)).toBe(2);
	});

	it("tells long messages apart that begin alike", () => {
		const long = "x".repeat(50_000);
		const said = saidIn(read([user(`${long}a`)]));
		expect(countSaidBefore(read([user(`${long}abc`), user("next")]), said)).toBe(0);
	});

	it("is the whole of the call before, whatever was said", () => {
		const message = fc.record({ role: fc.constantFrom("user", "assistant"), content: fc.string({ minLength: 1 }) });
		fc.assert(
			fc.property(
				fc.array(message, { maxLength: 20 }),
				fc.array(message, { minLength: 1, maxLength: 5 }),
				(old, added) => {
					const before = read(old);
					const now = read([...old, ...added]);
					fc.pre(now.length > before.length);
					const count = countSaidBefore(now, saidIn(before));
					expect(count).toBeGreaterThanOrEqual(before.length);
					expect(count).toBeLessThan(now.length);
				},
			),
		);
	});
});

describe("the call before", () => {
	const at = (ms: number) => ({ ms, subNs: 0 });
	const call = (spanId: string, start: number, end: number | undefined, more: Partial<SpanInput> = {}): SpanInput => ({
		spanId,
		traceId: "t",
		parentSpanId: "agent",
		kindType: "llm_call",
		state: end === undefined ? "running" : "completed",
		start: at(start),
		end: end === undefined ? undefined : at(end),
		...more,
	});
	const idsBefore = (spanId: string, ...spans: readonly SpanInput[]): string[] => {
		const store = new TraceStore();
		for (const spanId of ["agent", "helper"]) store.upsertSpan({ spanId, traceId: "t", parentSpanId: null });
		for (const span of spans) store.upsertSpan(span);
		const ids = previousCalls(store, store.span("t", spanId) as SpanSummary).map((found) => found.spanId);
		store.dispose();
		return ids;
	};

	it("is the newest below the same parent, then the newest of the trace", () => {
		const spans = [
			call("a", 0, 10),
			call("b", 20, 30),
			call("other", 40, 50, { parentSpanId: "helper" }),
			call("tool", 52, 55, { kindType: "custom" }),
			call("now", 60, 70),
			call("later", 80, 90),
		];
		expect(idsBefore("now", ...spans)).toEqual(["b", "other"]);
		expect(idsBefore("a", ...spans)).toEqual([]);
	});

	it("is neither a wrapper of this call nor one beside it, for those had not ended", () => {
		expect(
			idsBefore(
				"now",
				call("wrapper", 0, 100),
				call("beside", 10, undefined),
				call("now", 20, 50, { parentSpanId: "wrapper" }),
			),
		).toEqual([]);
	});
});
