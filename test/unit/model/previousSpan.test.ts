import { expect, it } from "vitest";
import { previousAlike } from "../../../src/model/previousSpan.ts";
import type { SpanInput, SpanSummary } from "../../../src/model/span.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, span } from "./spans.ts";

it("is the call before for a call, and the newest of the same name before for anything else", () => {
	const store = new TraceStore();
	const add = (spanId: string, startMs: number, more: Partial<SpanInput>): void => {
		store.upsertSpan(span("t", spanId, { start: at(startMs), end: at(startMs + 5), ...more }));
	};
	add("call1", 0, { kindType: "llm_call", name: "plan" });
	add("tool1", 10, { name: "look" });
	add("tool2", 20, { name: "look" });
	add("other", 30, { name: "find" });
	add("call2", 40, { kindType: "llm_call", name: "reply" });
	add("tool3", 50, { name: "look" });
	store.upsertSpan(span("u", "tool4", { name: "look", start: at(45) }));
	const before = (spanId: string): string | undefined =>
		previousAlike(store, store.span("t", spanId) as SpanSummary)?.spanId;
	expect(["call1", "call2", "tool1", "tool2", "tool3", "other"].map(before)).toEqual([
		undefined,
		"call1",
		undefined,
		"tool1",
		"tool2",
		undefined,
	]);
	store.dispose();
});
