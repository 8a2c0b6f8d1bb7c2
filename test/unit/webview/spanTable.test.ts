import { describe, expect, it } from "vitest";
import { missingCode, ROOT, SpanTable } from "../../../webview/waterfall/spanTable.ts";
import { TestTrace } from "./traceColumnsBuilder.ts";

describe("SpanTable", () => {
	it("reads a snapshot and keeps unknown apart from 0", () => {
		const table = new SpanTable();
		const columns = new TestTrace().add([
			{ id: "rööt", start: 0, name: "agent", kind: "custom", inputTokens: 0 },
			{ id: "kid", parent: "rööt", start: 5, end: 9, isFailed: true, error: "boom" },
			{ id: "orphan", parent: "gone", start: 7 },
		]);
		expect(table.apply(columns)).toEqual({ addedFrom: 0, isRestructured: false });
		expect(table.count).toBe(3);
		expect(table.runningCount).toBe(2);
		expect([...table.parent.subarray(0, 3)]).toEqual([ROOT, 0, missingCode(0)]);
		expect(table.idOf(0)).toBe("rööt");
		expect(table.string(table.name[0])).toBe("agent");
		expect(table.string(table.error[1])).toBe("boom");
		expect(table.string(table.model[1])).toBe("");
		expect(table.inputTokens[0]).toBe(0);
		expect(table.inputTokens[1]).toBeNaN();
		expect(table.missingParentId(0)).toBe("gone");
	});

	it("fills a finished span in place and says when rows may move", () => {
		const trace = new TestTrace();
		const table = new SpanTable();
		table.apply(trace.add([{ id: "a", start: 0 }]));
		expect(table.apply(trace.add([{ id: "a", start: 0, end: 10, costUsd: 0.5 }]))).toEqual({
			addedFrom: 1,
			isRestructured: false,
		});
		expect(table.runningCount).toBe(0);
		expect(table.endNs[0]).toBe(10);
		expect(table.costUsd[0]).toBe(0.5);
		expect(table.apply(trace.add([{ id: "a", start: 3, end: 10 }]))?.isRestructured).toBe(true);
	});

	it("keeps the strings and missing parents of many messages apart", () => {
		const trace = new TestTrace();
		const table = new SpanTable();
		for (let i = 0; i < 500; i++) {
			table.apply(trace.add([{ id: `s${i}`, parent: `gone${i % 3}`, start: i, name: `name${i % 7}` }]));
		}
		expect(table.missingCount).toBe(3);
		for (let i = 0; i < 500; i++) {
			expect(table.string(table.name[i])).toBe(`name${i % 7}`);
			expect(table.idOf(i)).toBe(`s${i}`);
			expect(table.parent[i]).toBe(missingCode(i % 3));
		}
	});

	it("finds spans by id, one and many", () => {
		const table = new SpanTable();
		table.apply(new TestTrace().add(Array.from({ length: 50 }, (_, i) => ({ id: `span-${i}`, start: i }))));
		expect(table.find("span-37")).toBe(37);
		expect(table.find("span-99")).toBe(-1);
		expect(table.find("")).toBe(-1);
		expect(table.findAll(["span-1", "nope"])).toEqual([1]);
		expect(table.findAll(Array.from({ length: 20 }, (_, i) => `span-${i * 3}`))).toHaveLength(17);
	});

	it("refuses a message with a gap or with columns of different lengths, and stays as it was", () => {
		const trace = new TestTrace();
		const table = new SpanTable();
		table.apply(trace.add([{ id: "a", start: 0 }]));
		const good = trace.add([{ id: "b", start: 1 }]);
		expect(table.apply({ ...good, ordinal: Uint32Array.of(5) })).toBeUndefined();
		expect(table.apply({ ...good, endNs: new Float64Array(0) })).toBeUndefined();
		expect(table.apply({ ...good, idEnd: Uint32Array.of(99) })).toBeUndefined();
		expect(table.count).toBe(1);
		expect(table.apply(good)).toBeDefined();
		expect(table.count).toBe(2);
	});
});
