import { describe, expect, it } from "vitest";
import { Category, lookOfKind } from "../../../webview/shared/kinds.ts";
import { actionOfKey } from "../../../webview/waterfall/keys.ts";
import { TraceModel } from "../../../webview/waterfall/model.ts";
import { TestHostTrace } from "../../webview/agentTrace.ts";

function modelOf(host: TestHostTrace, spans: Parameters<TestHostTrace["snapshot"]>[0]): TraceModel {
	const model = TraceModel.fromSnapshot(host.snapshot(spans));
	if (model === undefined) throw new Error("refused");
	return model;
}

describe("TraceModel", () => {
	it("knows the extent of a trace, to the present while something runs", () => {
		const host = new TestHostTrace();
		const model = modelOf(host, [
			{ id: "a", start: 100, end: 300 },
			{ id: "b", start: 50, end: 70 },
			{ id: "unknown" },
		]);
		expect(model.startNs).toBe(50);
		expect(model.endNs(1e9)).toBe(1e9);
		expect(model.applyDelta(host.delta([{ id: "unknown", start: 400, end: 500 }]))).toBe(true);
		expect(model.endNs(1e9)).toBe(500);
		// An earlier start and an end that came down again.
		expect(model.applyDelta(host.delta([{ id: "unknown", start: 10, end: 20 }]))).toBe(true);
		expect(model.startNs).toBe(10);
		expect(model.endNs(1e9)).toBe(300);
	});

	it("has no extent while no time is known", () => {
		const model = modelOf(new TestHostTrace(), [{ id: "a" }]);
		expect(model.startNs).toBeNaN();
		expect(model.endNs(5)).toBeNaN();
		expect(model.spanDurationNs(0, 5)).toBeNaN();
	});

	it("ends a running span now, never before it began, and leaves an unknown end unknown", () => {
		const model = modelOf(new TestHostTrace(), [
			{ id: "run", start: 100 },
			{ id: "failed", start: 100, isFailed: true },
		]);
		expect(model.spanDurationNs(0, 150)).toBe(50);
		expect(model.spanDurationNs(0, 20)).toBe(0);
		expect(model.spanDurationNs(1, 150)).toBeNaN();
	});

	it("refuses a delta that does not join and takes an old one as known", () => {
		const host = new TestHostTrace();
		const model = modelOf(host, [{ id: "a", start: 0 }]);
		const first = host.delta([{ id: "b", start: 1 }]);
		const second = host.delta([{ id: "c", start: 2 }]);
		expect(model.applyDelta(second)).toBe(false);
		expect(model.table.count).toBe(1);
		expect(model.applyDelta(first)).toBe(true);
		expect(model.applyDelta(second)).toBe(true);
		expect(model.applyDelta(first)).toBe(true);
		expect(model.table.count).toBe(3);
	});
});

describe("lookOfKind", () => {
	it.each([
		["llm_call", Category.model, "sparkle"],
		["LLM", Category.model, "sparkle"],
		["chat", Category.model, "sparkle"],
		["text_completion", Category.model, "sparkle"],
		["tool", Category.tool, "tools"],
		["execute_tool", Category.tool, "tools"],
		["fs_read", Category.tool, "file"],
		["fs_write", Category.tool, "edit"],
		["RETRIEVER", Category.retrieval, "search"],
		["embeddings", Category.retrieval, "symbol-misc"],
		["invoke_agent", Category.other, "robot"],
		["CHAIN", Category.other, "symbol-method"],
		["", Category.other, "symbol-method"],
	])("sorts %s", (kind, category, icon) => {
		expect(lookOfKind(kind)).toEqual({ category, icon });
	});
});

describe("actionOfKey", () => {
	const press = (key: string, held: Partial<Record<"ctrlKey" | "altKey" | "metaKey", boolean>> = {}) =>
		actionOfKey({ key, ctrlKey: false, altKey: false, metaKey: false, ...held });

	it("knows the keys of a tree and leaves the others", () => {
		expect(press("ArrowDown")).toBe("next");
		expect(press("*")).toBe("expandAll");
		expect(press("Tab")).toBeUndefined();
		expect(press("constructor")).toBeUndefined();
		expect(press("ArrowDown", { ctrlKey: true })).toBeUndefined();
	});
});
