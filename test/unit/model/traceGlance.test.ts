import { describe, expect, it } from "vitest";
import type { SpanInput } from "../../../src/model/span.ts";
import { type TraceGlance, TraceGlances } from "../../../src/model/traceGlance.ts";
import { TraceStore } from "../../../src/model/traceStore.ts";
import { at, span } from "./spans.ts";

function glance(...spans: readonly SpanInput[]): TraceGlance & { readonly promptSpan: string | undefined } {
	const store = new TraceStore();
	store.upsertTrace({ traceId: "t" });
	for (const input of spans) store.upsertSpan(input);
	const entry = store.entry("t");
	if (entry === undefined) throw new Error("the trace is missing");
	const found = new TraceGlances(store).of(entry);
	return { ...found, promptSpan: store.columns.ids[found.promptRow] };
}

const call = (spanId: string, more: Partial<SpanInput> = {}) =>
	span("t", spanId, { kindType: "llm_call", kindName: "llm_call", ...more });

describe("a trace at a glance", () => {
	it("has no model, no steps and no prompt without spans", () => {
		expect(glance()).toMatchObject({ model: undefined, modelCount: 0, stepCount: 0, promptRow: -1 });
	});

	it("names the model that most spans name, of equals the first", () => {
		const found = glance(call("a", { model: "small" }), call("b", { model: "large" }), call("c", { model: "large" }));
		expect(found).toMatchObject({ model: "large", modelCount: 2 });
		expect(glance(call("a", { model: "small" }), call("b", { model: "large" })).model).toBe("small");
	});

	it("counts as steps what stands right below the root, or below a parent that is missing", () => {
		const spans = [
			span("t", "root"),
			call("one", { parentSpanId: "root" }),
			span("t", "two", { parentSpanId: "root" }),
			span("t", "deep", { parentSpanId: "two" }),
		];
		expect(glance(...spans).stepCount).toBe(2);
		expect(glance(...spans.toReversed()).stepCount).toBe(2);
		expect(glance(span("t", "x", { parentSpanId: "missing" })).stepCount).toBe(1);
	});

	it("takes the prompt from the earliest model call, else from the root", () => {
		const root = span("t", "root");
		expect(glance(span("t", "tool", { parentSpanId: "root" }), root).promptSpan).toBe("root");
		const later = call("later", { parentSpanId: "root", start: at(9) });
		expect(glance(later, root, call("first", { parentSpanId: "root", start: at(5) })).promptSpan).toBe("first");
	});

	it("is taken again when the trace has changed", () => {
		const store = new TraceStore();
		const glances = new TraceGlances(store);
		store.upsertSpan(span("t", "root"));
		const before = glances.of(store.entry("t") as NonNullable<ReturnType<TraceStore["entry"]>>);
		expect(glances.of(store.entry("t") as NonNullable<ReturnType<TraceStore["entry"]>>)).toBe(before);
		store.upsertSpan(call("a", { parentSpanId: "root", model: "gpt-4o" }));
		const after = glances.of(store.entry("t") as NonNullable<ReturnType<TraceStore["entry"]>>);
		expect(after).toMatchObject({ model: "gpt-4o", stepCount: 1 });
	});
});
