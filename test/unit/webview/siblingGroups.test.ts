import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TraceLayout } from "../../../webview/waterfall/layout.ts";
import { SiblingGroups } from "../../../webview/waterfall/siblingGroups.ts";
import { groupCode, isGroupCode, ordinalOfGroup, SpanTable } from "../../../webview/waterfall/spanTable.ts";
import { VisibleRows } from "../../../webview/waterfall/visibleRows.ts";
import { type TestSpan, TestTrace } from "./traceColumnsBuilder.ts";

/** A trace with its rows, as the model of the page has them, and a naive telling of what shall be on show. */
class Grouped {
	readonly trace = new TestTrace();
	readonly table = new SpanTable();
	readonly layout = new TraceLayout();
	readonly groups = new SiblingGroups(this.layout, this.table);
	readonly rows = new VisibleRows(this.layout, this.groups);
	readonly folded = new Set<number>();
	readonly open = new Set<number>();
	held = new Set<number>();

	constructor(spans: readonly TestSpan[]) {
		this.add(spans);
	}

	add(spans: readonly TestSpan[]): void {
		const change = this.table.apply(this.trace.add(spans));
		if (change === undefined) throw new Error("refused");
		if (change.isRestructured || !this.layout.append(change.addedFrom)) {
			this.layout.rebuild(this.table);
			this.rows.update();
			return;
		}
		const columns = spans.map(({ id }) => this.layout.rowOf(this.table.find(id)));
		this.rows.update(Math.min(this.layout.rowCount, ...columns));
	}

	/** Rows on show as text: two blanks a level, the head of a group by its first member and their number. */
	shown(): string[] {
		return Array.from({ length: this.rows.count }, (_, index) => {
			const row = this.rows.rowAt(index);
			const node = this.rows.nodeAt(index);
			const depth = this.layout.depth[row] + Number(this.rows.isMember(index));
			if (!isGroupCode(node)) return "  ".repeat(depth) + this.#label(row);
			const { first, end } = this.rows.membersOf(index);
			expect(this.layout.node[first]).toBe(ordinalOfGroup(node));
			return `${"  ".repeat(depth)}${this.rows.isFolded(node) ? "+" : "-"}${this.#label(row)} ×${end - first}`;
		});
	}

	/** The same by the letter of the rule, over the children of each parent. */
	expected(): string[] {
		const lines: string[] = [];
		const children = (parent: number): number[] => {
			const found: number[] = [];
			for (let row = 0; row < this.layout.rowCount; row++) if (this.layout.parentRow(row) === parent) found.push(row);
			return found;
		};
		const walk = (parent: number, depth: number): void => {
			const rows = children(parent);
			for (let i = 0; i < rows.length; ) {
				let end = i;
				while (end < rows.length && this.#likeness(rows[end]) === this.#likeness(rows[i])) end++;
				const indent = "  ".repeat(depth);
				if (this.groups.isOn && this.#likeness(rows[i]) !== undefined && end - i >= 5) {
					const isOpen = rows.slice(i, end).some((row) => this.open.has(this.layout.node[row]));
					lines.push(`${indent}${isOpen ? "-" : "+"}${this.#label(rows[i])} ×${end - i}`);
					if (isOpen) lines.push(...rows.slice(i, end).map((row) => `${indent}  ${this.#label(row)}`));
					i = end;
				} else {
					lines.push(indent + this.#label(rows[i]));
					if (!this.folded.has(this.layout.node[rows[i]])) walk(rows[i], depth + 1);
					i++;
				}
			}
		};
		walk(-1, 0);
		return lines;
	}

	/** What must be alike in a run; undefined for a row that is never in one. */
	#likeness(row: number): string | undefined {
		const node = this.layout.node[row];
		if (node < 0 || this.layout.childCount[row] > 0 || this.held.has(node) || this.layout.isStranded(node)) {
			return undefined;
		}
		const span = this.trace.spans[node];
		return span.end === undefined || span.isFailed === true ? undefined : `${span.name}/${span.kind}`;
	}

	#label(row: number): string {
		const node = this.layout.node[row];
		return node >= 0 ? this.table.idOf(node) : "(missing)";
	}
}

const calls = (count: number, parent = "root", from = 0, more: Partial<TestSpan> = {}): TestSpan[] =>
	Array.from({ length: count }, (_, i) => ({
		id: `${parent}.${from + i}`,
		parent,
		name: "read_file",
		kind: "tool",
		start: (from + i) * 10,
		end: (from + i) * 10 + 5,
		...more,
	}));

const root: TestSpan = { id: "root", name: "run", start: -1, end: 1000 };

describe("sibling groups", () => {
	it("fold five like leaves and leave four alone", () => {
		expect(new Grouped([root, ...calls(4)]).shown()).toEqual(["root", "  root.0", "  root.1", "  root.2", "  root.3"]);
		expect(new Grouped([root, ...calls(5)]).shown()).toEqual(["root", "  +root.0 ×5"]);
	});

	it("never hide what failed or runs: it parts the group", () => {
		const spans = [root, ...calls(20)];
		spans[8] = { ...spans[8], isFailed: true };
		spans[16] = { ...spans[16], end: undefined };
		expect(new Grouped(spans).shown()).toEqual([
			"root",
			"  +root.0 ×7",
			"  root.7",
			"  +root.8 ×7",
			"  root.15",
			"  root.16",
			"  root.17",
			"  root.18",
			"  root.19",
		]);
	});

	it("are parted by another name, another kind, and by what has children", () => {
		const spans = [root, ...calls(17)];
		spans[6] = { ...spans[6], name: "list_files" };
		spans[12] = { ...spans[12], kind: "fs_read" };
		expect(new Grouped(spans).shown().slice(1)).toEqual([
			"  +root.0 ×5",
			"  root.5",
			"  +root.6 ×5",
			"  root.11",
			"  +root.12 ×5",
		]);
		const parents = [root, ...calls(11), ...calls(1, "root.5")];
		expect(new Grouped(parents).shown().slice(1)).toEqual(["  +root.0 ×5", "  root.5", "    root.5.0", "  +root.6 ×5"]);
	});

	it("open and close, and stay open when they grow at either end or are parted", () => {
		const view = new Grouped([root, ...calls(6)]);
		const head = view.rows.nodeAt(1);
		expect(view.rows.isFolded(head)).toBe(true);
		view.rows.setFolded(head, false);
		view.rows.update();
		expect(view.shown().slice(1, 3)).toEqual(["  -root.0 ×6", "    root.0"]);
		view.add([...calls(1, "root", -1), ...calls(2, "root", 6)]);
		expect(view.shown()[1]).toBe("  -root.-1 ×9");
		// The code of the first member of before still finds the head.
		expect(view.rows.indexOfNode(head)).toBe(1);
		view.add([{ id: "fail", parent: "root", name: "read_file", kind: "tool", start: 25, end: 26, isFailed: true }]);
		expect(view.shown()).toEqual([
			"root",
			...["  root.-1", "  root.0", "  root.1", "  root.2", "  fail"],
			...["  -root.3 ×5", "    root.3", "    root.4", "    root.5", "    root.6", "    root.7"],
		]);
		expect(view.rows.indexOfNode(head)).toBe(2);
		view.rows.setFolded(view.rows.nodeAt(6), true);
		view.rows.update();
		expect(view.shown().at(-1)).toBe("  +root.3 ×5");
	});

	it("take in nothing that is held", () => {
		const view = new Grouped([root, ...calls(4)]);
		view.rows.hold(3, 5, undefined);
		view.add(calls(4, "root", 4));
		expect(view.shown().slice(1)).toEqual([..."01234567"].map((i) => `  root.${i}`));
		view.add([
			{ id: "next", parent: "root", name: "next", start: 500, end: 501 },
			{ id: "last", parent: "root", name: "last", start: 502, end: 503 },
		]);
		view.rows.hold(0, 0, undefined);
		// Nothing else has changed: the rows know that those which were held have.
		view.rows.update(view.layout.rowCount);
		expect(view.shown()).toEqual(["root", "  +root.0 ×8", "  next", "  last"]);
	});

	it("open for a member that is to be seen, and for all", () => {
		const view = new Grouped([root, ...calls(6)]);
		expect(view.rows.indexOfNode(3)).toBe(1);
		expect(view.rows.hiddenBy(1)).toEqual({ first: 1, end: 7 });
		expect(view.rows.reveal(3)).toBe(true);
		view.rows.update();
		expect(view.rows.nodeAt(view.rows.indexOfNode(3))).toBe(3);
		expect(view.rows.reveal(3)).toBe(false);
		view.rows.foldAll();
		view.rows.update();
		expect(view.shown()).toEqual(["root"]);
		view.rows.unfoldAll();
		view.rows.update();
		expect(view.shown()).toHaveLength(8);
		expect(view.groups.openGroups(10)).toEqual([1]);
		view.groups.isOn = false;
		view.rows.update();
		expect(view.rows.count).toBe(7);
		expect(view.rows.indexOfNode(groupCode(1))).toBe(1);
	});

	it("agree with the rule for any trace, folds, open groups and held rows, live", () => {
		const shape = fc.record({
			parent: fc.nat({ max: 9 }),
			isChild: fc.constantFrom(...Array(15).fill(true), false),
			name: fc.constantFrom(...Array(15).fill("a"), "b"),
			kind: fc.constantFrom(...Array(15).fill("tool"), "llm"),
			start: fc.integer({ min: 0, max: 30 }),
			state: fc.constantFrom(...Array(14).fill("done"), "running", "failed"),
		});
		const step = fc.oneof(
			{
				weight: 3,
				arbitrary: fc.record({ do: fc.constant("add" as const), shapes: fc.array(shape, { maxLength: 12 }) }),
			},
			{ weight: 1, arbitrary: fc.record({ do: fc.constant("finish" as const), at: fc.nat() }) },
			{ weight: 2, arbitrary: fc.record({ do: fc.constant("fold" as const), at: fc.nat() }) },
			{
				weight: 1,
				arbitrary: fc.record({ do: fc.constant("hold" as const), at: fc.nat(), length: fc.nat({ max: 6 }) }),
			},
			{ weight: 1, arbitrary: fc.record({ do: fc.constant("reveal" as const), at: fc.nat() }) },
			{ weight: 1, arbitrary: fc.record({ do: fc.constant("switch" as const) }) },
		);
		fc.assert(
			fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
				const view = new Grouped([root]);
				const spanOf = ({
					parent,
					isChild,
					name,
					kind,
					start,
					state,
				}: typeof shape extends fc.Arbitrary<infer T> ? T : never): TestSpan => {
					const count = view.trace.spans.length;
					return {
						id: `s${count}`,
						// Few parents, so that there are many siblings; sometimes one that is not here.
						parent: isChild ? (view.trace.spans[Math.max(0, parent - 7)]?.id ?? "root") : `gone${parent % 2}`,
						name,
						kind,
						// Mostly after all others, as live spans: those are appended, not laid out anew.
						start: start % 4 === 0 ? start : count + 40,
						end: state === "running" ? undefined : count + 41,
						isFailed: state === "failed",
					};
				};
				for (const each of steps) {
					const { rows } = view;
					switch (each.do) {
						case "add":
							for (const one of each.shapes) view.add([spanOf(one)]);
							break;
						case "finish": {
							const span = view.trace.spans[each.at % view.trace.spans.length];
							view.add([{ ...span, end: (span.start ?? 0) + 1, isFailed: false }]);
							break;
						}
						case "fold": {
							const node = rows.nodeAt(each.at % rows.count);
							const isFolded = !rows.isFolded(node);
							if (isGroupCode(node)) {
								const { first, end } = rows.membersOf(each.at % rows.count);
								for (let row = first; row < end; row++) {
									if (isFolded) view.open.delete(view.layout.node[row]);
									else view.open.add(view.layout.node[row]);
								}
							} else if (isFolded) view.folded.add(node);
							else view.folded.delete(node);
							rows.setFolded(node, isFolded);
							break;
						}
						case "hold": {
							const first = each.at % rows.count;
							const end = Math.min(rows.count, first + each.length);
							const held = Array.from({ length: end - first }, (_, i) => first + i)
								.filter((index) => !rows.isMember(index) && rows.nodeAt(index) >= 0)
								.map((index) => rows.nodeAt(index));
							rows.hold(first, end, undefined);
							view.held = new Set(held);
							break;
						}
						case "reveal": {
							const node = each.at % view.table.count;
							rows.reveal(node);
							rows.update();
							expect(rows.nodeAt(rows.indexOfNode(node))).toBe(node);
							for (let row = view.layout.rowOf(node); row >= 0; row = view.layout.parentRow(row)) {
								if (row !== view.layout.rowOf(node)) view.folded.delete(view.layout.node[row]);
							}
							if (rows.isMember(rows.indexOfNode(node))) {
								const { first, end } = rows.membersOf(rows.indexOfNode(node));
								for (let row = first; row < end; row++) view.open.add(view.layout.node[row]);
							}
							break;
						}
						case "switch":
							view.groups.isOn = !view.groups.isOn;
							break;
					}
					// From the first row that changed: what the rows themselves know of is theirs to remember.
					rows.update(each.do === "switch" ? 0 : view.layout.rowCount);
					expect(view.shown()).toEqual(view.expected());
					// Every row is on show or hidden by just one that is.
					const seen = new Map<number, number>();
					for (let index = 0; index < rows.count; index++) {
						const { first, end } = rows.hiddenBy(index);
						if (!rows.isHead(index)) seen.set(rows.rowAt(index), index);
						for (let row = first; row < end; row++) {
							expect(seen.has(row)).toBe(false);
							seen.set(row, index);
						}
						expect(rows.indexOfNode(rows.nodeAt(index))).toBe(index);
					}
					expect(seen.size).toBe(view.layout.rowCount);
					for (const [row, index] of seen) expect(rows.indexOfRow(row)).toBe(index);
				}
			}),
			{ numRuns: 300 },
		);
	});
});
