import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceLayout } from "../../../webview/waterfall/layout.ts";
import { missingIndexOf, SpanTable } from "../../../webview/waterfall/spanTable.ts";
import { VisibleRows } from "../../../webview/waterfall/visibleRows.ts";
import { type TestSpan, TestTrace } from "./traceColumnsBuilder.ts";

interface View {
	readonly table: SpanTable;
	readonly layout: TraceLayout;
	readonly rows: VisibleRows;
}

function view(spans: readonly TestSpan[]): View {
	const table = new SpanTable();
	expect(table.apply(new TestTrace().add(spans))).toBeDefined();
	const layout = new TraceLayout();
	layout.rebuild(table);
	const rows = new VisibleRows(layout);
	rows.update();
	return { table, layout, rows };
}

/** Rows as text: two blanks a level, placeholders in parentheses, stranded spans with "!". */
function draw({ table, layout, rows }: View): string[] {
	return Array.from({ length: rows.count }, (_, index) => {
		const row = rows.rowAt(index);
		const node = layout.node[row];
		const label = node >= 0 ? table.idOf(node) : `(${table.missingParentId(missingIndexOf(node))})`;
		return "  ".repeat(layout.depth[row]) + label + (layout.isStranded(node) ? "!" : "");
	});
}

/** Everything of a layout that a reader can see, for comparing two of them. */
function facts({ table, layout }: View): unknown[] {
	return Array.from({ length: layout.rowCount }, (_, row) => {
		const node = layout.node[row];
		expect(layout.rowOf(node)).toBe(row);
		return [
			node >= 0 ? table.idOf(node) : `(${table.missingParentId(missingIndexOf(node))})`,
			layout.depth[row],
			layout.size[row],
			layout.childCount[row],
			layout.siblingIndex[row],
			layout.siblingCount(row),
			layout.parentRow(row),
		];
	});
}

/** Traces with every oddity: orphans, cycles, several roots, equal and unknown starts, children before their parents. */
const anyTrace = (maxSpans: number) =>
	fc.integer({ min: 0, max: maxSpans }).chain((count) =>
		fc
			.array(
				fc.record({
					parent: fc.option(fc.integer({ min: 0, max: count + 3 }), { nil: undefined, freq: 8 }),
					start: fc.oneof(
						{ weight: 8, arbitrary: fc.integer({ min: -5, max: 40 }) },
						{ weight: 2, arbitrary: fc.double() },
						{ weight: 1, arbitrary: fc.constant(undefined) },
					),
				}),
				{ minLength: count, maxLength: count },
			)
			.map((shapes) =>
				shapes.map(
					({ parent, start }, index): TestSpan => ({
						id: `s${String(index * 7919)
							.padStart(6, "0")
							.slice(-3)}-${index}`,
						parent:
							parent === undefined
								? undefined
								: parent < count
									? `s${String(parent * 7919)
											.padStart(6, "0")
											.slice(-3)}-${parent}`
									: `gone-${parent}`,
						start,
					}),
				),
			),
	);

describe("TraceLayout", () => {
	it("puts children below their parents, siblings by start, then by id", () => {
		const trace = view([
			{ id: "b", parent: "root", start: 20 },
			{ id: "d", parent: "root", start: 10 },
			{ id: "c", parent: "root", start: 10 },
			{ id: "root", start: 0 },
			{ id: "x", parent: "c", start: 11 },
			{ id: "late", parent: "root" },
		]);
		expect(draw(trace)).toEqual(["root", "  c", "    x", "  d", "  b", "  late"]);
	});

	it("gathers spans of one missing parent below one placeholder, where the earliest of them stands", () => {
		const trace = view([
			{ id: "first", start: 0 },
			{ id: "b", parent: "gone", start: 9 },
			{ id: "a", parent: "gone", start: 5 },
			{ id: "z", parent: "lost", start: 30 },
			{ id: "last", start: 20 },
		]);
		expect(draw(trace)).toEqual(["first", "(gone)", "  a", "  b", "last", "(lost)", "  z"]);
	});

	it("replaces a placeholder by the parent when it comes", () => {
		const trace = new TestTrace();
		const table = new SpanTable();
		const layout = new TraceLayout();
		const rows = new VisibleRows(layout);
		table.apply(trace.add([{ id: "child", parent: "root", start: 5 }]));
		layout.rebuild(table);
		rows.update();
		expect(draw({ table, layout, rows })).toEqual(["(root)", "  child"]);
		const change = table.apply(trace.add([{ id: "root", start: 0 }]));
		expect(change).toEqual({ addedFrom: 1, isRestructured: true });
		layout.rebuild(table);
		rows.update();
		expect(draw({ table, layout, rows })).toEqual(["root", "  child"]);
		expect(layout.rowOf(-2)).toBe(-1);
	});

	it("makes the members of a cycle roots, with what hangs on them", () => {
		const trace = view([
			{ id: "ok", start: 0 },
			{ id: "a", parent: "b", start: 3 },
			{ id: "b", parent: "c", start: 2 },
			{ id: "c", parent: "a", start: 1 },
			{ id: "hanger", parent: "b", start: 4 },
			{ id: "self", parent: "self", start: 9 },
		]);
		expect(draw(trace)).toEqual(["ok", "c!", "b!", "  hanger", "a!", "self!"]);
	});

	it("takes a chain of 20,000 and 20,000 siblings", () => {
		const chain = Array.from(
			{ length: 20_000 },
			(_, i): TestSpan => ({ id: `c${i}`, parent: i === 0 ? undefined : `c${i - 1}`, start: i }),
		);
		const deep = view(chain.reverse());
		expect(deep.layout.depth[19_999]).toBe(19_999);
		expect(deep.layout.size[0]).toBe(20_000);
		const wide = view([
			{ id: "root", start: 0 },
			...Array.from({ length: 20_000 }, (_, i): TestSpan => ({ id: `w${i}`, parent: "root", start: 20_000 - i })),
		]);
		expect(wide.layout.childCount[0]).toBe(20_000);
		expect(wide.table.idOf(wide.layout.node[1])).toBe("w19999");
	});

	it("shows every span exactly once, below its parent, with true depths and sizes", () => {
		fc.assert(
			fc.property(anyTrace(40), (spans) => {
				const { table, layout } = view(spans);
				const seen = new Set<number>();
				for (let row = 0; row < layout.rowCount; row++) {
					const node = layout.node[row];
					expect(seen.has(node)).toBe(false);
					seen.add(node);
					const parentRow = layout.parentRow(row);
					expect(parentRow).toBeLessThan(row);
					expect(layout.depth[row]).toBe(parentRow < 0 ? 0 : layout.depth[parentRow] + 1);
					if (node >= 0 && parentRow >= 0) expect(layout.node[parentRow]).toBe(table.parent[node]);
					if (node >= 0 && parentRow < 0) expect(table.parent[node] === -1 || layout.isStranded(node)).toBe(true);
					let end = row + 1;
					while (end < layout.rowCount && layout.depth[end] > layout.depth[row]) end++;
					expect(layout.size[row]).toBe(end - row);
				}
				expect([...seen].filter((node) => node >= 0)).toHaveLength(spans.length);
			}),
		);
	});

	it("gives the same rows in whatever order spans arrive", () => {
		fc.assert(
			fc.property(
				anyTrace(30).chain((spans) =>
					fc.tuple(fc.constant(spans), fc.shuffledSubarray(spans, { minLength: spans.length })),
				),
				([spans, shuffled]) => {
					expect(facts(view(shuffled))).toEqual(facts(view(spans)));
				},
			),
		);
	});

	it("gives the same rows appended piece by piece as laid out at once", () => {
		let appended = 0;
		fc.assert(
			fc.property(anyTrace(60), fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 30 }), (spans, cuts) => {
				const trace = new TestTrace();
				const table = new SpanTable();
				const layout = new TraceLayout();
				const rows = new VisibleRows(layout);
				// Mostly in order of start, as live spans come.
				const arriving = spans.toSorted((a, b) => (a.start ?? 99) - (b.start ?? 99));
				let at = 0;
				for (const cut of [Math.ceil(spans.length / 2), ...cuts, spans.length]) {
					const change = table.apply(trace.add(arriving.slice(at, at + cut)));
					at = Math.min(arriving.length, at + cut);
					if (change === undefined) throw new Error("refused");
					if (change.isRestructured || !layout.append(change.addedFrom)) layout.rebuild(table);
					else appended++;
					const whole = new TraceLayout();
					whole.rebuild(table);
					expect(facts({ table, layout, rows })).toEqual(facts({ table, layout: whole, rows }));
				}
			}),
			{ numRuns: 300 },
		);
		expect(appended).toBeGreaterThan(100);
	});

	it("appends below several parents, in a tree of new spans, without a rebuild", () => {
		const trace = new TestTrace();
		const table = new SpanTable();
		const layout = new TraceLayout();
		const rows = new VisibleRows(layout);
		const start: TestSpan[] = [
			{ id: "r1", start: 0 },
			{ id: "a", parent: "r1", start: 1 },
			{ id: "b", parent: "a", start: 2 },
			{ id: "r2", start: 3 },
			{ id: "c", parent: "r2", start: 4 },
		];
		for (let i = 0; i < 40; i++) start.push({ id: `pad${i}`, parent: "c", start: 5 + i });
		table.apply(trace.add(start));
		layout.rebuild(table);
		const change = table.apply(
			trace.add([
				{ id: "b2", parent: "b", start: 50 },
				{ id: "a2", parent: "r1", start: 51 },
				{ id: "new", parent: "r2", start: 52 },
				{ id: "newer", parent: "new", start: 53 },
				{ id: "newest", parent: "newer", start: 54 },
				{ id: "r3", start: 60 },
			]),
		);
		expect(layout.append(change?.addedFrom ?? 0)).toBe(true);
		rows.update();
		expect(draw({ table, layout, rows }).filter((line) => !line.includes("pad"))).toEqual([
			"r1",
			"  a",
			"    b",
			"      b2",
			"  a2",
			"r2",
			"  c",
			"  new",
			"    newer",
			"      newest",
			"r3",
		]);
	});
});

describe("VisibleRows", () => {
	it("hides exactly the descendants of folded nodes", () => {
		fc.assert(
			fc.property(anyTrace(40), fc.func(fc.boolean()), (spans, isFolded) => {
				const { layout, rows } = view(spans);
				for (let row = 0; row < layout.rowCount; row++) rows.setFolded(layout.node[row], isFolded(row));
				rows.update();
				const expected: number[] = [];
				for (let row = 0; row < layout.rowCount; row++) {
					let isHidden = false;
					for (let above = layout.parentRow(row); above >= 0; above = layout.parentRow(above)) {
						if (isFolded(above)) isHidden = true;
					}
					if (!isHidden) expected.push(row);
				}
				expect(Array.from({ length: rows.count }, (_, index) => rows.rowAt(index))).toEqual(expected);
				for (const [index, row] of expected.entries()) expect(rows.indexOfRow(row)).toBe(index);
			}),
		);
	});

	it("finds the folded row that hides another, and reveals it", () => {
		const trace = view([
			{ id: "root", start: 0 },
			{ id: "a", parent: "root", start: 1 },
			{ id: "deep", parent: "a", start: 2 },
			{ id: "b", parent: "root", start: 3 },
		]);
		trace.rows.foldAll();
		trace.rows.update();
		expect(draw(trace)).toEqual(["root"]);
		expect(trace.rows.indexOfNode(2)).toBe(0);
		expect(trace.rows.reveal(2)).toBe(true);
		trace.rows.update();
		expect(draw(trace)).toEqual(["root", "  a", "    deep", "  b"]);
		trace.rows.foldAll();
		trace.rows.unfoldAll();
		trace.rows.update();
		expect(trace.rows.count).toBe(4);
	});
});
