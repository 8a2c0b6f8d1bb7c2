import { describe, expect, it } from "vitest";
import { outcomeSpanOf } from "../../../src/model/outcomeSpan.ts";
import type { SpanInput } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at } from "./spans.ts";

function storeOf(...spans: Omit<SpanInput, "traceId">[]): TraceStore {
	const store = new TraceStore();
	for (const span of spans) store.upsertSpan({ ...span, traceId: "t" });
	return store;
}

describe("the span that tells what came of a trace", () => {
	it("is the model call that began last, to the nanosecond, in whatever order they came", () => {
		const calls = [
			{ spanId: "first", parentSpanId: "root", kindType: "llm_call", start: at(1) },
			{ spanId: "last", parentSpanId: "root", kindType: "llm_call", start: { ms: at(2).ms, subNs: 500 } },
			{ spanId: "before", parentSpanId: "root", kindType: "llm_call", start: { ms: at(2).ms, subNs: 499 } },
		];
		const root = { spanId: "root", parentSpanId: null, start: at(0) };
		expect(outcomeSpanOf(storeOf(root, ...calls), "t")).toBe("last");
		expect(outcomeSpanOf(storeOf(...calls.toReversed(), root), "t")).toBe("last");
	});

	it("is the earliest root where no model was called", () => {
		const store = storeOf(
			{ spanId: "child", parentSpanId: "a", start: at(0) },
			{ spanId: "b", parentSpanId: null, start: at(5) },
			{ spanId: "a", parentSpanId: null, start: at(1) },
		);
		expect(outcomeSpanOf(store, "t")).toBe("a");
	});

	it("is any span where the root has not come, and none of a trace without spans", () => {
		expect(outcomeSpanOf(storeOf({ spanId: "orphan", parentSpanId: "gone" }), "t")).toBe("orphan");
		expect(outcomeSpanOf(new TraceStore(), "t")).toBeUndefined();
	});
});
