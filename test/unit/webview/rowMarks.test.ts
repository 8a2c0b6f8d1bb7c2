import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FilterState } from "../../../src/protocol/messages.ts";
import { lookOfKind } from "../../../webview/shared/kinds.ts";
import { parseDuration } from "../../../webview/waterfall/filter.ts";
import { TraceModel } from "../../../webview/waterfall/model.ts";
import { CATEGORIES, isFiltering } from "../../../webview/waterfall/rowMarks.ts";
import { TextQuery } from "../../../webview/waterfall/textQuery.ts";
import { TestHostTrace } from "../../webview/agentTrace.ts";
import type { TestSpan } from "./traceColumnsBuilder.ts";

const COUNT = 40;

const span = fc.record({
	/** Place of the parent in the list, itself for a root, past the end for one that never comes. */
	parent: fc.nat({ max: COUNT + 3 }),
	name: fc.constantFrom("read_file", "read_file", "Read", "plan", "İd", ""),
	kind: fc.constantFrom("llm_call", "tool", "retrieval", "agent"),
	model: fc.option(fc.constantFrom("gpt-4o", "READER"), { nil: undefined }),
	error: fc.option(fc.constantFrom("no such file"), { nil: undefined }),
	start: fc.nat({ max: 20 }),
	duration: fc.option(fc.nat({ max: 9 }), { nil: undefined }),
	isFailed: fc.boolean(),
	isFolded: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
	hasTextHit: fc.boolean(),
});
type Plan = typeof span extends fc.Arbitrary<infer T> ? T : never;

const filter: fc.Arbitrary<FilterState> = fc.record({
	kinds: fc.subarray(["model", "tool", "retrieval", "other"] as const),
	states: fc.subarray(["running", "completed", "failed"] as const),
	minDurationNs: fc.constantFrom(0, 0, 5),
});

function spansOf(plans: readonly Plan[]): TestSpan[] {
	return plans.map((plan, index) => ({
		id: `id-${index}-${plan.name}`,
		parent: plan.parent === index ? undefined : idOf(plans, plan.parent),
		name: plan.name,
		kind: plan.kind,
		model: plan.model,
		error: plan.isFailed ? plan.error : undefined,
		start: plan.start,
		end: plan.duration === undefined ? undefined : plan.start + plan.duration,
		isFailed: plan.isFailed,
	}));
}

function idOf(plans: readonly Plan[], index: number): string {
	return index < plans.length ? `id-${index}-${plans[index].name}` : `missing-${index}`;
}

/** What a search means, without any column. */
function holds(span: TestSpan, text: string, isCaseSensitive: boolean): boolean {
	const fold = (value: string) => (isCaseSensitive ? value : value.toLowerCase());
	const texts = [span.name, span.kind, span.model, span.error].filter((value) => value !== undefined);
	if (texts.some((value) => fold(value).includes(fold(text)))) return true;
	const id = span.id.toLowerCase();
	return id === text.toLowerCase() || (text.length >= 6 && id.startsWith(text.toLowerCase()));
}

function passes(span: TestSpan, { kinds, states, minDurationNs }: FilterState): boolean {
	const state = span.isFailed === true ? "failed" : span.end === undefined ? "running" : "completed";
	const category = CATEGORIES[lookOfKind(span.kind ?? "").category];
	const isLong = state === "running" || (span.end ?? Number.NaN) - (span.start ?? 0) >= minDurationNs;
	return (
		(kinds.length === 0 || kinds.includes(category)) &&
		(states.length === 0 || states.includes(state)) &&
		(minDurationNs === 0 || isLong)
	);
}

describe("what is searched and filtered", () => {
	it("agrees with a plain scan in hits, their order, and the rows on show, whatever is folded, grouped and still to come", () => {
		fc.assert(
			fc.property(
				fc.array(span, { minLength: 1, maxLength: COUNT }),
				fc.nat({ max: COUNT }),
				fc.constantFrom("read", "Read", "4O", "i\u0307", "no such", "id-1-pl", "nothing", "tool"),
				fc.boolean(),
				fc.boolean(),
				filter,
				fc.boolean(),
				fc.boolean(),
				(plans, early, text, isCaseSensitive, isMatchesOnly, wanted, isGrouping, isSearchedFirst) => {
					const host = new TestHostTrace();
					const all = spansOf(plans);
					const model = TraceModel.fromSnapshot(host.snapshot(all.slice(0, early)));
					if (model === undefined) throw new Error("refused");
					model.groups.isOn = isGrouping;
					const { marks, rows, layout, table } = model;
					marks.setQuery(new TextQuery(text, isCaseSensitive));
					marks.setFilter(wanted);
					marks.setMatchesOnly(isMatchesOnly);
					// What comes meanwhile is searched as well.
					if (isSearchedFirst) while (!marks.search(3));
					else marks.search(early % 9);
					// Of spans that are yet to come, too.
					marks.addTextHits(Uint32Array.from(plans.flatMap(({ hasTextHit }, index) => (hasTextHit ? [index] : []))));
					model.updateRows();
					if (early < all.length) expect(model.applyDelta(host.delta(all.slice(early)))).toBe(true);
					while (!marks.search(7));
					for (const [index, { isFolded }] of plans.entries()) if (isFolded) rows.setFolded(index, true);
					model.updateRows();

					const isHit = (ordinal: number) =>
						passes(all[ordinal], wanted) && (plans[ordinal].hasTextHit || holds(all[ordinal], text, isCaseSensitive));
					const order = Array.from({ length: layout.rowCount }, (_, row) => layout.node[row]);
					const hits = order.filter((node) => node >= 0 && isHit(node));
					expect(marks.hitCount).toBe(hits.length);
					expect(marks.passCount).toBe(all.filter((one) => passes(one, wanted)).length);
					for (const node of order) expect(marks.rankOf(node)).toBe(hits.indexOf(node) + 1);
					for (let row = -1; row < order.length; row++) {
						const behind = order.findIndex((node, at) => at > row && node >= 0 && isHit(node));
						expect(marks.nextHit(row, 1)).toBe(behind < 0 ? hits[0] : order[behind]);
						const before = order.findLastIndex((node, at) => at < row && node >= 0 && isHit(node));
						expect(marks.nextHit(row, -1)).toBe(before < 0 ? hits.at(-1) : order[before]);
					}

					const isWanted = (node: number) => node >= 0 && (isMatchesOnly ? isHit(node) : passes(all[node], wanted));
					const shown = Array.from({ length: rows.count }, (_, index) => rows.rowAt(index));
					const isMasked = isMatchesOnly || isFiltering(wanted);
					if (isMasked) {
						const isInside = (row: number, above: number) => row >= above && row < above + layout.size[above];
						const expected = order
							.map((_, row) => row)
							.filter((row) => order.some((node, at) => isInside(at, row) && isWanted(node)))
							.filter(
								(row) => !order.some((node, above) => above < row && isInside(row, above) && rows.isFolded(node)),
							);
						expect(shown).toEqual(expected);
						for (const [row, node] of order.entries()) {
							const place = shown.findLastIndex((at) => isInside(row, at));
							expect(rows.indexOfNode(node)).toBe(place);
							expect(marks.isDim(node)).toBe(!isWanted(node) || (hits.length > 0 && !isHit(node)));
						}
					}
					// Each hit is on show, or counted by just one row that hides it.
					const inView = shown.filter((row, index) => !rows.isHead(index) && marks.isHit(order[row])).length;
					const hidden = shown.map((_, index) => marks.hitsIn(rows.hiddenBy(index)));
					expect(inView + hidden.reduce((sum, count) => sum + count, 0)).toBe(hits.length);
					expect(table.count).toBe(all.length);
				},
			),
			{ numRuns: 150 },
		);
	});

	it("searches anew what changed, and forgets hits with the query", () => {
		const host = new TestHostTrace();
		const model = TraceModel.fromSnapshot(host.snapshot([{ id: "a", name: "one" }]));
		if (model === undefined) throw new Error("refused");
		const { marks } = model;
		marks.setQuery(new TextQuery("two", false));
		expect(marks.search(10)).toBe(true);
		model.updateRows();
		expect(marks.hitCount).toBe(0);
		model.applyDelta(host.delta([{ id: "a", name: "two" }]));
		expect(marks.hitCount).toBe(1);
		// Also while others wait.
		model.applyDelta(host.delta([{ id: "b", name: "four" }]));
		marks.setQuery(new TextQuery("five", false));
		while (marks.search(1) === false && !marks.isSearched) model.applyDelta(host.delta([{ id: "a", name: "five" }]));
		model.updateRows();
		expect(marks.hitCount).toBe(1);
		marks.setQuery(undefined);
		model.updateRows();
		expect([marks.hitCount, marks.isHit(0), marks.isDim(0)]).toEqual([0, false, false]);
	});
});

describe("a text that is searched for", () => {
	it("is parted from its surroundings where it stands, with other cases and signs of patterns", () => {
		const split = (text: string, wanted: string, isCaseSensitive = false) =>
			new TextQuery(wanted, isCaseSensitive).split(text);
		expect(split("search_docs.search", "SEARCH")).toEqual(["", "search", "_docs.", "search", ""]);
		expect(split("search", "SEARCH", true)).toEqual(["search"]);
		expect(split("a.b(c)[1]", "b(c)[")).toEqual(["a.", "b(c)[", "1]"]);
		fc.assert(
			fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary", minLength: 1 }), (text, wanted) => {
				const parts = split(text, wanted);
				expect(parts.join("")).toBe(text);
			}),
		);
	});
});

describe("parseDuration", () => {
	it.each([
		["", 0],
		["250", 250e6],
		["250 ms", 250e6],
		["1.5s", 1.5e9],
		["1,5 S", 1.5e9],
		["2 min", 120e9],
		["3µs", 3000],
		["7 ns", 7],
		["1 h", 3600e9],
		["fast", undefined],
		["-1 s", undefined],
		["1 parsec", undefined],
		["1e9", undefined],
	])("reads %j", (text, expected) => expect(parseDuration(text)).toBe(expected));
});
