import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Category } from "../../../webview/shared/kinds.ts";
import { type CriticalPath, CriticalPathWalk, timeShares } from "../../../webview/waterfall/criticalPath.ts";
import { TraceModel } from "../../../webview/waterfall/model.ts";
import { TestHostTrace } from "../../webview/agentTrace.ts";
import type { TestSpan } from "./traceColumnsBuilder.ts";

function modelOf(spans: readonly TestSpan[]): TraceModel {
	const model = TraceModel.fromSnapshot(new TestHostTrace().snapshot(spans));
	if (model === undefined) throw new Error("refused");
	return model;
}

function criticalPath(model: TraceModel, nowNs: number, slice = Number.MAX_SAFE_INTEGER): CriticalPath {
	const walk = new CriticalPathWalk(model, nowNs);
	for (;;) {
		const path = walk.step(slice);
		if (path !== undefined) return path;
	}
}

/** The pieces by time, each with the id of its span. */
function pieces(model: TraceModel, path: CriticalPath): { id: string; start: number; end: number }[] {
	const found: { id: string; start: number; end: number }[] = [];
	for (let ordinal = 0; ordinal < model.table.count; ordinal++) {
		for (let index = path.first[ordinal]; index < path.first[ordinal] + path.count[ordinal]; index++) {
			found.push({ id: model.table.idOf(ordinal), start: path.startNs[index], end: path.endNs[index] });
		}
	}
	return found.sort((a, b) => a.start - b.start);
}

function told(spans: readonly TestSpan[], nowNs = 0): string {
	const model = modelOf(spans);
	return pieces(model, criticalPath(model, nowNs))
		.map(({ id, start, end }) => `${id} ${start}-${end}`)
		.join(", ");
}

/** Trees in which children may begin before, overlap and outlive their parents. */
const anyTrace = fc
	.array(
		fc.record({
			parent: fc.nat(),
			start: fc.integer({ min: 0, max: 1000 }),
			length: fc.integer({ min: -20, max: 500 }),
			kind: fc.constantFrom("llm_call", "tool", "retrieval", "custom"),
			isRoot: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
		}),
		{ minLength: 1, maxLength: 150 },
	)
	.map((given) =>
		given.map(
			({ parent, start, length, kind, isRoot }, i): TestSpan => ({
				id: `s${i}`,
				parent: i === 0 || isRoot ? undefined : `s${parent % i}`,
				start,
				end: start + length,
				kind,
			}),
		),
	);

describe("criticalPath", () => {
	it("goes from the end back over the child that ended last, and through the parent between", () => {
		expect(
			told([
				{ id: "root", start: 0, end: 100 },
				{ id: "a", parent: "root", start: 10, end: 40 },
				{ id: "beside", parent: "root", start: 15, end: 35 },
				{ id: "b", parent: "root", start: 50, end: 90 },
				{ id: "b1", parent: "b", start: 60, end: 80 },
			]),
		).toBe("root 0-10, a 10-40, root 40-50, b 50-60, b1 60-80, b 80-90, root 90-100");
	});

	it("goes on with a child that ran beside where no other one ended: the parent did not wait for nothing", () => {
		expect(
			told([
				{ id: "root", start: 0, end: 120 },
				{ id: "a", parent: "root", start: 0, end: 100 },
				{ id: "b", parent: "root", start: 0, end: 80 },
				{ id: "c", parent: "root", start: 90, end: 120 },
			]),
		).toBe("a 0-90, c 90-120");
	});

	it("cuts a child that outlives its parent or began before it", () => {
		expect(
			told([
				{ id: "root", start: 0, end: 100 },
				{ id: "parent", parent: "root", start: 20, end: 60 },
				{ id: "early", parent: "parent", start: 10, end: 40 },
				{ id: "late", parent: "parent", start: 45, end: 200 },
			]),
		).toBe("root 0-20, early 20-40, parent 40-45, late 45-60, root 60-100");
	});

	it("leaves out the time in which no root ran, and takes spans of a missing parent as roots", () => {
		expect(
			told([
				{ id: "a", start: 0, end: 10 },
				{ id: "orphan", parent: "lost", start: 20, end: 30 },
			]),
		).toBe("a 0-10, orphan 20-30");
	});

	it("ends what runs now, and passes over what has no length or no known time", () => {
		expect(
			told(
				[
					{ id: "root", start: 0 },
					{ id: "run", parent: "root", start: 10 },
					{ id: "point", parent: "root", start: 5, end: 5 },
					{ id: "unknown", parent: "root" },
				],
				50,
			),
		).toBe("root 0-10, run 10-50");
		expect(told([{ id: "nothing" }])).toBe("");
	});

	it("is the same in slices", () => {
		fc.assert(
			fc.property(anyTrace, fc.integer({ min: 1, max: 20 }), (spans, slice) => {
				const model = modelOf(spans);
				const whole = pieces(model, criticalPath(model, 0));
				expect(pieces(model, criticalPath(model, 0, slice))).toEqual(whole);
			}),
		);
	});

	it("covers each moment of a root once, by pieces inside their spans and below spans on the path", () => {
		fc.assert(
			fc.property(anyTrace, (spans) => {
				const model = modelOf(spans);
				const found = pieces(model, criticalPath(model, 0));
				const byId = new Map(spans.map((span) => [span.id, span]));
				let before = Number.NEGATIVE_INFINITY;
				for (const { id, start, end } of found) {
					expect(start).toBeGreaterThanOrEqual(before);
					expect(end).toBeGreaterThan(start);
					before = end;
					const span = byId.get(id);
					expect(start).toBeGreaterThanOrEqual(span?.start ?? Number.NaN);
					expect(end).toBeLessThanOrEqual(span?.end ?? Number.NaN);
				}
				// One root: nothing of it is missing.
				const roots = spans.filter(({ parent }) => parent === undefined);
				const [root] = roots;
				if (roots.length > 1) return;
				const covered = found.reduce((sum, { start, end }) => sum + end - start, 0);
				expect(covered).toBe(Math.max(0, (root.end ?? 0) - (root.start ?? 0)));
			}),
		);
	});

	it("is the same for many siblings in any order of their ends, as choosing the latest again and again gives", () => {
		const sibling = fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 300 }));
		fc.assert(
			fc.property(fc.array(sibling, { minLength: 60, maxLength: 200 }), (given) => {
				const spans: TestSpan[] = given.map(([start, length], i) => ({ id: `s${i}`, start, end: start + length }));
				const model = modelOf(spans);
				const found = pieces(model, criticalPath(model, 0)).map(({ start, end }) => [start, end]);
				const expected: number[][] = [];
				let at = Number.POSITIVE_INFINITY;
				const all = given.map(([start, length]) => [start, start + length]);
				for (;;) {
					const open = all.filter(([, end]) => end <= at);
					const last = Math.max(...open.map(([, end]) => end));
					const beside = all.filter(([start, end]) => start < at && end > at).map(([start]) => start);
					if (last < at && beside.length > 0) {
						expected.unshift([Math.min(...beside), at]);
						at = Math.min(...beside);
						continue;
					}
					if (open.length === 0) break;
					// Of those that end together the one that began last is the last in the tree.
					const piece = open.filter(([, end]) => end === last).sort((a, b) => b[0] - a[0])[0];
					expected.unshift(piece);
					at = piece[0];
				}
				expect(found).toEqual(expected);
			}),
		);
	});

	it("walks a chain as deep as a trace is long", () => {
		const spans = Array.from(
			{ length: 20_000 },
			(_, i): TestSpan => ({ id: `s${i}`, parent: i === 0 ? undefined : `s${i - 1}`, start: i, end: 40_000 - i }),
		);
		const model = modelOf(spans);
		expect(pieces(model, criticalPath(model, 0))).toHaveLength(39_999);
	});
});

describe("timeShares", () => {
	it("tells the time of each kind of work on the path; what only holds others and gaps are idle", () => {
		const model = modelOf([
			{ id: "agent", start: 0, end: 100, kind: "agent" },
			{ id: "call", parent: "agent", start: 10, end: 40, kind: "llm_call" },
			{ id: "tool", parent: "agent", start: 40, end: 60, kind: "tool" },
			{ id: "http", parent: "tool", start: 45, end: 50, kind: "http" },
			{ id: "find", parent: "agent", start: 70, end: 100, kind: "retrieval" },
			{ id: "later", start: 150, end: 200, kind: "tool" },
		]);
		const shares = timeShares(model, criticalPath(model, 0), 0);
		expect(shares.byCategory[Category.model]).toBe(30);
		expect(shares.byCategory[Category.tool]).toBe(65);
		expect(shares.byCategory[Category.retrieval]).toBe(30);
		expect(shares.byCategory[Category.other]).toBe(5);
		expect(shares.idleNs).toBe(70);
		expect(shares.wholeNs).toBe(200);
	});

	it("calls no moment idle in which one of many siblings ran", () => {
		const sibling = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 60 }));
		fc.assert(
			fc.property(fc.array(sibling, { minLength: 1, maxLength: 40 }), (given) => {
				const calls = given.map(
					([start, length], i): TestSpan => ({
						id: `s${i}`,
						parent: "root",
						start,
						end: start + length,
						kind: "tool",
					}),
				);
				const model = modelOf([{ id: "root", start: 0, end: 500, kind: "agent" }, ...calls]);
				const ran = new Set(given.flatMap(([start, length]) => Array.from({ length }, (_, i) => start + i)));
				const shares = timeShares(model, criticalPath(model, 0), 0);
				expect(shares.byCategory[Category.tool]).toBe(ran.size);
				expect(shares.idleNs).toBe(500 - ran.size);
			}),
		);
	});

	it("adds up to the length of the trace", () => {
		fc.assert(
			fc.property(anyTrace, (spans) => {
				const model = modelOf(spans);
				const { byCategory, idleNs, wholeNs } = timeShares(model, criticalPath(model, 0), 0);
				expect(byCategory.reduce((sum, each) => sum + each, idleNs)).toBe(wholeNs);
			}),
		);
	});
});
