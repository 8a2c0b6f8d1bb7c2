import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Category } from "../../../webview/shared/kinds.ts";
import { type MinimapImage, MinimapRaster } from "../../../webview/waterfall/minimapRaster.ts";
import { TraceModel } from "../../../webview/waterfall/model.ts";
import { TimeScale, timeDomain } from "../../../webview/waterfall/timeScale.ts";
import { TestHostTrace } from "../../webview/agentTrace.ts";
import type { TestSpan } from "./traceColumnsBuilder.ts";

const KINDS = ["llm_call", "tool", "retrieval", "custom"];

function modelOf(spans: readonly TestSpan[]): TraceModel {
	const model = TraceModel.fromSnapshot(new TestHostTrace().snapshot(spans));
	if (model === undefined) throw new Error("refused");
	return model;
}

function rastered(model: TraceModel, columns: number, lanes: number, slice: number): MinimapImage {
	const scale = new TimeScale(timeDomain(model.startNs, model.endNs(0)), columns, 0);
	const raster = new MinimapRaster(model, scale, 0, lanes);
	for (;;) {
		const image = raster.step(slice);
		if (image !== undefined) return image;
	}
}

describe("MinimapRaster", () => {
	it("paints each cell with the category that most spans over it have, as counting span by span gives", () => {
		const span = fc.record({
			start: fc.integer({ min: 0, max: 1000 }),
			length: fc.integer({ min: -50, max: 400 }),
			kind: fc.constantFrom(...KINDS),
			isFailed: fc.boolean(),
		});
		fc.assert(
			fc.property(
				fc.array(span, { minLength: 1, maxLength: 60 }),
				fc.integer({ min: 1, max: 70 }),
				fc.integer({ min: 1, max: 9 }),
				fc.integer({ min: 1, max: 20 }),
				(given, columns, lanes, slice) => {
					const model = modelOf(
						given.map(({ start, length, ...span }, i) => ({ id: `s${i}`, start, end: start + length, ...span })),
					);
					const image = rastered(model, columns, lanes, slice);
					const scale = new TimeScale(timeDomain(model.startNs, model.endNs(0)), columns, 0);
					const column = (ns: number): number => Math.max(0, Math.min(columns - 1, Math.floor(scale.toPx(ns))));
					const counts = new Map<string, number>();
					const failed = new Set<number>();
					for (let ordinal = 0; ordinal < model.table.count; ordinal++) {
						const from = column(model.table.startNs[ordinal]);
						const to = Math.max(from, column(model.table.endNs[ordinal]));
						const lane = Math.floor((model.layout.rowOf(ordinal) * image.lanes) / model.layout.rowCount);
						for (let at = from; at <= to; at++) {
							const key = `${lane},${at},${model.category(ordinal)}`;
							counts.set(key, (counts.get(key) ?? 0) + 1);
						}
						if (model.table.state[ordinal] === 2) failed.add(to);
					}
					for (let lane = 0; lane < image.lanes; lane++) {
						for (let at = 0; at < columns; at++) {
							const of = (category: number): number => counts.get(`${lane},${at},${category}`) ?? 0;
							const calls = [Category.model, Category.tool, Category.retrieval];
							const most = Math.max(...calls.map(of));
							const first = calls.find((category) => most > 0 && of(category) === most);
							const expected = first === undefined ? (of(Category.other) > 0 ? 1 + Category.other : 0) : 1 + first;
							expect(image.cells[lane * columns + at]).toBe(expected);
						}
					}
					expect([...image.failed.keys()].filter((at) => image.failed[at] === 1)).toEqual(
						[...failed].sort((a, b) => a - b),
					);
				},
			),
		);
	});

	it("leaves out spans whose time is unknown, and has one lane a row while there are few", () => {
		const image = rastered(modelOf([{ id: "unknown" }, { id: "a", start: 0, end: 10, kind: "tool" }]), 10, 14, 100);
		expect(image.lanes).toBe(2);
		expect(image.cells.filter((cell) => cell !== 0)).toHaveLength(10);
	});
});
