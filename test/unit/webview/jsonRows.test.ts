import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonRows, RowKind } from "../../../webview/spanDetail/jsonRows.ts";
import { rowWindow, scrollTopFor } from "../../../webview/spanDetail/rowWindow.ts";

const SAMPLE = {
	model: "gpt-4o",
	messages: [{ role: "user", "the content": "Hi" }, { role: "tool" }],
	n: 1.5,
	ok: true,
	no: null,
};

function shown(rows: JsonRows): string[] {
	return [...rows.visible.subarray(0, rows.visibleCount)].map((row) => rows.pathOf(row));
}

describe("rows of a JSON value", () => {
	it("stand in the order of the document, with paths", () => {
		expect(shown(new JsonRows(SAMPLE, 9))).toEqual([
			"$",
			"$.model",
			"$.messages",
			"$.messages[0]",
			"$.messages[0].role",
			'$.messages[0]["the content"]',
			"$.messages[1]",
			"$.messages[1].role",
			"$.n",
			"$.ok",
			"$.no",
		]);
	});

	it("fold and unfold, and a hidden row can be revealed", () => {
		const rows = new JsonRows(SAMPLE, 1);
		expect(shown(rows)).toEqual(["$", "$.model", "$.messages", "$.n", "$.ok", "$.no"]);
		const [content] = rows.find("the CONTENT");
		expect(rows.placeOf(content)).toBe(-1);
		rows.reveal(content);
		expect(rows.placeOf(content)).toBe(5);
		rows.setAllFolded(true);
		expect(shown(rows)).toHaveLength(6);
		rows.openSiblings(1);
		expect(shown(rows)).toContain("$.messages[1]");
		rows.setAllFolded(false);
		expect(rows.visibleCount).toBe(rows.count);
	});

	it("are found by name and by value, not by index", () => {
		const rows = new JsonRows(SAMPLE, 9);
		const paths = (text: string) => [...rows.find(text)].map((row) => rows.pathOf(row));
		expect(paths("role")).toEqual(["$.messages[0].role", "$.messages[1].role"]);
		expect(paths("1.5")).toEqual(["$.n"]);
		expect(paths("null")).toEqual(["$.no"]);
		expect(paths("0")).toEqual([]);
		expect(paths("")).toEqual([]);
	});

	it("hold every value once, below the container that has it", () => {
		fc.assert(
			fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(4), (value, openDepth) => {
				const rows = new JsonRows(value, openDepth);
				const follow = (row: number): unknown => {
					if (rows.parents[row] === -1) return value;
					return (follow(rows.parents[row]) as Record<string | number, unknown>)[rows.keys[row] as string];
				};
				for (let row = 0; row < rows.count; row++) {
					expect(rows.values[row]).toBe(follow(row));
					expect(rows.kinds[row] <= RowKind.array).toBe(
						typeof rows.values[row] === "object" && rows.values[row] !== null,
					);
				}
				rows.setAllFolded(false);
				expect(rows.visibleCount).toBe(rows.count);
				expect(rows.ends[0]).toBe(rows.count);
			}),
		);
	});

	it("end on a value as deep as JSON.parse allows, and refuse more rows than a page can hold", () => {
		const deep = new JsonRows(JSON.parse("[".repeat(5_000) + "]".repeat(5_000)), 3);
		expect(deep.count).toBe(5_000);
		expect(deep.visibleCount).toBe(4);
		const long = new JsonRows(new Array(1_000_000).fill(0), 1);
		expect([long.isTooLong, long.count]).toEqual([true, 0]);
	});
});

describe("the rows in view", () => {
	it("cover the view, whatever was scrolled, and never more than there are", () => {
		fc.assert(
			fc.property(fc.nat(5_000_000), fc.nat(2_000), fc.nat(200_000), (scrollTop, height, count) => {
				const { from, to } = rowWindow(scrollTop, height, 22, count);
				expect(from).toBeGreaterThanOrEqual(0);
				expect(to).toBeLessThanOrEqual(count);
				expect(to - from).toBeLessThan(height / 22 + 25);
				const first = Math.floor(scrollTop / 22);
				if (first < count) expect(from <= first && first < to).toBe(true);
			}),
		);
	});

	it("are scrolled no further than a row needs", () => {
		expect(scrollTopFor(3, 0, 220, 22)).toBe(0);
		expect(scrollTopFor(10, 0, 220, 22)).toBe(22);
		expect(scrollTopFor(2, 100, 220, 22)).toBe(44);
	});
});

describe("the way to a row", () => {
	it("leads to it and nowhere else, whatever the names", () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				const rows = new JsonRows(value, 99);
				for (let row = 0; row < rows.count; row++) expect(rows.rowAt(rows.keysTo(row))).toBe(row);
				expect(rows.rowAt(["no such name", 0])).toBe(-1);
			}),
		);
		expect(new JsonRows([1], 9).rowAt(["0"])).toBe(-1);
	});

	it("takes many folds at once as one by one", () => {
		const all = new JsonRows(SAMPLE, 9);
		const one = new JsonRows(SAMPLE, 9);
		const folds = [
			[all.rowAt(["messages"]), true],
			[all.rowAt(["messages", 0]), true],
			[all.rowAt(["n"]), true],
		] as const;
		all.setFolds(folds);
		for (const [row, isFolded] of folds) one.setFolded(row, isFolded);
		expect(shown(all)).toEqual(shown(one));
	});
});
